from typing import Any

import pytest

from tests.strategies import LONE
from thoughtengine.config import Limits
from thoughtengine.errors import InvalidArgumentError, MemoryNotFoundError
from thoughtengine.memory.check import check_memories
from thoughtengine.memory.erase import plan_erasure
from thoughtengine.memory.experience import Experience
from thoughtengine.memory.forget import Acted, act, find, undo, why_gone, with_earlier
from thoughtengine.memory.receipt import Receipt
from thoughtengine.memory.record import MarkRecord, ReceiptRecord
from thoughtengine.memory.remember import draft, take
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.keyspace import MARK, MEMORY, RECEIPT
from thoughtengine.storage.ram import RamStore

AT = 1_700_000_000_000_000


@pytest.fixture
def store() -> RamStore:
    """Three memories, without keys."""
    store = RamStore()
    for text in ("tea", "coffee", "water"):
        remember(store, text=text)
    return store


def remember(store: RamStore, *, supersedes: int | None = None, **fields: Any) -> int:
    made = draft(Experience(**fields), now=(AT, 0), limits=Limits())
    return take(store, [made], [None], fingerprint="", supersedes=supersedes)[0][0]


def forget(store: RamStore, *ids: int) -> Acted:
    return act(store, "forget", ids, at=AT)


def erase(store: RamStore, *ids: int) -> tuple[int, ...]:
    plan = plan_erasure(store, ids)
    plan.batch.put(RECEIPT, plan.receipt, ReceiptRecord(verb="erase", at=AT, ids=plan.ids))
    store.rewrite(plan.drop, plan.batch, **plan.counters)
    assert check_memories(store) == []
    return plan.ids


def mark(store: RamStore, id_: int) -> MarkRecord:
    return store.get(MARK, id_, MarkRecord) or MarkRecord()


def hidden(store: RamStore) -> list[int]:
    found = [id_ for id_, m in store.rows(MARK, MarkRecord) if m.forgotten]
    assert len(found) == store.head.hidden
    return found


# ------------------------------------------------------------------------------------------------ find


def test_a_memory_is_found_by_id_or_by_key(store: RamStore) -> None:
    remember(store, text="milk", key="drink")
    assert [find(store, 1), find(store, 4), find(store, "drink")] == [1, 4, 4]


def test_a_forgotten_one_is_found_too(store: RamStore) -> None:
    forget(store, 2)
    assert find(store, 2) == 2


@pytest.mark.parametrize("what", [0, -1, 4, 1 << 63, 10**30, 10**400, "", "nobody", " ", LONE, "k" * 5000, "\0"])
def test_what_is_not_there_is_not_found(store: RamStore, what: Any) -> None:
    with pytest.raises(MemoryNotFoundError) as raised:
        find(store, what)
    assert raised.value.id_or_key == what


@pytest.mark.parametrize("what", [None, True, 1.0, b"drink", [1], (), {}, 1j, object()])
def test_what_is_neither_id_nor_key_is_refused(store: RamStore, what: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^ids: expected an id \(int\) or a key \(str\)"):
        find(store, what, argument="ids")


def test_it_is_told_what_became_of_it(store: RamStore) -> None:
    erase(store, 2)
    batch = Batch()
    batch.put(RECEIPT, 2, ReceiptRecord(verb="lost", at=AT, ids=(7,)))
    store.commit(batch, next_id=9, next_receipt=3)
    assert why_gone(store, 2) == "it was erased"
    assert why_gone(store, 7) == "it was lost to damage (receipt 2)"
    assert why_gone(store, 8) == why_gone(store, 9) == why_gone(store, "drink") == ""


# ------------------------------------------------------------------------------------------------ forget, pin, undo


def test_forgetting_marks_counts_and_gives_a_receipt(store: RamStore) -> None:
    acted = forget(store, 1, 3)
    assert (acted.receipt.id, acted.receipt.verb, acted.receipt.ids) == (1, "forget", (1, 3))
    assert hidden(store) == [1, 3]
    assert acted.marks == {1: mark(store, 1), 3: mark(store, 3)}
    assert store.get(RECEIPT, 1, ReceiptRecord) == ReceiptRecord(verb="forget", at=AT, ids=(1, 3))


def test_an_id_twice_counts_once(store: RamStore) -> None:
    assert forget(store, 1, 1).receipt.ids == (1,)
    assert hidden(store) == [1]


def test_undo_brings_back(store: RamStore) -> None:
    forget(store, 1, 2)
    receipt = undo(store, 1, at=AT).receipt
    assert (receipt.id, receipt.verb, receipt.ids, receipt.undoes, receipt.kept) == (2, "undo", (1, 2), 1, {})
    assert hidden(store) == []


def test_overlapping_receipts_behave_as_sets(store: RamStore) -> None:
    forget(store, 1, 2)
    forget(store, 2, 3)
    first = undo(store, 1, at=AT).receipt
    assert (first.ids, first.kept) == ((1,), {2: "receipt 2 also did that"})
    assert hidden(store) == [2, 3]
    second = undo(store, 2, at=AT).receipt
    assert (second.ids, second.kept) == ((2, 3), {})
    assert hidden(store) == []


def test_undo_in_any_order_ends_the_same(store: RamStore) -> None:
    forget(store, 1, 2)
    forget(store, 2, 3)
    assert undo(store, 2, at=AT).receipt.ids == (3,)
    assert undo(store, 1, at=AT).receipt.ids == (1, 2)
    assert hidden(store) == []


def test_undo_twice_says_so(store: RamStore) -> None:
    forget(store, 1)
    undo(store, 1, at=AT)
    again = undo(store, 1, at=AT).receipt
    assert (again.ids, again.kept) == ((), {1: "it had been taken back already"})
    forget(store, 1)
    assert undo(store, 1, at=AT).receipt.ids == ()
    assert hidden(store) == [1]


def test_forgetting_and_pinning_do_not_mix(store: RamStore) -> None:
    act(store, "pin", [1], at=AT)
    forget(store, 1)
    assert mark(store, 1) == MarkRecord(forgotten=(2,), pinned=(1,))
    undo(store, 1, at=AT)
    assert mark(store, 1) == MarkRecord(forgotten=(2,))
    undo(store, 2, at=AT)
    assert mark(store, 1) == MarkRecord()
    assert check_memories(store) == []


def test_a_pin_twice_is_taken_back_twice(store: RamStore) -> None:
    act(store, "pin", [1], at=AT)
    act(store, "pin", [1], at=AT)
    assert undo(store, 1, at=AT).receipt.kept == {1: "receipt 2 also did that"}
    assert mark(store, 1).pinned == (2,)


def test_what_was_erased_since_stays_so(store: RamStore) -> None:
    forget(store, 1, 2)
    erase(store, 2)
    receipt = undo(store, 1, at=AT).receipt
    assert (receipt.ids, receipt.kept) == ((1,), {2: "it was erased since"})
    assert check_memories(store) == []


def test_a_revision_survives_forgetting_and_undo(store: RamStore) -> None:
    remember(store, text="milk", supersedes=1)
    forget(store, 1)
    undo(store, 1, at=AT)
    assert mark(store, 1) == MarkRecord(superseded_by=4)


@pytest.mark.parametrize("number", [0, -1, 2, 99, 1 << 64, 10**400])
def test_a_number_without_receipt_is_refused(store: RamStore, number: int) -> None:
    forget(store, 1)
    with pytest.raises(InvalidArgumentError, match=r"^receipt: expected a receipt of this mind \(1 to 1\)"):
        undo(store, number, at=AT)


def test_neither_an_undo_nor_an_erasure_is_taken_back(store: RamStore) -> None:
    forget(store, 1)
    undo(store, 1, at=AT)
    erase(store, 2)
    for number, verb in ((2, "undo"), (3, "erase")):
        with pytest.raises(InvalidArgumentError, match=f'"{verb}" cannot be taken back'):
            undo(store, number, at=AT)
    assert store.head.next_receipt == 4


def test_a_receipt_that_was_read_twice_is_the_same(store: RamStore) -> None:
    receipt = forget(store, 1).receipt
    from thoughtengine.memory.receipt import receipt_of

    stored = store.get(RECEIPT, 1, ReceiptRecord)
    assert stored is not None
    assert receipt_of(1, stored) == receipt
    assert isinstance(receipt, Receipt)


# ------------------------------------------------------------------------------------------------ what goes along


def test_what_a_revision_replaced_goes_along(store: RamStore) -> None:
    remember(store, text="milk", supersedes=1)
    remember(store, text="wine", supersedes=4)
    for ids, found in (
        ([5], [5, 4, 1]), ([4], [4, 1]), ([1], [1]), ([1, 5], [1, 5, 4]), ([2, 5, 5], [2, 5, 4, 1]), ([], []),
    ):  # fmt: skip
        assert with_earlier(store, ids) == found
    forget(store, 4)
    assert with_earlier(store, [5]) == [5, 1], "what is forgotten already is not forgotten twice"


def test_what_is_gone_from_a_chain_ends_it(store: RamStore) -> None:
    remember(store, text="milk", supersedes=1)
    store._write([], [MEMORY.key(1)], False)
    assert with_earlier(store, [4]) == [4]
