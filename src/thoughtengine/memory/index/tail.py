"""Tail: postings of the newest memories, still growing."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import IntArray
from thoughtengine.memory.index.analysis import TAGS
from thoughtengine.memory.index.entry import Entry

__all__ = ["Tail", "hashes_of"]

Packed = NDArray[np.uint32]


def hashes_of(entry: Entry) -> tuple[bytes, bytes]:
    """Return every hash under which a memory is listed, and how often each occurs in it (a byte each)."""
    tags = array("Q", {TAGS[tag] for tag in entry.tags}).tobytes() if entry.tags else b""
    hashes = entry.terms + entry.labels + tags
    return hashes, entry.counts + b"\1" * ((len(hashes) >> 3) - len(entry.counts))


class Tail:
    """Postings of the newest memories: one writer appends while readers look only at positions they know of.

    Attributes
    ----------
    start : int
        Position of its first memory.
    entries : list of Entry
        From there on; sealing cuts a segment from them.
    """

    __slots__ = ("_postings", "entries", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.entries: list[Entry] = []
        self._postings: dict[int, array[int]] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def append(self, entry: Entry) -> None:
        """Add the memory at the next position."""
        once = len(self.entries) << 8
        postings = self._postings
        hashes, counts = hashes_of(entry)
        for key, count in zip(memoryview(hashes).cast("Q"), counts, strict=True):
            known = postings.get(key)
            if known is None:
                postings[key] = array("I", (once | count,))
            else:
                known.append(once | count)
        if entry.fold:
            postings.setdefault(entry.fold, array("I")).append(once | 1)
        self.entries.append(entry)

    def find(self, hashes: Sequence[int], n: int) -> tuple[Packed, IntArray]:
        """Return postings ``place << 8 | count`` of the first `n` memories and bounds (t + 1,): hash i's lie from i to i + 1."""
        known = self._postings
        parts = [known.get(key, _NOTHING) for key in hashes]
        sizes = [0]
        taken = []
        for part in parts:  # a copy of each: the writer may append meanwhile
            data = part[: bisect_left(part, n << 8)].tobytes()
            taken.append(data)
            sizes.append(sizes[-1] + (len(data) >> 2))
        return np.frombuffer(b"".join(taken), np.uint32), np.array(sizes, np.int64)


_NOTHING: array[int] = array("I")
