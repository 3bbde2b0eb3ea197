"""After an upgrade a store is compacted where that is worth it, and told so."""

import random
from pathlib import Path

import pytest

import thoughtengine as te
from tests.flat import write_flat
from thoughtengine.config import StorageConfig
from thoughtengine.memory.record import MemoryRecord
from thoughtengine.migrations import optimise
from thoughtengine.migrations.meter import Pace
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import MEMORY

SMALL_BUFFER = StorageConfig(write_buffer_bytes=1 << 16)


@pytest.fixture
def mind(tmp_path: Path) -> Path:
    chance = random.Random(1)
    with te.open(tmp_path / "mind", config=te.Config(storage=SMALL_BUFFER)) as mind:
        mind.remember_many([te.Experience(text=chance.randbytes(200).hex()) for _ in range(2000)])
    return tmp_path / "mind"


def test_what_gains_is_done_and_nothing_changes(mind: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimise, "_GAIN", -1.0)
    store = FolderStore(mind, SMALL_BUFFER)
    try:
        before = dict(store.rows(MEMORY, MemoryRecord))
        (tried,) = optimise.optimise(store, Pace())
        assert (tried.name, tried.applied) == ("compaction", True)
        assert min(tried.before_seconds, tried.after_seconds, tried.before_bytes, tried.after_bytes) > 0
        assert dict(store.rows(MEMORY, MemoryRecord)) == before
        assert not list(mind.glob("*.part"))
    finally:
        store.close()
    assert te.check(mind) == []


def test_what_does_not_gain_is_left(mind: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimise, "_GAIN", 1.0)
    store = FolderStore(mind, SMALL_BUFFER)
    try:
        files = sorted(path.name for path in store.generation.glob("*.ldb"))
        (tried,) = optimise.optimise(store, Pace())
        assert not tried.applied
        assert "not worth it" in str(tried)
        assert sorted(path.name for path in store.generation.glob("*.ldb")) == files
    finally:
        store.close()


def test_a_report_tells_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimise, "_SMALL", 0)
    write_flat(tmp_path / "old", {f"sensory:{n}".encode(): b'{"raw": "tea"}' for n in range(20)})
    report = te.upgrade(tmp_path / "old")
    assert report is not None
    assert [tried.name for tried in report.optimisations] == ["compaction"]
    assert te.history(tmp_path / "old")[-1].optimisations == report.optimisations
    assert "- compaction" in next((tmp_path / "old" / "reports").glob("*.md")).read_text()
