"""Neighbours, mount points, links, strays, full disks: what lies around a mind is left alone, and named when it is in the way."""

import errno
import gc
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.contracts import notes
from tests.damage.listing import listing
from thoughtengine.config import StorageConfig
from thoughtengine.errors import (
    InvalidArgumentError,
    StoreDamagedError,
    StoreError,
    StoreExistsError,
    StoreNotFoundError,
)
from thoughtengine.integration.recovery import check_folder
from thoughtengine.storage import files, incident
from thoughtengine.storage.ballast import BALLAST
from thoughtengine.storage.copies import SNAPSHOTS, backup, fork, purge_snapshots, restore, snapshot
from thoughtengine.storage.files import CREATING, building, clear_unfinished, is_free, is_unfinished
from thoughtengine.storage.folder import FolderStore, open_folder
from thoughtengine.storage.incident import INCIDENTS, read_incidents, record_incident
from thoughtengine.storage.keyspace import MEMORY, RECEIPT
from thoughtengine.storage.lock import LOCK
from thoughtengine.storage.pointer import BACKUP, STORE, read_pointer

SMALL = StorageConfig(write_buffer_bytes=1 << 16, mark_every=64)
NAMES = {"STORE", "STORE.bak", "gen-000001"}


def made(path: Path) -> None:
    open_folder(path, SMALL, create=True)[0].close()


# ---- neighbours


@pytest.mark.parametrize("name", [".mind.keep.part", ".mind.12-x.part", ".mind.99999999-ABCDEF01.part", ".mind.part"])
def test_a_folder_beside_the_mind_that_is_not_ours_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    made(tmp_path / "mind")
    assert (tmp_path / name).is_dir()


@pytest.mark.parametrize("name", ["gen-000007", "nightly.part", "deep/down"])
@pytest.mark.parametrize("copy", [backup, fork])
def test_no_copy_is_made_inside_the_mind(store: FolderStore, copy: Any, name: str) -> None:
    before = listing(store.root)
    with pytest.raises(InvalidArgumentError, match="outside the mind"):
        copy(store.root, store.root / name)
    assert listing(store.root) == before


# ---- in an empty folder


def test_an_empty_folder_is_kept_and_becomes_the_mind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    made(Path())
    assert set(os.listdir()) >= NAMES
    assert tmp_path.stat().st_ino == before == os.stat(".").st_ino
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert not [name for name in os.listdir() if name.endswith(".part")]


def test_nothing_is_made_beside_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "mind"
    target.mkdir()
    monkeypatch.setattr(files, "make_sibling", lambda path: pytest.fail("the parent may not be writable"))
    made(target)
    (tmp_path / "copy").mkdir()
    backup(target, tmp_path / "copy")
    assert {"BACKUP", "BACKUP.bak", "gen-000001"} == set(os.listdir(tmp_path / "copy"))


class KilledError(BaseException):
    """Where a process would have died."""


def test_a_kill_at_any_rename_leaves_a_free_folder_or_a_mind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, rename = tmp_path / "mind", os.rename

    def dies(nth: int) -> None:
        target.mkdir()
        calls = iter(range(100))

        def renamed(source: Any, to: Any) -> None:
            if Path(source).is_relative_to(target) and Path(to).parent == target and next(calls) == nth:
                raise KilledError
            rename(source, to)

        with monkeypatch.context() as patched:
            patched.setattr(os, "rename", renamed)
            patched.setattr(files, "_undo", lambda folder: None)  # a killed process tidies nothing
            with pytest.raises(KilledError):
                made(target)

    for nth in range(4):
        dies(nth)
        assert is_unfinished(target)
        with pytest.raises(StoreNotFoundError, match="not finished"):
            read_pointer(target)
        store, created = open_folder(target, SMALL, create=True)
        assert (created, store.incidents) == (True, [])
        store.close()
        assert not (target / CREATING).exists()
        shutil.rmtree(target)


def test_what_is_not_ours_is_not_cleared(tmp_path: Path) -> None:
    for name in (CREATING, ".new.part", "gen-000001", "mine"):
        (tmp_path / name).mkdir() if name.startswith("gen") else (tmp_path / name).touch()
    clear_unfinished(tmp_path)
    assert os.listdir(tmp_path) == ["mine"]
    assert not is_free(tmp_path)


def test_a_whole_mind_that_was_moved_up_in_part_is_cleared(tmp_path: Path) -> None:
    for name in (".new.part", "gen-000001", "index-000001"):
        (tmp_path / name).mkdir()
    for name in (CREATING, "STORE.bak", "STORE.part", "te.lock", "reserve.bin"):
        (tmp_path / name).touch()
    assert is_free(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_marker_beside_a_pointer_file_is_no_leave_to_remove(tmp_path: Path) -> None:
    made(tmp_path / "mind")
    (tmp_path / "mind" / CREATING).touch()
    clear_unfinished(tmp_path / "mind")
    assert not is_free(tmp_path / "mind")
    made(tmp_path / "mind")
    assert not (tmp_path / "mind" / CREATING).exists()


def test_what_fails_in_an_empty_folder_leaves_it_empty(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / STORE).write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        building(tmp_path, build)
    assert os.listdir(tmp_path) == []


def test_what_came_to_be_in_it_meanwhile_is_left(tmp_path: Path) -> None:
    with pytest.raises(StoreExistsError):
        building(tmp_path, lambda folder: (tmp_path / "mine").touch())
    assert os.listdir(tmp_path) == ["mine"]


def test_of_two_that_build_in_one_folder_one_does(tmp_path: Path) -> None:
    building_now, go_on, told = threading.Event(), threading.Event(), []

    def slow(folder: Path) -> None:
        building_now.set()
        assert go_on.wait(20)
        (folder / STORE).write_text("first")

    def second() -> None:
        with pytest.raises(StoreExistsError) as raised:
            building(tmp_path, lambda folder: (folder / STORE).write_text("second"))
        told.append(raised.value)

    first = threading.Thread(target=building, args=(tmp_path, slow))
    first.start()
    assert building_now.wait(20)
    other = threading.Thread(target=second)
    other.start()
    go_on.set()
    first.join()
    other.join()
    assert len(told) == 1
    assert (tmp_path / STORE).read_text() == "first"
    assert os.listdir(tmp_path) == [STORE]


# ---- snapshots


def test_a_stray_in_snapshots_does_not_stop_an_erasure(store: FolderStore) -> None:
    store.commit(notes(1), next_id=2, memories=1)
    snapshot(store, "s1")
    (store.root / SNAPSHOTS / ".DS_Store").write_text("x")
    (store.root / SNAPSHOTS / "old").mkdir()
    assert purge_snapshots(store, {MEMORY.key(1)}, (RECEIPT, {})) == ["s1"]


@pytest.mark.parametrize("gone", ["gen-000001", BACKUP])
def test_a_snapshot_that_does_not_read_is_named(store: FolderStore, gone: str) -> None:
    store.commit(notes(1), next_id=2, memories=1)
    snapshot(store, "s1")
    for path in (store.root / SNAPSHOTS / "s1").glob(gone + "*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(StoreDamagedError, match=r"s1.*delete this folder"):
        purge_snapshots(store, {MEMORY.key(1)}, (RECEIPT, {}))


# ---- incidents


def test_an_incident_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        record_incident(tmp_path, "write error", "no room")
    assert os.listdir(tmp_path / INCIDENTS) == []
    record_incident(tmp_path, "write error", "no room")
    assert len(read_incidents(tmp_path)) == 1


def test_the_same_is_told_once_in_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for message in ("a", "a", "b", "a"):
        record_incident(tmp_path, "damage", message)
    assert [found.message for found in read_incidents(tmp_path)] == ["a", "b"]
    monkeypatch.setattr(incident, "_QUIET", -1.0)
    record_incident(tmp_path, "damage", "a")
    assert [found.message for found in read_incidents(tmp_path)] == ["a", "b", "a"]


# ---- links and locks


@pytest.mark.parametrize("name", [LOCK, BALLAST])
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str) -> None:
    made(tmp_path / "mind")
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "mind" / name).unlink()
    (tmp_path / "mind" / name).symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="symbolic link"):
        made(tmp_path / "mind")
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_store_that_is_collected_lets_go(tmp_path: Path) -> None:
    store: FolderStore | None = open_folder(tmp_path / "mind", SMALL, create=True)[0]
    assert store is not None
    del store
    gc.collect()
    made(tmp_path / "mind")


# ---- the system's errors


def test_copies_tell_errors_of_the_system_as_ours(tmp_path: Path) -> None:
    made(tmp_path / "mind")
    long = tmp_path / ("x" * 300)
    calls = [lambda: backup(tmp_path / "mind", long), lambda: fork(tmp_path / "mind", long)]
    calls += [
        lambda: restore(long, tmp_path / "r"),
        lambda: restore(tmp_path / "mind", long),
        lambda: backup(long, long),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="name too long"):
            call()


def test_a_folder_in_the_place_of_a_log_is_told(tmp_path: Path) -> None:
    made(tmp_path / "mind")
    log = next((tmp_path / "mind" / "gen-000001").glob("*.log"))
    log.unlink()
    log.mkdir()
    with pytest.raises(StoreError, match="directory"):
        check_folder(tmp_path / "mind")
