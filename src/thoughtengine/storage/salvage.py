"""Bring back what is readable of a damaged generation: into a new one, with the damaged files kept in `quarantine/`.

Only source rows are taken; what is derived is built again from them. A source row is written once and never deleted within
a generation, so an obsolete table that LevelDB's repair brings back can only hold rows that are the same.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs

from thoughtengine.config import StorageConfig
from thoughtengine.errors import RecordError, StoreDamagedError, StoreError
from thoughtengine.storage.checkpoint import clone
from thoughtengine.storage.codec import open_envelope
from thoughtengine.storage.contract import PAGE, Rows
from thoughtengine.storage.files import copy_file, discard, sync_tree
from thoughtengine.storage.keyspace import AREAS, HEAD, Area
from thoughtengine.storage.manifest import inspect, read_manifest, table_name, verify_log
from thoughtengine.storage.store import Level, repair

__all__ = ["Harvest", "damaged_files", "readable_ids", "salvage"]

_REACH = 1 << 16
"""Numbers tried one by one behind the last readable row of an area before the rest counts as gone."""


@attrs.define
class Harvest:
    """What was brought over.

    Attributes
    ----------
    rows : dict of str to int
        Source rows by area.
    unreadable : dict of str to int
        Rows whose envelope did not verify, by area.
    """

    rows: dict[str, int] = attrs.field(factory=dict)
    unreadable: dict[str, int] = attrs.field(factory=dict)


def damaged_files(generation: Path, scratch: Path) -> list[tuple[str, str]]:
    """Return (file, what is wrong) for each damaged file of a generation that nobody has open.

    Visible damage first; then logs and MANIFEST by their checksums; then each table by itself: LevelDB's own message
    does not name it.
    """
    found = inspect(generation)
    for path in sorted(generation.iterdir()):
        if (path.suffix == ".log" and path.stem.isdigit()) or path.name.startswith("MANIFEST-"):
            wrong = verify_log(path)
            if wrong:
                found.append((path.name, wrong))
    named = {name for name, _ in found}
    for path in sorted(generation.glob("*.ldb")):
        if path.name not in named and (wrong := _table_damage(path, scratch)):
            found.append((path.name, wrong))
    return found


def _table_damage(table: Path, scratch: Path) -> str | None:
    """Return what is wrong with one table: LevelDB's repair is run on a copy of it alone, and puts it aside when bad."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    try:
        copy_file(str(table), str(scratch / table.name))
        repair(str(scratch), paranoid=True)
        return "a block does not verify" if (scratch / "lost" / table.name).exists() else None
    except (StoreError, OSError) as error:
        return str(error)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def salvage(source: Path, scratch: Path, target: Path, config: StorageConfig) -> Harvest:
    """Write the readable source rows of `source` into a new generation at `target`, complete and synced.

    Parameters
    ----------
    source, scratch, target : Path
        The damaged generation, which is only read; a folder to work in; the new generation.

    Raises
    ------
    StoreDamagedError
        When nothing can be read.
    StoreFullError, StoreError
        When there is no room, or the files cannot be read at all.
    """
    for leftover in (scratch, target):
        discard(leftover)
    try:
        level = _opened(source, scratch, config)
        try:
            harvest = _harvest(level, target, config)
        finally:
            level.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sync_tree(target)
    return harvest


def readable_ids(source: Path, scratch: Path, config: StorageConfig, area: Area) -> set[int]:
    """Return the numbers of an area that can be read in a damaged generation."""
    try:
        level = _opened(source, scratch, config)
        try:
            return {area.number(key) for key, _ in _readable(level, area)}
        finally:
            level.close()
    except StoreError:
        return set()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _opened(source: Path, scratch: Path, config: StorageConfig) -> Level:
    """Open a copy of the damaged generation: as it is, else repaired."""
    with contextlib.suppress(StoreError, OSError):
        clone(source, scratch)
        return Level(str(scratch), config)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    for name in _worth_copying(source):
        with contextlib.suppress(OSError):  # a sector that cannot be read must not stop the rest
            copy_file(str(source / name), str(scratch / name))
    repair(str(scratch), paranoid=True)
    return Level(str(scratch), config)


def _worth_copying(source: Path) -> list[str]:
    """Name all tables and logs where the MANIFEST is not to be trusted, else those it names."""
    names = [name for name in os.listdir(source) if name.endswith((".ldb", ".sst", ".log"))]
    with contextlib.suppress(OSError, ValueError):
        files = read_manifest(source)
        needed = {table_name(source, number) for number in files.tables}
        if not files.log or (source / f"{files.log:06d}.log").exists():
            return [name for name in names if name in needed or name.endswith(".log")]
    return names


def _harvest(level: Level, target: Path, config: StorageConfig) -> Harvest:
    harvest = Harvest()
    new = Level(str(target), config, create=True)
    try:
        for area in AREAS.values():
            if not area.source and area is not HEAD:
                continue
            rows: Rows = []
            for key, value in _readable(level, area):
                try:
                    open_envelope(key, value, area)
                except RecordError:
                    harvest.unreadable[area.name] = harvest.unreadable.get(area.name, 0) + 1
                    continue
                rows.append((key, value))
                harvest.rows[area.name] = harvest.rows.get(area.name, 0) + 1
                if len(rows) == PAGE:
                    new.write(rows, [], False)
                    rows = []
            new.write(rows, [], False)
        new.flush()
    finally:
        new.close()
    return harvest


def _readable(level: Level, area: Area) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of a numbered area, stepping over blocks that do not verify: slow there, by pages elsewhere."""
    number, misses, step = 0, 0, PAGE
    while misses < _REACH:
        try:
            page = level.page(area.key(number), area.stop, step, False)
        except StoreDamagedError:
            if step == 1:
                number, misses = number + 1, misses + 1
            step = 1
            continue
        if not page:
            return
        yield from page
        number, misses, step = area.number(page[-1][0]) + 1, 0, min(PAGE, 2 * step)
