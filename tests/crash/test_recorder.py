"""The harness's own proof: operations are counted, a crash leaves the ones before it, and a bad protocol is caught."""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from tests.crash import recorder
from tests.crash.power_loss import Mode, lose_power
from tests.crash.recorder import RecorderError, Recording

pytestmark = pytest.mark.skipif(recorder.find_compiler() is None, reason="needs Linux and a C compiler")

MODES = ["kill", "half", "cut", "torn", "subset", "dirs", "posix", "torn+dirs", "subset+posix", "kill+posix"]

PRELUDE = """
import ctypes, mmap, os, shutil, sys, threading
os.chdir(sys.argv[1])
def put(name, data, how=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    fd = os.open(name, how, 0o600)
    if data:
        os.write(fd, data)
    os.close(fd)
def sync(name):
    fd = os.open(name, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
"""


class Bench:
    """Fresh folders, one child after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.turn = count()

    def run(self, script: str, *, at: int | None = None, torn: bool = False, before: str = "") -> Recording:
        """Run a script in a fresh root, in which `before` was done, and is durable."""
        place = self.folder / str(next(self.turn))
        root = place / "root"
        root.mkdir(parents=True)
        if before:
            subprocess.run(_command(before, root), check=True)
        return recorder.run(_command(script, root), root=root, scratch=place / "scratch", at=at, torn=torn)


def _command(script: str, root: Path) -> list[str]:
    return [sys.executable, "-S", "-c", PRELUDE + script, str(root)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def tree(root: Path) -> dict[str, str]:
    """Give what is below a folder: bytes of files, targets of links."""
    found = {}
    for path in sorted(root.rglob("*")):
        content = f"-> {path.readlink()}" if path.is_symlink() else "/" if path.is_dir() else path.read_text("latin-1")
        found[str(path.relative_to(root))] = content
    return found


# ---- counting --------------------------------------------------------------------------------------------------------


CREATE_TWO = "create write create write"
OPEN = "fd = os.open('a', os.O_RDWR | os.O_CREAT);"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("put('a', b'x')", "create write"),
        ("put('a', b'x'); put('a', b'y')", "create write truncate write"),
        ("put('a', b''); put('a', b'')", "create"),
        ("open('a', 'w').close(); open('a', 'a').close(); open('a').close()", "create"),
        (OPEN + "os.pwrite(fd, b'x', 3)", "create write"),
        (OPEN + "os.writev(fd, [b'x', b'y'])", "create write"),
        (OPEN + "os.pwritev(fd, [b'x', b'y'], 1)", "create write"),
        (OPEN + "os.ftruncate(fd, 9); os.truncate('a', 1)", "create truncate truncate"),
        (OPEN + "os.posix_fallocate(fd, 0, 9)", "create allocate"),
        (OPEN + "os.fsync(fd); os.fdatasync(fd); sync('.')", "create sync sync syncdir"),
        ("fd = os.open('a', os.O_RDWR | os.O_CREAT | os.O_DSYNC); os.write(fd, b'x')", "create write sync"),
        ("put('a', b''); os.rename('a', 'b'); os.replace('b', 'c')", "create rename rename"),
        ("put('a', b''); os.link('a', 'b'); os.symlink('a', 'c')", "create link link"),
        ("put('a', b''); os.unlink('a'); os.mkdir('d'); os.rmdir('d')", "create unlink mkdir rmdir"),
        ("os.makedirs('d/e'); os.makedirs('d/e', exist_ok=True); shutil.rmtree('d')", "mkdir mkdir rmdir rmdir"),
        ("ctypes.CDLL(None).rename(b'none', b'none2'); ctypes.CDLL(None).unlink(b'none')", ""),
        ("put('b', b'x' * 9); f = os.open('b', 0);" + OPEN + "os.copy_file_range(f, fd, 9)", CREATE_TWO),
        ("put('b', b'x' * 9); f = os.open('b', 0);" + OPEN + "os.sendfile(fd, f, 0, 5)", CREATE_TWO),
        ("open('../outside', 'w').write('x'); os.remove('../outside')", ""),
    ],
)  # fmt: skip
def test_each_operation_is_counted_once(bench: Bench, script: str, expected: str) -> None:
    recording = bench.run(script)
    assert (recording.returncode, recording.output) == (0, "")
    assert " ".join(event.op for event in recording.events) == expected
    numbers = [event.n for event in recording.events if event.op != "sync" or "DSYNC" not in script]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_fast_copy_is_seen_however_the_library_does_it(bench: Bench) -> None:
    recording = bench.run("put('a', b'x' * 99); shutil.copyfile('a', 'b')")
    assert [event.op for event in recording.events][:4] == ["create", "write", "create", "write"]
    assert sum(event.length for event in recording.events if Path(event.path).name == "b") == 99


def test_every_way_to_name_a_file_is_resolved(bench: Bench) -> None:
    recording = bench.run(
        "os.mkdir('d'); os.symlink('d', 's'); d = os.open('d', os.O_RDONLY)\n"
        "os.close(os.open('a', os.O_CREAT, dir_fd=d)); os.chdir('d'); put('../d//b', b''); put('../s/c\\t%', b'')\n"
        "os.rename('a', 'e', src_dir_fd=d, dst_dir_fd=d); os.unlink('e', dir_fd=d); os.mkdir('f', dir_fd=d)"
    )
    assert recording.output == ""
    names = [str(Path(event.second or event.path).relative_to(recording.root)) for event in recording.events]
    assert names == ["d", "s", "d/a", "d/b", "d/c\t%", "d/e", "d/e", "d/f"]


def test_threads_are_counted_one_by_one(bench: Bench) -> None:
    recording = bench.run(
        "def work(name):\n    for n in range(50): put(f'{name}{n}', b'x')\n"
        "threads = [threading.Thread(target=work, args=(name,)) for name in 'abcd']\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]"
    )
    assert [event.n for event in recording.events] == list(range(1, 401))
    assert len(tree(recording.root)) == 200


@pytest.mark.parametrize("start", ["os.fork()", "subprocess_like()"])
def test_children_count_on_and_die_with_it(bench: Bench, start: str) -> None:
    script = (
        "def subprocess_like():\n    child = os.fork()\n    if child == 0:\n"
        "        os.execv(sys.executable, [sys.executable, '-S', '-c', \"open('b', 'w'); open('c', 'w')\"])\n"
        "    return child\n"
        f"put('a', b'')\nchild = {start}\nif child == 0:\n    put('b', b''); put('c', b''); os._exit(0)\n"
        "os.waitpid(child, 0); put('d', b'')"
    )
    assert [Path(event.path).name for event in bench.run(script).events] == ["a", "b", "c", "d"]
    killed = bench.run(script, at=3)
    assert killed.killed
    assert sorted(tree(killed.root)) == ["a", "b"]


# ---- crashing --------------------------------------------------------------------------------------------------------

STEPS = [
    "fd = os.open('a', os.O_WRONLY | os.O_CREAT, 0o600)",
    "os.write(fd, b'0123456789')",
    "os.pwrite(fd, b'XX', 2)",
    "os.fsync(fd)",
    "os.ftruncate(fd, 6)",
    "os.mkdir('d')",
    "os.rename('a', 'd/b')",
    "os.link('d/b', 'c')",
    "os.symlink('c', 's')",
    "os.writev(fd, [b'ab', b'cd'])",
    "os.unlink('d/b')",
    "os.rmdir('d')",
    "os.posix_fallocate(fd, 0, 20)",
    "os.truncate('c', 3)",
    "put('c', b'')",
]


def test_a_crash_leaves_exactly_the_operations_before_it(bench: Bench) -> None:
    script = "\n".join(STEPS)
    assert bench.run(script).n_operations == len(STEPS)
    for at in range(1, len(STEPS) + 1):
        expected = bench.folder / f"expected-{at}"
        expected.mkdir()
        subprocess.run(_command("\n".join(STEPS[: at - 1]), expected), check=True)
        crashed = bench.run(script, at=at)
        assert crashed.killed
        assert tree(crashed.root) == tree(expected), f"killed at {at}: {STEPS[at - 1]}"
        assert crashed.n_operations == at - 1


@pytest.mark.parametrize(
    ("write", "left"),
    [
        ("os.write(fd, b'abcdef')", "abc"),
        ("os.pwrite(fd, b'abcdef', 2)", "\0\0abc"),
        ("os.writev(fd, [b'ab', b'', b'cdef'])", "abc"),
        ("os.pwritev(fd, [b'abcd', b'ef'], 1)", "\0abc"),
        ("os.sendfile(fd, os.open('f', 0), 0, 6)", "ABC"),
        ("os.copy_file_range(os.open('f', 0), fd, 6)", "ABC"),
        ("os.write(fd, b'a')", ""),
        ("os.ftruncate(fd, 6)", ""),
    ],
)
def test_a_torn_write_is_half_done(bench: Bench, write: str, left: str) -> None:
    crashed = bench.run(
        f"fd = os.open('a', os.O_CREAT | os.O_WRONLY)\n{write}", at=2, torn=True, before="put('f', b'ABCDEF')"
    )
    assert crashed.killed
    assert (crashed.root / "a").read_text() == left
    lose_power(crashed, Mode.parse("torn"))
    assert (crashed.root / "a").read_text() == left


# ---- the power loss model --------------------------------------------------------------------------------------------


def after(bench: Bench, script: str, mode: str, *, before: str = "", seed: int = 0) -> dict[str, str]:
    recording = bench.run(script, before=before)
    assert (recording.returncode, recording.output) == (0, "")
    lose_power(recording, Mode.parse(mode), seed=seed)
    return tree(recording.root)


OLD = "put('a', b'old'); put('b', b'beside')"


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("put('c', b'new')", {"a": "old", "b": "beside", "c": ""}),
        ("put('c', b'new'); sync('c')", {"a": "old", "b": "beside", "c": "new"}),
        ("put('a', b'new')", {"a": "old", "b": "beside"}),
        ("put('a', b'new'); sync('a'); put('a', b'newest')", {"a": "new", "b": "beside"}),
        ("put('a', b'!', os.O_WRONLY | os.O_APPEND)", {"a": "old", "b": "beside"}),
        ("put('a', b'!', os.O_WRONLY); put('a', b'??????', os.O_WRONLY)", {"a": "old", "b": "beside"}),
        ("os.truncate('a', 1); put('a', b'!', os.O_WRONLY); os.truncate('a', 9)", {"a": "old", "b": "beside"}),
        ("put('c', b'new'); os.rename('c', 'a')", {"a": "", "b": "beside"}),
        ("os.rename('a', 'c'); put('c', b'new')", {"b": "beside", "c": "old"}),
        ("os.link('a', 'c'); put('c', b'new'); os.unlink('a')", {"b": "beside", "c": "old"}),
        ("shutil.copyfile('a', 'c')", {"a": "old", "b": "beside", "c": ""}),
        ("put('c', b'new'); os.sync(); put('c', b'newest')", {"a": "old", "b": "beside", "c": "new"}),
        ("put('c', b'new', os.O_WRONLY | os.O_CREAT | os.O_SYNC)", {"a": "old", "b": "beside", "c": "new"}),
    ],
)
def test_unsynced_bytes_are_cut(bench: Bench, script: str, left: dict[str, str]) -> None:
    assert after(bench, script, "cut", before=OLD) == left


@pytest.mark.parametrize(
    ("script", "left", "strictly_left"),
    [
        ("put('c', b'new')", "a b", "a b"),
        ("put('c', b'new'); sync('.')", "a b c", "a b c"),
        ("put('c', b'new'); sync('c')", "a b c", "a b"),
        ("os.rename('a', 'c')", "a b", "a b"),
        ("os.rename('a', 'c'); sync('.')", "b c", "b c"),
        ("os.rename('a', 'b')", "a b", "a b"),
        ("os.unlink('a'); put('a', b'new')", "a b", "a b"),
        ("os.unlink('a'); sync('.'); put('a', b'new')", "b", "b"),
        ("os.link('a', 'c')", "a b", "a b"),
        ("os.symlink('a', 'c')", "a b", "a b"),
        ("os.mkdir('d'); put('d/e', b''); sync('d')", "a b d d/e", "a b"),
        ("os.mkdir('d'); put('d/e', b''); sync('.')", "a b d", "a b d"),
        ("os.mkdir('d'); put('d/e', b''); sync('d'); os.rename('d', 'f'); sync('.')", "a b f f/e", "a b f f/e"),
        ("os.mkdir('d'); put('d/e', b''); os.rename('d', 'f'); sync('.')", "a b f", "a b f"),
        ("os.mkdir('d'); put('d/e', b''); sync('d'); sync('.'); os.rename('d', 'f')", "a b d d/e", "a b d d/e"),
        ("os.mkdir('d'); os.rename('a', 'd/a'); sync('.')", "a b d", "a b d"),
        ("os.mkdir('d'); os.rename('a', 'd/a'); sync('d'); sync('.')", "b d d/a", "b d d/a"),
        ("put('c', b''); os.rename('c', 'd'); put('c', b''); sync('c')", "a b c d", "a b"),
        ("put('c', b'new'); os.sync()", "a b c", "a b c"),
    ],
)
def test_undurable_names_are_undone(bench: Bench, script: str, left: str, strictly_left: str) -> None:
    found = after(bench, script, "dirs", before=OLD)
    assert " ".join(found) == left
    assert all(found[name] == content for name, content in {"a": "old", "b": "beside"}.items() if name in found)
    assert " ".join(after(bench, script, "posix", before=OLD)) == strictly_left


def test_what_a_folder_held_before_is_restored(bench: Bench) -> None:
    before = "os.makedirs('d/e'); put('d/e/f', b'deep'); put('d/g', b'held'); sync('.')"
    script = "os.rename('d', 'x'); shutil.rmtree('x/e'); os.rename('x/g', 'x/h'); put('x/h', b'no'); os.mkdir('d')"
    for mode in ("dirs", "posix"):
        found = after(bench, script, mode, before=before)
        assert found == {"d": "/", "d/e": "/", "d/e/f": "deep", "d/g": "held"}


def test_a_subset_keeps_first_parts_and_obeys_its_seed(bench: Bench) -> None:
    script = "\n".join(f"put('{name}', b'0123456789', os.O_CREAT | os.O_WRONLY | os.O_APPEND)" for name in "abcd" * 3)
    found = [after(bench, script, "subset", seed=seed) for seed in (1, 2, 1)]
    assert found[0] == found[2] != found[1]
    sizes = {len(content) for state in found for content in state.values()}
    assert all(content + ("0123456789" * 3)[len(content) :] == "0123456789" * 3 for content in found[0].values())
    assert len(sizes) > 3


def test_what_cannot_be_followed_is_an_error(bench: Bench) -> None:
    mapped = bench.run("f = open('a', 'w+b'); f.write(b'x' * 99); f.flush(); mmap.mmap(f.fileno(), 99)[0:1] = b'y'")
    stream = bench.run("ctypes.CDLL(None).fopen(b'a', b'w')")
    crossing = bench.run("os.rename('a', '../a')", before=OLD)
    for recording, word in ((mapped, "mapped"), (stream, "stream"), (crossing, "crossing")):
        assert [escape.split()[0] for escape in recording.escapes] == [word]
        with pytest.raises(RecorderError, match="cannot follow"):
            lose_power(recording, Mode.parse("cut"))


def test_modes_are_read_and_written() -> None:
    assert [str(Mode.parse(mode)) for mode in MODES[:7]] == [*MODES[:5], "cut+dirs", "cut+posix"]
    with pytest.raises(ValueError, match="kill, half, cut, torn, subset"):
        Mode.parse("melt")


# ---- known protocols -------------------------------------------------------------------------------------------------

BEFORE = "put('pointer', b'one'); sync('pointer'); sync('.')"
GOOD = "put('t', b'two'); sync('t'); os.rename('t', 'pointer'); sync('.'); print('done')"
NO_FILE_SYNC = "put('t', b'two'); os.rename('t', 'pointer'); sync('.'); print('done')"
NO_FOLDER_SYNC = "put('t', b'two'); sync('t'); os.rename('t', 'pointer'); print('done')"
IN_PLACE = "put('pointer', b'two'); sync('pointer'); print('done')"
NEW_FILE = "put('new', b'two'); sync('new'); print('done')"


def violations(bench: Bench, script: str, mode: str, *, name: str = "pointer") -> list[int]:
    """Give the crash points after which neither value is there, or the old one although the new was acknowledged."""
    wrong = []
    n = bench.run(script, before=BEFORE).n_operations
    for at in range(1, n + 2):
        crashed = bench.run(script, at=at, torn=Mode.parse(mode).tears, before=BEFORE)
        lose_power(crashed, Mode.parse(mode), seed=at)
        found = tree(crashed.root).get(name, "one" if name == "new" else "")
        if found != "two" and (found != "one" or "done" in crashed.output):
            wrong.append(at)
    return wrong


@pytest.mark.parametrize("mode", MODES)
def test_a_good_protocol_is_never_caught(bench: Bench, mode: str) -> None:
    assert violations(bench, GOOD, mode) == []


@pytest.mark.parametrize(
    ("script", "mode", "caught"),
    [
        (NO_FILE_SYNC, "kill", False),
        (NO_FILE_SYNC, "cut", True),
        (NO_FILE_SYNC, "torn", True),
        (NO_FILE_SYNC, "dirs", True),
        (NO_FOLDER_SYNC, "kill", False),
        (NO_FOLDER_SYNC, "cut", False),
        (NO_FOLDER_SYNC, "dirs", True),
        (NO_FOLDER_SYNC, "posix", True),
        (IN_PLACE, "kill", True),
        (IN_PLACE, "torn", True),
    ],
)
def test_a_bad_protocol_is_caught(bench: Bench, script: str, mode: str, caught: bool) -> None:
    assert bool(violations(bench, script, mode)) == caught


@pytest.mark.parametrize(("mode", "caught"), [("cut", False), ("dirs", False), ("posix", True)])
def test_only_the_strict_model_loses_a_new_file_that_was_synced(bench: Bench, mode: str, caught: bool) -> None:
    recording = bench.run(NEW_FILE, before=BEFORE)
    lose_power(recording, Mode.parse(mode))
    assert ("new" not in tree(recording.root)) == caught


LEVELDB = """
import plyvel
db = plyvel.DB('db', create_if_missing=True)
db.put(b'first', b'x', sync=True); sync('db'); sync('.')
for n in range(5):
    db.put(b'%d' % n, b'y' * 100, sync=SYNC)
print('done'); sys.stdout.flush(); os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("mode", ["kill", "cut", "dirs", "posix"])
@pytest.mark.parametrize("synced", [True, False])
def test_leveldb_keeps_what_was_synced_and_only_that(bench: Bench, mode: str, synced: bool) -> None:
    plyvel = pytest.importorskip("plyvel")
    recording = bench.run(LEVELDB.replace("SYNC", str(synced)))
    assert recording.output == "done\n"
    lose_power(recording, Mode.parse(mode))
    with plyvel.DB(str(recording.root / "db"), paranoid_checks=True) as db:
        kept = [key for key, _ in db.iterator()]
    assert kept == ([b"0", b"1", b"2", b"3", b"4", b"first"] if synced or mode == "kill" else [b"first"])
