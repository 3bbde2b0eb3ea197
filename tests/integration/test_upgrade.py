"""Whole lives of stores of format 1: up, used, down, up again; refused, broken off, opened by somebody else in between."""

import datetime as dt
import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import thoughtengine as te
from tests.flat import plyvel, read_flat, write_flat
from tests.golden.v0001.write import AWKWARD, COMPONENTS, STORE, rows, sensory
from tests.tables import largest
from thoughtengine import upgrading
from thoughtengine.config import StorageConfig
from thoughtengine.migrations import lower, run, sweep
from thoughtengine.migrations.begin import begin
from thoughtengine.storage.keyspace import VECTOR
from thoughtengine.storage.pointer import read_pointer

EVERY_LAYER = ("sensory", "emotion", "logic", "dream", "eternal")
PLAIN = {
    b"sensory:tea": b'{"timestamp": 1700000000123456789, "type": "sensory", "raw": "green tea at noon", "mood": 3}'
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    shutil.copytree(STORE, tmp_path / "old")
    return tmp_path / "old"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    write_flat(tmp_path / "plain", PLAIN)
    return tmp_path / "plain"


def entries(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_the_golden_store_is_what_its_script_writes(old: Path) -> None:
    assert read_flat(old) == rows()


def test_every_old_record_is_there_after_an_opening(old: Path) -> None:
    given = rows()
    with te.open(old) as mind:
        assert not mind.created
        assert mind.check() == []
        keys = [memory.key for memory in mind.memories(layers=EVERY_LAYER)]
    expected = [
        key.decode(errors="replace")
        for key in sorted(given)
        if key.partition(b":")[0].decode(errors="replace") in EVERY_LAYER
        and not (key.startswith(b"emotion:") and b"sensory:" + key[8:] in given)
    ]
    assert keys == expected


def test_what_was_said_felt_and_weighed_comes_over(old: Path) -> None:
    with te.open(old) as mind:
        extra, name, rule = mind["sensory:extra"], mind["eternal:name"], mind["logic:rule"]
        assert (extra.text, extra.affect, extra.layer) == ("with more", te.Affect(1.0, 0.0), "sensory")
        assert (name.layer, name.salience, name.text) == ("eternal", 0.9, "my name is Ana")
        assert rule.payload == {"if": "rain", "then": "umbrella"}
        assert mind["sensory:text"].text == "inside text"
        assert mind["sensory:seconds"].at.isoformat() == "2020-09-13T12:26:40.500000+00:00"
        assert mind["emotion:alone"].affect == te.Affect(-0.25, 0.0)
        assert "sensory:broken" in mind
        assert mind.recall("flying over the garden", layers=["dream"])[0].memory.key == "dream:text"


def test_ids_follow_the_keys_and_new_ones_begin_far_above(old: Path) -> None:
    with te.open(old) as mind:
        memories = list(mind.memories(layers=EVERY_LAYER))
        assert [memory.id for memory in memories] == list(range(1, len(memories) + 1))
        assert mind.remember("the first of the new ones") == 1 << 32
        assert mind.remember("the second") == (1 << 32) + 1


def test_a_used_store_goes_down_with_old_bytes_and_new_json(old: Path) -> None:
    with te.open(old) as mind:
        mind.remember("said later", at="2024-05-08T12:00:00+02:00", tags=["kept aside"])
        mind.remember("named like one of format 1", key="sensory:named", payload={"a": [1, b"x"]})
        mind.remember("must stay", layer="eternal", key="not:of-that-form")
        mind.remember("felt", layer="emotion", affect=te.Affect(0.5, 0.25))
        mind.remember("follows", layer="logic", derived_from=[1])
        mind.remember("suspected", layer="dream", tags=["p"])
    te.rollback(old)
    found = read_flat(old)
    assert {key: found[key] for key in rows()} == rows()
    new = {key.decode(): json.loads(value) for key, value in found.items() if key not in rows()}
    first = 1 << 32
    assert new[f"sensory:te-{first}-2"] == {"timestamp": 1715162400000000000, "type": "sensory", "raw": "said later"}
    assert new["sensory:named"]["raw"] == {"a": [1, "eA=="]}
    assert new[f"eternal:te-{first + 2}"]["data"] == "must stay"
    assert new[f"eternal:te-{first + 2}"]["permanent"] is True
    assert new[f"emotion:te-{first + 3}"]["valence"] == 0.5
    assert new[f"logic:te-{first + 4}"]["complexity"] == 1
    assert new[f"dream:te-{first + 5}"]["patterns"] == ["p"]
    assert len(new) == 6
    assert {name for name in entries(old) if (old / name).is_dir()} == {".te"}
    assert "STORE" not in entries(old)


def test_what_format_1_cannot_hold_comes_back_with_the_next_upgrade(old: Path) -> None:
    with te.open(old) as mind:
        new = mind.remember("said later", source="Ana", tags=["a", "b"], episode="day", affect=te.Affect(0.5, 0.5))
        receipt = mind.forget("sensory:extra")
        pinned = mind.pin("sensory:list")
        before = [repr(memory) for memory in mind.memories(layers=EVERY_LAYER)]
    te.rollback(old)
    assert b"sensory:extra" not in read_flat(old)
    with te.open(old) as mind:
        assert [repr(memory) for memory in mind.memories(layers=EVERY_LAYER)] == before
        assert (mind[new].tags, mind[new].episode, mind[new].affect) == (("a", "b"), "day", te.Affect(0.5, 0.5))
        assert mind["sensory:list"].layer == "eternal"
        mind.undo(receipt)
        mind.undo(pinned)
        assert mind["sensory:extra"].text == "with more"
        assert mind.check() == []
    te.rollback(old)
    assert {key: value for key, value in read_flat(old).items() if key in rows()} == rows()


def test_what_an_old_program_did_meanwhile_is_taken_over(old: Path) -> None:
    with te.open(old) as mind:
        new = mind.remember("said later")
        changed, gone = mind["sensory:extra"].id, mind["sensory:list"].id
    te.rollback(old)
    later = b'{"timestamp": 7, "type": "sensory", "raw": "said by the old program"}'
    write_flat(old, {b"sensory:extra": later, b"sensory:list": None, b"sensory:fresh": later, b"no-colon": None})
    with te.open(old) as mind:
        assert mind["sensory:extra"].text == mind["sensory:fresh"].text == "said by the old program"
        assert mind[changed].superseded_by == mind["sensory:extra"].id
        assert gone not in mind
        assert mind[new].text == "said later"
        assert mind.check() == []
    te.rollback(old)
    found = read_flat(old)
    assert found[b"sensory:extra"] == found[b"sensory:fresh"] == later
    assert b"no-colon" not in found
    assert b"sensory:list" not in found


def test_what_an_old_program_touched_keeps_what_it_says_nothing_of(old: Path) -> None:
    vector, felt = [1.0, 2.0], te.Affect(0.5, 0.25)
    with te.open(old) as mind:
        said = mind.remember(
            "said later", key="mine", source="Ana", tags=["a"], episode="day", affect=felt, vector=vector,
            at="2024-03-05T14:10:00+05:00",
        )  # fmt: skip
        both = mind.remember("its text", key="both", tags=["b"], kind="acme.note", payload={"n": 1, "raw": b"\x00"})
        mind.pin(said)
        mind.revise("sensory:extra", tags=["of the old"])
        mind.pin("sensory:extra")
    te.rollback(old)
    rows = read_flat(old)

    def change(name: str, **fields: Any) -> dict[str, Any]:
        document = json.loads(rows[name.encode()]) | fields
        write_flat(old, {name.encode(): json.dumps(document).encode()})
        return document

    change(f"sensory:te-{said}-2", seen=True)  # the golden store has a row of the first choice
    changed = change(f"sensory:te-{both}", raw={"n": 2, "raw": "AA=="})
    with te.open(old) as mind:
        memory = mind["mine"]
        assert (memory.id != said, mind[said].superseded_by) == (True, memory.id)
        assert (memory.text, memory.source, memory.tags, memory.episode) == ("said later", "Ana", ("a",), "day")
        assert (memory.affect, memory.at, memory.layer) == (felt, mind[said].at, "eternal")
        assert memory.at.utcoffset() == dt.timedelta(hours=5)
        assert mind._store.has(VECTOR, memory.id)
        note = mind["both"]
        assert (note.text, note.tags, note.kind, note.payload) == ("its text", ("b",), "acme.note", changed["raw"])
        assert mind.check() == []
    te.rollback(old)
    assert json.loads(read_flat(old)[f"sensory:te-{both}".encode()]) == changed
    with te.open(old) as mind:  # once more up: what was merged by the upgrade before stays as it is
        assert (mind["mine"].tags, mind["mine"].layer, mind["both"].text) == (("a",), "eternal", "its text")
        assert mind.check() == []


def test_a_text_that_an_old_program_changed_counts_and_its_vector_goes(old: Path) -> None:
    with te.open(old) as mind:
        said = mind.remember("said later", tags=["a"], affect=te.Affect(0.5, 0.25), vector=[1.0, 2.0])
    te.rollback(old)
    write_flat(
        old, {f"sensory:te-{said}-2".encode(): b'{"timestamp": 5000, "type": "sensory", "raw": "said otherwise"}'}
    )
    with te.open(old) as mind:
        later = mind[mind[said].superseded_by or 0]
        assert (later.text, later.tags, later.affect) == ("said otherwise", ("a",), te.Affect(0.5, 0.25))
        assert later.at == dt.datetime(1970, 1, 1, 0, 0, 0, 5, tzinfo=dt.UTC)
        assert not mind._store.has(VECTOR, later.id)
        assert mind.check() == []


@pytest.mark.parametrize("valence", [-1.0, None], ids=["changed", "deleted"])
def test_an_emotion_that_an_old_program_changed_is_that_of_its_experience(old: Path, valence: float | None) -> None:
    with te.open(old) as mind:
        mind.remember("so that something is kept aside")
    te.rollback(old)
    write_flat(old, {b"emotion:list": b'{"processed_at": 1, "type": "emotion", "valence": 0.75}'})
    with te.open(old) as mind:
        memory = mind["sensory:list"]
        assert (memory.affect, memory.layer) == (te.Affect(0.75, 0.0), "sensory")
        assert mind.check() == []
    te.rollback(old)
    assert b"emotion:list" in read_flat(old)
    given = None if valence is None else json.dumps({"processed_at": 2, "type": "emotion", "valence": valence}).encode()
    write_flat(old, {b"emotion:list": given})
    with te.open(old) as mind:
        affect = mind["sensory:list"].affect
        assert (None if affect is None else affect.valence) == valence
        assert mind.check() == []


def test_an_emotion_that_an_old_program_deleted_stays_deleted(old: Path) -> None:
    with te.open(old) as mind:
        assert mind["sensory:extra"].affect is not None
        mind.remember("so that something is kept aside")
    te.rollback(old)
    write_flat(old, {b"emotion:extra": None})
    with te.open(old) as mind:
        assert mind["sensory:extra"].affect is None
        assert mind["sensory:extra"].text == "with more"
        assert mind.check() == []
    te.rollback(old)
    found = read_flat(old)
    assert b"emotion:extra" not in found
    assert found[b"sensory:extra"] == rows()[b"sensory:extra"]


def test_what_went_down_twice_stands_there_once(old: Path) -> None:
    with te.open(old) as mind:
        new = mind.remember("said later")
    te.rollback(old)
    before = read_flat(old)
    for _ in range(2):
        te.open(old).close()
        te.rollback(old)
        assert read_flat(old) == before
    with te.open(old) as mind:
        mind.forget(new)
    te.rollback(old)
    assert read_flat(old) == rows()


def test_a_merge_that_nobody_signs_off_is_given_back_with_what_was_kept_aside(old: Path) -> None:
    with te.open(old) as mind:
        new = mind.remember("said later", source="Ana", tags=["a"])
    te.rollback(old)
    before = read_flat(old)
    with pytest.raises(te.UpgradeFailedError, match="not approved"):
        te.upgrade(old, approve=lambda report: False)
    assert read_flat(old) == before
    with te.open(old) as mind:
        assert (mind[new].source, mind[new].tags) == ("Ana", ("a",))
        assert not (old / ".te").exists()


def test_what_an_old_program_changed_and_then_deleted_stays_deleted(old: Path) -> None:
    with te.open(old) as mind:
        mind.remember("first", key="sensory:later")
    te.rollback(old)
    write_flat(old, {b"sensory:later": b'{"raw": "second"}'})
    with te.open(old) as mind:
        assert mind["sensory:later"].text == "second"
    te.rollback(old)
    write_flat(old, {b"sensory:later": None})
    for _ in range(2):
        with te.open(old) as mind:
            assert "sensory:later" not in mind
            assert mind.check() == []
        te.rollback(old)
        assert b"sensory:later" not in read_flat(old)


class Killed(BaseException):
    """Ends an upgrade as a kill would."""


def test_a_merge_that_is_salvaged_in_the_middle_brings_nothing_twice(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with te.open(old) as mind:
        mind.remember_many([te.Experience(text=f"said later {n}") for n in range(50)])
    te.rollback(old)
    write_flat(old, {b"sensory:fresh": b'{"raw": "said by the old program"}'})
    monkeypatch.setattr(sweep, "_ROWS", 3)

    def kill(what: str, done: int, total: int | None) -> None:
        if done > 60:
            raise Killed

    with pytest.raises(Killed):
        te.upgrade(old, progress=kill)
    pointer, _ = read_pointer(old)
    generation = old / f"gen-{pointer.generation:06d}"
    (generation / "CURRENT").unlink()
    with te.open(old, upgrade="wait") as mind:
        assert any(incident.kind == "damage" for incident in mind._store.recorded_incidents())
        texts = [memory.text for memory in mind.memories(layers=EVERY_LAYER)]
        assert sorted(text for text in texts if text and text.startswith("said later ")) == sorted(
            f"said later {n}" for n in range(50)
        )
        assert len(texts) == 79 + 50
        assert mind.check() == []
    assert not (old / ".te").exists()


@pytest.mark.parametrize("given", [AWKWARD, COMPONENTS, {}, sensory(3), rows(5, components=False)], ids=len)
def test_up_and_down_again_is_the_same_store(given: dict[bytes, bytes], tmp_path: Path) -> None:
    write_flat(tmp_path / "mind", given)
    report = te.upgrade(tmp_path / "mind")
    assert report is not None
    assert report.digest_before == report.digest_after
    assert report.rows_in == len(given)
    te.rollback(tmp_path / "mind")
    assert read_flat(tmp_path / "mind") == given


@pytest.mark.long
def test_ten_thousand_records_go_up_and_down(tmp_path: Path) -> None:
    given = rows(10_000)
    write_flat(tmp_path / "mind", given)
    assert te.upgrade(tmp_path / "mind") is not None
    with te.open(tmp_path / "mind") as mind:
        assert mind.check() == []
    te.rollback(tmp_path / "mind")
    assert read_flat(tmp_path / "mind") == given


# refused, taken back


def test_who_refuses_finds_the_store_untouched(old: Path) -> None:
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    with pytest.raises(te.UpgradeRequiredError, match=r"te\.plan"):
        te.open(old, upgrade="refuse")
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before


@pytest.mark.parametrize(
    "name",
    [
        "mine.part",
        "gen-000002/mine",
        "gen-000001",
        "index-000002/cards.txt",
        "rollback/mine",
        "lowered/x",
        ".te/x",
        ".te",
    ],
)
def test_what_is_of_the_host_and_in_the_way_is_refused_untouched(plain: Path, name: str) -> None:
    (plain / name).parent.mkdir(exist_ok=True)
    (plain / name).write_text("precious")
    before = {path.relative_to(plain): path.read_bytes() for path in plain.rglob("*") if path.is_file()}
    [risk] = [risk for risk in te.plan(plain).risks if risk.blocks]
    assert risk.kind == "in the way"
    for attempt in (te.open, te.upgrade):
        with pytest.raises(te.StoreExistsError, match=r"not of ours: move it out.*nothing was touched") as caught:
            attempt(plain)
        assert str(plain / name).startswith(caught.value.path)
    assert {path.relative_to(plain): path.read_bytes() for path in plain.rglob("*") if path.is_file()} == before
    (plain / name).unlink()
    with te.open(plain) as mind:
        assert len(mind) == 1


def test_what_is_of_the_host_and_not_in_the_way_stays(plain: Path) -> None:
    for name in ("index-cards.txt", "gen-alpha/mine", "README.txt", "rollback.txt"):
        (plain / name).parent.mkdir(exist_ok=True)
        (plain / name).write_text("precious")
    assert te.plan(plain).risks == ()
    te.upgrade(plain)
    te.rollback(plain)
    for name in ("index-cards.txt", "gen-alpha/mine", "README.txt", "rollback.txt"):
        assert (plain / name).read_text() == "precious"
    assert read_flat(plain) == PLAIN


@pytest.mark.parametrize("upgrade", ["later", None, True])
def test_another_word_is_told(plain: Path, upgrade: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match="upgrade"):
        te.open(plain, upgrade=upgrade)


def test_a_plan_tells_and_changes_nothing(old: Path) -> None:
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    plan = te.plan(old)
    assert plan
    assert (plan.source, plan.target, plan.records) == (1, 2, len(rows()))
    assert [step.name[:2] for step in plan.steps] == ["P1", "P2", "P3", "P4"]
    assert "3 values are no JSON" in str(plan)
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
    te.upgrade(old)
    assert not te.plan(old)
    assert te.upgrade(old) is None


def test_unless_it_is_approved_it_is_taken_back(old: Path) -> None:
    seen: list[te.UpgradeReport] = []

    def approve(report: te.UpgradeReport) -> bool:
        seen.append(report)
        return False

    with pytest.raises(te.UpgradeFailedError, match="not approved") as caught:
        te.open(old, approve=approve)
    assert caught.value.report.succeeded is False  # type: ignore[attr-defined]
    assert seen[0].rows_in == len(rows())
    assert read_flat(old) == rows()
    assert [report.kind for report in te.history(old)] == ["upgrade", "rollback"]
    with te.open(old, approve=lambda report: True) as mind:
        assert mind.check() == []


def test_a_step_that_makes_something_else_is_caught_and_taken_back(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from thoughtengine.migrations import sweep

    right = sweep.lift

    def wrong(key: bytes, *args: Any, **more: Any) -> Any:
        return right(b"sensory:other" if key == b"sensory:extra" else key, *args, **more)

    monkeypatch.setattr(sweep, "lift", wrong)
    with pytest.raises(te.UpgradeFailedError, match="not what the step makes"):
        te.upgrade(old)
    assert read_flat(old) == rows()


def test_a_row_that_is_left_out_is_caught(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from thoughtengine.migrations.sweep import Sweep

    right = Sweep._carry

    def forgetful(self: Sweep, done: Any, key: bytes, value: bytes) -> None:
        if key != b"weather:today":
            right(self, done, key, value)

    monkeypatch.setattr(Sweep, "_carry", forgetful)
    with pytest.raises(te.UpgradeFailedError, match="the old store has"):
        te.upgrade(old)
    assert read_flat(old) == rows()


# others


def test_a_state_that_is_made_up_is_caught_and_taken_back(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, n = sweep.engine_up, 0

    def wrong(component: str, value: bytes, resolve: Callable[[str], int | None]) -> dict[str, Any]:
        nonlocal n
        n += 1
        made = right(component, value, resolve)
        return made | {"document": ["invented"]} if n == 2 else made

    monkeypatch.setattr(sweep, "engine_up", wrong)
    with pytest.raises(te.UpgradeFailedError, match=r"state \d is not what the step makes"):
        te.upgrade(old)
    assert read_flat(old) == rows()


def test_a_program_that_has_it_open_keeps_it(plain: Path) -> None:
    level = plyvel.DB(str(plain))
    try:
        with pytest.raises(te.StoreLockedError, match="old format"):
            te.open(plain)
    finally:
        level.close()
    assert read_flat(plain) == PLAIN


def test_a_damaged_store_is_not_upgraded(old: Path) -> None:
    table = largest(old)
    data = bytearray(table.read_bytes())
    data[200] ^= 255
    table.write_bytes(data)
    with pytest.raises(te.StoreDamagedError):
        te.upgrade(old)
    assert bytes(data) == table.read_bytes()
    assert "STORE" not in entries(old)


def test_short_of_space_it_refuses_with_the_bytes(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from thoughtengine.migrations import begin

    monkeypatch.setattr(begin, "room_for", lambda root, config: (1000, 10))
    with pytest.raises(te.StoreFullError, match="1,000 bytes must be free: there are 10"):
        te.upgrade(plain)
    assert read_flat(plain) == PLAIN


def test_what_an_old_program_writes_into_the_folder_is_kept_as_an_incident(plain: Path) -> None:
    te.upgrade(plain)
    write_flat(plain, {b"sensory:lost": b'{"raw": "written by mistake"}'})
    with te.open(plain) as mind:
        assert "sensory:lost" not in mind
        assert any("format 1 opened this folder" in told for told in mind.health().incidents)
    [kept] = (plain / "incidents").glob("bare-*")
    assert read_flat(kept) == {b"sensory:lost": b'{"raw": "written by mistake"}'}


@pytest.mark.parametrize("rows", [{}, {b"sensory:lost": b'{"raw": "written by mistake"}'}], ids=["opens", "writes"])
def test_an_old_program_may_open_the_folder_whose_sealed_copy_an_erasure_wrote_anew(
    plain: Path, rows: dict[bytes, bytes]
) -> None:
    """That copy was made by LevelDB, not linked: it holds LOCK and LOG too."""
    with te.open(plain, upgrade="wait") as mind:
        mind.forget("sensory:tea", erase=True)
        stays = mind.remember("stays")
    write_flat(plain, rows)
    with te.open(plain) as mind:
        assert mind[stays].text == "stays"
        assert any("format 1 opened this folder" in told for told in mind.health().incidents)
    [kept] = (plain / "incidents").glob("bare-*")
    assert read_flat(kept) == rows


def test_a_leftover_generation_without_pointer_file_is_never_adopted(plain: Path) -> None:
    shutil.copytree(plain, plain / "gen-000007")
    write_flat(plain / "gen-000007", {b"sensory:tea": b"{}"})
    with te.open(plain) as mind:
        assert mind["sensory:tea"].text == "green tea at noon"
    assert not (plain / "gen-000007").exists()


# back


def test_there_is_no_way_down_from_what_never_was_up(tmp_path: Path) -> None:
    te.open(tmp_path / "mind").close()
    with pytest.raises(te.DowngradeError, match="never upgraded"):
        te.rollback(tmp_path / "mind")


def test_a_native_mind_may_go_down_to_format_1(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("born in format 2", key="sensory:one")
    te.rollback(tmp_path / "mind", to=1)
    assert json.loads(read_flat(tmp_path / "mind")[b"sensory:one"])["raw"] == "born in format 2"
    with te.open(tmp_path / "mind") as mind:
        assert mind[1].text == "born in format 2"
        assert mind.remember("goes on") == 2
        assert mind.check() == []


def test_a_store_of_format_1_has_nowhere_to_go(plain: Path) -> None:
    with pytest.raises(te.DowngradeError, match="the oldest there is"):
        te.rollback(plain)


@pytest.mark.parametrize(
    ("to", "error"), [(3, te.DowngradeError), ("P9", te.InvalidArgumentError), (True, te.InvalidArgumentError)]
)
def test_only_formats_can_be_gone_down_to(plain: Path, to: Any, error: type[Exception]) -> None:
    te.upgrade(plain)
    with pytest.raises(error):
        te.rollback(plain, to=to)
    with te.open(plain) as mind:
        assert "sensory:tea" in mind


def test_after_the_soak_the_way_down_is_still_there(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from thoughtengine.migrations import run

    monkeypatch.setattr(run, "SOAK", -run.SOAK)
    te.upgrade(plain)
    te.open(plain).close()
    assert not (plain / "rollback").exists()
    with pytest.raises(te.DowngradeError, match="name the format"):
        te.rollback(plain)
    te.rollback(plain, to=1)
    assert read_flat(plain) == PLAIN


@pytest.mark.parametrize("copy", [te.backup, te.fork])
def test_a_copy_of_an_upgraded_mind_goes_down_too(old: Path, tmp_path: Path, copy: Callable[..., Any]) -> None:
    te.upgrade(old)
    copy(old, tmp_path / "copy")
    target = tmp_path / "copy"
    if copy is te.backup:
        te.restore(tmp_path / "copy", tmp_path / "mind")
        target = tmp_path / "mind"
    with pytest.raises(te.DowngradeError, match="a copy has no rollback point"):
        te.rollback(target)
    te.rollback(target, to=1)
    assert read_flat(target) == rows()


def test_an_erasure_reaches_the_rollback_point_and_the_origin(old: Path) -> None:
    with te.open(old) as mind:
        gone = mind["sensory:extra"].id
        mind.forget(gone, erase=True)
        assert mind.check() == []
    everything = b"".join(path.read_bytes() for path in old.rglob("*") if path.is_file())
    assert b"with more" not in everything
    te.rollback(old)
    expected = {key: value for key, value in rows().items() if key not in (b"sensory:extra", b"emotion:extra")}
    assert read_flat(old) == expected
    with te.open(old) as mind:
        assert gone not in mind
        assert "sensory:extra" not in mind
        assert mind.check() == []


@pytest.mark.parametrize("own", [False, True])
def test_a_rollback_point_is_a_copy_of_its_own_where_that_is_wanted(own: bool, tmp_path: Path) -> None:
    write_flat(tmp_path / "old", rows(), compact=True)
    table = largest(tmp_path / "old")
    (tmp_path / "kept").hardlink_to(table)
    with te.open(tmp_path / "old", config=te.Config(storage=te.StorageConfig(rollback_copy=own))):
        sealed = tmp_path / "old" / "rollback" / "gen-000001" / table.name
        assert sealed.samefile(tmp_path / "kept") != own
    te.rollback(tmp_path / "old")
    assert read_flat(tmp_path / "old") == rows()


@pytest.mark.parametrize("own", [False, True])
def test_what_is_swept_is_no_file_of_a_copy_of_its_own(own: bool, tmp_path: Path) -> None:
    write_flat(tmp_path / "old", rows(), compact=True)
    begin(tmp_path / "old", StorageConfig(rollback_copy=own))
    table = largest(tmp_path / "old" / "gen-000001")
    assert table.samefile(tmp_path / "old" / "rollback" / "gen-000001" / table.name) != own
    te.upgrade(tmp_path / "old")
    te.rollback(tmp_path / "old")
    assert read_flat(tmp_path / "old") == rows()


def test_a_rollback_point_that_went_bad_is_made_anew_of_the_origins(old: Path) -> None:
    te.upgrade(old)
    sealed = next((old / "rollback").iterdir())
    write_flat(sealed, {b"sensory:extra": b"{}", b"logic:rule": None})
    te.rollback(old)
    assert read_flat(old) == rows()


# rehearsed, into another place, on the command line


def test_where_there_is_no_mind_there_is_no_history(old: Path, tmp_path: Path) -> None:
    assert te.history(old) == []
    (tmp_path / "empty").mkdir()
    for name in ("empty", "nothing"):
        with pytest.raises(te.StoreNotFoundError):
            te.history(tmp_path / name)


@pytest.mark.parametrize("refused", ["folder", "lock"])
def test_a_folder_that_cannot_be_locked_is_told(
    refused: str, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, planned = read_flat(old), te.plan(old)

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", "LOCK")

    if refused == "folder":
        monkeypatch.setattr("os.access", lambda path, mode: False)
    else:
        monkeypatch.setattr(upgrading, "BareLock", denied)
    told = "copy it" if refused == "folder" else "Permission denied"
    with pytest.raises(te.StoreError, match=told):
        te.upgrade(old, into=tmp_path / "new")
    monkeypatch.setattr(upgrading, "plan", lambda path, **how: planned)
    with pytest.raises(te.StoreError, match=told):
        te.rehearse(old)
    monkeypatch.undo()
    assert read_flat(old) == before


@pytest.mark.parametrize("cues", ["tea", [1], 1], ids=repr)
def test_cues_that_are_none_are_told(cues: Any, old: Path) -> None:
    with pytest.raises(te.InvalidArgumentError, match="cues"):
        te.rehearse(old, cues=cues)


def test_a_rehearsal_tells_and_leaves_everything_as_it_was(old: Path) -> None:
    before = {path.name: path.read_bytes() for path in old.iterdir() if path.name not in ("LOCK", "LOG")}
    rehearsal = te.rehearse(old, cues=["umbrellas"])
    assert rehearsal
    assert (rehearsal.broken_off, rehearsal.reason) == (2, "")
    assert (rehearsal.n_cues, rehearsal.changed) == (1, {})
    assert rehearsal.report is not None
    assert (rehearsal.report.rows_in, rehearsal.report.resumed) == (len(rows()), 2)
    assert "it would hold" in str(rehearsal)
    assert {path.name: path.read_bytes() for path in old.iterdir() if path.name not in ("LOCK", "LOG")} == before
    assert {path.name for path in old.parent.iterdir()} == {"old"}


def test_a_rehearsal_of_payloads_asks_before_and_after(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        for n in range(9):
            mind.remember(f"note {n}", kind="acme.note", payload={"n": n})
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: {"n": note["number"]})(lambda note: {"number": note["n"]})
    rehearsal = te.rehearse(tmp_path / "mind", cues=["note 3"], hooks=[hooks])
    assert rehearsal
    assert rehearsal.changed == {}
    assert rehearsal.broken_off == 2
    assert rehearsal.report is not None
    assert rehearsal.report.resumed == 2
    assert not te.rehearse(tmp_path / "mind", hooks=[hooks], approve=lambda report: False)
    with te.open(tmp_path / "mind") as mind:
        assert mind[1].payload == {"n": 0}
        assert not mind.health().last_backup


def test_a_rehearsal_tells_when_it_would_not_hold(old: Path) -> None:
    rehearsal = te.rehearse(old, approve=lambda report: False)
    assert not rehearsal
    assert "not approved" in str(rehearsal)
    assert read_flat(old) == rows()
    te.upgrade(old)
    assert not te.rehearse(old)


def test_upgraded_into_another_place_the_old_one_is_only_read(old: Path, tmp_path: Path) -> None:
    report = te.upgrade(old, into=tmp_path / "new")
    assert report is not None
    assert read_flat(old) == rows()
    with te.open(tmp_path / "new") as mind:
        assert mind["sensory:extra"].text == "with more"
    with pytest.raises(te.StoreExistsError):
        te.upgrade(old, into=tmp_path / "new")


@pytest.mark.parametrize("stays", [False, True])
def test_what_fails_in_another_place_leaves_the_place_free(old: Path, tmp_path: Path, *, stays: bool) -> None:
    into = tmp_path / "new"
    if stays:
        into.mkdir()
    for _ in range(2):
        with pytest.raises(te.UpgradeFailedError) as failed:
            te.upgrade(old, into=into, approve=lambda report: False)
        assert failed.value.report is not None
        assert (into.is_dir(), [*tmp_path.glob("new/*")]) == (stays, [])
    assert te.upgrade(old, into=into) is not None
    with pytest.raises(te.StoreExistsError):  # what was there is not of this call
        te.upgrade(old, into=into, approve=lambda report: False)
    with te.open(into) as mind:
        assert mind["sensory:extra"].text == "with more"
    assert read_flat(old) == rows()


def test_on_the_command_line(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from thoughtengine.cli import main

    assert main(["plan", str(old)]) == 0
    assert "format 1 to 2" in capsys.readouterr().out
    assert main(["rehearse", str(old)]) == 0
    assert "it would hold" in capsys.readouterr().out
    assert main(["history", str(old)]) == 0
    assert "no upgrade yet" in capsys.readouterr().out
    assert main(["upgrade", str(old)]) == 0
    assert f"{len(rows()):,} rows" in capsys.readouterr().out
    assert main(["upgrade", str(old)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["rollback", str(old), "--to", "1"]) == 0
    assert main(["history", str(old), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.partition("\n[")[2].join(["[", ""]))
    assert [report["kind"] for report in told] == ["upgrade", "rollback"]
    assert main(["rollback", str(old)]) == 2
    assert "of format 1 already" in capsys.readouterr().err
    assert read_flat(old) == rows()


def test_reports_are_kept_as_pages_too(old: Path) -> None:
    te.upgrade(old)
    [page] = (old / "reports").glob("*.md")
    assert "| P2 layers |" in page.read_text()
    assert "| records lost | 0 | 0 | met |" in page.read_text()


def test_a_mind_that_soaks_is_taken_back_while_it_is_open(old: Path) -> None:
    te.upgrade(old)
    with te.open(old) as mind:
        assert mind.upgrade.status().stage == "SOAK"
        mind.remember("since", key="sensory:since")
        assert mind.upgrade.rollback() is not None
        with pytest.raises(te.StoreClosedError):
            mind.remember("too late")
    found = read_flat(old)
    assert b"since" in found.pop(b"sensory:since")
    assert found == rows()


def test_with_hooks_a_store_of_format_1_keeps_its_rollback_point(old: Path) -> None:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: {"n": note["m"]})(lambda note: {"m": note["n"]})
    for _ in range(2):
        with te.open(old, hooks=[hooks]) as mind:
            mind.remember("a note", kind="acme.note", payload={"m": 1})
            assert mind.upgrade.status().stage == "SOAK"
    assert (old / "rollback").is_dir()
    assert [report.kind for report in te.history(old)] == ["upgrade"]


def test_references_are_followed_again_when_what_was_kept_aside_comes_back(old: Path) -> None:
    from thoughtengine.storage.keyspace import STATE
    from thoughtengine.storage.origin import StateRecord

    def states() -> list[StateRecord]:
        with te.open(old) as mind:
            return [record for _, record in mind._store.rows(STATE, StateRecord)]

    with te.open(old) as mind:
        mind.remember("something to keep aside")
        ids = [mind[f"sensory:plain-{n:06d}"].id for n in (1, 2)] + [mind["logic:rule"].id]
    first = states()
    assert [state.name for state in first] == ["patterns", "learning", "dreams"]
    assert first[0].document[0]["references"] == ids
    assert first[0].document[0]["unresolved"] == ["nowhere"]
    assert first[0].document[1]["type"] == "a type that nobody knows"
    te.rollback(old)
    assert states() == first


def test_another_process_that_has_the_old_store_open_keeps_it(plain: Path) -> None:
    import subprocess
    import sys

    code = "import sys; from tests.flat import plyvel; db = plyvel.DB(sys.argv[1]); print('open', flush=True); input()"
    command = [sys.executable, "-c", code, str(plain)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(te.StoreLockedError, match="old format"):
            te.upgrade(plain)
        child.communicate("\n")
    assert te.upgrade(plain) is not None


def test_a_check_of_a_folder_of_format_1_says_what_to_do(plain: Path) -> None:
    with pytest.raises(te.StoreTooOldError, match=r"te\.upgrade"):
        te.check(plain)


@pytest.mark.parametrize("at", [1, 5, 20])
def test_on_a_full_disk_it_stops_and_goes_on_when_there_is_space(
    at: int, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thoughtengine.migrations import sweep
    from thoughtengine.storage.store import Level

    right, n = Level.write, 0

    def full(self: Level, *args: Any) -> None:
        nonlocal n
        n += "gen-000002" in self.path
        if n == at:
            raise te.StoreFullError(self.path, "no space left (as it were)")
        right(self, *args)

    monkeypatch.setattr(sweep, "_ROWS", 8)
    monkeypatch.setattr(Level, "write", full)
    with pytest.raises(te.StoreFullError):
        te.upgrade(old)
    assert te.upgrade(old) is not None
    with te.open(old) as mind:
        assert mind.check() == []
    te.rollback(old)
    assert read_flat(old) == rows()


def no_room(*args: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", ["checkpoint", "sync_tree"])
@pytest.mark.parametrize("half", [False, True])
def test_a_full_disk_on_the_way_back_is_told_as_one(
    name: str, half: bool, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(old, StorageConfig())
    if not half:
        te.upgrade(old)
    with monkeypatch.context() as patch:
        patch.setattr(lower, name, no_room)
        with pytest.raises(te.StoreFullError, match="No space left"):
            te.rollback(old)
    te.rollback(old)
    assert read_flat(old) == rows()


def test_a_full_disk_while_an_upgrade_is_validated_turns_nothing_back(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run, "validate", no_room)
        with pytest.raises(te.StoreFullError, match="No space left"):
            te.upgrade(old)
    te.upgrade(old)
    assert [(done.kind, done.succeeded) for done in te.history(old)] == [("upgrade", True)]


@pytest.mark.parametrize("name", ["CURRENT", "MANIFEST-*", "*.ldb", "*.log"])
@pytest.mark.parametrize("harm", ["cut", "gone", "flipped"])
def test_whatever_file_is_damaged_it_is_told_and_nothing_is_made_of_it(name: str, harm: str, old: Path) -> None:
    """A damaged store of format 1 ends in a typed error, or comes over whole; never in silence with less in it."""
    write_flat(old, {b"sensory:last": b'{"raw": "the last one"}'})
    path = next(path for path in sorted(old.glob(name)) if path.stat().st_size)
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        half = len(data) // 2
        path.write_bytes(data[:half] if harm == "cut" else data[:half] + bytes([data[half] ^ 64]) + data[half + 1 :])
    files = {entry.name for entry in old.iterdir() if entry.name not in ("LOCK", "LOG", "LOG.old")}
    try:
        te.upgrade(old)
    except (te.StoreDamagedError, te.StoreNotFoundError, te.StoreError):
        assert {
            entry.name for entry in old.iterdir() if entry.name not in ("LOCK", "LOG", "LOG.old", "te.lock", ".te")
        } == files
    else:
        with te.open(old) as mind:
            kept = {memory.key for memory in mind.memories(layers=EVERY_LAYER)}
            torn = (name, harm) == ("*.log", "cut")  # a log without its end is what every crash leaves: nobody can tell
            assert kept >= {key.decode() for key in rows() if key.startswith(b"sensory:plain")}
            assert len(kept) == 78 + ("sensory:last" in kept)
            assert torn or "sensory:last" in kept


def test_what_else_lies_in_the_folder_stays(plain: Path) -> None:
    (plain / "rollback").mkdir()
    (plain / "rollback" / "notes.txt").write_text("somebody's own")
    (plain / "download.part").write_text("half of something")
    with pytest.raises(te.StoreError):
        te.upgrade(plain)
    assert (plain / "rollback" / "notes.txt").read_text() == "somebody's own"
    assert (plain / "download.part").exists()
    assert read_flat(plain) == PLAIN


def test_an_emotion_whose_experience_an_old_program_deletes_becomes_a_memory_of_its_own(tmp_path: Path) -> None:
    path, felt = tmp_path / "old", b'{"processed_at": 5, "type": "emotion", "valence": 0.5, "arousal": 0.25}'
    sensed = {key: json.dumps({"timestamp": 5, "type": "sensory", "raw": key.decode()}).encode()
              for key in (b"sensory:a", b"sensory:b", b"sensory:c")}  # fmt: skip
    write_flat(path, {**sensed, b"emotion:a": felt, b"emotion:c": felt})
    with te.open(path, upgrade="wait") as mind:
        mind.remember("since")
    te.rollback(path)
    changed = felt.replace(b"0.25", b"0.75")
    write_flat(path, {b"sensory:a": None, b"sensory:c": None, b"emotion:c": changed})
    before = read_flat(path)
    for _ in range(2):
        with te.open(path, upgrade="wait") as mind:
            assert mind["emotion:a"].affect == te.Affect(0.5, 0.25)
            assert mind["emotion:c"].affect == te.Affect(0.5, 0.75)
            assert "sensory:a" not in mind
            assert "sensory:c" not in mind
            assert (len(mind), mind.check()) == (4, [])
        te.rollback(path)
        assert read_flat(path) == before


@pytest.mark.parametrize(
    ("payload", "given", "changed"),
    [
        ("str", "str2", "str2"),
        (b"\x00\x01", "AAI=", b"\x00\x02"),
        (b"\x00\x01", "no base64", "no base64"),
        ({"text": "said"}, {"text": "said otherwise"}, {"text": "said otherwise"}),
    ],
)
@pytest.mark.parametrize("text", ["its text", None])
def test_a_payload_that_an_old_program_changes_stays_apart_from_the_text(
    tmp_path: Path, payload: Any, given: Any, changed: Any, text: str | None
) -> None:
    path = tmp_path / "old"
    write_flat(path, {b"sensory:b": b'{"timestamp": 5, "type": "sensory", "raw": "b"}'})
    with te.open(path, upgrade="wait") as mind:
        mind.remember(text, key="sensory:note", kind="acme.note", payload=payload)
    te.rollback(path)
    row = json.loads(read_flat(path)[b"sensory:note"])
    write_flat(path, {b"sensory:note": json.dumps({**row, "raw": given}).encode()})
    for _ in range(2):
        with te.open(path, upgrade="wait") as mind:
            note = mind["sensory:note"]
            assert note.payload == changed
            assert note.kind == ("acme.note" if type(changed) is type(payload) else None)
            assert note.text == (text if text or not isinstance(payload, dict) else "said otherwise")
            assert mind.check() == []
        te.rollback(path)


@pytest.mark.parametrize("payload", [{"text": "said"}, {"n": 5}, [1, 2], 5])
@pytest.mark.parametrize("text", ["its text", None])
def test_a_payload_that_an_old_program_replaces_by_a_string_leaves_the_text_that_it_never_saw(
    tmp_path: Path, payload: Any, text: str | None
) -> None:
    """Beside a text of its own the string stands where the payload stood; without one it is what the memory says."""
    path = tmp_path / "old"
    write_flat(path, {b"sensory:b": b'{"timestamp": 5, "type": "sensory", "raw": "b"}'})
    with te.open(path, upgrade="wait") as mind:
        mind.remember(text, key="sensory:note", kind="acme.note", payload=payload, tags=["kept"])
    te.rollback(path)
    row = json.loads(read_flat(path)[b"sensory:note"])
    assert row["raw"] == payload
    write_flat(path, {b"sensory:note": json.dumps({**row, "raw": "a plain string"}).encode()})
    for _ in range(2):
        with te.open(path, upgrade="wait") as mind:
            note = mind["sensory:note"]
            expected = (text, "a plain string") if text else ("a plain string", None)
            assert (note.text, note.payload, note.kind, note.tags) == (*expected, None, ("kept",))
            assert mind.recall("its text" if text else "a plain string")[0].id == note.id
            assert mind.check() == []
        te.rollback(path)
        assert json.loads(read_flat(path)[b"sensory:note"])["raw"] == "a plain string"
