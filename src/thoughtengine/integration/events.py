"""Events: what happened, told to whoever subscribed, each from a queue and thread of its own."""

from __future__ import annotations

import collections
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

from thoughtengine._types import Event
from thoughtengine.errors import InvalidArgumentError

__all__ = ["KINDS", "Events"]

KINDS = (
    "remembered",
    "revised",
    "forgotten",
    "pinned",
    "undone",
    "erased",
    "anticipated",
    "changed",
    "incident",
    "progress",
    "upgrade",
    "closed",
)
_QUEUE = 10_000


def _log_failure(message: str, *parts: object) -> None:
    import logging

    logging.getLogger("thoughtengine").error(message, *parts, exc_info=True)  # noqa: LOG014 - called while handling it


class _Subscriber:
    """One handler with its queue and thread; it can hurt neither the mind nor another one."""

    def __init__(self, kind: str, handler: Callable[[Event], object]) -> None:
        self.kind, self.handler = kind, handler
        self.n_dropped = 0
        self._queue: collections.deque[Event] = collections.deque()
        self._wake = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="thoughtengine-events", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        with self._wake:
            if len(self._queue) >= _QUEUE:
                self._queue.popleft()
                self.n_dropped += 1
            self._queue.append(event)
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._stopped:
                    self._wake.wait()
                if not self._queue:
                    return
                event = self._queue.popleft()
            try:
                self.handler(event)
            except BaseException:  # noqa: BLE001 - not even sys.exit in a handler may end the thread
                _log_failure("a subscriber to %r raised", self.kind)

    def stop(self, seconds: float, *, drain: bool) -> None:
        """Let it finish what it is at, and what is queued if it may, for at most so long."""
        with self._wake:
            self._stopped = True
            if not drain:
                self._queue.clear()
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)


class Events:
    """The subscribers of a mind.

    Parameters
    ----------
    clock : callable
        Gives the moment that events bear.
    ready : callable, optional
        Raises where nothing can be heard any more: the mind was closed, or this is a forked child.
    """

    def __init__(self, clock: Callable[[], dt.datetime], ready: Callable[[], None] = lambda: None) -> None:
        self._clock, self._ready = clock, ready
        self._subscribers: tuple[_Subscriber, ...] = ()
        self._guard = threading.Lock()
        self._n_missed = 0  # by those that have gone

    def subscribe(self, kind: str, handler: Callable[[Event], object]) -> Callable[[], None]:
        """Call `handler` with each event of a kind, from a thread of its own, in order.

        Parameters
        ----------
        kind : str
            One of `KINDS`, or ``"*"`` for all.
        handler : callable
            Takes an `Event`. What it raises is logged. A slow one misses the oldest events once 10,000 wait;
            `ThoughtEngine.stats` counts them.

        Returns
        -------
        callable
            Without arguments: ends the subscription; no event is begun after it, queued ones neither.

        Raises
        ------
        InvalidArgumentError
            For an unknown kind or a handler that cannot be called.
        StoreClosedError, ForkedError
            Where there is nothing to hear any more.
        """
        self._ready()
        if not isinstance(kind, str) or (kind != "*" and kind not in KINDS):
            raise InvalidArgumentError("kind", kind, f"one of {', '.join(map(repr, KINDS))} or '*'")
        if not callable(handler):
            raise InvalidArgumentError("handler", handler, "a callable that takes an Event")
        subscriber = _Subscriber(kind, handler)
        with self._guard:
            self._subscribers += (subscriber,)

        def unsubscribe() -> None:
            with self._guard:
                if subscriber in self._subscribers:
                    self._subscribers = tuple(s for s in self._subscribers if s is not subscriber)
                    self._n_missed += subscriber.n_dropped
            subscriber.stop(0.0, drain=False)

        return unsubscribe

    def emit(self, kind: str, **data: Any) -> None:
        """Queue an event; costs one test when nobody listens."""
        subscribers = self._subscribers
        if not subscribers:
            return
        event = Event(kind, self._moment(), data)
        for subscriber in subscribers:
            if subscriber.kind in (kind, "*"):
                subscriber.put(event)

    def _moment(self) -> str:
        """Return the present; what happened has happened, so a clock that fails now must not fail the verb."""
        try:
            return self._clock().isoformat()
        except Exception:  # noqa: BLE001 - the clock is the host's
            _log_failure("the clock failed while an event was told")
            return dt.datetime.now(dt.UTC).isoformat()

    @property
    def n_dropped(self) -> int:
        """Events that slow subscribers missed."""
        with self._guard:
            return self._n_missed + sum(subscriber.n_dropped for subscriber in self._subscribers)

    def close(self, seconds: float = 1.0) -> None:
        """Give each subscriber up to `seconds` to finish its queue."""
        with self._guard:
            subscribers, self._subscribers = self._subscribers, ()
        for subscriber in subscribers:
            subscriber.stop(seconds, drain=True)
            self._n_missed += subscriber.n_dropped

    def __repr__(self) -> str:
        return f"<Events: {len(self._subscribers)} subscribers>"
