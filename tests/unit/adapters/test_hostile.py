"""Whatever bytes an importer is given, it yields experiences or raises a typed error."""

import contextlib
import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoughtengine import adapters
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.experience import Experience

FORMS = sorted(adapters.FORMS.keys() - {"export", "git"})
ROW = {"id": 1, "layer": "sensory", "text": "x", "at": "2024-03-05T14:10:00Z", "derived_from": [], "supersedes": None}
TURN = {"id": 1, "at": "2024-03-05T14:10:00Z", "source": "a", "text": "x", "caption": "y", "episode": "z"}
SAID = {"id": 1, "type": "message", "date": "2024-03-05T14:10:00", "date_unixtime": "1709647800", "ts": "1709647800.1"}
NODE = {"id": "m", "parent": None, "children": [], "message": {"author": {"role": "user"}, "content": {"parts": ["x"]}}}
SAMPLES = [
    json.dumps(ROW),
    json.dumps({"name": "n", "turns": [TURN, TURN]}),
    json.dumps({"name": "n", "id": 1, "messages": [SAID | {"text": ["a", {"text": "b"}], "from": "x"}]}),
    json.dumps([SAID | {"text": "<@U1> &amp; <https://a|b>", "files": [{"title": "x"}]}]),
    json.dumps([{"id": "c", "title": "t", "current_node": "m", "mapping": {"m": NODE}}]),
    "---\ndate: 2024-03-05\ntags: [a]\n---\n# 2024-03-05 x\n- a\n\n```\nb\n```\nc\n===\n## 14:10 y\n\n05/13/2024: z\n",
    "[05.03.24, 14:10:22] Dana: a\nb\n3/25/24, 2:10 PM - Ben left\n",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("2024-03-05T14:10:00Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                sorted({*ROW, *TURN, *SAID, *NODE, "messages", "turns", "mapping", "chats", "list", "role", "content"})
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Take a good file, and cut, repeat or overwrite a piece of it."""
    data = bytearray(draw(st.sampled_from(SAMPLES)).encode())
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + 12)))
        data[begin:end] = draw(
            st.binary(max_size=4) | st.just(bytes(data[begin:end]) * 2) | st.sampled_from([b'"', b"{", b"\n"])
        )
    return bytes(data)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60)
@given(data=mutated() | JSON.map(json.dumps).map(str.encode) | st.binary(max_size=60))
def test_only_typed_errors(tmp_path_factory: pytest.TempPathFactory, form: str, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "hostile" / ("2024-03-05.json" if form == "slack" else "hostile.md")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    with contextlib.suppress(InvalidArgumentError):
        for experience in adapters.read(file, form=form, timezone=dt.UTC):
            assert isinstance(experience, Experience)
            assert experience.at is None or isinstance(experience.at, dt.datetime)
            assert experience.at is None or experience.at.utcoffset() is not None


@settings(max_examples=100)
@given(data=mutated() | st.binary(max_size=60))
def test_the_form_of_anything_is_told_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "hostile.txt"
    file.write_bytes(data)
    with contextlib.suppress(InvalidArgumentError):
        assert adapters.detect(file) in adapters.FORMS
