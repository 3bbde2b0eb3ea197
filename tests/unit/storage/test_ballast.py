"""The ballast takes real space and gives it back."""

import errno
import os
from pathlib import Path

import pytest

from thoughtengine.errors import StoreError
from thoughtengine.storage.ballast import BALLAST, Ballast

SIZE = 1 << 20


def blocks(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_it_takes_space_and_gives_it_back(tmp_path: Path) -> None:
    ballast, file = Ballast(tmp_path, SIZE), tmp_path / BALLAST
    assert not ballast.held
    assert ballast.take()
    assert ballast.held
    assert blocks(file) >= SIZE
    assert ballast.take()
    ballast.release()
    assert not ballast.held
    assert not file.exists()
    ballast.release()


def test_what_an_earlier_process_took_is_kept(tmp_path: Path) -> None:
    Ballast(tmp_path, SIZE).take()
    before = (tmp_path / BALLAST).stat().st_mtime_ns
    assert Ballast(tmp_path, SIZE).take()
    assert (tmp_path / BALLAST).stat().st_mtime_ns == before


@pytest.mark.parametrize("size", [0, SIZE // 2])
def test_what_was_cut_is_filled_up(tmp_path: Path, size: int) -> None:
    Ballast(tmp_path, SIZE).take()
    os.truncate(tmp_path / BALLAST, size)
    assert Ballast(tmp_path, SIZE).take()
    assert blocks(tmp_path / BALLAST) >= SIZE


def test_of_what_is_larger_the_rest_is_given_back(tmp_path: Path) -> None:
    Ballast(tmp_path, 3 * SIZE).take()
    assert Ballast(tmp_path, SIZE).take()
    assert (tmp_path / BALLAST).stat().st_size == SIZE
    assert SIZE <= blocks(tmp_path / BALLAST) < 2 * SIZE


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / BALLAST).mkdir()
    with pytest.raises(StoreError, match="is a folder: remove it"):
        Ballast(tmp_path, SIZE).take()
    assert (tmp_path / BALLAST).is_dir()


def test_a_link_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(bytes(100))
    (tmp_path / BALLAST).symlink_to(tmp_path / "other")
    with pytest.raises(StoreError, match="symbolic link"):
        Ballast(tmp_path, 1).take()
    assert (tmp_path / "other").read_bytes() == bytes(100)


def test_a_file_of_holes_is_no_ballast(tmp_path: Path) -> None:
    with open(tmp_path / BALLAST, "wb") as file:
        file.truncate(SIZE)
    assert Ballast(tmp_path, SIZE).take()
    assert blocks(tmp_path / BALLAST) >= SIZE


def test_a_full_disk_gives_none_and_no_rest_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    ballast = Ballast(tmp_path, SIZE)
    assert not ballast.take()
    assert not ballast.held
    assert os.listdir(tmp_path) == []
    monkeypatch.undo()
    assert ballast.take()


def test_where_space_cannot_be_reserved_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*arguments: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    assert Ballast(tmp_path, SIZE + 77).take()
    assert (tmp_path / BALLAST).stat().st_size == SIZE + 77
    assert blocks(tmp_path / BALLAST) >= SIZE


def test_a_folder_that_is_gone_gives_none(tmp_path: Path) -> None:
    assert not Ballast(tmp_path / "none", SIZE).take()
