"""Dates spoken of in a cue: "8 May 2023", "in March", "two weeks ago", as spans of time."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

__all__ = ["Span", "spans"]

_DAY = 86_400_000_000
_EPOCH = dt.date(1970, 1, 1).toordinal()
_MONTHS = "january february march april may june july august september october november december".split()
_SHORT = {name[:3]: i for i, name in enumerate(_MONTHS, 1)} | {"sept": 9}
_MONTH_OF = _SHORT | {name: i for i, name in enumerate(_MONTHS, 1)}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTH_OF, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(?P<year>[12]\d{3})(?!\d)"
_DAY_NUMBER = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?!\d)"
_LEAD = r"\b(?:in|on|of|since|until|till|during|last|this|next|early|late|mid|by|before|after|from|to|through|around|throughout)[ -]"
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
_NUMBERS = {name: i for i, name in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())}
_NUMBERS |= {"a": 1, "an": 1, "a couple of": 2, "a few": 3, "several": 4}

_PATTERNS = [
    re.compile(pattern)
    for pattern in (
        r"\b(?P<year>[12]\d{3})-(?P<number>\d{1,2})-(?P<day>\d{1,2})(?!\d)",
        r"\b(?P<year>[12]\d{3})-(?P<number>\d{1,2})(?!\d)",
        rf"\b{_DAY_NUMBER}(?: of)?[ -]{_MONTH}(?:,? ?{_YEAR})?",
        rf"\b{_MONTH} (?:the )?{_DAY_NUMBER}(?:,? {_YEAR})?",
        rf"\b{_MONTH},? (?:of )?{_YEAR}",
        rf"{_LEAD}{_MONTH}",
        r"\b(?P<month>january|february|april|june|july|august|september|october|november|december)\b",
        rf"{_LEAD}{_YEAR}\b",
        r"\b(?P<year>(?:19|20)\d{2})\b",
    )
]
_AGO = re.compile(
    r"\b(?P<n>\d{1,4}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + r") (?P<unit>day|week|month|year)s? ago\b"
)
_RELATIVE = re.compile(r"\b(?:(?P<word>today|yesterday|tonight)|(?P<which>last|this|past) (?P<unit>night|week|month|year))\b")


class Span(NamedTuple):
    """A stretch of local time, [start, stop), in microseconds since 1970."""

    start: int
    stop: int


def spans(text: str, now: int, years: range) -> tuple[Span, ...]:
    """Return the stretches of time that a cue speaks of.

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
    >>> [(s.stop - s.start) // 86_400_000_000 for s in spans("on 8 may 2023 or in june", 0, range(2023, 2024))]
    [1, 30]
    """
    found: list[Span] = []
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: _absolute(match, years, found), text)
    for match in _AGO.finditer(text):
        found.extend(_ago(match, now))
    for match in _RELATIVE.finditer(text):
        found.extend(_relative(match, now))
    return tuple(sorted(set(found)))


def _absolute(match: re.Match[str], years: range, found: list[Span]) -> str:
    parts = match.groupdict()
    month = int(parts["number"]) if parts.get("number") else _MONTH_OF.get(parts.get("month") or "", 0)
    day = int(parts["day"]) if parts.get("day") else 0
    meant = [int(parts["year"])] if parts.get("year") else list(years)
    made = [span for year in meant if (span := _span(year, month, day)) is not None]
    found.extend(made)
    return " ; " if made else match.group()


def _span(year: int, month: int, day: int) -> Span | None:
    try:
        first = dt.date(year, month or 1, day or 1)
        if day:
            after = first.toordinal() + 1
        elif month:
            after = dt.date(year + month // 12, month % 12 + 1, 1).toordinal()
        else:
            after = dt.date(year + 1, 1, 1).toordinal()
    except ValueError:
        return None
    return Span((first.toordinal() - _EPOCH) * _DAY, (after - _EPOCH) * _DAY)


def _ago(match: re.Match[str], now: int) -> list[Span]:
    n, unit = match["n"], _UNITS[match["unit"]]
    back = (int(n) if n.isdigit() else _NUMBERS[n]) * unit
    return [_around(now // _DAY - back, unit)]


def _relative(match: re.Match[str], now: int) -> list[Span]:
    today = now // _DAY
    if match["word"]:
        return [_around(today - (match["word"] == "yesterday"), 1)]
    if match["unit"] == "night":
        return [_around(today - (match["which"] == "last"), 1)]
    length = _UNITS[match["unit"]]
    if match["which"] == "this":
        return [Span((today - length + 1) * _DAY, (today + 1) * _DAY)]
    return [Span((today - 2 * length) * _DAY, (today - (0 if length == 1 else 1)) * _DAY)]


def _around(day: int, length: int) -> Span:
    return Span((day - length // 2) * _DAY, (day - length // 2 + length) * _DAY)
