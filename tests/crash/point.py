"""One crash point: live up to it, lose what a power loss takes, reopen, judge; each step in a process of its own."""

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
import os
import random
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.crash import oracle, recorder, upgrades
from tests.crash.oracle import Guarantee, Verdict
from tests.crash.power_loss import Mode, lose_power
from tests.crash.recorder import RecorderError, Recording, apart
from tests.crash.workloads import MIND, WORKLOADS, Durability, Life

# What each durability promises decides what is demanded after which loss.
PROMISES: dict[tuple[str, Durability], Guarantee] = {
    ("kill", "process"): "all",
    ("half", "process"): "all",
    ("cut", "power"): "all",
    ("torn", "power"): "all",
    ("subset", "power"): "all",
    ("cut+dirs", "power"): "all",
    ("subset+dirs", "power"): "all",
    ("cut", "process"): "prefix",
    ("subset", "process"): "prefix",
    ("cut+dirs", "process"): "prefix",
}


MANY = 40  # about the operations of an opening


@dataclass(frozen=True, slots=True)
class Row:
    """One workload under one mode and durability."""

    workload: str
    mode: str
    durability: Durability

    @property
    def guarantee(self) -> Guarantee:
        """Say what must have survived: everything acknowledged, or a first part of it."""
        loses = Mode.parse(self.mode).loses
        return PROMISES.get((self.mode, self.durability), "prefix" if loses and self.durability == "process" else "all")


@dataclass(frozen=True, slots=True)
class Point:
    """One crash: a row, the operation, the seed of what is spared, and whether the recovery crashes too."""

    row: Row
    at: int
    seed: int = 0
    twice: bool = False

    def __str__(self) -> str:
        row = self.row
        seed = f" --seed {self.seed}" if row.mode.startswith("subset") or self.twice else ""
        chosen = f"--workload {row.workload} --mode {row.mode} --durability {row.durability} --at {self.at}{seed}"
        return f"python -m tests.crash.matrix {chosen}{' --twice' if self.twice else ''}"

    @property
    def second(self) -> int:
        """Give the operation of the recovery at which the second crash happens; it may be beyond its end."""
        return random.Random(f"{self.at} {self.seed}").randint(1, MANY)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one point."""

    point: Point
    operation: str
    outcome: str
    violations: list[str]


# ---- in a worker -----------------------------------------------------------------------------------------------------


def warm_up(base: Path) -> None:
    """Import in this worker what a life needs, so that its forks do not have to.

    The road not taken: open a mind here. LevelDB would start its thread, and no fork has that.
    """
    logging.disable(logging.WARNING)
    os.environ["XDG_CACHE_HOME"] = str(base / "cache")
    with tempfile.TemporaryDirectory(dir=base) as folder:
        place = Path(folder)

        def live() -> None:
            life = Life(place, place / "diary", durability="process", name="warm")
            for step in (life.open, life.remember, life.close):
                step()
            oracle.judge(place, place / "diary", place, guarantee="all", durability="process")
            (place / "modules").write_text("\n".join(sys.modules))

        _, output = apart(live, place / "output")
        if not (place / "modules").exists():
            raise RecorderError(f"a life in peace failed:\n{output}")
        for name in (place / "modules").read_text().splitlines():
            if name not in sys.modules:
                with suppress(ImportError):
                    importlib.import_module(name)


def prepare(base: Path, workload: str, durability: Durability) -> Path:
    """Live what comes before a workload, once, and give the folder of it."""
    place = base / "templates" / f"{workload}-{durability}"
    (place / "root").mkdir(parents=True)

    def live() -> None:
        life = Life(place / "root", place / "diary", durability=durability, name=workload)
        WORKLOADS[workload].prepare(life)

    status, output = apart(live, place / "output")
    if status:
        raise RecorderError(f"preparing {workload} failed:\n{output}")
    return place


def crash(base: Path, point: Point | None, row: Row, place: Path) -> Recording:
    """Live a workload in a copy of its template up to a crash point; None: to its end."""
    shutil.copytree(base / "templates" / f"{row.workload}-{row.durability}", place, symlinks=True)

    def live() -> None:
        life = Life(place / "root", place / "diary", durability=row.durability, name=row.workload)
        WORKLOADS[row.workload].run(life)

    at, torn = (point.at, Mode.parse(row.mode).tears) if point else (None, False)
    return recorder.fork(live, root=place / "root", scratch=place / "scratch", at=at, torn=torn)


def crash_again(place: Path, point: Point) -> Recording:
    """Open what a crash left, and crash in that."""

    def live() -> None:
        upgrades.open_settled(place / "root" / MIND, durability=point.row.durability).close()

    torn = Mode.parse(point.row.mode).tears
    return recorder.fork(live, root=place / "root", scratch=place / "scratch-2", at=point.second, torn=torn)


def try_point(base: Path, point: Point, keep: bool = False) -> Result:
    """Crash at a point, lose power, reopen and judge; every step in a process of its own."""
    place = Path(tempfile.mkdtemp(prefix="point-", dir=base)) / "place"
    operation, outcome, violations = "", "not judged", []
    try:
        recording = crash(base, point, point.row, place)
        operation = describe(recording)
        if not recording.killed and recording.returncode:
            violations.append(f"the child failed before the crash point:\n{recording.output}")
        lose_power(recording, Mode.parse(point.row.mode), seed=point.seed)
        if point.twice:
            lose_power(crash_again(place, point), Mode.parse(point.row.mode), seed=point.seed)
        verdict = _judge_apart(place, point.row)
        outcome, violations = verdict.outcome, violations + verdict.violations
    except RecorderError as error:
        violations.append(str(error))
    if keep:
        print(f"what is left is in {place}")
    else:
        shutil.rmtree(place.parent)
    return Result(point, operation, outcome, violations)


def _judge_apart(place: Path, row: Row) -> Verdict:
    def look() -> None:
        verdict = oracle.judge(
            place / "root", place / "diary", place / "spare", guarantee=row.guarantee, durability=row.durability
        )
        (place / "verdict").write_text(json.dumps(dataclasses.asdict(verdict)))

    status, output = apart(look, place / "judge")
    if status:
        last = output.strip().splitlines()[-1:]
        return Verdict("an error", [f"reopening failed: {' '.join(last)}\n{output}"])
    return Verdict(**json.loads((place / "verdict").read_text()))


def describe(recording: Recording) -> str:
    """Say what the last operation was before the crash."""
    if not recording.events:
        return "nothing done"
    last = recording.events[-1]
    return f"after {last.n} {last.op} {Path(last.path).relative_to(recording.root.resolve()) if last.path else ''}"


def measure(base: Path, kind: tuple[str, Durability]) -> list[str]:
    """Live a workload in peace under the recorder; give its operations, in order.

    Raises
    ------
    RecorderError
        It failed, or did something that the recorder cannot follow.
    """
    workload, durability = kind
    prepare(base, workload, durability)
    place = base / "measured" / f"{workload}-{durability}"
    place.parent.mkdir(exist_ok=True)
    recording = crash(base, None, Row(workload, "kill", durability), place)
    shutil.rmtree(place)
    if recording.returncode or recording.escapes:
        raise RecorderError(f"{workload} in peace failed: {recording.escapes or recording.output}")
    last = {event.n: event.op for event in recording.events if event.op not in {"stream", "sync"}}
    return [last.get(n, "sync") for n in range(1, recording.n_operations + 1)]
