"""Collection: the memories of a store as the host sees them, and the index over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from thoughtengine._types import IntArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.errors import ThoughtEngineError
from thoughtengine.memory.experience import LAYERS, Affect, Memory
from thoughtengine.memory.index.columns import LAYER
from thoughtengine.memory.index.live import LiveIndex
from thoughtengine.memory.index.view import View
from thoughtengine.memory.layers import LAYER_OF
from thoughtengine.memory.layers.emotion import NEUTRAL_SALIENCE
from thoughtengine.memory.moment import from_stored
from thoughtengine.memory.record import AppraisalRecord, MarkRecord, MemoryRecord, VectorRecord
from thoughtengine.memory.strength import retrievability
from thoughtengine.memory.where import Where
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import APPRAISAL, MARK, MEMORY, VECTOR
from thoughtengine.storage.turns import Turns

__all__ = ["Collection"]

_DAY = 86_400_000_000
_UNMARKED = MarkRecord()

Records = dict[int, tuple[MemoryRecord, int]]
ReadPayload = Callable[[int, str | None, int, Any], Any]


class Collection:
    """The memories of a store, readable, with an index that is loaded on first use and live from then on.

    Parameters
    ----------
    store : Store
        Where they are.
    config : RecallConfig
        For the index.
    dimension : int or None
        Of the vectors.
    fingerprint : str
        Of the encoder whose vectors count; those of another one are left out.
    read : callable, optional
        ``read(id, kind, version, payload)``: a payload as the host knows it now.
    """

    def __init__(
        self,
        store: Store,
        config: RecallConfig,
        *,
        dimension: int | None,
        fingerprint: str,
        read: ReadPayload | None = None,
    ) -> None:
        self._store, self._read = store, read
        self._turns = Turns()
        self.live = LiveIndex(store, config, dimension=dimension, fingerprint=fingerprint)

    # reading

    def record(self, id_: int) -> MemoryRecord | None:
        """Return a memory as it is stored."""
        return self._store.get(MEMORY, id_, MemoryRecord)

    def mark(self, id_: int) -> MarkRecord:
        """Return what stands about a memory."""
        return self._store.get(MARK, id_, MarkRecord) or MarkRecord()

    def memory(self, id_: int, now: int, *, hidden: bool = False) -> Memory | None:
        """Return a memory, None where it is not there or forgotten.

        Parameters
        ----------
        now : int
            Microseconds since 1970, for its strength.
        hidden : bool
            Whether a forgotten one counts as there.
        """
        record = self.record(id_)
        if record is None:
            return None
        mark = self.mark(id_)
        if mark.forgotten and not hidden:
            return None
        return self._memory(id_, record, mark, self._store.get(APPRAISAL, id_, AppraisalRecord), now)

    def records(self, ids: Iterable[int]) -> Records:
        """Return memories as they are stored, by id, and what lies beside each; one read a memory, 5 microseconds and more."""
        return self._store.get_many(MEMORY, ids, MemoryRecord)

    def found(self, view: View, places: IntArray, now: int, records: Records) -> dict[int, Memory]:
        """Return the memories at positions of a view by id, those of `records` that are not forgotten.

        Cost: a read for each mark or appraisal that there is.
        """
        states = zip(view.ids[places].tolist(), view.columns.state[places].tolist(), strict=True)
        there = [(id_, state, *records[id_]) for id_, state in states if id_ in records]
        has_appraisal = MEMORY.beside[APPRAISAL.prefix]
        felt = [id_ for id_, _, _, beside in there if beside & has_appraisal]
        appraisals = self._store.get_many(APPRAISAL, felt, AppraisalRecord)
        marks = self._store.get_many(MARK, [id_ for id_, state, _, _ in there if state & ~LAYER], MarkRecord)
        made = {}
        for id_, _, record, _ in there:
            mark = marks[id_][0] if id_ in marks else _UNMARKED
            if not mark.forgotten:
                made[id_] = self._memory(id_, record, mark, appraisals[id_][0] if id_ in appraisals else None, now)
        return made

    def _memory(
        self, id_: int, record: MemoryRecord, mark: MarkRecord, appraisal: AppraisalRecord | None, now: int
    ) -> Memory:
        layer = "eternal" if mark.pinned else LAYERS[record.layer]
        return Memory(
            id=id_,
            key=record.key,
            layer=layer,
            text=record.text,
            at=from_stored(record.at, record.offset),
            source=record.source,
            tags=record.tags,
            episode=record.episode,
            affect=_affect(appraisal),
            surprise=appraisal.surprise if appraisal else None,
            salience=appraisal.salience if appraisal else NEUTRAL_SALIENCE,
            payload=self.payload(id_, record),
            kind=record.kind,
            strength=retrievability(max(0, now - record.at) / _DAY) if LAYER_OF[layer].fades else 1.0,
            derived_from=record.derived_from,
            superseded_by=mark.superseded_by,
        )

    def payload(self, id_: int, record: MemoryRecord) -> Any:
        """Return the payload of a memory, at the newest version that the host's hooks know."""
        if self._read is None or record.payload is None:
            return record.payload
        return self._read(id_, record.kind, record.payload_version, record.payload)

    def memories(self, ids: IntArray, now: int, *, hidden: bool = False) -> Iterator[Memory]:
        """Yield memories in the order of `ids`, as they stand when they are reached."""
        for id_ in ids.tolist():
            memory = self.memory(id_, now, hidden=hidden)
            if memory is not None:
                yield memory

    def vector(self, id_: int) -> SingleArray | None:
        """Return the vector that the host gave with a memory."""
        stored = self._store.get(VECTOR, id_, VectorRecord)
        return None if stored is None else np.frombuffer(stored.data, np.float32)

    @property
    def n_stored(self) -> int:
        """Memories there are, forgotten ones too."""
        return self._store.head.memories

    @property
    def n_visible(self) -> int:
        """Memories there are, forgotten ones not counted."""
        return self._store.head.memories - self._store.head.hidden

    def coverage(self, n: int, stored: int) -> float:
        """Return the share that n memories in the index are of those stored; none of what nobody has counted yet."""
        if not self._store.counted:
            if self.live.lacking:
                return 0.0
            stored = self._store.total
        return min(1.0, n / stored) if stored else 1.0

    # the index

    def view(self, *, whole: bool = True) -> View:
        """Return the index as it stands, every memory stored before the call in it; see `LiveIndex.view`."""
        return self.live.view(whole=whole)

    def select(self, where: Where, now: int) -> IntArray:
        """Return the ids that match, ascending."""
        view = self.view()
        ids: IntArray = view.ids[view.select(where, now)]
        return ids

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the store's `writing` lock; after an interrupt inside, the index may not know of a row: then it is dropped."""
        try:
            self._turns.wait()
            with self._store.writing:
                self._turns.begin()
                try:
                    yield
                except ThoughtEngineError:
                    raise
                except BaseException:
                    self.live.dropped()
                    raise
                finally:
                    self._turns.leave()
        except BaseException:  # also of who was interrupted when it waited
            self._turns.leave()
            raise

    def export(self, *, hidden: bool = True) -> Iterator[dict[str, Any]]:
        """Yield every memory in order of id as plain values, see `ThoughtEngine.export`."""
        for id_, record in self._store.rows(MEMORY, MemoryRecord):
            if hidden or not self.mark(id_).forgotten:
                yield self._exported(id_, record)

    def exported(self, ids: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield those of some memories that are there as `export` does."""
        for id_ in ids:
            if (record := self.record(id_)) is not None:
                yield self._exported(id_, record)

    def _exported(self, id_: int, record: MemoryRecord) -> dict[str, Any]:
        mark, affect = self.mark(id_), _affect(self._store.get(APPRAISAL, id_, AppraisalRecord))
        vector = self.vector(id_)
        row = msgspec.structs.asdict(record) | {"payload": self.payload(id_, record)}
        for name in ("offset", "added", "payload_version"):
            del row[name]
        row |= {
            "id": id_,
            "layer": LAYERS[record.layer],
            "at": from_stored(record.at, record.offset).isoformat(),
            "tags": list(record.tags),
            "derived_from": list(record.derived_from),
            "affect": None if affect is None else [affect.valence, affect.arousal],
            "vector": None if vector is None else vector.tolist(),
            "pinned": bool(mark.pinned),
            "forgotten": bool(mark.forgotten),
        }
        return row


def _affect(appraisal: AppraisalRecord | None) -> Affect | None:
    if appraisal is None or appraisal.valence is None:
        return None
    return Affect(appraisal.valence, appraisal.arousal or 0.0)
