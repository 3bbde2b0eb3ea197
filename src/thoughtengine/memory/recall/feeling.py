"""Feeling: how things stand with someone or something, from the affect of memories that stand, the present counting most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import attrs
import numpy as np

from thoughtengine._types import FloatArray
from thoughtengine.memory.experience import LAYERS, Memory
from thoughtengine.memory.index.view import View
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.recall.ranking import Ranking
from thoughtengine.memory.where import Choice, Where

__all__ = ["HALF_LIFE", "LATEST", "READ", "TOPIC", "Feeling", "Felt", "feel", "felt_about", "felt_named", "t_quantile"]

HALF_LIFE = 8.0
"""Memories after which one counts half: counted, not timed, so that a chat and a diary are alike."""

LATEST = 256
"""Memories with affect that are looked at, the latest: the next one would weigh 2 to the power of -32."""

READ = 10_000
"""Memories that are read at most to find those with affect: the latest of a name, the best of a topic."""

TOPIC = 0.5
"""Share of the best score from which on a memory belongs to a topic."""

_DAY = 86_400_000_000
_SHOWN = 5
_CLEAR = 0.1  # valence from which on it is called good or bad


class Felt(NamedTuple):
    """The affect of one memory: `at` in microseconds since 1970, `share` how far it is about the matter, in (0, 1]."""

    id: int
    at: int
    valence: float
    arousal: float
    share: float = 1.0


@attrs.frozen(repr=False)
class Feeling:
    """How things stand with a source, a tag or a topic. False where nothing is known; as `str`, a sentence.

    Attributes
    ----------
    about : str
        What was asked about.
    valence : float
        Pleasantness in [-1, 1], the present counting most; 0 where nothing is known.
    arousal : float
        Activation in [0, 1], likewise.
    n : int
        Memories with affect that it rests on, at most 256.
    trend : float
        Change of valence per day; 0 where it cannot be told from chance (5 %).
    interval : tuple of float
        95 % confidence interval of the valence; from -1 to 1 where fewer than two memories speak.
    because : tuple of int
        Ids of up to five memories that speak most for this valence, the weightiest first.
    """

    about: str
    valence: float = 0.0
    arousal: float = 0.0
    n: int = 0
    trend: float = 0.0
    interval: tuple[float, float] = (-1.0, 1.0)
    because: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return self.n > 0

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"Feeling({self.about!r}, valence={self.valence:.2f}, arousal={self.arousal:.2f}, n={self.n}, "
            f"trend={self.trend:.2g}, interval=({low:.2f}, {high:.2f}), because={self.because})"
        )

    def __str__(self) -> str:
        if not self.n:
            return f"{self.about}: nothing is known of how it feels"
        low, high = self.interval
        way = "rising" if self.trend > 0 else "falling" if self.trend < 0 else "no clear trend"
        memories = "1 memory" if self.n == 1 else f"{self.n} memories"
        ids = " ".join(f"[{id_}]" for id_ in self.because)
        return (
            f"{self.about}: {self._tone()} ({self.valence:+.2f}, 95 % between {low:+.2f} and {high:+.2f}), "
            f"arousal {self.arousal:.2f}, {way}, from {memories}: {ids}"
        )

    def _tone(self) -> str:
        if abs(self.valence) < _CLEAR:
            return "neither good nor bad"
        low, high = self.interval
        return ("perhaps " if low <= 0.0 <= high else "") + ("good" if self.valence > 0 else "bad")


Read = Callable[[int], Memory | None]


def felt_named(view: View, about: str, where: Where, now: int, read: Read) -> list[Felt] | None:
    """Return the latest affects of memories from a source, or with a tag, of this very name; None for no such name.

    Parameters
    ----------
    view : View
        The index.
    about : str
        The name.
    where : Where
        Which memories count.
    now : int
        Microseconds since 1970.
    read : callable
        Id → memory, None where it is gone.
    """
    every, name = frozenset(range(len(LAYERS))), Choice(frozenset({about}))
    by_source, by_tag = Where(layers=every, sources=name), Where(layers=every, tags=name)
    named = np.union1d(view.select(by_source, now), view.select(by_tag, now))
    if not len(named):
        return None
    named = np.intersect1d(named, view.select(where, now), assume_unique=True)
    latest = view.ids[named[np.argsort(view.columns.at[named], kind="stable")[::-1]]][:READ]
    return list(islice(_felt(((id_, 1.0) for id_ in latest.tolist()), read), LATEST))


def felt_about(ranking: Ranking, view: View, read: Read) -> list[Felt]:
    """Return the latest affects of what a recall of a topic found, each repeat by itself, as far as it scores half of the best.

    Parameters
    ----------
    ranking : Ranking
        Of the topic, repeats not folded.
    view : View
        The index it was ranked in.
    read : callable
        Id → memory, None where it is gone.
    """
    if not len(ranking.ids):
        return []
    shares = ranking.scores / ranking.scores[0]
    about = np.flatnonzero(shares >= TOPIC)
    latest = about[np.argsort(view.columns.at[ranking.places[about]], kind="stable")[::-1]]
    return list(islice(_felt(zip(ranking.ids[latest].tolist(), shares[latest].tolist(), strict=True), read), LATEST))


def _felt(ids: Iterable[tuple[int, float]], read: Read) -> Iterator[Felt]:
    for id_, share in ids:
        memory = read(id_)
        if memory is not None and memory.affect is not None and memory.superseded_by is None:
            at, _ = to_stored("at", memory.at)
            yield Felt(id_, at, memory.affect.valence, memory.affect.arousal, share)


def feel(about: str, felt: Sequence[Felt], *, half_life: float = HALF_LIFE) -> Feeling:
    """Sum up how things stand.

    Parameters
    ----------
    about : str
        What was asked about.
    felt : sequence of Felt
        In any order.
    half_life : float
        Memories after which one counts half, above 0.

    Notes
    -----
    The interval takes the memories for independent and their effective number for n: (Σw)² / Σw², after Kish (1965).

    Examples
    --------
    >>> print(feel("Dana", [Felt(4, 0, 0.6, 0.2), Felt(7, 1, 0.8, 0.4)]))
    Dana: perhaps good (+0.70, 95 % between -0.57 and +1.00), arousal 0.30, no clear trend, from 2 memories: [7] [4]
    """
    if not felt:
        return Feeling(about)
    ordered = sorted(felt, key=lambda one: (one.at, one.id))[-LATEST:]
    valence, arousal = (np.array([one[column] for one in ordered]) for column in (2, 3))
    weights = 0.5 ** (np.arange(len(ordered))[::-1] / half_life) * [one.share for one in ordered]
    weights /= weights.sum()
    mean = float(weights @ valence)
    pull = weights * valence * (1.0 if mean >= 0.0 else -1.0)
    strongest = sorted(range(len(ordered)), key=lambda i: (-pull[i], -i))
    because = [ordered[i].id for i in strongest if pull[i] > 0.0 or mean == 0.0][:_SHOWN]
    days = np.array([one.at - ordered[0].at for one in ordered]) / _DAY
    return Feeling(
        about, mean, float(weights @ arousal), len(ordered), _trend(days, valence), _interval(valence, weights, mean),
        tuple(because),
    )  # fmt: skip


def _interval(valence: FloatArray, weights: FloatArray, mean: float) -> tuple[float, float]:
    n = 1.0 / float(weights @ weights)
    if len(valence) < 2 or n <= 1.0:
        return -1.0, 1.0
    spread = float(weights @ (valence - mean) ** 2) * n / (n - 1.0)
    reach = t_quantile(n - 1.0) * math.sqrt(spread / n)
    return max(-1.0, mean - reach), min(1.0, mean + reach)


def _trend(days: FloatArray, valence: FloatArray) -> float:
    """Return the slope of the least-squares line, 0 where zero lies in its 95 % interval."""
    n, apart = len(days), float(((days - days.mean()) ** 2).sum())
    if n < 3 or apart == 0.0:
        return 0.0
    slope = float((days - days.mean()) @ (valence - valence.mean())) / apart
    rest = valence - valence.mean() - slope * (days - days.mean())
    error = math.sqrt(float(rest @ rest) / (n - 2) / apart)
    return slope if abs(slope) > t_quantile(n - 2.0) * error + 1e-12 else 0.0


def t_quantile(degrees: float) -> float:
    """Return the 97.5 % quantile of Student's t: half the width of a 95 % interval in standard errors.

    Parameters
    ----------
    degrees : float
        Degrees of freedom; below 1 it is that of 1.

    Notes
    -----
    With t = √ν tan θ the density is that of cos(θ) to the power of ν - 1, summed here by the trapezoidal rule: SciPy would
    be a dependency for one number.

    Examples
    --------
    >>> [round(t_quantile(n), 3) for n in (1.0, 2.0, 10.0)]
    [12.706, 4.303, 2.228]
    """
    degrees = max(degrees, 1.0)
    angles = np.linspace(0.0, math.pi / 2, 4097)
    density = np.cos(angles) ** (degrees - 1.0)
    inside = np.concatenate(([0.0], np.cumsum(density[1:] + density[:-1])))
    return math.sqrt(degrees) * math.tan(float(np.interp(0.95, inside / inside[-1], angles)))
