"""Who writes all the time gives way to who waits."""

import threading
import time
from unittest.mock import patch

from thoughtengine.storage import turns as turns_module
from thoughtengine.storage.turns import Turns


class Desk:
    """A lock with turns, and who had it, in order."""

    def __init__(self) -> None:
        self.lock, self.turns, self.had = threading.RLock(), Turns(), list[str]()

    def work(self, name: str, *, inside: threading.Event | None = None, until: threading.Event | None = None) -> None:
        self.turns.wait()
        with self.lock:
            self.turns.begin()
            self.had.append(name)
            if inside is not None and until is not None:
                inside.set()
                until.wait(10)
            self.turns.leave()


def test_who_had_the_lock_last_lets_another_one_go_first() -> None:
    desk, inside, until = Desk(), threading.Event(), threading.Event()

    def busy() -> None:
        desk.work("busy", inside=inside, until=until)
        for _ in range(1_000):
            desk.work("busy")

    with patch.multiple(turns_module, _LONG=0.0, _MOST=10.0):
        first = threading.Thread(target=busy)
        first.start()
        inside.wait(10)
        second = threading.Thread(target=lambda: desk.work("patient"))
        second.start()
        while len(desk.turns._since) < 1:
            time.sleep(0.001)
        until.set()
        first.join()
        second.join()
    assert desk.had[:2] == ["busy", "patient"]


def test_a_thread_that_has_the_lock_does_not_wait_for_itself_or_for_others() -> None:
    desk = Desk()
    with desk.lock, patch.multiple(turns_module, _LONG=0.0), patch.object(turns_module.time, "sleep") as sleep:
        desk.turns.begin()
        desk.turns._since[-1] = 0.0
        desk.turns.wait()
    assert not sleep.called


def test_what_an_interrupt_left_is_waited_for_once() -> None:
    desk = Desk()
    desk.work("me")
    desk.turns._since[-1] = 0.0
    desk.work("me")
    assert not desk.turns._since
    with patch.object(turns_module.time, "sleep") as sleep:
        desk.work("me")
    assert desk.had == ["me"] * 3
    assert not sleep.called
