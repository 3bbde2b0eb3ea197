"""What form a foreign file has, told from its beginning."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from thoughtengine.adapters import messages, slack, whatsapp
from thoughtengine.adapters.elements import Elements
from thoughtengine.adapters.intake import Reading, chunks
from thoughtengine.adapters.journal import dated
from thoughtengine.adapters.sections import DOCUMENTS
from thoughtengine.errors import ImportFormatError, InvalidArgumentError

__all__ = ["form_of"]

_EXPORTED = frozenset({"id", "layer", "derived_from", "supersedes", "pinned", "forgotten"})
_LINES = 2000
_FILES = 20
_TELLING = {"turns": "conversation", "chats": "telegram", "left_chats": "telegram", "mapping": "chatgpt"}


def form_of(path: Path) -> str | None:
    """Tell the form of a file or folder; None where nothing tells.

    Raises
    ------
    InvalidArgumentError
        For what has to be unpacked first, and a folder that is a mind itself.
    ImportFormatError
        For a file that is empty, and one that is no text in UTF-8.
    """
    if path.is_dir():
        return _of_folder(path)
    if path.suffix.lower() in (".zip", ".gz", ".tar", ".7z"):
        raise InvalidArgumentError("path", str(path), "a file or folder that is unpacked: unpack the archive first")
    first = _first_character(path)
    if not first:
        raise ImportFormatError(path, None, "the file is empty: there is nothing to import in it")
    if first in ("{", "["):
        return _of_json(path) or _of_text(path)
    return _of_text(path)


def _of_folder(path: Path) -> str | None:
    if (path / "STORE").is_file():
        raise InvalidArgumentError("path", str(path), "something to import; this is a mind itself: export it first")
    if (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir()):
        return "git"
    if slack.days(path):
        return "slack"
    files = [file for file in itertools.islice(path.rglob("*"), _LINES) if file.suffix.lower() in DOCUMENTS]
    looked_at = files[:_FILES]
    if sum(map(dated, looked_at)) * 2 > len(looked_at):
        return "journal"
    return "documents" if files else None


def _first_character(path: Path) -> str:
    for text in chunks(path, Reading()):
        if "\0" in text:
            told = "expected text in UTF-8, found zero bytes: is it UTF-16, or no text? Save it as UTF-8 and try again"
            raise ImportFormatError(path, None, told)
        if text and not text.isspace():
            return text.lstrip()[0]
    return ""


def _of_json(path: Path) -> str | None:
    """Look at the first object, or at the first element of a list."""
    elements = Elements(path, Reading())
    try:
        if elements.peek() == "[":
            empty = next(elements.items(), None) is None
            return "messages" if empty else _of_element(elements.value(), path)
        return _of_object(path)
    except ImportFormatError:
        return None


def _of_element(value: Any, path: Path) -> str | None:
    if not isinstance(value, dict):
        return None
    if "mapping" in value:
        return "chatgpt"
    if "ts" in value and value.get("type") == "message" and slack.days(path.parent):
        return "slack"
    spoken = any(field in value for field in messages.TEXTS)
    return "messages" if spoken or isinstance(value.get("messages"), list) else None


def _of_object(path: Path) -> str | None:
    """Tell JSON lines, an export and one large object apart, never reading a large object whole."""
    elements, seen = Elements(path, Reading()), dict[str, Any]()
    for field in elements.fields():
        if field in _TELLING:
            return _TELLING[field]
        if field == "messages" and elements.peek() == "[":
            return _of_messages(elements, seen)
        seen[field] = elements.value()
    if seen.keys() >= _EXPORTED:
        return "export"
    if "text" not in seen and "payload" not in seen and "content" in seen:
        return "messages"
    return "jsonl" if _is_lines(path) else None


def _of_messages(elements: Elements, seen: dict[str, Any]) -> str:
    for _ in elements.items():
        message = elements.value()
        if isinstance(message, dict) and ("date_unixtime" in message or ("from_id" in message and "date" in message)):
            return "telegram"
        break
    return "telegram" if "type" in seen and "id" in seen else "messages"


def _is_lines(path: Path) -> bool:
    from thoughtengine.adapters.intake import lines

    line = next((line for _, line in lines(path, Reading()) if line.strip()), "")
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _of_text(path: Path) -> str | None:
    """Tell a chat, where most stamped lines name a speaker, from a journal and from a document without dates."""
    stamped = list(itertools.islice(whatsapp.heads(path, Reading()), _LINES))
    if stamped and sum(whatsapp.speaker(head) is not None for head in stamped) * 2 > len(stamped):
        return "whatsapp"
    if dated(path):
        return "journal"
    return "documents" if path.suffix.lower() in DOCUMENTS else None
