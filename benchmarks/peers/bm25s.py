"""bm25s, the way its manual tells: English stop words, Snowball stems, a static index in memory over a file of lines."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.peers.bm25 import Texts

BACKENDS = ("numpy", "numba")
"""What it looks up with: the first is its default; where many scores are equal the second is a hundred times as fast."""


def available() -> str | None:
    """Return name and version, None where it is not installed."""
    try:
        return f"bm25s {version('bm25s')}"
    except PackageNotFoundError:
        return None


class Scores(Texts):
    """Scores of every word in every text, made ahead."""

    def __init__(self, folder: Path, *, power: bool, backend: str) -> None:
        self._bm25s: Any = importlib.import_module("bm25s")
        self._stemmer = importlib.import_module("Stemmer").Stemmer("english")
        self._backend = backend
        self._scores: Any = None
        super().__init__(folder, power=power)

    def _tokens(self, texts: list[str]) -> list[list[str]]:
        found: list[list[str]] = self._bm25s.tokenize(
            texts, stopwords="en", stemmer=self._stemmer, return_ids=False, show_progress=False
        )
        return found

    def _index(self) -> None:
        self._scores = self._bm25s.BM25(backend=self._backend)
        self._scores.index(self._tokens(self._texts), show_progress=False)

    def query(self, text: str, k: int) -> list[int]:
        """Return the best; nothing where the cue is made of stop words."""
        self.fresh()
        tokens = self._tokens([text])
        if not tokens[0]:
            return []
        found, scores = self._scores.retrieve(tokens, k=min(k, len(self._texts)), show_progress=False)
        return [self._numbers[place] for place, score in zip(found[0], scores[0], strict=True) if score > 0.0]


def open(folder: Path, *, power: bool = False, backend: str = BACKENDS[0]) -> Scores:
    """Open or make a file; the index is made when it is first asked."""
    return Scores(folder, power=power, backend=backend)
