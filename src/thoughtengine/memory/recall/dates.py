"""Dates that a cue speaks of: "8 May 2023", "last summer", "two weeks ago", "since March", as spans of time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from thoughtengine.memory.index.entry import MONTHS

__all__ = ["Dates", "Span", "dates_in"]

_DAY = 86_400_000_000
_CENTURY = 36_525 * _DAY
_EPOCH = dt.date(1970, 1, 1).toordinal()
_MONTH_OF = {name[:3]: i for i, name in enumerate(MONTHS, 1)} | {"sept": 9} | {m: i for i, m in enumerate(MONTHS, 1)}
_WEEKDAYS = {
    day: i for i, day in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
_ABOUT = {"day": 1, "week": 7, "month": 30, "year": 120}  # days that "a year ago" may mean, and so on
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "a couple of": 2, "three": 3, "a few": 3, "four": 4, "several": 4, "five": 5,
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip


_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}  # their first months, north of the equator
_QUARTERS = {
    name: 3 * at + 1
    for at, names in enumerate(("1 1st first", "2 2nd second", "3 3rd third", "4 4th fourth last"))
    for name in names.split()
}


def _any_of(names: dict[str, int]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


_MONTH = rf"(?P<month>{_any_of(_MONTH_OF)})\b\.?"
_YEAR = r"(?P<year>[12]\d{3})(?!\d)"
_NUMBER = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b"
_LEAD = (
    r"\b(?:in|on|of|since|until|till|during|last|this|next|early|late|mid|by|before|after|from|to|through|around"
    r"|throughout|between)[ -]"
)
_PART = rf"(?:(?P<season>{_any_of(_SEASONS)})|q(?P<q>[1-4])|(?P<quarter>{_any_of(_QUARTERS)}) quarter)"
_ABSOLUTE = (
    rf"\b(?P<first>[0-3]?\d)(?:st|nd|rd|th)? ?(?:to|until|till|through|-|–) ?{_NUMBER}(?: of)?[ -]{_MONTH}(?:,? ?{_YEAR})?",
    rf"\b{_PART}(?: of|,)? {_YEAR}",
    rf"\b{_YEAR} {_PART}\b",
    rf"\b(?:(?P<which>last|this|past)|in|during|since|until|till|before|after|from|to|of)(?: the)? {_PART}\b",
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
    rf"\d{{4}}|\b(?:{_any_of(_MONTH_OF | _WEEKDAYS | _SEASONS)}|q[1-4]|quarter)\b|\bago\b|\b(?:to|yester)day\b|tonight"
    r"|\b(?:last|this|past) "
)
_AGO = rf"\b(?P<n>\d{{1,4}}|{_any_of(_NUMBERS)}) (?P<unit>day|week|month|year)s? ago\b"
_RELATIVE = (
    r"\b(?:(?P<word>today|(?P<before>the day before )?yesterday|tonight|this (?:morning|afternoon|evening))"
    rf"|(?:last|past|previous) (?P<count>\d{{1,4}}|{_any_of(_NUMBERS)}) (?P<units>day|week|month|year)s?"
    r"|(?P<which>last|this|past) (?P<unit>night|weekend|week|month|year)"
    r"|(?:(?:last|this|past|on|since|until|till|before|after|from|to) )+"
    rf"(?P<weekday>{_any_of(_WEEKDAYS)}))\b"
)

_SINCE, _AFTER, _BEFORE, _UNTIL = ("since", "from"), ("after",), ("before",), ("until", "till")
_JOINS = ("to", "until", "till", "through", "-", "–")
_OPENS = "|".join((*_SINCE, *_AFTER, *_BEFORE, *_UNTIL, "between", "to", "through"))
_OPENING = re.compile(rf"(?:\b({_OPENS}|and)|(-|–))\s*(?:the )?$")
_LEADING = re.compile(rf"\b(?:{_OPENS})[ -](?:the )?")
_WORD = re.compile(r"\w+")
_NEAR = 64  # characters before a date in which the word that leads it in is looked for
_TAKEN = ";"  # stands in the text where a date was found, as often as it was long

_compiled = cache(re.compile)  # when a cue first hints at a date


class Span(NamedTuple):
    """A stretch of local time, [start, stop), in microseconds since 1970."""

    start: int
    stop: int


class Dates(NamedTuple):
    """What a cue says about time: spans, and the words by which those days are labelled.

    And its own words that are a date which is only an end of a span: no day between is labelled so.
    """

    spans: tuple[Span, ...] = ()
    words: tuple[str, ...] = ()
    ends: frozenset[str] = frozenset()


def dates_in(text: str, now: int, years: range) -> Dates:
    """Return the dates that a cue speaks of; English, and ISO 8601. A day of the week is the last one before today.

    Seasons are those north of the equator, quarters those of the calendar. "Since" and "after" reach to now, "before" and
    "until" from the first year; "from" or "between" one date and another is one span.

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
    said: list[_Said] = []
    words: dict[str, None] = {}
    left = text
    for relative, pattern in ((_ago, _AGO), (_relative, _RELATIVE)):
        said += (_Said(*match.span(), (relative(match, now),)) for match in _compiled(pattern).finditer(left))
        left = _compiled(pattern).sub(_taken, left)
    for pattern in _ABSOLUTE:
        left = _compiled(pattern).sub(lambda match: _absolute(match, years, now, said, words), left)
    spans: set[Span] = set()
    ends: set[str] = set()
    for meant, stretched in _stretched(text, sorted(said), now, years):
        spans.update(meant)
        ends.update(word for one in stretched for word in _WORD.findall(text, one.begin, one.end))
    return Dates(tuple(sorted(spans)), tuple(word for word in words if word not in ends), frozenset(ends))


class _Said(NamedTuple):
    """Where in a text a date stands, the spans that it may mean, ascending, and whether it names both their ends."""

    begin: int
    end: int
    spans: tuple[Span, ...]
    is_whole: bool = False


def _taken(match: re.Match[str]) -> str:
    return _TAKEN * len(match.group())


def _stretched(
    text: str, said: list[_Said], now: int, years: range
) -> Iterator[tuple[Iterable[Span], Sequence[_Said]]]:
    """Yield what dates mean with the words before them, and those that are mere ends: "since March" ends now."""
    begins = [_proper(text, one) for one in said]
    leads = [_OPENING.search(text, max(begin - _NEAR, 0), begin) for begin in begins]
    words = [lead.group(1) or lead.group(2) if lead else "" for lead in leads]
    at = 0
    while at < len(said):
        one, word = said[at], words[at]
        after = leads[at + 1] if at + 1 < len(said) else None
        beside = after is not None and not text[one.end : after.start()].strip()
        if beside and (words[at + 1] in _JOINS or (word, words[at + 1]) == ("between", "and")):
            yield _between(one.spans, said[at + 1].spans), said[at : at + 2]
            at += 2
            continue
        opened = word in (*_SINCE, *_AFTER, *_BEFORE, *_UNTIL) and not one.is_whole
        yield (_opened(word, one.spans, now, years), [one]) if opened else (one.spans, ())
        at += 1


def _proper(text: str, said: _Said) -> int:
    """Return where a date begins behind the word that leads it in."""
    lead = _LEADING.match(text, said.begin, said.end)
    return lead.end() if lead else said.begin


def _between(firsts: tuple[Span, ...], lasts: tuple[Span, ...]) -> Iterator[Span]:
    """Yield a span for each end, from the last beginning before it."""
    for last in lasts:
        starts = [first.start for first in firsts if first.start < last.stop]
        if starts:
            yield Span(max(starts), last.stop)


def _opened(word: str, spans: tuple[Span, ...], now: int, years: range) -> Iterator[Span]:
    """Yield what a word such as "since" or "before" makes of the last of some spans that has begun."""
    one = next((span for span in reversed(spans) if span.start <= now), spans[-1])
    if word in (*_SINCE, *_AFTER):
        start = one.start if word in _SINCE else one.stop
        yield Span(start, max(now, start + _DAY))
    else:
        stop = one.start if word in _BEFORE else one.stop
        begin = (dt.date(max(years.start, 1), 1, 1).toordinal() - _EPOCH) * _DAY if len(years) else stop - _CENTURY
        yield Span(min(begin, stop - _DAY), stop)


def _absolute(match: re.Match[str], years: range, now: int, said: list[_Said], words: dict[str, None]) -> str:
    """Take note of a date and take it out of the text; leave alone what is none, such as 31 June."""
    parts = match.groupdict()
    made = _parts_of_years(parts, years, now) if any(map(parts.get, ("season", "q", "quarter"))) else []
    if made and (year := parts.get("year")):
        words[year] = None
    for year, month, day in _readings(parts, years) if not made else ():
        span = _span(year, month, day)
        if span is not None and (first := parts.get("first")):
            begun = _span(year, month, int(first))
            span = Span(begun.start, span.stop) if begun is not None and begun <= span else None
        if span is not None:
            made.append(span)
            named = (str(day) if day else "", MONTHS[month - 1] if month else "", parts.get("year") or "")
            words.update(dict.fromkeys(word for word in named if word))
    if not made:
        return match.group()
    said.append(_Said(*match.span(), tuple(sorted(made)), bool(parts.get("first"))))
    return _taken(match)


def _parts_of_years(parts: dict[str, str | None], years: range, now: int) -> list[Span]:
    """Return the seasons or quarters that a match may mean; "last" and "this" mean one of them."""
    which, given = parts.get("which"), parts.get("year")
    season, quarter = parts.get("season"), parts.get("q") or parts.get("quarter") or ""
    first = _SEASONS[season] if season else _QUARTERS[quarter]
    today = dt.date.fromordinal(now // _DAY + _EPOCH)
    meant = [int(given)] if given else list(years) if which is None else [today.year - 1, today.year]
    made = []
    for year in meant:
        begun, ended = _span(year, first, 0), _span(year + (first + 2) // 13, (first + 1) % 12 + 1, 0)
        if begun and ended:
            made.append(Span(begun.start, ended.stop))
    if which is None:
        return made
    passed = [span for span in made if (span.stop <= now if which == "last" else span.start <= now)]
    return passed[-1:]


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
    return _around(now // _DAY - n * unit, _ABOUT[match["unit"]])


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
    if match["count"] or match["which"] == "past":
        count = match["count"] or "1"
        n = int(count) if count.isdigit() else _NUMBERS[count]
        return Span((today - n * _UNITS[match["units"] or match["unit"]] + 1) * _DAY, (today + 1) * _DAY)
    return _of_the_calendar(today, match["unit"], before=match["which"] == "last")


def _of_the_calendar(today: int, unit: str, *, before: bool) -> Span:
    """Return the week, month or year of a day as far as it has come, or the whole one before."""
    date = dt.date.fromordinal(today + _EPOCH)
    first = today - date.weekday() if unit == "week" else today - date.day + 1
    first = first if unit != "year" else date.replace(month=1, day=1).toordinal() - _EPOCH
    if not before:
        return Span(first * _DAY, (today + 1) * _DAY)
    if first + _EPOCH <= 1:  # the calendar has no day before
        return Span((first - _UNITS[unit]) * _DAY, first * _DAY)
    last = dt.date.fromordinal(first - 1 + _EPOCH)
    began = {"week": first - 7, "month": first - last.day, "year": last.replace(month=1, day=1).toordinal() - _EPOCH}
    return Span(began[unit] * _DAY, first * _DAY)


def _around(day: int, length: int) -> Span:
    return Span((day - length // 2) * _DAY, (day - length // 2 + length) * _DAY)
