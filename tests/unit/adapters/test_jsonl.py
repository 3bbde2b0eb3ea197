"""JSON lines become experiences; what is unknown is kept and told, what is wrong is named by its line."""

import datetime as dt
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.jsonl import read, tree_from_json, tree_to_json
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Affect, Experience

UTC = Reading(timezone=dt.UTC)
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "$bytes", "$$bytes", "$$$bytes", "$", "bytes"]), inner, max_size=3)
    ),
    max_leaves=10,
)


def given_lines(folder: Path, *rows: object) -> list[Experience]:
    file = folder / "rows.jsonl"
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    file.write_text(text, encoding="utf-8")
    return list(read(file, UTC))


def test_every_field(tmp_path: Path) -> None:
    [found] = given_lines(
        tmp_path,
        {
            "text": "Tea only now.",
            "key": "note-1",
            "at": "2024-03-05T14:10:00+01:00",
            "source": "Dana",
            "tags": ["drink", "habit"],
            "episode": "march",
            "affect": [0.5, 0.25],
            "vector": [1, 0.5],
            "payload": {"cups": 2, "raw": {"$bytes": "AAE="}},
            "kind": "acme.note",
            "layer": "logic",
            "derived_from": [3],
        },
    )
    assert found.text == "Tea only now."
    assert found.key == "note-1"
    assert found.at == dt.datetime.fromisoformat("2024-03-05T14:10:00+01:00")
    assert (found.source, found.tags, found.episode) == ("Dana", ("drink", "habit"), "march")
    assert found.affect == Affect(0.5, 0.25)
    assert found.vector == [1, 0.5]
    assert found.payload == {"cups": 2, "raw": b"\x00\x01"}
    assert (found.kind, found.layer, found.derived_from) == ("acme.note", "logic", [3])


def test_the_form_of_the_diary(tmp_path: Path) -> None:
    first, second = given_lines(
        tmp_path,
        {"at": "1660-01-11", "label": "Jan. 1st (Lord’s day)", "text": "Blessed be God."},
        {"at": "1660-01-12", "label": " ", "text": "To the office."},
    )
    assert isinstance(first.at, dt.datetime)
    assert first.at.isoformat() == "1660-01-11T12:00:00+00:00"
    assert first.tags == ("Jan. 1st (Lord’s day)",)
    assert second.tags == ()


def test_unknown_fields_go_into_the_payload_and_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="thoughtengine"):
        rows = given_lines(
            tmp_path,
            {"text": "a", "mood": "fine", "n": 1},
            {"text": "b", "mood": "low"},
            {"text": "c", "payload": {"x": 1}, "weather": None},
        )
    assert [row.payload for row in rows] == [{"mood": "fine", "n": 1}, {"mood": "low"}, {"x": 1, "weather": None}]
    assert [record.getMessage() for record in caplog.records] == [
        "rows.jsonl, line 1: kept in the payload: mood, n",
        "rows.jsonl, line 3: kept in the payload: weather",
    ]


def test_absent_null_and_blank_lines(tmp_path: Path) -> None:
    rows = given_lines(tmp_path, "", {"text": "a", "source": None, "tags": None}, "  ", {"text": " ", "tags": "x"}, "")
    assert [(row.text, row.source, row.tags) for row in rows] == [("a", None, ()), (None, None, ("x",))]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "JSON object"),
        ("[1]", "JSON object"),
        ("17", "JSON object"),
        ({"text": 7}, "text: expected text"),
        ({"text": "x", "tags": ["a", "b", 1]}, "tags: expected a list"),
        ({"text": "x", "at": "soon"}, "at: expected a date"),
        ({"text": "x", "at": "05/03/2024"}, "--day-first"),
        ({"text": "x", "affect": [2, 0]}, "valence"),
        ({"text": "x", "affect": 0.5}, "affect: expected"),
        ({"text": "x", "vector": [1, "2"]}, "vector: expected a list of numbers"),
        ({"text": "x", "payload": {"$bytes": "not base64!"}}, "base64"),
        ({"text": "x", "payload": {"a": 1}, "a": 2}, "no room"),
        ({"text": ""}, "at least one"),
        ({"source": "Dana"}, "at least one"),
        ({"txt": "a", "who": "b"}, "at least one of text, tags, vector and payload.*the fields are txt, who"),
        ({"txt": "a", "tags": []}, "at least one"),
        ('{"text": b}', "Expecting value at character 10; given"),
        ("[" * 5_000, "JSON object"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, bad: object, message: str) -> None:
    with pytest.raises(ImportFormatError, match=message) as caught:
        given_lines(tmp_path, {"text": "fine"}, "", bad)
    assert caught.value.where == "line 3"
    assert "rows.jsonl, line 3" in str(caught.value)


@given(tree=TREES)
def test_payloads_survive_json(tree: Any) -> None:
    there = json.dumps(tree_to_json(tree), allow_nan=False)
    back = tree_from_json(json.loads(there))
    assert back == tree
    assert repr(back) == repr(tree)
