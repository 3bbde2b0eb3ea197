"""Telegram's export: `result.json` of one chat or of all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from thoughtengine.adapters.elements import Elements
from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.stamps import StampError, moment
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

__all__ = ["read"]

_LISTS = ("chats", "left_chats")


def read(path: Path, reading: Reading) -> Iterator[Experience]:
    """Read one experience per message that says something; the chat on that day is the episode.

    A group or channel is a tag too. What has no text is named in brackets ("[sticker 👍]"); service messages are left
    out. The key is made of the ids of chat and message: an edited message is a revision.

    Raises
    ------
    ImportFormatError
        For what is no such export, and for a message of another form, with its place.
    """
    elements = Elements(path, reading)
    found = yield from _chat(path, elements, reading)
    if not found:
        raise ImportFormatError(path, None, "expected an export of Telegram: an object with messages or chats")


def _chat(path: Path, elements: Elements, reading: Reading) -> Generator[Experience, None, bool]:
    """Walk one chat, or the object of all chats; return whether there was a list of messages."""
    about: dict[str, Any] = {}
    found = False
    for field in elements.fields():
        if field == "messages":
            found = True
            for number in elements.items():
                where = f"{elements.where}, message {number} of {about.get('name')}"
                yield from _message(path, where, elements.value(), about, reading)
        elif field in _LISTS and elements.peek() == "{":
            for inner in elements.fields():
                if inner != "list":
                    elements.value()
                    continue
                found = True
                for _ in elements.items():
                    yield from _chat(path, elements, reading)
        else:
            about[field] = elements.value()
    return found


def _message(path: Path, where: str, message: Any, about: dict[str, Any], reading: Reading) -> Iterator[Experience]:
    if not isinstance(message, dict):
        raise ImportFormatError(path, where, f"expected an object, given {message!r:.60}")
    if message.get("type", "message") != "message":
        return
    try:
        at, text = _at(message, reading), _text(message.get("text", "")).strip() or _shown(message)
    except StampError as error:
        raise ImportFormatError(path, where, str(error)) from error
    if text:
        chat = str(about.get("name") or about.get("id") or path.stem)
        source = message.get("from") or message.get("from_id")
        yield Experience(
            text=text,
            key=f"telegram:{about.get('id')}:{message['id']}" if "id" in message else None,
            at=at,
            source=str(source) if source else None,
            tags=(chat,) if _is_shared(str(about.get("type"))) else (),
            episode=f"{chat} {at:%Y-%m-%d}",
        )


def _at(message: dict[str, Any], reading: Reading) -> dt.datetime:
    """Read the instant, in the zone of the exporting machine where its own clock is told beside it."""
    if "date_unixtime" not in message:
        return moment(message.get("date"), reading)
    at = moment(message["date_unixtime"], reading)
    try:
        local = dt.datetime.fromisoformat(message["date"]).replace(tzinfo=dt.UTC)
    except (KeyError, TypeError, ValueError):
        return at
    offset = local - at
    return at.astimezone(dt.timezone(offset)) if abs(offset) < dt.timedelta(hours=24) else at


def _text(value: Any) -> str:
    """Join a text with its formatted parts."""
    if isinstance(value, list):
        return "".join(map(_text, value))
    return value if isinstance(value, str) else str(value.get("text", "")) if isinstance(value, dict) else ""


def _shown(message: dict[str, Any]) -> str:
    """Name what was sent without words."""
    if isinstance(poll := message.get("poll"), dict):
        return f"[poll] {poll.get('question', '')}".strip()
    kind = message.get("media_type") or next((k for k in ("photo", "location_information", "file") if k in message), "")
    words = (str(kind).replace("_", " ").removesuffix(" information"), str(message.get("sticker_emoji") or ""))
    return f"[{' '.join(word for word in words if word)}]" if kind else ""


def _is_shared(kind: str) -> bool:
    return "group" in kind or "channel" in kind
