"""Encoding: a change of encoder as an upgrade: begun, told, paused, signed off, and taken back without encoding anything."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import attrs
import msgspec

from thoughtengine._types import Calls, Progress
from thoughtengine.errors import RecordError, UpgradeFailedError
from thoughtengine.migrations.judge import criteria
from thoughtengine.migrations.meter import Meter
from thoughtengine.migrations.points import SOAK, minute
from thoughtengine.migrations.report import PhaseReport, UpgradeReport, write_report
from thoughtengine.migrations.running import Approve, refusal
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import body_of, decode
from thoughtengine.storage.contract import PAGE
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import CODE, FORMER, Area
from thoughtengine.storage.pointer import EncoderIdentity, EncodingNote

__all__ = [
    "PHASE",
    "Encoding",
    "Work",
    "adopt",
    "contract_encoding",
    "former_back",
    "go_on_back",
    "newest_is_encoding",
    "told_encoding",
]

PHASE = "P4 encoder"
_REFUSED_SHARE, _REFUSED_LEAST = 0.001, 10


class _Vector(msgspec.Struct, frozen=True):
    """The part of a vector row of format 2 that matters here."""

    fingerprint: str


def adopt(store: FolderStore, identity: EncoderIdentity) -> None:
    """Note that another encoder counts from now on; the one before, given again, gets its vectors back at once."""
    pointer, note = store.pointer, store.pointer.encoding
    if note is not None and note.former == identity:
        former_back(store, why="the encoder before was given again")
        return
    if note is not None and note.until:
        told = "%s: the vectors of %s, kept for a way back, go: %s is taken over from %s"
        names = (
            note.former.name if note.former is not None else "none",
            identity.name,
            _names(pointer.encoder, None)[0],
        )
        logging.getLogger("thoughtengine").warning(told, store.root, *names)
        contract_encoding(store)
        note = None
    if not store.head.memories:
        store.update_pointer(encoder=identity, former=None, encoding=None)
        return
    now = dt.datetime.now(dt.UTC)
    begun = EncodingNote(
        id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}", begun=now.isoformat(timespec="microseconds"),
        former=pointer.encoder if note is None else note.former,
    )  # fmt: skip
    store.update_pointer(encoder=identity, former=pointer.encoder, encoding=begun)


def contract_encoding(store: FolderStore) -> None:
    """Let the vectors of the encoder before go."""
    for batch in _batches(store, lambda batch, id_, body: batch.delete(FORMER, id_)):
        store.commit(batch)
    store.update_pointer(encoding=None)


def former_back(store: FolderStore, *, why: str) -> UpgradeReport:
    """Put the vectors of the encoder before in their places; those that only the new one made go.

    Killed in the middle, the next opening goes on with it (`go_on_back`). Cost: some 20 microseconds a vector.

    Raises
    ------
    UpgradeFailedError
        When a vector of the encoder before cannot be read; nothing was moved, and the newer ones stay.
    """
    note, meter, new = store.pointer.encoding, Meter(), store.pointer.encoder
    if note is None:
        raise ValueError("no encoder was taken over")
    begun = dt.datetime.now(dt.UTC)
    with store.writing:
        of = note.former.fingerprint if note.former is not None else ""
        kept, found = _vectors(store, FORMER, of), _vectors(store, CODE, of)  # found: put back before a kill
        if not note.why:
            store.update_pointer(encoding=msgspec.structs.replace(note, why=why))
        for batch in _batches(store, _put_back):
            store.commit(batch)
        for batch in _without(store, new.fingerprint if new is not None else ""):
            store.commit(batch)
        there = _vectors(store, CODE, of)
        store.sync()
        store.update_pointer(encoder=note.former, former=None, encoding=None)
    before, after = ((f"{total % (1 << 128):032x}") for total in (kept[1] + found[1], there[1]))
    if before != after:
        told = f"{there[0]} vectors are back, and {kept[0] + found[0]} had been kept: the next opening makes those that lack"
        record_incident(store.root, "upgrade", told)
        why = f"{why}; {told}"
    report = UpgradeReport(
        id=f"{note.id}-back", kind="rollback", path=str(store.root), source=store.pointer.format, target=store.pointer.format,
        encoder=_names(new, note.former), begun=begun.isoformat(timespec="seconds"),
        ended=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"), succeeded=True, reason=why,
        rows_in=kept[0] + found[0], rows_kept=there[0], digest_before=before, digest_after=after, **meter.figures(),
    )  # fmt: skip
    write_report(store.root, report)
    return report


def _vectors(store: FolderStore, area: Area, fingerprint: str) -> tuple[int, int]:
    """Return how many vectors of an encoder are in an area, and the sum of their digests.

    Raises
    ------
    UpgradeFailedError
        When one cannot be read.
    """
    n = total = 0
    try:
        for key, value in store.raw(area):
            body = body_of(key, value, area)
            if decode(body, _Vector).fingerprint == fingerprint:
                n, total = n + 1, total + int.from_bytes(row_digest(key[1:], body), "big")
    except RecordError as error:
        told = f"the way back does not hold, and nothing was changed: a vector cannot be read ({error})"
        raise UpgradeFailedError(store.root, f"{told}; the newer encoder stays") from error
    return n, total


def newest_is_encoding(store: FolderStore) -> bool:
    """Tell whether what would be taken back first is a change of encoder."""
    note, other = store.pointer.encoding, store.pointer.upgrade
    return note is not None and (other is None or note.begun > other.begun)


def told_encoding(note: EncodingNote) -> str:
    """Say what a change of encoder leads back to, and until when."""
    until = f"until {minute(note.until)}" if note.until else "(not finished)"
    return f"encoder {note.former.name if note.former is not None else 'none'} {until}"


def go_on_back(store: FolderStore) -> None:
    """End a way back that was begun, and let go of what has soaked."""
    note = store.pointer.encoding
    if note is None:
        return
    if note.why:
        try:
            former_back(store, why=note.why)
        except UpgradeFailedError as error:  # else nobody could open it any more
            record_incident(store.root, "upgrade", str(error))
            store.update_pointer(encoding=msgspec.structs.replace(note, why=""))
    elif note.until and dt.datetime.fromisoformat(note.until) <= dt.datetime.now(dt.UTC):
        contract_encoding(store)


def _put_back(batch: Batch, id_: int, body: bytes) -> None:
    batch.put_body(CODE, id_, body)
    batch.delete(FORMER, id_)


def _batches(store: FolderStore, take: Callable[[Batch, int, bytes], None]) -> Iterator[Batch]:
    batch = Batch()
    for key, value in store.raw(FORMER):
        take(batch, FORMER.number(key), body_of(key, value, FORMER))
        if len(batch) >= PAGE:
            yield batch
            batch = Batch()
    yield batch


def _without(store: FolderStore, fingerprint: str) -> Iterator[Batch]:
    """Yield batches that delete the vectors of an encoder."""
    batch = Batch()
    for key, value in store.raw(CODE):
        if decode(body_of(key, value, CODE), _Vector).fingerprint == fingerprint:
            batch.delete(CODE, CODE.number(key))
        if len(batch) >= PAGE:
            yield batch
            batch = Batch()
    yield batch


def _names(before: EncoderIdentity | None, after: EncoderIdentity | None) -> tuple[str, str]:
    return before.name if before is not None else "", after.name if after is not None else ""


class Work(Protocol):
    """Whoever encodes.

    Attributes
    ----------
    paused : bool
        Stop behind the texts that are being encoded, until it may go on.
    duty : float
        Share of the time in which to work.
    n_encoded, n_known, n_refused : int
        Memories that got a vector, that had one, and whose text the encoder would not take.
    """

    paused: bool
    duty: float
    n_encoded: int
    n_known: int
    n_refused: int


@attrs.define(eq=False)
class Encoding:
    """A change of encoder that runs behind a mind: how far it is, and its report.

    Attributes
    ----------
    store : FolderStore
        Of the mind; its pointer names both encoders.
    work : Work
        Does it.
    wake : callable
        Tells that it may go on.
    approve, emit, progress, calls : callable
        As for other upgrades.
    failed : str
        Why it did not hold; then the encoder before comes back when the mind is closed.
    """

    store: FolderStore
    work: Work
    wake: Callable[[], None]
    approve: Approve | None
    tell: Progress
    emit: Callable[..., None]
    calls: Callable[[], Calls]
    failed: str = ""
    over: bool = False
    done: int = 0
    total: int = 0
    meter: Meter = attrs.field(factory=Meter)
    _begun: float = attrs.field(factory=time.monotonic)

    def __attrs_post_init__(self) -> None:
        self.meter.listen(self.calls)

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Note how far it is, and pass it on."""
        self.done, self.total = done, total or self.total
        self.tell(what, done, total)

    def seconds_left(self) -> float | None:
        """Return the time to go at the rate so far."""
        if not self.done:
            return None
        return (time.monotonic() - self._begun) * max(0, self.total - self.done) / self.done

    def pause(self) -> None:
        """Stop behind the texts that are being encoded."""
        self.work.paused = True

    def resume(self) -> None:
        """Go on."""
        self.work.paused = False
        self.wake()

    def limit(self, duty: float) -> None:
        """Work no larger a share of the time."""
        self.work.duty = duty

    def finish(self) -> None:
        """Write the report; what does not hold is taken back when the mind is closed, as its cues are encoded anew until then."""
        note, told = self.store.pointer.encoding, dict[str, str]()
        try:
            told = {} if note is None else self._signed_off(note)
        finally:
            self.over = True  # only now: who waits for it looks at what became of it
        if told:
            self.emit("upgrade", **told)

    def _signed_off(self, note: EncodingNote) -> dict[str, str]:
        """Note in the pointer file whether it holds; return what an event tells of that."""
        report = self._report(note)
        reason = report.reason or refusal(report, self.approve)
        report = attrs.evolve(report, succeeded=not reason, reason=reason)
        write_report(self.store.root, report)
        self.emit("upgrade", what="phase", phase=PHASE, rows=report.rows_in, seconds=report.seconds)
        if reason:
            self.failed = f"the change of encoder does not hold: {reason}"
            record_incident(self.store.root, "upgrade", self.failed)
            self.store.update_pointer(encoding=msgspec.structs.replace(note, why=reason))
            return {"what": "failed", "message": self.failed}
        until = (dt.datetime.now(dt.UTC) + SOAK).isoformat(timespec="seconds")
        self.store.update_pointer(former=None, encoding=msgspec.structs.replace(note, until=until))
        return {"what": "done", "report": report.id}

    def broken_off(self, why: str) -> UpgradeReport:
        """Write, and return, a report of how far it has come; it is not taken back, and can be gone on with."""
        note = self.store.pointer.encoding
        if note is None:
            raise ValueError("no encoder is being taken over")
        report = attrs.evolve(self._report(note), id=f"{note.id}-stopped", succeeded=False, reason=why)
        write_report(self.store.root, report)
        return report

    def _report(self, note: EncodingNote) -> UpgradeReport:
        work, figures = self.work, self.meter.figures()
        rows, pointer = work.n_encoded + work.n_known + work.n_refused, self.store.pointer
        told = f"the encoder would not take {work.n_refused} of {rows} texts"
        phase = PhaseReport(name=PHASE, rows=rows, seconds=figures["seconds"])
        return UpgradeReport(
            id=note.id, kind="upgrade", path=str(self.store.root), source=pointer.format, target=pointer.format,
            encoder=_names(note.former, pointer.encoder), begun=note.begun,
            ended=dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"), succeeded=True,
            reason=told if work.n_refused > max(_REFUSED_LEAST, _REFUSED_SHARE * rows) else "", phases=(phase,),
            rows_in=rows, rows_upgraded=work.n_encoded, rows_kept=work.n_known, rows_quarantined=work.n_refused,
            criteria=criteria(self.meter.calls(), None, lost=0, rows=rows), **figures,
        )  # fmt: skip
