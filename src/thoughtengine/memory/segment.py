"""Segment: immutable postings of a run of memories; Tail: those of the newest, still growing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import IntArray
from thoughtengine.memory.analysis import TAGS
from thoughtengine.memory.entry import Entry

__all__ = ["Segment", "Tail"]

HashArray = NDArray[np.uint64]


class Segment:
    """Postings of the memories at positions [start, stop): for each hash, ascending, where it occurs and how often.

    Attributes
    ----------
    start, stop : int
        Positions it covers.
    hashes : array of uint64, shape (u,)
        Distinct hashes, ascending: stems of texts, labels, tags, folds.
    bounds : array of int64, shape (u + 1,)
        Postings of hash i are ``[bounds[i], bounds[i + 1])``.
    positions : array of int32
        Ascending for each hash.
    counts : array of uint8
        At most 255.
    """

    __slots__ = ("bounds", "counts", "hashes", "positions", "start", "stop")

    def __init__(self, start: int, stop: int, hashes: HashArray, bounds: IntArray, positions: Any, counts: Any) -> None:
        self.start, self.stop = start, stop
        self.hashes, self.bounds, self.positions, self.counts = hashes, bounds, positions, counts

    def __len__(self) -> int:
        return self.stop - self.start

    @classmethod
    def build(cls, start: int, entries: Sequence[Entry]) -> Segment:
        """Cut a segment from the entries of positions `start` and on."""
        streams = [[entry.terms for entry in entries], [entry.labels for entry in entries]]
        streams.append([np.array([TAGS[tag] for tag in set(e.tags)], "<u8").tobytes() if e.tags else b"" for e in entries])
        streams.append([entry.fold.to_bytes(8, "little") if entry.fold else b"" for entry in entries])
        flat = np.frombuffer(b"".join(chain.from_iterable(streams)), "<u8")
        sizes = np.fromiter(map(len, chain.from_iterable(streams)), np.int64) // 8
        places = np.tile(np.arange(start, start + len(entries), dtype=np.int32), len(streams))
        counts = np.ones(len(flat), np.uint8)
        texts = np.frombuffer(b"".join([entry.counts for entry in entries]), np.uint8)
        counts[: len(texts)] = texts
        order = np.argsort(flat, kind="stable")
        hashes, bounds = _groups(flat[order])
        return cls(start, start + len(entries), hashes, bounds, np.repeat(places, sizes)[order], counts[order])

    @classmethod
    def merge(cls, parts: Sequence[Segment]) -> Segment:
        """Merge adjacent segments, oldest first, into one that answers the same."""
        flat = np.concatenate([np.repeat(part.hashes, np.diff(part.bounds)) for part in parts])
        order = np.argsort(flat, kind="stable")  # a merge: each part is sorted already
        positions = np.concatenate([part.positions for part in parts])[order]
        counts = np.concatenate([part.counts for part in parts])[order]
        return cls(parts[0].start, parts[-1].stop, *_groups(flat[order]), positions, counts)

    def find(self, hashes: HashArray) -> tuple[list[int], list[int]]:
        """Return where the postings of each hash start and stop; equal where there are none."""
        if not len(self.hashes):
            return [0] * len(hashes), [0] * len(hashes)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        there = self.hashes[at] == hashes
        return self.bounds[at].tolist(), self.bounds[at + there].tolist()


def _groups(ordered: HashArray) -> tuple[HashArray, IntArray]:
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    bounds = np.concatenate(([0], edges, [len(ordered)])) if len(ordered) else np.zeros(1, np.int64)
    return ordered[bounds[:-1]], bounds


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
        self._postings: dict[int, list[int]] = {}

    def append(self, entry: Entry) -> None:
        """Add the memory at the next position."""
        place = self.start + len(self.entries) << 8
        postings = self._postings
        hashes = memoryview(entry.terms).cast("Q").tolist()
        singles: Iterable[int] = memoryview(entry.labels).cast("Q").tolist()
        if entry.tags:
            singles = chain(singles, {TAGS[tag] for tag in entry.tags})
        if entry.fold:
            singles = chain(singles, (entry.fold,))
        for key, count in chain(zip(hashes, entry.counts), zip(singles, repeat(1))):
            known = postings.get(key)
            if known is None:
                postings[key] = [place | count]
            else:
                known.append(place | count)
        self.entries.append(entry)

    def find(self, key: int, stop: int) -> IntArray | None:
        """Return ``position << 8 | count`` of the memories before `stop` that have this hash; None for none."""
        known = self._postings.get(key)
        if known is None:
            return None
        packed = np.array(known, np.int64)
        if packed[-1] >> 8 >= stop:
            packed = packed[: packed.searchsorted(stop << 8)]
        return packed
