"""Where derived columns should live: in values of LevelDB, or in mapped files beside it.

python -m benchmarks.columns [--megabytes 200] [--rounds 3] [--folder FOLDER] [--report]

The same arrays (random codes and bytes, postings that ascend) are written both ways. A fresh process then opens them, adds up
everything once (what a first recall looks at, at most), and tells how long that took and how much memory it holds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.page import Row, show
from thoughtengine.config import StorageConfig
from thoughtengine.storage.columnfile import write_columns
from thoughtengine.storage.store import Level

HEADS = ("columns in", "write s", "on disk MB", "open and read once ms", "again ms", "anonymous MB", "mapped MB")
LEVELDB, FILES = "LevelDB values of 1 MiB", "a mapped file"
CHUNK = 1 << 20

_READ = """
import json, sys, time
import numpy as np
sys.path[:0] = {path!r}
def held():
    found = {{}}
    with open("/proc/self/smaps_rollup") as lines:
        for line in lines:
            words = line.split()
            if words[0] in ("Rss:", "Anonymous:"):
                found[words[0]] = int(words[1]) / 1024
    return found["Anonymous:"], found["Rss:"] - found["Anonymous:"]
from thoughtengine.config import StorageConfig
from thoughtengine.storage.columnfile import ColumnFile
from thoughtengine.storage.store import Level
before, began = held(), time.perf_counter()
{opened}
total = sum(int(array.sum(dtype=np.uint64)) for array in arrays)
first = time.perf_counter() - began
began = time.perf_counter()
assert total == sum(int(array.sum(dtype=np.uint64)) for array in arrays)
again, after = time.perf_counter() - began, held()
print(json.dumps([1e3 * first, 1e3 * again, after[0] - before[0], after[1] - before[1], total]))
"""
_FROM_LEVEL = """
level = Level({folder!r}, StorageConfig())
arrays = []
for name, dtype, n in {what!r}:
    parts = [level.get(f"{{name}}/{{i:08d}}".encode()) for i in range(n)]
    arrays.append(np.frombuffer(b"".join(parts), dtype))
"""
_FROM_FILE = """
file = ColumnFile(__import__("pathlib").Path({folder!r}) / "columns")
arrays = [file.array(name) for name, _, _ in {what!r}]
"""


def arrays(megabytes: int) -> dict[str, NDArray[Any]]:
    """Return columns in the proportions of an index: half bytes of vectors, the rest codes, postings and moments."""
    rng, n = np.random.default_rng(1), megabytes << 20
    return {
        "coarse": np.clip(rng.standard_normal(n // 2) * 30, -127, 127).astype(np.int8).view(np.uint8),
        "codes": rng.integers(0, 1 << 63, n // 8 // 8, np.uint64),
        "postings": (np.sort(rng.integers(0, 1 << 24, n // 4 // 4, np.uint32)) << np.uint32(8)) | np.uint32(1),
        "at": np.cumsum(rng.integers(0, 1 << 30, n // 8 // 8, np.uint64)),
    }


def write_level(folder: Path, columns: dict[str, NDArray[Any]]) -> list[tuple[str, str, int]]:
    """Write columns into LevelDB in values of 1 MiB; return (name, dtype, number of values) of each."""
    level, what = Level(str(folder), StorageConfig(), create=True), []
    for name, array in columns.items():
        data = array.tobytes()
        parts = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
        for i, part in enumerate(parts):
            level.write([(f"{name}/{i:08d}".encode(), part)], [], False)
        what.append((name, array.dtype.str, len(parts)))
    level.flush()
    level.close()
    return what


def measure(folder: Path, megabytes: int, rounds: int) -> list[Row]:
    """Return a row for each way, medians of the rounds, in turns."""
    columns = arrays(megabytes)
    began = time.perf_counter()
    what = write_level(folder / "level", columns)
    wrote = {LEVELDB: time.perf_counter() - began}
    (folder / "file").mkdir()
    began = time.perf_counter()
    write_columns(folder / "file" / "columns", {}, columns)
    wrote[FILES] = time.perf_counter() - began
    runs: dict[str, list[list[float]]] = {LEVELDB: [], FILES: []}
    for _ in range(rounds):
        for name, place, code in ((LEVELDB, "level", _FROM_LEVEL), (FILES, "file", _FROM_FILE)):
            opened = code.format(folder=str(folder / place), what=what)
            program = _READ.format(path=sys.path, opened=opened)
            told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
            runs[name].append(json.loads(told))
    if {run[4] for of in runs.values() for run in of} != {sum(int(a.sum(dtype=np.uint64)) for a in columns.values())}:
        raise AssertionError("what was read is not what was written")
    rows: list[Row] = []
    for name, place in ((LEVELDB, "level"), (FILES, "file")):
        disk = sum(path.stat().st_size for path in (folder / place).iterdir()) / (1 << 20)
        rows.append([name, wrote[name], disk, *(statistics.median(run[i] for run in runs[name]) for i in range(4))])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200, help="of columns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where to write; default: a temporary folder")
    parser.add_argument("--report", action="store_true", help="add the table to results/columns.md")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rows = measure(Path(folder), args.megabytes, args.rounds)
    notes = [
        f"{args.megabytes} MiB of columns; medians of {args.rounds} fresh processes each, in turns; files in the page cache"
    ]
    show("where derived columns live", HEADS, rows, notes=notes, report="columns" if args.report else None)


if __name__ == "__main__":
    main()
