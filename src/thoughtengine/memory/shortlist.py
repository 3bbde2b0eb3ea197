"""Shortlist: which memories of a large mind are looked at closely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, FloatArray, IntArray
from thoughtengine.memory import arrays
from thoughtengine.memory.view import View

__all__ = ["POOL", "shortlist", "with_neighbours"]

POOL, FRIENDS = 1024, 256  # the best that are looked at closely, and those of them whose neighbours are
_NOBODY = np.empty(0, np.int64)


def shortlist(
    view: View, places: IntArray, scores: FloatArray, said: FloatArray, k: int, *, filtered: bool
) -> IntArray:
    """Return the positions of the best, of the neighbours of the very best, and of what replaced them, ascending.

    Parameters
    ----------
    view : View
        The index.
    places : array of int64, shape (p,)
        Positions that may be found, ascending.
    scores : array of float64, shape (p,)
        What speaks for each itself.
    said : array of float64, shape (n,)
        What each lends to its neighbours, by position.
    k : int
        How many of the best.
    filtered : bool
        Whether `places` are not all there are.
    """
    top = places[arrays.best(scores, k)]
    if not filtered:
        marked = with_neighbours(view, top[arrays.best(said[top], FRIENDS)])
        marked[top] = True
        _mark_revisions(view, None, marked)
    else:  # the neighbour of a memory that may not be found may be found itself
        allowed = np.zeros(view.n, np.bool_)
        allowed[places] = True
        marked = with_neighbours(view, arrays.best(said, FRIENDS)) & allowed
        marked[top] = True
        _mark_revisions(view, allowed, marked)
    return np.flatnonzero(marked)


def with_neighbours(view: View, places: IntArray) -> BoolArray:
    """Return by position whether it is one of `places`, or of the two before and after one in its episode."""
    marked = np.zeros(view.n, np.bool_)
    marked[places] = True
    for links in (view.columns.previous, view.columns.following):
        at: NDArray[np.int64] | NDArray[np.int32] = places
        for _ in range(2):
            at = links[at]
            at = at[(at >= 0) & (at < view.n)]
            marked[at] = True
    return marked


def _mark_revisions(view: View, allowed: BoolArray | None, marked: BoolArray) -> None:
    """Mark what replaced a marked memory, and what replaced that, as far as they may be found."""
    front = np.flatnonzero(marked) if view.has_replaced else _NOBODY
    while len(front):
        successors = view.columns.successor[front]
        front = np.searchsorted(view.ids, np.unique(successors[successors > 0]))
        front = front[front < view.n]
        marked[front if allowed is None else front[allowed[front]]] = True
