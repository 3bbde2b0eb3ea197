import threading

import numpy as np
import pytest

from tests.indexes import ask, entry, index_of, small_parts
from thoughtengine.config import RecallConfig
from thoughtengine.errors import InvalidArgumentError, VectorDimensionError
from thoughtengine.memory.index import Index
from thoughtengine.memory.record import MarkRecord
from thoughtengine.memory.where import parse_where


def test_an_empty_index_answers() -> None:
    index = Index(RecallConfig(), None)
    assert index.n == 0
    assert index.view().count(parse_where(), 0) == 0
    assert len(ask(index, "tea").ids) == 0
    index.extend([])
    assert index.n == 0


def test_ids_ascend_but_need_not_be_dense() -> None:
    index = Index(RecallConfig(), None)
    index.add(7, entry("tea"))
    index.extend([(9, entry("coffee"), None, None), (1 << 40, entry("milk"), None, None)])
    assert index.view().ids.tolist() == [7, 9, 1 << 40]
    assert ask(index, "milk").ids.tolist() == [1 << 40]
    assert index.view().position(9) == 1
    assert index.view().position(8) is None
    assert index.view().position(1 << 41) is None


@pytest.mark.parametrize("id_", [7, 6, -1])
def test_an_id_that_is_not_the_largest_is_refused_and_nothing_changes(id_: int) -> None:
    index = index_of(entry("tea"), first=7)
    with pytest.raises(InvalidArgumentError):
        index.add(id_, entry("coffee"))
    with pytest.raises(InvalidArgumentError):
        index.extend([(id_, entry("coffee"), None, None)])
    with pytest.raises(InvalidArgumentError):
        index.extend([(9, entry("coffee"), None, None), (8, entry("coffee"), None, None)])
    assert index.n == 1
    assert len(ask(index, "coffee").ids) == 0


def test_a_view_stays_as_it_was_taken() -> None:
    with small_parts():
        index = index_of(*(entry("tea", episode="e") for _ in range(3)))
        before = index.view()
        for id_ in range(10, 200):
            index.add(id_, entry("tea", episode="e", tags=("work",)))
        assert before.n == 3
        assert before.select(parse_where(), 0).tolist() == [0, 1, 2]
        assert before.count(parse_where(tags="work"), 0) == 0
        assert before.postings([entry("tea").fold]).positions.tolist() == [0, 1, 2]


def test_segments_stay_few_and_cover_everything_once() -> None:
    with small_parts(tail=4, segment=64):
        index = Index(RecallConfig(), None)
        for id_ in range(1, 1001):
            index.add(id_, entry(f"word{id_}"))
        view = index.view()
        edges = [0, *(segment.stop for segment in view.segments)]
        assert [segment.start for segment in view.segments] == edges[:-1]
        assert edges[-1] == view.tail.start
        assert view.tail.start + len(view.tail.entries) == 1000
        assert max(len(segment) for segment in view.segments) <= 64
        assert len(view.segments) <= 1000 // 64 + 6


def test_marks_hide_pin_and_supersede_in_place() -> None:
    index = index_of(entry("tea"), entry("tea again"), entry("tea once more"))
    index.mark(1, MarkRecord(forgotten=(5,)))
    index.mark(2, MarkRecord(pinned=(6,)))
    assert set(ask(index, "tea").ids.tolist()) == {2, 3}
    assert index.view().select(parse_where(layers="eternal"), 0).tolist() == [1]
    assert index.view().select(parse_where(layers="sensory"), 0).tolist() == [2]
    assert index.view().count(parse_where(hidden=True), 0) == 3
    index.mark(1, MarkRecord())
    index.mark(2, MarkRecord(superseded_by=3))
    assert index.view().count(parse_where(layers="sensory"), 0) == 3
    assert index.view().has_replaced
    index.mark(2, MarkRecord())
    assert not index.view().has_replaced


def test_a_mark_or_vector_for_nobody_is_refused() -> None:
    index = index_of(entry("tea"))
    with pytest.raises(InvalidArgumentError, match="id"):
        index.mark(2, MarkRecord())
    with pytest.raises(InvalidArgumentError, match="id"):
        index.set_vector(2, np.ones(2, np.float32))


def test_vectors_come_with_a_memory_or_later() -> None:
    index = Index(RecallConfig(), 2)
    index.add(1, entry(tags=("a",)), vector=np.array([1, 0], np.float32))
    index.add(2, entry(tags=("b",)))
    assert ask(index, vector=[0, 1]).ids.tolist() == []
    index.set_vector(2, np.array([0, 5], np.float32))
    assert ask(index, vector=[0, 1]).ids.tolist() == [2]
    index.set_vector(1, np.array([0.5, 5], np.float32))
    assert ask(index, vector=[0, 1]).ids.tolist() == [2, 1]
    with pytest.raises(VectorDimensionError):
        index.add(3, entry("tea"), vector=np.ones(3, np.float32))
    assert index.n == 2


def test_neighbours_are_those_of_the_episode() -> None:
    index = index_of(*(entry("tea", episode=name) for name in "abacab"), entry("tea"))
    columns = index.view().columns
    assert columns.previous[:7].tolist() == [-1, -1, 0, -1, 2, 1, -1]
    assert columns.following[:7].tolist() == [2, 5, 4, -1, -1, -1, -1]


def test_readers_and_a_writer_need_no_lock() -> None:
    with small_parts(tail=16, segment=128):
        index = index_of(*(entry("tea", episode="e") for _ in range(20)))
        wrong: list[str] = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                view = index.view()
                found = view.postings([entry("tea").fold])
                if found.positions.tolist() != list(range(view.n)) or view.count(parse_where(), 0) != view.n:
                    wrong.append(f"{view.n}: {found.positions.tolist()}")

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for id_ in range(100, 1100):
            index.add(id_, entry("tea", episode="e"))
        done.set()
        for reader in readers:
            reader.join()
        assert wrong == []
