"""A child process that upgrades a folder and kills itself in the middle of it."""

from __future__ import annotations

import os
import signal
import sys

import thoughtengine as te
from thoughtengine.demo.offline import Offline

__all__ = ["main"]


def main(folder: str, rows: int) -> None:
    """Upgrade a folder, and die of SIGKILL when so many rows are through.

    Parameters
    ----------
    folder : str
        Of a store of an older format.
    rows : int
        Counted through all phases.
    """

    def progress(what: str, done: int, total: int | None) -> None:
        if done >= rows:
            os.kill(os.getpid(), signal.SIGKILL)

    with Offline():
        te.upgrade(folder, progress=progress)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
