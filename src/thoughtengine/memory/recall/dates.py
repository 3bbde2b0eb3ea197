"""Dates that a cue speaks of: "8 May 2023", "in March", "two weeks ago", as spans of time."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import NamedTuple

from thoughtengine.memory.index.entry import MONTHS

__all__ = ["Dates", "Span", "dates_in"]

_DAY = 86_400_000_000
_EPOCH = dt.date(1970, 1, 1).toordinal()
_MONTH_OF = {name[:3]: i for i, name in enumerate(MONTHS, 1)} | {"sept": 9} | {m: i for i, m in enumerate(MONTHS, 1)}
_WEEKDAYS = {
    day: i for i, day in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "a couple of": 2, "three": 3, "a few": 3, "four": 4, "several": 4, "five": 5,
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip


def _any_of(names: dict[str, int]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


_MONTH = rf"(?P<month>{_any_of(_MONTH_OF)})\b\.?"
_YEAR = r"(?P<year>[12]\d{3})(?!\d)"
_NUMBER = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b"
_LEAD = (
    r"\b(?:in|on|of|since|until|till|during|last|this|next|early|late|mid|by|before|after|from|to|through|around"
    r"|throughout)[ -]"
)
_ABSOLUTE = (
    rf"\b{_YEAR}-(?P<number>\d{{1,2}})-(?P<day>\d{{1,2}})(?!\d)",
    r"(?<!\d)(?P<one>\d{1,2})([/.])(?P<two>\d{1,2})\2(?P<year>[12]\d{3})(?!\d)",
    rf"\b{_YEAR}-(?P<number>\d{{1,2}})(?!\d)",
    rf"\b{_NUMBER}(?: of)?[ -]{_MONTH}(?:,? ?{_YEAR})?",
    rf"\b{_MONTH} (?:the )?{_NUMBER}(?:,? {_YEAR})?",
    rf"\b{_MONTH},? (?:of )?{_YEAR}",
    rf"{_LEAD}{_MONTH}",
    r"\b(?P<month>january|february|april|june|july|august|september|october|november|december)\b",
    rf"{_LEAD}{_YEAR}\b",
    r"\b(?P<year>(?:19|20)\d{2})\b",
)
_HINT = re.compile(
    rf"\d{{4}}|\b(?:{_any_of(_MONTH_OF | _WEEKDAYS)})\b|\bago\b|\b(?:to|yester)day\b|tonight|\b(?:last|this|past) "
)
_AGO = rf"\b(?P<n>\d{{1,4}}|{_any_of(_NUMBERS)}) (?P<unit>day|week|month|year)s? ago\b"
_RELATIVE = (
    r"\b(?:(?P<word>today|(?P<before>the day before )?yesterday|tonight|this (?:morning|afternoon|evening))"
    r"|(?P<which>last|this|past) (?P<unit>night|weekend|week|month|year)"
    rf"|(?:(?:last|this|past|on) )+(?P<weekday>{_any_of(_WEEKDAYS)}))\b"
)

_TAKEN = " ; "  # stands in the text where a date was found

_compiled = cache(re.compile)  # when a cue first hints at a date


class Span(NamedTuple):
    """A stretch of local time, [start, stop), in microseconds since 1970."""

    start: int
    stop: int


class Dates(NamedTuple):
    """What a cue says about time: spans, and the words by which those days are labelled."""

    spans: tuple[Span, ...] = ()
    words: tuple[str, ...] = ()


def dates_in(text: str, now: int, years: range) -> Dates:
    """Return the dates that a cue speaks of; English, and ISO 8601. A day of the week is the last one before today.

    Parameters
    ----------
    text : str
        The cue, lower case.
    now : int
        Microseconds since 1970, local: what "yesterday" is relative to.
    years : range
        Years that a date without a year may mean.

    Examples
    --------
    >>> found = dates_in("on 8th may 2023 or in june", 0, range(2023, 2024))
    >>> [(span.stop - span.start) // 86_400_000_000 for span in found.spans], found.words
    ([1, 30], ('8', 'may', '2023', 'june'))
    """
    if not _HINT.search(text):
        return Dates()
    spans: set[Span] = set()
    words: dict[str, None] = {}
    for relative, pattern in ((_ago, _AGO), (_relative, _RELATIVE)):
        spans.update(relative(match, now) for match in _compiled(pattern).finditer(text))
        text = _compiled(pattern).sub(_TAKEN, text)
    for pattern in _ABSOLUTE:
        text = _compiled(pattern).sub(lambda match: _absolute(match, years, spans, words), text)
    return Dates(tuple(sorted(spans)), tuple(words))


def _absolute(match: re.Match[str], years: range, spans: set[Span], words: dict[str, None]) -> str:
    """Take note of a date and take it out of the text; leave alone what is none, such as 31 June."""
    made, parts = [], match.groupdict()
    for year, month, day in _readings(parts, years):
        span = _span(year, month, day)
        if span is not None:
            made.append(span)
            named = (str(day) if day else "", MONTHS[month - 1] if month else "", parts.get("year") or "")
            words.update(dict.fromkeys(word for word in named if word))
    spans.update(made)
    return _TAKEN if made else match.group()


def _readings(parts: dict[str, str | None], years: range) -> list[tuple[int, int, int]]:
    """Return the (year, month, day) that a match may mean; 0 for what it leaves open."""
    year_given = parts.get("year")
    meant = [int(year_given)] if year_given else list(years)
    if one := parts.get("one"):
        two = parts["two"] or ""
        return [(year, month, day) for year in meant for month, day in {(int(two), int(one)), (int(one), int(two))}]
    month = int(parts.get("number") or 0) or _MONTH_OF.get(parts.get("month") or "", 0)
    return [(year, month, int(parts.get("day") or 0)) for year in meant]


def _span(year: int, month: int, day: int) -> Span | None:
    try:
        first = dt.date(year, month or 1, day or 1).toordinal()
        if day:
            after = first + 1
        elif month:
            after = dt.date(year + month // 12, month % 12 + 1, 1).toordinal()
        else:
            after = dt.date(year + 1, 1, 1).toordinal()
    except ValueError:
        return None
    return Span((first - _EPOCH) * _DAY, (after - _EPOCH) * _DAY)


def _ago(match: re.Match[str], now: int) -> Span:
    unit = _UNITS[match["unit"]]
    n = int(match["n"]) if match["n"].isdigit() else _NUMBERS[match["n"]]
    return _around(now // _DAY - n * unit, unit)


def _relative(match: re.Match[str], now: int) -> Span:
    today = now // _DAY
    weekday = (today + 3) % 7  # 1970 began on a Thursday
    if match["weekday"]:
        return _around(today - ((weekday - _WEEKDAYS[match["weekday"]] - 1) % 7 + 1), 1)
    if match["word"]:
        return _around(today - (match["word"].endswith("yesterday")) - bool(match["before"]), 1)
    if match["unit"] == "weekend":
        saturday = today - (weekday - 5) % 7 - (7 if match["which"] == "last" and weekday >= 5 else 0)
        return Span(saturday * _DAY, (saturday + 2) * _DAY)
    if match["unit"] == "night":
        return _around(today - (match["which"] != "this"), 1)
    length = _UNITS[match["unit"]]
    if match["which"] == "last":
        return Span((today - 2 * length + 1) * _DAY, today * _DAY)
    return Span((today - length + 1) * _DAY, (today + 1) * _DAY)


def _around(day: int, length: int) -> Span:
    return Span((day - length // 2) * _DAY, (day - length // 2 + length) * _DAY)
