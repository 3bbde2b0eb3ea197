"""In plain NumPy: where topics change."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray

__all__ = ["divide"]


def divide(vectors: SingleArray, d: int, penalty: float, longest: int, gains: FloatArray, begins: IntArray) -> None:
    """Find the best division of a run of vectors into segments.

    The best has the largest sum of the lengths of its segments' sums, less a penalty for each.

    Parameters
    ----------
    vectors : array of float32, shape (n * d,)
        Of length (norm) 1.
    d : int
        Numbers in a vector.
    penalty : float
        What a segment costs.
    longest : int
        Vectors in a segment at most.
    gains : array of float64, shape (n + 1,)
        The best value up to each place; written.
    begins : array of int64, shape (n + 1,)
        Where the segment that ends there begins, from ``begins[1]`` on; written.
    """
    points = vectors.reshape(-1, d).astype(np.float64)
    gains[0] = 0.0
    for stop in range(1, len(points) + 1):
        first = max(stop - longest, 0)
        sums = np.cumsum(points[first:stop][::-1], axis=0)
        values = gains[first:stop][::-1] + np.sqrt((sums * sums).sum(1)) - penalty
        best = int(values.argmax())
        gains[stop], begins[stop] = values[best], stop - 1 - best
