"""An upgrade of format 1: a small run of `benchmarks.upgrade`."""

from pathlib import Path

import pytest

from benchmarks import upgrade


def test_every_figure_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "WINDOW_SECONDS", 0.02)
    rows = upgrade.measure(tmp_path, records=2500, pairs=3)
    told = {str(row[0]): str(row[1]) for row in rows}
    assert told["failed calls"] == "0"
    assert told["records, bytes"].startswith("2,500, ")
    assert len(rows) == 10
