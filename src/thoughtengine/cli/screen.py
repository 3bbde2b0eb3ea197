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
    from thoughtengine.adapters.telling import harmless

    print(harmless(str(told)), file=to)


class _Harmless(logging.Formatter):
    """Formats a warning as what is printed."""

    def format(self, record: logging.LogRecord) -> str:
        from thoughtengine.adapters.telling import harmless

        return harmless(super().format(record))


@contextmanager
def warnings() -> Iterator[None]:
    """Show on standard error what the library logs as a warning, once: an import reads its file twice."""
    log, handler, shown = logging.getLogger("thoughtengine"), logging.StreamHandler(), set[str]()

    def is_new(record: logging.LogRecord) -> bool:
        n = len(shown)
        shown.add(record.getMessage())
        return len(shown) > n

    handler.addFilter(is_new)
    handler.setFormatter(_Harmless("thoughtengine: %(message)s"))
    handler.setLevel(logging.WARNING)
    log.addHandler(handler)
    try:
        yield
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
