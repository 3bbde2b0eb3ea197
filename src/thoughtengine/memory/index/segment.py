"""Segment: immutable postings and vectors of a run of memories, made in memory or mapped from a file."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import IntArray
from thoughtengine.memory.index.analysis import TAGS
from thoughtengine.memory.index.entry import Entry
from thoughtengine.memory.index.vectors import Block

__all__ = ["LARGEST", "Segment"]

LARGEST = 1 << 24
"""Memories of a segment at most: a posting has 24 bits for the place and 8 for the count."""

HashArray = NDArray[np.uint64]
Packed = NDArray[np.uint32]


class Segment:
    """Postings of the memories at positions [start, stop): for each hash, ascending, where it occurs and how often.

    Attributes
    ----------
    start, stop : int
        Positions it covers.
    hashes : array of uint64, shape (u,)
        Distinct hashes, ascending: stems of texts, labels, tags.
    bounds : array of int64, shape (u + 1,)
        Postings of hash i are ``[bounds[i], bounds[i + 1])``.
    postings : array of uint32
        ``place << 8 | count``: place relative to `start`, ascending for each hash; count at most 255.
    order : array of uint32, shape (stop - start,)
        Places by fold, ascending: where exact repeats lie next to each other.
    block : Block or None
        Vectors, where there are any.
    name : str or None
        Of the file it is mapped from, None where there is none.
    """

    __slots__ = ("block", "bounds", "hashes", "name", "order", "postings", "start", "stop")

    def __init__(
        self,
        start: int,
        stop: int,
        hashes: HashArray,
        bounds: IntArray,
        postings: Packed,
        order: Packed,
        block: Block | None = None,
        name: str | None = None,
    ) -> None:
        self.start, self.stop, self.name = start, stop, name
        self.hashes, self.bounds, self.postings, self.order, self.block = hashes, bounds, postings, order, block

    def __len__(self) -> int:
        return self.stop - self.start

    def __repr__(self) -> str:
        return (
            f"<Segment [{self.start:,}, {self.stop:,}): {len(self.hashes):,} hashes, {len(self.block or ()):,} vectors>"
        )

    @classmethod
    def build(cls, start: int, entries: Sequence[Entry], block: Block | None = None) -> Segment:
        """Cut a segment from the entries of positions `start` and on."""
        streams = [[entry.terms for entry in entries], [entry.labels for entry in entries]]
        streams.append(
            [array("Q", {TAGS[tag] for tag in entry.tags}).tobytes() if entry.tags else b"" for entry in entries]
        )
        flat = np.frombuffer(b"".join(chain.from_iterable(streams)), "<u8")
        sizes = np.fromiter(map(len, chain.from_iterable(streams)), np.int64) // 8
        packed = np.repeat(np.tile(np.arange(len(entries), dtype=np.uint32) << 8, len(streams)), sizes)
        texts = np.frombuffer(b"".join([entry.counts for entry in entries]), np.uint8)
        packed[: len(texts)] |= texts
        packed[len(texts) :] |= 1
        order = np.argsort(flat, kind="stable")
        hashes, bounds = _groups(flat[order])
        folds = np.array([entry.fold for entry in entries], np.uint64)
        by_fold = np.argsort(folds, kind="stable").astype(np.uint32)
        return cls(start, start + len(entries), hashes, bounds, packed[order], by_fold, block)

    @classmethod
    def merge(cls, parts: Sequence[Segment], folds: HashArray, maths: ModuleType) -> Segment:
        """Merge adjacent segments, oldest first, into one that answers the same.

        Parameters
        ----------
        parts : sequence of Segment
            At least one.
        folds : array of uint64
            Those of all their memories.
        maths : module
            `arrays` or `kernels`.
        """
        start = parts[0].start
        hashes, _ = _groups(np.sort(np.concatenate([part.hashes for part in parts])))  # faster than np.unique
        places = [np.searchsorted(hashes, part.hashes) for part in parts]
        ends = np.zeros(len(hashes) + 1, np.int64)
        for part, into in zip(parts, places, strict=True):
            ends[into + 1] += np.diff(part.bounds)
        bounds = np.cumsum(ends)
        postings, filled = np.empty(int(bounds[-1]), np.uint32), bounds[:-1].copy()
        for part, into in zip(parts, places, strict=True):
            maths.lay(part.postings, part.bounds, into, np.uint32((part.start - start) << 8), filled, postings)
        by_fold = np.argsort(folds, kind="stable").astype(np.uint32)
        return cls(start, parts[-1].stop, hashes, bounds, postings, by_fold, _merged_block(parts))

    def with_block(self, block: Block | None) -> Segment:
        """Return this segment with other vectors, in memory alone."""
        return Segment(self.start, self.stop, self.hashes, self.bounds, self.postings, self.order, block)

    def find(self, hashes: HashArray) -> tuple[IntArray, IntArray]:
        """Return where the postings of each hash start and stop; equal where there are none."""
        if not len(self.hashes):
            nothing = np.zeros(len(hashes), np.int64)
            return nothing, nothing
        at = np.minimum(self.hashes.searchsorted(hashes), len(self.hashes) - 1)
        there = self.hashes[at] == hashes
        return self.bounds[at], self.bounds[at + there]

    def with_fold(self, folds: HashArray, wanted: HashArray, maths: ModuleType) -> tuple[IntArray, IntArray]:
        """Return where in `order` each wanted fold begins, and whether it is there: 0, 1, or 2 for more than once.

        Parameters
        ----------
        folds : array of uint64, shape (stop - start,)
            Those of the segment's memories.
        maths : module
            `arrays` or `kernels`.
        """
        firsts, times = np.empty((2, len(wanted)), np.int64)
        maths.first_of(folds, self.order, wanted, firsts, times)
        return firsts, times

    def run_of(self, folds: HashArray, first: int, fold: int) -> IntArray:
        """Return the positions of the memories with a fold, ascending, from where it begins in `order`."""
        last = first
        while last < len(self.order) and folds[self.order[last]] == fold:
            last += 1
        return self.order[first:last].astype(np.int64) + self.start


def _groups(ordered: HashArray) -> tuple[HashArray, IntArray]:
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    bounds = np.concatenate(([0], edges, [len(ordered)])) if len(ordered) else np.zeros(1, np.int64)
    return ordered[bounds[:-1]], bounds


def _merged_block(parts: Sequence[Segment]) -> Block | None:
    """Put the vectors of segments together; those of an encoder that did not make the newest are left out."""
    having = [(part.block, part.start - parts[0].start) for part in parts if part.block is not None]
    if not having:
        return None
    made_by = having[-1][0].made_by
    same = [(block, shift) for block, shift in having if block.made_by == made_by]
    return same[0][0] if len(same) == 1 and not same[0][1] else Block.merge(*zip(*same, strict=True))
