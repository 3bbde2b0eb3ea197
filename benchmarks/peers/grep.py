"""The floor under the floor: look through all lines for the words of the cue, as substrings."""

from __future__ import annotations

import heapq
from pathlib import Path

from benchmarks.peers.bm25 import Lines, words


def available() -> str | None:
    """Return its name: it is always there."""
    return "substring search"


class Scan(Lines):
    """All texts in a list."""

    def __init__(self, folder: Path, *, power: bool = False) -> None:
        self._texts: list[tuple[int, str]] = []
        super().__init__(folder, power=power)

    def _take(self, number: int, text: str, **meta: object) -> None:
        self._texts.append((number, text.lower()))

    def query(self, text: str, k: int) -> list[int]:
        """Return what contains most words of the cue; of equal ones the newer first."""
        cue = set(words(text))
        scored = ((sum(word in kept for word in cue), number) for number, kept in self._texts)
        return [number for score, number in heapq.nlargest(k, scored) if score]


def open(folder: Path, *, power: bool = False) -> Scan:
    """Open or make a file."""
    return Scan(folder, power=power)
