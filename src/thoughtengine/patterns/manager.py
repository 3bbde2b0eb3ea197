"""PatternManager: watches every experience as it comes in, and says what it noticed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from collections.abc import Sequence as SequenceOf
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from thoughtengine import _jit
from thoughtengine._types import Emit, FloatArray, IntArray, SingleArray
from thoughtengine.checks import is_whole, real, whole
from thoughtengine.errors import InvalidArgumentError, MemoryNotFoundError, VectorDimensionError
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.forget import find
from thoughtengine.memory.moment import from_stored, to_stored
from thoughtengine.memory.recall.hit import Cue
from thoughtengine.memory.record import MemoryRecord, VerdictRecord
from thoughtengine.patterns.activation import Activation
from thoughtengine.patterns.anticipation import ByRhythm, Foreseen, predictions
from thoughtengine.patterns.asking import check_name, check_now, history_of, names_in
from thoughtengine.patterns.concepts import ABSORBED
from thoughtengine.patterns.episodes import runs, topics
from thoughtengine.patterns.finders import TAG, Finders, Observed, item, thread_of
from thoughtengine.patterns.pattern import Association, Concept, Episode, Prediction, Rhythm, Sequence
from thoughtengine.patterns.reading import HIDDEN, Reading, observed
from thoughtengine.patterns.state import ANEW, load, save, unsave
from thoughtengine.patterns.telling import Telling
from thoughtengine.patterns.trust import Expected, Ledger, Outcome, note
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import MEMORY

__all__ = ["PatternManager"]

_PENDING = 32  # experiences that wait before they are taken in together
_KEPT = 1024  # that wait at most; more are read from the store
_SLICE = 256  # experiences taken in at a time
_COMPILED = 2000  # experiences from which on one waits for the compiler
_SAVED_EVERY = 16_384  # experiences between two savings, or an eighth of all where that is more
_LIKE_NOW = 7 * 86_400_000_000  # after a longer silence, "next" means then and not now
_TRUSTED = 0.5  # trust below which a pattern comes last
_ASKED = 1 << 40  # of anything, at most
_LATE = 900_000_000  # that a prediction may be late where it was to come at once; else as long as it was to wait
_AT_ONCE = 1_000_000  # from when on it was to wait
_SILENT, _SILENCE = (
    4.0,
    36 * 3_600_000_000,
)  # mean pauses of everything, and time, after which nothing was recorded or all rests

_Told = TypeVar("_Told", Concept, Association, Sequence, Rhythm)


class _Given(NamedTuple):
    """What of a cue is asked with."""

    text: str | None
    vector: SingleArray | None


class PatternManager:
    """What belongs together, what follows what, what recurs, what is new, what comes next.

    Everything it knows follows from the memories up to one id, and is kept in the store, to be learned anew where it is
    missing, damaged, or of another logic or encoder.

    Parameters
    ----------
    store : FolderStore
        Where the memories are; its `writing` lock is held while anything is taken in.
    memories : Collection
        The same, readable.
    emit : callable
        Told of changes of regime and of predictions that came true or failed.
    now : callable
        The mind's clock, in microseconds since 1970.
    zone : callable
        The mind's time zone, in which predictions are dated; None where it is not known.
    sync : bool
        Whether what the host says waits for the medium.
    finders : Finders, optional
        To begin with. Default: as they were saved.
    """

    def __init__(
        self,
        store: FolderStore,
        memories: Collection,
        emit: Emit,
        *,
        now: Callable[[], int],
        zone: Callable[[], dt.tzinfo | None] = lambda: None,
        sync: bool = False,
        finders: Finders | None = None,
    ) -> None:
        self._store, self._memories, self._emit, self._now, self._zone = store, memories, emit, now, zone
        self._waiting: list[tuple[int, Observed | None]] = []  # stored and not taken in yet, in order; None: not to be
        self._finders = load(store, fingerprint=memories.live.fingerprint) if finders is None else finders
        self._saved, self._marked = self._finders.covered, True  # whether memories may have been shown again
        self._ledger = Ledger(store, emit, sync=sync)
        self._telling = Telling(store, memories, self._finders, self._ledger)
        self._activation = Activation(self._telling)
        self._reading = Reading(store, memories, self._telling)

    def __repr__(self) -> str:
        finders = self._finders
        n = 0 if finders.concepts is None else int(finders.concepts.tables["counters"][1])
        seen = int(finders.associations.tables["counters"][0])
        return f"<PatternManager: {seen:,} experiences noticed, {n:,} clusters, {len(finders.names):,} names>"

    # taking in

    @property
    def behind(self) -> int:
        """How many ids have come that were not taken in yet."""
        self._store.ready()
        return self._store.rank(self._store.head.next_id - 1) - self._store.rank(self._finders.covered)

    def told(self, stored: Iterable[tuple[int, MemoryRecord | None, SingleArray | None]]) -> None:
        """Hear of memories that were stored (id, record, vector); the caller holds the store's `writing` lock.

        They are taken in together with a few that still wait. Of a revision the record is None: it is passed over, for what it
        tells of happened once. Where there is no compiler, or it is still at work, they wait.
        """
        for id_, record, vector in stored:
            self._waiting.append((id_, None if record is None else observed(id_, record, vector)))
            if record is None:
                self._telling.revised()
        if len(self._waiting) >= _PENDING and _jit.compiled("thoughtengine.patterns.kernels"):
            self._take(len(self._waiting) + _SLICE)
        if len(self._waiting) > _KEPT:
            self._waiting = []  # they are read from the store
        self._save_at_times()

    def _save_at_times(self) -> None:
        if self._to_be_saved(self._store.rank(self._saved)):
            self.save()

    def _to_be_saved(self, saved: int) -> bool:
        """Tell whether much has been learned since so many were saved: to save takes as long as to learn some thousand."""
        covered = self._store.rank(self._finders.covered)
        return covered - saved >= max(_SAVED_EVERY, covered // 8)

    def catch_up(self) -> None:
        """Take in everything that was stored, and tell what did not come in its time."""
        self._store.ready()
        if self._marked:
            self._marked = False
            if self._shown_again(self._finders):
                self.rebuild()
        if self.behind > _COMPILED:
            _jit.warm_up()
        total = self.behind
        while self.behind > 0:
            with self._store.writing:
                self._take(_SLICE)
                self._save_at_times()
            if total > _COMPILED:
                self._emit("progress", what="noticing", done=total - self.behind, total=total)
        if self._ledger.waits:
            with self._store.writing:
                self._ledger.overdue(self._wall(self._now()))

    def _shown_again(self, finders: Finders) -> bool:
        """Tell whether memories are there that were passed over while they were forgotten."""
        there = (one for one in finders.passed if self._store.has(MEMORY, one))
        return any(not self._reading.hidden(self._telling.newest(one)) for one in there)

    def _take(self, limit: int) -> None:
        """Take in what waits, or up to so many from the store where not all that is new waits."""
        waiting, self._waiting = self._waiting, []
        if waiting and self.behind == len(waiting):
            self.observe([one for _, one in waiting if one is not None])
            self._finders.covered = waiting[-1][0]
            return
        while limit > 0 and self.behind > 0:
            rows = self._reading.after(self._finders.covered, min(limit, _SLICE))
            limit -= max(len(rows), 1)
            for id_, one in rows.items():
                if one is HIDDEN:
                    self._finders.pass_over(id_)
            self.observe([one for one in rows.values() if isinstance(one, Observed)])
            self._finders.covered = max(rows, default=self._store.head.next_id - 1)

    def observe(self, batch: SequenceOf[Observed]) -> None:
        """Take in experiences in order of id; the caller holds the store's `writing` lock."""
        latest = self._finders.lifetime.ends[1]
        turns = self._finders.observe(batch)
        for turn in turns:
            self._emit("changed", of=turn.of, ids=(turn.id,))
        if not self._ledger.waits:
            return
        pause = max(_SILENT * self._finders.lifetime.pause, _SILENCE)
        for one in batch:
            if one.id in self._finders.beside:  # nothing that is expected now
                continue
            been = self._been(one.at + one.offset * 1_000_000, self._now())
            keys = frozenset(self._telling.concept_key(key) for key in self._finders.came[one.id])
            thread, goes_on = thread_of(one.episode, one.source), been - latest <= pause
            self._learn_outcomes(self._ledger.resolve(thread, keys, been, one.id, goes_on=goes_on))
            latest = max(latest, been)

    def _learn_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            expected = outcome.expected
            self._finders.sequences.told(expected.history, expected.probability, outcome.came)
            note(self._finders.outcomes, outcome)

    def save(self) -> None:
        """Write what was learned, unless nothing was since the last time."""
        self._store.ready()
        with self._store.writing:
            if self._finders.covered > self._saved:
                save(self._store, self._finders, fingerprint=self._memories.live.fingerprint)
                self._saved = self._finders.covered

    def dropped(self) -> None:
        """Hear that memories went for good: what was learned from them goes too, and is learned anew when it is asked for."""
        self._finders, self._saved = Finders(), 0
        self._telling.finders = self._finders
        self._ledger.forget()
        self.marked()

    def marked(self) -> None:
        """Hear that memories were forgotten or shown again: what was read from them is read anew."""
        self._telling.forget()
        self._waiting, self._marked = [], True
        self._ledger.drop(lambda expected: self._telling.name(expected.key) is None)

    def rebuild(self) -> None:
        """Learn everything anew from the memories; until that is done, what was known serves.

        Notes
        -----
        What was learned so far is saved now and then; broken off, by a kill too, the next call goes on from there. Events
        ``progress`` tell how far it is. What became of predictions is kept.
        """
        fingerprint = self._memories.live.fingerprint
        begun = load(self._store, fingerprint=fingerprint, slot=ANEW)
        fresh = PatternManager(
            self._store, self._memories, _quiet, now=self._now,
            finders=Finders() if self._shown_again(begun) else begun,
        )  # fmt: skip
        total, saved = self._store.rank(self._store.head.next_id - 1), self._store.rank(fresh._saved)
        told = saved
        if total > _COMPILED:
            _jit.warm_up()
        while fresh.behind > 0:
            with self._store.writing:
                fresh._take(_SLICE)
            done = total - fresh.behind
            if fresh.behind > 0 and fresh._to_be_saved(saved):
                save(self._store, fresh._finders, fingerprint=fingerprint, slot=ANEW)
                saved = self._store.rank(fresh._finders.covered)
            if done - told >= max(_COMPILED, total // 64):
                self._emit("progress", what="noticing", done=done, total=total)
                told = done
        with self._store.writing:
            fresh._take(self._store.head.next_id)
            fresh._finders.keep(self._finders)
            self._finders = self._telling.finders = fresh._finders
            self.marked()
            save(self._store, self._finders, fingerprint=fingerprint)
            unsave(self._store, slot=ANEW)
            self._saved = self._finders.covered

    # saying

    def concepts(self) -> list[Concept]:
        """Return what the memories are about, the largest first; empty without vectors.

        Returns
        -------
        list of Concept
            Of three members or more.
        """
        self.catch_up()
        return _by_trust(self._telling.concepts())

    def concept_of(self, id_: int) -> Concept | None:
        """Return the concept of a memory; None where it is like none, or has no vector.

        Raises
        ------
        InvalidArgumentError, MemoryNotFoundError
            For what is no id; when there is no such memory, or it was forgotten.
        """
        if not is_whole(id_):
            raise InvalidArgumentError("id", id_, "the id of a memory")
        id_ = int(id_)
        if self._reading.hidden(find(self._store, id_)):
            raise MemoryNotFoundError(id_)
        self.catch_up()
        vector = self._reading.vector(id_)
        if vector is None or self._finders.concepts is None:
            return None
        if self._telling.leads(id_):
            return self._telling.concept_at(id_)
        nearest, cosine = self._finders.concepts.likeness(vector[None])
        return None if cosine[0] < ABSORBED else self._telling.concept_at(int(nearest[0]))

    def associations(self) -> list[Association]:
        """Return what comes together more often than chance and the size of experiences explain, the clearest first.

        A concept and a name in a text are not compared: both are of the same words.
        """
        self.catch_up()
        return _by_trust(self._telling.associations())

    def sequences(self) -> list[Sequence]:
        """Return what follows what more often than it comes anyway, the clearest first."""
        self.catch_up()
        return _by_trust(self._telling.sequences())

    def rhythms(self) -> list[Rhythm]:
        """Return what recurs by the hour, day, week, month or year, each with its best period, the clearest first."""
        self.catch_up()
        return _by_trust(self._telling.rhythms())

    def episodes(self, *, k: int = 10, by_topic: bool = True) -> list[Episode]:
        """Return the newest episodes of what the host named none for, newest first.

        Recall takes what came before and after for neighbours up to the same pauses (`RecallConfig.pause`); where all of
        them have vectors, an episode ends with its topic, too: a talk about two things is two episodes.

        Parameters
        ----------
        k : int
            How many at most, among the newest 4,096 memories.
        by_topic : bool
            Whether an episode ends with its topic, and not with a pause alone.

        Raises
        ------
        InvalidArgumentError
            For what is no whole number of at least 1, or no bool.
        """
        self._store.ready()
        k = whole("k", k, 1, _ASKED)
        if not isinstance(by_topic, bool):
            raise InvalidArgumentError("by_topic", by_topic, "True or False")
        found = (
            self._episode(part)
            for run in runs(self._memories.view())
            for part in (reversed(self._by_topic(run)) if by_topic else (run,))
        )
        return list(islice((one for one in found if one is not None), k))

    def _by_topic(self, run: IntArray) -> list[IntArray]:
        vectors = [self._reading.vector(id_) for id_ in run.tolist()]
        known = [vector for vector in vectors if vector is not None and vector.any()]
        if len(known) < len(vectors):
            return [run]
        return np.split(run, topics(np.stack(known)))

    def _episode(self, ids: IntArray) -> Episode | None:
        ends = [self._store.get(MEMORY, id_, MemoryRecord) for id_ in (int(ids[0]), int(ids[-1]))]
        moments = [from_stored(record.at, record.offset) for record in ends if record is not None]
        return Episode(tuple(ids.tolist()), moments[0], moments[1]) if len(moments) == 2 else None

    def feedback(self, pattern: Concept | Association | Sequence | Rhythm | Prediction | int, *, reward: float) -> None:
        """Hear from the host how much a pattern is worth; kept for ever, also when everything is learned anew.

        Trust in a pattern begins with how much more often it was seen than chance would show it. It grows with every
        sighting, with predictions from it that come true and with rewards; it falls with what speaks against it (what was
        given and not followed, what came alone, or out of its time), with predictions that fail, with negative rewards, and
        by half in every eight usual pauses, or a quarter of all that was lived through, in which it is not seen although
        other things happen. Those with less than one half come last.

        Parameters
        ----------
        pattern : Concept, Association, Sequence, Rhythm, Prediction or int
            Of this mind, or its id.
        reward : float
            In [-1, 1]. Rewards add up, to four at most in either direction, so the newest always counts; each whole one makes
            the odds four times what they are, or a quarter.

        Raises
        ------
        InvalidArgumentError
            For what is no pattern of this mind, and a reward out of range.
        """
        reward = real("reward", reward, -1.0, 1.0)
        id_, evidence = self._meant(pattern)
        verdict = VerdictRecord(pattern=id_, reward=reward, at=self._now(), evidence=evidence)
        self._ledger.judge(verdict)

    def _meant(self, pattern: object) -> tuple[int, tuple[int, ...]]:
        """Return the id of a pattern and its evidence."""
        if isinstance(pattern, Concept):
            return pattern.id, pattern.exemplars
        if isinstance(pattern, Association | Sequence | Rhythm):
            return pattern.id, pattern.evidence
        id_ = pattern.id if isinstance(pattern, Prediction) else pattern
        if is_whole(id_):
            found: list[Concept | Association | Sequence | Rhythm] = [
                *self.concepts(), *self.associations(), *self.sequences(), *self.rhythms(),
            ]  # fmt: skip
            for one in found:
                if one.id == id_:
                    return self._meant(one)
            if isinstance(pattern, Prediction):
                return id_, self._telling.shown([self._finders.covered])
        raise InvalidArgumentError("pattern", pattern, "a pattern of this mind, or its id")

    def anticipate(
        self,
        *,
        given: SequenceOf[str | SequenceOf[str]] | None = None,
        episode: str | None = None,
        at: dt.datetime | str | None = None,
        now: int,
        k: int = 5,
    ) -> list[Prediction]:
        """Tell what comes next, most probable first.

        Parameters
        ----------
        given : sequence of str or of sequences of str, optional
            Recent tags, oldest first; those of one experience one by one or together. Default: those of the latest experiences
            of the episode, else of its source.
        episode : str, optional
            Of which the latest experiences count; not together with `given`.
        at : datetime or str, optional
            The moment it is asked for: its part of the day matters, and nothing is expected before. Of what is `given` it is
            when that came. Default: now, after a week of silence the end of it.
        now : int
            The mind's clock, in microseconds since 1970.
        k : int
            How many at most.

        Raises
        ------
        InvalidArgumentError
            For an argument that cannot be used.
        """
        k = whole("k", k, 1, _ASKED)
        check_name("episode", episode)
        check_now(now)
        if given is not None and episode is not None:
            raise InvalidArgumentError("episode", episode, "None where `given` says what came before")
        history = None if given is None else history_of(given)
        self.catch_up()
        with self._store.writing:
            thread = thread_of(episode, None) if episode is not None else self._finders.thread
            sequences = self._finders.sequences
            history = sequences.history(thread) if history is None else history
            came = sequences.moment(thread) if given is None else None
            last = None if came is None else self._been(came, now)
            moment, present = (self._moment(asked, last, now) for asked in (at, None))
            waited = 0.0 if last is None else max(moment - last, 0) * 1e-6
        rhythms = ByRhythm(self._telling, history.tolist() if waited > 0.0 else (), moment)
        with self._store.writing:
            found = sequences.next(
                history, moment if came is None else came, part=given is not None, waited=waited,
                otherwise=rhythms.shares,
            )  # fmt: skip
            lag = sequences.median_lag(int(history[0])) if history[0] else None
        base = moment if last is None else last
        result = list(
            islice(predictions(self._telling, found, history, rhythms, base, lag, moment, present, self._dated), k)
        )
        if result and given is None and moment == present:  # who asks of another moment waits for nothing
            live = 0 <= self._wall(now) - base <= _LIKE_NOW
            expected = _expected(result[0], history, base, live=live)
            if not live or expected.due is None or expected.due >= self._wall(now):  # else it is late already
                self._ledger.await_(thread, expected)
        return [one.told for one in result]

    def _moment(self, at: dt.datetime | str | None, last: int | None, now: int) -> int:
        if at is not None:
            moment, offset = to_stored("at", at)
            return moment + offset * 1_000_000
        now = self._wall(now)
        return now if last is None or 0 <= now - last <= _LIKE_NOW else last

    def _dated(self, moment: int) -> dt.datetime:
        """Return a moment of the clock on the wall, in the zone of the mind if the last experience was; never one left out there.

        Raises
        ------
        OverflowError
            Beyond the calendar.
        """
        offset, zone = self._finders.offset, self._zone()
        if zone is not None:
            last = from_stored(self._finders.moment - offset * 1_000_000, offset)
            if last.astimezone(zone).utcoffset() == last.utcoffset():
                shown = from_stored(moment, 0).replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone)
                return shown.replace(tzinfo=dt.timezone(shown.utcoffset() or dt.timedelta()))
        return from_stored(moment - offset * 1_000_000, offset)

    def _been(self, moment: int, now: int) -> int:
        """Return a moment of the clock on the wall; for one that has not been yet, how far life has come."""
        return min(moment, max(self._finders.lifetime.ends[1], self._wall(now)))

    def _wall(self, now: int) -> int:
        """Return a moment of the mind's clock by the clock on the wall."""
        return now + self._finders.offset * 1_000_000

    # for others of the mind

    def surprise(
        self,
        *,
        tags: Iterable[str] = (),
        source: str | None = None,
        episode: str | None = None,
        vector: ArrayLike | None = None,
        at: dt.datetime | str | None = None,
    ) -> float | None:
        """Tell how surprising an experience would be, before it is remembered; nothing is learned.

        Parameters
        ----------
        tags, source, episode, vector
            As it would be remembered.
        at : datetime or str, optional
            When it would be: aware, or ISO 8601 text with offset; what would have come by then is less to be expected.
            Default: when the last experience was.

        Returns
        -------
        float or None
            Bits: of its tags after those before, or of being so unlike everything, whichever is more; None where nothing
            can be said.

        Raises
        ------
        InvalidArgumentError, VectorDimensionError
            For an argument that cannot be used.
        """
        self._store.ready()
        tags, direction, found = names_in("tags", tags), self._asked(None, vector).vector, list[float]()
        check_name("source", source)
        check_name("episode", episode)
        stored = None if at is None else to_stored("at", at)
        self.catch_up()
        with self._store.writing:
            finders = self._finders
            if tags and finders.sequences.tables["counters"][1]:
                moment = finders.moment if stored is None else stored[0] + stored[1] * 1_000_000
                thread = thread_of(episode, source)
                came = finders.sequences.moment(thread)
                came = moment if came is None else came
                waited = max(moment - came, 0) * 1e-6
                next_ = finders.sequences.next(finders.sequences.history(thread), came, waited=waited)
                known = dict(zip(next_.symbols.tolist(), next_.probabilities.tolist(), strict=True))
                least = max(1.0 - sum(known.values()), 1e-3) / (finders.sequences.tables["counters"][2] + 1.0)
                chances = [known.get(item(TAG, tag), least) for tag in tags]
                found.append(float(-np.log2(np.maximum(chances, 1e-9)).mean()))
            if direction is not None and finders.concepts is not None and direction.size == finders.concepts.dimension:
                _, likeness = finders.concepts.likeness(direction[None])
                found.append(float(-np.log2(finders.novelty.chance(1.0 - max(float(likeness[0]), -1.0)))))
        return max(found) if found else None

    def activate(
        self,
        *,
        tags: Iterable[str] = (),
        sources: Iterable[str] = (),
        text: str | None = None,
        vector: ArrayLike | None = None,
    ) -> tuple[list[int], list[float]]:
        """Return the memories that associations call up, and how strongly.

        Parameters
        ----------
        tags, sources : iterable of str
            Of the cue.
        text : str, optional
            Of the cue; the names in it count.
        vector : array of numbers, shape (d,), optional
            Of the cue; what is most typical of the concept it is alike is called up too.

        Returns
        -------
        ids, scores : list of int, list of float
            Ascending ids, at most 100; scores above 0, 1 for the strongest.

        Raises
        ------
        InvalidArgumentError, VectorDimensionError
            For an argument that cannot be used.
        """
        tags, sources, cue = names_in("tags", tags), names_in("sources", sources), self._asked(text, vector)
        ids, scores = self.called_up(tags=tags, sources=sources, text=cue.text, vector=cue.vector)
        return ids.tolist(), scores.tolist()

    def called_up(
        self,
        *,
        tags: Iterable[str] = (),
        sources: Iterable[str] = (),
        text: str | None,
        vector: SingleArray | None,
    ) -> tuple[IntArray, FloatArray]:
        """Return what `activate` returns, as arrays, for a cue that recall has checked: a channel of it."""
        self.catch_up()
        with self._store.writing:
            return self._activation.spread(tags=tags, sources=sources, text=text, vector=vector)

    def _asked(self, text: str | None, vector: ArrayLike | None) -> _Given:
        """Return text and vector, checked as those of recall."""
        if text is None and vector is None:
            return _Given(None, None)
        cue, have = Cue(text, vector=vector), self._memories.live.dimension
        if cue.vector is not None and have is not None and cue.vector.size != have:
            raise VectorDimensionError("vector", cue.vector.size, have)
        return _Given(cue.text, cue.vector)


def _by_trust(found: Iterable[_Told]) -> list[_Told]:
    """Return patterns in their order, those that are not trusted any more last."""
    return sorted(found, key=lambda one: one.trust < _TRUSTED)


def _quiet(kind: str, **data: object) -> None:
    """Tell nobody: what is learned anew was told when it happened."""


def _expected(foreseen: Foreseen, history: IntArray, base: int, *, live: bool) -> Expected:
    """Return a prediction as it is kept until it comes true, or is late by as much as it was to wait."""
    told, due = foreseen.told, foreseen.due
    if due is not None:
        wait = due - base
        due += max(wait if wait >= _AT_ONCE else _LATE, foreseen.tolerance)
    return Expected(foreseen.key, told.what, told.probability, told.id, history, due, live, base)
