"""The same contract over a dict: for tests, and for a mind that need not outlive its process."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from typing import Any

from thoughtengine.errors import StoreClosedError
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Rows, Store

__all__ = ["RamStore"]


class RamStore(Store):
    """A store in memory: a dict of values and a sorted list of keys.

    Examples
    --------
    >>> store = RamStore()
    >>> store.head.sequence
    0
    """

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._closed = False

    def _check(self) -> None:
        if self._closed:
            raise StoreClosedError("the store was closed")

    def _get(self, key: bytes) -> bytes | None:
        self._check()
        return self._values.get(key)

    def _page(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Rows:
        self._check()
        with self.writing:
            low, high = bisect.bisect_left(self._keys, start), bisect.bisect_left(self._keys, stop)
            keys = (
                self._keys[max(low, high - limit) : high][::-1] if reverse else self._keys[low : min(high, low + limit)]
            )
            return [(key, self._values[key]) for key in keys]

    def _write(self, puts: Rows, deletes: list[bytes], sync: bool) -> None:
        self._check()
        for key, value in puts:
            if key not in self._values:
                bisect.insort(self._keys, key)
            self._values[key] = value
        for key in deletes:
            if self._values.pop(key, None) is not None:
                del self._keys[bisect.bisect_left(self._keys, key)]

    def rewrite(
        self,
        drop: set[bytes],
        batch: Batch,
        *,
        whole: bool = True,
        pointer: Mapping[str, Any] | None = None,
        **counters: int,
    ) -> dict[str, Any]:
        """Drop the rows; a dict keeps no copy."""
        with self.writing:
            before = len(self._values)
            self._write([], list(drop), False)
            dropped = before - len(self._values)
            self.commit(batch, sync=False, **counters)
            return {"method": "memory", "rows_kept": len(self._values), "rows_dropped": dropped}

    def close(self) -> None:
        """Forget everything."""
        self._closed = True
        self._values.clear()
        self._keys.clear()

    def __repr__(self) -> str:
        return f"<RamStore of {len(self._values)} rows>"
