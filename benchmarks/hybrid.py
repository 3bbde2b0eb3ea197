"""Words and meaning in one question, with reasons: beside pairs of libraries that answer one after the other, and databases.

python -m benchmarks.hybrid [--n 50000] [--dimension 256] [--texts FILE.jsonl] [--rounds 200] [--report]

Cues are five words of a memory, and its vector with noise (`workloads.Cloud`). The filters let the memory itself and
one in twenty others through.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import peers
from benchmarks.page import Row, show
from benchmarks.peers import Among, bm25s, chromadb, hnswlib, lancedb, tantivy, thoughtengine, usearch
from benchmarks.rounds import Interval, Took, Turn, percentile, ratio, take_turns, timed
from benchmarks.workloads import EVERY, Cloud, Item, Question, Rows, dealt, questions, texts

HEADS = ("who", "ms, median", "ms, p99", "CPU ms", "found", "theirs / ours", "the same, CPU")
OURS = "thoughtengine"
PAIR, FAST_PAIR = "bm25s + usearch", "bm25s (numba) + usearch"
DEEP_PAIR = "bm25s + usearch, 100 of each"
OTHER_PAIR = "tantivy + hnswlib"
LANCE, CHROMA = "lancedb, hybrid", "chromadb, dense"
K, DEEP = 10, 100
TOPICS = 20
PER_ROUND = 3  # cues that each contestant answers in a row, of which the middle one counts: the first finds cold caches


class Cue(NamedTuple):
    """Words and vector, which items may be found, and the number of the one that it was made of."""

    text: str
    vector: Rows
    among: Among | None
    number: int


Ask = Callable[[Cue], Sequence[int]]
Filter = Callable[[Item], Among | None]


@dataclass(frozen=True, slots=True)
class Store:
    """What is remembered, and what is asked."""

    items: Sequence[Item]
    vectors: Rows
    asked: Sequence[Question]
    cues: Rows

    def cue(self, place: int, admits: Filter) -> Cue:
        """Return the cue at a place, with a filter that lets its memory through."""
        question = self.asked[place]
        return Cue(question.text, self.cues[place], admits(self.items[question.number]), question.number)


class Goal(NamedTuple):
    """How often as long as ours another's answer has to take, at least."""

    other: str
    bound: float


GOALS = {"all": (Goal(PAIR, 1.0), Goal(FAST_PAIR, 1.0), Goal(LANCE, 50.0)), "filtered": (Goal(CHROMA, 80.0),)}


def make(n: int, dimension: int, path: Path | None, n_asked: int) -> Store:
    """Make `n` memories with vectors and `n_asked` cues."""
    cloud, kept = Cloud(dimension), list(dealt(texts(n, path), n_topics=TOPICS))
    asked = questions(kept, n_asked)
    return Store(kept, cloud.rows(0, n), asked, cloud.cues([question.number for question in asked]))


@contextlib.contextmanager
def keepers(store: Store, folder: Path) -> Iterator[tuple[dict[str, peers.Searcher], dict[str, float]]]:
    """Fill those that are installed and keep words, or vectors, or both; yield them, and the seconds that it took."""
    seconds: dict[str, float] = {}
    with contextlib.ExitStack() as stack:

        def filled(name: str, module: peers.Peer, *, vectors: bool = True, **options: str) -> peers.Searcher:
            keeper = module.open(folder / name, **options)
            stack.callback(keeper.close)
            fill = partial(keeper.add_many, store.items, **({"vectors": store.vectors} if vectors else {}))
            seconds[name] = timed(fill, 1).wall
            return keeper  # type: ignore[return-value]

        made = {"thoughtengine": filled("thoughtengine", thoughtengine)}
        if bm25s.available():
            made |= {f"bm25s-{b}": filled(f"bm25s-{b}", bm25s, vectors=False, backend=b) for b in bm25s.BACKENDS}
        for name, module, vectors in (
            ("usearch", usearch, True),
            ("tantivy", tantivy, False),
            ("hnswlib", hnswlib, True),
            ("lancedb", lancedb, True),
            ("chromadb", chromadb, True),
        ):
            if module.available():
                made[name] = filled(name, module, vectors=vectors)
        yield made, seconds


def pair(words: peers.Searcher, meaning: peers.Searcher, k: int) -> Ask:
    """Return what asks two libraries one after the other; what they found is put together at no cost: theirs to ours."""

    def ask(cue: Cue) -> list[int]:
        return [*words.query(cue.text, k), *meaning.query("", k, vector=cue.vector)]

    return ask


def contestants(made: Mapping[str, peers.Searcher], *, filtered: bool) -> dict[str, Ask]:
    """Return who can answer, those that cannot filter only without a filter."""
    compared: dict[str, Ask] = {}
    for title, name in ((OURS, "thoughtengine"), (LANCE, "lancedb"), (CHROMA, "chromadb")):
        if name in made:
            compared[title] = partial(_single, made[name])
    if filtered:
        return compared
    for title, words, meaning, k in (
        (PAIR, "bm25s-numpy", "usearch", K),
        (FAST_PAIR, "bm25s-numba", "usearch", K),
        (DEEP_PAIR, "bm25s-numpy", "usearch", DEEP),
        (OTHER_PAIR, "tantivy", "hnswlib", K),
    ):
        if words in made and meaning in made:
            compared[title] = pair(made[words], made[meaning], k)
    return compared


def _single(keeper: peers.Searcher, cue: Cue) -> list[int]:
    return keeper.query(cue.text, K, vector=cue.vector, among=cue.among)


class Timed:
    """What asks a contestant its share of the cues in each round."""

    def __init__(self, ask: Ask, store: Store, admits: Filter, n_warm: int) -> None:
        self._ask, self._store, self._admits, self._n_warm = ask, store, admits, n_warm
        self.found = self.n_asked = 0

    def __call__(self, number: int) -> Took:
        """Return the middle one of the times of `PER_ROUND` answers."""
        took = []
        for place in range(number * PER_ROUND, (number + 1) * PER_ROUND):
            cue = self._store.cue(place, self._admits)
            answer: list[Sequence[int]] = []
            took.append(timed(lambda: answer.append(self._ask(cue)), 1, computed=time.process_time))  # noqa: B023
            if number >= self._n_warm:
                self.n_asked += 1
                self.found += cue.number in answer[0]
        return statistics.median_low(took)

    @property
    def share(self) -> float:
        """Share of the memories that cues were made of which were found."""
        return self.found / (self.n_asked or 1)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a table is made of: what was taken by round and the share found, by contestant."""

    took: Mapping[str, Sequence[Took]]
    found: Mapping[str, float]

    def of(self, name: str, what: str) -> list[float]:
        """Return the seconds of a contestant by "wall" or by "cpu"."""
        return [getattr(took, what) for took in self.took[name]]

    def against_ours(self, name: str, what: str = "wall") -> Interval:
        """Return how many times as long as ours the answers of another take."""
        return ratio(self.of(name, what), self.of(OURS, what))

    def rows(self) -> list[Row]:
        """Return the table."""
        return [
            [
                name,
                1e3 * statistics.median(self.of(name, "wall")),
                1e3 * percentile(self.of(name, "wall"), 0.99),
                1e3 * statistics.median(self.of(name, "cpu")),
                self.found[name],
                *("1" if name == OURS else format(self.against_ours(name, what), ".3g") for what in ("wall", "cpu")),
            ]
            for name in self.took
        ]

    def judged(self, goals: Sequence[Goal]) -> list[str]:
        """Say how the ratios stand to the goals."""
        notes = []
        for goal in goals:
            if goal.other in self.took:
                found = self.against_ours(goal.other)
                reached = "reached" if found.median >= goal.bound else "missed"
                notes.append(f"{goal.other} / ours: {found:.3g}, goal at least {goal.bound:g}: {reached}")
        return notes


def measure(compared: Mapping[str, Ask], store: Store, admits: Filter, *, n_rounds: int, n_warm: int) -> Measured:
    """Let everybody answer in turn."""
    turns = {name: Timed(ask, store, admits, n_warm) for name, ask in compared.items()}
    times = take_turns(dict[str, Turn](turns), n_rounds, n_warm=n_warm)
    return Measured(times, {name: turn.share for name, turn in turns.items()})


def filters(n: int) -> dict[str, Filter]:
    """Return the filters: none; the memory's tag, which one in twenty has; and the twentieth of the time that it lies in."""
    length = max(1, n // TOPICS)

    def stretch(item: Item) -> Among:
        first = item.at - EVERY * (item.number % length)
        return Among(since=first, until=first + EVERY * length)

    return {
        "no filter": lambda _: None,
        "a tag of one in twenty": lambda item: Among(tag=item.tags[0]),
        "a twentieth of the time": stretch,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=50_000, help="memories (default: %(default)s)")
    parser.add_argument("--dimension", type=int, default=256, help="numbers in a vector (default: %(default)s)")
    parser.add_argument(
        "--texts", type=Path, metavar="FILE.jsonl", help="take sentences of its texts (default: invented)"
    )
    parser.add_argument("--rounds", type=int, default=200, help="rounds that count (default: %(default)s)")
    parser.add_argument("--warm", type=int, default=20, help="rounds before that do not (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the stores are made (default: the system's)")
    parser.add_argument("--report", action="store_true", help="add the tables to results/hybrid.md")
    given = parser.parse_args(arguments)
    store = make(given.n, given.dimension, given.texts, PER_ROUND * (given.rounds + given.warm))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, keepers(store, Path(folder)) as (made, seconds):
        filling = ", ".join(f"{name} {took:.3g} s" for name, took in seconds.items() if not name.startswith("bm25s"))
        for title, admits in filters(given.n).items():
            filtered = admits(store.items[0]) is not None
            compared = contestants(made, filtered=filtered)
            measured = measure(compared, store, admits, n_rounds=given.rounds, n_warm=given.warm)
            notes = [
                *measured.judged(GOALS["filtered" if filtered else "all"]),
                f"{given.n:,} memories with vectors of {given.dimension}; {given.rounds} rounds of {PER_ROUND} cues, k = {K}",
                f"all given at once, one after the other: {filling}",
                "found, a control: share of the cues whose memory was among the answers",
            ]
            show(
                f"hybrid recall, {title}",
                HEADS,
                measured.rows(),
                notes=notes,
                report="hybrid" if given.report else None,
            )
            print()


if __name__ == "__main__":
    main()
