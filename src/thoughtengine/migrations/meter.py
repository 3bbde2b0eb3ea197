"""Meter: what an upgrade takes of the machine, and what the host's calls were like meanwhile."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Meter", "Pace"]

_WORK, _LONGEST_REST = 0.0005, 0.05

Calls = Callable[[], tuple[int, int]]
"""How many calls the host has made, and how many of them failed."""


class Pace:
    """Rests after each half millisecond of work, so that whatever is read at length leaves the host its time.

    Attributes
    ----------
    duty : float
        Share of the time in which it works; 1: no rest.
    """

    def __init__(self) -> None:
        self.duty = 1.0
        self._since = time.monotonic()

    def breathe(self) -> None:
        """Rest, if there was work enough; called at every row."""
        if self.duty >= 1.0:
            return
        worked = time.monotonic() - self._since
        if worked >= _WORK:
            time.sleep(min(_LONGEST_REST, worked * (1.0 - self.duty) / self.duty))
            self._since = time.monotonic()


class Meter:
    """Begins when it is made; `figures` gives what has been used since.

    Parameters
    ----------
    calls : callable, optional
        Counts the host's calls; where there are none, nothing is judged by them.
    """

    def __init__(self, calls: Calls | None = None) -> None:
        self._calls = calls
        self._begun, self._cpu, self._disk = time.monotonic(), time.process_time(), _disk()
        self._called = calls() if calls else (0, 0)
        self.stall = 0.0

    def slice_took(self, seconds: float) -> None:
        """Note for how long writers waited."""
        self.stall = max(self.stall, seconds)

    def figures(self) -> dict[str, Any]:
        """Return the fields of an `UpgradeReport` that are measured."""
        read, written = (now - then for now, then in zip(_disk(), self._disk, strict=True))
        calls, failed = self._calls() if self._calls else (0, 0)
        return {
            "seconds": time.monotonic() - self._begun,
            "cpu_seconds": time.process_time() - self._cpu,
            "memory_bytes": _peak(),
            "read_bytes": read,
            "written_bytes": written,
            "longest_stall_seconds": self.stall,
            "calls": calls - self._called[0],
            "failed_calls": failed - self._called[1],
        }


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _disk() -> tuple[int, int]:
    """Return (read, written) bytes of this process, zeros where the system does not tell."""
    told = {"read_bytes": 0, "write_bytes": 0}
    with contextlib.suppress(OSError, ValueError), open("/proc/self/io", encoding="ascii") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name in told:
                told[name] = int(value)
    return told["read_bytes"], told["write_bytes"]
