import calendar
import datetime as dt
from collections.abc import Iterable

import numpy as np
import pytest

import thoughtengine as te
from thoughtengine.patterns.dates import Comes, MonthDays, comes

DAY, WEEK, MONTH, YEAR = 86_400, 604_800, 2_629_746, 31_556_952
BEGIN = dt.datetime(2025, 1, 6, tzinfo=dt.UTC)  # a Monday


def said(moments: Iterable[dt.datetime], period: float) -> str:
    return comes(np.array([round(moment.timestamp() * 1e6) for moment in moments]), period).words


def days(n: int, *hours: float, among: Iterable[int] = range(7)) -> list[dt.datetime]:
    chosen = set(among)
    every = [BEGIN + dt.timedelta(days=day, hours=hour) for day in range(n) for hour in hours]
    return [moment for moment in every if moment.weekday() in chosen]


@pytest.mark.parametrize(
    ("moments", "period", "told"),
    [
        (days(60, 7, 8, 22), DAY / 3, "every day, about 07:00, 08:00 and 22:00"),
        (days(60, 8, 18), DAY / 2, "every day, about 08:00 and 18:00"),
        (days(60, 8, 13, 19), DAY / 4, "every day, about 08:00, 13:00 and 19:00"),
        (days(60, 8, 20), DAY / 2, "every 12 hours, about 08:00 and 20:00"),
        (days(60, 9, among=range(5)), DAY, "on weekdays, about 09:00"),
        (days(60, 9, among=range(5)), WEEK, "on weekdays, about 09:00"),
        (days(60, 11, among=(5, 6)), WEEK, "on Saturdays and Sundays, about 11:00"),
        (days(60, 18, among=(0, 2, 4)), DAY, "on Mondays, Wednesdays and Fridays, about 18:00"),
        (days(120, 19, among=(3,)), WEEK, "every week, on Thursdays, about 19:00"),
        (days(60, 20)[::2], DAY, "every 2 days, about 20:00"),
        (days(60, 0, among=(6,)), WEEK, "every week, on Sundays"),  # bare dates have no time
        (days(9, *range(24)), DAY / 24, "every hour, on the hour"),
        (days(40, 7, 9.5, 12, 16.25), DAY / 24, "every day, about 07:00, 09:30, 12:00 and 16:15"),
    ],
)
def test_days_and_times_are_those_it_comes_on(moments: list[dt.datetime], period: float, told: str) -> None:
    assert said(moments, period) == told


@pytest.mark.parametrize(
    ("minutes", "told"),
    [((-20, -2, 0, 4, 6), "Mondays, about 00:00"), ((-20, -4, -2, 3, 9), "Sundays, about 23:58")],
)
def test_around_midnight_the_day_is_the_one_of_the_time_that_is_told(minutes: tuple[int, ...], told: str) -> None:
    moments = [BEGIN + dt.timedelta(weeks=week, minutes=minutes[week % 5]) for week in range(20)]
    assert said(moments, WEEK) == f"every week, on {told}"


def nights(n: int, hours: Iterable[float], seed: int, *, among: Iterable[int] = range(7)) -> list[dt.datetime]:
    """Return n nights with something within half an hour of each of some hours."""
    random = np.random.default_rng(seed)
    begins = days(n, 0, among=among)
    return [at + dt.timedelta(hours=hour, minutes=random.uniform(-30.0, 30.0)) for at in begins for hour in hours]


def found(moments: list[dt.datetime], period: float) -> Comes:
    return comes(np.array([round(moment.timestamp() * 1e6) for moment in moments]), period, dated=False)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("hour", [22, 23.75, 23.9, 24, 24.25])
def test_what_comes_every_night_comes_every_day_at_one_time_about_midnight_too(hour: float, seed: int) -> None:
    every_night = found(nights(150, [hour], seed), DAY)
    assert (every_night.kept, len(every_night.hours), every_night.often) == (1.0, 1, "every day")
    assert found(nights(150, [hour], seed)[::2], DAY).often == "every 2 days"


@pytest.mark.parametrize("seed", range(10))
def test_nights_of_the_week_about_midnight_are_those_of_the_time_that_is_told(seed: int) -> None:
    for among, on, after in (
        ((4, 5), "Fridays and Saturdays", "Saturdays and Sundays"),
        (range(5), "weekdays", "Tuesdays, Wednesdays, Thursdays, Fridays and Saturdays"),
    ):
        told = found(nights(150, [24], seed, among=among), DAY)
        assert told.kept == 1.0
        late = told.hours[0] < DAY / 2
        assert told.words.startswith(f"on {after if late else on}, about {'00' if late else '23'}:")
        assert told.weekdays == tuple(sorted((day + late) % 7 for day in among))


def test_what_is_after_midnight_is_on_the_day_after() -> None:
    party = found(nights(150, [20, 24.6], 1, among=[4]), WEEK)
    assert party.words == "on Fridays about 20:00, on Saturdays about 00:37"
    assert [len(hours) for hours in party.by_weekday] == [0, 0, 0, 0, 1, 1, 0]
    assert (party.kept, party.weekdays) == (1.0, (4, 5))
    bed = found(sorted(nights(150, [23], 1, among=[0, 1, 2, 3, 6]) + nights(150, [25], 2, among=[4, 5])), DAY)
    assert bed.words == (
        "on Mondays, Tuesdays, Wednesdays, Thursdays and Sundays about 23:01, on Saturdays and Sundays about 01:02"
    )
    assert (bed.kept, bed.weekdays, bed.by_weekday[4]) == (1.0, (), ())
    assert found(nights(150, [20, 24.5], 1)[::2], DAY).kept == 1.0


def test_a_time_is_on_the_side_of_midnight_that_is_told() -> None:
    """Most of these are about midnight, the middle of them all is some seconds before it."""
    beside = (-1200, -1200, -40, -30, -20, -10, 10, 20, 30, 40, 50)
    told = found([BEGIN + dt.timedelta(days=7 * i, seconds=beside[i % 11]) for i in range(33)], WEEK)
    assert told.words == "every week, on Mondays, about 00:00"
    assert (told.weekdays, told.hours) == ((0,), (0.0,))


@pytest.mark.parametrize("hour", [0, 12])
def test_bare_dates_are_on_their_own_days_at_their_own_hour(hour: int) -> None:
    told = comes(np.array([round(at.timestamp() * 1e6) for at in days(140, hour, among=[4])]), WEEK)
    assert (told.words, told.begins, told.weekdays) == ("every week, on Fridays", hour * 3600.0, (4,))


@pytest.mark.parametrize("seed", range(6))
def test_a_night_of_the_month_or_year_about_midnight_is_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    ends = [dt.datetime(2024 + i // 12, 1 + i % 12, 1, tzinfo=dt.UTC) for i in range(36)]
    moments = [end + dt.timedelta(minutes=random.uniform(-30.0, 30.0)) for end in ends]
    told = found(moments, MONTH)
    assert told.kept == 1.0
    assert told.month == MonthDays((1,)) if told.hours[0] < DAY / 2 else MonthDays((0,))
    yearly = found([moment.replace(year=2000 + i) for i, moment in enumerate([*moments[::12], *moments[::12]])], YEAR)
    assert yearly.kept == 1.0 or {moment.month for moment in moments[::12]} != {1}


def test_shifts_eight_hours_apart_are_not_one_between_them() -> None:
    shifts = [at for at in days(150, 6, 14, among=range(5)) if (at.hour == 6) == ((at - BEGIN).days // 7 % 2)]
    assert said(shifts, DAY / 3) == "on weekdays, mostly between 06:00 and 15:00"


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ((7, 9, 10, 12, 15, 18, 20), "every day, about 07:00, 09:00, 10:00, 12:00, 15:00, 18:00 and 20:00"),
        ((6, 7, 12, 13, 18, 22), "every day, about 06:00, 07:00, 12:00, 13:00, 18:00 and 22:00"),
        ((9, 10, 11, 12, 13), "every day, about 09:00, 10:00, 11:00, 12:00 and 13:00"),
        (range(8, 21), "every day, mostly between 08:00 and 18:00"),  # 13 times
        (range(6, 24, 2), "every day, about " + ", ".join(f"{hour:02}:00" for hour in range(6, 22, 2)) + " and 22:00"),
    ],
)
@pytest.mark.parametrize("period", [DAY / 24, DAY / 4, DAY])
@pytest.mark.parametrize("beside", [0, 5])
def test_only_times_at_which_it_comes_are_told(hours: Iterable[int], told: str, period: float, beside: int) -> None:
    random = np.random.default_rng(1)
    moments = [at + dt.timedelta(minutes=float(random.uniform(-beside, beside))) for at in days(100, *hours)]
    found = comes(np.array([round(moment.timestamp() * 1e6) for moment in moments]), period)
    assert len(found.hours) == (0 if "mostly" in told else len(list(hours)))
    assert all(min(abs(hour / 3600 - one) for one in hours) <= 0.05 for hour in found.hours)
    if beside == 0:
        assert found.words == told


@pytest.mark.parametrize("period", [DAY / 24, DAY / 4])
def test_what_comes_every_three_hours_is_told_with_all_its_times(period: float) -> None:
    found = comes(np.arange(0, 300 * 3, 3) * 3_600_000_000, period)
    assert found.words == "every 3 hours, about 00:00, 03:00, 06:00, 09:00, 12:00, 15:00, 18:00 and 21:00"
    assert (found.kept, found.period) == (1.0, 3 * 3600)


def test_what_comes_every_five_hours_has_no_times_of_a_day() -> None:
    found = comes(np.arange(0, 300 * 5, 5) * 3_600_000_000, DAY / 24)
    assert (found.words, found.kept, found.period, found.hours) == ("every 5 hours", 1.0, 5 * 3600, ())


@pytest.mark.parametrize("day", range(1, 29))
def test_a_day_of_the_month_is_the_one_it_comes_on(day: int) -> None:
    moments = [dt.datetime(year, month, day, 9, tzinfo=dt.UTC) for year in (2024, 2025) for month in range(1, 13)]
    ends = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd"}
    assert said(moments, MONTH) == f"every month, about the {day}{ends.get(day, 'th')}, about 09:00"


@pytest.mark.parametrize("every", [2, 3, 6])
def test_what_comes_every_few_months_is_told_so(every: int) -> None:
    numbers = [*range(0, 12 * every, every)]
    moments = [dt.datetime(2015 + number // 12, 1 + number % 12, 10, 9, tzinfo=dt.UTC) for number in numbers]
    assert said(moments, MONTH) == f"every {every} months, about the 10th, about 09:00"
    assert found([*moments[:4], *moments[5:]], MONTH).kept == pytest.approx(11 / 12)
    assert found(moments, MONTH).period == every * MONTH


def test_the_end_of_the_month() -> None:
    lasts = [dt.datetime(2025, month, calendar.monthrange(2025, month)[1], tzinfo=dt.UTC) for month in range(1, 13)]
    assert said(lasts, MONTH) == "every month, on the last day"
    assert said([moment for moment in lasts if moment.day == 31], MONTH).endswith(", about the 31st")


@pytest.mark.parametrize(("month", "day", "told"), [(5, 17, "17 May"), (1, 1, "1 January"), (12, 31, "31 December")])
def test_a_day_of_the_year_is_the_one_it_comes_on(month: int, day: int, told: str) -> None:
    moments = [dt.datetime(year, month, day, 9, tzinfo=dt.UTC) for year in range(2018, 2026)]
    assert said(moments, YEAR) == f"every year, about {told}"


def test_what_comes_at_many_times_is_not_said_to_come_at_one() -> None:
    random = np.random.default_rng(3)
    moments = [
        BEGIN + dt.timedelta(days=day, hours=float(random.uniform(8, 20))) for day in range(60) for _ in range(4)
    ]
    told = said(moments, DAY)
    assert told.startswith("every day, mostly between ")
    assert "about" not in told
    morning = [
        BEGIN + dt.timedelta(days=day, hours=float(random.uniform(9, 15))) for day in range(60) for _ in range(3)
    ]
    assert "mostly between" in said(morning, DAY)
    anytime = [
        BEGIN + dt.timedelta(days=day, hours=float(random.uniform(0, 24))) for day in range(60) for _ in range(4)
    ]
    assert said(anytime, DAY) == "every day"


@pytest.mark.parametrize(("period", "told"), [(MONTH, "every month"), (YEAR, "every year"), (DAY / 24, "every day")])
def test_what_comes_on_any_day_is_not_said_to_come_on_some(period: float, told: str) -> None:
    moments = np.sort(np.random.default_rng(4).uniform(1.6e15, 1.6e15 + 4 * YEAR * 1e6, 6000)).astype(np.int64)
    assert comes(moments, period).words == told


def test_the_first_and_the_fifteenth() -> None:
    moments = [dt.datetime(2025, month, day, 9, tzinfo=dt.UTC) for month in range(1, 13) for day in (1, 15)]
    assert said(moments, MONTH) == "every month, about the 1st and the 15th, about 09:00"


def test_a_weekday_left_out_by_chance_is_no_rule() -> None:
    lunches = [moment for moment in days(14, 13) if moment.weekday() != 5 and moment.day % 5]
    assert said(lunches, DAY) == "most days, about 13:00"


@pytest.mark.parametrize("period", [DAY, DAY / 2])
def test_one_of_long_ago_does_not_count(period: float) -> None:
    moments = [dt.datetime(1999, 5, 1, 8, tzinfo=dt.UTC), *days(60, 8)]
    found = comes(np.array([round(moment.timestamp() * 1e6) for moment in moments]), period)
    told, kept = found.words, found.kept
    assert (told, kept) == ("every day, about 08:00", 1.0)


def test_a_rhythm_of_a_mind_is_told_by_the_calendar(tmp_path) -> None:
    moments = days(60, 7, 8, 22)
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: moments[-1]) as mind:
        mind.remember_many(te.Experience(tags=["lamp"], source="hall", at=moment) for moment in moments)
        (lamp,) = (one for one in mind.patterns.rhythms() if one.what == "lamp")
    assert lamp.told == "every day, about 07:00, 08:00 and 22:00"
    assert lamp.told in repr(lamp)


def test_one_pill_a_day_at_nine_is_daily(tmp_path) -> None:
    moments = days(60, 9)
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: moments[-1]) as mind:
        mind.remember_many(te.Experience(tags=["pill"], at=moment) for moment in moments)
        assert [one.told for one in mind.patterns.rhythms()] == ["every day, about 09:00"]


def test_a_name_in_a_text_is_told_with_the_day_of_the_month_of_its_evidence(tmp_path) -> None:
    firsts = [dt.datetime(year, month, 1, 9, tzinfo=dt.UTC) for year in (2024, 2025) for month in range(1, 13)]
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: firsts[-1]) as mind:
        mind.remember_many(te.Experience(text="We paid Ann Miller the rent.", at=moment) for moment in firsts)
        assert [one.told for one in mind.patterns.rhythms()] == ["every month, about the 1st"]


@pytest.mark.parametrize("hour", [0, 11, 12])
def test_what_comes_at_noon_where_all_else_has_other_times_comes_at_noon(tmp_path, hour: int) -> None:
    random = np.random.default_rng(1)
    life = [(moment, "pill") for moment in days(100, hour)]
    life += [(moment, "cat") for moment in days(100, *random.uniform(0, 24, 3).tolist())]
    life = [(at if tag == "pill" else at + dt.timedelta(hours=float(random.uniform(0, 9))), tag) for at, tag in life]
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: BEGIN + dt.timedelta(days=101)) as mind:
        mind.remember_many(te.Experience(tags=[tag], source="home", at=at) for at, tag in sorted(life))
        told = {one.what: one.told for one in mind.patterns.rhythms()}
    assert told["pill"] == f"every day, about {hour:02}:00"
