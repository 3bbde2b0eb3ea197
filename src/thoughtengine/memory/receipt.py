"""Receipt: what a forgetting, pinning, erasing or undoing did, kept so that it can be taken back or proved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import attrs

from thoughtengine.memory.moment import from_stored
from thoughtengine.memory.record import ReceiptRecord

__all__ = ["Receipt", "receipt_of"]


@attrs.frozen
class Receipt:
    """What was done to which memories.

    Attributes
    ----------
    id : int
        Number of the receipt; ``mind.undo(id)`` takes it back, also after a restart.
    verb : str
        ``"forget"``, ``"pin"``, ``"erase"``, ``"undo"``, or ``"lost"`` where damage took memories.
    at : datetime.datetime
        When, UTC.
    ids : tuple of int
        The memories it changed.
    kept : mapping of int to str
        The memories named that stay as they were, and why.
    undoes : int or None
        The receipt that was taken back.
    proof : mapping
        Of an erasure: how the bytes were removed, from where, and what is out of reach.
    """

    id: int
    verb: str
    at: dt.datetime
    ids: tuple[int, ...]
    kept: Mapping[int, str] = attrs.field(factory=dict)
    undoes: int | None = None
    proof: Mapping[str, Any] = attrs.field(factory=dict)

    def __str__(self) -> str:
        count = f"{len(self.ids)} memor{'y' if len(self.ids) == 1 else 'ies'}"
        told = f"receipt {self.id}: {self.verb} {count}"
        if self.undoes is not None:
            told += f" (takes back receipt {self.undoes})"
        return told + (f"; {len(self.kept)} stay as they were" if self.kept else "")

    def __repr__(self) -> str:
        ids = repr(self.ids) if len(self.ids) <= 6 else f"<{len(self.ids)} ids: {self.ids[0]} to {self.ids[-1]}>"
        return f"Receipt(id={self.id}, verb={self.verb!r}, ids={ids}{f', kept={dict(self.kept)}' if self.kept else ''})"


def receipt_of(number: int, record: ReceiptRecord) -> Receipt:
    """Return the public form of a stored receipt."""
    detail = dict(record.detail)
    kept = {int(key): why for key, why in detail.pop("kept", {}).items()}
    return Receipt(number, record.verb, from_stored(record.at, 0), record.ids, kept, record.undoes, detail)
