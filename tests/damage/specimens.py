"""Minds to damage, each with the truth about it and older copies of its files."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import shutil
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import thoughtengine as te
from tests.damage.listing import listing

CONFIG = te.Config(storage=te.StorageConfig(write_buffer_bytes=1 << 16, mark_every=256))
NOON = dt.datetime(2024, 5, 8, 12, tzinfo=dt.UTC)
EVERY_LAYER = ("sensory", "emotion", "logic", "dream", "eternal")

Truth = dict[int, dict[str, Any]]
"""Memory by id, as `mind.export()` gives it."""


@dataclass(frozen=True)
class Specimen:
    """A mind that nobody has open.

    Attributes
    ----------
    name
        For the table.
    path, older
        Its folder; the same folder at an earlier moment.
    truth
        All it holds.
    marked
        Ids up to here are covered by the high-water mark; a cut behind it looks like a kill.
    acts
        Ids that were forgotten, pinned or revised: what stands about them rests on other rows than their own.
    """

    name: str
    path: Path
    older: Path
    truth: Truth
    marked: int
    acts: frozenset[int]

    @property
    def generation(self) -> Path:
        """Give the folder of LevelDB's files."""
        return next(self.path.glob("gen-*"))


def open_mind(path: Path) -> Any:
    """Open a mind as all specimens are opened: small buffers, a clock that stands still."""
    return te.open(path, config=CONFIG, clock=lambda: NOON)


def truth_of(mind: Any) -> Truth:
    """Give all that a mind holds."""
    return {row["id"]: row for row in mind.export()}


def _text(rng: random.Random) -> str:
    words = ("".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9))) for _ in range(rng.randint(4, 20)))
    return " ".join(words)


def _remember(mind: Any, rng: random.Random, n: int) -> list[int]:
    return [
        mind.remember(
            _text(rng),
            key=f"key {rng.random()}" if rng.random() < 0.2 else None,
            source=rng.choice(["Dana", "Bob", None]),
            affect=te.Affect(0.5, 0.25) if rng.random() < 0.2 else None,
            vector=[rng.random() for _ in range(4)] if rng.random() < 0.2 else None,
            payload={"n": i, "bytes": rng.randbytes(30)} if rng.random() < 0.1 else None,
        )
        for i in range(n)
    ]


def _act(mind: Any, rng: random.Random, ids: list[int]) -> frozenset[int]:
    """Forget, pin and revise some memories; give the ids concerned."""
    chosen = rng.sample(ids, 9)
    mind.forget(*chosen[:3])
    mind.pin(*chosen[3:6])
    mind.undo(mind.forget(chosen[6]))
    revised = [mind.revise(id_, text=_text(rng)) for id_ in chosen[7:]]
    return frozenset([*chosen, *revised])


def _copied(path: Path, name: str) -> None:
    """Copy the folder of an open mind as a kill would leave it, when LevelDB is not just tidying up behind itself."""
    target = path.with_name(f"{path.name}-{name}")
    while True:
        with contextlib.suppress(shutil.Error, FileNotFoundError):
            before = listing(path)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(path, target)
            if before == listing(path):
                return


def small(folder: Path) -> Specimen:
    """A day's mind: all of it is in the log; closed."""
    return _lived(folder / "small", n=40, sessions=1)


def large(folder: Path) -> Specimen:
    """Some tables on several levels, and a log; closed."""
    return _lived(folder / "large", n=500, sessions=3)


def killed(folder: Path) -> Specimen:
    """Like large, but never closed: the mark is of the last time that it was raised."""
    return _lived(folder / "killed", n=500, sessions=1, kill=True)


def erased(folder: Path) -> Specimen:
    """Written anew by an erasure, in its second generation; closed."""
    return _lived(folder / "erased", n=300, sessions=1, erase=True)


SPECIMENS: dict[str, Callable[[Path], Specimen]] = {make.__name__: make for make in (small, large, killed, erased)}


def _lived(path: Path, *, n: int, sessions: int, kill: bool = False, erase: bool = False) -> Specimen:
    rng, acts = random.Random(path.name), frozenset[int]()
    mind = open_mind(path)
    for _ in range(sessions):
        mind.close()
        mind = open_mind(path)
        ids = _remember(mind, rng, n // sessions // 2)
        _copied(path, "older")
        _remember(mind, rng, n // sessions // 2)
        acts |= _act(mind, rng, ids)
    if erase:
        mind.forget(2, 3, erase=True)
        _remember(mind, rng, 20)
    truth = truth_of(mind)
    marked = mind._store.pointer.mark.next_id - 1 if kill else max(truth)
    if kill:
        _copied(path, "killed")
    mind.close()
    if kill:
        shutil.rmtree(path)
        path.with_name(f"{path.name}-killed").rename(path)
    return Specimen(path.name, path, path.with_name(f"{path.name}-older"), truth, marked, acts)
