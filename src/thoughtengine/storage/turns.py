"""Turns: a lock is taken again at once by who let it go, so who writes all the time gives way to who waits for it."""

from __future__ import annotations

import threading
import time

__all__ = ["Turns"]

_LONG = 0.001
"""Seconds somebody may wait before who has just written gives way: a change of threads for each write costs more than it."""

_GLANCE, _MOST = 0.00005, 0.005
"""Seconds between two looks whether the lock was taken, and after which nobody is waited for."""


class Turns:
    """Notes of who waits for a lock. They are advice: whatever an interrupt leaves of them costs milliseconds, no more.

    Call `wait` before the lock is asked for, `begin` when it is held, `leave` whatever happened.
    """

    def __init__(self) -> None:
        self._since: dict[int, float] = {}  # thread → when it began to wait
        self._last = self._inside = 0  # the thread that had the lock last, and that has it

    def wait(self) -> None:
        """Give way where this thread had the lock last, has it no more, and another one has been waiting for long."""
        me, now = threading.get_ident(), time.monotonic()
        if me == self._inside:
            return
        if self._since and me == self._last and now - min(self._since.copy().values(), default=now) > _LONG:
            while self._since and me == self._last:
                if time.monotonic() - now > _MOST:  # an interrupt left it, or something else has the lock
                    self._since.clear()
                time.sleep(_GLANCE)
        self._since[me] = now

    def begin(self) -> None:
        """Note that this thread has the lock."""
        self._last = self._inside = threading.get_ident()
        self._since.pop(self._last, None)

    def leave(self) -> None:
        """Note that this thread has the lock no more, nor waits for it."""
        self._inside = 0
        self._since.pop(threading.get_ident(), None)
