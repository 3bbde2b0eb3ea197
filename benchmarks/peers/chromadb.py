"""chromadb's persistent client, with vectors given, else hashed from words: no model is fetched, and none is timed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.peers import Among
from benchmarks.workloads import Item, Rows, hashed

BATCH = 5_000  # it takes 5,461 at most


def available() -> str | None:
    """Return name and version, None where it is not installed."""
    try:
        return f"chromadb {version('chromadb')}"
    except PackageNotFoundError:
        return None


class Collection:
    """A collection in a client of its own. What it acknowledges is synced always: it has no other setting."""

    def __init__(self, folder: Path) -> None:
        chromadb: Any = importlib.import_module("chromadb")
        settings = importlib.import_module("chromadb.config").Settings(anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(folder, settings=settings)
        self._items = self._client.get_or_create_collection("items", embedding_function=None)

    def add_one(self, item: Item) -> None:
        self.add_many([item])

    def add_many(self, items: Iterable[Item], *, vectors: Rows | None = None) -> None:
        waiting = list(items)
        rows = [hashed(item.text) for item in waiting] if vectors is None else vectors
        for start in range(0, len(waiting), BATCH):
            self._add(waiting[start : start + BATCH], rows[start : start + BATCH])

    def _add(self, items: list[Item], rows: Rows | list[Rows]) -> None:
        self._items.add(
            ids=[str(item.number) for item in items],
            embeddings=rows,
            documents=[item.text for item in items],
            metadatas=[_meta(item) for item in items],
        )

    def query(self, text: str, k: int, *, vector: Rows | None = None, among: Among | None = None) -> list[int]:
        asked = hashed(text) if vector is None else vector
        found = self._items.query(query_embeddings=[asked], n_results=k, where=_where(among), include=["documents"])
        return [int(id_) for id_ in found["ids"][0]]

    def close(self) -> None:
        self._client.close()


def _meta(item: Item) -> dict[str, str | float]:
    return {"source": item.source, "episode": item.episode, "at": item.at.timestamp(), "tag": "".join(item.tags[:1])}


def _where(among: Among | None) -> dict[str, Any] | None:
    """Return a filter in its language; several conditions have to be joined by a word."""
    if among is None:
        return None
    conditions: list[dict[str, Any]] = [{"tag": among.tag}] if among.tag is not None else []
    conditions += [{"at": {"$gte": among.since.timestamp()}}] if among.since is not None else []
    conditions += [{"at": {"$lt": among.until.timestamp()}}] if among.until is not None else []
    return {"$and": conditions} if len(conditions) > 1 else conditions[0]


def open(folder: Path, *, power: bool = False) -> Collection:
    """Open or make a collection; `power` changes nothing."""
    return Collection(folder)
