import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thoughtengine.memory.index import arrays
from thoughtengine.memory.index.vectors import UNKNOWN

F = np.float32


def accumulate(postings: list[list[tuple[int, int]]], weights: list[float], lengths: list[int], **options: Any) -> Any:
    """Return what BM25 gives: k1 1.2, b 0.75, ten words on average."""
    stops = np.cumsum([len(part) for part in postings])
    packed = np.array([place << 8 | count for part in postings for place, count in part], np.uint32)
    out = np.zeros(options.get("n", len(lengths)), np.float32)
    arrays.accumulate(
        packed, np.concatenate(([0], stops[:-1])), stops, np.array(weights, np.float32), len(postings),
        options.get("start", 0), np.array(lengths, np.uint16), np.array(lengths, np.uint16), F(1.2 * 0.25),
        F(1.2 * 0.75 / 10), F(0.0), F(1.2), options.get("wanted", EVERYONE), out, np.empty(0, np.float32),
    )  # fmt: skip
    return out


EVERYONE = np.empty(0, np.bool_)


def test_accumulate_is_bm25() -> None:
    norms = [1.2 * (1 - 0.75 + 0.75 * length / 10) for length in (5, 10, 20)]
    out = accumulate([[(0, 1), (2, 3)], [(1, 2)]], [0.5, 2.0], [5, 10, 20])
    expected = [0.5 * 2.2 / (1 + norms[0]), 2.0 * 4.4 / (2 + norms[1]), 0.5 * 6.6 / (3 + norms[2])]
    assert out.tolist() == pytest.approx(expected, rel=1e-6)


def test_only_those_who_are_wanted_are_scored() -> None:
    postings = [[(0, 1), (2, 1)], [(1, 1), (2, 1)]]
    everyone = accumulate(postings, [1.0, 1.0], [3, 3, 3])
    out = accumulate(postings, [1.0, 1.0], [3, 3, 3], wanted=np.array([False, True, True]))
    assert out.tolist() == [0.0, *everyone[1:].tolist()]


def test_a_part_begins_where_it_says_and_ends_with_the_view() -> None:
    out = accumulate([[(0, 1), (1, 1), (2, 1)]], [1.0], [3] * 5, start=2, n=4)
    assert (out > 0.0).tolist() == [False, False, True, True]


def test_a_word_that_weighs_nothing_is_not_looked_up() -> None:
    assert not accumulate([[(0, 1)]], [0.0], [3]).any()


def lent(base: list[float], previous: list[int], following: list[int], lengths: list[int], places: list[int]) -> Any:
    whole, (none, own, labelled, out) = np.array(base, np.float32), np.zeros((4, len(places)))
    arrays.fill(
        whole, whole[:0], np.zeros_like(whole), EVERYONE, np.array(previous, np.int32), np.array(following, np.int32),
        np.array(lengths, np.uint16), np.array(places), F(0.8), F(0.4), F(0.2), F(50.0), F(0.0), F(1.0), none, none, own,
        labelled, out, np.zeros(len(places), np.int8),
    )  # fmt: skip
    return out


@pytest.mark.parametrize(("length", "lean"), [(0, 1.0), (50, 1.0), (200, 0.5), (5000, 0.1)])
def test_neighbours_lend_the_most_of_the_neighbours_and_an_echo_of_the_others(length: int, lean: float) -> None:
    out = lent([1.0, 0.5, 0.0, 0.25, 2.0], [-1, 0, 1, 2, 3], [1, 2, 3, 4, -1], [length] * 5, [2])
    parts = [0.8 * 0.5, 0.8 * 0.25, 0.4 * 1.0, 0.4 * 2.0]
    assert out[0] == pytest.approx(lean * (max(parts) + 0.2 * (sum(parts) - max(parts))), rel=1e-6)


def test_what_is_lent_ends_with_the_episode_and_with_the_view() -> None:
    assert lent([1.0, 1.0], [-1, -1], [2, -1], [1, 1], [0, 1]).tolist() == [0.0, 0.0]  # 2 came after the view


def test_the_nearest_differ_in_the_fewest_bits() -> None:
    codes = np.array([0, 0b111, (1 << 64) - 1, 5], np.uint64).repeat(4)  # 4, 8, 252 and 4 bits from one of ones
    one, everyone, half = np.ones(4, np.uint64), np.empty(0, np.int64), np.zeros(1, np.int16)

    def near(among: Any, n: int, wanted: int = 4, margin: int = 0) -> Any:
        coarse, scale, out = np.arange(4, dtype=np.uint8), np.full(4, F(0.1)), np.empty(16)
        steps = half + np.int16(1), half, half + np.int16(1), 1.0  # the cosines: -0.8, -0.7, -0.6, -0.5
        return arrays.closest(
            codes, one, among, n, margin, 1, coarse, np.empty(0, np.int8), scale, *steps, wanted, out
        ).tolist()

    assert near(everyone, 1) == [0, 3]
    assert near(everyone, 3) == [0, 1, 3]
    assert near(np.array([1, 2]), 1) == [1]
    assert near(everyone, 3, wanted=2) == [1, 3]  # of those the closest
    assert near(everyone, 1, margin=4) == [0, 1, 3]  # hardly further away


def test_cosines_are_exact_at_the_edge_of_what_is_promised() -> None:
    d, out = 8192, np.empty(1)
    one, half = np.ones(2, np.float32), np.full(d // 2, 2000, np.int16)
    steps, rows, nothing = np.full(d, 2000, np.int16), np.array([1]), np.empty(0, np.int8)
    for both, size in ((15, 7), (1, -7), (8, 0)):
        coarse = np.full(2 * d // 2, both | both << 4, np.uint8)
        arrays.cosines(coarse, nothing, one, half, half, steps, 1.0, rows, *UNKNOWN, out)
        assert out.tolist() == [size * 2000 * d]
    coarse = np.full(2 * d // 2, 15 | 1 << 4, np.uint8)
    arrays.cosines(coarse, nothing, one, half, half, steps, 1.0, rows, *UNKNOWN, out)
    assert out.tolist() == [0]
    arrays.cosines(coarse, nothing, one, half, -half, steps, 0.5, rows, *UNKNOWN, out)
    assert out.tolist() == [7 * 1000 * d]
    arrays.cosines(
        np.full(d, 8 | 8 << 4, np.uint8), np.full(2 * d, 127, np.int8), one, half, half, steps, 1.0, rows, *UNKNOWN, out
    )
    assert out.tolist() == [1000 * d]


def test_cosines_take_the_lower_half_first() -> None:
    coarse, out = np.array([9 | 10 << 4, 8 | 1 << 4], np.uint8), np.empty(1)  # 1, 2, 0, -7
    even, odd, scale = np.array([1, 100], np.int16), np.array([10, 1000], np.int16), np.array([3.0], np.float32)
    steps, nothing = np.array([1, 10, 100, 1000], np.int16), np.empty(0, np.int8)
    arrays.cosines(coarse, nothing, scale, even, odd, steps, 1.0, np.array([0]), *UNKNOWN, out)
    assert out.tolist() == [3 * (1 + 20 - 7000)]
    even, odd, steps = even.astype(np.int32), odd.astype(np.int32), steps.astype(np.int32)
    arrays.exact(
        coarse, np.array([0, 0, 127, 0], np.int8), scale, even, odd, steps, 1.0 / 254, np.array([0]), np.array([0]), out
    )
    assert out == pytest.approx(3 * (1 + 20 + 50 - 7000))


@given(st.lists(st.lists(st.integers(-5, 5), max_size=6), min_size=1, max_size=4))
def test_union_is_a_set_in_order(parts: list[list[int]]) -> None:
    expected = sorted({number for part in parts for number in part})
    assert arrays.union(*(np.array(part, np.int64) for part in parts)).tolist() == expected


scores = hnp.arrays(np.float64, st.integers(0, 60), elements=st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 1e-300]))


@given(scores, st.integers(1, 70))
def test_best_is_a_sort(values: np.ndarray, k: int) -> None:
    expected = sorted((i for i, value in enumerate(values) if value > 0), key=lambda i: (-values[i], -i))[:k]
    assert arrays.best(values, k).tolist() == expected
    assert arrays.foremost(values, k).tolist() == sorted(expected)


@given(st.integers(0, 2**32), st.integers(1, 3000), st.sampled_from([0.0, 1.0, 6.0]))
def test_best_of_many_is_a_sort(seed: int, k: int, skew: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random(20_000) ** (1.0 + skew) * math.exp(rng.normal() * 20)
    values[rng.random(20_000) < rng.random()] = 0.0
    values = np.where(rng.random(20_000) < 0.3, values.max(initial=0.0), values) if skew == 1.0 else values
    found = np.flatnonzero(values > 0.0)
    expected = found[np.lexsort((-found, -values[found]))][:k].tolist()
    assert arrays.best(values, k).tolist() == expected
    assert arrays.foremost(values, k).tolist() == sorted(expected)
