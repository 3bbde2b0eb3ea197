"""Foreign: what lies in a folder of format 1 under a name that an upgrade would take, or remove, and is not of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from thoughtengine.errors import StoreExistsError
from thoughtengine.storage.bare import BESIDE
from thoughtengine.storage.files import PART

__all__ = ["REMEDY", "foreign", "refuse_foreign"]

REMEDY = "move it out of the folder, then try again"
_LEVELDB = r"CURRENT|LOCK|LOG(\.old)?|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp)"
_FOLDERS = {
    re.compile(name): re.compile(inside)
    for name, inside in {
        r"gen-\d{6,}": rf"{_LEVELDB}|ROWS|lost|.*\.part",
        r"index-\d{6,}": r".*\.(segment|part)",
        "lowered": _LEVELDB,
        "rollback": r"gen-\d{6,}.*",
    }.items()
}
_ASIDE = re.compile(r"KEPT.*|gen-\d{6,}.*|reports|incidents|quarantine|snapshots")
_UNFINISHED = re.compile(
    r"((gen|index)-\d{6,}|(plan|probe|check|now|try|backup|fork)-[0-9a-f]{8}|(STORE|BACKUP)(\.bak)?|cues\.json|creating"
    r"|\.new|\.te|check|copy|examine|kept|lowered|mend|new|old|purge|regain|regain-of|regained|rollback|salvage|verify)\.part"
)


def foreign(root: Path) -> Iterator[Path]:
    """Yield what would be in the way, or be lost: what an upgrade or a way back left, killed, is looked at from inside."""
    for entry in sorted(root.iterdir()):
        inside = next((inside for name, inside in _FOLDERS.items() if name.fullmatch(entry.name)), None)
        if entry.name == BESIDE:  # where anything in it is of ours, it is not to be moved out
            told = [*entry.iterdir()] if entry.is_dir() else []
            if not any(_ASIDE.fullmatch(each.name) for each in told) and (told or not entry.is_dir()):
                yield entry
        elif inside is not None:
            if not entry.is_dir() or not all(inside.fullmatch(each.name) for each in entry.iterdir()):
                yield entry
        elif entry.name.endswith(PART) and not _UNFINISHED.fullmatch(entry.name):
            yield entry


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
