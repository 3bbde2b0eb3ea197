"""The maths of recall, compiled: the names and arguments of `arrays`, equal to the last bit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from thoughtengine._jit import kernel
from thoughtengine._types import BoolArray, FloatArray, IntArray

__all__ = ["accumulate", "spread"]


@kernel("int32[:]", "uint8[:]", "int64[:]", "float64[:]", "float64[:]", "bool[:]", "float64", "out float64[:]")
def accumulate(
    positions: NDArray[np.int32],
    counts: NDArray[np.uint8],
    bounds: IntArray,
    weights: FloatArray,
    norms: FloatArray,
    wanted: BoolArray,
    k1: float,
    out: FloatArray,
) -> None:
    """Add BM25 scores to `out` (n,), as `arrays.accumulate`."""
    everyone = len(wanted) == 0
    for i in range(len(weights)):
        for j in range(bounds[i], bounds[i + 1]):
            at = positions[j]
            if everyone or wanted[at]:
                out[at] += weights[i] * (counts[j] * (k1 + 1.0) / (counts[j] + norms[at]))


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
        most = max(a, b, c, d)
        lean = min(math.sqrt(context / max(lengths[at], 1)), 1.0)
        out[i] = lean * (most + echo * (a + b + c + d - most))
