"""Live: the index of a store from its first use on, current at every look; cut, merged and kept in files behind the calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from types import ModuleType
from typing import Generic, TypeVar

import numpy as np

from thoughtengine import _jit
from thoughtengine._types import SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.errors import ThoughtEngineError
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index.analysis import ANALYSIS
from thoughtengine.memory.index.coding import Recoding
from thoughtengine.memory.index.entry import Entry, make_entry
from thoughtengine.memory.index.index import Each, Index, Row
from thoughtengine.memory.index.segment import LARGEST, Segment
from thoughtengine.memory.index.shelf import Kept, Shelf, readers
from thoughtengine.memory.index.upkeep import Job, Stopped, Upkeep
from thoughtengine.memory.index.vectors import Block, unit_rows
from thoughtengine.memory.index.view import View
from thoughtengine.memory.record import AppraisalRecord, MarkRecord, MemoryRecord, VectorRecord
from thoughtengine.memory.remember import Taken
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.columnfile import ColumnFileError
from thoughtengine.storage.contract import PAGE, Store
from thoughtengine.storage.keyspace import APPRAISAL, CODE, MARK, MEMORY, TERMS, VECTOR

__all__ = ["LiveIndex"]

_KERNELS = "thoughtengine.memory.index.kernels"
_NEWS = 1_024  # pieces of news that are taken in behind the calls, where nobody looks
_MOST_NEWS = 8_192  # pieces of news that whoever brings more of them takes in: the thread behind the calls is busy
_AT_ONCE_NEW = 512  # new memories of which a segment is made at once
_AT_ONCE = 16_384  # memories that are indexed while somebody waits; more of them are, behind
_FILED = 4_096  # memories from which a segment is worth a file
_UNSEEN = 1_024  # memories stored without anybody looking, after which the index is loaded and grows with them
_LOOKS, _STILL = 32, 1.0  # looks, and seconds without a new memory, after which small segments are merged into one
_LEAP = 1024  # ids
_FIRST = 0.1  # seconds after loading in which nothing is verified
_PATIENCE = 1.0  # seconds to wait for writers before a whole index is made again
_SLICE, _PAUSE = 64, 0.001  # rows read at a time behind the calls, and seconds between

T = TypeVar("T")
News = Taken | tuple[int, MarkRecord]


class LiveIndex:
    """The index over a store.

    Parameters
    ----------
    store : Store
        What it is derived from.
    config : RecallConfig
        Settings of recall.
    dimension : int or None
        Of the vectors.
    fingerprint : str
        Of the encoder whose vectors count; those of another one are left out.

    Notes
    -----
    It is loaded when it is first asked for: segments from their files, the rest from the entries. Where a file is missing or
    damaged and many memories are behind it, what is there answers meanwhile, and `View` says of how many it knows. The same
    holds while an upgrade indexes a store: then nothing becomes a file, as ids are still to come between those known.
    """

    def __init__(self, store: Store, config: RecallConfig, *, dimension: int | None, fingerprint: str) -> None:
        self._store, self._config = store, config
        self.dimension, self.fingerprint = dimension, fingerprint
        self._shelf = Shelf(store.derived_folder)
        self._shelf.prune(store.head.sequence)
        self._index: Index | None = None
        self._lock = threading.Lock()
        self._telling = threading.Lock()  # held shortly, inside the other one: who stores does not wait for who indexes
        self._news: list[News] = []  # stored since the index last looked, in order
        self._unseen = 0  # memories stored while no index stood
        self._looks = 0  # since a segment was last cut
        self._told_at = self._loaded_at = 0.0  # when a memory was last stored, and the index loaded
        self._partial = False  # whether the index lacks memories that are in the store
        self._growth = 0  # how often an upgrade told that entries came between those known
        self._marks: dict[int, MarkRecord] = {}  # changed while a whole index is made
        self._unverified: list[str] = []
        self._unkept: str | None = None
        self._resting = False  # after a file could not be written, until more is cut
        self._recoding: Recoding | None = None
        self._former: tuple[str, int] | None = None
        self._refused: str | None = None
        self.on_recoded: Callable[[], None] = _nothing
        self.upkeep = Upkeep(self._next_job)

    @property
    def loaded(self) -> bool:
        """Whether the index stands."""
        return self._index is not None

    def view(self, *, whole: bool = True) -> View:
        """Return the index as it stands, every memory stored before the call in it.

        Parameters
        ----------
        whole : bool
            False: where files were lost or an upgrade still indexes, what is there already will do. True makes the entries
            that the upgrade has not made yet, which costs as much as indexing them.
        """
        self.upkeep.retry()
        self._looks += 1
        if not self._looks % _LOOKS and (self._index is None or self._index.due(settle=True)):
            self.upkeep.wake()
        while True:
            index = self._index
            if index is None:
                with self._store.writing:
                    index = self._index = self._index or self._load()
                self.upkeep.wake()
            if not index.whole and not self._partial and not self.lacking:  # the upgrade has ended
                self.grown()
                continue
            if whole and not index.whole:
                self._read_whole(index)
                continue
            if whole and self._partial:
                with self.upkeep.quiet():
                    if self._partial:
                        self._complete(at_leisure=False)
                continue
            with self._lock:  # also when there is no news: another thread may be taking in what this one stored
                if index is self._index:  # else rows were dropped in between, and what is new belongs to the next index
                    self._absorb(index)
                    return index.view()

    def make_whole(self) -> None:
        """Make the index where it does not stand and nobody asks meanwhile: of many, no part is loaded that would answer soon."""
        self._ask_for_all()
        if self._index is None and self._store.head.memories > _AT_ONCE:
            with self._store.writing:
                self._index, self._partial, self._loaded_at = self._empty(), True, time.monotonic()
        self.view()

    @property
    def lacking(self) -> bool:
        """Whether an upgrade has not indexed everything yet, and nobody has asked for the whole."""
        return not getattr(self._store, "whole", True) and getattr(self._store, "before", None) is not None

    def _read_whole(self, index: Index) -> None:
        """Let an index go that was made while an upgrade ran, and have the entries made that are not there yet."""
        self._ask_for_all()
        if index is self._index:
            self.dropped()

    def _ask_for_all(self) -> None:
        if self.lacking:
            self._store.whole = True  # type: ignore[attr-defined]

    def grown(self) -> None:
        """Tell that entries came between those known: few are loaded anew, of many a whole index is made behind the calls."""
        with self._lock:
            index = self._index
            if index is None or index.whole:
                return
            many = self._store.head.memories > _AT_ONCE
            if many:
                self._growth += 1
                self._partial = True
        if not many:
            self.dropped()
        self.upkeep.wake()

    def added(self, taken: list[Taken]) -> None:
        """Tell that memories were stored; the caller holds the store's `writing` lock."""
        if self.dimension is None:
            self.dimension = next((t.vector.size for t in taken if t.vector is not None), None)
        self._told_at = time.monotonic()
        if self._index is None:
            self._unseen += len(taken)
            if self._unseen >= _UNSEEN:  # so that an import is indexed as it goes, and found by whoever looks next
                self._index, self._unseen = self._load(), 0
                self.upkeep.wake()
            return
        with self._telling:
            if self._index is None:  # dropped in between: what is stored will be read
                return
            for new in taken:
                self._news.append(new)
                if new.superseded is not None and new.mark is not None:
                    self._note(new.superseded, new.mark)
            n_news = len(self._news)
        if n_news >= _NEWS:
            self.upkeep.wake()
        if n_news >= _MOST_NEWS and (index := self._index) is not None:
            self._keep_up(index)

    def marked(self, marks: dict[int, MarkRecord]) -> None:
        """Tell that marks changed; the caller holds the store's `writing` lock."""
        with self._telling:
            for id_, mark in marks.items() if self._index is not None else ():
                self._note(id_, mark)

    def _note(self, id_: int, mark: MarkRecord) -> None:
        self._news.append((id_, mark))
        if self._partial:
            self._marks[id_] = mark

    def dropped(self) -> None:
        """Tell that rows went: the index is loaded anew when it is next needed."""
        with self._lock:
            self._forget()
            self._marks, self._unverified = {}, []
            self._shelf = Shelf(self._store.derived_folder)

    def checked(self) -> None:
        """Let the index go where a check has removed a file of it: it is made again from the entries."""
        index = self._index
        used = set() if index is None else {s.name for s in index.view().segments if s.name is not None}
        if used - self._shelf.names():
            self.dropped()

    def _forget(self) -> None:
        with self._telling:
            self._index, self._news, self._partial = None, [], False

    @property
    def trouble(self) -> str | None:
        """What went wrong behind the calls, None where nothing did."""
        return self._unkept or self.upkeep.trouble or self._refused

    def close(self) -> None:
        """Let the work behind the calls end, and keep in a file what is worth one."""
        self.upkeep.close()
        index = self._index
        if index is not None and index.whole and not (self._partial or self._resting) and self._store.derived_folder:
            self._file_loose(index)

    def _file_loose(self, index: Index) -> None:
        """Keep the newest memories that no file holds in one, so that they do not add up from one session to the next."""
        with self._lock:
            self._absorb(index)
            index.seal()
        segments = index.view().segments
        n_loose = sum(1 for _ in takewhile(lambda segment: segment.name is None, reversed(segments)))
        loose = segments[len(segments) - n_loose :]
        made_by = {segment.block.made_by for segment in loose if segment.block is not None}
        if _FILED <= sum(map(len, loose)) <= LARGEST and len(made_by) <= 1:
            self._saved(index, index.merge(loose, _compiled()))

    def _keep_up(self, index: Index) -> None:
        """Take in what is new, where nobody looks and much has come."""
        with self._lock:
            if index is self._index and len(self._news) >= _NEWS:
                self._absorb(index)

    def _absorb(self, index: Index) -> None:
        """Bring the index up to date: a numpy call costs the same for one memory as for a thousand, so not one by one."""
        if not self._news:
            return
        rows: list[Row] = []
        n_parts = len(index.view().segments) + len(index.frozen)
        try:
            with self._telling:
                news, self._news = self._news, []
            for piece in news:
                if isinstance(piece, Taken):
                    rows.append(Row(piece.id, piece.entry, piece.vector, None, piece.appraisal))
                    continue
                index.extend(rows, bulk=_AT_ONCE_NEW)
                rows = []
                if index.view().position(piece[0]) is not None or (index.whole and not self._partial):
                    index.mark(*piece)
            index.extend(rows, bulk=_AT_ONCE_NEW)
        except BaseException:  # interrupted when it was half told: load it anew
            self._forget()
            raise
        if len(index.view().segments) + len(index.frozen) > n_parts:
            self._resting, self._looks = False, 0
            self.upkeep.wake()

    # loading

    def _load(self) -> Index:
        """Load what can be had soon; the caller holds the store's `writing` lock."""
        index = self._empty()
        self._partial = False
        after, n = 0, self._store.head.memories
        with readers(n) as each:
            for kept in self._shelf.kept(each, store=self._store):
                self._fill(index, after, kept.first)
                index.expect(n + _AT_ONCE)
                self._attach(index, kept, each)
                after = kept.last
        self._fill(index, after, None)
        self._loaded_at = time.monotonic()
        return index

    def _empty(self) -> Index:
        index = Index(self._config, self.dimension, self.fingerprint)
        index.whole = not self.lacking  # asked before the rows are read
        return index

    def _fill(self, index: Index, after: int, before: int | None) -> None:
        """Take in the memories between two ids from their entries, if they are not many; of the newest, those that are not."""
        if before == after + 1:
            return
        stop = TERMS.stop if before is None else TERMS.key(before)
        between = takewhile(lambda row: row[0] < stop, self._store.raw(TERMS, after=after or None))
        if sum(1 for _ in islice(between, _AT_ONCE + 1)) <= _AT_ONCE:
            self._extend(index, after, before)
            return
        self._partial = True
        if before is None:
            newest = [key for key, _ in islice(self._store.raw(TERMS, reverse=True), _AT_ONCE)]
            self._extend(index, max(after, TERMS.number(newest[-1]) - 1), None)

    def _extend(self, index: Index, after: int, before: int | None) -> None:
        """Take in rows; while another encoder is being taken over, with the vectors of the one before, which answer meanwhile."""
        former = self._former
        made_before = {} if former is None else dict(self._vectors(after, before, *former))
        if former is None or not made_before:
            index.extend(self._rows(after, before))
            return
        index.seal()
        n_sealed = len(index.view().segments)
        index.extend(row._replace(vector=None) for row in self._rows(after, before))
        index.seal()
        for segment in index.view().segments[n_sealed:]:
            ids = index.view().ids[segment.start : segment.stop].tolist()
            rows = np.array([row for row, id_ in enumerate(ids) if id_ in made_before], np.int32)
            if len(rows):
                vectors = unit_rows(np.array([made_before[ids[row]] for row in rows], np.float32))
                block = Block.build(rows, vectors, former[0])
                index.replace((segment,), segment.with_block(block))

    def _attach(self, index: Index, kept: Kept, each: Each = map) -> None:
        segment = kept.segment(index.n)
        index.attach(segment, kept.run, each)
        kept.copied()
        for id_, mark in self._store.rows(MARK, MarkRecord, after=kept.first - 1):
            if id_ > kept.last:
                break
            index.mark(id_, mark)
        self._unverified.append(kept.file.path.name)

    def _rows(self, after: int, before: int | None) -> Iterator[Row]:
        """Walk the index entries between two ids, and beside them vectors, marks and appraisals, all in order of id."""
        store, first = self._store, after or None
        vectors = _Beside(lambda last: self._vectors(last, before, self.fingerprint, self.dimension))
        marks = _Beside(lambda last: store.rows(MARK, MarkRecord, after=last or None))
        appraisals = _Beside(lambda last: store.rows(APPRAISAL, AppraisalRecord, after=last or None))
        stale = Batch()
        for id_, entry in store.rows(TERMS, Entry, after=first):
            if before is not None and id_ >= before:
                break
            if entry.analysis != ANALYSIS and (record := store.get(MEMORY, id_, MemoryRecord)) is not None:
                entry = make_entry(record)
                stale.put(TERMS, id_, entry)
                if len(stale) >= PAGE:
                    store.commit(stale)
                    stale = Batch()
            yield Row(id_, entry, vectors.at(id_), marks.at(id_), appraisals.at(id_))
        if len(stale):
            store.commit(stale)

    def _vectors(
        self, after: int, before: int | None, fingerprint: str, dimension: int | None
    ) -> Iterator[tuple[int, SingleArray]]:
        """Yield the host's vectors and those of one encoder, in order of id, between two ids."""
        given = self._store.rows(VECTOR, VectorRecord, after=after or None)
        made = self._store.rows(CODE, VectorRecord, after=after or None)
        counting = ((i, v) for i, v in made if v.fingerprint == fingerprint)
        for id_, stored in _merged(given, counting):
            if before is not None and id_ >= before:
                return
            vector = np.frombuffer(stored.data, np.float32)
            if dimension is None or vector.size == dimension:
                yield id_, vector

    # behind the calls

    def _next_job(self) -> Job | None:
        index = self._index
        if index is None:
            return self._look if self._recoding is not None else None
        if len(self._news) >= _NEWS:
            return lambda: self._keep_up(index)
        if self._partial:
            return self._complete
        if index.frozen:
            return lambda: self._cut(index)
        if self._unverified:  # before anything is made of what is in it
            return self._verify_next
        if parts := index.due(settle=self._looks >= _LOOKS and time.monotonic() - self._told_at > _STILL):
            return lambda: self._merge(index, parts)
        kept = self._store.derived_folder is not None and index.whole and not self._resting
        for segment in index.view().segments:
            if segment.name is None and len(segment) >= _FILED and kept:
                return lambda: self._file(index, segment)
        return self._recoding_job(index)

    def recode(self, recoding: Recoding, *, now: bool, former: tuple[str, int] | None = None) -> None:
        """Give every memory a vector of the encoder that counts, where it lacks one.

        Parameters
        ----------
        now : bool
            Return when it is done; otherwise it is done behind the calls.
        former : (str, int) or None
            Fingerprint and dimension of the encoder before, whose vectors answer meanwhile.
        """
        self._recoding, self._former = recoding, former
        if not now:
            self.upkeep.wake()
            return
        with self.upkeep.quiet():
            self.view()
            try:
                while self._index is not None and (job := self._recoding_job(self._index)) is not None:
                    job()
            except ThoughtEngineError:
                raise
            except Exception as error:  # noqa: BLE001 - words answer meanwhile; it is told, and tried again behind the calls
                self.upkeep.failed(error)

    def _recoding_job(self, index: Index) -> Job | None:
        if (recoding := self._recoding) is None or recoding.paused:
            return None
        view = index.view()
        if view.tail.start < view.n and _tail_lacks(view):
            return lambda: self._seal(index)
        segment = recoding.next(view)
        if segment is None:
            if not index.whole:
                return None  # more are to come
            if recoding.n_refused:
                self._refused = (
                    f"the encoder would not take {recoding.n_refused} texts: they are found by their words alone"
                )
            self._recoding = self._former = None
            self.on_recoded()
            return None
        return lambda: self._recode(index, recoding, segment)

    def _look(self) -> None:
        self.view(whole=False)

    def _seal(self, index: Index) -> None:
        with self._lock:
            self._absorb(index)
            index.seal()

    def _recode(self, index: Index, recoding: Recoding, segment: Segment) -> None:
        done = recoding.step(index.view(), segment, self._listen)
        if done is not None:
            self._put(index, (segment,), self._saved(index, done) if len(done) >= _FILED else done)

    def _listen(self) -> None:
        """Break a recoding off where it is to pause, or the job is to end: what was encoded is stored."""
        if self._recoding is not None and self._recoding.paused:
            raise Stopped
        self.upkeep.check()

    def _cut(self, index: Index) -> None:
        """Cut the oldest full tail into a segment."""
        frozen = index.frozen[0]
        segment = index.cut(frozen)
        with self._lock:
            index.settle(frozen, segment)

    def _merge(self, index: Index, parts: tuple[Segment, ...]) -> None:
        """Merge segments and put the result in their place, in memory and on the shelf."""
        merged = index.merge(parts, _compiled())
        if len(merged) >= _FILED:
            merged = self._saved(index, merged)
        self._put(index, parts, merged)

    def _file(self, index: Index, segment: Segment) -> None:
        self._put(index, (segment,), self._saved(index, segment))

    def _saved(self, index: Index, segment: Segment) -> Segment:
        if not index.whole:
            return segment
        try:
            saved = self._shelf.save(index.view(), segment, self._store.head.sequence)
        except (OSError, ColumnFileError) as error:
            self._unkept, self._resting = f"a segment of the index could not be written: {error}", True
            return segment
        self._unkept = None
        return saved

    def _put(self, index: Index, parts: tuple[Segment, ...], merged: Segment) -> None:
        with self._lock:
            put = index is self._index and index.replace(parts, merged)
        for part in parts if put else (merged,):
            if part.name != merged.name or not put:
                self._shelf.remove(part.name)

    def _verify_next(self) -> None:
        """Compare a file with its checksums and some entries; one that is damaged is made again from the entries."""
        while time.monotonic() < self._loaded_at + _FIRST:  # whoever opened the mind waits for an answer
            self.upkeep.check()
            time.sleep(_PAUSE)
        if not self._unverified:  # dropped meanwhile
            return
        index, name = self._index, self._unverified.pop()
        sound = index is None or self._shelf.verify(name, store=self._store)
        if index is not None and not sound and name in {s.name for s in index.view().segments}:
            self.dropped()

    def _check(self) -> None:
        """Come to a place to stop, and take in what has come meanwhile."""
        self.upkeep.check()
        if (index := self._index) is not None:
            self._keep_up(index)

    def _complete(self, *, at_leisure: bool = True) -> None:
        """Make a whole index beside the one that answers, a little at a time, and let it answer then."""
        partial, growth, index, after = self._index, self._growth, self._empty(), 0
        for kept in [*self._shelf.kept(store=self._store), None]:
            self._make(index, after, kept.first if kept else None, at_leisure=at_leisure)
            if kept is not None:
                self._attach(index, kept)
                after = kept.last
        if not self._store.writing.acquire(timeout=_PATIENCE):
            return  # whoever holds it may be waiting for a whole index: the pieces are files by now, so theirs is made soon
        try:
            with self._lock:
                if self._index is not partial:  # dropped meanwhile
                    return
                last = int(index.view().ids[-1]) if index.n else after
                index.extend(self._rows(last, None))
                for id_, mark in self._marks.items():
                    index.mark(id_, mark)
                with self._telling:
                    self._marks, self._news = {}, []
                    self._index, self._partial = index, growth != self._growth
        finally:
            self._store.writing.release()

    def _make(self, index: Index, after: int, before: int | None, *, at_leisure: bool) -> None:
        """Take in rows in pieces that become files, so that a kill in between costs only the last of them."""
        rows = self._rows(after, before)
        if at_leisure:
            rows = _at_leisure(rows, self._check)
        while piece := list(islice(rows, _AT_ONCE)):
            index.extend(piece)
            index.seal()
            newest = index.view().segments[-1]
            if len(newest) >= _FILED:
                index.replace((newest,), self._saved(index, newest))


def _nothing() -> None:
    """Do nothing."""


def _tail_lacks(view: View) -> bool:
    """Tell whether a memory of the tail has words and no vector."""
    lacks = view.columns.length[view.tail.start : view.n] > 0
    if view.newest is not None:
        lacks[view.newest[0]] = False
    return bool(lacks.any())


def _at_leisure(rows: Iterator[Row], check: Callable[[], None]) -> Iterator[Row]:
    for n, row in enumerate(rows, 1):
        yield row
        if not n % _SLICE:
            check()
            time.sleep(_PAUSE)


def _compiled() -> ModuleType:
    """Return `kernels` where they are compiled, else `arrays`."""
    return _jit.compiled(_KERNELS) or arrays


class _Beside(Generic[T]):
    """Walk a second stream in order of id beside a first one; where that leaps, it is begun anew there.

    Parameters
    ----------
    begin : callable
        ``begin(after)``: the stream behind an id.
    """

    def __init__(self, begin: Callable[[int], Iterator[tuple[int, T]]]) -> None:
        self._begin = begin
        self._asked = -_LEAP - 1
        self._stream: Iterator[tuple[int, T]] = iter(())
        self._next: tuple[int, T] | None = None

    def at(self, id_: int) -> T | None:
        if id_ - self._asked > _LEAP:  # an upgrade makes the rows in between, which nobody asks for
            self._stream = self._begin(id_ - 1)
            self._next = next(self._stream, None)
        self._asked = id_
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
