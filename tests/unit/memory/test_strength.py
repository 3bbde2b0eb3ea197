import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.memory.strength import FIRST_STABILITY, retrievability

days = st.floats(0, 40_000)


def test_new_is_one_and_at_its_stability_nine_tenths() -> None:
    assert retrievability(0.0) == 1.0
    assert retrievability(FIRST_STABILITY) == pytest.approx(0.9, abs=1e-12)
    assert retrievability(100.0, 100.0) == pytest.approx(0.9, abs=1e-12)


def test_the_curve_of_the_reference() -> None:
    # (1 + F t / S) ** -0.1542 with F = 0.9 ** (1 / -0.1542) - 1, worked out by hand for t = 30, S = 2.3065
    assert retrievability(30.0) == pytest.approx((1 + (0.9 ** (-1 / 0.1542) - 1) * 30 / 2.3065) ** -0.1542, abs=1e-12)


@given(days, days)
def test_older_is_never_stronger(one: float, other: float) -> None:
    younger, older = sorted((one, other))
    assert 0.0 < retrievability(older) <= retrievability(younger) <= 1.0


@given(st.lists(days, min_size=1, max_size=20))
def test_an_array_is_its_numbers(ages: list[float]) -> None:
    together = retrievability(np.array(ages))
    assert together == pytest.approx([retrievability(age) for age in ages], rel=1e-14)
