"""Headings that make a date together: a year, below it a month, below it a day; and dates in other languages."""

from __future__ import annotations

import datetime as dt
import re

from thoughtengine.adapters.stamps import MONTH, MONTHS, WEEKDAY, Stamp, StampError

__all__ = ["Outline", "foreign"]

_YEAR = re.compile(r"(?P<year>1[5-9]\d\d|20\d\d)")
_MONTHLY = re.compile(
    rf"(?:{MONTH.format('name')}(?:,?\s+(?P<year>1[5-9]\d\d|20\d\d))?"
    rf"|(?P<first>1[5-9]\d\d|20\d\d)(?:[-/.](?P<number>0?[1-9]|1[0-2])|,?\s+{MONTH.format('name2')})"
    r"|(?P<alone>0?[1-9]|1[0-2]))",
    re.IGNORECASE,
)
_DAILY = re.compile(
    rf"{WEEKDAY}(?:{MONTH.format('before')}\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?(?:\s+(?:of\s+)?{MONTH.format('after')})?"
    r"(?P<end>[,.]?\s*\(?(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\b\.?\)?)?)(?=\s*$|\s*[:,|–—](?!\d)|\s+-\s)",
    re.IGNORECASE,
)
_FOREIGN = (
    "jan feb apr april aug august sep sept september nov november "
    "januar jänner februar feber märz mär mai juni juli oktober okt dezember dez "
    "janvier février fevrier mars avril juin juillet août aout septembre octobre novembre décembre "
    "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre "
    "gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre "
    "januari februari maart mei augustus janeiro fevereiro março maio junho julho setembro outubro dezembro"
)
_WEEKDAYS = (
    "mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag "
    "lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo "
    "lunedì martedì mercoledì giovedì venerdì sabato domenica maandag dinsdag woensdag donderdag vrijdag zaterdag zondag"
)
_WORDED = re.compile(
    r"(?:(?P<weekday>[^\W\d_]{2,12})[.,]*\s+(?:den\s+)?)?\d{1,2}(?:\.|er|º)?\s*(?:de\s+)?(?P<month>[^\W\d_]{3,10})\.?,?\s+"
    r"(?:de\s+|del\s+)?\d{4}\b",
)


def foreign(line: str) -> None:
    """Refuse a line that begins with a date whose month is named in a language that is not read.

    Raises
    ------
    StampError
        For such a line.

    Examples
    --------
    >>> foreign("5 May 2025"), foreign("Top 10 books 2025")
    (None, None)
    """
    if (found := _WORDED.match(line)) is None:
        return
    weekday, month = (found["weekday"] or "").casefold(), found["month"].casefold()
    if month in _FOREIGN.split() and (not weekday or weekday in _WEEKDAYS.split() or found.end() == len(line.rstrip())):
        raise StampError(
            f"{found[0]!r} looks like a date, and months are read by their English names alone: write it as 2025-12-31 "
            "or 31.12.2025, or say --form documents to read the text without dates"
        )


class Outline:
    """The year and month that the headings above a line name.

    Parameters
    ----------
    name : str
        Of the file, which may be a year or a month itself: "2025", "2025-06".
    """

    def __init__(self, name: str) -> None:
        self._above: list[tuple[int, int, int | None]] = []
        self._name(0, name)

    def reset(self, level: int) -> None:
        """Leave what stands at a level or deeper."""
        self._above = [above for above in self._above if above[0] < level]

    def period(self, title: str, level: int) -> dt.date | None:
        """Take a heading in that is a year or a month, and tell its first day; None for any other.

        Examples
        --------
        >>> outline = Outline("diary")
        >>> outline.period("2025", 1), outline.period("June", 2), outline.period("Plans", 3)
        (datetime.date(2025, 1, 1), datetime.date(2025, 6, 1), None)
        """
        self.reset(level)
        return self._name(level, title)

    def day(self, title: str, level: int) -> Stamp | None:
        """Read a heading that is a day of the month above it.

        Raises
        ------
        StampError
            For a day that this month does not have.

        Examples
        --------
        >>> outline = Outline("2025-06")
        >>> outline.day("Thursday 12: Lisbon", 1).day
        datetime.date(2025, 6, 12)
        """
        above = next((above for above in reversed(self._above) if above[0] < level), None)
        if above is None or (found := _DAILY.match(title)) is None:
            return None
        named = found["before"] or found["after"]
        month = _number(named) if named else above[2]
        if month is None or (above[2] is not None and month != above[2]):
            return None
        try:
            return Stamp(dt.date(above[1], month, int(found["day"])), None, found.end())
        except ValueError as error:
            raise StampError(f"{title!r} is no day of {above[1]}-{month:02d}") from error

    def _name(self, level: int, title: str) -> dt.date | None:
        title = title.strip(" :*_[]()")
        year = self._above[-1][1] if self._above else None
        within = bool(self._above) and self._above[-1][2] is None
        month: int | None = None
        if found := _YEAR.fullmatch(title):
            year = int(found["year"])
        elif found := _MONTHLY.fullmatch(title):
            named = found["name"] or found["name2"]
            month = _number(named) if named else int(found["number"] or found["alone"])
            own = found["year"] or found["first"]
            year = int(own) if own else year if within else None
        if found is None or year is None:
            return None
        self._above.append((level, year, month))
        return dt.date(year, month or 1, 1)


def _number(name: str) -> int:
    return MONTHS.index(name.lower()[:3]) + 1
