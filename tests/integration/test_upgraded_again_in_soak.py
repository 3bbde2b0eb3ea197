"""The soak of a store that had been of this format before: what an erasure reaches, and what damage costs."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat
from tests.tables import largest
from thoughtengine.config import StorageConfig
from thoughtengine.migrations import regain
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.keyspace import APPRAISAL, MEMORY, ORIGIN

SECRET = "5ecf31a77c4b0d8e9"  # stands for bytes that must be nowhere


def row(n: int, said: str) -> bytes:
    return json.dumps({"timestamp": n, "type": "sensory", "raw": said}).encode()


OLD = {b"sensory:k%03d" % n: row(n, f"word {n}") for n in range(40)} | {b"weather:today": b"rain"}
OLD |= {b"emotion:k%03d" % n: json.dumps({"processed_at": n, "valence": 0.5}).encode() for n in range(0, 40, 5)}


def noted() -> te.Upgrades:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: {"text": note["body"]})(lambda note: {"body": note["text"]})
    return hooks


def holding(path: Path, what: str = SECRET) -> list[str]:
    return [str(f.relative_to(path)) for f in path.rglob("*") if f.is_file() and what.encode() in f.read_bytes()]


def sealed(path: Path, copy: Path) -> dict[bytes, bytes]:
    """Return the rows of the sealed copy, which is never opened itself."""
    shutil.rmtree(copy, ignore_errors=True)
    (folder,) = (each for each in path.glob("rollback/*") if "gen-000001" in each.name)
    return read_flat(shutil.copytree(folder, copy))


def said(mind: te.ThoughtEngine) -> list[int]:
    return [mind.remember(f"plain {SECRET}")]


def under_its_own_key(mind: te.ThoughtEngine) -> list[int]:
    return [mind.remember(f"keyed {SECRET}", key="sensory:host")]


def under_a_key_of_no_layer(mind: te.ThoughtEngine) -> list[int]:
    return [mind.remember(f"keyed {SECRET}", key="host")]


def revised(mind: te.ThoughtEngine) -> list[int]:
    return [mind.revise("sensory:k005", text=f"revised {SECRET}")]


def revised_twice(mind: te.ThoughtEngine) -> list[int]:
    return [mind.remember(f"first {SECRET}", key="sensory:host"), mind.revise("sensory:host", text=f"then {SECRET}")]


def felt(mind: te.ThoughtEngine) -> list[int]:
    return [mind.remember(f"felt {SECRET}", layer="emotion", affect=te.Affect(0.5, 0.25))]


def said_and_felt(mind: te.ThoughtEngine) -> list[int]:
    mind.remember("what was felt", key="sensory:host")
    return [mind.remember(f"felt {SECRET}", layer="emotion", affect=te.Affect(0.5, 0.25), key="emotion:host")]


def held(mind: te.ThoughtEngine) -> list[int]:
    payload = {"text": f"payload {SECRET}"}
    mind.remember("payload", kind="acme.note", payload={"text": "stays"}, key="sensory:stays")
    return [
        mind.remember("payload", kind="acme.note", payload=payload),
        mind.remember("payload", kind="acme.note", payload=payload, key="sensory:noted"),
    ]


ONCE = [said, under_its_own_key, under_a_key_of_no_layer, revised, revised_twice, felt, said_and_felt, held]
TWICE = [under_its_own_key, revised]


@pytest.mark.parametrize(("remember", "again"), [*((each, 1) for each in ONCE), *((each, 2) for each in TWICE)])
def test_an_erasure_reaches_the_rows_that_went_down_and_came_up(
    tmp_path: Path, remember: Callable[[te.ThoughtEngine], list[int]], again: int
) -> None:
    path = tmp_path / "mind"
    write_flat(path, OLD)
    with te.open(path, upgrade="wait") as mind:
        ids = remember(mind)
        stays = mind.remember("stays", key="sensory:stays too")
    for _ in range(again):
        te.rollback(path)
        te.open(path, upgrade="wait").close()
    if remember is held:
        te.open(path, hooks=[noted()], upgrade="wait").close()
    rows = sealed(path, tmp_path / "before")
    assert sum(SECRET.encode() in value for value in rows.values()) == len(ids)
    with te.open(path, hooks=[noted()] if remember is held else ()) as mind:
        receipt = mind.forget(*ids, erase=True)
        assert receipt.proof["out_of_reach"] == []
        assert holding(path) == []
        assert mind.check() == []
        assert mind[stays].text == "stays"
    assert holding(path) == []
    left = {key: value for key, value in rows.items() if SECRET.encode() not in value}
    assert sealed(path, tmp_path / "after") == left
    te.rollback(path, to=1, hooks=[noted()])
    assert left.items() - {(b"sensory:k005", rows[b"sensory:k005"])} <= read_flat(path).items()
    with te.open(path, upgrade="wait") as mind:
        assert mind.check() == []
        assert mind[stays].text == "stays"


def test_an_erasure_reaches_what_a_program_of_format_1_has_changed_and_felt(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    write_flat(path, OLD)
    with te.open(path, upgrade="wait") as mind:
        mind.remember("host", key="sensory:host")
    te.rollback(path)
    felt = json.dumps({"valence": 0.25, "text": SECRET}).encode()
    write_flat(
        path,
        {
            b"sensory:k007": row(7, f"changed {SECRET}"),
            b"sensory:new": row(7, f"new {SECRET}"),
            b"emotion:k008": felt,
            b"emotion:host": felt,
        },
    )
    with te.open(path, upgrade="wait") as mind:
        ids = [mind[f"sensory:{name}"].id for name in ("k007", "new", "k008", "host")]
        mind.forget(*ids, erase=True)
        assert holding(path) == []
        assert mind.check() == []
    assert holding(path) == []
    assert {b"sensory:k006", b"sensory:k009"} <= sealed(path, tmp_path / "after").keys()
    te.rollback(path)
    assert SECRET.encode() not in b"".join(read_flat(path).values())


Document = dict[str, Any]


def changed_in_time(value: Document) -> None:
    value.update({name: 7_000 for name in ("timestamp", "processed_at", "created_at") if name in value})


def changed_in_words(value: Document, words: Any = "changed below") -> None:
    value.update({name: words for name in ("raw", "data", "source", "text") if name in value})


def changed_in_a_payload(value: Document) -> None:
    changed_in_words(value, {"text": "changed below"})


def changed_in_nothing_that_counts(value: Document) -> None:
    value["seen"] = 1


CHANGES = [changed_in_time, changed_in_words, changed_in_a_payload, changed_in_nothing_that_counts]
HELD = [
    {"text": "said"},
    {"text": "said", "tags": ["mine"], "source": "Ana", "key": "mine", "affect": te.Affect(0.5, 0.25)},
    {"text": "said", "payload": {"text": "held", "raw": b"bytes"}, "kind": "acme.note"},
    {"text": "said", "payload": {"raw": b"bytes"}},
    {"text": "said", "payload": b"bytes", "tags": ["mine"]},
    {"text": "said", "payload": "string", "key": "sensory:host"},
    {"text": "said", "payload": [1, None, 2.5], "layer": "dream", "tags": ["mine"]},
    {"text": "felt", "payload": {"n": 1}, "layer": "emotion", "affect": te.Affect(0.5, 0.25)},
    {"text": "lasts", "layer": "eternal", "affect": te.Affect(0.5, 0.25)},
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("held", HELD)
def test_what_a_program_of_format_1_has_changed_outlives_the_version_before_it(
    tmp_path: Path, held: Document, change: Callable[[Document], None]
) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        first = mind.remember(**held)
    te.rollback(path, to=1)
    ((key, value),) = read_flat(path).items()
    document = json.loads(value)
    change(document)
    write_flat(path, {key: json.dumps(document).encode()})
    with te.open(path) as mind:
        changed = mind[mind[first].superseded_by]
        mind.forget(first, erase=True)
    for _ in range(2):
        te.rollback(path, to=1)
        assert json.loads(read_flat(path)[key]) == document
        with te.open(path) as mind:
            assert len(mind) == 1
            assert attrs.evolve(mind[changed.id], strength=changed.strength) == changed
            assert mind.check() == []


def spoil(path: Path, id_: int, valence: float = 0.75, **fields: Any) -> None:
    """Write a memory, and its appraisal if it has one, otherwise than an upgrade had made them."""
    store, batch = FolderStore(path, StorageConfig()), Batch()
    batch.put(MEMORY, id_, msgspec.structs.replace(store.get(MEMORY, id_, Memory), **fields))
    if (felt := store.get(APPRAISAL, id_, Appraisal)) is not None:
        batch.put(APPRAISAL, id_, msgspec.structs.replace(felt, valence=valence))
    store.commit(batch, sync=True)
    store.close()


@pytest.mark.parametrize(
    "spoiled",
    [{"text": "other"}, {"at": 1}, {"added": 1}, {"payload": [1]}, {"layer": 2}, {"origin": "host"}, {"valence": -1.0}],
)
def test_what_an_earlier_version_cannot_have_given_is_still_noticed(tmp_path: Path, spoiled: Document) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        first = mind.remember("said", key="sensory:host", affect=te.Affect(0.5, 0.25))
    te.rollback(path, to=1)
    felt = json.dumps({"valence": 0.75}).encode()
    write_flat(path, {b"sensory:host": row(7_000, "changed below"), b"emotion:host": felt})
    with te.open(path) as mind:
        mind.forget(first, erase=True)
        changed = mind["sensory:host"]
        assert changed.affect == te.Affect(0.75, 0.25)
    spoil(path, changed.id, **spoiled)
    te.rollback(path, to=1)
    with pytest.raises(te.UpgradeFailedError, match="is not what the step makes of its origin"):
        te.open(path)


def test_what_cannot_have_had_an_erased_version_is_compared_in_full(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember("said")
    te.rollback(path, to=1)
    write_flat(path, {b"sensory:below": row(7_000, "new below")})
    with te.open(path) as mind:
        id_ = mind["sensory:below"].id
        mind.forget(mind.remember("later"), erase=True)
    spoil(path, id_, tags=("other",))
    te.rollback(path, to=1)
    with pytest.raises(te.UpgradeFailedError, match="is not what the step makes of its origin"):
        te.open(path)


def test_an_erasure_reaches_what_never_was_of_format_1_before(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember(f"the safe opens with {SECRET}", key="safe")
        mind.remember("other")
    te.rollback(path, to=1)
    with te.open(path) as mind:
        mind.forget("safe", erase=True)
        assert holding(path) == []
        assert [json.loads(value)["raw"] for value in sealed(path, tmp_path / "after").values()] == ["other"]


def test_an_erasure_takes_no_row_of_a_memory_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    write_flat(path, OLD)
    with te.open(path, upgrade="wait") as mind:
        first = mind.remember("first", key="sensory:host")
        then = mind.revise("sensory:host", text=f"then {SECRET}")
    te.rollback(path)
    with te.open(path, upgrade="wait") as mind:
        mind.forget(then, erase=True)
        assert mind["sensory:host"].id == first
        assert holding(path) == []
    rows = sealed(path, tmp_path / "after")
    assert json.loads(rows[b"sensory:host"])["raw"] == "first"
    assert OLD.items() <= rows.items()


def test_an_emotion_of_its_own_is_not_taken_for_one_beside_a_row_that_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember("said", key="sensory:host")
        mind.remember(f"felt {SECRET}", layer="emotion", affect=te.Affect(0.5, 0.25), key="emotion:host")
    te.rollback(path, to=1)
    write_flat(path, {b"sensory:host": row(7, "said otherwise")})
    with te.open(path) as mind:
        assert mind["sensory:host"].affect is None
        mind.forget("emotion:host", erase=True)
        assert holding(path) == []
    te.rollback(path)
    assert b"emotion:host" not in read_flat(path)


def test_a_name_that_was_forgotten_and_given_anew_stops_no_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        mind.remember("first", key="sensory:host")
        mind.forget("sensory:host")
        then = mind.remember("then", key="sensory:host")
    te.rollback(path, to=1)
    with te.open(path) as mind:
        assert mind["sensory:host"].id == then
        assert mind.check() == []


# damage


def lose(path: Path, *ids: int) -> None:
    """Take all rows of memories from a mind, as a salvage does that could not read them."""
    store = FolderStore(path, StorageConfig())
    store.rewrite({area.key(id_) for area in (MEMORY, APPRAISAL, ORIGIN) for id_ in ids}, Batch())
    store.update_pointer(state="REBUILD")
    store.close()


def texts(mind: te.ThoughtEngine) -> dict[str, str | None]:
    return {memory.text or "": memory.key for memory in mind.memories()}


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a mind in the soak of its second upgrade: old rows, new memories of every kind, and what was changed below."""
    path = tmp_path_factory.mktemp("merged") / "mind"
    noise = {n: random.Random(n).randbytes(150).hex() for n in range(150)}
    write_flat(path, OLD | {b"sensory:n%03d" % n: row(n, f"noise {n} {noise[n]}") for n in noise})
    with te.open(path, upgrade="wait") as mind:
        mind.remember("said")
        mind.remember("keyed", key="sensory:host")
        mind.remember("keyed otherwise", key="host")
        mind.revise("sensory:k005", text="revised")
        mind.remember("felt", layer="emotion", affect=te.Affect(0.5, 0.25))
        for n in range(30):
            mind.remember(f"more {n} {random.Random(-n).randbytes(150).hex()}", key=f"sensory:m{n}" if n % 2 else None)
    te.rollback(path)
    write_flat(path, {b"sensory:k007": row(7, "changed below"), b"sensory:below": row(8, "new below")})
    te.open(path, upgrade="wait").close()
    te.open(path).close()
    return path


@pytest.mark.parametrize("harm", ["gone", "cut", *range(4)])
def test_damage_costs_nothing_that_the_sealed_copy_holds(merged: Path, tmp_path: Path, harm: str | int) -> None:
    path = shutil.copytree(merged, tmp_path / "mind")
    with te.open(path) as mind:
        whole = texts(mind).keys() - {"word 7"}  # what was changed below: the words before are not in that copy
    table = largest(path.glob("gen-*"))
    data = bytearray(table.read_bytes())
    if isinstance(harm, int):
        for place in random.Random(harm).sample(range(int(len(data) * 0.95)), 6):
            data[place] ^= 1
    table.write_bytes(data[: len(data) // 2] if harm == "cut" else data)
    if harm == "gone":
        table.unlink()
    assert te.check(path) or isinstance(harm, int)  # bits of a filter change nothing
    with te.open(path) as mind:
        there = texts(mind)
        assert whole - there.keys() <= {"word 5"}  # where the ids of many are gone, as later words have its name
        assert [found.kind for found in mind.check()] == []
        ids = {memory.id: memory.text for memory in mind.memories()}
    with te.open(path) as mind:
        assert {memory.id: memory.text for memory in mind.memories()} == ids
    if not whole <= there.keys():
        with pytest.raises(te.UpgradeFailedError, match="sealed copy"):
            te.rollback(path)
        return
    assert te.rollback(path).succeeded
    flat = {json.loads(value).get("raw") for key, value in read_flat(path).items() if key.startswith(b"sensory")}
    assert whole - {"felt"} <= flat
    with te.open(path, upgrade="wait") as mind:
        assert mind.check() == []
        assert whole <= texts(mind).keys()


def test_what_its_row_or_a_later_version_tells_keeps_its_id(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        other = mind.remember("other", key="sensory:other")
        said, first = mind.remember("said"), mind.remember("first", key="sensory:host")
    te.rollback(path, to=1)
    with te.open(path) as mind:
        then = mind.revise("sensory:host", text="then")
    lose(path, other, said, first)
    with te.open(path) as mind:
        assert mind[said].text == "said"
        assert mind[first].text == "first"
        assert mind["sensory:host"].id == then
        assert mind["sensory:other"].text == "other"
        assert mind["sensory:other"].id > then
        assert "1 of them under new ids" in " ".join(mind.health().incidents)
        assert mind.check() == []


@pytest.mark.parametrize("when", ["before", "since"])
def test_what_else_was_lost_and_had_no_row_takes_no_id_from_what_had_one(tmp_path: Path, when: str) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        said, first, gone = mind.remember("said"), mind.remember("first", key="sensory:host"), mind.remember("gone")
    if when == "before":
        lose(path, gone)
        te.open(path).close()
    te.rollback(path, to=1)
    with te.open(path) as mind:
        mind.revise("sensory:host", text="then")
        since = [mind.remember(f"since {i}") for i in range(9)][-1]
    lose(path, said, first, *[since] * (when == "since"))
    with te.open(path) as mind:
        assert mind[said].text == "said"
        assert mind[first].text == "first"
        assert mind.check() == []
    assert te.rollback(path).succeeded


def test_no_memory_gets_the_words_that_a_program_of_format_1_had_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        said = mind.remember("said")
    te.rollback(path, to=1)
    write_flat(path, {b"sensory:te-%d" % said: row(7, "changed below")})
    with te.open(path) as mind:
        changed = mind[said].superseded_by
    lose(path, said, changed)
    with te.open(path) as mind:
        assert mind.get(said) is None
        assert [(memory.text, memory.id > changed) for memory in mind.memories()] == [("changed below", True)]


@pytest.mark.parametrize("changed", [False, True])
def test_an_emotion_of_its_own_comes_back_as_such(tmp_path: Path, changed: bool) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        said = mind.remember("said", key="sensory:host")
        felt = mind.remember("felt", layer="emotion", affect=te.Affect(0.5, 0.25), key="emotion:host")
    te.rollback(path, to=1)
    write_flat(path, {b"sensory:host": row(7, "said otherwise")} if changed else {})
    with te.open(path) as mind:
        now = mind["sensory:host"].id
        assert changed == (now != said)
    lose(path, felt)
    with te.open(path) as mind:
        assert mind["emotion:host"].text == "felt"
        assert mind["sensory:host"].id == now
        assert mind.check() == []
    te.rollback(path)
    assert {b"sensory:host", b"emotion:host"} <= read_flat(path).keys()
    with te.open(path) as mind:
        assert mind["emotion:host"].text == "felt"


def test_a_change_by_a_program_of_format_1_comes_back_as_the_revision_it_was(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        first = mind.remember("first", key="sensory:host", tags=["kept"])
        mind.remember("untouched", key="sensory:other")
    te.rollback(path, to=1)
    write_flat(path, {b"sensory:host": row(7, "changed below")})
    with te.open(path) as mind:
        changed = mind["sensory:host"].id
    lose(path, changed)
    with te.open(path) as mind:
        assert mind["sensory:host"].text == "changed below"
        assert mind[first].superseded_by == mind["sensory:host"].id
        assert mind["sensory:host"].tags == ("kept",)
        assert sorted(memory.text for memory in mind.memories() if memory.text) == [
            "changed below",
            "first",
            "untouched",
        ]
        assert mind.check() == []
    te.rollback(path)
    assert json.loads(read_flat(path)[b"sensory:host"])["raw"] == "changed below"


def test_payloads_that_were_upgraded_since_are_not_taken_for_changes(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        for key in (None, "sensory:noted"):
            mind.remember("payload", kind="acme.note", payload={"text": f"payload {key}"}, key=key)
    te.rollback(path, to=1)
    te.open(path, hooks=[noted()], upgrade="wait").close()
    with te.open(path, hooks=[noted()]) as mind:
        lost = mind.remember("lost")
    lose(path, lost)
    with te.open(path, hooks=[noted()]) as mind:
        assert sorted(memory.payload["body"] for memory in mind.memories()) == ["payload None", "payload sensory:noted"]
        assert mind.check() == []


def test_what_may_have_been_forgotten_stays_in_the_sealed_copy_and_so_does_the_way_back(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        ids = [mind.remember(f"note {n}", key=f"sensory:n{n}") for n in range(4)]
    te.rollback(path, to=1)
    with te.open(path) as mind:
        mind.forget(ids[1])
    lose(path, *ids[:3])
    with te.open(path) as mind:
        assert list(texts(mind)) == ["note 3"]
        assert "3 rows more are left in it" in " ".join(mind.health().incidents)
    for _ in range(2):
        with pytest.raises(te.UpgradeFailedError, match=r"of 3 rows .* copy rollback/.*mind\.upgrade\.commit\(\)"):
            te.rollback(path)
    with te.open(path) as mind:
        assert mind.check() == []
        mind.upgrade.commit()
    assert te.rollback(path, to=1).succeeded
    assert list(read_flat(path)) == [b"sensory:n3"]


def test_words_of_before_do_not_take_the_name_of_what_was_said_since(tmp_path: Path) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        first = mind.remember("first", key="sensory:host")
    te.rollback(path, to=1)
    with te.open(path) as mind:
        ids = [mind.revise("sensory:host", text=text) for text in ("then", "last")]
    lose(path, first, ids[0])
    with te.open(path) as mind:
        assert mind["sensory:host"].text == "last"
        assert "1 rows more are left in it" in " ".join(mind.health().incidents)
    with pytest.raises(te.UpgradeFailedError, match="of 1 rows"):
        te.rollback(path)


def test_the_way_back_brings_what_an_earlier_salvage_had_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mind"
    with te.open(path) as mind:
        ids = [mind.remember(f"note {n}", key=f"sensory:n{n}" if n % 2 else None) for n in range(4)]
    te.rollback(path, to=1)
    te.open(path).close()
    lose(path, *ids[:3])
    with monkeypatch.context() as patch:
        patch.setattr(regain, "regain", lambda store: 0)
        patch.setattr("thoughtengine.lifting.regain", lambda store: 0)
        with te.open(path) as mind:
            assert len(mind) == 1
    assert te.rollback(path).succeeded
    said = sorted(json.loads(value)["raw"] for value in read_flat(path).values())
    assert said == [f"note {n}" for n in range(4)]


def test_of_a_sealed_copy_that_is_damaged_too_what_can_be_read_comes_back(merged: Path, tmp_path: Path) -> None:
    path = shutil.copytree(merged, tmp_path / "mind")
    rows = sealed(path, tmp_path / "whole")
    for folder in ("gen-*", "rollback/*"):
        table = largest(path.glob(folder))
        data = bytearray(table.read_bytes())
        data[len(data) // 2] ^= 1
        table.write_bytes(data)
    with te.open(path) as mind:
        assert mind.check()
    with te.open(path) as mind:
        assert "is damaged too" in " ".join(mind.health().incidents)
        there = texts(mind)
        assert [found.kind for found in mind.check()] == ["rollback point"]
    assert len(there) > len(rows) / 2
    assert te.rollback(path).succeeded
