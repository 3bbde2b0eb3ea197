"""Kill a writer at random while its mind is upgraded, again and again; what it had been told is written must be there.

`python -m tests.crash.soak --rounds 1000`: half of the rounds begin in a store of format 1, some go back to it in between.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import thoughtengine as te
from tests.crash.upgrades import open_settled
from tests.flat import read_flat, write_flat
from thoughtengine import lifting
from thoughtengine.migrations import sweep

KEYS = 24
OLD = 60
State = dict[str, str | None]


def key_of(n: int) -> str:
    """Give the key of a memory that is written to."""
    return f"sensory:note-{n}"


def begin(place: Path) -> None:
    """Make a store of format 1, and the state that is expected of it."""
    shutil.rmtree(place / "mind", ignore_errors=True)
    texts = {f"sensory:note-{n}": f"old {n}" for n in range(OLD)}
    rows = {
        key.encode(): json.dumps({"timestamp": n, "type": "sensory", "raw": text}).encode()
        for n, (key, text) in enumerate(texts.items())
    }
    write_flat(place / "mind", rows)
    (place / "expected").write_text(json.dumps({"c": texts}) + "\n")


def note(place: Path, **line: object) -> None:
    """Append a line to the file of what is expected, which no kill of the writer loses."""
    descriptor = os.open(place / "expected", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, b"\n" + json.dumps(line).encode() + b"\n")  # a kill may have torn the line before
    finally:
        os.close(descriptor)


def write(place: Path, seed: int) -> None:
    """Open the mind and write for ever."""
    chance = random.Random(seed)
    lifting.SMALL, sweep._ROWS = 2, 4
    if chance.random() < 0.1 and (place / "mind" / "STORE").exists():
        te.rollback(place / "mind")
    mind = open_settled(place / "mind")
    turn = 0
    while True:
        turn += 1
        key = key_of(chance.randrange(KEYS))
        if chance.random() < 0.2 and mind.get(key) is not None:
            note(place, p={key: None})
            mind.forget(key)
            note(place, c={key: None})
        else:
            text = f"seed {seed} turn {turn}"
            note(place, p={key: text})
            mind.remember(text, key=key)
            note(place, c={key: text})


def expected(place: Path) -> list[State]:
    """Give the states that may be found: all that was acknowledged, and with what was in flight."""
    state: State = {}
    pending: State = {}
    for line in (place / "expected").read_text().splitlines():
        try:
            told = json.loads(line)
        except ValueError:  # empty, or torn: what it would have told of had not begun
            continue
        pending = told.get("p", {})
        state |= told.get("c", {})
    return [state, state | pending]


def judge(place: Path, seed: int) -> None:
    """Open what the kill left and compare; then note what was found, as the next round begins with it."""
    lifting.SMALL = 2 if seed % 2 else 2000
    with open_settled(place / "mind") as mind:
        found = {}
        for key in expected(place)[0]:
            memory = mind.get(key)
            found[key] = None if memory is None else memory.text
        if mind.upgrade.status().stage != "UPGRADING" and (findings := mind.check()):
            raise AssertionError(f"check() finds {findings[:3]}")
    if found not in expected(place):
        wrong = {key: (text, expected(place)[0][key]) for key, text in found.items() if text != expected(place)[0][key]}
        raise AssertionError(f"found and expected differ: {wrong}")
    note(place, c=found)
    if seed % 20 == 0:
        te.rollback(place / "mind")
        lost = [n for n in range(KEYS, OLD) if f"sensory:note-{n}".encode() not in read_flat(place / "mind")]
        if lost:
            raise AssertionError(f"down, these are not there: {lost}")


def apart(function: Callable[[], None], *, seconds: float | None) -> int:
    """Run a function in a forked child, and kill it after so many seconds; give its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function()
            status = 0
        except BaseException as error:  # noqa: BLE001 - it is printed, and the status tells
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds; 1 at the first that loses something."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.soak", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=1.0, help="seconds after which the writer is killed, at most")
    asked = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    place, begun, n_upgrading = Path(tempfile.mkdtemp(prefix="soak-")), time.monotonic(), 0
    for n in range(1, asked.rounds + 1):
        seed = asked.seed + n
        if n == 1 or seed % 2 == 0:
            begin(place)
        killed = apart(lambda seed=seed: write(place, seed), seconds=random.Random(seed).uniform(0.05, asked.longest))
        store = place / "mind" / "STORE"
        n_upgrading += not store.exists() or b'"stage":"UPGRADING"' in store.read_bytes()
        if killed not in (-signal.SIGKILL,) or apart(lambda seed=seed: judge(place, seed), seconds=None):
            print(f"round {n} (seed {seed}): something was lost, or failed; what is left is in {place}")
            return 1
    shutil.rmtree(place)
    told = f"{asked.rounds} rounds, {n_upgrading} of them killed before the upgrade had ended, nothing lost"
    print(f"{told}, {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
