"""LevelDB's logs: what was written is found, holes are seen, and damage costs no more than what it hit."""

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine.config import StorageConfig
from thoughtengine.storage.contract import Rows
from thoughtengine.storage.log import Reader, batches, crc32c, hole, records, rescue, verify_log
from thoughtengine.storage.store import Level

BLOCK = 32768


def written(path: Path, sizes: list[list[int]]) -> tuple[bytes, list[Rows]]:
    """Let LevelDB write batches with values of these sizes; give its log and the rows."""
    rng, rows = random.Random(0), list[Rows]()
    level = Level(str(path), StorageConfig(write_buffer_bytes=64 << 20), create=True)
    for number, batch in enumerate(sizes):
        rows.append([(b"%06d %03d" % (number, i), rng.randbytes(size)) for i, size in enumerate(batch)])
        level.write(rows[-1], [b"gone %d" % number], False)
    (log,) = path.glob("*.log")
    data = log.read_bytes()
    level.close()
    return data, rows


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Rows]]:
    """Three hundred writes of one to three rows, over several blocks."""
    rng = random.Random(1)
    sizes = [[rng.randrange(300) for _ in range(rng.randint(1, 3))] for _ in range(300)]
    return written(tmp_path_factory.mktemp("level") / "small", sizes)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Rows]]:
    """Writes that go over many blocks, and end anywhere in them."""
    sizes = [[10], [100_000], [5, 70_000, 5], [0], [32_700], [1], [32_768 * 2], [3], *([n] for n in range(40))]
    return written(tmp_path_factory.mktemp("level") / "large", sizes)


both = pytest.mark.parametrize("log", ["small", "large"])


@pytest.fixture
def log(request: pytest.FixtureRequest) -> tuple[bytes, list[Rows]]:
    found: tuple[bytes, list[Rows]] = request.getfixturevalue(request.param)
    return found


def rescued(data: bytes) -> list[Rows]:
    return [write.rows for write in rescue(data)]


def flat(writes: list[Rows]) -> set[tuple[bytes, bytes]]:
    return {row for rows in writes for row in rows}


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc32c(b"") == 0
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43


@pytest.mark.parametrize("log", ["small", "large"], indirect=True)
def test_every_write_is_found(log: tuple[bytes, list[Rows]], tmp_path: Path) -> None:
    data, rows = log
    found = list(batches(data))
    assert [count for _, _, count in found] == [len(batch) + 1 for batch in rows]
    sequence = 1
    for _, first, count in found:
        assert first == sequence
        sequence += count
    assert hole(data) is None
    assert [(write.rows, write.whole) for write in rescue(data)] == [(batch, True) for batch in rows]
    (tmp_path / "x.log").write_bytes(data)
    assert verify_log(tmp_path / "x.log") is None
    assert len(list(records(data))) == len(rows)


@pytest.mark.parametrize("log", ["small", "large"], indirect=True)
def test_a_cut_leaves_the_writes_before_it(log: tuple[bytes, list[Rows]]) -> None:
    data, rows = log
    rng = random.Random(2)
    starts = [at for at, _, _ in batches(data)]
    for end in [0, 1, 6, 7, BLOCK - 1, BLOCK, BLOCK + 1, len(data) - 1, *rng.sample(range(len(data)), 40)]:
        cut = data[:end]
        n = sum(start < end for start in starts)
        assert [write.rows for write in rescue(cut) if write.whole] in (rows[:n], rows[: max(0, n - 1)])
        assert len(list(batches(cut))) in (n, n - 1)
        assert hole(cut) is None


def test_a_flipped_bit_costs_no_more_than_the_row_it_hit(small: tuple[bytes, list[Rows]]) -> None:
    data, rows = small
    truth, rng, starts = flat(rows), random.Random(3), [at for at, _, _ in batches(data)]
    for _ in range(150):
        at = rng.randrange(len(data))
        damaged = bytearray(data)
        damaged[at] ^= 1 << rng.randrange(8)
        write = max(n for n, start in enumerate(starts) if start <= at)
        assert truth - flat(rescued(bytes(damaged))) <= set(rows[write])


def test_a_flipped_bit_in_a_large_write_costs_one_row_of_it(large: tuple[bytes, list[Rows]]) -> None:
    data, rows = large
    truth = flat(rows)
    for at in (50_000, 120_000, 150_000, 250_000):
        damaged = bytearray(data)
        damaged[at] ^= 4
        assert len(truth - flat(rescued(bytes(damaged)))) <= 1


def test_zeros_cost_no_more_than_the_writes_they_hit(small: tuple[bytes, list[Rows]]) -> None:
    data, rows = small
    for at in (0, 4096, 10_000, BLOCK - 2000, BLOCK):
        damaged = data[:at] + bytes(4096) + data[at + 4096 :]
        starts = [start for start, _, _ in batches(data)]
        hit = {n for n, start in enumerate(starts) if start < at + 4096 and [*starts, len(data)][n + 1] > at}
        kept = flat([batch for n, batch in enumerate(rows) if n not in hit])
        assert kept <= flat(rescued(damaged))


def test_zeros_in_the_place_of_a_record_are_a_hole(small: tuple[bytes, list[Rows]]) -> None:
    data, _ = small
    starts = [start for start, _, _ in batches(data)]
    for at in (starts[0], starts[50], starts[-1]):
        damaged = data[:at] + bytes(20) + data[at + 20 :]
        assert hole(damaged) == at
        assert hole(data[:at] + bytes(len(data) - at)) is None, "zeros up to the end are a torn tail"


def test_a_last_write_that_does_not_verify_may_be_torn(small: tuple[bytes, list[Rows]]) -> None:
    data, rows = small
    damaged = data[:-1] + bytes((data[-1] ^ 1,))
    found = list(rescue(damaged))
    assert [write.whole for write in found] == [True] * (len(rows) - 1) + [False]


def test_damage_is_named_by_its_place(small: tuple[bytes, list[Rows]], tmp_path: Path) -> None:
    data, _ = small
    starts = [start for start, _, _ in batches(data)]
    damaged = bytearray(data)
    damaged[starts[7] + 9] ^= 1
    (tmp_path / "x.log").write_bytes(damaged)
    assert verify_log(tmp_path / "x.log") == f"the record at byte {starts[7]} does not verify"


@given(st.binary(max_size=500))
def test_random_bytes_give_nothing_or_something_and_never_an_error(data: bytes) -> None:
    for write in rescue(data):
        assert all(isinstance(key, bytes) for key, _ in write.rows)
    list(batches(data))
    list(records(data))
    hole(data)


@given(st.data())
def test_mutated_logs_never_raise(small: tuple[bytes, list[Rows]], data: st.DataObject) -> None:
    log = bytearray(small[0][: BLOCK + 3000])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(log) - 1))
        log[at] = data.draw(st.integers(0, 255))
    list(batches(bytes(log)))
    hole(bytes(log))
    list(records(bytes(log)))


# ---- numbers


@given(st.integers(0, (1 << 64) - 1), st.binary(max_size=300))
def test_numbers_and_pieces_are_read(number: int, piece: bytes) -> None:
    reader = Reader(varint(number) + varint(len(piece)) + piece)
    assert reader.number() == number
    assert reader.piece() == piece
    assert not reader


def varint(number: int) -> bytes:
    encoded = b""
    while number >= 128:
        encoded += bytes((number & 127 | 128,))
        number >>= 7
    return encoded + bytes((number,))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9, b"\xff" * 5000, b"\x05abc"])
def test_what_is_no_number_or_piece_is_told(data: bytes) -> None:
    with pytest.raises((IndexError, ValueError)):
        Reader(data).piece()


def test_the_header_of_a_write_is_its_sequence_and_count(small: tuple[bytes, list[Rows]]) -> None:
    data, _ = small
    first = next(records(data))
    assert struct.unpack_from("<QI", first) == (1, next(batches(data))[2])
