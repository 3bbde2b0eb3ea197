from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import thoughtengine as te
from tests.unit.patterns.test_manager import days, reopened, told
from thoughtengine.patterns import manager, reading, state
from thoughtengine.storage.keyspace import PATTERN

KILLED = """
import os, signal, sys
import thoughtengine as te
from thoughtengine.patterns import manager

def save_and_die(*arguments, slot=0, **named):
    kept(*arguments, slot=slot, **named)
    if slot:
        os.kill(os.getpid(), signal.SIGKILL)

kept, manager.save = manager.save, save_and_die
manager._SAVED_EVERY = 2000
with te.open(sys.argv[1]) as mind:
    mind.patterns.rebuild()
"""


def half_done(mind: te.ThoughtEngine) -> int:
    """Give how far the learning anew has come that was broken off."""
    return state.load(mind._store, fingerprint=mind._memories.live.fingerprint, slot=state.ANEW).covered


def test_learning_anew_that_was_killed_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 5_000
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(n // 4))
        before = told(mind)
    child = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "mind")], check=False)
    assert child.returncode == -signal.SIGKILL
    with reopened(tmp_path / "mind") as mind:
        assert told(mind) == before  # the last good one serves
        done = half_done(mind)
        assert 0 < done < n
        taken = list[int]()
        observed = reading.observed
        monkeypatch.setattr(reading, "observed", lambda id_, *rest: taken.append(id_) or observed(id_, *rest))
        mind.patterns.rebuild()
        assert taken == list(range(done + 1, n + 1))
        assert told(mind) == before
        assert not [key for key, _ in mind._store.raw(PATTERN) if PATTERN.number(key) >= state.ANEW]
        assert mind.check() == []


def test_what_was_learned_anew_of_erased_memories_goes_too(tmp_path: Path) -> None:
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(10))
        (secret,) = mind.remember_many([te.Experience(tags=["tryst-7741"])])
        told(mind)
        state.save(mind._store, mind.patterns._finders, fingerprint="", slot=state.ANEW)
        mind.forget(secret, erase=True)
        assert half_done(mind) == 0
        assert mind.check() == []
    for file in (tmp_path / "mind").rglob("*"):
        assert not file.is_file() or b"tryst-7741" not in file.read_bytes()


def test_state_of_another_logic_is_learned_anew_with_progress_and_kept_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(700))
        before = told(mind)
    monkeypatch.setattr(state, "LOGIC", state.LOGIC + 1)
    monkeypatch.setattr(manager, "_SAVED_EVERY", 1000)
    heard: list[int] = []
    with reopened(tmp_path / "mind") as mind:
        mind.events.subscribe("progress", lambda event: heard.append(event.data["done"]))
        mind.patterns.catch_up()
        kept = state.load(mind._store, fingerprint="").covered
        assert 1000 <= kept <= 2800
        assert told(mind) == before
        mind.events.close()
    assert heard == sorted(heard)
    assert heard[-1] == 2800


def test_learning_anew_writes_what_it_learned_seldom_and_tells_often_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    slots: list[int] = []
    kept = manager.save
    monkeypatch.setattr(
        manager, "save", lambda *args, slot=0, **named: (slots.append(slot), kept(*args, slot=slot, **named))
    )
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(2_000))
        told(mind)
        slots.clear()
        mind.events.subscribe("progress", lambda event: heard.append(event.data["done"]))
        mind.patterns.rebuild()
        mind.events.close()
    assert slots == [0]  # to save takes as long as to learn some thousand
    assert len(heard) >= 3


@pytest.mark.parametrize("batch", [7, 50])
def test_an_old_log_that_comes_newest_first_is_learned_the_same_in_batches_closed_in_between_and_anew(
    tmp_path: Path, batch: int
) -> None:
    log = days(28)[::-1]
    with reopened(tmp_path / "whole") as mind:
        mind.remember_many(log)
        at_once = told(mind)
    for start in range(0, len(log), batch):
        with reopened(tmp_path / "mind") as mind:
            mind.remember_many(log[start : start + batch])
            mind.patterns.catch_up()
    with reopened(tmp_path / "mind") as mind:
        assert told(mind) == at_once
        mind.patterns.rebuild()
        assert told(mind) == at_once
