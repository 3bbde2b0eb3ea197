"""The public face, line by line: what each verb takes, refuses, gives back and leaves alone."""

import copy
import datetime as dt
import itertools
import logging
import math
import os
import threading
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thoughtengine as te
from tests.strategies import LONE, NOON, Clock, Odd, ToyEncoder, ToyTokenEncoder, admits, experiences, wheres


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mind(tmp_path: Path, clock: Clock) -> Iterator[te.ThoughtEngine]:
    with te.open(tmp_path / "mind", clock=clock) as mind:
        yield mind


def state(mind: te.ThoughtEngine) -> tuple[Any, ...]:
    """Give everything a verb could change: the counters, the memories, the pointer file."""
    pointer = mind._store.pointer
    return mind._store.head, list(mind.export()), pointer.dimension, pointer.encoder, pointer.generation


def texts(found: Any) -> list[str | None]:
    return [each.text for each in found]


def ids(found: Any) -> list[int]:
    return [each.id for each in found]


# ------------------------------------------------------------------------------------------------ open


def test_it_is_made_where_nothing_is_and_says_so(tmp_path: Path) -> None:
    for where, created in (("a", True), ("a", False), ("b/c/d", True)):
        with te.open(tmp_path / where) as mind:
            assert mind.created is created
            assert mind.path == os.path.realpath(tmp_path / where)
            assert len(mind) == 0


def test_one_log_line_gives_the_absolute_path(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.INFO, "thoughtengine"):
        te.open("mind").close()
    assert [record.getMessage() for record in caplog.records] == [
        f"made the mind at {os.path.realpath(tmp_path)}/mind: 0 memories"
    ]


def test_with_create_false_there_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(te.StoreNotFoundError):
        te.open(tmp_path / "mind", create=False)
    assert list(tmp_path.iterdir()) == []
    te.open(tmp_path / "mind").close()
    te.open(tmp_path / "mind", create=False).close()


class Without:
    """An encoder that lacks a part or has a wrong one."""

    name, dimension, fingerprint = "toy", 8, "toy-1"

    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)

    def __call__(self, texts: list[str]) -> Any:
        raise AssertionError


class NoTime(dt.tzinfo):
    """A zone that knows no offset."""


OPEN_WRONG: dict[str, list[Any]] = {
    "path": [None, 5, b"mind", "", "a\0b", LONE, os.fsdecode(b"\xff"), ["a"], Odd(), True],
    "create": [None, 1, "yes", Odd(), np.ones(2)],
    "durability": ["", "Power", "safe", None, True, 5, b"power", ["power"], Odd(), np.array(["process", "power"])],
    "timezone": ["", "Mars", "Europe", "../etc/passwd", "\0", LONE, 5, b"UTC", dt.timedelta(0), Odd()],
    "config": [{}, 5, "fast", te.Config, Odd()],
    "clock": [5, "now", NOON, Odd()],
    "encoder": [
        5, "toy", len, Odd(), ToyEncoder, Without(name=""), Without(name=5), Without(fingerprint=None),
        Without(dimension=0),
        Without(dimension=True), Without(dimension=8.0), Without(dimension="8"),
    ],
}  # fmt: skip
OPEN_CASES = [
    pytest.param(name, value, id=f"{name}-{i}") for name, many in OPEN_WRONG.items() for i, value in enumerate(many)
]


@pytest.mark.parametrize(("name", "value"), OPEN_CASES)
def test_open_refuses_what_it_cannot_use_and_makes_nothing(name: str, value: Any, tmp_path: Path) -> None:
    options = {"path": tmp_path / "mind"} | {name: value}
    with pytest.raises(te.InvalidArgumentError, match=f"^{name}: expected ") as raised:
        te.open(**options)
    assert raised.value.argument == name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mode", "readonly"])
def test_open_has_no_option_that_does_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        te.open(tmp_path / "mind", **{name: None})
    assert list(tmp_path.iterdir()) == []


def test_a_path_may_be_of_any_kind_that_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (
        "plain",
        Path("of pathlib"),
        "mit Ümläuten 月",
        "with space ",
        "./a/../b",
    ):
        with te.open(path) as mind:
            mind.remember("tea")
        assert te.check(path) == []


@pytest.mark.parametrize("durability", ["process", "power"])
def test_either_durability_works(durability: str, tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", durability=durability) as mind:
        mind.remember_many([te.Experience(text="tea")])
        mind.revise(1, "coffee")
        mind.undo(mind.forget(1))
        mind.pin(1)
        mind.forget(2, erase=True)
        assert mind.check() == []


def test_the_same_folder_twice_is_locked(mind: te.ThoughtEngine, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(mind.path)
    for path in (mind.path, tmp_path / "link"):
        with pytest.raises(te.StoreLockedError) as raised:
            te.open(path)
        assert raised.value.pid == os.getpid()
    mind.remember("still works")


# ------------------------------------------------------------------------------------------------ remember


def test_ids_grow_with_arrival_and_the_memory_is_there_at_once(mind: te.ThoughtEngine) -> None:
    for n in range(1, 6):
        assert mind.remember(f"note {n}", source="Dana") == n
        assert mind[n].text == f"note {n}"
        assert mind.recall(f"note {n}")[0].id == n
        assert len(mind) == mind.count() == n


def test_a_repeat_without_a_key_is_a_new_id_and_recall_folds_it(mind: te.ThoughtEngine) -> None:
    assert [mind.remember("tea please") for _ in range(3)] == [1, 2, 3]
    (hit,) = mind.recall("tea")
    assert hit.n_repeats == 2


REMEMBER_WRONG: dict[str, list[Any]] = {
    "text": [5, b"tea", "", " \n", LONE, "x" * (16 << 20) + "x", ["tea"]],
    "key": [5, "", " ", LONE, "k" * 1025],
    "at": [5, "now", "2024-05-08", dt.datetime(2024, 5, 8), dt.date(2024, 5, 8)],
    "source": [5, "", LONE, "s" * 1025],
    "tags": ["work", 5, [5], [""], [LONE], np.array([1])],
    "episode": [5, "", " "],
    "affect": [0.5, (0.1, 0.2), "happy"],
    "vector": [[], [0.0], [math.nan], [math.inf], "vector", [[1.0]], 5, ["a"]],
    "payload": [(1,), {1}, object(), math.nan, 1 << 64, {5: 5}, LONE],
    "kind": [5, "", LONE],
    "layer": ["", "limbo", None, 5],
    "derived_from": [[5], [0], "1", 5, None],
}
REMEMBER_CASES = [
    pytest.param(name, value, id=f"{name}-{i}") for name, many in REMEMBER_WRONG.items() for i, value in enumerate(many)
]


@pytest.mark.parametrize(("name", "value"), REMEMBER_CASES)
def test_a_wrong_argument_is_told_before_anything_is_written(name: str, value: Any, mind: te.ThoughtEngine) -> None:
    mind.remember("tea", key="k")
    before = state(mind)
    fields = {"text": "coffee"} | ({"layer": "logic"} if name == "derived_from" else {}) | {name: value}
    with pytest.raises((te.InvalidArgumentError, te.MemoryNotFoundError)) as raised:
        mind.remember(**fields)
    if isinstance(raised.value, te.InvalidArgumentError):
        assert raised.value.argument.split("[")[0] == name or (name, raised.value.argument) == ("derived_from", "layer")
    with pytest.raises(te.BatchError) as batch:
        mind.remember_many([te.Experience(text="tea"), te.Experience(**fields)])
    assert (batch.value.index, batch.value.written) == (1, 0)
    assert type(batch.value.__cause__) is type(raised.value)
    if name not in ("key", "layer", "derived_from") and value is not None:
        with pytest.raises(te.InvalidArgumentError):
            mind.revise("k", **{name: value})
    assert state(mind) == before


def test_an_unknown_argument_is_a_type_error(mind: te.ThoughtEngine) -> None:
    for call in (mind.remember, lambda **more: mind.revise(1, **more), lambda **more: te.Experience(text="x", **more)):
        with pytest.raises(TypeError):
            call(text="tea", colour="red")
    assert len(mind) == 0


def test_a_vector_of_another_dimension_is_refused(mind: te.ThoughtEngine) -> None:
    mind.remember(vector=[1, 2, 3])
    before = state(mind)
    calls: list[Callable[[], object]] = [
        lambda: mind.remember("tea", vector=[1, 2]),
        lambda: mind.revise(1, vector=[1, 2, 3, 4]),
        lambda: mind.recall([1, 2]),
        lambda: mind.recall(te.Cue("tea", vector=[1])),
    ]
    for call in calls:
        with pytest.raises(te.VectorDimensionError) as raised:
            call()
        assert raised.value.have == 3
    assert state(mind) == before


def test_a_failed_first_vector_fixes_nothing(mind: te.ThoughtEngine) -> None:
    with pytest.raises(te.MemoryNotFoundError):
        mind.remember("likes", vector=[1, 2, 3], layer="logic", derived_from=[7])
    with pytest.raises(te.BatchError) as raised:
        mind.remember_many([te.Experience(vector=[1, 2, 3]), te.Experience(vector=[1, 2])])
    assert raised.value.index == 1
    assert mind.remember(vector=[1, 2]) == 1


def test_the_hosts_buffer_may_be_used_again(mind: te.ThoughtEngine) -> None:
    buffer = np.array([1, 0], np.float32)
    mind.remember("east", vector=buffer)
    mind.recall([1.0, 0.0])
    mind.remember("also east", vector=buffer)
    buffer[:] = [0, 1]
    mind.remember("north", vector=buffer)
    assert texts(mind.recall([0.0, 1.0], k=1)) == ["north"]
    assert {hit.text: round(hit.why["dense"], 3) for hit in mind.recall([1.0, 0.0])}.keys() == {"east", "also east"}


@given(experiences(keyed=False))
def test_a_memory_comes_back_as_it_was_remembered(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]
) -> None:
    with te.open(tmp_path_factory.mktemp("x") / "mind", clock=Clock()) as mind:
        memory = mind[mind.remember(**fields)]
    for name, value in fields.items():
        assert getattr(memory, name) == (tuple(dict.fromkeys(value)) if name == "tags" else value), name
    assert memory.at == fields.get("at", NOON)


# ------------------------------------------------------------------------------------------------ remember_many


def many(n: int, *, start: int = 0) -> list[te.Experience]:
    return [te.Experience(text=f"note {start + i}", key=f"note-{start + i}") for i in range(n)]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[te.ThoughtEngine]:
    """A mind whose batches are of four experiences or a hundred bytes."""
    limits = te.Limits(batch=4, batch_bytes=100)
    with te.open(tmp_path / "mind", config=te.Config(limits=limits), clock=Clock()) as mind:
        yield mind


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 8, 9])
def test_many_are_remembered_in_order(small: te.ThoughtEngine, n: int) -> None:
    assert small.remember_many(iter(many(n))) == list(range(1, n + 1))
    assert small._store.head.sequence == 1 + math.ceil(n / 4)
    assert texts(small.memories()) == [f"note {i}" for i in range(n)]


def test_a_batch_is_closed_early_by_its_bytes(small: te.ThoughtEngine) -> None:
    small.remember_many([te.Experience(text="x" * 60), te.Experience(payload="y" * 60), te.Experience(text="z")])
    assert small._store.head.sequence == 1 + 2


@pytest.mark.parametrize("bad", range(10))
def test_a_bad_one_stops_at_its_batch(small: te.ThoughtEngine, bad: int) -> None:
    experiences = many(10)
    experiences[bad] = te.Experience(text=" ")
    with pytest.raises(te.BatchError, match=f"^experience {bad}: text: expected ") as raised:
        small.remember_many(experiences)
    error = raised.value
    assert (error.index, error.written) == (bad, bad // 4 * 4)
    assert error.ids == tuple(range(1, error.written + 1))
    assert len(small) == error.written
    assert isinstance(error.__cause__, te.InvalidArgumentError)
    experiences[bad] = te.Experience(text="mended", key=f"note-{bad}")
    assert small.remember_many(experiences[error.written :]) == list(range(error.written + 1, 11))


@pytest.mark.parametrize("bad", [1, 4, 6])
def test_one_that_only_the_store_can_tell_is_bad_is_named_too(small: te.ThoughtEngine, bad: int) -> None:
    small.remember(vector=[1, 2])
    for wrong in (te.Experience(vector=[1, 2, 3]), te.Experience(text="x", layer="logic", derived_from=[99])):
        experiences = [te.Experience(text="tea", layer="logic", derived_from=[1]) for _ in range(8)]
        experiences[bad] = wrong
        before = len(small)
        with pytest.raises(te.BatchError) as raised:
            small.remember_many(experiences)
        assert (raised.value.index, raised.value.written) == (bad, bad // 4 * 4)
        assert len(small) - before == bad // 4 * 4


@pytest.mark.parametrize("bad", ["tea", None, 5, {"text": "tea"}, te.Experience])
def test_what_is_no_experience_is_a_bad_one(small: te.ThoughtEngine, bad: Any) -> None:
    with pytest.raises(te.BatchError, match=r"experience 5: experiences: expected te.Experience") as raised:
        small.remember_many([*many(5), bad])
    assert (raised.value.index, raised.value.written) == (5, 4)


@pytest.mark.parametrize("given", [None, 5, "tea", b"bytes", te.Experience(text="tea"), object()])
def test_many_are_an_iterable(small: te.ThoughtEngine, given: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^experiences: expected an iterable of te.Experience"):
        small.remember_many(given)


def test_of_an_endless_stream_what_was_read_before_it_broke_is_there(small: te.ThoughtEngine) -> None:
    def stream() -> Iterator[te.Experience]:
        for i in itertools.count():
            if i == 10:
                raise ConnectionError("the line is down")
            yield te.Experience(text=f"note {i}")

    with pytest.raises(ConnectionError):
        small.remember_many(stream())
    assert len(small) == 8
    assert small.remember_many(itertools.islice(stream(), 6)) == [9, 10, 11, 12, 13, 14]


def test_a_stream_may_look_into_the_mind_meanwhile(small: te.ThoughtEngine) -> None:
    seen = list[int]()

    def stream() -> Iterator[te.Experience]:
        for i in range(9):
            seen.append(len(small))
            small.remember("in between")
            yield te.Experience(text=f"note {i}")

    small.remember_many(stream())
    assert seen == [0, 1, 2, 3, 8, 9, 10, 11, 16]
    assert len(small) == 18


def test_many_with_keys_can_be_sent_again(small: te.ThoughtEngine) -> None:
    assert small.remember_many(many(6)) == small.remember_many(many(6)) == [1, 2, 3, 4, 5, 6]
    assert len(small) == 6


def test_one_object_that_changes_is_taken_as_it_was_each_time(small: te.ThoughtEngine) -> None:
    shared = {"n": 0}

    def stream() -> Iterator[te.Experience]:
        for n in range(6):
            shared["n"] = n
            yield te.Experience(payload=shared)

    small.remember_many(stream())
    assert [memory.payload["n"] for memory in small.memories()] == [0, 1, 2, 3, 4, 5]


# ------------------------------------------------------------------------------------------------ keys and revisions


def test_a_key_names_the_newest(mind: te.ThoughtEngine) -> None:
    assert [mind.remember(text, key="drink") for text in ("tea", "tea", "coffee", "coffee", "tea")] == [1, 1, 2, 2, 3]
    assert [mind[i].superseded_by for i in (1, 2, 3)] == [2, 3, None]
    assert mind["drink"].id == 3
    assert len(mind) == 3


def test_a_key_is_free_again_after_forgetting(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", key="drink")
    receipt = mind.forget("drink")
    assert "drink" not in mind
    assert mind.get("drink") is None
    assert mind.remember("tea", key="drink") == 2
    assert mind["drink"].superseded_by is None
    mind.undo(receipt)
    assert ids(mind.memories()) == [1, 2]
    assert mind["drink"].id == 2
    assert mind.check() == []


def test_a_key_is_free_again_after_erasing(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", key="drink")
    mind.forget("drink", erase=True)
    assert mind.get("drink") is None
    assert mind.remember("tea", key="drink") == 2


def test_after_erasing_the_newest_the_key_names_the_one_before(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", key="drink")
    mind.remember("coffee", key="drink")
    mind.forget(2, erase=True)
    assert (mind["drink"].id, mind["drink"].superseded_by) == (1, None)


def test_with_a_revision_what_it_replaced_is_forgotten(mind: te.ThoughtEngine) -> None:
    mind.remember("The boiler man comes on Thursday.", key="boiler")
    mind.revise("boiler", "The boiler man comes on Friday.")
    receipt = mind.forget("boiler")
    assert (sorted(receipt.ids), len(mind), len(mind.recall("when does the boiler man come"))) == ([1, 2], 0, 0)
    assert sorted(mind.undo(receipt).ids) == [1, 2]
    assert mind.forget(2).ids == receipt.ids, "an id and a key of one memory mean the same"
    assert mind.check() == []


def test_a_revision_inherits_what_is_left_out(mind: te.ThoughtEngine, clock: Clock) -> None:
    fields: dict[str, Any] = {
        "source": "Dana", "tags": ("a", "b"), "episode": "e", "payload": {"x": [1]}, "kind": "note", "key": "k",
        "layer": "eternal",
    }  # fmt: skip
    old = mind.remember("tea", at="2020-01-01T00:00:00+00:00", affect=te.Affect(1, 1), vector=[1, 2], **fields)
    clock.move(days=1)
    new = mind[mind.revise(old, "coffee")]
    for name, value in fields.items():
        assert getattr(new, name) == value, name
    assert (new.text, new.at, new.affect) == ("coffee", clock.now, None)
    assert mind[old].text == "tea"
    assert mind[old].superseded_by == new.id
    assert mind["k"] == new


@pytest.mark.parametrize(
    "change",
    [
        {"text": "coffee"}, {"text": None}, {"source": "Bob"}, {"source": None}, {"tags": ["c"]}, {"tags": ()},
        {"episode": None},
        {"payload": None}, {"payload": 0}, {"kind": None}, {"at": "2020-01-01T00:00:00+00:00"}, {"affect": te.Affect(0,
        1)},
        {"vector": [3, 4]},
    ],
)  # fmt: skip
def test_any_field_alone_can_be_revised(mind: te.ThoughtEngine, change: dict[str, Any]) -> None:
    mind.remember("tea", source="Dana", tags=["a"], episode="e", payload=[1], kind="note")
    memory = mind[mind.revise(1, **change)]
    ((name, value),) = change.items()
    if name != "vector":
        given = getattr(memory, name)
        assert given == (
            tuple(value) if name == "tags" else dt.datetime.fromisoformat(value) if name == "at" else value
        )


def test_revising_an_old_one_revises_the_newest(mind: te.ThoughtEngine) -> None:
    mind.remember("a")
    assert [mind.revise(1, text) for text in "bcd"] == [2, 3, 4]
    assert [mind[i].superseded_by for i in range(1, 5)] == [2, 3, 4, None]


def test_revising_by_key(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", key="drink")
    assert mind.revise("drink", "coffee") == 2
    assert mind["drink"].text == "coffee"


def test_revising_needs_something_that_changes_and_something_to_change(mind: te.ThoughtEngine) -> None:
    mind.remember("tea")
    before = state(mind)
    with pytest.raises(te.InvalidArgumentError, match="at least one field that changes"):
        mind.revise(1)
    for missing in (2, "drink", LONE, 10**30):
        with pytest.raises(te.MemoryNotFoundError):
            mind.revise(missing, "coffee")
    for wrong in (None, 1.0, b"k", [1]):
        with pytest.raises(te.InvalidArgumentError):
            mind.revise(wrong, "coffee")  # type: ignore[arg-type]
    assert state(mind) == before


def test_what_was_forgotten_is_not_revised(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", key="drink")
    receipt = mind.forget(1)
    for name in (1, "drink"):
        with pytest.raises(te.MemoryNotFoundError, match=r"it was forgotten; mind.undo"):
            mind.revise(name, "coffee")
    mind.undo(receipt)
    assert mind.revise("drink", "coffee") == 2


@pytest.mark.parametrize("pinned", [False, True])
def test_a_feeling_keeps_its_affect_when_it_is_revised(mind: te.ThoughtEngine, pinned: bool) -> None:
    mind.remember("joy", affect=te.Affect(1, 1), layer="emotion")
    if pinned:
        mind.pin(1)
    assert mind[mind.revise(1, "great joy")].affect == te.Affect(1, 1)
    assert mind[mind.revise(1, "grief", affect=te.Affect(-1, 1))].affect == te.Affect(-1, 1)


@pytest.mark.parametrize("affect", [0, False, "", (), np.zeros(3)], ids=["zero", "false", "text", "tuple", "array"])
def test_a_wrong_affect_of_a_revision_is_not_taken_for_none(mind: te.ThoughtEngine, affect: Any) -> None:
    mind.remember("tea")
    with pytest.raises(te.InvalidArgumentError, match=r"^affect: expected te\.Affect"):
        mind.revise(1, "coffee", affect=affect)


def test_conclusions_keep_their_evidence_when_they_are_revised(mind: te.ThoughtEngine) -> None:
    mind.remember("tea")
    mind.remember("likes tea", layer="logic", derived_from=[1])
    assert mind[mind.revise(2, "loves tea")].derived_from == (1,)


def choir(mind: te.ThoughtEngine, clock: Clock) -> tuple[int, int, int]:
    """Remember what was replaced, what replaced it, and what says the same as that and is found for more than it."""
    old = mind.remember(
        "The choir meets in the blue hall on Friday.", source="Dana", key="choir", at="2024-01-10T09:00Z"
    )
    new = mind.revise("choir", "Cancelled.", at="2024-01-20T09:00Z")
    same = mind.remember("Cancelled.", source="Dana", at=clock() - dt.timedelta(days=1), tags=["choir", "blue hall"])
    others = "The baker opens at six.", "Nothing is on at the harbour.", "We painted the fence.", "The lamp flickers."
    mind.remember_many(te.Experience(text=text, source="Iris", at="2024-02-01T00:00Z") for text in others)
    return old, new, same


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("k", [1, 10])
def test_what_repeats_a_revision_stands_for_it_above_what_it_replaced(
    mind: te.ThoughtEngine, clock: Clock, quote: str, k: int
) -> None:
    old, _, same = choir(mind, clock)
    found = mind.recall(f"does {quote}the choir meet in the blue hall{quote} yesterday?", k=k)
    assert ids(found)[:2] == [same, old][:k]
    assert [hit.score for hit in found] == [pytest.approx(sum(hit.why.values())) for hit in found]
    assert found[0].n_repeats == 1


@pytest.mark.parametrize("k", [1, 10])
def test_where_a_filter_hides_the_newest_what_repeats_the_one_before_stands_for_it(
    mind: te.ThoughtEngine, k: int
) -> None:
    same = mind.remember("The meeting is in room five.", source="Dana", at="2024-01-05T00:00Z")
    old = mind.remember("The meeting is in the blue hall.", source="Dana", key="k", at="2024-02-01T00:00Z")
    mind.revise("k", "The meeting is in room five.", at="2024-02-02T00:00Z")
    mind.revise("k", "The meeting is cancelled.", at="2024-02-03T00:00Z")
    found = mind.recall("is the meeting in the blue hall?", until="2024-02-03T00:00Z", k=k)
    assert ids(found) == [same, old][:k]


def test_what_was_superseded_stands_for_nothing_that_was_not(mind: te.ThoughtEngine) -> None:
    mind.remember("It is at Iris's.", source="Dana")
    mind.remember("The key is under the blue pot.", source="Dana", key="k")
    mind.revise("k", "It is at Iris's.")
    mind.revise("k", "It hangs in the garage now.", source="Iris")
    mind.forget(sources="Iris")
    assert [(hit.id, hit.n_repeats) for hit in mind.recall("blue pot")] == [(3, 0), (2, 0)]
    assert [(hit.id, hit.n_repeats) for hit in mind.recall("blue pot Iris")] == [(1, 0), (2, 0)]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5))),
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3),
)
def test_nothing_superseded_is_surer_than_what_replaced_it(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[int, list[str]]], cue: list[str]
) -> None:
    with te.open(tmp_path_factory.mktemp("mind")) as mind:
        mind.remember_many(te.Experience(text=" ".join(words) + " tea", key=str(key)) for key, words in said)
        for least in (None, 0.05, 0.1, 0.2, 0.3, 0.5):
            found = mind.recall(" ".join(cue), min_chance=least)
            chances = {hit.text: hit.chance for hit in found}
            for hit in found:
                newest = mind[str(key)] if (key := mind[hit.id].key) is not None else hit.memory
                if newest.id != hit.id:
                    assert chances[newest.text] >= hit.chance
                    assert texts(found).index(newest.text) < ids(found).index(hit.id) or newest.text == hit.text


def test_a_page_shows_nothing_superseded_without_what_replaced_it(mind: te.ThoughtEngine) -> None:
    mind.remember("Take two of the white pills each morning.", source="Dana", key="pills", at="2024-01-01T09:00Z")
    said = "Stop at once and take none of them, as they do not go together with the other medicine; " * 3
    mind.revise("pills", said, at="2024-01-05T09:00Z")
    mind.remember_many(te.Experience(text=f"Took the dog out, lap {n}.", source="Dana") for n in range(10))
    found = mind.recall("how many white pills should I take each morning?")
    pages = [found.context(tokens) for tokens in range(10, 300, 10)]
    assert all("[2] Dana" in page for page in pages if "[1] Dana" in page)
    assert sum("[1] Dana" in page for page in pages) > 5


def test_a_page_names_the_version_that_stands_on_it(mind: te.ThoughtEngine) -> None:
    mind.remember("The key is under the blue pot.", key="k", at="2024-01-01T00:00Z")
    mind.revise("k", "It is at the office.", at="2024-01-02T00:00Z")
    mind.revise("k", "It hangs in the garage.", at="2024-01-03T00:00Z")
    assert "[1] The key is under the blue pot. (replaced by [3])" in mind.recall("blue pot").context(200)


def test_what_was_superseded_never_ranks_above_what_took_its_place(mind: te.ThoughtEngine) -> None:
    mind.remember("Dana drinks coffee, coffee and again coffee", source="Dana")
    mind.revise(1, "tea")
    mind.revise(1, "water")
    for cue in ("coffee", "Dana coffee", "drinks", "tea", "water", "Dana"):
        order = ids(mind.recall(cue))
        assert order == sorted(order, reverse=True), cue


# ------------------------------------------------------------------------------------------------ reading


def test_a_memory_is_had_by_id_or_key(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", key="drink")
    assert mind[1] == mind["drink"] == mind.get(1) == mind.get("drink")
    assert 1 in mind
    assert "drink" in mind


@pytest.mark.parametrize("what", [0, 2, -1, "food", "", LONE, 10**30, 10**400])
def test_what_is_not_there(mind: te.ThoughtEngine, what: Any) -> None:
    mind.remember("tea", key="drink")
    with pytest.raises(te.MemoryNotFoundError) as raised:
        mind[what]
    assert raised.value.id_or_key == what
    assert isinstance(raised.value, KeyError)
    assert what not in mind
    assert mind.get(what) is None
    assert mind.get(what, "nothing") == "nothing"


@pytest.mark.parametrize("what", [None, True, 1.0, b"drink", [1], slice(0, 1), Odd(), np.ones(2)])
def test_what_is_neither_id_nor_key(mind: te.ThoughtEngine, what: Any) -> None:
    for call in (mind.__getitem__, mind.get, mind.forget, mind.pin):
        with pytest.raises(te.InvalidArgumentError, match="an id \\(int\\) or a key \\(str\\)"):
            call(what)
    assert what not in mind


def test_it_is_told_whether_it_was_forgotten_or_erased(mind: te.ThoughtEngine) -> None:
    mind.remember_many(many(2))
    mind.forget(1)
    mind.forget(2, erase=True)
    with pytest.raises(te.MemoryNotFoundError, match=r"no memory with id 1: it was forgotten; mind.undo"):
        mind[1]
    with pytest.raises(te.MemoryNotFoundError, match="no memory with id 2: it was erased"):
        mind[2]


def test_iterating_gives_what_happened_and_len_counts_all(mind: te.ThoughtEngine) -> None:
    mind.remember("tea")
    mind.remember("likes tea", layer="logic")
    assert texts(mind) == ["tea"]
    assert (len(mind), mind.count(), bool(mind)) == (2, 1, True)


def test_an_empty_mind_is_true(mind: te.ThoughtEngine) -> None:
    assert bool(mind)
    assert list(mind) == []


def test_paging_both_ways(mind: te.ThoughtEngine) -> None:
    mind.remember_many(many(10))
    mind.forget(4, 7)
    for newest_first in (False, True):
        whole = ids(mind.memories(newest_first=newest_first))
        assert whole == sorted(whole, reverse=newest_first)
        pages, after = list[int](), None
        while page := ids(itertools.islice(mind.memories(newest_first=newest_first, after=after), 3)):
            pages += page
            after = page[-1]
        assert pages == whole == sorted({1, 2, 3, 5, 6, 8, 9, 10}, reverse=newest_first)


@pytest.mark.parametrize(
    ("after", "up", "down"), [(-5, [1, 2], []), (0, [1, 2], []), (1, [2], []), (2, [], [1]), (10**30, [], [2, 1])]
)
def test_a_page_may_begin_anywhere(mind: te.ThoughtEngine, after: int, up: list[int], down: list[int]) -> None:
    mind.remember_many(many(2))
    assert ids(mind.memories(after=after)) == up
    assert ids(mind.memories(after=after, newest_first=True)) == down


@pytest.mark.parametrize("after", [True, 1.0, "1", [1], Odd()])
def test_a_page_begins_behind_an_id(mind: te.ThoughtEngine, after: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^after: expected the id of a memory"):
        mind.memories(after=after)


@pytest.mark.parametrize("newest_first", [None, 1, "yes"])
def test_the_order_is_a_bool(mind: te.ThoughtEngine, newest_first: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^newest_first: expected True or False"):
        mind.memories(newest_first=newest_first)


def test_reading_is_lazy_and_stands_on_the_moment_it_was_asked(mind: te.ThoughtEngine) -> None:
    mind.remember_many(many(3))
    reading = mind.memories()
    mind.remember("later")
    mind.forget(2)
    assert ids(reading) == [1, 3]


# ------------------------------------------------------------------------------------------------ filters


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[te.ThoughtEngine]:
    """Sixty memories of every kind, some of them pinned, some forgotten."""
    from hypothesis import Phase, find, seed, settings  # noqa: F401

    with te.open(tmp_path_factory.mktemp("varied") / "mind", clock=Clock()) as mind:
        parts = itertools.product(("sensory", "emotion", "logic", "dream", "eternal"), range(12))
        for i, (layer, n) in enumerate(parts):
            mind.remember(
                f"note {i}", layer=layer, affect=te.Affect(0, 0), at=NOON - dt.timedelta(days=(37 * i) % 397),
                source=(None, "Dana", "Bob", "dana", "Zoë")[i % 5], tags=(("work",), ("home", "work"), (),
                ("Work",))[n % 4],
                episode=(None, "Dana", " x ")[n % 3], kind=(None, "Bob", "nul\0l")[i % 3],
            )  # fmt: skip
        mind.pin(3, 20, 30, 45)
        mind.forget(5, 20, 33)
        yield mind


@given(wheres())
def test_filters_are_what_plain_python_would_choose(varied: te.ThoughtEngine, where: dict[str, Any]) -> None:
    everything = [varied[i] for i in range(1, 61) if i in varied]
    expected = [memory.id for memory in everything if admits(memory, where, NOON)]
    assert ids(varied.memories(**where)) == expected
    assert ids(varied.memories(**where, newest_first=True)) == expected[::-1]
    assert varied.count(**where) == len(expected)
    assert set(ids(varied.recall("note", k=100, **where))) <= set(expected)


@pytest.mark.parametrize("verb", ["memories", "count", "recall", "forget", "erase"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layers", "limbo"), ("layers", ["sensory", "limbo"]), ("layers", 5), ("layers", [None]), ("sources", 5),
        ("sources", b"Dana"), ("sources", [5]), ("sources", te.All("Dana")), ("tags", 5), ("tags", [["a"]]),
        ("episode", te.All("a")),
        ("kind", {"a": 1}), ("since", "yesterday"), ("since", dt.datetime(2024, 5, 8)), ("since", 5), ("until",
        "2024-05-08"),
        ("min_strength", -0.1), ("min_strength", 1.1), ("min_strength", math.nan), ("min_strength", "1"),
        ("min_strength", True),
        ("source", "Dana"), ("tag", "a"), ("hidden", True), ("text", "tea"), ("self", 1),
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_used_is_refused(mind: te.ThoughtEngine, verb: str, name: str, value: Any) -> None:
    mind.remember("tea")
    before = state(mind)
    calls: dict[str, Callable[..., object]] = {
        "memories": mind.memories, "count": mind.count, "recall": lambda **where: mind.recall("tea", **where),
        "forget": mind.forget,
        "erase": lambda **where: mind.forget(erase=True, **where),
    }  # fmt: skip
    with pytest.raises(TypeError if name == "self" else te.InvalidArgumentError) as raised:
        calls[verb](**{name: value})
    if isinstance(raised.value, te.InvalidArgumentError):
        assert raised.value.argument == name
    assert state(mind) == before


def test_who_excludes_nobody_excludes_nobody(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", tags=["a"], source="Dana")
    for name in ("sources", "tags", "episode", "kind"):
        assert mind.count(**{name: te.Not()}) == mind.count(**{name: [te.Not()]}) == 1
        assert mind.count(**{name: []}) == 0
    assert mind.count(tags=te.All()) == mind.count(tags=[te.All(), te.Not()]) == 1


def test_a_lone_surrogate_in_a_filter_matches_nothing(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", tags=["a"], source="Dana")
    for name in ("sources", "tags", "episode", "kind"):
        assert mind.count(**{name: LONE}) == 0
        assert mind.count(**{name: te.Not(LONE)}) == 1


# ------------------------------------------------------------------------------------------------ recall


def test_recall_finds_says_why_and_prints_a_line_a_hit(mind: te.ThoughtEngine) -> None:
    mind.remember("I gave up coffee in March.\nTea only now.", source="Dana")
    mind.remember("The meeting is at nine", source="Bob")
    recall = mind.recall("what should I offer Dana?")
    assert recall[0].text == "I gave up coffee in March.\nTea only now."
    for hit in recall:
        assert math.isclose(sum(hit.why.values()), hit.score)
        assert str(hit.why)
        assert hit.id == hit.memory.id
        assert (hit.at, hit.source) == (hit.memory.at, hit.memory.source)
    assert len(str(recall).splitlines()) == len(recall)
    assert recall[:1] == (recall[0],)
    assert recall.cue == te.Cue("what should I offer Dana?")
    assert recall.id != mind.recall("tea").id
    assert str(mind.recall("zzz")).startswith("nothing found among 2 memories")


@pytest.mark.parametrize(
    "cue",
    [None, 5, "", " ", b"tea", {}, [], ["tea"], [math.nan], [[1.0]], object(), True, te.Cue, "x" * (16 << 20) + "x"],
)
def test_a_cue_that_cannot_be_used(mind: te.ThoughtEngine, cue: Any) -> None:
    with pytest.raises(te.InvalidArgumentError):
        mind.recall(cue)


@pytest.mark.parametrize("k", [0, -1, 10_001, 1.0, "3", None, True, 10**400, Odd()])
def test_a_number_of_hits_that_cannot_be_used(mind: te.ThoughtEngine, k: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^k: expected a whole number from 1 to 10,000"):
        mind.recall("tea", k=k)


@pytest.mark.parametrize(
    "parts",
    [
        {}, {"text": ""}, {"text": 5}, {"text": " "}, {"text": LONE}, {"at": "now"}, {"at": dt.datetime(2024, 5, 8)},
        {"at": 5},
        {"episode": 5}, {"vector": []}, {"vector": [math.inf]}, {"vector": "abc"}, {"vector": [[1]]}, {"vector": 5},
        {"vector": [0, 0]},
        {"vector": [True]}, {"vector": Odd()},
    ],
)  # fmt: skip
def test_a_cue_has_usable_parts(mind: te.ThoughtEngine, parts: dict[str, Any]) -> None:
    mind.remember("tea", vector=[1, 2])
    with pytest.raises(te.InvalidArgumentError):
        mind.recall(te.Cue(**parts))


def test_every_part_of_a_cue_works_alone(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", episode="e", vector=[1, 0], at="2020-01-01T00:00:00+00:00")
    mind.remember("coffee", episode="f", vector=[0, 1], at="2024-01-01T00:00:00+00:00")
    cues = [
        te.Cue("tea"),
        te.Cue(vector=[1, 0]),
        te.Cue(at="2020-01-02T00:00:00+00:00"),
        te.Cue(episode="e"),
        "tea",
        [1.0, 0.0],
    ]
    cues += [(1, 0), np.array([1, 0])]
    for cue in cues:
        assert mind.recall(cue)[0].text == "tea", cue


@pytest.mark.parametrize(
    "cue", ["?!", "\0", "\U0001f600", "a" * 100_000, "the of and", "2024-05-08", "9" * 500, "yesterday " * 50, "\u202e"]
)
def test_any_text_is_a_cue(mind: te.ThoughtEngine, cue: str) -> None:
    mind.remember("tea and the rest of it")
    assert len(mind.recall(cue)) <= 1


def test_recall_of_an_empty_mind_is_empty(mind: te.ThoughtEngine) -> None:
    for cue in ("tea", te.Cue(vector=[1, 2]), te.Cue(at=NOON), te.Cue(episode="e")):
        recall = mind.recall(cue)
        assert list(recall) == []
        assert not recall
        assert (recall.n_candidates, recall.n_memories) == (0, 0)


def test_looking_changes_nothing(mind: te.ThoughtEngine) -> None:
    mind.remember_many(
        [te.Experience(text=f"tea number {i}", source="Dana", episode="e", vector=[i, 1]) for i in range(50)]
    )
    before, files = state(mind), sorted(Path(mind.path).rglob("*"))
    cues: list[Any] = ["tea number 7", "Dana", te.Cue("tea", vector=[3, 1], episode="e", at=NOON), [1.0, 2.0]]
    first = [mind.recall(cue, k=20) for cue in cues]
    for _ in range(3):
        for cue, recall in zip(cues, first, strict=True):
            again = mind.recall(cue, k=20)
            assert [(hit.id, hit.score, dict(hit.why)) for hit in again] == [
                (h.id, h.score, dict(h.why)) for h in recall
            ]
    assert state(mind) == before
    assert sorted(Path(mind.path).rglob("*")) == files


def test_recall_stops_at_k(mind: te.ThoughtEngine) -> None:
    mind.remember_many(many(30))
    assert [len(mind.recall("note", k=k)) for k in (1, 7, 10_000)] == [1, 7, 30]
    assert len(mind.recall("note")) == 10


# ------------------------------------------------------------------------------------------------ forget, pin, undo


def test_nothing_given_is_an_error_and_so_is_everything(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", source="Dana")
    before = state(mind)
    for call in (
        mind.forget, lambda: mind.forget(erase=True), mind.pin, lambda: mind.forget(1,
        sources="Dana"),
        lambda: mind.forget(sources=None), lambda: mind.forget(sources=None, erase=True),
        lambda: mind.forget(layers=None, tags=None),
    ):  # fmt: skip
        with pytest.raises(te.InvalidArgumentError, match=r"^ids: expected either ids"):
            call()
    assert state(mind) == before


@pytest.mark.parametrize("erase", [None, 1, "yes", 0])
def test_erase_is_a_bool(mind: te.ThoughtEngine, erase: Any) -> None:
    mind.remember("tea")
    with pytest.raises(te.InvalidArgumentError, match=r"^erase: expected True or False"):
        mind.forget(1, erase=erase)
    assert 1 in mind


@pytest.mark.parametrize("verb", ["forget", "pin", "erase"])
def test_one_that_is_not_there_and_nothing_is_done(mind: te.ThoughtEngine, verb: str) -> None:
    mind.remember_many(many(3))
    before = state(mind)
    call: Callable[..., object] = (
        (lambda *given: mind.forget(*given, erase=True)) if verb == "erase" else getattr(mind, verb)
    )
    for missing in (9, "drink", 0, 10**30, LONE):
        with pytest.raises(te.MemoryNotFoundError):
            call(1, missing)
    assert state(mind) == before


def test_forgetting_hides_from_every_verb_and_undo_shows_again(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", source="Dana", key="drink")
    mind.remember("coffee")
    before = state(mind)[1]
    receipt = mind.forget(1)
    assert (receipt.verb, receipt.ids) == ("forget", (1,))
    assert 1 not in mind
    assert "drink" not in mind
    assert (len(mind), mind.count(), mind.stats().forgotten) == (1, 1, 1)
    assert ids(mind.memories(layers=te.Not())) == [2]
    assert ids(mind.recall("tea Dana")) == []
    for again in (mind.forget, mind.pin):
        with pytest.raises(te.MemoryNotFoundError, match=r"it was forgotten already|it was forgotten"):
            again(1)
    assert mind.undo(receipt).ids == (1,)
    assert state(mind)[1] == before
    assert ids(mind.recall("tea Dana")) == [1]


def test_forgetting_by_filter(mind: te.ThoughtEngine) -> None:
    for i in range(6):
        mind.remember(f"note {i}", source="Dana" if i % 2 else "Bob", layer="sensory" if i < 4 else "dream")
    assert mind.forget(sources="Dana").ids == (2, 4), "what was concluded only when named"
    assert mind.forget(sources="Dana", layers="dream").ids == (6,)
    assert mind.forget(sources="nobody").ids == ()
    assert len(mind) == 3


def test_with_a_revision_goes_what_it_replaced(mind: te.ThoughtEngine) -> None:
    """Else "I drink coffee" would be true again as soon as its correction is forgotten."""
    mind.remember("coffee", key="drink")
    mind.revise("drink", "tea")
    mind.remember("milk", key="drink")
    mind.remember("something else")
    for what in (3, "drink"):
        receipt = mind.forget(what)
        assert receipt.ids == (3, 2, 1)
        assert not mind.recall("coffee tea milk")
        assert mind.undo(receipt).ids == (3, 2, 1)
    assert mind.forget(1).ids == (1,), "the correction of what is forgotten stays"
    assert mind["drink"].text == "milk"


@pytest.mark.parametrize("name", [3, "drink"])
def test_erasing_by_key_or_by_id_takes_the_one_that_is_named(mind: te.ThoughtEngine, name: int | str) -> None:
    """It cannot be undone, so nothing goes that was not named, but for what was made from it."""
    for text in ("coffee", "tea", "milk"):
        mind.remember(text, key="drink")
    mind.remember("likes milk", layer="logic", derived_from=[3])
    assert mind.forget(name, erase=True).ids == (3, 4)
    assert (mind["drink"].text, mind["drink"].superseded_by) == ("tea", None)
    assert mind.check() == []


def test_what_was_forgotten_by_name_stays_so_when_the_newest_is_erased(mind: te.ThoughtEngine) -> None:
    mind.remember("coffee", key="drink")
    mind.revise("drink", "tea")
    receipt = mind.forget("drink")
    assert mind.forget("drink", erase=True).ids == (2,)
    assert "drink" not in mind
    assert mind.undo(receipt).ids == (1,)
    assert mind["drink"].text == "coffee"


def test_filters_touch_only_what_they_match(mind: te.ThoughtEngine, clock: Clock) -> None:
    for text, source in (("Rent is 500.", "Dana"), ("Rent is 550.", "Iris")):
        mind.remember(text, key="rent", source=source)
        clock.move(days=30)
    for where in ({"sources": "Iris"}, {"since": NOON + dt.timedelta(days=30)}):
        receipt = mind.forget(**where)
        assert receipt.ids == (2,)
        assert (mind[1].text, mind[1].superseded_by) == ("Rent is 500.", 2)
        assert ids(mind.recall("rent")) == [1]
        assert "rent" not in mind, "the key names what was forgotten"
        with pytest.raises(te.MemoryNotFoundError, match=r"with id 1: its newest revision, \[2\], was forgotten"):
            mind.revise(1, "Rent is 600.")
        mind.undo(receipt)
    assert mind.forget(sources="Iris", erase=True).ids == (2,)
    assert (mind["rent"].id, mind["rent"].superseded_by) == (1, None)
    assert mind.check() == []


def test_overlapping_receipts_and_undo_after_a_restart(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(many(4))
        first, second = mind.forget(1, 2), mind.forget(sources=te.Not("Dana"))
        assert second.ids == (3, 4)
        third = mind.pin
    with te.open(tmp_path / "mind") as mind:
        assert len(mind) == 0
        assert mind.undo(second).ids == (3, 4)
        assert mind.undo(first.id).ids == (1, 2)
        assert third is not mind.pin
        assert mind.check() == []


def test_undo_out_of_order(mind: te.ThoughtEngine) -> None:
    mind.remember_many(many(3))
    mind.pin(1, 2)
    second = mind.pin(2, 3)
    told = mind.undo(1)
    assert (told.ids, told.kept, told.undoes) == ((1,), {2: f"receipt {second.id} also did that"}, 1)
    assert [mind[i].layer for i in (1, 2, 3)] == ["sensory", "eternal", "eternal"]
    assert mind.undo(1).ids == ()
    assert mind.undo(second).ids == (2, 3)
    assert [mind[i].layer for i in (1, 2, 3)] == ["sensory"] * 3


@pytest.mark.parametrize("receipt", [None, 0, -1, True, 1.0, "1", 99, 10**30, Odd()])
def test_what_is_no_receipt(mind: te.ThoughtEngine, receipt: Any) -> None:
    mind.remember("tea")
    before = state(mind)
    with pytest.raises(te.InvalidArgumentError, match=r"^receipt: expected "):
        mind.undo(receipt)
    assert state(mind) == before


def test_an_undo_or_an_erasure_is_not_taken_back(mind: te.ThoughtEngine) -> None:
    mind.remember_many(many(2))
    undone, erased = mind.undo(mind.forget(1)), mind.forget(2, erase=True)
    before = state(mind)
    for receipt in (undone, undone.id, erased, erased.id):
        with pytest.raises(te.InvalidArgumentError, match="cannot be taken back"):
            mind.undo(receipt)
    assert state(mind) == before


def test_a_receipt_of_another_mind_is_refused(mind: te.ThoughtEngine, tmp_path: Path) -> None:
    mind.remember_many(many(2))
    mind.forget(2)
    with te.open(tmp_path / "other") as other:
        other.remember("tea")
        foreign = other.forget(1)
    assert foreign.id == 1
    with pytest.raises(te.InvalidArgumentError, match="a receipt of this mind, not of another one"):
        mind.undo(foreign)
    assert 2 not in mind


def test_pinning_makes_eternal_under_the_same_id(mind: te.ThoughtEngine, clock: Clock) -> None:
    mind.remember("likes tea", layer="logic", key="k")
    clock.move(days=3000)
    assert mind[1].strength < 0.5
    assert mind.count() == 0
    receipt = mind.pin("k")
    assert (mind[1].layer, mind[1].strength, receipt.ids) == ("eternal", 1.0, (1,))
    assert mind.count() == mind.count(layers="eternal", min_strength=1) == 1
    assert mind.count(layers="logic") == 0
    mind.undo(receipt)
    assert (mind[1].layer, mind.count()) == ("logic", 0)


# ------------------------------------------------------------------------------------------------ erase


def bytes_of(path: str) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(Path(path).rglob("*")) if file.is_file())


def test_erasing_removes_the_bytes_and_proves_it(mind: te.ThoughtEngine, tmp_path: Path) -> None:
    mind.remember("qqxzjw private", key="wvkqzj", source="zzyqxk", tags=["kkwzqj"], payload={"jjqxzv": "vvzqjx"})
    mind.remember("public")
    te.backup(mind.path, tmp_path / "backup")
    mind.snapshot("before")
    receipt = mind.forget(1, erase=True)
    assert (receipt.verb, receipt.ids) == ("erase", (1,))
    assert receipt.proof["method"] == "rebuild"
    assert [copy["path"] for copy in receipt.proof["out_of_reach"]] == [str(tmp_path / "backup")]
    mind.sync()
    for secret in (b"qqxzjw", b"wvkqzj", b"zzyqxk", b"kkwzqj", b"jjqxzv", b"vvzqjx"):
        assert secret not in bytes_of(mind.path), secret
    assert 1 not in mind
    assert ids(mind.recall("private public")) == [2]
    assert mind.check() == []
    assert mind.remember("next") == 3


def test_erasing_reaches_what_is_forgotten_and_what_was_concluded(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", source="Dana")
    mind.remember("likes tea", layer="logic", derived_from=[1])
    mind.remember("hidden", source="Dana")
    mind.remember("felt", source="Dana", layer="emotion", affect=te.Affect(1, 1))
    mind.remember("other", source="Bob")
    mind.forget(3)
    assert mind.forget(sources="Dana", erase=True).ids == (1, 2, 3, 4)
    assert ids(mind.memories(layers=te.Not())) == [5]
    assert (len(mind), mind.stats().forgotten) == (1, 0)


def test_erasing_can_be_limited_to_a_layer(mind: te.ThoughtEngine) -> None:
    mind.remember("tea", source="Dana")
    mind.remember("guess", source="Dana", layer="dream")
    assert mind.forget(sources="Dana", layers="dream", erase=True).ids == (2,)


def test_erasing_in_a_chain_of_revisions(mind: te.ThoughtEngine) -> None:
    mind.remember("a", key="k")
    for text in "bcd":
        mind.revise("k", text)
    mind.forget(2, 3, erase=True)
    assert mind[1].superseded_by == 4
    mind.forget(4, erase=True)
    assert mind[1].superseded_by is None
    assert mind["k"].id == 1
    assert mind.revise("k", "e") == 5
    assert mind.check() == []


def test_an_erased_mind_opens_again(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(many(5))
        mind.forget(*range(1, 6), erase=True)
        assert (len(mind), list(mind.export())) == (0, [])
    with te.open(tmp_path / "mind") as mind:
        assert mind.check() == []
        assert mind.remember("tea") == 6


# ------------------------------------------------------------------------------------------------ time


def test_years_long_gone_and_far_away(mind: te.ThoughtEngine) -> None:
    moments = [
        "0001-01-01T00:00:00+14:00",
        "1665-09-03T08:00:00-00:01:15",
        NOON.isoformat(),
        "9999-12-31T23:59:59.999999-12:00",
    ]
    mind.remember_many(te.Experience(text=f"at {moment}", at=moment) for moment in moments)
    assert [memory.at.isoformat() for memory in mind.memories()] == moments
    assert ids(mind.memories(since="1665-01-01T00:00:00+00:00", until="1700-01-01T00:00:00+00:00")) == [2]
    assert ids(mind.memories(until=moments[0])) == []
    assert ids(mind.memories(since=moments[3])) == [4]
    assert (mind.stats().first, mind.stats().last) == (moments[0], moments[3])
    assert len(mind.recall("at 1665")) == 4
    assert str(mind[1]).startswith("[1] ")
    assert mind.check() == []


def test_the_clock_stamps_and_its_zone_is_kept(tmp_path: Path) -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    for timezone in ("Europe/Berlin", berlin):
        with te.open(tmp_path / str(type(timezone)), clock=Clock(), timezone=timezone) as mind:
            assert mind[mind.remember("tea")].at.isoformat() == "2024-05-08T14:00:00+02:00"


def test_without_a_clock_it_is_now_in_the_zone_that_was_named(tmp_path: Path) -> None:
    before = dt.datetime.now(dt.UTC)
    with te.open(tmp_path / "mind", timezone="Asia/Kathmandu") as mind:
        at = mind[mind.remember("tea")].at
    assert before <= at <= dt.datetime.now(dt.UTC)
    assert at.utcoffset() == dt.timedelta(hours=5, minutes=45)


def test_a_clock_that_goes_backwards(mind: te.ThoughtEngine, clock: Clock) -> None:
    mind.remember("later")
    clock.move(days=-400)
    mind.remember("earlier")
    assert (mind[1].strength, mind[2].strength) == (1.0, 1.0)
    assert ids(mind.memories()) == [1, 2]
    assert mind.forget(1).at < NOON
    assert len(mind.recall("later earlier")) == 1
    assert mind.check() == []


@pytest.mark.parametrize("now", [dt.datetime(2024, 5, 8), None, 5, "yesterday", dt.date(2024, 5, 8)])
@pytest.mark.parametrize("timezone", [None, "Europe/Berlin"])
def test_a_clock_that_does_not_tell_the_time(tmp_path: Path, now: Any, timezone: str | None) -> None:
    clock = Clock()
    with te.open(tmp_path / "mind", clock=clock, timezone=timezone) as mind:
        mind.remember("tea")
        before = state(mind)
        clock.now = now
        calls: list[Callable[[], object]] = [
            lambda: mind.remember("x"), lambda: mind.forget(1), lambda: mind.recall("tea"), lambda: mind[1],
            lambda: mind.pin(1),
            lambda: mind.revise(1, "x"), lambda: mind.forget(1, erase=True), mind.count, lambda: list(mind),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(te.InvalidArgumentError, match=r"^clock: expected"):
                call()
        assert state(mind) == before


def test_strength_fades_with_time_and_filters(mind: te.ThoughtEngine, clock: Clock) -> None:
    mind.remember("tea")
    mind.remember("for ever", layer="eternal")
    strengths = []
    for _ in range(5):
        strengths.append(mind[1].strength)
        clock.move(days=30)
    assert strengths[0] == 1.0
    assert strengths == sorted(strengths, reverse=True)
    assert ids(mind.memories(min_strength=0.99)) == [2]
    assert mind.count(min_strength=mind[1].strength) == 2


# ------------------------------------------------------------------------------------------------ encoder


def test_an_encoder_makes_recall_by_meaning_work(tmp_path: Path) -> None:
    encoder = ToyEncoder()
    with te.open(tmp_path / "mind", encoder=encoder) as mind:
        mind.remember_many(
            [te.Experience(text="green tea"), te.Experience(text="red car"), te.Experience(tags=["no text"])]
        )
        assert encoder.calls == ["green tea", "red car"]
        assert mind.recall("tea green")[0].why["dense"] > 0
        assert mind.stats().vectors == 2
        assert mind.health().encoder == "toy"
        assert [row["vector"] for row in mind.export()] == [None] * 3, "what an encoder made is derived"


def test_a_token_encoder_is_asked_twice_and_the_rare_word_decides(tmp_path: Path) -> None:
    encoder = ToyTokenEncoder("tea", "garden", "rain")
    words_off = {"off": ("text", "labels", "neighbours")}
    with te.open(tmp_path / "mind", encoder=encoder, config=te.Config(recall=te.RecallConfig(**words_off))) as mind:
        mind.remember_many([te.Experience(text=text) for text in ("tea", "tea and rain", "tea in rain", "garden")])
        best = mind.recall("tea garden")[0]
        assert best.text == "garden"
        assert best.why["dense_weighted"] > best.why["dense"] > 0
        assert "meaning of the rarer words" in str(best.why)
        assert "dense_weighted" not in mind.recall([0.0, 1.0, 0.0])[0].why, "the host's vector is not weighed anew"
    off = te.Config(recall=te.RecallConfig(off=("dense_weighted",)))
    with te.open(tmp_path / "mind", encoder=encoder, config=off) as mind:
        assert "dense_weighted" not in mind.recall("tea garden")[0].why


def test_wordllama_finds_what_is_said_in_other_words(tmp_path: Path) -> None:
    pytest.importorskip("wordllama", reason="the extra `semantic` is not installed")
    texts = ["Our dog had three puppies.", "The invoice is still unpaid.", "Rain all week, the garden is green."]
    with te.open(tmp_path / "mind", encoder=te.encoders.wordllama()) as mind:
        mind.remember_many([te.Experience(text=text) for text in texts])
        for cue, text in zip(("a pet gave birth", "money owed", "wet weather"), texts, strict=True):
            assert mind.recall(cue)[0].text == text
        assert mind.check() == []
    with te.open(tmp_path / "mind") as mind:
        assert "'wordllama', which was not given to open: recall is lexical" in mind.health().reasons[0]


def test_opening_without_with_and_with_another_encoder(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember("green tea")
        mind.remember("blue car", vector=None)
    with te.open(path, encoder=ToyEncoder()) as mind:
        assert mind.stats().vectors == 2
        mind.remember("red car")
        assert (mind.health().ok, mind.health().reasons) == (True, ())
    with te.open(path) as mind:
        assert mind.stats().vectors == 3
        assert "'toy', which was not given to open: recall is lexical" in mind.health().reasons[0]
        assert "dense" not in mind.recall("tea")[0].why
        mind.remember("white milk")
    with te.open(path, encoder=(again := ToyEncoder())) as mind:
        assert again.calls == ["white milk"], "only what it has not seen"
    with te.open(path, encoder=(other := ToyEncoder(4, name="other", fingerprint="other-1"))) as mind:
        assert sorted(other.calls) == ["blue car", "green tea", "red car", "white milk"]
        assert mind.stats().vectors == 4
        assert mind.recall("green tea")[0].why["dense"] > 0
        assert mind.health().encoder == "other"
        assert mind.check() == []


def test_a_given_vector_wins_and_fixes_the_dimension(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", encoder=(encoder := ToyEncoder())) as mind:
        mind.remember("tea", vector=[1] * 8)
        assert encoder.calls == []
        with pytest.raises(te.VectorDimensionError):
            mind.remember("tea", vector=[1] * 4)
    with pytest.raises(te.VectorDimensionError):
        te.open(tmp_path / "mind", encoder=ToyEncoder(4))
    te.open(tmp_path / "mind", encoder=ToyEncoder(8)).close()


class Broken(ToyEncoder):
    """An encoder that gives back, or raises, what it is told to."""

    answer: Any = None

    def __call__(self, texts: Any) -> Any:
        if self.answer is None:
            return super().__call__(texts)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [np.ones(8), np.ones((2, 8)), np.ones((1, 7)), np.full((1, 8), math.nan), np.full((1, 8), math.inf), "vector",
    [["a"] * 8], 5, [[1] * 9], [[10**400] * 8]],
    ids=["flat", "two rows", "short", "nan", "inf", "text", "texts", "number", "long", "huge"],
)  # fmt: skip
def test_an_encoder_that_answers_nonsense_is_told_and_nothing_is_written(tmp_path: Path, answer: Any) -> None:
    with te.open(tmp_path / "mind", encoder=(encoder := Broken())) as mind:
        mind.remember("tea")
        before, encoder.answer = state(mind), answer
        calls: list[Callable[[], object]] = [
            lambda: mind.remember("x"),
            lambda: mind.revise(1, "x"),
            lambda: mind.recall("tea"),
        ]
        for call in calls:
            with pytest.raises(te.InvalidArgumentError, match=r"^encoder: expected"):
                call()
        with pytest.raises(te.BatchError) as raised:
            mind.remember_many([te.Experience(text="x")])
        assert (raised.value.index, raised.value.written) == (0, 0)
        assert state(mind) == before
        mind.remember("tea", vector=[1] * 8)
    with te.open(tmp_path / "mind") as mind:
        mind.remember("not yet encoded")
    with pytest.raises(te.InvalidArgumentError, match=r"^encoder: expected"):
        te.open(tmp_path / "mind", encoder=encoder)
    encoder.answer = None
    with te.open(tmp_path / "mind", encoder=encoder) as mind:
        assert mind.stats().vectors == 3
        assert mind.check() == []


def test_what_an_encoder_raises_comes_through_and_nothing_is_written(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", encoder=(encoder := Broken())) as mind:
        mind.remember("tea")
        before, encoder.answer = state(mind), ConnectionError("the model is away")
        calls: list[Callable[[], object]] = [
            lambda: mind.remember("x"), lambda: mind.revise(1, "x"), lambda: mind.recall("tea"),
            lambda: mind.remember_many([te.Experience(text="x")]),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(ConnectionError, match="the model is away"):
                call()
        assert state(mind) == before
        assert mind.recall([1.0] * 8)


def test_an_encoder_may_write_all_its_answers_into_one_array(tmp_path: Path) -> None:
    class Reusing(ToyEncoder):
        buffer = np.zeros((1, 8), np.float32)

        def __call__(self, texts: Any) -> Any:
            self.buffer[:] = super().__call__(texts)
            return self.buffer

    with te.open(tmp_path / "mind", encoder=Reusing()) as mind:
        mind.recall("load the index")
        for text in ("green tea", "red car"):
            mind.remember(text)
        live = {hit.id: hit.score for hit in mind.recall("green tea")}
    with te.open(tmp_path / "mind", encoder=Reusing()) as mind:
        assert {hit.id: hit.score for hit in mind.recall("green tea")} == live


# ------------------------------------------------------------------------------------------------ looking after it


def test_stats_count_what_there_is(mind: te.ThoughtEngine) -> None:
    empty = mind.stats()
    assert (empty.memories, empty.sources, empty.episodes, empty.vectors, empty.first, empty.last) == (
        0,
        0,
        0,
        0,
        None,
        None,
    )
    mind.remember("tea", source="Dana", episode="e", vector=[1, 2])
    mind.remember("coffee", source="Bob")
    mind.remember("likes tea", layer="logic")
    mind.pin(1)
    mind.forget(2)
    stats = mind.stats()
    assert (stats.memories, stats.forgotten, stats.sources, stats.episodes, stats.vectors) == (2, 1, 2, 1, 1)
    assert {name: n for name, n in stats.layers.items() if n} == {"eternal": 1, "logic": 1}
    assert {verb: timing.n for verb, timing in stats.calls.items()} == {"remember": 3, "pin": 1, "forget": 1}
    assert stats.bytes_on_disk > 0
    assert "2 memories (1 logic, 1 eternal), 1 forgotten" in str(stats)


def test_health_of_a_sound_mind(mind: te.ThoughtEngine, tmp_path: Path) -> None:
    mind.remember("tea")
    health = mind.health()
    assert (health.ok, health.reasons, health.incidents, health.memories, health.path) == (True, (), (), 1, mind.path)
    assert health.last_backup is None
    te.backup(mind.path, tmp_path / "backup")
    assert str(tmp_path / "backup") in (mind.health().last_backup or "")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "x" * 65, None, 5, LONE, "\0", "a.part"])
def test_a_snapshot_has_a_name_that_can_be_a_folder(mind: te.ThoughtEngine, name: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^name: expected"):
        mind.snapshot(name)


def test_a_snapshot_is_taken_once(mind: te.ThoughtEngine, tmp_path: Path) -> None:
    mind.remember("tea")
    assert mind.snapshot("one").memories == 1
    with pytest.raises(te.StoreExistsError):
        mind.snapshot("one")
    mind.remember("coffee")
    te.restore(mind.path + "/snapshots/one", tmp_path / "then")
    with te.open(tmp_path / "then") as then:
        assert texts(then) == ["tea"]


PATHS_WRONG = [None, 5, b"mind", "", "a\0b", LONE, ["a"], Odd(), True]


@pytest.mark.parametrize("path", PATHS_WRONG, ids=range(len(PATHS_WRONG)))
def test_copies_and_checks_refuse_what_names_no_folder(mind: te.ThoughtEngine, tmp_path: Path, path: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: te.check(path), lambda: te.backup(path, tmp_path / "to"), lambda: te.backup(mind.path, path),
        lambda: te.restore(path, tmp_path / "to"), lambda: te.restore(mind.path, path), lambda: te.fork(path,
        tmp_path / "to"),
        lambda: te.fork(mind.path, path),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(te.InvalidArgumentError, match="the name of a folder in UTF-8"):
            call()
    assert sorted(tmp_path.iterdir()) == [tmp_path / "mind"]


def test_progress_of_a_check_can_be_followed(mind: te.ThoughtEngine) -> None:
    heard = list[tuple[str, int, int | None]]()
    mind.remember_many([te.Experience(tags=["a"])] * 1024)
    assert mind.check(progress=lambda *told: heard.append(told)) == []
    assert heard == [("checking", 1024, 1024)]


# ------------------------------------------------------------------------------------------------ events


def test_every_write_is_told_in_order_with_ids_and_without_texts(tmp_path: Path) -> None:
    heard = list[te.Event]()
    mind = te.open(tmp_path / "mind", clock=Clock())
    mind.events.subscribe("*", heard.append)
    mind.remember("tea", key="k")
    mind.remember_many(
        [te.Experience(text="tea", key="k"), te.Experience(text="milk", key="k"), te.Experience(text="water")]
    )
    mind.remember("water", key="k2")
    mind.revise("k2", "wine")
    receipt = mind.forget(3)
    mind.undo(receipt)
    mind.pin(3)
    mind.forget(3, erase=True)
    mind.recall("tea")
    mind.close()
    assert [(event.kind, dict(event.data)) for event in heard] == [
        ("remembered", {"ids": (1,)}),
        ("remembered", {"ids": (2, 3)}),
        ("revised", {"ids": (1,), "by": (2,)}),
        ("remembered", {"ids": (4,)}),
        ("remembered", {"ids": (5,)}),
        ("revised", {"ids": (4,), "by": (5,)}),
        ("forgotten", {"ids": (3,), "receipt": 1}),
        ("undone", {"ids": (3,), "receipt": 2}),
        ("pinned", {"ids": (3,), "receipt": 3}),
        ("erased", {"ids": (3,), "receipt": 4}),
        ("closed", {}),
    ]
    assert all("tea" not in repr(event) for event in heard)


def test_a_retry_that_wrote_nothing_is_no_news(mind: te.ThoughtEngine) -> None:
    heard = list[te.Event]()
    mind.remember("tea", key="k")
    mind.events.subscribe("*", heard.append)
    mind.remember("tea", key="k")
    mind.close()
    assert [event.kind for event in heard] == ["closed"]


def test_news_are_queued_before_another_writer_can_go_on(
    mind: te.ThoughtEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the end of a memory could be heard before its beginning."""
    held = list[bool]()
    monkeypatch.setattr(mind.events, "emit", lambda kind, **data: held.append(mind._store.writing._is_owned()))  # type: ignore[attr-defined]
    mind.remember("tea", key="k")
    mind.remember_many([te.Experience(text="milk", key="k")])
    mind.revise(1, "water")
    mind.undo(mind.forget(1))
    mind.pin(1)
    mind.forget(1, erase=True)
    monkeypatch.undo()
    assert held == [True] * 9


def test_a_handler_may_use_the_mind(mind: te.ThoughtEngine) -> None:
    import threading

    done = threading.Event()

    def handler(event: te.Event) -> None:
        mind.remember(f"saw {mind[event.data['ids'][0]].text}", layer="dream")
        unsubscribe()
        done.set()

    unsubscribe = mind.events.subscribe("remembered", handler)
    mind.remember("tea")
    assert done.wait(20)
    assert texts(mind.memories(layers="dream")) == ["saw tea"]


# ------------------------------------------------------------------------------------------------ the end


def verbs(mind: te.ThoughtEngine) -> dict[str, Callable[[], object]]:
    return {
        "remember": lambda: mind.remember("x"), "remember_many": lambda: mind.remember_many([]),
        "revise": lambda: mind.revise(1, "x"),
        "recall": lambda: mind.recall("tea"), "getitem": lambda: mind[1], "get": lambda: mind.get(1),
        "in": lambda: 1 in mind,
        "len": lambda: len(mind), "iter": lambda: iter(mind), "memories": mind.memories, "count": mind.count,
        "export": mind.export, "forget": lambda: mind.forget(1), "erase": lambda: mind.forget(1, erase=True),
        "pin": lambda: mind.pin(1), "undo": lambda: mind.undo(1), "check": mind.check, "health": mind.health,
        "stats": mind.stats, "sync": mind.sync, "snapshot": lambda: mind.snapshot("a"),
        "enter": mind.__enter__, "subscribe": lambda: mind.events.subscribe("*", print),
    }  # fmt: skip


VERBS = ["remember", "remember_many", "revise", "recall", "getitem", "get", "in", "len", "iter", "memories", "count",
"export", "forget",
         "erase", "pin", "undo", "check", "health", "stats", "sync", "snapshot", "enter", "subscribe"]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_a_closed_mind_says_so(tmp_path: Path, verb: str) -> None:
    mind = te.open(tmp_path / "mind")
    mind.remember("tea")
    mind.close()
    mind.close()
    with pytest.raises(te.StoreClosedError, match=r"te.open\(path\) opens it again"):
        verbs(mind)[verb]()
    assert repr(mind) == f"<ThoughtEngine {mind.path!r}: closed>"
    assert mind.created
    assert bool(mind)


def test_what_was_begun_before_the_close_says_so_too(tmp_path: Path) -> None:
    mind = te.open(tmp_path / "mind")
    mind.remember_many(many(3))
    reading, exporting = mind.memories(), mind.export()
    next(reading)
    next(exporting)
    mind.close()
    with pytest.raises(te.StoreClosedError):
        next(reading)
    with pytest.raises(te.StoreClosedError):
        list(exporting)


def test_leaving_the_block_closes_also_on_an_error(tmp_path: Path) -> None:
    with pytest.raises(te.InvalidArgumentError), te.open(tmp_path / "mind") as mind:  # noqa: PT012
        mind.remember("tea")
        mind.remember("")
    with pytest.raises(te.StoreClosedError):
        len(mind)
    with te.open(tmp_path / "mind") as mind:
        assert texts(mind) == ["tea"]


def in_child(call: Callable[[], object]) -> str:
    """Run in a forked child and give the name of what it raised."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:  # pragma: no cover
        try:
            call()
            told = "nothing"
        except BaseException as error:  # noqa: BLE001
            told = type(error).__name__
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    told = os.read(reading, 100).decode()
    os.close(reading)
    os.waitpid(child, 0)
    return told


def test_a_forked_child_is_told_and_the_parent_goes_on(mind: te.ThoughtEngine) -> None:
    mind.remember("tea")
    mind.recall("tea")
    mind.events.subscribe("*", lambda event: None)

    def all_verbs() -> None:
        for name, verb in verbs(mind).items():
            try:
                verb()
            except te.ForkedError:
                continue
            raise AssertionError(name)
        mind.close()
        repr(mind)

    assert in_child(all_verbs) == "nothing"
    assert in_child(lambda: mind.remember("x")) == "ForkedError"
    assert mind.remember("coffee") == 2
    assert mind.check() == []


def test_a_child_forked_while_another_thread_writes_does_not_wait_for_it(mind: te.ThoughtEngine) -> None:
    """Its thread is not in the child, so the lock would never be given back."""
    import threading

    mind.remember("tea")
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with mind._store.writing:
            holding.set()
            release.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(20)
    try:
        for name in (
            "remember",
            "remember_many",
            "revise",
            "forget",
            "erase",
            "pin",
            "undo",
            "sync",
            "snapshot",
            "check",
        ):
            assert in_child(verbs(mind)[name]) == "ForkedError", name
        assert in_child(mind.close) == "nothing"
    finally:
        release.set()
        thread.join()


def test_everything_public_shows_what_it_is(mind: te.ThoughtEngine, tmp_path: Path) -> None:
    mind.remember("tea", source="Dana", vector=[1, 2])
    recall = mind.recall(te.Cue("tea", vector=[1, 2]))
    shown = [
        mind, mind.events, mind[1], recall, recall[0], recall[0].why, recall.cue, mind.forget(1), mind.undo(1),
        mind.health(), mind.stats(),
        te.Affect(1, 1), te.Experience(text="tea"), te.All("a"), te.Not("a"), te.Config(), te.Limits(),
        te.RecallConfig(),
        te.StorageConfig(), te.backup(mind.path, tmp_path / "b"), te.Event("closed", "now", {}), te.Finding("orphan",
        "a", "b"),
    ]  # fmt: skip
    for each in shown:
        assert "object at 0x" not in repr(each), type(each)
        assert len(repr(each)) < 2000
        assert str(each)
    assert repr(mind) == f"<ThoughtEngine {mind.path!r}: 1 memory>"


@given(st.data())
def test_an_export_put_back_in_gives_the_same_export(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """All that is needed elsewhere is in it."""
    folder = tmp_path_factory.mktemp("export")
    with te.open(folder / "one", clock=Clock()) as one, te.open(folder / "two", clock=Clock()) as two:
        one.remember_many(te.Experience(**fields) for fields in data.draw(st.lists(experiences(), max_size=6)))
        rows = list(one.export())
        for row in rows:
            given = {field.name: row[field.name] for field in attrs.fields(te.Experience)} | {
                "affect": row["affect"] and te.Affect(*row["affect"])
            }
            two.remember(**given)
        assert [row | {"supersedes": None} for row in two.export()] == [row | {"supersedes": None} for row in rows]


# ------------------------------------------------------------------------------------------------ context, cited


@pytest.fixture
def talk(mind: te.ThoughtEngine) -> te.ThoughtEngine:
    """Remember thirty remarks about a boiler, a minute apart, the later the shorter."""
    for n in range(30):
        words = " ".join(["very"] * (30 - n))
        mind.remember(
            f"The boiler is {words} {n} years old.", source="Dana", at=NOON + dt.timedelta(minutes=n), episode="boiler"
        )
    return mind


def in_brackets(page: str) -> list[int]:
    return [int(line[1:].partition("]")[0]) for line in page.splitlines() if line.startswith("[")]


def test_a_context_goes_beyond_the_hits_as_far_as_the_budget_does(talk: te.ThoughtEngine) -> None:
    recall = talk.recall("how old is the boiler?", k=2)
    assert set(ids(recall)) < set(in_brackets(recall.context(400)))
    assert len(in_brackets(recall.context(100))) < len(in_brackets(recall.context(200)))
    assert len(recall.context(100).split()) * 4 / 3 <= 100
    assert in_brackets(recall.context(10_000)) == sorted(range(1, 31))


def test_a_context_keeps_to_the_filters(talk: te.ThoughtEngine) -> None:
    talk.remember("The boiler is ten years old.", source="Bob")
    assert in_brackets(talk.recall("how old is the boiler?", sources="Bob").context(10_000)) == [31]


def test_a_context_of_nothing_is_empty(mind: te.ThoughtEngine) -> None:
    assert mind.recall("boiler").context() == ""


def test_a_context_is_of_the_moment_of_the_recall_less_what_was_forgotten_since(talk: te.ThoughtEngine) -> None:
    recall = talk.recall("how old is the boiler?", k=3)
    before = in_brackets(recall.context(10_000))
    talk.remember("The boiler is ten years old.")
    shown, beyond = recall[0].id, next(id_ for id_ in before if id_ not in ids(recall))
    talk.forget(shown)
    talk.forget(beyond, erase=True)
    assert in_brackets(recall.context(10_000)) == [id_ for id_ in before if id_ not in (shown, beyond)]


def test_a_repeat_since_takes_nothing_off_the_context(mind: te.ThoughtEngine) -> None:
    first = mind.remember("The cat sleeps on the sofa near the window.", source="Dana")
    second = mind.remember("The cat eats fish.", source="Dana")
    recall = mind.recall("cat", k=1)
    before = recall.context()
    assert in_brackets(before) == [first, second]
    mind.remember("The cat sleeps on the sofa near the window.", source="Dana")
    assert recall.context() == before


def test_a_neighbour_since_puts_nothing_on_the_context_twice(mind: te.ThoughtEngine) -> None:
    mind.remember("Fed the cat.", source="Dana", at=NOON, episode="e")
    second = mind.remember("Fed the cat.", source="Dana", at=NOON + dt.timedelta(days=1), episode="f")
    mind.remember("Nothing to see here.", source="Iris", at=NOON)
    recall = mind.recall("cat window", k=1)
    before = recall.context()
    assert in_brackets(before) == ids(recall) == [second]
    mind.remember("Closed the window.", source="Dana", at=NOON + dt.timedelta(minutes=2), episode="e")
    assert recall.context() == before
    mind.forget(second)
    assert "Fed the cat." in recall.context()  # what it stood for is still there


def test_a_hit_without_a_text_is_on_the_context_once(mind: te.ThoughtEngine) -> None:
    for _ in range(3):
        mind.remember(tags=("boiler",), at=NOON)
    recall = mind.recall("boiler", k=2)
    before = recall.context()
    assert in_brackets(before) == [1, 2, 3]
    mind.remember(tags=("boiler",), at=NOON)
    assert recall.context() == before


def test_a_context_says_what_was_replaced_since(mind: te.ThoughtEngine) -> None:
    old = mind.remember("The boiler man comes on Thursday.")
    recall = mind.recall("boiler man")
    new = mind.revise(old, "The boiler man comes on Friday.")
    assert f"[{old}] The boiler man comes on Thursday. (replaced by [{new}])" in recall.context()


def test_the_host_may_count_its_own_tokens(talk: te.ThoughtEngine) -> None:
    recall = talk.recall("how old is the boiler?")
    assert len(recall.context(900, count=len)) <= 900
    assert in_brackets(recall.context(900, count=len))


@pytest.mark.parametrize("tokens", [0, -1, 1.5, True, "800", None, 10**400])
def test_a_budget_is_a_whole_number_in_reason(talk: te.ThoughtEngine, tokens: Any) -> None:
    with pytest.raises(te.InvalidArgumentError) as raised:
        talk.recall("boiler").context(tokens)
    assert raised.value.argument == "tokens"


def test_a_count_can_be_called(talk: te.ThoughtEngine) -> None:
    with pytest.raises(te.InvalidArgumentError) as raised:
        talk.recall("boiler").context(count=3)  # type: ignore[arg-type]
    assert raised.value.argument == "count"


@pytest.mark.parametrize(
    "answer",
    [float("nan"), float("inf"), -1, None, "3", True, 2j, [3], 10**400, np.array([1, 2])],
    ids=lambda x: repr(x)[:9],
)
def test_a_count_gives_a_number_of_tokens(talk: te.ThoughtEngine, answer: Any) -> None:
    recall = talk.recall("boiler")
    with pytest.raises(
        te.InvalidArgumentError, match=r"^count: expected a callable that returns how many tokens"
    ) as raised:
        recall.context(count=lambda _: answer)
    assert raised.value.argument == "count"
    assert raised.value.given is answer
    for number in (np.float32(1.5), np.int64(1), 0):
        assert recall.context(count=lambda _, number=number: number)


def test_looking_at_a_context_changes_nothing(talk: te.ThoughtEngine) -> None:
    before, recall = state(talk), talk.recall("how old is the boiler?")
    page = recall.context()
    recall.cited("Very old [3].")
    assert recall.context() == page == talk.recall("how old is the boiler?").context()
    assert talk.recall("how old is the boiler?").hits == recall.hits
    assert state(talk) == before


def test_context_and_cited_need_an_open_mind(tmp_path: Path) -> None:
    with te.open(tmp_path / "closed") as mind:
        mind.remember("The boiler is new.")
        recalls = mind.recall("boiler"), mind.recall("zebra")
    for recall in recalls:
        with pytest.raises(te.StoreClosedError):
            recall.context()
        for reply in ("It is new.", "[1]", "boiler", ""):
            with pytest.raises(te.StoreClosedError):
                recall.cited(reply)


def test_a_copy_of_a_recall_can_still_be_read(talk: te.ThoughtEngine) -> None:
    recall = talk.recall("how old is the boiler?")
    assert copy.deepcopy(recall).context() == recall.context()


def test_what_a_context_showed_can_be_cited(talk: te.ThoughtEngine) -> None:
    recall = talk.recall("how old is the boiler?", k=1)
    beyond = next(n for n in range(20, 30) if n + 1 not in ids(recall))
    assert beyond + 1 not in ids(recall.cited(f"It is {beyond}.", min_sure=0.0))
    assert recall.shown == recall.hits
    recall.context(10_000)
    assert ids(recall.shown)[:1] == ids(recall)
    assert sorted(ids(recall.shown)) == list(range(1, 31))
    assert ids(recall.cited(f"It is {beyond}.", min_sure=0.0))[0] == beyond + 1
    assert ids(recall.cited(f"Old [{beyond + 1}].")) == [beyond + 1]


# ------------------------------------------------------------------------------------------------ feeling


def test_a_feeling_is_about_a_source_a_tag_or_a_topic(mind: te.ThoughtEngine) -> None:
    good, bad = te.Affect(0.8, 0.2), te.Affect(-0.6, 0.9)
    a = mind.remember("The boat trip was wonderful.", source="Dana", tags=["boat"], affect=good)
    b = mind.remember("The ferry was late again.", source="Bob", tags=["ferry"], affect=bad)
    c = mind.remember("Calm.", layer="emotion", source="Dana", affect=good)
    mind.remember("Nobody said how this felt.", source="Dana")
    for about, n, valence, because in (
        ("Dana", 2, 0.8, {a, c}), ("ferry", 1, -0.6, {b}), ("wonderful trip", 1, 0.8, {a}), ("nobody", 0, 0.0, set()),
        ("zebra", 0, 0.0, set()),
    ):  # fmt: skip
        feeling = mind.feeling(about)
        assert (feeling.about, feeling.n, set(feeling.because)) == (about, n, because)
        assert feeling.valence == pytest.approx(valence)
        assert bool(feeling) is (n > 0)


def test_a_feeling_keeps_to_the_filters(mind: te.ThoughtEngine, clock: Clock) -> None:
    for day, valence in enumerate((-0.9, -0.8, 0.7, 0.9)):
        mind.remember("Met.", source="Dana", at=NOON + dt.timedelta(days=day), affect=te.Affect(valence))
    assert mind.feeling("Dana", since=NOON + dt.timedelta(days=2)).valence > 0.7
    assert mind.feeling("Dana", until=NOON + dt.timedelta(days=2)).valence < -0.8
    assert not mind.feeling("Dana", layers="emotion")
    assert not mind.feeling("Dana", tags="work")


def test_a_guess_and_what_was_forgotten_are_no_feelings(mind: te.ThoughtEngine) -> None:
    first = mind.remember("Met.", source="Dana", affect=te.Affect(0.9))
    mind.remember("Dana is cross.", source="Dana", layer="dream", derived_from=[first], affect=te.Affect(-0.9))
    assert mind.feeling("Dana").because == (first,)
    mind.forget(first)
    assert mind.feeling("Dana").n == 0


@pytest.mark.parametrize("about", ["Kim", "visit", "the lovely visit"])
def test_what_was_superseded_is_no_feeling(mind: te.ThoughtEngine, about: str) -> None:
    fields: dict[str, Any] = {"source": "Kim", "tags": ["visit"]}
    first = mind.remember("The visit was awful.", **fields, affect=te.Affect(-1.0, 0.5))
    second = mind.revise(first, "The visit was lovely.", affect=te.Affect(0.5, 0.5))
    third = mind.revise(second, "The visit was lovely, he says.", affect=te.Affect(1.0, 0.5))
    feeling = mind.feeling(about)
    assert (feeling.valence, feeling.n, feeling.because) == (1.0, 1, (third,))
    mind.revise(third, "There was no visit.")
    assert mind.feeling(about).n == 0


def test_every_repeat_counts_for_a_topic_as_it_does_for_a_name(mind: te.ThoughtEngine) -> None:
    for valence in (0.9, 0.9, 0.9, 0.9, -0.9):
        mind.remember("Went to the gym.", source="Dana", tags=["sport"], affect=te.Affect(valence, 0.5))
    named, topic = mind.feeling("sport"), mind.feeling("gym")
    assert topic.n == named.n == 5
    assert topic.valence == pytest.approx(named.valence)
    assert topic.because == named.because


def test_many_repeats_leave_room_for_what_came_since(mind: te.ThoughtEngine) -> None:
    mind.remember_many(te.Experience(text="The gym!", affect=te.Affect(0.9)) for _ in range(300))
    for n in range(32):
        mind.remember(f"The gym was awful again, {n} times.", affect=te.Affect(-0.9))
    assert mind.feeling("the gym").n == 256
    assert mind.feeling("the gym").valence < 0.0


@pytest.mark.parametrize("about", ["", "  ", None, 3, b"Dana"])
def test_a_feeling_is_about_words(mind: te.ThoughtEngine, about: Any) -> None:
    with pytest.raises(te.InvalidArgumentError) as raised:
        mind.feeling(about)
    assert raised.value.argument == "about"


def test_a_feeling_writes_nothing(mind: te.ThoughtEngine) -> None:
    mind.remember("Met.", source="Dana", affect=te.Affect(0.9))
    before = state(mind)
    assert mind.feeling("Dana") == mind.feeling("Dana")
    assert state(mind) == before


# ------------------------------------------------------------------------------------------------ how sure


def test_recall_tells_how_sure_it_is(mind: te.ThoughtEngine) -> None:
    mind.remember("I gave up coffee in March. Tea only now.", source="Dana")
    mind.remember_many(te.Experience(text=f"The {n} o'clock train was late.", source="Bob") for n in range(1, 13))
    known = mind.recall("Has Dana given up coffee?")
    foreign = mind.recall("Has Zoltan given up his Himalayan expedition?")
    assert 0.0 < foreign.fits < known.fits < 1.0
    assert all(0.0 < hit.chance < 1.0 for hit in known)
    assert known[0].chance > 2 * max(hit.chance for hit in foreign)
    assert f"{100 * known[0].chance:.0f} %" in str(known)
    assert "shipped prior" in repr(known.calibration)
    assert mind.recall("zzz").fits == 0.0


def test_min_chance_leaves_out_what_is_less_likely(mind: te.ThoughtEngine) -> None:
    mind.remember_many(
        te.Experience(text=text) for text in ("Dana gave up coffee", "Dana rows", "coffee beans", "Dana")
    )
    everything = mind.recall("Has Dana given up coffee?")
    limit = everything[1].chance
    some = mind.recall("Has Dana given up coffee?", min_chance=limit)
    assert [hit.id for hit in some] == [hit.id for hit in everything if hit.chance >= limit]
    assert 0.0 < some.fits < everything.fits
    assert ids(mind.recall("Has Dana given up coffee?", min_chance=0)) == ids(everything)
    nothing = mind.recall("Has Dana given up coffee?", min_chance=1.0)
    assert (len(nothing), nothing.fits) == (0, 0.0)
    assert str(nothing) == "nothing likely enough among 4 memories"


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), True, "0.5"])
def test_a_min_chance_that_is_none_is_told(mind: te.ThoughtEngine, value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match="min_chance"):
        mind.recall("tea", min_chance=value)


# ------------------------------------------------------------------------------------------------ another encoder, behind


@pytest.fixture(params=["in a file", "in no file"])
def encoded(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a mind with more memories than are encoded while `open` waits, its index in a file or made from the entries."""
    monkeypatch.setattr("thoughtengine.engine._FEW", 8)
    if request.param == "in a file":
        monkeypatch.setattr("thoughtengine.memory.index.live._FILED", 8)
    monkeypatch.setattr("thoughtengine.memory.index.index._TAIL", 16)
    with te.open(tmp_path / "mind", encoder=ToyEncoder(fingerprint="old-1", name="old")) as mind:
        mind.remember_many([te.Experience(text=f"green tea {i}") for i in range(40)])
        mind.recall("tea")
        mind._memories.live.upkeep.wait()
    return tmp_path / "mind"


class Waiting(ToyEncoder):
    """An encoder that answers cues at once and memories when it may."""

    def __init__(self, **options: Any) -> None:
        super().__init__(name="new", fingerprint="new-1")
        self.may, self.trouble = threading.Event(), options.get("trouble")

    def __call__(self, texts: Sequence[str]) -> Any:
        if any(text.startswith("green tea ") for text in texts):
            self.may.wait(20)
            if self.trouble is not None:
                raise self.trouble
        return super().__call__(texts)


def test_with_another_encoder_a_mind_answers_at_once_and_is_encoded_behind(
    encoded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ToyEncoder(fingerprint="old-1", name="old")
    known = {("old", "old-1"): old}
    monkeypatch.setattr("thoughtengine.engine.known_encoder", lambda *identity: known.get(identity))
    told: list[te.Event] = []
    with te.open(encoded, encoder=(new := Waiting())) as mind:
        mind.events.subscribe("progress", told.append)
        found = mind.recall("tea green", k=40)
        assert len(found) == 40
        assert found.coverage == 1.0
        assert sum("dense" in hit.why for hit in found) > 30
        assert old.calls == ["tea green"]
        mind.remember("red car")
        assert mind.recall("car red")[0].why["dense"] > 0
        new.may.set()
        mind._memories.live.upkeep.wait()
        assert len([text for text in new.calls if text.startswith("green tea")]) == 40
        asked = len(old.calls)
        assert sum("dense" in hit.why for hit in mind.recall("tea green", k=40)) > 30
        assert len(old.calls) == asked, "nothing is left of the encoder before"
        assert mind.stats().vectors == 41
        assert mind.health().ok
        mind.events.close()
    assert [event.data["what"] for event in told] == ["encoding"] * len(told)
    assert told[-1].data["done"] == told[-1].data["total"] == 40
    with te.open(encoded, encoder=(again := Waiting())) as mind:
        again.may.set()
        mind._memories.live.upkeep.wait()
        assert again.calls == []


def test_of_an_encoder_before_that_cannot_be_had_words_answer_meanwhile(encoded: Path) -> None:
    with te.open(encoded, encoder=(new := Waiting())) as mind:
        found = mind.recall("tea green", k=40)
        assert len(found) == 40
        assert not any("dense" in hit.why for hit in found)
        new.may.set()


def test_an_encoder_that_fails_behind_is_told_and_tried_again(encoded: Path) -> None:
    with te.open(encoded, encoder=(new := Waiting(trouble=ConnectionError("the model is away")))) as mind:
        new.may.set()
        mind.recall("tea")
        mind._memories.live.upkeep.wait()
        health = mind.health()
        assert not health.ok
        assert "the model is away" in health.reasons[0]
        assert len(mind.recall("tea green", k=40)) == 40
        new.trouble = None
        mind._memories.live.upkeep.wake()
        mind._memories.live.upkeep.wait()
        assert mind.health().ok
        assert mind.stats().vectors == 40


class Picky(ToyEncoder):
    """An encoder that will not take some texts."""

    def __call__(self, texts: Sequence[str]) -> Any:
        if "green tea 7" in texts:
            raise ValueError("no sevens")
        return super().__call__(texts)


def test_a_text_that_the_encoder_will_not_take_keeps_no_other_from_it(encoded: Path) -> None:
    with te.open(encoded, encoder=Picky(name="new", fingerprint="new-1")) as mind:
        mind.recall("tea")
        mind._memories.live.upkeep.wait()
        assert mind.stats().vectors == 39
        assert "would not take 1 texts" in mind.health().reasons[0]
        assert "green tea 7" in [hit.text for hit in mind.recall("7", k=40)]


def test_a_small_mind_opens_though_the_encoder_is_away(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("green tea 1")
    away = Waiting(trouble=ConnectionError("the model is away"))
    away.may.set()
    with te.open(tmp_path / "mind", encoder=away) as mind:
        assert "the model is away" in mind.health().reasons[0]
        assert [hit.text for hit in mind.recall("tea")] == ["green tea 1"]


def test_vectors_of_the_host_outlive_another_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thoughtengine.memory.index.live._FILED", 8)
    vectors = np.random.default_rng(1).standard_normal((40, 8)).astype(np.float32)
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many([te.Experience(tags=["x"], vector=vector) for vector in vectors])
        mind.recall(te.Cue(vector=vectors[7]))
    for encoder in (ToyEncoder(dimension=8), None):
        with te.open(tmp_path / "mind", encoder=encoder) as mind:
            mind.recall(te.Cue(vector=vectors[7]))
            mind._memories.live.upkeep.wait()
            assert [hit.id for hit in mind.recall(te.Cue(vector=vectors[7]), k=1)] == [8]


def test_a_recall_tells_of_how_many_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thoughtengine.memory.index.live._AT_ONCE", 16)
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many([te.Experience(text=f"green tea {i}") for i in range(64)])
    with te.open(tmp_path / "mind") as mind:
        with mind._memories.live.upkeep.quiet():
            found = mind.recall("green tea", k=100)
            assert (len(found), found.coverage) == (16, 0.25)
        mind._memories.live.upkeep.wait()
        assert mind.recall("green tea", k=100).coverage == 1.0


def test_a_feeling_lifts_memories_that_felt_so(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        for valence in (0.9, -0.9):
            mind.remember(f"tea with Dana {valence}", affect=te.Affect(valence, 0.5))
        plain = mind.recall("tea")
        for feeling, first in (("positive", 1), ("negative", 2), (te.Affect(0.9, 0.5), 1), (te.Affect(-0.9, 0.5), 2)):
            found = mind.recall("tea", feeling=feeling)
            assert found[0].id == first
            assert found[0].why["feeling"] > 0
        assert not any("feeling" in hit.why for hit in plain)
        for wrong in ("happy", 1, ["positive"]):
            with pytest.raises(te.InvalidArgumentError, match="feeling"):
                mind.recall("tea", feeling=wrong)
