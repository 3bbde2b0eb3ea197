"""The maths of recall in plain NumPy: answers for small minds, and what the tests hold `kernels` against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, FloatArray, IntArray

__all__ = ["accumulate", "best", "spread"]

_SHORT = 16_384  # postings up to which one pass over all is faster than one per hash: they fit the cache
_BINS = 4096


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
    """Add the BM25 score of every memory to `out`, hash by hash.

    Parameters
    ----------
    positions, counts, bounds
        `Postings` of t hashes.
    weights : array of float64, shape (t,)
        What one hash weighs: its inverse document frequency.
    norms : array of float64, shape (n,)
        `k1` times how long a memory is for BM25, by position.
    wanted : array of bool, shape (n,) or (0,)
        Whose score is asked for; empty: everyone's.
    k1 : float
        Saturation of counts.
    out : array of float64, shape (n,)
        Zeros, written.
    """
    if len(wanted):
        inside = wanted[positions]
        kept = np.concatenate(([0], np.cumsum(inside)))
        positions, counts, bounds = positions[inside], counts[inside], kept[bounds]
    if len(positions) <= _SHORT:
        gain = np.repeat(weights, np.diff(bounds)) * (counts * (k1 + 1.0) / (counts + norms[positions]))
        out += np.bincount(positions, gain, len(out))
        return
    for i in range(len(weights)):
        part = slice(bounds[i], bounds[i + 1])
        at, count = positions[part], counts[part]
        out[at] += weights[i] * (count * (k1 + 1.0) / (count + norms[at]))


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

    Has no compiled twin: a heap was slower than a histogram and a partition.

    Parameters
    ----------
    scores : array of float64, shape (n,)
        No NaN.
    k : int
        At least 1.
    """
    found = np.flatnonzero(scores > _floor(scores, k))
    if k < len(found):
        values = scores[found]
        least = np.partition(values, len(found) - k)[len(found) - k]
        found = found[values >= least]
    order = np.lexsort((-found, -scores[found]))
    return found[order[:k]]


def _floor(scores: FloatArray, k: int) -> float:
    """Return a value below the `k` largest scores, by a histogram: a partition of few is faster than one of all."""
    top = float(scores.max(initial=0.0))
    if len(scores) <= 4 * _BINS or top <= 0.0:
        return 0.0
    bins = (np.maximum(scores, 0.0) * ((_BINS - 1) / top)).astype(np.int32)
    at_least = np.cumsum(np.bincount(bins, minlength=_BINS)[::-1])
    bin_ = _BINS - 1 - int(at_least.searchsorted(k))
    return max((bin_ - 1) * (top / (_BINS - 1)), 0.0)
