"""Episodes: where what came without one breaks, by pauses and changes of topic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from thoughtengine._types import IntArray, SingleArray
from thoughtengine.memory.experience import HAPPENED
from thoughtengine.memory.index.columns import HIDDEN, LAYER
from thoughtengine.memory.index.vectors import unit_rows
from thoughtengine.memory.index.view import View
from thoughtengine.patterns.tables import maths

__all__ = ["runs", "topics"]

PENALTY = 1.2  # what a segment costs
_LONGEST = 30  # experiences in a segment
_NEWEST = 4096  # memories that are looked at


def topics(vectors: SingleArray, *, penalty: float = PENALTY) -> IntArray:
    """Return where the topic changes.

    Parameters
    ----------
    vectors : array of float32, shape (n, d)
        Of a run of experiences, in order.
    penalty : float
        Cost of a segment: higher for fewer.

    Returns
    -------
    array of int64
        Places at which a new segment begins, the first not among them.

    Examples
    --------
    >>> east, north = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    >>> topics(np.array([east] * 4 + [north] * 4, np.float32))
    array([4])
    """
    n, d = vectors.shape
    units = unit_rows(vectors)
    gains, begins = np.zeros(n + 1), np.zeros(n + 1, np.int64)
    maths().divide(units.reshape(-1), d, penalty, _LONGEST, gains, begins)
    found, at = [], n
    while at > 0:
        at = int(begins[at])
        found.append(at)
    return np.array(found[::-1][1:], np.int64)


def runs(view: View) -> Iterator[IntArray]:
    """Yield the ids of the newest runs of what came without an episode, as neighbours in recall go by them, newest first."""
    first = max(view.n - _NEWEST, 0)
    columns = view.columns
    state = columns.state[first : view.n]
    alone = (columns.episode[first : view.n] == 0) & np.isin(state & LAYER, tuple(HAPPENED)) & ((state & HIDDEN) == 0)
    mine = first + np.flatnonzero(alone)
    begins = np.flatnonzero(columns.previous[mine] < first)
    for run in np.split(mine, begins[begins > 0])[::-1]:
        if len(run):
            yield columns.id[run]
