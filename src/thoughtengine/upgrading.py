"""Upgrading: a folder of any format, opened; plan, upgrade, rollback and history of a closed one."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

from thoughtengine._types import Finding, Progress
from thoughtengine.config import RecallConfig, StorageConfig
from thoughtengine.errors import (
    DowngradeError,
    InvalidArgumentError,
    MemoryNotFoundError,
    StoreNotFoundError,
    UpgradeFailedError,
    UpgradeRequiredError,
)
from thoughtengine.memory.check import check_memories
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.derive import content_digest, rebuild
from thoughtengine.memory.entry import make_entry
from thoughtengine.memory.forget import find
from thoughtengine.memory.recall import Cue, rank
from thoughtengine.memory.record import AppraisalRecord, MemoryRecord, NameRecord
from thoughtengine.memory.where import parse_where
from thoughtengine.migrations.begin import begin
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.plan import UpgradePlan, plan_bare
from thoughtengine.migrations.report import UpgradeReport
from thoughtengine.migrations.report import history as reports
from thoughtengine.migrations.run import Tools, Upgrade, contract, go_down, locked, settle_bare
from thoughtengine.storage.bare import is_bare
from thoughtengine.storage.codec import decode, encode
from thoughtengine.storage.contract import Store
from thoughtengine.storage.files import folder_at, translated
from thoughtengine.storage.folder import FolderStore, open_folder
from thoughtengine.storage.keyspace import FORMAT
from thoughtengine.storage.pointer import STORE, read_pointer

__all__ = ["Approve", "history", "open_store", "plan", "rollback", "upgrade"]

Approve = Callable[[UpgradeReport], bool]
_K, _WORDS = 10, 300


def _silent(what: str, done: int, total: int | None) -> None:
    """Show nothing."""


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


def _probe(store: Store, wanted: list[tuple[int, str, str]]) -> tuple[list[str], int]:
    memories, wrong, missed = Collection(store, RecallConfig(), dimension=None, fingerprint=""), list[str](), 0
    everywhere = parse_where(layers=("sensory", "emotion", "logic", "dream", "eternal"))
    for id_, key, text in wanted:
        try:
            found = find(store, key)
        except MemoryNotFoundError:
            wrong.append(f"{key!r} is not found")
            continue
        record = memories.record(found)
        if record is None or (found != id_ and record.supersedes is None):
            wrong.append(f"{key!r} is memory {found}, not {id_}")
        ranking = rank(memories.view(), Cue(text[:_WORDS]), None, everywhere, k=_K, now_us=0, config=RecallConfig())
        missed += not any(_same_text(memories, hit, text) for hit in ranking.ids.tolist())
    return wrong, missed


def _same_text(memories: Collection, id_: int, text: str) -> bool:
    record = memories.record(id_)
    return record is not None and record.text == text


TOOLS = Tools(index=_index, rebuild=_rebuild, check=_check, probe=_probe)

# open


def open_store(
    root: Path,
    config: StorageConfig,
    *,
    create: bool,
    upgrade: str,
    approve: Approve | None,
    progress: Progress = _silent,
) -> tuple[FolderStore, bool]:
    """Open a folder of any format this release reads, upgraded as `upgrade` says; tell whether it was made.

    Raises
    ------
    UpgradeRequiredError
        With ``upgrade="refuse"``, when there is something to upgrade; nothing was touched.
    UpgradeFailedError
        When the upgrade did not hold; the store is of the old format again.
    """
    with translated(root):
        if is_bare(root) and not (root / STORE).exists():
            if upgrade == "refuse":
                raise UpgradeRequiredError(
                    root,
                    f"of format 1, this release serves format {FORMAT}: te.plan(path) tells what te.upgrade(path) does",
                )
            with locked(root):
                begin(root, config)
        if not (root / STORE).exists() or not read_pointer(root)[0].unfinished:
            store, created = open_folder(root, config, create=create)
            _end_soak(store)
            return store, created
        return _go_on(root, config, upgrade, approve, progress), False


def _end_soak(store: FolderStore) -> None:
    """Let a rollback point go whose time has come."""
    note = store.pointer.upgrade
    if note is not None and note.until and dt.datetime.fromisoformat(note.until) <= dt.datetime.now(dt.UTC):
        contract(store)


def _go_on(
    root: Path, config: StorageConfig, upgrade: str, approve: Approve | None, progress: Progress
) -> UpgradingStore:
    pointer, _ = read_pointer(root)
    if upgrade == "refuse":
        raise UpgradeRequiredError(
            root, "an upgrade is not finished: open it without upgrade='refuse' to go on with it"
        )
    store = UpgradingStore(root, config, _index)
    try:
        if pointer.stage == "ROLLING_BACK":
            why = pointer.upgrade.why if pointer.upgrade else ""
            go_down(store)
            raise UpgradeFailedError(
                root, f"it was rolled back to format 1 ({why or 'as asked'}): open it again to upgrade it"
            )
        Upgrade(store, TOOLS, approve=approve, progress=progress).run()
    except BaseException:
        store.close()
        raise
    return store


# verbs on a closed folder


def plan(path: str | os.PathLike[str]) -> UpgradePlan:
    """Tell what an upgrade of a folder would do, what it takes and what could go wrong; nothing is changed.

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
        if is_bare(root) and not (root / STORE).exists():
            return plan_bare(root, StorageConfig())
        pointer, _ = read_pointer(root)
        return UpgradePlan(path=str(root), source=pointer.format, target=FORMAT)


def upgrade(
    path: str | os.PathLike[str], *, approve: Approve | None = None, progress: Progress | None = None
) -> UpgradeReport | None:
    """Upgrade a closed mind to the format of this release, or go on with an upgrade that was broken off.

    Parameters
    ----------
    path : path
        The folder.
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
    root = folder_at(path)
    before = {report.id for report in reports(root)}
    store, _ = open_store(
        root, StorageConfig(), create=False, upgrade="wait", approve=approve, progress=progress or _silent
    )
    store.close()
    return next((report for report in reports(root) if report.id not in before and report.kind == "upgrade"), None)


def rollback(path: str | os.PathLike[str], to: int | None = None) -> UpgradeReport:
    """Take a closed mind back to an older format; what that cannot hold is kept aside and comes back with the next upgrade.

    Parameters
    ----------
    path : path
        The folder.
    to : int, optional
        The format. Default: the one before the last upgrade.

    Raises
    ------
    DowngradeError
        When there is no way down; nothing was touched.
    """
    root = folder_at(path)
    with translated(root):
        if is_bare(root) and not (root / STORE).exists():
            return _is_back(root, to)
        pointer, _ = read_pointer(root)
        note = pointer.upgrade
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


def _is_back(root: Path, to: int | None) -> UpgradeReport:
    """Return the report of the rollback that has ended here; what a kill at its very end left is removed."""
    settle_bare(root)
    done = [report for report in reports(root) if report.kind == "rollback"]
    if not done or to not in (None, 1):
        raise DowngradeError(root, "it is of format 1, the oldest there is")
    return done[-1]


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
