import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.encoders.pooling import pool
from thoughtengine.errors import InvalidArgumentError

TABLE = np.array([[3, 4], [0, 5], [-3, -4]], np.float32)


def texts(*tokens: list[int]) -> list[np.ndarray]:
    return [np.array(mine, np.int32) for mine in tokens]


def test_a_text_points_where_its_tokens_point_in_the_mean() -> None:
    assert pool(texts([0], [1, 1, 1]), TABLE) == pytest.approx(np.array([[0.6, 0.8], [0, 1]]))


def test_a_token_counts_by_its_weight() -> None:
    weights = [np.array([0, 2], np.float32)]
    assert pool(texts([0, 1]), TABLE, weights) == pytest.approx(np.array([[0, 1]]))


def test_without_tokens_or_with_opposite_ones_there_is_no_direction() -> None:
    assert not pool(texts([], [0, 2]), TABLE).any()
    assert pool([], TABLE).shape == (0, 2)


@pytest.mark.parametrize("token", [-1, 3])
def test_a_token_outside_the_table_is_refused(token: int) -> None:
    with pytest.raises(InvalidArgumentError, match=r"\[0, 3\)"):
        pool(texts([0], [0, token]), TABLE)


@given(st.integers(0, 2**32), st.lists(st.lists(st.integers(0, 29), max_size=40), max_size=8), st.booleans())
def test_pooling_is_the_plain_sum_over_tokens(seed: int, tokens: list[list[int]], weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(30, 7)).astype(np.float32) + 1.0
    weights = [rng.random(len(mine)).astype(np.float32) for mine in tokens] if weighted else None
    pooled = pool(texts(*tokens), table, weights)
    for i, mine in enumerate(tokens):
        row, total = pooled[i], [0.0] * 7
        for at, token in enumerate(mine):
            for j in range(7):
                total[j] += float(table[token, j]) * (1.0 if weights is None else float(weights[i][at]))
        norm = sum(x * x for x in total) ** 0.5
        if norm > 0.5:
            assert row == pytest.approx([x / norm for x in total], abs=1e-4)
        elif not mine:
            assert not row.any()
