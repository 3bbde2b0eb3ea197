import numpy as np
import pytest

from tests.indexes import entry
from thoughtengine.memory.analysis import LABELS, TAGS, TERMS
from thoughtengine.memory.segment import Segment, Tail

ENTRIES = [
    entry("tea and tea", source="Dana", tags=("work",)),
    entry("coffee", source="Bob"),
    entry(tags=("work", "home")),
    entry("Tea, tea, tea", source="Dana"),
]


def listed(segment: Segment, key: int) -> list[tuple[int, int]]:
    (start,), (stop,) = segment.find(np.array([key], np.uint64))
    return list(zip(segment.positions[start:stop].tolist(), segment.counts[start:stop].tolist(), strict=True))


def test_a_segment_lists_where_each_hash_occurs_and_how_often() -> None:
    segment = Segment.build(10, ENTRIES)
    assert (segment.start, segment.stop, len(segment)) == (10, 14, 4)
    assert listed(segment, TERMS["tea"]) == [(10, 2), (13, 3)]
    assert listed(segment, LABELS["dana"]) == [(10, 1), (13, 1)]
    assert listed(segment, TAGS["work"]) == [(10, 1), (12, 1)]
    assert listed(segment, ENTRIES[1].fold) == [(11, 1)]
    assert listed(segment, TERMS["milk"]) == []
    assert (segment.hashes[1:] > segment.hashes[:-1]).all()


def test_nothing_is_found_in_an_empty_segment() -> None:
    empty = Segment.build(0, [])
    assert listed(empty, TERMS["tea"]) == []
    assert len(empty) == 0


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
def test_merged_parts_are_what_would_have_been_built_at_once(cut: int) -> None:
    whole = Segment.build(5, ENTRIES)
    merged = Segment.merge([Segment.build(5, ENTRIES[:cut]), Segment.build(5 + cut, ENTRIES[cut:])])
    for name in ("hashes", "bounds", "positions", "counts"):
        one, other = getattr(whole, name), getattr(merged, name)
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()
    assert (merged.start, merged.stop) == (whole.start, whole.stop)


def test_a_tail_lists_the_same_as_the_segment_cut_from_it() -> None:
    tail = Tail(5)
    for made in ENTRIES:
        tail.append(made)
    segment = Segment.build(tail.start, tail.entries)
    for key in segment.hashes.tolist():
        found = tail.find(key, 9)
        assert found is not None
        assert [(packed >> 8, packed & 255) for packed in found.tolist()] == listed(segment, key)
    assert tail.find(TERMS["milk"], 9) is None


def test_a_tail_shows_a_reader_only_what_the_reader_knows_of() -> None:
    tail = Tail(0)
    for made in ENTRIES:
        tail.append(made)
    found = tail.find(TERMS["tea"], 3)
    assert found is not None
    assert (found >> 8).tolist() == [0]
    nothing = tail.find(ENTRIES[3].fold, 3)
    assert nothing is not None
    assert len(nothing) == 0
