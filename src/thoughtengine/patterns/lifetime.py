"""Lifetime: from when to when a mind has lived, by the moments of what it remembers, whatever single ones among them say."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import BoolArray, IntArray
from thoughtengine.patterns.tables import Tables

__all__ = ["Lifetime"]

_ENDS = 32  # moments at either end that are kept
_AHEAD = 86_400_000_000  # that a moment may lie ahead of its own arrival: clocks differ, and so do days
_FEW = 4  # the part of all that may be out of the way


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
        first, last = -self.tables["first"][: min(n, _ENDS)], self.tables[known][: min(many, _ENDS)]
        few = min(_ENDS - 1, many // _FEW)
        return _end(first, int(last[few]), few), _end(last, int(first[few]), few)


def _keep(kept: IntArray, n: int, values: IntArray) -> None:
    """Keep the largest values, in descending order; so many came before."""
    best = np.sort(np.concatenate([kept[: min(n, _ENDS)], values]))[::-1][:_ENDS]
    kept[: len(best)] = best


def _end(moments: IntArray, other: int, few: int) -> int:
    """Return the outermost of moments, given from the outside, that is no slip; `other` is near the other end."""
    gaps, rest = np.abs(np.diff(moments[: few + 1])), np.abs(moments[1 : few + 1] - other)
    slips = np.flatnonzero(gaps > rest)
    return int(moments[slips[-1] + 1]) if len(slips) else int(moments[0])
