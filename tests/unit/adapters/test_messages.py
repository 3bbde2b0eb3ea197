"""Plain JSON chats under every common name of their fields."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.messages import read
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

UTC = Reading(timezone=dt.UTC)
STAMP = "2024-03-05T14:10:00+00:00"


def chat(folder: Path, content: object, *more: object) -> list[Experience]:
    file = folder / "chat.json"
    file.write_text("\n".join(json.dumps(value) for value in (content, *more)), encoding="utf-8")
    return list(read(file, UTC))


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "hi", "timestamp": STAMP},
        {"author": {"name": "user"}, "text": "hi", "created_at": STAMP},
        {"from": "user", "message": "hi", "ts": 1709647800},
        {"sender": "user", "body": "hi", "date": 1709647800000},
        {"role": "user", "content": [{"type": "text", "text": "hi"}], "time": "2024-03-05 14:10"},
        {"source": "user", "text": "hi", "at": STAMP},
    ],
)
def test_names_of_fields(tmp_path: Path, message: Any) -> None:
    for content in ([message], {"messages": [message]}, [{"messages": [message]}], message):
        [found] = chat(tmp_path, content)
        assert (found.text, found.source) == ("hi", "user")
        assert isinstance(found.at, dt.datetime)
        assert found.at.isoformat() == STAMP
        assert found.episode == "chat"


def test_conversations_and_lines(tmp_path: Path) -> None:
    first = {"id": "a", "messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": None}]}
    second = {"title": "b", "messages": [{"role": "user", "content": "two", "thread_id": 7}]}
    assert [(e.text, e.episode) for e in chat(tmp_path, [first, second])] == [("one", "a"), ("two", "7")]
    assert [(e.text, e.episode) for e in chat(tmp_path, first, second)] == [("one", "a"), ("two", "7")]


def test_keys_tell_messages_apart(tmp_path: Path) -> None:
    same = {"role": "user", "content": "ok", "timestamp": STAMP}
    nameless = {"role": "user", "content": "ok"}
    keys = [experience.key for experience in chat(tmp_path, [same, same, same | {"id": 1}, nameless])]
    assert keys[3] is None
    assert len(set(keys[:3])) == 3
    assert keys[:3] == [experience.key for experience in chat(tmp_path, [same, same, same | {"id": 1}])]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([7], "message 1: expected an object"),
        ("text", "message 1: expected an object"),
        ([{"content": "x", "ts": "soon"}], "message 1: expected a date"),
        ([{"content": "x"}, {"content": "y", "date": "05/03/2024"}], "message 2.*--day-first"),
    ],
)
def test_other_forms_are_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ImportFormatError, match=message):
        chat(tmp_path, content)
