"""Chats in plain JSON: a list of messages with a role or name, a text and a time, under whatever common names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thoughtengine.adapters.elements import Elements
from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.keys import ContentKeys
from thoughtengine.adapters.stamps import StampError, moment
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

__all__ = ["SPEAKERS", "STAMPS", "TEXTS", "read"]

SPEAKERS = ("role", "author", "from", "sender", "user", "name", "source")
TEXTS = ("content", "text", "message", "body")
STAMPS = ("timestamp", "created_at", "ts", "date", "time", "at")
_EPISODES = ("episode", "conversation_id", "thread_id", "session_id", "channel")


def read(path: Path, reading: Reading) -> Iterator[Experience]:
    """Read one experience per message of an array, of an object with `messages`, or of JSON lines of either.

    The key is made of the message's id, stamp, speaker and words, so that a later export adds only what is new; what
    has neither id nor stamp has no key, and is not known again. Messages without words are left out.

    Raises
    ------
    ImportFormatError
        For a message of another form, with its place.
    """
    keys = ContentKeys("message")
    elements = Elements(path, reading)
    number = 0
    while token := elements.peek():
        for where, message, episode in _walk(elements, token, path.stem):
            number += 1
            yield from _message(path, f"{where}, message {number}", message, episode, keys, reading)


def _walk(elements: Elements, token: str, name: str) -> Iterator[tuple[str, Any, str]]:
    """Yield every message of the next value, with its place and the conversation it belongs to."""
    if token == "[":
        for _ in elements.items():
            yield from _within(elements.where, elements.value(), name)
        return
    if token != "{":
        yield elements.where, elements.value(), name
        return
    row: dict[str, Any] = {}
    for field in elements.fields():
        if field == "messages" and elements.peek() == "[":
            about = next((str(row[f]) for f in (*_EPISODES, "id", "title") if row.get(f)), name)
            for _ in elements.items():
                yield elements.where, elements.value(), about
        else:
            row[field] = elements.value()
    if any(field in row for field in TEXTS):
        yield elements.where, row, name


def _within(where: str, value: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    """Yield a message, or those of a conversation that is an element of a list."""
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        about = next((str(value[f]) for f in (*_EPISODES, "id", "title") if value.get(f)), name)
        yield from ((where, message, about) for message in value["messages"])
    else:
        yield where, value, name


def _message(
    path: Path, where: str, message: Any, episode: str, keys: ContentKeys, reading: Reading
) -> Iterator[Experience]:
    if not isinstance(message, dict):
        raise ImportFormatError(path, where, f"expected an object with a text, given {message!r:.60}")
    text = _text(_first(message, TEXTS)).strip()
    stamp = _first(message, STAMPS)
    try:
        at = moment(stamp, reading) if stamp is not None else None
    except StampError as error:
        raise ImportFormatError(path, where, str(error)) from error
    if text:
        source = _speaker(_first(message, SPEAKERS))
        identity = _first(message, ("key", "id", "message_id", "uuid"))
        episode = str(_first(message, _EPISODES) or episode)
        parts = (episode, str(identity), str(stamp), source or "", text)
        yield Experience(
            text=text,
            key=keys.key(*parts) if identity or at else None,
            at=at,
            source=source,
            episode=episode,
        )


def _first(message: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((message[name] for name in names if message.get(name) not in (None, "")), None)


def _speaker(value: Any) -> str | None:
    if isinstance(value, dict):
        value = _first(value, ("name", "display_name", "username", "role", "id"))
    return str(value).strip() or None if value is not None else None


def _text(value: Any) -> str:
    """Join a content that is text or a list of parts."""
    if isinstance(value, list):
        return "\n".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return _text(_first(value, ("text", "content", "parts")))
    return value if isinstance(value, str) else ""
