"""Moments: aware datetimes as microseconds since 1970 and an offset, and back."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable
from functools import lru_cache

from thoughtengine.errors import InvalidArgumentError

__all__ = ["Clock", "clock_in", "from_stored", "to_stored", "zone_of"]

Clock = Callable[[], dt.datetime]
"""Returns the present as an aware datetime."""

_EPOCH = dt.datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=dt.UTC)


def to_stored(argument: str, value: object) -> tuple[int, int]:
    """Return (microseconds since 1970 UTC, seconds east of UTC) of an aware datetime or ISO 8601 text with offset.

    Microseconds in a signed 64-bit integer hold every year Python knows; nanoseconds would end in 1677.

    Raises
    ------
    InvalidArgumentError
        For anything else; the message shows how to make a naive one aware.

    Examples
    --------
    >>> to_stored("at", "1665-09-03T08:00:00+00:00")
    (-9603590400000000, 0)
    >>> from_stored(*to_stored("at", "2023-05-08T14:30:00+02:00")).isoformat()
    '2023-05-08T14:30:00+02:00'
    """
    moment = value
    if isinstance(value, str):
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            raise InvalidArgumentError(argument, value, 'ISO 8601 text, such as "2023-05-08T14:30:00+02:00"') from None
    if not isinstance(moment, dt.datetime):
        raise InvalidArgumentError(argument, value, "an aware datetime, or ISO 8601 text with an offset")
    offset = moment.utcoffset()
    if offset is None:
        raise InvalidArgumentError(
            argument,
            value,
            f'an offset behind it, such as "{moment.isoformat()}+02:00": the time zone is not known'
            if isinstance(value, str)
            else f"a moment with an offset: the time zone is not known; write {argument}=moment.astimezone() for local time, "
            f"or moment.replace(tzinfo=datetime.UTC)",
        )
    if offset.microseconds:
        raise InvalidArgumentError(argument, value, "an offset in whole seconds")
    since = moment - _EPOCH_UTC
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return micros, offset.days * 86_400 + offset.seconds


def from_stored(at: int, offset: int) -> dt.datetime:
    """Return the aware datetime of a stored moment, with the offset it was given with."""
    if not offset:
        return _EPOCH_UTC + dt.timedelta(microseconds=at)
    local = _EPOCH + dt.timedelta(microseconds=at, seconds=offset)
    return local.replace(tzinfo=_zone(offset))


@lru_cache(256)
def _zone(offset: int) -> dt.timezone:
    return dt.UTC if not offset else dt.timezone(dt.timedelta(seconds=offset))


def zone_of(name: str | dt.tzinfo | None) -> dt.tzinfo | None:
    """Find a time zone by its name.

    Parameters
    ----------
    name : str, datetime.tzinfo or None
        An IANA name ("Europe/Berlin"), an offset ("+02:00"), "UTC", a ready tzinfo, or None (the machine's zone).

    Raises
    ------
    InvalidArgumentError
        For a name that nobody knows.

    Examples
    --------
    >>> zone_of("+02:00")
    datetime.timezone(datetime.timedelta(seconds=7200))
    """
    if name is None or isinstance(name, dt.tzinfo):
        return name
    expected = 'a time zone such as "Europe/Berlin", "+02:00" or "UTC", or a tzinfo'
    if not isinstance(name, str):
        raise InvalidArgumentError("timezone", name, expected)
    if name.upper() in ("UTC", "Z"):
        return dt.UTC
    if offset := re.fullmatch(r"([+-])(\d{2}):?(\d{2})", name):
        minutes = int(offset[2]) * 60 + int(offset[3])
        if minutes < 24 * 60:
            return dt.timezone(dt.timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = "" if zoneinfo.available_timezones() else " (this machine has no zone data: install the package tzdata)"
        raise InvalidArgumentError("timezone", name, expected + hint) from error


def clock_in(clock: Clock | None, timezone: str | dt.tzinfo | None) -> Clock:
    """Return a clock that shows the time of a zone: the host's, else the machine's.

    Raises
    ------
    InvalidArgumentError
        For a clock that cannot be called, or a zone that nobody knows.
    """
    if clock is not None and not callable(clock):
        raise InvalidArgumentError("clock", clock, "a callable that returns an aware datetime")
    zone = zone_of(timezone)
    if clock is None:
        return lambda: dt.datetime.now(_here(int(time.time())) if zone is None else zone)
    return clock if zone is None else lambda: _shown_in(zone, clock())


@lru_cache(1)
def _here(second: int) -> dt.tzinfo | None:
    """Return the machine's time zone in a second since 1970: asking for it takes longer than the time."""
    return dt.datetime.fromtimestamp(second, dt.UTC).astimezone().tzinfo


def _shown_in(zone: dt.tzinfo, moment: dt.datetime) -> dt.datetime:
    """Return a moment of the host's clock in the zone of the mind; a naive one would be taken for the machine's time.

    Where it is a day beyond the calendar there, it stays in the zone it came in.
    """
    to_stored("clock", moment)
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment
