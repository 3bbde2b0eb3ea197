"""Strength: how retrievable a memory is now, by the power curve of FSRS-6."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from thoughtengine._types import FloatArray

__all__ = ["FIRST_STABILITY", "WEIGHTS", "retrievability"]

WEIGHTS = (
    0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796,
    1.4835, 0.0614, 0.2629, 1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542,
)  # fmt: skip
"""The default weights of FSRS-6."""

FIRST_STABILITY = WEIGHTS[2]
"""Days after which a memory that was taken in once ("good") is retrievable with probability 0.9."""

_DECAY = -WEIGHTS[20]
_FACTOR: float = 0.9 ** (1.0 / _DECAY) - 1.0


@overload
def retrievability(age_days: float, stability_days: float = ...) -> float: ...
@overload
def retrievability(age_days: FloatArray, stability_days: float | FloatArray = ...) -> FloatArray: ...
def retrievability(
    age_days: float | FloatArray, stability_days: float | FloatArray = FIRST_STABILITY
) -> float | FloatArray:
    """Return the probability that a memory can still be retrieved.

    Parameters
    ----------
    age_days : float or array
        Days since it was taken in, at least 0.
    stability_days : float or array
        Days after which it is 0.9, above 0.

    Returns
    -------
    float or array
        In (0, 1].

    References
    ----------
    FSRS-6, ``R(t) = (1 + F t / S) ** -w20`` with ``F = 0.9 ** (-1 / w20) - 1``.

    Examples
    --------
    >>> retrievability(0.0), round(retrievability(10.0, 10.0), 6)
    (1.0, 0.9)
    """
    value: float | FloatArray = (1.0 + _FACTOR * age_days / stability_days) ** _DECAY
    return value
