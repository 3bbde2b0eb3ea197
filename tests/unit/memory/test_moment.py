import datetime as dt
import zoneinfo

import pytest
from hypothesis import given

from tests.strategies import moments
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.moment import from_stored, to_stored

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


@given(moments)
def test_every_aware_moment_comes_back_with_its_offset(moment: dt.datetime) -> None:
    back = from_stored(*to_stored("at", moment))
    assert back == moment
    assert back.utcoffset() == moment.utcoffset()
    assert back.replace(tzinfo=None) == moment.replace(tzinfo=None)


@given(moments)
def test_text_and_datetime_are_the_same_moment(moment: dt.datetime) -> None:
    assert to_stored("at", moment.isoformat()) == to_stored("at", moment)


@given(moments, moments)
def test_stored_moments_sort_as_the_moments_do(one: dt.datetime, other: dt.datetime) -> None:
    assert (to_stored("at", one)[0] < to_stored("at", other)[0]) == (one < other)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00+14:00",  # in UTC that is in the year 0
        "1665-09-03T08:00:00+00:00",
        "1883-11-18T12:03:57.999999-04:56:02",
        "1970-01-01T00:00:00+00:00",
        "9999-12-31T23:59:59.999999+00:00",
        "9999-12-31T23:59:59.999999-12:00",  # and that in the year 10000
    ],
)
def test_the_ends_of_the_calendar(text: str) -> None:
    assert from_stored(*to_stored("at", text)).isoformat() == text


def test_the_hour_that_comes_twice() -> None:
    first = dt.datetime(2023, 10, 29, 2, 30, tzinfo=BERLIN)
    second = first.replace(fold=1)
    assert to_stored("at", second)[0] - to_stored("at", first)[0] == 3_600_000_000
    assert [to_stored("at", moment)[1] for moment in (first, second)] == [7200, 3600]


def test_the_hour_that_never_was() -> None:
    at, offset = to_stored("at", dt.datetime(2023, 3, 26, 2, 30, tzinfo=BERLIN))
    assert from_stored(at, offset).astimezone(BERLIN).isoformat() == "2023-03-26T03:30:00+02:00"


def test_z_means_utc() -> None:
    assert to_stored("at", "2023-05-08T14:30:00Z") == to_stored("at", "2023-05-08T14:30:00+00:00")


@pytest.mark.parametrize("value", [dt.datetime(2023, 5, 8), "2023-05-08T14:30:00", "2023-05-08", "20230508T1430"])
def test_a_naive_moment_is_told_how_to_become_aware(value: object) -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"since=moment\.astimezone\(\)|an offset behind it, such as"
    ) as raised:
        to_stored("since", value)
    assert raised.value.argument == "since"


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        1.7e9,
        "",
        " ",
        "yesterday",
        "2023-13-01T00:00:00Z",
        "2023-05-08T25:00:00Z",
        "\0",
        "\ud800",
        b"2023",
        dt.date(2023, 5, 8),
    ],
)
def test_what_is_no_moment(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^at: expected .*2023|^at: expected an aware datetime"):
        to_stored("at", value)


def test_an_offset_of_a_fraction_of_a_second_is_refused() -> None:
    zone = dt.timezone(dt.timedelta(seconds=1, microseconds=5))
    with pytest.raises(InvalidArgumentError, match="whole seconds"):
        to_stored("at", dt.datetime(2023, 5, 8, tzinfo=zone))
