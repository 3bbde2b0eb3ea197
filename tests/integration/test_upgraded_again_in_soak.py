"""The soak of a store that had been of this format before: what an erasure reaches, and what damage costs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import thoughtengine as te
from tests.flat import read_flat, write_flat

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
