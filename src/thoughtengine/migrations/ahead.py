"""Ahead: what comes next is made while the disk is waited for, which LevelDB does without the interpreter."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from thoughtengine.storage.contract import Store

__all__ = ["Ahead", "Slices"]

T = TypeVar("T")


class Ahead(Generic[T]):
    """Makes something in a thread, from now on; `wait` for it before anything that it reads from is closed.

    Parameters
    ----------
    make : callable
        Makes it.

    Examples
    --------
    >>> later = Ahead(lambda: 6 * 7)
    >>> later.wait()
    >>> later.take()
    42
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._made = make, list[T]()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="thoughtengine ahead", daemon=True)
        with contextlib.suppress(RuntimeError):  # there can be no more threads, or the program ends
            self._thread.start()

    def _run(self) -> None:
        try:
            self._made.append(self._make())
        except BaseException as error:  # noqa: BLE001 - told when it is taken
            self._error = error

    def wait(self) -> None:
        """Wait until nothing is at work any more."""
        if self._thread.ident is None:
            return
        try:
            self._thread.join()
        except BaseException:  # an interrupt: what it reads from is about to be closed
            self._thread.join()
            raise

    def take(self) -> T | None:
        """Return what was made, None where there was no thread for it, and raise what was raised."""
        if self._error is not None:
            raise self._error
        return self._made.pop() if self._made else None


class Slices(Generic[T]):
    """Slices of a sweep, each written in a batch of its own.

    Parameters
    ----------
    store : Store
        Which they are of.
    make : callable
        ``make(before)`` makes the slice that follows one, or with None the next one as things stand; it writes nothing.
    write : callable
        ``write(slice)`` commits it, and returns the write sequence.
    """

    def __init__(self, store: Store, make: Callable[[T | None], T], write: Callable[[T], int]) -> None:
        self._store, self._make, self._write = store, make, write
        self._later: tuple[int, Ahead[T]] | None = None  # with the write sequence that it follows

    def one(self, ahead: Callable[[T], bool]) -> T:
        """Write the next slice, and return it; where `ahead` says so of it, the one behind it is made meanwhile.

        That one counts if nothing else was written until it is asked for: what somebody has written may be of its rows.
        """
        later: Ahead[T] | None = None
        try:
            with self._store.writing:
                slice_ = self._taken() or self._make(None)
                if ahead(slice_):
                    later = Ahead(lambda: self._make(slice_))
                sequence = self._write(slice_)
        finally:  # the lock is free again: what is made may need it
            if later is not None:
                later.wait()
        self._later = None if later is None else (sequence, later)
        return slice_

    def _taken(self) -> T | None:
        later, self._later = self._later, None
        return later[1].take() if later is not None and later[0] == self._store.head.sequence else None
