"""SQLite's full-text index FTS5, from the standard library: Porter stems, BM25, write-ahead log."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from benchmarks.workloads import Item

_INSERT = "INSERT INTO items (rowid, text, source, episode, at) VALUES (?, ?, ?, ?, ?)"
_QUERY = "SELECT rowid, text, source, at FROM items WHERE items MATCH ? ORDER BY rank LIMIT ?"
_TABLE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS items "
    "USING fts5(text, source, episode UNINDEXED, at UNINDEXED, tokenize = 'porter unicode61')"
)


def available() -> str | None:
    """Return name and version, None where this Python's SQLite was built without it."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE probe USING fts5(text)")
        except sqlite3.OperationalError:
            return None
    return f"SQLite {sqlite3.sqlite_version} FTS5"


class Table:
    """One table; each statement commits by itself."""

    def __init__(self, folder: Path, *, power: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "items.db", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if power else 'NORMAL'}")
        self._connection.execute(_TABLE)

    def add_one(self, item: Item) -> None:
        self._connection.execute(_INSERT, _row(item))

    def add_many(self, items: Iterable[Item]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany(_INSERT, map(_row, items))
        self._connection.execute("COMMIT")

    def query(self, text: str, k: int) -> list[int]:
        words = dict.fromkeys(re.findall(r"\w+", text))
        rows = self._connection.execute(_QUERY, (" OR ".join(f'"{word}"' for word in words), k))
        return [row[0] - 1 for row in rows]

    def close(self) -> None:
        self._connection.close()


def _row(item: Item) -> tuple[int, str, str, str, float]:
    return item.number + 1, item.text, item.source, item.episode, item.at.timestamp()


def open(folder: Path, *, power: bool = False) -> Table:
    """Open or make a table; `power` syncs the log with every commit."""
    return Table(folder, power=power)
