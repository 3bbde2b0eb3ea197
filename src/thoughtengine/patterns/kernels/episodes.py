"""Compiled: where topics change. Tables are flat arrays; `arrays.episodes` says what they mean."""

from __future__ import annotations

import math

import numpy as np

from thoughtengine._jit import kernel
from thoughtengine._types import FloatArray, IntArray, SingleArray

__all__ = ["divide"]


@kernel("float32[:]", "int64", "float64", "int64", "out float64[:]", "out int64[:]")
def divide(vectors: SingleArray, d: int, penalty: float, longest: int, gains: FloatArray, begins: IntArray) -> None:
    """Find the best division of a run of vectors into segments, as `arrays.divide`."""
    n = len(vectors) // d
    total = np.empty(d)
    gains[0] = 0.0
    for stop in range(1, n + 1):
        gains[stop], begins[stop] = -np.inf, stop - 1
        total[:] = 0.0
        for begin in range(stop - 1, max(stop - longest, 0) - 1, -1):
            norm = 0.0
            for i in range(d):
                total[i] += vectors[begin * d + i]
                norm += total[i] * total[i]
            gain = gains[begin] + math.sqrt(norm) - penalty
            if gain > gains[stop]:
                gains[stop], begins[stop] = gain, begin
