"""Associations: false ones on shuffled baskets, and how many of the first half hold in the second; a naive test beside.

python -m benchmarks.quality.associations BASKETS.txt [--report]

A line is a basket of item numbers. Baskets are cut to 40 evenly spread items, as the finder does. Shuffled: the same sizes,
items dealt anew. An association of the first half holds when it comes more than 1.5 times as often as chance in the second.
"""

from __future__ import annotations

import argparse
import collections
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import Row, show
from thoughtengine import _jit
from thoughtengine.patterns.associations import Associations
from thoughtengine.patterns.chance import at_least, discoveries

Baskets = list[list[int]]
Pair = tuple[int, int]
HASHES = np.random.default_rng(3).integers(-(2**63), 2**63 - 1, 1 << 17)
NUMBERS = {key: number for number, key in enumerate(HASHES.tolist())}
SUPPORT = 5


def read(path: Path) -> Baskets:
    """Read baskets of distinct items, at most 40 each."""
    lines = (list(dict.fromkeys(map(int, line.split()))) for line in path.read_text().splitlines())
    return [b if len(b) <= 40 else [b[i * len(b) // 40] for i in range(40)] for b in lines if b]


def shuffled(baskets: Baskets, seed: int) -> Baskets:
    """Deal the items of all baskets anew, sizes kept."""
    pool = np.array([item for basket in baskets for item in basket])
    np.random.default_rng(seed).shuffle(pool)
    cuts = np.cumsum([len(basket) for basket in baskets])[:-1]
    return [list(dict.fromkeys(part.tolist())) for part in np.split(pool, cuts)]


def ours(baskets: Baskets) -> set[Pair]:
    """Return what the finder reports, baskets taken in one pass."""
    finder = Associations()
    bounds = np.concatenate([[0], np.cumsum([len(b) for b in baskets])]).astype(np.int64)
    finder.learn(HASHES[[i for b in baskets for i in b]], bounds, np.arange(1, len(baskets) + 1))
    return {_ordered(NUMBERS[a], NUMBERS[b]) for a, b in finder.together().pairs.tolist()}


def _ordered(a: int, b: int) -> Pair:
    return min(a, b), max(a, b)


def counted(baskets: Baskets) -> tuple[collections.Counter[int], collections.Counter[Pair]]:
    """Count items and pairs exactly."""
    items, pairs = collections.Counter[int](), collections.Counter[Pair]()
    for basket in baskets:
        items.update(basket)
        pairs.update(_ordered(a, b) for i, a in enumerate(basket) for b in basket[i + 1 :])
    return items, pairs


def naive(baskets: Baskets) -> set[Pair]:
    """Return what independence of items in baskets would call significant, with the same correction and support."""
    items, pairs = counted(baskets)
    names = [pair for pair, n in pairs.items() if n >= SUPPORT]
    expected = np.array([items[a] * items[b] / len(baskets) for a, b in names])
    q = discoveries(at_least(np.array([pairs[pair] for pair in names]), expected), len(pairs))
    return {names[i] for i in np.flatnonzero(q <= 0.05)}


def mlxtend(baskets: Baskets) -> set[Pair]:
    """Return the pairs of mlxtend's FP-growth with a lift above 1.5, at the same support; no test."""
    import pandas as pd
    from mlxtend.frequent_patterns import fpgrowth
    from mlxtend.preprocessing import TransactionEncoder
    from scipy.sparse import csr_matrix

    often = {item for item, n in collections.Counter(i for b in baskets for i in b).items() if n >= SUPPORT}
    encoder = TransactionEncoder()
    table = encoder.fit([[i for i in b if i in often] for b in baskets]).transform(
        [[i for i in b if i in often] for b in baskets], sparse=True
    )
    frame = pd.DataFrame.sparse.from_spmatrix(csr_matrix(table), columns=[str(c) for c in encoder.columns_])
    found = fpgrowth(frame, min_support=SUPPORT / len(baskets), use_colnames=True, max_len=2)
    support = {
        frozenset(int(i) for i in items): s for items, s in zip(found["itemsets"], found["support"], strict=True)
    }
    return {
        _ordered(*pair)
        for pair, s in support.items()
        if len(pair) == 2 and s > 1.5 * np.prod([support[frozenset([i])] for i in pair])
    }


def held(pairs: set[Pair], later: Baskets) -> float:
    """Return the share of pairs that come more than 1.5 times as often as chance in later baskets."""
    items, together = counted(later)
    sizes = np.array([len(b) for b in later], float)
    rate = (sizes * (sizes - 1)).sum() / sizes.sum() ** 2
    return float(np.mean([together[(a, b)] > 1.5 * items[a] * items[b] * rate for a, b in pairs])) if pairs else np.nan


def rows(baskets: Baskets) -> list[Row]:
    """Return the table."""
    half = len(baskets) // 2
    table: list[Row] = []
    for name, find in (("thoughtengine", ours), ("independence, corrected", naive), ("mlxtend, lift > 1.5", mlxtend)):
        begun = time.perf_counter()
        try:
            first, everything = find(baskets[:half]), len(find(baskets))
        except ImportError:
            table.append([name, *["not installed"] * 5])
            continue
        seconds = (time.perf_counter() - begun) / 1.5
        false = [len(find(shuffled(baskets, seed))) for seed in range(3)]
        told = f"{100 * held(first, baskets[half:]):.1f}"
        table.append([name, everything, len(first), told, max(false), f"{seconds / len(baskets) * 1e6:.0f}"])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--report", action="store_true", help="add the table to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    baskets = read(given.file)
    heads = ("associations", "found", "in the first half", "held, %", "found in shuffled, most of 3", "µs a basket")
    notes = [f"{len(baskets):,} baskets, support {SUPPORT}, q 0.05"]
    show("associations", heads, rows(baskets), notes=notes, report="patterns" if given.report else None)


if __name__ == "__main__":
    main()
