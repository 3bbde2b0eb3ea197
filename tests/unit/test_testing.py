from typing import Any

import pytest

import thoughtengine as te
from thoughtengine.testing import UpgradeHarness, check_upgrades

NOTES = [{"text": f"note {n}", "n": n} for n in range(4)]


def up(note: dict[str, Any]) -> dict[str, Any]:
    return {"body": note["text"], "n": note["n"]}


def down(note: dict[str, Any]) -> dict[str, Any]:
    return {"text": note["body"], "n": note["n"]}


def hooks_with(step: Any = up, **how: Any) -> te.Upgrades:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, **{"down": down, **how})(step)
    hooks.step("note", from_version=2, down=lambda note: {k: v for k, v in note.items() if k != "v"})(
        lambda note: {**note, "v": 3}
    )
    return hooks


def forgetful(note: dict[str, Any]) -> dict[str, Any]:
    note.pop("n")
    return {"body": note["text"], "n": 0}


count = iter(range(1000))


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (lambda note: {"body": note["text"], "n": next(count)}, "something else each time"),
        (lambda note: {"body": "", "n": note["n"]}, "does not give back"),
        (forgetful, "changes what it is given"),
        (lambda note: note["nothing"], "KeyError"),
        (lambda note: {1}, "not a tree|TypeError"),
    ],
)
def test_samples_tell_what_is_wrong_with_a_step(step: Any, told: str) -> None:
    found = check_upgrades(hooks_with(step), {"acme.note": NOTES})
    assert found
    assert all(line.startswith("acme.note, sample ") for line in found)
    assert any(part in line for line in found for part in told.split("|"))


def test_sound_hooks_have_nothing_wrong() -> None:
    assert check_upgrades(hooks_with(), {"acme.note": NOTES}) == []
    assert check_upgrades(hooks_with(), {"note": NOTES}) == []


def test_a_validator_is_asked() -> None:
    hooks = hooks_with()
    hooks.validate("note")(lambda payload: payload["n"] < 3)
    assert check_upgrades(hooks, {"acme.note": NOTES}) == ["acme.note, sample 3: the validator refuses the result"]


def test_a_validator_that_raises_is_told() -> None:
    hooks = hooks_with()
    hooks.validate("note")(lambda payload: 1 / (payload["n"] - 3) < 1)
    found = check_upgrades(hooks, {"acme.note": NOTES})
    assert found == ["acme.note, sample 3: the validator raises ZeroDivisionError: division by zero"]


def test_without_samples_nothing_can_be_broken_off() -> None:
    with UpgradeHarness(hooks_with()) as harness:
        harness.create_at(1)
        with pytest.raises(te.InvalidArgumentError, match="put_samples"):
            harness.crash_everywhere()


def test_a_kind_without_steps_is_told() -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"acme\.note"):
        check_upgrades(hooks_with(), {"acme.other": NOTES})


@pytest.mark.parametrize("version", [1, 2])
def test_a_harness_upgrades_breaks_off_and_takes_back(version: int) -> None:
    samples = NOTES if version == 1 else [up(note) for note in NOTES]
    with UpgradeHarness(hooks_with()) as harness:
        harness.create_at(version)
        assert harness.put_samples({"acme.note": samples}) == [1, 2, 3, 4]
        assert harness.crash_everywhere() >= len(samples)
        assert harness.upgrade().rows_upgraded == len(samples)
        harness.assert_no_silent_loss()
        harness.assert_roundtrip()
        harness.assert_roundtrip()
    assert not harness.path.exists()


def test_a_harness_sees_a_step_whose_outcome_hangs_on_where_it_was_broken_off() -> None:
    calls = iter(range(1000))

    def drifting(note: dict[str, Any]) -> dict[str, Any]:
        return {"body": note["text"], "n": next(calls)}

    with UpgradeHarness(hooks_with(drifting, down=None)) as harness:
        harness.create_at(1)
        harness.put_samples({"acme.note": NOTES})
        with pytest.raises(te.UpgradeFailedError, match="each time"):
            harness.crash_everywhere()


def test_a_harness_tells_of_what_was_not_upgraded() -> None:
    with UpgradeHarness(hooks_with()) as harness:
        harness.create_at(1)
        harness.put_samples({"acme.note": NOTES})
        harness.upgrade()
        harness._put[1] = "acme.note", {"text": "never stored", "n": 0}
        with pytest.raises(AssertionError, match=r"not told: \[1\]"):
            harness.assert_no_silent_loss()
        with pytest.raises(AssertionError, match=r"not what they were: \[1\]"):
            harness.assert_roundtrip()
