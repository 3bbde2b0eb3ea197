"""Vectors: the newest as they are, in a growing matrix; the older quantised, in immutable blocks that are searched in two passes.

A block keeps a vector three times: its signs (one bit a dimension, around the middle of the block), half bytes, and what the
half bytes left over, in bytes. The signs of all are compared, the half bytes of the few hundred closest, the rest of the very
closest; in small blocks that of all that are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.errors import VectorDimensionError
from thoughtengine.memory.index import arrays
from thoughtengine.storage.columnfile import FileRows

__all__ = ["UNKNOWN", "Block", "Direction", "Growing", "unit_of", "unit_rows"]

_BITS = 256  # of a code, at least: shorter vectors are projected onto more directions
_STEPS = 7  # of half a byte on either side of zero
_FINE = 254  # of a byte, from one step to the next
_QUERY = 2000  # steps of a number of the cue: the dot product of 8,192 dimensions fits 32 bits
_FINE_QUERY = 1 << 20  # as fine as a float of 32 bits; dot products of whole numbers are the same in any order
_LEAST, _MOST = 512, 8192  # rows whose bytes are looked at
_MARGIN = 20  # bits of 256 by which the code of one of the closest may differ from the cue's more than the tenth does
_SAMPLED = 16  # one row of so many tells at how many bits the closest end
_SMALL = 1 << 14  # rows of a small block
_CLOSEST, _CLOSEST_OF_MANY = 32, 128  # rows whose rest is looked at, in small blocks and in large ones
_NUMBERS = 1 << 13  # of short vectors as many as have so many numbers in all
_MOSTLY = 0.5  # squared length of the mean of unit vectors, which is their mean cosine
_ABOVE = 2.0  # makes every cosine a number above 0
_SPREAD = 256  # rows of a block, at least, whose cosines tell how far they spread
_EVERYONE = np.empty(0, np.int64)
_NOTHING = np.empty(0, np.int8)
UNKNOWN = _EVERYONE, np.empty(0)
"""No rows, no cosines."""

Words = NDArray[np.uint64]
Bytes = NDArray[np.int8]
Halves = NDArray[np.uint8]


def unit_rows(rows: SingleArray) -> SingleArray:
    """Return rows (n, d) brought to length 1; a row of zeros stays one."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    return (rows / np.where(norms > 0.0, norms, 1.0)[:, None]).astype(np.float32)


def unit_of(vector: SingleArray) -> SingleArray:
    """Return one vector brought to length 1; zeros stay what they are."""
    long = vector.astype(np.float64)
    return (long / (math.sqrt(np.vecdot(long, long)) or 1.0)).astype(np.float32)


class Steps(NamedTuple):
    """The numbers of a vector in whole steps.

    Attributes
    ----------
    even, odd, all_ : array of int16 or int32, shape (h,), (h,), (d,)
        Every other one, the others, and all; of an odd dimension the last of `odd` is 0.
    size : float
        What a step times the smallest step of a block's vectors is.
    """

    even: NDArray[Any]
    odd: NDArray[Any]
    all_: NDArray[Any]
    size: float


class Direction(NamedTuple):
    """What the vectors of a block are compared with.

    Attributes
    ----------
    unit : array of float32, shape (d,)
        Of length 1.
    rough, fine : Steps
        Its numbers in 16 bits, for half bytes, and in 32 bits, for bytes.
    """

    unit: SingleArray
    rough: Steps
    fine: Steps

    @classmethod
    def of(cls, unit: SingleArray, maths: ModuleType = arrays) -> Direction:
        """Return that of a unit vector, by `arrays` or `kernels`."""
        d = len(unit)
        h = d + d % 2 >> 1
        rough, fine = np.zeros(2 * h + d, np.int16), np.zeros(2 * h + d, np.int32)
        parts = [(steps[:h], steps[h : 2 * h], steps[2 * h :]) for steps in (rough, fine)]
        most = maths.in_steps(unit, _QUERY, _FINE_QUERY, *parts[0], *parts[1])
        sizes = most / (_STEPS * _QUERY), most / (_STEPS * _FINE * _FINE_QUERY)
        return cls(unit, *(Steps(*each, size) for each, size in zip(parts, sizes, strict=True)))


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
    def dimension(self) -> int | None:
        """Length of the vectors, None while it is open."""
        return self._dimension

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
        self._rows[start:stop] = unit_rows(np.concatenate(vectors).reshape(len(vectors), dimension))
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
    coarse : array of uint8, shape (m * d / 2,)
        Two numbers in [1, 15] a byte, the first in the lower half: ``x ≈ base + scale / 7 * (coarse - 8 + fine / 254)``; of an
        odd dimension the last half is 8.
    fine : array of int8, shape (m, d), or rows of a file
        What `coarse` leaves over.
    scale : array of float32, shape (m,)
        Largest size of a number of what each vector has beside `base`.
    centre : array of float32, shape (d,)
        Mean of the block.
    base : array of float32, shape (d,)
        What the vectors have in common, where that is most of them, as in raw measurements: the rest tells them apart. Else 0.
    made_by : str
        Fingerprint of the encoder.
    """

    __slots__ = ("_is_based", "_sample", "base", "centre", "coarse", "codes", "fine", "made_by", "rows", "scale")

    PARTS = ("rows", "codes", "coarse", "fine", "scale", "centre", "base")

    def __init__(
        self,
        rows: NDArray[np.int32],
        codes: Words,
        coarse: Halves,
        fine: Bytes | FileRows,
        scale: SingleArray,
        centre: SingleArray,
        base: SingleArray,
        made_by: str = "",
    ) -> None:
        self.rows, self.codes, self.coarse, self.fine, self.scale = rows, codes, coarse, fine, scale
        self.centre, self.base, self.made_by = centre, base, made_by
        self._is_based = bool(base.any())
        self._sample: tuple[Halves, Bytes, SingleArray, IntArray] | None = None

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return len(self.centre)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def build(cls, rows: NDArray[np.int32], vectors: SingleArray, made_by: str = "") -> Block:
        """Quantise unit vectors (m, d)."""
        centre = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        base = _base(centre)
        coarse, fine, scale = _quantised(vectors, base)
        return cls(rows.astype(np.int32), _codes(vectors, centre).ravel(), coarse, fine, scale, centre, base, made_by)

    @classmethod
    def merge(cls, blocks: Sequence[Block], shifts: Sequence[int]) -> Block:
        """Put blocks behind each other; the rows of each move by its shift. The signs are taken anew, around the new middle."""
        sizes = np.array([len(block) for block in blocks])
        centre = np.average([block.centre for block in blocks], axis=0, weights=sizes).astype(np.float32)
        largest = blocks[int(sizes.argmax())].base
        base = (
            largest if _base(centre).any() == largest.any() else _base(centre)
        )  # the largest is not taken apart again
        parts = [block._with(base) for block in blocks]
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
        rows = np.concatenate([block.rows + np.int32(shift) for block, shift in zip(blocks, shifts, strict=True)])
        coarse, fine, scale = (np.concatenate(each) for each in zip(*parts, strict=True))
        merged = cls(rows, codes.ravel(), coarse, fine, scale, centre, base, blocks[0].made_by)
        return merged if (rows[1:] > rows[:-1]).all() else merged._in_order()

    def _in_order(self) -> Block:
        """Return this block with its rows ascending."""
        order, n = np.argsort(self.rows), len(self)
        codes, coarse = self.codes.reshape(n, -1)[order], self.coarse.reshape(n, -1)[order]
        return Block(
            self.rows[order],
            codes.ravel(),
            coarse.ravel(),
            self.fine[:][order],
            self.scale[order],
            self.centre,
            self.base,
            self.made_by,
        )

    def _with(self, base: SingleArray) -> tuple[Halves, Bytes, SingleArray]:
        """Return half bytes, what they leave over, and scales, around another base."""
        if (base == self.base).all():
            return self.coarse, self.fine[:], self.scale
        made = [_quantised(self.vectors(slice(i, i + _MOST)), base) for i in range(0, len(self), _MOST)]
        coarse, fine, scale = (np.concatenate(each) for each in zip(*made, strict=True))
        return coarse, fine, scale

    def vectors(self, rows: slice | IntArray) -> SingleArray:
        """Return some vectors, nearly as they were given, shape (r, d)."""
        packed = self.coarse.reshape(len(self), -1)[rows]
        steps = np.empty((len(packed), 2 * packed.shape[1]), np.float32)
        steps[:, ::2], steps[:, 1::2] = packed & 15, packed >> 4
        steps = steps[:, : self.dimension] - np.float32(8.0)
        steps += self.fine[rows] * np.float32(1.0 / _FINE)
        steps *= (self.scale[rows] * np.float32(1.0 / _STEPS))[:, None]
        return steps + self.base if self._is_based else steps

    def _common(self, cue: Direction) -> float:
        """Return what all cosines with a cue have in common: that with the base."""
        return float(np.vecdot(self.base.astype(np.float64), cue.unit))

    def closest(
        self, cue: Direction, wanted: int, maths: ModuleType, among: IntArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Return (rows of the block, cosines) of those most like a cue, rows ascending.

        Parameters
        ----------
        cue : Direction
            Of this block's dimension.
        wanted : int
            How many at most; the cosines are right to about two digits.
        maths : module
            `arrays` or `kernels`.
        among : array of int64, optional
            Rows that may be found, ascending; default: all.
        """
        if among is not None and not len(among):
            return _EVERYONE, np.empty(0)
        near, n = max(_LEAST, 2 * wanted, min(len(self) >> 7, _MOST)), len(self) if among is None else len(among)
        fine = self._fine() if self._is_short else _NOTHING  # half bytes of few numbers tell little
        code, stride = np.empty(len(self.codes) // len(self), np.uint64), _SAMPLED if n > _SAMPLED * _LEAST else 1
        if self._is_short:
            code[:] = _codes(cue.unit[None], self.centre)
        else:
            maths.coded(cue.unit, self.centre, code)
        margin = round(_MARGIN * math.sqrt(max(self.dimension, _BITS) / _BITS))
        cosines = np.empty(min(n, 4 * near))
        rows: IntArray = maths.closest(
            self.codes, code, _EVERYONE if among is None else among, near, margin, stride, self.coarse, fine,
            self.scale, *cue.rough, wanted, cosines,
        )  # fmt: skip
        found = cosines[: len(rows)]
        return rows, found + self._common(cue) if self._is_based else found

    @property
    def _is_short(self) -> bool:
        return self.dimension < _BITS

    def cosines(
        self, cue: Direction, rows: IntArray, maths: ModuleType, known: tuple[IntArray, FloatArray] = UNKNOWN
    ) -> FloatArray:
        """Return the cosines of some rows, ascending, with a cue: the best as exact as the vectors, no other above them.

        The others are right to about four digits in a small block, else to two. What `closest` returned may be given as
        `known`.
        """
        fine, out = self._fine(), np.empty(len(rows))
        if (len(fine) and not self._is_short) or self._is_based:
            known = UNKNOWN  # those were not looked at as closely, or are of another base
        least = max(_CLOSEST if len(fine) else _CLOSEST_OF_MANY, _NUMBERS // self.dimension)
        if isinstance(self.fine, np.ndarray):
            left = self.fine.reshape(-1)
            maths.compared(self.coarse, fine, left, self.scale, *cue.rough, *cue.fine, rows, *known, least, out)
            return out + self._common(cue) if self._is_based else out
        maths.cosines(self.coarse, fine, self.scale, *cue.rough, rows, *known, out)
        best = maths.foremost(out + _ABOVE, least)
        if len(best):
            exact, left = np.empty(len(best)), self.fine[rows[best]].reshape(-1)
            maths.exact(self.coarse, left, self.scale, *cue.fine, rows[best], np.arange(len(best)), exact)
            np.minimum(out, exact.min(), out=out)
            out[best] = exact
        return out + self._common(cue) if self._is_based else out

    def _fine(self) -> Bytes:
        """Return what the half bytes leave over, flat; nothing of a large block, whose rows lie too far apart in memory."""
        return self.fine.reshape(-1) if isinstance(self.fine, np.ndarray) and len(self) <= _SMALL else _NOTHING

    def mean(self, cue: Direction) -> float:
        """Return the mean of the cosines of all rows with a cue."""
        return float(np.vecdot(self.centre, cue.unit))

    def variance(self, cue: Direction, maths: ModuleType) -> float:
        """Return the variance of the cosines of all rows with a cue, from a sample."""
        if self._sample is None:
            self._sample = self._sampled()
        coarse, fine, scale, rows = self._sample
        some = np.empty(len(rows))
        maths.cosines(coarse, fine, scale, *cue.rough, rows, *UNKNOWN, some)
        some -= some.sum() / len(some)
        return float(np.vecdot(some, some)) / len(some)

    def _sampled(self) -> tuple[Halves, Bytes, SingleArray, IntArray]:
        """Return a few hundred rows side by side, and their numbers; half bytes of few numbers tell little."""
        some = np.arange(0, len(self), max(len(self) // _SPREAD, 1))
        fine: Bytes = self.fine[some].reshape(-1) if self._is_short else _NOTHING
        return self.coarse.reshape(len(self), -1)[some].ravel(), fine, self.scale[some], np.arange(len(some))


def _base(centre: SingleArray) -> SingleArray:
    """Return the middle of unit vectors where most of each is in it, else 0."""
    return centre if float(np.vecdot(centre, centre)) > _MOSTLY else np.zeros_like(centre)


def _quantised(vectors: SingleArray, base: SingleArray) -> tuple[Halves, Bytes, SingleArray]:
    """Return half bytes, what they leave over, and scales of vectors (m, d) around a base."""
    rest = vectors - base if base.any() else vectors
    scale = np.abs(rest).max(axis=1)
    steps = rest * (_STEPS / np.where(scale > 0.0, scale, 1.0))[:, None]
    coarse = np.rint(steps)
    return _packed(coarse), np.rint((steps - coarse) * _FINE).astype(np.int8), scale.astype(np.float32)


def _packed(coarse: SingleArray) -> Halves:
    """Return steps in [-7, 7], shape (m, d), two a byte, flat."""
    halves = np.full((len(coarse), coarse.shape[1] + coarse.shape[1] % 2), 8, np.uint8)
    halves[:, : coarse.shape[1]] = coarse + 8.0
    packed: Halves = (halves[:, ::2] | halves[:, 1::2] << 4).ravel()
    return packed


def _codes(vectors: SingleArray, centre: SingleArray) -> Words:
    """Return the signs of vectors around a middle as words of 64 bits, shape (m, w)."""
    away = vectors - centre
    if away.shape[1] < _BITS:
        away = away @ _directions(away.shape[1])
    bits = np.packbits(away > 0.0, axis=1, bitorder="little")
    padded = np.zeros((len(bits), -(-bits.shape[1] // 32) * 32), np.uint8)  # four words at a time
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.uint64)


_known: dict[int, SingleArray] = {}


def _directions(dimension: int) -> SingleArray:
    """Return random directions (d, 256), the same on every machine, onto which short vectors are projected."""
    if dimension not in _known:
        rng = np.random.Generator(np.random.PCG64(dimension))
        _known[dimension] = rng.standard_normal((dimension, _BITS)).astype(np.float32)
    return _known[dimension]
