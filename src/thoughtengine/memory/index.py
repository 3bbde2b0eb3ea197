"""Index: all memories in memory, derived from their entries; one writer, any number of readers without a lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from thoughtengine._types import SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.errors import InvalidArgumentError, VectorDimensionError
from thoughtengine.memory.columns import HIDDEN, LAYER, PINNED, STATES, Columns, Names, SourceNames
from thoughtengine.memory.entry import Entry
from thoughtengine.memory.record import MarkRecord
from thoughtengine.memory.segment import Segment, Tail
from thoughtengine.memory.view import Totals, View

__all__ = ["Index"]

Row = tuple[int, Entry, "SingleArray | None", "MarkRecord | None"]

_TAIL = 1024  # memories after which the tail is cut into a segment
_SEGMENT = 1 << 16  # memories of the largest segment
_BULK = 64  # fewer rows than this go into the tail one by one


class Index:
    """What recall and filters look at: columns, postings and vectors of every memory.

    Parameters
    ----------
    config : RecallConfig
        Settings of recall.
    dimension : int or None
        Length of the vectors; None: that of the first one.

    Notes
    -----
    `add`, `extend`, `mark` and `set_vector` are for one thread at a time; `view` is for any. What `add` and `extend`
    brought is in the views taken afterwards, never in earlier ones; a mark shows in all.
    """

    def __init__(self, config: RecallConfig, dimension: int | None) -> None:
        self._config = config
        self._dimension = dimension
        self._n = 0
        self._columns = Columns(1024)
        self._segments: tuple[Segment, ...] = ()
        self._tail = Tail(0)
        self._totals = Totals()
        self._names = (SourceNames(), Names(), Names())
        self._newest: dict[int, int] = {}  # code of an episode → its newest position
        self._states = [0] * STATES
        self._matrix: SingleArray | None = None
        self._n_vectors = 0
        self._publish()

    @property
    def n(self) -> int:
        """Number of memories, hidden ones among them."""
        return self._n

    def view(self) -> View:
        """Return the index as it stands now."""
        return self._view

    def add(self, id_: int, entry: Entry, *, vector: SingleArray | None = None, mark: MarkRecord | None = None) -> None:
        """Add one memory behind all others.

        Parameters
        ----------
        id_ : int
            Larger than any id before.
        entry : Entry
            Its index row.
        vector : array of float32, shape (d,), optional
            Its vector, of any length (norm).
        mark : MarkRecord, optional
            What stands about it.

        Raises
        ------
        InvalidArgumentError
            For an id that is not the largest.
        VectorDimensionError
            For a vector of another dimension.
        """
        self._append([(id_, entry, vector, mark)])
        self._tail.append(entry)
        if len(self._tail.entries) >= _TAIL:
            self._seal()
        self._publish()

    def extend(self, rows: Iterable[Row]) -> None:
        """Add many memories behind all others: (id, entry, vector or None, mark or None), as `add` takes them."""
        iterator = iter(rows)
        while block := list(islice(iterator, _SEGMENT)):
            self._append(block)
            entries = [row[1] for row in block]
            if len(entries) < _BULK:
                for entry in entries:
                    self._tail.append(entry)
            else:
                self._seal()
                self._segments += (Segment.build(self._tail.start, entries),)
                self._tail = Tail(self._n)
                self._compact()
        if len(self._tail.entries) >= _TAIL:
            self._seal()
        self._publish()

    def mark(self, id_: int, mark: MarkRecord) -> None:
        """Change what stands about a memory: hidden, pinned, superseded.

        Raises
        ------
        InvalidArgumentError
            For an id that is not there.
        """
        self._mark(self._position(id_), mark)

    def set_vector(self, id_: int, vector: SingleArray) -> None:
        """Give a memory a vector, or another one.

        Raises
        ------
        InvalidArgumentError
            For an id that is not there.
        VectorDimensionError
            For a vector of another dimension.
        """
        position = self._position(id_)
        self._columns.vector[position] = self._append_vectors([vector])
        self._publish()

    def _position(self, id_: int) -> int:
        position = self._view.position(id_)
        if position is None:
            raise InvalidArgumentError("id", id_, "the id of a memory in the index")
        return position

    def _append(self, rows: Sequence[Row]) -> None:
        """Fill the columns behind the last row; nothing is visible before `_publish`."""
        ids = np.array([row[0] for row in rows], np.int64)
        last = self._columns.id[self._n - 1] if self._n else -1
        if ids[0] <= last or (ids[1:] <= ids[:-1]).any():
            raise InvalidArgumentError("id", int(ids[0]), f"ids that ascend, from {int(last) + 1} on")
        start, stop = self._n, self._n + len(rows)
        self._reserve(stop)
        vectors = [(start + i, row[2]) for i, row in enumerate(rows) if row[2] is not None]
        if vectors:
            first = self._append_vectors([vector for _, vector in vectors])
            self._columns.vector[[at for at, _ in vectors]] = np.arange(first, first + len(vectors))
        self._columns.id[start:stop] = ids
        self._fill(start, stop, [row[1] for row in rows])
        for i, row in enumerate(rows):
            if row[3] is not None:
                self._mark(start + i, row[3])
        self._n = stop

    def _fill(self, start: int, stop: int, entries: Sequence[Entry]) -> None:
        columns = self._columns
        columns.at[start:stop] = moments = [entry.at for entry in entries]
        columns.offset[start:stop] = [entry.offset for entry in entries]
        columns.length[start:stop] = lengths = [entry.length for entry in entries]
        columns.labels[start:stop] = labels = [len(entry.labels) // 8 for entry in entries]
        columns.fold[start:stop] = [entry.fold for entry in entries]
        columns.state[start:stop] = states = [entry.layer for entry in entries]
        sources, episodes, kinds = self._names
        columns.source[start:stop] = [sources.code(entry.source) for entry in entries]
        columns.kind[start:stop] = [kinds.code(entry.kind) for entry in entries]
        columns.episode[start:stop] = codes = [episodes.code(entry.episode) for entry in entries]
        for state in states:
            self._states[state] += 1
        self._chain(start, codes)
        before = self._totals
        self._totals = Totals(
            before.texts + len(lengths) - lengths.count(0),
            before.words + sum(lengths),
            before.labels + sum(labels),
            min(moments) if not start else min(before.first, min(moments)),
            max(moments) if not start else max(before.last, max(moments)),
        )

    def _chain(self, start: int, episodes: Sequence[int]) -> None:
        previous, following, newest = self._columns.previous, self._columns.following, self._newest
        for position, episode in enumerate(episodes, start):
            if episode:
                before = newest.get(episode, -1)
                previous[position] = before
                if before >= 0:
                    following[before] = position
                newest[episode] = position

    def _mark(self, position: int, mark: MarkRecord) -> None:
        state = int(self._columns.state[position])
        changed = state & LAYER | (HIDDEN if mark.forgotten else 0) | (PINNED if mark.pinned else 0)
        self._columns.successor[position] = mark.superseded_by or 0
        self._states[changed] += 1
        self._columns.state[position] = changed
        self._states[state] -= 1

    def _append_vectors(self, vectors: Sequence[Any]) -> int:
        for vector in vectors:
            if self._dimension is None:
                self._dimension = len(vector)
            if len(vector) != self._dimension:
                raise VectorDimensionError("vector", len(vector), self._dimension)
        rows = np.array(vectors, np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        rows /= np.where(norms > 0.0, norms, 1.0)[:, None].astype(np.float32)
        first, stop = self._n_vectors, self._n_vectors + len(rows)
        if self._matrix is None or stop > len(self._matrix):
            larger = np.zeros((max(64, stop, 2 * first), rows.shape[1]), np.float32)
            if self._matrix is not None:
                larger[:first] = self._matrix[:first]
            self._matrix = larger
        self._matrix[first:stop] = rows
        self._n_vectors = stop
        return first

    def _reserve(self, stop: int) -> None:
        if stop > len(self._columns.id):
            self._columns = self._columns.grown(self._n, max(stop, 2 * len(self._columns.id)))

    def _seal(self) -> None:
        """Cut the tail into a segment; old views keep the old tail."""
        if self._tail.entries:
            self._segments += (Segment.build(self._tail.start, self._tail.entries),)
            self._compact()
        self._tail = Tail(self._tail.start + len(self._tail.entries))

    def _compact(self) -> None:
        """Merge the last segments while they are of like size, so that their number stays logarithmic."""
        segments = list(self._segments)
        while len(segments) > 1 and len(segments[-2]) < 2 * len(segments[-1]):
            if len(segments[-2]) + len(segments[-1]) > _SEGMENT:
                break
            segments[-2:] = [Segment.merge(segments[-2:])]
        self._segments = tuple(segments)

    def _publish(self) -> None:
        matrix = None if self._matrix is None else self._matrix[: self._n_vectors]
        self._view = View(
            self._n, self._columns, self._segments, self._tail, self._totals, self._names, self._states, matrix
        )
