"""Checks: numbers that a host gives, of Python or of NumPy, made plain ones or refused with what was expected."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TypeGuard

from thoughtengine.errors import InvalidArgumentError

__all__ = ["is_real", "is_whole", "real", "whole"]


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number, of Python or of NumPy; a bool is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_real(value: object) -> TypeGuard[float]:
    """Tell whether a value is a number, of Python or of NumPy; a bool is none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def whole(name: str, value: object, low: int, high: int, expected: str = "") -> int:
    """Return a whole number as an int.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
        What was given.
    low, high : int
        The least and the most that it may be.
    expected : str, optional
        What the error says was expected, where that is more than the range.

    Raises
    ------
    InvalidArgumentError
        For anything else.

    Examples
    --------
    >>> import numpy as np
    >>> whole("k", np.int64(3), 1, 10)
    3
    """
    if not is_whole(value) or not low <= value <= high:
        raise InvalidArgumentError(name, value, expected or f"a whole number from {low:,} to {high:,}")
    return int(value)


def real(name: str, value: object, low: float, high: float, expected: str = "") -> float:
    """Return a number as a float; arguments and errors as of `whole`.

    Examples
    --------
    >>> import numpy as np
    >>> real("min_chance", np.float32(0.5), 0.0, 1.0)
    0.5
    """
    try:  # plain first: NumPy compares in its own precision, in which a bound may not fit
        number = float(value) if is_real(value) else math.nan
    except OverflowError:
        number = math.nan
    if not low <= number <= high:
        raise InvalidArgumentError(name, value, expected or f"a number in [{low:g}, {high:g}]")
    return number
