"""LevelDB through one door: checksums on every read, errors of our own."""

import gc
import random
import threading
import weakref
from pathlib import Path

import pytest

from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreClosedError, StoreDamagedError, StoreError, StoreFullError
from thoughtengine.storage import store
from thoughtengine.storage.store import Level, repair

CONFIG = StorageConfig(write_buffer_bytes=1 << 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a closed level with a table and nothing in the log."""
    level = Level(str(tmp_path / "level"), CONFIG, create=True)
    level.write([(b"%03d" % n, b"value %d" % n * 20) for n in range(200)], [], True)
    level.flush()
    level.close()
    return tmp_path / "level"


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_rows_are_read_alone_and_in_pages(folder: Path) -> None:
    level = Level(str(folder), CONFIG)
    level.write([(b"1000", b"x")], [b"000"], False)
    assert level.get(b"007") == b"value 7" * 20
    assert level.get(b"000") is None
    assert [key for key, _ in level.page(b"", b"\xff", 3, False)] == [b"001", b"002", b"003"]
    assert [key for key, _ in level.page(b"", b"\xff", 2, True)] == [b"199", b"198"]
    assert level.page(b"5", b"4", 9, False) == []
    level.close()
    level.close()


def test_a_folder_is_made_only_when_asked_for(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(StoreDamagedError):
        Level(str(tmp_path / "none"), CONFIG)
    with pytest.raises(StoreError):
        Level(str(folder), CONFIG, create=True)
    (folder / "CURRENT").unlink()
    tables = sorted(folder.glob("*.ldb"))
    with pytest.raises(StoreDamagedError):
        Level(str(folder), CONFIG)
    assert sorted(folder.glob("*.ldb")) == tables, "LevelDB would have made an empty one and removed them"


def test_a_flipped_bit_in_a_table_is_met_by_every_read(folder: Path) -> None:
    (table,) = folder.glob("*.ldb")
    flip(table, 50)
    level = Level(str(folder), CONFIG)
    with pytest.raises(StoreDamagedError, match="checksum"):
        level.get(b"001")
    with pytest.raises(StoreDamagedError):
        level.page(b"", b"\xff", 1000, False)
    with pytest.raises(StoreDamagedError):
        level.page(b"", b"\xff", 1000, True)
    level.close()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("limit", [7, 256, 1000])
def test_damage_at_the_end_of_a_scan_is_no_end_of_it(tmp_path: Path, limit: int, reverse: bool) -> None:
    """An iterator of LevelDB that runs into it ends as if there were nothing more."""
    rng, path = random.Random(3), tmp_path / "level"
    rows = [(b"k%04d" % i, rng.randbytes(300)) for i in range(400)]
    level = Level(str(path), StorageConfig(), create=True)
    level.write(rows, [], True)
    level.flush()
    level.close()
    (table,) = path.glob("*.ldb")
    data = bytearray(table.read_bytes())
    data[data.find(rows[0 if reverse else -1][1][:24]) + 3] ^= 1
    table.write_bytes(data)
    level = Level(str(path), StorageConfig())

    def scan(start: bytes, stop: bytes | None) -> int:
        n = 0
        while page := level.page(start, stop, limit, reverse):
            n += len(page)
            if reverse:
                stop = page[-1][0]
            else:
                start = page[-1][0] + b"\0"
        return n

    for start, stop in ((b"", None), (b"k", b"l"), (b"k0000", b"k0400")):
        with pytest.raises(StoreDamagedError):
            scan(start, stop)
    assert scan(b"k0100", b"k0200") == 100
    assert level.page(b"z", None, limit, reverse) == []
    with pytest.raises(StoreDamagedError):
        level.keys(b"", None, 1000)
    level.close()


def test_a_cut_or_missing_file_is_damage(folder: Path) -> None:
    (table,) = folder.glob("*.ldb")
    table.write_bytes(table.read_bytes()[:-20])
    level = Level(str(folder), CONFIG)
    with pytest.raises(StoreDamagedError):
        level.get(b"001")
    level.close()
    table.unlink()
    with pytest.raises(StoreDamagedError):
        Level(str(folder), CONFIG)


def test_a_flipped_bit_in_a_log_is_met_on_opening(folder: Path) -> None:
    level = Level(str(folder), CONFIG)
    level.write([(b"a", b"x" * 100)], [], False)
    level.close()
    (log,) = folder.glob("*.log")
    flip(log, 30)
    with pytest.raises(StoreDamagedError, match="checksum"):
        Level(str(folder), CONFIG)


def test_the_write_that_fills_the_buffer_ends_a_log_and_the_next_begins_another(tmp_path: Path) -> None:
    path, logs, number = tmp_path / "level", list[set[str]](), 0
    level = Level(str(path), CONFIG, create=True)
    for _ in range(3):
        before = {log.name for log in path.glob("*.log")}
        while {log.name for log in path.glob("*.log")} <= before:
            level.write([(b"%08d" % number, bytes(900))], [], False)
            number += 1
        logs.append(before)
    level.settle()
    (last,) = path.glob("*.log")
    assert last.name not in set().union(*logs)
    assert not last.stat().st_size, "what filled the buffer is in the log before, which was synced"
    assert number * 900 < 3 * CONFIG.write_buffer_bytes, "LevelDB never came to begin a log by itself, without a sync"
    assert len(level.page(b"", b"\xff", 2 * number, False)) == number
    level.close()


def test_a_full_buffer_in_a_folder_that_cannot_be_listed_is_no_failed_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many_open_files(path: str) -> list[str]:
        raise OSError(24, "Too many open files", path)

    level = Level(str(tmp_path / "level"), CONFIG, create=True)
    with monkeypatch.context() as patched:
        patched.setattr(store.os, "listdir", too_many_open_files)
        for number in range(100):
            level.write([(b"%08d" % number, bytes(900))], [], False)
    level.write([(b"last", b"")], [], False)
    assert len(level.page(b"", b"\xff", 200, False)) == 101
    level.close()


def fill(level: Level, n: int) -> dict[bytes, bytes]:
    rng = random.Random(n)
    rows = {b"%06d" % key: rng.randbytes(500) for key in range(n)}
    for row in rows.items():
        level.write([row], [], False)
    return rows


def logs_behind() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("thoughtengine log")]


def test_the_threads_behind_stay_for_the_next_log_and_end_with_the_level(tmp_path: Path) -> None:
    level = Level(str(tmp_path / "level"), CONFIG, create=True)
    fill(level, 200)
    level.settle()
    first = logs_behind()
    assert first
    rows = fill(level, 1000)
    level.settle()
    assert set(first) <= set(logs_behind())
    assert len(logs_behind()) <= store._BEHIND
    assert len(list((tmp_path / "level").glob("*.log"))) == 1
    level.close()
    assert logs_behind() == []
    level = Level(str(tmp_path / "level"), CONFIG)
    assert dict(level.page(b"", b"\xff", 2000, False)) == rows
    level.close()


def test_the_threads_behind_hold_no_level_that_was_let_go(tmp_path: Path) -> None:
    level = Level(str(tmp_path / "level"), CONFIG, create=True)
    fill(level, 200)
    level.settle()
    threads, there = logs_behind(), weakref.ref(level)
    del level
    gc.collect()
    assert there() is None
    for thread in threads:
        thread.join(10)
    assert logs_behind() == []


def test_where_no_thread_can_be_had_whoever_fills_the_buffer_makes_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    level = Level(str(tmp_path / "level"), CONFIG, create=True)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none)
        rows = fill(level, 400)
        assert list((tmp_path / "level").glob("*.ldb"))
    assert logs_behind() == []
    tables = sorted((tmp_path / "level").glob("*.ldb"))
    rows |= fill(level, 30)  # what could not be done then is not done now
    level.settle()
    assert sorted((tmp_path / "level").glob("*.ldb")) == tables
    level.close()
    level = Level(str(tmp_path / "level"), CONFIG)
    assert dict(level.page(b"", b"\xff", 2000, False)) == rows
    level.close()


def test_a_closed_level_says_so(folder: Path) -> None:
    level = Level(str(folder), CONFIG)
    level.close()
    for use in (
        lambda: level.get(b"a"),
        lambda: level.page(b"a", b"b", 1, False),
        lambda: level.write([(b"a", b"b")], [], False),
        level.flush,
    ):
        with pytest.raises(StoreClosedError):
            use()


def test_a_level_knows_when_its_files_are_gone(folder: Path) -> None:
    level = Level(str(folder), CONFIG)
    assert level.in_place()
    folder.rename(folder.with_name("moved"))
    assert not level.in_place()
    level.close()


def test_a_level_can_be_opened_once(folder: Path) -> None:
    level = Level(str(folder), CONFIG)
    with pytest.raises(StoreError):
        Level(str(folder), CONFIG)
    level.close()


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"IO error: /x/000003.log: No space left on device", StoreFullError),
        (b"IO error: /x/000003.log: Disk quota exceeded", StoreFullError),
        (b"IO error: /x/000003.log: File too large", StoreFullError),
        (b"IO error: /x/000005.ldb: Invalid argument", StoreDamagedError),
        (b"IO error: /x/000005.ldb: No such file or directory", StoreDamagedError),
        (b"IO error: /x/000005.ldb: Input/output error", StoreError),
        (b"IO error: /x/LOCK: Permission denied", StoreError),
    ],
)
def test_the_bindings_errors_become_ours(message: bytes, kind: type[StoreError]) -> None:
    error = store._translated("x", store.plyvel.IOError(message))
    assert type(error) is kind
    assert message.decode().partition(": ")[2] in str(error)


def test_repair_keeps_what_verifies(folder: Path) -> None:
    (table,) = folder.glob("*.ldb")
    flip(table, 50)
    repair(str(folder), paranoid=True)
    level = Level(str(folder), CONFIG)
    found = level.page(b"", b"\xff", 1000, False)
    assert 0 < len(found) < 200
    assert all(value == b"value %d" % int(key) * 20 for key, value in found)
    level.close()
