"""Collection: the memories of a store and the index over them; reads records, loads the index when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from thoughtengine._types import IntArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.errors import ThoughtEngineError
from thoughtengine.memory.analysis import ANALYSIS
from thoughtengine.memory.entry import Entry, make_entry
from thoughtengine.memory.experience import LAYERS, Affect, Memory
from thoughtengine.memory.index import Index
from thoughtengine.memory.layers import LAYER_OF
from thoughtengine.memory.layers.emotion import NEUTRAL_SALIENCE
from thoughtengine.memory.moment import from_stored
from thoughtengine.memory.record import AppraisalRecord, MarkRecord, MemoryRecord, VectorRecord
from thoughtengine.memory.remember import Taken
from thoughtengine.memory.strength import retrievability
from thoughtengine.memory.view import View
from thoughtengine.memory.where import Where
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import PAGE, Store
from thoughtengine.storage.keyspace import APPRAISAL, CODE, MARK, MEMORY, TERMS, VECTOR

__all__ = ["Collection"]

_DAY = 86_400_000_000
_NEWS = 256
T = TypeVar("T")
ReadPayload = Callable[[int, str | None, int, Any], Any]
Row = tuple[int, Entry, SingleArray | None, MarkRecord | None]


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
        self._store, self._config, self._read = store, config, read
        self.dimension, self.fingerprint = dimension, fingerprint
        self._index: Index | None = None
        self._indexing = threading.Lock()
        self._news: list[Row | tuple[int, MarkRecord]] = []  # stored since the index last looked, in order

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
        appraisal = self._store.get(APPRAISAL, id_, AppraisalRecord)
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

    # the index

    @property
    def loaded(self) -> bool:
        """Whether the index stands."""
        return self._index is not None

    @property
    def partial(self) -> bool:
        """Whether an upgrade has not indexed everything yet, and nobody has asked for the whole."""
        return not getattr(self._store, "whole", True) and getattr(self._store, "before", None) is not None

    def view(self, *, whole: bool = False) -> View:
        """Return the index as it stands, every memory stored before the call in it.

        Parameters
        ----------
        whole : bool
            While an upgrade runs: also those that it has not indexed yet, which costs as much as indexing them.

        Cost: loading it on first use, about 5 microseconds a memory; afterwards what was stored since the last look.
        """
        if whole and self.partial:
            self._store.whole = True  # type: ignore[attr-defined]
            self.dropped()
        while True:
            index = self._index
            if index is None:
                with self._store.writing:
                    index = self._index = self._index or self._load()
            with self._indexing:  # also when there is no news: another thread may be taking in what this one stored
                if index is self._index:  # else rows were dropped in between, and what is new belongs to the next index
                    self._absorb(index)
                    return index.view()

    def _absorb(self, index: Index) -> None:
        """Bring the index up to date: a numpy call costs the same for one memory as for a hundred, so not one by one."""
        if not self._news:
            return
        rows: list[Row] = []
        try:
            news, self._news = self._news, []
            for piece in news:
                if len(piece) == 4:
                    rows.append(piece)
                else:
                    index.extend(rows)
                    rows = []
                    if not self.partial or index.view().position(piece[0]) is not None:
                        index.mark(*piece)
            index.extend(rows)
        except BaseException:  # interrupted when it was half told: load it anew
            self._index, self._news = None, []
            raise

    def select(self, where: Where, now: int) -> IntArray:
        """Return the ids that match, ascending."""
        view = self.view(whole=True)
        ids: IntArray = view.ids[view.select(where, now)]
        return ids

    def _load(self) -> Index:
        index = Index(self._config, self.dimension)
        index.extend(self._rows())
        return index

    def _rows(self) -> Iterator[Row]:
        """Walk the index entries, and beside them the vectors and marks, all in order of id."""
        vectors = _Beside(self._vectors())
        marks = _Beside(self._store.rows(MARK, MarkRecord))
        stale = Batch()
        for id_, entry in self._store.rows(TERMS, Entry):
            if entry.analysis != ANALYSIS and (record := self.record(id_)) is not None:
                entry = make_entry(record)
                stale.put(TERMS, id_, entry)
            if len(stale) >= PAGE:
                self._store.commit(stale)
                stale = Batch()
            yield id_, entry, vectors.at(id_), marks.at(id_)
        if len(stale):
            self._store.commit(stale)

    def _vectors(self) -> Iterator[tuple[int, SingleArray]]:
        """Yield the host's vectors and those of the encoder that counts, in order of id."""
        given = self._store.rows(VECTOR, VectorRecord)
        made = ((i, v) for i, v in self._store.rows(CODE, VectorRecord) if v.fingerprint == self.fingerprint)
        merged = _merged(given, made)
        for id_, stored in merged:
            vector = np.frombuffer(stored.data, np.float32)
            if self.dimension is None or vector.size == self.dimension:
                yield id_, vector

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the store's `writing` lock; after an interrupt inside, the index may not know of a row: then it is dropped."""
        with self._store.writing:
            try:
                yield
            except ThoughtEngineError:
                raise
            except BaseException:
                self.dropped()
                raise

    def added(self, taken: list[Taken]) -> None:
        """Tell that memories were stored; the caller holds the store's `writing` lock."""
        if self.dimension is None:
            self.dimension = next((t.vector.size for t in taken if t.vector is not None), None)
        if self._index is None:
            return
        with self._indexing:
            for new in taken:
                self._news.append((new.id, new.entry, new.vector, None))
                if new.superseded is not None and new.mark is not None:
                    self._news.append((new.superseded, new.mark))
            if len(self._news) >= _NEWS:
                self._absorb(self._index)

    def marked(self, marks: dict[int, MarkRecord]) -> None:
        """Tell that marks changed; the caller holds the store's `writing` lock."""
        if self._index is not None:
            with self._indexing:
                self._news.extend(marks.items())

    def dropped(self) -> None:
        """Tell that rows went: the index is loaded anew when it is next needed."""
        with self._indexing:
            self._index, self._news = None, []

    def without_vector(self) -> Iterator[tuple[int, str]]:
        """Yield (id, text) of the memories that the encoder that counts has not encoded yet, in order of id."""
        vectors = _Beside(self._vectors())
        for id_, record in self._store.rows(MEMORY, MemoryRecord):
            if record.text is not None and vectors.at(id_) is None:
                yield id_, record.text

    def export(self, *, hidden: bool = True) -> Iterator[dict[str, object]]:
        """Yield every memory in order of id as plain values, see `ThoughtEngine.export`."""
        for id_, record in self._store.rows(MEMORY, MemoryRecord):
            mark = self.mark(id_)
            if mark.forgotten and not hidden:
                continue
            appraisal = self._store.get(APPRAISAL, id_, AppraisalRecord)
            affect = _affect(appraisal)
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
            yield row


def _affect(appraisal: AppraisalRecord | None) -> Affect | None:
    if appraisal is None or appraisal.valence is None:
        return None
    return Affect(appraisal.valence, appraisal.arousal or 0.0)


class _Beside(Generic[T]):
    """Walk a second stream in order of id beside a first one."""

    def __init__(self, stream: Iterator[tuple[int, T]]) -> None:
        self._stream = stream
        self._next = next(stream, None)

    def at(self, id_: int) -> T | None:
        while self._next is not None and self._next[0] < id_:
            self._next = next(self._stream, None)
        return self._next[1] if self._next is not None and self._next[0] == id_ else None


def _merged(
    left: Iterator[tuple[int, VectorRecord]], right: Iterator[tuple[int, VectorRecord]]
) -> Iterator[tuple[int, VectorRecord]]:
    """Merge two streams by id; on a tie the left one is taken."""
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if a is None or (b is not None and b[0] < a[0]):
            if b is not None:
                yield b
            b = next(right, None)
            continue
        if b is not None and a[0] == b[0]:
            b = next(right, None)
        yield a
        a = next(left, None)
