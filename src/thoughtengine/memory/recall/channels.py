"""Channels: the ways in which a memory can answer a cue, and their weighted scores for the memories in question."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thoughtengine import _jit
from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.encoders.pooling import pool
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index.analysis import FUNCTION_WORDS
from thoughtengine.memory.index.columns import akin
from thoughtengine.memory.index.likeness import Likeness
from thoughtengine.memory.index.view import View
from thoughtengine.memory.recall.complete import is_complete
from thoughtengine.memory.recall.question import Question
from thoughtengine.memory.recall.shortlist import POOL, shortlist, with_neighbours

__all__ = ["CHANNELS", "Scored", "compiled", "score"]

CHANNELS = (
    "text", "labels", "dense", "dense_weighted", "associations", "time", "source", "episode", "neighbours", "feeling",
    "strength", "revision",
)  # fmt: skip
"""Every channel; the last one has no weight: it is what a revision takes over from what it replaced."""

_ROW = {channel: row for row, channel in enumerate(CHANNELS)}
_KERNELS = "thoughtengine.memory.index.kernels"
_COMPILED = 8_192  # memories from which compiled code is worth its start: seconds at first, then 160 MB
_RARE = 32  # of so many memories one may be found: then it pays to pass over the others
_LARGE = 1 << 15  # memories from which the scratch memory is kept
_FEW = 8  # times as many as are wanted: so few are all looked at
_MORE = 4  # times as many are looked at where the last ones were repeats
_READ = 1 << 17  # postings that a cue may cost, or half of the memories: the commonest words go first
_EVERYONE = np.empty(0, np.bool_)
_NOTHING = np.empty(0, np.float32)
_FILLING = np.float32(
    0.5
)  # share of what neighbours lend, up to which they fill, where a memory holds every word of the cue
_NOBODY = np.empty(0, np.int64)
_F = np.float32


class Scored(NamedTuple):
    """The memories in question and what each channel gives them.

    Attributes
    ----------
    places : array of int64, shape (p,)
        Positions, ascending.
    shares : array of float64, shape (c, p)
        Weighted scores, in the order of `CHANNELS`.
    beside : array of int8, shape (p,)
        1 where the memory after it lends it more than the one before, -1 where less, else 0.
    words : tuple of str
        Words of the cue and of its dates, the rarest first.
    frequency : array of int64, shape (t,)
        How many memories have each word of the question, in its order; empty where no word was looked for.
    limit : int
        How many the channels that find gave at most, where one of them may have more; else 0.
    """

    places: IntArray
    shares: FloatArray
    beside: NDArray[np.int8]
    words: tuple[str, ...]
    frequency: IntArray
    limit: int = 0


def score(
    view: View,
    question: Question,
    chosen: IntArray | None,
    visible: BoolArray | None,
    config: RecallConfig,
    *,
    k: int,
    now: int,
    apart: bool = False,
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
    now : int
        Microseconds since 1970: what strength is measured at.
    apart : bool
        Whether the best few hundred are looked for among one of each repeat as well: where repeats of a few take all places.

    Notes
    -----
    Up to a few thousand memories all are in question. Of more, the best few hundred of the channels that find (words, and
    meaning) are, and the neighbours of the very best.
    """
    return _Scoring(view, question, chosen, visible, config, k, now).scored(apart=apart)


class _Scoring:
    """One recall while its channels are filled."""

    def __init__(
        self,
        view: View,
        question: Question,
        chosen: IntArray | None,
        visible: BoolArray | None,
        config: RecallConfig,
        k: int,
        now: int,
    ) -> None:
        self._now, self._on = now, config.weights
        self._view, self._question, self._chosen, self._config = view, question, chosen, config
        self._maths = compiled(view.n)
        self._lends = _EVERYONE if visible is None else visible
        self._text, self._dense, self._room, self._total = _columns(view.n)
        self._labels = _NOTHING  # until there are any of the cue's words among them
        self._weighted: SingleArray | None = None
        self._complete = False
        self._frequency = _NOBODY
        self._k, self._wanted, self._limit = k, max(POOL, 2 * k), 0
        self._associated = self._called_up()

    def scored(self, *, apart: bool) -> Scored:
        """Fill the channels, those that find first."""
        words = self._words() if any(self._on[channel] for channel in ("text", "labels", "dense_weighted")) else ()
        likenesses = self._likenesses()
        places = self._places(likenesses, apart=apart)
        shares = np.zeros((len(CHANNELS), len(places)))
        for channel, likeness in likenesses.items():
            np.multiply(likeness.gains(places), self._on[channel], out=shares[_ROW[channel]])
        beside = self._fill(places, shares)
        self._favour(places, shares)
        self._place(places, shares)
        if self._view.n >= _LARGE:  # for the next recall of this thread
            self._dense[places] = 0.0
            _scratch.spoiled = False
        return Scored(places, shares, beside, words, self._frequency, self._limit)

    # the channels that find

    def _words(self) -> tuple[str, ...]:
        """Fill the columns of words, as shares of what the words of the cue weigh in all; return them, the rarest first."""
        view, question, config = self._view, self._question, self._config
        if not question.labels:
            return ()
        t = len(question.terms)
        parts = view.find([*[term.key for term in question.terms], *question.labels])
        frequency: IntArray = np.zeros(t + len(question.labels), np.int64)
        for part in parts:
            frequency += part.stops - part.starts
        often = frequency.tolist()
        in_texts, in_labels = self._weights(often, t)
        self._weigh_meaning(often[:t])
        if self._on["neighbours"]:
            self._complete = is_complete(question, parts, often, self._lends, self._chosen, self._maths)
        rarity = in_labels.copy()
        for owner, mine in zip(question.owners, in_texts, strict=True):
            rarity[owner] = max(rarity[owner], mine)
        scale = (config.k1 + 1.0) * sum(rarity) or 1.0
        weights, budget = np.array([*in_texts, *in_labels]), max(_READ, view.n // 2)
        if sum(often) > budget:
            weights[~_read(frequency, budget)] = 0.0
        weights[:t] *= self._on["text"] / scale
        weights[t:] *= self._on["labels"] / scale
        if any(often[t:]):
            self._room[:] = 0.0
            self._labels = self._room
        spread, mean_labels = config.k1 * config.b, view.totals.labels / (view.n or 1)
        weighed, wanted = weights.astype(np.float32), self._asked()
        for part in parts:
            self._maths.accumulate(
                part.postings, part.starts, part.stops, weighed, t, part.start, view.columns.length, view.columns.labels,
                _F(config.k1 * (1.0 - config.b)), _F(spread / (view.totals.mean_words or 1.0)),
                _F(spread / (mean_labels or 1.0)), _F(config.k1), wanted, self._text, self._labels,
            )  # fmt: skip
        return tuple([question.words[i] for i in sorted(range(len(rarity)), key=lambda i: -rarity[i])])

    def _weights(self, frequency: list[int], t: int) -> tuple[list[float], list[float]]:
        """Return the rarity of each term of the cue among texts, and of each word among labels.

        A word is as common as it is in texts, whatever language they are in, or in labels, whichever is more: a few texts of
        another language do not make a name rare that all others have too.
        """
        question, few, surprise = self._question, self._config.function_words, self._surprise
        labelled, in_texts = frequency[t:], []
        whole = [0] * len(labelled)
        for term, owner, often in zip(question.terms, question.owners, frequency, strict=False):
            if often and term.is_whole:
                whole[owner] += often
        frequent = list(map(max, whole, labelled))
        for term, owner, often in zip(question.terms, question.owners, frequency, strict=False):
            weight = 0.0
            if often:
                most = frequent[owner] if term.is_whole else max(often, labelled[owner])
                weight = surprise(most) * term.share * (few if term.is_common else 1.0)
            in_texts.append(weight)
        self._frequency = np.array(frequent, np.int64)
        in_labels = [
            surprise(often) * (few if word in FUNCTION_WORDS else 1.0) if often else 0.0
            for word, often in zip(question.words, frequent, strict=True)
        ]
        return in_texts, in_labels

    def _surprise(self, frequency: int) -> float:
        """Return a power of the inverse document frequency as Lucene has it."""
        surprise: float = (
            math.log(1.0 + (max(self._view.n - frequency, 0) + 0.5) / (frequency + 0.5)) ** self._config.rarity
        )
        return surprise

    def _asked(self) -> BoolArray:
        """Return by position whose words are asked for: those that may be found and their neighbours; empty: everyone's."""
        if self._chosen is None or _RARE * len(self._chosen) > self._view.n:
            return _EVERYONE
        marked = np.zeros(self._view.n, np.bool_)
        marked[with_neighbours(self._view, self._chosen, self._maths)] = True
        return marked

    def _weigh_meaning(self, frequency: list[int]) -> None:
        """Take note of the direction of a cue in which a word counts by its rarity, and most if no memory has it."""
        spelled = self._question.spelled
        if spelled is None or not self._on["dense_weighted"]:
            return
        known = [0] * len(spelled.tokens)
        for owner, often in zip(self._question.owners, frequency, strict=True):
            known[owner] = max(known[owner], often)
        few = self._config.function_words
        rarity = [
            self._surprise(often) * (few if word in FUNCTION_WORDS else 1.0)
            for word, often in zip(self._question.words, known, strict=False)
        ]
        weights = np.repeat(np.array(rarity, np.float32), [len(mine) for mine in spelled.tokens])
        self._weighted = pool([np.concatenate(spelled.tokens)], spelled.table, [weights])[0]

    def _likenesses(self) -> dict[str, Likeness]:
        made_by, asked = self._view.made_by, self._question.units
        seen = {"dense": asked, "dense_weighted": {} if self._weighted is None else {made_by: self._weighted}}
        return {
            channel: Likeness(self._view, units, self._maths)
            for channel, units in seen.items()
            if units and self._on[channel] and self._view.n_vectors
        }

    def _places(self, likenesses: dict[str, Likeness], *, apart: bool) -> IntArray:
        """Return the positions in question, ascending."""
        chosen, n = self._chosen, self._view.n
        if (n if chosen is None else len(chosen)) <= _FEW * self._wanted:
            return np.arange(n) if chosen is None else chosen
        closest, felt = [], self._felt() if likenesses else _NOBODY
        for channel, likeness in likenesses.items():
            places, gains = likeness.closest(self._wanted, chosen)
            if len(felt):
                places, gains = _both((places, gains), likeness.closest(self._wanted, felt))
            closest.append(places)
            self._lend(channel, places, gains)
        allowed = _EVERYONE
        if chosen is not None:
            allowed = np.zeros(n, np.bool_)
            allowed[chosen] = True
        found = self._leaders(allowed)
        if max(map(len, (found, *closest))) >= self._wanted:
            self._limit = self._wanted
        for more in (*closest, self._associated[0]):
            if len(more):
                found = self._maths.joined(found, more)
        lenders = found
        if chosen is not None:  # the neighbour of a memory that may not be found may be found itself
            lenders = self._first(self._text, _NOTHING, _NOTHING, (), self._lends, POOL)
        places = shortlist(self._view, found, lenders, self._text, self._dense, allowed, self._maths)
        if not apart:
            return places
        found = self._leaders_apart(allowed)
        for (channel, likeness), known in zip(likenesses.items(), closest, strict=True):
            found = arrays.union(found, self._closest_apart(channel, likeness, known))
        more = shortlist(self._view, found, found, self._text, self._dense, allowed, self._maths)
        return arrays.union(places, more)

    def _lend(self, channel: str, places: IntArray, gains: FloatArray) -> None:
        """Note how close memories are, so that it is known who lends most."""
        self._dense[places] += (gains * self._on[channel]).astype(np.float32)

    def _leaders_apart(self, allowed: BoolArray) -> IntArray:
        """Return who scores most without its likeness, one of each repeat, ascending."""
        total = self._totals(allowed)
        self._maths.one_of_each(total, self._folds(slice(0, self._view.n)))
        return self._first(total, _NOTHING, _NOTHING, (), _EVERYONE, self._wanted)

    def _closest_apart(self, channel: str, likeness: Likeness, known: IntArray) -> IntArray:
        """Return the closest that repeat none known to be close, one of each repeat, until there are as many as asked for."""
        rest = np.arange(self._view.n) if self._chosen is None else self._chosen
        wanted, found = self._wanted, _NOBODY
        places, n_apart = known, len(self._apart(known, np.ones(len(known))))
        while len(places) >= wanted and n_apart < self._k:
            heard = self._folds(places)
            is_known = arrays.among(self._folds(rest), np.unique(heard[heard > 0])) | arrays.among(rest, places)
            rest, wanted = rest[~is_known], _MORE * wanted
            places, gains = likeness.closest(wanted, rest)
            one = self._apart(places, gains + self._more(places, gains))
            self._lend(channel, places[one], gains[one])
            found = arrays.union(found, places[one])
            n_apart += len(one)
        return found

    def _apart(self, places: IntArray, gains: FloatArray) -> IntArray:
        """Return which of some memories to look at so that none repeats another: the best of each repeat."""
        best = gains.astype(np.float32)
        self._maths.one_of_each(best, self._folds(places))
        return np.flatnonzero(best)

    def _folds(self, places: IntArray | slice) -> NDArray[np.uint64]:
        """Return which memories are repeats of each other; what was superseded repeats only what was as well."""
        columns = self._view.columns
        folds = columns.fold[places]
        if not self._view.has_replaced:
            return folds
        return np.where((columns.successor[places] > 0) & (folds > 0), ~folds, folds)

    def _totals(self, allowed: BoolArray) -> SingleArray:
        """Return by position what memories score without their likeness, 0 for those that may not be found."""
        total: SingleArray = self._total
        extra = self._extra()
        np.add(self._text, self._labels if len(self._labels) else _F(0.0), out=total)
        at = np.flatnonzero(total)
        total[at] += self._more(at, total[at]).astype(np.float32)
        if len(extra):
            total += extra
        if len(allowed):
            total *= allowed
        return total

    def _felt(self) -> IntArray:
        """Return who may be found and felt as is asked for, ascending."""
        feeling = self._question.feeling if self._on["feeling"] else None
        if feeling is None:
            return _NOBODY
        columns, n, chosen = self._view.columns, self._view.n, self._chosen
        told = np.flatnonzero(columns.valence[:n]) if chosen is None else chosen[columns.valence[chosen] > 0]
        return told[akin(columns.valence[told], columns.arousal[told], feeling) > 0.0]

    def _called_up(self) -> tuple[IntArray, FloatArray]:
        """Return the positions that associations call up and may be found, ascending, and how strongly."""
        ids, activation = self._question.associated
        if not len(ids) or not self._on["associations"]:
            return _NOBODY, np.empty(0)
        at = np.minimum(self._view.ids.searchsorted(ids), max(self._view.n - 1, 0))
        inside = self._view.ids[at] == ids if self._view.n else np.zeros(len(ids), np.bool_)
        if self._chosen is not None:
            inside &= np.isin(at, self._chosen)
        return at[inside], activation[inside]

    def _leaders(self, allowed: BoolArray) -> IntArray:
        """Return who scores most without its likeness, ascending."""
        if self._question.feeling is not None or self._on["strength"]:
            return self._first(self._totals(allowed), _NOTHING, _NOTHING, (), _EVERYONE, self._wanted)
        named = self._question.sources if self._on["source"] else ()
        return self._first(self._text, self._labels, self._extra(), named, allowed, self._wanted)

    def _first(
        self,
        text: SingleArray,
        labels: SingleArray,
        extra: SingleArray,
        named: Sequence[int],
        allowed: BoolArray,
        k: int,
    ) -> IntArray:
        found: IntArray = self._maths.leaders(
            text, labels, extra, self._view.columns.source[: self._view.n], np.array(named, np.int64),
            _F(1.0 + self._on["source"]), allowed, k, self._total,
        )  # fmt: skip
        return found

    def _extra(self) -> SingleArray:
        """Return what moment and episode add, by position; empty where the cue says nothing of them."""
        view, question = self._view, self._question
        spans, episode = question.spans if self._on["time"] else (), question.episode if self._on["episode"] else 0
        if not spans and not episode:
            return _NOTHING
        extra = np.zeros(view.n, np.float32)
        if spans:
            self._near(slice(0, view.n), extra)
        if episode:
            extra[view.columns.episode[: view.n] == episode] += _F(self._on["episode"])
        return extra

    # the channels that weigh what was found

    def _fill(self, places: IntArray, shares: FloatArray) -> NDArray[np.int8]:
        """Write what memories have of their own, and get from what was said beside them; return which of the two gave more.

        Where a memory holds every word of the cue, the others need no help to be found: then neighbours fill up to half of
        what they lend, and add nothing to what has more of its own.
        """
        beside, columns, config = np.zeros(len(places), np.int8), self._view.columns, self._config
        self._maths.fill(
            self._text, self._labels, self._dense, self._lends, columns.previous, columns.following, columns.length, places,
            _F(config.near), _F(config.far), _F(config.echo), _F(config.context_words),
            _FILLING if self._complete else _F(0.0), _F(self._on["neighbours"]), shares[_ROW["dense"]],
            shares[_ROW["dense_weighted"]], shares[_ROW["text"]], shares[_ROW["labels"]], shares[_ROW["neighbours"]], beside,
        )  # fmt: skip
        return beside

    def _place(self, places: IntArray, shares: FloatArray) -> None:
        """Write what moment, episode and associations give."""
        if self._question.spans and self._on["time"]:
            near = np.zeros(len(places), np.float32)
            self._near(places, near)
            shares[_ROW["time"]] = near
        if self._question.episode and (weight := self._on["episode"]):
            shares[_ROW["episode"]] = (self._view.columns.episode[places] == self._question.episode) * weight
        where, activation = self._associated
        if len(where):
            shares[_ROW["associations"]][places.searchsorted(where)] = activation * self._on["associations"]

    def _favour(self, places: IntArray, shares: FloatArray) -> None:
        """Write by how much what was found counts more."""
        more = self._favours(places)
        so_far = shares.sum(axis=0) if more else _NOTHING
        for channel, by in more.items():
            shares[_ROW[channel]] = by * so_far * self._on[channel]

    def _favours(self, places: IntArray) -> dict[str, FloatArray | BoolArray]:
        """Return by how much some memories count more: for who is named, how it felt, and how well it is kept."""
        columns, question = self._view.columns, self._question
        more: dict[str, FloatArray | BoolArray] = {}
        if question.sources:
            more["source"] = arrays.among(columns.source[places], np.array(sorted(question.sources), np.int32))
        if question.feeling is not None:
            more["feeling"] = akin(columns.valence[places], columns.arousal[places], question.feeling)
        if self._on["strength"]:
            more["strength"] = self._view.strength(places, self._now)
        return more

    def _more(self, places: IntArray, scores: SingleArray | FloatArray) -> FloatArray:
        """Return what is added to the scores of some memories because they count more."""
        more = np.zeros(len(places))
        for channel, by in self._favours(places).items():
            more += by * (scores * self._on[channel])
        return more

    def _near(self, places: IntArray | slice, out: SingleArray) -> None:
        columns, spans = self._view.columns, np.array(self._question.spans, np.int64).reshape(-1, 2)
        starts, stops = np.ascontiguousarray(spans[:, 0]), np.ascontiguousarray(spans[:, 1])
        offset = columns.offset[places] if self._question.by_clock else np.zeros(len(out), np.int32)
        self._maths.within(columns.at[places], offset, starts, stops, _F(self._on["time"]), out)


def _read(frequency: IntArray, budget: int) -> BoolArray:
    """Tell which words are looked up: the rarest, until their postings add up to what a cue may cost."""
    order = np.argsort(frequency, kind="stable")
    read = np.zeros(len(frequency), np.bool_)
    read[order[np.cumsum(frequency[order]) <= budget]] = True
    read[order[: int(np.count_nonzero(frequency == 0)) + 1]] = True  # the rarest of all is always looked up
    return read


def _both(one: tuple[IntArray, FloatArray], other: tuple[IntArray, FloatArray]) -> tuple[IntArray, FloatArray]:
    """Return places and gains of two lists, each place once, ascending."""
    places, at = np.unique(np.concatenate((one[0], other[0])), return_index=True)
    return places, np.concatenate((one[1], other[1]))[at]


_scratch = threading.local()


def _columns(n: int) -> SingleArray:
    """Return four columns, the first two of zeros; of a large mind the same memory at every recall of a thread.

    New memory costs a page fault every kilobyte, more than all that is added up in it. The second is left as it is found,
    unless a recall was broken off: it need not be written again.
    """
    if n < _LARGE:
        fresh: SingleArray = np.zeros((4, n), np.float32)
        return fresh
    held: SingleArray | None = getattr(_scratch, "held", None)
    if held is None or held.shape[1] < n:
        held = _scratch.held = np.zeros((4, n + n // 8), np.float32)
    elif _scratch.spoiled:
        held[1] = 0.0
    _scratch.spoiled = True
    columns: SingleArray = held[:, :n]
    columns[0] = 0.0
    return columns


def compiled(n: int) -> ModuleType:
    """Return `kernels` once they are compiled, for which a large mind asks, `arrays` until then: they answer the same."""
    return _jit.compiled(_KERNELS, begin=n >= _COMPILED) or arrays
