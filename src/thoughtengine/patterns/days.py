"""Days: on which of them something comes, some of the week or every so many, from what is kept of each item."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import BoolArray, FloatArray, IntArray
from thoughtengine.patterns.kernels.rhythms import ENDS, FIRSTS, LASTS, PAUSE, WEEKDAYS
from thoughtengine.patterns.lifetime import SLIPS, outermost

__all__ = ["Days", "ends"]

_DAY = 86_400_000_000
_MONDAY = 3  # weekday of the first day of 1970
_HALF, _NEARLY_ALL = 0.5, 0.8
_RULES = 126  # that leave out some days of a week
_CHANCE = 0.005  # of days without a rule, at most


def ends(rows: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the first and the last moment of each item, without single ones far from all others, and how many those are."""
    few = np.minimum(rows[:, 0] // SLIPS, ENDS - 1)
    firsts, lasts = rows[:, FIRSTS : FIRSTS + ENDS], rows[:, LASTS : LASTS + ENDS]
    first, last = outermost(firsts, lasts, few), outermost(lasts, firsts, few)
    known = np.arange(ENDS) < few[:, None]
    return first, last, ((firsts < first[:, None]) & known).sum(1) + ((lasts > last[:, None]) & known).sum(1)


class Days:
    """What the days say on which each item came.

    Attributes
    ----------
    weekdays : array of bool, shape (n, 7)
        From Monday on: the days of the week it comes on, half of them or more, and hardly on others; none where there is no such
        rule.
    kept_weekdays, share_weekdays : arrays of float64, shape (n,)
        On how many of these it came; how many of the days on which it came are these.
    every : array of int64, shape (n,)
        Days from one time to the next where these are the same nearly always; 0 where not.
    kept_every : array of float64, shape (n,)
        How many of these times it came.
    chance_weekdays, chance_every, chance : arrays of float64, shape (n,)
        How likely that is, or more, of days that are drawn one by one: by weekday, by pauses, by the better of both.

    Notes
    -----
    Chernoff's bounds: by weekday of two shares in the place of one, times all the rules there are; by pauses of so many that are
    the same where pauses are geometric, times n(n + 1) for one of n days, because it may be any.
    """

    def __init__(self, rows: IntArray, first: IntArray, last: IntArray) -> None:
        begin, end = first // _DAY, last // _DAY
        came = rows[:, WEEKDAYS : WEEKDAYS + 7].astype(np.float64)
        back = (end[:, None] + _MONDAY - np.arange(7)) % 7  # days since the last one of each
        due = np.maximum((end - begin)[:, None] - back + 7, 0) // 7
        went_by, n = due.sum(1), came.sum(1)
        self._by_weekday(came, due)
        self._by_pause(rows[:, PAUSE : PAUSE + 3], n, went_by)
        self.chance: FloatArray = np.minimum(1.0, 2.0 * np.minimum(self.chance_weekdays, self.chance_every))

    def _by_weekday(self, came: FloatArray, due: IntArray) -> None:
        share = came / np.maximum(due, 1)
        chosen = share >= _HALF
        others = np.where(chosen, 0.0, share).max(1)
        ruled = chosen.any(1) & ~chosen.all(1) & (others <= _HALF * np.where(chosen, share, np.inf).min(1))
        parts = (
            [(came * part).sum(1) for part in (chosen, ~chosen)],
            [(due * part).sum(1) for part in (chosen, ~chosen)],
        )
        apart = sum(_likely(n, of) for n, of in zip(*parts, strict=True)) - _likely(came.sum(1), due.sum(1))
        self.chance_weekdays: FloatArray = np.where(ruled, np.minimum(_RULES * np.exp(-apart), 1.0), 1.0)
        self.weekdays: BoolArray = chosen & (self.chance_weekdays <= _CHANCE)[:, None]
        n_chosen = (came * chosen).sum(1)
        self.kept_weekdays: FloatArray = np.minimum(n_chosen / np.maximum((due * chosen).sum(1), 1), 1.0)
        self.share_weekdays: FloatArray = n_chosen / np.maximum(came.sum(1), 1.0)

    def _by_pause(self, pauses: IntArray, n: FloatArray, went_by: IntArray) -> None:
        usual, votes, n_pauses = (pauses[:, i].astype(np.float64) for i in range(3))
        kept = np.minimum(n / np.maximum(1.0 + (went_by - 1.0) / np.maximum(usual, 1.0), 1.0), 1.0)
        alike = (n_pauses + votes) / 2.0 / np.maximum(n_pauses, 1.0)  # at least
        daily = np.clip(n / np.maximum(went_by, 1), 1e-9, 1.0 - 1e-9)
        by_chance = np.maximum(daily * (1.0 - daily) ** np.maximum(usual - 1.0, 0.0), 1e-300)
        apart = _likely(alike * n_pauses, n_pauses) / np.maximum(n_pauses, 1.0)
        apart -= alike * np.log(by_chance) + (1.0 - alike) * np.log1p(-by_chance)
        ruled = (usual > 1) & (alike >= _NEARLY_ALL) & (kept >= _HALF)
        chance = np.minimum(usual * (usual + 1.0) * np.exp(-np.maximum(n_pauses * apart, 0.0)), 1.0)
        self.chance_every: FloatArray = np.where(ruled, chance, 1.0)
        self.every: IntArray = np.where(self.chance_every <= _CHANCE, usual, 0.0).astype(np.int64)
        self.kept_every = kept


def _likely(n: FloatArray, of: FloatArray | IntArray) -> FloatArray:
    """Return the logarithm of how likely it is that n of so many came, at the share that fits best."""
    share = np.clip(n / np.maximum(of, 1), 1e-300, 1.0)
    rest = np.clip(1.0 - share, 1e-300, 1.0)
    result: FloatArray = n * np.log(share) + np.maximum(of - n, 0.0) * np.log(rest)
    return result
