"""How foreign bytes become text: encodings, lines, and what the caller said about zones and the order of dates."""

from __future__ import annotations

import codecs
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import attrs

from thoughtengine._types import Progress
from thoughtengine.errors import ImportFormatError

__all__ = ["Reading", "chunks", "lines"]

CHUNK_BYTES = 1 << 20
LINE_CHARACTERS = 64 << 20
NOON = dt.time(12)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def quiet(what: str, done: int, total: int | None) -> None:
    """Hear of progress and say nothing."""


@attrs.frozen(kw_only=True)
class Reading:
    """What the caller said about a foreign file, and who hears how far its reading has come.

    Attributes
    ----------
    timezone : datetime.tzinfo or None
        Zone of the stamps that carry none; None is the zone of this machine.
    day_first : bool or None
        Whether 05/03/2024 is the fifth of March; None: only where the file itself proves the one or the other.
    progress : callable
        Told the bytes read of each file.
    """

    timezone: dt.tzinfo | None = None
    day_first: bool | None = None
    progress: Progress = quiet

    def aware(self, day: dt.date, time: dt.time | None = None) -> dt.datetime:
        """Put a day, and a time of it (noon where there is none), into the zone of this reading.

        Examples
        --------
        >>> Reading(timezone=dt.UTC).aware(dt.date(2024, 3, 5)).isoformat()
        '2024-03-05T12:00:00+00:00'
        """
        naive = dt.datetime.combine(day, NOON if time is None else time)
        if naive.tzinfo is not None:
            return naive
        if self.timezone is not None:
            return naive.replace(tzinfo=self.timezone)
        try:
            return naive.astimezone()
        except (OverflowError, ValueError, OSError):  # the year 1 or 9999, where the machine knows no zone
            return naive.replace(tzinfo=dt.UTC)

    def instant(self, microseconds: int) -> dt.datetime:
        """Show microseconds since 1970 in the zone of this reading.

        Examples
        --------
        >>> Reading(timezone=dt.UTC).instant(1_000_000).isoformat()
        '1970-01-01T00:00:01+00:00'
        """
        moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds)
        return moment.astimezone(self.timezone)


def chunks(path: Path, reading: Reading) -> Iterator[str]:
    """Yield the text of a file piece by piece, without its byte order mark.

    Raises
    ------
    ImportFormatError
        Where the bytes are no UTF-8 (nor UTF-16 with a byte order mark), with the offset of the first bad one.
    """
    total, taken = path.stat().st_size, 0
    with path.open("rb") as file:
        mark, encoding = _encoding(file.read(3))
        file.seek(len(mark))
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        taken = len(mark)
        while data := file.read(CHUNK_BYTES):
            yield _decode(path, decoder, data, taken)
            taken += len(data)
            reading.progress(f"reading {path.name}", taken, total)
        _decode(path, decoder, b"", taken, final=True)


def _encoding(head: bytes) -> tuple[bytes, str]:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return mark, encoding
    return b"", "utf-8"


def _decode(path: Path, decoder: codecs.IncrementalDecoder, data: bytes, taken: int, *, final: bool = False) -> str:
    held = len(decoder.getstate()[0])
    try:
        return decoder.decode(data, final)
    except UnicodeDecodeError as error:
        offset = taken - held + error.start
        bad = error.object[error.start : error.start + 1].hex()
        raise ImportFormatError(
            path,
            f"byte {offset:,}",
            f"expected text in UTF-8, found the byte 0x{bad} ({error.reason}): save the file as UTF-8 and try again",
        ) from error


def lines(path: Path, reading: Reading) -> Iterator[tuple[int, str]]:
    """Yield ``(number, line)`` from 1, without line ends; only line feeds (with or without a return) end a line."""
    number, held, size = 0, [""], 0
    for text in chunks(path, reading):
        first, *others = text.split("\n")
        held.append(first)
        size += len(first)
        if size > LINE_CHARACTERS:
            raise ImportFormatError(path, f"line {number + 1}", f"a line of over {LINE_CHARACTERS:,} characters")
        if others:
            number += 1
            yield number, "".join(held).removesuffix("\r")
            for line in others[:-1]:
                number += 1
                yield number, line.removesuffix("\r")
            held, size = [others[-1]], len(others[-1])
    if last := "".join(held):
        yield number + 1, last.removesuffix("\r")
