"""Episodes: where a run of experiences breaks, by gaps in time and changes of topic."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import IntArray, SingleArray
from thoughtengine.patterns.tables import maths

__all__ = ["gaps", "topics"]

PENALTY = 1.2  # what a segment costs
_LONGEST = 30  # experiences in a segment
_FACTOR = 4.0  # how many times longer than usual a gap must be


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
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    gains, begins = np.zeros(n + 1), np.zeros(n + 1, np.int64)
    maths().divide(np.ascontiguousarray(units, np.float32).reshape(-1), d, penalty, _LONGEST, gains, begins)
    found, at = [], n
    while at > 0:
        at = int(begins[at])
        found.append(at)
    return np.array(found[::-1][1:], np.int64)


def gaps(moments: IntArray) -> IntArray:
    """Return where a pause is much longer than the usual one.

    Parameters
    ----------
    moments : array of int64, shape (n,)
        Microseconds, in order.

    Returns
    -------
    array of int64
        Places at which a new run begins.

    Examples
    --------
    >>> gaps(np.array([0, 1, 2, 3, 90, 91]) * 60_000_000)
    array([4])
    """
    waits = np.log1p(np.maximum(np.diff(moments), 0) * 1e-6)
    usual = np.median(waits[waits > 0.0]) if (waits > 0.0).any() else 0.0
    return np.flatnonzero(waits > usual + np.log(_FACTOR)) + 1
