"""Novelty: utterances out of scope told from those in scope; false alarms; a change of regime noticed.

python -m benchmarks.quality.novelty INTENTS.json [--report]

Learned: "train", in random order. Asked: "test" and "oos_test". AUROC of the novelty of the latter. Vectors are wordllama's.
Order: tags one after the other, a share of them at random; after 600, all are others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import Row, show
from benchmarks.quality.concepts import encoder
from thoughtengine import _jit
from thoughtengine._types import FloatArray, SingleArray
from thoughtengine.patterns.concepts import Concepts
from thoughtengine.patterns.finders import Finders, Observed
from thoughtengine.patterns.novelty import Novelty


def auroc(inside: FloatArray, outside: FloatArray) -> float:
    """Return the chance that a score from outside is above one from inside, ties half."""
    both = np.concatenate([inside, outside])
    _, places, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    n, m = len(inside), len(outside)
    return float((ranks[n:].sum() - m * (m + 1) / 2) / (n * m))


def nearest(known: SingleArray, asked: SingleArray, k: int) -> FloatArray:
    """Return one minus the mean cosine to the k nearest of all that is known, centred."""
    middle = known.mean(0)
    known, asked = known - middle, asked - middle
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    return 1.0 - np.sort(asked @ known.T, axis=1)[:, -k:].mean(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--report", action="store_true", help="add the table to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    found, encode = json.loads(given.file.read_text(encoding="utf-8")), encoder()
    train, test, oos = (encode([text for text, _ in found[name]]) for name in ("train", "test", "oos_test"))
    train = train[np.random.default_rng(0).permutation(len(train))]
    finder = Concepts(train.shape[1])
    _, likeness = finder.learn(train, np.arange(1, len(train) + 1))
    inside, outside = (1.0 - finder.likeness(vectors)[1] for vectors in (test, oos))
    n = int(finder.tables["counters"][1])
    table: list[Row] = [[f"thoughtengine, {n} clusters, one pass: AUROC", f"{auroc(inside, outside):.4f}"]]
    for k in (1, 10):
        told = auroc(nearest(train, test, k), nearest(train, oos, k))
        table.append([f"{k} nearest of all {len(train):,} kept: AUROC", f"{told:.4f}"])
    table += alarms(likeness, finder, test, oos)
    table += [order(share) for share in (0.1, 0.3, 0.6)]
    notes = [f"{len(train):,} learned, {len(test):,} in scope and {len(oos):,} out of scope asked"]
    show("novelty", ("what", "value"), table, notes=notes, report="patterns" if given.report else None)


def alarms(likeness: FloatArray, finder: Concepts, test: SingleArray, oos: SingleArray) -> list[Row]:
    """Return how often the known is called novel at a stated rate, and after how many a change is noticed."""
    random = np.random.default_rng(1)
    meter = Novelty(low=0.0, high=2.0)
    scores = 1.0 - finder.likeness(test)[1]
    chances, _ = meter.learn(random.choice(scores, 4000))
    table: list[Row] = [
        [f"in scope called novel at p < {p}, %", f"{100 * (chances[1000:] < p).mean():.2f}"] for p in (0.01, 0.05)
    ]
    _, changes = meter.learn(random.choice(1.0 - finder.likeness(oos)[1], 500))
    table.append(["utterances out of scope until the change is noticed", changes[0] + 1 if changes else "never"])
    n, false = 200_000, 0
    quiet = Novelty(low=0.0, high=2.0)
    for _ in range(4):
        false += len(quiet.learn(random.choice(scores, n // 4))[1])
    table.append([f"changes noticed in {n:,} without one", false])
    return table


def order(share: float) -> Row:
    """Return how often a swap of all tags is noticed, and how often one is told in a cycle that goes on."""
    noticed = after = false = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        before, other = ([f"{name}{i}" for i in range(10)] for name in "ab")
        turns = turns_of([*cycle(random, 600, before, share), *cycle(random, 300, other, share)])
        in_time = [turn - 600 for turn in turns if 600 < turn <= 700]
        noticed, after = noticed + bool(in_time), after + sum(in_time[:1])
        false += len(turns_of(cycle(random, 5000, before, share)))
    told = f"{noticed} of 20, after {after / max(noticed, 1):.0f}; {false} in 100,000 without one"
    return [f"cycle of 10 tags, {share:.0%} at random: swap of all noticed", told]


def cycle(random: np.random.Generator, n: int, tags: list[str], share: float) -> list[str]:
    """Return tags one after the other, a share of them at random."""
    return [tags[random.integers(len(tags)) if random.uniform() < share else i % len(tags)] for i in range(n)]


def turns_of(tags: list[str]) -> list[int]:
    """Return at which experiences, an hour apart, the order of tags is said to change."""
    observed = [Observed(i + 1, i * 3_600_000_000, 0, (tag,), "home") for i, tag in enumerate(tags)]
    return [turn.id for turn in Finders().observe(observed) if turn.of == "order"]


if __name__ == "__main__":
    main()
