"""Lifetime: from when to when a mind has lived, by the moments of what it remembers, whatever single ones among them say."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import BoolArray, IntArray
from thoughtengine.patterns.tables import Tables

__all__ = ["SLIPS", "Lifetime", "outermost"]

_ENDS = 32  # moments at either end that are kept
_AHEAD = 86_400_000_000  # that a moment may lie ahead of its own arrival: clocks differ, and so do days
SLIPS = 4
"""The part of all moments that may be out of the way: one in so many."""


class Lifetime:
    """The first and the last moment of a life.

    Notes
    -----
    What was dated ahead of the mind's own clock when it came, as an appointment is, says nothing of how far life has come,
    unless most of it is: then it is the clock that stands. Of the rest, moments that lie farther away from all others than
    those lie from each other are slips, as long as they are fewer than 32 and a quarter of all. The order of arrival does not
    matter.
    """

    def __init__(self) -> None:
        empty = np.zeros(_ENDS, np.int64)
        self.tables: Tables = {
            "counters": np.zeros(2, np.int64),  # all, and of them those that were not ahead
            "first": empty,
            "last": empty.copy(),
            "last in time": empty.copy(),
        }

    def learn(self, moments: IntArray, ahead: IntArray) -> None:
        """Take in moments of the clock on the wall, and by how much each was ahead of its arrival, in microseconds."""
        n, n_in_time = self.tables["counters"].tolist()
        in_time: BoolArray = ahead <= _AHEAD
        _keep(self.tables["first"], n, -moments)
        _keep(self.tables["last"], n, moments)
        _keep(self.tables["last in time"], n_in_time, moments[in_time])
        self.tables["counters"] += len(moments), int(in_time.sum())

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last moment, 0 and 0 where nothing came."""
        n, n_in_time = self.tables["counters"].tolist()
        if not n:
            return 0, 0
        known = "last in time" if 2 * n_in_time >= n else "last"
        many = n_in_time if known == "last in time" else n
        first, last = -self.tables["first"][None], self.tables[known][None]
        few = np.array([min(_ENDS - 1, many // SLIPS)])
        return int(outermost(first, last, few)[0]), int(outermost(last, first, few)[0])


def _keep(kept: IntArray, n: int, values: IntArray) -> None:
    """Keep the largest values, in descending order; so many came before."""
    best = np.sort(np.concatenate([kept[: min(n, _ENDS)], values]))[::-1][:_ENDS]
    kept[: len(best)] = best


def outermost(moments: IntArray, others: IntArray, few: IntArray) -> IntArray:
    """Return the outermost moment of each row that is no slip: none that lies farther from all others than those from each other.

    Parameters
    ----------
    moments, others : array of int64, shape (n, e)
        At one end, given from the outside, and at the other one.
    few : array of int64, shape (n,)
        How many may be slips, below e and below the number of moments.

    Examples
    --------
    >>> outermost(np.array([[1990, 2020, 2021]]), np.array([[2026, 2025, 2024]]), np.array([1]))
    array([2020])
    """
    line = np.arange(len(moments))
    other, found = others[line, few], moments[:, 0]
    for i in range(moments.shape[1] - 1):
        here, next_ = moments[:, i], moments[:, i + 1]
        slip = (i < few) & (np.abs(next_ - here) > np.abs(next_ - other))
        found = np.where(slip, next_, found)
    return found
