"""What the demo remembers: a file, the history of a repository, or a folder's documents, whatever is really there."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from thoughtengine.errors import ImportFormatError, InvalidArgumentError, ThoughtEngineError
from thoughtengine.memory.experience import Experience
from thoughtengine.wording import counted

__all__ = ["MOST", "SHORT", "Asked", "Material", "gather"]

SHORT = 30
"""Commits below which a history is called short, and the documents are read too."""

MOST = 4_000
"""Experiences at most: the demo is to take seconds, whatever it is given."""

_READING_SECONDS = 6.0
_MOST_CHARACTERS = 2 << 20


@attrs.frozen
class Asked:
    """A question that the material itself brings, with the experiences that answer it.

    Attributes
    ----------
    text : str
        The question.
    evidence : frozenset of int
        Positions in `Material.experiences`.
    """

    text: str
    evidence: frozenset[int]


@attrs.frozen(kw_only=True)
class Material:
    """The experiences of a run of the demo, and where they come from.

    Attributes
    ----------
    what : str
        A few words: "the history of the Git repository …".
    kind : str
        "history", "documents", "history and documents", or the form of a file.
    origin : pathlib.Path
        The file or folder.
    experiences : tuple of Experience
        As they were read, the earlier the nearer to the front.
    asked : tuple of Asked
        Questions with their evidence, for a conversation file that has some.
    notes : tuple of str
        What was left out, and why the documents were read.
    seconds : float
        Time it took to read.
    """

    what: str
    kind: str
    origin: Path
    experiences: tuple[Experience, ...]
    asked: tuple[Asked, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @functools.cached_property
    def texts(self) -> tuple[str, ...]:
        """The text of each experience; "" where there is none."""
        return tuple(e.text or "" for e in self.experiences)

    @functools.cached_property
    def days(self) -> tuple[dt.datetime | None, ...]:
        """When each experience happened, aware."""
        return tuple(dt.datetime.fromisoformat(e.at) if isinstance(e.at, str) else e.at for e in self.experiences)

    @functools.cached_property
    def commits(self) -> tuple[int, ...]:
        """The positions of those that are commits."""
        return tuple(i for i, e in enumerate(self.experiences) if e.key is not None and e.key.startswith("commit:"))


def gather(origin: Path | None, *, here: Path | None = None) -> Material:
    """Read what there is to remember.

    Parameters
    ----------
    origin : pathlib.Path or None
        A file or folder that the caller named; None looks around.
    here : pathlib.Path, optional
        Where to look around. Default: the current folder.

    Returns
    -------
    Material
        At least one experience, at most `MOST`.

    Raises
    ------
    InvalidArgumentError
        When the named file or folder is not there, or holds nothing that can be read.
    """
    start = time.monotonic()
    if origin is None:
        found: Material | None = _look_around(Path.cwd() if here is None else here)
    elif not origin.exists():
        raise InvalidArgumentError("--from", str(origin), "a file or folder that exists")
    else:
        found = _file(origin) if origin.is_file() or _is_export(origin) else _folder(origin)
    if found is None:
        raise InvalidArgumentError(
            "--from", str(origin), "a Git repository with commits, or documents (.md, .rst, .txt) to read"
        )
    return attrs.evolve(found, seconds=time.monotonic() - start)


def _look_around(here: Path) -> Material:
    """Take the repository we stand in, else the project's own, else documents here or there, else Python's own."""
    checkout = Path(__file__).resolve().parents[3]
    ours = [checkout] if (checkout / "src" / "thoughtengine").is_dir() else []
    above = _repository_above(here)
    for folder in ([above] if above else []) + ours + ([here] if _is_modest(here) else []):
        if (found := _folder(folder)) is not None:
            return found
    return _of_python()


def _is_export(folder: Path) -> bool:
    """Tell whether a folder is a chat's export or a journal, by what lies in it."""
    from thoughtengine import adapters

    try:
        return adapters.detect(folder) in {"slack", "journal"}
    except InvalidArgumentError:
        return False


def _repository_above(folder: Path) -> Path | None:
    return next((p for p in (folder, *folder.parents) if (p / ".git").exists()), None)


def _is_modest(folder: Path) -> bool:
    """Tell whether a folder is small enough to walk unasked; a home folder is nobody's project."""
    entries = (name for _, folders, files in os.walk(folder) for name in (*folders, *files))
    return next(itertools.islice(entries, 5_000, None), None) is None


def _folder(folder: Path) -> Material | None:
    """Read a folder: its history, and its documents where that is short or absent; None where there is neither."""
    commits, why = _history(folder)
    notes = [why] if why else []
    n_read, commits = len(commits), _latest(commits)
    if n_read >= MOST or len(commits) < n_read:
        notes.append(f"only the latest {counted(len(commits), 'commit')}, to keep the demo short")
    if len(commits) >= SHORT:
        return _material("history", f"the history of the Git repository {_name(folder)}", folder, commits, notes)
    if commits:
        notes.append(f"a short history ({counted(len(commits), 'commit')}), so the documents are read too")
    documents = _in_time(_documents(folder), notes)
    if not commits and not documents:
        return None
    kind = "history and documents" if commits and documents else "history" if commits else "documents"
    parts = ["the history"] * bool(commits) + ["the documents"] * bool(documents)
    what = f"{' and '.join(parts)} of {'the Git repository ' if commits else ''}{_name(folder)}"
    return _material(kind, what, folder, [*_by_time(documents), *commits], notes)


def _history(folder: Path) -> tuple[list[Experience], str]:
    """Read the latest commits, oldest first; none, and why, where there is no history or no Git."""
    from thoughtengine.adapters import repository

    if shutil.which("git") is None:
        return [], "there is no git program on the PATH, so no history can be read"
    try:
        commits = list(repository.commits(folder, latest=MOST))
    except ThoughtEngineError as error:
        return [], f"no history: {str(error).splitlines()[0]}"
    return commits, ""


def _latest(commits: list[Experience]) -> list[Experience]:
    """Leave out the oldest where the messages are very long."""
    room = itertools.accumulate(len(c.text or "") for c in reversed(commits))
    n = sum(1 for _ in itertools.takewhile(lambda total: total <= _MOST_CHARACTERS, room))
    return commits[len(commits) - max(1, n) :]


def _documents(folder: Path) -> Iterator[Experience]:
    from thoughtengine.adapters import repository

    return repository.documents(folder)


def _file(path: Path) -> Material | None:
    """Read one file in whatever form it has."""
    from thoughtengine import adapters

    form = _form(path)
    notes: list[str] = []
    try:
        experiences = _in_time(adapters.read(path, form=form), notes)
    except ImportFormatError as error:
        if form != "journal" or not isinstance(error.where, str):
            raise
        form = "documents"  # the demo has no option to say what the dates mean
        notes.append(f"its dates cannot be read ({error.where}: `thoughtengine import` tells why), so it is a document")
        experiences = _in_time(adapters.read(path, form=form), notes)
    asked = _asked(path, len(experiences)) if form == "conversation" else ()
    if not experiences:
        return None
    if not asked:
        experiences = _by_time(experiences)
    return attrs.evolve(_material(form, f"the {form} file {path.name}", path, experiences, notes), asked=asked)


def _form(path: Path) -> str:
    """Tell the form of a file, or say what the demo can read."""
    from thoughtengine import adapters

    try:
        return adapters.detect(path)
    except ImportFormatError:
        raise
    except InvalidArgumentError as error:
        if path.suffix.lower() in (".zip", ".gz", ".tar", ".7z"):
            raise
        known = "a file that shows what it is: Markdown or text, a chat, a conversation, JSON lines"
        raise InvalidArgumentError("--from", str(path), known) from error


def _of_python() -> Material:
    """Read what is on every machine: the topics of Python's own help."""
    from pydoc_data import topics

    day = dt.datetime.fromtimestamp(os.stat(topics.__file__).st_mtime, tz=dt.UTC)
    sections = [
        Experience(text=part.strip(), at=day, source=f"help({name!r})", tags=(name,), episode=name)
        for name, text in topics.topics.items()
        for part in text.split("\n\n")
        if len(part.split()) >= 8
    ]
    notes = ["neither a repository nor documents here, so Python's own help is read"]
    return _material("documents", "the topics of Python's help", Path(topics.__file__), sections[:MOST], notes)


def _in_time(experiences: Iterable[Experience], notes: list[str]) -> list[Experience]:
    """Take the first ones, as many as there is time and room for."""
    taken: list[Experience] = []
    deadline, room = time.monotonic() + _READING_SECONDS, _MOST_CHARACTERS
    try:
        for experience in experiences:
            if len(taken) >= MOST or room < 0 or time.monotonic() > deadline:
                notes.append(f"only the first {len(taken):,}, to keep the demo short")
                break
            taken.append(experience)
            room -= len(experience.text or "")
    except ImportFormatError as error:
        if not taken:
            raise
        notes.append(f"reading stopped after {len(taken):,}: {error}")
    return taken


def _by_time(experiences: list[Experience]) -> list[Experience]:
    def instant(experience: Experience) -> float:
        at = dt.datetime.fromisoformat(experience.at) if isinstance(experience.at, str) else experience.at
        return at.timestamp() if at is not None else float("inf")

    return sorted(experiences, key=instant)


def _asked(path: Path, n: int) -> tuple[Asked, ...]:
    """Take the questions of a conversation file; one whose answer is not there (category 5) asks for nothing."""
    content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    position = {turn["id"]: i for i, turn in enumerate(content["turns"]) if i < n}
    found = (
        Asked(q["question"], frozenset(position[e] for e in q.get("evidence") or () if e in position))
        for q in content.get("questions") or ()
        if q.get("category") != 5
    )
    return tuple(asked for asked in found if asked.evidence)


def _material(kind: str, what: str, origin: Path, experiences: list[Experience], notes: list[str]) -> Material:
    return Material(kind=kind, what=what, origin=origin, experiences=tuple(experiences), notes=tuple(notes))


def _name(folder: Path) -> str:
    return folder.resolve().name or str(folder)
