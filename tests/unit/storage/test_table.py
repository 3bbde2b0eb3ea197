"""A table without its index: its blocks are found by walking, and nothing is taken that was never written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.flat import plyvel
from thoughtengine.storage.store import repair
from thoughtengine.storage.table import damaged_ranges, has_index, indexed_anew, sequence_of

SIZES = (1, 2, 15, 16, 17, 300, 1500)


def table_of(folder: Path, rows: dict[bytes, bytes], compression: str | None) -> bytes:
    """Let LevelDB write one table."""
    for _ in range(2):  # the second opening writes what the first has logged
        level = plyvel.DB(
            str(folder),
            create_if_missing=True,
            compression=compression,
            bloom_filter_bits=10,
            write_buffer_size=1 << 25,
        )
        for key, value in rows.items():
            level.put(key, value)
        level.close()
    return max((path.read_bytes() for path in folder.glob("*.ldb")), key=len)


def read(folder: Path, table: bytes) -> dict[bytes, bytes]:
    """Let LevelDB read a table, with nothing of it refused."""
    folder.mkdir()
    (folder / "000005.ldb").write_bytes(table)
    repair(str(folder), paranoid=True)
    assert not (folder / "lost").exists()
    level = plyvel.DB(str(folder))
    with level.iterator(verify_checksums=True) as rows:
        found = dict(rows)
    assert all(level.get(key) == value for key, value in found.items())
    level.close()
    return found


def some(rng: random.Random, n: int) -> dict[bytes, bytes]:
    words = [b"tea", b"rain", b"garden", b"{}", b"\0\0"]
    said = (b" ".join(rng.choices(words, k=rng.randrange(40))) for _ in range(n))
    return {b"sensory:n%05d" % i: rng.choice([value, rng.randbytes(9)]) for i, value in enumerate(said)}


@pytest.mark.parametrize("compression", ["snappy", None])
@pytest.mark.parametrize("n", SIZES)
def test_every_row_comes_back_without_footer_or_index(tmp_path: Path, compression: str | None, n: int) -> None:
    rows = some(random.Random(n), n)
    table = table_of(tmp_path / "made", rows, compression)
    assert has_index(table)
    for i, cut in enumerate((table[:-20] + bytes(20), table[:-48], table[:-1])):
        assert not has_index(cut)
        assert has_index(anew := indexed_anew(cut))
        assert read(tmp_path / str(i), anew) == rows


@pytest.mark.parametrize("n", SIZES)
def test_the_sequence_of_a_key_is_that_of_its_last_write(tmp_path: Path, n: int) -> None:
    rows = some(random.Random(n), n)
    table = table_of(tmp_path / "made", rows, "snappy")
    for sound in (table, table[:-20] + bytes(20)):
        every = slice(0, n, max(1, n // 9))
        assert [sequence_of(sound, key) for key in list(rows)[every]] == [*range(1, n + 1)][every]
    assert sequence_of(table, b"sensory:n") == sequence_of(table, b"z") == sequence_of(b"", b"z") == 0


@pytest.mark.parametrize("compression", ["snappy", None])
def test_whatever_else_is_damaged_no_row_is_invented(tmp_path: Path, compression: str | None) -> None:
    rng = random.Random(7)
    rows = some(rng, 1500)
    table = table_of(tmp_path / "made", rows, compression)
    least = len(rows)
    for i in range(12):
        harmed = bytearray(table[:-20])
        harmed[rng.randrange(len(harmed))] ^= 1 << rng.randrange(8)
        at, size = rng.randrange(len(harmed)), rng.randrange(3000)
        harmed[at : at + size] = rng.choice([b"", bytes(size)])
        found = read(tmp_path / str(i), indexed_anew(bytes(harmed)))
        assert found.items() <= rows.items()
        least = min(least, len(found))
    assert len(rows) // 2 < least < len(rows)


def test_the_index_of_a_table_whose_blocks_are_gone_is_not_taken_for_rows(tmp_path: Path) -> None:
    table = table_of(tmp_path / "made", some(random.Random(1), 1500), None)
    assert indexed_anew(bytes(len(table) * 9 // 10) + table[len(table) * 9 // 10 : -20]) != b""  # its last blocks
    without = bytearray(table[:-20])
    for at in range(0, len(without) - 1000, 1000):  # a bit of every block
        without[at] ^= 1
    assert indexed_anew(bytes(without)) == b""


@pytest.mark.parametrize(
    "rubbish", [b"", b"\0" * 20_000, b"tea in the garden " * 1000, random.Random(3).randbytes(20_000)]
)
def test_of_rubbish_nothing_is_made(rubbish: bytes) -> None:
    assert not has_index(rubbish)
    assert indexed_anew(rubbish) == b""


def foreign(folder: Path, compression: str | None) -> bytes:
    """Return a whole table with rows that sort between those of `some`, as a value may hold it."""
    rng = random.Random(11)
    return table_of(
        folder, {b"sensory:n00150x%03d" % i: b"FORGED " + rng.randbytes(300) for i in range(400)}, compression
    )


def with_blob(folder: Path, blob: bytes, compression: str | None) -> tuple[dict[bytes, bytes], bytearray, int]:
    """Return rows around a large one, their table, and where the value of the large one lies in it."""
    rows = {**some(random.Random(5), 300), b"sensory:n00150": blob}
    table = bytearray(table_of(folder, rows, compression))
    at = table.find(blob[1000:1100]) - 1000
    assert at > 0
    return rows, table, at


def no_index(table: bytearray) -> None:
    """Flip a bit of the index and one of the footer."""
    table[-75] ^= 4
    table[-1] ^= 1
    assert not has_index(table)


@pytest.mark.parametrize("compression", ["snappy", None])
@pytest.mark.parametrize("blob", ["table", "bytes"])
@pytest.mark.parametrize("index", [True, False])
def test_a_large_value_gives_no_rows_and_costs_only_its_own_block(
    tmp_path: Path, compression: str | None, blob: str, index: bool
) -> None:
    value = foreign(tmp_path / "foreign", compression) if blob == "table" else random.Random(2).randbytes(700_000)
    rows, table, at = with_blob(tmp_path / "own", value, compression)
    if index:
        table[-1] ^= 1
    else:
        no_index(table)
    assert read(tmp_path / "sound", indexed_anew(bytes(table))) == rows
    table[at + 10] ^= 1
    found = read(tmp_path / "damaged", indexed_anew(bytes(table)))
    assert found.items() <= rows.items()
    assert len(found) > len(rows) - 150
    assert max(found) == max(rows)


@pytest.mark.parametrize("compression", ["snappy", None])
@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.parametrize("blob", ["table", "bytes"])
def test_behind_a_block_without_a_readable_extent_only_what_leads_to_the_end_counts(
    tmp_path: Path, compression: str | None, filters: bool, blob: str
) -> None:
    value = foreign(tmp_path / "foreign", compression) if blob == "table" else random.Random(2).randbytes(700_000)
    rows, table, at = with_blob(tmp_path / "own", value, compression)
    no_index(table)
    table[at - 40 : at] = bytes(40)
    if not filters:
        table[table.rindex(b"filter.leveldb")] ^= 1
    found = read(tmp_path / "damaged", indexed_anew(bytes(table)))
    assert found.items() <= rows.items()
    assert len(found) > (len(rows) - 150 if filters else 20)


@pytest.mark.parametrize("compression", ["snappy", None])
def test_what_a_cut_off_value_holds_is_no_row_either(tmp_path: Path, compression: str | None) -> None:
    rows, table, at = with_blob(tmp_path / "own", foreign(tmp_path / "foreign", compression), compression)
    found = read(tmp_path / "cut", indexed_anew(bytes(table[: at + 50_000])))
    assert found.items() <= rows.items()
    assert len(found) > 20


@pytest.mark.parametrize("compression", ["snappy", None])
def test_what_lies_between_two_damaged_stretches_counts(tmp_path: Path, compression: str | None) -> None:
    rows = some(random.Random(5), 3000)
    table = bytearray(table_of(tmp_path / "made", rows, compression))
    no_index(table)
    for part in (3, 6):
        at = len(table) * part // 10
        table[at : at + 512] = bytes(512)
    found = read(tmp_path / "damaged", indexed_anew(bytes(table)))
    assert found.items() <= rows.items()
    assert len(found) > len(rows) - 400


@pytest.mark.parametrize("compression", ["snappy", None])
def test_the_index_tells_where_rows_are_lost(tmp_path: Path, compression: str | None) -> None:
    rows = some(random.Random(5), 1500)
    table = table_of(tmp_path / "made", rows, compression)
    assert damaged_ranges(table) == []
    assert damaged_ranges(table[:-48]) is None
    for seed in range(6):
        harmed = bytearray(table)
        for at in random.Random(seed).sample(range(len(table) * 3 // 4), 3):
            harmed[at] ^= 4
        holes = damaged_ranges(bytes(harmed))
        assert holes
        (tmp_path / f"harmed{seed}").mkdir()
        (tmp_path / f"harmed{seed}" / "000005.ldb").write_bytes(harmed)
        repair(str(tmp_path / f"harmed{seed}"), paranoid=True)
        level = plyvel.DB(str(tmp_path / f"harmed{seed}"))
        there = dict(level.iterator())
        level.close()
        lost = {key for key in rows if any(low < key <= high for low, high in holes)}
        assert lost == rows.keys() - there.keys()
