"""Concepts: headlines of many stories in one pass, the number of stories unknown, beside peers that know it or do not.

python -m benchmarks.quality.concepts NEWS.jsonl [INTENTS.json] [--report]

News: a headline a line, "textCleaned" and "clusterNo", in stream order. Intents: utterances and intents under "train".
Vectors are wordllama's. One set of defaults. NMI and ARI against the given stories.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.page import Row, show
from thoughtengine import _jit
from thoughtengine._types import IntArray, SingleArray
from thoughtengine.patterns.concepts import Concepts, group

Encode = Callable[[list[str]], SingleArray]


def encoder() -> Encode:
    """Return wordllama's plain view, from its installed files."""
    import wordllama

    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    return lambda texts: unit(np.asarray(model.embed(texts), np.float32))


def unit(vectors: SingleArray) -> SingleArray:
    """Return vectors of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def hashed(texts: list[str], dimension: int = 256) -> SingleArray:
    """Return sums of random directions of stems, the rarer the longer: what there is without an encoder."""
    from thoughtengine.memory.index.analysis import TERMS, fold_text, words

    terms = [list({TERMS[word] for word in words(fold_text(text))}) for text in texts]
    seen: dict[int, int] = {}
    for one in terms:
        for term in one:
            seen[term] = seen.get(term, 0) + 1
    directions = {
        t: np.random.default_rng(t).normal(size=dimension) * np.log(1 + len(texts) / n) for t, n in seen.items()
    }
    return unit(np.array([sum((directions[t] for t in one), np.zeros(dimension)) for one in terms], np.float32))


def read(path: Path) -> tuple[list[str], IntArray]:
    """Read texts and the number of the story of each."""
    if path.suffix == ".jsonl":
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [row["textCleaned"] for row in found], np.array([row["clusterNo"] for row in found])
    pairs = json.loads(path.read_text(encoding="utf-8"))["train"]
    order = np.random.default_rng(0).permutation(len(pairs))
    intents = {name: number for number, name in enumerate(sorted({intent for _, intent in pairs}))}
    return [pairs[i][0] for i in order], np.array([intents[pairs[i][1]] for i in order])


def ours(vectors: SingleArray, *, merged: bool) -> IntArray:
    """Return the concept of each, as told when it came, merged at the end or not."""
    finder = Concepts(vectors.shape[1])
    chosen, _ = finder.learn(vectors, np.arange(1, len(vectors) + 1))
    if not merged:
        return chosen
    found = group(*finder.snapshot())
    concept = dict(zip(found.ids.tolist(), found.concepts.tolist(), strict=True))
    return np.array([concept.get(one, one) for one in chosen.tolist()])


def kmeans(vectors: SingleArray, n: int) -> IntArray:
    """Return the clusters of scikit-learn's k-means, which sees everything and is told the number."""
    from sklearn.cluster import KMeans

    return KMeans(n, n_init=1, random_state=0).fit_predict(vectors)


def river(name: str, vectors: SingleArray, limit: int) -> IntArray:
    """Return the clusters of river's DBSTREAM or DenStream on the first `limit` vectors, told when everything was learned."""
    from river import cluster

    if name == "DBSTREAM":
        model = cluster.DBSTREAM(clustering_threshold=0.9, fading_factor=0.0001, cleanup_interval=1000)
    else:
        model = cluster.DenStream(decaying_factor=0.0001, beta=0.5, mu=2.5, epsilon=0.9, n_samples_init=100)
    rows = [dict(enumerate(vector.tolist())) for vector in vectors[:limit]]
    for row in rows:
        model.learn_one(row)
    return np.array([model.predict_one(row) for row in rows])


def rows(vectors: SingleArray, stories: IntArray, others: dict[str, SingleArray], limit: int) -> list[Row]:
    """Return the table."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    n = len(np.unique(stories))
    contestants: dict[str, Callable[[], IntArray]] = {
        "thoughtengine, one pass": lambda: ours(vectors, merged=False),
        "thoughtengine, one pass and merge": lambda: ours(vectors, merged=True),
        **{f"- the same, {name}": (lambda v=v: ours(v, merged=True)) for name, v in others.items()},
        f"k-means told there are {n}": lambda: kmeans(vectors, n),
        f"river DBSTREAM, first {limit:,}": lambda: river("DBSTREAM", vectors, limit),
        f"river DenStream, first {limit:,}": lambda: river("DenStream", vectors, limit),
        f"thoughtengine, first {limit:,}": lambda: ours(vectors[:limit], merged=True),
    }
    table: list[Row] = []
    for name, find in contestants.items():
        begun = time.perf_counter()
        try:
            found = find()
        except ImportError:
            table.append([name, *["not installed"] * 4])
            continue
        seconds, true = time.perf_counter() - begun, stories[: len(found)]
        scores = normalized_mutual_info_score(true, found), adjusted_rand_score(true, found)
        told = [f"{score:.3f}" for score in scores]
        table.append([name, *told, len(np.unique(found)), f"{seconds / len(found) * 1e6:.0f}"])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=2000, help="texts that the slow peers get (default 2,000)")
    parser.add_argument("--report", action="store_true", help="add the table to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    encode = encoder()
    for path in given.files:
        texts, stories = read(path)
        vectors = encode(texts)
        table = rows(vectors, stories, {"hashed stems instead of vectors": hashed(texts)}, given.limit)
        notes = [f"{path.name}: {len(texts):,} texts, {len(np.unique(stories))} stories"]
        heads = ("concepts", "NMI", "ARI", "found", "µs a text")
        show("concepts", heads, table, notes=notes, report="patterns" if given.report else None)


if __name__ == "__main__":
    main()
