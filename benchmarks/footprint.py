"""What a mind takes: bytes in memory, its own and those of mapped files apart, and bytes on disk, its index apart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

_PIECE = 1 << 20


class Resident(NamedTuple):
    """Bytes of this process that are in memory."""

    anonymous: int
    of_files: int

    def since(self, before: Resident) -> Resident:
        """Return how much more that is than before."""
        return Resident(self.anonymous - before.anonymous, self.of_files - before.of_files)


def resident() -> Resident:
    """Return what of this process is in memory; zeros where the system does not tell."""
    try:
        told = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return Resident(0, 0)
    sizes = {name: 1024 * int(rest.split()[0]) for name, rest in (line.split(":") for line in told)}
    return Resident(sizes["Anonymous"], sizes["Rss"] - sizes["Anonymous"])


def on_disk(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def index_files(mind: Path) -> list[Path]:
    """Return the files of a mind's index: everything in its folder under a name that begins with `index`."""
    return sorted(path for found in mind.glob("index*") for path in (found, *found.rglob("*")) if path.is_file())


def reading(paths: list[Path]) -> float:
    """Return the seconds that it takes to read files once from beginning to end."""
    begun = time.perf_counter()
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.read(_PIECE):
                pass
    return time.perf_counter() - begun
