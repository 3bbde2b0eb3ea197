"""Importers: foreign files and folders as streams of experiences, one module per form."""

from __future__ import annotations

import datetime as dt
import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from thoughtengine.errors import InvalidArgumentError

if TYPE_CHECKING:
    from thoughtengine._types import Progress
    from thoughtengine.adapters import export
    from thoughtengine.memory.experience import Experience
from thoughtengine.memory.moment import zone_of

__all__ = ["FORMS", "detect", "export", "read"]

FORMS = {
    "jsonl": "one JSON object a line, with the fields of an experience",
    "export": "what `thoughtengine export` wrote",
    "conversation": "a JSON object whose `turns` hold text, source and time",
    "journal": "Markdown or plain text with dates; or a folder of such files",
    "whatsapp": "a chat as text: stamp, name and message",
    "telegram": "the result.json of Telegram's export",
    "slack": "the folder of Slack's export",
    "chatgpt": "the conversations.json of ChatGPT's export",
    "messages": "any JSON list of messages with role, text and time",
    "documents": "a folder of Markdown, reStructuredText and text, or one such file",
    "git": "the history of a Git repository",
}
"""The forms that can be read, by name, with what they are."""


def read(
    path: str | os.PathLike[str],
    *,
    form: str | None = None,
    timezone: str | dt.tzinfo | None = None,
    day_first: bool | None = None,
    progress: Progress | None = None,
) -> Iterator[Experience]:
    """Read a foreign file or folder as experiences, one by one.

    Parameters
    ----------
    path : path
        The file or folder.
    form : str, optional
        One of `FORMS`; without it the file is looked at.
    timezone : str or tzinfo, optional
        Zone of the stamps that carry none, such as "Europe/Berlin". Default: the zone of this machine.
    day_first : bool, optional
        Whether 05/03/2024 is the fifth of March. Default: as the file itself proves; else it is an error.
    progress : callable, optional
        Told how far the reading has come: ``progress(what, done, total)``.

    Raises
    ------
    InvalidArgumentError
        For a path that is not there, and a form or zone that nobody knows.
    ImportFormatError
        Where the file is not of its form, with the place.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "notes.jsonl")
    ...     _ = file.write_text('{"text": "Tea only now.", "source": "Dana"}', encoding="utf-8")
    ...     [experience.source for experience in read(file)]
    ['Dana']
    """
    from thoughtengine.adapters.intake import Reading, quiet

    place = _existing(path)
    name = detect(place) if form is None else form
    if name not in FORMS:
        raise InvalidArgumentError("form", name, f"one of {', '.join(FORMS)}")
    if name == "export":
        raise InvalidArgumentError("form", name, "a form of experiences; for an export use adapters.export.restore")
    reading = Reading(timezone=zone_of(timezone), day_first=day_first, progress=progress or quiet)
    return _reader(name)(place, reading)


def detect(path: str | os.PathLike[str]) -> str:
    """Tell the form of a file or folder by looking at it.

    Returns
    -------
    str
        One of `FORMS`.

    Raises
    ------
    InvalidArgumentError
        Where it cannot be told; the message names the forms and how to say one.
    ImportFormatError
        For a file that is empty, and one that is no text in UTF-8.
    """
    from thoughtengine.adapters.detection import form_of

    place = _existing(path)
    if (found := form_of(place)) is not None:
        return found
    known = ", ".join(FORMS)
    raise InvalidArgumentError(
        "path", str(path), f"a file or folder of a known form; say which with --form NAME (form=NAME), one of {known}"
    )


def _existing(path: str | os.PathLike[str]) -> Path:
    place = Path(path)
    if not place.exists():
        raise InvalidArgumentError("path", str(path), "a file or folder that is there")
    if not place.is_dir() and not place.is_file():
        raise InvalidArgumentError("path", str(path), "a regular file or a folder, for it is read more than once")
    return place


def _reader(name: str) -> Callable[..., Iterator[Experience]]:
    """Load the module of a form; a folder of journals is read file by file."""
    if name in ("git", "documents"):
        from thoughtengine.adapters import repository

        told = repository.commits if name == "git" else repository.documents
        return lambda path, reading: told(path, reading=reading)
    module = importlib.import_module(f"thoughtengine.adapters.{name}")
    function: Callable[..., Iterator[Experience]] = module.read
    return function


def __getattr__(name: str) -> ModuleType:
    if name == "export":  # named in the documentation, and too much to load for whoever reads a foreign file
        return importlib.import_module("thoughtengine.adapters.export")
    raise AttributeError(f"module 'thoughtengine.adapters' has no attribute {name!r}")
