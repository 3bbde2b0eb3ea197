"""Ahead: what comes next is made while the disk is waited for, which LevelDB does without the interpreter."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class Ahead(Generic[T]):
    """Makes something in a thread, from now on.

    Parameters
    ----------
    make : callable
        Makes it. What it raises counts for nothing: whoever needs it makes it again, and meets the same.

    Examples
    --------
    >>> Ahead(lambda: 6 * 7).take()
    42
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._made = make, list[T]()
        self._thread = threading.Thread(target=self._run, name="thoughtengine ahead", daemon=True)
        with contextlib.suppress(RuntimeError):  # there can be no more threads, or the program ends
            self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(BaseException):
            self._made.append(self._make())

    def take(self) -> T | None:
        """Return it when it is made; None where it could not be. Nothing is at work for it any more then."""
        if self._thread.ident is not None:
            try:
                self._thread.join()
            except BaseException:  # an interrupt: what it reads from is about to be closed
                self._thread.join()
                raise
        return self._made.pop() if self._made else None
