"""View: the index as it stood at one moment, for any number of readers without a lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, IntArray, SingleArray
from thoughtengine.memory.analysis import TAGS
from thoughtengine.memory.experience import LAYERS
from thoughtengine.memory.segment import Segment, Tail
from thoughtengine.memory.strength import retrievability
from thoughtengine.memory.where import Choice, Where

__all__ = ["HIDDEN", "PINNED", "STATES", "Columns", "Names", "Postings", "View"]

PINNED = 8
HIDDEN = 16
STATES = 32
_DAY = 86_400_000_000.0
_ETERNAL = LAYERS.index("eternal")


class Columns:
    """One array per property of a memory, filled up to a view's `n`; the writer writes beyond it.

    Attributes
    ----------
    id, at : int64
        The memory's id, ascending; microseconds since 1970.
    state : uint8
        Code of the layer, plus `PINNED`, plus `HIDDEN`.
    length, labels : int32
        Words of the text; labels.
    fold : uint64
        Hash of text and source, 0 for none.
    source, episode, kind : int32
        Codes, 0 for none.
    previous, following : int32
        Position of the memory before and after in the same episode, -1 for none.
    successor : int64
        Id of the revision that took its place, 0 for none.
    vector : int32
        Row of its vector, -1 for none.
    """

    __slots__ = (
        "at", "episode", "fold", "following", "id", "kind", "labels", "length", "previous", "source", "state",
        "successor", "vector",
    )  # fmt: skip

    def __init__(self, capacity: int) -> None:
        self.id = np.zeros(capacity, np.int64)
        self.at = np.zeros(capacity, np.int64)
        self.state = np.zeros(capacity, np.uint8)
        self.length = np.zeros(capacity, np.int32)
        self.labels = np.zeros(capacity, np.int32)
        self.fold = np.zeros(capacity, np.uint64)
        self.source = np.zeros(capacity, np.int32)
        self.episode = np.zeros(capacity, np.int32)
        self.kind = np.zeros(capacity, np.int32)
        self.previous = np.full(capacity, -1, np.int32)
        self.following = np.full(capacity, -1, np.int32)
        self.successor = np.zeros(capacity, np.int64)
        self.vector = np.full(capacity, -1, np.int32)

    def grown(self, n: int, capacity: int) -> Columns:
        """Return columns of a larger capacity with the first `n` rows of these."""
        larger = Columns(capacity)
        for name in self.__slots__:
            getattr(larger, name)[:n] = getattr(self, name)[:n]
        return larger


class Names:
    """The codes of the values of one property, from 1 in order of appearance."""

    __slots__ = ("codes", "values")

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.values: list[str | None] = [None]

    def code(self, value: str | None) -> int:
        """Return the code of a value, a new one if it is new; 0 for None."""
        if value is None:
            return 0
        known = self.codes.get(value)
        if known is None:
            known = len(self.values)
            self.values.append(value)
            self.codes[value] = known
        return known

    def known(self, values: frozenset[str]) -> list[int]:
        """Return the codes of those values that have one."""
        return sorted(self.codes[value] for value in values if value in self.codes)


class Postings(NamedTuple):
    """Where some hashes occur: those of hash i are ``[bounds[i], bounds[i + 1])``, positions ascending in each."""

    positions: NDArray[np.int32]
    counts: NDArray[np.uint8]
    bounds: IntArray


class View:
    """The first `n` memories of an index, as they stood when it was taken.

    Attributes
    ----------
    n : int
        Memories.
    columns : Columns
        Valid up to `n`.
    n_texts, n_words, n_labels : int
        Memories with a text, words and labels in all.
    sources, episodes, kinds : Names
        Codes; may know more than the view.
    matrix : array of float32, shape (m, d), or None
        Unit vectors, by the column `vector`.
    """

    __slots__ = (
        "columns", "episodes", "kinds", "matrix", "n", "n_labels", "n_texts", "n_words", "segments", "sources",
        "states", "tail",
    )  # fmt: skip

    def __init__(
        self, n: int, columns: Columns, segments: tuple[Segment, ...], tail: Tail, totals: tuple[int, int, int],
        names: tuple[Names, Names, Names], states: list[int], matrix: SingleArray | None,
    ) -> None:  # fmt: skip
        self.n, self.columns, self.segments, self.tail = n, columns, segments, tail
        self.n_texts, self.n_words, self.n_labels = totals
        self.sources, self.episodes, self.kinds = names
        self.states, self.matrix = states, matrix

    @property
    def ids(self) -> IntArray:
        """Ids by position, ascending."""
        return self.columns.id[: self.n]

    def position(self, id: int) -> int | None:
        """Return the position of an id, None where there is none."""
        at = int(np.searchsorted(self.ids, id))
        return at if at < self.n and self.columns.id[at] == id else None

    def postings(self, hashes: Sequence[int]) -> Postings:
        """Return where each hash occurs, in the order they are given."""
        wanted = np.array(hashes, np.uint64)
        found = [(segment, *segment.find(wanted)) for segment in self.segments]
        positions: list[Any] = [np.empty(0, np.int32)]
        counts: list[Any] = [np.empty(0, np.uint8)]
        bounds = [0]
        size = 0
        for i, key in enumerate(hashes):
            for segment, starts, stops in found:
                if starts[i] < stops[i]:
                    positions.append(segment.positions[starts[i] : stops[i]])
                    counts.append(segment.counts[starts[i] : stops[i]])
                    size += stops[i] - starts[i]
            packed = self.tail.find(key, self.n)
            if packed is not None and len(packed):
                positions.append((packed >> 8).astype(np.int32))
                counts.append((packed & 255).astype(np.uint8))
                size += len(packed)
            bounds.append(size)
        return Postings(np.concatenate(positions), np.concatenate(counts), np.array(bounds, np.int64))

    def admitted(self, where: Where) -> BoolArray:
        """Return, by state, whether layer and marks match."""
        table = np.zeros(STATES, np.bool_)
        for state in range(STATES):
            layer = _ETERNAL if state & PINNED else state & 7
            table[state] = layer in where.layers and (where.hidden or not state & HIDDEN)
        return table

    def select(self, where: Where, now: int) -> IntArray:
        """Return the positions of the memories that match, ascending.

        Parameters
        ----------
        where : Where
            The filter.
        now : int
            Microseconds since 1970: what strength is measured at.
        """
        chosen = self.matching(where, now)
        return np.arange(self.n, dtype=np.int64) if chosen is None else chosen

    def count(self, where: Where, now: int) -> int:
        """Return how many memories match."""
        chosen = self.matching(where, now)
        return self.n if chosen is None else len(chosen)

    def matching(self, where: Where, now: int) -> IntArray | None:
        """Return what `select` returns, or None where every memory matches."""
        chosen = _Chosen(self.n)
        columns = self.columns
        if where.tags is not None:
            self._choose_tags(chosen, where.tags)
        for choice, names, column in (
            (where.episode, self.episodes, columns.episode),
            (where.sources, self.sources, columns.source),
            (where.kind, self.kinds, columns.kind),
        ):
            if choice is not None:
                _choose_names(chosen, choice, names, column)
        if where.since is not None:
            since = where.since
            chosen.keep(columns.at, lambda at: at >= since)
        if where.until is not None:
            until = where.until
            chosen.keep(columns.at, lambda at: at < until)
        table = self.admitted(where)
        if any(n and not table[state] for state, n in enumerate(self.states)):
            chosen.keep(columns.state, lambda state: table[state])
        if where.min_strength:
            self._choose_strength(chosen, where.min_strength, now)
        return chosen.positions

    def _choose_tags(self, chosen: _Chosen, choice: Choice) -> None:
        if choice.some is not None:
            chosen.only(_union(self.postings([TAGS[tag] for tag in sorted(choice.some)]).positions))
        for tag in sorted(choice.every):
            chosen.only(self.postings([TAGS[tag]]).positions.astype(np.int64))
        if choice.none:
            chosen.without(_union(self.postings([TAGS[tag] for tag in sorted(choice.none)]).positions))

    def _choose_strength(self, chosen: _Chosen, least: float, now: int) -> None:
        positions = np.arange(self.n, dtype=np.int64) if chosen.positions is None else chosen.positions
        state = self.columns.state[positions]
        age = np.maximum(now - self.columns.at[positions], 0) / _DAY
        eternal = (state & PINNED != 0) | (state & 7 == _ETERNAL)
        chosen.positions = positions[eternal | (retrievability(age) >= least)]


class _Chosen:
    """Positions that passed the filters so far; None: all of them."""

    __slots__ = ("n", "positions")

    def __init__(self, n: int) -> None:
        self.n = n
        self.positions: IntArray | None = None

    def keep(self, column: NDArray[Any], test: Callable[[NDArray[Any]], BoolArray]) -> None:
        if self.positions is None:
            self.positions = np.flatnonzero(test(column[: self.n]))
        else:
            self.positions = self.positions[test(column[self.positions])]

    def only(self, positions: IntArray) -> None:
        if self.positions is not None:
            positions = np.intersect1d(self.positions, positions, assume_unique=True)
        self.positions = positions

    def without(self, positions: IntArray) -> None:
        mine = np.arange(self.n, dtype=np.int64) if self.positions is None else self.positions
        self.positions = np.setdiff1d(mine, positions, assume_unique=True)


def _union(positions: NDArray[np.int32]) -> IntArray:
    return np.unique(positions).astype(np.int64)


def _choose_names(chosen: _Chosen, choice: Choice, names: Names, column: NDArray[np.int32]) -> None:
    if choice.some is not None:
        chosen.keep(column, _one_of(names.known(choice.some)))
    if choice.none:
        among = _one_of(names.known(choice.none))
        chosen.keep(column, lambda codes: ~among(codes))


def _one_of(codes: list[int]) -> Callable[[NDArray[Any]], BoolArray]:
    if len(codes) == 1:
        return lambda column: column == codes[0]
    return lambda column: np.isin(column, codes)
