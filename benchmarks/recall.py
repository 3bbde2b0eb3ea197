"""A mind as it grows: how fast it remembers, opens and recalls, and what it takes of disk and memory, beside simple peers.

python -m benchmarks.recall [--sizes 1000 10000 100000] [--peers thoughtengine fts5 bm25 grep] [--repeats 3] [--report]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.page import Row, show
from benchmarks.rounds import percentile
from benchmarks.workloads import items, questions

HEADS = (
    "memories, who", "recall ms", "p99 ms", "hit@10", "open to first ms", "one by one /s", "many /s", "disk bytes each",
    "resident MB",
)  # fmt: skip
DEFAULT = ("thoughtengine", "fts5", "bm25", "grep")
ASKED = 200
K = 10
SECONDS = 20.0  # after which a slow peer is asked no more


@dataclass(frozen=True, slots=True)
class Filled:
    """What filling took."""

    one_by_one: float  # items a second, the last of them
    many: float  # items a second, all before
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a process took that opens, asks and does nothing else."""

    first: float  # seconds from opening to the first answer
    latencies: tuple[float, ...]  # seconds, of the questions after it
    hits: float  # share of the questions whose item was among the ten
    resident: int  # bytes that opening and asking added


def fill(name: str, folder: Path, n: int) -> Filled:
    """Fill a folder with `n` items: most of them at once, the last 1,000 (or tenth) one by one."""
    kept = list(items(n))
    last = min(1_000, n // 10)
    keeper = peers.peer(name).open(folder)
    many = _seconds(lambda: keeper.add_many(kept[:-last]))
    keeper.query("loads what is loaded on first use", 1)
    one = _seconds(lambda: [keeper.add_one(item) for item in kept[-last:]])
    keeper.close()
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Filled(last / one, (n - last) / many, n_bytes)


def ask(name: str, folder: Path, n: int) -> Asked:
    """Open a folder in this process and ask."""
    asked = questions(list(items(n)), ASKED + 1)
    module = peers.peer(name)
    _load(module)
    before = resident()
    begun = time.perf_counter()
    keeper = module.open(folder)
    keeper.query(asked[0].text, K)
    first = time.perf_counter() - begun
    latencies, hits = [], 0
    for question in asked[1:]:
        begun = time.perf_counter()
        found = keeper.query(question.text, K)
        latencies.append(time.perf_counter() - begun)
        hits += question.number in found
        if sum(latencies) > SECONDS:
            break
    grown = resident() - before
    keeper.close()
    return Asked(first, tuple(latencies), hits / len(latencies), grown)


def _load(module: peers.Peer) -> None:
    """Use a keeper of one item, so that everything has been imported."""
    with tempfile.TemporaryDirectory() as folder:
        keeper = module.open(Path(folder) / "one")
        keeper.add_many(items(1))
        keeper.query(next(items(1)).text, 1)
        keeper.close()


def resident() -> int:
    """Return the bytes of this process that are in memory; 0 where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) * 1024


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def apart(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def measure(names: Sequence[str], sizes: Sequence[int], folder: Path, *, n_repeats: int) -> list[Row]:
    """Fill and ask each peer at each size, the peers in turn; return the rows of the table."""
    rows: list[Row] = []
    for n in sizes:
        filled = {name: apart(fill, name, folder / f"{name}-{n}", n) for name in names}
        asked: dict[str, list[Asked]] = {name: [] for name in names}
        for _ in range(n_repeats):
            for name in names:
                asked[name].append(apart(ask, name, folder / f"{name}-{n}", n))
        rows += [_row(f"{n:,} {peers.peer(name).available()}", n, filled[name], asked[name]) for name in names]
    return rows


def _row(title: str, n: int, filled: Filled, asked: Sequence[Asked]) -> Row:
    middle = statistics.median
    return [
        title,
        1e3 * middle(middle(a.latencies) for a in asked),
        1e3 * middle(percentile(a.latencies, 0.99) for a in asked),
        asked[0].hits,
        1e3 * middle(a.first for a in asked),
        round(filled.one_by_one),
        round(filled.many),
        round(filled.n_bytes / n),
        middle(a.resident for a in asked) / 2**20,
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="memories")
    parser.add_argument("--peers", nargs="+", default=list(DEFAULT), choices=peers.NAMES)
    parser.add_argument("--repeats", type=int, default=3, help="processes that ask, of which the median is shown")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    parser.add_argument("--report", action="store_true", help="add the table to results/recall.md")
    given = parser.parse_args(arguments)
    names = [name for name in given.peers if peers.peer(name).available()]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        rows = measure(names, given.sizes, Path(folder), n_repeats=given.repeats)
    notes = [
        f"{ASKED} questions of five words of one memory each; hit@10, a control: that memory was among the ten found",
        "one by one: the last 1,000 (or tenth), the index in use; disk: the whole folder, our reserve of 2 MiB included",
        "resident: what opening and asking added to a process that had imported everything",
    ]
    show("recall, as a mind grows", HEADS, rows, notes=notes, report="recall" if given.report else None)


if __name__ == "__main__":
    main()
