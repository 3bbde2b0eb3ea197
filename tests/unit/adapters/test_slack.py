"""Slack's export: folders of days."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.slack import days, read
from thoughtengine.errors import ImportFormatError

UTC = Reading(timezone=dt.UTC)
MESSAGE = {"type": "message", "user": "U1", "ts": "1709647800.000200", "text": "Tea only now."}


def export(folder: Path, *messages: object, users: Any = None, day: str = "2024-03-05") -> Path:
    channel = folder / "general"
    channel.mkdir(exist_ok=True)
    (channel / f"{day}.json").write_text(json.dumps(messages), encoding="utf-8")
    people = [
        {"id": "U1", "name": "dana", "profile": {"display_name": "", "real_name": "Dana K."}},
        {"id": "U2", "name": "b"},
    ]
    (folder / "users.json").write_text(json.dumps(people if users is None else users), encoding="utf-8")
    return folder


def test_a_message(tmp_path: Path) -> None:
    [found] = read(export(tmp_path, MESSAGE), UTC)
    assert (found.text, found.source, found.tags) == ("Tea only now.", "Dana K.", ("general",))
    assert isinstance(found.at, dt.datetime)
    assert found.at.isoformat() == "2024-03-05T14:10:00.000200+00:00"
    assert (found.key, found.episode) == ("slack:general:1709647800.000200", "general 2024-03-05")


def test_mentions_links_threads_files_and_noise(tmp_path: Path) -> None:
    messages = [
        MESSAGE | {"text": "<@U1> &amp; <@U9|zoe>: <#C1|random> <!here> 1 &lt; 2 &amp;lt;"},
        MESSAGE | {"text": "<https://te.example|site> <https://te.example>", "thread_ts": "1709640000.1"},
        MESSAGE | {"text": "", "files": [{"title": "plan.pdf"}, {"name": "b.png"}]},
        MESSAGE | {"text": "", "attachments": [{"fallback": "a card"}], "user": None, "username": "robot"},
        MESSAGE | {"subtype": "channel_join", "text": "joined"},
        MESSAGE | {"text": ""},
        MESSAGE | {"user": "U7", "user_profile": {"real_name": "Seven"}},
    ]
    found = list(read(export(tmp_path, *messages), UTC))
    assert [experience.text for experience in found] == [
        "@Dana K. & @zoe: #random @here 1 < 2 &lt;",
        "site (https://te.example) https://te.example",
        "[file plan.pdf]\n[file b.png]",
        "a card",
        "Tea only now.",
    ]
    assert found[1].episode == "general 1709640000.1"
    assert [experience.source for experience in found] == ["Dana K.", "Dana K.", "Dana K.", "robot", "Seven"]


def test_days_in_order_and_a_single_file_or_channel(tmp_path: Path) -> None:
    export(tmp_path, MESSAGE | {"text": "second"}, day="2024-03-06")
    export(tmp_path, MESSAGE | {"text": "first"})
    assert [experience.text for experience in read(tmp_path, UTC)] == ["first", "second"]
    assert [experience.source for experience in read(tmp_path / "general", UTC)] == ["Dana K.", "Dana K."]
    assert [experience.text for experience in read(days(tmp_path)[0], UTC)] == ["first"]


@pytest.mark.parametrize(
    ("message", "users", "expected"),
    [
        (7, None, "message 0: expected an object"),
        ({"type": "message", "text": "x"}, None, "message 0: ts: expected a date"),
        (MESSAGE | {"text": []}, None, "expected an object with a text"),
        (MESSAGE, [{"name": "no id"}], "expected a list of users"),
        (MESSAGE, {"a": 1}, "expected a list of users"),
    ],
)
def test_other_forms_are_named(tmp_path: Path, message: Any, users: Any, expected: str) -> None:
    with pytest.raises(ImportFormatError, match=expected):
        list(read(export(tmp_path, message, users=users), UTC))


def test_a_folder_without_days_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match="expected an export of Slack"):
        list(read(tmp_path, UTC))
