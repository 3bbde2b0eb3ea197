"""Scene 5: a store of the old format is upgraded, killed twice in the middle, and taken back: the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import attrs

import thoughtengine as te
from thoughtengine.config import StorageConfig
from thoughtengine.demo.page import Page
from thoughtengine.demo.stage import Promise, Stage
from thoughtengine.storage.store import Level

__all__ = ["Upgraded", "play", "show"]

_MOST = 600
_PAGE = 256


@attrs.frozen(kw_only=True)
class Upgraded:
    """What became of the old store.

    Attributes
    ----------
    n_rows, n_memories : int
        Rows of the old store; memories of the new one that have its words.
    killed : tuple of bool
        Whether each child died of SIGKILL in the middle.
    report : UpgradeReport or None
        Of the upgrade that went on from there.
    n_findings : int
        What `check` found.
    same_bytes : bool
        Whether every old row is what it was, after a memory was added and the upgrade taken back.
    n_new : int
        Rows that are there beside them then.
    seconds : float
        All of it.
    """

    n_rows: int
    n_memories: int
    killed: tuple[bool, ...]
    report: te.UpgradeReport | None
    n_findings: int
    same_bytes: bool
    n_new: int
    seconds: float

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Tell what was promised, and whether it held."""
        report = self.report
        whole = report is not None and report.digest_before == report.digest_after and all(self.killed)
        told = f"killed {sum(self.killed)} times in the middle, it went on: {self.n_rows:,} rows, equal digests"
        kept = self.n_memories == self.n_rows and self.n_findings == 0
        return (
            Promise(told, whole and kept),
            Promise("taken back, every old row is the same bytes, and the new memory is there", self.same_bytes),
        )


def play(stage: Stage) -> Upgraded:
    """Write the first experiences as a program of format 1 did; upgrade, kill, go on, add, take back."""
    begun, folder = time.monotonic(), stage.scratch("old-format")
    texts = [experience.text or "" for experience in islice(stage.material.experiences, _MOST)]
    rows = {
        f"sensory:{n:06d}".encode(): json.dumps({"timestamp": n * 10**9, "type": "sensory", "raw": text}).encode()
        for n, text in enumerate(texts)
    }
    _write(folder, rows)
    killed = tuple(_killed_at(folder, at) for at in (1, len(rows) + 1))
    report = te.upgrade(folder)
    with te.open(folder, create=False) as mind:
        found = sum(mind[key.decode()].text == text for key, text in zip(sorted(rows), texts, strict=True))
        n_findings = len(mind.check())
        mind.remember("Said after the upgrade.")
    te.rollback(folder)
    after = _read(folder)
    return Upgraded(
        n_rows=len(rows), n_memories=found, killed=killed, report=report, n_findings=n_findings,
        same_bytes={key: after.get(key) for key in rows} == rows and len(after) == len(rows) + 1,
        n_new=len(after) - len(rows), seconds=time.monotonic() - begun,
    )  # fmt: skip


def _write(folder: Path, rows: dict[bytes, bytes]) -> None:
    level = Level(str(folder), StorageConfig(), create=True)
    try:
        level.write(list(rows.items()), [], True)
    finally:
        level.close()


def _read(folder: Path) -> dict[bytes, bytes]:
    level, found, start = Level(str(folder), StorageConfig()), dict[bytes, bytes](), b""
    try:
        while page := level.page(start, None, _PAGE, False):
            found.update(page)
            start = page[-1][0] + b"\x00"
    finally:
        level.close()
    return found


def _killed_at(folder: Path, rows: int) -> bool:
    """Upgrade in a child that is killed when so many rows are through; tell whether it was."""
    source = str(Path(te.__file__).resolve().parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))}
    command = [sys.executable, "-P", "-m", "thoughtengine.demo.upgrader", str(folder), str(rows)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    return done.returncode == -signal.SIGKILL


def show(outcome: Upgraded, page: Page) -> None:
    """Draw what was done to the old store."""
    page.say(f"{outcome.n_rows:,} experiences lie there as the predecessor stored them: a bare LevelDB of JSON.")
    rows = [("step", "outcome")]
    rows += [(f"upgraded, killed in the middle ({n})", str(was)) for n, was in enumerate(outcome.killed, 1)]
    if outcome.report is not None:
        rows.append(("gone on with", f"{outcome.report.rows_in:,} rows, digest {outcome.report.digest_after[:8]}"))
    rows.append(("taken back", f"the same bytes, and {outcome.n_new} new"))
    page.table(rows)
    page.say(f"All of it in {outcome.seconds:.1f} s.")
