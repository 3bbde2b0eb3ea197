"""Every compiled finder leaves the same tables as its twin in plain NumPy, whatever the stream and however it is cut."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoughtengine.patterns import arrays, concepts, kernels
from thoughtengine.patterns.kernels.associations import KINDS, PAIR, PLACES, SINGLE
from thoughtengine.patterns.kernels.rhythms import BEAT
from thoughtengine.patterns.kernels.sequences import (
    AGES,
    BLENDED,
    DEPTH,
    KNOT,
    KNOTS,
    LAG,
    ROW,
    SKIP_ROW,
    STRATA,
    THREAD,
    WORD,
)
from thoughtengine.patterns.sequences import untaught

HASHES = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 64)
DAY = 86_400_000_000
streams = st.lists(
    st.tuples(st.lists(st.integers(0, 40), max_size=4, unique=True), st.integers(0, 5), st.integers(-90, 60)),
    max_size=60,
)


def columns(stream: list[tuple[list[int], int, int]]) -> dict[str, Any]:
    """Give a stream of (items, thread, hours since the last) as arrays."""
    sizes = [len(items) for items, _, _ in stream]
    return {
        "items": HASHES[[item for items, _, _ in stream for item in items]],
        "bounds": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "threads": HASHES[[50 + thread for _, thread, _ in stream]],
        "befores": np.array([HASHES[56 + thread] if thread % 3 else 0 for _, thread, _ in stream], np.int64),
        "moments": np.cumsum([hours for _, _, hours in stream], dtype=np.int64) * (DAY // 24),
        "ids": np.arange(1, len(stream) + 1),
    }


def pieces(columns_: dict[str, Any], cut: int) -> list[dict[str, Any]]:
    """Give the columns cut in two."""
    bounds, n = columns_["bounds"], len(columns_["ids"])
    cut = min(cut, n)
    found = []
    for start, stop in ((0, cut), (cut, n)):
        part = {name: values[start:stop] for name, values in columns_.items()}
        part["bounds"] = bounds[start : stop + 1] - bounds[start]
        part["items"] = columns_["items"][bounds[start] : bounds[stop]]
        found.append(part)
    return found


def sequence_tables() -> list[Any]:
    return [
        np.zeros(64, np.int64), np.zeros(64 * ROW, np.int64), np.zeros(64 * LAG), np.zeros(16, np.int64),
        np.zeros(16 * SKIP_ROW, np.int64), np.zeros(16 * WORD, np.int64), np.ones(BLENDED + 2 * STRATA),
        np.zeros(8 * THREAD, np.int64), np.zeros(8, np.int64), untaught(),
        np.zeros(2 * STRATA * KNOTS * KNOT), np.full(2 * AGES, 5.0),
    ]  # fmt: skip


def same(left: list[Any], right: list[Any]) -> None:
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("twin", [arrays, kernels])
@given(stream=streams, cut=st.integers(0, 60))
@settings(deadline=None, max_examples=25)
def test_what_follows_what_is_learned_alike(twin: Any, stream: list[Any], cut: int) -> None:
    c, expected, found = columns(stream), sequence_tables(), sequence_tables()
    bits = np.zeros(2 * len(c["items"]))
    whole, runs = c["threads"].copy(), []
    arrays.follow(c["items"], c["bounds"], whole, c["befores"], c["moments"], c["ids"], *expected, bits)
    told = []
    for p in pieces(c, cut):
        some = np.zeros(2 * len(p["items"]))
        twin.follow(p["items"], p["bounds"], p["threads"], p["befores"], p["moments"], p["ids"], *found, some)
        runs += p["threads"].tolist()
        told.append(some)
    same(expected, found)
    assert runs == whole.tolist()
    np.testing.assert_allclose(np.hstack([some.reshape(2, -1) for some in told]).ravel(), bits)
    assert (bits >= 0).all()


@given(stream=streams, history=st.lists(st.integers(0, 40), max_size=DEPTH), hour=st.integers(0, 30))
@settings(deadline=None, max_examples=25)
def test_what_is_expected_is_told_alike(stream: list[Any], history: list[int], hour: int) -> None:
    c, tables = columns(stream), sequence_tables()
    kernels.follow(
        c["items"],
        c["bounds"],
        c["threads"],
        c["befores"],
        c["moments"],
        c["ids"],
        *tables,
        np.zeros(2 * len(c["items"])),
    )
    recent = np.zeros(DEPTH, np.int64)
    recent[: len(history)] = HASHES[history]
    keys, rows, lags, skip_keys, skip_rows, words, weights, _, counters, _, _, repeats = tables
    answers = []
    for twin in (arrays, kernels):
        found, told = np.zeros(200, np.int64), np.zeros(300)
        n = twin.expect(
            recent, hour * DAY // 24, keys, rows, lags, skip_keys, skip_rows, words, weights, counters, repeats, found,
            told,
        )  # fmt: skip
        order = np.argsort(found[:n])
        answers.append((found[:n][order], found[100 : 100 + n][order], told.reshape(3, 100)[:, :n][:, order].ravel()))
        assert told[:n].max(initial=0.0) <= 1.0
    same(list(answers[0]), list(answers[1]))


@given(seed=st.integers(0, 99), n=st.integers(0, 60), d=st.sampled_from([3, 64, 70]), cut=st.integers(0, 60))
@settings(deadline=None, max_examples=25)
def test_what_is_alike_is_gathered_alike(seed: int, n: int, d: int, cut: int) -> None:
    random, cap = np.random.default_rng(seed), 24
    points = random.normal(size=(n, d)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    ids, cut = np.arange(1, n + 1), min(cut, n)
    results = []
    for twin, cuts in ((arrays, [0, n]), (arrays, [0, cut, n]), (kernels, [0, cut, n])):
        tables = [
            np.zeros(cap * d, np.float32), np.zeros(cap * d, np.float32), np.zeros(cap * ((d + 63) // 64), np.int64),
            np.zeros(cap), np.zeros(cap * 8, np.int64), np.zeros(cap * 8, np.float32), np.zeros(d),
            np.zeros(d, np.float32), np.zeros(4, np.int64),
        ]  # fmt: skip
        chosen, likeness = np.zeros(n, np.int64), np.zeros(n)
        for a, b in itertools.pairwise(cuts):
            twin.gather(points[a:b].ravel(), ids[a:b], 0.4, 0.02, 4, *tables, chosen[a:b], likeness[a:b])
        results.append([*tables, chosen, likeness])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_of_what_is_the_same_the_first_to_come_are_exemplars(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random, n = np.random.default_rng(seed), 300
    drawn = random.integers(3, size=n)
    points, ids = random.normal(size=(3, 64)).astype(np.float32)[drawn], np.arange(1, n + 1)
    for twin in (arrays, kernels):
        monkeypatch.setattr(concepts, "maths", lambda twin=twin: twin)
        finder = concepts.Concepts(64)
        finder.learn(points, ids)
        _, _, firsts, exemplars, _ = finder.snapshot()
        assert exemplars.tolist() == [ids[drawn == drawn[first - 1]][:6].tolist() for first in firsts.tolist()]


@given(stream=streams, cut=st.integers(0, 60))
@settings(deadline=None, max_examples=25)
def test_what_comes_together_is_counted_alike(stream: list[Any], cut: int) -> None:
    c = columns(stream)
    empty = [np.zeros(n, np.int64) for n in (16 * SINGLE, 32 * PAIR, 4, PLACES)]
    expected, found = copy.deepcopy(empty), copy.deepcopy(empty)
    arrays.associate(c["items"], c["items"] % KINDS, c["bounds"], c["ids"], c["moments"], *expected)
    for p in pieces(c, cut):
        kernels.associate(p["items"], p["items"] % KINDS, p["bounds"], p["ids"], p["moments"], *found)
    same(expected, found)


@given(stream=streams, cut=st.integers(0, 60))
@settings(deadline=None, max_examples=25)
def test_rhythms_are_kept_alike(stream: list[Any], cut: int) -> None:
    c, periods = columns(stream), np.array([DAY // 4, DAY, 7 * DAY])
    empty = [np.zeros(16, np.int64), np.zeros(16 * (BEAT + 6), np.int64), np.zeros(16 * 12)]
    expected, found = copy.deepcopy(empty), copy.deepcopy(empty)
    arrays.beat(c["items"], c["bounds"], c["moments"], c["ids"], periods, *expected)
    for p in pieces(c, cut):
        kernels.beat(p["items"], p["bounds"], p["moments"], p["ids"], periods, *found)
    same(expected, found)


@given(seed=st.integers(0, 99), n=st.integers(0, 30), longest=st.integers(1, 12), penalty=st.floats(0.1, 3.0))
@settings(deadline=None, max_examples=25)
def test_segments_are_found_alike(seed: int, n: int, longest: int, penalty: float) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    answers = []
    for twin in (arrays, kernels):
        gains, begins = np.zeros(n + 1), np.zeros(n + 1, np.int64)
        twin.divide(points.ravel(), 5, penalty, longest, gains, begins)
        answers.append([gains, begins])
    same(*answers)


@given(
    scores=st.lists(st.floats(-1.0, 3.0), max_size=200),
    cut=st.integers(0, 200),
    steps=st.sampled_from([[], [0.1, 0.3]]),
)
@settings(deadline=None, max_examples=25)
def test_chances_and_changes_are_told_alike(scores: list[float], cut: int, steps: list[float]) -> None:
    answers = []
    for twin, cuts in ((arrays, (0, len(scores))), (kernels, (0, min(cut, len(scores)), len(scores)))):
        state = [np.zeros(32 * (len(steps) + 2 if steps else 1)), np.zeros(2), np.zeros(2)]
        chances, changed = np.zeros(len(scores)), np.zeros(len(scores), np.bool_)
        for a, b in itertools.pairwise(cuts):
            bets = np.array([0.2, 0.5])
            twin.notice(
                np.array(scores[a:b]), 0.0, 2.0, 0.99, 20.0, np.array(steps), bets, *state, chances[a:b], changed[a:b]
            )
        answers.append([*state, chances, changed])
    same(*answers)
    assert ((answers[0][3] > 0.0) & (answers[0][3] <= 1.0)).all()
