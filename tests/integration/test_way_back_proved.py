"""A way back is proved before it counts: what it leads to holds what the mind held, and answers; else the newer stays."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from tests.tables import largest
from thoughtengine.migrations import lower, take_back
from thoughtengine.storage.keyspace import FORMER, MEMORY
from thoughtengine.storage.pointer import read_pointer

ROWS = {
    f"sensory:note-{n}".encode(): json.dumps({"timestamp": n, "type": "sensory", "raw": f"tea in garden {n}"}).encode()
    for n in range(60)
} | {b"emotion:note-3": b'{"processed_at": 3, "type": "emotion", "valence": 0.5}', b"weather:today": b"\xff\xfe"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A mind within the soak of its upgrade, with a memory of its own."""
    write_flat(tmp_path / "mind", ROWS)
    with te.open(tmp_path / "mind") as mind:
        mind.remember("said since", key="since", tags=["new"])
        mind.forget("sensory:note-7")
    return tmp_path / "mind"


def note_hooks() -> te.Upgrades:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})(lambda note: {"body": note["text"]})
    return hooks


@pytest.fixture
def with_payloads(tmp_path: Path) -> Path:
    """A mind whose payloads were upgraded, with one written since."""
    with te.open(tmp_path / "notes") as mind:
        for n in range(30):
            mind.remember(f"note about {n}", key=f"n{n}", kind="acme.note", payload={"text": f"{n}"})
    with te.open(tmp_path / "notes", hooks=[note_hooks()]) as mind:
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
    return tmp_path / "notes"


def test_the_report_and_the_event_of_a_way_back_to_format_1_tell_what_was_proved(path: Path) -> None:
    told = list[dict[str, Any]]()
    mind = te.open(path)
    mind.events.subscribe("upgrade", lambda event: told.append(dict(event.data)))
    report = mind.upgrade.rollback()
    assert report is not None
    assert report.succeeded
    assert report.digest_before == report.digest_after != ""
    assert report.rows_in == len(ROWS)  # one more, one less
    assert report.criteria["records lost"].verdict == "met"
    assert report.probes >= 50
    assert report.probes_failed == 0
    [event] = [each for each in told if each["what"] == "rolled back"]
    assert (event["rows"], event["probes"], event["verified"]) == (report.rows_in, report.probes, True)
    assert te.history(path)[-1] == report


def forgetting(made: Any, key: bytes) -> Any:
    """A way down that leaves a row out, and says nothing."""

    def put(self: Any, given: bytes, value: bytes) -> None:
        if given != key:
            made(self, given, value)

    return put


@pytest.mark.parametrize("key", [b"sensory:note-5", b"emotion:note-3", b"weather:today"])
def test_a_row_that_is_missing_below_leaves_the_newer_store_in_place(
    path: Path, key: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with te.open(path) as mind:
        mind.upgrade.commit()
        before = [(memory.id, memory.text) for memory in mind.memories()]
    with monkeypatch.context() as patch:
        patch.setattr(lower._Target, "put", forgetting(lower._Target.put, key))
        with pytest.raises(te.UpgradeFailedError, match="does not hold") as failed:
            te.rollback(path, to=1)
    assert failed.value.report is not None
    assert not failed.value.report.succeeded
    assert te.history(path)[-1].reason == failed.value.report.reason
    assert not list(path.glob("*.part"))
    with te.open(path) as mind:
        assert [(memory.id, memory.text) for memory in mind.memories()] == before
        assert mind.upgrade.status().stage == ""
        assert mind.check() == []
    te.rollback(path, to=1)
    assert read_flat(path)[key] == ROWS[key]


def test_within_the_soak_it_soaks_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    until = read_pointer(path)[0].points[-1].until
    with monkeypatch.context() as patch:
        patch.setattr(lower, "layers_down", lambda memory, appraisal: b'{"type": "sensory", "raw": "something else"}')
        mind = te.open(path)
        with pytest.raises(te.UpgradeFailedError, match="does not hold"):
            mind.upgrade.rollback()
        mind.close()
    with te.open(path) as mind:
        status = mind.upgrade.status()
        assert (status.stage, status.until) == ("SOAK", until)
        assert mind["since"].text == "said since"
    assert te.rollback(path).succeeded


def test_what_is_kept_aside_is_read_too(path: Path) -> None:
    """A flipped bit in the generation that goes aside: it would come back damaged with the next upgrade."""
    with te.open(path) as mind:
        for n in range(200):
            mind.remember(f"more {n}", tags=["new"])
        mind._store.compact(b"", b"\xff")
    table = largest(path.glob("gen-*"))
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 4
    table.write_bytes(data)
    with pytest.raises((te.StoreDamagedError, te.UpgradeFailedError)):
        te.rollback(path)
    assert (path / "STORE").exists()
    with te.open(path) as mind:  # salvaged
        assert mind["since"].text == "said since"
        assert mind.check() == []


def test_a_way_back_of_payloads_tells_what_was_proved(with_payloads: Path) -> None:
    told = list[dict[str, Any]]()
    with te.open(with_payloads, hooks=[note_hooks()]) as mind:
        mind.events.subscribe("upgrade", lambda event: told.append(dict(event.data)))
        report = mind.upgrade.rollback()
        assert report is not None
        assert mind["later"].payload == {"text": "later"}
        assert mind.check() == []
    assert report.digest_before == report.digest_after != ""
    assert report.rows_in == 31
    assert report.probes >= 31
    assert report.probes_failed == 0
    [event] = [each for each in told if each["what"] == "rolled back"]
    assert (event["probes"], event["verified"]) == (report.probes, True)


def test_a_payload_that_is_missing_below_leaves_the_upgraded_ones_in_place(
    with_payloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowered = take_back._lowered
    with monkeypatch.context() as patch:
        patch.setattr(take_back, "_lowered", _all_but_memories(lowered))
        with pytest.raises(te.UpgradeFailedError, match="does not hold"):
            te.rollback(with_payloads, hooks=[note_hooks()])
    with te.open(with_payloads, hooks=[note_hooks()]) as mind:
        assert mind["later"].payload == {"body": "later"}
        assert mind.upgrade.status().stage == "SOAK"
    assert te.rollback(with_payloads, hooks=[note_hooks()]).succeeded


def _all_but_memories(lowered: Any) -> Any:
    return lambda key, *rest: None if key[:1] == MEMORY.prefix else lowered(key, *rest)


def test_a_planned_way_down_of_payloads_is_proved_as_its_upgrade_was(with_payloads: Path) -> None:
    with te.open(with_payloads, hooks=[note_hooks()]) as mind:
        mind.upgrade.commit()
    report = te.rollback(with_payloads, to={"acme.note": 1}, hooks=[note_hooks()])
    assert (report.succeeded, report.rows_in, report.rows_upgraded) == (True, 31, 31)
    assert report.probes >= 31
    assert report.probes_failed == 0


class Vowels:
    """An encoder that counts vowels."""

    name = fingerprint = "vowels"
    dimension = 5

    def __call__(self, texts: Any) -> np.ndarray:
        return np.array([[1 + text.count(vowel) for vowel in "aeiou"] for text in texts], np.float32)


class Others(Vowels):
    """Another one."""

    name = fingerprint = "others"


def test_the_vectors_of_the_encoder_before_are_counted_and_digested(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", encoder=Vowels(), upgrade="wait") as mind:
        for n in range(12):
            mind.remember(f"said {n}")
        mind.recall("said")
    te.upgrade(tmp_path / "mind", encoder=Others())
    report = te.rollback(tmp_path / "mind")
    assert (report.rows_in, report.rows_kept) == (12, 12)
    assert report.digest_before == report.digest_after != ""


def test_a_vector_that_cannot_be_read_leaves_the_newer_encoder(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path, encoder=Vowels(), upgrade="wait") as mind:
        mind.remember("said")
        mind.recall("said")
    te.upgrade(path, encoder=Others())
    with te.open(path) as mind:
        key, value = next(mind._store.raw(FORMER))
        mind._store._level.write([(key, value[:-1] + bytes((value[-1] ^ 1,)))], [], True)  # type: ignore[union-attr]
    with pytest.raises(te.UpgradeFailedError, match="the newer encoder stays"):
        te.rollback(path)
    with te.open(path, encoder=Others()) as mind:
        assert mind.recall("said")[0].text == "said"
        assert mind.upgrade.status().stage == "SOAK"


def test_what_is_written_while_payloads_go_back_goes_down_too(
    with_payloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the proof: what comes meanwhile is carried down behind it."""
    hooks = note_hooks()
    with te.open(with_payloads, hooks=[hooks]) as mind:
        prove = take_back.prove_generation

        def writing(*given: Any) -> Any:
            mind.remember("meanwhile", key="meanwhile", kind="acme.note", payload={"body": "meanwhile"})
            mind.revise("n3", "revised meanwhile", payload={"body": "3"})
            mind.forget("n4")
            return prove(*given)

        monkeypatch.setattr(take_back, "prove_generation", writing)
        assert mind.upgrade.rollback() is not None
        assert mind["meanwhile"].payload == {"text": "meanwhile"}
        assert (mind["n3"].text, mind["n3"].payload) == ("revised meanwhile", {"text": "3"})
        assert (mind.count(), len(list(mind.memories()))) == (32, 32)  # 33, one of them forgotten
        assert mind.check() == []
    with te.open(with_payloads) as mind:
        assert mind["meanwhile"].payload == {"text": "meanwhile"}
        assert mind.check() == []


@pytest.mark.parametrize("text", ["!!! …", "the same header of every line, " * 12 + "{}"])
def test_texts_that_no_recall_can_tell_apart_do_not_hinder_a_way_back(tmp_path: Path, text: str) -> None:
    with te.open(tmp_path / "notes") as mind:
        for n in range(60):
            mind.remember(text.format(n), key=f"n{n}", kind="acme.note", payload={"text": f"{n}"})
    te.upgrade(tmp_path / "notes", hooks=[note_hooks()])
    assert te.rollback(tmp_path / "notes", hooks=[note_hooks()]).succeeded
    assert te.rollback(tmp_path / "notes", to=1).succeeded


def test_a_mind_that_does_not_answer_is_not_gone_back_to(with_payloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(te.ThoughtEngine, "recall", lambda self, cue, **_: [])
    with pytest.raises(te.UpgradeFailedError, match="calls anything up"):
        te.rollback(with_payloads, hooks=[note_hooks()])
    monkeypatch.undo()
    with te.open(with_payloads, hooks=[note_hooks()]) as mind:
        assert mind["later"].payload == {"body": "later"}
