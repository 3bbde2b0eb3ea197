"""Likeness: which memories are closest in meaning to a cue, over the blocks of the segments and the newest vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.memory.index.segment import Segment
from thoughtengine.memory.index.vectors import UNKNOWN, Block, Direction
from thoughtengine.memory.index.view import View

__all__ = ["Likeness"]

_FEW = 10.0  # memories that do not tell what is usual

T = TypeVar("T", np.int32, np.int64)


class Likeness:
    """Cosines between one cue and the memories of a view.

    Parameters
    ----------
    view : View
        The index.
    units : mapping of str to array of float32, shape (d,)
        The cue, of length 1, as each encoder sees it, by fingerprint; vectors of another one are left out.
    maths : module
        `arrays` or `kernels`.
    """

    def __init__(self, view: View, units: Mapping[str, SingleArray], maths: ModuleType) -> None:
        self._view, self._maths = view, maths
        self._cues = {made_by: Direction.of(unit, maths) for made_by, unit in units.items()}
        self._blocks = [
            (segment, block, cue)
            for segment in view.segments
            if (block := segment.block) and (cue := self._fitting(block))
        ]
        self._seen: dict[
            int, tuple[IntArray, FloatArray]
        ] = {}  # first position of a block → what was looked at, its cosines
        self._newest_places, self._newest = _newest(view, units)
        self._zero = {made_by: self._least(made_by) for made_by in units}

    def _fitting(self, block: Block) -> Direction | None:
        cue = self._cues.get(block.made_by)
        return cue if cue is not None and len(cue.unit) == block.dimension else None

    def _least(self, made_by: str) -> float:
        """Return the cosine from which on likeness counts: two deviations below the mean, or 0 where that is below it.

        The vectors of some encoders lie in a narrow cone.
        """
        mine = [(block, cue) for _, block, cue in self._blocks if block.made_by == made_by]
        newest = self._newest if made_by == self._view.made_by else self._newest[:0]
        sizes = [len(block) for block, _ in mine] + [len(newest)]
        if not (n := sum(sizes)):
            return 0.0
        means = [block.mean(cue) for block, cue in mine] + [float(newest.mean()) if len(newest) else 0.0]
        mean = sum([size * value for size, value in zip(sizes, means, strict=True)]) / n
        if mean <= 0.0:  # then two deviations below are, too
            return 0.0
        of = [block.variance(cue, self._maths) for block, cue in mine] + [float(newest.var()) if len(newest) else 0.0]
        rows = zip(sizes, means, of, strict=True)
        spread = math.sqrt(sum([size * (one + (value - mean) ** 2) for size, value, one in rows]) / n)
        return min(max((mean - 2.0 * spread) * n / (n + _FEW), 0.0), 0.999)

    def gains(self, places: IntArray) -> FloatArray:
        """Return how close the meaning of some memories is, positions ascending, in [0, 1]; 0 without a vector."""
        gains = np.zeros(len(places))
        for segment, block, cue in self._blocks:
            left, right = _between(places, segment)
            if left < right:
                rows, having = _found(block, segment, places[left:right])
                known = self._seen.get(segment.start, UNKNOWN)
                gains[left:right][having] = self._above(block.cosines(cue, rows, self._maths, known), block.made_by)
        if len(self._newest):
            left = int(places.searchsorted(self._newest_places[0]))
            there = _beside(self._newest_places, places[left:])
            mine = np.where(there >= 0, self._newest[there], -1.0)
            gains[left:] = np.where(there >= 0, self._above(mine, self._view.made_by), gains[left:])
        return gains

    def _above(self, cosines: FloatArray, made_by: str) -> FloatArray:
        zero = self._zero.get(made_by, 0.0)
        above: FloatArray = np.maximum((cosines - zero) / (1.0 - zero) if zero else cosines, 0.0)
        return np.minimum(above, 1.0, out=above)

    def closest(self, wanted: int, chosen: IntArray | None) -> tuple[IntArray, FloatArray]:
        """Return (positions ascending, gains to two digits) of the `wanted` closest among `chosen` (ascending; None: all)."""
        found = []
        for segment, block, cue in self._blocks:
            among = None if chosen is None else _rows(segment, block, chosen)
            if among is None or len(among):
                rows, cosines = self._seen[segment.start] = block.closest(cue, wanted, self._maths, among)
                at = rows if len(block) == len(segment) else block.rows[rows].astype(np.int64)
                found.append((at + segment.start if segment.start else at, self._above(cosines, block.made_by)))
        at, cosines = self._newest_places, self._newest
        if chosen is not None and len(at):
            inside = _beside(chosen, at) >= 0
            at, cosines = at[inside], cosines[inside]
        if len(at):
            found.append((at, self._above(cosines, self._view.made_by)))
        if not found:
            return _NOBODY, np.empty(0)
        positions, gains = found[0]
        if len(found) > 1:
            positions, gains = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if len(positions) and positions[-1] >= self._view.n:  # of a segment that came after the view was taken
            gains = np.where(positions < self._view.n, gains, 0.0)
        best = self._maths.foremost(gains, wanted)
        return (positions, gains) if len(best) == len(positions) else (positions[best], gains[best])


def _newest(view: View, units: Mapping[str, SingleArray]) -> tuple[IntArray, FloatArray]:
    """Return the positions of the newest vectors, and their cosines."""
    unit, parts = units.get(view.made_by), view.unsealed
    if unit is None or not parts:
        return _NOBODY, np.empty(0)
    positions = np.concatenate([positions for positions, _ in parts])
    cosines = [np.vecdot(matrix, unit) for _, matrix in parts]  # not `@`: that may wait for threads of BLAS
    return positions, np.concatenate(cosines).astype(np.float64)


_NOBODY = np.empty(0, np.int64)


def _beside(known: NDArray[T], places: NDArray[T]) -> IntArray:
    """Return where each of some positions is among known ones, both ascending; -1 for nowhere."""
    if not len(known):
        return np.full(len(places), -1)
    at = np.minimum(known.searchsorted(places), len(known) - 1)
    return np.where(known[at] == places, at, -1)


def _between(places: IntArray, segment: Segment) -> tuple[int, int]:
    """Return where the positions of a segment begin and end among some, ascending."""
    left, right = places.searchsorted((segment.start, segment.stop)).tolist()
    return left, right


def _rows(segment: Segment, block: Block, chosen: IntArray) -> IntArray:
    """Return the rows of a block whose memories are among positions, ascending."""
    left, right = _between(chosen, segment)
    return _found(block, segment, chosen[left:right])[0]


def _found(block: Block, segment: Segment, places: IntArray) -> tuple[IntArray, IntArray | slice]:
    """Return the rows of a segment's positions that have one, and which of the positions those are."""
    places = places - segment.start
    if len(block) == len(segment):
        return places, slice(None)
    there = _beside(block.rows, places.astype(np.int32))  # of one type: another would be copied whole
    having = np.flatnonzero(there >= 0)
    return there[having], having
