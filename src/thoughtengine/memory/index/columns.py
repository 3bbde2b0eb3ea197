"""Columns: one array per property of a memory; Names: the small codes that stand in them for strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray
from thoughtengine.memory.index.analysis import LABELS, fold_text, words
from thoughtengine.memory.record import AppraisalRecord

__all__ = [
    "CODED", "HIDDEN", "LAYER", "LINKS", "MOST", "PINNED", "PLAIN", "REPLACED", "STATES", "Columns", "Names", "SourceNames",
    "akin", "felt",
]  # fmt: skip

LAYER = 7
"""Bits of a state that hold the code of the layer."""

PINNED, HIDDEN, REPLACED = 8, 16, 32
"""Bits of a state."""

STATES = 64

MOST = 65_535
"""Words and labels that are counted."""

PLAIN = ("id", "at", "offset", "state", "length", "labels", "fold", "valence", "arousal")
"""Columns that mean the same wherever a memory stands."""

CODED, LINKS = ("source", "episode", "kind"), ("previous", "following")
"""Columns of codes, and of positions of others: a segment's file has its own."""


class Columns:
    """One array per property of a memory, filled up to a view's `n`; the writer writes beyond it.

    Attributes
    ----------
    id, at : int64
        The memory's id, ascending; microseconds since 1970.
    offset : int32
        Seconds east of UTC.
    state : uint8
        Code of the layer, plus `PINNED`, `HIDDEN`, `REPLACED` where they apply.
    length, labels : uint16
        Words of the text; words of source, tags and date; 65,535 at most.
    fold : uint64
        Hash of text and source, 0 for none.
    source, episode, kind : int32
        Codes, 0 for none.
    previous, following : int32
        Position of the memory before and after in the same episode, -1 for none.
    successor : int64
        Id of the revision that took its place, 0 for none.
    valence, arousal : uint8
        How it felt, as `felt` makes them; 0 for not said.
    """

    __slots__ = (
        "arousal", "at", "episode", "fold", "following", "id", "kind", "labels", "length", "offset", "previous", "source",
        "state", "successor", "valence",
    )  # fmt: skip

    def __init__(self, capacity: int) -> None:
        # zeros that nobody writes take no memory: rare properties cost nothing where they are not used
        self.id = np.zeros(capacity, np.int64)
        self.at = np.zeros(capacity, np.int64)
        self.offset = np.zeros(capacity, np.int32)
        self.state = np.zeros(capacity, np.uint8)
        self.length = np.zeros(capacity, np.uint16)
        self.labels = np.zeros(capacity, np.uint16)
        self.fold = np.zeros(capacity, np.uint64)
        self.source = np.zeros(capacity, np.int32)
        self.episode = np.zeros(capacity, np.int32)
        self.kind = np.zeros(capacity, np.int32)
        self.previous = np.zeros(capacity, np.int32)
        self.following = np.zeros(capacity, np.int32)
        self.successor = np.zeros(capacity, np.int64)
        self.valence = np.zeros(capacity, np.uint8)
        self.arousal = np.zeros(capacity, np.uint8)

    def __len__(self) -> int:
        return len(self.id)

    def grown(self, n: int, capacity: int) -> Columns:
        """Return columns of a larger capacity with the first `n` rows of these."""
        larger = Columns(capacity)
        for name in self.__slots__:
            mine = getattr(self, name)[:n]
            if mine.any():
                getattr(larger, name)[:n] = mine
        return larger


def felt(appraisal: AppraisalRecord | None) -> tuple[int, int]:
    """Return an appraisal as it stands in the columns: valence in 254 steps from 1 to 255, arousal in 255; (0, 0) for none."""
    if appraisal is None or appraisal.valence is None:
        return 0, 0
    return 1 + round((appraisal.valence + 1.0) * 127.0), round((appraisal.arousal or 0.0) * 255.0)


def akin(valence: NDArray[np.uint8], arousal: NDArray[np.uint8], feeling: tuple[float, float | None]) -> FloatArray:
    """Return how near memories are to a feeling, in [0, 1]; 0 for those of which nothing is known.

    Parameters
    ----------
    valence, arousal : array of uint8, shape (m,)
        As `felt` makes them.
    feeling : tuple of float
        Valence in [-1, 1], and arousal in [0, 1]: near is what is less than 1 away. Without arousal: how far a memory lies
        to the side of the valence's sign.
    """
    value = (valence - 1.0) / 127.0 - 1.0
    wanted, aroused = feeling
    if aroused is None:
        near = np.maximum(value * np.sign(wanted), 0.0)
    else:
        near = np.maximum(1.0 - np.hypot(value - wanted, arousal / 255.0 - aroused), 0.0)
    known: FloatArray = np.where(valence > 0, near, 0.0)
    return known


class Names:
    """The codes of the values of one property, from 1 in order of appearance; 0 stands for None."""

    __slots__ = ("_values", "codes", "n")

    def __init__(self) -> None:
        self.codes: dict[str | None, int] = {None: 0}
        self._values: list[str | None] = [None]
        self.n = 1

    def code(self, value: str | None) -> int:
        """Return the code of a value, a new one if it is new."""
        known = self.codes.get(value)
        if known is None:
            self._values.append(value)
            known = self.codes[value] = self.n
            self.n += 1
            if value is not None:
                self._learn(value, known)
        return known

    def table(self, values: Sequence[str]) -> NDArray[np.int32]:
        """Return 0, then the codes of distinct values."""
        table = np.zeros(len(values) + 1, np.int32)
        table[1:] = np.fromiter(self._all(values), np.int32, len(values))
        return table

    def _all(self, values: Sequence[str]) -> Iterable[int]:
        """Return the codes of values: all at once, as episodes are many; for those that were known a new code stays unused."""
        first, self.n = self.n, self.n + len(values)
        self._values += values
        return map(self.codes.setdefault, values, range(first, self.n))

    def values(self, codes: Iterable[int]) -> list[str]:
        """Return the values of codes above 0."""
        return [value for code in codes if (value := self._values[code]) is not None]

    def _learn(self, value: str, code: int) -> None:
        """Take note of a new value."""

    def known(self, values: frozenset[str]) -> list[int]:
        """Return the codes of those values that have one."""
        return sorted(self.codes[value] for value in values if value in self.codes)


class SourceNames(Names):
    """The codes of sources, and by which words each is called."""

    __slots__ = ("_called", "_parts")

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[int] = [0]  # code → number of distinct words
        self._called: dict[int, list[int]] = {}  # label → codes

    def _learn(self, value: str, code: int) -> None:
        parts = {LABELS[word] for word in words(fold_text(value))}
        self._parts.append(len(parts))
        for part in parts:
            self._called.setdefault(part, []).append(code)

    def _all(self, values: Sequence[str]) -> Iterable[int]:
        return map(self.code, values)

    def named(self, labels: tuple[int, ...]) -> list[int]:
        """Return the codes of the sources all of whose words are among these labels."""
        heard: dict[int, int] = {}
        for part in labels:
            for code in tuple(self._called.get(part, ())):
                heard[code] = heard.get(code, 0) + 1
        return [code for code, n in heard.items() if n == self._parts[code]]
