"""Concepts: memories that are alike, found in one pass, merged when looked at."""

from __future__ import annotations

import attrs
import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.memory.index.vectors import unit_rows
from thoughtengine.patterns.tables import Tables, maths

__all__ = ["Concepts", "Grouping", "group"]

ALIKE = 0.35  # cosine from which on a memory belongs to a cluster
MERGED = 0.45  # mean cosine from which on clusters are one concept
ABSORBED = 0.3  # cosine from which on a small cluster joins a concept
_FEWEST = 3  # members of a cluster that others may merge with
_SLOWEST = 0.02  # least share by which a member moves its cluster
_NEAR = 32  # clusters that are compared in full
_BYTES, _MOST = 16 << 20, 1 << 12  # of the table of clusters


@attrs.frozen(eq=False)
class Grouping:
    """Clusters put together to concepts.

    Attributes
    ----------
    ids : array of int64, shape (c,)
        First member of each cluster.
    concepts : array of int64, shape (c,)
        The concept of each cluster: the oldest first member in it.
    sizes : array of float64, shape (c,)
        Members of each cluster.
    units : array of float32, shape (c, d)
        Direction of each cluster.
    exemplars : array of int64, shape (c, 6)
        Members most alike to each, best first; 0 for none.
    newest : array of int64, shape (c,)
        Newest member of each.
    """

    ids: IntArray
    concepts: IntArray
    sizes: FloatArray
    units: SingleArray
    exemplars: IntArray
    newest: IntArray


class Concepts:
    """Clusters of vectors, in bounded memory.

    Parameters
    ----------
    dimension : int
        Of the vectors.

    Notes
    -----
    When the table is full, the cluster with the fewest members gives way, of equals the one that was met longest ago.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        n = max(64, min(_MOST, _BYTES // (4 * dimension)))
        self.tables: Tables = {
            "means": np.zeros(n * dimension, np.float32),
            "units": np.zeros(n * dimension, np.float32),
            "signs": np.zeros(n * ((dimension + 63) // 64), np.int64),
            "weights": np.zeros(n),
            "members": np.zeros(n * 8, np.int64),
            "closeness": np.zeros(n * 8, np.float32),
            "total": np.zeros(dimension),
            "middle": np.zeros(dimension, np.float32),
            "counters": np.zeros(4, np.int64),
        }

    def learn(self, vectors: SingleArray, ids: IntArray) -> tuple[IntArray, FloatArray]:
        """Take in vectors.

        Parameters
        ----------
        vectors : array of float32, shape (n, d)
            Of any length (norm) but 0.
        ids : array of int64, shape (n,)
            Of the memories.

        Returns
        -------
        chosen, likeness : arrays, shape (n,)
            The first member of the cluster each was put to; its cosine to the nearest cluster before, in a cluster that is new
            at most that of its first member, -2 for the first of all.
        """
        chosen, likeness = np.zeros(len(ids), np.int64), np.zeros(len(ids))
        maths().gather(
            unit_rows(vectors).reshape(-1), ids, ALIKE, _SLOWEST, _NEAR, *self.tables.values(), chosen, likeness
        )
        return chosen, likeness

    def likeness(self, vectors: SingleArray) -> tuple[IntArray, FloatArray]:
        """Return the first member of the cluster nearest to each vector, and its cosine; nothing is learned."""
        units = self._units()
        points = unit_rows(vectors) - self.tables["middle"]
        points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
        if not len(units):
            return np.zeros(len(vectors), np.int64), np.full(len(vectors), -2.0)
        cosines = points @ units.T
        nearest = cosines.argmax(1)
        return self._members()[nearest, 0], cosines[np.arange(len(vectors)), nearest].astype(np.float64)

    def _units(self) -> SingleArray:
        n = int(self.tables["counters"][1])
        return self.tables["units"][: n * self.dimension].reshape(n, self.dimension)

    def _members(self) -> IntArray:
        n = int(self.tables["counters"][1])
        return self.tables["members"][: 8 * n].reshape(n, 8)

    def snapshot(self) -> tuple[SingleArray, FloatArray, IntArray, IntArray, IntArray]:
        """Return copies of directions, sizes, first members, exemplars and newest members of all clusters, for `group`."""
        n = int(self.tables["counters"][1])
        members, closeness = self._members(), self.tables["closeness"][: 8 * n].reshape(n, 8)
        order = np.argsort(-closeness[:, 2:], axis=1, kind="stable")
        exemplars = np.take_along_axis(members[:, 2:], order, axis=1)
        return (
            self._units().copy(),
            self.tables["weights"][:n].copy(),
            members[:, 0].copy(),
            exemplars,
            members[:, 1].copy(),
        )


def group(units: SingleArray, sizes: FloatArray, ids: IntArray, exemplars: IntArray, newest: IntArray) -> Grouping:
    """Merge clusters to concepts: average linkage among those of three members or more, the others join the nearest.

    Parameters
    ----------
    units, sizes, ids, exemplars, newest
        As `Concepts.snapshot` gives them.
    """
    large = np.flatnonzero(sizes >= _FEWEST)
    leaders = _linked(units[large])
    leader = np.arange(len(ids))
    leader[large] = large[leaders]
    small = np.flatnonzero(sizes < _FEWEST)
    if len(large) and len(small):
        cosines = units[small] @ units[large].T
        nearest = cosines.argmax(1)
        joins = cosines[np.arange(len(small)), nearest] >= ABSORBED
        leader[small[joins]] = leader[large[nearest[joins]]]
    oldest = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(oldest, leader, ids)
    return Grouping(ids, oldest[leader], sizes, units, exemplars, newest)


def _linked(units: SingleArray) -> IntArray:
    """Return the leader of each cluster after merging the most alike, as long as they are alike on average."""
    n = len(units)
    leaders, sizes = np.arange(n), np.ones(n)
    if n < 2:
        return leaders
    cosines = (units @ units.T).astype(np.float64)
    np.fill_diagonal(cosines, -2.0)
    nearest = cosines.argmax(1)
    best = cosines[np.arange(n), nearest]
    while best[i := int(best.argmax())] >= MERGED:
        j = int(nearest[i])
        mean = (cosines[i] * sizes[i] + cosines[j] * sizes[j]) / (sizes[i] + sizes[j])
        mean[[i, j]] = -2.0
        mean[best == -3.0] = -2.0
        cosines[i], cosines[:, i] = mean, mean
        cosines[j], cosines[:, j] = -2.0, -2.0
        sizes[i] += sizes[j]
        leaders[leaders == j] = i
        best[j] = -3.0
        stale = np.flatnonzero(((nearest == i) | (nearest == j)) & (best > -3.0))
        stale = np.union1d(stale, [i])
        nearest[stale] = cosines[stale].argmax(1)
        best[stale] = cosines[stale, nearest[stale]]
        closer = (mean > best) & (best > -3.0)
        nearest[closer], best[closer] = i, mean[closer]
    return leaders
