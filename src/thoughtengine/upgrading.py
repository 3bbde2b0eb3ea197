"""Upgrading: a folder of any format, opened; plan, upgrade, rollback and history of a closed one."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import msgspec

from thoughtengine._types import Finding, Progress
from thoughtengine.config import Config, RecallConfig, StorageConfig
from thoughtengine.engine import Behind, TakeBack, ThoughtEngine
from thoughtengine.errors import (
    DowngradeError,
    InvalidArgumentError,
    MemoryNotFoundError,
    RecordUpgradeError,
    StoreExistsError,
    StoreNewerError,
    StoreNotFoundError,
    UpgradeFailedError,
    UpgradeRequiredError,
)
from thoughtengine.memory.check import check_memories
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.derive import content_digest, rebuild
from thoughtengine.memory.entry import make_entry
from thoughtengine.memory.forget import find
from thoughtengine.memory.moment import clock_in
from thoughtengine.memory.recall import Cue, rank
from thoughtengine.memory.record import AppraisalRecord, MemoryRecord, NameRecord, VectorRecord
from thoughtengine.memory.where import parse_where
from thoughtengine.migrations.begin import ASIDE, begin
from thoughtengine.migrations.hooks import Hooks, Upgrades
from thoughtengine.migrations.online import Background
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.payloads import PayloadUpgrade, begin_payloads, take_back
from thoughtengine.migrations.plan import Rehearsal, UpgradePlan, plan_bare, plan_payloads, rate_of
from thoughtengine.migrations.report import UpgradeReport
from thoughtengine.migrations.report import history as reports
from thoughtengine.migrations.run import Tools, Upgrade, contract, go_down, locked, settle_bare
from thoughtengine.storage.bare import BareLock, is_bare
from thoughtengine.storage.checkpoint import checkpoint
from thoughtengine.storage.codec import decode, encode
from thoughtengine.storage.contract import Store
from thoughtengine.storage.copies import fork
from thoughtengine.storage.files import PART, building, copy_tree, folder_at, is_free, remove_tree, size_of, translated
from thoughtengine.storage.folder import FolderStore, generation_name, open_folder
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import FIRST_NEW, FORMAT, MEMORY
from thoughtengine.storage.pointer import STORE, Pointer, read_pointer, write_pointer

__all__ = ["Approve", "behind", "history", "open_store", "plan", "rehearse", "rollback", "upgrade"]

Approve = Callable[[UpgradeReport], bool]
_PHASE_NAMES = ("P1", "P2", "P3", "P4")
SMALL = 2000
"""Memories below which an upgrade is done before an opening returns."""
_K, _WORDS = 10, 300


def _silent(what: str, done: int, total: int | None) -> None:
    """Show nothing."""


@attrs.frozen
class Opened:
    """A store, and what has to run behind it.

    Attributes
    ----------
    store : FolderStore
        Open.
    created : bool
        Whether it was made.
    running : Upgrade or PayloadUpgrade or None
        What is left to do while it serves.
    """

    store: FolderStore
    created: bool = False
    running: Upgrade | PayloadUpgrade | None = None


# what migrations is handed


def _index(id_: int, memory: bytes, appraisal: bytes | None) -> tuple[bytes, bytes, str]:
    record = decode(memory, MemoryRecord)
    felt = None if appraisal is None else decode(appraisal, AppraisalRecord)
    name = NameRecord(id=id_, digest=content_digest(record, felt, None))
    return encode(make_entry(record)), encode(name), record.key or ""


def _rebuild(store: Store, at: int) -> None:
    rebuild(store, at=at)


def _check(store: Store) -> list[Finding]:
    return check_memories(store)


def _probe(store: Store, wanted: list[tuple[int, str, str]], recalled: bool) -> tuple[list[str], int]:
    memories, wrong, missed = Collection(store, RecallConfig(), dimension=None, fingerprint=""), list[str](), 0
    everywhere = parse_where(layers=("sensory", "emotion", "logic", "dream", "eternal"))
    for id_, key, text in wanted:
        try:
            found = find(store, key)
        except MemoryNotFoundError:
            wrong.append(f"{key!r} is not found")
            continue
        record = memories.record(found)
        later = found >= FIRST_NEW or (record is not None and record.supersedes is not None)
        if record is None or (found != id_ and not later):  # else the host has given the name to a later one
            wrong.append(f"{key!r} is memory {found}, not {id_}")
        if not recalled:
            continue
        ranking = rank(memories.view(), Cue(text[:_WORDS]), None, everywhere, k=_K, now_us=0, config=RecallConfig())
        missed += not any(_same_text(memories, hit, text) for hit in ranking.ids.tolist())
    return wrong, missed


def _same_text(memories: Collection, id_: int, text: str) -> bool:
    record = memories.record(id_)
    return record is not None and record.text == text


def _name(id_: int, memory: bytes, appraisal: bytes | None, vector: bytes | None) -> bytes:
    record = decode(memory, MemoryRecord)
    felt = None if appraisal is None else decode(appraisal, AppraisalRecord)
    given = None if vector is None else decode(vector, VectorRecord).data
    return encode(NameRecord(id=id_, digest=content_digest(record, felt, given)))


def _values(folder: Path, hooks: Hooks) -> dict[str, Any]:
    store = FolderStore(folder, StorageConfig())
    mind = ThoughtEngine(store, Config(), clock_in(None, None), encoder=None, sync=False, created=False, hooks=hooks)
    try:
        return {name: probe(mind) for name, probe in hooks.probes()}
    finally:
        mind.close()


TOOLS = Tools(index=_index, rebuild=_rebuild, check=_check, name=_name, values=_values, probe=_probe)

# open


def open_store(
    root: Path,
    config: StorageConfig,
    *,
    create: bool,
    upgrade: str,
    approve: Approve | None,
    hooks: Hooks,
    progress: Progress = _silent,
) -> Opened:
    """Open a folder of any format this release reads, upgraded as `upgrade` says.

    Raises
    ------
    UpgradeRequiredError
        With ``upgrade="refuse"``, when there is something to upgrade; nothing was touched.
    UpgradeFailedError
        When the upgrade did not hold; the store is of the old format again.
    """
    with translated(root):
        if _is_format_1(root):
            _refuse(root, upgrade, f"of format 1, and this release serves format {FORMAT}")
            with locked(root):
                begin(root, config)
        if not (root / STORE).exists():
            return _made(root, config, create, hooks)
        pointer, _ = read_pointer(root)
        _not_newer(root, hooks, pointer)
        if pointer.unfinished:
            _refuse(root, upgrade, "an upgrade of it is not finished")
            opened = _go_on(root, config, upgrade, approve, hooks, progress)
            if opened.store.pointer.unfinished or not hooks.pending(opened.store.pointer.namespaces):
                return opened
            opened.store.close()
            pointer, _ = read_pointer(root)
        if pending := hooks.pending(pointer.namespaces):
            _refuse(root, upgrade, f"payloads are of an older version: {_told(pending)}")
            return _with_payloads(root, config, upgrade, approve, hooks, progress)
        return _made(root, config, create, hooks)


def _is_format_1(root: Path) -> bool:
    return is_bare(root) and not (root / STORE).exists()


def _refuse(root: Path, upgrade: str, why: str) -> None:
    if upgrade == "refuse":
        raise UpgradeRequiredError(root, f"{why}: te.plan(path) tells what te.upgrade(path) does (nothing was touched)")


def _told(versions: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(f"{kind} {stored} (known: {known})" for kind, (stored, known) in versions.items())


def _not_newer(root: Path, hooks: Hooks, pointer: Pointer) -> None:
    for kind, (stored, known) in hooks.newer(pointer.namespaces).items():
        raise StoreNewerError(root, have=known, need=stored, written_by="a later hook", kind=kind)


def _made(root: Path, config: StorageConfig, create: bool, hooks: Hooks) -> Opened:
    """Open what needs no upgrade, or make it."""
    store, created = open_folder(root, config, create=create)
    try:
        note = store.pointer.upgrade
        if note is not None and note.until and dt.datetime.fromisoformat(note.until) <= dt.datetime.now(dt.UTC):
            contract(store)
        if hooks.pending(store.pointer.namespaces):  # one that was just made
            store.update_pointer(namespaces=hooks.versions)
    except BaseException:
        store.close()
        raise
    return Opened(store, created)


def _go_on(
    root: Path, config: StorageConfig, upgrade: str, approve: Approve | None, hooks: Hooks, progress: Progress
) -> Opened:
    """End what was begun and not finished."""
    store = UpgradingStore(root, config, _index)
    try:
        note = store.pointer.upgrade
        why = note.why if note is not None else ""
        if store.pointer.stage == "ROLLING_BACK" and note is not None and note.namespaces:
            take_back(store, hooks, TOOLS, why=why)
            raise UpgradeFailedError(root, f"the payloads were rolled back ({why}): open it again to upgrade them")
        if store.pointer.stage == "ROLLING_BACK":
            go_down(store)
            raise UpgradeFailedError(root, f"it was rolled back to format 1 ({why}): open it again to upgrade it")
        if note is not None and note.namespaces:
            payloads = PayloadUpgrade(store, hooks, TOOLS, approve=approve, progress=progress)
            return _done_or_behind(store, payloads, upgrade) if payloads.complete else Opened(store)
        if hooks.pending(store.pointer.namespaces) and _holds_none(store, hooks):
            store.update_pointer(namespaces={**store.pointer.namespaces, **hooks.versions})
        flat = Upgrade(store, TOOLS, approve=approve, progress=progress, rate=rate_of(reports(root)))
        return _done_or_behind(store, flat, "wait" if flat.note.again else upgrade)
    except BaseException:
        store.close()
        raise


def _done_or_behind(store: UpgradingStore, running: Upgrade | PayloadUpgrade, upgrade: str) -> Opened:
    """Do it now where it was asked for or is small; else leave it to run behind the mind."""
    if upgrade == "auto" and store.head.memories >= SMALL and not store.must_rebuild:
        return Opened(store, running=running)
    running.run()
    return Opened(store)


def _with_payloads(
    root: Path, config: StorageConfig, upgrade: str, approve: Approve | None, hooks: Hooks, progress: Progress
) -> Opened:
    store = UpgradingStore(root, config, _index)
    try:
        if _holds_none(store, hooks):
            store.update_pointer(namespaces={**store.pointer.namespaces, **hooks.versions})
            return Opened(store)
        begin_payloads(store, hooks)
        payloads = PayloadUpgrade(store, hooks, TOOLS, approve=approve, progress=progress)
        return _done_or_behind(store, payloads, upgrade)
    except BaseException:
        store.close()
        raise


def behind(opened: Opened, hooks: Hooks) -> Behind:
    """Return how a mind gets what upgrades it while it serves, and how an upgrade of it is taken back."""
    store, running = opened.store, opened.running

    def attach(mind: ThoughtEngine) -> tuple[Background | None, TakeBack]:
        background = None
        if running is not None:
            background = Background(
                running, fail=lambda error: _failed(store, hooks, running, error), calls=mind._monitor.totals,
                emit=mind.events.emit,
            )  # fmt: skip
            running.tell(_indexing(mind, store), _emitting(mind))
        return background, lambda to: _take_back(mind, store, hooks, background, to)

    return attach


def _indexing(mind: ThoughtEngine, store: FolderStore) -> Progress:
    """Return what tells of progress, and lets the index be read anew each time that the sweep has doubled it."""
    seen = [SMALL]

    def progress(what: str, done: int, total: int | None) -> None:
        mind._progress(what, done, total)
        if isinstance(store, UpgradingStore) and mind._memories.partial and seen[0] <= store.indexed < FIRST_NEW:
            seen[0] = 2 * store.indexed
            mind._memories.dropped()

    return progress


def _emitting(mind: ThoughtEngine) -> Callable[..., None]:
    def emit(kind: str, **data: Any) -> None:
        if data.get("what") == "done":
            mind._memories.dropped()  # what was loaded in part is loaded whole
        mind.events.emit(kind, **data)

    return emit


def _failed(store: FolderStore, hooks: Hooks, running: Upgrade | PayloadUpgrade, error: UpgradeFailedError) -> None:
    """Take payloads back at once; of a format, the mind goes on serving through the step until it is closed."""
    if isinstance(running, PayloadUpgrade):
        hooks.hold({kind: stored for kind, (stored, _) in running.note.namespaces.items()})
        running.fail(error)
    else:
        record_incident(store.root, "upgrade", str(error))


def _take_back(
    mind: ThoughtEngine, store: FolderStore, hooks: Hooks, background: Background | None, to: str | int | None
) -> UpgradeReport | None:
    note, running = store.pointer.upgrade, background.upgrade if background is not None else None
    if isinstance(to, str) and to in _PHASE_NAMES and isinstance(running, Upgrade) and store.pointer.unfinished:
        if background is not None:
            background.pause()
        running.sweep.drop_phases(_PHASE_NAMES.index(to) + 1)
        mind._memories.dropped()
        return None
    if to is not None and (isinstance(to, bool) or not isinstance(to, int)):
        raise InvalidArgumentError("to", to, "the number of a format; during an upgrade of the format also P1 to P4")
    if background is not None:
        background.stop()
    if note is not None and note.namespaces:
        hooks.hold({kind: stored for kind, (stored, _) in note.namespaces.items()})
        report = take_back(store, hooks, TOOLS, why="as asked")
        mind._memories.dropped()
    else:
        if to not in (None, 1):
            raise DowngradeError(store.root, f"there is no way down to {to}; there is one to 1")
        report = go_down(store, why="as asked")
    mind.events.emit("upgrade", what="rolled back", report=report.id)
    if store.closed:
        mind.events.close()
    return report


def _holds_none(store: FolderStore, hooks: Hooks) -> bool:
    """Tell whether a store holds no payload of the kinds that are behind; False where that would take long to find out.

    What came from format 1 has no kind, so there only later memories are looked at.
    """
    pending, after = hooks.pending(store.pointer.namespaces), FIRST_NEW - 1 if store.head.skipped[1] else None
    if (store.head.memories if after is None else store.head.next_id - FIRST_NEW) >= SMALL:
        return False
    rows = store.rows(MEMORY, MemoryRecord, after=after)
    return not any(record.kind in pending and record.payload is not None for _, record in rows)


# verbs on a closed folder


def plan(path: str | os.PathLike[str], *, hooks: Sequence[Upgrades] = ()) -> UpgradePlan:
    """Tell what an upgrade of a folder would do, what it takes and what could go wrong; nothing is changed.

    Parameters
    ----------
    path : path
        The folder, closed.
    hooks : sequence of Upgrades
        As for `open`.

    Returns
    -------
    UpgradePlan
        False when there is nothing to do.

    Raises
    ------
    StoreNotFoundError, StoreLockedError, StoreNewerError, StoreDamagedError
        When it cannot be read.
    """
    root = folder_at(path)
    with translated(root):
        if _is_format_1(root):
            return plan_bare(root, StorageConfig())
        return plan_payloads(root, StorageConfig(), Hooks(hooks))


def upgrade(
    path: str | os.PathLike[str],
    *,
    into: str | os.PathLike[str] | None = None,
    hooks: Sequence[Upgrades] = (),
    approve: Approve | None = None,
    progress: Progress | None = None,
) -> UpgradeReport | None:
    """Upgrade a closed mind to the format of this release, or go on with an upgrade that was broken off.

    Parameters
    ----------
    path : path
        The folder.
    into : path, optional
        A new folder for the upgraded mind: the old one is only read.
    hooks : sequence of Upgrades
        As for `open`.
    approve : callable, optional
        Looks at the report before the switch; False rolls back.
    progress : callable, optional
        ``progress(what, done, total)``.

    Returns
    -------
    UpgradeReport or None
        None where there was nothing to do.

    Raises
    ------
    UpgradeFailedError
        When it did not hold, or was not approved; the store is of the old format again, byte for byte.
    StoreNotFoundError, StoreLockedError, StoreFullError, StoreDamagedError, StoreNewerError
        Before anything was done.
    """
    root, known = folder_at(path), Hooks(hooks)
    if into is not None:
        root = _copied(root, folder_at(into, argument="into"))
    before = {report.id for report in reports(root)}
    opened = open_store(
        root, StorageConfig(), create=False, upgrade="wait", approve=approve, hooks=known, progress=progress or _silent
    )
    opened.store.close()
    return next((report for report in reports(root) if report.id not in before and report.kind == "upgrade"), None)


def _copied(root: Path, target: Path) -> Path:
    """Make a copy of a mind of any format, tables shared by hard link where possible; return where it is."""
    if not _is_format_1(root):
        fork(root, target)
        return target
    if not is_free(target):
        raise StoreExistsError(target, "something is already there: name a new folder (nothing was touched)")
    lock = BareLock(root)
    try:
        building(target, lambda folder: _copy_bare(root, folder))
    finally:
        lock.release()
    return target


def _linked(root: Path, target: Path) -> Path:
    """Make a copy of a settled mind that nobody has open; unlike a fork, the mind does not note it."""

    def build(folder: Path) -> None:
        pointer, _ = read_pointer(root)
        checkpoint(None, root / generation_name(pointer.generation), folder / generation_name(1))
        alone = msgspec.structs.replace(
            pointer, generation=1, stage="", upgrade=None, backups=(), quarantine=(),
            mark=msgspec.structs.replace(pointer.mark, generation=1),
        )  # fmt: skip
        write_pointer(folder, alone)

    with locked(root):
        building(target, build)
    return target


def _copy_bare(root: Path, folder: Path) -> None:
    part = folder / ("copy" + PART)
    checkpoint(None, root, part)
    for entry in part.iterdir():
        os.rename(entry, folder / entry.name)
    part.rmdir()
    if (root / ASIDE).is_dir():
        copy_tree(root / ASIDE, folder / ASIDE)


def rollback(path: str | os.PathLike[str], to: int | None = None, *, hooks: Sequence[Upgrades] = ()) -> UpgradeReport:
    """Take a closed mind back to an older format; what that cannot hold is kept aside and comes back with the next upgrade.

    Parameters
    ----------
    path : path
        The folder.
    to : int, optional
        The format. Default: the one before the last upgrade.
    hooks : sequence of Upgrades
        As for `open`; the way down of payloads needs them.

    Raises
    ------
    DowngradeError
        When there is no way down; nothing was touched.
    """
    root = folder_at(path)
    with translated(root):
        if _is_format_1(root):
            return _is_back(root, to)
        pointer, _ = read_pointer(root)
        note = pointer.upgrade
        if note is not None and note.namespaces and to in (None, pointer.format):
            return _payloads_back(root, Hooks(hooks))
        came_from = note.source if note is not None else 1 if pointer.mark.skipped[1] else None
        goal = came_from if to is None else to
        if goal is None:
            raise DowngradeError(
                root, "it was never upgraded: name the format to go down to, as in te.rollback(path, to=1)"
            )
        if isinstance(goal, bool) or not isinstance(goal, int):
            raise InvalidArgumentError("to", to, "the number of a format")
        if goal != 1:
            raise DowngradeError(
                root, f"there is no way from format {pointer.format} down to {goal}; there is one to 1"
            )
        store = UpgradingStore(root, StorageConfig(), _index)
        try:
            if store.must_rebuild:
                with store.writing:
                    _rebuild(store, int(dt.datetime.now(dt.UTC).timestamp() * 1e6))
                    store.settle()
            return go_down(store, why="as asked")
        finally:
            store.close()


def _payloads_back(root: Path, hooks: Hooks) -> UpgradeReport:
    store = UpgradingStore(root, StorageConfig(), _index)
    try:
        return take_back(store, hooks, TOOLS, why="as asked")
    except RecordUpgradeError as error:
        raise DowngradeError(root, f"{error}: give the hooks that know the way down") from error
    finally:
        store.close()


def _is_back(root: Path, to: int | None) -> UpgradeReport:
    """Return the report of the rollback that has ended here; what a kill at its very end left is removed."""
    settle_bare(root)
    done = [report for report in reports(root) if report.kind == "rollback"]
    if not done or to not in (None, 1):
        raise DowngradeError(root, "it is of format 1, the oldest there is")
    return done[-1]


def rehearse(
    path: str | os.PathLike[str],
    *,
    cues: Sequence[str] = (),
    hooks: Sequence[Upgrades] = (),
    approve: Approve | None = None,
    progress: Progress | None = None,
) -> Rehearsal:
    """Do the whole upgrade on a copy by hard links, broken off twice on the way, then taken back; the mind is only read.

    Parameters
    ----------
    path : path
        The folder, closed.
    cues : sequence of str
        Questions that are asked before (where the store can be asked) and after.
    hooks : sequence of Upgrades
        As for `open`.
    approve : callable, optional
        As for `open`.
    progress : callable, optional
        ``progress(what, done, total)``.

    Returns
    -------
    Rehearsal
        False when there is nothing to do, or when something did not hold.

    Raises
    ------
    StoreError
        When the copy cannot be made.
    """
    root, known, begun = folder_at(path), Hooks(hooks), time.monotonic()
    planned = plan(root, hooks=hooks)
    if not planned:
        return Rehearsal(plan=planned)
    part = root.with_name(f".{root.name}.rehearsal-{secrets.token_hex(4)}{PART}")
    try:
        copy = _copied(root, part) if _is_format_1(root) else _linked(root, part)
        before = _answers(copy, cues) if not _is_format_1(copy) else {}
        stops = [max(1, planned.records // 3), max(1, 2 * planned.records // 3)]
        broken = sum(_broken_off(copy, known, at) for at in stops)
        upgrade(copy, hooks=hooks, approve=approve, progress=progress)
        report = next((done for done in reversed(reports(copy)) if done.kind == "upgrade"), None)
        after, size = _answers(copy, cues, hooks), size_of(copy)
        rollback(copy, hooks=hooks)
        return Rehearsal(
            plan=planned, report=report, broken_off=broken, seconds=time.monotonic() - begun, bytes=size,
            changed={cue: (before[cue], after[cue]) for cue in before if before[cue] != after[cue]},
        )  # fmt: skip
    except UpgradeFailedError as error:
        failed = error.report if isinstance(error.report, UpgradeReport) else None
        return Rehearsal(plan=planned, report=failed, reason=str(error), seconds=time.monotonic() - begun)
    finally:
        remove_tree(part)


class _BrokenOffError(BaseException):
    """Ends an upgrade as a kill would: nothing is caught, and nothing tidied up."""


def _broken_off(root: Path, hooks: Hooks, at: int) -> int:
    """Upgrade up to so many rows, then let it be; return 1 where it had not been done by then."""

    def stop(what: str, done: int, total: int | None) -> None:
        if done >= at:
            raise _BrokenOffError

    try:
        opened = open_store(
            root, StorageConfig(), create=False, upgrade="wait", approve=None, hooks=hooks, progress=stop
        )
    except _BrokenOffError:
        return 1
    opened.store.close()
    return 0


def _answers(root: Path, cues: Sequence[str], hooks: Sequence[Upgrades] = ()) -> dict[str, list[int]]:
    """Return the ids that each cue calls up."""
    store = open_store(root, StorageConfig(), create=False, upgrade="wait", approve=None, hooks=Hooks(hooks)).store
    mind = ThoughtEngine(
        store, Config(), clock_in(None, None), encoder=None, sync=False, created=False, hooks=Hooks(hooks)
    )
    try:
        return {cue: [hit.id for hit in mind.recall(cue)] for cue in cues}
    finally:
        mind.close()


def history(path: str | os.PathLike[str]) -> list[UpgradeReport]:
    """Return the reports of all upgrades and rollbacks of a folder, oldest first.

    Raises
    ------
    StoreNotFoundError
        When there is no such folder.
    """
    root = folder_at(path)
    if not root.is_dir():
        raise StoreNotFoundError(root, "there is no mind here")
    return reports(root)
