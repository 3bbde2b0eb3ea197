"""Whole lives: a host that remembers, corrects itself, forgets, copies, loses its disk and goes on."""

import datetime as dt
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.strategies import NOON, Clock, ToyEncoder


def export(mind: te.ThoughtEngine) -> list[dict[str, Any]]:
    return list(mind.export())


def told(mind: te.ThoughtEngine, *cues: str) -> list[list[tuple[int, float]]]:
    return [[(hit.id, round(hit.score, 9)) for hit in mind.recall(cue, k=50)] for cue in cues]


def diary(n: int) -> list[te.Experience]:
    """Give a diary of so many days, of two people, in one episode a day."""
    chance = random.Random(7)
    subjects = ["tea", "the garden", "a long train ride", "the dog", "rain", "the meeting", "Zürich", "an old friend"]
    return [
        te.Experience(
            text=f"Day {i}: {chance.choice(subjects)} and then {chance.choice(subjects)}.", source=chance.choice(["Dana", "Bob"]),
            at=NOON - dt.timedelta(days=n - i), episode=f"day {i // 3}", tags=[f"week {i // 7}"], key=f"day-{i}",
        )
        for i in range(n)
    ]  # fmt: skip


CUES = ("the garden in Zürich", "what did Dana do with the dog?", "rain", "Day 17", "in May 2024")


def test_a_year_of_days(tmp_path: Path) -> None:
    """Remembered, corrected, pinned, forgotten, opened again: every answer is the same after as before."""
    path, clock = tmp_path / "mind", Clock()
    with te.open(path, clock=clock) as mind:
        assert mind.remember_many(diary(365)) == list(range(1, 366))
        assert mind.remember_many(diary(365)) == list(range(1, 366)), "sent again, nothing is doubled"
        mind.revise("day-17", "Day 17: it was snow, not rain.")
        mind.remember("Dana prefers tea", layer="logic", derived_from=[1, 2, 3], key="dana-drinks")
        mind.pin("day-17")
        hidden = mind.forget(sources="Bob", until=NOON - dt.timedelta(days=300))
        assert 0 < len(hidden.ids) < 65
        before, answers, stats = export(mind), told(mind, *CUES), mind.stats()
    with te.open(path, clock=clock) as mind:
        assert (mind.created, export(mind), told(mind, *CUES)) == (False, before, answers)
        assert mind.stats().memories == stats.memories == 367 - len(hidden.ids)
        assert mind["day-17"].text == "Day 17: it was snow, not rain."
        assert mind["day-17"].layer == "eternal"
        assert mind.undo(hidden.id).ids == hidden.ids
        clock.move(days=3650)
        assert mind[1].strength < 0.4
        assert mind["day-17"].strength == 1.0
        assert mind.check() == []


def test_copies_answer_alike_and_go_their_own_ways(tmp_path: Path) -> None:
    clock = Clock()
    with te.open(tmp_path / "mind", clock=clock) as mind:
        mind.remember_many(diary(60))
        mind.undo(mind.forget(1, 2))
        mind.snapshot("monday")
        made = te.backup(mind.path, tmp_path / "backup")
        forked = te.fork(mind.path, tmp_path / "forked")
        assert (made.kind, made.memories, forked.memories) == ("backup", 60, 60)
        before, answers = export(mind), told(mind, *CUES)
        mind.remember("after the copies")
    te.restore(tmp_path / "backup", tmp_path / "restored")
    te.restore(tmp_path / "mind" / "snapshots" / "monday", tmp_path / "monday")
    for name in ("restored", "forked", "monday"):
        with te.open(tmp_path / name, clock=clock) as copy:
            assert (export(copy), told(copy, *CUES)) == (before, answers), name
            assert copy.remember("its own way") == 61
            assert copy.check() == []
    with te.open(tmp_path / "mind", clock=clock) as mind:
        assert mind[61].text == "after the copies"
        with pytest.raises(te.StoreExistsError):
            te.backup(mind.path, tmp_path / "backup")
        with pytest.raises(te.StoreNotFoundError):
            te.restore(tmp_path / "forked", tmp_path / "nowhere")


def test_a_receipt_is_good_in_a_copy_too(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(diary(5))
        receipt = mind.forget(2)
        te.fork(mind.path, tmp_path / "forked")
    with te.open(tmp_path / "forked") as forked:
        assert forked.undo(receipt).ids == (2,)
        assert len(forked) == 5


def test_what_is_erased_is_gone_from_the_snapshots_inside(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(diary(20))
        mind.remember("qzxwvk", key="secret")
        mind.revise("secret", "qzxwvj")
        mind.snapshot("before")
        receipt = mind.forget(21, 22, erase=True)
        assert receipt.proof["snapshots"]
        te.restore(tmp_path / "mind" / "snapshots" / "before", tmp_path / "then")
    for file in (tmp_path / "mind").rglob("*"):
        assert not file.is_file() or b"qzxwv" not in file.read_bytes(), file
    with te.open(tmp_path / "then") as then:
        assert then.check() == []
        assert len(then) == 20
        assert "secret" not in then


def test_an_encoder_comes_and_goes(tmp_path: Path) -> None:
    path, clock = tmp_path / "mind", Clock()
    with te.open(path, clock=clock) as mind:
        mind.remember_many(diary(30))
        lexical = told(mind, *CUES)
    with te.open(path, clock=clock, encoder=ToyEncoder()) as mind:
        dense = told(mind, *CUES)
        assert dense != lexical
        assert any("dense" in hit.why for hit in mind.recall(CUES[0]))
    with te.open(path, clock=clock) as mind:
        assert told(mind, *CUES) == lexical, "vectors of an encoder that is away change nothing"
        assert not mind.health().ok
    with te.open(path, clock=clock, encoder=ToyEncoder()) as mind:
        for one, other in zip(told(mind, *CUES), dense, strict=True):  # they are in a segment now, rounded
            assert dict(one) == pytest.approx(dict(other), abs=1e-3)
        assert mind.check() == []


def test_an_export_makes_the_same_mind_elsewhere(tmp_path: Path) -> None:
    with te.open(tmp_path / "one", clock=Clock()) as one, te.open(tmp_path / "two", clock=Clock()) as two:
        one.remember_many(diary(40))
        one.revise("day-3", "another day")
        for row in one.export():
            names = (
                "text",
                "key",
                "at",
                "source",
                "tags",
                "episode",
                "vector",
                "payload",
                "kind",
                "layer",
                "derived_from",
            )
            two.remember(**{name: row[name] for name in names})
        assert export(two) == export(one)
        assert told(two, *CUES) == told(one, *CUES)


WRITER = """
import sys, thoughtengine as te
with te.open(sys.argv[1]) as mind:
    mind.recall("load the index")
    for n in range(10_000):
        ids = mind.remember_many([te.Experience(text=f"note {n} {i}", key=f"{n}-{i}") for i in range(3)])
        if n % 5 == 0:
            mind.forget(ids[0])
            mind.revise(f"{n}-1", f"revised {n}")
        print(n, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_writer_that_is_killed_loses_nothing_it_was_told(tmp_path: Path, after: int) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "mind")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= after:
                break
        child.send_signal(signal.SIGKILL)
    with te.open(tmp_path / "mind") as mind:
        assert not mind.created
        for n in range(after + 1):
            assert (f"{n}-0" in mind) == bool(n % 5)
            assert mind[f"{n}-1"].text == (f"note {n} 1" if n % 5 else f"revised {n}")
            assert mind[f"{n}-2"].text == f"note {n} 2"
        assert mind.check() == []
        assert mind.health().ok
        before = len(mind)
        assert mind.remember("and on it goes") not in {row["id"] for row in export(mind)[:-1]}
        assert len(mind) == before + 1


def test_two_minds_in_one_process_know_nothing_of_each_other(tmp_path: Path) -> None:
    with te.open(tmp_path / "one") as one, te.open(tmp_path / "two") as two:
        one.remember("Dana's secret", key="k")
        two.remember("Bob's", key="k")
        assert [memory.text for memory in two] == ["Bob's"]
        assert not two.recall("Dana secret")
        one.forget("k", erase=True)
        assert two["k"].text == "Bob's"


def test_a_mind_may_be_opened_and_closed_many_times(tmp_path: Path) -> None:
    for n in range(30):
        with te.open(tmp_path / "mind") as mind:
            assert len(mind) == n
            mind.remember(f"visit {n}")
            assert mind.recall(f"visit {n}")[0].text == f"visit {n}"
    with te.open(tmp_path / "mind") as mind:
        assert mind.check() == []
