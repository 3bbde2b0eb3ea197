import threading

import pytest

import thoughtengine as te
from thoughtengine.integration.monitor import Monitor, Stats, Timing


def test_nothing_called_nothing_told() -> None:
    assert Monitor().timings() == {}


@pytest.mark.parametrize(
    ("n", "median", "p99"),
    [(1, 1, 1), (2, 1, 2), (3, 2, 3), (4, 2, 4), (100, 50, 99), (101, 51, 100), (1000, 500, 990)],
)
def test_median_and_percentile_are_calls_that_were_made(n: int, median: int, p99: int) -> None:
    monitor = Monitor()
    for i in range(n, 0, -1):
        monitor.note("recall", i / 1000)
    timing = monitor.timings()["recall"]
    assert timing.n == n
    assert (timing.median_ms, timing.p99_ms, timing.max_ms) == pytest.approx((median, p99, n))
    assert timing.median_ms <= timing.p99_ms <= timing.max_ms


def test_only_the_last_1024_calls_are_weighed_and_all_are_counted() -> None:
    monitor = Monitor()
    monitor.note("recall", 99.0)
    for _ in range(1024):
        monitor.note("recall", 0.001)
    assert monitor.timings() == {"recall": Timing(1025, 1.0, 1.0, 1.0)}


def test_a_verb_that_fails_counts() -> None:
    monitor = Monitor()
    with pytest.raises(ValueError, match="mine"), monitor.timed("forget"):
        raise ValueError("mine")
    assert monitor.timings()["forget"].n == 1


@pytest.mark.parametrize(
    ("error", "failed", "refused"),
    [
        (None, 0, 0),
        (te.InvalidArgumentError("k", 0, "more"), 0, 0),
        (te.MemoryNotFoundError(7), 0, 0),
        (te.StoreClosedError("closed"), 0, 0),
        (KeyboardInterrupt(), 0, 0),
        (te.StoreFullError("x", "full"), 0, 1),
        (te.UpgradeRunningError("x", "wait"), 0, 1),
        (te.StoreDamagedError("x", "damaged"), 1, 0),
        (ZeroDivisionError(), 1, 0),
    ],
)
def test_errors_of_the_caller_are_not_ours(error: BaseException | None, failed: int, refused: int) -> None:
    monitor = Monitor()
    before = monitor.calls()
    monitor.note("recall", 0.5, error)
    assert monitor.calls().since(before)[:4] == (1, 0.5, failed, refused)


def test_threads_do_not_lose_counts() -> None:
    monitor = Monitor()

    def work() -> None:
        for _ in range(500):
            with monitor.timed("remember"):
                pass
            monitor.timings()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert monitor.timings()["remember"].n == 2000


def test_stats_read_as_lines() -> None:
    stats = Stats(
        memories=1234, forgotten=5, layers={"sensory": 1200, "emotion": 0, "logic": 34}, sources=3, episodes=2, vectors=7,
        first="2023-05-08T12:00:00+00:00", last=None, bytes_on_disk=2_000_000, bytes_per_memory=1620.7,
        calls={"recall": Timing(3, 1.0, 2.0, 3.0)}, events_dropped=0,
    )  # fmt: skip
    assert str(stats).splitlines() == [
        "1,234 memories (1,200 sensory, 34 logic), 5 forgotten",
        "3 sources, 2 episodes, 7 vectors",
        "2023-05-08T12:00:00+00:00 to -",
        "2,000,000 bytes on disk, 1621 a memory",
        "recall: 3 calls since it was opened, median 1.000 ms, 99th percentile 2.000 ms",
    ]
    assert repr(stats).startswith("Stats(memories=1234, forgotten=5")
