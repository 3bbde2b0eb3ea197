"""What a mind exports and another takes back is the same mind."""

import io
import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import thoughtengine as te
from thoughtengine.adapters.export import restore, write
from thoughtengine.adapters.jsonl import tree_from_json

AT = "2024-03-05T14:10:00.000007-05:30"
Row = dict[str, Any]


def exported(mind: te.ThoughtEngine, file: Path) -> list[Row]:
    with file.open("w", encoding="utf-8") as stream:
        n = write(mind.export(), stream)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == n
    return rows


def taken_back(folder: Path, file: Path) -> list[Row]:
    with te.open(folder / "second") as mind:
        restore(mind, file)
        assert mind.check() == []
        return exported(mind, folder / "second.jsonl")


def test_every_field_survives(tmp_path: Path) -> None:
    with te.open(tmp_path / "first") as mind:
        mind.remember(
            "Tea only now.\u2028\x00 “x”",
            key="note",
            at=AT,
            source="Dana",
            tags=["b", "a"],
            episode="march",
            affect=te.Affect(-0.1, 1 / 3),
            vector=[0.1, -1e-30, 3.0],
            payload={"raw": b"\x00\xff", "$bytes": [1 << 63, -0.0, 1e-323, math.pi, None, True], "": {}},
            kind="acme.note",
        )
        made_of = mind.remember(tags=["only"], at=AT, layer="eternal")
        mind.remember("so it seems", layer="dream", derived_from=[1, made_of])
        mind.remember(payload=[], at="0001-01-02T00:00:00+00:00")
        rows = exported(mind, tmp_path / "first.jsonl")
    for _ in range(2):
        assert taken_back(tmp_path, tmp_path / "first.jsonl") == rows
    assert rows[0]["at"] == AT
    with te.open(tmp_path / "first") as first, te.open(tmp_path / "second") as second:
        for id_ in range(1, 5):
            assert repr(first[id_]) == repr(second[id_])
            assert repr(first[id_].payload) == repr(second[id_].payload)
        assert [row["vector"] for row in first.export()] == [row["vector"] for row in second.export()]


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("remember"), st.sampled_from([None, "k", "l"]), st.sampled_from(["a", "b"])),
        st.tuples(st.just("revise"), st.integers(0, 9), st.sampled_from(["a", "b", "c"])),
        st.tuples(st.sampled_from(["forget", "forget all", "pin"]), st.integers(0, 9), st.just("")),
        st.tuples(st.just("undo"), st.integers(0, 9), st.just("")),
    ),
    max_size=14,
)


def act(mind: te.ThoughtEngine, acts: list[tuple[str, Any, str]]) -> None:
    """Do what can be done of a list of acts."""
    receipts: list[te.Receipt] = []
    for verb, which, text in acts:
        n = len(list(mind.export()))
        if verb == "remember":
            mind.remember(text, key=which, at=AT, layer="logic" if text == "b" else "sensory")
        elif verb == "undo" and receipts:
            mind.undo(receipts.pop(which % len(receipts)))
        elif n and verb != "undo":
            try:
                id_ = which % n + 1
                if verb == "revise":
                    mind.revise(id_, text, at=AT)
                elif verb == "forget all":
                    receipts.append(mind.forget(layers="sensory" if which % 2 else "logic"))
                else:
                    receipts.append(mind.forget(id_) if verb == "forget" else mind.pin(id_))
            except te.MemoryNotFoundError:  # forgotten already
                continue


@settings(max_examples=30)
@given(acts=ACTS)
def test_whatever_was_done_survives(tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, Any, str]]) -> None:
    folder = tmp_path_factory.mktemp("export")
    with te.open(folder / "first") as mind:
        act(mind, acts)
        rows = exported(mind, folder / "first.jsonl")
    assert taken_back(folder, folder / "first.jsonl") == rows


def test_a_correction_is_forgotten_and_what_it_corrected_is_not(tmp_path: Path) -> None:
    with te.open(tmp_path / "first") as mind:
        mind.remember("Rent is 500.", source="Dana", at=AT)
        mind.revise(1, "Rent is 550.", source="Iris", at=AT)
        mind.revise(1, "Rent is 600.", source="Dana", at=AT)
        mind.revise(1, "Rent is 650.", source="Iris", at=AT)
        mind.forget(sources="Iris")
        rows = exported(mind, tmp_path / "first.jsonl")
    assert [row["forgotten"] for row in rows] == [False, True, False, True]
    assert taken_back(tmp_path, tmp_path / "first.jsonl") == rows


def test_ids_are_mapped_where_something_was_erased(tmp_path: Path) -> None:
    with te.open(tmp_path / "first") as mind:
        for n in range(4):
            mind.remember(f"number {n}")
        mind.revise(4, "number four")
        mind.remember("a thought", layer="logic", derived_from=[2, 5])
        mind.forget(1, erase=True)
        rows = exported(mind, tmp_path / "first.jsonl")
    assert [row["id"] for row in rows] == [2, 3, 4, 5, 6]
    back = taken_back(tmp_path, tmp_path / "first.jsonl")
    assert [(row["id"], row["supersedes"], row["derived_from"]) for row in back] == [
        (1, None, []),
        (2, None, []),
        (3, None, []),
        (4, 3, []),
        (5, None, [1, 4]),
    ]
    assert [row["text"] for row in back] == [row["text"] for row in rows]


def test_into_a_mind_that_holds_something(tmp_path: Path) -> None:
    with te.open(tmp_path / "first") as mind:
        mind.remember("keyed", key="k", at=AT)
        mind.revise("k", "keyed anew", at=AT)
        rows = exported(mind, tmp_path / "first.jsonl")
    with te.open(tmp_path / "second") as mind:
        mind.remember("was here before")
        assert restore(mind, tmp_path / "first.jsonl") == 2
        assert [memory.text for memory in mind.memories()] == ["was here before", "keyed", "keyed anew"]
        assert mind["k"].text == rows[1]["text"]
        assert mind[2].superseded_by == 3


@settings(max_examples=30)
@given(acts=ACTS, later=ACTS)
def test_a_second_time_only_what_is_new_is_added(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, Any, str]], later: list[tuple[str, Any, str]]
) -> None:
    folder = tmp_path_factory.mktemp("export")
    with te.open(folder / "first") as mind:
        act(mind, acts)
        rows = exported(mind, folder / "first.jsonl")
        assert restore(mind, folder / "first.jsonl") == len(rows)
        assert list(mind.export()) == list(map(as_exported, rows))
        act(mind, later)
        more = exported(mind, folder / "later.jsonl")
    for _ in range(2):
        assert taken_back(folder, folder / "first.jsonl") == rows
    for _ in range(2):
        told = taken_back(folder, folder / "later.jsonl")
        assert [row["id"] for row in told] == [row["id"] for row in more]
        assert [content(row) for row in told] == [content(row) for row in more]


def as_exported(row: Row) -> Row:
    return row | {"payload": tree_from_json(row["payload"])}


def content(row: Row) -> tuple[Any, ...]:
    return row["text"], row["key"], row["at"], row["layer"]


def test_what_the_other_mind_did_with_them_stands(tmp_path: Path) -> None:
    with te.open(tmp_path / "first") as mind:
        for text in ("Rent is 500.", "Rent is 550."):
            mind.remember(text, key="rent", at=AT)
        mind.remember("said twice", at=AT)
        mind.remember("said twice", at=AT)
        mind.forget(mind.remember("a joke", at=AT))
        mind.pin(3)
        exported(mind, tmp_path / "first.jsonl")
    with te.open(tmp_path / "second") as mind:
        restore(mind, tmp_path / "first.jsonl")
        mind.revise("rent", "Rent is 600.")
        mind.forget("rent")
        mind.forget(4)
        receipts = mind.remember("seventh")
        before = list(mind.export()), mind.pin(7).id
        restore(mind, tmp_path / "first.jsonl")
        mind.undo(before[1])
        assert list(mind.export()) == before[0]
        assert receipts == 7
        assert mind.check() == []


def test_a_revision_of_what_was_forgotten_there_comes_in_by_itself(tmp_path: Path) -> None:
    with te.open(tmp_path / "first") as first, te.open(tmp_path / "second") as second:
        first.remember("Rent is 500.", at=AT)
        first.remember("Tea.", key="drink", at=AT)
        exported(first, tmp_path / "first.jsonl")
        restore(second, tmp_path / "first.jsonl")
        second.forget(1, 2)
        first.revise(1, "Rent is 550.")
        first.forget("drink")
        first.remember("Coffee.", key="drink")
        exported(first, tmp_path / "first.jsonl")
        for _ in range(2):
            restore(second, tmp_path / "first.jsonl")
            assert [(memory.id, memory.text) for memory in second] == [(3, "Rent is 550."), (4, "Coffee.")]


GOOD = {"id": 1, "text": "x", "at": AT, "derived_from": [], "supersedes": None}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{}", "expected a row of an export"),
        (json.dumps(GOOD | {"id": "1"}), "expected a row of an export"),
        (json.dumps(GOOD | {"text": 7}), "text: expected text"),
        (json.dumps(GOOD | {"text": None}), "at least one"),
        (json.dumps(GOOD | {"layer": "nonsense"}), "layer"),
        (json.dumps(GOOD | {"id": 2, "supersedes": 1, "text": "y" * 2, "tags": [""]}), "tags"),
        (json.dumps(GOOD)[:-3], "JSON"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, bad: str, message: str) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text(f"{json.dumps(GOOD)}\n\n{bad}\n", encoding="utf-8")
    with te.open(tmp_path / "mind") as mind, pytest.raises(te.InvalidArgumentError, match=message) as caught:
        restore(mind, file)
    assert "export.jsonl, line 3" in str(caught.value)


def test_fields_of_a_later_release_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text(json.dumps(GOOD | {"mood": 1}) + "\n" + json.dumps(GOOD | {"id": 2, "mood": 1}), encoding="utf-8")
    with te.open(tmp_path / "mind") as mind, caplog.at_level(logging.WARNING, logger="thoughtengine"):
        assert restore(mind, file) == 2
        assert mind[1].payload is None
    assert [record.getMessage() for record in caplog.records] == [
        "export.jsonl, line 1: not known here and left out: mood"
    ]


def test_nothing_is_an_export_too(tmp_path: Path) -> None:
    assert write([], io.StringIO()) == 0
    file = tmp_path / "export.jsonl"
    file.touch()
    with te.open(tmp_path / "mind") as mind:
        assert restore(mind, file) == 0
        assert len(mind) == 0
