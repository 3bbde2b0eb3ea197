"""Names that cross borders: arrays, events, findings, progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BoolArray",
    "Calls",
    "Emit",
    "Event",
    "Finding",
    "FloatArray",
    "IntArray",
    "Progress",
    "SingleArray",
    "TokenArray",
]

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
TokenArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@attrs.frozen
class Event:
    """Something that happened in a mind.

    Attributes
    ----------
    kind : str
        ``"remembered"``, ``"revised"``, ``"forgotten"``, ``"erased"``, ``"pinned"``, ``"undone"``,
        ``"anticipated"`` (what `anticipate` told came true or failed), ``"changed"`` (what comes in is unlike before),
        ``"incident"``, ``"progress"``, ``"upgrade"`` or ``"closed"``.
    at : str
        When, ISO 8601 with offset, by the mind's clock.
    data : mapping
        The parts, by name; ``ids`` for the memories concerned. Never a text: subscribers ask the mind for it.
    """

    kind: str
    at: str
    data: Mapping[str, Any]


Emit = Callable[..., None]
"""``emit(kind, **data)``: how a component tells what happened without knowing who listens."""

Progress = Callable[[str, int, int | None], None]
"""``progress(what, done, total)``: called now and then during anything long; `total` is None where it is unknown."""


class Calls(NamedTuple):
    """What a host has called, counted from some moment on.

    Attributes
    ----------
    n, seconds : int, float
        How many calls there were, and how long all of them took.
    failed : int
        Those that ended in an error that was not the caller's.
    refused : int
        Those that an upgrade or a full disk did not let through.
    """

    n: int = 0
    seconds: float = 0.0
    failed: int = 0
    refused: int = 0

    def since(self, then: Calls) -> Calls:
        """Return what came after an earlier count."""
        return Calls(
            self.n - then.n, self.seconds - then.seconds, self.failed - then.failed, self.refused - then.refused
        )


@attrs.frozen
class Finding:
    """One thing that a check found wrong.

    Attributes
    ----------
    kind : str
        What sort of thing: ``"unreadable"``, ``"missing memory"``, ``"orphan"``, ``"derived differs"``,
        ``"count differs"``, ``"lost tail"``, ``"unknown key"``, ``"pointer file"``.
    where : str
        The file or key concerned.
    message : str
        What is wrong and what to do.
    ids : tuple of int
        The memories concerned, where they are known.
    """

    kind: str
    where: str
    message: str
    ids: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.message}"
