"""Recovery: check a mind, open or closed, on a throw-away clone; name the damaged files and the memories behind them."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from thoughtengine._types import Finding, Progress
from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreDamagedError, StoreLockedError, UpgradeRequiredError
from thoughtengine.memory.check import check_memories
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, folder_at, translated
from thoughtengine.storage.folder import FolderStore, derived_name, generation_name, not_found
from thoughtengine.storage.keyspace import MEMORY
from thoughtengine.storage.lock import FolderLock, holder_here
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.pointer import STORE, Pointer, UpgradeNote, read_pointer, write_pointer
from thoughtengine.storage.salvage import damaged_files, readable_ids

__all__ = ["check_folder", "check_open"]


def check_open(store: FolderStore, *, progress: Progress | None = None) -> list[Finding]:
    """Check an open mind: a moment is linked, and read while the mind goes on; rollback points are read too."""
    with translated(store.root):
        return _check_open(store, progress)


def _check_open(store: FolderStore, progress: Progress | None) -> list[Finding]:
    scratch = store.root / f"check-{secrets.token_hex(4)}{PART}"
    try:
        clone = CloneStore(store, scratch, store.config)
        try:
            findings = check_memories(clone, derived=store.derived_folder, progress=progress)
        finally:
            clone.close()
    except StoreDamagedError as error:
        store.damage_met(error)
        findings = _damage(store.generation, store.pointer, store.root, error)
    points = [(note, _point(store.root, note, store.config)) for note in store.pointer.points]
    kept = store.pointer.points  # an erasure meanwhile puts others in their place
    findings += [each for note, found in points if note in kept for each in found]
    return findings + _reports(store.root)


def _reports(root: Path) -> list[Finding]:
    from thoughtengine.migrations.report import unread

    return [Finding("report", name, f"{what}; te.history gives what can be read of it") for name, what in unread(root)]


def _point(root: Path, note: UpgradeNote, config: StorageConfig) -> list[Finding]:
    """Read a rollback point: what is wrong with it is in the way of a way back, and harms nothing else."""
    from thoughtengine.migrations.points import told
    from thoughtengine.migrations.sound import damage_of

    before = told(msgspec.structs.replace(note, until=""))
    back = f"te.rollback(path) does not lead back to {before} by it, and tells what does"
    return [Finding("rollback point", name, f"{what}; {back}") for name, what in damage_of(root, note, config)]


class _Visitor:
    """Holds the lock of a folder while it is checked."""

    def forked(self) -> None:
        """Nothing to let go of."""


def check_folder(path: str | os.PathLike[str], *, progress: Progress | None = None) -> list[Finding]:
    """Check a closed mind; ``[]`` is sound. Nothing is changed but, on damage, a note in the pointer file.

    With that note the next open salvages what is readable. A file of the index that is wrong is removed: it is made anew from
    the entries. Rollback points that are kept are read too, at about 15 microseconds a memory, 10 a row of format 1.

    Raises
    ------
    StoreNotFoundError, StoreLockedError, StoreNewerError, StoreTooOldError, UpgradeRequiredError
        When it cannot be checked.
    """
    root = folder_at(path)
    with contextlib.suppress(StoreDamagedError):
        pointer, _ = read_pointer(root)
        if pointer.unfinished:
            raise UpgradeRequiredError(root, "an upgrade is not finished: te.open(path) goes on with it, then check")
    if holder_here(root) is not None:
        raise StoreLockedError(root, "open in this process: use mind.check()", pid=os.getpid(), host=None, since=None)
    visitor = _Visitor()
    lock = FolderLock(root, visitor)
    try:
        with translated(root):
            return _check_closed(root, progress)
    finally:
        lock.release()


def _check_closed(root: Path, progress: Progress | None) -> list[Finding]:
    try:
        pointer, spare = read_pointer(root)
    except StoreDamagedError as error:
        return [Finding("pointer file", STORE, f"{error}; te.restore a backup")]
    findings = [Finding("pointer file", STORE, f"{spare}; the next open mends it")] if spare else []
    generation = root / generation_name(pointer.generation)
    if not generation.is_dir():
        return [*findings, Finding("unreadable", generation.name, "the generation is gone: te.restore a backup")]
    try:
        if problems := inspect(generation):
            raise StoreDamagedError(generation, "; ".join(f"{name}: {what}" for name, what in problems))
        clone = CloneStore(generation, root / ("check" + PART), StorageConfig())
        try:
            if pointer.state != "REBUILD" and (told := not_found(pointer.mark, clone.read_head())):
                findings.append(Finding("lost tail", generation.name, told))
            derived = root / derived_name(pointer.generation)
            findings += check_memories(clone, derived=derived, progress=progress)
        finally:
            clone.close()
    except StoreDamagedError as error:
        with contextlib.suppress(OSError):
            write_pointer(root, msgspec.structs.replace(pointer, state="DAMAGED"))
        findings += _damage(generation, pointer, root, error)
    findings += [each for note in pointer.points for each in _point(root, note, StorageConfig())]
    return findings + _reports(root)


def _damage(generation: Path, pointer: Pointer, root: Path, error: Exception) -> list[Finding]:
    """Name the files, and the memories that cannot be read."""
    named = damaged_files(generation, root / ("examine" + PART))
    findings = [
        Finding("unreadable", f"{generation.name}/{name}", f"{what}; the next open salvages what is readable")
        for name, what in named
    ] or [Finding("unreadable", generation.name, str(error))]
    present = readable_ids(generation, root / ("examine" + PART), StorageConfig(), MEMORY)
    top, (low, high) = max(pointer.mark.next_id, max(present, default=0) + 1), pointer.mark.skipped
    gone = sorted({*range(1, min(low, top) if high else top), *range(high or top, top)} - present)
    if gone:
        told = f"{len(gone)} memories cannot be read, or were erased or lost before"
        findings.append(Finding("missing memory", generation.name, told, tuple(gone)))
    return findings
