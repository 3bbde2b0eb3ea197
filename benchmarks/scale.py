"""From a thousand memories to a million: remembering, recall, disk, memory, opening, and how exact vectors are found.

python -m benchmarks.scale [--up-to 1000000] [--texts FILE.jsonl] [--folder DIR] [--report]

Everything is measured in processes of its own. With `--folder` the minds are kept: what was remembered there is not
remembered again, and a run that was broken off goes on from where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import growth, yardstick
from benchmarks.footprint import index_files, on_disk
from benchmarks.growth import DIMENSION, Asked, K, Plan
from benchmarks.page import Row, show
from benchmarks.recall import apart
from benchmarks.rounds import Interval, interval, percentile

HEADS = (
    "memories", "many /s", "recall ms", "p99 ms", "vector ms", "recall / passes", "agreement", "disk bytes each",
    "index bytes each", "anonymous bytes each", "mapped bytes each", "open to first ms", "first / reading",
)  # fmt: skip
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ASKED, AGREED = 200, 100
STARTS = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of one size."""

    n: int
    rate: float
    asked: Asked
    vector: list[float]  # seconds
    against: Interval  # recall / yardstick
    agreement: float
    n_bytes: int
    n_index_bytes: int
    starts: list[tuple[float, float | None]]

    @property
    def opening(self) -> Interval | None:
        """Seconds to the first answer / those of reading the index files."""
        ratios = [first / read for first, read in self.starts if read]
        return interval(ratios) if ratios else None

    def row(self) -> Row:
        """Return the row of the table."""
        return [
            self.n,
            round(self.rate),
            1e3 * statistics.median(self.asked.latencies),
            1e3 * percentile(self.asked.latencies, 0.99),
            1e3 * statistics.median(self.vector),
            format(self.against, ".3g"),
            self.agreement,
            round(self.n_bytes / self.n),
            round(self.n_index_bytes / self.n) if self.n_index_bytes else "-",
            round(self.asked.grown.anonymous / self.n),
            round(self.asked.grown.of_files / self.n),
            1e3 * statistics.median(first for first, _ in self.starts),
            "-" if self.opening is None else format(self.opening, ".3g"),
        ]

    def judged(self) -> list[str]:
        """Say how the figures stand to the goals."""
        grown = sum(self.asked.grown) / self.n
        checked = [
            ("agreement with the exact ten", f"{self.agreement:.3f}", "at least 0.99", self.agreement >= 0.99),
            ("recall / passes", f"{self.against:.3g}", "at most 3", self.against.median <= 3.0),
            ("resident bytes a memory", f"{grown:.0f}", "at most 450", grown <= 450.0),
        ]
        if self.opening is not None:
            checked.append(("first / reading", f"{self.opening:.3g}", "at most 1.5", self.opening.median <= 1.5))
        return [
            f"{self.n:,}, {what}: {told}, goal {goal}: {'reached' if kept else 'missed'}"
            for what, told, goal, kept in checked
        ]


def measure(plan: Plan) -> Measured:
    """Fill and measure one size, each figure in a process of its own."""
    rate = apart(growth.fill, plan)
    cues = apart(Plan.cues, plan, ASKED + 1)
    starts = [apart(growth.start, plan, cues[0]) for _ in range(STARTS)]
    asked = apart(growth.ask, plan, cues)
    vector, against = apart(growth.passes, plan, cues[:AGREED])
    agreement = apart(growth.agree, plan, cues[:AGREED])
    n_index_bytes = sum(path.stat().st_size for path in index_files(plan.mind))
    return Measured(plan.n, rate, asked, vector, against, agreement, on_disk(plan.mind), n_index_bytes, starts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--up-to", type=int, default=SIZES[-1], help="memories of the largest mind (default: %(default)s)"
    )
    parser.add_argument(
        "--texts", type=Path, metavar="FILE.jsonl", help="take sentences of its texts (default: invented)"
    )
    parser.add_argument("--folder", type=Path, help="where the minds are kept for another run (default: nowhere)")
    parser.add_argument("--report", action="store_true", help="add the table to results/scale.md")
    given = parser.parse_args(arguments)
    sizes = [n for n in SIZES if n < given.up_to] + [given.up_to]
    measured = []
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for n in sizes:
            measured.append(measure(Plan(n, given.texts, folder)))
            print(*measured[-1].judged(), sep="\n", flush=True)
    notes = [
        *measured[-1].judged(),
        f"{ASKED} cues of five words and a vector of {DIMENSION}, k = {K}; vector: the same without the words, every channel on",
        f"passes: one over the signs of all vectors, and the best {yardstick.LOOKED_AT_AGAIN} looked at again, compiled, in turn",
        "agreement: of the ten most alike by brute force in float32, with every channel but dense switched off",
        "anonymous, mapped: what opening and asking added to a process that had imported and compiled everything",
        "first / reading: to the first answer / to read the files of the index once, both from the cache of the system",
    ]
    show(
        "from a thousand to a million",
        HEADS,
        [m.row() for m in measured],
        notes=notes,
        report="scale" if given.report else None,
    )


if __name__ == "__main__":
    main()
