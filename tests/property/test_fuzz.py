"""Whatever it is given, no verb raises anything but the library's own errors, and what it refused it did not write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thoughtengine as te
from tests.strategies import Clock, Odd, ToyEncoder, experiences, junk, scaled, wheres

REMEMBER = [
    "text",
    "key",
    "at",
    "source",
    "tags",
    "episode",
    "affect",
    "vector",
    "payload",
    "kind",
    "layer",
    "derived_from",
]
REVISE = ["text", "at", "source", "tags", "episode", "affect", "vector", "payload", "kind"]
WHERE = ["layers", "sources", "tags", "episode", "kind", "since", "until", "min_strength"]

EXAMPLES = settings(max_examples=scaled(60))


@pytest.fixture(scope="module")
def mind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[te.ThoughtEngine]:
    with te.open(tmp_path_factory.mktemp("fuzz") / "mind", clock=Clock()) as mind:
        mind.remember("tea", key="drink", source="Dana", vector=[1, 2, 3])
        mind.remember("likes tea", layer="logic", derived_from=[1])
        mind.forget(mind.remember("hidden"))
        yield mind


def only(names: list[str], values: st.SearchStrategy[Any] = junk) -> st.SearchStrategy[dict[str, Any]]:
    """Give some of these arguments, with anything at all for values."""
    return st.dictionaries(st.sampled_from(names), values, max_size=3)


def attempt(call: Callable[[], Any]) -> bool:
    """Tell whether a call succeeded; any error but the library's own goes up."""
    try:
        call()
    except te.ThoughtEngineError as error:
        str(error).encode()
        repr(error).encode()
        return False
    return True


def state(mind: te.ThoughtEngine) -> tuple[Any, ...]:
    return mind._store.head, list(mind.export())


def attempt_unharmed(mind: te.ThoughtEngine, call: Callable[[], Any]) -> None:
    """Try a call; where it fails, nothing may have changed."""
    before = state(mind)
    if not attempt(call):
        assert state(mind) == before


@EXAMPLES
@given(only(REMEMBER))
def test_remember(mind: te.ThoughtEngine, fields: dict[str, Any]) -> None:
    attempt_unharmed(mind, lambda: mind.remember(**fields))


@EXAMPLES
@given(experiences(), only(REMEMBER))
def test_remember_with_little_wrong(mind: te.ThoughtEngine, fields: dict[str, Any], wrong: dict[str, Any]) -> None:
    attempt_unharmed(mind, lambda: mind.remember(**(fields | wrong)))


@EXAMPLES
@given(
    st.one_of(junk, st.lists(st.one_of(junk, only(REMEMBER).map(lambda fields: te.Experience(**fields))), max_size=3))
)
def test_remember_many(mind: te.ThoughtEngine, many: Any) -> None:
    attempt_unharmed(mind, lambda: mind.remember_many(many))


@EXAMPLES
@given(st.one_of(junk, st.sampled_from([1, 2, 3, "drink"])), only(REVISE))
def test_revise(mind: te.ThoughtEngine, which: Any, fields: dict[str, Any]) -> None:
    attempt_unharmed(mind, lambda: mind.revise(which, **fields))


@EXAMPLES
@given(
    st.one_of(junk, only(["text", "vector", "at", "episode"]).map(lambda parts: (te.Cue, parts))),
    st.one_of(st.just({}), only([*WHERE, "k"])),
    wheres(),
)
def test_recall(mind: te.ThoughtEngine, cue: Any, wrong: dict[str, Any], where: dict[str, Any]) -> None:
    before = state(mind)
    is_cue = isinstance(cue, tuple) and cue[0] is te.Cue
    attempt(lambda: str(mind.recall(te.Cue(**cue[1]) if is_cue else cue, **(where | wrong))))
    assert state(mind) == before


@EXAMPLES
@given(only([*WHERE, "newest_first", "after"]))
def test_memories_and_count(mind: te.ThoughtEngine, where: dict[str, Any]) -> None:
    before = state(mind)
    attempt(lambda: list(mind.memories(**where)))
    attempt(lambda: mind.count(**where))
    assert state(mind) == before


@EXAMPLES
@given(junk)
def test_reading_one(mind: te.ThoughtEngine, which: Any) -> None:
    attempt(partial(mind.__getitem__, which))
    attempt(lambda: mind.get(which))
    assert (which in mind) in (True, False)


@EXAMPLES
@given(st.lists(junk, max_size=2), only([*WHERE, "erase"]))
def test_forget(mind: te.ThoughtEngine, which: list[Any], where: dict[str, Any]) -> None:
    if where.get("erase") is True:
        where["erase"] = Odd()
    attempt_unharmed(mind, lambda: mind.forget(*which, **where))


@EXAMPLES
@given(st.lists(junk, max_size=2))
def test_pin(mind: te.ThoughtEngine, which: list[Any]) -> None:
    attempt_unharmed(mind, lambda: mind.pin(*which))


@EXAMPLES
@given(junk)
def test_undo_snapshot_subscribe(mind: te.ThoughtEngine, value: Any) -> None:
    attempt_unharmed(mind, lambda: mind.undo(value))
    attempt_unharmed(mind, partial(mind.events.subscribe, value, value))
    if not (isinstance(value, str) and value.isalnum()):
        attempt_unharmed(mind, lambda: mind.snapshot(value))


@settings(max_examples=scaled(25))
@given(only(["path", "create", "durability", "encoder", "timezone", "config", "clock"]))
def test_open(tmp_path_factory: pytest.TempPathFactory, options: dict[str, Any]) -> None:
    """A str that is a path is one, and a callable is called: so only paths that are none, and clocks that are none."""
    if callable(options.get("clock")):
        del options["clock"]
    if isinstance(options.get("path"), str):
        options["path"] = "\0" + options["path"]
    given = {"path": tmp_path_factory.mktemp("open") / "mind", "clock": Clock()} | options

    def call() -> None:
        with te.open(**given) as mind:
            mind.remember("tea")
            mind.recall("tea")

    attempt(call)


@EXAMPLES
@given(junk, junk)
def test_copies_and_checks(tmp_path_factory: pytest.TempPathFactory, path: Any, to: Any) -> None:
    root = str(tmp_path_factory.getbasetemp())
    path, to = (f"{root}/none/{value!r}" if isinstance(value, str) else value for value in (path, to))
    for verb in (te.backup, te.restore, te.fork):
        assert not attempt(partial(verb, path, to))
    assert not attempt(partial(te.check, path))


@EXAMPLES
@given(
    st.sampled_from([te.Affect, te.Cue, te.Config, te.Limits, te.StorageConfig, te.RecallConfig, te.All, te.Not]),
    st.data(),
)
def test_records(kind: Any, data: st.DataObject) -> None:
    if kind in (te.All, te.Not):
        attempt(lambda: repr(kind(*data.draw(st.lists(junk, max_size=2)))))
    else:
        names = [field.name for field in kind.__attrs_attrs__]
        attempt(lambda: repr(kind(**data.draw(only(names)))))


@EXAMPLES
@given(st.text(min_size=1, max_size=12).filter(lambda name: name not in ("self", *REMEMBER, *REVISE)), junk)
def test_an_unknown_keyword_is_a_type_error_or_an_unknown_filter(mind: te.ThoughtEngine, name: str, value: Any) -> None:
    verbs: list[Callable[..., Any]] = [
        lambda **more: mind.remember("x", **more), lambda **more: mind.revise(1, "x", **more), te.Affect,
        lambda **more: te.Experience(text="x", **more), lambda **more: mind.pin(1, **more), lambda **more: mind.undo(1, **more),
    ]  # fmt: skip
    before = state(mind)
    for verb in verbs:
        with pytest.raises(TypeError):
            verb(**{name: value})
    if name not in (*WHERE, "erase", "newest_first", "after", "k"):
        for verb in (mind.memories, mind.count, mind.forget, lambda **more: mind.recall("tea", **more)):
            with pytest.raises(te.InvalidArgumentError):
                verb(**{name: value})
    assert state(mind) == before


@settings(max_examples=scaled(30))
@given(st.one_of(junk, st.lists(st.lists(st.floats(), max_size=8), max_size=3)))
def test_an_encoder_may_give_anything_back(tmp_path_factory: pytest.TempPathFactory, answer: Any) -> None:
    class Loose(ToyEncoder):
        def __call__(self, texts: Any) -> Any:
            return answer

    with te.open(tmp_path_factory.mktemp("encoder") / "mind", encoder=Loose(3)) as mind:
        attempt_unharmed(mind, lambda: mind.remember("tea"))
        attempt(lambda: mind.recall("tea"))


def test_after_all_that_the_mind_is_sound(mind: te.ThoughtEngine) -> None:
    assert mind.check() == []
    assert mind.health().ok
