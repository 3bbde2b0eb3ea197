"""Anticipation: from what the sequences expect to predictions with a time and reasons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from thoughtengine._types import IntArray
from thoughtengine.memory.moment import from_stored
from thoughtengine.patterns.finders import CONCEPT, TAG
from thoughtengine.patterns.pattern import Prediction, recurring, spoken
from thoughtengine.patterns.sequences import Next
from thoughtengine.patterns.telling import Telling
from thoughtengine.patterns.trust import pattern_id

__all__ = ["predictions"]

_SURE = 3  # times after which the pause between two things tells more than a rhythm


def predictions(
    telling: Telling, found: Next, history: IntArray, base: int, lag: float | None, asked: int
) -> Iterator[tuple[int, Prediction]]:
    """Yield what may come next and its hash, most probable first.

    Parameters
    ----------
    telling : Telling
        Knows names and rhythms.
    found : Next
        As `Sequences.next` tells it.
    history : array of int64, shape (DEPTH,)
        What it was told from.
    base : int
        The moment from which on something is waited for, in microseconds of the clock on the wall.
    lag : float or None
        Seconds after which something usually follows.
    asked : int
        The moment that is asked about: nothing is expected before.
    """
    last, rhythms = telling.name(int(history[0])) if history[0] else None, telling.beats()
    for i, key, chance in _apart(telling, found):
        kind, what = telling.finders.names.get(key, ("", ""))[0], telling.name(key)
        if kind not in (TAG, CONCEPT) or what is None:
            continue
        n, wait = int(found.supports[i]), float(found.lags[i])
        rhythm = rhythms.get(key)
        seconds = wait if n >= _SURE else None if rhythm else wait if n else lag
        if seconds is None and rhythm:
            seconds = _until(max(base, asked), rhythm) + max(asked - base, 0) / 1e6
        if seconds is not None and asked > base:
            seconds = max(seconds, (asked - base) / 1e6)
        yield key, Prediction(
            what, "tag" if kind == TAG else "concept", chance, _time(base, seconds, telling.finders.offset),
            _because(last, n, found.n_last, wait, rhythm),
            pattern_id("sequence", *(int(one) for one in history[:1] if one), key),
        )  # fmt: skip


def _because(last: str | None, n: int, n_last: int, wait: float, rhythm: tuple[float, float] | None) -> str:
    """Return what speaks for something to come."""
    reasons = []
    if n and last is not None:
        after = f", after {spoken(wait)}" if wait >= 1.0 else ""
        reasons.append(f"followed {last!r} {n:,} of {n_last:,} times{after}")
    if rhythm is not None:
        reasons.append(f"comes {recurring(rhythm[0], 1.0)}")
    return "; ".join(reasons) or ("came after the ones before" if last is not None else "is frequent")


def _apart(telling: Telling, found: Next) -> list[tuple[int, int, float]]:
    """Return place, hash and chance of what may come next, clusters of one concept together, most probable first."""
    places, chances = dict[int, int](), dict[int, float]()
    for i, (key, chance) in enumerate(zip(found.symbols.tolist(), found.probabilities.tolist(), strict=True)):
        one = telling.concept_key(key)
        places.setdefault(one, i)
        chances[one] = chances.get(one, 0.0) + chance
    order = sorted(chances, key=lambda one: (-chances[one], places[one]))
    return [(places[one], int(found.symbols[places[one]]), min(chances[one], 1.0)) for one in order]


def _time(base: int, seconds: float | None, offset: int) -> dt.datetime | None:
    if seconds is None or not np.isfinite(seconds):
        return None
    try:
        return from_stored(base - offset * 1_000_000 + round(seconds * 1e6), offset)
    except (OverflowError, ValueError):
        return None


def _until(base: int, rhythm: tuple[float, float]) -> float:
    """Return the seconds from a moment to the next peak of a rhythm."""
    period, phase = rhythm
    start = 345_600.0 if period % 604_800 == 0 else 0.0
    return (phase + start - base / 1e6) % period
