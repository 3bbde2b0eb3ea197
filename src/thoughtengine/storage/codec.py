"""The envelope around every value, and typed decoding of what is inside.

An envelope is 17 bytes: magic, flags, kind, schema version (u16), write sequence (u64), checksum (u32), then the body as
MessagePack. The checksum is CRC-32 over key, header and body, so a value found under another key is told as damage.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar
from zlib import crc32

import msgspec

from thoughtengine.errors import RecordError
from thoughtengine.storage.keyspace import AREAS, Area

__all__ = ["FLAGS", "MAGIC", "Sealed", "body_of", "decode", "encode", "is_intact", "open_envelope", "seal", "seal_all"]

MAGIC = 0x7E
_HEAD = struct.Struct(">BBBHQ")
_SUM = struct.Struct(">I")
_pack_sum = _SUM.pack
_ENVELOPE = struct.Struct(">BBBHQI")
_LENGTH = _ENVELOPE.size
FLAGS = 1
"""Where a value has the flags of `Area.beside`."""

T = TypeVar("T")
_encoder = msgspec.msgpack.Encoder(order="deterministic")
encode = _encoder.encode
"""``encode(record) -> bytes``: the body of a value; the same record gives the same bytes."""


class Sealed(msgspec.Struct, frozen=True):
    """An envelope taken apart: the checksum was right."""

    kind: int
    version: int
    sequence: int
    body: bytes
    flags: int = 0


def seal(key: bytes, area: Area, sequence: int, body: bytes, *, flags: int = 0) -> bytes:
    """Return `body` in its envelope, bound to `key`; `flags` are those of `Area.beside`."""
    head = _HEAD.pack(MAGIC, flags, area.kind, area.version, sequence)
    return head + _pack_sum(crc32(body, crc32(head, crc32(key)))) + body


def seal_all(puts: Mapping[Area, Mapping[bytes, bytes]], sequence: int) -> list[tuple[bytes, bytes]]:
    """Return the bodies of one batch in their envelopes, as `seal` makes them; flags tell what the batch holds beside a row."""
    rows = list[tuple[bytes, bytes]]()
    for area, bodies in puts.items():
        head = _HEAD.pack(MAGIC, 0, area.kind, area.version, sequence)
        beside = (
            [(prefix, flag) for prefix, flag in area.beside.items() if AREAS[prefix] in puts] if area.beside else []
        )
        for key, body in bodies.items():
            if beside:
                flags = sum([flag for prefix, flag in beside if prefix + key[1:] in puts[AREAS[prefix]]])
                head = _HEAD.pack(MAGIC, flags, area.kind, area.version, sequence)
            rows.append((key, head + _pack_sum(crc32(body, crc32(key + head))) + body))
    return rows


def is_intact(key: bytes, value: bytes) -> bool:
    """Tell whether a value is an envelope of any area, whole, and bound to `key`."""
    if len(value) < _LENGTH:
        return False
    (given,) = _SUM.unpack_from(value, _HEAD.size)
    found = crc32(value[_LENGTH:], crc32(value[: _HEAD.size], crc32(key)))
    return bool(found == given)


def open_envelope(key: bytes, value: bytes, area: Area) -> Sealed:
    """Take an envelope apart.

    Raises
    ------
    RecordError
        When it is too short, of another magic, kind, flags or version, or when the checksum is wrong.
    """
    if len(value) < _LENGTH:
        raise RecordError(f"{area.name} {key.hex()}: {len(value)} bytes are too few for an envelope")
    magic, flags, kind, version, sequence, given = _ENVELOPE.unpack_from(value)
    body = value[_LENGTH:]
    if given != crc32(body, crc32(value[: _HEAD.size], crc32(key))):
        raise RecordError(f"{area.name} {key.hex()}: the checksum does not match, the value is damaged")
    if magic != MAGIC or kind != area.kind or (flags and flags & ~sum(area.beside.values())):
        raise RecordError(f"{area.name} {key.hex()}: magic {magic}, flags {flags}, kind {kind} do not belong here")
    if version != area.version:
        raise RecordError(f"{area.name} {key.hex()}: schema version {version}, this release reads {area.version}")
    return Sealed(kind, version, sequence, body, flags)


class _Beginnings(dict[Area, frozenset[bytes]]):
    """Area → what its rows may begin with: magic, any of its flags, kind, version."""

    def __missing__(self, area: Area) -> frozenset[bytes]:
        sums = {0}
        for flag in area.beside.values():
            sums |= {each | flag for each in sums}
        made = frozenset(_HEAD.pack(MAGIC, flags, area.kind, area.version, 0)[:5] for flags in sums)
        self[area] = made
        return made


_BEGINNINGS = _Beginnings()


def body_of(key: bytes, value: bytes, area: Area) -> bytes:
    """Return the body in an envelope, as sure as `open_envelope` and in two thirds of its time: most want nothing else of it.

    Raises
    ------
    RecordError
        As `open_envelope`.
    """
    body = value[17:]  # the sizes are written out, as this is done for every row
    if value[13:17] != _pack_sum(crc32(body, crc32(key + value[:13]))) or value[:5] not in _BEGINNINGS[area]:
        return open_envelope(key, value, area).body  # tells what is wrong
    return body


@lru_cache(maxsize=64)
def _decoder(record: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(record)


def decode(body: bytes, record: type[T]) -> T:
    """Decode the body of an envelope as `record`.

    Raises
    ------
    RecordError
        For bytes that are no MessagePack, are nested too deep, hold numbers or text that cannot be, or do not have the
        fields of `record`.
    """
    try:
        result: T = _decoder(record).decode(body)  # type: ignore[arg-type]
        return result
    except (msgspec.MsgspecError, RecursionError, OverflowError, UnicodeError, ValueError, MemoryError) as error:
        raise RecordError(f"{record.__name__}: the body does not decode: {error}") from error
