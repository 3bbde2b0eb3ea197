"""Habits: when a tag or source comes, by the moments of its memories on the calendar, as it is now."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from thoughtengine._types import IntArray
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.index.columns import REPLACED
from thoughtengine.memory.index.view import View
from thoughtengine.memory.record import MemoryRecord
from thoughtengine.memory.where import parse_where
from thoughtengine.patterns.dates import Comes, comes
from thoughtengine.patterns.finders import SOURCE, TAG
from thoughtengine.patterns.lifetime import Lived
from thoughtengine.patterns.moved import since
from thoughtengine.patterns.rhythms import Peak, peak
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import MEMORY

__all__ = ["Habit", "Habits"]

_STALE = 64  # the part of all memories that may have come before all are read anew
_DATED = 1 << 14  # moments of a tag or source, the newest, that tell when it comes


@attrs.frozen(eq=False)
class Habit:
    """When a tag or source comes.

    Attributes
    ----------
    comes : Comes
        On which days, and at what times.
    begin : int or None
        Since when it is at these days and times, in microseconds of the clock on the wall, where it was at others before.
    own : Peak or None
        Strength, phase and number of its moments where the memories say another thing than was counted: it has moved, or some of
        them were revised or forgotten since.
    """

    comes: Comes
    begin: int | None = None
    own: Peak | None = None


class Habits:
    """Reads moments where the memories are; what was read is kept until there is a newer memory of the same.

    Parameters
    ----------
    store, memories
        Where the memories are.
    happened : callable
        Gives the version of a memory that tells when it was.
    """

    def __init__(self, store: Store, memories: Collection, happened: Callable[[MemoryRecord], MemoryRecord]) -> None:
        self._store, self._memories, self._happened = store, memories, happened
        self._known: dict[int, tuple[int, float, bool, Habit]] = {}  # by hash: newest memory, period, whether
        # it is dated, and what it is
        self._lived: tuple[int, int, Lived] | None = None  # how many memories it was made of, and taken in since

    def forget(self) -> None:
        """Read anew what was read from memories."""
        self._known, self._lived = {}, None

    def of(
        self, key: int, named: tuple[str, str], period: float, counted: int, newest: int, end: int, *, dated: bool
    ) -> Habit | None:
        """Return when a tag or source comes; None of other things, and where no memory tells.

        Parameters
        ----------
        key : int
            Its hash.
        named : (str, str)
            Kind and name.
        period : float
            Of its rhythm, in seconds.
        counted : int
            How many of its moments were counted for that.
        newest : int
            Its newest memory: until there is another one, what was told is told again.
        end : int
            How far life has come, in microseconds of the clock on the wall: what is dated later did not happen yet.
        dated : bool
            Whether it has dates alone, and no time of day.
        """
        kind, name = named
        if kind not in (TAG, SOURCE):
            return None
        known = self._known.get(key)
        if known is None or known[:3] != (newest, period, dated):
            moments = self._moments(kind, name, end)
            if not len(moments):
                return None
            known = self._known[key] = newest, period, dated, _habit(moments, period, counted, dated=dated)
        return known[3]

    def lived(self, begin: int, end: int) -> Lived:
        """Return what was lived through, from when to when it all was; made anew when a 64th of all has come since."""
        view = self._memories.view()
        if self._lived is None or view.n - self._lived[0] > self._lived[0] // _STALE:
            self._lived = view.n, view.n, Lived(self._all(view, 0), begin, end)
        elif view.n > self._lived[1]:
            made_of, _, known = self._lived
            known.add(self._all(view, made_of), end)
            self._lived = made_of, view.n, known
        return self._lived[2]

    def _all(self, view: View, begin: int) -> IntArray:
        """Return when everything was that happened, of memories from a place on; a revision did not happen."""
        columns, n = view.columns, view.n
        replaced = columns.successor[:n]
        at = view.select(parse_where(), 0)
        at = at[np.searchsorted(at, begin) :]
        at = at[~np.isin(columns.id[at], replaced[replaced > 0])]
        moments: IntArray = columns.at[at] + columns.offset[at].astype(np.int64) * 1_000_000
        return moments

    def _moments(self, kind: str, name: str, end: int) -> IntArray:
        """Return when visible memories of a tag or source were, those of revisions when it happened, ascending."""
        view = self._memories.view()
        columns, where = view.columns, parse_where(tags=[name]) if kind == TAG else parse_where(sources=[name])
        at = view.select(where, 0)
        at = at[(columns.state[at] & REPLACED) == 0]
        moments = columns.at[at] + columns.offset[at].astype(np.int64) * 1_000_000
        replaced = columns.successor[: view.n]
        for place in np.flatnonzero(np.isin(columns.id[at], replaced[replaced > 0])).tolist():
            record = self._store.get(MEMORY, int(columns.id[at[place]]), MemoryRecord)
            if record is not None:
                then = self._happened(record)
                moments[place] = then.at + then.offset * 1_000_000
        happened = moments[moments <= end]
        return np.sort(happened if len(happened) else moments)[-_DATED:]


def _habit(moments: IntArray, period: float, counted: int, *, dated: bool) -> Habit:
    """Return when something comes by its moments, of which so many were counted."""
    begin, n = since(moments, period), len(moments)
    moments = moments[begin:]
    if begin:
        return Habit(comes(moments, period, dated=dated), int(moments[0]), peak(moments, period))
    return Habit(comes(moments, period, dated=dated), None, peak(moments, period) if n < min(counted, _DATED) else None)
