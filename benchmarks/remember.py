"""One remember at a time, beside chromadb's single add (power) and LevelDB given the same rows (process).

python -m benchmarks.remember [--rounds 40] [--folder DIR] [--report]
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.page import Row, show
from benchmarks.peers import Peer, chromadb, fts5, leveldb, thoughtengine
from benchmarks.rounds import Took, Turn, ratio, take_turns, timed
from benchmarks.workloads import HASHED, hashed, items

HEADS = ("one at a time", "wall µs, median", "CPU µs, mean", "theirs / ours, wall")
OURS = "thoughtengine"
LIVE = "thoughtengine, index in use"
VECTOR = f"thoughtengine, with a vector of {HASHED}"
LEVEL = "LevelDB, the same rows"
CHROMA = "chromadb"
FTS5 = "SQLite FTS5"

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
        help="rounds with power, a twentieth of those with process (default: %(default)s)",
    )
    parser.add_argument(
        "--folder", type=Path, help="on the disk to be measured (default: the system's for temporary files)"
    )
    parser.add_argument("--report", action="store_true", help="add the tables to results/remember.md")
    given = parser.parse_args(arguments)
    runs = [
        ("power: each write waits for the disk", measure_power, given.rounds, 5, POWER_GOALS),
        ("process: each write survives a kill", measure_process, 20 * given.rounds, 10, PROCESS_GOALS),
    ]
    for title, measure, n_rounds, per_round, goals in runs:
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
