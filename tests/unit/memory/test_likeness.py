import numpy as np
import pytest

from tests.indexes import entry, merged, small_parts, with_vector
from thoughtengine.config import RecallConfig
from thoughtengine.memory import arrays
from thoughtengine.memory.index import Index, Row
from thoughtengine.memory.likeness import Likeness
from thoughtengine.memory.vectors import unit_rows

N = 90
VECTORS = unit_rows(np.random.default_rng(4).standard_normal((N, 8)).astype(np.float32))
UNIT = VECTORS[3]
HAVING = [i for i in range(N) if i % 5]


@pytest.fixture(scope="module", params=["tail", "segments", "both"])
def index(request: pytest.FixtureRequest) -> Index:
    """Memories of which every fifth has no vector, in segments, in the tail or in both."""
    with small_parts(tail=1000 if request.param == "tail" else 20):
        index = Index(RecallConfig(), 8)
        for i in range(N):
            made = entry(f"word{i}")
            index.add(with_vector(i + 1, made, VECTORS[i]) if i % 5 else Row(i + 1, made))
        if request.param == "segments":
            index.seal()
        return merged(index)


@pytest.fixture
def likeness(index: Index) -> Likeness:
    return Likeness(index.view(), "dense", UNIT, arrays)


def test_the_closest_of_all_parts(likeness: Likeness) -> None:
    positions, cosines = likeness.closest(10, None)
    exact = VECTORS @ UNIT
    expected = sorted(HAVING, key=lambda i: -exact[i])[:10]
    assert positions.tolist() == expected
    assert cosines == pytest.approx(exact[expected], abs=1e-4)


def test_the_closest_of_those_who_may_be_found(likeness: Likeness) -> None:
    chosen = np.arange(1, N, 7)
    positions, _ = likeness.closest(N, chosen)
    exact = VECTORS @ UNIT
    assert positions.tolist() == sorted(set(HAVING) & set(chosen.tolist()), key=lambda i: -exact[i])
    assert len(likeness.closest(5, np.array([0, 5, 10]))[0]) == 0
    assert len(likeness.closest(5, np.empty(0, np.int64))[0]) == 0


def test_the_cosines_of_some(likeness: Likeness) -> None:
    places = np.array([0, 1, 3, 10, 44, 45, 46, N - 2, N - 1])
    exact = np.where(places % 5 > 0, (VECTORS @ UNIT)[places], np.nan)
    assert likeness.at(places) == pytest.approx(exact, abs=1e-4, nan_ok=True)
    assert len(likeness.at(np.empty(0, np.int64))) == 0


def test_what_is_usual_is_the_mean_of_those_with_a_vector(likeness: Likeness) -> None:
    total = float((VECTORS[HAVING] @ UNIT).sum())
    assert likeness.usual == pytest.approx(max(total / (len(HAVING) + 10), 0.0), abs=1e-5)


def test_nothing_is_closest_where_nobody_has_such_vectors(index: Index) -> None:
    other = Likeness(index.view(), "other", UNIT, arrays)
    assert len(other.closest(5, None)[0]) == 0
    assert np.isnan(other.at(np.arange(3))).all()
    assert other.usual == 0.0
