"""A sample of the crash matrix over the library, and the proof that its oracle sees what it should."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import thoughtengine as te
from tests.crash import recorder
from tests.crash.matrix import FAULT, Choice, Tally, as_json, as_markdown, choose, main, rows_for, run
from tests.crash.oracle import State, allowed, judge, word
from tests.crash.point import Point, Result, Row
from tests.crash.workloads import BACKUP, MIND, WORKLOADS, Diary, Life

VERBS = ["create", "remember", "remember_many", "revise", "forget", "erase", "backup", "restore"]
NEEDS_COMPILER = pytest.mark.skipif(recorder.find_compiler() is None, reason="needs Linux and a C compiler")

# ---- the sample ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    """Crash every workload at a point of each of these; `python -m tests.crash.matrix` has all points of all modes."""
    return run(
        rows_for(modes=["kill", "cut", "torn", "dirs"]),
        Choice(points=1, seed=1),
        base=tmp_path_factory.mktemp("matrix"),
    )


@NEEDS_COMPILER
@pytest.mark.parametrize("workload", [name for name in WORKLOADS if not name.startswith(FAULT)])
def test_nothing_acknowledged_is_lost(sample: Tally, workload: str) -> None:
    mine = [result for result in sample.results if result.point.row.workload == workload]
    assert {result.point.row.durability for result in mine} == {"process", "power"}
    assert len(mine) == 6
    assert [(str(result.point), result.violations) for result in mine if result.violations] == []


@NEEDS_COMPILER
def test_a_sampled_crash_is_a_crash(sample: Tally) -> None:
    assert all(n > 5 for n in sample.n_operations.values())
    assert all(result.operation for result in sample.results)
    assert f"{len(sample.results)} crash points, 0 violated" in as_markdown(sample)


@pytest.mark.long
@NEEDS_COMPILER
@pytest.mark.parametrize("fault", [name for name in WORKLOADS if name.startswith(FAULT)])
def test_a_seeded_fault_is_caught(fault: str, tmp_path: Path) -> None:
    """The order of two file operations is turned round: at some point between them everything is gone."""
    tally = run(rows_for([fault], ["kill"], "process"), Choice(every=2), base=tmp_path)
    assert tally.violations
    assert len(tally.violations) < len(tally.results)


# ---- the oracle ------------------------------------------------------------------------------------------------------


def diary_of(path: Path, *lines: dict[str, object]) -> Path:
    for line in lines:
        Diary(path).write(**line)
    return path


def item(n: int) -> dict[str, object]:
    return {"text": f"Note {n} about {n:024d} and", "key": None, "source": None}


def found(state: State) -> list[int]:
    return sorted(int(word(text)) for text in state.visible())


REMEMBER_TWO: tuple[dict[str, object], ...] = (
    {"intent": "remember", "items": [item(1)]},
    {"done": "remember", "ids": [1]},
    {"intent": "sync"},
    {"done": "sync", "ids": []},
    {"intent": "remember", "items": [item(2)]},
    {"done": "remember", "ids": [2]},
)


def test_all_that_was_acknowledged_is_expected(tmp_path: Path) -> None:
    diary = diary_of(tmp_path / "diary", *REMEMBER_TWO)
    assert [(found(each.state), each.meaning) for each in allowed(diary, "all")] == [([1, 2], "all")]


def test_the_action_in_flight_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    diary = diary_of(tmp_path / "diary", *REMEMBER_TWO, {"intent": "remember_many", "items": [item(3), item(4)]})
    assert [found(each.state) for each in allowed(diary, "all")] == [[1, 2], [1, 2, 3, 4]]


def test_a_prefix_goes_back_to_what_was_synced(tmp_path: Path) -> None:
    diary = diary_of(tmp_path / "diary", *REMEMBER_TWO, {"intent": "forget", "of": [1]})
    states = [(found(each.state), each.meaning) for each in allowed(diary, "prefix")]
    assert states == [([1, 2], "all"), ([1], "without the last 1"), ([2], "all, and the one in flight")]


@pytest.fixture
def life(tmp_path: Path) -> Life:
    (tmp_path / "root").mkdir()
    life = Life(tmp_path / "root", tmp_path / "diary", durability="process", name="judged")
    WORKLOADS["remember"].prepare(life)
    return life


def verdict_on(life: Life) -> list[str]:
    spare = life.root.parent / "spare"
    return judge(life.root, life.diary.path, spare, guarantee="all", durability="process").violations


def test_a_life_in_peace_is_in_order(life: Life) -> None:
    life.backup()
    life.open()
    life.erase(3)
    life.snapshot("one")
    life.close()
    life.fork()
    assert verdict_on(life) == []


def lose_a_memory(life: Life) -> None:
    life.act("remember", lambda: 99, items=[life.item()])


def change_a_key(life: Life) -> None:
    life.open()
    given = life.item(key="other")
    life.act("remember", lambda: life.mind.remember(**given), items=[{**given, "key": "told"}])
    life.close()


def show_a_forgotten_one(life: Life) -> None:
    life.act("forget", lambda: None, of=[2])


def keep_bytes_of_an_erased_one(life: Life) -> None:
    text = next(iter(allowed(life.diary.path, "all")[0].state.visible()))
    (life.root / MIND / "forgotten-table").write_text(text)
    life.open()
    life.erase(1)
    life.close()


def write_half_a_batch(life: Life) -> None:
    life.open()
    items = [life.item(), life.item()]
    life.diary.write(intent="remember_many", items=items)
    life.mind.remember(**items[0])
    life.mind.close()


def leave_something(life: Life) -> None:
    (life.root / ".mind.123-abc.part").mkdir()


def lose_a_backup(life: Life) -> None:
    life.act("backup", lambda: None, target=BACKUP)


def back_up_too_early(life: Life) -> None:
    te.backup(life.root / MIND, life.root / BACKUP)
    life.open()
    life.remember()
    life.close()
    life.act("backup", lambda: None, target=BACKUP)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lose_a_memory, "expected"),
        (change_a_key, "expected"),
        (show_a_forgotten_one, "expected"),
        (keep_bytes_of_an_erased_one, "still holds bytes of the erased"),
        (write_half_a_batch, "expected"),
        (leave_something, "leftovers"),
        (lose_a_backup, "is not there"),
        (back_up_too_early, "the backup holds"),
    ],
)
def test_the_oracle_sees_harm(life: Life, harm: Callable[[Life], None], told: str) -> None:
    harm(life)
    assert any(told in violation for violation in verdict_on(life))


# ---- choosing and reporting ------------------------------------------------------------------------------------------


def test_every_verb_meets_every_loss() -> None:
    rows = rows_for()
    assert {(verb, mode) for verb in VERBS for mode in ("kill", "cut", "torn", "cut+dirs")} <= {
        (row.workload, row.mode) for row in rows
    }
    assert {row.durability for row in rows if row.guarantee == "all" and row.mode != "kill"} == {"power", "process"}
    assert rows_for(["pin"], ["dirs"], "power") == [Row("pin", "cut+dirs", "power")]


def test_points_are_all_or_a_sample_and_tears_are_at_writes() -> None:
    operations = ["create", "write", "sync", "write", "rename"]
    kill, torn = Row("remember", "kill", "process"), Row("remember", "torn", "power")
    assert [point.at for point in choose(kill, operations, Choice())] == [1, 2, 3, 4, 5, 6]
    assert [point.at for point in choose(kill, operations, Choice(every=3))] == [1, 4]
    assert [point.at for point in choose(torn, operations, Choice())] == [2, 4]
    assert [point.at for point in choose(kill, operations, Choice(at=17))] == [17]
    sampled = choose(kill, operations, Choice(points=3, seed=5))
    assert sampled == choose(kill, operations, Choice(points=3, seed=5))
    assert len(sampled) == 3


def test_a_violation_is_reported_with_the_command_that_repeats_it() -> None:
    point = Point(Row("remember", "torn", "power"), 17)
    tally = Tally({"remember (power)": 20}, [Result(point, "after 17 torn mind/STORE", "all", ["gone\nmore"])])
    command = "python -m tests.crash.matrix --workload remember --mode torn --durability power --at 17"
    assert f"- `{command}`: gone\n" in as_markdown(tally)
    assert "| remember | torn | power | 1 | 1 |  |" in as_markdown(tally)
    assert '"at": 17' in as_json(tally)


def test_an_unknown_mode_cannot_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--mode", "melt"]) == 2
    assert "crash mode 'melt' is unknown" in capsys.readouterr().err


@NEEDS_COMPILER
def test_one_point_can_be_run_again_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.md"
    arguments = ["--workload", "remember", "--mode", "torn", "--at", "9", "--scratch", str(tmp_path)]
    assert main([*arguments, "--report", str(report)]) == 0
    assert report.read_text() == capsys.readouterr().out
    assert "| remember | torn | power | 1 | 0 |" in report.read_text()
