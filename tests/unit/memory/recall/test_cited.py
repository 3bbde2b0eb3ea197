import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.indexes import entry, index_of, memory, record
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.recall.cited import cited, rarity
from thoughtengine.memory.recall.hit import Cue, Hit, Why
from thoughtengine.memory.recall.recollection import Recall


def hit(id_: int, text: str, score: float = 1.0, *, day: int = 1, **fields: Any) -> Hit:
    made = memory(id_, record(text, at=dt.datetime(2023, 5, day, 12, tzinfo=dt.UTC), **fields))
    return Hit(made, score, Why({"text": score}, memory=made))


SHOWN = [
    hit(1, "Dana moved to Lisbon with her brother Tomas.", 0.9, day=2),
    hit(2, "Dana says the flat has 3 rooms and a balcony.", 0.8, day=9),
    hit(3, "Dana moved her desk to the window.", 0.7, day=20),
]
CUE = Cue("where did Dana move?")


def surest(reply: str) -> list[int]:
    return [one.id for one in cited(reply, SHOWN, CUE, None)]


def sure(reply: str) -> dict[int, float]:
    return {one.id: one.sure for one in cited(reply, SHOWN, CUE, None)}


@pytest.mark.parametrize(
    ("reply", "id_"),
    [
        ("To Lisbon.", 1), ("Her brother came along", 1), ("It has a balcony", 2), ("3", 2), ("Next to the window.", 3),
        ("Tomás? No: TOMAS.", 1), ("on 20 May 2023", 3), ("On the 9th of May.", 2),
    ],
)  # fmt: skip
def test_rare_words_numbers_names_and_dates_tell_what_was_used(reply: str, id_: int) -> None:
    assert surest(reply)[0] == id_


def test_words_of_the_cue_and_words_that_all_share_tell_nothing() -> None:
    nothing = sure("I do not know.")
    assert sure("Where did Dana move?") == nothing
    assert max(sure("Dana moved.").values()) == max(nothing.values()) < 0.2


def test_each_sentence_speaks_for_itself() -> None:
    alone, together = (
        sure("To Lisbon."),
        sure("To Lisbon. The flat has a balcony. Bob bought a canoe in Oslo last year."),
    )
    assert together[1] == alone[1] > 0.5
    assert together[2] > 0.5
    assert together[3] < 0.2


def test_an_id_in_brackets_is_certain() -> None:
    assert sure("She put it at the window [3].")[3] == 1.0
    assert {id_ for id_, chance in sure("So [1, 3] and [99].").items() if chance == 1.0} == {1, 3}
    assert sure("[3]")[1] < 0.2
    assert 2 not in {id_ for id_, chance in sure("It has 2 of (2) them.").items() if chance == 1.0}
    assert {id_ for id_, chance in sure("So [1-3; 99 \u2013 100].").items() if chance == 1.0} == {1, 2, 3}


def test_a_long_text_is_read_to_its_end() -> None:
    told = "The boiler was mended by Otto for 40 euros."
    short, long = hit(4, told, 0.7), hit(4, "We spoke about the weather. " * 9_000 + told, 0.7)
    once, again = (cited("By Otto, for 40 euros.", [*SHOWN, one], CUE, None)[0] for one in (short, long))
    assert (again.id, again.sure, again.words) == (4, once.sure, once.words)


GIBBERISH = " ".join(f"zor{i}k" for i in range(40))


@pytest.mark.parametrize(
    "text",
    [
        "Bob owes me forty euros for the concert tickets.",
        "I like milk.",
        "The rent is 500.",
        GIBBERISH,
        "猫が好きだ。",
        "हम सब घर पर है!",
    ],
)
@pytest.mark.parametrize(
    "reply",
    ["{}", "“{}”", 'As you said: "{}" Is that so?', "Yes. {}\nI do not know more.", "(**{}**)", "I have {}, I think."],
)
def test_what_is_said_word_for_word_is_nearly_certain(text: str, reply: str) -> None:
    shown = [*SHOWN, hit(4, text, 0.01), hit(5, text + " And a canoe.", 0.01)]
    found = {one.id: one.sure for one in cited(reply.format(text), shown, CUE, lambda words: [0.01] * len(words))}
    assert 0.95 < found[4] < 1.0
    assert max(found[id_] for id_ in (1, 2, 3, 5)) < 0.5


def test_what_differs_in_a_sign_is_not_quoted() -> None:
    shown = [
        hit(1, "Dana has blood type O+.", 0.1),
        hit(2, "Dana has blood type O-.", 0.1),
        hit(3, "Dana has blood", 0.1),
    ]
    found = {one.id: one.sure for one in cited("I know: Dana has blood type O-.", shown, Cue("who?"), None)}
    assert found[2] > 0.95 > found[1]


def test_a_word_or_two_and_what_was_asked_are_no_quotation() -> None:
    shown = [hit(1, "I do.", 0.1), hit(2, "Where did Dana move?", 0.1), hit(3, "", 0.1), hit(4, "It was so.", 0.1)]
    reply = "I do. It was so cold. Where did Dana move?"
    assert max(one.sure for one in cited(reply, shown, CUE, None)) < 0.5


def test_the_words_that_speak_for_it_are_told() -> None:
    [best, *_] = cited("She and her brother Tomas went to Lisbon", SHOWN, CUE, None)
    assert set(best.words) == {"brother", "tomas", "lisbon"}
    assert repr(best) == f"Cited(id=1, sure={best.sure:.2f}, words={best.words!r})"
    assert str(best).endswith('Dana moved to Lisbon with her brother Tomas.  ["brother", "lisbon", "tomas"]')
    assert str(cited("[1]", SHOWN, CUE, None)[0]).endswith("[its id]")


def test_it_is_the_hit_that_was_shown() -> None:
    best = cited("To Lisbon.", SHOWN, CUE, None)[0]
    assert isinstance(best, Hit)
    assert (best.memory, best.score, best.why, best.n_repeats) == (SHOWN[0].memory, 0.9, SHOWN[0].why, 0)


def test_a_rarer_word_says_more() -> None:
    def rare(found: Any) -> list[float]:
        return [1.0 if word == "balcony" else 0.01 for word in found]

    assert cited("the balcony by the window", SHOWN, CUE, rare)[0].id == 2
    assert cited("the balcony by the window", SHOWN, CUE, lambda found: [1.01 - one for one in rare(found)])[0].id == 3


def test_rarity_is_by_texts_and_labels() -> None:
    entries = [
        entry("tea with milk", source="Dana"),
        entry("tea"),
        entry("tea and dana"),
        entry("coffee", source="Dana"),
    ]
    tea, milk, dana, unknown = rarity(index_of(*entries).view(), ["tea", "milk", "dana", "zebra"])
    assert 0.0 < tea < dana < milk == unknown == 1.0
    assert rarity(index_of().view(), ["tea"]) == [1.0]
    assert rarity(index_of().view(), []) == []


def test_a_recall_tells_of_those_that_are_sure_enough() -> None:
    recall = Recall("abc", tuple(SHOWN), 3, 0.0, CUE)
    assert [one.id for one in recall.cited("To Lisbon.")] == [1]
    assert [one.id for one in recall.cited("To Lisbon.", min_sure=0.0)] == surest("To Lisbon.")
    assert recall.cited("") == ()
    assert Recall("abc", (), 0, 0.0, CUE).cited("To Lisbon.") == ()


@pytest.mark.parametrize(
    "wrong", [{"reply": None}, {"reply": b"tea"}, {"reply": "x", "min_sure": 2}, {"reply": "x", "min_sure": True}]
)
def test_what_cannot_be_used_is_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        Recall("abc", tuple(SHOWN), 3, 0.0, CUE).cited(**wrong)


@given(st.text())
def test_no_reply_breaks_it(reply: str) -> None:
    found = cited(reply, SHOWN, Cue(vector=[1.0]), None)
    assert {one.id for one in found} == {1, 2, 3}
    assert np.isfinite([one.sure for one in found]).all()
    assert [one.sure for one in found] == sorted((one.sure for one in found), reverse=True)
