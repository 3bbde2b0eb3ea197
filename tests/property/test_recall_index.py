"""However an index came to be, it answers the same to the last bit."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.indexes import DAY, NOON, ask, entry, same, small_parts
from thoughtengine.config import RecallConfig
from thoughtengine.memory.entry import Entry
from thoughtengine.memory.index import Index
from thoughtengine.memory.record import MarkRecord
from thoughtengine.memory.where import parse_where

Row = tuple[int, Entry, Any, MarkRecord | None]

WORDS = ("tea", "coffee", "milk", "rain", "Dana", "march", "8", "月", "the")
some_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
marks = st.one_of(
    st.none(), st.builds(MarkRecord, forgotten=st.sampled_from([(), (1,)]), pinned=st.sampled_from([(), (2,)]))
)
units = st.sampled_from([None, [1.0, 0.0], [0.6, 0.8], [-1.0, 0.5]])


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Give rows of an index, some of them repeats, revisions, hidden, pinned, or with a vector."""
    made: list[Row] = []
    id_ = 0
    for _ in range(draw(st.integers(0, 60))):
        id_ += draw(st.sampled_from([1, 1, 1, 7]))
        fields = {
            "source": draw(st.sampled_from([None, "Dana", "Bob", "Dana Smith"])),
            "episode": draw(st.sampled_from([None, "a", "b"])),
            "tags": draw(st.sampled_from([(), ("work",), ("work", "home")])),
            "at": NOON + draw(st.integers(-40, 40)) * DAY,
            "layer": draw(st.sampled_from(["sensory", "sensory", "sensory", "eternal", "dream"])),
        }
        vector = draw(units)
        made.append(
            (
                id_,
                entry(draw(st.one_of(st.none(), some_words)), **fields),
                None if vector is None else np.array(vector, np.float32),
                draw(marks),
            )
        )
    return made


def one_by_one(rows: list[Row]) -> Index:
    index = Index(RecallConfig(), 2)
    for id_, made, vector, mark in rows:
        index.add(id_, made, vector=vector, mark=mark)
    return index


def in_bulk(rows: list[Row]) -> Index:
    index = Index(RecallConfig(), 2)
    index.extend(rows)
    return index


def in_turns(rows: list[Row]) -> Index:
    index = Index(RecallConfig(), 2)
    for start in range(0, len(rows), 7):
        index.extend(rows[start : start + 5])
        for id_, made, vector, mark in rows[start + 5 : start + 7]:
            index.add(id_, made)
            if mark is not None:
                index.mark(id_, mark)
            if vector is not None:
                index.set_vector(id_, vector)
    return index


def builds(rows: list[Row]) -> list[Index]:
    """Return the same index, built in every way."""
    made = [one_by_one(rows), in_bulk(rows), in_turns(rows)]
    with small_parts(tail=4, segment=16, bulk=2):
        made += [one_by_one(rows), in_bulk(rows), in_turns(rows)]
    return made


@given(
    rows(),
    some_words,
    st.sampled_from([None, [0.3, 0.4]]),
    st.sampled_from([{}, {"tags": "work"}, {"layers": "dream"}]),
)
def test_recall(made: list[Row], cue: str, vector: list[float] | None, where: dict[str, Any]) -> None:
    answers = [ask(index, cue, vector=vector, near="a", **where) for index in builds(made)]
    assert all(same(answers[0], other) for other in answers[1:])


@given(
    rows(),
    st.sampled_from([{}, {"sources": "Dana"}, {"tags": "work"}, {"episode": "a"}, {"layers": ["dream", "eternal"]}]),
)
def test_filters(made: list[Row], where: dict[str, Any]) -> None:
    chosen = [index.view().select(parse_where(**where), NOON).tolist() for index in builds(made)]
    assert all(other == chosen[0] for other in chosen[1:])


@given(rows())
def test_every_column_and_sum(made: list[Row]) -> None:
    first, *others = (index.view() for index in builds(made))
    for view in others:
        assert (view.n, view.totals, view.states) == (first.n, first.totals, first.states)
        for name in first.columns.__slots__:
            if name != "vector":  # rows of the matrix may stand in another order
                assert (
                    getattr(view.columns, name)[: view.n].tolist() == getattr(first.columns, name)[: first.n].tolist()
                )


@given(rows(), st.integers(0, 60), some_words)
def test_a_view_is_the_index_of_its_first_memories(made: list[Row], n: int, cue: str) -> None:
    unmarked = [(id_, of, vector, None) for id_, of, vector, _ in made]
    with small_parts(tail=4, segment=16, bulk=2):
        index = in_bulk(unmarked[:n])
        early = index.view()
        for id_, of, vector, _ in unmarked[n:]:
            index.add(id_, of, vector=vector)
        expected = in_bulk(unmarked[:n])
        index._view = early
        assert same(ask(index, cue), ask(expected, cue))
