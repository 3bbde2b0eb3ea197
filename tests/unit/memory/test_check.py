from typing import Any

import msgspec
import pytest

from thoughtengine.config import Limits
from thoughtengine.memory.check import check_memories
from thoughtengine.memory.experience import Affect, Experience
from thoughtengine.memory.forget import act
from thoughtengine.memory.index.entry import Entry
from thoughtengine.memory.record import (
    AppraisalRecord,
    MarkRecord,
    MemoryRecord,
    NameRecord,
    VectorRecord,
    VerdictRecord,
)
from thoughtengine.memory.remember import draft, take
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import encode, seal
from thoughtengine.storage.keyspace import (
    AREAS,
    ASIDE,
    CARRIED,
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
    VERDICT,
    Area,
)
from thoughtengine.storage.origin import (
    AsideRecord,
    CarriedRecord,
    CursorRecord,
    LoweredRecord,
    OriginRecord,
    StateRecord,
)
from thoughtengine.storage.ram import RamStore

AT = 1_700_000_000_000_000
NOT_OF_A_MEMORY: dict[Area, Any] = {
    ORIGIN: OriginRecord(key=b"sensory:tea", value=b"{}"),
    CARRIED: CarriedRecord(key=b"weather:today", value=b"{}"),
    STATE: StateRecord(name="patterns", document=[]),
    ASIDE: AsideRecord(version=1, payload={"n": 1}),
    LOWERED: LoweredRecord(id=1, digest=bytes(16)),
    CURSOR: CursorRecord(step=1, counts={"rows": 2}),
    VERDICT: VerdictRecord(pattern=5, reward=1.0, at=AT, evidence=(2,)),
    FORMER: VectorRecord(data=bytes(4), fingerprint="before"),
}


@pytest.fixture
def store() -> RamStore:
    """Four memories with everything there can be about one."""
    store = RamStore()
    for text in ("tea", "coffee", "tea"):
        remember(store, text=text, key="drink", affect=Affect(1, 1), vector=[1, 2])
    remember(store, text="water", key="other")
    act(store, "forget", [1], at=AT)
    act(store, "pin", [2], at=AT)
    write(store, PATTERN, 0, {})
    return store


def remember(store: RamStore, **fields: Any) -> None:
    take(store, [draft(Experience(**fields), now=(AT, 0), limits=Limits())], [None], fingerprint="")


def write(store: RamStore, area: Area, name: int | str, record: Any) -> None:
    batch = Batch()
    batch.put(area, name, record)
    store.commit(batch)


def told(store: RamStore) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(finding.kind, finding.where, finding.ids) for finding in check_memories(store)]


def test_a_sound_store_has_no_findings(store: RamStore) -> None:
    assert check_memories(store) == []
    assert check_memories(RamStore()) == []


@pytest.mark.parametrize("area", [area for area in AREAS.values() if area is not NAME and area.name != "code"])
def test_a_flipped_bit_anywhere_is_unreadable(store: RamStore, area: Area) -> None:
    if area in NOT_OF_A_MEMORY:
        write(store, area, 2 if area.numbered else "sensory:tea", NOT_OF_A_MEMORY[area])
        assert check_memories(store) == []
    key, value = next(store.raw(area))
    store._write([(key, value[:-1] + bytes((value[-1] ^ 1,)))], [], False)
    ids = (area.number(key),) if area.numbered else ()
    assert told(store) == [("unreadable", f"{area.name} {key[1:].hex()}", ids)]


@pytest.mark.parametrize("area", [ORIGIN, ASIDE], ids=lambda area: area.name)
def test_what_is_kept_of_no_memory_is_told(store: RamStore, area: Area) -> None:
    write(store, area, 99, NOT_OF_A_MEMORY[area])
    assert told(store) == [("orphan", f"{area.name} 99", (99,))]


def test_a_flipped_bit_in_a_name_is_unreadable_too(store: RamStore) -> None:
    key, value = next(store.raw(NAME))
    store._write([(key, value[:-1] + b"\xff")], [], False)
    assert told(store) == [("unreadable", f"name {b'drink'.hex()}", ())]


def test_names_that_do_not_rise_with_the_ids_are_read_and_compared_too(store: RamStore) -> None:
    for key in ("b", "a", "c"):
        remember(store, text=key, key=key)
    assert check_memories(store) == []
    write(store, NAME, "a", NameRecord(id=5, digest=b""))
    assert told(store) == [("derived differs", "name 'a'", (6,))]
    store._write([(NAME.key("a"), b"?")], [], False)
    assert told(store) == [("unreadable", f"name {b'a'.hex()}", ())]


def test_an_index_entry_under_a_number_of_nine_bytes_hangs_in_the_air(store: RamStore) -> None:
    key, value = TERMS.key(2) + b"x", dict(store.raw(TERMS))[TERMS.key(2)]
    store._write([(key, seal(key, TERMS, 9, value[17:]))], [], False)
    assert told(store) == [("orphan", f"terms {TERMS.number(key)}", (TERMS.number(key),))]
    key = TERMS.prefix + b"\1" * 9
    store._write([(key, seal(key, TERMS, 9, value[17:]))], [], False)
    assert told(store) == [("unreadable", f"terms {key[1:].hex()}", (TERMS.number(key),))]


def test_a_value_under_the_key_of_another_is_unreadable(store: RamStore) -> None:
    value = dict(store.raw(MEMORY))[MEMORY.key(2)]
    store._write([(MEMORY.key(3), value)], [], False)
    assert told(store) == [("unreadable", f"memory {MEMORY.key(3)[1:].hex()}", (3,))]


def test_a_right_checksum_over_a_wrong_body_is_unreadable(store: RamStore) -> None:
    key = MEMORY.key(3)
    store._write([(key, seal(key, MEMORY, 9, encode({"layer": "sensory"})))], [], False)
    assert [kind for kind, _, _ in told(store)] == ["unreadable"]


def test_a_key_of_no_area_is_told_and_carried(store: RamStore) -> None:
    store._write([(b"z" + b"\0" * 8, b"?")], [], False)
    assert told(store) == [("unknown key", (b"z" + b"\0" * 8).hex(), ())]


def test_a_memory_that_is_gone_is_missing(store: RamStore) -> None:
    store._write([], [MEMORY.key(3), TERMS.key(3)], False)
    kinds = told(store)
    assert ("missing memory", "memory", (3,)) in kinds
    assert ("count differs", "head memories", ()) in kinds
    assert ("orphan", "appraisal 3", (3,)) in kinds
    assert ("orphan", "vector 3", (3,)) in kinds


@pytest.mark.parametrize("name", ["memories", "hidden", "next_id", "next_receipt"])
def test_a_counter_that_is_off_is_told(store: RamStore, name: str) -> None:
    store.commit(Batch(), **{name: getattr(store.head, name) + 1})
    kinds = [kind for kind, where, _ in told(store) if where == f"head {name}" or kind == "missing memory"]
    assert kinds == (["missing memory"] if name == "next_id" else ["count differs"])


def test_an_index_entry_that_is_off_is_told(store: RamStore) -> None:
    entry = store.get(TERMS, 4, Entry)
    assert entry is not None
    write(store, TERMS, 4, msgspec.structs.replace(entry, length=9))
    assert told(store) == [("derived differs", "terms 4", (4,))]


def test_an_entry_of_another_analysis_is_made_again_on_reading_and_no_damage(store: RamStore) -> None:
    entry = store.get(TERMS, 4, Entry)
    assert entry is not None
    write(store, TERMS, 4, msgspec.structs.replace(entry, length=9, analysis="words 0"))
    assert told(store) == []


@pytest.mark.parametrize("mark", [MarkRecord(), MarkRecord(forgotten=(2,)), MarkRecord(forgotten=(1,))])
def test_a_mark_that_is_off_is_told(store: RamStore, mark: MarkRecord) -> None:
    write(store, MARK, 1, mark)
    assert told(store) == [("derived differs", "mark 1", (1,))]


@pytest.mark.parametrize("name", [NameRecord(id=1, digest=b""), NameRecord(id=3, digest=b"")])
def test_a_name_that_is_off_is_told(store: RamStore, name: NameRecord) -> None:
    write(store, NAME, "drink", name)
    assert told(store) == [("derived differs", "name 'drink'", (3,))]


def test_what_hangs_in_the_air_is_told(store: RamStore) -> None:
    write(store, AREAS[b"a"], 9, AppraisalRecord(valence=1.0, arousal=1.0))
    write(store, AREAS[b"c"], 9, VectorRecord(data=b"\0" * 8, fingerprint="toy"))
    write(store, NAME, "nobody", NameRecord(id=9, digest=b""))
    assert told(store) == [
        ("orphan", "appraisal 9", (9,)), ("orphan", "code 9", (9,)), ("orphan", "name b'nobody'", ())
    ]  # fmt: skip


def test_a_memory_cannot_supersede_a_later_one(store: RamStore) -> None:
    record = store.get(MEMORY, 4, MemoryRecord)
    assert record is not None
    write(store, MEMORY, 4, msgspec.structs.replace(record, supersedes=4))
    assert ("orphan", "memory 4", (4,)) in told(store)


def test_a_finding_reads_as_a_sentence(store: RamStore) -> None:
    store.commit(Batch(), memories=9)
    (finding,) = check_memories(store)
    assert str(finding) == "count differs: head memories: the head says 9, the rows give 4"


def test_progress_is_told_now_and_then() -> None:
    store, heard = RamStore(), list[tuple[str, int, int | None]]()
    drafts = [draft(Experience(tags=["a"]), now=(AT, 0), limits=Limits()) for _ in range(1024)]
    take(store, drafts, [None] * 1024, fingerprint="")
    assert check_memories(store, progress=lambda *parts: heard.append(parts)) == []
    assert heard == [("checking", 1024, 1024)]


def test_the_head_and_receipts_are_read_too(store: RamStore) -> None:
    assert {area.name for key, _ in store.everything() if (area := store.area_of(key))} == {
        "memory", "appraisal", "vector", "receipt", "name", "mark", "terms", "head", "pattern"
    }  # fmt: skip
    assert store.has(HEAD, 0)
    assert store.has(RECEIPT, 2)


def test_a_number_of_more_than_eight_bytes_is_told(store: RamStore) -> None:
    key = MARK.prefix + bytes([1]) * 9
    store._write([(key, seal(key, MARK, 1, encode(MarkRecord())))], [], False)
    assert told(store) == [("unreadable", f"mark {'01' * 9}", (MARK.number(key),))]


def test_names_are_found_in_whatever_order_they_came() -> None:
    store = RamStore()
    for name in ("m", "b", "z", "a", "m", "c", "z"):
        remember(store, text=f"{name} {store.head.next_id}", key=name)
    assert told(store) == []
    write(store, NAME, "a", NameRecord(id=2, digest=b"other"))
    assert told(store) == [("derived differs", "name 'a'", (4,))]
