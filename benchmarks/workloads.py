"""What is remembered and asked in a benchmark: seeded text of Zipf-distributed words, so nobody's data is needed.

Whoever has a text at hand may bring it (`sentences`); vectors are always made up (`Cloud`).
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import thoughtengine as te
from thoughtengine.memory.index.analysis import FUNCTION_WORDS

Rows = NDArray[np.float32]

BEGIN = dt.datetime(2023, 5, 8, 9, tzinfo=dt.UTC)
EVERY = dt.timedelta(seconds=40)
PEOPLE = ("Dana", "Bob", "Eve", "Carlos", "Mina", "Yusuf", "Ines", "Tom")
VOCABULARY = 30_000
OFFSET = 2.7  # Mandelbrot's shift: without it a single word would be a tenth of all text


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to remember, in plain values that every peer can take."""

    number: int
    text: str
    source: str
    episode: str
    at: dt.datetime
    tags: tuple[str, ...] = ()

    def experience(self, vector: Rows | None = None) -> te.Experience:
        """Return it as our own engine takes it."""
        return te.Experience(
            text=self.text, source=self.source, episode=self.episode, at=self.at, tags=self.tags, vector=vector
        )


@cache
def vocabulary(seed: int = 7) -> tuple[str, ...]:
    """Return the small words of English, so that texts are taken for English, then pronounceable ones, the shortest first."""
    rng = random.Random(seed)
    syllables = [a + b for a, b in itertools.product("bcdfghklmnprstvw", "aeiou")]
    found: dict[str, None] = dict.fromkeys(filter(str.isascii, sorted(FUNCTION_WORDS)))
    while len(found) < VOCABULARY:
        found["".join(rng.choices(syllables, k=2 + rng.randint(0, 1 + len(found).bit_length() // 6)))] = None
    return tuple(found)


@cache
def _weights() -> tuple[float, ...]:
    """Return cumulated Zipf weights: the word of rank r occurs in proportion to 1 / (r + OFFSET)."""
    return tuple(itertools.accumulate(1.0 / (rank + OFFSET) for rank in range(1, VOCABULARY + 1)))


def items(n: int, *, seed: int = 1) -> Iterator[Item]:
    """Yield `n` things to remember: 6 to 34 words each, one every 40 seconds, an episode of 20 by two people."""
    rng = random.Random(seed)
    words, weights = vocabulary(), _weights()
    return dealt(" ".join(rng.choices(words, cum_weights=weights, k=rng.randint(6, 34))) for _ in range(n))


def dealt(texts: Iterable[str], *, n_topics: int = 0) -> Iterator[Item]:
    """Yield an item for each text: one every 40 seconds, an episode of 20 by two people, each with one of `n_topics` tags."""
    rng = random.Random(4)
    for number, text in enumerate(texts):
        episode, turn = divmod(number, 20)
        source = PEOPLE[(episode + turn % 2) % len(PEOPLE)]
        tags = (f"topic {rng.randrange(n_topics)}",) if n_topics else ()
        yield Item(number, text, source, f"e{episode}", BEGIN + EVERY * number, tags)


def texts(n: int, path: Path | None = None) -> Iterator[str]:
    """Yield `n` texts: invented ones, or the sentences of a file."""
    if path is None:
        return (item.text for item in items(n))
    return itertools.islice(varied(sentences(path)), n)


def sentences(path: Path) -> list[str]:
    """Return the different sentences of a file of JSON objects, one a line, each with a `text`.

    Those of fewer than four words go with the next one, so that changing three words makes another sentence.
    """
    found: dict[str, None] = {}
    with path.open(encoding="utf-8") as lines:
        for line in filter(str.strip, lines):
            held = ""
            for sentence in re.split(r"(?<=[.!?])[”\"’)]*\s+", json.loads(line)["text"]):
                held = f"{held} {sentence}".strip()
                if len(held.split()) >= 4:
                    found[held] = None
                    held = ""
    return list(found)


def varied(kept: Sequence[str], *, seed: int = 6) -> Iterator[str]:
    """Yield texts for ever: as they are, then again and again with three words of each replaced by others of them."""
    yield from kept
    rng = random.Random(seed)
    words = [word for text in kept for word in text.split()]
    while True:
        for text in kept:
            changed = text.split()
            for place in rng.sample(range(len(changed)), 3):
                changed[place] = rng.choice(words)
            yield " ".join(changed)


HASHED = 64
"""Numbers in a vector of hashed words: models have 384 and more, so this one is kind to who must store it."""


def hashed(text: str) -> Rows:
    """Return a vector of hashed words, shape (HASHED,): cheap and reproducible; what it finds means little."""
    vector = np.zeros(HASHED, np.float32)
    for word in text.lower().split():
        vector[_place(word)] += 1.0
    return vector


@cache
def _place(word: str) -> int:
    return zlib.crc32(word.encode()) % HASHED


class Cloud:
    """Made-up vectors that lie in clusters, as those of texts do; any part of them can be made without the rest.

    Parameters
    ----------
    dimension : int
        Numbers in a vector.
    n_clusters : int
        Centres, drawn evenly from the sphere.
    seed : int
        Equal seeds give equal vectors.

    Notes
    -----
    Vector i is its centre, drawn at random, plus normal noise as long as the centre itself (in the mean), brought to
    length 1: two of one cluster have a cosine of about 0.5, two of different ones of about 0 ± 0.06 at 256 numbers. A cue is
    the vector of one item plus noise of half its length, brought to length 1: their cosine is about 0.9.
    """

    BLOCK = 4096

    def __init__(self, dimension: int = 256, *, n_clusters: int = 1_000, seed: int = 5) -> None:
        self.dimension, self._seed = dimension, seed
        self._centres = _unit(np.random.default_rng([seed, 0]).standard_normal((n_clusters, dimension), np.float32))

    def rows(self, start: int, stop: int) -> Rows:
        """Return vectors `start` to `stop`: float32, shape (stop - start, dimension), each of length 1."""
        first, last = start // self.BLOCK, -(-stop // self.BLOCK)
        blocks = [self._block(number) for number in range(first, last)]
        joined = np.concatenate(blocks) if blocks else np.empty((0, self.dimension), np.float32)
        return joined[start - first * self.BLOCK : stop - first * self.BLOCK]

    def cues(self, numbers: Sequence[int], *, noise: float = 0.5) -> Rows:
        """Return a cue for each of some items: float32, shape (len(numbers), dimension), each of length 1."""
        asked = np.concatenate([self.rows(number, number + 1) for number in numbers])
        rng = np.random.default_rng([self._seed, 2])
        return _unit(asked + rng.standard_normal(asked.shape, np.float32) * (noise / self.dimension**0.5))

    def _block(self, number: int) -> Rows:
        rng = np.random.default_rng([self._seed, 1, number])
        centres = self._centres[rng.integers(0, len(self._centres), self.BLOCK)]
        return _unit(centres + rng.standard_normal(centres.shape, np.float32) / self.dimension**0.5)


def _unit(rows: Rows) -> Rows:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class Question:
    """A cue, and the number of the item it was made from."""

    text: str
    number: int


def questions(asked: Sequence[Item], n: int, *, seed: int = 2) -> list[Question]:
    """Make `n` questions: five different words of one item each, in any order."""
    rng = random.Random(seed)
    made = []
    for item in rng.choices(asked, k=n):
        different = sorted(set(item.text.split()))
        made.append(Question(" ".join(rng.sample(different, min(5, len(different)))), item.number))
    return made
