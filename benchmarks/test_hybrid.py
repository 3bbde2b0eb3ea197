"""Words and meaning in one question: a small run of `benchmarks.hybrid`, and the bare call for `--benchmark-compare`."""

from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from benchmarks import hybrid
from benchmarks.peers import Among, chromadb, lancedb, tantivy
from benchmarks.rounds import Took

pytestmark = pytest.mark.filterwarnings("ignore")  # what peers warn of is not our concern


def test_whoever_can_answers_and_finds_what_the_cue_was_made_of(tmp_path: Path) -> None:
    store = hybrid.make(200, 32, None, 9)
    databases = {name for name, peer in ((hybrid.LANCE, lancedb), (hybrid.CHROMA, chromadb)) if peer.available()}
    with hybrid.keepers(store, tmp_path) as (made, seconds):
        assert set(seconds) == set(made)
        for title, admits in hybrid.filters(200).items():
            filtered = title != "no filter"
            compared = hybrid.contestants(made, filtered=filtered)
            measured = hybrid.measure(compared, store, admits, n_rounds=2, n_warm=1)
            assert {hybrid.OURS, *databases} <= set(compared)
            assert (hybrid.OTHER_PAIR in compared) == (tantivy.available() is not None and not filtered)
            assert [row[0] for row in measured.rows()] == list(compared)
            assert set(measured.found.values()) == {1.0}  # of so few, each is found


def test_goals_are_judged_by_the_ratio() -> None:
    measured = hybrid.Measured({hybrid.OURS: [Took(1.0, 1.0)] * 2, hybrid.LANCE: [Took(60.0, 90.0)] * 2}, {})
    assert measured.judged([hybrid.Goal(hybrid.LANCE, 50.0)])[0].endswith("reached")
    assert measured.judged([hybrid.Goal(hybrid.LANCE, 70.0), hybrid.Goal(hybrid.CHROMA, 1.0)]) == [
        "lancedb, hybrid / ours: 60 [60, 60], goal at least 70: missed"
    ]


def test_a_filter_lets_one_in_twenty_through(tmp_path: Path) -> None:
    store = hybrid.make(400, 8, None, 1)
    for title, admits in hybrid.filters(400).items():
        among = admits(store.items[130]) or Among()
        passed = [
            item.number
            for item in store.items
            if among.tag in (None, *item.tags)
            and (among.since is None or item.at >= among.since)
            and (among.until is None or item.at < among.until)
        ]
        assert 130 in passed
        assert len(passed) == 400 if title == "no filter" else 5 <= len(passed) <= 50


def test_hybrid_recall_one(benchmark: Any, tmp_path: Path) -> None:
    store = hybrid.make(1_000, 64, None, 1)
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(item.experience(vector) for item, vector in zip(store.items, store.vectors, strict=True))
        cue = te.Cue(store.asked[0].text, vector=store.cues[0])
        hits = benchmark(mind.recall, cue)
        assert store.asked[0].number + 1 in [hit.memory.id for hit in hits]
