"""Build the preloaded recorder, run something under it up to a chosen file operation, and read what it logged."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

SOURCE = Path(__file__).with_name("recorder.c")
REPOSITORY = SOURCE.parents[2]
CONTENT_OPERATIONS = frozenset({"write", "torn", "truncate", "allocate"})
NAME_OPERATIONS = frozenset({"create", "stream", "mkdir", "link", "rename", "unlink", "rmdir"})
PATIENCE_SECONDS = 60.0


class RecorderError(RuntimeError):
    """The recorder could not be built or run, or something happened that it cannot follow."""


@dataclass(frozen=True, slots=True)
class Event:
    """One logged operation; `n` counts from 1, and `stream`, `mapped` and an implied `sync` bear the last number."""

    n: int
    op: str
    inode: int
    start: int
    length: int
    size: int
    kept: bool
    failed: int
    path: str
    second: str

    @classmethod
    def parse(cls, line: str) -> Event:
        """Read one line of the log."""
        n, op, inode, start, length, size, kept, failed, path, second = line.rstrip("\n").split("\t")
        names = (unquote(name, errors="surrogateescape") for name in (path, second))
        return cls(int(n), op, int(inode), int(start), int(length), int(size), kept == "1", int(failed), *names)


@dataclass(frozen=True, slots=True)
class Recording:
    """What one run did below its root, and how it ended."""

    root: Path
    scratch: Path
    events: tuple[Event, ...]
    returncode: int
    output: str

    @property
    def killed(self) -> bool:
        """Tell whether the run was killed, as at a crash point."""
        return self.returncode == -signal.SIGKILL

    @property
    def n_operations(self) -> int:
        """Count the operations that were performed, a half one included."""
        return max((event.n for event in self.events), default=0)

    @property
    def escapes(self) -> tuple[str, ...]:
        """Name what the recorder saw but cannot follow: streams other than LevelDB's own log, mappings, crossings."""
        streams = {"LOG", "LOG.old"}
        return tuple(
            f"{event.op} {event.path}"
            for event in self.events
            if event.op in {"mapped", "crossing"} or (event.op == "stream" and Path(event.path).name not in streams)
        )

    def kept(self, n: int) -> Path:
        """Give the file that holds what operation `n` destroyed."""
        return self.scratch / "keep" / str(n)


def find_compiler() -> str | None:
    """Find a C compiler; None on a system other than Linux too, where preloading works otherwise or not at all."""
    if not sys.platform.startswith("linux"):
        return None
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


@lru_cache(maxsize=1)
def build() -> Path:
    """Compile the recorder, once for each text of its source.

    Raises
    ------
    RecorderError
        No compiler was found, or it refused.
    """
    compiler = find_compiler()
    if compiler is None:
        raise RecorderError("the crash recorder needs Linux and a C compiler (cc, gcc or clang) on the PATH")
    folder = Path(tempfile.gettempdir()) / f"thoughtengine-recorder-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise RecorderError(f"{folder} belongs to someone else: remove it, or set TMPDIR to a folder of yours")
    library = folder / f"{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    if not library.exists():
        _compile(compiler, library)
    return library


def _compile(compiler: str, library: Path) -> None:
    part = library.with_suffix(f".{os.getpid()}")
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC"]
    command = [compiler, *flags, "-o", str(part), str(SOURCE), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RecorderError(f"{' '.join(command)} failed:\n{done.stderr}")
    part.rename(library)


def preloading() -> dict[str, str]:
    """Give the environment under which a child loads the recorder, asleep, and can import this repository."""
    paths = [str(REPOSITORY), *(path for path in sys.path if path)]
    return {**os.environ, "LD_PRELOAD": str(build()), "PYTHONPATH": os.pathsep.join(paths)}


def waking(root: Path, scratch: Path, *, at: int | None, torn: bool) -> dict[str, str]:
    """Give the variables that wake the recorder, and make its folders."""
    (scratch / "keep").mkdir(parents=True, exist_ok=True)
    root.mkdir(parents=True, exist_ok=True)
    if scratch.resolve().is_relative_to(root.resolve()):
        raise RecorderError(f"the scratch folder {scratch} lies below the recorded root {root}: put it outside")
    woken = {"TE_CRASH_ROOT": str(root), "TE_CRASH_LOG": str(scratch / "log"), "TE_CRASH_KEEP": str(scratch / "keep")}
    return {**woken, "TE_CRASH_AT": str(at or 0), "TE_CRASH_TORN": str(int(torn))}


def run(
    command: Sequence[str],
    *,
    root: Path,
    scratch: Path,
    at: int | None = None,
    torn: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Recording:
    """Run a command under the recorder, in a session of its own.

    Parameters
    ----------
    command
        Program and arguments.
    root
        Folder whose operations are counted.
    scratch
        Fresh folder outside the root, on the same file system, for the log and what has to be kept.
    at
        Operation, from 1, at which it is killed; None: never.
    torn
        Do the first half of that operation, if it writes.
    environment
        Further variables.
    """
    variables = {**preloading(), **waking(root, scratch, at=at, torn=torn), **(environment or {})}
    done = subprocess.run(
        list(command), env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        stdin=subprocess.DEVNULL, start_new_session=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    return Recording(root, scratch, read_log(scratch), done.returncode, done.stdout)


def fork(
    function: Callable[[], None], *, root: Path, scratch: Path, at: int | None = None, torn: bool = False
) -> Recording:
    """Run a function under the recorder in a forked child of this process, which must have been preloaded.

    A fork spares the start of an interpreter and its imports, some thirty times what a crash point costs otherwise.
    Parameters are those of `run`.

    Raises
    ------
    RecorderError
        This process does not have the recorder in it: start it with the environment of `preloading()`.
    """
    begin = getattr(ctypes.CDLL(None), "te_crash_begin", None)
    if begin is None:
        raise RecorderError("this process was started without the recorder: start it with preloading()")
    woken = waking(root, scratch, at=at, torn=torn)

    def recorded() -> None:
        os.environ.update(woken)
        if begin():
            raise RecorderError(f"the recorder did not begin with {woken}")
        function()

    status, output = apart(recorded, scratch / "output")
    return Recording(root, scratch, read_log(scratch), status, output)


def apart(function: Callable[[], None], output: Path) -> tuple[int, str]:
    """Run a function in a forked child in a session of its own; give its exit status and what it printed."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _child(function, output)
    return _wait(child), output.read_text(errors="replace") if output.exists() else ""


def _child(function: Callable[[], None], output: Path) -> None:
    status = 1
    try:
        os.setsid()
        target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(target, 1)
        os.dup2(target, 2)
        function()
        status = 0
    except BaseException:  # noqa: BLE001 - it is printed, and the status tells
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(child: int) -> int:
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.001
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise RecorderError(f"the child did not end within {PATIENCE_SECONDS:.0f} seconds and was killed")


def read_log(scratch: Path) -> tuple[Event, ...]:
    """Read the log of a run; empty if nothing happened below its root."""
    log = scratch / "log"
    if not log.exists():
        return ()
    lines = log.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    return tuple(map(Event.parse, lines[:-1]))
