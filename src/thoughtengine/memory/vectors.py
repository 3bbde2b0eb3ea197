"""Vectors: one growing matrix of unit vectors; what was published is never moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thoughtengine._types import SingleArray
from thoughtengine.errors import VectorDimensionError

__all__ = ["Vectors"]


class Vectors:
    """A matrix that grows by rows.

    Parameters
    ----------
    dimension : int or None
        Length of the vectors; None: that of the first one.
    """

    def __init__(self, dimension: int | None) -> None:
        self._dimension = dimension
        self._n = 0
        self._rows: SingleArray | None = None

    @property
    def matrix(self) -> SingleArray | None:
        """The rows so far, shape (m, d); None where there are none."""
        return None if self._rows is None else self._rows[: self._n]

    def append(self, vectors: Sequence[SingleArray]) -> int:
        """Add vectors, brought to length 1, and return the row of the first.

        Raises
        ------
        VectorDimensionError
            For one of another dimension; none was added.
        """
        dimension = self._dimension or len(vectors[0])
        for vector in vectors:
            if len(vector) != dimension:
                raise VectorDimensionError("vector", len(vector), dimension)
        rows = np.array(vectors, np.float32)
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        first, self._dimension = self._n, dimension
        self._reserve(first + len(rows))[first : first + len(rows)] = rows / np.where(norms > 0.0, norms, 1.0)[:, None]
        self._n += len(rows)
        return first

    def _reserve(self, n: int) -> SingleArray:
        if self._rows is None or n > len(self._rows):
            larger = np.zeros((max(64, n, 2 * self._n), self._dimension or 1), np.float32)
            if self._rows is not None:
                larger[: self._n] = self._rows[: self._n]
            self._rows = larger
        return self._rows
