"""The gate: readers never wait for each other; who shuts it waits for them, and they for him."""

import threading

from thoughtengine.storage.gate import Gate


def in_thread(call: object) -> threading.Thread:
    thread = threading.Thread(target=call)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_readers_are_inside_together() -> None:
    gate, meeting = Gate(), threading.Barrier(4, timeout=30)

    def read() -> None:
        with gate:
            meeting.wait()

    for thread in [in_thread(read) for _ in range(4)]:
        thread.join(30)
        assert not thread.is_alive()


def test_a_reader_may_go_in_twice() -> None:
    gate = Gate()
    with gate, gate:
        pass
    gate.shut()
    gate.open()


def test_shutting_waits_for_those_inside_and_keeps_others_out() -> None:
    gate, told = Gate(), list[str]()
    inside, leave, shut, reopen = (threading.Event() for _ in range(4))

    def first() -> None:
        with gate:
            inside.set()
            leave.wait(30)
            told.append("first leaves")

    def closer() -> None:
        gate.shut()
        told.append("shut")
        shut.set()
        reopen.wait(30)
        told.append("open")
        gate.open()

    def second() -> None:
        with gate:
            told.append("second is in")

    threads = [in_thread(first)]
    assert inside.wait(30)
    threads.append(in_thread(closer))
    assert not shut.wait(0.05)
    leave.set()
    assert shut.wait(30)
    threads.append(in_thread(second))
    threads[-1].join(0.05)
    assert told == ["first leaves", "shut"]
    reopen.set()
    for thread in threads:
        thread.join(30)
    assert told == ["first leaves", "shut", "open", "second is in"]


def test_an_error_inside_leaves_the_gate_free() -> None:
    gate = Gate()
    try:
        with gate:
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    gate.shut()
    gate.open()
