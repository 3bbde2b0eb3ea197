import threading
import unicodedata
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from thoughtengine.memory.index import analysis, guess
from thoughtengine.memory.index.analysis import (
    ANALYSIS,
    LABELS,
    TAGS,
    TERMS,
    Memo,
    bounded,
    fold_text,
    name_term,
    stem,
    terms_of_text,
    words,
)


def test_the_identity_names_logic_stemmer_and_version() -> None:
    assert ANALYSIS.startswith("words 6, snowball ")
    assert ANALYSIS[-1].isdigit()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I gave up COFFEE in March.", ["i", "gave", "up", "coffee", "in", "march"]),
        ("Dana's tea, 3.5 cups; snake_case", ["dana's", "tea", "3", "5", "cups", "snake", "case"]),
        ("don’t — “stop”", ["don't", "stop"]),
        ("Zürich, CAFÉ, straße", ["zürich", "café", "strasse"]),
        ("Cafe\u0301", ["café"]),  # composed and decomposed are one word
        ("ﬁnance Ⅳ ｆｕｌｌ", ["finance", "iv", "full"]),
        ("İstanbul İZMİR", ["istanbul", "izmir"]),
        ("i\u0307\u0301", ["í"]),
        ("soft\u00adware", ["software"]),
        ("№4711", ["4711"]),
        ("привет, Мир", ["привет", "мир"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),  # vowel signs stay with their letters
        ("العَرَبِيَّة", ["العَرَبِيَّة"]),
        ("猫が好き", ["猫", "好", "猫が", "が好", "好き"]),
        ("茶", ["茶"]),
        ("Tokyo東京2024", ["tokyo", "東", "京", "東京", "2024"]),
        ("한국어 말", ["한국", "국어", "말"]),
        ("😀 …!?", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(fold_text(text)) == expected


MARKS = "\u0301\u0327\u05b0\u093c\u3099\uff9e\u0f73\u0344\U0001d165\u00ad"


@given(st.text(MARKS, min_size=31, max_size=200))
def test_no_more_than_thirty_marks_are_put_in_order_at_once(marks: str) -> None:
    orders = [unicodedata.combining(mark) for mark in unicodedata.normalize("NFKD", fold_text("e" + marks))]
    runs = "".join("m" if order else " " for order in orders).split()
    assert all(len(run) <= 60 for run in runs)  # a mark may come apart into two


@given(st.text(st.characters() | st.sampled_from(MARKS)))
def test_a_joiner_stands_in_long_runs_of_marks_alone(text: str) -> None:
    assert bounded(text).replace("\u034f", "") == text.replace("\u034f", "")
    assert bounded(bounded(text)) == bounded(text)
    assert bounded("é" + 30 * "\u0301") == "é" + 30 * "\u0301"


@given(st.text())
def test_case_never_matters_to_words(text: str) -> None:
    assert words(fold_text(text)) == words(fold_text(fold_text(text)))


@given(st.text(st.characters(max_codepoint=127)) | st.text("ab' -_.9\t"))
def test_ascii_takes_a_shorter_way_to_the_same_words(text: str) -> None:
    assert [*words(fold_text(text)), "é"] == words(fold_text(text + " é"))


@given(st.text("abdelo' .?9“”‘’–—…•°«»€"))
@example("l’été – “do not”")
@example("de la “casa” – el niño")
def test_typography_is_no_letter_and_no_language(text: str) -> None:
    folded = fold_text(text)
    found = terms_of_text(folded)
    with patch.object(analysis, "is_plain", str.isascii), patch.object(guess, "is_plain", str.isascii):
        assert found == terms_of_text(folded)


def test_words_of_one_stem_have_one_term() -> None:
    assert TERMS["hiking"] == TERMS["hikes"] == TERMS["hiked"]
    assert TERMS["dana's"] == TERMS["dana"]
    assert TERMS["tea"] != TERMS["team"]


def test_terms_are_the_same_on_every_machine() -> None:
    assert stem("hiking") == "hike"
    assert TERMS["hiking"] == name_term("", "hike") == 0x7CFFF7A8908E66BB
    assert LABELS["monday"] == name_term("@", "monday") == 0x83A0CB0297E32E99
    assert TAGS["work"] == name_term("#", "work") == 0x7041B65C3E89E8C1


def test_namespaces_never_meet() -> None:
    assert len({TERMS["work"], LABELS["work"], TAGS["work"], name_term("=", "work")}) == 4


def test_a_tag_is_exact_and_a_label_is_not() -> None:
    assert TAGS["Hikes"] != TAGS["hikes"]
    assert LABELS["hikes"] == LABELS["hiking"]


def test_a_very_long_word_counts_by_its_beginning() -> None:
    assert TERMS["x" * 64] == TERMS["x" * 5000]


def test_half_a_surrogate_pair_is_hashed_too() -> None:
    assert name_term("#", "\ud800") != name_term("#", "\ud801")


def test_a_memo_never_outgrows_its_size() -> None:
    calls = []
    memo = Memo(lambda n: calls.append(n) or -n, 3)
    assert [memo[n] for n in (1, 2, 3, 1, 4)] == [-1, -2, -3, -1, -4]
    assert len(memo) <= 3
    assert calls == [1, 2, 3, 4]


def test_stems_are_right_from_many_threads() -> None:
    found: list[list[str]] = []

    def work() -> None:
        found.append([stem(f"running{i}ing") + stem("hiking") for i in range(500)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one == found[0] for one in found)
    assert found[0][0].endswith("hike")
