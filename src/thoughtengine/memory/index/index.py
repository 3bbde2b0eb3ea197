"""Index: all memories in memory, derived from their entries; one writer, any number of readers without a lock."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from types import ModuleType
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from thoughtengine._types import IntArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.experience import HAPPENED
from thoughtengine.memory.index.columns import (
    CODED,
    HIDDEN,
    LAYER,
    LINKS,
    MOST,
    PINNED,
    PLAIN,
    REPLACED,
    STATES,
    Columns,
    Names,
    SourceNames,
    felt,
)
from thoughtengine.memory.index.entry import Entry
from thoughtengine.memory.index.segment import LARGEST, Segment
from thoughtengine.memory.index.tail import Tail
from thoughtengine.memory.index.vectors import Block, Growing
from thoughtengine.memory.index.view import Frozen, Totals, View
from thoughtengine.memory.record import AppraisalRecord, MarkRecord

__all__ = ["Each", "Index", "Row", "Run"]

_LEAST = 1_000_000  # microseconds between two that belong together without an episode
_TAIL = 2048  # memories after which the tail is cut into a segment
_PIECE = 1 << 16  # memories of a segment that is cut at once
_WAITING = 4  # full tails that may wait to be cut
_FEW = 4  # rows from which a call of numpy for all is faster than one for each
_BULK = 64  # rows of which a segment is made at once

T = TypeVar("T")
R = TypeVar("R")


class Row(NamedTuple):
    """One memory for the index.

    Attributes
    ----------
    id : int
        Its id.
    entry : Entry
        Its index row.
    vector : array of float32, shape (d,), or None
        Its vector, of any length (norm).
    mark : MarkRecord or None
        What stands about it.
    appraisal : AppraisalRecord or None
        How it felt.
    """

    id: int
    entry: Entry
    vector: SingleArray | None = None
    mark: MarkRecord | None = None
    appraisal: AppraisalRecord | None = None


class Run(NamedTuple):
    """The columns of a run of memories, as a segment file keeps them: what `Index.attach` takes.

    Attributes
    ----------
    columns : mapping of str to array
        By the names of `Columns`; `source`, `episode`, `kind` are codes of the run's own, `previous` and `following` are
        relative to its first. What is 0 everywhere may be left out, but for `id`, `previous` and `following`.
    sources, episodes, kinds : list of str
        Values of the codes 1 and on.
    languages : list of str
        Of its texts, at least.
    """

    columns: Mapping[str, IntArray]
    sources: list[str]
    episodes: list[str]
    kinds: list[str]
    languages: list[str]


class Each(Protocol):
    """Does the same with each of some, in order: `map`, or that of a pool of threads."""

    def __call__(self, do: Callable[[T], R], what: Iterable[T], /) -> Iterable[R]:
        """Return the results, in order; `map` does nothing before they are looked at."""


class Index:
    """What recall and filters look at: columns, postings and vectors of every memory.

    Parameters
    ----------
    config : RecallConfig
        Settings of recall.
    dimension : int or None
        Length of the vectors; None: that of the first one.
    made_by : str
        Fingerprint of the encoder of the vectors.

    Attributes
    ----------
    whole : bool
        False where ids are still to come between those it has: an upgrade indexes the store.

    Notes
    -----
    `add`, `extend`, `attach`, `mark`, `replace` and `seal` are for one thread at a time; `view` is for any. What the others
    brought is in the views taken afterwards, never in earlier ones; a mark shows in all.
    """

    def __init__(self, config: RecallConfig, dimension: int | None, made_by: str = "") -> None:
        self._config, self._dimension, self._made_by = config, dimension, made_by
        self.whole = True
        self._n = 0
        self._columns = Columns(1024)
        self._segments: tuple[Segment, ...] = ()
        self._tail = Tail(0)
        self._frozen: tuple[Frozen, ...] = ()
        self._vectors = Growing(dimension)
        self._totals = Totals()
        self._names = (SourceNames(), Names(), Names())
        self._pause = round(config.pause * 1e6)
        self._newest = array("i", [-1])  # newest position of each episode, first of what came without one; -1 for none
        self._states = [0] * STATES
        self._publish()

    @property
    def n(self) -> int:
        """Number of memories, hidden ones among them."""
        return self._n

    def view(self) -> View:
        """Return the index as it stands now."""
        return self._view

    def add(self, row: Row) -> None:
        """Add one memory behind all others.

        Raises
        ------
        InvalidArgumentError
            For an id that is not the largest.
        VectorDimensionError
            For a vector of another dimension.
        """
        self._take(row)
        self._freeze_full()
        self._publish()

    def extend(self, rows: Iterable[Row], *, bulk: int | None = None) -> None:
        """Add many memories behind all others, in order of id, as `add` takes them.

        Parameters
        ----------
        bulk : int, optional
            Fewer than so many go into the tail; more become a segment.
        """
        bulk = bulk or _BULK
        iterator = iter(rows)
        while block := list(islice(iterator, _PIECE)):
            if len(block) < _FEW:
                self._check_ids([row.id for row in block])
                for row in block:
                    self._take(row)
                continue
            if len(block) >= bulk:
                self._seal()
            self._append(block)
            if len(block) < bulk:
                for row in block:
                    self._tail.append(row.entry)
                continue
            self._segments += (self._cut(Frozen(self._tail, self._vectors), [row.entry for row in block]),)
            self._begin(self._n)
        self._freeze_full()
        self._publish()

    def expect(self, n: int) -> None:
        """Make room for `n` memories in all, so that what is attached is not copied again and again."""
        self._reserve(n)

    def attach(self, segment: Segment, run: Run, each: Each = map) -> None:
        """Put a segment that was kept in a file behind all others; its `start` is `n`.

        Parameters
        ----------
        segment, run : Segment, Run
            What the file holds.
        each : callable
            ``each(copy, columns)``: `map`, or that of a pool of threads, for which short columns are not worth it.
        """
        self._seal()
        start, stop = segment.start, segment.stop
        self._reserve(stop)
        columns = self._columns

        def copy(name: str) -> None:
            kept, into = run.columns[name], getattr(columns, name)[start:stop]
            if name not in LINKS:
                into[:] = kept
                return
            np.add(kept, np.int32(start), out=into)
            if start:
                np.copyto(into, -1, where=kept < 0)

        do = each if stop - start > _PIECE else map
        copied = do(copy, [name for name in (*PLAIN, *LINKS) if name in run.columns])
        for name, names, values in zip(CODED, self._names, (run.sources, run.episodes, run.kinds), strict=True):
            if values:  # meanwhile
                np.take(names.table(values), run.columns[name], out=getattr(columns, name)[start:stop], mode="clip")
        for _ in copied:
            pass
        self._link(start, stop, run)
        states = run.columns.get("state")
        for state in range(LAYER + 1):  # of marks a file knows nothing
            n = (stop - start) * (not state) if states is None else np.count_nonzero(states == state)
            self._states[state] += int(n)
        lengths, moments = columns.length[start:stop], columns.at[start:stop]
        self._count(
            int(np.count_nonzero(lengths)), int(lengths.sum(dtype=np.int64)),
            int(columns.labels[start:stop].sum(dtype=np.int64)), int(moments.min()), int(moments.max()), run.languages,
            in_order=bool((moments[1:] >= moments[:-1]).all()),
        )  # fmt: skip
        self._n = stop
        self._segments += (segment,)
        self._begin(stop)
        self._publish()

    def mark(self, id_: int, mark: MarkRecord) -> None:
        """Change what stands about a memory: hidden, pinned, superseded.

        Raises
        ------
        InvalidArgumentError
            For an id that is not there.
        """
        position = self._view.position(id_)
        if position is None:
            raise InvalidArgumentError("id", id_, "the id of a memory in the index")
        self._mark(position, mark)

    def due(self, *, settle: bool = False) -> tuple[Segment, ...]:
        """Return the newest segments that are worth merging: those behind the first one add up to twice its size; or none.

        Any thread may ask. None while their vectors are of different encoders.

        Parameters
        ----------
        settle : bool
            Things are asked and nothing new comes: as many as are worth a segment of 65,536, for each one costs every recall.
        """
        newer, segments = 0, self._segments
        if len(self._view.makers) > 1:
            return ()
        found: tuple[Segment, ...] = ()
        for at in range(len(segments) - 1, -1, -1):
            size = len(segments[at])
            worth = newer >= 2 * size and newer + size <= LARGEST
            if worth or (settle and 0 < newer <= _PIECE - size):
                found = segments[at:]
            newer += size
        return found

    def merge(self, parts: Sequence[Segment], maths: ModuleType) -> Segment:
        """Return one segment for adjacent ones; the index is not changed, so any thread may call it."""
        folds = self._view.columns.fold[parts[0].start : parts[-1].stop]
        return Segment.merge(parts, folds, maths)

    def replace(self, parts: Sequence[Segment], by: Segment) -> bool:
        """Put a segment in the place of others that cover the same memories; False where they are not there any more."""
        try:
            at = self._segments.index(parts[0])
        except ValueError:
            return False
        if self._segments[at : at + len(parts)] != tuple(parts):
            return False
        self._segments = (*self._segments[:at], by, *self._segments[at + len(parts) :])
        self._publish()
        return True

    @property
    def frozen(self) -> tuple[Frozen, ...]:
        """Tails that are full and wait to be cut into segments, oldest first."""
        return self._frozen

    def cut(self, frozen: Frozen) -> Segment:
        """Return the segment of a full tail; the index is not changed, so any thread may call it."""
        return self._cut(frozen, frozen.tail.entries)

    def settle(self, frozen: Frozen, segment: Segment) -> bool:
        """Put a segment in the place of the oldest full tail; False where it is that no more."""
        if not self._frozen or self._frozen[0] is not frozen:
            return False
        self._frozen = self._frozen[1:]
        self._segments += (segment,)
        self._publish()
        return True

    def seal(self) -> None:
        """Cut all tails into segments now."""
        self._seal()
        self._publish()

    # one writer

    def _take(self, row: Row) -> None:
        """Put one row into the tail."""
        position = self._n
        self._check_ids([row.id])
        self._reserve(position + 1)
        if row.vector is not None:
            self._vectors.append([position - self._tail.start], [row.vector])
        self._put(position, row)
        self._n = position + 1
        self._tail.append(row.entry)

    def _append(self, rows: Sequence[Row]) -> None:
        """Fill the columns behind the last row; nothing is visible before `_publish`."""
        start, stop = self._n, self._n + len(rows)
        self._check_ids([row.id for row in rows])
        self._reserve(stop)
        place = start - self._tail.start
        having = [(place + i, row.vector) for i, row in enumerate(rows) if row.vector is not None]
        if having:
            self._vectors.append([i for i, _ in having], [vector for _, vector in having])
        self._fill(start, stop, rows)
        for position, row in enumerate(rows, start):
            if row.appraisal is not None:
                self._columns.valence[position], self._columns.arousal[position] = felt(row.appraisal)
            if row.mark is not None:
                self._mark(position, row.mark)
        self._n = stop

    def _check_ids(self, ids: Sequence[int]) -> None:
        last = int(self._columns.id[self._n - 1]) if self._n else -1
        for id_ in ids:
            if id_ <= last:
                raise InvalidArgumentError("id", id_, f"ids that ascend, from {last + 1} on")
            last = id_

    def _put(self, position: int, row: Row) -> None:
        """Fill one row of the columns: what `_fill` does for many."""
        columns, (sources, episodes, kinds), entry = self._columns, self._names, row.entry
        episode, length, n_labels = (
            episodes.code(entry.episode),
            min(entry.length, MOST),
            min(len(entry.labels) // 8, MOST),
        )
        columns.id[position] = row.id
        columns.at[position] = entry.at
        columns.offset[position] = entry.offset
        columns.length[position] = length
        columns.labels[position] = n_labels
        columns.fold[position] = entry.fold
        columns.state[position] = entry.layer
        columns.source[position] = sources.code(entry.source)
        columns.kind[position] = kinds.code(entry.kind)
        columns.episode[position] = episode
        columns.valence[position], columns.arousal[position] = felt(row.appraisal)
        self._states[entry.layer] += 1
        self._chain(position, (episode,))
        self._count(length > 0, length, n_labels, entry.at, entry.at, {entry.language}, in_order=True)
        if row.mark is not None:
            self._mark(position, row.mark)

    def _fill(self, start: int, stop: int, rows: Sequence[Row]) -> None:
        columns, entries = self._columns, [row.entry for row in rows]
        columns.id[start:stop] = [row.id for row in rows]
        columns.at[start:stop] = moments = [entry.at for entry in entries]
        columns.offset[start:stop] = [entry.offset for entry in entries]
        columns.length[start:stop] = lengths = [min(entry.length, MOST) for entry in entries]
        columns.labels[start:stop] = labels = [min(len(entry.labels) // 8, MOST) for entry in entries]
        columns.fold[start:stop] = [entry.fold for entry in entries]
        columns.state[start:stop] = states = [entry.layer for entry in entries]
        sources, episodes, kinds = self._names
        columns.source[start:stop] = [sources.code(entry.source) for entry in entries]
        columns.kind[start:stop] = [kinds.code(entry.kind) for entry in entries]
        columns.episode[start:stop] = codes = [episodes.code(entry.episode) for entry in entries]
        for state, n in Counter(states).items():
            self._states[state] += n
        self._chain(start, codes)
        self._count(
            len(lengths) - lengths.count(0), sum(lengths), sum(labels), min(moments), max(moments),
            {entry.language for entry in entries}, in_order=moments == sorted(moments),
        )  # fmt: skip

    def _count(
        self, texts: int, words: int, labels: int, first: int, last: int, languages: Collection[str], *, in_order: bool
    ) -> None:
        so_far = self._totals
        new = set(languages).difference(so_far.languages, ("",))
        self._totals = Totals(
            so_far.texts + texts,
            so_far.words + words,
            so_far.labels + labels,
            min(so_far.first, first) if self._n else first,
            max(so_far.last, last) if self._n else last,
            tuple(sorted({*so_far.languages, *new})) if new else so_far.languages,
            in_order and so_far.in_order and (not self._n or first >= so_far.last),
        )

    def _chain(self, start: int, episodes: Sequence[int]) -> None:
        stop, previous, following, newest = start + len(episodes), list[int](), self._columns.following, self._known()
        following[start:stop] = -1
        for position, episode in enumerate(episodes, start):
            before = newest[episode] if episode else self._before(position)
            previous.append(before)
            if before >= 0:
                following[before] = position
            if episode or self._happened(position):
                newest[episode] = position
        self._columns.previous[start:stop] = previous

    def _known(self) -> array[int]:
        """Return the newest position of every episode that has a code."""
        if (more := self._names[1].n - len(self._newest)) > 0:
            self._newest += array("i", [-1]) * more
        return self._newest

    def _happened(self, position: int) -> bool:
        return int(self._columns.state[position]) & LAYER in HAPPENED

    def _before(self, position: int) -> int:
        """Return what came before a memory without an episode, unless a pause was between them; -1 for nothing.

        What came in the same second was imported together, and is no conversation.
        """
        before = self._newest[0]
        if before < 0 or not self._happened(position):
            return -1
        pause = int(self._columns.at[position]) - int(self._columns.at[before])
        return before if _LEAST <= pause <= self._pause else -1

    def _link(self, start: int, stop: int, run: Run) -> None:
        """Chain an attached run, whose own links are copied: the first memories of its episodes to the last ones before it."""
        self._link_runs(start, stop, run)
        if not run.episodes:
            return
        columns, own, previous, following = self._columns, *(run.columns[name] for name in ("episode", *LINKS))
        newest = np.frombuffer(self._known(), np.int32)  # in the run each episode is one chain
        if start:
            first = start + np.flatnonzero((previous < 0) & (own > 0))
            before = newest[columns.episode[first]]
            first, before = first[before >= 0], before[before >= 0]
            columns.previous[first], columns.following[before] = before, first
        last = start + np.flatnonzero((following < 0) & (own > 0))
        newest[columns.episode[last]] = last

    def _link_runs(self, start: int, stop: int, run: Run) -> None:
        """Chain what came without an episode, as `_before` says; the file was made under other settings, maybe."""
        columns = self._columns
        alone = run.columns["episode"] == 0 if run.episodes else np.ones(stop - start, np.bool_)
        if not alone.any():
            return
        layers = columns.state[start:stop] & LAYER
        alone &= np.any([layers == layer for layer in HAPPENED], axis=0)
        places = start + np.flatnonzero(alone).astype(np.int32)
        if not len(places):
            return
        mine = slice(start, stop) if len(places) == stop - start else places  # in a row is faster than picked out
        last = int(places[0]) if self._newest[0] < 0 else self._newest[0]
        pauses = np.diff(columns.at[mine], prepend=columns.at[last])
        linked = (pauses >= _LEAST) & (pauses <= self._pause)
        columns.previous[mine] = np.where(linked, np.append(np.int32(last), places[:-1]), -1)
        columns.following[mine] = np.append(np.where(linked[1:], places[1:], -1), np.int32(-1))
        if linked[0]:
            columns.following[last] = places[0]
        self._newest[0] = int(places[-1])

    def _mark(self, position: int, mark: MarkRecord) -> None:
        before = int(self._columns.state[position])
        state = before & LAYER
        state |= (PINNED if mark.pinned else 0) | (HIDDEN if mark.forgotten else 0)
        state |= 0 if mark.superseded_by is None else REPLACED
        if mark.superseded_by or self._columns.successor[position]:
            self._columns.successor[position] = mark.superseded_by or 0
        self._states[state] += 1  # first: a reader must never see a state that is not counted
        self._columns.state[position] = state
        self._states[before] -= 1

    def _reserve(self, stop: int) -> None:
        if stop > len(self._columns):
            have = len(self._columns)
            self._columns = self._columns.grown(self._n, max(stop, 2 * have if have < _PIECE else have * 5 // 4))

    def _freeze_full(self) -> None:
        """Let a full tail wait to be cut, and begin another; when many wait nobody cuts them, so it is done here."""
        if len(self._tail) >= _TAIL:
            self._frozen += (Frozen(self._tail, self._vectors),)
            self._begin(self._n)
        if len(self._frozen) > _WAITING:
            self._seal()

    def _seal(self) -> None:
        """Cut all tails into segments; old views keep the old tails."""
        waiting = [*self._frozen, Frozen(self._tail, self._vectors)]
        self._segments += tuple(self._cut(frozen, frozen.tail.entries) for frozen in waiting if len(frozen.tail))
        self._frozen = ()
        self._begin(self._n)

    def _begin(self, start: int) -> None:
        """Begin an empty tail."""
        self._tail = Tail(start)
        self._vectors = Growing(self._dimension or self._vectors.dimension)

    def _cut(self, frozen: Frozen, entries: Sequence[Entry]) -> Segment:
        vectors, block = frozen.vectors, None
        if vectors.n:
            block = Block.build(vectors.places[: vectors.n], vectors.matrix, self._made_by)
        return Segment.build(frozen.tail.start, entries, block)

    def _publish(self) -> None:
        self._view = View(
            self._n, self._columns, self._segments, self._frozen, self._tail,
            (self._vectors.places[: self._vectors.n], self._vectors.matrix) if self._vectors.n else None,
            self._made_by, self._totals, self._names, self._states,
        )  # fmt: skip
