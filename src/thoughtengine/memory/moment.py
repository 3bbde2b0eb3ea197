"""Moments: aware datetimes as microseconds since 1970 and an offset, and back."""

from __future__ import annotations

import datetime as dt

from thoughtengine.errors import InvalidArgumentError

__all__ = ["from_stored", "to_stored"]

_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_SECOND = dt.timedelta(seconds=1)


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
            f"a moment with an offset: the time zone is not known; write {argument}=moment.astimezone() for local time, or "
            f"moment.replace(tzinfo=datetime.UTC)",
        )
    if offset % _SECOND:
        raise InvalidArgumentError(argument, value, "an offset in whole seconds")
    return (moment.replace(tzinfo=None) - _EPOCH - offset) // _MICROSECOND, offset // _SECOND


def from_stored(at: int, offset: int) -> dt.datetime:
    """Return the aware datetime of a stored moment, with the offset it was given with."""
    local = _EPOCH + dt.timedelta(microseconds=at, seconds=offset)
    return local.replace(tzinfo=_zone(offset))


def _zone(offset: int) -> dt.timezone:
    return dt.UTC if not offset else dt.timezone(dt.timedelta(seconds=offset))
