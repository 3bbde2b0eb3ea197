"""Kept: what a way down left in `.te/`, verified before it is used; where it is less than it was, what is readable of it."""

from __future__ import annotations

from pathlib import Path

import attrs

from thoughtengine.config import StorageConfig
from thoughtengine.errors import (
    RecordError,
    StoreDamagedError,
    StoreFullError,
    StoreNewerError,
    StoreNotFoundError,
    StoreTooOldError,
)
from thoughtengine.storage.bare import BESIDE
from thoughtengine.storage.checkpoint import Content, checkpoint, verify
from thoughtengine.storage.files import FULL, PART, discard
from thoughtengine.storage.folder import generation_name
from thoughtengine.storage.keyspace import LOWERED, HeadRecord
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.pointer import Pointer, read_pointer
from thoughtengine.storage.salvage import Harvest, damaged_files, salvage
from thoughtengine.storage.store import Level

__all__ = ["ASIDE", "KEPT", "Laid", "content_to_note", "find_kept", "is_kept", "lay", "wrong_with"]

ASIDE = BESIDE
KEPT = "KEPT"
"""Name of the pointer file in it."""

Wrong = list[tuple[str, str]]


@attrs.frozen
class Laid:
    """What was kept aside, laid out as a generation.

    Attributes
    ----------
    head : HeadRecord
        The counters that numbers go on from.
    told : str
        What is wrong with it and what could be read; empty where it is what it was.
    files : tuple of str
        The damaged files.
    """

    head: HeadRecord
    told: str = ""
    files: tuple[str, ...] = ()


def is_kept(root: Path) -> bool:
    """Tell whether anything was kept aside that the next upgrade brings back."""
    return any((root / ASIDE / name).exists() for name in (KEPT, KEPT + ".bak"))


def content_to_note(content: Content) -> dict[str, object]:
    """Return what the pointer file notes of a generation, so that less is known as such."""
    return {"rows": content.rows, "digest": content.digest, "next_receipt": content.head.next_receipt}


def find_kept(root: Path) -> tuple[Pointer | None, str]:
    """Return the pointer of what was kept aside, and what is wrong with its file; None where it cannot be used, or nothing was.

    Raises
    ------
    StoreNewerError, StoreTooOldError, StoreError
        When another release may use it; or when it may not be read.
    """
    aside = root / ASIDE
    try:
        pointer, wrong = read_pointer(aside, KEPT)
    except StoreNotFoundError:
        there = next(aside.glob("gen-*"), None)
        return None, f"{KEPT} and {KEPT}.bak are gone, though {there.name} is there" if there is not None else ""
    except (StoreNewerError, StoreTooOldError):
        raise
    except OSError as error:
        if _stops(error):
            raise
        told = error.message if isinstance(error, StoreDamagedError) else str(error)
        return None, f"{KEPT}: {told.partition(': te.restore')[0]}"
    return pointer, (wrong or "").replace(f"{aside / KEPT}: ", "")


def _stops(error: OSError) -> bool:
    """Tell whether it is no damage: there is no room, or no permission, and both can be given."""
    met = error.__cause__ if isinstance(error.__cause__, OSError) else error
    full = isinstance(error, StoreFullError) or met.errno in FULL
    return full or isinstance(met, PermissionError)


def lay(root: Path, pointer: Pointer, target: Path, config: StorageConfig) -> Laid:
    """Lay what was kept aside out as the generation `target`: linked where it is what was noted of it, else salvaged.

    What tells which memory went down to which row is salvaged too; where that is gone as well, `noted.note_anew` finds it out.

    Raises
    ------
    StoreFullError
        When there is no room to salvage in.
    """
    source, mark = root / ASIDE / generation_name(pointer.generation), pointer.mark
    wrong = wrong_with(source, pointer, target.with_name("verify" + PART), config)
    head = HeadRecord(
        sequence=mark.sequence, next_id=mark.next_id, memories=mark.memories, skipped=mark.skipped,
        next_receipt=pointer.content.get("next_receipt", 1),
    )  # fmt: skip
    if not wrong:
        checkpoint(None, source, target)
        return Laid(head)
    harvest = _salvaged(source, target, config)
    named = {name: f"{ASIDE}/{source.name}/{name}".rstrip("/") for name, _ in wrong}
    n, of = harvest.rows.get("memory", 0), pointer.content.get("rows", {}).get("memory", mark.memories)
    told = f"{'; '.join(f'{named[name]}: {what}' for name, what in wrong)}; {n:,} of {of:,} memories could be read"
    return Laid(head, told, tuple(named.values()))


def wrong_with(source: Path, pointer: Pointer, scratch: Path, config: StorageConfig) -> Wrong:
    """Return (file, what is wrong) of a generation that was kept aside, read in full; an empty name is the whole.

    What was noted of it counts: LevelDB itself takes a log that lost its end, or a shortened MANIFEST, for sound.
    """
    if not source.is_dir():
        return [("", "gone")]
    try:
        if inspect(source):
            return damaged_files(source, scratch)
        content = verify(source, scratch, config, balanced=False)
    except (OSError, RecordError) as error:
        if isinstance(error, OSError) and _stops(error):
            raise
        return damaged_files(source, scratch) or [("", str(error))]
    noted, mark = pointer.content.get("digest"), pointer.mark
    if noted not in (None, content.digest):
        n, of = sum(content.rows.values()), sum(pointer.content.get("rows", {}).values())
        return [*damaged_files(source, scratch), ("", f"it holds {n:,} rows, and not the {of:,} that were kept")]
    if content.head.sequence < mark.sequence:
        told = f"its last write is {content.head.sequence}, and {mark.sequence} was kept"
        return [*damaged_files(source, scratch), ("", told)]
    return []


def _salvaged(source: Path, target: Path, config: StorageConfig) -> Harvest:
    """Salvage what is readable; where nothing is, the generation is empty, and numbers go on all the same."""
    try:
        return salvage(source, target.with_name("salvage" + PART), target, config, also=(LOWERED,))
    except OSError as error:
        if _stops(error):
            raise
    discard(target)
    Level(str(target), config, create=True).close()
    return Harvest()
