"""Stores of format 1, written and read as their own programs do: by the LevelDB binding alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

try:
    import plyvel
except ImportError:
    import plyvel_next as plyvel


def write_flat(path: Path, rows: Mapping[bytes, bytes | None], *, compact: bool = False) -> None:
    """Put rows (None: delete) into the store at a path, made where there is none; `compact`: into tables."""
    level = plyvel.DB(str(path), create_if_missing=True)
    try:
        with level.write_batch(sync=True) as batch:
            for key, value in rows.items():
                if value is None:
                    batch.delete(key)
                else:
                    batch.put(key, value)
        if compact:
            level.compact_range(start=b"", stop=b"\xff")
    finally:
        level.close()


def read_flat(path: Path) -> dict[bytes, bytes]:
    """Return all rows of the store at a path."""
    level = plyvel.DB(str(path), create_if_missing=False)
    try:
        return dict(level.iterator(verify_checksums=True))
    finally:
        level.close()
