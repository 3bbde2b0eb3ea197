"""Compiled: what is unlike before. Tables are flat arrays; `arrays.novelty` says what they mean."""

from __future__ import annotations

from thoughtengine._jit import kernel, part
from thoughtengine._types import BoolArray, FloatArray

__all__ = ["notice"]

UNSURE = 64  # scores that say too little about what is usual
UNUSUAL = 0.1  # chance below which a score is unusual
LATELY = 0.2  # what a score counts for how usual it was lately
FEW = 16.0  # scores at such times that say too little about what is usual then


@part
def _chance(buckets: FloatArray, begin: int, end: int, bucket: int) -> float:
    """Return the chance of a score that is at least as high, by the counts of those before."""
    above, total = 0.0, 0.0
    above += 0.5 * buckets[begin + bucket]
    for b in range(begin, end):
        total += buckets[b]
        if b > begin + bucket:
            above += buckets[b]
    chance: float = (above + 0.5) / (total + 1.0)
    return chance


@part
def _count(buckets: FloatArray, begin: int, end: int, bucket: int, fade: float) -> None:
    for b in range(begin, end):
        buckets[b] *= fade
    buckets[begin + bucket] += 1.0


@kernel(
    "float64[:]", "float64", "float64", "float64", "float64", "float64[:]", "float64[:]", "out float64[:]", "out float64[:]",
    "out float64[:]", "out float64[:]", "out bool[:]",
)  # fmt: skip
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
    """Turn scores into chances and notice a change, as `arrays.notice`."""
    n_rows = len(steps) + 2 if len(steps) > 0 else 1
    size = len(buckets) // n_rows
    everything = (n_rows - 1) * size
    for i in range(len(scores)):
        bucket = int(min(max((scores[i] - low) / (high - low), 0.0), 1.0) * (size - 1))
        like_now = 0
        for step in steps:
            if counters[1] > step:
                like_now += size
        chances[i] = _chance(buckets, everything, everything + size, bucket)
        changed[i] = False
        counters[0] += 1.0
        if counters[0] > UNSURE:
            beside = like_now if buckets[like_now : like_now + size].sum() >= FEW else everything
            chance, mean = _chance(buckets, beside, beside + size, bucket), 0.0
            for b in range(len(bets)):
                wealth[b] = (wealth[b] + 1.0) * bets[b] * chance ** (bets[b] - 1.0)
                mean += wealth[b] / len(bets)
            unusual = 1.0 if chances[i] < UNUSUAL else 0.0
            counters[1] += LATELY * (unusual - counters[1])
            if mean > patience:
                changed[i] = True
                counters[:] = 0.0
                wealth[:] = 0.0
                buckets *= 0.05
        _count(buckets, everything, everything + size, bucket, fade)
        if n_rows > 1:
            _count(buckets, like_now, like_now + size, bucket, fade)
