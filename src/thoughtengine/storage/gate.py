"""Many readers or one closer: LevelDB must not be closed under a call that is running."""

from __future__ import annotations

import threading
import time
from types import TracebackType

__all__ = ["Gate"]

_GLANCE = 0.0005
"""Seconds between two looks whether the readers have left; closing is rare, reading is not."""


class Gate:
    """Hold it with ``with gate:`` to read; `shut` waits until nobody else does, and `open` lets them in again.

    A reader costs a fraction of a microsecond and holds no lock: an interrupt between any two steps leaves at most a note
    that its own thread is inside, which the next read of that thread clears and its own `shut` does not wait for.
    """

    def __init__(self) -> None:
        self._inside: dict[int, bool] = {}
        self._closer: int | None = None
        self._opened = threading.Event()
        self._opened.set()

    def __enter__(self) -> None:
        me = threading.get_ident()
        while True:
            self._inside[me] = True  # first the note, then the look: one of both threads sees the other
            if self._closer is None or self._closer == me:
                return
            self._inside.pop(me, None)
            self._opened.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside.pop(threading.get_ident(), None)

    def shut(self) -> None:
        """Keep new readers out and wait for those inside; called by one thread at a time."""
        me = threading.get_ident()
        self._opened.clear()
        self._closer = me
        try:
            while any(reader != me for reader in list(self._inside)):
                time.sleep(_GLANCE)
        except BaseException:
            self.open()
            raise

    def open(self) -> None:
        """Let readers in."""
        self._closer = None
        self._opened.set()
