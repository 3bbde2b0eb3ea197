from typing import Any

import pytest

from thoughtengine.config import Limits
from thoughtengine.errors import MemoryNotFoundError
from thoughtengine.memory.check import check_memories
from thoughtengine.memory.erase import plan_erasure
from thoughtengine.memory.experience import Affect, Experience
from thoughtengine.memory.forget import Acted, act, find
from thoughtengine.memory.record import MarkRecord, MemoryRecord, NameRecord, ReceiptRecord
from thoughtengine.memory.remember import draft, take
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.keyspace import APPRAISAL, CODE, MARK, MEMORY, NAME, RECEIPT, TERMS, VECTOR
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


def rows_about(store: RamStore, id_: int) -> list[str]:
    return [area.name for area in (MEMORY, APPRAISAL, VECTOR, CODE, TERMS, MARK) if store.has(area, id_)]


def test_erasing_takes_every_row_and_leaves_a_line_without_a_text(store: RamStore) -> None:
    id_ = remember(store, text="secret", key="k", affect=Affect(1, 1), vector=[1, 2])
    forget(store, id_)
    assert erase(store, id_) == (4,)
    assert rows_about(store, 4) == []
    assert not store.has(NAME, "k")
    assert (store.head.memories, store.head.hidden, store.head.next_id) == (3, 0, 5)
    receipt = store.get(RECEIPT, 2, ReceiptRecord)
    assert receipt == ReceiptRecord(verb="erase", at=AT, ids=(4,))
    assert remember(store, text="next") == 5


def test_what_was_made_from_it_goes_with_it_and_so_on(store: RamStore) -> None:
    a = remember(store, text="likes tea", layer="logic", derived_from=[1, 2])
    b = remember(store, text="likes it hot", layer="dream", derived_from=[a])
    c = remember(store, text="likes water", layer="dream", derived_from=[3])
    assert erase(store, 1) == (1, a, b)
    assert [id_ for id_, _ in store.rows(MEMORY, MemoryRecord)] == [2, 3, c]


def test_erasing_the_conclusion_leaves_the_evidence(store: RamStore) -> None:
    a = remember(store, text="likes tea", layer="logic", derived_from=[1, 2])
    assert erase(store, a) == (a,)
    assert store.head.memories == 3


def test_erasing_a_revision_makes_the_earlier_one_current(store: RamStore) -> None:
    remember(store, text="tea", key="k")
    remember(store, text="milk", key="k")
    assert mark(store, 4).superseded_by == 5
    erase(store, 5)
    assert mark(store, 4) == MarkRecord()
    assert find(store, "k") == 4
    assert remember(store, text="tea", key="k") == 4, "the digest under the key is that of the heir"


def test_erasing_the_earlier_one_leaves_the_revision(store: RamStore) -> None:
    remember(store, text="tea", key="k")
    remember(store, text="milk", key="k")
    erase(store, 4)
    assert find(store, "k") == 5
    record = store.get(MEMORY, 5, MemoryRecord)
    assert record is not None
    assert record.supersedes is None


def test_erasing_the_middle_of_a_chain_joins_its_ends(store: RamStore) -> None:
    for text in ("a", "b", "c", "d", "e"):
        remember(store, text=text, key="k")
    erase(store, 5, 6)
    assert mark(store, 4).superseded_by == 7, "else what was corrected twice would be current again"
    assert mark(store, 7).superseded_by == 8
    assert find(store, "k") == 8
    erase(store, 4, 8)
    assert mark(store, 7) == MarkRecord()
    assert find(store, "k") == 7


def test_erasing_all_of_a_chain_frees_the_key(store: RamStore) -> None:
    for text in ("a", "b"):
        remember(store, text=text, key="k")
    erase(store, 4, 5)
    with pytest.raises(MemoryNotFoundError):
        find(store, "k")
    assert remember(store, text="c", key="k") == 6
    assert check_memories(store) == []


def test_after_a_loss_an_erasure_marks_nothing_that_is_gone(store: RamStore) -> None:
    remember(store, text="milk", supersedes=1)
    store._write([], [area.key(1) for area in (MEMORY, TERMS, MARK)], False)
    batch = Batch()
    batch.put(RECEIPT, 1, ReceiptRecord(verb="lost", at=AT, ids=(1,)))
    store.commit(batch, next_receipt=2, memories=3)
    assert check_memories(store) == []
    assert erase(store, 4) == (4,)


def test_erasing_nothing_is_an_empty_receipt(store: RamStore) -> None:
    assert erase(store) == ()
    assert store.head.memories == 3


def test_the_plan_writes_nothing(store: RamStore) -> None:
    before = list(store.everything())
    plan_erasure(store, [1, 2])
    assert list(store.everything()) == before


def test_names_and_digests_stand_after_any_erasure(store: RamStore) -> None:
    for key, text in (("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("a", "5")):
        remember(store, text=text, key=key)
    erase(store, 6, 7)
    assert {key: find(store, key) for key in ("a", "b")} == {"a": 8, "b": 5}
    name = store.get(NAME, "b", NameRecord)
    assert name is not None
    assert remember(store, text="2", key="b") == 5
