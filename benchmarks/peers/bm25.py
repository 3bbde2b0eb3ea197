"""The floor: a file of JSON lines and Okapi BM25 over it, in plain Python."""

from __future__ import annotations

import builtins
import collections
import heapq
import json
import math
import os
import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.workloads import Item

K1, B = 1.2, 0.75


def available() -> str | None:
    """Return its name: it is always there."""
    return "plain BM25"


def words(text: str) -> list[str]:
    """Return the words of a text without case; no stems."""
    return re.findall(r"\w+", text.lower())


class Lines:
    """A file of JSON lines; subclasses index what it holds."""

    def __init__(self, folder: Path, *, power: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._power = power
        self._file = builtins.open(folder / "items.jsonl", "a+", encoding="utf-8")  # noqa: SIM115
        self._file.seek(0)
        for line in self._file:
            self._take(**json.loads(line))

    def _take(self, number: int, text: str, **meta: object) -> None:
        """Take note of one item."""
        raise NotImplementedError

    def add_one(self, item: Item) -> None:
        self._write(item)
        self._file.flush()
        if self._power:
            os.fsync(self._file.fileno())

    def add_many(self, items: Iterable[Item]) -> None:
        for item in items:
            self._write(item)
        self._file.flush()

    def _write(self, item: Item) -> None:
        row = {"number": item.number, "text": item.text, "source": item.source, "at": item.at.timestamp()}
        self._file.write(json.dumps(row) + "\n")
        self._take(item.number, item.text)

    def close(self) -> None:
        self._file.close()


class Texts(Lines):
    """All texts in a list, for indexes that are made of all of them at once: made anew by the first query after a change."""

    def __init__(self, folder: Path, *, power: bool) -> None:
        self._numbers: list[int] = []
        self._texts: list[str] = []
        self._fresh = False
        super().__init__(folder, power=power)

    def _take(self, number: int, text: str, **meta: object) -> None:
        self._numbers.append(number)
        self._texts.append(text)
        self._fresh = False

    def _index(self) -> None:
        """Make the index of all texts."""
        raise NotImplementedError

    def fresh(self) -> None:
        """See to it that the index holds everything."""
        if not self._fresh:
            self._index()
            self._fresh = True


class Postings(Lines):
    """Postings in a dict; the whole file is read and indexed whenever it is opened."""

    def __init__(self, folder: Path, *, power: bool = False) -> None:
        self._postings: dict[str, list[tuple[int, int]]] = {}
        self._lengths: dict[int, int] = {}
        self._total = 0
        super().__init__(folder, power=power)

    def _take(self, number: int, text: str, **meta: object) -> None:
        found = words(text)
        self._lengths[number] = len(found)
        self._total += len(found)
        for word, count in collections.Counter(found).items():
            self._postings.setdefault(word, []).append((number, count))

    def query(self, text: str, k: int) -> list[int]:
        """Return the best; of equal ones the older first."""
        lengths, n = self._lengths, len(self._lengths)
        average = self._total / max(1, n)
        scores: dict[int, float] = collections.defaultdict(float)
        for word in set(words(text)):
            rows = self._postings.get(word, ())
            weight = math.log1p((n - len(rows) + 0.5) / (len(rows) + 0.5))
            for number, count in rows:
                scores[number] += weight * count * (K1 + 1) / (count + K1 * (1 - B + B * lengths[number] / average))
        return heapq.nsmallest(k, scores, key=lambda number: (-scores[number], number))


def open(folder: Path, *, power: bool = False) -> Postings:
    """Open or make a file."""
    return Postings(folder, power=power)
