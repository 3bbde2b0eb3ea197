"""Speed of the pattern finders: experiences a second through all of them, the share of each, and growth.

python -m benchmarks.patterns [--most N] [--report]

An experience: a sentence of ten words with a name in it, two tags out of 200 (Zipf), one of 50 sources, an episode of 20, a
vector of 256 around one of 500 topics. Batches of 256, as a mind takes them in. Nothing is stored here. Processor time of one
core: other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.page import Row, show
from thoughtengine import _jit
from thoughtengine._types import SingleArray
from thoughtengine.patterns.finders import Finders, Observed, _flat, entities, thread_of

D, TOPICS, BATCH = 256, 500, 256
HOUR = 3_600_000_000
WORDS = [
    f"{a}{b}" for a in ("mo", "ti", "ra", "lu", "ke", "so", "na", "vi") for b in ("ler", "nus", "dal", "rim", "ste")
]
NAMES = [word.capitalize() for word in WORDS]


def stream(n: int, *, seed: int = 0) -> Iterator[list[Observed]]:
    """Yield n experiences in batches."""
    random = np.random.default_rng(seed)
    topics = random.normal(size=(TOPICS, D)).astype(np.float32)
    for start in range(0, n, BATCH):
        size = min(BATCH, n - start)
        tags = np.minimum(random.zipf(1.4, (size, 2)), 200)
        vectors = topics[random.integers(0, TOPICS, size)] + random.normal(size=(size, D)).astype(np.float32)
        yield [_experience(start + i + 1, tags[i].tolist(), vectors[i]) for i in range(size)]


def _experience(id_: int, tags: list[int], vector: SingleArray) -> Observed:
    words = [WORDS[(id_ * step) % len(WORDS)] for step in range(1, 10)]
    text = f"{' '.join(words)} with {NAMES[id_ * 7 % len(NAMES)]}."
    labels = tuple(dict.fromkeys(f"tag {tag}" for tag in tags))
    return Observed(id_, id_ * HOUR // 7, 0, labels, f"source {id_ % 50}", f"episode {id_ // 20}", text, vector)


def growth(sizes: Sequence[int]) -> list[Row]:
    """Return microseconds an experience over the last tenth before each size, and the bytes of all tables in use."""
    finders, rows, spent, marks = Finders(), list[Row](), 0.0, {size: size * 9 // 10 for size in sizes}
    begun = dict[int, tuple[int, float]]()
    done = 0
    for batch in stream(max(sizes)):
        for size, mark in marks.items():
            if done + len(batch) >= mark:
                begun.setdefault(size, (done, spent))
        started = time.process_time()
        finders.observe(batch)
        spent += time.process_time() - started
        done += len(batch)
        for size in sizes:
            if done >= size and size not in {row[0] for row in rows}:
                last = (spent - begun[size][1]) / (done - begun[size][0])
                tables = finders.tables()
                held = sum(values.nbytes for values in tables.values())
                used = sum(int(np.count_nonzero(values)) * values.itemsize for values in tables.values())
                rows.append([size, f"{1e6 * last:.0f}", f"{1 / last:,.0f}", f"{used / 1e6:.1f}", f"{held / 1e6:.1f}"])
    return rows


def shares(n: int) -> list[Row]:
    """Return microseconds an experience in each part."""
    finders, spent = Finders(), dict[str, float]()

    def timed(name: str, call: object, *arguments: object) -> object:
        started = time.process_time()
        result = call(*arguments)  # type: ignore[operator]
        spent[name] = spent.get(name, 0.0) + time.process_time() - started
        return result

    for batch in stream(n):
        timed("names in texts", lambda b=batch: [entities(one.text or "") for one in b])
        _, chosen = timed("concepts and novelty", finders._gather, batch)
        items = timed("items and their hashes", lambda b=batch, c=chosen: [finders._items(one, c[one.id]) for one in b])
        flat, bounds = _flat(items)
        ids, moments = np.array([one.id for one in batch]), np.array([one.at for one in batch])
        timed("associations", finders.associations.learn, flat, bounds, ids)
        timed("rhythms", finders.rhythms.learn, flat, bounds, moments, ids)
        flat, bounds = _flat([mine[: len(one.tags)] for one, mine in zip(batch, items, strict=True)])
        threads = np.array([thread_of(one.episode, one.source) for one in batch])
        bits, often = timed("sequences, calibration", finders.sequences.learn, flat, bounds, threads, moments, ids)
        timed("surprise, changes", finders._surprised, bits, often, bounds, ids)
    spent["items and their hashes"] -= spent["names in texts"]
    total = sum(spent.values())
    return [[name, f"{1e6 * value / n:.1f}", f"{100 * value / total:.0f}"] for name, value in spent.items()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--most", type=int, default=1_000_000, help="experiences (default 1,000,000)")
    parser.add_argument("--report", action="store_true", help="add the tables to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    report = "patterns" if given.report else None
    show("finders: shares", ("part", "µs an experience", "%"), shares(20_000), report=report)
    sizes = [n for n in (10_000, 100_000, 1_000_000) if n <= given.most] or [given.most]
    heads = ("experiences", "µs each, the last tenth", "a second", "MB in use", "MB at most")
    show("finders: growth", heads, growth(sizes), report=report)


if __name__ == "__main__":
    main()
