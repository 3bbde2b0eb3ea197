"""Moved: since when a habit is at its present days and times, as often as now, where it was otherwise before."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import BoolArray, FloatArray, IntArray
from thoughtengine.patterns.dates import days_of, middle_of
from thoughtengine.patterns.pattern import DAY, MONTH

__all__ = ["since"]

_DAY = int(DAY) * 1_000_000
_MINUTE = 60_000_000
_MINUTES = 1440
_MONDAY = 3  # weekday of the first day of 1970
_DAYS = 3  # on which it must have come since, and before
_FEWEST = 6  # days that are looked at
_CHANCE = 4.0  # logarithm of how much likelier than that nothing changed, times how many places there are for a change
_PLACES = 6  # times of a day that are told apart; what is beside them, by four hours
_REACH, _REACHES = 30, (5, 15)  # minutes around a time: at most, and fewer where these hold as much
_SHARE, _MOST = (
    0.05,
    0.8,
)  # of all moments that a time must have around it; of those around it that fewer minutes must hold
_PAUSES = (2, 3, 7, 8, 14, 15, 28, 32, 59, 63)  # days from which on a pause is of another kind
_NEWEST = 4096  # moments that are looked at


def since(moments: IntArray, period: float) -> int:
    """Return the place of the first moment of the present days and times, and of coming as often as now.

    Parameters
    ----------
    moments : array of int64
        Microseconds of the clock on the wall, ascending.
    period : float
        Of its rhythm, in seconds: by the month the days are those of a month, by two weeks those of a fortnight, else those of
        the week; by more than a month none are looked at.

    Returns
    -------
    int
        0 where nothing changed.

    Notes
    -----
    Bayes factors: how much likelier what came is where it was drawn from two sets of shares of days, of times of a day, or of
    pauses in days, one after the other, than from one; each day has one vote. The place where that is clearest is taken, and what
    came since is looked at again. Three weeks on another weekday after a year are a change, three days at another hour, and six
    weeks without the weekends; one long pause is one vote.

    References
    ----------
    Dirichlet-multinomial likelihoods with one pseudocount, Perks, 1947.

    Examples
    --------
    >>> mondays_then_thursdays = np.array([7 * week + (4 if week < 52 else 7) for week in range(55)]) * 86_400_000_000
    >>> since(mondays_then_thursdays, 7 * 86_400)
    52
    >>> every_day, weeks = np.arange(4, 186), np.arange(186, 242)
    >>> since(np.append(every_day, weeks[(weeks + 3) % 7 < 5]) * 86_400_000_000, 86_400)
    187
    """
    begin = max(len(moments) - _NEWEST, 0)
    first = begin
    while True:
        here = moments[begin:]
        days = days_of(here, middle_of(here))  # about midnight each night is one
        found = max(
            (
                _clearest(days, kinds)
                for kinds in (_times(here), _days(days, period), _pauses(days, period))
                if kinds is not None
            ),
            default=(0.0, 0),
        )
        if found[0] <= 0.0:
            return 0 if begin == first else begin
        begin += found[1]


def _clearest(days: IntArray, kinds: IntArray) -> tuple[float, int]:
    """Return how far beyond doubt the clearest change of kinds is, 0 where none is, and the place of the first moment since."""
    n_kinds = int(kinds.max()) + 1
    pairs = np.unique(days * n_kinds + kinds)
    day, at = np.unique(pairs // n_kinds, return_inverse=True)
    if len(day) < _FEWEST:
        return 0.0, 0
    votes = np.zeros((len(day), n_kinds))
    votes[at, pairs % n_kinds] = 1.0 / np.bincount(at)[at]
    before = np.cumsum(votes, 0)[_DAYS - 1 : -_DAYS]
    clear = _likely(before) + _likely(votes.sum(0) - before) - _likely(votes.sum(0)[None])
    best = int(clear.argmax())
    beyond = float(clear[best]) - _CHANCE - float(np.log(len(day)))
    return max(beyond, 0.0), int(np.searchsorted(days, day[best + _DAYS]))


def _likely(counts: FloatArray) -> FloatArray:
    """Return the logarithm of how likely each row of counts is where all shares are as likely."""
    share = 1.0 / counts.shape[1]
    parts = _log_gamma(counts + share).sum(1) - counts.shape[1] * _log_gamma(np.array([share]))
    result: FloatArray = parts - _log_gamma(counts.sum(1) + 1.0)
    return result


def _log_gamma(x: FloatArray) -> FloatArray:
    """Return the logarithm of the gamma function above 0, to 1e-8: Stirling's series behind four steps of the recurrence."""
    result = -np.log(x * (x + 1.0) * (x + 2.0) * (x + 3.0))
    y = x + 4.0
    result += (y - 0.5) * np.log(y) - y + 0.5 * np.log(2.0 * np.pi) + 1.0 / (12.0 * y) - 1.0 / (360.0 * y**3)
    return result


def _days(days: IntArray, period: float) -> IntArray | None:
    """Return the kind of day of each moment; None where days are not what it goes by."""
    if period > MONTH:
        return None
    if period == MONTH:
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        begin, end = (part.astype("datetime64[D]").astype(np.int64) for part in (months, months + 1))
        return np.unique((days - begin + 2) % (end - begin) // 4, return_inverse=True)[
            1
        ]  # the first is in the midst of one
    if period == 14 * DAY:
        return np.unique((days + _MONDAY) % 14, return_inverse=True)[1]
    return np.unique((days + _MONDAY) % 7, return_inverse=True)[1]


def _pauses(days: IntArray, period: float) -> IntArray | None:
    """Return the kind of pause, in days, before the day of each moment; None where it comes more seldom than by the month."""
    if period > MONTH:
        return None
    distinct, at = np.unique(days, return_inverse=True)
    if len(distinct) < _FEWEST:
        return None
    kinds = np.searchsorted(_PAUSES, np.diff(distinct), side="right")
    return np.append(kinds[:1], kinds)[at]  # the first has the pause behind it


def _times(moments: IntArray) -> IntArray:
    """Return the kind of time of day of each moment: one of a few times around which many are, else four hours of the day."""
    minutes = moments % _DAY // _MINUTE
    kinds = _PLACES + minutes // 240
    left: BoolArray = np.ones(len(minutes), bool)
    for place in range(_PLACES):
        centre = _densest(minutes[left])
        beside = (minutes - centre + _MINUTES // 2) % _MINUTES - _MINUTES // 2
        near = left & (np.abs(beside) <= _REACH)
        if near.sum() < _SHARE * len(minutes):
            break
        away = np.abs(beside - int(np.median(beside[near])))  # across midnight too: it is less than an hour
        held = [(left & (away <= reach)).sum() for reach in (*_REACHES, _REACH)]
        reach = next(
            reach for reach, n_held in zip((*_REACHES, _REACH), held, strict=True) if n_held >= _MOST * held[-1]
        )
        kinds[left & (away <= reach)] = place
        left &= away > reach
        if not left.any():
            break
    return np.unique(kinds, return_inverse=True)[1]


def _densest(minutes: IntArray) -> int:
    """Return the minute with most within half an hour, the middle of such."""
    counts = np.bincount(minutes, minlength=_MINUTES)
    around = np.concatenate([counts[-_REACH:], counts, counts[:_REACH]])
    many = np.convolve(around, np.ones(2 * _REACH + 1, np.int64), "valid")
    best = np.flatnonzero(many == many.max())
    return int(best[len(best) // 2])
