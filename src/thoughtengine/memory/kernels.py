"""The maths of recall, compiled: the names and arguments of `arrays`, equal to the last bit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from thoughtengine._jit import kernel
from thoughtengine._types import BoolArray, FloatArray, IntArray

__all__ = ["accumulate", "best", "spread"]


@kernel(
    "int32[:]", "uint8[:]", "int64[:]", "float64[:]", "int32[:]", "bool[:]", "float64", "float64", "float64",
    "out float64[:]",
)  # fmt: skip
def accumulate(
    positions: NDArray[np.int32],
    counts: NDArray[np.uint8],
    bounds: IntArray,
    weights: FloatArray,
    lengths: NDArray[np.int32],
    wanted: BoolArray,
    k1: float,
    b: float,
    average: float,
    out: FloatArray,
) -> None:
    """Add BM25 scores to `out` (n,), as `arrays.accumulate`."""
    everyone = len(wanted) == 0
    for i in range(len(weights)):
        for j in range(bounds[i], bounds[i + 1]):
            at = positions[j]
            if everyone or wanted[at]:
                norm = k1 * (1.0 - b + b * (lengths[at] / average))
                out[at] += weights[i] * (counts[j] * (k1 + 1.0) / (counts[j] + norm))


@kernel(
    "float64[:]", "int32[:]", "int32[:]", "int32[:]", "int64[:]", "float64", "float64", "float64", "float64",
    "out float64[:]",
)  # fmt: skip
def spread(
    base: FloatArray,
    previous: NDArray[np.int32],
    following: NDArray[np.int32],
    lengths: NDArray[np.int32],
    places: IntArray,
    near: float,
    far: float,
    echo: float,
    context: float,
    out: FloatArray,
) -> None:
    """Write to `out` (p,) what neighbours lend, as `arrays.spread`."""
    n = len(base)
    for i in range(len(places)):
        at = places[i]
        before, after = previous[at], following[at]
        a = b = c = d = 0.0
        if before >= 0:
            a = near * base[before]
            if previous[before] >= 0:
                c = far * base[previous[before]]
        if 0 <= after < n:
            b = near * base[after]
            if 0 <= following[after] < n:
                d = far * base[following[after]]
        most = max(max(a, b), max(c, d))
        lean = min(math.sqrt(context / max(lengths[at], 1)), 1.0)
        out[i] = lean * (most + echo * (a + b + c + d - most))


@kernel("float64[:]", "int64", returns="int64[:]")
def best(scores: FloatArray, k: int) -> IntArray:
    """Return where the `k` largest of `scores` (n,) above 0 are, as `arrays.best`: a heap with the worst on top."""
    size = 0
    heap = np.empty(min(k, len(scores)), np.int64)
    for at in range(len(scores)):
        value = scores[at]
        if not value > 0.0:
            continue
        if size < len(heap):
            size += 1
            hole = size - 1  # climb: parents are worse or equal
            while hole > 0 and scores[heap[(hole - 1) // 2]] > value:
                heap[hole] = heap[(hole - 1) // 2]
                hole = (hole - 1) // 2
            heap[hole] = at
        elif value >= scores[heap[0]]:
            _ = 0
    return heap[:size]
