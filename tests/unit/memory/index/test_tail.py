import numpy as np
import pytest

from tests.indexes import entry
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index.analysis import TAGS, TERMS
from thoughtengine.memory.index.segment import Segment
from thoughtengine.memory.index.tail import Tail, hashes_of

ENTRIES = [
    entry("tea and tea", source="Dana", tags=("work",)),
    entry("coffee", source="Bob"),
    entry(tags=("work", "home")),
    entry("Tea, tea, tea", source="Dana"),
]


@pytest.fixture
def tail() -> Tail:
    tail = Tail(5)
    for made in ENTRIES:
        tail.append(made)
    return tail


def found(tail: Tail, *keys: int) -> list[list[tuple[int, int]]]:
    """Return (place, count) of each hash."""
    postings, bounds = tail.find(keys, len(tail))
    assert postings.dtype == np.uint32
    pairs = [(packed >> 8, packed & 255) for packed in postings.tolist()]
    return [pairs[start:stop] for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)]


def test_a_tail_lists_where_each_hash_occurs_and_how_often(tail: Tail) -> None:
    assert len(tail) == 4
    assert found(tail, TERMS["tea"], TAGS["work"], TERMS["milk"], TERMS["coffee"]) == [
        [(0, 2), (3, 3)], [(0, 1), (2, 1)], [], [(1, 1)],
    ]  # fmt: skip
    assert found(tail) == []


def test_a_tail_lists_the_same_as_the_segment_cut_from_it(tail: Tail) -> None:
    segment = Segment.build(tail.start, tail.entries)
    starts, stops = segment.find(segment.hashes)
    for mine, start, stop in zip(found(tail, *segment.hashes.tolist()), starts, stops, strict=True):
        assert mine == [(packed >> 8, packed & 255) for packed in segment.postings[start:stop].tolist()]
    folds = np.array([made.fold for made in ENTRIES], np.uint64)
    for made in (ENTRIES[0], ENTRIES[1], ENTRIES[3]):
        ((first, *_),) = found(tail, made.fold)
        (at,), (times,) = segment.with_fold(folds, np.array([made.fold], np.uint64), arrays)
        assert times == 1
        assert segment.run_of(folds, int(at), made.fold).tolist() == [first[0] + 5]


def test_what_was_found_stays_as_it_was_found(tail: Tail) -> None:
    postings, _ = tail.find([TERMS["tea"]], 4)
    before = postings.tolist()
    for _ in range(100):
        tail.append(entry("tea"))
    assert postings.tolist() == before
    assert len(found(tail, TERMS["tea"])[0]) == 102


def test_a_tail_shows_a_reader_only_what_the_reader_knows_of(tail: Tail) -> None:
    postings, bounds = tail.find([TERMS["tea"], ENTRIES[3].fold], 3)
    assert (postings >> 8).tolist() == [0]
    assert bounds.tolist() == [0, 1, 1]


def test_every_hash_has_a_count() -> None:
    hashes, counts = hashes_of(ENTRIES[0])
    listed = dict(zip(memoryview(hashes).cast("Q").tolist(), counts, strict=True))
    assert listed[TERMS["tea"]] == 2
    assert listed[TERMS["and"]] == listed[TAGS["work"]] == 1


def test_a_memory_without_a_text_has_no_repeats() -> None:
    tail = Tail(0)
    for _ in range(2):
        tail.append(entry(tags=("a",)))
    assert found(tail, 0) == [[]]
