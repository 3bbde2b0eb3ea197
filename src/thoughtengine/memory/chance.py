"""Chance: how sure a recall is, from signs that every recall has, by small logistic models that a mind makes its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.analysis import FUNCTION_WORDS, fold_text

__all__ = [
    "HIT_SIGNS", "NO_SIGNS", "PRIOR", "RECALL_SIGNS", "Calibration", "Line", "Prior", "Signs", "check_min_chance", "features",
    "judge", "together",
]  # fmt: skip

HIT_SIGNS = (
    "match", "rank", "relative", "crowd", "gap", "above", "source", "better", "known", "unknown", "named",
    "meaning", "stranger",
)  # fmt: skip
"""Columns of `Signs.hits`: see `features`."""

RECALL_SIGNS = ("shown", "match", "known", "stranger", "named", "words", "last", "meaning")
"""Elements of `Signs.recall`: see `features`."""

_CROWD = 32  # the place whose score stands for the crowd that every cue calls up
_READ = 4096  # characters of a cue in which names are looked for


class Signs(NamedTuple):
    """What the chances of one recall are computed from.

    Attributes
    ----------
    hits : array of float64, shape (m, 13)
        By hit and `HIT_SIGNS`.
    recall : array of float64, shape (8,)
        By `RECALL_SIGNS`.
    """

    hits: FloatArray
    recall: FloatArray


NO_SIGNS = Signs(np.empty((0, len(HIT_SIGNS))), np.zeros(len(RECALL_SIGNS)))
"""Those of a recall without hits."""


def features(
    scores: FloatArray,
    shares: FloatArray,
    channels: Sequence[str],
    norms: FloatArray,
    all_scores: FloatArray,
    *,
    n: int,
    text: str,
    words: Sequence[str],
    frequency: NDArray[np.int64],
    named: bool,
    meaning: bool,
    rarity: float = 1.25,
    function_words: float = 0.3,
    text_weight: float = 1.0,
) -> Signs:
    """Return the signs of a recall.

    Parameters
    ----------
    scores : array of float64, shape (m,)
        Of the hits, best first, above 0.
    shares : array of float64, shape (m, c)
        By channel, in the order of `channels`.
    channels : sequence of str
        Names of the columns; of them "text" and "source" are looked at.
    norms : array of float64, shape (m,)
        How long each hit's text is for BM25, times k1.
    all_scores : array of float64, shape (p,)
        Of all memories in question, the hits among them.
    n : int
        Memories there are.
    text : str
        The cue.
    words : sequence of str
        Its distinct words, folded.
    frequency : array of int64, shape (t,)
        How many memories have each word, in their text or their labels.
    named : bool
        Whether it names a source that is known.
    meaning : bool
        Whether vectors were compared.
    rarity, function_words, text_weight : float
        As in `RecallConfig`: the power of a word's rarity, the share of it that function words keep, the weight of the
        channel "text".

    Returns
    -------
    Signs
        Of a hit: *match*, the share in [0, 1] of what the cue's words weigh that its text has, as BM25 gives it back
        without the length of the text; *rank*, the logarithm of its place; *relative*, its score by the best one's;
        *crowd*, the score at place 32 by its own; *gap*, how far the next one is behind, by the best score and as
        far as the cue is known; *above*, the sum of the scores before it, by the best score; *source*, the share of its score that comes from a named source; *better*,
        the best match before it.
        Of the cue, on every hit: *known*, the share of its words' weight that this mind has ever heard; *unknown*, the
        logarithm of one more than the words it has not; *named* and *meaning*, 0 or 1; *stranger*, 1 where an unknown
        word looks like a name or a number.
        Of the recall: *shown*, the share of all memories that is shown; *match*, the logarithm of the best match;
        *words*, the logarithm of one more than the words that are no function words; *last*, the score of the last hit
        by that of the first; *known*, *stranger*, *named* and *meaning* as above.

    Notes
    -----
    All but *match* are ratios, so that the weights of channels may change a little without another prior.
    """
    m = len(scores)
    if not m:
        return NO_SIGNS
    known, unknown, n_words = _heard(words, frequency, n, rarity, function_words)
    following, crowd = _crowd(all_scores, m, n)
    best, column = float(scores[0]), {name: i for i, name in enumerate(channels)}
    match = np.zeros(m)
    if "text" in column and text_weight:
        match = np.minimum(shares[:, column["text"]] * (1.0 + norms) / text_weight, 1.0) * known
    hits = np.empty((m, len(HIT_SIGNS)))
    hits[:, 0] = match
    hits[:, 1] = np.log(np.arange(1.0, m + 1.0))
    hits[:, 2] = relative = scores / best
    hits[:, 3] = np.minimum(crowd / scores, 1.0)
    hits[:-1, 4] = relative[:-1] - relative[1:]
    hits[-1, 4] = max(relative[-1] - following / best, 0.0)
    hits[:, 4] *= known  # to stand alone with one word of six is nothing
    hits[:, 5] = np.cumsum(relative) - relative
    hits[:, 6] = shares[:, column["source"]] / scores if "source" in column else 0.0
    hits[0, 7] = 0.0
    np.maximum.accumulate(match[:-1], out=hits[1:, 7])
    stranger = bool(unknown) and not unknown.isdisjoint(_names(text))
    hits[:, 8:] = known, math.log1p(len(unknown)), named, meaning, stranger
    return Signs(
        hits,
        np.array([
            min(m / max(n, 1), 1.0), math.log(float(match.max()) + 0.05), known, stranger, named, math.log1p(n_words),
            relative[-1], meaning,
        ]),
    )  # fmt: skip


def _heard(
    words: Sequence[str], frequency: NDArray[np.int64], n: int, rarity: float, function_words: float
) -> tuple[float, set[str], int]:
    """Return the share of the words' weight that is known, the unknown words, and how many are no function words."""
    if not len(frequency):
        return 1.0, set(), 0
    plain = [word in FUNCTION_WORDS for word in words]
    weights = np.log(1.0 + np.maximum(n - frequency + 0.5, 0.5) / (frequency + 0.5)) ** rarity
    weights[plain] *= function_words
    absent = frequency == 0
    unknown = {words[i] for i in np.flatnonzero(absent).tolist() if not plain[i]}
    return 1.0 - float(weights[absent].sum() / weights.sum()), unknown, len(plain) - sum(plain)


def _crowd(scores: FloatArray, m: int, n: int) -> tuple[float, float]:
    """Return the score behind the m best, and the one at place 32 (in small minds, behind a third)."""
    p = len(scores)
    at = min(_CROWD, n // 3)
    places = [p - 1 - place for place in (m, at) if place < p]
    ordered = np.partition(scores, places) if places else scores
    following, crowd = (float(ordered[p - 1 - place]) if place < p else 0.0 for place in (m, at))
    return max(following, 0.0), max(crowd, 0.0)


def _names(text: str) -> set[str]:
    """Return the words of a cue, after the first, that begin with a capital letter or a digit, folded."""
    spoken = (word.strip(".,;:?!()[]\"'") for word in text[:_READ].split()[1:])
    return {fold_text(word) for word in spoken if word and (word[0].isupper() or word[0].isdigit())}


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

    def recall_odds(self, signs: Signs, chances: FloatArray) -> float:
        """Return the log-odds that one of the hits with these chances is useful."""
        known, likely = self.recall[2:], together(chances)
        return float(self.recall[0] + self.recall[1] * likely + signs.recall @ known)


def together(chances: FloatArray) -> float:
    """Return the logarithm of minus the logarithm of the chance that none is useful, were they independent."""
    return math.log(1e-3 - float(np.log1p(-np.minimum(chances, 0.999)).sum()))


PRIOR = Prior(
    hit=(
        -3.075,
        0.6516,
        -0.7284,
        1.586,
        -1.145,
        4.732,
        0.08718,
        7.354,
        -0.3194,
        0.5941,
        0.206,
        -1.284,
        0.05449,
        -1.038,
    ),
    recall=(1.63, 1, 3.288, 2.016, -0.9799, 0.05736, 1.443, 0.8276, -2.062, 0.1572),
)
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
            Where there is not one outcome per hit.
        """
        if len(useful) != len(signs.hits):
            raise InvalidArgumentError("useful", useful, f"one outcome for each of {len(signs.hits)} hits")
        if not len(useful):
            return self
        odds, hit = self.prior.hit_odds(signs), self.hit
        for one, outcome in zip(odds.tolist(), useful, strict=True):
            hit = hit.observe(one, bool(outcome), _OF_A_HIT)
        recall = self.recall.observe(self.prior.recall_odds(signs, _logistic(odds)), any(useful))
        return Calibration(hit, recall, self.n_recalls + 1, self.n_hits + len(useful), self.prior)

    def __repr__(self) -> str:
        if self.is_prior:
            return "Calibration(shipped prior, nothing of this mind)"
        return f"Calibration(shipped prior and {self.n_recalls} recalls of this mind)"


def judge(
    signs: Signs, calibration: Calibration, *, min_chance: float | None = None
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

    Returns
    -------
    chances : array of float64, shape (m,)
        How likely each hit is to be of use, in (0, 1).
    shown : array of bool, shape (m,)
        Which are likely enough.
    fits : float
        How likely the answer is among those shown, in [0, 1), no less than the best chance; 0 where none is.
    """
    odds, line = calibration.prior.hit_odds(signs), calibration.hit
    plain = _logistic(odds)
    chances = plain if line.is_fresh else _logistic(line.shift + line.slope * odds)
    shown = chances >= (min_chance or 0.0)
    some = plain[shown]
    if not len(some):
        return chances, shown, 0.0
    line = calibration.recall
    fits = _sigmoid(line.shift + line.slope * calibration.prior.recall_odds(signs, some))
    return chances, shown, max(fits, float(chances[shown].max()))


def check_min_chance(value: float | None) -> None:
    """Check a `min_chance`.

    Raises
    ------
    InvalidArgumentError
        Where it is neither None nor a number in [0, 1].
    """
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0
    ):
        raise InvalidArgumentError("min_chance", value, "a number in [0, 1], or None")


def _logistic(odds: FloatArray) -> FloatArray:
    made: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0)))
    return made


def _sigmoid(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(odds, -30.0), 30.0)))
