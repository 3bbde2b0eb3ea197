"""In plain NumPy: what is alike."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.patterns.kernels.concepts import FOUNDED, GRAIN, YOUNG

__all__ = ["gather"]


def gather(
    vectors: SingleArray,
    ids: IntArray,
    alike: float,
    slowest: float,
    near: int,
    means: SingleArray,
    units: SingleArray,
    signs: IntArray,
    weights: FloatArray,
    members: IntArray,
    closeness: SingleArray,
    total: FloatArray,
    middle: SingleArray,
    counters: IntArray,
    chosen: IntArray,
    likeness: FloatArray,
) -> None:
    """Put vectors to the concept they are most alike, or begin a new one.

    Likeness is the cosine of what is left after the middle of everything is taken away. Where there are many concepts, only
    those whose signs agree most are compared in full. The middle moves at the powers of two, then every 8,192.

    Parameters
    ----------
    vectors : array of float32, shape (n * d,)
        Of length (norm) 1.
    ids : array of int64, shape (n,)
        Of the memories.
    alike : float
        Cosine from which on a vector belongs to a concept.
    slowest : float
        Least share by which a new member moves its concept.
    near : int
        Concepts that are compared in full.
    means, units : arrays of float32, shape (c * d,)
        Mean of the members; the same without the middle, of length 1; written.
    signs : array of int64, shape (c * ceil(d / 64),)
        Signs of `units`, a bit each; written.
    weights : array of float64, shape (c,)
        Members; written.
    members : array of int64, shape (c * 8,)
        First member, newest, and the six that were most alike, of those as much alike the first to come; written.
    closeness : array of float32, shape (c * 8,)
        How much alike its first member was to another concept (1 for the first of all), when that came, and how much alike
        the six were; written.
    total, middle : arrays of shape (d,)
        Sum of everything, and what is taken away; written.
    counters : array of int64, shape (4,)
        Vectors, concepts, vectors at which the middle moves next, concepts given up; written.
    chosen, likeness : arrays of shape (n,)
        The concept of each vector, by its first member; how much alike it was to the nearest before, of a concept that is new
        at most as much as its first member, -2 for the first of all; written.

    References
    ----------
    Hahsler and Bolaños, Clustering data streams based on shared density between micro-clusters, 2016. Deviates: cosine,
    centring, no shared density.
    """
    d, cap = len(middle), len(weights)
    points, means_, units_ = vectors.reshape(-1, d), means.reshape(-1, d), units.reshape(-1, d)
    signs_, members_, closeness_ = signs.reshape(cap, -1), members.reshape(-1, 8), closeness.reshape(-1, 8)

    def place(rows: slice) -> None:
        left = (means_[rows] - middle).astype(np.float64)
        units_[rows] = left / (np.sqrt((left * left).sum(1, keepdims=True)) + 1e-12)
        signs_[rows] = _packed(units_[rows], signs_.shape[1])

    for e, id_ in enumerate(ids.tolist()):
        counters[0] += 1
        total += points[e]
        if counters[0] >= counters[2]:
            counters[2] = min(2 * counters[0], counters[0] + 8192)
            middle[:] = total / (counters[0] + 16.0)
            place(slice(0, int(counters[1])))
        left = (points[e] - middle).astype(np.float64)
        point = left / (math.sqrt(float((left * left).sum())) + 1e-12)
        n = int(counters[1])
        candidates = np.arange(n) if n <= 2 * near else _agreeing(signs_[:n], point, near)
        cosines = units_[candidates].astype(np.float64) @ point
        most = float(cosines.max(initial=-2.0))
        likeness[e] = most
        if most >= alike:
            best = int(candidates[cosines.argmax()])
            if (int(counters[0]) - int(closeness_[best, 1])) % FOUNDED <= YOUNG:
                likeness[e] = min(most, float(closeness_[best, 0]))
            weights[best] += 1.0
            means_[best] += max(1.0 / weights[best], slowest) * (points[e] - means_[best])
        else:
            best = n if n < cap else int(np.lexsort((members_[:, 1], weights))[0])
            counters[1 if n < cap else 3] += 1
            weights[best], means_[best], members_[best], closeness_[best] = 1.0, points[e], 0, -2.0
            closeness_[best, :2] = most if most > -2.0 else 1.0, int(counters[0]) % FOUNDED
            members_[best, 0], most = id_, 1.0
        place(slice(best, best + 1))
        members_[best, 1] = id_
        last = 2 + int(closeness_[best, 2:].argmin())
        most = math.floor(most * GRAIN + 0.5) / GRAIN
        if most > closeness_[best, last]:
            members_[best, last], closeness_[best, last] = id_, most
        chosen[e] = members_[best, 0]


def _agreeing(signs: IntArray, point: FloatArray, near: int) -> IntArray:
    """Return the rows whose signs agree most with those of a point."""
    differing = signs ^ _packed(point[None], signs.shape[1])
    distances = np.bitwise_count(differing.view(np.uint64)).sum(1)  # of signed numbers it would count the magnitude
    return np.flatnonzero(distances <= np.partition(distances, near - 1)[near - 1])


def _packed(points: NDArray[np.floating], n_words: int) -> IntArray:
    """Return the signs of rows, a bit each, in words of 64."""
    bits = np.zeros((len(points), 64 * n_words), np.uint8)
    bits[:, : points.shape[1]] = points > 0.0
    return np.packbits(bits, axis=1, bitorder="little").view("<i8").astype(np.int64)
