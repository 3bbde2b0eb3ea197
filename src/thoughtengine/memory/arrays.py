"""The maths of recall in plain NumPy: answers for small minds, and what the tests hold `kernels` against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, FloatArray, IntArray

__all__ = ["accumulate", "best", "spread"]


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
    """Add the BM25 score of every memory to `out`, hash by hash.

    Parameters
    ----------
    positions, counts, bounds
        `Postings` of t hashes.
    weights : array of float64, shape (t,)
        What one hash weighs: its inverse document frequency.
    lengths : array of int32, shape (n,)
        Words, by position.
    wanted : array of bool, shape (n,) or (0,)
        Whose score is asked for; empty: everyone's.
    k1, b : float
        Saturation of counts, and how far length counts.
    average : float
        Mean length, above 0.
    out : array of float64, shape (n,)
        Added to.
    """
    weight = np.repeat(weights, np.diff(bounds))
    if len(wanted):
        kept = np.flatnonzero(wanted[positions])
        positions, counts, weight = positions[kept], counts[kept], weight[kept]
    if not len(positions):
        return
    norm = k1 * (1.0 - b + b * (lengths[positions] / average))
    gain = weight * (counts * (k1 + 1.0) / (counts + norm))
    out += np.bincount(positions, gain, len(out))


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
    """Write to `out` what memories get from the scores of the two before and the two after them in their episode.

    Parameters
    ----------
    base : array of float64, shape (n,)
        Scores to spread, by position.
    previous, following : array of int32, shape (n,)
        Neighbours in the episode, -1 for none; a follower of n or more is not in view.
    lengths : array of int32, shape (n,)
        Words, by position.
    places : array of int64, shape (p,)
        Positions that are asked for.
    near, far : float
        Share of its score that the next one lends, and the one after it.
    echo : float
        Share that the weaker neighbours add to the strongest.
    context : float
        Words up to which a memory leans on its neighbours fully; beyond, less by the root of the excess.
    out : array of float64, shape (p,)
        Written.
    """
    n = len(base)
    before, after = previous[places], following[places]
    before2, after2 = _step(previous, before, n), _step(following, after, n)
    a, b = near * _at(base, before, n), near * _at(base, after, n)
    c, d = far * _at(base, before2, n), far * _at(base, after2, n)
    most = np.maximum(np.maximum(a, b), np.maximum(c, d))
    lean = np.minimum(np.sqrt(context / np.maximum(lengths[places], 1)), 1.0)
    out[:] = lean * (most + echo * (a + b + c + d - most))


def _step(links: NDArray[np.int32], at: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    inside = (at >= 0) & (at < n)
    return np.where(inside, links[np.where(inside, at, 0)], np.int32(-1))


def _at(values: FloatArray, at: NDArray[np.int32], n: int) -> FloatArray:
    inside = (at >= 0) & (at < n)
    return np.where(inside, values[np.where(inside, at, 0)], 0.0)


def best(scores: FloatArray, k: int) -> IntArray:
    """Return where the `k` largest scores above 0 are, largest first, of equals the later one first.

    Parameters
    ----------
    scores : array of float64, shape (n,)
        No NaN.
    k : int
        At least 1.
    """
    found = np.flatnonzero(scores > 0.0)
    if k < len(found):
        values = scores[found]
        least = np.partition(values, len(found) - k)[len(found) - k]
        found = found[values >= least]
    order = np.lexsort((-found, -scores[found]))
    return found[order[:k]]
