"""Health: is the mind fit to serve, and if not, why and what to do."""

from __future__ import annotations

import os

import attrs

from thoughtengine.migrations.points import visible
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import FORMAT

__all__ = ["Health", "health_of"]


@attrs.frozen
class Health:
    """Whether a mind is fit to serve.

    Attributes
    ----------
    ok : bool
        No reason against it.
    reasons : tuple of str
        What is wrong and what to do, worst first.
    path : str
        The folder.
    memories : int
        Stored, forgotten ones included.
    format, generation : int
        Of the bytes.
    encoder : str or None
        Name of the encoder that the mind was given, or that its vectors are of.
    incidents : tuple of str
        On record in the folder, oldest first; deleting its file acknowledges one.
    free_bytes : int
        Left on the disk.
    last_backup : str or None
        When and where a copy was last made.
    """

    ok: bool
    reasons: tuple[str, ...]
    path: str
    memories: int
    format: int
    generation: int
    encoder: str | None
    incidents: tuple[str, ...]
    free_bytes: int
    last_backup: str | None

    def __str__(self) -> str:
        state, ending = "sound" if self.ok else "not sound", "y" if self.memories == 1 else "ies"
        head = f"{self.path}: {state}, {self.memories:,} memor{ending}"
        return "\n".join([head, *(f"- {reason}" for reason in self.reasons)])


def health_of(store: FolderStore, *, reasons: list[str], encoder: str | None) -> Health:
    """Look at a store.

    Parameters
    ----------
    reasons : list of str
        What is known to be wrong above the store.
    encoder : str or None
        Name to report.
    """
    pointer = store.pointer
    incidents = tuple(map(str, store.recorded_incidents()))
    found, free, there = list[str](), 0, False
    try:
        store.stay()
        disk = os.statvfs(store.root)
        free, there = disk.f_bavail * disk.f_frsize, True
    except OSError as error:
        found.append(f"{error}; close it, put the folder back, open it again")
    if pointer.state == "DAMAGED":
        found.append("damage was met: close and open again, the next open salvages what is readable")
    for note in pointer.points if there else ():
        if wrong := visible(store.root, note):
            found.append(
                f"a rollback point is damaged ({wrong}): te.rollback does not lead back by it, and tells what does"
            )
    if incidents:
        ending = "" if len(incidents) == 1 else "s"
        found.append(
            f"{len(incidents)} incident{ending} on record, the last: {incidents[-1]} (deleting its file acknowledges one)"
        )
    if there and free < 4 * store.config.write_buffer_bytes:
        found.append(f"only {free:,} bytes are free on the disk: free some before writes are refused")
    reasons = found + reasons
    copies = [f"{made['at']} {made['path']}" for made in pointer.backups if made["kind"] == "backup"]
    return Health(
        not reasons,
        tuple(reasons),
        str(store.root),
        store.head.memories,
        FORMAT,
        pointer.generation,
        encoder or (pointer.encoder.name if pointer.encoder else None),
        incidents,
        free,
        copies[-1] if copies else None,
    )
