"""Finders: everything that watches the stream of experiences, fed together in order of arrival."""

from __future__ import annotations

import re
from collections.abc import Sequence as SequenceOf

import attrs
import msgspec
import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.memory.index.analysis import FUNCTION_WORDS, Memo, name_term
from thoughtengine.patterns.associations import Associations
from thoughtengine.patterns.concepts import Concepts
from thoughtengine.patterns.kernels.sequences import BESIDE
from thoughtengine.patterns.lifetime import AHEAD, Lifetime
from thoughtengine.patterns.novelty import Novelty
from thoughtengine.patterns.rhythms import Rhythms
from thoughtengine.patterns.sequences import Sequences
from thoughtengine.patterns.tables import Tables

__all__ = ["CONCEPT", "ENTITY", "SOURCE", "TAG", "Finders", "Observed", "Turn", "entities", "item", "thread_of"]

TAG, SOURCE, ENTITY, CONCEPT, THREAD = "#", "@", "!", "%", "&"
_KINDS = TAG, SOURCE, ENTITY, CONCEPT  # by number; of no more than `kernels.KINDS`
_NAMES = 1 << 16  # kept; beyond, those that nobody counts any more go
_PASSED = 1 << 15  # forgotten memories that are known not to be learned, at least
_WEALTH = 3000.0  # of bets that the order is not as before; without a change, in steady streams, once in some 40,000
_HALF_BITS = 49  # finer, surprise wavers while the sequences learn, which is no change
_FAMILIAR = 10.0  # times that a symbol came on average, from which on surprise tells of a change and not of a beginning
_ENTITIES = 8  # of one text
_LONGEST = 4000  # characters of a text that are looked at for names
_WORD = r"(?:[A-Z][a-z]{0,2}\.|[A-Z][\w-]+(?:['’]s(?= [A-Z]))?)"  # an initial or short title, or a word with a capital
_NAME = re.compile(rf"(?<=[\w,;] ){_WORD}(?: (?:(?:of|de|van|von|du|da) )?{_WORD})*")

_hash: Memo[tuple[str, str], int] = Memo(lambda name: _signed(name_term(*name)), 1 << 15)


def _signed(term: int) -> int:
    return (term - (1 << 64) if term >> 63 else term) or 1


def item(kind: str, name: str) -> int:
    """Return the hash of a tag, source, entity or concept, a signed number other than 0."""
    return _hash[kind, name]


def thread_of(episode: str | None, source: str | None) -> int:
    """Return the hash of the run of experiences that one belongs to: its episode, else its source."""
    return item(THREAD, episode) if episode is not None else item(SOURCE, source or "")


def entities(text: str) -> tuple[str, ...]:
    """Return the names in a text: words with a capital that do not begin a sentence.

    Examples
    --------
    >>> entities("Then with Sir W. Penn to the Duke of York at Deptford. Home by water.")
    ('Sir W. Penn', 'Duke of York', 'Deptford')
    """
    found = dict.fromkeys(_NAME.findall(text[:_LONGEST]))
    return tuple(name for name in found if name[-1] != "." and name.lower() not in FUNCTION_WORDS)[:_ENTITIES]


class Observed(msgspec.Struct, frozen=True):
    """What the finders see of one experience.

    Attributes
    ----------
    id : int
        Larger than any before.
    at, offset : int
        Microseconds since 1970, seconds east of UTC.
    tags, source, episode, text
        As remembered.
    vector : float32 array or None
        Of the mind's dimension.
    added : int or None
        The mind's clock when it came, in microseconds since 1970.
    """

    id: int
    at: int
    offset: int
    tags: tuple[str, ...] = ()
    source: str | None = None
    episode: str | None = None
    text: str | None = None
    vector: SingleArray | None = None
    added: int | None = None


@attrs.frozen
class Turn:
    """A change of regime.

    Attributes
    ----------
    of : str
        ``"topics"`` (what is said is unlike before) or ``"order"`` (what follows what is unlike before).
    id : int
        The memory at which it was noticed.
    """

    of: str
    id: int


class Finders:
    """All finders and the names of what they count.

    Attributes
    ----------
    covered : int
        Id of the last experience that was taken in, or passed over.
    names : dict of int to (str, str)
        Hash to kind and name.
    thread : int
        Of the last experience that is not beside, nor was imported from before the one that was last.
    offset, moment : int
        Seconds east of UTC and microseconds of the wall clock of the same.
    lifetime : Lifetime
        From when to when it all was.
    came : dict of int to list of int
        Id to what follows and is followed, of the experiences that were taken in last.
    beside : set of int
        Ids of those of them that are not what happens now: imported from before their run went on, or dated ahead.
    outcomes : dict of int to float
        Id of a pattern to by how much more often predictions from it came true than they said.
    passed : list of int
        Ids that were passed over because they were forgotten then, 65,536 at most: shown again, they are to be learned.
    """

    def __init__(self) -> None:
        self.covered, self.thread, self.offset, self.moment = 0, 0, 0, 0
        self.came: dict[int, list[int]] = {}
        self.beside = set[int]()
        self.outcomes: dict[int, float] = {}
        self.passed: list[int] = []
        self.names: dict[int, tuple[str, str]] = {}
        self.associations, self.sequences, self.rhythms = Associations(), Sequences(), Rhythms()
        self.lifetime = Lifetime()
        self.concepts: Concepts | None = None
        self.novelty = Novelty(low=0.0, high=2.0)
        self.surprise = Novelty(low=0.0, high=24.0, patience=_WEALTH, fineness=_HALF_BITS, in_runs=True)

    def tables(self) -> Tables:
        """Return the arrays of all finders by name."""
        parts = {
            "associations": self.associations.tables,
            "sequences": self.sequences.tables,
            "rhythms": self.rhythms.tables,
            "concepts": {} if self.concepts is None else self.concepts.tables,
            "novelty": self.novelty.tables,
            "surprise": self.surprise.tables,
            "lifetime": self.lifetime.tables,
        }
        return {f"{part} {name}": values for part, tables in parts.items() for name, values in tables.items()}

    def observe(self, batch: SequenceOf[Observed]) -> list[Turn]:
        """Take in experiences in order of id; the same result however they are cut into batches.

        Returns
        -------
        list of Turn
            Changes of regime that were noticed.
        """
        if not batch:
            return []
        turns, chosen = self._gather(batch)
        items, symbols = [self._items(one, chosen.get(one.id)) for one in batch], list[list[int]]()
        for one, mine in zip(batch, items, strict=True):
            at = [item(TAG, tag) for tag in sorted(one.tags)]  # they are simultaneous: their order is none
            symbols.append(at or mine[len(mine) - (one.id in chosen) :])
        self.came = {one.id: some for one, some in zip(batch, symbols, strict=True)}
        ids = np.array([one.id for one in batch])
        moments = np.array([one.at + one.offset * 1_000_000 for one in batch])
        flat, bounds = _flat(items)
        kinds = np.array([_KINDS.index(self.names[key][0]) for mine in items for key in mine], np.int64)
        self.associations.learn(flat, bounds, ids, kinds, moments)
        self.rhythms.learn(flat, bounds, moments, ids)
        flat, bounds = _flat(symbols)
        own, threads, befores = self._threads(batch)
        bits, often = self.sequences.learn(flat, bounds, threads, moments, ids, befores=befores)
        self.beside = set(ids[threads != own].tolist())
        turns += self._surprised(bits, often, bounds, ids)
        self.covered = batch[-1].id
        for one, thread, moment in zip(batch, threads.tolist(), moments.tolist(), strict=True):
            if one.id not in self.beside and not (moment < self.moment - BESIDE and _is_old(one)):
                self.thread, self.offset, self.moment = thread, one.offset, moment
        self.lifetime.learn(moments, np.array([0 if one.added is None else one.at - one.added for one in batch]))
        if len(self.names) > _NAMES:
            counted = set(self.associations.items().tolist())
            self.names = {key: name for key, name in self.names.items() if key in counted}
        return turns

    def _threads(self, batch: SequenceOf[Observed]) -> tuple[IntArray, IntArray, IntArray]:
        """Return the run of each experience, the one it goes on, and the one instead if it is from before that; 0 for none."""
        n, n_in_time = self.lifetime.tables["counters"].tolist()
        own, threads, befores = np.zeros((3, len(batch)), np.int64)
        for i, one in enumerate(batch):
            ahead = 0 if one.added is None else one.at - one.added
            n, n_in_time = n + 1, n_in_time + (ahead <= AHEAD)
            own[i] = threads[i] = thread = thread_of(one.episode, one.source)
            if ahead > BESIDE and 2 * n_in_time >= n:
                threads[i] = item(THREAD, f"{thread} ahead")
            elif _is_old(one):
                befores[i] = item(THREAD, f"{thread} before")
        return own, threads, befores

    def pass_over(self, id_: int) -> None:
        """Note that a forgotten memory was not learned."""
        self.passed.append(id_)
        if len(self.passed) > 2 * _PASSED:
            del self.passed[:-_PASSED]

    def keep(self, former: Finders) -> None:
        """Take over what became of predictions: it cannot be learned anew from memories."""
        self.outcomes = former.outcomes
        self.sequences.keep(former.sequences)

    def _gather(self, batch: SequenceOf[Observed]) -> tuple[list[Turn], dict[int, int]]:
        """Put the vectors to clusters; return changes of topic, and the cluster of each id."""
        known = [(one.id, one.vector) for one in batch if one.vector is not None and one.vector.any()]
        if known and self.concepts is None:
            self.concepts = Concepts(known[0][1].size)
        if self.concepts is None:
            return [], {}
        known = [(id_, vector) for id_, vector in known if vector.size == self.concepts.dimension]
        if not known:
            return [], {}
        ids = np.array([id_ for id_, _ in known])
        chosen, likeness = self.concepts.learn(np.stack([vector for _, vector in known]), ids)
        _, changes = self.novelty.learn(1.0 - np.maximum(likeness, -1.0))
        return [Turn("topics", int(ids[i])) for i in changes], dict(zip(ids.tolist(), chosen.tolist(), strict=True))

    def _items(self, one: Observed, cluster: int | None) -> list[int]:
        """Return the hashes of what an experience brings together, its cluster last, and remember their names."""
        named = [(TAG, tag) for tag in one.tags]
        if one.source is not None:
            named.append((SOURCE, one.source))
        if one.text is not None:
            named += [(ENTITY, name) for name in entities(one.text)]
        if cluster is not None:
            named.append((CONCEPT, str(cluster)))
        found = dict[int, None]()
        for name in named:
            key = _hash[name]
            self.names.setdefault(key, name)
            found[key] = None
        return list(found)

    def _surprised(self, bits: FloatArray, often: FloatArray, bounds: IntArray, ids: IntArray) -> list[Turn]:
        told = np.flatnonzero(bounds[1:] > bounds[:-1])
        told = told[often[bounds[told]] >= _FAMILIAR]
        if not len(told):
            return []
        ends = np.stack([bounds[told], bounds[told + 1]], 1).reshape(-1)
        totals = np.add.reduceat(np.append(bits, 0.0), ends)[::2]
        means = totals / (bounds[told + 1] - bounds[told])
        _, changes = self.surprise.learn(means)
        return [Turn("order", int(ids[told[i]])) for i in changes]


def _is_old(one: Observed) -> bool:
    """Tell whether an experience was long past when it came, as what is imported is."""
    return one.added is None or one.added - one.at > BESIDE


def _flat(lists: SequenceOf[SequenceOf[int]]) -> tuple[IntArray, IntArray]:
    bounds = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(one) for one in lists], out=bounds[1:])
    return np.array([key for one in lists for key in one], np.int64), bounds
