"""How a row of a table is found, or the one that gives way."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import IntArray
from thoughtengine.patterns.kernels.sequences import WAYS

__all__ = ["place_of", "set_of"]


def set_of(key: int, n: int, ways: int = WAYS) -> int:
    """Return where the set of a key begins in a table of n rows."""
    return ((int(key) ^ (int(key) >> 32)) & (n // ways - 1)) * ways


def place_of(keys: IntArray, key: int, value: IntArray) -> tuple[int, bool]:
    """Return the row of a key, or the one it may take: the least by the columns of `value`; and whether it was there."""
    start = set_of(key, len(keys))
    found = np.flatnonzero(keys[start : start + WAYS] == key)
    if len(found):
        return start + int(found[0]), True
    return start + min(range(WAYS), key=lambda way: tuple(value[start + way].tolist())), False
