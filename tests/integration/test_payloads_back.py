"""Ways back of payloads: past what damage took, on a full disk, and taken up again where they were broken off."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from thoughtengine.config import StorageConfig
from thoughtengine.migrations import take_back
from thoughtengine.storage.keyspace import MEMORY, RECEIPT
from thoughtengine.storage.pointer import read_pointer, write_pointer
from thoughtengine.storage.store import Level

N = 12


def note_hooks() -> te.Upgrades:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})(lambda note: {"body": note["text"]})
    return hooks


def remember_notes(mind: te.ThoughtEngine) -> None:
    for n in range(N):
        mind.remember(f"note {n}", key=f"n{n}", kind="acme.note", payload={"text": f"{n}"})


def lose(path: Path, *keys: bytes) -> None:
    """Take rows from the generation that serves, as damage does: the next opening salvages the rest."""
    level = Level(str(max(path.glob("gen-*"))), StorageConfig())
    level.write([], list(keys), True)
    level.compact(b"", b"\xff")  # else a salvage would find them in an older table
    level.close()
    write_pointer(path, msgspec.structs.replace(read_pointer(path)[0], state="DAMAGED"))


# what damage took, and the sealed copy holds


@pytest.fixture
def reworded(tmp_path: Path) -> Path:
    """A mind in the soak of its payloads, of which a key has two wordings, and one memory is forgotten."""
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember("boiler: Thursday", key="boiler", kind="acme.note", payload={"text": "Thursday"})
        remember_notes(mind)
        mind.forget("n3")
        mind.pin("n4")
        mind.revise("boiler", text="boiler: Friday", payload={"text": "Friday"})
    te.upgrade(path, hooks=[note_hooks()])
    return path


def assert_whole(path: Path) -> None:
    with te.open(path) as mind:
        first, second = mind[1], mind["boiler"]
        assert (first.text, first.superseded_by) == ("boiler: Thursday", second.id)
        assert (second.text, second.payload) == ("boiler: Friday", {"text": "Friday"})
        assert "n3" not in mind
        assert mind["n4"].layer == "eternal"
        assert mind.check() == []


@pytest.mark.parametrize("live", [False, True])
def test_the_newest_wording_of_a_key_comes_back(reworded: Path, live: bool) -> None:
    lose(reworded, MEMORY.key(N + 2))
    with te.open(reworded, hooks=[note_hooks()]) as mind:
        assert (mind["boiler"].text, N + 2 in mind) == ("boiler: Thursday", False)
        mind.pin("boiler")  # its mark is written anew
        if live:
            mind.upgrade.rollback()
            assert mind["boiler"].text == "boiler: Friday"
            assert mind.check() == []
    if not live:
        te.rollback(reworded, hooks=[note_hooks()])
    assert_whole(reworded)


def test_what_was_said_under_the_key_since_stands_above_both(reworded: Path) -> None:
    lose(reworded, MEMORY.key(N + 2))
    with te.open(reworded, hooks=[note_hooks()]) as mind:
        mind.revise("boiler", text="boiler: Saturday")
    te.rollback(reworded, hooks=[note_hooks()])
    with te.open(reworded) as mind:
        assert (mind["boiler"].text, mind[N + 2].text) == ("boiler: Saturday", "boiler: Friday")
        assert mind[1].superseded_by == mind["boiler"].id
        assert mind.check() == []


@pytest.mark.parametrize("meanwhile", [False, True])
def test_receipts_that_damage_took_come_back_and_with_them_what_they_did(
    reworded: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: bool
) -> None:
    lose(reworded, RECEIPT.key(1), RECEIPT.key(2))
    with te.open(reworded, hooks=[note_hooks()]) as mind:
        assert "n3" in mind
        assert mind["n4"].layer != "eternal"
        mind.pin("n3")
        if meanwhile:  # written during the proof
            prove = take_back.prove_generation

            def writing(*given: Any) -> Any:
                mind.pin("n5")
                return prove(*given)

            monkeypatch.setattr(take_back, "prove_generation", writing)
        mind.upgrade.rollback()
        assert "n3" not in mind
        assert mind["n4"].layer == "eternal"
        assert mind.check() == []
    assert_whole(reworded)


def test_it_comes_back_on_the_way_to_format_1_too(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    write_flat(path, {b"sensory:k%02d" % n: b'{"timestamp": %d, "raw": "old %d"}' % (n, n) for n in range(N)})
    with te.open(path, upgrade="wait") as mind:
        remember_notes(mind)
        revised = mind.remember("revised", key="sensory:k03")
    te.upgrade(path, hooks=[note_hooks()])
    lose(path, MEMORY.key(revised))
    with te.open(path, hooks=[note_hooks()]) as mind:
        assert mind["sensory:k03"].text == "old 3"
    te.rollback(path, to=1, hooks=[note_hooks()])
    said = [value for key, value in read_flat(path).items() if key.startswith(b"sensory:")]
    assert any(b"revised" in value for value in said)


def test_a_way_back_that_is_killed_before_what_is_derived_is_made_again_is_ended_by_the_next_opening(
    reworded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(reworded, MEMORY.key(N + 2), RECEIPT.key(1))

    def killed(*given: Any, **how: Any) -> None:
        raise KeyboardInterrupt

    with te.open(reworded, hooks=[note_hooks()]) as mind:
        mind.pin("boiler")
        monkeypatch.setattr("thoughtengine.lifting.rebuild", killed)
        with pytest.raises(KeyboardInterrupt):
            mind.upgrade.rollback()
    monkeypatch.undo()
    assert_whole(reworded)
