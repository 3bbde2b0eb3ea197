"""The engine on disk equals a plain-Python model under random operations, closed, killed and opened again at random."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import tempfile
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

import thoughtengine as te
from tests.strategies import LAYERS, Clock, admits, experiences, scaled, sentences, wheres


@attrs.define
class Row:
    """One memory as the model keeps it: what was given, and the receipts that stand upon it."""

    fields: dict[str, Any]
    at: dt.datetime
    supersedes: int | None
    forgotten: set[int] = attrs.field(factory=set)
    pinned: set[int] = attrs.field(factory=set)

    @property
    def content(self) -> tuple[Any, ...]:
        """Give what tells the same content under a key from a revision."""
        names = ("text", "layer", "source", "tags", "episode", "kind", "payload", "affect", "derived_from")
        return tuple(repr(self.fields.get(name)) for name in names)


class Model:
    """A mind in fifty lines: a dict of rows and a dict of receipts."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.receipts: dict[int, tuple[str, tuple[int, ...]]] = {}
        self.next_id = 1

    def named(self, key: str) -> int | None:
        return max((id_ for id_, row in self.rows.items() if row.fields.get("key") == key), default=None)

    def successor(self, id_: int) -> int | None:
        return max((other for other, row in self.rows.items() if row.supersedes == id_), default=None)

    def remember(self, fields: dict[str, Any], now: dt.datetime, *, supersedes: int | None = None) -> int:
        fields = fields | {"tags": tuple(dict.fromkeys(fields.get("tags", ())))}
        row, old = Row(fields, fields.get("at", now), supersedes), None
        if "key" in fields:
            old = self.named(fields["key"])
        if supersedes is None and old is not None and not self.rows[old].forgotten:
            if row.content == self.rows[old].content and ("at" not in fields or row.at == self.rows[old].at):
                return old
            row.supersedes = old
        self.rows[self.next_id] = row
        self.next_id += 1
        return self.next_id - 1

    def newest(self, id_: int) -> int:
        while (after := self.successor(id_)) is not None:
            id_ = after
        return id_

    def with_earlier(self, ids: list[int]) -> list[int]:
        """Give memories and what they replaced, which is forgotten with them."""
        found = dict.fromkeys(ids)
        for id_ in ids:
            earlier = self.rows[id_].supersedes
            while earlier is not None:
                if not self.rows[earlier].forgotten:
                    found[earlier] = None
                earlier = self.rows[earlier].supersedes
        return list(found)

    def act(self, verb: str, ids: list[int]) -> int:
        number = len(self.receipts) + 1
        self.receipts[number] = verb, tuple(dict.fromkeys(ids))
        for id_ in ids:
            {"forget": self.rows[id_].forgotten, "pin": self.rows[id_].pinned}[verb].add(number)
        return number

    def undo(self, number: int) -> tuple[int, ...]:
        verb, ids = self.receipts[number]
        standing = {id_: {"forget": row.forgotten, "pin": row.pinned}[verb] for id_, row in self.rows.items()}
        told = tuple(id_ for id_ in ids if id_ in self.rows and standing[id_] == {number})
        for id_ in ids:
            standing.get(id_, set()).discard(number)
        self.receipts[len(self.receipts) + 1] = "undo", told
        return told

    def erase(self, ids: list[int]) -> tuple[int, ...]:
        gone = set(ids)
        for id_ in sorted(self.rows):
            if gone & set(self.rows[id_].fields.get("derived_from", ())):
                gone.add(id_)
        erased = {id_: self.rows.pop(id_) for id_ in sorted(gone)}
        for row in self.rows.values():
            while row.supersedes in erased:
                row.supersedes = erased[row.supersedes].supersedes
        self.receipts[len(self.receipts) + 1] = "erase", tuple(erased)
        return tuple(erased)

    def memory(self, id_: int) -> te.Memory:
        """Give a visible memory as the engine would, but for its strength."""
        row = self.rows[id_]
        given = {
            name: row.fields.get(name) for name in ("key", "text", "source", "episode", "affect", "payload", "kind")
        }
        layer = "eternal" if row.pinned else row.fields["layer"]
        return te.Memory(
            id=id_, layer=layer, at=row.at, tags=row.fields["tags"], surprise=None, salience=0.5, strength=1.0,
            derived_from=row.fields.get("derived_from", ()), superseded_by=self.successor(id_), **given,
        )  # fmt: skip

    def visible(self) -> list[te.Memory]:
        return [self.memory(id_) for id_ in sorted(self.rows) if not self.rows[id_].forgotten]

    def matching(self, where: dict[str, Any], now: dt.datetime, *, hidden: bool = False) -> list[int]:
        ids = sorted(self.rows) if hidden else [memory.id for memory in self.visible()]
        return [id_ for id_ in ids if admits(self.memory(id_), where, now)]


def copied(folder: Path, target: Path) -> None:
    """Copy a folder that is in use as a kill would leave it: what is not in its files is lost.

    LevelDB hands every record to the system as it is written, so without a write running the files are all there is.
    Should it tidy up meanwhile, the copy is made again.
    """
    while True:
        shutil.rmtree(target, ignore_errors=True)
        with contextlib.suppress(shutil.Error, FileNotFoundError):
            before = listing(folder)
            shutil.copytree(folder, target)
            if listing(folder) == before:
                return


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    stats = ((path.relative_to(folder).as_posix(), path.stat()) for path in folder.rglob("*"))
    return {name: (stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats}


class LivesTwice(RuleBasedStateMachine):
    """Everything is done to a mind and to its model; both must give the same answers."""

    receipts = Bundle("receipts")

    def __init__(self) -> None:
        super().__init__()
        self.folder, self.n_lives = Path(tempfile.mkdtemp()), 0
        self.model, self.clock = Model(), Clock()
        self.mind = self.opened()

    def opened(self) -> te.ThoughtEngine:
        limits = te.Limits(batch=3)
        return te.open(self.folder / str(self.n_lives), clock=self.clock, config=te.Config(limits=limits))

    def pick(self, data: st.DataObject, *, visible: bool = True) -> int:
        ids = [memory.id for memory in self.model.visible()] if visible else sorted(self.model.rows)
        return data.draw(st.sampled_from(ids))

    # writing

    @initialize(many=st.lists(experiences(), min_size=1, max_size=6))
    def begin(self, many: list[dict[str, Any]]) -> None:
        self.remember_many(many)

    @rule(fields=experiences())
    def remember(self, fields: dict[str, Any]) -> None:
        assert self.mind.remember(**fields) == self.model.remember(fields, self.clock.now)

    @rule(data=st.data(), fields=experiences(keyed=False))
    @precondition(lambda self: self.model.rows)
    def conclude(self, data: st.DataObject, fields: dict[str, Any]) -> None:
        given = fields | {
            "layer": data.draw(st.sampled_from(["logic", "dream"])),
            "derived_from": (self.pick(data, visible=False),),
        }
        assert self.mind.remember(**given) == self.model.remember(given, self.clock.now)

    @rule(many=st.lists(experiences(), max_size=8))
    def remember_many(self, many: list[dict[str, Any]]) -> None:
        given = [te.Experience(**fields) for fields in many]
        assert self.mind.remember_many(iter(given)) == [self.model.remember(fields, self.clock.now) for fields in many]

    @rule(many=st.lists(experiences(), min_size=1, max_size=8), data=st.data())
    def remember_many_with_a_bad_one(self, many: list[dict[str, Any]], data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(many) - 1))
        given = [te.Experience(**fields) for fields in many]
        given[place] = te.Experience(text=" ")
        with pytest.raises(te.BatchError) as raised:
            self.mind.remember_many(given)
        error = raised.value
        assert error.index == place
        assert error.written == place // 3 * 3
        assert list(error.ids) == [self.model.remember(fields, self.clock.now) for fields in many[: error.written]]

    @rule(data=st.data(), text=sentences, by_key=st.booleans())
    @precondition(lambda self: self.model.visible())
    def revise(self, data: st.DataObject, text: str, by_key: bool) -> None:
        id_ = self.pick(data)
        name: Any = self.model.rows[id_].fields.get("key") if by_key else None
        old = self.model.newest(id_ if name is None else self.model.named(name) or 0)
        if self.model.rows[old].forgotten:
            with pytest.raises(te.MemoryNotFoundError):
                self.mind.revise(name or id_, text)
            return
        row = self.model.rows[old]
        kept = {
            part: value
            for part, value in row.fields.items()
            if part not in ("at", "affect") or row.fields["layer"] == "emotion"
        }
        kept.pop("at", None)
        expected = self.model.remember(kept | {"text": text}, self.clock.now, supersedes=old)
        assert self.mind.revise(name or id_, text) == expected

    # forgetting

    @rule(target=receipts, data=st.data(), verb=st.sampled_from(["forget", "pin"]), n=st.integers(1, 3))
    @precondition(lambda self: self.model.visible())
    def act(self, data: st.DataObject, verb: str, n: int) -> int:
        ids = [self.pick(data) for _ in range(n)]
        receipt = (self.mind.forget if verb == "forget" else self.mind.pin)(*ids)
        ids = self.model.with_earlier(ids) if verb == "forget" else ids
        assert receipt.ids == tuple(dict.fromkeys(ids))
        assert receipt.id == self.model.act(verb, ids)
        return receipt.id

    @rule(target=receipts, where=wheres().filter(bool))
    def forget_by_filter(self, where: dict[str, Any]) -> int:
        ids = self.model.matching(where, self.clock.now)
        receipt = self.mind.forget(**where)
        assert receipt.ids == tuple(ids)
        assert receipt.id == self.model.act("forget", ids)
        return receipt.id

    @rule(number=receipts)
    def undo(self, number: int) -> None:
        assert self.mind.undo(number).ids == self.model.undo(number)

    @rule(data=st.data(), n=st.integers(1, 2))
    @precondition(lambda self: self.model.rows)
    def erase(self, data: st.DataObject, n: int) -> None:
        ids = [self.pick(data, visible=False) for _ in range(n)]
        assert self.mind.forget(*ids, erase=True).ids == self.model.erase(ids)

    @rule(key=st.sampled_from(["drink", "car"]))
    def erase_by_key(self, key: str) -> None:
        if (named := self.model.named(key)) is None:
            with pytest.raises(te.MemoryNotFoundError):
                self.mind.forget(key, erase=True)
            return
        assert self.mind.forget(key, erase=True).ids == self.model.erase([named])

    @rule(where=wheres().filter(bool))
    def erase_by_filter(self, where: dict[str, Any]) -> None:
        everywhere = where if "layers" in where else where | {"layers": list(LAYERS)}
        ids = self.model.matching(everywhere, self.clock.now, hidden=True)
        assert self.mind.forget(**where, erase=True).ids == self.model.erase(ids)

    # time and lives

    @rule(days=st.integers(-3, 40))
    def wait(self, days: int) -> None:
        self.clock.move(days=days)

    @rule()
    def close_and_open(self) -> None:
        self.mind.close()
        self.mind = self.opened()

    @rule(index_loaded=st.booleans())
    def kill_and_open(self, index_loaded: bool) -> None:
        if index_loaded:
            self.mind.count()
        copied(self.folder / str(self.n_lives), self.folder / str(self.n_lives + 1))
        self.mind.close()
        shutil.rmtree(self.folder / str(self.n_lives))
        self.n_lives += 1
        self.mind = self.opened()

    # reading

    @rule(where=wheres(), newest_first=st.booleans(), after=st.none() | st.integers(-1, 12))
    def read_by_filter(self, where: dict[str, Any], newest_first: bool, after: int | None) -> None:
        expected = self.model.matching(where, self.clock.now)
        assert self.mind.count(**where) == len(expected)
        if after is not None:
            expected = [id_ for id_ in expected if (id_ < after if newest_first else id_ > after)]
        found = [memory.id for memory in self.mind.memories(**where, newest_first=newest_first, after=after)]
        assert found == (expected[::-1] if newest_first else expected)

    @rule(where=wheres(), data=st.data())
    @precondition(lambda self: self.model.visible())
    def recall_by_filter(self, where: dict[str, Any], data: st.DataObject) -> None:
        """Every memory that matches, has the word and stands is found, itself or as a repeat; none that does not match."""
        word = data.draw(st.sampled_from(["tea", "garden", "meeting", "dog"]))
        allowed = self.model.matching(where, self.clock.now)
        recall = self.mind.recall(word, k=1000, **where)
        found = {hit.id for hit in recall}
        assert found <= set(allowed)
        having = {id_ for id_ in allowed if word in (self.model.rows[id_].fields["text"] or "").split()}
        standing = {id_ for id_ in having if self.model.successor(id_) is None}
        assert len(standing - found) <= sum(hit.n_repeats for hit in recall)
        rank = {hit.id: place for place, hit in enumerate(recall)}
        for hit in recall:
            assert rank.get(hit.memory.superseded_by or 0, -1) < rank[hit.id], "nothing ranks above what took its place"
        again = self.mind.recall(word, k=1000, **where)
        assert [(hit.id, hit.score) for hit in again] == [(hit.id, hit.score) for hit in recall]

    @invariant()
    def they_hold_the_same(self) -> None:
        expected = self.model.visible()
        assert len(self.mind) == len(expected)
        found = list(self.mind.memories(layers=te.Not()))
        assert [attrs.evolve(memory, strength=1.0) for memory in found] == expected
        assert self.mind.remember_many([]) == []

    @invariant()
    def the_ends_are_found(self) -> None:
        for id_ in (0, self.model.next_id):
            assert id_ not in self.mind
        for key in ("drink", "car"):
            named = self.model.named(key)
            there = named is not None and not self.model.rows[named].forgotten
            assert (key in self.mind) == there
            if there:
                assert self.mind[key].id == named

    def teardown(self) -> None:
        try:
            assert self.mind.check() == []
            assert self.mind.health().incidents == ()
        finally:
            self.mind.close()
            shutil.rmtree(self.folder)


TestModel = LivesTwice.TestCase
TestModel.settings = settings(max_examples=min(300, scaled(60)), stateful_step_count=25)
