"""Another encoder is taken over: what is found meanwhile, beside what either encoder finds alone.

python -m benchmarks.recoding [--n 100000] [--texts FILE.jsonl] [--report]

From `wordllama` to the first half of its vectors, by meaning alone and by all channels; needs the extra `semantic`.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

import thoughtengine as te
from benchmarks.page import Row, show
from benchmarks.workloads import Rows, sentences, texts, varied

HEADS = ("hit@10, %", "before", "after", "meanwhile, least", "meanwhile, mean", "looks", "coverage, least", "seconds")
K = 10
BY_MEANING = (  # these are off
    "text", "labels", "associations", "time", "source", "episode", "neighbours", "phrase", "feeling", "strength",
)  # fmt: skip


class Half:
    """The first half of another encoder's vectors."""

    name = "half"

    def __init__(self, whole: te.encoders.TokenEncoder) -> None:
        self._whole = whole
        self.dimension = whole.dimension // 2
        self.fingerprint = f"half of {whole.fingerprint}"

    def __call__(self, texts: Sequence[str]) -> Rows:
        """Return the vectors of texts."""
        return np.ascontiguousarray(self._whole(texts)[:, : self.dimension])


def asked(kept: Sequence[str], n: int, *, seed: int = 3) -> list[tuple[int, str]]:
    """Return cues: the place of a text and half of its words."""
    rng = random.Random(seed)
    long = [place for place, text in enumerate(kept) if len(text.split()) >= 6]
    chosen = rng.sample(long, min(n, len(long)))
    return [(place, " ".join(rng.sample(words := kept[place].split(), len(words) // 2))) for place in chosen]


def hits(mind: te.ThoughtEngine, cues: Sequence[tuple[int, str]]) -> tuple[float, float]:
    """Return hit@10 in percent, and the least coverage."""
    found = [(place, mind.recall(cue, k=K)) for place, cue in cues]
    share = sum(any(hit.id == place + 1 for hit in recall) for place, recall in found) / len(found)
    return 100 * share, min(recall.coverage for _, recall in found)


def take_over(folder: Path, kept: Sequence[str], *, off: tuple[str, ...], n_cues: int) -> Row:
    """Fill a mind with one encoder, open it with another one, and look until that is done."""
    config, old = te.Config(recall=te.RecallConfig(off=off)), te.encoders.wordllama()
    cues = asked(kept, n_cues)
    with te.open(folder, encoder=old, config=config) as mind:
        mind.remember_many(te.Experience(text=text) for text in kept)
        before, _ = hits(mind, cues)
    meanwhile, least, begun = [], 1.0, time.perf_counter()
    with te.open(folder, encoder=Half(old), config=config) as mind:
        done: list[bool] = []
        mind.events.subscribe("progress", lambda event: done.append(event.data["done"] == event.data["total"]))
        while not any(done):
            share, coverage = hits(mind, cues)
            meanwhile.append(share)
            least = min(least, coverage)
        seconds = time.perf_counter() - begun
        after, _ = hits(mind, cues)
    mean = sum(meanwhile) / len(meanwhile)
    return [
        "by meaning" if off else "all channels",
        before,
        after,
        min(meanwhile),
        mean,
        len(meanwhile),
        least,
        seconds,
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--n", type=int, default=100_000, help="memories (default: %(default)s)")
    parser.add_argument("--cues", type=int, default=100, help="asked in each look (default: %(default)s)")
    parser.add_argument(
        "--texts", type=Path, metavar="FILE.jsonl", help="take sentences of its texts (default: invented)"
    )
    parser.add_argument("--report", action="store_true", help="add the table to results/recoding.md")
    given = parser.parse_args(arguments)
    kept = list(islice(varied(sentences(given.texts)), given.n) if given.texts else texts(given.n))
    rows = []
    for off in (BY_MEANING, ()):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(take_over(Path(folder), kept, off=off, n_cues=given.cues))
    notes = [
        f"{given.n:,} memories; cues are half of the words of one of them, in another order",
        "before: by the old encoder; after: by the new one; meanwhile: while memories are encoded, one look after the other",
    ]
    show("another encoder is taken over", HEADS, rows, notes=notes, report="recoding" if given.report else None)


if __name__ == "__main__":
    main()
