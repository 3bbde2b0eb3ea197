"""The yardstick of looking through vectors: one pass over their signs, and the best few hundred looked at again; and all."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from benchmarks.workloads import Rows

LOOKED_AT_AGAIN = 400
_BLOCK = 1 << 16

Codes = NDArray[np.uint64]
Numbers = NDArray[np.int64]


def codes(rows: Rows) -> Codes:
    """Return the signs of vectors as bits, shape (n, dimension / 64); `dimension` is a multiple of 64."""
    return np.packbits(rows > 0.0, axis=1).view(np.uint64)


def twice(rows: Rows, signs: Codes, cue: Rows, k: int) -> Numbers:
    """Return the numbers of the k most alike among those whose signs differ least from the cue's, the best first."""
    near = np.empty(len(signs), np.int32)
    picked = np.empty(min(LOOKED_AT_AGAIN, len(signs)), np.int64)
    _differ(signs, codes(cue[None])[0], near)
    _pick(near, 64 * signs.shape[1], picked)
    likeness = np.empty(len(picked), np.float32)
    _again(rows, picked, cue, likeness)
    return picked[np.argsort(-likeness)[:k]]


def exact(rows: Rows, cues: Rows, k: int) -> Numbers:
    """Return the numbers of the k most alike of all for each cue, shape (m, k), the best first: every product in float32."""
    numbers = np.zeros((len(cues), 0), np.int64)
    likeness = np.zeros((len(cues), 0), np.float32)
    for start in range(0, len(rows), _BLOCK):
        found = cues @ rows[start : start + _BLOCK].T
        here = np.broadcast_to(np.arange(start, start + found.shape[1]), found.shape)
        likeness, numbers = np.hstack([likeness, found]), np.hstack([numbers, here])
        best = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        likeness, numbers = np.take_along_axis(likeness, best, 1), np.take_along_axis(numbers, best, 1)
    return numbers


@intrinsic  # type: ignore[untyped-decorator]
def _ones(_context: Any, _value: Any) -> Any:
    """Count the ones among the bits of a number."""
    return types.uint64(types.uint64), lambda _, builder, __, arguments: builder.ctpop(arguments[0])


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _differ(signs: Codes, cue: Codes, out: NDArray[np.int32]) -> None:
    for row in range(signs.shape[0]):
        total = np.uint64(0)
        for word in range(signs.shape[1]):
            total += _ones(signs[row, word] ^ cue[word])
        out[row] = total


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _pick(near: NDArray[np.int32], largest: int, out: Numbers) -> None:
    """Write the places of the smallest: count how often each distance occurs, then take from below."""
    counts = np.zeros(largest + 1, np.int64)
    for distance in near:
        counts[distance] += 1
    limit, below = 0, 0
    while below + counts[limit] < len(out):
        below += counts[limit]
        limit += 1
    at, spare = 0, len(out) - below
    for place in range(len(near)):
        if near[place] < limit:
            out[at] = place
            at += 1
        elif near[place] == limit and spare > 0:
            out[at] = place
            at += 1
            spare -= 1


@numba.njit(nogil=True, cache=True, fastmath=True)  # type: ignore[untyped-decorator]
def _again(rows: Rows, picked: Numbers, cue: Rows, out: Rows) -> None:
    for at in range(len(picked)):
        row = rows[picked[at]]
        total = np.float32(0.0)
        for place in range(len(cue)):
            total += row[place] * cue[place]
        out[at] = total
