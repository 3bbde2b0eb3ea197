"""Evidence in conversations: `benchmarks.quality.conversations` on a conversation of three turns."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import thoughtengine as te
from benchmarks.peers.thoughtengine import channels
from benchmarks.quality import conversations

TURNS = [
    {"id": "a", "episode": "1", "at": "2023-05-08T13:56:00+00:00", "source": "Dana", "text": "I gave up coffee."},
    {
        "id": "b",
        "episode": "1",
        "at": "2023-05-08T13:57:00+00:00",
        "source": "Bob",
        "text": "Look!",
        "caption": "a red canoe",
    },
    {"id": "c", "episode": "2", "at": "2023-06-01T09:00:00+00:00", "source": "Dana", "text": "We moved to Lisbon."},
]
QUESTIONS = [
    {"question": "Who gave up coffee?", "category": 1, "evidence": ["a"]},
    {"question": "What colour is the canoe?", "category": 4, "evidence": ["b"]},
    {"question": "When did Bob buy a horse?", "category": 5, "evidence": ["b"]},
    {"question": "Nobody knows", "category": 2, "evidence": ["not there"]},
]


@pytest.fixture
def conversation(tmp_path: Path) -> conversations.Conversation:
    path = tmp_path / "three.json"
    path.write_text(json.dumps({"turns": TURNS, "questions": QUESTIONS}), encoding="utf-8")
    return conversations.read(path)


def test_a_file_is_read(conversation: conversations.Conversation) -> None:
    assert conversation.turns[1].text == "Look! [a red canoe]"
    assert [question.evidence for question in conversation.questions] == [{0}, {1}, {1}]


class Letters:
    """An encoder that counts letters."""

    name, dimension, fingerprint = "letters", 26, "letters-1"

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how often each letter occurs."""
        return np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts], np.float32) + 0.01


def test_every_contestant_has_its_row(conversation: conversations.Conversation) -> None:
    rows = {row[0]: row[1:] for row in conversations.rows([conversation])}
    n_ours = 3 + len(channels())
    assert len(rows) == n_ours + len(conversations.RIVALS)
    assert rows["thoughtengine"][0] == rows["plain BM25 over text"][0] == "100.0"
    assert rows["newest first"][0] == "0.0"


def test_channels_are_those_that_the_settings_know() -> None:
    assert {"text", "dense", "time", "neighbours"} <= set(channels())
    assert "k1" not in channels()
    assert te.RecallConfig(off=channels()).off == channels()


def test_meaning_alone_finds_something_with_an_encoder_only(
    conversation: conversations.Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(te.encoders, "letters", Letters, raising=False)
    rows = {row[0]: row[1:] for row in conversations.rows([conversation], with_rivals=False)}
    encoder = conversations.encoder_named("letters")
    encoded = {row[0]: row[1:] for row in conversations.rows([conversation], encoder=encoder, with_rivals=False)}
    assert (rows["- dense alone"][3], encoded["- dense alone"][3]) == ("0.0", "100.0")


@pytest.mark.parametrize("name", ["nothing_of_that_name", "encode", "Path"])
def test_an_encoder_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=name):
        conversations.encoder_named(name)


def test_each_kind_has_its_goals() -> None:
    files = [Path("locomo-1.json"), Path("beam-1.json"), Path("locomo-2.json")]
    assert conversations.kinds(files) == {"locomo": [files[0], files[2]], "beam": [files[1]]}
    row = ["thoughtengine", *["50.0"] * 4, "45.0", "50.0", "-"]
    blind = ["- without dense", *["50.0"] * 4, "42.0", "50.0", "-"]
    assert conversations.judged("beam", [row, blind], encoded=True) == [
        "- without dense, R@10: 42.0, goal at least 42: reached",
        "thoughtengine, R@10: 45.0, goal at least 48: missed",
    ]
    assert conversations.judged("another kind", [row], encoded=False) == []
