"""Read a LevelDB table whose index cannot be read: its data blocks lie one behind the other, each with a checksum.

References: LevelDB's `doc/table_format.md` and Snappy's `format_description.txt`. Nothing is taken on trust, as a value may hold
a table itself, with blocks that verify. Where only the footer is damaged, the index tells the blocks. Where the index is gone,
they are followed from the first byte on, each right behind the one before; a damaged one is stepped over as far as its own
entries reach. Where that cannot be told either, blocks behind it are searched for, and count only where they lead to what comes
behind the last block of this table. A block counts only where its checksum verifies, its keys go on rising from
the block before, their sequences are plausible, and it is not the index itself: rather is a block lost than a row invented.
What looks like blocks and is none costs a bounded amount of work, about a second for each megabyte, and the rest of the table
is let go then.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise

from thoughtengine.storage.log import Reader, crc32c, mask

__all__ = ["damaged_ranges", "has_index", "indexed_anew", "sequence_of", "table_of"]

_BLOCK = 4096  # bytes of rows in a block, at least
_FOOTER, _MAGIC = 48, bytes.fromhex("57fb808b247547db")
_TRAILER = 5  # type of compression, checksum
_PLAIN, _SNAPPY = 0, 1
_RESTART = 16  # entries between two restart points
_LATEST = (1 << 56) - 1  # the sequence of a key that the index has shortened: no row has it
_MOST = 1 << 26  # bytes that a block may hold
_WINDOW = 1 << 20  # bytes before the footer in which an index is searched for
_WIDEST = 1 << 16  # bytes of an entry of it
_NOTHING = (b"", -(1 << 64))  # comes before every key
_ALLOWED, _FREE = 8, 1 << 20  # bytes that may be looked at in vain: for each byte of a table, and for every table
_ATTEMPT, _STEP = 64, 16  # at least, for an attempt and for a step of it
_COPIED = 1024  # bytes that are copied in the time that it takes to look at one

_ENTRY = rb"\x00(?:[\x08-\x7f]|[\x80-\xff]{1,4}[\x01-\x7f])"  # nothing shared, and a key that holds a sequence
_SIZE = rb"(?:[\x0d-\x7f]|[\x80-\xff]{1,3}[\x01-\x7f])"
_LITERAL = b"(?:[%s]|\\xf0.|\\xf4..|\\xf8...|\\xfc....)" % b"".join(b"\\x%02x" % tag for tag in range(0, 0xF0, 4))
_PACKED_ENTRY = b"%s%s\\x00[\x08-\xff]" % (_SIZE, _LITERAL)
_BEGINS = re.compile(b"(?=%s|%s)" % (_ENTRY, _PACKED_ENTRY), re.DOTALL)
"""Where a block of rows may begin, plain or packed: its first key shares nothing, and Snappy has nothing to copy yet."""

_BEGINS_PACKED = re.compile(b"(?=%s)" % _PACKED_ENTRY, re.DOTALL)

_EMPTY = bytes.fromhex("0000000001000000 00")  # a block without entries, and its type
_NO_FILTER = _EMPTY + struct.pack("<I", mask(crc32c(_EMPTY)))
_FILTER = b"filter."  # the names of all begin so

Entry = tuple[bytes, bytes]
Order = tuple[bytes, int]
Block = tuple[int, int, bytes]
"""Where a block begins and ends, its trailer not counted, and a key that no key in it lies behind."""


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


def damaged_ranges(table: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return (low, high) of each block that does not verify: what it held lies behind the one key and not behind the other.

    None where the index cannot tell.
    """
    if not has_index(table):
        return None
    try:
        reader = Reader(table[-_FOOTER:])
        _, _, at, size = (reader.number() for _ in range(4))
        blocks = _named(_listed(table, at, at + size, _Work(table)), at)
    except (IndexError, ValueError, struct.error, _InVainError):
        return None
    found, low = list[tuple[bytes, bytes]](), b""
    for key, begin, n in blocks:
        if not _verifies(table, begin, begin + n):
            found.append((low, key[:-8]))
        low = key[:-8]
    return found


def indexed_anew(table: bytes) -> bytes:
    """Return a table of the data blocks that verify, byte for byte, with an index of its own; empty where there are none."""
    made, handles = bytearray(), list[Entry]()
    for at, end, last in _by_index(table, _Work(table)) or _by_walk(table, _Work(table)):
        handles.append((last, _number(len(made)) + _number(end - at)))
        made += table[at : end + _TRAILER]
    return _finished(made, handles)


def sequence_of(table: bytes, key: bytes) -> int:
    """Return the sequence of the last write of a key, as far as blocks that verify tell; 0 where none has it."""
    work, found = _Work(table), 0
    for at, end, last in _by_index(table, work) or _by_walk(table, work):
        if last[:-8] < key:
            continue
        with contextlib.suppress(IndexError, ValueError, struct.error, _InVainError):
            numbers = [
                int.from_bytes(each[-7:], "little") for each, _ in _listed(table, at, end, work) if each[:-8] == key
            ]
            found = max([found, *numbers])
        if last[:-8] > key:
            break
    return found


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


class _CutError(ValueError):
    """Tells that a block goes on behind the end of what there is."""


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


# ---- by the index


def _by_index(table: bytes, work: _Work) -> list[Block]:
    """Return the blocks that verify and that an index at the end of the table names; none where there is no such index."""
    for at, end, said in _indexes(table, work):
        try:
            named = _named(_listed(table, at, end, work), said)
        except (IndexError, ValueError, struct.error, _InVainError):
            continue
        return [block for key, begin, size in named for block in _where(table, key, size, {begin, begin + at - said})]
    return []


def _where(table: bytes, key: bytes, size: int, places: Iterable[int]) -> Iterator[Block]:
    """Yield the block where it verifies: at its place, or as far from there as the index is from its own."""
    for at in places:
        if at >= 0 and _verifies(table, at, at + size):
            yield at, at + size, key
            return


def _named(entries: list[Entry], said: int) -> list[tuple[bytes, int, int]]:
    """Return (key, begin, size) of the blocks that an index names: one right behind the other, or it is none."""
    named, stop = list[tuple[bytes, int, int]](), 0
    for key, value in entries:
        reader = Reader(value)
        begin, size = reader.number(), reader.number()
        if reader or begin != stop or (named and _order(key) <= _order(named[-1][0])):
            raise ValueError("no index")
        named.append((key, begin, size))
        stop = begin + size + _TRAILER
    if stop > said:
        raise ValueError("the index of another table")
    return named


def _indexes(table: bytes, work: _Work) -> Iterator[tuple[int, int, int]]:
    """Yield begin and end of what verifies and may be the index, and where the table says that it begins."""
    for footer in range(max(_TRAILER, len(table) - _FOOTER), len(table)):  # the end of it may be cut off
        reader = Reader(table, footer)
        try:
            _, _, said, size = (reader.number() for _ in range(4))
        except (IndexError, ValueError):
            continue
        if 8 <= size <= footer - _TRAILER and _verifies(table, footer - _TRAILER - size, footer - _TRAILER):
            yield footer - _TRAILER - size, footer - _TRAILER, said
    for end in (len(table) - _FOOTER - _TRAILER, len(table) - _TRAILER):
        try:
            for at in _sought(table, end, work) if end > 0 else ():
                work.spend(end - at)
                if _verifies(table, at, end):
                    yield at, end, at
        except _InVainError:
            return


def _sought(table: bytes, end: int, work: _Work) -> Iterator[int]:
    """Yield where an index that ends there may begin, the nearest first."""
    if table[end] == _SNAPPY:
        for begins in reversed(list(_BEGINS_PACKED.finditer(table, max(0, end - _WINDOW), end))):
            with contextlib.suppress(IndexError, ValueError):
                if _unpacked(table, begins.start(), work)[0] == end:
                    yield begins.start()
    elif table[end] == _PLAIN and end >= 8:
        n, last = int.from_bytes(table[end - 4 : end], "little"), int.from_bytes(table[end - 8 : end - 4], "little")
        stop = end - 4 - 4 * n
        for begin in range(stop - 1, max(last - 1, stop - _WIDEST), -1):  # of its last entry
            if table[begin] == table[begin - last] == 0:
                reader = Reader(table, begin + 1)
                with contextlib.suppress(IndexError, ValueError):
                    own, size = reader.number(), reader.number()
                    if own >= 8 and reader.at + own + size == stop:
                        yield begin - last


def _listed(table: bytes, at: int, end: int, work: _Work) -> list[Entry]:
    """Return the entries of a block that verifies."""
    return list(_unpacked_entries(table[at:end] if table[end] == _PLAIN else _unpacked(table, at, work)[1], work))


# ---- without the index


def _by_walk(table: bytes, work: _Work) -> list[Block]:
    """Return the blocks that follow each other from the first byte on, and those behind them that lead to the end."""
    first, at = _run(table, 0, _NOTHING, work, sought=False)
    before = _order(first[-1][2]) if first else _NOTHING
    runs = list[list[Block]]()
    while work.left >= 0 and (begins := _BEGINS.search(table, at)) is not None:
        run, at = _run(table, begins.start(), before, work, sought=True)
        if not run:
            at = begins.start() + 1
            continue
        runs.append(run)
        if _is_end(table, at) or _is_end(table, run[-1][1] + _TRAILER):
            return [*first, *_in_order(table, runs[-1:] if _holds_another(table) else runs)]
    return first


def _in_order(table: bytes, runs: list[list[Block]]) -> list[Block]:
    """Return the blocks of the last run, and of those before it whose keys come before what follows."""
    kept = list[Block]()
    for run in reversed(runs):
        if not kept or _order(run[-1][2]) < _first(table, kept[0]):
            kept = [*run, *kept]
    return kept


def _first(table: bytes, block: Block) -> Order:
    """Return what the first key of a sound block is sorted by."""
    found = _read(table, block[0], _Work(table), strict=True)
    return _NOTHING if found is None else _order(found[1][0][0])


def _holds_another(table: bytes) -> bool:
    """Tell whether the end of a table lies within this one, as in a value that holds a table."""
    return table.find(_MAGIC, 0, len(table) - 1) >= 0


def _run(table: bytes, at: int, before: Order, work: _Work, *, sought: bool) -> tuple[list[Block], int]:
    """Return the sound ones of the blocks that follow each other from there on, and where they end.

    A damaged one is stepped over where its entries tell its end; `sought`: not the first.
    """
    run = list[Block]()
    with contextlib.suppress(_InVainError):
        while at < len(table):
            left, strict = work.left, sought and not run
            try:
                found = _read(table, at, work, strict=strict)
            except _CutError:  # all that is left lies in this block
                return run, len(table)
            if found is None:
                break
            end, entries, sound = found
            if sound:
                order = [_order(key) for key, _ in entries]
                rising = all(low < high for low, high in pairwise(order))
                if not rising or before >= order[0] or _is_index(entries, at):
                    break
                before, work.left = order[-1], left
                run.append((at, end, entries[-1][0]))
            at = end + _TRAILER
    return run, at


def _is_end(table: bytes, at: int) -> bool:
    """Tell whether that comes there which lies behind the last block of rows: the filters of this table, or the word for none."""
    if (
        table.startswith(_NO_FILTER, at) and table.find(_MAGIC, at, len(table) - 1) < 0
    ):  # another table would end with it
        return True
    name = at
    while (name := table.find(_FILTER, name + 1)) >= 0:
        reader = Reader(table, name + table[name - 2])
        with contextlib.suppress(IndexError, ValueError):
            begin, size = reader.number(), reader.number()
            if begin == at and begin + size + _TRAILER == name - 3:  # what a value holds says it from its own beginning
                return True
    return False


def _order(key: bytes) -> Order:
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


def _read(table: bytes, at: int, work: _Work, *, strict: bool) -> tuple[int, list[Entry], bool] | None:
    """Return end and entries of a block of rows that begins there, and whether it verifies; `strict`: only one that does."""
    damaged, cut = None, False
    for read in (_plain, _packed):
        work.spend(_ATTEMPT)
        try:
            end, entries = read(table, at, work, strict=strict)
        except (IndexError, ValueError, struct.error) as error:
            cut = cut or isinstance(error, _CutError)
            continue
        work.spend(2 * (end - at))
        if _verifies(table, at, end):
            return (end, entries, True) if all(_is_row(key) for key, _ in entries) else None
        damaged = damaged or (end, entries, False)
    if cut and damaged is None and not strict:
        raise _CutError
    return None if strict else damaged


def _is_row(key: bytes) -> bool:
    """Tell whether a key ends as that of a row does: written or deleted, and by a write with a number that can be."""
    return len(key) >= 8 and key[-8] <= 1 and key[-1] == 0


def _verifies(table: bytes, at: int, end: int) -> bool:
    return table[end + 1 : end + _TRAILER] == struct.pack("<I", mask(crc32c(table[at : end + 1])))


def _entries(data: bytes, at: int, work: _Work, *, strict: bool = False) -> Iterator[tuple[int, Entry]]:
    """Yield each entry of a block and where it ends, as long as it looks like one; `strict`: like that of a row."""
    reader, key, begun = Reader(data, at), b"", False
    while True:
        shared, own, size = reader.number(), reader.number(), reader.number()
        end = reader.at + own + size
        if shared > len(key) or shared + own < 8 or (shared and not begun):
            raise ValueError("no entry of a block")
        if end > len(data):
            raise _CutError if _is_row(key[:shared] + data[reader.at : reader.at + own]) else ValueError
        work.spend(_STEP + (own + size) // _COPIED)
        key, begun = key[:shared] + data[reader.at : reader.at + own], True
        if strict and not _is_row(key):
            raise ValueError("no row")
        value = data[end - size : end]
        reader.at = end
        yield end, (key, value)


def _plain(table: bytes, at: int, work: _Work, *, strict: bool) -> tuple[int, list[Entry]]:
    """Read a block that is not compressed: it ends where the restart points of what was read so far follow."""
    found, restarts, start = list[Entry](), list[int](), at
    for end, entry in _entries(table, at, work, strict=strict):
        if len(found) % _RESTART == 0:
            restarts.append(start - at)
        found.append(entry)
        start = end
        tail = struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))
        if table.startswith(tail + bytes((_PLAIN,)), end):
            return end + len(tail), found
    raise ValueError("a block without an end")


def _packed(table: bytes, at: int, work: _Work, *, strict: bool) -> tuple[int, list[Entry]]:
    """Read a block that Snappy has compressed."""
    end, data = _unpacked(table, at, work)
    if table[end] != _SNAPPY:
        raise ValueError("not compressed by Snappy")
    return end, list(_unpacked_entries(data, work, strict=strict))


def _unpacked_entries(data: bytes, work: _Work, *, strict: bool = False) -> Iterator[Entry]:
    """Yield the entries of a block that is not compressed, up to its restart points."""
    (n,) = struct.unpack_from("<I", data, len(data) - 4)
    stop = len(data) - 4 - 4 * n
    with contextlib.suppress(_CutError):
        for past, entry in _entries(data, 0, work, strict=strict):
            if past > stop:
                break
            yield entry
            if past == stop:
                return
    raise ValueError("a block without an end")


def _unpacked(packed: bytes, at: int, work: _Work) -> tuple[int, bytes]:
    """Return where a piece that Snappy has compressed ends, and what it holds."""
    reader, out = Reader(packed, at), bytearray()
    size = reader.number()
    if not 12 < size < _MOST:
        raise ValueError("no block")
    at = reader.at
    while len(out) < size:
        if at >= len(packed):
            raise _CutError
        tag = packed[at]
        work.spend(_STEP)
        kind, length, at = tag & 3, (tag >> 2) + 1, at + 1
        if kind == 0:
            if length > 60:
                wide = length - 60
                length, at = int.from_bytes(packed[at : at + wide], "little") + 1, at + wide
            if len(out) + length > size:
                raise ValueError("a literal that ends too late")
            if at + length > len(packed):
                raise _CutError
            work.spend(length // _COPIED)
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
