"""What a program pays and risks for `import thoughtengine`: what is loaded, written, listened to, readable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "numpy",
    "numba",
    "llvmlite",
    "attr",
    "attrs",
    "msgspec",
    "plyvel",
    "plyvel_next",
    "Stemmer",
    "rich",
    "logging",
    "asyncio",
)


def run(code: str, tmp_path: Path, *, umask: int = 0o022) -> list[str]:
    """Run code in a child process with a home and a temporary folder of its own, and give the lines it printed."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir(exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "NUMBA_", "COVERAGE_"))},
        "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }  # fmt: skip
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, umask=umask
    )
    assert child.returncode == 0, child.stderr
    return child.stdout.splitlines()


LIFE = """
import thoughtengine as te
with te.open("mind") as mind:
    mind.remember_many(te.Experience(text=f"note {i} about tea", source="Dana", episode="e") for i in range(400))
    mind.remember("coffee", key="drink", vector=[1, 2])
    mind.revise("drink", "milk")
    assert mind.recall("what does Dana drink?")
    mind.undo(mind.forget(3))
    mind.pin(4)
    mind.forget(5, erase=True)
    mind.snapshot("one")
    assert mind.check() == [] and mind.health().ok
    str(mind.stats())
te.backup("mind", "backup")
te.restore("backup", "restored")
te.fork("mind", "forked")
assert te.check("restored") == te.check("forked") == []
"""

AUDIT = """
import os, sys
told = []
STARTS = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.system", "urllib")
CHANGES = {"os.mkdir": 0, "os.remove": 0, "os.rmdir": 0, "os.symlink": 1, "os.rename": 1, "os.link": 1, "shutil.rmtree": 0}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def hook(event, arguments):
    if event.startswith(STARTS):
        told.append(event)
    elif event in CHANGES and -1 in (*arguments, -1)[1:]:  # what is removed from inside a folder bears a name alone
        note(arguments[CHANGES[event]])
    elif event == "open" and (arguments[2] or 0) & WRITING:
        note(arguments[0])
def note(path):
    if isinstance(path, (str, bytes)) and (os.path.isabs(path) or os.path.exists(path)):
        told.append("writes " + os.path.realpath(os.fsdecode(path)))
sys.addaudithook(hook)
"""


def test_the_import_loads_nothing_but_itself(tmp_path: Path) -> None:
    code = f"""
import sys
before = set(sys.modules)
import thoughtengine
new = set(sys.modules) - before
print(sorted(new))
print([name for name in {HEAVY} if name in sys.modules and name not in before])
"""
    new, heavy = run(code, tmp_path)
    assert new == "['thoughtengine']"
    assert heavy == "[]"


@pytest.mark.parametrize("names", ["te.StoreError, te.InvalidArgumentError", "te.__all__", "dir(te)", "te.__version__"])
def test_errors_and_lists_of_names_cost_nothing_heavy(names: str, tmp_path: Path) -> None:
    code = f"import sys, thoughtengine as te; {names}; print([name for name in {HEAVY} if name in sys.modules])"
    assert run(code, tmp_path) == ["[]"]


def test_a_small_mind_needs_no_compiler(tmp_path: Path) -> None:
    code = (
        LIFE + "\nimport sys; print([name for name in ('numba', 'llvmlite', 'rich', 'asyncio') if name in sys.modules])"
    )
    assert run(code, tmp_path) == ["[]"]


def test_no_socket_no_process_and_nothing_outside_the_store(tmp_path: Path) -> None:
    code = AUDIT + LIFE + "\nprint(*sorted(set(told)), sep='\\n')"
    told = run(code, tmp_path)
    sockets = [line for line in told if not line.startswith("writes ")]
    assert set(sockets) <= {"socket.gethostname"}, "the lock file tells who holds it; nothing is looked up or opened"
    mine = tuple(f"{os.path.realpath(tmp_path)}/{name}" for name in ("mind", "backup", "restored", "forked"))
    beside = tuple(f"{os.path.realpath(tmp_path)}/.{name}" for name in ("mind", "backup", "restored", "forked"))
    written = [line.removeprefix("writes ") for line in told if line.startswith("writes ")]
    assert written
    assert [path for path in written if not path.startswith(mine + beside)] == []
    assert list((tmp_path / "home").iterdir()) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "forked", "home", "mind", "restored", "tmp"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_read_a_mind(umask: int, tmp_path: Path) -> None:
    run(LIFE, tmp_path, umask=umask)
    for name in ("mind", "backup", "restored", "forked"):
        root = tmp_path / name
        assert root.stat().st_mode & 0o777 == 0o700, name
        for path in root.rglob("*"):
            assert not (path.is_file() and open_to_others(path, root)), path


def open_to_others(path: Path, root: Path) -> bool:
    """Tell whether others may walk from the root of a mind to a file in it, and read or write it there."""
    folders = [root, *(folder for folder in path.parents if root in folder.parents)]
    return bool(path.stat().st_mode & 0o066) and all(folder.stat().st_mode & 0o011 for folder in folders)


def test_a_folder_that_was_there_and_empty_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "mind").mkdir(mode=0o777)
    (tmp_path / "mind").chmod(0o777)
    run("import thoughtengine as te; te.open('mind').close()", tmp_path)
    assert (tmp_path / "mind").stat().st_mode & 0o777 == 0o700


def test_nothing_is_said_unless_asked(tmp_path: Path) -> None:
    assert run(LIFE, tmp_path) == []


def test_a_mind_that_is_never_closed_loses_nothing_and_holds_up_nobody(tmp_path: Path) -> None:
    code = """
import thoughtengine as te
mind = te.open("mind")
mind.events.subscribe("*", lambda event: None)
mind.remember("tea")
print(len(mind))
"""
    assert run(code, tmp_path) == ["1"]
    assert run("import thoughtengine as te; print(len(te.open('mind')), te.open)", tmp_path)[0].startswith("1 ")


def test_it_works_as_well_without_asserts(tmp_path: Path) -> None:
    code = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-OO', '-c', {LIFE!r}]).returncode)"
    assert run(code, tmp_path) == []
