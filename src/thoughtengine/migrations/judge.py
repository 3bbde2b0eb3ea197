"""Judge: whether an upgrade does its host no harm: by pairs of windows with it at work and at rest, and by how calls ended."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence

from thoughtengine._types import SPREAD_STEPS, Calls
from thoughtengine.migrations.report import Criterion

__all__ = ["Windows", "calls_judged", "criteria"]

_BEARABLE = 0.9  # share of the host's throughput at rest that it must have at work
_LONGER, _ANYWAY_SECONDS, _SLOWEST = (
    1.1,
    0.001,
    0.99,
)  # what the slowest hundredth of its calls may take longer, and may anyway
_FAILING, _AVAILABLE = 0.001, 0.999  # share of calls that may fail, and share that must be let through
_PAIRS, _ENOUGH_CALLS = 20, 1000
_STRIKES, _REMEMBERED, _FEWEST = 3, 1000, 3
_FULL_DUTY, _LEAST_DUTY, _FASTER = 0.1, 0.01, 1.25
_CONFIDENCE = 1.96  # of a normal quantile, two-sided 95 %


class Windows:
    """Ratios of the host's throughput in pairs of windows, and the share of the time that follows from them.

    A tenth less at work than at rest halves the share; that is steering. Every twenty pairs are a gate: where all but a few of
    them (a sign test, 95 %) lie below the limit, it fails, and at the third in a row the upgrade must go back.

    Attributes
    ----------
    strikes : int
        Gates that failed one after the other.
    """

    def __init__(self) -> None:
        self.strikes = 0
        self._recent: deque[float] = deque(maxlen=_PAIRS)  # since the share was last halved
        self._gate: list[float] = []
        self._all: deque[float] = deque(maxlen=_REMEMBERED)
        self._spreads = [0] * SPREAD_STEPS, [0] * SPREAD_STEPS  # of all calls at work, and at rest
        self._n_slower = self._n_timed = 0

    def add(self, ratio: float, working: Calls | None = None, resting: Calls | None = None) -> None:
        """Note a pair: throughput at work by throughput at rest, and the calls of both windows."""
        if working is not None and resting is not None:
            self._time(working, resting)
        self._recent.append(ratio)
        self._all.append(ratio)
        self._gate.append(ratio)
        if len(self._gate) == _PAIRS:
            self.strikes = self.strikes + 1 if interval(self._gate)[1] < _BEARABLE else 0
            self._gate = []

    def _time(self, working: Calls, resting: Calls) -> None:
        on, off = working.percentile(_SLOWEST), resting.percentile(_SLOWEST)
        if on is None or off is None:
            return
        self._n_timed += 1
        self._n_slower += on > _bound(off)
        for spread, calls in zip(self._spreads, (working, resting), strict=True):
            for step, n in enumerate(calls.spread):
                spread[step] += n

    @property
    def failed(self) -> bool:
        """Whether three gates in a row failed."""
        return self.strikes >= _STRIKES

    def steered(self, duty: float) -> float:
        """Return the share of the time that follows from the latest pairs."""
        middle = statistics.median(self._recent) if self._recent else 1.0
        if middle < _BEARABLE and len(self._recent) >= _FEWEST:
            self._recent.clear()
            return max(_LEAST_DUTY, duty / 2)
        return min(_FULL_DUTY, duty * _FASTER) if middle > _BEARABLE else duty

    def criterion(self) -> Criterion:
        """Judge all pairs: met where their median reaches the limit, missed where that cannot be by chance."""
        n, verdict = len(self._all), "not judged"
        middle = statistics.median(self._all) if n else None
        if middle is not None and n >= _PAIRS:
            missed = interval(list(self._all))[1] < _BEARABLE
            verdict = "met" if middle >= _BEARABLE else "missed" if missed else "not judged"
        return Criterion(measured=middle, limit=_BEARABLE, verdict=verdict, observations=n)

    def response(self) -> Criterion:
        """Judge the slowest hundredth of the calls, in seconds: missed where more pairs are slower than chance makes so."""
        on, off = (Calls(spread=tuple(spread)).percentile(_SLOWEST) for spread in self._spreads)
        n = min(map(sum, self._spreads))
        if on is None or off is None:
            return Criterion(measured=None, limit=_ANYWAY_SECONDS, verdict="not judged", observations=0)
        by_chance = (self._n_timed + _CONFIDENCE * math.sqrt(self._n_timed)) / 2
        verdict = "not judged"
        if n >= _ENOUGH_CALLS and self._n_timed >= _PAIRS:
            slower = self._n_slower > by_chance
            verdict = "met" if on <= _bound(off) else "missed" if slower else "not judged"
        return Criterion(measured=on, limit=_bound(off), verdict=verdict, observations=n)


def _bound(at_rest: float) -> float:
    return _LONGER * at_rest + _ANYWAY_SECONDS


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % interval of the median, by the sign test (normal approximation: order statistics).

    Examples
    --------
    >>> interval([0.1 * n for n in range(1, 21)])
    (0.6000000000000001, 1.5)
    """
    ordered, n = sorted(values), len(values)
    low = max(0, math.floor((n - _CONFIDENCE * math.sqrt(n)) / 2))
    return ordered[low], ordered[n - 1 - low]


def calls_judged(calls: Calls) -> dict[str, Criterion]:
    """Judge how the host's calls ended; by fewer than a thousand nothing is judged."""
    n = calls.n
    error = calls.failed / n if n else None
    available = 1.0 - (calls.failed + calls.refused) / n if n else None
    enough = n >= _ENOUGH_CALLS
    return {
        "error rate": Criterion(
            measured=error, limit=_FAILING, observations=n,
            verdict="not judged" if not enough or error is None else "met" if error < _FAILING else "missed",
        ),
        "availability": Criterion(
            measured=available, limit=_AVAILABLE, observations=n,
            verdict="not judged" if not enough or available is None else "met" if available >= _AVAILABLE else "missed",
        ),
    }  # fmt: skip


def criteria(calls: Calls, windows: Windows | None, *, lost: int | None, rows: int) -> dict[str, Criterion]:
    """Return all criteria of an upgrade; `lost` None: nobody can tell."""
    verdict = "not judged" if lost is None else "missed" if lost else "met"
    found = {"records lost": Criterion(measured=lost, limit=0, verdict=verdict, observations=rows)} | calls_judged(
        calls
    )
    return (
        found if windows is None else found | {"throughput": windows.criterion(), "response time": windows.response()}
    )
