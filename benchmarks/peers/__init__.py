"""One peer a file, all with the same few calls; a peer that is not installed is skipped."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.workloads import Item, Rows

NAMES = (
    "thoughtengine", "chromadb", "lancedb", "fts5", "tantivy", "bm25s", "bm25", "usearch", "hnswlib", "grep",
)  # fmt: skip
"""The modules of this package that keep items; `leveldb` keeps bytes."""


class Among(NamedTuple):
    """Which items may be found: those with a tag, those from `since` up to `until`."""

    tag: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class Keeper(Protocol):
    """What keeps items in a folder and finds them again; items are told by their numbers."""

    def add_one(self, item: Item) -> object:
        """Keep one item; it has the durability that was asked for when this returns."""

    def add_many(self, items: Iterable[Item]) -> object:
        """Keep many, the way this peer likes best."""

    def query(self, text: str, k: int) -> list[int]:
        """Return the numbers of up to `k` items that fit, best first."""

    def close(self) -> object:
        """Let go of the folder."""


class Searcher(Keeper, Protocol):
    """A keeper that also takes vectors; those that know no words look at nothing else, and hash words where none is given."""

    def add_many(self, items: Iterable[Item], *, vectors: Rows | None = None) -> object:
        """Keep many; `vectors` has a row for each."""

    def query(self, text: str, k: int, *, vector: Rows | None = None, among: Among | None = None) -> list[int]:
        """Return the numbers of up to `k` items that fit words and vector; those that cannot filter have no `among`."""


class Peer(Protocol):
    """A module of this package."""

    def available(self) -> str | None:
        """Return its name and version, None where it is not installed."""

    def open(self, folder: Path, *, power: bool = False) -> Keeper:
        """Open or make a keeper in `folder`; with `power`, what it acknowledges survives loss of power too."""


def peer(name: str) -> Peer:
    """Return a peer by its name."""
    module: Peer = importlib.import_module(f"benchmarks.peers.{name}")
    return module
