import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.memory.recall.feeling import Feeling, Felt, feel, t_quantile

DAY = 86_400_000_000


def felt(*valences: float, first: int = 1) -> list[Felt]:
    """Return a feeling a day, ids from `first`."""
    return [Felt(first + day, day * DAY, valence, 0.5) for day, valence in enumerate(valences)]


def test_nothing_known_is_false_and_says_so() -> None:
    nothing = feel("Dana", [])
    assert nothing == Feeling("Dana", 0.0, 0.0, 0, 0.0, (-1.0, 1.0), ())
    assert not nothing
    assert str(nothing) == "Dana: nothing is known of how it feels"


def test_one_memory_says_what_it_says_and_no_more() -> None:
    one = feel("Dana", [Felt(7, 0, -0.8, 0.3)])
    assert (one.valence, one.arousal, one.n, one.trend, one.because) == (-0.8, 0.3, 1, 0.0, (7,))
    assert one.interval == (-1.0, 1.0)
    assert bool(one)
    assert (
        str(one)
        == "Dana: perhaps bad (-0.80, 95 % between -1.00 and +1.00), arousal 0.30, no clear trend, from 1 memory: [7]"
    )
    assert repr(one).startswith("Feeling('Dana', valence=-0.80, arousal=0.30, n=1, trend=0, interval=(-1.00, 1.00)")


def test_the_present_counts_most() -> None:
    was_good, now_bad = feel("Dana", felt(*[0.8] * 16, *[-0.8] * 16)), feel("Dana", felt(*[-0.8] * 16, *[0.8] * 16))
    assert was_good.valence < -0.4
    assert now_bad.valence == pytest.approx(-was_good.valence)


def test_the_order_is_that_of_time_not_of_arrival() -> None:
    made = felt(0.9, 0.1, -0.5, -0.7)
    assert feel("Dana", made[::-1]) == feel("Dana", made)


def test_it_rests_on_what_pulls_its_way_the_weightiest_first() -> None:
    assert feel("Dana", felt(-0.9, 0.2, 0.9, -0.1, 0.8)).because == (5, 3, 2)
    assert feel("Dana", felt(*[0.5] * 9)).because == (9, 8, 7, 6, 5)
    assert feel("Dana", felt(0.0, 0.0)).because == (2, 1)


def test_what_is_less_about_it_counts_less() -> None:
    assert feel("tea", [Felt(1, 0, 1.0, 0.0, 1.0), Felt(2, 0, -1.0, 0.0, 0.25)]).valence > 0.5


def test_a_trend_is_told_where_it_is_clear() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0.0, 0.1, 20)
    assert feel("Dana", felt(*(0.04 * np.arange(20) - 0.4 + noise))).trend == pytest.approx(0.04, abs=0.01)
    assert feel("Dana", felt(*(0.4 - 0.04 * np.arange(20) + noise))).trend == pytest.approx(-0.04, abs=0.01)
    assert feel("Dana", felt(*noise)).trend == 0.0
    assert feel("Dana", felt(0.1, 0.9)).trend == 0.0  # two points are always on a line
    assert feel("Dana", [Felt(i, 0, i / 9, 0.0) for i in range(9)]).trend == 0.0  # all at one moment
    assert "falling" in str(feel("Dana", felt(0.5, 0.3, 0.1, -0.1)))


def test_the_interval_holds_what_it_promises() -> None:
    rng = np.random.default_rng(2)
    held = []
    for _ in range(400):
        low, high = feel("Dana", felt(*rng.normal(0.1, 0.15, 12))).interval
        held.append(low <= 0.1 <= high)
    assert 0.92 <= np.mean(held) <= 0.98


def test_the_sentence_says_no_more_than_is_known() -> None:
    assert str(feel("Dana", felt(0.7, 0.8, 0.75, 0.8))).startswith("Dana: good (+0.77")
    assert str(feel("Dana", felt(-0.7, -0.8, -0.75))).startswith("Dana: bad (-0.75")
    assert str(feel("Dana", felt(0.9, -0.4))).startswith("Dana: perhaps good")
    assert str(feel("Dana", felt(0.05, -0.05))).startswith("Dana: neither good nor bad")


def test_more_that_agree_make_it_narrower() -> None:
    few, many = feel("Dana", felt(0.4, 0.6)), feel("Dana", felt(*[0.4, 0.6] * 8))
    assert many.interval[1] - many.interval[0] < few.interval[1] - few.interval[0]


@pytest.mark.parametrize(
    ("degrees", "known"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (5, 2.5706), (10, 2.2281), (30, 2.0423), (120, 1.9799)],
)
def test_students_t_is_that_of_the_tables(degrees: float, known: float) -> None:
    assert t_quantile(degrees) == pytest.approx(known, abs=1e-3)


@given(
    st.lists(
        st.tuples(st.integers(-(2**40), 2**60), st.floats(-1, 1), st.floats(0, 1), st.floats(0.01, 1)), max_size=300
    )
)
def test_it_stays_in_range(made: list[tuple[int, float, float, float]]) -> None:
    one = feel("x", [Felt(id_, *parts) for id_, parts in enumerate(made, 1)])
    assert -1.0 <= one.interval[0] <= one.valence + 1e-9
    assert one.valence - 1e-9 <= one.interval[1] <= 1.0
    assert -1e-9 <= one.arousal <= 1.0 + 1e-9
    assert one.n == min(len(made), 256)
    assert np.isfinite(one.trend)
    assert len(one.because) <= 5
