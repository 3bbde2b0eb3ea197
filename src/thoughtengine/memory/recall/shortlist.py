"""Shortlist: which memories of a large mind are looked at closely."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from thoughtengine._types import BoolArray, IntArray, SingleArray
from thoughtengine.memory.index.view import View

__all__ = ["POOL", "shortlist", "with_neighbours"]

POOL, FRIENDS = 256, 64  # the best of a channel that are looked at closely, and those of them whose neighbours are


def shortlist(
    view: View,
    found: IntArray,
    lenders: IntArray,
    text: SingleArray,
    dense: SingleArray,
    allowed: BoolArray,
    maths: ModuleType,
) -> IntArray:
    """Return the positions found, the neighbours of those that lend most, and what replaced any of them, ascending.

    Parameters
    ----------
    view : View
        The index.
    found : array of int64, shape (p,)
        Positions that may be found, ascending.
    lenders : array of int64, shape (l,)
        Positions whose neighbours may be found because of them.
    text, dense : array of float32, shape (n,)
        What each memory has to lend is the sum of the two.
    allowed : array of bool, shape (n,) or (0,)
        Who may be found; empty: everyone.
    maths : module
        `arrays` or `kernels`.
    """
    places: IntArray = maths.with_friends(
        found, lenders, text, dense, FRIENDS, view.columns.previous[: view.n], view.columns.following[: view.n], allowed
    )
    return np.union1d(places, _revisions(view, places, allowed)) if view.has_replaced else places


def with_neighbours(view: View, places: IntArray, maths: ModuleType) -> IntArray:
    """Return `places` and the two before and after each in its episode, ascending."""
    found: IntArray = maths.around(places, view.columns.previous[: view.n], view.columns.following[: view.n], view.n)
    return found


def _revisions(view: View, places: IntArray, allowed: BoolArray) -> IntArray:
    """Return what replaced these, and what replaced that, as far as they may be found."""
    all_, front = [np.empty(0, np.int64)], places
    while len(front):
        successors = view.columns.successor[front]
        front = np.searchsorted(view.ids, np.unique(successors[successors > 0]))
        front = front[front < view.n]
        all_.append(front if not len(allowed) else front[allowed[front]])
    return np.concatenate(all_)
