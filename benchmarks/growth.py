"""A mind of some size: what is done with it and measured, each in a process of its own (`recall.apart`)."""

from __future__ import annotations

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
from benchmarks.footprint import Resident, index_files, reading, resident
from benchmarks.peers import thoughtengine
from benchmarks.peers.thoughtengine import Mind
from benchmarks.rounds import Interval, Took, Turn, ratio, take_turns, timed
from benchmarks.workloads import Cloud, Item, Rows, dealt, questions, texts

DIMENSION = 256
PIECE = 20_000  # memories whose texts and vectors are made at once, outside the time
K = 10


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
