"""In plain NumPy: what is unlike before."""

from __future__ import annotations

from thoughtengine._types import BoolArray, FloatArray
from thoughtengine.patterns.kernels.novelty import UNSURE, UNUSUAL

__all__ = ["notice"]


def notice(
    scores: FloatArray,
    low: float,
    high: float,
    fade: float,
    patience: float,
    rest: int,
    bets: FloatArray,
    buckets: FloatArray,
    wealth: FloatArray,
    counters: FloatArray,
    chances: FloatArray,
    changed: BoolArray,
) -> None:
    """Turn scores into chances by those before, and notice when they stop being usual.

    Parameters
    ----------
    scores : array of float64, shape (n,)
        In order.
    low, high : float
        Range of the scores; beyond, they count as its ends.
    fade : float
        What is kept of the past at each score, in (0, 1].
    patience : float
        Wealth at which a change is told.
    rest : int
        Scores after an unusual one that belong to the same surprise, and are not bet on.
    bets : array of float64, shape (b,)
        Exponents of the bets that small chances are not as rare as they should be, in (0, 1).
    buckets : array of float64, shape (m,)
        Faded counts of the scores; written.
    wealth : array of float64, shape (b,)
        Of each bet; written.
    counters : array of float64, shape (2,)
        Scores since the last change, and until the next bet; written.
    chances, changed : arrays, shape (n,)
        Chance of a score at least as high; whether a change is told there; written.
    """
    for i, score in enumerate(scores.tolist()):
        bucket = int(min(max((score - low) / (high - low), 0.0), 1.0) * (len(buckets) - 1))
        above = buckets[bucket + 1 :].sum() + 0.5 * buckets[bucket]
        chances[i] = (above + 0.5) / (buckets.sum() + 1.0)
        counters[:] = counters[0] + 1.0, max(counters[1] - 1.0, 0.0)
        bet = counters[0] > UNSURE and counters[1] == 0.0
        if bet:
            counters[1] = rest + 1.0 if chances[i] < UNUSUAL else 0.0
            wealth[:] = (wealth + 1.0) * bets * chances[i] ** (bets - 1.0)
        changed[i] = bet and wealth.mean() > patience
        if changed[i]:
            counters[0], wealth[:] = 0.0, 0.0
            buckets *= 0.05  # what was usual is not any more
        buckets *= fade
        buckets[bucket] += 1.0
