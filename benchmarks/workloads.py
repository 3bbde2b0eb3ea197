"""What is remembered and asked in a benchmark: seeded text of Zipf-distributed words, so nobody's data is needed."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import thoughtengine as te

BEGIN = dt.datetime(2023, 5, 8, 9, tzinfo=dt.UTC)
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

    def experience(self) -> te.Experience:
        """Return it as our own engine takes it."""
        return te.Experience(text=self.text, source=self.source, episode=self.episode, at=self.at)


@cache
def vocabulary(seed: int = 7) -> tuple[str, ...]:
    """Return pronounceable words, the most frequent and shortest first."""
    rng = random.Random(seed)
    syllables = [a + b for a, b in itertools.product("bcdfghklmnprstvw", "aeiou")]
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        found["".join(rng.choices(syllables, k=1 + rng.randint(0, 1 + len(found).bit_length() // 6)))] = None
    return tuple(found)


@cache
def _weights() -> tuple[float, ...]:
    """Return cumulated Zipf weights: the word of rank r occurs in proportion to 1 / (r + OFFSET)."""
    return tuple(itertools.accumulate(1.0 / (rank + OFFSET) for rank in range(1, VOCABULARY + 1)))


def items(n: int, *, seed: int = 1) -> Iterator[Item]:
    """Yield `n` things to remember: 6 to 34 words each, one every 40 seconds, an episode of 20 by two people."""
    rng = random.Random(seed)
    words, weights = vocabulary(), _weights()
    for number in range(n):
        episode, turn = divmod(number, 20)
        text = " ".join(rng.choices(words, cum_weights=weights, k=rng.randint(6, 34)))
        source = PEOPLE[(episode + turn % 2) % len(PEOPLE)]
        yield Item(number, text, source, f"e{episode}", BEGIN + dt.timedelta(seconds=40 * number))


@dataclass(frozen=True, slots=True)
class Question:
    """A cue, and the number of the item it was made from."""

    text: str
    number: int


def questions(asked: list[Item], n: int, *, seed: int = 2) -> list[Question]:
    """Make `n` questions: five different words of one item each, in any order."""
    rng = random.Random(seed)
    made = []
    for item in rng.choices(asked, k=n):
        different = sorted(set(item.text.split()))
        made.append(Question(" ".join(rng.sample(different, min(5, len(different)))), item.number))
    return made
