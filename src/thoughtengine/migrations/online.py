"""Online: an upgrade behind a mind that serves, in slices of half a millisecond; paused, limited, committed, taken back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import attrs

from thoughtengine._types import Calls
from thoughtengine.errors import (
    DowngradeError,
    ForkedError,
    InvalidArgumentError,
    StoreClosedError,
    StoreDamagedError,
    StoreError,
    UpgradeFailedError,
    UpgradeRunningError,
)
from thoughtengine.migrations.encoding import PHASE as ENCODER
from thoughtengine.migrations.encoding import (
    Encoding,
    contract_encoding,
    former_back,
    newest_is_encoding,
    told_encoding,
)
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.judge import Windows, calls_judged
from thoughtengine.migrations.payloads import PHASE as PAYLOADS
from thoughtengine.migrations.points import let_go, minute, told, visible
from thoughtengine.migrations.report import UpgradeReport
from thoughtengine.migrations.running import COMPACTING, Running
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import CURSOR
from thoughtengine.storage.origin import CursorRecord
from thoughtengine.storage.pointer import EncodingNote, UpgradeNote

__all__ = ["Background", "UpgradeControl", "UpgradeStatus"]

SLICE_SECONDS = 0.0005
DUTY = 0.1
_IDLE_DUTY = 0.5
_WINDOW, _ENOUGH = 0.2, 20
_RETRY_SECONDS = 1.0


@attrs.frozen(kw_only=True)
class UpgradeStatus:
    """How far an upgrade is.

    Attributes
    ----------
    stage : str
        ``""`` (there is none), ``"UPGRADING"``, ``"ROLLING_BACK"``, or ``"SOAK"``: done, and it can be taken back.
    phase : str
        Name of the phase that runs.
    done, total : int
        Rows, through all phases.
    seconds_left : float or None
        At the rate so far; None where nothing tells.
    paused : bool
        By `pause`.
    duty : float
        Share of the time in which it works.
    failed : str
        Why it ended without success; it is taken back when the mind is closed, or was already.
    waits : str
        What it stands still for, such as hooks that were not given; empty: it does not.
    until : str
        While it soaks: when the rollback point goes.
    beneath : tuple of str
        What can be gone back to behind that, and until when, newest first.
    damaged : str
        While it soaks: what is visibly wrong with the rollback point, so that it does not lead back; empty: nothing.
    """

    stage: str
    phase: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    paused: bool = False
    duty: float = 0.0
    failed: str = ""
    waits: str = ""
    until: str = ""
    beneath: tuple[str, ...] = ()
    damaged: str = ""

    def __str__(self) -> str:
        if not self.stage:
            return "no upgrade"
        if self.stage != "UPGRADING" and self.phase != COMPACTING:
            behind = f" (behind it: {', '.join(self.beneath)})" if self.beneath else ""
            if self.stage == "ROLLING_BACK":
                failed = f"it did not hold and goes back: {self.failed}" if self.failed else ""
                return f"{failed or 'it goes back, with the next opening at the latest'}{behind}"
            if self.damaged:
                return f"done, and its rollback point is damaged: {self.damaged}{behind}"
            return f"done, and can be taken back{f' until {minute(self.until)}' if self.until else ''}{behind}"
        share = "" if self.waits and not self.total else f": {min(1.0, self.done / max(1, self.total)):.0%}"
        left = "" if self.seconds_left is None else f", {self.seconds_left:.0f} s to go"
        waits = f", waits for {self.waits}" if self.waits else ""
        failed = f", {self.failed}" if self.failed else ""
        return f"{self.phase}{share}{left}{waits}{' (paused)' if self.paused else ''}{failed}"


class Background:
    """The thread of an upgrade.

    Parameters
    ----------
    upgrade : Running
        What to do.
    fail : callable
        ``fail(error)``: told when it does not hold.
    calls : callable
        Counts the host's calls, to see how they fare with and without it.
    emit : callable
        ``emit(kind, **data)``.
    """

    def __init__(
        self,
        upgrade: Running,
        *,
        fail: Callable[[UpgradeFailedError | StoreDamagedError], None],
        calls: Callable[[], Calls],
        emit: Callable[..., None],
    ) -> None:
        self.upgrade, self._fail, self._calls, self._emit = upgrade, fail, calls, emit
        self.duty, self._limit = DUTY, 1.0
        self._windows = upgrade.windows = Windows()
        upgrade.meter.listen(calls)
        upgrade.pace.listen = self._listen
        self.failed = ""
        self.over = False
        self._heard = 0
        self._go, self._stop = threading.Event(), threading.Event()
        self._go.set()
        self._begun, self._first = time.monotonic(), upgrade.done
        self._thread = threading.Thread(target=self._run, name="thoughtengine-upgrade", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def paused(self) -> bool:
        """Whether it waits for `resume`."""
        return not self._go.is_set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called: the next opening goes on with what is not finished."""
        return self._stop.is_set()

    def pause(self) -> None:
        """Stop after the slice that runs."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def limit(self, duty: float) -> None:
        """Work no larger a share of the time."""
        self._limit = duty
        self.duty = min(self.duty, duty)

    def stop(self) -> None:
        """End the thread after the slice that runs, and wait for it."""
        self._stop.set()
        self.upgrade.leaving = True
        self._go.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def seconds_left(self) -> float | None:
        """Return the time to go at the rate so far."""
        done = self.upgrade.done - self._first
        if done <= 0:
            return None
        return (time.monotonic() - self._begun) * max(0, self.upgrade.total - self.upgrade.done) / done

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.upgrade.pace.duty = self.duty
                if self._through():
                    return
                self._judge()
        except (UpgradeFailedError, StoreDamagedError) as error:
            self.failed = str(error)
            self._emit("upgrade", what="failed", message=str(error))
            self._fail(error)
        except (StoreClosedError, ForkedError):
            return

    def _through(self) -> bool:
        """Work through a window of time, and end where all is through; damage of what it comes from is mended first."""
        try:
            if not self._window():
                return False
            report = self.upgrade.finish()
        except StoreDamagedError as error:
            if not self._mended(error):
                raise
            return False
        self.over = True
        self._emit("upgrade", what="switched", report=report.id)
        return True

    def _mended(self, error: StoreDamagedError) -> bool:
        try:
            return self.upgrade.mend()
        except StoreDamagedError:
            raise
        except StoreError as short:  # of room, for what is damaged and its copy
            self._emit("upgrade", what="waits", message=f"{error}; {short}")
            self._stop.wait(_RETRY_SECONDS)
            return True

    def _listen(self) -> None:
        """Wait while it is paused, also where it reads at length; rest more when somebody calls; raise when the mind closes."""
        self._go.wait()
        if self._stop.is_set():
            raise StoreClosedError("the mind is closed: its upgrade goes on with the next opening")
        heard, self._heard = self._heard, self._calls().n
        share = min(self.duty, DUTY) if self._heard > heard else _IDLE_DUTY
        self.upgrade.pace.duty = min(share, self._limit)

    def _judge(self) -> None:
        """Turn back where the host's calls suffer, however little of the time it works, or fail."""
        wrong = [
            f"{name} is {found.measured:.4g} over {found.observations:,} calls, the limit {found.limit:g}"
            for name, found in calls_judged(self.upgrade.meter.calls()).items()
            if name == "error rate" and found.verdict == "missed"
        ]
        if self._windows.failed:
            found = self._windows.criterion()
            wrong.append(f"throughput is {found.measured or 0.0:.3f} of that without it, the limit {found.limit:g}")
        if wrong:
            raise UpgradeFailedError(self.upgrade.store.root, f"the host's calls suffer: {'; '.join(wrong)}")

    def _window(self) -> bool:
        """Work through a window of time, rest through a second, compare the host's calls; tell whether all is through."""
        before, until = self._calls(), time.monotonic() + _WINDOW
        while time.monotonic() < until and not self._stop.is_set():
            self._go.wait()
            if self._stop.is_set():
                return False
            begun = time.monotonic()
            try:
                if self.upgrade.step(SLICE_SECONDS):
                    return True
            except (UpgradeFailedError, StoreDamagedError):
                raise
            except StoreError as error:  # a full disk: what is written is safe, and space may come
                self._emit("upgrade", what="waits", message=str(error))
                self._stop.wait(_RETRY_SECONDS)
            taken = time.monotonic() - begun
            self._stop.wait(min(1.0, taken * (1.0 - self.duty) / self.duty))
        working = self._calls()
        busy = working.n > before.n
        if busy:  # nobody there: no need to rest for a comparison
            self._stop.wait(_WINDOW)
        self._steer(before, working, self._calls(), busy=busy)
        return False

    def _steer(self, before: Calls, working: Calls, resting: Calls, *, busy: bool) -> None:
        """Halve the duty where calls take a tenth longer while it works, raise it slowly where they do not."""
        at_work, at_rest = working.since(before), resting.since(working)
        on, off = _mean(at_work), _mean(at_rest)
        if on is not None and off is not None:
            self._windows.add(off / on, at_work, at_rest)
            self.duty = self._windows.steered(self.duty)
        elif not busy:
            self.duty = _IDLE_DUTY
        else:
            self.duty = min(self.duty, DUTY)
        self.duty = min(self.duty, self._limit)


def _mean(calls: Calls) -> float | None:
    return calls.seconds / calls.n if calls.n >= _ENOUGH and calls.seconds > 0.0 else None


class UpgradeControl:
    """What a host can do about the upgrade of its mind: ``mind.upgrade``.

    Parameters
    ----------
    store : FolderStore
        Of the mind.
    background : Background or None
        What runs behind.
    encoding : Encoding or None
        A change of encoder that runs behind.
    hooks : Hooks
        That were given.
    take_back : callable
        ``take_back(to)``: rolls back, and returns the report.
    """

    def __init__(
        self,
        store: FolderStore,
        background: Background | None,
        encoding: Encoding | None,
        hooks: Hooks,
        take_back: Callable[[str | int | None], UpgradeReport | None],
    ) -> None:
        self._store, self.background, self.encoding = store, background, encoding
        self._hooks, self._take_back = hooks, take_back

    def _running(self) -> list[Background | Encoding]:
        """Return what runs behind, the upgrade of records first."""
        return [each for each in (self.background, self.encoding) if each is not None and not each.over]

    def status(self) -> UpgradeStatus:
        """Tell how far it is."""
        pointer, behind = self._store.pointer, self.background
        note, beneath = (
            pointer.upgrade,
            self._lying(pointer.beneath, None if newest_is_encoding(self._store) else pointer.encoding),
        )
        idle = behind is None or (behind.stopped and not behind.failed)
        if note is not None and note.namespaces and pointer.stage == "UPGRADING" and idle:
            return self._waiting(note, beneath)
        if behind is None or behind.over:
            return self._encoding_status() or UpgradeStatus(
                stage=pointer.stage,
                until=note.until if note is not None else "",
                beneath=beneath,
                damaged=visible(self._store.root, note) if note is not None else "",
            )
        return UpgradeStatus(
            stage=pointer.stage, phase=behind.upgrade.phase, done=behind.upgrade.done, total=behind.upgrade.total,
            seconds_left=behind.seconds_left(), paused=behind.paused, duty=behind.duty, failed=behind.failed,
            beneath=beneath,
        )  # fmt: skip

    def _waiting(self, note: UpgradeNote, beneath: tuple[str, ...]) -> UpgradeStatus:
        """Tell how far an upgrade of payloads is that nobody goes on with, and what for it waits."""
        lacking = ", ".join(
            f"{kind} up to version {version}" for kind, version in self._hooks.lacking(note.namespaces).items()
        )
        cursor = None if self._store.closed else self._store.get(CURSOR, 0, CursorRecord)
        return UpgradeStatus(
            stage="UPGRADING", phase=PAYLOADS, done=cursor.counts.get("rows", 0) if cursor is not None else 0,
            total=self._store.head.memories, beneath=beneath,
            waits=f"hooks that know {lacking}: te.open(path, hooks=[...])" if lacking else "the next opening",
        )  # fmt: skip

    def _encoding_status(self) -> UpgradeStatus | None:
        """Tell how far a change of encoder is; None where there is none, or an upgrade of records soaks above it."""
        pointer, phase = self._store.pointer, self.encoding
        note, beneath = pointer.encoding, self._lying(pointer.points, None)
        if phase is not None and (phase.failed or not phase.over):
            return UpgradeStatus(
                stage="ROLLING_BACK" if phase.failed else "UPGRADING", phase=ENCODER, done=phase.done,
                total=phase.total, seconds_left=phase.seconds_left(), paused=phase.work.paused, duty=phase.work.duty,
                failed=phase.failed, beneath=beneath,
            )  # fmt: skip
        if note is None or not newest_is_encoding(self._store):
            return None
        return UpgradeStatus(
            stage="SOAK" if note.until else "UPGRADING",
            phase=ENCODER,
            until=note.until,
            beneath=beneath,
            waits=""
            if note.until or phase is not None or pointer.encoder is None
            else f"the encoder {pointer.encoder.name}",
        )

    def _lying(self, points: tuple[UpgradeNote, ...], encoding: EncodingNote | None) -> tuple[str, ...]:
        """Say what lies beneath, newest first."""
        root = self._store.root
        found = [(note.begun, f"{told(note)}{' (damaged)' if visible(root, note) else ''}") for note in points]
        found += [] if encoding is None else [(encoding.begun, told_encoding(encoding))]
        return tuple(each for _, each in sorted(found, reverse=True))

    def pause(self) -> UpgradeStatus:
        """Stop the work behind until `resume`; the mind goes on serving everything."""
        for each in self._running():
            each.pause()
        return self.status()

    def resume(self) -> UpgradeStatus:
        """Go on."""
        for each in self._running():
            each.resume()
        return self.status()

    def limit(self, duty: float) -> UpgradeStatus:
        """Let it work no larger a share of the time.

        Parameters
        ----------
        duty : float
            In (0, 1].
        """
        if isinstance(duty, bool) or not isinstance(duty, (int, float)) or not 0.0 < duty <= 1.0:
            raise InvalidArgumentError("duty", duty, "a number in (0, 1]")
        for each in self._running():
            each.limit(float(duty))
        return self.status()

    def commit(self) -> UpgradeStatus:
        """End the soak: all rollback points go. The only step that cannot be taken back.

        Raises
        ------
        UpgradeRunningError
            While the upgrade is not finished.
        """
        self._store.ready()
        note = self._store.pointer.encoding
        if self._store.pointer.unfinished or (note is not None and not note.until):
            raise UpgradeRunningError(self._store.root, "it is not finished: there is nothing to commit yet")
        let_go(self._store)
        if note is not None:
            contract_encoding(self._store)
        return self.status()

    def rollback(self, to: str | int | None = None) -> UpgradeReport | None:
        """Take the upgrade back.

        Parameters
        ----------
        to : {"P1", "P2", "P3", "P4"} or int, optional
            During an unfinished upgrade of the format: phases up to that one stay done, later ones are dropped, and the work
            waits for `resume`; returns None. Default: the last upgrade, all of it; once more: the one before it. 1: all of
            them. The mind is closed then if that makes it a store of format 1, or was a change of encoder; taking payloads
            back leaves it open.

        Raises
        ------
        DowngradeError
            When there is nothing to take back.
        UpgradeFailedError
            When what was gone back to does not hold: the newer store stays; the mind is closed where it would be.
        StoreError
            Of the disk, such as a full one: as above; free space, then try again.
        """
        self._store.ready()
        if self._store.pointer.upgrade is None and self._store.pointer.encoding is None:
            raise DowngradeError(
                self._store.root, "there is no upgrade to take back: te.rollback(path, to=1) goes down"
            )
        return self._take_back(to)

    def close(self) -> None:
        """End the work behind; an upgrade that did not hold and is not taken back yet is now, as nobody reads any more."""
        behind = self.background
        if behind is not None and not self._store.closed:
            behind.stop()
            if behind.failed and self._store.pointer.stage == "ROLLING_BACK":
                self._take_back(None)
        if self.encoding is not None and self.encoding.failed and not self._store.closed:
            former_back(self._store, why=self.encoding.failed)

    def __repr__(self) -> str:
        return f"<UpgradeControl: {self.status()}>"
