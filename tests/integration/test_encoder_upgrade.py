"""A change of encoder as an upgrade: planned, told, paused, signed off, taken back, killed in the middle."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.strategies import ToyEncoder
from thoughtengine import engine
from thoughtengine.memory.record import VectorRecord
from thoughtengine.storage.keyspace import CODE, FORMER

TEXTS = [f"{colour} {thing}" for colour in ("green", "blue", "red") for thing in ("tea", "car", "milk", "boat")]
PATIENCE = 60.0


def first() -> ToyEncoder:
    return ToyEncoder(name="first", fingerprint="first-1")


def second() -> ToyEncoder:
    return ToyEncoder(4, name="second", fingerprint="second-1")


class Held(ToyEncoder):
    """An encoder that takes texts one at a time, and only as many as it is allowed."""

    allowed, waits = 0, False

    def __call__(self, texts: Any) -> Any:
        self.waits = self.allowed == 0
        until(lambda: self.allowed > 0)
        self.waits = False
        self.allowed -= 1
        return super().__call__(texts)


def until(condition: Callable[[], Any]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, "it does not end"
        time.sleep(0.005)


def vectors(mind: te.ThoughtEngine) -> dict[int, VectorRecord]:
    return dict(mind._store.rows(CODE, VectorRecord))


def kept(mind: te.ThoughtEngine) -> dict[int, VectorRecord]:
    return dict(mind._store.rows(FORMER, VectorRecord))


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    with te.open(tmp_path / "mind", encoder=first()) as mind:
        mind.remember_many([te.Experience(text=text) for text in TEXTS])
    yield tmp_path / "mind"
    if (tmp_path / "mind").exists():
        assert te.check(tmp_path / "mind") == []


@pytest.fixture
def before(path: Path) -> dict[int, VectorRecord]:
    with te.open(path) as mind:
        return vectors(mind)


def test_a_plan_tells_of_it(path: Path) -> None:
    plan = te.plan(path, encoder=second())
    assert [(step.name, step.records) for step in plan.steps] == [("P4 encoder: first to second", len(TEXTS))]
    assert [risk.kind for risk in plan.risks] == ["encoder change"]
    assert not te.plan(path, encoder=first())


def test_it_is_reported_soaks_and_is_committed(path: Path, before: dict[int, VectorRecord]) -> None:
    with te.open(path, encoder=second()) as mind:
        status = mind.upgrade.status()
        assert (status.stage, status.phase) == ("SOAK", "P4 encoder")
        assert status.until
        assert kept(mind) == before
        assert {of.fingerprint for of in vectors(mind).values()} == {"second-1"}
        assert mind.check() == []
        assert mind.upgrade.commit().stage == ""
        assert kept(mind) == {}
    report = te.history(path)[-1]
    assert (report.kind, report.encoder, report.succeeded) == ("upgrade", ("first", "second"), True)
    assert (report.rows_in, report.rows_upgraded, report.rows_kept, report.rows_quarantined) == (12, 12, 0, 0)
    assert [phase.name for phase in report.phases] == ["P4 encoder"]
    assert "encoder first to second" in str(report)


def test_taken_back_every_vector_is_what_it_was_and_nothing_is_encoded(
    path: Path, before: dict[int, VectorRecord]
) -> None:
    with te.open(path, encoder=second()) as mind:
        new = mind.remember("white milk")
        report = mind.upgrade.rollback()
        assert report is not None
        assert (report.kind, report.encoder) == ("rollback", ("second", "first"))
        with pytest.raises(te.StoreClosedError):
            mind.get(1)
    with te.open(path, encoder=(again := first())) as mind:
        assert again.calls == ["white milk"]
        assert {id_: of for id_, of in vectors(mind).items() if id_ != new} == before
        assert mind.recall("green tea")[0].why["dense"] > 0
        assert mind.upgrade.status().stage == ""


def test_taken_back_on_a_closed_folder(path: Path, before: dict[int, VectorRecord]) -> None:
    te.upgrade(path, encoder=second())
    assert te.rollback(path).encoder == ("second", "first")
    with te.open(path, encoder=(again := first())) as mind:
        assert (again.calls, vectors(mind)) == ([], before)
    with pytest.raises(te.DowngradeError):
        te.rollback(path)


def test_the_encoder_before_given_again_has_its_vectors_at_once(path: Path, before: dict[int, VectorRecord]) -> None:
    te.upgrade(path, encoder=second())
    with te.open(path, encoder=(again := first())) as mind:
        assert (again.calls, vectors(mind)) == ([], before)
    assert te.history(path)[-1].reason == "the encoder before was given again"


def test_who_waits_finds_it_taken_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_FEW", 0)
    with te.open(path, encoder=second(), upgrade="wait") as mind:
        assert mind.upgrade.status().stage == "SOAK"
        assert {vector.fingerprint for vector in vectors(mind).values()} == {"second-1"}


@pytest.mark.parametrize("holds", [True, False])
def test_who_waits_does_so_until_it_is_signed_off(holds: bool, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_FEW", 0)

    def thinks_long(report: te.UpgradeReport) -> bool:
        time.sleep(0.3)
        return holds

    if not holds:
        with pytest.raises(te.UpgradeFailedError, match="not approved"):
            te.open(path, encoder=second(), upgrade="wait", approve=thinks_long)
        return
    with te.open(path, encoder=second(), upgrade="wait", approve=thinks_long) as mind:
        assert mind.upgrade.status().stage == "SOAK"


def test_who_waits_is_told_when_it_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_FEW", 0)
    with pytest.raises(te.UpgradeFailedError, match="not approved"):
        te.open(path, encoder=second(), upgrade="wait", approve=lambda report: False)
    assert not te.plan(path, encoder=first())


def test_who_refuses_finds_it_untouched(path: Path, before: dict[int, VectorRecord]) -> None:
    with pytest.raises(te.UpgradeRequiredError, match="from first to second"):
        te.open(path, encoder=second(), upgrade="refuse")
    with te.open(path, encoder=first(), upgrade="refuse") as mind:
        assert vectors(mind) == before


def test_who_refuses_is_told_of_one_that_is_not_finished(held: tuple[te.ThoughtEngine, Held]) -> None:
    mind, encoder = held
    mind.upgrade.pause()
    encoder.allowed = len(TEXTS)
    mind.close()
    with pytest.raises(te.UpgradeRequiredError, match="is not finished"):
        te.open(mind.path, upgrade="refuse")


def test_without_its_encoder_it_is_told_that_it_waits_for_it(held: tuple[te.ThoughtEngine, Held]) -> None:
    mind, encoder = held
    mind.upgrade.pause()
    encoder.allowed = len(TEXTS)
    mind.close()
    with te.open(mind.path) as waiting:
        assert str(waiting.upgrade.status()) == "P4 encoder, waits for the encoder second"


def test_unless_it_is_approved_it_goes_back(path: Path, before: dict[int, VectorRecord]) -> None:
    with pytest.raises(te.UpgradeFailedError, match="not approved"):
        te.upgrade(path, encoder=second(), approve=lambda report: report.encoder != ("first", "second"))
    with te.open(path, encoder=(again := first())) as mind:
        assert (again.calls, vectors(mind)) == ([], before)


def test_an_encoder_that_refuses_many_texts_goes_back(path: Path, before: dict[int, VectorRecord]) -> None:
    class Picky(ToyEncoder):
        def __call__(self, texts: Any) -> Any:
            if any(text != TEXTS[0] for text in texts):
                raise ValueError("not this one")
            return super().__call__(texts)

    with te.open(path, encoder=Picky(4, name="picky", fingerprint="p")) as mind:
        assert "would not take 11 of 12" in mind.upgrade.status().failed
    with te.open(path) as mind:
        assert vectors(mind) == before


def test_what_fails_altogether_is_told(path: Path) -> None:
    class Away(ToyEncoder):
        def __call__(self, texts: Any) -> Any:
            raise OSError("nobody there")

    with pytest.raises(te.UpgradeFailedError, match="nobody there"):
        te.upgrade(path, encoder=Away(4, name="away", fingerprint="a"))
    assert te.rollback(path).encoder == ("away", "first")


@pytest.fixture
def held(
    path: Path, before: dict[int, VectorRecord], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[te.ThoughtEngine, Held]]:
    """A mind that is being encoded anew, two texts at a time."""
    from thoughtengine.memory.index import coding

    monkeypatch.setattr(engine, "_FEW", 0)
    monkeypatch.setattr(coding, "_CHUNK", 2)
    encoder = Held(4, name="second", fingerprint="second-1")
    mind = te.open(path, encoder=encoder)
    yield mind, encoder
    encoder.allowed = 1000
    mind.close()


def encoded(mind: te.ThoughtEngine) -> int:
    return sum(of.fingerprint == "second-1" for of in vectors(mind).values())


def test_it_can_be_paused_and_goes_on(held: tuple[te.ThoughtEngine, Held]) -> None:
    mind, encoder = held
    status = mind.upgrade.status()
    assert (status.stage, status.phase, status.paused) == ("UPGRADING", "P4 encoder", False)
    encoder.allowed = 1
    until(lambda: encoded(mind) == 2 and encoder.waits)
    assert mind.upgrade.pause().paused
    encoder.allowed = 1  # the texts that are at work
    until(lambda: encoded(mind) == 4)
    encoder.allowed = 1000
    time.sleep(0.1)
    assert encoded(mind) == 4
    with pytest.raises(te.UpgradeRunningError):
        mind.upgrade.commit()
    mind.upgrade.limit(0.9)
    assert not mind.upgrade.resume().paused
    until(lambda: mind.upgrade.status().stage == "SOAK")
    assert encoded(mind) == len(TEXTS)
    assert sum(len(text) for text in encoder.calls) == sum(map(len, TEXTS)), "nothing is encoded twice"


def test_taken_back_in_the_middle(
    held: tuple[te.ThoughtEngine, Held], path: Path, before: dict[int, VectorRecord]
) -> None:
    mind, encoder = held
    encoder.allowed = 2
    until(lambda: encoded(mind) == 4)
    encoder.allowed = 1
    assert mind.upgrade.rollback() is not None
    with te.open(path, encoder=(again := first())) as mind:
        assert (again.calls, vectors(mind)) == ([], before)


def test_killed_in_the_middle_it_goes_on_and_killed_on_the_way_back_too(
    held: tuple[te.ThoughtEngine, Held], path: Path, tmp_path: Path, before: dict[int, VectorRecord],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    mind, encoder = held
    encoder.allowed = 2
    until(lambda: encoded(mind) == 4)
    mind.sync()
    shutil.copytree(path, tmp_path / "killed")
    report = te.upgrade(tmp_path / "killed", encoder=(rest := second()))
    assert report is not None
    assert (report.rows_upgraded, report.rows_kept, len(rest.calls)) == (8, 4, 8)
    from thoughtengine.migrations import encoding

    with monkeypatch.context() as patch:
        patch.setattr(encoding, "_without", lambda store, fingerprint: iter([None]))
        with pytest.raises(AttributeError):
            te.rollback(tmp_path / "killed")
    with te.open(tmp_path / "killed", encoder=(again := first())) as mind:
        assert (again.calls, vectors(mind)) == ([], before)


def test_an_erasure_takes_the_vector_before_along(path: Path) -> None:
    with te.open(path, encoder=second()) as mind:
        mind.forget(3, erase=True)
        assert 3 not in kept(mind)
        assert 3 not in vectors(mind)


def test_a_rehearsal_tells_what_would_be_found_otherwise(path: Path) -> None:
    found = te.rehearse(path, encoder=second(), cues=["green tea"])
    assert found
    assert found.report is not None
    assert found.report.encoder == ("first", "second")
    with te.open(path) as mind:
        assert {of.fingerprint for of in vectors(mind).values()} == {"first-1"}
