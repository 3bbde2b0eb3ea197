"""Upgrading: plan, upgrade, rollback, rehearse and history of a folder that nobody has open."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from thoughtengine._types import Progress
from thoughtengine.config import Config, StorageConfig
from thoughtengine.encoders import Encoder
from thoughtengine.engine import ThoughtEngine
from thoughtengine.errors import (
    DowngradeError,
    InvalidArgumentError,
    RecordUpgradeError,
    StoreDamagedError,
    StoreError,
    StoreExistsError,
    StoreLockedError,
    UpgradeFailedError,
    UpgradeRequiredError,
    UpgradeRunningError,
)
from thoughtengine.formats import Approve, await_encoder, is_format_1, open_store
from thoughtengine.lifting import TOOLS, begin_flat, index_rows, make_whole
from thoughtengine.memory.moment import clock_in
from thoughtengine.memory.recall.cues import read_cues
from thoughtengine.migrations.begin import ASIDE
from thoughtengine.migrations.encoding import former_back, newest_is_encoding
from thoughtengine.migrations.hooks import Hooks, Upgrades
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.payloads import PayloadUpgrade, begin_payloads
from thoughtengine.migrations.plan import plan_bare, plan_payloads, with_encoder
from thoughtengine.migrations.planned import Rehearsal, UpgradePlan
from thoughtengine.migrations.points import told
from thoughtengine.migrations.report import UpgradeReport
from thoughtengine.migrations.report import history as reports
from thoughtengine.migrations.run import go_down, locked, settle_bare
from thoughtengine.migrations.running import VALIDATING
from thoughtengine.migrations.salvaged import complete
from thoughtengine.migrations.sound import needed, require_sound
from thoughtengine.migrations.take_back import take_back, take_back_all
from thoughtengine.storage.bare import BareLock
from thoughtengine.storage.bare_salvage import salvage_bare
from thoughtengine.storage.checkpoint import checkpoint
from thoughtengine.storage.copies import fork
from thoughtengine.storage.files import (
    PART,
    building,
    copy_tree,
    discard,
    folder_at,
    is_free,
    is_headless,
    remove_tree,
    size_of,
    translated,
)
from thoughtengine.storage.folder import QUARANTINE, FolderStore, generation_name
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.pointer import Pointer, read_pointer, write_pointer

ON_THE_WAY = "as asked, on the way to format 1"

__all__ = ["history", "plan", "rehearse", "rollback", "upgrade"]


def _silent(what: str, done: int, total: int | None) -> None:
    """Show nothing."""


def plan(
    path: str | os.PathLike[str], *, hooks: Sequence[Upgrades] = (), encoder: Encoder | None = None
) -> UpgradePlan:
    """Tell what an upgrade of a folder would do, what it takes and what could go wrong; nothing is changed.

    Parameters
    ----------
    path : path
        The folder, closed.
    hooks, encoder
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
        config = StorageConfig()
        found = plan_bare(root, config) if is_format_1(root) else plan_payloads(root, config, Hooks(hooks))
        return found if encoder is None else with_encoder(found, root, config, encoder)


def upgrade(
    path: str | os.PathLike[str],
    *,
    into: str | os.PathLike[str] | None = None,
    salvage: bool = False,
    hooks: Sequence[Upgrades] = (),
    encoder: Encoder | None = None,
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
    salvage : bool
        With `into`, and a damaged store of format 1: carry what can be read; an incident in the new folder tells what is damaged.
        (A mind of today's format salvages by itself when it is opened.)
    hooks, encoder
        As for `open`; another encoder than the mind's is taken over when this returns.
    approve : callable, optional
        Looks at the report before the switch; anything but True rolls back.
    progress : callable, optional
        ``progress(what, done, total)``.

    Returns
    -------
    UpgradeReport or None
        None where there was nothing to do; then `into` is not made.

    Raises
    ------
    UpgradeFailedError
        When it did not hold, or was not approved; the store is of the old format again, byte for byte; `into` is removed.
    StoreNotFoundError, StoreLockedError, StoreFullError, StoreDamagedError, StoreNewerError
        Before anything was done.
    """
    root, known = folder_at(path), Hooks(hooks)
    tidied: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if into is not None:
        if not (salvage and is_headless(root)) and _has_nothing(root, known, encoder):
            return None
        target = folder_at(into, argument="into")
        stays = target.is_dir()
        root = _copied(root, target, salvaged=salvage)
        tidied = _removed_on_failure(target, stays=stays)
    elif salvage:
        raise InvalidArgumentError("salvage", salvage, "into=NEW with it: the damaged store is only read")
    before = {report.id for report in reports(root)}
    with tidied:
        opened = open_store(
            root, StorageConfig(), create=False, upgrade="wait", approve=approve, hooks=known,
            progress=progress or _silent,
        )  # fmt: skip
    if encoder is None:
        opened.store.close()
    else:
        with _mind(opened.store, known, encoder, approve, progress) as mind:
            await_encoder(mind)
    done = [report for report in reports(root) if report.id not in before and report.kind == "upgrade"]
    return done[-1] if done else None


@contextlib.contextmanager
def _removed_on_failure(made: Path, *, stays: bool) -> Iterator[None]:
    """Remove a copy that could not be upgraded, so that the next try finds the place free; `stays`: but not the folder itself."""
    try:
        yield
    except StoreLockedError:  # somebody has opened it: it is theirs
        raise
    except Exception:
        for entry in list(made.iterdir()) if stays else [made]:
            discard(entry)
        raise


def _has_nothing(root: Path, hooks: Hooks, encoder: Encoder | None) -> bool:
    """Tell whether there is nothing to upgrade, by the pointer file alone."""
    if is_format_1(root):
        return False
    pointer, _ = read_pointer(root)
    encoding = pointer.encoding is not None and not pointer.encoding.until
    known = pointer.encoder.fingerprint if pointer.encoder is not None else None
    other = encoder is not None and (encoding or encoder.fingerprint != known)
    return not (pointer.unfinished or hooks.pending(pointer) or hooks.newer(pointer.namespaces) or other)


def _mind(
    store: FolderStore,
    hooks: Hooks,
    encoder: Encoder | None,
    approve: Approve | None = None,
    progress: Progress | None = None,
) -> ThoughtEngine:
    """Return a mind over an open store, which is closed where that fails."""
    try:
        return ThoughtEngine(
            store, Config(), clock_in(None, None), encoder=encoder, sync=False, created=False, hooks=hooks,
            approve=approve, progress=progress,
        )  # fmt: skip
    except BaseException:
        store.close()
        raise


def _lockable(root: Path) -> None:
    """Raise where a folder cannot even be locked, as its copying demands.

    Raises
    ------
    StoreError
        Nothing was touched.
    """
    if root.is_dir() and not os.access(root, os.W_OK | os.X_OK):
        told = "the folder cannot be written, not even its lock: copy it (cp -r) to where it can be, and use that copy"
        raise StoreError(root, f"{told} (nothing was touched)")


def _copied(root: Path, target: Path, *, salvaged: bool = False) -> Path:
    """Make a copy of a mind of any format, tables shared by hard link where possible; return where it is."""
    _lockable(root)
    if not is_format_1(root) and not (salvaged and is_headless(root)):
        fork(root, target)
        return target
    if not is_free(target):
        raise StoreExistsError(target, "something is already there: name a new folder (nothing was touched)")
    with translated(root):
        lock = BareLock(root)
    try:
        building(target, lambda folder: _salvage(root, folder, target) if salvaged else _copy_bare(root, folder))
    finally:
        lock.release()
    return target


def _linked(root: Path, target: Path) -> Path:
    """Make a copy of a settled mind that nobody has open; unlike a fork, the mind does not note it."""
    _lockable(root)

    def build(folder: Path) -> None:
        pointer, _ = read_pointer(root)
        if pointer.unfinished:
            told = "an upgrade is not finished: te.open(path) goes on with it, te.rollback(path) takes it back"
            raise UpgradeRequiredError(root, f"{told}; then rehearse (nothing was touched)")
        checkpoint(None, root / generation_name(pointer.generation), folder / generation_name(1))
        alone = msgspec.structs.replace(
            pointer, generation=1, stage="", upgrade=None, beneath=(), backups=(), quarantine=(),
            mark=msgspec.structs.replace(pointer.mark, generation=1),
        )  # fmt: skip
        write_pointer(folder, alone)

    with locked(root):
        building(target, build)
    return target


def _copy_bare(root: Path, folder: Path) -> None:
    part = folder / ("copy" + PART)
    checkpoint(None, root, part)
    _lay_out(root, folder, part)


def _lay_out(root: Path, folder: Path, part: Path) -> None:
    """Let a copy of a bare LevelDB lie in a folder, with what was kept aside beside the original."""
    for entry in part.iterdir():
        os.rename(entry, folder / entry.name)
    part.rmdir()
    if (root / ASIDE).is_dir():
        copy_tree(root / ASIDE, folder / ASIDE)


def _salvage(root: Path, folder: Path, target: Path) -> None:
    """Make a store of format 1 of what can be read of a damaged one; what is damaged is told as an incident."""
    part = folder / ("copy" + PART)
    found = salvage_bare(root, part, folder / ("salvage" + PART), StorageConfig())
    back = complete(root, part, found.deleted, StorageConfig()) if found.damaged else 0
    _lay_out(root, folder, part)
    if found.damaged:
        named = tuple(name for name, _ in found.damaged)
        told = f"salvaged from {root}: {found}"
        if back:
            told += (
                f"; {back:,} more are back from {ASIDE} as they went down, what was deleted since perhaps among them"
            )
        record_incident(folder, "damage", told, files=named, of=target, rows=found.rows + back, salvaged=True)


def rollback(
    path: str | os.PathLike[str], to: int | Mapping[str, int] | None = None, *, hooks: Sequence[Upgrades] = ()
) -> UpgradeReport:
    """Take a closed mind back to an older format; what that cannot hold is kept aside and comes back with the next upgrade.

    Parameters
    ----------
    path : path
        The folder.
    to : int or mapping of str to int, optional
        The format, or versions of payloads by kind, as in ``{"acme.note": 1}``: these go down by the steps of the hooks, long
        after the upgrade too, and the same that was broken off is gone on with. Default: what was before the last upgrade.
    hooks : sequence of Upgrades
        As for `open`; the way down of payloads needs them.

    Raises
    ------
    DowngradeError
        When there is no way down; nothing was touched.
    UpgradeRunningError
        When payloads are to go down, and another upgrade is not finished; nothing was touched.
    UpgradeFailedError
        When what was gone back to does not hold: the newer store stays as it was.
    StoreDamagedError
        When the rollback point does not hold what was put into it: the message names its files, and what can be done without
        it; the newer store stays as it was.
    """
    root = folder_at(path)
    with translated(root):
        if is_format_1(root):
            return _is_back(root, to)
        pointer, _ = read_pointer(root)
        if isinstance(to, Mapping):
            return _payloads_down(root, _goal(root, to, Hooks(hooks), pointer), Hooks(hooks))
        note = pointer.upgrade
        if to in (None, pointer.format) and not pointer.unfinished and pointer.encoding is not None:
            with contextlib.closing(FolderStore(root, StorageConfig())) as mind:
                if newest_is_encoding(mind) and to is None:
                    return former_back(mind, why="as asked")
                if newest_is_encoding(mind):
                    told = f"it is of format {to}, and a change of its encoder lies above all else"
                    raise DowngradeError(root, f"{told}: te.rollback(path) takes that back first (nothing was done)")
        if note is not None and note.namespaces and to in (None, pointer.format):
            return _payloads_back(root, Hooks(hooks))
        goal = to if to is not None or note is None else note.source
        if goal is None:
            raise DowngradeError(root, _nothing_kept(root))
        if isinstance(goal, bool) or not isinstance(goal, int):
            raise InvalidArgumentError("to", to, "the number of a format")
        if goal == pointer.format:
            raise DowngradeError(root, f"it is of format {goal} already: nothing was done")
        if goal != 1:
            told = f"there is no way from format {pointer.format} to {goal}: the only one goes down to 1"
            raise DowngradeError(root, f"{told} (nothing was done)")
        store = UpgradingStore(root, StorageConfig(), index_rows)
        try:
            make_whole(store)
            require_sound(store, needed(store.pointer))
            if to == 1 and not store.pointer.unfinished and newest_is_encoding(store):
                former_back(store, why=ON_THE_WAY)
            stays = take_back_all(store, Hooks(hooks), TOOLS, why=ON_THE_WAY, verified=True)
            return go_down(store, TOOLS, why="; ".join(filter(None, ("as asked", stays))), verified=True)
        except RecordUpgradeError as error:
            raise DowngradeError(root, f"{error}: give the hooks that know the way down") from error
        finally:
            store.close()


def _nothing_kept(root: Path) -> str:
    """Tell why no rollback point is there, and what can be named all the same."""
    last = next((report for report in reversed(reports(root)) if report.succeeded), None)
    if last is None and read_pointer(root)[0].mark.skipped[1]:
        return "a copy has no rollback point: name the format to go down to, as in te.rollback(path, to=1)"
    if last is None:
        return "it was never upgraded: name the format to go down to, as in te.rollback(path, to=1)"
    if last.kind == "rollback":
        return "its last upgrade was taken back already: name the format to go down to, as in te.rollback(path, to=1)"
    kinds = ", ".join(f"{kind!r}: {stored}" for kind, (stored, known) in last.namespaces.items() if stored < known)
    named = f" or, with hooks=, the versions of payloads (to={{{kinds}}})" if kinds else ""
    gone = "the rollback point is gone since the last upgrade was committed, or had soaked"
    return f"{gone}: name the format to go down to (to=1){named}"


def _goal(root: Path, to: Mapping[str, int], hooks: Hooks, pointer: Pointer) -> dict[str, tuple[int, int]]:
    """Return the version of each kind now and afterwards.

    Raises
    ------
    DowngradeError
        With everything that is in the way.
    """
    goal, wrong = dict[str, tuple[int, int]](), list[str]()
    for kind, version in to.items():
        stored, chain = pointer.namespaces.get(kind, 1), hooks.chains.get(kind)
        if stored == 1 and kind in pointer.namespaces:
            wrong.append(f"payloads of kind {kind!r} are at version 1 already, the lowest there is")
            continue
        if stored == 1:
            there = ", ".join(each for each, above in pointer.namespaces.items() if above > 1) or "none"
            wrong.append(
                f"no payloads of kind {kind!r} were upgraded here, so there is no version below theirs (upgraded: {there})"
            )
            continue
        if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version < stored:
            told = f"for {kind!r} a version from 1 on and below {stored}, at which it is"
            raise InvalidArgumentError("to", to, told)
        if chain is None or chain.version < stored:
            known = "were not given" if chain is None else f"know version {chain.version}, and it is at {stored}"
            wrong.append(f"the hooks of {kind!r} {known}")
            continue
        wrong += [f"{step} has no way down" for step in chain.walk(version, stored).steps if step.down is None]
        goal[kind] = (stored, version)
    if wrong or not goal:
        raise DowngradeError(root, f"{'; '.join(wrong) or 'no kind was named'}: nothing was done")
    return goal


def _payloads_down(root: Path, goal: dict[str, tuple[int, int]], hooks: Hooks) -> UpgradeReport:
    """Take payloads down by the machine that takes them up: rollback point, sweep, validation, soak."""
    store = UpgradingStore(root, StorageConfig(), index_rows)
    try:
        if not _goes_down(store, goal, hooks):
            make_whole(store)
            begin_payloads(store, hooks, goal)
        return PayloadUpgrade(store, hooks, TOOLS).run()
    finally:
        store.close()


def _goes_down(store: UpgradingStore, goal: dict[str, tuple[int, int]], hooks: Hooks) -> bool:
    """Tell whether this way down was broken off, and is to be gone on with; where it did not hold, it is taken back first.

    Raises
    ------
    UpgradeRunningError
        When it is something else that is not finished; nothing was touched.
    """
    note = store.pointer.upgrade
    if note is None or not store.pointer.unfinished:
        return False
    if note.namespaces != goal:
        ways = (
            f"te.open(path, hooks=[...]) goes on with it, te.rollback(path, hooks=[...]) takes it back, to {told(note)}"
        )
        raise UpgradeRunningError(store.root, f"a way down must wait for what was begun and is not finished: {ways}")
    if store.pointer.stage == "ROLLING_BACK":
        make_whole(store)
        take_back(store, hooks, TOOLS, why=note.why)
        return False
    store.update_pointer(upgrade=msgspec.structs.replace(note, resumed=note.resumed + bool(note.digest)))
    return True


def _payloads_back(root: Path, hooks: Hooks) -> UpgradeReport:
    store = UpgradingStore(root, StorageConfig(), index_rows)
    try:
        make_whole(store)
        return take_back(store, hooks, TOOLS, why="as asked")
    except RecordUpgradeError as error:
        raise DowngradeError(root, f"{error}: give the hooks that know the way down") from error
    finally:
        store.close()


def _is_back(root: Path, to: object) -> UpgradeReport:
    """Return the report of a rollback that was killed at its very end; what that left is removed.

    Raises
    ------
    DowngradeError
        When there was no such rollback: nothing is left to do.
    """
    ended = settle_bare(root)
    done = [report for report in reports(root) if report.kind == "rollback"]
    if ended and done and to in (None, 1):
        return done[-1]
    back = f" (rolled back on {done[-1].ended[:10]})" if done else ""
    raise DowngradeError(root, f"it is of format 1 already, the oldest there is{back}: nothing was done")


def rehearse(
    path: str | os.PathLike[str],
    *,
    cues: Sequence[str] | None = None,
    hooks: Sequence[Upgrades] = (),
    encoder: Encoder | None = None,
    approve: Approve | None = None,
    progress: Progress | None = None,
) -> Rehearsal:
    """Do the whole upgrade on a copy by hard links, broken off twice on the way, then taken back; the mind is only read.

    A change of encoder is not broken off.

    Parameters
    ----------
    path : path
        The folder, closed.
    cues : sequence of str, optional
        Questions that are asked before (a store of format 1: through the step, unless it had been of this format before) and
        after. Default: the last hundred that recall was asked with.
    hooks, encoder, approve
        As for `open`.
    progress : callable, optional
        ``progress(what, done, total)``.

    Returns
    -------
    Rehearsal
        False when there is nothing to do, or when something did not hold.

    Raises
    ------
    InvalidArgumentError
        For cues that are none.
    StoreError
        When the copy cannot be made.
    """
    root, known, begun = folder_at(path), Hooks(hooks), time.monotonic()
    cues = read_cues(root) if cues is None else cues
    if isinstance(cues, str) or not isinstance(cues, Sequence) or not all(isinstance(cue, str) for cue in cues):
        raise InvalidArgumentError("cues", cues, 'a sequence of texts, such as ["tea"]')
    planned = plan(root, hooks=hooks, encoder=encoder)
    if not planned:
        return Rehearsal(plan=planned)
    part = root.with_name(f".{root.name}.rehearsal-{secrets.token_hex(4)}{PART}")
    try:
        copy = _copied(root, part) if is_format_1(root) else _linked(root, part)
        known_before = {done.id for done in reports(copy)}
        before = _answers_through(copy, cues) if is_format_1(copy) else _answers(copy, cues)
        stops = [max(1, planned.records // 3), max(1, 2 * planned.records // 3)]
        broken = sum(_broken_off(copy, known, at) for at in stops)
        if not is_format_1(root) and (copy / QUARANTINE).is_dir():
            raise StoreDamagedError(copy, "salvaged")
        upgrade(copy, hooks=hooks, encoder=encoder, approve=approve, progress=progress)
        made = [done for done in reports(copy) if done.kind == "upgrade" and done.id not in known_before]
        report = made[-1] if made else None
        after, size = _answers(copy, cues, hooks, encoder), size_of(copy)
        for _ in made:  # each has a rollback point of its own
            rollback(copy, hooks=hooks)
        return Rehearsal(
            plan=planned, report=report, broken_off=broken, seconds=time.monotonic() - begun, bytes=size,
            n_cues=len(before), changed={cue: (before[cue], after[cue]) for cue in before if before[cue] != after[cue]},
        )  # fmt: skip
    except UpgradeFailedError as error:
        failed = error.report if isinstance(error.report, UpgradeReport) else None
        return Rehearsal(plan=planned, report=failed, reason=error.message, seconds=time.monotonic() - begun)
    except StoreDamagedError as error:
        told = "the rehearsal met damage: te.check(path) names the file, the next opening salvages what is readable"
        raise StoreDamagedError(root, f"{told}; then rehearse again") from error
    finally:
        remove_tree(part)


class _BrokenOffError(BaseException):
    """Ends an upgrade as a kill would: nothing is caught, and nothing tidied up."""


def _broken_off(root: Path, hooks: Hooks, at: int) -> int:
    """Upgrade up to so many rows, or to before they are validated, then let it be; return 1 where there was anything to do."""

    def stop(what: str, done: int, total: int | None) -> None:
        if done >= at or what == VALIDATING:
            raise _BrokenOffError

    try:
        opened = open_store(
            root, StorageConfig(), create=False, upgrade="wait", approve=None, hooks=hooks, progress=stop
        )
    except _BrokenOffError:
        return 1
    opened.store.close()
    return 0


def _answers(
    root: Path, cues: Sequence[str], hooks: Sequence[Upgrades] = (), encoder: Encoder | None = None
) -> dict[str, list[int]]:
    """Return the ids that each cue calls up."""
    store = open_store(root, StorageConfig(), create=False, upgrade="wait", approve=None, hooks=Hooks(hooks)).store
    mind = _mind(store, Hooks(hooks), encoder)
    try:
        return {cue: [hit.id for hit in mind.recall(cue)] for cue in cues}
    finally:
        mind.close()


def _answers_through(root: Path, cues: Sequence[str]) -> dict[str, list[int]]:
    """Return the ids that each cue calls up in a copy of format 1, read through the step; its upgrade is begun by that.

    What had been of this format before has no such answers: it is merged first.
    """
    begin_flat(root, StorageConfig())
    note = read_pointer(root)[0].upgrade
    if note is None or note.again:
        return {}
    store = UpgradingStore(root, StorageConfig(), index_rows)
    store.whole = True
    mind = _mind(store, Hooks(), None)
    try:
        return {cue: [hit.id for hit in mind.recall(cue)] for cue in cues}
    finally:
        mind.close()


def history(path: str | os.PathLike[str]) -> list[UpgradeReport]:
    """Return the reports of all upgrades and rollbacks of a folder, oldest first.

    Raises
    ------
    StoreNotFoundError
        When there is no mind.
    StoreDamagedError, StoreNewerError
        When there are no reports, and one of these mars the pointer file.
    """
    root = folder_at(path)
    found = reports(root)
    if not found and not is_format_1(root):
        read_pointer(root)  # tells what is wrong where there is no mind
    return found
