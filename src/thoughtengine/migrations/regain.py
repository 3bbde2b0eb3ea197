"""Regain: what damage took of old memories, from the bytes they were: their origins, else the rows of the sealed copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from heapq import merge
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import msgspec

from thoughtengine.errors import StoreDamagedError
from thoughtengine.migrations.before import Before
from thoughtengine.migrations.merge import merged
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import clone
from thoughtengine.storage.contract import PAGE, Store
from thoughtengine.storage.files import PART, remove_tree
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import APPRAISAL, MEMORY, ORIGIN, RECEIPT
from thoughtengine.storage.origin import OriginRecord
from thoughtengine.storage.store import Level

__all__ = ["old_and_new", "regain", "regain_origins"]


class _Receipt(msgspec.Struct, frozen=True):
    """The part of a receipt of format 2 that matters here."""

    verb: str
    ids: tuple[int, ...] = ()


def old_and_new(store: Store) -> Iterator[int]:
    """Yield the ids of all memories, in order, those of which nothing but the origin is left too."""
    numbers = (map(area.number, (key for key, _ in store.raw(area))) for area in (MEMORY, ORIGIN))
    yield from (id_ for id_, _ in groupby(merge(*numbers)))


def regain(store: FolderStore) -> int:
    """Make memories that a salvage lost again, of their origins and of the sealed copy; return how many.

    Parameters
    ----------
    store : FolderStore
        Salvaged; what is derived is built again afterwards, by the caller. Its `writing` lock is held by the caller.

    Notes
    -----
    Where the sealed copy is damaged too, origins alone are made use of. What was erased is in neither.
    """
    if not store.head.skipped[1] or store.pointer.unfinished:
        return 0
    note = next((each for each in store.pointer.points if not each.namespaces and each.rollback), None)
    if note is not None and not note.again:
        try:
            regain_origins(store, store.root / note.rollback)
        except StoreDamagedError as error:
            record_incident(
                store.root, "damage", f"what was lost is not to be had from {note.rollback}: {error.message}"
            )
    n, batch, named = 0, Batch(), dict[bytes, int]()
    for id_, origin in store.rows(ORIGIN, OriginRecord):
        if not store.has(MEMORY, id_):
            made = merged(store, origin, named.get(origin.key))
            batch.put(MEMORY, id_, made.memory)
            if made.appraisal is not None:
                batch.put(APPRAISAL, id_, made.appraisal)
            n += 1
            batch = _paged(store, batch)
        named[origin.key] = id_
    store.commit(batch, sync=True)
    if n:
        record_incident(
            store.root, "damage", f"{n} memories that damage took are back, made of what they were in format 1"
        )
    return n


def regain_origins(store: FolderStore, sealed: Path) -> int:
    """Put the origins that a mind lacks back, from the sealed copy of what it was; return how many.

    Parameters
    ----------
    store : FolderStore
        A mind that was of format 1, its ids in the order of the keys there.
    sealed : Path
        The sealed copy, of which an erasure takes what it takes from the mind.

    Raises
    ------
    StoreDamagedError
        When the copy cannot be read, or its rows are not those of the mind; nothing was written.
    """
    erased = {id_ for _, row in store.rows(RECEIPT, _Receipt) if row.verb == "erase" for id_ in row.ids}
    for note in store.pointer.points:  # the copy lacks what damage took before it was made anew
        erased.update(id_ for first, n in note.lost for id_ in range(first, first + n))
    scratch, batch = store.root / ("regain" + PART), Batch()
    clone(sealed, scratch)
    try:
        with closing(Level(str(scratch), store.config)) as level:
            before = Before(level)
            found = list(_lacking(store, before, erased))
            for id_, key in found:
                value = before.get(key) or b""
                batch.put(ORIGIN, id_, OriginRecord(key=key, value=value, emotion=before.emotion_of(key)))
                batch = _paged(store, batch)
    finally:
        remove_tree(scratch)
    store.commit(batch, sync=True)
    return len(found)


def _paged(store: FolderStore, batch: Batch) -> Batch:
    if len(batch) < PAGE:
        return batch
    store.commit(batch)
    return Batch()


def _lacking(store: FolderStore, before: Before, erased: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yield (id, key) of old memories without an origin: between two that have one, rows stand in the order of the ids."""
    keys = iter(key for _, key in before.keys(1, before.count()))
    at, stop = 1, store.head.skipped[0]
    ends: list[tuple[int, bytes | None]] = [(stop, None)]
    origins: Iterator[tuple[int, Any]] = ((id_, row.key) for id_, row in store.rows(ORIGIN, OriginRecord) if id_ < stop)
    for id_, known in chain(origins, ends):
        free = [each for each in range(at, id_) if each not in erased]
        between = list[bytes]()
        for key in keys:
            if key == known:
                break
            between.append(key)
        else:
            if known is not None:
                raise StoreDamagedError(store.root, f"the sealed copy does not hold the row of memory {id_}")
        if len(between) > len(free):
            raise StoreDamagedError(store.root, f"the sealed copy holds rows of no memory in front of memory {id_}")
        yield from zip(free, between, strict=False)
        at = id_ + 1
