"""The sweep from format 1 into the new generation: a slice at a time, the cursor in the same batch as what it has done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from thoughtengine.migrations.before import Before, Onward, is_memory
from thoughtengine.migrations.merge import is_pinned, merged
from thoughtengine.migrations.overlay import Index, UpgradingStore
from thoughtengine.migrations.v0001_flat import LAYERS, layer_of, place_of
from thoughtengine.migrations.v0002_envelopes import candidates, differences, engine_up, layers_up
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import Sealed, encode, open_envelope
from thoughtengine.storage.keyspace import (
    APPRAISAL,
    CARRIED,
    CURSOR,
    FIRST_NEW,
    LOWERED,
    MEMORY,
    NAME,
    ORIGIN,
    RECEIPT,
    STATE,
    TERMS,
    VECTOR,
    Area,
)
from thoughtengine.storage.origin import CarriedRecord, CursorRecord, LoweredRecord, OriginRecord, StateRecord

__all__ = ["PHASES", "Sweep", "row_digest", "rows_of"]

PHASES = ("P1 storage", "P2 layers", "P3 thought engine", "P4 integration")
_OF_PHASE = ((ORIGIN, CARRIED), (MEMORY, APPRAISAL), (STATE,), (TERMS, NAME))
_ROWS, _BYTES = 2048, 1 << 20
_COMPARED = 1000
_STATES = ("patterns", "learning", "dreams")


class _Name(msgspec.Struct, frozen=True):
    """The part of a name row of format 2 that matters here."""

    id: int


class _Later(msgspec.Struct, frozen=True):
    """The part of a memory of format 2 that matters here."""

    supersedes: int | None = None


class _Forgetting(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A receipt of format 2."""

    verb: str
    at: int
    ids: tuple[int, ...] = ()
    detail: dict[str, Any] = {}


def row_digest(key: bytes, value: bytes) -> bytes:
    """Return the digest by which a row of format 1 is known again."""
    return blake2b(key + b"\0" + value, digest_size=16).digest()


class _Slice:
    """What one slice has done so far: its batch, how far it is, what it counted."""

    def __init__(self, cursor: CursorRecord, seconds: float) -> None:
        self.batch, self.until = Batch(), time.monotonic() + seconds
        self.at, self.next_id, self.next_carried = cursor.at, cursor.next_id, cursor.next_carried
        self.counts, self.memories, self.receipts = dict(cursor.counts), 0, 0
        self.rows = self._bytes = 0
        self.pinned: list[int] = []

    def count(self, word: str, by: int = 1) -> None:
        self.counts[word] = self.counts.get(word, 0) + by

    def full(self, n_bytes: int) -> bool:
        """Note a row; tell whether the slice has had enough."""
        self.rows, self._bytes = self.rows + 1, self._bytes + n_bytes
        return self.rows >= _ROWS or self._bytes >= _BYTES or time.monotonic() >= self.until


class Sweep:
    """Moves through the four phases; every slice can be done again, as it puts what is not there yet.

    Parameters
    ----------
    store : UpgradingStore
        Its `before` is the old generation.
    index : callable
        Makes the derived rows of a memory.
    at : int
        Microseconds since 1970, for receipts.

    Attributes
    ----------
    cursor : CursorRecord
        As it stands in the store.
    """

    def __init__(self, store: UpgradingStore, index: Index, *, at: int) -> None:
        if store.before is None or store.pointer.upgrade is None:
            raise ValueError("there is no old generation to sweep")
        self._store, self._index, self._at = store, index, at
        self._before: Before = store.before
        self._again = store.pointer.upgrade.again
        self._onward = Onward(self._before)
        self._made = 0, b""  # the last memory that was made, and its key in format 1
        self._numbers: dict[bytes, int] | None = None
        self._is_used = True  # whether anything new was remembered since it was begun
        self._sweeps: tuple[Callable[[_Slice], bool], ...] = (
            self._storage, self._layers, self._engine, self._integration,
        )  # fmt: skip
        first = CursorRecord(next_id=store.head.next_id if self._again else 1)
        self.cursor = store.get(CURSOR, 0, CursorRecord) or first
        self._note_swept()

    @property
    def done(self) -> bool:
        """Whether all phases are through."""
        return self.cursor.step >= len(PHASES)

    @property
    def phase(self) -> str:
        """Name of the phase that runs, or was the last."""
        return PHASES[min(self.cursor.step, len(PHASES) - 1)]

    def slice(self, seconds: float = 60.0) -> bool:
        """Do a slice, at most 2,048 rows or for `seconds`, and commit it; tell whether a phase ended with it."""
        with self._store.writing:
            done, store = _Slice(self.cursor, seconds), self._store
            ended = self._sweeps[self.cursor.step](done)
            cursor = CursorRecord(
                step=self.cursor.step + ended,
                at=b"" if ended else done.at,
                next_id=done.next_id,
                next_carried=done.next_carried,
                counts=done.counts,
            )
            done.batch.put(CURSOR, 0, cursor)
            store.commit(
                done.batch,
                sync=ended,
                memories=store.head.memories + done.memories,
                next_id=max(store.head.next_id, done.next_id),
                next_receipt=store.head.next_receipt + done.receipts,
            )
            self.cursor = cursor
            self._note_swept()
        return ended

    def _note_swept(self) -> None:
        step, at = self.cursor.step, self.cursor.at
        self._store.swept = FIRST_NEW if step > 1 else ORIGIN.number(at) if step == 1 and at else 0
        self._store.indexed = FIRST_NEW if step > 3 else MEMORY.number(at) if step == 3 and at else 0

    def drop_phases(self, keep: int) -> None:
        """Drop what the phases behind the first `keep` wrote; what the user wrote stays.

        The generation is written anew without it, as an erasure does.
        """
        with self._store.writing:
            if keep >= self.cursor.step:
                return
            drop = {key for area in _OF_PHASE[keep:] for each in area for key in self._swept_rows(each)}
            batch = Batch()
            cursor = msgspec.structs.replace(self.cursor, step=keep, at=b"")
            batch.put(CURSOR, 0, cursor)
            self.cursor = cursor
            self._note_swept()
            self._store.rewrite(drop, batch, whole=False)

    def _swept_rows(self, area: Area) -> Iterator[bytes]:
        """Yield the keys that the sweep wrote in an area: those of old memories."""
        for key, value in self._store.raw(area):
            if not self._store.held(key):
                continue
            if area is NAME:
                named: int = msgspec.msgpack.decode(open_envelope(key, value, NAME).body)["id"]
                if named < FIRST_NEW:
                    yield key
            elif area.number(key) < FIRST_NEW:
                yield key

    # phase 1: the bytes of every row under its new key

    def _storage(self, done: _Slice) -> bool:
        if not self._again:
            return self._origins(done)
        for key, value in self._before.rows(done.at):
            self._take(done, key, value)
            done.at = key
            if done.full(len(value)):
                return False
        self._notice_deleted(done)
        return True

    def _origins(self, done: _Slice) -> bool:
        """Do what `_take` does to a store that was of no later format before: every row of it is new."""
        onward, puts, id_, feels = self._onward, done.batch.puts, done.next_id, self._before.feels
        is_a, emotion_of, key_of, full = (
            onward.layer_of if feels else layer_of,
            onward.emotion_of,
            ORIGIN.key,
            done.full,
        )
        ended = True
        for key, value in onward.rows(done.at):
            if is_a(key):
                emotion = emotion_of(key) if feels else None
                puts[key_of(id_)] = ORIGIN, encode(OriginRecord(key=key, value=value, emotion=emotion))
                id_ += 1
            elif layer_of(key):
                done.count("appraisals")
            else:
                self._carry(done, key, value)
            if full(len(value)):
                ended = False
                break
        done.at = key if done.rows else done.at
        for word, n in (("rows", done.rows), ("memories", id_ - done.next_id)):
            if n:
                done.count(word, n)
        done.next_id = id_
        return ended

    def _take(self, done: _Slice, key: bytes, value: bytes) -> None:
        done.count("rows")
        lowered = self._store.get(LOWERED, key, LoweredRecord) if self._again else None
        same = lowered is not None and lowered.digest == row_digest(key, value) and not self._feels_otherwise(key)
        if not is_memory(self._before, key) and not self._is_new_beside(key):
            if place_of(key).layer:
                done.count("appraisals")
            elif not same:
                self._carry(done, key, value)
        elif lowered is not None and same and self._is_kept(lowered):
            done.count("kept")
        else:
            id_ = lowered.id if lowered is not None and same and lowered.id else done.next_id
            origin = OriginRecord(key=key, value=value, emotion=self._before.emotion_of(key))
            done.batch.put(ORIGIN, id_, origin)
            done.next_id += id_ == done.next_id
            done.count("memories")

    def _is_new_beside(self, key: bytes) -> bool:
        """Tell whether this emotion went down as a memory of its own, whose name an experience bears too, and has changed."""
        if not self._again or place_of(key).layer != "emotion":
            return False
        mine = self._store.get(LOWERED, key, LoweredRecord)
        partner = self._store.get(LOWERED, b"sensory:" + key.partition(b":")[2], LoweredRecord)
        if mine is None or partner is None or mine.id == partner.id:
            return False
        return mine.digest != row_digest(key, self._before.get(key) or b"")

    def _feels_otherwise(self, key: bytes) -> bool:
        """Tell whether a program of format 1 has changed, added or deleted the emotion beside an experience meanwhile."""
        if not key.startswith(b"sensory:"):
            return False
        felt = b"emotion:" + key.partition(b":")[2]
        there, went = self._before.get(felt), self._store.get(LOWERED, felt, LoweredRecord)
        if went is None:
            return there is not None
        if went.id != getattr(self._store.get(LOWERED, key, LoweredRecord), "id", None):
            return False
        return there is None or went.digest != row_digest(felt, there)

    def _is_kept(self, lowered: LoweredRecord) -> bool:
        """Tell whether the memory that went down is here in full: a sweep may have been broken off before it came."""
        return self._store.has(MEMORY, lowered.id) or self._store.has(ORIGIN, lowered.id)

    def _carry(self, done: _Slice, key: bytes, value: bytes) -> None:
        numbers = self._carried_numbers()
        number = numbers.setdefault(key, max(done.next_carried, max(numbers.values(), default=0) + 1))
        done.batch.put(CARRIED, number, CarriedRecord(key=key, value=value))
        done.next_carried = max(done.next_carried, number + 1)
        done.count("components" if place_of(key).component else "unknown")

    def _carried_numbers(self) -> dict[bytes, int]:
        if self._numbers is None:
            self._numbers = {record.key: n for n, record in self._store.rows(CARRIED, CarriedRecord)}
        return self._numbers

    def _notice_deleted(self, done: _Slice) -> None:
        """Forget, with a receipt, what a program of the old format has deleted since it went down."""
        gone = set[int]()
        for key, _ in self._store.raw(LOWERED):
            old = key[1:]
            lowered = self._store.get(LOWERED, old, LoweredRecord)
            if self._before.get(old) is not None or lowered is None:
                continue
            if lowered.id and place_of(old).layer != "emotion":
                gone.update(self._with_earlier(lowered.id))
            elif not lowered.id:
                number = self._carried_numbers().get(old)
                record = self._store.get(CARRIED, number, CarriedRecord) if number else None
                if number and record is not None:
                    done.batch.put(CARRIED, number, msgspec.structs.replace(record, gone=True))
        if gone:
            told = _Forgetting(verb="forget", at=self._at, ids=tuple(sorted(gone)), detail={"by": "format 1"})
            done.batch.put(RECEIPT, self._store.head.next_receipt, told)
            done.receipts += 1
            done.count("deleted since", len(gone))

    def _with_earlier(self, id_: int | None) -> Iterator[int]:
        """Yield a memory and what it is a later version of, which would else stand for its name again."""
        while id_ is not None:
            yield id_
            memory = self._store.get(MEMORY, id_, _Later)
            id_ = None if memory is None else memory.supersedes

    # phase 2: the records of the layers

    def _layers(self, done: _Slice) -> bool:
        if not self._again:
            return self._records(done)
        for id_, origin in self._store.rows(ORIGIN, OriginRecord, after=_number(done.at, ORIGIN.number)):
            if not (self._again and self._store.held(MEMORY.key(id_))):  # else what is put again is the same
                self._make(done, id_, origin)
            done.at = ORIGIN.key(id_)
            if done.full(len(origin.value)):
                self._pin(done)
                return False
        self._pin(done)
        return True

    def _records(self, done: _Slice) -> bool:
        """Do what `_make` does of all origins, from the rows that they are the bytes of: these need no envelope opened."""
        id_ = ORIGIN.number(done.at) if done.at else 0
        if id_ != self._made[0]:  # it goes on where another process had come to
            origin = self._store.get(ORIGIN, id_, OriginRecord)
            self._made = id_, b"" if origin is None else origin.key
        onward, at, feels = self._onward, self._made[1], self._before.feels
        is_a, emotion_of, key_of, full = (
            onward.layer_of if feels else layer_of,
            onward.emotion_of,
            MEMORY.key,
            done.full,
        )
        puts, n_layers = done.batch.puts, [0] * len(LAYERS)
        ended, compared = True, done.counts.get("compared", 0)
        for key, value in onward.rows(at):
            at = key
            if layer := is_a(key):
                id_ += 1
                memory, appraisal = layers_up(key, value, emotion_of(key) if feels else None, layer=layer)
                puts[key_of(id_)] = MEMORY, encode(memory)
                if appraisal is not None:
                    puts[APPRAISAL.key(id_)] = APPRAISAL, encode(appraisal)
                n_layers[memory.layer] += 1
                if memory.payload is value:
                    done.count("as bytes")
                elif compared < _COMPARED:
                    compared += 1
                    self._compare(done, layer, key, value)
            if full(len(value)):
                ended = False
                break
        for layer, n in zip(LAYERS, n_layers, strict=True):
            if n:
                done.count(layer, n)
        done.at, self._made = ORIGIN.key(id_), (id_, at)
        return ended

    def _compare(self, done: _Slice, layer: str, key: bytes, value: bytes) -> None:
        """Count what the new processor makes differently of an old record."""
        done.count("compared")
        for name in differences(key, value):
            done.count(f"differs: {layer}.{name}")

    def _make(self, done: _Slice, id_: int, origin: OriginRecord) -> None:
        lowered = self._store.get(LOWERED, origin.key, LoweredRecord) if self._again else None
        supersedes = lowered.id if lowered is not None and lowered.id not in (0, id_) else None
        made = merged(self._store, origin, supersedes)
        memory = made.memory if self._bears(made.memory.key, supersedes) else made.named(origin)
        done.batch.put(MEMORY, id_, memory)
        if made.appraisal is not None:
            done.batch.put(APPRAISAL, id_, made.appraisal)
        if made.vector is not None:
            done.batch.put_body(VECTOR, id_, made.vector)
        if supersedes is not None and is_pinned(self._store, supersedes):
            done.pinned.append(id_)
        done.memories += self._again  # else they were counted when the upgrade began
        layer = LAYERS[memory.layer]
        done.count(layer)
        if memory.payload is origin.value:
            done.count("as bytes")
        elif done.counts.get("compared", 0) < _COMPARED:
            self._compare(done, layer, origin.key, origin.value)

    def _bears(self, key: str | None, id_: int | None) -> bool:
        """Tell whether a name is still that of the memory that is changed, so that it goes over to the later version."""
        named = None if key is None or id_ is None else self._store.get(NAME, key, _Name)
        return named is None or named.id == id_

    def _pin(self, done: _Slice) -> None:
        """Pin, with a receipt, the later versions of what was pinned."""
        if done.pinned:
            told = _Forgetting(verb="pin", at=self._at, ids=tuple(done.pinned), detail={"by": "format 1"})
            done.batch.put(RECEIPT, self._store.head.next_receipt + done.receipts, told)
            done.receipts += 1

    # phase 3: what the thought engine had learned

    def _engine(self, done: _Slice) -> bool:
        for _, row in self._store.rows(CARRIED, CarriedRecord):
            component = place_of(row.key).component
            if component and not row.gone:
                self._make_state(done, component, row.value)
        return True

    def _make_state(self, done: _Slice, component: str, value: bytes) -> None:
        made = self.state_of(component, value)
        if made is None:
            done.count("component without JSON")
            return
        number, state = made
        done.batch.put(STATE, number, state)
        done.count(component, state.n_entries)
        done.count("references", state.n_references)
        done.count("references to nothing", state.n_unresolved)

    def state_of(self, component: str, value: bytes) -> tuple[int, StateRecord] | None:
        """Return what a component's row becomes, and its number; None for what is no JSON."""
        try:
            return _STATES.index(component) + 1, StateRecord(**engine_up(component, value, self._resolve))
        except ValueError:
            return None

    def _resolve(self, name: str) -> int | None:
        for key in candidates(name):
            if self._again:
                row = self._store.get(NAME, key, _Name)
                id_ = None if row is None else row.id
            else:
                id_ = self._before.id_of(key)
            if id_ is not None:
                return id_
        return None

    # phase 4: what is derived from them

    def _integration(self, done: _Slice) -> bool:
        if self._again:  # receipts may have come too: all of it is built again
            return True
        after = _number(done.at, MEMORY.number)
        self._is_used = self._store.head.next_id > FIRST_NEW
        for key, value in self._store.raw(MEMORY, after=after):
            id_ = MEMORY.number(key)
            if id_ >= FIRST_NEW:
                break
            self._derive(done, id_, open_envelope(key, value, MEMORY))
            done.at = key
            if done.full(len(value)):
                return False
        return True

    def _derive(self, done: _Slice, id_: int, memory: Sealed) -> None:
        felt = self._store._get(APPRAISAL.key(id_)) if memory.flags else None
        appraisal = None if felt is None else open_envelope(APPRAISAL.key(id_), felt, APPRAISAL).body
        entry, name, named = self._index(id_, memory.body, appraisal)
        done.batch.put_body(TERMS, id_, entry)
        if named and not (
            self._is_used and self._store.held(NAME.key(named))
        ):  # else a later one of the user's bears it
            done.batch.put_body(NAME, named, name)
        done.count("indexed")


def _number(at: bytes, number: Callable[[bytes], int]) -> int | None:
    return number(at) if at else None


def rows_of(store: UpgradingStore) -> Iterator[tuple[bytes, bytes]]:
    """Yield every row of format 1 that the new generation holds the bytes of."""
    for _, origin in store.rows(ORIGIN, OriginRecord):
        yield origin.key, origin.value
        if origin.emotion is not None:
            yield b"emotion:" + origin.key[8:], origin.emotion
    for _, row in store.rows(CARRIED, CarriedRecord):
        if not row.gone:
            yield row.key, row.value
