"""Ourselves, through the public API."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import thoughtengine as te
from benchmarks.peers import Among
from benchmarks.workloads import Item, Rows
from thoughtengine import _jit


def available() -> str | None:
    """Return name and version."""
    try:
        return f"thoughtengine {version('thoughtengine')}"
    except PackageNotFoundError:
        return "thoughtengine (from source)"


def channels() -> tuple[str, ...]:
    """Return the names that recall can switch off: every setting that it takes as one, so that new ones appear by themselves."""
    return tuple(name for name in inspect.signature(te.RecallConfig).parameters if _is_channel(name))


def _is_channel(name: str) -> bool:
    try:
        te.RecallConfig(off=(name,))
    except te.InvalidArgumentError:
        return False
    return True


def without(*off: str) -> te.Config:
    """Return the default settings without these channels of recall."""
    return te.Config(recall=te.RecallConfig(off=off))


def alone(channel: str) -> te.Config:
    """Return the default settings without any channel of recall but one."""
    return without(*(name for name in channels() if name != channel))


class Mind:
    """A mind whose ids are the numbers of the items plus one: ids grow with arrival."""

    def __init__(
        self, folder: Path, *, power: bool = False, config: te.Config | None = None, encoder: te.Encoder | None = None
    ) -> None:
        self.mind = te.open(folder, durability="power" if power else "process", config=config, encoder=encoder)

    def add_one(self, item: Item, *, vector: Rows | None = None) -> object:
        return self.mind.remember(
            item.text, source=item.source, episode=item.episode, at=item.at, tags=item.tags, vector=vector
        )

    def add_many(self, items: Iterable[Item], *, vectors: Rows | None = None) -> object:
        rows = itertools.repeat(None) if vectors is None else vectors
        return self.mind.remember_many(item.experience(row) for item, row in zip(items, rows, strict=False))

    def query(self, text: str, k: int, *, vector: Rows | None = None, among: Among | None = None) -> list[int]:
        return [hit.memory.id - 1 for hit in self.mind.recall(cue(text, vector), k=k, **where(among))]

    def close(self) -> None:
        self.mind.close()


def cue(text: str, vector: Rows | None) -> te.Cue:
    """Return words and vector as recall takes them; no words where the text is empty."""
    return te.Cue(text or None, vector=vector)


def where(among: Among | None) -> dict[str, Any]:
    """Return a filter as recall takes it."""
    if among is None:
        return {}
    given = {"tags": among.tag, "since": among.since, "until": among.until}
    return {name: value for name, value in given.items() if value is not None}


def warm_up() -> None:
    """Compile what would be compiled behind sooner or later, so that no figure holds the compiler."""
    _jit.warm_up()


def open(folder: Path, *, power: bool = False) -> Mind:
    """Open a mind, or make one."""
    return Mind(folder, power=power)
