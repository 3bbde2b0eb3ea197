"""What is told of an upgrade that runs, is refused, or goes back: nothing that is not so."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

import thoughtengine as te
from tests.flat import write_flat
from thoughtengine import lifting
from thoughtengine.config import StorageConfig
from thoughtengine.entering import standing
from thoughtengine.migrations import online
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.pointer import read_pointer, write_pointer
from thoughtengine.wording import plainly


def flat(path: Path, n: int) -> Path:
    rows = {
        b"sensory:%05d" % i: json.dumps({"timestamp": 1, "type": "t", "raw": f"word {i}"}).encode() for i in range(n)
    }
    write_flat(path, rows, compact=True)
    return path


def run(*given: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "thoughtengine", *map(str, given)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_the_share_is_of_the_whole_also_where_phases_were_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = flat(tmp_path / "old", 2500)
    monkeypatch.setattr(online.Background, "start", lambda self: None)
    with te.open(old) as mind:
        assert mind.stats().bytes_on_disk > old.joinpath("gen-000001").stat().st_size
        assert mind.stats().bytes_on_disk > 2500
        background = mind._background
        assert background is not None
        running = background.upgrade
        for _ in range(3):
            for _ in range(40):
                if not running.phase.startswith("P4"):
                    running.step()
            assert running.phase == "P4 integration"
            running.step(0.001)
            assert running.done <= running.total
            mind.upgrade.rollback("P1")
    with te.open(old, upgrade="wait") as mind:
        assert mind.check() == []
        assert "%" not in str(mind.upgrade.status())


def test_what_others_that_say_nearly_the_same_come_before_is_not_told_as_not_found(tmp_path: Path) -> None:
    texts = ["tea", *(f"tea, tea and tea {i}" for i in range(30)), *(f"other {i} words" for i in range(19))]
    rows = {
        b"sensory:%05d" % i: json.dumps({"timestamp": i * 10**9, "type": "t", "raw": text}).encode()
        for i, text in enumerate(texts)
    }
    write_flat(tmp_path / "old", rows, compact=True)
    report = te.upgrade(tmp_path / "old")
    assert report is not None
    assert (report.probes, report.probes_failed) == (50, 0)
    back = te.rollback(tmp_path / "old")
    assert back.probes > back.probes_failed == 0


def test_what_its_own_words_do_not_call_up_is_counted(tmp_path: Path) -> None:
    old = flat(tmp_path / "old", 20)
    with te.open(old, upgrade="wait") as mind:
        mind.upgrade.commit()
        wanted = [(id_, "", text) for id_, text in ((7, "word 6"), (8, "else"), (9, "nowhere"))]
    with closing(FolderStore(old, StorageConfig())) as store:
        assert lifting.TOOLS.probe(store, wanted, True) == ([], 2)


def test_status_names_who_has_it_open_and_one_thing_of_a_way_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = flat(tmp_path / "old", 2500)
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    with te.open(old):
        told = run("status", old)
        assert "goes on in the program that has the mind open (process" in told
    assert "goes on with it" in run("status", old)
    monkeypatch.undo()
    with te.open(old, upgrade="wait"):
        pass
    pointer, _ = read_pointer(old)
    assert pointer.upgrade is not None
    asked = msgspec.structs.replace(pointer.upgrade, why="as asked")
    write_pointer(old, msgspec.structs.replace(pointer, stage="ROLLING_BACK", upgrade=asked))
    told = "\n".join(standing(str(old)))
    assert "a way back" in told
    assert "done:" not in told
    with pytest.raises(te.UpgradeFailedError, match="the way back that was asked for"):
        te.open(old)


def test_an_upgrade_that_is_refused_is_not_told_as_begun(tmp_path: Path) -> None:
    old = flat(tmp_path / "old", 10)
    manifest = next(old.glob("MANIFEST*"))
    manifest.write_bytes(b"\0" * 40)
    told = run("upgrade", old)
    assert "nothing was touched" in told
    assert "upgrading format 1" not in told


def test_commands_name_the_folder_where_it_is_known(tmp_path: Path) -> None:
    old = flat(tmp_path / "old", 10)
    with pytest.raises(te.UpgradeRequiredError) as told:
        te.open(old, upgrade="refuse")
    assert f"`thoughtengine upgrade {old}`" in plainly(told.value)


def test_two_damaged_pointer_files_say_what_to_do(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("tea")
    for name in ("STORE", "STORE.bak"):
        (tmp_path / "mind" / name).write_bytes(b"nothing of ours")
    with pytest.raises(te.StoreDamagedError, match=r"te\.restore a backup"):
        te.open(tmp_path / "mind")
