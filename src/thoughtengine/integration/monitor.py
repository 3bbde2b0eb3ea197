"""Monitor: how often and how fast the verbs were, and the figures of a mind."""

from __future__ import annotations

import collections
import math
import threading
import time
from types import TracebackType

import attrs

from thoughtengine._types import SPREAD_STEPS, Calls
from thoughtengine.errors import (
    BatchError,
    ForkedError,
    InvalidArgumentError,
    MemoryNotFoundError,
    MissingPackageError,
    StoreClosedError,
    StoreExistsError,
    StoreFullError,
    UpgradeRunningError,
)
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.experience import LAYERS
from thoughtengine.memory.moment import from_stored
from thoughtengine.memory.where import parse_where
from thoughtengine.storage.files import size_of
from thoughtengine.storage.folder import FolderStore, generation_name

__all__ = ["Monitor", "Stats", "Timing", "stats_of"]


@attrs.frozen
class Timing:
    """How one verb fared since the mind was opened.

    Attributes
    ----------
    n : int
        Calls.
    median_ms, p99_ms, max_ms : float
        Of the last 1,024 calls, in milliseconds.
    """

    n: int
    median_ms: float
    p99_ms: float
    max_ms: float


@attrs.frozen
class Stats:
    """Figures of use and performance.

    Attributes
    ----------
    memories, forgotten : int
        Visible ones, and hidden ones.
    layers : dict of str to int
        Visible memories by layer; pinned ones are eternal.
    sources, episodes : int
        How many different ones.
    vectors : int
        Memories with a vector.
    first, last : str or None
        Earliest and latest moment, ISO 8601, with the offset it was given with.
    bytes_on_disk, bytes_per_memory : int, float
        Of the generation that serves.
    calls : dict of str to Timing
        By verb, since opening.
    events_dropped : int
        Events that slow subscribers missed.
    """

    memories: int
    forgotten: int
    layers: dict[str, int]
    sources: int
    episodes: int
    vectors: int
    first: str | None
    last: str | None
    bytes_on_disk: int
    bytes_per_memory: float
    calls: dict[str, Timing]
    events_dropped: int

    def __str__(self) -> str:
        layers = ", ".join(f"{n:,} {layer}" for layer, n in self.layers.items() if n)
        lines = [
            f"{self.memories:,} memor{'y' if self.memories == 1 else 'ies'} ({layers or 'none'}), {self.forgotten:,} forgotten",
            ", ".join(
                f"{n:,} {word if n == 1 else word + 's'}"
                for n, word in ((self.sources, "source"), (self.episodes, "episode"), (self.vectors, "vector"))
            ),
            f"{self.first or '-'} to {self.last or '-'}",
            f"{self.bytes_on_disk:,} bytes on disk, {self.bytes_per_memory:.0f} a memory",
        ]
        for verb, t in self.calls.items():
            n = f"{t.n:,} {'call' if t.n == 1 else 'calls'} since it was opened"
            lines.append(f"{verb}: {n}, median {t.median_ms:.3f} ms, 99th percentile {t.p99_ms:.3f} ms")
        return "\n".join(lines)


def stats_of(store: FolderStore, memories: Collection, now: int, *, calls: dict[str, Timing], dropped: int) -> Stats:
    """Look at a mind.

    Parameters
    ----------
    now : int
        Microseconds since 1970.
    calls, dropped : dict of str to Timing, int
        As in `Stats`.
    """
    view, size = memories.view(whole=True), size_of(store.generation)
    note = store.pointer.upgrade
    if note is not None and note.old and (before := store.root / generation_name(note.old)).is_dir():
        size += size_of(before)  # what its upgrade has not reached yet is served from there
    at, offset = view.columns.at[: view.n], view.columns.offset[: view.n]
    ends = [from_stored(int(at[i]), int(offset[i])).isoformat() for i in (at.argmin(), at.argmax())] if view.n else []
    return Stats(
        memories=store.total - store.head.hidden,
        forgotten=store.head.hidden,
        layers={name: view.count(parse_where(layers=name), now) for name in LAYERS},
        sources=sum(value is not None for value in view.sources.codes),
        episodes=sum(value is not None for value in view.episodes.codes),
        vectors=view.n_vectors,
        first=ends[0] if ends else None,
        last=ends[1] if ends else None,
        bytes_on_disk=size,
        bytes_per_memory=size / max(1, store.total),
        calls=calls,
        events_dropped=dropped,
    )


_CALLERS = (
    BatchError, ForkedError, InvalidArgumentError, MemoryNotFoundError, MissingPackageError, StoreClosedError,
    StoreExistsError,
)  # fmt: skip
"""Errors of whoever calls: they tell nothing of the mind."""


class _Timed:
    """Counts and times what is done inside."""

    __slots__ = ("_begun", "_monitor", "_verb")

    def __init__(self, monitor: Monitor, verb: str) -> None:
        self._monitor, self._verb = monitor, verb

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._monitor.note(self._verb, time.perf_counter() - self._begun, error)


class Monitor:
    """How the calls of each verb fared: how many, how long the last ones took, how many failed."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: dict[str, int] = {}
        self._last = collections.defaultdict[str, collections.deque[float]](lambda: collections.deque(maxlen=1024))
        self._seconds = 0.0
        self._failed = self._refused = 0
        self._spread = [0] * SPREAD_STEPS

    def timed(self, verb: str) -> _Timed:
        """Count and time what is done inside."""
        return _Timed(self, verb)

    def note(self, verb: str, seconds: float, error: BaseException | None = None) -> None:
        """Count one call that took so long, and ended so."""
        step = Calls.step_of(seconds)
        with self._guard:
            if error is not None and isinstance(error, Exception) and not isinstance(error, _CALLERS):
                refused = isinstance(error, (StoreFullError, UpgradeRunningError))
                self._refused += refused
                self._failed += not refused
            self._counts[verb] = self._counts.get(verb, 0) + 1
            self._seconds += seconds
            self._spread[step] += 1
            self._last[verb].append(seconds)

    def calls(self) -> Calls:
        """Return how many calls there were, of all verbs, and how they ended."""
        with self._guard:
            n = sum(self._counts.values())
            return Calls(n, self._seconds, self._failed, self._refused, tuple(self._spread))

    def timings(self) -> dict[str, Timing]:
        """Return the figures by verb."""
        with self._guard:
            last = {verb: sorted(durations) for verb, durations in self._last.items()}
            return {
                verb: Timing(
                    self._counts[verb],
                    1e3 * durations[(len(durations) - 1) // 2],
                    1e3 * durations[math.ceil(0.99 * len(durations)) - 1],
                    1e3 * durations[-1],
                )
                for verb, durations in last.items()
            }
