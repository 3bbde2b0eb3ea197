"""Telling: from what the finders know to what the host sees: names, labels, evidence, trust."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import attrs
import numpy as np

from thoughtengine.memory.collection import Collection
from thoughtengine.memory.index.columns import REPLACED
from thoughtengine.memory.record import MemoryRecord
from thoughtengine.memory.where import All, parse_where
from thoughtengine.patterns.beat import DAY, Beat
from thoughtengine.patterns.concepts import Grouping, group
from thoughtengine.patterns.dates import day_of
from thoughtengine.patterns.finders import CONCEPT, ENTITY, SOURCE, TAG, Finders, item
from thoughtengine.patterns.habits import Habit, Habits
from thoughtengine.patterns.kernels.rhythms import BEAT
from thoughtengine.patterns.labels import Labels
from thoughtengine.patterns.pattern import (
    CLEAR,
    MONTH,
    Association,
    Concept,
    Rhythm,
    Sequence,
    recurring,
    weekdays_named,
)
from thoughtengine.patterns.rhythms import PERIODS, Recurring
from thoughtengine.patterns.trust import Ledger, faded, pattern_id, trust
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import MEMORY

__all__ = ["Telling"]

_STALE = 64  # the part of all experiences that may have come since they were grouped
_SHOWN, _LOOKED_AT = 3, 64  # memories that are told as evidence, and that are looked at for it
_ONE_HOUR = 0.8  # strength by the day from which on it comes at one hour
_TRUSTED = 0.5  # trust in a rhythm that is a reason
_AGAIN = 10  # first sightings that count twice of a habit that moved: it was one before
_ONE_DAY = 0.5  # strength by the week from which on it comes on one day, or several that are one run
_KEPT_RHYTHM = 0.5  # strength, and share of the periods, from which on a rhythm tells when


@attrs.frozen(eq=False)
class _Now:
    """A rhythm as it is told now: as of a `Rhythm`, the days of the week it comes on, and the habit that says so."""

    period: float
    phase: float
    strength: float
    n: int
    kept: float
    weekdays: tuple[int, ...]
    words: str = ""
    habit: Habit | None = None


class _Beats(NamedTuple):
    """Rhythms that tell when something comes, made when they are asked for."""

    covered: tuple[int, object]
    words: int  # of the host, when these were made
    found: Recurring
    numbers: dict[int, int]  # in what was found, by hash
    places: dict[int, int]  # in the tables, by hash
    made: dict[int, Beat | None]


class Telling:
    """Makes records for the host; what is dear to make is kept until enough has come since.

    Parameters
    ----------
    store, memories
        Where names are looked up.
    finders : Finders
        What they know; replaced when it is learned anew.
    ledger : Ledger
        What the host said, and what became of predictions.
    """

    def __init__(self, store: Store, memories: Collection, finders: Finders, ledger: Ledger) -> None:
        self._store, self._memories, self._ledger = store, memories, ledger
        self.finders = finders
        self._habits = Habits(store, memories, self.happened)
        self.forget()

    def forget(self) -> None:
        """Read anew what was read from memories."""
        self._grouping: tuple[int, Grouping] | None = None
        self._concepts: dict[int, int] = {}  # of each cluster, by first members
        self._found: tuple[int, Labels] | None = None
        self._beats: _Beats | None = None
        self._habits.forget()
        self._visible = set[int]()  # hashes of tags and sources that visible memories have

    def revised(self) -> None:
        """Hear that a memory was revised: what its former version alone was called is not told any more."""
        self._visible.clear()
        self._habits.forget()
        self._beats = None

    def _stale(self, kept: tuple[int, object] | None) -> bool:
        """Tell whether more than a 64th of all came since something was made of it; to group and label costs more than that."""
        return kept is None or self.is_old(kept[0])

    def is_old(self, covered: int) -> bool:
        """Tell whether more than a 64th of all came since an id."""
        before = self._store.rank(covered)
        return self._store.rank(self.finders.covered) - before > before // _STALE

    def groups(self) -> Grouping | None:
        """Return the clusters put together to concepts; None without vectors."""
        concepts = self.finders.concepts
        if concepts is None:
            return None
        if self._stale(self._grouping):
            with self._store.writing:
                covered, parts = self.finders.covered, concepts.snapshot()
            found = group(*parts)
            self._grouping = covered, found
            self._concepts = dict(zip(found.ids.tolist(), found.concepts.tolist(), strict=True))
        return None if self._grouping is None else self._grouping[1]

    def _labels(self) -> Labels:
        found = self.groups()
        if self._found is None or self._stale(self._found):
            labels = Labels(self._store, self._memories)
            if found is not None:
                labels.learn(found)
            self._found = self.finders.covered, labels
        return self._found[1]

    def name(self, key: int) -> str | None:
        """Return what a hash stands for, as it is shown; None where that is not known any more, or no visible memory has it."""
        kind, name = self.finders.names.get(key, ("", ""))
        if kind != CONCEPT:
            return name if kind and self._is_visible(key, kind, name) else None
        concept = self._concept_of(name)
        return None if concept is None else self._label(concept)

    def _is_visible(self, key: int, kind: str, name: str) -> bool:
        """Tell whether a visible memory has a tag or source; a name in a text is told by its evidence."""
        if kind == ENTITY:
            return True
        if key not in self._visible:
            where = parse_where(tags=[name]) if kind == TAG else parse_where(sources=[name])
            view = self._memories.view()
            if (
                self.shown([self.finders.associations.newest(key)])
                or ((view.columns.state[view.select(where, 0)] & REPLACED) == 0).any()
            ):
                self._visible.add(key)
        return key in self._visible

    def _concept_of(self, cluster: str) -> int | None:
        return None if self.groups() is None else self._concepts.get(int(cluster))

    def concept_key(self, key: int) -> int:
        """Return a hash; of clusters of one concept, which are told as one, that of its oldest."""
        kind, name = self.finders.names.get(key, ("", ""))
        concept = self._concept_of(name) if kind == CONCEPT else None
        return key if concept is None else item(CONCEPT, str(concept))

    def _label(self, concept: int) -> str:
        return ", ".join(self._labels().terms(concept)[:3]) or f"concept {concept}"

    def shown(self, ids: Iterable[int]) -> tuple[int, ...]:
        """Return those of some ids whose memories are there, not forgotten and not superseded."""
        return tuple(id_ for id_ in ids if id_ and self._store.has(MEMORY, id_) and self._stands(id_))

    def newest(self, id_: int) -> int:
        """Follow revisions to the last."""
        while (after := self._memories.mark(id_).superseded_by) is not None:
            id_ = after
        return id_

    def happened(self, record: MemoryRecord) -> MemoryRecord:
        """Return the version of a memory that tells when it was: the last one whose moment the host said, else the first."""
        while record.supersedes is not None and record.at == record.added:
            before = self._store.get(MEMORY, record.supersedes, MemoryRecord)
            if before is None:
                break
            record = before
        return record

    def _still(self, ids: Iterable[int]) -> tuple[int, ...]:
        """Return what is `shown` of some ids, and of what was revised the newest revision where it has the same tags."""
        found = dict.fromkeys(self._same_tags(id_) for id_ in ids if id_)
        return self.shown(found)

    def _same_tags(self, id_: int) -> int:
        newest = self.newest(id_)
        if newest == id_:
            return id_
        records = [self._store.get(MEMORY, one, MemoryRecord) for one in (id_, newest)]
        tags = [() if record is None else record.tags for record in records]
        return newest if tags[0] and set(tags[0]) == set(tags[1]) else id_

    def _evidence(self, keys: Iterable[int], ids: Iterable[int]) -> tuple[int, ...]:
        """Return the known evidence that is visible; else, of tags and sources, the newest memories that have them all."""
        visible = self.shown(ids)
        named = [self.finders.names.get(key, ("", "")) for key in keys]
        if visible or not {kind for kind, _ in named} <= {TAG, SOURCE}:
            return visible
        tags, sources = ([name for kind, name in named if kind == wanted] for wanted in (TAG, SOURCE))
        if len(sources) > 1:
            return ()
        view = self._memories.view()
        where = parse_where(tags=All(*tags) if tags else None, sources=sources or None)
        found = view.columns.id[view.select(where, 0)[::-1][:_LOOKED_AT]].tolist()
        return self.shown(id_ for id_ in found if id_ <= self.finders.covered)[:_SHOWN]

    def _stands(self, id_: int) -> bool:
        mark = self._memories.mark(id_)
        return not mark.forgotten and mark.superseded_by is None

    def _trust(
        self,
        id_: int,
        n: float,
        by_chance: float,
        evidence: Iterable[int],
        period: float = 0.0,
        last_seen: int | None = None,
        begin: int | None = None,
    ) -> float:
        """Return the trust in a pattern by the newest of its evidence; of a rhythm `period`, and since when, in microseconds."""
        records = (self._store.get(MEMORY, one, MemoryRecord) for one in evidence)
        moments = [self.happened(record) for record in records if record is not None]
        seen = [record.at + record.offset * 1_000_000 for record in moments]
        seen += [] if last_seen is None else [last_seen]
        first, last = self.finders.lifetime.ends
        halvings = 0.0
        if seen:
            newest, lived = max(seen), self._habits.lived(first, last)
            life, due = lived.between(first, last), lived.between(newest, newest + period)
            usual = max(due, period * life / max(last - first, 1))
            own = life if begin is None else lived.between(begin, newest)
            halvings = faded(lived.between(newest, last), max(own / max(n, 1.0), usual, 1e6), life, due)
        return trust(n, by_chance, self._ledger.said.get(id_, 0.0), self.finders.outcomes.get(id_, 0.0), halvings)

    def concepts(self) -> Iterator[Concept]:
        """Yield concepts of three members or more, the largest first."""
        found = self.groups()
        if found is None:
            return
        ids, places = np.unique(found.concepts, return_inverse=True)
        sizes = np.bincount(places, found.sizes)
        for at in np.lexsort((ids, -sizes)).tolist():
            if sizes[at] >= 3.0 and (one := self.concept(found, int(ids[at]))) is not None:
                yield one

    def concept(self, found: Grouping, id_: int) -> Concept | None:
        """Return a concept by its id; None where nothing of it is visible."""
        exemplars, mine = self._labels().exemplars(id_), found.concepts == id_
        if not exemplars:
            return None
        n = float(found.sizes[mine].sum())
        sure = self._trust(id_, n, 0.5, (*found.newest[mine].tolist(), *exemplars))
        return Concept(id_, self._label(id_), self._labels().terms(id_), round(n), exemplars, sure)

    def leads(self, id_: int) -> bool:
        """Tell whether a memory is the first of a cluster: then it belongs there, however far the cluster has moved since."""
        return self.groups() is not None and id_ in self._concepts

    def concept_at(self, cluster: int) -> Concept | None:
        """Return the concept that a cluster, by its first member, belongs to."""
        found = self.groups()
        if found is not None and cluster not in self._concepts:  # one that is newer than the grouping
            self.forget()
            found = self.groups()
        if found is None:
            return None
        return self.concept(found, self._concepts[cluster])

    def associations(self) -> Iterator[Association]:
        """Yield what comes together, the clearest first; a concept and a name in a text are of the same words."""
        with self._store.writing:
            found = self.finders.associations.together()
        told = set[frozenset[str]]()  # what has one name as a source and in texts is told once
        for i, (a, b) in enumerate(found.pairs.tolist()):
            if {self.finders.names.get(key, ("", ""))[0] for key in (a, b)} == {CONCEPT, ENTITY}:
                continue
            left, right, evidence = self.name(a), self.name(b), self._evidence((a, b), found.evidence[i].tolist())
            if left is None or right is None or left == right or not evidence or {left, right} in told:
                continue
            told.add(frozenset((left, right)))
            id_, n, expected = pattern_id("association", a, b), int(found.counts[i]), float(found.expected[i])
            sure = self._trust(id_, n, expected, evidence)
            yield Association(
                (left, right), n, expected, float(found.lifts[i]), float(found.q_values[i]), evidence, id_, sure
            )

    def sequences(self) -> Iterator[Sequence]:
        """Yield what follows what, the clearest first."""
        with self._store.writing:
            found = self.finders.sequences.following()
        for i, (first, second) in enumerate(found.given.tolist()):
            keys = [key for key in (first, second) if key]
            given, then = [self.name(key) for key in keys], self.name(int(found.then[i]))
            evidence = self._still(found.ids[i].tolist())
            if then is None or None in given or not evidence:
                continue
            id_, n = pattern_id("sequence", *keys, int(found.then[i])), int(found.counts[i])
            sure = self._trust(id_, n, float(found.expected[i]), evidence)
            yield Sequence(
                tuple(name for name in given if name is not None), then, n, float(found.confidences[i]),
                float(found.lags[i]), float(found.q_values[i]), evidence, id_, sure, bool(found.at_once[i]),
            )  # fmt: skip

    def rhythms(self) -> Iterator[Rhythm]:
        """Yield what recurs, each with its best period, the clearest first."""
        with self._store.writing:
            found = self.finders.rhythms.recurring()
            lasts = self._lasts()
        told = set[str]()
        for i, key in enumerate(found.items.tolist()):
            what, evidence = self.name(key), self._evidence((key,), found.evidence[i].tolist())
            if what is None or what in told or not evidence:
                continue
            told.add(what)
            now = self._as_now(found, i, evidence[0])
            sure, words = self._trust_in(now, key, evidence, lasts.get(key)), now.words
            if not words and len(now.weekdays) > 1:
                words = f"on {weekdays_named(now.weekdays)}"
            if not words and now.period >= MONTH and now.strength >= CLEAR:
                words = self._by_evidence(evidence, now.period, now.kept)
            yield Rhythm(
                what, now.period, now.phase, now.strength, now.n, float(found.q_values[i]), evidence,
                pattern_id("rhythm", key), sure, now.kept, words,
            )  # fmt: skip

    def _lasts(self) -> dict[int, int]:
        """Return the newest moment of each item that is counted, by hash."""
        tables = self.finders.rhythms.tables
        rows = tables["rows"].reshape(len(tables["keys"]), -1)
        return dict(zip(tables["keys"].tolist(), rows[:, 3].tolist(), strict=True))

    def _as_now(self, found: Recurring, i: int, newest: int) -> _Now:
        """Return a rhythm as it is told: of tags and sources by what the calendar says of their moments."""
        key, period, phase = int(found.items[i]), float(found.periods[i]), float(found.phases[i])
        strength, n, kept = float(found.strengths[i]), int(found.counts[i]), float(found.kept[i])
        weekdays = tuple(np.flatnonzero(found.weekdays[i]).tolist())
        named, end = self.finders.names.get(key, ("", "")), self.finders.lifetime.ends[1]
        habit = self._habits.of(key, named, period, n, newest, end, dated=bool(found.dated[i]))
        if habit is None:
            return _Now(period, phase, strength, n, kept, weekdays)
        if habit.own is not None:
            (strength, phase, n), weekdays = habit.own, habit.comes.weekdays
            if len(weekdays) > 1 and strength < _ONE_DAY:
                strength = habit.comes.kept
        if habit.comes.period not in (0.0, period):
            period = habit.comes.period
            if habit.comes.hours or period >= DAY:
                phase = habit.comes.begins % period
            phase %= period
            if habit.comes.newest:  # a week begins on Monday, the fifth day of 1970
                monday = 4 * DAY if period % (7 * DAY) == 0 else 0.0
                phase = (habit.comes.newest * DAY + habit.comes.begins - monday) % period
        return _Now(period, phase, strength, n, habit.comes.kept, weekdays, habit.comes.words, habit)

    def _by_evidence(self, evidence: tuple[int, ...], period: float, kept: float) -> str:
        """Return when something comes by the days of its evidence; nothing where they differ: a mean month is none of them."""
        records = [self._store.get(MEMORY, id_, MemoryRecord) for id_ in evidence]
        moments = np.array([one.at + one.offset * 1_000_000 for one in records if one is not None], np.int64)
        day = day_of(moments, period) if len(moments) >= _SHOWN else ""
        return f"{recurring(period, kept)}, {day}" if day else ""

    def beat(self, key: int) -> Beat | None:
        """Return the rhythm of a hash where it is clear enough to tell when it comes, and trusted."""
        kept = self._beats
        if kept is None or self._stale(kept.covered) or kept.words != self._ledger.words:
            found = self.finders.rhythms.recurring()
            places = {item_: at for at, item_ in enumerate(self.finders.rhythms.tables["keys"].tolist()) if item_}
            numbers = {item_: i for i, item_ in enumerate(found.items.tolist())}
            kept = self._beats = _Beats((self.finders.covered, found), self._ledger.words, found, numbers, places, {})
        i, place = kept.numbers.get(key), kept.places.get(key, 0)
        if i is None:
            return None
        if key not in kept.made:
            kept.made[key] = self._beat_of(kept.found, i, place)
        beat, tables = kept.made[key], self.finders.rhythms.tables
        if beat is None or tables["keys"][place] != key:  # given up since
            return beat
        last = int(tables["rows"].reshape(len(tables["keys"]), -1)[place, 3]) / 1e6
        if beat.last != last:
            beat = kept.made[key] = attrs.evolve(beat, last=last)
        return beat

    def _beat_of(self, found: Recurring, i: int, place: int) -> Beat | None:
        """Return when a rhythm comes; None where it is not clear, or not trusted."""
        tables, key = self.finders.rhythms.tables, int(found.items[i])
        row = tables["rows"].reshape(len(tables["keys"]), -1)[place]
        evidence = self.shown(found.evidence[i].tolist())
        now = self._as_now(found, i, evidence[0] if evidence else 0)
        habit, days = now.habit, now.weekdays
        by_hours = habit is not None and habit.comes.hours
        clear = now.strength >= _KEPT_RHYTHM or (any(days) and now.period > DAY) or by_hours
        moved = habit is not None and habit.begin is not None
        often = float(found.kept_days[i])
        if habit is not None and (habit.comes.hours or habit.comes.month):
            often = now.kept if moved else max(often, now.kept)
        if not clear or (not by_hours and (often < _KEPT_RHYTHM or float(found.periods[i]) < DAY)):
            return None
        if self._trust_in(now, key, evidence, int(row[3])) < _TRUSTED:
            return None
        hour = None if moved or by_hours else self._one_hour(place)
        beat = Beat(now.period, now.phase, hour, int(row[3]) / 1e6, days, kept=often)
        if habit is None:
            return beat
        beat = attrs.evolve(beat, month=habit.comes.month)
        if not by_hours and habit.comes.weekdays:  # about midnight these are the days of the nights
            return attrs.evolve(beat, weekdays=habit.comes.weekdays, hour=None if hour is None else habit.comes.begins)
        if not by_hours:
            return beat
        by_weekday = habit.comes.by_weekday
        return attrs.evolve(
            beat, weekdays=habit.comes.weekdays or (() if by_weekday else days), by_weekday=by_weekday,
            hours=habit.comes.hours, spread=habit.comes.spread,
            words=habit.comes.often if now.period < DAY or often < _KEPT_RHYTHM else "",
            every=habit.comes.every, begins=habit.comes.begins,
        )  # fmt: skip

    def _one_hour(self, place: int) -> float | None:
        """Return at which second of the day an item comes, where that is always the same."""
        tables, day = self.finders.rhythms.tables, int(np.flatnonzero(PERIODS == DAY * 1e6)[0])
        n = int(tables["rows"].reshape(len(tables["keys"]), -1)[place, BEAT + 2 * day])
        east, north = tables["sums"].reshape(len(tables["keys"]), -1, 4)[place, day, :2].tolist()
        if math.hypot(east, north) < _ONE_HOUR * max(n, 1):
            return None
        return math.atan2(north, east) / (2.0 * math.pi) % 1.0 * DAY

    def _trust_in(self, now: _Now, key: int, evidence: Iterable[int], last: int | None) -> float:
        """Return the trust in a rhythm that last came at a moment."""
        begin = None if now.habit is None else now.habit.begin
        n = now.n if begin is None else now.n + min(now.n, _AGAIN)
        return self._trust(
            pattern_id("rhythm", key), n * now.strength, 0.886 * n**0.5, evidence, now.period * 1e6, last, begin
        )
