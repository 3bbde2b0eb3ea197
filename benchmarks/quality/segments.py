"""Segments: boundaries in documents glued together, the penalty chosen on one half and measured on the other.

python -m benchmarks.quality.segments FILE.ref [FILE.ref ...] [--report]

A file holds one sentence a line, lines of ``=`` at the joints. Vectors are wordllama's. Pk: how often two places half a
segment apart are wrongly said to be in one segment, or in two; lower is better.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import Row, show
from benchmarks.quality.concepts import encoder
from thoughtengine import _jit
from thoughtengine._types import IntArray, SingleArray
from thoughtengine.patterns.episodes import PENALTY, topics

Document = tuple[SingleArray, list[int]]
PENALTIES = (0.8, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8)


def read(path: Path, encode: Callable[[list[str]], SingleArray]) -> Document:
    """Return the vectors of a document and the lengths of its segments."""
    parts = re.split(r"^=+$", path.read_text(encoding="utf-8", errors="replace"), flags=re.MULTILINE)
    segments = [[line for line in part.splitlines() if line.strip()] for part in parts]
    segments = [segment for segment in segments if segment]
    return encode([line for segment in segments for line in segment]), [len(segment) for segment in segments]


def pk(begins: IntArray, lengths: list[int]) -> float:
    """Return Pk of the places where segments are said to begin."""
    n = sum(lengths)
    true, said = np.repeat(np.arange(len(lengths)), lengths), np.zeros(n, int)
    said[begins] = 1
    said = np.cumsum(said)
    k = max(2, round(n / len(lengths) / 2))
    return float(np.mean((true[:-k] == true[k:]) != (said[:-k] == said[k:])))


def depth(vectors: SingleArray, width: int = 4) -> IntArray:
    """Return boundaries by depth of the valleys in likeness, as TextTiling does, over vectors."""
    n = len(vectors)
    block = [vectors[max(0, i - width) : i].sum(0) for i in range(1, n)]
    after = [vectors[i : i + width].sum(0) for i in range(1, n)]
    likeness = np.array(
        [a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9) for a, b in zip(block, after, strict=True)]
    )
    depths = [likeness[: i + 1].max() + likeness[i:].max() - 2 * likeness[i] for i in range(n - 1)]
    local = [i for i in range(1, n - 2) if likeness[i] <= likeness[i - 1] and likeness[i] <= likeness[i + 1]]
    cut = np.mean(depths) + 0.5 * np.std(depths)
    return np.array([i + 1 for i in local if depths[i] > cut], np.int64)


def mean(documents: Sequence[Document], find: Callable[[SingleArray], IntArray]) -> float:
    """Return the mean Pk in percent."""
    return 100 * statistics.fmean(pk(find(vectors), lengths) for vectors, lengths in documents)


def rows(documents: Sequence[Document]) -> list[Row]:
    """Return the table."""
    even, odd = documents[::2], documents[1::2]
    table: list[Row] = []
    for name, chosen_on, measured_on in (("even, then odd", even, odd), ("odd, then even", odd, even)):
        best = min(PENALTIES, key=lambda penalty: mean(chosen_on, lambda v, p=penalty: topics(v, penalty=p)))
        told = f"{mean(measured_on, lambda v, p=best: topics(v, penalty=p)):.1f}"
        table.append([f"penalty chosen on {name}: {best}", told])
    table.append([f"default penalty {PENALTY}, all", f"{mean(documents, topics):.1f}"])
    table.append(["depth of valleys (TextTiling over vectors), all", f"{mean(documents, depth):.1f}"])
    table.append(["every ten sentences, all", f"{mean(documents, lambda v: np.arange(10, len(v), 10)):.1f}"])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.ref")
    parser.add_argument("--report", action="store_true", help="add the table to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    encode = encoder()
    documents = [read(path, encode) for path in sorted(given.files)]
    notes = [f"{len(documents)} documents"]
    show("segments", ("boundaries", "Pk, %"), rows(documents), notes=notes, report="patterns" if given.report else None)


if __name__ == "__main__":
    main()
