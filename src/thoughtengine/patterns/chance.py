"""Chance: tails, bounds and corrected significance, in NumPy; what a pattern must beat before it is told."""

from __future__ import annotations

import math

import numpy as np

from thoughtengine._types import FloatArray, IntArray

__all__ = ["at_least", "discoveries", "log_gamma", "low_rate", "no_rhythm"]

_LANCZOS = (
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
)  # fmt: skip
_STEPS = 400


def log_gamma(x: FloatArray) -> FloatArray:
    """Return the logarithm of the gamma function of numbers of at least 0.5.

    References
    ----------
    Lanczos, A precision approximation of the gamma function, 1964; relative error below 1e-13.
    """
    y = np.asarray(x, np.float64) - 1.0
    series = 0.99999999999980993 + sum(c / (y + i) for i, c in enumerate(_LANCZOS, 1))
    t = y + 7.5
    result: FloatArray = 0.5 * math.log(2.0 * math.pi) + (y + 0.5) * np.log(t) - t + np.log(series)
    return result


def at_least(counts: FloatArray | IntArray, expected: FloatArray) -> FloatArray:
    """Return the chance that a Poisson variable is at least as large as was counted.

    Parameters
    ----------
    counts : array, shape (n,)
        What was counted, whole numbers.
    expected : array of float64, shape (n,)
        Means, above 0.

    Returns
    -------
    array of float64, shape (n,)
        In [0, 1].

    Examples
    --------
    >>> at_least(np.array([3.0]), np.array([1.0])).round(4)
    array([0.0803])
    """
    a, x = np.asarray(counts, np.float64), np.asarray(expected, np.float64)
    tail = np.ones(len(a))
    above = (a > 0) & (x < a + 1.0)
    tail[above] = _series(a[above], x[above])
    below = (a > 0) & ~above
    tail[below] = 1.0 - _fraction(a[below], x[below])
    return np.clip(tail, 0.0, 1.0)


def _series(a: FloatArray, x: FloatArray) -> FloatArray:
    """Return the regularised lower incomplete gamma function by its series."""
    term = np.exp(a * np.log(np.maximum(x, 1e-300)) - x - log_gamma(a + 1.0))
    total = term.copy()
    for step in range(1, _STEPS):
        term = term * (x / (a + step))
        total += term
        if not (term > total * 1e-15).any():
            break
    return total


def _fraction(a: FloatArray, x: FloatArray) -> FloatArray:
    """Return the regularised upper incomplete gamma function by Lentz's continued fraction."""
    b = x + 1.0 - a
    c, d = np.full(len(a), 1e300), 1.0 / b
    h = d.copy()
    for step in range(1, _STEPS):
        an = -step * (step - a)
        b = b + 2.0
        d = 1.0 / (an * d + b)
        c = b + an / c
        h *= d * c
        if (np.abs(d * c - 1.0) < 1e-14).all():
            break
    return np.exp(-x + a * np.log(x) - log_gamma(a)) * h


def low_rate(counts: FloatArray | IntArray) -> FloatArray:
    """Return the lower bound of the mean of a Poisson variable at 95 % confidence (two-sided), by Wilson and Hilferty.

    Examples
    --------
    >>> low_rate(np.array([0, 10, 100])).round(2)
    array([ 0.  ,  4.79, 81.36])
    """
    a = np.maximum(np.asarray(counts, np.float64), 1e-9)
    bound = a * (1.0 - 1.0 / (9.0 * a) - 1.959964 / (3.0 * np.sqrt(a))) ** 3
    return np.where(a < 1.0, 0.0, np.maximum(bound, 0.0))


def no_rhythm(power: FloatArray) -> FloatArray:
    """Return the chance of a power of two harmonics without any rhythm: the upper tail of chi-square with 4 degrees.

    Examples
    --------
    >>> no_rhythm(np.array([13.2767])).round(4)
    array([0.01])
    """
    half = np.asarray(power, np.float64) / 2.0
    result: FloatArray = np.exp(-half) * (1.0 + half)
    return result


def discoveries(chances: FloatArray, n_tests: int) -> FloatArray:
    """Return q-values: the expected share of false ones among all that are at least as significant.

    Parameters
    ----------
    chances : array of float64, shape (n,)
        p-values.
    n_tests : int
        Everything that was looked at; at least n.

    Returns
    -------
    array of float64, shape (n,)
        In [0, 1].

    References
    ----------
    Benjamini and Hochberg, Controlling the false discovery rate, 1995.

    Examples
    --------
    >>> discoveries(np.array([0.01, 0.5, 0.02]), 3)
    array([0.03, 0.5 , 0.03])
    """
    n = len(chances)
    order = np.argsort(chances, kind="stable")
    scaled = chances[order] * max(n_tests, n) / np.arange(1, n + 1)
    q = np.empty(n)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0) if n else scaled
    return q
