"""What the host is told of patterns: when, in which words, with which evidence."""

from __future__ import annotations

import datetime as dt
import random
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mind(tmp_path: Path, clock: Clock) -> Iterator[te.ThoughtEngine]:
    with te.open(tmp_path / "mind", clock=clock) as mind:
        yield mind


def live(mind: te.ThoughtEngine, clock: Clock, n: int, *tags: tuple[str, ...]) -> list[int]:
    """Live n days, an experience with each of the tags every hour from seven on."""
    ids, first = list[int](), clock.now.replace(hour=0, minute=0)
    for day in range(n):
        for hour, some in enumerate(tags, 7):
            clock.now = first + dt.timedelta(days=day, hours=hour, minutes=3 * day % 10)
            ids.append(mind.remember(tags=some, source="home"))
    clock.now = first + dt.timedelta(days=n)
    return ids


@pytest.mark.parametrize("look", ["anticipate", "sequences", "rhythms"])
def test_what_does_not_come_in_its_time_is_told_at_the_next_look(
    mind: te.ThoughtEngine, clock: Clock, look: str
) -> None:
    heard: list[tuple[str, bool, tuple[int, ...]]] = []
    mind.events.subscribe(
        "anticipated", lambda event: heard.append((event.data["what"], event.data["overdue"], event.data["ids"]))
    )
    live(mind, clock, 20, ("wake",), ("coffee",))
    best = mind.anticipate()[0]
    assert best.what == "wake"
    clock.now += dt.timedelta(hours=7)
    mind.patterns.sequences()  # not yet
    clock.now += dt.timedelta(days=3)
    getattr(mind if look == "anticipate" else mind.patterns, look)()
    getattr(mind if look == "anticipate" else mind.patterns, look)()
    mind.events.close()
    assert heard == [("wake", True, ())]


def hear(mind: te.ThoughtEngine) -> list[tuple[str, bool, bool]]:
    """Give the list that fills with what becomes of predictions: what, whether it came true, whether it is overdue."""
    heard: list[tuple[str, bool, bool]] = []
    mind.events.subscribe(
        "anticipated", lambda event: heard.append((event.data["what"], event.data["came_true"], event.data["overdue"]))
    )
    return heard


def test_who_asks_again_and_again_hears_once_of_what_does_not_come(mind: te.ThoughtEngine, clock: Clock) -> None:
    heard = hear(mind)
    live(mind, clock, 30, ("wake",), ("coffee",), ("walk",))
    clock.now += dt.timedelta(hours=7)
    mind.remember(tags=["wake"], source="home")
    for _ in range(120):
        mind.anticipate()
        clock.now += dt.timedelta(minutes=15)
    mind.events.close()
    assert heard == [("coffee", False, True)]


@pytest.mark.parametrize("looked", [False, True])
def test_what_comes_later_than_it_was_due_was_missed_whoever_looked_before(
    mind: te.ThoughtEngine, clock: Clock, looked: bool
) -> None:
    heard = hear(mind)
    live(mind, clock, 30, ("wake",), ("coffee",), ("walk",))
    clock.now += dt.timedelta(hours=7)
    mind.remember(tags=["wake"], source="home")
    before = next(one.trust for one in mind.patterns.sequences() if one.given == ("wake",))
    mind.anticipate()
    clock.now += dt.timedelta(hours=26)
    if looked:
        mind.patterns.catch_up()
    mind.remember(tags=["coffee"], source="home")
    after = next(one.trust for one in mind.patterns.sequences() if one.given == ("wake",))
    mind.events.close()
    assert heard == [("coffee", False, True)]
    assert after < before - 0.05


def test_what_follows_within_seconds_is_overdue_in_twice_the_time(mind: te.ThoughtEngine, clock: Clock) -> None:
    heard = hear(mind)
    for hour in range(60):
        for second, tag in ((0, "error"), (5, "reset"))[: 1 + (hour < 59)]:
            clock.now = START + dt.timedelta(hours=hour, seconds=second)
            mind.remember(tags=[tag], source="machine")
    mind.anticipate()
    clock.now += dt.timedelta(seconds=9)
    mind.patterns.catch_up()  # not yet
    assert heard == []
    clock.now += dt.timedelta(seconds=2)
    mind.patterns.catch_up()
    mind.events.close()
    assert heard == [("reset", False, True)]


def test_what_falls_into_a_holiday_is_told_and_charged_to_nobody(mind: te.ThoughtEngine, clock: Clock) -> None:
    heard = hear(mind)
    live(mind, clock, 30, ("wake",), ("coffee",), ("walk",))
    clock.now += dt.timedelta(hours=7)
    mind.remember(tags=["wake"], source="home")
    before = {one.id: one.trust for one in mind.patterns.sequences()}
    mind.anticipate()
    for _ in range(14):
        clock.now += dt.timedelta(days=1)
        mind.anticipate()
    mind.remember(tags=["mail"], source="office")
    after = {one.id: one.trust for one in mind.patterns.sequences()}
    mind.events.close()
    assert heard[0] == ("coffee", False, True)
    assert len(heard) == len(set(heard))  # each but once, as wake on the next day
    assert all(after[one] > 0.9 * trust for one, trust in before.items())  # a day has gone by, not fourteen


@pytest.mark.parametrize(("days", "source"), [(-400, "home"), (-400, "archive"), (60, "home"), (60, "desk")])
def test_what_is_imported_or_dated_ahead_changes_nothing_that_is_expected_now(
    mind: te.ThoughtEngine, clock: Clock, days: int, source: str
) -> None:
    heard = hear(mind)
    live(mind, clock, 30, ("wake",), ("coffee",), ("walk",))
    clock.now += dt.timedelta(hours=7)
    mind.remember(tags=["wake"], source="home")
    before = [str(one) for one in mind.anticipate(k=1)]
    mind.remember(tags=["elsewhen"], source=source, at=clock.now + dt.timedelta(days=days))
    if days < 0 or source == "home":
        assert [str(one) for one in mind.anticipate(k=1)] == before
    clock.now += dt.timedelta(hours=1)
    mind.remember(tags=["coffee"], source="home")
    mind.patterns.catch_up()
    mind.events.close()
    assert heard == [("coffee", True, False)]
    assert next(one.n for one in mind.patterns.sequences() if one.given == ("wake",)) == 31


def test_what_was_forgotten_is_expected_no_more(mind: te.ThoughtEngine, clock: Clock) -> None:
    heard = hear(mind)
    live(mind, clock, 30, ("wake",), ("secret",))
    clock.now += dt.timedelta(hours=7)
    mind.remember(tags=["wake"], source="home")
    assert mind.anticipate()[0].what == "secret"
    mind.forget(tags="secret")
    clock.now += dt.timedelta(hours=9)
    mind.remember(tags=["walk"], source="home")
    mind.patterns.catch_up()
    mind.events.close()
    assert heard == []


def test_what_a_diary_of_long_ago_expects_is_not_overdue_by_the_clock_of_today(
    mind: te.ThoughtEngine, clock: Clock
) -> None:
    heard: list[object] = []
    mind.events.subscribe("anticipated", heard.append)
    live(mind, clock, 20, ("wake",), ("coffee",))
    clock.now += dt.timedelta(days=10_000)
    mind.anticipate()
    mind.patterns.sequences()
    mind.events.close()
    assert heard == []


def test_tags_of_one_experience_are_told_as_such_and_can_be_given_as_they_are(
    mind: te.ThoughtEngine, clock: Clock
) -> None:
    live(mind, clock, 20, ("wake", "alarm"), ("coffee",), ("walk",))
    found = {(one.given, one.then): one for one in mind.patterns.sequences()}
    both, turn = found[("alarm", "wake"), "coffee"], found[("wake", "coffee"), "walk"]
    assert both.at_once
    assert repr(both).startswith("<Sequence 'alarm' with 'wake' → 'coffee': 100% of 19")
    assert not turn.at_once
    assert mind.anticipate(given=both.given)[0].what == "coffee"
    assert mind.anticipate(given=[["wake", "alarm"]]) == mind.anticipate(given=["alarm", "wake"])


@pytest.mark.parametrize("given", [[["wake"], 5], [b"wake"], "wake", [["wake", 5]]])
def test_what_is_given_must_be_names(mind: te.ThoughtEngine, given: object) -> None:
    with pytest.raises(te.InvalidArgumentError, match="given"):
        mind.anticipate(given=given)  # type: ignore[arg-type]


def test_what_came_is_given_or_looked_up_and_not_both(mind: te.ThoughtEngine) -> None:
    with pytest.raises(te.InvalidArgumentError, match="episode"):
        mind.anticipate(given=["wake"], episode="today")


def test_nothing_is_expected_before_the_moment_that_is_asked_about(mind: te.ThoughtEngine, clock: Clock) -> None:
    live(mind, clock, 20, ("wake",), ("coffee",))
    usual = mind.anticipate()[0]
    assert usual.at is not None
    assert usual.at - clock.now < dt.timedelta(hours=8)
    later = clock.now + dt.timedelta(days=2)
    asked = mind.anticipate(at=later)[0]
    assert asked.at is not None
    assert later <= asked.at < later + dt.timedelta(hours=8)


def test_evidence_is_the_newest_three_and_a_pattern_outlives_the_newest(mind: te.ThoughtEngine, clock: Clock) -> None:
    ids = live(mind, clock, 20, ("wake",), ("coffee",))

    def evidence() -> list[tuple[int, ...]]:
        return [one.evidence for one in mind.patterns.sequences() if (one.given, one.then) == (("wake",), "coffee")]

    assert evidence() == [(ids[-1], ids[-3], ids[-5])]
    mind.forget(ids[-1])
    assert evidence() == [(ids[-3], ids[-5])]


def test_what_tags_and_sources_have_in_common_outlives_the_evidence_that_was_kept(mind: te.ThoughtEngine) -> None:
    ids = [mind.remember(tags=["tea", "cake"], source="Ann", at=START + dt.timedelta(days=day)) for day in range(20)]
    mind.remember_many(te.Experience(tags=["work"], source="Bob") for _ in range(30))

    def evidence() -> dict[tuple[str, ...], tuple[int, ...]]:
        return {tuple(sorted(one.items)): one.evidence for one in mind.patterns.associations()}

    assert evidence()["cake", "tea"] == evidence()["Ann", "tea"] == tuple(ids[:-4:-1])
    receipt = mind.forget(*ids[5:])
    assert evidence()["cake", "tea"] == evidence()["Ann", "tea"] == tuple(ids[4:1:-1])
    mind.forget(*ids[:5])
    assert "tea" not in str(evidence())
    mind.undo(receipt)
    assert evidence()["cake", "tea"] == tuple(ids[:-4:-1])


def test_what_only_superseded_memories_say_is_not_told(mind: te.ThoughtEngine) -> None:
    ids = [mind.remember("today I met Zebulon Quark again", tags=["meeting"]) for _ in range(8)]
    for _ in range(30):
        mind.remember("nothing to tell", tags=["work"])
    assert "Zebulon Quark" in str(mind.patterns.associations())
    for id_ in ids:
        mind.revise(id_, text="today I met nobody")
    assert "Zebulon Quark" not in str(mind.patterns.associations())


def test_what_is_a_source_and_a_name_in_texts_comes_together_with_a_thing_once(mind: te.ThoughtEngine) -> None:
    for _ in range(20):
        mind.remember("it was Dana Frey who rang", source="Dana Frey", tags=["call"])
        mind.remember("silence", source="home", tags=["rest"])
    pairs = [tuple(sorted(one.items)) for one in mind.patterns.associations()]
    assert ("Dana Frey", "call") in pairs
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("hour", [22, 24])
def test_what_comes_every_night_about_midnight_is_expected_once_a_night(
    mind: te.ThoughtEngine, clock: Clock, hour: int
) -> None:
    beside = [-25, 20, -5, 28, 3, -14, 9, -29, 15, -18, 25]
    lived = [
        te.Experience(tags=[tag], source="home", at=START + dt.timedelta(days=day, hours=at, minutes=minutes))
        for day in range(80)
        for tag, at, minutes in (("wake", 7, day % 4), ("bed", hour, beside[day % 11]))
    ]
    mind.remember_many(lived[:120])
    told = rhythm(mind, "bed")
    assert (told.kept, told.told[:16], " and " in told.told) == (1.0, "every day, about", False)
    for one in lived[120:]:
        clock.now = one.at + dt.timedelta(minutes=1)
        mind.remember(tags=one.tags, source="home", at=one.at)
        if one.tags == ("wake",):
            tonight = clock.now.replace(hour=0, minute=0) + dt.timedelta(hours=hour)
            expected = next(each.at for each in mind.anticipate() if each.what == "bed")
            assert expected is not None
            assert abs(expected - tonight) < dt.timedelta(minutes=30)


def test_what_comes_every_few_months_is_expected_in_none_between(mind: te.ThoughtEngine, clock: Clock) -> None:
    """As it is imported: with dates alone."""
    quarters = [START.replace(year=2014 + i // 4, month=1 + i % 4 * 3) for i in range(40)]
    mind.remember_many(te.Experience(tags=["tax"], source="diary", at=at) for at in quarters)
    clock.now = START + dt.timedelta(hours=1)
    assert rhythm(mind, "tax").told == "every 3 months, about the 1st"
    mind.remember(tags=["other"], source="diary", at=quarters[-1] + dt.timedelta(days=2))
    expected = next(each.at for each in mind.anticipate() if each.what == "tax")
    assert expected is not None
    assert (expected.year, expected.month, expected.day) == (2024, 1, 1)


def test_what_comes_on_one_night_of_the_week_at_no_clear_hour_is_expected_on_that_night(
    mind: te.ThoughtEngine, clock: Clock
) -> None:
    beside = [-110, 90, -60, 118, 20, -15, 55, -85]
    fridays = [START + dt.timedelta(days=4 + 7 * week, hours=24, minutes=beside[week % 8]) for week in range(24)]
    other = [START + dt.timedelta(days=day, hours=9, minutes=day % 7) for day in range(168)]
    mind.remember_many(te.Experience(tags=["out"], source="home", at=at) for at in fridays)
    mind.remember_many(te.Experience(tags=["wake"], source="home", at=at) for at in other)
    clock.now = START + dt.timedelta(days=168, hours=9, minutes=30)
    assert rhythm(mind, "out").told == "every week, on Fridays, mostly between 22:00 and 01:00"
    expected = next(each.at for each in mind.anticipate(k=9) if each.what == "out")
    assert expected is not None
    assert abs(expected - START - dt.timedelta(days=172, hours=24)) < dt.timedelta(hours=2)


def rhythm(mind: te.ThoughtEngine, what: str) -> te.Rhythm:
    return next(one for one in mind.patterns.rhythms() if one.what == what)


def test_what_comes_monthly_or_weekly_at_one_hour_is_not_daily(mind: te.ThoughtEngine, clock: Clock) -> None:
    for month in range(30):
        at = START.replace(year=2020 + month // 12, month=month % 12 + 1)
        mind.remember(tags=["rent"], at=at + dt.timedelta(hours=9, minutes=month % 7))
    for week in range(30):
        mind.remember(tags=["choir"], at=START + dt.timedelta(days=7 * week, hours=19, minutes=week % 7))
    assert rhythm(mind, "rent").period_seconds == 2_629_746
    assert repr(rhythm(mind, "rent")).startswith("<Rhythm 'rent': every month")
    assert rhythm(mind, "choir").period_seconds == 7 * 86_400
    assert rhythm(mind, "choir").kept > 0.9


def test_what_comes_on_some_days_at_one_hour_is_not_said_to_come_every_day(mind: te.ThoughtEngine) -> None:
    days = [0, 3, 4, 11, 13, 22, 24, 25, 31, 40, 42, 51, 53, 58, 69, 77, 80, 81, 95, 99]
    for day in days:
        mind.remember(tags=["swim"], at=START + dt.timedelta(days=day, hours=6, minutes=day % 9))
    found = rhythm(mind, "swim")
    assert found.period_seconds == 86_400
    assert found.kept == pytest.approx(0.2, abs=0.01)
    assert "20% of the days, about 06:0" in repr(found)
    for day in range(100, 130):
        mind.remember(tags=["walk"], at=START + dt.timedelta(days=day, hours=8))
    assert "comes" not in str([one.because for one in mind.anticipate(given=["walk"]) if one.what == "swim"])


def test_a_prediction_in_the_hour_that_spring_leaves_out_is_an_hour_later(tmp_path: Path) -> None:
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    moments = [dt.datetime(2024, 1, 1, 2, 30, tzinfo=zone) + dt.timedelta(days=day) for day in range(90)]
    with te.open(tmp_path / "mind", timezone="Europe/Berlin", clock=lambda: moments[-1]) as mind:
        mind.remember_many(te.Experience(tags=["watch"], source="guard", at=moment) for moment in moments)
        (best,) = mind.anticipate(k=1)
        assert best.at is not None
        assert best.at.isoformat() == "2024-03-31T03:30:00+02:00"


def test_at_the_end_of_the_calendar_a_clock_stays_in_its_own_zone(tmp_path: Path) -> None:
    end = dt.datetime(9999, 12, 31, 23, 59, tzinfo=dt.UTC)
    with te.open(tmp_path / "mind", timezone="Pacific/Kiritimati", clock=lambda: end) as mind:
        for tag in ("wake", "walk") * 10:
            mind.remember(tags=[tag], source="me")
        assert mind.anticipate()[0].what == "wake"
        assert mind.patterns.rhythms() == []


@pytest.mark.parametrize("given", [{"wake", "walk"}, {"wake": 1, "walk": 2}, frozenset(["wake"])])
def test_what_has_no_order_was_not_given_in_one(mind: te.ThoughtEngine, given: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match="a sequence of str"):
        mind.anticipate(given=given)


@pytest.mark.parametrize("ahead", [dt.timedelta(days=30), dt.timedelta(hours=3)])
def test_asking_about_another_moment_mutes_nothing(mind: te.ThoughtEngine, clock: Clock, ahead: dt.timedelta) -> None:
    heard = hear(mind)
    live(mind, clock, 30, ("wake",), ("coffee",), ("walk",))
    clock.now += dt.timedelta(hours=7)
    mind.remember(tags=["wake"], source="home")
    mind.anticipate(at=clock.now + ahead)
    for _ in range(20):
        mind.anticipate()
        clock.now += dt.timedelta(minutes=15)
    mind.events.close()
    assert heard == [("coffee", False, True)]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_comes_next_but_late_is_as_probable_as_it_comes_next(
    mind: te.ThoughtEngine, clock: Clock, elsewhere: bool
) -> None:
    heard, chance, told = hear(mind), random.Random(1), list[float]()
    for number in range(800):  # a coin after a pause of any length, then always the bell
        clock.now += dt.timedelta(hours=chance.expovariate(1 / 3) + 0.01)
        if elsewhere:  # tells that it is overdue before it comes
            mind.remember(tags=["mail"], source="office")
        mind.remember(tags=[chance.choice(("heads", "tails"))], source="home")
        clock.now += dt.timedelta(minutes=10)
        mind.remember(tags=["bell"], source="home")
        found = {one.what: one.probability for one in mind.anticipate()}
        if number >= 400:
            told.append((found.get("heads", 0.0) + found.get("tails", 0.0)) / 2)
    mind.events.close()
    assert sum(overdue for *_, overdue in heard) > 100
    assert 0.45 < sum(told) / len(told) < 0.52


def test_what_is_overdue_in_a_pause_of_everything_is_charged_to_nobody_however_late_its_run_goes_on(
    mind: te.ThoughtEngine, clock: Clock
) -> None:
    live(mind, clock, 30, ("wake",), ("coffee",), ("walk",))
    clock.now += dt.timedelta(hours=7)
    mind.remember(tags=["wake"], source="home")

    def asked() -> tuple[float, ...]:
        mind.patterns.catch_up()
        return tuple(mind.patterns._finders.outcomes.values())

    mind.anticipate()
    before = asked()
    clock.now += dt.timedelta(days=6)
    mind.patterns.catch_up()
    mind.remember(tags=["mail"], source="office")
    clock.now += dt.timedelta(hours=1)
    mind.remember(tags=["walk"], source="home")
    assert asked() == before
