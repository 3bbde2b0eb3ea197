"""Likeness: which memories are closest in meaning to a cue, over the blocks of the segments and the newest vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import ModuleType
from typing import TypeGuard

import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.memory.index.arrays import foremost
from thoughtengine.memory.index.segment import Segment
from thoughtengine.memory.index.vectors import Block
from thoughtengine.memory.index.view import View

__all__ = ["Likeness"]

_SPREAD = 256  # rows of a block whose cosines tell how far they spread
_FEW = 10.0  # memories that do not tell what is usual


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
        self._view, self._units, self._maths = view, units, maths
        self._blocks = [(segment, block) for segment in view.segments if _fits(block := segment.block, units)]
        self._newest_places, self._newest = _newest(view, units)
        self._known: dict[int, tuple[IntArray, FloatArray]] = {}  # of a block, what `closest` looked at exactly
        self._zero = {made_by: self._least(made_by) for made_by in units}

    def _least(self, made_by: str) -> float:
        """Return the cosine from which on likeness counts: two deviations below the mean, or 0 where that is below it.

        The vectors of some encoders lie in a narrow cone.
        """
        parts = []
        if len(self._newest) and made_by == self._view.made_by:
            parts.append((len(self._newest), float(self._newest.mean()), float(self._newest.var())))
        for _, block in self._blocks:
            if block.made_by == made_by:
                unit, stride = self._units[made_by], max(len(block) // _SPREAD, 1)
                some = block.cosines(unit, np.arange(0, len(block), stride), self._maths)
                parts.append((len(block), float(np.vecdot(block.centre, unit)), float(some.var())))
        n = sum(size for size, _, _ in parts)
        if not n:
            return 0.0
        mean = sum(size * value for size, value, _ in parts) / n
        spread = math.sqrt(sum(size * (of + (value - mean) ** 2) for size, value, of in parts) / n)
        return min(max((mean - 2.0 * spread) * n / (n + _FEW), 0.0), 0.999)

    def gains(self, places: IntArray) -> FloatArray:
        """Return how close the meaning of some memories is, positions ascending, in [0, 1]; 0 without a vector."""
        gains = np.zeros(len(places))
        for i, (segment, block) in enumerate(self._blocks):
            left, right = places.searchsorted((segment.start, segment.stop))
            if left < right:
                gains[left:right] = self._above(self._of(i, segment, block, places[left:right]), block.made_by)
        if len(self._newest):
            left = int(places.searchsorted(self._newest_places[0]))
            there = _beside(self._newest_places, places[left:])
            mine = np.where(there >= 0, self._newest[there], -1.0)
            gains[left:] = np.where(there >= 0, self._above(mine, self._view.made_by), gains[left:])
        return gains

    def _above(self, cosines: FloatArray, made_by: str) -> FloatArray:
        zero = self._zero.get(made_by, 0.0)
        above: FloatArray = np.minimum(np.maximum(cosines - zero, 0.0) / (1.0 - zero), 1.0)
        return above

    def _of(self, i: int, segment: Segment, block: Block, places: IntArray) -> FloatArray:
        """Return the cosines of memories of one segment; -1 without a vector."""
        unit, cosines = self._units[block.made_by], np.full(len(places), -1.0)
        exact, values = self._known.get(i, (_NOBODY, np.empty(0)))
        there = _beside(exact, places)
        cosines[there >= 0] = values[there[there >= 0]]
        rest = np.flatnonzero(there < 0)
        rows, having = _found(block, len(segment), places[rest] - segment.start)
        other = block.cosines(unit, rows, self._maths)
        cosines[rest[having]] = np.minimum(other, values.min()) if len(values) else block.sharpened(unit, rows, other)
        return cosines

    def closest(self, wanted: int, chosen: IntArray | None) -> tuple[IntArray, FloatArray]:
        """Return (positions ascending, gains) of the `wanted` closest among `chosen` (ascending; None: all)."""
        found = []
        for i, (segment, block) in enumerate(self._blocks):
            among = None if chosen is None else _rows(segment, block, chosen)
            if among is None or len(among):
                rows, cosines = block.closest(self._units[block.made_by], wanted, self._maths, among)
                self._known[i] = block.rows[rows].astype(np.int64) + segment.start, cosines
                found.append((self._known[i][0], self._above(cosines, block.made_by)))
        at, cosines = self._newest_places, self._newest
        if chosen is not None:
            inside = _beside(chosen, at) >= 0
            at, cosines = at[inside], cosines[inside]
        found.append((at, self._above(cosines, self._view.made_by)))
        positions = np.concatenate([at for at, _ in found])
        gains = np.concatenate([gains for _, gains in found])
        best = foremost(np.where(positions < self._view.n, gains, 0.0), wanted)
        return positions[best], gains[best]


def _fits(block: Block | None, units: Mapping[str, SingleArray]) -> TypeGuard[Block]:
    unit = None if block is None else units.get(block.made_by)
    return block is not None and unit is not None and len(unit) == block.dimension


def _newest(view: View, units: Mapping[str, SingleArray]) -> tuple[IntArray, FloatArray]:
    """Return the positions of the newest vectors, and their cosines."""
    unit, parts = units.get(view.made_by), view.unsealed
    if unit is None or not parts:
        return _NOBODY, np.empty(0)
    positions = np.concatenate([positions for positions, _ in parts])
    cosines = [np.vecdot(matrix, unit) for _, matrix in parts]  # not `@`: that may wait for threads of BLAS
    return positions, np.concatenate(cosines).astype(np.float64)


_NOBODY = np.empty(0, np.int64)


def _beside(known: IntArray, places: IntArray) -> IntArray:
    """Return where each of some positions is among known ones, both ascending; -1 for nowhere."""
    if not len(known):
        return np.full(len(places), -1)
    at = np.minimum(known.searchsorted(places), len(known) - 1)
    return np.where(known[at] == places, at, -1)


def _rows(segment: Segment, block: Block, chosen: IntArray) -> IntArray:
    """Return the rows of a block whose memories are among positions, ascending."""
    left, right = chosen.searchsorted((segment.start, segment.stop))
    return _found(block, len(segment), chosen[left:right] - segment.start)[0]


def _found(block: Block, size: int, places: IntArray) -> tuple[IntArray, IntArray | slice]:
    """Return the rows of places that have one, and which of the places those are."""
    if len(block) == size:
        return places, slice(None)
    there = _beside(block.rows.astype(np.int64), places)
    return there[there >= 0], np.flatnonzero(there >= 0)
