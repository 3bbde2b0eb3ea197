"""ChatGPT's export: trees of messages, of which the branch shown last counts."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from thoughtengine.adapters.chatgpt import read
from thoughtengine.adapters.intake import Reading
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

UTC = Reading(timezone=dt.UTC)


def node(
    name: str, parent: str | None, *children: str, role: str = "user", parts: Any = ("hello",), **more: Any
) -> Any:
    content = {"content_type": "text", "parts": list(parts)}
    message = {"id": f"m-{name}", "author": {"role": role}, "create_time": 1709647800.5, "content": content} | more
    return {"id": name, "parent": parent, "children": list(children), "message": message}


def export(folder: Path, *conversations: Any) -> list[Experience]:
    file = folder / "conversations.json"
    file.write_text(json.dumps(conversations), encoding="utf-8")
    return list(read(file, UTC))


def tree(**more: Any) -> dict[str, Any]:
    nodes = [
        {"id": "root", "parent": None, "children": ["s"], "message": None},
        node("s", "root", "u", role="system", parts=["be nice"]),
        node("u", "s", "a1", "a2", parts=["Tea?"]),
        node("a1", "u", role="assistant", parts=["No."]),
        node("a2", "u", role="assistant", parts=["Yes.", {"content_type": "image_asset_pointer"}, "More."]),
    ]
    return {"title": "Tea", "id": "c-1", "current_node": "a2", "mapping": {n["id"]: n for n in nodes}} | more


def test_the_branch_that_was_shown(tmp_path: Path) -> None:
    question, answer = export(tmp_path, tree())
    assert (question.text, question.source, question.key) == ("Tea?", "user", "chatgpt:m-u")
    assert (answer.text, answer.source) == ("Yes.\n[image]\nMore.", "assistant")
    assert (answer.tags, answer.episode) == (("Tea",), "c-1")
    assert isinstance(answer.at, dt.datetime)
    assert answer.at.isoformat() == "2024-03-05T14:10:00.500000+00:00"


def test_the_other_branch_and_no_leaf(tmp_path: Path) -> None:
    assert [e.text for e in export(tmp_path, tree(current_node="a1"))] == ["Tea?", "No."]
    assert [e.source for e in export(tmp_path, tree(current_node=None), tree(current_node="gone"))] == [
        "user",
        "assistant",
    ] * 2


def test_gaps_and_circles_end(tmp_path: Path) -> None:
    circle = {"a": node("a", "b", "b"), "b": node("b", "a", "a")}
    found = export(tmp_path, {"id": "c", "title": None, "mapping": circle, "current_node": "a"}, tree(mapping={}))
    assert len(found) == 2
    assert found[0].tags == ()


@pytest.mark.parametrize(
    "bad", [7, {"title": "x"}, {"mapping": {"a": 1}, "current_node": "a"}, tree(create_time="soon")]
)
def test_other_forms_are_named(tmp_path: Path, bad: Any) -> None:
    if isinstance(bad, dict) and "mapping" in bad and "u" in bad["mapping"]:
        bad["mapping"]["u"]["message"]["create_time"] = None
    with pytest.raises(ImportFormatError, match="conversation 1: expected a conversation"):
        export(tmp_path, tree(), bad)
