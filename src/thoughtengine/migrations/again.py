"""The sweep of a store that was of this format before: what was kept aside comes back, and what an old program did is merged."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from thoughtengine.migrations.before import is_memory
from thoughtengine.migrations.merge import is_pinned, merged
from thoughtengine.migrations.sweep import COMPARED, Slice, Sweep, row_digest
from thoughtengine.migrations.v0001_flat import LAYERS, place_of
from thoughtengine.migrations.v0002_envelopes import Receipt
from thoughtengine.storage.keyspace import APPRAISAL, CARRIED, LOWERED, MEMORY, NAME, ORIGIN, RECEIPT, VECTOR
from thoughtengine.storage.origin import CarriedRecord, CursorRecord, LoweredRecord, OriginRecord

__all__ = ["SweepAgain"]


class _Name(msgspec.Struct, frozen=True):
    """The part of a name row of format 2 that matters here."""

    id: int


class _Later(msgspec.Struct, frozen=True):
    """The part of a memory of format 2 that matters here."""

    supersedes: int | None = None


class SweepAgain(Sweep):
    """Goes through the phases of a store whose rows are known, changed since, deleted since, or new."""

    _looks_ahead = False  # a slice looks at what those before it have written

    def _first(self) -> CursorRecord:
        return CursorRecord(next_id=self._store.head.next_id)

    # phase 1: the bytes of what is new

    def _storage(self, done: Slice) -> bool:
        for key, value in self._before.rows(done.at):
            self._take(done, key, value)
            done.at = key
            if done.full(len(value)):
                return False
        self._notice_deleted(done)
        return True

    def _take(self, done: Slice, key: bytes, value: bytes) -> None:
        done.count("rows")
        lowered = self._lowered(key)
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
            origin = OriginRecord(key=key, value=value, emotion=self._beside(key, lowered))
            done.batch.put(ORIGIN, id_, origin)
            done.next_id += id_ == done.next_id
            done.count("memories")

    def _lowered(self, key: bytes) -> LoweredRecord | None:
        """Return what went down under a key; None for an emotion whose experience has been deleted: it is on its own now."""
        lowered = self._store.get(LOWERED, key, LoweredRecord)
        if lowered is not None and lowered.id and place_of(key).layer == "emotion":
            sense = b"sensory:" + key.partition(b":")[2]
            partner = self._store.get(LOWERED, sense, LoweredRecord)
            if partner is not None and partner.id == lowered.id and self._before.get(sense) is None:
                return None
        return lowered

    def _is_new_beside(self, key: bytes) -> bool:
        """Tell whether this emotion went down as a memory of its own, whose name an experience bears too, and has changed."""
        if place_of(key).layer != "emotion":
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

    def _beside(self, key: bytes, lowered: LoweredRecord | None) -> bytes | None:
        """Return the emotion beside an experience; None where it went down as a memory of its own, which is here."""
        felt = self._before.emotion_of(key)
        went = None if felt is None else self._store.get(LOWERED, b"emotion:" + key[8:], LoweredRecord)
        if lowered is None or went is None or went.id in (0, lowered.id) or not self._is_kept(went):
            return felt
        return None

    def _is_kept(self, lowered: LoweredRecord) -> bool:
        """Tell whether the memory that went down is here in full: a sweep may have been broken off before it came."""
        return self._store.has(MEMORY, lowered.id) or self._store.has(ORIGIN, lowered.id)

    def _notice_deleted(self, done: Slice) -> None:
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
            told = Receipt(verb="forget", at=self._at, ids=tuple(sorted(gone)), detail={"by": "format 1"})
            done.batch.put(RECEIPT, self._store.head.next_receipt, told)
            done.receipts += 1
            done.count("deleted since", len(gone))

    def _with_earlier(self, id_: int | None) -> Iterator[int]:
        """Yield a memory and what it is a later version of, which would else stand for its name again."""
        while id_ is not None:
            yield id_
            memory = self._store.get(MEMORY, id_, _Later)
            id_ = None if memory is None else memory.supersedes

    # phase 2: the records of what is new

    def _layers(self, done: Slice) -> bool:
        pinned, ended = list[int](), True
        for id_, origin in self._store.rows(ORIGIN, OriginRecord, after=ORIGIN.number(done.at) if done.at else None):
            if not self._store.held(MEMORY.key(id_)):
                self._make(done, id_, origin, pinned)
            done.at = ORIGIN.key(id_)
            if done.full(len(origin.value)):
                ended = False
                break
        if pinned:  # the later versions of what was pinned
            told = Receipt(verb="pin", at=self._at, ids=tuple(pinned), detail={"by": "format 1"})
            done.batch.put(RECEIPT, self._store.head.next_receipt + done.receipts, told)
            done.receipts += 1
        return ended

    def _make(self, done: Slice, id_: int, origin: OriginRecord, pinned: list[int]) -> None:
        lowered = self._lowered(origin.key)
        supersedes = lowered.id if lowered is not None and lowered.id not in (0, id_) else None
        made = merged(self._store, origin, supersedes)
        memory = made.memory if self._bears(made.memory.key, supersedes) else made.named(origin)
        if made.failed:
            done.quarantine(memory, origin.value)
        done.batch.put(MEMORY, id_, memory)
        if made.appraisal is not None:
            done.batch.put(APPRAISAL, id_, made.appraisal)
        if made.vector is not None:
            done.batch.put_body(VECTOR, id_, made.vector)
        if supersedes is not None and is_pinned(self._store, supersedes):
            pinned.append(id_)
        done.memories += 1
        layer = LAYERS[memory.layer]
        done.count(layer)
        if memory.payload is origin.value:
            done.count("as bytes")
        elif done.counts.get("compared", 0) < COMPARED:
            self._compare(done, layer, origin.key, origin.value)

    def _bears(self, key: str | None, id_: int | None) -> bool:
        """Tell whether a name is still that of the memory that is changed, so that it goes over to the later version."""
        named = None if key is None or id_ is None else self._store.get(NAME, key, _Name)
        return named is None or named.id == id_

    # phases 3 and 4

    def _named(self, key: bytes) -> int | None:
        row = self._store.get(NAME, key, _Name)
        return None if row is None else row.id

    def _integration(self, done: Slice) -> bool:
        return True  # receipts may have come too: all of it is built again
