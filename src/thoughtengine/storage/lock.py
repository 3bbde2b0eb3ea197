"""Who holds a folder: flock on `te.lock` and a registry in this process; LevelDB's own LOCK is lost silently.

(LevelDB uses fcntl record locks, which go when any descriptor of the file is closed in the process.)
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import fcntl
import gc
import os
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import msgspec

from thoughtengine.errors import StoreError, StoreFullError, StoreLockedError
from thoughtengine.storage.files import FULL

__all__ = ["LOCK", "FolderLock", "holder_here"]

LOCK = "te.lock"
_CLOSED = b"closed\n"
_MOMENT = 0.4  # seconds that a thread behind the calls lives on after its work, and some

_registry: dict[str, FolderLock] = {}
_guard = threading.RLock()  # an owner may be collected, and so let go, while this very thread holds it
_all: weakref.WeakSet[FolderLock] = weakref.WeakSet()


class FolderLock:
    """An exclusive hold on a folder until `release`, or until the process ends.

    Parameters
    ----------
    root : Path
        The folder; it must exist.
    owner : object
        What holds it, for `holder_here`; kept by weak reference: when it is collected, the hold ends.

    Attributes
    ----------
    closed : bool
        Whether all that was written is covered by the mark: as the one before left it, until the owner says otherwise. Whoever is
        killed leaves False.

    Raises
    ------
    StoreLockedError
        When this or another process holds it, with the holder's pid, host and time.
    StoreError
        When the lock file cannot be written.
    """

    def __init__(self, root: Path, owner: object) -> None:
        self._name = os.path.realpath(root)
        self._path = os.path.join(root, LOCK)
        self._descriptor = -1
        self._owner = weakref.ref(owner, lambda _: self.release())
        self.forked = self.closed = False
        _collect(self._name)
        with _guard:
            if self._name in _registry:
                raise StoreLockedError(
                    root,
                    f"already open in this process (pid {os.getpid()}): share that mind between threads, or close it first",
                    pid=os.getpid(),
                    host=os.uname().nodename,
                    since=None,
                )
            self._descriptor, self.closed = self._take(root)
            mine = os.fstat(self._descriptor)
            self._identity = mine.st_dev, mine.st_ino
            _registry[self._name] = self
            _all.add(self)

    @staticmethod
    def _take(root: Path) -> tuple[int, bool]:
        path = root / LOCK
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise StoreError(
                    path, "the lock file is a symbolic link: remove it, a mind writes no other's"
                ) from error
            kind = StoreFullError if error.errno in FULL else StoreError
            why = f"the lock file cannot be opened for writing: {error.strerror}"
            if kind is StoreError:
                why += "; make the folder writable for this user, or copy it (cp -r) to where it can be written"
            raise kind(path, f"{why} (nothing was touched)") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            told = os.pread(descriptor, 4096, 0)
            os.close(descriptor)
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise _locked(root, told) from error
            raise StoreError(path, f"the file system gives no lock: {error.strerror}") from error
        since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        told = msgspec.json.encode({"pid": os.getpid(), "host": os.uname().nodename, "since": since})
        closed = os.pread(descriptor, len(_CLOSED) + 1, 0) == _CLOSED
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, told + b"\n", 0)
        except OSError as error:  # a full disk: the lock holds all the same, only its label is missing
            if error.errno not in FULL:
                os.close(descriptor)
                raise StoreError(path, f"the lock file cannot be written: {error.strerror}") from error
        return descriptor, closed

    def in_place(self) -> bool:
        """Tell whether the folder still lies where it was locked; one system call."""
        try:
            there = os.stat(self._path)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == self._identity

    def release(self) -> None:
        """Let go; a second call does nothing."""
        with _guard:
            if _registry.get(self._name) is self:
                del _registry[self._name]
            if self._descriptor >= 0:
                if self.closed:
                    with contextlib.suppress(OSError):
                        os.ftruncate(self._descriptor, 0)
                        os.pwrite(self._descriptor, _CLOSED, 0)
                os.close(self._descriptor)
                self._descriptor = -1

    def _leave_in_child(self) -> None:
        self.forked = True
        owner: Any = self._owner()
        if owner is not None:
            owner.forked()
        if self._descriptor >= 0:
            os.close(self._descriptor)  # closing a duplicate keeps the parent's lock; LOCK_UN would not
            self._descriptor = -1


def _collect(name: str) -> None:
    """Let go of a folder that is held here by a mind nobody refers to any more: it stays until the collector comes by.

    What is done behind its calls may refer to it for a moment longer.
    """
    for pause in (0.0, _MOMENT):
        if name in _registry:
            time.sleep(pause)
            gc.collect()


def _locked(root: Path, told: bytes) -> StoreLockedError:
    try:
        who = msgspec.json.decode(told, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        who = {}
    pid, host, since = who.get("pid"), who.get("host"), who.get("since")
    return StoreLockedError(
        root,
        f"open in another process (pid {pid} on {host}, since {since}): close it there, or talk to that process; "
        f"a mind has one process at a time",
        pid=pid,
        host=host,
        since=since,
    )


def holder_here(root: Path) -> Any:
    """Return what holds `root` in this process, or None."""
    with _guard:
        lock = _registry.get(os.path.realpath(root))
        return lock._owner() if lock else None


def _in_child() -> None:
    global _guard  # noqa: PLW0603
    _guard = threading.RLock()  # whoever held it is not in this process
    for lock in list(_all):
        lock._leave_in_child()
    _registry.clear()


os.register_at_fork(after_in_child=_in_child)
