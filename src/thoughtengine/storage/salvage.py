"""Bring back what is readable of a damaged generation: into a new one, with the damaged files kept in `quarantine/`.

Only source rows are taken, and areas this release does not know; what is derived is built again. A source row is written
once and never deleted within a generation, so an obsolete table that LevelDB's repair brings back can only hold rows that are
the same. A table that LevelDB cannot open gives the blocks that verify. Roads not taken: reading the damaged generation in
place, as one table with a damaged index makes every scan fail; giving LevelDB's repair the logs, as it does not look at their
checksums and brings back the first half of a torn batch.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from thoughtengine.config import StorageConfig
from thoughtengine.errors import RecordError, StoreDamagedError, StoreError, StoreFullError
from thoughtengine.storage.codec import Sealed, decode, is_intact, open_envelope
from thoughtengine.storage.contract import PAGE, Rows
from thoughtengine.storage.files import FULL, copy_file, discard, remove_tree, size_of, sync_tree
from thoughtengine.storage.keyspace import AREAS, ASIDE, FIRST_NEW, HEAD, MEMORY, RECEIPT, Area, HeadRecord
from thoughtengine.storage.log import rescue, verify_log
from thoughtengine.storage.manifest import inspect, read_manifest
from thoughtengine.storage.store import Level, repair
from thoughtengine.storage.table import has_index, indexed_anew, sequence_of

__all__ = ["Harvest", "damaged_files", "needs_room", "readable_ids", "salvage"]

_TABLES = ".ldb", ".sst"
_REACH = 1 << 16
"""Numbers tried one by one behind the last readable row of an area before the rest counts as gone."""


@attrs.define
class Harvest:
    """What was brought over.

    Attributes
    ----------
    rows : dict of str to int
        Source rows by area; of areas that this release does not know under ``"unknown"``.
    unreadable : dict of str to int
        Rows whose envelope did not verify, by area.
    left : dict of str to int
        Readable rows that belong to a memory which is not: they stay in quarantine.
    without : dict of str to list of int
        Memories that are there without the row they had beside them, by the area of that row.
    receipts : tuple of int
        Numbers of receipts that are gone: what they hid or pinned is as if they had not.
    head : HeadRecord
        The newest counters that could be read.
    torn : bool
        Whether something was written after them, or may have been, that could not be read.
    """

    rows: dict[str, int] = attrs.field(factory=dict)
    unreadable: dict[str, int] = attrs.field(factory=dict)
    left: dict[str, int] = attrs.field(factory=dict)
    without: dict[str, list[int]] = attrs.field(factory=dict)
    receipts: tuple[int, ...] = ()
    head: HeadRecord = attrs.field(factory=HeadRecord)
    torn: bool = False


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
    remove_tree(scratch)
    scratch.mkdir(mode=0o700)
    try:
        copy_file(str(table), str(scratch / table.name))
        repair(str(scratch), paranoid=True)
        return "a block does not verify" if (scratch / "lost" / table.name).exists() else None
    except (StoreError, OSError) as error:
        return str(error)
    finally:
        remove_tree(scratch)


def salvage(
    source: Path,
    scratch: Path,
    target: Path,
    config: StorageConfig,
    *,
    also: tuple[Area, ...] = (),
    next_receipt: int = 1,
) -> Harvest:
    """Write the readable source rows of `source` into a new generation at `target`, complete and synced.

    Parameters
    ----------
    source, scratch, target : Path
        The damaged generation, which is only read; a folder to work in; the new generation.
    also : tuple of Area
        Derived areas that are taken too.
    next_receipt : int
        A number below which all receipts are known to have been there: the newest head may be gone with the last of them.

    Raises
    ------
    StoreFullError, StoreError
        When there is no room, or the files cannot be read at all.
    """
    discard(target)
    with _repaired(source, scratch, config) as view:
        new = Level(str(target), config, create=True)
        try:
            _fill(new, view, also, next_receipt)
            new.flush()
        finally:
            new.close()
    sync_tree(target)
    return view.harvest


def readable_ids(source: Path, scratch: Path, config: StorageConfig, area: Area) -> set[int]:
    """Return the numbers of an area that can be read in a damaged generation."""
    with contextlib.suppress(StoreError, OSError), _repaired(source, scratch, config) as view:
        return {area.number(key) for key, _ in view.sound(area)}
    return set()


@contextlib.contextmanager
def _repaired(source: Path, scratch: Path, config: StorageConfig) -> Iterator[_View]:
    """Open a repaired copy of the damaged generation."""
    discard(scratch)
    needs_room(source)
    scratch.mkdir(mode=0o700)
    try:
        for name in os.listdir(source):
            if name.endswith(_TABLES):
                _copied(source / name, scratch / name)
        repair(str(scratch), paranoid=True)
        if _indexed_anew(scratch):
            repair(str(scratch), paranoid=True)
        level = Level(str(scratch), config)
        try:
            logs, torn = _in_logs(source)
            if torn is None:  # the newest counters lie in a table
                hurt = (scratch / "lost").exists() or any(name.endswith(_TABLES) for name, _ in inspect(source))
                torn = hurt and not _is_last(source)
            yield _View(level, logs, Harvest(torn=torn))
        finally:
            level.close()
    finally:
        remove_tree(scratch)


def _indexed_anew(scratch: Path) -> bool:
    """Give the blocks of tables that LevelDB could not even open an index of their own; tell whether there were any."""
    found = False
    for table in sorted((scratch / "lost").glob("*.ldb")):
        data = table.read_bytes()
        if not has_index(data) and (anew := indexed_anew(data)):
            (scratch / table.name).write_bytes(anew)
            found = True
    return found


def needs_room(source: Path) -> None:
    """Refuse where the copy, its repair and the new generation might not fit: LevelDB's repair drops what it cannot write."""
    disk = os.statvfs(source)
    need, free = 3 * size_of(source), disk.f_bavail * disk.f_frsize
    if free < need:
        raise StoreFullError(source, f"damaged, and to salvage it {need:,} bytes must be free: there are {free:,}")


def _copied(source: Path, target: Path) -> None:
    """Copy a file; a sector that cannot be read must not stop the rest, a full disk must."""
    try:
        copy_file(str(source), str(target))
    except OSError as error:
        if error.errno in FULL:
            raise StoreFullError(target, "no space left to salvage in") from error


def _in_logs(source: Path) -> tuple[dict[bytes, Rows], bool | None]:
    """Return the rows in logs by first byte of the key, and whether more may have been written behind the last counters there.

    Of a last write that may be torn, rows are taken only if its end is there. None where the logs that count hold no write.
    """
    found: dict[bytes, Rows] = {}
    logs, needed = (
        sorted((int(path.stem), path) for path in source.glob("*.log") if path.stem.isdigit()),
        _needed(source),
    )
    torn = True if needed and needed not in dict(logs) else None
    for number, path in logs:
        data, end = b"\0", 0  # as if there were something, where it cannot be read
        with contextlib.suppress(OSError):
            data = path.read_bytes()
        for write in rescue(data):
            ended = bool(write.rows) and _opened(HEAD, *write.rows[-1]) is not None
            end = write.end if ended else end
            for row in write.rows if ended or write.whole else ():
                found.setdefault(row[0][:1], []).append(row)
        if data and number >= needed:
            torn = end < len(data)
    return found, torn


def _needed(source: Path) -> int:
    """Return the number of the oldest log that counts; 0 where nothing tells."""
    with contextlib.suppress(OSError, ValueError):
        return read_manifest(source).log
    return 0


def _is_last(source: Path) -> bool:
    """Tell whether the newest counters in the tables are of the last write there was, as far as the MANIFEST knows."""
    with contextlib.suppress(OSError, ValueError):
        last, key = read_manifest(source).sequence, HEAD.key(0)
        return any(sequence_of(path.read_bytes(), key) == last for path in source.glob("*.ldb"))
    return False


def _opened(area: Area, key: bytes, value: bytes) -> Sealed | None:
    try:
        return open_envelope(key, value, area)
    except RecordError:
        return None


@attrs.define
class _View:
    """The tables, repaired, and the rows that the logs hold, by the first byte of the key and in order."""

    level: Level
    logs: dict[bytes, Rows]
    harvest: Harvest

    def sound(self, area: Area) -> Iterator[tuple[bytes, bytes]]:
        """Yield each row of a source area whose envelope verifies, once."""
        seen = set[bytes]()
        for key, value in self.logs.get(area.prefix, []):
            if key not in seen and _opened(area, key, value) is not None:
                seen.add(key)
                yield key, value
        for key, value in _readable(self.level, area):
            if key in seen:
                continue
            if _opened(area, key, value) is not None:
                yield key, value
            else:
                self.harvest.unreadable[area.name] = self.harvest.unreadable.get(area.name, 0) + 1

    def head(self) -> bytes | None:
        """Return the newest row of counters."""
        rows = [*self.logs.get(HEAD.prefix, []), *_readable(self.level, HEAD)]
        found = [(sealed.sequence, value) for key, value in rows if (sealed := _opened(HEAD, key, value)) is not None]
        return max(found)[1] if found else None

    def latest(self, area: Area) -> dict[bytes, bytes]:
        """Return the rows of an area that is derived, and so written anew: of each key the one that was written last."""
        found: dict[bytes, tuple[int, bytes]] = {}
        for key, value in (*self._in_tables(area.prefix), *self.logs.get(area.prefix, [])):
            sealed = _opened(area, key, value)
            if sealed is not None and (key not in found or found[key][0] <= sealed.sequence):
                found[key] = sealed.sequence, value
        return {key: value for key, (_, value) in found.items()}

    def unknown(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows of areas that this release does not know; the last one of a key counts."""
        for prefix in (bytes((byte,)) for byte in range(256) if bytes((byte,)) not in AREAS):
            yield from self._in_tables(prefix)
            yield from (row for row in self.logs.get(prefix, []) if is_intact(*row))

    def _in_tables(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows of any area, up to a block that does not verify."""
        start, stop = prefix, bytes((prefix[0] + 1,)) if prefix < b"\xff" else b"\xff" * 9
        with contextlib.suppress(StoreDamagedError):
            while page := self.level.page(start, stop, PAGE, False):
                yield from page
                start = page[-1][0] + b"\x00"


def _fill(new: Level, view: _View, also: tuple[Area, ...], next_receipt: int) -> None:
    """Write what is readable into the new generation, and note what is not there any more."""
    harvest, writer = view.harvest, _Writer(new, view.harvest.rows)
    beside: dict[bytes, set[int]] = {prefix: set() for prefix in MEMORY.beside}
    memories, receipts = set[int](), set[int]()
    for key, value in view.sound(MEMORY):
        memories.add(MEMORY.number(key))
        flags = open_envelope(key, value, MEMORY).flags
        for prefix, flag in MEMORY.beside.items():
            if flags & flag:
                beside[prefix].add(MEMORY.number(key))
        writer.put(MEMORY.name, key, value)
    for area in (area for area in AREAS.values() if area.source and area is not MEMORY):
        for key, value in view.sound(area):
            number = area.number(key)
            if (area is ASIDE or area.prefix in beside) and number not in memories:
                harvest.left[area.name] = harvest.left.get(area.name, 0) + 1
                continue
            beside.get(area.prefix, set()).discard(number)
            receipts.update([number] if area is RECEIPT else [])
            writer.put(area.name, key, value)
    harvest.without = {AREAS[prefix].name: sorted(numbers) for prefix, numbers in beside.items() if numbers}
    for area in also:
        for key, value in view.latest(area).items():
            writer.put(area.name, key, value)
    for key, value in view.unknown():
        writer.put("unknown", key, value)
    next_receipt = max(next_receipt, max(receipts, default=0) + 1)
    if (head := view.head()) is not None:
        writer.put(HEAD.name, HEAD.key(0), head)
        harvest.head = decode(open_envelope(HEAD.key(0), head, HEAD).body, HeadRecord)
        next_receipt = max(next_receipt, harvest.head.next_receipt)
    writer.flush()
    harvest.receipts = tuple(number for number in range(1, next_receipt) if number not in receipts)


@attrs.define
class _Writer:
    """Write rows a page at a time, and count them."""

    level: Level
    counts: dict[str, int]
    rows: Rows = attrs.field(factory=list)

    def put(self, name: str, key: bytes, value: bytes) -> None:
        self.rows.append((key, value))
        self.counts[name] = self.counts.get(name, 0) + 1
        if len(self.rows) >= PAGE:
            self.flush()

    def flush(self) -> None:
        self.level.write(self.rows, [], False)
        self.rows = []


def _readable(level: Level, area: Area) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of a numbered area, stepping over blocks that do not verify: slow there, by pages elsewhere."""
    number, misses, step = 0, 0, PAGE
    while misses < _REACH or number < FIRST_NEW:
        if misses >= _REACH:  # numbers that an upgrade left free lie in between
            number, misses = FIRST_NEW, 0
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
