"""Reach: how far numbers may go above a mark, and what is said of those that nobody knows of any more."""

from pathlib import Path

import pytest

from tests.contracts import notes
from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreFullError
from thoughtengine.storage import folder as module
from thoughtengine.storage.folder import FolderStore, mark_of, open_folder
from thoughtengine.storage.keyspace import FIRST_NEW, HeadRecord
from thoughtengine.storage.pointer import Mark, read_pointer
from thoughtengine.storage.reach import ahead, further, perhaps, reach_of

HEAD = HeadRecord(sequence=9, next_id=40, next_receipt=5)


def test_a_mark_tells_how_far_numbers_go_above_it() -> None:
    mark = mark_of(HEAD, 3)
    assert mark.reach == ahead(HEAD) == reach_of(mark) == (40 + 4096, 5 + 256)


def test_above_the_mark_of_a_release_before_more_may_have_been_given_out() -> None:
    assert reach_of(Mark(sequence=9, next_id=40, next_receipt=5)) == (40 + 32768, 5 + 4096)


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (HeadRecord(next_id=100, next_receipt=10), (100, 10)),
        (HeadRecord(next_id=101, next_receipt=10), (101 + 32768, 10)),
        (HeadRecord(next_id=5, next_receipt=11), (100, 11 + 4096)),
    ],
)
def test_it_grows_in_larger_steps_and_only_where_it_must(head: HeadRecord, wanted: tuple[int, int]) -> None:
    assert further(head, (100, 10)) == wanted


def test_what_may_be_lost_is_said_from_what_was_found_or_marked_on() -> None:
    mark = Mark(next_id=30, next_receipt=7, reach=(50, 7))
    assert "memories 40 to 49 may be lost, or may never have been" in perhaps(HEAD, mark)
    assert "memories 30 to 49 may" in perhaps(HeadRecord(), mark)
    assert perhaps(HeadRecord(next_id=50, next_receipt=7), mark) == ""


# ---- in a store


def opened(root: Path) -> FolderStore:
    return open_folder(root, StorageConfig(), create=True)[0]


def killed(store: FolderStore) -> None:
    """Leave a store as a kill does."""
    store._close_level()
    store._lock.release()
    store._closed = True


def test_it_is_in_the_pointer_file_before_there_is_such_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path / "mind")
    top, _ = store.pointer.mark.reach
    store.commit(notes(1), next_id=top, memories=1)
    assert read_pointer(store.root)[0].mark.reach[0] == top

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_pointer", full)
        with pytest.raises(StoreFullError):
            store.commit(notes(2), next_id=top + 1, memories=2)
    assert store.head.next_id == top, "not given out"
    store.commit(notes(2), next_id=top + 1, memories=2)
    assert read_pointer(store.root)[0].mark.reach[0] == top + 1 + 32768
    store.close()


@pytest.mark.parametrize("closed", [True, False])
def test_numbers_leap_where_the_log_of_a_killed_writer_is_gone(tmp_path: Path, closed: bool) -> None:
    store = opened(tmp_path / "mind")
    store.commit(notes(1), next_id=2, memories=1)
    store.close() if closed else killed(store)
    max(store.generation.glob("*.log")).unlink()
    store = opened(store.root)
    reach = ahead(HeadRecord())
    assert (store.head.next_id, store.head.next_receipt) == ((2, 1) if closed else (reach[0], reach[1] + 1))
    assert ("may be lost" in store.incidents[0].message) is not closed
    killed(store)
    store = opened(store.root)  # and what is derived is not built yet
    assert (store.head.next_id, store.head.next_receipt) == ((2, 1) if closed else (reach[0], reach[1] + 1))
    store.close()


def test_a_leap_that_was_killed_is_done_by_the_next_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path / "mind")
    store.commit(notes(1), next_id=2, memories=1)
    killed(store)
    max(store.generation.glob("*.log")).unlink()

    def die(_: FolderStore) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "_leap", die)
        with pytest.raises(KeyboardInterrupt):
            opened(store.root)
    assert read_pointer(store.root)[0].doubt
    store = opened(store.root)
    assert store.head.next_id == ahead(HeadRecord())[0]
    assert not store.pointer.doubt
    store.close()


def test_above_an_upgrade_numbers_leap_from_there(tmp_path: Path) -> None:
    store = opened(tmp_path / "mind")
    store.commit(notes(1), next_id=FIRST_NEW, memories=1, skipped=(2, FIRST_NEW))
    store.sync()
    store.commit(notes(FIRST_NEW), next_id=FIRST_NEW + 1, memories=2)
    killed(store)
    log = max(store.generation.glob("*.log"))
    log.unlink()
    store = opened(store.root)
    assert store.head.next_id == FIRST_NEW + 4096
    store.close()
