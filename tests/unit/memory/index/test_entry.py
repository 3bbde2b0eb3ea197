import datetime as dt
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.indexes import NOON, entry
from thoughtengine.memory.index.analysis import ANALYSIS, LABELS, TERMS, terms_of_text
from thoughtengine.memory.index.entry import Entry, date_words


def hashes(data: bytes) -> list[int]:
    return memoryview(data).cast("Q").tolist()


def test_an_entry_holds_stems_and_how_often_they_occur() -> None:
    made = entry("Hiking, hikes and tea", source="Dana Smith", episode="lunch", kind="note", tags=("work", "été"))
    assert made.analysis == ANALYSIS
    assert made.length == 4
    assert hashes(made.terms) == sorted(TERMS[word] for word in ("hike", "and", "tea"))
    assert dict(zip(hashes(made.terms), made.counts, strict=True))[TERMS["hike"]] == 2
    assert (made.layer, made.source, made.episode, made.kind, made.tags) == (
        0,
        "Dana Smith",
        "lunch",
        "note",
        ("work", "été"),
    )


def test_labels_are_the_words_of_source_tags_and_day() -> None:
    made = entry("tea", at="2023-05-08T23:30:00-04:00", source="Dana", tags=("at work",))
    assert set(hashes(made.labels)) == {LABELS[w] for w in ("monday", "8", "may", "2023", "dana", "at", "work")}


def test_the_day_is_the_local_one() -> None:
    east = entry(at="2023-05-09T00:30:00+09:00")
    assert set(hashes(east.labels)) == {LABELS[w] for w in ("tuesday", "9", "may", "2023")}


def test_without_a_text_there_are_labels_only() -> None:
    made = entry(tags=("work",), payload={"secret": "words"})
    assert (made.length, made.terms, made.counts, made.fold) == (0, b"", b"", 0)
    assert LABELS["work"] in hashes(made.labels)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (("Tea,  please!", "Dana"), ("tea, please", "Dana"), True),
        (("Tea, please!", "Dana"), ("tea please", "Dana"), False),
        (("tea\nplease", None), ("tea please", None), True),
        (("tea", "Dana"), ("tea", "Bob"), False),
        (("tea", "Dana"), ("tea", None), False),
        (("Oh, tea!", "Dana"), ("tea", "Dana"), False),
        (("tea", "Dana"), ("tea?", "Dana"), False),
        (("😀", None), ("😡", None), False),
        (("3.5 cups", None), ("3 5 cups", None), False),
    ],
)
def test_a_fold_tells_exact_repeats(one: tuple[str, str | None], other: tuple[str, str | None], alike: bool) -> None:
    folds = [entry(text, source=source).fold for text, source in (one, other)]
    assert (folds[0] == folds[1]) is alike
    assert all(folds)


def test_only_layers_that_hold_experiences_share_a_fold() -> None:
    made = {layer: entry("tea", layer=layer).fold for layer in ("sensory", "emotion", "logic", "dream", "eternal")}
    assert made["sensory"] == made["eternal"]
    assert len(set(made.values())) == 4
    assert entry("tea", layer="dream").fold == made["dream"]


def test_counts_stop_at_one_byte() -> None:
    made = entry("tea " * 300)
    assert (made.length, list(made.counts)) == (300, [255])


@given(st.text(), st.one_of(st.none(), st.text(min_size=1)), st.lists(st.text(min_size=1), max_size=3))
def test_any_text_gives_a_sound_entry(text: str, source: str | None, tags: list[str]) -> None:
    made = entry(text, source=source, tags=tags)
    found, terms, language = terms_of_text(text)
    expected = Counter(terms)
    assert hashes(made.terms) == sorted(expected)
    assert dict(zip(hashes(made.terms), made.counts, strict=True)) == {key: min(n, 255) for key, n in expected.items()}
    assert (made.length, made.language) == (len(found), language)
    assert hashes(made.labels) == sorted(set(hashes(made.labels)))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Entry) == made


@given(st.integers(-800_000, 3_000_000))
def test_date_words_are_those_of_the_calendar(day: int) -> None:
    try:
        date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
    except OverflowError:
        assert date_words(day) == ()
    else:
        assert date_words(day) == (
            date.strftime("%A").lower(), str(date.day), date.strftime("%B").lower(), str(date.year),
        )  # fmt: skip


def test_a_day_outside_the_calendar_has_no_words() -> None:
    assert date_words(10**9) == date_words(-(10**9)) == ()
    assert hashes(entry("tea", at=NOON * 10**4).labels) == []


def test_marks_without_end_are_read_in_one_pass_and_tell_repeats_apart() -> None:
    marks = "e" + "\u0301\u0327" * 100_000
    assert entry(marks).fold == entry(marks).fold
    assert entry(marks).fold != entry(marks + "\u0301").fold
