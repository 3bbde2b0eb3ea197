"""One remember at a time: a small run of `benchmarks.remember`, and the bare call for `--benchmark-compare`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from benchmarks import remember
from benchmarks.peers import chromadb, fts5, lancedb
from benchmarks.workloads import items

pytestmark = pytest.mark.filterwarnings("ignore")  # what peers warn of is not our concern


@pytest.fixture
def mind(tmp_path: Path) -> Iterator[te.ThoughtEngine]:
    with te.open(tmp_path / "mind") as opened:
        yield opened


def test_every_contestant_is_timed_where_power_may_fail(tmp_path: Path) -> None:
    times = remember.measure_power(tmp_path, n_rounds=2, per_round=2)
    peers = {remember.FTS5: fts5.available(), remember.CHROMA: chromadb.available()}
    expected = {remember.OURS, remember.VECTOR, remember.LEVEL, *(name for name, there in peers.items() if there)}
    assert set(times) == expected
    assert {len(taken) for taken in times.values()} == {2}


def test_every_contestant_is_timed_where_the_process_may_be_killed(tmp_path: Path) -> None:
    times = remember.measure_process(tmp_path, n_rounds=2, per_round=3)
    assert {remember.OURS, remember.LIVE, remember.LEVEL} <= set(times)
    assert [row[0] for row in remember.rows(times)] == list(times)
    assert all("goal at most 15" in (goal.note(times) or "") for goal in remember.PROCESS_GOALS)


def test_every_contestant_is_timed_where_many_come_at_once(tmp_path: Path) -> None:
    times = remember.measure_many(tmp_path, n_rounds=2, per_round=20)
    peers = {remember.CHROMA: chromadb.available(), remember.LANCE: lancedb.available()}
    ours = {remember.OURS, remember.SYNCED, remember.LOOKED, remember.LEVEL}
    assert set(times) == ours | {name for name, there in peers.items() if there}
    notes = [goal.note(times) for goal in remember.MANY_GOALS]
    assert all(note is None or "goal at least 40" in note for note in notes)


def test_remember_one(benchmark: Any, mind: te.ThoughtEngine) -> None:
    waiting = iter(list(items(300)))
    benchmark.pedantic(lambda item: mind.remember(item.text), setup=lambda: ((next(waiting),), {}), rounds=200)
    assert len(mind) == 200


def test_remember_many(benchmark: Any, mind: te.ThoughtEngine) -> None:
    experiences = [item.experience() for item in items(200)]
    benchmark.pedantic(mind.remember_many, (experiences,), rounds=5)
    assert len(mind) == 1_000
