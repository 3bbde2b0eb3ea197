import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from thoughtengine.memory import arrays


def test_accumulate_is_bm25() -> None:
    norms = np.array([1.2 * (1 - 0.75 + 0.75 * length / 10) for length in (5, 10, 20)])
    out = np.zeros(3)
    arrays.accumulate(
        np.array([0, 2, 1], np.int32), np.array([1, 3, 2], np.uint8), np.array([0, 2, 3]), np.array([0.5, 2.0]),
        norms, np.empty(0, np.bool_), 1.2, out,
    )  # fmt: skip
    expected = [0.5 * 2.2 / (1 + norms[0]), 2.0 * 4.4 / (2 + norms[1]), 0.5 * 6.6 / (3 + norms[2])]
    assert out.tolist() == pytest.approx(expected, rel=1e-14)


def test_only_those_who_are_wanted_are_scored() -> None:
    out = np.zeros(3)
    arrays.accumulate(
        np.array([0, 2, 1, 2], np.int32), np.ones(4, np.uint8), np.array([0, 2, 4]), np.ones(2),
        np.ones(3), np.array([False, True, True]), 1.0, out,
    )  # fmt: skip
    assert out.tolist() == [0.0, 1.0, 2.0]


def test_many_postings_take_another_way_to_the_same_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    bounds = np.arange(0, 301, 100)
    positions = np.concatenate([np.sort(rng.choice(200, 100, replace=False)) for _ in range(3)]).astype(np.int32)
    counts = rng.integers(1, 9, 300).astype(np.uint8)
    norms, weights = rng.random(200) + 0.3, rng.random(3)
    sums = []
    for short in (10**6, 10):
        monkeypatch.setattr(arrays, "_SHORT", short)
        for wanted in (np.empty(0, np.bool_), np.arange(200) % 3 > 0):
            out = np.zeros(200)
            arrays.accumulate(positions, counts, bounds, weights, norms, wanted, 1.2, out)
            sums.append(out.tobytes())
    assert sums[:2] == sums[2:]


@pytest.mark.parametrize(("length", "lean"), [(0, 1.0), (50, 1.0), (200, 0.5), (5000, 0.1)])
def test_spread_lends_the_most_of_the_neighbours_and_an_echo_of_the_others(length: int, lean: float) -> None:
    base = np.array([1.0, 0.5, 0.0, 0.25, 2.0])
    previous, following = np.array([-1, 0, 1, 2, 3], np.int32), np.array([1, 2, 3, 4, -1], np.int32)
    out = np.empty(1)
    arrays.spread(base, previous, following, np.full(5, length, np.int32), np.array([2]), 0.8, 0.4, 0.2, 50.0, out)
    lent = [0.8 * 0.5, 0.8 * 0.25, 0.4 * 1.0, 0.4 * 2.0]
    assert out[0] == pytest.approx(lean * (max(lent) + 0.2 * (sum(lent) - max(lent))))


def test_spread_ends_with_the_episode_and_with_the_view() -> None:
    base = np.array([1.0, 1.0])
    previous, following = np.array([-1, -1], np.int32), np.array([2, -1], np.int32)  # 2 came after the view
    out = np.empty(2)
    arrays.spread(base, previous, following, np.ones(2, np.int32), np.arange(2), 0.8, 0.4, 0.2, 50.0, out)
    assert out.tolist() == [0.0, 0.0]


scores = hnp.arrays(np.float64, st.integers(0, 60), elements=st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 1e-300]))


@given(scores, st.integers(1, 70))
def test_best_is_a_sort(values: np.ndarray, k: int) -> None:
    expected = sorted((i for i, value in enumerate(values) if value > 0), key=lambda i: (-values[i], -i))[:k]
    assert arrays.best(values, k).tolist() == expected


@given(st.integers(0, 2**32), st.integers(1, 3000), st.sampled_from([0.0, 1.0, 6.0]))
def test_best_of_many_is_a_sort(seed: int, k: int, skew: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random(20_000) ** (1.0 + skew) * math.exp(rng.normal() * 20)
    values[rng.random(20_000) < rng.random()] = 0.0
    values = np.where(rng.random(20_000) < 0.3, values.max(initial=0.0), values) if skew == 1.0 else values
    found = np.flatnonzero(values > 0.0)
    assert arrays.best(values, k).tolist() == found[np.lexsort((-found, -values[found]))][:k].tolist()
