"""Regain: what damage took of old memories, from the bytes they were: their origins, else the rows of the sealed copy."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from heapq import merge
from itertools import chain, groupby

import msgspec

from thoughtengine.errors import RecordError, StoreDamagedError
from thoughtengine.migrations.before import Before
from thoughtengine.migrations.merge import merged
from thoughtengine.migrations.regain_merged import put_back_merged, versions
from thoughtengine.migrations.v0002_envelopes import Receipt
from thoughtengine.storage.bare_salvage import salvage_bare
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import clone
from thoughtengine.storage.contract import PAGE, Store
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, remove_tree
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.incident import record_incident
from thoughtengine.storage.keyspace import APPRAISAL, MEMORY, ORIGIN, RECEIPT
from thoughtengine.storage.origin import OriginRecord
from thoughtengine.storage.pointer import UpgradeNote
from thoughtengine.storage.store import Level

__all__ = ["old_and_new", "regain", "regain_origins"]


Ranges = Sequence[tuple[bytes, bytes]]


class _Memory(msgspec.Struct, frozen=True):
    """The part of a memory of format 2 that matters here."""

    key: str | None = None


def old_and_new(store: Store) -> Iterator[int]:
    """Yield the ids of all memories, in order, those of which nothing but the origin is left too."""
    numbers = (map(area.number, (key for key, _ in store.raw(area))) for area in (MEMORY, ORIGIN))
    yield from (id_ for id_, _ in groupby(merge(*numbers)))


def regain(store: FolderStore) -> int:
    """Make memories that a salvage lost again, of their origins and of the sealed copy; return how many.

    Parameters
    ----------
    store : FolderStore
        Salvaged; what is derived is built again afterwards, by the caller. Its `writing` lock is held by the caller.

    Notes
    -----
    Of a sealed copy that is damaged too, what can be read is made use of. What was erased is in neither.
    """
    note = next((each for each in store.pointer.points if not each.namespaces and each.rollback), None)
    again = note is not None and note.again
    if store.pointer.unfinished or not (store.head.skipped[1] or again):
        return 0
    if note is not None:
        regain_origins(store, note)
    bearers = {memory.key: id_ for id_, memory in store.rows(MEMORY, _Memory)}
    n, batch, named = 0, Batch(), versions(store, note) if note is not None and again else dict[bytes, int]()
    for id_, origin in store.rows(ORIGIN, OriginRecord):
        if not store.has(MEMORY, id_):
            earlier = named.get(origin.key)
            made = merged(store, origin, earlier if earlier is not None and earlier < id_ else None)
            is_its = bearers.get(made.memory.key, earlier) == earlier  # the name that its earlier version has
            batch.put(MEMORY, id_, made.memory if is_its else made.named(origin))
            if made.appraisal is not None:
                batch.put(APPRAISAL, id_, made.appraisal)
            n += 1
            batch = _paged(store, batch)
        named[origin.key] = id_
    store.commit(batch, sync=True)
    if n:
        record_incident(
            store.root, "damage", f"{n} memories that damage took are back, made of what they were in format 1"
        )
    return n


def regain_origins(store: FolderStore, note: UpgradeNote) -> int:
    """Put the origins that a mind lacks back, from the sealed copy of what it was; return how many rows nobody can place.

    Parameters
    ----------
    store : FolderStore
        A mind that was of format 1.
    note : UpgradeNote
        Of the upgrade whose sealed copy it is; an erasure takes from that what it takes from the mind.

    Notes
    -----
    The receipt of an erasure may be gone with what is put back: ids are counted off only where no row is missing. Of a copy
    that is damaged too, what can be read is made use of.
    """
    scratch = store.root / ("regain" + PART)
    try:
        clone(store.root / note.rollback, scratch)
        with closing(Level(str(scratch), store.config)) as level:
            n, renamed, left = _put_back(store, Before(level), note, ())
    except StoreDamagedError as error:
        told, left = _from_damaged(store, note, error)
        record_incident(store.root, "damage", told)
        return left
    finally:
        remove_tree(scratch)
    if renamed or left:
        why = "what tells their ids is gone" if note.again else "receipts of erasures are gone"
        told = f"{why}: of what {note.rollback} holds the bytes of {n:,} lost memories are back{_told(renamed, left)}"
        record_incident(store.root, "damage", told)
    return left


def _from_damaged(store: FolderStore, note: UpgradeNote, error: StoreDamagedError) -> tuple[str, int]:
    """Put origins back from what can be read of a sealed copy that is damaged too; tell what came of it, and what was left."""
    sealed, part, scratch = store.root / note.rollback, store.root / ("regained" + PART), store.root / ("regain" + PART)
    if not sealed.is_dir():
        return f"what was lost is not to be had from {note.rollback}: {error.message}", 0
    remove_tree(part)
    try:
        found = salvage_bare(sealed, part, scratch, store.config)
        with closing(Level(str(part), store.config)) as level:
            n, renamed, left = _put_back(store, Before(level), note, found.holes if _all_told(store) else None)
    finally:
        remove_tree(part)
    harm = "; ".join(f"{name}: {what}" for name, what in found.damaged) or error.message
    told = (
        f"{note.rollback} is damaged too ({harm}): of what can be read of it the bytes of {n:,} lost memories are back"
    )
    return told + _told(renamed, left), left


def _told(renamed: int, left: int) -> str:
    told = f", {renamed:,} of them under new ids, as nobody can tell which were theirs" if renamed else ""
    if left:
        told += (
            f"; {left:,} rows more are left in it, some of which may have been forgotten: copy it before the soak ends"
        )
    return told


def _put_back(store: FolderStore, before: Before, note: UpgradeNote, holes: Ranges | None) -> tuple[int, int, int]:
    """Put origins back; return how many, how many of them under new ids, and how many rows were left."""
    if note.again:
        return put_back_merged(store, before, note)
    erased, forgotten = (
        {id_ for _, row in store.rows(RECEIPT, Receipt) if row.verb == verb for id_ in row.ids}
        for verb in ("erase", "forget")
    )
    for each in store.pointer.points:  # the copy lacks what damage took before it was made anew
        erased.update(id_ for first, n in each.lost for id_ in range(first, first + n))
    there, there_too = {row.key for _, row in store.rows(ORIGIN, OriginRecord)}, _keys_of(store)
    known = there.union(there_too.values())
    n = renamed = left = 0
    batch, next_id = Batch(), store.head.next_id
    keys, unsure, gone = _memories(before, known, holes)
    any_ = list(forgotten) or list(range(len(unsure)))  # whose ids these rows might have had
    named = (list[int](), [(id_, key) for id_, key in there_too.items() if before.get(key) is not None], list[bytes]())
    for free, rows, middle in chain([named], _gaps(store, keys, there_too, erased, gone), [(any_, [], unsure)]):
        placed = [(id_, key) for id_, key in rows if key not in there]
        stays = _stays(free, middle, forgotten)
        new = [key for key in middle if key not in known and key not in stays]
        left += len(stays.difference(known))
        placed += zip(range(next_id, next_id + len(new)), new, strict=True)
        n, renamed, next_id = n + len(placed), renamed + len(new), next_id + len(new)
        for id_, key in placed:
            batch.put(ORIGIN, id_, OriginRecord(key=key, value=before.get(key) or b"", emotion=before.emotion_of(key)))
            if len(batch) >= PAGE:
                store.commit(batch, next_id=next_id)
                batch = Batch()
    store.commit(batch, sync=True, next_id=next_id)
    return n, renamed, left


def _stays(free: list[int], rows: list[bytes], forgotten: set[int]) -> set[bytes]:
    """Return the rows that do not come back: what was forgotten stays so, and nothing is invented.

    Examples
    --------
    >>> sorted(_stays([5, 6, 7, 8, 9], [b"a", b"b", b"c", b"d"], {7}))
    [b'b', b'c']
    """
    missing = len(free) - len(rows)
    if missing < 0:
        return set(rows)
    each = (rows[max(0, at - missing) : at + 1] for at, id_ in enumerate(free) if id_ in forgotten)
    return set(chain.from_iterable(each))


def _keys_of(store: FolderStore) -> dict[int, bytes]:
    """Return the keys that old memories had, by id, in order, as far as anything that is there names both."""
    stop, found = store.head.skipped[0], dict[int, bytes]()
    for note in store.pointer.points:
        if note.namespaces:  # its sealed copy is of today's format
            sealed, scratch = store.root / note.rollback, store.root / ("regain-of" + PART)
            with suppress(StoreDamagedError, RecordError), closing(CloneStore(sealed, scratch, store.config)) as point:
                _name_keys(point, stop, found)
    _name_keys(store, stop, found)
    return dict(sorted(found.items()))


def _name_keys(store: Store, stop: int, found: dict[int, bytes]) -> None:
    for id_, memory in store.rows(MEMORY, _Memory):
        if id_ >= stop:
            break
        if memory.key is not None:
            found[id_] = memory.key.encode()
    found.update((id_, row.key) for id_, row in store.rows(ORIGIN, OriginRecord) if id_ < stop)


def _all_told(store: FolderStore) -> bool:
    """Tell whether every receipt is there: else nobody knows all that was erased, and ids cannot be counted off."""
    receipts = dict(store.rows(RECEIPT, Receipt))
    unread = any(row.verb == "lost" and not row.ids for row in receipts.values())
    whole = store.read_head().sequence >= store.pointer.mark.sequence
    return whole and not unread and all(number in receipts for number in range(1, store.head.next_receipt))


def _memories(before: Before, known: set[bytes], holes: Ranges | None) -> tuple[list[bytes], list[bytes], Ranges]:
    """Return the keys of what were memories, of emotions that may have lain beside one that is lost, and where rows are lost."""
    keys, unsure, gone = list[bytes](), list[bytes](), list(holes) if holes is not None else [(b"", b"\xff" * 9)]
    for _, key in before.keys(1, before.count()):
        beside = b"sensory:" + key[8:] if key.startswith(b"emotion:") else b""
        if beside and beside not in known and _in_hole(beside, gone):
            unsure.append(key)
        elif not beside or beside not in known:
            keys.append(key)
    return keys, unsure, gone + [(key, key) for key in unsure]


def _gaps(
    store: FolderStore, keys: list[bytes], known: dict[int, bytes], erased: set[int], holes: Ranges
) -> Iterator[tuple[list[int], list[tuple[int, bytes]], list[bytes]]]:
    """Yield of each stretch of old memories that nothing names: ids, (id, key) of rows that are certain, and the other rows.

    Ids stand in the order of the keys: what lies before the first hole counts from the front, and what lies behind the last
    one from the end. The ids are those that the other rows may have had.
    """
    at, place, stop = 1, 0, store.head.skipped[0]
    ends: list[tuple[int, bytes | None]] = [(stop, None)]
    low = b""
    for id_, high in chain(known.items(), ends):
        end = len(keys) if high is None else bisect_left(keys, high, place)
        free, rows = [each for each in range(at, id_) if each not in erased], keys[place:end]
        if free and rows:
            within = [each for each in holes if each[1] > low and (high is None or each[0] < high)]
            yield _placed(free, rows, within)
        place, at, low = end + (end < len(keys) and keys[end] == high), id_ + 1, high or low


def _placed(
    free: list[int], rows: list[bytes], holes: Ranges
) -> tuple[list[int], list[tuple[int, bytes]], list[bytes]]:
    """Tell which rows are of which ids, and of which nobody can tell; return the ids of these first.

    Examples
    --------
    >>> _placed([5, 6, 7, 8], [b"a", b"d"], [(b"b", b"c")])
    ([6, 7], [(5, b'a'), (8, b'd')], [])
    >>> _placed([5, 6, 7, 8], [b"a", b"d", b"g"], [(b"b", b"c"), (b"e", b"f")])
    ([6, 7], [(5, b'a'), (8, b'g')], [b'd'])
    >>> _placed([5, 6], [b"a", b"b"], [(b"b", b"c")])
    ([], [(5, b'a'), (6, b'b')], [])
    """
    if len(rows) == len(free):
        return [], list(zip(free, rows, strict=True)), []
    if len(rows) > len(free) or not holes:
        return free, [], rows
    first, last = min(low for low, _ in holes), max(high for _, high in holes)
    n, m = sum(key <= first for key in rows), sum(key > last for key in rows)
    stop = len(free) - m
    certain = [*zip(free[:n], rows[:n], strict=True), *zip(free[stop:], rows[len(rows) - m :], strict=True)]
    return free[n:stop], certain, rows[n : len(rows) - m]


def _in_hole(key: bytes, holes: Ranges) -> bool:
    return any(low < key <= high for low, high in holes)


def _paged(store: FolderStore, batch: Batch) -> Batch:
    if len(batch) < PAGE:
        return batch
    store.commit(batch)
    return Batch()
