"""Backup, restore, fork, snapshot: whole, verified, apart from each other, or nothing at all."""

import base64
import contextlib
import errno
import os
import random
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contracts import Figure, Note, notes
from tests.damage.listing import listing
from thoughtengine.config import StorageConfig
from thoughtengine.errors import (
    InvalidArgumentError,
    StoreDamagedError,
    StoreError,
    StoreExistsError,
    StoreFullError,
    StoreLockedError,
    StoreNewerError,
    StoreNotFoundError,
)
from thoughtengine.storage import copies, files
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.copies import (
    SNAPSHOTS,
    CloneStore,
    Copy,
    backup,
    fork,
    purge_snapshots,
    restore,
    snapshot,
)
from thoughtengine.storage.folder import FolderStore, open_folder
from thoughtengine.storage.keyspace import HEAD, MARK, MEMORY, RECEIPT
from thoughtengine.storage.pointer import BACKUP, read_pointer, render

CONFIG = StorageConfig(write_buffer_bytes=1 << 16, mark_every=64)


def remember(store: FolderStore, n: int) -> None:
    first = store.head.next_id
    for number in range(first, first + n):
        store.commit(notes(number), next_id=number + 1, memories=number)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FolderStore]:
    store, _ = open_folder(tmp_path / "mind", CONFIG, create=True)
    remember(store, 150)
    yield store
    store.close()


def content(path: Path) -> dict[bytes, bytes]:
    """Open a mind and give its rows but the counters, which closing changes."""
    store, created = open_folder(path, CONFIG, create=False)
    try:
        assert not created
        assert store.incidents == []
        return {key: value for key, value in store.everything() if key != HEAD.key(0)}
    finally:
        store.close()


def rows(store: FolderStore) -> dict[bytes, bytes]:
    return {key: value for key, value in store.everything() if key != HEAD.key(0)}


def nothing_else(folder: Path, *names: str) -> None:
    assert sorted(os.listdir(folder)) == sorted(names)


# ---- backup and restore


@pytest.mark.parametrize("is_open", [True, False])
def test_a_backup_is_restored_to_the_same_mind(store: FolderStore, tmp_path: Path, is_open: bool) -> None:
    truth, pointer = rows(store), store.pointer
    if not is_open:
        store.close()
    made = backup(tmp_path / "mind", tmp_path / "backup")
    assert isinstance(made, Copy)
    assert (made.kind, made.memories, made.path) == ("backup", 150, str(tmp_path / "backup"))
    assert made.bytes == files.size_of(tmp_path / "backup")
    restored = restore(tmp_path / "backup", tmp_path / "restored")
    assert (restored.kind, restored.memories, restored.digest) == ("mind", 150, made.digest)
    assert content(tmp_path / "restored") == truth
    assert read_pointer(tmp_path / "restored")[0].uuid == pointer.uuid
    nothing_else(tmp_path, "mind", "backup", "restored")
    assert [path.name for path in (tmp_path / "mind").iterdir() if path.name.endswith(".part")] == []


def test_a_backup_shares_no_byte_and_is_for_the_owner_alone(store: FolderStore, tmp_path: Path) -> None:
    store._open_level().flush()
    backup(tmp_path / "mind", tmp_path / "backup")
    live = {(path.stat().st_dev, path.stat().st_ino) for path in (tmp_path / "mind").rglob("*")}
    made = list((tmp_path / "backup").rglob("*"))
    assert not live & {(path.stat().st_dev, path.stat().st_ino) for path in made}
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    assert not {"LOCK", "LOG"} & {path.name for path in made}


def test_a_restored_mind_goes_on(store: FolderStore, tmp_path: Path) -> None:
    backup(tmp_path / "mind", tmp_path / "backup")
    before = listing(tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")
    other, _ = open_folder(tmp_path / "restored", CONFIG, create=False)
    remember(other, 10)
    other.close()
    assert len([key for key in content(tmp_path / "restored") if key[:1] == b"m"]) == 160
    assert listing(tmp_path / "backup") == before


def test_copies_outside_are_noted_so_that_an_erasure_can_name_them(store: FolderStore, tmp_path: Path) -> None:
    backup(tmp_path / "mind", tmp_path / "backup")
    fork(tmp_path / "mind", tmp_path / "forked")
    noted = read_pointer(tmp_path / "mind")[0].backups
    assert [(made["kind"], made["path"]) for made in noted] == [
        ("backup", str(tmp_path / "backup")),
        ("fork", str(tmp_path / "forked")),
    ]
    assert read_pointer(tmp_path / "forked")[0].backups == ()


def test_a_backup_beside_writers_holds_a_first_part(store: FolderStore, tmp_path: Path) -> None:
    done, problems = threading.Event(), list[BaseException]()

    def hammer() -> None:
        try:
            while not done.is_set() and store.head.memories < 20_000:
                remember(store, 10)
        except BaseException as error:  # noqa: BLE001  whatever it is, the test must tell
            problems.append(error)

    writer = threading.Thread(target=hammer)
    writer.start()
    try:
        made = []
        for turn in range(4):
            before = store.head.memories
            made.append((before, backup(tmp_path / "mind", tmp_path / f"backup {turn}"), store.head.memories))
            made.append((before, fork(tmp_path / "mind", tmp_path / f"fork {turn}"), store.head.memories))
            made.append((before, snapshot(store, f"s{turn}"), store.head.memories))
    finally:
        done.set()
        writer.join()
    assert problems == []
    truth = rows(store)
    for number, (before, copy, after) in enumerate(made):
        assert before <= copy.memories <= after
        place = Path(copy.path)
        if copy.kind != "mind":
            place = Path(restore(place, tmp_path / f"restored {number}").path)
        found = content(place)
        assert {MEMORY.number(key) for key in found if key[:1] == b"m"} == set(range(1, copy.memories + 1))
        assert found.items() <= truth.items()


def tampered(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield a way to tamper with each file of a backup."""
    rng = random.Random(6)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        name = str(path.relative_to(folder))
        yield f"delete {name}", path.unlink
        for at in {0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(2))} if data else ():
            changed = data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
            yield f"flip {name} at {at}", lambda path=path, changed=changed: write_over(path, changed)  # type: ignore[misc]
        yield f"cut {name}", lambda path=path, data=data: write_over(path, data[:-1])  # type: ignore[misc]
        yield f"empty {name}", lambda path=path: write_over(path, b"")  # type: ignore[misc]


def write_over(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def test_a_tampered_backup_is_refused_or_restored_right(store: FolderStore, tmp_path: Path) -> None:
    store._open_level().flush()
    remember(store, 5)
    truth = rows(store)
    backup(tmp_path / "mind", tmp_path / "backup")
    refused = set()
    for what, _ in list(tampered(tmp_path / "backup")):
        shutil.copytree(tmp_path / "backup", tmp_path / "copy")
        dict(tampered(tmp_path / "copy"))[what]()
        try:
            restore(tmp_path / "copy", tmp_path / "restored")
        except StoreDamagedError:
            refused.add(what.split()[1])
        else:
            assert content(tmp_path / "restored") == truth
            assert what.split()[1].startswith(BACKUP), f"{what} was not noticed"
            shutil.rmtree(tmp_path / "restored")
        shutil.rmtree(tmp_path / "copy")
        nothing_else(tmp_path, "mind", "backup")
    assert refused == {str(path.relative_to(tmp_path / "backup")) for path in (tmp_path / "backup").glob("gen-*/*")}


def test_a_backup_whose_content_was_changed_with_its_sums_is_refused(store: FolderStore, tmp_path: Path) -> None:
    backup(tmp_path / "mind", tmp_path / "backup")
    remember(store, 1)
    backup(tmp_path / "mind", tmp_path / "later")
    mixed = msgspec.structs.replace(
        read_pointer(tmp_path / "later", BACKUP)[0], content=read_pointer(tmp_path / "backup", BACKUP)[0].content
    )
    for name in (BACKUP, BACKUP + ".bak"):
        (tmp_path / "later" / name).write_bytes(render(mixed))
    with pytest.raises(StoreDamagedError, match="digest"):
        restore(tmp_path / "later", tmp_path / "restored")
    nothing_else(tmp_path, "mind", "backup", "later")


@pytest.mark.parametrize("name", ["../../../outside", "../BACKUP", "a/b", "..", ".", ""])
def test_a_forged_backup_writes_nowhere_else(store: FolderStore, tmp_path: Path, name: str) -> None:
    backup(tmp_path / "mind", tmp_path / "backup")
    (tmp_path / "outside").write_text("mine")
    pointer = read_pointer(tmp_path / "backup", BACKUP)[0]
    forged = msgspec.structs.replace(pointer, files={name: (4, None), **pointer.files})
    for copy in (BACKUP, BACKUP + ".bak"):
        (tmp_path / "backup" / copy).write_bytes(render(forged))
    before = listing(tmp_path)
    with pytest.raises(StoreDamagedError, match="is no name of a file in a backup"):
        restore(tmp_path / "backup", tmp_path / "restored")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("listed", [{"CURRENT": 5}, {"CURRENT": ["x", 1]}, {"CURRENT": [1]}, [1], "x"])
def test_a_forged_list_of_files_is_told(store: FolderStore, tmp_path: Path, listed: Any) -> None:
    backup(tmp_path / "mind", tmp_path / "backup")
    plain = msgspec.to_builtins(read_pointer(tmp_path / "backup", BACKUP)[0]) | {"files": listed}
    body = msgspec.json.encode(plain)
    for copy in (BACKUP, BACKUP + ".bak"):
        (tmp_path / "backup" / copy).write_bytes(b"%08x %s\n" % (zlib.crc32(body), body))
    with pytest.raises(StoreDamagedError):
        restore(tmp_path / "backup", tmp_path / "restored")


def test_a_backup_of_a_later_release_is_refused(store: FolderStore, tmp_path: Path) -> None:
    backup(tmp_path / "mind", tmp_path / "backup")
    later = msgspec.structs.replace(read_pointer(tmp_path / "backup", BACKUP)[0], format=9, min_reader=9)
    (tmp_path / "backup" / BACKUP).write_bytes(render(later))
    with pytest.raises(StoreNewerError):
        restore(tmp_path / "backup", tmp_path / "restored")
    nothing_else(tmp_path, "mind", "backup")


def test_restore_tells_what_it_was_given(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "file").touch()
    for source in ("none", "other", "file"):
        with pytest.raises(StoreNotFoundError, match="no backup"):
            restore(tmp_path / source, tmp_path / "restored")
    with pytest.raises(StoreNotFoundError, match=r"te\.fork"):
        restore(tmp_path / "mind", tmp_path / "restored")
    backup(tmp_path / "mind", tmp_path / "backup")
    with pytest.raises(StoreNotFoundError, match=r"te\.restore"):
        open_folder(tmp_path / "backup", CONFIG, create=True)
    with pytest.raises(StoreNotFoundError, match=r"te\.restore"):
        backup(tmp_path / "backup", tmp_path / "again")


# ---- targets


@pytest.mark.parametrize("verb", ["backup", "fork", "restore"])
def test_a_target_that_is_there_is_left_alone(store: FolderStore, tmp_path: Path, verb: str) -> None:
    backup(tmp_path / "mind", tmp_path / "backup")
    source = tmp_path / ("backup" if verb == "restore" else "mind")
    make: Callable[..., Copy] = getattr(copies, verb)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = listing(tmp_path)
    for name in ("full", "file", "mind", "backup"):
        with pytest.raises(StoreExistsError):
            make(source, tmp_path / name)
    assert listing(tmp_path) == before
    (tmp_path / "empty").mkdir()
    make(source, tmp_path / "empty")
    make(source, tmp_path / "deep" / "er" / "copy")
    assert len(os.listdir(tmp_path / "empty")) >= 3


@pytest.mark.parametrize("verb", ["backup", "fork"])
def test_a_source_that_is_no_mind_is_told(tmp_path: Path, verb: str) -> None:
    make: Callable[..., Copy] = getattr(copies, verb)
    (tmp_path / "empty").mkdir()
    for name in ("none", "empty"):
        with pytest.raises(StoreNotFoundError):
            make(tmp_path / name, tmp_path / "copy")
    nothing_else(tmp_path, "empty")


def test_a_mind_that_another_process_holds_is_told(tmp_path: Path, store: FolderStore) -> None:
    store.close()
    (held, tell), (wait, enough) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        other, _ = open_folder(tmp_path / "mind", CONFIG, create=False)
        os.write(tell, b"held")
        os.read(wait, 1)
        os._exit(0 if other else 1)
    assert os.read(held, 4) == b"held"
    try:
        for verb in (backup, fork):
            with pytest.raises(StoreLockedError) as told:
                verb(tmp_path / "mind", tmp_path / "copy")
            assert told.value.pid == child
        assert not (tmp_path / "copy").exists()
    finally:
        os.write(enough, b"!")
        os.waitpid(child, 0)
        for descriptor in (held, tell, wait, enough):
            os.close(descriptor)


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="there is no other file system at hand")
def test_a_target_on_another_file_system(store: FolderStore, tmp_path: Path) -> None:
    other = Path("/dev/shm") / f"te-test-{os.getpid()}"
    if os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("it is the same file system")
    store._open_level().flush()
    truth = rows(store)
    try:
        backup(tmp_path / "mind", other / "backup")
        fork(tmp_path / "mind", other / "forked")
        restore(other / "backup", tmp_path / "restored")
        assert content(other / "forked") == content(tmp_path / "restored") == truth
        nothing_else(other, "backup", "forked")
    finally:
        shutil.rmtree(other, ignore_errors=True)


@pytest.mark.parametrize("verb", ["backup", "fork", "snapshot", "restore"])
def test_a_copy_that_fails_leaves_nothing(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    backup(tmp_path / "mind", tmp_path / "backup")
    make = {
        "backup": lambda: backup(tmp_path / "mind", tmp_path / "copy"),
        "fork": lambda: fork(tmp_path / "mind", tmp_path / "copy"),
        "snapshot": lambda: snapshot(store, "copy"),
        "restore": lambda: restore(tmp_path / "backup", tmp_path / "copy"),
    }[verb]
    fsync, calls, at = os.fsync, [0], 0

    def full(descriptor: int) -> None:
        calls[0] += 1
        if calls[0] == at:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    def names() -> set[str]:
        found = {name for name in listing(tmp_path) if not name.endswith((".log", "LOG", "reserve.bin"))}
        return found | {f"mind/{SNAPSHOTS}"}

    before, refused = names(), 0
    monkeypatch.setattr(os, "fsync", full)
    while calls[0] >= at:
        at, calls[0] = at + 1, 0
        try:
            shutil.rmtree(make().path)
        except StoreFullError:
            refused += 1
        assert names() == before, f"at sync {at}"
    assert refused > 5
    monkeypatch.undo()
    remember(store, 5)
    assert store.incidents == []


def test_a_copy_that_cannot_be_noted_is_none(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**changes: object) -> None:
        raise StoreFullError("mind", "no space left")

    monkeypatch.setattr(store, "update_pointer", full)
    for verb in (backup, fork):
        with pytest.raises(StoreFullError):
            verb(tmp_path / "mind", tmp_path / "copy")
    nothing_else(tmp_path, "mind")


# ---- fork


def test_a_fork_is_a_mind_of_its_own(store: FolderStore, tmp_path: Path) -> None:
    store._open_level().flush()
    truth = rows(store)
    made = fork(tmp_path / "mind", tmp_path / "forked")
    assert (made.kind, made.memories, made.digest) == ("mind", 150, None)
    pointer = read_pointer(tmp_path / "forked")[0]
    assert pointer.uuid != store.pointer.uuid
    assert pointer.forked_from == store.pointer.uuid
    other, _ = open_folder(tmp_path / "forked", CONFIG, create=False)
    remember(other, 400)
    other.rewrite({MEMORY.key(number) for number in range(1, 100)}, Batch(), memories=451)
    assert rows(store) == truth
    remember(store, 300)
    store.rewrite({MEMORY.key(150)}, Batch())
    assert len([key for key in rows(other) if key[:1] == b"m"]) == 451
    other.close()
    shutil.rmtree(tmp_path / "forked")
    assert MEMORY.key(1) in rows(store)


# ---- snapshots


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", ".a", "a b", "é", "x" * 65, "a\n", "a.part", 7, None])
def test_a_name_that_cannot_be_used_is_told(store: FolderStore, name: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="1 to 64"):
        snapshot(store, name)


def test_a_snapshot_stays_as_it_was(store: FolderStore, tmp_path: Path) -> None:
    truth = rows(store)
    made = snapshot(store, "before")
    assert (made.kind, made.memories) == ("snapshot", 150)
    before = listing(Path(made.path))
    with pytest.raises(StoreExistsError):
        snapshot(store, "before")
    remember(store, 500)
    store.rewrite({MEMORY.key(1)}, Batch())
    assert listing(Path(made.path)) == before
    restored = restore(made.path, tmp_path / "restored")
    assert restored.digest == made.digest
    assert content(tmp_path / "restored") == truth


@pytest.mark.parametrize("name", ["gen-000007", "gen-1", "gen-", "STORE", "a", "1"])
def test_a_snapshot_of_any_name_outlives_closing_and_opening(store: FolderStore, tmp_path: Path, name: str) -> None:
    made = snapshot(store, name)
    before = listing(Path(made.path))
    store.close()
    content(tmp_path / "mind")
    assert listing(Path(made.path)) == before


def receipt() -> tuple[Any, Any]:
    return RECEIPT, Figure(1)


def test_erased_bytes_go_from_the_snapshots_that_hold_them(store: FolderStore, tmp_path: Path) -> None:
    marker = b"xkcd-correct-horse-battery"
    snapshot(store, "early")
    batch = Batch()
    batch.put(MEMORY, 151, Note(marker.decode()))
    store.commit(batch, next_id=152, memories=151)
    snapshot(store, "late")
    store._open_level().flush()
    snapshot(store, "later")
    untouched = listing(store.root / SNAPSHOTS / "early")
    assert purge_snapshots(store, {MEMORY.key(151), MARK.key(151)}, receipt()) == ["late", "later"]
    assert listing(store.root / SNAPSHOTS / "early") == untouched
    for path in (store.root / SNAPSHOTS).rglob("*"):
        assert not path.is_file() or marker not in path.read_bytes()
    for name in ("late", "later"):
        restored = restore(store.root / SNAPSHOTS / name, tmp_path / name)
        assert restored.memories == 150
        found, _ = open_folder(tmp_path / name, CONFIG, create=False)
        assert found.must_rebuild
        assert {number for number, _ in found.rows(MEMORY, Note)} == set(range(1, 151))
        assert len(list(found.rows(RECEIPT, Figure))) == 1
        assert found.head.memories == 150
        found.close()
    nothing_else(store.root / SNAPSHOTS, "early", "late", "later")


def secret(number: int) -> str:
    """Give a text that no compression shortens and no file holds by chance."""
    return base64.b85encode(random.Random(number).randbytes(60)).decode()


def holders(folder: Path, text: str) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_bytes_that_no_compression_hides_are_in_no_file_after_an_erasure(store: FolderStore, tmp_path: Path) -> None:
    for number in (151, 152, 153):
        batch = Batch()
        batch.put(MEMORY, number, Note(secret(number)))
        store.commit(batch, next_id=number + 1, memories=number)
        if number == 151:  # one lies in a table, the others in a log
            store._open_level().flush()
    snapshot(store, "s")
    drop = {MEMORY.key(151), MEMORY.key(152)}
    assert all(len(holders(store.root, secret(number))) == 2 for number in (151, 152, 153))
    store.rewrite(drop, Batch(), memories=151)
    assert all(len(holders(store.root, secret(number))) == 1 for number in (151, 152))
    assert purge_snapshots(store, drop, receipt()) == ["s"]
    assert purge_snapshots(store, drop, receipt()) == []
    assert [holders(store.root, secret(number)) for number in (151, 152)] == [[], []]
    restore(store.root / SNAPSHOTS / "s", tmp_path / "back")
    found, _ = open_folder(tmp_path / "back", CONFIG, create=False)
    assert found.get(MEMORY, 153, Note) == Note(secret(153))
    assert dict(found.rows(RECEIPT, Figure)) == {1: Figure(1)}
    assert found.head.next_receipt == 2
    found.close()


@pytest.mark.parametrize("step", ["clone", "_write_without", "_describe"])
def test_a_purge_that_fails_leaves_the_snapshot_and_is_done_again(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    made = Path(snapshot(store, "s").path)
    before = listing(made)
    with monkeypatch.context() as patch:
        patch.setattr(copies, step, refuse)
        with pytest.raises(StoreFullError, match="No space left"):
            purge_snapshots(store, {MEMORY.key(1)}, receipt())
    assert listing(made) == before
    assert purge_snapshots(store, {MEMORY.key(1)}, receipt()) == ["s"]
    nothing_else(store.root / SNAPSHOTS, "s")
    assert restore(made, tmp_path / "back").memories == 149


def test_a_snapshot_tampered_with_is_refused_or_restored_right(store: FolderStore, tmp_path: Path) -> None:
    made, target, rng = Path(snapshot(store, "s").path), tmp_path / "back", random.Random(8)
    truth = rows(store)
    for path in sorted(made.glob("gen-*/*")):
        data = path.read_bytes()
        path.unlink()  # the live mind may have the same file
        for harm in (data[:-1], data + b"\0", b""):
            path.write_bytes(harm)
            with pytest.raises(StoreDamagedError) as told:
                restore(made, target)
            assert told.value.file == path.name
        for at in rng.sample(range(len(data)), 8):
            path.write_bytes(data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :])
            with contextlib.suppress(StoreDamagedError):
                restore(made, target)
                assert content(target) == truth  # a bit that nothing hangs on, in a filter say
                shutil.rmtree(target)
            nothing_else(tmp_path, "mind")
        path.write_bytes(data)
    assert rows(store) == truth


def test_a_snapshot_that_was_being_purged_when_it_was_killed_comes_back(store: FolderStore, tmp_path: Path) -> None:
    made = Path(snapshot(store, "kept").path)
    before = listing(made)
    made.rename(made.with_name(".kept.old.part"))
    (made.parent / ".kept.new.part").mkdir()
    (made.parent / "other.part").mkdir()
    store.close()
    content(tmp_path / "mind")
    nothing_else(made.parent, "kept")
    assert listing(made) == before


def test_the_old_form_of_a_purged_snapshot_goes(store: FolderStore, tmp_path: Path) -> None:
    made = Path(snapshot(store, "kept").path)
    before = listing(made)
    (made.parent / ".kept.old.part").mkdir()
    store.close()
    content(tmp_path / "mind")
    nothing_else(made.parent, "kept")
    assert listing(made) == before


def test_a_killed_look_into_a_snapshot_hinders_no_other(store: FolderStore) -> None:
    snapshot(store, "one")
    (store.root / SNAPSHOTS / "one.part").mkdir()
    assert purge_snapshots(store, {MEMORY.key(99)}, receipt()) == ["one"]
    nothing_else(store.root / SNAPSHOTS, "one")


# ---- clones


def test_a_clone_is_for_reading_and_goes(store: FolderStore, tmp_path: Path) -> None:
    truth = dict(store.everything())
    clone = CloneStore(store, tmp_path / "clone", CONFIG)
    remember(store, 3)
    assert dict(clone.everything()) == truth
    assert clone.read_head().memories == 150
    with pytest.raises(StoreError, match="reading"):
        clone.commit(notes(1))
    with pytest.raises(StoreError, match="reading"):
        clone.rewrite(set(), Batch())
    clone.close()
    assert not (tmp_path / "clone").exists()


def test_a_clone_of_what_does_not_open_leaves_nothing(store: FolderStore, tmp_path: Path) -> None:
    store.close()
    generation = store.generation
    for path in generation.glob("*.log"):
        data = bytearray(path.read_bytes())
        data[20] ^= 1
        path.write_bytes(data)
    with pytest.raises(StoreDamagedError):
        CloneStore(generation, tmp_path / "clone", CONFIG)
    assert not (tmp_path / "clone").exists()
