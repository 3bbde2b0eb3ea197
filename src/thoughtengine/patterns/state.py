"""State: what the finders have learned, as rows of the store; derived, so it is dropped where it cannot be trusted."""

from __future__ import annotations

import contextlib

import msgspec

from thoughtengine.errors import RecordError
from thoughtengine.patterns.concepts import Concepts
from thoughtengine.patterns.finders import Finders
from thoughtengine.patterns.tables import Packed, pack, unpack
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import PATTERN

__all__ = ["ANEW", "LOGIC", "PatternsRecord", "load", "save", "unsave"]

LOGIC = 8
"""Version of what is learned and how; state of another one is learned anew from the memories."""
ANEW = 64
"""First row of the state that is being learned anew; before it is the one that serves."""


class PatternsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which experiences the tables cover, and what made them."""

    logic: int
    fingerprint: str  # of the encoder whose vectors were clustered
    covered: int  # id of the last one
    tables: int  # rows behind this one
    names: list[tuple[int, str, str]]  # hash, kind, name
    thread: int
    offset: int
    moment: int
    outcomes: list[tuple[int, float]] = []  # id of a pattern, balance of predictions from it
    passed: list[int] = []  # ids that were passed over, forgotten
    dimension: int | None = None


def save(store: Store, finders: Finders, *, fingerprint: str, slot: int = 0) -> None:
    """Write the state in one batch, in the place of the earlier one in that slot."""
    tables = finders.tables()
    batch = Batch()
    concepts = finders.concepts
    head = PatternsRecord(
        logic=LOGIC, fingerprint=fingerprint, covered=finders.covered, tables=len(tables),
        names=[(key, kind, name) for key, (kind, name) in finders.names.items()],
        thread=finders.thread, offset=finders.offset, moment=finders.moment,
        outcomes=list(finders.outcomes.items()), passed=finders.passed,
        dimension=None if concepts is None else concepts.dimension,
    )  # fmt: skip
    batch.put(PATTERN, slot, head)
    for number, (name, values) in enumerate(tables.items(), slot + 1):
        batch.put(PATTERN, number, pack(name, values))
    store.commit(batch)


def unsave(store: Store, *, slot: int) -> None:
    """Remove the state in a slot."""
    batch = Batch()
    for key, _ in store.raw(PATTERN, after=slot - 1):
        if PATTERN.number(key) < slot + ANEW:
            batch.delete(PATTERN, PATTERN.number(key))
    store.commit(batch)


def load(store: Store, *, fingerprint: str, slot: int = 0) -> Finders:
    """Return the state as it was saved; empty where it is missing, damaged, of other logic or encoder, or ahead."""
    with contextlib.suppress(RecordError):
        head = store.get(PATTERN, slot, PatternsRecord)
        if (
            head is not None
            and (head.logic, head.fingerprint) == (LOGIC, fingerprint)
            and head.covered < store.head.next_id
        ):
            return _restored(store, head, slot)
    return Finders()


def _restored(store: Store, head: PatternsRecord, slot: int) -> Finders:
    finders = Finders()
    finders.covered, finders.thread = head.covered, head.thread
    finders.names = {key: (kind, name) for key, kind, name in head.names}
    finders.offset, finders.moment = head.offset, head.moment
    finders.outcomes, finders.passed = dict(head.outcomes), list(head.passed)
    if head.dimension is not None:
        finders.concepts = Concepts(head.dimension)
    wanted, found = finders.tables(), dict[str, Packed]()
    for number in range(slot + 1, slot + head.tables + 1):
        packed = store.get(PATTERN, number, Packed)
        if packed is not None:
            found[packed.name] = packed
    if found.keys() != wanted.keys():
        raise RecordError("pattern state: its tables are not those that this release makes")
    for name, values in wanted.items():
        read = unpack(found[name])
        if read.dtype != values.dtype or read.size != values.size:
            raise RecordError(f"pattern table {name}: {read.size} {read.dtype}, expected {values.size} {values.dtype}")
        values[:] = read
    return finders
