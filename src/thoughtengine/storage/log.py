"""Read LevelDB's logs, of which the MANIFEST is one: their records, what is wrong with one, what can be read of a damaged one.

References: LevelDB's `doc/log_format.md` (blocks of 32 KiB; records of masked CRC-32C, length, type) and `db/write_batch.cc`
(sequence of the first operation, count, then puts and deletes).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from thoughtengine.storage.contract import Rows

__all__ = [
    "Reader",
    "Rescued",
    "batches",
    "crc32c",
    "ends_whole",
    "hole",
    "mask",
    "operations",
    "records",
    "rescue",
    "verify_log",
]

_BLOCK = 32768
_HEADER = struct.Struct("<IHB")
_BATCH = struct.Struct("<QI")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_BEGINS = (bytes((_FULL,)), bytes((_FIRST,)))

Fragment = tuple[int, int, int, bytes]
"""Offset, checksum, type and payload of a physical record."""


@lru_cache(maxsize=1)
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0x82F63B78 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of `data`; plain Python, about 10 MB a second: only for what is damaged.

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, value = _crc_table(), 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 255] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def mask(value: int) -> int:
    """Return a checksum as LevelDB stores it."""
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _trailer(at: int) -> int:
    """Return how many bytes to step over at `at`: the rest of a block that is too short for a header."""
    left = _BLOCK - at % _BLOCK
    return left if left < _HEADER.size else 0


def _fragments(data: bytes) -> Iterator[Fragment]:
    """Yield each physical record; stop at the end, at zeros or at a torn tail."""
    at = 0
    while at + _HEADER.size <= len(data):
        checksum, length, kind = _HEADER.unpack_from(data, at)
        end = at + _HEADER.size + length
        if (length, kind) == (0, 0) or end > len(data):
            return
        yield at, checksum, kind, data[at + _HEADER.size : end]
        at = end + _trailer(end)


def _joined(fragments: Iterable[Fragment]) -> Iterator[tuple[int, int, bytes]]:
    """Yield each logical record: the offsets of its first and last physical one, and the payload."""
    parts, begun = b"", 0
    for at, _, kind, payload in fragments:
        if kind in (_FULL, _FIRST):
            parts, begun = payload, at
        else:
            parts += payload
        if kind in (_FULL, _LAST):
            yield begun, at, parts
            parts = b""


def records(data: bytes) -> Iterator[bytes]:
    """Yield the logical records of a log or MANIFEST; checksums are not looked at."""
    for _, _, payload in _joined(_fragments(data)):
        yield payload


def batches(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (offset, sequence of the first operation, number of operations) of each write in a log."""
    for at, _, batch in _joined(_fragments(data)):
        if len(batch) >= _BATCH.size:
            yield at, *_BATCH.unpack_from(batch)


def hole(data: bytes) -> int | None:
    """Return where a log has zeros in the place of a record though something follows, None where it has not.

    LevelDB steps over such a hole, to the end of its block, without a word.
    """
    end = 0
    for at, _, _, payload in _fragments(data):
        end = at + _HEADER.size + len(payload)
    end += _trailer(end)
    return end if data[end + 4 : end + _HEADER.size] == bytes(3) and data[end:].strip(b"\0") else None


def ends_whole(data: bytes) -> bool:
    """Tell whether a log ends with a whole record: not with a torn one, nor with zeros in its place."""
    end, last = 0, _FULL
    for at, _, kind, payload in _fragments(data):
        end, last = at + _HEADER.size + len(payload), kind
    return end == len(data) and last in (_FULL, _LAST)


def verify_log(path: Path) -> str | None:
    """Return what is wrong with a log or MANIFEST, None where every whole record verifies.

    Cost: plain Python over every byte; only for naming a file that LevelDB refused.
    """
    for at, checksum, kind, payload in _fragments(path.read_bytes()):
        if mask(crc32c(bytes((kind,)) + payload)) != checksum:
            return f"the record at byte {at} does not verify"
    return None


class Reader:
    """Walk through the numbers and pieces of a record; `IndexError` or `ValueError` where they are not such."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def number(self) -> int:
        """Return the next number."""
        shift = value = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number of more than 64 bits")

    def piece(self) -> bytes:
        """Return the next piece of bytes, which has its length in front of it."""
        length = self.number()
        self.at += length
        if self.at > len(self.data):
            raise IndexError("a piece ends too early")
        return self.data[self.at - length : self.at]


# ---- what is damaged


class Rescued(msgspec.Struct, frozen=True):
    """What could be made out of one write.

    Attributes
    ----------
    rows : list of (bytes, bytes)
        The puts, in order; whoever takes them verifies the values.
    whole : bool
        False for a last record that does not verify: it may have been torn by a crash, and was never acknowledged then.
    end : int
        Where it ends in the log.
    """

    rows: Rows
    whole: bool
    end: int


def rescue(data: bytes) -> Iterator[Rescued]:
    """Yield what can be made out of each write in a damaged log, in order.

    LevelDB drops the rest of a block at the first record that does not verify. Here a damaged record is stepped over, and
    what is around the damage inside of it is given too.
    """
    for _, last, batch in _joined(_followed(data)):
        _, length, _ = _HEADER.unpack_from(data, last)
        end = last + _HEADER.size + length
        yield Rescued(list(_puts(batch)), end < len(data) or _verifies(data, last), end)


def operations(data: bytes) -> Iterator[tuple[bytes, int, bytes | None]]:
    """Yield (key, sequence, value; None: deleted) of each write in a log that verifies whole; damaged ones are stepped over."""
    for _, _, batch in _joined(_whole(data)):
        if len(batch) >= _BATCH.size:
            first, _ = _BATCH.unpack_from(batch)
            for sequence, (key, value) in enumerate(_operations(batch), first):
                yield key, sequence, value


def _whole(data: bytes) -> Iterator[Fragment]:
    """Yield the physical records that verify, without those whose beginning does not."""
    broken, expected = False, 0
    for at, checksum, kind, payload in _followed(data):
        if not _verifies(data, at):
            broken = True
        elif kind in (_FULL, _FIRST) or not broken:
            broken = at != expected and kind not in (_FULL, _FIRST)
            if not broken:
                yield at, checksum, kind, payload
        end = at + _HEADER.size + len(payload)
        expected = end + _trailer(end)


def _puts(batch: bytes) -> Iterator[tuple[bytes, bytes]]:
    yield from ((key, value) for key, value in _operations(batch) if value is not None)


def _operations(batch: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    reader = Reader(batch, _BATCH.size)
    try:
        while reader:
            tag, key = reader.number(), reader.piece()
            if tag in (0, 1):
                yield key, reader.piece() if tag else None
    except (IndexError, ValueError):
        return


def _followed(data: bytes) -> Iterator[Fragment]:
    """Yield the physical records that verify, and those whose length leads to one that does, or to the end."""
    at = 0
    while at + _HEADER.size <= len(data):
        checksum, length, kind = _HEADER.unpack_from(data, at)
        end = at + _HEADER.size + length
        if _verifies(data, at) or (
            _fits(at, length, kind) and (end == len(data) or _verifies(data, end + _trailer(end)))
        ):
            yield at, checksum, kind, data[at + _HEADER.size : end]
            at = end + _trailer(end)
            continue
        yield at, 0, _FIRST, b""  # what had begun does not go on
        rest = range(at + 1, at + _BLOCK - at % _BLOCK)
        at = next((n for n in rest if data[n + 6 : n + 7] in _BEGINS and _verifies(data, n)), rest.stop)


def _fits(at: int, length: int, kind: int) -> bool:
    return _FULL <= kind <= _LAST and at % _BLOCK + _HEADER.size + length <= _BLOCK


def _verifies(data: bytes, at: int) -> bool:
    """Tell whether there is an intact physical record at `at`."""
    if at + _HEADER.size > len(data):
        return False
    checksum, length, kind = _HEADER.unpack_from(data, at)
    end = at + _HEADER.size + length
    return _fits(at, length, kind) and end <= len(data) and mask(crc32c(data[at + 6 : end])) == checksum
