"""The MANIFEST: the files of a generation, and which of them are not as they were written."""

import contextlib
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import live
from thoughtengine.config import StorageConfig
from thoughtengine.storage.log import batches
from thoughtengine.storage.manifest import inspect, read_manifest, table_name
from thoughtengine.storage.store import Level

CONFIG = StorageConfig(write_buffer_bytes=1 << 16)


def fill(level: Level, n: int, *, first: int = 0) -> None:
    rng = random.Random(first)
    for _ in range(n):
        level.write([(b"%08d" % rng.randrange(10**8), rng.randbytes(500)) for _ in range(2)], [], False)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed LevelDB with many tables on several levels, and a log."""
    folder = tmp_path_factory.mktemp("level") / "sound"
    for session in range(3):
        level = Level(str(folder), CONFIG, create=not session)
        fill(level, 700, first=session * 1000)
        level.close()
    level = Level(str(folder), CONFIG)
    until_it_merges_no_more(level)
    fill(level, 35, first=3000)
    level.close()
    return folder


def until_it_merges_no_more(level: Level) -> None:
    """Wait: with each merge the MANIFEST tells of the last write so far, and a log that is cut below it is seen to be."""
    before, same = "", 0
    while same < 10:
        time.sleep(0.02)
        told = level._db.get_property(b"leveldb.sstables")
        before, same = told, same + 1 if told == before else 0


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "copy")
    return tmp_path / "copy"


def log_of(folder: Path) -> Path:
    return max(folder.glob("*.log"))


def manifest_of(folder: Path) -> Path:
    (found,) = folder.glob("MANIFEST-*")
    return found


def test_exactly_the_live_tables_are_named(folder: Path) -> None:
    level = Level(str(folder), CONFIG)
    level.flush()
    fill(level, 500, first=5000)
    level.flush()
    told = level._db.get_property(b"leveldb.sstables").decode()
    live = {int(number): int(size) for number, size in re.findall(r"^ (\d+):(\d+)\[", told, re.MULTILINE)}
    files = read_manifest(folder)
    assert files.tables == live
    assert len(live) > 1
    assert (folder / f"{files.log:06d}.log").exists()
    assert {table_name(folder, number) for number in live} <= {path.name for path in folder.iterdir()}
    level.close()


def test_a_sound_generation_has_nothing_wrong(sound: Path) -> None:
    assert inspect(sound) == []


def test_the_log_begins_no_later_than_behind_the_last_write_that_is_known(sound: Path) -> None:
    first = next(batches(log_of(sound).read_bytes()))
    assert first[1] <= read_manifest(sound).sequence + 1


def test_an_open_generation_has_nothing_wrong_at_any_moment(tmp_path: Path) -> None:
    level = Level(str(tmp_path / "level"), CONFIG, create=True)
    for turn in range(40):
        fill(level, 20, first=turn * 20)
        level.settle()
        (tmp_path / "copy").mkdir()
        for path in (tmp_path / "level").iterdir():  # what a kill would leave, as nothing is written meanwhile
            if path.name.endswith((".log", "CURRENT")) or path.name.startswith("MANIFEST"):
                shutil.copy(path, tmp_path / "copy")
        found = [name for name, what in inspect(tmp_path / "copy") if not name.endswith(".ldb")]
        assert [name for name in found if name.endswith(".log")] == []
        shutil.rmtree(tmp_path / "copy")
    level.close()


# ---- torn and mutated


def test_every_cut_reads_as_an_earlier_state_or_is_told(folder: Path) -> None:
    manifest = manifest_of(folder)
    data = manifest.read_bytes()
    whole = read_manifest(folder)
    states = []
    for end in range(len(data)):
        manifest.write_bytes(data[:end])
        try:
            states.append(read_manifest(folder))
        except ValueError:
            assert not states, "once an edit is whole, a longer piece has it too"
    assert [state.sequence for state in states] == sorted(state.sequence for state in states)
    assert states[-1].tables != whole.tables or states[-1].log != whole.log or len(states) == 1


def reads_or_tells(folder: Path, data: bytes) -> None:
    manifest_of(folder).write_bytes(data)
    with contextlib.suppress(ValueError):
        read_manifest(folder)
    for name, what in inspect(folder):
        assert name
        assert what


def test_every_changed_byte_reads_or_is_told(folder: Path) -> None:
    data = manifest_of(folder).read_bytes()
    rng = random.Random(4)
    for at in range(0, len(data), 2):
        reads_or_tells(folder, data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :])


@given(st.data())
def test_mutated_manifests_read_or_are_told(sound: Path, data: st.DataObject) -> None:
    mutated = bytearray(manifest_of(sound).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=12))
    copy = sound.with_name("mutated")
    copy.mkdir(exist_ok=True)
    (copy / "CURRENT").write_bytes((sound / "CURRENT").read_bytes())
    (copy / manifest_of(sound).name).write_bytes(bytes(mutated))
    reads_or_tells(copy, bytes(mutated))


@given(st.binary(max_size=300))
def test_random_bytes_read_or_are_told(sound: Path, data: bytes) -> None:
    copy = sound.with_name("random")
    copy.mkdir(exist_ok=True)
    (copy / "CURRENT").write_bytes(b"MANIFEST-000001\n")
    (copy / "MANIFEST-000001").write_bytes(data)
    reads_or_tells(copy, data)


CURRENTS = [
    b"", b"\n", b"MANIFEST-000001", b"MANIFEST-\n", b"../MANIFEST-000001\n", b"MANIFEST-0\x00001\n", b"\xff\xff\n", b"LOCK\n",
    b"MANIFEST-" + b"1" * 300 + b"\n", b"MANIFEST-000001\n\n" + b"x" * 100, bytes(16), b"MANIFEST-000002/../x\n",
]  # fmt: skip


@pytest.mark.parametrize("current", CURRENTS)
def test_a_current_that_names_no_manifest_is_told(folder: Path, current: bytes) -> None:
    (folder / "CURRENT").write_bytes(current)
    with pytest.raises((ValueError, FileNotFoundError)):
        read_manifest(folder)
    assert [name for name, _ in inspect(folder)] == ["CURRENT"]


# ---- what is wrong, by file


def cut_table(folder: Path) -> str:
    table = live(folder)[0]
    table.write_bytes(table.read_bytes()[:-1])
    return table.name


def lengthen_table(folder: Path) -> str:
    table = live(folder)[0]
    table.write_bytes(table.read_bytes() + b"x")
    return table.name


def delete_table(folder: Path) -> str:
    table = live(folder)[0]
    table.unlink()
    return table.name


def delete_log(folder: Path) -> str:
    log = log_of(folder)
    log.unlink()
    return log.name


def delete_current(folder: Path) -> str:
    (folder / "CURRENT").unlink()
    return "CURRENT"


def point_elsewhere(folder: Path) -> str:
    (folder / "CURRENT").write_bytes(b"MANIFEST-999999\n")
    return "CURRENT"


def delete_manifest(folder: Path) -> str:
    manifest = manifest_of(folder)
    manifest.unlink()
    return manifest.name


def empty_manifest(folder: Path) -> str:
    manifest = manifest_of(folder)
    manifest.write_bytes(b"")
    return manifest.name


def cut_manifest(folder: Path) -> str:
    manifest = manifest_of(folder)
    manifest.write_bytes(manifest.read_bytes()[:-5])
    return manifest.name


def hole_in_log(folder: Path) -> str:
    log = log_of(folder)
    data = log.read_bytes()
    log.write_bytes(bytes(4096) + data[4096:])
    return log.name


def hole_in_manifest(folder: Path) -> str:
    manifest = manifest_of(folder)
    data = manifest.read_bytes()
    manifest.write_bytes(bytes(20) + data[20:])
    return manifest.name


def drop_a_write(folder: Path) -> str:
    log = log_of(folder)
    data = log.read_bytes()
    starts = [at for at, _, _ in batches(data)]
    log.write_bytes(data[: starts[2]] + data[starts[3] :])
    return log.name


def drop_the_first_writes(folder: Path) -> str:
    log = log_of(folder)
    log.write_bytes(log.read_bytes()[32768:])
    return log.name


HARMS = [
    cut_table, lengthen_table, delete_table, delete_log, delete_current, point_elsewhere, delete_manifest, empty_manifest,
    cut_manifest, hole_in_log, hole_in_manifest, drop_a_write, drop_the_first_writes,
]  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_the_damaged_file_is_named(folder: Path, harm: Callable[[Path], str]) -> None:
    name = harm(folder)
    assert name in [found for found, _ in inspect(folder)]


def test_the_end_of_an_older_log_is_missed_when_there_is_a_younger_one(folder: Path) -> None:
    """As a kill leaves it while a full memtable is being written out: two logs, the writes go on from one to the other."""
    log, data = log_of(folder), log_of(folder).read_bytes()
    told = read_manifest(folder).sequence
    starts = [at for at, sequence, _ in batches(data) if at < 32768 and sequence > told]
    first = log.with_name(f"{int(log.stem) + 1:06d}.log")
    first.write_bytes(data[: starts[5]])
    log.write_bytes(data[: starts[5]])
    first.write_bytes(b"")
    assert inspect(folder) == []
    younger = folder.parent / "younger"
    level = Level(str(shutil.copytree(folder, younger)), CONFIG)  # what follows write number five, as LevelDB frames it
    fill(level, 3, first=9000)
    level.close()
    first.write_bytes(log_of(younger).read_bytes())
    assert inspect(folder) == []
    log.write_bytes(data[: starts[4]])
    assert [name for name, _ in inspect(folder)] == [first.name, log.name]
    log.write_bytes(data[: starts[4] + 9])
    assert [name for name, _ in inspect(folder)] == [first.name, log.name]


def test_names_of_old_tables_are_known(tmp_path: Path) -> None:
    assert table_name(tmp_path, 7) == "000007.ldb"
    (tmp_path / "000007.sst").touch()
    assert table_name(tmp_path, 7) == "000007.sst"
    (tmp_path / "000007.ldb").touch()
    assert table_name(tmp_path, 7) == "000007.ldb"
