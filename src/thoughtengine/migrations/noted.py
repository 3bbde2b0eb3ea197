"""Noted: which memory went down to which row, found out again from both sides where the notes of it are damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs
import msgspec

from thoughtengine.migrations.before import Before, is_memory
from thoughtengine.migrations.lift import lift
from thoughtengine.migrations.merge import merged
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.migrations.v0001_flat import LAYERS
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, Receipt, layers_down, name_down
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import FLAGS, body_of
from thoughtengine.storage.contract import PAGE, Store
from thoughtengine.storage.keyspace import APPRAISAL, ASIDE, CARRIED, LOWERED, MEMORY, ORIGIN, RECEIPT, VECTOR
from thoughtengine.storage.origin import CarriedRecord, LoweredRecord, OriginRecord

__all__ = [
    "FROM_FORMAT_1",
    "NAMED_BY_ID",
    "appraisals_again",
    "names_down",
    "names_had",
    "note_anew",
    "origins_again",
    "standing",
]

FROM_FORMAT_1 = "format 1"  # the word for it in a memory
_NAMES = 9  # that are looked at: each but the first two was given out only where all before it were taken
NAMED_BY_ID = re.compile(rb"(?:%s):te-([1-9][0-9]{0,18})(?:-[0-9]+)?" % "|".join(LAYERS).encode())


def note_anew(store: Store, before: Before) -> None:
    """Note for every memory that is there which row of the old store it went down to; its row is known by what it says.

    A row whose memory cannot be read becomes that memory again, under its id where the row's name or a note tells that. Rows
    that are what a memory went down to are never taken for new; a memory whose row is gone counts as deleted by the old program.

    Parameters
    ----------
    store : Store
        Salvaged of what was kept aside; what follows from its rows is built again afterwards, by the caller.
    before : Before
        The old store.

    Notes
    -----
    Killed in the middle, it is done again.
    """
    noted = {key[1:]: _noted(store, key[1:]) for key, _ in store.raw(LOWERED)}
    hidden, gone = standing(store)
    _rows_again(store, before, noted, gone)
    origins_again(store, before, noted, hidden)
    _memories_again(store, hidden)
    appraisals_again(store, before, noted)
    went = _Went(store, before, noted).all(hidden)
    writing = _Writing(store)
    for key in noted.keys() - went.keys():
        writing.batch.delete(LOWERED, key)
        writing.page()
    for key, lowered in went.items():
        if noted.get(key) != lowered:
            writing.batch.put(LOWERED, key, lowered)
            writing.page()
    writing.end()


def _noted(store: Store, key: bytes) -> LoweredRecord:
    return store.get(LOWERED, key, LoweredRecord) or LoweredRecord(id=0, digest=b"")


@attrs.define
class _Writing:
    """Write to a store a page at a time."""

    store: Store
    batch: Batch = attrs.field(factory=Batch)

    def page(self) -> None:
        if len(self.batch) >= PAGE:
            self.end(sync=False)

    def end(self, *, sync: bool = True) -> None:
        self.store.commit(self.batch, sync=sync)
        self.batch = Batch()


def standing(store: Store) -> tuple[set[int], set[int]]:
    """Return the ids that receipts hide, and those that were erased or lost."""
    receipts, hidden, gone = dict[int, Receipt](), dict[int, set[int]](), set[int]()
    for number, receipt in store.rows(RECEIPT, Receipt):
        receipts[number] = receipt
        if receipt.verb in ("erase", "lost"):
            gone.update(receipt.ids)
        elif receipt.verb == "forget":
            for id_ in receipt.ids:
                hidden.setdefault(id_, set()).add(number)
        elif receipt.verb == "undo" and (undone := receipts.get(receipt.undoes or 0)) is not None:
            for id_ in undone.ids:
                hidden.get(id_, set()).discard(receipt.undoes or 0)
    return {id_ for id_, numbers in hidden.items() if numbers}, gone


def _rows_again(store: Store, before: Before, noted: dict[bytes, LoweredRecord], gone: set[int]) -> None:
    """Give a row whose memory is gone its id again, where that is noted, or the row is named by it."""
    writing, taken = _Writing(store), set(gone)
    for key, value in before.rows():
        lowered, named = noted.get(key), NAMED_BY_ID.fullmatch(key)
        if lowered is not None:
            id_ = lowered.id if lowered.digest == row_digest(key, value) and is_memory(before, key) else 0
        else:
            id_ = int(named[1]) if named is not None and _is_given_out(store, int(named[1])) else 0
        if id_ and id_ not in taken and not store.has(MEMORY, id_) and not store.has(ORIGIN, id_):
            taken.add(id_)
            writing.batch.put(ORIGIN, id_, OriginRecord(key=key, value=value, emotion=before.emotion_of(key)))
            writing.page()
    writing.end()


def _is_given_out(store: Store, id_: int) -> bool:
    low, high = store.head.skipped
    return id_ < store.head.next_id and not low <= id_ < high


def origins_again(store: Store, before: Before, noted: dict[bytes, LoweredRecord], hidden: set[int]) -> None:
    """Put the bytes that a memory was back where its row is still those; a row is that of the latest that it may be of."""
    writing, keys = _Writing(store), _by_id(noted)
    latest = {origin.key: id_ for id_, origin in store.rows(ORIGIN, OriginRecord) if id_ not in hidden}
    for id_, memory in store.rows(MEMORY, Memory, reverse=True):
        if id_ in hidden or memory.origin != FROM_FORMAT_1 or store.has(ORIGIN, id_):
            continue
        felt = store.get(APPRAISAL, id_, Appraisal)
        for key in dict.fromkeys((*keys.get(id_, ()), *names_had(store, memory))):
            value = before.get(key)
            if value is None or not is_memory(before, key) or latest.get(key, 0) > id_:
                continue
            origin = OriginRecord(key=key, value=value, emotion=before.emotion_of(key))
            if _is_of(store, id_, memory, felt, origin) or (memory.supersedes and _is_noted(noted, id_, origin)):
                latest[key] = id_
                writing.batch.put(ORIGIN, id_, origin)
                writing.page()
                break
    writing.end()


def _is_of(store: Store, id_: int, memory: Memory, felt: Appraisal | None, origin: OriginRecord) -> bool:
    """Tell whether a memory is what the step makes of a row; where its earlier version is gone, what the row tells counts."""
    made = merged(store, origin, memory.supersedes)
    if memory.supersedes is not None and not store.has(MEMORY, memory.supersedes):
        told, known = ((each.layer, each.at, each.text, each.payload) for each in (made.memory, memory))
        return told == known
    same = felt == made.appraisal or _lacks_appraisal(store, id_)
    return same and memory in (made.memory, made.named(origin))


def _is_noted(noted: dict[bytes, LoweredRecord], id_: int, origin: OriginRecord) -> bool:
    """Tell whether a row, and the emotion beside it, are noted as what a memory went down to."""
    rows = {origin.key: origin.value}
    if origin.emotion is not None:
        rows[b"emotion:" + origin.key[8:]] = origin.emotion
    return all(noted.get(key) == LoweredRecord(id=id_, digest=row_digest(key, value)) for key, value in rows.items())


def _lacks_appraisal(store: Store, id_: int) -> bool:
    """Tell whether a memory is there without the appraisal that it had beside it."""
    row = store._get(MEMORY.key(id_))
    had = row is not None and row[FLAGS] & MEMORY.beside[APPRAISAL.prefix]
    return bool(had) and not store.has(APPRAISAL, id_)


def names_had(store: Store, memory: Memory) -> Iterator[bytes]:
    """Yield the keys of format 1 that a memory which came from there may have had: its own, and those of what it was before."""
    now: Memory | None = memory
    while now is not None:
        if now.key is not None:
            yield now.key.encode()
        if (earlier := now.supersedes) is None:
            return
        if (was := store.get(ORIGIN, earlier, OriginRecord)) is not None:
            yield was.key
        yield f"{LAYERS[now.layer]}:te-{earlier}".encode()
        now = store.get(MEMORY, earlier, Memory)


def _memories_again(store: Store, hidden: set[int]) -> None:
    """Make the memories, and the appraisals beside one, that are gone anew of the bytes that they were."""
    writing, named, bears = _Writing(store), dict[bytes, int](), dict[bytes, int]()
    for id_, memory in store.rows(MEMORY, Memory):
        bears.setdefault((memory.key or "").encode(), id_)
        bears.setdefault(f"{LAYERS[memory.layer]}:te-{id_}".encode(), id_)
    for id_, origin in store.rows(ORIGIN, OriginRecord):
        row = store._get(MEMORY.key(id_))
        made = None
        if row is None:
            earlier = named.get(origin.key, bears.get(origin.key, id_))
            made = merged(store, origin, None if earlier in hidden or earlier >= id_ else earlier)
            writing.batch.put(MEMORY, id_, made.memory)
        elif _lacks_appraisal(store, id_):
            memory = msgspec.msgpack.decode(body_of(MEMORY.key(id_), row, MEMORY), type=Memory)
            made = merged(store, origin, memory.supersedes)
            _put_again(writing.batch, store, id_)
        if made is not None and made.appraisal is not None:
            writing.batch.put(APPRAISAL, id_, made.appraisal)
        writing.page()
        named[origin.key] = id_
    writing.end()
    for key, _ in store.raw(ASIDE):
        if not store.has(MEMORY, ASIDE.number(key)):
            writing.batch.delete(ASIDE, ASIDE.number(key))
            writing.page()
    writing.end()


def _put_again(batch: Batch, store: Store, id_: int) -> None:
    """Put a memory as it is, with its vector: its row tells of what comes with it."""
    for area in (MEMORY, VECTOR):
        if (row := store._get(area.key(id_))) is not None:
            batch.put_body(area, id_, body_of(area.key(id_), row, area))


def appraisals_again(store: Store, before: Before, noted: dict[bytes, LoweredRecord]) -> None:
    """Read an appraisal that is gone in the row that its memory went down to, where that tells it."""
    writing, keys = _Writing(store), _by_id(noted)
    for id_, memory in store.rows(MEMORY, Memory):
        if not _lacks_appraisal(store, id_):
            continue
        for key in (*keys.get(id_, ()), *names_down(id_, memory)):
            value = before.get(key)
            felt = None if value is None else lift(key, value)[1]
            if felt is not None and layers_down(memory, felt) == value:
                _put_again(writing.batch, store, id_)
                writing.batch.put(APPRAISAL, id_, felt)
                writing.page()
                break
    writing.end()


def _by_id(noted: dict[bytes, LoweredRecord]) -> dict[int, list[bytes]]:
    keys = dict[int, list[bytes]]()
    for key, lowered in noted.items():
        keys.setdefault(lowered.id, []).append(key)
    return keys


@attrs.define
class _Went:
    """Finds out what went where; what is known for certain first."""

    store: Store
    before: Before
    noted: dict[bytes, LoweredRecord]
    went: dict[bytes, LoweredRecord] = attrs.field(factory=dict)

    def all(self, hidden: set[int]) -> dict[bytes, LoweredRecord]:
        """Return it by key."""
        for _, row in self.store.rows(CARRIED, CarriedRecord):
            if not row.gone:
                self._note(row.key, 0, row.value)
        later = {
            memory.supersedes: id_
            for id_, memory in self.store.rows(MEMORY, Memory)
            if memory.supersedes is not None and memory.origin == FROM_FORMAT_1 and id_ not in hidden
        }
        old = set[int]()
        for id_, origin in self.store.rows(ORIGIN, OriginRecord):
            old.add(id_)
            if id_ in hidden or self._is_replaced(origin, later.get(id_)):
                continue
            self._note(origin.key, id_, origin.value)
            if origin.emotion is not None:
                self._note(b"emotion:" + origin.key[8:], id_, origin.emotion)
        keys, uncertain = _by_id(self.noted), list[tuple[int, bytes, list[bytes]]]()
        for id_, memory in self.store.rows(MEMORY, Memory):
            if id_ in old or id_ in hidden or (id_ in later and memory.origin == FROM_FORMAT_1):
                continue
            value = layers_down(memory, self.store.get(APPRAISAL, id_, Appraisal))
            names = [
                *(names_had(self.store, memory) if memory.origin == FROM_FORMAT_1 else ()),
                *names_down(id_, memory),
            ]
            known = [key for key in keys.get(id_, ()) if key not in self.went]
            same = [key for key in self._free(names) if self.before.get(key) == value]
            for key in known or same[:1]:
                self._new(key, id_, value)
            if not known and not same:
                uncertain.append((id_, value, names))
        for id_, value, names in reversed(uncertain):  # the latest of those that may be of a name has it
            free = list(self._free(names))
            found = [key for key in free if self.before.get(key) is not None]
            if found or id_ not in later:  # else its row is that of the later one
                self._new(next(iter((*reversed(found), *free))), id_, value)
        return self.went

    def _is_replaced(self, origin: OriginRecord, later: int | None) -> bool:
        """Tell whether an old program has changed it: what it was did not go down again."""
        if later is None:
            return False
        now = self.store.get(ORIGIN, later, OriginRecord)
        return now.key == origin.key if now is not None else self.before.get(origin.key) != origin.value

    def _free(self, names: list[bytes]) -> Iterator[bytes]:
        return (key for key in dict.fromkeys(names) if key not in self.went and key not in self.noted)

    def _note(self, key: bytes, id_: int, value: bytes) -> None:
        self.went[key] = LoweredRecord(id=id_, digest=row_digest(key, value))

    def _new(self, key: bytes, id_: int, value: bytes) -> None:
        """Note a memory of which the bytes it went down to are not kept, but made again; what is noted of them counts."""
        if key in self.noted and self.before.get(key) != value:
            self.went[key] = self.noted[key]
        else:
            self._note(key, id_, value)


def names_down(id_: int, memory: Memory) -> list[bytes]:
    """Return the keys that a new memory may have got, the likeliest first: which were free then is not known any more."""
    tried = list[bytes]()

    def is_last(key: bytes) -> bool:
        tried.append(key)
        return len(tried) >= _NAMES

    name_down(id_, memory, is_last)
    return tried
