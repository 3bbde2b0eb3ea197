"""Meter: what an upgrade takes of the machine, and what the host's calls were like meanwhile."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from thoughtengine._types import Calls

__all__ = ["Meter", "Pace"]

_WORK, _LONGEST_REST = 0.0005, 0.05


class Pace:
    """Rests after each half millisecond of work, so that whatever is read at length leaves the host its time.

    Attributes
    ----------
    duty : float
        Share of the time in which it works; 1: no rest.
    listen : callable
        Called at each rest: returns when it may go on, and may raise.
    """

    def __init__(self) -> None:
        self.duty = 1.0
        self.listen: Callable[[], object] = bool
        self._since = time.monotonic()

    def breathe(self) -> None:
        """Rest, if there was work enough; called at every row."""
        if self.duty >= 1.0:
            return
        worked = time.monotonic() - self._since
        if worked >= _WORK:
            time.sleep(min(_LONGEST_REST, worked * (1.0 - self.duty) / self.duty))
            self.listen()
            self._since = time.monotonic()


class Meter:
    """Begins when it is made; `figures` gives what has been used since."""

    def __init__(self) -> None:
        self._begun, self._cpu, self._disk = time.monotonic(), time.process_time(), _disk()
        self._count: Callable[[], Calls] = Calls
        self._before = Calls()
        self.stall = 0.0

    def listen(self, calls: Callable[[], Calls]) -> None:
        """Count the calls of a host from now on; until then there were none."""
        self._count, self._before = calls, calls()

    def calls(self) -> Calls:
        """Return the calls since there is somebody to listen to."""
        return self._count().since(self._before)

    def slice_took(self, seconds: float) -> None:
        """Note for how long writers waited."""
        self.stall = max(self.stall, seconds)

    def figures(self) -> dict[str, Any]:
        """Return the fields of an `UpgradeReport` that are measured."""
        read, written = (now - then for now, then in zip(_disk(), self._disk, strict=True))
        calls = self.calls()
        return {
            "seconds": time.monotonic() - self._begun,
            "cpu_seconds": time.process_time() - self._cpu,
            "memory_bytes": _peak(),
            "read_bytes": read,
            "written_bytes": written,
            "longest_stall_seconds": self.stall,
            "calls": calls.n,
            "mean_call_seconds": calls.seconds / calls.n if calls.n else 0.0,
            "failed_calls": calls.failed,
            "refused_calls": calls.refused,
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
