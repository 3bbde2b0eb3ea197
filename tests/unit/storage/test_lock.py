"""The lock of a folder: one holder, told who; neither a copy nor a child takes it away."""

import errno
import fcntl
import gc
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from thoughtengine.errors import StoreError, StoreFullError, StoreLockedError
from thoughtengine.storage.lock import LOCK, FolderLock, holder_here

TRY = """
import sys
from pathlib import Path
from thoughtengine.storage.lock import FolderLock
class Owner: pass
owner = Owner()
try:
    lock = FolderLock(Path(sys.argv[1]), owner)
except Exception as error:
    print(type(error).__name__, getattr(error, "pid", None), getattr(error, "host", None), getattr(error, "since", None))
else:
    print("locked")
"""


class Owner:
    def __init__(self) -> None:
        self.was_forked = False

    def forked(self) -> None:
        self.was_forked = True


def from_outside(root: Path) -> list[str]:
    """Try to lock in another process, and give what it prints."""
    done = subprocess.run([sys.executable, "-c", TRY, str(root)], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_second_holder_in_this_process_is_told(tmp_path: Path) -> None:
    owner = Owner()
    lock = FolderLock(tmp_path, owner)
    with pytest.raises(StoreLockedError, match="this process") as told:
        FolderLock(tmp_path, Owner())
    assert told.value.pid == os.getpid()
    assert holder_here(tmp_path) is owner
    lock.release()
    lock.release()
    assert holder_here(tmp_path) is None
    FolderLock(tmp_path, Owner()).release()


def test_another_way_to_the_same_folder_is_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "mind").mkdir()
    (tmp_path / "link").symlink_to("mind")
    owner = Owner()
    lock = FolderLock(tmp_path / "mind", owner)
    with pytest.raises(StoreLockedError):
        FolderLock(tmp_path / "link", Owner())
    assert holder_here(tmp_path / "mind" / ".." / "link") is owner
    lock.release()


def test_a_second_holder_in_another_process_is_told_who_holds_it(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, owner := Owner())
    kind, pid, host, since = from_outside(tmp_path)
    assert (kind, pid, host) == ("StoreLockedError", str(os.getpid()), socket.gethostname())
    assert since == json.loads((tmp_path / LOCK).read_text())["since"]
    lock.release()
    assert from_outside(tmp_path) == ["locked"]
    assert not owner.was_forked


def test_reading_or_copying_the_lock_file_does_not_let_go(tmp_path: Path) -> None:
    (tmp_path / "mind").mkdir()
    lock = FolderLock(tmp_path / "mind", owner := Owner())
    (tmp_path / "mind" / LOCK).read_bytes()
    shutil.copytree(tmp_path / "mind", tmp_path / "copy")
    with pytest.raises(StoreLockedError):
        FolderLock(tmp_path / "mind", Owner())
    assert from_outside(tmp_path / "mind")[0] == "StoreLockedError"
    assert from_outside(tmp_path / "copy") == ["locked"]
    lock.release()
    assert owner is not None


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    code = TRY + "sys.stdout.flush(); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == b"locked\n"
    with pytest.raises(StoreLockedError) as told:
        FolderLock(tmp_path, Owner())
    assert told.value.pid == child.pid
    child.kill()
    child.wait()
    child.stdout.close()
    child.stdin.close()
    FolderLock(tmp_path, Owner()).release()


def test_a_child_lets_go_and_the_parent_keeps_it(tmp_path: Path) -> None:
    owner = Owner()
    lock = FolderLock(tmp_path, owner)
    child = os.fork()
    if not child:
        fine = owner.was_forked and lock.forked and holder_here(tmp_path) is None
        try:
            FolderLock(tmp_path, Owner())
            fine = False
        except StoreLockedError:
            pass
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not owner.was_forked
    assert from_outside(tmp_path)[0] == "StoreLockedError"
    assert lock.in_place()
    lock.release()


LABELS = [
    b"",
    b"{",
    b"[1]",
    b'"x"',
    b"\xff\xff",
    b'{"pid": "x"}',
    b"1" * 5000,
    b'{"pid": "\\ud800"}',
    b'{"pid": ' + b"[" * 4000,
]


@pytest.mark.parametrize("label", LABELS, ids=range(len(LABELS)))
def test_a_label_that_does_not_read_is_no_matter(tmp_path: Path, label: bytes) -> None:
    (tmp_path / LOCK).write_bytes(label)
    with open(tmp_path / LOCK, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StoreLockedError, match="another process"):
            FolderLock(tmp_path, Owner())
    FolderLock(tmp_path, Owner()).release()


def test_a_folder_that_is_moved_or_replaced_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "mind"
    root.mkdir()
    lock = FolderLock(root, owner := Owner())
    assert lock.in_place()
    root.rename(tmp_path / "moved")
    assert not lock.in_place()
    root.mkdir()
    (root / LOCK).touch()
    assert not lock.in_place()
    (tmp_path / "moved" / LOCK).unlink()
    assert not lock.in_place()
    lock.release()
    assert owner is not None


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StoreFullError), (errno.EFBIG, StoreFullError), (errno.EROFS, StoreError)]
)
def test_a_lock_file_that_cannot_be_made_is_a_typed_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StoreError]
) -> None:
    def refuse(*arguments: object, **options: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(StoreError, match=os.strerror(number)) as told:
            FolderLock(tmp_path, Owner())
    assert type(told.value) is kind
    assert holder_here(tmp_path) is None
    FolderLock(tmp_path, Owner()).release()


def test_a_label_that_finds_no_room_does_not_hinder_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lock = FolderLock(tmp_path, owner := Owner())
    assert from_outside(tmp_path)[:2] == ["StoreLockedError", "None"]
    lock.release()
    assert owner is not None


def test_the_owner_is_not_kept_alive(tmp_path: Path) -> None:
    owner = Owner()
    lock = FolderLock(tmp_path, owner)
    del owner
    gc.collect()
    assert holder_here(tmp_path) is None
    lock.release()


# ---- whether the one before closed


def test_the_label_tells_the_next_one_whether_all_was_closed(tmp_path: Path) -> None:
    owner = Owner()
    lock = FolderLock(tmp_path, owner)
    assert not lock.closed, "a new one"
    lock.closed = True
    lock.release()
    lock = FolderLock(tmp_path, owner)
    assert lock.closed
    assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid(), "a kill now leaves this"
    lock.release()
    lock = FolderLock(tmp_path, owner)
    assert lock.closed, "who only looked leaves it as it was"
    lock.closed = False
    lock.release()
    lock = FolderLock(tmp_path, owner)
    assert not lock.closed
    lock.release()
