"""The sweep from format 1 into the new generation: a slice at a time, the cursor in the same batch as what it has done."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b

import msgspec

from thoughtengine.errors import StoreError
from thoughtengine.migrations.ahead import Slices
from thoughtengine.migrations.before import Before, Onward
from thoughtengine.migrations.lift import Lifted, differing, lift
from thoughtengine.migrations.overlay import Index, UpgradingStore
from thoughtengine.migrations.v0001_flat import LAYERS, layer_of, place_of
from thoughtengine.migrations.v0002_envelopes import Memory, candidates, engine_up
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import Sealed, body_of, encode, open_envelope
from thoughtengine.storage.contract import Rows
from thoughtengine.storage.keyspace import (
    APPRAISAL,
    CARRIED,
    CURSOR,
    FIRST_NEW,
    MEMORY,
    NAME,
    ORIGIN,
    STATE,
    TERMS,
    Area,
)
from thoughtengine.storage.origin import CarriedRecord, CursorRecord, OriginRecord, StateRecord

__all__ = ["INDEXED", "PHASES", "Slice", "Sweep", "row_digest", "rows_of"]

PHASES = ("P1 storage", "P2 layers", "P3 thought engine", "P4 integration")
_OF_PHASE = ((ORIGIN, CARRIED), (MEMORY, APPRAISAL), (STATE,), (TERMS, NAME))
_ROWS, _BYTES = 2048, 1 << 20
_SHORT, _FEW, _MANY = 0.01, 16, 256  # of a short slice, and of a long one: rows between two looks at the clock, at most
INDEXED = 3  # the phase whose rows take so long to make that writing them meanwhile would gain nothing but memory
COMPARED = 1000
_STATES = ("patterns", "learning", "dreams")


def row_digest(key: bytes, value: bytes) -> bytes:
    """Return the digest by which a row of format 1 is known again."""
    return blake2b(key + b"\0" + value, digest_size=16).digest()


def _counted_in(word: str) -> int:
    """Return the phase that counts a word."""
    if word == "indexed":
        return 3
    if word in (*_STATES, "references", "references to nothing", "component without JSON"):
        return 2
    return 0 if word in ("rows", "memories", "appraisals", "components", "unknown", "kept", "deleted since") else 1


class Slice:
    """What one slice has done so far: its batch, how far it is, what it counted.

    Parameters
    ----------
    cursor : CursorRecord
        Where it begins.
    seconds : float
        How long it may take.

    Attributes
    ----------
    begun, cursor : CursorRecord
        Where it begins, and where the next one does.
    made : (int, bytes)
        Of the second phase: the last memory that was made, and the last key of format 1 that was looked at.
    """

    def __init__(self, cursor: CursorRecord, seconds: float, made: tuple[int, bytes] = (0, b"")) -> None:
        self.made = made
        self.batch, self.until = Batch(), time.monotonic() + seconds
        self.begun = self.cursor = cursor
        self.at, self.next_id, self.next_carried = cursor.at, cursor.next_id, cursor.next_carried
        self.counts, self.memories, self.receipts = dict(cursor.counts), 0, 0
        self.rows = self._bytes = 0
        self._share, self._most = 1, _FEW if seconds < _SHORT else _MANY

    def count(self, word: str, by: int = 1) -> None:
        """Count what was met or done."""
        self.counts[word] = self.counts.get(word, 0) + by

    def quarantine(self, memory: Memory, value: bytes) -> None:
        """Count a row that the step raised on; its origin has the bytes."""
        self.count("quarantined")
        if memory.payload is value:
            self.count("quarantined as bytes")

    def share(self) -> int:
        """Return how many rows to take before `full` is asked: few at first, as nobody knows what one takes."""
        share, self._share = self._share, min(2 * self._share, self._most)
        return min(share, _ROWS - self.rows)

    def full(self, n_bytes: int, n_rows: int = 1) -> bool:
        """Note rows; tell whether the slice has had enough."""
        self.rows, self._bytes = self.rows + n_rows, self._bytes + n_bytes
        return self.rows >= _ROWS or self._bytes >= _BYTES or time.monotonic() >= self.until

    def end(self, phase_ended: bool) -> None:
        """Put the cursor into the batch."""
        self.cursor = CursorRecord(
            step=self.begun.step + phase_ended,
            at=b"" if phase_ended else self.at,
            next_id=self.next_id,
            next_carried=self.next_carried,
            counts=self.counts,
        )
        self.batch.put(CURSOR, 0, self.cursor)


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

    _looks_ahead = True  # whether a slice can be made while the one before it is written

    def __init__(self, store: UpgradingStore, index: Index, *, at: int) -> None:
        if store.before is None or store.pointer.upgrade is None:
            raise ValueError("there is no old generation to sweep")
        self._store, self._index, self._at = store, index, at
        self._before: Before = store.before
        self._onward = Onward(self._before)
        self._made = 0, b""  # as in `Slice`
        self._numbers: dict[bytes, int] | None = None
        self._seconds = 0.0  # that a slice may take
        self._slices = Slices(store, self._make_slice, self._write)
        self._is_used = True  # whether anything new was remembered since it was begun
        self._sweeps: tuple[Callable[[Slice], bool], ...] = (
            self._storage, self._layers, self._engine, self._integration,
        )  # fmt: skip
        self.cursor = store.get(CURSOR, 0, CursorRecord) or self._first()
        self._note_swept()

    def _first(self) -> CursorRecord:
        return CursorRecord(next_id=1)

    @property
    def done(self) -> bool:
        """Whether all phases are through."""
        return self.cursor.step >= len(PHASES)

    @property
    def phase(self) -> str:
        """Name of the phase that runs, or was the last."""
        return PHASES[min(self.cursor.step, len(PHASES) - 1)]

    def slice(self, seconds: float = 60.0, *, ahead: bool = False) -> bool:
        """Do a slice, at most 2,048 rows or for `seconds`, and commit it; tell whether a phase ended with it.

        `ahead`: make the next one meanwhile, which counts if nothing else was written until it is asked for.
        """
        begun, self._seconds = self.cursor.step, seconds
        done = self._slices.one(
            lambda done: ahead and self._looks_ahead and done.cursor.step == done.begun.step < INDEXED
        )
        return done.cursor.step > begun

    def _make_slice(self, before: Slice | None) -> Slice:
        at, made = (self.cursor, self._made) if before is None else (before.cursor, before.made)
        done = Slice(at, self._seconds, made)
        done.end(self._sweeps[at.step](done))
        return done

    def _write(self, done: Slice) -> int:
        head = self._store.head
        sequence = self._store.commit(
            done.batch,
            sync=done.cursor.step > done.begun.step,
            memories=head.memories + done.memories,
            next_id=max(head.next_id, done.next_id),
            next_receipt=head.next_receipt + done.receipts,
        )
        self.cursor, self._made = done.cursor, done.made
        self._note_swept()
        return sequence

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
            counts = {word: n for word, n in self.cursor.counts.items() if _counted_in(word) < keep}
            cursor = msgspec.structs.replace(self.cursor, step=keep, at=b"", counts=counts)
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
                named: int = msgspec.msgpack.decode(body_of(key, value, NAME))["id"]
                if named < FIRST_NEW:
                    yield key
            elif area.number(key) < FIRST_NEW:
                yield key

    # phase 1: the bytes of every row under its new key

    def _storage(self, done: Slice) -> bool:
        onward, last, at, ended = self._onward, done.next_id - 1, done.at, True
        while rows := onward.some(at, done.share()):
            memories, layers = rows, onward.layers_of(rows)
            if "" in layers:
                memories = [row for row, layer in zip(rows, layers, strict=True) if layer]
                self._pass_over(done, [row for row, layer in zip(rows, layers, strict=True) if not layer])
            ids = self._ids(last, len(memories))
            bodies = [
                encode(OriginRecord(key=key, value=value, emotion=emotion))
                for (key, value), emotion in zip(memories, onward.emotions_of(memories), strict=False)
            ]
            done.batch.puts[ORIGIN].update(zip(ORIGIN.keys(ids), bodies, strict=True))
            done.count("rows", len(rows))
            if ids:
                done.count("memories", len(ids))
            last, at = ids[-1] if ids else last, rows[-1][0]
            if done.full(onward.n_bytes, len(rows)):
                ended = False
                break
        done.at, done.next_id = at, last + 1
        return ended

    def _pass_over(self, done: Slice, rows: Rows) -> None:
        for key, value in rows:
            if layer_of(key):
                done.count("appraisals")
            else:
                self._carry(done, key, value)

    def _ids(self, last: int, n: int) -> Sequence[int]:
        """Return the ids of the next memories behind one."""
        if self._before.whole:
            return range(last + 1, last + 1 + n)
        return [last := self._before.found(last + 1) for _ in range(n)]

    def _carry(self, done: Slice, key: bytes, value: bytes) -> None:
        numbers = self._carried_numbers()
        number = numbers.setdefault(key, max(done.next_carried, max(numbers.values(), default=0) + 1))
        done.batch.put(CARRIED, number, CarriedRecord(key=key, value=value))
        done.next_carried = max(done.next_carried, number + 1)
        done.count("components" if place_of(key).component else "unknown")

    def _carried_numbers(self) -> dict[bytes, int]:
        if self._numbers is None:
            self._numbers = {record.key: n for n, record in self._store.rows(CARRIED, CarriedRecord)}
        return self._numbers

    # phase 2: the records of the layers

    def _layers(self, done: Slice) -> bool:
        """Make the records from the rows that origins are the bytes of: these need no envelope opened."""
        id_ = ORIGIN.number(done.at) if done.at else 0
        if id_ != done.made[0]:  # it goes on where another process had come to
            origin = self._store.get(ORIGIN, id_, OriginRecord)
            done.made = id_, b"" if origin is None else origin.key
        onward, at, ended = self._onward, done.made[1], True
        while rows := onward.some(at, done.share()):
            n_rows, at, layers = len(rows), rows[-1][0], onward.layers_of(rows)
            if "" in layers:
                rows = [row for row, layer in zip(rows, layers, strict=True) if layer]
                layers = [layer for layer in layers if layer]
            ids = self._ids(id_, len(rows))
            lifted = [
                lift(key, value, emotion, layer=layer)
                for (key, value), emotion, layer in zip(rows, onward.emotions_of(rows), layers, strict=False)
            ]
            bodies = [encode(memory) for memory, _, _ in lifted]
            done.batch.puts[MEMORY].update(zip(MEMORY.keys(ids), bodies, strict=True))
            self._note(done, rows, ids, lifted)
            for layer, n in Counter(layers).items():
                done.count(layer, n)
            id_ = ids[-1] if ids else id_
            if done.full(onward.n_bytes, n_rows):
                ended = False
                break
        done.at, done.made = ORIGIN.key(id_), (id_, at)
        return ended

    def _note(self, done: Slice, rows: Rows, ids: Sequence[int], lifted: list[Lifted]) -> None:
        """Put the appraisals; count what the step raised on, and what the new processor makes differently of the first rows."""
        left = COMPARED - done.counts.get("compared", 0)
        for (key, value), id_, (memory, appraisal, failed) in zip(rows, ids, lifted, strict=True):
            if appraisal is not None:
                done.batch.put(APPRAISAL, id_, appraisal)
            if failed:
                done.quarantine(memory, value)
            if memory.payload is value:
                done.count("as bytes")
            elif left > 0:
                left -= 1
                self._compare(done, LAYERS[memory.layer], key, value)

    def _compare(self, done: Slice, layer: str, key: bytes, value: bytes) -> None:
        """Count what the new processor makes differently of an old record."""
        done.count("compared")
        for name in differing(key, value):
            done.count(f"differs: {layer}.{name}")

    # phase 3: what the thought engine had learned

    def _engine(self, done: Slice) -> bool:
        for _, row in self._store.rows(CARRIED, CarriedRecord):
            component = place_of(row.key).component
            if component and not row.gone:
                self._make_state(done, component, row.value)
        return True

    def _make_state(self, done: Slice, component: str, value: bytes) -> None:
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
        """Return what a component's row becomes, and its number; None for what is no JSON, and what the step raises on."""
        try:
            return _STATES.index(component) + 1, StateRecord(**engine_up(component, value, self._resolve))
        except (StoreError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - of that row: it is carried with its bytes all the same
            return None

    def _resolve(self, name: str) -> int | None:
        for key in candidates(name):
            if (id_ := self._named(key)) is not None:
                return id_
        return None

    def _named(self, key: bytes) -> int | None:
        """Return the id of the memory that a key of format 1 names."""
        return self._before.id_of(key)

    # phase 4: what is derived from them

    def _integration(self, done: Slice) -> bool:
        after = MEMORY.number(done.at) if done.at else None
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

    def _derive(self, done: Slice, id_: int, memory: Sealed) -> None:
        felt = self._store._get(APPRAISAL.key(id_)) if memory.flags else None
        appraisal = None if felt is None else body_of(APPRAISAL.key(id_), felt, APPRAISAL)
        entry, name, named = self._index(id_, memory.body, appraisal)
        done.batch.put_body(TERMS, id_, entry)
        if named and not (
            self._is_used and self._store.held(NAME.key(named))
        ):  # else a later one of the user's bears it
            done.batch.put_body(NAME, named, name)
        done.count("indexed")


def rows_of(store: UpgradingStore, origins: Iterable[OriginRecord]) -> Iterator[tuple[bytes, bytes]]:
    """Yield every row of format 1 that the new generation holds the bytes of; `origins` are all that it has."""
    for origin in origins:
        yield origin.key, origin.value
        if origin.emotion is not None:
            yield b"emotion:" + origin.key[8:], origin.emotion
    for _, row in store.rows(CARRIED, CarriedRecord):
        if not row.gone:
            yield row.key, row.value
