"""Sound: whether a rollback point holds what was put into it; what can be done where it does not."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreDamagedError
from thoughtengine.migrations.begin import measure
from thoughtengine.migrations.v0002_envelopes import Receipt
from thoughtengine.storage.checkpoint import verify
from thoughtengine.storage.contract import Store
from thoughtengine.storage.files import PART
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import MEMORY, ORIGIN, RECEIPT
from thoughtengine.storage.pointer import Pointer, UpgradeNote
from thoughtengine.storage.salvage import damaged_files

__all__ = ["damage_of", "lost_of", "named", "needed", "require_sound", "without"]


def damage_of(root: Path, note: UpgradeNote, config: StorageConfig) -> list[tuple[str, str]]:
    """Read a rollback point in full; return (file, what is wrong), files as they lie below the mind's folder.

    Parameters
    ----------
    root : Path
        The folder of the mind.
    note : UpgradeNote
        Of the upgrade that it leads back from.
    config : StorageConfig
        For the throw-away clone that is read.

    Notes
    -----
    Costs about 10 microseconds a row of format 1, 15 a memory of today's.
    """
    if not note.rollback:
        return []
    found, digest = _read(root, note, config)
    if not found and note.digest not in ("", digest):
        return [(note.rollback, f"its rows have the digest {digest} instead of {note.digest}")]
    return found


def _read(root: Path, note: UpgradeNote, config: StorageConfig) -> tuple[list[tuple[str, str]], str]:
    """Return what cannot be read, and the digest of what can."""
    sealed, scratch = root / note.rollback, root / f"check-{secrets.token_hex(4)}{PART}"
    if not sealed.is_dir():
        return [(note.rollback, "missing")], ""
    try:
        if note.namespaces:  # the counters in one that an erasure went through are those from before it
            return [], verify(sealed, scratch, config, balanced=False).digest
        return [], measure(sealed, scratch, config).digest
    except StoreDamagedError as error:
        found = [(f"{note.rollback}/{name}", what) for name, what in damaged_files(sealed, scratch)]
        return found or [(note.rollback, error.message)], ""


def named(found: Iterable[tuple[str, str]]) -> str:
    """Return what is wrong with which files, as somebody reads it.

    Examples
    --------
    >>> named([("rollback/gen-000001/000005.ldb", "missing")])
    'rollback/gen-000001/000005.ldb: missing'
    """
    return "; ".join(f"{name}: {what}" for name, what in found)


def needed(pointer: Pointer) -> list[UpgradeNote]:
    """Return the upgrades without whose rollback points there is no way back to format 1, where they are there.

    One of format 1 that is half way is none of them: what is damaged of what it comes from is mended on the way.
    """
    return [note for note in pointer.points if note.namespaces or (note.digest and note.until and not note.again)]


def require_sound(store: FolderStore, notes: Iterable[UpgradeNote]) -> None:
    """Raise where a rollback point that is to be gone back to cannot be read, or is not what it was: which file, and what then.

    Where one of format 1 is another one, or not there at all, what it held is made of the origins: that stops nothing.

    Raises
    ------
    StoreDamagedError
        Nothing was noted, and nothing done.
    """
    for note in notes:
        if not note.namespaces and not (store.root / note.rollback).is_dir():
            continue
        found = (
            damage_of(store.root, note, store.config) if note.namespaces else _read(store.root, note, store.config)[0]
        )
        if found:
            told = f"the sealed copy is damaged ({named(found)}), and the mind is as it was"
            raise StoreDamagedError(store.root, f"{told}. {_way_on(note, lost_of(store))}", file=found[0][0])


def _way_on(note: UpgradeNote, lost: int) -> str:
    if not note.until:
        return "The upgrade is not taken back: open it with its hooks, and it is gone on with"
    let_go = without(note, lost)
    if note.namespaces:
        goal = {kind: before for kind, (before, _) in note.namespaces.items()}
        return f"te.rollback(path, to={goal}, hooks=[...]) takes payloads down by their steps; {let_go}"
    return (
        f"There is a way without it: open the mind, {let_go}, then te.rollback(path, to=1) makes a store of format 1 of the "
        f"bytes that each memory keeps"
    )


def without(note: UpgradeNote, lost: int) -> str:
    """Say how to let go of a rollback point that is of no use; what damage took may be read in it still."""
    kept = f" (copy {note.rollback} first: {lost:,} memories that damage took may still be read in it)" if lost else ""
    return f"mind.upgrade.commit() lets go of that copy{kept}, and of every other rollback point"


def lost_of(store: Store) -> int:
    """Return how many memories damage took for good: there is a receipt that they are lost, and nothing of them."""
    receipts = (row for _, row in store.rows(RECEIPT, Receipt) if row.verb == "lost" and not row.detail.get("perhaps"))
    lost = {id_ for row in receipts for id_ in row.ids}
    return sum(not (store.has(MEMORY, id_) or store.has(ORIGIN, id_)) for id_ in lost)
