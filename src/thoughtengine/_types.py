"""Names that cross borders: arrays, events, findings, progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SPREAD_STEPS",
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


SPREAD_STEPS = 380
_PER_FACTOR = 1.0 / math.log(1.05)


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
    spread : tuple of int
        How many took so long: below 1 µs, and in steps of 5 % above; empty where nobody counted.
    """

    n: int = 0
    seconds: float = 0.0
    failed: int = 0
    refused: int = 0
    spread: tuple[int, ...] = ()

    def since(self, then: Calls) -> Calls:
        """Return what came after an earlier count."""
        before = then.spread or (0,) * len(self.spread)
        return Calls(
            self.n - then.n, self.seconds - then.seconds, self.failed - then.failed, self.refused - then.refused,
            tuple(map(int.__sub__, self.spread, before)),
        )  # fmt: skip

    @staticmethod
    def step_of(seconds: float) -> int:
        """Return in which step of the spread a call counts."""
        return min(SPREAD_STEPS - 1, max(0, int(math.log(max(seconds, 1e-6) / 1e-6) * _PER_FACTOR)))

    def percentile(self, share: float) -> float | None:
        """Return the seconds that a share of the calls took no longer than, to 5 %; None where there were none.

        Examples
        --------
        >>> spread = [0] * SPREAD_STEPS
        >>> spread[Calls.step_of(0.001)], spread[Calls.step_of(0.1)] = 99, 1
        >>> round(Calls(100, spread=tuple(spread)).percentile(0.99), 4)
        0.001
        """
        left = share * sum(self.spread)
        for step, n in enumerate(self.spread):
            left -= n
            if n and left <= 1e-9:
                return 1e-6 * math.exp((step + 0.5) / _PER_FACTOR)
        return None


@attrs.frozen
class Finding:
    """One thing that a check found wrong.

    Attributes
    ----------
    kind : str
        What sort of thing: ``"unreadable"``, ``"missing memory"``, ``"orphan"``, ``"derived differs"``,
        ``"count differs"``, ``"lost tail"``, ``"unknown key"``, ``"pointer file"``, ``"rollback point"``,
        ``"report"``.
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
