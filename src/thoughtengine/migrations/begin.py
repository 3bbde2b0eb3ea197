"""Begin: a bare store of format 1 gets a verified rollback point and a place in the folder; the pointer file is the commit."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreDamagedError, StoreFullError, StoreTooOldError
from thoughtengine.migrations.before import Before, is_memory
from thoughtengine.migrations.foreign import leftovers, refuse_foreign
from thoughtengine.migrations.kept import ASIDE, KEPT, Laid, find_kept, lay
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.storage.bare import BareLock, clear, take_in
from thoughtengine.storage.checkpoint import at_once, checkpoint, clone
from thoughtengine.storage.codec import encode, seal
from thoughtengine.storage.files import PART, copy_file, discard, remove_tree, size_of, sync_folder, sync_tree
from thoughtengine.storage.folder import (
    QUARANTINE,
    ROLLBACK,
    FolderStore,
    generation_name,
    mark_of,
    new_pointer,
    to_quarantine,
)
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import CURSOR, FIRST_NEW, FORMAT, HEAD, HeadRecord
from thoughtengine.storage.lock import LOCK
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.pointer import STORE, UpgradeNote, write_pointer
from thoughtengine.storage.store import Level, scanning

__all__ = [
    "ASIDE",
    "DAMAGED",
    "GROWTH",
    "KEPT",
    "ROLLBACK",
    "Flat",
    "begin",
    "is_cut_short",
    "measure",
    "merge_anew",
    "new_generation",
    "own_copy",
    "room_for",
]

DAMAGED = (
    "A damaged store is not upgraded: restore a copy of it, then try again; or te.upgrade(path, into=NEW, salvage=True) "
    "carries what can be read"
)
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
    from thoughtengine.migrations.v0001_flat import COMPONENTS, UNREADABLE, layer_of, parse

    clone(generation, scratch)
    try:
        level = Level(str(scratch), scanning(config))
        try:
            before = Before(level)
            rows = memories = size = total = damaged = failed = 0
            layers: dict[str, int] = {}
            for key, value in before.rows():
                breathe()
                layer = layer_of(key)
                name = layer or ("components" if key in COMPONENTS else "unknown")
                layers[name] = layers.get(name, 0) + 1
                rows, size = rows + 1, size + len(key) + len(value)
                counted = is_memory(before, key)
                memories += counted
                if parsed and layer:
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
    StoreExistsError
        When something that is not of ours lies where the upgrade puts its own, or under a name it would remove.
    """
    fresh = not (root / "LOCK").exists()
    lock = BareLock(root)
    try:
        refuse_foreign(root)
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


def _prepare(root: Path, config: StorageConfig, source: int) -> None:
    part = root / (ROLLBACK + PART)
    part.mkdir(mode=0o700)
    take_in(root, part / generation_name(1))
    own_copy(part / generation_name(1), config)
    os.rename(part, root / ROLLBACK)
    sync_folder(root)
    take_in(root, root / generation_name(1))  # not of the sealed copy, which may be one of its own
    _look(root, root / generation_name(1), config)
    kept, wrong = find_kept(root)
    laid = None if kept is None else lay(root, kept, root / generation_name(2), config)
    head = new_generation(root, config) if laid is None else laid.head
    now = dt.datetime.now(dt.UTC)
    note = UpgradeNote(
        id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}", begun=now.isoformat(timespec="microseconds"), source=source,
        target=FORMAT, old=1, rollback=f"{ROLLBACK}/{generation_name(1)}", again=laid is not None,
        salvaged=laid is not None and bool(laid.told), fork=head.sequence, fork_id=head.next_id, fork_receipt=head.next_receipt,
    )  # fmt: skip
    _bring_back(root)
    if kept is not None and wrong:
        record_incident(root, "pointer file", f"{ASIDE}/{wrong}; the second copy answered", files=(f"{ASIDE}/{KEPT}",))
    elif wrong:
        told = f"{ASIDE}/{wrong}: what format 1 cannot hold is lost, and its files go to {QUARANTINE}/"
        record_incident(root, "damage", told, files=(ASIDE,))
        to_quarantine(root, ASIDE)
    if laid is not None and laid.told:
        record_incident(root, "damage", _told_of(laid), files=laid.files)
    base = new_pointer() if kept is None else msgspec.structs.replace(kept, content={})
    pointer = msgspec.structs.replace(base, generation=2, mark=mark_of(head, 2), stage="UPGRADING", upgrade=note)
    write_pointer(root, pointer)


def _told_of(laid: Laid) -> str:
    told = "the rest comes from the old store, without what format 1 cannot hold"
    return f"{laid.told}; {told}; its files go to {QUARANTINE}/ when the upgrade has ended"


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


def merge_anew(store: FolderStore) -> None:
    """Begin a merge of what was kept aside once more, where a salvage took what told how far it had come: none comes twice.

    Where that cannot be used any more either, what was salvaged is matched with the old rows.
    """
    root, number, note = store.root, store.next_number, store.pointer.upgrade
    kept, wrong = find_kept(root)
    if note is None:
        raise ValueError("no upgrade was begun")
    if kept is None:
        record_incident(root, "damage", f"{ASIDE}/{wrong or 'gone'}: the merge goes on with what was salvaged")
        store.update_pointer(upgrade=msgspec.structs.replace(note, salvaged=True))
        return
    target = root / generation_name(number)
    discard(target)
    laid = lay(root, kept, target, store.config)
    if laid.told:
        record_incident(root, "damage", _told_of(laid), files=laid.files)
    store.head = laid.head
    store.serve(number, upgrade=msgspec.structs.replace(note, salvaged=note.salvaged or bool(laid.told)))
    if not laid.told:
        store.head = store.read_head()


def is_cut_short(store: FolderStore) -> bool:
    """Tell whether a merge of what was kept aside was salvaged before it ended."""
    note = store.pointer.upgrade
    merging = note is not None and note.again and store.pointer.stage == "UPGRADING"
    return merging and store.pointer.generation != 2 and not store.has(CURSOR, 0)


def _bring_back(root: Path) -> None:
    for name in _COMING_BACK:
        if (root / ASIDE / name).exists() and not (root / name).exists():
            os.rename(root / ASIDE / name, root / name)
            sync_folder(root)
