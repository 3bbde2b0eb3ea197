"""Recall: a small run of `benchmarks.recall`, and the bare call for `--benchmark-compare`."""

from pathlib import Path
from typing import Any

import thoughtengine as te
from benchmarks import recall
from benchmarks.workloads import items, questions


def test_every_peer_has_a_row_for_every_size(tmp_path: Path) -> None:
    rows = recall.measure(["thoughtengine", "grep"], [20, 40], tmp_path, n_repeats=1)
    assert [str(row[0]).split()[:2] for row in rows] == [
        ["20", "thoughtengine"], ["20", "substring"], ["40", "thoughtengine"], ["40", "substring"],
    ]  # fmt: skip
    assert {len(row) for row in rows} == {len(recall.HEADS)}
    assert {row[3] for row in rows} == {1.0}  # of so few, each is found


def test_recall_one(benchmark: Any, tmp_path: Path) -> None:
    kept = list(items(1_000))
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(item.experience() for item in kept)
        question = questions(kept, 1)[0]
        hits = benchmark(mind.recall, question.text)
        assert question.number + 1 in [hit.memory.id for hit in hits]


def test_the_first_recall_of_a_mind(benchmark: Any, tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(item.experience() for item in items(1_000))

    def look() -> int:
        with te.open(tmp_path / "mind", create=False) as mind:
            return len(mind.recall(next(items(1)).text))

    assert benchmark.pedantic(look, rounds=5) > 0
