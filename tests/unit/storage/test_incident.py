"""Incidents: written, read back, and never the reason for another failure."""

import logging
from pathlib import Path

import pytest

from thoughtengine.storage.incident import INCIDENTS, Incident, read_incidents, record_incident


def test_what_was_recorded_is_read_back_in_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "thoughtengine"):
        first = record_incident(tmp_path, "lost tail", "the end is gone", files=("gen-000001",), found=3, ids=(1, 2))
        second = record_incident(tmp_path, "damage", "a flipped bit")
    assert read_incidents(tmp_path) == [
        Incident(first.kind, first.at, first.message, ("gen-000001",), {"found": 3, "ids": [1, 2]}),
        second,
    ]
    assert "the end is gone" in caplog.text
    assert str(second).endswith("damage: a flipped bit")


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    record_incident(tmp_path, "damage", "x")
    (file,) = (tmp_path / INCIDENTS).iterdir()
    assert file.name.endswith("-damage.json")
    assert (tmp_path / INCIDENTS).stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_where_there_is_no_room_the_log_must_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / INCIDENTS).write_text("in the way")
    with caplog.at_level(logging.WARNING, "thoughtengine"):
        incident = record_incident(tmp_path, "damage", "a flipped bit")
    assert incident.message == "a flipped bit"
    assert "a flipped bit" in caplog.text
    assert read_incidents(tmp_path) == []


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000, b'{"kind": 1}'])
def test_an_incident_file_that_does_not_read_is_an_incident(tmp_path: Path, data: bytes) -> None:
    (tmp_path / INCIDENTS).mkdir()
    (tmp_path / INCIDENTS / "x.json").write_bytes(data)
    (found,) = read_incidents(tmp_path)
    assert (found.kind, found.files) == ("damage", ("x.json",))


def test_no_folder_is_no_incident(tmp_path: Path) -> None:
    assert read_incidents(tmp_path) == []


def test_the_same_is_told_once_as_long_as_it_is_on_record(tmp_path: Path) -> None:
    for _ in range(3):
        record_incident(tmp_path, "damage", "a flipped bit")
    record_incident(tmp_path, "damage", "another flipped bit")
    assert len(read_incidents(tmp_path)) == 2
    for file in (tmp_path / INCIDENTS).iterdir():
        file.unlink()
    record_incident(tmp_path, "damage", "a flipped bit")
    assert len(read_incidents(tmp_path)) == 1, "it was acknowledged, and is there again"
