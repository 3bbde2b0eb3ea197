"""JSON is walked value by value; where pieces of the file end changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.adapters import elements, intake
from thoughtengine.adapters.elements import Elements
from thoughtengine.adapters.intake import Reading
from thoughtengine.errors import ImportFormatError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def opened(folder: Path, text: str) -> Elements:
    file = folder / "foreign.json"
    file.write_text(text, encoding="utf-8")
    return Elements(file, Reading())


def walk(found: Elements) -> Any:
    """Rebuild a value by walking into it as deep as it goes."""
    token = found.peek()
    if token == "[":
        return [walk(found) for _ in found.items()]
    if token == "{":
        return {key: walk(found) for key in found.fields()}
    return found.value()


@given(value=VALUES, size=st.integers(1, 9), indent=st.sampled_from([None, 2]))
def test_walking_rebuilds_the_value(
    tmp_path_factory: pytest.TempPathFactory, value: Any, size: int, indent: int | None
) -> None:
    folder = tmp_path_factory.mktemp("walk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "CHUNK_BYTES", size)
        patch.setattr(elements, "CHUNK_BYTES", size)
        text = json.dumps(value, indent=indent, ensure_ascii=False)
        found = opened(folder, text)
        assert walk(found) == json.loads(text)
        assert found.peek() == ""
        assert opened(folder, text).value() == json.loads(text)


def test_values_may_follow_each_other(tmp_path: Path) -> None:
    found = opened(tmp_path, '{"a": 1}\n{"a": 2}\n')
    assert [found.value(), found.value(), found.peek()] == [{"a": 1}, {"a": 2}, ""]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[\n1,\n2\n3]", "line 4"),
        ('[\n{"a": 1},\n{"a": nope}]', "line 3"),
        ('[\n{"a": 1},\n', "line 3"),
        ('[\n"open', "line 2"),
        ("", "line 1"),
        ("nope", "line 1"),
        ('{"a" 1}', "line 1"),
        ("{1: 2}", "line 1"),
    ],
)
def test_what_is_no_json_is_named_by_its_line(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(ImportFormatError) as caught:
        walk(opened(tmp_path, text))
    assert caught.value.where == where


def test_deep_nesting_and_endless_numbers_are_typed_errors(tmp_path: Path) -> None:
    for text in ("[" * 100_000, "9" * 5_000):
        with pytest.raises(ImportFormatError):
            opened(tmp_path, text).value()


def test_a_value_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "VALUE_CHARACTERS", 1000)
    monkeypatch.setattr(elements, "CHUNK_BYTES", 100)
    monkeypatch.setattr(intake, "CHUNK_BYTES", 100)
    with pytest.raises(ImportFormatError, match="over 1,000 characters"):
        opened(tmp_path, json.dumps("x" * 5000)).value()
