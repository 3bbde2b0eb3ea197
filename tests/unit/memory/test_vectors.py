import numpy as np
import pytest

from thoughtengine.errors import VectorDimensionError
from thoughtengine.memory.vectors import Vectors


def test_vectors_are_kept_at_length_one() -> None:
    vectors = Vectors(None)
    assert vectors.matrix is None
    assert vectors.append([np.array([3, 4], np.float32), np.array([0, 0], np.float32)]) == 0
    assert vectors.append([np.array([0, -2], np.float32)]) == 2
    assert vectors.matrix is not None
    assert vectors.matrix.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0], [0.0, -1.0]]
    assert vectors.matrix.dtype == np.float32


def test_very_small_and_very_large_numbers_keep_their_direction() -> None:
    vectors = Vectors(2)
    vectors.append([np.array([3e-30, 4e-30], np.float32), np.array([3e37, 4e37], np.float32)])
    assert vectors.matrix == pytest.approx(np.array([[0.6, 0.8], [0.6, 0.8]]))


def test_what_was_published_is_not_moved() -> None:
    vectors = Vectors(2)
    vectors.append([np.array([1, 0], np.float32)])
    before = vectors.matrix
    assert before is not None
    for _ in range(200):
        vectors.append([np.array([0, 1], np.float32)])
    assert before.tolist() == [[1.0, 0.0]]
    assert vectors.matrix is not None
    assert vectors.matrix.shape == (201, 2)


@pytest.mark.parametrize("dimension", [None, 2])
def test_another_dimension_is_refused_and_nothing_added(dimension: int | None) -> None:
    vectors = Vectors(dimension)
    with pytest.raises(VectorDimensionError):
        vectors.append([np.ones(2, np.float32), np.ones(3, np.float32)])
    assert vectors.matrix is None
    assert vectors.append([np.ones(2, np.float32)]) == 0
