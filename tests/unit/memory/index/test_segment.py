from types import ModuleType

import numpy as np
import pytest

from tests.indexes import entry
from thoughtengine.memory.index import arrays, kernels
from thoughtengine.memory.index.analysis import LABELS, TAGS, TERMS
from thoughtengine.memory.index.segment import Segment

ENTRIES = [
    entry("tea and tea", source="Dana", tags=("work",)),
    entry("coffee", source="Bob"),
    entry(tags=("work", "home")),
    entry("Tea, tea, tea", source="Dana"),
]


FOLDS = np.array([made.fold for made in ENTRIES], np.uint64)


def listed(segment: Segment, key: int) -> list[tuple[int, int]]:
    """Return (position, count) of a hash."""
    (start,), (stop,) = segment.find(np.array([key], np.uint64))
    return [(segment.start + (packed >> 8), packed & 255) for packed in segment.postings[start:stop].tolist()]


def test_a_segment_lists_where_each_hash_occurs_and_how_often() -> None:
    segment = Segment.build(10, ENTRIES)
    assert (segment.start, segment.stop, len(segment)) == (10, 14, 4)
    assert listed(segment, TERMS["tea"]) == [(10, 2), (13, 3)]
    assert listed(segment, LABELS["dana"]) == [(10, 1), (13, 1)]
    assert listed(segment, TAGS["work"]) == [(10, 1), (12, 1)]
    assert listed(segment, TAGS["home"]) == [(12, 1)]
    assert listed(segment, TERMS["milk"]) == []
    assert (segment.hashes[1:] > segment.hashes[:-1]).all()


def test_nothing_is_found_in_an_empty_segment() -> None:
    empty = Segment.build(0, [])
    assert listed(empty, TERMS["tea"]) == []
    assert len(empty) == 0


@pytest.mark.parametrize("maths", [arrays, kernels])
def test_exact_repeats_are_found_by_their_fold(maths: ModuleType, compiled: None) -> None:
    entries = [entry("tea"), entry("milk"), entry("Tea"), entry(tags=("a",)), entry(tags=("b",)), entry("tea")]
    segment, folds = Segment.build(20, entries), np.array([made.fold for made in entries], np.uint64)
    wanted = np.array([entries[0].fold, entries[1].fold, entry("rain").fold], np.uint64)
    firsts, times = segment.with_fold(folds, wanted, maths)
    assert times.tolist() == [2, 1, 0]
    assert segment.run_of(folds, int(firsts[0]), entries[0].fold).tolist() == [20, 22, 25]
    assert segment.run_of(folds, int(firsts[1]), entries[1].fold).tolist() == [21]
    assert segment.run_of(folds, int(firsts[2]), entry("rain").fold).tolist() == []


@pytest.mark.parametrize("maths", [arrays, kernels])
@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
def test_merged_parts_are_what_would_have_been_built_at_once(cut: int, maths: ModuleType, compiled: None) -> None:
    whole = Segment.build(5, ENTRIES)
    merged = Segment.merge([Segment.build(5, ENTRIES[:cut]), Segment.build(5 + cut, ENTRIES[cut:])], FOLDS, maths)
    for name in ("hashes", "bounds", "postings", "order"):
        one, other = getattr(whole, name), getattr(merged, name)
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()
    assert (merged.start, merged.stop, merged.name) == (whole.start, whole.stop, None)


def test_a_segment_tells_what_it_is() -> None:
    assert repr(Segment.build(5, ENTRIES[:1])) == "<Segment [5, 6): 9 hashes, 0 vectors>"
