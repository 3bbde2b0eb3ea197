import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.strategies import NOON
from thoughtengine.config import Limits, RecallConfig
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.erase import plan_erasure
from thoughtengine.memory.experience import Affect, Experience, Memory
from thoughtengine.memory.forget import act, undo
from thoughtengine.memory.index.entry import Entry
from thoughtengine.memory.index.index import Index
from thoughtengine.memory.index.view import View
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.record import AppraisalRecord, MarkRecord, VectorRecord
from thoughtengine.memory.remember import draft, take
from thoughtengine.memory.where import parse_where
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import PAGE
from thoughtengine.storage.keyspace import APPRAISAL, CODE, TERMS
from thoughtengine.storage.ram import RamStore

NOW = to_stored("now", NOON)


class Mind:
    """A collection over a store in memory, and the two ways it learns of what is written."""

    def __init__(self, **options: Any) -> None:
        self.store = RamStore()
        self.collection = Collection(
            self.store, RecallConfig(), dimension=options.get("dimension"), fingerprint=options.get("fingerprint", "")
        )

    def remember(self, text: str = "tea", *, code: Any = None, fingerprint: str = "", **fields: Any) -> int:
        made = draft(Experience(text=text, **fields), now=NOW, limits=Limits())
        codes = [None if code is None else np.array(code, np.float32)]
        with self.store.writing:
            ids, taken = take(self.store, [made], codes, fingerprint=fingerprint)
            self.collection.live.added(taken)
        return ids[0]

    def act(self, verb: str, *ids: int) -> None:
        with self.store.writing:
            self.collection.live.marked(act(self.store, verb, ids, at=NOW[0]).marks)

    def undo(self, number: int) -> None:
        with self.store.writing:
            self.collection.live.marked(undo(self.store, number, at=NOW[0]).marks)

    def memory(self, id_: int, *, hidden: bool = False) -> Memory | None:
        return self.collection.memory(id_, NOW[0], hidden=hidden)

    def ids(self, **where: Any) -> list[int]:
        return self.collection.select(parse_where(**where), NOW[0]).tolist()

    def fresh(self) -> Collection:
        """A second collection over the same store: what loading gives."""
        mine = self.collection
        return Collection(self.store, RecallConfig(), dimension=mine.live.dimension, fingerprint=mine.live.fingerprint)


@pytest.fixture
def mind() -> Mind:
    return Mind()


# ------------------------------------------------------------------------------------------------ reading


def test_a_memory_is_put_together_from_its_rows(mind: Mind) -> None:
    id_ = mind.remember(
        "tea", key="k", source="Dana", tags=["a", "b"], episode="e", kind="n", payload={"x": [1]}, affect=Affect(0.5, 0.25),
        at="2024-05-01T12:00:00+02:00", layer="sensory",
    )  # fmt: skip
    memory = mind.memory(id_)
    assert memory is not None
    assert memory == Memory(
        id=1, key="k", layer="sensory", text="tea", at=dt.datetime.fromisoformat("2024-05-01T12:00:00+02:00"), source="Dana",
        tags=("a", "b"), episode="e", affect=Affect(0.5, 0.25), surprise=None, salience=0.5, payload={"x": [1]}, kind="n",
        strength=memory.strength, derived_from=(), superseded_by=None,
    )  # fmt: skip
    assert 0.5 < memory.strength < 0.95


def test_there_is_none_of_an_unknown_id(mind: Mind) -> None:
    assert mind.memory(1) is None
    assert mind.collection.record(1) is None
    assert mind.collection.mark(1) == MarkRecord()
    assert mind.collection.vector(1) is None


def test_surprise_and_salience_are_given_where_something_judged(mind: Mind) -> None:
    id_ = mind.remember()
    batch = Batch()
    batch.put(APPRAISAL, id_, AppraisalRecord(surprise=3.5, salience=0.9))
    mind.store.commit(batch)
    memory = mind.memory(id_)
    assert memory is not None
    assert (memory.affect, memory.surprise, memory.salience) == (None, 3.5, 0.9)


def test_a_forgotten_memory_is_not_there_unless_hidden_ones_count(mind: Mind) -> None:
    id_ = mind.remember()
    mind.act("forget", id_)
    assert mind.memory(id_) is None
    assert mind.memory(id_, hidden=True) is not None


def test_a_pinned_memory_is_eternal_and_does_not_fade(mind: Mind) -> None:
    id_ = mind.remember(at="1665-09-03T08:00:00+00:00", layer="logic")
    before = mind.memory(id_)
    assert before is not None
    assert before.strength < 0.5
    mind.act("pin", id_)
    after = mind.memory(id_)
    assert after is not None
    assert (after.layer, after.strength) == ("eternal", 1.0)
    mind.undo(1)
    assert mind.memory(id_) == before


def test_a_memory_of_the_future_is_as_strong_as_can_be(mind: Mind) -> None:
    memory = mind.memory(mind.remember(at="9999-12-31T23:59:59+00:00"))
    assert memory is not None
    assert memory.strength == 1.0


def test_memories_that_go_while_they_are_read_are_left_out(mind: Mind) -> None:
    for _ in range(3):
        mind.remember()
    reading = mind.collection.memories(np.array([1, 2, 3, 9]), NOW[0])
    assert next(reading).id == 1
    mind.act("forget", 2)
    assert [memory.id for memory in reading] == [3]


# ------------------------------------------------------------------------------------------------ the index, live and loaded


def state(collection: Collection) -> dict[str, Any]:
    """Give what an index knows, position by position."""
    view = collection.view()
    n, columns = view.n, view.columns
    names = {part: getattr(columns, part)[:n].tolist() for part in ("id", "at", "state", "successor", "fold", "length")}
    felt = {part: getattr(columns, part)[:n].tolist() for part in ("valence", "arousal")}
    return names | felt | {"vectors": vectors_of(view), "totals": view.totals}


def vectors_of(view: View) -> list[list[float] | None]:
    """Return the vector of each memory, to three digits."""
    found: list[list[float] | None] = [None] * view.n
    for segment in view.segments:
        if (block := segment.block) is not None:
            for row, vector in zip(block.rows.tolist(), block.vectors(slice(0, len(block))), strict=True):
                found[segment.start + row] = np.round(vector, 3).tolist()
    if view.newest is not None:
        for place, vector in zip(view.newest[0].tolist(), view.newest[1], strict=True):
            found[view.tail.start + place] = np.round(vector, 3).tolist()
    return found


WRITES: dict[str, Callable[[Mind], object]] = {
    "remember": lambda mind: mind.remember("coffee", source="Bob", tags=["x"]),
    "vector": lambda mind: mind.remember("with a vector", vector=[3, 4]),
    "feeling": lambda mind: mind.remember("with a feeling", affect=Affect(-0.5, 0.75)),
    "revise": lambda mind: mind.remember("milk", key="k"),
    "forget": lambda mind: mind.act("forget", 1, 2),
    "forget again": lambda mind: mind.act("forget", 2, 3),
    "pin": lambda mind: mind.act("pin", 2),
    "undo": lambda mind: mind.undo(mind.store.head.next_receipt - 1),
    "repeat": lambda mind: mind.remember("tea"),
    "many": lambda mind: [mind.remember(f"note {i}") for i in range(300)],
}


def test_a_live_index_equals_a_loaded_one_after_every_write(mind: Mind) -> None:
    for text in ("tea", "coffee", "water"):
        mind.remember(text, key="k", episode="e")
    mind.collection.view()
    for name, write in WRITES.items():
        write(mind)
        assert state(mind.collection) == state(mind.fresh()), name


def test_the_index_is_loaded_when_it_is_first_needed(mind: Mind) -> None:
    mind.remember()
    mind.memory(1)
    assert not mind.collection.live.loaded
    assert mind.ids() == [1]
    assert mind.collection.live.loaded


def test_dropped_rows_are_gone_from_the_next_look(mind: Mind) -> None:
    for _ in range(3):
        mind.remember()
    mind.ids()
    plan = plan_erasure(mind.store, [2])
    mind.store.rewrite(plan.drop, plan.batch, **plan.counters)
    mind.collection.live.dropped()
    assert mind.ids() == [1, 3]
    assert mind.remember() == 4
    assert mind.ids() == [1, 3, 4]


def test_entries_of_another_analysis_are_made_again_and_kept(mind: Mind) -> None:
    for _ in range(PAGE + 3):
        mind.remember()
    batch = Batch()
    for id_, entry in mind.store.rows(TERMS, Entry):
        batch.put(TERMS, id_, msgspec.structs.replace(entry, analysis="words 0", terms=b"", counts=b"", length=0))
    mind.store.commit(batch)
    assert mind.collection.view().totals.words == PAGE + 3
    sequence = mind.store.head.sequence
    assert mind.fresh().view().totals.words == PAGE + 3
    assert mind.store.head.sequence == sequence, "a second load has nothing left to write"


def test_what_another_thread_is_taking_in_is_waited_for(mind: Mind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has remembered sees it in the next look, also when the index is being brought up to date just then."""
    mind.remember()
    mind.collection.view()
    mind.remember()
    entered, release, seen = threading.Event(), threading.Event(), list[int]()
    extend = Index.extend

    def slow(self: Index, rows: Any, **how: int) -> None:
        entered.set()
        release.wait(10)
        extend(self, rows, **how)

    monkeypatch.setattr(Index, "extend", slow)
    first = threading.Thread(target=mind.collection.view)
    second = threading.Thread(target=lambda: seen.append(mind.collection.view().n))
    first.start()
    assert entered.wait(10)
    second.start()
    second.join(0.1)
    release.set()
    first.join()
    second.join()
    assert seen == [2]


class TrippingLock:
    """A lock that lets something happen just before it is first taken."""

    def __init__(self, happening: Callable[[], object]) -> None:
        self._lock, self._happening = threading.RLock(), happening
        self._armed = True

    def __enter__(self) -> None:
        if self._armed:
            self._armed = False
            self._happening()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_an_erasure_between_two_steps_of_a_look_loses_nothing(mind: Mind) -> None:
    mind.remember()
    mind.collection.view()
    mind.remember()

    def happening() -> None:
        mind.collection.live.dropped()
        mind.collection.view()
        mind.remember()

    mind.collection.live._lock = TrippingLock(happening)  # type: ignore[assignment]
    assert mind.collection.view().n == 3
    assert mind.ids() == [1, 2, 3]


# ------------------------------------------------------------------------------------------------ vectors


def test_the_first_vector_fixes_the_dimension(mind: Mind) -> None:
    assert mind.collection.live.dimension is None
    mind.remember(vector=[1, 2, 3])
    assert mind.collection.live.dimension == 3


def test_only_vectors_of_the_encoder_that_counts_are_in_the_index() -> None:
    mind = Mind(dimension=2, fingerprint="new")
    mind.remember("a", code=[1, 0], fingerprint="old")
    mind.remember("b", code=[0, 1], fingerprint="new")
    mind.remember("c", vector=[1, 1])
    mind.remember("d")
    vectors = vectors_of(mind.collection.view())
    assert [vector is not None for vector in vectors] == [False, True, True, False]


def test_a_vector_of_another_dimension_is_left_out() -> None:
    mind = Mind(dimension=2)
    id_ = mind.remember("a")
    batch = Batch()
    batch.put(CODE, id_, VectorRecord(data=b"\0\0\x80\x3f" * 3, fingerprint=""))
    mind.store.commit(batch)
    assert mind.collection.view().n_vectors == 0


def test_the_hosts_vector_is_given_back_and_the_encoders_is_not(mind: Mind) -> None:
    mind.remember(vector=[1, 2])
    mind.remember(code=[1, 2], fingerprint="toy")
    given = mind.collection.vector(1)
    assert given is not None
    assert given.tolist() == [1.0, 2.0]
    assert mind.collection.vector(2) is None


# ------------------------------------------------------------------------------------------------ export


def test_an_export_is_all_there_is_to_know(mind: Mind) -> None:
    mind.remember("tea", key="k", source="Dana", at="2024-05-01T12:00:00+02:00", payload={"b": b"\0"}, vector=[1, 2])
    mind.remember("milk", key="k", affect=Affect(0.5, 1), layer="eternal")
    mind.remember("likes tea", layer="logic", derived_from=[1])
    mind.act("forget", 1)
    mind.act("pin", 3)
    assert list(mind.collection.export()) == [
        {
            "id": 1, "layer": "sensory", "at": "2024-05-01T12:00:00+02:00", "text": "tea", "key": "k", "source": "Dana",
            "tags": [], "episode": None, "kind": None, "payload": {"b": b"\0"}, "derived_from": [], "supersedes": None,
            "origin": "host", "affect": None, "vector": [1.0, 2.0], "pinned": False, "forgotten": True,
        },
        {
            "id": 2, "layer": "eternal", "at": NOON.isoformat(), "text": "milk", "key": "k", "source": None, "tags": [],
            "episode": None, "kind": None, "payload": None, "derived_from": [], "supersedes": 1, "origin": "host",
            "affect": [0.5, 1.0], "vector": None, "pinned": False, "forgotten": False,
        },
        {
            "id": 3, "layer": "logic", "at": NOON.isoformat(), "text": "likes tea", "key": None, "source": None, "tags": [],
            "episode": None, "kind": None, "payload": None, "derived_from": [1], "supersedes": None, "origin": "host",
            "affect": None, "vector": None, "pinned": True, "forgotten": False,
        },
    ]  # fmt: skip
    assert [row["id"] for row in mind.collection.export(hidden=False)] == [2, 3]
