"""Reading: from stored memories to what the finders see of them."""

from __future__ import annotations

from enum import Enum
from itertools import islice, takewhile

import numpy as np

from thoughtengine._types import SingleArray
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.experience import HAPPENED
from thoughtengine.memory.record import MarkRecord, MemoryRecord, VectorRecord
from thoughtengine.patterns.finders import Observed
from thoughtengine.patterns.telling import Telling
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import CODE, MARK, MEMORY, VECTOR

__all__ = ["HIDDEN", "Reading", "observed"]

_UNMARKED = MarkRecord()


class _Hidden(Enum):
    """What is forgotten."""

    HIDDEN = 0


HIDDEN = _Hidden.HIDDEN
"""In the place of a memory that is forgotten: shown again, it is to be learned."""


def observed(
    id_: int, record: MemoryRecord, vector: SingleArray | None, moment: MemoryRecord | None = None
) -> Observed | None:
    """Return what the finders see of a memory; None where it was inferred and did not happen."""
    if record.layer not in HAPPENED:
        return None
    moment = record if moment is None else moment
    return Observed(
        id_, moment.at, moment.offset, record.tags, record.source, record.episode, record.text, vector, moment.added
    )


class Reading:
    """Reads memories in order of id.

    Parameters
    ----------
    store, memories
        Where they are.
    telling : Telling
        Follows revisions.
    """

    def __init__(self, store: Store, memories: Collection, telling: Telling) -> None:
        self._store, self._memories, self._telling = store, memories, telling

    def after(self, id_: int, limit: int) -> dict[int, Observed | _Hidden | None]:
        """Return what up to so many memories behind an id say, by their ids; None of what the finders do not see."""
        rows = list(islice(self._store.rows(MEMORY, MemoryRecord, after=id_), limit))
        marks = self._marks(id_, rows[-1][0]) if rows else {}
        return {one: self._standing(one, record, marks.get(one, _UNMARKED)) for one, record in rows}

    def _marks(self, after: int, last: int) -> dict[int, MarkRecord]:
        """Return the marks of memories up to an id; to look each of them up would take as long as to learn."""
        return dict(takewhile(lambda row: row[0] <= last, self._store.rows(MARK, MarkRecord, after=after)))

    def _standing(self, id_: int, record: MemoryRecord, mark: MarkRecord) -> Observed | _Hidden | None:
        """Return what a memory says, in its newest revision; None of one that revises another: that is where it counts."""
        if record.supersedes is not None and self._store.has(MEMORY, record.supersedes):
            return None
        newest = id_ if mark.superseded_by is None else self._telling.newest(mark.superseded_by)
        found = record if newest == id_ else self._store.get(MEMORY, newest, MemoryRecord)
        if found is None or (mark.forgotten if newest == id_ else self.hidden(newest)):
            return HIDDEN
        return observed(newest, found, self.vector(newest), self._telling.happened(found))

    def hidden(self, id_: int) -> bool:
        """Tell whether a memory is forgotten."""
        return bool(self._memories.mark(id_).forgotten)

    def vector(self, id_: int) -> SingleArray | None:
        """Return the vector of a memory, by the mind's encoder; None where it has none."""
        if self._memories.live.dimension is None:
            return None
        stored = self._store.get(VECTOR, id_, VectorRecord)
        if stored is None:
            stored = self._store.get(CODE, id_, VectorRecord)
            if stored is None or stored.fingerprint != self._memories.live.fingerprint:
                return None
        return np.frombuffer(stored.data, np.float32)
