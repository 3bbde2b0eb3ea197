"""Our own export: every memory as a line of JSON, written and taken back without loss."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from thoughtengine._types import Progress
from thoughtengine.adapters.intake import Reading, quiet
from thoughtengine.adapters.jsonl import experience_of, rows, tree_to_json
from thoughtengine.config import Limits
from thoughtengine.errors import BatchError, ImportFormatError, ThoughtEngineError
from thoughtengine.memory.experience import Experience

if TYPE_CHECKING:
    from thoughtengine.engine import ThoughtEngine

__all__ = ["restore", "write"]

_BATCH = Limits().batch
_STANDING = ("id", "supersedes", "derived_from", "pinned", "forgotten")


def write(rows: Iterable[Mapping[str, Any]], file: TextIO) -> int:
    """Write the rows of `ThoughtEngine.export`, one line of JSON each.

    Bytes in payloads become ``{"$bytes": base64}``; floats keep every bit.

    Returns
    -------
    int
        The number of rows.
    """
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    n = 0
    for row in rows:
        file.write(encode({**row, "payload": tree_to_json(row["payload"])}) + "\n")
        n += 1
    return n


def restore(mind: ThoughtEngine, path: Path, *, progress: Progress = quiet) -> int:
    """Take an export into a mind: memories in order, then revisions, pins and what was forgotten.

    Ids are given anew, and every reference between memories follows; into an empty mind they stay the same where
    nothing had been erased.

    Parameters
    ----------
    mind : ThoughtEngine
        Takes them in.
    path : pathlib.Path
        The export.
    progress : callable, optional
        Told the bytes read.

    Returns
    -------
    int
        The number of rows taken in.

    Raises
    ------
    ImportFormatError
        For a line that is not a row of an export, with its number; what stands before it may be in the mind.
    """
    taking = _Taking(mind, path)
    n = 0
    for number, row in rows(path, Reading(progress=progress)):
        taking.row(number, row)
        n += 1
    taking.end()
    return n


class _Taking:
    """Old ids and new ones while rows are taken in."""

    def __init__(self, mind: ThoughtEngine, path: Path) -> None:
        self._mind, self._path = mind, path
        self._ids: dict[int, int] = {}
        self._named: dict[str, int] = {}
        self._waiting: list[tuple[int, int, Experience]] = []
        self._pinned: list[int] = []
        self._forgotten: dict[int, None] = {}

    def row(self, number: int, row: dict[str, Any]) -> None:
        """Take a row in, at once where it follows from an earlier one, else with its batch."""
        where = f"line {number:,}"
        old, supersedes = row.get("id"), row.get("supersedes")
        if type(old) is not int or not isinstance(row.get("derived_from"), list):
            raise ImportFormatError(self._path, where, "expected a row of an export, with id and derived_from")
        try:
            experience, _ = experience_of({k: v for k, v in row.items() if k not in _STANDING}, Reading())
        except ValueError as error:
            raise ImportFormatError(self._path, where, str(error)) from error
        if row["derived_from"] or supersedes in self._ids or experience.key in self._named or len(self._waiting) >= _BATCH:
            self._flush()
        self._waiting.append((number, old, experience))
        ...
