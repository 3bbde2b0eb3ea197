"""What upgrades tell: nothing to do is said and not done, each report has its own name, and every phase shows in the status."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import thoughtengine as te
from tests.flat import write_flat
from tests.golden.v0001.write import rows
from thoughtengine import lifting
from thoughtengine.config import StorageConfig
from thoughtengine.migrations import run, running, sweep


class Vowels:
    """An encoder that counts vowels, as long as it can."""

    name = fingerprint = "vowels"
    dimension = 5
    away = False

    def __call__(self, texts: Any) -> np.ndarray:
        if self.away:
            raise RuntimeError("the model is away")
        return np.array([[1 + text.count(vowel) for vowel in "aeiou"] for text in texts], np.float32)


def hooks() -> te.Upgrades:
    made = te.Upgrades("acme")
    made.step("note", from_version=1, down=lambda note: {"text": note["body"]})(lambda note: {"body": note["text"]})
    return made


@pytest.fixture
def old(tmp_path: Path) -> Path:
    write_flat(tmp_path / "old", rows())
    return tmp_path / "old"


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    """A mind with three notes, of which nothing has to be upgraded without hooks."""
    with te.open(tmp_path / "mind") as mind:
        for n in range(3):
            mind.remember(f"note {n}", key=f"n{n}", kind="acme.note", payload={"text": f"note {n}"})
    return tmp_path / "mind"


def test_a_store_that_is_back_is_not_taken_back_again(old: Path) -> None:
    with pytest.raises(te.DowngradeError, match="it is of format 1 already, the oldest there is: nothing was done"):
        te.rollback(old)
    te.upgrade(old)
    te.rollback(old)
    for to in (None, 1, 2):
        with pytest.raises(te.DowngradeError, match=r"already, the oldest there is \(rolled back on 2"):
            te.rollback(old, to=to)
    (old / "gen-000009").mkdir()  # as a kill at the very end of the way back leaves it
    assert te.rollback(old).kind == "rollback"
    assert not (old / "gen-000009").exists()


def test_with_nothing_to_do_no_copy_is_made(noted: Path, tmp_path: Path) -> None:
    assert te.upgrade(noted, into=tmp_path / "new") is None
    assert not (tmp_path / "new").exists()
    assert te.upgrade(noted, into=tmp_path / "new", hooks=[hooks()]) is not None
    assert te.upgrade(noted, into=tmp_path / "newer", encoder=Vowels()) is not None
    te.upgrade(noted, encoder=Vowels())
    assert te.upgrade(noted, into=tmp_path / "same", encoder=Vowels()) is None
    assert not (tmp_path / "same").exists()


def test_an_encoder_that_fails_leaves_a_report_and_can_be_gone_on_with(noted: Path) -> None:
    encoder = Vowels()
    encoder.away = True
    with pytest.raises(te.UpgradeFailedError, match="the model is away") as failed:
        te.upgrade(noted, encoder=encoder)
    report = failed.value.report
    assert isinstance(report, te.UpgradeReport)
    assert (report.succeeded, report.encoder) == (False, ("", "vowels"))
    assert "the model is away" in te.history(noted)[-1].reason
    encoder.away = False
    done = te.upgrade(noted, encoder=encoder)
    assert done is not None
    assert done.succeeded
    assert [each.succeeded for each in te.history(noted)] == [False, True]


def test_each_report_has_a_name_and_says_what_moved(noted: Path) -> None:
    te.upgrade(noted, hooks=[hooks()])
    te.rollback(noted, hooks=[hooks()])
    te.upgrade(noted, encoder=Vowels())
    te.rollback(noted)
    found = te.history(noted)
    assert len({report.id for report in found}) == 4
    assert [report.moved for report in found] == [
        "payloads acme.note 1 to 2", "payloads acme.note 2 to 1", "encoder none to vowels", "encoder vowels to none",
    ]  # fmt: skip
    for report in found:
        assert "format 2 to 2" not in f"{report} {report!r} {report.markdown()}"
        assert "('', '')" not in report.markdown()


@pytest.mark.parametrize("phase", [running.VALIDATING, running.COMPACTING])
def test_validation_and_compaction_are_phases(old: Path, phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[te.ThoughtEngine | str]()

    def note(module: Any, name: str) -> None:
        right = getattr(module, name)

        def call(*arguments: Any, **how: Any) -> Any:
            seen.append(str(mind.upgrade.status()))
            return right(*arguments, **how)

        monkeypatch.setattr(module, name, call)

    note(*((run, "validate") if phase == running.VALIDATING else (running, "optimise")))
    monkeypatch.setattr(lifting, "SMALL", 2)
    with te.open(old) as mind:
        heard = list[str]()
        mind.events.subscribe("progress", lambda event: heard.append(event.data["what"]))
        behind = mind.upgrade.background
        assert behind is not None
        behind._thread.join(timeout=60)
    assert phase in heard
    assert phase in str(seen[0])
    assert running.VALIDATING in [each.name for each in te.history(old)[-1].phases]


@pytest.mark.parametrize("at", [1, 30, 100, 150, 230])
def test_a_plan_of_what_was_begun_has_the_figures_of_what_is_left(old: Path, at: int) -> None:
    class StoppedError(BaseException):
        pass

    def stop(what: str, done: int, total: int | None) -> None:
        if done >= at or what == running.VALIDATING:
            raise StoppedError

    whole = te.plan(old)
    sweep_rows, sweep._ROWS = sweep._ROWS, 20
    try:
        with pytest.raises(StoppedError):
            te.upgrade(old, progress=stop)
    finally:
        sweep._ROWS = sweep_rows
    gc.collect()
    left = te.plan(old)
    assert left
    assert (left.source, left.target, left.records) == (1, 2, whole.records)
    assert left.bytes > 0
    assert left.needed_bytes > 0
    n_left, n_whole = sum(step.records for step in left.steps), sum(step.records for step in whole.steps)
    assert n_left < n_whole
    assert left.seconds == pytest.approx(n_left / 4000.0)
    te.upgrade(old)
    assert not te.plan(old)


def test_a_plan_of_what_was_only_begun_counts_itself(old: Path) -> None:
    whole = te.plan(old)
    lifting.begin_flat(old, StorageConfig())
    begun = te.plan(old)
    assert [step.records for step in begun.steps] == [step.records for step in whole.steps]
    assert (begun.records, begun.counts) == (whole.records, whole.counts)


def test_a_plan_of_half_an_encoder_goes_on_with_it(noted: Path) -> None:
    encoder = Vowels()
    encoder.away = True
    with pytest.raises(te.UpgradeFailedError):
        te.upgrade(noted, encoder=encoder)
    encoder.away = False
    plan = te.plan(noted, encoder=encoder)
    assert [(step.name, step.records) for step in plan.steps] == [("P4 encoder: none to vowels", 3)]
    te.upgrade(noted, encoder=encoder)
    assert not te.plan(noted, encoder=encoder)
