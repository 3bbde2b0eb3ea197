"""Keys: areas that never meet, numbers that sort as numbers."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.storage import keyspace
from thoughtengine.storage.keyspace import AREAS, MEMORY, NAME, Area

numbers = st.integers(0, (1 << 64) - 1)
numbered = st.sampled_from([area for area in AREAS.values() if area.numbered])


def test_every_area_is_registered_under_its_prefix() -> None:
    defined = [value for value in vars(keyspace).values() if isinstance(value, Area)]
    assert {area.prefix: area for area in defined} == AREAS
    assert len(defined) == len(AREAS)


def test_prefixes_are_one_byte_and_areas_do_not_touch() -> None:
    assert all(len(prefix) == 1 and prefix < b"\xff" for prefix in AREAS)
    stops = sorted((area.prefix, area.stop) for area in AREAS.values())
    assert all(stop <= following for (_, stop), (following, _) in itertools.pairwise(stops))


def test_kinds_and_names_are_unique() -> None:
    kinds = [area.kind for area in AREAS.values()]
    assert len(set(kinds)) == len(kinds)
    assert all(1 <= kind <= 255 for kind in kinds)
    assert len({area.name for area in AREAS.values()}) == len(AREAS)


def test_what_lies_beside_is_a_source_area_with_a_flag_of_its_own() -> None:
    for area in AREAS.values():
        flags = list(area.beside.values())
        assert sum(flags) == sum(set(flags)) <= 255
        assert all(flag.bit_count() == 1 for flag in flags)
        assert all(AREAS[prefix].source and AREAS[prefix].numbered for prefix in area.beside)


@given(numbered, numbers, numbers)
def test_keys_sort_like_their_numbers(area: Area, left: int, right: int) -> None:
    assert (area.key(left) < area.key(right)) == (left < right)
    assert area.number(area.key(left)) == left
    assert area.prefix <= area.key(left) < area.stop


@given(st.text(), st.text())
def test_names_have_keys_of_their_own(left: str, right: str) -> None:
    assert (NAME.key(left) == NAME.key(right)) == (left == right)
    assert NAME.key(left)[1:].decode() == left
    assert NAME.prefix <= NAME.key(left) < NAME.stop


@pytest.mark.parametrize("number", [-1, 1 << 64])
def test_a_number_that_is_no_key_is_refused(number: int) -> None:
    with pytest.raises(struct.error):
        MEMORY.key(number)
