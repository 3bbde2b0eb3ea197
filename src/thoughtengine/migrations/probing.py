"""Probing: what a host's probes say of a mind before an upgrade and after it, on throw-away copies of the same moment."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from thoughtengine.errors import RecordError, StoreError
from thoughtengine.migrations.begin import new_generation
from thoughtengine.storage.checkpoint import checkpoint
from thoughtengine.storage.codec import body_of, decode
from thoughtengine.storage.files import PART, discard
from thoughtengine.storage.folder import FolderStore, generation_name, mark_of, new_pointer
from thoughtengine.storage.keyspace import FORMAT, HEAD, HeadRecord
from thoughtengine.storage.pointer import Mark, UpgradeNote, write_pointer
from thoughtengine.storage.store import Level

__all__ = ["changed", "copied", "copied_flat"]


@contextmanager
def _folder(store: FolderStore) -> Iterator[Path]:
    folder = store.root / f"probe-{secrets.token_hex(4)}{PART}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        discard(folder)


@contextmanager
def copied(store: FolderStore, generation: Path, namespaces: dict[str, int]) -> Iterator[Path]:
    """Give a settled mind of a generation that nobody has open."""
    with _folder(store) as folder:
        checkpoint(None, generation, folder / generation_name(1))
        pointer = msgspec.structs.replace(
            store.pointer, generation=1, stage="", upgrade=None, beneath=(), state="SETTLED",
            namespaces=namespaces, mark=_mark(store, folder / generation_name(1)), quarantine=(), backups=(),
        )  # fmt: skip
        write_pointer(folder, pointer)
        yield folder


def _mark(store: FolderStore, generation: Path) -> Mark:
    """Return a mark as high as a copy reaches, where that can be read: nothing is to be written when it is closed."""
    head = HeadRecord()
    with suppress(StoreError, RecordError), closing(Level(str(generation), store.config)) as level:
        head = decode(body_of(HEAD.key(0), level.get(HEAD.key(0)) or b"", HEAD), HeadRecord)
    return msgspec.structs.replace(mark_of(head, 1), skipped=store.head.skipped)


@contextmanager
def copied_flat(store: FolderStore, sealed: Path) -> Iterator[Path]:
    """Give a mind that reads a store of format 1 through the step, of which nothing was swept."""
    with _folder(store) as folder:
        checkpoint(None, sealed, folder / generation_name(1))
        head = new_generation(folder, store.config)
        lost = store.pointer.upgrade.lost if store.pointer.upgrade is not None else ()
        note = UpgradeNote(id="probe", source=1, target=FORMAT, old=1, fork_id=head.next_id, lost=lost)
        write_pointer(folder, new_pointer(generation=2, mark=mark_of(head, 2), stage="UPGRADING", upgrade=note))
        yield folder


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Tell which probes give something else than before."""
    return [
        f"the probe {name} gives {after[name]!r}, and before {value!r}"
        for name, value in before.items()
        if after[name] != value
    ]
