"""Plan: what an upgrade would do, what it takes, what could go wrong; looked up on a throw-away clone, so nothing changes."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import attrs
import msgspec

from thoughtengine.config import StorageConfig
from thoughtengine.encoders import Encoder, encode
from thoughtengine.errors import RecordError, StoreDamagedError
from thoughtengine.migrations.before import Before
from thoughtengine.migrations.begin import ASIDE, DAMAGED, GROWTH, Flat, measure, room_for
from thoughtengine.migrations.foreign import REMEDY, foreign
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.kept import find_kept, wrong_with
from thoughtengine.migrations.lift import lift
from thoughtengine.migrations.planned import Risk, Step, UpgradePlan
from thoughtengine.migrations.report import UpgradeReport, history
from thoughtengine.migrations.sound import named
from thoughtengine.migrations.sweep import PHASES
from thoughtengine.migrations.v0001_flat import LAYERS, layer_of
from thoughtengine.migrations.v0002_envelopes import Memory
from thoughtengine.storage.checkpoint import checkpoint, clone
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, copy_file, remove_tree, size_of
from thoughtengine.storage.folder import generation_name
from thoughtengine.storage.keyspace import CODE, CURSOR, FORMAT, MEMORY, VECTOR
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.origin import CursorRecord
from thoughtengine.storage.pointer import STORE, Pointer, UpgradeNote, read_pointer
from thoughtengine.storage.salvage import damaged_files
from thoughtengine.storage.store import Level

__all__ = ["plan_bare", "plan_payloads", "rate_of", "with_encoder"]

_TRIED = 16  # texts encoded to see how long it takes
_VECTOR_BYTES = (
    64  # of a row that holds a vector, beside its numbers; these are kept twice, in the row and in the index
)
_SWEPT = (*LAYERS, "rows", "indexed")  # words of a report's counts: rows in each of the phases
_RATE = 4000.0
"""Rows through all phases in a second, until a report of this folder tells better."""


def rate_of(reports: list[UpgradeReport]) -> float:
    """Return the rows a second, through all phases, that the last upgrade here did, or the default."""
    done = [report for report in reports if report.kind == "upgrade" and report.succeeded]
    rates = [sum(report.counts.get(word, 0) for word in _SWEPT) / report.seconds for report in done if report.seconds]
    return next((rate for rate in reversed(rates) if rate), _RATE)


def plan_bare(root: Path, config: StorageConfig) -> UpgradePlan:
    """Plan the upgrade of a bare store of format 1.

    Raises
    ------
    StoreError
        When it cannot even be read.
    """
    risks = list(_risks(root, config))
    with _named(root):
        flat = None if any(risk.kind == "damage" for risk in risks) else _measured(root, config)
    if flat is not None and flat.damaged:
        told = f"{flat.damaged} values are no JSON: each becomes a memory whose payload is its bytes"
        risks.append(
            Risk(kind="damage", blocks=False, impact=told, mitigation="nothing to do; down they are the same bytes")
        )
    if flat is not None and flat.failed:
        told = f"the step fails on {flat.failed} rows: each is served as far as it can be read, its bytes are kept"
        risks.append(
            Risk(kind="damage", blocks=False, impact=told, mitigation="nothing to do; down they are the same bytes")
        )
    need, free = room_for(root, config)
    rows, memories = (flat.rows, flat.memories) if flat else (0, 0)
    components = flat.layers.get("components", 0) if flat else 0
    did = ("keys and envelopes", "records of the five layers", "state of patterns, learning, dreams", "index and names")
    records = (rows, memories, components, memories)
    return UpgradePlan(
        path=str(root),
        source=1,
        target=FORMAT,
        steps=tuple(
            Step(name=f"{phase}: {what}", records=n) for phase, what, n in zip(PHASES, did, records, strict=True)
        ),
        counts=flat.layers if flat else {},
        records=rows,
        bytes=flat.bytes if flat else 0,
        seconds=(rows + 2 * memories) / rate_of(history(root)),
        needed_bytes=need,
        free_bytes=free,
        risks=tuple(risks),
    )


def plan_payloads(root: Path, config: StorageConfig, hooks: Hooks) -> UpgradePlan:
    """Plan the upgrade of a host's payloads in a store of today's format; nothing to do: an empty plan.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    pointer, _ = read_pointer(root)
    pending = hooks.pending(pointer)
    risks = [
        Risk(kind="newer hook", blocks=True, impact=f"{kind} is stored at version {stored}, the hook knows {known}",
             mitigation="give the hooks of the later release")
        for kind, (stored, known) in hooks.newer(pointer.namespaces).items()
    ]  # fmt: skip
    if pointer.unfinished and pointer.upgrade is not None:
        return _unfinished(root, config, pointer, pointer.upgrade, tuple(risks))
    if not pending:
        return UpgradePlan(path=str(root), source=pointer.format, target=FORMAT, risks=tuple(risks))
    generation = root / f"gen-{pointer.generation:06d}"
    with _cloned(root, generation, config) as copy:
        counts = _counted(copy, pending)
    walks = {kind: hooks.steps(kind, versions, pointer) for kind, versions in pending.items()}
    steps = [
        Step(name=f"P4 {step}", records=counts.get(kind, 0), lossy=step.lossy, down=step.down is not None)
        for kind, walk in walks.items()
        for step in walk.steps
    ]
    risks += [
        Risk(kind="lossy", blocks=False, impact=f"{step.name} loses something", mitigation="it is kept aside")
        for step in steps
        if step.lossy
    ]
    size, disk, n = size_of(generation), os.statvfs(root), sum(counts.values())
    return UpgradePlan(
        path=str(root), source=pointer.format, target=FORMAT, namespaces=pending, steps=tuple(steps), counts=counts,
        records=n, bytes=size, seconds=n / rate_of(history(root)), needed_bytes=2 * size + 8 * config.write_buffer_bytes,
        free_bytes=disk.f_bavail * disk.f_frsize, risks=tuple(risks),
    )  # fmt: skip


def _unfinished(
    root: Path, config: StorageConfig, pointer: Pointer, note: UpgradeNote, risks: tuple[Risk, ...]
) -> UpgradePlan:
    """Plan what is left of an upgrade, or of a way back, that was begun."""
    generation = root / generation_name(pointer.generation)
    with _cloned(root, generation, config) as copy:
        cursor, head = copy.get(CURSOR, 0, CursorRecord) or CursorRecord(), copy.read_head()
    rows, memories, counts = note.rows, max(head.skipped[0] - 1, 0), dict[str, int]()
    if note.namespaces:
        steps = [("P4 host payloads", max(0, head.memories - cursor.counts.get("rows", 0)))]
        rows = head.memories
    else:
        if not note.digest and note.rollback:  # nothing was counted yet
            with _named(root), _readable(root, root / note.rollback) as (source, scratch):
                flat = measure(source, scratch, config)
            rows, memories, counts = flat.rows, flat.memories, flat.layers
        done = [cursor.counts.get("rows", 0), sum(cursor.counts.get(layer, 0) for layer in LAYERS)]
        done += [0, cursor.counts.get("indexed", 0)]
        again = (0, 0, 0, 0) if note.again else (rows, memories, counts.get("components", 0), memories)
        steps = [(phase, max(0, n - d)) for phase, n, d in zip(PHASES, again, done, strict=True)][cursor.step :]
    if pointer.stage == "ROLLING_BACK":
        steps = [("the way back", rows)]
    goes_on = "what was begun goes on"
    left, disk = sum(n for _, n in steps), os.statvfs(root)
    size = size_of(root / note.rollback) if note.rollback and (root / note.rollback).is_dir() else size_of(generation)
    need = (2 if note.namespaces else GROWTH) * size - (size_of(generation) if cursor.at or cursor.step else 0)
    return UpgradePlan(
        path=str(root), source=note.source, target=1 if pointer.stage == "ROLLING_BACK" and not note.namespaces else FORMAT,
        namespaces=note.namespaces, counts=counts, records=rows, bytes=size, seconds=left / rate_of(history(root)),
        steps=tuple(Step(name=f"{goes_on}: {name}", records=n) for name, n in steps),
        needed_bytes=max(0, need) + 8 * config.write_buffer_bytes, free_bytes=disk.f_bavail * disk.f_frsize, risks=risks,
    )  # fmt: skip


def with_encoder(planned: UpgradePlan, root: Path, config: StorageConfig, encoder: Encoder) -> UpgradePlan:
    """Add to a plan that another encoder is taken over, if it is another; a few texts are encoded to see how long it takes."""
    is_bare = not (root / STORE).exists()
    pointer = None if is_bare else read_pointer(root)[0]
    before = None if pointer is None else pointer.encoder
    note = None if pointer is None else pointer.encoding
    goes_on = note is not None and not note.until
    if before is not None and before.fingerprint == encoder.fingerprint and not goes_on:
        return planned
    if note is not None and goes_on:
        before = note.former
    n, some = (planned.steps[1].records, _some_texts(root, config)) if is_bare else _to_encode(root, config, encoder)
    if not n:
        return planned
    begun = time.perf_counter()
    if some:
        encode(encoder, some)
    seconds = (time.perf_counter() - begun) * n / max(1, len(some))
    size = 0 if is_bare else size_of(root / generation_name(pointer.generation if pointer is not None else 1))
    need, disk = n * (_VECTOR_BYTES + 2 * encoder.dimension), os.statvfs(root)
    named = f"P4 encoder: {before.name if before is not None else 'none'} to {encoder.name}"
    told = f"{n:,} texts are encoded; until then they are found by their words, and by the vectors before"
    risk = Risk(
        kind="encoder change", blocks=False, impact=told, mitigation="te.rehearse(path, cues=[...]) tells what changes"
    )
    risks = (*planned.risks, risk)
    if note is not None and note.until and note.former != before:
        impact = f"the vectors of {note.former.name if note.former else 'none'}, kept for a way back, go"
        remedy = (
            "te.rollback(path) takes that change back first; the encoder before, given again, makes its vectors anew"
        )
        risks += (Risk(kind="encoder change", blocks=False, impact=impact, mitigation=remedy),)
    return attrs.evolve(
        planned, steps=(*planned.steps, Step(name=named, records=n)), seconds=planned.seconds + seconds,
        records=max(planned.records, n), bytes=planned.bytes or size, risks=risks,
        needed_bytes=(planned.needed_bytes or 8 * config.write_buffer_bytes) + need,
        free_bytes=disk.f_bavail * disk.f_frsize,
    )  # fmt: skip


class _Vector(msgspec.Struct, frozen=True):
    """The part of a vector row of format 2 that matters here."""

    fingerprint: str = ""


def _some_texts(root: Path, config: StorageConfig) -> list[str]:
    """Return some texts of a bare store, by which to see how long its encoding takes."""
    with _readable(root, root) as (source, scratch):
        clone(source, scratch)
        try:
            with contextlib.closing(Level(str(scratch), config)) as level:
                rows = (row for row in Before(level).rows() if layer_of(row[0]))
                return [memory.text for memory, *_ in (lift(*row) for row in islice(rows, _TRIED)) if memory.text]
        finally:
            remove_tree(scratch)


def _to_encode(root: Path, config: StorageConfig, encoder: Encoder) -> tuple[int, list[str]]:
    """Return how many texts lack a vector of an encoder, and some of them."""
    pointer, _ = read_pointer(root)
    n, some = 0, list[str]()
    with _cloned(root, root / generation_name(pointer.generation), config) as copy:
        codes, vectors = copy.along(CODE, _Vector), copy.along(VECTOR, _Vector)
        for id_, memory in copy.rows(MEMORY, Memory):
            code, given = codes(id_), vectors(id_)
            if memory.text is not None and not given and (code is None or code.fingerprint != encoder.fingerprint):
                n += 1
                some += [memory.text] * (len(some) < _TRIED)
    return n, some


def _counted(copy: CloneStore, pending: dict[str, tuple[int, int]]) -> dict[str, int]:
    """Count the payloads that are behind."""
    counts: dict[str, int] = {}
    for _, memory in copy.rows(MEMORY, Memory):
        if memory.kind in pending and memory.payload is not None and memory.payload_version < pending[memory.kind][1]:
            counts[memory.kind] = counts.get(memory.kind, 0) + 1
    return counts


def _risks(root: Path, config: StorageConfig) -> list[Risk]:
    found = []
    need, free = room_for(root, config)
    if free < need:
        impact = f"{need:,} bytes are needed and {free:,} are free"
        found.append(
            Risk(kind="space", blocks=True, impact=impact, mitigation="free space, or upgrade into another place")
        )
    for name, what in inspect(root):
        impact, remedy = (
            f"{name}: {what}",
            "restore a copy and upgrade that, or te.upgrade(path, into=NEW, salvage=True)",
        )
        found.append(Risk(kind="damage", blocks=True, impact=impact, mitigation=remedy))
    for entry in foreign(root):
        impact = f"{entry.name} is not of ours, and an upgrade takes this name"
        found.append(Risk(kind="in the way", blocks=True, impact=impact, mitigation=REMEDY))
    if not os.access(root, os.W_OK | os.X_OK):
        remedy = "copy the folder to a place that can be written"
        found.append(Risk(kind="read-only", blocks=True, impact="the folder cannot be written", mitigation=remedy))
    elif not _links(root):
        impact = "hard links fail here: every table is copied, twice the space and time"
        found.append(Risk(kind="no hard links", blocks=False, impact=impact, mitigation="nothing to do"))
    if (root / ASIDE).is_dir():
        impact, remedy = "this store was of a later format before: what was kept aside comes back", "nothing to do"
        if wrong := _aside_wrong(root, config):
            impact = f"this store was of a later format before, and what was kept aside is damaged: {wrong}"
            remedy = "a sound copy of .te put there; else what can be read of it comes back"
        found.append(Risk(kind="kept aside", blocks=False, impact=impact, mitigation=remedy))
    return found


def _aside_wrong(root: Path, config: StorageConfig) -> str:
    """Tell what is wrong with what was kept aside; empty where it is what it was."""
    kept, wrong = find_kept(root)
    if kept is None:
        return f"{ASIDE}/{wrong}" if wrong else ""
    name = generation_name(kept.generation)
    try:
        with _readable(root, root / ASIDE / name) as (source, scratch):
            found = wrong_with(source, kept, scratch, config)
    except StoreDamagedError as error:
        return error.message
    return "; ".join(f"{f'{ASIDE}/{name}/{file}'.rstrip('/')}: {what}" for file, what in found)


def _links(root: Path) -> bool:
    first, second = (root / f"probe-{secrets.token_hex(4)}{PART}" for _ in range(2))
    try:
        first.touch()
        os.link(first, second)
        return True
    except OSError:
        return False
    finally:
        first.unlink(missing_ok=True)
        second.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(root: Path) -> Iterator[None]:
    """Say of a store that does not verify which it is and what is left to do: the clone that was read is gone."""
    try:
        yield
    except StoreDamagedError as error:
        raise StoreDamagedError(root, f"{error.message}. {DAMAGED} (nothing was touched)", file=error.file) from error


def _measured(root: Path, config: StorageConfig) -> Flat:
    with _readable(root, root) as (source, scratch):
        return measure(source, scratch, config, parsed=True)


@contextlib.contextmanager
def _cloned(root: Path, generation: Path, config: StorageConfig) -> Iterator[CloneStore]:
    """Give a throw-away clone of a generation of a mind.

    Raises
    ------
    StoreDamagedError
        With the files of the mind that are damaged, and what is left to do: the clone that was read is gone.
    """
    with _readable(root, generation) as (source, scratch):
        try:
            with contextlib.closing(CloneStore(source, scratch, config)) as copy:
                yield copy
        except (StoreDamagedError, RecordError) as error:
            found = [(f"{generation.name}/{name}", what) for name, what in damaged_files(source, scratch)]
            told = named(found) or (error.message if isinstance(error, StoreDamagedError) else str(error))
            way = "the next opening salvages what is readable, then plan again (nothing was touched)"
            raise StoreDamagedError(root, f"damaged: {told}; {way}", file=found[0][0] if found else None) from error


@contextlib.contextmanager
def _readable(root: Path, source: Path) -> Iterator[tuple[Path, Path]]:
    """Give what is to be cloned, and where: in the folder, or a copy of it in the cache where that cannot be written."""
    if os.access(root, os.W_OK | os.X_OK):
        yield source, root / f"plan-{secrets.token_hex(4)}{PART}"
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "thoughtengine"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=cache))
    try:
        checkpoint(None, source, folder / "copy", give=copy_file)
        yield folder / "copy", folder / "scratch"
    finally:
        remove_tree(folder)
