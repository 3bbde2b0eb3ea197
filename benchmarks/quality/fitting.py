"""Fitting and judging chances: logistic models by Newton's method, calibration error, rejection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.sureness import FOREIGN, OWN, Asked
from thoughtengine.memory.recall.chance import Calibration, Prior, judge, together
from thoughtengine.memory.recall.signs import RECALL_SIGNS

Array = NDArray[np.float64]

BINS = 15
_OWN_SHARES = dict(zip(OWN, (0.4, 0.4, 0.2), strict=True))
_FOREIGN_SHARES = dict(zip(FOREIGN, (0.45, 0.1, 0.35, 0.1), strict=True))
_TOGETHER = 1.0  # weight of the hits' chances together: fitted freely, it can turn negative beside the best match
_FOREIGN = 0.06  # share of the questions that belong elsewhere, in what the prior is fitted to


def logistic(x: Array, y: Array, weights: Array, *, ridge: float = 1e-4, offset: Array | float = 0.0) -> Array:
    """Return constant and weights of a logistic model, fitted to standardised columns and given for plain ones."""
    middle, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0.0] = 1.0
    columns = np.column_stack([np.ones(len(x)), (x - middle) / spread])
    found, share = np.zeros(columns.shape[1]), weights / weights.sum()
    pull = np.full(len(found), ridge)
    pull[0] = 0.0
    for _ in range(25):
        p = 1.0 / (1.0 + np.exp(-np.clip(columns @ found + offset, -30.0, 30.0)))
        slope = columns.T @ (share * (p - y)) + pull * found
        step = np.linalg.solve((columns.T * (share * p * (1.0 - p))) @ columns + np.diag(pull + 1e-12), slope)
        found -= step
        if np.abs(step).max() < 1e-6:
            break
    plain = found[1:] / spread
    return np.concatenate([[found[0] - plain @ middle], plain])


def weigh(asked: Sequence[Asked]) -> Array:
    """Return the weight of each question: kinds of conversations and of minds alike, the foreign ones a small share."""
    cells: dict[tuple[str, bool, str], list[int]] = {}
    for at, one in enumerate(asked):
        cells.setdefault((one.group, one.encoded, one.about), []).append(at)
    weights = np.zeros(len(asked))
    for (_, _, about), members in cells.items():
        share = _OWN_SHARES.get(about, 0.0) * (1.0 - _FOREIGN) + _FOREIGN_SHARES.get(about, 0.0) * _FOREIGN
        weights[members] = share / len(members)
    return weights


def fit(asked: Sequence[Asked], *, without: Sequence[int] = (), without_recall: Sequence[int] = ()) -> Prior:
    """Fit both models to questions and their outcomes.

    Parameters
    ----------
    asked : sequence of Asked
        Adversarial ones have no weight.
    without, without_recall : sequence of int
        Columns of `HIT_SIGNS` and `RECALL_SIGNS` that are left out.
    """
    used = [(one, weight) for one, weight in zip(asked, weigh(asked), strict=True) if weight and len(one.useful)]
    most = [(one, weight) for one, weight in used if one.k != 5]  # the first five are among the first ten
    x = np.concatenate([one.signs.hits for one, _ in most])
    x[:, list(without)] = 0.0
    y = np.concatenate([one.useful for one, _ in most]).astype(float)
    hit = logistic(x, y, np.concatenate([np.full(len(one.useful), weight / len(one.useful)) for one, weight in most]))
    half = Calibration(prior=Prior(hit, np.zeros(2 + len(RECALL_SIGNS))))
    rows = []
    for one, _ in used:
        signs = one.signs.recall.copy()
        signs[list(without_recall)] = 0.0
        rows.append([together(judge(one.signs, half)[0]), *signs])
    found = np.array([one.useful.any() for one, _ in used], float)
    table, weights = np.array(rows), np.array([weight for _, weight in used])
    recall = logistic(table[:, 1:], found, weights, offset=_TOGETHER * table[:, 0])
    return Prior(hit, np.insert(recall, 1, _TOGETHER))


def calibration_error(p: Array, y: NDArray[np.bool_], *, mass: bool = False) -> float:
    """Return the expected calibration error in points, over 15 bins of equal width, or of equal mass."""
    if not len(p):
        return float("nan")
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    if mass:
        bins = np.empty(len(p), int)
        bins[np.argsort(p, kind="stable")] = np.arange(len(p)) * BINS // len(p)
    members = [bins == i for i in range(BINS)]
    return 100.0 * float(sum(some.mean() * abs(p[some].mean() - y[some].mean()) for some in members if some.any()))


def floor(p: Array, *, mass: bool = False, rounds: int = 20) -> float:
    """Return the calibration error that these chances would have if they were perfect: what so few questions allow."""
    rng = np.random.default_rng(0)
    return float(np.mean([calibration_error(p, rng.random(len(p)) < p, mass=mass) for _ in range(rounds)]))


def area(more: Array, less: Array) -> float:
    """Return the chance that one of `more` is above one of `less`, ties half."""
    both = np.concatenate([more, less])
    _, place, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n, m = len(more), len(less)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def rejected(own: Array, others: Array, false: float = 0.05) -> float:
    """Return the share of `others` below the value that a share `false` of `own` is below."""
    return float((others < np.quantile(own, false)).mean())
