"""Compiled and plain maths are equal to the last bit."""

import os
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.indexes import ask, entry, index_of, same
from thoughtengine import _jit
from thoughtengine.memory import arrays, channels, kernels

pytestmark = pytest.mark.skipif(not _jit.available(), reason="no compiler here")


@pytest.fixture(scope="module", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    with patch.dict(os.environ, THOUGHTENGINE_CACHE=str(tmp_path_factory.mktemp("cache"))):
        _jit.warm_up()


def numbers(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(0, 12), st.booleans(), st.sampled_from([10, 16_384]))
def test_accumulate(seed: int, n: int, t: int, filtered: bool, short: int) -> None:
    rng = numbers(seed)
    parts = [np.sort(rng.choice(n, rng.integers(0, n + 1), replace=False)) for _ in range(t)]
    positions = np.concatenate([*parts, []]).astype(np.int32)
    bounds = np.cumsum([0, *map(len, parts)])
    counts = rng.integers(1, 256, len(positions)).astype(np.uint8)
    wanted = rng.random(n) < 0.5 if filtered else np.empty(0, np.bool_)
    given_ = positions, counts, bounds, rng.random(t) * 9, rng.random(n) * 9, wanted, float(rng.random() * 3)
    out: list[Any] = [np.zeros(n), np.zeros(n), np.zeros(n)]
    with patch.object(arrays, "_SHORT", short):
        arrays.accumulate(*given_, out[0])
    kernels.accumulate(*given_, out[1])
    kernels.accumulate.python(*given_, out[2])
    assert out[0].tobytes() == out[1].tobytes() == out[2].tobytes()


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 10))
def test_spread(seed: int, n: int, beyond: int) -> None:
    rng = numbers(seed)
    previous, following = np.full(n + beyond, -1, np.int32), np.full(n + beyond, -1, np.int32)
    newest: dict[int, int] = {}
    for at, episode in enumerate(rng.integers(0, 3, n + beyond).tolist()):
        if episode in newest:
            previous[at], following[newest[episode]] = newest[episode], at
        newest[episode] = at
    places = np.sort(rng.choice(n, rng.integers(0, n + 1), replace=False))
    base = np.where(rng.random(n) < 0.5, rng.random(n), 0.0)
    lengths = rng.integers(0, 400, n).astype(np.int32)
    near, far, echo = rng.random(3).tolist()
    out = [np.empty(len(places)) for _ in range(3)]
    for maths, written in zip((arrays.spread, kernels.spread, kernels.spread.python), out, strict=True):
        maths(base, previous[:n], following[:n], lengths, places, near, far, echo, 50.0, written)
    assert out[0].tobytes() == out[1].tobytes() == out[2].tobytes()


words = st.lists(st.sampled_from(["tea", "coffee", "milk", "Dana", "rain"]), min_size=1, max_size=5).map(" ".join)


@given(st.lists(words, min_size=1, max_size=30), words)
def test_whole_recalls(texts: list[str], cue: str) -> None:
    index = index_of(*(entry(text, source="Dana" if len(text) % 2 else None, episode="e") for text in texts))
    plain = ask(index, cue)
    with patch.object(channels, "_KERNELS", 0):
        assert channels._maths(1) is kernels
        assert same(plain, ask(index, cue))
