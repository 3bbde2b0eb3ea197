"""hnswlib: a graph of vectors in memory, written to a file when it is closed; it knows neither words nor filters."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workloads import Item, Rows, hashed

M, BUILT_WITH, ASKED_WITH = 16, 200, 64  # links of a node, and candidates looked at: what its manual shows


def available() -> str | None:
    """Return name and version, None where it is not installed."""
    try:
        return f"hnswlib {version('hnswlib')}"
    except PackageNotFoundError:
        return None


class Graph:
    """An index that grows when it is full."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "vectors.hnsw"
        self._dimension = folder / "dimension"
        self._index: Any = None
        if self._path.exists():
            self._make(int(self._dimension.read_text())).load_index(str(self._path))
            self._index.set_ef(ASKED_WITH)

    def _make(self, dimension: int) -> Any:
        self._index = importlib.import_module("hnswlib").Index("cosine", dimension)
        self._dimension.write_text(str(dimension))
        return self._index

    def add_one(self, item: Item) -> None:
        self.add_many([item])

    def add_many(self, items: Iterable[Item], *, vectors: Rows | None = None) -> None:
        waiting = list(items)
        rows = np.stack([hashed(item.text) for item in waiting]) if vectors is None else vectors
        if self._index is None:
            self._make(rows.shape[1]).init_index(len(rows), M=M, ef_construction=BUILT_WITH)
            self._index.set_ef(ASKED_WITH)
        needed = self._index.get_current_count() + len(rows)
        if needed > self._index.get_max_elements():
            self._index.resize_index(max(needed, 2 * self._index.get_max_elements()))
        self._index.add_items(rows, np.array([item.number for item in waiting]))

    def query(self, text: str, k: int, *, vector: Rows | None = None) -> list[int]:
        k = min(k, self._index.get_current_count())
        found: list[int] = self._index.knn_query(hashed(text) if vector is None else vector, k=k)[0][0].tolist()
        return found

    def close(self) -> None:
        if self._index is not None:
            self._index.save_index(str(self._path))


def open(folder: Path, *, power: bool = False) -> Graph:
    """Open or make an index; with or without `power`, what was added is safe when it is closed, not before."""
    return Graph(folder)
