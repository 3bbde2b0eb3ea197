"""A repository made for the test: what `git` says of it is what the importer says."""

import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from thoughtengine.adapters.git import git
from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.repository import commits, count, documents
from thoughtengine.errors import ImportFormatError

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs the git program")
Run = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    return folder


def run(
    folder: Path, *arguments: str, at: str = "2024-03-05T14:10:00+02:00", author: str = "Zoë <z@te.example>"
) -> str:
    names = {"GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@te.example", "GIT_COMMITTER_DATE": at}
    names |= {"GIT_AUTHOR_NAME": author.partition(" <")[0], "GIT_AUTHOR_EMAIL": "a@te.example", "GIT_AUTHOR_DATE": at}
    names |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | names).stdout


def commit(folder: Path, message: str, *files: str, **how: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f"{message}\n")
    run(folder, "add", "--all")
    run(folder, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message, **how)


def test_commits(repository: Path) -> None:
    commit(repository, "First", "a.py", "sub/ü b.txt", "0123456789012345678901234567890123456789")
    commit(repository, "Nothing changes")
    commit(repository, "")
    commit(repository, "Title\n\nBody,\nmore.", "a.py", at="2024-03-06T09:00:00-05:00", author="Ann")
    found = list(commits(repository))
    assert [experience.text for experience in found] == ["First", "Nothing changes", None, "Title\n\nBody,\nmore."]
    assert [experience.source for experience in found] == ["Zoë", "Zoë", "Zoë", "Ann"]
    assert [sorted(experience.tags) for experience in found] == [
        ["0123456789012345678901234567890123456789", "a.py", "sub/ü b.txt"],
        [],
        [],
        ["a.py"],
    ]
    assert [str(experience.at) for experience in found][0::3] == [
        "2024-03-05 14:10:00+02:00",
        "2024-03-06 09:00:00-05:00",
    ]
    hashes = run(repository, "log", "--reverse", "--format=%H").split()
    assert [experience.key for experience in found] == [f"commit:{sha}" for sha in hashes]
    assert [experience.payload["files"] for experience in found] == [3, 0, 0, 1]
    assert count(repository) == 4


def test_the_files_of_a_merge_are_not_told_twice(repository: Path) -> None:
    commit(repository, "Base", "a")
    run(repository, "switch", "-q", "-c", "side")
    commit(repository, "Side", "b")
    run(repository, "switch", "-q", "main")
    commit(repository, "Main", "c")
    run(repository, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    told = {experience.text: experience.tags for experience in commits(repository)}
    assert told == {"Base": ("a",), "Side": ("b",), "Main": ("c",), "Merge": ()}


def test_more_files_than_a_memory_has_tags(repository: Path) -> None:
    commit(repository, "Many", *(f"file-{i:03}" for i in range(300)))
    [found] = commits(repository)
    assert len(found.tags) == 256
    assert found.payload["files"] == 300


def test_only_the_latest_and_from_a_folder_within_and_bare(repository: Path, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        commit(repository, name, f"sub/{name}")
    assert [experience.text for experience in commits(repository, latest=2)] == ["two", "three"]
    assert [experience.tags for experience in commits(repository / "sub")] == [
        ("sub/one",),
        ("sub/two",),
        ("sub/three",),
    ]
    run(tmp_path, "clone", "-q", "--bare", str(repository), str(tmp_path / "bare.git"))
    assert [experience.text for experience in commits(tmp_path / "bare.git")] == ["one", "two", "three"]


def test_settings_of_the_repository_change_nothing(repository: Path) -> None:
    commit(repository, "First", "sub/ü")
    before = list(commits(repository))
    trap = repository / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/sprung\n", encoding="utf-8")
    trap.chmod(0o755)
    settings = {
        "core.fsmonitor": str(trap),
        "core.pager": str(trap),
        "gpg.program": str(trap),
        "diff.external": str(trap),
    }
    settings |= {"log.showSignature": "true", "color.ui": "always", "core.quotePath": "true", "diff.relative": "true"}
    for name, value in settings.items():
        run(repository, "config", name, value)
    assert list(commits(repository)) == before
    assert not (repository / "sprung").exists()


def test_the_surroundings_of_a_hook_change_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(repository, "First", "a")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert [experience.text for experience in commits(repository)] == ["First"]


def test_stopping_early_leaves_no_process(repository: Path) -> None:
    for n in range(3):
        commit(repository, f"number {n}", "a")
    found = commits(repository)
    assert next(found).text == "number 0"
    found.close()  # type: ignore[attr-defined]


def test_what_cannot_be_told_says_why(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImportFormatError, match="no commit yet"):
        list(commits(repository))
    with pytest.raises(ImportFormatError, match="not a git repository"):
        list(commits(tmp_path))
    commit(repository, "First", "a")
    commit(repository, "Second", "a")
    run(tmp_path, "clone", "-q", "--depth=1", repository.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(ImportFormatError, match=r"shallow clone.*--unshallow"):
        list(commits(tmp_path / "shallow"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportFormatError, match="git is not installed"):
        list(commits(repository))


def test_a_failing_git_is_no_silence(repository: Path) -> None:
    commit(repository, "First", "a")
    (repository / ".git" / "HEAD").write_text("nonsense\n", encoding="utf-8")
    with pytest.raises(ImportFormatError, match="git says"):
        git(repository, "log")


def test_documents_of_a_repository(repository: Path) -> None:
    (repository / ".gitignore").write_text("ignored.md\n", encoding="utf-8")
    (repository / "README.md").write_text("# Tea\nOnly now.\n## Why\nSleep.\n## Why\nTaste.\n", encoding="utf-8")
    commit(repository, "Documents", "docs/notes.txt", "code.py", at="2024-03-05T14:10:00+02:00")
    commit(repository, "Later", "docs/notes.txt", at="2024-04-05T14:10:00+02:00")
    (repository / "ignored.md").write_text("secret", encoding="utf-8")
    (repository / "new.rst").write_text("Fresh\n=====\nnot yet committed\n", encoding="utf-8")
    found = list(documents(repository, reading=Reading(timezone=dt.UTC)))
    assert [(e.source, e.tags, e.text) for e in found] == [
        ("README.md", ("Tea",), "Only now."),
        ("README.md", ("Tea", "Why"), "Sleep."),
        ("README.md", ("Tea", "Why"), "Taste."),
        ("docs/notes.txt", (), "Documents\nLater"),
        ("new.rst", ("Fresh",), "not yet committed"),
    ]
    assert [str(e.at) for e in found[:4:3]] == ["2024-03-05 14:10:00+02:00", "2024-04-05 14:10:00+02:00"]
    assert [e.key for e in found[1:3]] == ["document:README.md#Tea > Why", "document:README.md#Tea > Why (2)"]
    assert {e.episode for e in found} == {"README.md", "docs/notes.txt", "new.rst"}
    [only] = documents(repository / "new.rst")
    assert only.source == "new.rst"


def test_documents_of_a_plain_folder(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", ".hidden/c.md", "node_modules/d.md", "e.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text", encoding="utf-8")
    os.utime(tmp_path / "b.md", ns=(0, 1_709_647_800_000_000_000))
    found = list(documents(tmp_path, reading=Reading(timezone=dt.UTC)))
    assert [experience.source for experience in found] == ["a.txt", "b.md"]
    assert str(found[1].at) == "2024-03-05 14:10:00+00:00"
