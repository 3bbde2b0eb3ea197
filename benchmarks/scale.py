"""From a thousand memories to a million: remembering, recall, disk, memory, opening, and how exact vectors are found.

python -m benchmarks.scale [--up-to 1000000] [--texts FILE.jsonl] [--folder DIR] [--report]

Everything is measured in processes of its own. With `--folder` the minds are kept: what was remembered there is not
remembered again, and a run that was broken off goes on from where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import yardstick
from benchmarks.footprint import Resident, index_files, on_disk, reading, resident
from benchmarks.page import Row, show
from benchmarks.peers import thoughtengine
from benchmarks.peers.thoughtengine import Mind
from benchmarks.recall import apart
from benchmarks.rounds import Interval, Took, Turn, interval, percentile, ratio, take_turns, timed
from benchmarks.workloads import Cloud, Item, Rows, dealt, questions, texts

HEADS = (
    "memories", "many /s", "recall ms", "p99 ms", "vector ms", "recall / passes", "agreement", "disk bytes each",
    "index bytes each", "anonymous bytes each", "mapped bytes each", "open to first ms", "first / reading",
)  # fmt: skip
SIZES = (1_000, 10_000, 100_000, 1_000_000)
DIMENSION = 256
PIECE = 20_000  # memories whose texts and vectors are made at once, outside the time
ASKED, AGREED, K = 200, 100, 10
STARTS = 3


class Cue(NamedTuple):
    """Words and a vector."""

    text: str
    vector: Rows


@dataclass(frozen=True, slots=True)
class Plan:
    """One size: how many memories, what of, and where."""

    n: int
    texts: Path | None
    folder: Path

    @property
    def mind(self) -> Path:
        """Folder of the mind."""
        return self.folder / f"mind-{self.n}"

    @property
    def progress(self) -> Path:
        """File that tells how far remembering came and how long it took."""
        return self.folder / f"mind-{self.n}.json"

    def items(self) -> list[Item]:
        """Return all there is to remember."""
        return list(dealt(texts(self.n, self.texts)))

    def cues(self, n: int) -> list[Cue]:
        """Return `n` cues: five words of a memory, and its vector with noise."""
        asked = questions(self.items(), n)
        vectors = Cloud(DIMENSION).cues([question.number for question in asked])
        return [Cue(question.text, vector) for question, vector in zip(asked, vectors, strict=True)]


def fill(plan: Plan) -> float:
    """Remember what is not there yet; return memories a second."""
    thoughtengine.warm_up()
    done, seconds = json.loads(plan.progress.read_text()) if plan.progress.exists() else (0, 0.0)
    with contextlib.closing(Mind(plan.mind, power=False)) as keeper:
        cloud, waiting = Cloud(DIMENSION), islice(dealt(texts(plan.n, plan.texts)), len(keeper.mind), None)
        for start in range(len(keeper.mind), plan.n, PIECE):
            piece = list(islice(waiting, PIECE))
            rows = cloud.rows(start, start + len(piece))
            begun = time.perf_counter()
            keeper.add_many(piece, vectors=rows)
            seconds += time.perf_counter() - begun
            done += len(piece)
            plan.progress.write_text(json.dumps([done, seconds]))
    return float(done / seconds)


class Asked(NamedTuple):
    """What a process took that opens, asks and does nothing else."""

    first: float  # seconds from opening to the first answer
    latencies: list[float]  # seconds, of the answers after it
    grown: Resident  # what opening and asking added


def ask(plan: Plan, cues: Sequence[Cue]) -> Asked:
    """Open the mind in this process, which has imported and compiled everything before, and ask."""
    _start()
    before = resident()
    begun = time.perf_counter()
    keeper = Mind(plan.mind, power=False)
    keeper.query(cues[0].text, K, vector=cues[0].vector)
    first = time.perf_counter() - begun
    latencies = [timed(lambda cue=cue: keeper.query(cue.text, K, vector=cue.vector), 1).wall for cue in cues[1:]]
    grown = resident().since(before)
    keeper.close()
    return Asked(first, latencies, grown)


def _start() -> None:
    """Use a mind of one memory, so that everything has been imported and compiled."""
    thoughtengine.warm_up()
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Mind(Path(folder) / "one", power=False)) as keeper:
        keeper.add_many(dealt(["One memory of six words only."]), vectors=Cloud(DIMENSION).rows(0, 1))
        keeper.query("one memory", 1, vector=Cloud(DIMENSION).rows(0, 1)[0])


def start(plan: Plan, cue: Cue) -> tuple[float, float | None]:
    """Return the seconds from opening to the first answer, and those of reading the index files; None where none are."""
    _start()
    files = index_files(plan.mind)
    read = reading(files) if files else None
    begun = time.perf_counter()
    keeper = Mind(plan.mind, power=False)
    keeper.query(cue.text, K, vector=cue.vector)
    first = time.perf_counter() - begun
    keeper.close()
    return first, read


def passes(plan: Plan, cues: Sequence[Cue]) -> tuple[list[float], Interval]:
    """Let recall and the yardstick take turns; return seconds of recall by vector alone, and recall / yardstick."""
    rows = Cloud(DIMENSION).rows(0, plan.n)
    signs = yardstick.codes(rows)
    _start()
    with contextlib.closing(Mind(plan.mind, power=False)) as keeper:

        def turn(answer: Callable[[Cue], object]) -> Turn:
            def work(number: int) -> Took:
                cue = cues[number % len(cues)]
                return timed(lambda: answer(cue), 1)

            return work

        turns = {
            "both": turn(lambda cue: keeper.query(cue.text, K, vector=cue.vector)),
            "vector": turn(lambda cue: keeper.query("", K, vector=cue.vector)),
            "yardstick": turn(lambda cue: yardstick.twice(rows, signs, cue.vector, K)),
        }
        times = take_turns(turns, len(cues), n_warm=5)
    seconds = {name: [took.wall for took in some] for name, some in times.items()}
    return seconds["vector"], ratio(seconds["both"], seconds["yardstick"])


def agree(plan: Plan, cues: Sequence[Cue]) -> float:
    """Return which share of the ten most alike of all vectors recall finds by vector alone, every other channel off."""
    vectors = np.stack([cue.vector for cue in cues])
    wanted = yardstick.exact(Cloud(DIMENSION).rows(0, plan.n), vectors, K)
    with contextlib.closing(Mind(plan.mind, power=False, config=thoughtengine.alone("dense"))) as keeper:
        found = [keeper.query("", K, vector=vector) for vector in vectors]
    return statistics.fmean(len(set(a) & set(b)) / K for a, b in zip(found, wanted.tolist(), strict=True))


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
    rate = apart(fill, plan)
    cues = apart(Plan.cues, plan, ASKED + 1)
    starts = [apart(start, plan, cues[0]) for _ in range(STARTS)]
    asked = apart(ask, plan, cues)
    vector, against = apart(passes, plan, cues[:AGREED])
    agreement = apart(agree, plan, cues[:AGREED])
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
