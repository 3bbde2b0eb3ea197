"""Compiled: what is unlike before. Tables are flat arrays; `arrays.novelty` says what they mean."""

from __future__ import annotations

from thoughtengine._jit import kernel
from thoughtengine._types import BoolArray, FloatArray

__all__ = ["notice"]

UNSURE = 64  # scores that say too little about what is usual
UNUSUAL = 0.1  # chance below which a score is part of a surprise, which is counted once


@kernel(
    "float64[:]", "float64", "float64", "float64", "float64", "int64", "float64[:]", "out float64[:]", "out float64[:]",
    "out float64[:]", "out float64[:]", "out bool[:]",
)  # fmt: skip
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
    """Turn scores into chances and notice a change, as `arrays.notice`."""
    last = len(buckets) - 1
    for i in range(len(scores)):
        bucket = int(min(max((scores[i] - low) / (high - low), 0.0), 1.0) * last)
        above, total = 0.5 * buckets[bucket], 0.0
        for b in range(len(buckets)):
            total += buckets[b]
            if b > bucket:
                above += buckets[b]
        chances[i] = (above + 0.5) / (total + 1.0)
        changed[i] = False
        counters[0] += 1.0
        counters[1] = max(counters[1] - 1.0, 0.0)
        if counters[0] > UNSURE and counters[1] == 0.0:
            if chances[i] < UNUSUAL:
                counters[1] = rest + 1.0
            mean = 0.0
            for b in range(len(bets)):
                wealth[b] = (wealth[b] + 1.0) * bets[b] * chances[i] ** (bets[b] - 1.0)
                mean += wealth[b] / len(bets)
            if mean > patience:
                changed[i] = True
                counters[0] = 0.0
                wealth[:] = 0.0
                buckets *= 0.05
        buckets *= fade
        buckets[bucket] += 1.0
