"""Files: replaced whole or not at all, folders built aside, errors translated."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.damage.listing import listing
from thoughtengine.errors import StoreError, StoreExistsError, StoreFullError
from thoughtengine.storage import files
from thoughtengine.storage.files import (
    building,
    copy_file,
    discard,
    link_or_copy,
    make_sibling,
    publish,
    replace_file,
    size_of,
    sum_of,
    sync_tree,
    translated,
)


def fail_with(number: int) -> object:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    replace_file(path, b"one")
    replace_file(path, b"two", durable=False)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_replacement_that_fails_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a"
    replace_file(path, b"one")
    monkeypatch.setattr(os, call, fail_with(errno.ENOSPC))
    with pytest.raises(OSError, match="space"):
        replace_file(path, b"two")
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_bytes() == b"one"


def test_writes_that_come_back_short_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data[:3])))
    replace_file(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


# ---- building aside


def test_what_is_built_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "mind"

    def build(folder: Path) -> None:
        assert not target.exists()
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "a").write_text("x")

    building(target, build)
    assert (target / "a").read_text() == "x"
    assert os.listdir(target.parent) == ["mind"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "a").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        building(tmp_path / "mind", build)
    assert os.listdir(tmp_path) == []


def test_an_empty_folder_is_taken_and_a_full_one_is_left(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    building(tmp_path / "empty", lambda folder: (folder / "a").touch())
    assert os.listdir(tmp_path / "empty") == ["a"]
    before = listing(tmp_path)
    with pytest.raises(StoreExistsError):
        building(tmp_path / "empty", lambda folder: (folder / "b").touch())
    assert listing(tmp_path) == before


def test_a_file_in_the_place_of_the_target_is_left(tmp_path: Path) -> None:
    (tmp_path / "mind").write_text("mine")
    sibling = make_sibling(tmp_path / "mind")
    with pytest.raises(StoreExistsError):
        publish(sibling, tmp_path / "mind")
    assert (tmp_path / "mind").read_text() == "mine"
    assert os.listdir(tmp_path) == ["mind"]


def test_leftovers_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = tmp_path / f".mind.{child.pid}-abcd1234.part"
    mine, foreign, init = (
        tmp_path / f".mind.{os.getpid()}-abcd1234.part",
        tmp_path / f".mine.{child.pid}-abcd1234.part",
        tmp_path / ".mind.1-abcd1234.part",
    )
    for folder in (dead, mine, foreign, init):
        folder.mkdir()
    sibling = make_sibling(tmp_path / "mind")
    assert {path.name for path in tmp_path.iterdir()} == {mine.name, foreign.name, init.name, sibling.name}


@pytest.mark.parametrize("name", ["a[1]", "*", "**", "[", "a?b", "ü é"])
def test_names_are_names_and_not_patterns(tmp_path: Path, name: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    mine, other = (tmp_path / f".{stem}.{child.pid}-abcd1234.part" for stem in (name, "a1"))
    mine.mkdir()
    other.mkdir()
    building(tmp_path / name, lambda folder: (folder / "a").touch())
    assert {path.name for path in tmp_path.iterdir()} == {name, other.name}


# ---- linking and copying


def test_a_link_shares_and_a_copy_does_not(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"x" * 3_000_000)
    link_or_copy(str(source), str(tmp_path / "linked"))
    copy_file(str(source), str(tmp_path / "copied"))
    assert (tmp_path / "linked").samefile(source)
    assert not (tmp_path / "copied").samefile(source)
    assert sum_of(tmp_path / "copied") == sum_of(source) != sum_of(Path(__file__))


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP])
def test_where_links_cannot_be_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(os, "link", fail_with(number))
    link_or_copy(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == b"x"
    assert not (tmp_path / "b").samefile(tmp_path / "a")


def test_another_failure_of_a_link_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        link_or_copy(str(tmp_path / "none"), str(tmp_path / "b"))


def test_nothing_is_ever_copied_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    for give in (copy_file, link_or_copy):
        with pytest.raises(FileExistsError):
            give(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "b"


# ---- the rest


def test_discard_takes_folders_files_links_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "folder link").symlink_to(tmp_path)
    for name in ("folder", "file", "link", "folder link", "nothing"):
        discard(tmp_path / name)
    assert os.listdir(tmp_path) == ["kept"]


def test_sizes_are_added_up(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"123")
    (tmp_path / "c").write_bytes(b"4567")
    assert size_of(tmp_path) == 7
    assert size_of(tmp_path / "none") == 0
    sync_tree(tmp_path)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EACCES, StoreError),
        (errno.EROFS, StoreError),
        (errno.EIO, StoreError),
    ],
)
def test_the_systems_errors_become_ours(number: int, kind: type[StoreError]) -> None:
    with pytest.raises(StoreError, match=os.strerror(number)) as told, translated("mind"):
        raise OSError(number, os.strerror(number), "some file")
    assert type(told.value) is kind
    assert "some file" in str(told.value)


def test_our_errors_and_those_of_others_pass() -> None:
    with pytest.raises(StoreExistsError), translated("mind"):
        raise StoreExistsError("x", "there")
    with pytest.raises(ZeroDivisionError), translated("mind"):
        raise ZeroDivisionError


def test_leftovers_end_alike() -> None:
    assert files.PART == ".part"
