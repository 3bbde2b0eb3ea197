import pytest

from thoughtengine.demo.figures import Board, Rate, Row, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)]
)
def test_wilson_against_published_values(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


def test_nothing_known_without_trials() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert Rate(0, 0).value == 0.0


def test_a_row_counts_ranks_from_zero() -> None:
    row = Row.of("us", [0, 4, 5, None], (1, 5), [0.001, 0.003, 0.002, 0.002])
    assert [rate.hits for rate in row.rates] == [1, 2]
    assert row.milliseconds == pytest.approx(2.0)


def test_every_lost_figure_is_told() -> None:
    ours = Row("us", (Rate(50, 100), Rate(60, 100)), 2.0)
    near = Row("near", (Rate(52, 100), Rate(60, 100)), 3.0)
    far = Row("far", (Rate(10, 100), Rate(95, 100)), 0.5)
    idle = Row("idle", (Rate(0, 100), Rate(1, 100)), 0.001)
    assert Board("task", "rules", ("hit@1", "hit@10"), (ours, near, far, idle)).lost == (
        "hit@1 to near (50 to 52 %, within the interval)",
        "hit@10 to far (60 to 95 %)",
        "time to far (2.00 to 0.50 ms)",
    )


def test_nothing_lost() -> None:
    board = Board("task", "rules", ("hit@1",), (Row("us", (Rate(5, 5),)), Row("them", (Rate(5, 5),))))
    assert board.lost == ()
    assert board.n == 5
