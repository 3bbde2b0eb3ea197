"""Dates that a cue speaks of: "8 May 2023", "last summer", "two weeks ago", "since March", as spans of time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
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
    "half a": 0.5, "a": 1, "an": 1, "one": 1, "two": 2, "a couple of": 2, "three": 3, "a few": 3, "four": 4, "several": 4,
    "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip


_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}  # their first months, north of the equator
_QUARTERS = {
    name: 3 * at + 1
    for at, names in enumerate(("1 1st first", "2 2nd second", "3 3rd third", "4 4th fourth last"))
    for name in names.split()
}


_DAYS_OF_MONTH = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth
seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth
twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first
"""
_ORDINALS = {name: day for day, name in enumerate(_DAYS_OF_MONTH.split(), 1)}


def _any_of(names: Iterable[str]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


_MONTH = rf"(?P<month>{_any_of(_MONTH_OF)})\b\.?"
_YEAR = r"(?P<year>[12]\d{3})(?!\d)"
_NUMBER = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b"
_LEAD = r"\b(?:in|on|of|since|until|till|during|early|late|mid|by|before|after|from|to|through|around|throughout|between)[ -]"
_WHICH = r"(?:this )?(?P<which>last|this|past|next)"
_PART = rf"(?:(?P<season>{_any_of(_SEASONS)})|q(?P<q>[1-4])|(?P<quarter>{_any_of(_QUARTERS)}) quarter)"
_RANGE = rf"(?P<first>[0-3]?\d)(?:st|nd|rd|th)? ?(?:to|until|till|through|-|–) ?(?:the )?{_NUMBER}"
_NTH = rf"(?P<nth>{_any_of(_ORDINALS)})"
_ABSOLUTE = (
    rf"\b{_RANGE}(?: of)?[ -]{_MONTH}(?:,? ?{_YEAR})?",
    rf"\b{_MONTH} (?:the )?{_RANGE}(?:,? {_YEAR})?",
    rf"\b{_PART}(?: of|,)? {_YEAR}",
    rf"\b{_YEAR} {_PART}\b",
    rf"\b(?:{_WHICH}|in|during|since|until|till|before|after|from|to|of)(?: the)? {_PART}\b",
    rf"\b{_YEAR}-?w(?P<week>[0-5]\d)(?:-?(?P<of_week>[1-7]))?\b",
    rf"\b{_YEAR}-(?P<of_year>\d{{3}})(?!\d)",
    rf"\b{_YEAR}(?P<by>[-/.])(?P<number>\d{{1,2}})(?P=by)(?P<day>\d{{1,2}})(?!\d)",
    r"\b(?P<year>(?:19|20)\d\d)(?P<number>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?:\b|(?=t\d))",
    rf"(?<!\d)(?P<one>\d{{1,2}})(?P<by>[-/.])(?P<two>\d{{1,2}})(?P=by){_YEAR}",
    rf"\b{_YEAR}-(?P<number>\d{{1,2}})(?!\d)",
    rf"(?<![\w./-])(?P<number>0?[1-9]|1[0-2])[/.-]{_YEAR}",
    rf"\b{_NUMBER}(?: of)?[ -]{_MONTH}(?:,? ?{_YEAR})?",
    rf"\b{_MONTH} (?:the )?{_NUMBER}(?:,? {_YEAR})?",
    rf"\b{_NTH} of {_MONTH}(?:,? {_YEAR})?",
    rf"\b{_MONTH} (?:the )?{_NTH},? {_YEAR}",
    rf"\b{_MONTH},? (?:of )?{_YEAR}",
    rf"\b{_WHICH} {_MONTH}",
    rf"{_LEAD}{_MONTH}",
    r"\b(?P<month>january|february|april|june|july|august|september|october|november|december)\b",
    rf"{_LEAD}{_YEAR}\b",
    r"\b(?P<year>(?:19|20)\d{2})\b",
)
_HINT = re.compile(
    rf"\d{{4}}|\b(?:{_any_of(_MONTH_OF | _WEEKDAYS | _SEASONS)}|q[1-4]|quarter)\b|\bago\b|\b(?:to|yester)day\b|tonight"
    r"|\b(?:last|this|past) "
)
_COUNT = rf"\b(?<!\d[.,])(?P<n>\d{{1,4}}|{_any_of(_NUMBERS)}) (?P<unit>{_any_of(_UNITS)})s?"
_AGO = rf"(?:\b(?<!\d[.,])(?P<least>\d{{1,4}}|{_any_of(_NUMBERS)}) ?(?:or|to|and|-|–) ?)?{_COUNT} ago\b"
_APART = (
    rf"(?:(?P<all>\b(?:the|within) )?{_COUNT}|\bthe (?P<one>{_any_of(_UNITS)})) $"  # stands before "before" and "after"
)
_RELATIVE = (
    r"\b(?:(?P<word>today|(?P<before>the day before )?yesterday|tonight|this (?:morning|afternoon|evening))"
    rf"|(?:last|past|previous) (?P<count>\d{{1,4}}|{_any_of(_NUMBERS)}) (?P<units>day|week|month|year)s?"
    r"|(?P<which>last|this|past) (?P<unit>night|weekend|week|month|year)"
    r"|(?:(?:last|this|past|on|since|until|till|before|after|from|to) ){1,3}"
    rf"(?P<weekday>{_any_of(_WEEKDAYS)}))\b"
)

_SINCE, _AFTER, _BEFORE, _UNTIL = ("since", "from"), ("after",), ("before",), ("until", "till")
_OPENERS, _SHIFTS = (*_SINCE, *_AFTER, *_BEFORE, *_UNTIL), (*_AFTER, *_BEFORE)
_JOINS = ("to", "until", "till", "through", "-", "–")
_OPENS = "|".join((*_OPENERS, "between", "to", "through"))
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

    And its own words by which they are not: a date that is only an end of a span, and numbers that are no day of the month.
    """

    spans: tuple[Span, ...] = ()
    words: tuple[str, ...] = ()
    unlabelled: frozenset[str] = frozenset()


def dates_in(text: str, now: int, years: range) -> Dates:
    """Return the dates that a cue speaks of; English, and ISO 8601. A day of the week is the last one before today.

    "Last May" is the last one that has ended, "this May" that of the year, "this Friday" that of the week. Seasons are those
    north of the equator, quarters those of the calendar. "Since" and "after" reach to now, "before" and "until" from the
    first year; "from" or "between" one date and another is one span.

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
    left = text
    for relative, pattern in ((_ago, _AGO), (_relative, _RELATIVE)):
        said += (_Said(*match.span(), (relative(match, now),)) for match in _compiled(pattern).finditer(left))
        left = _compiled(pattern).sub(_taken, left)
    for pattern in _ABSOLUTE:
        left = _compiled(pattern).sub(lambda match: _absolute(match, years, now, said), left)
    spans: set[Span] = set()
    words: dict[str, None] = {}
    unlabelled: set[str] = set()
    for one in _stretched(text, sorted(said), now, years):
        spans.update(one.spans)
        words.update(dict.fromkeys(one.words))
        inside = _WORD.findall(text, one.begin, one.end)
        unlabelled.update(inside if one.is_stretched else (word for word in inside if word[0].isdigit()))
    return Dates(tuple(sorted(spans)), tuple(words), frozenset(unlabelled - words.keys()))


class _Said(NamedTuple):
    """Where in a text a date stands, the spans that it may mean, ascending, and the words by which those are labelled."""

    begin: int
    end: int
    spans: tuple[Span, ...]
    words: tuple[str, ...] = ()
    is_whole: bool = False  # it names both ends of its spans
    is_stretched: bool = False  # with the words before it: its own are no labels


def _taken(match: re.Match[str]) -> str:
    return _TAKEN * len(match.group())


def _stretched(text: str, said: list[_Said], now: int, years: range) -> Iterator[_Said]:
    """Yield what dates mean with the words before them: "since March" ends now."""
    begins = [_proper(text, one) for one in said]
    leads = [_OPENING.search(text, max(begin - _NEAR, 0), begin) for begin in begins]
    words = [lead.group(1) or lead.group(2) if lead else "" for lead in leads]
    at = 0
    while at < len(said):
        one, word = said[at], words[at]
        after = leads[at + 1] if at + 1 < len(said) else None
        beside = after is not None and not text[one.end : after.start()].strip()
        if beside and (words[at + 1] in _JOINS or (word, words[at + 1]) == ("between", "and")):
            last = said[at + 1]
            yield _Said(one.begin, last.end, tuple(_between(one.spans, last.spans)), is_stretched=True)
            at += 2
            continue
        begin, spans = one.begin, one.spans
        lead = leads[at] if word in _SHIFTS else None
        if lead and (apart := _compiled(_APART).search(text, max(lead.start() - _NEAR, 0), lead.start())):
            begin, spans = apart.start(), tuple(_shifted(apart, word, spans))
        elif word in _OPENERS and not one.is_whole:
            spans = tuple(_opened(word, spans, now, years))
        yield one if spans is one.spans else _Said(begin, one.end, spans, is_stretched=True)
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


def _shifted(apart: re.Match[str], word: str, spans: tuple[Span, ...]) -> Iterator[Span]:
    """Yield the days that are so far before or after some spans; all the days until there where it says "the"."""
    unit, n = apart["unit"] or apart["one"], _number(apart["n"] or "a")
    size, days = _UNITS[unit], _days(n, unit) * (-1 if word in _BEFORE else 1)
    for start, stop in spans:
        edge = start if word in _BEFORE else stop
        if apart["all"] or apart["one"]:
            yield Span(*sorted((edge, edge + (days or 1) * _DAY)))
        elif size // 2 < (stop - start) // _DAY <= 2 * size:  # years after a year
            yield Span(start + days * _DAY, stop + days * _DAY)
        else:
            yield _around((start if word in _BEFORE else stop - 1) // _DAY + days, _about(n, unit))


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


def _absolute(match: re.Match[str], years: range, now: int, said: list[_Said]) -> str:
    """Take note of a date and take it out of the text; leave alone what is none, such as 31 June."""
    parts = {name: part for name, part in match.groupdict().items() if part}
    spans: list[Span] = []
    words: dict[str, None] = {}
    for year in _years_of(parts, years, now):
        for span, month, day in _readings(parts, year):
            if span is not None:
                spans.append(span)
                named = (str(day) if day else "", MONTHS[month - 1] if month else "", parts.get("year", ""))
                words.update(dict.fromkeys(filter(None, named)))
    spans.sort()
    if which := parts.get("which"):
        spans = _one_of(which, spans, now)
    if not spans:
        return match.group()
    said.append(_Said(*match.span(), tuple(spans), tuple(words), is_whole="first" in parts))
    return _taken(match)


def _years_of(parts: dict[str, str], years: range, now: int) -> Iterable[int]:
    """Return the years that a match may be of."""
    if "year" in parts:
        return [int(parts["year"])]
    if "which" not in parts:
        return years
    year = dt.date.fromordinal(now // _DAY + _EPOCH).year
    return [year] if parts["which"] == "this" and "month" in parts else [year - 1, year, year + 1]


def _one_of(which: str, spans: list[Span], now: int) -> list[Span]:
    """Return which of some spans, ascending, "last", "past", "this" or "next" means: the last that has ended, and so on."""
    if which == "next":
        return [span for span in spans if span.start > now][:1]
    if which == "this":
        return ([span for span in spans if span.start <= now] or spans)[-1:]
    return [span for span in spans if span.stop <= now][-1:]


def _readings(parts: dict[str, str], year: int) -> Iterator[tuple[Span | None, int, int]]:
    """Yield what a match may mean in a year, and the month and day by which that is labelled; 0 where it is by none."""
    month = int(parts.get("number", 0)) or _MONTH_OF.get(parts.get("month", ""), 0)
    day = int(parts.get("day", 0)) or _ORDINALS.get(parts.get("nth", ""), 0)
    if begins := _SEASONS.get(parts.get("season", "")) or _QUARTERS.get(parts.get("q") or parts.get("quarter", "")):
        yield _joined(_span(year, begins, 0), _span(year + (begins + 2) // 13, (begins + 1) % 12 + 1, 0)), 0, 0
    elif "week" in parts:
        yield _week(year, int(parts["week"]), int(parts.get("of_week", 0))), 0, 0
    elif "of_year" in parts:
        date = dt.date(year, 1, 1) + dt.timedelta(int(parts["of_year"]) - 1)
        yield _span(year, date.month, date.day) if date.year == year else None, date.month, date.day
    elif "one" in parts:
        one, two = int(parts["one"]), int(parts["two"])
        day_first, month_first = (two, one), (one, two)
        meant = {day_first, month_first}
        if parts["by"] == "." and _span(year, *day_first):
            meant = {day_first}
        for month, day in sorted(meant):
            yield _span(year, month, day), month, day
    elif "first" in parts:
        yield _joined(_span(year, month, int(parts["first"])), _span(year, month, day)), month, 0
    else:
        yield _span(year, month, day), month, day


def _joined(begun: Span | None, ended: Span | None) -> Span | None:
    return Span(begun.start, ended.stop) if begun and ended and begun <= ended else None


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


def _week(year: int, week: int, day: int) -> Span | None:
    """Return a week of ISO 8601, or its day from 1 for Monday; 0: all of it."""
    try:
        first = dt.date.fromisocalendar(year, week, day or 1).toordinal() - _EPOCH
    except ValueError:
        return None
    return Span(first * _DAY, (first + (1 if day else 7)) * _DAY)


def _ago(match: re.Match[str], now: int) -> Span:
    unit, counts = match["unit"], [_number(said) for said in (match["least"], match["n"]) if said]
    days = [_around(now // _DAY - _days(n, unit), _about(n, unit)) for n in counts]
    return Span(min(days).start, max(days).stop)


def _number(said: str) -> float:
    return int(said) if said.isdigit() else _NUMBERS[said]


def _days(n: float, unit: str) -> int:
    return int(n * _UNITS[unit])


def _about(n: float, unit: str) -> int:
    """Return how many days the time so long ago may mean."""
    return max(int(min(n, 1) * _ABOUT[unit]), 1)


def _relative(match: re.Match[str], now: int) -> Span:
    today = now // _DAY
    weekday = (today + 3) % 7  # 1970 began on a Thursday
    if match["weekday"]:
        back = weekday - _WEEKDAYS[match["weekday"]]
        of_this_week = match.group().endswith("this " + match["weekday"])
        return _around(today - (back if of_this_week else (back - 1) % 7 + 1), 1)
    if match["word"]:
        return _around(today - (match["word"].endswith("yesterday")) - bool(match["before"]), 1)
    if match["unit"] == "weekend":
        saturday = today - (weekday - 5) % 7 - (7 if match["which"] == "last" and weekday >= 5 else 0)
        return Span(saturday * _DAY, (saturday + 2) * _DAY)
    if match["unit"] == "night":
        return _around(today - (match["which"] != "this"), 1)
    if match["count"] or match["which"] == "past":
        days = _days(_number(match["count"] or "a"), match["units"] or match["unit"])
        return Span((today - max(days, 1) + 1) * _DAY, (today + 1) * _DAY)
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
