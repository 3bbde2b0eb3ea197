"""Read LevelDB's MANIFEST and logs: which files a consistent copy needs, which one is damaged, what can be read of a log.

References: LevelDB's `doc/log_format.md` (32 KiB blocks of records: masked CRC-32C, length, type), the VersionEdit tags of
`db/version_edit.cc` and the batch of `db/write_batch.cc` (first sequence, count, then puts and deletes).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import attrs

__all__ = ["Files", "crc32c", "inspect", "log_rows", "read_manifest", "table_name", "verify_log"]

_BLOCK = 32768
_HEADER = struct.Struct("<IHB")
_BATCH = struct.Struct("<QI")
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
    sequence : int
        LevelDB's sequence of the last write the MANIFEST knows of; the first write in the oldest log is no later than
        the one behind it.
    """

    manifest: str
    manifest_bytes: bytes
    log: int
    tables: dict[int, int]
    sequence: int = 0


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
        if (length, kind) == (0, 0) or end > len(data):
            return
        yield at, checksum, kind, data[at + _HEADER.size : end]
        at = end


def _joined(fragments: Iterable[tuple[int, int, int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, payload) of each logical record of a log or MANIFEST."""
    parts, begun = b"", 0
    for at, _, kind, payload in fragments:
        if kind in (_FULL, _FIRST):
            parts, begun = payload, at
        else:
            parts += payload
        if kind in (_FULL, _LAST):
            yield begun, parts
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
            if shift > 63:
                raise ValueError("a number of more than 64 bits")
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def piece(self) -> bytes:
        length = self.number()
        self.at += length
        if self.at > len(self.data):
            raise IndexError("a piece ends too early")
        return self.data[self.at - length : self.at]


@attrs.define
class _State:
    """What the edits of a MANIFEST add up to."""

    tables: dict[int, int] = attrs.field(factory=dict)
    log: int = 0
    sequence: int = 0

    def apply(self, edit: bytes) -> None:
        """Apply one VersionEdit."""
        reader = _Reader(edit)
        while reader.at < len(edit):
            tag = reader.number()
            if tag == 1:
                reader.piece()
            elif tag in (2, 3, 4, 9):
                value = reader.number()
                self.log = value if tag == 2 else self.log
                self.sequence = value if tag == 4 else self.sequence
            elif tag == 5:
                reader.number()
                reader.piece()
            elif tag == 6:
                reader.number()
                self.tables.pop(reader.number(), None)
            elif tag == 7:
                reader.number()
                number, size = reader.number(), reader.number()
                reader.piece()
                reader.piece()
                self.tables[number] = size
            else:
                raise ValueError(f"unknown tag {tag}")


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
    state, n_edits = _State(), 0
    for _, edit in _joined(_fragments(data)):
        try:
            state.apply(edit)
        except (IndexError, ValueError) as error:
            raise ValueError(f"{name}: an edit does not read: {error}") from error
        n_edits += 1
    if not n_edits:
        raise ValueError(f"{name}: there is no edit in it")
    return Files(name, data, state.log, state.tables, state.sequence)


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

    Looks at names, sizes, the MANIFEST and the order of writes in the logs, not at the content of tables: well under a
    millisecond for a small mind. LevelDB itself overlooks a deleted log, a shortened MANIFEST, and a log with a hole.
    """
    try:
        files = read_manifest(folder)
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        others = sorted(path.name for path in folder.glob("MANIFEST-*"))
        if name != "CURRENT" and others:
            return [("CURRENT", f"it names {name}, which is not there; {others[-1]} is")]
        return [(name, "missing")]
    except ValueError as error:
        name, colon, wrong = str(error).partition(": ")
        return [(name, wrong) if colon and name.startswith("MANIFEST-") else ("CURRENT", str(error))]
    return [*_logs_wrong(folder, files), *_tables_wrong(folder, files)]


def _tables_wrong(folder: Path, files: Files) -> Iterator[tuple[str, str]]:
    for number, size in sorted(files.tables.items()):
        name = table_name(folder, number)
        try:
            have = (folder / name).stat().st_size
        except FileNotFoundError:
            yield name, "missing"
            continue
        if have != size:
            yield name, f"{have} bytes instead of {size}"


def _logs_wrong(folder: Path, files: Files) -> Iterator[tuple[str, str]]:
    """Follow the sequence of writes through the logs that count: LevelDB steps over a hole without a word."""
    logs = sorted((int(path.stem), path) for path in folder.glob("*.log") if path.stem.isdigit())
    if files.log and files.log not in dict(logs):
        yield f"{files.log:06d}.log", "missing, though the MANIFEST needs it"
        return
    expected, exact = files.sequence + 1, False
    for number, path in logs:
        if number < files.log:
            continue
        data = path.read_bytes()
        for at, batch in _joined(_fragments(data)):
            if len(batch) < _BATCH.size:
                continue
            sequence, count = _BATCH.unpack_from(batch)
            if sequence > expected or (exact and sequence < expected):
                yield path.name, f"the write at byte {at} has number {sequence}, {expected} was to follow"
                return
            expected, exact = sequence + count, True
        if (hole := _hole(data)) is not None:
            yield path.name, f"zeros from byte {hole} on, and writes behind them"
            return


def _hole(data: bytes) -> int | None:
    """Return where a log has zeros in the place of a record though something follows, None where it has not."""
    end = 0
    for at, _, _, payload in _fragments(data):
        end = at + _HEADER.size + len(payload)
    end += _trailer(end)
    if data[end + 4 : end + _HEADER.size] == bytes(3) and data[end:].strip(b"\0"):
        return end
    return None


def log_rows(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of every put in a damaged log that can be made out, oldest first; the caller verifies the values.

    LevelDB drops the rest of a block of 32 KiB at the first record that does not verify. Here a damaged record is stepped
    over, and what is around the damage inside of it is given too: its rows have checksums of their own.
    """
    for _, batch in _joined(_followed(data)):
        reader = _Reader(batch)
        reader.at = _BATCH.size
        try:
            while reader.at < len(batch):
                tag = reader.number()
                key = reader.piece()
                if tag == 1:
                    yield key, reader.piece()
        except (IndexError, ValueError):
            continue


def _followed(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield the physical records of a damaged log: those that verify, and those between whose length leads to one."""
    at = 0
    while at + _HEADER.size <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER.size:
            at += left
            continue
        checksum, length, kind = _HEADER.unpack_from(data, at)
        end = at + _HEADER.size + length
        if _verifies(data, at) or (length + _HEADER.size <= left and _verifies(data, end + _trailer(end))):
            yield at, checksum, kind, data[at + _HEADER.size : end]
            at = end
            continue
        yield at, 0, _FIRST, b""  # whatever had begun does not go on
        at = next(
            (n for n in range(at + 1, at + left) if data[n + 6 : n + 7] in _BEGINS and _verifies(data, n)), at + left
        )


_BEGINS = (bytes((_FULL,)), bytes((_FIRST,)))


def _trailer(at: int) -> int:
    left = _BLOCK - at % _BLOCK
    return left if left < _HEADER.size else 0


def _verifies(data: bytes, at: int) -> bool:
    """Tell whether there is an intact physical record at `at`."""
    if at + _HEADER.size > len(data):
        return False
    checksum, length, kind = _HEADER.unpack_from(data, at)
    end = at + _HEADER.size + length
    if not _FULL <= kind <= _LAST or end > len(data) or at % _BLOCK + _HEADER.size + length > _BLOCK:
        return False
    return bool(_mask(crc32c(data[at + 6 : end])) == checksum)
