"""Checkpoints: one moment's content, by link or by copy, that never harms what it was taken of."""

import errno
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contracts import Note, notes
from tests.damage.listing import listing
from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreDamagedError, StoreError
from thoughtengine.storage.checkpoint import checkpoint, clone, content_of, verify
from thoughtengine.storage.codec import encode, seal
from thoughtengine.storage.contract import Rows
from thoughtengine.storage.files import copy_file, link_or_copy
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import HEAD, MEMORY, HeadRecord
from thoughtengine.storage.manifest import inspect, read_manifest
from thoughtengine.storage.store import Level

SMALL = StorageConfig(write_buffer_bytes=1 << 16, cache_bytes=1 << 16)


def batch(number: int, *, size: int = 900) -> Rows:
    """Give a memory that does not compress, and the head that counts it."""
    text = random.Random(number).randbytes(size // 2).hex()
    head = HeadRecord(sequence=number, next_id=number + 1, memories=number)
    pairs = (MEMORY, number, Note(text)), (HEAD, 0, head)
    return [(area.key(name), seal(area.key(name), area, number, encode(record))) for area, name, record in pairs]


def fill(level: Level, first: int, last: int, *, every: int = 40) -> None:
    """Write memories, a table for each `every` of them; the last ones stay in the log."""
    for number in range(first, last + 1):
        level.write(batch(number), [], False)
        if number % every == 0:
            level.flush()


def numbers_in(generation: Path) -> list[int]:
    """Give the numbers of the memories in a generation that nobody has open; every envelope is checked."""
    level = Level(str(generation), SMALL)
    try:
        content = content_of(level)
        found = [MEMORY.number(key) for key, _ in level.page(MEMORY.prefix, MEMORY.stop, 1 << 20, False)]
    finally:
        level.close()
    assert content.rows.get("memory", 0) == content.head.memories == len(found)
    return found


@pytest.fixture
def level(tmp_path: Path) -> Iterator[Level]:
    level = Level(str(tmp_path / "live"), SMALL, create=True)
    fill(level, 1, 130)
    yield level
    level.close()


@pytest.fixture
def closed(level: Level) -> Path:
    level.close()
    return Path(level.path)


# ---- what is in it


@pytest.mark.parametrize("give", [link_or_copy, copy_file])
def test_a_copy_of_an_open_generation_holds_what_it_held(
    level: Level, tmp_path: Path, give: Callable[..., None]
) -> None:
    checkpoint(level, Path(level.path), tmp_path / "copy", give=give)
    fill(level, 131, 200)
    assert numbers_in(tmp_path / "copy") == list(range(1, 131))
    assert content_of(level).head.memories == 200


def test_a_copy_of_a_closed_generation_holds_what_it_holds(closed: Path, tmp_path: Path) -> None:
    before = listing(closed)
    checkpoint(None, closed, tmp_path / "copy")
    assert listing(closed) == before
    assert numbers_in(tmp_path / "copy") == numbers_in(closed) == list(range(1, 131))


def test_only_what_the_manifest_names_is_in_it(level: Level, tmp_path: Path) -> None:
    live, copy = Path(level.path), tmp_path / "copy"
    for name in ("000001.ldb", "000001.log", "MANIFEST-000001", "000077.dbtmp", "note.txt", "x.log"):
        (live / name).write_bytes(b"stale")
    checkpoint(level, live, copy)
    files = read_manifest(live)
    tables = {f"{number:06d}.ldb" for number in files.tables}
    assert {path.name for path in copy.iterdir()} == tables | {f"{files.log:06d}.log", files.manifest, "CURRENT"}
    assert len(tables) == 3
    assert inspect(copy) == []
    assert copy.stat().st_mode & 0o777 == 0o700


def test_tables_are_shared_by_link_and_logs_never(level: Level, tmp_path: Path) -> None:
    live = Path(level.path)
    for target, give, n_names in ((tmp_path / "link", link_or_copy, 2), (tmp_path / "copy", copy_file, 1)):
        checkpoint(level, live, target, give=give)
        assert {path.stat().st_nlink for path in target.glob("*.ldb")} == {n_names}
        assert {path.stat().st_nlink for path in target.iterdir() if path.suffix != ".ldb"} == {1}
        for path in live.glob("*.ldb"):
            path.with_name(path.name).stat()
        for path in target.glob("*.ldb"):
            path.unlink()


def test_where_links_cannot_be_tables_are_copied(level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    checkpoint(level, Path(level.path), tmp_path / "copy")
    assert {path.stat().st_nlink for path in (tmp_path / "copy").glob("*.ldb")} == {1}
    assert numbers_in(tmp_path / "copy") == list(range(1, 131))


def test_an_empty_generation_has_a_checkpoint(tmp_path: Path) -> None:
    level = Level(str(tmp_path / "live"), SMALL, create=True)
    checkpoint(level, tmp_path / "live", tmp_path / "copy")
    level.close()
    assert numbers_in(tmp_path / "copy") == []


# ---- beside writers


def test_beside_a_writer_each_copy_is_what_was_written_up_to_a_moment(level: Level, tmp_path: Path) -> None:
    live, done, problems = Path(level.path), threading.Event(), list[object]()
    written = 130

    def write() -> None:
        nonlocal written
        try:
            while not done.is_set() and written < 4000:
                level.write(batch(written + 1), [], False)
                written += 1
        except Exception as error:  # noqa: BLE001  whatever it is, the test must tell
            problems.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for turn in range(12):
            copy, before = tmp_path / f"copy-{turn}", written
            checkpoint(level, live, copy, give=copy_file if turn % 4 == 3 else link_or_copy)
            after = written + 1  # one may have landed that is not counted yet
            found = numbers_in(copy)
            assert found == list(range(1, len(found) + 1))
            assert before <= len(found) <= after
            use_up(copy)
    finally:
        done.set()
        writer.join()
    assert problems == []
    assert written > 130
    assert content_of(level).rows["memory"] == written
    level.close()
    assert inspect(live) == []
    assert numbers_in(live) == list(range(1, written + 1))


def use_up(copy: Path) -> None:
    """Write to a copy until it has new tables and has deleted old ones: what it shares must not change."""
    level = Level(str(copy), SMALL)
    for number in range(1, 200):
        level.write(batch(number, size=800), [], False)
    level.flush()
    level.close()


def test_what_is_done_to_a_copy_never_reaches_the_live_one(level: Level, tmp_path: Path) -> None:
    live, before = Path(level.path), content_of(level)
    checkpoint(level, live, tmp_path / "copy")
    fill(level, 131, 180)  # so that the same file numbers are given out in both
    middle = content_of(level)
    use_up(tmp_path / "copy")
    assert content_of(level) == middle != before
    level.close()
    assert inspect(live) == []
    assert numbers_in(live) == list(range(1, 181))


# ---- what cannot be copied


def test_a_table_that_is_missing_is_named(closed: Path, tmp_path: Path) -> None:
    lost = min(closed.glob("*.ldb"))
    lost.unlink()
    for level in (None, Idle()):
        with pytest.raises(StoreDamagedError, match=f"{lost.name}: missing") as told:
            checkpoint(level, closed, tmp_path / "copy", tries=3)  # type: ignore[arg-type]
        assert told.value.file == lost.name
        assert not (tmp_path / "copy").exists()


class Idle:
    """A level whose tables nobody pins."""

    def pin(self) -> "Idle":
        return self

    def close(self) -> None:
        pass


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("pattern", "harm"),
    [
        ("*.ldb", cut),
        ("*.log", Path.unlink),
        ("MANIFEST-*", Path.unlink),
        ("MANIFEST-*", lambda path: path.write_bytes(b"")),
        ("CURRENT", Path.unlink),
        ("CURRENT", lambda path: path.write_bytes(b"MANIFEST")),
    ],
)
def test_a_damaged_generation_is_told_and_nothing_is_left(
    closed: Path, tmp_path: Path, pattern: str, harm: Callable[[Path], object]
) -> None:
    harm(min(closed.glob(pattern)))
    before = listing(tmp_path)
    with pytest.raises(StoreDamagedError) as told:
        checkpoint(None, closed, tmp_path / "copy")
    assert told.value.file is not None
    assert listing(tmp_path) == before


def test_files_that_do_not_stand_still_are_given_up_on(level: Level, tmp_path: Path) -> None:
    tried = []

    def vanish(source: str, target: str) -> None:
        tried.append(source)
        raise FileNotFoundError(source)

    with pytest.raises(StoreError, match="no consistent copy in 3 tries"):
        checkpoint(level, Path(level.path), tmp_path / "copy", give=vanish, tries=3)
    assert len(tried) == 3
    assert not (tmp_path / "copy").exists()


def test_a_table_that_goes_at_the_wrong_moment_is_tried_again(level: Level, tmp_path: Path) -> None:
    tried = []

    def stumble(source: str, target: str) -> None:
        tried.append(source)
        if len(tried) == 2:
            raise FileNotFoundError(source)
        link_or_copy(source, target)

    checkpoint(level, Path(level.path), tmp_path / "copy", give=stumble)
    assert len(tried) == 5
    assert numbers_in(tmp_path / "copy") == list(range(1, 131))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_any_other_failure_leaves_nothing(level: Level, tmp_path: Path, error: BaseException) -> None:
    def refuse(source: str, target: str) -> None:
        raise error

    n_open = len(os.listdir("/dev/fd"))
    with pytest.raises(type(error)):
        checkpoint(level, Path(level.path), tmp_path / "copy", give=refuse)
    assert not (tmp_path / "copy").exists()
    assert len(os.listdir("/dev/fd")) == n_open
    fill(level, 131, 140)


# ---- content and verification


def test_the_digest_is_of_the_rows_and_not_of_the_files(tmp_path: Path) -> None:
    contents = []
    for name, order, every in (("a", range(1, 60), 7), ("b", range(59, 0, -1), 1000)):
        level = Level(str(tmp_path / name), SMALL, create=True)
        for number in order:
            level.write(batch(number)[:1], [], False)
            if number % every == 0:
                level.flush()
        level.write(batch(59), [], True)
        contents.append(content_of(level))
        level.write([(b"zfuture", b"unknown")], [], False)
        contents.append(content_of(level))
        level.close()
    assert contents[0] == contents[2]
    assert contents[1] == contents[3]
    assert contents[0].rows == {"memory": 59, "head": 1}
    assert contents[1].rows == {"memory": 59, "head": 1, "unknown": 1}
    assert contents[0].digest != contents[1].digest
    assert contents[0].head == contents[1].head == HeadRecord(sequence=59, next_id=60, memories=59)


def test_verifying_reads_a_clone_and_leaves_none(closed: Path, tmp_path: Path) -> None:
    before = listing(tmp_path)
    content = verify(closed, tmp_path / "clone", SMALL)
    assert content.rows == {"memory": 130, "head": 1}
    assert listing(tmp_path) == before


def test_a_clone_takes_the_place_of_a_dead_one(closed: Path, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "000001.ldb").write_bytes(b"of one that was killed")
    clone(closed, tmp_path / "clone")
    assert numbers_in(tmp_path / "clone") == list(range(1, 131))


def wrong_value() -> Rows:
    return [(MEMORY.key(3), batch(4)[0][1])]


def wrong_count() -> Rows:
    return [(HEAD.key(0), seal(HEAD.key(0), HEAD, 131, encode(HeadRecord(sequence=131, memories=131))))]


@pytest.mark.parametrize(
    ("rows", "told"), [(wrong_value, "checksum does not match"), (wrong_count, "130 memories and its head says 131")]
)
def test_rows_that_do_not_verify_are_told(level: Level, tmp_path: Path, rows: Callable[[], Rows], told: str) -> None:
    level.write(rows(), [], True)
    level.close()
    before = listing(tmp_path)
    with pytest.raises(StoreDamagedError, match=told):
        verify(Path(level.path), tmp_path / "clone", SMALL)
    assert listing(tmp_path) == before


def test_a_flipped_bit_in_a_table_is_told(closed: Path, tmp_path: Path) -> None:
    table = max(closed.glob("*.ldb"))
    data = bytearray(table.read_bytes())
    for at in random.Random(1).sample(range(len(data) // 2), 10):
        data[at] ^= 4
        table.write_bytes(data)
        with pytest.raises(StoreDamagedError):
            verify(closed, tmp_path / "clone", SMALL)
        data[at] ^= 4
    table.write_bytes(data)
    assert verify(closed, tmp_path / "clone", SMALL).head.memories == 130


def test_a_store_hands_out_a_copy_of_its_own_moment(store: FolderStore, tmp_path: Path) -> None:
    for number in range(1, 50):
        store.commit(notes(number), memories=number)
    head = store.checkpoint(tmp_path / "copy")
    store.commit(notes(50), memories=50)
    content = verify(tmp_path / "copy", tmp_path / "clone", store.config)
    assert content.head == head
    assert content.rows == {"memory": 49, "mark": 49, "head": 1}
