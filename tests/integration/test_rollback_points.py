"""Rollback points lie upon each other: a later upgrade within the soak of an earlier one drops none of them."""

import datetime as dt
import gc
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from thoughtengine import upgrading
from thoughtengine.memory.record import MarkRecord, NameRecord
from thoughtengine.migrations import purge, take_back
from thoughtengine.migrations.points import due, let_go
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.codec import open_envelope
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import MARK, MEMORY, NAME
from thoughtengine.storage.pointer import read_pointer, write_pointer

ROWS = {
    f"sensory:note-{n}".encode(): json.dumps(
        {"timestamp": 1_700_000_000_000_000_000 + n, "type": "sensory", "raw": f"tea in the garden {n}", "mood": [n]}
    ).encode()
    for n in range(6)
} | {b"weather:today": b"\xff\xfe"}


def hooks_up_to(version: int, *, down: bool = True) -> te.Upgrades:
    hooks = te.Upgrades("acme")
    if version > 1:
        hooks.step("note", from_version=1, down=(lambda note: {"text": note["body"]}) if down else None)(
            lambda note: {"body": note["text"]}
        )
    if version > 2:
        hooks.step("note", from_version=2, down=lambda note: {"body": note["said"]})(
            lambda note: {"said": note["body"]}
        )
    return hooks


class Vowels:
    """An encoder that counts vowels."""

    name = fingerprint = "vowels"
    dimension = 5

    def __call__(self, texts: Any) -> np.ndarray:
        return np.array([[1 + text.count(vowel) for vowel in "aeiou"] for text in texts], np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A mind that was of format 1, within its soak, with a payload of version 1."""
    write_flat(tmp_path / "mind", ROWS)
    with te.open(tmp_path / "mind") as mind:
        mind.remember("since", key="since", kind="acme.note", payload={"text": "since"})
    return tmp_path / "mind"


def points(path: Path) -> list[str]:
    return [f"{note.source}{note.namespaces or ''}" for note in read_pointer(path)[0].points]


def payload(path: Path) -> Any:
    with te.open(path) as mind:
        return mind["since"].payload


def raw_of(rows: dict[bytes, bytes]) -> list[Any]:
    return [json.loads(value)["raw"] for key, value in rows.items() if key.startswith(b"sensory:te-")]


def test_payloads_within_the_soak_of_a_format_keep_its_rollback_point(path: Path) -> None:
    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        assert mind["since"].payload == {"body": "since"}
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
        status = mind.upgrade.status()
        assert (status.stage, len(status.beneath)) == ("SOAK", 1)
        assert "format 1 until" in str(status)
    assert points(path) == ["1", "2{'acme.note': (1, 2)}"]
    assert len(list((path / "rollback").iterdir())) == 2
    report = te.rollback(path, hooks=[hooks_up_to(2)])
    assert report.namespaces == {"acme.note": (1, 2)}
    assert points(path) == ["1"]
    assert payload(path) == {"text": "since"}
    report = te.rollback(path)
    assert (report.source, report.target, report.digest_before != "") == (2, 1, True)
    found = read_flat(path)
    assert {key: found[key] for key in ROWS} == ROWS
    assert raw_of(found) == [{"text": "since"}, {"text": "later"}]


def test_all_the_way_at_once_payloads_come_down_first(path: Path) -> None:
    te.upgrade(path, hooks=[hooks_up_to(2)])
    te.upgrade(path, hooks=[hooks_up_to(3)])
    assert points(path) == ["1", "2{'acme.note': (1, 2)}", "2{'acme.note': (2, 3)}"]
    with te.open(path, hooks=[hooks_up_to(3)]) as mind:
        mind.remember("later", kind="acme.note", payload={"said": "later"})
    te.rollback(path, to=1, hooks=[hooks_up_to(3)])
    found = read_flat(path)
    assert {key: found[key] for key in ROWS} == ROWS
    assert raw_of(found) == [{"text": "since"}, {"text": "later"}]
    assert [report.kind for report in te.history(path)] == ["upgrade"] * 3 + ["rollback"] * 3
    with te.open(path, hooks=[hooks_up_to(3)]) as mind:
        assert [memory.payload for memory in mind.memories(kind="acme.note")] == [{"said": "since"}, {"said": "later"}]


def test_without_their_hooks_payloads_stay_and_that_is_told(path: Path) -> None:
    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        mind.remember("later", kind="acme.note", payload={"body": "later"})
    report = te.rollback(path, to=1)
    assert "payloads stay as they are: acme.note at 2" in report.reason
    found = read_flat(path)
    assert {key: found[key] for key in ROWS} == ROWS
    assert raw_of(found) == [{"body": "since"}, {"body": "later"}]
    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        assert [memory.payload for memory in mind.memories(kind="acme.note")] == [{"body": "since"}, {"body": "later"}]


def test_each_step_of_an_open_mind_leads_to_the_one_before(path: Path) -> None:
    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        mind.upgrade.rollback()
        assert mind["since"].payload == {"text": "since"}
        assert mind.upgrade.status().stage == "SOAK"
        with pytest.raises(te.DowngradeError, match="no way to format 2"):
            mind.upgrade.rollback(2)
        mind.upgrade.rollback()
    assert {key: read_flat(path)[key] for key in ROWS} == ROWS


def test_an_open_mind_goes_all_the_way_when_asked_to(path: Path) -> None:
    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        mind.upgrade.rollback(1)
    found = read_flat(path)
    assert {key: found[key] for key in ROWS} == ROWS
    assert raw_of(found) == [{"text": "since"}]


def test_payloads_that_do_not_hold_leave_the_format_as_it_was(path: Path) -> None:
    with pytest.raises(te.UpgradeFailedError):
        te.open(path, hooks=[hooks_up_to(2)], approve=lambda report: False)
    assert points(path) == ["1"]
    assert payload(path) == {"text": "since"}
    te.rollback(path)
    assert {key: read_flat(path)[key] for key in ROWS} == ROWS


@pytest.mark.parametrize("known", [True, False])
def test_payloads_that_were_broken_off_are_gone_back_through_too(path: Path, known: bool) -> None:
    class StoppedError(BaseException):
        pass

    def stop(what: str, done: int, total: int | None) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        te.upgrade(path, hooks=[hooks_up_to(2)], progress=stop)
    gc.collect()
    assert points(path) == ["1", "2{'acme.note': (1, 2)}"]
    te.rollback(path, to=1, hooks=[hooks_up_to(2)] if known else [])
    found = read_flat(path)
    assert {key: found[key] for key in ROWS} == ROWS
    assert raw_of(found) == [{"text": "since"}]


def test_a_rehearsal_tries_every_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_flat(tmp_path / "mind", ROWS)
    taken, right = list[str](), upgrading.rollback

    def rollback(root: Path, **how: Any) -> te.UpgradeReport:
        report = right(root, **how)
        taken.append(report.moved)
        return report

    monkeypatch.setattr(upgrading, "rollback", rollback)
    assert te.rehearse(tmp_path / "mind", encoder=Vowels(), cues=["tea"])
    assert taken == ["encoder vowels to none", "format 2 to 1"]
    assert read_flat(tmp_path / "mind") == ROWS


def test_an_encoder_within_the_soak_goes_first_on_the_way_back(path: Path) -> None:
    with te.open(path, encoder=Vowels(), upgrade="wait") as mind:
        assert mind.upgrade.status().phase == "P4 encoder"
        assert "format 1 until" in str(mind.upgrade.status())
    assert te.rollback(path).encoder == ("vowels", "")
    assert points(path) == ["1"]
    te.rollback(path)
    assert {key: read_flat(path)[key] for key in ROWS} == ROWS


def test_an_encoder_between_a_format_and_payloads(path: Path) -> None:
    te.upgrade(path, encoder=Vowels())
    te.upgrade(path, hooks=[hooks_up_to(2)])
    assert te.rollback(path, hooks=[hooks_up_to(2)]).namespaces
    assert te.rollback(path).encoder == ("vowels", "")
    assert te.rollback(path).target == 1
    assert {key: read_flat(path)[key] for key in ROWS} == ROWS


def test_a_third_encoder_says_that_the_vectors_of_the_first_go(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    te.upgrade(path, encoder=Vowels())
    other = Vowels()
    other.name = other.fingerprint = "other"
    assert "the vectors of none, kept for a way back, go" in str(te.plan(path, encoder=other))
    te.upgrade(path, encoder=other)
    assert "the vectors of none, kept for a way back, go: other is taken over from vowels" in caplog.text
    assert te.rollback(path).encoder == ("other", "vowels")


def test_what_has_soaked_goes_and_what_has_not_stays(path: Path) -> None:
    te.upgrade(path, hooks=[hooks_up_to(2)])
    pointer = read_pointer(path)[0]
    [flat], payloads = pointer.beneath, pointer.upgrade
    old = msgspec.structs.replace(flat, until=(dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat())
    write_pointer(path, msgspec.structs.replace(pointer, beneath=(old,)))
    with te.open(path) as mind:
        assert mind.upgrade.status().beneath == ()
        assert not due(mind._store.pointer, dt.datetime.now(dt.UTC))
        let_go(mind._store, now=dt.datetime.now(dt.UTC))
        assert mind.upgrade.status().stage == "SOAK"
    assert [note.id for note in read_pointer(path)[0].points] == [payloads.id if payloads else ""]
    assert len(list((path / "rollback").iterdir())) == 1


def test_a_commit_lets_all_of_them_go(path: Path) -> None:
    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        mind.upgrade.commit()
        assert mind.upgrade.status().stage == ""
    assert not (path / "rollback").exists()


def test_an_erasure_reaches_every_rollback_point(path: Path) -> None:
    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        mind.forget("sensory:note-3", erase=True)
    held = [file.name for file in path.rglob("*") if file.is_file() and b"garden 3" in file.read_bytes()]
    assert held == []
    te.rollback(path, to=1, hooks=[hooks_up_to(2)])
    assert b"sensory:note-3" not in read_flat(path)


def test_what_a_kill_left_beside_the_rollback_points_is_removed(path: Path) -> None:
    (path / "rollback" / "gen-000007-beef").mkdir()
    te.open(path).close()
    assert [entry.name for entry in (path / "rollback").iterdir()] == ["gen-000001"]


# an erasure within the soak of payloads


def revised(path: Path) -> list[int]:
    """Make a mind with three versions of a memory, a conclusion, and a payload of version 1; return the versions' ids."""
    with te.open(path) as mind:
        ids = [mind.remember("v one", key="k", affect=te.Affect(0.5, 0.5))]
        ids += [mind.revise("k", f"v {word}", affect=te.Affect(0.5, 0.5)) for word in ("two", "three")]
        mind.remember("two", key="two")
        mind.remember("drawn", key="drawn", layer="logic", derived_from=[mind["two"].id])
        mind.remember("note", key="since", kind="acme.note", payload={"text": "since"})
    te.upgrade(path, hooks=[hooks_up_to(2)])
    return ids


@pytest.mark.parametrize("which", ["name", "first", "middle", "last"])
def test_what_is_erased_while_payloads_soak_leaves_nothing_in_what_is_taken_back(tmp_path: Path, which: str) -> None:
    path = tmp_path / "mind"
    ids = revised(path)
    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        mind.forget({"name": "two", "first": ids[0], "middle": ids[1], "last": ids[2]}[which], erase=True)
        assert mind.check() == []
        kept = [(each.id, each.key, each.text, each.affect, each.superseded_by) for each in mind.memories()]
        named = {name: name in mind for name in ("k", "two", "drawn", "since")}
    te.rollback(path, hooks=[hooks_up_to(2)])
    with te.open(path) as mind:
        assert mind.check() == []
        assert [(each.id, each.key, each.text, each.affect, each.superseded_by) for each in mind.memories()] == kept
        assert {name: name in mind for name in named} == named
        assert mind["since"].payload == {"text": "since"}
    with te.open(path, hooks=[hooks_up_to(2)], upgrade="wait") as mind:
        assert mind["since"].payload == {"body": "since"}
    te.rollback(path, to=1)
    with te.open(path, upgrade="wait") as mind:
        assert mind.check() == []
        assert {name: name in mind for name in named} == named


@pytest.mark.parametrize("where", ["the second point", "the mind"])
def test_an_erasure_that_does_not_come_to_its_end_leaves_every_way_back_as_it_was(
    path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any) -> Any:
        raise te.StoreFullError(path, "no space left")

    with te.open(path, hooks=[hooks_up_to(2)]) as mind:
        before = points(path), sorted((path / "rollback").iterdir())
        with monkeypatch.context() as patch:
            if where == "the mind":
                patch.setattr(FolderStore, "_copy_without", full)
            else:
                patch.setattr(purge, "_of_today", full)
            with pytest.raises(te.StoreFullError):
                mind.forget("since", "sensory:note-3", erase=True)
        assert (points(path), sorted((path / "rollback").iterdir())) == before
        mind.upgrade.rollback()
        assert mind["since"].text == "since"
    te.rollback(path)
    assert b"sensory:note-3" in read_flat(path)


def test_names_marks_and_entries_that_an_earlier_way_back_left_wrong_are_made_again_by_the_next_upgrade(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        kept = mind.remember("note", key="since", kind="acme.note", payload={"text": "since"})
        gone = mind.remember("gone", key="gone")
        mind.forget(gone, erase=True)
        batch = Batch()
        batch.put(NAME, "gone", NameRecord(id=gone, digest=bytes(16)))
        batch.put(MARK, kept, MarkRecord(superseded_by=gone))
        batch.put(MARK, gone, MarkRecord())
        with mind._store.writing:
            mind._store.commit(batch)
        assert len(mind.check()) == 3
    with te.open(path, hooks=[hooks_up_to(2)], upgrade="wait") as mind:
        assert mind["since"].payload == {"body": "since"}
        assert "gone" not in mind
        assert mind.check() == []


def test_what_was_committed_goes_down_only_to_a_format_that_is_named(path: Path) -> None:
    with te.open(path) as mind:
        mind.upgrade.commit()
    with pytest.raises(te.DowngradeError, match=r"committed, or had soaked: name the format to go down to \(to=1\)"):
        te.rollback(path)
    with te.open(path) as mind:
        assert "sensory:note-3" in mind
    te.rollback(path, to=1)
    assert read_flat(path).items() >= ROWS.items()


def test_a_format_that_a_mind_has_takes_no_payload_back_from_beneath_an_encoder(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember("since", key="since", kind="acme.note", payload={"text": "since"})
    te.upgrade(path, hooks=[hooks_up_to(2)])
    te.upgrade(path, hooks=[hooks_up_to(2)], encoder=Vowels())
    before = points(path)
    with pytest.raises(te.DowngradeError, match="change of its encoder"):
        te.rollback(path, to=2, hooks=[hooks_up_to(2)])
    assert points(path) == before
    assert payload(path) == {"body": "since"}
    te.rollback(path, hooks=[hooks_up_to(2)])  # the encoder
    te.rollback(path, to=2, hooks=[hooks_up_to(2)])
    assert payload(path) == {"text": "since"}


def test_a_way_back_that_was_broken_off_asks_for_the_hooks_that_it_needs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedError(BaseException):
        """A kill."""

    def stop(*_: Any) -> None:
        raise StoppedError

    with te.open(path, hooks=[hooks_up_to(2)], upgrade="wait") as mind:
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
    with monkeypatch.context() as patch:
        patch.setattr(take_back, "checkpoint", stop)
        with pytest.raises(StoppedError):
            te.rollback(path, hooks=[hooks_up_to(2)])
    assert read_pointer(path)[0].stage == "ROLLING_BACK"
    for _ in range(2):
        with pytest.raises(te.UpgradeRequiredError, match=r"'acme\.note' are half way back: open it with hooks"):
            te.open(path)
    with pytest.raises(te.UpgradeFailedError, match="were rolled back"):
        te.open(path, hooks=[hooks_up_to(2)])
    with te.open(path) as mind:
        assert (mind["since"].payload, mind["later"].payload) == ({"text": "since"}, {"text": "later"})
        assert mind.check() == []


def test_a_revision_that_takes_the_place_of_what_is_erased_still_tells_of_what_lies_beside_it(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        first = mind.remember("v one", key="k", affect=te.Affect(0.5, 0.5), vector=[1.0, 2.0])
        later = mind.revise("k", "v two", affect=te.Affect(0.25, 0.5), vector=[2.0, 1.0])
        before = open_envelope(MEMORY.key(later), mind._store._get(MEMORY.key(later)) or b"", MEMORY).flags
        mind.forget(first, erase=True)
        after = open_envelope(MEMORY.key(later), mind._store._get(MEMORY.key(later)) or b"", MEMORY).flags
        assert before == after == sum(MEMORY.beside.values())
        assert mind[later].affect == te.Affect(0.25, 0.5)
        assert mind.check() == []
