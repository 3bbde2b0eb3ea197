"""Upkeep: a thread that works in the background while there is something to do, one job at a time, and then soon ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Stopped", "Upkeep"]

Job = Callable[[], None]
_LINGER, _GLANCE = 0.25, 0.05  # seconds it waits for more to do, and between two looks whether the program ends
_RETRY = 5.0  # seconds after which what failed is tried again, when somebody looks


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Ends a job that was asked to end."""


class Upkeep:
    """Runs what `next_job` gives until it gives nothing.

    Parameters
    ----------
    next_job : callable
        Returns a job, or None. Called in the thread.
    """

    def __init__(self, next_job: Callable[[], Job | None]) -> None:
        self._next_job = next_job
        self._guard = threading.Condition(threading.Lock())
        self._working = threading.RLock()
        self._thread: threading.Thread | None = None
        self._again = self._closed = self._idle = False
        self.trouble: str | None = None
        self._failed_at = 0.0
        self._wanted, self._interrupted = 0, False  # how many wait for quiet, and whether a job was broken off for them

    def failed(self, error: BaseException) -> None:
        """Take note of what went wrong: all of it is derived, so it is told, tried again later, and never in the way."""
        import logging

        self.trouble, self._failed_at = f"{type(error).__name__}: {error}", time.monotonic()
        logging.getLogger("thoughtengine").warning("upkeep of the index: %s", self.trouble)

    def retry(self) -> None:
        """Look for jobs again, where the last one failed a while ago; returns at once."""
        if self.trouble is not None and time.monotonic() - self._failed_at >= _RETRY:
            self._failed_at = time.monotonic()
            self.wake()

    def wake(self) -> None:
        """See to it that somebody looks for jobs; returns at once.

        A thread that begins works at once, and who began it waits: so it lingers where it may be needed again.
        """
        with self._guard:
            self._again = True
            self._guard.notify_all()
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._run, name="thoughtengine upkeep")
                try:
                    thread.start()
                except RuntimeError as error:  # no more threads for this process: nobody has to suffer for it
                    self.failed(error)
                else:
                    self._thread = thread

    def check(self) -> None:
        """Raise `Stopped` when the mind closes or the program ends: called now and then by a job that takes long."""
        if self._wanted and threading.current_thread() is self._thread:
            self._interrupted = True
            raise Stopped
        if self._closed or not threading.main_thread().is_alive():
            raise Stopped

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Wait until the job that runs ends or comes to a place to stop, and let none run inside."""
        with self._guard:
            self._wanted += 1
        try:
            self._working.acquire()
        finally:  # also where whoever waits is interrupted
            with self._guard:
                self._wanted -= 1
        try:
            yield
        finally:
            self._working.release()
            if self._interrupted:
                self._interrupted = False
                self.wake()

    def wait(self) -> None:
        """Return when there is nothing to do; of no use to the thread itself."""
        if threading.current_thread() is not self._thread:
            with self._guard:
                self._guard.wait_for(lambda: self._thread is None or (self._idle and not self._again))

    def close(self) -> None:
        """Let the job that runs end and run no more."""
        with self._guard:
            self._closed = True
            self._guard.notify_all()
        if (thread := self._thread) is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        more = True
        while True:
            if more:
                with self._working:
                    more = self._work()
                continue
            with self._guard:
                self._linger()
                if not self._again or self._closed or not threading.main_thread().is_alive():
                    self._thread = None
                    self._guard.notify_all()
                    return
                more = True

    def _linger(self) -> None:
        self._idle, until = True, time.monotonic() + _LINGER
        self._guard.notify_all()
        while not (self._again or self._closed) and threading.main_thread().is_alive() and time.monotonic() < until:
            self._guard.wait(_GLANCE)
        self._idle = False

    def _work(self) -> bool:
        """Do one job; tell whether it is worth looking for another."""
        self._again = False
        try:
            self.check()
            if (job := self._next_job()) is None:
                return False
            job()
        except Stopped:
            return False
        except BaseException as error:  # noqa: BLE001 - nobody else would hear of it
            self.failed(error)
            return False
        self.trouble = None
        return True
