"""Dates and times as people and programs write them at the beginning of a line, and in the fields of a message."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

import attrs

from thoughtengine.adapters.intake import Reading

__all__ = ["MONTH", "MONTHS", "WEEKDAY", "Stamp", "StampError", "evidence", "leading", "moment", "time_leading"]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = (
    r"(?P<{}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\b[,.]?\s+)?"
_DAY = r"(?P<{}>\d{{1,2}})(?:st|nd|rd|th)?"
_DATE = "|".join(
    (
        r"(?P<y1>\d{4})(?P<s1>[-/.])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})(?!\d)",
        _DAY.format("d2") + r"\.?[\s-](?:of\s)?" + MONTH.format("m2") + r",?[\s-](?P<y2>\d{4})(?!\d)",
        MONTH.format("m3") + r"\s" + _DAY.format("d3") + r",?\s(?P<y3>\d{4})(?!\d)",
        r"(?P<a>\d{1,2})(?P<s4>[-/.])(?P<b>\d{1,2})(?P=s4)(?P<y4>\d{4}|\d{2})(?!\d)",
    )
)
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[ap])\.?\s?m\b\.?)?"
    r"(?:\s?(?P<offset>z\b|\+\d{2}:?\d{2}|(?:(?<=:\d\d:\d\d)|(?<=:\d\d:\d\d\s))-\d{2}:?\d{2}))?"  # 09:10-10:30 is none
)
_REST = rf"(?:,?\s{{1,3}}(?:at\s)?|t){_TIME}(?!\w)|(?![\w/]|[.\-]\d)"
_STAMP = re.compile(rf"{WEEKDAY}(?:{_DATE})(?:{_REST})", re.IGNORECASE)
_CLOCK = re.compile(rf"{_TIME}(?![\w:])", re.IGNORECASE)
_EPOCH_NUMBER = re.compile(r"(-?\d+)(?:\.(\d+))?")
MILLISECONDS_FROM = 100_000_000_000  # as seconds that were the year 5138; a thousand times more are microseconds


class StampError(ValueError):
    """Tell that a date cannot be read; importers say where."""


@attrs.frozen
class Stamp:
    """A date, perhaps with a time, and where it ends.

    Attributes
    ----------
    day : datetime.date
        The day.
    time : datetime.time or None
        With a zone where one was written.
    end : int
        Number of characters it takes.
    short_year : bool
        Whether the year was written in two digits.
    """

    day: dt.date
    time: dt.time | None
    end: int
    short_year: bool = False


def leading(line: str, *, day_first: bool | None = None) -> Stamp | None:
    """Read the date that a line begins with; None where it begins with none.

    Parameters
    ----------
    line : str
        Begins with the date or a weekday before it, without white space.
    day_first : bool, optional
        The order of 05/03/2024 and 05-03-2024. With dots the day is always first.

    Raises
    ------
    StampError
        For a day that is in no calendar, and for one that could be two days while `day_first` is not given.

    Examples
    --------
    >>> leading("Tuesday 5 March 2024, 2:10 PM Lisbon").time
    datetime.time(14, 10)
    >>> leading("Mar 5 2024").day
    datetime.date(2024, 3, 5)
    >>> leading("Five of us went") is None
    True
    """
    found = _STAMP.match(line)
    if found is None:
        return None
    part = found.groupdict()
    if part["a"]:
        day, month = _ordered(found[0], part["a"], part["b"], part["s4"], day_first)
        year = _year(part["y4"])
        return Stamp(_day(found[0], year, month, day), _time(part), found.end(), len(part["y4"]) == 2)
    year, month, day = _named(part)
    return Stamp(_day(found[0], year, month, day), _time(part), found.end())


def time_leading(line: str) -> tuple[dt.time, int] | None:
    """Read the time that a line begins with, and where it ends.

    Examples
    --------
    >>> time_leading("14:10 Met Ana")
    (datetime.time(14, 10), 5)
    """
    found = _CLOCK.match(line)
    try:
        time = _time(found.groupdict()) if found else None
    except StampError:
        return None
    return None if found is None or time is None else (time, found.end())


def evidence(heads: Iterable[str]) -> bool | None:
    """Tell from many lines whether 05/03/2024 is the fifth of March in this file: True, False, or None for no proof.

    Raises
    ------
    StampError
        Where the lines prove both.

    Examples
    --------
    >>> evidence(["05/03/2024", "05/25/2024"])
    False
    """
    proofs = {True: "", False: ""}
    for head in heads:
        found = _STAMP.match(head)
        if found and found["a"] and found["s4"] != ".":
            if int(found["a"]) > 12 >= int(found["b"]):
                proofs[True] = found[0]
            elif int(found["b"]) > 12 >= int(found["a"]):
                proofs[False] = found[0]
    if proofs[True] and proofs[False]:
        raise StampError(f"{proofs[True]!r} has the day first and {proofs[False]!r} the month: write them in one order")
    return True if proofs[True] else False if proofs[False] else None


def moment(value: object, reading: Reading) -> dt.datetime:
    """Read the stamp of a message: ISO text, a written date, or seconds or milliseconds since 1970.

    Raises
    ------
    StampError
        For anything else.

    Examples
    --------
    >>> moment("1709647800.5", Reading(timezone=dt.UTC)).isoformat()
    '2024-03-05T14:10:00.500000+00:00'
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = format(value, "f") if isinstance(value, float) else f"{value}.0"
    if not isinstance(value, str):
        raise StampError(f"expected a date and time, given {value!r}")
    text = value.strip()
    try:
        if (number := _EPOCH_NUMBER.fullmatch(text)) and len(text) != len("20240305"):
            return reading.instant(_microseconds(number[1], number[2] or ""))
        return _iso(text, reading)
    except (ValueError, OverflowError):
        stamp = leading(text, day_first=reading.day_first)
    if stamp is None or stamp.end < len(text):
        raise StampError(f"expected a date and time such as 2024-03-05T14:10:00+01:00, given {text[:60]!r}")
    return reading.aware(stamp.day, stamp.time)


def _iso(value: str, reading: Reading) -> dt.datetime:
    if len(value) <= 10:
        return reading.aware(dt.date.fromisoformat(value))
    at = dt.datetime.fromisoformat(value)
    return reading.aware(at.date(), at.timetz())


def _microseconds(whole: str, fraction: str) -> int:
    """Read digits rather than floats: a chat tells its messages apart by the sixth decimal."""
    size = abs(int(whole))
    if size >= MILLISECONDS_FROM * 1000**2:
        return int(whole) // 1000
    digits = 6 if size < MILLISECONDS_FROM else 3 if size < MILLISECONDS_FROM * 1000 else 0
    scale: int = 10**digits
    rest = int((fraction + "000000")[:digits] or 0)
    return int(whole) * scale + (-rest if whole.startswith("-") else rest)


def _named(part: dict[str, str | None]) -> tuple[int, int, int]:
    for n in "123":
        if year := part[f"y{n}"]:
            month, day = part[f"m{n}"] or "", part[f"d{n}"] or ""
            number = int(month) if month.isdigit() else MONTHS.index(month.lower()[:3]) + 1
            return int(year), number, int(day)
    raise StampError("no date")


def _ordered(text: str, a: str, b: str, separator: str | None, day_first: bool | None) -> tuple[int, int]:
    first, second = int(a), int(b)
    if separator == "." or first == second or (first > 12 >= second):
        return first, second
    if second > 12 >= first:
        return second, first
    if day_first is None:
        raise StampError(
            f"{text!r} could be two days, and nothing in the file proves which: say --day-first or --month-first "
            "(in a program day_first=True or False)"
        )
    return (first, second) if day_first else (second, first)


def _year(digits: str) -> int:
    if len(digits) == 4:
        return int(digits)
    return int(digits) + (1900 if int(digits) >= 69 else 2000)


def _day(text: str, year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError as error:
        raise StampError(f"{text!r} is no day of the calendar ({error})") from error


def _time(part: dict[str, str | None]) -> dt.time | None:
    if part["hour"] is None:
        return None
    hour = int(part["hour"])
    if half := part["half"]:
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    micro = int(((part["fraction"] or "") + "000000")[:6])
    try:
        return dt.time(hour, int(part["minute"] or 0), int(part["second"] or 0), micro, tzinfo=_zone(part["offset"]))
    except ValueError as error:
        raise StampError(f"{hour}:{part['minute']} is no time of day") from error


def _zone(offset: str | None) -> dt.tzinfo | None:
    if not offset:
        return None
    if offset in "zZ":
        return dt.UTC
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return dt.timezone(dt.timedelta(minutes=-minutes if offset[0] == "-" else minutes))
