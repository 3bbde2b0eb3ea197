"""Shelf: segments kept in column files beside the store, so that a large mind opens without reading its entries again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine.memory.analysis import ANALYSIS
from thoughtengine.memory.columns import LAYER, Names
from thoughtengine.memory.index import Run
from thoughtengine.memory.segment import Segment
from thoughtengine.memory.vectors import Block
from thoughtengine.memory.view import View
from thoughtengine.storage.columnfile import ColumnFile, ColumnFileError, write_columns

__all__ = ["Kept", "Shelf"]

LOGIC = 1
"""Version of what a segment file holds; another one is made again."""

_NAME = re.compile(r"([0-9a-f]{12,})-([0-9a-f]{12,})-([0-9a-f]+)\.segment")
_COLUMNS = ("id", "at", "offset", "state", "length", "labels", "fold", "valence", "arousal")
_CODED = ("source", "episode", "kind")
_POSTINGS = ("hashes", "bounds", "postings", "order")
_UNINDEXED = ("codes", "coarse", "fine", "scale", "centre")  # numbers that nothing is looked up by


class Kept(NamedTuple):
    """A segment that lies in a file.

    Attributes
    ----------
    first, last : int
        Ids of its first and last memory.
    file : ColumnFile
        Mapped.
    """

    first: int
    last: int
    file: ColumnFile

    def run(self) -> Run:
        """Return its columns."""
        meta = self.file.meta
        columns = {name: self.file.array(name) for name in (*_COLUMNS, *_CODED, "previous")}
        return Run(columns, meta["sources"], meta["episodes"], meta["kinds"])

    def segment(self, start: int) -> Segment:
        """Return its postings and vectors, in place, for memories from position `start` on."""
        hashes, bounds, postings, order = (self.file.array(name) for name in _POSTINGS)
        blocks = {view: self._block(view) for view in self.file.meta["views"]}
        return Segment(start, start + len(order), hashes, bounds, postings, order, blocks, self.file.path.name)

    def _block(self, view: str) -> Block:
        return Block(*(self.file.array(f"{view}.{part}") for part in Block.PARTS))


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
        """Remove files that know of writes beyond `sequence`: the store lost its end, and their ids may be given out anew."""
        for path, (_, _, of) in self._files().items():
            if of > sequence:
                _discard(path)

    def remove_with(self, ids: Iterable[int]) -> None:
        """Remove the files of the segments that hold any of these memories, given in order of id."""
        among = np.fromiter(ids, np.int64)
        for path, (first, last, _) in self._files().items():
            if among.searchsorted(first) < among.searchsorted(last, "right"):
                _discard(path)

    def kept(self, views: Mapping[str, str]) -> list[Kept]:
        """Return the segments that can be used, in order of id, none overlapping; the files of others are removed.

        Parameters
        ----------
        views : mapping of str to str
            Fingerprint of the encoder by view: files with the vectors of another one are made again.
        """
        found: list[Kept] = []
        largest_first = sorted(self._files().items(), key=lambda item: (item[1][0], -item[1][1]))
        for path, (first, last, _) in largest_first:
            if found and first <= found[-1].last:  # a part of it, left behind by a merge that was broken off
                _discard(path)
                continue
            try:
                found.append(Kept(first, last, _opened(path, views)))
            except ColumnFileError:
                _discard(path)
        return found

    def save(self, view: View, segment: Segment, views: Mapping[str, str], sequence: int) -> Segment:
        """Write a segment to a file and return it mapped.

        Parameters
        ----------
        view : View
            Holds its columns.
        views : mapping of str to str
            Fingerprint of the encoder by view.
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
            meta |= {"views": list(segment.blocks), "encoders": dict(views)}
            write_columns(path, meta, arrays)
        return Kept(first, last, _opened(path, views, verify=False)).segment(segment.start)

    def remove(self, name: str | None) -> None:
        """Remove the file of a segment, where it has one."""
        if name is not None and self._folder is not None:
            _discard(self._folder / name)

    def verify(self, name: str) -> bool:
        """Tell whether every array of a file is as it was written; one that is not is removed."""
        if self._folder is None:
            return True
        try:
            ColumnFile(self._folder / name).verify()
        except ColumnFileError:
            self.remove(name)
            return False
        return True

    def _files(self) -> dict[Path, tuple[int, int, int]]:
        """Return the files and what their names tell: ids of the first and last memory, write sequence."""
        files: dict[Path, tuple[int, int, int]] = {}
        if self._folder is not None:
            with contextlib.suppress(OSError):  # where it cannot be read, nothing is kept
                for path in self._folder.iterdir():
                    if match := _NAME.fullmatch(path.name):
                        files[path] = (int(match[1], 16), int(match[2], 16), int(match[3], 16))
                    else:
                        _discard(path)
        return files


def _discard(path: Path) -> None:
    """Remove a file; one that cannot be is passed over when it is met again."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _opened(path: Path, views: Mapping[str, str], *, verify: bool = True) -> ColumnFile:
    """Map a file of this release's logic and analysis and of these encoders, what is looked up by verified.

    Raises
    ------
    ColumnFileError
        When it is none, or damaged.
    """
    file = ColumnFile(path)
    if (file.meta.get("logic"), file.meta.get("analysis")) != (LOGIC, ANALYSIS):
        raise ColumnFileError(f"{path}: of another release")
    if file.meta["encoders"] != dict(views):
        raise ColumnFileError(f"{path}: with the vectors of another encoder")
    if verify:
        vectors = [f"{view}.rows" for view in file.meta["views"]]
        file.verify([*_COLUMNS, *_CODED, *_POSTINGS, "previous", *vectors])
    return file


def _content(view: View, segment: Segment) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what goes into the file of a segment: its columns with codes of their own, its postings, its vectors."""
    span, columns = slice(segment.start, segment.stop), view.columns
    arrays: dict[str, NDArray[Any]] = {name: getattr(columns, name)[span].copy() for name in _COLUMNS}
    arrays["state"] &= LAYER  # marks are read from their rows
    meta: dict[str, Any] = {"logic": LOGIC, "analysis": ANALYSIS}
    for name, names in zip(_CODED, (view.sources, view.episodes, view.kinds), strict=True):
        arrays[name], meta[name + "s"] = _own_codes(getattr(columns, name)[span], names)
    previous = columns.previous[span] - np.int32(segment.start)
    arrays["previous"] = np.maximum(previous, np.int32(-1))
    arrays |= {name: getattr(segment, name) for name in _POSTINGS}
    for name, block in segment.blocks.items():
        arrays |= {f"{name}.{part}": getattr(block, part) for part in Block.PARTS}
    return meta, arrays


def _own_codes(codes: NDArray[np.int32], names: Names) -> tuple[NDArray[np.int32], list[str]]:
    """Return codes counted from 1 in this run alone, 0 for none, and the values they stand for."""
    used = np.unique(codes)
    used = used[used > 0]
    values = names.values(used.tolist())
    return np.where(codes > 0, used.searchsorted(codes) + 1, 0).astype(np.int32), values
