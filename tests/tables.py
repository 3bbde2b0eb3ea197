"""Which tables of a LevelDB count: what a merge replaced may lie beside them until the next opening, and no harm hurts it."""

from collections.abc import Iterable
from pathlib import Path

from thoughtengine.storage.manifest import read_manifest, table_name

__all__ = ["largest", "live", "newest"]


def live(folders: Path | Iterable[Path]) -> list[Path]:
    """Return the tables that the MANIFEST of a LevelDB folder, or of each of several, names: by folder, the oldest first."""
    among = [folders] if isinstance(folders, Path) else sorted(folders)
    return [folder / table_name(folder, number) for folder in among for number in sorted(read_manifest(folder).tables)]


def largest(folders: Path | Iterable[Path]) -> Path:
    """Return the largest of them."""
    return max(live(folders), key=lambda table: table.stat().st_size)


def newest(folders: Path | Iterable[Path]) -> Path:
    """Return the one that was written last."""
    return live(folders)[-1]
