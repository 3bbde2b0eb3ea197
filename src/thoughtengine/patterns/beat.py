"""Beat: when a rhythm comes next."""

from __future__ import annotations

import calendar
import contextlib
import datetime as dt
import itertools
import math

import attrs

from thoughtengine.patterns.dates import MonthDays

__all__ = ["DAY", "Beat"]

DAY = 86_400.0
_MONTH, _YEAR = 2_629_746.0, 31_556_952.0
_MONDAY = 345_600.0  # the first one of 1970
_EPOCH = dt.datetime(1970, 1, 1)
_BESIDE = 4 * DAY  # of the mean month or year: how far the same day of a month lies beside its peak
_NEAR = 7200.0  # of a peak, at most
_SPREADS, _AT_LEAST = 3.0, 60.0  # median distances from its hour, and seconds, that are still its hour


@attrs.frozen
class Beat:
    """A rhythm that is clear enough to tell when it comes; everything in seconds of the clock on the wall since 1970.

    Attributes
    ----------
    period, phase : float
        As of a `Rhythm`.
    hour : float or None
        Seconds into the day at which it comes, where it always does at one time of day.
    last : float
        When it last came.
    weekdays : tuple of int
        The days of the week it comes on, 0 for Monday, where it is by these; else empty.
    hours : tuple of float
        Seconds into the day at which it comes, ascending, where these are known; else empty.
    spread : float
        How far its moments usually lie from these hours.
    words : str
        On which days, as people say it; empty where the period says it.
    every : int
        Days from one day on which it comes to the next, where `hours` are known and it is more than one; else 0.
    begins : float
        Of these: seconds into the day at which the first of its hours is, of a day that is cut where it does not come.
    month : MonthDays or None
        The days of the month it comes on, where it is by these.
    by_weekday : tuple of tuples of float
        Where its hours depend on the day of the week, those of each of the seven, from Monday on; else empty.
    kept : float
        On what share of its days it comes.
    """

    period: float
    phase: float
    hour: float | None
    last: float
    weekdays: tuple[int, ...] = ()
    hours: tuple[float, ...] = ()
    spread: float = 0.0
    words: str = ""
    every: int = 0
    begins: float = 0.0
    month: MonthDays | None = None
    by_weekday: tuple[tuple[float, ...], ...] = ()
    kept: float = 1.0

    def next(self, start: float) -> float:
        """Return when it comes next after a moment, and not again where it came just before.

        Examples
        --------
        >>> tea = Beat(86_400.0, 28_800.0, 28_800.0, 28_800.0)
        >>> tea.next(28_000.0) / 86_400.0 * 24.0, tea.next(30_000.0) / 86_400.0 * 24.0
        (8.0, 32.0)
        """
        if self.last <= start:
            start = max(start, self.last + self._apart / 2.0)
        if self.month is not None:
            with contextlib.suppress(OverflowError):  # beyond the calendar
                return self._day_of_month(self.month, start)
        if self.every:
            return self._so_many_days(start)
        if self.weekdays or self.by_weekday or (self.hours and self.period <= DAY):
            return self._weekday(start)
        if self.period in (_MONTH, _YEAR) and self._beside(self.last) <= _BESIDE:
            with contextlib.suppress(OverflowError):  # beyond the calendar
                return self._same_day(start)
        cycle, found = math.floor((start - self._origin) / self.period), list[float]()
        while not found:
            for number in (cycle - 1, cycle, cycle + 1):
                found += [moment for moment in self._of(self._origin + number * self.period) if moment > start]
            cycle += 1
        return min(found)

    def awaited(self, moment: float) -> float:
        """Return when it comes next, or was to come, if that is past by no more than its tolerance and it did not come then.

        Examples
        --------
        >>> tea = Beat(86_400.0, 28_800.0, 28_800.0, 28_800.0)
        >>> [tea.awaited(86_400.0 + hour * 3600.0) / 3600.0 - 24.0 for hour in (7.0, 9.0, 11.0)]
        [8.0, 8.0, 32.0]
        """
        start = moment - self.tolerance
        return self.next(self.last if start < self.last <= moment else start)

    def missed(self, since: float, moment: float) -> float | None:
        """Return when it was first to come after a moment, if that is past by more than its tolerance and it did not."""
        first = self.next(max(since, self.last) if self.last <= moment else since)
        return first if first < moment - self.tolerance else None

    def near(self, moment: float) -> bool:
        """Tell whether a moment is one at which it comes."""
        distance = self.tolerance
        return self.next(moment - distance) <= moment + distance

    @property
    def tolerance(self) -> float:
        """How far from its time what comes is still in time."""
        return min(max(_SPREADS * self.spread, _AT_LEAST), _NEAR) if self.hours else min(self.period / 12.0, _NEAR)

    @property
    def _apart(self) -> float:
        """Return the least time between two of its moments."""
        if len(self.hours) < 2:
            return min(self.period, DAY)
        moments, cycle = [*self.hours], DAY
        if self.by_weekday:  # hours of different days do not follow each other
            moments, cycle = [day * DAY + hour for day in range(7) for hour in self.by_weekday[day]], 7 * DAY
        return min(b - a for a, b in itertools.pairwise((*moments, moments[0] + cycle)))

    @property
    def _times(self) -> tuple[float, ...]:
        """Return at which seconds of a day it comes."""
        return self.hours or (self.phase % DAY if self.hour is None else self.hour,)

    def _weekday(self, start: float) -> float:
        """Return when the next of its days of the week is, at its next hour."""
        found = list[float]()
        for hour in self._times:
            weekdays = self.weekdays or tuple(range(7))
            if self.by_weekday:
                weekdays = tuple(day for day in weekdays if hour in self.by_weekday[day])
            day = math.floor((start - hour) / DAY) + 1
            while (day + 3) % 7 not in weekdays:  # 1 January 1970 was a Thursday
                day += 1
            found.append(day * DAY + hour)
        return min(found)

    def _so_many_days(self, start: float) -> float:
        """Return its next hour of every so many days, from the one on which it last came."""
        after = [(hour - self.begins) % DAY for hour in self.hours]
        first = math.floor((self.last - self.begins) / DAY) * DAY + self.begins
        # what came a little before the first hour was of the day after, where that hour is the nearest
        first = min((first, first + DAY), key=lambda day: min([abs(self.last - day - one) for one in after]))
        number = math.floor((start - first) / (self.every * DAY))
        moments = [first + (number + i) * self.every * DAY + one for i in (0, 1) for one in after]
        return min(moment for moment in moments if moment > start)

    @property
    def _origin(self) -> float:
        return self.phase + (_MONDAY if self.period % (7 * DAY) == 0 else 0.0)

    def _beside(self, moment: float) -> float:
        """Return how far a moment lies beside the nearest peak."""
        return abs((moment - self._origin + self.period / 2.0) % self.period - self.period / 2.0)

    def _of(self, peak: float) -> list[float]:
        """Return the moments that a peak means: where it is between two days, on both at their hour."""
        if (self.hour is None and not self.hours) or self.period <= DAY:
            return [peak]
        day = math.floor(peak / DAY)
        around = [(day + i) * DAY + hour for i in (-1, 0, 1) for hour in self._times]
        least = min(abs(moment - peak) for moment in around)
        return [moment for moment in around if abs(moment - peak) <= max(least, 13.0 * 3600.0)]

    def _day_of_month(self, on: MonthDays, start: float) -> float:
        """Return when the next of its days of the month is."""
        hour = self.hours[0] if self.hours else self.last % DAY if self.hour is None else self.hour
        step = max(round(self.period / _MONTH), 1)
        begin, last = _month_of(start), _month_of(hour + round((self.last - hour) / DAY) * DAY)
        begin -= (begin - last) % step  # of every so many months, the last one in which it could come
        for number in range(begin, min(begin + 3 * step, (dt.MAXYEAR + 1) * 12), step):
            year, month = divmod(number, 12)
            for day in on.of(year, month + 1):
                found = (dt.datetime(year, month + 1, day) - _EPOCH).total_seconds() + hour
                if found > start:
                    return found
        return start + self.period

    def _same_day(self, start: float) -> float:
        """Return when the day of the month, or of the year, at which it last came, comes next."""
        hour = self.hours[0] if self.hours else self.last % DAY if self.hour is None else self.hour
        last = _EPOCH + dt.timedelta(seconds=hour + round((self.last - hour) / DAY) * DAY)  # across midnight too
        months, step = last.year * 12 + last.month - 1, 1 if self.period == _MONTH else 12
        moment = _EPOCH + dt.timedelta(seconds=start)
        ahead = (moment.year * 12 + moment.month - 1 - months) // step - 1
        for number in range(ahead, ahead + 4):
            year, month = divmod(months + number * step, 12)
            if not dt.MINYEAR <= year <= dt.MAXYEAR:
                break
            day = min(last.day, calendar.monthrange(year, month + 1)[1])
            found = (dt.datetime(year, month + 1, day) - _EPOCH).total_seconds() + hour
            if found > start:
                return found
        return start + self.period


def _month_of(moment: float) -> int:
    """Return the number of the month of a moment."""
    date = _EPOCH + dt.timedelta(seconds=moment)
    return date.year * 12 + date.month - 1
