import numpy as np
import pytest

from tests.indexes import entry, merged, small_parts, with_vector
from thoughtengine._types import FloatArray
from thoughtengine.config import RecallConfig
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index.index import Index, Row
from thoughtengine.memory.index.likeness import Likeness
from thoughtengine.memory.index.vectors import unit_rows

N = 90
VECTORS = unit_rows((np.random.default_rng(4).standard_normal((N, 8)) + 0.5).astype(np.float32))
UNIT = VECTORS[3]
HAVING = [i for i in range(N) if i % 5]


def filled(tail: int, made_by: str = "toy") -> Index:
    """Memories of which every fifth has no vector."""
    with small_parts(tail=tail):
        index = Index(RecallConfig(), 8, made_by)
        for i in range(N):
            made = entry(f"word{i}")
            index.add(with_vector(i + 1, made, VECTORS[i]) if i % 5 else Row(i + 1, made))
        return merged(index)


@pytest.fixture(scope="module", params=["tail", "segments", "both"])
def index(request: pytest.FixtureRequest) -> Index:
    """Return them in segments, in the tail or in both."""
    index = filled(1000 if request.param == "tail" else 20)
    if request.param == "segments":
        index.seal()
    return index


@pytest.fixture
def likeness(index: Index) -> Likeness:
    return Likeness(index.view(), {"toy": UNIT}, arrays)


def above(cosines: FloatArray) -> FloatArray:
    """Return gains: from two deviations below the mean, which a few memories do not tell, up to 1."""
    usual = (VECTORS @ UNIT)[HAVING].astype(np.float64)
    zero = max((usual.mean() - 2.0 * usual.std()) * len(HAVING) / (len(HAVING) + 10.0), 0.0)
    gains: FloatArray = np.clip((cosines - zero) / (1.0 - zero), 0.0, 1.0)
    return gains


def test_the_closest_of_all_parts(likeness: Likeness) -> None:
    exact = VECTORS @ UNIT
    assert likeness.closest(10, None)[0].tolist() == sorted(sorted(HAVING, key=lambda i: -exact[i])[:10])


def test_the_closest_of_those_who_may_be_found(likeness: Likeness) -> None:
    chosen, exact = np.arange(1, N, 7), VECTORS @ UNIT
    inside = sorted(set(HAVING) & set(chosen.tolist()), key=lambda i: -exact[i])
    assert likeness.closest(4, chosen)[0].tolist() == sorted(inside[:4])
    found = likeness.closest(N, chosen)[0].tolist()
    assert found == [i for i in sorted(inside) if above(exact)[i] > 0.0]
    assert len(likeness.closest(5, np.array([0, 5, 10]))[0]) == 0
    assert len(likeness.closest(5, np.empty(0, np.int64))[0]) == 0


@pytest.mark.parametrize("searched", [False, True])
def test_the_gains_of_some(likeness: Likeness, searched: bool) -> None:
    if searched:
        likeness.closest(5, None)
    places = np.array([0, 1, 3, 10, 44, 45, 46, N - 2, N - 1])
    exact = np.where(places % 5 > 0, above((VECTORS @ UNIT)[places]), 0.0)
    assert likeness.gains(places) == pytest.approx(exact, abs=5e-3)  # what is usual is told by a part of them
    assert likeness.gains(places)[2] == pytest.approx(1.0, abs=2e-4)
    assert len(likeness.gains(np.empty(0, np.int64))) == 0


def test_nothing_is_like_a_cue_of_an_encoder_that_nobody_has_vectors_of(index: Index) -> None:
    other = Likeness(index.view(), {"other": UNIT}, arrays)
    assert len(other.closest(5, None)[0]) == 0
    assert other.gains(np.arange(N)).tolist() == [0.0] * N


def test_a_cue_of_another_dimension_is_left_to_those_who_have_it(index: Index) -> None:
    index = filled(20)
    index.seal()
    other = Likeness(index.view(), {"toy": np.array([1, 0], np.float32)}, arrays)
    assert len(other.closest(5, None)[0]) == 0
    assert other.gains(np.arange(N)).tolist() == [0.0] * N


def test_vectors_of_two_encoders_are_each_compared_with_their_cue() -> None:
    index = filled(20)
    index.seal()
    first, *_ = index.view().segments
    turned = Index(RecallConfig(), 3, "older")
    axes = np.eye(3, dtype=np.float32)
    turned.extend(with_vector(i + 1, entry(f"word{i}"), axes[i % 3]) for i in range(len(first)))
    turned.seal()
    (older,) = turned.view().segments
    assert index.replace((first,), first.with_block(older.block))
    both = Likeness(index.view(), {"toy": UNIT, "older": axes[1]}, arrays)
    everyone = both.gains(np.arange(N))
    assert everyone[: first.stop].tolist() == [pytest.approx(float(i % 3 == 1), abs=1e-3) for i in range(first.stop)]
    assert everyone[first.stop :].any()
    assert set(both.closest(first.stop // 4, None)[0].tolist()) <= {i for i in range(N) if everyone[i] > 0.0}
    alone = Likeness(index.view(), {"toy": UNIT}, arrays).gains(np.arange(N))
    assert not alone[: first.stop].any()
    assert alone[first.stop :].any()
