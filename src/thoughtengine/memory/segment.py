"""Segment: immutable postings of a run of memories; Tail: those of the newest, still growing."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
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
        streams.append(
            [array("Q", {TAGS[tag] for tag in entry.tags}).tobytes() if entry.tags else b"" for entry in entries]
        )
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
        hashes = np.concatenate([part.hashes for part in parts])
        sizes = np.concatenate([np.diff(part.bounds) for part in parts])
        offsets = np.cumsum([0, *(len(part.positions) for part in parts)])
        starts = np.concatenate([part.bounds[:-1] + offset for part, offset in zip(parts, offsets, strict=False)])
        order = np.argsort(hashes, kind="stable")  # a merge: the hashes of each part are sorted
        sizes, stops = sizes[order], np.cumsum(sizes[order])
        moved = np.repeat(starts[order] - (stops - sizes), sizes) + np.arange(offsets[-1])
        unique, groups = _groups(hashes[order])
        bounds = np.concatenate(([0], stops))[groups]
        positions = np.concatenate([part.positions for part in parts])[moved]
        counts = np.concatenate([part.counts for part in parts])[moved]
        return cls(parts[0].start, parts[-1].stop, unique, bounds, positions, counts)

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
        self._postings: defaultdict[int, list[int]] = defaultdict(list)

    def append(self, entry: Entry) -> None:
        """Add the memory at the next position."""
        once = self.start + len(self.entries) << 8
        postings = self._postings
        for key, count in zip(memoryview(entry.terms).cast("Q"), entry.counts, strict=True):
            postings[key].append(once | count)
        once |= 1
        for key in memoryview(entry.labels).cast("Q"):
            postings[key].append(once)
        for tag in set(entry.tags):
            postings[TAGS[tag]].append(once)
        if entry.fold:
            postings[entry.fold].append(once)
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
