import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine._types import SPREAD_STEPS, Calls
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


def spread(**counts: int) -> Calls:
    """Calls that took so many tenths of a millisecond: `_50=3` three of them five milliseconds."""
    steps = [0] * SPREAD_STEPS
    for name, n in counts.items():
        steps[Calls.step_of(int(name[1:]) * 1e-4)] += n
    return Calls(sum(steps), spread=tuple(steps))


def timed(*pairs: tuple[Calls, Calls]) -> Windows:
    windows = Windows()
    for working, resting in pairs:
        windows.add(1.0, working, resting)
    return windows


QUICK, SLOW = spread(_10=100), spread(_10=90, _200=10)


def test_the_slowest_hundredth_is_judged_from_a_thousand_calls_and_twenty_pairs_on() -> None:
    assert Windows().response().verdict == "not judged"
    assert timed(*[(QUICK, QUICK)] * 19).response().verdict == "not judged"
    assert timed(*[(spread(_10=30), spread(_10=30))] * 20).response().verdict == "not judged"
    assert timed(*[(QUICK, QUICK)] * 20).response().verdict == "met"
    found = timed(*[(SLOW, QUICK)] * 20).response()
    assert (found.verdict, found.observations) == ("missed", 2000)
    assert found.measured == pytest.approx(0.02, rel=0.05)
    assert found.limit == pytest.approx(1.1 * 0.001 + 0.001, rel=0.05)


def test_slow_calls_at_rest_too_are_no_fault_of_the_upgrade() -> None:
    assert timed(*[(SLOW, SLOW)] * 20).response().verdict == "met"
    assert timed(*[(SLOW, QUICK)] * 10, *[(QUICK, QUICK)] * 12).response().verdict == "not judged"


@given(st.lists(st.floats(1e-6, 50.0), min_size=1, max_size=50), st.floats(0.01, 1.0))
def test_a_percentile_is_right_to_a_twentieth(seconds: list[float], share: float) -> None:
    steps = [0] * SPREAD_STEPS
    for each in seconds:
        steps[Calls.step_of(each)] += 1
    found = Calls(len(seconds), spread=tuple(steps)).percentile(share)
    expected = sorted(seconds)[max(0, math.ceil(share * len(seconds) - 1e-9) - 1)]
    assert found == pytest.approx(expected, rel=0.06)
