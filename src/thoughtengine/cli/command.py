"""A command: what it is for, its arguments, what it does; and what several of them share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple

from thoughtengine.cli.screen import tell

if TYPE_CHECKING:
    from thoughtengine._types import Progress
    from thoughtengine.engine import ThoughtEngine

__all__ = [
    "BROKEN_PIPE",
    "FINE",
    "FOUND_WRONG",
    "INTERRUPTED",
    "WRONG_USE",
    "Command",
    "encoder_argument",
    "mind_argument",
    "natural",
    "opened",
    "upgrade_option",
]

FINE, FOUND_WRONG, WRONG_USE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141


class Command(NamedTuple):
    """One word of the command line: what it is for, its arguments, and what it does."""

    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def mind_argument(parser: argparse.ArgumentParser) -> None:
    """Take the folder of a mind."""
    parser.add_argument("mind", metavar="MIND")


def natural(written: str) -> int:
    """Read a whole number of at least 0."""
    if not written.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, given {written!r}")
    return int(written)


def encoder_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Take an encoder; `what` it is for."""
    parser.add_argument("--encoder", metavar="NAME", help=f"{what}; `wordllama`, or MODULE:NAME")


def upgrade_option(parser: argparse.ArgumentParser) -> None:
    """Take whether a mind of an older format may be upgraded."""
    parser.add_argument(
        "--upgrade",
        choices=("auto", "wait", "refuse"),
        help="a mind of an older format: serve at once and upgrade behind, upgrade first, or refuse; default: refuse to "
        "begin an upgrade, go on with one that was begun",
    )


def opened(given: argparse.Namespace, progress: Progress) -> AbstractContextManager[ThoughtEngine]:
    """Open the mind that a command looks at; no upgrade is begun unless that was said."""
    from thoughtengine.entering import encoder_named, entered

    encoder = encoder_named(getattr(given, "encoder", None))
    return entered(given.mind, given.upgrade, encoder, tell=tell, progress=progress)
