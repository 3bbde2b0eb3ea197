"""Lifetime: from when to when a mind has lived, by the moments of what it remembers, whatever single ones among them say."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import BoolArray, FloatArray, IntArray
from thoughtengine.patterns.tables import Tables

__all__ = ["AHEAD", "SLIPS", "Lifetime", "Lived", "outermost"]

_ENDS = 32  # moments at either end that are kept
AHEAD = 86_400_000_000
"""Microseconds that a moment may lie ahead of its own arrival: clocks differ, and so do days."""
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
        self._ends: tuple[tuple[int, ...], tuple[int, int]] = (
            (),
            (0, 0),
        )  # by counters: they are asked for again and again

    def learn(self, moments: IntArray, ahead: IntArray) -> None:
        """Take in moments of the clock on the wall, and by how much each was ahead of its arrival, in microseconds."""
        n, n_in_time = self.tables["counters"].tolist()
        in_time: BoolArray = ahead <= AHEAD
        _keep(self.tables["first"], n, -moments)
        _keep(self.tables["last"], n, moments)
        _keep(self.tables["last in time"], n_in_time, moments[in_time])
        self.tables["counters"] += len(moments), int(in_time.sum())

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last moment, 0 and 0 where nothing came."""
        counters = n, n_in_time = tuple(self.tables["counters"].tolist())
        if not n:
            return 0, 0
        if self._ends[0] == counters:
            return self._ends[1]
        known = "last in time" if 2 * n_in_time >= n else "last"
        many = n_in_time if known == "last in time" else n
        first, last = -self.tables["first"][None], self.tables[known][None]
        few = np.array([min(_ENDS - 1, many // SLIPS)])
        self._ends = counters, (int(outermost(first, last, few)[0]), int(outermost(last, first, few)[0]))
        return self._ends[1]

    @property
    def pause(self) -> float:
        """The mean pause between two moments, in microseconds; 0 where there are none."""
        first, last = self.ends
        return (last - first) / max(int(self.tables["counters"][0]) - 1, 1)


class Lived:
    """How much of the time between two moments was lived through: while nothing at all happens, time stands still.

    Of each pause between two experiences only so much counts as their mean pause is: what comes after a holiday, or after a gap
    in what was recorded, is as far from what was before as any two are.

    Parameters
    ----------
    moments : array of int64
        Of all experiences, in any order, in microseconds of the clock on the wall.
    begin, end : int
        From when to when it all was; what lies outside does not count.
    """

    def __init__(self, moments: IntArray, begin: int, end: int) -> None:
        inside = np.sort(moments[(moments >= begin) & (moments <= end)])
        self.pause = max((end - begin) / max(len(inside) - 1, 1), 1.0)
        """The mean pause, in microseconds."""
        self._at, self._until = inside, self._counted(inside, 0.0)
        self._newer = self._at[:0], self._until[:0]

    def add(self, moments: IntArray, end: int) -> None:
        """Take in the moments of all that came since this was made, again with newer ones; what is older is left out."""
        if not len(self._at):
            return
        last = int(self._at[-1])
        inside = np.append(last, np.sort(moments[(moments > last) & (moments <= end)]))
        self._newer = inside, self._counted(inside, float(self._until[-1]))

    def between(self, begin: float, end: float) -> float:
        """Return how much was lived through from one moment to another, in microseconds.

        Examples
        --------
        >>> days = np.array([0, 1, 2, 3, 4, 64, 65, 66, 67, 68]) * 86_400
        >>> Lived(days, 0, 68 * 86_400).between(4 * 86_400, 65 * 86_400) / 86_400 < 9
        True
        """
        return max(self._to(end) - self._to(begin), 0.0)

    def _counted(self, moments: IntArray, before: float) -> FloatArray:
        pauses = np.minimum(np.diff(moments), self.pause)
        return before + np.concatenate([np.zeros(min(len(moments), 1)), np.cumsum(pauses)])

    def _to(self, moment: float) -> float:
        at, until = self._newer if len(self._newer[0]) and moment >= self._newer[0][0] else (self._at, self._until)
        place = int(np.searchsorted(at, moment, side="right")) - 1
        if place < 0:
            return 0.0
        return float(until[place]) + min(moment - float(at[place]), self.pause)


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
    other = others[line, few][:, None]
    after = moments[:, 1:]
    slip = (np.arange(after.shape[1]) < few[:, None]) & (np.abs(after - moments[:, :-1]) > np.abs(after - other))
    behind = np.where(slip, np.arange(1, moments.shape[1]), 0).max(1)  # the last slip, if there is one
    found: IntArray = moments[line, behind]
    return found
