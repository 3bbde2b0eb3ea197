"""A folder of any format, opened: what is behind is upgraded before, or by what runs behind the mind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from thoughtengine._types import Progress
from thoughtengine.config import StorageConfig
from thoughtengine.encoders import Encoder
from thoughtengine.engine import Behind, TakeBack, ThoughtEngine
from thoughtengine.errors import (
    StoreDamagedError,
    StoreNewerError,
    UpgradeFailedError,
    UpgradeRequiredError,
)
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.storage.bare import is_bare
from thoughtengine.storage.files import translated
from thoughtengine.storage.folder import FolderStore, open_folder
from thoughtengine.storage.keyspace import FORMAT
from thoughtengine.storage.pointer import STORE, Pointer, read_pointer

if TYPE_CHECKING:
    from thoughtengine.migrations.online import Background
    from thoughtengine.migrations.report import UpgradeReport
    from thoughtengine.migrations.running import Running

__all__ = ["Approve", "Opened", "await_encoder", "behind", "is_format_1", "open_store", "refuse_encoder"]

Approve = Callable[[Any], bool]
"""``approve(report)``: whether an `UpgradeReport` is good enough."""


def _silent(what: str, done: int, total: int | None) -> None:
    """Show no progress."""


@attrs.frozen
class Opened:
    """A store, and what has to run behind it.

    Attributes
    ----------
    store : FolderStore
        Open.
    created : bool
        Whether it was made.
    running : Running or None
        What is left to do while it serves.
    """

    store: FolderStore
    created: bool = False
    running: Running | None = None


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
        if is_format_1(root):
            _refuse(root, upgrade, f"of format 1, and this release serves format {FORMAT}")
            from thoughtengine.lifting import begin_flat

            begin_flat(root, config)
        if not (root / STORE).exists():
            return _made(root, config, create, hooks)
        pointer, _ = read_pointer(root)
        _not_newer(root, hooks, pointer)
        if pointer.unfinished:
            _refuse(root, upgrade, "an upgrade of it is not finished")
            from thoughtengine.lifting import go_on

            store, running = go_on(root, config, upgrade, approve, hooks, progress)
            if store.pointer.unfinished or not hooks.pending(store.pointer):
                return Opened(store, running=running)
            store.close()
            pointer, _ = read_pointer(root)
        if pending := hooks.pending(pointer):
            _refuse(root, upgrade, f"payloads are of an older version: {_told(pending)}")
            from thoughtengine.lifting import with_payloads

            try:
                store, running = with_payloads(root, config, upgrade, approve, hooks, progress)
            except StoreDamagedError:
                if not _awaits_salvage(root):
                    raise
                store, running = with_payloads(root, config, upgrade, approve, hooks, progress)
            return Opened(store, running=running)
        return _made(root, config, create, hooks)


def _awaits_salvage(root: Path) -> bool:
    """Tell whether damage was met before anything was done: opening it again salvages what is readable."""
    pointer, _ = read_pointer(root)
    return pointer.state == "DAMAGED" and not pointer.unfinished


def is_format_1(root: Path) -> bool:
    """Tell whether a bare LevelDB lies there and no mind."""
    return is_bare(root) and not (root / STORE).exists()


def _refuse(root: Path, upgrade: str, why: str) -> None:
    if upgrade == "refuse":
        raise UpgradeRequiredError(root, f"{why}: te.plan(path) tells what te.upgrade(path) does (nothing was touched)")


def refuse_encoder(store: FolderStore, encoder: Encoder | None) -> None:
    """Raise where a change of encoder is not finished, or would begin.

    Raises
    ------
    UpgradeRequiredError
        Nothing was touched.
    """
    note, known = store.pointer.encoding, store.pointer.encoder
    if note is not None and (note.why or not note.until):
        _refuse(store.root, "refuse", "a change of its encoder is not finished")
    if encoder is not None and store.head.memories and (known is None or known.fingerprint != encoder.fingerprint):
        named = f"{known.name if known is not None else 'none'} to {encoder.name}"
        _refuse(store.root, "refuse", f"its encoder would change from {named}")


def await_encoder(mind: ThoughtEngine) -> None:
    """Wait until every memory has its vector.

    Raises
    ------
    UpgradeFailedError
        When the encoder fails, or the change of it does not hold.
    """
    while (running := mind.upgrade.encoding) is not None and not running.over:
        mind._memories.view()
        mind._memories.live.upkeep.wait()
        if trouble := mind._memories.live.trouble:
            report = running.broken_off(f"the encoder was not taken over yet: {trouble}")
            raise UpgradeFailedError(mind.path, f"{report.reason} (the next opening with it goes on)", report=report)
    if running is not None and running.failed:
        raise UpgradeFailedError(mind.path, running.failed)


def _told(versions: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(f"{kind} {stored} (known: {known})" for kind, (stored, known) in versions.items())


def _not_newer(root: Path, hooks: Hooks, pointer: Pointer) -> None:
    for kind, (stored, known) in hooks.newer(pointer.namespaces).items():
        raise StoreNewerError(root, have=known, need=stored, written_by="a later hook", kind=kind)


def _made(root: Path, config: StorageConfig, create: bool, hooks: Hooks) -> Opened:
    """Open what needs no upgrade, or make it."""
    store, created = open_folder(root, config, create=create)
    try:
        if store.must_rebuild and (store.head.skipped[1] or store.pointer.points):
            from thoughtengine.migrations.regain import regain

            with store.writing:
                regain(store)
        if store.pointer.points:
            from thoughtengine.migrations.points import due, let_go

            if due(store.pointer, now := dt.datetime.now(dt.UTC)):
                let_go(store, now=now)
        if hooks.pending(store.pointer):  # one that was just made
            store.update_pointer(namespaces=hooks.versions)
    except BaseException:
        store.close()
        raise
    return Opened(store, created)


def behind(opened: Opened, hooks: Hooks) -> Behind:
    """Return how a mind gets what upgrades it while it serves, and how an upgrade of it is taken back."""

    def attached(mind: ThoughtEngine) -> tuple[Background | None, TakeBack]:
        background = None
        if opened.running is not None:
            from thoughtengine.lifting import attach

            background = attach(mind, opened.store, opened.running, hooks)

        def take_back(to: str | int | None) -> UpgradeReport | None:
            from thoughtengine.lifting import take_back_of

            with translated(opened.store.root):
                return take_back_of(mind, opened.store, hooks, background, to)

        return background, take_back

    return attached
