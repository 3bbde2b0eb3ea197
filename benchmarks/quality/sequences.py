"""Sequences: the next item of click sessions, the next activity of processes and when, a day in a flat; peers beside.

python -m benchmarks.quality.sequences FOLDER [--report]

FOLDER holds fifa.txt (a session a line), bms.txt (session and item a line), helpdesk.csv and bpi_13_incidents.csv (case,
activity, time), OrdonezA_ADLs.txt (start, end, activity). Clicks: 3,000 and 5,000 sessions of at least three items, the first
ones and five times a random choice, five folds, the last item of each from those before. "Asked": of the sessions that teach,
too, the last item is asked for before it is learned, and told whether it came, as a host does who asks for last clicks; what is
easier or harder about them shows in the probabilities then. Processes: the last third of the cases from the others, every
place from the second on. The flat: test, then train. Accuracy and mean reciprocal rank with ties ranked in the middle;
calibration error: of the first candidate's probability, in ten bins, weighted; its floor: what it would be of as many
predictions that are exactly as probable as they say, by chance alone.
"""

from __future__ import annotations

import argparse
import collections
import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import Row, show
from thoughtengine import _jit
from thoughtengine.patterns.kernels.sequences import DEPTH
from thoughtengine.patterns.sequences import Next, Sequences

HASHES = np.random.default_rng(7).integers(-(2**63), 2**63 - 1, 1 << 18)
THREADS = 1 << 17
DRAWS = 5
EPOCH = dt.datetime(1970, 1, 1)
Sessions = list[list[int]]
Told = tuple[float, float, float]  # accuracy, reciprocal rank, probability of the first


def clicks(path: Path) -> Sessions:
    """Read the sessions of at least three items."""
    lines = path.read_text().splitlines()
    if path.stem == "bms":
        found: dict[str, list[str]] = {}
        for line in lines:
            session, name = line.split()
            found.setdefault(session, []).append(name)
        sessions = list(found.values())
    else:
        sessions = [line.split() for line in lines]
    numbers: dict[str, int] = {}
    return [[numbers.setdefault(name, len(numbers)) for name in session] for session in sessions if len(session) >= 3]


def drawn(sessions: Sessions, n: int, seed: int) -> Sessions:
    """Choose n sessions at random."""
    return [sessions[i] for i in np.random.default_rng(seed).permutation(len(sessions))[:n]]


def scored(items: Sequence[int], chances: np.ndarray, true: int, rest: float) -> Told:
    """Score a distribution over items; what is not among them has the chance `rest`."""
    at = list(items).index(true) if true in items else -1
    chance = chances[at] if at >= 0 else rest
    better = int((chances > chance + 1e-15).sum())
    ties = max(int((np.abs(chances - chance) <= 1e-15).sum()), 1)
    rank = better + (ties + 1) / 2
    return (
        (1.0 / ties if better == 0 and at >= 0 else 0.0),
        (1.0 / rank if at >= 0 else 0.0),
        float(chances.max(initial=0.0)),
    )


class Ours:
    """The finder, fed with sessions or one by one."""

    def __init__(self, *, asked: bool = False) -> None:
        self.finder, self._n, self._asked = Sequences(), 0, asked

    def fit(self, sessions: Sessions) -> Ours:
        for number, session in enumerate(sessions):
            self.learn(session[:-1], number, [0] * (len(session) - 1))
            if self._asked and len((found := self.expect(session[:-1])).symbols):
                came = bool(found.symbols[0] == HASHES[session[-1]])
                self.finder.told(self.recent(session[:-1]), float(found.probabilities[0]), came)
            self.learn(session[-1:], number, [0])
        return self

    def learn(self, session: Sequence[int], thread: int, moments: Sequence[int]) -> None:
        n = len(session)
        threads, ids = np.full(n, HASHES[THREADS + thread]), np.arange(self._n + 1, self._n + n + 1)
        self.finder.learn(HASHES[list(session)], np.arange(n + 1), threads, np.array(moments, np.int64), ids)
        self._n += n

    def recent(self, prefix: Sequence[int]) -> np.ndarray:
        history = np.zeros(DEPTH, np.int64)
        recent = list(prefix)[::-1][:DEPTH]
        history[: len(recent)] = HASHES[recent]
        return history

    def expect(self, prefix: Sequence[int], moment: int = 0) -> Next:
        return self.finder.next(self.recent(prefix), moment)

    def score(self, prefix: Sequence[int], true: int) -> Told:
        found = self.expect(prefix)
        return scored(found.symbols.tolist(), found.probabilities, HASHES[true], 0.0)


def _counters() -> collections.defaultdict[tuple[int, ...], collections.Counter[int]]:
    return collections.defaultdict(collections.Counter)


class KneserNey:
    """Interpolated Kneser-Ney of order n, discount 0.75."""

    def __init__(self, order: int) -> None:
        self._order = order
        self._tables = [
            collections.defaultdict[tuple[int, ...], collections.Counter[int]](collections.Counter)
            for _ in range(order)
        ]

    def fit(self, sessions: Sessions) -> KneserNey:
        seen = set[tuple[int, ...]]()
        for session in sessions:
            for i, item in enumerate(session):
                for k in range(min(i, self._order - 1) + 1):
                    context = tuple(session[i - k : i])
                    wider = tuple(session[i - k - 1 : i + 1]) if i > k else (-1, *context, item)
                    if k == self._order - 1 or wider not in seen:
                        seen.add(wider)
                        self._tables[k][context][item] += 1
        self._n = len({item for session in sessions for item in session}) + 1
        return self

    def score(self, prefix: Sequence[int], true: int) -> Told:
        chances, rest = dict[int, float](), 1.0 / self._n
        for k in range(min(len(prefix), self._order - 1) + 1):
            counts = self._tables[k].get(tuple(prefix[len(prefix) - k :]))
            if not counts:
                break
            n = sum(counts.values())
            open_ = 0.75 * len(counts) / n
            chances = {
                item: max(counts[item] - 0.75, 0.0) / n + open_ * chances.get(item, rest)
                for item in chances.keys() | counts.keys()
            }
            rest *= open_
        return scored(list(chances), np.array(list(chances.values())), true, rest)


class Tree:
    """The package cpt: a compact prediction tree; it tells one item and no chance."""

    def fit(self, sessions: Sessions) -> Tree:
        from cpt.cpt import Cpt

        self._model = Cpt()
        self._model.fit(sessions)
        return self

    def score(self, prefix: Sequence[int], true: int) -> Told:
        right = self._model.predict([list(prefix)])[0] == true
        return float(right), float("nan"), float("nan")


def error(told: Sequence[Told]) -> float:
    """Return the calibration error in points."""
    right, said = np.array([t[0] for t in told]), np.array([t[2] for t in told])
    bins = np.minimum((said * 10).astype(int), 9)
    return 100 * sum(
        (bins == b).mean() * abs(right[bins == b].mean() - said[bins == b].mean())
        for b in range(10)
        if (bins == b).any()
    )


def floor(told: Sequence[Told], times: int = 50) -> float:
    """Return the calibration error that probabilities as they should be would have of so few predictions."""
    random, said = np.random.default_rng(0), np.array([t[2] for t in told])
    drawn_ = [(random.random(len(said)) < said).astype(float) for _ in range(times)]
    return float(np.mean([error([(r, 0.0, p) for r, p in zip(right, said, strict=True)]) for right in drawn_]))


def row(name: str, told: Sequence[Told]) -> list[object]:
    """Return accuracy, reciprocal rank, calibration error and its floor as cells."""
    right, ranks = np.mean([t[0] for t in told]), np.mean([t[1] for t in told])
    sure = not np.isnan(told[0][2])
    cells = [f"{100 * right:.1f}", f"{100 * ranks:.1f}", f"{error(told):.1f}" if sure else "-"]
    return [name, *("-" if cell == "nan" else cell for cell in cells), f"{floor(told):.1f}" if sure else "-"]


def folds(name: str, sessions: Sessions, *, peers: bool = True, slow: bool = True) -> Iterator[Row]:
    """Yield the rows of one set of clicks."""
    makers = {
        "thoughtengine": Ours,
        "thoughtengine, asked": lambda: Ours(asked=True),
        "Kneser-Ney 3": lambda: KneserNey(3),
        "Kneser-Ney 5": lambda: KneserNey(5),
        **({"cpt": Tree} if slow else {}),
    }
    makers = makers if peers else {who: make for who, make in makers.items() if who.startswith("thoughtengine")}
    for who, make in makers.items():
        told = list[Told]()
        try:
            for fold in range(5):
                model = make().fit([s for i, s in enumerate(sessions) if i % 5 != fold])
                told += [model.score(s[:-1], s[-1]) for i, s in enumerate(sessions) if i % 5 == fold]
        except ImportError:
            yield [f"{name}: {who}", "not installed", "-", "-", "-", "-"]
            continue
        yield [*row(f"{name}: {who}", told), "-"]


def averaged(name: str, sessions: Sessions, n: int, *, peers: bool) -> Iterator[Row]:
    """Yield the rows of random choices of sessions: the means."""
    found: dict[str, list[Row]] = {}
    for seed in range(DRAWS):
        for one in folds("", drawn(sessions, n, seed), peers=peers, slow=False):
            found.setdefault(str(one[0]), []).append(one)
    for who, rows in found.items():
        columns = ([float(one[i]) for one in rows if one[i] != "-"] for i in range(1, 5))
        yield [f"{name}{who}", *(f"{np.mean(column):.1f}" if column else "-" for column in columns), "-"]


def process(path: Path) -> Row:
    """Return the row of a process log: next activity, and the error of the time to it in days."""
    cases: dict[str, list[tuple[int, int]]] = {}
    with path.open(newline="") as file:
        for line in csv.DictReader(file):
            at = dt.datetime.fromisoformat(line["CompleteTimestamp"]) - EPOCH
            cases.setdefault(line["CaseID"], []).append((int(line["ActivityID"]), at // dt.timedelta(microseconds=1)))
    found, model = list(cases.values()), Ours()
    cut = 2 * round(len(found) / 3)
    for number, case in enumerate(found[:cut]):
        model.learn([activity for activity, _ in case], number, [at for _, at in case])
    told, late = list[Told](), list[float]()
    for case in found[cut:]:
        for k in range(2, len(case)):
            prefix = [activity for activity, _ in case[:k]]
            expected = model.expect(prefix, case[k - 1][1])
            told.append(scored(expected.symbols.tolist(), expected.probabilities, HASHES[case[k][0]], 0.0))
            lag = model.finder.median_lag(int(HASHES[prefix[-1]])) or 0.0
            late.append(abs((case[k][1] - case[k - 1][1]) / 1e6 - lag) / 86_400)
    return [*row(f"{path.stem}: thoughtengine", told), f"{np.mean(late):.2f}"]


def stream(name: str, sessions: Sessions, most: int = 3000) -> Row:
    """Return the row of sessions taken as they come, the last ones told item by item before each is learned."""
    model, told = Ours().fit(sessions[: len(sessions) * 4 // 5]), list[Told]()
    for number, session in enumerate(sessions[len(sessions) * 4 // 5 :], len(sessions)):
        told += [model.score(session[:k], session[k]) for k in range(1, len(session)) if len(told) < most]
        model.learn(session, number, [0] * len(session))
    return [*row(f"{name}, every item, test then train: thoughtengine", told[:most]), "-"]


def flat(path: Path) -> Row:
    """Return the row of a flat: each activity told before it is learned."""
    model, told, prefix = Ours(), list[Told](), list[int]()
    names: dict[str, int] = {}
    last = 0
    for line in path.read_text().splitlines()[2:]:
        parts = [part.strip() for part in line.split("\t") if part.strip()]
        if len(parts) < 3:
            continue
        at = (dt.datetime.fromisoformat(parts[0]) - EPOCH) // dt.timedelta(microseconds=1)
        activity = names.setdefault(parts[2], len(names))
        if prefix:
            expected = model.expect(prefix, last)
            told.append(scored(expected.symbols.tolist(), expected.probabilities, HASHES[activity], 0.0))
        model.learn([activity], 0, [at])
        prefix, last = [*prefix, activity], at
    return [*row("flat, test then train: thoughtengine", told), "-"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ours-only", action="store_true", help="leave the peers out")
    parser.add_argument("--report", action="store_true", help="add the table to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    table: list[Row] = [flat(given.folder / "OrdonezA_ADLs.txt")]
    table += [process(given.folder / name) for name in ("helpdesk.csv", "bpi_13_incidents.csv")]
    for name, n in (("fifa", 3000), ("bms", 5000)):
        sessions = clicks(given.folder / f"{name}.txt")
        table.append(stream(name, sessions[:n]))
        table += folds(name, sessions[:n], peers=not given.ours_only)
        table += averaged(f"{name}, {DRAWS} random choices", sessions, n, peers=not given.ours_only)
    heads = ("what comes next", "accuracy", "MRR", "calibration error", "floor", "lag error, days")
    show("sequences", heads, table, report="patterns" if given.report else None)


if __name__ == "__main__":
    main()
