"""What a command shows: words on standard output and error, warnings, a bar."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from thoughtengine._types import Progress

__all__ = ["bar", "say", "silent", "tell", "warnings"]

_TELL_EVERY_SECONDS = 0.1


def tell(message: str, code: int = 0) -> int:
    """Tell something on standard error; return the exit code."""
    say(f"thoughtengine: {message}", sys.stderr)
    return code


def say(told: object, to: TextIO | None = None) -> None:
    """Print for whoever typed a command: everything but an export comes through here, for it may be of memories."""
    from thoughtengine.wording import harmless

    print(harmless(str(told)), file=to)


class _Warnings(logging.Handler):
    """Prints what the library logs as a warning, once: an import reads its file twice.

    An incident waits until the command has ended: the error that it ends with says the same.
    """

    def __init__(self, *, at_once: bool) -> None:
        super().__init__(logging.WARNING)
        self._at_once, self._shown = at_once, set[str]()
        self._held: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        told = record.getMessage()
        if told in self._shown:
            return
        self._shown.add(told)
        incident = getattr(record, "incident", "")
        if incident and not self._at_once:
            self._held.append((told, incident))
        else:
            tell(told)

    def end(self, error: BaseException | None) -> None:
        """Tell the incidents, but those whose first words the error has."""
        for told, incident in self._held:
            if error is None or incident.partition(";")[0] not in str(error):
                tell(told)
        self._held = []


@contextmanager
def warnings(*, at_once: bool) -> Iterator[None]:
    """Show on standard error what the library logs as a warning; incidents at the end, unless `at_once`."""
    log, handler = logging.getLogger("thoughtengine"), _Warnings(at_once=at_once)
    log.addHandler(handler)
    try:
        yield
    except BaseException as error:
        handler.end(error)
        raise
    else:
        handler.end(None)
    finally:
        log.removeHandler(handler)


def silent(what: str, done: int, total: int | None) -> None:
    """Show no progress."""


@contextmanager
def bar() -> Iterator[Progress]:
    """Show progress on a terminal: with rich where it is installed, else on one line; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield silent
        return
    try:
        from rich import console, progress
    except ImportError:
        line = _Line()
        try:
            yield line
        finally:
            line.clear()
        return
    with progress.Progress(console=console.Console(stderr=True), transient=True) as bars:
        tasks: dict[str, progress.TaskID] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield show


class _Line:
    """A bar of plain characters, drawn anew ten times a second."""

    width = 78

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_EVERY_SECONDS and done != total:
            return
        self._told = now
        share = min(1.0, done / total) if total else 0.0
        bar = f" [{'#' * int(24 * share):24}] {share:4.0%}" if total else ""
        sys.stderr.write("\r" + f"{what[:32]}{bar} {done:,}"[: self.width].ljust(self.width))
        sys.stderr.flush()

    def clear(self) -> None:
        """Empty the line."""
        sys.stderr.write("\r" + " " * self.width + "\r")
        sys.stderr.flush()
