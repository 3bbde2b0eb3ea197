"""Likeness: which memories are closest in meaning to a cue, over the blocks of the segments and the newest vectors."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.memory.arrays import foremost
from thoughtengine.memory.segment import Segment
from thoughtengine.memory.vectors import Block
from thoughtengine.memory.view import View

__all__ = ["Likeness"]

_IMAGINED = 10.0  # memories without any likeness, so that the first few do not set what is usual


class Likeness:
    """Cosines between one cue and the memories of a view, in one of their vectors.

    Parameters
    ----------
    view : View
        The index.
    name : str
        Which vectors: a name in `Segment.blocks`.
    unit : array of float32, shape (d,)
        The cue, of length 1.
    maths : module
        `arrays` or `kernels`.
    """

    def __init__(self, view: View, name: str, unit: SingleArray, maths: ModuleType) -> None:
        self._view, self._name, self._unit, self._maths = view, name, unit, maths
        self._blocks = [(segment, segment.blocks[name]) for segment in view.segments if name in segment.blocks]
        places, matrix = view.newest.get(name, (np.empty(0, np.int32), np.empty((0, len(unit)), np.float32)))
        self._newest_places = places.astype(np.int64) + view.tail.start
        self._newest: FloatArray = np.vecdot(matrix, unit).astype(
            np.float64
        )  # not `@`: that may wait for threads of BLAS
        self.usual = self._usual()

    def _usual(self) -> float:
        """Return the mean cosine of all memories, at least 0."""
        total = float(self._newest.sum()) + sum(len(b) * float(b.centre @ self._unit) for _, b in self._blocks)
        n = len(self._newest) + sum(len(block) for _, block in self._blocks)
        return max(total / (n + _IMAGINED), 0.0)

    def closest(self, wanted: int, chosen: IntArray | None) -> tuple[IntArray, FloatArray]:
        """Return (positions, cosines) of the `wanted` closest among `chosen` (ascending; None: all), in no order."""
        found = [self._newest_among(chosen)]
        for segment, block in self._blocks:
            among = None if chosen is None else _rows(segment, block, chosen)
            if among is None or len(among):
                rows, cosines = block.closest(self._unit, wanted, self._maths, among)
                found.append((block.rows[rows].astype(np.int64) + segment.start, cosines))
        if len(found) == 2 and not len(found[0][0]):  # all of them in one block
            return found[1]
        positions = np.concatenate([at for at, _ in found])
        cosines = np.concatenate([value for _, value in found])
        best = foremost(np.where(positions < self._view.n, cosines + 2.0, 0.0), wanted)
        return positions[best], cosines[best]

    def _newest_among(self, chosen: IntArray | None) -> tuple[IntArray, FloatArray]:
        if chosen is None:
            return self._newest_places, self._newest
        inside = np.isin(self._newest_places, chosen)
        return self._newest_places[inside], self._newest[inside]

    def at(self, places: IntArray) -> FloatArray:
        """Return the cosines of some memories, positions ascending; -1 without a vector."""
        cosines = np.full(len(places), -1.0)
        for segment, block in self._blocks:
            left, right = places.searchsorted((segment.start, segment.stop))
            if left < right:
                rows, there = _found(block, len(segment), places[left:right] - segment.start)
                cosines[left:right][there] = block.cosines(self._unit, rows, self._maths)
        if len(self._newest_places):
            left = int(places.searchsorted(self._view.tail.start))
            at = self._newest_places.searchsorted(places[left:])
            at = np.minimum(at, len(self._newest_places) - 1)
            there = self._newest_places[at] == places[left:]
            cosines[left:][there] = self._newest[at[there]]
        return cosines


def _rows(segment: Segment, block: Block, chosen: IntArray) -> IntArray:
    """Return the rows of a block whose memories are among positions, ascending."""
    left, right = chosen.searchsorted((segment.start, segment.stop))
    return _found(block, len(segment), chosen[left:right] - segment.start)[0]


def _found(block: Block, size: int, places: IntArray) -> tuple[IntArray, IntArray | slice]:
    """Return the rows of places that have one, and which of the places those are."""
    if len(block) == size:
        return places, slice(None)
    at = np.minimum(block.rows.searchsorted(places), len(block) - 1)
    there = np.flatnonzero(block.rows[at] == places)
    return at[there], there
