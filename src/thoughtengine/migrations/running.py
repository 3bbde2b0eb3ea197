"""Running: what every upgrade has in common: verified first, a slice at a time, signed off, taken back when it does not hold."""

from __future__ import annotations

import abc
import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from thoughtengine._types import Finding, Progress
from thoughtengine.config import StorageConfig
from thoughtengine.errors import ForkedError, StoreClosedError, StoreDamagedError, StoreError, UpgradeFailedError
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.judge import Windows, criteria
from thoughtengine.migrations.meter import Meter, Pace
from thoughtengine.migrations.optimise import optimise
from thoughtengine.migrations.overlay import Index
from thoughtengine.migrations.report import PhaseReport, UpgradeReport, write_report
from thoughtengine.migrations.watch import Watch
from thoughtengine.storage.contract import Rows, Store
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import size_of, translated
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.incident import record_incident

__all__ = ["Approve", "PacedClone", "Running", "Tools", "refusal", "silent", "told_back"]

_ROOMY = 32 << 20  # bytes of LevelDB's write buffer at full speed, at most
_WRITTEN = 6  # bytes that an upgrade may write for each in the tables it comes from
PROBE_SECONDS = 120.0
"""After which all probes of a host together are broken off."""
VERIFYING, VALIDATING, COMPACTING = "P0 rollback point", "P5 validation", "P6 compaction"

Approve = Callable[[UpgradeReport], bool]
"""``approve(report)``: whether it is good enough; in its place the criteria decide."""


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
        ``values(folder, hooks, first id, first receipt)``: what the host's probes say of the mind in a folder, by name, without
        the memories and receipts from these on.
    probe : callable
        ``probe(store, [(id, key, text)])``: what is wrong with finding them by key, and how many their own text does
        not call up; ``True`` as a third argument asks for these too.
    """

    index: Index
    rebuild: Callable[[Store, int], None]
    check: Callable[[Store], list[Finding]]
    name: Callable[[int, bytes, bytes | None, bytes | None], bytes]
    values: Callable[[Path, Hooks, int, int], dict[str, Any]]
    probe: Callable[[Store, list[tuple[int, str, str]], bool], tuple[list[str], int]]


def silent(what: str, done: int, total: int | None) -> None:
    """Show nothing."""


def _nobody(kind: str, **data: Any) -> None:
    """Tell nobody."""


def told_back(report: UpgradeReport) -> dict[str, Any]:
    """Return what an event tells of a way back."""
    proved = bool(report.digest_after) and report.digest_before == report.digest_after
    return {
        "what": "rolled back", "report": report.id, "rows": report.rows_in, "probes": report.probes, "verified": proved,
    }  # fmt: skip


def refusal(report: UpgradeReport, approve: Approve | None) -> str:
    """Return why an upgrade is not signed off: by the host where it wants to decide, else by the criteria; "" where it is."""
    if approve is None:
        missed = {name: c for name, c in report.criteria.items() if c.verdict == "missed"}
        return "; ".join(f"{name} is {c.measured:.4g}, the limit {c.limit:g}" for name, c in missed.items())
    try:
        return "" if approve(report) is True else "not approved"
    except Exception as error:  # noqa: BLE001 - it is the host's
        return f"not approved: {type(error).__name__}: {error}"


class Running(abc.ABC):
    """An upgrade of an open store, which runs behind its mind or to its end at once.

    Parameters
    ----------
    store : FolderStore
        Its pointer says that it upgrades.
    tools : Tools
        From above.
    hooks : Hooks, optional
        The host's; its probes must give the same before and after.
    approve : callable, optional
        Looks at the report before the switch; anything but True: roll back. Default: no criterion may be missed.
    progress, emit : callable, optional
        Told as it goes.

    Attributes
    ----------
    meter, pace : Meter, Pace
        What it takes; how it rests while it reads at length.
    windows : Windows or None
        How the host's calls fare with and without it, where somebody serves.
    leaving : bool
        Whether the mind is to be closed: what does not have to be done is not begun.
    stuck : str
        Why it can neither be ended nor taken back; empty: it can.
    """

    def __init__(
        self,
        store: FolderStore,
        tools: Tools,
        *,
        hooks: Hooks | None = None,
        approve: Approve | None = None,
        progress: Progress = silent,
        emit: Callable[..., None] = _nobody,
    ) -> None:
        if store.pointer.upgrade is None:
            raise ValueError("no upgrade was begun")
        self.store, self.note, self._tools, self._approve = store, store.pointer.upgrade, tools, approve
        self._progress, self._emit = progress, emit
        self.meter, self.pace = Meter(), Pace()
        self._hooks = hooks or Hooks()
        self.windows: Windows | None = None
        self.leaving = False
        self.stuck = ""
        self._ending = ""  # the phase behind the sweeps
        self._phases: list[PhaseReport] = []
        self._begun = self._phase_begun = time.monotonic()

    def tell(self, progress: Progress, emit: Callable[..., None]) -> None:
        """Tell somebody else from now on."""
        self._progress, self._emit = progress, emit

    @property
    def verified(self) -> bool:
        """Whether the rollback point was read in full: until then nothing is swept."""
        return bool(self.note.digest)

    @property
    def phase(self) -> str:
        """Name of the phase that runs."""
        return self._ending or (self._sweeping if self.verified else VERIFYING)

    @property
    @abc.abstractmethod
    def _sweeping(self) -> str:
        """Name of the phase that sweeps."""

    @property
    def _is_plain(self) -> bool:
        """Whether what is swept now are rows alone: what is made beside them has a better use for the memory of a buffer."""
        return True

    @property
    @abc.abstractmethod
    def done(self) -> int:
        """Rows it went through, in all phases."""

    @property
    @abc.abstractmethod
    def total(self) -> int:
        """Rows it goes through, in all phases."""

    @property
    @abc.abstractmethod
    def through(self) -> bool:
        """Whether all phases are through."""

    @abc.abstractmethod
    def _verify(self) -> None:
        """Read the rollback point in full on a throw-away clone, and note what it holds."""

    @abc.abstractmethod
    def _advance(self, seconds: float) -> None:
        """Do a slice of about so many seconds."""

    @abc.abstractmethod
    def _finish(self) -> UpgradeReport:
        """Validate, ask for approval, switch."""

    def finish(self) -> UpgradeReport:
        """Validate, ask for approval, switch; then see whether the store is worth compacting.

        Raises
        ------
        UpgradeFailedError
            When anything does not hold, or it is not signed off: it must be rolled back, which `run` does.
        """
        self._ending, self._phase_begun = VALIDATING, time.monotonic()
        self._progress(VALIDATING, 0, None)
        with self._failing(VALIDATING):
            report = self._finish()
        self._emit("upgrade", what="done", report=report.id)
        self._ending = COMPACTING
        self._progress(COMPACTING, 0, None)
        if tried := optimise(self.store, self.pace, leaving=lambda: self.leaving):
            report = attrs.evolve(report, optimisations=tried)
            write_report(self.store.root, report)
        return report

    @abc.abstractmethod
    def _back(self, error: UpgradeFailedError | StoreDamagedError) -> UpgradeReport | None:
        """Go back; return the report, where there was something to go back from."""

    def step(self, seconds: float = 60.0) -> bool:
        """Verify, or do one slice; tell whether all phases are through.

        Raises
        ------
        UpgradeFailedError
            When a step fails: it must be rolled back.
        StoreError
            Of the disk; nothing was lost, and it can be tried again.
        """
        if self.through:
            return True
        name = self.phase
        if not self.verified:
            with self._failing(name):
                self._verify()
            self._milestone(name, self.note.rows)
            return False
        begun = time.monotonic()
        with self._failing(name):
            self._advance(seconds)
        self.meter.slice_took(time.monotonic() - begun)
        self._progress(name, self.done, self.total)
        return self.through

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        """Turn whatever goes wrong inside into a failure, but what the disk or the end of the mind brings."""
        try:
            with translated(self.store.root, full_only=True):
                yield
        except (StoreError, StoreClosedError, ForkedError):
            raise
        except Exception as error:
            told = f"{name}: {type(error).__name__}: {error}"
            raise UpgradeFailedError(self.store.root, told) from error

    def _milestone(self, name: str, rows: int, estimated: float = 0.0) -> None:
        now = time.monotonic()
        seconds, self._phase_begun = now - self._phase_begun, now
        self._phases.append(PhaseReport(name=name, rows=rows, seconds=seconds, estimated_seconds=estimated))
        self._emit("upgrade", what="phase", phase=name, rows=rows, seconds=seconds)

    def _values(self, folder: Path, hooks: Hooks | None = None) -> dict[str, Any]:
        """Return what the host's probes say of a copy, as of the moment when the upgrade began."""
        with Watch(PROBE_SECONDS):
            return self._tools.values(folder, hooks or self._hooks, self.note.fork_id, self.note.fork_receipt)

    def _lessons(self) -> list[str]:
        """Tell which phases took less than half, or more than twice what was planned."""
        return [
            f"{phase.name}: {phase.seconds:.2f} s, estimated {phase.estimated_seconds:.2f} s"
            for phase in self._phases
            if phase.estimated_seconds and not 0.5 <= phase.seconds / phase.estimated_seconds <= 2.0
        ]

    def _report(
        self, *, lost: int | None, rows_in: int, reason: str, kind: str = "upgrade", **fields: Any
    ) -> UpgradeReport:
        """Return the report as things stand."""
        figures = self.meter.figures()
        return UpgradeReport(
            id=self.note.id, kind=kind, path=str(self.store.root), source=self.note.source, target=self.note.target,
            begun=self.note.begun, ended=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
            succeeded=not reason, reason=reason, resumed=self.note.resumed, phases=tuple(self._phases), rows_in=rows_in,
            criteria=criteria(self.meter.calls(), self.windows, lost=lost, rows=rows_in), **fields, **figures,
        )  # fmt: skip

    def _sign_off(self, report: UpgradeReport) -> None:
        """Let the host decide, else the criteria; whatever is wrong with the content is not for it to approve."""
        reason = report.reason or refusal(report, self._approve)
        if reason:
            failed = attrs.evolve(report, succeeded=False, reason=reason)
            raise UpgradeFailedError(self.store.root, f"the upgrade does not hold: {reason}", report=failed)
        write_report(self.store.root, report)

    def run(self) -> UpgradeReport:
        """Do it all at once; what does not hold is rolled back before this raises.

        Raises
        ------
        UpgradeFailedError
            With the report; the content is as it was before.
        """
        while True:
            try:
                return self._run_through()
            except UpgradeFailedError as error:
                self.fail(error)
                raise
            except StoreDamagedError as error:
                if self.mend():
                    continue
                if not self.verified:  # nothing was done yet
                    self.fail(error)
                raise

    def _run_through(self) -> UpgradeReport:
        while not self.verified:
            self.step()
        with self.store.roomy(min(_ROOMY, _WRITTEN * size_of(self.store.root / self.note.rollback))):
            while self._is_plain and not self.step():
                pass
        while not self.step():
            pass
        return self.finish()

    def mend(self) -> bool:
        """Go on over what can be read where damage was met of what it comes from; tell whether that could be done."""
        return False

    def account(self, error: UpgradeFailedError | StoreDamagedError) -> None:
        """Keep a report of what failed, given by the error too; nothing counts as upgraded."""
        if not isinstance(error, UpgradeFailedError):
            return
        if not isinstance(error.report, UpgradeReport):
            error.report = self._report(
                lost=0, rows_in=0, reason=error.message, namespaces=self.note.namespaces, counts={"gone through": self.done}
            )  # fmt: skip
        write_report(self.store.root, error.report)

    def fail(self, error: UpgradeFailedError | StoreDamagedError) -> None:
        """Go back after a failure, which is told as an incident and kept as a report."""
        self.account(error)
        record_incident(self.store.root, "upgrade", error.message)
        if (report := self._back(error)) is not None:
            self._emit("upgrade", **told_back(report))


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
