"""Finding the way between versions, apart from any store."""

from typing import Any

import pytest

import thoughtengine as te
from thoughtengine.migrations.hooks import Hooks
from thoughtengine.migrations.step import Chain, PayloadStep
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
    assert known.read(1, "acme.note", 1, {"n": 1}) == {"n": 1}
    assert known.written("acme.note", {"m": 1}) == {"n": 1}
    assert known.written("other", {"m": 1}) == {"m": 1}
