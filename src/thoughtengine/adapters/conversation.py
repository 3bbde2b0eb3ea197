"""Conversation files: one JSON object whose `turns` hold id, episode, at, source, text and caption."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thoughtengine.adapters.elements import Elements
from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.stamps import StampError, moment
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

__all__ = ["read"]


def read(path: Path, reading: Reading) -> Iterator[Experience]:
    """Read one experience per turn; a caption is appended to the text in brackets.

    The key is made of the name of the conversation and the turn's id, so that a second import adds only new turns.

    Raises
    ------
    ImportFormatError
        For what is no such file, and for a turn without text or with a field of the wrong type.
    """
    elements = Elements(path, reading)
    name, found = path.stem, False
    for field in elements.fields():
        if field == "turns":
            found = True
            for number in elements.items():
                yield _turn(path, elements.where, name, number, elements.value(), reading)
        else:
            value = elements.value()
            name = value if field == "name" and isinstance(value, str) else name
    if not found:
        raise ImportFormatError(path, None, "expected a conversation: an object with a list called turns")


def _turn(path: Path, where: str, name: str, number: int, turn: Any, reading: Reading) -> Experience:
    where = f"{where}, turn {number}"
    if not isinstance(turn, dict) or not isinstance(turn.get("text"), str):
        raise ImportFormatError(path, where, f"expected an object with a text, given {turn!r:.60}")
    for field in ("episode", "source", "caption"):
        if not isinstance(turn.get(field), (str, type(None))):
            raise ImportFormatError(path, where, f"{field}: expected text, given {turn[field]!r:.60}")
    try:
        at = moment(turn["at"], reading) if turn.get("at") is not None else None
    except StampError as error:
        raise ImportFormatError(path, where, f"at: {error}") from error
    text = turn["text"] + (f" [{turn['caption']}]" if turn.get("caption") else "")
    return Experience(
        text=text if text.strip() else None,
        payload=None if text.strip() else {"turn": turn.get("id")},  # the turn was there, and says nothing
        key=f"{name}/{turn['id']}" if isinstance(turn.get("id"), (str, int)) else None,
        at=at,
        source=turn.get("source") or None,
        episode=turn.get("episode") or None,
    )
