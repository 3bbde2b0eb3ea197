"""chromadb's persistent client, with vectors hashed from words: no model is fetched, and none is timed."""

from __future__ import annotations

import functools
import importlib
import zlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.workloads import Item

DIMENSION = 64  # models have 384 and more: this one is kind to it
BATCH = 5_000  # it takes 5,461 at most


def available() -> str | None:
    """Return name and version, None where it is not installed."""
    try:
        return f"chromadb {version('chromadb')}"
    except PackageNotFoundError:
        return None


def embed(text: str) -> list[float]:
    """Return a vector of hashed words: cheap and reproducible; what it finds means little."""
    vector = [0.0] * DIMENSION
    for word in text.lower().split():
        vector[_place(word)] += 1.0
    return vector


@functools.lru_cache(1 << 16)
def _place(word: str) -> int:
    return zlib.crc32(word.encode()) % DIMENSION


class Collection:
    """A collection in a client of its own. What it acknowledges is synced always: it has no other setting."""

    def __init__(self, folder: Path) -> None:
        chromadb: Any = importlib.import_module("chromadb")
        settings = importlib.import_module("chromadb.config").Settings(anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(folder, settings=settings)
        self._items = self._client.get_or_create_collection("items", embedding_function=None)

    def add_one(self, item: Item) -> None:
        self._add([item])

    def add_many(self, items: Iterable[Item]) -> None:
        waiting = list(items)
        for start in range(0, len(waiting), BATCH):
            self._add(waiting[start : start + BATCH])

    def _add(self, items: list[Item]) -> None:
        self._items.add(
            ids=[str(item.number) for item in items],
            embeddings=[embed(item.text) for item in items],
            documents=[item.text for item in items],
            metadatas=[{"source": i.source, "episode": i.episode, "at": i.at.timestamp()} for i in items],
        )

    def query(self, text: str, k: int) -> list[int]:
        found = self._items.query(query_embeddings=[embed(text)], n_results=k, include=["documents"])
        return [int(id_) for id_ in found["ids"][0]]

    def close(self) -> None:
        self._client.close()


def open(folder: Path, *, power: bool = False) -> Collection:
    """Open or make a collection; `power` changes nothing."""
    return Collection(folder)
