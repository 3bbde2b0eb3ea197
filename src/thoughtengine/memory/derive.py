"""Derive: build every derived row of the memory areas again from the source rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from thoughtengine._types import Progress
from thoughtengine.errors import MemoryNotFoundError
from thoughtengine.memory.index.entry import make_entry
from thoughtengine.memory.record import (
    AppraisalRecord,
    MarkRecord,
    MemoryRecord,
    NameRecord,
    ReceiptRecord,
    VectorRecord,
)
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import encode
from thoughtengine.storage.contract import PAGE, Store
from thoughtengine.storage.keyspace import APPRAISAL, MARK, MEMORY, NAME, PATTERN, RECEIPT, TERMS, VECTOR

__all__ = [
    "Derived",
    "Told",
    "content_digest",
    "derive",
    "digest_of",
    "forget_patterns",
    "put_again",
    "rebuild",
    "told_by",
]


def content_digest(record: MemoryRecord, appraisal: AppraisalRecord | None, vector: bytes | None) -> bytes:
    """Return the digest that tells the same content under one key from a revision; the moment is not part of it."""
    fields: list[Any] = [
        record.layer,
        record.text,
        record.source,
        record.tags,
        record.episode,
        record.kind,
        record.payload,
        record.derived_from,
        None if appraisal is None else (appraisal.valence, appraisal.arousal),
        vector,
    ]
    return hashlib.blake2b(encode(fields), digest_size=16).digest()


def digest_of(store: Store, id_: int) -> bytes:
    """Return the content digest of a stored memory."""
    record = store.get(MEMORY, id_, MemoryRecord)
    if record is None:
        raise MemoryNotFoundError(id_)
    vector = store.get(VECTOR, id_, VectorRecord)
    return content_digest(record, store.get(APPRAISAL, id_, AppraisalRecord), vector.data if vector else None)


class Derived(msgspec.Struct, frozen=True):
    """What follows from the source rows.

    Attributes
    ----------
    names : dict of str to int
        Key of the host to the newest memory that bears it.
    marks : dict of int to MarkRecord
        What the receipts and revisions add up to.
    n_memories, n_hidden, next_id, next_receipt : int
        Counters; `next_id` and `next_receipt` are the lowest that are free.
    missing : tuple of int
        Ids below `next_id` of which there is neither a memory nor a receipt that it was erased or lost.
    """

    names: dict[str, int]
    marks: dict[int, MarkRecord]
    n_memories: int
    n_hidden: int
    next_id: int
    next_receipt: int
    missing: tuple[int, ...]


class Told(msgspec.Struct):
    """What the memories tell by themselves.

    Attributes
    ----------
    names, followed : dict
        Key of the host, and memory that was superseded, to the newest memory that bears or supersedes it.
    present : set of int
        The ids that there are.
    """

    names: dict[str, int] = {}
    followed: dict[int, int] = {}
    present: set[int] = set()


def told_by(memories: Iterable[tuple[int, MemoryRecord]]) -> Told:
    """Return what memories tell that come in order."""
    told = Told()
    names, followed, present = told.names, told.followed, told.present
    for id_, record in memories:
        present.add(id_)
        if record.key is not None:
            names[record.key] = id_
        if record.supersedes is not None:
            followed[record.supersedes] = id_
    return told


def derive(store: Store, *, next_id: int = 1, told: Told | None = None) -> Derived:
    """Work out the derived state; nothing is written.

    Parameters
    ----------
    store : Store
        The source.
    next_id : int
        The id that is known to be free; ids below it must be accounted for.
    told : Told, optional
        What the memories tell, where they were read before.
    """
    told = told or told_by(store.rows(MEMORY, MemoryRecord))
    followed, present = told.followed, told.present
    standing: dict[str, dict[int, list[int]]] = {"forget": {}, "pin": {}}
    gone, receipts, next_receipt = set[int](), dict[int, ReceiptRecord](), 1
    for number, receipt in store.rows(RECEIPT, ReceiptRecord):
        receipts[number] = receipt
        next_receipt = number + 1
        _replay(number, receipt, receipts, standing, gone)
    concerned = {*followed, *standing["forget"], *standing["pin"]} & present
    marks = {
        id_: MarkRecord(
            forgotten=tuple(standing["forget"].get(id_, ())),
            pinned=tuple(standing["pin"].get(id_, ())),
            superseded_by=followed.get(id_),
        )
        for id_ in concerned
    }
    next_id = max(next_id, max(present, default=0) + 1, max(gone, default=0) + 1)
    skipped = max(store.head.skipped, store.read_head().skipped)
    missing = tuple(id_ for id_ in _given_out(next_id, skipped) if id_ not in present and id_ not in gone)
    hidden = sum(bool(mark.forgotten) for mark in marks.values())
    return Derived(told.names, marks, len(present), hidden, next_id, next_receipt, missing)


def _given_out(next_id: int, skipped: tuple[int, int]) -> Iterator[int]:
    """Yield the ids below `next_id`, without those that an upgrade left free between old memories and new."""
    low, high = skipped if skipped[1] else (next_id, next_id)
    yield from range(1, min(low, next_id))
    yield from range(high, next_id)


def _replay(
    number: int,
    receipt: ReceiptRecord,
    receipts: dict[int, ReceiptRecord],
    standing: dict[str, dict[int, list[int]]],
    gone: set[int],
) -> None:
    if receipt.verb in ("erase", "lost"):
        gone.update(receipt.ids)
    elif receipt.verb in standing:
        for id_ in receipt.ids:
            standing[receipt.verb].setdefault(id_, []).append(number)
    elif receipt.verb == "undo" and (undone := receipts.get(receipt.undoes or 0)) is not None:
        for id_ in undone.ids:
            numbers = standing[undone.verb].get(id_, [])
            if receipt.undoes in numbers:
                numbers.remove(receipt.undoes)


def rebuild(store: Store, *, at: int, progress: Progress | None = None) -> Derived:
    """Write every derived row again, and a receipt for memories that are not there any more.

    Parameters
    ----------
    store : Store
        Its `writing` lock is held by the caller.
    at : int
        Microseconds since 1970, for that receipt.
    progress : callable, optional
        Told now and then.

    Notes
    -----
    Killed in the middle, it begins again; rows are put, never counted up.
    """
    found = derive(store, next_id=store.head.next_id)
    for batch in _batches(store, found, progress):
        store.commit(batch)
    store.commit(_hanging(store, found))
    next_receipt = max(found.next_receipt, store.head.next_receipt)
    batch = Batch()
    for number in range(
        1, next_receipt
    ):  # of a receipt that is gone the number is kept, so that none is given out twice
        if not store.has(RECEIPT, number):
            batch.put(RECEIPT, number, ReceiptRecord(verb="lost", at=at))
    if found.missing:
        batch.put(RECEIPT, next_receipt, ReceiptRecord(verb="lost", at=at, ids=found.missing))
        next_receipt += 1
    store.commit(
        batch,
        next_id=found.next_id,
        next_receipt=next_receipt,
        memories=found.n_memories,
        hidden=found.n_hidden,
    )
    return found


def _batches(store: Store, found: Derived, progress: Progress | None) -> Iterator[Batch]:
    batch = Batch()
    for done, (id_, record) in enumerate(store.rows(MEMORY, MemoryRecord), 1):
        batch.put(TERMS, id_, make_entry(record))
        if (mark := found.marks.get(id_)) is not None and mark != MarkRecord():
            batch.put(MARK, id_, mark)
        else:
            batch.delete(MARK, id_)
        if record.key is not None and found.names[record.key] == id_:
            batch.put(NAME, record.key, NameRecord(id=id_, digest=digest_of(store, id_)))
        if not done % PAGE:
            if progress is not None:
                progress("rebuilding what is derived", done, found.n_memories)
            yield batch
            batch = Batch()
    yield batch


def put_again(batch: Batch, store: Store, id_: int, record: MemoryRecord) -> None:
    """Put another record of a memory that is there, with what lies beside it: its row tells of those that come with it."""
    batch.put(MEMORY, id_, record)
    appraisal, vector = store.get(APPRAISAL, id_, AppraisalRecord), store.get(VECTOR, id_, VectorRecord)
    if appraisal is not None:
        batch.put(APPRAISAL, id_, appraisal)
    if vector is not None:
        batch.put(VECTOR, id_, vector)


def _hanging(store: Store, found: Derived) -> Batch:
    """Return a batch that deletes names, marks and index entries of memories that are not there."""
    batch = Batch()
    for key, _ in store.raw(NAME):
        if (name := key[1:].decode(errors="replace")) not in found.names:
            batch.delete(NAME, name)
    for area in (TERMS, MARK):
        memories, memory = store.raw(MEMORY), b""
        for key, _ in store.raw(area):
            wanted = MEMORY.prefix + key[1:]
            while memory < wanted:
                memory, _ = next(memories, (MEMORY.stop, b""))
            if memory != wanted:
                batch.delete(area, area.number(key))
    return batch


def forget_patterns(store: Store) -> None:
    """Drop what was learned: memories were lost, and with them what it rested on."""
    batch = Batch()
    for key, _ in store.raw(PATTERN):
        batch.delete(PATTERN, PATTERN.number(key))
    store.commit(batch)
