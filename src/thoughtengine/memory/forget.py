"""Forget, pin, undo, erase: acts upon memories, each with a receipt; only erasing removes bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import msgspec

from thoughtengine.errors import InvalidArgumentError, MemoryNotFoundError
from thoughtengine.memory.derive import digest_of
from thoughtengine.memory.entry import make_entry
from thoughtengine.memory.receipt import Receipt, receipt_of
from thoughtengine.memory.record import MarkRecord, MemoryRecord, NameRecord, ReceiptRecord
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import APPRAISAL, CODE, MARK, MEMORY, NAME, RECEIPT, TERMS, VECTOR

__all__ = ["Acted", "Erasure", "act", "erase_receipt", "find", "is_of", "plan_erasure", "undo", "why_gone"]

_FIELD = {"forget": "forgotten", "pin": "pinned"}


@attrs.frozen
class Acted:
    """What an act did.

    Attributes
    ----------
    receipt : Receipt
        For the host.
    marks : dict of int to MarkRecord
        What stands now about each memory concerned.
    """

    receipt: Receipt
    marks: dict[int, MarkRecord]


def find(store: Store, id_or_key: object, *, argument: str = "id_or_key") -> int:
    """Return the id that an id or key names; a forgotten memory is found too.

    Raises
    ------
    InvalidArgumentError
        For what is neither.
    MemoryNotFoundError
        When there is none; the message tells when it was erased or lost.
    """
    if isinstance(id_or_key, str):
        name = store.get(NAME, id_or_key, NameRecord) if _is_utf8(id_or_key) else None
        if name is not None:
            return name.id
    elif isinstance(id_or_key, bool) or not isinstance(id_or_key, int):
        raise InvalidArgumentError(argument, id_or_key, "an id (int) or a key (str)")
    elif 0 < id_or_key < store.head.next_id and store.has(MEMORY, id_or_key):
        return id_or_key
    raise MemoryNotFoundError(id_or_key, why_gone(store, id_or_key))


def _is_utf8(key: str) -> bool:
    """Tell whether a key can be one: half of a surrogate pair cannot."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def why_gone(store: Store, id_or_key: object) -> str:
    """Return what became of a memory that is not there, as far as receipts tell."""
    if isinstance(id_or_key, int) and 0 < id_or_key < store.head.next_id:
        for number, record in store.rows(RECEIPT, ReceiptRecord):
            if record.verb in ("erase", "lost") and id_or_key in record.ids:
                return "it was erased" if record.verb == "erase" else f"it was lost to damage (receipt {number})"
    return ""


def _marks(store: Store, ids: Iterable[int]) -> dict[int, MarkRecord]:
    return {id_: store.get(MARK, id_, MarkRecord) or MarkRecord() for id_ in ids}


def act(store: Store, verb: str, ids: Sequence[int], *, at: int, sync: bool = False) -> Acted:
    """Forget or pin memories: a mark on each, one receipt, one batch.

    Parameters
    ----------
    store : Store
        Its `writing` lock is held by the caller.
    verb : {"forget", "pin"}
        What to do.
    ids : sequence of int
        Memories that are there.
    at : int
        Microseconds since 1970.
    """
    number, field = store.head.next_receipt, _FIELD[verb]
    before = _marks(store, dict.fromkeys(ids))
    after = {
        id_: msgspec.structs.replace(mark, **{field: (*getattr(mark, field), number)}) for id_, mark in before.items()
    }
    record = ReceiptRecord(verb=verb, at=at, ids=tuple(after))
    _commit(store, number, record, before, after, sync)
    return Acted(receipt_of(number, record), after)


def undo(store: Store, number: int, *, at: int, sync: bool = False) -> Acted:
    """Take a forgetting or pinning back; what another receipt also did stays, and is told.

    Raises
    ------
    InvalidArgumentError
        For a number that is no receipt, or a receipt that cannot be taken back.
    """
    record = store.get(RECEIPT, number, ReceiptRecord) if 0 < number < store.head.next_receipt else None
    if record is None:
        raise InvalidArgumentError("receipt", number, f"a receipt of this mind (1 to {store.head.next_receipt - 1})")
    if record.verb not in _FIELD:
        raise InvalidArgumentError(
            "receipt", number, f'a receipt of "forget" or "pin": "{record.verb}" cannot be taken back'
        )
    field = _FIELD[record.verb]
    before = _marks(store, (id_ for id_ in record.ids if store.has(MEMORY, id_)))
    before = {id_: mark for id_, mark in before.items() if number in getattr(mark, field)}
    after, kept = {}, {id_: "it was erased since" for id_ in record.ids if not store.has(MEMORY, id_)}
    for id_, mark in before.items():
        left = tuple(n for n in getattr(mark, field) if n != number)
        after[id_] = msgspec.structs.replace(mark, **{field: left})
        if left:
            kept[id_] = f"receipt {left[-1]} also did that"
    kept |= {id_: "it had been taken back already" for id_ in record.ids if id_ not in before and id_ not in kept}
    detail = {"kept": {str(id_): why for id_, why in kept.items()}} if kept else {}
    ids = tuple(id_ for id_ in after if id_ not in kept)
    told = ReceiptRecord(verb="undo", at=at, ids=ids, undoes=number, detail=detail)
    new = store.head.next_receipt
    _commit(store, new, told, before, after, sync)
    return Acted(receipt_of(new, told), after)


def is_of(store: Store, receipt: Receipt) -> bool:
    """Tell whether a receipt is one of this store: another mind's bears the number of another act."""
    record = store.get(RECEIPT, receipt.id, ReceiptRecord) if 0 < receipt.id < store.head.next_receipt else None
    mine = None if record is None else receipt_of(receipt.id, record)
    return mine is not None and (mine.verb, mine.at, mine.ids) == (receipt.verb, receipt.at, receipt.ids)


def _commit(
    store: Store,
    number: int,
    record: ReceiptRecord,
    before: dict[int, MarkRecord],
    after: dict[int, MarkRecord],
    sync: bool,
) -> None:
    batch = Batch()
    batch.put(RECEIPT, number, record)
    for id_, mark in after.items():
        batch.put(MARK, id_, mark)
    turned = sum(bool(after[id_].forgotten) - bool(before[id_].forgotten) for id_ in after)
    store.commit(batch, sync=sync, next_receipt=number + 1, hidden=store.head.hidden + turned)


@attrs.frozen
class Erasure:
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
    drop = {area.key(id_) for area in (MEMORY, APPRAISAL, VECTOR, CODE, TERMS, MARK) for id_ in records}
    marks = dict[int, MarkRecord]()
    for record in records.values():
        if record.key is not None:
            _rename(batch, drop, record.key, names.get(record.key), store)
        old = record.supersedes
        if old is not None and old not in wanted and store.has(MEMORY, old):
            mark = store.get(MARK, old, MarkRecord) or MarkRecord()
            marks[old] = msgspec.structs.replace(mark, superseded_by=followed.get(old))
            batch.put(MARK, old, marks[old])
    for mark in _marks(store, records).values():
        hidden += bool(mark.forgotten)
    counters = {
        "memories": store.head.memories - len(records),
        "hidden": store.head.hidden - hidden,
        "next_receipt": store.head.next_receipt + 1,
    }
    return Erasure(tuple(sorted(records)), drop, batch, counters, store.head.next_receipt, marks)


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
            batch.put(MEMORY, id_, changed)
            batch.put(TERMS, id_, make_entry(changed))
    return followed


def _rename(batch: Batch, drop: set[bytes], key: str, heir: int | None, store: Store) -> None:
    """Let a key name the memory it named before, or nothing."""
    if heir is None:
        drop.add(NAME.key(key))
        return
    batch.put(NAME, key, NameRecord(id=heir, digest=digest_of(store, heir)))
    drop.discard(NAME.key(key))


def erase_receipt(erasure: Erasure, *, at: int, detail: dict[str, Any]) -> ReceiptRecord:
    """Return the ledger line of an erasure: ids and how, never a text."""
    return ReceiptRecord(verb="erase", at=at, ids=erasure.ids, detail=detail)
