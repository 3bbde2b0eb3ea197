"""Check: read everything, build what is derived again in memory, and tell every difference."""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable, Iterator
from itertools import chain, starmap
from pathlib import Path
from typing import Any

from thoughtengine._types import Finding, Progress
from thoughtengine.errors import RecordError
from thoughtengine.memory.derive import Derived, content_digest, derive, told_by
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
from thoughtengine.storage.codec import body_of, decode, encode
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
_ON_THEIR_OWN = (b"", NAME.prefix), (NAME.stop, TERMS.prefix), (TERMS.stop, b"\xff" * 9)
"""Ranges of keys of what is not read beside the memories."""
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

    Cost: one read of everything and one analysis of every text, about 45 microseconds a memory.

    Raises
    ------
    StoreDamagedError
        When a file cannot be read.
    """
    ids: dict[Area, array[int]] = {area: array("Q") for area in (MEMORY, *_OF_A_MEMORY)}
    unread = list[Finding]()
    told = told_by(_read(store, ids, unread))
    entries, names = _Beside(store, TERMS, unread), _Beside(store, NAME, unread, told.names)
    findings = list[Finding]()
    if not unread:
        found = derive(store, next_id=store.read_head().next_id, told=told)
        findings += _accounting(store, found)
        findings += _entries(store, found, entries, names, progress)
    entries.end()
    names.end()
    if unread:
        return list(dict.fromkeys(unread))
    findings += _hanging(ids, entries, names)
    findings += Shelf(derived).findings(store)
    return findings


def _read(store: Store, noted: dict[Area, array[int]], unread: list[Finding]) -> Iterator[tuple[int, MemoryRecord]]:
    """Read what is not read beside the memories, and yield these; note ids of what belongs to them, and what is unreadable."""
    for key, value in chain.from_iterable(starmap(store.between, _ON_THEIR_OWN)):
        area = store.area_of(key)
        if area is None:
            told = "no area of this format has that prefix; it is carried untouched"
            unread.append(Finding("unknown key", key.hex(), told))
            continue
        try:
            record = decode(body_of(key, value, area), _RECORD[area])
            if area in noted:
                noted[area].append(number := area.number(key))
                if area is MEMORY:
                    yield number, record
        except (RecordError, OverflowError) as error:  # the latter: a number of more than eight bytes
            unread.append(_unreadable(area, key, error))


def _unreadable(area: Area, key: bytes, error: Exception) -> Finding:
    ids = (area.number(key),) if area.numbered else ()
    return Finding("unreadable", f"{area.name} {key[1:].hex()}", f"{error}", ids)


class _Beside:
    """Rows of an area that are derived from the memories, each read once, in order, while these are walked.

    Parameters
    ----------
    store, area : Store, Area
        Which rows.
    unread : list of Finding
        Takes what is unreadable.
    names : container of str
        What the rows may be called that are not asked for in their order.

    Attributes
    ----------
    hanging : list of bytes
        Keys that no memory has asked for.
    """

    def __init__(self, store: Store, area: Area, unread: list[Finding], names: Container[str] = ()) -> None:
        self._store, self._area, self._unread, self._names = store, area, unread, names
        self._rows = store.raw(area)
        self._row = next(self._rows, None)
        self.hanging: list[bytes] = []

    def is_of(self, name: int | str, made: Any) -> bool:
        """Tell whether a row is what a memory gives; an entry of another analysis is made again on reading."""
        key = self._area.key(name)
        while self._row is not None and self._row[0] < key:
            self._pass_over(*self._row)
        try:
            value: bytes | None = None
            if self._row is not None and self._row[0] == key:
                value, self._row = self._row[1], next(self._rows, None)
            elif name in self._names:  # it does not rise with the ids
                value = self._store._get(key)
            if value is None:
                return False
            body = body_of(key, value, self._area)
            record = made if body == encode(made) else decode(body, type(made))
        except RecordError as error:
            self._unread.append(_unreadable(self._area, key, error))
            return True
        return bool(record == made or getattr(record, "analysis", ANALYSIS) != ANALYSIS)

    def _pass_over(self, key: bytes, value: bytes) -> None:
        self._row = next(self._rows, None)
        try:
            decode(body_of(key, value, self._area), _RECORD[self._area])
            if self._area.numbered:
                self._area.number(key).to_bytes(8, "big")  # raises where it is none
        except (RecordError, OverflowError) as error:
            self._unread.append(_unreadable(self._area, key, error))
        if key[1:].decode(errors="replace") not in self._names:
            self.hanging.append(key)

    def end(self) -> None:
        """Read the rows that are left."""
        while self._row is not None:
            self._pass_over(*self._row)


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


def _entries(
    store: Store, found: Derived, entries: _Beside, names: _Beside, progress: Progress | None
) -> Iterator[Finding]:
    marks = store.along(MARK, MarkRecord)
    appraisals, vectors = store.along(APPRAISAL, AppraisalRecord), store.along(VECTOR, VectorRecord)
    for done, (id_, record) in enumerate(store.rows(MEMORY, MemoryRecord), 1):
        if not entries.is_of(id_, make_entry(record)):
            yield Finding("derived differs", f"terms {id_}", "the index entry is not what the memory gives", (id_,))
        mark = marks(id_) or MarkRecord()
        if mark != found.marks.get(id_, MarkRecord()):
            yield Finding("derived differs", f"mark {id_}", f"{mark} is not what the receipts give", (id_,))
        if record.key is not None and found.names[record.key] == id_:
            vector = vectors(id_)
            digest = content_digest(record, appraisals(id_), vector.data if vector else None)
            if not names.is_of(record.key, NameRecord(id=id_, digest=digest)):
                yield Finding("derived differs", f"name {record.key!r}", f"it does not name memory {id_}", (id_,))
        if record.supersedes is not None and not 0 < record.supersedes < id_:
            yield Finding(
                "orphan", f"memory {id_}", f"it supersedes {record.supersedes}, which is no earlier memory", (id_,)
            )
        if progress is not None and not done % 1024:
            progress("checking", done, found.n_memories)


def _hanging(ids: dict[Area, array[int]], entries: _Beside, names: _Beside) -> Iterator[Finding]:
    ids[TERMS] = array("Q", map(TERMS.number, entries.hanging))
    for area in _OF_A_MEMORY:
        for id_ in _without(ids[area], ids[MEMORY]):
            yield Finding("orphan", f"{area.name} {id_}", "there is no such memory", (id_,))
    for key in names.hanging:
        yield Finding("orphan", f"name {key[1:]!r}", "no memory has that key")


def _without(ids: Iterable[int], memories: Iterable[int]) -> Iterator[int]:
    """Yield the ids that are not among those of memories; both rise."""
    rest, memory = iter(memories), -1
    for id_ in ids:
        while memory < id_:
            memory = next(rest, 1 << 64)
        if memory != id_:
            yield id_
