"""An upgrade of format 1: its rate beside a raw rewrite by LevelDB, the first answers, and how the host's calls fare meanwhile.

python -m benchmarks.upgrade [--records 20000] [--pairs 200] [--report]
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import thoughtengine as te
from benchmarks.page import Row, show
from thoughtengine.config import StorageConfig
from thoughtengine.storage.store import Level

WINDOW_SECONDS = 0.2
MORE_BYTES = 64 << 20  # that an upgrade may take above what the mind takes without it
WEIGHED = """
import re, sys, threading, time
import thoughtengine as te

def look():
    while True:
        told = open("/proc/self/status").read()
        seen.append(int(re.search(r"RssAnon:\\s+(\\d+)", told)[1]))
        time.sleep(0.01)

path, seen = sys.argv[1], []
threading.Thread(target=look, daemon=True).start()
{}
print(max(seen))
"""
KEYS = 2000
WORDS = ("tea", "rain", "garden", "train", "letter", "market", "summer", "window", "river", "song")


def write_old(path: Path, n: int) -> int:
    """Write a store of format 1 of n experiences of about 200 bytes; return the bytes of it."""
    chance = random.Random(7)
    level = Level(str(path), StorageConfig(), create=True)
    size = 0
    try:
        for start in range(0, n, 256):
            rows = []
            for i in range(start, min(n, start + 256)):
                said = " ".join(chance.choices(WORDS, k=20)) + f" number {i}"
                value = {"timestamp": 1_600_000_000_000_000_000 + i, "type": "sensory", "raw": said}
                rows.append((f"sensory:note-{i:07d}".encode(), json.dumps(value).encode()))
            level.write(rows, [], False)
            size += sum(len(key) + len(value) for key, value in rows)
        level.flush()
    finally:
        level.close()
    return size


def raw_rewrite(source: Path, target: Path) -> float:
    """Return the seconds that LevelDB takes for reading all rows and writing them to another store."""
    begun = time.perf_counter()
    old, new = Level(str(source), StorageConfig()), Level(str(target), StorageConfig(), create=True)
    try:
        start = b""
        while page := old.page(start, None, 256, False):
            new.write(page, [], False)
            start = page[-1][0] + b"\0"
        new.flush()
    finally:
        old.close()
        new.close()
    return time.perf_counter() - begun


def peak_bytes(code: str, path: Path) -> int:
    """Return the most memory of its own that a new process has which runs a line of code on a folder: without mapped files."""
    done = subprocess.run(
        [sys.executable, "-c", WEIGHED.format(code), str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) << 10


def memory_row(folder: Path, records: int) -> Row:
    """Compare what an upgrade takes, which builds the index too, with what the same mind takes that builds it to answer."""
    write_old(folder / "weighed", records)
    upgraded = peak_bytes("te.upgrade(path)", folder / "weighed")
    for index in (folder / "weighed").glob("index-*"):
        shutil.rmtree(index)
    asked = peak_bytes(
        "mind = te.open(path); mind.count(layers='sensory'); mind.recall('tea in the garden'); mind.close()",
        folder / "weighed",
    )
    more = upgraded - asked
    verdict = "met" if more <= MORE_BYTES else "missed"
    return (
        "most memory: upgrade / open, index and recall", f"{upgraded / 1e6:.0f} MB, {asked / 1e6:.0f} MB",
        f"{more / 1e6:+.0f} MB, limit +{MORE_BYTES >> 20} MiB: {verdict}",
    )  # fmt: skip


def window(call: Callable[[], None]) -> list[float]:
    """Call for a fifth of a second, and return how long each call took."""
    taken, until = [], time.perf_counter() + WINDOW_SECONDS
    while (begun := time.perf_counter()) < until:
        call()
        taken.append(time.perf_counter() - begun)
    return taken


def paired(mind: te.ThoughtEngine, call: Callable[[], None], pairs: int) -> list[tuple[list[float], list[float]]]:
    """Return pairs of windows, in turns with the upgrade at work and paused, as long as it lasts."""
    found = []
    for _ in range(pairs):
        if mind.upgrade.status().stage != "UPGRADING":
            break
        mind.upgrade.resume()
        on = window(call)
        mind.upgrade.pause()
        found.append((on, window(call)))
    mind.upgrade.resume()
    return found


def p99(taken: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return sorted(taken)[max(0, -(-99 * len(taken) // 100) - 1)]


def interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % interval of the median by resampling."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(1000))
    return medians[25], medians[974]


def measure(folder: Path, *, records: int, pairs: int) -> list[Row]:
    """Return the rows of the table."""
    size = write_old(folder / "old", records)
    raws, wholes, phases = list[float](), list[float](), list[dict[str, float]]()
    for turn in range(3):
        raws.append(raw_rewrite(folder / "old", folder / f"raw-{turn}"))
        write_old(folder / f"whole-{turn}", records)
        begun = time.perf_counter()
        report = te.upgrade(folder / f"whole-{turn}")
        wholes.append(time.perf_counter() - begun)
        if report is None:
            raise RuntimeError("there was nothing to upgrade")
        phases.append({phase.name[:2]: phase.seconds for phase in report.phases})
    raw, whole = statistics.median(raws), statistics.median(wholes)
    records_swept = statistics.median(each["P1"] + each["P2"] for each in phases)
    swept = statistics.median(sum(each[name] for name in ("P1", "P2", "P3", "P4")) for each in phases)
    begun = time.perf_counter()
    mind = te.open(folder / "old", timezone="UTC")
    opened = time.perf_counter() - begun
    chance, n = random.Random(3), 0

    def call() -> None:
        nonlocal n
        n += 1
        mind.get(f"sensory:note-{chance.randrange(min(records, KEYS)):07d}")
        if n % 4 == 0:
            mind.remember(f"said meanwhile, number {n}")

    try:
        begun = time.perf_counter()
        mind.get("sensory:note-0000007")
        first = time.perf_counter() - begun
        begun = time.perf_counter()
        coverage = mind.recall("tea in the garden").coverage
        recalled = time.perf_counter() - begun
        windows = paired(mind, call, pairs)
    finally:
        mind.close()
    ratios = [len(on) / len(off) for on, off in windows]
    on, off = [t for pair in windows for t in pair[0]], [t for pair in windows for t in pair[1]]
    low, high = interval(ratios)
    return [
        ("records, bytes", f"{records:,}, {size:,}", ""),
        ("raw rewrite by LevelDB", f"{raw:.2f} s", f"{records / raw:,.0f} records a second"),
        ("sweep at full speed, records (phases 1 and 2)", f"{records_swept:.2f} s",
            f"{records / records_swept:,.0f} records a second: 1/{records_swept / raw:.1f} of raw"),
        ("sweep at full speed, with the index (all four phases)", f"{swept:.2f} s",
            f"{records / swept:,.0f} records a second: 1/{swept / raw:.1f} of raw"),
        ("upgrade with rollback point, validation, check", f"{whole:.2f} s", f"{records / whole:,.0f} records a second"),
        ("open, then serve", f"{opened:.3f} s", "the rollback point is verified behind"),
        ("first get by key, first recall", f"{1e3 * first:.1f} ms, {1e3 * recalled:.1f} ms", f"coverage {coverage:.2f}"),
        ("calls with upgrade / without, median of pairs", f"{statistics.median(ratios):.3f}",
            f"[{low:.3f}, {high:.3f}], {len(ratios)} pairs"),
        ("99th percentile with, without", f"{1e3 * p99(on):.2f} ms, {1e3 * p99(off):.2f} ms",
            f"limit 1.1 times and 1 ms: {'met' if p99(on) <= 1.1 * p99(off) + 0.001 else 'missed'}"),
        memory_row(folder, records),
        ("failed calls", "0", f"of {len(on) + len(off):,}"),
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; with --report, write it to benchmarks/results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upgrade", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--report", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), records=asked.records, pairs=asked.pairs)
    show("upgrade of format 1", ("what", "measured", ""), rows, report="upgrade" if asked.report else None)


if __name__ == "__main__":
    main()
