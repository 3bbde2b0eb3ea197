"""Rounds: contestants take turns, so that a neighbour on the machine slows them all; what counts is the ratio within a round."""

from __future__ import annotations

import gc
import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

RESAMPLES = 2_000


class Took(NamedTuple):
    """Seconds of one piece of work: by the clock, and those in which this thread, or the process, computed."""

    wall: float
    cpu: float


Turn = Callable[[int], Took]
"""Do the work of round i and say how long one item of it took."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A median with the 95 % interval of its bootstrap."""

    median: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def interval(values: Sequence[float], *, seed: int = 3) -> Interval:
    """Return the median of `values` and between what medians of resamples lie, 95 times of 100.

    Examples
    --------
    >>> interval([2.0, 2.0, 2.0])
    Interval(median=2.0, low=2.0, high=2.0)
    """
    rng = random.Random(seed)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    last = len(medians) - 1
    return Interval(statistics.median(values), medians[round(0.025 * last)], medians[round(0.975 * last)])


def ratio(above: Sequence[float], below: Sequence[float]) -> Interval:
    """Return the interval of ``above / below``, round by round."""
    return interval([a / b for a, b in zip(above, below, strict=True)])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed.

    Examples
    --------
    >>> percentile([3.0, 1.0, 2.0], 0.99)
    3.0
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def timed(work: Callable[[], object], n: int, *, computed: Callable[[], float] = time.thread_time) -> Took:
    """Return how long one of the `n` items takes that `work` works through.

    `computed` is the clock of the processor: give ``time.process_time`` where a contestant works in threads of its own.
    """
    wall, cpu = time.perf_counter(), computed()
    work()
    return Took((time.perf_counter() - wall) / n, (computed() - cpu) / n)


class Queue:
    """How long this thread has waited for a processor that others had: Linux tells, elsewhere it is 0 always."""

    def __init__(self) -> None:
        try:
            self._told: int | None = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        except OSError:
            self._told = None

    def seconds(self) -> float:
        """Return the seconds so far."""
        return 0.0 if self._told is None else 1e-9 * int(os.pread(self._told, 64, 0).split()[1])

    def close(self) -> None:
        """Give the file back."""
        if self._told is not None:
            os.close(self._told)


def take_turns(contestants: Mapping[str, Turn], n_rounds: int, *, n_warm: int = 1) -> dict[str, list[Took]]:
    """Let each contestant work once a round, every other round in reverse, and return their times without the warm-up.

    Keep turns shorter than the few milliseconds after which a busy system gives the processor to another process: in
    longer ones the slower contestant waits for others more often, and the ratio tells of them.
    """
    times: dict[str, list[Took]] = {name: [] for name in contestants}
    with collector_resting():
        for number in range(n_warm + n_rounds):
            gc.collect()
            for name in list(contestants)[:: -1 if number % 2 else 1]:
                taken = contestants[name](number)
                if number >= n_warm:
                    times[name].append(taken)
    return times


@contextmanager
def collector_resting() -> Iterator[None]:
    """Switch the collector off, and let it forget what is there already, so that collecting by hand is fast."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
