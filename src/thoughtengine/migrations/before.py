"""The generation that an upgrade leaves, read-only: its rows in order, and the rank of each key among the memories."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice, repeat

from thoughtengine.migrations.v0001_flat import COMPONENTS, LAYERS, layer_of
from thoughtengine.storage.contract import PAGE, Rows
from thoughtengine.storage.store import Level

__all__ = ["Before", "Onward", "Runs", "is_memory"]

Runs = tuple[tuple[int, int], ...]
"""Runs of ids, rising: the first of each, and how many."""

_EVERY = 128
_BYTES = 1 << 20  # of some rows
_FAR = 64  # rows walked along before a name is sought
_PAGE = 4 * PAGE  # keys, without their values


def is_memory(before: Before, key: bytes) -> bool:
    """Tell whether a row becomes a memory of its own: one of the five layers, and no emotion beside an experience."""
    layer = layer_of(key)
    if layer != "emotion":
        return bool(layer)
    return before.get(b"sensory:" + key.partition(b":")[2]) is None


class Onward:
    """Memories of the old generation in order: goes on where it was, so that short slices read no page twice.

    Parameters
    ----------
    before : Before
        The generation; it never changes.

    Attributes
    ----------
    n_bytes : int
        Of the values that `some` has returned last.
    """

    def __init__(self, before: Before) -> None:
        self._before = before
        self._page: Rows = []
        self._place, self._at, self.n_bytes = 0, b"", 0
        self._emotions, self._senses = _Along(before, b"emotion:"), _Along(before, b"sensory:")

    def some(self, after: bytes, most: int) -> Rows:
        """Return the next rows behind a key, in order, at most so many, or as fit in a mebibyte; none where there are no more."""
        if after != self._at or self._place >= len(self._page):
            self._page, self._place = self._before.page(after + b"\x00" if after else b"", None), 0
        rows = self._page[self._place : self._place + most]
        self.n_bytes = sum([len(value) for _, value in rows])
        if self.n_bytes > _BYTES:
            sizes = list(accumulate([len(value) for _, value in rows]))
            rows = rows[: max(1, bisect_right(sizes, _BYTES))]
            self.n_bytes = sizes[len(rows) - 1]
        self._place, self._at = self._place + len(rows), rows[-1][0] if rows else after
        return rows

    def layers_of(self, rows: Rows) -> list[str]:
        """Return `layer_of` each of some rows in order: most stand between two of one layer, and are of it too."""
        first = rows[0][0]
        layer, begins = layer_of(first), first[: first.find(b":") + 1]
        keys = [key for key, _ in rows]
        if layer in ("", "emotion") or not keys[-1].startswith(begins) or not b"".join(keys).isascii():
            return [self.layer_of(key) for key in keys]
        return [layer] * len(keys)

    def layer_of(self, key: bytes) -> str:
        """Return the layer of a memory, empty for what is none: `is_memory`, for keys that rise."""
        layer = layer_of(key)
        if layer != "emotion" or not self._before.feels:
            return layer
        return "" if self._senses.get(key[8:]) is not None else layer

    def emotions_of(self, rows: Rows) -> Iterable[bytes | None]:
        """Return `emotion_of` each of some rows in order, and more where there are no emotions."""
        return [self.emotion_of(key) for key, _ in rows] if self._before.feels else repeat(None)

    def emotion_of(self, key: bytes) -> bytes | None:
        """Return the value of the emotion beside an experience: `Before.emotion_of`, for keys that rise."""
        return self._emotions.get(key[8:]) if self._before.feels and key.startswith(b"sensory:") else None


class _Along:
    """Values of one layer by name, for names that rise: its rows are read once, in order, and not looked up."""

    def __init__(self, before: Before, prefix: bytes) -> None:
        self._before, self._prefix, self._stop = before, prefix, prefix[:-1] + b";"
        self._rows: Rows = []
        self._place, self._from = 0, b""

    def get(self, name: bytes) -> bytes | None:
        """Return the value under a name."""
        key, rows, place = self._prefix + name, self._rows, self._place
        if not self._from <= key:  # somebody has begun anew
            rows, place = [], 0
        for _ in range(_FAR):
            if place >= len(rows):
                break
            found, value = rows[place]
            if found >= key:
                self._place, self._from = place, key
                return value if found == key else None
            place += 1
        rows = self._before.page(key, self._stop)
        self._rows, self._place, self._from = rows, 0, key
        return (
            rows[0][1] if rows and rows[0][0] == key else self._before.get(key)
        )  # a scan passes over a damaged last block


class Before:
    """Rows of format 1.

    Parameters
    ----------
    level : Level
        Open; nobody writes to it.
    lost : runs of ids
        Memories that damage has taken from it.

    Notes
    -----
    The old keys never change while it is read, so the rank of a key among the memories is stable: it is the id, where those
    that were lost are counted too. Every 128th key is kept in memory, from the first call by rank or name on; that costs one
    scan of the keys.
    """

    def __init__(self, level: Level, lost: Runs = ()) -> None:
        self._level, self._lost = level, lost
        self._shifts = list(accumulate((n for _, n in lost), initial=0))
        self._shifted = [first - shift for (first, _), shift in zip(lost, self._shifts, strict=False)]  # ranks
        self._guard = threading.Lock()
        self._marks: list[bytes] | None = None  # keys of the ids 1, 129, 257 …
        self.n_memories = 0
        self.feels = bool(level.page(b"emotion:", b"emotion;", 1, False))

    def get(self, key: bytes) -> bytes | None:
        """Return the value under a key."""
        return self._level.get(key)

    def page(self, start: bytes, stop: bytes | None) -> Rows:
        """Return the next rows from a key on."""
        return self._level.page(start, stop, PAGE, False)

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

    def top(self) -> int:
        """Return the highest id."""
        return self._id(self.count())

    @property
    def whole(self) -> bool:
        """Whether damage has taken nothing from it: then `found` is the id itself."""
        return not self._lost

    def found(self, id_: int) -> int:
        """Return an id, or where it was lost the next one that was not."""
        return self._id(self._rank(id_)) if self._lost else id_

    def _id(self, rank: int) -> int:
        return rank + self._shifts[bisect_right(self._shifted, rank)]

    def _rank(self, id_: int) -> int:
        """Return how many there are up to an id, of one that was lost up to the next."""
        place = bisect_right(self._lost, (id_, 1 << 62)) - 1
        if place < 0:
            return id_
        first, n = self._lost[place]
        return id_ - self._shifts[place + 1] if id_ >= first + n else self._shifted[place]

    def keys(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Yield (id, key) of the ids from `first` to `last`, both included."""
        marks, rank = self._ranked(), self._rank(max(first, 1))
        if rank > self.n_memories:
            return
        for id_, key in self._from(marks, (rank - 1) // _EVERY):
            if id_ > last:
                return
            if id_ >= first:
                yield id_, key

    def _from(self, marks: list[bytes], place: int) -> Iterator[tuple[int, bytes]]:
        """Yield (id, key) from a mark on."""
        for rank, key in enumerate(self._memories(marks[place]), place * _EVERY + 1):
            yield self._id(rank) if self._lost else rank, key

    def id_of(self, key: bytes) -> int | None:
        """Return the id of the memory that a key is, None where it is none."""
        if self._level.get(key) is None or not is_memory(self, key):
            return None
        marks = self._ranked()
        place = bisect_right(marks, key) - 1
        for id_, found in islice(self._from(marks, place), _EVERY):
            if found == key:
                return id_
        return None

    def emotion_of(self, key: bytes) -> bytes | None:
        """Return the value of the emotion beside an experience."""
        return self._level.get(b"emotion:" + key[8:]) if self.feels and key.startswith(b"sensory:") else None

    def abandon(self) -> None:
        """Never touch LevelDB again: called in a forked child."""
        self._level.abandon()

    def close(self) -> None:
        """Close it."""
        self._level.close()
