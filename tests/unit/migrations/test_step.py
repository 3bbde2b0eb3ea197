"""Finding the way between versions, apart from any store."""

import json
from typing import Any

import pytest

import thoughtengine as te
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.step import Chain, Descent, PayloadStep, Walk
from thoughtengine.storage.pointer import Pointer


def chain_of(versions: list[int], **how: Any) -> Chain:
    chain = Chain("acme.note")
    for version in versions:
        step = {"down": lambda path, v=version: path[:-1], "lossy": False, "must": True, "revision": 1, **how}
        chain.add(PayloadStep(kind="acme.note", from_version=version, up=lambda path, v=version: [*path, v], **step))
    return chain


@pytest.mark.parametrize(
    ("versions", "newest", "oldest"), [([], 1, 1), ([1], 2, 1), ([3, 1, 2], 4, 1), ([2, 3], 4, 2), ([1, 3], 4, 3)]
)
def test_a_chain_knows_its_ends(versions: list[int], newest: int, oldest: int) -> None:
    assert (chain_of(versions).version, chain_of(versions).oldest) == (newest, oldest)


@pytest.mark.parametrize(("start", "stop"), [(1, 4), (2, 3), (3, 4), (2, 2)])
def test_a_composed_walk_is_its_steps_one_by_one(start: int, stop: int) -> None:
    chain = chain_of([1, 2, 3])
    walk = chain.walk(start, stop)
    assert walk.up("r", []) == list(range(start, stop))
    assert walk.down("r", walk.up("r", [])) == []
    assert chain.walk(start, stop) is walk


def test_a_missing_step_is_named() -> None:
    with pytest.raises(te.InvalidArgumentError, match="a step from version 2"):
        chain_of([1, 3]).walk(1, 4)


def test_a_walk_is_what_its_steps_are() -> None:
    assert chain_of([1, 2], lossy=True).walk(1, 3).lossy
    assert not chain_of([1], must=False).walk(1, 2).must
    assert not chain_of([1], down=None).walk(1, 2).can_return
    with pytest.raises(te.RecordUpgradeError, match="no way back") as caught:
        chain_of([1], down=None).walk(1, 2).down(7, [])
    assert caught.value.record == "7"


def nested(levels: int) -> Any:
    tree: Any = "leaf"
    for level in range(levels):
        tree = [tree] if level % 2 else {"in": tree}
    return tree


def wrapping() -> Walk:
    up, down = (lambda tree: {"in": tree}), (lambda tree: tree)
    return Walk((PayloadStep(kind="acme.note", from_version=1, up=up, down=down, lossy=False, must=True, revision=1),))


def test_a_step_nests_no_deeper_than_a_payload_may_be() -> None:
    walk = wrapping()
    assert walk.up(7, nested(63)) == {"in": nested(63)}
    with pytest.raises(te.RecordUpgradeError, match="nested 65 levels deep, and 64 is the most") as caught:
        walk.up(7, nested(64))
    assert (caught.value.record, caught.value.step) == ("7", "acme.note 1 to 2")


def test_a_step_may_leave_a_payload_as_deep_as_it_was() -> None:
    walk = wrapping()
    assert walk.down(7, nested(90)) == nested(90)
    with pytest.raises(te.RecordUpgradeError, match="nested 91 levels deep, and 90 is the most"):
        walk.up(7, nested(90))


def flattening(*, also_up: int = 0) -> Walk:
    """Into a text and back, with a step behind it that nests what is in the text."""
    how: dict[str, Any] = {"kind": "acme.note", "lossy": False, "must": True, "revision": 1}
    flat = PayloadStep(
        from_version=1, up=lambda tree: {"j": json.dumps(tree)}, down=lambda flat: json.loads(flat["j"]), **how
    )
    deep = PayloadStep(from_version=2, up=flat.down or flat.up, down=flat.up, **how)
    return Walk((flat, deep)[: 1 + also_up])


def test_the_way_back_of_a_step_that_flattens_is_as_deep_as_it_was() -> None:
    walk = flattening()
    assert walk.down(7, walk.up(7, nested(101))) == nested(101)
    assert Descent(walk).up(7, walk.up(7, nested(101))) == nested(101)


def test_the_way_up_again_is_as_deep_as_it_was() -> None:
    walk = Walk(flattening(also_up=1).steps[1:])
    assert Descent(walk).down(7, Descent(walk).up(7, nested(101))) == nested(101)


def test_the_last_of_some_steps_may_leave_a_payload_as_deep_as_the_first_found_it() -> None:
    assert flattening(also_up=1).up(7, nested(101)) == nested(101)


def test_a_step_nests_as_deep_as_the_mind_allows() -> None:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1)(lambda tree: {"in": tree})
    chains = {deepest: Hooks([hooks], deepest).chains["acme.note"] for deepest in (64, 200)}
    hooks.step("note", from_version=2)(lambda tree: {"in": tree})
    assert chains[200].walk(1, 3).up(7, nested(150)) == {"in": {"in": nested(150)}}
    with pytest.raises(te.RecordUpgradeError, match="151 levels deep, and 150 is the most"):
        chains[64].walk(1, 3).up(7, nested(150))
    with pytest.raises(te.RecordUpgradeError, match="201 levels deep, and 200 is the most"):
        chains[200].walk(1, 2).up(7, nested(200))


def test_a_changed_revision_is_noticed_and_nothing_else() -> None:
    same, other = chain_of([1, 2]), chain_of([1, 2], revision=2)
    assert same.fingerprint(1, 3) == chain_of([2, 1]).fingerprint(1, 3)
    assert same.fingerprint(1, 3) != other.fingerprint(1, 3)


def test_hooks_tell_what_is_behind_and_what_is_ahead() -> None:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1)(lambda note: note)
    hooks.step("task", from_version=1)(lambda task: task)
    hooks.step("task", from_version=2)(lambda task: task)
    known = Hooks([hooks])
    assert known.pending(Pointer(uuid="")) == {"acme.note": (1, 2), "acme.task": (1, 3)}
    pointer = Pointer(uuid="", namespaces={"acme.note": 2, "acme.task": 2, "other.x": 9})
    assert known.pending(pointer) == {"acme.task": (2, 3)}
    assert known.newer({"acme.note": 3, "acme.task": 3}) == {"acme.note": (3, 2)}


def test_what_was_taken_back_is_read_and_written_at_the_old_version() -> None:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: {"n": note["m"]})(lambda note: {"m": note["n"]})
    known = Hooks([hooks])
    assert known.read(1, "acme.note", 1, {"n": 1}) == {"m": 1}
    known.hold({"acme.note": 1})
    assert known.versions == {"acme.note": 1}
    assert known.written("acme.note", {"m": 1}) == {"n": 1}
    assert known.read(1, "acme.note", 1, {"n": 1}) == {"m": 1}, "until the way back has ended"
    known.let_go({})
    assert known.versions == {"acme.note": 2}
    known.hold({"acme.note": 1})
    known.taken_back()
    assert known.versions == {"acme.note": 1}
    assert known.read(1, "acme.note", 1, {"n": 1}) == {"n": 1}
    assert known.written("acme.note", {"m": 1}) == {"n": 1}
    assert known.written("other", {"m": 1}) == {"m": 1}
