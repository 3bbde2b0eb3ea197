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
