"""LevelDB with nothing around it: the very rows that our remember writes, each set of them in one write batch."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.peers.thoughtengine import Mind
from benchmarks.workloads import Item
from benchmarks.workloads import Rows as Vectors
from thoughtengine.config import StorageConfig
from thoughtengine.storage.store import Level

Rows = list[tuple[bytes, bytes]]
BINDINGS = ("plyvel", "plyvel_next")


def binding() -> str:
    """Return the name of the module that binds LevelDB here; our own engine uses the same."""
    return next(name for name in BINDINGS if importlib.util.find_spec(name) is not None)


def available() -> str | None:
    """Return name and version."""
    return f"LevelDB ({binding()} {importlib.import_module(binding()).__version__})"


@contextmanager
def captured() -> Iterator[list[Rows]]:
    """Collect the rows of every batch that a mind writes meanwhile."""
    batches: list[Rows] = []
    write = Level.write

    def wrapper(level: Level, puts: Rows, deletes: list[bytes], sync: bool) -> None:
        batches.append(list(puts))
        write(level, puts, deletes, sync)

    with mock.patch.object(Level, "write", wrapper):
        yield batches


def rows_of(items: Iterable[Item]) -> list[Rows]:
    """Return what one remember writes for each of the items, in a new mind."""
    with tempfile.TemporaryDirectory() as folder:
        mind = Mind(Path(folder) / "mind", power=False)
        with captured() as batches:
            for item in items:
                mind.add_one(item)
        mind.close()
    return batches


def batches_of(shares: Iterable[tuple[list[Item], Vectors]]) -> list[list[Rows]]:
    """Return for each share the batches in which a new mind writes its items, each with a vector."""
    with tempfile.TemporaryDirectory() as folder:
        mind = Mind(Path(folder) / "mind", power=False)
        found = []
        for items, vectors in shares:
            with captured() as batches:
                mind.add_many(items, vectors=vectors)
            found.append(batches)
        mind.close()
    return found


class Raw:
    """A LevelDB with the options of ours; what it is given are rows, not items."""

    def __init__(self, folder: Path, *, power: bool) -> None:
        config = StorageConfig()
        self._power = power
        self._db: Any = importlib.import_module(binding()).DB(
            str(folder),
            create_if_missing=True,
            paranoid_checks=True,
            write_buffer_size=config.write_buffer_bytes,
            lru_cache_size=config.cache_bytes,
            max_open_files=config.max_open_files,
            bloom_filter_bits=10,
            compression="snappy",
        )

    def add_rows(self, rows: Rows) -> None:
        """Write rows atomically."""
        batch = self._db.write_batch(sync=self._power)
        for key, value in rows:
            batch.put(key, value)
        batch.write()

    def close(self) -> None:
        self._db.close()


def open(folder: Path, *, power: bool = False) -> Raw:
    """Open or make a LevelDB."""
    return Raw(folder, power=power)
