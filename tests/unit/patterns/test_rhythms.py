import numpy as np
import pytest

from thoughtengine.patterns.rhythms import Rhythms

HASHES = np.random.default_rng(5).integers(-(2**63), 2**63 - 1, 512)
HOUR = 3_600_000_000
DAY = 24 * HOUR
MONDAY = 4 * DAY  # 1970-01-05


def found(*series: np.ndarray) -> dict[int, tuple[float, float, float]]:
    """Give period, phase and strength, in hours, by number of the series."""
    finder = Rhythms()
    events = sorted((int(t), i) for i, moments in enumerate(series) for t in moments)
    items = HASHES[[i for _, i in events]]
    n = len(events)
    finder.learn(items, np.arange(n + 1), np.array([t for t, _ in events]), np.arange(1, n + 1))
    told = finder.recurring()
    numbers = {key: number for number, key in enumerate(HASHES.tolist())}
    return {
        numbers[key]: (told.periods[i] / 3600, told.phases[i] / 3600, told.strengths[i])
        for i, key in enumerate(told.items.tolist())
    }


def test_a_daily_habit_is_told_with_its_hour() -> None:
    random = np.random.default_rng(0)
    moments = np.arange(40) * DAY + random.normal(7 * HOUR, HOUR / 2, 40).astype(np.int64)
    period, phase, strength = found(moments)[0]
    assert (period, phase) == (24, pytest.approx(7, abs=0.3))
    assert strength > 0.9


def test_bare_dates_have_a_week_but_no_day() -> None:
    sundays = MONDAY + 6 * DAY + np.arange(60) * 7 * DAY
    assert found(sundays, np.arange(400) * DAY)[0] == (168, pytest.approx(144, abs=0.1), pytest.approx(1.0))
    assert 1 not in found(sundays, np.arange(400) * DAY)


def test_of_bare_dates_the_phase_is_a_whole_day() -> None:
    random = np.random.default_rng(3)
    weeks = MONDAY + np.arange(200) * 7 * DAY
    mostly = np.sort(weeks + np.where(random.uniform(size=200) < 0.8, 6, random.integers(0, 7, 200)) * DAY)
    assert found(mostly, np.arange(1400) * DAY)[0][:2] == (168, 144)


def test_before_1970_phases_are_told_the_same() -> None:
    sundays = MONDAY + 6 * DAY + (np.arange(60) - 16_000) * 7 * DAY
    period, phase, _ = found(sundays)[0]
    assert (period, phase) == (168, pytest.approx(144, abs=0.1))


def test_a_burst_counts_once() -> None:
    random = np.random.default_rng(1)
    starts = np.sort(random.uniform(0, 60 * DAY, 12).astype(np.int64))
    burst = np.concatenate([starts + i * HOUR // 120 for i in range(100)])
    assert found(burst) == {}


def test_uniform_moments_have_no_rhythm() -> None:
    random = np.random.default_rng(2)
    series = [np.sort(random.uniform(0, 90 * DAY, 60).astype(np.int64)) for _ in range(200)]
    assert len(found(*series)) <= 2


def test_three_periods_must_have_gone_by() -> None:
    assert found(MONDAY + np.arange(0, 14) * DAY + 9 * HOUR + np.arange(14) * 60_000_000)[0][0] == 24
    assert found(MONDAY + np.array([0, 1, 2, 24, 25, 26, 27]) * HOUR) == {}


@pytest.mark.parametrize(("day", "hour"), [(0, 18), (5, 12), (6, 23), (2, 0)])
def test_what_comes_at_one_hour_of_the_day_is_told_with_its_own_weekday(day: int, hour: int) -> None:
    begin = MONDAY + hour * HOUR
    weekly = begin + day * DAY + np.arange(60) * 7 * DAY
    period, phase, _ = found(weekly, begin + np.arange(400) * DAY)[0]
    assert (period, phase) == (168, pytest.approx(24 * day + hour))


def days_found(days: np.ndarray, hour: int) -> tuple[float, list[int], float] | None:
    """Give period in days, weekdays and share of the days that were due of what comes at one hour; None without a rhythm."""
    finder, n = Rhythms(), len(days)
    finder.learn(np.full(n, HASHES[0]), np.arange(n + 1), MONDAY + days * DAY + hour * HOUR, np.arange(1, n + 1))
    told = finder.recurring()
    if not len(told.items):
        return None
    return told.periods[0] / 86_400, np.flatnonzero(told.weekdays[0]).tolist(), float(told.kept_days[0])


@pytest.mark.parametrize("hour", [0, 7])
def test_some_days_of_the_week_are_found_where_nothing_has_another_hour(hour: int) -> None:
    days = np.arange(12 * 7)
    assert days_found(days[np.isin(days % 7, (0, 2, 4))], hour) == (7 if hour == 0 else 1, [0, 2, 4], 1.0)
    assert days_found(days[np.isin(days % 7, (1, 3))], 7) == (1, [1, 3], 1.0)
    assert days_found(days[days % 7 < 5], 7) == (1, [0, 1, 2, 3, 4], 1.0)


@pytest.mark.parametrize("hour", [0, 7])
@pytest.mark.parametrize("step", [2, 3, 4, 5, 10, 21])
def test_every_so_many_days_is_found_where_nothing_has_another_hour(step: int, hour: int) -> None:
    days = np.arange(0, 30 * step, step)
    assert days_found(days, hour) == (step, [], 1.0)
    missed = np.delete(days, (7, 19))
    assert days_found(missed, hour) == (step, [], pytest.approx(28 / 30))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("n", [12, 30, 120, 365])
def test_any_days_at_one_hour_are_no_rhythm(share: float, n: int) -> None:
    random, called = np.random.default_rng(7), 0
    for _ in range(300):
        called += days_found(np.flatnonzero(random.uniform(size=round(n / share)) < share), 7) is not None
    assert called <= 6


def test_one_moment_of_long_ago_shortens_no_habit() -> None:
    random = np.random.default_rng(8)
    habit = np.arange(100) * DAY + random.normal(7 * HOUR, HOUR / 4, 100).astype(np.int64)
    finder = Rhythms()
    moments = np.concatenate([[-9000 * DAY], habit])
    finder.learn(np.full(101, HASHES[0]), np.arange(102), moments, np.arange(1, 102))
    told = finder.recurring()
    assert told.periods[0] == 86_400
    assert told.kept[0] > 0.9
