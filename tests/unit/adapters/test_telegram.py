"""Telegram's export of one chat, and of all."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.telegram import read
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

UTC = Reading(timezone=dt.UTC)
MESSAGE = {
    "id": 7,
    "type": "message",
    "date": "2024-03-05T15:10:00",
    "date_unixtime": "1709647800",
    "from": "Dana",
    "from_id": "user1",
    "text": "Tea only now.",
}
CHAT = {"name": "Dana", "type": "personal_chat", "id": 99}


def export(folder: Path, content: object) -> list[Experience]:
    file = folder / "result.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return list(read(file, UTC))


def test_a_message(tmp_path: Path) -> None:
    [found] = export(tmp_path, CHAT | {"messages": [MESSAGE]})
    assert (found.text, found.source, found.tags, found.key) == ("Tea only now.", "Dana", (), "telegram:99:7")
    assert isinstance(found.at, dt.datetime)
    assert found.at.isoformat() == "2024-03-05T15:10:00+01:00"  # the exporting machine's clock, told beside the instant
    assert found.episode == "Dana 2024-03-05"


def test_formatted_texts_media_and_services(tmp_path: Path) -> None:
    messages = [
        MESSAGE | {"text": ["See ", {"type": "link", "text": "te.example"}, "!"]},
        MESSAGE | {"text": "", "media_type": "sticker", "sticker_emoji": "👍"},
        MESSAGE | {"text": "", "photo": "photos/1.jpg"},
        MESSAGE | {"text": "", "poll": {"question": "Tea or coffee?"}},
        MESSAGE | {"text": "", "location_information": {"latitude": 1}},
        MESSAGE | {"text": ""},
        {"id": 8, "type": "service", "action": "phone_call", "date": "2024-03-05T15:10:00"},
        {k: v for k, v in MESSAGE.items() if k not in ("date_unixtime", "from")},
    ]
    found = export(tmp_path, CHAT | {"messages": messages})
    assert [experience.text for experience in found] == [
        "See te.example!",
        "[sticker 👍]",
        "[photo]",
        "[poll] Tea or coffee?",
        "[location]",
        "Tea only now.",
    ]
    assert found[-1].source == "user1"
    assert isinstance(found[-1].at, dt.datetime)
    assert found[-1].at.isoformat() == "2024-03-05T15:10:00+00:00"


def test_all_chats(tmp_path: Path) -> None:
    group = {"name": "Tea", "type": "private_supergroup", "id": 5, "messages": [MESSAGE]}
    content = {
        "about": "Here is the data you requested.",
        "contacts": {"list": [{"first_name": "x"}]},
        "chats": {"about": "…", "list": [CHAT | {"messages": [MESSAGE]}, group]},
        "left_chats": {"list": [group | {"name": "Old", "id": 6}]},
    }
    found = export(tmp_path, content)
    assert [(experience.key, experience.tags) for experience in found] == [
        ("telegram:99:7", ()),
        ("telegram:5:7", ("Tea",)),
        ("telegram:6:7", ("Old",)),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "x"}, "expected an export of Telegram"),
        ([], "expected an object"),
        (CHAT | {"messages": [MESSAGE, 7]}, "message 1 of Dana: expected an object"),
        (CHAT | {"messages": [{"id": 1, "text": "x"}]}, "message 0 of Dana: expected a date"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ImportFormatError, match=message):
        export(tmp_path, content)
