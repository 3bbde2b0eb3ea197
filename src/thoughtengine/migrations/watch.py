"""Watch: a step of a host that does not come back is broken off."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["TookTooLongError", "time_limit"]


class TookTooLongError(BaseException):
    """Raised inside a step that has used up its time; a step that catches every `Exception` does not catch it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise inside the block when it takes longer; only what runs Python code can be broken off.

    Raises
    ------
    TookTooLongError
        In the thread that entered.
    """
    thread, guard, over = threading.get_ident(), threading.Lock(), False

    def stop() -> None:
        with guard:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TookTooLongError))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with guard:
            over = True
        timer.cancel()
