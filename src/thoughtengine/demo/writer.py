"""The child of scene 3: remembers and acknowledges until it is killed."""

from __future__ import annotations

import os
import sys

import thoughtengine as te
from thoughtengine.demo.offline import Offline

__all__ = ["main", "text_of"]

_MOST = 200_000


def text_of(number: int) -> str:
    """Say what the child remembers as its n-th.

    Parameters
    ----------
    number : int
        From 0.

    Returns
    -------
    str
        A text that tells the number.
    """
    return f"Number {number} of a process that may be killed at any moment."


def main(argv: list[str]) -> int:
    """Remember one experience after another, and write the id to standard output after each.

    Parameters
    ----------
    argv : list of str
        The folder of an existing mind, the first number, and the process id of the parent.

    Returns
    -------
    int
        0, when nobody killed it: when its parent is gone, or after very many.
    """
    first, parent = int(argv[1]), int(argv[2])
    with Offline(), te.open(argv[0], create=False) as mind:
        for number in range(first, first + _MOST):
            id = mind.remember(text_of(number), source="the child")
            os.write(1, f"{id} {number}\n".encode("ascii"))
            if number % 64 == 0 and os.getppid() != parent:
                break
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
