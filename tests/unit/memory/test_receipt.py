import datetime as dt

import attrs
import pytest

from thoughtengine.memory.receipt import Receipt, receipt_of
from thoughtengine.memory.record import ReceiptRecord

AT = 1_700_000_000_000_000


def test_a_stored_receipt_becomes_a_public_one() -> None:
    record = ReceiptRecord(verb="undo", at=AT, ids=(3,), undoes=7, detail={"kept": {"4": "it was erased since"}})
    receipt = receipt_of(8, record)
    assert receipt == Receipt(
        8, "undo", dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC), (3,), {4: "it was erased since"}, 7
    )
    assert record.detail == {"kept": {"4": "it was erased since"}}


def test_what_is_no_list_of_kept_ones_is_the_proof() -> None:
    receipt = receipt_of(1, ReceiptRecord(verb="erase", at=AT, ids=(1,), detail={"method": "rebuild"}))
    assert receipt.proof == {"method": "rebuild"}
    assert receipt.kept == {}


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ((), "receipt 1: forget 0 memories"),
        ((5,), "receipt 1: forget 1 memory"),
        ((5, 6), "receipt 1: forget 2 memories"),
    ],
)
def test_it_reads_as_a_sentence(ids: tuple[int, ...], text: str) -> None:
    assert str(receipt_of(1, ReceiptRecord(verb="forget", at=AT, ids=ids))) == text


def test_an_undo_says_what_it_took_back_and_what_stays() -> None:
    record = ReceiptRecord(verb="undo", at=AT, ids=(3,), undoes=7, detail={"kept": {"4": "receipt 9 also did that"}})
    assert str(receipt_of(8, record)) == "receipt 8: undo 1 memory (takes back receipt 7); 1 stay as they were"
    assert "kept={4: 'receipt 9 also did that'}" in repr(receipt_of(8, record))


def test_the_repr_of_many_ids_is_short() -> None:
    receipt = receipt_of(2, ReceiptRecord(verb="pin", at=AT, ids=tuple(range(1, 5001))))
    assert repr(receipt) == "Receipt(id=2, verb='pin', ids=<5000 ids: 1 to 5000>)"
    assert repr(attrs.evolve(receipt, ids=(1, 2))) == "Receipt(id=2, verb='pin', ids=(1, 2))"
