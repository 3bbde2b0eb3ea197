"""The store in a folder: the contract of all stores, and what a folder adds to it."""

import contextlib
import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contracts import Figure, Note, StoreContract, notes
from tests.damage.listing import listing
from tests.tables import largest
from thoughtengine.config import StorageConfig
from thoughtengine.errors import (
    ForkedError,
    StoreClosedError,
    StoreDamagedError,
    StoreError,
    StoreExistsError,
    StoreFullError,
)
from thoughtengine.memory.record import ReceiptRecord
from thoughtengine.storage import folder as module
from thoughtengine.storage.ballast import BALLAST, Ballast
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.folder import QUARANTINE, FolderStore, mark_of, open_folder
from thoughtengine.storage.incident import INCIDENTS
from thoughtengine.storage.keyspace import MARK, MEMORY, RECEIPT
from thoughtengine.storage.pointer import STORE, read_pointer, render
from thoughtengine.storage.store import Level

CONFIG = StorageConfig(write_buffer_bytes=1 << 16, mark_every=64)


class TestFolderStore(StoreContract):
    def make(self, folder: Path) -> FolderStore:
        store, created = open_folder(folder / "mind", StorageConfig(), create=True)
        assert created
        return store


def again(store: FolderStore) -> FolderStore:
    """Close a store and open it anew."""
    store.close()
    return open_folder(store.root, CONFIG, create=False)[0]


def numbers(store: FolderStore) -> list[int]:
    return [number for number, _ in store.rows(MEMORY, Note)]


def put(store: FolderStore, *which: int) -> None:
    store.commit(notes(*which), next_id=max(which) + 1, memories=store.head.memories + len(which))


def kill(store: FolderStore) -> None:
    """Leave a store as a kill does: nothing is written any more, the lock is free."""
    store._close_level()
    store._lock.release()
    store._closed = True


# ---- the folder


def test_a_new_folder_has_what_it_needs_and_nothing_else(store: FolderStore) -> None:
    assert sorted(os.listdir(store.root)) == ["STORE", "STORE.bak", "gen-000001", "reserve.bin", "te.lock"]
    assert store.root.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in store.root.iterdir() if path.name != "gen-000001")
    assert os.listdir(store.root.parent) == ["mind"]


def test_a_store_is_read_again_after_closing(store: FolderStore) -> None:
    put(store, 1, 2)
    head = store.head
    store = again(store)
    assert numbers(store) == [1, 2]
    assert store.head == msgspec.structs.replace(head, sequence=head.sequence + 1)
    assert store.incidents == []
    unchanged = again(store)
    assert unchanged.head == store.head, "a store that was only read is not written to"
    unchanged.close()


def test_two_makers_at_once_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = module._create

    def slower(root: Path, config: StorageConfig) -> None:
        create(root, config)
        raise StoreExistsError(root, "another process was faster")

    monkeypatch.setattr(module, "_create", slower)
    store, created = open_folder(tmp_path / "mind", CONFIG, create=True)
    assert not created
    store.close()


def test_what_was_left_unfinished_goes(store: FolderStore) -> None:
    put(store, 1)
    for name in ("gen-000009", "backup-abcd.part", "snapshots", "snapshots/x.part"):
        (store.root / name).mkdir()
    (store.root / "STORE.part").write_text("half")
    store = again(store)
    assert sorted(os.listdir(store.root)) == ["STORE", "STORE.bak", "gen-000001", "reserve.bin", "snapshots", "te.lock"]
    assert os.listdir(store.root / "snapshots") == []
    store.close()


@pytest.mark.parametrize("name", ["gen-notes", "mine.txt", "gen-1", "notes.partial"])
def test_what_is_not_ours_stays(store: FolderStore, name: str) -> None:
    (store.root / name).write_text("mine")
    store = again(store)
    assert (store.root / name).read_text() == "mine"
    store.close()


def test_an_older_pointer_file_does_not_make_the_data_go(store: FolderStore) -> None:
    put(store, 1, 2)
    older = {name: (store.root / name).read_bytes() for name in (STORE, "STORE.bak")}
    store.rewrite({MEMORY.key(2)}, Batch(), memories=1)
    put(store, 3)
    store.close()
    (store.root / STORE).write_bytes(older[STORE])
    store = again(store)
    assert numbers(store) == [1, 3]
    assert [incident.kind for incident in store.incidents] == ["pointer file"]
    store.close()
    for name, data in older.items():
        (store.root / name).write_bytes(data)
    before = listing(store.root / "gen-000002")
    with pytest.raises(StoreDamagedError, match="gen-000001/ is gone"):
        open_folder(store.root, CONFIG, create=True)
    assert listing(store.root / "gen-000002") == before


@pytest.mark.parametrize("name", ["../precious", "precious", "gen-000001", "", "."])
def test_a_forged_pointer_file_moves_nothing_it_should_not(store: FolderStore, name: str) -> None:
    put(store, 1)
    store.close()
    for place in (store.root / "precious", store.root.parent / "precious"):
        place.mkdir()
    pointer = msgspec.structs.replace(read_pointer(store.root)[0], quarantine=(name,))
    for copy in (STORE, "STORE.bak"):
        (store.root / copy).write_bytes(render(pointer))
    store = again(store)
    assert numbers(store) == [1]
    assert (store.root / "precious").exists()
    assert (store.root.parent / "precious").exists()
    store.close()


# ---- a write that fails


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, *, lands: bool = False, times: int = 1) -> None:
    """Let the next writes of any level fail, before they are done or after."""
    write, left = Level.write, [times]

    def fail(self: Level, puts: Any, deletes: list[bytes], sync: bool) -> None:
        if left[0] <= 0:
            return write(self, puts, deletes, sync)
        left[0] -= 1
        if lands:
            write(self, puts, deletes, sync)
        raise error

    monkeypatch.setattr(Level, "write", fail)


def not_reopening(monkeypatch: pytest.MonkeyPatch, error: Exception, *, times: int = 1) -> None:
    """Let the next openings of any level fail."""
    init, left = Level.__init__, [times]

    def fail(self: Level, *arguments: Any, **options: Any) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise error
        init(self, *arguments, **options)

    monkeypatch.setattr(Level, "__init__", fail)


def test_after_a_failed_write_the_handle_is_never_used_again(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 1)
    level, head = store._level, store.head
    failing(monkeypatch, StoreFullError("x", "no space"))
    with pytest.raises(StoreFullError, match="this write is not there"):
        put(store, 2)
    assert store._level is not level
    with pytest.raises(StoreClosedError):
        level.get(b"x")  # type: ignore[union-attr]
    assert store.head == head
    assert numbers(store) == [1]
    assert [incident.kind for incident in store.incidents] == ["write error"]
    put(store, 2)
    store = again(store)
    assert numbers(store) == [1, 2]
    store.close()


def test_the_ballast_is_freed_for_reopening_and_taken_again(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    init = Level.__init__

    def look(self: Level, *arguments: Any, **options: Any) -> None:
        held.append((store.root / BALLAST).exists())
        init(self, *arguments, **options)

    failing(monkeypatch, StoreFullError("x", "no space"))
    monkeypatch.setattr(Level, "__init__", look)
    with pytest.raises(StoreFullError):
        put(store, 1)
    assert held == [False]
    assert store._ballast.held
    assert (store.root / BALLAST).exists()


def test_without_the_reserve_nothing_is_written(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, StoreFullError("x", "no space"))
    monkeypatch.setattr(Ballast, "take", lambda self: False)
    for _ in range(3):
        with pytest.raises(StoreFullError):
            put(store, 1)
    assert numbers(store) == []
    monkeypatch.undo()
    put(store, 1)
    assert numbers(store) == [1]


def test_a_write_that_landed_all_the_same_counts(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, StoreError("x", "the sync failed"), lands=True)
    sequence = store.head.sequence
    put(store, 1)
    assert store.head.sequence == sequence + 1
    put(store, 2)
    store = again(store)
    assert numbers(store) == [1, 2]
    assert store.incidents == []
    store.close()


def test_damage_met_by_a_write_is_noted(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, StoreDamagedError("x", "LevelDB found damage"))
    with pytest.raises(StoreDamagedError, match="Close the mind and open it again"):
        put(store, 1)
    assert read_pointer(store.root)[0].state == "DAMAGED"
    store = again(store)
    assert any("salvaged" in incident.message for incident in store.incidents)
    store.close()


def test_where_reopening_fails_reads_and_writes_try_again(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, 1)
    failing(monkeypatch, StoreFullError("x", "no space"))
    not_reopening(monkeypatch, StoreFullError("x", "no space"), times=6)
    for use in (lambda: put(store, 2), lambda: put(store, 2), lambda: numbers(store)):
        with pytest.raises(StoreFullError):
            use()
    assert numbers(store) == [1]
    put(store, 2)
    assert numbers(store) == [1, 2]


@pytest.mark.parametrize("then", [numbers, lambda store: put(store, 9)])
def test_a_write_that_landed_and_was_refused_is_counted_and_told(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, then: Callable[[FolderStore], object]
) -> None:
    """It failed, and reopening failed: when that works again its numbers must not be given out a second time."""
    put(store, 1)
    returned = []
    store.on_return = lambda: returned.append(True)
    failing(monkeypatch, StoreError("x", "the sync failed"), lands=True)
    not_reopening(monkeypatch, StoreError("x", "no such luck"))
    with pytest.raises(StoreError):
        put(store, 2)
    with pytest.raises(StoreError, match="there after all"):
        then(store)
    assert returned == [True]
    assert store.head == store.read_head()
    assert (store.head.next_id, numbers(store)) == (3, [1, 2])
    put(store, 3)
    assert numbers(store) == [1, 2, 3]


def test_a_reader_waits_while_a_failed_write_is_dealt_with(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, 1)
    found: list[object] = []

    def read() -> None:
        try:
            found.append(store.get(MEMORY, 1, Note))
        except Exception as error:  # noqa: BLE001  whatever it is, the test must tell
            found.append(error)

    release, readers = Ballast.release, list[threading.Thread]()

    def meanwhile(self: Ballast) -> None:
        readers.append(threading.Thread(target=read))
        readers[-1].start()
        readers[-1].join(0.1)
        release(self)

    failing(monkeypatch, StoreFullError("x", "no space"))
    monkeypatch.setattr(Ballast, "release", meanwhile)
    with pytest.raises(StoreFullError):
        put(store, 2)
    for reader in readers:
        reader.join(30)
    assert found == [Note("note 1")] * len(readers)
    assert readers


# ---- a rewrite that fails


@pytest.mark.parametrize("at", range(1, 8))
def test_a_rewrite_on_a_disk_that_fills_up_happens_or_does_not(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The pointer file decides; what is acknowledged afterwards is there either way."""
    put(store, 1, 2, 3)
    rename, calls = os.rename, [0]

    def full(*arguments: Any) -> None:
        calls[0] += 1
        if calls[0] == at:
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(*arguments)

    monkeypatch.setattr(os, "rename", full)
    try:
        store.rewrite({MEMORY.key(2), MARK.key(2)}, Batch(), memories=2)
        expected = [1, 3]
    except StoreFullError:
        expected = [1, 2, 3]
    monkeypatch.undo()
    assert numbers(store) == expected
    put(store, 4)
    store = again(store)
    assert numbers(store) == [*expected, 4]
    assert store.head.memories == len(expected) + 1
    assert [path.name for path in store.root.glob("gen-*")] == [store.generation.name]
    store.close()


def test_a_second_copy_that_finds_no_room_does_not_undo_a_rewrite(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 1, 2)
    (store.root / "STORE.bak.part").mkdir()
    store.rewrite({MEMORY.key(2)}, Batch(), memories=1)
    put(store, 3)
    store = again(store)
    assert numbers(store) == [1, 3]
    store.close()


@pytest.mark.parametrize("times", [1, 2, 9])
def test_a_rewrite_whose_store_does_not_reopen_counts(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    put(store, 1, 2)
    copied = store._copy_without

    def then_full(*arguments: Any) -> Any:
        result = copied(*arguments)
        not_reopening(monkeypatch, StoreFullError("x", "no space"), times=times)
        return result

    monkeypatch.setattr(store, "_copy_without", then_full)
    try:
        store.rewrite({MEMORY.key(2), MARK.key(2)}, Batch(), memories=1, next_receipt=2)
    except StoreFullError:
        assert times > 1
    monkeypatch.undo()
    try:
        found = numbers(store)
    except StoreError as error:
        assert "there after all" in str(error)  # noqa: PT017  either is right
        found = numbers(store)
    assert found == [1]
    assert (store.head.memories, store.head.next_receipt) == (1, 2)
    put(store, 3)
    store = again(store)
    assert numbers(store) == [1, 3]
    assert (store.head.memories, store.head.next_receipt) == (2, 2)
    store.close()


# ---- the mark


def test_closing_and_syncing_raise_the_mark(store: FolderStore) -> None:
    put(store, 1, 2)
    assert store.pointer.mark.next_id == 1
    store.sync()
    assert read_pointer(store.root)[0].mark == mark_of(store.head, 1)
    assert store.pointer.mark.next_id == 3
    put(store, 3)
    store = again(store)
    assert store.pointer.mark.next_id == 4
    store.close()


def test_closing_and_syncing_raise_the_mark_over_what_a_killed_life_wrote(store: FolderStore) -> None:
    put(store, 1, 2)
    kill(store)
    store, _ = open_folder(store.root, CONFIG, create=False)
    assert store.pointer.mark.next_id == 1
    store = again(store)
    assert store.pointer.mark.next_id == 3
    put(store, 3)
    kill(store)
    store, _ = open_folder(store.root, CONFIG, create=False)
    store.sync()
    assert read_pointer(store.root)[0].mark == mark_of(store.head, 1)
    assert store.pointer.mark.next_id == 4
    before = store.head.sequence
    store = again(store)
    assert store.head.sequence == before, "nothing to mark, nothing is written"
    store.close()


def test_so_does_every_so_manieth_write(store: FolderStore) -> None:
    marks = []
    for number in range(1, 200):
        put(store, number)
        marks.append(store.pointer.mark.next_id)
    assert sorted(set(marks)) == [1, 65, 129, 193]
    assert read_pointer(store.root)[0].mark.next_id == 193


def test_a_mark_that_cannot_be_raised_is_no_error(store: FolderStore) -> None:
    (store.root / "STORE.part").mkdir()
    for number in range(1, 100):
        put(store, number)
    assert store.pointer.mark.next_id == 1
    (store.root / "STORE.part").rmdir()
    store.sync()
    assert store.pointer.mark.next_id == 100


def test_what_was_derived_from_a_lost_tail_is_gone_with_it(store: FolderStore) -> None:
    put(store, 1)
    store.sync()
    length = max(store.generation.glob("*.log")).stat().st_size
    put(store, 2, 3)
    store.sync()
    store.derived_folder.mkdir()
    (store.derived_folder / "some.segment").write_bytes(b"of 1 to 3")
    kill(store)
    os.truncate(max(store.generation.glob("*.log")), length)
    store = again(store)
    assert numbers(store) == [1]
    assert not store.derived_folder.exists()


def test_only_what_was_derived_from_this_generation_stays(store: FolderStore) -> None:
    put(store, 1)
    for name in ("index-000001", "index-000002", "index-000007"):
        (store.root / name).mkdir()
        (store.root / name / "some.segment").write_bytes(b"something")
    store = again(store)
    assert [path.name for path in store.root.glob("index-*")] == ["index-000001"]
    store.rewrite(set(), Batch())
    assert list(store.root.glob("index-*")) == []
    assert store.derived_folder.name == "index-000002"


@pytest.mark.parametrize("synced", [True, False])
def test_a_lost_tail_is_noticed_as_far_as_the_mark_goes(store: FolderStore, synced: bool) -> None:
    put(store, 1)
    store.sync()
    length = max(store.generation.glob("*.log")).stat().st_size
    put(store, 2, 3)
    if synced:
        store.sync()
    kill(store)
    log = max(store.generation.glob("*.log"))
    os.truncate(log, length)
    store = again(store)
    assert numbers(store) == [1]
    if not synced:  # as a kill before these writes would have left it
        assert store.incidents == []
        assert store.head.next_id == 2
    else:
        (incident,) = store.incidents
        assert incident.kind == "lost tail"
        assert "memories 2 to 3 are lost" in incident.message
        assert store.must_rebuild
        reach = (4 + 4096, 1 + 256)
        assert f"memories 4 to {reach[0] - 1} and receipts 1 to {reach[1] - 1} may be lost" in incident.message
        assert (store.head.next_id, store.head.next_receipt) == (reach[0], reach[1] + 1), "no number is given out twice"
        told = store.get(RECEIPT, reach[1], ReceiptRecord)
        assert (told.verb, told.ids, told.detail) == ("lost", tuple(range(4, reach[0])), {"perhaps": True})
        assert store.head.sequence == incident.data["expected"] + 1
        assert not store.pointer.doubt
    store.close()


@pytest.mark.parametrize("commits", [[(1, 2, 3)], [(1, 2, 3, 4, 5, 6)], [(1,), (2,)]], ids=["less", "more", "later"])
def test_the_generation_of_another_mind_is_noticed(
    store: FolderStore, tmp_path: Path, commits: list[tuple[int]]
) -> None:
    put(store, 1, 2, 3, 4)
    store.close()
    other, _ = open_folder(tmp_path / "other", CONFIG, create=True)
    for which in commits:
        put(other, *which)
    other.close()
    assert other.head.sequence >= store.head.sequence
    shutil.rmtree(store.generation)
    other.generation.rename(store.generation)
    store = open_folder(store.root, CONFIG, create=False)[0]
    (incident,) = store.incidents
    n = len([number for which in commits for number in which])
    assert incident.kind == "lost tail"
    assert f"4 memories had been synced, 5 was the next id, and there are {n} and {n + 1}" in incident.message
    assert "of another mind" in incident.message
    assert store.must_rebuild
    assert store.head.next_id == max(5, n + 1), "no number is given out twice"
    store.settle()
    store = again(store)
    assert store.incidents == []
    store.close()


def test_a_folder_in_the_place_of_the_pointer_file_is_put_aside(store: FolderStore) -> None:
    put(store, 1)
    store.close()
    (store.root / STORE).unlink()
    (store.root / STORE).mkdir()
    (store.root / STORE / "kept").write_text("kept")
    store = open_folder(store.root, CONFIG, create=False)[0]
    assert numbers(store) == [1]
    assert [incident.kind for incident in store.incidents] == ["pointer file"]
    assert (store.root / STORE).is_file()
    (aside,) = (store.root / "quarantine").iterdir()
    assert (aside / "kept").read_text() == "kept"
    store = again(store)
    assert store.incidents == []
    store.close()


# ---- damage


def damage(store: FolderStore) -> Path:
    """Flip a bit in the largest table, so that the memories in it are hit."""
    store._open_level().flush()
    kill(store)
    table = largest(store.generation)
    data = bytearray(table.read_bytes())
    data[2 * len(data) // 3] ^= 1
    table.write_bytes(data)
    return table


@pytest.mark.parametrize("told", [False, True])
def test_closing_raises_for_damage_that_nobody_was_told_of(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    def damaged(*_: object) -> None:
        raise StoreDamagedError(store.root, "a block does not verify")

    put(store, 1)
    if told:
        store.damage_met(StoreDamagedError(store.root, "a block does not verify"))
    monkeypatch.setattr(Level, "write", damaged)
    with contextlib.nullcontext() if told else pytest.raises(StoreDamagedError, match="open it again"):
        store.close()
    monkeypatch.undo()
    store, _ = open_folder(store.root, CONFIG, create=False)
    assert store.must_rebuild, "salvaged"
    assert numbers(store) == [1]
    store.close()


def test_damage_that_a_read_meets_is_salvaged_by_the_next_open(store: FolderStore) -> None:
    put(store, *range(1, 1001))
    table = damage(store)
    store, _ = open_folder(store.root, CONFIG, create=False)
    heard: list[object] = []
    store.on_incident = heard.append
    with pytest.raises(StoreDamagedError, match=r"te\.check"):
        numbers(store)
    assert [incident.kind for incident in store.incidents] == ["damage"]
    assert heard == store.incidents
    assert read_pointer(store.root)[0].state == "DAMAGED"
    with pytest.raises(StoreDamagedError):
        numbers(store)
    assert len(store.incidents) == 1, "one incident for one damage"
    damaged = table.read_bytes()
    store = again(store)
    found = numbers(store)
    assert 0 < len(found) < 1000
    assert store.generation.name == "gen-000002"
    assert store.must_rebuild
    (incident,) = store.incidents
    assert incident.files == (f"gen-000001/{table.name}",)
    assert f"{len(found)} memories were salvaged" in incident.message
    (kept,) = (store.root / QUARANTINE).iterdir()
    assert (kept / table.name).read_bytes() == damaged
    store.settle()
    store = again(store)
    assert numbers(store) == found
    assert (store.incidents, store.pointer.state) == ([], "SETTLED")
    assert len(store.recorded_incidents()) == 2
    store.close()


def test_a_salvage_that_was_killed_begins_again(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, *range(1, 101))
    store.close()
    (store.generation / "CURRENT").unlink()
    rename, before = os.rename, listing(store.generation)

    class KilledError(BaseException):
        pass

    def die(*arguments: Any, **options: Any) -> None:
        raise KilledError

    for within, target in ((FolderStore, "_point"), (module, "to_quarantine")):
        monkeypatch.setattr(within, target, die)
        with pytest.raises(KilledError):
            open_folder(store.root, CONFIG, create=False)
        monkeypatch.undo()
        if target == "_point":
            assert listing(store.generation) == before
    assert os.rename is rename
    store, _ = open_folder(store.root, CONFIG, create=False)
    assert numbers(store) == list(range(1, 101))
    assert len(os.listdir(store.root / QUARANTINE)) == 1
    assert [path.name for path in store.root.glob("gen-*")] == [store.generation.name]
    store.close()


def test_a_generation_that_is_gone_is_a_typed_error(store: FolderStore) -> None:
    put(store, 1)
    store.close()
    shutil.rmtree(store.generation)
    (store.root / "gen-000007").mkdir()
    before = listing(store.root)
    with pytest.raises(StoreDamagedError, match=r"te\.restore") as told:
        open_folder(store.root, CONFIG, create=True)
    assert told.value.file == "gen-000001"
    assert listing(store.root) == before


def test_a_full_disk_at_opening_takes_the_ballast(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, 1)
    store.close()
    init, ballast = Level.__init__, store.root / BALLAST

    def full(self: Level, *arguments: Any, **options: Any) -> None:
        if ballast.exists():
            raise StoreFullError("x", "no space")
        init(self, *arguments, **options)

    monkeypatch.setattr(Level, "__init__", full)
    opened, _ = open_folder(store.root, CONFIG, create=False)
    assert numbers(opened) == [1]
    opened.close()


# ---- moved, forked, closed


def test_a_folder_that_is_another_one_is_neither_read_nor_written(store: FolderStore, tmp_path: Path) -> None:
    put(store, 1)
    other, _ = open_folder(tmp_path / "other", CONFIG, create=True)
    put(other, 7)
    other.close()
    store.root.rename(tmp_path / "moved")
    (tmp_path / "other").rename(store.root)
    before = listing(store.root)
    for use in (
        lambda: put(store, 2),
        lambda: store.update_pointer(dimension=3),
        lambda: store.rewrite(set(), Batch()),
        store.sync,
        lambda: numbers(store),
    ):
        with pytest.raises(StoreError, match="moved, replaced or emptied"):
            use()
    store.damage_met(StoreDamagedError("x", "found while it was elsewhere"))
    assert listing(store.root) == before
    assert not (store.root / INCIDENTS).exists()
    with pytest.raises(StoreError, match="moved"):
        store.close()
    assert listing(store.root) == before
    moved, _ = open_folder(tmp_path / "moved", CONFIG, create=False)
    assert numbers(moved) == [1]
    moved.close()


def test_a_generation_that_goes_while_it_is_open_is_noticed_by_the_next_write(store: FolderStore) -> None:
    put(store, 1)
    shutil.rmtree(store.generation)
    with pytest.raises(StoreError, match="emptied"):
        put(store, 2)
    kill(store)


def test_a_forked_child_is_told_and_harms_nobody(store: FolderStore) -> None:
    put(store, 1)
    holding, free = threading.Event(), threading.Event()

    def hold() -> None:
        with store.writing:
            holding.set()
            free.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(30)
    child = os.fork()
    if not child:
        told = 0
        for use in (
            lambda: put(store, 2),
            lambda: numbers(store),
            lambda: store.rewrite(set(), Batch()),
            lambda: store.update_pointer(dimension=3),
            lambda: store.checkpoint(store.root / "x"),
            store.sync,
        ):
            try:
                use()
            except ForkedError:
                told += 1
        store.close()
        os._exit(0 if told == 6 else 1)
    assert os.waitpid(child, 0)[1] == 0
    free.set()
    holder.join(30)
    put(store, 2)
    store = again(store)
    assert numbers(store) == [1, 2]
    assert store.incidents == []
    store.close()


def test_closing_on_a_full_disk_loses_nothing(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, 1)
    failing(monkeypatch, StoreFullError("x", "no space"), times=9)
    store.close()
    monkeypatch.undo()
    with pytest.raises(StoreClosedError):
        numbers(store)
    store, _ = open_folder(store.root, CONFIG, create=False)
    assert numbers(store) == [1]
    store.close()


def test_a_stores_name_tells_where_and_what(store: FolderStore) -> None:
    put(store, 1)
    assert repr(store) == f"<FolderStore {str(store.root)!r}: gen-000001, 1 memories>"
    store.close()
    assert "closed" in repr(store)


def test_a_row_of_the_contract_is_what_it_says(store: FolderStore) -> None:
    put(store, 1)
    assert store.get(MARK, 1, Figure) == Figure(1)


# ---- a larger buffer for a while


def test_a_larger_buffer_is_there_for_a_while_with_its_reserve(store: FolderStore) -> None:
    put(store, 1)
    usual, large = store.config.write_buffer_bytes, 8 << 20
    with store.roomy(large):
        assert store.config.write_buffer_bytes == large
        assert (store.root / BALLAST).stat().st_size == 2 * large
        put(store, 2)
    assert store.config.write_buffer_bytes == usual
    assert (store.root / BALLAST).stat().st_size == 2 * usual
    put(store, 3)
    store = again(store)
    assert numbers(store) == [1, 2, 3]
    assert store.recorded_incidents() == []
    store.close()


@pytest.mark.parametrize("n_bytes", [10, 1 << 20])
def test_only_a_small_generation_is_merged_before_a_larger_buffer(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, n_bytes: int
) -> None:
    batch, merged = Batch(), list[bytes]()
    batch.put(MEMORY, 1, os.urandom(n_bytes))
    store.commit(batch)
    monkeypatch.setattr(Level, "compact", lambda self, start, stop: merged.append(stop))
    with store.roomy(8 << 20):
        pass
    assert len(merged) == (n_bytes < CONFIG.write_buffer_bytes)  # never on the way back


def test_what_was_written_through_a_larger_buffer_survives_a_kill(store: FolderStore) -> None:
    with contextlib.suppress(ZeroDivisionError), store.roomy(8 << 20):
        put(store, 1, 2)
        fail(lambda: kill(store))
    with contextlib.closing(FolderStore(store.root, CONFIG)) as found:
        assert numbers(found) == [1, 2]


@pytest.mark.parametrize("refused", ["statvfs", "fallocate"])
def test_without_room_for_its_reserve_the_buffer_stays(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    usual = store.config.write_buffer_bytes

    def full(self: Ballast, descriptor: int) -> None:
        if self._size > 2 * usual:
            raise OSError(errno.ENOSPC, "No space left on device")
        right(self, descriptor)

    right = Ballast._fill
    if refused == "fallocate":
        monkeypatch.setattr(Ballast, "_fill", full)
    else:
        monkeypatch.setattr(module, "_ROOM", 1 << 40)
    with store.roomy(8 << 20):
        assert store.config.write_buffer_bytes == usual
        assert (store.root / BALLAST).stat().st_size == 2 * usual
        put(store, 1)
    assert numbers(store) == [1]


def test_what_goes_wrong_meanwhile_is_told_and_the_buffer_is_the_usual_one(store: FolderStore) -> None:
    usual = store.config.write_buffer_bytes
    with pytest.raises(ZeroDivisionError), store.roomy(8 << 20):
        fail(lambda: put(store, 1))
    assert (store.config.write_buffer_bytes, numbers(store)) == (usual, [1])


def test_a_store_that_is_closed_meanwhile_tells_what_closed_it(store: FolderStore) -> None:
    with pytest.raises(ZeroDivisionError), store.roomy(8 << 20):
        fail(store.close)


def fail(what: Callable[[], object]) -> None:
    """Do something and fail."""
    what()
    raise ZeroDivisionError
