"""Novelty: how unlike everything before, calibrated to a stated rate of false alarms; and when a regime changes."""

from __future__ import annotations

import numpy as np

from thoughtengine._types import FloatArray
from thoughtengine.patterns.tables import Tables, maths

__all__ = ["Novelty"]

_FADE = 0.9995  # of what was seen before, at each new one: about 1,400 stay in half
_BETS = np.array([0.1, 0.3, 0.6])
_STEPS = np.array([0.1, 0.3, 0.6])  # shares of unusual scores lately, between which times are alike


class Novelty:
    """Scores of a stream turned into chances, and an alarm when they stop being uniform.

    Parameters
    ----------
    low, high : float
        Range of the scores; beyond, they count as its ends.
    patience : float
        Scores between two false alarms of a change, at least, on average.
    fineness : int
        Buckets that scores are counted in. Of a model that learns, they are better not finer than it wavers.
    in_runs : bool
        Whether unusual scores come in runs, one because of the other: then each is compared with those that came at a time of
        as many, so that only a run that is longer, or worse, than usual is a change.

    Notes
    -----
    The chance of a score is the share of the faded earlier ones that were at least as high. Bets against small chances being
    as rare as they should are multiplied up and restarted (Shiryaev and Roberts); without a change, an alarm comes once in
    `patience` scores at most, as long as what is unusual comes in no runs but such as came before.

    References
    ----------
    Vovk, Nouretdinov and Gammerman, Testing exchangeability on-line, 2003. Deviates: a faded histogram, three fixed bets.
    """

    def __init__(
        self, *, low: float, high: float, patience: float = 10_000.0, fineness: int = 512, in_runs: bool = False
    ) -> None:
        self._low, self._high, self._patience, self._fineness = low, high, patience, fineness
        self._steps = _STEPS if in_runs else _STEPS[:0]
        n_rows = len(_STEPS) + 2 if in_runs else 1
        self.tables: Tables = {
            "buckets": np.zeros(n_rows * fineness),
            "wealth": np.zeros(len(_BETS)),
            "counters": np.zeros(2),
        }

    def _bucket(self, score: float) -> int:
        share = (score - self._low) / (self._high - self._low)
        return int(min(max(share, 0.0), 1.0) * (self._fineness - 1))

    def chance(self, score: float) -> float:
        """Return the chance of a score at least as high, in (0, 1]; nothing is learned."""
        buckets, bucket = self.tables["buckets"][-self._fineness :], self._bucket(score)
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
            np.asarray(scores, np.float64), self._low, self._high, _FADE, self._patience, self._steps, _BETS,
            *self.tables.values(), chances, changed,
        )  # fmt: skip
        return chances, np.flatnonzero(changed).tolist()
