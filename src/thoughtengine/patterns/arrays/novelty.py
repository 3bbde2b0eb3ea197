"""In plain NumPy: what is unlike before."""

from __future__ import annotations

from thoughtengine._types import BoolArray, FloatArray
from thoughtengine.patterns.kernels.novelty import FEW, LATELY, UNSURE, UNUSUAL

__all__ = ["notice"]


def notice(
    scores: FloatArray,
    low: float,
    high: float,
    fade: float,
    patience: float,
    steps: FloatArray,
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
    steps : array of float64, shape (s,)
        Shares of unusual ones among the latest scores, ascending: between two of them scores are compared with those alone that
        came at such a time, as long as there are enough.
    bets : array of float64, shape (b,)
        Exponents of the bets that small chances are not as rare as they should be, in (0, 1).
    buckets : array of float64, shape ((s + 2) * m,)
        Faded counts of the scores between two steps each, then of all; without steps of all alone; written.
    wealth : array of float64, shape (b,)
        Of each bet; written.
    counters : array of float64, shape (2,)
        Scores since the last change; the share of unusual ones lately; written.
    chances, changed : arrays, shape (n,)
        Chance of a score at least as high; whether a change is told there; written.
    """
    table = buckets.reshape(len(steps) + 2 if len(steps) else 1, -1)
    everything = table[-1]
    for i, score in enumerate(scores.tolist()):
        bucket = int(min(max((score - low) / (high - low), 0.0), 1.0) * (table.shape[1] - 1))
        like_now = table[int((counters[1] > steps).sum())]
        chances[i] = _chance(everything, bucket)
        counters[0] += 1.0
        if counters[0] > UNSURE:
            beside = like_now if like_now.sum() >= FEW else everything
            wealth[:] = (wealth + 1.0) * bets * _chance(beside, bucket) ** (bets - 1.0)
            counters[1] += LATELY * ((chances[i] < UNUSUAL) - counters[1])
        changed[i] = wealth.mean() > patience
        if changed[i]:
            counters[:], wealth[:] = 0.0, 0.0
            table *= 0.05  # what was usual is not any more
        for one in (like_now, everything) if len(steps) else (everything,):
            one *= fade
            one[bucket] += 1.0


def _chance(counts: FloatArray, bucket: int) -> float:
    """Return the chance of a score that is at least as high, by the counts of those before."""
    return float((counts[bucket + 1 :].sum() + 0.5 * counts[bucket] + 0.5) / (counts.sum() + 1.0))
