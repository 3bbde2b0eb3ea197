"""The stored form of a memory and of what is said about it: the bodies of the areas in `storage.keyspace`."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "AppraisalRecord",
    "MarkRecord",
    "MemoryRecord",
    "NameRecord",
    "ReceiptRecord",
    "VectorRecord",
    "VerdictRecord",
]


class MemoryRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One experience as it came in: source, written once, never rewritten."""

    layer: int  # index into LAYERS
    at: int  # microseconds since 1970, UTC
    offset: int = 0  # seconds east of UTC that `at` was given with
    added: int  # microseconds since 1970: the mind's clock at arrival
    text: str | None = None
    key: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    episode: str | None = None
    kind: str | None = None
    payload: Any = None
    payload_version: int = 1
    derived_from: tuple[int, ...] = ()
    supersedes: int | None = None
    origin: str = "host"  # host, engine, format 1


class AppraisalRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How an experience felt: source where the host said it."""

    valence: float | None = None
    arousal: float | None = None
    surprise: float | None = None
    salience: float = 0.5


class VectorRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A vector: of the host (source) or of an encoder (derived); `data` is little-endian float32."""

    data: bytes
    fingerprint: str  # "" for the host's own


class NameRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which memory a key names now, and the digest of its content: derived."""

    id: int
    digest: bytes


class MarkRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What stands about one memory now, from receipts and revisions: derived."""

    forgotten: tuple[int, ...] = ()  # receipts that hide it
    pinned: tuple[int, ...] = ()  # receipts that pin it
    superseded_by: int | None = None


class ReceiptRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One act of forgetting, pinning, erasing or undoing: source, in order."""

    verb: str
    at: int
    ids: tuple[int, ...] = ()
    undoes: int | None = None
    detail: dict[str, Any] = {}


class VerdictRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the host said of a pattern: source."""

    pattern: int  # its id
    reward: float  # in [-1, 1]
    at: int  # microseconds since 1970: the mind's clock
    evidence: tuple[int, ...] = ()  # memories it rested on then: without them the verdict is about nothing
