"""Read LevelDB's MANIFEST: which files a generation consists of, and which of them are visibly not as they were written.

Reference: the VersionEdit tags of LevelDB's `db/version_edit.cc`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator
from pathlib import Path

import msgspec

from thoughtengine.storage.log import Reader, batches, hole, records

__all__ = ["Files", "inspect", "read_manifest", "table_name"]

_NAME = re.compile(r"MANIFEST-[0-9]{1,20}")


class Files(msgspec.Struct, frozen=True):
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
    dropped : frozenset of int
        Tables that it names and drops again.
    """

    manifest: str
    manifest_bytes: bytes
    log: int
    tables: dict[int, int]
    sequence: int = 0
    dropped: frozenset[int] = frozenset()

    @property
    def number(self) -> int:
        """Number of the MANIFEST: tables of a lower one that it does not name were obsolete when it was begun."""
        return int(self.manifest.partition("-")[2])


class _State(msgspec.Struct):
    """What the edits of a MANIFEST add up to."""

    tables: dict[int, int] = {}
    log: int = 0
    sequence: int = 0
    dropped: set[int] = set()

    def apply(self, edit: bytes) -> None:
        """Apply one VersionEdit."""
        reader = Reader(edit)
        while reader:
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
                number = reader.number()
                self.tables.pop(number, None)
                self.dropped.add(number)
            elif tag == 7:
                reader.number()
                number, size = reader.number(), reader.number()
                reader.piece()
                reader.piece()
                self.tables[number] = size
                self.dropped.discard(number)  # a table moved to another level is dropped and named in one edit
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
    if not current.endswith(b"\n") or not _NAME.fullmatch(name):
        raise ValueError("CURRENT does not name a MANIFEST")
    data = (folder / name).read_bytes()
    state, n_edits = _State(), 0
    for edit in records(data):
        try:
            state.apply(edit)
        except (IndexError, ValueError) as error:
            raise ValueError(f"{name}: an edit does not read: {error}") from error
        n_edits += 1
    if not n_edits:
        raise ValueError(f"{name}: there is no edit in it")
    return Files(name, data, state.log, state.tables, state.sequence, frozenset(state.dropped))


def table_name(folder: Path, number: int) -> str:
    """Return the file name of a table: `.ldb`, or `.sst` as very old releases wrote it."""
    names = (f"{number:06d}.ldb", f"{number:06d}.sst")
    return _table_name(number, {name for name in names if (folder / name).exists()})


def _table_name(number: int, there: Container[str]) -> str:
    name, old = f"{number:06d}.ldb", f"{number:06d}.sst"
    return old if name not in there and old in there else name


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
        name, _, wrong = str(error).partition(": ")
        return [(name, wrong) if _NAME.fullmatch(name) else ("CURRENT", str(error))]
    if (at := hole(files.manifest_bytes)) is not None:
        return [(files.manifest, f"zeros from byte {at} on, and something behind them")]
    there = set(os.listdir(folder))  # of thousands of tables: a path object for each costs more than all the rest
    tables = {_table_name(number, there): size for number, size in sorted(files.tables.items())}
    found = [*_logs_wrong(folder, files), *_tables_wrong(folder, tables, there)]
    unnamed = {name for name in there if name.endswith(".ldb")}.difference(tables)
    if unnamed and any(what.startswith("missing") for _, what in found):
        found.insert(0, (files.manifest, f"its end may be gone: it does not name {', '.join(sorted(unnamed))}"))
    return found


def _tables_wrong(folder: Path, tables: dict[str, int], there: set[str]) -> Iterator[tuple[str, str]]:
    for name, size in tables.items():
        try:
            have = os.stat(f"{folder}/{name}").st_size if name in there else None
        except FileNotFoundError:
            have = None
        if have != size:
            yield name, "missing" if have is None else f"{have} bytes instead of {size}"


def _logs_wrong(folder: Path, files: Files) -> Iterator[tuple[str, str]]:
    """Follow the sequence of writes through the logs that count: LevelDB steps over a hole without a word."""
    logs = sorted((int(path.stem), path) for path in folder.glob("*.log") if path.stem.isdigit())
    if files.log and files.log not in dict(logs):
        yield f"{files.log:06d}.log", "missing, though the MANIFEST needs it"
        return
    expected, exact, before = files.sequence + 1, False, files.manifest
    for number, path in logs:
        if number < files.log:
            continue
        data = path.read_bytes()
        for at, sequence, count in batches(data):
            if sequence > expected or (exact and sequence < expected):
                yield path.name, f"the write at byte {at} has number {sequence}, {expected} was to follow"
                if at == 0:
                    yield before, f"it ends with write {expected - 1}, {path.name} begins with {sequence}"
                return
            expected, exact = sequence + count, True
        if (gap := hole(data)) is not None:
            yield path.name, f"zeros from byte {gap} on, and something behind them"
            return
        before = path.name
