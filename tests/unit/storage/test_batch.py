"""A batch: the last word on a key counts, bodies are fixed when they are put, source rows are never deleted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts import Figure, Note
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import decode
from thoughtengine.storage.keyspace import AREAS, MARK, MEMORY, NAME, Area

SOURCES = [area for area in AREAS.values() if area.source]
DERIVED = [area for area in AREAS.values() if not area.source]


def test_a_new_batch_is_empty() -> None:
    batch = Batch()
    assert (len(batch), batch.puts, batch.deletes) == (0, {}, set())
    assert repr(batch) == "<Batch 0 puts, 0 deletes>"


def test_rows_of_many_areas_lie_side_by_side() -> None:
    batch = Batch()
    batch.put(MEMORY, 1, Note("tea"))
    batch.put(MARK, 1, Figure(2))
    batch.put(NAME, "drink", Figure(1))
    batch.delete(MARK, 9)
    assert {area: list(bodies) for area, bodies in batch.puts.items()} == {
        MEMORY: [MEMORY.key(1)], MARK: [MARK.key(1)], NAME: [NAME.key("drink")],
    }  # fmt: skip
    assert len(batch) == 4
    assert repr(batch) == "<Batch 3 puts, 1 deletes>"


def test_a_body_is_what_it_was_when_it_was_put() -> None:
    batch, payload = Batch(), {"a": [1]}
    batch.put(MEMORY, 1, payload)
    payload["a"].append(2)
    assert decode(batch.puts[MEMORY][MEMORY.key(1)], dict) == {"a": [1]}


def test_a_record_that_does_not_encode_leaves_the_batch_as_it_was() -> None:
    batch = Batch()
    batch.put(MARK, 1, Figure(1))
    for bad in (object(), {"a": 1 << 70}, "\ud800"):
        with pytest.raises((TypeError, OverflowError, UnicodeEncodeError)):
            batch.put(MARK, 1, bad)
    assert decode(batch.puts[MARK][MARK.key(1)], Figure) == Figure(1)


@pytest.mark.parametrize("area", SOURCES, ids=lambda area: area.name)
def test_source_rows_are_never_deleted(area: Area) -> None:
    batch = Batch()
    batch.put(area, 1, Note("x"))
    with pytest.raises(ValueError, match=f"rows of {area.name} are source"):
        batch.delete(area, 1)
    assert len(batch) == 1


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(DERIVED), st.integers(0, 2)), max_size=12))
def test_a_key_is_put_or_deleted_and_the_last_word_counts(steps: list[tuple[bool, Area, int]]) -> None:
    batch, last = Batch(), dict[bytes, int | None]()
    for turn, (put, area, number) in enumerate(steps):
        name = number if area.numbered else str(number)
        if put:
            batch.put(area, name, Figure(turn))
        else:
            batch.delete(area, name)
        last[area.key(name)] = turn if put else None
    assert batch.deletes == {key for key, turn in last.items() if turn is None}
    found = {key: decode(body, Figure).value for bodies in batch.puts.values() for key, body in bodies.items()}
    assert found == {key: turn for key, turn in last.items() if turn is not None}
    assert len(batch) == len(last)
