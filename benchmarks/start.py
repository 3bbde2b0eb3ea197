"""What it costs to start: `import thoughtengine`, and a process that opens a small mind and recalls from it.

python -m benchmarks.start [--runs 15] [--memories 400] [--trace] [--report]
"""

from __future__ import annotations

import argparse
import collections
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.page import Row, show
from benchmarks.peers import leveldb, thoughtengine
from benchmarks.rounds import interval, ratio
from benchmarks.workloads import items, questions

HEADS = ("process", "wall ms", "CPU ms", "heavy packages in it")
BARE = "bare Python"
IMPORT = "import thoughtengine"
PARTS = "import numpy, attrs, msgspec, LevelDB"
RECALL = "import, open, recall, close"
HEAVY = ("numpy", "numba", "attr", "msgspec", "plyvel", "plyvel_next", "Stemmer")
TRACES = 5
SHOWN = 25

_RECALL = """
import thoughtengine
with thoughtengine.open({folder!r}, create=False) as mind:
    hits = mind.recall({cue!r})
assert hits, "nothing was recalled"
"""
_LOADED = "\nimport sys; print(*(name for name in {names!r} if name in sys.modules))"
_TRACED = re.compile(r"^import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)$", re.MULTILINE)


class Run(NamedTuple):
    """What one process took, in milliseconds; CPU is that of all its threads, the system's part included."""

    wall: float
    cpu: float


def programs(folder: Path, n_memories: int) -> dict[str, str]:
    """Make a mind of `n_memories` in `folder`; return the programs to be compared."""
    kept = list(items(n_memories))
    mind = thoughtengine.open(folder)
    mind.add_many(kept)
    mind.close()
    return {
        BARE: "",
        IMPORT: "import thoughtengine",
        PARTS: f"import numpy, attrs, msgspec, {leveldb.binding()}",
        RECALL: _RECALL.format(folder=str(folder), cue=questions(kept, 1)[0].text),
    }


def environment(cache: Path) -> dict[str, str]:
    """Return an environment in which compiled bytecode is kept: a start that compiles anew measures the compiler."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME", "PYTHONWARNINGS")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"PYTHONPYCACHEPREFIX": str(cache)}


def run(program: str, settings: Mapping[str, str], *options: str) -> tuple[Run, subprocess.CompletedProcess[str]]:
    """Run a program in a new interpreter; return what it took, and what it said."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, *options, "-c", program]
    said = subprocess.run(command, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(1e3 * wall, 1e3 * cpu), said


def measure(folder: Path, *, n_runs: int, n_memories: int) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """Run the programs in turn; return their runs, and which heavy packages each one loads."""
    settings = environment(folder / "bytecode")
    compared = programs(folder / "mind", n_memories)
    loaded = {name: run(text + _LOADED.format(names=HEAVY), settings)[1].stdout for name, text in compared.items()}
    runs: dict[str, list[Run]] = {name: [] for name in compared}
    for number in range(n_runs + 1):  # the first is for warming up
        for name in list(compared)[:: -1 if number % 2 else 1]:
            took, _ = run(compared[name], settings)
            if number:
                runs[name].append(took)
    return runs, {name: ", ".join(names.split()) or "none" for name, names in loaded.items()}


def goals(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """Say how the runs stand to what must be reached."""
    notes = []
    for index, name in enumerate(Run._fields):
        of = {who: [took[index] for took in some] for who, some in runs.items()}
        above = interval([a - b for a, b in zip(of[IMPORT], of[BARE], strict=True)])
        notes.append(f"{IMPORT} above {BARE}, {name}: {above:.1f} ms, goal at most 60")
        notes.append(f"{RECALL} / {PARTS}, {name}: {ratio(of[RECALL], of[PARTS]):.2f}, goal at most 1.5")
    return notes


def rows(runs: Mapping[str, Sequence[Run]], loaded: Mapping[str, str]) -> list[Row]:
    """Return the table."""
    return [
        [name, statistics.median(r.wall for r in some), statistics.median(r.cpu for r in some), loaded[name]]
        for name, some in runs.items()
    ]


def trace(program: str, settings: Mapping[str, str]) -> dict[str, float]:
    """Return the milliseconds that each module itself takes to be imported: the least of some runs."""
    least: dict[str, float] = {}
    for _ in range(TRACES):
        for micros, name in _TRACED.findall(run(program, settings, "-X", "importtime")[1].stderr):
            least[name] = min(least.get(name, 1e9), int(micros) / 1e3)
    return least


def traced(folder: Path, *, n_memories: int) -> list[Row]:
    """Return what recalling imports that the parts alone do not, by package and dearest first."""
    settings = environment(folder / "bytecode")
    compared = programs(folder / "mind", n_memories)
    parts = trace(compared[PARTS], settings)
    sums: dict[str, list[float]] = collections.defaultdict(list)
    for name, millis in trace(compared[RECALL], settings).items():
        if name not in parts:
            sums[name if name.startswith("thoughtengine") else name.partition(".")[0]].append(millis)
    ordered = sorted(sums.items(), key=lambda pair: -sum(pair[1]))
    table: list[Row] = [[name, sum(some), len(some)] for name, some in ordered[:SHOWN]]
    return [*table, ["all", sum(map(sum, sums.values())), sum(map(len, sums.values()))]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=15, help="runs of each program that count (default: %(default)s)")
    parser.add_argument("--memories", type=int, default=400, help="size of the mind (default: %(default)s)")
    parser.add_argument("--trace", action="store_true", help="instead: which imports it is made of")
    parser.add_argument("--report", action="store_true", help="add the table to results/start.md")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if given.trace:
            table = traced(Path(folder), n_memories=given.memories)
            show(f"imported by {RECALL}, not by {PARTS}", ("module", "ms", "modules"), table)
            return
        runs, loaded = measure(Path(folder), n_runs=given.runs, n_memories=given.memories)
    notes = [*goals(runs), f"{given.runs} runs in turn, a mind of {given.memories} memories, bytecode compiled before"]
    show("start", HEADS, rows(runs, loaded), notes=notes, report="start" if given.report else None)


if __name__ == "__main__":
    main()
