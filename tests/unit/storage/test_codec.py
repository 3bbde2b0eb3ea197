"""Envelopes and bodies: what was sealed is read back, and every other byte is a record error."""

import contextlib
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import payloads
from thoughtengine.errors import RecordError
from thoughtengine.memory.index.entry import Entry, make_entry
from thoughtengine.memory.record import (
    AppraisalRecord,
    MarkRecord,
    MemoryRecord,
    NameRecord,
    ReceiptRecord,
    VectorRecord,
    VerdictRecord,
)
from thoughtengine.patterns.state import PatternsRecord
from thoughtengine.storage.codec import Sealed, body_of, decode, encode, open_envelope, seal
from thoughtengine.storage.keyspace import (
    APPRAISAL,
    AREAS,
    ASIDE,
    CARRIED,
    CODE,
    CURSOR,
    FORMER,
    HEAD,
    LOWERED,
    MARK,
    MEMORY,
    NAME,
    ORIGIN,
    PATTERN,
    RECEIPT,
    STATE,
    TERMS,
    VECTOR,
    VERDICT,
    Area,
    HeadRecord,
)
from thoughtengine.storage.origin import (
    AsideRecord,
    CarriedRecord,
    CursorRecord,
    LoweredRecord,
    OriginRecord,
    StateRecord,
)

MEMORY_RECORD = MemoryRecord(
    layer=0, at=1_700_000_000_000_000, offset=3600, added=1, text="I gave up coffee. Tea ☕ only", key="drink",
    source="Dana", tags=("work", "été"), episode="e", kind="note", payload={"a": [1, -1.5, None, True, b"\0"]},
    derived_from=(1, 1 << 40), supersedes=7, origin="host",
)  # fmt: skip
RECORDS: dict[Area, Any] = {
    MEMORY: MEMORY_RECORD,
    APPRAISAL: AppraisalRecord(valence=-0.5, arousal=0.25, surprise=None, salience=0.75),
    VECTOR: VectorRecord(data=bytes(range(16)), fingerprint=""),
    RECEIPT: ReceiptRecord(verb="erase", at=-1, ids=(1, 2, 300), undoes=4, detail={"out_of_reach": [{"path": "x"}]}),
    NAME: NameRecord(id=3, digest=bytes(16)),
    MARK: MarkRecord(forgotten=(1, 2), pinned=(3,), superseded_by=9),
    TERMS: make_entry(MEMORY_RECORD),
    CODE: VectorRecord(data=bytes(8), fingerprint="toy-1"),
    FORMER: VectorRecord(data=bytes(8), fingerprint="toy-0"),
    HEAD: HeadRecord(sequence=9, next_id=8, next_receipt=7, memories=6, hidden=5, skipped=(3, 1 << 32)),
    ORIGIN: OriginRecord(key=b"sensory:tea", value=b"{}", emotion=b"\xff"),
    CARRIED: CarriedRecord(key=b"\xff", value=b"", gone=True),
    STATE: StateRecord(name="patterns", document=[{"id": "p"}], n_entries=1, n_references=2, n_unresolved=3),
    ASIDE: AsideRecord(version=1, payload={"a": b"x"}),
    LOWERED: LoweredRecord(id=4, digest=bytes(16)),
    CURSOR: CursorRecord(step=2, at=b"o", next_id=5, next_carried=6, counts={"rows": 7}),
    VERDICT: VerdictRecord(pattern=1 << 60, reward=-0.5, at=6, evidence=(3, 4)),
    PATTERN: PatternsRecord(
        logic=1,
        fingerprint="toy-1",
        covered=8,
        tables=3,
        names=[(1 << 63, "source", "Dana")],
        thread=1,
        offset=2,
        moment=-3,
    ),
}
TYPES = {area: type(record) for area, record in RECORDS.items()}
areas = st.sampled_from(sorted(RECORDS, key=lambda area: area.kind))
each_area = pytest.mark.parametrize("area", RECORDS, ids=lambda area: area.name)


def sealed(area: Area, *, flags: int = 0) -> tuple[bytes, bytes]:
    key = area.key(5) if area.numbered else area.key("name")
    return key, seal(key, area, 12, encode(RECORDS[area]), flags=flags)


def opened(key: bytes, value: bytes, area: Area) -> Sealed:
    """Open an envelope both ways, which must agree on errors too."""
    try:
        found = open_envelope(key, value, area)
    except RecordError as error:
        with pytest.raises(RecordError, match=re.escape(str(error))):
            body_of(key, value, area)
        raise
    assert body_of(key, value, area) == found.body
    return found


def read(key: bytes, value: bytes, area: Area) -> Any:
    return decode(opened(key, value, area).body, TYPES[area])


def test_there_is_an_example_of_every_area() -> None:
    assert RECORDS.keys() == set(AREAS.values())


@each_area
def test_what_was_sealed_is_read_back(area: Area) -> None:
    key, value = sealed(area)
    found = opened(key, value, area)
    assert (found.kind, found.version, found.sequence, found.flags) == (area.kind, area.version, 12, 0)
    assert decode(found.body, TYPES[area]) == RECORDS[area]


@each_area
def test_the_same_record_gives_the_same_bytes(area: Area) -> None:
    again = decode(encode(RECORDS[area]), TYPES[area])
    assert encode(again) == encode(RECORDS[area])


@given(payloads)
def test_any_payload_comes_back(payload: Any) -> None:
    record = MemoryRecord(layer=0, at=0, added=0, payload=payload)
    assert decode(encode(record), MemoryRecord).payload == payload


# ---- damage


@each_area
def test_every_changed_byte_of_an_envelope_is_told(area: Area) -> None:
    key, value = sealed(area)
    for at in range(len(value)):
        for other in {value[at] ^ (1 << bit) for bit in range(8)} | {0, 255} - {value[at]}:
            with pytest.raises(RecordError):
                opened(key, value[:at] + bytes((other,)) + value[at + 1 :], area)


@each_area
def test_every_cut_and_every_addition_is_told(area: Area) -> None:
    key, value = sealed(area)
    for end in range(len(value)):
        with pytest.raises(RecordError):
            opened(key, value[:end], area)
    with pytest.raises(RecordError):
        opened(key, value + b"\0", area)


@each_area
def test_a_value_under_another_key_is_told(area: Area) -> None:
    _, value = sealed(area)
    other = area.key(6) if area.numbered else area.key("named")
    with pytest.raises(RecordError, match="checksum"):
        opened(other, value, area)


@pytest.mark.parametrize(("given_area", "asked"), [(MEMORY, APPRAISAL), (VECTOR, CODE), (TERMS, MARK)])
def test_a_value_of_another_kind_is_told(given_area: Area, asked: Area) -> None:
    key = asked.key(5)
    value = seal(key, given_area, 1, encode(RECORDS[given_area]))
    with pytest.raises(RecordError, match="kind"):
        opened(key, value, asked)


def test_a_later_schema_is_told_by_its_number() -> None:
    later = Area("memory", MEMORY.prefix, MEMORY.kind, 9, True)
    key = MEMORY.key(1)
    with pytest.raises(RecordError, match="schema version 9, this release reads 1"):
        opened(key, seal(key, later, 1, b"\xc0"), MEMORY)


@each_area
def test_only_flags_of_the_area_are_read(area: Area) -> None:
    allowed = sum(area.beside.values())
    for flags in range(256):
        key, value = sealed(area, flags=flags)
        if flags & ~allowed:
            with pytest.raises(RecordError, match="flags"):
                opened(key, value, area)
        else:
            assert opened(key, value, area).flags == flags


@given(areas, st.binary(max_size=200))
def test_random_bytes_are_a_record_error(area: Area, value: bytes) -> None:
    with pytest.raises(RecordError):
        opened(area.key(1) if area.numbered else area.key("n"), value, area)


# ---- bodies whose checksum is right and whose content is hostile


def decodes_or_tells(body: bytes, record: type) -> None:
    with contextlib.suppress(RecordError):
        assert isinstance(decode(body, record), record)


@each_area
def test_every_changed_byte_of_a_body_decodes_or_is_told(area: Area) -> None:
    body = encode(RECORDS[area])
    for at in range(len(body)):
        for other in {body[at] ^ (1 << bit) for bit in range(8)} | {0x00, 0x80, 0x90, 0xC1, 0xD9, 0xDF, 0xFF}:
            decodes_or_tells(body[:at] + bytes((other,)) + body[at + 1 :], TYPES[area])
        decodes_or_tells(body[:at], TYPES[area])


@given(areas, st.binary(max_size=100))
def test_random_bodies_decode_or_are_told(area: Area, body: bytes) -> None:
    decodes_or_tells(body, TYPES[area])


@given(areas, st.data())
def test_bodies_with_any_value_in_any_field_decode_or_are_told(area: Area, data: st.DataObject) -> None:
    plain = msgspec.to_builtins(RECORDS[area], builtin_types=(bytes,))
    field = data.draw(st.sampled_from(sorted(plain) if isinstance(plain, dict) else range(len(plain))))
    plain[field] = data.draw(payloads)
    decodes_or_tells(msgspec.msgpack.encode(plain), TYPES[area])


HOSTILE = {
    "a claim of four gigabytes of text": b"\xdb\xff\xff\xff\xff",
    "a claim of four thousand million elements": b"\xdd\xff\xff\xff\xff",
    "a claim of four thousand million pairs": b"\xdf\xff\xff\xff\xff",
    "a claim of four gigabytes of bytes": b"\xc6\xff\xff\xff\xff",
    "nesting of 5,000": b"\x91" * 5000,
    "nesting of 500,000": b"\x91" * 500_000,
    "nesting of 5,000 pairs": b"\x81\xa1a" * 5000,
    "an extension": b"\xc7\x01\x05\x00",
    "a moment that cannot be": b"\xc7\x0c\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
    "text that is no UTF-8": b"\xa3\xed\xa0\x80",
    "keys that cannot be hashed": b"\x81\x81\x01\x02\x03",
    "the type that never is": b"\xc1",
    "nothing": b"",
}
TEXT_KEY = b"\xa7payload"


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_bodies_are_told(what: str) -> None:
    for record in {*TYPES.values(), Entry}:
        with pytest.raises(RecordError):
            decode(HOSTILE[what], record)


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_payloads_decode_or_are_told(what: str) -> None:
    fields = msgspec.msgpack.encode({"layer": 0, "at": 0, "added": 0})[1:]
    decodes_or_tells(b"\x84" + fields + TEXT_KEY + HOSTILE[what], MemoryRecord)


def test_bytes_behind_a_body_are_told() -> None:
    with pytest.raises(RecordError):
        decode(encode(HeadRecord()) + b"\0", HeadRecord)


def test_numbers_of_more_than_64_bits_never_reach_the_store() -> None:
    with pytest.raises(OverflowError):
        encode(MemoryRecord(layer=0, at=1 << 64, added=0))
