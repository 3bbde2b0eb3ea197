"""Check: read everything, build what is derived again in memory, and tell every difference."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from thoughtengine._types import Finding, Progress
from thoughtengine.errors import RecordError
from thoughtengine.memory.derive import Derived, content_digest, derive
from thoughtengine.memory.index.analysis import ANALYSIS
from thoughtengine.memory.index.entry import Entry, make_entry
from thoughtengine.memory.index.shelf import Shelf
from thoughtengine.memory.record import (
    AppraisalRecord,
    MarkRecord,
    MemoryRecord,
    NameRecord,
    ReceiptRecord,
    VectorRecord,
    VerdictRecord,
)
from thoughtengine.storage.codec import body_of, decode
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import (
    APPRAISAL,
    ASIDE,
    CARRIED,
    CODE,
    CURSOR,
    FORMER,
    HEAD,
    LOWERED,
    MARK,
    MEMORY,
    NAME,
    ORIGIN,
    PATTERN,
    RECEIPT,
    STATE,
    TERMS,
    VECTOR,
    VERDICT,
    Area,
    HeadRecord,
)
from thoughtengine.storage.origin import (
    AsideRecord,
    CarriedRecord,
    CursorRecord,
    LoweredRecord,
    OriginRecord,
    StateRecord,
)

__all__ = ["check_memories"]

_OF_A_MEMORY = (APPRAISAL, VECTOR, CODE, FORMER, TERMS, MARK, ORIGIN, ASIDE)
_RECORD: dict[Area, Any] = {
    MEMORY: MemoryRecord,
    APPRAISAL: AppraisalRecord,
    VECTOR: VectorRecord,
    CODE: VectorRecord,
    FORMER: VectorRecord,
    RECEIPT: ReceiptRecord,
    NAME: NameRecord,
    MARK: MarkRecord,
    TERMS: Entry,
    HEAD: HeadRecord,
    VERDICT: VerdictRecord,
    PATTERN: dict,  # `patterns` knows its fields, and learns anew what it cannot read
    ORIGIN: OriginRecord,
    CARRIED: CarriedRecord,
    STATE: StateRecord,
    ASIDE: AsideRecord,
    LOWERED: LoweredRecord,
    CURSOR: CursorRecord,
}


def check_memories(store: Store, *, derived: Path | None = None, progress: Progress | None = None) -> list[Finding]:
    """Return what is wrong with the rows of a store that nobody writes to meanwhile; `[]` is sound.

    Parameters
    ----------
    derived : Path, optional
        Folder of the segment files of its index, which are checked too.

    Checked: every row's envelope, body and area; that ids are accounted for; that counters, names, marks and index entries
    equal what the source rows give; that nothing hangs in the air.

    Cost: one read of everything and one analysis of every text, about 60 microseconds a memory.

    Raises
    ------
    StoreDamagedError
        When a file cannot be read.
    """
    ids: dict[Area, array[int]] = {area: array("Q") for area in (MEMORY, *_OF_A_MEMORY)}
    findings = list(_unreadable(store, ids))
    if findings:
        return findings
    found = derive(store, next_id=store.read_head().next_id)
    findings += _accounting(store, found)
    findings += _entries(store, found, progress)
    findings += _hanging(store, found, ids)
    findings += Shelf(derived).findings(store)
    return findings


def _unreadable(store: Store, noted: dict[Area, array[int]]) -> Iterator[Finding]:
    """Read everything; note the ids of what belongs to memories."""
    for key, value in store.everything():
        area = store.area_of(key)
        if area is None:
            yield Finding("unknown key", key.hex(), "no area of this format has that prefix; it is carried untouched")
            continue
        try:
            decode(body_of(key, value, area), _RECORD[area])
            if area in noted:
                noted[area].append(area.number(key))
        except (RecordError, OverflowError) as error:  # the latter: a number of more than eight bytes
            ids = (area.number(key),) if area.numbered else ()
            yield Finding("unreadable", f"{area.name} {key[1:].hex()}", f"{error}", ids)


def _accounting(store: Store, found: Derived) -> Iterator[Finding]:
    head = store.read_head()
    if found.missing:
        told = f"no memory and no receipt for {len(found.missing)} ids; te.restore a backup, or open the mind to have it noted"
        yield Finding("missing memory", "memory", told, found.missing)
    have = (head.memories, head.hidden, head.next_id, head.next_receipt)
    want = (found.n_memories, found.n_hidden, found.next_id, found.next_receipt)
    for name, left, right in zip(("memories", "hidden", "next_id", "next_receipt"), have, want, strict=True):
        if left != right:
            yield Finding("count differs", f"head {name}", f"the head says {left}, the rows give {right}")


def _entries(store: Store, found: Derived, progress: Progress | None) -> Iterator[Finding]:
    entries, marks = store.along(TERMS, Entry), store.along(MARK, MarkRecord)
    appraisals, vectors = store.along(APPRAISAL, AppraisalRecord), store.along(VECTOR, VectorRecord)
    names = _names(store)
    for done, (id_, record) in enumerate(store.rows(MEMORY, MemoryRecord), 1):
        entry = entries(id_)
        if entry is None or (entry.analysis == ANALYSIS and entry != make_entry(record)):
            yield Finding("derived differs", f"terms {id_}", "the index entry is not what the memory gives", (id_,))
        mark = marks(id_) or MarkRecord()
        if mark != found.marks.get(id_, MarkRecord()):
            yield Finding("derived differs", f"mark {id_}", f"{mark} is not what the receipts give", (id_,))
        if record.key is not None and found.names[record.key] == id_:
            name = names(record.key)
            vector = vectors(id_)
            digest = content_digest(record, appraisals(id_), vector.data if vector else None)
            if name is None or name.id != id_ or name.digest != digest:
                yield Finding("derived differs", f"name {record.key!r}", f"it does not name memory {id_}", (id_,))
        if record.supersedes is not None and not 0 < record.supersedes < id_:
            yield Finding(
                "orphan", f"memory {id_}", f"it supersedes {record.supersedes}, which is no earlier memory", (id_,)
            )
        if progress is not None and not done % 1024:
            progress("checking", done, found.n_memories)


def _hanging(store: Store, found: Derived, ids: dict[Area, array[int]]) -> Iterator[Finding]:
    for area in _OF_A_MEMORY:
        for id_ in _without(ids[area], ids[MEMORY]):
            yield Finding("orphan", f"{area.name} {id_}", "there is no such memory", (id_,))
    for key, _ in store.raw(NAME):
        if key[1:].decode(errors="replace") not in found.names:
            yield Finding("orphan", f"name {key[1:]!r}", "no memory has that key")


def _without(ids: Iterable[int], memories: Iterable[int]) -> Iterator[int]:
    """Yield the ids that are not among those of memories; both rise."""
    rest, memory = iter(memories), -1
    for id_ in ids:
        while memory < id_:
            memory = next(rest, 1 << 64)
        if memory != id_:
            yield id_


def _names(store: Store) -> Callable[[str], NameRecord | None]:
    """Return what gives the row of a name: names that rise with the ids are read once, in order, the others looked up."""
    rows = store.raw(NAME)
    row = next(rows, None)

    def get(name: str) -> NameRecord | None:
        nonlocal row
        key = NAME.key(name)
        while row is not None and row[0] < key:
            row = next(rows, None)
        if row is None or row[0] != key:
            return store.get(NAME, name, NameRecord)
        return decode(body_of(key, row[1], NAME), NameRecord)

    return get
