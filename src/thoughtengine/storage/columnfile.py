"""Column files: named arrays in one immutable file, mapped and read in place; derived, so a bad one is dropped and made again.

A header in MessagePack behind a magic, its length and its checksum; then each array at a multiple of 64 bytes. Arrays of
zeros take no room. The checksum of an array is made of the sums of its blocks, which costs what reading it once costs.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import weakref
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from thoughtengine.storage.files import PART

__all__ = ["ColumnFile", "ColumnFileError", "FileRows", "write_columns"]

_MAGIC = b"TECOLUM1"
_HEAD = struct.Struct("<8sII")  # magic, length of the header, its CRC-32
_ALIGNED = 64
_BLOCK = 1 << 12  # words of 8 bytes whose sum is taken
_PIECE = 1 << 24  # bytes that are looked at before they are let go, so that a large array is not in memory as a whole
_HEADER_LIMIT = 1 << 28


class ColumnFileError(Exception):
    """Say that a column file cannot be used: torn, damaged, or of another kind."""


class _Array(msgspec.Struct, frozen=True, array_like=True):
    """Where an array lies; `offset` 0: all zero, not in the file."""

    name: str
    dtype: str
    size: int
    offset: int
    checksum: int


class _Header(msgspec.Struct, frozen=True, array_like=True):
    meta: dict[str, Any]
    arrays: list[_Array]
    length: int


def write_columns(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> int:
    """Write a column file in one go: it is there whole under its name, or not at all.

    Parameters
    ----------
    path : Path
        Must not exist.
    meta : mapping
        Plain values for `ColumnFile.meta`.
    arrays : mapping of str to array
        One-dimensional and contiguous.

    Returns
    -------
    int
        Bytes of the file.

    Raises
    ------
    OSError
        When it cannot be written; nothing is left behind.

    Notes
    -----
    Not synced: after a power failure a torn file is told by its checksums and made again.
    """
    made, offset = list[_Array](), 0
    for name, array in arrays.items():
        kept = bool(array.any())
        made.append(_Array(name, array.dtype.str, array.size, offset if kept else -1, _checksum(array) if kept else 0))
        offset += _aligned(array.nbytes) if kept else 0
    first, header = _placed(dict(meta), made, offset)
    part = path.with_name(path.name + PART)
    try:
        with part.open("wb") as file:
            file.write(_HEAD.pack(_MAGIC, len(header), zlib.crc32(header)) + header)
            for array, where in zip(arrays.values(), made, strict=True):
                if where.offset >= 0:
                    file.seek(first + where.offset)
                    file.write(array.data)
            file.truncate(first + offset)
        os.rename(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    return first + offset


def _placed(meta: dict[str, Any], arrays: list[_Array], size: int) -> tuple[int, bytes]:
    """Return where the first array begins and the header that says so."""
    first = 0
    while True:  # the header's own length decides where the arrays begin
        moved = [msgspec.structs.replace(a, offset=first + a.offset if a.offset >= 0 else 0) for a in arrays]
        header = msgspec.msgpack.encode(_Header(meta, moved, first + size))
        if _aligned(_HEAD.size + len(header)) <= first:
            return first, header
        first = _aligned(_HEAD.size + len(header)) + _ALIGNED


def _aligned(n: int) -> int:
    return -(-n // _ALIGNED) * _ALIGNED


def _checksum(array: NDArray[Any], seen: Callable[[int, int], None] | None = None) -> int:
    """Return the CRC-32 of the sums of the blocks of an array: any flipped bit shows, blocks that changed places too.

    Parameters
    ----------
    array : array
        One-dimensional and contiguous.
    seen : callable, optional
        ``seen(start, stop)``: called when these bytes have been looked at, and will not be again.
    """
    data, checksum = np.frombuffer(array.data, np.uint8), 0
    full = len(data) // (8 * _BLOCK) * 8 * _BLOCK
    for start in range(0, full, _PIECE):
        stop = min(start + _PIECE, full)
        sums = data[start:stop].view(np.uint64).reshape(-1, _BLOCK).sum(axis=1, dtype=np.uint64)
        checksum = zlib.crc32(sums.data, checksum)
        if seen is not None:
            seen(start, stop)
    return zlib.crc32(data[full:].data, checksum)


class ColumnFile:
    """A mapped column file. The arrays are read-only views into it, good for as long as one of them is held.

    Parameters
    ----------
    path : Path
        Written by `write_columns`.

    Attributes
    ----------
    meta : dict
        As it was written.
    n_bytes : int
        Size of the file.

    Raises
    ------
    ColumnFileError
        When the header does not verify or the file is shorter than it says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                magic, length, checksum = _HEAD.unpack(file.read(_HEAD.size))
                if magic != _MAGIC or length > _HEADER_LIMIT:
                    raise ColumnFileError(f"{path}: not a column file of this release")
                raw = file.read(length)
                if len(raw) != length or zlib.crc32(raw) != checksum:
                    raise ColumnFileError(f"{path}: the header does not verify")
                header = msgspec.msgpack.decode(raw, type=_Header)
                self.n_bytes = os.fstat(file.fileno()).st_size
                if self.n_bytes != header.length:
                    raise ColumnFileError(f"{path}: {self.n_bytes} bytes, not {header.length}")
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, struct.error, msgspec.MsgspecError, ValueError) as error:
            raise ColumnFileError(f"{path}: cannot be read: {error}") from error
        self.meta, self._arrays = header.meta, {array.name: array for array in header.arrays}

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def array(self, name: str) -> NDArray[Any]:
        """Return an array, in place; one of zeros is made.

        Raises
        ------
        ColumnFileError
            When there is none of that name.
        """
        where = self._arrays.get(name)
        if where is None:
            raise ColumnFileError(f"{self.path}: has no array {name!r}")
        if not where.offset:
            return np.zeros(where.size, where.dtype)
        return np.frombuffer(self._map, where.dtype, where.size, where.offset)

    def is_zero(self, name: str) -> bool:
        """Tell whether an array is 0 everywhere, so that the file need not be looked at for it."""
        return name in self._arrays and not self._arrays[name].offset

    def rows(self, name: str, width: int) -> FileRows:
        """Return an array as rows that are read when they are asked for, and take no memory.

        Raises
        ------
        ColumnFileError
            When there is none of that name.
        """
        where = self._arrays.get(name)
        if where is None or where.size % width:
            raise ColumnFileError(f"{self.path}: has no array {name!r} of rows of {width}")
        return FileRows(self.path, where.offset, width, where.size // width, np.dtype(where.dtype))

    def verify(self, names: Iterable[str] | None = None, *, stay: bool = False) -> None:
        """Compare arrays with their checksums, all of them or those named.

        Parameters
        ----------
        names : iterable of str, optional
            Those to compare.
        stay : bool
            Whether what is read for it stays in memory, as it is wanted soon.

        Raises
        ------
        ColumnFileError
            At the first that differs.
        """
        for name in list(self._arrays) if names is None else names:
            where = self._arrays.get(name)
            if where is None or not where.offset:
                continue
            seen = None if stay else partial(self._let_go, where.offset)
            if _checksum(self.array(name), seen) != where.checksum:
                raise ColumnFileError(f"{self.path}: array {name!r} does not verify")

    def let_go(self, name: str) -> None:
        """Let the system take back the pages of an array: it maps them again when they are looked at."""
        where = self._arrays[name]
        self._let_go(where.offset, 0, where.size * np.dtype(where.dtype).itemsize)

    def _let_go(self, offset: int, start: int, stop: int) -> None:
        page = mmap.PAGESIZE
        first, end = -(-(offset + start) // page) * page, (offset + stop) // page * page
        if first < end and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED, first, end - first)

    def __repr__(self) -> str:
        return f"<ColumnFile {self.path.name}: {len(self._arrays)} arrays, {self.n_bytes:,} bytes>"


class FileRows:
    """Rows of a column file that are read one by one: for what is looked at rarely and would fill the memory if it was mapped.

    Parameters
    ----------
    path : Path
        The file; it is held open, so that it may be unlinked meanwhile.
    offset : int
        Where the first row begins; 0: all are zero.
    width, n : int
        Numbers of a row, and rows.
    dtype : dtype
        Of a number.

    Raises
    ------
    ColumnFileError
        When the file cannot be opened.
    """

    def __init__(self, path: Path, offset: int, width: int, n: int, dtype: np.dtype[Any]) -> None:
        self._offset, self._width, self._n, self._dtype = offset, width, n, dtype
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ColumnFileError(f"{path}: cannot be read: {error}") from error
        weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
        """Return some rows, shape (r, width).

        Raises
        ------
        ColumnFileError
            When the file cannot be read or is shorter than it was.
        """
        if isinstance(rows, slice):
            first, stop, _ = rows.indices(self._n)
            spans = [(first, max(stop - first, 0))]
        else:
            spans = [(row, 1) for row in rows.tolist()]
        size = sum(n for _, n in spans)
        if not self._offset:
            return np.zeros((size, self._width), self._dtype)
        length, read, file = self._width * self._dtype.itemsize, os.pread, self._file
        try:
            data = b"".join([read(file, n * length, self._offset + row * length) for row, n in spans])
        except OSError as error:
            raise ColumnFileError(f"{self._path}: cannot be read: {error}") from error
        if len(data) != size * length:
            raise ColumnFileError(f"{self._path}: is shorter than it was")
        return np.frombuffer(data, self._dtype).reshape(size, self._width)
