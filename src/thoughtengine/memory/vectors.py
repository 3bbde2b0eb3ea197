"""Vectors: the newest as they are, in a growing matrix; the older quantised, in immutable blocks that are searched in two passes.

A block keeps a vector three times: its signs (one bit a dimension, around the middle of the block), bytes, and what the bytes
left over. The signs of all are compared, the bytes of the few hundred closest, the rest of the very closest.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.errors import VectorDimensionError

__all__ = ["Block", "Growing", "unit_rows"]

_BITS = 256  # of a code, at least: shorter vectors are projected onto more directions
_STEPS = 127  # of a byte on either side of zero
_QUERY = 2000  # of a number of the cue: the dot product of 8,192 dimensions fits 32 bits
_LEAST, _MOST = 1024, 8192  # rows whose bytes are looked at
_CLOSEST, _NUMBERS = 64, 1 << 16  # rows whose rest is looked at: at least, and as many as have so many numbers in all

Words = NDArray[np.uint64]
Bytes = NDArray[np.int8]


def unit_rows(rows: SingleArray) -> SingleArray:
    """Return rows (n, d) brought to length 1; a row of zeros stays one."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    return (rows / np.where(norms > 0.0, norms, 1.0)[:, None]).astype(np.float32)


class Growing:
    """Unit vectors of the newest memories, exact; one writer appends while readers look at the rows they know of.

    Parameters
    ----------
    dimension : int or None
        Length of the vectors; None: that of the first one.
    """

    __slots__ = ("_dimension", "_rows", "n", "places")

    def __init__(self, dimension: int | None) -> None:
        self._dimension = dimension
        self.n = 0
        self._rows: SingleArray = np.zeros((0, 0), np.float32)
        self.places = np.zeros(0, np.int32)

    @property
    def matrix(self) -> SingleArray:
        """The rows so far, shape (n, d)."""
        return self._rows[: self.n]

    def append(self, places: Sequence[int], vectors: Sequence[SingleArray]) -> None:
        """Add the vectors of some positions, ascending, brought to length 1.

        Raises
        ------
        VectorDimensionError
            For one of another dimension; none was added.
        """
        dimension = self._dimension or len(vectors[0])
        for vector in vectors:
            if len(vector) != dimension:
                raise VectorDimensionError("vector", len(vector), dimension)
        self._dimension, start, stop = dimension, self.n, self.n + len(vectors)
        if stop > len(self._rows):
            room = max(64, stop, 2 * len(self._rows))
            rows, at = np.zeros((room, dimension), np.float32), np.zeros(room, np.int32)
            if start:
                rows[:start], at[:start] = self.matrix, self.places[:start]
            self._rows, self.places = rows, at
        self._rows[start:stop] = unit_rows(np.array(vectors, np.float32))
        self.places[start:stop] = places
        self.n = stop


class Block:
    """Quantised unit vectors of a run of memories.

    Attributes
    ----------
    rows : array of int32, shape (m,)
        Whose they are, relative to the first memory of the run, ascending.
    codes : array of uint64, shape (m * w,)
        Signs around `centre`, after `directions` where the dimension is small.
    coarse, fine : array of int8, shape (m * d,)
        ``x ≈ scale / 127 * (coarse + fine / 254)``.
    scale : array of float32, shape (m,)
        Largest size of a number of each vector.
    centre : array of float32, shape (d,)
        Mean of the block.
    """

    __slots__ = ("centre", "coarse", "codes", "fine", "rows", "scale")

    PARTS = ("rows", "codes", "coarse", "fine", "scale", "centre")

    def __init__(
        self, rows: NDArray[np.int32], codes: Words, coarse: Bytes, fine: Bytes, scale: SingleArray, centre: SingleArray
    ) -> None:
        self.rows, self.codes, self.coarse, self.fine, self.scale = rows, codes, coarse, fine, scale
        self.centre = centre

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return len(self.centre)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def build(cls, rows: NDArray[np.int32], vectors: SingleArray) -> Block:
        """Quantise unit vectors (m, d)."""
        centre = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = np.abs(vectors).max(axis=1)
        steps = vectors * (_STEPS / np.where(scale > 0.0, scale, 1.0))[:, None]
        coarse = np.rint(steps)
        fine = np.rint((steps - coarse) * (2 * _STEPS)).astype(np.int8)
        codes = _codes(vectors, centre)
        return cls(
            rows.astype(np.int32), codes.ravel(), coarse.astype(np.int8).ravel(), fine.ravel(), scale.astype(np.float32),
            centre,
        )  # fmt: skip

    @classmethod
    def merge(cls, blocks: Sequence[Block], shifts: Sequence[int]) -> Block:
        """Put blocks behind each other; the rows of each move by its shift. The signs are taken anew, around the new middle."""
        sizes = np.array([len(block) for block in blocks])
        centre = np.average([block.centre for block in blocks], axis=0, weights=sizes).astype(np.float32)
        d = len(centre)
        width = len(_codes(np.zeros((1, d), np.float32), centre).ravel())
        codes = np.empty((int(sizes.sum()), width), np.uint64)
        at = 0
        for block in blocks:
            for start in range(0, len(block), _MOST):  # in slices: nobody waits long for the interpreter
                some = slice(start, min(start + _MOST, len(block)))
                stop = at + some.stop - some.start
                codes[at:stop] = _codes(block.vectors(some), centre)
                at = stop
        return cls(
            np.concatenate([block.rows + np.int32(shift) for block, shift in zip(blocks, shifts, strict=True)]),
            codes.ravel(),
            np.concatenate([block.coarse for block in blocks]),
            np.concatenate([block.fine for block in blocks]),
            np.concatenate([block.scale for block in blocks]),
            centre,
        )

    def vectors(self, rows: slice | IntArray) -> SingleArray:
        """Return some vectors, nearly as they were given, shape (r, d)."""
        coarse = self.coarse.reshape(len(self), -1)[rows].astype(np.float32)
        coarse += self.fine.reshape(len(self), -1)[rows] * np.float32(1.0 / (2 * _STEPS))
        coarse *= (self.scale[rows] * np.float32(1.0 / _STEPS))[:, None]
        return coarse

    def closest(
        self, unit: SingleArray, wanted: int, maths: ModuleType, among: IntArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Return (rows of the block, cosines) of those most like a unit vector, best first.

        Parameters
        ----------
        unit : array of float32, shape (d,)
            The cue.
        wanted : int
            How many at most; the order of the first 64 is that of the exact cosines, nearly to the last bit of float32, and
            of short vectors that of all.
        maths : module
            `arrays` or `kernels`.
        among : array of int64, optional
            Rows that may be found, ascending; default: all.
        """
        candidates = self._near(unit, max(_LEAST, 2 * wanted, min(len(self) >> 7, _MOST)), maths, among)
        cosines = self.cosines(unit, candidates, maths)
        if wanted < len(cosines):
            keep = np.argpartition(-cosines, wanted)[:wanted]
            candidates, cosines = candidates[keep], cosines[keep]
        order = np.lexsort((-candidates, -cosines))
        return candidates[order], cosines[order]

    def cosines(self, unit: SingleArray, rows: IntArray, maths: ModuleType) -> FloatArray:
        """Return the cosines of some rows with a unit vector: of the closest exact, of the others to about three digits."""
        exact = max(_CLOSEST, _NUMBERS // len(unit))
        if exact >= len(rows):
            return (self.vectors(rows) @ unit).astype(np.float64)
        most = float(np.abs(unit).max()) or 1.0
        dots = np.empty(len(rows), np.int32)
        maths.dots(self.coarse, np.rint(unit * (_QUERY / most)).astype(np.int16), rows, dots)
        cosines = dots * (self.scale[rows] * np.float64(most / (_STEPS * _QUERY)))
        order = np.argpartition(-cosines, exact)
        first, others = order[:exact], order[exact:]
        cosines[first] = self.vectors(rows[first]) @ unit
        cosines[others] = np.minimum(cosines[others], cosines[first].min())  # none rises by its rounding
        return cosines

    def _near(self, unit: SingleArray, wanted: int, maths: ModuleType, among: IntArray | None) -> IntArray:
        """Return the rows with the fewest signs that differ, about `wanted` of them, ascending."""
        n = len(self) if among is None else len(among)
        if n <= wanted:
            return np.arange(n, dtype=np.int64) if among is None else among
        code = _codes(unit[None], self.centre).ravel()
        distances = np.empty(n, np.uint16)
        everyone = among is None
        maths.differing(self.codes, code, np.empty(0, np.int64) if among is None else among, distances)
        counts = np.bincount(distances, minlength=64 * len(code) + 1)
        limit = int(np.cumsum(counts).searchsorted(wanted))
        found = np.flatnonzero(distances <= limit)[: 2 * wanted]
        return found if everyone or among is None else among[found]


def _codes(vectors: SingleArray, centre: SingleArray) -> Words:
    """Return the signs of vectors around a middle as words of 64 bits, shape (m, w)."""
    away = vectors - centre
    if away.shape[1] < _BITS:
        away = away @ _directions(away.shape[1])
    bits = np.packbits(away > 0.0, axis=1, bitorder="little")
    padded = np.zeros((len(bits), -(-bits.shape[1] // 8) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.uint64)


_known: dict[int, SingleArray] = {}


def _directions(dimension: int) -> SingleArray:
    """Return random directions (d, 256), the same on every machine, onto which short vectors are projected."""
    if dimension not in _known:
        rng = np.random.Generator(np.random.PCG64(dimension))
        _known[dimension] = rng.standard_normal((dimension, _BITS)).astype(np.float32)
    return _known[dimension]
