from __future__ import annotations

import datetime as dt

from hypothesis import example, given
from hypothesis import strategies as st

from thoughtengine.patterns.beat import DAY, Beat
from thoughtengine.patterns.dates import MonthDays

MONTH, YEAR = 2_629_746.0, 31_556_952.0
EPOCH = dt.datetime(1970, 1, 1)


def at(*moment: int) -> float:
    return (dt.datetime(*moment) - EPOCH).total_seconds()  # type: ignore[arg-type]


@given(
    period=st.sampled_from([DAY, 7 * DAY, 14 * DAY, MONTH, YEAR]),
    share=st.floats(0.0, 0.999),
    hour=st.one_of(st.none(), st.floats(0.0, 86_399.0)),
    last=st.floats(-6e10, 2.5e11),
    start=st.floats(-6e10, 2.5e11),
)
def test_it_comes_after_the_moment_and_within_a_period_and_a_half(
    period: float, share: float, hour: float | None, last: float, start: float
) -> None:
    moment = Beat(period, share * period, hour, last).next(start)
    assert start < moment <= start + 1.5 * period + 3 * DAY


def test_by_the_month_it_comes_on_the_same_day_and_at_its_hour() -> None:
    rent = Beat(MONTH, (at(2026, 1, 1, 9) % MONTH), 9 * 3600.0, at(2026, 1, 1, 9))
    assert [rent.next(at(2026, month, 15)) for month in (1, 2, 11)] == [
        at(2026, 2, 1, 9),
        at(2026, 3, 1, 9),
        at(2026, 12, 1, 9),
    ]
    assert rent.near(at(2026, 3, 1, 10))
    assert not rent.near(at(2026, 2, 28, 19))


def test_by_several_months_it_comes_in_none_between_them() -> None:
    tax = Beat(3 * MONTH, 0.0, None, at(2026, 1, 10, 9), hours=(9.5 * 3600.0,), month=MonthDays((10,)))
    assert [tax.next(at(2026, *day)) for day in ((1, 10, 9, 1), (3, 1), (4, 10), (4, 11))] == [
        at(2026, 4, 10, 9, 30),
        at(2026, 4, 10, 9, 30),
        at(2026, 4, 10, 9, 30),
        at(2026, 7, 10, 9, 30),
    ]
    new_month = Beat(2 * MONTH, 0.0, None, at(2026, 2, 28, 23, 50), hours=(300.0,), month=MonthDays((1,)))
    assert new_month.next(at(2026, 3, 1, 12)) == at(2026, 5, 1, 0, 5)


def test_on_two_days_of_the_week_it_comes_on_both() -> None:
    brunch = Beat(7 * DAY, 5 * DAY + 23 * 3600.0, 11 * 3600.0, at(2026, 1, 4, 11))  # Saturdays and Sundays
    assert brunch.next(at(2026, 1, 5)) == at(2026, 1, 10, 11)
    assert brunch.next(at(2026, 1, 10, 12)) == at(2026, 1, 11, 11)


def test_by_the_year_it_comes_on_the_day_of_its_hour() -> None:
    new_year = Beat(YEAR, at(2026, 1, 1) % YEAR, 180.0, at(2025, 12, 31, 23, 50))
    assert new_year.next(at(2026, 6, 1)) == at(2027, 1, 1, 0, 3)


def test_what_came_before_one_hour_of_its_day_comes_next_at_another_hour_of_that_day() -> None:
    """However near that first one is to an hour of other days."""
    hours = ((6 * 3600.0, 23 * 3600.0),) * 5 + ((6.2 * 3600.0, 23 * 3600.0),) * 2
    wake = Beat(DAY, 0.0, None, at(2026, 1, 5, 5, 40), hours=(6 * 3600.0, 6.2 * 3600.0, 23 * 3600.0), by_weekday=hours)
    assert wake.next(at(2026, 1, 5, 5, 41)) == at(2026, 1, 5, 23)


def test_what_is_dated_ahead_does_not_put_it_off() -> None:
    for period, moment in ((MONTH, at(2026, 2, 1, 9)), (YEAR, at(2027, 1, 1, 9))):
        assert Beat(period, at(2026, 1, 1, 9) % period, None, at(2056, 1, 1, 9)).next(at(2026, 1, 5)) == moment


def test_what_came_a_little_early_does_not_come_again_today() -> None:
    wake = Beat(DAY, 7 * 3600.0, 7 * 3600.0, at(2026, 1, 4, 6, 50))
    assert wake.next(at(2026, 1, 4, 6, 51)) == at(2026, 1, 5, 7)


@example(every=2, hours=[0, 86_340], start=0.0)
@given(
    every=st.integers(2, 40),
    hours=st.lists(st.integers(0, 86_399), min_size=1, max_size=4, unique=True),
    start=st.floats(-6e10, 2.5e11),
)
def test_of_every_so_many_days_it_comes_on_one_of_these(every: int, hours: list[int], start: float) -> None:
    times = tuple(sorted(map(float, hours)))
    last = at(2026, 1, 1) + times[-1]
    dose = Beat(every * DAY, 0.0, None, last, hours=times, every=every, begins=times[0])
    moment = dose.next(start)
    assert start < moment <= start + (every + 1) * DAY or abs(start - last) <= 2 * DAY
    assert (moment - at(2026, 1, 1)) // DAY % every == 0
    assert moment % DAY in times


@given(day=st.integers(-5, 31).filter(bool), start=st.floats(-6e10, 2.5e11))
def test_of_a_day_of_the_month_there_is_one_in_each(day: int, start: float) -> None:
    rent = Beat(MONTH, 0.0, None, at(2026, 1, 31, 9), hours=(32_400.0,), month=MonthDays((day,)))
    assert start < rent.next(start) <= start + 62 * DAY
