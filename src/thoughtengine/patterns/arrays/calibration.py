"""In plain NumPy: what becomes of chances before they are told, and how that is learned."""

from __future__ import annotations

import math

import numpy as np

from thoughtengine._types import FloatArray, IntArray
from thoughtengine.patterns.kernels.sequences import (
    AGES,
    BLEND,
    BLENDED,
    FADE,
    KNOT,
    KNOTS,
    LEAST,
    LINE,
    LOWEST,
    PRIOR,
    REACH,
    REPEATED,
    STRATA,
)

__all__ = ["blended", "correct", "cut", "judge", "kind_of", "learn_blend", "learn_reach", "learn_repeats", "seasoned"]


def blended(
    mixed: dict[int, float], together: dict[int, float], history: IntArray, weights: FloatArray
) -> dict[int, float]:
    """Return the chances of the mixture and what is jointly told, by what either has been worth."""
    if not history[0]:
        return mixed
    alone, joint = weights[BLENDED + 2 * kind_of(history) :][:2]
    share = float(joint / (alone + joint))
    return {symbol: chance + share * (together[symbol] - chance) for symbol, chance in mixed.items()}


def learn_blend(
    came: IntArray, history: IntArray, mixed: dict[int, float], together: dict[int, float], weights: FloatArray
) -> None:
    """Learn whether the mixture or what is jointly told foresaw what came."""
    line = weights[BLENDED + 2 * kind_of(history) :][:2]
    for x in came.tolist():
        if x in mixed:
            share = line[1] / (line[0] + line[1])
            gain = (together[x] - mixed[x]) / (mixed[x] + share * (together[x] - mixed[x]))
            odds = share / (1.0 - share) * math.exp(BLEND * gain / len(came))
            line[1] = line[0] * min(max(odds, LEAST), 1.0 / LEAST)


def learn_reach(came: IntArray, kind: int, told: dict[int, float], calibration: FloatArray) -> None:
    """Count how often what came was among the candidates, and how often that was expected."""
    state = calibration[(REACH + kind) * LINE :][:2]
    state[:] = FADE * state + (sum(x in told for x in came.tolist()), sum(told.values()))


def kind_of(history: IntArray) -> int:
    """Return which lines of calibration count for a history of one symbol or more, by its length."""
    return min(int(np.count_nonzero(history) - 1).bit_length(), STRATA - 1)


def correct(calibration: FloatArray, line: int, chance: float, right: bool, *, surely: float) -> None:
    """Learn from one prediction how far such probabilities are to be trusted: a step of Newton's, the past fading.

    Parameters
    ----------
    calibration : array of float64, shape (l * LINE,)
        Written.
    line : int
        Which of its lines.
    chance : float
        What was said, in [0, 1].
    right : bool
        Whether it came.
    surely : float
        How much one prediction says of the line, at least: the more, the less a single surprise moves it.
    """
    state = calibration[line * LINE : (line + 1) * LINE]
    clipped = min(max(chance, 1e-6), 1.0 - 1e-6)
    x = np.array([1.0, math.log(clipped / (1.0 - clipped)) + 1.0])
    p = 1.0 / (1.0 + math.exp(1.0 - float(state[:2] @ x)))
    kept, matrix = (1.0 - FADE) * PRIOR, state[[2, 3, 3, 4]].reshape(2, 2)
    matrix = FADE * matrix + kept * np.eye(2) + max(p * (1.0 - p), surely) * np.outer(x, x)
    state[2:] = matrix[0, 0], matrix[0, 1], matrix[1, 1]
    state[:2] += np.linalg.solve(matrix, (right - p) * x + kept * (np.array([0.0, 1.0]) - state[:2]))


def judge(knots: FloatArray, line: int, chance: float, right: bool) -> None:
    """Note at the two knots around a probability what became of it.

    Parameters
    ----------
    knots : array of float64, shape (l * KNOTS * KNOT,)
        How often such ones were said, how often it came, and the sum of what was said, the past fading; written.
    line : int
        Which of its lines.
    chance : float
        What was said, in [0, 1].
    right : bool
        Whether it came.
    """
    clipped = min(max(chance, 1e-6), 1.0 - 1e-6)
    x = min(max(math.log(clipped / (1.0 - clipped)) - LOWEST, 0.0), KNOTS - 1.0)
    first = min(int(x), KNOTS - 2)
    around = knots[(line * KNOTS + first) * KNOT :][: 2 * KNOT].reshape(2, KNOT)
    shares = np.array([[1.0 - (x - first)], [x - first]])
    around += shares * np.array([1.0, float(right), clipped])


def _ages(history: IntArray) -> dict[int, int]:
    """Return how long ago each symbol last came, in steps that double."""
    found: dict[int, int] = {}
    for j, symbol in enumerate(history[: np.count_nonzero(history)].tolist()):
        found.setdefault(symbol, j.bit_length())
    return found


def seasoned(chances: dict[int, float], history: IntArray, repeats: FloatArray) -> dict[int, float]:
    """Return chances in which what came lately is as much rarer or more frequent as it was so far."""
    factors = repeats[::2] / repeats[1::2]
    ages = _ages(history)
    told = {
        symbol: chance * float(factors[ages[symbol]] / factors[-1]) if symbol in ages else chance
        for symbol, chance in chances.items()
    }
    scale = sum(chances.values()) / sum(told.values())
    return {symbol: min(scale * chance, 1.0) for symbol, chance in told.items()}


def cut(repeats: FloatArray, depth: int) -> FloatArray:
    """Return what is known of repeats where so many symbols are looked at: how long ago others came is not known then."""
    counts = repeats.reshape(AGES, 2).copy()
    counts[-1] = counts[min(depth.bit_length(), AGES - 1) :].sum(0)
    return counts.reshape(-1)


def learn_repeats(came: IntArray, history: IntArray, chances: dict[int, float], repeats: FloatArray) -> None:
    """Count how often what came lately came again, and how often that was expected."""
    repeats *= REPEATED
    counts = repeats.reshape(AGES, 2)
    ages = _ages(history)
    for symbol, step in ages.items():
        counts[step] += np.count_nonzero(came == symbol), chances.get(symbol, 0.0)
    counts[-1, 0] += sum(symbol not in ages for symbol in came.tolist())
    counts[-1, 1] += max(sum(chance for symbol, chance in chances.items() if symbol not in ages), 0.0)
