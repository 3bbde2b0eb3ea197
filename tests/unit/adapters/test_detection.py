"""The form of a file is told from its beginning; what cannot be told says which forms there are."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from thoughtengine import adapters
from thoughtengine.errors import ImportFormatError, InvalidArgumentError

ROW = {
    "id": 1,
    "layer": "sensory",
    "text": "x",
    "derived_from": [],
    "supersedes": None,
    "pinned": False,
    "forgotten": False,
}
SAID = {"role": "user", "content": "hi"}
TELEGRAM = {"id": 1, "type": "message", "date": "2024-03-05T14:10:00", "date_unixtime": "1709647800", "text": "x"}
FILES: list[tuple[str, Any, str]] = [
    ("a.jsonl", '{"text": "x"}\n{"text": "y"}', "jsonl"),
    ("a.ndjson", '{"at": "1660-01-11", "label": "1st", "text": "x"}\n', "jsonl"),
    ("a.txt", '\ufeff{"text": "x"}\n', "jsonl"),
    ("a.jsonl", {"a": 1, "b": [1]}, "jsonl"),
    ("a.jsonl", json.dumps(ROW), "export"),
    ("a.json", {"name": "talk", "turns": []}, "conversation"),
    ("result.json", {"name": "x", "type": "personal_chat", "id": 1, "messages": [TELEGRAM]}, "telegram"),
    ("result.json", {"name": "x", "type": "saved_messages", "id": 1, "messages": []}, "telegram"),
    ("result.json", {"about": "x", "chats": {"list": []}}, "telegram"),
    ("a.json", [{"title": "x", "mapping": {}}], "chatgpt"),
    ("a.json", [SAID], "messages"),
    ("a.json", {"messages": [SAID]}, "messages"),
    ("a.json", [{"messages": [SAID]}], "messages"),
    ("a.jsonl", json.dumps(SAID) + "\n" + json.dumps(SAID), "messages"),
    ("a.json", [], "messages"),
    ("a.md", "# Journal\n\n## 2024-03-05\nText.\n", "journal"),
    ("a.txt", "5 March 2024: to the sea\n", "journal"),
    ("a.txt", "[2024-03-05 14:10] To the sea.\n[2024-03-06 09:00] Home.\n", "journal"),
    ("2024-03-05.md", "Text.", "journal"),
    ("a.md", "05/03/2024\nText.\n", "journal"),
    ("a.txt", "[05.03.24, 14:10:22] Dana: hi\n", "whatsapp"),
    ("a.txt", "3/5/24, 2:10 PM - Dana: hi\n3/5/24, 2:10 PM - Ben left\n3/5/24, 2:11 PM - Dana: ho\n", "whatsapp"),
    ("a.md", "# Readme\nNo dates.\n", "documents"),
    ("a.rst", "Readme\n======\n", "documents"),
]


def write(folder: Path, name: str, content: Any) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


@pytest.mark.parametrize(("name", "content", "form"), FILES)
def test_files(tmp_path: Path, name: str, content: Any, form: str) -> None:
    assert adapters.detect(write(tmp_path, name, content)) == form


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "a,b\n1,2\n"), ("a.json", "{\n  broken"), ("a.json", [7])],
)
def test_what_cannot_be_told(tmp_path: Path, name: str, content: Any) -> None:
    file = write(tmp_path, name, content)
    with pytest.raises(InvalidArgumentError, match=r"--form NAME.*jsonl.*whatsapp"):
        adapters.detect(file)


@pytest.mark.parametrize(
    ("content", "message"), [(b" \n", "empty"), (b"caf\xe9", "UTF-8"), ("Grüße".encode("utf-16-le"), "UTF-")]
)
def test_what_is_empty_or_no_text_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.md").write_bytes(content)
    with pytest.raises(ImportFormatError, match=message):
        adapters.detect(tmp_path / "a.md")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\xff\xfe\xfd\x00")
    with pytest.raises(InvalidArgumentError, match="known form"):
        adapters.detect(file)


def test_folders(tmp_path: Path) -> None:
    write(tmp_path, "slack/general/2024-03-05.json", [])
    write(tmp_path, "diary/2024-03-05.md", "x")
    write(tmp_path, "diary/2024-03-06.md", "x")
    write(tmp_path, "diary/todo.md", "x")
    write(tmp_path, "docs/a/readme.md", "x")
    write(tmp_path, "repo/.git/HEAD", "x")
    (tmp_path / "empty").mkdir()
    found = {name: adapters.detect(tmp_path / name) for name in ("slack", "diary", "docs", "repo")}
    assert found == {"slack": "slack", "diary": "journal", "docs": "documents", "repo": "git"}
    with pytest.raises(InvalidArgumentError, match="known form"):
        adapters.detect(tmp_path / "empty")


def test_archives_minds_and_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="unpack"):
        adapters.detect(write(tmp_path, "export.zip", "PK"))
    with pytest.raises(InvalidArgumentError, match="a mind itself"):
        adapters.detect(write(tmp_path, "mind/STORE", "{}").parent)
    with pytest.raises(InvalidArgumentError, match="that is there"):
        adapters.detect(tmp_path / "gone")


def test_read_checks_its_arguments(tmp_path: Path) -> None:
    file = write(tmp_path, "a.jsonl", '{"text": "x", "at": "2024-03-05"}')
    [found] = adapters.read(file, timezone="+02:00")
    assert str(found.at) == "2024-03-05 12:00:00+02:00"
    for wrong in ({"form": "csv"}, {"form": "export"}, {"timezone": "Mars"}):
        with pytest.raises(InvalidArgumentError):
            adapters.read(file, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ImportFormatError):
        list(adapters.read(file, form="conversation"))


@pytest.mark.skipif(shutil.which("git") is None, reason="needs the git program")
def test_every_form_can_be_read(tmp_path: Path) -> None:
    file = write(tmp_path, "a.md", "text")
    for form in adapters.FORMS.keys() - {"export", "documents"}:
        with pytest.raises(ImportFormatError):
            list(adapters.read(file if form != "git" else tmp_path, form=form))
    assert [experience.text for experience in adapters.read(file, form="documents")] == ["text"]
