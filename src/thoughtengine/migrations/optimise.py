"""Optimise: what an upgrade has written is compacted where that makes reading faster, or it smaller, by more than 5 %."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from thoughtengine.errors import StoreError
from thoughtengine.migrations.meter import Pace
from thoughtengine.migrations.report import Optimisation
from thoughtengine.storage.files import PART, discard, size_of
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import AREAS
from thoughtengine.storage.store import Level

__all__ = ["optimise"]

_GAIN = 0.05
_PASSES, _PLACES, _ROWS = 5, 64, 32
_SMALL = 4  # write buffers: less than that is hardly in tables at all


def optimise(store: FolderStore, pace: Pace, *, leaving: Callable[[], bool] = bool) -> tuple[Optimisation, ...]:
    """Compact the generation that serves, if that is worth it, which is tried on a throw-away clone first.

    Parameters
    ----------
    store : FolderStore
        Open; it serves meanwhile.
    pace : Pace
        For the reading.
    leaving : callable
        Tells that the mind is to be closed, which does not wait for it.

    Returns
    -------
    tuple of Optimisation
        Empty where the store is small, or where there is no room for trying.

    Notes
    -----
    Costs two writes of the whole generation, the first of them on the clone. What fails is left as it is: nothing depends on
    it.
    """
    size, disk = size_of(store.generation), os.statvfs(store.root)
    if size < _SMALL * store.config.write_buffer_bytes or disk.f_bavail * disk.f_frsize < 3 * size:
        return ()
    part = store.root / f"try-{secrets.token_hex(4)}{PART}"
    try:
        store.checkpoint(part, whole=False)
        tried = _tried(part, store, pace, leaving)
        if tried.applied:
            for area in AREAS.values():
                _stay(leaving)
                store.compact(area.prefix, area.stop)
        return (tried,)
    except (StoreError, _LeftError):
        return ()
    finally:
        discard(part)


class _LeftError(Exception):
    """Ends it in the middle."""


def _stay(leaving: Callable[[], bool]) -> None:
    if leaving():
        raise _LeftError


def _tried(part: Path, store: FolderStore, pace: Pace, leaving: Callable[[], bool]) -> Optimisation:
    level = Level(str(part), store.config)
    try:
        places = _places(level)
        seconds, size = _read(level, places, pace), size_of(part)
        for area in AREAS.values():
            _stay(leaving)
            level.compact(area.prefix, area.stop)
        after = _read(level, places, pace), size_of(part)
    finally:
        level.close()
    gains = 1.0 - after[0] / seconds > _GAIN or 1.0 - after[1] / size > _GAIN
    return Optimisation(
        name="compaction", before_seconds=seconds, after_seconds=after[0], before_bytes=size, after_bytes=after[1],
        applied=gains,
    )  # fmt: skip


def _places(level: Level) -> list[bytes]:
    """Return keys spread over the areas: of each, so many as it is large."""
    keys = list[bytes]()
    for area in AREAS.values():
        first, last = level.page(area.prefix, area.stop, 1, False), level.page(area.prefix, area.stop, 1, True)
        if first and area.numbered:
            low, high = area.number(first[0][0]), area.number(last[0][0])
            keys += [area.key(low + (high - low) * i // _PLACES) for i in range(_PLACES)]
    return keys


def _read(level: Level, places: list[bytes], pace: Pace) -> float:
    """Return the seconds that it takes to read some rows from each place, the least of a few passes."""
    taken = []
    for _ in range(_PASSES):
        begun = time.perf_counter()
        for key in places:
            level.page(key, None, _ROWS, False)
        taken.append(time.perf_counter() - begun)
        pace.breathe()
    return max(min(taken), 1e-9)
