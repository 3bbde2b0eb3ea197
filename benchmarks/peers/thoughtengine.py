"""Ourselves, through the public API."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import thoughtengine as te
from benchmarks.workloads import Item


def available() -> str | None:
    """Return name and version."""
    try:
        return f"thoughtengine {version('thoughtengine')}"
    except PackageNotFoundError:
        return "thoughtengine (from source)"


class Mind:
    """A mind whose ids are the numbers of the items plus one: ids grow with arrival."""

    def __init__(self, folder: Path, *, power: bool, config: te.Config | None = None) -> None:
        self.mind = te.open(folder, durability="power" if power else "process", config=config)

    def add_one(self, item: Item, *, vector: list[float] | None = None) -> object:
        return self.mind.remember(item.text, source=item.source, episode=item.episode, at=item.at, vector=vector)

    def add_many(self, items: Iterable[Item]) -> object:
        return self.mind.remember_many(item.experience() for item in items)

    def query(self, text: str, k: int) -> list[int]:
        return [hit.memory.id - 1 for hit in self.mind.recall(text, k=k)]

    def close(self) -> None:
        self.mind.close()


def open(folder: Path, *, power: bool = False) -> Mind:
    """Open a mind, or make one."""
    return Mind(folder, power=power)
