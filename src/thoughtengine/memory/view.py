"""View: the index as it stood at one moment, for any number of readers without a lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray
from thoughtengine.memory.analysis import TAGS
from thoughtengine.memory.columns import HIDDEN, LAYER, PINNED, REPLACED, STATES, Columns, Names, SourceNames
from thoughtengine.memory.experience import LAYERS
from thoughtengine.memory.segment import Segment, Tail
from thoughtengine.memory.strength import retrievability
from thoughtengine.memory.where import Choice, Where

__all__ = ["Postings", "Totals", "View"]

_DAY = 86_400_000_000.0
_ETERNAL = LAYERS.index("eternal")
_LAYER_OF = [_ETERNAL if state & PINNED else state & LAYER for state in range(STATES)]

Test = Callable[[NDArray[Any]], BoolArray]


class Postings(NamedTuple):
    """Where some hashes occur: those of hash i are ``[bounds[i], bounds[i + 1])``, positions ascending in each."""

    positions: NDArray[np.int32]
    counts: NDArray[np.uint8]
    bounds: IntArray


class Totals(NamedTuple):
    """Sums over all memories: how many have a text, words, labels; the first and the last moment; languages of the texts."""

    texts: int = 0
    words: int = 0
    labels: int = 0
    first: int = 0
    last: int = 0
    languages: tuple[str, ...] = ()


class View:
    """The first `n` memories of an index, as they stood when it was taken.

    Attributes
    ----------
    n : int
        Memories, hidden ones among them.
    columns : Columns
        Valid up to `n`.
    segments : tuple of Segment
        Postings of the older memories, `tail` those of the newest.
    totals : Totals
        Sums.
    sources, episodes, kinds : Names
        Codes; may know more than the view.
    states : list of int
        How many memories are in each state.
    matrix : array of float32, shape (m, d), or None
        Unit vectors, by the column `vector`.
    """

    __slots__ = (
        "_norms", "columns", "episodes", "kinds", "matrix", "n", "segments", "sources", "states", "tail", "totals",
    )  # fmt: skip

    def __init__(
        self, n: int, columns: Columns, segments: tuple[Segment, ...], tail: Tail, totals: Totals,
        names: tuple[SourceNames, Names, Names], states: list[int], matrix: SingleArray | None,
    ) -> None:  # fmt: skip
        self.n, self.columns, self.segments, self.tail, self.totals = n, columns, segments, tail, totals
        self.sources, self.episodes, self.kinds = names
        self.states, self.matrix = states, matrix
        self._norms: dict[tuple[str, float, float], FloatArray] = {}

    @property
    def ids(self) -> IntArray:
        """Ids by position, ascending."""
        return self.columns.id[: self.n]

    def position(self, id_: int) -> int | None:
        """Return the position of an id, None where there is none."""
        at = int(self.ids.searchsorted(id_))
        return at if at < self.n and self.columns.id[at] == id_ else None

    def postings(self, hashes: Sequence[int]) -> Postings:
        """Return where each hash occurs, in the order in which they are given."""
        wanted = np.array(hashes, np.uint64)
        found = [(segment, *segment.find(wanted)) for segment in self.segments]
        positions: list[Any] = [np.empty(0, np.int32)]
        counts: list[Any] = [np.empty(0, np.uint8)]
        bounds, size = [0], 0
        for i, key in enumerate(hashes):
            for segment, starts, stops in found:
                start, stop = starts[i], stops[i]
                if start < stop:
                    positions.append(segment.positions[start:stop])
                    counts.append(segment.counts[start:stop])
                    size += stop - start
            newest = self.tail.find(key, self.n)
            if newest is not None:
                positions.append(newest >> 8)
                counts.append(newest & 255)
                size += len(newest)
            bounds.append(size)
        return Postings(
            np.concatenate(positions, dtype=np.int32, casting="unsafe"),
            np.concatenate(counts, dtype=np.uint8, casting="unsafe"),
            np.array(bounds, np.int64),
        )

    @property
    def has_replaced(self) -> bool:
        """Whether any memory was replaced by a revision."""
        return any(self.states[REPLACED:])

    def norms(self, of: str, k1: float, b: float) -> FloatArray:
        """Return how long each memory is for BM25, times `k1`: its "length" in words, or its number of "labels"."""
        known = self._norms.get((of, k1, b))
        if known is None:
            lengths = self.columns.length if of == "length" else self.columns.labels
            totals = self.totals
            average = totals.words / (totals.texts or 1) if of == "length" else totals.labels / (self.n or 1)
            known = k1 * (1.0 - b + b * (lengths[: self.n] / (average or 1.0)))
            self._norms[of, k1, b] = known
        return known

    def strength(self, positions: IntArray, now: int) -> FloatArray:
        """Return how retrievable memories are at `now` (microseconds since 1970); eternal ones do not fade."""
        age = np.maximum(now - self.columns.at[positions], 0) / _DAY
        eternal = np.array([layer == _ETERNAL for layer in _LAYER_OF])[self.columns.state[positions]]
        return np.where(eternal, 1.0, retrievability(age))

    def visible(self, where: Where) -> BoolArray | None:
        """Return by position whether layer and marks match, or None where all do; other filters do not count."""
        table = _admitted(where.layers, where.hidden)
        if not any(n and not table[state] for state, n in enumerate(self.states)):
            return None
        return table[self.columns.state[: self.n]]

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
        chosen, columns = _Chosen(self.n), self.columns
        if where.tags is not None:
            self._choose_tags(chosen, where.tags)
        chosen.among(where.episode, self.episodes, columns.episode)
        chosen.among(where.sources, self.sources, columns.source)
        chosen.among(where.kind, self.kinds, columns.kind)
        if (since := where.since) is not None:
            chosen.keep(columns.at, lambda at: at >= since)
        if (until := where.until) is not None:
            chosen.keep(columns.at, lambda at: at < until)
        table = _admitted(where.layers, where.hidden)
        if any(n and not table[state] for state, n in enumerate(self.states)):
            chosen.keep(columns.state, lambda state: table[state])
        if where.min_strength:
            positions = np.arange(self.n) if chosen.positions is None else chosen.positions
            chosen.positions = positions[self.strength(positions, now) >= where.min_strength]
        return None if chosen.positions is not None and len(chosen.positions) == self.n else chosen.positions

    def _choose_tags(self, chosen: _Chosen, choice: Choice) -> None:
        if choice.some is not None:
            chosen.only(self._tagged(choice.some))
        for tag in sorted(choice.every):
            chosen.only(self._tagged({tag}))
        if choice.none:
            chosen.without(self._tagged(choice.none))

    def _tagged(self, tags: frozenset[str] | set[str]) -> IntArray:
        positions = self.postings([TAGS[tag] for tag in tags]).positions.astype(np.int64)
        return positions if len(tags) == 1 else np.unique(positions)


class _Chosen:
    """Positions that passed the filters so far, ascending; None: all of them."""

    __slots__ = ("n", "positions")

    def __init__(self, n: int) -> None:
        self.n = n
        self.positions: IntArray | None = None

    def keep(self, column: NDArray[Any], test: Test) -> None:
        if self.positions is None:
            self.positions = np.flatnonzero(test(column[: self.n]))
        else:
            self.positions = self.positions[test(column[self.positions])]

    def among(self, choice: Choice | None, names: Names, column: NDArray[np.int32]) -> None:
        if choice is None:
            return
        if choice.some is not None:
            self.keep(column, _one_of(names.known(choice.some)))
        if choice.none:
            inside = _one_of(names.known(choice.none))
            self.keep(column, lambda codes: ~inside(codes))

    def only(self, positions: IntArray) -> None:
        if self.positions is not None:
            positions = np.intersect1d(self.positions, positions, assume_unique=True)
        self.positions = positions

    def without(self, positions: IntArray) -> None:
        mine = np.arange(self.n) if self.positions is None else self.positions
        self.positions = np.setdiff1d(mine, positions, assume_unique=True)


def _one_of(codes: list[int]) -> Test:
    if len(codes) == 1:
        return lambda column: column == codes[0]
    return lambda column: np.isin(column, codes)


@lru_cache(64)
def _admitted(layers: frozenset[int], hidden: bool) -> BoolArray:
    """Return by state whether layer and marks match."""
    table = [layer in layers and (hidden or not state & HIDDEN) for state, layer in enumerate(_LAYER_OF)]
    return np.array(table, np.bool_)
