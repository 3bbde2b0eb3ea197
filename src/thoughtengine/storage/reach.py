"""Reach: how far ids and receipts may have gone above the mark, so that damage there makes none be given out twice."""

from __future__ import annotations

import msgspec

from thoughtengine.storage.keyspace import HeadRecord
from thoughtengine.storage.pointer import Mark

__all__ = ["PerhapsLost", "ahead", "further", "perhaps", "reach_of"]

_AHEAD = 1 << 12, 1 << 8  # ids and receipts that may be given out above a mark before the pointer file tells of more
_FURTHER = 1 << 15, 1 << 12  # from then on, and above a mark that does not tell: in larger steps, each is a sync


class PerhapsLost(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of memories that may be lost, or may never have been: nobody can tell any more."""

    verb: str = "lost"
    at: int
    ids: tuple[int, ...]
    detail: dict[str, bool] = msgspec.field(default_factory=lambda: {"perhaps": True})


def ahead(head: HeadRecord) -> tuple[int, int]:
    """Return the reach of a new mark: the first id and the first receipt that are not given out before the file tells."""
    return head.next_id + _AHEAD[0], head.next_receipt + _AHEAD[1]


def reach_of(mark: Mark) -> tuple[int, int]:
    """Return the first id and the first receipt that cannot have been given out yet."""
    ids, receipts = mark.reach
    return ids or mark.next_id + _FURTHER[0], receipts or mark.next_receipt + _FURTHER[1]


def further(head: HeadRecord, reach: tuple[int, int]) -> tuple[int, int]:
    """Return how far numbers may go where those of `head` are beyond what the pointer file tells."""
    ids, receipts = reach
    return (
        ids if head.next_id <= ids else head.next_id + _FURTHER[0],
        receipts if head.next_receipt <= receipts else head.next_receipt + _FURTHER[1],
    )


def perhaps(head: HeadRecord, mark: Mark) -> str:
    """Say which numbers are not given out again, because damage took what was written last."""
    ids, receipts = reach_of(mark)
    spans = (
        ("memories", max(head.next_id, mark.next_id), ids),
        ("receipts", max(head.next_receipt, mark.next_receipt), receipts),
    )
    told = " and ".join(f"{name} {low} to {stop - 1}" for name, low, stop in spans if low < stop)
    return f"; what was written last cannot be read: {told} may be lost, or may never have been" if told else ""
