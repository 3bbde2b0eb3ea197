import logging
import threading
from collections.abc import Callable

import pytest

from thoughtengine.memory.index.upkeep import Upkeep


class Work:
    """Jobs that are done one after the other."""

    def __init__(self, *jobs: Callable[[], None]) -> None:
        self.jobs = list(jobs)
        self.upkeep = Upkeep(self.next)
        self.threads: set[str] = set()

    def next(self) -> Callable[[], None] | None:
        self.threads.add(threading.current_thread().name)
        return self.jobs.pop(0) if self.jobs else None

    def finish(self) -> None:
        self.upkeep.wake()
        self.upkeep.wait()


def failing() -> None:
    raise OSError("no room")


def test_jobs_are_done_in_turn_by_a_thread_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thoughtengine.memory.index.upkeep._LINGER", 0.0)
    done: list[int] = []
    work = Work(*(lambda n=n: done.append(n) for n in range(5)))  # type: ignore[misc]
    assert done == []
    work.finish()
    assert done == [0, 1, 2, 3, 4]
    assert work.threads == {"thoughtengine upkeep"}
    while (thread := work.upkeep._thread) is not None:
        thread.join()
    assert "thoughtengine upkeep" not in {thread.name for thread in threading.enumerate()}


def test_it_waits_for_more_and_ends_at_once_when_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thoughtengine.memory.index.upkeep._LINGER", 1e9)
    threads: list[threading.Thread] = []
    work = Work(lambda: threads.append(threading.current_thread()))
    work.finish()
    work.jobs.append(lambda: threads.append(threading.current_thread()))
    work.finish()
    assert threads[0] is threads[1]
    assert threads[0].is_alive()
    work.upkeep.close()
    assert not threads[0].is_alive()


def test_it_can_be_woken_again() -> None:
    done: list[str] = []
    work = Work(lambda: done.append("first"))
    work.finish()
    work.jobs.append(lambda: done.append("second"))
    work.finish()
    assert done == ["first", "second"]


def test_who_wakes_it_while_it_works_is_heard() -> None:
    done: list[str] = []
    work = Work()

    def first() -> None:
        work.upkeep.wake()
        work.jobs.append(lambda: done.append("second"))

    work.jobs.append(first)
    work.finish()
    assert done == ["second"]


def test_a_job_that_fails_is_told_and_not_tried_until_somebody_wakes(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("thoughtengine").propagate = True
    tries: list[int] = []

    def hopeless() -> Callable[[], None]:
        tries.append(1)
        return failing

    upkeep = Upkeep(hopeless)
    for expected in (1, 2):
        upkeep.wake()
        upkeep.wait()
        assert len(tries) == expected
        assert upkeep.trouble == "OSError: no room"
    assert "upkeep of the index: OSError: no room" in caplog.text


def test_trouble_is_over_when_a_job_is_done() -> None:
    work = Work(failing)
    work.finish()
    assert work.upkeep.trouble is not None
    work.jobs.append(lambda: None)
    work.finish()
    assert work.upkeep.trouble is None


def test_no_job_runs_while_it_is_quiet() -> None:
    done: list[int] = []
    work = Work(lambda: done.append(1))
    with work.upkeep.quiet():
        work.upkeep.wake()
        assert done == []
    work.upkeep.wait()
    assert done == [1]


def test_quiet_waits_for_the_job_that_runs() -> None:
    begun, release, done = threading.Event(), threading.Event(), list[int]()

    def slow() -> None:
        begun.set()
        release.wait(10)
        done.append(1)

    work = Work(slow)
    work.upkeep.wake()
    assert begun.wait(10)
    threading.Timer(0.05, release.set).start()
    with work.upkeep.quiet():
        assert done == [1]
    work.upkeep.wait()


def test_after_closing_nothing_more_is_done() -> None:
    done: list[int] = []
    work = Work()
    work.upkeep.close()
    work.jobs.append(lambda: done.append(1))
    work.finish()
    assert done == []


def test_what_failed_is_tried_again_after_a_while_when_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    fails = [True, False]
    done: list[str] = []

    def job() -> None:
        if fails.pop(0):
            raise OSError("no room")
        done.append("done")

    upkeep = Upkeep(lambda: job if fails else None)
    upkeep.wake()
    upkeep.wait()
    upkeep.retry()  # too soon
    upkeep.wait()
    assert (done, upkeep.trouble) == ([], "OSError: no room")
    monkeypatch.setattr("thoughtengine.memory.index.upkeep._RETRY", 0.0)
    upkeep.retry()
    upkeep.wait()
    assert (done, upkeep.trouble) == (["done"], None)


def test_a_long_job_stops_for_whoever_wants_quiet_and_is_taken_up_again() -> None:
    begun, runs = threading.Event(), []

    def job() -> None:
        runs.append(len(runs))
        begun.set()
        while len(runs) == 1:
            upkeep.check()

    upkeep = Upkeep(lambda: job if len(runs) < 2 else None)
    upkeep.wake()
    assert begun.wait(10)
    with upkeep.quiet():
        assert runs == [0]
    upkeep.wait()
    assert (runs, upkeep.trouble) == ([0, 1], None)
