from typing import Any

import msgspec
import numpy as np
import pytest

from tests.indexes import DAY, NOON, entry, index_of
from thoughtengine.memory.record import MarkRecord
from thoughtengine.memory.strength import retrievability
from thoughtengine.memory.where import All, Not, parse_where

INDEX = index_of(
    entry("tea", source="Dana", tags=("work", "urgent"), episode="a", kind="note", at=NOON - 400 * DAY),
    entry("tea", source="Bob", tags=("work",), episode="b", at=NOON - DAY),
    entry("tea", tags=("home",), at=NOON),
    entry("tea", layer="dream", source="Dana", at=NOON),
    entry("tea", layer="eternal", at=NOON - 4000 * DAY),
    entry("tea", source="Dana", at=NOON + DAY),
)


def test_a_memory_is_as_strong_as_itself() -> None:
    """However arrays are rounded."""
    ages = [*range(0, 2000 * DAY, 37 * DAY // 3), *range(9), -DAY]
    rows = (entry("tea", at=NOON - age, layer=layer) for layer in ("sensory", "eternal") for age in ages)
    view = index_of(*rows).view()
    for age in ages:
        strength = retrievability(max(age, 0) / DAY)
        stronger = [at for at, one in enumerate(ages) if retrievability(max(one, 0) / DAY) >= strength]
        eternal = range(len(ages), 2 * len(ages))
        assert view.select(parse_where(min_strength=strength), NOON).tolist() == [*stronger, *eternal]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 4, 5]),
        ({"sources": "Dana"}, [0, 5]),
        ({"sources": ["Dana", "Bob"]}, [0, 1, 5]),
        ({"sources": Not("Dana")}, [1, 2, 4]),
        ({"sources": "nobody"}, []),
        ({"sources": []}, []),
        ({"tags": "work"}, [0, 1]),
        ({"tags": ["work", "home"]}, [0, 1, 2]),
        ({"tags": All("work", "urgent")}, [0]),
        ({"tags": ["work", Not("urgent")]}, [1]),
        ({"tags": Not("work")}, [2, 4, 5]),
        ({"tags": "Work"}, []),
        ({"episode": "a"}, [0]),
        ({"episode": Not("a")}, [1, 2, 4, 5]),
        ({"kind": "note"}, [0]),
        ({"layers": "dream"}, [3]),
        ({"layers": Not("sensory")}, [3, 4]),
        ({"layers": []}, []),
        ({"since": "2024-05-08T12:00:00Z"}, [2, 5]),
        ({"until": "2024-05-08T12:00:00Z"}, [0, 1, 4]),
        ({"since": "2024-05-08T12:00:00Z", "until": "2024-05-08T12:00:00Z"}, []),
        ({"min_strength": 1.0}, [2, 4, 5]),
        ({"min_strength": 0.9}, [1, 2, 4, 5]),
        ({"sources": "Dana", "min_strength": 0.9}, [5]),
        ({"tags": "work", "sources": "Bob", "since": "2024-01-01T00:00:00Z"}, [1]),
    ],
)
def test_select(filters: dict[str, Any], expected: list[int]) -> None:
    where, view = parse_where(**filters), INDEX.view()
    assert view.select(where, NOON).tolist() == expected
    assert view.count(where, NOON) == len(expected)


def test_no_filter_costs_no_positions() -> None:
    view = index_of(entry("tea"), entry("coffee")).view()
    assert view.matching(parse_where(), NOON) is None
    assert view.matching(parse_where(sources=Not("nobody")), NOON) is None
    assert view.visible(parse_where()) is None


def test_strength_fades_with_age_and_eternal_does_not() -> None:
    index = index_of(entry("tea", at=NOON - 100 * DAY), entry("tea", at=NOON - 100 * DAY), entry("tea", at=NOON + DAY))
    index.mark(2, MarkRecord(pinned=(1,)))
    view = index.view()
    fading, pinned, future = view.strength(view.select(parse_where(), NOON), NOON).tolist()
    assert 0.0 < fading < 0.9
    assert pinned == future == 1.0


def test_who_is_visible_depends_on_layer_and_marks_alone() -> None:
    index = index_of(entry("tea", source="Dana"), entry("tea", layer="dream"), entry("tea"))
    index.mark(3, MarkRecord(forgotten=(1,)))
    visible = index.view().visible(parse_where(sources="Bob"))
    assert visible is not None
    assert visible.tolist() == [True, False, False]


def test_up_to_an_id_nothing_newer_matches_or_counts() -> None:
    index = index_of(*(entry("tea", source="Dana" if n % 2 else "Bob") for n in range(6)))
    view, up_to = index.view(), msgspec.structs.replace(parse_where(), newest=3)
    assert view.select(up_to, NOON).tolist() == [0, 1, 2]
    assert view.visible(up_to).tolist() == [True] * 3 + [False] * 3
    dana = msgspec.structs.replace(parse_where(sources="Dana"), newest=3)
    assert view.select(dana, NOON).tolist() == [1]
    whole = msgspec.structs.replace(parse_where(), newest=6)
    assert view.matching(whole, NOON) is None
    assert view.visible(whole) is None


def test_repeats_of_known_memories_that_are_not_forgotten() -> None:
    index = index_of(entry("tea"), entry("Tea."), entry("milk"), entry("milk"), entry(tags=("x",)), entry(tags=("x",)))
    index.mark(3, MarkRecord(forgotten=(1,)))
    assert index.view().is_repeat(np.arange(6), [1, 3, 5, 99]).tolist() == [True, True, *[False] * 4]
    assert index.view().is_repeat(np.arange(6), []).tolist() == [False] * 6
