"""A batch: what one atomic write puts and deletes, across areas."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from thoughtengine.storage.codec import encode
from thoughtengine.storage.keyspace import Area

__all__ = ["Batch"]


class Batch:
    """Rows to write together or not at all; bodies are encoded as they are put, so that nothing can fail half-way.

    Attributes
    ----------
    puts : dict of Area to dict of bytes to bytes
        Body by key, for each area; the store seals it with the sequence of the batch.
    deletes : set of bytes
        Keys of derived rows that go. Source rows never do.
    """

    __slots__ = ("deletes", "puts")

    def __init__(self) -> None:
        self.puts: defaultdict[Area, dict[bytes, bytes]] = defaultdict(dict)
        self.deletes: set[bytes] = set()

    def put(self, area: Area, name: int | str | bytes, record: Any) -> None:
        """Put `record` under `name` in `area`."""
        key = area.key(name)
        self.puts[area][key] = encode(record)
        if self.deletes:
            self.deletes.discard(key)

    def put_body(self, area: Area, name: int | str | bytes, body: bytes) -> None:
        """Put a body that is encoded already."""
        key = area.key(name)
        self.puts[area][key] = body
        self.deletes.discard(key)

    def delete(self, area: Area, name: int | str | bytes) -> None:
        """Delete a derived row."""
        if area.source:
            raise ValueError(f"rows of {area.name} are source: they are never deleted")
        key = area.key(name)
        self.puts[area].pop(key, None)
        self.deletes.add(key)

    def __len__(self) -> int:
        return sum(map(len, self.puts.values())) + len(self.deletes)

    def __repr__(self) -> str:
        return f"<Batch {len(self) - len(self.deletes)} puts, {len(self.deletes)} deletes>"
