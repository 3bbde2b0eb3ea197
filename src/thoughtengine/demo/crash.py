"""Scene 3: a child process is killed while it remembers, and everything it acknowledged is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs

import thoughtengine as te
from thoughtengine.demo.page import Page
from thoughtengine.demo.stage import Promise, Stage
from thoughtengine.demo.writer import text_of

__all__ = ["Kill", "Kills", "play", "show"]

_ROUNDS = 3
_PATIENCE_SECONDS = 20.0


@attrs.frozen(kw_only=True)
class Kill:
    """One child that was killed.

    Attributes
    ----------
    after_seconds : float
        From its first acknowledgement to the kill.
    killed : bool
        Whether it died of SIGKILL, and of nothing else.
    n_acknowledged, n_found : int
        What it had written to its standard output, and how many of these the mind gives back, text for text.
    n_beyond : int
        Memories it had written and not yet acknowledged: 0 or 1.
    """

    after_seconds: float
    killed: bool
    n_acknowledged: int
    n_found: int
    n_beyond: int


@attrs.frozen
class Kills:
    """All the children.

    Attributes
    ----------
    kills : tuple of Kill
        In order.
    n_older, n_older_intact : int
        Memories that were there before the first, and how many of these are as they were after the last.
    n_findings : int
        What `check` found after the last.
    """

    kills: tuple[Kill, ...]
    n_older: int
    n_older_intact: int
    n_findings: int

    @property
    def n_acknowledged(self) -> int:
        """Acknowledged by all of them."""
        return sum(kill.n_acknowledged for kill in self.kills)

    @property
    def n_found(self) -> int:
        """Found of these."""
        return sum(kill.n_found for kill in self.kills)

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Tell what was promised, and whether it held."""
        found = self.n_acknowledged == self.n_found > 0 and all(kill.killed for kill in self.kills)
        sound = self.n_older == self.n_older_intact and self.n_findings == 0
        sound &= all(kill.n_beyond <= 1 for kill in self.kills)
        return (
            Promise(f"{self.n_acknowledged:,} acknowledged, {self.n_found:,} found again: none lost", found),
            Promise(f"the {self.n_older:,} from before are as they were, and the check is empty", sound),
        )


def play(stage: Stage) -> Kills:
    """Kill three children, one after the other, each at a random moment, on a fork of the mind."""
    folder = stage.scratch("killed")
    te.fork(stage.mind, folder)
    with te.open(folder, create=False) as mind:
        older = {memory.id: memory.text for memory in mind.memories()}
    kills: list[Kill] = []
    n = len(older)
    for _ in range(_ROUNDS):
        kills.append(_kill_one(folder, n, stage.scratch("acknowledged.txt")))
        n += kills[-1].n_found + kills[-1].n_beyond
    with te.open(folder, create=False) as mind:
        now = {memory.id: memory.text for memory in mind.memories()}
        n_intact = sum(now.get(id) == text for id, text in older.items())
        return Kills(tuple(kills), len(older), n_intact, len(mind.check()))


def _kill_one(folder: Path, n_before: int, acknowledged: Path) -> Kill:
    after = random.uniform(0.02, 0.25)  # really random: a moment that nobody chose
    status = _run_until_killed(folder, n_before, acknowledged, after)
    rows = [line.split() for line in acknowledged.read_text("ascii").splitlines(keepends=True) if line.endswith("\n")]
    with te.open(folder, create=False) as mind:
        memories = ((mind.get(int(id)), text_of(int(number))) for id, number in rows)
        n_found = sum(memory is not None and memory.text == text for memory, text in memories)
        n_now = len(mind)
    return Kill(
        after_seconds=after,
        killed=status == -signal.SIGKILL,
        n_acknowledged=len(rows),
        n_found=n_found,
        n_beyond=n_now - n_before - n_found,
    )


def _run_until_killed(folder: Path, first: int, acknowledged: Path, after: float) -> int:
    """Start the child, wait for its first acknowledgement and a moment more, kill it; return its exit status."""
    source = str(Path(te.__file__).resolve().parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))}
    command = [sys.executable, "-P", "-m", "thoughtengine.demo.writer", str(folder), str(first), str(os.getpid())]
    with acknowledged.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, env=environment
        )
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not acknowledged.stat().st_size and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(after)
    finally:
        child.kill()
        child.communicate()
    return child.returncode


def show(outcome: Kills, page: Page) -> None:
    """Draw what each child had done when it died."""
    page.say("A child process remembers and prints each id; SIGKILL ends it at a random moment.")
    rows = [("killed after", "acknowledged", "found again", "found, not yet acknowledged")]
    for kill in outcome.kills:
        seen = (f"{kill.n_acknowledged:,}", f"{kill.n_found:,}", str(kill.n_beyond))
        rows.append((f"{1e3 * kill.after_seconds:.0f} ms", *seen))
    page.table(rows)
