import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.memory.recall.excerpt import SENTENCE_END, excerpt, n_words

LONG = (
    "First we spoke about the weather for a while. The boiler was mended on Friday by Mr. Hill! Nobody paid him.\n"
    "- the invoice came by post\n\nThen there was soup, which everybody liked a great deal more than the boiler."
)


@pytest.mark.parametrize(
    ("text", "n"), [("", 0), ("Tea only\nnow.", 3), ("élan vital", 2), ("お茶 three cups", 4), ("我们去北京", 5)]
)
def test_words_are_counted_and_characters_where_there_are_no_spaces(text: str, n: int) -> None:
    assert n_words(text) == n


@pytest.mark.parametrize(
    ("matched", "room", "cut"),
    [
        (["invoice"], 8, "… - the invoice came by post …"),
        (["mended", "boiler"], 10, "… The boiler was mended on Friday by Mr. Hill! …"),
        (["invoice", "paid"], 9, "… Nobody paid him. - the invoice came by post …"),
        (["invoice", "weather"], 15, "First we spoke about the weather for a while. … - the invoice came by post …"),
        ([], 10, "First we spoke about the weather for a while. …"),
        (["zebra"], 10, "First we spoke about the weather for a while. …"),
        (["liked"], 5, "… which everybody liked a great …"),
        (["the", "soup"], 16, "… Then there was soup, which everybody liked a great deal more than the boiler."),
    ],
)
def test_the_sentences_that_are_asked_for_stay(matched: list[str], room: int, cut: str) -> None:
    assert excerpt(LONG, matched, room) == cut


@pytest.mark.parametrize(
    "filler", ["The river runs quiet past old stone houses. ", "the river runs quiet, ", "河水静静地流过。"]
)
def test_it_is_looked_for_to_the_end_of_the_text(filler: str) -> None:
    text = filler * (200_000 // len(filler)) + "Otto won the endgame by zugzwang. " + filler * 300
    cut = excerpt(text, ["zugzwang", "endgame", "the"], 12)
    assert "endgame by zugzwang" in cut
    assert n_words(cut.replace("…", " ")) <= 12


def test_of_a_long_text_that_says_nothing_the_beginning_stays() -> None:
    assert excerpt("One two three. " + "Four five six seven. " * 9_000, ["zebra"], 5) == "One two three. …"


def test_a_word_stays_whatever_its_form() -> None:
    assert (
        excerpt("It rained. We were hiking in the hills. It rained again.", ["hike"], 6)
        == "… We were hiking in the hills. …"
    )


@given(st.text(min_size=1).filter(str.strip), st.lists(st.sampled_from(["a", "b", "tea"])), st.integers(1, 20))
def test_no_text_breaks_it_and_it_keeps_to_its_room(text: str, matched: list[str], room: int) -> None:
    assert n_words(excerpt(text, matched, room).replace("…", " ")) <= room


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One  \n\n two \r\n\tthree", ["One", "two", "three"]),
        ("\n One.\nTwo? \n Three", ["", "One.", "Two?", "Three"]),
        ("好。 \n 好", ["好。", "", "好"]),
        ("a" + " " * 1_000_000 + "b", ["a" + " " * 1_000_000 + "b"]),
    ],
)
def test_a_line_is_the_end_of_a_sentence_and_white_space_is_looked_at_once(text: str, sentences: list[str]) -> None:
    assert SENTENCE_END.split(text) == sentences
