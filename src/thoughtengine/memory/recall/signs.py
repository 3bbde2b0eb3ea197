"""Signs: what every recall knows that tells how sure it may be, in two small arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index.analysis import FUNCTION_WORDS, fold_text

__all__ = ["HIT_SIGNS", "NO_SIGNS", "RECALL_SIGNS", "Signs", "features"]

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
    best: FloatArray,
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
    maths: ModuleType = arrays,
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
    best : array of float64, shape (p,)
        The best scores of all memories in question, descending, the hits among them.
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
    maths : module
        `arrays` or `kernels`.

    Returns
    -------
    Signs
        Of a hit: *match*, the share in [0, 1] of what the cue's words weigh that its text has, as BM25 gives it back
        without the length of the text; *rank*, the logarithm of its place; *relative*, its score by the best one's;
        *crowd*, the score at place 32 by its own; *gap*, how far the next one is behind, by the best score and as far as
        the cue is known, shared by those that score alike; *above*, the sum of the scores before it, by the best score;
        *source*, the share of its score that comes from a named source; *better*, the best match before it.
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
    following, crowd = _crowd(best, m, n)
    stranger = bool(unknown) and not unknown.isdisjoint(_names(text))
    of_cue = np.array((known, math.log1p(len(unknown)), named, meaning, stranger), np.float64)
    texts, told = (_column(shares, channels, name) for name in ("text", "source"))
    hits = np.empty((m, len(HIT_SIGNS)))
    best_match = maths.signs(
        scores, texts, norms, told, _ranks(m), following, crowd, text_weight, of_cue, hits.reshape(-1)
    )
    recall = (
        min(m / max(n, 1), 1.0), math.log(best_match + 0.05), known, stranger, named, math.log1p(n_words), hits[-1, 2], meaning,
    )  # fmt: skip
    return Signs(hits, np.array(recall, np.float64))


def _column(shares: FloatArray, channels: Sequence[str], name: str) -> FloatArray:
    return np.ascontiguousarray(shares[:, channels.index(name)]) if name in channels else np.zeros(len(shares))


@lru_cache(8)
def _ranks(m: int) -> FloatArray:
    """Return the logarithms of the places of m hits."""
    return np.array([math.log(place) for place in range(1, m + 1)])


def _heard(
    words: Sequence[str], frequency: NDArray[np.int64], n: int, rarity: float, function_words: float
) -> tuple[float, set[str], int]:
    """Return the share of the words' weight that is known, the unknown words, and how many are no function words."""
    if not len(frequency):
        return 1.0, set(), 0
    known, total, n_plain, unknown = 0.0, 0.0, 0, set()
    for word, often in zip(words, frequency.tolist(), strict=True):
        plain = word in FUNCTION_WORDS
        weight = math.log(1.0 + max(n - often + 0.5, 0.5) / (often + 0.5)) ** rarity * (
            function_words if plain else 1.0
        )
        n_plain, total = n_plain + plain, total + weight
        if often:
            known += weight
        elif not plain:
            unknown.add(word)
    return known / total if total else 1.0, unknown, len(words) - n_plain


def _crowd(best: FloatArray, m: int, n: int) -> tuple[float, float]:
    """Return the score behind the m best, and the one at place 32 (in small minds, behind a third)."""
    following, crowd = (float(best[place]) if place < len(best) else 0.0 for place in (m, min(_CROWD, n // 3)))
    return following, crowd


def _names(text: str) -> set[str]:
    """Return the words of a cue, after the first, that begin with a capital letter or a digit, folded."""
    spoken = (word.strip(".,;:?!()[]\"'") for word in text[:_READ].split()[1:])
    return {fold_text(word) for word in spoken if word and (word[0].isupper() or word[0].isdigit())}
