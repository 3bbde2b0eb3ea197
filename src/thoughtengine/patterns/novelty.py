"""Novelty: how unlike everything before, calibrated to a stated rate of false alarms; and when a regime changes."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import FloatArray
from thoughtengine.patterns.tables import Tables, maths

__all__ = ["Novelty"]

_BUCKETS = 512
_FADE = 0.9995  # of what was seen before, at each new one: about 1,400 stay in half
_BETS = np.array([0.1, 0.3, 0.6])


class Novelty:
    """Scores of a stream turned into chances, and an alarm when they stop being uniform.

    Parameters
    ----------
    low, high : float
        Range of the scores; beyond, they count as its ends.
    patience : float
        Scores between two false alarms of a change, at least, on average.
    rest : int
        Scores after an unusual one that may be unusual because of it: they count for no alarm.

    Notes
    -----
    The chance of a score is the share of the faded earlier ones that were at least as high. Bets against small chances being
    as rare as they should are multiplied up and restarted (Shiryaev and Roberts); without a change, an alarm comes once in
    `patience` scores at most.

    References
    ----------
    Vovk, Nouretdinov and Gammerman, Testing exchangeability on-line, 2003. Deviates: a faded histogram, three fixed bets.
    """

    def __init__(self, *, low: float, high: float, patience: float = 10_000.0, rest: int = 0) -> None:
        self._low, self._high, self._patience, self._rest = low, high, patience, rest
        self.tables: Tables = {"buckets": np.zeros(_BUCKETS), "wealth": np.zeros(len(_BETS)), "counters": np.zeros(2)}

    def _bucket(self, score: float) -> int:
        share = (score - self._low) / (self._high - self._low)
        return int(min(max(share, 0.0), 1.0) * (_BUCKETS - 1))

    def chance(self, score: float) -> float:
        """Return the chance of a score at least as high, in (0, 1]; nothing is learned."""
        buckets, bucket = self.tables["buckets"], self._bucket(score)
        above = buckets[bucket + 1 :].sum() + 0.5 * buckets[bucket]
        return float((above + 0.5) / (buckets.sum() + 1.0))

    def learn(self, scores: FloatArray) -> tuple[FloatArray, list[int]]:
        """Take in scores in order.

        Returns
        -------
        chances : array of float64, shape (n,)
            Of each, by those before it.
        changes : list of int
            Where a change of regime was noticed.
        """
        chances, changed = np.zeros(len(scores)), np.zeros(len(scores), np.bool_)
        maths().notice(
            np.asarray(scores, np.float64), self._low, self._high, _FADE, self._patience, self._rest, _BETS,
            *self.tables.values(), chances, changed,
        )  # fmt: skip
        return chances, np.flatnonzero(changed).tolist()
