"""Whatever stands in a store of format 1: it comes up as a record that can be read, and goes down as it was."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thoughtengine as te
from tests.flat import read_flat, write_flat
from thoughtengine.memory.index.entry import make_entry
from thoughtengine.memory.moment import from_stored
from thoughtengine.memory.record import AppraisalRecord, MemoryRecord
from thoughtengine.migrations import v0002_envelopes
from thoughtengine.migrations.v0001_flat import LAYERS, UNREADABLE, parse, place_of, storable
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, differences, layers_down, layers_up, name_down
from thoughtengine.storage.codec import decode, encode

numbers = st.integers() | st.floats() | st.integers(-(10**40), 10**40)
leaves = st.none() | st.booleans() | numbers | st.text(st.characters(codec=None))
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
names = st.sampled_from(["timestamp", "processed_at", "created_at", "raw", "data", "source", "valence", "arousal", "value",
                         "importance", "text", "content", "message", "type", "other"])  # fmt: skip
documents = st.dictionaries(names, trees, max_size=8)
values = st.one_of(documents | trees).map(lambda tree: json.dumps(tree).encode()) | st.binary(max_size=60)
layers = st.sampled_from(LAYERS)
keys = st.builds(lambda layer, name: f"{layer}:{name}".encode(), layers, st.text(max_size=8)) | st.binary(max_size=12)


@given(layers, values, st.none() | values)
def test_every_value_makes_a_record_that_todays_code_reads(layer: str, value: bytes, emotion: bytes | None) -> None:
    key = f"{layer}:name".encode()
    memory, appraisal = layers_up(key, value, emotion if layer == "sensory" else None)
    record = decode(encode(memory), MemoryRecord)
    assert record.key == key.decode()
    assert record.text is not None
    assert from_stored(record.at, record.offset).year >= 1
    make_entry(record)
    if appraisal is not None:
        felt = decode(encode(appraisal), AppraisalRecord)
        te.Affect(felt.valence or 0.0, felt.arousal or 0.0)
        assert 0.0 <= felt.salience <= 1.0
    assert layers_up(key, value, emotion if layer == "sensory" else None) == (memory, appraisal)
    differences(key, value)


torn = st.builds(
    lambda value, at, bytes_: value[:at] + bytes_ + value[at:],
    documents.map(lambda tree: json.dumps(tree, ensure_ascii=True).encode()), st.integers(0, 80), st.binary(max_size=2),
)  # fmt: skip


@given(layers, values | torn | st.sampled_from(
    [b'{"raw":"x","o":"\xff"}', b'{"raw":"x","\xff":1}', b'{"raw":"x","o":NaN}', b'{"raw":"x","o":"\xed\xa0\x80"}',
     b'{"raw":"x","r\\u0061w":"y"}', b'{"raw":"x"} x', b'\xef\xbb\xbf{"raw":"x"}', b'{"raw":"x","timestamp":1e999}',
     b'{"raw":"\\ud800"}', b'{"raw":"x","o":01}', b'{"raw":"x","o":' + b"[" * 2000 + b"]" * 2000 + b"}"]
))  # fmt: skip
def test_a_row_that_says_a_text_is_read_fast_and_becomes_what_it_became_slowly(layer: str, value: bytes) -> None:
    def made() -> Any:
        try:
            return layers_up(f"{layer}:name".encode(), value)
        except Exception as error:  # noqa: BLE001 - the same error then
            return repr(error)

    fast = made()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(v0002_envelopes, "_SAID", {})
        assert made() == fast


@given(st.integers(-61_000_000_000, 250_000_000_000))
def test_a_moment_is_the_same_in_whole_nanoseconds_in_parts_of_them_and_in_seconds(seconds: int) -> None:
    """As `time.time_ns()`, `time.time() * 1e9` and `time.time()` give it."""
    given = (seconds * 10**9, seconds * 1e9) if abs(seconds) >= 100 else (seconds * 10**9,)
    for moment in (*given, float(seconds)) if abs(seconds) < 10**11 else given:
        memory, _ = layers_up(b"sensory:name", json.dumps({"timestamp": moment, "raw": "x"}).encode())
        assert abs(memory.at - seconds * 10**6) <= 1 + abs(seconds) * 1e6 * 2**-52  # a float is no finer


@given(values)
def test_what_is_json_is_read_and_can_be_stored(value: bytes) -> None:
    document = parse(value)
    if document is not UNREADABLE:
        tree = storable(document)
        assert msgspec.msgpack.decode(encode(tree)) == tree


@given(
    values
    | st.sampled_from(
        [b"NaN", b'"\\ud800"', b'{"a": 1e400}', b"\xef\xbb\xbf1", b"-0", b"1" * 4500, b'{"a": 1, "a": 2}']
    )
)
def test_the_fast_reader_of_json_reads_what_the_slow_one_does(value: bytes) -> None:
    try:
        slow = json.loads(value, parse_int=lambda digits: int(digits) if len(digits) < 4000 else digits)
    except (ValueError, RecursionError):
        slow = UNREADABLE
    assert repr(parse(value)) == repr(slow)


@given(layers, st.text(st.characters(codec="utf-8"), min_size=1), trees, st.integers(-(10**15), 10**15))
def test_every_new_memory_has_a_value_in_format_1(layer: str, text: str, payload: Any, at: int) -> None:
    memory = Memory(layer=LAYERS.index(layer), at=at, added=0, text=text, payload=storable(payload), tags=("a",))
    document = json.loads(layers_down(memory, Appraisal(valence=0.5, arousal=0.5)))
    assert document["type"] == layer
    again, _ = layers_up(f"{layer}:x".encode(), layers_down(memory, None))
    assert again.at == at
    assert memory.payload is not None or again.text == text


@given(
    st.integers(1, 1 << 40),
    layers,
    st.none() | st.text(st.characters(codec="utf-8"), max_size=6),
    st.sets(keys, max_size=5),
)
def test_a_new_memory_gets_a_free_key_of_its_layer(id_: int, layer: str, key: str | None, taken: set[bytes]) -> None:
    memory = Memory(layer=LAYERS.index(layer), at=0, added=0, key=key)
    taken |= {f"{layer}:te-{id_}".encode()}
    found = name_down(id_, memory, lambda key: key not in taken)
    assert found not in taken
    assert place_of(found).layer == layer


@settings(max_examples=15)
@given(st.dictionaries(keys, values, max_size=30))
def test_up_and_down_again_is_the_same_store(rows: dict[bytes, bytes]) -> None:
    rows[b"thought:learning"] = b"{}"
    folder = Path(tempfile.mkdtemp())
    try:
        write_flat(folder / "mind", rows)
        te.upgrade(folder / "mind")
        with te.open(folder / "mind") as mind:
            assert mind.check() == []
            mind.remember("in between")
        te.rollback(folder / "mind")
        found = read_flat(folder / "mind")
        assert {key: value for key, value in found.items() if key in rows} == rows
        assert len(found) == len(rows) + 1
    finally:
        shutil.rmtree(folder)
