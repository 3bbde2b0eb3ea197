"""The generation that an upgrade leaves, read-only: its rows in order, and the rank of each key among the memories."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

from thoughtengine.migrations.v0001_flat import COMPONENTS, LAYERS, place_of
from thoughtengine.storage.contract import PAGE
from thoughtengine.storage.store import Level

__all__ = ["Before", "is_memory"]

_EVERY = 128
_PAGE = 4 * PAGE  # keys, without their values


def is_memory(before: Before, key: bytes) -> bool:
    """Tell whether a row becomes a memory of its own: one of the five layers, and no emotion beside an experience."""
    place = place_of(key)
    if not place.layer:
        return False
    return place.layer != "emotion" or before.get(b"sensory:" + key.partition(b":")[2]) is None


class Before:
    """Rows of format 1.

    Parameters
    ----------
    level : Level
        Open; nobody writes to it.

    Notes
    -----
    The old keys never change while it is read, so the rank of a key among the memories is stable: it is the id. Every 128th
    key is kept in memory, from the first call by rank or name on; that costs one scan of the keys.
    """

    def __init__(self, level: Level) -> None:
        self._level = level
        self._guard = threading.Lock()
        self._marks: list[bytes] | None = None  # keys of the ids 1, 129, 257 …
        self.n_memories = 0
        self._feels = bool(level.page(b"emotion:", b"emotion;", 1, False))

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key."""
        return self._level.get(key)

    def rows(self, after: bytes = b"", *, within: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) in order, behind a key; an iterator is held for a page only."""
        start = after + b"\x00" if after else b""
        while page := self._level.page(start, within, PAGE, False):
            yield from page
            start = page[-1][0] + b"\x00"

    def _memories(self, start: bytes) -> Iterator[bytes]:
        """Yield the keys of memories from a key on: only the five ranges of their layers are read."""
        for layer in sorted(LAYERS):
            low, high = max(start, f"{layer}:".encode()), f"{layer};".encode()
            while low < high and (page := self._level.keys(low, high, _PAGE)):
                yield from (key for key in page if is_memory(self, key))
                low = page[-1] + b"\x00"

    def has_any(self) -> bool:
        """Tell whether anything in it is of format 1."""
        return next(self._memories(b""), None) is not None or any(self._level.get(key) for key in COMPONENTS)

    def at_least(self, n: int) -> bool:
        """Tell whether there are so many memories; reads no further than that."""
        return sum(1 for _ in islice(self._memories(b""), n)) >= n

    def _ranked(self) -> list[bytes]:
        with self._guard:
            if self._marks is None:
                marks, n = [], 0
                for key in self._memories(b""):
                    if n % _EVERY == 0:
                        marks.append(key)
                    n += 1
                self.n_memories = n
                self._marks = marks
            return self._marks

    def count(self) -> int:
        """Return how many memories there are."""
        self._ranked()
        return self.n_memories

    def keys(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Yield (id, key) of the ids from `first` to `last`, both included."""
        marks, first = self._ranked(), max(first, 1)
        last = min(last, self.n_memories)
        if first > last:
            return
        id_ = (first - 1) // _EVERY * _EVERY + 1
        for key in self._memories(marks[(first - 1) // _EVERY]):
            if id_ > last:
                return
            if id_ >= first:
                yield id_, key
            id_ += 1

    def id_of(self, key: bytes) -> int | None:
        """Return the id of the memory that a key is, None where it is none."""
        if self._level.get(key) is None or not is_memory(self, key):
            return None
        marks = self._ranked()
        place = bisect_right(marks, key) - 1
        for id_, found in self.keys(place * _EVERY + 1, (place + 1) * _EVERY):
            if found == key:
                return id_
        return None

    def emotion_of(self, key: bytes) -> bytes | None:
        """Return the value of the emotion beside an experience."""
        return self._level.get(b"emotion:" + key[8:]) if self._feels and key.startswith(b"sensory:") else None

    def abandon(self) -> None:
        """Never touch LevelDB again: called in a forked child."""
        self._level.abandon()

    def close(self) -> None:
        """Close it."""
        self._level.close()
