"""Validate: the new generation against the old, record by record; accounting that balances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from thoughtengine.migrations.before import Before, is_memory
from thoughtengine.migrations.lift import TOO_MANY, lift
from thoughtengine.migrations.merge import may_be_merged, merged
from thoughtengine.migrations.meter import Pace
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.sweep import row_digest, rows_of
from thoughtengine.migrations.v0001_flat import COMPONENTS, layer_of
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, Receipt
from thoughtengine.storage.codec import FLAGS, body_of, decode, encode
from thoughtengine.storage.keyspace import APPRAISAL, CARRIED, LOWERED, MEMORY, ORIGIN, RECEIPT, STATE
from thoughtengine.storage.origin import LoweredRecord, OriginRecord, StateRecord

__all__ = ["Validation", "validate"]

_TOLD = 5


class Validation(msgspec.Struct, frozen=True):
    """What a validation found.

    Attributes
    ----------
    wrong : tuple of str
        What does not hold; empty where all does.
    before, after : str
        Digest of the old rows, and of the same rows as the new generation gives them back.
    n_in, n_memories, n_appraisals, n_carried, n_kept : int
        Rows of the old store, and what became of them: memories, appraisals beside one, rows carried as they are, and
        those that had been here before; `n_in` is the sum of the others.
    n_quarantined, n_as_bytes : int
        Of the memories those whose row the step raised on, and of these those that are served as bytes.
    """

    wrong: tuple[str, ...]
    before: str
    after: str
    n_in: int
    n_memories: int
    n_appraisals: int
    n_carried: int
    n_kept: int = 0
    n_quarantined: int = 0
    n_as_bytes: int = 0


State = Callable[[str, bytes], tuple[int, StateRecord] | None]


def validate(store: UpgradingStore, before: Before, pace: Pace, state_of: State) -> Validation:
    """Read old and new in full and compare: content by digest, each record with what the step makes of its origin.

    Parameters
    ----------
    store, before : UpgradingStore, Before
        New and old.
    pace : Pace
        For the reading.
    state_of : callable
        ``state_of(component, value)``: what the state of a component becomes, and its number.

    Notes
    -----
    Costs about 15 microseconds a record.
    """
    least, share = TOO_MANY
    again = store.pointer.upgrade is not None and store.pointer.upgrade.again
    records, failed = list[str](), list[bool]()
    origins = _compared(store, pace, records, failed)
    found = _again(store, before, origins) if again else _first(store, before, origins, pace)
    states = () if again else _states_wrong(store, before, state_of)
    if sum(failed) > max(least, share * found.n_in):
        records.append(f"the step raises on {sum(failed)} rows: that is no row's fault any more")
    return msgspec.structs.replace(
        found, wrong=tuple([*found.wrong, *records, *states][:_TOLD]), n_quarantined=len(failed), n_as_bytes=sum(failed)
    )


def _sum(key: bytes, value: bytes) -> int:
    return int.from_bytes(row_digest(key, value), "big")


def _first(store: UpgradingStore, before: Before, origins: Iterable[OriginRecord], pace: Pace) -> Validation:
    n_in = n_memories = n_appraisals = n_out = 0
    old, new, given = 0, 0, rows_of(store, origins)
    row = next(given, None)
    for key, value in before.rows():
        digest = _sum(key, value)
        n_in, old = n_in + 1, old + digest
        while row is not None and row[0] <= key:  # most are the same in the same order: what is equal is summed up once
            n_out, new = n_out + 1, new + (digest if row == (key, value) else _sum(*row))
            row = next(given, None)
        memory = is_memory(before, key)
        n_memories += memory
        n_appraisals += not memory and bool(layer_of(key))
        pace.breathe()
    while row is not None:
        n_out, new, row = n_out + 1, new + _sum(*row), next(given, None)
    old, new = old % (1 << 128), new % (1 << 128)
    wrong = []
    n_carried = sum(1 for _ in store.raw(CARRIED))
    if (n_in, old) != (n_out, new):
        wrong.append(f"the old store has {n_in} rows of digest {old:032x}, the new one gives {n_out} of {new:032x}")
    if n_in != n_memories + n_appraisals + n_carried:
        wrong.append(
            f"{n_in} rows do not balance with {n_memories} memories, {n_appraisals} appraisals, {n_carried} carried"
        )
    return Validation(tuple(wrong), f"{old:032x}", f"{new:032x}", n_in, n_memories, n_appraisals, n_carried)


def _again(store: UpgradingStore, before: Before, origins: Iterable[OriginRecord]) -> Validation:
    """Compare where what had been kept aside was merged: each old row is here, as its origin or as it went down."""
    new_rows = {row_digest(key, value) for key, value in rows_of(store, origins)}
    n_in = n_new = n_kept = n_carried = old = 0
    wrong = []
    for key, value in before.rows():
        digest, layer = row_digest(key, value), layer_of(key)
        n_in, old = n_in + 1, (old + int.from_bytes(digest, "big")) % (1 << 128)
        lowered = store.get(LOWERED, key, LoweredRecord)
        if lowered is not None and lowered.digest == digest and (not lowered.id or store.has(MEMORY, lowered.id)):
            n_kept += 1
        elif digest not in new_rows:
            wrong.append(f"{key!r} is not in the new generation")
        elif layer:
            n_new += 1
        else:
            n_carried += 1
    digest_here = f"{old:032x}" if not wrong else "differs"
    return Validation(tuple(wrong), f"{old:032x}", digest_here, n_in, n_new, 0, n_carried, n_kept)


def _states_wrong(store: UpgradingStore, before: Before, state_of: State) -> Iterator[str]:
    """Compare what the components had learned with what the step makes of it: nothing is lost, and nothing invented."""
    expected = dict[int, StateRecord]()
    for key, component in COMPONENTS.items():
        value = before.get(key)
        made = None if value is None else state_of(component, value)
        if made is not None:
            expected[made[0]] = made[1]
    found = dict(store.rows(STATE, StateRecord))
    for number in sorted(expected.keys() | found.keys()):
        if found.get(number) != expected.get(number):
            yield f"state {number} is not what the step makes of its component"


class _Revision(msgspec.Struct, frozen=True):
    """The part of a memory of format 2 that its origin does not tell."""

    supersedes: int | None = None


def _first_erased(store: UpgradingStore, fork_id: int) -> int:
    """Return the first id that was erased, which later versions do not name any more; 0 where receipts are lost."""
    rows = (row for _, row in store.rows(RECEIPT, Receipt) if row.verb in ("erase", "lost"))
    return min((min(row.ids, default=0) for row in rows), default=fork_id)


def _compared(store: UpgradingStore, pace: Pace, wrong: list[str], failed: list[bool]) -> Iterator[OriginRecord]:
    """Yield every origin; note where the record is not what the step makes of it; of each it raises on, whether it is bytes."""
    memories, row = store.raw(MEMORY), (b"", b"")
    note = store.pointer.upgrade
    fork_id = note.fork_id if note is not None else 0
    erased = _first_erased(store, fork_id) if note is not None and note.again else fork_id
    for id_, origin in store.rows(ORIGIN, OriginRecord):
        yield origin
        pace.breathe()
        key = MEMORY.key(id_)
        while row[0] < key:
            row = next(memories, (b"\xff", b""))
        if row[0] != key:
            wrong.append(f"memory {id_} ({origin.key!r}) is missing")
            continue
        body, beside = body_of(key, row[1], MEMORY), row[1][FLAGS] & MEMORY.beside[APPRAISAL.prefix]
        told = list[str]()
        memory, appraisal, why = lift(origin.key, origin.value, origin.emotion)
        if body != encode(memory):  # else it is a later version of nothing
            supersedes = decode(body, _Revision).supersedes
            if supersedes is not None and id_ < fork_id:
                continue  # merged, and compared, by an earlier upgrade: what it was merged with may be another by now
            made = merged(store, origin, supersedes)
            memory, appraisal = made.memory, made.appraisal
            if body != encode(memory) and (supersedes is None or body != encode(made.named(origin))):
                told.append(f"memory {id_} ({origin.key!r}) is not what the step makes of its origin")
        if why:
            failed.append(memory.payload is origin.value)
        felt = store._get(APPRAISAL.key(id_)) if beside or appraisal is not None else None
        given = None if felt is None else body_of(APPRAISAL.key(id_), felt, APPRAISAL)
        if given != (None if appraisal is None else encode(appraisal)):
            told.append(f"the appraisal of memory {id_} ({origin.key!r}) is not what the step makes of its origin")
        if told and erased < id_ < fork_id:  # merged by an earlier upgrade, it may be, with what is erased by now
            now = None if given is None else decode(given, Appraisal)
            told = [] if may_be_merged(origin, decode(body, Memory), now) else told
        wrong += told
