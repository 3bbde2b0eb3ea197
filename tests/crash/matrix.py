"""Kill a child at every file operation of every workload, take what a power loss takes, reopen, and judge.

Without arguments: every point of every workload, in some minutes. `--points 20`: at most 20 of each row, by chance.
`--workload remember --at 17 --mode torn --keep`: that one point, and what is left of it, for a look.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import recorder
from tests.crash.point import PROMISES, Point, Result, Row, measure, try_point, warm_up
from tests.crash.power_loss import Mode
from tests.crash.recorder import RecorderError
from tests.crash.workloads import WORKLOADS, Durability

FAULT = "fault"  # workloads with a seeded fault, which the matrix must catch
INDENT = "\n  "
LISTED = 40  # violations in a Markdown report
WHOLE = 3  # violations that are printed with everything that is known


@dataclass(slots=True)
class Tally:
    """All results of a run."""

    n_operations: dict[str, int] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def violations(self) -> list[Result]:
        """Give the results that may not be."""
        return [result for result in self.results if result.violations]

    def rows(self) -> Iterator[tuple[Row, Counter[str]]]:
        """Yield each row with its outcomes, counted."""
        rows = dict.fromkeys(result.point.row for result in self.results)
        for row in rows:
            mine = [result for result in self.results if result.point.row == row]
            yield row, Counter("violated" if result.violations else result.outcome for result in mine)


# ---- the run ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """Which crash points of a row: every so many, at most so many by chance, or only one.

    And the seed of chance, whether the recovery crashes too, and how often each is tried: LevelDB's thread comes in
    between at other moments each time.
    """

    every: int = 1
    points: int | None = None
    at: int | None = None
    seed: int = 0
    twice: bool = False
    times: int = 1


def choose(row: Row, operations: Sequence[str], choice: Choice) -> list[Point]:
    """Choose the crash points of a row: all, with the one after the last operation, or a sample.

    A half write needs a write, so the modes that tear have points at writes only.
    """
    numbers: list[int] = [*range(1, len(operations) + 2)]
    if Mode.parse(row.mode).tears:
        numbers = [n for n in numbers[:-1] if operations[n - 1] == "write"]
    if choice.at is not None:
        return [Point(row, choice.at, choice.seed, choice.twice)] * choice.times
    numbers = numbers[:: choice.every]
    if choice.points is not None and choice.points < len(numbers):
        numbers = sorted(random.Random(f"{choice.seed} {row}").sample(numbers, choice.points))
    return [Point(row, n, choice.seed + n, choice.twice) for n in numbers for _ in range(choice.times)]


@contextmanager
def workers(base: Path, n: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes that have the recorder in them, asleep, and can fork at no cost."""
    before = dict(os.environ)
    os.environ.update(recorder.preloading(), OPENBLAS_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(n, mp_context=context, initializer=warm_up, initargs=(base,)) as pool:
            yield pool
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(
    rows: Sequence[Row],
    choice: Choice,
    *,
    keep: bool = False,
    n_workers: int = 2,
    base: Path | None = None,
    loud: bool = False,
) -> Tally:
    """Run rows of the matrix.

    Parameters
    ----------
    rows
        Workloads with mode and durability.
    choice
        Which of their points.
    keep
        Keep the folders, for a look.
    n_workers
        Processes.
    base
        Folder in which everything is done; None: one in memory where there is one, else the temporary one.
    loud
        Print progress and violations to standard error.
    """
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="crash-", dir=base or in_memory()))
    try:
        with workers(folder, n_workers) as pool:
            kinds = list(dict.fromkeys((row.workload, row.durability) for row in rows))
            measured = list(pool.map(measure, [folder] * len(kinds), kinds))
            operations = dict(zip(kinds, measured, strict=True))
            chosen = [each for row in rows for each in choose(row, operations[row.workload, row.durability], choice)]
            tally = Tally({f"{name} ({how})": len(done) for (name, how), done in operations.items()})
            for result in pool.map(try_point, [folder] * len(chosen), chosen, [keep] * len(chosen), chunksize=4):
                tally.results.append(result)
                if loud:
                    tell(tally, len(chosen), begun)
    finally:
        if not keep:
            shutil.rmtree(folder)
    tally.seconds = time.monotonic() - begun
    return tally


def in_memory() -> Path | None:
    """Find a file system in memory: what is durable is the model's to say, so there is no need to wait for a disk."""
    place = Path("/dev/shm")
    return place if place.is_dir() and os.access(place, os.W_OK) else None


def tell(tally: Tally, total: int, begun: float) -> None:
    """Print the last result if it is a violation, and the line of progress."""
    result, n, terminal = tally.results[-1], len(tally.results), sys.stderr.isatty()
    if result.violations:
        whole = len(tally.violations) <= WHOLE or total == 1
        told = result.violations if whole else [result.violations[0].splitlines()[0]]
        print(f"VIOLATED {result.point}\n  {result.operation}\n  {INDENT.join(told)}", file=sys.stderr)
    if terminal or n % 500 == 0 or n == total:
        left = (time.monotonic() - begun) / n * (total - n)
        line = f"{n}/{total} points, {len(tally.violations)} violated, {result.point.row.workload}, {left:.0f} s to go"
        print(f"{line:<78}", end="\r" if terminal and n < total else "\n", file=sys.stderr, flush=True)


# ---- reporting -------------------------------------------------------------------------------------------------------


def as_markdown(tally: Tally) -> str:
    """Give the table of a run."""
    head = ["workload", "mode", "durability", "points", "violated", "found"]
    table = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row, outcomes in tally.rows():
        n_violated = outcomes.pop("violated", 0)
        found = ", ".join(f"{outcome}: {n}" for outcome, n in sorted(outcomes.items()))
        cells = [row.workload, row.mode, row.durability, str(outcomes.total() + n_violated), str(n_violated), found]
        table.append(f"| {' | '.join(cells)} |")
    n, bad = len(tally.results), len(tally.violations)
    table += ["", f"{n} crash points, {bad} violated, {tally.seconds:.0f} s."]
    table += [f"- `{result.point}`: {result.violations[0].splitlines()[0]}" for result in tally.violations[:LISTED]]
    if bad > LISTED:
        table.append(f"- … and {bad - LISTED} more")
    return "\n".join(table) + "\n"


def as_json(tally: Tally) -> str:
    """Give everything that is known of a run."""
    return json.dumps(dataclasses.asdict(tally), indent=1) + "\n"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.matrix", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--workload", action="append", choices=sorted(WORKLOADS), help="only this one (repeatable)")
    parser.add_argument("--mode", action="append", help="only this one: kill, torn, dirs, subset+dirs, … (repeatable)")
    parser.add_argument("--durability", choices=["process", "power"], help="instead of what each mode is judged by")
    parser.add_argument("--at", type=int, help="only the crash at this operation")
    parser.add_argument("--every", type=int, default=1, help="every so many points")
    parser.add_argument("--points", type=int, help="at most so many points of each row, by chance")
    parser.add_argument("--seed", type=int, default=0, help="of the sample, and of what subset spares")
    parser.add_argument("--twice", action="store_true", help="crash the opening after the crash too, at some operation")
    parser.add_argument(
        "--times", type=int, default=1, help="try each point so often (LevelDB has a thread of its own)"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--scratch", type=Path, help="folder to work in (default: /dev/shm, else the temporary one)")
    parser.add_argument("--keep", action="store_true", help="keep the folders")
    parser.add_argument("--report", type=Path, help="write the result here: .json for all of it, else Markdown")
    return parser.parse_args(arguments)


def rows_for(
    workloads: Sequence[str] | None = None, modes: Sequence[str] | None = None, durability: Durability | None = None
) -> list[Row]:
    """Give the rows asked for; without a mode, those of `PROMISES`."""
    names = workloads or [name for name in WORKLOADS if not name.startswith(FAULT)]
    promised = [(mode, how) for mode, how in PROMISES if durability in (None, how)]
    if modes is not None:
        wanted = [str(Mode.parse(mode)) for mode in modes]
        promised = [
            (mode, how)
            for mode in wanted
            for how in ([durability] if durability else [d for m, d in PROMISES if m == mode] or ["power"])
        ]
    return [Row(name, mode, how) for name in names for mode, how in promised]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 if anything was violated, 2 if it cannot be run."""
    asked = parse(arguments)
    try:
        rows = rows_for(asked.workload, asked.mode, asked.durability)
        choice = Choice(asked.every, asked.points, asked.at, asked.seed, asked.twice, asked.times)
        tally = run(rows, choice, keep=asked.keep, n_workers=asked.workers, base=asked.scratch, loud=True)
    except (RecorderError, BrokenExecutor, ValueError) as error:
        print(f"the matrix cannot be run: {error}", file=sys.stderr)
        return 2
    print(as_markdown(tally), end="")
    if asked.report:
        asked.report.write_text(as_json(tally) if asked.report.suffix == ".json" else as_markdown(tally))
    return 1 if tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
