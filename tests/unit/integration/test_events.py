import datetime as dt
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.strategies import NOON, Clock
from thoughtengine._types import Event
from thoughtengine.errors import InvalidArgumentError, StoreClosedError
from thoughtengine.integration import events as module
from thoughtengine.integration.events import KINDS, Events

PATIENCE = 20


@pytest.fixture
def events() -> Iterator[Events]:
    events = Events(Clock())
    yield events
    events.close()


def listeners() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "thoughtengine-events"}


class Gate:
    """A handler that waits until it is let go on, and keeps what it was given."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()
        self.heard: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.heard.append(event)
        self.entered.set()
        self.release.wait(PATIENCE)


def numbers(heard: list[Event]) -> list[int]:
    return [event.data["n"] for event in heard]


def test_an_event_tells_what_when_and_about_which(events: Events) -> None:
    heard = list[Event]()
    events.subscribe("remembered", heard.append)
    events.emit("remembered", ids=(1, 2))
    events.close()
    assert heard == [Event("remembered", "2024-05-08T12:00:00+00:00", {"ids": (1, 2)})]


def test_each_hears_its_kind_and_the_star_hears_all(events: Events) -> None:
    forgotten, everything = list[str](), list[str]()
    events.subscribe("forgotten", lambda event: forgotten.append(event.kind))
    events.subscribe("*", lambda event: everything.append(event.kind))
    for kind in KINDS:
        events.emit(kind)
    events.close()
    assert forgotten == ["forgotten"]
    assert everything == list(KINDS)


def test_events_come_in_order_and_from_another_thread(events: Events) -> None:
    heard, threads = list[Event](), set[str]()

    def handler(event: Event) -> None:
        heard.append(event)
        threads.add(threading.current_thread().name)

    events.subscribe("*", handler)
    for n in range(500):
        events.emit("progress", n=n)
    events.close()
    assert numbers(heard) == list(range(500))
    assert threads == {"thoughtengine-events"}


@pytest.mark.parametrize("kind", ["", "Remembered", "opened", None, 5, b"*", ["*"], "\ud800"])
def test_there_are_only_these_kinds(events: Events, kind: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^kind: expected one of 'remembered'"):
        events.subscribe(kind, print)


@pytest.mark.parametrize("handler", [None, "print", 5, []])
def test_a_handler_can_be_called(events: Events, handler: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^handler: expected a callable"):
        events.subscribe("*", handler)
    assert repr(events) == "<Events: 0 subscribers>"


def test_a_slow_subscriber_holds_up_neither_the_mind_nor_another(events: Events) -> None:
    slow, quick, done = Gate(), list[Event](), threading.Event()
    events.subscribe("*", slow)
    events.subscribe("*", lambda event: (quick.append(event), event.data["n"] == 99 and done.set()))
    for n in range(100):
        events.emit("progress", n=n)
    assert slow.entered.wait(PATIENCE)
    assert done.wait(PATIENCE), "the quick one has heard all while the slow one is at its first"
    assert numbers(quick) == list(range(100))
    assert numbers(slow.heard) == [0]
    slow.release.set()
    events.close(PATIENCE)
    assert numbers(slow.heard) == list(range(100))


def test_beyond_the_queue_the_oldest_are_missed_and_counted(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUEUE", 10)
    slow, other = Gate(), list[Event]()
    unsubscribe = events.subscribe("*", slow)
    events.subscribe("forgotten", other.append)
    events.emit("progress", n=-1)
    assert slow.entered.wait(PATIENCE)
    for n in range(25):
        events.emit("progress", n=n)
    assert events.n_dropped == 15
    unsubscribe()
    assert events.n_dropped == 15, "what was missed stays counted"
    unsubscribe()
    assert events.n_dropped == 15
    slow.release.set()
    events.close()
    assert events.n_dropped == 15


def test_after_an_overflow_the_newest_arrive(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUEUE", 10)
    slow = Gate()
    events.subscribe("*", slow)
    events.emit("progress", n=-1)
    assert slow.entered.wait(PATIENCE)
    for n in range(25):
        events.emit("progress", n=n)
    slow.release.set()
    events.close(PATIENCE)
    assert numbers(slow.heard) == [-1, *range(15, 25)]


@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit(1), KeyboardInterrupt()])
def test_what_a_subscriber_raises_is_logged_and_the_next_event_comes(
    events: Events, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    heard = list[int]()

    def handler(event: Event) -> None:
        heard.append(event.data["n"])
        raise error

    with caplog.at_level(logging.ERROR, "thoughtengine"):
        events.subscribe("*", handler)
        for n in range(3):
            events.emit("progress", n=n)
        events.close(PATIENCE)
    assert heard == [0, 1, 2]
    assert [record.getMessage() for record in caplog.records] == ["a subscriber to '*' raised"] * 3


def test_who_unsubscribes_hears_no_more(events: Events) -> None:
    slow = Gate()
    unsubscribe = events.subscribe("*", slow)
    events.emit("progress", n=0)
    assert slow.entered.wait(PATIENCE)
    events.emit("progress", n=1)
    unsubscribe()
    events.emit("progress", n=2)
    slow.release.set()
    events.close(PATIENCE)
    assert numbers(slow.heard) == [0], "not what was queued either"


def test_a_handler_may_unsubscribe_itself(events: Events) -> None:
    heard, ready, before = list[int](), threading.Event(), listeners()

    def once(event: Event) -> None:
        ready.wait(PATIENCE)
        heard.append(event.data["n"])
        unsubscribe()

    unsubscribe = events.subscribe("*", once)
    for n in range(3):
        events.emit("progress", n=n)
    (thread,) = listeners() - before
    ready.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert heard == [0]


def test_a_handler_may_subscribe_another_and_emit(events: Events) -> None:
    heard, done = list[str](), threading.Event()

    def second(event: Event) -> None:
        heard.append(event.kind)
        done.set()

    def first(event: Event) -> None:
        events.subscribe("pinned", second)
        events.emit("pinned")

    events.subscribe("forgotten", first)
    events.emit("forgotten")
    assert done.wait(PATIENCE)
    assert heard == ["pinned"]


def test_closing_from_inside_a_handler_does_not_wait_for_itself(events: Events) -> None:
    done = threading.Event()

    def handler(event: Event) -> None:
        events.close(PATIENCE)
        done.set()

    events.subscribe("*", handler)
    events.emit("closed")
    assert done.wait(PATIENCE / 2)


def test_closing_drains_what_is_queued_and_ends_the_threads(events: Events) -> None:
    heard, before = [list[Event](), list[Event]()], listeners()
    for each in heard:
        events.subscribe("*", each.append)
    for n in range(200):
        events.emit("progress", n=n)
    events.close(PATIENCE)
    assert [numbers(each) for each in heard] == [list(range(200))] * 2
    assert repr(events) == "<Events: 0 subscribers>"
    assert listeners() <= before


def test_closing_does_not_wait_for_ever_for_one_that_hangs(events: Events) -> None:
    slow = Gate()
    events.subscribe("*", slow)
    events.emit("progress", n=0)
    assert slow.entered.wait(PATIENCE)
    events.close(0.01)
    slow.release.set()


def test_a_clock_that_fails_does_not_fail_what_has_happened(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> dt.datetime:
        raise OSError("no clock")

    events, heard = Events(broken), list[Event]()
    events.subscribe("*", heard.append)
    events.emit("remembered", ids=(1,))
    events.close(PATIENCE)
    assert dt.datetime.fromisoformat(heard[0].at).tzinfo is not None
    assert "the clock failed" in caplog.text


def test_nobody_hears_a_closed_mind(events: Events) -> None:
    def closed() -> None:
        raise StoreClosedError("closed")

    deaf, before = Events(Clock(), closed), listeners()
    with pytest.raises(StoreClosedError):
        deaf.subscribe("*", print)
    assert listeners() <= before


def test_without_subscribers_the_clock_is_not_even_asked() -> None:
    def broken() -> dt.datetime:
        raise AssertionError

    Events(broken).emit("remembered", ids=(1,))


def test_many_threads_may_emit_and_subscribe_at_once(events: Events) -> None:
    heard = list[Event]()
    events.subscribe("*", heard.append)

    def work(start: int) -> None:
        for n in range(100):
            events.emit("progress", n=start + n)
            events.subscribe("pinned", print)()

    threads = [threading.Thread(target=work, args=(1000 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events.close(PATIENCE)
    for i in range(4):
        assert [n for n in numbers(heard) if n // 1000 == i] == [1000 * i + n for n in range(100)]
    assert NOON.isoformat() in {event.at for event in heard}
