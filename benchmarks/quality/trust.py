"""Trust: does it tell which patterns of a diary will be seen again?

python -m benchmarks.quality.trust DIARY.jsonl [--report]

At the end of each year but the first and last, what comes together so far is ranked by trust and by simpler measures; a pair
counts as seen again when the same two come together in the year that follows. AUROC: the chance that one that is seen again
stands above one that is not. Without vectors.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import thoughtengine as te
from benchmarks.page import Row, show
from benchmarks.quality.diary import sentences
from benchmarks.quality.novelty import auroc
from thoughtengine import _jit
from thoughtengine.patterns.finders import entities

MEASURES = ("trust", "- without silence", "how often", "lift, lower bound", "clarity (q-value)", "how lately")


def named(one: te.Experience) -> frozenset[str]:
    """Return what a sentence brings together."""
    return frozenset((*entities(one.text or ""), *one.tags))


def measured(found: Sequence[te.Association], mind: te.ThoughtEngine) -> np.ndarray:
    """Return the measures of each pair, a row each."""
    now = next(mind.memories(newest_first=True)).at
    rows = [
        (
            one.trust,
            (one.n - one.expected) / np.sqrt(one.n + one.expected),
            one.n,
            one.lift,
            -one.q_value,
            (mind[one.evidence[0]].at - now).total_seconds(),
        )
        for one in found
    ]
    return np.array(rows, np.float64)


def years(told: Sequence[te.Experience]) -> list[Row]:
    """Return the table."""
    by_year = collections.defaultdict[int, list[te.Experience]](list)
    for one in told:
        by_year[one.at.year].append(one)  # type: ignore[union-attr]
    order = sorted(by_year)
    values, again = list[np.ndarray](), list[bool]()
    with tempfile.TemporaryDirectory() as folder, te.open(Path(folder) / "diary") as mind:
        for year, following in itertools.pairwise(order):
            mind.remember_many(by_year[year])
            if year == order[0]:
                continue
            later = [named(one) for one in by_year[following]]
            found = mind.patterns.associations()
            values.append(measured(found, mind))
            again += [any(both.issuperset(one.items) for both in later) for one in found]
    table, seen = np.concatenate(values), np.array(again)
    aurocs = [auroc(table[~seen, column], table[seen, column]) for column in range(len(MEASURES))]
    return [[name, f"{value:.3f}"] for name, value in zip(MEASURES, aurocs, strict=True)] + [
        ["pairs, seen again", f"{len(seen):,}, {100 * seen.mean():.0f} %"]
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--report", action="store_true", help="add the table to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    rows = years(list(sentences(given.file)))
    show(
        "trust: seen again in the next year", ("ranked by", "AUROC"), rows, report="patterns" if given.report else None
    )


if __name__ == "__main__":
    main()
