"""Dates and times in the forms people and programs write; nothing ambiguous is guessed."""

import datetime as dt

import pytest

from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.stamps import StampError, evidence, leading, moment, time_leading

DAY = dt.date(2024, 3, 5)


@pytest.mark.parametrize(
    "line",
    [
        "2024-03-05",
        "2024-3-5",
        "2024/03/05",
        "2024.03.05",
        "5 March 2024",
        "5th March 2024",
        "5th of March, 2024",
        "5. March 2024",
        "05-Mar-2024",
        "March 5, 2024",
        "March 5th 2024",
        "Mar 5 2024",
        "mar. 5, 2024",
        "Monday 5 March 2024",
        "Tue, 5 March 2024",
        "Tuesday, March 5, 2024",
        "05.03.2024",
        "5.3.24",
    ],
)
@pytest.mark.parametrize("rest", ["", " went to the sea", ": rain"])
def test_common_dates(line: str, rest: str) -> None:
    found = leading(line + rest)
    assert found is not None
    assert (found.day, found.time, found.end) == (DAY, None, len(line))


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("2024-03-05 14:10", dt.time(14, 10)),
        ("2024-03-05T14:10:22.5", dt.time(14, 10, 22, 500_000)),
        ("2024-03-05T14:10Z", dt.time(14, 10, tzinfo=dt.UTC)),
        ("2024-03-05 14:10:00 -0500", dt.time(14, 10, tzinfo=dt.timezone(dt.timedelta(hours=-5)))),
        ("March 5, 2024 at 2:10 PM", dt.time(14, 10)),
        ("5 March 2024, 12:10 a.m.", dt.time(0, 10)),
        ("2024-03-05 09:10-10:30 standup", dt.time(9, 10)),
    ],
)
def test_times_behind_dates(line: str, time: dt.time) -> None:
    found = leading(line)
    assert found is not None
    assert found.time == time
    assert found.time.tzinfo == time.tzinfo


@pytest.mark.parametrize(
    "line",
    [
        "",
        "went on 2024-03-05",
        "3.11.12.4 is a version",
        "2024-03-051",
        "2024-03-05/06",
        "09/10-11:30",
        "March was long",
        "Marble 5 2024",
        "12 monkeys",
        "20240305",
    ],
)
def test_what_is_no_date(line: str) -> None:
    assert leading(line) is None


@pytest.mark.parametrize("line", ["2024-02-30", "31 April 2024", "32.01.2024", "25/25/2024", "2024-03-05 25:10"])
def test_days_of_no_calendar_are_errors(line: str) -> None:
    with pytest.raises(StampError):
        leading(line)


@pytest.mark.parametrize("line", ["05/03/2024", "5/3/24", "05-03-2024"])
def test_two_possible_days_are_never_guessed(line: str) -> None:
    with pytest.raises(StampError, match="--day-first or --month-first"):
        leading(line)
    first, second = leading(line, day_first=True), leading(line, day_first=False)
    assert first is not None
    assert second is not None
    assert (first.day, second.day) == (DAY, dt.date(2024, 5, 3))


def test_numbers_over_twelve_and_equal_numbers_tell() -> None:
    for line, day in (("25/03/2024", dt.date(2024, 3, 25)), ("03/25/2024", dt.date(2024, 3, 25))):
        found = leading(line)
        assert found is not None
        assert found.day == day
    same = leading("04/04/2024")
    assert same is not None
    assert same.day == dt.date(2024, 4, 4)


def test_evidence() -> None:
    assert evidence(["05/03/2024", "no date", "25/03/2024"]) is True
    assert evidence(["05/03/2024", "3/25/24"]) is False
    assert evidence(["05/03/2024", "25.03.2024"]) is None
    with pytest.raises(StampError, match=r"both|one order"):
        evidence(["25/03/2024", "03/25/2024"])


def test_times_that_begin_a_line() -> None:
    assert time_leading("14:10 Met Ana") == (dt.time(14, 10), 5)
    assert time_leading("2:10 pm - tea") == (dt.time(14, 10), 7)
    assert time_leading("25:10 x") is None
    assert time_leading("at 14:10") is None


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1709647800, "2024-03-05T14:10:00+00:00"),
        (1709647800.25, "2024-03-05T14:10:00.250000+00:00"),
        ("1709647800.000200", "2024-03-05T14:10:00.000200+00:00"),
        (1709647800123, "2024-03-05T14:10:00.123000+00:00"),
        (1709647800123456, "2024-03-05T14:10:00.123456+00:00"),
        (1709647800123456789, "2024-03-05T14:10:00.123456+00:00"),
        (-5.5, "1969-12-31T23:59:54.500000+00:00"),
        (20240305, "1970-08-23T06:18:25+00:00"),
        ("20240305", "2024-03-05T12:00:00+00:00"),
        ("2024-03-05", "2024-03-05T12:00:00+00:00"),
        ("2024-03-05T14:10:00", "2024-03-05T14:10:00+00:00"),
        ("2024-03-05T14:10:00Z", "2024-03-05T14:10:00+00:00"),
        ("2024-03-05 14:10:00+01:00", "2024-03-05T14:10:00+01:00"),
        ("Mar 5, 2024 2:10 PM", "2024-03-05T14:10:00+00:00"),
        ("1660-01-11", "1660-01-11T12:00:00+00:00"),
    ],
)
def test_moments(value: object, written: str) -> None:
    assert moment(value, Reading(timezone=dt.UTC)).isoformat() == written


@pytest.mark.parametrize("value", ["", "soon", "2024-13-01", "05/03/2024", None, True, float("nan"), 1e300, [], {}])
def test_what_is_no_moment(value: object) -> None:
    with pytest.raises(StampError):
        moment(value, Reading(timezone=dt.UTC))
