"""Payloads: the host's own records, taken through their steps in the generation that serves, the sealed copy beside it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from thoughtengine._types import Progress
from thoughtengine.errors import (
    RecordError,
    RecordUpgradeError,
    StoreDamagedError,
    StoreFullError,
    UpgradeFailedError,
    UpgradeRequiredError,
)
from thoughtengine.migrations.ahead import Slices
from thoughtengine.migrations.begin import ROLLBACK, own_copy
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.points import SOAK, covered, keep_point, uncovered
from thoughtengine.migrations.probing import changed, copied
from thoughtengine.migrations.prove import RECALLED, asked
from thoughtengine.migrations.report import UpgradeReport
from thoughtengine.migrations.running import VALIDATING, Approve, PacedClone, Running, Tools, silent
from thoughtengine.migrations.sound import damage_of, named
from thoughtengine.migrations.step import Descent, Walk
from thoughtengine.migrations.take_back import take_back
from thoughtengine.migrations.v0002_envelopes import Memory
from thoughtengine.migrations.watch import TookTooLongError, Watch
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import verify
from thoughtengine.storage.codec import body_of, decode, encode, open_envelope
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, discard, size_of
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import (
    APPRAISAL,
    ASIDE,
    CURSOR,
    MEMORY,
    NAME,
    RECEIPT,
    VECTOR,
    VERDICT,
)
from thoughtengine.storage.origin import AsideRecord, CursorRecord
from thoughtengine.storage.pointer import UpgradeNote
from thoughtengine.storage.salvage import damaged_files

__all__ = ["PHASE", "PayloadUpgrade", "begin_payloads"]

PHASE = "P4 host payloads"
_ROWS, _BYTES = 2048, 1 << 20
_TOLD = 5
_DERIVED = ("derived differs", "orphan", "count differs")
_QUARANTINE_SHARE, _QUARANTINE_LEAST = 0.001, 10
STEP_SECONDS = 10.0
"""After which a step or validator of the host is broken off."""


class _Name(msgspec.Struct, frozen=True):
    """The part of a name row of format 2 that matters here."""

    id: int


def begin_payloads(store: UpgradingStore, hooks: Hooks, goal: dict[str, tuple[int, int]] | None = None) -> None:
    """Seal the serving generation by hard links, and note in the pointer file what is begun; it is verified before the sweep.

    What soaks meanwhile goes on doing so beneath it, and can be taken back after it.

    Writers wait for the moment of linking; what they write from then on counts as written since.

    Parameters
    ----------
    goal : dict of str to (int, int), optional
        Version of each kind now and afterwards, lower where it is to go down. Default: up, as far as the hooks know.

    Raises
    ------
    StoreFullError
        Nothing was begun then.
    """
    root, pending = store.root, hooks.pending(store.pointer) if goal is None else goal
    need = 2 * size_of(store.generation) + 8 * store.config.write_buffer_bytes
    disk = os.statvfs(root)
    if (free := disk.f_bavail * disk.f_frsize) < need:
        raise StoreFullError(root, f"to upgrade the payloads {need:,} bytes must be free: there are {free:,}")
    now, token = dt.datetime.now(dt.UTC), secrets.token_hex(2)
    part, name = root / (ROLLBACK + PART), f"{store.generation.name}-{token}"
    discard(part)
    part.mkdir(mode=0o700)
    if store.has(CURSOR, 0):  # of one that was killed as it ended
        batch = Batch()
        batch.delete(CURSOR, 0)
        store.commit(batch)
    head = store.checkpoint(part / name)
    own_copy(part / name, store.config)
    keep_point(store, name)
    walks = {kind: hooks.steps(kind, versions, store.pointer) for kind, versions in pending.items()}
    note = UpgradeNote(
        id=f"{now:%Y%m%dT%H%M%S}-{token}", begun=now.isoformat(timespec="microseconds"),
        source=store.pointer.format, target=store.pointer.format, rollback=f"{ROLLBACK}/{name}",
        fork=head.sequence, fork_id=head.next_id, fork_receipt=head.next_receipt, namespaces=pending,
        fingerprints={kind: walk.fingerprint for kind, walk in walks.items()},
        must=tuple(kind for kind, walk in walks.items() if walk.must), left=store.pointer.left,
    )  # fmt: skip
    store.update_pointer(stage="UPGRADING", upgrade=note, beneath=covered(store.pointer))


def abandon(store: FolderStore) -> None:
    """Let an upgrade go whose rollback point did not verify: nothing was swept yet."""
    store.update_pointer(**uncovered(store.pointer))
    store.tidy_points()


def _known(note: UpgradeNote, hooks: Hooks, store: FolderStore) -> set[str]:
    """Return the kinds that were begun and whose hook is here.

    Raises
    ------
    UpgradeRequiredError
        When a hook is missing without which it cannot go on.
    UpgradeFailedError
        When a step has changed since it was begun.
    """
    kinds, lacking = set(), hooks.lacking(note.namespaces)
    for kind, (stored, known) in note.namespaces.items():
        if kind in lacking:
            if kind in note.must:
                told = f"payloads of kind {kind!r} are half upgraded to version {known}: open it with hooks=[...] that know that"
                raise UpgradeRequiredError(store.root, told)
            continue
        if hooks.steps(kind, (stored, known), store.pointer).fingerprint != note.fingerprints.get(kind):
            told = f"the steps of {kind!r} were changed while an upgrade with them was not finished: give back the old ones"
            raise UpgradeFailedError(store.root, told)
        kinds.add(kind)
    return kinds


class _Slice(NamedTuple):
    """What is written together, and where that leads to."""

    batch: Batch
    cursor: CursorRecord


class PayloadUpgrade(Running):
    """The upgrade of payloads in an open store.

    Parameters
    ----------
    store, tools, approve, progress
        As for `Running`.
    hooks : Hooks
        With the steps.
    """

    store: UpgradingStore

    def __init__(
        self,
        store: UpgradingStore,
        hooks: Hooks,
        tools: Tools,
        *,
        approve: Approve | None = None,
        progress: Progress = silent,
    ) -> None:
        super().__init__(store, tools, hooks=hooks, approve=approve, progress=progress)
        self._kinds = _known(self.note, hooks, store)
        self._watch = Watch(STEP_SECONDS)
        self._seconds = 0.0  # that a slice may take
        self._slices = Slices(store, self._make_slice, self._write)
        self._derives_otherwise = False  # what validation found of names, marks, index entries
        self._damage = ""  # of the sealed copy, met while it was to be compared with
        self._failed = ""  # how the first record did that may be left behind, since this was opened
        self._left = dict[str, int]()  # kind -> oldest version that validation found left behind
        self._has_aside = next(store.raw(ASIDE), None) is not None
        self._named: bytearray | None = (
            None  # by rank of a memory: whether its name is its own, while nobody else writes
        )
        self.cursor = store.get(CURSOR, 0, CursorRecord) or CursorRecord()

    @property
    def complete(self) -> bool:
        """Whether the hook of every kind is here; otherwise what is left waits for it."""
        return self._kinds == self.note.namespaces.keys()

    @property
    def _sweeping(self) -> str:
        return PHASE

    @property
    def done(self) -> int:
        """Rows it went through."""
        return self.cursor.counts.get("rows", 0)

    @property
    def total(self) -> int:
        """Rows it goes through."""
        return self.store.head.memories

    @property
    def through(self) -> bool:
        """Whether all of them are through."""
        return self.verified and bool(self.cursor.step)

    def _verify(self) -> None:
        """Read the rollback point.

        Raises
        ------
        StoreDamagedError
            When it does not verify: then the mind it was made of is damaged too, which is noted, and the next open salvages it.
        """
        store, scratch = self.store, self.store.root / ("verify" + PART)
        sealed = store.root / self.note.rollback
        try:
            content = verify(sealed, scratch, store.config, breathe=self.pace.breathe)
        except StoreDamagedError as error:
            told = named((f"{store.generation.name}/{name}", what) for name, what in damaged_files(sealed, scratch))
            raise store.damage_met(StoreDamagedError(store.root, told or error.message)) from error
        self.note = msgspec.structs.replace(self.note, digest=content.digest, rows=sum(content.rows.values()))
        store.update_pointer(upgrade=self.note)

    def _advance(self, seconds: float) -> None:
        self._seconds = seconds
        try:
            done = self._slices.one(lambda done: self.windows is None and not done.cursor.step)
        except TookTooLongError as error:
            raise UpgradeFailedError(self.store.root, f"a step did not end within {STEP_SECONDS:g} s") from error
        counts = done.cursor.counts
        failed = counts.get("quarantined", 0)
        if failed > max(_QUARANTINE_LEAST, _QUARANTINE_SHARE * counts.get("rows", 0)):
            told = f"{failed} records failed, more than ten and more than one in a thousand"
            raise UpgradeFailedError(self.store.root, f"{told}; the first: {self._failed}" if self._failed else told)
        if self.cursor.step:
            self._milestone(PHASE, self.done)

    def _make_slice(self, before: _Slice | None) -> _Slice:
        with self._watch:
            return self._slice(self.cursor if before is None else before.cursor, time.monotonic() + self._seconds)

    def _slice(self, cursor: CursorRecord, until: float) -> _Slice:
        if self.windows is None and self._named is None:
            self._named = self._bearers()
        store, counts, at, n_bytes, n = self.store, dict(cursor.counts), cursor.at, 0, 0
        batch, ended = Batch(), True
        for key, value in store.raw(MEMORY, after=MEMORY.number(at) if at else None):
            at, n, n_bytes = key, n + 1, n_bytes + len(value)
            counts["rows"] = counts.get("rows", 0) + 1
            self._take(batch, MEMORY.number(key), value, counts)
            if n >= _ROWS or n_bytes >= _BYTES or time.monotonic() >= until:
                ended = False
                break
        cursor = CursorRecord(step=int(ended), at=at, counts=counts)
        batch.put(CURSOR, 0, cursor)
        return _Slice(batch, cursor)

    def _write(self, done: _Slice) -> int:
        sequence = self.store.commit(done.batch, sync=bool(done.cursor.step))
        self.cursor = done.cursor
        return sequence

    def _take(self, batch: Batch, id_: int, value: bytes, counts: dict[str, int]) -> None:
        opened = open_envelope(MEMORY.key(id_), value, MEMORY)
        memory = decode(opened.body, Memory)
        walk = self._walk_of(memory)
        if walk is None:
            return
        try:
            spent = isinstance(walk, Walk) and not walk.lossy
            payload, is_back = self._moved(walk, id_, memory, spent=spent)
        except RecordUpgradeError as error:
            if error.must:
                raise
            counts["quarantined"] = counts.get("quarantined", 0) + 1
            self._failed = self._failed or str(error)
            return
        loses = walk.lossy or (isinstance(walk, Descent) and walk.down(id_, _own(payload)) != memory.payload)
        if loses and not is_back:
            batch.put(ASIDE, id_, AsideRecord(version=memory.payload_version, payload=memory.payload))
        _, version = self.note.namespaces[str(memory.kind)]
        changed = msgspec.structs.replace(memory, payload=payload, payload_version=version)
        self._put(batch, id_, changed, opened.flags)
        counts[str(memory.kind)] = counts.get(str(memory.kind), 0) + 1

    def _moved(self, walk: Walk | Descent, id_: int, memory: Memory, *, spent: bool = False) -> tuple[Any, bool]:
        """Return a payload at its new version; and whether it is what was kept aside, and comes back as it was.

        `spent` tells that nobody needs the present one afterwards: then the step may have its tree.
        """
        aside = self.store.get(ASIDE, id_, AsideRecord) if self._has_aside else None
        if aside is not None and aside.version == self.note.namespaces[str(memory.kind)][1] and walk.can_return:
            with contextlib.suppress(RecordUpgradeError):
                if walk.down(id_, _own(aside.payload)) == memory.payload:
                    return aside.payload, True
        return walk.up(id_, memory.payload if spent else _own(memory.payload)), False

    def _walk_of(self, memory: Memory) -> Walk | Descent | None:
        """Return the steps that a memory has before it in this upgrade."""
        if memory.kind not in self._kinds or memory.payload is None:
            return None
        stored, known = self.note.namespaces[memory.kind]
        chain, version = self._hooks.chains[memory.kind], memory.payload_version
        if stored > known:
            return Descent(chain.walk(known, version)) if version > known else None
        return chain.walk(version, known) if version < known else None

    def _put(self, batch: Batch, id_: int, memory: Memory, flags: int) -> None:
        """Put a changed record with what lies beside it, as the flags in its envelope tell of that, and its name's digest."""
        body = encode(memory)
        batch.put_body(MEMORY, id_, body)
        beside: dict[bytes, bytes] = {}
        for area in (APPRAISAL, VECTOR):
            has = flags & MEMORY.beside[area.prefix]
            if has and (value := self.store._get(area.key(id_))) is not None:
                beside[area.prefix] = body_of(area.key(id_), value, area)
                batch.put_body(area, id_, beside[area.prefix])
        if memory.key is not None and self._bears(id_, memory.key):
            vector = beside.get(VECTOR.prefix)
            batch.put_body(NAME, memory.key, self._tools.name(id_, body, beside.get(APPRAISAL.prefix), vector))

    def _bears(self, id_: int, key: str) -> bool:
        """Tell whether a name is this memory's, and no later one's."""
        if self._named is not None:
            return bool(self._named[self.store.rank(id_)])
        name = self.store.get(NAME, key, _Name)
        return name is not None and name.id == id_

    def _bearers(self) -> bytearray:
        """Read all names once, in order, where no mind serves: a look-up of each would take a third of the time."""
        found = bytearray(self.store.rank(self.store.head.next_id) + 1)
        for key, value in self.store.raw(NAME):
            found[self.store.rank(decode(body_of(key, value, NAME), _Name).id)] = 1
        return found

    def _finish(self) -> UpgradeReport:
        """Validate, ask for approval, switch."""
        store = self.store
        try:
            wrong, counted = self._validate()
            if self._derives_otherwise:  # what follows from the records is made again rather than let an upgrade fail
                with store.writing:
                    self._tools.rebuild(store, int(dt.datetime.now(dt.UTC).timestamp() * 1e6))
                    store.settle()
                wrong, counted = self._validate()
        except (RecordUpgradeError, TookTooLongError) as error:
            wrong, counted = [f"{type(error).__name__}: {error}"], {"in": 0, "upgraded": 0, "quarantined": 0}
        self._milestone(VALIDATING, counted["in"])
        report = self._told(counted, reason="; ".join(wrong[:_TOLD]))
        self._sign_off(report)
        until = dt.datetime.now(dt.UTC) + SOAK
        with store.writing:
            done = {kind: known for kind, (_, known) in self.note.namespaces.items() if kind in self._kinds}
            note = msgspec.structs.replace(self.note, until=until.isoformat(timespec="seconds"))
            store.sync()
            store.update_pointer(
                stage="SOAK", upgrade=note, namespaces={**store.pointer.namespaces, **done}, left=self._still_left(done)
            )  # fmt: skip
            batch = Batch()
            batch.delete(CURSOR, 0)
            store.commit(batch)
        return report

    def _still_left(self, done: dict[str, int]) -> dict[str, tuple[int, str]]:
        """Return what the pointer file tells of records left behind: a way down leaves those that are further down."""
        left = {kind: entry for kind, entry in self.store.pointer.left.items() if kind not in done}
        for kind, known in done.items():
            was = self.store.pointer.left.get(kind, (known, ""))[0]
            oldest = was if self.note.namespaces[kind][0] > known else self._left.get(kind, known)
            if oldest < known:
                left[kind] = oldest, self._hooks.chains[kind].fingerprint(oldest, known)
        return left

    def _validate(self) -> tuple[list[str], dict[str, int]]:
        """Compare the sealed copy with what serves, record by record; the host's validators and probes; the check."""
        store, root = self.store, self.store.root
        sealed, wrong = root / self.note.rollback, list[str]()
        counted = {"in": 0, "upgraded": 0, "quarantined": 0}
        now = root / f"now-{secrets.token_hex(4)}{PART}"
        store.checkpoint(now, whole=False)
        try:
            new = PacedClone(now, root / ("new" + PART), store.config, self.pace)
            try:
                wrong += self._compared(new, counted)
                wrong += self._refused_by_host(new)
                findings = [finding for finding in self._tools.check(new) if finding.kind != "unknown key"]
                self._derives_otherwise = any(finding.kind in _DERIVED for finding in findings)
                wrong += [str(finding) for finding in findings][:5]
            finally:
                new.close()
            failed, asked_for, missed = [] if self._damage else self._probed(sealed, now), 0, 0
            if self._down and not wrong:
                lost, asked_for, missed = self._asked(now)
                wrong += lost
            wrong, counted["probes"], counted["probes_failed"] = (
                [*wrong, *failed],
                len(list(self._hooks.probes())) + asked_for,
                len(failed) + missed,
            )
        finally:
            discard(now)
        return wrong, counted

    def _compared(self, new: CloneStore, counted: dict[str, int]) -> list[str]:
        """Compare with the sealed copy; where that is damaged by now nobody can, which is told, and the rest is looked at."""
        store = self.store
        try:
            with contextlib.closing(
                CloneStore(store.root / self.note.rollback, store.root / ("old" + PART), store.config)
            ) as old:
                return list(self._compare(old, new, counted))
        except (StoreDamagedError, RecordError):
            found = damage_of(store.root, self.note, store.config)
            if not found:
                raise
        self._damage = f"the sealed copy is damaged ({named(found)}): what was upgraded could not be compared with it"
        record_incident(store.root, "damage", self._damage)
        self._left.clear()
        counted.update({"in": 0, "upgraded": 0, "quarantined": 0})
        for id_, memory in new.rows(MEMORY, Memory):
            if id_ < self.note.fork_id:
                behind = self._walk_of(memory) is not None
                counted["in"] += 1
                counted["quarantined"] += behind
                counted["upgraded"] += not behind and memory.kind in self._kinds and memory.payload is not None
                self._note_left(memory, behind=behind)
        return []

    def _note_left(self, memory: Memory, *, behind: bool) -> None:
        if behind:
            kind = str(memory.kind)
            self._left[kind] = min(memory.payload_version, self._left.get(kind, 1 << 31))

    def _compare(self, old: CloneStore, new: CloneStore, counted: dict[str, int]) -> Iterator[str]:
        for key, value in old.raw(MEMORY):
            counted["in"] += 1
            self.pace.breathe()
            before = decode(body_of(key, value, MEMORY), Memory)
            sealed = new._get(key)
            if sealed is None:
                yield f"memory {MEMORY.number(key)} is gone"
                continue
            after = decode(body_of(key, sealed, MEMORY), Memory)
            with self._watch:
                differs = list(self._differs(MEMORY.number(key), before, after, counted))
            yield from differs
        for area in (APPRAISAL, VECTOR, RECEIPT, VERDICT):
            for key, value in old.raw(area):
                there = new._get(key)
                if there is None or body_of(key, there, area) != body_of(key, value, area):
                    yield f"{area.name} {area.number(key)} is not what it was"

    def _differs(self, id_: int, before: Memory, after: Memory, counted: dict[str, int]) -> Iterator[str]:
        walk = self._walk_of(before)
        if walk is None or after.payload_version == before.payload_version:
            counted["quarantined"] += walk is not None
            self._note_left(before, behind=walk is not None)
            if encode(before) != encode(after):
                yield f"memory {id_} is not what it was"
            return
        counted["upgraded"] += 1
        made, _ = self._moved(walk, id_, before)
        _, version = self.note.namespaces[str(before.kind)]
        if encode(msgspec.structs.replace(before, payload=made, payload_version=version)) != encode(after):
            yield f"memory {id_}: the steps of {before.kind!r} give something else each time"
        elif (
            isinstance(walk, Walk)
            and walk.can_return
            and not walk.lossy
            and walk.down(id_, _own(made)) != before.payload
        ):
            yield f"memory {id_}: the way down of {before.kind!r} does not give back what it was"

    def _refused_by_host(self, new: CloneStore) -> Iterator[str]:
        validators = dict(self._hooks.validators())
        for id_, memory in new.rows(MEMORY, Memory):
            judge = validators.get(memory.kind or "")
            if judge is None or memory.payload_version < self._hooks.versions.get(memory.kind or "", 1):
                continue
            try:
                with self._watch:
                    fine = judge(memory.payload)
            except Exception as error:  # noqa: BLE001 - it is the host's
                fine, told = False, f" ({type(error).__name__}: {error})"
            else:
                told = ""
            if fine is not True:
                yield f"memory {id_}: the validator of {memory.kind!r} refuses it{told}"

    def _probed(self, sealed: Path, now: Path) -> list[str]:
        """Compare what the host's probes say of the mind before, its payloads as they were stored, and after."""
        if not list(self._hooks.probes()):
            return []
        with copied(self.store, sealed, self.store.pointer.namespaces) as folder:
            before = self._values(folder, self._hooks.without_steps())
        with copied(self.store, now, self._after()) as folder:
            return changed(before, self._values(folder))

    def _asked(self, now: Path) -> tuple[list[str], int, int]:
        """Look up and recall some memories of what was gone down to."""
        with (
            copied(self.store, now, self._after()) as folder,
            contextlib.closing(FolderStore(folder, self.store.config)) as mind,
        ):
            return asked(mind, self._tools, recalled=mind.head.memories <= RECALLED)

    @property
    def _down(self) -> bool:
        return any(now > goal for now, goal in self.note.namespaces.values())

    def _after(self) -> dict[str, int]:
        return {**self.store.pointer.namespaces, **{kind: known for kind, (_, known) in self.note.namespaces.items()}}

    def _told(self, counted: dict[str, int], *, reason: str) -> UpgradeReport:
        n_in, upgraded, quarantined = counted["in"], counted["upgraded"], counted["quarantined"]
        return self._report(
            kind="rollback" if self._down else "upgrade",
            lost=None if self._damage and not reason else int(bool(reason)),
            damage=self._damage,
            rows_in=n_in,
            reason=reason,
            namespaces=self.note.namespaces,
            counts=dict(sorted(self.cursor.counts.items())),
            rows_upgraded=upgraded,
            rows_kept=n_in - upgraded - quarantined,
            rows_quarantined=quarantined,
            probes=counted.get("probes", 0),
            probes_failed=counted.get("probes_failed", 0),
            digest_before=self.note.digest,
            extra_bytes=size_of(self.store.generation),
        )

    def _back(self, error: UpgradeFailedError | StoreDamagedError) -> UpgradeReport | None:
        """Serve what was before; the store stays open."""
        if not self.verified:
            abandon(self.store)
            return None
        try:
            return take_back(self.store, self._hooks, self._tools, why=error.message)
        except StoreDamagedError as damaged:
            self.stuck = f"{error.message}; and it cannot be taken back: {damaged.message}"
            raise StoreDamagedError(self.store.root, self.stuck, file=damaged.file) from error


def _own(payload: Any) -> Any:
    return msgspec.msgpack.decode(encode(payload))
