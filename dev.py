"""Set this checkout up and run it; needs CPython 3.11 or newer and nothing else.

python3 dev.py demo  [...]   show the engine at work on real input (arguments: see `demo --help`)
python3 dev.py test  [...]   run the tests (arguments go to pytest; `--long` adds the long ones)
python3 dev.py check         style, types and direction of imports: ruff, mypy, import-linter
python3 dev.py bench [...]   run the benchmarks (arguments go to pytest)
python3 dev.py crash [...]   kill a child process at every file operation and look what is left
python3 dev.py lock  [...]   renew requirements/*.lock (arguments go to uv; `--upgrade` takes newer releases)

Everything it makes lies in `.venv` and `.uv` of the checkout; remove both to begin anew.
"""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

if sys.version_info < (3, 11):
    newer = [name for name in ("python3.13", "python3.12", "python3.11") if shutil.which(name)]
    remedy = f"run `{newer[0]} dev.py ...` instead" if newer else "install one and run dev.py with it"
    sys.exit(f"dev.py: Python {sys.version.split()[0]} is too old, 3.11 or newer is needed: {remedy}.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
SITE = VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
STAMP = VENV / "dev-stamp.json"
LOCKS = [ROOT / "requirements" / "test.lock", ROOT / "requirements" / "build.lock"]
TOOLS = ROOT / ".uv"
PROJECT = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
BASE_PYTHON: str = getattr(sys, "_base_executable", None) or sys.executable
CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy", "src/thoughtengine", "dev.py"],
    "import-linter": ["lint-imports", "--no-logo"],
}


class SetUpError(Exception):
    """Say why the checkout cannot be set up, and what to do about it."""


class NoPipError(SetUpError):
    """Say that this Python cannot make a virtual environment, so that neither uv nor pip helps."""


# ---------------------------------------------------------------------------------------------- commands


def demo(arguments: Sequence[str]) -> int:
    """Run the demonstration where the caller stands, so that relative paths mean what they say."""
    return run([environment_python(), "-P", "-m", "thoughtengine", "demo", *arguments], cwd=None)


def test(arguments: Sequence[str]) -> int:
    """Run the tests."""
    return run([environment_python(), "-m", "pytest", *arguments])


def check(arguments: Sequence[str]) -> int:
    """Run every checker, also after one has failed."""
    if arguments:
        raise SetUpError(f"check takes no arguments, was given: {' '.join(arguments)}")
    folder = Path(environment_python()).parent
    failed = []
    for name, (tool, *options) in CHECKS.items():
        print(f"== {name}", flush=True)
        if run([str(folder / tool), *options]):
            failed.append(name)
    print(f"== failed: {', '.join(failed)}" if failed else "== all checks are clean", flush=True)
    return 1 if failed else 0


def bench(arguments: Sequence[str]) -> int:
    """Run the benchmarks."""
    return run([environment_python(), "-m", "pytest", "benchmarks", *arguments])


def crash(arguments: Sequence[str]) -> int:
    """Run the whole crash matrix, of which the tests run a sample."""
    return run([environment_python(), "-m", "tests.crash.matrix", *arguments])


def lock(arguments: Sequence[str]) -> int:
    """Resolve the requirements anew for every Python and platform, with hashes and without host names."""
    options = ["--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
    options += ["--custom-compile-command", "python3 dev.py lock", *arguments]
    sources = {
        "test": ["pyproject.toml", "--group", "dev", "--extra", "cli", "--extra", "semantic"],
        "build": ["requirements/build.in", "--constraints", "requirements/test.lock"],
        "bootstrap": ["requirements/bootstrap.in"],
    }
    uv = find_uv()
    for name, source in sources.items():
        set_up([uv, "pip", "compile", *options, *source, "--output-file", f"requirements/{name}.lock"])
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": demo,
    "test": test,
    "check": check,
    "bench": bench,
    "crash": crash,
    "lock": lock,
}


# ---------------------------------------------------------------------------------------------- the environment


def environment_python() -> str:
    """Return the environment's interpreter; make the environment first where it is absent, stale or broken."""
    if not is_current():
        with alone():
            if not is_current():
                build()
    return str(PYTHON)


def is_current() -> bool:
    """Tell whether `.venv` was finished by this Python, from these locks, in this folder, and is still whole."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        whole = PYTHON.exists() and all((SITE / name).exists() for name in stamp["packages"])
        return whole and bool(stamp["key"] == stamp_key())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def stamp_key() -> str:
    """Digest everything that `.venv` is made from."""
    parts = [os.fsencode(text) for text in (str(ROOT), sys.base_prefix, sys.version)]
    parts += [path.read_bytes() for path in (*LOCKS, ROOT / "pyproject.toml")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def build() -> None:
    """Make `.venv` from nothing; the stamp comes last, so that one made half-way is never taken for a whole one."""
    say(f"setting up .venv with Python {sys.version.split()[0]} (once, about half a minute)")
    remove(VENV)
    make_venv(VENV, "--without-pip")
    try:
        install_with_uv()
    except NoPipError:
        raise
    except SetUpError as error:
        say(f"{error}\nuv is of no use here, going on with pip")
        install_with_pip()
    packages = sorted(path.name for path in SITE.iterdir() if path.name != "__pycache__")
    STAMP.write_text(json.dumps({"key": stamp_key(), "packages": packages}), encoding="utf-8")


def install_with_uv() -> None:
    """Install what is locked and nothing else, then the project itself in place."""
    pip = [find_uv(), "pip"]
    target = ["--python", str(PYTHON)]
    # Compiled here and now: where PYTHONDONTWRITEBYTECODE is set, every later start would compile it all again.
    set_up([*pip, "sync", *target, "--compile-bytecode", "--require-hashes", *map(str, LOCKS)])
    set_up([*pip, "install", *target, *PROJECT])


def install_with_pip() -> None:
    """Do the same with pip, which has an index and certificates of its own to go by."""
    pip = [str(make_tools()), "-I", "-m", "pip", "--python", str(PYTHON), "install"]
    set_up([*pip, "--require-hashes", *(f"--requirement={path}" for path in LOCKS)])
    set_up([*pip, *PROJECT])


def find_uv() -> str:
    """Return a uv that runs: the one on PATH, else a private one in `.uv`, installed there on first use."""
    private = str(TOOLS / "bin" / "uv")
    for candidate in (shutil.which("uv"), private):
        if candidate and answers([candidate, "--version"]):
            return candidate
    bootstrap = ROOT / "requirements" / "bootstrap.lock"
    set_up(
        [str(make_tools()), "-I", "-m", "pip", "install", "--quiet", "--require-hashes", f"--requirement={bootstrap}"]
    )
    return private


def make_tools() -> Path:
    """Return the interpreter of `.uv`, which has pip and later uv; make it anew unless its pip runs."""
    python = TOOLS / "bin" / "python"
    if not answers([str(python), "-I", "-m", "pip", "--version"]):
        remove(TOOLS)
        make_venv(TOOLS)
    return python


def make_venv(folder: Path, *options: str) -> None:
    """Make a virtual environment, or say which part of Python is missing for it."""
    needed = ["venv"] if "--without-pip" in options else ["venv", "ensurepip"]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise NoPipError(
            f"this Python ({BASE_PYTHON}) has no module {missing[0]}, which makes {folder.name}: on Debian and Ubuntu "
            f"`apt install python3-venv` brings it; or put uv on PATH, or run dev.py with another Python"
        )
    set_up([BASE_PYTHON, "-I", "-m", "venv", *options, str(folder)])


@contextmanager
def alone() -> Iterator[None]:
    """Keep a second dev.py of this checkout waiting while the first makes the environment."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


# ---------------------------------------------------------------------------------------------- processes


def run(command: Sequence[str], *, cwd: Path | None = ROOT) -> int:
    """Run a command in the foreground and return its exit code as a shell would give it."""
    process = subprocess.Popen(command, cwd=cwd, stdin=None if sys.stdin else subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        code = process.wait()
    except KeyboardInterrupt:
        finish(process)
        raise
    return code if code >= 0 else 128 - code


def finish(process: subprocess.Popen[bytes]) -> None:
    """Let an interrupted process, which has had the terminal's Ctrl-C too, end in its own way, but not for ever."""
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def set_up(command: Sequence[str]) -> None:
    """Run a step of the set-up, its output on standard error, and raise `SetUpError` when it fails."""
    environment = installer_environment()
    code = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    ).returncode
    if code:
        raise SetUpError(f"this step of the set-up ended with exit code {code}: {' '.join(command)}")


def answers(command: Sequence[str]) -> bool:
    """Tell whether a command can be run and succeeds."""
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def installer_environment() -> dict[str, str]:
    """Return the environment for uv and pip: the user's index and certificates stay, what points elsewhere goes."""
    elsewhere = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "UV_SYSTEM_PYTHON", "UV_TARGET"}
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
    environment |= {"UV_PYTHON_DOWNLOADS": "never", "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if not can_write(Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))):
        environment.setdefault("UV_CACHE_DIR", str(TOOLS / "cache"))
        environment.setdefault("PIP_NO_CACHE_DIR", "1")
    return environment


def can_write(folder: Path) -> bool:
    """Tell whether a folder can be written or made; where nobody knows the home, `~` has stayed as it is."""
    existing = next((path for path in (folder, *folder.parents) if path.exists()), None)
    return folder.is_absolute() and existing is not None and os.access(existing, os.W_OK | os.X_OK)


def remove(path: Path) -> None:
    """Remove a folder, or the link or file that stands in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def say(text: str) -> None:
    """Tell the user, on standard error."""
    print(f"dev.py: {text}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run the named command; give 2 for wrong usage, 1 when the set-up fails, 130 after Ctrl-C, else its own code."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if not arguments or arguments[0] not in COMMANDS:
        say(f"no such command: {arguments[0]}\n\n{__doc__}" if arguments else f"which command?\n\n{__doc__}")
        return 2
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except KeyboardInterrupt:
        return 130
    except (SetUpError, OSError) as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
