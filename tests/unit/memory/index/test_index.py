import threading

import pytest

from tests.indexes import ask, cut, entry, index_of, merged, small_parts, with_vector
from thoughtengine.config import RecallConfig
from thoughtengine.errors import InvalidArgumentError, VectorDimensionError
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index import index as index_module
from thoughtengine.memory.index.analysis import TERMS
from thoughtengine.memory.index.index import Index, Row
from thoughtengine.memory.index.vectors import Block
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
    index.add(Row(7, entry("tea")))
    index.extend([Row(9, entry("coffee")), Row(1 << 40, entry("milk"))])
    assert index.view().ids.tolist() == [7, 9, 1 << 40]
    assert ask(index, "milk").ids.tolist() == [1 << 40]
    assert index.view().position(9) == 1
    assert index.view().position(8) is None
    assert index.view().position(1 << 41) is None


@pytest.mark.parametrize("id_", [7, 6, -1])
def test_an_id_that_is_not_the_largest_is_refused_and_nothing_changes(id_: int) -> None:
    index = index_of(entry("tea"), first=7)
    with pytest.raises(InvalidArgumentError):
        index.add(Row(id_, entry("coffee")))
    with pytest.raises(InvalidArgumentError):
        index.extend([Row(id_, entry("coffee"))])
    with small_parts(), pytest.raises(InvalidArgumentError):
        index.extend([Row(9, entry("coffee")), Row(8, entry("coffee"))])
    assert index.n == 1
    assert len(ask(index, "coffee").ids) == 0


def test_a_view_stays_as_it_was_taken() -> None:
    with small_parts():
        index = index_of(*(entry("tea", episode="e") for _ in range(3)))
        before = index.view()
        for id_ in range(10, 200):
            index.add(Row(id_, entry("tea", episode="e", tags=("work",))))
            merged(index)
        assert before.n == 3
        assert before.select(parse_where(), 0).tolist() == [0, 1, 2]
        assert before.count(parse_where(tags="work"), 0) == 0
        assert before.listed(TERMS["tea"]).tolist() == [0, 1, 2]
        fold = entry("tea").fold
        assert before.repeats([fold], arrays)[fold].tolist() == [0, 1, 2]


def test_segments_stay_few_and_cover_everything_once() -> None:
    with small_parts(tail=4):
        index = Index(RecallConfig(), None)
        for id_ in range(1, 1001):
            index.add(Row(id_, entry(f"word{id_}")))
            merged(index)
        view = index.view()
        edges = [0, *(segment.stop for segment in view.segments)]
        assert [segment.start for segment in view.segments] == edges[:-1]
        assert edges[-1] == view.tail.start
        assert view.tail.start + len(view.tail.entries) == 1000
        assert len(view.segments) <= 12  # as many as 1000 / 4 can be halved, and a few that wait
        assert not index.due()


def test_a_segment_grows_no_larger_than_a_posting_can_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "LARGEST", 64)
    with small_parts(tail=4):
        index = Index(RecallConfig(), None)
        for id_ in range(1, 501):
            index.add(Row(id_, entry(f"word{id_}")))
            merged(index)
    assert 32 < max(len(segment) for segment in index.view().segments) <= 64


def test_what_was_merged_is_put_only_where_its_parts_are() -> None:
    with small_parts(tail=4):
        index = Index(RecallConfig(), None)
        for id_ in range(1, 13):
            index.add(Row(id_, entry(f"word{id_}")))
        cut(index)
    parts = index.view().segments
    assert len(parts) == 3
    whole = index.merge(parts, arrays)
    assert index.replace(parts, whole)
    assert index.view().segments == (whole,)
    assert not index.replace(parts, whole)
    assert not index.replace((whole, parts[0]), whole)
    assert index.view().segments == (whole,)
    assert ask(index, "word7").ids.tolist() == [7]


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


def test_a_mark_for_nobody_is_refused() -> None:
    index = index_of(entry("tea"))
    with pytest.raises(InvalidArgumentError, match="id"):
        index.mark(2, MarkRecord())


def test_a_vector_comes_with_its_memory_and_of_one_dimension() -> None:
    index = Index(RecallConfig(), 2, "toy")
    index.add(with_vector(1, entry(tags=("a",)), [1, 0]))
    index.add(Row(2, entry(tags=("b",))))
    index.add(with_vector(3, entry(tags=("c",)), [0.5, 5]))
    assert ask(index, vector=[0, 1]).ids.tolist() == [3]
    view = index.view()
    assert (view.n_vectors, view.dimension, view.made_by, view.makers) == (2, 2, "toy", set())
    with pytest.raises(VectorDimensionError):
        index.add(with_vector(4, entry("tea"), [1, 1, 1]))
    assert index.n == 3
    index.seal()
    view = index.view()
    assert (view.n_vectors, view.dimension, view.newest, view.makers) == (2, 2, None, {"toy"})


def test_nothing_is_merged_while_vectors_are_of_two_encoders() -> None:
    with small_parts(tail=4):
        index = Index(RecallConfig(), 2, "new")
        for id_ in range(1, 13):
            index.add(with_vector(id_, entry(f"word{id_}"), [id_, 1]))
        first, *others = cut(index).view().segments
        assert first.block is not None
        assert index.due()
        block = first.block
        earlier = Block(*(getattr(block, part) for part in Block.PARTS), made_by="old")
        assert index.replace((first,), first.with_block(earlier))
        assert index.view().makers == {"old", "new"}
        assert index.due() == ()
        whole = index.merge(index.view().segments, arrays)
        assert whole.block is not None
        assert (whole.block.made_by, whole.block.rows.tolist()) == ("new", list(range(4, 12)))
        assert others == list(index.view().segments[1:])


def test_neighbours_are_those_of_the_episode() -> None:
    index = index_of(*(entry("tea", episode=name) for name in "abacab"), entry("tea"))
    columns = index.view().columns
    assert columns.previous[:7].tolist() == [-1, -1, 0, -1, 2, 1, -1]
    assert columns.following[:7].tolist() == [2, 5, 4, -1, -1, -1, -1]


def test_without_an_episode_neighbours_are_those_between_two_pauses() -> None:
    minutes = (0, 1, 20, 120, 120, 121, 119, 125)  # a pause, an import in one second, and one that comes late
    rows = [entry("tea", at=minute * 60_000_000) for minute in minutes]
    rows[5] = entry("dreamt", at=minutes[5] * 60_000_000, layer="dream")
    rows.append(entry("tea", episode="a", at=126 * 60_000_000))
    previous = index_of(*rows).view().columns.previous[: len(rows)].tolist()
    assert previous == [-1, 0, 1, -1, -1, -1, -1, 6, -1]
    apart = Index(RecallConfig(pause=0), None)
    apart.extend(Row(id_, row) for id_, row in enumerate(rows, 1))
    assert set(apart.view().columns.previous[: len(rows)].tolist()) == {-1}


def test_readers_and_a_writer_need_no_lock() -> None:
    with small_parts(tail=16):
        index = index_of(*(entry("tea", episode="e") for _ in range(20)))
        wrong, fold = list[str](), entry("tea").fold
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                view = index.view()
                found = view.listed(TERMS["tea"]).tolist()
                repeats = view.repeats([fold], arrays)[fold].tolist()
                if not found == repeats == list(range(view.n)) or view.count(parse_where(), 0) != view.n:
                    wrong.append(f"{view.n}: {found} {repeats}")

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for id_ in range(100, 1100):
            index.add(Row(id_, entry("tea", episode="e")))
            merged(index)
        done.set()
        for reader in readers:
            reader.join()
        assert wrong == []


def test_where_nothing_new_comes_small_segments_become_one() -> None:
    with small_parts(tail=4, piece=32):
        index = index_of(*(entry(f"word{i}") for i in range(28)))
        for id_ in range(29, 37):
            index.add(Row(id_, entry(f"word{id_}")))
        cut(index)
        sizes = [len(segment) for segment in index.view().segments]
        assert sizes == [28, 4, 4]
        assert index.due() == ()
        assert [len(segment) for segment in index.due(settle=True)] == [4, 4], "no larger than a piece"
        index.replace(parts := index.due(settle=True), index.merge(parts, arrays))
        assert index.due(settle=True) == ()
        assert ask(index, "word33").ids.tolist() == [33]
