"""In plain NumPy: what comes together."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import IntArray
from thoughtengine.patterns.arrays.rows import place_of, set_of
from thoughtengine.patterns.kernels.associations import BASKET, BROAD, KINDS, PAIR, SINGLE

__all__ = ["associate"]


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
    """Count items and pairs of items that come together.

    Parameters
    ----------
    items : array of int64, shape (s,)
        Hashes other than 0, distinct within one experience; of more than 40, 40 evenly spread ones are taken.
    kinds : array of int64, shape (s,)
        Of each item, below KINDS.
    bounds : array of int64, shape (n + 1,)
        Those of experience i: ``items[bounds[i]:bounds[i + 1]]``.
    ids : array of int64, shape (n,)
        Of the memories.
    moments : array of int64, shape (n,)
        Microseconds of the wall clock.
    singles : array of int64, shape (u * SINGLE,)
        Item, count, what of the count may be another's, newest id, kind, items of each kind that came beside it; written.
    pairs : array of int64, shape (p * PAIR,)
        Both items, count, what of the count may be another's, newest moment, newest ids; written.
    counters : array of int64, shape (4,)
        Experiences, items, ordered pairs, distinct pairs (again where they had been given up); written.
    places : array of int64, shape (PLACES,)
        Items of each kind; then ordered pairs of one kind with another; then experiences that have both; written.

    References
    ----------
    Metwally, Agrawal and El Abbadi, Efficient computation of frequent and top-k elements in data streams, 2005. Deviates: a
    set of 16 each counts on its own, so a count is too high by at most a sixteenth of what its set has seen.
    """
    alone, together = singles.reshape(-1, SINGLE), pairs.reshape(-1, PAIR)
    for e, id_ in enumerate(ids.tolist()):
        basket = items[bounds[e] : bounds[e + 1]].tolist()
        taken = min(len(basket), BASKET)
        chosen = [i * len(basket) // taken for i in range(taken)]
        of = kinds[bounds[e] : bounds[e + 1]][chosen]
        basket = [basket[i] for i in chosen]
        counters[:3] += 1, taken, taken * (taken - 1)
        each = np.bincount(of, minlength=KINDS)
        places[:KINDS] += each
        among = np.stack([np.outer(each, each) - np.diag(each), np.outer(each > 0, each > 0)])
        places[KINDS:] += among.reshape(-1)
        for i, a in enumerate(basket):
            at, known = place_of(alone[:, 0], a, alone[:, 1:2])
            if not known:
                alone[at, 0], alone[at, 2] = a, alone[at, 1]
            alone[at, 1] += 1
            alone[at, 3:5] = id_, of[i]
            alone[at, 5:] += each - (np.arange(KINDS) == of[i])
            for b in basket[i + 1 :]:
                if a != b:
                    _count_pair(together, min(a, b), max(a, b), id_, int(moments[e]), counters)


def _count_pair(together: IntArray, low: int, high: int, id_: int, moment: int, counters: IntArray) -> None:
    a, b = np.int64(low), np.int64(high)
    start = set_of(int(a ^ (a << np.int64(13)) ^ (b >> np.int64(7)) ^ b), len(together), BROAD)
    rows = together[start : start + BROAD]
    found = np.flatnonzero((rows[:, 0] == low) & (rows[:, 1] == high))
    row = rows[found[0] if len(found) else rows[:, 2].argmin()]
    if not len(found):
        row[:2], row[3], row[4], row[5:] = (low, high), row[2], moment, 0
        counters[3] += 1
    row[2] += 1
    if moment >= row[4]:
        row[4:] = moment, id_, *row[5:-1].tolist()
    elif not row[5:].all():
        row[5 + int(np.flatnonzero(row[5:] == 0)[0])] = id_
