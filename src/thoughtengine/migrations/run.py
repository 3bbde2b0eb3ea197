"""Run: an upgrade from format 1 to its end, and back; whatever it was killed in, the next call goes on."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import msgspec

from thoughtengine._types import Finding, Progress
from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreLockedError, UpgradeFailedError
from thoughtengine.migrations.begin import ASIDE, GROWTH
from thoughtengine.migrations.lower import give_back, lower, tidy
from thoughtengine.migrations.meter import Meter, Pace
from thoughtengine.migrations.overlay import Index, UpgradingStore
from thoughtengine.migrations.report import Criterion, PhaseReport, UpgradeReport, write_report
from thoughtengine.migrations.sweep import Sweep
from thoughtengine.migrations.v0001_flat import place_of
from thoughtengine.migrations.v0002_envelopes import Memory
from thoughtengine.migrations.validate import Validation, validate
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Rows, Store
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, discard, size_of
from thoughtengine.storage.folder import FolderStore, generation_name
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import CURSOR, LOWERED, MEMORY
from thoughtengine.storage.lock import FolderLock
from thoughtengine.storage.pointer import UpgradeNote

__all__ = [
    "SOAK",
    "PacedClone",
    "Tools",
    "Upgrade",
    "Visitor",
    "contract",
    "criteria",
    "go_down",
    "locked",
    "settle_bare",
]

SOAK = dt.timedelta(days=7)
_PROBES = 50


@attrs.frozen(kw_only=True)
class Tools:
    """What the mind above hands down, so that an upgrade need not know its records.

    Attributes
    ----------
    index : callable
        Makes the derived rows of a memory.
    rebuild : callable
        ``rebuild(store, at)``: builds everything derived again.
    check : callable
        ``check(store)``: what is wrong with the rows.
    name : callable
        ``name(id, memory body, appraisal body, vector body)``: the body of the name row.
    values : callable
        ``values(folder, hooks)``: what the host's probes say of the mind in a folder, by name.
    probe : callable
        ``probe(store, [(id, key, text)])``: what is wrong with finding them by key, and how many a recall of their own
        text does not find; ``True`` as a third argument asks for these too.
    """

    index: Index
    rebuild: Callable[[Store, int], None]
    check: Callable[[Store], list[Finding]]
    name: Callable[[int, bytes, bytes | None, bytes | None], bytes]
    values: Callable[[Path, Any], dict[str, Any]]
    probe: Callable[[Store, list[tuple[int, str, str]], bool], tuple[list[str], int]]


class Visitor:
    """Holds the lock of a folder while no store has it open."""

    def forked(self) -> None:
        """Nothing to let go of."""


@contextlib.contextmanager
def locked(root: Path) -> Any:
    """Hold a folder against every other process."""
    visitor = Visitor()
    lock = FolderLock(root, visitor)
    try:
        yield
    finally:
        lock.release()


def _silent(what: str, done: int, total: int | None) -> None:
    """Show nothing."""


class Upgrade:
    """The upgrade of an open store.

    Parameters
    ----------
    store : UpgradingStore
        Its pointer says that it upgrades.
    tools : Tools
        From above.
    approve : callable, optional
        Looks at the report before the switch; False: roll back.
    progress, emit : callable, optional
        Told as it goes.
    rate : float
        Rows a second that were planned with; 0: nothing was.
    calls : callable, optional
        How many calls the host has made, and how many failed.
    """

    def __init__(
        self,
        store: UpgradingStore,
        tools: Tools,
        *,
        approve: Callable[[UpgradeReport], bool] | None = None,
        progress: Progress = _silent,
        emit: Callable[..., None] | None = None,
        rate: float = 0.0,
        calls: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        note = store.pointer.upgrade
        if note is None:
            raise ValueError("no upgrade was begun")
        self.store, self.note, self._tools, self._approve = store, note, tools, approve
        self._progress, self._emit = progress, emit or (lambda kind, **data: None)
        self._rate, self.meter, self.pace = rate, Meter(calls), Pace()
        self.observed: dict[str, Criterion] = {}
        discard(store.root / ASIDE)
        now = dt.datetime.now(dt.UTC)
        self._at = int(now.timestamp() * 1e6)
        self.sweep = Sweep(store, tools.index, at=self._at)
        self._rows_before = _through(self.sweep)
        self._phases: list[PhaseReport] = []
        self._phase_begun = time.monotonic()

    def tell(self, progress: Progress, emit: Callable[..., None]) -> None:
        """Tell somebody else from now on."""
        self._progress, self._emit = progress, emit

    @property
    def phase(self) -> str:
        """Name of the phase that runs."""
        return self.sweep.phase

    @property
    def done(self) -> int:
        """Rows it went through, in all phases."""
        return _through(self.sweep)

    @property
    def total(self) -> int:
        """Rows it goes through, in all phases: every row once, those that become memories twice more."""
        skipped = self.store.head.skipped[0]
        return self.note.rows + 2 * (max(skipped - 1, 0) if not self.note.again else 0)

    def step(self, seconds: float = 60.0) -> bool:
        """Do one slice; tell whether all phases are through."""
        if self.sweep.done:
            return True
        begun, name = time.monotonic(), self.sweep.phase
        ended = self.sweep.slice(seconds)
        self.meter.slice_took(time.monotonic() - begun)
        self._progress(name, self.done, self.total)
        if ended:
            self._milestone(name)
        return self.sweep.done

    def _milestone(self, name: str) -> None:
        seconds, self._phase_begun = time.monotonic() - self._phase_begun, time.monotonic()
        rows = _through(self.sweep) - self._rows_before
        estimated = rows / self._rate if self._rate else 0.0
        done = PhaseReport(name=name, rows=rows, seconds=seconds, estimated_seconds=estimated)
        self._rows_before = _through(self.sweep)
        self._phases.append(done)
        self._emit("upgrade", what="phase", phase=name, rows=done.rows, seconds=seconds)

    def finish(self) -> UpgradeReport:
        """Validate, ask for approval, switch.

        Raises
        ------
        UpgradeFailedError
            When anything does not hold, or approval is refused: it must be rolled back, which `run` does.
        """
        store = self.store
        if self.note.again or store.must_rebuild:
            with store.writing:
                self._tools.rebuild(store, self._at)
                store.settle()
        if store.before is None:
            raise ValueError("the old generation is closed")
        found = validate(store, store.before, self.pace)
        wrong = list(found.wrong)
        wrong += [str(finding) for finding in _checked(store, self._tools, self.pace) if finding.kind != "unknown key"][
            :5
        ]
        wanted = _wanted(store)
        lost, missed = self._tools.probe(store, wanted, self.pace.duty >= 1.0)
        wrong += [f"probe: {told}" for told in lost[:5]]
        report = self.report(found, probes=len(wanted), lost=len(lost) + missed, reason="; ".join(wrong))
        if not wrong and self._approve is not None and self._approve(report) is not True:
            wrong, report = ["not approved"], attrs.evolve(report, succeeded=False, reason="not approved")
        if wrong:
            raise UpgradeFailedError(store.root, f"the upgrade does not hold: {'; '.join(wrong)}", report=report)
        write_report(store.root, report)
        self._switch()
        self._emit("upgrade", what="done", report=report.id)
        return report

    def report(self, found: Validation, *, probes: int, lost: int, reason: str) -> UpgradeReport:
        """Return the report as things stand."""
        figures, store = self.meter.figures(), self.store
        rows = _through(self.sweep)
        loss = abs(found.n_in - found.n_memories - found.n_appraisals - found.n_carried - found.n_kept)
        extra, n_bytes = size_of(store.generation), GROWTH * size_of(store.root / self.note.rollback)
        seconds = self.total / self._rate if self._rate else 0.0
        lessons = [
            f"{phase.name}: {phase.seconds:.2f} s, estimated {phase.estimated_seconds:.2f} s"
            for phase in self._phases
            if phase.estimated_seconds and not 0.5 <= phase.seconds / phase.estimated_seconds <= 2.0
        ]
        if extra > n_bytes:
            lessons.append(f"disk: {extra:,} bytes more, {n_bytes:,} were planned")
        return UpgradeReport(
            id=self.note.id,
            kind="upgrade",
            path=str(store.root),
            source=self.note.source,
            target=self.note.target,
            begun=self.note.begun,
            ended=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
            succeeded=not reason,
            reason=reason,
            phases=tuple(self._phases),
            counts=dict(sorted(self.sweep.cursor.counts.items())),
            rows_in=found.n_in,
            rows_upgraded=found.n_memories + found.n_appraisals,
            rows_kept=found.n_kept,
            rows_carried=found.n_carried,
            digest_before=found.before,
            digest_after=found.after,
            probes=probes,
            probes_failed=lost,
            rows_per_second=rows / max(figures["seconds"], 1e-9),
            extra_bytes=extra,
            criteria=criteria(figures, loss + (found.before != found.after), found.n_in) | self.observed,
            estimated_seconds=seconds,
            estimated_bytes=n_bytes,
            lessons=tuple(lessons),
            **figures,
        )

    def _switch(self) -> None:
        store, until = self.store, dt.datetime.now(dt.UTC) + SOAK
        old = store.root / generation_name(self.note.old)
        note = msgspec.structs.replace(self.note, old=0, until=until.isoformat(timespec="seconds"))
        store.sync()
        store.update_pointer(stage="SOAK", upgrade=note)
        store.leave()
        discard(old)
        batch = Batch()
        batch.delete(CURSOR, 0)
        for key, _ in store.raw(LOWERED):
            batch.delete(LOWERED, key[1:])
        store.commit(batch, sync=True)

    def run(self) -> UpgradeReport:
        """Do it all at once; what does not hold is rolled back before this raises.

        Raises
        ------
        UpgradeFailedError
            With the report; the folder is of format 1 again, and closed.
        """
        try:
            while not self.step():
                pass
            return self.finish()
        except UpgradeFailedError as error:
            self.fail(error)
            raise

    def fail(self, error: UpgradeFailedError) -> None:
        """Roll back after a failure; the store is closed afterwards."""
        record_incident(self.store.root, "upgrade", str(error))
        go_down(self.store, why=str(error), failed=error.report if isinstance(error.report, UpgradeReport) else None)


class PacedClone(CloneStore):
    """A clone that rests between reads.

    Parameters
    ----------
    pace : Pace
        How much.
    """

    def __init__(self, source: Path, scratch: Path, config: StorageConfig, pace: Pace) -> None:
        self._pace = pace
        super().__init__(source, scratch, config)

    def _get(self, key: bytes) -> bytes | None:
        self._pace.breathe()
        return super()._get(key)

    def _page(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Rows:
        self._pace.breathe()
        return super()._page(start, stop, limit, reverse)


def _checked(store: UpgradingStore, tools: Tools, pace: Pace) -> list[Finding]:
    """Check a linked copy of one moment: users may write meanwhile."""
    part = store.root / f"check-{secrets.token_hex(4)}{PART}"
    store.checkpoint(part, whole=False)
    try:
        clone = PacedClone(part, store.root / f"check-{secrets.token_hex(4)}{PART}", store.config, pace)
        try:
            return tools.check(clone)
        finally:
            clone.close()
    finally:
        discard(part)


def _through(sweep: Sweep) -> int:
    """Return how many rows the phases went through so far."""
    counts = sweep.cursor.counts
    layers = ("sensory", "emotion", "logic", "dream", "eternal", "rows", "indexed")
    return sum(counts.get(word, 0) for word in layers)


def criteria(figures: dict[str, Any], lost: int, rows: int) -> dict[str, Criterion]:
    """Judge what was measured; by fewer than a thousand calls of the host nothing is judged."""
    calls, failed = figures["calls"], figures["failed_calls"]
    enough = calls >= 1000
    rate = failed / calls if calls else None
    judged = "not judged" if not enough else "met" if (rate or 0.0) < 0.001 else "missed"
    return {
        "records lost": Criterion(measured=lost, limit=0, verdict="missed" if lost else "met", observations=rows),
        "error rate": Criterion(measured=rate, limit=0.001, verdict=judged, observations=calls),
        "availability": Criterion(
            measured=None if rate is None else 1.0 - rate, limit=0.999, verdict=judged, observations=calls
        ),
    }


def _wanted(store: UpgradingStore) -> list[tuple[int, str, str]]:
    """Choose records for the probes: evenly, those that have words."""
    note = store.pointer.upgrade
    top = store.head.skipped[0] - 1 if note is None or not note.again else store.head.memories
    every, wanted = max(1, top // _PROBES), list[tuple[int, str, str]]()
    for id_ in range(1, top + 1, every):
        memory = store.get(MEMORY, id_, Memory)
        if memory is not None and memory.key and memory.text and place_of(memory.key.encode()).layer:
            wanted.append((id_, memory.key, memory.text))
    return wanted


def go_down(store: FolderStore, *, why: str = "", failed: UpgradeReport | None = None) -> UpgradeReport:
    """Make a mind a store of format 1 again, whatever state it is in; the store is closed afterwards.

    Raises
    ------
    StoreError
        When it could not be done; the mind is as it was, and the next call begins again.
    """
    meter, root, begun = Meter(), store.root, dt.datetime.now(dt.UTC)
    note = store.pointer.upgrade
    if note is None or note.namespaces:  # the rollback point of payloads is of no use here
        note = UpgradeNote(id=f"{begun:%Y%m%dT%H%M%S}-down", source=1)
    if store.pointer.stage != "ROLLING_BACK":
        store.update_pointer(stage="ROLLING_BACK", upgrade=msgspec.structs.replace(note, source=1, why=why))
    made = lower(store)
    report = UpgradeReport(
        id=note.id, kind="rollback", path=str(root), source=note.target, target=1,
        begun=begun.isoformat(timespec="seconds"), ended=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        succeeded=True, reason=why, rows_in=made.rows, rows_kept=made.rows, digest_after=made.digest,
        digest_before=note.digest, counts=made.layers, **meter.figures(),
    )  # fmt: skip
    if failed is not None:
        write_report(root, failed)
    write_report(root, report)
    store.close()
    with locked(root):
        give_back(root)
    return report


def contract(store: FolderStore) -> None:
    """Let the rollback point go: from here on only the planned way down is left."""
    note = store.pointer.upgrade
    if store.pointer.stage == "SOAK" and note is not None:
        store.update_pointer(stage="", upgrade=None)
        discard(store.root / "rollback")


def settle_bare(root: Path) -> None:
    """Remove what a rollback that was killed at its very end left beside a store of format 1."""
    with contextlib.suppress(StoreLockedError), locked(root):
        tidy(root)
