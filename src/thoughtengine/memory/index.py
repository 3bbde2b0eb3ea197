"""Index: all memories in memory, derived from their entries; one writer, any number of readers without a lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np

from thoughtengine._types import SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.columns import HIDDEN, LAYER, PINNED, REPLACED, STATES, Columns, Names, SourceNames
from thoughtengine.memory.entry import Entry
from thoughtengine.memory.record import MarkRecord
from thoughtengine.memory.segment import Segment, Tail
from thoughtengine.memory.vectors import Vectors
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
        self._n = 0
        self._columns = Columns(1024)
        self._segments: tuple[Segment, ...] = ()
        self._tail = Tail(0)
        self._totals = Totals()
        self._names = (SourceNames(), Names(), Names())
        self._newest: dict[int, int] = {}  # code of an episode → its newest position
        self._states = [0] * STATES
        self._vectors = Vectors(dimension)
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
        position = self._n
        if position and id_ <= self._columns.id[position - 1]:
            raise InvalidArgumentError("id", id_, f"an id above {self._columns.id[position - 1]}")
        self._reserve(position + 1)
        row = -1 if vector is None else self._vectors.append([vector])
        self._put(position, id_, entry)
        self._columns.vector[position] = row
        if mark is not None:
            self._mark(position, mark)
        self._n = position + 1
        self._tail.append(entry)
        if len(self._tail.entries) >= _TAIL:
            self._seal()
        self._publish()

    def extend(self, rows: Iterable[Row]) -> None:
        """Add many memories behind all others: (id, entry, vector or None, mark or None), as `add` takes them."""
        iterator = iter(rows)
        while block := list(islice(iterator, _SEGMENT)):
            if len(block) == 1:
                id_, entry, vector, mark = block[0]
                self.add(id_, entry, vector=vector, mark=mark)
                continue
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
        self._columns.vector[position] = self._vectors.append([vector])
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
        first = self._vectors.append([vector for _, vector in vectors]) if vectors else 0  # first: it may refuse
        self._columns.id[start:stop] = ids
        self._fill(start, stop, [row[1] for row in rows])
        self._columns.vector[[at for at, _ in vectors]] = np.arange(first, first + len(vectors))
        for i, row in enumerate(rows):
            if row[3] is not None:
                self._mark(start + i, row[3])
        self._n = stop

    def _put(self, position: int, id_: int, entry: Entry) -> None:
        """Fill one row of the columns: what `_fill` does for many."""
        columns, (sources, episodes, kinds) = self._columns, self._names
        episode, n_labels = episodes.code(entry.episode), len(entry.labels) // 8
        columns.id[position] = id_
        columns.at[position] = entry.at
        columns.offset[position] = entry.offset
        columns.length[position] = entry.length
        columns.labels[position] = n_labels
        columns.fold[position] = entry.fold
        columns.state[position] = entry.layer
        columns.source[position] = sources.code(entry.source)
        columns.kind[position] = kinds.code(entry.kind)
        columns.episode[position] = episode
        self._states[entry.layer] += 1
        self._chain(position, (episode,))
        self._count(entry.length > 0, entry.length, n_labels, entry.at, entry.at, (entry.language,))

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
        self._count(
            len(lengths) - lengths.count(0),
            sum(lengths),
            sum(labels),
            min(moments),
            max(moments),
            [e.language for e in entries],
        )

    def _count(self, texts: int, words: int, labels: int, first: int, last: int, languages: Sequence[str]) -> None:
        so_far = self._totals
        new = set(languages).difference(so_far.languages, ("",))
        self._totals = Totals(
            so_far.texts + texts,
            so_far.words + words,
            so_far.labels + labels,
            min(so_far.first, first) if self._n else first,
            max(so_far.last, last) if self._n else last,
            (*so_far.languages, *sorted(new)) if new else so_far.languages,
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
        before = int(self._columns.state[position])
        state = before & LAYER
        state |= (PINNED if mark.pinned else 0) | (HIDDEN if mark.forgotten else 0)
        state |= 0 if mark.superseded_by is None else REPLACED
        self._columns.successor[position] = mark.superseded_by or 0
        self._states[state] += 1  # first: a reader must never see a state that is not counted
        self._columns.state[position] = state
        self._states[before] -= 1

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
        self._view = View(
            self._n, self._columns, self._segments, self._tail, self._totals, self._names, self._states,
            self._vectors.matrix,
        )  # fmt: skip
