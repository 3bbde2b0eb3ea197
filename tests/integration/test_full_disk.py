"""A disk that is full, or fails: a typed error and nothing of the call there; what was acknowledged stays, then and later."""

import contextlib
import errno
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.damage.listing import listing
from tests.flat import write_flat
from thoughtengine.storage import store as store_module
from thoughtengine.storage.store import Level, plyvel

KIB = 1 << 10
TRIALS = 20
FULL = b"IO error: gen-000001/000032.log: No space left on device"
BROKEN = b"IO error: gen-000001/000032.log: Input/output error"
READ_ONLY = b"IO error: gen-000001/000032.log: Read-only file system"


def config(buffer: int = 1 << 20, **more: int) -> te.Config:
    return te.Config(storage=te.StorageConfig(write_buffer_bytes=buffer, **more))


# ---- a small disk ----------------------------------------------------------------------------------------------------


def mounted(folder: Path) -> bool:
    """Mount a disk of 12 MiB; False where that is not allowed."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=700", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def remount(folder: Path, how: str) -> None:
    done = subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot remount: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mounted(folder):
        pytest.skip("needs root, and a tmpfs that it may mount")
    try:
        yield folder
    finally:
        if subprocess.run(["umount", str(folder)], capture_output=True).returncode:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def free(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def fill(disk: Path, *, leave: int = 0) -> None:
    """Take the space of a disk but for so many bytes."""
    with open(disk / "filler", "ab") as filler:
        while (left := free(disk) - leave) > 0:
            with contextlib.suppress(OSError):
                os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size, left)
                continue
            break


def make_room(disk: Path) -> None:
    (disk / "filler").unlink()


# ---- what is known of a mind -----------------------------------------------------------------------------------------


class Diary:
    """A mind, and what it has acknowledged and refused."""

    def __init__(self, path: Path, seed: int, settings: te.Config) -> None:
        self.path, self.settings, self.random = path, settings, random.Random(seed)
        self.texts: dict[str, str] = {}
        self.hidden: set[str] = set()
        self.pinned: set[str] = set()
        self.refused: list[te.StoreError] = []
        self.n = 0
        self.mind = te.open(path, config=settings)

    def text(self) -> str:
        return self.random.randbytes(self.random.randint(20, 15_000)).hex()

    def attempt(self, verb: Callable[[], object]) -> bool:
        """Do something; tell whether it was acknowledged."""
        try:
            verb()
        except te.StoreError as error:
            self.refused.append(error)
            return False
        return True

    def remember(self) -> bool:
        self.n += 1
        key, text = str(self.n), self.text()
        if done := self.attempt(lambda: self.mind.remember(text, key=key)):
            self.texts[key] = text
        return done

    def remember_many(self) -> bool:
        texts = {str(self.n + i): self.text()[:4000] for i in range(1, 9)}
        self.n += 8
        done = self.attempt(lambda: self.mind.remember_many([te.Experience(text=t, key=k) for k, t in texts.items()]))
        if done:
            self.texts |= texts
        return done

    def revise(self) -> bool:
        key, text = self.some(), self.text()
        if done := self.attempt(lambda: self.mind.revise(key, text)):
            self.texts[key] = text
            self.pinned.discard(key)
        return done

    def forget(self) -> bool:
        key = self.some()
        if done := self.attempt(lambda: self.mind.forget(key)):
            self.hidden.add(key)
        return done

    def pin(self) -> bool:
        key = self.some()
        if done := self.attempt(lambda: self.mind.pin(key)):
            self.pinned.add(key)
        return done

    def erase(self) -> bool:
        key = self.some()
        old = self.mind[key].id
        if done := self.attempt(lambda: self.mind.forget(key, erase=True)):
            del self.texts[key]
            self.pinned.discard(key)
            if (left := self.mind.get(key)) is not None:  # the revision before it has its name again, and its pin
                self.texts[key] = left.text or ""
                self.pinned |= {key} if left.layer == "eternal" else set()
                assert left.id < old
        return done

    def seen(self) -> list[str]:
        return [key for key in self.texts if key not in self.hidden]

    def some(self) -> str:
        return self.random.choice(self.seen())

    def anything(self) -> bool:
        verbs = [self.remember] * 5 + [self.remember_many, self.revise, self.forget, self.pin, self.erase]
        return self.random.choice(verbs)() if len(self.seen()) > 3 else self.remember()

    def differences(self) -> list[str]:
        """Compare the mind with what it acknowledged; a text that it refused is a difference too."""
        found = []
        for number in range(1, self.n + 1):
            key = str(number)
            memory = self.mind.get(key)
            expected = self.texts.get(key) if key not in self.hidden else None
            if (memory.text if memory else None) != expected:
                found.append(f"{key}: {'missing' if memory is None else 'there, or another text'}")
            elif memory is not None and (memory.layer == "eternal") != (key in self.pinned):
                found.append(f"{key}: layer {memory.layer}")
        return found

    def reopen(self) -> None:
        self.mind.close()
        self.mind = te.open(self.path, create=False, config=self.settings)


def leftovers(path: Path) -> list[str]:
    return sorted(str(p.relative_to(path)) for p in path.rglob("*.part")) + [
        p.name for p in sorted(path.glob("gen-*"))[1:]
    ]


# ---- twenty full disks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", range(TRIALS))
def test_nothing_acknowledged_is_lost_on_a_full_disk(disk: Path, trial: int) -> None:
    """Write until it is full and on, in every verb; free space, write on; close, open: all that was acknowledged is there."""
    chance = random.Random(trial)
    settings = config(chance.choice([64, 256, 1024, 1024]) * KIB, mark_every=chance.choice([7, 4096]))
    diary = Diary(disk / "mind", trial, settings)
    for _ in range(chance.randint(1, 60)):
        diary.anything()
    assert diary.refused == []
    fill(disk, leave=chance.randint(0, 700) * KIB)
    while len(diary.refused) < 12:
        diary.anything()
    assert {type(error) for error in diary.refused} == {te.StoreFullError}
    assert diary.differences() == []
    if trial % 3 == 0:  # closed and opened again while it is full: it may be too full even for that
        diary.mind.close()
        if diary.attempt(lambda: setattr(diary, "mind", te.open(diary.path, create=False, config=settings))):
            assert diary.differences() == []
    make_room(disk)
    if trial % 3 == 0:
        diary.reopen()
    diary.refused.clear()
    for _ in range(diary.random.randint(0, 40)):
        diary.anything()
    assert len(diary.refused) <= 1  # what failed in the background while it was full is told at the next write
    assert diary.remember() or diary.remember()
    assert diary.differences() == []
    diary.reopen()
    assert diary.differences() == []
    assert diary.mind.check() == []
    assert [incident for incident in diary.mind.health().incidents if "write error" not in incident] == []
    diary.mind.close()
    assert te.check(diary.path) == []
    assert leftovers(diary.path) == []


# ---- each call on a disk without a byte ------------------------------------------------------------------------------


@pytest.fixture
def full(disk: Path) -> Iterator[Diary]:
    """Give a mind of twenty memories on a disk that is full to the last page, its reserve intact."""
    diary = Diary(disk / "mind", 7, config(64 * KIB))
    for _ in range(20):
        diary.remember()
    diary.mind.sync()
    diary.mind.snapshot("before")
    fill(disk)
    yield diary
    diary.mind.close()


def test_making_a_mind_leaves_nothing(disk: Path) -> None:
    fill(disk)
    before = listing(disk)
    for room in (0, 8 * KIB, 64 * KIB):
        os.truncate(disk / "filler", os.stat(disk / "filler").st_size - room)
        before = listing(disk)
        try:
            mind = te.open(disk / "mind", config=config(64 * KIB))
        except te.StoreFullError:
            assert listing(disk) == before
        else:  # it fits, and is a whole mind; its reserve may not
            with pytest.raises(te.StoreFullError, match="free space"):
                mind.remember("x" * 200_000)
            mind.close()
            assert te.check(disk / "mind") == []
            break
    make_room(disk)
    with te.open(disk / "mind") as mind:
        mind.remember("now there is room")


@pytest.mark.parametrize("verb", ["backup", "fork", "snapshot"])
def test_a_copy_that_does_not_fit_leaves_nothing(full: Diary, disk: Path, verb: str) -> None:
    before = set(listing(disk))
    verbs: dict[str, Callable[[], object]] = {
        "backup": lambda: te.backup(full.path, disk / "copy"),
        "fork": lambda: te.fork(full.path, disk / "copy"),
        "snapshot": lambda: full.mind.snapshot("copy"),
    }
    with pytest.raises(te.StoreFullError):
        verbs[verb]()
    assert set(listing(disk)) == before
    assert full.differences() == []
    make_room(disk)
    verbs[verb]()
    full.reopen()
    assert full.differences() == []
    assert full.mind.check() == []


def test_a_full_disk_can_be_backed_up_to_another_one_and_checked(full: Diary, disk: Path, tmp_path: Path) -> None:
    """The reserve makes room for what is needed in the folder meanwhile."""
    te.backup(full.path, tmp_path / "backup")
    assert full.mind.check() == []
    assert leftovers(full.path) == []
    before = set(listing(disk))
    fill(disk)
    with pytest.raises(te.StoreFullError):
        te.restore(tmp_path / "backup", disk / "again")
    assert set(listing(disk)) == before
    te.restore(tmp_path / "backup", tmp_path / "again")
    assert not full.remember()
    make_room(disk)
    assert full.remember()
    full.mind.close()
    with te.open(tmp_path / "again") as again:
        assert len(again) == 20
        assert again.check() == []


def test_an_erasure_that_does_not_fit_is_not_done(full: Diary, disk: Path) -> None:
    assert not full.erase()
    assert type(full.refused[-1]) is te.StoreFullError
    assert full.differences() == []
    assert leftovers(full.path) == []
    assert os.listdir(full.path / "snapshots") == ["before"]
    make_room(disk)
    assert full.erase()
    full.reopen()
    assert full.differences() == []
    assert full.mind.check() == []


@pytest.mark.parametrize("soaks", ["format", "payloads"])
def test_an_erasure_from_a_rollback_point_that_does_not_fit_is_not_done(disk: Path, soaks: str) -> None:
    path, hooks = disk / "mind", te.Upgrades("acme")
    if soaks == "format":
        write_flat(path, {b"sensory:k%02d" % n: b'{"timestamp": %d, "raw": "old"}' % n for n in range(20)})
    else:
        hooks.step("note", from_version=1, down=lambda note: note)(lambda note: note)
        with te.open(path, config=config(64 * KIB)) as mind:
            for n in range(20):
                mind.remember("old", kind="acme.note", payload={"n": n})
    with te.open(path, hooks=[hooks], upgrade="wait", config=config(64 * KIB)) as mind:
        before = set(listing(disk))
        fill(disk)
        with pytest.raises(te.StoreFullError):
            mind.forget(5, erase=True)
        make_room(disk)
        assert set(listing(disk)) == before
        assert mind[5].text == "old"
        mind.forget(5, erase=True)
        assert mind.check() == []
    te.rollback(path, hooks=[hooks])
    assert leftovers(path) == []


def test_a_way_back_of_payloads_that_does_not_fit_is_not_done(disk: Path) -> None:
    path, hooks = disk / "mind", te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: {"n": note["m"]})(lambda note: {"m": note["n"]})
    with te.open(path, config=config(64 * KIB)) as mind:
        for n in range(20):
            mind.remember(f"note {n}", key=f"n{n}", kind="acme.note", payload={"n": n})
    with te.open(path, hooks=[hooks], upgrade="wait", config=config(64 * KIB)) as mind:
        before = set(listing(disk)), str(mind.upgrade.status())
        fill(disk)
        with pytest.raises(te.StoreFullError):
            mind.upgrade.rollback()
        make_room(disk)
        assert (set(listing(disk)), str(mind.upgrade.status())) == before
        mind.remember("later", key="later", kind="acme.note", payload={"m": 99})
        assert [mind[key].payload for key in ("n3", "later")] == [{"m": 3}, {"m": 99}]
        mind.upgrade.rollback()
        assert [mind[key].payload for key in ("n3", "later")] == [{"n": 3}, {"n": 99}]
        assert mind.check() == []
    assert leftovers(path) == []


def test_the_first_vector_and_its_dimension_go_together(full: Diary, disk: Path) -> None:
    """The pointer file, in which the dimension is noted, has no room for its successor."""
    with pytest.raises(te.StoreFullError):
        full.mind.remember("a vector", key="v", vector=[1.0, 0.0, 0.0])
    assert "v" not in full.mind
    make_room(disk)
    full.mind.remember("a vector", key="v", vector=[1.0, 0.0])
    full.reopen()
    assert full.mind.recall([1.0, 0.0])[0].text == "a vector"
    assert full.mind.check() == []


def test_everything_is_readable_on_a_full_disk(full: Diary, disk: Path) -> None:
    while full.remember():
        pass
    full.reopen()
    before = free(disk)
    assert full.differences() == []
    assert full.mind.count() == len(full.texts)
    assert full.mind.recall("anything") is not None
    assert not full.mind.health().ok
    assert any("free" in reason for reason in full.mind.health().reasons)
    assert free(disk) >= before
    for _ in range(3):
        assert not full.remember()
        assert "free space" in str(full.refused[-1])
    assert full.differences() == []


# ---- a disk that was mounted for reading only ------------------------------------------------------------------------


def test_a_disk_for_reading_only(disk: Path, tmp_path: Path) -> None:
    diary = Diary(disk / "mind", 3, config(64 * KIB))
    for _ in range(30):
        diary.remember()
    diary.mind.close()
    te.backup(diary.path, disk / "backup")
    before = listing(disk)
    remount(disk, "ro")
    try:
        verbs: list[Callable[[], object]] = [
            lambda: te.open(diary.path),
            lambda: te.open(disk / "new"),
            lambda: te.check(diary.path),
            lambda: te.backup(diary.path, tmp_path / "copy"),
            lambda: te.fork(diary.path, tmp_path / "copy"),
            lambda: te.restore(disk / "backup", disk / "again"),
        ]
        for verb in verbs:
            with pytest.raises(te.StoreError, match="Read-only file system") as caught:
                verb()
            assert type(caught.value) is te.StoreError
        assert not (tmp_path / "copy").exists()
        te.restore(disk / "backup", tmp_path / "again")
    finally:
        remount(disk, "rw")
    assert listing(disk) == before
    for path in (diary.path, tmp_path / "again"):
        diary.path = path
        diary.mind = te.open(path, create=False)
        assert diary.differences() == []
        assert diary.mind.check() == []
        diary.mind.close()


# ---- faults put in ---------------------------------------------------------------------------------------------------


class Faults:
    """Makes LevelDB fail: at a write, and when it is opened again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes: dict[int, tuple[bytes, bool]] = {}  # number -> what it says, and whether the write landed
        self.opens, self.n = 0, 0
        write, opened = Level.write, Level.__init__

        def failing_write(level: Level, *arguments: Any) -> None:
            self.n += 1
            message, landed = self.writes.pop(self.n, (b"", True))
            if landed:
                write(level, *arguments)
            if message:
                raise store_module._translated(level.path, plyvel.IOError(message))

        def failing_open(level: Level, path: str, *arguments: Any, **options: Any) -> None:
            if self.opens:
                self.opens -= 1
                raise store_module._translated(path, plyvel.IOError(FULL))
            opened(level, path, *arguments, **options)

        monkeypatch.setattr(Level, "write", failing_write)
        monkeypatch.setattr(Level, "__init__", failing_open)

    def at_next(self, message: bytes, *, landed: bool = False, opens: int = 0) -> None:
        self.writes[self.n + 1] = message, landed
        self.opens = opens


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    return Faults(monkeypatch)


@pytest.fixture
def diary(tmp_path: Path, faults: Faults) -> Iterator[Diary]:
    diary = Diary(tmp_path / "mind", 11, config(64 * KIB))
    for _ in range(10):
        diary.remember()
    assert diary.mind.recall("anything") is not None  # the index stands
    yield diary
    diary.mind.close()


VERBS = ["remember", "remember_many", "revise", "forget", "pin"]
MESSAGES = {FULL: te.StoreFullError, BROKEN: te.StoreError, READ_ONLY: te.StoreError}


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_write_that_fails_is_not_there(diary: Diary, faults: Faults, verb: str, message: bytes) -> None:
    faults.at_next(message)
    assert not getattr(diary, verb)()
    assert type(diary.refused[-1]) is MESSAGES[message]
    assert diary.differences() == []
    for _ in range(20):
        assert diary.anything()
    assert diary.differences() == []
    assert diary.mind.count() == len(diary.mind) == len(list(diary.mind))
    diary.reopen()
    assert diary.differences() == []
    assert diary.mind.check() == []
    assert sum("write error" in incident for incident in diary.mind.health().incidents) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_write_that_landed_though_it_failed_is_acknowledged(diary: Diary, faults: Faults, verb: str) -> None:
    faults.at_next(FULL, landed=True)
    assert getattr(diary, verb)()
    assert diary.differences() == []
    assert diary.anything()
    diary.reopen()
    assert diary.differences() == []
    assert diary.mind.check() == []


@pytest.mark.parametrize("opens", [1, 2, 6])
@pytest.mark.parametrize("verb", VERBS)
def test_a_store_that_does_not_open_again_at_once(diary: Diary, faults: Faults, verb: str, opens: int) -> None:
    """Opening needs space too; until there is some every verb says so, and then all goes on."""
    faults.at_next(FULL, opens=opens)
    assert not getattr(diary, verb)()
    while faults.opens:
        with pytest.raises(te.StoreFullError):
            diary.mind.get("1")
    assert {type(error) for error in diary.refused} == {te.StoreFullError}
    assert diary.differences() == []
    for _ in range(20):
        assert diary.anything()
    diary.reopen()
    assert diary.differences() == []
    assert diary.mind.check() == []


@pytest.mark.parametrize("verb", ["remember", "forget"])
@pytest.mark.parametrize("reads", [True, False])
def test_a_write_that_turns_up_later_is_no_secret(diary: Diary, faults: Faults, verb: str, reads: bool) -> None:
    """It landed, it failed, and nobody could look: the next call says that it is there after all."""
    faults.at_next(FULL, landed=True, opens=2)
    assert not getattr(diary, verb)()
    with pytest.raises(te.StoreError, match="there after all"):
        diary.mind.get("1") if reads else diary.mind.remember("the next one", key="next")
    diary.mind.remember("one more", key="more")
    ids = [memory.id for memory in diary.mind]
    assert diary.mind.count() == len(diary.mind) == len(ids) == len(set(ids)) == (12 if verb == "remember" else 10)
    diary.mind.close()
    diary.mind = te.open(diary.path, config=diary.settings)
    assert [memory.id for memory in diary.mind] == ids
    assert diary.mind.check() == []


@pytest.mark.parametrize("n", range(1, 13))
def test_whatever_write_of_a_life_fails(tmp_path: Path, faults: Faults, n: int) -> None:
    """Creating, writing, syncing, erasing, copying: the n-th write of all fails, once."""
    faults.writes[n] = FULL, False
    diary = None
    while diary is None:
        with contextlib.suppress(te.StoreFullError):
            diary = Diary(tmp_path / "mind", n, config(64 * KIB))
        if diary is None:
            assert os.listdir(tmp_path) == []
    for verb in [diary.remember, diary.remember_many, diary.revise, diary.erase, diary.forget, diary.pin]:
        while not verb():
            assert diary.differences() == []
            assert leftovers(diary.path) == []
    done = False
    while not done:
        done = diary.attempt(lambda: te.backup(diary.path, tmp_path / "copy"))
        assert (tmp_path / "copy").exists() == done
    diary.reopen()
    assert diary.differences() == []
    assert diary.mind.check() == []
    assert len(diary.refused) <= 1
    diary.mind.close()
    te.restore(tmp_path / "copy", tmp_path / "again")
    assert te.check(tmp_path / "again") == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS])
def test_the_pointer_file_cannot_be_written(diary: Diary, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    rename = os.rename

    def failing(source: Any, target: Any, **options: Any) -> None:
        if os.path.basename(target) == "STORE":
            raise OSError(code, os.strerror(code), source)
        rename(source, target, **options)

    monkeypatch.setattr(os, "rename", failing)
    kind = te.StoreFullError if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else te.StoreError
    before = (diary.path / "STORE").read_bytes()
    calls: list[Callable[[], object]] = [
        lambda: diary.mind.remember("a vector", key="v", vector=[1.0]),
        lambda: diary.mind.forget("1", erase=True),
        lambda: te.backup(diary.path, diary.path.parent / "copy"),
    ]
    for call in calls:
        with pytest.raises(te.StoreError) as caught:
            call()
        assert type(caught.value) is kind
        assert (diary.path / "STORE").read_bytes() == before
        assert leftovers(diary.path) == []
        assert os.listdir(diary.path.parent) == ["mind"]
    assert "v" not in diary.mind
    assert diary.remember()
    monkeypatch.setattr(os, "rename", rename)
    assert diary.anything()
    diary.reopen()
    assert diary.differences() == []
    assert diary.mind.check() == []


@pytest.mark.parametrize("after", [True, False])
def test_an_interrupted_erasure_loses_no_later_write(
    diary: Diary, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Ctrl-C just before or after the pointer file has its name: from then on what it says is what is written to."""
    rename = os.rename

    def interrupted(source: Any, target: Any, **options: Any) -> None:
        if os.path.basename(target) == "STORE":
            monkeypatch.setattr(os, "rename", rename)
            if after:
                rename(source, target, **options)
            raise KeyboardInterrupt
        rename(source, target, **options)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        diary.mind.forget("1", erase=True)
    if after:
        del diary.texts["1"]
        with pytest.raises(te.StoreError, match="there after all"):
            diary.mind.get("2")
    assert diary.differences() == []
    for _ in range(5):
        assert diary.remember()
    assert diary.mind.count() == len(diary.mind) == len(diary.texts)
    diary.reopen()
    assert diary.differences() == []
    assert diary.mind.check() == []
    assert leftovers(diary.path) == []
