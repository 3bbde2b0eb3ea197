from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.golden.v0001.write import rows
from thoughtengine.config import StorageConfig
from thoughtengine.migrations.before import Before, is_memory
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
