"""Lower: what a mind holds as a store of format 1 again; what that cannot hold is kept aside in `.te/`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreDamagedError
from thoughtengine.migrations.begin import ASIDE, KEPT, ROLLBACK, Flat, measure
from thoughtengine.migrations.foreign import MADE
from thoughtengine.migrations.kept import content_to_note
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.prove import Proof, prove_flat, sealed_damage
from thoughtengine.migrations.regain import regain_origins
from thoughtengine.migrations.running import Tools
from thoughtengine.migrations.sound import lost_of
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, layers_down, name_down
from thoughtengine.storage.bare import BareLock, clear, give_out
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import checkpoint, verify
from thoughtengine.storage.contract import PAGE
from thoughtengine.storage.files import PART, discard, remove_tree, sync_folder, sync_tree
from thoughtengine.storage.folder import FolderStore, generation_name, mark_of
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import APPRAISAL, CARRIED, CURSOR, FIRST_NEW, LOWERED, MARK, MEMORY, ORIGIN
from thoughtengine.storage.origin import CarriedRecord, LoweredRecord, OriginRecord
from thoughtengine.storage.pointer import STORE, UpgradeNote, write_pointer
from thoughtengine.storage.store import Level

__all__ = ["LOWERED_FOLDER", "give_back", "lower", "tidy"]

LOWERED_FOLDER = "lowered"
_UNCOUNTED = Flat(rows=0, memories=0, bytes=0, digest="", layers={}, damaged=0)
_OTHER_WAY = "te.rollback(path, to=1) makes a store of format 1 of the bytes that each memory keeps"
_GOES_ASIDE = ("reports", "incidents", "quarantine", "snapshots")


class _Mark(msgspec.Struct, frozen=True):
    """The part of a mark of format 2 that matters here."""

    forgotten: tuple[int, ...] = ()
    superseded_by: int | None = None


class _Target:
    """The store of format 1 that is being made, with a sum of what it should hold."""

    def __init__(self, level: Level, flat: Flat | None) -> None:
        self._level = level
        self._puts: dict[bytes, bytes] = {}
        self._deletes: set[bytes] = set()
        self.rows, self.total = (flat.rows, int(flat.digest, 16)) if flat else (0, 0)

    def get(self, key: bytes) -> bytes | None:
        if key in self._puts:
            return self._puts[key]
        return None if key in self._deletes else self._level.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.delete(key)
        self._deletes.discard(key)
        self._puts[key] = value
        self.rows, self.total = self.rows + 1, self.total + _sum(key, value)
        self._flush_full()

    def delete(self, key: bytes) -> None:
        if (value := self.get(key)) is None:
            return
        self._puts.pop(key, None)
        self._deletes.add(key)
        self.rows, self.total = self.rows - 1, self.total - _sum(key, value)
        self._flush_full()

    def _flush_full(self) -> None:
        if len(self._puts) + len(self._deletes) >= PAGE:
            self.flush()

    def flush(self) -> None:
        self._level.write(list(self._puts.items()), list(self._deletes), False)
        self._puts, self._deletes = {}, set()


class _Blind(_Target):
    """The same over a damaged store: a row that cannot be read is none; a name that cannot be looked up was never given."""

    def get(self, key: bytes) -> bytes | None:
        try:
            return super().get(key)
        except StoreDamagedError:
            return None


def _sum(key: bytes, value: bytes) -> int:
    return int.from_bytes(row_digest(key, value), "big")


def lower(store: FolderStore, tools: Tools) -> tuple[Flat, Proof | None]:
    """Make of a store, whose pointer says that it rolls back, a format-1 store in `lowered/`, and `.te/` beside it.

    What an untouched record was, it is again, byte for byte. What was forgotten since is not there; a new memory comes down
    as JSON of its layer. Everything else stays in `.te/` and comes back with the next upgrade.

    Returns
    -------
    Flat, Proof or None
        What it holds, read from a fresh clone, and what that proves; None where it is given back as it was, which was damaged.
        Where the proof is false nothing is kept of it.

    Raises
    ------
    StoreDamagedError
        When the mind cannot be read.
    """
    root, config = store.root, store.config
    part = root / (LOWERED_FOLDER + PART)
    for leftover in (part, root / LOWERED_FOLDER, root / (ASIDE + PART)):
        discard(leftover)
    note = store.pointer.upgrade
    sealed = root / note.rollback if note is not None and note.rollback and (root / note.rollback).is_dir() else None
    if note is not None and note.again:
        if sealed is not None and not note.until:
            return _unmerged(root, sealed, config, verified=bool(note.digest)), None
        if sealed is not None and lost_of(store):
            with store.writing:
                left = regain_origins(store, note)
            if left:
                return _UNCOUNTED, _left_in(note, left, "as what tells so is gone")
        sealed = None  # what went down before stands in it too: it would stand there twice
    flat = None
    if sealed is not None and note is not None:
        try:
            flat = measure(sealed, root / ("verify" + PART), config)
        except StoreDamagedError as error:
            if note.digest:
                told = sealed_damage(root, note.rollback, _OTHER_WAY) if note.until else ""
                raise StoreDamagedError(root, told or error.message, file=error.file) from error
            told = f"{error}; it was so before anything was done: it is given back as it is"
            if _nothing_new(store):
                return _as_it_was(root, sealed, told), None
            return _with_the_new(store, sealed, f"{told}, with what was written since"), None
        if note.digest not in ("", flat.digest):
            told = f"the rollback point holds {flat.digest} instead of {note.digest}: it is made anew of the origins"
            record_incident(root, "damage", told, files=(note.rollback,))
            sealed = flat = None
    if note is not None and sealed is not None and flat is not None and _lacks_origins(store, flat):
        with store.writing:
            left = regain_origins(store, note)
        if left:
            return flat, _left_in(note, left, "as receipts are gone")
    if sealed is not None:
        checkpoint(None, sealed, part)
    level = Level(str(part), config, create=sealed is None)
    try:
        target = _Target(level, flat)
        with store.writing:
            _forget_lowered(store)
            _fill(store, target, whole=sealed is None)
        level.flush()
    finally:
        level.close()
    sync_tree(part)
    made, wrong = _measured(part, root, config, target)
    proof = Proof(wrong=(wrong,), rows=made.rows) if wrong else prove_flat(store, part, made.rows, tools)
    if proof.wrong:
        discard(part)
        return made, proof
    _keep_aside(store)
    os.rename(part, root / LOWERED_FOLDER)
    sync_folder(root)
    return made, proof


def _left_in(note: UpgradeNote, n: int, why: str) -> Proof:
    """Say that there is no way back while the sealed copy holds what the mind does not, and what can be done."""
    told = f"of {n:,} rows in the sealed copy nobody can tell which memories they were, {why}"
    way_on = f"copy {note.rollback}, open the mind, mind.upgrade.commit() lets go of that copy, then {_OTHER_WAY}"
    return Proof(wrong=(f"{told}: {way_on}",), rows=note.rows)


def _lacks_origins(store: FolderStore, flat: Flat) -> bool:
    """Tell whether damage took bytes of old memories that the sealed copy holds."""
    return sum(ORIGIN.number(key) < FIRST_NEW for key, _ in store.raw(ORIGIN)) < flat.memories


def _nothing_new(store: FolderStore) -> bool:
    """Tell whether nothing was written since the upgrade began, nor kept aside before it."""
    head, note = store.head, store.pointer.upgrade
    return head.next_id <= FIRST_NEW and head.next_receipt <= 1 and (note is None or not note.again)


def _as_it_was(root: Path, sealed: Path, told: str) -> Flat:
    """Give a damaged store back that was never swept: the same files."""
    record_incident(root, "damage", told)
    checkpoint(None, sealed, root / LOWERED_FOLDER)
    return _UNCOUNTED


def _with_the_new(store: FolderStore, sealed: Path, told: str) -> Flat:
    """Give a damaged store back that was never swept: the same files, and what was written since in a log behind them."""
    root, part = store.root, store.root / (LOWERED_FOLDER + PART)
    checkpoint(None, sealed, part)
    level = Level(str(part), store.config)
    try:
        target = _Blind(level, None)
        with store.writing:
            _forget_lowered(store)
            if _counted(store):
                _fill(store, target, whole=False)
            else:
                _note_lowered(store, target, _new_down(store, target))
        level.write([], [], True)
        for key, _ in store.raw(LOWERED):
            noted, value = store.get(LOWERED, key[1:], LoweredRecord), level.get(key[1:])
            if noted is None or value is None or noted.digest != row_digest(key[1:], value):
                raise StoreDamagedError(root, f"lowered, it does not hold {key[1:]!r} as it was written")
    finally:
        level.close()
    sync_tree(part)
    _keep_aside(store)
    record_incident(root, "damage", told)
    os.rename(part, root / LOWERED_FOLDER)
    sync_folder(root)
    return _UNCOUNTED


def _counted(store: FolderStore) -> bool:
    """Count the old memories, and tell whether they can be read: their keys and values lie in the same blocks."""
    if not isinstance(store, UpgradingStore) or store.before is None:
        return False
    try:
        n = store.before.count()
    except StoreDamagedError:
        return False
    if not store.counted:
        store.commit(Batch(), sync=True, memories=n + store.head.memories, skipped=(n + 1, FIRST_NEW))
    return True


def _new_down(store: FolderStore, target: _Target) -> Iterator[tuple[bytes, int]]:
    """Write the memories that are new, and yield (key, id) of each: what is older could be neither changed nor forgotten."""
    hidden = {id_ for id_, mark in store.rows(MARK, _Mark) if mark.forgotten}
    for id_, memory in store.rows(MEMORY, Memory, after=FIRST_NEW - 1):
        if id_ not in hidden:
            yield _memory_down(store, target, id_, memory), id_


def _unmerged(root: Path, sealed: Path, config: StorageConfig, *, verified: bool) -> Flat:
    """Give a store back of which a merge with what was kept aside has not ended: nobody was served, and that is still there."""
    try:
        made = measure(sealed, root / ("verify" + PART), config)
    except StoreDamagedError as error:
        when = "it was met in the middle" if verified else "it was so before anything was done"
        return _as_it_was(root, sealed, f"{error}; {when}: it is given back as it is")
    checkpoint(None, sealed, root / LOWERED_FOLDER)
    return made


def _forget_lowered(store: FolderStore) -> None:
    """Let go of what an earlier way down noted, and of how far a sweep had come: the next upgrade begins anew."""
    batch = Batch()
    batch.delete(CURSOR, 0)
    for key, _ in store.raw(LOWERED):
        batch.delete(LOWERED, key[1:])
        if len(batch) >= PAGE:
            store.commit(batch)
            batch = Batch()
    store.commit(batch)


def _fill(store: FolderStore, target: _Target, *, whole: bool) -> None:
    """Write what differs from the sealed copy (or `whole`: all), and note which memory went where."""
    _keep_hidden(store)
    _note_lowered(store, target, _goes_down(store, target, whole=whole))


def _note_lowered(store: FolderStore, target: _Target, down: Iterator[tuple[bytes, int]]) -> None:
    """Note where each row went, as it goes."""
    batch = Batch()
    for key, id_ in down:
        value = target.get(key) or b""
        batch.put(LOWERED, key, LoweredRecord(id=id_, digest=row_digest(key, value)))
        if len(batch) >= PAGE:
            store.commit(batch)
            batch = Batch()
    target.flush()
    store.commit(batch, sync=True)


def _keep_hidden(store: FolderStore) -> None:
    """Let the generation hold what was forgotten before a sweep had reached it: it goes from the old rows, and stays here."""
    batch, hidden = Batch(), [id_ for id_, mark in store.rows(MARK, _Mark) if mark.forgotten]
    for id_ in hidden:
        for area, record in ((ORIGIN, OriginRecord), (MEMORY, Memory), (APPRAISAL, Appraisal)):
            row = store.get(area, id_, record)
            if (
                row is not None
                and id_ < FIRST_NEW
                and isinstance(store, UpgradingStore)
                and not store.held(area.key(id_))
            ):
                batch.put(area, id_, row)
    if len(batch):
        store.commit(batch)


def _goes_down(store: FolderStore, target: _Target, *, whole: bool) -> Iterator[tuple[bytes, int]]:
    """Yield (key, id) of every row of the format-1 store; id 0 for what is no memory."""
    marks = dict(store.rows(MARK, _Mark))
    hidden = {id_ for id_, mark in marks.items() if mark.forgotten}
    for _, row in store.rows(CARRIED, CarriedRecord):
        if whole and not row.gone:
            target.put(row.key, row.value)
        if not row.gone:
            yield row.key, 0
    old = set[int]()
    for id_, origin in store.rows(ORIGIN, OriginRecord):
        old.add(id_)
        after = marks[id_].superseded_by if id_ in marks else None
        later = None if after is None else store.get(ORIGIN, after, OriginRecord)
        if later is not None and later.key == origin.key and after not in hidden:
            continue  # an old program has changed it: what it was does not go down again
        yield from _old_down(target, id_, origin, hidden=id_ in hidden, whole=whole)
    for id_, memory in store.rows(MEMORY, Memory):
        if id_ not in old and id_ not in hidden:
            yield _memory_down(store, target, id_, memory), id_


def _memory_down(store: FolderStore, target: _Target, id_: int, memory: Memory) -> bytes:
    """Write a new memory; return its key."""
    key = name_down(id_, memory, lambda key: target.get(key) is None)
    target.put(key, layers_down(memory, store.get(APPRAISAL, id_, Appraisal)))
    return key


def _old_down(
    target: _Target, id_: int, origin: OriginRecord, *, hidden: bool, whole: bool
) -> Iterator[tuple[bytes, int]]:
    rows = {origin.key: origin.value}
    if origin.emotion is not None:
        rows[b"emotion:" + origin.key[8:]] = origin.emotion
    for key, value in rows.items():
        if hidden:
            target.delete(key)
            continue
        if whole or target.get(key) != value:
            target.put(key, value)
        yield key, id_


def _measured(part: Path, root: Path, config: StorageConfig, target: _Target) -> tuple[Flat, str]:
    """Read what was written, and tell where that is something else."""
    try:
        made = measure(part, root / ("verify" + PART), config)
    except StoreDamagedError as error:
        return _UNCOUNTED, f"what was written cannot be read: {error}"
    expected = f"{target.total % (1 << 128):032x}"
    if (made.rows, made.digest) == (target.rows, expected):
        return made, ""
    return made, f"it holds {made.rows} rows of digest {made.digest} instead of {target.rows} of {expected}"


def _keep_aside(store: FolderStore) -> None:
    """Put all that format 1 cannot hold into `.te/`: the generation as it is, by hard links."""
    root, head = store.root, store.head
    if (
        _nothing_new(store)
        and head.skipped[1] == FIRST_NEW
        and store.pointer.dimension is None
        and store.pointer.encoder is None
    ):
        discard(root / ASIDE)
        return
    part = root / (ASIDE + PART)
    part.mkdir(mode=0o700)
    store.checkpoint(part / generation_name(1), whole=False)
    try:
        content = verify(part / generation_name(1), root / ("verify" + PART), store.config, balanced=_is_swept(store))
    except StoreDamagedError as error:
        discard(part)
        raise store.damage_met(error) from error
    pointer = msgspec.structs.replace(
        store.pointer,
        generation=1,
        mark=mark_of(store.head, 1),
        stage="",
        upgrade=None,
        beneath=(),
        state="REBUILD",
        content=content_to_note(content),
    )
    write_pointer(part, pointer, KEPT)
    sync_folder(part)
    discard(root / ASIDE)
    os.rename(part, root / ASIDE)
    sync_folder(root)


def _is_swept(store: FolderStore) -> bool:
    note = store.pointer.upgrade
    return note is None or not note.old


def give_back(root: Path) -> None:
    """Put `lowered/` in the place of the mind: the pointer file goes, which is the commit; the caller holds the lock.

    Afterwards a program of format 1 opens the folder.
    """
    lowered = root / LOWERED_FOLDER
    lock = BareLock(root)
    try:
        foreign = clear(root, lowered)
        if foreign:
            told = f"a program of format 1 opened this folder meanwhile; what it wrote is kept in {foreign}"
            record_incident(root, "old program", told, files=(foreign,))
        give_out(lowered, root)
        for name in (STORE + ".bak", STORE):
            (root / name).unlink(missing_ok=True)
            sync_folder(root)
    finally:
        lock.release()
    tidy(root)


def tidy(root: Path) -> bool:
    """Remove what the mind had beside its store of format 1; what tells of its life goes to `.te/`; tell whether any was."""
    found = False
    for name in _GOES_ASIDE:
        if (root / name).is_dir():
            found = True
            (root / ASIDE).mkdir(mode=0o700, exist_ok=True)
            if (root / ASIDE / name).exists():
                _merge(root / name, root / ASIDE / name)
            else:
                os.rename(root / name, root / ASIDE / name)
    for entry in [
        *(path for path in root.iterdir() if MADE.fullmatch(path.name)),
        *root.glob("*" + PART),
        root / ROLLBACK,
        root / LOWERED_FOLDER,
    ]:
        found |= entry.exists()
        remove_tree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
    for name in ("reserve.bin", "cues.json", "te.lock"):
        found |= name != "te.lock" and (root / name).exists()  # that one is held by whoever tidies
        (root / name).unlink(missing_ok=True)
    sync_folder(root)
    return found


def _merge(source: Path, target: Path) -> None:
    for entry in source.iterdir():
        if not (target / entry.name).exists():
            os.rename(entry, target / entry.name)
    remove_tree(source)
