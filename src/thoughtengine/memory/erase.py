"""Erase: remove memories for good, bytes and all that follows from them, from the store and the snapshots inside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from thoughtengine.memory.derive import digest_of, put_again
from thoughtengine.memory.forget import marks_of
from thoughtengine.memory.index.entry import make_entry
from thoughtengine.memory.receipt import Receipt, receipt_of
from thoughtengine.memory.record import MarkRecord, MemoryRecord, NameRecord, ReceiptRecord, VerdictRecord
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Store
from thoughtengine.storage.copies import purge_snapshots
from thoughtengine.storage.files import discard
from thoughtengine.storage.folder import QUARANTINE, FolderStore
from thoughtengine.storage.keyspace import (
    APPRAISAL,
    ASIDE,
    CODE,
    FORMER,
    MARK,
    MEMORY,
    NAME,
    ORIGIN,
    PATTERN,
    PATTERN_ROWS,
    RECEIPT,
    TERMS,
    VECTOR,
    VERDICT,
)  # fmt: skip

__all__ = ["Erasure", "erase", "goes_from", "plan_erasure"]

_OF_A_MEMORY = (MEMORY, APPRAISAL, VECTOR, CODE, FORMER, TERMS, MARK, ORIGIN, ASIDE)


def erase(store: FolderStore, ids: Iterable[int], *, at: int, pointer: Mapping[str, Any] | None = None) -> Receipt:
    """Write the store anew without some memories and without what was made from them.

    Snapshots first, the generation last: killed in between, the memories are still there and can be erased again.

    Parameters
    ----------
    store : FolderStore
        Its `writing` lock is held by the caller.
    ids : iterable of int
        Memories that are there.
    at : int
        Microseconds since 1970.
    pointer : mapping, optional
        Fields of the pointer file that change in the moment in which the memories go.

    Returns
    -------
    Receipt
        Its `proof` tells how the bytes went, and which copies outside the folder are out of reach.
    """
    store.stay()
    plan = plan_erasure(store, ids)
    detail: dict[str, Any] = {
        "method": "rebuild",
        "out_of_reach": [dict(made) for made in store.pointer.backups],
        "n_with_what_was_made_from_them": len(plan.ids),
    }

    def receipt() -> ReceiptRecord:
        return ReceiptRecord(verb="erase", at=at, ids=plan.ids, detail=detail)

    detail["snapshots"] = purge_snapshots(store, plan.drop, (RECEIPT, receipt()))
    detail["quarantine_removed"] = (store.root / QUARANTINE).exists()
    discard(store.root / QUARANTINE)
    plan.batch.put(RECEIPT, plan.receipt, receipt())
    detail |= store.rewrite(plan.drop, plan.batch, whole=True, pointer=pointer, **plan.counters)
    return receipt_of(plan.receipt, receipt())


class Erasure(msgspec.Struct, frozen=True):
    """What an erasure takes away.

    Attributes
    ----------
    ids : tuple of int
        The memories, those made from them included.
    drop : set of bytes
        Keys of all their rows.
    batch : Batch
        Rows that change because of it: names, marks, the receipt.
    counters : dict
        For the head.
    receipt : int
        Its number.
    marks : dict of int to MarkRecord
        Of memories that stay and whose mark changed.
    """

    ids: tuple[int, ...]
    drop: set[bytes]
    batch: Batch
    counters: dict[str, int]
    receipt: int
    marks: dict[int, MarkRecord]


def goes_from(store: Store, ids: Iterable[int]) -> tuple[set[bytes], Batch]:
    """Return what an erasure takes from another state of a mind, such as a rollback point: keys that go, rows that change.

    There is no receipt among them: that is the mind's own.
    """
    plan = plan_erasure(store, ids)
    plan.batch.puts[RECEIPT].pop(RECEIPT.key(plan.receipt), None)
    return plan.drop, plan.batch


def plan_erasure(store: Store, ids: Iterable[int]) -> Erasure:
    """Work out every row that an erasure removes or changes; nothing is written.

    Cost: one pass over the memories, to find what was made from them and what they superseded.
    """
    wanted, records = set(ids), dict[int, MemoryRecord]()
    revisions: dict[int, int] = {}
    names: dict[str, int] = {}
    for id_, record in store.rows(MEMORY, MemoryRecord):
        if id_ in wanted or not wanted.isdisjoint(record.derived_from):
            wanted.add(id_)
            records[id_] = record
            continue
        if record.key is not None:
            names[record.key] = id_
        if record.supersedes is not None:
            revisions[id_] = record.supersedes
    batch, hidden = Batch(), 0
    followed = _relink(batch, revisions, records, store)
    drop = {area.key(id_) for area in _OF_A_MEMORY for id_ in records}
    marks = dict[int, MarkRecord]()
    drop |= {PATTERN.key(number) for number in range(PATTERN_ROWS)}  # learned anew from what stays
    _unsay(batch, drop, wanted, store)
    for record in records.values():
        if record.key is not None:
            _rename(batch, drop, record.key, names.get(record.key), store)
        old = record.supersedes
        if old is not None and old not in wanted and store.has(MEMORY, old):
            mark = store.get(MARK, old, MarkRecord) or MarkRecord()
            marks[old] = msgspec.structs.replace(mark, superseded_by=followed.get(old))
            batch.put(MARK, old, marks[old])
    for mark in marks_of(store, records).values():
        hidden += bool(mark.forgotten)
    counters = {
        "memories": store.head.memories - len(records),
        "hidden": store.head.hidden - hidden,
        "next_receipt": store.head.next_receipt + 1,
    }
    return Erasure(tuple(sorted(records)), drop, batch, counters, store.head.next_receipt, marks)


def _unsay(batch: Batch, drop: set[bytes], erased: set[int], store: Store) -> None:
    """Drop what the host said of patterns that rested on nothing but what is erased."""
    for number, verdict in store.rows(VERDICT, VerdictRecord):
        left = tuple(id_ for id_ in verdict.evidence if id_ not in erased)
        if not left:
            drop.add(VERDICT.key(number))
        elif left != verdict.evidence:
            batch.put(VERDICT, number, msgspec.structs.replace(verdict, evidence=left))


def _relink(batch: Batch, revisions: dict[int, int], erased: dict[int, MemoryRecord], store: Store) -> dict[int, int]:
    """Let a revision take the place of what its erased predecessor had replaced, which would else be current again.

    Returns
    -------
    dict of int to int
        Of the memories that stay: which was replaced by which.
    """
    followed: dict[int, int] = {}
    for id_, replaced in revisions.items():
        old: int | None = replaced
        while old is not None and old in erased:
            old = erased[old].supersedes
        if old is not None:
            followed[old] = id_
        if old != replaced and (record := store.get(MEMORY, id_, MemoryRecord)) is not None:
            changed = msgspec.structs.replace(record, supersedes=old)
            put_again(batch, store, id_, changed)
            batch.put(TERMS, id_, make_entry(changed))
    return followed


def _rename(batch: Batch, drop: set[bytes], key: str, heir: int | None, store: Store) -> None:
    """Let a key name the memory it named before, or nothing."""
    if heir is None:
        drop.add(NAME.key(key))
        return
    batch.put(NAME, key, NameRecord(id=heir, digest=digest_of(store, heir)))
    drop.discard(NAME.key(key))
