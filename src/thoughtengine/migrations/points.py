"""Points: the rollback points that are kept, each beneath the next: none goes before its time, or before somebody says so."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

from thoughtengine.storage.files import PART, discard, sync_folder
from thoughtengine.storage.folder import ROLLBACK, FolderStore
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.pointer import Pointer, UpgradeNote

__all__ = ["SOAK", "covered", "due", "keep_point", "let_go", "minute", "told", "uncovered", "visible"]

SOAK = dt.timedelta(days=7)
"""How long a rollback point is kept."""


def keep_point(store: FolderStore, name: str) -> None:
    """Move a sealed copy from `rollback.part/` to the others; the pointer file must name it next."""
    part, folder = store.root / (ROLLBACK + PART), store.root / ROLLBACK
    folder.mkdir(mode=0o700, exist_ok=True)
    os.rename(part / name, folder / name)
    sync_folder(folder)
    sync_folder(store.root)
    discard(part)


def covered(pointer: Pointer) -> tuple[UpgradeNote, ...]:
    """Return what lies beneath an upgrade that is begun now: those before it that can be taken back."""
    return pointer.points if pointer.stage == "SOAK" else pointer.beneath


def uncovered(pointer: Pointer) -> dict[str, Any]:
    """Return the changes of a pointer file by which its newest upgrade is no more, and the one beneath it soaks again."""
    if not pointer.beneath:
        return {"stage": "", "upgrade": None}
    return {"stage": "SOAK", "upgrade": pointer.beneath[-1], "beneath": pointer.beneath[:-1]}


def due(pointer: Pointer, now: dt.datetime) -> bool:
    """Tell whether a rollback point has been kept long enough."""
    return any(_is_over(note, now) for note in pointer.points)


def let_go(store: FolderStore, *, now: dt.datetime | None = None) -> None:
    """Let rollback points go, all of them or (`now`) those that have soaked; then only the planned way down is left."""
    pointer = store.pointer
    if pointer.stage not in ("", "SOAK"):
        return
    left = tuple(note for note in pointer.points if now is not None and not _is_over(note, now))
    if left != pointer.points:
        newest = left[-1] if left else None
        store.update_pointer(stage="SOAK" if left else "", upgrade=newest, beneath=left[:-1])
        store.tidy_points()


def visible(root: Path, note: UpgradeNote) -> str:
    """Return what is visibly wrong with a rollback point, by names and sizes of its files; empty where nothing is."""
    if not note.rollback:
        return ""
    return "; ".join(f"{note.rollback}/{name}: {what}" for name, what in inspect(root / note.rollback))


def told(note: UpgradeNote) -> str:
    """Say what an upgrade leads back to, and until when.

    Examples
    --------
    >>> told(UpgradeNote(id="x", source=1, target=2, until="2026-01-08T00:00:00+00:00"))
    'format 1 until 2026-01-08 00:00 UTC'
    >>> told(UpgradeNote(id="x", namespaces={"acme.note": (1, 2)}))
    'acme.note 1'
    """
    kinds = ", ".join(f"{kind} {before}" for kind, (before, _) in note.namespaces.items())
    return f"{kinds or f'format {note.source}'}{f' until {minute(note.until)}' if note.until else ''}"


def minute(moment: str) -> str:
    """Return a moment of a report or the pointer file as somebody reads it.

    Examples
    --------
    >>> minute("2026-01-08T00:00:00+00:00")
    '2026-01-08 00:00 UTC'
    """
    return f"{moment[:16].replace('T', ' ')} UTC"


def _is_over(note: UpgradeNote, now: dt.datetime) -> bool:
    return bool(note.until) and dt.datetime.fromisoformat(note.until) <= now
