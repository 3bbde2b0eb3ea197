import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.storage import columnfile
from thoughtengine.storage.columnfile import ColumnFile, ColumnFileError, FileRows, write_columns

DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
ARRAYS: dict[str, Any] = {dtype: np.arange(1, 1000, 7).astype(dtype) for dtype in DTYPES}
META = {"logic": 1, "names": ["a", "é"], "views": {"dense": "toy"}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.columns"


def flipped(path: Path, at: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def test_what_was_written_is_read(path: Path) -> None:
    assert write_columns(path, META, ARRAYS) == path.stat().st_size
    file = ColumnFile(path)
    file.verify()
    assert (file.meta, file.n_bytes) == (META, path.stat().st_size)
    for name, array in ARRAYS.items():
        read = file.array(name)
        assert name in file
        assert (read.dtype, read.tolist()) == (array.dtype, array.tolist())
        assert read.ctypes.data % 64 == 0
    assert repr(file) == f"<ColumnFile some.columns: 10 arrays, {file.n_bytes:,} bytes>"


def test_zeros_and_nothing_take_no_room(path: Path) -> None:
    zeros = {"zeros": np.zeros(1 << 20, np.int64), "none": np.empty(0, np.float32)}
    write_columns(path, {}, {**zeros, "some": np.ones(3, np.uint8)})
    file = ColumnFile(path)
    assert file.n_bytes < 1000
    file.verify()
    for name, array in zeros.items():
        assert file.array(name).dtype == array.dtype
        assert file.array(name).tobytes() == array.tobytes()


def test_a_file_of_nothing_at_all(path: Path) -> None:
    write_columns(path, {}, {})
    file = ColumnFile(path)
    file.verify()
    assert (file.meta, "x" in file) == ({}, False)


def test_arrays_are_read_only_and_outlive_their_file(path: Path) -> None:
    write_columns(path, META, ARRAYS)
    read = ColumnFile(path).array("i4")
    path.unlink()
    assert read.tolist() == ARRAYS["i4"].tolist()
    with pytest.raises(ValueError, match="read-only"):
        read[0] = 5


def test_an_array_that_is_not_there_is_told(path: Path) -> None:
    write_columns(path, {}, {"some": np.ones(3)})
    file = ColumnFile(path)
    with pytest.raises(ColumnFileError, match="has no array 'other'"):
        file.array("other")
    file.verify(["other"])


def test_a_file_torn_at_any_length_is_told(path: Path) -> None:
    write_columns(path, META, {"some": np.arange(1, 100)})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ColumnFileError):
            ColumnFile(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(ColumnFileError, match="bytes, not"):
        ColumnFile(path)


def test_any_flipped_bit_is_told_or_harms_nothing(path: Path) -> None:
    arrays = {"words": np.arange(1, 9), "odd": np.arange(1, 14, dtype=np.uint8)}
    write_columns(path, {"a": 1}, arrays)
    told = 0
    for at in range(path.stat().st_size):
        for bit in range(8):
            flipped(path, at, bit)
            try:
                file = ColumnFile(path)
                file.verify()
            except ColumnFileError:
                told += 1
            else:  # between two arrays
                assert file.meta == {"a": 1}
                assert all(file.array(name).tolist() == array.tolist() for name, array in arrays.items())
            flipped(path, at, bit)
    assert told > 8 * (64 + 13)


@given(st.integers(1, 20_000), st.data())
def test_any_flipped_bit_of_a_large_array_is_told(n: int, data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.columns"
        size = write_columns(path, {}, {"some": np.arange(1, n + 1, dtype=np.uint32)})
        first = size - -(-4 * n // 64) * 64
        flipped(path, first + data.draw(st.integers(0, 4 * n - 1)), data.draw(st.integers(0, 7)))
        file = ColumnFile(path)
        file.verify([])
        with pytest.raises(ColumnFileError, match="'some' does not verify"):
            file.verify(["some"])


def test_blocks_that_changed_places_are_told(path: Path) -> None:
    array = np.arange(1, (1 << 13) + 1)
    size = write_columns(path, {}, {"some": array})
    whole, half = path.read_bytes(), array.nbytes // 2
    first = size - 2 * half
    path.write_bytes(whole[:first] + whole[first + half :] + whole[first : first + half])
    with pytest.raises(ColumnFileError):
        ColumnFile(path).verify()


@pytest.mark.parametrize("content", [b"", b"x" * 500, b"TECOLUM1" + b"\xff" * 60])
def test_something_else_is_no_column_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ColumnFileError):
        ColumnFile(path)


def test_a_file_or_folder_that_cannot_be_read_is_told(path: Path) -> None:
    with pytest.raises(ColumnFileError, match="cannot be read"):
        ColumnFile(path)
    path.mkdir()
    with pytest.raises(ColumnFileError, match="cannot be read"):
        ColumnFile(path)


def no_room(*_: object, **__: object) -> None:
    raise OSError(28, "no room")


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("trouble", "error"), [(no_room, OSError), (interrupted, KeyboardInterrupt)])
def test_nothing_is_left_behind_where_it_cannot_be_written(
    path: Path, trouble: Callable[..., None], error: type[BaseException]
) -> None:
    with patch("os.rename", trouble), pytest.raises(error):
        write_columns(path, META, ARRAYS)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("n", [1 << 12, (1 << 14) + 5, 50_001])
def test_a_large_array_is_compared_and_let_go_piece_by_piece(path: Path, n: int) -> None:
    size = write_columns(path, META, {"some": np.arange(1, n + 1)})
    first, parts = size - -(-8 * n // 64) * 64, list[tuple[int, int]]()
    with patch.object(columnfile, "_PIECE", 1 << 15):
        file = ColumnFile(path)
        with patch.object(file, "_let_go", lambda offset, start, stop: parts.append((offset + start, offset + stop))):
            file.verify()
        starts = range(first, first + 8 * n - (1 << 15) + 1, 1 << 15)
        assert parts == [(start, start + (1 << 15)) for start in starts]
        for at in (first, first + 8 * n - 1):
            flipped(path, at, 0)
            with pytest.raises(ColumnFileError, match="'some' does not verify"):
                ColumnFile(path).verify()
            flipped(path, at, 0)
        ColumnFile(path).verify()


# ------------------------------------------------------------------------------------------- memory and rows


def test_an_array_can_be_let_go_and_is_mapped_again_when_it_is_looked_at(path: Path) -> None:
    arrays = ARRAYS | {"zeros": np.zeros(50, np.int32), "none": np.empty(0, np.float32), "long": np.arange(1 << 16)}
    write_columns(path, META, arrays)
    file = ColumnFile(path)
    for stay in (True, False):
        file.verify(stay=stay)
        for name, array in arrays.items():
            file.let_go(name)
            assert file.array(name).tolist() == array.tolist()
            assert file.is_zero(name) == (name in ("zeros", "none"))
    assert not file.is_zero("other")
    flipped(path, file._arrays["i4"].offset, 3)
    with pytest.raises(ColumnFileError, match="'i4' does not verify"):
        ColumnFile(path).verify(["i4"], stay=True)


def rows_of(path: Path) -> tuple[Any, FileRows]:
    table = np.arange(1, 61, dtype=np.int16).reshape(12, 5)
    write_columns(path, {}, {"table": table.ravel(), "zeros": np.zeros(60, np.int16)})
    return table, ColumnFile(path).rows("table", 5)


@given(
    st.one_of(
        st.lists(st.integers(0, 11)).map(lambda rows: np.array(rows, np.int64)),
        st.builds(slice, st.none() | st.integers(-15, 15), st.none() | st.integers(-15, 15)),
    )
)
def test_rows_of_a_file_are_those_of_the_array(asked: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        table, rows = rows_of(Path(folder) / "some.columns")
        zeros = ColumnFile(Path(folder) / "some.columns").rows("zeros", 5)
        assert len(rows) == len(zeros) == 12
        assert rows[asked].tolist() == table[asked].tolist()
        assert rows[asked].dtype == table.dtype
        assert zeros[asked].tolist() == (table[asked] * 0).tolist()


def test_rows_outlive_the_name_of_their_file(path: Path) -> None:
    table, rows = rows_of(path)
    path.unlink()
    assert rows[np.array([7, 2])].tolist() == table[[7, 2]].tolist()


def test_rows_of_a_file_that_became_shorter_are_told(path: Path) -> None:
    table, rows = rows_of(path)
    os.truncate(path, path.stat().st_size - 64)
    with pytest.raises(ColumnFileError, match="shorter than it was"):
        rows[:]
    assert rows[:2].tolist() == table[:2].tolist()


def test_rows_need_an_array_of_that_width(path: Path) -> None:
    rows_of(path)
    for name, width in (("table", 7), ("other", 5)):
        with pytest.raises(ColumnFileError, match=f"has no array '{name}' of rows of {width}"):
            ColumnFile(path).rows(name, width)
