"""Channels: the ways in which a memory can answer a cue, and their weighted scores for the memories in question."""

from __future__ import annotations

from itertools import islice
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine import _jit
from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.memory import arrays
from thoughtengine.memory.analysis import LABELS, TERMS, fold_text, words
from thoughtengine.memory.dates import Span, dates_in
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.view import View

__all__ = ["CHANNELS", "Question", "Scored", "ask", "maths_for", "score"]

CHANNELS = ("text", "labels", "dense", "time", "source", "episode", "neighbours", "revision")
"""Every channel; the last one has no weight: it is what a revision takes over from what it replaced."""

_DAY = 86_400_000_000
_YEAR = 365.2425 * _DAY
_LONGEST = 512  # distinct words of a cue that count
_POOL, _FRIENDS = 2048, 512  # best memories that are looked at closely in a large mind, and whose neighbours are
_KERNELS = 20_000  # memories from which compiled code is worth its start
_NONE = np.empty(0, np.bool_)


class Question(NamedTuple):
    """A cue, made ready for a view.

    Attributes
    ----------
    words : tuple of str
        Distinct words of the text, then those of its dates.
    terms, labels : tuple of int
        Hashes of the former among texts, and of all among sources, tags and dates.
    spans : tuple of Span
        Stretches of local time it speaks of.
    vector : array of float32, shape (d,), or None
        Of length 1.
    sources : tuple of int
        Codes of the sources it names.
    episode : int
        Code of its episode, 0 for none, -1 for an unknown one.
    """

    words: tuple[str, ...]
    terms: tuple[int, ...]
    labels: tuple[int, ...]
    spans: tuple[Span, ...]
    vector: SingleArray | None
    sources: tuple[int, ...]
    episode: int


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
    """

    places: IntArray
    shares: FloatArray
    said: FloatArray
    words: tuple[str, ...]


def ask(
    view: View, text: str | None, vector: SingleArray | None, at: tuple[int, int] | None, episode: str | None, now: int
) -> Question:
    """Make the parts of a cue ready for a view.

    Parameters
    ----------
    view : View
        Where the answer is looked for.
    text, episode : str or None
        As in the cue.
    vector : array of float32, shape (d,), or None
        Of the same dimension as the view's.
    at : tuple of int or None
        Moment in microseconds since 1970, and seconds east of UTC.
    now : int
        Microseconds since 1970.
    """
    folded = "" if text is None else fold_text(text)
    terms: dict[int, str] = {}
    for word in words(folded):
        terms.setdefault(TERMS[word], word)
    local = now if at is None else at[0] + at[1] * 1_000_000
    dates = dates_in(folded, local, _years(view))
    spans = dates.spans
    if at is not None and not spans:
        spans = (Span(local, local + 1),)
    labels: dict[int, str] = {}
    for word in (*islice(terms.values(), _LONGEST), *dates.words):
        labels.setdefault(LABELS[word], word)
    return Question(
        tuple(labels.values()),
        tuple(islice(terms, _LONGEST)),
        tuple(labels),
        spans,
        _unit(vector),
        tuple(view.sources.named(tuple(labels))),
        0 if episode is None else view.episodes.codes.get(episode, -1),
    )


def _years(view: View) -> range:
    first, last = 1970 + int(view.totals.first // _YEAR), 1970 + int(view.totals.last // _YEAR)
    return range(max(first, last - 30), last + 1)


def _unit(vector: SingleArray | None) -> SingleArray | None:
    if vector is None:
        return None
    norm = np.sqrt(np.dot(vector.astype(np.float64), vector))
    return (vector / (norm or 1.0)).astype(np.float32)


def score(
    view: View, question: Question, chosen: IntArray | None, visible: BoolArray | None, config: RecallConfig
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

    Notes
    -----
    Up to a few thousand memories all are in question. Of more, the best by their own words, meaning and time are, and
    the neighbours of the very best.
    """
    maths = maths_for(view.n)
    own, spoken = _own(view, question, _wanted(view, chosen), config, maths)
    said = sum((own[channel] for channel in ("text", "dense") if channel in own), np.zeros(view.n))
    if visible is not None:
        said *= visible
    places = _places(view, question, own, said, chosen, config, maths)
    shares = np.zeros((len(CHANNELS), len(places)))
    for channel, column in own.items():
        shares[CHANNELS.index(channel)] = column[places]
    if (weight := _weight(config, "neighbours")) and len(places):
        row, columns = shares[CHANNELS.index("neighbours")], view.columns
        maths.spread(
            said, columns.previous[: view.n], columns.following[: view.n], columns.length[: view.n], places,
            config.near, config.far, config.echo, config.context_words, row,
        )  # fmt: skip
        row *= weight
    if (weight := _weight(config, "source")) and question.sources:
        mine = np.isin(view.columns.source[places], question.sources)
        shares[CHANNELS.index("source")] = mine * shares.sum(axis=0) * weight
    if (weight := _weight(config, "time")) and question.spans:
        shares[CHANNELS.index("time")] = _time(view, question, places) * weight
    if (weight := _weight(config, "episode")) and question.episode:
        shares[CHANNELS.index("episode")] = (view.columns.episode[places] == question.episode) * weight
    return Scored(places, shares, said, spoken)


def _weight(config: RecallConfig, channel: str) -> float:
    weight: float = 0.0 if channel in config.off else getattr(config, channel)
    return weight


def maths_for(n: int) -> ModuleType:
    """Return `kernels` for large minds once they are compiled, `arrays` until then: they answer the same."""
    if n >= _KERNELS and _jit.ready("thoughtengine.memory.kernels"):
        from thoughtengine.memory import kernels

        return kernels
    return arrays


def _wanted(view: View, chosen: IntArray | None) -> BoolArray:
    """Return whose words are worth scoring: those of few chosen ones and their neighbours; empty for everyone's."""
    if chosen is None or 4 * len(chosen) > view.n:
        return _NONE
    wanted = np.zeros(view.n, np.bool_)
    _mark(view, chosen, wanted)
    return wanted


def _mark(view: View, places: IntArray, marked: BoolArray) -> None:
    """Mark memories and the two before and after each in its episode."""
    marked[places] = True
    for links in (view.columns.previous, view.columns.following):
        at: NDArray[np.int64] | NDArray[np.int32] = places
        for _ in range(2):
            at = links[at]
            at = at[(at >= 0) & (at < view.n)]
            marked[at] = True


def _own(
    view: View, question: Question, wanted: BoolArray, config: RecallConfig, maths: ModuleType
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Return the weighted columns of what memories say themselves, and the words of the cue, the rarest first."""
    made: dict[str, FloatArray] = {}
    spoken: tuple[str, ...] = ()
    if question.labels and (_weight(config, "text") or _weight(config, "labels")):
        made, spoken = _lexical(view, question, wanted, config, maths)
    if question.vector is not None and view.matrix is not None and (weight := _weight(config, "dense")):
        made["dense"] = _dense(view, question.vector) * weight
    return made, spoken


def _lexical(
    view: View, question: Question, wanted: BoolArray, config: RecallConfig, maths: ModuleType
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Return weighted BM25 over texts and over labels, as shares of what the words of the cue weigh in all."""
    n, t, totals = view.n, len(question.terms), view.totals
    found = view.postings(question.terms + question.labels)
    frequency, middle = np.diff(found.bounds), int(found.bounds[t])
    in_texts, in_labels = _rarity(frequency[:t], totals.texts), _rarity(frequency[t:], n)
    rarity = in_labels.copy()
    np.maximum(rarity[:t], in_texts, out=rarity[:t])
    scale = (config.k1 + 1.0) * float(rarity.sum()) or 1.0
    made = {}
    for channel, part, bounds, weights, lengths, average in (
        ("text", slice(0, middle), found.bounds[: t + 1], in_texts, view.columns.length, totals.words / (totals.texts or 1)),
        ("labels", slice(middle, None), found.bounds[t:] - middle, in_labels, view.columns.labels, totals.labels / (n or 1)),
    ):
        if weight := _weight(config, channel):
            made[channel] = np.zeros(n)
            maths.accumulate(
                found.positions[part], found.counts[part], bounds, weights * (weight / scale), lengths[:n], wanted,
                config.k1, config.b, average or 1.0, made[channel],
            )  # fmt: skip
    return made, tuple(question.words[i] for i in np.argsort(-rarity, kind="stable").tolist())


def _rarity(frequency: IntArray, n: int) -> FloatArray:
    """Return the inverse document frequency as Lucene has it; 0 for what occurs nowhere."""
    known = np.log(1.0 + (n - frequency + 0.5) / (frequency + 0.5))
    return np.where(frequency > 0, known, 0.0)


def _dense(view: View, unit: SingleArray) -> FloatArray:
    """Return how much closer than usual the meaning of each memory is, in [0, 1]; 0 without a vector."""
    scores = np.zeros(view.n)
    matrix = view.matrix
    assert matrix is not None
    rows = view.columns.vector[: view.n]
    there = np.flatnonzero((rows >= 0) & (rows < len(matrix)))
    cosines = (matrix @ unit).astype(np.float64)[rows[there]]
    usual = max(float(cosines.sum()) / (len(cosines) + 10.0), 0.0)  # ten imagined memories without any likeness
    scores[there] = np.clip((cosines - usual) / (1.0 - usual), 0.0, 1.0)
    return scores


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


def _places(
    view: View,
    question: Question,
    own: dict[str, FloatArray],
    said: FloatArray,
    chosen: IntArray | None,
    config: RecallConfig,
    maths: ModuleType,
) -> IntArray:
    """Return the positions in question, ascending."""
    everyone = np.arange(view.n) if chosen is None else chosen
    if len(everyone) <= 4 * _POOL:
        return everyone
    scores = sum((column[everyone] for column in own.values()), np.zeros(len(everyone)))
    if question.spans and (weight := _weight(config, "time")):
        scores += _time(view, question, everyone) * weight
    if question.episode and (weight := _weight(config, "episode")):
        scores += (view.columns.episode[everyone] == question.episode) * weight
    marked = np.zeros(view.n, np.bool_)
    _mark(view, maths.best(said, _FRIENDS), marked)
    if chosen is not None:
        allowed = np.zeros(view.n, np.bool_)
        allowed[chosen] = True
        marked &= allowed
    marked[everyone[maths.best(scores, _POOL)]] = True
    _mark_revisions(view, everyone, marked)
    return np.flatnonzero(marked)


def _mark_revisions(view: View, everyone: IntArray, marked: BoolArray) -> None:
    """Mark what replaced a marked memory, and what replaced that, as far as they may be found."""
    front, eligible = np.flatnonzero(marked), None
    while len(front):
        successors = view.columns.successor[front]
        front = np.searchsorted(view.ids, successors[successors > 0])
        front = np.unique(front[front < view.n])
        if len(front) and eligible is None:
            eligible = np.zeros(view.n, np.bool_)
            eligible[everyone] = True
        if eligible is not None:
            marked[front[eligible[front]]] = True
