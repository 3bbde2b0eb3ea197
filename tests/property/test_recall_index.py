"""However an index came to be, it answers the same: to the last bit, or as near as the rounding of vectors lets it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from tests.indexes import DAY, NOON, ask, entry, merged, nearly, same, small_parts, with_vector
from thoughtengine.config import RecallConfig
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index import shelf as shelf_module
from thoughtengine.memory.index.index import Index, Row
from thoughtengine.memory.index.shelf import Shelf
from thoughtengine.memory.index.view import View
from thoughtengine.memory.record import MarkRecord
from thoughtengine.memory.where import parse_where

WORDS = ("tea", "coffee", "milk", "rain", "Dana", "march", "8", "月", "the")
some_words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
marks = st.one_of(
    st.none(), st.builds(MarkRecord, forgotten=st.sampled_from([(), (1,)]), pinned=st.sampled_from([(), (2,)]))
)
units = st.sampled_from([None, [1.0, 0.0], [0.6, 0.8], [-1.0, 0.5]])


@st.composite
def rows(draw: st.DrawFn, *, with_vectors: bool = True) -> list[Row]:
    """Give rows of an index, some of them repeats, revisions, hidden, pinned, or with a vector."""
    made: list[Row] = []
    id_ = 0
    for _ in range(draw(st.integers(0, 60))):
        id_ += draw(st.sampled_from([1, 1, 1, 7]))
        fields = {
            "source": draw(st.sampled_from([None, "Dana", "Bob", "Dana Smith"])),
            "episode": draw(st.sampled_from([None, "a", "b"])),
            "tags": draw(st.sampled_from([(), ("work",), ("work", "home")])),
            "at": NOON + draw(st.sampled_from([draw(st.integers(-40, 40)) * DAY, 60_000_000 * id_])),
            "layer": draw(st.sampled_from(["sensory", "sensory", "sensory", "eternal", "dream"])),
        }
        vector = draw(units) if with_vectors else None
        made.append(with_vector(id_, entry(draw(st.one_of(st.none(), some_words)), **fields), vector, draw(marks)))
    return made


def one_by_one(rows: list[Row], *, merging: bool = False) -> Index:
    index = Index(RecallConfig(), 2)
    for row in rows:
        index.add(row)
        if merging:
            merged(index)
    return index


def in_bulk(rows: list[Row]) -> Index:
    index = Index(RecallConfig(), 2)
    index.extend(rows)
    return index


def in_turns(rows: list[Row]) -> Index:
    index = Index(RecallConfig(), 2)
    for start in range(0, len(rows), 7):
        index.extend(rows[start : start + 5])
        for row in rows[start + 5 : start + 7]:
            index.add(row._replace(mark=None))
            if row.mark is not None:
                index.mark(row.id, row.mark)
    return index


def sealed(rows: list[Row]) -> Index:
    index = in_turns(rows)
    index.seal()
    return index


def as_one(rows: list[Row]) -> Index:
    index = in_turns(rows)
    index.seal()
    if parts := index.view().segments:
        assert index.replace(parts, index.merge(parts, arrays))
    return index


def from_files(rows: list[Row], *, together: bool) -> Index:
    """Save an index in segment files, and put a new one together from them, what is read row by row being so."""
    index = as_one(rows) if together else sealed(rows)
    with TemporaryDirectory() as folder, patch.object(shelf_module, "_MAPPED", 0 if len(rows) % 3 else 1 << 20):
        shelf, view = Shelf(Path(folder) / "index"), index.view()
        for segment in view.segments:
            shelf.save(view, segment, 9)
        made = Index(RecallConfig(), 2)
        for kept in Shelf(Path(folder) / "index").kept():
            made.attach(kept.segment(made.n), kept.run)
    for row in rows:
        if row.mark is not None:
            made.mark(row.id, row.mark)
    return made


def builds(rows: list[Row]) -> list[Index]:
    """Return the same index, built in every way."""
    made = [one_by_one(rows), in_bulk(rows), in_turns(rows)]
    with small_parts(tail=4, piece=16, bulk=2):
        made += [one_by_one(rows, merging=True), in_turns(rows), merged(in_bulk(rows)), as_one(rows)]
        made += [from_files(rows, together=len(rows) % 2 == 0)]
    return made


filters = st.sampled_from([{}, {"tags": "work"}, {"layers": "dream"}])


@given(rows(with_vectors=False), some_words, filters)
def test_recall(made: list[Row], cue: str, where: dict[str, Any]) -> None:
    answers = [ask(index, cue, near="a", **where) for index in builds(made)]
    assert all(same(answers[0], other) for other in answers[1:])


@given(rows(), some_words, st.sampled_from([None, [0.3, 0.4]]), filters)
def test_recall_with_vectors(made: list[Row], cue: str, vector: list[float] | None, where: dict[str, Any]) -> None:
    answers = [ask(index, cue, vector=vector, near="a", **where) for index in builds(made)]
    assert all(nearly(answers[0], other) for other in answers[1:])


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
        assert (view.n, view.totals, view.states, view.n_vectors) == (
            first.n, first.totals, first.states, first.n_vectors,
        )  # fmt: skip
        for name in first.columns.__slots__:
            if name in ("source", "episode", "kind"):
                continue  # codes may be given out in another order
            assert getattr(view.columns, name)[: view.n].tolist() == getattr(first.columns, name)[: first.n].tolist()
        for name, names in (("source", "sources"), ("episode", "episodes"), ("kind", "kinds")):
            assert values(view, name, names) == values(first, name, names)


def values(view: View, column: str, names: str) -> list[str | None]:
    known = {code: value for value, code in getattr(view, names).codes.items()}
    return [known[code] for code in getattr(view.columns, column)[: view.n].tolist()]


@given(rows(), st.integers(0, 60), some_words)
def test_a_view_is_the_index_of_its_first_memories(made: list[Row], n: int, cue: str) -> None:
    unmarked = [row._replace(mark=None) for row in made]
    with small_parts(tail=4, piece=16, bulk=2):
        index = in_bulk(unmarked[:n])
        early = index.view()
        for row in unmarked[n:]:
            index.add(row)
            merged(index)
        expected = in_bulk(unmarked[:n])
        index._view = early
        assert same(ask(index, cue), ask(expected, cue))
