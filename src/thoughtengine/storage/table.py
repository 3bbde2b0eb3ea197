"""Read a LevelDB table whose index cannot be read: its data blocks lie one behind the other, each with a checksum.

References: LevelDB's `doc/table_format.md` and Snappy's `format_description.txt`. Nothing is taken on trust: a block counts
only where its checksum verifies, its keys go on rising from the block before, and it is not the index itself. What is no block is
stepped over at the speed of a search for bytes that may begin one; what looks like blocks and is none costs a bounded amount
of work, about a second for each megabyte, and the rest of the table is let go then.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise

from thoughtengine.storage.log import Reader, crc32c, mask

__all__ = ["has_index", "indexed_anew", "table_of"]

_BLOCK = 4096  # bytes of rows in a block, at least
_FOOTER, _MAGIC = 48, bytes.fromhex("57fb808b247547db")
_TRAILER = 5  # type of compression, checksum
_PLAIN, _SNAPPY = 0, 1
_RESTART = 16  # entries between two restart points
_LATEST = (1 << 56) - 1  # the sequence of a key that the index has shortened: no row has it
_MOST = 1 << 26  # bytes that a block may hold
_ALLOWED, _FREE = 8, 1 << 20  # bytes that may be looked at in vain: for each byte of a table, and for every table
_ATTEMPT, _STEP = 64, 16  # at least, for an attempt and for a step of it

_ENTRY = rb"\x00(?:[\x08-\x7f]|[\x80-\xff]{1,4}[\x01-\x7f])"  # nothing shared, and a key that holds a sequence
_SIZE = rb"(?:[\x0d-\x7f]|[\x80-\xff]{1,3}[\x01-\x7f])"
_LITERAL = b"(?:[%s]|\\xf0.|\\xf4..|\\xf8...|\\xfc....)" % b"".join(b"\\x%02x" % tag for tag in range(0, 0xF0, 4))
_BEGINS = re.compile(b"(?=%s|%s%s\\x00[\x08-\xff])" % (_ENTRY, _SIZE, _LITERAL), re.DOTALL)
"""Where a block of rows may begin, plain or packed: its first key shares nothing, and Snappy has nothing to copy yet."""

Entry = tuple[bytes, bytes]


def has_index(table: bytes) -> bool:
    """Tell whether the footer and the index of a table can be read."""
    if len(table) < _FOOTER or table[-8:] != _MAGIC:
        return False
    try:
        reader = Reader(table[-_FOOTER:])
        _, _, at, size = (reader.number() for _ in range(4))
    except (IndexError, ValueError):
        return False
    return at + size + _TRAILER <= len(table) - _FOOTER and _verifies(table, at, at + size)


def indexed_anew(table: bytes) -> bytes:
    """Return a table of the data blocks that verify, byte for byte, with an index of its own; empty where there are none."""
    made, handles = bytearray(), list[Entry]()
    for at, end, last in _blocks(table):
        handles.append((last, _number(len(made)) + _number(end - at)))
        made += table[at : end + _TRAILER]
    return _finished(made, handles)


def table_of(rows: Iterable[tuple[bytes, int, bytes | None]]) -> bytes:
    """Return a table of (key, sequence, value; None: deleted) in any order; empty where there are none."""
    made, handles, entries, held = bytearray(), list[Entry](), list[Entry](), 0
    sealed = {
        (key + (sequence << 8 | (value is not None)).to_bytes(8, "little"), value or b"")
        for key, sequence, value in rows
    }
    for entry in sorted(sealed, key=lambda entry: _order(entry[0])):
        entries.append(entry)
        held += len(entry[0]) + len(entry[1])
        if held >= _BLOCK:
            handles.append((entry[0], _appended(made, entries)))
            entries, held = [], 0
    if entries:
        handles.append((entries[-1][0], _appended(made, entries)))
    return _finished(made, handles)


def _finished(made: bytearray, handles: list[Entry]) -> bytes:
    """Return blocks of rows with their index and footer; empty where there are none."""
    if not handles:
        return b""
    footer = _appended(made, []) + _appended(made, handles)
    return bytes(made) + footer.ljust(_FOOTER - 8, b"\0") + _MAGIC


def _appended(made: bytearray, entries: list[Entry]) -> bytes:
    """Append a block; return where it is, as an index says it."""
    block = _block(entries)
    handle = _number(len(made)) + _number(len(block))
    made += block + bytes((_PLAIN,)) + struct.pack("<I", mask(crc32c(block + bytes((_PLAIN,)))))
    return handle


class _InVainError(Exception):
    """Tells that so much was tried in vain that the rest is let go."""


class _Work:
    """What may still be done in vain, in bytes that are looked at."""

    def __init__(self, table: bytes) -> None:
        self.left = _FREE + _ALLOWED * len(table)

    def spend(self, n: int) -> None:
        self.left -= n
        if self.left < 0:
            raise _InVainError


def _blocks(table: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield start, end and last key of each data block that verifies; what lies between is stepped over."""
    at, before, work = 0, (b"", -(1 << 64)), _Work(table)
    while (begins := _BEGINS.search(table, at)) is not None:
        at, left = begins.start(), work.left
        try:
            found = _read(table, at, work)
        except _InVainError:
            return
        if found is None:
            at += 1
            continue
        work.left = left
        end, entries = found
        order = [_order(key) for key, _ in entries]
        rising = all(low < high for low, high in pairwise(order))
        if rising and before < order[0] and not _is_index(entries, at):
            before = order[-1]
            yield at, end, entries[-1][0]
        at = end + _TRAILER


def _order(key: bytes) -> tuple[bytes, int]:
    """Return what a key of a row is sorted by: its name, then the latest first."""
    return key[:-8], -int.from_bytes(key[-8:], "little")


def _is_index(entries: list[Entry], at: int) -> bool:
    """Tell whether all values say where blocks lie, as those of an index (or of the index of filters) do."""
    stop = 0
    for key, value in entries:
        if int.from_bytes(key[-7:], "little") == _LATEST:
            return True
        try:
            reader = Reader(value)
            begin, size = reader.number(), reader.number()
        except (IndexError, ValueError):
            return False
        if reader or begin < stop or begin + size + _TRAILER > at:
            return False
        stop = begin + size
    return True


def _read(table: bytes, at: int, work: _Work) -> tuple[int, list[Entry]] | None:
    """Return the end and the entries of a block of rows that begins there and verifies."""
    for read in (_plain, _packed):
        work.spend(_ATTEMPT)
        try:
            end, entries = read(table, at, work)
        except (IndexError, ValueError, struct.error):
            continue
        if entries and all(len(key) >= 8 and key[-8] <= 1 for key, _ in entries):
            work.spend(2 * (end - at))
            if _verifies(table, at, end):
                return end, entries
    return None


def _verifies(table: bytes, at: int, end: int) -> bool:
    return table[end + 1 : end + _TRAILER] == struct.pack("<I", mask(crc32c(table[at : end + 1])))


def _entries(data: bytes, at: int, work: _Work) -> Iterator[tuple[int, Entry]]:
    """Yield each entry of a block and where it ends, as long as it looks like one."""
    reader, key, begun = Reader(data, at), b"", False
    while True:
        shared, own, size = reader.number(), reader.number(), reader.number()
        end = reader.at + own + size
        if shared > len(key) or shared + own < 8 or end > len(data) or (shared and not begun):
            raise ValueError("no entry of a block")
        work.spend(_STEP + own + size // _STEP)
        key, begun = key[:shared] + data[reader.at : reader.at + own], True
        value = data[end - size : end]
        reader.at = end
        yield end, (key, value)


def _plain(table: bytes, at: int, work: _Work) -> tuple[int, list[Entry]]:
    """Read a block that is not compressed: it ends where the restart points of what was read so far follow."""
    found, restarts, start = list[Entry](), list[int](), at
    for end, entry in _entries(table, at, work):
        if len(found) % _RESTART == 0:
            restarts.append(start - at)
        found.append(entry)
        start = end
        tail = struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))
        if table.startswith(tail + bytes((_PLAIN,)), end):
            return end + len(tail), found
    raise ValueError("a block without an end")


def _packed(table: bytes, at: int, work: _Work) -> tuple[int, list[Entry]]:
    """Read a block that Snappy has compressed."""
    end, data = _unpacked(table, at, work)
    if table[end] != _SNAPPY:
        raise ValueError("not compressed by Snappy")
    (n,) = struct.unpack_from("<I", data, len(data) - 4)
    stop, found = len(data) - 4 - 4 * n, list[Entry]()
    for past, entry in _entries(data, 0, work):
        found.append(entry)
        if past == stop:
            return end, found
        if past > stop:
            break
    raise ValueError("a block without an end")


def _unpacked(packed: bytes, at: int, work: _Work) -> tuple[int, bytes]:
    """Return where a piece that Snappy has compressed ends, and what it holds."""
    reader, out = Reader(packed, at), bytearray()
    size = reader.number()
    if not 12 < size < _MOST:
        raise ValueError("no block")
    at = reader.at
    while len(out) < size:
        tag = packed[at]
        work.spend(_STEP)
        kind, length, at = tag & 3, (tag >> 2) + 1, at + 1
        if kind == 0:
            if length > 60:
                wide = length - 60
                length, at = int.from_bytes(packed[at : at + wide], "little") + 1, at + wide
            if at + length > len(packed) or len(out) + length > size:
                raise ValueError("a literal that ends too late")
            work.spend(length // _STEP)
            out += packed[at : at + length]
            at += length
            continue
        if kind == 1:
            length, back, at = (tag >> 2 & 7) + 4, tag >> 5 << 8 | packed[at], at + 1
        else:
            wide = 2 * (kind - 1)
            back, at = int.from_bytes(packed[at : at + wide], "little"), at + wide
        if not 0 < back <= len(out) or len(out) + length > size:
            raise ValueError("a copy of what is not there")
        piece = bytes(out[-back:][:length])
        out += (piece * (length // len(piece) + 1))[:length]
    return at, bytes(out)


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def _block(entries: list[Entry]) -> bytes:
    """Return a block in which every entry is a restart point."""
    data, restarts = bytearray(), list[int]()
    for key, value in entries:
        restarts.append(len(data))
        data += _number(0) + _number(len(key)) + _number(len(value)) + key + value
    restarts = restarts or [0]
    return bytes(data) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))
