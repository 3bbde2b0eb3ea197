"""Run: an upgrade from format 1 to its end, and back; whatever it was killed in, the next call goes on."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
from pathlib import Path
from typing import Any

import attrs
import msgspec

from thoughtengine._types import Finding, Progress
from thoughtengine.errors import StoreDamagedError, StoreError, StoreLockedError, UpgradeFailedError
from thoughtengine.migrations.again import SweepAgain
from thoughtengine.migrations.begin import ASIDE, DAMAGED, GROWTH, measure
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.lower import give_back, lower, tidy
from thoughtengine.migrations.mend import NoteRows
from thoughtengine.migrations.meter import Meter, Pace
from thoughtengine.migrations.noted import note_anew
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.points import SOAK
from thoughtengine.migrations.probing import changed, copied, copied_flat
from thoughtengine.migrations.prove import Proof, stay
from thoughtengine.migrations.report import Criterion, UpgradeReport, history, write_report
from thoughtengine.migrations.running import PROBE_SECONDS, VALIDATING, Approve, PacedClone, Running, Tools, silent
from thoughtengine.migrations.sound import lost_of, needed, require_sound
from thoughtengine.migrations.sweep import INDEXED, Sweep
from thoughtengine.migrations.v0001_flat import LAYERS, place_of
from thoughtengine.migrations.v0002_envelopes import Memory
from thoughtengine.migrations.validate import Validation, validate
from thoughtengine.migrations.watch import TookTooLongError
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.files import PART, discard, size_of, translated
from thoughtengine.storage.folder import FolderStore, generation_name, to_quarantine
from thoughtengine.storage.incident import read_incidents
from thoughtengine.storage.keyspace import CURSOR, FIRST_NEW, LOWERED, MARK, MEMORY
from thoughtengine.storage.lock import FolderLock
from thoughtengine.storage.pointer import UpgradeNote

__all__ = ["Upgrade", "Visitor", "go_down", "locked", "settle_bare"]

_LOST = "lost to damage"
"""The word in a report that counts rows which damage has taken in the middle of an upgrade."""

_PROBES, _TOLD = 50, 5


class _Mark(msgspec.Struct, frozen=True):
    """The part of a mark of format 2 that matters here."""

    forgotten: tuple[int, ...] = ()


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


class Upgrade(Running):
    """The upgrade of a store of format 1.

    Parameters
    ----------
    store, tools, hooks, approve, progress
        As for `Running`.
    rate : float
        Rows a second that were planned with; 0: nothing was.
    """

    store: UpgradingStore

    def __init__(
        self,
        store: UpgradingStore,
        tools: Tools,
        *,
        hooks: Hooks | None = None,
        approve: Approve | None = None,
        progress: Progress = silent,
        rate: float = 0.0,
    ) -> None:
        super().__init__(store, tools, hooks=hooks, approve=approve, progress=progress)
        self._rate = rate
        self._at = int(dt.datetime.now(dt.UTC).timestamp() * 1e6)
        self._take_up()
        self._rows_before = self.done

    @property
    def _sweeping(self) -> str:
        return self.sweep.phase

    @property
    def _is_plain(self) -> bool:
        return self.sweep.cursor.step < INDEXED

    @property
    def done(self) -> int:
        """Rows it went through, in all phases."""
        counts = self.sweep.cursor.counts
        return sum(counts.get(word, 0) for word in (*LAYERS, "rows", "indexed"))

    @property
    def total(self) -> int:
        """Rows it goes through, in all phases: every row once, those that become memories twice more (once where it merges)."""
        if self.note.again:  # what is derived is built by other means
            return self.note.rows + self.sweep.cursor.counts.get("memories", 0)
        return self.note.rows + 2 * max(self.store.head.skipped[0] - 1 - self._n_lost, 0)

    @property
    def _n_lost(self) -> int:
        """Memories that damage has taken meanwhile."""
        return sum(n for _, n in self.note.lost)

    def mend(self) -> bool:
        """Go on over what can be read where the old generation was met damaged; tell whether that could be done."""
        if not self.store.mend(self.pace.breathe):
            return False
        self._take_up()
        return True

    def _take_up(self) -> None:
        note = self.store.pointer.upgrade
        if note is None:
            raise ValueError("no upgrade was begun")
        self.note = note
        self.sweep = (SweepAgain if note.again else Sweep)(self.store, self._tools.index, at=self._at)

    @property
    def through(self) -> bool:
        """Whether all phases are through."""
        return self.verified and self.sweep.done

    def _verify(self) -> None:
        """Read the rollback point; what it holds is counted from then on.

        Raises
        ------
        StoreDamagedError
            When it does not verify: then the store it was made of is damaged too.
        """
        store, note = self.store, self.note
        rows = NoteRows()
        try:
            flat = measure(
                store.root / note.rollback, store.root / ("verify" + PART), store.config, breathe=self.pace.breathe,
                note=rows,
            )  # fmt: skip
        except StoreDamagedError as error:
            told = f"{error.message}. {DAMAGED} (its files are given back as they were)"
            raise StoreDamagedError(store.root, told, file=error.file) from error
        rows.write(store.root / generation_name(note.old))
        self.note = msgspec.structs.replace(note, digest=flat.digest, rows=flat.rows)
        with store.writing:
            if not note.again:  # counted from what stands there, so that it can be done again after a kill
                new = sum(1 for _ in store.raw(MEMORY, after=FIRST_NEW - 1))
                skipped = flat.memories + self._n_lost + 1, FIRST_NEW
                store.commit(Batch(), sync=True, memories=flat.memories + new, skipped=skipped)
            store.update_pointer(upgrade=self.note)

    def _advance(self, seconds: float) -> None:
        name = self.sweep.phase
        if (note := self.store.pointer.upgrade) is not None and note.damaged:  # whoever read has met it
            raise StoreDamagedError(self.store.root, note.damaged)
        if self.note.salvaged and self.store.before is not None and not self.store.has(CURSOR, 0):
            with self.store.writing:
                note_anew(self.store, self.store.before)
                self._tools.rebuild(self.store, self._at)
        if self.sweep.slice(seconds, ahead=self.windows is None):
            rows, self._rows_before = self.done - self._rows_before, self.done
            self._milestone(name, rows, rows / self._rate if self._rate else 0.0)

    def _finish(self) -> UpgradeReport:
        """Validate, ask for approval, switch."""
        store = self.store
        if self.note.again or store.must_rebuild:
            with store.writing:
                self._tools.rebuild(store, self._at)
                store.settle()
        if store.before is None:
            raise ValueError("the old generation is closed")
        found = validate(store, store.before, self.pace, self.sweep.state_of)
        wrong = list(found.wrong)
        if found.before != self.note.digest:  # a scan over a damaged last block ends without a word
            wrong.append("the rows of the old store are not those that were verified")
        findings = [found for found in _checked(store, self._tools, self.pace) if found.kind != "unknown key"]
        wrong += [str(finding) for finding in findings[:_TOLD]]
        wanted = _wanted(store)
        lost, missed = self._tools.probe(store, wanted, self.pace.duty >= 1.0)
        wrong += [f"probe: {told}" for told in lost[:_TOLD]]
        wrong += self._probed()
        self._milestone(VALIDATING, found.n_in)
        report = self._told(found, probes=len(wanted), missed=len(lost) + missed, reason="; ".join(wrong))
        self._sign_off(report)
        self._switch()
        return report

    def _probed(self) -> list[str]:
        """Compare what the host's probes say of the old store, read through the step, with what they say of the new one.

        What an old program did while it was of format 1 has no before: then nothing is compared.
        """
        store, note = self.store, self.note
        if note.again or not list(self._hooks.probes()):
            return []
        now = store.root / f"now-{secrets.token_hex(4)}{PART}"
        try:
            store.checkpoint(now, whole=False)
            with copied_flat(store, store.root / note.rollback) as folder:
                before = self._values(folder)
            with copied(store, now, store.pointer.namespaces) as folder:
                return changed(before, self._values(folder))
        except TookTooLongError:
            return [f"the probes did not end within {PROBE_SECONDS:g} s"]
        finally:
            discard(now)

    def _told(self, found: Validation, *, probes: int, missed: int, reason: str) -> UpgradeReport:
        store = self.store
        lost = abs(found.n_in - found.n_memories - found.n_appraisals - found.n_carried - found.n_kept)
        lost += found.before != found.after
        damage = _salvaged(store.root)
        extra, n_bytes = size_of(store.generation), GROWTH * size_of(store.root / self.note.rollback)
        gone = self.note.lost_rows
        report = self._report(
            lost=None if damage and not lost else lost,
            damage=damage,
            rows_in=found.n_in,
            reason=reason,
            counts=dict(sorted({**self.sweep.cursor.counts, **({_LOST: gone} if gone else {})}.items())),
            rows_upgraded=found.n_memories + found.n_appraisals - found.n_quarantined,
            rows_quarantined=found.n_quarantined,
            rows_kept=found.n_kept,
            rows_carried=found.n_carried,
            digest_before=found.before,
            digest_after=found.after,
            probes=probes,
            probes_failed=missed,
            extra_bytes=extra,
            estimated_seconds=self.total / self._rate if self._rate else 0.0,
            estimated_bytes=n_bytes,
            lessons=(
                *self._lessons(),
                *([f"disk: {extra:,} bytes more, {n_bytes:,} were planned"] * (extra > n_bytes)),
                *([f"damage took {gone:,} rows of the old store meanwhile: the incident names them"] * bool(gone)),
            ),
        )
        if not gone or lost:
            return report
        told = Criterion(
            measured=gone, limit=0, verdict="not judged", observations=found.n_in
        )  # no fault of the upgrade
        return attrs.evolve(report, criteria={**report.criteria, "records lost": told})

    def _switch(self) -> None:
        store, until = self.store, dt.datetime.now(dt.UTC) + SOAK
        old = store.root / generation_name(self.note.old)
        note = msgspec.structs.replace(self.note, old=0, until=until.isoformat(timespec="seconds"))
        store.sync()
        store.update_pointer(stage="SOAK", upgrade=note)
        if self.note.salvaged:
            to_quarantine(store.root, ASIDE)
        else:
            discard(store.root / ASIDE)  # merged
        store.leave()
        discard(old)
        batch = Batch()
        batch.delete(CURSOR, 0)
        for key, _ in store.raw(LOWERED):
            batch.delete(LOWERED, key[1:])
        store.commit(batch, sync=True)

    def _back(self, error: UpgradeFailedError | StoreDamagedError) -> UpgradeReport:
        """Make it a store of format 1 again, and close it."""
        return go_down(self.store, self._tools, why=error.message)


def _salvaged(root: Path) -> str:
    """Return what could not be read of the damaged store that this one was salvaged from; empty where it was not."""
    known = {report.damage for report in history(root)}
    told = [incident.message for incident in read_incidents(root) if incident.data.get("salvaged")]
    return next((each for each in reversed(told) if each not in known), "")


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


def _wanted(store: UpgradingStore) -> list[tuple[int, str, str]]:
    """Choose records for the probes: evenly, those that have words."""
    note = store.pointer.upgrade
    top = store.head.skipped[0] - 1 if note is None or not note.again else store.head.memories
    every, wanted = max(1, top // _PROBES), list[tuple[int, str, str]]()
    for id_ in range(1, top + 1, every):
        memory, mark = store.get(MEMORY, id_, Memory), store.get(MARK, id_, _Mark)
        if mark is not None and mark.forgotten:  # its name may be another's by now
            continue
        if memory is not None and memory.key and memory.text and place_of(memory.key.encode()).layer:
            wanted.append((id_, memory.key, memory.text))
    return wanted


def go_down(
    store: FolderStore, tools: Tools, *, why: str = "", verified: bool = False, mended: bool = False
) -> UpgradeReport:
    """Make a mind a store of format 1 again, whatever state it is in; the store is closed afterwards.

    The sealed copy is read in full before anything is noted (`verified`: it was). Damage of what an upgrade comes from
    is mended with what can be read, unless it is `mended`.

    Raises
    ------
    UpgradeFailedError
        When what was made does not hold; the mind stays of its format, and can be gone on with.
    StoreError
        When it could not be done; the mind is as it was, and the next call begins again.
    """
    meter, root, begun, before = Meter(), store.root, dt.datetime.now(dt.UTC), store.pointer
    flat = [each for each in store.pointer.points if not each.namespaces]  # those of payloads are of no use here
    note = flat[-1] if flat else UpgradeNote(id=f"{begun:%Y%m%dT%H%M%S}-down", source=1)
    if not verified and store.pointer.stage != "ROLLING_BACK":
        require_sound(store, [each for each in needed(store.pointer) if each == note])
    if store.pointer.stage != "ROLLING_BACK" or store.pointer.points != (note,):
        note = msgspec.structs.replace(note, source=1, why=why)
        store.update_pointer(stage="ROLLING_BACK", upgrade=note, beneath=())
    try:
        with translated(root, full_only=True):
            made, proof = lower(store, tools)
    except StoreDamagedError:
        if not mended and isinstance(store, UpgradingStore) and store.mend():
            return go_down(store, tools, why=why, mended=True)
        stay(store, before)
        raise
    except StoreError:
        raise
    except Exception as error:
        raise stay(store, before, wrong=[f"{type(error).__name__}: {error}"]) from error
    lost = None if proof is None else lost_of(store)
    if proof is None:
        why = "; ".join(filter(None, (why, "it was damaged, and is given back as it was: nothing could be proved")))
        proof = Proof(before=note.digest, after=made.digest, rows=made.rows)
    report = UpgradeReport(
        id=f"{note.id}-back", kind="rollback", path=str(root), source=note.target, target=1,
        begun=begun.isoformat(timespec="seconds"), ended=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        reason=why, counts=made.layers, **proof.figures(lost), **meter.figures(),
    )  # fmt: skip
    if proof.wrong:
        raise stay(store, before, report, proof.wrong)
    write_report(root, report)
    store.close()
    with locked(root):
        give_back(root)
    return report


def settle_bare(root: Path) -> bool:
    """Remove what a rollback that was killed at its very end left beside a store of format 1; tell whether there was anything."""
    with contextlib.suppress(StoreLockedError), locked(root):
        return tidy(root)
    return False
