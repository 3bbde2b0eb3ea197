"""The maths of recall in plain NumPy: answers for small minds, and what the tests hold `kernels` against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray, IntArray

__all__ = ["accumulate", "best", "spread"]


def accumulate(
    positions: NDArray[np.int32],
    counts: NDArray[np.uint8],
    bounds: IntArray,
    weights: FloatArray,
    lengths: NDArray[np.int32],
    k1: float,
    b: float,
    average: float,
    out: FloatArray,
) -> None:
    """Add the BM25 score of every memory to `out`, hash by hash.

    Parameters
    ----------
    positions, counts, bounds
        `Postings` of the cue's hashes.
    weights : array of float64, shape (t,)
        What one hash weighs: its inverse document frequency.
    lengths : array of int32, shape (n,)
        Words by position.
    k1, b : float
        Saturation of counts, and how far length counts.
    average : float
        Mean length, above 0.
    out : array of float64, shape (n,)
        Zeros, written.
    """
    count = counts.astype(np.float64)
    norm = k1 * (1.0 - b + b * lengths[positions] / average)
    gain = np.repeat(weights, np.diff(bounds)) * (count * (k1 + 1.0)) / (count + norm)
    out += np.bincount(positions, gain, len(out))


def spread(
    base: FloatArray,
    previous: NDArray[np.int32],
    following: NDArray[np.int32],
    near: float,
    far: float,
    out: FloatArray,
) -> None:
    """Write to `out` what each memory gets from the scores of the two before and the two after it in its episode.

    Parameters
    ----------
    base : array of float64, shape (n,)
        Scores to spread.
    previous, following : array of int32, shape (n,)
        Neighbours in the episode, -1 for none; a follower of n or more is not in view.
    near, far : float
        Share that comes from the next, and from the one after it.
    out : array of float64, shape (n,)
        Written.
    """
    n = len(base)
    padded = np.append(base, 0.0)
    before = np.where(previous < 0, n, previous)
    after = np.where((following < 0) | (following >= n), n, following)
    before2, after2 = np.append(before, n)[before], np.append(after, n)[after]
    out[:] = near * (padded[before] + padded[after]) + far * (padded[before2] + padded[after2])


def best(scores: FloatArray, k: int) -> IntArray:
    """Return the places of the `k` largest scores above 0, largest first, of equals the later one first."""
    found = np.flatnonzero(scores > 0.0)
    if k < len(found):
        least = np.partition(scores[found], len(found) - k)[len(found) - k]
        found = found[scores[found] >= least]
    order = np.lexsort((-found, -scores[found]))
    return found[order[:k]]
