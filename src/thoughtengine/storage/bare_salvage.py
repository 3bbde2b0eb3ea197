"""Bring back what is readable of a damaged bare LevelDB, as in format 1, into a new one; the damaged one is only read.

Its values carry no checksum of their own, so only blocks and log records that verify are taken, also of a table whose index is
gone; what was deleted in a log that verifies stays deleted. What an obsolete table holds is not brought back, unless the MANIFEST
that would tell is damaged too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from thoughtengine.config import StorageConfig
from thoughtengine.storage.contract import PAGE, Rows
from thoughtengine.storage.files import copy_file, remove_tree
from thoughtengine.storage.log import operations
from thoughtengine.storage.manifest import read_manifest, table_name
from thoughtengine.storage.salvage import damaged_files
from thoughtengine.storage.store import Level, repair
from thoughtengine.storage.table import has_index, indexed_anew

__all__ = ["Salvaged", "salvage_bare"]


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
    """

    rows: int
    damaged: tuple[tuple[str, str], ...]
    deleted: frozenset[bytes] = frozenset()

    def __str__(self) -> str:
        wrong = "; ".join(f"{name}: {what}" for name, what in self.damaged)
        return f"{wrong}; {self.rows:,} rows could be read, and how many could not nobody can tell in this format"


def salvage_bare(source: Path, target: Path, scratch: Path, config: StorageConfig) -> Salvaged:
    """Write the readable rows of a bare LevelDB that nobody has open into a new one.

    Parameters
    ----------
    source, target, scratch : Path
        The damaged one, which is only read; the new one; a folder to work in, which goes.
    config : StorageConfig
        For the new one.

    Raises
    ------
    StoreFullError, StoreError
        When there is no room, or the files cannot be read at all.
    """
    damaged = tuple(damaged_files(source, scratch))
    tables, logs = _live(source)
    remove_tree(scratch)
    scratch.mkdir(mode=0o700)
    try:
        for name in tables:
            _copy_table(source / name, scratch / name)
        repair(str(scratch), paranoid=True)
        later = dict(operation for log in logs for write in operations(log.read_bytes()) for operation in write)
        old, new = Level(str(scratch), config), Level(str(target), config, create=True)
        try:
            rows = _fill(new, old, later)
            new.flush()
        finally:
            old.close()
            new.close()
    finally:
        remove_tree(scratch)
    return Salvaged(rows, damaged, frozenset(key for key, value in later.items() if value is None))


def _copy_table(source: Path, target: Path) -> None:
    """Copy a table; where its index cannot be read, those of its blocks that verify get one of their own."""
    data = source.read_bytes()
    if has_index(data):
        copy_file(str(source), str(target))
    elif anew := indexed_anew(data):
        target.write_bytes(anew)


def _live(source: Path) -> tuple[list[str], list[Path]]:
    """Return the tables and logs that count, in order; all there are where the MANIFEST cannot be read."""
    logs = sorted((path for path in source.glob("*.log") if path.stem.isdigit()), key=lambda path: int(path.stem))
    try:
        files = read_manifest(source)
    except (OSError, ValueError):
        return sorted(path.name for path in source.iterdir() if path.suffix in (".ldb", ".sst")), logs
    tables = [table_name(source, number) for number in sorted(files.tables)]
    return [name for name in tables if (source / name).exists()], [log for log in logs if int(log.stem) >= files.log]


def _fill(new: Level, old: Level, later: dict[bytes, bytes | None]) -> int:
    rows, n = Rows(), 0
    for key, value in _merged(old, later):
        rows.append((key, value))
        n += 1
        if len(rows) >= PAGE:
            new.write(rows, [], False)
            rows = []
    new.write(rows, [], True)
    return n


def _merged(old: Level, later: dict[bytes, bytes | None]) -> Iterator[tuple[bytes, bytes]]:
    start = b""
    while page := old.page(start, None, PAGE, False):
        yield from (row for row in page if row[0] not in later)
        start = page[-1][0] + b"\x00"
    yield from ((key, value) for key, value in later.items() if value is not None)
