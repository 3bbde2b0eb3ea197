"""Foreign: what an upgrade or a way back left in a folder of format 1, and what only bears such a name: that nobody removes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from thoughtengine.errors import StoreExistsError
from thoughtengine.storage.bare import BESIDE, FILES
from thoughtengine.storage.files import PART, discard

__all__ = ["MADE", "REMEDY", "foreign", "leftovers", "refuse_foreign"]

MADE = re.compile(r"(gen|index)-\d{6,}")
"""Names of the folders of a mind that are numbered."""

REMEDY = "move it out of the folder, then try again"
_FOLDERS = {
    re.compile(name): re.compile(inside)
    for name, inside in {
        r"gen-\d{6,}": rf"{FILES.pattern}|ROWS|lost|.*\.part",
        r"index-\d{6,}": r".*\.(segment|part)",
        "lowered": FILES.pattern,
        "rollback": r"gen-\d{6,}.*",
    }.items()
}
_ASIDE = re.compile(r"KEPT.*|gen-\d{6,}.*|reports|incidents|quarantine|snapshots")
_LEFT = re.compile(  # before there is a mind: fewer names than in one
    r"(\.te|rollback|lowered|verify|salvage|gen-\d{6,}|(plan|probe|check|now|try)-[0-9a-f]{8}|STORE(\.bak)?)\.part"
)
_UNFINISHED = re.compile(
    r"((gen|index)-\d{6,}|(plan|probe|check|now|try|backup|fork)-[0-9a-f]{8}|(STORE|BACKUP)(\.bak)?|cues\.json|creating"
    r"|\.new|\.te|check|copy|examine|kept|lowered|mend|new|old|purge|regain|regain-of|regained|rollback|salvage|verify)\.part"
)


def foreign(root: Path) -> Iterator[Path]:
    """Yield what would be in the way, or be lost: what an upgrade or a way back left, killed, is looked at from inside."""
    for entry in sorted(root.iterdir()):
        if entry.name == BESIDE:  # where anything in it is of ours, it is not to be moved out
            told = [*entry.iterdir()] if entry.is_dir() else []
            if not any(_ASIDE.fullmatch(each.name) for each in told) and (told or not entry.is_dir()):
                yield entry
        elif (inside := _inside(entry)) is not None:
            if not _holds(entry, inside):
                yield entry
        elif entry.name.endswith(PART) and not _UNFINISHED.fullmatch(entry.name):
            yield entry


def _inside(entry: Path) -> re.Pattern[str] | None:
    """Return what a folder of ours with this name holds, None for a name of no such folder."""
    return next((inside for name, inside in _FOLDERS.items() if name.fullmatch(entry.name)), None)


def _holds(entry: Path, inside: re.Pattern[str]) -> bool:
    return entry.is_dir() and all(inside.fullmatch(each.name) for each in entry.iterdir())


def leftovers(root: Path) -> None:
    """Remove what an upgrade or a rollback left in a folder without pointer file: it is never adopted; the rest stays."""
    for entry in root.iterdir():
        inside = _inside(entry)
        named = MADE.fullmatch(entry.name) or (inside is not None and _holds(entry, inside))
        if named or _LEFT.fullmatch(entry.name):
            discard(entry)


def refuse_foreign(root: Path) -> None:
    """Raise where anything would be in the way.

    Raises
    ------
    StoreExistsError
        Nothing was touched.
    """
    if (entry := next(foreign(root), None)) is not None:
        told = f"an upgrade takes this name in the mind's folder, and what is there is not of ours: {REMEDY}"
        raise StoreExistsError(entry, f"{told} (nothing was touched)")
