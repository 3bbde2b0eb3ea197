"""Bring back what is readable of a damaged bare LevelDB, as in format 1, into a new one; the damaged one is only read.

Its values carry no checksum of their own, so only blocks and log records that verify are taken, also of a table whose index is
gone. Logs are read as tables too, so that for every key its latest sequence decides: what was deleted later stays deleted,
whichever file says so. A table that a MANIFEST may have lost the name of is read as well; what is known to be obsolete is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from thoughtengine.config import StorageConfig
from thoughtengine.storage.contract import PAGE
from thoughtengine.storage.files import copy_file, remove_tree
from thoughtengine.storage.log import ends_whole, operations, verify_log
from thoughtengine.storage.manifest import Files, read_manifest, table_name
from thoughtengine.storage.salvage import damaged_files, needs_room
from thoughtengine.storage.store import Level, repair
from thoughtengine.storage.table import damaged_ranges, has_index, indexed_anew, table_of

__all__ = ["Salvaged", "salvage_bare"]

Operation = tuple[bytes, int, bytes | None]
"""Key, sequence and value of a write; None: it deletes the key."""


@attrs.frozen
class Salvaged:
    """What was brought over.

    Attributes
    ----------
    rows : int
        That could be read.
    damaged : tuple of (str, str)
        Each damaged file and what is wrong with it; empty where nothing is.
    deleted : frozenset of bytes
        Keys that a log deletes.
    holes : tuple of (bytes, bytes), or None
        Where rows could not be read: behind the one key, and not behind the other. None where nobody can tell where.
    """

    rows: int
    damaged: tuple[tuple[str, str], ...]
    deleted: frozenset[bytes] = frozenset()
    holes: tuple[tuple[bytes, bytes], ...] | None = ()

    def __str__(self) -> str:
        wrong = "; ".join(f"{name}: {what}" for name, what in self.damaged)
        return f"{wrong}; {self.rows:,} rows could be read, and how many could not nobody can tell in this format"


def salvage_bare(
    source: Path, target: Path, scratch: Path, config: StorageConfig, *, beside: Path | None = None
) -> Salvaged:
    """Write the readable rows of a bare LevelDB that nobody writes to into a new one.

    Parameters
    ----------
    source, target, scratch : Path
        The damaged one, which is only read; the new one; a folder to work in, which goes.
    config : StorageConfig
        For the new one.
    beside : Path, optional
        Another copy of the same store: what is gone in one may be whole in the other.

    Raises
    ------
    StoreFullError, StoreError
        When there is no room, or the files cannot be read at all.
    """
    needs_room(source if source.is_dir() else beside or source)
    tables, written, damaged = list[Path](), list[tuple[Path, list[Operation]]](), dict[str, str]()
    for folder in (source, beside):
        if folder is None or not folder.is_dir():
            continue
        names, logs, wrong = _live(folder)
        for name, what in [*wrong, *damaged_files(folder, scratch)]:
            if what not in damaged.get(name, ""):
                damaged[name] = f"{damaged[name]}; {what}" if name in damaged else what
        tables += [folder / name for name in names if not any(_is_same(folder / name, table) for table in tables)]
        written += [(log, list(operations(log.read_bytes()))) for log in logs]
    remove_tree(scratch)
    scratch.mkdir(mode=0o700)
    try:
        for number, table in enumerate(tables, 1):
            _copy_table(table, scratch / f"{number:06d}.ldb")
        free = 1 + len(tables)
        for number, (_, done) in enumerate(written, free):
            if made := table_of(done):
                (scratch / f"{number:06d}.ldb").write_bytes(made)
        repair(str(scratch), paranoid=True)
        old, new = Level(str(scratch), config), Level(str(target), config, create=True)
        try:
            rows = _fill(new, old)
            new.flush()
        finally:
            old.close()
            new.close()
    finally:
        remove_tree(scratch)
    return Salvaged(rows, tuple(damaged.items()), _deleted(written), None if beside else _holes(tables, damaged))


def _holes(tables: list[Path], damaged: Iterable[str]) -> tuple[tuple[bytes, bytes], ...] | None:
    """Return the ranges of keys in which rows are lost, None where more than blocks of a table is damaged."""
    found, named = list[tuple[bytes, bytes]](), {table.name: table for table in tables}
    for name in damaged:
        ranges = damaged_ranges(named[name].read_bytes()) if name in named else None
        if ranges is None:
            return None
        found += ranges
    return tuple(sorted(found))


def _is_same(table: Path, other: Path) -> bool:
    """Tell whether two tables are the same file."""
    return table.name == other.name and table.samefile(other)


def _deleted(written: list[tuple[Path, list[Operation]]]) -> frozenset[bytes]:
    """Return the keys whose last write in the logs deletes them."""
    last: dict[bytes, tuple[int, bool]] = {}
    for _, done in written:
        for key, sequence, value in done:
            last[key] = max(last.get(key, (-1, False)), (sequence, value is None))
    return frozenset(key for key, (_, gone) in last.items() if gone)


def _copy_table(source: Path, target: Path) -> None:
    """Copy a table; where its index cannot be read, those of its blocks that verify get one of their own."""
    data = source.read_bytes()
    if has_index(data):
        copy_file(str(source), str(target))
    elif anew := indexed_anew(data):
        target.write_bytes(anew)


def _live(source: Path) -> tuple[list[str], list[Path], list[tuple[str, str]]]:
    """Return the tables and logs to read, and what is wrong with the MANIFEST; all there are where it does not verify."""
    logs = sorted((path for path in source.glob("*.log") if path.stem.isdigit()), key=lambda path: int(path.stem))
    there = sorted(path.name for path in source.iterdir() if path.suffix in (".ldb", ".sst") and path.stem.isdigit())
    try:
        files = read_manifest(source)
    except (OSError, ValueError):
        return there, logs, []  # told as damage already
    if verify_log(source / files.manifest) is not None or not ends_whole(files.manifest_bytes):
        return there, logs, [(files.manifest, "it does not verify to its end: every table there is was read")]
    named = {table_name(source, number) for number in files.tables}
    late = [name for name in there if name not in named and _is_late(int(Path(name).stem), files)]
    wrong = f"its end may be gone: it does not name {', '.join(late)}, which was read as well"
    logs = [log for log in logs if int(log.stem) >= files.log]
    return [name for name in there if name in named or name in late], logs, [(files.manifest, wrong)] if late else []


def _is_late(number: int, files: Files) -> bool:
    """Tell whether a table that a sound MANIFEST does not name may be one that it has lost."""
    return number > files.number and number not in files.dropped


def _fill(new: Level, old: Level) -> int:
    start, n = b"", 0
    while rows := old.page(start, None, PAGE, False):
        new.write(rows, [], False)
        start, n = rows[-1][0] + b"\x00", n + len(rows)
    new.write([], [], True)
    return n
