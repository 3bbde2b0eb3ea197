"""usearch: a graph of vectors in memory, written to a file when it is closed; it knows neither words nor filters."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workloads import Item, Rows, hashed


def available() -> str | None:
    """Return name and version, None where it is not installed."""
    try:
        return f"usearch {version('usearch')}"
    except PackageNotFoundError:
        return None


class Graph:
    """An index with the settings that it has by itself."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "vectors.usearch"
        self._index: Any = None
        if self._path.exists():
            self._index = self._module().Index.restore(self._path)

    def _module(self) -> Any:
        return importlib.import_module("usearch.index")

    def add_one(self, item: Item) -> None:
        self.add_many([item])

    def add_many(self, items: Iterable[Item], *, vectors: Rows | None = None) -> None:
        waiting = list(items)
        rows = np.stack([hashed(item.text) for item in waiting]) if vectors is None else vectors
        if self._index is None:
            self._index = self._module().Index(ndim=rows.shape[1], metric="cos", dtype="f32")
        self._index.add(np.array([item.number for item in waiting], np.uint64), rows)

    def query(self, text: str, k: int, *, vector: Rows | None = None) -> list[int]:
        found: list[int] = self._index.search(hashed(text) if vector is None else vector, k).keys.tolist()
        return found

    def close(self) -> None:
        if self._index is not None:
            self._index.save(self._path)


def open(folder: Path, *, power: bool = False) -> Graph:
    """Open or make an index; with or without `power`, what was added is safe when it is closed, not before."""
    return Graph(folder)
