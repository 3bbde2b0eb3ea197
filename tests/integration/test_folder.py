"""The folder of a mind in every state a host may meet it: each its own error, and nothing touched."""

import json
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import thoughtengine as te
from tests.damage.listing import listing
from thoughtengine.storage import folder as folder_module
from thoughtengine.storage.pointer import STORE, parse, render
from thoughtengine.storage.store import plyvel

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(te.__file__).resolve().parents[1])}
TEXTS = ["tea at four", "rain all day", "a letter from Ann"]


def python(code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start another process of the library."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a mind of three memories that nobody has open."""
    with te.open(tmp_path / "mind") as mind:
        for text in TEXTS:
            mind.remember(text)
    return tmp_path / "mind"


def texts(path: Path) -> list[str | None]:
    with te.open(path, create=False) as mind:
        assert mind.check() == []
        return [memory.text for memory in mind]


@contextmanager
def untouched(*folders: Path) -> Iterator[None]:
    """Demand that every byte, name and mode below the folders stays as it is."""
    before = [listing(folder) for folder in folders]
    yield
    assert [listing(folder) for folder in folders] == before


def refused(path: Path, kind: type[te.StoreError], *words: str, **options: Any) -> Any:
    """Open a path that cannot be opened; its surroundings must stay as they are."""
    with untouched(path.parent), pytest.raises(te.StoreError) as caught:
        te.open(path, **options)
    told = str(caught.value)
    assert type(caught.value) is kind, told
    assert isinstance(caught.value, OSError)
    assert all(word in told for word in words), told
    assert str(path) in told
    return caught.value


# ---- what lies at the path -------------------------------------------------------------------------------------------


def test_nothing_there(tmp_path: Path) -> None:
    error = refused(tmp_path / "none", te.StoreNotFoundError, "no mind here", create=False)
    assert isinstance(error, FileNotFoundError)
    assert error.path == str(tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("deep", ["mind", "not/yet/there/mind"])
def test_made_with_what_is_above_it(tmp_path: Path, deep: str) -> None:
    with te.open(tmp_path / deep) as mind:
        assert mind.created
        assert mind.path == str(tmp_path / deep)
    with te.open(tmp_path / deep, create=False) as mind:
        assert not mind.created


def test_an_empty_folder_becomes_a_mind_only_if_it_may(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", te.StoreNotFoundError, "empty", create=False)
    with te.open(tmp_path / "empty") as mind:
        assert mind.created
    assert texts(tmp_path / "empty") == []


@pytest.mark.parametrize("create", [True, False])
def test_a_file(tmp_path: Path, create: bool) -> None:
    (tmp_path / "note.txt").write_text("mine")
    refused(tmp_path / "note.txt", te.StoreNotFoundError, "this is a file", create=create)


def test_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with untouched(tmp_path), pytest.raises(te.StoreError, match=r"a file|Not a directory"):
        te.open(tmp_path / "note.txt" / "mind")


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_with_other_files(tmp_path: Path, create: bool) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"\xff\xd8")
    refused(tmp_path / "photos", te.StoreNotFoundError, "other files", "empty or a new folder", create=create)


@pytest.mark.parametrize("create", [True, False])
def test_a_bare_leveldb_of_somebody_else_is_left_alone(tmp_path: Path, create: bool) -> None:
    database = plyvel.DB(str(tmp_path / "old"), create_if_missing=True)
    database.put(b"m1", b"{}")
    database.close()
    refused(tmp_path / "old", te.StoreTooOldError, "format 1", "reads format 2", create=create)
    for verb in (te.check, lambda path: te.backup(path, tmp_path / "copy")):
        with untouched(tmp_path), pytest.raises(te.StoreTooOldError):
            verb(tmp_path / "old")


def changed_pointer(path: Path, **fields: Any) -> None:
    """Write both pointer files as another release would have."""
    pointer = msgspec.structs.replace(parse((path / STORE).read_bytes(), path), **fields)
    for name in (STORE, STORE + ".bak"):
        (path / name).write_bytes(render(pointer))


def test_a_newer_format(path: Path) -> None:
    changed_pointer(path, format=4, min_reader=3, written_by="thoughtengine 9.1")
    error = refused(path, te.StoreNewerError, "thoughtengine 9.1", "install", "nothing was touched")
    assert (error.have, error.need) == (2, 3)
    for verb in (te.check, lambda path: te.fork(path, path.parent / "copy")):
        with untouched(path.parent), pytest.raises(te.StoreNewerError):
            verb(path)


def test_an_older_format(path: Path) -> None:
    changed_pointer(path, format=1, min_reader=1)
    refused(path, te.StoreTooOldError, "format 1", "reads format 2")


def test_a_later_release_that_this_one_can_read(path: Path) -> None:
    changed_pointer(path, format=3, min_reader=2, written_by="thoughtengine 9.1")
    assert texts(path) == TEXTS


def test_a_backup_is_no_mind(path: Path, tmp_path: Path) -> None:
    te.backup(path, tmp_path / "copy")
    refused(tmp_path / "copy", te.StoreNotFoundError, "backup", "te.restore")
    refused(tmp_path / "copy", te.StoreNotFoundError, "backup", "te.restore", create=False)
    te.restore(tmp_path / "copy", tmp_path / "again")
    assert texts(tmp_path / "again") == TEXTS


def test_a_snapshot_is_no_mind(path: Path) -> None:
    with te.open(path) as mind:
        mind.snapshot("first")
    refused(path / "snapshots" / "first", te.StoreNotFoundError, "snapshot", "te.restore")


def test_a_mind_is_no_backup(path: Path, tmp_path: Path) -> None:
    with untouched(tmp_path), pytest.raises(te.StoreNotFoundError, match=r"te\.fork"):
        te.restore(path, tmp_path / "again")


def test_a_mind_without_its_generation(path: Path) -> None:
    shutil.rmtree(path / "gen-000001")
    with pytest.raises(te.StoreDamagedError, match=r"te\.restore") as caught:
        te.open(path)
    assert caught.value.file == "gen-000001"
    assert not (path / "gen-000001").exists()


def test_a_mind_without_its_pointer_files(path: Path) -> None:
    for name in (STORE, STORE + ".bak"):
        (path / name).unlink()
    error = refused(path, te.StoreDamagedError, STORE, "te.restore")
    assert error.file == STORE


# ---- links -----------------------------------------------------------------------------------------------------------


def test_a_link_to_a_mind_is_that_mind(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    with te.open(tmp_path / "link", create=False) as mind:
        assert mind.path == str(path)
        refused(path, te.StoreLockedError, "already open in this process")
        mind.remember("by the link")
    assert (tmp_path / "link").is_symlink()
    assert texts(path) == [*TEXTS, "by the link"]


def test_a_link_to_nothing_makes_the_mind_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("there")
    with pytest.raises(te.StoreNotFoundError, match="no mind here"):
        te.open(tmp_path / "link", create=False)
    with te.open(tmp_path / "link") as mind:
        assert mind.created
        assert mind.path == str(tmp_path / "there")
    assert os.readlink(tmp_path / "link") == "there"


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with untouched(tmp_path), pytest.raises(te.StoreError, match="loop"):
        te.open(tmp_path / "loop")


# ---- a second opener -------------------------------------------------------------------------------------------------


def test_second_opener_in_this_process(path: Path) -> None:
    with te.open(path) as mind:
        for other in (path, path.parent / "." / "mind", path.parent / "mind" / ".." / "mind"):
            with untouched(path), pytest.raises(te.StoreLockedError, match="share that mind") as caught:
                te.open(other)
            assert caught.value.pid == os.getpid()
            assert caught.value.host == os.uname().nodename
        with untouched(path), pytest.raises(te.StoreLockedError, match=r"mind\.check"):
            te.check(path)
        mind.remember("still here")
    assert texts(path) == [*TEXTS, "still here"]


HOLD = """
import sys, thoughtengine as te
with te.open(sys.argv[1]) as mind:
    mind.remember("theirs")
    print("open", flush=True)
    sys.stdin.read()
"""


def test_second_opener_in_another_process(path: Path, tmp_path: Path) -> None:
    holder = python(HOLD, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    verbs: list[Callable[[], object]] = [
        lambda: te.open(path),
        lambda: te.check(path),
        lambda: te.backup(path, tmp_path / "copy"),
        lambda: te.fork(path, tmp_path / "copy"),
    ]
    for verb in verbs * 2:  # twice: a failed try of LevelDB's own lock would have dropped it
        with untouched(tmp_path), pytest.raises(te.StoreLockedError) as caught:
            verb()
        assert (caught.value.pid, caught.value.host) == (holder.pid, os.uname().nodename)
        assert caught.value.since is not None
        assert caught.value.since in str(caught.value)
        assert "another process" in str(caught.value)
    holder.communicate(timeout=60)
    assert holder.returncode == 0
    assert texts(path) == [*TEXTS, "theirs"]


def test_the_lock_of_a_killed_process_is_free(path: Path) -> None:
    holder = python(HOLD, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    holder.kill()
    holder.communicate(timeout=60)
    assert texts(path) == [*TEXTS, "theirs"]


def test_a_failed_open_leaves_no_lock(path: Path) -> None:
    shutil.move(path / "gen-000001", path.parent / "gen")
    for _ in range(2):
        with pytest.raises(te.StoreDamagedError):
            te.open(path)
    shutil.move(path.parent / "gen", path / "gen-000001")
    assert texts(path) == TEXTS


# ---- a forked child --------------------------------------------------------------------------------------------------

FORK = """
import json, multiprocessing, os, sys, threading
import thoughtengine as te

path, to = sys.argv[1:]
mind = te.open(path)
heard = []
stop = mind.events.subscribe("*", heard.append)
receipt = mind.pin(1)
begun = mind.memories()
next(begun)
exported = mind.export()
verbs = {
    "remember": lambda: mind.remember("from the child"), "remember_many": lambda: mind.remember_many([te.Experience(text="x")]),
    "revise": lambda: mind.revise(1, "x"), "recall": lambda: mind.recall("tea"), "[]": lambda: mind[1],
    "get": lambda: mind.get(1), "in": lambda: 1 in mind, "len": lambda: len(mind), "iter": lambda: list(mind),
    "memories": lambda: list(mind.memories()), "begun": lambda: next(begun), "count": lambda: mind.count(),
    "export": lambda: list(mind.export()), "exported": lambda: next(exported), "forget": lambda: mind.forget(1),
    "erase": lambda: mind.forget(1, erase=True), "pin": lambda: mind.pin(2), "undo": lambda: mind.undo(receipt),
    "check": lambda: mind.check(), "health": lambda: mind.health(), "stats": lambda: mind.stats(),
    "sync": lambda: mind.sync(), "snapshot": lambda: mind.snapshot("child"), "with": lambda: mind.__enter__(),
    "subscribe": lambda: mind.events.subscribe("*", print),
    "te.open": lambda: te.open(path), "te.backup": lambda: te.backup(path, to), "te.fork": lambda: te.fork(path, to),
    "te.check": lambda: te.check(path),
}

def outcome(verb):
    try:
        verb()
    except te.ThoughtEngineError as error:
        return [type(error).__name__, str(error)]
    return ["done", ""]

reader, writer = os.pipe()
child = os.fork()
if not child:
    told = {name: outcome(verb) for name, verb in verbs.items()}
    told["repr"] = ["done", repr(mind)]
    told["close"] = outcome(mind.close)
    told["stop"] = outcome(stop)
    os.write(writer, json.dumps(told).encode())
    sys.exit(7)
os.close(writer)
told = open(reader).read()
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def work():
    try:
        mind.remember("from a worker")
    except te.ForkedError:
        sys.exit(8)

halt = threading.Event()
def write():
    while not halt.is_set():
        mind.remember("beside the forks")
        mind.recall("tea")
thread = threading.Thread(target=write)
thread.start()
workers = [multiprocessing.get_context("fork").Process(target=work) for _ in range(10)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join(60)
halt.set()
thread.join()
mind.remember("from the parent")
count = len(mind)
mind.close()
print(json.dumps({"child": json.loads(told), "code": code, "workers": [worker.exitcode for worker in workers],
                  "count": count}))
"""


def test_a_forked_child_has_no_mind(path: Path, tmp_path: Path) -> None:
    process = python(FORK, path, tmp_path / "copy")
    told = json.loads(process.communicate(timeout=120)[0])
    assert process.returncode == 0
    outcomes: dict[str, list[str]] = told["child"]
    kinds = {name: outcomes.pop(name)[0] for name in ("repr", "close", "stop")}
    assert kinds == dict.fromkeys(kinds, "done")
    locked = {name: outcomes.pop(name) for name in ("te.open", "te.backup", "te.fork", "te.check")}
    assert {kind for kind, _ in locked.values()} == {"StoreLockedError"}
    assert {name: kind for name, (kind, _) in outcomes.items() if kind != "ForkedError"} == {}
    assert all("after the fork" in message and "spawn" in message for _, message in outcomes.values())
    assert told["code"] == 7
    assert told["workers"] == [8] * 10
    assert not (tmp_path / "copy").exists()
    found = texts(path)
    assert len(found) == told["count"]
    assert found[-1] == "from the parent"
    assert not {"from the child", "from a worker"} & set(found)


# ---- the folder changes while it is open -----------------------------------------------------------------------------


def move(path: Path) -> None:
    path.rename(path.parent / "moved")


def delete(path: Path) -> None:
    shutil.rmtree(path)


def empty(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()


def put_a_file(path: Path) -> None:
    move(path)
    path.write_text("mine")


def put_other_files(path: Path) -> None:
    move(path)
    path.mkdir()
    (path / "cat.jpg").write_bytes(b"\xff\xd8")


def put_another_mind(path: Path) -> None:
    move(path)
    shutil.copytree(path.parent / "other", path)


def put_an_older_copy(path: Path) -> None:
    move(path)
    shutil.copytree(path.parent / "older", path)


CHANGES = [move, delete, empty, put_a_file, put_other_files, put_another_mind, put_an_older_copy]


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_written_where_the_folder_was(path: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    shutil.copytree(path, tmp_path / "older")
    with te.open(tmp_path / "other") as other:
        other.remember("another mind")
    mind = te.open(path)
    mind.remember("acknowledged")
    receipt = mind.pin(1)
    change(path)
    verbs: list[Callable[[], object]] = [
        lambda: mind.remember("elsewhere"),
        lambda: mind.remember_many([te.Experience(text="elsewhere")]),
        lambda: mind.remember("elsewhere", vector=[1.0, 0.0]),
        lambda: mind.revise(1, "elsewhere"),
        lambda: mind.forget(1),
        lambda: mind.forget(1, erase=True),
        lambda: mind.pin(2),
        lambda: mind.undo(receipt),
        mind.sync,
        mind.check,
        lambda: mind.snapshot("elsewhere"),
        lambda: te.backup(path, tmp_path / "copy"),
        lambda: te.fork(path, tmp_path / "copy"),
        lambda: mind[1],
        lambda: list(mind),
        mind.close,
    ]
    with untouched(tmp_path):
        health = mind.health()
        assert not health.ok
        assert len(health.reasons) == 1
        assert "moved, replaced or emptied" in health.reasons[0]
        for verb in verbs:
            with pytest.raises(te.StoreError, match=r"moved, replaced or emptied|nothing was") as caught:
                verb()
            assert caught.value.path == str(path)
            assert type(caught.value) is te.StoreError
    with pytest.raises(te.StoreClosedError):
        mind.remember("closed")
    if (tmp_path / "moved").exists():
        assert texts(tmp_path / "moved") == [*TEXTS, "acknowledged"]
    if change is put_another_mind:
        assert texts(path) == ["another mind"]
    if change is put_an_older_copy:
        assert texts(path) == TEXTS


def test_reading_alone_does_not_touch_what_lies_there_now(path: Path, tmp_path: Path) -> None:
    """Reads make LevelDB compact, by name: it would delete the tables of the mind that lies there now."""
    small = te.Config(storage=te.StorageConfig(write_buffer_bytes=1 << 16))
    minds = {}
    for name in ("other", "mine"):
        minds[name] = te.open(tmp_path / name, config=small)
        for number in range(150):
            minds[name].remember(f"{name} {number}", payload=random.Random(number).randbytes(1500))
    minds["other"].close()
    minds["mine"]._store._open_level().settle()  # what is written behind the calls is written by name too
    (tmp_path / "mine").rename(tmp_path / "moved")
    (tmp_path / "other").rename(tmp_path / "mine")
    mind = minds["mine"]
    with untouched(tmp_path):
        for _ in range(400):
            with pytest.raises(te.StoreError, match="moved, replaced or emptied"):
                mind.get(1)
        with pytest.raises(te.StoreError, match="moved, replaced or emptied"):
            mind.close()
    assert texts(tmp_path / "mine") == [f"other {number}" for number in range(150)]
    assert texts(tmp_path / "moved") == [f"mine {number}" for number in range(150)]


def test_a_moved_mind_is_still_locked(path: Path, tmp_path: Path) -> None:
    with te.open(path) as mind:
        path.rename(tmp_path / "moved")
        with untouched(tmp_path), pytest.raises(te.StoreLockedError):
            te.open(tmp_path / "moved")
        (tmp_path / "moved").rename(path)
        mind.remember("back again")
    assert texts(path) == [*TEXTS, "back again"]


# ---- making one ------------------------------------------------------------------------------------------------------

RACE = """
import sys, thoughtengine as te
print("ready", flush=True)
for line in sys.stdin:
    try:
        mind = te.open(line.strip())
        mind.remember(sys.argv[1])
        mind.close()
        print("created" if mind.created else "opened", flush=True)
    except te.StoreLockedError:
        print("locked", flush=True)
    except BaseException as error:
        print(repr(error), flush=True)
"""


def test_two_processes_make_the_same_mind_at_once(tmp_path: Path) -> None:
    racers = [python(RACE, name) for name in ("a", "b")]
    pipes = [(racer.stdin, racer.stdout) for racer in racers]
    results: list[list[str]] = []
    assert [out.readline() for _, out in pipes if out] == ["ready\n"] * 2
    for number in range(40):
        if number % 2:
            (tmp_path / str(number)).mkdir()
        for given, _ in pipes:
            assert given is not None
            given.write(f"{tmp_path / str(number)}\n")
            given.flush()
        results.append([out.readline().strip() for _, out in pipes if out])
    for racer in racers:
        racer.communicate(timeout=60)
    for number, ended in enumerate(results):
        assert set(ended) <= {"created", "opened", "locked"}, ended
        assert ended.count("created") <= 1
        expected = sorted(name for name, end in zip("ab", ended, strict=True) if end != "locked")
        assert sorted(map(str, texts(tmp_path / str(number)))) == expected
    assert sorted(os.listdir(tmp_path)) == sorted(map(str, range(40)))


@pytest.mark.parametrize("moment", ["is_free", "_create"])
def test_another_one_is_made_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Whatever the moment at which another process makes the mind, it is a mind like any other."""
    original = getattr(folder_module, moment)

    def late(root: Path, *arguments: Any) -> Any:
        monkeypatch.setattr(folder_module, moment, original)
        te.open(root).close()
        return original(root, *arguments)

    monkeypatch.setattr(folder_module, moment, late)
    with te.open(tmp_path / "mind") as mind:
        assert not mind.created
    assert os.listdir(tmp_path) == ["mind"]


def test_published_while_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the pointer file and the look at its second copy a whole mind appears."""
    original = Path.exists

    def late(self: Path, **options: Any) -> bool:
        there = original(self, **options)
        if self.name == STORE + ".bak":
            monkeypatch.setattr(Path, "exists", original)
            te.open(self.parent).close()
        return there

    monkeypatch.setattr(Path, "exists", late)
    with te.open(tmp_path / "mind") as mind:
        assert not mind.created


CREATE_AND_DIE = """
import os, sys
import thoughtengine as te
from thoughtengine.storage import files
files.publish = lambda sibling, target: os._exit(9)
te.open(sys.argv[1])
"""


def test_leftovers_of_a_killed_maker_go(tmp_path: Path) -> None:
    (tmp_path / ".mind.notes").write_text("mine")
    process = python(CREATE_AND_DIE, tmp_path / "mind")
    process.communicate(timeout=60)
    assert process.returncode == 9
    (leftover,) = tmp_path.glob(".mind.*.part")
    refused(tmp_path / "mind", te.StoreNotFoundError, "no mind here", create=False)
    te.open(tmp_path / "mind").close()
    assert sorted(os.listdir(tmp_path)) == [".mind.notes", "mind"]
    assert not leftover.exists()


def test_leftovers_inside_go(path: Path) -> None:
    for name in ("backup-1.part", "gen-000002", "gen-000007", "snapshots/.a.new.part"):
        (path / name).mkdir(parents=True)
        (path / name / "000005.ldb").write_bytes(b"half")
    (path / "STORE.part").write_bytes(b"half")
    (path / "notes.txt").write_text("mine")
    assert texts(path) == TEXTS
    assert sorted(p.name for p in path.iterdir()) == [
        "STORE", "STORE.bak", "gen-000001", "notes.txt", "reserve.bin", "snapshots", "te.lock",
    ]  # fmt: skip
    assert os.listdir(path / "snapshots") == []


# ---- who may read it -------------------------------------------------------------------------------------------------


def reachable_by_others(folder: Path) -> list[str]:
    """Return the files that somebody else gets at: every folder on the way is open to him, and the file too."""
    found = []
    for where, folders, names in os.walk(folder):
        if not Path(where).stat().st_mode & (stat.S_IXOTH | stat.S_IXGRP):
            folders.clear()
            continue
        found += [name for name in names if (Path(where) / name).stat().st_mode & (stat.S_IROTH | stat.S_IRGRP)]
    return found


def test_nobody_else_reads_a_mind(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    mask = os.umask(0)
    try:
        with te.open(tmp_path / "mind") as mind, te.open(tmp_path / "open") as other:
            mind.remember("a secret")
            other.remember("a secret")
            mind.snapshot("first")
        te.backup(tmp_path / "mind", tmp_path / "copy")
        te.fork(tmp_path / "mind", tmp_path / "twin")
        te.restore(tmp_path / "copy", tmp_path / "again")
    finally:
        os.umask(mask)
    for name in ("mind", "open", "copy", "twin", "again"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700, name
        assert reachable_by_others(tmp_path / name) == []
    for name in ("STORE", "STORE.bak", "te.lock", "reserve.bin"):
        assert stat.S_IMODE((tmp_path / "mind" / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE((tmp_path / "mind" / "snapshots").stat().st_mode) == 0o700


def test_a_mind_that_nobody_refers_to_can_be_opened_again(tmp_path: Path) -> None:
    for turn in range(3):
        mind = te.open(tmp_path / "mind")
        mind.remember(f"Cell {turn} was run again.")
        assert len(mind.recall("cell")) == turn + 1
        del mind
