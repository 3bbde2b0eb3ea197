import threading
import time

import pytest

from thoughtengine.migrations.watch import TookTooLongError, Watch


def test_what_ends_in_time_is_left_alone_however_often() -> None:
    watch = Watch(0.1)
    until = time.monotonic() + 0.4
    while time.monotonic() < until:
        with watch:
            time.sleep(0.001)


def endless(watch: Watch) -> None:
    with watch:
        while True:
            time.sleep(0.001)


def test_each_block_has_its_own_time_and_the_watch_goes_on() -> None:
    watch = Watch(0.1)
    for _ in range(2):
        with pytest.raises(TookTooLongError):
            endless(watch)


def test_the_thread_that_is_inside_is_the_one_that_is_broken_off() -> None:
    watch, told = Watch(0.1), list[str]()

    def work() -> None:
        try:
            endless(watch)
        except TookTooLongError:
            told.append("broken off")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10.0)
    assert told == ["broken off"]


def test_it_costs_no_thread_when_there_is_nothing_to_watch() -> None:
    watch = Watch(0.01)
    with watch:
        pass
    until = time.monotonic() + 10.0
    while watch._watcher is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert watch._watcher is None
