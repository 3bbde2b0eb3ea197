"""Read LevelDB's MANIFEST and logs, to know which files a consistent copy needs and to name the damaged one.

References: LevelDB's `doc/log_format.md` (32 KiB blocks of records: masked CRC-32C, length, type) and the VersionEdit tags of
`db/version_edit.cc`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import attrs

__all__ = ["Files", "crc32c", "inspect", "read_manifest", "table_name", "verify_log"]

_BLOCK = 32768
_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


@attrs.frozen
class Files:
    """What a generation consists of.

    Attributes
    ----------
    manifest : str
        Name of the MANIFEST that CURRENT names.
    manifest_bytes : bytes
        Its content as read.
    log : int
        Number of the oldest log still needed; 0 for none.
    tables : dict of int to int
        Live tables: number to size in bytes.
    """

    manifest: str
    manifest_bytes: bytes
    log: int
    tables: dict[int, int]


@lru_cache(maxsize=1)
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0x82F63B78 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of `data`; plain Python, about 10 MB a second: for naming damage only."""
    table, value = _crc_table(), 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 255] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _mask(value: int) -> int:
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _fragments(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (offset, checksum, type, payload) of each physical record; stop at the end or a torn tail."""
    at = 0
    while at + _HEADER.size <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER.size:
            at += left
            continue
        checksum, length, kind = _HEADER.unpack_from(data, at)
        end = at + _HEADER.size + length
        if (checksum, length, kind) == (0, 0, 0) or end > len(data):
            return
        yield at, checksum, kind, data[at + _HEADER.size : end]
        at = end


def _records(data: bytes) -> Iterator[bytes]:
    """Yield the logical records of a log or MANIFEST."""
    parts = b""
    for _, _, kind, payload in _fragments(data):
        parts = payload if kind in (_FULL, _FIRST) else parts + payload
        if kind in (_FULL, _LAST):
            yield parts
            parts = b""


class _Reader:
    """Walk through one VersionEdit."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self) -> int:
        shift = value = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def skip(self) -> None:
        length = self.number()
        self.at += length


def _apply(edit: bytes, tables: dict[int, int], log: int) -> int:
    """Apply one VersionEdit to the set of live tables and return the log number."""
    reader = _Reader(edit)
    while reader.at < len(edit):
        tag = reader.number()
        if tag == 1:
            reader.skip()
        elif tag in (2, 3, 4, 9):
            value = reader.number()
            log = value if tag == 2 else log
        elif tag == 5:
            reader.number()
            reader.skip()
        elif tag == 6:
            reader.number()
            tables.pop(reader.number(), None)
        elif tag == 7:
            reader.number()
            number, size = reader.number(), reader.number()
            reader.skip()
            reader.skip()
            tables[number] = size
        else:
            raise ValueError(f"unknown tag {tag}")
    return log


def read_manifest(folder: Path) -> Files:
    """Return which files the generation in `folder` consists of.

    Raises
    ------
    FileNotFoundError
        Without CURRENT, or without the MANIFEST it names.
    ValueError
        When either cannot be read as such.
    """
    current = (folder / "CURRENT").read_bytes()
    name = current.decode("ascii", errors="replace").rstrip("\n")
    if not current.endswith(b"\n") or not name.startswith("MANIFEST-") or "/" in name:
        raise ValueError("CURRENT does not name a MANIFEST")
    data = (folder / name).read_bytes()
    tables: dict[int, int] = {}
    log, n_edits = 0, 0
    for edit in _records(data):
        try:
            log = _apply(edit, tables, log)
        except IndexError as error:
            raise ValueError(f"{name}: an edit ends too early") from error
        n_edits += 1
    if not n_edits:
        raise ValueError(f"{name} holds no edit")
    return Files(manifest=name, manifest_bytes=data, log=log, tables=tables)


def verify_log(path: Path) -> str | None:
    """Return what is wrong with a log or MANIFEST, None where every whole record verifies.

    Cost: plain Python over every byte; only for naming a file that LevelDB refused.
    """
    for at, checksum, kind, payload in _fragments(path.read_bytes()):
        if _mask(crc32c(bytes((kind,)) + payload)) != checksum:
            return f"the record at byte {at} does not verify"
    return None


def table_name(folder: Path, number: int) -> str:
    """Return the file name of a table: `.ldb`, or `.sst` as very old releases wrote it."""
    name = f"{number:06d}.ldb"
    old = f"{number:06d}.sst"
    return old if not (folder / name).exists() and (folder / old).exists() else name


def inspect(folder: Path) -> list[tuple[str, str]]:
    """Return (file, what is wrong) for each file of a generation that is visibly not as it was written.

    Looks at names, sizes and the MANIFEST, not at the content of tables: well under a millisecond for a small mind.
    LevelDB itself overlooks a deleted log and a shortened MANIFEST.
    """
    try:
        files = read_manifest(folder)
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        return [(name, "missing")]
    except ValueError as error:
        return [("CURRENT" if "CURRENT" in str(error) else "MANIFEST", str(error))]
    found = []
    if files.log and not (folder / f"{files.log:06d}.log").exists():
        found.append((f"{files.log:06d}.log", "missing, though the MANIFEST needs it"))
    for number, size in sorted(files.tables.items()):
        name = table_name(folder, number)
        try:
            have = (folder / name).stat().st_size
        except FileNotFoundError:
            found.append((name, "missing"))
            continue
        if have != size:
            found.append((name, f"{have} bytes instead of {size}"))
    return found
