"""Columns: a small run of `benchmarks.columns`."""

from pathlib import Path

from benchmarks import columns


def test_both_ways_read_what_was_written(tmp_path: Path) -> None:
    rows = columns.measure(tmp_path, megabytes=4, rounds=1)
    assert [row[0] for row in rows] == [columns.LEVELDB, columns.FILES]
    assert all(len(row) == len(columns.HEADS) for row in rows)
