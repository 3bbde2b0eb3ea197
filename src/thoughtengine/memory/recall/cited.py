"""Cited: which of the memories that were shown a reply used, and how sure that is."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import attrs
import numpy as np

from thoughtengine._types import FloatArray
from thoughtengine.memory.experience import Memory
from thoughtengine.memory.index.alike import are_letters, gist
from thoughtengine.memory.index.analysis import FUNCTION_WORDS, LABELS, TERMS, fold_text, words
from thoughtengine.memory.index.view import View
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.recall.dates import Span, dates_in
from thoughtengine.memory.recall.excerpt import SENTENCE_END
from thoughtengine.memory.recall.hit import Cue, Hit

__all__ = ["BIAS", "WEIGHTS", "Cited", "Told", "cited", "rarity", "tell"]

Rarity = Callable[[Sequence[str]], Sequence[float]]

_DAY = 86_400_000_000
_LONGEST = 1 << 16  # characters of a reply that are read
_IDS = r"\d{1,18}(?:\s*[-–]\s*\d{1,18})?"
_NAMED = re.compile(rf"\[\s*({_IDS}(?:\s*[,;]\s*{_IDS})*)\s*\]")

WEIGHTS, BIAS = (2.85, 0.91, 2.36, 2.09, 5.52), -8.14
"""Of the clues: logistic regression on the answers of five conversations; benchmarks/results/cited.md has it held out."""

_WHOLE = 0.99
"""How sure it is where the reply holds the whole text of a memory, word for word."""
_FEWEST = 3  # words of such a text
_AROUND = str.maketrans(dict.fromkeys('"„«»()[]*_`', " "))  # what a model puts around a quotation
_STOPS = ".,…。、，،۔।"  # behind anything they say nothing
_ENDS = _STOPS + "!:–—！："  # nor these, behind a word


@attrs.frozen(repr=False)
class Cited(Hit):
    """A hit that a reply used: all that the hit was, and how sure it is.

    Attributes
    ----------
    sure : float
        The chance that it was used, in [0, 1]; 1 where the reply gives its id in brackets.
    words : tuple of str
        Words of the reply that speak for it, the weightiest first.
    """

    sure: float = 0.0
    words: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Cited(id={self.id}, sure={self.sure:.2f}, words={self.words!r})"

    def __str__(self) -> str:
        why = ", ".join(f'"{word}"' for word in self.words[:3]) or "its id" * (self.sure == 1.0)
        return f"{self.sure:4.0%} {self.memory}" + (f"  [{why}]" if why else "")


def _as_cited(hit: Hit, sure: float, words: tuple[str, ...]) -> Cited:
    known = {field.alias or field.name: getattr(hit, field.name) for field in attrs.fields(Hit)}
    return Cited(**known, sure=sure, words=words)


def rarity(view: View, found: Sequence[str]) -> list[float]:
    """Return how rare words are in texts and labels: inverse document frequency as a share of that of a word said once.

    Parameters
    ----------
    view : View
        The index.
    found : sequence of str
        Words as `analysis.words` gives them.

    Returns
    -------
    list of float
        In [0, 1].
    """
    terms, labels = [TERMS[word] for word in found], [LABELS[word] for word in found]
    counts = (part.stops - part.starts for part in view.find([*terms, *labels]))
    frequency = sum(counts, np.zeros(2 * len(found), np.int64)).reshape(2, -1).max(axis=0)
    n = max(view.n, 1)
    known = np.log1p(np.maximum(n - frequency + 0.5, 0.5) / (np.maximum(frequency, 1) + 0.5)) / np.log1p(
        (n - 0.5) / 1.5
    )
    return [float(share) for share in np.clip(known, 0.0, 1.0)]


def cited(reply: str, shown: Sequence[Hit], cue: Cue, rarity: Rarity | None) -> list[Cited]:
    """Tell of each memory that was shown how likely a reply used it, the surest first.

    Parameters
    ----------
    reply : str
        What was answered.
    shown : sequence of Hit
        What it may rest on.
    cue : Cue
        What was asked: its words tell nothing.
    rarity : callable or None
        Words → how rare each is, in [0, 1]; None: all alike.

    Notes
    -----
    Of several sentences the surest counts. A memory whose whole text the reply holds is nearly certain, however common its words.
    """
    if not shown:
        return []
    told = tell(reply, shown, cue, rarity)
    chances = 1.0 / (1.0 + np.exp(-told.clues @ np.array(WEIGHTS) - BIAS))
    named, whole = _named(reply), _quoted(reply, shown, cue)
    found = []
    for i, at in enumerate(chances.argmax(axis=0).tolist()):
        sure = 1.0 if any(shown[i].id in ids for ids in named) else max(float(chances[at, i]), _WHOLE * whole[i])
        found.append(_as_cited(shown[i], sure, told.words[at][i]))
    return sorted(found, key=lambda one: -one.sure)


def _named(reply: str) -> list[range]:
    """Return the ids that stand in brackets: ``[3]``, ``[3, 5]``, ``[3-5]``."""
    found = (re.findall(r"\d+", ids) for match in _NAMED.finditer(reply) for ids in re.split("[,;]", match[1]))
    return [range(int(ids[0]), int(ids[-1]) + 1) for ids in found]


def _quoted(reply: str, shown: Sequence[Hit], cue: Cue) -> list[bool]:
    """Tell of each memory whether the reply holds its whole text: some words, not all of them small ones or of the cue."""
    said = _gist(reply[:_LONGEST])
    known = FUNCTION_WORDS.union(words(fold_text(cue.text or "")))
    quoted = []
    for hit in shown:
        text = hit.text or ""
        found = words(fold_text(text)) if text and _gist(text) in said else []
        quoted.append(len(found) >= _FEWEST and not known.issuperset(found))
    return quoted


def _gist(text: str) -> str:
    """Return what a text says with spaces around: punctuation is left out and signs are not, so that O+ does not quote O-."""
    return f" {' '.join(filter(None, map(_bare, gist(text).lower().translate(_AROUND).split())))} "


def _bare(token: str) -> str:
    bare = token.rstrip(_ENDS)
    return bare if not bare or are_letters(bare[-2:]) else token.rstrip(_STOPS)


class Told(NamedTuple):
    """What a reply gives away about what was shown.

    Attributes
    ----------
    clues : array of float64, shape (s, n, 5)
        By sentence and memory: the share of the sentence's new words that the memory has, weighed by their rarity and by how
        few of the memories have them; that as a share of the best one's; the logarithm of how much that is; how near the
        memory is to the dates of the sentence; its score as a share of the best.
    words : list of list of tuple of str
        By sentence and memory: the words they share, the weightiest first.
    """

    clues: FloatArray
    words: list[list[tuple[str, ...]]]


def tell(reply: str, shown: Sequence[Hit], cue: Cue, rarity: Rarity | None) -> Told:
    """Compare a reply with what was shown, of which there must be something; the arguments are those of `cited`."""
    texts = [_said_by(hit.memory) for hit in shown]
    sentences = _sentences(reply, set(_terms(cue.text or "")), shown)
    weights = _weights((sentence.new for sentence in sentences), texts, rarity)
    moments = [_local(hit.memory) for hit in shown]
    scores = np.array([hit.score for hit in shown])
    made = [_clues(sentence, texts, weights, moments, scores / (scores.max() or 1.0)) for sentence in sentences]
    return Told(np.array(made), [[_because(one.new, text, weights) for text in texts] for one in sentences])


class _Sentence(NamedTuple):
    new: dict[int, str]  # stems that the cue did not bring, and a word for each
    spans: tuple[Span, ...]


class _Weight(NamedTuple):
    rare: float  # in the mind
    telling: float  # the same, less the more of what was shown has it


def _sentences(reply: str, asked: set[int], shown: Sequence[Hit]) -> list[_Sentence]:
    years = [hit.at.year for hit in shown]
    span = range(min(years), min(max(years), min(years) + 100) + 1)
    made = []
    for sentence in SENTENCE_END.split(_NAMED.sub(" ", reply[:_LONGEST])):
        new = {t: word for t, word in _terms(sentence).items() if t not in asked and word not in FUNCTION_WORDS}
        made.append(_Sentence(new, dates_in(fold_text(sentence), _local(shown[0].memory), span).spans))
    return made


def _terms(text: str) -> dict[int, str]:
    return {TERMS[word]: word for word in words(fold_text(text))}


def _said_by(memory: Memory) -> frozenset[int]:
    return frozenset(_terms(" ".join(filter(None, (memory.text, memory.source, *memory.tags)))))


def _local(memory: Memory) -> int:
    at, offset = to_stored("at", memory.at)
    return at + offset * 1_000_000


def _weights(
    sentences: Iterable[Mapping[int, str]], texts: Sequence[frozenset[int]], rarity: Rarity | None
) -> dict[int, _Weight]:
    every = {term: word for new in sentences for term, word in new.items()}
    known = rarity(list(every.values())) if rarity is not None and every else [1.0] * len(every)
    shared = Counter(term for text in texts for term in text & every.keys())
    n = len(texts) + 1
    alone = {term: math.log(n / max(shared[term], 1)) / math.log(n) for term in every}
    return {term: _Weight(rare, rare * alone[term]) for term, rare in zip(every, known, strict=True)}


def _clues(
    sentence: _Sentence, texts: Sequence[frozenset[int]], weights: Mapping[int, _Weight], moments: Sequence[int],
    scores: FloatArray,
) -> FloatArray:  # fmt: skip
    """Return the clues of one sentence, shape (n, 5)."""
    told = np.array([sum(weights[term].telling for term in sentence.new.keys() & text) for text in texts])
    share = told / (sum(weights[term].rare for term in sentence.new) or 1.0)
    near = np.array([_near(moment, sentence.spans) for moment in moments])
    return np.stack([share, told / (told.max() or 1.0), np.log1p(told), near, scores], axis=1)


def _near(moment: int, spans: Sequence[Span]) -> float:
    """Return 1 inside a span of time, and less by a normal curve as wide as the span outside it."""
    best = 0.0
    for start, stop in spans:
        away = max(moment - stop, start - moment, 0) / max(stop - start, _DAY)
        best = max(best, math.exp(-0.5 * away * away))
    return best


def _because(new: Mapping[int, str], text: frozenset[int], weights: Mapping[int, _Weight]) -> tuple[str, ...]:
    return tuple(new[term] for term in sorted(new.keys() & text, key=lambda term: (-weights[term].telling, new[term])))
