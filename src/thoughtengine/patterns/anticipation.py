"""Anticipation: from what the sequences expect to predictions with a time and reasons."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from thoughtengine._types import FloatArray, IntArray
from thoughtengine.patterns.beat import DAY, Beat
from thoughtengine.patterns.finders import CONCEPT, TAG
from thoughtengine.patterns.pattern import Prediction, recurring, spoken, weekdays_named
from thoughtengine.patterns.sequences import Next
from thoughtengine.patterns.telling import Telling
from thoughtengine.patterns.trust import pattern_id

__all__ = ["ByRhythm", "Foreseen", "predictions"]

_KEPT = 0.99  # at most, of what always comes
_LATE = 0.5  # how probable it is that something comes first again, below which what was missed comes late or not at all
_SURE = 3  # times after which the pause between two things tells more than a rhythm


class Foreseen(NamedTuple):
    """A prediction, the hash of what it expects, when that was to come by the clock on the wall, and how far that may be off."""

    key: int
    told: Prediction
    due: int | None
    tolerance: int


class ByRhythm:
    """What comes next by rhythms alone: of what came lately in an episode or source, each when it is due.

    Parameters
    ----------
    telling : Telling
        Knows rhythms.
    keys : iterable of int
        Hashes of what came lately, 0 for nothing.
    moment : int
        From when on, in microseconds of the clock on the wall.
    """

    def __init__(self, telling: Telling, keys: Iterable[int], moment: int) -> None:
        beats = ((key, telling.beat(key)) for key in dict.fromkeys(keys) if key)
        self._due = {key: (beat, beat.awaited(moment / 1e6)) for key, beat in beats if beat is not None}

    def first(self, key: int, due: float) -> float:
        """Return how probable it is that nothing else comes before something that is due at a moment, in seconds."""
        others = ((beat, at) for other, (beat, at) in self._due.items() if other != key)
        return math.prod(1.0 - min(beat.kept, _KEPT) for beat, at in others if at < due - beat.tolerance)

    def shares(self, symbols: IntArray) -> FloatArray:
        """Return how probable each of some symbols is by its rhythm."""
        shares = {key: min(beat.kept, _KEPT) * self.first(key, due) for key, (beat, due) in self._due.items()}
        return np.array([shares.get(symbol, 0.0) for symbol in symbols.tolist()])


def predictions(
    telling: Telling,
    found: Next,
    history: IntArray,
    rhythms: ByRhythm,
    base: int,
    lag: float | None,
    asked: int,
    present: int,
    dated: Callable[[int], dt.datetime],
) -> Iterator[Foreseen]:
    """Yield what may come next, most probable first.

    Parameters
    ----------
    telling : Telling
        Knows names and rhythms.
    found : Next
        As `Sequences.next` tells it.
    history : array of int64, shape (DEPTH,)
        What it was told from.
    rhythms : ByRhythm
        Of what came lately, from the moment that is asked about, if it was waited for.
    base : int
        The moment from which on something is waited for, in microseconds of the clock on the wall.
    lag : float or None
        Seconds after which something usually follows.
    asked : int
        The moment that is asked about: nothing is expected before.
    present : int
        The moment it is now: nothing after it was missed.
    dated : callable
        Gives the date of a moment of the clock on the wall.

    Notes
    -----
    Where a rhythm is a reason, the moment is one of the rhythm: that of the usual pause where it is one, else the next; of what
    is late, and before whose next moment something else comes, the one that is past: it comes late, if it is what comes next.
    """
    last = telling.name(int(history[0])) if history[0] else None
    for i, key, chance in _apart(telling, found):
        kind, what = telling.finders.names.get(key, ("", ""))[0], telling.name(key)
        if kind not in (TAG, CONCEPT) or what is None:
            continue
        n, wait, beat = int(found.supports[i]), float(found.lags[i]), telling.beat(key)
        pause = wait if n >= _SURE else None if beat else wait if n else lag
        due = None if pause is None or not math.isfinite(pause) else base + round(pause * 1e6)
        if beat is not None and (due is None or due < asked or not beat.near(due / 1e6)):
            missed, awaited = beat.missed(base / 1e6, min(asked, present) / 1e6), beat.awaited(max(base, asked) / 1e6)
            late = missed is not None and rhythms.first(key, awaited) < _LATE
            due = round((missed if missed is not None and late else awaited) * 1e6)
        yield Foreseen(key, Prediction(
            what, "tag" if kind == TAG else "concept", chance, _time(due, asked, dated),
            _because(last, n, found.n_last, wait, beat, alone=not history[1]),
            pattern_id("sequence", *(int(one) for one in history[:1] if one), key),
        ), due, round(beat.tolerance * 1e6) if beat is not None and beat.hours else 0)  # fmt: skip


def _because(last: str | None, n: int, n_last: int, wait: float, beat: Beat | None, *, alone: bool) -> str:
    """Return what speaks for something to come."""
    reasons = []
    if n and last is not None:
        after = f", after {spoken(wait)}" if wait >= 1.0 else ""
        reasons.append(f"followed {last!r} {n:,} of {n_last:,} times{after}")
    if beat is not None:
        reasons.append(f"comes {_how_often(beat)}")
    return "; ".join(reasons) or ("is frequent" if last is None or alone else "came after the ones before")


def _how_often(beat: Beat) -> str:
    if beat.words:
        return beat.words
    often, on = recurring(beat.period, 1.0), f"on {weekdays_named(beat.weekdays)}" if len(beat.weekdays) > 1 else ""
    return (on if beat.period == DAY else f"{often}, {on}") if on else often


def _apart(telling: Telling, found: Next) -> list[tuple[int, int, float]]:
    """Return place, hash and chance of what may come next, clusters of one concept together, most probable first."""
    places, chances = dict[int, int](), dict[int, float]()
    for i, (key, chance) in enumerate(zip(found.symbols.tolist(), found.probabilities.tolist(), strict=True)):
        one = telling.concept_key(key)
        places.setdefault(one, i)
        chances[one] = chances.get(one, 0.0) + chance
    order = sorted(chances, key=lambda one: (-chances[one], places[one]))
    return [(places[one], int(found.symbols[places[one]]), min(chances[one], 1.0)) for one in order]


def _time(due: int | None, asked: int, dated: Callable[[int], dt.datetime]) -> dt.datetime | None:
    if due is None:
        return None
    try:
        return dated(max(due, asked))
    except (OverflowError, ValueError):
        return None
