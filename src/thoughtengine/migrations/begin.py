"""Begin: a bare store of format 1 gets a verified rollback point and a place in the folder; the pointer file is the commit."""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreDamagedError, StoreFullError, StoreTooOldError
from thoughtengine.migrations.before import Before, is_memory
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.storage.bare import BESIDE, BareLock, clear, take_in
from thoughtengine.storage.checkpoint import at_once, checkpoint, clone
from thoughtengine.storage.codec import encode, seal
from thoughtengine.storage.files import PART, copy_file, discard, remove_tree, size_of, sync_folder, sync_tree
from thoughtengine.storage.folder import ROLLBACK, FolderStore, generation_name, mark_of, new_pointer
from thoughtengine.storage.keyspace import CURSOR, FIRST_NEW, FORMAT, HEAD, HeadRecord
from thoughtengine.storage.lock import LOCK
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.pointer import STORE, UpgradeNote, read_pointer, write_pointer
from thoughtengine.storage.store import Level

__all__ = [
    "ASIDE",
    "DAMAGED",
    "GROWTH",
    "KEPT",
    "ROLLBACK",
    "Flat",
    "begin",
    "is_cut_short",
    "leftovers",
    "measure",
    "merge_anew",
    "new_generation",
    "own_copy",
    "room_for",
]

ASIDE = BESIDE
DAMAGED = (
    "A damaged store is not upgraded: restore a copy of it, then try again; or te.upgrade(path, into=NEW, salvage=True) "
    "carries what can be read"
)
KEPT = "KEPT"
"""Name of the pointer file in it."""

_OURS = re.compile(
    r"(gen|index)-\d{6,}|(\.te|rollback|lowered|verify|gen-\d{6,}|(plan|probe|check|now|try)-[0-9a-f]{8}|STORE(\.bak)?)\.part"
)
_INSIDE = {
    ROLLBACK: re.compile(r"gen-.*"),
    "lowered": re.compile(r"CURRENT|LOCK|LOG.*|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp)"),
}
Note = Callable[[bytes, bytes, bool], None]
_COMING_BACK = ("reports", "incidents", "quarantine", "snapshots")
GROWTH = 4  # bytes that an upgrade may need for each byte of the old store: origin, records, index, room to compact


class Flat(msgspec.Struct, frozen=True):
    """What a store of format 1 holds.

    Attributes
    ----------
    rows, memories, bytes : int
        Rows; those that become memories; bytes of keys and values.
    digest : str
        Sum over all rows, independent of their order.
    layers : dict of str to int
        Rows by layer; others under ``"components"`` and ``"unknown"``.
    damaged : int
        Values that are no JSON, where that was asked for.
    failed : int
        Rows that the step raises on, where that was asked for.
    """

    rows: int
    memories: int
    bytes: int
    digest: str
    layers: dict[str, int]
    damaged: int
    failed: int = 0


def measure(
    generation: Path,
    scratch: Path,
    config: StorageConfig,
    *,
    parsed: bool = False,
    breathe: Callable[[], None] = at_once,
    note: Note | None = None,
) -> Flat:
    """Read all of a sealed format-1 generation from a throw-away clone, checksums verified.

    Parameters
    ----------
    generation, scratch : Path
        The generation; where the clone is made.
    config : StorageConfig
        For the clone.
    parsed : bool
        Also count the values that are no JSON, and those that the step raises on, which takes several times as long.
    breathe : callable
        Called at every row.
    note : callable, optional
        ``note(key, digest, whether it becomes a memory)``, in order.

    Raises
    ------
    StoreDamagedError
        When it does not open or a block does not verify.
    """
    from thoughtengine.migrations.lift import lift
    from thoughtengine.migrations.v0001_flat import UNREADABLE, parse, place_of

    clone(generation, scratch)
    try:
        level = Level(str(scratch), config)
        try:
            before = Before(level)
            rows = memories = size = total = damaged = failed = 0
            layers: dict[str, int] = {}
            for key, value in before.rows():
                breathe()
                place = place_of(key)
                name = place.layer or ("components" if place.component else "unknown")
                layers[name] = layers.get(name, 0) + 1
                rows, size = rows + 1, size + len(key) + len(value)
                counted = is_memory(before, key)
                memories += counted
                if parsed and place.layer:
                    damaged += parse(value) is UNREADABLE
                    failed += counted and bool(lift(key, value)[2])
                digest = row_digest(key, value)
                if note is not None:
                    note(key, digest, counted)
                total += int.from_bytes(digest, "big")
        finally:
            level.close()
    finally:
        remove_tree(scratch)
    return Flat(rows, memories, size, f"{total % (1 << 128):032x}", layers, damaged, failed)


def room_for(root: Path, config: StorageConfig) -> tuple[int, int]:
    """Return the bytes that an upgrade of a bare store needs, and those that are free."""
    disk = os.statvfs(root)
    store = sum(path.stat().st_size for path in root.iterdir() if path.is_file())
    aside = size_of(root / ASIDE) if (root / ASIDE).is_dir() else 0
    return GROWTH * store + aside + 8 * config.write_buffer_bytes, disk.f_bavail * disk.f_frsize


def begin(root: Path, config: StorageConfig, *, source: int = 1) -> None:
    """Take a bare store in; the caller holds the folder's lock. Killed before the pointer file is there, nothing was done.

    Raises
    ------
    StoreLockedError
        When a program of format 1 has it open.
    StoreDamagedError
        When the store, or the copy made of it, does not verify; the store is as it was.
    StoreFullError
        With the bytes named, when room is short; the store is as it was.
    StoreTooOldError
        When nothing in it is of format 1: it may be anybody's.
    """
    fresh = not (root / "LOCK").exists()
    lock = BareLock(root)
    try:
        leftovers(root)
        if problems := inspect(root):
            name, what = problems[0]
            told = f"{name}: {what}. {DAMAGED} (nothing was touched)"
            raise StoreDamagedError(root, told, file=name)
        need, free = room_for(root, config)
        if free < need:
            raise StoreFullError(root, f"to upgrade this store {need:,} bytes must be free: there are {free:,}")
        try:
            _prepare(root, config, source)
        except StoreDamagedError as error:
            told = f"{error.message}. {DAMAGED} (nothing was touched)"
            raise StoreDamagedError(root, told, file=error.file) from error
        finally:
            if not (root / STORE).exists():
                leftovers(root)
        clear(root, root / ROLLBACK / generation_name(1))
    finally:
        lock.release()
        if not (root / STORE).exists():
            (root / LOCK).unlink(missing_ok=True)
            if fresh:
                (root / "LOCK").unlink(missing_ok=True)


def own_copy(linked: Path, config: StorageConfig) -> None:
    """Make a copy of its own of a rollback point that was linked, where the config wants one and there is room."""
    disk = os.statvfs(linked)
    if not config.rollback_copy or disk.f_bavail * disk.f_frsize < 3 * size_of(linked):
        return
    copy = linked.with_name(f"{linked.name}-copy")
    checkpoint(None, linked, copy, give=copy_file)
    remove_tree(linked)
    os.rename(copy, linked)
    sync_folder(linked.parent)


def leftovers(root: Path) -> None:
    """Remove what an upgrade or a rollback left in a folder without pointer file: it is never adopted; the rest stays."""
    for entry in root.iterdir():
        inside = _INSIDE.get(entry.name)
        named = inside is not None and entry.is_dir() and all(inside.fullmatch(each.name) for each in entry.iterdir())
        if named or _OURS.fullmatch(entry.name):
            discard(entry)


def _prepare(root: Path, config: StorageConfig, source: int) -> None:
    part = root / (ROLLBACK + PART)
    part.mkdir(mode=0o700)
    take_in(root, part / generation_name(1))
    own_copy(part / generation_name(1), config)
    os.rename(part, root / ROLLBACK)
    sync_folder(root)
    take_in(root, root / generation_name(1))  # not of the sealed copy, which may be one of its own
    _look(root, root / generation_name(1), config)
    kept = (root / ASIDE / KEPT).exists()
    head = _keep_on(root, config) if kept else new_generation(root, config)
    now = dt.datetime.now(dt.UTC)
    note = UpgradeNote(
        id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}", begun=now.isoformat(timespec="microseconds"), source=source,
        target=FORMAT, old=1, rollback=f"{ROLLBACK}/{generation_name(1)}", again=kept,
        fork=head.sequence, fork_id=head.next_id, fork_receipt=head.next_receipt,
    )  # fmt: skip
    base = read_pointer(root / ASIDE, KEPT)[0] if kept else new_pointer()
    _bring_back(root)
    pointer = msgspec.structs.replace(base, generation=2, mark=mark_of(head, 2), stage="UPGRADING", upgrade=note)
    write_pointer(root, pointer)


def _look(root: Path, generation: Path, config: StorageConfig) -> None:
    """Refuse what opens and is of another format: it may be anybody's."""
    level = Level(str(generation), config)
    try:
        if level.keys(b"", None, 1) and not Before(level).has_any():
            told = "a LevelDB lies here, and none of its rows is of format 1 (such as sensory:NAME)"
            raise StoreTooOldError(root, f"{told}; this release reads format {FORMAT} and upgrades format 1")
    finally:
        level.close()


def new_generation(root: Path, config: StorageConfig) -> HeadRecord:
    """Make the empty generation: the first operations of a LevelDB leave something unopenable, so under another name."""
    target, part = root / generation_name(2), root / (generation_name(2) + PART)
    head = HeadRecord(sequence=1, next_id=FIRST_NEW, skipped=(1, FIRST_NEW))
    level = Level(str(part), config, create=True)
    try:
        key = HEAD.key(0)
        level.write([(key, seal(key, HEAD, 1, encode(head)))], [], True)
    finally:
        level.close()
    sync_tree(part)
    os.rename(part, target)
    sync_folder(root)
    return head


def _keep_on(root: Path, config: StorageConfig) -> HeadRecord:
    """Begin with what was kept aside when the store went down."""
    pointer, _ = read_pointer(root / ASIDE, KEPT)
    checkpoint(None, root / ASIDE / generation_name(pointer.generation), root / generation_name(2))
    mark = pointer.mark
    return HeadRecord(sequence=mark.sequence, next_id=mark.next_id, memories=mark.memories, skipped=mark.skipped)


def merge_anew(store: FolderStore) -> None:
    """Begin a merge of what was kept aside once more, where a salvage took what told how far it had come: none comes twice."""
    root, number = store.root, store.next_number
    kept, _ = read_pointer(root / ASIDE, KEPT)
    target = root / generation_name(number)
    discard(target)
    checkpoint(None, root / ASIDE / generation_name(kept.generation), target)
    mark = kept.mark
    store.head = HeadRecord(sequence=mark.sequence, next_id=mark.next_id, memories=mark.memories, skipped=mark.skipped)
    store.serve(number)
    store.head = store.read_head()


def is_cut_short(store: FolderStore) -> bool:
    """Tell whether a merge of what was kept aside was salvaged before it ended."""
    note = store.pointer.upgrade
    merging = note is not None and note.again and store.pointer.stage == "UPGRADING"
    kept = (store.root / ASIDE / KEPT).exists()
    return merging and kept and store.pointer.generation != 2 and not store.has(CURSOR, 0)


def _bring_back(root: Path) -> None:
    for name in _COMING_BACK:
        if (root / ASIDE / name).exists() and not (root / name).exists():
            os.rename(root / ASIDE / name, root / name)
            sync_folder(root)
