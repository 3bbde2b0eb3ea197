"""Evidence in conversations: `benchmarks.quality.conversations` on a conversation of three turns."""

import json
from pathlib import Path

import pytest

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


def test_every_contestant_has_its_row(conversation: conversations.Conversation) -> None:
    rows = {row[0]: row[1:] for row in conversations.rows([conversation])}
    n_ours = 2 + len(conversations.CHANNELS)
    assert len(rows) == n_ours + len(conversations.RIVALS)
    assert rows["thoughtengine"][0] == rows["plain BM25 over text"][0] == "100.0"
    assert rows["newest first"][0] == "0.0"
