"""Compiled and plain maths are equal: to the last bit, but for the exponential of `within`, which each takes from its library."""

import os
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.indexes import ask, entry, index_of, same
from thoughtengine import _jit
from thoughtengine.memory.index import arrays, kernels
from thoughtengine.memory.recall import channels

pytestmark = pytest.mark.skipif(not _jit.available(), reason="no compiler here")

EVERYONE = np.empty(0, np.bool_)
DAY = 86_400_000_000
F = np.float32


@pytest.fixture(scope="module", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    with patch.dict(os.environ, THOUGHTENGINE_CACHE=str(tmp_path_factory.mktemp("cache"))):
        _jit.warm_up()


def numbers(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def answers(name: str, of: Callable[[], tuple[Any, ...]], *, written: int = 1) -> list[list[Any]]:
    """Return what the twin, the kernel and the kernel's Python write into their last arguments, and return."""
    found = []
    kernel = getattr(kernels, name)
    for function in (getattr(arrays, name), kernel, kernel.python):
        arguments = of()
        with np.errstate(over="ignore"):  # hashes wrap around in scalars too
            result = function(*arguments)
        found.append([result, *arguments[-written:]])
    return found


def equal(found: list[list[Any]]) -> bool:
    """Tell whether all wrote the same bytes and returned the same."""
    plain = [[part.tobytes() if isinstance(part, np.ndarray) else part for part in each] for each in found]
    return all(each == plain[0] for each in plain[1:])


def chains(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    previous, following = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    newest: dict[int, int] = {}
    for at, episode in enumerate(rng.integers(0, 3, n).tolist()):
        if episode in newest:
            previous[at], following[newest[episode]] = newest[episode], at
        newest[episode] = at
    return previous, following


def some(rng: np.random.Generator, n: int, filtered: bool) -> Any:
    return rng.random(n) < 0.5 if filtered else EVERYONE


shares = st.sampled_from([0.0, 0.3, 1.0])  # of what is known
seeds = st.integers(0, 2**32)


@given(seeds, st.integers(1, 300), st.integers(0, 12), st.booleans(), st.integers(0, 40), st.integers(0, 40))
def test_accumulate(seed: int, n: int, t: int, filtered: bool, start: int, beyond: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        parts = [np.sort(rng.choice(n, rng.integers(0, n + 1), replace=False)) for _ in range(t)]
        places = np.concatenate([*parts, np.empty(0, np.int64)]).astype(np.uint32)
        packed = places << np.uint32(8) | rng.integers(1, 256, len(places)).astype(np.uint32)
        stops = np.cumsum([0, *map(len, parts)])
        size = start + max(n - beyond, 0)  # the last postings may be of memories behind the view
        weights = np.where(rng.random(t) < 0.2, 0.0, rng.random(t) * 9).astype(np.float32)
        lengths, n_labels = rng.integers(0, 1 << 16, (2, size)).astype(np.uint16)
        text, labels = np.zeros((2, size), np.float32)
        return (
            packed, stops[:-1].copy(), stops[1:].copy(), weights, int(rng.integers(0, t + 1)), start, lengths, n_labels,
            F(rng.random()), F(rng.random() / 10), F(rng.random() / 10), F(rng.random() * 3), some(rng, size, filtered),
            text, labels if rng.random() < 0.8 else labels[:0],
        )  # fmt: skip

    assert equal(answers("accumulate", of, written=2))


@given(seeds, st.integers(0, 50), st.integers(0, 4))
def test_within(seed: int, n: int, n_spans: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        starts = rng.integers(-400 * DAY, 400 * DAY, n_spans)
        stops = starts + rng.integers(0, 60 * DAY, n_spans)
        at = np.concatenate([rng.integers(-500 * DAY, 500 * DAY, n), starts, stops])
        offset = np.concatenate([rng.integers(-50_000, 50_000, n), np.zeros(2 * n_spans, np.int64)]).astype(np.int32)
        return at, offset, starts, stops, F(rng.random()), rng.random(len(at)).astype(np.float32)

    (_, plain), (_, compiled), (_, python) = answers("within", of)
    assert compiled == pytest.approx(plain, rel=3e-7)
    assert python == pytest.approx(plain, rel=3e-7)


@given(seeds, st.integers(1, 60), st.integers(0, 10), st.booleans(), st.booleans())
def test_fill(seed: int, n: int, beyond: int, filtered: bool, labelled: bool) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        previous, following = chains(rng, n + beyond)
        text, dense, labels = (np.where(rng.random(n) < 0.5, rng.random(n), 0.0).astype(np.float32) for _ in "abc")
        places = np.sort(rng.choice(n, rng.integers(0, n + 1), replace=False))
        near, far, echo = rng.random(3).astype(np.float32)
        filling, weight = (F(some * (rng.random() < 0.7)) for some in rng.random(2))
        meaning, rarer, own, named, lent = rng.random((5, len(places))) * [[1.0], [1.0], [0.0], [0.0], [0.0]]
        return (
            text, labels if labelled else labels[:0], dense, some(rng, n, filtered), previous, following,
            rng.integers(0, 400, n).astype(np.uint16), places, near, far, echo, F(50.0), filling, weight, meaning, rarer,
            own, named, lent, np.zeros(len(places), np.int8),
        )  # fmt: skip

    assert equal(answers("fill", of, written=4))
    assert equal([[dense] for _, _, _, dense, *_ in answers("fill", of, written=18)])


@given(seeds, st.integers(0, 90), st.integers(1, 12), st.integers(1, 40))
def test_ordered(seed: int, n: int, c: int, k: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        return (rng.integers(0, 3, (c, n)) * rng.choice([0.3, 0.5, 0.7])).reshape(-1), k, np.empty(n)

    found = answers("ordered", of)
    assert equal(found)
    scores = found[0][1]
    assert equal([found[0], *([best, scores] for best, _ in answers("best", lambda: (scores, k)))])


@given(seeds, st.integers(1, 60), st.integers(0, 10))
def test_around(seed: int, n: int, beyond: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        previous, following = chains(rng, n + beyond)
        places = np.sort(rng.choice(n, rng.integers(0, n + 1), replace=False))
        return places, previous[:n].copy(), following[:n].copy(), n

    assert equal([[found] for found, *_ in answers("around", of)])


@given(
    seeds, st.integers(1, 60), st.sampled_from([4, 8, 12]), st.sampled_from([0.0, 0.1, 0.9]), st.integers(1, 30),
    st.sampled_from([1, 3]),
)  # fmt: skip
def test_closest(seed: int, n: int, width: int, share: float, near: int, stride: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        d = int(rng.integers(1, 70))
        codes = rng.integers(0, 1 << 64, n * width, np.uint64)
        codes[rng.random(n * width) < 0.2] = np.uint64((1 << 64) - 1)
        among = np.flatnonzero(rng.random(n) < share)
        coarse, fine, scale = quantised(rng, n, d)
        few = min(near, len(among) or n)
        return (
            codes, codes[:width].copy(), among, few, int(rng.integers(0, 40)), stride, coarse,
            fine if rng.random() < 0.5 else fine[:0], scale, *in_steps(rng, d, 2000, np.int16), int(rng.integers(1, 40)),
            np.zeros(4 * few),
        )  # fmt: skip

    assert equal(answers("closest", of))


@given(seeds, st.integers(1, 60), st.sampled_from([1, 5, 64]), st.integers(1, 80), st.booleans(), shares)
def test_compared(seed: int, n: int, d: int, least: int, finely: bool, share: float) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        coarse, fine, scale = quantised(rng, n, d)
        rows = np.flatnonzero(rng.random(n) < 0.7)
        rough, exactly = in_steps(rng, d, 2000, np.int16), in_steps(rng, d, 1 << 20, np.int32)
        known = some_known(rng, n, share)
        return (
            coarse,
            fine if finely else fine[:0],
            fine,
            scale,
            *rough,
            *exactly,
            rows,
            *known,
            least,
            np.empty(len(rows)),
        )

    assert equal(answers("compared", of))


def some_known(rng: np.random.Generator, n: int, share: float) -> tuple[Any, Any]:
    rows = np.flatnonzero(rng.random(n) < share)
    return rows, rng.random(len(rows))


def in_steps(rng: np.random.Generator, d: int, most: int, dtype: Any) -> tuple[Any, Any, Any, float]:
    padded = np.zeros(d + d % 2, dtype)
    padded[:d] = rng.integers(-most, most + 1, d)
    return padded[::2].copy(), padded[1::2].copy(), padded[:d].copy(), rng.random() / most


def quantised(rng: np.random.Generator, n: int, d: int) -> tuple[Any, Any, Any]:
    low, high = rng.integers(1, 16, (2, n * ((d + 1) // 2))).astype(np.uint8)
    return low | high << 4, rng.integers(-127, 128, n * d).astype(np.int8), rng.random(n).astype(np.float32)


@given(seeds, st.integers(1, 300), st.integers(0, 5))
def test_coded(seed: int, d: int, more: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        vector, centre = rng.integers(-2, 3, (2, d)).astype(np.float32)
        return vector, centre, rng.integers(0, 1 << 64, -(-d // 64) + more, np.uint64)

    assert equal(answers("coded", of))


@given(seeds, st.integers(1, 300), st.sampled_from([0.0, 1e-30, 1.0]))
def test_in_steps(seed: int, d: int, size: float) -> None:
    def of() -> tuple[Any, ...]:
        unit, h = (numbers(seed).standard_normal(d) * size).astype(np.float32), (d + 1) // 2
        return unit, 2000, 1 << 20, *(np.zeros(n, dtype) for dtype in (np.int16, np.int32) for n in (h, h, d))

    assert equal(answers("in_steps", of, written=6))


@given(seeds, st.integers(1, 40), st.sampled_from([1, 2, 5, 64, 384, 8192]), st.booleans(), st.booleans(), shares)
def test_cosines(seed: int, n: int, d: int, finely: bool, extreme: bool, share: float) -> None:
    assume(n * d < 1 << 15)

    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        coarse, fine, scale = quantised(rng, n, d)
        padded = np.zeros(d + d % 2, np.int16)
        padded[:d] = rng.integers(-2000, 2001, d)
        if extreme:
            coarse[:], fine[:], padded[:d] = 15 | 15 << 4, 127, 2000
        rows, known = np.sort(rng.integers(0, n, rng.integers(0, n + 1))), some_known(rng, n, share)
        even, odd, steps = padded[::2].copy(), padded[1::2].copy(), padded[:d].copy()
        return (
            coarse, fine if finely else fine[:0], scale, even, odd, steps, rng.random(), rows, *known, np.empty(len(rows)),
        )  # fmt: skip

    assert equal(answers("cosines", of))


@given(seeds, st.integers(1, 40), st.sampled_from([1, 2, 3, 64, 385, 8192]), st.booleans(), st.booleans())
def test_exact(seed: int, n: int, d: int, picked: bool, extreme: bool) -> None:
    assume(n * d < 1 << 15)

    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        coarse, fine, scale = quantised(rng, n, d)
        rows = rng.integers(0, n, rng.integers(0, n + 1))
        at = np.arange(len(rows)) if picked else rows
        left = fine.reshape(n, d)[rows].ravel() if picked else fine
        padded = np.zeros(d + d % 2, np.int32)
        padded[:d] = (1 << 20) if extreme else rng.integers(-(1 << 20), (1 << 20) + 1, d)
        even, odd, steps = padded[::2].copy(), padded[1::2].copy(), padded[:d].copy()
        return coarse, left, scale, even, odd, steps, rng.random(), rows, at, np.empty(len(rows))

    assert equal(answers("exact", of))


@given(seeds, st.integers(1, 40), st.integers(1, 6), st.booleans(), st.booleans())
def test_holds(seed: int, n: int, t: int, filtered: bool, chosen: bool) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        start = int(rng.integers(0, 9))
        parts = [np.sort(rng.choice(n, rng.integers(0, n + 1), replace=False)) for _ in range(t)]
        packed = np.concatenate(parts).astype(np.uint32) << np.uint32(8) | np.uint32(3)
        stops = np.cumsum([0, *map(len, parts)])
        ends = np.unique(np.append(rng.integers(1, t + 1, rng.integers(0, 3)), t))
        among = (
            np.sort(rng.choice(start + n, rng.integers(1, start + n + 1), replace=False))
            if chosen
            else np.empty(0, np.int64)
        )
        return (
            packed,
            stops[:-1].copy(),
            stops[1:].copy(),
            rng.permutation(t),
            ends,
            start,
            some(rng, start + n, filtered),
            among,
        )

    assert equal([[found] for found, *_ in answers("holds", of)])


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]) | st.floats(-1, 1), max_size=300), st.integers(1, 80))
def test_foremost(values: list[float], k: int) -> None:
    assert equal([[found] for found, *_ in answers("foremost", lambda: (np.array(values, np.float64), k))])


@given(seeds, st.integers(1, 30), st.booleans(), st.booleans())
def test_signs(seed: int, m: int, behind: bool, textual: bool) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        scores = np.sort(rng.integers(1, 9, m) * 0.3)[::-1].copy()
        texts, told = scores * rng.random((2, m))
        following, crowd = (float(scores[-1] * rng.random()) for _ in "ab")
        return (
            scores, texts, rng.random(m) * 3, told, np.log(np.arange(1.0, m + 1.0)), following if behind else 0.0, crowd,
            rng.random() if textual else 0.0, rng.random(5), np.empty(13 * m),
        )  # fmt: skip

    assert equal(answers("signs", of))


@given(seeds, st.integers(1, 60), st.integers(0, 8), st.integers(1, 12))
def test_first_of(seed: int, n: int, k: int, several: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        values = rng.integers(0, 1 << 64, several, np.uint64)
        folds = rng.choice(values, n)
        wanted = np.concatenate((rng.choice(values, k), rng.integers(0, 1 << 64, 2, np.uint64)))
        return folds, np.argsort(folds, kind="stable").astype(np.uint32), wanted, *np.empty((2, k + 2), np.int64)

    assert equal(answers("first_of", of, written=2))


@given(seeds, st.integers(1, 400), st.integers(1, 40), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2))
def test_leaders(seed: int, n: int, k: int, labelled: bool, more: bool, filtered: bool, n_named: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        text, labels, extra = rng.integers(0, 4, (3, n)).astype(np.float32) * F(0.3)
        source, named = rng.integers(0, 3, n).astype(np.int32), np.arange(n_named)
        return (
            text, labels if labelled else labels[:0], extra if more else extra[:0], source, named, F(1.3),
            some(rng, n, filtered), k, np.empty(n, np.float32),
        )  # fmt: skip

    assert equal([[found] for found, *_ in answers("leaders", of)])


@given(seeds, st.integers(0, 200), st.integers(1, 9))
def test_one_of_each(seed: int, n: int, n_folds: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        folds = np.concatenate(([0], rng.integers(0, 1 << 64, n_folds - 1, np.uint64))).astype(np.uint64)
        return rng.integers(0, 4, n).astype(np.float32) * F(0.3), rng.choice(folds, n)

    assert equal(answers("one_of_each", of, written=2))


@given(seeds, st.integers(1, 60), st.integers(0, 10), st.integers(1, 20), st.booleans())
def test_with_friends(seed: int, n: int, beyond: int, n_friends: int, filtered: bool) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        previous, following = chains(rng, n + beyond)
        found, lenders = (np.flatnonzero(rng.random(n) < share) for share in (0.3, 0.5))
        text, dense = rng.integers(0, 4, (2, n)).astype(np.float32) * F(0.3)
        return found, lenders, text, dense, n_friends, previous[:n].copy(), following[:n].copy(), some(rng, n, filtered)

    assert equal([[found] for found, *_ in answers("with_friends", of)])


@given(seeds, st.integers(0, 30))
def test_joined(seed: int, n: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        return tuple(np.flatnonzero(rng.random(n) < 0.4) for _ in "ab")

    assert equal([[found] for found, *_ in answers("joined", of)])


@given(seeds, st.integers(0, 30), st.integers(0, 10))
def test_lay(seed: int, n_hashes: int, others: int) -> None:
    def of() -> tuple[Any, ...]:
        rng = numbers(seed)
        sizes = rng.integers(0, 6, n_hashes)
        bounds = np.concatenate(([0], np.cumsum(sizes)))
        into = np.sort(rng.choice(n_hashes + others, n_hashes, replace=False))
        room = rng.integers(0, 5, n_hashes + others)  # what the segments before took, and those behind will take
        room[into] += sizes
        filled = np.concatenate(([0], np.cumsum(room)))[:-1]
        postings = rng.integers(0, 1 << 24, int(bounds[-1])).astype(np.uint32)
        shift = np.uint32(rng.integers(0, 1 << 16) << 8)
        return postings, bounds, into, shift, filled, np.zeros(int(room.sum()), np.uint32)

    assert equal(answers("lay", of, written=2))


words = st.lists(st.sampled_from(["tea", "coffee", "milk", "Dana", "rain"]), min_size=1, max_size=5).map(" ".join)


@given(st.lists(words, min_size=1, max_size=30), words)
def test_whole_recalls(texts: list[str], cue: str) -> None:
    index = index_of(*(entry(text, source="Dana" if len(text) % 2 else None, episode="e") for text in texts))
    plain = ask(index, cue)
    with patch.object(channels, "_COMPILED", 0):
        assert channels.compiled(1).closest is kernels.closest.compile()
        assert same(plain, ask(index, cue))
