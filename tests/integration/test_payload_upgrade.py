"""A host's own payloads go through its steps: up, validated, taken back; and hooks that do what they must not."""

import itertools
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import thoughtengine as te
from thoughtengine.config import StorageConfig
from thoughtengine.migrations import payloads
from thoughtengine.storage.keyspace import MEMORY
from thoughtengine.storage.pointer import read_pointer, write_pointer
from thoughtengine.storage.store import Level

N = 12


def up(note: dict[str, Any]) -> dict[str, Any]:
    return {"body": note["text"], "n": note["n"]}


def down(note: dict[str, Any]) -> dict[str, Any]:
    return {"text": note["body"], "n": note["n"]}


def hooks_with(step: Callable[[Any], Any] = up, **how: Any) -> te.Upgrades:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, **{"down": down, **how})(step)
    return hooks


@pytest.fixture
def mind_path(tmp_path: Path) -> Path:
    """A mind of twelve notes at version 1, and other things."""
    with te.open(tmp_path / "mind") as mind:
        for n in range(N):
            mind.remember(
                f"note {n}", key=f"note-{n}", kind="acme.note", payload={"text": f"body {n}", "n": n},
                affect=te.Affect(0.5, 0.5) if n % 2 else None, vector=[1.0, n] if n % 3 else None,
            )  # fmt: skip
        mind.remember("another kind", kind="other.thing", payload={"text": 1})
        mind.remember("no payload", kind="acme.note")
    return tmp_path / "mind"


def shown(mind: te.ThoughtEngine) -> list[str]:
    return [repr((memory, memory.payload, memory.affect)) for memory in mind.memories()]


def stored(path: Path) -> list[Any]:
    with te.open(path) as mind:
        return [memory.payload for memory in mind.memories()]


def test_payloads_are_upgraded_and_the_rest_is_as_it_was(mind_path: Path) -> None:
    with te.open(mind_path, hooks=[hooks_with()]) as mind:
        assert mind["note-3"].payload == {"body": "body 3", "n": 3}
        assert mind["note-3"].affect == te.Affect(0.5, 0.5)
        assert mind[N + 1].payload == {"text": 1}
        assert mind[N + 2].payload is None
        assert mind.check() == []
        assert mind.remember("note 3", key="note-3", kind="acme.note", payload={"body": "body 3", "n": 3},
                             affect=te.Affect(0.5, 0.5)) == mind["note-3"].id  # fmt: skip
    [report] = te.history(mind_path)
    assert (report.rows_in, report.rows_upgraded, report.rows_kept) == (N + 2, N, 2)
    assert report.namespaces == {"acme.note": (1, 2)}
    assert stored(mind_path)[3] == {"body": "body 3", "n": 3}


def test_a_plan_counts_and_changes_nothing(mind_path: Path) -> None:
    plan = te.plan(mind_path, hooks=[hooks_with(lossy=True)])
    assert [(step.name, step.records, step.lossy) for step in plan.steps] == [("P4 acme.note 1 to 2", N, True)]
    assert "loses something" in str(plan)
    assert stored(mind_path)[0] == {"text": "body 0", "n": 0}
    assert not te.plan(mind_path)


@pytest.mark.parametrize("ask", [te.plan, te.rehearse])
@pytest.mark.parametrize("half", [False, True])
def test_a_plan_of_a_damaged_mind_names_the_file_and_what_to_do(
    ask: Callable[..., Any], half: bool, mind_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if half:
        with monkeypatch.context() as patch:
            patch.setattr(payloads.PayloadUpgrade, "_advance", lambda *_: 1 / 0)
            patch.setattr(payloads.PayloadUpgrade, "fail", lambda *_: None)
            with pytest.raises(te.UpgradeFailedError):
                te.upgrade(mind_path, hooks=[hooks_with()])
    file = max(mind_path.glob("gen-*/*.l*"), key=lambda path: path.stat().st_size)
    data = file.read_bytes()
    half_way = len(data) // 2
    file.write_bytes(data[:half_way] + bytes([data[half_way] ^ 64]) + data[half_way + 1 :])
    name = f"{file.parent.name}/{file.name}"
    with pytest.raises(te.StoreDamagedError, match=f"mind: damaged: {name}: .*the next opening salvages") as caught:
        ask(mind_path, hooks=[hooks_with()])
    assert caught.value.file == name
    assert caught.value.path == str(mind_path)


def test_taken_back_it_is_as_before_with_what_came_since(mind_path: Path) -> None:
    with te.open(mind_path) as mind:
        before = shown(mind)
    with te.open(mind_path, hooks=[hooks_with()]) as mind:
        new = mind.remember("later", key="later", kind="acme.note", payload={"body": "later", "n": 99})
        mind.remember("note 1 again", key="note-1", kind="acme.note", payload={"body": "changed", "n": 1})
        receipt = mind.forget(2)
    te.rollback(mind_path, hooks=[hooks_with()])
    with te.open(mind_path) as mind:
        assert mind[new].payload == {"text": "later", "n": 99}
        assert mind["note-1"].payload == {"text": "changed", "n": 1}
        assert 2 not in mind
        mind.undo(receipt)
        assert [line for line in shown(mind)[: N + 2] if "id=2," not in line] == [
            line for line in before if "id=2," not in line
        ]
        assert mind.check() == []
    with te.open(mind_path, hooks=[hooks_with()]) as mind:
        assert mind[new].payload == {"body": "later", "n": 99}


def test_a_chain_is_walked_from_wherever_a_record_is(mind_path: Path) -> None:
    te.upgrade(mind_path, hooks=[hooks_with()])
    hooks = hooks_with()
    hooks.step("note", from_version=2)(lambda note: {**note, "v": 3})
    hooks.step("note", from_version=3)(lambda note: {**note, "v": note["v"] + 1})
    with te.open(mind_path, hooks=[hooks]) as mind:
        assert mind["note-0"].payload == {"body": "body 0", "n": 0, "v": 4}
        assert mind.remember("x", kind="acme.note", payload={"v": 4})
    with te.open(mind_path, hooks=[hooks], upgrade="refuse") as mind:
        assert mind["note-0"].payload["v"] == 4


def test_older_hooks_are_refused_and_no_hooks_see_what_is_there(mind_path: Path) -> None:
    te.upgrade(mind_path, hooks=[hooks_with()])
    older = te.Upgrades("acme")
    older.chains["acme.note"] = type(hooks_with().chains["acme.note"])("acme.note")
    with pytest.raises(te.StoreNewerError, match=r"acme\.note.*version 2") as caught:
        te.open(mind_path, hooks=[older])
    assert caught.value.kind == "acme.note"
    assert stored(mind_path)[0] == {"body": "body 0", "n": 0}


def test_a_payload_whose_version_nobody_can_tell_is_refused(mind_path: Path) -> None:
    hooks = hooks_with()
    settled(mind_path, hooks)
    with te.open(mind_path) as mind:
        with pytest.raises(te.InvalidArgumentError, match="at version 2 here"):
            mind.remember("later", kind="acme.note", payload={"text": "later", "n": 99})
        with pytest.raises(te.InvalidArgumentError, match="at version 2 here"):
            mind.revise("note-1", payload={"text": "later", "n": 1})
        assert mind[mind.revise("note-2", text="revised")].payload == {"body": "body 2", "n": 2}
        mind.remember("another", kind="other.thing", payload={"text": 1})
        mind.remember("no payload", kind="acme.note")
    te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks])
    assert {"text": "body 2", "n": 2} in stored(mind_path)


def test_a_revision_leaves_the_payload_that_it_keeps_at_its_version(mind_path: Path) -> None:
    hooks = hooks_with(fails_on(4), must=False)
    with te.open(mind_path, hooks=[hooks]) as mind:
        mind.revise("note-4", text="revised")
        assert mind._memories.record(mind["note-4"].id).payload_version == 1
        mind.upgrade.commit()
    te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks])
    with te.open(mind_path) as mind:
        assert mind["note-4"].payload == {"text": "body 4", "n": 4}


def test_who_refuses_finds_it_untouched(mind_path: Path) -> None:
    with pytest.raises(te.UpgradeRequiredError, match=r"acme\.note 1 \(known: 2\)"):
        te.open(mind_path, hooks=[hooks_with()], upgrade="refuse")
    assert stored(mind_path)[0] == {"text": "body 0", "n": 0}


def test_what_a_lossy_step_loses_is_kept_aside(mind_path: Path) -> None:
    te.upgrade(mind_path, hooks=[hooks_with(lambda note: {"n": note["n"]}, down=None, lossy=True)])
    from thoughtengine.storage.keyspace import ASIDE
    from thoughtengine.storage.origin import AsideRecord

    with te.open(mind_path) as mind:
        kept = mind._store.get(ASIDE, 3, AsideRecord)
        assert kept == AsideRecord(version=1, payload={"text": "body 2", "n": 2})
        assert mind.check() == []
        mind.forget(3, erase=True)
        assert not mind._store.has(ASIDE, 3)


# what must succeed, and what may fail


def fails_on(*numbers: int) -> Callable[[Any], Any]:
    def step(note: dict[str, Any]) -> dict[str, Any]:
        if note["n"] in numbers:
            raise KeyError("text")
        return up(note)

    return step


def test_a_record_on_which_a_step_may_fail_stays_at_its_version(mind_path: Path) -> None:
    hooks = hooks_with(fails_on(4), must=False)
    with te.open(mind_path, hooks=[hooks]) as mind:
        assert mind["note-4"].payload == {"text": "body 4", "n": 4}
        assert mind["note-5"].payload == {"body": "body 5", "n": 5}
    assert te.history(mind_path)[0].rows_quarantined == 1


def test_what_a_step_left_behind_is_upgraded_once_the_step_is_mended(mind_path: Path) -> None:
    te.upgrade(mind_path, hooks=[hooks_with(fails_on(4, 5), must=False)])
    assert not te.plan(mind_path, hooks=[hooks_with(fails_on(4, 5), must=False)])
    better, mended = hooks_with(fails_on(5), must=False, revision=2), hooks_with(must=False, revision=3)
    plan = te.plan(mind_path, hooks=[better])
    assert [(step.name, step.records) for step in plan.steps] == [("P4 acme.note 1 to 2", 2)]
    report = te.upgrade(mind_path, hooks=[better])
    assert report is not None
    assert (report.rows_upgraded, report.rows_quarantined) == (1, 1)
    assert te.upgrade(mind_path, hooks=[mended]) is not None
    assert stored(mind_path)[4:6] == [{"body": f"body {n}", "n": n} for n in (4, 5)]
    te.rollback(mind_path, hooks=[mended])
    assert stored(mind_path)[4:6] == [{"body": "body 4", "n": 4}, {"text": "body 5", "n": 5}]
    assert te.plan(mind_path, hooks=[mended])
    te.upgrade(mind_path, hooks=[mended])
    assert not te.plan(mind_path, hooks=[mended])
    assert te.check(mind_path) == []


def test_a_step_may_fail_whatever_the_other_steps_are(mind_path: Path) -> None:
    hooks = hooks_with(fails_on(4), must=False)
    hooks.step("note", from_version=2, down=lambda note: note)(lambda note: note)
    with te.open(mind_path, hooks=[hooks]) as mind:
        assert mind["note-4"].payload == {"text": "body 4", "n": 4}
    assert te.history(mind_path)[0].rows_quarantined == 1


def test_a_step_that_must_succeed_does_so_behind_one_that_may_fail(mind_path: Path) -> None:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, must=False)(lambda note: note)
    hooks.step("note", from_version=2)(fails_on(4))
    with pytest.raises(te.UpgradeFailedError, match=r"acme\.note 2 to 3"):
        te.open(mind_path, hooks=[hooks])


def test_too_many_failures_turn_it_back(mind_path: Path) -> None:
    told = (
        r"12 records failed, more than ten and .*the first: step acme\.note 1 to 2 failed on record 1: KeyError: 'text'"
    )
    with pytest.raises(te.UpgradeFailedError, match=told):
        te.open(mind_path, hooks=[hooks_with(fails_on(*range(N)), must=False)])
    assert stored(mind_path)[0] == {"text": "body 0", "n": 0}


def endless(note: dict[str, Any]) -> dict[str, Any]:
    while True:
        time.sleep(0.001)


counter = itertools.count()


def mutating(note: dict[str, Any]) -> dict[str, Any]:
    note["body"] = note.pop("text")
    return note


def leaving(note: dict[str, Any]) -> dict[str, Any]:
    raise SystemExit(3)


def circular(note: dict[str, Any]) -> dict[str, Any]:
    note["self"] = note
    return note


def nested(note: dict[str, Any]) -> Any:
    for _ in range(5000):
        note = {"in": note}
    return note


def deep(note: dict[str, Any]) -> Any:
    for _ in range(64):
        note = {"in": note}
    return note


def deaf(note: dict[str, Any]) -> dict[str, Any]:
    """Never ends, whatever `Exception` it is told by."""
    while True:
        try:
            time.sleep(0.001)
        except Exception:  # noqa: BLE001 - that is the point
            continue


ADVERSARIES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "raises": (fails_on(4), "KeyError"),
    "gives another type": (lambda note: {1, 2}, "TypeError|not a tree"),
    "gives nothing": (lambda note: None, "NoneType"),
    "gives a tuple": (lambda note: (1, 2), "not a tree"),
    "gives something else each time": (lambda note: {"n": next(counter), "body": ""}, "each time|way down"),
    "does not end": (endless, "did not end"),
    "gives far too much": (lambda note: {"n": note["n"], "body": "x" * (17 << 20)}, "is the most"),
    "leaves the program": (leaving, "SystemExit"),
    "goes in circles": (circular, "RecursionError|nested|deep"),
    "nests without end": (nested, "RecursionError|nested|deep"),
    "nests deeper than a payload may be": (deep, "nested 65 levels deep, and 64 is the most"),
    "counts too far": (lambda note: {"n": 10**30}, "OverflowError|integer"),
    "writes half a character": (lambda note: {"body": "\ud800", "n": 1}, "UnicodeEncodeError|surrogate"),
    "is not finite": (lambda note: {"n": note["n"], "body": [1.0, {"x": -math.inf}]}, "not finite"),
    "is not a number": (lambda note: {"n": math.nan, "body": ""}, "not finite"),
    "does not listen": (deaf, "did not end"),
    "cannot come back": (lambda note: {"body": "gone", "n": note["n"]}, "does not give back"),
}


@pytest.mark.parametrize("name", ADVERSARIES)
def test_a_hook_that_misbehaves_costs_nothing(name: str, mind_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "STEP_SECONDS", 0.5)
    step, told = ADVERSARIES[name]
    with te.open(mind_path) as mind:
        before = shown(mind)
    with pytest.raises(te.UpgradeFailedError, match=told) as caught:
        te.open(mind_path, hooks=[hooks_with(step)])
    failed, taken_back = te.history(mind_path)
    assert failed == caught.value.report
    assert (failed.kind, failed.succeeded, taken_back.kind) == ("upgrade", False, "rollback")
    assert failed.reason in taken_back.reason
    assert taken_back.reason in str(taken_back)
    with te.open(mind_path) as mind:
        assert shown(mind) == before
        assert mind.check() == []


def leaf_within(levels: int) -> Any:
    tree: Any = "leaf"
    for _ in range(levels):
        tree = [tree]
    return {"tree": tree}


def into_text(note: Any) -> Any:
    return {"json": json.dumps(note)}


def out_of_text(note: Any) -> Any:
    return json.loads(note["json"])


def test_what_is_deep_by_the_limits_of_its_mind_can_be_made_flat_and_deep_again(tmp_path: Path) -> None:
    config = te.Config(limits=te.Limits(payload_depth=200))
    with te.open(tmp_path / "mind", config=config) as mind:
        mind.remember("deep", kind="acme.note", payload=leaf_within(100))
    hooks = [hooks_with(into_text, down=out_of_text)]
    with te.open(tmp_path / "mind", config=config, hooks=hooks) as mind:
        assert mind[1].payload == into_text(leaf_within(100))
        mind.upgrade.commit()
    assert te.rollback(tmp_path / "mind", to={"acme.note": 1}, hooks=hooks).succeeded
    assert stored(tmp_path / "mind") == [leaf_within(100)]


def test_a_step_nests_as_deep_as_the_limits_of_its_mind_allow(tmp_path: Path) -> None:
    config = te.Config(limits=te.Limits(payload_depth=200))
    with te.open(tmp_path / "mind", config=config) as mind:
        mind.remember("to be deep", kind="acme.note", payload=into_text(leaf_within(100)))
    hooks = [hooks_with(out_of_text, down=into_text)]
    with pytest.raises(te.UpgradeFailedError, match=r"101 levels deep, and 64 is the most \(Limits.payload_depth"):
        te.open(tmp_path / "mind", hooks=hooks)
    with te.open(tmp_path / "mind", config=config, hooks=hooks) as mind:
        assert mind[1].payload == leaf_within(100)
        mind.upgrade.commit()
    assert te.rollback(tmp_path / "mind", to={"acme.note": 1}, hooks=hooks).succeeded
    assert stored(tmp_path / "mind") == [into_text(leaf_within(100))]


def test_a_hook_may_change_the_tree_it_is_given(mind_path: Path) -> None:
    with te.open(mind_path, hooks=[hooks_with(mutating)]) as mind:
        assert mind["note-4"].payload == {"body": "body 4", "n": 4}


def test_a_hook_cannot_reach_into_the_store(mind_path: Path) -> None:
    def reaching(note: dict[str, Any]) -> dict[str, Any]:
        with te.open(mind_path) as mind:
            mind.remember("from within")
        return up(note)

    with pytest.raises(te.UpgradeFailedError, match="already open in this process"):
        te.open(mind_path, hooks=[hooks_with(reaching)])
    assert len(stored(mind_path)) == N + 2


# validators, probes, approval


def test_a_validator_that_refuses_turns_it_back(mind_path: Path) -> None:
    hooks = hooks_with()
    hooks.validate("note")(lambda payload: payload["n"] != 7)
    with pytest.raises(te.UpgradeFailedError, match="validator"):
        te.open(mind_path, hooks=[hooks])
    assert stored(mind_path)[7] == {"text": "body 7", "n": 7}


def test_a_probe_must_be_the_same_before_and_after(mind_path: Path) -> None:
    hooks = hooks_with()
    hooks.probe(lambda mind: sorted(hit.id for hit in mind.recall("note")))
    te.upgrade(mind_path, hooks=[hooks])
    hooks.step("note", from_version=2, down=lambda note: note)(lambda note: note)
    seen: list[int] = []

    @hooks.probe
    def moving(mind: te.ThoughtEngine) -> int:
        seen.append(len(mind))
        return len(seen)

    with pytest.raises(te.UpgradeFailedError, match=r"acme\.moving gives 2, and before 1"):
        te.upgrade(mind_path, hooks=[hooks])
    assert seen == [N + 2, N + 2]


def test_a_probe_sees_what_a_lossy_step_loses(mind_path: Path) -> None:
    hooks = hooks_with(lambda note: {"n": note["n"]}, down=None, lossy=True)
    hooks.probe(lambda mind: sum("text" in (m.payload or {}) for m in mind.memories()))
    with pytest.raises(te.UpgradeFailedError, match=f"gives 1, and before {N + 1}") as caught:
        te.upgrade(mind_path, hooks=[hooks])
    assert (caught.value.report.probes, caught.value.report.probes_failed) == (1, 1)
    assert stored(mind_path)[0] == {"text": "body 0", "n": 0}


def test_a_probe_that_raises_is_in_the_report(mind_path: Path) -> None:
    hooks = hooks_with()
    hooks.probe(lambda mind: 1 / 0)
    with pytest.raises(te.UpgradeFailedError, match="ZeroDivisionError") as caught:
        te.upgrade(mind_path, hooks=[hooks])
    assert te.history(mind_path)[0] == caught.value.report


def test_unless_it_is_approved_it_is_taken_back(mind_path: Path) -> None:
    with pytest.raises(te.UpgradeFailedError, match="not approved"):
        te.open(mind_path, hooks=[hooks_with()], approve=lambda report: report.rows_upgraded != N)
    assert stored(mind_path)[0] == {"text": "body 0", "n": 0}


# begun and not finished


def end_half_way(path: Path, monkeypatch: pytest.MonkeyPatch, hooks: Callable[..., te.Upgrades], **how: Any) -> None:
    """Upgrade the notes in a process that is ended in the middle."""
    monkeypatch.setattr(payloads, "_ROWS", 5)

    class Ended(BaseException):
        pass

    calls = itertools.count()

    def interrupted(note: dict[str, Any]) -> dict[str, Any]:
        if next(calls) == 7:
            raise Ended
        return up(note)

    with pytest.raises(Ended):
        te.open(path, hooks=[hooks(interrupted, **how)])


def with_things(step: Callable[[Any], Any] = up, **how: Any) -> te.Upgrades:
    hooks = hooks_with(step, **how)
    hooks.step("thing", from_version=1, must=False)(lambda thing: thing)
    return hooks


@pytest.fixture
def half(mind_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mind whose process was ended in the middle of its upgrade."""
    end_half_way(mind_path, monkeypatch, hooks_with)
    return mind_path


def test_it_goes_on_where_it_was(half: Path) -> None:
    with te.open(half, hooks=[hooks_with()]) as mind:
        assert all(
            "body" in memory.payload for memory in mind.memories() if memory.kind == "acme.note" and memory.payload
        )
        assert mind.check() == []


def test_without_a_hook_that_it_must_have_it_does_not_open(half: Path) -> None:
    with pytest.raises(te.UpgradeRequiredError, match=r"acme\.note"):
        te.open(half)


def test_what_waits_for_its_hooks_tells_so_and_how_far_it_is(mind_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_half_way(mind_path, monkeypatch, with_things, must=False)
    things = te.Upgrades("acme")
    things.step("thing", from_version=1, must=False)(lambda thing: thing)
    for given in ([], [things]):
        with te.open(mind_path, hooks=given) as mind:
            status = mind.upgrade.status()
        assert (status.stage, status.phase, status.done, status.total) == ("UPGRADING", "P4 host payloads", 5, N + 2)
        missing = "acme.note up to version 2" if given else "acme.note up to version 2, acme.thing up to version 2"
        assert str(status) == f"P4 host payloads: 36%, waits for hooks that know {missing}: te.open(path, hooks=[...])"
        assert mind.upgrade.status().waits == status.waits
    with te.open(mind_path, hooks=[with_things(must=False)]) as mind:
        assert mind["note-11"].payload == {"body": "body 11", "n": 11}
        assert not mind.upgrade.status().waits


def test_a_step_that_was_changed_meanwhile_is_refused(half: Path) -> None:
    with pytest.raises(te.UpgradeFailedError, match="were changed"):
        te.open(half, hooks=[hooks_with(revision=2)])
    with te.open(half, hooks=[hooks_with()]) as mind:
        assert mind.check() == []


def test_a_half_upgraded_mind_can_be_taken_back(half: Path) -> None:
    te.rollback(half, hooks=[hooks_with()])
    assert stored(half)[:N] == [{"text": f"body {n}", "n": n} for n in range(N)]


# declaring


def test_two_steps_for_one_version_are_an_error() -> None:
    hooks = hooks_with()
    with pytest.raises(te.InvalidArgumentError, match="there is one already"):
        hooks.step("note", from_version=1)(up)


@pytest.mark.parametrize(
    "wrong",
    [{"from_version": 0}, {"from_version": True}, {"from_version": 1, "down": 3}, {"from_version": 1, "must": 1}],
    ids=str,
)
def test_a_step_that_cannot_be_is_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(te.InvalidArgumentError):
        te.Upgrades("acme").step("note", **wrong)


@pytest.mark.parametrize("given", [[1], "acme", te.Upgrades("acme"), [te.Upgrades("a"), te.Upgrades("a")]], ids=repr)
def test_hooks_that_are_none_are_told(given: Any, tmp_path: Path) -> None:
    with pytest.raises(te.InvalidArgumentError, match="hooks"):
        te.open(tmp_path / "mind", hooks=given)


def test_a_gap_in_a_chain_is_told(mind_path: Path) -> None:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=2)(up)
    with pytest.raises(te.InvalidArgumentError, match="a step from version 1"):
        te.open(mind_path, hooks=[hooks])
    assert stored(mind_path)[0] == {"text": "body 0", "n": 0}


def test_what_cannot_go_down_is_told_and_nothing_is_done(mind_path: Path) -> None:
    hooks = hooks_with(down=None)
    with te.open(mind_path, hooks=[hooks]) as mind:
        new = mind.remember("later", kind="acme.note", payload={"body": "later", "n": 1})
        with pytest.raises(te.DowngradeError, match="no way back"):
            mind.upgrade.rollback()
        assert mind["note-0"].payload == {"body": "body 0", "n": 0}
    with pytest.raises(te.DowngradeError, match="give the hooks"):
        te.rollback(mind_path)
    with te.open(mind_path, hooks=[hooks]) as mind:
        assert mind[new].payload == {"body": "later", "n": 1}
        mind.forget(new, erase=True)
    te.rollback(mind_path)
    assert stored(mind_path)[0] == {"text": "body 0", "n": 0}


def test_a_mind_whose_payloads_soak_may_go_down_to_format_1(mind_path: Path) -> None:
    te.upgrade(mind_path, hooks=[hooks_with()])
    te.rollback(mind_path, to=1)
    with te.open(mind_path, hooks=[hooks_with()]) as mind:
        assert mind["note-3"].payload == {"body": "body 3", "n": 3}
        assert not mind.health().incidents
        assert mind.check() == []


# planned ways down


def lossy_hooks() -> te.Upgrades:
    """Version 2 has a mark that version 1 cannot hold, and version 1 a number that version 2 drops."""
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, lossy=True, down=lambda note: {"text": note["body"], "n": 0})(
        lambda note: {"body": note["text"], "mark": ""}
    )
    return hooks


def settled(path: Path, hooks: te.Upgrades) -> list[Any]:
    """Upgrade, use, and let the rollback point go; return the payloads at version 1."""
    before = stored(path)
    with te.open(path, hooks=[hooks]) as mind:
        mind.upgrade.commit()
    return before


def test_long_after_its_upgrade_a_kind_goes_down_by_its_steps(mind_path: Path) -> None:
    hooks = hooks_with()
    before = settled(mind_path, hooks)
    with te.open(mind_path, hooks=[hooks]) as mind:
        mind.remember("later", kind="acme.note", payload={"body": "new", "n": 99})
    report = te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks])
    assert (report.kind, report.namespaces, report.rows_upgraded) == ("rollback", {"acme.note": (2, 1)}, N + 1)
    assert stored(mind_path) == [*before, {"text": "new", "n": 99}]
    assert te.check(mind_path) == []
    with te.open(mind_path, hooks=[hooks]) as mind:
        assert mind["note-3"].payload == {"body": "body 3", "n": 3}


def test_what_each_version_cannot_hold_comes_back_with_it(mind_path: Path) -> None:
    hooks = lossy_hooks()
    before = settled(mind_path, hooks)
    with te.open(mind_path, hooks=[hooks]) as mind:
        marked = mind.remember("later", kind="acme.note", payload={"body": "new", "mark": "!"})
        mind.revise("note-3", payload={"body": "changed", "mark": "?"})
    te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks])
    with te.open(mind_path) as mind:
        assert [mind[f"note-{n}"].payload for n in (0, 1, 2)] == before[:3], "the numbers are back"
        assert mind["note-3"].payload == {"text": "changed", "n": 0}
        assert mind[marked].payload == {"text": "new", "n": 0}
    with te.open(mind_path, hooks=[hooks]) as mind:
        assert mind[marked].payload == {"body": "new", "mark": "!"}
        assert mind["note-3"].payload == {"body": "changed", "mark": "?"}
        assert mind["note-2"].payload == {"body": "body 2", "mark": ""}
        assert mind.check() == []


@pytest.mark.parametrize(
    ("to", "hooks", "error", "told"),
    [
        ({"acme.note": 1}, [], te.DowngradeError, "were not given"),
        ({"acme.note": 1}, [hooks_with(down=None)], te.DowngradeError, "acme.note 1 to 2 has no way down"),
        ({}, [hooks_with()], te.DowngradeError, "no kind was named"),
        ({"acme.note": 2}, [hooks_with()], te.InvalidArgumentError, "a version from 1 on and below 2"),
        ({"acme.note": "1"}, [hooks_with()], te.InvalidArgumentError, "a version from 1 on and below 2"),
    ],
)
def test_where_there_is_no_way_down_nothing_is_done(
    to: Any, hooks: list[te.Upgrades], error: type[Exception], told: str, mind_path: Path
) -> None:
    settled(mind_path, hooks_with())
    before = stored(mind_path)
    with pytest.raises(error, match=told):
        te.rollback(mind_path, to=to, hooks=hooks)
    assert stored(mind_path) == before


def test_what_is_down_already_is_told_to_be(mind_path: Path) -> None:
    with te.open(mind_path) as mind:
        mind.remember("a thing", kind="acme.thing", payload={"text": "tea", "n": 1})
    hooks = hooks_with()
    hooks.step("thing", from_version=1, down=down)(up)
    settled(mind_path, hooks)
    te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks])
    with pytest.raises(te.DowngradeError, match=r"of kind 'acme\.note' are at version 1 already, the lowest there"):
        te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks])
    with pytest.raises(te.DowngradeError, match=r"'acme\.nte' were upgraded here.*\(upgraded: acme\.thing\)"):
        te.rollback(mind_path, to={"acme.nte": 1}, hooks=[hooks])


def test_after_a_commit_it_is_told_that_the_rollback_point_is_gone(mind_path: Path) -> None:
    te.upgrade(mind_path, hooks=[hooks_with()])
    te.rollback(mind_path, hooks=[hooks_with()])
    with pytest.raises(te.DowngradeError, match="taken back already"):
        te.rollback(mind_path)
    settled(mind_path, hooks_with())
    with pytest.raises(te.DowngradeError, match=r"gone since .* committed.*'acme\.note': 1"):
        te.rollback(mind_path, hooks=[hooks_with()])


def test_a_way_down_that_fails_is_taken_back(mind_path: Path) -> None:
    settled(mind_path, hooks_with())
    before = stored(mind_path)

    def failing(note: dict[str, Any]) -> dict[str, Any]:
        if note["n"] == 7:
            raise KeyError("text")
        return down(note)

    with pytest.raises(te.UpgradeFailedError, match="KeyError"):
        te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks_with(down=failing)])
    assert stored(mind_path) == before
    assert te.check(mind_path) == []


# damage that an opening for an upgrade is the first to meet


def lose(path: Path, word: str) -> None:
    """Flip a bit of a text in the log of a mind: a salvage does not bring that memory over."""
    log = max(path.glob("gen-*/*.log"))
    data = bytearray(log.read_bytes())
    data[data.index(word.encode())] ^= 1
    log.write_bytes(data)


def test_what_was_kept_aside_goes_with_the_memory_that_damage_took(mind_path: Path) -> None:
    hooks = hooks_with(lambda note: {"n": note["n"]}, down=lambda note: {"text": "", "n": note["n"]}, lossy=True)
    te.upgrade(mind_path, hooks=[hooks])
    with te.open(mind_path, hooks=[hooks]) as mind:
        mind.upgrade.commit()
    level = Level(str(max(mind_path.glob("gen-*"))), StorageConfig())
    level.write([], [MEMORY.key(8)], True)
    level.compact(MEMORY.prefix, MEMORY.stop)
    level.close()
    write_pointer(mind_path, msgspec.structs.replace(read_pointer(mind_path)[0], state="DAMAGED"))
    with te.open(mind_path, hooks=[hooks]) as mind:
        assert "note-7" not in mind
        assert mind.check() == []
    hooks.step("note", from_version=2, down=lambda note: note)(lambda note: note)
    te.upgrade(mind_path, hooks=[hooks])
    te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks])
    assert stored(mind_path)[3] == {"text": "body 3", "n": 3}
    assert te.check(mind_path) == []


@pytest.mark.parametrize("how", ["auto", "wait", "upgrade", "into"])
def test_what_a_salvage_brought_is_settled_before_its_payloads_are_upgraded(
    mind_path: Path, tmp_path: Path, how: str
) -> None:
    lose(mind_path, "note 7")
    if how == "into":
        te.upgrade(mind_path, into=tmp_path / "new", hooks=[hooks_with()])
        mind_path = tmp_path / "new"
    elif how == "upgrade":
        te.upgrade(mind_path, hooks=[hooks_with()])
    with te.open(mind_path, hooks=[hooks_with()], upgrade="auto" if how == "auto" else "wait") as mind:
        assert len(mind) == N + 1
        assert "note-7" not in mind
        assert mind["note-3"].payload == {"body": "body 3", "n": 3}
        assert mind.check() == []
    te.rollback(mind_path, hooks=[hooks_with()])
    with te.open(mind_path) as mind:
        assert mind["note-3"].payload == {"text": "body 3", "n": 3}
        assert mind.check() == []


def test_what_a_salvage_brought_is_settled_before_its_payloads_go_down(mind_path: Path) -> None:
    with te.open(mind_path, hooks=[hooks_with()]) as mind:
        mind.upgrade.commit()
        mind.remember("note later", key="later", kind="acme.note", payload={"body": "later", "n": N})
    lose(mind_path, "note later")
    te.rollback(mind_path, to={"acme.note": 1}, hooks=[hooks_with()])
    with te.open(mind_path) as mind:
        assert mind["note-3"].payload == {"text": "body 3", "n": 3}
        assert "later" not in mind
        assert mind.check() == []


@pytest.mark.parametrize("begun", [False, True])
def test_what_a_salvage_brought_is_settled_before_its_payloads_are_taken_back(mind_path: Path, begun: bool) -> None:
    with te.open(mind_path, hooks=[hooks_with()]) as mind:
        mind.remember("note later", key="later", kind="acme.note", payload={"body": "later", "n": N})
    if begun:  # and killed on the way
        pointer, _ = read_pointer(mind_path)
        assert pointer.upgrade is not None
        note = msgspec.structs.replace(pointer.upgrade, why="as asked")
        write_pointer(mind_path, msgspec.structs.replace(pointer, stage="ROLLING_BACK", upgrade=note))
    lose(mind_path, "note later")
    if begun:
        with pytest.raises(te.UpgradeFailedError, match="rolled back"):
            te.open(mind_path, hooks=[hooks_with()])
    else:
        te.rollback(mind_path, hooks=[hooks_with()])
    with te.open(mind_path) as mind:
        assert mind["note-3"].payload == {"text": "body 3", "n": 3}
        assert "later" not in mind
        assert mind.check() == []
