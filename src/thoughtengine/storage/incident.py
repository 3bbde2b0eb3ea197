"""Incidents: what went wrong on disk and what was done about it, one JSON file each in `incidents/`."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["INCIDENTS", "Incident", "read_incidents", "record_incident"]

INCIDENTS = "incidents"


class Incident(msgspec.Struct, frozen=True):
    """Something that happened to the bytes.

    Attributes
    ----------
    kind : str
        ``"damage"``, ``"lost tail"``, ``"pointer file"`` or ``"write error"``.
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


def record_incident(root: Path, kind: str, message: str, *, files: tuple[str, ...] = (), **data: Any) -> Incident:
    """Write an incident file, log it and return it; on a full disk the log alone must do."""
    now = dt.datetime.now(dt.UTC)
    incident = Incident(kind, now.isoformat(timespec="microseconds"), message, files, data)
    import logging

    logging.getLogger("thoughtengine").warning("%s: %s: %s", root, kind, message)
    with contextlib.suppress(OSError):
        folder = root / INCIDENTS
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{now:%Y%m%dT%H%M%S%f}-{kind.replace(' ', '-')}.json"
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as writer:
                writer.write(msgspec.json.format(msgspec.json.encode(incident)) + b"\n")
                writer.flush()
                os.fsync(descriptor)
        except OSError:
            (folder / name).unlink()
    return incident


def read_incidents(root: Path) -> list[Incident]:
    """Return the incidents on record, oldest first; an unreadable file tells so in an incident of its own."""
    found = []
    for path in sorted((root / INCIDENTS).glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Incident))
        except (msgspec.MsgspecError, OSError, RecursionError, UnicodeError) as error:
            found.append(Incident("damage", "", f"the incident file does not read: {error}", (path.name,)))
    return found
