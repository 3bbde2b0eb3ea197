"""Incidents: what went wrong on disk and what was done about it, one JSON file each in `incidents/`."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from pathlib import Path
from typing import Any

import msgspec

from thoughtengine.storage.files import replace_file

__all__ = ["INCIDENTS", "Incident", "read_incidents", "record_incident"]

INCIDENTS = "incidents"

_QUIET = 60.0  # seconds in which the same thing is told once
_told: dict[tuple[str, str, str], tuple[float, Path]] = {}


class Incident(msgspec.Struct, frozen=True):
    """Something that happened to the bytes.

    Attributes
    ----------
    kind : str
        ``"damage"``, ``"lost tail"``, ``"pointer file"``, ``"write error"``, ``"old program"`` or ``"upgrade"``.
    at : str
        When it was noticed, ISO 8601, UTC.
    message : str
        What was found and what was done about it.
    files : tuple of str
        The files concerned, relative to the folder.
    data : dict
        Counts and ids; never a text.
    """

    kind: str
    at: str
    message: str
    files: tuple[str, ...] = ()
    data: dict[str, Any] = {}

    def __str__(self) -> str:
        return f"{self.at[:19]} {self.kind}: {self.message}"


def record_incident(
    root: Path, kind: str, message: str, *, files: tuple[str, ...] = (), of: Path | None = None, **data: Any
) -> Incident:
    """Write an incident file, log it and return it; on a full disk the log alone must do.

    `of` names the folder in the log, where `root` is not its place yet.

    What was written less than a minute ago, the same kind and message, is neither written nor logged again while its file
    lies there.
    """
    now = dt.datetime.now(dt.UTC)
    incident = Incident(kind, now.isoformat(timespec="microseconds"), message, files, data)
    if _told_lately((str(root), kind, message)):
        return incident
    import logging

    logging.getLogger("thoughtengine").warning("%s: %s: %s", of or root, kind, message, extra={"incident": message})
    with contextlib.suppress(OSError):
        folder = root / INCIDENTS
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{now:%Y%m%dT%H%M%S%f}-{kind.replace(' ', '-')}.json"
        replace_file(folder / name, msgspec.json.format(msgspec.json.encode(incident)) + b"\n")
        _told[str(root), kind, message] = time.monotonic(), folder / name
    return incident


def _told_lately(what: tuple[str, str, str]) -> bool:
    now = time.monotonic()
    for key, (at, file) in list(_told.items()):
        if now - at > _QUIET or not file.exists():
            _told.pop(key, None)
    return what in _told


def read_incidents(root: Path) -> list[Incident]:
    """Return the incidents on record, oldest first; an unreadable file tells so in an incident of its own."""
    found = []
    for path in sorted((root / INCIDENTS).glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Incident))
        except (msgspec.MsgspecError, OSError, RecursionError, UnicodeError) as error:
            found.append(Incident("damage", "", f"the incident file does not read: {error}", (path.name,)))
    return found
