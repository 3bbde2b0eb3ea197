import numpy as np
import pytest

from thoughtengine.memory.experience import LAYERS
from thoughtengine.memory.index.analysis import LABELS
from thoughtengine.memory.index.columns import HIDDEN, LAYER, PINNED, REPLACED, STATES, Columns, Names, SourceNames


def test_a_state_has_room_for_every_layer_and_mark() -> None:
    assert len(LAYERS) <= LAYER + 1
    assert LAYER + PINNED + HIDDEN + REPLACED + 1 == STATES


def test_growing_keeps_what_was_there() -> None:
    columns = Columns(4)
    columns.id[:3] = [5, 6, 9]
    columns.previous[1] = 0
    larger = columns.grown(3, 16)
    assert larger.id[:3].tolist() == [5, 6, 9]
    assert larger.id[3:].tolist() == [0] * 13
    assert all(len(getattr(larger, name)) == 16 for name in Columns.__slots__)
    assert all(getattr(larger, name).dtype == getattr(columns, name).dtype for name in Columns.__slots__)


def test_codes_count_up_and_none_is_zero() -> None:
    names = Names()
    assert [names.code(value) for value in (None, "a", "b", "a", None, "c")] == [0, 1, 2, 1, 0, 3]
    assert names.known(frozenset({"c", "a", "nobody"})) == [1, 3]


@pytest.mark.parametrize("names", [Names(), SourceNames()])
def test_values_get_their_codes_all_at_once(names: Names) -> None:
    assert names.table([]).tolist() == [0]
    some, more = names.table(["a", "b", "c"]), names.table(["b", "d", "a", "e"])
    assert some[0] == more[0] == 0
    assert (more[1], more[3]) == (some[2], some[1])
    assert len({*some.tolist(), *more.tolist()}) == 6
    for value in "abcde":
        assert names.values([names.code(value)]) == [value]
        assert names.known(frozenset({value})) == [names.code(value)]
    assert names.code("f") not in {*some.tolist(), *more.tolist()}
    assert names.n > names.code("f")
    assert names.values([names.code("f")]) == ["f"]


def test_a_source_is_named_by_all_of_its_words() -> None:
    names = SourceNames()
    for value in ("Dana", "Dana Smith", "src/app.py", "!!", None):
        names.code(value)

    def named(*spoken: str) -> list[int]:
        return sorted(names.named(tuple(LABELS[word] for word in spoken)))

    assert named("what", "did", "dana's", "say") == [1]
    assert named("smith", "dana") == [1, 2]
    assert named("app", "py") == []
    assert named("src", "app", "py") == [3]
    assert named() == []
    assert np.array(named("nobody")).size == 0
