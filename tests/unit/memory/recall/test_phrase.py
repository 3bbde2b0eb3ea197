import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import thoughtengine as te
from thoughtengine.memory.recall.phrase import phrases_in

NOON = dt.datetime(2024, 5, 8, 12, tzinfo=dt.UTC)
PLAIN = te.Config(recall=te.RecallConfig(off=("phrase",)))


@pytest.fixture
def mind(tmp_path: Path) -> te.ThoughtEngine:
    return te.open(tmp_path / "mind", clock=lambda: NOON)


def test_pairs_are_told_apart_from_quotations() -> None:
    found = phrases_in('Who said «red canoe», “tea” or ""?')
    assert found.pairs == (" who said ", " said red ", " red canoe ", " canoe tea ", " tea or ")
    assert found.quoted == (" red canoe ", " tea ")


@pytest.mark.parametrize(
    ("cue", "text", "share"),
    [
        ("the red canoe", "The red canoe.", 1.0),
        ("the red canoe", "\x01The\x00red\x1fcanoe\x7f", 1.0),  # what nobody sees is no part of a word
        ("the red canoe", "the\x85red\u2028canoe\u2029", 1.0),
        ("the red canoe", "a canoe, red, the", 0.0),
        ("the red canoe", "the red-canoe club", 1.0),
        ("red canoe", "tired canoe", 0.0),  # whole words
        ("tea", "tea", 0.0),  # one word is no sequence
        ('"tea"', "TEA!", 5.0),
        ("", "tea", 0.0),
        ("the red canoe", "the 'red canoe'", 1.0),
        ("the red canoe", "the ‘red canoe’", 1.0),
        ("'the red canoe", "The ''red'' canoe!", 1.0),
        ("dana's red canoe", "'Dana’s red' canoe", 1.0),
        ('"dogs\' bowl"', "the dogs bowl", 6.0),  # one at the edge of a word may be a quotation mark
        ('"tea"', "my tea's cold", 0.0),
        ("'tea'", "'tea' it says", 5.0),
        ('"cafe creme"', "Un café crème, Marie!", 6.0),
        ('"café crème"', "un cafe creme", 6.0),
        ('"KAPIYI"', "kapıyı", 5.0),
        ('"soren kobte"', "Søren købte to bøger", 6.0),
        ('"mon cœur"', "MON COEUR", 6.0),
        ('"каи"', "кай", 0.0),  # a letter of its own
        ('"はは"', "ばば", 0.0),
        ('"红色的船"', "昨天买了一条红色的船。", 5.0),
        ("「红色的船」", "昨天买了一条红色的船。", 5.0),
        ("『赤い船』", "昨日、赤い船を買った。", 5.0),
        ('"Tokyo東京"', "私はTokyo東京に", 5.0),
        ('"เรือสีแดง"', "ฉันซื้อเรือสีแดงที่ตลาด", 5.0),
        ('"빨간 배"', "빨간 배를 샀다", 5.0),
    ],
)
def test_share(cue: str, text: str, share: float) -> None:
    assert phrases_in(cue).shares([text])[0] == pytest.approx(share)


@pytest.mark.parametrize(
    "cue",
    [
        "'{}'", "‘{}’", "‚{}‘", "‹{}›", '"{}"', "“{}”", "„{}“", "„{}”", "«{}»", "»{}«", "« {} »", "「{}」", "『{}』", "”{}”",
        "＂{}＂", "《{}》", "〈{}〉", "❝{}❞", "〝{}〞", "〝{}〟", "｢{}｣",
    ],
)  # fmt: skip
def test_how_a_quotation_is_typed(cue: str) -> None:
    for quoted in ("red canoe", "don't stop", "don’t stop"):
        phrases = phrases_in(f"who said {cue.format(quoted)}?")
        assert phrases.quoted == (f" {quoted.replace('’', chr(39))} ",)
        assert phrases.shares([f"Dana ({cue.format(quoted)})"])[0] >= 5.0


@pytest.mark.parametrize(
    "cue",
    [
        "the dogs' bowl, the cats' food", "It's Dana's", "rock 'n' roll", "'twas in '95", "6' x 4'", "a 6” pipe, an 8” pipe",
        "the ``canoe´´ and `tea`",
    ],
)  # fmt: skip
def test_an_apostrophe_is_no_quotation(cue: str) -> None:
    assert phrases_in(cue).quoted == ()


def test_a_quotation_is_looked_for_far_into_cue_and_text() -> None:
    far = phrases_in("hm " * 30_000 + '"red canoe"')
    assert far.quoted == (" red canoe ",)
    assert far.shares(["some words " * 5_000 + "red canoe"]) == [5.0]
    assert far.shares(["some words " * 6_000 + "red canoe"]) == [0.0]
    many = ["some words " * 6_000] * 70
    assert far.shares([*many, "tea " * 2_000 + "red canoe", "tea " * 999 + "red canoe"])[-2:] == [0.0, 5.0]


@pytest.mark.parametrize("mark", "\"'“„‘«»「『”＂《〈❝〝｢")
def test_marks_that_are_never_closed_are_read_once(mark: str) -> None:
    assert len(phrases_in(f"{mark}a " * 200_000 + mark).quoted) <= 512


def test_what_is_quoted_within_a_quotation_ends_at_its_own_marks() -> None:
    assert phrases_in("“he said “red canoe” to me” and then “tea”").quoted == (" red canoe ", " tea ")
    assert phrases_in("”röd kanot”, sade Dana, ”te.” och ”kaffe”").quoted == (" rod kanot ", " te ", " kaffe ")


@given(st.text(alphabet=st.characters(max_codepoint=127) | st.sampled_from("é—“”"), max_size=40))
def test_plain_text_is_read_as_any_other(text: str) -> None:
    phrases = phrases_in("the red canoe")
    assert phrases.shares([text]) == phrases.shares([text + " é"])


@given(st.text("ab '\u2028\0😀", max_size=9), st.lists(st.text("ab '\u2028\0😀", max_size=9), max_size=4))
def test_the_share_of_a_text_is_its_own(cue: str, texts: list[str]) -> None:
    for phrases in (phrases_in(cue), phrases_in(f'"{cue}"')):
        assert phrases.shares(texts) == [phrases.shares([text])[0] for text in texts]


@given(st.text(), st.text())
def test_any_text_has_a_share_of_any_cue(cue: str, text: str) -> None:
    assert 0.0 <= phrases_in(cue).shares([text])[0] <= 6.0
    whole = phrases_in(cue)
    assert not whole.pairs or whole.shares([cue])[0] >= 1.0


def test_words_in_the_order_of_the_cue_are_found_first(mind: te.ThoughtEngine) -> None:
    right = mind.remember("We took the long way home.")
    mind.remember("The way home took long.")
    hit = mind.recall("the long way home")[0]
    assert hit.id == right
    assert "phrase" in hit.why
    assert "word for word" in str(hit.why)
    assert sum(hit.why.values()) == pytest.approx(hit.score)


def test_a_quotation_wins_over_everything_else(mind: te.ThoughtEngine) -> None:
    quoted = mind.remember("Somebody wrote happy new year on the wall, nobody knows who, and it was never cleaned.")
    for text in ("Happy in the new house this year", "A new year, happy me"):
        mind.remember(text)
    assert mind.recall('"happy new year"')[0].id == quoted


def test_what_was_replaced_keeps_its_phrase_and_stays_below(mind: te.ThoughtEngine) -> None:
    old = mind.remember("The key is under the blue pot.", key="key")
    new = mind.revise("key", "Iris has it.")
    mind.remember("Blue is the pot.")
    recall = mind.recall('"under the blue pot"')
    assert [hit.id for hit in recall][:2] == [new, old]
    assert "phrase" in recall[1].why
    assert set(recall[0].why) == {"revision"}
    assert recall[0].score == recall[1].score == pytest.approx(sum(recall[0].why.values()))


def test_every_version_says_word_for_word_what_it_says_itself(mind: te.ThoughtEngine) -> None:
    texts = ("Under the blue pot.", "The pot under blue.", "It is under the blue pot now, I think.", "Iris has it.")
    mind.remember(texts[0], key="key")
    for text in texts[1:]:
        mind.revise("key", text)
    recall = mind.recall("under the blue pot")
    assert [hit.id for hit in recall] == [4, 3, 2, 1]
    assert ["phrase" in hit.why for hit in recall] == [False, True, False, True]
    assert [hit.score for hit in recall] == sorted((hit.score for hit in recall), reverse=True)
    for hit in recall:
        assert sum(hit.why.values()) == pytest.approx(hit.score)


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    with te.open(tmp_path / "plain", config=PLAIN) as plain:
        plain.remember("the long way home")
        assert "phrase" not in plain.recall("the long way home")[0].why


def test_never_more_hits_than_asked_for(mind: te.ThoughtEngine) -> None:
    for i in range(30):
        mind.remember(f"the long way home {i}")
    assert len(mind.recall("the long way home", k=3)) == 3
    assert len(mind.recall('"long way"', k=3)) == 3


def test_what_is_quoted_is_looked_for_far_down(mind: te.ThoughtEngine) -> None:
    mind.remember_many(te.Experience(text=f"Makes it he said, number {n}.") for n in range(300))
    long = mind.remember("Where he makes it so " + " ".join(f"word{n}" for n in range(60)))
    assert long not in [hit.id for hit in mind.recall("he makes it", k=200)]
    assert mind.recall('"he makes it"', k=3)[0].id == long


def test_equal_matches_score_the_same_however_many_are_asked_for(mind: te.ThoughtEngine) -> None:
    mind.remember_many(te.Experience(text=f"blue moon {n}", source=f"s{n}") for n in range(300))
    assert len({hit.score for hit in mind.recall("blue moon", k=300)}) == 1


def test_the_best_of_one_is_the_best_of_ten(mind: te.ThoughtEngine) -> None:
    first = mind.remember("We took the long way home, Zoe.")
    for name in ("Ann", "Bob", "Cleo", "Dora", "Emil", "Finn", "Gina", "Hugo", "Ines"):
        mind.remember(f"We took the way home long, {name}.")
    ten = [(hit.id, hit.score) for hit in mind.recall("long way home")]
    assert ten[0][0] == first
    for k in (1, 2, 5, 9):
        assert [(hit.id, hit.score) for hit in mind.recall("long way home", k=k)] == ten[:k]
