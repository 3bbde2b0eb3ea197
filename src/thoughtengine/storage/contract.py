"""What any store must do: typed reads, atomic batches with a write sequence, scans in order of key."""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from thoughtengine.errors import ThoughtEngineError
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import FLAGS, body_of, decode, seal_all
from thoughtengine.storage.keyspace import AREAS, HEAD, Area, HeadRecord

__all__ = ["PAGE", "Rows", "Store", "sealed"]

PAGE = 256
"""Rows read with one iterator; a long-lived iterator would pin tables and keep deleted bytes alive."""

Rows = list[tuple[bytes, bytes]]
T = TypeVar("T")


def sealed(batch: Batch, sequence: int) -> Rows:
    """Return the puts of a batch in their envelopes."""
    return seal_all(batch.puts, sequence)


class Store(abc.ABC):
    """Records by area and name, over four primitives that a subclass gives.

    Reads may come from any thread at any time; `commit` takes the `writing` lock, which callers also hold around a
    read-decide-commit of their own.

    Attributes
    ----------
    head : HeadRecord
        The counters as of the last batch.
    writing : threading.RLock
        Held by whoever writes.
    """

    def __init__(self) -> None:
        self.writing = threading.RLock()
        self.head = HeadRecord()

    @property
    def counted(self) -> bool:
        """Whether `head` counts every memory; what an upgrade has just begun with is counted behind the calls."""
        return True

    @property
    def total(self) -> int:
        """How many memories there are, forgotten ones too; counted now where that was not done yet."""
        return self.head.memories

    @property
    def skipped(self) -> tuple[int, int]:
        """Ids from the first on, before the second, that are never given out."""
        return self.head.skipped

    def rank(self, id_: int) -> int:
        """Return how many ids up to one were given out: an upgrade leaves some free between old memories and new."""
        first, stop = self.skipped
        return id_ if id_ < first or not stop else id_ - (min(id_ + 1, stop) - first)

    @property
    def derived_folder(self) -> Path | None:
        """Where files may be kept that are derived from the rows as they are now; None for nowhere."""
        return None

    @abc.abstractmethod
    def _get(self, key: bytes) -> bytes | None:
        """Return the value under `key`, checksums verified."""

    @abc.abstractmethod
    def _page(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Rows:
        """Return up to `limit` rows with start <= key < stop, in order (reversed: from the end)."""

    @abc.abstractmethod
    def _write(self, puts: Rows, deletes: list[bytes], sync: bool) -> None:
        """Write all or nothing."""

    def _announce(self, head: HeadRecord) -> None:  # noqa: B027  nothing to do where no damage can be met
        """Make sure, before a write, that its numbers are not given out again whatever becomes of it."""

    @abc.abstractmethod
    def rewrite(
        self,
        drop: set[bytes],
        batch: Batch,
        *,
        whole: bool = True,
        pointer: Mapping[str, Any] | None = None,
        **counters: int,
    ) -> dict[str, Any]:
        """Write the store anew without the rows of `drop` and with those of `batch`, and tell how that was done.

        `pointer`: fields of the pointer file that change in the same moment, where there is one.

        The only way in which source rows go; afterwards their bytes are in no file of the store.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Give everything back; a second call does nothing."""

    def get(self, area: Area, name: int | str | bytes, record: type[T]) -> T | None:
        """Return the record of `name` in `area`, or None.

        Raises
        ------
        RecordError
            When the value is damaged.
        StoreDamagedError
            When the file it lies in is.
        """
        key = area.key(name)
        value = self._get(key)
        return None if value is None else decode(body_of(key, value, area), record)

    def _get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """Return the value under each key."""
        return [self._get(key) for key in keys]

    def get_many(self, area: Area, numbers: Iterable[int], record: type[T]) -> dict[int, tuple[T, int]]:
        """Return the records of those numbers that are in `area`, each with the flags of `Area.beside`, in the order given.

        Raises
        ------
        RecordError, StoreDamagedError
            As `get`.
        """
        wanted = list(numbers)
        keys = area.keys(wanted)
        found: dict[int, tuple[T, int]] = {}
        for number, key, value in zip(wanted, keys, self._get_many(keys), strict=True):
            if value is not None:
                found[number] = decode(body_of(key, value, area), record), value[FLAGS]
        return found

    def has(self, area: Area, name: int | str | bytes) -> bool:
        """Tell whether `name` is in `area`."""
        return self._get(area.key(name)) is not None

    def rows(
        self, area: Area, record: type[T], *, after: int | None = None, reverse: bool = False
    ) -> Iterator[tuple[int, T]]:
        """Yield (number, record) of a numbered area in order, beginning behind `after`.

        Reads a page at a time with a fresh iterator, so a slow consumer holds nothing; what is written meanwhile behind
        the cursor is seen.
        """
        for key, value in self.raw(area, after=after, reverse=reverse):
            yield area.number(key), decode(body_of(key, value, area), record)

    def along(self, area: Area, record: type[T]) -> Callable[[int], T | None]:
        """Return what gives the record of a number in a numbered area, for numbers that rise: rows are read once, in order."""
        rows = self.rows(area, record)
        row = next(rows, None)

        def get(number: int) -> T | None:
            nonlocal row
            while row is not None and row[0] < number:
                row = next(rows, None)
            return row[1] if row is not None and row[0] == number else None

        return get

    def raw(self, area: Area, *, after: int | None = None, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, sealed value) of an area in order of key."""
        start, stop = area.prefix, area.stop
        if after is not None and reverse:
            stop = area.key(after)
        elif after is not None:
            start = area.key(after) + b"\x00"
        while rows := self._page(start, stop, PAGE, reverse):
            yield from rows
            if len(rows) < PAGE:
                return
            if reverse:
                stop = rows[-1][0]
            else:
                start = rows[-1][0] + b"\x00"

    def everything(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every (key, sealed value) of the store, unknown areas included."""
        return self.between(b"", b"\xff" * 9)

    def between(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield every (key, sealed value) with start <= key < stop."""
        while rows := self._page(start, stop, PAGE, False):
            yield from rows
            start = rows[-1][0] + b"\x00"

    def commit(self, batch: Batch, *, sync: bool = False, **counters: int | tuple[int, int]) -> int:
        """Write a batch atomically and return its write sequence.

        Parameters
        ----------
        batch : Batch
            The rows.
        sync : bool
            Whether to wait until the medium has them.
        **counters : int
            New values of `HeadRecord` fields.

        Raises
        ------
        StoreFullError
            Without space; nothing of the batch is there.
        """
        with self.writing:
            head = msgspec.structs.replace(self.head, sequence=self.head.sequence + 1, **counters)
            self._announce(head)
            batch.puts.pop(HEAD, None)  # of a try that failed: the head row must be the last
            batch.put(HEAD, 0, head)
            sequence = head.sequence
            puts = sealed(batch, sequence)
            try:
                self._write(puts, list(batch.deletes), sync)
                self.head = head
            except ThoughtEngineError:  # the write is not there, or the store has counted it
                raise
            except BaseException:  # an interrupt may come when the write is there already: then its numbers are taken
                self.head = self._counted(head)
                raise
            return sequence

    def _counted(self, head: HeadRecord) -> HeadRecord:
        """Return the counters that hold after a write that ended in an exception: the new ones if it is there."""
        with contextlib.suppress(Exception):
            found = self.read_head()
            return found if found.sequence >= head.sequence else self.head
        return self.head

    def read_head(self) -> HeadRecord:
        """Return the counters as they stand in the store."""
        return self.get(HEAD, 0, HeadRecord) or HeadRecord()

    def area_of(self, key: bytes) -> Area | None:
        """Return the area a key belongs to, None for an unknown one."""
        return AREAS.get(key[:1])
