"""Mend: an old generation that is met damaged in the middle of its upgrade: of the sealed copy, else of all that can be read.

Which rows there were is noted beside it when the rollback point is verified: keys, a digest of each, and which become memories.
So nothing is taken for a row that is none, what is lost is known by name, and no memory changes its id. What the sweep has
reached already stands in the new generation, byte for byte.
"""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import attrs
import msgspec

from thoughtengine.errors import StoreDamagedError
from thoughtengine.migrations.before import Runs
from thoughtengine.migrations.begin import measure
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.migrations.v0001_flat import layer_of
from thoughtengine.migrations.v0002_envelopes import Receipt
from thoughtengine.storage.bare_salvage import Salvaged, salvage_bare
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import at_once, checkpoint, clone
from thoughtengine.storage.codec import body_of, decode
from thoughtengine.storage.contract import PAGE, Rows
from thoughtengine.storage.files import PART, discard, replace_file, sync_tree
from thoughtengine.storage.folder import QUARANTINE, ROLLBACK, generation_name, to_quarantine
from thoughtengine.storage.keyspace import CARRIED, FIRST_NEW, MARK, MEMORY, ORIGIN, RECEIPT
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.origin import CarriedRecord, OriginRecord
from thoughtengine.storage.pointer import UpgradeNote
from thoughtengine.storage.store import Level

__all__ = ["NoteRows", "mend"]

ROWS = "ROWS"
"""The file beside the old generation that tells which rows it holds."""

_ENTRY = struct.Struct("<I8s")  # length of the key, twice, and one more of a memory; digest
_TOLD = 10


class _Mark(msgspec.Struct, frozen=True):
    """The part of a mark of format 2 that matters here."""

    forgotten: tuple[int, ...] = ()


class NoteRows:
    """Takes down which rows there are, in order, packed as they come."""

    def __init__(self) -> None:
        self._packer, self._packed = zlib.compressobj(1), bytearray()

    def __call__(self, key: bytes, digest: bytes, is_memory: bool) -> None:
        """Note a row."""
        self._packed += self._packer.compress(_ENTRY.pack(len(key) << 1 | is_memory, digest[:8]) + key)

    def write(self, folder: Path) -> None:
        """Put it beside the old generation."""
        self._packed += self._packer.flush()
        replace_file(folder / ROWS, bytes(self._packed))


def _noted(folder: Path) -> list[tuple[bytes, bytes, bool]] | None:
    """Return (key, digest, whether it becomes a memory) of all rows in order; None where that is not to be had."""
    try:
        data, at, rows = zlib.decompress((folder / ROWS).read_bytes()), 0, list[tuple[bytes, bytes, bool]]()
    except (OSError, zlib.error):
        return None
    while at < len(data):
        told, digest = _ENTRY.unpack_from(data, at)
        at += _ENTRY.size + (told >> 1)
        rows.append((data[at - (told >> 1) : at], digest, bool(told & 1)))
    return rows


@attrs.define
class _Lost:
    """What damage has taken.

    Attributes
    ----------
    runs : runs of ids
        Of memories.
    keys : list of bytes
        All rows, as far as they are known by name.
    n : int or None
        How many rows; None where nobody has counted them.
    left : int
        Emotions that are readable and belong to a memory that is not.
    guessed : bool
        Whether nothing tells which ids are those of what is lost.
    """

    runs: Runs = ()
    keys: list[bytes] = attrs.field(factory=list)
    n: int | None = 0
    left: int = 0
    guessed: bool = False


def mend(store: UpgradingStore, breathe: Callable[[], None] = at_once) -> bool:
    """Put an old generation in the place of a damaged one; tell whether there was anything to mend, and could be.

    Of the sealed copy where that reads; else what can be read of both, with what the sweep has reached, becomes the old
    generation and the sealed copy. Ids stay; what is lost gets a receipt, and the upgrade goes on without it. The damaged files
    are kept in quarantine. Killed in the middle, nothing was done.

    Raises
    ------
    StoreFullError, StoreError
        When there is no room; nothing was done.
    """
    root, note = store.root, store.pointer.upgrade
    if note is None or not note.old or not store.pointer.unfinished:
        return False
    old, sealed, number = root / generation_name(note.old), root / note.rollback, store.next_number
    seen = [f"{old.name}/{name}: {what}" for name, what in inspect(old)]
    if _reads(store, sealed, breathe):
        if not (seen or note.damaged):
            return False
        checkpoint(None, sealed, _fresh(root / generation_name(number)))
        _note_rows_of(old, root / generation_name(number))
        told = f"{'; '.join(seen) or note.damaged}; it was had again from the sealed copy, and the upgrade goes on"
        _take(store, msgspec.structs.replace(note, old=number, damaged=""), told)
    elif _reads(store, old, breathe):
        _seal(root, old, root / generation_name(number))
        told = f"the sealed copy is damaged: another was made of {old.name}, and the upgrade goes on"
        _take(store, msgspec.structs.replace(note, old=number, rollback=f"{ROLLBACK}/{generation_name(number)}"), told)
    elif note.again or not (note.digest or seen or not all(_opens(store, each) for each in (old, sealed))):
        return False  # what is not there would count as deleted by the old program; what was not begun is given back
    else:
        _salvage(store, note, root / generation_name(number), breathe)
    return True


def _reads(store: UpgradingStore, folder: Path, breathe: Callable[[], None]) -> bool:
    """Tell whether a copy of the old store is whole."""
    note = store.pointer.upgrade
    try:
        flat = measure(folder, store.root / ("verify" + PART), store.config, breathe=breathe)
    except (StoreDamagedError, FileNotFoundError):
        return False
    return note is not None and note.digest in ("", flat.digest)


def _opens(store: UpgradingStore, folder: Path) -> bool:
    """Tell whether LevelDB opens a copy of the old store, however damaged."""
    scratch = store.root / ("verify" + PART)
    try:
        clone(folder, scratch)
        Level(str(scratch), store.config).close()
    except (StoreDamagedError, FileNotFoundError):
        return False
    finally:
        discard(scratch)
    return True


def _fresh(folder: Path) -> Path:
    discard(folder)
    return folder


def _note_rows_of(old: Path, new: Path) -> None:
    if (old / ROWS).exists():
        replace_file(new / ROWS, (old / ROWS).read_bytes())


def _seal(root: Path, old: Path, target: Path) -> None:
    """Make an old generation and a sealed copy of one that reads."""
    checkpoint(None, old, _fresh(target))
    _note_rows_of(old, target)
    (root / ROLLBACK).mkdir(mode=0o700, exist_ok=True)
    checkpoint(None, target, _fresh(root / ROLLBACK / target.name))


def _salvage(store: UpgradingStore, note: UpgradeNote, target: Path, breathe: Callable[[], None]) -> None:
    """Make an old generation and a sealed copy of what can be read."""
    root, old, part = store.root, store.root / generation_name(note.old), store.root / ("mend" + PART)
    found = salvage_bare(old, _fresh(part), root / ("salvage" + PART), store.config, beside=root / note.rollback)
    lost = _filled(store, note, part, _noted(old))
    sync_tree(part)
    _seal(root, part, target)
    _note_rows_of(old, target)
    discard(part)
    flat = measure(target, root / ("verify" + PART), store.config, breathe=breathe)
    known = {id_ for first, n in note.lost for id_ in range(first, first + n)}
    ids = tuple(id_ for first, n in lost.runs for id_ in range(first, first + n) if id_ not in known)
    changed = msgspec.structs.replace(
        note, old=int(target.name.partition("-")[2]), damaged="", rollback=f"{ROLLBACK}/{target.name}", lost=lost.runs,
        lost_rows=max(note.lost_rows + note.rows - flat.rows, 0) if note.digest else 0,
        digest=note.digest and flat.digest, rows=flat.rows,
    )  # fmt: skip
    _take(store, changed, _told(found, flat.rows, lost, ids), memories=flat.memories, lost=ids)


def _filled(
    store: UpgradingStore, note: UpgradeNote, target: Path, noted: list[tuple[bytes, bytes, bool]] | None
) -> _Lost:
    """Add what the sweep has reached to what was salvaged, take away what is no row of the old store; return what is lost."""
    with closing(Level(str(target), store.config)) as level:
        rows = Rows()
        for row in _swept(store):
            rows.append(row)
            if len(rows) >= PAGE:
                level.write(rows, [], False)
                rows = Rows()
        level.write(rows, [], False)
        if noted is None:
            lost = _guessed(store, note, level)
        else:
            lost, stale = _compared(level, noted)
            level.write([], stale, False)
        level.write([], [], True)
        level.flush()
    return lost


def _swept(store: UpgradingStore) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of format 1 whose bytes the new generation itself holds."""
    for key, value in store.own(ORIGIN):
        if ORIGIN.number(key) < FIRST_NEW:
            origin = decode(body_of(key, value, ORIGIN), OriginRecord)
            yield origin.key, origin.value
            if origin.emotion is not None:
                yield b"emotion:" + origin.key[8:], origin.emotion
    for key, value in store.own(CARRIED):
        carried = decode(body_of(key, value, CARRIED), CarriedRecord)
        if not carried.gone:
            yield carried.key, carried.value


def _compared(level: Level, noted: list[tuple[bytes, bytes, bool]]) -> tuple[_Lost, list[bytes]]:
    """Compare what there is with what there was; return what is lost, and the keys of what must go."""
    known, whole, stale = {key: digest for key, digest, _ in noted}, set[bytes](), list[bytes]()
    for key, value in _rows(level):
        if known.get(key) == row_digest(key, value)[:8]:
            whole.add(key)
        else:
            stale.append(key)
    lost, ids, id_ = _Lost(), list[int](), 0
    for key, _, is_memory in noted:
        id_ += is_memory
        if key not in whole:
            lost.keys.append(key)
            if is_memory:
                ids.append(id_)
    beside = {b"emotion:" + key[8:] for key in lost.keys if key.startswith(b"sensory:")} & whole
    orphans = [key for key, _, is_memory in noted if key in beside and not is_memory and layer_of(key)]
    lost.keys += orphans
    lost.n, lost.left, lost.runs = len(lost.keys), len(orphans), _runs(ids)
    return lost, stale + orphans


def _guessed(store: UpgradingStore, note: UpgradeNote, level: Level) -> _Lost:
    """Say what is lost where nothing tells which rows there were: as if it stood right behind what the sweep has reached."""
    n, n_memories = 0, 0
    feels = bool(level.page(b"emotion:", b"emotion;", 1, False))
    for key, _ in _rows(level):
        layer, n = layer_of(key), n + 1
        n_memories += bool(layer) and not (
            feels and layer == "emotion" and level.get(b"sensory:" + key[8:]) is not None
        )
    if not note.digest:  # nobody has counted them
        named = max((n for key, _ in store.own(MARK) if (n := MARK.number(key)) < FIRST_NEW), default=0)
        return _Lost(runs=((1, named),) if named else (), n=None)  # rather is a mark let go than put upon another
    missing = store.head.skipped[0] - 1 - n_memories
    reached = max((ORIGIN.number(key) for key, _ in store.own(ORIGIN) if ORIGIN.number(key) < FIRST_NEW), default=0)
    runs = ((reached + 1, missing),) if missing > 0 else ()
    return _Lost(runs=runs, n=note.rows - n, guessed=bool(runs))


def _rows(level: Level) -> Iterator[tuple[bytes, bytes]]:
    start = b""
    while page := level.page(start, None, PAGE, False):
        yield from page
        start = page[-1][0] + b"\x00"


def _runs(ids: list[int]) -> Runs:
    """Return rising ids as runs.

    Examples
    --------
    >>> _runs([3, 4, 5, 9])
    ((3, 3), (9, 1))
    """
    runs = list[tuple[int, int]]()
    for id_ in ids:
        if runs and sum(runs[-1]) == id_:
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        else:
            runs.append((id_, 1))
    return tuple(runs)


def _told(found: Salvaged, rows: int, lost: _Lost, ids: tuple[int, ...]) -> str:
    wrong = "; ".join(f"{name}: {what}" for name, what in found.damaged) or "damage that no file shows by itself"
    told = f"the old store, in the middle of its upgrade, and its sealed copy: {wrong}"
    if lost.n is None:
        told += f"; {rows:,} rows could be had, how many could not nobody can tell, and the upgrade goes on with them"
        return f"{told}; what was forgotten or revised of them since it began is as if it had not been" if ids else told
    if lost.n <= 0:
        return f"{told}; all {rows:,} rows could be had all the same, and the upgrade goes on"
    named = ", ".join(repr(key.decode(errors="replace")) for key in lost.keys[:_TOLD])
    told += f"; {rows:,} rows could be had, {lost.n:,} are lost, {len(ids):,} memories among them"
    if named:
        told += f" ({named}{', …' if len(lost.keys) > _TOLD else ''})"
    if lost.left:
        told += f"; {lost.left:,} of these are emotions of an experience that is lost"
    if lost.guessed:
        told += f"; which ones nothing tells any more: ids from {lost.runs[0][0]} on may be those of other memories now"
    return f"{told}; the upgrade goes on without them, te.rollback(path) takes it back without them"


def _take(
    store: UpgradingStore, changed: UpgradeNote, told: str, *, memories: int = 0, lost: tuple[int, ...] = ()
) -> None:
    """Read the mended generation from now on; the damaged files go to quarantine."""
    note, batch = store.pointer.upgrade, Batch()
    if note is None:
        raise ValueError("there is no upgrade")
    old = generation_name(note.old)
    with store.writing:
        head = store.head
        told = f"{told}; the damaged files are kept in {QUARANTINE}/"
        store._incident("damage", told, (old, note.rollback), lost=lost)  # first: once it is mended nothing else tells
        if lost:
            at = int(dt.datetime.now(dt.UTC).timestamp() * 1e6)
            batch.put(RECEIPT, head.next_receipt, Receipt(verb="lost", at=at, ids=lost))
            marks = {id_: mark for id_ in lost if (mark := store.get(MARK, id_, _Mark)) is not None}
            for id_ in marks:
                batch.delete(MARK, id_)
            new = sum(1 for _ in store.raw(MEMORY, after=FIRST_NEW - 1))
            counted = memories + new if note.digest else head.memories
            store.commit(
                batch, sync=True, memories=counted, next_receipt=head.next_receipt + 1,
                hidden=head.hidden - sum(bool(mark.forgotten) for mark in marks.values()),
            )  # fmt: skip
        store.update_pointer(upgrade=changed, quarantine=(old,))
        store.read_before()
        to_quarantine(store.root, old)
        store.update_pointer(quarantine=())
        if changed.rollback != note.rollback:
            to_quarantine(store.root, note.rollback)
    if lost and store.on_return is not None:
        store.on_return()  # what was indexed of these is not there
