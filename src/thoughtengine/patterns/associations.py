"""Associations: what comes together more often than chance and the size of experiences explain."""

from __future__ import annotations

import attrs
import numpy as np

from thoughtengine._types import FloatArray, IntArray
from thoughtengine.patterns.chance import at_least, discoveries, low_rate
from thoughtengine.patterns.kernels.associations import KINDS, PAIR, PLACES, SINGLE
from thoughtengine.patterns.tables import Tables, maths

__all__ = ["Associations", "Together"]

_FEWEST = 5  # times that a pair must have been seen


@attrs.frozen(eq=False)
class Together:
    """Pairs that are significant, the clearest first.

    Attributes
    ----------
    pairs : array of int64, shape (n, 2)
        Hashes of the items.
    counts, expected, lifts, q_values : arrays, shape (n,)
        Times together (at least), by chance, lower bound of their ratio, q-values.
    evidence : array of int64, shape (n, 3)
        Newest ids; 0 for none.
    """

    pairs: IntArray
    counts: IntArray
    expected: FloatArray
    lifts: FloatArray
    q_values: FloatArray
    evidence: IntArray


class Associations:
    """Counts of items and pairs, in bounded memory.

    Parameters
    ----------
    n_items, n_pairs : int
        Rows at most, powers of two.

    Notes
    -----
    The count of a pair is too high by at most what its row remembers as its error; tests use the count less the error. A set
    of 16 rows gives up the pair seen least often, so a pair seen more often than a sixteenth of its set is never given up.
    """

    def __init__(self, *, n_items: int = 1 << 15, n_pairs: int = 1 << 16) -> None:
        self.tables: Tables = {
            "singles": np.zeros(n_items * SINGLE, np.int64),
            "pairs": np.zeros(n_pairs * PAIR, np.int64),
            "counters": np.zeros(4, np.int64),
            "places": np.zeros(PLACES, np.int64),
        }

    def learn(
        self,
        items: IntArray,
        bounds: IntArray,
        ids: IntArray,
        kinds: IntArray | None = None,
        moments: IntArray | None = None,
    ) -> None:
        """Take in experiences.

        Parameters
        ----------
        items, bounds, ids
            The items of each, distinct, and its id.
        kinds : array of int64, optional
            Of each item; without, all are of one.
        moments : array of int64, optional
            When each was, by the clock on the wall; without, one after the other.
        """
        kinds = np.zeros(len(items), np.int64) if kinds is None else kinds
        moments = ids if moments is None else moments
        maths().associate(items, kinds, bounds, ids, moments, *self.tables.values())

    def count(self, item: int) -> int:
        """Return how often an item was seen."""
        return self._single(item, 1)

    def newest(self, item: int) -> int:
        """Return the newest id that an item was seen in, 0 where it is not known."""
        return self._single(item, 3)

    def _single(self, item: int, column: int) -> int:
        singles = self.tables["singles"].reshape(-1, SINGLE)
        found = singles[singles[:, 0] == item, column]
        return int(found[0]) if len(found) else 0

    def items(self) -> IntArray:
        """Return the hashes of the items that are known."""
        keys = self.tables["singles"].reshape(-1, SINGLE)[:, 0]
        known: IntArray = keys[keys != 0]
        return known

    def together(self, *, q: float = 0.05) -> Together:
        """Return the pairs that come together more often than chance would bring them, the clearest first.

        Chance is the highest of three. Each item is in an experience whatever else is in it: so it is where an experience has
        one of each category, or flags, or a tag that all have. Every place in every experience draws its item by frequency:
        so long experiences bring everything together. Or two items come beside each other as they come beside others of that
        kind, which is more where both are of long experiences. Each kind is drawn by itself: what has one source never has two.

        Parameters
        ----------
        q : float
            Largest q-value.

        References
        ----------
        Newman, Networks, 2010, the configuration model. Deviates: never less than independence, and what a pair itself adds
        to its degrees is left out.
        """
        singles = self.tables["singles"].reshape(-1, SINGLE)
        pairs = self.tables["pairs"].reshape(-1, PAIR)
        pairs = pairs[pairs[:, 2] - pairs[:, 3] >= _FEWEST]
        known = singles[singles[:, 0] != 0]
        known = known[known[:, 0].argsort()]
        both = [np.clip(known[:, 0].searchsorted(pairs[:, side]), 0, max(len(known) - 1, 0)) for side in (0, 1)]
        here = (known[both[0], 0] == pairs[:, 0]) & (known[both[1], 0] == pairs[:, 1])
        pairs, both = pairs[here], [side[here] for side in both]
        counts = pairs[:, 2] - pairs[:, 3]
        expected = self._expected(known[both[0]], known[both[1]], counts)
        chances = at_least(counts, np.maximum(expected, 1e-12))
        q_values = discoveries(chances, int(self.tables["counters"][3]))
        lifts = low_rate(counts) / np.maximum(expected, 1e-12)
        chosen = np.flatnonzero((q_values <= q) & (lifts > 1.0))
        order = chosen[np.lexsort((pairs[chosen, 1], pairs[chosen, 0], -lifts[chosen], chances[chosen]))]
        return Together(
            pairs[order, :2], counts[order], expected[order], lifts[order], q_values[order], pairs[order, 5:]
        )

    def _expected(self, left: IntArray, right: IntArray, counts: IntArray) -> FloatArray:
        """Return how often chance brings the items of two rows together, which came together so often."""
        places = self.tables["places"]
        pairs, present = places[KINDS:].reshape(2, KINDS, KINDS)
        a, b, row, n = left[:, 4], right[:, 4], np.arange(len(left)), left[:, 1] * right[:, 1].astype(np.float64)
        alone = n / present[a, a] * (present[a, b] / present[b, b])
        drawn = n / places[a] * (pairs[a, b] / places[b])
        besides = [np.maximum(side - counts, 0) for side in (left[row, 5 + b], right[row, 5 + a])]
        rest = pairs[a, b] - np.where(a == b, 2, 1) * counts
        highest: FloatArray = np.maximum.reduce([alone, drawn, besides[0] * (besides[1] / np.maximum(rest, 1))])
        return highest

    def beside(self, item: int) -> tuple[IntArray, FloatArray]:
        """Return what comes together with an item, and the lower bound of how many times more often than by chance."""
        found = self.together()
        left, right = found.pairs[:, 0] == item, found.pairs[:, 1] == item
        return np.concatenate([found.pairs[left, 1], found.pairs[right, 0]]), np.concatenate(
            [found.lifts[left], found.lifts[right]]
        )
