"""An upgrade of format 1: a small run of `benchmarks.upgrade`."""

from pathlib import Path

import pytest

from benchmarks import upgrade, upgrade_large


def test_every_figure_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "WINDOW_SECONDS", 0.02)
    rows = upgrade.measure(tmp_path, records=2500, pairs=3)
    told = {str(row[0]): str(row[1]) for row in rows}
    assert told["failed calls"] == "0"
    assert told["records, bytes"].startswith("2,500, ")
    assert len(rows) == 11


def test_a_large_store_is_measured_too(tmp_path: Path) -> None:
    rows = upgrade_large.measure(tmp_path, records=300, rounds=1)
    told = {str(row[0]).strip(): str(row[1]) for row in rows}
    assert told["mind"] == "300 records"
    assert "P4 host payloads" in told
    assert "taken back" in told
