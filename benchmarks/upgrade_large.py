"""A large store with an upgrade before it: how soon it answers, and what its checkpoint, backup, upgrade and way back take.

python -m benchmarks.upgrade_large [--records 400000] [--rounds 5] [--report]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import thoughtengine as te
from benchmarks.page import Row, show
from benchmarks.upgrade import WORDS
from thoughtengine.config import StorageConfig
from thoughtengine.storage.files import size_of
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import MEMORY
from thoughtengine.storage.store import Level

PAYLOAD_BYTES = 2000
ASK = """
import sys, time
import thoughtengine as te
from benchmarks.upgrade_large import hooks
begun = time.perf_counter()
mind = te.open(sys.argv[1], hooks=[hooks()] if sys.argv[2] == "step" else ())
opened = time.perf_counter() - begun
found = mind.recall("tea in the garden")
print(opened, time.perf_counter() - begun, found.coverage)
mind.close()
"""


def hooks() -> te.Upgrades:
    """Return a step that touches every record."""
    made = te.Upgrades("acme")
    made.step("note", from_version=1, down=_down)(_up)
    return made


def _up(note: dict[str, Any]) -> dict[str, Any]:
    return {"data": note["body"], "n": note["n"]}


def _down(note: dict[str, Any]) -> dict[str, Any]:
    return {"body": note["data"], "n": note["n"]}


def write_mind(path: Path, n: int) -> None:
    """Write a mind of n short texts, each with a payload of 2 kB that hardly compresses."""
    chance = random.Random(7)
    with te.open(path, timezone="UTC") as mind:
        for start in range(0, n, 20_000):
            mind.remember_many(
                te.Experience(
                    text=f"{' '.join(chance.choices(WORDS, k=8))} {i % 1000}",
                    kind="acme.note",
                    payload={"body": chance.randbytes(PAYLOAD_BYTES), "n": i},
                )
                for i in range(start, min(n, start + 20_000))
            )
        mind.recall("tea in the garden")
        mind._memories.live.upkeep.wait()


def write_flat(path: Path, n: int) -> None:
    """Write a store of format 1 of the same size."""
    chance, level = random.Random(7), Level(str(path), StorageConfig(), create=True)
    try:
        for start in range(0, n, 256):
            rows = []
            for i in range(start, min(n, start + 256)):
                said, more = " ".join(chance.choices(WORDS, k=8)), chance.randbytes(PAYLOAD_BYTES // 2).hex()
                value = {"timestamp": i, "type": "sensory", "raw": f"{said} {i % 1000}", "more": more}
                rows.append((f"sensory:note-{i:07d}".encode(), json.dumps(value).encode()))
            level.write(rows, [], False)
        level.flush()
    finally:
        level.close()


def asked(path: Path, how: str) -> tuple[float, float, float]:
    """Return, of a process of its own, the seconds until it is open and until it has answered, and the coverage."""
    done = subprocess.run([sys.executable, "-c", ASK, str(path), how], capture_output=True, text=True, check=True)
    opened, answered, coverage = map(float, done.stdout.split())
    return opened, answered, coverage


def timed(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def first_answers(folder: Path, rounds: int) -> list[Row]:
    """Ask a fork of the mind for the first time, in turns with the step before it and without."""
    plain, step, coverage = list[float](), list[float](), 1.0
    for n in range(rounds):
        for how, found in (("none", plain), ("step", step)):
            te.fork(folder / "mind", folder / f"fork-{n}-{how}")
            _, answered, coverage = asked(folder / f"fork-{n}-{how}", how)
            found.append(answered)
    more = statistics.median(b - a for a, b in zip(plain, step, strict=True))
    return [
        ("open and first recall, nothing to upgrade", f"{statistics.median(plain):.3f} s", f"{rounds} processes"),
        (
            "the same with a step before it",
            f"{statistics.median(step):.3f} s",
            f"{more:+.3f} s, coverage {coverage:.2f}",
        ),
    ]


def raw_rewrite(store: FolderStore, target: Path) -> float:
    """Return the seconds that LevelDB takes for reading all memories and writing them to another store."""
    begun, start = time.perf_counter(), MEMORY.prefix
    level = Level(str(target), store.config, create=True)
    try:
        while page := store._page(start, MEMORY.stop, 256, False):
            level.write(page, [], False)
            start = page[-1][0] + b"\0"
        level.flush()
    finally:
        level.close()
    return time.perf_counter() - begun


def measure(folder: Path, *, records: int, rounds: int) -> list[Row]:
    """Return the rows of the table."""
    write_mind(folder / "mind", records)
    rows: list[Row] = [("mind", f"{records:,} records", f"{size_of(folder / 'mind'):,} bytes")]
    rows += first_answers(folder, rounds)
    store = FolderStore(folder / "mind", StorageConfig())
    try:
        took = timed(lambda: store.checkpoint(folder / "mind" / "linked.part"))
        raw = raw_rewrite(store, folder / "raw")
    finally:
        store.close()
    rows.append(("checkpoint by hard links", f"{took:.3f} s", ""))
    rows.append(("verified backup", f"{timed(lambda: te.backup(folder / 'mind', folder / 'backup')):.1f} s", ""))
    rows.append(("upgrade at full speed", f"{timed(lambda: te.upgrade(folder / 'mind', hooks=[hooks()])):.1f} s",
                 "rollback point, sweep, validation, check, compaction"))  # fmt: skip
    report = te.history(folder / "mind")[-1]
    share = raw / next(phase.seconds for phase in report.phases if phase.name.startswith("P4"))
    rows.append(
        ("  raw rewrite of the same records by LevelDB", f"{raw:.1f} s", f"the sweep reaches {share:.2f} of its rate")
    )
    rows += [(f"  {phase.name}", f"{phase.seconds:.1f} s", f"{phase.rows:,} rows") for phase in report.phases]
    rows += [("  afterwards", str(tried), "") for tried in report.optimisations]
    rows.append(("taken back", f"{timed(lambda: te.rollback(folder / 'mind', hooks=[hooks()])):.1f} s", ""))
    write_flat(folder / "flat", records)
    size = size_of(folder / "flat")
    opened, answered, coverage = asked(folder / "flat", "none")
    rows.append((f"format 1, {size:,} bytes: open", f"{opened:.3f} s", ""))
    rows.append(("  and first recall", f"{answered:.3f} s", f"coverage {coverage:.2f}"))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; with --report, write it to benchmarks/results."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.upgrade_large", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work (default: the temporary folder)")
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        rows = measure(Path(folder), records=given.records, rounds=given.rounds)
    show("upgrade of a large store", ("what", "measured", ""), rows, report="upgrade-large" if given.report else None)


if __name__ == "__main__":
    main()
