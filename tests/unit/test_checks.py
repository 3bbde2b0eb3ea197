"""Numbers of a host: those of NumPy are numbers, everything else is told."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import thoughtengine as te
from thoughtengine.checks import real, whole

NONE = [True, np.True_, "1", None, [1], float("nan"), float("inf"), 1 + 0j, np.array([1, 2])]


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_become_ints(value: Any) -> None:
    assert whole("k", value, 1, 5) == 3
    assert type(whole("k", value, 1, 5)) is int


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.float64(0.25), Fraction(1, 2), 1, np.int8(1)])
def test_numbers_become_floats(value: Any) -> None:
    assert real("share", value, 0.0, 1.0) == value
    assert type(real("share", value, 0.0, 1.0)) is float


@pytest.mark.parametrize("value", [*NONE, 0, 6, 2.0, np.float64(3.0)])
def test_what_is_no_whole_number_in_range_is_told(value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match="k: expected a whole number from 1 to 5"):
        whole("k", value, 1, 5)


@pytest.mark.parametrize("value", [*NONE, -0.1, 1.1])
def test_what_is_no_number_in_range_is_told(value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"share: expected a number in \[0, 1\]"):
        real("share", value, 0.0, 1.0)


@pytest.mark.parametrize("value", [np.float16(2.5), np.float32(2.5), np.int8(2), 2.5])
def test_a_bound_may_be_beyond_the_precision_of_a_number(value: Any) -> None:
    assert real("share", value, 0.0, 1e300) == value


@pytest.mark.parametrize("top", [1e300, float("inf")])
def test_a_number_that_no_float_holds_is_told(top: float) -> None:
    with pytest.raises(te.InvalidArgumentError):
        real("share", 10**400, 0.0, top)


def test_a_mind_takes_numbers_of_numpy(tmp_path: Any) -> None:
    with te.open(tmp_path / "mind") as mind:
        first = mind.remember("the red canoe", affect=te.Affect(np.float32(0.5), np.float32(0.25)))
        mind.remember("it leaks", layer="dream", derived_from=[np.int64(first)])
        found = mind.recall("red canoe", k=np.int64(1), min_chance=np.float32(0.0))  # type: ignore[arg-type]
        assert [hit.id for hit in found] == [first]
        assert found.context(tokens=np.int32(100))  # type: ignore[arg-type]
        assert mind.get(np.int64(first)).text == "the red canoe"  # type: ignore[arg-type]
        with pytest.raises(te.InvalidArgumentError, match=r"min_chance.*\[0, 1\], or None"):
            mind.recall("canoe", min_chance=1.1)


def test_memories_and_hits_fit_in_a_set(tmp_path: Any) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("the red canoe", payload={"of": ["anything"]})
        mind.remember("a blue canoe")
        hits = mind.recall("canoe")
        assert {*hits, *hits} == set(hits.hits)
        assert len({hit.memory for hit in (*hits, *hits)}) == 2
