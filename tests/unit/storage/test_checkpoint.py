"""Checkpoints: one moment of an open generation, by link or copy, and the live one unharmed."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from tests.contracts import notes
from tests.damage.listing import listing
from thoughtengine.config import StorageConfig
from thoughtengine.errors import RecordError, StoreDamagedError, StoreError
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import checkpoint, clone, content_of, verify
from thoughtengine.storage.codec import seal
from thoughtengine.storage.files import copy_file, link_or_copy
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import MEMORY
from thoughtengine.storage.manifest import read_manifest
from thoughtengine.storage.store import Level

CONFIG = StorageConfig(write_buffer_bytes=1 << 16)


def value(number: int) -> bytes:
    return b"%d " % number * 60


def write(level: Level, number: int) -> None:
    """Write a row, and another that must come with it."""
    level.write([(b"a%08d" % number, value(number)), (b"b%08d" % number, b"")], [], False)


def rows(level: Level) -> list[int]:
    """Read everything, and demand that it is a first part of what was written."""
    found = level.page(b"", b"\xff", 1 << 30, False)
    numbers = [int(key[1:]) for key, _ in found if key[:1] == b"a"]
    assert numbers == list(range(len(numbers)))
    assert [key for key, _ in found[len(numbers) :]] == [b"b%08d" % number for number in numbers]
    assert all(content == value(number) for number, (_, content) in zip(numbers, found, strict=False))
    return numbers


@pytest.mark.parametrize("give", [link_or_copy, copy_file])
def test_it_holds_one_moment_while_writers_go_on(tmp_path: Path, give: object) -> None:
    source = tmp_path / "live"
    level = Level(str(source), CONFIG, create=True)
    done, written, problems = threading.Event(), [0], list[BaseException]()

    def hammer() -> None:
        try:
            while not done.is_set() and written[0] < 100_000:
                write(level, written[0])
                written[0] += 1
        except BaseException as error:  # noqa: BLE001  whatever it is, the test must tell
            problems.append(error)

    writer = threading.Thread(target=hammer)
    writer.start()
    try:
        copies = []
        for turn in range(12):
            target = tmp_path / f"copy {turn}"
            before = written[0]
            checkpoint(level, source, target, give=give)  # type: ignore[arg-type]
            copies.append((target, before, written[0]))
    finally:
        done.set()
        writer.join()
    assert problems == []
    for target, before, after in copies:
        assert not {"LOCK", "LOG", "LOG.old"} & set(os.listdir(target))
        copy = Level(str(target), CONFIG)
        n = len(rows(copy))
        assert before <= n <= after + 1
        for number in range(n, n + 300):  # what is done to the copy must not reach the live one
            write(copy, number)
        copy.close()
    assert len(rows(level)) == written[0]
    level.close()
    level = Level(str(source), CONFIG)
    assert len(rows(level)) == written[0]
    level.close()


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    level = Level(str(tmp_path / "closed"), CONFIG, create=True)
    for number in range(800):
        write(level, number)
    level.close()
    named = {f"{number:06d}.ldb" for number in read_manifest(tmp_path / "closed").tables}
    for table in (tmp_path / "closed").glob("*.ldb"):
        if table.name not in named:  # of a compaction that closing broke off
            table.unlink()
    return tmp_path / "closed"


def test_only_what_the_manifest_names_comes_over(closed: Path, tmp_path: Path) -> None:
    for name in ("999999.ldb", "000001.log", "MANIFEST-000001", "CURRENT.part", "other"):
        (closed / name).write_text("not of this moment")
    before = listing(closed)
    checkpoint(None, closed, tmp_path / "copy")
    files = read_manifest(closed)
    expected = {f"{number:06d}.ldb" for number in files.tables} | {files.manifest, "CURRENT"}
    logs = {path.name for path in closed.glob("*.log") if int(path.stem) >= files.log}
    assert set(os.listdir(tmp_path / "copy")) == expected | logs
    assert listing(closed) == before
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700


def test_tables_are_linked_and_the_rest_is_not(closed: Path, tmp_path: Path) -> None:
    checkpoint(None, closed, tmp_path / "copy")
    for path in (tmp_path / "copy").iterdir():
        assert path.samefile(closed / path.name) == (path.suffix == ".ldb")


def test_where_links_cannot_be_all_is_copied(closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    checkpoint(None, closed, tmp_path / "copy")
    assert not any(path.samefile(closed / path.name) for path in (tmp_path / "copy").iterdir())
    level = Level(str(tmp_path / "copy"), CONFIG)
    assert len(rows(level)) == 800
    level.close()


@pytest.mark.parametrize("pattern", ["*.ldb", "*.log", "CURRENT", "MANIFEST-*"])
def test_a_missing_file_is_told_by_name_and_nothing_is_left(closed: Path, tmp_path: Path, pattern: str) -> None:
    files = read_manifest(closed)
    live = {f"{number:06d}.ldb" for number in files.tables}
    gone = next(path for path in sorted(closed.glob(pattern)) if path.suffix != ".ldb" or path.name in live)
    gone.unlink()
    with pytest.raises(StoreDamagedError) as told:
        checkpoint(None, closed, tmp_path / "copy")
    assert told.value.file == gone.name
    assert not (tmp_path / "copy").exists()


def test_a_table_of_another_size_is_told(closed: Path, tmp_path: Path) -> None:
    table = closed / f"{min(read_manifest(closed).tables):06d}.ldb"
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(StoreDamagedError, match=table.name):
        checkpoint(None, closed, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_files_that_never_stand_still_end_in_a_typed_error(
    closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = Level(str(closed), CONFIG)

    def gone(source: str, target: str) -> None:
        raise FileNotFoundError(2, "No such file or directory", source)

    with pytest.raises(StoreError, match="3 tries"):
        checkpoint(level, closed, tmp_path / "copy", give=gone, tries=3)
    assert not (tmp_path / "copy").exists()
    level.close()


def test_a_clone_takes_the_place_of_a_dead_one(closed: Path, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "rest").write_text("of one that was killed")
    clone(closed, tmp_path / "clone")
    assert not (tmp_path / "clone" / "rest").exists()
    level = Level(str(tmp_path / "clone"), CONFIG)
    assert len(rows(level)) == 800
    level.close()


# ---- content


def fill(store: FolderStore) -> None:
    store.commit(notes(*range(1, 601)), memories=600, next_id=601)
    with store.writing:
        store._write([(b"zfuture", b"unknown")], [], False)


def test_the_content_is_counted_and_summed_up(store: FolderStore, tmp_path: Path) -> None:
    fill(store)
    content = content_of(store._open_level())
    assert content.rows == {"memory": 600, "mark": 600, "head": 1, "unknown": 1}
    assert content.head == store.head
    store.checkpoint(tmp_path / "copy")
    before = listing(tmp_path / "copy")
    assert verify(tmp_path / "copy", tmp_path / "scratch", store.config) == content
    assert listing(tmp_path / "copy") == before
    assert not (tmp_path / "scratch").exists()


def test_the_digest_depends_on_rows_and_not_on_files(store: FolderStore) -> None:
    fill(store)
    first = content_of(store._open_level())
    store._open_level().flush()
    assert content_of(store._open_level()) == first
    store.commit(Batch())
    assert content_of(store._open_level()).digest != first.digest


def test_a_row_that_does_not_verify_fails_the_copy(store: FolderStore, tmp_path: Path) -> None:
    fill(store)
    key = MEMORY.key(7)
    with store.writing:
        store._write([(key, seal(MEMORY.key(8), MEMORY, 1, b""))], [], False)
    with pytest.raises(RecordError):
        content_of(store._open_level())
    store.checkpoint(tmp_path / "copy")
    with pytest.raises(StoreDamagedError, match="does not verify"):
        verify(tmp_path / "copy", tmp_path / "scratch", store.config)
    assert not (tmp_path / "scratch").exists()


def test_memories_that_are_not_there_fail_the_copy(store: FolderStore, tmp_path: Path) -> None:
    store.commit(notes(1, 2), memories=3)
    store.checkpoint(tmp_path / "copy")
    with pytest.raises(StoreDamagedError, match="2 memories and its head says 3"):
        verify(tmp_path / "copy", tmp_path / "scratch", store.config)


def test_a_copy_of_a_copy_is_the_same(closed: Path, tmp_path: Path) -> None:
    checkpoint(None, closed, tmp_path / "one")
    checkpoint(None, tmp_path / "one", tmp_path / "two", give=copy_file)
    assert {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()
    }
    shutil.rmtree(tmp_path / "one")
    level = Level(str(tmp_path / "two"), CONFIG)
    assert len(rows(level)) == 800
    level.close()
