"""Space held back, so that a store on a full disk can be reopened: LevelDB must write its log out as a table to recover."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from thoughtengine.errors import StoreError

__all__ = ["BALLAST", "Ballast"]

BALLAST = "reserve.bin"
_NO_FILE = {errno.ELOOP: "a symbolic link", errno.EISDIR: "a folder"}


class Ballast:
    """The file that gives space back.

    Parameters
    ----------
    root : Path
        The folder of the mind.
    size_bytes : int
        Twice LevelDB's write buffer: its log, and the table made from it.

    Attributes
    ----------
    held : bool
        Whether the space is reserved, as far as this process knows.
    """

    def __init__(self, root: Path, size_bytes: int) -> None:
        self._path = root / BALLAST
        self._size = size_bytes
        self.held = False

    def _found(self) -> bool:
        """Tell whether the space is reserved; what is too much, of a larger buffer before, is given back."""
        try:
            if self._path.lstat().st_size > self._size:
                self._cut()
            return self._path.lstat().st_blocks * 512 >= self._size
        except OSError:
            return False

    def _cut(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            os.ftruncate(descriptor, self._size)
        finally:
            os.close(descriptor)

    def take(self) -> bool:
        """Reserve the space, if it is not; return whether it is reserved now.

        Raises
        ------
        StoreError
            Where the name is a symbolic link's, as what it points to is not ours to fill, or a folder's.
        """
        if self.held or self._found():
            self.held = True
            return True
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            if (what := _NO_FILE.get(error.errno or 0)) is not None:
                raise StoreError(self._path, f"the reserve is {what}: remove it") from error
            return False
        try:
            self._fill(descriptor)
            self.held = True
            return True
        except OSError:
            self.release()
            return False
        finally:
            os.close(descriptor)

    def _fill(self, descriptor: int) -> None:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(descriptor, 0, self._size)
                return
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                    raise
        block = os.urandom(1 << 16)  # zeros would not take space on a file system that compresses
        for at in range(0, self._size, len(block)):
            os.pwrite(descriptor, block[: self._size - at], at)
        os.fsync(descriptor)

    def release(self) -> None:
        """Give the space back."""
        self.held = False
        with contextlib.suppress(OSError):
            self._path.unlink()
