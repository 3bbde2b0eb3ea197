"""Headings below one another make a date; those that only look so make none."""

import datetime as dt

import pytest

from thoughtengine.adapters.outline import Outline, foreign
from thoughtengine.adapters.stamps import StampError


@pytest.mark.parametrize("title", ["June", "06", "6", "June 2025", "2025-06", "2025/6", "June, 2025"])
def test_a_month_below_a_year(title: str) -> None:
    outline = Outline("diary")
    assert outline.period("2025", 1) == dt.date(2025, 1, 1)
    assert outline.period(title, 2) == dt.date(2025, 6, 1)
    for day in ("12", "12th", "Thu 12", "Thursday, 12", "12 June", "June 12", "12 Thursday", "12. – Lisbon"):
        stamp = outline.day(day, 3)
        assert stamp is not None
        assert stamp.day == dt.date(2025, 6, 12)


@pytest.mark.parametrize("title", ["3 things", "Plans", "12 July", "12:30", "1.2 Setup"])
def test_what_is_no_day_of_the_month(title: str) -> None:
    assert Outline("2025-06").day(title, 1) is None


def test_a_month_needs_a_year_and_a_day_a_month() -> None:
    outline = Outline("diary")
    assert outline.period("June", 1) is None
    assert outline.day("12", 2) is None
    outline.period("2025", 1)
    assert outline.day("12", 2) is None
    assert outline.period("2025 budget", 1) is None
    assert outline.period("June", 2) is None  # the heading beside the year has ended it


@pytest.mark.parametrize(
    "line", ["5 May 2025", "Top 10 books 2025", "On 5 May 2025 we", "Am 5. Mai 2025 waren wir", "x"]
)
def test_lines_that_are_not_refused(line: str) -> None:
    foreign(line)


@pytest.mark.parametrize(
    "line", ["5. Mai 2025 waren wir", "Montag, den 5. Mai 2025", "5 de mayo de 2025", "1er août 2025"]
)
def test_dates_in_other_languages_are_refused(line: str) -> None:
    with pytest.raises(StampError, match="English names"):
        foreign(line)
