"""PatternManager: watches every experience as it comes in, and says what it noticed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from collections.abc import Sequence as SequenceOf
from itertools import islice

import numpy as np

from thoughtengine import _jit
from thoughtengine._types import Emit, FloatArray, IntArray, SingleArray
from thoughtengine.errors import InvalidArgumentError, MemoryNotFoundError
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.experience import LAYERS
from thoughtengine.memory.moment import from_stored, to_stored
from thoughtengine.memory.record import MemoryRecord, VectorRecord
from thoughtengine.patterns.concepts import Grouping, group
from thoughtengine.patterns.finders import CONCEPT, ENTITY, SOURCE, TAG, Finders, Observed, entities, item, thread_of
from thoughtengine.patterns.labels import Labels
from thoughtengine.patterns.pattern import Association, Concept, Prediction, Rhythm, Sequence, spoken
from thoughtengine.patterns.sequences import Next
from thoughtengine.patterns.state import load, save
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import CODE, MEMORY, VECTOR

__all__ = ["PatternManager"]

_HAPPENED = frozenset(LAYERS.index(layer) for layer in ("sensory", "eternal"))
_PENDING = 32  # experiences that wait before they are taken in together
_KEPT = 1024  # that wait at most; more are read from the store
_SLICE = 256  # experiences taken in at a time
_COMPILED = 2000  # experiences from which on one waits for the compiler
_SAVED_EVERY = 16_384  # experiences between two savings, or an eighth of all where that is more
_STALE = 64  # the part of all experiences that may have come since they were grouped
_OPEN = 256  # predictions that wait to come true
_LIKE_NOW = 7 * 86_400_000_000  # after a longer silence, "next" means then and not now
_KEPT_RHYTHM = 0.5  # strength from which on a rhythm tells when


class PatternManager:
    """What belongs together, what follows what, what recurs, what is new, what comes next.

    Everything it knows follows from the memories up to one id, and is kept in the store, to be learned anew where it is
    missing, damaged, or of another logic or encoder.

    Parameters
    ----------
    store : Store
        Where the memories are; its `writing` lock is held while anything is taken in.
    memories : Collection
        The same, readable.
    emit : callable
        Told of changes of regime and of predictions that came true or failed.
    finders : Finders, optional
        To begin with. Default: as they were saved.
    """

    def __init__(self, store: Store, memories: Collection, emit: Emit, *, finders: Finders | None = None) -> None:
        self._store, self._memories, self._emit = store, memories, emit
        self._waiting: list[tuple[int, Observed | None]] = []  # stored and not taken in yet, in order; None: not to be
        self._open: dict[int, tuple[int, str, float]] = {}
        self._grouping: tuple[int, Grouping] | None = None
        self._found: tuple[int, Labels] | None = None
        self._beats: tuple[int, dict[int, tuple[float, float]]] | None = None
        self._finders = load(store, fingerprint=memories.live.fingerprint) if finders is None else finders
        self._saved = self._finders.covered

    def __repr__(self) -> str:
        finders = self._finders
        n = 0 if finders.concepts is None else int(finders.concepts.tables["counters"][1])
        seen = int(finders.associations.tables["counters"][0])
        return f"<PatternManager: {seen:,} experiences noticed, {n:,} clusters, {len(finders.names):,} names>"

    # taking in

    @property
    def behind(self) -> int:
        """How many ids have come that were not taken in yet."""
        return self._rank(self._store.head.next_id - 1) - self._rank(self._finders.covered)

    def _rank(self, id_: int) -> int:
        """Return how many ids up to one were given out: an upgrade leaves some free between old memories and new."""
        first, stop = self._store.skipped
        return id_ if id_ < first or not stop else id_ - (min(id_ + 1, stop) - first)

    def told(self, stored: Iterable[tuple[int, MemoryRecord, SingleArray | None]]) -> None:
        """Hear of memories that were stored (id, record, vector); the caller holds the store's `writing` lock.

        They are taken in together with a few that still wait. Where there is no compiler, or it is still at work, they wait.
        """
        self._waiting += [(id_, _observed(id_, record, vector)) for id_, record, vector in stored]
        if len(self._waiting) >= _PENDING and _jit.ready("thoughtengine.patterns.kernels"):
            self._take(len(self._waiting) + _SLICE)
        if len(self._waiting) > _KEPT:
            self._waiting = []  # they are read from the store
        covered = self._rank(self._finders.covered)
        if covered - self._rank(self._saved) >= max(_SAVED_EVERY, covered // 8):
            self.save()

    def catch_up(self) -> None:
        """Take in everything that was stored."""
        if self.behind > _COMPILED:
            _jit.warm_up()
        total = self.behind
        while self.behind > 0:
            with self._store.writing:
                self._take(_SLICE)
            if total > _COMPILED:
                self._emit("progress", what="noticing", done=total - self.behind, total=total)

    def _take(self, limit: int) -> None:
        """Take in what waits, or up to so many from the store where not all that is new waits."""
        waiting, self._waiting = self._waiting, []
        if waiting and self.behind == len(waiting):
            self.observe([one for _, one in waiting if one is not None])
            self._finders.covered = waiting[-1][0]
            return
        while limit > 0 and self.behind > 0:
            before = self._finders.covered
            rows = list(islice(self._store.rows(MEMORY, MemoryRecord, after=before), min(limit, _SLICE)))
            limit -= max(len(rows), 1)
            found = (_observed(id_, record, self._vector(id_)) for id_, record in rows if not self._hidden(id_))
            self.observe([one for one in found if one is not None])
            self._finders.covered = rows[-1][0] if rows else self._store.head.next_id - 1

    def _hidden(self, id_: int) -> bool:
        return bool(self._memories.mark(id_).forgotten)

    def _vector(self, id_: int) -> SingleArray | None:
        if self._memories.live.dimension is None:
            return None
        stored = self._store.get(VECTOR, id_, VectorRecord)
        if stored is None:
            stored = self._store.get(CODE, id_, VectorRecord)
            if stored is None or stored.fingerprint != self._memories.live.fingerprint:
                return None
        return np.frombuffer(stored.data, np.float32)

    def observe(self, batch: SequenceOf[Observed]) -> None:
        """Take in experiences in order of id; the caller holds the store's `writing` lock."""
        turns = self._finders.observe(batch)
        for turn in turns:
            self._emit("changed", of=turn.of, ids=(turn.id,))
        if self._open:
            for one in batch:
                self._resolve(one)

    def _resolve(self, one: Observed) -> None:
        thread = thread_of(one.episode, one.source)
        if one.tags and (expected := self._open.pop(thread, None)) is not None:
            key, what, probability = expected
            came = key in {item(TAG, tag) for tag in one.tags}
            self._emit("anticipated", what=what, probability=probability, came_true=came, ids=(one.id,))

    def save(self) -> None:
        """Write what was learned, unless nothing was since the last time."""
        with self._store.writing:
            if self._finders.covered > self._saved:
                save(self._store, self._finders, fingerprint=self._memories.live.fingerprint)
                self._saved = self._finders.covered

    def dropped(self) -> None:
        """Hear that memories went for good: what was learned from them goes too, and is learned anew when it is asked for."""
        self._finders, self._saved = Finders(), 0
        self.marked()

    def marked(self) -> None:
        """Hear that memories were forgotten or shown again: what was read from them is read anew."""
        self._grouping = self._found = self._beats = None
        self._waiting = []

    def rebuild(self) -> None:
        """Learn everything anew from the memories; until that is done, what was known serves."""
        fresh = PatternManager(self._store, self._memories, _quiet, finders=Finders())
        total, told = fresh.behind, 0
        if total > _COMPILED:
            _jit.warm_up()
        while fresh.behind > 0:
            with self._store.writing:
                fresh._take(_SLICE)
            if total - fresh.behind - told >= _COMPILED:
                told = total - fresh.behind
                self._emit("progress", what="noticing", done=told, total=total)
        with self._store.writing:
            fresh._take(self._store.head.next_id)
            self._finders, self._saved = fresh._finders, -1
            self.marked()
            self.save()

    # saying

    def concepts(self) -> list[Concept]:
        """Return what the memories are about, the largest first; empty without vectors.

        Returns
        -------
        list of Concept
            Of three members or more.
        """
        self.catch_up()
        found = self._groups()
        if found is None:
            return []
        sizes: dict[int, float] = {}
        for concept, size in zip(found.concepts.tolist(), found.sizes.tolist(), strict=True):
            sizes[concept] = sizes.get(concept, 0.0) + size
        labels = self._labels()
        made = (self._concept(found, labels, id_, size) for id_, size in sizes.items() if size >= 3.0)
        return sorted((one for one in made if one is not None), key=lambda one: (-one.n_members, one.id))

    def concept_of(self, id_: int) -> Concept | None:
        """Return the concept of a memory; None where it is like none, or has no vector.

        Raises
        ------
        MemoryNotFoundError
            When there is no such memory, or it was forgotten.
        """
        if isinstance(id_, bool) or not isinstance(id_, int):
            raise InvalidArgumentError("id", id_, "the id of a memory")
        if self._store.get(MEMORY, id_, MemoryRecord) is None or self._memories.mark(id_).forgotten:
            raise MemoryNotFoundError(id_)
        self.catch_up()
        found, vector = self._groups(), self._vector(id_)
        if found is None or vector is None or self._finders.concepts is None:
            return None
        nearest, cosine = self._finders.concepts.likeness(vector[None])
        if cosine[0] < 0.3:
            return None
        at = np.flatnonzero(found.ids == nearest[0])
        if not len(at):  # a cluster that is newer than the grouping
            self.marked()
            return self.concept_of(id_)
        concept = int(found.concepts[at[0]])
        size = float(found.sizes[found.concepts == concept].sum())
        return self._concept(found, self._labels(), concept, size)

    def _groups(self) -> Grouping | None:
        concepts = self._finders.concepts
        if concepts is None:
            return None
        if self._stale(self._grouping):
            with self._store.writing:
                covered, parts = self._finders.covered, concepts.snapshot()
            self._grouping = covered, group(*parts)
        return None if self._grouping is None else self._grouping[1]

    def _stale(self, kept: tuple[int, object] | None) -> bool:
        """Tell whether more than a 64th of all came since something was made of it; to group and label costs more than that."""
        if kept is None:
            return True
        before = self._rank(kept[0])
        return self._rank(self._finders.covered) - before > before // _STALE

    def _labels(self) -> Labels:
        found = self._groups()
        if self._found is None or self._stale(self._found):
            labels = Labels(self._store, self._memories)
            if found is not None:
                labels.learn(found)
            self._found = self._finders.covered, labels
        return self._found[1]

    def _concept(self, found: Grouping, labels: Labels, id_: int, size: float) -> Concept | None:
        exemplars = labels.exemplars(id_)
        if not exemplars:
            return None
        terms = labels.terms(id_)
        return Concept(id_, ", ".join(terms[:3]) or f"concept {id_}", terms, round(size), exemplars)

    def _name(self, key: int) -> str | None:
        """Return what a hash stands for, as it is shown; None where that is not known any more."""
        kind, name = self._finders.names.get(key, ("", ""))
        if kind != CONCEPT:
            return name if kind else None
        found = self._groups()
        if found is None or not (at := found.ids == int(name)).any():
            return None
        id_ = int(found.concepts[at][0])
        terms = self._labels().terms(id_)
        return ", ".join(terms[:3]) or f"concept {id_}"

    def _shown(self, ids: Iterable[int]) -> tuple[int, ...]:
        """Return those of some ids whose memories are there and not forgotten."""
        return tuple(
            id_ for id_ in ids if id_ and self._store.has(MEMORY, id_) and not self._memories.mark(id_).forgotten
        )

    def associations(self) -> list[Association]:
        """Return what comes together more often than chance and the size of experiences explain, the clearest first.

        A concept and a name in a text are not compared: both are of the same words.
        """
        self.catch_up()
        with self._store.writing:
            found = self._finders.associations.together()
        result = []
        for i, (a, b) in enumerate(found.pairs.tolist()):
            if {self._finders.names.get(key, ("", ""))[0] for key in (a, b)} == {CONCEPT, ENTITY}:
                continue
            left, right, evidence = self._name(a), self._name(b), self._shown(found.evidence[i].tolist())
            if left is not None and right is not None and left != right and evidence:
                numbers = (
                    int(found.counts[i]),
                    float(found.expected[i]),
                    float(found.lifts[i]),
                    float(found.q_values[i]),
                )
                result.append(Association((left, right), *numbers, evidence))
        return result

    def sequences(self) -> list[Sequence]:
        """Return what follows what more often than it comes anyway, the clearest first."""
        self.catch_up()
        with self._store.writing:
            found = self._finders.sequences.following()
        result = []
        for i, (first, second) in enumerate(found.given.tolist()):
            given = [self._name(key) for key in (first, second) if key]
            then, evidence = self._name(int(found.then[i])), self._shown([int(found.ids[i])])
            if then is not None and None not in given and evidence:
                result.append(
                    Sequence(
                        tuple(name for name in given if name is not None), then, int(found.counts[i]),
                        float(found.confidences[i]), float(found.lags[i]), float(found.q_values[i]), evidence,
                    )
                )  # fmt: skip
        return result

    def rhythms(self) -> list[Rhythm]:
        """Return what recurs by the hour, day, week, month or year, each with its best period, the clearest first."""
        self.catch_up()
        with self._store.writing:
            found = self._finders.rhythms.recurring()
        result = dict[str, Rhythm]()
        for i, key in enumerate(found.items.tolist()):
            if (what := self._name(key)) is not None:
                period, phase, strength = (float(part[i]) for part in (found.periods, found.phases, found.strengths))
                rhythm = Rhythm(what, period, phase, strength, int(found.counts[i]), float(found.q_values[i]))
                result.setdefault(what, rhythm)
        return list(result.values())

    def anticipate(
        self,
        *,
        given: SequenceOf[str] | None = None,
        episode: str | None = None,
        at: dt.datetime | str | None = None,
        now: int,
        k: int = 5,
    ) -> list[Prediction]:
        """Tell what comes next, most probable first.

        Parameters
        ----------
        given : sequence of str, optional
            Recent tags, oldest first. Default: those of the latest experiences of the episode, else of its source.
        episode : str, optional
            Of which the latest experiences count.
        at : datetime or str, optional
            The moment it is asked for; it matters by its part of the day. Default: now, after a week of silence the end of it.
        now : int
            The mind's clock, in microseconds since 1970.
        k : int
            How many at most.
        """
        self.catch_up()
        with self._store.writing:
            thread = thread_of(episode, None) if episode is not None else self._finders.thread
            sequences = self._finders.sequences
            history = _history(given) if given is not None else sequences.history(thread)
            last = sequences.moment(thread) if given is None else None
            moment = self._moment(at, last, now)
            found = sequences.next(history, moment)
            lag = sequences.median_lag(int(history[0])) if history[0] else None
        result = self._predictions(found, history, moment if last is None else last, lag, k)
        if result and result[0].of == "tag" and given is None and len(self._open) < _OPEN:
            self._open[thread] = item(TAG, result[0].what), result[0].what, result[0].probability
        return result

    def _moment(self, at: dt.datetime | str | None, last: int | None, now: int) -> int:
        if at is not None:
            moment, offset = to_stored("at", at)
            return moment + offset * 1_000_000
        now += self._finders.offset * 1_000_000
        return now if last is None or 0 <= now - last <= _LIKE_NOW else last

    def _predictions(self, found: Next, history: IntArray, base: int, lag: float | None, k: int) -> list[Prediction]:
        last, rhythms = self._name(int(history[0])) if history[0] else None, self._rhythms()
        result = list[Prediction]()
        for i, key in enumerate(found.symbols.tolist()):
            kind, what = self._finders.names.get(key, ("", ""))[0], self._name(key)
            if kind not in (TAG, CONCEPT) or what is None:
                continue
            n, wait = int(found.supports[i]), float(found.lags[i])
            rhythm, reasons = rhythms.get(key), []
            if n and last is not None:
                reasons.append(f"followed {last!r} {n:,} of {found.n_last:,} times, after {spoken(wait)}")
            if rhythm is not None:
                reasons.append(f"comes every {spoken(rhythm[0])}")
            seconds = wait if n >= 3 else _until(base, rhythm) if rhythm else wait if n else lag
            of = "tag" if kind == TAG else "concept"
            because = "; ".join(reasons) or ("came after the ones before" if last is not None else "is frequent")
            result.append(Prediction(what, of, float(found.probabilities[i]), self._time(base, seconds), because))
            if len(result) == k:
                break
        return result

    def _rhythms(self) -> dict[int, tuple[float, float]]:
        """Return period and phase of what recurs clearly enough to tell when it comes."""
        if self._beats is not None and not self._stale(self._beats):
            return self._beats[1]
        found = self._finders.rhythms.recurring()
        strong = np.flatnonzero((found.strengths >= _KEPT_RHYTHM) & (found.periods >= 86_400))
        beats = {int(found.items[i]): (float(found.periods[i]), float(found.phases[i])) for i in strong}
        self._beats = self._finders.covered, beats
        return beats

    def _time(self, base: int, seconds: float | None) -> dt.datetime | None:
        if seconds is None or not np.isfinite(seconds):
            return None
        offset = self._finders.offset
        try:
            return from_stored(base - offset * 1_000_000 + round(seconds * 1e6), offset)
        except (OverflowError, ValueError):
            return None

    # for others of the mind

    def surprise(
        self,
        *,
        tags: SequenceOf[str] = (),
        source: str | None = None,
        episode: str | None = None,
        vector: SingleArray | None = None,
        now: int | None = None,
    ) -> float | None:
        """Tell how surprising an experience would be, before it is remembered; nothing is learned.

        Parameters
        ----------
        tags, source, episode, vector
            As it would be remembered.
        now : int, optional
            Microseconds since 1970. Default: when the last experience was.

        Returns
        -------
        float or None
            Bits: of its tags after those before, or of being so unlike everything, whichever is more; None where nothing
            can be said.
        """
        found = list[float]()
        with self._store.writing:
            finders = self._finders
            if tags and finders.sequences.tables["counters"][1]:
                moment = finders.moment if now is None else now + finders.offset * 1_000_000
                next_ = finders.sequences.next(finders.sequences.history(thread_of(episode, source)), moment)
                known = dict(zip(next_.symbols.tolist(), next_.probabilities.tolist(), strict=True))
                least = max(1.0 - sum(known.values()), 1e-3) / (finders.sequences.tables["counters"][2] + 1.0)
                chances = [known.get(item(TAG, tag), least) for tag in tags]
                found.append(float(-np.log2(np.maximum(chances, 1e-9)).mean()))
            if vector is not None and finders.concepts is not None and vector.size == finders.concepts.dimension:
                _, likeness = finders.concepts.likeness(vector[None])
                found.append(float(-np.log2(finders.novelty.chance(1.0 - max(float(likeness[0]), -1.0)))))
        return max(found) if found else None

    def activate(
        self,
        *,
        tags: Iterable[str] = (),
        sources: Iterable[str] = (),
        text: str | None = None,
        seeds: Iterable[int] = (),
    ) -> tuple[IntArray, FloatArray]:
        """Return the memories that associations call up, and how strongly, for a channel of recall.

        Parameters
        ----------
        tags, sources : iterable of str
            Of the cue.
        text : str, optional
            Of the cue; the names in it count.
        seeds : iterable of int
            Memories found already; what is most alike in their concepts is called up too.

        Returns
        -------
        ids, scores : arrays, shape (n,)
            Ascending ids; scores above 0, 1 for the strongest.
        """
        keys = [item(TAG, tag) for tag in tags] + [item(SOURCE, source) for source in sources]
        keys += [item(ENTITY, name) for name in entities(text or "")]
        scores: dict[int, float] = {}
        with self._store.writing:
            found = self._finders.associations.together()
        for key in keys:
            for i in np.flatnonzero((found.pairs == key).any(1)).tolist():
                for id_ in found.evidence[i].tolist():
                    scores[id_] = scores.get(id_, 0.0) + float(np.log1p(found.lifts[i]))
        for seed in seeds:
            concept = self.concept_of(seed)
            for id_ in () if concept is None else concept.exemplars:
                scores[id_] = scores.get(id_, 0.0) + 1.0
        ids = np.array(sorted(self._shown(scores)), np.int64)
        values = np.array([scores[id_] for id_ in ids.tolist()])
        return ids, values / values.max(initial=1e-12)


def _observed(id_: int, record: MemoryRecord, vector: SingleArray | None) -> Observed | None:
    """Return what the finders see of a memory; None where it was inferred and did not happen."""
    if record.layer not in _HAPPENED:
        return None
    return Observed(id_, record.at, record.offset, record.tags, record.source, record.episode, record.text, vector)


def _quiet(kind: str, **data: object) -> None:
    """Tell nobody: what is learned anew was told when it happened."""


def _history(given: SequenceOf[str]) -> IntArray:
    if isinstance(given, str) or not isinstance(given, Iterable) or not all(isinstance(tag, str) for tag in given):
        raise InvalidArgumentError("given", given, "a sequence of tags, oldest first")
    history = np.zeros(8, np.int64)
    recent = [item(TAG, tag) for tag in reversed(list(given)[-8:])]
    history[: len(recent)] = recent
    return history


def _until(base: int, rhythm: tuple[float, float]) -> float:
    """Return the seconds from a moment to the next peak of a rhythm."""
    period, phase = rhythm
    start = 345_600.0 if period % 604_800 == 0 else 0.0
    return (phase + start - base / 1e6) % period
