"""Dates that a cue speaks of: "8 May 2023", "last summer", "two weeks ago", "since March", as spans of time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise, product
from typing import NamedTuple

from thoughtengine.memory.index.entry import MONTHS

__all__ = ["Dates", "Span", "dates_in", "hints_at_a_date"]

_DAY = 86_400_000_000
_CENTURY = 36_525 * _DAY
_A_WEEK, _A_YEAR = 7, 365  # days
_EPOCH = dt.date(1970, 1, 1).toordinal()
_MONTH_OF = {name[:3]: i for i, name in enumerate(MONTHS, 1)} | {"sept": 9} | {m: i for i, m in enumerate(MONTHS, 1)}
_WEEKDAYS = {
    day: i for i, day in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}
_AWAY = {"last": -1, "this": 0, "next": 1}
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
_ABOUT = {"day": 1, "week": 7, "month": 30, "year": 120}  # days that "a year ago" may mean, and so on
_SMALL = """
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
"""
_LARGE = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = {name: n for n, name in enumerate(_SMALL.split()[:9], 1)}
_TENS = {name: 10 * n for n, name in enumerate(_LARGE.split(), 2)}
_SOME = {"half a": 0.5, "a": 1, "an": 1, "a couple of": 2, "a few": 3, "several": 4}
_NUMBERS = _SOME | {name: n for n, name in enumerate(_SMALL.split(), 1)} | _TENS


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
_AND = r"(?: (?:and|or|&) |/)"
_DAYS = rf"(?P<also>[0-3]?\d(?:st|nd|rd|th)?(?:, [0-3]?\d(?:st|nd|rd|th)?){{0,9}}),?{_AND}(?:the )?{_NUMBER}"
_BETWEEN = rf"(?P<first>[0-3]?\d)(?:st|nd|rd|th)? and (?:the )?{_NUMBER}"
_NEXT = r"[-–/](?P<next>(?:\d\d)?\d\d)(?!\d)"  # the year after, in which a winter ends
_NO_MONTH = rf"(?![ -](?:of )?(?:{_any_of(_MONTH_OF)})\b)"
_MAYBE_YEAR = rf"(?:,? {_YEAR})?"
_THEN_YEAR = rf"(?:(?:,? ?|-){_YEAR})?"
_NTH = rf"(?P<nth>{_any_of(_ORDINALS).replace('-', '[ -]')})"
_BARE = rf"\b(?:{_PART}\b|{_MONTH})"  # may be another word: is a date beside another one alone
_ABSOLUTE = (
    rf"\bbetween (?:the )?{_BETWEEN}(?: of)?[ -]{_MONTH}{_THEN_YEAR}",
    rf"\bbetween {_MONTH} (?:the )?{_BETWEEN}{_NO_MONTH}{_MAYBE_YEAR}",
    rf"\b{_RANGE}(?: of)?[ -]{_MONTH}{_THEN_YEAR}",
    rf"\b{_MONTH} (?:the )?{_RANGE}{_MAYBE_YEAR}",
    rf"\b{_DAYS}(?: of)?[ -]{_MONTH}{_THEN_YEAR}",
    rf"\b{_MONTH} (?:the )?{_DAYS},? {_YEAR}",
    rf"\b(?P<season>winter)(?: of|,)? {_YEAR}{_NEXT}",
    rf"\b{_YEAR}{_NEXT} (?P<season>winter)\b",
    rf"\b{_PART}(?: of|,)? {_YEAR}",
    rf"\b{_YEAR} {_PART}\b",
    rf"\b(?:{_WHICH}|in|during|since|until|till|before|after|from|to|of)(?: the)? {_PART}\b",
    rf"\bweek (?P<week>[0-5]?\d)(?:,| of| in)? {_YEAR}",
    rf"\b{_YEAR}-?w(?P<week>[0-5]\d)(?:-?(?P<of_week>[1-7]))?\b",
    rf"\b{_YEAR}-(?P<of_year>\d{{3}})(?!\d)",
    rf"\b{_YEAR}(?P<by>[-/.])(?P<number>\d{{1,2}})(?P=by)(?P<day>\d{{1,2}})(?!\d)",
    rf"\b{_YEAR}(?P<by>[-/.]){_MONTH}(?P=by){_NUMBER}",
    rf"\b{_MONTH}(?P<by>[-/.]){_NUMBER}(?P=by){_YEAR}",
    rf"\b{_NUMBER}(?P<by>[-/.]){_MONTH}(?P=by){_YEAR}",
    r"\b(?P<year>(?:19|20)\d\d)(?P<number>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?:\b|(?=t\d))",
    rf"(?<!\d)(?P<one>\d{{1,2}})(?P<by>[-/.])(?P<two>\d{{1,2}})(?P=by){_YEAR}",
    rf"\b{_YEAR}-(?P<number>\d{{1,2}})(?!\d)",
    rf"(?<![\w./-])(?P<number>0?[1-9]|1[0-2])[/.-]{_YEAR}",
    rf"\b{_NUMBER}(?: of)?[ -]{_MONTH}{_THEN_YEAR}",
    rf"\b{_MONTH} (?:the )?{_NUMBER}{_MAYBE_YEAR}",
    rf"\b{_NTH} of {_MONTH}{_MAYBE_YEAR}",
    rf"\b{_MONTH} (?:the )?{_NTH},? {_YEAR}",
    rf"\b{_MONTH}(?:,? (?:of )?|-){_YEAR}",
    rf"\b{_WHICH} {_MONTH}",
    rf"{_LEAD}{_MONTH}",
    r"\b(?P<month>january|february|april|june|july|august|september|october|november|december)\b",
    rf"{_LEAD}{_YEAR}\b",
    r"\b(?P<year>(?:19|20)\d{2})\b",
    _BARE,
)
_SPOKEN = tuple(pattern for pattern in _ABSOLUTE if r"\d" not in pattern.replace(_MAYBE_YEAR, ""))  # without a digit
_NAMED = rf"\d|\b(?:{_any_of(_MONTH_OF | _SEASONS)}|q[1-4]|quarter)\b"  # one of these stands in every absolute date
_HINT = re.compile(
    rf"\d{{4}}|\b(?:{_any_of(_MONTH_OF | _WEEKDAYS | _SEASONS)}|q[1-4]|quarter)\b|\bago\b|\b(?:to|yester)day\b|tonight"
    r"|tomorrow|\b(?:last|this|past|next)\s"
)
_TO_99 = rf"(?:{_any_of(_TENS)})[ -](?:{_any_of(_ONES)})|{_any_of(_NUMBERS)}"
_MANY = rf"(?>\d{{1,4}}|(?:an?|{_any_of(_ONES)}) hundred(?:(?: and)? (?:{_TO_99}))?|{_TO_99})"  # atomic
_ALONE = r"\b(?<!\d[.,/⁄])(?<!thousand )(?<!thousand and )"  # no end of another number
_TERM = rf"({_MANY})( and a half)? ({_any_of(_UNITS)})s?\b( and a half)?"
_LENGTH = rf"{_ALONE}(?P<length>{_TERM}(?:(?:,? and|,)? {_TERM}){{0,3}})"
_STAY = rf"(?!(?<=\bfor ){_TERM},? (?!ago|and))"  # "for two years, three weeks ago" is no sum
_AGO = rf"(?:{_ALONE}(?P<least>{_MANY}) ?(?:or|to|and|-|–) ?)?{_STAY}{_LENGTH} ago\b"
_APART = rf"(?:(?P<all>\b(?:the|within) )?{_LENGTH}|\bthe (?P<one>{_any_of(_UNITS)})) $"  # stands before "before" and "after"
_PART_OF = (  # stands before a date
    rf"(?P<part>first|second|third|fourth|last) (?:(?P<many>{_MANY}) )?"
    rf"(?P<piece>days?|weeks?|months?|weekend|{_any_of(_WEEKDAYS)})"
    rf"(?= of (?:the )?(?:year )?(?:{_any_of(_MONTH_OF | _SEASONS | _QUARTERS)}|q[1-4]|this|past|next|[12]\d{{3}})\b"
    rf"| in (?:{_any_of(_MONTH_OF)}|[12]\d{{3}})\b)"
)
_RELATIVE = (
    rf"\b(?:{_PART_OF}|(?P<word>today|now|(?P<before>the day before )?yesterday|(?P<behind>the day after )?tomorrow|tonight"
    r"|this (?:morning|afternoon|evening))"
    rf"|(?:last|past|previous) (?P<length>{_TERM}(?: and {_TERM}){{0,3}})"
    rf"|(?P<day>[0-3]?\d)(?:st|nd|rd|th) of (?P<month>last|this|next) month"
    r"|(?P<which>last|this|past|next) (?P<unit>night|weekend|week|month|year)"
    r"|(?:(?:last|this|past|next|on|since|until|till|before|after|from|to) ){0,3}"
    rf"(?P<weekday>{_any_of(_WEEKDAYS)}))\b"
)

_SINCE = ("since", "from", "not before", "not until", "not till", "no earlier than", "not earlier than")
_AFTER, _BEFORE = ("after", "later than"), ("before", "earlier than", "prior to")
_UNTIL = ("until", "till", "up to", "up until", "not after", "no later than", "not later than")
_OPENERS, _SHIFTS = (*_SINCE, *_AFTER, *_BEFORE, *_UNTIL), (*_AFTER, *_BEFORE)
_DASHES = ("-", "–")
_JOINS = ("to", "until", "till", "up to", "up until", "through", *_DASHES)
_OPENS = "|".join((*_OPENERS, "between", "to", "through"))
_OPENING = re.compile(rf"(?:\b({_OPENS}|and)|(-|–))\s*(?:the )?$")
_LEADING = re.compile(rf"\b(?:{_OPENS})[ -](?:the )?")
_WITHIN = re.compile(r"('s)?,?\s*(?:(?:of|in|on|during|the) )*")  # stands between a date and the year or week it is in
_OF = re.compile(r" (?:of|in) (?:the )?(?:year )?")  # stands between the part of a date and the date
_LISTED = re.compile(r"\s*(?:,|,? ?\b(and|or)\b|(&|/))\s*(?:(?:in|on|during|the) )*")
_WORD, _DIGITS = re.compile(r"\w+"), re.compile(r"\d+")
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


def hints_at_a_date(text: str) -> bool:
    """Tell whether a lower-case text may speak of a date: costs a tenth of looking for it."""
    return _HINT.search(text) is not None


def dates_in(text: str, now: int, years: Sequence[int]) -> Dates:
    """Return the dates that a cue speaks of; English, and ISO 8601. A day of the week is the last one before today.

    "Last May" is the last one that has ended, "this May" that of the year, "this Friday" that of the week, "next Friday" the
    first after today. Seasons are those north of the equator, quarters those of the calendar. "Since" and "after" reach to
    now, "before" and "until" from the first year, "not before" and "not after" are "since" and "until"; "from" or "between"
    one date and another is one span. Of a date "the last week" is its last seven days. A year or week that is said once holds
    for the dates beside it, "in May last year", and joined to it, "in May or June 2023"; an end of a span that has none is
    the nearest.

    Parameters
    ----------
    text : str
        The cue, lower case.
    now : int
        Microseconds since 1970, local: what "yesterday" is relative to.
    years : sequence of int
        Years that a date without a year may mean, ascending.

    Examples
    --------
    >>> found = dates_in("on 8th may 2023 or in june", 0, range(2023, 2024))
    >>> [(span.stop - span.start) // 86_400_000_000 for span in found.spans], found.words
    ([1, 30], ('8', 'may', '2023', 'june'))
    """
    if not hints_at_a_date(text):
        return Dates()
    said: list[_Said] = []
    left = text = " ".join(text.split())
    for hint, relative, pattern in ((" ago", _ago, _AGO), ("", _relative, _RELATIVE)):
        if hint in left:  # which is soon told
            said += (relative(match, now) for match in _compiled(pattern).finditer(left))
            left = _compiled(pattern).sub(_taken, left)
    patterns = _ABSOLUTE if _DIGITS.search(left) else _SPOKEN if _compiled(_NAMED).search(left) else ()
    for pattern in patterns:
        left = _compiled(pattern).sub(lambda match: _absolute(match, years, now, said), left)
    spans: set[Span] = set()
    words: dict[str, None] = {}
    unlabelled: set[str] = set()
    for one in _stretched(text, _completed(text, sorted(said, key=lambda one: one.begin)), now, years):
        spans.update(one.spans)
        words.update(dict.fromkeys(one.words))
        inside = _WORD.findall(text, one.begin, one.end)
        unlabelled.update(inside if one.is_stretched else (word for word in inside if word[0].isdigit()))
    return Dates(tuple(sorted(spans)), tuple(words), frozenset(unlabelled - words.keys()))


class _Said(NamedTuple):
    """A date where it stands in a text.

    Attributes
    ----------
    begin, end : int
        Where it stands.
    spans : tuple of Span
        What it may mean, ascending.
    words : tuple of str
        By which those days are labelled.
    parts : mapping of str to str
        What it is made of.
    lacks : int
        Days of the stretch that it does not tell: 365 for a year, 7 for a week; 0: it tells all.
    wide : Span or None
        The year or week that it is.
    inside : Span or None
        The year or week that it tells to be in.
    is_whole : bool
        Whether it names both ends of its spans.
    is_bare : bool
        Whether it is a date only beside another one.
    is_stretched : bool
        Whether it is one with the words before it: its own are no labels.
    """

    begin: int
    end: int
    spans: tuple[Span, ...]
    words: tuple[str, ...] = ()
    parts: Mapping[str, str] = {}
    lacks: int = 0
    wide: Span | None = None
    inside: Span | None = None
    is_whole: bool = False
    is_bare: bool = False
    is_stretched: bool = False


def _taken(match: re.Match[str]) -> str:
    return _TAKEN * len(match.group())


def _completed(text: str, said: list[_Said]) -> list[_Said]:
    """Return dates with the year or week that stands beside them, or at the end or beginning of their list."""
    made: list[_Said] = []
    for one in said:
        last = one
        while made and (both := _one_date(text, made[-1], last)):
            made.pop()
            last = both
        made.append(last)
    is_list = False
    for at in reversed(range(1, len(made))):
        one, other = made[at - 1], made[at]
        by_comma = is_list or not one.is_bare
        is_list = bool(other.inside and _fits(one, other.inside) and _are_listed(text, one, other, by_comma=by_comma))
        if is_list and other.inside:
            made[at - 1] = _told(one, _read(one, *other.inside), other.inside)
    for at in range(1, len(made)):
        one, other = made[at - 1], made[at]
        if one.inside and _fits(other, one.inside) and _are_listed(text, one, other, by_comma=False):
            made[at] = _told(other, _next(other, one.spans[-1]), one.inside)
    parted: list[_Said] = []
    for one in reversed(made):
        if parted and (part := _part_of(text, one, parted[-1])):
            parted[-1] = part
        else:
            parted.append(one)
    return parted[::-1]


def _one_date(text: str, one: _Said, other: _Said) -> _Said | None:
    """Return what two dates come to of which one tells in which year or week the other is, or on which day of the week."""
    gap = _WITHIN.match(text, one.end, other.end)
    if gap is None or gap.end() < other.begin or _proper(text, other) > other.begin:
        return None
    if other.wide and _fits(one, other.wide):
        narrow, wide, stretch = one, other, other.wide
    elif one.wide and _fits(other, one.wide) and (gap[1] or not other.is_bare or "weekday" in other.parts):
        narrow, wide, stretch = other, one, one.wide
    elif one.lacks == _A_WEEK and other.parts.keys() - {"weekday"} and all(b - a == _DAY for a, b in other.spans):
        days = tuple(span for span in other.spans if _weekday(span.start // _DAY) == _WEEKDAYS[one.parts["weekday"]])
        return other._replace(begin=one.begin, spans=days or other.spans)
    else:
        return None
    spans = _read(narrow, *stretch)
    both = narrow._replace(begin=one.begin, end=other.end, words=(*narrow.words, *wide.words))
    return _told(both, spans, stretch) if spans else None


def _part_of(text: str, part: _Said, whole: _Said) -> _Said | None:
    """Return that part of a date of which the words before it tell, "the last week of May"."""
    gap = _OF.match(text, part.end) if "part" in part.parts else None
    if gap is None or gap.end() < whole.begin or not (whole.wide or whole.parts):
        return None
    spans = tuple(filter(None, (_part(part.parts, span) for span in ((whole.wide,) if whole.wide else whole.spans))))
    return whole._replace(begin=part.begin, spans=spans, lacks=0, wide=None, is_bare=False) if spans else None


def _part(parts: Mapping[str, str], whole: Span) -> Span | None:
    """Return where in a span its "first three days", its "last month" or its "third Friday" is."""
    piece, first, after = parts["piece"].removesuffix("s"), whole.start // _DAY, whole.stop // _DAY
    at = _ORDINALS.get(parts["part"], 0) - 1  # -1: the last
    n = int(_number(parts["many"])) if "many" in parts else _A_WEEK if parts["piece"] == "days" else 1
    if piece == "month":
        day, away = (first, (at, at + n - 1)) if at >= 0 else (after - 1, (1 - n, 0))
        begun, ended = (_span(*month, 0) if (month := _month(day, one)) else None for one in away)
        found = _joined(begun, ended)
    elif piece in _UNITS:
        days = n * _UNITS[piece]
        start = first + at * days if at >= 0 else after - days
        found = Span(start * _DAY, (start + days) * _DAY)
    else:
        start = first + (_WEEKDAYS.get(piece, 5) - _weekday(first)) % 7
        start += 7 * at if at >= 0 else (after - 1 - start) // 7 * 7
        found = Span(start * _DAY, (start + 1 + (piece == "weekend")) * _DAY)
    found = found and Span(max(found.start, whole.start), min(found.stop, whole.stop))
    return found if found and found.start < found.stop else None


def _fits(said: _Said, stretch: Span) -> bool:
    """Tell whether a date lacks the year or week that a stretch is."""
    n_days = (stretch.stop - stretch.start) // _DAY
    return n_days >= _A_YEAR if said.lacks == _A_YEAR else n_days <= said.lacks


def _told(said: _Said, spans: Sequence[Span], inside: Span) -> _Said:
    return said._replace(spans=tuple(spans), lacks=0, inside=inside, is_bare=False) if spans else said


def _are_listed(text: str, one: _Said, other: _Said, *, by_comma: bool) -> bool:
    """Tell whether "and", "or", or where it may be a comma, stands between two dates, and not "between" before them."""
    gap = _LISTED.match(text, one.end, other.end)
    if gap is None or gap.end() < other.begin or _proper(text, other) > other.begin:
        return False
    return (by_comma or bool(gap[1] or gap[2])) and _lead(text, one)[1] != "between"


def _read(said: _Said, start: int, stop: int) -> list[Span]:
    """Return the spans, ascending, that a date without a year or week means in a stretch, by where they begin."""
    if said.lacks == _A_WEEK:
        of_week = _WEEKDAYS[said.parts["weekday"]]
        days = range(start // _DAY, stop // _DAY)
        return [Span(day * _DAY, (day + 1) * _DAY) for day in days if _weekday(day) == of_week]
    found = (span for year in range(_year(start), _year(stop - 1) + 1) for span, _, _ in _readings(said.parts, year))
    return sorted(span for span in found if span and start <= span.start < stop)


def _last(said: _Said, end: Span) -> list[Span]:
    """Return the last of what a date without a year or week may mean that begins before another one ends."""
    return _read(said, end.stop - said.lacks * _DAY, end.stop)[-1:]


def _next(said: _Said, begin: Span) -> list[Span]:
    """Return the first of what a date without a year or week may mean that ends after another one."""
    found = _read(said, begin.start, begin.stop + said.lacks * _DAY)
    return [span for span in found if span.stop > begin.stop][:1]


def _stretched(text: str, said: list[_Said], now: int, years: Sequence[int]) -> Iterator[_Said]:
    """Yield what dates mean with the words before them: "since March" ends now."""
    leads = [_lead(text, one) for one in said]
    ends = list(range(1, len(said) + 1))  # where what may be the end of each stands
    dashed = [_are_dashed(text, one, other, lead) for (one, other), lead in zip(pairwise(said), leads[1:], strict=True)]
    for at in reversed(range(1, len(dashed))):
        if dashed[at - 1] and dashed[at]:  # March-April-May
            ends[at - 1] = ends[at]
    at = 0
    while at < len(said):
        one, (lead, word), end = said[at], leads[at], ends[at]
        if end < len(said) and _are_ends(text, one, said[end - 1 : end + 1], word, leads[end]):
            last = said[end]
            yield _Said(one.begin, last.end, tuple(_between(one, last)), is_stretched=True)
            at = end + 1
            continue
        at += 1
        if one.is_bare:
            continue
        begin, spans = one.begin, one.spans
        if word in _SHIFTS and (apart := _compiled(_APART).search(text, max(lead - _NEAR, 0), lead)):
            begin, spans = apart.start(), tuple(_shifted(apart, word, spans))
        elif word in _OPENERS and not one.is_whole:
            spans = tuple(_opened(word, spans, now, years))
        yield one if spans is one.spans else _Said(begin, one.end, spans, is_stretched=True)


def _lead(text: str, said: _Said) -> tuple[int, str]:
    """Return the word that leads a date in, and where it begins; nothing, and where the date begins."""
    begin = _proper(text, said)
    lead = _OPENING.search(text, max(begin - _NEAR, 0), begin)
    return (lead.start(), lead.group(1) or lead.group(2)) if lead else (begin, "")


def _proper(text: str, said: _Said) -> int:
    """Return where a date begins behind the word that leads it in."""
    lead = _LEADING.match(text, said.begin, said.end)
    return lead.end() if lead else said.begin


def _are_ends(text: str, first: _Said, upto: Sequence[_Said], word: str, lead: tuple[int, str]) -> bool:
    """Tell whether the first date and the last of those up to it are the ends of a span; a dash joins those of a kind."""
    (before, last), (begin, join) = upto, lead
    if text[before.end : begin].strip() or not (join in _JOINS or (word, join) == ("between", "and")):
        return False
    if first.is_bare and not first.parts:  # "now" is no beginning
        return False
    if first.is_bare and last.is_bare:
        return word in ("between", "from")
    return join not in _DASHES or not (first.is_bare or last.is_bare) or _are_dashed(text, before, last, lead)


def _are_dashed(text: str, one: _Said, other: _Said, lead: tuple[int, str]) -> bool:
    """Tell whether a dash joins two dates of a kind; what follows one with spaces, and a year, may be another word."""
    begin, join = lead
    if join not in _DASHES or text[one.end : begin].strip():
        return False
    kind, kind_of_other = (said.parts.keys() - {"year"} for said in (one, other))
    if other.parts and kind != kind_of_other:
        return False
    return not other.is_bare or one.end == begin or "year" not in one.parts


def _between(first: _Said, last: _Said) -> list[Span]:
    """Return a span for each end, from the last beginning before it; for each beginning where the end is the next one."""
    if first.lacks:
        found = [Span(start.start, end.stop) for end in last.spans for start in _last(first, end)]
    elif last.lacks:
        found = [Span(start.start, end.stop) for start in first.spans for end in _next(last, start)]
    else:
        found = []
    if found:
        return found
    pairs = ((max((one.start for one in first.spans if one.start < end.stop), default=None), end) for end in last.spans)
    return [Span(start, end.stop) for start, end in pairs if start is not None]


def _shifted(apart: re.Match[str], word: str, spans: tuple[Span, ...]) -> Iterator[Span]:
    """Yield the days that are so far before or after some spans; all the days until there where it says "the"."""
    way = -1 if word in _BEFORE else 1
    for (length, n, unit), (start, stop) in product(_lengths(apart["length"] or f"a {apart['one']}"), spans):
        size, days = _UNITS[unit], way * length
        edge = start if word in _BEFORE else stop
        if apart["all"] or apart["one"]:
            yield Span(*sorted((edge, edge + (days or 1) * _DAY)))
        elif size // 2 < (stop - start) // _DAY <= 2 * size:  # years after a year
            yield Span(start + days * _DAY, stop + days * _DAY)
        else:
            yield _around((start if word in _BEFORE else stop - 1) // _DAY + days, _about(n, unit))


def _opened(word: str, spans: tuple[Span, ...], now: int, years: Sequence[int]) -> Iterator[Span]:
    """Yield what a word such as "since" or "before" makes of the last of some spans that has begun."""
    one = next((span for span in reversed(spans) if span.start <= now), spans[-1])
    if word in (*_SINCE, *_AFTER):
        start = one.start if word in _SINCE else one.stop
        yield Span(start, max(now, start + _DAY))
    else:
        stop = one.start if word in _BEFORE else one.stop
        begin = (dt.date(max(years[0], 1), 1, 1).toordinal() - _EPOCH) * _DAY if len(years) else stop - _CENTURY
        yield Span(min(begin, stop - _DAY), stop)


def _absolute(match: re.Match[str], years: Sequence[int], now: int, said: list[_Said]) -> str:
    """Take note of a date and take it out of the text; leave alone what is none, such as 31 June."""
    parts = {name: part for name, part in match.groupdict().items() if part}
    spans: list[Span] = []
    words: dict[str, None] = {}
    for year in _years_of(parts, years, now):
        for span, month, day in _readings(parts, year):
            if span is not None:
                spans.append(span)
                named = (str(day) if day else "", MONTHS[month - 1] if month else "", parts.get("year", ""))
                after = str(year + 1) if "next" in parts else ""
                words.update(dict.fromkeys(filter(None, (*named, after))))
    spans.sort()
    if which := parts.get("which"):
        spans = _one_of(which, spans, now)
    if not spans:
        return match.group()
    is_open = not parts.keys() & {"year", "which"}
    wide = inside = None
    if "year" in parts:
        wide = spans[0] if parts.keys() <= {"year", "week"} else None
        inside = _span(int(parts["year"]), 0, 0) if wide is None else None
    is_bare = is_open and match.re.pattern == _BARE
    is_whole = "first" in parts
    lacks = _A_YEAR if is_open else 0
    said.append(_Said(*match.span(), tuple(spans), tuple(words), parts, lacks, wide, inside, is_whole, is_bare))
    return _taken(match)


def _years_of(parts: dict[str, str], years: Sequence[int], now: int) -> Iterable[int]:
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


def _readings(parts: Mapping[str, str], year: int) -> Iterator[tuple[Span | None, int, int]]:
    """Yield what a match may mean in a year, and the month and day by which that is labelled; 0 where it is by none."""
    month = int(parts.get("number", 0)) or _MONTH_OF.get(parts.get("month", ""), 0)
    day = int(parts.get("day", 0)) or _ORDINALS.get(parts.get("nth", "").replace(" ", "-"), 0)
    if not str(year + 1).endswith(parts.get("next", "")):
        return
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
    elif "also" in parts:
        for one in (*map(int, _DIGITS.findall(parts["also"])), day):
            yield _span(year, month, one), month, one
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


class _Length(NamedTuple):
    days: int
    n: float  # of the unit that was said last
    unit: str


def _lengths(said: str) -> list[_Length]:
    """Return how long "a week and two days" is; each of those that are no sum, "two days and a week"."""
    found: list[_Length] = []
    for also, number, half, unit, and_half in _compiled(rf"(and )?{_TERM}").findall(said):
        n = _number(number) + 0.5 * bool(half or and_half)
        is_sum = bool(found) and _UNITS[unit] < _UNITS[found[-1].unit]
        before = found.pop().days if is_sum else 0
        found = [*(found if is_sum or also else ()), _Length(before + _days(n, unit), n, unit)]
    return found


def _ago(match: re.Match[str], now: int) -> _Said:
    lengths = _lengths(match["length"])
    days, n, unit = lengths[0]
    is_exact = not match["least"] and len(lengths) == 1 and 1 <= n == int(n) and days == _days(n, unit)
    if match["least"]:
        lengths += _lengths(_compiled(_MANY).sub(match["least"], match["length"], 1))
    spans = [_around(now // _DAY - days, _about(n, unit)) for days, n, unit in lengths]
    if match["least"]:
        spans = [Span(min(spans).start, max(spans).stop)]
    return _Said(*match.span(), tuple(sorted(spans)), wide=_calendar(now // _DAY, unit, int(n)) if is_exact else None)


def _number(said: str) -> float:
    """Return how many "12", "a few" or "one hundred and twenty-one" are."""
    if said in _SOME:
        return _SOME[said]
    if said.isdigit():
        return int(said)
    n: float = 0
    for word in _WORD.findall(said):
        n = n * 100 if word == "hundred" else n + _NUMBERS.get(word, 0)  # "and" is none
    return n


def _days(n: float, unit: str) -> int:
    return int(n * _UNITS[unit])


def _about(n: float, unit: str) -> int:
    """Return how many days the time so long ago may mean."""
    return max(int(min(n, 1) * _ABOUT[unit]), 1)


def _relative(match: re.Match[str], now: int) -> _Said:
    today = now // _DAY
    if match["part"]:
        parts = {name: match[name] for name in ("part", "many", "piece") if match[name]}
        return _Said(*match.span(), (), parts=parts, is_bare=True)
    if match["weekday"]:
        *leads, name = match.group().split()
        back = _weekday(today) - _WEEKDAYS[name]
        if leads[-1:] == ["next"]:
            span = _around(today + (-back - 1) % 7 + 1, 1)
        else:
            span = _around(today - (back if leads[-1:] == ["this"] else (back - 1) % 7 + 1), 1)
        lacks = 0 if {"last", "this", "past", "next"}.intersection(leads) else _A_WEEK
        return _Said(*match.span(), (span,), parts={"weekday": name}, lacks=lacks, is_bare=not leads)
    span, wide = _told_from(match, today)
    return _Said(*match.span(), (span,), wide=wide, is_bare=match["word"] == "now")


def _told_from(match: re.Match[str], today: int) -> tuple[Span, Span | None]:
    """Return what "yesterday", "last week" or "the past 3 days" are, and the year or week that it is."""
    if word := match["word"]:
        away = word.endswith("tomorrow") - word.endswith("yesterday") + bool(match["behind"]) - bool(match["before"])
        return _around(today + away, 1), None
    if match["day"]:
        month = _month(today, _AWAY[match["month"]])
        named = (_span(*month, int(match["day"])) or _span(*month, 0)) if month else None
        return named or _around(today, 1), None
    if match["unit"] == "weekend":
        weekday = _weekday(today)
        weeks = 1 if match["which"] == "next" else -1 if match["which"] == "last" and weekday >= 5 else 0
        saturday = today - (weekday - 5) % 7 + 7 * weeks
        weekend = Span(saturday * _DAY, (saturday + 2) * _DAY)
        return weekend, weekend
    if match["unit"] == "night":
        return _around(today + _AWAY.get(match["which"], -1), 1), None
    if match["length"] or match["which"] == "past":
        days = sum(length.days for length in _lengths(match["length"] or f"a {match['unit']}"))
        span = Span((today - max(days, 1) + 1) * _DAY, (today + 1) * _DAY)
        return span, None if match["length"] else span
    if match["which"] == "next":
        wide = _calendar(today, match["unit"], -1)
        month = _month(today, 1) if wide is None else None
        return wide or (_span(*month, 0) if month else None) or _around(today + _UNITS[match["unit"]], 1), wide
    before = match["which"] == "last"
    return _of_the_calendar(today, match["unit"], before=before), _calendar(today, match["unit"], int(before))


def _weekday(day: int) -> int:
    return (day + 3) % 7  # 1970 began on a Thursday


def _date(day: int) -> dt.date:
    """Return the date of a day, of one before or after all dates the first or last there is."""
    return dt.date.fromordinal(min(max(day + _EPOCH, 1), dt.date.max.toordinal()))


def _year(moment: int) -> int:
    return _date(moment // _DAY).year


def _calendar(today: int, unit: str, back: int) -> Span | None:
    """Return the whole year or week of a day, or one so many before; of other units nothing."""
    if unit == "year":
        return _span(_year(today * _DAY) - back, 0, 0)
    monday = today - _weekday(today) - 7 * back
    return Span(monday * _DAY, (monday + 7) * _DAY) if unit == "week" else None


def _month(today: int, away: int) -> tuple[int, int] | None:
    """Return year and month of a day, or of so many months away; None where the calendar has none."""
    date = _date(today)
    years, month = divmod(date.month - 1 + away, 12)
    return (date.year + years, month + 1) if 1 <= date.year + years <= dt.MAXYEAR else None


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
