"""Watch: a step of a host that does not come back is broken off."""

from __future__ import annotations

import ctypes
import threading
import time
from types import TracebackType

__all__ = ["TookTooLongError", "Watch"]

_GLANCES = 10  # looks of the watching thread within the time that is allowed
_IDLE = 50  # looks without anything to watch after which it ends


class TookTooLongError(BaseException):
    """Raised inside a step that has used up its time; a step that catches every `Exception` does not catch it."""


class Watch:
    """Raises inside a block when it takes longer; only what runs Python code can be broken off.

    Parameters
    ----------
    seconds : float
        For one block.

    Notes
    -----
    A block costs a microsecond: one thread watches all of them, begins with the first, and ends when there are none.

    Examples
    --------
    >>> watch = Watch(0.05)
    >>> try:
    ...     with watch:
    ...         while True:
    ...             pass
    ... except TookTooLongError:
    ...     print("broken off")
    broken off
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._guard = threading.Lock()
        self._since: float | None = None
        self._inside = 0
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> None:
        with self._guard:
            self._inside, self._since = threading.get_ident(), time.monotonic()
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._run, name="thoughtengine watch", daemon=True)
                self._watcher.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            self._since = None

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(self.seconds / _GLANCES)
            with self._guard:
                idle = idle + 1 if self._since is None else 0
                if idle >= _IDLE:
                    self._watcher = None
                    return
                if self._since is not None and time.monotonic() - self._since >= self.seconds:
                    self._since = None
                    inside = ctypes.c_ulong(self._inside)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(inside, ctypes.py_object(TookTooLongError))
