"""Our own export: every memory as a line of JSON, written and taken back without loss."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import attrs
import numpy as np

from thoughtengine._types import Progress
from thoughtengine.adapters import jsonl
from thoughtengine.adapters.intake import Reading, quiet
from thoughtengine.adapters.jsonl import experience_of, tree_to_json
from thoughtengine.config import Limits
from thoughtengine.errors import BatchError, ImportFormatError, InvalidArgumentError, MemoryNotFoundError
from thoughtengine.memory.experience import Experience
from thoughtengine.memory.moment import to_stored

if TYPE_CHECKING:
    from thoughtengine.engine import ThoughtEngine

__all__ = ["restore", "write"]

_log = logging.getLogger("thoughtengine.adapters")
_BATCH = Limits().batch
_CONTENT = jsonl.FIELDS.keys() - {"label", "derived_from"}
_ENDS = re.compile("[\x85\u2028\u2029]")  # line ends to Python and JavaScript, not to JSON
_SAID = sorted(_CONTENT | {"derived_from"})
_STANDING = frozenset({"id", "supersedes", "derived_from", "pinned", "forgotten", "origin"})


def write(rows: Iterable[Mapping[str, Any]], file: TextIO) -> int:
    """Write the rows of `ThoughtEngine.export`, one line of JSON each.

    Bytes in payloads become ``{"$bytes": base64}``; floats keep every bit; no line breaks in two, whatever splits it.

    Returns
    -------
    int
        The number of rows.
    """
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    n = 0
    for row in rows:
        line = encode({**row, "payload": tree_to_json(row["payload"])})
        file.write(_ENDS.sub(_escaped, line) + "\n")
        n += 1
    return n


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def restore(mind: ThoughtEngine, path: Path, *, progress: Progress = quiet) -> int:
    """Take an export into a mind: memories in order, then revisions, pins and what was forgotten.

    Ids are given anew, and every reference between memories follows; into an empty mind they stay the same where
    nothing had been erased. A memory that was in the mind before, the same in every field, is not added again, be it
    superseded or forgotten there: so a second time only what is new is added, and an import that was broken off is ended.

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
        The number of rows; their memories are in the mind.

    Raises
    ------
    ImportFormatError
        For a line that is not a row of an export, with its number; what stands before it may be in the mind.
    """
    taking = _Taking(mind, path)
    n = 0
    for number, row in jsonl.rows(path, Reading(progress=progress)):
        taking.row(number, row)
        n += 1
    taking.end()
    return n


class _Taking:
    """Old ids and new ones while rows are taken in."""

    def __init__(self, mind: ThoughtEngine, path: Path) -> None:
        self._mind, self._path, self._known = mind, path, _Known(mind)
        self._ids: dict[int, int] = {}
        self._named: dict[str, int] = {}
        self._waiting: list[tuple[int, int, Experience]] = []
        self._pinned: list[int] = []
        self._forgotten: list[int] = []
        self._told: set[str] = set()

    def row(self, number: int, row: dict[str, Any]) -> None:
        """Take a row in: at once where it speaks of an earlier one, else with its batch."""
        if strange := row.keys() - _CONTENT - _STANDING - self._told:
            self._told |= strange
            _log.warning(
                "%s, line %d: not known here and left out: %s", self._path.name, number, ", ".join(sorted(strange))
            )
        old, supersedes, sources = row.get("id"), row.get("supersedes"), row.get("derived_from")
        if type(old) is not int or not isinstance(sources, list):
            raise self._wrong(number, "expected a row of an export, with id and derived_from")
        try:
            experience, _ = experience_of({k: v for k, v in row.items() if k in _CONTENT}, Reading())
        except ValueError as error:
            raise self._wrong(number, str(error)) from error
        if supersedes is not None or sources or experience.key in self._named or len(self._waiting) >= _BATCH:
            self._flush()
        derived_from = [self._ids[id_] for id_ in sources if id_ in self._ids]
        experience = attrs.evolve(experience, derived_from=tuple(derived_from))
        if (known := self._known.find(experience.at, row | {"derived_from": derived_from})) is not None:
            self._ids[old] = known
        elif supersedes in self._ids:
            self._ids[old] = self._revised(number, self._ids[supersedes], experience)
        elif experience.key in self._named:
            self._ids[old] = self._beside(number, self._named[experience.key], experience)
        else:
            self._waiting.append((number, old, experience))
        if experience.key is not None:
            self._named[experience.key] = self._ids.get(old, 0)
        self._pinned += [old] if row.get("pinned") else []
        self._forgotten += [old] if row.get("forgotten") else []

    def end(self) -> None:
        """Take in what waits; pin and forget what was."""
        self._flush()
        marked = self._mind._memories.mark
        if pinned := [new for new in self._there(self._pinned) if not marked(new).pinned]:
            self._mind.pin(*pinned)
        if forgotten := self._there(self._forgotten):
            self._mind._hide(forgotten)  # `forget` would take along earlier wordings, which may stand

    def _there(self, old: list[int]) -> list[int]:
        return [new for new in (self._ids[id_] for id_ in old) if new in self._mind]

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        ids = self._remember([number for number, _, _ in waiting], [experience for _, _, experience in waiting])
        for (_, old, experience), new in zip(waiting, ids, strict=True):
            self._ids[old] = new
            if experience.key is not None:
                self._named[experience.key] = new

    def _remember(self, numbers: list[int], experiences: list[Experience]) -> list[int]:
        try:
            return self._mind.remember_many(experiences) if experiences else []
        except BatchError as error:
            raise self._wrong(numbers[error.index], str(error.__cause__)) from error

    def _revised(self, number: int, earlier: int, experience: Experience) -> int:
        """Put a memory in the place of an earlier one; only a key can also change the layer on the way."""
        if experience.key is not None and self._named.get(experience.key) == earlier:
            [new] = self._remember([number], [experience])
            if new != earlier:
                return new
        fields = ("text", "at", "source", "tags", "episode", "affect", "vector", "payload", "kind")
        try:
            return self._mind.revise(earlier, **{name: getattr(experience, name) for name in fields})
        except InvalidArgumentError as error:
            raise self._wrong(number, str(error)) from error
        except MemoryNotFoundError:  # forgotten here, since it came in
            return self._remember([number], [experience])[0]

    def _beside(self, number: int, earlier: int, experience: Experience) -> int:
        """Remember under a key that was free again, for the earlier memory that bears it was forgotten at that time."""
        if earlier not in self._mind:
            return self._remember([number], [experience])[0]
        receipt = self._mind.forget(earlier)
        [new] = self._remember([number], [experience])
        self._mind.undo(receipt)
        return new

    def _wrong(self, number: int, message: str) -> ImportFormatError:
        return ImportFormatError(self._path, f"line {number:,}", message)


class _Known:
    """The memories that were in the mind before: each is found once, so that what was said twice stays twice.

    Only those of a moment that a row names are read.
    """

    def __init__(self, mind: ThoughtEngine) -> None:
        self._memories = mind._memories
        self._at = self._ids = np.empty(0, np.int64)
        if mind._store.total:
            view = self._memories.view()
            at = view.columns.at[: view.n]
            order = at.argsort(kind="stable")
            self._at, self._ids = at[order], view.ids[order]
        self._read = set[int]()
        self._left: dict[str, list[int]] = {}

    def find(self, at: Any, row: Mapping[str, Any]) -> int | None:
        """Return the memory that is what a row tells, None where there is none, or none any more."""
        if at is None or not len(self._at):
            return None
        try:
            moment, _ = to_stored("at", at)
        except InvalidArgumentError:  # told, with the line, by whoever takes it in
            return None
        first, last = self._at.searchsorted(moment, "left"), self._at.searchsorted(moment, "right")
        if first == last:
            return None
        if moment not in self._read:
            self._read.add(moment)
            for stored in self._memories.exported(self._ids[first:last][::-1].tolist()):
                told = _told(stored | {"payload": tree_to_json(stored["payload"])})
                self._left.setdefault(told, []).append(stored["id"])
        left = self._left.get(_told(row))
        return left.pop() if left else None


def _told(row: Mapping[str, Any]) -> str:
    """Return the digest of all that a row says of a memory itself, and not of where it stands."""
    said = [row.get(name) for name in _SAID]
    return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).hexdigest()
