import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.errors import RecordError
from thoughtengine.patterns.tables import pack, unpack


@given(size=st.integers(0, 5000), places=st.lists(st.integers(0, 4999)), dtype=st.sampled_from(["i8", "f8", "f4"]))
def test_a_table_comes_back_as_it_was(size: int, places: list[int], dtype: str) -> None:
    values = np.zeros(size, dtype)
    values[[place for place in places if place < size]] = -7
    np.testing.assert_array_equal(unpack(pack("table", values)), values)


def test_a_table_that_was_read_can_be_written() -> None:
    table = unpack(pack("table", np.arange(10)))
    table[3] = 99
    assert table[3] == 99


@pytest.mark.parametrize("change", [{"data": b"torn"}, {"dtype": "x9"}, {"blocks": b"\xff\xff\xff\x00"}, {"size": -4}])
def test_a_torn_table_is_a_record_error(change: dict[str, object]) -> None:
    packed = msgspec.structs.replace(pack("table", np.arange(1000)), **change)
    with pytest.raises(RecordError):
        unpack(packed)
