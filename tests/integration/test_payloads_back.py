"""Ways back of payloads: past what damage took, on a full disk, and taken up again where they were broken off."""

import errno
import os
import shutil
import time
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from thoughtengine.config import StorageConfig
from thoughtengine.entering import standing
from thoughtengine.migrations import payloads, take_back
from thoughtengine.storage.folder import FolderStore
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


# what breaks a way back off while the mind serves


@pytest.fixture
def soaking(tmp_path: Path) -> Path:
    with te.open(tmp_path / "mind") as mind:
        remember_notes(mind)
    te.upgrade(tmp_path / "mind", hooks=[note_hooks()])
    return tmp_path / "mind"


def no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


PLACES = [
    "lifting.require_sound",
    *(f"migrations.take_back.{name}" for name in ("checkpoint", "_carry_down", "uncovered")),
]
BROKEN = [
    (no_space(), te.StoreFullError),
    (OSError(errno.EIO, os.strerror(errno.EIO)), te.StoreError),
    (MemoryError(), MemoryError),
    (KeyboardInterrupt(), KeyboardInterrupt),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("error", "kind"), BROKEN, ids=lambda each: getattr(each, "__name__", ""))
def test_whatever_breaks_it_off_payloads_stay_at_one_version(
    soaking: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: BaseException, kind: type[BaseException]
) -> None:
    seen = []
    with te.open(soaking, hooks=[note_hooks()]) as mind:
        before = str(mind.upgrade.status())

        def broken(*given: Any, **how: Any) -> None:
            mind.remember("meanwhile", key="meanwhile", kind="acme.note", payload={"body": "meanwhile"})
            seen.extend([mind["n3"].payload, mind["meanwhile"].payload])
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(f"thoughtengine.{place}", broken)
            with pytest.raises(kind) as told:
                mind.upgrade.rollback()
        assert type(told.value) is kind
        assert seen == [{"body": "3"}, {"body": "meanwhile"}]
        assert str(mind.upgrade.status()) == before
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
        assert [mind[key].payload for key in ("n3", "later")] == [{"body": "3"}, {"body": "later"}]
        assert mind.check() == []
        mind.upgrade.rollback()
        assert [mind[key].payload for key in ("n3", "meanwhile", "later")] == [
            {"text": "3"}, {"text": "meanwhile"}, {"text": "later"},
        ]  # fmt: skip
        assert not mind.upgrade.status().stage
        assert mind.check() == []
    with te.open(soaking) as mind:
        assert mind["later"].payload == {"text": "later"}
        assert mind.check() == []


@pytest.mark.parametrize("named", [False, True])
def test_interrupted_as_the_pointer_file_gets_its_name_what_that_says_is_served(
    soaking: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    rename = os.rename

    def interrupted(source: Any, target: Any, **options: Any) -> None:
        if target == soaking / "STORE" and b'"stage":"ROLLING_BACK"' not in Path(source).read_bytes():
            monkeypatch.setattr(os, "rename", rename)
            if named:
                rename(source, target, **options)
            raise KeyboardInterrupt
        rename(source, target, **options)

    with te.open(soaking, hooks=[note_hooks()]) as mind:
        monkeypatch.setattr(os, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mind.upgrade.rollback()
        assert bool(mind.upgrade.status().stage) != named
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
        field = "text" if named else "body"
        assert [mind[key].payload for key in ("n3", "later")] == [{field: "3"}, {field: "later"}]
        assert mind.check() == []
    with te.open(soaking) as mind:
        assert [mind[key].payload for key in ("n3", "later")] == [{field: "3"}, {field: "later"}]
        assert mind.check() == []


def test_an_upgrade_in_the_middle_waits_for_the_next_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, hooks = tmp_path / "mind", te.Upgrades("acme")
    monkeypatch.setattr("thoughtengine.lifting.SMALL", 1)

    @hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})
    def slowly(note: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.05)
        return {"body": note["text"]}

    with te.open(path) as mind:
        remember_notes(mind)
    with te.open(path, hooks=[hooks]) as mind:

        def full(*given: Any, **how: Any) -> None:
            raise no_space()

        with monkeypatch.context() as patch:
            patch.setattr(take_back, "checkpoint", full)
            with pytest.raises(te.StoreFullError):
                mind.upgrade.rollback()
        assert mind.upgrade.status().waits == "the next opening"
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
        assert [mind[key].payload for key in ("n3", "later")] == [{"body": "3"}, {"body": "later"}]
    with te.open(path, hooks=[hooks], upgrade="wait") as mind:
        assert mind.upgrade.status().stage == "SOAK"
        assert mind.check() == []


def test_what_damage_took_is_not_counted_before_it_is_back(reworded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> None:
        raise no_space()

    lose(reworded, MEMORY.key(N + 2))
    with te.open(reworded, hooks=[note_hooks()]) as mind:
        with monkeypatch.context() as patch:
            patch.setattr(take_back, "uncovered", full)
            with pytest.raises(te.StoreFullError):
                mind.upgrade.rollback()
        mind.remember("later", key="later")
        assert mind.check() == []
        mind.upgrade.rollback()
    assert_whole(reworded)


def test_where_the_pointer_file_cannot_be_written_either_the_next_opening_ends_it(
    soaking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thoughtengine.storage import folder

    with te.open(soaking, hooks=[note_hooks()]) as mind:

        def full(*given: Any, **how: Any) -> None:
            monkeypatch.setattr(folder, "write_pointer", full)
            raise no_space()

        monkeypatch.setattr(take_back, "checkpoint", full)
        with pytest.raises(te.StoreFullError):
            mind.upgrade.rollback()
        monkeypatch.undo()
        assert str(mind.upgrade.status()) == "it goes back, with the next opening at the latest"
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
        assert [mind[key].payload for key in ("n3", "later")] == [{"body": "3"}, {"body": "later"}]
    with pytest.raises(te.UpgradeFailedError, match="rolled back"):
        te.open(soaking, hooks=[note_hooks()])
    with te.open(soaking) as mind:
        assert [mind[key].payload for key in ("n3", "later")] == [{"text": "3"}, {"text": "later"}]
        assert mind.check() == []


def test_once_the_older_store_serves_payloads_are_of_its_version_whatever_is_raised(
    soaking: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with te.open(soaking, hooks=[note_hooks()]) as mind:

        def full(*given: Any) -> None:
            raise no_space()

        with monkeypatch.context() as patch:
            patch.setattr(take_back, "write_report", full)
            with pytest.raises(te.StoreFullError):
                mind.upgrade.rollback()
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
        assert [mind[key].payload for key in ("n3", "later")] == [{"text": "3"}, {"text": "later"}]
        assert str(mind.upgrade.status()) == "no upgrade"
        assert mind.check() == []


def test_an_upgrade_that_does_not_hold_goes_back_once_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs behind the mind, and cannot go back at once; it does when the mind is closed."""
    path, hooks = tmp_path / "mind", note_hooks()
    monkeypatch.setattr("thoughtengine.lifting.SMALL", 1)
    hooks.validate("note")(lambda note: "body" not in note)
    with te.open(path) as mind:
        remember_notes(mind)
    with te.open(path, hooks=[hooks]) as mind:

        def full(*given: Any, **how: Any) -> None:
            raise no_space()

        with monkeypatch.context() as patch:
            patch.setattr(take_back, "checkpoint", full)
            assert mind._background is not None
            mind._background._thread.join(60)
        assert str(mind.upgrade.status()).startswith("it did not hold and goes back: ")
        mind.remember("later", key="later", kind="acme.note", payload={"body": "later"})
        assert [mind[key].payload for key in ("n3", "later")] == [{"body": "3"}, {"body": "later"}]
    with te.open(path) as mind:
        assert [mind[key].payload for key in ("n3", "later")] == [{"text": "3"}, {"text": "later"}]
        assert mind.check() == []


# a planned way down that was broken off


@pytest.fixture
def committed(soaking: Path) -> Path:
    with te.open(soaking, hooks=[note_hooks()]) as mind:
        mind.upgrade.commit()
    return soaking


def go_down(path: Path, hooks: te.Upgrades | None = None) -> te.UpgradeReport:
    return te.rollback(path, to={"acme.note": 1}, hooks=[hooks or note_hooks()])


def assert_down(path: Path) -> None:
    with te.open(path) as mind:
        assert [mind[f"n{n}"].payload for n in range(N)] == [{"text": f"{n}"} for n in range(N)]
        assert mind.check() == []


@pytest.mark.parametrize("n", [1, 2])
def test_a_way_down_that_was_killed_is_gone_on_with(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    killed, calls, commit = tmp_path / "killed", count(1), FolderStore.commit

    def committing(*given: Any, **how: Any) -> Any:
        if next(calls) == n:
            shutil.copytree(committed, killed)  # what a kill would leave
        return commit(*given, **how)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "commit", committing)
        go_down(committed)
    assert read_pointer(killed)[0].stage == "UPGRADING"
    report = go_down(killed)
    assert (report.kind, report.namespaces, report.rows_upgraded) == ("rollback", {"acme.note": (2, 1)}, N)
    assert_down(killed)


def test_an_upgrade_that_was_killed_as_it_ended_leaves_nothing_to_the_next(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, commit = tmp_path / "killed", FolderStore.commit

    def committing(*given: Any, **how: Any) -> Any:
        if read_pointer(committed)[0].stage == "SOAK" and not killed.exists():
            shutil.copytree(committed, killed)
        return commit(*given, **how)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "commit", committing)
        go_down(committed)
    report = te.upgrade(killed, hooks=[note_hooks()])
    assert report is not None
    assert (report.rows_upgraded, report.rows_quarantined) == (N, 0)


@pytest.mark.parametrize("place", ["verify", "_Slice", "asked", "CloneStore"])
def test_a_way_down_that_found_no_space_is_gone_on_with(
    committed: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def full(*given: Any, **how: Any) -> None:
        raise no_space()

    with monkeypatch.context() as patch:
        patch.setattr(payloads, place, full)
        with pytest.raises(te.StoreFullError):
            go_down(committed)
    report = go_down(committed)
    assert report.resumed == (place != "verify")
    assert_down(committed)


def test_one_that_did_not_hold_and_could_not_be_taken_back_is_begun_again(
    committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any, **how: Any) -> None:
        raise no_space()

    refuses, calls = note_hooks(), count()
    refuses.probe(lambda mind: next(calls))
    with monkeypatch.context() as patch:
        patch.setattr(take_back, "checkpoint", full)
        with pytest.raises(te.StoreFullError):
            go_down(committed, refuses)
    with pytest.raises(te.UpgradeFailedError, match="does not hold"):
        go_down(committed, refuses)
    go_down(committed)
    assert_down(committed)


def test_another_way_down_names_what_is_in_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, hooks = tmp_path / "mind", note_hooks()
    hooks.step("note", from_version=2, down=lambda note: {"body": note["said"]})(lambda note: {"said": note["body"]})
    with te.open(path) as mind:
        remember_notes(mind)
    with te.open(path, hooks=[hooks]) as mind:
        mind.upgrade.commit()

    def full(*given: Any, **how: Any) -> None:
        raise no_space()

    with monkeypatch.context() as patch:
        patch.setattr(payloads, "_Slice", full)
        with pytest.raises(te.StoreFullError):
            te.rollback(path, to={"acme.note": 2}, hooks=[hooks])
    with pytest.raises(
        te.UpgradeRunningError, match=r"te\.rollback\(path, hooks=\[\.\.\.\]\) takes it back, to acme\.note 3"
    ):
        go_down(path, hooks)
    assert "--to acme.note=2" in "\n".join(standing(str(path)))
    te.rollback(path, hooks=[hooks])
    go_down(path, hooks)
    assert_down(path)
