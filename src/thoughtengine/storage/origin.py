"""What an upgrade carries along: the bodies of the areas that tell where a record came from and how far a sweep is."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["AsideRecord", "CarriedRecord", "CursorRecord", "LoweredRecord", "OriginRecord", "StateRecord"]


class OriginRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What a memory was in format 1, byte for byte: source; `emotion` is the value beside it, of the same name."""

    key: bytes
    value: bytes
    emotion: bytes | None = None


class CarriedRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A row of format 1 that is no memory: a component's state, or a prefix that nobody knows; source.

    `gone` tells that a program of format 1 has deleted it since.
    """

    key: bytes
    value: bytes
    gone: bool = False


class StateRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a component had learned before, names of memories in it replaced by ids: source, made from a carried row."""

    name: str
    document: Any = None
    n_entries: int = 0
    n_references: int = 0
    n_unresolved: int = 0


class AsideRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A payload as it was in front of a step that loses something: source."""

    version: int
    payload: Any


class LoweredRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Which memory went down to a key of format 1, and the digest of the value it became: derived."""

    id: int
    digest: bytes


class CursorRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How far an upgrade has come, in the same batch as what it wrote: derived.

    Attributes
    ----------
    step : int
        Index of the sweep that runs, counted through all phases; behind the last: all are done.
    at : bytes
        Key of the last row it has taken; empty: none.
    next_id, next_carried : int
        Numbers it gives out next.
    counts : dict of str to int
        What it has done, by word.
    """

    step: int = 0
    at: bytes = b""
    next_id: int = 1
    next_carried: int = 1
    counts: dict[str, int] = {}
