"""A LevelDB that lies bare in the root of a folder, as format 1 does: locked, taken in, cleared away, given out again."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import re
from pathlib import Path

from thoughtengine.errors import StoreLockedError
from thoughtengine.storage.checkpoint import checkpoint
from thoughtengine.storage.files import link_or_copy, sync_folder
from thoughtengine.storage.incident import INCIDENTS

__all__ = ["BESIDE", "FILES", "BareLock", "clear", "give_out", "is_bare", "take_in"]

BESIDE = ".te"
"""What format 1 cannot hold lies there while a store is of that format."""

FILES = re.compile(r"CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp)")
"""Names of LevelDB's files."""

_NUMBER = re.compile(r"\d+")
_CURRENT, _LOCK = "CURRENT", "LOCK"


def is_bare(root: Path) -> bool:
    """Tell whether a LevelDB lies in the folder itself."""
    return (root / _CURRENT).is_file()


def _names(root: Path) -> list[str]:
    """Return the names of LevelDB's files in a folder, CURRENT first and LOCK last: without the one there is no store."""
    found = [name for name in os.listdir(root) if FILES.fullmatch(name)]
    return sorted(found, key=lambda name: (name == _LOCK, name != _CURRENT, name))


class BareLock:
    """LevelDB's own lock, held by a descriptor of ours: a program of the old format knows no other.

    While it is held, nothing in this process may open or close that file otherwise: the lock would be gone.

    Raises
    ------
    StoreLockedError
        When a program has the bare store open.
    """

    def __init__(self, root: Path) -> None:
        path = root / _LOCK
        if _open_here(path):
            raise _locked(root, os.getpid())
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise _locked(root, None) from error

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _locked(root: Path, pid: int | None) -> StoreLockedError:
    told = (
        "a program of the old format has it open" + (" in this very process" if pid else "") + ": close it there first"
    )
    return StoreLockedError(root, told, pid=pid, host=None, since=None)


def _open_here(path: Path) -> bool:
    """Tell whether this process has a file open: a record lock of ours would not notice."""
    with contextlib.suppress(OSError):
        there = os.stat(path)
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                mine = os.stat(f"/proc/self/fd/{name}")
                if (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino):
                    return True
    return False


def take_in(root: Path, target: Path) -> None:
    """Link exactly what CURRENT, its MANIFEST and the live logs name into `target`, durably; the root stays as it is."""
    checkpoint(None, root, target)


def clear(root: Path, sealed: Path | None) -> str | None:
    """Unlink the bare files where they are those of `sealed`; where they are not, move them to `incidents/`.

    Returns
    -------
    str or None
        Where files of somebody else were put.
    """
    names = _names(root)
    if is_bare(root) and (sealed is None or not _same(root, sealed)):
        return _put_aside(root, names)
    for name in names:
        (root / name).unlink(missing_ok=True)
        if name == _CURRENT:
            sync_folder(root)
    if names:
        sync_folder(root)
    return None


def _same(root: Path, sealed: Path) -> bool:
    """Tell whether CURRENT, MANIFEST and logs are those of the sealed copy: whoever opens a LevelDB changes them."""
    told = [name for name in _names(root) if name == _CURRENT or name.startswith("MANIFEST-") or name.endswith(".log")]
    for name in told:
        there = sealed / name
        if there.exists() and there.read_bytes() != (root / name).read_bytes():
            return False
        if not there.exists() and (name == _CURRENT or _is_newer(name, sealed)):
            return False
    return True


def _is_newer(name: str, sealed: Path) -> bool:
    """Tell whether a MANIFEST or log has a number above those of the sealed copy: an orphan of old has a lower one."""
    return _number(name) > max((_number(path.name) for path in sealed.iterdir()), default=0)


def _number(name: str) -> int:
    """Return the number in the name of a LevelDB's file, 0 where it bears none: a purged or mended copy has LOCK and LOG."""
    found = _NUMBER.search(name)
    return int(found[0]) if found else 0


def _put_aside(root: Path, names: list[str]) -> str:
    target = root / INCIDENTS / f"bare-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}"
    target.mkdir(mode=0o700, parents=True)
    for name in reversed(names):  # CURRENT last: until then the next try finds what is left
        os.rename(root / name, target / name)
    sync_folder(target)
    sync_folder(target.parent)
    sync_folder(root)
    return f"{INCIDENTS}/{target.name}"


def give_out(source: Path, root: Path) -> None:
    """Link a closed LevelDB into the root, CURRENT last and durably: from then on an old program can open it."""
    names = [name for name in _names(source) if name != _LOCK and not name.startswith("LOG")]
    for name in reversed(names):
        if name == _CURRENT:
            sync_folder(root)
        link_or_copy(str(source / name), str(root / name))
    sync_folder(root)
