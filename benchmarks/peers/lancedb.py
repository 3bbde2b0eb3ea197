"""lancedb: columns in files, vectors looked through one by one, words in an index of its own, both joined by ranks."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import Among
from benchmarks.workloads import Item, Rows, hashed


def available() -> str | None:
    """Return name and version, None where it is not installed."""
    try:
        return f"lancedb {version('lancedb')}"
    except PackageNotFoundError:
        return None


class Table:
    """One table; the index of words is made when it is first asked, and takes in what is new when it is asked again."""

    def __init__(self, folder: Path) -> None:
        self._connection: Any = importlib.import_module("lancedb").connect(folder)
        self._table: Any = None
        self._indexed = self._fresh = False
        if "items" in self._connection.list_tables().tables:
            self._table = self._connection.open_table("items")
            self._indexed = any("text" in index.columns for index in self._table.list_indices())

    def add_one(self, item: Item) -> None:
        self.add_many([item])

    def add_many(self, items: Iterable[Item], *, vectors: Rows | None = None) -> None:
        waiting = list(items)
        rows = np.stack([hashed(item.text) for item in waiting]) if vectors is None else vectors
        columns = _columns(waiting, rows)
        if self._table is None:
            self._table = self._connection.create_table("items", columns)
        else:
            self._table.add(columns)
        self._fresh = False

    def _index(self) -> None:
        if self._indexed:
            self._table.optimize()
        else:
            self._table.create_fts_index("text")
        self._indexed = self._fresh = True

    def query(self, text: str, k: int, *, vector: Rows | None = None, among: Among | None = None) -> list[int]:
        if not self._fresh:
            self._index()
        words = " ".join(re.findall(r"\w+", text))
        asked = hashed(text) if vector is None else vector
        search = self._table.search(query_type="hybrid").vector(asked).text(words).limit(k)
        if among is not None:
            search = search.where(_where(among))
        return [row["number"] for row in search.to_list()]

    def close(self) -> None:
        self._table = self._connection = None


def _columns(items: list[Item], rows: Rows) -> Any:
    arrow: Any = importlib.import_module("pyarrow")
    flat = arrow.array(np.ascontiguousarray(rows, np.float32).ravel())
    return arrow.table(
        {
            "number": arrow.array([item.number for item in items], arrow.int64()),
            "text": [item.text for item in items],
            "source": [item.source for item in items],
            "tag": ["".join(item.tags[:1]) for item in items],
            "at": arrow.array([item.at.timestamp() for item in items], arrow.float64()),
            "vector": arrow.FixedSizeListArray.from_arrays(flat, rows.shape[1]),
        }
    )


def _where(among: Among) -> str:
    """Return a filter in its language, SQL."""
    conditions = [f"tag = '{among.tag}'"] if among.tag is not None else []
    conditions += [f"at >= {among.since.timestamp()!r}"] if among.since is not None else []
    conditions += [f"at < {among.until.timestamp()!r}"] if among.until is not None else []
    return " AND ".join(conditions)


def open(folder: Path, *, power: bool = False) -> Table:
    """Open or make a table; `power` changes nothing."""
    return Table(folder)
