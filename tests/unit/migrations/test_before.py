from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.v0001.write import rows
from thoughtengine.config import StorageConfig
from thoughtengine.migrations.before import Before, Onward, is_memory
from thoughtengine.migrations.v0001_flat import LAYERS, layer_of, place_of
from thoughtengine.storage.store import Level


@pytest.fixture
def before(flat_store: Callable[[dict[bytes, bytes]], Path]) -> Iterator[Before]:
    level = Level(str(flat_store(rows(400))), StorageConfig())
    yield Before(level)
    level.close()


def test_rank_and_name_are_inverse(before: Before) -> None:
    expected = [key for key in sorted(rows(400)) if is_memory(before, key)]
    assert before.count() == len(expected)
    assert [key for _, key in before.keys(1, before.count())] == expected
    assert [id_ for id_, _ in before.keys(1, before.count())] == list(range(1, len(expected) + 1))
    for id_ in (1, 2, 127, 128, 129, 256, 300, len(expected)):
        assert list(before.keys(id_, id_)) == [(id_, expected[id_ - 1])]
        assert before.id_of(expected[id_ - 1]) == id_


@pytest.mark.parametrize("gone", [[1], [1, 2, 3, 200], [5, 6, 9, 129, 130, 131, 300], list(range(100, 260))])
def test_what_is_lost_keeps_its_id(gone: list[int], before: Before) -> None:
    there = {id_: key for id_, key in before.keys(1, before.count()) if id_ not in gone}
    runs = tuple((id_, 1) for id_ in gone)
    for key in {key for id_, key in before.keys(1, before.count()) if id_ in gone}:
        before._level.write([], [key, b"emotion:" + key[8:]] if key.startswith(b"sensory:") else [key], False)
    for lost in (runs, ((100, 160),)) if gone == list(range(100, 260)) else (runs,):
        found = Before(before._level, lost)
        assert dict(found.keys(1, found.top())) == there
        assert found.top() == max(there)
        assert [found.found(id_) for id_ in gone] == [min(i for i in there if i > id_) for id_ in gone]
        for id_, key in there.items():
            assert found.id_of(key) == id_
            assert list(found.keys(id_, id_)) == [(id_, key)]
        assert all(list(found.keys(id_, id_)) == [] for id_ in gone)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (5, 4), (10_000, 10_010)])
def test_beyond_its_ends_there_is_nothing(before: Before, first: int, last: int) -> None:
    assert list(before.keys(first, last)) == []


def test_what_is_no_memory_has_no_rank(before: Before) -> None:
    assert before.id_of(b"weather:today") is None
    assert before.id_of(b"emotion:extra") is None
    assert before.id_of(b"sensory:nowhere") is None
    assert before.emotion_of(b"sensory:extra") == rows(0)[b"emotion:extra"]
    assert before.emotion_of(b"logic:rule") is None


def test_rows_come_in_order_from_anywhere(before: Before) -> None:
    expected = sorted(rows(400).items())
    assert list(before.rows()) == expected
    assert list(before.rows(expected[300][0])) == expected[301:]


@given(
    st.binary(max_size=12)
    | st.tuples(st.sampled_from([*LAYERS, "thought", ""]), st.sampled_from([":", ""]), st.text(max_size=4)).map(
        lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
    )
    | st.binary(max_size=3).map(lambda name: b"sensory:" + name)
)
def test_the_layer_alone_is_that_of_the_place(key: bytes) -> None:
    assert layer_of(key) == place_of(key).layer


@pytest.mark.parametrize("slices", [1, 3, 70, 1000])
def test_what_goes_on_where_it_was_gives_the_same_as_looking_up(before: Before, slices: int) -> None:
    onward, at, found = Onward(before), b"", list[tuple[bytes, bytes, str, bytes | None]]()
    while rows := onward.some(at, slices):
        assert len(rows) <= slices
        at = rows[-1][0]
        for (key, value), layer, emotion in zip(rows, onward.layers_of(rows), onward.emotions_of(rows), strict=True):
            found.append((key, value, layer, emotion))
    expected = [
        (key, value, place_of(key).layer if is_memory(before, key) else "", before.emotion_of(key))
        for key, value in before.rows()
    ]
    assert found == expected
    assert onward.some(expected[100][0], 30) == [row[:2] for row in expected[101:131]]


def test_emotions_and_experiences_far_from_each_other_find_each_other(
    flat_store: Callable[[dict[bytes, bytes]], Path],
) -> None:
    rows = {f"emotion:{n:05d}".encode(): b"{}" for n in range(900)}
    rows |= {f"sensory:{n:05d}".encode(): b"{}" for n in (3, 4, 280, 281, 899, 950)}
    level = Level(str(flat_store(rows)), StorageConfig())
    try:
        before = Before(level)
        onward = Onward(before)
        told = [(key, onward.layer_of(key), onward.emotion_of(key)) for key in sorted(rows)]
        assert told == [
            (key, place_of(key).layer if is_memory(before, key) else "", before.emotion_of(key)) for key in sorted(rows)
        ]
        assert onward.emotion_of(b"sensory:00003") == b"{}"  # back again
    finally:
        level.close()


def test_some_rows_are_no_more_than_a_mebibyte(flat_store: Callable[[dict[bytes, bytes]], Path]) -> None:
    rows = {f"logic:{n:03d}".encode(): bytes(size << 10) for n, size in enumerate((1, 600, 500, 3000, 1, 2))}
    level = Level(str(flat_store(rows)), StorageConfig())
    try:
        onward, at, taken = Onward(Before(level)), b"", list[int]()
        while some := onward.some(at, 100):
            at = some[-1][0]
            taken.append(len(some))
        assert taken == [2, 1, 1, 2]
    finally:
        level.close()


def test_layers_of_some_rows_are_those_of_each(flat_store: Callable[[dict[bytes, bytes]], Path]) -> None:
    keys = [b"sensory:a", b"sensory:b\xff", b"sensory:\xc3\xa4", b"sensoryx", b"zoo:a"]
    level = Level(str(flat_store(dict.fromkeys(keys, b"{}"))), StorageConfig())
    try:
        onward = Onward(Before(level))
        for first in range(len(keys)):
            for last in range(first, len(keys)):
                some = [(key, b"{}") for key in keys[first : last + 1]]
                assert onward.layers_of(some) == [layer_of(key) for key, _ in some]
    finally:
        level.close()
