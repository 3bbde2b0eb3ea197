"""Starting: a small run of `benchmarks.start`."""

from pathlib import Path

from benchmarks import start


def test_the_start_loads_no_more_than_it_must(tmp_path: Path) -> None:
    runs, loaded = start.measure(tmp_path, n_runs=2, n_memories=20)
    assert [row[0] for row in start.rows(runs, loaded)] == [start.BARE, start.IMPORT, start.PARTS, start.RECALL]
    assert len(start.goals(runs)) == 4
    assert loaded[start.BARE] == loaded[start.IMPORT] == "none"
    assert "numba" not in loaded[start.RECALL]


def test_a_trace_names_modules(tmp_path: Path) -> None:
    rows = start.traced(tmp_path, n_memories=20)
    assert "thoughtengine.engine" in [row[0] for row in rows] or len(rows) == start.SHOWN + 1
    assert rows[-1][0] == "all"
