"""Shortlist: which memories of a large mind are looked at closely."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import BoolArray, IntArray, SingleArray
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index.view import View

__all__ = ["POOL", "shortlist", "with_neighbours"]

POOL, FRIENDS = 256, 64  # the best of a channel that are looked at closely, and those of them whose neighbours are


def shortlist(view: View, found: IntArray, lenders: IntArray, lent: SingleArray, allowed: BoolArray) -> IntArray:
    """Return the positions found, the neighbours of those that lend most, and what replaced any of them, ascending.

    Parameters
    ----------
    view : View
        The index.
    found : array of int64, shape (p,)
        Positions that may be found.
    lenders : array of int64, shape (l,)
        Positions whose neighbours may be found because of them.
    lent : array of float32, shape (l,)
        What each has to lend.
    allowed : array of bool, shape (n,) or (0,)
        Who may be found; empty: everyone.
    """
    near = with_neighbours(view, lenders[arrays.foremost(lent, FRIENDS)])
    if len(allowed):  # the neighbour of a memory that may not be found may be found itself
        near = near[allowed[near]]
    places = arrays.union(found, near)
    return arrays.union(places, _revisions(view, places, allowed)) if view.has_replaced else places


def with_neighbours(view: View, places: IntArray) -> IntArray:
    """Return `places` and the two before and after each in its episode, ascending."""
    all_ = [places]
    for links in (view.columns.previous, view.columns.following):
        at = places
        for _ in range(2):
            at = links[at].astype(np.int64)
            at = at[(at >= 0) & (at < view.n)]
            all_.append(at)
    return arrays.union(*all_)


def _revisions(view: View, places: IntArray, allowed: BoolArray) -> IntArray:
    """Return what replaced these, and what replaced that, as far as they may be found."""
    all_, front = [np.empty(0, np.int64)], places
    while len(front):
        successors = view.columns.successor[front]
        front = np.searchsorted(view.ids, np.unique(successors[successors > 0]))
        front = front[front < view.n]
        all_.append(front if not len(allowed) else front[allowed[front]])
    return np.concatenate(all_)
