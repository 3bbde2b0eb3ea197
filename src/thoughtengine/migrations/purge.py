"""Purge: an erasure reaches the rollback points too: each is written anew without the record, and verified anew."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from thoughtengine.errors import RecordError, StoreDamagedError
from thoughtengine.migrations.before import Before
from thoughtengine.migrations.sound import damage_of, lost_of, named, without
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.migrations.whose import whose
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import clone
from thoughtengine.storage.codec import open_envelope, seal
from thoughtengine.storage.contract import PAGE, Rows, Store
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, discard, remove_tree, sync_tree, translated
from thoughtengine.storage.folder import ROLLBACK, FolderStore
from thoughtengine.storage.keyspace import ORIGIN
from thoughtengine.storage.origin import OriginRecord
from thoughtengine.storage.pointer import UpgradeNote, read_pointer
from thoughtengine.storage.store import Level

__all__ = ["purged"]

Goes = Callable[[Store, Iterable[int]], tuple[set[bytes], Batch]]


@contextlib.contextmanager
def purged(store: FolderStore, ids: Iterable[int], goes: Goes) -> Iterator[dict[str, Any]]:
    """Make rollback points without some memories beside those of what soaks; yield what names them in the pointer file.

    That is to be written with what takes the memories from the mind, in one: a point that lacks what the mind holds is no way
    back. On leaving, the points that the pointer file does not name go: the old ones, or, where nothing came of it, the new.

    Parameters
    ----------
    store : FolderStore
        Something soaks in it; its `writing` lock is held by the caller.
    ids : iterable of int
        The memories, those made from them included.
    goes : callable
        ``goes(store, ids)``: keys of the rows that an erasure takes from a store, and the rows that change because of it.

    Raises
    ------
    StoreDamagedError
        When what was written is not what is read, or the old one is damaged, which is named; it is still there then.
    StoreFullError, StoreError
        When they cannot be written.
    """
    ids = tuple(ids)
    try:
        with translated(store.root):
            points = [_purged(store, note, ids, goes) if note.rollback else note for note in store.pointer.points]
        yield {"upgrade": points[-1], "beneath": tuple(points[:-1])}
    except BaseException:
        with contextlib.suppress(OSError):  # what was met first counts, and the next opening removes them too
            _drop_unnamed(store)
        raise
    _drop_unnamed(store)


def _drop_unnamed(store: FolderStore) -> None:
    """Remove the rollback points that the pointer file, as it lies there, does not name."""
    store.stay()
    named = {note.rollback for note in read_pointer(store.root)[0].points}
    for entry in (store.root / ROLLBACK).glob("*"):
        if f"{ROLLBACK}/{entry.name}" not in named:
            discard(entry)


def _purged(store: FolderStore, note: UpgradeNote, ids: tuple[int, ...], goes: Goes) -> UpgradeNote:
    """Write a rollback point anew without some memories; return its note."""
    try:
        return _written_anew(store, note, ids, goes)
    except (StoreDamagedError, RecordError) as error:
        if not (found := damage_of(store.root, note, store.config)):
            raise
        told = f"an erasure must reach {note.rollback}, and that is damaged ({named(found)})"
        way_on = f"{without(note, lost_of(store))}; then erase (the memories are as they were)"
        raise StoreDamagedError(store.root, f"{told}: {way_on}", file=found[0][0]) from error


def _written_anew(store: FolderStore, note: UpgradeNote, ids: tuple[int, ...], goes: Goes) -> UpgradeNote:
    old = store.root / note.rollback
    if note.source == 1:
        drop, changed = _old_keys(old, store, note, ids), dict[bytes, bytes]()
    else:
        drop, changed = _of_today(old, store, ids, goes)
    new = old.with_name(f"{old.name.partition('-purged-')[0]}-purged-{secrets.token_hex(4)}")
    rows, digest = _without(old, new, store, drop, changed)
    return msgspec.structs.replace(note, rollback=f"{old.parent.name}/{new.name}", rows=rows, digest=digest)


def _of_today(old: Path, store: FolderStore, ids: tuple[int, ...], goes: Goes) -> tuple[set[bytes], dict[bytes, bytes]]:
    """Return which rows a rollback point of today's format loses, and which change: as the erasure has it in the mind."""
    point = CloneStore(old, store.root / ("purge" + PART), store.config)
    try:
        drop, batch = goes(point, ids)
        sequence, changed = point.read_head().sequence, dict[bytes, bytes]()
        for area, bodies in batch.puts.items():
            for key, body in bodies.items():
                value = point._get(key)
                stood = None if value is None else open_envelope(key, value, area)
                changed[key] = seal(
                    key, area, sequence if stood is None else stood.sequence, body, flags=stood.flags if stood else 0
                )
        return drop | batch.deletes, changed
    finally:
        point.close()


def _old_keys(old: Path, store: FolderStore, note: UpgradeNote, ids: Iterable[int]) -> set[bytes]:
    """Return the keys that memories had in format 1."""
    if note.again:  # what was new here went down too, and came up without an origin
        return _merged_keys(old, store, note, ids)
    keys = set[bytes]()
    for id_ in ids:
        origin = store.get(ORIGIN, id_, OriginRecord)
        if origin is not None:
            keys.add(origin.key)
            if origin.emotion is not None:
                keys.add(b"emotion:" + origin.key[8:])
    return keys


def _merged_keys(old: Path, store: FolderStore, note: UpgradeNote, ids: Iterable[int]) -> set[bytes]:
    """Return the keys of the rows that are theirs in the sealed copy of a store that had been of this format before."""
    scratch = store.root / ("purge" + PART)
    clone(old, scratch)
    try:
        with contextlib.closing(Level(str(scratch), store.config)) as level:
            owners = whose(store, Before(level), note.fork_id)
    finally:
        remove_tree(scratch)
    return {key for each in owners for key, those in each.items() if not those.isdisjoint(ids)}


def _without(
    old: Path, new: Path, store: FolderStore, drop: set[bytes], changed: dict[bytes, bytes]
) -> tuple[int, str]:
    scratch = store.root / ("purge" + PART)
    clone(old, scratch)
    reader = Level(str(scratch), store.config)
    try:
        expected = _copy(reader, new, store, drop, changed)
    finally:
        reader.close()
        remove_tree(scratch)
    sync_tree(new)
    clone(new, scratch)
    written = Level(str(scratch), store.config)
    try:
        found = _sum_of(written)
    finally:
        written.close()
        remove_tree(scratch)
    if found != expected:
        raise StoreDamagedError(new, f"purged, the rollback point holds {found} instead of {expected}")
    return found[0], f"{found[1]:032x}"


def _copy(
    reader: Level, new: Path, store: FolderStore, drop: set[bytes], changed: dict[bytes, bytes]
) -> tuple[int, int]:
    writer = Level(str(new), store.config, create=True)
    rows = total = 0
    left = drop | changed.keys()
    try:
        start = b""
        while page := reader.page(start, None, PAGE, False):
            kept: Rows = [(key, value) for key, value in page if key not in left]
            writer.write(kept, [], False)
            rows, total = rows + len(kept), total + sum(_digest(key, value) for key, value in kept)
            start = page[-1][0] + b"\x00"
        writer.write(list(changed.items()), [], False)
        rows, total = rows + len(changed), total + sum(_digest(key, value) for key, value in changed.items())
        writer.flush()
    finally:
        writer.close()
    return rows, total % (1 << 128)


def _sum_of(level: Level) -> tuple[int, int]:
    rows = total = 0
    start = b""
    while page := level.page(start, None, PAGE, False):
        rows, total = rows + len(page), total + sum(_digest(key, value) for key, value in page)
        start = page[-1][0] + b"\x00"
    return rows, total % (1 << 128)


def _digest(key: bytes, value: bytes) -> int:
    return int.from_bytes(row_digest(key, value), "big")
