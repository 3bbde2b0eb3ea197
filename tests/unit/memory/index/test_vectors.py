from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.errors import VectorDimensionError
from thoughtengine.memory.index import arrays, kernels
from thoughtengine.memory.index.vectors import Block, Direction, Growing, unit_rows

Make = Callable[..., SingleArray]
PLAUSIBLE = [1, 2, 3, 64, 1536]
AS_MANY = 512  # as recall asks for, however few are wanted in the end


def spread_out(n: int, d: int, *, seed: int = 1) -> SingleArray:
    """Return random unit vectors."""
    return unit_rows(np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32))


def in_clusters(n: int, d: int, *, seed: int = 1) -> SingleArray:
    """Return unit vectors around a few middles, all of them on one side, as sentences are."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(0).standard_normal((24, d)) + 0.5
    return unit_rows((middles[rng.integers(0, 24, n)] + 0.3 * rng.standard_normal((n, d))).astype(np.float32))


def best(rows: IntArray, cosines: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """Return the k closest of what was found, closest first."""
    order = np.lexsort((-rows, -cosines))[:k]
    return rows[order], cosines[order]


def block_of(vectors: SingleArray) -> Block:
    return Block.build(np.arange(len(vectors), dtype=np.int32), vectors)


# ------------------------------------------------------------------------------------------------ the newest


def test_vectors_are_kept_at_length_one() -> None:
    vectors = Growing(None)
    assert len(vectors.matrix) == 0
    vectors.append([0, 3], [np.array([3, 4], np.float32), np.array([0, 0], np.float32)])
    vectors.append([4], [np.array([0, -2], np.float32)])
    assert vectors.matrix.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0], [0.0, -1.0]]
    assert vectors.matrix.dtype == np.float32
    assert vectors.places[: vectors.n].tolist() == [0, 3, 4]


def test_very_small_and_very_large_numbers_keep_their_direction() -> None:
    vectors = Growing(2)
    vectors.append([0, 1], [np.array([3e-30, 4e-30], np.float32), np.array([3e37, 4e37], np.float32)])
    assert vectors.matrix == pytest.approx(np.array([[0.6, 0.8], [0.6, 0.8]]))


def test_what_was_published_is_not_moved() -> None:
    vectors = Growing(2)
    vectors.append([0], [np.array([1, 0], np.float32)])
    before, places = vectors.matrix, vectors.places[:1]
    for at in range(1, 201):
        vectors.append([at], [np.array([0, 1], np.float32)])
    assert before.tolist() == [[1.0, 0.0]]
    assert places.tolist() == [0]
    assert vectors.matrix.shape == (201, 2)


@pytest.mark.parametrize("dimension", [None, 2])
def test_another_dimension_is_refused_and_nothing_added(dimension: int | None) -> None:
    vectors = Growing(dimension)
    with pytest.raises(VectorDimensionError):
        vectors.append([0, 1], [np.ones(2, np.float32), np.ones(3, np.float32)])
    assert vectors.n == 0
    vectors.append([0], [np.ones(2, np.float32)])
    assert vectors.n == 1


# ------------------------------------------------------------------------------------------------ the older, quantised


def searched(block: Block, vector: Any, wanted: int, maths: Any, among: Any = None) -> tuple[Any, Any]:
    """Return the rows of a block that are closest to a vector, and their cosines, as recall does."""
    cue = Direction.of(vector)
    rows, _ = block.closest(cue, wanted, maths, among)
    return rows, block.cosines(cue, rows, maths)


@pytest.mark.parametrize("d", PLAUSIBLE)
def test_a_vector_is_nearly_what_it_was(d: int) -> None:
    vectors = spread_out(50, d)
    kept = block_of(vectors).vectors(slice(0, 50))
    steps = np.abs(kept - vectors) / np.abs(vectors).max(axis=1)[:, None]
    assert steps.max() <= 1.01 / (2 * 7 * 254)  # half a step of what the half bytes leave over


@pytest.mark.parametrize("make", [spread_out, in_clusters])
@pytest.mark.parametrize("d", PLAUSIBLE)
def test_the_closest_ten_are_those_of_a_plain_search(make: Make, d: int) -> None:
    vectors = make(12_000 if d < 1000 else 4_000, d)
    block, hits = block_of(vectors), 0
    for cue in make(20, d, seed=2):
        exact = vectors @ cue
        rows, cosines = searched(block, cue, AS_MANY, arrays)
        assert len(rows) == len(set(rows.tolist())) == AS_MANY
        assert rows.tolist() == sorted(rows.tolist())
        rows, cosines = best(rows, cosines, 10)
        assert np.abs(cosines - exact[rows]).max() < 5e-4
        hits += int((exact[rows] >= np.sort(exact)[-10] - 2e-4).sum())  # as far as the bytes can tell
    assert hits >= 190  # of 200


def test_many_that_are_much_alike_and_come_in_turns_are_told_apart() -> None:
    rng, n, d = np.random.default_rng(1), 60_000, 32
    middles = rng.standard_normal((40, d))
    vectors = unit_rows((middles[np.arange(n) % 40] + 0.5 * rng.standard_normal((n, d))).astype(np.float32))
    cues = unit_rows((middles[:20] + 0.3 * rng.standard_normal((20, d))).astype(np.float32))
    block, hits = block_of(vectors), 0
    for cue in cues:
        rows, _ = best(*searched(block, cue, AS_MANY, arrays), 10)
        hits += len(set(rows.tolist()) & set(np.argsort(-(vectors @ cue))[:10].tolist()))
    assert hits >= 180  # of 200; 151 where every sixteenth row tells how far away the closest are


def test_a_memory_is_the_closest_to_itself() -> None:
    vectors = in_clusters(3_000, 64)
    block = block_of(vectors)
    for row in range(0, 3_000, 100):
        rows, cosines = best(*searched(block, vectors[row], AS_MANY, arrays), 3)
        assert rows[0] == row
        assert cosines[0] == pytest.approx(1.0, abs=2e-4)


def test_of_equal_vectors_the_later_come_first() -> None:
    vectors = np.repeat(spread_out(3, 8), 5, axis=0)
    rows, _ = searched(block_of(vectors), vectors[7], 5, arrays)
    assert rows.tolist() == [5, 6, 7, 8, 9]
    rows, _ = searched(block_of(vectors), vectors[7], 3, arrays)
    assert rows.tolist() == [7, 8, 9]


@pytest.mark.parametrize("d", [2, 64])
def test_only_rows_that_may_be_found_are(d: int) -> None:
    vectors = in_clusters(9_000, d)
    block, cue = block_of(vectors), in_clusters(1, d, seed=3)[0]
    in_a_row, picked_out = np.arange(5, 9_000, 3), np.arange(5, 9_000, 7)
    for among in (in_a_row, picked_out, np.array([17, 8_000]), np.array([4]), np.empty(0, np.int64)):
        rows, cosines = searched(block, cue, AS_MANY, arrays, among)
        exact = vectors[among] @ cue
        assert set(rows.tolist()) <= set(among.tolist())
        assert len(rows) == min(AS_MANY, len(among))
        assert best(rows, cosines, 10)[1] == pytest.approx(np.sort(exact)[::-1][:10], abs=1e-3)


def test_signs_are_compared_in_a_row_or_picked_out_and_tell_the_same() -> None:
    vectors = in_clusters(9_000, 64)
    block, cue = block_of(vectors), in_clusters(1, 64, seed=3)[0]
    for among in (np.arange(0, 9_000, 3), np.arange(0, 9_000, 8)):
        mine = np.zeros(len(block), np.bool_)
        mine[among] = True
        exact = np.where(mine, vectors @ cue, -1.0)
        for maths in (arrays, kernels):
            rows, cosines = searched(block, cue, AS_MANY, maths, among)
            assert set(best(rows, cosines, 5)[0].tolist()) <= set(np.argsort(-exact)[:12].tolist())


@pytest.mark.parametrize("d", PLAUSIBLE)
def test_merged_blocks_answer_as_one_built_at_once(d: int) -> None:
    vectors = in_clusters(3_000, d)
    pieces = [block_of(vectors[start : start + 1000]) for start in (0, 1000, 2000)]
    merged, whole = Block.merge(pieces, [0, 1000, 2000]), block_of(vectors)
    assert merged.rows.tolist() == whole.rows.tolist()
    assert merged.rows.dtype == np.int32
    for part in ("coarse", "fine", "scale"):
        assert (getattr(merged, part) == getattr(whole, part)).all(), part
    assert merged.made_by == whole.made_by == ""
    assert merged.centre == pytest.approx(whole.centre, abs=1e-6)
    assert merged.codes.shape == whole.codes.shape
    different = np.bitwise_count(merged.codes ^ whole.codes).sum() / (len(whole.codes) * 64)
    assert different < 0.01
    for cue in in_clusters(10, d, seed=2):
        rows, cosines = best(*searched(merged, cue, AS_MANY, arrays), 10)
        others, expected = best(*searched(whole, cue, AS_MANY, arrays), 10)
        assert cosines == pytest.approx(expected, abs=5e-4)
        assert len(set(rows.tolist()) & set(others.tolist())) >= 9 or np.ptp(cosines) < 1e-3


def test_a_merge_puts_rows_that_are_mixed_in_order() -> None:
    vectors = spread_out(6, 3)
    even, odd = (Block.build(np.arange(at, 6, 2, dtype=np.int32), vectors[at::2], "toy") for at in (0, 1))
    merged = Block.merge([even, odd], [0, 0])
    assert merged.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert merged.made_by == "toy"
    assert np.abs(merged.vectors(slice(0, 6)) - vectors).max() < 1e-3
    for row in range(6):
        assert best(*searched(merged, vectors[row], 6, arrays), 1)[0].tolist() == [row]


def test_a_merge_moves_rows_that_have_gaps() -> None:
    one = Block.build(np.array([1, 4], np.int32), spread_out(2, 3))
    other = Block.build(np.array([0, 7], np.int32), spread_out(2, 3, seed=2))
    assert Block.merge([one, other], [0, 10]).rows.tolist() == [1, 4, 10, 17]


@given(st.integers(1, 40), st.sampled_from([1, 2, 3, 64, 65, 300]), st.integers(0, 2**32))
def test_few_vectors_are_searched_exactly(n: int, d: int, seed: int) -> None:
    vectors = spread_out(n, d, seed=seed)
    cue = spread_out(1, d, seed=seed + 1)[0]
    rows, cosines = searched(block_of(vectors), cue, n, arrays)
    assert rows.tolist() == list(range(n))
    assert cosines == pytest.approx(vectors @ cue, abs=2e-3 if d < 3 else 1e-3)


def test_a_vector_of_zeros_is_like_nothing() -> None:
    vectors = np.array([[0.0, 0.0], [0.6, 0.8]], np.float32)
    rows, cosines = searched(block_of(vectors), vectors[1], 2, arrays)
    assert rows.tolist() == [0, 1]
    assert cosines.tolist() == [0.0, pytest.approx(1.0, abs=3e-4)]
    assert searched(block_of(vectors), vectors[0], 2, arrays)[1].tolist() == [0.0, 0.0]


def test_none_rises_above_the_closest_by_its_rounding() -> None:
    block = block_of(in_clusters(9_000, 64))
    for cue in in_clusters(20, 64, seed=2):
        rows, cosines = searched(block, cue, 4 * AS_MANY, arrays)
        rows, cosines = best(rows, cosines, 64)
        assert cosines == pytest.approx(block.vectors(rows) @ cue, abs=1e-6)


@pytest.mark.parametrize("dimension", [64, 384])
@pytest.mark.parametrize("pieces", [1, 4])
def test_vectors_that_have_most_in_common_are_told_apart(dimension: int, pieces: int) -> None:
    """As of raw measurements: each number is near ten."""
    rng = np.random.default_rng(dimension)
    units = unit_rows(rng.normal(10.0, 1.0, (2000, dimension)).astype(np.float32))
    cut = np.array_split(np.arange(2000), pieces)
    blocks = [Block.build(np.arange(len(some), dtype=np.int32), units[some]) for some in cut]
    block = blocks[0] if pieces == 1 else Block.merge(blocks, [int(some[0]) for some in cut])
    assert block.base.any()
    assert np.abs(block.vectors(slice(0, 2000)) - units).max() < 1e-4
    found = 0
    for i in range(0, 2000, 100):
        cue = Direction.of(units[i])
        rows, rough = block.closest(cue, 200, arrays)
        exact = units @ units[i]
        assert np.abs(rough - exact[rows]).max() < 0.01
        told = block.cosines(cue, rows, arrays)
        assert rows[told.argmax()] == i
        found += len(set(rows[np.argsort(-told)[:10]].tolist()) & set(np.argsort(-exact)[:10].tolist()))
    assert found >= 160  # of 200: no two of them are nearer than any others; around 0 it would be half


def test_blocks_with_and_without_a_base_are_put_together() -> None:
    rng = np.random.default_rng(3)
    common = unit_rows(rng.normal(10.0, 1.0, (300, 32)).astype(np.float32))
    other = unit_rows(rng.normal(0.0, 1.0, (900, 32)).astype(np.float32))
    made = [Block.build(np.arange(len(units), dtype=np.int32), units) for units in (common, other)]
    both = Block.merge(made, [0, 300])
    assert made[0].base.any()
    assert not both.base.any()
    assert np.abs(both.vectors(slice(0, 1200)) - np.concatenate([common, other])).max() < 1e-3
    assert Block.merge([made[0], both], [1200, 0]).vectors(slice(0, 1)) == pytest.approx(common[:1], abs=1e-3)
