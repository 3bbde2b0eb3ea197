"""Take back: the sealed copy serves again, with what was written since carried down into it."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import msgspec

from thoughtengine.errors import RecordUpgradeError, StoreDamagedError
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.meter import Meter
from thoughtengine.migrations.points import uncovered
from thoughtengine.migrations.prove import prove_generation, sealed_damage, stay
from thoughtengine.migrations.report import UpgradeReport, write_report
from thoughtengine.migrations.running import Tools
from thoughtengine.migrations.sound import lost_of, needed, require_sound
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.migrations.v0002_envelopes import Memory
from thoughtengine.storage.checkpoint import checkpoint, verify
from thoughtengine.storage.codec import decode, encode, open_envelope, seal
from thoughtengine.storage.contract import PAGE, Rows
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, discard, sync_tree
from thoughtengine.storage.folder import FolderStore, generation_name
from thoughtengine.storage.keyspace import (
    APPRAISAL,
    AREAS,
    ASIDE,
    CURSOR,
    HEAD,
    MEMORY,
    NAME,
    RECEIPT,
    VECTOR,
    VERDICT,
    HeadRecord,
)
from thoughtengine.storage.pointer import Pointer, UpgradeNote
from thoughtengine.storage.store import Level

__all__ = ["check_way_down", "drop_way_back", "take_back", "take_back_all"]

_OTHER_WAY = "te.rollback(path, to={KIND: VERSION}, hooks=[...]) takes payloads down by their steps"


class _Name(msgspec.Struct, frozen=True):
    """The part of a name row of format 2 that matters here."""

    id: int


def take_back(store: FolderStore, hooks: Hooks, tools: Tools, *, why: str, verified: bool = False) -> UpgradeReport:
    """Serve the sealed copy again, with what was written since carried down into it; the store stays open.

    Writers wait while what came during the proof is carried down and the pointer file is written, not longer, unless what is
    derived has to be made again, as it has where damage had taken rows. Cost: that of `check`, about 80 microseconds a memory;
    the sealed copy is read in full before anything is noted (`verified`: it was).

    Raises
    ------
    RecordUpgradeError
        When a payload written since has no way down; nothing was done then.
    StoreDamagedError
        When the sealed copy does not hold what was put into it, or the mind cannot be read; the upgraded payloads stay.
    UpgradeFailedError
        When what was made does not hold; the upgraded payloads stay, and can be gone on with.
    """
    meter, pointer, note = Meter(), store.pointer, store.pointer.upgrade
    if note is None or not note.namespaces:
        raise ValueError("there is no upgrade of payloads to take back")
    check_way_down(store, hooks)
    try:
        require_sound(store, [] if verified else [note])
        return _taken_back(store, hooks, tools, note, meter, why)
    except StoreDamagedError:
        if store.pointer.stage == "ROLLING_BACK":
            stay(store, pointer)
        raise


def _taken_back(
    store: FolderStore, hooks: Hooks, tools: Tools, note: UpgradeNote, meter: Meter, why: str
) -> UpgradeReport:
    begun, root, pointer = dt.datetime.now(dt.UTC), store.root, store.pointer
    with store.writing:
        check_way_down(store, hooks)
        if store.pointer.stage != "ROLLING_BACK":
            store.update_pointer(stage="ROLLING_BACK", upgrade=msgspec.structs.replace(note, why=why))
        upto, lost = store.head, lost_of(store)
    regained = _regained(store, note) if lost else 0
    upto = msgspec.structs.replace(upto, memories=upto.memories + regained)
    number = store.pointer.generation + 1
    target = root / generation_name(number)
    discard(target)
    checkpoint(None, root / note.rollback, target)
    scratch = root / ("verify" + PART)
    total = int(note.digest or verify(root / note.rollback, scratch, store.config).digest, 16)
    total += _carry_down(store, target, note, hooks, tools, after=note.fork, upto=upto)
    before = {kind: stored for kind, (stored, _) in note.namespaces.items()}
    namespaces = {k: v for k, v in {**store.pointer.namespaces, **before}.items() if v > 1}
    differs = _differs(store, target, note, hooks, upto)
    proof = prove_generation(store, target, total, upto.memories, namespaces, differs, tools)
    report = UpgradeReport(
        id=f"{note.id}-back", kind="rollback", path=str(root), source=note.target, target=note.source,
        namespaces=note.namespaces, begun=begun.isoformat(timespec="seconds"),
        ended=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"), reason=why,
        **proof.figures(max(0, lost - regained)), **meter.figures(),
    )  # fmt: skip
    if proof.wrong:
        discard(target)
        told = sealed_damage(root, note.rollback, _OTHER_WAY) if note.until else ""
        raise stay(store, pointer, report, [told] if told else proof.wrong)
    with store.writing:
        head = msgspec.structs.replace(store.head, memories=store.head.memories + regained)
        if store.head.sequence != upto.sequence:
            _carry_down(store, target, note, hooks, tools, after=upto.sequence, upto=head)
        anew = proof.rebuild or bool(regained)  # what was learned meanwhile leaves out what had been lost
        changes = {**uncovered(store.pointer), "state": "REBUILD" if anew else store.pointer.state}
        hooks.taken_back()
        store.serve(number, **changes, namespaces=namespaces, left=note.left)
        store.head = head
        if anew:
            tools.rebuild(store, int(dt.datetime.now(dt.UTC).timestamp() * 1e6))
            store.settle()
        store.tidy_points()
    write_report(root, report)
    return report


def drop_way_back(store: FolderStore, before: Pointer) -> None:
    """Drop what a way back has made that an error broke off, and let the pointer file say what it said before."""
    discard(store.root / generation_name(store.pointer.generation + 1))
    store.update_pointer(stage=before.stage, upgrade=before.upgrade)


def _regained(store: FolderStore, note: UpgradeNote) -> int:
    """Return how many memories that damage took from the mind the sealed copy holds; an erasure took its own from there too."""
    with contextlib.closing(
        CloneStore(store.root / note.rollback, store.root / ("old" + PART), store.config)
    ) as sealed:
        return sum(not store.has(MEMORY, MEMORY.number(key)) for key, _ in sealed.raw(MEMORY))


def take_back_all(store: FolderStore, hooks: Hooks, tools: Tools, *, why: str, verified: bool = False) -> str:
    """Take back every upgrade of payloads that can be, newest first, on the way to an older format.

    All rollback points on the way are read in full before the first is gone back to (`verified`: they were).

    Returns
    -------
    str
        Which payloads stay at their version, as the hooks do not know their way down; empty: none.

    Raises
    ------
    RecordUpgradeError
        When one that is not finished cannot be: then nobody could tell which version a payload is of.
    StoreDamagedError
        When a rollback point on the way does not hold what was put into it; nothing was noted, and nothing done.
    """
    if not verified:
        require_sound(store, needed(store.pointer))
    while (note := store.pointer.upgrade) is not None and note.namespaces:
        try:
            take_back(store, hooks, tools, why=why, verified=True)
        except RecordUpgradeError:
            if store.pointer.unfinished:
                raise
            kept = (f"{kind} at {store.pointer.namespaces.get(kind, 1)}" for kind in note.namespaces)
            return f"payloads stay as they are: {', '.join(kept)} (the hooks that know their way down were not given)"
    return ""


def check_way_down(store: FolderStore, hooks: Hooks) -> None:
    """Try on every payload that was written since whether it can go down; nothing is written.

    Raises
    ------
    RecordUpgradeError
        At the first that cannot.
    """
    note = store.pointer.upgrade
    if note is not None:
        for key, value in store.raw(MEMORY, after=note.fork_id - 1):
            _body_down(MEMORY.number(key), open_envelope(key, value, MEMORY).body, note, hooks)


def _carry_down(
    store: FolderStore, target: Path, note: UpgradeNote, hooks: Hooks, tools: Tools, *, after: int, upto: HeadRecord
) -> int:
    """Write into the copy what users wrote behind a write sequence, up to another; return by how much all digests change.

    What the sweep wrote is left out. Writers may go on: what they write meanwhile is behind the second.
    """
    with contextlib.closing(Level(str(target), store.config)) as level:
        puts, change = Rows(), 0
        for key, value in store.everything():
            area = AREAS.get(key[:1])
            if area is None or area in (ASIDE, CURSOR, HEAD):
                continue
            if not after < open_envelope(key, value, area).sequence <= upto.sequence:
                continue
            row = _lowered(key, value, note, hooks, level, tools, store)
            if row is not None:
                puts.append((key, row))
            if len(puts) >= PAGE:
                change += _written(level, puts, sync=False)
                puts = []
        puts.append((HEAD.key(0), seal(HEAD.key(0), HEAD, upto.sequence, encode(upto))))
        change += _written(level, puts, sync=True)
        level.flush()
    sync_tree(target)
    return change


def _written(level: Level, puts: Rows, *, sync: bool) -> int:
    """Write rows; return by how much that changes the sum of all digests."""
    change = 0
    for key, value in puts:
        was = level.get(key)
        change += _digest(key, value) - (0 if was is None else _digest(key, was))
    level.write(puts, [], sync)
    return change


def _digest(key: bytes, value: bytes) -> int:
    return int.from_bytes(row_digest(key, value), "big")


def _differs(store: FolderStore, target: Path, note: UpgradeNote, hooks: Hooks, upto: HeadRecord) -> Iterator[str]:
    """Compare what was written since, up to a moment, with what stands in the copy, payloads through the way down."""
    with contextlib.closing(CloneStore(target, store.root / ("old" + PART), store.config)) as copy:
        for area in (MEMORY, APPRAISAL, VECTOR, RECEIPT, VERDICT):
            after = note.fork_receipt if area is RECEIPT else note.fork_id
            for key, value in store.raw(area, after=None if area is VERDICT else after - 1):
                sealed, there = open_envelope(key, value, area), copy._get(key)
                if sealed.sequence > upto.sequence:
                    continue
                body = sealed.body
                if area is MEMORY:
                    body = _body_down(MEMORY.number(key), body, note, hooks)
                if there is None or open_envelope(key, there, area).body != body:
                    yield f"{area.name} {area.number(key)} is not what the mind holds, gone down"


def _lowered(
    key: bytes, value: bytes, note: UpgradeNote, hooks: Hooks, level: Level, tools: Tools, store: FolderStore
) -> bytes | None:
    """Return a row as the old versions have it, None where the sealed copy has it already.

    What a salvage has put in the place of what damage took (a receipt that is lost, a name for an earlier memory) is not
    carried over what the sealed copy holds. Marks are: they are made again where they are not what the receipts give.
    """
    if key[:1] in (MEMORY.prefix, APPRAISAL.prefix, VECTOR.prefix) and MEMORY.number(key) < note.fork_id:
        return None
    if key[:1] == RECEIPT.prefix and RECEIPT.number(key) < note.fork_receipt:
        return None
    if key[:1] == MEMORY.prefix:
        sealed = open_envelope(key, value, MEMORY)
        body = _body_down(MEMORY.number(key), sealed.body, note, hooks)
        return seal(key, MEMORY, sealed.sequence, body, flags=sealed.flags)
    if key[:1] == NAME.prefix:
        return _name_down(key, value, note, hooks, level, tools, store)
    return value


def _body_down(id_: int, body: bytes, note: UpgradeNote, hooks: Hooks) -> bytes:
    memory = decode(body, Memory)
    stored, _ = note.namespaces.get(memory.kind or "", (0, 0))
    if not stored or memory.payload_version <= stored:
        return body
    chain = hooks.chains.get(memory.kind or "")
    if chain is None:
        raise RecordUpgradeError(id_, f"{memory.kind} down", "its hook was not given")
    payload = chain.walk(stored, memory.payload_version).down(id_, memory.payload)
    return encode(msgspec.structs.replace(memory, payload=payload, payload_version=stored))


def _name_down(
    key: bytes, value: bytes, note: UpgradeNote, hooks: Hooks, level: Level, tools: Tools, store: FolderStore
) -> bytes | None:
    sealed = open_envelope(key, value, NAME)
    id_ = decode(sealed.body, _Name).id
    if id_ < note.fork_id:
        before = level.get(key)
        named = None if before is None else decode(open_envelope(key, before, NAME).body, _Name).id
        if named is not None and named >= id_:  # a later one is a memory that damage took from the mind
            return None
    memory = store._get(MEMORY.key(id_))
    if memory is None:
        return value
    body = _body_down(id_, open_envelope(MEMORY.key(id_), memory, MEMORY).body, note, hooks)
    found = [store._get(area.key(id_)) for area in (APPRAISAL, VECTOR)]
    beside = [
        None if row is None else open_envelope(area.key(id_), row, area).body
        for area, row in zip((APPRAISAL, VECTOR), found, strict=True)
    ]
    return seal(key, NAME, sealed.sequence, tools.name(id_, body, *beside))
