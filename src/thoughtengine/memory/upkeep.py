"""Upkeep: a thread that works in the background while there is something to do, one job at a time, and ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Upkeep"]

Job = Callable[[], None]


class Upkeep:
    """Runs what `next_job` gives until it gives nothing.

    Parameters
    ----------
    next_job : callable
        Returns a job, or None. Called in the thread.

    Attributes
    ----------
    trouble : str or None
        Why the last job failed; None once one did not.
    """

    def __init__(self, next_job: Callable[[], Job | None]) -> None:
        self._next_job = next_job
        self._guard = threading.Lock()
        self._working = threading.RLock()
        self._thread: threading.Thread | None = None
        self._again = self._closed = False
        self.trouble: str | None = None

    def wake(self) -> None:
        """See to it that somebody looks for jobs; returns at once."""
        with self._guard:
            self._again = True
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="thoughtengine upkeep")
                self._thread.start()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Wait for the job that runs, and let none run inside."""
        with self._working:
            yield

    def wait(self) -> None:
        """Return when there is nothing to do; of no use to the thread itself."""
        while (thread := self._thread) is not None:
            thread.join()

    def close(self) -> None:
        """Let the job that runs end and run no more."""
        with self._guard:
            self._closed = True
        self.wait()

    def _run(self) -> None:
        while True:
            with self._working:
                job = None if self._closed else self._look()
                if job is not None and self._do(job):
                    continue
            with self._guard:
                if not self._again or self._closed:
                    self._thread = None
                    return

    def _look(self) -> Job | None:
        self._again = False
        return self._next_job()

    def _do(self, job: Job) -> bool:
        """Tell whether it was done; after one that was not, nothing is tried until somebody wakes again."""
        try:
            job()
            self.trouble = None
            return True
        except Exception as error:  # noqa: BLE001 - all of it is derived: told, tried again later, and never in the way
            import logging

            self.trouble = f"{type(error).__name__}: {error}"
            logging.getLogger("thoughtengine").warning("upkeep of the index: %s", self.trouble)
            self._again = False
            return False
