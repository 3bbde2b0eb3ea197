"""Remember: one at a time, beside chromadb's single add (power) and LevelDB given the same rows (process); many in batches.

python -m benchmarks.remember [--rounds 40] [--folder DIR] [--only power process many] [--report]
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.page import Row, show
from benchmarks.peers import Peer, chromadb, fts5, lancedb, leveldb, thoughtengine
from benchmarks.rounds import Took, Turn, ratio, take_turns, timed
from benchmarks.workloads import HASHED, Cloud, hashed, items

HEADS = ("who", "wall µs, median", "CPU µs, mean", "theirs / ours, wall")
OURS = "thoughtengine"
LIVE = "thoughtengine, index in use"
SYNCED = "thoughtengine, each batch waits for the disk"
VECTOR = f"thoughtengine, with a vector of {HASHED}"
LOOKED = "thoughtengine, a recall after each batch"
LEVEL = "LevelDB, the same rows"
CHROMA = "chromadb"
LANCE = "lancedb"
FTS5 = "SQLite FTS5"
DIMENSION = 256
BATCH = 1_000

Times = dict[str, list[Took]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Goal:
    """The bound that a ratio has to keep."""

    above: str
    below: str
    bound: float
    at_least: bool

    def note(self, times: Times) -> str | None:
        """Say how the ratio stands to it; None where a contestant was not there."""
        if self.above not in times or self.below not in times:
            return None
        found = ratio(of(times[self.above], "wall"), of(times[self.below], "wall"))
        computing = statistics.fmean(of(times[self.above], "cpu")) / statistics.fmean(of(times[self.below], "cpu"))
        kept = found.median >= self.bound if self.at_least else found.median <= self.bound
        wanted = f"at {'least' if self.at_least else 'most'} {self.bound:g}"
        reached = "reached" if kept else "missed"
        return f"{self.above} / {self.below}: {found:.1f}, goal {wanted}: {reached} (CPU, means: {computing:.1f})"


POWER_GOALS = [Goal(CHROMA, OURS, 15.0, True), Goal(CHROMA, VECTOR, 15.0, True)]
PROCESS_GOALS = [Goal(OURS, LEVEL, 15.0, False), Goal(LIVE, LEVEL, 15.0, False)]
MANY_GOALS = [Goal(CHROMA, OURS, 40.0, True), Goal(CHROMA, LOOKED, 40.0, True)]


def measure_power(folder: Path, *, n_rounds: int, per_round: int) -> Times:
    """Return seconds an item by round where each write waits for the medium."""
    dealt = list(items(per_round * (n_rounds + 1)))
    with contextlib.ExitStack() as stack:

        def keeper(name: str, peer: Peer) -> Turn:
            opened = peer.open(folder / name, power=True)
            stack.callback(opened.close)
            return turn(dealt, per_round, opened.add_one)

        raw = leveldb.open(folder / "leveldb", power=True)
        stack.callback(raw.close)
        mind = thoughtengine.open(folder / "vector", power=True)
        stack.callback(mind.close)
        vectors = [(item, hashed(item.text)) for item in dealt]
        turns = {
            OURS: keeper("ours", thoughtengine),
            VECTOR: turn(vectors, per_round, lambda pair: mind.add_one(pair[0], vector=pair[1])),
            LEVEL: turn(leveldb.rows_of(dealt), per_round, raw.add_rows),
        }
        turns |= {FTS5: keeper("fts5", fts5)} if fts5.available() else {}
        turns |= {CHROMA: keeper("chroma", chromadb)} if chromadb.available() else {}
        return take_turns(turns, n_rounds)


def measure_process(folder: Path, *, n_rounds: int, per_round: int) -> Times:
    """Return seconds an item by round where each write survives the end of the process."""
    dealt = list(items(per_round * (n_rounds + 1)))
    with contextlib.ExitStack() as stack:

        def keeper(name: str, peer: Peer) -> Turn:
            opened = peer.open(folder / name)
            stack.callback(opened.close)
            opened.query("loads what is loaded on first use", 1)
            return turn(dealt, per_round, opened.add_one)

        raw, mind = leveldb.open(folder / "leveldb"), thoughtengine.open(folder / "ours")
        stack.callback(raw.close)
        stack.callback(mind.close)
        turns = {
            OURS: turn(dealt, per_round, mind.add_one),
            LIVE: keeper("live", thoughtengine),
            LEVEL: turn(leveldb.rows_of(dealt), per_round, raw.add_rows),
        }
        turns |= {FTS5: keeper("fts5", fts5)} if fts5.available() else {}
        return take_turns(turns, n_rounds)


def measure_many(folder: Path, *, n_rounds: int, per_round: int) -> Times:
    """Return seconds an item by round where a batch of `per_round` is written at once, each with a vector of `DIMENSION`.

    chromadb waits for the disk in any case. What LevelDB takes for the same rows is what nothing over it can be faster than.
    """
    kept = list(items(per_round * (n_rounds + 1)))
    vectors = Cloud(DIMENSION).rows(0, len(kept))
    with contextlib.ExitStack() as stack:

        def batches(name: str, peer: Peer, *, looked: bool = False, power: bool = False) -> Turn:
            keeper: Any = peer.open(folder / name, power=power)
            stack.callback(keeper.close)

            def write(share: slice) -> None:
                keeper.add_many(kept[share], vectors=vectors[share])
                if looked:
                    keeper.query(kept[share][0].text, 10, vector=vectors[share][0])

            def work(number: int) -> Took:
                share = slice(number * per_round, (number + 1) * per_round)
                return timed(partial(write, share), per_round, computed=time.process_time)

            return work

        def same_rows(number: int) -> Took:
            def write() -> None:
                for rows in written[number]:
                    raw.add_rows(rows)

            return timed(write, per_round, computed=time.process_time)

        shares = [slice(start, start + per_round) for start in range(0, len(kept), per_round)]
        written = leveldb.batches_of((kept[share], vectors[share]) for share in shares)
        raw = leveldb.open(folder / "leveldb")
        stack.callback(raw.close)
        turns = {
            OURS: batches("ours", thoughtengine),
            SYNCED: batches("synced", thoughtengine, power=True),
            LOOKED: batches("looked", thoughtengine, looked=True),
            LEVEL: same_rows,
        }
        turns |= {CHROMA: batches("chroma", chromadb)} if chromadb.available() else {}
        turns |= {LANCE: batches("lance", lancedb)} if lancedb.available() else {}
        return take_turns(turns, n_rounds)


def turn(dealt: Sequence[T], per_round: int, write: Callable[[T], object]) -> Turn:
    """Return what writes its share of `dealt` in each round, and says how long one of them took."""

    def work(number: int) -> Took:
        share = dealt[number * per_round : (number + 1) * per_round]

        def all_of_them() -> None:
            for what in share:
                write(what)

        return timed(all_of_them, per_round)

    return work


def of(taken: Sequence[Took], what: str) -> list[float]:
    """Return one of the two times of each round."""
    return [getattr(took, what) for took in taken]


RUNS = {
    "power": ("power: each write waits for the disk", measure_power, 1, 5, POWER_GOALS),
    "process": ("process: each write survives a kill", measure_process, 20, 10, PROCESS_GOALS),
    "many": (f"many at once, each with a vector of {DIMENSION}", measure_many, 0.25, BATCH, MANY_GOALS),
}
"""Title, what measures it, rounds by the option `--rounds`, items of a round, goals."""


def rows(times: Times) -> list[Row]:
    """Return the table."""
    ours, table = of(times[OURS], "wall"), list[Row]()
    for name, taken in times.items():
        wall, cpu = of(taken, "wall"), of(taken, "cpu")
        against = "1" if name == OURS else format(ratio(wall, ours), ".3g")
        table.append([name, 1e6 * statistics.median(wall), 1e6 * statistics.fmean(cpu), against])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--rounds",
        type=int,
        default=40,
        help="rounds with power; with process twenty times as many, of many a quarter (default: %(default)s)",
    )
    parser.add_argument(
        "--folder", type=Path, help="on the disk to be measured (default: the system's for temporary files)"
    )
    parser.add_argument("--report", action="store_true", help="add the tables to results/remember.md")
    parser.add_argument(
        "--only", nargs="+", default=list(RUNS), choices=RUNS, help="which of the tables (default: all)"
    )
    given = parser.parse_args(arguments)
    for name in given.only:
        title, measure, share, per_round, goals = RUNS[name]
        n_rounds = max(1, round(share * given.rounds))
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            times = measure(Path(folder), n_rounds=n_rounds, per_round=per_round)
        notes = [note for goal in goals if (note := goal.note(times))]
        notes.append(
            f"{n_rounds} rounds of {per_round}; ratios: median of the rounds and its 95 % interval; the means hold what is rare"
        )
        show(f"remember, {title}", HEADS, rows(times), notes=notes, report="remember" if given.report else None)
        print()


if __name__ == "__main__":
    main()
