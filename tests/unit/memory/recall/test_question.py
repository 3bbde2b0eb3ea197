import numpy as np
import pytest

from tests.indexes import DAY, NOON, entry, index_of
from thoughtengine.memory.index.analysis import LABELS, TERMS
from thoughtengine.memory.index.view import View
from thoughtengine.memory.recall.question import Question, ask

VIEW = index_of(
    entry("tea", source="Dana Smith", at="2022-03-01T00:00:00Z"), entry("tea", source="Bob", episode="lunch")
).view()


def asked(
    text: str | None = None, *, at: tuple[int, int] | None = None, episode: str | None = None, view: View = VIEW
) -> Question:
    return ask(view, text, None, at, episode, NOON)


def test_words_are_distinct_by_stem_and_in_order() -> None:
    question = asked("Hiking and hikes, and TEA")
    assert question.words == ("hiking", "and", "tea")
    assert [term.key for term in question.terms] == [TERMS[word] for word in question.words]
    assert question.owners == (0, 1, 2)
    assert question.labels == tuple(LABELS[word] for word in question.words)


def test_of_a_long_cue_the_rarest_words_that_there_are_count() -> None:
    known = [f"w{n}" for n in range(1200)]
    index = index_of(
        *(entry(f"{' '.join(known)} {n}") for n in range(9)), entry("A xylophone", source="Zoe", tags=["attic"])
    )
    question = asked(
        " ".join([*known, *(f"never{n}" for n in range(1200)), "attic, xylophones, zoe"]), view=index.view()
    )
    assert len(question.words) == 1024
    assert question.words[-3:] == ("attic", "xylophones", "zoe")
    assert set(question.words[:-3]) < set(known)
    assert question.sources == (1,)


def test_what_a_long_cue_has_and_no_memory_counts_too_where_there_is_room() -> None:
    question = asked(" ".join(f"never{n}" for n in range(1200)) + " tea")
    assert len(question.words) == 1024
    assert question.words[0] == "never0"
    assert question.words[-1] == "tea"


def test_a_word_is_found_behind_a_megabyte() -> None:
    assert "tea" in asked("zz " * 349_000 + "tea").words


def test_a_date_adds_the_words_days_are_labelled_with() -> None:
    question = asked("tea on the 8th of Sept. 2023")
    assert question.words == ("tea", "on", "the", "8th", "of", "sept", "2023", "8", "september")
    assert len(question.terms) == 7
    assert len(question.spans) == 1


def test_a_number_that_counts_days_is_not_looked_for_among_labels() -> None:
    question = asked("tea 3 days ago")
    assert [term.key for term in question.terms] == [TERMS[word] for word in ("tea", "3", "days", "ago")]
    assert LABELS["tea"] in question.labels
    assert LABELS["3"] not in question.labels


def test_a_date_without_a_year_means_the_years_there_are() -> None:
    assert [span.start // (365 * DAY) for span in asked("in March").spans] == [52, 53, 54]


def test_one_memory_far_ahead_leaves_the_other_years_in() -> None:
    years = (1950, 1980, 2022, 2024, 9998)
    view = index_of(*(entry("tea", at=f"{year}-03-05T00:00:00Z") for year in years)).view()
    assert {1970 + round(span.start / DAY / 365.2425) for span in asked("in March", view=view).spans} >= set(years)
    (before,), (until,) = asked("before 2023", view=view).spans, asked("until 1960", view=view).spans
    assert before.start == until.start < -20 * 365 * DAY
    (since,) = asked("since March", view=view).spans
    assert (since.start - NOON) // DAY == -69  # that of this year


def test_sources_are_named_by_all_of_their_words() -> None:
    assert asked("what did Bob say?").sources == (2,)
    assert asked("what did Dana say?").sources == ()
    assert asked("Smith, Dana").sources == (1,)


def test_a_moment_is_a_span_unless_the_text_speaks_of_one() -> None:
    moment = asked("tea", at=(NOON, 3600))
    assert moment.spans[0].start == NOON  # whatever the clocks said that memories were told by
    assert not moment.by_clock
    assert asked("tea yesterday", at=(NOON, 0)).by_clock
    (day,) = asked("tea yesterday", at=(NOON, 0)).spans
    assert day.start == NOON - DAY // 2 - DAY
    assert asked("tea").spans == ()


def test_an_episode_is_a_code_none_or_unknown() -> None:
    assert [asked("tea", episode=name).episode for name in ("lunch", "dinner", None)] == [1, -1, 0]


def test_a_vector_is_brought_to_length_one() -> None:
    units = ask(VIEW, None, np.array([3e30, 4e30], np.float32), None, None, NOON).units
    assert list(units) == [VIEW.made_by]
    assert np.allclose(units[VIEW.made_by], [0.6, 0.8])
    (nothing,) = ask(VIEW, None, np.zeros(2, np.float32), None, None, NOON).units.values()
    assert not nothing.any()
    assert asked("tea").units == {}


def test_a_cue_is_seen_by_the_encoder_before_too() -> None:
    earlier = {"old": np.array([0, 0, 5], np.float32)}
    units = ask(VIEW, "tea", np.array([3, 4], np.float32), None, None, NOON, formerly=earlier).units
    assert {made_by: unit.tolist() for made_by, unit in units.items()} == {
        VIEW.made_by: [pytest.approx(0.6), pytest.approx(0.8)], "old": [0.0, 0.0, 1.0],
    }  # fmt: skip


def test_a_very_long_cue_counts_by_its_beginning() -> None:
    question = asked(" ".join(f"word{i}" for i in range(2000)))
    assert len(question.terms) == len(question.labels) == 1024


def test_nothing_is_asked_of_an_empty_view() -> None:
    assert asked("in March", view=index_of().view()).sources == ()
