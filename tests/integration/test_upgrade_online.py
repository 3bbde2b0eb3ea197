"""A mind that serves while it is upgraded behind: nothing is missing meanwhile, and nothing is lost by who comes between."""

import random
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from tests.golden.v0001.write import rows
from tests.strategies import ToyEncoder
from tests.tables import largest, newest
from thoughtengine import lifting
from thoughtengine.memory.index import live
from thoughtengine.migrations import online, payloads, run, sweep
from thoughtengine.migrations.before import Before

EVERY_LAYER = ("sensory", "emotion", "logic", "dream", "eternal")
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every store for a large one, and small bites of it."""
    monkeypatch.setattr(lifting, "SMALL", 2)
    monkeypatch.setattr(sweep, "_ROWS", 3)
    monkeypatch.setattr(payloads, "_ROWS", 3)
    monkeypatch.setattr(online, "_WINDOW", 0.02)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    write_flat(tmp_path / "old", rows())
    return tmp_path / "old"


@pytest.fixture
def held(old: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[te.ThoughtEngine]:
    """A mind whose upgrade waits before its first slice."""
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    with te.open(old) as mind:
        yield mind


def until(condition: Callable[[], Any]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, "it does not end"
        time.sleep(0.005)


def ended(mind: te.ThoughtEngine) -> None:
    until(lambda: mind.upgrade.background.over or mind.upgrade.background.failed)
    assert not mind.upgrade.background.failed
    until(lambda: mind.upgrade.status().stage != "UPGRADING" and mind.upgrade.background.over)


def in_phase(mind: te.ThoughtEngine, name: str) -> None:
    """Go on to a phase and wait in it."""
    behind = mind.upgrade.background
    assert behind is not None
    running = behind.upgrade
    right, n = running.step, 0

    def step(seconds: float = 60.0) -> bool:
        nonlocal n
        n, done = n + 1, right(seconds)
        if running.phase.startswith(name) and (n > 1 or name != "P1"):
            behind.pause()
        return done

    running.step = step  # type: ignore[method-assign]
    behind.resume()
    until(lambda: behind.paused)
    running.step = right  # type: ignore[method-assign]


def shown(mind: te.ThoughtEngine) -> list[str]:
    return [repr((memory, memory.payload, memory.affect)) for memory in mind.memories(layers=EVERY_LAYER)]


def after_all(path: Path) -> list[str]:
    with te.open(path, upgrade="wait") as mind:
        return shown(mind)


@pytest.fixture
def expected(tmp_path: Path) -> list[str]:
    write_flat(tmp_path / "other", rows())
    return after_all(tmp_path / "other")


@pytest.mark.parametrize("phase", ["P1", "P2", "P3", "P4"])
def test_in_each_phase_everything_is_there(phase: str, held: te.ThoughtEngine, expected: list[str]) -> None:
    in_phase(held, phase)
    assert shown(held) == expected
    assert len(held) == held.count(layers=EVERY_LAYER) == len(expected)
    assert held["sensory:extra"].text == "with more"
    assert [memory.id for memory in held.memories(layers=EVERY_LAYER, newest_first=True)] == list(
        range(len(expected), 0, -1)
    )
    assert "sensory:nowhere" not in held
    held.upgrade.resume()
    ended(held)
    assert shown(held) == expected
    assert held.check() == []


def test_recall_tells_how_much_it_could_look_at(held: te.ThoughtEngine) -> None:
    recall = held.recall("flying over the garden", layers=["dream"])
    assert recall.coverage == 0.0
    new = held.remember("a zebra in the garden")
    assert held.recall("zebra")[0].id == new
    held.upgrade.resume()
    ended(held)
    recall = held.recall("flying over the garden", layers=["dream"])
    assert recall.coverage == 1.0
    assert recall[0].memory.key == "dream:text"


def test_who_asks_for_all_gets_all(held: te.ThoughtEngine) -> None:
    assert held.count(layers="logic") == 2
    assert held.recall("umbrellas", layers=["logic"]).coverage == 1.0


def test_an_index_of_many_grows_behind_and_no_file_hides_what_came_between(
    held: te.ThoughtEngine, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_AT_ONCE", 4)
    monkeypatch.setattr(live, "_FILED", 2)
    assert held.recall("flying over the garden", layers=["dream"]).coverage == 0.0
    held.remember("a zebra in the garden")
    held.remember("a zebra on the road")
    for phase in ("P1", "P2", "P3", "P4"):
        in_phase(held, phase)
        assert held.recall("zebra").coverage < 1.0
        held._memories.live.grown()
        held._memories.live.upkeep.wait()
        assert list(old.glob("index-*")) == []
    held.upgrade.resume()
    ended(held)
    until(lambda: held.recall("zebra").coverage == 1.0)
    held._memories.live.upkeep.wait()
    assert held.recall("flying over the garden", layers=["dream"])[0].memory.key == "dream:text"
    n = held.count(layers=EVERY_LAYER)
    held.close()
    assert len(list(old.glob("index-*/*"))) > 0
    with te.open(old) as mind:
        assert mind.recall("zebra").coverage == 1.0
        assert mind.count(layers=EVERY_LAYER) == n == len(mind)
        assert mind.recall("flying over the garden", layers=["dream"])[0].memory.key == "dream:text"
        mind.upgrade.rollback()
    assert list(old.glob("index-*")) == []


def test_patterns_pass_over_the_ids_that_are_left_free(held: te.ThoughtEngine, old: Path) -> None:
    n = len(held)
    held.remember("a zebra in the garden", source="zoo")
    assert held.patterns.behind == n + 1
    held.patterns.catch_up()
    assert held.patterns.behind == 0
    held.remember("a zebra on the road", source="zoo")
    assert held.patterns.behind == 1
    held.upgrade.resume()
    ended(held)
    held.patterns.catch_up()
    held.close()
    with te.open(old) as mind:
        assert mind.patterns.behind == 0
        assert mind.check() == []


@pytest.mark.parametrize("phase", ["P1", "P2", "P3", "P4"])
def test_what_the_user_does_in_a_phase_stays(phase: str, held: te.ThoughtEngine, old: Path) -> None:
    in_phase(held, phase)
    forgotten, pinned = held.forget("sensory:extra"), held.pin("logic:rule")
    again = held.remember("the same name anew", key="sensory:list")
    revised = held.revise("eternal:name", "my name is Anna")
    assert held.remember("with more", key="sensory:extra", affect=te.Affect(1.0, 0.0)) > 1 << 32
    held.upgrade.resume()
    ended(held)
    assert held["logic:rule"].layer == "eternal"
    assert held["sensory:list"].id == again
    assert held["eternal:name"].id == revised
    assert held.check() == []
    held.undo(forgotten)
    held.undo(pinned)
    assert held.check() == []
    held.close()
    te.rollback(old)
    found = read_flat(old)
    assert {key: found[key] for key in rows()} == rows()


def test_it_can_be_paused_limited_and_told(held: te.ThoughtEngine) -> None:
    status = held.upgrade.limit(0.02)
    assert (status.stage, status.paused, status.duty) == ("UPGRADING", True, 0.02)
    done = status.done
    time.sleep(0.1)
    assert held.upgrade.status().done == done
    assert "P0 rollback point" in str(held.upgrade.status())
    held.upgrade.limit(1.0)
    held.upgrade.resume()
    ended(held)
    assert held.upgrade.status().stage == "SOAK"
    assert held.upgrade.status().until
    assert held.upgrade.commit().stage == ""
    with pytest.raises(te.DowngradeError):
        held.upgrade.rollback()


def test_subscribers_hear_of_it(held: te.ThoughtEngine) -> None:
    heard: list[Any] = []
    held.events.subscribe("upgrade", lambda event: heard.append(event.data["what"]))
    held.upgrade.resume()
    ended(held)
    until(lambda: "switched" in heard)
    assert heard.count("phase") == 6  # rollback point, four sweeps, validation
    [report] = te.history(held.path)
    for judged in ("throughput", "response time"):  # nobody called meanwhile
        assert report.criteria[judged].verdict == "not judged"
    assert report.criteria["records lost"].verdict == "met"


def test_what_must_wait_is_told(held: te.ThoughtEngine, tmp_path: Path) -> None:
    for call in (
        lambda: held.forget(1, erase=True),
        lambda: held.snapshot("now"),
        lambda: te.backup(held.path, tmp_path / "copy"),
        held.check,
        held.upgrade.commit,
    ):
        with pytest.raises(te.UpgradeRunningError):
            call()
    assert held.get(1) is not None


@pytest.mark.parametrize("duty", [0.0, 1.5, "half", True])
def test_a_share_that_is_none_is_told(duty: Any, held: te.ThoughtEngine) -> None:
    with pytest.raises(te.InvalidArgumentError, match="duty"):
        held.upgrade.limit(duty)


@pytest.mark.parametrize("phase", ["P1", "P2", "P3", "P4"])
def test_closed_in_a_phase_it_goes_on_with_the_next_opening(
    phase: str, held: te.ThoughtEngine, old: Path, expected: list[str]
) -> None:
    in_phase(held, phase)
    held.close()
    with pytest.raises(te.UpgradeRequiredError, match="not finished"):
        te.open(old, upgrade="refuse")
    assert te.plan(old)
    assert after_all(old) == expected


@pytest.mark.parametrize("to", ["P1", "P2", "P3"])
def test_later_phases_are_dropped_and_done_again(to: str, held: te.ThoughtEngine, expected: list[str]) -> None:
    in_phase(held, "P4")
    new = held.remember("meanwhile", key="mine")
    assert held.upgrade.rollback(to) is None
    assert held.upgrade.status().phase.startswith(f"P{int(to[1]) + 1}")
    assert shown(held)[:-1] == expected
    assert held["mine"].id == new
    held.upgrade.resume()
    ended(held)
    assert shown(held)[:-1] == expected
    assert held.check() == []


@pytest.mark.parametrize("phase", ["P1", "P2", "P4"])
def test_taken_back_in_a_phase_it_is_of_format_1_with_what_was_said(
    phase: str, held: te.ThoughtEngine, old: Path
) -> None:
    in_phase(held, phase)
    held.remember("meanwhile", key="sensory:meanwhile")
    held.forget("sensory:list")
    report = held.upgrade.rollback()
    assert report is not None
    with pytest.raises(te.StoreClosedError):
        held.get(1)
    found = read_flat(old)
    assert b"meanwhile" in found.pop(b"sensory:meanwhile")
    assert found == {key: value for key, value in rows().items() if key != b"sensory:list"}
    with te.open(old, upgrade="wait") as mind:
        assert mind["sensory:meanwhile"].id == 1 << 32
        assert "sensory:list" not in mind
        assert mind.check() == []


def test_taken_back_in_the_middle_the_next_upgrade_begins_at_the_start(held: te.ThoughtEngine, old: Path) -> None:
    in_phase(held, "P2")
    held.remember("meanwhile", key="sensory:zz")
    held.upgrade.rollback()
    write_flat(old, {b"sensory:zz": b'{"raw": "changed"}', b"dream:new": b'{"source": "added"}'})
    with te.open(old, upgrade="wait") as mind:
        assert (mind["sensory:zz"].text, mind["dream:new"].text) == ("changed", "added")
        assert mind.check() == []


def test_what_does_not_hold_serves_on_and_is_taken_back_at_the_end(
    old: Path, monkeypatch: pytest.MonkeyPatch, expected: list[str]
) -> None:
    with te.open(old, approve=lambda report: False) as mind:
        until(lambda: mind.upgrade.status().failed)
        assert shown(mind) == expected
        new = mind.remember("said all the same")
    found = read_flat(old)
    assert f"sensory:te-{new}-2".encode() in found
    assert {key: found[key] for key in rows()} == rows()


def failing_calls(mind: te.ThoughtEngine, n: int, of: int) -> None:
    for turn in range(of):
        mind._monitor.note("recall", 1e-4, te.StoreDamagedError(mind.path, "for the test") if turn < n else None)


def test_when_calls_fail_meanwhile_it_goes_back_by_itself(held: te.ThoughtEngine, old: Path) -> None:
    in_phase(held, "P2")
    failing_calls(held, 2, 1000)
    new = held.remember("said meanwhile")
    held.upgrade.resume()
    until(lambda: held.upgrade.status().stage == "ROLLING_BACK")
    assert "error rate" in held.upgrade.status().failed
    assert held[new].text == "said meanwhile"
    assert any("error rate" in reason for reason in held.health().reasons)
    held.close()
    found = read_flat(old)
    assert f"sensory:te-{new}".encode() in found
    assert {key: found[key] for key in rows()} == rows()
    assert "error rate" in te.history(old)[-1].reason


def test_a_failure_outlives_a_kill(held: te.ThoughtEngine, old: Path, tmp_path: Path) -> None:
    in_phase(held, "P2")
    failing_calls(held, 2, 1000)
    held.upgrade.resume()
    until(lambda: held.upgrade.status().stage == "ROLLING_BACK")
    shutil.copytree(old, tmp_path / "killed")
    with pytest.raises(te.UpgradeFailedError, match="error rate"):
        te.open(tmp_path / "killed")
    assert read_flat(tmp_path / "killed") == rows()


def test_a_program_that_breaks_in_the_middle_turns_it_back(
    held: te.ThoughtEngine, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "lift", lambda *given, **also: {}["a fault of ours"])
    held.upgrade.resume()
    until(lambda: held.upgrade.status().failed)
    assert "KeyError" in held.upgrade.status().failed
    held.close()
    assert read_flat(old) == rows()


def test_a_validation_that_breaks_turns_it_back(
    held: te.ThoughtEngine, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "validate", lambda *given: {}["a fault of ours"])
    held.upgrade.resume()
    until(lambda: held.upgrade.status().stage == "ROLLING_BACK")
    assert "validation: KeyError" in held.upgrade.status().failed
    held.close()
    assert read_flat(old) == rows()


@pytest.mark.parametrize("approve", [None, lambda report: report.criteria["availability"].verdict == "missed"])
def test_a_criterion_that_is_missed_needs_somebody_who_approves(
    approve: Callable[[te.UpgradeReport], bool] | None, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    with te.open(old, approve=approve) as mind:
        in_phase(mind, "P4")
        for _ in range(1000):
            mind._monitor.note("forget", 1e-4, te.UpgradeRunningError(mind.path, "for the test"))
        mind.upgrade.resume()
        until(lambda: mind.upgrade.background.over or mind.upgrade.background.failed)
        assert bool(mind.upgrade.background.failed) == (approve is None)
    report = next(report for report in te.history(old) if report.kind == "upgrade")
    assert report.succeeded == (approve is not None)
    assert report.criteria["error rate"].verdict == "met"
    assert (report.refused_calls, report.calls >= 1000) == (1000, True)


def damage(folder: Path) -> None:
    """Flip a bit in the middle of the largest table of a LevelDB."""
    table = largest(folder)
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 64
    table.write_bytes(data)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    write_flat(tmp_path / "many", {**rows(400), b"zebra:unknown": b"1"}, compact=True)
    return tmp_path / "many"


def test_a_large_store_answers_before_anything_of_it_was_read_in_full(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    monkeypatch.setattr(run, "measure", lambda *given, **how: pytest.fail("it was read"))
    with te.open(many) as mind:
        assert mind.upgrade.status().total == 0
        with monkeypatch.context() as patch:
            patch.setattr(Before, "_ranked", lambda before: pytest.fail("its keys were read"))
            assert mind.recall("tea").coverage == 0.0
            new = mind.remember("a zebra in the garden")
            assert mind.recall("zebra")[0].id == new
        assert mind["sensory:extra"].text == "with more"
        assert len(mind) == mind.count(layers=EVERY_LAYER)
        assert mind.upgrade.status().phase == "P0 rollback point"


def test_a_large_store_and_another_encoder_are_both_taken_up_behind(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    with te.open(many, encoder=(encoder := ToyEncoder())) as mind:
        assert encoder.calls == []
        assert mind.stats().memories == len(mind)
        mind.upgrade.limit(1.0)
        mind.upgrade.resume()
        ended(mind)
        mind.recall("tea")
        until(lambda: mind.stats().vectors > 400)
        mind._memories.live.upkeep.wait()
        assert mind.check() == []


def test_damage_that_is_found_behind_gives_the_old_files_back(many: Path) -> None:
    damage(many)
    before = {path.name: path.read_bytes() for path in many.glob("*.ldb")}
    with te.open(many) as mind:
        until(lambda: mind.upgrade.status().stage == "ROLLING_BACK")
        assert "A damaged store is not upgraded" in mind.upgrade.status().failed
    assert {path.name: path.read_bytes() for path in many.glob("*.ldb")} == before
    assert not (many / "STORE").exists()


def test_what_was_written_over_damage_goes_back_with_the_files_and_is_salvaged(many: Path, tmp_path: Path) -> None:
    damage(many)
    tables = {path.name: path.read_bytes() for path in many.glob("*.ldb")}
    with te.open(many) as mind:
        new = mind.remember("a zebra in the garden", key="zebra", payload={"legs": 4})
        gone = mind.remember("this is to be forgotten")
        until(lambda: mind.upgrade.status().stage == "ROLLING_BACK")
        mind.remember("a text without a key", affect=te.Affect(0.5, 0.5))
        mind.forget(gone)
        assert mind["zebra"].id == new
    assert not (many / "STORE").exists()
    assert tables.items() <= {path.name: path.read_bytes() for path in many.glob("*.ldb")}.items()
    for _ in range(2):  # the next openings give it back too, and name the way on
        with pytest.raises(te.StoreDamagedError, match="salvage=True"):
            te.open(many)
        assert not (many / "STORE").exists()
    te.upgrade(many, into=tmp_path / "sound", salvage=True)
    with te.open(tmp_path / "sound") as mind:
        assert (mind["zebra"].id, mind["zebra"].payload) == (new, {"legs": 4})
        texts = [memory.text for memory in mind.memories()]
        assert "a text without a key" in texts
        assert "this is to be forgotten" not in texts
        assert len(texts) > 200
        assert mind.check() == []


def test_beside_damage_what_was_forgotten_or_said_anew_is_so_when_salvaged(tmp_path: Path) -> None:
    path, sound = tmp_path / "many", tmp_path / "sound"
    other = {f"weather:{n:05d}".encode(): random.Random(n).randbytes(200) for n in range(3000)}
    write_flat(path, {**rows(300), **other}, compact=True)
    table = newest(path)
    data = bytearray(table.read_bytes())
    data[len(data) * 9 // 10] ^= 64
    table.write_bytes(data)
    with te.open(path) as mind:
        until(lambda: mind.upgrade.status().stage == "ROLLING_BACK")
        old = mind["sensory:extra"]
        gone = next(memory for memory in mind.memories() if memory.id != old.id)
        anew = mind.remember("said anew", key="sensory:extra")
        mind.forget(gone.id)
        n = len(mind)
    assert not (path / "STORE").exists()
    te.upgrade(path, into=sound, salvage=True)
    with te.open(sound) as mind:
        assert (mind["sensory:extra"].id, mind["sensory:extra"].text) == (anew, "said anew")
        assert gone.id not in {memory.id for memory in mind.memories()}
        assert gone.text not in {memory.text for memory in mind.memories()}
        assert len(mind) == n
        assert mind.check() == []
        assert mind[old.id].text == old.text


def test_a_rollback_that_fails_at_the_close_lets_the_folder_go(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(many)
    mind = te.open(many)
    until(lambda: mind.upgrade.status().stage == "ROLLING_BACK")
    mind.remember("a zebra in the garden", key="zebra")
    with monkeypatch.context() as patch:
        patch.setattr("thoughtengine.migrations.lower.give_out", lambda *given: (_ for _ in ()).throw(OSError(5, "no")))
        with pytest.raises((te.StoreError, OSError)):
            mind.close()
    report = te.rollback(many)  # by the same process
    assert report.succeeded
    assert not (many / "STORE").exists()


def test_damage_that_is_met_in_the_middle_stops_it_and_the_rest_is_served(
    held: te.ThoughtEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_phase(held, "P1")

    def torn(*given: Any) -> Any:
        raise te.StoreDamagedError(held.path, "for the test")

    monkeypatch.setattr(held.upgrade.background.upgrade, "_advance", torn)
    held.upgrade.resume()
    until(lambda: held.upgrade.status().failed)
    assert held.upgrade.status().stage == "UPGRADING"
    assert held["sensory:extra"].text == "with more"
    monkeypatch.undo()
    path = Path(held.path)
    held.close()
    with te.open(path, upgrade="wait") as mind:
        assert mind.upgrade.status().stage == "SOAK"
        assert any("stands still" in incident.message for incident in mind._store.recorded_incidents())


def probing(*probes: Callable[[te.ThoughtEngine], Any]) -> te.Upgrades:
    hooks = te.Upgrades("acme")
    for probe in probes:
        hooks.probe(probe)
    return hooks


def test_probes_see_the_old_store_through_the_step_and_nothing_that_came_since(
    old: Path, monkeypatch: pytest.MonkeyPatch, expected: list[str]
) -> None:
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    seen: list[Any] = []

    def all_of_it(mind: te.ThoughtEngine) -> Any:
        seen.append((shown(mind), len(mind), [hit.id for hit in mind.recall("tea", k=3)]))
        return seen[-1]

    with te.open(old, hooks=[probing(all_of_it)]) as mind:
        mind.remember("said meanwhile about tea")
        mind.revise("sensory:extra", "revised meanwhile")
        mind.forget("sensory:list")
        mind.upgrade.resume()
        ended(mind)
        assert mind.check() == []
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert seen[0][:2] == (expected, len(expected))


def test_a_probe_that_differs_turns_it_back(old: Path) -> None:
    seen: list[int] = []

    def moving(mind: te.ThoughtEngine) -> int:
        seen.append(len(mind))
        return len(seen)

    with pytest.raises(te.UpgradeFailedError, match=r"acme\.moving gives 2, and before 1"):
        te.upgrade(old, hooks=[probing(moving)])
    assert read_flat(old) == rows()


# payloads


def hooks_with(step: Callable[[Any], Any]) -> te.Upgrades:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: {"n": note["number"]})(step)
    return hooks


def up(note: dict[str, Any]) -> dict[str, Any]:
    return {"number": note["n"]}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    with te.open(tmp_path / "mind") as mind:
        for n in range(20):
            mind.remember(f"note {n}", key=f"note-{n}", kind="acme.note", payload={"n": n})
    return tmp_path / "mind"


def test_payloads_are_new_at_once_and_stored_so_later(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    with te.open(notes, hooks=[hooks_with(up)]) as mind:
        assert mind["note-7"].payload == {"number": 7}
        new = mind.remember("later", kind="acme.note", payload={"number": 99})
        mind.upgrade.resume()
        ended(mind)
        assert mind.check() == []
    with te.open(notes) as mind:
        assert [memory.payload for memory in mind.memories()] == [{"number": n} for n in [*range(20), 99]]
        assert mind[new].payload == {"number": 99}


def test_payloads_whose_steps_fail_go_back_while_the_mind_serves(notes: Path) -> None:
    def failing(note: dict[str, Any]) -> dict[str, Any]:
        if note["n"] == 15:
            raise KeyError("n")
        return up(note)

    with te.open(notes, hooks=[hooks_with(failing)]) as mind:
        until(lambda: mind.upgrade.status().failed or mind.upgrade.background.failed)
        until(lambda: mind.upgrade.status().stage == "")
        assert mind["note-3"].payload == {"n": 3}
        new = mind.remember("later", kind="acme.note", payload={"number": 99})
        assert mind[new].payload == {"n": 99}
        assert mind.check() == []
    with te.open(notes) as mind:
        assert [memory.payload["n"] for memory in mind.memories()] == [*range(20), 99]


def test_payloads_are_taken_back_while_the_mind_serves(notes: Path) -> None:
    with te.open(notes, hooks=[hooks_with(up)]) as mind:
        ended(mind)
        mind.remember("later", kind="acme.note", payload={"number": 99})
        assert mind.upgrade.rollback() is not None
        assert [memory.payload["n"] for memory in mind.memories()] == [*range(20), 99]
        assert mind.check() == []


def test_probes_of_payloads_see_nothing_that_came_since(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    hooks = hooks_with(up)
    hooks.probe(lambda mind: [repr(memory) for memory in mind.memories()])
    with te.open(notes, hooks=[hooks]) as mind:
        mind.remember("later", kind="acme.note", payload={"number": 99})
        mind.forget(3)
        mind.upgrade.resume()
        ended(mind)
        assert mind.check() == []


def test_payloads_go_back_when_calls_fail_meanwhile(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online.Background, "start", lambda self: (self.pause(), self._thread.start()))
    monkeypatch.setattr(online, "_WINDOW", 0.0)
    with te.open(notes, hooks=[hooks_with(up)]) as mind:
        failing_calls(mind, 2, 1000)
        mind.upgrade.resume()
        until(lambda: not mind.upgrade.background._thread.is_alive())
        assert mind.upgrade.background.failed
        assert mind.upgrade.status().stage == ""
        assert [memory.payload for memory in mind.memories()] == [{"n": n} for n in range(20)]
        assert mind.check() == []


# many at once


@pytest.mark.parametrize("phase", ["P1", "P2", "P4"])
def test_eight_threads_lose_no_update_while_a_phase_runs(phase: str, held: te.ThoughtEngine) -> None:
    """Each thread owns some keys: what it wrote last is what it reads, and what all read at the end."""
    in_phase(held, phase)
    held.upgrade.limit(1.0)
    wrong: list[object] = []
    last: dict[str, str | None] = {}

    def live(number: int) -> None:
        key = f"sensory:plain-{number:06d}"
        try:
            for turn in range(12):
                text = f"thread {number} turn {turn}"
                held.remember(text, key=key)
                last[key] = text
                if held[key].text != text:
                    wrong.append((key, text, held[key].text))
                if turn % 4 == 3:
                    receipt = held.forget(key)
                    if held.get(key) is not None:
                        wrong.append((key, "forgotten", held.get(key)))
                    held.undo(receipt)
                held.recall("tea in the garden", k=3)
                held.get(number + 20)
        except Exception as error:  # noqa: BLE001 - no call may fail
            wrong.append(error)

    threads = [threading.Thread(target=live, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    held.upgrade.resume()
    for thread in threads:
        thread.join()
    assert wrong == []
    ended(held)
    assert {key: held[key].text for key in last} == last
    assert held.check() == []


KEYS = [f"sensory:plain-{number:06d}" for number in range(8)]


class Register:
    """What was written under one key, by its only writer: numbers that grow."""

    def __init__(self) -> None:
        self.begun = self.acknowledged = -1


def number_in(memory: te.Memory | None) -> int:
    """Return the number in a text, -1 for the text that stood there before."""
    return int(memory.text.split()[-1]) if memory is not None and memory.text and "turn" in memory.text else -1


@pytest.mark.parametrize("phase", ["P0", "P1", "P2", "P3", "P4"])
def test_eight_threads_see_each_key_change_in_one_order(phase: str, held: te.ThoughtEngine) -> None:
    """Four write, four read: what is read was begun before the read ended, and is no older than what was there at its start."""
    if phase != "P0":
        in_phase(held, phase)
    registers, wrong = {key: Register() for key in KEYS}, list[object]()
    done = threading.Event()

    def write(mine: list[str]) -> None:
        try:
            for turn in range(25):
                for key in mine:
                    registers[key].begun = turn
                    held.remember(f"turn {turn}", key=key)
                    registers[key].acknowledged = turn
        except Exception as error:  # noqa: BLE001 - no call may fail
            wrong.append(error)

    def read(seed: int) -> None:
        latest = dict.fromkeys(KEYS, -1)
        try:
            while not done.is_set():
                for key in KEYS[seed:] + KEYS[:seed]:
                    low = max(latest[key], registers[key].acknowledged)
                    seen = number_in(held[key])
                    if not low <= seen <= registers[key].begun:
                        wrong.append((key, low, seen, registers[key].begun))
                    latest[key] = max(latest[key], seen)
        except Exception as error:  # noqa: BLE001 - no call may fail
            wrong.append(error)

    writers = [threading.Thread(target=write, args=(KEYS[number : number + 2],)) for number in (0, 2, 4, 6)]
    readers = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in writers + readers:
            thread.start()
        held.upgrade.limit(1.0)
        held.upgrade.resume()
        for thread in writers:
            thread.join()
        until(lambda: held.upgrade.background.over or held.upgrade.background.failed)
    finally:
        done.set()
        sys.setswitchinterval(often)
        for thread in readers:
            thread.join()
    assert wrong == []
    assert not held.upgrade.background.failed
    assert [number_in(held[key]) for key in KEYS] == [24] * 8
    assert held.check() == []
