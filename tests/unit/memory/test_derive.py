import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import experiences, vectors
from thoughtengine.config import Limits
from thoughtengine.memory.check import check_memories
from thoughtengine.memory.derive import Derived, content_digest, derive, digest_of, rebuild
from thoughtengine.memory.experience import Experience
from thoughtengine.memory.forget import act, undo
from thoughtengine.memory.record import AppraisalRecord, MemoryRecord, NameRecord, ReceiptRecord
from thoughtengine.memory.remember import draft, take
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import PAGE
from thoughtengine.storage.keyspace import HEAD, MARK, MEMORY, NAME, RECEIPT, TERMS
from thoughtengine.storage.ram import RamStore

AT = 1_700_000_000_000_000
DERIVED = (NAME, MARK, TERMS)


def remember(store: RamStore, **fields: Any) -> int:
    made = draft(Experience(**fields), now=(AT, 0), limits=Limits())
    return take(store, [made], [None], fingerprint="")[0][0]


def lived(seed: int = 0) -> RamStore:
    """Give a store with names, revisions, and receipts that overlap."""
    store, chance = RamStore(), random.Random(seed)
    for i in range(12):
        remember(store, text=f"note {i}", key=chance.choice([None, "a", "b"]))
    for _ in range(8):
        act(store, chance.choice(["forget", "pin"]), chance.sample(range(1, 13), 4), at=AT)
    for number in chance.sample(range(1, 9), 3):
        undo(store, number, at=AT)
    return store


def derived_bodies(store: RamStore) -> dict[bytes, bytes]:
    """Give the derived rows without their envelopes, which bear the sequence of the write."""
    return {key: value[17:] for area in DERIVED for key, value in store.raw(area) if value[17:] != b"\x80"}


def drop(store: RamStore, *keys: bytes) -> None:
    store._write([], list(keys), False)


def test_an_empty_store_gives_nothing() -> None:
    assert derive(RamStore()) == Derived({}, {}, 0, 0, 1, 1, ())


@pytest.mark.parametrize("seed", range(5))
def test_what_is_derived_is_what_was_kept_up_write_by_write(seed: int) -> None:
    store = lived(seed)
    found = derive(store, next_id=store.head.next_id)
    assert (found.n_memories, found.n_hidden) == (store.head.memories, store.head.hidden)
    assert (found.next_id, found.next_receipt) == (store.head.next_id, store.head.next_receipt)
    assert found.missing == ()
    assert check_memories(store) == []


@pytest.mark.parametrize("seed", range(5))
def test_everything_derived_can_be_built_again(seed: int) -> None:
    store = lived(seed)
    before = derived_bodies(store)
    drop(store, *(key for area in DERIVED for key, _ in store.raw(area)))
    assert check_memories(store) != []
    rebuild(store, at=AT)
    assert derived_bodies(store) == before
    assert check_memories(store) == []


def test_wrong_rows_are_put_right() -> None:
    store = lived()
    batch = Batch()
    batch.put(NAME, "a", NameRecord(id=1, digest=b"wrong"))
    store.commit(batch, memories=99, hidden=99)
    rebuild(store, at=AT)
    assert check_memories(store) == []


def test_building_again_twice_changes_nothing_more() -> None:
    store = lived()
    rebuild(store, at=AT)
    before = derived_bodies(store)
    rebuild(store, at=AT)
    assert derived_bodies(store) == before


def test_what_is_missing_gets_a_receipt_once() -> None:
    store = lived()
    drop(store, *(area.key(id_) for id_ in (3, 7) for area in (MEMORY, TERMS, MARK)))
    assert rebuild(store, at=AT).missing == (3, 7)
    number = store.head.next_receipt - 1
    assert store.get(RECEIPT, number, ReceiptRecord) == ReceiptRecord(verb="lost", at=AT, ids=(3, 7))
    assert rebuild(store, at=AT).missing == ()
    assert store.head.next_receipt == number + 1
    assert check_memories(store) == []


def test_ids_that_were_given_out_are_not_given_again() -> None:
    store = lived()
    drop(store, HEAD.key(0), MEMORY.key(12), TERMS.key(12), MARK.key(12))
    store.head = store.read_head()
    assert derive(store).next_id == 12
    assert derive(store, next_id=20).missing == tuple(range(12, 20))
    rebuild(store, at=AT)
    assert store.head.next_id == 12


def test_an_erased_id_counts_as_accounted_for() -> None:
    store = lived()
    drop(store, *(area.key(12) for area in (MEMORY, TERMS, MARK)))
    batch = Batch()
    batch.put(RECEIPT, store.head.next_receipt, ReceiptRecord(verb="erase", at=AT, ids=(12,)))
    store.commit(batch, next_receipt=store.head.next_receipt + 1)
    found = derive(store)
    assert (found.next_id, found.missing) == (13, ())


def test_an_undo_of_a_receipt_that_is_gone_is_passed_over() -> None:
    store = RamStore()
    remember(store, text="tea")
    batch = Batch()
    batch.put(RECEIPT, 5, ReceiptRecord(verb="undo", at=AT, ids=(1,), undoes=4))
    store.commit(batch)
    assert derive(store).marks == {}
    assert derive(store).next_receipt == 6


def test_progress_is_told_by_pages() -> None:
    store, told = RamStore(), list[tuple[str, int, int | None]]()
    drafts = [draft(Experience(text=f"note {i}"), now=(AT, 0), limits=Limits()) for i in range(2 * PAGE + 1)]
    take(store, drafts, [None] * len(drafts), fingerprint="")
    rebuild(store, at=AT, progress=lambda *parts: told.append(parts))
    assert told == [("rebuilding what is derived", n, 2 * PAGE + 1) for n in (PAGE, 2 * PAGE)]


@given(experiences(), st.one_of(st.none(), vectors()))
def test_the_digest_of_what_is_stored_is_that_of_what_came_in(fields: dict[str, Any], vector: Any) -> None:
    store = RamStore()
    fields |= {"key": "k", "vector": vector}
    remember(store, **fields)
    name = store.get(NAME, "k", NameRecord)
    assert name is not None
    assert name.digest == digest_of(store, 1)
    assert remember(store, **fields) == 1


def test_the_digest_leaves_the_moment_out_and_nothing_else() -> None:
    record = MemoryRecord(layer=0, at=AT, added=AT, text="tea", key="k")
    digest = content_digest(record, None, None)
    assert content_digest(MemoryRecord(layer=0, at=0, offset=60, added=0, text="tea", key="k"), None, None) == digest
    assert content_digest(record, AppraisalRecord(valence=0.0, arousal=0.0), None) != digest
    assert content_digest(record, None, b"\0\0\x80\x3f") != digest
    others: list[dict[str, Any]] = [
        {"text": None}, {"layer": 1}, {"source": "tea"}, {"tags": ("tea",)}, {"episode": "tea"}, {"kind": "tea"},
        {"payload": "tea"}, {"derived_from": (1,)},
    ]  # fmt: skip
    fields: dict[str, Any] = {"layer": 0, "at": AT, "added": AT, "text": "tea"}
    digests = {content_digest(MemoryRecord(**(fields | other)), None, None) for other in others}
    assert len(digests | {digest}) == 9
