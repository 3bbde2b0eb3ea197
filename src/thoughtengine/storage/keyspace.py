"""Every prefix of the store on one screen.

A key is one prefix byte and a name: a big-endian unsigned 64-bit number (so that a scan is in order of arrival) or UTF-8.
Source areas are written once and never change; derived areas can be built again from them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

__all__ = [
    "APPRAISAL",
    "AREAS",
    "ASIDE",
    "CARRIED",
    "CODE",
    "CURSOR",
    "FIRST_NEW",
    "FORMAT",
    "FORMER",
    "HEAD",
    "LOWERED",
    "MARK",
    "MEMORY",
    "NAME",
    "ORIGIN",
    "PATTERN",
    "PATTERN_ROWS",
    "RECEIPT",
    "STATE",
    "TERMS",
    "VECTOR",
    "VERDICT",
    "Area",
    "HeadRecord",
]

FORMAT = 2
"""The stored format that this release reads and writes; 1 is the flat layout of the predecessor."""

FIRST_NEW = 1 << 32
"""The first id given to a new memory in a mind that was of format 1: old ones keep the rank of their key."""

_pack = struct.Struct(">Q").pack


class Area(msgspec.Struct, frozen=True, eq=False):
    """A named range of keys whose values are all of one kind.

    Attributes
    ----------
    name, prefix : str, bytes
        The word for it, and the byte its keys begin with.
    kind : int
        Code in the envelope of its values, in [1, 255]; never used again for another.
    version : int
        Schema version of its values.
    source : bool
        True for what cannot be built again from the rest.
    numbered : bool
        True where names are numbers, False where they are UTF-8.
    beside : dict of bytes to int
        Prefix of an area that may have a row of the same number, written in the same batch; the flag that tells so in the
        envelope of the row here, in [1, 255]. What is gone of a damaged memory is known by it.
    """

    name: str
    prefix: bytes
    kind: int
    version: int
    source: bool
    numbered: bool = True
    beside: dict[bytes, int] = {}

    def key(self, name: int | str | bytes) -> bytes:
        """Return the key of `name` in this area."""
        if isinstance(name, int):
            return self.prefix + _pack(name)
        return self.prefix + (name.encode() if isinstance(name, str) else name)

    def keys(self, numbers: Iterable[int]) -> list[bytes]:
        """Return the key of each number, in half the time of `key`."""
        zero = self.prefix[0] << 64
        return [(zero + number).to_bytes(9, "big") for number in numbers]

    def number(self, key: bytes) -> int:
        """Return the number in `key`; the inverse of `key` for numbered areas."""
        return int.from_bytes(key[1:], "big")

    @property
    def stop(self) -> bytes:
        """The first key behind the area."""
        return bytes((self.prefix[0] + 1,))


#                      word         prefix  kind ver  source
MEMORY = Area("memory", b"m", 1, 1, True, beside={b"a": 1, b"v": 2})  # id → what was experienced, as it came in
APPRAISAL = Area("appraisal", b"a", 2, 1, True)  # id → how it felt: the emotion layer
VECTOR = Area("vector", b"v", 3, 1, True)  # id → the vector the host gave
RECEIPT = Area("receipt", b"r", 4, 1, True)  # number → one forgetting, pinning, erasing, undoing, loss
NAME = Area("name", b"n", 5, 1, False, numbered=False)  # key of the host → id, digest of the content
MARK = Area("mark", b"k", 6, 1, False)  # id → forgotten, pinned, superseded: what the receipts add up to
TERMS = Area("terms", b"t", 7, 1, False)  # id → the index entry: terms, counts, columns
CODE = Area("code", b"c", 8, 1, False)  # id → the vector the encoder made
HEAD = Area("head", b"h", 9, 1, False)  # 0 → counters, rewritten with every batch
ORIGIN = Area("origin", b"o", 10, 1, True)  # id → the key and bytes it had in format 1
CARRIED = Area("carried", b"u", 11, 1, True)  # number → a key and bytes of format 1 that are no memory
STATE = Area("state", b"e", 12, 1, True)  # number → what a component of format 1 had learned
ASIDE = Area("aside", b"w", 13, 1, True)  # id → the payload in front of a step that loses something
LOWERED = Area("lowered", b"d", 14, 1, False, numbered=False)  # key in format 1 → which memory went there
CURSOR = Area("cursor", b"p", 15, 1, False)  # 0 → how far an upgrade has come
PATTERN = Area("pattern", b"f", 16, 1, False)  # 0 → what the pattern finders cover; then their tables
VERDICT = Area("verdict", b"g", 17, 1, True)  # write sequence → what the host said of a pattern
FORMER = Area("former", b"b", 18, 1, False)  # id → the vector of the encoder before, while it can come back
PATTERN_ROWS = 128
"""Rows of pattern state, in snapshots and rollback points too, at most."""

AREAS = {
    area.prefix: area
    for area in (
        *(MEMORY, APPRAISAL, VECTOR, RECEIPT, NAME, MARK, TERMS, CODE, HEAD),
        *(ORIGIN, CARRIED, STATE, ASIDE, LOWERED, CURSOR, PATTERN, VERDICT, FORMER),
    )
}


class HeadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Counters that every batch carries along: what the store must hold, so that a lost tail is noticed."""

    sequence: int = 0  # of the last batch
    next_id: int = 1  # the id the next memory gets
    next_receipt: int = 1
    memories: int = 0  # stored, hidden ones included
    hidden: int = 0  # forgotten
    skipped: tuple[int, int] = (0, 0)  # ids from the first on, before the second, that are never given out
