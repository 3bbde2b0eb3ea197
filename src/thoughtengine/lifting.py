"""Lifting: what is done to a folder of an older format, before its mind serves or behind it."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from thoughtengine._types import Finding, Progress
from thoughtengine.config import Config, Limits, StorageConfig
from thoughtengine.engine import ThoughtEngine
from thoughtengine.errors import (
    DowngradeError,
    InvalidArgumentError,
    MemoryNotFoundError,
    RecordUpgradeError,
    StoreDamagedError,
    StoreError,
    UpgradeFailedError,
    UpgradeRequiredError,
)
from thoughtengine.memory.check import check_memories
from thoughtengine.memory.derive import content_digest, forget_patterns, rebuild
from thoughtengine.memory.experience import LAYERS
from thoughtengine.memory.forget import find
from thoughtengine.memory.index.entry import make_entry
from thoughtengine.memory.moment import clock_in
from thoughtengine.memory.record import AppraisalRecord, MemoryRecord, NameRecord, VectorRecord
from thoughtengine.migrations.begin import begin, is_cut_short, merge_anew
from thoughtengine.migrations.encoding import former_back, newest_is_encoding
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.online import Background
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.payloads import PayloadUpgrade, begin_payloads
from thoughtengine.migrations.plan import rate_of
from thoughtengine.migrations.regain import regain
from thoughtengine.migrations.report import UpgradeReport
from thoughtengine.migrations.report import history as reports
from thoughtengine.migrations.run import Upgrade, go_down, locked
from thoughtengine.migrations.running import Approve, Running, Tools, told_back
from thoughtengine.migrations.sound import needed, require_sound
from thoughtengine.migrations.take_back import check_way_down, drop_way_back, take_back, take_back_all
from thoughtengine.storage.codec import decode, encode
from thoughtengine.storage.contract import Store
from thoughtengine.storage.files import translated
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import (
    APPRAISAL,
    CODE,
    FIRST_NEW,
    FORMER,
    MARK,
    MEMORY,
    NAME,
    RECEIPT,
    TERMS,
    VECTOR,
)
from thoughtengine.storage.pointer import UpgradeNote, read_pointer

__all__ = ["TOOLS", "attach", "begin_flat", "go_on", "index_rows", "make_whole", "take_back_of", "with_payloads"]

SMALL = 2000
"""Memories below which an upgrade is done before an opening returns."""

_PHASE_NAMES = ("P1", "P2", "P3", "P4")
_K, _WORDS = 10, 300
_LEAST = dt.timedelta(microseconds=1)
_LAST = dt.datetime.max.replace(tzinfo=dt.UTC) - dt.timedelta(days=1)  # of any zone
_FEWEST = 5  # cues, none of which calls anything up, that count as a mind that does not answer


def index_rows(id_: int, memory: bytes, appraisal: bytes | None) -> tuple[bytes, bytes, str]:
    """Return the index entry and the name row that follow from a memory, and its name; an `Index` for `migrations`."""
    record = decode(memory, MemoryRecord)
    felt = None if appraisal is None else decode(appraisal, AppraisalRecord)
    name = NameRecord(id=id_, digest=content_digest(record, felt, None))
    return encode(make_entry(record)), encode(name), record.key or ""


def _rebuild(store: Store, at: int) -> None:
    rebuild(store, at=at)
    forget_patterns(store)


def _check(store: Store) -> list[Finding]:
    return check_memories(store)


def _probe(store: Store, wanted: list[tuple[int, str, str]], recalled: bool) -> tuple[list[str], int]:
    wrong, missed = list[str](), 0
    for id_, key, _ in wanted:
        try:
            found = find(store, key or id_)
        except MemoryNotFoundError:
            wrong.append(f"{key or id_!r} is not found")
            continue
        record = store.get(MEMORY, found, MemoryRecord)
        later = found >= FIRST_NEW or (record is not None and record.supersedes is not None)
        if record is None or (found != id_ and not later):  # else the host has given the name to a later one
            wrong.append(f"{key!r} is memory {found}, not {id_}")
    if recalled and isinstance(store, FolderStore):
        mind = ThoughtEngine(store, Config(), clock_in(None, None), encoder=None, sync=False, created=False)
        try:
            mind._memories.live.make_whole()  # before it is asked
            cues = [(id_, text) for id_, _, text in wanted if any(map(str.isalnum, text[:_WORDS]))]
            answers = [_texts(mind, text, k=_K) for _, text in cues]
            outdone = [cue for cue, hits in zip(cues, answers, strict=True) if cue[1] not in hits]
            missed = sum(text not in _of_its_moment(mind, id_, text) for id_, text in outdone)
            if len(cues) >= _FEWEST and not any(answers):
                wrong.append(f"none of {len(cues)} memories calls anything up by its own text")
        finally:
            mind._memories.live.close()
        store.on_incident = store.on_return = None
    return wrong, missed


def _texts(mind: ThoughtEngine, text: str, **where: Any) -> list[str | None]:
    """Return the texts that the beginning of a text calls up."""
    return [hit.text for hit in mind.recall(text[:_WORDS].strip(), layers=LAYERS, **where)]


def _of_its_moment(mind: ThoughtEngine, id_: int, text: str) -> list[str | None]:
    """Return what a text calls up of the moment of its memory: others that say nearly the same do not come before it there."""
    memory = mind.get(id_)
    if memory is None:
        return []
    until = None if memory.at >= _LAST else memory.at + _LEAST
    return _texts(mind, text, k=Limits().k, since=memory.at, until=until)


def _name(id_: int, memory: bytes, appraisal: bytes | None, vector: bytes | None) -> bytes:
    record = decode(memory, MemoryRecord)
    felt = None if appraisal is None else decode(appraisal, AppraisalRecord)
    given = None if vector is None else decode(vector, VectorRecord).data
    return encode(NameRecord(id=id_, digest=content_digest(record, felt, given)))


def _values(folder: Path, hooks: Hooks, first_id: int, first_receipt: int) -> dict[str, Any]:
    store: FolderStore
    if read_pointer(folder)[0].unfinished:
        store = lifted = UpgradingStore(folder, StorageConfig(), index_rows)
        lifted.whole = True
    else:
        store = FolderStore(folder, StorageConfig())
        _as_of(store, first_id, first_receipt)
    mind = ThoughtEngine(store, Config(), clock_in(None, None), encoder=None, sync=False, created=False, hooks=hooks)
    try:
        return {name: probe(mind) for name, probe in hooks.probes()}
    finally:
        mind.close()


def _as_of(store: FolderStore, first_id: int, first_receipt: int) -> None:
    """Take away from a throw-away copy what was written since; what follows from the rest is built again."""
    if store.head.next_id <= first_id and store.head.next_receipt <= first_receipt:
        return
    of_a_memory = (MEMORY, APPRAISAL, VECTOR, CODE, FORMER, TERMS)
    gone = [key for area in of_a_memory for key, _ in store.raw(area, after=first_id - 1)]
    gone += [key for key, _ in store.raw(RECEIPT, after=first_receipt - 1)]
    gone += [key for area in (NAME, MARK) for key, _ in store.raw(area)]
    store._write([], gone, False)
    store.head = msgspec.structs.replace(store.head, next_id=first_id, next_receipt=first_receipt)
    with store.writing:
        rebuild(store, at=0)


TOOLS = Tools(index=index_rows, rebuild=_rebuild, check=_check, name=_name, values=_values, probe=_probe)


def begin_flat(root: Path, config: StorageConfig) -> None:
    """Take a bare store of format 1 in."""
    with locked(root):
        begin(root, config)


def go_on(
    root: Path, config: StorageConfig, upgrade: str, approve: Approve | None, hooks: Hooks, progress: Progress
) -> tuple[UpgradingStore, Running | None]:
    """End what was begun and not finished."""
    store = UpgradingStore(root, config, index_rows)
    try:
        note = store.pointer.upgrade
        if store.pointer.stage == "ROLLING_BACK" and note is not None:
            try:
                told = _way_back_ended(store, hooks, note)
            except StoreDamagedError as error:
                _let_be(store, note, error)
                note = store.pointer.upgrade
            else:
                raise UpgradeFailedError(root, told)
        if not store.pointer.unfinished:
            make_whole(store)
            return store, None
        if note is not None and note.digest:  # it was at work before
            store.update_pointer(upgrade=msgspec.structs.replace(note, resumed=note.resumed + 1))
        if note is not None and note.namespaces:
            payloads = PayloadUpgrade(store, hooks, TOOLS, approve=approve, progress=progress)
            return _done_or_behind(store, payloads, upgrade) if payloads.complete else (store, None)
        if hooks.pending(store.pointer) and _holds_none(store, hooks):
            _nothing_behind(store, hooks)
        if is_cut_short(store):
            merge_anew(store)
        flat = Upgrade(store, TOOLS, hooks=hooks, approve=approve, progress=progress, rate=rate_of(reports(root)))
        return _done_or_behind(store, flat, "wait" if flat.note.again else upgrade)
    except BaseException:
        store.close()
        raise


def _way_back_ended(store: UpgradingStore, hooks: Hooks, note: UpgradeNote) -> str:
    """End a way back that was broken off; return what tells so."""
    why = note.why
    make_whole(store)
    if note.namespaces:
        _end_way_back(store, hooks, note)
        return f"the payloads were rolled back ({why}): open it again to upgrade them"
    go_down(store, TOOLS, why=why)
    if why.startswith("as asked"):
        told = "the way back that was asked for, and broken off, has ended: it is of format 1 again, as asked"
        return f"{told} (open it again to upgrade it)"
    return f"it was rolled back to format 1 ({why}): open it again to upgrade it"


def _let_be(store: UpgradingStore, note: UpgradeNote, error: StoreDamagedError) -> None:
    """Go on with the newer store where what a way back was to lead to is damaged; raise where it is the mind that is."""
    stays = store.pointer.stage != "ROLLING_BACK" and store.pointer.state != "DAMAGED"
    if not stays or not (note.namespaces or note.until):
        raise error
    record_incident(store.root, "damage", f"the way back that was begun ({note.why}) is let be: {error.message}")


def make_whole(store: FolderStore) -> None:
    """End what a salvage, or a lost tail, has begun: what is to be had again, then counters and all else that is derived.

    Nothing else may begin on such a store: a copy of it would hold another number of memories than its head says.
    """
    if store.must_rebuild:
        with store.writing:
            regain(store)
            _rebuild(store, int(dt.datetime.now(dt.UTC).timestamp() * 1e6))
            store.settle()


def _end_way_back(store: UpgradingStore, hooks: Hooks, note: UpgradeNote) -> None:
    """End a way back of payloads that was broken off.

    Raises
    ------
    UpgradeRequiredError
        When a payload was written since and the hooks that know its way down are not here; nothing was touched.
    """
    try:
        take_back(store, hooks, TOOLS, why=note.why)
    except RecordUpgradeError as error:
        missing = [kind for kind in note.namespaces if kind not in hooks.chains]
        if not missing:
            raise
        kinds = ", ".join(map(repr, missing))
        told = f"payloads of kind {kinds} are half way back: open it with hooks=[...] that know that way"
        raise UpgradeRequiredError(store.root, f"{told} ({error})") from error


def _done_or_behind(store: UpgradingStore, running: Running, upgrade: str) -> tuple[UpgradingStore, Running | None]:
    """Do it now where it was asked for or is small; else leave it to run behind the mind."""
    if upgrade == "auto" and _is_large(store) and not store.must_rebuild:
        return store, running
    try:
        running.run()
    except StoreDamagedError:
        if upgrade != "auto" or not running.stuck:
            raise
        record_incident(store.root, "upgrade", running.stuck)  # each record is served at the version it has
    return store, None


def _is_large(store: UpgradingStore) -> bool:
    if store.counted or store.before is None:
        return store.head.memories >= SMALL
    try:
        return store.before.at_least(SMALL)
    except StoreDamagedError:  # done at once: its rollback point does not verify, and the files are given back
        return False


def with_payloads(
    root: Path, config: StorageConfig, upgrade: str, approve: Approve | None, hooks: Hooks, progress: Progress
) -> tuple[UpgradingStore, Running | None]:
    """Upgrade payloads that are behind, or leave that to run behind the mind."""
    store = UpgradingStore(root, config, index_rows)
    try:
        make_whole(store)
        if _holds_none(store, hooks):
            _nothing_behind(store, hooks)
            return store, None
        begin_payloads(store, hooks)
        payloads = PayloadUpgrade(store, hooks, TOOLS, approve=approve, progress=progress)
        return _done_or_behind(store, payloads, upgrade)
    except BaseException:
        store.close()
        raise


def attach(mind: ThoughtEngine, store: FolderStore, running: Running, hooks: Hooks) -> Background:
    """Return what upgrades a mind while it serves."""
    background = Background(
        running, fail=lambda error: _failed(store, hooks, running, error), calls=mind._monitor.calls,
        emit=mind.events.emit,
    )  # fmt: skip
    running.tell(_indexing(mind, store), _emitting(mind))
    return background


def _indexing(mind: ThoughtEngine, store: FolderStore) -> Progress:
    """Return what tells of progress, and lets the index be read anew each time that the sweep has doubled it."""
    seen = [SMALL]

    def progress(what: str, done: int, total: int | None) -> None:
        mind._progress(what, done, total)
        if isinstance(store, UpgradingStore) and mind._memories.live.lacking and seen[0] <= store.indexed < FIRST_NEW:
            seen[0] = 2 * store.indexed
            mind._memories.live.grown()

    return progress


def _emitting(mind: ThoughtEngine) -> Callable[..., None]:
    def emit(kind: str, **data: Any) -> None:
        if data.get("what") == "done":
            mind._memories.live.grown()  # what was loaded in part is loaded whole
        mind.events.emit(kind, **data)

    return emit


def _failed(store: FolderStore, hooks: Hooks, running: Running, error: UpgradeFailedError | StoreDamagedError) -> None:
    """Take payloads back at once; of a format, the mind goes on serving through the step until it is closed.

    Damage that is met when the sweep has begun turns nothing back: the rollback point may lie in the same files.
    """
    if isinstance(error, StoreDamagedError) and running.verified:
        record_incident(store.root, "damage", f"the upgrade stands still: {error.message}")
    elif isinstance(running, PayloadUpgrade):
        try:
            check_way_down(store, hooks)
            with translated(store.root), _held(store, hooks, running.note):
                running.fail(error)
        except (RecordUpgradeError, StoreError) as stuck:
            told = running.stuck or f"{error}; and it cannot be taken back: {stuck}"
            record_incident(store.root, "upgrade", told)
    else:
        record_incident(store.root, "upgrade", error.message)
        running.account(error)
        try:
            require_sound(store, needed(store.pointer))
        except StoreDamagedError as damaged:
            record_incident(store.root, "damage", f"it cannot be taken back: {damaged.message}")
            return
        note = msgspec.structs.replace(running.note, source=1, why=error.message)
        store.update_pointer(stage="ROLLING_BACK", upgrade=note)


def take_back_of(
    mind: ThoughtEngine, store: FolderStore, hooks: Hooks, background: Background | None, to: str | int | None
) -> UpgradeReport | None:
    """Take the upgrade of an open mind back, all of it or the phases behind one."""
    note, running = store.pointer.upgrade, background.upgrade if background is not None else None
    if to is None and newest_is_encoding(store):
        return _encoder_back(mind, store)
    if (
        isinstance(to, str)
        and to in _PHASE_NAMES
        and isinstance(running, Upgrade)
        and store.pointer.stage == "UPGRADING"
    ):
        if background is not None:
            background.pause()
        running.sweep.drop_phases(_PHASE_NAMES.index(to) + 1)
        mind._memories.live.dropped()
        return None
    if to is not None and (isinstance(to, bool) or not isinstance(to, int)):
        raise InvalidArgumentError("to", to, "the number of a format; during an upgrade of the format also P1 to P4")
    of_payloads = note is not None and bool(note.namespaces)
    if to not in (None, 1) and not (of_payloads and to == store.pointer.format):
        raise DowngradeError(store.root, f"there is no way to format {to}: the only one goes down to 1")
    through = to == 1 and not (store.pointer.unfinished and of_payloads)
    if of_payloads and not through:
        try:
            check_way_down(store, hooks)
        except RecordUpgradeError as error:
            raise DowngradeError(store.root, f"{error}: nothing was done") from error
    require_sound(store, [note] if note is not None and of_payloads and not through else needed(store.pointer))
    if background is not None:
        background.stop()
    try:
        report = _taken_back(mind, store, hooks, note if to != 1 else None)
    except BaseException as error:
        mind.events.emit("upgrade", what="not rolled back", message=str(error))
        if not (of_payloads and to != 1):  # its index is closed
            mind._close()
        raise
    mind.events.emit("upgrade", **told_back(report))
    if store.closed:
        mind.events.close()
    return report


def _taken_back(mind: ThoughtEngine, store: FolderStore, hooks: Hooks, note: UpgradeNote | None) -> UpgradeReport:
    """Take payloads back where `note` is of them, else everything, down to format 1."""
    if note is not None and note.namespaces:
        before = store.pointer
        try:
            with _held(store, hooks, note):
                report = take_back(store, hooks, TOOLS, why="as asked", verified=True)
        except BaseException:
            if not _is_back(store, note) and before.stage != "ROLLING_BACK":
                with contextlib.suppress(OSError):  # where not even that can be written, the next opening ends it
                    drop_way_back(store, before)
            raise
        finally:
            mind._memories.live.dropped()
        return report
    newest = store.pointer.upgrade
    why = (newest.why if newest is not None else "") or "as asked"
    mind._memories.live.close()
    if not store.pointer.unfinished and newest_is_encoding(store):
        former_back(store, why=f"{why}, on the way to format 1")
    stays = take_back_all(store, hooks, TOOLS, why=f"{why}, on the way to format 1", verified=True)
    return go_down(store, TOOLS, why="; ".join(filter(None, (why, stays))), verified=True)


@contextlib.contextmanager
def _held(store: FolderStore, hooks: Hooks, note: UpgradeNote) -> Iterator[None]:
    """Store payloads at the versions before an upgrade while that is taken back; from then on they are read so too.

    Whatever ends the way back early lets go of that: no payload is stored at another version than the rest is.
    """
    before = hooks.held
    hooks.hold({kind: stored for kind, (stored, _) in note.namespaces.items()})
    try:
        yield
    finally:
        if _is_back(store, note):
            hooks.taken_back()
        else:
            hooks.let_go(before)


def _is_back(store: FolderStore, note: UpgradeNote) -> bool:
    """Tell whether an upgrade is no more the one that was done last: it was taken back."""
    newest = store.pointer.upgrade
    return newest is None or newest.id != note.id


def _encoder_back(mind: ThoughtEngine, store: FolderStore) -> UpgradeReport:
    """Give the encoder before its vectors back; the mind is closed, as it encodes its cues by the one that goes."""
    mind._memories.live.close()
    report = former_back(store, why="as asked")
    mind.events.emit("upgrade", **told_back(report))
    mind.close()
    return report


def _holds_none(store: FolderStore, hooks: Hooks) -> bool:
    """Tell whether a store holds no payload of the kinds that are behind; False where that would take long to find out.

    What came from format 1 has no kind, so there only later memories are looked at.
    """
    pending, after = hooks.pending(store.pointer), FIRST_NEW - 1 if store.head.skipped[1] else None
    if (store.head.memories if after is None else store.head.next_id - FIRST_NEW) >= SMALL:
        return False
    rows = store.rows(MEMORY, MemoryRecord, after=after)
    return not any(record.kind in pending and record.payload is not None for _, record in rows)


def _nothing_behind(store: FolderStore, hooks: Hooks) -> None:
    """Note that no payload of the kinds that are behind is there to be upgraded."""
    left = {kind: oldest for kind, oldest in store.pointer.left.items() if kind not in hooks.chains}
    store.update_pointer(namespaces={**store.pointer.namespaces, **hooks.versions}, left=left)
