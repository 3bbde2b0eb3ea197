import datetime as dt
from typing import Any

import pytest

from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.experience import LAYERS
from thoughtengine.memory.where import All, Choice, Not, Where, parse_where

SENSORY, LOGIC, DREAM, ETERNAL = (LAYERS.index(name) for name in ("sensory", "logic", "dream", "eternal"))


def test_without_filters_what_happened_and_is_not_hidden() -> None:
    assert parse_where() == Where(layers=frozenset({SENSORY, ETERNAL}), hidden=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a", Choice(frozenset({"a"}))),
        (["a", "b"], Choice(frozenset({"a", "b"}))),
        (("a",), Choice(frozenset({"a"}))),
        ({"a"}, Choice(frozenset({"a"}))),
        (iter(["a"]), Choice(frozenset({"a"}))),
        ([], Choice(frozenset())),
        (Not("a", "b"), Choice(None, none=frozenset({"a", "b"}))),
        ([Not("a"), Not("b")], Choice(None, none=frozenset({"a", "b"}))),
        (["a", Not("b")], Choice(frozenset({"a"}), none=frozenset({"b"}))),
    ],
)
@pytest.mark.parametrize("name", ["sources", "tags", "episode", "kind"])
def test_set_like_filters(name: str, given: Any, expected: Choice) -> None:
    if not hasattr(given, "__next__"):
        assert getattr(parse_where(**{name: given}), name) == expected


def test_an_iterator_is_read_once() -> None:
    assert parse_where(sources=iter(["a", "b"])).sources == Choice(frozenset({"a", "b"}))


def test_tags_may_all_be_asked_for() -> None:
    assert parse_where(tags=All("a", "b")).tags == Choice(None, every=frozenset({"a", "b"}))
    assert parse_where(tags=["c", All("a"), Not("b")]).tags == Choice(frozenset("c"), frozenset("a"), frozenset("b"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("dream", {DREAM}),
        (["logic", "dream"], {LOGIC, DREAM}),
        (Not("dream"), {0, 1, 2, 4}),
        (["sensory", "dream", Not("dream")], {SENSORY}),
        ([], set()),
    ],
)
def test_layers(given: Any, expected: set[int]) -> None:
    assert parse_where(layers=given).layers == expected


def test_times_are_microseconds() -> None:
    noon = dt.datetime(2023, 5, 8, 14, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    where = parse_where(since=noon, until="2023-05-08T12:00:00.000001Z")
    assert where.until is not None
    assert where.since is not None
    assert where.until - where.since == 1


@pytest.mark.parametrize(
    ("filters", "argument", "message"),
    [
        ({"sources": 3}, "sources", "a string, Not(...), or an iterable"),
        ({"sources": b"a"}, "sources", "a string, Not(...), or an iterable"),
        ({"sources": {"a": 1}}, "sources", "a string, Not(...), or an iterable"),
        ({"sources": ["a", None]}, "sources", "a string, Not(...), or an iterable"),
        ({"sources": All("a")}, "sources", "a string, Not(...), or an iterable"),
        ({"tags": ["a", 1]}, "tags", "All(...)"),
        ({"layers": "sensoric"}, "layers", "sensory, emotion, logic, dream, eternal"),
        ({"layers": Not("dreams")}, "layers", "sensory, emotion"),
        ({"since": dt.datetime(2023, 5, 8)}, "since", "tzinfo=datetime.UTC"),
        ({"since": "2023-05-08"}, "since", "offset"),
        ({"until": 5}, "until", "aware"),
        ({"min_strength": 1.01}, "min_strength", "[0, 1]"),
        ({"min_strength": float("nan")}, "min_strength", "[0, 1]"),
        ({"min_strength": True}, "min_strength", "[0, 1]"),
        ({"min_strength": "high"}, "min_strength", "[0, 1]"),
        ({"source": "a"}, "source", "layers, sources, tags, episode, kind, since, until, min_strength"),
    ],
)
def test_what_cannot_be_used_is_told(filters: dict[str, Any], argument: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        parse_where(**filters)
    assert raised.value.argument == argument
    assert message in str(raised.value)


@pytest.mark.parametrize("kind", [All, Not])
def test_all_and_not_hold_strings(kind: type[All] | type[Not]) -> None:
    assert kind("a", "b") == kind("b", "a", "a")
    assert hash(kind("a")) == hash(kind("a"))
    assert repr(kind("b", "a")) == f"{kind.__name__}('a', 'b')"
    with pytest.raises(InvalidArgumentError, match=kind.__name__):
        kind("a", 1)  # type: ignore[arg-type]


def test_all_is_not_not() -> None:
    assert All("a") != Not("a")
    assert All("a") != "a"
