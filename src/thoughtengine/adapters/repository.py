"""A Git repository: its history, one experience per commit, and a folder's documents, one per section."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
from collections.abc import Iterator
from pathlib import Path

from thoughtengine.adapters.git import git, tokens
from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.sections import DOCUMENTS, Section, sections
from thoughtengine.config import Limits
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

__all__ = ["commits", "count", "documents"]

_FIELDS = ("%H", "%an", "%at", "%aI", "%B")
_FORMAT = "--format=tformat:%x00" + "%x00".join(_FIELDS) + "%x00"
_LOG = ("log", "--reverse", "-z", "--name-only", "--no-renames", "--no-relative", "--no-show-signature", _FORMAT)
_DATES = ("log", "-z", "--name-only", "--no-renames", "--relative", "--no-show-signature", "--format=%x00%aI%x00%at")
_FOREIGN = ("node_modules", "venv", "site-packages")
_LATEST_SECONDS = 253_402_300_799  # the end of the year 9999
_LIMITS = Limits()


def commits(
    path: str | os.PathLike[str], *, latest: int | None = None, reading: Reading | None = None
) -> Iterator[Experience]:
    """Tell the history of a repository, oldest commit first.

    A commit's message becomes the text, its author the source, its date keeps its offset, the changed files become
    tags (at most as many as a memory may have), and ``commit:<sha>`` the key, so that a second import adds only what
    is new. Of a merge no files are told.

    Parameters
    ----------
    path : path
        The repository, a folder in it, or a bare one.
    latest : int, optional
        Only so many, the newest ones.
    reading : Reading, optional
        Who hears of the progress.

    Raises
    ------
    ImportFormatError
        Where there is no `git`, no repository, no commit, or a shallow clone (its oldest commits would tell of
        changes that they did not make).
    """
    folder, reading = Path(path), reading or Reading()
    total = count(folder)
    if git(folder, "rev-parse", "--is-shallow-repository") == "true":
        raise ImportFormatError(
            folder, None, "a shallow clone holds only the end of its history: run `git fetch --unshallow` first"
        )
    total = total if latest is None else min(total, latest)
    for number, (fields, files) in enumerate(_records(folder, total), start=1):
        yield _commit(fields, files)
        if number % 64 == 0 or number == total:
            reading.progress("reading the history", number, total)


def count(path: str | os.PathLike[str]) -> int:
    """Count the commits of a repository's history.

    Raises
    ------
    ImportFormatError
        Where there is no `git`, no repository, or no commit.
    """
    folder = Path(path)
    git(folder, "rev-parse", "--git-dir")
    try:
        return int(git(folder, "rev-list", "--count", "HEAD", "--"))
    except ImportFormatError as error:
        raise ImportFormatError(folder, None, "the repository has no commit yet: commit first") from error


def _records(folder: Path, n: int) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the fields and the files of each commit; an empty token ends the files, for no file has an empty name."""
    found = tokens(folder, *_LOG, f"--max-count={n}", "HEAD", "--")
    next(found, "")
    while fields := [token for _, token in zip(_FIELDS, found, strict=False)]:
        next(found, "")
        yield fields, list(iter(lambda: next(found, ""), ""))


def _commit(fields: list[str], files: list[str]) -> Experience:
    sha, author, seconds, written, message = fields
    names = [file.removeprefix("\n") for file in files[:1]] + files[1:]  # git puts a line end before the first
    names = [name for name in names if name.strip() and len(name.encode()) <= _LIMITS.name_bytes]
    return Experience(
        text=message.strip() or None,
        key=f"commit:{sha}",
        at=_moment(written, seconds),
        source=author.strip().encode()[: _LIMITS.name_bytes].decode(errors="ignore") or None,
        tags=tuple(names[: _LIMITS.tags]),
        payload={"commit": sha, "files": len(files)},
    )


def _moment(written: str, seconds: str) -> dt.datetime:
    """Read the author's date; real histories hold offsets of fifty hours and years that no calendar has."""
    try:
        return dt.datetime.fromisoformat(written)
    except ValueError:
        known = int(seconds) if re.fullmatch(r"\d{1,18}", seconds) else 0
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=min(known, _LATEST_SECONDS))


def documents(path: str | os.PathLike[str], *, reading: Reading | None = None) -> Iterator[Experience]:
    """Tell the Markdown, reStructuredText and text documents of a folder, one experience per section.

    The headings above a section become its tags, the file its source and episode, and the file's last commit (else
    its last change) its date. The key is made of file and headings, so a second import revises what has changed.

    Parameters
    ----------
    path : path
        A folder, walked without hidden folders and what the repository ignores; or one document.
    reading : Reading, optional
        The zone of the dates, and who hears of the progress.

    Raises
    ------
    ImportFormatError
        For a document that is no UTF-8.
    """
    root, reading = Path(path), reading or Reading()
    files = [root] if root.is_file() else sorted(_documents(root))
    dates = _committed(root if root.is_dir() else root.parent, {str(f.relative_to(root)) for f in files if f != root})
    for number, file in enumerate(files, start=1):
        name = file.name if file == root else file.relative_to(root).as_posix()
        at = dates.get(name) or reading.instant(file.stat().st_mtime_ns // 1000)
        seen: dict[str, int] = {}
        for section in sections(file, reading):
            yield _document(name, section, at, seen)
        reading.progress("reading documents", number, len(files))


def _documents(root: Path) -> Iterator[Path]:
    """Yield the documents below a folder: what the repository knows or does not ignore, else all that is not hidden."""
    try:
        listed = list(tokens(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"))
    except ImportFormatError:
        listed = [str(file.relative_to(root)) for file in _walk(root)]
    for name in dict.fromkeys(listed):
        file = root / name
        if file.suffix.lower() in DOCUMENTS and file.is_file() and not file.is_symlink():
            yield file


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _FOREIGN)
        yield from (Path(folder, name) for name in files if not name.startswith("."))


def _committed(root: Path, names: set[str]) -> dict[str, dt.datetime]:
    """Tell when each file was last committed, by one walk back through the history that ends when all are found."""
    dates: dict[str, dt.datetime] = {}
    at = dt.datetime.now(dt.UTC)
    found = tokens(root, *_DATES, "HEAD", "--", ".")
    with contextlib.suppress(ImportFormatError):  # no repository: every file tells its own date
        while len(dates) < len(names) and (token := next(found, None)) is not None:
            if not token:
                at = _moment(next(found, ""), next(found, ""))
            elif (name := token.removeprefix("\n")) in names:
                dates.setdefault(name, at)
    found.close()
    return dates


def _document(name: str, section: Section, at: dt.datetime, seen: dict[str, int]) -> Experience:
    place = " > ".join(section.headings)
    seen[place] = seen.get(place, 0) + 1
    key = f"document:{name}#{place}" + (f" ({seen[place]})" if seen[place] > 1 else "")
    tags = tuple(heading for heading in section.headings if len(heading.encode()) <= _LIMITS.name_bytes)
    return Experience(
        text=section.text,
        key=key if len(key.encode()) <= _LIMITS.name_bytes else None,
        at=at,
        source=name,
        tags=tags[: _LIMITS.tags],
        episode=name,
    )
