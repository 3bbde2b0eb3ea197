import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import thoughtengine as te
from thoughtengine.patterns.episodes import topics


def test_a_change_of_topic_is_found_where_it_is() -> None:
    random = np.random.default_rng(0)
    directions = random.normal(size=(4, 32))
    numbers = np.repeat(np.arange(4), [8, 5, 10, 7])
    vectors = (directions[numbers] + 0.5 * random.normal(size=(30, 32))).astype(np.float32)
    for power in (0, -100, 120):
        assert topics(np.ldexp(vectors, power)).tolist() == [8, 13, 23], "the length of a vector says nothing"


def test_a_higher_penalty_gives_fewer_segments() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    counts = [len(topics(vectors, penalty=penalty)) for penalty in (0.2, 0.8, 1.6, 3.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_nothing_and_one_have_no_boundary() -> None:
    assert topics(np.zeros((0, 4), np.float32)).tolist() == topics(np.ones((1, 4), np.float32)).tolist() == []


START = dt.datetime(2024, 1, 1, 9, tzinfo=dt.UTC)


def said(minute: int, vector: list[float] | None = None, **fields: Any) -> te.Experience:
    return te.Experience(text=f"minute {minute}", at=START + dt.timedelta(minutes=minute), vector=vector, **fields)


def test_episodes_are_between_pauses_and_end_with_their_topic(tmp_path: Path) -> None:
    tea, rail = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    with te.open(tmp_path / "mind") as mind:
        assert mind.patterns.episodes() == []
        first = mind.remember_many(said(minute, tea) for minute in range(4))
        mind.remember_many(said(minute, tea, episode="named") for minute in range(4, 6))
        second = mind.remember_many(said(minute, tea if minute < 105 else rail) for minute in range(100, 110))
        bare = mind.remember_many(said(minute) for minute in (200, 229, 270))
        forgotten = mind.remember_many([said(280)])
        mind.forget(*forgotten)
        found = mind.patterns.episodes()
        assert [list(one.ids) for one in found] == [bare[2:], bare[:2], second[5:], second[:5], first]
        assert (found[1].begins, found[1].ends) == tuple(START + dt.timedelta(minutes=m) for m in (200, 229))
        assert [one.ids for one in mind.patterns.episodes(k=2)] == [one.ids for one in found[:2]]
        by_pause = [list(one.ids) for one in mind.patterns.episodes(by_topic=False)]
        assert by_pause == [bare[2:], bare[:2], second, first]
        assert repr(found[1]) == f"<Episode of 2 memories from {bare[0]} on: 2024-01-01 12:20, 29 minutes>"


@pytest.mark.parametrize("k", [0, True, "5"])
def test_how_many_episodes_is_a_whole_number(tmp_path: Path, k: object) -> None:
    with te.open(tmp_path / "mind") as mind, pytest.raises(te.InvalidArgumentError, match="k"):
        mind.patterns.episodes(k=k)  # type: ignore[arg-type]
