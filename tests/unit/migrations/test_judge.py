import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine._types import Calls
from thoughtengine.migrations.judge import Windows, calls_judged, criteria, interval

ratios = st.floats(0.01, 10.0)


def fed(*given: float) -> Windows:
    windows = Windows()
    for ratio in given:
        windows.add(ratio)
    return windows


@pytest.mark.parametrize(
    ("calls", "error", "available"),
    [
        (Calls(), "not judged", "not judged"),
        (Calls(999, 1.0, 999, 0), "not judged", "not judged"),
        (Calls(1000, 1.0, 0, 0), "met", "met"),
        (Calls(1000, 1.0, 1, 0), "missed", "met"),
        (Calls(1000, 1.0, 0, 2), "met", "missed"),
        (Calls(10_000, 1.0, 9, 1), "met", "met"),
        (Calls(10_000, 1.0, 9, 2), "met", "missed"),
    ],
)
def test_calls_are_judged_from_a_thousand_on(calls: Calls, error: str, available: str) -> None:
    found = calls_judged(calls)
    assert (found["error rate"].verdict, found["availability"].verdict) == (error, available)
    assert found["error rate"].observations == found["availability"].observations == calls.n


def test_a_record_that_is_lost_is_one_too_many() -> None:
    assert criteria(Calls(), None, lost=0, rows=5)["records lost"].verdict == "met"
    assert criteria(Calls(), None, lost=1, rows=5)["records lost"].verdict == "missed"


@given(st.lists(ratios, min_size=20, max_size=200))
def test_the_interval_holds_the_median(values: list[float]) -> None:
    low, high = interval(values)
    assert min(values) <= low <= statistics.median(values) <= high <= max(values)


def test_too_few_pairs_are_not_judged() -> None:
    assert fed(*[0.1] * 19).criterion().verdict == "not judged"
    assert fed(*[0.1] * 20).criterion().verdict == "missed"
    assert fed(*[1.0] * 20).criterion().verdict == "met"


def test_what_may_be_chance_is_not_missed() -> None:
    assert fed(*[0.89] * 11, *[1.2] * 9).criterion().verdict == "not judged"


def test_only_three_failed_gates_in_a_row_turn_it_back() -> None:
    assert not fed(*[0.5] * 59).failed
    assert fed(*[0.5] * 60).failed
    assert not fed(*[0.5] * 40, *[1.0] * 20, *[0.5] * 40).failed


@given(st.lists(ratios, max_size=100), st.floats(0.01, 0.1))
def test_the_share_stays_within_its_bounds(values: list[float], duty: float) -> None:
    windows = Windows()
    for value in values:
        windows.add(value)
        duty = windows.steered(duty)
        assert 0.01 <= duty <= 0.1


def test_the_share_is_halved_where_calls_suffer_and_grows_back() -> None:
    windows = fed(0.5, 0.5, 0.5)
    assert windows.steered(0.1) == 0.05
    windows.add(1.0)
    assert windows.steered(0.05) == 0.0625
