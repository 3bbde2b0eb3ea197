"""The longest stall: latencies of remember and recall one after the other while the index is cut and merged behind them.

python -m benchmarks.stalls [--n 100000] [--before 100000] [--every 20] [--texts FILE.jsonl] [--folder DIR] [--report]

Each memory has a vector, each recall words and a vector. After every call, plain work that takes about as long is timed too:
a machine that is busy with others stops that as well; and how long the calling thread waited for a processor is known.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.page import Row, show
from benchmarks.peers import thoughtengine
from benchmarks.peers.thoughtengine import Mind
from benchmarks.rounds import Queue, percentile, timed
from benchmarks.workloads import Cloud, Item, Rows, dealt, questions, texts

HEADS = (
    "calls",
    "how many",
    "ms, median",
    "ms, p99.9",
    "ms, longest",
    "goal",
    "p99.9 without waiting for a processor",
    "plain work, p99.9",
    "plain work, longest",
)
DIMENSION = 256
K = 10
TIMES, MORE = 4.0, 4e-3  # the goal: 99.9 of 100 calls within four times the median and four milliseconds
PIECE = 10_000

Arrival = tuple[Item, Rows]


@dataclass(slots=True)
class Calls:
    """Seconds of the calls of one kind, of them without what others had the processors for, and of plain work after each."""

    seconds: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)

    def note(self, call: Callable[[], object], loops: int, queue: Queue) -> None:
        """Time a call, and plain work of so many loops."""
        waited = queue.seconds()
        self.seconds.append(timed(call, 1).wall)
        self.own.append(self.seconds[-1] - (queue.seconds() - waited))
        self.plain.append(timed(lambda: sum(range(loops)), 1).wall)

    @property
    def bound(self) -> float:
        """Seconds within which 99.9 of 100 calls have to be back."""
        return TIMES * statistics.median(self.seconds) + MORE

    def row(self, name: str) -> Row:
        """Return the row of the table."""
        worst = percentile(self.seconds, 0.999)
        return [
            name,
            len(self.seconds),
            1e3 * statistics.median(self.seconds),
            1e3 * worst,
            1e3 * max(self.seconds),
            f"{1e3 * self.bound:.3g} ms: {'reached' if worst <= self.bound else 'missed'}",
            1e3 * percentile(self.own or self.seconds, 0.999),
            1e3 * percentile(self.plain, 0.999),
            1e3 * max(self.plain),
        ]


def arrivals(n: int, path: Path | None, *, first: int = 0) -> Iterator[Arrival]:
    """Yield what arrives from the `first` on, `n` of them, each with its vector."""
    cloud = Cloud(DIMENSION)
    rows = cloud.rows(0, 0)
    for item in dealt(texts(first + n, path)):
        if item.number < first:
            continue
        place = (item.number - first) % PIECE
        if not place:
            rows = cloud.rows(item.number, item.number + PIECE)
        yield item, rows[place]


def one_by_one(keeper: Mind, arriving: Sequence[Arrival], *, every: int) -> dict[str, Calls]:
    """Remember all, and recall one of them after each `every`; return the calls by kind."""
    calls = {"remember": Calls(), "recall": Calls()} if every else {"remember": Calls()}
    asked = questions([item for item, _ in arriving[:every]], len(arriving) // every) if every else []
    queue = Queue()
    for number, (item, vector) in enumerate(arriving):
        calls["remember"].note(lambda item=item, vector=vector: keeper.add_one(item, vector=vector), 5_000, queue)
        if every and number % every == every - 1:
            cue = asked[number // every].text
            calls["recall"].note(lambda cue=cue, vector=vector: keeper.query(cue, K, vector=vector), 50_000, queue)
    queue.close()
    return calls


@contextlib.contextmanager
def writer(keeper: Mind, arriving: Sequence[Arrival]) -> Iterator[None]:
    """Remember in another thread meanwhile, as fast as it goes, the same again and again."""
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            for item, vector in arriving:
                keeper.add_one(item, vector=vector)
                if over.is_set():
                    return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def measure(folder: Path, path: Path | None, *, n: int, n_before: int, every: int) -> list[Row]:
    """Remember alone, then with recalls in between, each without and with a writer beside; return the table."""
    before, arriving = list(arrivals(n_before, path)), list(arrivals(n, path, first=n_before))
    thoughtengine.warm_up()
    gc.collect()
    gc.freeze()  # the collector need not go through what the benchmark has in hand, only through what the mind has
    table: list[Row] = []
    for beside in (False, True):
        for rate in (0, every):
            name = ("a writer beside" if beside else "alone") + (", recalls in between" if rate else "")
            with contextlib.closing(Mind(folder / name, power=False)) as keeper:
                keeper.mind.remember_many(item.experience(vector) for item, vector in before)
                keeper.query("loads what is loaded on first use", 1)
                with writer(keeper, before or arriving) if beside else contextlib.nullcontext():
                    calls = one_by_one(keeper, arriving, every=rate)
            table += [some.row(f"{kind}, {name}") for kind, some in calls.items()]
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=100_000, help="memories that come one by one (default: %(default)s)")
    parser.add_argument("--before", type=int, default=100_000, help="memories there already (default: %(default)s)")
    parser.add_argument(
        "--every", type=int, default=20, help="memories after which there is a recall (default: %(default)s)"
    )
    parser.add_argument(
        "--texts", type=Path, metavar="FILE.jsonl", help="take sentences of its texts (default: invented)"
    )
    parser.add_argument(
        "--folder", type=Path, help="on the disk to be measured (default: the system's for temporary files)"
    )
    parser.add_argument("--report", action="store_true", help="add the table to results/stalls.md")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        rows = measure(Path(folder), given.texts, n=given.n, n_before=given.before, every=given.every)
    notes = [
        f"goal: 99.9 of 100 calls within {TIMES:g} × the median + {1e3 * MORE:g} ms",
        f"{given.n:,} one by one after {given.before:,}, each with a vector of {DIMENSION}; a recall after each {given.every}",
        "plain work: a sum in plain Python after each call, in the same thread: what the machine itself does to everybody",
    ]
    show("stalls of remember and recall", HEADS, rows, notes=notes, report="stalls" if given.report else None)


if __name__ == "__main__":
    main()
