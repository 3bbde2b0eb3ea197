"""Compiled: what is alike. Tables are flat arrays; `arrays.concepts` says what they mean."""

from __future__ import annotations

import math

import numpy as np

from thoughtengine._jit import kernel, part
from thoughtengine._types import FloatArray, IntArray, SingleArray

__all__ = ["gather"]

YOUNG = 64  # vectors for which what joins a new concept is as new as its first member
GRAIN = 65536.0  # parts of a cosine that are told apart among members: finer is how it was summed up
FOUNDED = 1 << 20  # vectors after which they are counted anew, so that a number of 32 bits tells them apart


@part
def _write_signs(values: FloatArray | SingleArray, start: int, d: int, signs: IntArray, at: int) -> None:
    """Write the signs of d numbers, a bit each."""
    for w in range((d + 63) // 64):
        word = 0
        for i in range(64 * w, min(64 * w + 64, d)):
            if values[start + i] > 0.0:
                word |= 1 << (i - 64 * w)
        signs[at + w] = word


@part
def _direct(values: SingleArray, start: int, middle: SingleArray, units: FloatArray | SingleArray, at: int) -> None:
    """Write the direction of a vector from the middle."""
    norm = 0.0
    for i in range(len(middle)):
        norm += (values[start + i] - middle[i]) * (values[start + i] - middle[i])
    norm = math.sqrt(norm) + 1e-12
    for i in range(len(middle)):
        units[at + i] = (values[start + i] - middle[i]) / norm


@part
def _differing(a: IntArray, start: int, b: IntArray) -> int:
    """Return how many bits of two rows differ."""
    total = np.int64(0)
    for w in range(len(b)):
        x = np.uint64(a[start + w] ^ b[w])
        x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
        x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
        x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        total += np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
    return int(total)


@part
def _within(signs: IntArray, sign: IntArray, n: int, near: int, distances: IntArray, histogram: IntArray) -> int:
    """Write in how many signs each concept differs; return in how many the closest ones do at most."""
    histogram[:] = 0
    for c in range(n):
        distances[c] = _differing(signs, c * len(sign), sign)
        histogram[distances[c]] += 1
    bound, count = 0, histogram[0]
    while count < near:
        bound += 1
        count += histogram[bound]
    return bound


@part
def _newest_member(members: IntArray, closeness: SingleArray, at: int, id_: int, cosine: float) -> None:
    """Note a member: the newest, and among the six most alike; of those as much alike the first to come."""
    members[8 * at + 1] = id_
    cosine = math.floor(cosine * GRAIN + 0.5) / GRAIN
    last = 2
    for i in range(3, 8):
        if closeness[8 * at + i] < closeness[8 * at + last]:
            last = i
    if cosine > closeness[8 * at + last]:
        members[8 * at + last], closeness[8 * at + last] = id_, cosine


@part
def _fewest_members(weights: FloatArray, members: IntArray) -> int:
    """Return the concept that fewest belong to, of equals the one that was met longest ago."""
    least = 0
    for c in range(len(weights)):
        few, fewest = weights[c], weights[least]
        if few < fewest or (few == fewest and members[8 * c + 1] < members[8 * least + 1]):
            least = c
    return least


@part
def _move_middle(
    means: SingleArray, units: SingleArray, signs: IntArray, total: FloatArray, middle: SingleArray, counters: IntArray
) -> None:
    """Take the mean of everything for the middle: at the powers of two, then every 8,192."""
    d = len(middle)
    counters[2] = min(2 * counters[0], counters[0] + 8192)
    for i in range(d):
        middle[i] = total[i] / (counters[0] + 16.0)
    for c in range(counters[1]):
        _direct(means, c * d, middle, units, c * d)
        _write_signs(units, c * d, d, signs, c * ((d + 63) // 64))


@part
def _nearest(
    point: FloatArray,
    sign: IntArray,
    n: int,
    near: int,
    units: SingleArray,
    signs: IntArray,
    distances: IntArray,
    histogram: IntArray,
) -> tuple[int, float]:
    """Return the concept most alike and how much; of many, only those whose signs agree most are compared in full."""
    d, bound = len(point), 64 * len(sign)
    if n > 2 * near:
        _write_signs(point, 0, d, sign, 0)
        bound = _within(signs, sign, n, near, distances, histogram)
    best, most = -1, -2.0
    for c in range(n):
        if n <= 2 * near or distances[c] <= bound:
            cosine = 0.0
            for i in range(d):
                cosine += point[i] * units[c * d + i]
            if cosine > most:
                best, most = c, cosine
    return best, most


@part
def _join(vector: SingleArray, c: int, slowest: float, means: SingleArray, weights: FloatArray) -> None:
    """Move the mean of a cluster to a vector that joins it."""
    d = len(vector)
    weights[c] += 1.0
    rate = max(1.0 / weights[c], slowest)
    for i in range(d):
        means[c * d + i] += rate * (vector[i] - means[c * d + i])


@part
def _begin(
    vector: SingleArray, c: int, id_: int, most: float, at: int, means: SingleArray, weights: FloatArray, members: IntArray,
    closeness: SingleArray,
) -> None:  # fmt: skip
    """Begin a cluster with a vector, and note how alike the nearest of the others was, and when."""
    d = len(vector)
    weights[c] = 1.0
    means[c * d : (c + 1) * d] = vector
    members[8 * c : 8 * c + 8], closeness[8 * c : 8 * c + 8] = 0, -2.0
    closeness[8 * c], closeness[8 * c + 1] = most if most > -2.0 else 1.0, at
    members[8 * c] = id_


@kernel(
    "float32[:]", "int64[:]", "float64", "float64", "int64", "out float32[:]", "out float32[:]", "out int64[:]",
    "out float64[:]", "out int64[:]", "out float32[:]", "out float64[:]", "out float32[:]", "out int64[:]",
    "out int64[:]", "out float64[:]",
)  # fmt: skip
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
    """Put vectors to the concept they are most alike, or begin a new one, as `arrays.gather`."""
    d, cap = len(middle), len(weights)
    n_words = (d + 63) // 64
    point, sign = np.empty(d), np.empty(n_words, np.int64)
    distances, histogram = np.empty(cap, np.int64), np.empty(64 * n_words + 1, np.int64)
    for e in range(len(ids)):
        start = e * d
        counters[0] += 1
        for i in range(d):
            total[i] += vectors[start + i]
        if counters[0] >= counters[2]:
            _move_middle(means, units, signs, total, middle, counters)
        _direct(vectors, start, middle, point, 0)
        n = counters[1]
        best, most = _nearest(point, sign, n, near, units, signs, distances, histogram)
        likeness[e] = most
        if most >= alike:
            if (counters[0] - int(closeness[8 * best + 1])) % FOUNDED <= YOUNG:
                likeness[e] = min(most, closeness[8 * best])
            _join(vectors[start : start + d], best, slowest, means, weights)
        else:
            best = n if n < cap else _fewest_members(weights, members)
            counters[1 if n < cap else 3] += 1
            found_at = counters[0] % FOUNDED
            _begin(vectors[start : start + d], best, ids[e], most, found_at, means, weights, members, closeness)
            most = 1.0
        _direct(means, best * d, middle, units, best * d)
        _write_signs(units, best * d, d, signs, best * n_words)
        _newest_member(members, closeness, best, ids[e], most)
        chosen[e] = members[8 * best]
