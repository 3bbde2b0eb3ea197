"""The demonstration: on your own data, in seconds, offline; every promise is tried out before your eyes."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thoughtengine.demo.page import Page
    from thoughtengine.demo.stage import Outcome, Promise, Scene, Stage

__all__ = ["main", "perform", "scenes"]


def scenes() -> tuple[Scene[Any], ...]:
    """List the scenes, in order; a new one is one more line.

    Returns
    -------
    tuple of Scene
        What `main` plays.
    """
    from thoughtengine.demo import arrive, ask, close, crash, damage, scoreboard, upgrade
    from thoughtengine.demo.stage import Scene

    return (
        Scene("It remembers", arrive.play, arrive.show),
        Scene("It answers, and says why", ask.play, ask.show),
        Scene("It is killed while writing", crash.play, crash.show),
        Scene("A bit on the disk flips", damage.play, damage.show),
        Scene("An old store is upgraded, and taken back", upgrade.play, upgrade.show),
        Scene("The scoreboard, on this very input", scoreboard.play, scoreboard.show),
        Scene("What is left, and how to go on", close.play, close.show),
    )


def main(argv: list[str]) -> int:
    """Play the demonstration.

    Parameters
    ----------
    argv : list of str
        ``[--from FILE|REPO] [--keep FOLDER]``.

    Returns
    -------
    int
        0 when every promise held, 1 when one did not, 2 for a wrong use.
    """
    from thoughtengine.demo.material import gather
    from thoughtengine.demo.offline import Offline
    from thoughtengine.demo.page import Page
    from thoughtengine.demo.stage import Stage
    from thoughtengine.errors import ThoughtEngineError
    from thoughtengine.wording import plainly

    asked = _parser().parse_args(argv)
    _settle_standard_input()
    with Offline() as guard:
        try:
            _refuse_what_is_taken(asked.keep)
            material = gather(asked.origin)
            folder = _folder(asked.keep)
        except (ThoughtEngineError, OSError) as error:
            sys.stderr.write(f"thoughtengine demo: {plainly(error)}\n")
            return 2
        chance = random.Random(len(material.experiences))  # the same input draws the same questions
        stage = Stage(folder=folder, material=material, guard=guard, chance=chance)
        try:
            with _unlogged():
                return 0 if perform(stage, Page()) else 1
        except BaseException:  # interrupted, or nobody reads on: what nobody was told of is not left lying around
            if asked.keep is None:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def perform(stage: Stage, page: Page) -> bool:
    """Play every scene on a stage, and draw each on a page.

    Parameters
    ----------
    stage : Stage
        The folder and the material.
    page : Page
        Where to draw.

    Returns
    -------
    bool
        Whether every promise held.
    """
    start = time.monotonic()
    page.say("thoughtengine: a demonstration on your own data", style="title", indent=0)
    broken: list[str] = []
    n = 0
    for number, scene in enumerate(scenes(), start=1):
        page.heading(number, scene.title)
        outcome = _play(scene, stage, page)
        for promise in _promises(outcome, scene):
            page.promise(promise.text, promise.held)
            n += 1
            broken += [] if promise.held else [promise.text]
    page.line()
    verdict = f"{n - len(broken)} of {n} promises held, in {time.monotonic() - start + stage.material.seconds:.1f} s"
    page.say(verdict + "".join(f"; broken: {text}" for text in broken), style="bad" if broken else "good", indent=0)
    return not broken


def _play(scene: Scene[Any], stage: Stage, page: Page) -> Outcome | None:
    """Play one scene; one that fails is a broken promise, and the others go on."""
    try:
        outcome: Outcome = scene.play(stage)
    except Exception as error:  # noqa: BLE001 the page is to show what went wrong, whatever it was
        page.say(f"{type(error).__name__}: {error}", style="bad")
        return None
    scene.show(outcome, page)
    return outcome


def _promises(outcome: Outcome | None, scene: Scene[Any]) -> tuple[Promise, ...]:
    from thoughtengine.demo.stage import Promise

    return outcome.promises if outcome is not None else (Promise(f"“{scene.title}” can be played", held=False),)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="thoughtengine demo",
        description="Remember real experiences, ask, kill, damage and measure, in seconds and without a network.",
    )
    parser.add_argument(
        "--from",
        dest="origin",
        type=Path,
        metavar="FILE|REPO",
        help="what to remember: a file (journal, chat, conversation, JSON lines), a Git repository or a folder of "
        "documents; default: the repository you stand in",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="where to leave the mind; default: a new temporary folder, kept and named at the end",
    )
    return parser


def _refuse_what_is_taken(keep: Path | None) -> None:
    from thoughtengine.errors import InvalidArgumentError

    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise InvalidArgumentError("--keep", str(keep), "a folder that is empty or not there yet")


def _folder(keep: Path | None) -> Path:
    """Make the demo's folder."""
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="thoughtengine-demo-"))
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    return keep.resolve()


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Keep the log quiet: the damage is ours, and the page tells what the log would."""
    log = logging.getLogger("thoughtengine")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def _settle_standard_input() -> None:
    """Put the null device where standard input is closed, so that no file of ours gets its number."""
    try:
        os.fstat(0)
    except OSError:
        os.open(os.devnull, os.O_RDONLY)
