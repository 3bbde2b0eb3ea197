"""Compiled: what comes together. Tables are flat arrays; `arrays.associations` says what they mean."""

from __future__ import annotations

import numpy as np

from thoughtengine._jit import kernel, part
from thoughtengine._types import IntArray

__all__ = ["associate"]

WAYS = 8
KINDS = 4  # of items: an experience draws its items of each kind by themselves
SINGLE = 5 + KINDS  # key, n, error of n, newest id, kind; then how many items of each kind came beside it
PLACES = KINDS + 2 * KINDS * KINDS  # items of each kind, ordered pairs of two kinds, experiences that have both
PAIR = 8  # both keys, n, error of n, newest moment, newest ids: what is older only where there is room
BROAD = 16  # ways of a set of pairs
BASKET = 40  # items of one experience that are paired


@part
def _home(key: int, n_rows: int, ways: int) -> int:
    """Return the first row of the set of a key."""
    return ((key ^ (key >> 32)) & (n_rows // ways - 1)) * ways


@part
def _locate(keys: IntArray, width: int, start: int, ways: int, key: int) -> int:
    """Return the row of a key in the set that begins at `start`, -1 where it is not there."""
    for row in range(start, start + ways):
        if keys[row * width] == key:
            return row
    return -1


@part
def _weakest(rows: IntArray, width: int, column: int, tie: int, start: int, ways: int) -> int:
    """Return the row of a set with the least value in a column, of equals the least by another one."""
    least = start
    for row in range(start + 1, start + ways):
        value, lowest = rows[row * width + column], rows[least * width + column]
        if value < lowest or (value == lowest and rows[row * width + tie] < rows[least * width + tie]):
            least = row
    return least


@part
def _count_item(singles: IntArray, item: int, id_: int, kind: int, each: IntArray) -> None:
    """Count an item, and what came beside it."""
    start = _home(item, len(singles) // SINGLE, WAYS)
    at = _locate(singles, SINGLE, start, WAYS, item)
    if at < 0:
        at = _weakest(singles, SINGLE, 1, 1, start, WAYS)
        singles[SINGLE * at], singles[SINGLE * at + 2] = item, singles[SINGLE * at + 1]
    singles[SINGLE * at + 1] += 1
    singles[SINGLE * at + 3], singles[SINGLE * at + 4] = id_, kind
    for k in range(KINDS):
        singles[SINGLE * at + 5 + k] += each[k] - (k == kind)


@part
def _count_places(each: IntArray, places: IntArray) -> None:
    """Count the items of each kind of an experience, their pairs, and which kinds there are."""
    for k in range(KINDS):
        places[k] += each[k]
        for other in range(KINDS):
            at = KINDS * (1 + k) + other
            places[at] += each[k] * (each[other] - (k == other))
            places[KINDS * KINDS + at] += each[k] > 0 and each[other] > 0


@part
def _count_pair(pairs: IntArray, low: int, high: int, id_: int, moment: int, counters: IntArray) -> None:
    """Count a pair of items."""
    start, at = _home(low ^ (low << 13) ^ (high >> 7) ^ high, len(pairs) // PAIR, BROAD), -1
    for way in range(start, start + BROAD):
        if pairs[PAIR * way] == low and pairs[PAIR * way + 1] == high:
            at = way
            break
    if at < 0:
        at = _weakest(pairs, PAIR, 2, 2, start, BROAD)
        p = PAIR * at
        pairs[p], pairs[p + 1], pairs[p + 3] = low, high, pairs[p + 2]
        pairs[p + 4 : p + PAIR] = 0
        pairs[p + 4] = moment
        counters[3] += 1
    p = PAIR * at
    pairs[p + 2] += 1
    if moment >= pairs[p + 4]:
        for i in range(p + PAIR - 1, p + 5, -1):
            pairs[i] = pairs[i - 1]
        pairs[p + 4], pairs[p + 5] = moment, id_
    else:
        for i in range(p + 5, p + PAIR):
            if pairs[i] == 0:
                pairs[i] = id_
                break


@kernel(
    "int64[:]", "int64[:]", "int64[:]", "int64[:]", "int64[:]", "out int64[:]", "out int64[:]", "out int64[:]",
    "out int64[:]",
)  # fmt: skip
def associate(
    items: IntArray,
    kinds: IntArray,
    bounds: IntArray,
    ids: IntArray,
    moments: IntArray,
    singles: IntArray,
    pairs: IntArray,
    counters: IntArray,
    places: IntArray,
) -> None:
    """Count items and pairs of items that come together, as `arrays.associate`."""
    each = np.empty(KINDS, np.int64)
    for e in range(len(ids)):
        size = bounds[e + 1] - bounds[e]
        taken = min(size, BASKET)
        counters[0] += 1
        counters[1] += taken
        counters[2] += taken * (taken - 1)
        each[:] = 0
        for i in range(taken):
            each[kinds[bounds[e] + i * size // taken]] += 1
        _count_places(each, places)
        for i in range(taken):
            at = bounds[e] + i * size // taken
            a = items[at]
            _count_item(singles, a, ids[e], kinds[at], each)
            for j in range(i + 1, taken):
                b = items[bounds[e] + j * size // taken]
                if a != b:
                    _count_pair(pairs, min(a, b), max(a, b), ids[e], moments[e], counters)
