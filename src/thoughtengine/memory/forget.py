"""Forget, pin, undo: acts upon memories, each with a receipt; nothing is removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from thoughtengine.checks import is_whole
from thoughtengine.errors import InvalidArgumentError, MemoryNotFoundError
from thoughtengine.memory.receipt import Receipt, receipt_of
from thoughtengine.memory.record import MarkRecord, MemoryRecord, NameRecord, ReceiptRecord
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import MARK, MEMORY, NAME, RECEIPT

__all__ = ["Acted", "act", "find", "is_of", "marks_of", "undo", "why_gone", "with_earlier"]

_FIELD = {"forget": "forgotten", "pin": "pinned"}


class Acted(msgspec.Struct, frozen=True):
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
    elif not is_whole(id_or_key):
        raise InvalidArgumentError(argument, id_or_key, "an id (int) or a key (str)")
    elif 0 < id_or_key < store.head.next_id and store.has(MEMORY, int(id_or_key)):
        return int(id_or_key)
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
    if is_whole(id_or_key) and 0 < id_or_key < store.head.next_id:
        for number, record in store.rows(RECEIPT, ReceiptRecord):
            if record.verb in ("erase", "lost") and id_or_key in record.ids:
                if record.verb == "erase":
                    return "it was erased"
                unsure = "if there was one, " if record.detail.get("perhaps") else ""
                return f"{unsure}it was lost to damage (receipt {number})"
    return ""


def with_earlier(store: Store, ids: Iterable[int]) -> list[int]:
    """Return memories, each once, and what they replaced, and what that had replaced, where it is not forgotten already."""
    found = dict.fromkeys(ids)
    for id_ in list(found):
        current: int | None = id_
        while current is not None and (record := store.get(MEMORY, current, MemoryRecord)) is not None:
            if not (store.get(MARK, current, MarkRecord) or MarkRecord()).forgotten:
                found[current] = None
            current = record.supersedes
    return list(found)


def marks_of(store: Store, ids: Iterable[int]) -> dict[int, MarkRecord]:
    """Return what stands about each of some memories."""
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
    before = marks_of(store, dict.fromkeys(ids))
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
    before = marks_of(store, (id_ for id_ in record.ids if store.has(MEMORY, id_)))
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
