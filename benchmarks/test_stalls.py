"""The longest stall: a small run of `benchmarks.stalls`."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import stalls
from benchmarks.workloads import Cloud, items


def test_every_kind_of_call_is_timed_alone_and_beside_a_writer(tmp_path: Path) -> None:
    rows = stalls.measure(tmp_path, None, n=40, n_before=20, every=10)
    assert [row[:2] for row in rows] == [
        ["remember, alone", 40],
        ["remember, alone, recalls in between", 40],
        ["recall, alone, recalls in between", 4],
        ["remember, a writer beside", 40],
        ["remember, a writer beside, recalls in between", 40],
        ["recall, a writer beside, recalls in between", 4],
    ]
    assert {len(row) for row in rows} == {len(stalls.HEADS)}


def test_what_arrives_later_is_what_would_have_arrived() -> None:
    later = list(stalls.arrivals(5, None, first=3))
    assert [item for item, _ in later] == list(items(8))[3:]
    assert np.array_equal([vector for _, vector in later], Cloud(stalls.DIMENSION).rows(3, 8))


@pytest.mark.parametrize(("slowest", "judged"), [(0.007, "reached"), (0.009, "missed")])
def test_the_goal_is_four_medians_and_four_milliseconds(slowest: float, judged: str) -> None:
    calls = stalls.Calls([0.001] * 998 + [slowest] * 2, [0.001] * 1_000)
    assert calls.row("recall")[5] == f"8 ms: {judged}"
