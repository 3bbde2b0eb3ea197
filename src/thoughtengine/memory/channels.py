"""Channels: the ways in which a memory can answer a cue, each a column of scores over all memories."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from thoughtengine._types import BoolArray, FloatArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.memory import arrays
from thoughtengine.memory.analysis import LABELS, TERMS, fold_text, words
from thoughtengine.memory.dates import Span, spans
from thoughtengine.memory.view import View

__all__ = ["CHANNELS", "Question", "columns"]

CHANNELS = ("text", "labels", "dense", "time", "source", "episode", "neighbours", "revision")
_K1, _B = 1.2, 0.75
_DAY = 86_400_000_000
_YEAR = 365.2425 * _DAY


class Question(NamedTuple):
    """A cue, made ready for the index: distinct words, spans of time, unit vector, episode code."""

    words: tuple[str, ...]
    terms: tuple[int, ...]
    labels: tuple[int, ...]
    spans: tuple[Span, ...]
    vector: FloatArray | None
    episode: int


def ask(view: View, text: str | None, vector: SingleArray | None, at: int | None, episode: str | None, now: int) -> Question:
    """Make a cue ready for a view."""
    folded = fold_text(text) if text else ""
    by_term: dict[int, str] = {}
    for word in words(folded):
        by_term.setdefault(TERMS[word], word)
    spoken = tuple(by_term.values())
    found = spans(folded, now if at is None else at, _years(view)) if folded else ()
    if at is not None and not found:
        found = (Span(at, at + 1),)
    unit = None
    if vector is not None and view.matrix is not None:
        unit = vector.astype(np.float64)
        unit /= np.sqrt(unit @ unit) or 1.0
    code = view.episodes.codes.get(episode, -1) if episode is not None else 0
    return Question(spoken, tuple(by_term), tuple(LABELS[word] for word in spoken), found, unit, code)


def _years(view: View) -> range:
    at = view.columns.at[: view.n]
    if not view.n:
        return range(0)
    first, last = 1970 + int(at.min() / _YEAR), 1970 + int(at.max() / _YEAR)
    return range(max(first, last - 30), last + 1)


def columns(view: View, question: Question, visible: BoolArray | None, config: RecallConfig) -> dict[str, FloatArray]:
    """Return the weighted column of every channel that is on and has something to say."""
    n, made = view.n, {}
    on = {name: getattr(config, name) for name in CHANNELS[:-1] if name not in config.off}
    scale = 1.0
    if question.terms and (on.get("text") or on.get("labels")):
        text, labels, scale = _lexical(view, question)
        if on.get("text"):
            made["text"] = text * (on["text"] / scale)
        if on.get("labels"):
            made["labels"] = labels * (on["labels"] / scale)
    if question.vector is not None and on.get("dense"):
        made["dense"] = _dense(view, question.vector) * on["dense"]
    if visible is not None:
        for column in made.values():
            column *= visible
    base = sum(made.values(), np.zeros(n))
    if question.spans and on.get("time"):
        made["time"] = _time(view, question.spans) * on["time"]
    if on.get("source") and question.words:
        named = _named(view, question)
        if named.any():
            made["source"] = named[view.columns.source[:n]] * base * on["source"]
    if question.episode and on.get("episode"):
        made["episode"] = (view.columns.episode[:n] == question.episode) * on["episode"]
    if on.get("neighbours"):
        out = np.empty(n)
        arrays.spread(base, view.columns.previous[:n], view.columns.following[:n], config.near, config.far, out)
        made["neighbours"] = out * on["neighbours"]
    return made


def _lexical(view: View, question: Question) -> tuple[FloatArray, FloatArray, float]:
    found = view.postings(question.terms + question.labels)
    t = len(question.terms)
    frequency = np.diff(found.bounds)
    texts = np.where(frequency[:t] > 0, _idf(frequency[:t], view.n_texts), 0.0)
    named = np.where(frequency[t:] > 0, _idf(frequency[t:], view.n), 0.0)
    middle = int(found.bounds[t])
    n = view.n
    text, labels = np.zeros(n), np.zeros(n)
    arrays.accumulate(
        found.positions[:middle], found.counts[:middle], found.bounds[: t + 1], texts, view.columns.length[:n],
        _K1, _B, max(view.n_words, 1) / max(view.n_texts, 1), text,
    )  # fmt: skip
    arrays.accumulate(
        found.positions[middle:], found.counts[middle:], found.bounds[t:] - middle, named, view.columns.labels[:n],
        _K1, _B, max(view.n_labels, 1) / max(n, 1), labels,
    )  # fmt: skip
    scale = (_K1 + 1.0) * math.fsum(np.maximum(texts, named).tolist())
    return text, labels, scale or 1.0


def _idf(frequency: FloatArray, n: int) -> FloatArray:
    return np.log(1.0 + (n - frequency + 0.5) / (frequency + 0.5))


def _dense(view: View, unit: FloatArray) -> FloatArray:
    assert view.matrix is not None
    scores = np.zeros(view.n)
    rows = view.columns.vector[: view.n]
    there = np.flatnonzero((rows >= 0) & (rows < len(view.matrix)))
    cosines = np.einsum("ij,j->i", view.matrix[rows[there]], unit, dtype=np.float64)
    mean = cosines.sum() / (len(cosines) + 10.0)
    scores[there] = np.clip((cosines - mean) / (1.0 - mean), 0.0, 1.0)
    return scores


def _time(view: View, found: tuple[Span, ...]) -> FloatArray:
    at = view.columns.at[: view.n]
    scores = np.zeros(view.n)
    for start, stop in found:
        width = max(stop - start, _DAY)
        near = np.flatnonzero((at >= start - 3 * width) & (at < stop + 3 * width))
        away = np.maximum(np.maximum(start - at[near], at[near] - stop), 0) / width
        scores[near] = np.maximum(scores[near], np.exp(-0.5 * away * away))
    return scores


def _named(view: View, question: Question) -> BoolArray:
    mine = set(question.labels)
    named = np.zeros(len(view.sources.values), np.bool_)
    for code, value in enumerate(view.sources.values):
        if value is not None:
            parts = [LABELS[word] for word in words(fold_text(value))]
            named[code] = bool(parts) and mine.issuperset(parts)
    return named
