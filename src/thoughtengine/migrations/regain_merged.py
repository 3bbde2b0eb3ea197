"""Regain where a store had been of this format before: rows of the sealed copy that are no memory's any more."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import msgspec

from thoughtengine.migrations.before import Before, is_memory
from thoughtengine.migrations.lift import lift
from thoughtengine.migrations.noted import NAMED_BY_ID, appraisals_again, origins_again, standing
from thoughtengine.migrations.v0001_flat import LAYERS
from thoughtengine.migrations.v0002_envelopes import Receipt
from thoughtengine.migrations.whose import Owners, whose
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import PAGE
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import MEMORY, ORIGIN, RECEIPT
from thoughtengine.storage.origin import OriginRecord
from thoughtengine.storage.pointer import UpgradeNote

__all__ = ["put_back_merged", "versions"]


class _Memory(msgspec.Struct, frozen=True):
    """The part of a memory of format 2 that matters here."""

    layer: int
    key: str | None = None
    kind: str | None = None
    supersedes: int | None = None


def put_back_merged(store: FolderStore, before: Before, note: UpgradeNote) -> tuple[int, int, int]:
    """Put origins back for rows that are no memory's; return how many, how many of them under new ids, and how many were left.

    A row gets the id that its name tells, or a later version of it, where it cannot be what a program of format 1 had made of
    that memory; else a new one. It is left where it may be a memory that was forgotten since, or the words before those that its
    name stands for by now.

    Parameters
    ----------
    store : FolderStore
        A mind that damage has taken memories from.
    before : Before
        The sealed copy, or what can be read of it.
    note : UpgradeNote
        Of the upgrade that it leads back from.
    """
    origins_again(store, before, {}, set())
    appraisals_again(store, before, {})
    lost, forgotten = _lost(store, note)
    certain, named = whose(store, before, note.fork_id)
    there = dict(store.rows(MEMORY, _Memory))
    owned = certain.keys() | _renewed(store, note, named, there)
    bearers = {memory.key.encode(): id_ for id_, memory in there.items() if memory.key is not None}
    ids = {
        memory.key.encode(): memory.supersedes
        for memory in there.values()
        if memory.key is not None and memory.supersedes is not None
    }  # what a later version tells of the one before
    placed, unknown, rest = list[tuple[int, bytes]](), list[bytes](), sorted(lost)
    rows = ((_told(key, ids), key) for key in _of_nobody(store, before, owned, certain))
    for id_, key in sorted(rows, reverse=True):
        if key not in owned and rest and id_ == rest[-1] and id_ < note.fork_id:
            placed.append((rest.pop(), key))  # a version of it that format 1 had made would be a later one, and lost
        else:
            unknown.append(key)
    may_be = not forgotten.isdisjoint(rest)
    new = [] if may_be else [key for key in sorted(unknown) if _is_free(store, key, bearers.get(key), certain, named)]
    first = store.head.next_id
    batch = Batch()
    for id_, key in chain(placed, enumerate(new, first)):
        felt = None if b"emotion:" + key[8:] in owned else before.emotion_of(key)
        batch.put(ORIGIN, id_, OriginRecord(key=key, value=before.get(key) or b"", emotion=felt))
        if len(batch) >= PAGE:
            store.commit(batch, next_id=first + len(new))
            batch = Batch()
    store.commit(batch, sync=True, next_id=first + len(new))
    return len(placed) + len(new), len(new), len(unknown) - len(new)


def _told(key: bytes, ids: dict[bytes, int]) -> int:
    """Return the id that the name of a row, or a later version of it, tells; 0 where neither does."""
    told = NAMED_BY_ID.fullmatch(key)
    return int(told[1]) if told is not None else ids.get(key, 0)


def versions(store: FolderStore, note: UpgradeNote) -> dict[bytes, int]:
    """Return the memories that went down without an origin, by the keys that their later versions may have been rows of."""
    hidden, _ = standing(store)
    found = dict[bytes, int]()
    for id_, memory in store.rows(MEMORY, _Memory):
        if id_ >= note.fork_id:
            break
        if id_ not in hidden and not store.has(ORIGIN, id_):
            found[f"{LAYERS[memory.layer]}:te-{id_}".encode()] = id_
            if memory.key is not None:
                found.setdefault(memory.key.encode(), id_)
    return found


def _lost(store: FolderStore, note: UpgradeNote) -> tuple[set[int], set[int]]:
    """Return the ids that had a row and of which nothing is left, though nobody erased them, and those that were forgotten.

    What came since has no row, what was lost before the sealed copy was made neither.
    """
    receipts = dict(store.rows(RECEIPT, Receipt))
    gone = {
        id_
        for number, row in receipts.items()
        if row.verb == "erase" or (row.verb == "lost" and number < note.fork_receipt)
        for id_ in row.ids
    }
    forgotten = {
        id_
        for number, row in receipts.items()
        if number >= note.fork_receipt and row.verb == "forget" and "by" not in row.detail  # format 1 had deleted that
        for id_ in row.ids
        if id_ < note.fork_id + note.rows
    }
    low, high = store.head.skipped if store.head.skipped[1] else (1, 1)
    stop = min(store.head.next_id, note.fork_id + note.rows)
    given = chain(range(1, min(low, stop)), range(high, stop))
    there = {area.number(key) for area in (MEMORY, ORIGIN) for key, _ in store.raw(area)}
    return set(given) - there - gone, forgotten


def _renewed(store: FolderStore, note: UpgradeNote, named: Owners, there: dict[int, _Memory]) -> set[bytes]:
    """Return the rows whose memory has their name, and says something else as its payload was upgraded, or it was salvaged."""
    kinds = {kind for each in store.pointer.points for kind in each.namespaces}
    return {key for key, ids in named.items() if note.salvaged or any(there[id_].kind in kinds for id_ in ids)}


def _of_nobody(store: FolderStore, before: Before, owned: set[bytes], certain: Owners) -> Iterator[bytes]:
    """Yield the keys of what were memories, and are not any more.

    Beside a memory that is there, an emotion that nobody has was one of its own where it says something; else it is what was
    changed.
    """
    for key, _ in before.rows():
        if not is_memory(before, key):
            continue
        beside = b"emotion:" + key[8:] if key.startswith(b"sensory:") else b""
        felt = before.get(beside) if beside and beside not in owned else None
        if key not in owned:
            yield key
        elif felt is not None:
            origins = (store.get(ORIGIN, id_, OriginRecord) for id_ in certain.get(key, ()))
            had = any(was is not None and was.emotion is not None for was in origins)
            apart = not had and lift(beside, felt)[0].text is not None
            yield beside if apart else key


def _is_free(store: FolderStore, key: bytes, id_: int | None, certain: Owners, named: Owners) -> bool:
    """Tell whether the memory that bears the name of a row, if one does, was that row: later words would lose their name."""
    if id_ is None or id_ in certain.get(key, ()) or id_ in named.get(key, ()):
        return True
    was = store.get(ORIGIN, id_, OriginRecord)
    return was is not None and was.key == key
