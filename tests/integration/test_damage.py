"""Damaged files: a sample of `python -m tests.damage`, the cases that LevelDB overlooks, and that the judge is awake."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.damage import __main__ as command
from tests.damage.harms import Harm, harms
from tests.damage.oracle import KILLED, LOST, RECOVERED, RIGHT, SILENT, Verdict, judge
from tests.damage.specimens import SPECIMENS, Specimen, killed, large, open_mind, small
from tests.tables import live, newest
from thoughtengine.memory.record import MemoryRecord
from thoughtengine.storage.codec import encode, seal
from thoughtengine.storage.keyspace import APPRAISAL, MARK, MEMORY, RECEIPT
from thoughtengine.storage.store import Level

APART = ["STORE", "STORE.bak", "te.lock", "reserve.bin"]
TABLE = ["table", "table, data", "table, filter", "table, index", "table, footer"]
PARTS = ["log", "MANIFEST", "CURRENT", *TABLE, *APART]


@pytest.fixture(scope="module")
def minds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Specimen]:
    folder = tmp_path_factory.mktemp("specimens")
    return {make.__name__: make(folder) for make in (small, large, killed)}


def judged(specimen: Specimen, harm: Harm, folder: Path) -> Verdict:
    verdict = judge(specimen, harm, folder)
    assert verdict.wrong == [], str(harm)
    return verdict


@pytest.mark.parametrize("part", PARTS)
def test_nothing_wrong_is_served_and_nothing_is_missing_without_a_word(
    minds: dict[str, Specimen], tmp_path: Path, part: str
) -> None:
    specimen = minds["small" if part in APART else "large"]
    sample = [harm for harm in harms(specimen, n=1) if harm.part == part]
    by_kind = {harm.kind: harm for harm in sample}
    assert by_kind
    for harm in by_kind.values():
        judged(specimen, harm, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", SPECIMENS)
def test_nothing_is_silent_anywhere(name: str) -> None:
    assert [verdict for verdict in command.run([name], each=20) if verdict.outcome == SILENT] == []


# ---- what LevelDB overlooks ------------------------------------------------------------------------------------------


def of(specimen: Specimen, pattern: str) -> tuple[str, int]:
    path = max(specimen.generation.glob(pattern))
    return f"{specimen.generation.name}/{path.name}", path.stat().st_size


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_deleted_log_is_told(minds: dict[str, Specimen], tmp_path: Path, name: str) -> None:
    log, _ = of(minds[name], "*.log")
    assert judged(minds[name], Harm("log", "delete", log), tmp_path).outcome == LOST


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_log_cut_below_the_mark_is_told(minds: dict[str, Specimen], tmp_path: Path, share: float) -> None:
    log, size = of(minds["small"], "*.log")
    verdict = judged(minds["small"], Harm("log", "truncate", log, int(share * size)), tmp_path)
    assert verdict.outcome == LOST
    assert verdict.lost == tuple(range(verdict.lost[0], max(minds["small"].truth) + 1))


def test_a_log_cut_above_the_mark_looks_like_a_kill(minds: dict[str, Specimen], tmp_path: Path) -> None:
    log, size = of(minds["killed"], "*.log")
    assert judged(minds["killed"], Harm("log", "truncate", log, size // 2), tmp_path).outcome == KILLED


@pytest.mark.parametrize("at", [0, 4096, 7777])
def test_a_hole_in_a_log_is_told(minds: dict[str, Specimen], tmp_path: Path, at: int) -> None:
    log, _ = of(minds["small"], "*.log")
    assert judged(minds["small"], Harm("log", "zero", log, at), tmp_path).outcome == LOST


@pytest.mark.parametrize("bytes_off", [1, 5, 40])
def test_a_cut_manifest_costs_nothing(minds: dict[str, Specimen], tmp_path: Path, bytes_off: int) -> None:
    manifest, size = of(minds["large"], "MANIFEST-*")
    verdict = judged(minds["large"], Harm("MANIFEST", "truncate", manifest, size - bytes_off), tmp_path)
    assert verdict.outcome in (RIGHT, RECOVERED)


def test_a_missing_current_does_not_make_an_empty_mind(minds: dict[str, Specimen], tmp_path: Path) -> None:
    current, _ = of(minds["large"], "CURRENT")
    assert judged(minds["large"], Harm("CURRENT", "delete", current), tmp_path).outcome == RECOVERED


# ---- what a host sees ------------------------------------------------------------------------------------------------


def test_what_is_lost_is_said_wherever_one_asks(minds: dict[str, Specimen], tmp_path: Path) -> None:
    specimen, path = minds["small"], tmp_path / "mind"
    log, size = of(specimen, "*.log")
    shutil.copytree(specimen.path, path)
    Harm("log", "truncate", log, size // 2).do(path, path)
    findings = te.check(path)
    assert any(finding.kind == "lost tail" for finding in findings)
    with open_mind(path) as mind:
        assert not mind.health().ok
        assert "lost tail" in mind.health().incidents[0]
        gone = max(specimen.truth)
        with pytest.raises(te.MemoryNotFoundError, match="lost to damage"):
            mind[gone]
        assert mind.recall("anything at all").n_candidates <= len(mind)
    for file in (path / "incidents").iterdir():
        file.unlink()
    with open_mind(path) as mind:
        assert mind.health().ok, "deleting its file acknowledges an incident"


# ---- the judge is awake ----------------------------------------------------------------------------------------------


class Sabotage(Harm):
    """Something done to the rows of a copy, behind every checksum."""

    def do(self, mind: Path, older: Path) -> None:
        level = Level(str(next(mind.glob("gen-*"))), te.StorageConfig())
        SABOTAGES[self.kind](level)
        level.close()


def lose_a_memory(level: Level) -> None:
    level.write([], [MEMORY.key(5)], True)


def change_a_text(level: Level) -> None:
    key, record = MEMORY.key(5), MemoryRecord(layer=0, at=0, added=0, text="not what was said")
    level.write([(key, seal(key, MEMORY, 9, encode(record)))], [], True)


def change_a_feeling(level: Level) -> None:
    chosen = level.page(APPRAISAL.prefix, APPRAISAL.stop, 1, False)[0][0]
    level.write([], [chosen], True)


def show_what_was_forgotten(level: Level) -> None:
    level.write([], [key for key, _ in level.page(MARK.prefix, MARK.stop, 99, False)], True)


def garble_a_row(level: Level) -> None:
    level.write([(MEMORY.key(5), b"garbage")], [], True)


SABOTAGES: dict[str, Callable[[Level], None]] = {
    do.__name__: do for do in (lose_a_memory, change_a_text, change_a_feeling, show_what_was_forgotten, garble_a_row)
}


@pytest.mark.parametrize("kind", SABOTAGES)
def test_the_judge_sees_what_must_not_be(minds: dict[str, Specimen], tmp_path: Path, kind: str) -> None:
    verdict = judge(minds["small"], Sabotage("row", kind, "gen-000001"), tmp_path)
    assert verdict.outcome == SILENT
    assert verdict.wrong


def test_a_lost_receipt_is_told_and_its_number_is_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember("what is to be forgotten")
        mind.forget(1)
    log = max(path.glob("gen-*/*.log"))
    data = bytearray(log.read_bytes())
    data[data.index(RECEIPT.key(1)) + 30] ^= 1
    log.write_bytes(data)
    with te.open(path) as mind:
        assert "receipts 1 are gone" in mind.health().incidents[0]
        assert mind.check() == []


def test_receipts_that_are_lost_with_the_newest_head_are_told_too(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        ids = [mind.remember(f"Note number {n}.") for n in range(50)]
    with te.open(path) as mind:
        mind.forget(ids[7])
        mind.pin(ids[8])
    te.open(path).close()  # makes a table of the log of the life before
    newest(path.glob("gen-*")).unlink()
    with te.open(path) as mind:
        assert "receipts 1, 2 are gone" in mind.health().incidents[0]
        assert ids[7] in mind
        assert mind.check() == []
        assert mind.forget(ids[7]).id == 3


def test_what_a_killed_writer_acknowledged_is_missed_once_the_mind_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        ids = [mind.remember(f"Note number {n}.") for n in range(50)]
    child = os.fork()
    if not child:
        with te.open(path) as mind:
            mind.remember("Late.")
            mind.forget(ids[7])
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    te.open(path).close()  # makes a table of the log of the life before
    newest(path.glob("gen-*")).unlink()
    with te.open(path) as mind:
        assert "receipts 1 are gone" in mind.health().incidents[0]
        with pytest.raises(te.MemoryNotFoundError, match="lost"):
            mind[51]
        assert mind.check() == []
        assert mind.remember("New.") == 52
        assert mind.forget(ids[7]).id == 3, "the second tells what is lost"


# ---- a writer that was killed, and then damage in what it wrote last ----------------------------------------------------


def killed_writer(path: Path, *, n: int = 1) -> tuple[list[int], Path]:
    """Give the ids and the log of a writer that was killed after it remembered `n` times and forgot 1; 20 were there."""
    with te.open(path) as mind:
        mind.remember_many([te.Experience(text=f"Note number {n}.") for n in range(20)])
    child = os.fork()
    if not child:
        mind = te.open(path)
        ids = [mind.remember(f"Late, number {n}.") for n in range(n)]
        mind.forget(1)
        os._exit(0 if ids == [*range(21, 21 + n)] else 1)
    assert os.waitpid(child, 0)[1] == 0
    return [*range(21, 21 + n)], max(path.glob("gen-*/*.log"))


def flip_the_last(log: Path) -> None:
    data = bytearray(log.read_bytes())
    data[-9] ^= 1
    log.write_bytes(data)


def zero_the_first_record(log: Path) -> None:
    data = bytearray(log.read_bytes())
    data[:80] = bytes(80)
    data[-80:-40] = bytes(40)
    log.write_bytes(data)


@pytest.mark.parametrize("harm", [Path.unlink, flip_the_last, zero_the_first_record])
def test_numbers_that_a_killed_writer_gave_out_are_not_given_out_again(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = tmp_path / "mind"
    ids, log = killed_writer(path, n=9)
    harm(log)
    for _ in range(2):
        with te.open(path) as mind:
            [told] = mind.health().incidents
            assert "may be lost, or may never have been" in told
            for id_ in ids:
                if id_ not in mind:
                    with pytest.raises(te.MemoryNotFoundError, match="lost to damage"):
                        mind[id_]
            assert mind.check() == []
            assert len(mind) >= 20
    with te.open(path) as mind:
        assert mind.remember("New.") > ids[-1]
        assert mind.forget(1).id > 1
        with pytest.raises(te.MemoryNotFoundError, match="if there was one, it was lost to damage"):
            mind[4000]
    assert te.check(path) == []


def test_of_a_mind_that_was_closed_it_is_known_what_was_written_last(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    killed_writer(path)
    te.open(path).close()
    assert te.check(path) == []
    with te.open(path) as mind:
        mind.remember("What is lost.")
    log = max(path.glob("gen-*/*.log"))
    log.write_bytes(log.read_bytes().replace(b"What is lost", b"what is lost"))
    flip_the_last(log)
    assert te.check(path) != []
    with te.open(path) as mind:
        [told] = mind.health().incidents
        assert "may be lost" not in told
        with pytest.raises(te.MemoryNotFoundError, match="22: it was lost to damage"):
            mind[22]
        assert mind.remember("New.") == 23
        assert mind.forget(2).id == 3, "the second tells what is lost"


def test_a_table_that_is_damaged_elsewhere_leaves_no_doubt(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    killed_writer(path)
    mind = te.open(path)  # makes a table of the log, and is killed too
    mind._store._close_level()
    mind._store._lock.release()
    tables = live(path.glob("gen-*"))
    assert max(path.glob("gen-*/*.log")).stat().st_size == 0
    data = bytearray(tables[0].read_bytes())
    data[40] ^= 1
    tables[0].write_bytes(data)
    assert te.check(path) != []
    with te.open(path) as mind:
        [told] = mind.health().incidents
        assert "may be lost" not in told
        assert mind.remember("New.") == 22


def test_the_table_that_holds_what_was_written_last_may_be_missed(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    killed_writer(path)
    mind = te.open(path)
    mind._store._close_level()
    mind._store._lock.release()
    newest(path.glob("gen-*")).unlink()
    with te.open(path) as mind:
        [told] = mind.health().incidents
        assert "memories 21 to 4116 and receipts 1 to 256 may be lost" in told
        assert mind.remember("New.") == 4117


def test_a_batch_that_goes_beyond_what_the_pointer_file_tells_is_told_there_first(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        reach = mind._store.pointer.mark.reach
        ids = mind.remember_many([te.Experience(text=f"Note number {n}.") for n in range(reach[0] + 100)])
        assert mind._store.pointer.mark.next_id == 1
        assert ids[-1] < mind._store.pointer.mark.reach[0]
        shutil.copytree(path, tmp_path / "killed")
    max((tmp_path / "killed").glob("gen-*/*.log")).unlink()
    with te.open(tmp_path / "killed") as mind:
        assert mind.check() == []
        assert mind.remember("New.") > ids[-1]


def test_receipts_that_are_lost_with_the_end_of_a_log_are_told_too(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember("what is to be forgotten")
        mind.forget(1)
    log = max(path.glob("gen-*/*.log"))
    os.truncate(log, log.read_bytes().index(RECEIPT.key(1)))
    with te.open(path) as mind:
        [told] = mind.health().incidents
        assert "lost tail" in told
        assert "receipts 1 to 1 are lost" in told
        assert "memories" not in told
        assert mind.check() == []
        assert mind.forget(1).id == 2


def test_the_judge_finds_nothing_where_nothing_was_done(minds: dict[str, Specimen], tmp_path: Path) -> None:
    verdict = judged(minds["large"], Harm("te.lock", "zero", "te.lock"), tmp_path)
    assert verdict.outcome == RIGHT


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_prints_a_table_and_tells_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    verdicts = [
        Verdict(Harm("log", "flip", "x.log", 5), RECOVERED),
        Verdict(Harm("log", "flip", "x.log", 6), LOST, (1,)),
        Verdict(Harm("table, data", "delete", "x.ldb"), RIGHT),
    ]
    given: list[Any] = []
    monkeypatch.setattr(command, "run", lambda names, **options: given.append((names, options)) or verdicts)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{command.BEGIN}\nold\n{command.END}\nafter\n")
    monkeypatch.setattr(command, "PAGE", page)
    assert command.main(["--specimen", "small", "--each", "3", "--write"]) == 0
    assert given == [(["small"], {"each": 3, "seed": 0, "loud": True})]
    table = command.as_markdown(verdicts)
    assert "| log | flip | 2 |  | 1 | 1 |  |  |  |" in table
    assert "| all | | 3 | 1 | 1 | 1 | 0 | 0 | 0 |" in table
    assert table in capsys.readouterr().out
    assert page.read_text() == f"before\n{command.BEGIN}\n\n{table}\n{command.END}\nafter\n"
    verdicts.append(Verdict(Harm("log", "flip", "x.log", 7), SILENT))
    assert command.main([]) == 1
