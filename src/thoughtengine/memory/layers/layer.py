"""What every layer answers: does this belong here, how is it taken in, how long does it stay."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from thoughtengine.memory.record import AppraisalRecord, MemoryRecord

__all__ = ["Layer", "nothing_wrong"]

Wrong = tuple[str, object, str]
"""(argument, what was given, what is expected) of a record that does not belong."""


def nothing_wrong(record: MemoryRecord, appraisal: AppraisalRecord | None) -> Wrong | None:
    """Find nothing wrong: for layers that take whatever is an experience."""
    return None


class Layer(msgspec.Struct, frozen=True):
    """One of the five layers.

    Attributes
    ----------
    name, code : str, int
        As the host says it, and as it is stored.
    inferred : bool
        True for what was concluded and not experienced: not recalled unless named.
    fades : bool
        Whether strength falls with time; what does not fade has strength 1.
    wrong : callable
        ``wrong(record, appraisal)``: why a record does not belong here, or None.
    stays : str
        The retention rule in words.
    """

    name: str
    code: int
    inferred: bool
    fades: bool
    wrong: Callable[[MemoryRecord, AppraisalRecord | None], Wrong | None]
    stays: str
