"""Dates: when something comes, in words, from its moments; and labels that are nothing but dates."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import math
import re
from collections.abc import Callable, Iterable
from collections.abc import Sequence as SequenceOf
from typing import NamedTuple

import attrs
import numpy as np

from thoughtengine._types import BoolArray, IntArray
from thoughtengine.patterns.pattern import (
    DAY,
    MONTH,
    MONTHS,
    WEEKDAYS,
    YEAR,
    clock,
    listed,
    ordinal,
    past,
    recurring,
    weekdays_named,
)  # fmt: skip

__all__ = ["Comes", "MonthDays", "comes", "day_of", "days_of", "is_date", "middle_of", "share_kept"]

_SECOND = 1_000_000
_MINUTES = 1440
_MONTHS = 12  # of a year
_MONDAY = 3  # weekday of the first day of 1970
_PAUSE = 20  # times the usual gap: from which on what came before belongs to another time of life
_MOST = 4  # times of a day, or days of a month, that are told one by one
_MANY = 12  # times of a day that are told where nothing is between them
_REACHES_APART = 3  # from one of these to the next, at least
_HALF, _NEARLY_ALL = 0.5, 0.8
_WIDEST = 0.4  # of a cycle that the places may take up
_NARROW = 30  # beyond, not more than two are told, as what lies between them would count for either
_NO_CHANCE = (
    12.0,
    20.0,
)  # twice the logarithm of how much likelier two shares are than one, where days are told apart: for
# a single day, weekdays and weekends, and for any others, of which there are a hundred
_COMMON = ([0, 1, 2, 3, 4], [5, 6])
_REACHES = (15, 30, 60, 90)  # minutes around a time that still count as about then

_NTH = ("last", "first", "second", "third", "fourth")

_NAMED = {name[:3].lower(): number for number, name in enumerate(MONTHS, start=1)}
_DAYS = {name[:3].lower(): number for number, name in enumerate(WEEKDAYS)}
_WHEN = "|".join(
    [*MONTHS, *(f"{name[:3]}t?" for name in MONTHS), *WEEKDAYS, *(f"{name[:3]}(?:r?s)?" for name in WEEKDAYS)]
)
_DATE = re.compile(rf"(?:(?:{_WHEN}|the|of|\d+(?:st|nd|rd|th)?)\b[\s.,:/–-]*)+", re.IGNORECASE)
_WHOLE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d\d)\.?")
_WORD = re.compile(r"\d+|[a-z]{3,}")
_ORDINAL = re.compile(r"(?:the )?\d+(?:st|nd|rd|th)[.,:]?", re.IGNORECASE)
_BESIDE = re.compile(r"\(.*?\)")
_ALIKE = 0.9  # length of the mean phase from which on moments are at one time of the month
_FEWEST_WEEKDAYS, _SAME = 4, 0.9  # moments that tell a weekday of the month, and how many of them must be on it
_GROUPS, _WEEKS = 3, 6  # of weekdays with hours of their own, at most; weeks that tell these
_SAME_TIME = 60  # minutes from one of these hours to that of other days that are no other hour
_HARDLY = 1 / 12  # of all that comes, within half an hour of midnight: days are no other ones where they are cut there
_FEWER = 0.75  # of the days there are otherwise: so few are left where times are of one day, and not of two nights
_FEWEST_DAYS = 3  # on which what may be a date by chance, as a number, must have come on that date


def is_date(name: str, moments: Callable[[], Iterable[dt.datetime]] = tuple) -> bool:
    """Tell whether a label says when and not what: what is imported has the heading of its day for a tag.

    Parameters
    ----------
    name : str
        The label.
    moments : callable, optional
        Gives when the memories with it as a tag were. A number or the name of a month or weekday alone, which may mean anything,
        is a date where each of them was at that date; an ordinal where they were at one time of the month.

    Examples
    --------
    >>> [is_date(name) for name in ("August 1st", "Jan. 1st (Lord’s day)", "2024-03-05", "Lord’s day", "42", "March")]
    [True, True, True, False, False, False]
    >>> is_date("21st", lambda: [dt.datetime(2024, month, 21) for month in range(1, 5)])
    True
    """
    bare = _BESIDE.sub("", name).strip()
    if not _DATE.fullmatch(bare):
        return False
    parts = _WORD.findall(bare.lower())
    numbers = {int(part) for part in parts if part.isdecimal()}
    months = {_NAMED[part[:3]] for part in parts if part[:3] in _NAMED}
    weekdays = {_DAYS[part[:3]] for part in parts if part[:3] in _DAYS}
    if _WHOLE.fullmatch(bare) or (months and numbers):
        return True
    if _ORDINAL.fullmatch(bare):
        return _monthly_alike(list(moments()))
    days = set[dt.date]()
    for moment in moments():
        known = {moment.day, moment.month, moment.year, moment.year % 100}
        if not (numbers <= known and months <= {moment.month} and weekdays <= {moment.weekday()}):
            return False
        days.add(moment.date().replace(day=1) if months and not (numbers or weekdays) else moment.date())
    return len(days) >= _FEWEST_DAYS and bool(numbers or months or weekdays)


def _monthly_alike(moments: SequenceOf[dt.datetime]) -> bool:
    """Tell whether all moments are at one time of the month: the 4th of a calendar before ours is the 14th of this one."""
    if len({(moment.year, moment.month) for moment in moments}) < _FEWEST_DAYS:
        return False
    share = np.array([moment.day / calendar.monthrange(moment.year, moment.month)[1] for moment in moments])
    return bool(abs(np.exp(2j * np.pi * share).mean()) >= _ALIKE)


def share_kept(numbers: IntArray) -> float:
    """Return in how many periods of its own run something came, by their numbers.

    What came long before or after the others, as one entry of a diary of childhood, does not lengthen the run.

    Examples
    --------
    >>> share_kept(np.array([0, 9000, 9001, 9002, 9004]))
    0.8
    """
    run = _run(numbers)
    return len(run) / int(run[-1] - run[0] + 1)


@attrs.frozen
class MonthDays:
    """Days of the month on which something comes.

    Attributes
    ----------
    days : tuple of int
        From the first, 1, on; from the last, 0, backwards.
    weekday : int or None
        Where it comes on one weekday of each month: 0 for Monday; the days are then the first, second, … of these, 0 the last.
    """

    days: tuple[int, ...]
    weekday: int | None = None

    def of(self, year: int, month: int) -> list[int]:
        """Return these days of a month: none of the 31st where it has none.

        Examples
        --------
        >>> MonthDays((1, 0)).of(2024, 2), MonthDays((1,), weekday=0).of(2024, 2), MonthDays((0,), weekday=4).of(2024, 2)
        ([1, 29], [5], [23])
        """
        first, length = calendar.monthrange(year, month)
        if self.weekday is None:
            days = [day for day in self.days if day < 31 or length == 31]  # of a habit of the last day it is the last
            return sorted({min(day, length) if day > 0 else max(length + day, 1) for day in days})
        ones = range(1 + (self.weekday - first) % 7, length + 1, 7)
        return sorted({ones[min(day, len(ones)) - 1] for day in self.days})

    @property
    def words(self) -> str:
        """As people say it."""
        if self.weekday is None:
            return _together([_near_the_end(day) for day in self.days])
        return f"on the {listed([_NTH[day] for day in self.days])} {WEEKDAYS[self.weekday]}"


@attrs.frozen
class Comes:
    """When something comes, by its moments on the calendar.

    Attributes
    ----------
    words : str
        As people say it.
    kept : float
        In how many of its periods it came, in (0, 1]; by weekdays or every so many days, on how many of those.
    often : str
        The words without the times.
    hours : tuple of float
        Seconds into the day at which it comes, ascending; none where it has no such times.
    weekdays : tuple of int
        The days of the week it comes on, 0 for Monday, where that is a rule; else none.
    spread : float
        Median distance of its moments from these hours, in seconds.
    period : float
        Its period in seconds where that is another one than asked for; 0 where not.
    every : int
        Days from one day on which it comes to the next, where these are the same nearly always and more than one; else 0.
    begins : float
        Of what comes every so many days, seconds into the day at which the first of its hours is, of a day that is cut where it
        does not come; else the first of its hours, without such its mean one, of the next day if that is beyond midnight.
    newest : int
        The last day on which it came, by number, cut there; of what comes by the month, that of its hour; else 0.
    month : MonthDays or None
        The days of the month it comes on, where these are known.
    by_weekday : tuple of tuples of float
        Where its hours depend on the day of the week, those of each of the seven, from Monday on; else empty.
    """

    words: str
    kept: float
    often: str
    hours: tuple[float, ...] = ()
    weekdays: tuple[int, ...] = ()
    spread: float = 0.0
    period: float = 0.0
    every: int = 0
    begins: float = 0.0
    newest: int = 0
    month: MonthDays | None = None
    by_weekday: tuple[tuple[float, ...], ...] = ()


def comes(moments: IntArray, period: float, *, dated: bool = True) -> Comes:
    """Return when something comes, as people say it, and in how many of its periods it did.

    Parameters
    ----------
    moments : array of int64
        Microseconds of the clock on the wall; not empty.
    period : float
        Of its rhythm, in seconds.
    dated : bool
        Whether what is always at midnight or noon is a bare date, without a time of day.

    Examples
    --------
    >>> days = np.arange(60) * 86_400_000_000
    >>> walk = comes(np.concatenate([days + hour * 3_600_000_000 for hour in (8, 18)]), 43_200)
    >>> walk.words, walk.kept, walk.hours
    ('every day, about 08:00 and 18:00', 1.0, (28800.0, 64800.0))
    """
    if period == MONTH:
        return _monthly(moments, dated=dated)
    if period == YEAR:
        return _yearly(moments)
    return _daily(moments, period, dated=dated)


def middle_of(moments: IntArray) -> int:
    """Return the middle of a day of something, in microseconds after midnight: such days are cut where it hardly comes.

    What comes about midnight every night comes once a day, and not twice on some days and never on others.

    Examples
    --------
    >>> nights = np.array([-10, 1440 + 20, 2 * 1440 - 20, 3 * 1440 + 30]) * 60_000_000
    >>> days_of(nights, middle_of(nights)).tolist()
    [0, 1, 2, 3]
    """
    length, hour = DAY * _SECOND, 3600 * _SECOND
    if _bare(moments):
        return length // 2
    hardly = ((moments + hour // 2) % length < hour).mean() <= _HARDLY
    mean = complex(np.exp(2j * np.pi * (moments % length) / length).mean())
    if abs(mean) > _HALF:
        turn = int(np.angle(mean) % (2.0 * np.pi) / (2.0 * np.pi) * length)
        fewer = len(np.unique(moments // length)) < _FEWER * len(np.unique(days_of(moments, turn)))
        return length // 2 if hardly and fewer else turn  # at one and at eleven at night of one day
    if hardly:
        return length // 2
    hours = np.bincount(moments % length // hour, minlength=24)
    around = np.roll(hours + np.roll(hours, 1), -4)  # of equals the first from four in the morning on
    return (4 + int(around.argmin()) + 12) % 24 * hour


def days_of(moments: IntArray, middle: int) -> IntArray:
    """Return the days of moments, by the number of the one on which the middle of each is."""
    length = DAY * _SECOND
    result: IntArray = (moments - middle + length // 2) // length
    return result


def _later(middle: int, minute: float) -> int:
    """Return how many days after the middle of its day a time is on the calendar: -1, 0 or 1."""
    return round((middle / (60 * _SECOND) - minute) / _MINUTES)


def _run(numbers: IntArray) -> IntArray:
    """Return the distinct numbers of the run that holds most, in order; a pause very much longer than usual ends one."""
    distinct = np.unique(numbers)
    if len(distinct) < 3:
        return distinct
    gaps = np.diff(distinct)
    runs = np.split(distinct, np.flatnonzero(gaps > _PAUSE * np.median(gaps)) + 1)
    return max(runs, key=len)


def day_of(moments: IntArray, period: float) -> str:
    """Return at which days of the month, or of the year, moments are; nothing where they are not alike.

    Examples
    --------
    >>> firsts = [np.datetime64(f"2025-0{month}-01T09:00", "us") for month in (1, 2, 3)]
    >>> day_of(np.array(firsts).astype(np.int64), MONTH)
    'about the 1st'
    """
    return _days_of_month(moments).words if period == MONTH else _together(_days_of_year(moments))


def _monthly(moments: IntArray, *, dated: bool) -> Comes:
    minutes = moments % (DAY * _SECOND) // (60 * _SECOND)
    times = _peaks(minutes, np.arange(len(minutes)), _REACHES, _MINUTES, cyclic=True)
    times = times if len(times) == 1 and not (dated and _bare(moments)) else []
    middle = middle_of(moments)
    nights = (days_of(moments, middle) + (_later(middle, times[0]) if times else 0)) * (DAY * _SECOND)
    numbers, month, period = _dates(nights)[0], _days_of_month(nights), 0.0
    days, kept = month.words, share_kept(numbers)
    times = times if days else []
    hours, spread = _hours(times, moments)
    run = _run(numbers)
    if days and 1 < (every := _every_so_many(run)) < _MONTHS:
        kept, period = len(run) / (1.0 + int(run[-1] - run[0]) // every), float(every * MONTH)
    recurs = recurring(period or MONTH, kept)
    often = ", ".join(filter(None, (recurs, days)))
    told = f"{often}, about {clock(times[0])}" if times else often
    begins, newest = (hours[0] if hours else 0.0), int(nights[-1] // (DAY * _SECOND))
    on = month if days else None
    return Comes(told, kept, recurs, hours, (), spread, period, begins=begins, newest=newest, month=on)


def _bare(moments: IntArray) -> bool:
    """Tell whether moments are bare dates: those are at midnight or noon."""
    return bool((moments % (DAY * _SECOND // 2) == 0).mean() >= 0.9)


def _hours(times: SequenceOf[int], moments: IntArray) -> tuple[tuple[float, ...], float]:
    """Return times in minutes as hours in seconds, exact by the moments around them, and how far these usually are from them."""
    if not times:
        return (), 0.0
    length = DAY * _SECOND
    near = (np.array(times) * 60 * _SECOND)[None]
    away = (moments[:, None] - near + length // 2) % length - length // 2
    nearest = np.abs(away).argmin(1)
    away = away[np.arange(len(moments)), nearest]
    hours = list[float]()
    for i, minute in enumerate(times):
        middle = float(np.median(away[nearest == i])) if (nearest == i).any() else 0.0
        away[nearest == i] -= round(middle)
        hours.append(min(max(minute * 60.0 + middle / _SECOND, 0.0), DAY - 1.0))  # of the day that is told
    return tuple(sorted(hours)), float(np.median(np.abs(away))) / _SECOND


def _days_of_month(moments: IntArray) -> MonthDays:
    months, day, length = _dates(moments)
    counted = np.where(day <= 15, day, day - length)  # across the end of a month; 0 is its last day
    if (nth := _nth_weekday(moments, day, length)) is not None:
        return nth
    if _spread(counted) < _spread(day):
        return MonthDays(tuple(_peaks(counted, months, (0, 1, 3), 31)))
    return MonthDays(tuple(_peaks(day, months, (0, 1, 3), 31)))


def _nth_weekday(moments: IntArray, day: IntArray, length: IntArray) -> MonthDays | None:
    """Return which weekday of the month moments are on, where it is one and always the same; None where not."""
    weekday = (moments // (DAY * _SECOND) + _MONDAY) % 7
    usual = int(np.bincount(weekday).argmax())
    if len(day) < _FEWEST_WEEKDAYS or (weekday == usual).mean() < _SAME:
        return None
    numbers = (day - 1) // 7 + 1
    number = int(np.bincount(numbers).argmax())
    if number <= 4 and (numbers == number).mean() >= _SAME:
        return MonthDays((number,), usual)
    return MonthDays((0,), usual) if (day > length - 7).mean() >= _SAME else None


def _near_the_end(number: int) -> str:
    return "on the last day" if number == 0 else f"about the {ordinal(number)}" if number > 0 else "about the end"


def _spread(values: IntArray) -> float:
    return float(np.abs(values - np.median(values)).mean())


def _dates(moments: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the number of the month of each moment, the day in it from 1 on, and how many it has."""
    days = moments // (DAY * _SECOND)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    first, following = (part.astype("datetime64[D]").astype(np.int64) for part in (months, months + 1))
    return months.astype(np.int64), days - first + 1, following - first


def _yearly(moments: IntArray) -> Comes:
    moments = days_of(moments, middle_of(moments)) * (DAY * _SECOND)
    kept = share_kept(_dates(moments)[0] // 12)
    often = recurring(YEAR, kept)
    return Comes(", ".join(filter(None, (often, _together(_days_of_year(moments))))), kept, often)


def _days_of_year(moments: IntArray) -> list[str]:
    months, day, _ = _dates(moments)
    starts = np.cumsum([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])  # of a year that has every day
    number = starts[months % 12] + day - 1
    turned = np.where(number < 183, number, number - 366)  # across the new year
    if _spread(turned) < _spread(number):
        number = turned
    told = list[str]()
    for peak in _peaks(number, months // 12, (0, 3, 10), 366):
        month = int(np.searchsorted(starts, peak % 366, side="right")) - 1
        told.append(f"about {peak % 366 - int(starts[month]) + 1} {MONTHS[month]}")
    return told


def _together(told: SequenceOf[str]) -> str:
    """Put together several times; the word that all have is said once."""
    told = list(dict.fromkeys(told))
    rest = [each.removeprefix("about ") for each in told]
    if all(each != mine for each, mine in zip(told, rest, strict=True)):
        return f"about {listed(rest)}" if rest else ""
    return listed(told)


def _peaks(
    values: IntArray, periods: IntArray, reaches: Iterable[int], within: int, *, cyclic: bool = False
) -> list[int]:
    """Return the few places where nearly all values lie, each place in half of the periods or more; nothing without such places.

    Parameters
    ----------
    values, periods : array of int64
        What is looked for, and in which period each came.
    reaches : iterable of int
        How far from the middle still counts as there, the narrowest first.
    within : int
        How many values there could be: places that take up much of them say nothing.
    cyclic : bool
        Whether the last of these is next to the first.
    """
    cycle = within if cyclic else 0
    n_periods = len(np.unique(periods))
    for reach in reaches:
        left, found, beside = np.ones(len(values), bool), list[int](), list[int]()
        most = 2 if reach > _NARROW else _MANY if cyclic else _MOST
        while len(found) < most + (most == _MANY) and left.any():
            near = _nearest(values, left, reach, cycle)
            if len(np.unique(periods[near])) < _HALF * n_periods:
                break
            pivot = int(values[near][0])
            offsets = values[near] - pivot
            if cycle:
                offsets = (offsets + cycle // 2) % cycle - cycle // 2
            middle = pivot + int(np.floor(np.median(offsets) + 0.5))
            found.append(middle % cycle if cycle else middle)
            left &= ~near
            beside.append(int(left.sum()))
        if len(found) > most:
            return []  # and those that are left out are as good as these
        if cyclic and len(found) > 1 and _closest(found, cycle) < _REACHES_APART * reach:
            if reach > _NARROW:
                continue  # parts of one time at which it comes at any
            found, beside = found[:_MOST], beside[:_MOST]
        narrow = len(found) * (2 * reach + 1) <= _WIDEST * within
        if found and narrow and beside[-1] <= (1.0 - _NEARLY_ALL) * len(values):
            return sorted(found)
    return []


def _closest(places: SequenceOf[int], cycle: int) -> int:
    """Return how far apart the two nearest of some places are, around a cycle."""
    ordered = sorted(places)
    return int(np.diff([*ordered, ordered[0] + cycle]).min())


def _nearest(values: IntArray, left: BoolArray, reach: int, cycle: int) -> BoolArray:
    """Return which of those that are left are near the value with most of them around it."""
    centres = np.unique(values[left])
    ordered = np.sort(values[left])
    if cycle:
        ordered = np.concatenate([ordered - cycle, ordered, ordered + cycle])
    many = np.searchsorted(ordered, centres + reach, side="right") - np.searchsorted(ordered, centres - reach)
    best = np.flatnonzero(many == many.max())
    away = values - centres[best[len(best) // 2]]  # of equals the middle one
    if cycle:
        away = (away + cycle // 2) % cycle - cycle // 2
    near: BoolArray = left & (np.abs(away) <= reach)
    return near


def _daily(moments: IntArray, period: float, *, dated: bool) -> Comes:
    """Tell what goes by hours, days or weeks: the days it comes on, and at what times."""
    length = DAY * _SECOND
    middle = middle_of(moments)
    days = days_of(moments, middle)
    run = _run(days)
    moments, days = (part[(days >= run[0]) & (days <= run[-1])] for part in (moments, days))
    minutes = moments % length // (60 * _SECOND)
    dated = dated and _bare(moments)
    times = [] if dated else _peaks(minutes, days, _REACHES, _MINUTES, cyclic=True)
    at, begin = (
        (listed([clock(minute) for minute in times]), times[0]) if times else ("", -1) if dated else _mostly(minutes)
    )
    if begin >= 0 and len(times) <= 1:  # the day is the one of the time that is told
        across = _later(middle, begin)
        run, days, middle = run + across, days + across, middle - across * length
    at = f"about {at}" if times else at
    if period < DAY and (filled := _by_hours(moments, minutes, times, period)):
        return filled
    often, kept, on = _by_days(run, days, period)
    if not dated and period <= 7 * DAY and (apart := _by_weekday(moments, days, middle, on, times, kept)):
        hours = tuple(sorted({hour for each in apart.hours for hour in each}))
        on = on and tuple(day for day in range(7) if apart.hours[day])
        longer = 7 * DAY if period == 7 * DAY else DAY if period < DAY else 0.0
        return Comes(apart.words, kept, often, hours, on, apart.spread, longer, begins=hours[0], by_weekday=apart.hours)
    words = ", ".join(filter(None, (often, at)))
    hours, spread = _hours(times, moments)
    every = 0 if on else _every_so_many(run)
    if not every or not hours or (period % (7 * DAY) == 0 and every * DAY % period):
        usual = int(np.median(moments % length)) if dated else middle  # a bare date is at its midnight or noon
        begins = hours[0] if hours else usual / _SECOND
        return Comes(words, kept, often, hours, on, spread, DAY if period < DAY else 0.0, begins=begins)
    cut = (middle / _SECOND + DAY / 2.0) % DAY
    begins = min(hours, key=lambda hour: (hour - cut) % DAY)
    newest = int((moments[-1] / _SECOND - begins + (begins - cut) % DAY) // DAY)
    return Comes(words, kept, often, hours, (), spread, every * DAY, every, begins, newest)


class _Apart(NamedTuple):
    """Hours of each day of the week, where they depend on it: in words, in seconds, and how far moments usually are beside."""

    words: str
    hours: tuple[tuple[float, ...], ...]
    spread: float


def _by_weekday(
    moments: IntArray, days: IntArray, middle: int, on: SequenceOf[int], times: list[int], kept: float
) -> _Apart | None:
    """Return at which hours something comes on each day of the week, where these are not the same on all it comes on.

    Parameters
    ----------
    moments, days, middle
        When it came, on which of its days, and the middle of such a day.
    on : sequence of int
        The weekdays it comes on; none where on all.
    times : list of int
        Minutes at which it comes on any of them: one that is after midnight is on the weekday after.
    kept : float
        On how many days it came.
    """
    groups = _groups(moments, days, on or range(7), kept)
    if not groups and on and any(_later(middle, time) for time in times):
        groups = [(times, list(on))]
    if not groups:
        return None
    weekday, hours = (days + _MONDAY) % 7, [set[float]() for _ in range(7)]
    told, spreads = dict[tuple[int, ...], list[int]](), list[float]()
    for minutes, those in groups:
        exact, spread = _hours(minutes, moments[np.isin(weekday, those)])
        spreads.append(spread)
        for hour, day in itertools.product(exact, those):
            hours[(day + _later(middle, hour / 60)) % 7].add(hour)
        for minute in minutes:
            told.setdefault(tuple(sorted((day + _later(middle, minute)) % 7 for day in those)), []).append(minute)
    words = [
        f"on {weekdays_named(those)} about {listed([clock(minute) for minute in sorted(some)])}"
        for those, some in sorted(told.items())
    ]
    return _Apart(", ".join(words), tuple(tuple(sorted(each)) for each in hours), max(spreads))


def _groups(moments: IntArray, days: IntArray, on: SequenceOf[int], kept: float) -> list[tuple[list[int], list[int]]]:
    """Return times, in minutes, and the weekdays that have them, of two groups of such or three; none where that is not clear."""
    minutes, weekday = moments % (DAY * _SECOND) // (60 * _SECOND), (days + _MONDAY) % 7
    if kept < _HALF or np.isin(weekday, on).mean() < _NEARLY_ALL:
        return []
    groups = list[tuple[list[int], list[int]]]()
    for day in on:
        mine = weekday == day
        if len(np.unique(days[mine])) < _WEEKS:
            return []
        times = _peaks(minutes[mine], days[mine], _REACHES[:2], _MINUTES, cyclic=True)
        if not times:
            return []
        same = next((each for each in groups if _same_times(each[0], times)), None)
        if same is None:
            groups.append((times, [day]))
        else:
            same[1].append(day)
    if not 1 < len(groups) <= _GROUPS:
        return []
    parts = [(np.isin(weekday, those), those) for _, those in groups]
    groups = [(_peaks(minutes[mine], days[mine], _REACHES, _MINUTES, cyclic=True), those) for mine, those in parts]
    return groups if all(times for times, _ in groups) else []


def _same_times(some: SequenceOf[int], others: SequenceOf[int]) -> bool:
    """Tell whether times of the day, in minutes, are about the same."""
    away = (np.array(some)[:, None] - np.array(others) + _MINUTES // 2) % _MINUTES - _MINUTES // 2
    return bool((np.abs(away).min(0) <= _SAME_TIME).all() and (np.abs(away).min(1) <= _SAME_TIME).all())


def _every_so_many(run: IntArray) -> int:
    """Return from which day to the next something comes, where that is more than one and nearly always the same; else 0."""
    gaps = np.diff(run)
    usual = int(np.median(gaps)) if len(gaps) else 1
    return usual if usual > 1 and (gaps == usual).mean() >= _NEARLY_ALL else 0


def _by_days(run: IntArray, days: IntArray, period: float) -> tuple[str, float, tuple[int, ...]]:
    """Return on which days something comes, in words, on how many of them it did, and the weekdays that are its rule.

    Parameters
    ----------
    run : array of int64
        Distinct days, ascending.
    days : array of int64
        Those of all its moments.
    period : float
        In seconds.
    """
    on, usual = _weekdays(run), _every_so_many(run)
    if on is not None and len(on) == 1 and usual > 7 and usual % 7 == 0:  # every so many weeks
        on, period = None, usual * DAY
    if period % (7 * DAY) == 0 and (on is None or period > 7 * DAY):
        numbers = (days + _MONDAY) // (7 * int(period // (7 * DAY)))
        share = share_kept(numbers)
        by_day = np.bincount((days + _MONDAY) % 7, minlength=7) / len(days)
        chosen = np.flatnonzero(by_day >= 1.5 / 7)
        part = by_day[chosen].sum()
        where = (
            f"{'' if part >= _NEARLY_ALL else 'mostly '}on {weekdays_named(chosen.tolist())}" if part >= _HALF else ""
        )
        return ", ".join(filter(None, (recurring(period, share), where))), share, ()
    if on is None or len(on) == 7:
        kept = len(run) / int(run[-1] - run[0] + 1)
        if usual:
            return f"every {usual} days", len(run) / (1.0 + int(run[-1] - run[0]) // usual), ()
        return recurring(DAY, kept), kept, ()
    due = np.isin((np.arange(run[0], run[-1] + 1) + _MONDAY) % 7, on)
    kept = float(np.isin((run + _MONDAY) % 7, on).sum() / due.sum())
    often = f"{'every week, ' if len(on) == 1 else ''}on {weekdays_named(on.tolist())}"
    return often, kept, tuple(on.tolist())


def _weekdays(run: IntArray) -> IntArray | None:
    """Return the weekdays on which something comes, as a rule, and not on others; None where there is no such rule."""
    due = np.bincount((np.arange(run[0], run[-1] + 1) + _MONDAY) % 7, minlength=7)
    came = np.bincount((run + _MONDAY) % 7, minlength=7)
    share = came / np.maximum(due, 1)
    chosen = share >= _HALF
    if chosen.all() or not chosen.any() or share[~chosen].max() > _HALF * share[chosen].min():
        return np.arange(7) if chosen.all() else None
    apart = sum(_likely(int(came[part].sum()), int(due[part].sum())) for part in (chosen, ~chosen))
    found = np.flatnonzero(chosen)
    is_common = len(found) == 1 or found.tolist() in _COMMON
    clear = 2.0 * (apart - _likely(int(came.sum()), int(due.sum())))
    return found if clear >= _NO_CHANCE[not is_common] else None


def _likely(n: int, of: int) -> float:
    """Return the logarithm of how likely it is that n of so many came, at the share that fits best."""
    return sum(part * math.log(part / of) for part in (n, of - n) if part)


def _by_hours(moments: IntArray, minutes: IntArray, times: list[int], period: float) -> Comes | None:
    """Tell what goes by a part of the day; None where it rather goes by the day."""
    cycle = int(period // 60)
    if times:
        gaps, step = np.diff([*times, times[0] + _MINUTES]), _MINUTES // len(times)
        if len(times) == 1 or np.abs(gaps - step).max() > step // 24:
            return None
        return _every(moments, times[0], step, times)
    phases = minutes % cycle
    found = _peaks(phases, np.arange(len(phases)), (cycle // 12, cycle // 6), cycle, cyclic=True)
    if not found:
        return None
    gaps = np.diff([*found, found[0] + cycle])
    step = cycle // len(found) if np.abs(gaps - cycle // len(found)).max() <= cycle // 24 else cycle
    pauses = np.diff(np.unique(_numbers(moments, found[0], step)))
    usual = int(np.median(pauses)) if len(pauses) else 1
    if usual > 1 and (pauses == usual).mean() >= _NEARLY_ALL:  # found by an hour, comes every few
        step *= usual
    if step % _MINUTES == 0:
        return None
    if step <= 60 or _MINUTES % step:
        return _every(moments, found[0], step, [])
    angles = np.exp(2j * np.pi * minutes / step)
    first = round(float(np.angle(angles.mean())) / (2.0 * np.pi) * step) % step
    every = step == cycle and len(found) > 1  # times that are not evenly apart: all of them
    starts = found if every else [first]
    return _every(
        moments, starts[0], step, sorted(start + i for start in starts for i in range(0, _MINUTES - start, step))
    )


def _every(moments: IntArray, first: int, step: int, times: list[int]) -> Comes | None:
    """Tell what comes every so many minutes; None where it leaves out most of these times, or one of a day always."""
    numbers = _numbers(moments, first, step)
    kept = share_kept(numbers)
    if kept < _HALF or (_MINUTES % step == 0 and _leaves_out(numbers, _MINUTES // step)):
        return None
    told = f"about {listed([clock(minute) for minute in times])}" if times else past(first) if step <= 60 else ""
    often, (hours, spread) = recurring(step * 60.0, kept), _hours(times, moments)
    begins = hours[0] if hours else 0.0
    return Comes(", ".join(filter(None, (often, told))), kept, often, hours, (), spread, step * 60.0, begins=begins)


def _leaves_out(numbers: IntArray, n: int) -> bool:
    """Tell whether of so many times of a day one hardly ever comes, beside the others."""
    came = np.bincount(np.unique(numbers) % n, minlength=n)
    return bool(came.min() < _HALF * came.mean())


def _numbers(moments: IntArray, first: int, step: int) -> IntArray:
    """Return in the how manieth period of so many minutes each moment is, the middle of them at `first` past."""
    span = step * 60 * _SECOND
    return (moments - first * 60 * _SECOND + span // 2) // span


def _mostly(minutes: IntArray) -> tuple[str, int]:
    """Return the hours between which most of what has no one time lies, and the first minute; nothing and -1 without such."""
    hours = np.bincount(minutes // 60, minlength=24)
    twice = np.concatenate([hours, hours])
    for width in range(2, 13):
        sums = np.convolve(twice, np.ones(width, np.int64), "valid")[:24]
        start = int(sums.argmax())
        if sums[start] >= 0.75 * len(minutes):
            return f"mostly between {start:02}:00 and {(start + width) % 24:02}:00", start * 60
    return "", -1
