"""The `git` program, run so that no setting of a foreign repository starts a program, asks, or uses a network."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

from thoughtengine.adapters.intake import CHUNK_BYTES
from thoughtengine.errors import ImportFormatError

__all__ = ["git", "tokens"]

_SETTINGS = ("core.quotePath=false", "core.fsmonitor=false", "i18n.logOutputEncoding=UTF-8", "color.ui=false")
_ELSEWHERE = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE",
        "GIT_EXTERNAL_DIFF",
    }
)
"""What would turn `git` to another repository than the one asked for, as inside one of its own hooks."""
_MANNERS = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}


def git(folder: Path, *arguments: str) -> str:
    """Run `git` in a folder and give what it prints, without the last line end.

    Raises
    ------
    ImportFormatError
        Where `git` is missing or fails, with what it said.
    """
    with tempfile.TemporaryFile() as complaints, _start(folder, arguments, complaints) as process:
        said, _ = process.communicate()
        _judge(folder, process, complaints)
    return said.decode("utf-8", "replace").removesuffix("\n")


def tokens(folder: Path, *arguments: str) -> Generator[str, None, None]:
    """Run `git` in a folder and yield what it prints between NUL bytes, as it comes.

    Raises
    ------
    ImportFormatError
        Where `git` is missing or fails, with what it said.
    """
    with tempfile.TemporaryFile() as complaints, _start(folder, arguments, complaints) as process:
        try:
            yield from _split(process.stdout)
            process.wait()
            _judge(folder, process, complaints)
        finally:
            process.kill()


def _split(stream: IO[bytes] | None) -> Iterator[str]:
    held = b""
    while stream is not None and (data := stream.read1(CHUNK_BYTES)):  # type: ignore[attr-defined]
        *whole, held = (held + data).split(b"\0")
        for token in whole:
            yield token.decode("utf-8", "replace")


def _start(folder: Path, arguments: tuple[str, ...], complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    try:
        return subprocess.Popen(
            ["git", "--no-pager", *settings, "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=kept | _MANNERS,
        )
    except OSError as error:
        missing = "the program git is not installed or cannot be run: install it, or import files instead"
        raise ImportFormatError(folder, None, f"{missing} ({error})") from error


def _judge(folder: Path, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
    if process.returncode:
        complaints.seek(0)
        said = complaints.read(2000).decode("utf-8", "replace").strip() or f"exit code {process.returncode}"
        raise ImportFormatError(folder, None, f"git says: {said}")
