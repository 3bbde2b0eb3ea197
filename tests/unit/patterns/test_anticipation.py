from __future__ import annotations

import datetime as dt
import itertools
import random
import zoneinfo
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import thoughtengine as te

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

Opened = Callable[[dt.datetime], te.ThoughtEngine]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return lambda now: te.open(tmp_path / "mind", clock=lambda: now)


def foreseen(mind: te.ThoughtEngine, what: str, **asked: object) -> te.Prediction:
    return next(one for one in mind.anticipate(k=9, **asked) if one.what == what)  # type: ignore[arg-type]


def test_where_a_rhythm_is_the_reason_the_moment_is_one_of_the_rhythm(opened: Opened) -> None:
    first = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    days = [first + dt.timedelta(days=day) for day in range(731)]
    life = []
    for day in days:
        life.append(te.Experience(tags=["wake"], source="h", at=day.replace(hour=7)))
        if day.day == 1:
            life.append(te.Experience(tags=["rent"], source="h", at=day.replace(hour=9)))
        if day.weekday() >= 5:
            life.append(te.Experience(tags=["brunch"], source="h", at=day.replace(hour=11)))
        life.append(te.Experience(tags=["sleep"], source="h", at=day.replace(hour=22)))
    with opened(dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)) as mind:
        mind.remember_many(life)
        rent = foreseen(mind, "rent")
        assert "comes every month" in rent.because
        assert rent.at == dt.datetime(2026, 1, 1, 9, tzinfo=dt.UTC)
        brunch = foreseen(mind, "brunch")
        assert "comes every week" in brunch.because
        assert brunch.at is not None
        assert brunch.at.weekday() >= 5
        assert abs(brunch.at.hour + brunch.at.minute / 60 - 11) < 0.1
        later = dt.datetime(2026, 2, 2, tzinfo=dt.UTC)
        assert foreseen(mind, "rent", at=later).at == dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)


def test_nothing_is_expected_before_now(opened: Opened) -> None:
    life = [
        te.Experience(tags=[tag], source="h", at=START + dt.timedelta(days=day, hours=hour))
        for day in range(65)
        for tag, hour in (("wake", 7), ("tea", 8), ("sleep", 22))
    ]
    now = START + dt.timedelta(days=65, hours=15)
    with opened(now) as mind:
        mind.remember_many(life)
        for asked in ({}, {"at": now}, {"given": ["sleep"]}, {"given": ["sleep"], "at": now}):
            wake = foreseen(mind, "wake", **asked)
            assert "comes every day" in wake.because
            assert wake.at is not None
            if "given" in asked:
                assert abs(wake.at - (START + dt.timedelta(days=66, hours=7))) < dt.timedelta(minutes=1)
            else:  # it is late: before it is due again there is sleep
                assert wake.at == now
                assert mind.anticipate(k=1, **asked)[0].what == "sleep"  # type: ignore[arg-type]
            assert all(one.at is None or one.at >= now for one in mind.anticipate(k=9, **asked))  # type: ignore[arg-type]


@pytest.mark.parametrize("zone", [BERLIN, dt.timezone(dt.timedelta(hours=1))])
def test_the_clock_on_the_wall_is_meant_also_after_it_was_changed(tmp_path: Path, zone: dt.tzinfo) -> None:
    now = dt.datetime(2026, 3, 28, 23, 30, tzinfo=BERLIN)
    with te.open(tmp_path / "mind", clock=lambda: now, timezone="Europe/Berlin") as mind:
        mind.remember_many(
            te.Experience(
                tags=[tag], source="h", at=dt.datetime(2026, 1, 1, hour, tzinfo=zone) + dt.timedelta(days=day)
            )
            for day in range(87)
            for tag, hour in (("wake", 7), ("sleep", 23))
        )
        wake = foreseen(mind, "wake").at
        assert wake is not None
        assert wake.utcoffset() == dt.timedelta(hours=2)
        assert abs(wake.replace(tzinfo=None) - dt.datetime(2026, 3, 29, 7)) < dt.timedelta(minutes=1)


def test_a_rhythm_that_is_not_trusted_any_more_is_no_reason(opened: Opened) -> None:
    with opened(START + dt.timedelta(days=365)) as mind:
        mind.remember_many(
            te.Experience(tags=[tag], source="h", at=START + dt.timedelta(days=day, hours=hour))
            for day in range(300)
            for tag, hour in ((("wake", 7), ("tea", 8)) if day < 60 else (("wake", 7), ("coffee", 8)))
        )
        (tea,) = [one for one in mind.patterns.rhythms() if one.what == "tea"]
        assert tea.trust < 0.5
        assert "every" not in foreseen(mind, "tea", given=["wake"]).because
        assert "comes every day" in foreseen(mind, "coffee", given=["wake"]).because
        (coffee,) = [one for one in mind.patterns.rhythms() if one.what == "coffee"]
        for _ in range(4):
            mind.patterns.feedback(coffee, reward=-1)
        assert "every" not in foreseen(mind, "coffee", given=["wake"]).because


def test_every_tag_of_an_experience_is_followed_and_their_order_is_none(opened: Opened) -> None:
    def fed(n: int, *orders: list[str]) -> list[te.Experience]:
        return [
            te.Experience(tags=tags, source="h", at=START + dt.timedelta(hours=6 * i))
            for i, tags in enumerate([*orders, ["siren"]] * n)
        ]

    with opened(START + dt.timedelta(days=30)) as mind:
        mind.remember_many(fed(15, ["alarm", "kitchen"], ["tea", "milk"], ["kitchen", "alarm"]))
        found = {(one.given, one.then): one for one in mind.patterns.sequences()}
        for given in ("alarm", "kitchen"):
            assert found[((given,), "siren")].n == 15
            assert found[((given,), "siren")].confidence == 0.5
        one, other = (mind.anticipate(given=[pair]) for pair in (["tea", "milk"], ["milk", "tea"]))
        assert one == other
        assert one[0].what in ("alarm", "kitchen")


def test_little_that_is_given_is_told_as_surely_as_it_followed(opened: Opened) -> None:
    with opened(START) as mind:
        mind.remember("once", tags=["x"])
        (only,) = mind.anticipate()
        assert only.probability <= 0.5
        assert only.because == "is frequent"
    with opened(START) as mind:
        mind.remember_many(te.Experience(tags=[tag], episode="walk") for tag in ["door", "street", "park"] * 8)
        for given, then in ((["door"], "street"), (["street"], "park"), (["park", "door"], "street")):
            (best,) = mind.anticipate(given=given, k=1)
            assert best.what == then
            assert 0.6 < best.probability < 0.98


def test_what_is_dated_ahead_makes_nothing_late_and_moves_no_prediction(opened: Opened) -> None:
    now = START + dt.timedelta(days=29, hours=23)
    with opened(now) as mind:
        mind.remember_many(
            te.Experience(tags=[tag], source="h", at=START + dt.timedelta(days=day, hours=hour))
            for day in range(30)
            for tag, hour in (("wake", 7), ("sleep", 22))
        )
        before = {one.id: one.trust for one in mind.patterns.sequences()}
        assert mind.anticipate(k=1)[0].what == "wake"
        mind.remember("Dentist", at="2062-03-01T10:00Z")
        assert {one.id: one.trust for one in mind.patterns.sequences()} == pytest.approx(before, abs=0.01)
        for one in mind.anticipate():  # of the thread that last spoke, in which nothing with a tag came yet
            assert one.at is not None
            assert now <= one.at < now + dt.timedelta(days=1)


def test_what_is_not_given_may_have_come_lately_too(opened: Opened) -> None:
    with opened(START + dt.timedelta(days=180)) as mind:
        tags = ("up", "tea", "open", "closed", "off")
        mind.remember_many(
            te.Experience(
                tags=["coffee" if tag == "tea" and day < 90 else tag],
                source="h",
                at=START + dt.timedelta(days=day, hours=7 + 2 * i),
            )
            for day in range(180)
            for i, tag in enumerate(tags)
        )
        mind.remember_many(  # of another source the same comes again and again
            te.Experience(tags=["yoga", "class"], source="i", at=START + dt.timedelta(weeks=week)) for week in range(26)
        )
        for given, then in (("open", "closed"), ("off", "up")):
            first, second = mind.anticipate(given=[given], k=2)
            assert first.what == then
            assert first.probability > 3 * second.probability
            assert given not in (first.what, second.what)


def test_what_did_not_come_when_it_always_came_is_expected_less_the_longer_it_is_silent(tmp_path: Path) -> None:
    now, doors = START, np.random.default_rng(2).random(120) < 0.5
    with te.open(tmp_path / "mind", clock=lambda: now) as mind:
        for door in doors.tolist():  # after the bell either the door, within a minute, or a parcel, ten hours later
            now += dt.timedelta(hours=17)
            mind.remember(tags=["bell"], source="home", at=now)
            now += dt.timedelta(minutes=1) if door else dt.timedelta(hours=10)
            mind.remember(tags=["door" if door else "parcel"], source="home", at=now)
        now += dt.timedelta(hours=17)
        mind.remember(tags=["bell"], source="home", at=now)
        at_once = foreseen(mind, "door").probability
        now += dt.timedelta(hours=2)
        assert foreseen(mind, "door").probability < at_once / 5
        assert mind.anticipate()[0].what == "parcel"


@pytest.mark.parametrize("minutes", [0, 9])
@pytest.mark.parametrize(
    ("days", "told", "due"),
    [
        ([day for day in range(84) if day % 7 in (0, 2, 4)], "on Mondays, Wednesdays and Fridays", 84),
        ([day for day in range(84) if day % 7 in (1, 3)], "on Tuesdays and Thursdays", 85),
        ([day for day in range(82) if day % 7 < 5], "on weekdays", 84),
        (list(range(0, 84, 3)), "every 3 days", 84),
        (list(range(0, 100, 10)), "every 10 days", 100),
    ],
)
def test_the_only_habit_of_a_mind_is_expected_on_its_next_day(
    opened: Opened, days: list[int], told: str, due: int, minutes: int
) -> None:
    monday = dt.datetime(2026, 1, 5, 7, tzinfo=dt.UTC)
    moments = [monday + dt.timedelta(days=day, minutes=day * 7 % (minutes + 1)) for day in days]
    with opened(moments[-1] + dt.timedelta(hours=2)) as mind:
        mind.remember_many(te.Experience(tags=["gym"], source="me", at=moment) for moment in moments)
        (gym,) = [one for one in mind.patterns.rhythms() if one.what == "gym"]
        assert gym.told.startswith(f"{told}, about 07:0")
        assert gym.kept == 1.0
        (best,) = mind.anticipate(k=1)
        assert f"comes {told}" in best.because
        assert best.at is not None
        assert abs(best.at - monday - dt.timedelta(days=due)) < dt.timedelta(minutes=10)


def test_one_memory_of_long_ago_leaves_a_habit_its_time(opened: Opened) -> None:
    with opened(START + dt.timedelta(days=60, hours=20)) as mind:
        mind.remember("my first run", tags=["run"], source="me", at=START - dt.timedelta(days=9000))
        for day in range(60):
            mind.remember(tags=["run"], source="me", at=START + dt.timedelta(days=day, hours=7, minutes=day % 5))
        (best,) = mind.anticipate(k=1)
        assert "comes every day" in best.because


@pytest.mark.parametrize("hours", [(8, 20), (8, 18), (6, 14), (7, 13, 19), (8,)])
@pytest.mark.parametrize("others", [0, 3])
def test_what_comes_several_times_a_day_is_expected_at_the_next_of_its_hours(
    opened: Opened, hours: tuple[int, ...], others: int
) -> None:
    random, monday = np.random.default_rng(3), dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    life = [(day * 1440 + hour * 60, "med") for day in range(61) for hour in hours]
    life += [(day * 1440 + int(random.integers(1440)), "cat") for day in range(61) for _ in range(others)]
    asked = monday + dt.timedelta(days=60)
    with opened(asked) as mind:
        mind.remember_many(
            te.Experience(tags=[tag], source="home", at=monday + dt.timedelta(minutes=minute))
            for minute, tag in sorted(life)
            if minute < 60 * 1440
        )
        for now in (half + 0.5 for half in range(0, 24, 2)):
            (med,) = [one for one in mind.anticipate(at=asked + dt.timedelta(hours=now)) if one.what == "med"]
            nearest = min(hour for hour in (*hours, hours[0] + 24) if hour > now)
            assert med.at == asked + dt.timedelta(hours=nearest)


def test_what_comes_every_three_hours_goes_by_three_hours(opened: Opened) -> None:
    with opened(START + dt.timedelta(days=50)) as mind:
        mind.remember_many(
            te.Experience(tags=["charge"], source="arm", at=START + dt.timedelta(hours=3 * number))
            for number in range(400)
        )
        (charge,) = [one for one in mind.patterns.rhythms() if one.what == "charge"]
        assert (charge.period_seconds, charge.phase_seconds, charge.kept) == (3 * 3600, 0.0, 1.0)
        assert "comes every 3 hours" in mind.anticipate(k=1)[0].because


def test_what_is_optional_is_told_as_often_as_it_comes(tmp_path: Path) -> None:
    chance, off, now = random.Random(3), list[float](), START
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: now) as mind:
        for day in range(300):
            now = START + dt.timedelta(days=day, hours=7)
            mind.remember(tags=["wake"], source="home", at=now)
            comes = chance.random() < 0.25
            if day >= 150:
                off.append({one.what: one.probability for one in mind.anticipate()}.get("coffee", 0.0) - comes)
            if comes:
                mind.remember(tags=["coffee"], source="home", at=now + dt.timedelta(hours=1))
            mind.remember(tags=["dinner"], source="home", at=now + dt.timedelta(hours=12))
    assert abs(sum(off)) < 0.1 * len(off)  # it is told by its hour when it has come, but not before


@pytest.mark.parametrize("every", [2, 3, 5, 7, 10])
@pytest.mark.parametrize("hours", [(9,), (9, 18), (2, 22), (1, 23)])
def test_every_so_many_days_it_is_expected_on_the_next_of_these(
    opened: Opened, every: int, hours: tuple[int, ...]
) -> None:
    last = START + dt.timedelta(days=39 * every, hours=hours[-1])
    with opened(last + dt.timedelta(minutes=20)) as mind:
        mind.remember_many(
            te.Experience(tags=["dose"], source="s", at=START + dt.timedelta(days=every * k, hours=hour))
            for k in range(40)
            for hour in hours
        )
        dose = mind.anticipate(k=1)[0]
        assert dose.at == START + dt.timedelta(days=40 * every, hours=hours[0])
        if every < 7:
            assert f"every {every} days" in dose.because


def test_what_comes_on_some_days_at_one_hour_is_expected_at_that_hour(opened: Opened) -> None:
    random = np.random.default_rng(1)
    life = [(START + dt.timedelta(days=day, hours=9), "pill") for day in range(200) if random.random() < 0.4]
    life += [(START + dt.timedelta(days=float(day)), "cat") for day in random.uniform(0, 200, 600)]
    with opened(START + dt.timedelta(days=200)) as mind:
        mind.remember_many(te.Experience(tags=[tag], source="home", at=at) for at, tag in sorted(life))
        pill = foreseen(mind, "pill")
        assert pill.at == START + dt.timedelta(days=200, hours=9)
        assert "% of the days" in pill.because


LASTS = [dt.date(2024 + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1) for month in range(1, 26)]
FIRST_MONDAYS = [dt.date(2024 + month // 12, month % 12 + 1, 1) for month in range(25)]
FIRST_MONDAYS = [first + dt.timedelta(days=-first.weekday() % 7) for first in FIRST_MONDAYS]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (LASTS, "every month, on the last day, about 09:00"),
        (FIRST_MONDAYS, "every month, on the first Monday, about 09:00"),
    ],
)
def test_the_day_of_the_month_that_is_told_is_expected(tmp_path: Path, days: list[dt.date], told: str) -> None:
    moments = [dt.datetime.combine(day, dt.time(9), dt.UTC) for day in days]
    for known in range(13, 25):
        now = moments[known - 1] + dt.timedelta(hours=3)
        with te.open(tmp_path / f"mind {known}", clock=lambda now=now: now) as mind:
            mind.remember_many(te.Experience(tags=["rent"], source="h", at=moment) for moment in moments[:known])
            assert mind.patterns.rhythms()[0].told == told
            assert mind.anticipate()[0].at == moments[known]


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        ((8, None, None, 18, None, None, None), "on Mondays about 08:00, on Thursdays about 18:00"),
        ((7, 7, 7, 7, 7, 10, 10), "on weekdays about 07:00, on Saturdays and Sundays about 10:00"),
    ],
)
def test_an_hour_that_depends_on_the_weekday_is_expected_on_that_day(
    tmp_path: Path, hours: tuple[int | None, ...], told: str
) -> None:
    days = [(START + dt.timedelta(days=day)) for day in range(150)]
    moments = [day.replace(hour=hour) for day in days if (hour := hours[day.weekday()]) is not None]
    for known in range(len(moments) - 8, len(moments)):
        now = moments[known - 1] + dt.timedelta(minutes=30)
        with te.open(tmp_path / f"mind {known}", clock=lambda now=now: now) as mind:
            mind.remember_many(te.Experience(tags=["wake"], source="h", at=moment) for moment in moments[:known])
            assert mind.patterns.rhythms()[0].told == told
            assert mind.anticipate()[0].at == moments[known]


def mornings(chance: random.Random, came: list[bool], tags: list[str]) -> list[te.Experience]:
    """Give days on which wake is followed by some tags, or else by tea, and at last by wake alone."""
    life = []
    for day, whether in enumerate(came):
        for hour, those in ((7, ["wake"]), (8, tags if whether else ["tea"]), (22, ["sleep"])):
            at = START + dt.timedelta(days=day, hours=hour, minutes=chance.uniform(-6, 6))
            life.append(te.Experience(tags=those, source="h", at=at))
    return [*life, te.Experience(tags=["wake"], source="h", at=START + dt.timedelta(days=len(came), hours=7))]


@pytest.mark.parametrize(("before", "after", "most"), [(100, 20, 0.3), (400, 20, 0.25), (1000, 25, 0.25)])
def test_a_habit_that_was_kept_nearly_always_and_has_ended_is_soon_not_expected_any_more(
    opened: Opened, before: int, after: int, most: float
) -> None:
    chance = random.Random(1)
    life = mornings(chance, [chance.random() < 0.9 for _ in range(before)] + after * [False], ["coffee"])
    with opened(life[-1].at + dt.timedelta(minutes=5)) as mind:
        mind.remember_many(life)
        for given in (None, ["wake"], ["sleep", "wake"]):
            asked = {} if given is None else {"given": given}
            assert foreseen(mind, "coffee", **asked).probability < most, given
            assert foreseen(mind, "tea", **asked).probability > 1.0 - most, given


def test_a_habit_that_goes_on_is_told_as_it_is_after_years(opened: Opened) -> None:
    chance = random.Random(4)
    came = [chance.random() < 0.8 for _ in range(1500)]
    life = mornings(chance, came, ["coffee"])
    with opened(life[-1].at + dt.timedelta(minutes=5)) as mind:
        mind.remember_many(life)
        for given in ({}, {"given": ["wake"]}, {"given": ["sleep", "wake"]}):
            assert foreseen(mind, "coffee", **given).probability == pytest.approx(0.8, abs=0.08)


def test_tags_that_always_come_together_are_told_alike_with_little_given(opened: Opened) -> None:
    chance = random.Random(2)
    came = [chance.random() < 0.9 for _ in range(400)]
    life = mornings(chance, came, ["coffee", "kitchen"])
    with opened(life[-1].at + dt.timedelta(minutes=5)) as mind:
        mind.remember_many(life)
        for given in ({}, {"given": ["wake"]}, {"given": ["sleep", "wake"]}):
            coffee, kitchen = (foreseen(mind, what, **given).probability for what in ("coffee", "kitchen"))
            assert kitchen == pytest.approx(coffee, abs=0.1)
            assert (coffee + kitchen) / 2.0 == pytest.approx(sum(came) / 400.0, abs=0.08)


@pytest.mark.parametrize("then", [None, "sleep"])
def test_what_has_just_not_come_is_expected_until_it_is_late_by_its_own_measure(
    tmp_path: Path, then: str | None
) -> None:
    chance, now = random.Random(1), START
    hours = (("wake", 7), ("coffee", 8), *(((then, 22),) if then else ()))
    with te.open(tmp_path / "mind", clock=lambda: now) as mind:
        for day, tag, hour in [(day, *one) for day in range(60) for one in hours][: 59 * len(hours) + 1]:
            now = START + dt.timedelta(days=day, hours=hour, minutes=chance.uniform(-5, 5))
            mind.remember(tags=[tag], source="home", at=now)
        for minute in (-1, 0, 1, 2, 5):
            now = START + dt.timedelta(days=59, hours=8, minutes=minute)
            coffee = mind.anticipate(k=1)[0]
            assert coffee.what == "coffee"
            assert coffee.at is not None
            assert now <= coffee.at < START + dt.timedelta(days=59, hours=8, minutes=6)
        mind.remember(tags=["coffee"], source="home", at=now)
        now += dt.timedelta(minutes=1)
        after = foreseen(mind, "coffee").at
        assert after is not None
        assert after > START + dt.timedelta(days=60, hours=7.9)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_late_is_less_probable_the_later_it_is_and_what_is_due_is_more(tmp_path: Path, seed: int) -> None:
    chance, now, heard = random.Random(seed), START, list[tuple[str, bool]]()
    with te.open(tmp_path / "mind", clock=lambda: now) as mind:
        for day in range(100):
            for hour, tag, often in ((7, "wake", 1.0), (8, "coffee", 0.85), (12, "lunch", 0.9), (22, "sleep", 1.0)):
                if chance.random() < often:
                    now = START + dt.timedelta(days=day, hours=hour, minutes=chance.uniform(-4, 4))
                    mind.remember(tags=[tag], source="home", at=now)
            mind.remember(tags=["mail"], source="office", at=START + dt.timedelta(days=day, hours=15))
        mind.events.subscribe("anticipated", lambda event: heard.append((event.data["what"], event.data["came_true"])))
        today, coffee, sleep = START + dt.timedelta(days=100), [1.0], [0.0]
        now = today + dt.timedelta(hours=7)
        mind.remember(tags=["wake"], source="home", at=now)
        for half in range(15, 44):
            now = today + dt.timedelta(hours=half / 2)
            told = {one.what: one for one in mind.anticipate(k=9)}
            coffee.append(told["coffee"].probability)
            sleep.append(told["sleep"].probability)
            for what, due in (("coffee", 8), ("lunch", 12)):
                assert told[what].at == pytest.approx(
                    max(now, today + dt.timedelta(hours=due)), abs=dt.timedelta(minutes=3)
                )
        now = today + dt.timedelta(hours=22)
        mind.remember(tags=["sleep"], source="home", at=now)
        mind.patterns.catch_up()
        mind.events.close()
    assert all(later < before + 0.01 for before, later in itertools.pairwise(coffee))
    assert all(later > before - 0.01 for before, later in itertools.pairwise(sleep))
    assert coffee[4] < 0.15
    assert coffee[-1] < 0.03
    assert sleep[-1] > 0.85
    assert heard == [("coffee", False), ("lunch", False), ("sleep", True)]


def test_what_was_missed_and_has_nothing_before_its_next_day_is_expected_then(tmp_path: Path) -> None:
    now = START + dt.timedelta(days=40, hours=15)
    with te.open(tmp_path / "mind", clock=lambda: now) as mind:
        for day in range(40):
            mind.remember(tags=["pill"], episode="cure", at=START + dt.timedelta(days=day, hours=8))
            mind.remember(tags=["news"], source="paper", at=START + dt.timedelta(days=day, hours=20))
        (pill,) = mind.anticipate(episode="cure", k=1)
        assert pill.what == "pill"
        assert pill.at == START + dt.timedelta(days=41, hours=8)


@pytest.mark.parametrize("tags", ["AB", "ABCDEF"])
def test_what_is_asked_again_and_again_still_adds_up_to_one(tmp_path: Path, tags: str) -> None:
    chance, now = random.Random(1), [START]
    with te.open(tmp_path / "mind", clock=lambda: now[0]) as mind:
        for _ in range(300):
            now[0] += dt.timedelta(hours=chance.uniform(0.5, 1.5))
            mind.remember(tags=[chance.choice(tags)], source="w", at=now[0])
            told = mind.anticipate(k=20)
        assert sum(one.probability for one in told) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("asked", "then"), [((2022, 11, 1), (2022, 12, 31)), ((2022, 2, 1), (2022, 3, 31))])
def test_what_comes_on_the_31st_is_expected_on_one(
    tmp_path: Path, asked: tuple[int, int, int], then: tuple[int, int, int]
) -> None:
    now = dt.datetime(*asked, tzinfo=dt.UTC)
    days = [
        dt.datetime(year, month, 31, 9, tzinfo=dt.UTC)
        for year in range(2018, 2023)
        for month in (1, 3, 5, 7, 8, 10, 12)
    ]
    with te.open(tmp_path / "mind", clock=lambda: now) as mind:
        mind.remember_many(te.Experience(tags=["rent"], source="h", at=day) for day in days if day < now)
        (rent,) = mind.anticipate(k=1)
        assert rent.at == dt.datetime(*then, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize(("days", "comes", "other"), [(7 * 26, "market", "work"), (7 * 26 - 2, "work", "market")])
def test_what_follows_only_on_some_days_of_the_week_is_told_on_these(
    opened: Opened, days: int, comes: str, other: str
) -> None:
    """After coffee comes work from Monday to Friday, and the market on the other two days, without exception."""
    chance, life, monday = random.Random(5), [], dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    for day in range(days):
        after = ("work", 9) if day % 7 < 5 else ("market", 11)
        for tag, hour in (("wake", 7), ("coffee", 8), after, ("dinner", 19)):
            at = monday + dt.timedelta(days=day, hours=hour + chance.gauss(0.0, 0.1))
            life.append(te.Experience(tags=[tag], source="h", at=at))
    until = life[:-2]  # the coffee of a Sunday, or of a Friday
    with opened(until[-1].at + dt.timedelta(minutes=1)) as mind:  # type: ignore[operator]
        mind.remember_many(until)
        assert foreseen(mind, comes).probability > 0.75
        assert foreseen(mind, other).probability < 0.2


@pytest.mark.parametrize("kept", [0.6, 0.75])
def test_what_is_told_from_one_thing_given_is_as_often_true(tmp_path: Path, kept: float) -> None:
    """Whatever else is certain in the day: of twelve lives, in the third and fourth month."""
    told, came, now = list[float](), list[bool](), [START]
    usual = (("wake", 7, 1.0), ("coffee", 8, kept), ("lunch", 12, 1.0), ("walk", 17, 0.5), ("bed", 22, 1.0))
    for seed in range(12):
        chance, done = random.Random(seed), 0
        life = [
            te.Experience(
                tags=[tag], source="h", at=START + dt.timedelta(days=day, hours=hour, minutes=chance.gauss(0, 8))
            )
            for day in range(120)
            for tag, hour, often in usual
            if chance.random() < often
        ]
        with te.open(tmp_path / str(seed), clock=lambda: now[0]) as mind:
            for i, (one, then) in enumerate(itertools.pairwise(life), 1):
                if "wake" in one.tags and one.at > START + dt.timedelta(days=60):
                    now[0] = one.at
                    mind.remember_many(life[done:i])
                    done = i
                    told.append(foreseen(mind, "coffee", given=["wake"]).probability)
                    came.append("coffee" in then.tags)
    assert len(told) > 700
    assert abs(np.mean(told) - np.mean(came)) < 0.05
