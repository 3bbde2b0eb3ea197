"""Chats as text: lines of stamp, name and message, as WhatsApp and its like write them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from thoughtengine.adapters.intake import Reading, lines
from thoughtengine.adapters.keys import ContentKeys
from thoughtengine.adapters.stamps import StampError, evidence, leading
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

__all__ = ["heads", "read", "speaker"]

_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LIKELY = re.compile(r"\[?\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[,.]?\s")
_TIME_DOTS = re.compile(r"^(\[?[\d/.-]+,?\s\d{1,2})\.(\d{2})(?:\.(\d{2}))?(?=[\s\]])")
_AFTER = re.compile(r"\]?\s*(?:[-–]\s+)?")
_NAMED = re.compile(r"(?P<name>[^:\n]{1,80}): ?(?P<text>.*)", re.DOTALL)
_CHAT = re.compile(r"(?i)^whatsapp[ -]*chat(?:[ -]+with|[ -]+mit)?[ -]*")
SYSTEM = "system"


@attrs.define
class _Message:
    """A message while its lines are collected."""

    at: dt.datetime
    written: str
    name: str | None
    text: list[str]


def read(path: Path, reading: Reading) -> Iterator[Experience]:
    """Read one experience per message; lines without a stamp go on with the message above.

    The episode is the chat on that day; a line without a name ("Ben was added") has no source and the tag "system".
    The key is made of stamp, name and text, so that a later export of the same chat adds only what is new.

    Raises
    ------
    ImportFormatError
        Where the first line has no stamp, or a day could be two while neither the chat nor `reading.day_first` tells.
    """
    order = reading.day_first
    chat = _CHAT.sub("", path.stem).strip("_ ") or path.stem
    chat = path.resolve().parent.name if chat == "chat" else chat
    keys, held = ContentKeys("chat"), None
    for number, line in lines(path, reading):
        clean = _clean(line)
        try:
            stamped, order = _stamped(path, clean, reading, order)
        except StampError as error:
            raise ImportFormatError(path, f"line {number:,}", str(error)) from error
        if stamped is not None:
            if held is not None:
                yield from _experience(held, chat, keys)
            held = stamped
        elif held is not None:
            held.text.append(clean)
        elif clean.strip():
            expected = "expected a message such as [05.03.24, 14:10:22] Dana: Tea only now."
            raise ImportFormatError(path, f"line {number:,}", f"{expected} Given {clean[:60]!r}")
    if held is not None:
        yield from _experience(held, chat, keys)


def heads(path: Path, reading: Reading) -> Iterator[str]:
    """Yield the lines of a chat that look stamped, as they begin behind the bracket."""
    for _, line in lines(path, reading):
        if _LIKELY.match(clean := _clean(line)):
            yield clean.removeprefix("[")


def speaker(line: str) -> str | None:
    """Tell who speaks in a stamped line; None where the line is no message.

    Examples
    --------
    >>> speaker("[05.03.24, 14:10:22] Dana: Tea only now.")
    'Dana'
    """
    try:
        message = _message(_clean(line), Reading(timezone=dt.UTC), True)
    except StampError:
        return None
    return message.name if message else None


def _clean(line: str) -> str:
    """Drop the marks of writing direction, and write times with colons: some phones write 14.10.22."""
    return _TIME_DOTS.sub(_with_colons, _MARKS.sub("", line))


def _with_colons(found: re.Match[str]) -> str:
    return ":".join(part for part in found.groups() if part)


def _stamped(path: Path, line: str, reading: Reading, order: bool | None) -> tuple[_Message | None, bool | None]:
    """Read a line; the first one that leaves the order of day and month open has the whole chat looked through for it."""
    try:
        return _message(line, reading, order), order
    except StampError:
        if order is not None:
            raise
    order = evidence(heads(path, Reading()))
    return _message(line, reading, order), order


def _message(line: str, reading: Reading, day_first: bool | None) -> _Message | None:
    if not _LIKELY.match(line):
        return None
    bracket = line.startswith("[")
    stamp = leading(line[bracket:], day_first=day_first)
    if stamp is None or stamp.time is None:
        return None
    end = stamp.end + bracket
    after = _AFTER.match(line, end)
    rest = line[after.end() if after else end :]
    named = _NAMED.fullmatch(rest)
    at = reading.aware(stamp.day, stamp.time)
    written = f"{stamp.day} {stamp.time}"
    return _Message(at, written, named["name"].strip() if named else None, [named["text"] if named else rest])


def _experience(message: _Message, chat: str, keys: ContentKeys) -> Iterator[Experience]:
    text = "\n".join(message.text).strip()
    if text:
        yield Experience(
            text=text,
            key=keys.key(message.written, message.name or "", text),
            at=message.at,
            source=message.name,
            tags=() if message.name else (SYSTEM,),
            episode=f"{chat} {message.at:%Y-%m-%d}",
        )
