import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.memory.recall.dates import Span, dates_in, hints_at_a_date

DAY = 86_400_000_000
NOW = int(dt.datetime(2024, 5, 8, 15, tzinfo=dt.UTC).timestamp()) * 1_000_000
YEARS = range(2022, 2025)
PARTS = (
    "the", "a", "half a", "two", "3", "0", "9999", "day", "weeks", "year", "ago", "before", "after", "since", "from", "to",
    "until", "between", "and", "last", "this", "past", "next", "may", "spring", "q2", "quarter", "first", "of", "2023",
    "2023-05-05", "2023-w27", "2023-186", "04.07.2023", "11/2022", "20230704", "0000", "2023-00", "yesterday", "monday",
    "weekend", "night", "or", "friday", "'s", ",", "may 5", "5 and 7", "in",
    "not", "up", "now", "first", "week", "of may", "forty", "hundred", "and a half", "winter", "2022/23", "-", "month",
)  # fmt: skip


def span(first: str, last: str | None = None) -> Span:
    """Return the span from the start of one day to the end of another."""
    days = [dt.date.fromisoformat(day) - dt.date(1970, 1, 1) for day in (first, last or first)]
    return Span(days[0].days * DAY, (days[1].days + 1) * DAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what happened on 8 may 2023?", [span("2023-05-08")]),
        ("on the 8th of may, 2023", [span("2023-05-08")]),
        ("may 8, 2023", [span("2023-05-08")]),
        ("may 8th 2023", [span("2023-05-08")]),
        ("on 2023-05-08", [span("2023-05-08")]),
        ("sept. 3, 2022", [span("2022-09-03")]),
        ("1 jan 1665", [span("1665-01-01")]),
        ("29 february 2024", [span("2024-02-29")]),
        ("25/12/2023", [span("2023-12-25")]),
        ("12.25.2023", [span("2023-12-25")]),
        ("3/4/2023", [span("2023-03-04"), span("2023-04-03")]),
        ("in may 2023", [span("2023-05-01", "2023-05-31")]),
        ("december of 2023", [span("2023-12-01", "2023-12-31")]),
        ("in 2023-02", [span("2023-02-01", "2023-02-28")]),
        ("in 11/2022", [span("2022-11-01", "2022-11-30")]),
        ("11.2022", [span("2022-11-01", "2022-11-30")]),
        ("19/2023", [span("2023-01-01", "2023-12-31")]),
        ("in 2023", [span("2023-01-01", "2023-12-31")]),
        ("the 2023 trip", [span("2023-01-01", "2023-12-31")]),
        ("in 1665", [span("1665-01-01", "1665-12-31")]),
        ("may 2022 and june 2023", [span("2022-05-01", "2022-05-31"), span("2023-06-01", "2023-06-30")]),
        ("on 8 may", [span(f"{year}-05-08") for year in YEARS]),
        ("in march", [span(f"{year}-03-01", f"{year}-03-31") for year in YEARS]),
        ("february 29", [span("2024-02-29")]),
        ("what happened today?", [span("2024-05-08")]),
        ("yesterday", [span("2024-05-07")]),
        ("the day before yesterday", [span("2024-05-06")]),
        ("who rang this morning?", [span("2024-05-08")]),
        ("what did we eat last tuesday?", [span("2024-05-07")]),
        ("on wednesday", [span("2024-05-01")]),  # today is one: the one before
        ("last weekend", [span("2024-05-04", "2024-05-05")]),
        ("last night", [span("2024-05-07")]),
        ("three days ago", [span("2024-05-05")]),
        ("2 weeks ago", [span("2024-04-21", "2024-04-27")]),
        ("2025 days ago", [span("2018-10-22")]),
        ("2 or 3 days ago", [span("2024-05-05", "2024-05-06")]),
        ("3-5 days ago", [span("2024-05-03", "2024-05-05")]),
        ("a year ago", [span("2023-03-10", "2023-07-07")]),
        ("this week", [span("2024-05-06", "2024-05-08")]),
        ("last week", [span("2024-04-29", "2024-05-05")]),
        ("last month", [span("2024-04-01", "2024-04-30")]),
        ("last year", [span("2023-01-01", "2023-12-31")]),
        ("what is on tomorrow?", [span("2024-05-09")]),
        ("the day after tomorrow", [span("2024-05-10")]),
        ("next friday", [span("2024-05-10")]),
        ("next wednesday", [span("2024-05-15")]),
        ("next weekend", [span("2024-05-11", "2024-05-12")]),
        ("next week", [span("2024-05-13", "2024-05-19")]),
        ("next month", [span("2024-06-01", "2024-06-30")]),
        ("next year", [span("2025-01-01", "2025-12-31")]),
        ("in may next year", [span("2025-05-01", "2025-05-31")]),
        ("on friday next week", [span("2024-05-17")]),
        ("the 5th of last month", [span("2024-04-05")]),
        ("on the 31st of last month", [span("2024-04-01", "2024-04-30")]),
        ("the 2nd of next month", [span("2024-06-02")]),
        ("in week 27 of 2023", [span("2023-07-03", "2023-07-09")]),
        ("the past week", [span("2024-05-02", "2024-05-08")]),
        ("in the last three days", [span("2024-05-06", "2024-05-08")]),
        ("the past two weeks", [span("2024-04-25", "2024-05-08")]),
        ("since last week", [Span(span("2024-04-29").start, NOW)]),
        ("since last summer", [Span(span("2023-06-01").start, NOW)]),
        ("before last month", [span("2022-01-01", "2024-03-31")]),
        ("since monday", [Span(span("2024-05-06").start, NOW)]),
        ("from 3 to 7 march 2023", [span("2023-03-03", "2023-03-07")]),
        ("2023-03-01 to 2023-03-04", [span("2023-03-01", "2023-03-04")]),
        ("in the summer of 2023", [span("2023-06-01", "2023-08-31")]),
        ("winter 2022", [span("2022-12-01", "2023-02-28")]),
        ("winter of 2022-2023", [span("2022-12-01", "2023-02-28")]),
        ("winter 2022/23", [span("2022-12-01", "2023-02-28")]),
        ("in the winter of 2022–23", [span("2022-12-01", "2023-02-28")]),
        ("the 2022-2023 winter", [span("2022-12-01", "2023-02-28")]),
        ("before winter 2022/2023", [span("2022-01-01", "2022-11-30")]),
        ("winter 1999/2000", [span("1999-12-01", "2000-02-29")]),
        ("winter 1999-00", [span("1999-12-01", "2000-02-29")]),
        ("winter 2022-2024", [span("2022-12-01", "2024-12-31")]),
        ("winter 2022/2024", [span("2022-12-01", "2023-02-28"), span("2024-01-01", "2024-12-31")]),
        ("2023 autumn", [span("2023-09-01", "2023-11-30")]),
        ("last summer", [span("2023-06-01", "2023-08-31")]),
        ("last spring", [span("2023-03-01", "2023-05-31")]),  # this one is not over
        ("this spring", [span("2024-03-01", "2024-05-31")]),
        ("dinner last may", [span("2023-05-01", "2023-05-31")]),  # this one is not over
        ("last april", [span("2024-04-01", "2024-04-30")]),
        ("last june", [span("2023-06-01", "2023-06-30")]),
        ("in the last dec.", [span("2023-12-01", "2023-12-31")]),
        ("this past may", [span("2023-05-01", "2023-05-31")]),
        ("this may", [span("2024-05-01", "2024-05-31")]),
        ("this march", [span("2024-03-01", "2024-03-31")]),
        ("this june", [span("2024-06-01", "2024-06-30")]),
        ("next may", [span("2025-05-01", "2025-05-31")]),
        ("next june", [span("2024-06-01", "2024-06-30")]),
        ("since last march", [Span(span("2024-03-01").start, NOW)]),
        ("before last may", [span("2022-01-01", "2023-04-30")]),
        ("last may 2022", [span("2022-05-01", "2022-05-31")]),
        ("the past spring", [span("2023-03-01", "2023-05-31")]),
        ("this wednesday", [span("2024-05-08")]),
        ("this monday", [span("2024-05-06")]),
        ("this friday", [span("2024-05-10")]),
        ("this past wednesday", [span("2024-05-01")]),
        ("what did we do in summer?", [span(f"{year}-06-01", f"{year}-08-31") for year in YEARS]),
        ("q2 2023", [span("2023-04-01", "2023-06-30")]),
        ("in the third quarter of 2023", [span("2023-07-01", "2023-09-30")]),
        ("the 1st quarter of 2023", [span("2023-01-01", "2023-03-31")]),
        ("since 8 may 2023", [Span(span("2023-05-08").start, NOW)]),
        ("since march", [Span(span("2024-03-01").start, NOW)]),
        ("since june", [Span(span("2023-06-01").start, NOW)]),
        ("after 2022", [Span(span("2023-01-01").start, NOW)]),
        ("before 2023", [span("2022-01-01", "2022-12-31")]),
        ("before the 8th of may 2023", [span("2022-01-01", "2023-05-07")]),
        ("until march 2023", [span("2022-01-01", "2023-03-31")]),
        ("not before 8 may 2023", [Span(span("2023-05-08").start, NOW)]),
        ("not until 8 may 2023", [Span(span("2023-05-08").start, NOW)]),
        ("no earlier than may 2023", [Span(span("2023-05-01").start, NOW)]),
        ("not after 8 may 2022", [span("2022-01-01", "2022-05-08")]),
        ("no later than the 8th of may 2022", [span("2022-01-01", "2022-05-08")]),
        ("earlier than 2023", [span("2022-01-01", "2022-12-31")]),
        ("prior to may 2022", [span("2022-01-01", "2022-04-30")]),
        ("prior to last may", [span("2022-01-01", "2023-04-30")]),
        ("later than 8 may 2023", [Span(span("2023-05-09").start, NOW)]),
        ("not before last may", [Span(span("2023-05-01").start, NOW)]),
        ("not after yesterday", [span("2022-01-01", "2024-05-07")]),
        ("two days prior to 4 july 2023", [span("2023-07-02")]),
        ("not two days before 4 july 2023", [span("2023-07-02")]),
        ("in may 2022 not after june 2022", [span("2022-01-01", "2022-06-30"), span("2022-05-01", "2022-05-31")]),
        ("from may to july 2023", [span("2023-05-01", "2023-07-31")]),
        ("between 3 may 2023 and 5 june 2023", [span("2023-05-03", "2023-06-05")]),
        ("from 2022-12-30 until yesterday", [span("2022-12-30", "2024-05-07")]),
        ("from november to february 2023", [span("2022-11-01", "2023-02-28")]),
        ("since yesterday", [Span(span("2024-05-07").start, NOW)]),
        ("half a year ago", [span("2023-10-09", "2023-12-07")]),
        ("the last half a year", [span("2023-11-09", "2024-05-08")]),
        ("twenty-one days ago", [span("2024-04-17")]),
        ("thirty two days ago", [span("2024-04-06")]),
        ("thirteen days ago", [span("2024-04-25")]),
        ("the past ninety-nine days", [span("2024-01-31", "2024-05-08")]),
        ("two or twenty-one days ago", [span("2024-04-17", "2024-05-06")]),
        ("twenty or thirty days ago", [span("2024-04-08", "2024-04-18")]),
        ("twenty-one to thirty-two days ago", [span("2024-04-06", "2024-04-17")]),
        ("forty-five days before 4 july 2023", [span("2023-05-20")]),
        ("a hundred days ago", [span("2024-01-29")]),
        ("one hundred and two days ago", [span("2024-01-27")]),
        ("two hundred twenty-one days ago", [span("2023-09-30")]),
        ("two thousand and three days ago", []),
        ("2⁄3 years ago", []),
        ("1 1/2 years ago", []),
        ("the twenty first of may 2023", [span("2023-05-21")]),
        ("1 year and 2 months ago", [span("2023-02-23", "2023-03-24")]),
        ("a year, two months and three days ago", [span("2023-03-07")]),
        ("1 year 2 months ago", [span("2023-02-23", "2023-03-24")]),
        ("1 year, 2 months ago", [span("2023-02-23", "2023-03-24")]),
        ("2 or 3 weeks and 1 day ago", [span("2024-04-16", "2024-04-23")]),
        ("3 days and 2 weeks ago", [span("2024-04-21", "2024-04-27"), span("2024-05-05")]),
        ("we stayed for 2 years, 3 weeks ago we left", [span("2024-04-14", "2024-04-20")]),
        ("we stayed for two days two weeks ago", [span("2024-04-21", "2024-04-27")]),
        ("we spent two days two weeks ago", [span("2024-04-21", "2024-04-27")]),
        ("we stayed for two weeks two days ago", [span("2024-05-06")]),
        ("the ticket for two days ago", [span("2024-05-06")]),
        ("a week and two days before 4 july 2023", [span("2023-06-25")]),
        ("the two weeks and two days before 4 july 2023", [span("2023-06-18", "2023-07-03")]),
        ("in the last 2 weeks, 3 days were dry", [span("2024-04-25", "2024-05-08")]),
        ("the last 2 weeks and 3 days", [span("2024-04-22", "2024-05-08")]),
        ("a year and a half ago", [span("2022-09-09", "2023-01-06")]),
        ("two weeks and a half ago", [span("2024-04-18", "2024-04-24")]),
        ("two and a half weeks ago", [span("2024-04-18", "2024-04-24")]),
        ("two and a half years ago", [span("2021-09-09", "2022-01-06")]),
        ("1.5 years ago", []),
        ("may 5-7, 2023", [span("2023-05-05", "2023-05-07")]),
        ("may 5th to the 7th 2023", [span("2023-05-05", "2023-05-07")]),
        ("may 5 – 7", [span(f"{year}-05-05", f"{year}-05-07") for year in YEARS]),
        ("from may 5 to june 7, 2023", [span("2023-05-05", "2023-06-07")]),
        ("two days before 4 july 2023", [span("2023-07-02")]),
        ("2 days after 4 july 2023", [span("2023-07-06")]),
        ("the day before 4 july 2023", [span("2023-07-03")]),
        ("a week before july 4, 2023", [span("2023-06-24", "2023-06-30")]),
        ("in the two weeks before 4 july 2023", [span("2023-06-20", "2023-07-03")]),
        ("the month after 4 july 2023", [span("2023-07-05", "2023-08-03")]),
        ("the days before 4 july 2023", [span("2022-01-01", "2023-07-03")]),
        ("the past half a day", [span("2024-05-08")]),
        ("within two days after 4 july 2023", [span("2023-07-05", "2023-07-06")]),
        ("every day after 4 july 2023", [Span(span("2023-07-05").start, NOW)]),
        ("two days before may 2023", [span("2023-04-29")]),
        ("two years after 2021", [span("2023-01-01", "2023-12-31")]),
        ("two days before yesterday", [span("2024-05-05")]),
        ("three days before 8 may", [span(f"{year}-05-05") for year in YEARS]),
        ("for two days until 4 july 2023", [span("2022-01-01", "2023-07-04")]),
        ("the second of may 2023", [span("2023-05-02")]),
        ("the twenty-first of may, 2023", [span("2023-05-21")]),
        ("on the first of june", [span(f"{year}-06-01") for year in YEARS]),
        ("may the fourth, 2023", [span("2023-05-04")]),
        ("may first check, in may 2023", [span("2023-05-01", "2023-05-31")]),
        ("2023-w27", [span("2023-07-03", "2023-07-09")]),
        ("since 2023w271", [Span(span("2023-07-03").start, NOW)]),
        ("2020-w53-7", [span("2021-01-03")]),
        ("2023-w53", [span("2023-01-01", "2023-12-31")]),  # there is none
        ("2023-186", [span("2023-07-05")]),
        ("2023-366", [span("2023-01-01", "2023-12-31")]),
        ("2023/07/04", [span("2023-07-04")]),
        ("2023.7.4", [span("2023-07-04")]),
        ("04-07-2023", [span("2023-04-07"), span("2023-07-04")]),
        ("25-12-2023", [span("2023-12-25")]),
        ("08-may-2023", [span("2023-05-08")]),
        ("8/may/2023", [span("2023-05-08")]),
        ("08.may.2023", [span("2023-05-08")]),
        ("8-may 2023", [span("2023-05-08")]),
        ("2023-may-08", [span("2023-05-08")]),
        ("may-08-2023", [span("2023-05-08")]),
        ("31-june-2023", [span("2023-06-01", "2023-06-30")]),
        ("in may-2023", [span("2023-05-01", "2023-05-31")]),
        ("since 08-may-2023", [Span(span("2023-05-08").start, NOW)]),
        ("08-may-2023 to 10-june-2023", [span("2023-05-08", "2023-06-10")]),
        ("08-may-2023-10-june-2023", [span("2023-05-08", "2023-06-10")]),
        ("5-7-may-2023", [span("2023-05-05", "2023-05-07")]),
        ("20230704", [span("2023-07-04")]),
        ("20230704t1530", [span("2023-07-04")]),
        ("number 20231704", []),
        ("q3/2023", [span("2023-01-01", "2023-12-31")]),
        ("04.07.2023", [span("2023-07-04")]),
        ("01.02.2023-04.07.2023", [span("2023-02-01", "2023-07-04")]),
        ("between may 5 and 7, 2023", [span("2023-05-05", "2023-05-07")]),
        ("between the 5th and the 7th of may 2023", [span("2023-05-05", "2023-05-07")]),
        ("between may 5 and 7", [span(f"{year}-05-05", f"{year}-05-07") for year in YEARS]),
        ("between may 5 and 7 last year", [span("2023-05-05", "2023-05-07")]),
        ("5, 6 or 8 may 2023", [span("2023-05-05"), span("2023-05-06"), span("2023-05-08")]),
        ("may 5 and 7, 2023", [span("2023-05-05"), span("2023-05-07")]),
        ("5/6 may 2023", [span("2023-05-05"), span("2023-05-06")]),
        ("may 5/6, 2023", [span("2023-05-05"), span("2023-05-06")]),
        ("5/6/2023", [span("2023-05-06"), span("2023-06-05")]),
        ("on may 5 and 7 of us went", [span(f"{year}-05-05") for year in YEARS]),
        ("in may last year", [span("2023-05-01", "2023-05-31")]),
        ("in may of last year", [span("2023-05-01", "2023-05-31")]),
        ("last year, in may", [span("2023-05-01", "2023-05-31")]),
        ("last year's may", [span("2023-05-01", "2023-05-31")]),
        ("summer last year", [span("2023-06-01", "2023-08-31")]),
        ("the second quarter of last year", [span("2023-04-01", "2023-06-30")]),
        ("may 5-7 last year", [span("2023-05-05", "2023-05-07")]),
        ("in april this year", [span("2024-04-01", "2024-04-30")]),
        ("in may two years ago", [span("2022-05-01", "2022-05-31")]),
        ("in 2023 in may", [span("2023-05-01", "2023-05-31")]),
        ("in october in the past year", [span("2023-10-01", "2023-10-31")]),
        ("before may last year", [span("2022-01-01", "2023-04-30")]),
        ("last year this may be it", [span("2023-01-01", "2023-12-31"), span("2024-05-01", "2024-05-31")]),
        ("last year may be over", [span("2023-01-01", "2023-12-31")]),
        ("on 29 february last year", [span("2023-01-01", "2023-12-31"), span("2024-02-29")]),
        ("on friday last week", [span("2024-05-03")]),
        ("last week on friday", [span("2024-05-03")]),
        ("friday of this week", [span("2024-05-10")]),
        ("on friday two weeks ago", [span("2024-04-26")]),
        ("on sunday last weekend", [span("2024-05-05")]),
        ("on friday last weekend", [span("2024-05-03"), span("2024-05-04", "2024-05-05")]),
        ("tuesday of 2023-w27", [span("2023-07-04")]),
        ("since friday last week", [Span(span("2024-05-03").start, NOW)]),
        ("two days before friday last week", [span("2024-05-01")]),
        ("monday to wednesday last week", [span("2024-04-29", "2024-05-01")]),
        ("monday-wednesday last week", [span("2024-04-29", "2024-05-01")]),
        ("from monday to wednesday", [span("2024-04-29", "2024-05-01")]),
        ("between monday and wednesday", [span("2024-04-29", "2024-05-01")]),
        ("between last monday and wednesday", [span("2024-05-06", "2024-05-08")]),
        ("monday or friday last week", [span("2024-04-29"), span("2024-05-03")]),
        ("last week on monday and tuesday", [span("2024-04-29"), span("2024-04-30")]),
        ("friday, may 5", [span("2023-05-05")]),
        ("between friday, 5 may and monday, 8 may 2023", [span("2023-05-05", "2023-05-08")]),
        ("may 8, 2023 - monday", [span("2023-05-08")]),
        ("our monday-friday work", []),
        ("fridays", []),
        ("the last week of may 2023", [span("2023-05-25", "2023-05-31")]),
        ("the first week of may 2023", [span("2023-05-01", "2023-05-07")]),
        ("in the second week of may 2023", [span("2023-05-08", "2023-05-14")]),
        ("the last day of february 2024", [span("2024-02-29")]),
        ("the last days of may 2023", [span("2023-05-25", "2023-05-31")]),
        ("the first days of may 2023", [span("2023-05-01", "2023-05-07")]),
        ("the last three days of may 2023", [span("2023-05-29", "2023-05-31")]),
        ("the first ten days of last summer", [span("2023-06-01", "2023-06-10")]),
        ("in the last two weeks of 2023", [span("2023-12-18", "2023-12-31")]),
        ("the last month of 2023", [span("2023-12-01", "2023-12-31")]),
        ("the first two months of 2023", [span("2023-01-01", "2023-02-28")]),
        ("the third month of last year", [span("2023-03-01", "2023-03-31")]),
        ("the last friday of may 2023", [span("2023-05-26")]),
        ("the first monday of may 2023", [span("2023-05-01")]),
        ("the third monday in may 2023", [span("2023-05-15")]),
        ("last friday in may 2023", [span("2023-05-26")]),
        ("the last weekend of may 2023", [span("2023-05-27", "2023-05-28")]),
        ("the last week of may", [span(f"{year}-05-25", f"{year}-05-31") for year in YEARS]),
        ("the last week of may last year", [span("2023-05-25", "2023-05-31")]),
        ("last week in may", [span(f"{year}-05-25", f"{year}-05-31") for year in YEARS]),
        ("the last week of may or june 2023", [span("2023-05-25", "2023-05-31"), span("2023-06-01", "2023-06-30")]),
        ("since the last week of may 2023", [Span(span("2023-05-25").start, NOW)]),
        ("before the first week of may 2023", [span("2022-01-01", "2023-04-30")]),
        ("from the last week of may to the first week of july 2023", [span("2023-05-25", "2023-07-07")]),
        ("two days before the last friday of may 2023", [span("2023-05-24")]),
        ("the last day of this month", [span("2024-05-01", "2024-05-08")]),
        ("the fifth monday of june 2023", [span("2023-06-01", "2023-06-30")]),
        ("the first day of the second week of may 2023", [span("2023-05-08")]),
        ("the last week of the year 2023", [span("2023-12-25", "2023-12-31")]),
        ("the last weekend of september 2023", [span("2023-09-30")]),
        ("last friday of all days", [span("2024-05-03")]),
        ("the first 0 days of may 2023", [span("2023-05-01", "2023-05-31")]),
        ("the first week", []),
        ("on friday last week in the hall", [span("2024-05-03")]),
        ("in may or june 2023", [span("2023-05-01", "2023-05-31"), span("2023-06-01", "2023-06-30")]),
        ("in may and in july 2023", [span("2023-05-01", "2023-05-31"), span("2023-07-01", "2023-07-31")]),
        ("march, may or july 2023", [span(f"2023-0{month}-01", f"2023-0{month}-31") for month in (3, 5, 7)]),
        ("in may or july last year", [span("2023-05-01", "2023-05-31"), span("2023-07-01", "2023-07-31")]),
        ("in december 2022 and january", [span("2022-12-01", "2022-12-31"), span("2023-01-01", "2023-01-31")]),
        ("spring or summer 2023", [span("2023-03-01", "2023-05-31"), span("2023-06-01", "2023-08-31")]),
        ("from november 2022 to february", [span("2022-11-01", "2023-02-28")]),
        ("from may 2022 to may", [span("2022-05-01", "2023-05-31")]),
        ("from may 5, 2023 to june 7", [span("2023-05-05", "2023-06-07")]),
        ("from november to february last year", [span("2022-11-01", "2023-02-28")]),
        ("between december and february 2023", [span("2022-12-01", "2023-02-28")]),
        ("from december to february 2022", [span("2021-12-01", "2022-02-28")]),
        ("may to july 2023", [span("2023-05-01", "2023-07-31")]),
        ("may-july 2023", [span("2023-05-01", "2023-07-31")]),
        ("may–july 2023", [span("2023-05-01", "2023-07-31")]),
        ("jan – mar 2023", [span("2023-01-01", "2023-03-31")]),
        ("nov-feb 2023", [span("2022-11-01", "2023-02-28")]),
        ("nov 2022-feb", [span("2022-11-01", "2023-02-28")]),
        ("in may-july 2023", [span("2023-05-01", "2023-07-31")]),
        ("q1-q3 2023", [span("2023-01-01", "2023-09-30")]),
        ("q1 to q3 2023", [span("2023-01-01", "2023-09-30")]),
        ("2023 q1-q3", [span("2023-01-01", "2023-09-30")]),
        ("spring-summer 2023", [span("2023-03-01", "2023-08-31")]),
        ("mar-apr-may 2023", [span("2023-03-01", "2023-05-31")]),
        ("may-july last year", [span("2023-05-01", "2023-07-31")]),
        ("jan-mar", []),
        ("you may - friday 8 may 2023", [span("2023-05-08")]),
        ("in may 2023 - march on", [span("2023-05-01", "2023-05-31")]),
        ("may-2023", [span("2023-05-01", "2023-05-31")]),
        ("between march and may", [span(f"{year}-03-01", f"{year}-05-31") for year in YEARS]),
        ("may 2023 to now", [span("2023-05-01", "2024-05-08")]),
        ("may 2023 until now", [span("2023-05-01", "2024-05-08")]),
        ("may 2023 to today", [span("2023-05-01", "2024-05-08")]),
        ("8 may 2023 till today", [span("2023-05-08", "2024-05-08")]),
        ("since may 2023 until now", [span("2023-05-01", "2024-05-08")]),
        ("from may to now", [span("2024-05-01", "2024-05-08")]),
        ("since march up to now", [span("2024-03-01", "2024-05-08")]),
        ("between 2023 and now", [span("2023-01-01", "2024-05-08")]),
        ("may 2023-now", [span("2023-05-01", "2024-05-08")]),
        ("may - 2023", [span("2023-01-01", "2023-12-31")]),
        ("december 2022 up to march 2023", [span("2022-12-01", "2023-03-31")]),
        ("up to march 2023", [span("2022-01-01", "2023-03-31")]),
        ("2022-now", [span("2022-01-01", "2024-05-08")]),
        ("may 2023 - now what?", [span("2023-05-01", "2023-05-31")]),
        ("between now and 2014", [span("2014-01-01", "2014-12-31")]),
        ("from now to may 2025", [span("2025-05-01", "2025-05-31")]),
        ("in may 2023 and now", [span("2023-05-01", "2023-05-31")]),
        ("until now in may 2023", [span("2023-05-01", "2023-05-31")]),
        ("now", []),
        ("today or now", [span("2024-05-08")]),
        ("from last year to april", [span("2023-01-01", "2024-04-30")]),
        ("last  may", [span("2023-05-01", "2023-05-31")]),
        ("last\nweek", [span("2024-04-29", "2024-05-05")]),
        ("two\t weeks\r\nago", [span("2024-04-21", "2024-04-27")]),
        ("on 8\u00a0may  2023", [span("2023-05-08")]),
        ("between  may 5\nand 7, 2023", [span("2023-05-05", "2023-05-07")]),
        ("since\n\nlast   summer", [Span(span("2023-06-01").start, NOW)]),
        ("two days  before\n4 july 2023", [span("2023-07-02")]),
        ("the leaves fall in the garden", []),
        ("spring water", []),
        ("a quarter of an hour", []),
        ("you may march on", []),
        ("the march of time", []),
        ("room 2023b", []),
        ("31 june 2023 is no day", [span("2023-06-01", "2023-06-30")]),
        ("", []),
    ],
)
def test_spans(text: str, expected: list[Span]) -> None:
    assert list(dates_in(text, NOW, YEARS).spans) == expected


@pytest.mark.parametrize(("today", "year"), [("2024-03-13", 2023), ("2024-05-31", 2023), ("2024-06-01", 2024)])
def test_last_may_is_the_last_that_has_ended(today: str, year: int) -> None:
    assert list(dates_in("last may", span(today).start, YEARS).spans) == [span(f"{year}-05-01", f"{year}-05-31")]


def test_a_date_that_is_an_end_lends_no_label() -> None:
    assert dates_in("before may 2023", NOW, YEARS).words == ()
    assert dates_in("before may 2023", NOW, YEARS).unlabelled >= {"may", "2023"}
    assert dates_in("in may 2023", NOW, YEARS).unlabelled == frozenset()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3 days ago", "3"),
        ("2 or 3 weeks ago", "2"),
        ("the past 10 days", "10"),
        ("in the last 12 months", "12"),
        ("in 2022-11", "11"),
        ("in 11/2022", "11"),
        ("from 3 to 7 march 2023", "3"),
        ("from 3 to 7 march 2023", "7"),
        ("may 5-7, 2023", "5"),
        ("2 days before 4 july 2023", "2"),
        ("2 days before 4 july 2023", "4"),
    ],
)
def test_a_number_in_a_date_that_is_no_day_of_the_month_is_no_label(text: str, number: str) -> None:
    found = dates_in(text, NOW, YEARS)
    assert number in found.unlabelled
    assert number not in found.words


def test_a_number_that_is_also_a_day_of_the_month_is_a_label() -> None:
    found = dates_in("12 may 2023, within the last 12 months", NOW, YEARS)
    assert found.words == ("12", "may", "2023")
    assert found.unlabelled == frozenset()


def test_words_of_a_date_that_are_no_numbers_stay_labels() -> None:
    assert not dates_in("last monday or two weeks ago in summer", NOW, YEARS).unlabelled


def test_words_are_how_days_are_labelled() -> None:
    assert dates_in("sept 3rd, 2022", NOW, YEARS).words == ("3", "september", "2022")
    assert dates_in("in 2023-05", NOW, YEARS).words == ("may", "2023")
    assert dates_in("tea on monday", NOW, YEARS).words == ()
    assert dates_in("the second of may 2023", NOW, YEARS).words == ("2", "may", "2023")
    assert dates_in("20230704", NOW, YEARS).words == dates_in("2023-185", NOW, YEARS).words == ("4", "july", "2023")
    assert dates_in("04.07.2023", NOW, YEARS).words == ("4", "july", "2023")
    assert dates_in("may 5-7, 2023", NOW, YEARS).words == ("may", "2023")
    assert dates_in("winter 2022/23", NOW, YEARS).words == ("2022", "2023")
    assert dates_in("2023-w27", NOW, YEARS).words == ("2023",)
    assert dates_in("in may last year", NOW, YEARS).words == ("may",)
    assert dates_in("in 2023 in may or june", NOW, YEARS).words == ("may", "2023", "june")
    assert dates_in("5 or 6 may 2023", NOW, YEARS).words == ("5", "may", "2023", "6")
    assert dates_in("between may 5 and 7, 2023", NOW, YEARS).words == ("may", "2023")
    assert dates_in("2 days before 4 july 2023", NOW, YEARS).words == ()


@given(
    st.dates(dt.date(1000, 1, 1), dt.date(2999, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y-%j", "%G-W%V-%u", "%d %B %Y", "%B %d, %Y"]),
)
def test_every_full_date_is_its_day(date: dt.date, form: str) -> None:
    text = date.strftime(form).lower()
    assert list(dates_in(f"on {text} we met", NOW, YEARS).spans) == [span(date.isoformat())]


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = dates_in(text.lower(), NOW, YEARS)
    assert all(one.start < one.stop for one in found.spans)


@given(st.lists(st.sampled_from(PARTS), max_size=9), st.sampled_from([" ", "-"]))
def test_any_parts_of_dates_are_read(parts: list[str], between: str) -> None:
    found = dates_in(between.join(parts), NOW, YEARS)
    assert all(one.start < one.stop for one in found.spans)


@given(st.integers(0, 9999), st.sampled_from(["day", "days", "week", "months", "years"]))
def test_any_time_ago_is_before_now(n: int, unit: str) -> None:
    (found,) = dates_in(f"{n} {unit} ago", NOW, YEARS).spans
    assert found.start <= NOW


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-05", "0001-06-01", "9999-12-31"])
@pytest.mark.parametrize(
    "which",
    [
        "last",
        "this",
        "past",
        "next",
        "the 31st of next",
        "since last",
        "before last",
        "the last 9999",
        "the last month of last",
        "the first month of the past",
        "the last 9999 days of next",
        "the first friday of this",
    ],
)
@pytest.mark.parametrize("unit", ["night", "weekend", "week", "month", "year", "summer", "winter", "december"])
def test_time_has_no_edge(day: str, which: str, unit: str) -> None:
    now = (dt.date.fromisoformat(day).toordinal() - dt.date(1970, 1, 1).toordinal()) * 86_400_000_000
    year = int(day[:4])
    assert all(one.start < one.stop for one in dates_in(f"{which} {unit}", now, range(year, year + 1)).spans)


@pytest.mark.parametrize("text", ["last week", "this  night", "the past\nmonth", "next\tyear"])
def test_a_word_before_any_white_space_hints_at_a_date(text: str) -> None:
    assert hints_at_a_date(text)


def test_of_ten_thousand_dates_each_is_looked_at_once() -> None:
    found = dates_in("since may 2023 " * 10_000, 0, range(2023, 2024))
    assert len(found.spans) == 1


@pytest.mark.parametrize(
    "words",
    [
        "may",
        "may or",
        "in may last year",
        "friday,",
        "last week friday",
        "from may to",
        "5,",
        "may-",
        "may - ",
        "q1-q3",
        "the last week of",
        "the last week of may",
        "not before",
        "now or",
        "a week and",
        "1 year,",
        "forty-",
        "a hundred and",
    ],
)
def test_of_many_dates_that_may_belong_together_each_is_looked_at_once(words: str) -> None:
    assert dates_in(f"{words} " * 10_000 + "yesterday", NOW, range(2023, 2024)).spans


@pytest.mark.parametrize("word", ["last", "this", "past", "on", "to"])
def test_of_many_words_that_may_lead_in_a_date_each_is_looked_at_once(word: str) -> None:
    assert list(dates_in(f"{word} " * 200_000 + "last friday", NOW, YEARS).spans) == [span("2024-05-03")]
