"""Cues: the last texts that recall was asked with, kept for rehearsing an upgrade on what is really asked."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from pathlib import Path

import msgspec

from thoughtengine.storage.files import replace_file, sync_folder

__all__ = ["CUES", "Cues", "read_cues"]

CUES = "cues.json"
_EVERY = 32  # cues after which they are written, besides at the end
_LONGEST = 1000


class Cues:
    """A ring of cues in memory, and in a file of the mind's folder.

    Parameters
    ----------
    root : Path
        The folder.
    n : int
        How many are kept; 0: none, and none is written.

    Notes
    -----
    A file of its own and no row of the store: it is in no backup, snapshot or rollback point, so an erasure, which drops all of
    it, reaches every copy. It is not synced, and what cannot be written is not kept: nothing but a rehearsal reads it.
    """

    def __init__(self, root: Path, n: int) -> None:
        self._path, self._n, self._new = root / CUES, n, 0
        self._guard = threading.Lock()
        self._texts: deque[str] | None = None  # read with the first cue

    def add(self, text: str) -> None:
        """Keep a cue, cut to 1,000 characters."""
        if not self._n:
            return
        with self._guard:
            if self._texts is None:
                self._texts = deque(read_cues(self._path.parent), maxlen=self._n)
            self._texts.append(text[:_LONGEST])
            self._new += 1
            if self._new >= _EVERY:
                self._write()

    def drop(self) -> None:
        """Forget all of them, as an erasure demands: a cue may quote what is erased."""
        with self._guard:
            self._texts, self._new = deque(maxlen=self._n), 0
            if self._path.exists():
                self._path.unlink()
                sync_folder(self._path.parent)

    def save(self) -> None:
        """Write what is not in the file yet."""
        with self._guard:
            if self._new:
                self._write()

    def _write(self) -> None:
        self._new = 0
        with contextlib.suppress(OSError):
            replace_file(self._path, msgspec.json.encode(list(self._texts or ())), durable=False)


def read_cues(root: Path) -> list[str]:
    """Return the cues that a folder keeps, oldest first; none where it keeps none."""
    try:
        return msgspec.json.decode((root / CUES).read_bytes(), type=list[str])
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return []
