"""Chance: how sure a recall is, from its signs, by small logistic models that a mind makes its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import compress

import attrs
import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.recall.signs import Signs

__all__ = ["PRIOR", "Calibration", "Line", "Prior", "judge", "together"]


def _fixed(values: Sequence[float] | FloatArray) -> FloatArray:
    weights = np.array(values, np.float64)
    weights.flags.writeable = False
    return weights


@attrs.frozen(repr=False)
class Prior:
    """Two logistic models: of a hit, and of a recall.

    Attributes
    ----------
    hit : array of float64, shape (14,)
        The constant, then one weight for each of `HIT_SIGNS`.
    recall : array of float64, shape (10,)
        The constant, the weight of what the chances of the hits come to together, then one for each of `RECALL_SIGNS`.
    """

    hit: FloatArray = attrs.field(converter=_fixed, eq=attrs.cmp_using(eq=np.array_equal))
    recall: FloatArray = attrs.field(converter=_fixed, eq=attrs.cmp_using(eq=np.array_equal))

    def hit_odds(self, signs: Signs) -> FloatArray:
        """Return the log-odds of each hit to be useful, shape (m,)."""
        odds: FloatArray = self.hit[0] + signs.hits @ self.hit[1:]
        return odds

    def recall_odds(self, signs: Signs, chances: Sequence[float]) -> float:
        """Return the log-odds that one of the hits with these chances is useful."""
        known, likely = self.recall[2:], together(chances)
        return float(self.recall[0] + self.recall[1] * likely + signs.recall @ known)


def together(chances: Sequence[float]) -> float:
    """Return the logarithm of minus the logarithm of the chance that none is useful, were they independent."""
    return math.log(1e-3 - sum([math.log1p(-min(chance, 0.999)) for chance in chances]))


PRIOR = Prior(
    hit=(-3.274, 0.4427, -0.7281, 1.778, -1.53, 4.593, 0.1018, 6.875, -0.4892, 0.9617, 0.2486, -1.198, 0.1005, -0.887),
    recall=(1.879, 1, 2.674, 2.055, -1.198, 0.05135, 1.45, 0.9397, -2.548, 0.2956),
)  # fmt: skip
"""What is shipped: printed by ``python -m benchmarks.quality.chance FILES --fit``."""

_OF_A_HIT = 0.5  # weight of one hit's outcome: those of one recall are alike


@attrs.frozen
class Line:
    """Turns the log-odds of the shipped model into those of a mind: ``shift + slope × log-odds``.

    Attributes
    ----------
    shift, slope : float
        0 and 1: as shipped.
    variance : tuple of float
        How unsure it is: of the shift, of both together, of the slope.
    """

    shift: float = 0.0
    slope: float = 1.0
    variance: tuple[float, float, float] = (0.25, 0.0, 0.04)

    @property
    def is_fresh(self) -> bool:
        """Whether it changes nothing."""
        return self.shift == 0.0 and self.slope == 1.0

    def observe(self, odds: float, useful: bool, weight: float = 1.0) -> Line:
        """Return the line after one outcome.

        Parameters
        ----------
        odds : float
            Log-odds of the shipped model.
        useful : bool
            What came out.
        weight : float
            Of the outcome, above 0.

        Notes
        -----
        One step of the extended Kalman filter for logistic regression: the prior is where it starts, and what has been
        seen makes later steps smaller. Some twenty flops.
        """
        a, b, c = self.variance
        p = _sigmoid(self.shift + self.slope * odds)
        toward_shift, toward_slope = a + b * odds, b + c * odds
        share = weight / (1.0 + weight * p * (1.0 - p) * (toward_shift + odds * toward_slope))
        step, shrink = share * (float(useful) - p), share * p * (1.0 - p)
        return Line(
            self.shift + step * toward_shift,
            max(self.slope + step * toward_slope, 0.05),
            (
                a - shrink * toward_shift * toward_shift,
                b - shrink * toward_shift * toward_slope,
                c - shrink * toward_slope * toward_slope,
            ),
        )


@attrs.frozen(repr=False)
class Calibration:
    """What turns signs into chances: the shipped prior, or what became of it in a mind.

    Attributes
    ----------
    hit, recall : Line
        For the chances of hits, and for `fits`.
    n_recalls, n_hits : int
        Outcomes it has seen.
    prior : Prior
        The models it started from.

    Examples
    --------
    >>> Calibration()
    Calibration(shipped prior, nothing of this mind)
    """

    hit: Line = attrs.field(factory=Line)
    recall: Line = attrs.field(factory=partial(Line, variance=(0.1, 0.0, 0.01)))
    n_recalls: int = 0
    n_hits: int = 0
    prior: Prior = PRIOR

    @property
    def is_prior(self) -> bool:
        """Whether it is the shipped prior, which has seen nothing of this mind."""
        return not self.n_recalls

    def observe(self, signs: Signs, useful: Sequence[bool] | NDArray[np.bool_]) -> Calibration:
        """Return the calibration after one recall whose hits turned out useful or not.

        Parameters
        ----------
        signs : Signs
            Of the recall.
        useful : sequence of bool, length m
            By hit.

        Raises
        ------
        InvalidArgumentError
            For anything but one outcome per hit.
        """
        if not _are_outcomes(useful) or len(useful) != len(signs.hits):
            expected = f"a sequence of True and False, one outcome for each of {len(signs.hits)} hits"
            raise InvalidArgumentError("useful", useful, expected)
        if not len(useful):
            return self
        odds, hit = self.prior.hit_odds(signs), self.hit
        for one, outcome in zip(odds.tolist(), useful, strict=True):
            hit = hit.observe(one, bool(outcome), _OF_A_HIT)
        plain = [_sigmoid(one) for one in odds.tolist()]
        recall = self.recall.observe(self.prior.recall_odds(signs, plain), any(useful))
        return Calibration(hit, recall, self.n_recalls + 1, self.n_hits + len(useful), self.prior)

    def __repr__(self) -> str:
        if self.is_prior:
            return "Calibration(shipped prior, nothing of this mind)"
        return f"Calibration(shipped prior and {self.n_recalls} recalls of this mind)"


def _are_outcomes(useful: object) -> bool:
    if not (isinstance(useful, Sequence) or (isinstance(useful, np.ndarray) and useful.ndim)):
        return False
    return all(isinstance(one, (int, np.integer, np.bool_)) and one in (0, 1) for one in useful)


def judge(
    signs: Signs, calibration: Calibration, *, min_chance: float | None = None, later: Mapping[int, int] | None = None
) -> tuple[FloatArray, NDArray[np.bool_], float]:
    """Return how sure a recall is.

    Parameters
    ----------
    signs : Signs
        Of all its hits.
    calibration : Calibration
        What the chances rest on.
    min_chance : float, optional
        Smallest chance of a hit that is shown, in [0, 1].
    later : mapping of int to int, optional
        Of what was superseded, hit → hit of a later version, the latest first: none is surer than what replaced it.

    Returns
    -------
    chances : array of float64, shape (m,)
        How likely each hit is to be of use, in (0, 1).
    shown : array of bool, shape (m,)
        Which are likely enough.
    fits : float
        How likely the answer is among those shown, in [0, 1), no less than the best chance; 0 where none is.
    """
    odds, line = calibration.prior.hit_odds(signs).tolist(), calibration.hit
    for hit, newer in (later or {}).items():
        odds[hit] = min(odds[hit], odds[newer])
    plain = chances = list(map(_sigmoid, odds))
    if not line.is_fresh:
        chances = [_sigmoid(line.shift + line.slope * one) for one in odds]
    shown = [True] * len(odds) if min_chance is None else [chance >= min_chance for chance in chances]
    fits, some = 0.0, list(compress(plain, shown))
    if some:
        line = calibration.recall
        fits = _sigmoid(line.shift + line.slope * calibration.prior.recall_odds(signs, some))
        fits = max(fits, *compress(chances, shown))
    return np.array(chances, np.float64), np.array(shown, np.bool_), fits


def _sigmoid(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(odds, -30.0), 30.0)))
