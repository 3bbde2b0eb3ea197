from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import thoughtengine as te
from thoughtengine._types import IntArray
from thoughtengine.patterns.moved import _log_gamma, since

MONDAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
HOUR, MINUTE = 3_600_000_000, 60_000_000
DAY = 24 * HOUR
HALF = np.random.default_rng(8).random(500) < 0.5
_4_DAYS = 4 * DAY  # 1 January 1970 was a Thursday


@pytest.mark.parametrize("before", [8, 12, 52, 156])
def test_another_day_of_the_week_is_noticed_within_five_weeks(before: int) -> None:
    weeks = np.arange(before + 5)
    assert since(_4_DAYS + (7 * weeks + 3 * (weeks >= before)) * DAY + 7 * HOUR, 604_800) == before


@pytest.mark.parametrize("jitter", [0, 8, 30])
def test_another_hour_is_noticed_within_three_days(jitter: int) -> None:
    random, days = np.random.default_rng(2), np.arange(183)
    hours = np.where(days < 180, 6 * HOUR, 9 * HOUR + HOUR // 2)
    moved = days * DAY + hours + (random.normal(0.0, jitter, 183) * MINUTE).astype(np.int64)
    assert since(moved, 86_400) == 180


def test_two_hours_of_a_day_move_together() -> None:
    days = [day * DAY + hour * HOUR for day in range(104) for hour in ((8, 20) if day < 100 else (9, 21))]
    assert since(np.array(days), 43_200) == 200


def test_another_day_of_the_month_is_noticed_within_four_months() -> None:
    rents = [f"{2020 + i // 12}-{i % 12 + 1:02}-{1 if i < 24 else 15:02}T09:00" for i in range(28)]
    assert since(np.array(rents, "datetime64[us]").astype(np.int64), 2_629_746) == 24


def test_the_last_of_several_changes_counts() -> None:
    days = np.arange(300)
    assert since(days * DAY + (6 + 2 * (days // 100)) * HOUR, 86_400) == 200


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_days", [28, 42])
def test_about_midnight_changes_are_noticed_as_at_ten(seed: int, n_days: int) -> None:
    """Another night of the week, and every night that becomes two of the week."""
    random = np.random.default_rng(seed)
    beside = (random.uniform(-30.0, 30.0, 200) * MINUTE).astype(np.int64)
    weeks, days = np.arange(21), np.arange(4, 88 + n_days)
    days = days[(days < 88) | ((days + 3) % 7 < 2)]
    for nights, period in ((4 + 7 * weeks + 2 * (weeks >= 16), 604_800), (days, 86_400)):
        places = [since(nights * DAY + hour * HOUR + beside[: len(nights)], period) for hour in (22, 24)]
        assert places[0] == places[1] >= (n_days == 42)


def test_what_is_left_out_since_is_noticed_within_weeks() -> None:
    """A daily habit that keeps to weekdays, and then to Mondays, and then to every other one."""
    days, weekdays = np.arange(4, 186), [day for day in range(186, 242) if (day + 3) % 7 < 5]
    mondays = [*range(242, 312, 7), *range(319, 431, 14)]
    for habit, there, period in (
        ([*days, *weekdays], 187, 86_400),
        ([*days, *weekdays, *mondays[:10]], 242, 86_400),
        (mondays, 319, 604_800),
    ):
        moments = np.array(habit, np.int64) * DAY + 8 * HOUR
        assert abs(habit[since(moments, period)] - there) <= 14, there


@pytest.mark.parametrize("weeks", [1, 3, 8])
def test_a_pause_moves_nothing(weeks: int) -> None:
    days = np.array([day for day in range(700) if not 300 <= day < 300 + 7 * weeks and day % 7 < 5])
    assert since(days * DAY + 8 * HOUR, 86_400) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda random, n: random.integers(0, n * DAY, n),
        lambda random, n: np.arange(n) * DAY + 8 * HOUR + (random.normal(0, 60, n) * MINUTE).astype(np.int64),
        lambda random, n: np.array([day * DAY + hour * HOUR for day in range(n) for hour in (8, 20) if random.random() < 0.8]),
        lambda random, n: np.array([day * DAY + (7 + 2 * (day % 7 > 4)) * HOUR for day in range(n)]),
        lambda random, n: np.flatnonzero(random.random(3 * n) < 0.4) * DAY + 9 * HOUR,
        lambda random, n: np.flatnonzero(random.random(n) < 0.95) * DAY + 9 * HOUR,
        lambda random, n: np.concatenate(
            [day * DAY + random.integers(0, 20) * HOUR + random.integers(0, 4 * HOUR, random.integers(1, 40)) for day in range(n)]
        ),
    ],
    ids=["any time", "about eight", "twice a day", "later at weekends", "any days", "nearly all days", "sessions"],
)  # fmt: skip
@pytest.mark.parametrize("n", [20, 100, 400])
def test_what_goes_on_as_it_was_has_not_moved(make: Callable[[np.random.Generator, int], IntArray], n: int) -> None:
    random = np.random.default_rng(4)
    assert sum(since(np.sort(make(random, n)), 86_400) > 0 for _ in range(100)) <= 3


def test_the_logarithm_of_the_gamma_function() -> None:
    values = np.array([0.01, 0.14, 0.5, 1.0, 2.5, 100.0, 5000.0])
    assert _log_gamma(values) == pytest.approx([math.lgamma(value) for value in values.tolist()], abs=1e-6)


@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("since_then", [4, 26])
def test_a_habit_that_moved_is_told_at_its_new_place(tmp_path: Path, since_then: int, others: bool) -> None:
    weeks = 52 + since_then
    life = [
        te.Experience(tags=["bins"], source="city", at=MONDAY + dt.timedelta(days=7 * week + 3 * (week >= 52), hours=7))
        for week in range(weeks)
    ]
    random = np.random.default_rng(1)
    for day in range(7 * weeks if others else 0):
        at = MONDAY + dt.timedelta(days=day, minutes=int(random.integers(1440)))
        life.append(te.Experience(tags=["abcd"[day % 4]], source="home", at=at))
    life.sort(key=lambda one: one.at)
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: MONDAY + dt.timedelta(days=7 * weeks - 1)) as mind:
        mind.remember_many(life)
        (bins,) = [one for one in mind.patterns.rhythms() if one.what == "bins"]
        assert bins.told == "every week, on Thursdays, about 07:00"
        assert (bins.phase_seconds, bins.n) == (pytest.approx(3 * 86_400 + 7 * 3600), since_then)
        assert 0.5 < bins.trust < 0.85
        (expected,) = [one for one in mind.anticipate(k=9) if one.what == "bins"]
        assert expected.at == MONDAY + dt.timedelta(days=7 * weeks + 3, hours=7)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (lambda day: True, lambda day: day % 7 < 5, "on weekdays, about 08:00"),
        (lambda day: day % 7 == 0, lambda day: day % 14 == 0, "every 2 weeks, on Mondays, about 08:00"),
        (lambda day: True, lambda day: bool(HALF[day]), "49% of the days, about 08:0"),
    ],
    ids=["weekdays", "fortnight", "half"],
)  # fmt: skip
def test_a_habit_that_thins_out_is_told_as_it_is_now(
    tmp_path: Path, before: Callable[[int], bool], after: Callable[[int], bool], told: str
) -> None:
    random = np.random.default_rng(3)
    days = [day for day in range(364) if before(day)] + [day for day in range(364, 364 + 7 * 16) if after(day)]
    life = [
        te.Experience(tags=["x"], at=MONDAY + dt.timedelta(days=day, hours=8, minutes=int(random.normal(0, 4))))
        for day in days
    ]
    life += [
        te.Experience(tags=["abcd"[day % 3]], at=MONDAY + dt.timedelta(days=day, minutes=int(random.integers(1440))))
        for day in range(364 + 7 * 16)
    ]
    life.sort(key=lambda one: one.at)
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: life[-1].at) as mind:
        mind.remember_many(life)
        (found,) = [one for one in mind.patterns.rhythms() if one.what == "x"]
        assert found.told.startswith(told)
        assert found.n < 100
        (expected,) = [one for one in mind.anticipate(k=9) if one.what == "x"]
        assert expected.at is not None
        assert "%" in told or after((expected.at - MONDAY).days)


def test_what_comes_at_any_time_where_it_came_at_one_is_relied_on_no_more(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: MONDAY + dt.timedelta(days=181)) as mind:
        for day in range(180):
            minute = 7 * 60 if day < 60 else int(random.integers(1440))
            mind.remember(tags=["walk"], source="me", at=MONDAY + dt.timedelta(days=day, minutes=minute))
        assert [one.told for one in mind.patterns.rhythms() if one.what == "walk"] == ["every day"]
        assert [one.trust for one in mind.patterns.rhythms() if one.what == "walk"] < [0.5]


@pytest.mark.parametrize("rebuilt", [False, True])
def test_what_was_corrected_away_tells_no_time_and_a_correction_its_own(tmp_path: Path, rebuilt: bool) -> None:
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: MONDAY + dt.timedelta(days=60, hours=3)) as mind:
        ids = mind.remember_many(
            te.Experience(tags=["med"], source="s", at=MONDAY + dt.timedelta(days=day, hours=hour))
            for day in range(60)
            for hour in (6, 14)
        )
        mind.patterns.rhythms()
        for id_ in ids[1::2]:
            mind.revise(id_, tags=["pill"])
        if rebuilt:
            mind.patterns.rebuild()
        found = {one.what: (one.told, one.phase_seconds, one.n, one.kept) for one in mind.patterns.rhythms()}
        assert found["med"] == ("every day, about 06:00", pytest.approx(6 * 3600), 60, 1.0)
        assert found["s"][0] == "every day, about 06:00 and 14:00"
        if rebuilt:
            assert found["pill"] == ("every day, about 14:00", pytest.approx(14 * 3600), 60, 1.0)
