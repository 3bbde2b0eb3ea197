"""Channels: the ways in which a memory can answer a cue, and their weighted scores for the memories in question."""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np

from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.memory import arrays
from thoughtengine.memory.analysis import FUNCTION_WORDS
from thoughtengine.memory.question import Question
from thoughtengine.memory.shortlist import POOL, shortlist, with_neighbours
from thoughtengine.memory.view import View

__all__ = ["CHANNELS", "Scored", "score"]

CHANNELS = ("text", "labels", "dense", "time", "source", "episode", "neighbours", "revision")
"""Every channel; the last one has no weight: it is what a revision takes over from what it replaced."""

_ROW = {channel: row for row, channel in enumerate(CHANNELS)}
_DAY = 86_400_000_000
_KERNELS = 20_000  # memories from which compiled code is worth its start
_EVERYONE = np.empty(0, np.bool_)


class Scored(NamedTuple):
    """The memories in question and what each channel gives them.

    Attributes
    ----------
    places : array of int64, shape (p,)
        Positions, ascending.
    shares : array of float64, shape (c, p)
        Weighted scores, in the order of `CHANNELS`.
    said : array of float64, shape (n,)
        Words and meaning of every memory, which its neighbours lean on, by position.
    words : tuple of str
        Words of the cue and of its dates, the rarest first.
    frequency : array of int64, shape (t,)
        How many memories have each word of the question, in its order; empty where no word was looked for.
    """

    places: IntArray
    shares: FloatArray
    said: FloatArray
    words: tuple[str, ...]
    frequency: IntArray = np.empty(0, np.int64)


def score(
    view: View,
    question: Question,
    chosen: IntArray | None,
    visible: BoolArray | None,
    config: RecallConfig,
    *,
    k: int,
) -> Scored:
    """Score the memories in question in every channel that is on.

    Parameters
    ----------
    view : View
        The index.
    question : Question
        What is asked.
    chosen : array of int64 or None
        Positions that may be found, ascending; None: all.
    visible : array of bool, shape (n,), or None
        Whose words may count for their neighbours; None: all.
    config : RecallConfig
        Weights and switches.
    k : int
        How many are asked for.

    Notes
    -----
    Up to a few thousand memories all are in question. Of more, the best by their own words, meaning and time are, and
    the neighbours of the very best.
    """
    maths = _maths(view.n)
    few = chosen is not None and 4 * len(chosen) <= view.n
    wanted = with_neighbours(view, chosen) if few and chosen is not None else _EVERYONE
    own, spoken, frequency = _own(view, question, wanted, config, maths)
    said = _sum([own[channel] for channel in ("text", "dense") if channel in own], view.n)
    if visible is not None:
        said = said * visible
    places = np.arange(view.n) if chosen is None else chosen
    if len(places) > 4 * max(POOL, 2 * k):
        total = _sum(list(own.values()), view.n)
        scores = _sum([total[places], *_placed(view, question, places, config).values()], view.n)
        places = shortlist(view, places, scores, said, max(POOL, 2 * k), filtered=chosen is not None)
    shares = np.zeros((len(CHANNELS), len(places)))
    for channel, column in own.items():
        shares[_ROW[channel]] = column[places]
    _lean(view, said, places, config, maths, shares[_ROW["neighbours"]])
    if (weight := _weight(config, "source")) and question.sources:
        named = np.isin(view.columns.source[places], question.sources)
        shares[_ROW["source"]] = named * shares.sum(axis=0) * weight
    for channel, column in _placed(view, question, places, config).items():
        shares[_ROW[channel]] = column
    return Scored(places, shares, said, spoken, frequency)


def _weight(config: RecallConfig, channel: str) -> float:
    weight: float = 0.0 if channel in config.off else getattr(config, channel)
    return weight


def _maths(n: int) -> ModuleType:
    """Return `kernels` for large minds once they are compiled, `arrays` until then: they answer the same."""
    if n < _KERNELS:
        return arrays
    from thoughtengine import _jit

    if not _jit.ready("thoughtengine.memory.kernels"):
        return arrays
    from thoughtengine.memory import kernels

    return kernels


def _lean(
    view: View, said: FloatArray, places: IntArray, config: RecallConfig, maths: ModuleType, out: FloatArray
) -> None:
    """Write what memories get from what was said just before and after them."""
    if weight := _weight(config, "neighbours"):
        n, columns = view.n, view.columns
        maths.spread(
            said, columns.previous[:n], columns.following[:n], columns.length[:n], places,
            config.near, config.far, config.echo, config.context_words, out,
        )  # fmt: skip
        out *= weight


def _own(
    view: View, question: Question, wanted: BoolArray, config: RecallConfig, maths: ModuleType
) -> tuple[dict[str, FloatArray], tuple[str, ...], IntArray]:
    """Return the weighted columns of what memories say themselves; the cue's words, the rarest first; frequencies."""
    made: dict[str, FloatArray] = {}
    spoken, frequency = tuple[str, ...](), np.empty(0, np.int64)
    if question.labels and (_weight(config, "text") or _weight(config, "labels")):
        made, spoken, frequency = _lexical(view, question, wanted, config, maths)
    if question.vector is not None and view.matrix is not None and (weight := _weight(config, "dense")):
        made["dense"] = _dense(view, view.matrix, question.vector) * weight
    return made, spoken, frequency


def _lexical(
    view: View, question: Question, wanted: BoolArray, config: RecallConfig, maths: ModuleType
) -> tuple[dict[str, FloatArray], tuple[str, ...], IntArray]:
    """Return what `_own` does for BM25 over texts and over labels: shares of what the words of the cue weigh in all."""
    n, t = view.n, len(question.terms)
    found = view.postings(question.terms + question.labels)
    frequency, middle = np.diff(found.bounds), int(found.bounds[t])
    together = frequency[t:].copy()  # a word is as common as it is in texts or in labels, whichever is more
    np.maximum(together[:t], frequency[:t], out=together[:t])
    in_labels = _rarity(together, n, config)
    in_labels[[word in FUNCTION_WORDS for word in question.words]] *= config.function_words
    in_texts = np.where(frequency[:t] > 0, in_labels[:t], 0.0)
    rarity = in_labels.copy()
    np.maximum(rarity[:t], in_texts, out=rarity[:t])
    scale = (config.k1 + 1.0) * float(rarity.sum()) or 1.0
    made = {}
    for channel, of, part, bounds, weights in (
        ("text", "length", slice(0, middle), found.bounds[: t + 1], in_texts),
        ("labels", "labels", slice(middle, None), found.bounds[t:] - middle, in_labels),
    ):
        if weight := _weight(config, channel):
            made[channel] = np.zeros(n)
            maths.accumulate(
                found.positions[part], found.counts[part], bounds, weights * (weight / scale),
                view.norms(of, config.k1, config.b), wanted, config.k1, made[channel],
            )  # fmt: skip
    spoken = tuple(question.words[i] for i in np.argsort(-rarity, kind="stable").tolist())
    return made, spoken, together


def _rarity(frequency: IntArray, n: int, config: RecallConfig) -> FloatArray:
    """Return a power of the inverse document frequency as Lucene has it; 0 for what occurs nowhere."""
    known = np.log(1.0 + (n - frequency + 0.5) / (frequency + 0.5)) ** config.rarity
    return np.where(frequency > 0, known, 0.0)


def _dense(view: View, matrix: SingleArray, unit: SingleArray) -> FloatArray:
    """Return how much closer than usual the meaning of each memory is, in [0, 1]; 0 without a vector."""
    scores = np.zeros(view.n)
    rows = view.columns.vector[: view.n]
    there = np.flatnonzero((rows >= 0) & (rows < len(matrix)))
    cosines = (matrix @ unit).astype(np.float64)[rows[there]]
    usual = max(float(cosines.sum()) / (len(cosines) + 10.0), 0.0)  # ten imagined memories without any likeness
    scores[there] = np.clip((cosines - usual) / (1.0 - usual), 0.0, 1.0)
    return scores


def _placed(view: View, question: Question, places: IntArray, config: RecallConfig) -> dict[str, FloatArray]:
    """Return the weighted columns of when and where: time and episode."""
    made = {}
    if question.spans and (weight := _weight(config, "time")):
        made["time"] = _time(view, question, places) * weight
    if question.episode and (weight := _weight(config, "episode")):
        made["episode"] = (view.columns.episode[places] == question.episode) * weight
    return made


def _time(view: View, question: Question, places: IntArray) -> FloatArray:
    """Return 1 inside a span, and less by a normal curve as wide as the span outside it."""
    local = view.columns.at[places] + view.columns.offset[places] * np.int64(1_000_000)
    scores = np.zeros(len(places))
    for start, stop in question.spans:
        width = max(stop - start, _DAY)
        close = np.flatnonzero((local >= start - 3 * width) & (local < stop + 3 * width))
        away = np.maximum(np.maximum(start - local[close], local[close] - stop), 0) / width
        scores[close] = np.maximum(scores[close], np.exp(-0.5 * away * away))
    return scores


def _sum(columns: list[FloatArray], n: int) -> FloatArray:
    """Return the sum of columns, one itself where it is the only one."""
    total = columns[0] if columns else np.zeros(n)
    for column in columns[1:]:
        total = total + column
    return total
