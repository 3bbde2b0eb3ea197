"""A rollback point that is damaged: the newer store stays, what is told is true, and there is a way on."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

import thoughtengine as te
from tests.flat import write_flat
from tests.tables import largest, live
from thoughtengine.storage.pointer import read_pointer, write_pointer

N = 600


def hooks(*, down: bool = True) -> list[te.Upgrades]:
    found = te.Upgrades("acme")
    found.step("note", from_version=1, down=(lambda note: {"text": note["body"]}) if down else None)(
        lambda note: {"body": note["text"]}
    )
    return [found]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mind with payloads of version 1, in tables."""
    path = tmp_path_factory.mktemp("written") / "mind"
    with te.open(path) as mind:
        mind.remember_many(
            [
                te.Experience(
                    text=f"note {n} about tea", kind="acme.note", payload={"text": f"{n} {os.urandom(80).hex()}"}
                )
                for n in range(N)
            ]
        )
    for _ in range(2):
        te.open(path).close()
    return path


def sealed_table(path: Path) -> Path:
    return largest(path.glob("rollback/*"))


def harm(table: Path, how: str) -> None:
    """Take a file away, or flip a bit of it in this place alone: the mind itself stays whole."""
    data = bytearray(table.read_bytes())
    table.unlink()
    if how == "flip":
        data[len(data) // 8] ^= 1
        table.write_bytes(data)


def whole(path: Path, key: str = "body") -> bool:
    """Tell whether a mind opens, twice, and gives every payload."""
    for _ in range(2):
        with te.open(path, hooks=hooks()) as mind:
            payloads = [memory.payload for memory in mind.memories()]
            if len(payloads) != N or not all(key in payload for payload in payloads):
                return False
    return True


def incidents(path: Path) -> str:
    return "\n".join(json.loads(file.read_text())["message"] for file in sorted(path.glob("incidents/*.json")))


@pytest.mark.parametrize("how", ["gone", "flip"])
@pytest.mark.parametrize("open_", [False, True])
def test_payloads_do_not_go_back_to_a_damaged_point(written: Path, tmp_path: Path, how: str, open_: bool) -> None:
    path = tmp_path / "mind"
    shutil.copytree(written, path)
    te.upgrade(path, hooks=hooks())
    table = sealed_table(path)
    harm(table, how)
    for _ in range(2):
        if open_:
            with te.open(path, hooks=hooks()) as mind:
                with pytest.raises(te.StoreDamagedError) as told:
                    mind.upgrade.rollback()
                assert mind.count() == N  # it serves on
                assert "body" in mind[1].payload
        else:
            with pytest.raises(te.StoreDamagedError) as told:
                te.rollback(path, hooks=hooks())
        assert f"{table.relative_to(path)}: " in str(told.value)
        assert "te.rollback(path, to={'acme.note': 1}, hooks=[...])" in str(told.value)
        assert read_pointer(path)[0].stage == "SOAK"
    with pytest.raises(te.StoreDamagedError):
        te.rollback(path, to=1, hooks=hooks())
    assert whole(path)
    te.rollback(path, to={"acme.note": 1}, hooks=hooks())
    with te.open(path) as mind:
        assert all("text" in memory.payload for memory in mind.memories())
        assert mind.count() == N


def test_content_that_is_not_what_was_sealed_is_not_gone_back_to(written: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "mind", tmp_path / "other"
    shutil.copytree(written, path)
    te.upgrade(path, hooks=hooks())
    with te.open(other) as mind:
        mind.remember("somebody else's")
    (sealed,) = path.glob("rollback/*")
    shutil.rmtree(sealed)
    shutil.copytree(other / "gen-000001", sealed)
    with pytest.raises(te.StoreDamagedError, match="digest"):
        te.rollback(path, hooks=hooks())
    assert whole(path)


def half(path: Path) -> None:
    """Leave an upgrade of payloads half done."""
    with te.open(path, hooks=hooks(), upgrade="auto") as mind:
        mind.upgrade.limit(1.0)
        while mind.upgrade.status().done <= 200:
            time.sleep(0.0005)
        mind.upgrade.pause()
    assert read_pointer(path)[0].stage == "UPGRADING"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let upgrades of small stores run behind, in small slices."""
    monkeypatch.setattr("thoughtengine.lifting.SMALL", 10)
    monkeypatch.setattr("thoughtengine.migrations.payloads._ROWS", 32)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("how", ["gone", "flip"])
def test_half_way_it_goes_on_to_its_end_without_the_point(written: Path, tmp_path: Path, how: str) -> None:
    path = tmp_path / "mind"
    shutil.copytree(written, path)
    half(path)
    harm(sealed_table(path), how)
    with pytest.raises(te.StoreDamagedError, match="open it with its hooks, and it is gone on with"):
        te.rollback(path, hooks=hooks())
    assert read_pointer(path)[0].stage == "UPGRADING"
    report = te.upgrade(path, hooks=hooks())
    assert report is not None
    assert report.succeeded
    assert (report.rows_in, report.rows_upgraded) == (N, N)
    assert report.criteria["records lost"].verdict == "not judged"
    assert "could not be compared" in str(report)
    assert "none lost" not in str(report)
    assert "could not be compared" in incidents(path)
    assert whole(path)


@pytest.mark.parametrize("how", ["gone", "flip"])
@pytest.mark.parametrize("until", [True, False])
@pytest.mark.usefixtures("small")
def test_a_mind_that_is_stuck_on_its_way_back_comes_free(written: Path, tmp_path: Path, how: str, until: bool) -> None:
    path = tmp_path / "mind"
    shutil.copytree(written, path)
    if until:
        te.upgrade(path, hooks=hooks())
    else:
        half(path)
    pointer, _ = read_pointer(path)
    assert pointer.upgrade is not None
    note = msgspec.structs.replace(pointer.upgrade, why="as asked")
    write_pointer(path, msgspec.structs.replace(pointer, stage="ROLLING_BACK", upgrade=note))
    harm(sealed_table(path), how)
    with te.open(path, hooks=hooks(), upgrade="wait") as mind:
        assert mind.count() == N
        assert all("body" in memory.payload for memory in mind.memories())
    assert read_pointer(path)[0].stage == "SOAK"
    assert "the way back that was begun (as asked) is let be" in incidents(path)
    assert whole(path)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("behind", [True, False])
def test_what_can_neither_end_nor_go_back_is_served(
    written: Path, tmp_path: Path, behind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fails = tmp_path / "mind", list[bool]()
    shutil.copytree(written, path)
    failing = te.Upgrades("acme")

    @failing.step("note", from_version=1, down=lambda note: {"text": note["body"]})
    def up(note: dict[str, Any]) -> dict[str, Any]:
        if fails and note["text"].startswith("590 "):
            raise ValueError("never")
        return {"body": note["text"]}

    with te.open(path, hooks=[failing]) as mind:
        mind.upgrade.limit(1.0)
        while mind.upgrade.status().done <= 200:
            time.sleep(0.0005)
        mind.upgrade.pause()
    fails.append(True)
    harm(sealed_table(path), "gone")
    with pytest.raises(te.StoreDamagedError, match=r"never.*cannot be taken back"):
        te.upgrade(path, hooks=[failing])
    if not behind:
        monkeypatch.setattr("thoughtengine.lifting.SMALL", 2000)
    with te.open(path, hooks=[failing]) as mind:
        until = time.monotonic() + 20
        while "cannot be taken back" not in incidents(path) and time.monotonic() < until:
            time.sleep(0.01)
        assert mind.count() == N
        assert all("body" in mind[id_].payload for id_ in range(1, 591))
    assert "cannot be taken back" in incidents(path)
    fails.clear()
    te.upgrade(path, hooks=[failing])
    assert read_pointer(path)[0].stage == "SOAK"


def old_rows(n: int = N) -> dict[bytes, bytes]:
    return {
        b"sensory:n%04d" % each: json.dumps({"timestamp": each, "type": "sensory", "raw": f"note {each}"}).encode()
        for each in range(n)
    }


@pytest.mark.parametrize("how", ["gone", "flip"])
def test_a_way_back_to_format_1_that_was_killed_comes_free_too(tmp_path: Path, how: str) -> None:
    path = tmp_path / "mind"
    write_flat(path, old_rows(), compact=True)
    te.upgrade(path)
    pointer, _ = read_pointer(path)
    assert pointer.upgrade is not None
    note = msgspec.structs.replace(pointer.upgrade, why="as asked")
    write_pointer(path, msgspec.structs.replace(pointer, stage="ROLLING_BACK", upgrade=note))
    harm(sealed_table(path), how)
    with te.open(path) as mind:
        assert mind.count() == N
    assert read_pointer(path)[0].stage == "SOAK"
    assert "the way back that was begun (as asked) is let be" in incidents(path)


@pytest.mark.parametrize("how", ["gone", "flip"])
def test_nothing_is_noted_before_the_point_of_a_format_is_read(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mind"
    write_flat(path, old_rows(), compact=True)
    te.upgrade(path)
    harm(sealed_table(path), how)
    noted: list[Any] = []
    from thoughtengine.storage.folder import FolderStore

    point = FolderStore._point

    def look(self: FolderStore, **changes: Any) -> None:
        noted.append(changes.get("stage"))
        point(self, **changes)

    monkeypatch.setattr(FolderStore, "_point", look)
    with pytest.raises(te.StoreDamagedError):
        te.rollback(path)
    with te.open(path) as mind:
        with pytest.raises(te.StoreDamagedError):
            mind.upgrade.rollback()
        assert mind.recall("note 7")  # it serves on
    assert "ROLLING_BACK" not in noted


@pytest.mark.parametrize("how", ["gone", "flip"])
def test_a_check_reads_the_rollback_points_too(written: Path, tmp_path: Path, how: str) -> None:
    path = tmp_path / "mind"
    shutil.copytree(written, path)
    te.upgrade(path, hooks=hooks())
    assert te.check(path) == []
    table = sealed_table(path)
    harm(table, how)
    where = str(table.relative_to(path))
    with te.open(path) as mind:
        findings = mind.check()
    for found in (findings, te.check(path)):
        assert [(each.kind, each.where) for each in found] == [("rollback point", where)]
        assert "acme.note 1" in str(found[0])
    assert read_pointer(path)[0].state == "SETTLED"


def test_no_way_back_is_promised_that_is_visibly_not_there(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from thoughtengine.cli import main

    path = tmp_path / "mind"
    write_flat(path, old_rows(), compact=True)
    te.upgrade(path)
    with te.open(path) as mind:
        mind.remember("since", key="since", kind="acme.note", payload={"text": "since"})
        assert mind.health().ok
    old = sealed_table(path)
    te.upgrade(path, hooks=hooks())
    harm(old, "gone")
    with te.open(path) as mind:
        assert "can be taken back until" in str(mind.upgrade.status())
        assert "(damaged)" in str(mind.upgrade.status())
        assert not mind.health().ok
    te.rollback(path, hooks=hooks())
    where = f"{old.relative_to(path)}: missing"
    with te.open(path) as mind:
        status, health = mind.upgrade.status(), mind.health()
    assert where in status.damaged
    assert where in str(status)
    assert "can be taken back" not in str(status)
    assert where in str(health)
    assert main(["status", str(path)]) == 0
    told = capsys.readouterr().out
    assert where in told
    assert "takes it back" not in told


def test_what_another_bit_flip_hides_from_a_look_a_check_finds(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    write_flat(path, old_rows(), compact=True)
    te.upgrade(path)
    harm(sealed_table(path), "flip")
    with te.open(path) as mind:
        assert mind.upgrade.status().damaged == ""
        assert [found.kind for found in mind.check()] == ["rollback point"]


def test_a_way_back_tells_what_damage_had_taken_before(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    write_flat(path, old_rows(), compact=True)
    report = te.upgrade(path)
    assert report is not None
    assert report.rows_per_second == pytest.approx(report.rows_in / report.seconds)
    with te.open(path) as mind:
        for n in range(50):
            mind.remember(f"new {n}")
    for _ in range(2):
        te.open(path).close()
    for table in live(path.glob("gen-*")):
        table.unlink()
    back = te.rollback(path)
    (read,) = (each for each in te.history(path) if each.kind == "rollback")
    for each in (back, read):
        assert each.succeeded
        assert each.rows_in == N
        assert "none lost" not in str(each)
        assert "50 memories had been lost to damage before" in str(each)
        assert "50 memories had been lost to damage before" in each.markdown()
        assert each.criteria["records lost"].measured == 50
        assert each.criteria["records lost"].verdict == "missed"
        assert each.rows_per_second == pytest.approx(each.rows_in / each.seconds)


def test_the_upgrade_of_what_was_salvaged_tells_so(tmp_path: Path) -> None:
    path, new = tmp_path / "old", tmp_path / "new"
    write_flat(path, old_rows(), compact=True)
    table = largest(path)
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    report = te.upgrade(path, into=new, salvage=True)
    assert report is not None
    (read,) = te.history(new)
    for each in (report, read):
        assert each.succeeded
        assert 0 < each.rows_in < N
        assert "none lost" not in str(each)
        assert "salvaged from" in str(each)
        assert f"{table.name}: a block does not verify" in each.markdown()
        assert each.criteria["records lost"].verdict == "not judged"
    te.rollback(new)
    again = te.upgrade(new)
    assert again is not None
    assert "salvaged" not in str(again)  # it was told


def test_a_way_back_that_could_not_be_proved_does_not_say_that_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    write_flat(path, old_rows(3000), compact=True)
    table = largest(path)
    data = bytearray(table.read_bytes())
    data[len(data) * 9 // 10] ^= 1
    table.write_bytes(data)
    with pytest.raises(te.StoreDamagedError):
        te.upgrade(path)
    (report,) = (each for each in te.history(path) if each.kind == "rollback")
    assert "nothing could be proved" in str(report)
    assert "none lost" not in str(report)
    assert report.criteria["records lost"].verdict == "not judged"


def test_a_report_that_does_not_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    write_flat(path, old_rows())
    report = te.upgrade(path)
    assert report is not None
    assert te.check(path) == []
    (file,) = path.glob("reports/*.json")
    for data in (file.read_bytes()[:300], file.read_bytes()[:20], b"", b"[]", b'{"kind": 3}', b"\xff" * 40):
        file.write_bytes(data)
        (found,) = te.history(path)
        assert (found.id, found.kind, found.succeeded) == (report.id, "upgrade", False)
        assert found.ended
        assert f"{file.name} does not read" in str(found)
        with te.open(path) as mind:
            findings = mind.check()
        for told in (findings, te.check(path)):
            assert [(each.kind, each.where) for each in told] == [("report", f"reports/{file.name}")]
    file.write_bytes(msgspec.json.format(msgspec.json.encode({"id": report.id, "source": 1, "target": 2}))[:-3])
    assert te.history(path)[0].moved == "format 1 to 0"
    te.rollback(path)
    assert len(te.history(path)) == 2


@pytest.mark.parametrize("open_", [False, True])
def test_the_way_back_of_payloads_brings_what_damage_took_in_the_soak(
    written: Path, tmp_path: Path, open_: bool
) -> None:
    path = tmp_path / "mind"
    shutil.copytree(written, path)
    te.upgrade(path, hooks=hooks())
    with te.open(path, hooks=hooks()) as mind:
        for id_ in (150, 300, 450):
            mind.forget(id_)
        mind.forget(301, erase=True)
        mind.remember("since", kind="acme.note", payload={"body": "since"})
    for _ in range(2):
        te.open(path, hooks=hooks()).close()
    for table in live(path.glob("gen-*")):
        data = bytearray(table.read_bytes())
        table.unlink()
        for at in range(500, len(data) - 500, 9000):
            data[at] ^= 1
        table.write_bytes(data)
    assert te.check(path)
    with te.open(path, hooks=hooks()) as mind:
        assert mind.count() < N - 20
        if open_:
            report = mind.upgrade.rollback()
            mind.remember("more")
    if not open_:
        report = te.rollback(path, hooks=hooks())
    assert report is not None
    with te.open(path) as mind:
        assert mind.check() == []
        there = {memory.id for memory in mind.memories()}
        assert {*range(1, N + 1)} - there == {150, 300, 301, 450}
        assert all("text" in memory.payload for memory in mind.memories() if memory.kind == "acme.note")


@pytest.mark.parametrize("how", ["gone", "flip"])
def test_an_erasure_that_cannot_reach_a_damaged_point_tells_what_to_do(written: Path, tmp_path: Path, how: str) -> None:
    path = tmp_path / "mind"
    shutil.copytree(written, path)
    te.upgrade(path, hooks=hooks())
    table = sealed_table(path)
    harm(table, how)
    with te.open(path, hooks=hooks()) as mind:
        with pytest.raises(te.StoreDamagedError, match=r"mind\.upgrade\.commit\(\)") as told:
            mind.forget(5, erase=True)
        assert str(table.relative_to(path)) in str(told.value)
        assert mind.count() == N
        mind.upgrade.commit()
        mind.forget(5, erase=True)
        assert mind.count() == N - 1
        assert mind.check() == []


def harmed(written: Path, path: Path, at: float = 0.5) -> Path:
    """Copy a mind, and flip a bit that nobody has read since; return the name of the file."""
    shutil.copytree(written, path)
    table = largest(path.glob("gen-*"))
    data = bytearray(table.read_bytes())
    data[int(len(data) * at)] ^= 1
    table.write_bytes(data)
    return table.relative_to(path)


def salvaged(path: Path, key: str) -> bool:
    """Tell whether a mind holds what a salvage leaves of it, all of one version, and nothing is wrong with it."""
    with te.open(path) as mind:
        payloads = [memory.payload for memory in mind.memories()]
    return N - 60 < len(payloads) <= N and all(key in payload for payload in payloads) and te.check(path) == []


@pytest.mark.parametrize("act", ["open", "wait", "upgrade", "into"])
def test_damage_that_an_upgrade_of_payloads_meets_before_it_begins_is_salvaged(
    written: Path, tmp_path: Path, act: str
) -> None:
    path = tmp_path / "mind"
    table = harmed(written, path)
    if act in ("open", "wait"):
        te.open(path, hooks=hooks(), upgrade="auto" if act == "open" else "wait").close()
    else:
        into = tmp_path / "into" if act == "into" else None
        report = te.upgrade(path, hooks=hooks(), into=into)
        assert report is not None
        assert report.succeeded
        path = into or path
    assert salvaged(path, "body")
    assert f"{table}: a block does not verify" in incidents(path)
    assert "verify.part" not in incidents(path)


def test_on_the_way_down_of_payloads_it_is_named_and_the_next_try_salvages(written: Path, tmp_path: Path) -> None:
    upgraded, path = tmp_path / "upgraded", tmp_path / "mind"
    shutil.copytree(written, upgraded)
    te.upgrade(upgraded, hooks=hooks())
    with te.open(upgraded) as mind:
        mind.upgrade.commit()
    te.open(upgraded).close()
    table = harmed(upgraded, path)
    with pytest.raises(te.StoreDamagedError) as told:
        te.rollback(path, to={"acme.note": 1}, hooks=hooks())
    assert f"{path}: {table}: a block does not verify. Close the mind and open it again" in str(told.value)
    assert te.rollback(path, to={"acme.note": 1}, hooks=hooks()).succeeded
    assert salvaged(path, "text")


@pytest.mark.usefixtures("small")
def test_behind_a_mind_it_is_told_and_the_next_opening_salvages(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "mind"
    table = harmed(written, path)
    with te.open(path, hooks=hooks()) as mind:
        while not mind.health().reasons:
            time.sleep(0.01)
        assert any("the next open salvages what is readable" in reason for reason in mind.health().reasons)
    assert f"{table}: a block does not verify" in incidents(path)
    with te.open(path, hooks=hooks(), upgrade="wait"):
        pass
    assert salvaged(path, "body")


def test_a_rehearsal_tells_of_it_and_salvages_nothing(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "mind"
    harmed(written, path, 0.9)
    assert te.plan(path, hooks=hooks())  # reads the memories alone
    with pytest.raises(te.StoreDamagedError, match="the rehearsal met damage") as told:
        te.rehearse(path, hooks=hooks())
    assert str(told.value).startswith(f"{path}: ")
    assert not (path / "quarantine").exists()
    assert [finding.kind for finding in te.check(path)] == ["unreadable"]
