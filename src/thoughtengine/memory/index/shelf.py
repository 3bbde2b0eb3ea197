"""Shelf: segments kept in column files beside the store, so that a large mind opens without reading its entries again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import Finding
from thoughtengine.errors import RecordError, StoreDamagedError
from thoughtengine.memory.index.analysis import ANALYSIS
from thoughtengine.memory.index.columns import CODED, LAYER, LINKS, MOST, PLAIN, Names
from thoughtengine.memory.index.entry import Entry
from thoughtengine.memory.index.index import Each, Run
from thoughtengine.memory.index.segment import Segment
from thoughtengine.memory.index.vectors import Block
from thoughtengine.memory.index.view import View
from thoughtengine.storage.columnfile import ColumnFile, ColumnFileError, write_columns
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import TERMS

__all__ = ["Kept", "Shelf", "readers"]

LOGIC = 3
"""Version of what a segment file holds; another one is made again."""

_MAPPED = 16 << 20
"""Bytes of what the half bytes of vectors leave over that are mapped; of more, the 128 rows of a recall are read: 0.1 ms."""

_ENDS, _COMPARED = 2, 32
"""Memories of a file that are compared with their entries: before it is used (0.2 ms), and behind the calls. Files of a copy
that went another way tell something else from there on, so at the end."""

_MANY, _READERS = 100_000, 4  # memories whose files are read by several threads, and those

_NAME = re.compile(r"([0-9a-f]{12,})-([0-9a-f]{12,})-([0-9a-f]+)\.segment")
_NEEDED = ("id", *LINKS)  # also where they are 0
_POSTINGS = ("hashes", "bounds", "postings", "order")


class Kept(NamedTuple):
    """A segment that lies in a file.

    Attributes
    ----------
    first, last : int
        Ids of its first and last memory.
    file : ColumnFile
        Mapped.
    run : Run
        Its columns.
    """

    first: int
    last: int
    file: ColumnFile
    run: Run

    def segment(self, start: int) -> Segment:
        """Return its postings and vectors, in place, for memories from position `start` on."""
        return _mapped(self.file, start)

    def copied(self) -> None:
        """Let go of the columns: they have been copied."""
        for name in self.run.columns:
            self.file.let_go(name)


class Shelf:
    """The segment files of a mind.

    Parameters
    ----------
    folder : Path or None
        Where they lie, made when the first is written; None: nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def prune(self, sequence: int) -> None:
        """Remove files that know of writes beyond `sequence`, as the store lost its end and gives out their ids anew.

        And what was left unfinished: called before anybody writes.
        """
        files = self._files()
        with contextlib.suppress(OSError):  # where it cannot be read, nothing is kept
            for path in () if self._folder is None else self._folder.iterdir():
                if path not in files or files[path][2] > sequence:
                    _discard(path)

    def kept(self, each: Each = map, *, store: Store | None = None) -> Iterator[Kept]:
        """Yield the segments that can be used, in order of id, none overlapping; the files of others are removed.

        Parameters
        ----------
        each : callable
            ``each(verify, files)``: `map`, or that of a pool of threads, which verify the next ones meanwhile.
        store : Store, optional
            With whose entries the first and last memory of each file are compared: files of another mind, or of a copy of
            this one that went another way, verify too.
        """
        files = list(self._files().items())
        files.sort(key=lambda item: (item[1][0], -item[1][1]))  # of those that begin alike the largest first
        last = 0
        for (path, (first, *_)), kept in zip(files, each(_kept, files), strict=True):
            in_another = first <= last  # left behind by a merge that was broken off
            # compared here, not in the pool: the store may ask for the lock that this thread holds
            if kept is None or in_another or not (store is None or _is_of(store, kept.file, _ENDS)):
                _discard(path)
            else:
                last = kept.last
                yield kept

    def save(self, view: View, segment: Segment, sequence: int) -> Segment:
        """Write a segment to a file and return it mapped.

        Parameters
        ----------
        view : View
            Holds its columns.
        sequence : int
            Of a write that all its memories were part of or came before.

        Raises
        ------
        OSError, ColumnFileError
            When it cannot be written; the segment in memory is as good.
        """
        if self._folder is None:
            return segment
        self._folder.mkdir(mode=0o700, exist_ok=True)
        ids = view.columns.id[segment.start : segment.stop]
        first, last = int(ids[0]), int(ids[-1])
        path = self._folder / f"{first:012x}-{last:012x}-{sequence:x}.segment"
        if path.name != segment.name:
            _discard(path)
            meta, arrays = _content(view, segment)
            write_columns(path, meta, arrays)
        return _mapped(_opened(path, verify=False), segment.start)

    def remove(self, name: str | None) -> None:
        """Remove the file of a segment, where it has one."""
        if name is not None and self._folder is not None:
            _discard(self._folder / name)

    def verify(self, name: str, *, store: Store | None = None) -> bool:
        """Tell whether every array of a file is as it was written, and some memories as their entries say; else remove it."""
        if self._folder is None:
            return True
        try:
            file = ColumnFile(self._folder / name)
            file.verify()
            is_sound = store is None or _is_of(store, file, _COMPARED)
        except ColumnFileError:
            is_sound = False
        if not is_sound:
            self.remove(name)
        return is_sound

    def findings(self, store: Store) -> Iterator[Finding]:
        """Tell of files that do not verify, or describe memories otherwise than their entries do, and remove them."""
        for path, (first, last, _) in sorted(self._files().items()):
            wrong: tuple[int, ...] = ()
            try:
                file = ColumnFile(path)
                file.verify()
                if file.meta.get("logic") != LOGIC or file.meta.get("analysis") != ANALYSIS:
                    continue  # it is not read: the next open makes it again
                if not (wrong := _differing(store, file, first, last)):
                    continue
                what = "the index is not what the entries give"
            except ColumnFileError as error:
                what = str(error)
            _discard(path)
            then = "delete the file" if path.exists() else "it was removed, and is made anew from the entries"
            yield Finding("derived differs", path.name, f"{what}: {then}", wrong)

    def names(self) -> set[str]:
        """Return the names of the files."""
        return {path.name for path in self._files()}

    def _files(self) -> dict[Path, tuple[int, int, int]]:
        """Return the files and what their names tell: ids of the first and last memory, write sequence."""
        files: dict[Path, tuple[int, int, int]] = {}
        if self._folder is not None:
            with contextlib.suppress(OSError):  # where it cannot be read, nothing is kept
                for path in self._folder.iterdir():
                    if match := _NAME.fullmatch(path.name):
                        files[path] = (int(match[1], 16), int(match[2], 16), int(match[3], 16))
        return files


@contextlib.contextmanager
def readers(n: int) -> Iterator[Each]:
    """Yield how files of `n` memories are read: of many by several threads, which add up and copy outside Python."""
    if n < _MANY:
        yield map
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_READERS) as pool:
        yield pool.map


def _kept(item: tuple[Path, tuple[int, int, int]]) -> Kept | None:
    """Return a file's segment, verified; None where it cannot be used."""
    path, (first, last, _) = item
    try:
        file = _opened(path)
        run = _run(file)
    except ColumnFileError:
        return None
    ids = run.columns["id"]
    return Kept(first, last, file, run) if len(ids) and (int(ids[0]), int(ids[-1])) == (first, last) else None


def _discard(path: Path) -> None:
    """Remove a file; one that cannot be is passed over when it is met again."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _opened(path: Path, *, verify: bool = True) -> ColumnFile:
    """Map a file of this release's logic and analysis; what is looked up by is verified.

    Raises
    ------
    ColumnFileError
        When it is none, or damaged.
    """
    file = ColumnFile(path)
    if (file.meta.get("logic"), file.meta.get("analysis")) != (LOGIC, ANALYSIS):
        raise ColumnFileError(f"{path}: of another release")
    if verify:
        file.verify([*_POSTINGS, "rows"])
    return file


def _run(file: ColumnFile) -> Run:
    """Return the columns of a file, in place.

    Raises
    ------
    ColumnFileError
        When they do not verify.
    """
    names = [name for name in (*PLAIN, *CODED, *LINKS) if name in _NEEDED or not file.is_zero(name)]
    file.verify(names, stay=True)  # until they are copied
    columns, meta = {name: file.array(name) for name in names}, file.meta
    return Run(columns, meta["sources"], meta["episodes"], meta["kinds"], meta["languages"])


def _mapped(file: ColumnFile, start: int) -> Segment:
    hashes, bounds, postings, order = (file.array(name) for name in _POSTINGS)
    block, made_by = None, file.meta["made_by"]
    if made_by is not None:
        parts: dict[str, Any] = {part: file.array(part) for part in Block.PARTS if part != "fine"}
        width, n = len(parts["centre"]), len(parts["rows"])
        small = width * n <= _MAPPED
        parts["fine"] = file.array("fine").reshape(n, width) if small else file.rows("fine", width)
        block = Block(**parts, made_by=made_by)
    return Segment(start, start + len(order), hashes, bounds, postings, order, block, file.path.name)


def _is_of(store: Store, file: ColumnFile, n: int) -> bool:
    """Tell whether `n` memories of a file, the first and the last among them, are what their entries say."""
    rows = np.linspace(0, len(file.array("id")) - 1, n).astype(np.int64)
    told = _told(file, rows)
    try:
        entries = store.get_many(TERMS, told, Entry)
    except (RecordError, StoreDamagedError):
        return True  # it proves nothing, and the store has taken note of it
    return len(entries) == len(told) and all(_agrees(told[id_], entry) for id_, (entry, _) in entries.items())


def _told(file: ColumnFile, rows: slice | NDArray[np.int64]) -> dict[int, tuple[int, ...]]:
    """Return, by id, what a file says of some memories that their entries say too."""
    ids, *columns = [file.array(name)[rows].tolist() for name in ("id", "at", "fold", "length")]
    return dict(zip(ids, zip(*columns, strict=True), strict=True))


def _agrees(told: tuple[int, ...], entry: Entry) -> bool:
    """Tell whether a file says what an entry does; one that another release has written over is made again when it is read."""
    return entry.analysis != ANALYSIS or told == (entry.at, entry.fold, min(entry.length, MOST))


def _differing(store: Store, file: ColumnFile, first: int, last: int) -> tuple[int, ...]:
    """Return the ids of a file, at most ten, whose columns are not what their entries say, or that have none."""
    told, wrong = _told(file, slice(None)), []
    for id_, entry in store.rows(TERMS, Entry, after=first - 1):
        if id_ > last:
            break
        have = told.pop(id_, None)
        if have is None or not _agrees(have, entry):
            wrong.append(id_)
    return tuple(sorted([*wrong, *told])[:10])


def _content(view: View, segment: Segment) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what goes into the file of a segment: its columns with codes of their own, its postings, its vectors."""
    span, columns = slice(segment.start, segment.stop), view.columns
    arrays: dict[str, NDArray[Any]] = {name: getattr(columns, name)[span].copy() for name in PLAIN}
    arrays["state"] &= LAYER  # marks are read from their rows
    meta: dict[str, Any] = {"logic": LOGIC, "analysis": ANALYSIS, "languages": list(view.totals.languages)}
    for name, names in zip(CODED, (view.sources, view.episodes, view.kinds), strict=True):
        arrays[name], meta[name + "s"] = _own_codes(getattr(columns, name)[span], names)
    first, n = np.int32(segment.start), len(segment)
    arrays["previous"] = np.maximum(columns.previous[span] - first, np.int32(-1))
    following = np.maximum(columns.following[span] - first, np.int32(-1))
    arrays["following"] = np.where(following < n, following, np.int32(-1))
    arrays |= {name: getattr(segment, name) for name in _POSTINGS}
    block = segment.block
    meta["made_by"] = None if block is None else block.made_by
    if block is not None:
        arrays |= {part: getattr(block, part) for part in Block.PARTS if part != "fine"}
        arrays["fine"] = block.fine[:].ravel()
    return meta, arrays


def _own_codes(codes: NDArray[np.int32], names: Names) -> tuple[NDArray[np.int32], list[str]]:
    """Return codes counted from 1 in this run alone, 0 for none, and the values they stand for."""
    used = np.unique(codes)
    used = used[used > 0]
    values = names.values(used.tolist())
    return np.where(codes > 0, used.searchsorted(codes) + 1, 0).astype(np.int32), values
