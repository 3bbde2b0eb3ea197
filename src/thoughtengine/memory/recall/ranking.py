"""Ranking: the order of what was scored, revisions above what they replaced, repeats folded into one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray, IntArray
from thoughtengine.memory.index.view import View
from thoughtengine.memory.recall.channels import Scored, compiled

__all__ = ["Ranking", "Sheet"]

_MARGIN = 32  # places beyond k that are ordered at once


class Ranking(NamedTuple):
    """The best memories for a cue, best first, before they are loaded.

    Attributes
    ----------
    ids, places : array of int64, shape (m,)
        At most k, and where they are in the view.
    scores : array of float64, shape (m,)
        Sums of the shares, above 0.
    shares : array of float64, shape (m, c)
        By channel.
    channels : tuple of str
        Names of the columns of `shares`.
    n_repeats : array of int64, shape (m,)
        Repeats folded into each, superseded ones not counted.
    n_candidates : int
        Memories that were weighed against each other.
    words : tuple of str
        Distinct words of the cue, the rarest first.
    beside : array of int8, shape (m,)
        1 where the neighbour that lent the most comes after the memory, -1 where it comes before, 0 for none.
    crowd : array of float64
        The best scores of all that were weighed against each other, descending, at least 32 more than asked for.
    frequency : array of int64
        How many memories have each word of the question, in its order.
    later : array of int64, shape (m,)
        Of what was superseded the id of the next version that is in the ranking, else of what stands for the newest; 0: none.
    """

    ids: IntArray
    places: IntArray
    scores: FloatArray
    shares: FloatArray
    channels: tuple[str, ...]
    n_repeats: IntArray
    n_candidates: int
    words: tuple[str, ...] = ()
    beside: NDArray[np.int8] = np.empty(0, np.int8)
    crowd: FloatArray = np.empty(0)
    frequency: IntArray = np.empty(0, np.int64)
    later: IntArray = np.empty(0, np.int64)

    def taken(self, rows: IntArray | slice) -> Ranking:
        """Return some of the memories, in the order of `rows`."""
        if isinstance(rows, slice) and rows.stop >= len(self.ids):
            return self
        return self._replace(
            ids=self.ids[rows],
            places=self.places[rows],
            scores=self.scores[rows],
            shares=self.shares[rows],
            n_repeats=self.n_repeats[rows],
            beside=self.beside[rows],
            later=self.later[rows],
        )

    def later_rows(self) -> dict[int, int]:
        """Return row → row of what stands for its next version, the latest first; a version that is not here has none."""
        if not self.later.any():
            return {}
        row_of = {id_: row for row, id_ in enumerate(self.ids.tolist())}
        told = [
            (id_, row, row_of[later])
            for (id_, row), later in zip(row_of.items(), self.later.tolist(), strict=True)
            if later in row_of
        ]
        return {row: later for _, row, later in sorted(told, reverse=True)}


class Sheet:
    """The scored memories of one recall while they are put in order.

    Parameters
    ----------
    view : View
        The index.
    scored : Scored
        Memories in question and their shares, which are changed where revisions ask for it.
    chosen : array of int64 or None
        Positions that may be found, ascending; None: all.
    k : int
        How many are asked for.
    """

    def __init__(self, view: View, scored: Scored, chosen: IntArray | None, k: int) -> None:
        self._view, self._chosen, self._maths = view, chosen, compiled(view.n)
        self.places, self.shares, self._k = scored.places, scored.shares, k
        self.scores: FloatArray = np.empty(len(self.places))
        self._first: IntArray = self._maths.ordered(self.shares.reshape(-1), k + _MARGIN, self.scores)
        self.crowd: FloatArray = np.empty(0)
        self._settled: dict[int, tuple[int, float]] = {}  # position → newest revision, what older ones may score
        self._kept: dict[int, int] = {}  # fold, or the column of what has none → the column that stands for it

    def best(self, *, folded: bool = True) -> tuple[list[int], list[int]]:
        """Return the columns of the k best, and the fold that each stands for, 0 for none; not folded, none stands for any."""
        k, wanted, best = self._k, self._k + _MARGIN, self._first
        while True:
            if self._view.has_replaced:
                self._settle(wanted)
                best = self._maths.best(self.scores, wanted)
            self.crowd, order = self.scores[best], best.tolist()
            kept, folds = self._fold(order, self.places[best]) if folded else (order[:k], [0] * len(order[:k]))
            if len(kept) >= k or len(order) < wanted:
                return kept, folds
            wanted *= 4
            best = self._maths.best(self.scores, wanted)

    def is_crowded(self, best: list[int], limit: int) -> bool:
        """Tell whether repeats may have taken the places of others: all that one channel gave stand above the last of the best.

        Parameters
        ----------
        best : list of int
            Columns of the best, as `best` returns them.
        limit : int
            As in `Scored`.
        """
        if limit and len(best) == self._k:
            return len(self.crowd) > limit and bool(self.scores[best[-1]] < self.crowd[limit])
        return limit > 0

    def _fold(self, order: list[int], places: IntArray) -> tuple[list[int], list[int]]:
        """Return what stands for each fold among ordered columns and their positions, k of them, and their folds.

        That is the first, and where that was superseded the first that was not, in its place and with its score.
        """
        folds: list[int] = self._view.columns.fold[places].tolist()
        standing: dict[int, int] = {}
        if self._view.has_replaced:
            is_old: list[bool] = (self._view.columns.successor[places] > 0).tolist()
            for column, fold, old in zip(order, folds, is_old, strict=True):
                if fold and not old:
                    standing.setdefault(fold, column)
        kept = self._kept = {}
        for column, fold in zip(order, folds, strict=True):
            if (key := fold or -1 - column) not in kept:
                kept[key] = standing.get(fold, column)
                self._take_over(kept[key], column)
                if len(kept) == self._k:
                    break
        return list(kept.values()), [max(fold, 0) for fold in kept]

    def repeats(self, kept: list[int], folds: list[int]) -> list[int]:
        """Return how many others have the fold of each column, of those that may be found and were not superseded."""
        found = self._view.repeats(folds, self._maths)
        if not found:
            return [0] * len(kept)
        places = self.places[kept]
        is_old = self._view.columns.successor[places] > 0
        return [
            self._standing(found[fold], place) if fold in found and not old else 0
            for fold, place, old in zip(folds, places.tolist(), is_old.tolist(), strict=True)
        ]

    def later(self, kept: list[int]) -> list[int]:
        """Return for each column, of those that `best` returned, the one of them that stands for its next version; -1: none."""
        if not self._view.has_replaced:
            return [-1] * len(kept)
        return [self._standing_for(column) for column in kept]

    def _standing_for(self, column: int) -> int:
        """Return the next version of a column that stands for itself, else what stands for the newest that is folded, or -1."""
        later, folded = self._later(int(self.places[column])), -1
        while later is not None:
            at = self._column(later)
            stands = None if at is None else self._kept.get(int(self._view.columns.fold[later]) or -1 - at)
            if stands is not None and stands == at:
                return stands
            if stands is not None and stands != column:
                folded = stands
            later = self._later(later)
        return folded

    def _standing(self, positions: IntArray, mine: int) -> int:
        """Return how many of some positions but one may be found and were not superseded."""
        others = positions[(positions != mine) & (self._view.columns.successor[positions] == 0)]
        if self._chosen is None:
            return len(others)
        at = np.minimum(self._chosen.searchsorted(others), len(self._chosen) - 1)
        return int(np.count_nonzero(self._chosen[at] == others))

    def _settle(self, wanted: int) -> None:
        """See to it that among the best none stands above one that replaced it."""
        while self._view.has_replaced:
            positions = self.places[self._maths.best(self.scores, wanted)]
            replaced = positions[self._view.columns.successor[positions] > 0].tolist()
            todo = [position for position in replaced if position not in self._settled]
            if not todo:
                return
            for position in todo:
                self._replace(position)
            wanted *= 2

    def _replace(self, position: int) -> None:
        """Give the newest revision the best score of the chain, and every other no more than any later one has."""
        chain, later = [position], self._later(position)
        while later is not None and later not in self._settled:
            chain.append(later)
            later = self._later(later)
        head, cap = (-1, np.inf) if later is None else self._settled[later]
        for member in reversed(chain):
            column = self._column(member)
            if column is not None and head < 0:
                head = column
            elif column is not None:
                cap = self._yield(column, head, cap)
            self._settled[member] = head, cap

    def _yield(self, column: int, head: int, cap: float) -> float:
        """Bring an older version behind the newest one and below `cap`; return what still older ones may score."""
        score = float(self.scores[column])
        self._take_over(head, column)
        if score > cap:
            self.shares[:, column] *= cap / score
            self.scores[column] = score = cap
        return min(cap, score) if score > 0.0 else cap

    def _take_over(self, column: int, other: int) -> None:
        """Give a column the score of another one that it stands for, where that is higher."""
        if (more := self.scores[other] - self.scores[column]) > 0.0:
            self.shares[-1, column] += more
            self.scores[column] = self.scores[other]

    def _later(self, position: int) -> int | None:
        successor = int(self._view.columns.successor[position])
        return self._view.position(successor) if successor else None

    def _column(self, position: int) -> int | None:
        column = int(self.places.searchsorted(position))
        return column if column < len(self.places) and self.places[column] == position else None
