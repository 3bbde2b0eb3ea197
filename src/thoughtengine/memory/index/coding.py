"""Coding: the encoder's vectors, for what comes in and for what an earlier encoder or none had taken in."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

import numpy as np

from thoughtengine._types import IntArray, Progress, SingleArray
from thoughtengine.encoders import Encoder, encode
from thoughtengine.memory.index.arrays import union
from thoughtengine.memory.index.segment import Segment
from thoughtengine.memory.index.vectors import Block, unit_rows
from thoughtengine.memory.index.view import View
from thoughtengine.memory.record import MemoryRecord, VectorRecord
from thoughtengine.memory.remember import Draft
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import CODE, FORMER, MEMORY, VECTOR

__all__ = ["Recoding", "codes_of", "lacking"]

_CHUNK = 64
"""Texts given to the encoder at a time."""

_GLANCE = 0.02  # seconds of a rest after which somebody may have asked for a stop

_STEP = 4096
"""Memories that one step of a recoding looks at."""


def codes_of(encoder: Encoder | None, drafts: Sequence[Draft]) -> list[SingleArray | None]:
    """Return the encoder's vector of each draft that has a text and no vector of the host's; None for the others."""
    codes: list[SingleArray | None] = [None] * len(drafts)
    if encoder is None:
        return codes
    lacking = [(i, d.record.text) for i, d in enumerate(drafts) if d.vector is None and d.record.text is not None]
    if lacking:
        for (i, _), vector in zip(lacking, encode(encoder, [text for _, text in lacking]), strict=True):
            codes[i] = vector.copy()  # the encoder may write its next answer into the same array
    return codes


def lacking(view: View, segment: Segment) -> IntArray:
    """Return which memories of a segment have words or a vector, and none of the encoder that counts, as places in it."""
    lacks = view.columns.length[segment.start : segment.stop] > 0
    block = segment.block
    if block is not None:
        lacks[block.rows] = block.made_by != view.made_by
    return np.flatnonzero(lacks)


class Recoding:
    """Gives memories the vectors of an encoder, segment by segment, a few thousand at a time.

    What the encoder makes is stored at once, so that after a kill nothing is encoded twice. A segment gets its vectors when
    all of its memories have theirs; until then it keeps those of the encoder before.

    Parameters
    ----------
    store : Store
        Where the vectors are kept.
    encoder : Encoder
        The one that counts.
    progress : callable
        Told after each step.
    former : str, optional
        Fingerprint of the encoder before: its vectors are kept, so that it can come back.

    Attributes
    ----------
    paused : bool
        Stop behind the texts that are being encoded, until it may go on.
    duty : float
        Share of the time in which to work, in (0, 1].
    n_encoded, n_known, n_refused : int
        Memories that got a vector, that had one, and whose text the encoder would not take, though it took others.
    """

    def __init__(self, store: Store, encoder: Encoder, progress: Progress, *, former: str | None = None) -> None:
        self._store, self._encoder, self.progress = store, encoder, progress
        self._segment: Segment | None = None
        self._places = np.empty(0, np.int64)
        self._blocks: list[Block] = []
        self._leaving: dict[int, VectorRecord] = {}  # vectors of the encoder before, of the memories at hand
        self._given_up = np.empty(0, np.int64)  # ids of memories whose text is not there any more
        self._at = self._done = 0
        self._former = former
        self.paused, self.duty = False, 1.0
        self.n_encoded = self.n_known = self.n_refused = 0

    def next(self, view: View) -> Segment | None:
        """Return a segment whose memories lack vectors; None where none do."""
        if self._segment is not None and self._segment in view.segments:
            return self._segment
        return next((segment for segment in view.segments if len(self._lacking(view, segment))), None)

    def step(self, view: View, segment: Segment, check: Callable[[], None]) -> Segment | None:
        """Encode the next memories of a segment; return it with its vectors when they were the last.

        `check` is called between calls of the encoder, and may raise.
        """
        if segment is not self._segment:
            self._segment, self._places, self._blocks, self._at = segment, self._lacking(view, segment), [], 0
        some = self._places[self._at : self._at + _STEP]
        ids = view.ids[segment.start + some]
        vectors = self._vectors(ids.tolist(), check)
        self.n_refused += len(ids) - len(vectors)
        self._given_up = union(self._given_up, ids[~np.isin(ids, list(vectors))])
        if vectors:
            rows = view.ids.searchsorted(list(vectors)) - segment.start
            made = unit_rows(np.array(list(vectors.values()), np.float32))
            self._blocks.append(Block.build(rows.astype(np.int32), made, view.made_by))
        self._at += len(some)
        self._done += len(some)
        self.n_known = self._done - self.n_encoded - self.n_refused
        self.progress("encoding", self._done, self._done + self._left(view))
        if self._at < len(self._places):
            return None
        self._segment = None
        old = segment.block
        blocks = ([old] if old is not None and old.made_by == view.made_by else []) + self._blocks
        return segment.with_block(Block.merge(blocks, [0] * len(blocks)) if blocks else None)

    def _lacking(self, view: View, segment: Segment) -> IntArray:
        places = lacking(view, segment)
        return places[~np.isin(view.ids[segment.start + places], self._given_up)] if len(self._given_up) else places

    def _left(self, view: View) -> int:
        others = sum(len(self._lacking(view, other)) for other in view.segments if other is not self._segment)
        return others + len(self._places) - self._at

    def _vectors(self, ids: list[int], check: Callable[[], None]) -> dict[int, SingleArray]:
        """Return the vectors of memories by id, ascending, encoding those that are not encoded yet."""
        known = {id_: of for id_, (of, _) in self._store.get_many(VECTOR, ids, VectorRecord).items()}
        codes = self._store.get_many(CODE, ids, VectorRecord)
        known |= {
            i: of for i, (of, _) in codes.items() if of.fingerprint == self._encoder.fingerprint and i not in known
        }
        self._leaving = {i: of for i, (of, _) in codes.items() if i not in known and of.fingerprint == self._former}
        texts = self._store.get_many(MEMORY, [id_ for id_ in ids if id_ not in known], MemoryRecord)
        pending = [(id_, of.text) for id_, (of, _) in texts.items() if of.text is not None]
        for start in range(0, len(pending), _CHUNK):
            check()
            begun = time.monotonic()
            known |= self._tried(pending[start : start + _CHUNK])
            self._rest(time.monotonic() - begun, check)
        return {id_: np.frombuffer(known[id_].data, np.float32) for id_ in ids if id_ in known}

    def _rest(self, worked: float, check: Callable[[], None]) -> None:
        """Rest as long as the share of the time demands, and listen meanwhile."""
        until = time.monotonic() + worked * (1.0 - self.duty) / self.duty
        while (left := until - time.monotonic()) > 0.0:
            check()
            time.sleep(min(left, _GLANCE))

    def _tried(self, chunk: list[tuple[int, str]]) -> dict[int, VectorRecord]:
        """Encode a chunk; where some of its texts cannot be encoded and others can, go on with those."""
        try:
            return self._encoded(chunk)
        except Exception:
            made: dict[int, VectorRecord] = {}
            for at in dict.fromkeys((0, len(chunk) - 1, *range(len(chunk)))):
                with contextlib.suppress(Exception):
                    made |= self._encoded([chunk[at]])
                if at == len(chunk) - 1 and not made:  # neither the first nor the last: it is the encoder
                    raise
            return made

    def _encoded(self, chunk: list[tuple[int, str]]) -> dict[int, VectorRecord]:
        made = encode(self._encoder, [text for _, text in chunk])
        records = {
            id_: VectorRecord(data=vector.tobytes(), fingerprint=self._encoder.fingerprint)
            for (id_, _), vector in zip(chunk, made, strict=True)
        }
        batch = Batch()
        with self._store.writing:  # a memory may be erased meanwhile
            for id_, record in records.items():
                if self._store.has(MEMORY, id_):
                    batch.put(CODE, id_, record)
                    if id_ in self._leaving:
                        batch.put(FORMER, id_, self._leaving[id_])
            self._store.commit(batch)
        self.n_encoded += len(records)
        return records
