"""What a check of a folder finds, names and leaves alone."""

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import thoughtengine as te
from tests.tables import largest
from thoughtengine.integration.recovery import check_folder
from thoughtengine.memory.index import live
from thoughtengine.storage.columnfile import ColumnFile, write_columns

WORDS = ["tea", "coffee", "garden", "rain", "meeting", "train"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three hundred memories, closed twice, so that most of them lie in a table and the rest in a log."""
    for half in range(2):
        with te.open(tmp_path / "mind") as mind:
            mind.remember_many(
                te.Experience(text=f"{WORDS[i % 6]} {half} {i}", payload=os.urandom(50)) for i in range(150)
            )
    return tmp_path / "mind"


def flip(file: Path, place: float = 0.5) -> None:
    """Turn one bit of a file over."""
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)


def files_of(path: Path, ending: str) -> list[Path]:
    return sorted((path / "gen-000001").glob(f"*{ending}"))


def kinds(findings: list[te.Finding]) -> list[str]:
    return [finding.kind for finding in findings]


def listing(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_a_sound_mind_has_no_findings_and_is_left_as_it_was(path: Path) -> None:
    before = listing(path)
    assert check_folder(path) == []
    after = listing(path)
    assert {name for name in before if before[name] != after.get(name)} <= {"te.lock"}
    assert set(after) == set(before)


def with_a_wrong_moment(path: Path) -> Path:
    """Let the index tell of one memory another moment than its entry, in a file that verifies; return that file."""
    with patch.object(live, "_FILED", 8), te.open(path) as mind:
        mind.recall("tea")
    (file,) = path.glob("index-*/*.segment")
    before = ColumnFile(file)
    arrays = {name: before.array(name).copy() for name in before._arrays}
    arrays["at"][100] = 0
    write_columns(file, before.meta, arrays)
    return file


def test_a_file_of_the_index_that_tells_something_else_than_its_entries_is_removed(path: Path) -> None:
    file = with_a_wrong_moment(path)
    (told,) = check_folder(path)
    assert (told.kind, told.where, told.ids) == ("derived differs", file.name, (101,))
    assert "it was removed, and is made anew" in told.message
    assert not file.exists()
    assert check_folder(path) == []


def test_an_open_mind_that_finds_such_a_file_answers_from_the_entries_again(path: Path) -> None:
    file = with_a_wrong_moment(path)
    with te.open(path) as mind:
        assert mind.count(until="2001-01-01T00:00:00Z") == 1
        (told,) = mind.check()
        assert told.ids == (101,)
        assert not file.exists()
        assert mind.count(until="2001-01-01T00:00:00Z") == 0
        assert mind.check() == []


def test_a_file_of_the_index_that_cannot_be_removed_is_told_to_be_deleted(path: Path) -> None:
    file = with_a_wrong_moment(path)
    with patch.object(Path, "unlink", side_effect=PermissionError):
        (told,) = check_folder(path)
    assert told.message.endswith("delete the file")
    assert file.exists()


def test_progress_is_told(tmp_path: Path) -> None:
    heard = list[tuple[str, int, int | None]]()
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(te.Experience(tags=["a"]) for _ in range(1024))
    assert check_folder(tmp_path / "mind", progress=lambda *told: heard.append(told)) == []
    assert heard == [("checking", 1024, 1024)]


def test_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for name in ("nothing", "empty", "file"):
        with pytest.raises(te.StoreNotFoundError):
            check_folder(tmp_path / name)
    assert not (tmp_path / "nothing").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_an_open_one_is_checked_by_itself(path: Path) -> None:
    with te.open(path) as mind, pytest.raises(te.StoreLockedError, match=r"use mind\.check\(\)"):
        check_folder(mind.path)
    assert check_folder(path) == []


def test_the_generation_of_another_mind_is_told(tmp_path: Path) -> None:
    for name, n in ("one", 50), ("other", 80):
        with te.open(tmp_path / name) as mind:
            mind.remember_many(te.Experience(text=f"{name} {i}") for i in range(n))
    one, other = tmp_path / "one", tmp_path / "other"
    (one / "gen-000001").rename(tmp_path / "aside")
    (other / "gen-000001").rename(one / "gen-000001")
    (tmp_path / "aside").rename(other / "gen-000001")
    for path, n in (one, 80), (other, 50):
        assert kinds(check_folder(path)) == ["lost tail"]
        with te.open(path) as mind:
            assert "of another mind" in mind.health().incidents[0]
            assert len(mind) == n
            assert mind.remember("goes on") == 81
            assert mind.check() == []
        assert check_folder(path) == []
    with te.open(other) as mind, pytest.raises(te.MemoryNotFoundError, match="lost to damage"):
        mind[60]


@pytest.mark.parametrize("ending", [".ldb", ".log"])
def test_a_flipped_bit_names_the_file_and_the_memories_behind_it(path: Path, ending: str) -> None:
    file = largest(path / "gen-000001") if ending == ".ldb" else max(files_of(path, ending), key=os.path.getsize)
    flip(file)
    findings = check_folder(path)
    assert any(file.name in finding.where or file.name in finding.message for finding in findings), findings
    assert {"unreadable", "lost tail", "missing memory"} & set(kinds(findings))
    lost = {id_ for finding in findings for id_ in finding.ids}
    with te.open(path) as mind:
        assert mind.health().incidents
        assert len(mind) >= 1
        assert {i for i in range(1, 301) if i not in mind} <= lost | set(range(min(lost, default=301), 301))
        assert mind.check() == []
    assert check_folder(path) == []


@pytest.mark.parametrize("name", ["CURRENT", "MANIFEST-*"])
@pytest.mark.parametrize("how", ["flipped", "emptied", "removed"])
def test_damage_to_the_lists_of_files(path: Path, name: str, how: str) -> None:
    (file,) = (path / "gen-000001").glob(name)
    if how == "flipped":
        flip(file)
    elif how == "emptied":
        file.write_bytes(b"")
    else:
        file.unlink()
    assert "unreadable" in kinds(check_folder(path))
    with te.open(path) as mind:
        assert len(mind) == 300
        assert mind.health().incidents
        assert mind.check() == []


def test_one_pointer_file_of_two_is_enough_and_told(path: Path) -> None:
    flip(path / "STORE")
    (finding,) = check_folder(path)
    assert finding.kind == "pointer file"
    assert "the next open mends it" in finding.message
    with te.open(path) as mind:
        assert len(mind) == 300
    assert check_folder(path) == []


def test_without_either_pointer_file_a_backup_is_needed(path: Path) -> None:
    flip(path / "STORE")
    flip(path / "STORE.bak")
    (finding,) = check_folder(path)
    assert (finding.kind, finding.where) == ("pointer file", "STORE")
    assert "te.restore a backup" in finding.message


def test_a_lost_end_of_a_log_is_told(path: Path) -> None:
    with te.open(path) as mind:
        mind.remember("the last one")
    log = max(files_of(path, ".log"), key=lambda file: file.stat().st_size)
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    findings = check_folder(path)
    assert {"lost tail", "unreadable"} & set(kinds(findings))
    with te.open(path) as mind:
        assert mind.health().incidents
        assert 301 not in mind
        assert mind.remember("the next one") > 301, "no id is given out twice"
        assert mind.check() == []


def test_a_generation_that_is_gone(path: Path) -> None:
    os.rename(path / "gen-000001", path / "away")
    (finding,) = check_folder(path)
    assert finding.kind == "unreadable"
    assert "te.restore a backup" in finding.message


def test_damage_met_while_it_is_open(path: Path) -> None:
    mind = te.open(path)
    news = list[te.Event]()
    mind.events.subscribe("incident", news.append)
    flip(largest(path / "gen-000001"))
    findings = mind.check()
    assert "unreadable" in kinds(findings)
    assert not mind.health().ok
    assert "close and open again" in mind.health().reasons[0]
    mind.close()
    assert [event.data["what"] for event in news] == ["damage"]
    with te.open(path) as mind:
        assert mind.health().incidents
        assert mind.check() == []


def test_a_check_leaves_nothing_behind(path: Path) -> None:
    with te.open(path) as mind:
        before = sorted(file.name for file in path.iterdir())
        for _ in range(2):
            assert mind.check() == []
        assert sorted(file.name for file in path.iterdir()) == before


def test_a_mind_goes_on_while_it_is_checked(path: Path) -> None:
    written = list[Any]()
    with te.open(path) as mind:
        mind.remember_many(te.Experience(tags=["a"]) for _ in range(1024))
        findings = mind.check(progress=lambda *told: written.append(mind.remember("meanwhile")))
        assert findings == []
        assert len(written) == 1
        assert mind[written[0]].text == "meanwhile"
