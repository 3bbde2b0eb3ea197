"""One peer a file, all with the same few calls; a peer that is not installed is skipped."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from benchmarks.workloads import Item

NAMES = ("thoughtengine", "chromadb", "fts5", "bm25", "grep")
"""The modules of this package that keep items; `leveldb` keeps bytes."""


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
