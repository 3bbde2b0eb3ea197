"""How well a running feeling tells the next one: squared error of the next valence, by how fast the past fades.

python -m benchmarks.quality.feeling FILE.csv [--report]

The file is that of EmoBank (id, split, V, A, D, text): sentences rated by readers; the number in an id is the place in its
document, so a document is a run of feelings. Valence is scaled to [-1, 1]. Each sentence from the second on is told from
those before it, test then train; documents of fewer than five sentences are left out.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import Row, show
from thoughtengine._types import FloatArray
from thoughtengine.memory.recall.feeling import HALF_LIFE

HEADS = ("told by", "squared error", "95 % of the difference to ours")
HALF_LIVES = (1.0, 2.0, 4.0, HALF_LIFE, 12.0, 16.0, 32.0, 1e9)
SHORTEST = 5


def read(path: Path) -> list[FloatArray]:
    """Return the valences of each document, in order."""
    documents: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            document, _, rest = row["id"].rpartition("_")[0].rpartition("_")
            if document and rest.isdecimal():
                documents[document].append((int(rest), (float(row["V"]) - 3.0) / 2.0))
    return [np.array([v for _, v in sorted(rows)]) for rows in documents.values() if len(rows) >= SHORTEST]


def errors(documents: Sequence[FloatArray], half_life: float) -> list[FloatArray]:
    """Return by document the squared errors of a mean that fades with this half-life; 0: the last value."""
    return [_errors(valence, half_life) for valence in documents]


def _errors(valence: FloatArray, half_life: float) -> FloatArray:
    if half_life == 0.0:
        return np.diff(valence) ** 2
    keep, top, bottom, told = 0.5 ** (1.0 / half_life), 0.0, 0.0, []
    for value in valence[:-1]:
        top, bottom = keep * top + value, keep * bottom + 1.0
        told.append(top / bottom)
    made: FloatArray = (np.array(told) - valence[1:]) ** 2
    return made


def difference(
    mine: Sequence[FloatArray], other: Sequence[FloatArray], *, n: int = 2000, seed: int = 1
) -> tuple[float, float]:
    """Return the 95 % interval of how much larger the other's error is, by drawing documents anew."""
    rng = np.random.default_rng(seed)
    more = np.array([(b - a).sum() for a, b in zip(mine, other, strict=True)])
    sizes = np.array([len(part) for part in mine])
    drawn = rng.integers(0, len(more), (n, len(more)))
    low, high = np.quantile(more[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def rows(documents: Sequence[FloatArray]) -> list[Row]:
    """Return the table: ours, other half-lives, the plain mean, the last value."""
    ours, table = errors(documents, HALF_LIFE), list[Row]()
    names = {half_life: f"half-life of {half_life:g}" for half_life in HALF_LIVES} | {1e9: "mean", 0.0: "last value"}
    for half_life, name in names.items():
        made = errors(documents, half_life)
        low, high = difference(ours, made)
        apart = "-" if half_life == HALF_LIFE else f"{low:+.5f} to {high:+.5f}"
        table.append([name, f"{np.concatenate(made).mean():.5f}", apart])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path, metavar="FILE.csv")
    parser.add_argument("--report", action="store_true", help="add the table to results/feeling.md")
    given = parser.parse_args(arguments)
    documents = read(given.file)
    notes = [
        f"{len(documents)} documents, {sum(map(len, documents)):,} sentences; ours is the half-life of {HALF_LIFE:g}",
    ]
    show("the next valence", HEADS, rows(documents), notes=notes, report="feeling" if given.report else None)


if __name__ == "__main__":
    main()
