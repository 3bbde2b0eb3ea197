"""Many readers or one closer: LevelDB must not be closed under a call that is running."""

from __future__ import annotations

import threading
from types import TracebackType

__all__ = ["Gate"]


class Gate:
    """Hold it with ``with gate:`` to read; `shut` waits until nobody does, and `open` lets them in again.

    A reader costs about a microsecond. Readers never wait for writers: LevelDB does not need that.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition(threading.Lock())
        self._readers = 0
        self._shut = False

    def __enter__(self) -> None:
        condition = self._condition
        with condition:
            while self._shut:
                condition.wait()
            self._readers += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        condition = self._condition
        with condition:
            self._readers -= 1
            if self._shut and not self._readers:
                condition.notify_all()

    def shut(self) -> None:
        """Keep new readers out and wait for those inside; called by one thread at a time."""
        with self._condition:
            self._shut = True
            while self._readers:
                self._condition.wait()

    def open(self) -> None:
        """Let readers in."""
        with self._condition:
            self._shut = False
            self._condition.notify_all()
