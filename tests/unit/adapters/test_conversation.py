"""Conversation files: a turn, an experience."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from thoughtengine.adapters.conversation import read
from thoughtengine.adapters.intake import Reading
from thoughtengine.errors import ImportFormatError

UTC = Reading(timezone=dt.UTC)
TURN = {
    "id": "D1:1",
    "episode": "s-1",
    "at": "2023-05-08T13:56:00+02:00",
    "source": "Ann",
    "text": "Look!",
    "caption": "",
}


def written(folder: Path, content: object) -> Path:
    file = folder / "talk.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_turns_become_experiences(tmp_path: Path) -> None:
    turns = [TURN, TURN | {"id": 2, "caption": "a photo of a dog", "source": "Ben", "episode": None}]
    first, second = read(written(tmp_path, {"name": "talk-1", "turns": turns, "questions": [{"a": 1}]}), UTC)
    assert (first.text, first.key, first.source, first.episode) == ("Look!", "talk-1/D1:1", "Ann", "s-1")
    assert isinstance(first.at, dt.datetime)
    assert first.at.isoformat() == "2023-05-08T13:56:00+02:00"
    assert (second.text, second.key, second.episode) == ("Look! [a photo of a dog]", "talk-1/2", None)


def test_a_turn_that_says_nothing_keeps_its_place(tmp_path: Path) -> None:
    turns = [TURN | {"text": "", "caption": ""}, TURN | {"text": "", "caption": "a dog"}, TURN]
    found = list(read(written(tmp_path, {"turns": turns}), UTC))
    assert [experience.text for experience in found] == [None, " [a dog]", "Look!"]
    assert found[0].payload == {"turn": "D1:1"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "x"}, "a list called turns"),
        ([], "expected an object"),
        ({"turns": {}}, "expected an array"),
        ({"turns": [TURN, "hello"]}, "turn 1: expected an object with a text"),
        ({"turns": [TURN, {"id": 1}]}, "turn 1: expected an object with a text"),
        ({"turns": [TURN | {"at": "soon"}]}, "turn 0: at"),
        ({"turns": [TURN | {"source": 7}]}, "turn 0: source"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ImportFormatError, match=message):
        list(read(written(tmp_path, content), UTC))
