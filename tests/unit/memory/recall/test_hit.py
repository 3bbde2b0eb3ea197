import datetime as dt
from typing import Any

import numpy as np
import pytest

from tests.indexes import memory, record
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.recall.hit import Cue, Hit, Why
from thoughtengine.memory.recall.recollection import Recall

DANA = memory(
    7,
    record("I gave up coffee in March.\nTea only now.", at="2024-03-08T14:30:00+02:00", source="Dana", tags=("diet",)),
)
WHY = Why(
    {"text": 0.5, "labels": 0.125, "neighbours": 0.25, "source": 0.0625},
    words=("coffee", "dana", "rum", "march"), memory=DANA, beside=1,
)  # fmt: skip
HIT = Hit(DANA, 0.9375, WHY, 2)
RECALL = Recall("abc", (HIT, Hit(DANA, 0.5, Why({"dense": 0.5}))), 12, 0.0015, Cue("coffee"), 400)


def test_a_cue_holds_what_it_was_given() -> None:
    cue = Cue("tea", vector=[1, 2], at="2024-05-08T12:00:00+02:00", episode="lunch")
    assert (cue.text, cue.episode) == ("tea", "lunch")
    assert cue.at == dt.datetime(2024, 5, 8, 10, tzinfo=dt.UTC)
    assert cue.vector is not None
    assert cue.vector.dtype == np.float32
    assert cue == Cue("tea", vector=[1, 2], at="2024-05-08T12:00:00+02:00", episode="lunch")
    assert cue != Cue("tea", vector=[1, 3], at="2024-05-08T12:00:00+02:00", episode="lunch")


def test_a_cue_cannot_be_changed_from_outside() -> None:
    mine = np.ones(2, np.float32)
    cue = Cue(vector=mine)
    mine[0] = 9
    assert cue.vector is not None
    assert cue.vector.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        cue.vector[0] = 9
    with pytest.raises(AttributeError):
        cue.text = "milk"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("parts", "argument"),
    [
        ({}, "cue"), ({"text": ""}, "text"), ({"text": " \n"}, "text"), ({"text": 3}, "text"), ({"text": b"tea"}, "text"),
        ({"text": "x" * (1 + (16 << 20))}, "text"),
        ({"vector": []}, "vector"), ({"vector": [[1.0]]}, "vector"), ({"vector": "tea"}, "vector"),
        ({"vector": [float("nan")]}, "vector"), ({"vector": [1e300]}, "vector"), ({"vector": 1.0}, "vector"),
        ({"vector": [1, "a"]}, "vector"), ({"vector": [0.0, 0.0]}, "vector"), ({"vector": [1j]}, "vector"),
        ({"at": dt.datetime(2024, 5, 8)}, "at"), ({"at": "soon"}, "at"), ({"at": 5}, "at"),
        ({"episode": 5}, "episode"), ({"episode": ""}, "episode"),
    ],
)  # fmt: skip
def test_a_cue_that_cannot_be_used_is_told(parts: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        Cue(**parts)
    assert raised.value.argument == argument


def test_why_is_a_mapping_and_a_sentence() -> None:
    assert dict(WHY) == {"text": 0.5, "labels": 0.125, "neighbours": 0.25, "source": 0.0625}
    assert sum(WHY.values()) == HIT.score
    assert len(WHY) == 4
    assert "dense" not in WHY
    assert str(WHY) == (
        'words "coffee", "march" 0.50; just before a match 0.25; source, tags or date "dana", "march" 0.12; from Dana 0.06'
    )
    assert repr(WHY) == "Why(text=0.5, labels=0.125, neighbours=0.25, source=0.0625)"


def test_why_names_words_by_their_stems() -> None:
    why = Why({"text": 1.0}, words=("giving", "teas"), memory=DANA)
    assert why.matched == ("teas",)
    assert Why({"labels": 1.0}, words=("diets", "friday", "8", "9"), memory=DANA).labelled == ("diets", "friday", "8")


@pytest.mark.parametrize(
    ("channel", "phrase"),
    [
        ("dense", "meaning 1.00"), ("dense_weighted", "meaning of the rarer words 1.00"),
        ("time", "around that time 1.00"), ("episode", "same episode 1.00"),
        ("revision", "replaces a match 1.00"), ("neighbours", "beside a match 1.00"), ("text", "words 1.00"),
    ],
)  # fmt: skip
def test_why_without_a_memory_still_speaks(channel: str, phrase: str) -> None:
    assert str(Why({channel: 1.0})) == phrase


def test_a_hit_shows_its_memory() -> None:
    assert (HIT.id, HIT.text, HIT.at, HIT.source, HIT.n_repeats) == (7, DANA.text, DANA.at, "Dana", 2)
    assert repr(HIT) == "Hit(id=7, score=0.938, chance=0.00, text='I gave up coffee in March. Tea only now.')"
    assert str(HIT).startswith(
        "2024-03-08 14:30 Dana: I gave up coffee in March. Tea only now. (and 2 repeats)  [words "
    )


def test_a_hit_shows_its_chance() -> None:
    assert "?  37 %  [" in str(Hit(memory(1, record("Coffee?")), 1.0, Why({"text": 1.0}), chance=0.37))


def test_a_long_text_is_shown_on_one_line() -> None:
    shown = str(Hit(memory(1, record("word\n" * 1000)), 1.0, Why({"text": 1.0})))
    assert "\n" not in shown
    assert "…" in shown
    assert len(shown) < 250


@pytest.mark.parametrize(
    ("fields", "shown"),
    [({"tags": ("a", "b")}, "a b"), ({"payload": 1, "kind": "acme.note"}, "<acme.note>"), ({}, "<payload>")],
)
def test_a_memory_without_a_text_is_shown_too(fields: dict[str, Any], shown: str) -> None:
    assert shown in str(Hit(memory(1, record(**fields)), 1.0, Why({"dense": 1.0})))


def test_a_recall_is_a_sequence() -> None:
    assert len(RECALL) == 2
    assert RECALL[0] is HIT
    assert RECALL[-1].score == 0.5
    assert RECALL[:1] == (HIT,)
    assert list(RECALL) == list(RECALL.hits)
    assert HIT in RECALL
    assert RECALL.index(HIT) == 0
    assert bool(RECALL)
    with pytest.raises(IndexError):
        RECALL[2]


def test_a_recall_is_printed_one_line_a_hit() -> None:
    assert str(RECALL) == f"{HIT}\n{RECALL[1]}"
    assert repr(RECALL) == "Recall(2 of 12 candidates, fits=0.00, 1.50 ms, id='abc')"


def test_an_empty_recall_says_so() -> None:
    empty = Recall("abc", (), 0, 0.001, Cue("coffee"), 400)
    assert not empty
    assert str(empty) == "nothing found among 400 memories"
