"""View: the index as it stood at one moment, for any number of readers without a lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray
from thoughtengine.memory.experience import LAYERS
from thoughtengine.memory.index.analysis import TAGS
from thoughtengine.memory.index.columns import HIDDEN, LAYER, PINNED, REPLACED, STATES, Columns, Names, SourceNames
from thoughtengine.memory.index.segment import Segment
from thoughtengine.memory.index.tail import Tail
from thoughtengine.memory.index.vectors import Growing
from thoughtengine.memory.strength import retrievability
from thoughtengine.memory.where import Choice, Where

__all__ = ["Found", "Totals", "View"]

_DAY = 86_400_000_000.0
_ROUNDING = 1e-12
_EVER = -(1 << 63)
_ETERNAL = LAYERS.index("eternal")
_LAYER_OF = [_ETERNAL if state & PINNED else state & LAYER for state in range(STATES)]

Test = Callable[[NDArray[Any]], BoolArray]
Vectors = tuple[NDArray[np.int32], SingleArray]


class Found(NamedTuple):
    """Where some hashes occur in one part of the index.

    Attributes
    ----------
    start : int
        Position of the part's first memory.
    postings : array of uint32
        ``position - start << 8 | count``, ascending for each hash.
    starts, stops : array of int64, shape (t,)
        Postings of hash i are ``[starts[i], stops[i])``.
    """

    start: int
    postings: NDArray[np.uint32]
    starts: IntArray
    stops: IntArray


class Totals(NamedTuple):
    """Sums over all memories: how many have a text, words, labels; the first and the last moment; languages of the texts.

    `in_order` tells whether none happened before one that was remembered earlier.
    """

    texts: int = 0
    words: int = 0
    labels: int = 0
    first: int = 0
    last: int = 0
    languages: tuple[str, ...] = ()
    in_order: bool = True

    @property
    def mean_words(self) -> float:
        """Words of a text."""
        return self.words / (self.texts or 1)


class Frozen(NamedTuple):
    """A full tail that waits to be cut into a segment, and its vectors."""

    tail: Tail
    vectors: Growing


class View:
    """The first `n` memories of an index, as they stood when it was taken.

    Attributes
    ----------
    n : int
        Memories, hidden ones among them.
    columns : Columns
        Valid up to `n`.
    segments : tuple of Segment
        Postings and vectors of the older memories; `frozen` those of newer ones that wait to be cut, oldest first, `tail` the
        postings of the newest.
    newest : (places, matrix) or None
        Which memories of `tail` have a vector (relative to its start), and their unit vectors.
    made_by : str
        Fingerprint of the encoder of the newest vectors; blocks tell theirs.
    totals : Totals
        Sums.
    sources, episodes, kinds : Names
        Codes; may know more than the view.
    states : list of int
        How many memories are in each state.
    """

    __slots__ = (
        "columns", "episodes", "frozen", "kinds", "made_by", "n", "newest", "segments", "sources",
        "states", "tail", "totals",
    )  # fmt: skip

    def __init__(
        self, n: int, columns: Columns, segments: tuple[Segment, ...], frozen: tuple[Frozen, ...], tail: Tail,
        newest: Vectors | None, made_by: str, totals: Totals, names: tuple[SourceNames, Names, Names], states: list[int],
    ) -> None:  # fmt: skip
        self.n, self.columns, self.segments, self.tail, self.totals = n, columns, segments, tail, totals
        self.frozen = frozen
        self.newest, self.made_by = newest, made_by
        self.sources, self.episodes, self.kinds = names
        self.states = states

    @property
    def ids(self) -> IntArray:
        """Ids by position, ascending."""
        return self.columns.id[: self.n]

    @property
    def dimension(self) -> int | None:
        """Length of the vectors of the encoder that counts, None where there are none."""
        for segment in reversed(self.segments):
            if segment.block is not None and segment.block.made_by == self.made_by:
                return segment.block.dimension
        return next((matrix.shape[1] for _, matrix in self.unsealed), None)

    @property
    def unsealed(self) -> list[tuple[IntArray, SingleArray]]:
        """Vectors that are in no segment yet: positions and unit vectors, oldest first."""
        found = [
            (frozen.vectors.places[: frozen.vectors.n].astype(np.int64) + frozen.tail.start, frozen.vectors.matrix)
            for frozen in self.frozen
            if frozen.vectors.n
        ]
        if self.newest is not None:
            found.append((self.newest[0].astype(np.int64) + self.tail.start, self.newest[1]))
        return found

    @property
    def makers(self) -> set[str]:
        """Fingerprints of the encoders of the vectors."""
        return {segment.block.made_by for segment in self.segments if segment.block is not None}

    @property
    def n_vectors(self) -> int:
        """Memories with a vector."""
        sealed = sum(len(segment.block) for segment in self.segments if segment.block is not None)
        return sealed + sum(len(positions) for positions, _ in self.unsealed)

    def position(self, id_: int) -> int | None:
        """Return the position of an id, None where there is none."""
        at = int(self.ids.searchsorted(id_))
        return at if at < self.n and self.columns.id[at] == id_ else None

    def find(self, hashes: Sequence[int]) -> list[Found]:
        """Return where each hash occurs, part by part, oldest first."""
        wanted = np.array(hashes, np.uint64)
        found = [Found(segment.start, segment.postings, *segment.find(wanted)) for segment in self.segments]
        for tail in self._tails():
            postings, bounds = tail.find(hashes, self.n - tail.start)
            found.append(Found(tail.start, postings, bounds[:-1], bounds[1:]))
        return found

    def _tails(self) -> list[Tail]:
        tails = [frozen.tail for frozen in self.frozen]
        return [*tails, self.tail] if self.tail.start < self.n else tails

    def listed(self, hash_: int) -> IntArray:
        """Return the positions of the memories under a hash, ascending."""
        parts = [
            (found.postings[found.starts[0] : found.stops[0]] >> 8).astype(np.int64) + found.start
            for found in self.find([hash_])
        ]
        return np.concatenate([*parts, np.empty(0, np.int64)])

    def repeats(self, folds: Sequence[int], maths: ModuleType) -> dict[int, IntArray]:
        """Return the positions of the memories with each fold, ascending, for those that more than one has."""
        wanted = np.array(folds, np.uint64)
        own = [self.columns.fold[segment.start : segment.stop] for segment in self.segments]
        older = [segment.with_fold(mine, wanted, maths) for segment, mine in zip(self.segments, own, strict=True)]
        newer = [(tail.start, *tail.find(folds, self.n - tail.start)) for tail in self._tails()]
        counts = [times.tolist() for _, times in older] + [np.diff(bounds).tolist() for _, _, bounds in newer]
        found = {}
        for i, often in enumerate(map(sum, zip(*counts, strict=True))):
            if often < 2 or not folds[i]:
                continue
            parts = [
                segment.run_of(mine, int(firsts[i]), folds[i])
                for segment, mine, (firsts, times) in zip(self.segments, own, older, strict=True)
                if times[i]
            ]
            parts += [(packed[to[i] : to[i + 1]] >> 8).astype(np.int64) + start for start, packed, to in newer]
            found[folds[i]] = np.concatenate(parts)
        return found

    def is_repeat(self, positions: IntArray, of: Iterable[int]) -> BoolArray:
        """Tell which memories are repeats of some, given by id, that are not forgotten; each is one of itself."""
        known = np.array([at for id_ in of if (at := self.position(id_)) is not None], np.int64)
        folds = self.columns.fold[known[self.columns.state[known] & HIDDEN == 0]]
        return np.isin(self.columns.fold[positions], folds[folds > 0])

    @property
    def has_replaced(self) -> bool:
        """Whether any memory was replaced by a revision."""
        return any(self.states[REPLACED:])

    def strength(self, positions: IntArray, now: int) -> FloatArray:
        """Return how retrievable memories are at `now` (microseconds since 1970); eternal ones do not fade."""
        age = np.maximum(now - self.columns.at[positions], 0) / _DAY
        return np.where(self._are_eternal(positions), 1.0, retrievability(age))

    def _are_eternal(self, positions: IntArray) -> BoolArray:
        eternal: BoolArray = np.array([layer == _ETERNAL for layer in _LAYER_OF])[self.columns.state[positions]]
        return eternal

    def _strong(self, positions: IntArray, now: int, least: float) -> IntArray:
        """Return which memories tell of a strength of `least` or more: arrays may be rounded otherwise than one number is."""
        strength = self.strength(positions, now)
        near = np.flatnonzero((np.abs(strength - least) < _ROUNDING) & ~self._are_eternal(positions))
        if len(near):
            moments, which = np.unique(self.columns.at[positions[near]], return_inverse=True)
            told = [retrievability(max(now - at, 0) / _DAY) for at in moments.tolist()]
            strength[near] = np.array(told)[which]
        return positions[strength >= least]

    def visible(self, where: Where) -> BoolArray | None:
        """Return by position whether layer, marks and age match, or None where all do; other filters do not count."""
        (table, shut_out), n = _admitted(where.layers, where.hidden), self._reach(where)
        if n == self.n and not any(map(self.states.__getitem__, shut_out)):
            return None
        visible: BoolArray = table[self.columns.state[: self.n]]
        visible[n:] = False
        return visible

    def _reach(self, where: Where) -> int:
        """Return how many memories there are up to the newest that may match."""
        return self.n if where.newest is None else int(self.ids.searchsorted(where.newest, "right"))

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
        if where.since is not None or where.until is not None:
            self._choose_times(chosen, _EVER if where.since is None else where.since, where.until)
        table, shut_out = _admitted(where.layers, where.hidden)
        if any(map(self.states.__getitem__, shut_out)):
            chosen.keep(columns.state, lambda state: table[state])
        if where.min_strength:
            positions = np.arange(self.n) if chosen.positions is None else chosen.positions
            chosen.positions = self._strong(positions, now, where.min_strength)
        if (n := self._reach(where)) < self.n:
            positions = np.arange(n) if chosen.positions is None else chosen.positions
            chosen.positions = positions[: positions.searchsorted(n)]
        return None if chosen.positions is not None and len(chosen.positions) == self.n else chosen.positions

    def _choose_times(self, chosen: _Chosen, since: int, until: int | None) -> None:
        if chosen.positions is None and self.totals.in_order:
            at = self.columns.at[: self.n]
            first = int(at.searchsorted(since))
            last = self.n if until is None else max(first, int(at.searchsorted(until)))
            chosen.positions = np.arange(first, last)
        else:
            chosen.keep(self.columns.at, lambda at: at >= since if until is None else (at >= since) & (at < until))

    def _choose_tags(self, chosen: _Chosen, choice: Choice) -> None:
        if choice.some is not None:
            chosen.only(self._tagged(choice.some))
        for tag in sorted(choice.every):
            chosen.only(self._tagged({tag}))
        if choice.none:
            chosen.without(self._tagged(choice.none))

    def _tagged(self, tags: frozenset[str] | set[str]) -> IntArray:
        lists = [self.listed(TAGS[tag]) for tag in tags]
        return lists[0] if len(lists) == 1 else np.unique(np.concatenate([*lists, np.empty(0, np.int64)]))


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
def _admitted(layers: frozenset[int], hidden: bool) -> tuple[BoolArray, list[int]]:
    """Return by state whether layer and marks match, and the states where they do not."""
    table = [layer in layers and (hidden or not state & HIDDEN) for state, layer in enumerate(_LAYER_OF)]
    return np.array(table, np.bool_), [state for state, admitted in enumerate(table) if not admitted]
