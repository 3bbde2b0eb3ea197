"""Question: a cue made ready for the index, its words as hashes, its dates as spans, its names as codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray, TokenArray
from thoughtengine.encoders import TokenEncoder, spell
from thoughtengine.memory.index.analysis import LABELS, TERMS, Term, fold_text, terms_of_cue, words
from thoughtengine.memory.index.vectors import unit_of
from thoughtengine.memory.index.view import View
from thoughtengine.memory.recall.dates import Dates, Span, dates_in, hints_at_a_date

__all__ = ["Associated", "Question", "Spelled", "ask"]

_DAY = 86_400_000_000
_YEAR = 31_556_952_000_000  # microseconds, in the mean
_YEARS = 60  # that a date without a year may mean
_LONGEST = 1024  # distinct words of a cue that count
_UNLABELLED = "\0"  # before a word: a label that nothing has
_READ = 1 << 16  # characters of a cue in which dates are looked for


Associated = tuple[IntArray, FloatArray]


class Spelled(NamedTuple):
    """The tokens of each word of a cue's text, in order, and the vector of each token there is."""

    tokens: list[TokenArray]
    table: SingleArray


class Question(NamedTuple):
    """A cue, made ready for a view.

    Attributes
    ----------
    words : tuple of str
        Distinct words of the text, then those of its dates.
    terms : tuple of Term
        Ways in which the words of the text may stand in texts.
    owners : tuple of int
        The word that each term is of, ascending.
    labels : tuple of int
        Hashes of all words among sources, tags and dates.
    spans : tuple of Span
        Stretches of time it speaks of.
    by_clock : bool
        Whether these are of local time, as the clocks of each memory told it; else of UTC.
    units : mapping of str to array of float32, shape (d,)
        Its vector, of length 1, as encoders see it, by fingerprint; first that of the view's newest vectors.
    sources : tuple of int
        Codes of the sources it names.
    episode : int
        Code of its episode, 0 for none, -1 for an unknown one.
    spelled : Spelled or None
        Where there is a token encoder.
    feeling : tuple of float, or None
        Valence and arousal that memories should be near to, see `akin`.
    associated : (ids, activation)
        What associations call up, ids ascending, activation in [0, 1].
    """

    words: tuple[str, ...]
    terms: tuple[Term, ...]
    owners: tuple[int, ...]
    labels: tuple[int, ...]
    spans: tuple[Span, ...]
    units: Mapping[str, SingleArray]
    sources: tuple[int, ...]
    episode: int
    spelled: Spelled | None
    feeling: tuple[float, float | None] | None = None
    associated: Associated = (np.empty(0, np.int64), np.empty(0))
    by_clock: bool = True


def ask(
    view: View,
    text: str | None,
    vector: SingleArray | None,
    at: tuple[int, int] | None,
    episode: str | None,
    now: int,
    encoder: TokenEncoder | None = None,
    formerly: Mapping[str, SingleArray] | None = None,
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
        Microseconds since 1970, local time: what "yesterday" is relative to where `at` is not given.
    encoder : TokenEncoder or None
        That of the view's vectors.
    formerly : mapping of str to array of float32, optional
        The vector as encoders before see it, by fingerprint.
    """
    folded = "" if text is None else fold_text(text)
    terms: dict[int, str] = {}
    for word in words(folded):
        terms.setdefault(TERMS[word], word)
    local = now if at is None else at[0] + at[1] * 1_000_000
    read = folded[:_READ]
    dates = dates_in(read, local, _years(view)) if hints_at_a_date(read) else Dates()
    spans, by_clock = dates.spans, True
    if at is not None and not spans:
        spans, by_clock = (Span(at[0], at[0] + 1),), False
    asked = list(terms.values())
    if len(asked) > _LONGEST:
        asked = _rarest(view, asked)
    ways: dict[int, tuple[Term, int]] = {}
    for owner, word in enumerate(asked):
        for term in terms_of_cue(word, view.totals.languages):
            ways.setdefault(term.key, (term, owner))
    labels: dict[int, str] = {}
    for word in (*asked, *dates.words):
        labels.setdefault(LABELS[_UNLABELLED + word if word in dates.unlabelled else word], word)
    return Question(
        tuple(labels.values()),
        tuple([term for term, _ in ways.values()]),
        tuple([owner for _, owner in ways.values()]),
        tuple(labels),
        spans,
        _units(({} if vector is None else {view.made_by: vector}) | dict(formerly or {})),
        tuple(view.sources.named(tuple(labels))),
        0 if episode is None else view.episodes.codes.get(episode, -1),
        None if encoder is None or not asked else Spelled(spell(encoder, asked), encoder.table),
        by_clock=by_clock,
    )


def _rarest(view: View, asked: list[str]) -> list[str]:
    """Return the words that count of a long cue, in its order: the rarest of those that the view has, and of others the first."""
    keys: list[int] = []
    starts: list[int] = []
    for word in asked:
        starts.append(len(keys))
        keys += [LABELS[word], *(term.key for term in terms_of_cue(word, view.totals.languages) if term.is_whole)]
    found = np.zeros(len(keys), np.int64)
    for part in view.find(keys):
        found += part.stops - part.starts
    often = np.add.reduceat(found, starts)
    order = np.argsort(np.where(often > 0, often, np.iinfo(np.int64).max), kind="stable")
    return [asked[i] for i in sorted(order[:_LONGEST].tolist())]


def _years(view: View) -> Sequence[int]:
    """Return the years that a date without one may mean, ascending: the first there is, and the last in which anything was."""
    first, last = (1970 + (moment // _YEAR) for moment in (view.totals.first - _DAY, view.totals.last + _DAY))
    if last - first < _YEARS:
        return range(first, last + 1)
    at = view.columns.at[: view.n]  # one memory far ahead, or far back, is no reason to leave the others out
    some = np.unique(np.concatenate([(at - _DAY) // _YEAR, (at + _DAY) // _YEAR])) + 1970
    return [first, *some[some > first][-_YEARS:].tolist()]


def _units(vectors: Mapping[str, SingleArray]) -> dict[str, SingleArray]:
    return {made_by: unit_of(vector) for made_by, vector in vectors.items()}
