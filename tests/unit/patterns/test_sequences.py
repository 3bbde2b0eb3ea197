import numpy as np
import pytest

from thoughtengine.patterns.kernels.sequences import DEPTH
from thoughtengine.patterns.sequences import Sequences

HASHES = np.random.default_rng(4).integers(-(2**63), 2**63 - 1, 4096)
MINUTE = 60_000_000


def learned(symbols: list[int], *, thread: int = 4000, minutes: int = 10) -> Sequences:
    finder, n = Sequences(), len(symbols)
    moments = np.arange(n) * minutes * MINUTE
    finder.learn(HASHES[symbols], np.arange(n + 1), np.full(n, HASHES[thread]), moments, np.arange(1, n + 1))
    return finder


def history(*symbols: int) -> np.ndarray:
    """Give recent symbols, oldest first, as the finder takes them."""
    recent = np.zeros(DEPTH, np.int64)
    recent[: len(symbols)] = HASHES[list(symbols)[::-1]]
    return recent


def test_what_always_follows_is_expected_with_its_lag() -> None:
    found = learned([1, 2, 3] * 60).next(history(2), 0)
    assert found.symbols[0] == HASHES[3]
    assert found.probabilities[0] > 0.8
    assert found.supports[0] == 60
    assert found.lags[0] == pytest.approx(600, rel=0.01)


def test_a_longer_context_decides_where_a_short_one_cannot() -> None:
    symbols = [1, 5, 2, 9, 3, 5, 4, 9] * 40
    finder = learned(symbols)
    assert finder.next(history(1, 5), 0).symbols[0] == HASHES[2]
    assert finder.next(history(3, 5), 0).symbols[0] == HASHES[4]


def test_probabilities_come_true_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    states, symbols = random.uniform(size=8000), [0]
    for state in states.tolist():
        likely = (symbols[-1] * 3 + 1) % 7
        symbols.append(likely if state < 0.7 else int(random.integers(7)))
    finder = learned(symbols[:6000])
    said, right = [], []
    for k in range(6000, 8000):
        found = finder.next(history(*symbols[k - 5 : k]), 0)
        said.append(found.probabilities[0])
        right.append(found.symbols[0] == HASHES[symbols[k]])
    assert np.mean(said) == pytest.approx(np.mean(right), abs=0.05)


def test_probabilities_add_up_to_one_at_most() -> None:
    random = np.random.default_rng(1)
    finder = learned(random.integers(0, 50, 2000).tolist())
    for symbol in range(50):
        assert 0.0 < finder.next(history(symbol), 0).probabilities.sum() <= 1.0 + 1e-9


def test_sequences_are_told_that_chance_does_not_explain() -> None:
    random = np.random.default_rng(2)
    symbols = random.integers(0, 30, 3000)
    symbols[100:3000:25], symbols[101:3000:25] = 40, 41
    found = learned(symbols.tolist()).following()
    told = {(*g, t) for g, t in zip(found.given.tolist(), found.then.tolist(), strict=True)}
    assert (0, int(HASHES[40]), int(HASHES[41])) in told
    assert all(int(HASHES[41]) in sequence or int(HASHES[40]) in sequence for sequence in told)


def test_random_symbols_have_no_sequences() -> None:
    random = np.random.default_rng(3)
    assert [len(learned(random.integers(0, 40, 4000).tolist()).following().then) for _ in range(5)].count(0) >= 4


def test_simultaneous_symbols_do_not_follow_each_other() -> None:
    finder, n = Sequences(), 80
    symbols = HASHES[[1, 2, 3] * n]
    bounds = np.array([b for i in range(n) for b in (3 * i, 3 * i + 2)] + [3 * n])
    ids = np.arange(1, 2 * n + 1)
    finder.learn(symbols, bounds, np.full(2 * n, HASHES[9]), ids * MINUTE, ids)
    found = finder.following()
    told = {
        (int(g[1]), t): c
        for g, t, c in zip(found.given, found.then.tolist(), found.confidences, strict=True)
        if not g[0]
    }
    assert (int(HASHES[1]), int(HASHES[2])) not in told
    assert told[int(HASHES[3]), int(HASHES[1])] == told[int(HASHES[3]), int(HASHES[2])] == 1.0


def test_all_that_comes_at_once_follows_what_was_before_it_as_often() -> None:
    finder, n = Sequences(), 20
    sizes = np.tile([2, 2, 1], n)  # 1 and 2, 3 and 4, 5
    bounds, ids = np.append(0, np.cumsum(sizes)), np.arange(1, 3 * n + 1)
    finder.learn(HASHES[[1, 2, 3, 4, 5] * n], bounds, np.full(3 * n, HASHES[9]), ids * 60 * MINUTE, ids)
    found = finder.following()
    assert len(found.then)
    assert (found.confidences == 1.0).all()


def test_threads_do_not_mix() -> None:
    finder, n = Sequences(), 120
    symbols, threads = HASHES[[1, 11, 2, 12] * (n // 4)], HASHES[[100, 200] * (n // 2)]
    finder.learn(symbols, np.arange(n + 1), threads, np.arange(n) * MINUTE, np.arange(1, n + 1))
    assert finder.next(finder.history(int(HASHES[100])), 0).symbols[0] == HASHES[1]
    assert finder.next(finder.history(int(HASHES[200])), 0).symbols[0] == HASHES[11]
    assert finder.moment(int(HASHES[300])) is None


def test_a_surprise_costs_more_bits_than_a_habit() -> None:
    finder = learned([1, 2] * 100)
    thread = np.array([HASHES[4000]])
    usual, _ = finder.learn(HASHES[[1]], np.array([0, 1]), thread, np.array([2001 * MINUTE]), np.array([900]))
    unusual, _ = finder.learn(HASHES[[77]], np.array([0, 1]), thread, np.array([2011 * MINUTE]), np.array([901]))
    assert usual[0] < 1.0
    assert unusual[0] > 5.0


def test_what_never_comes_again_is_not_expected_again() -> None:
    random = np.random.default_rng(2)
    finder = Sequences()
    for thread in range(400):  # every visitor sees six of nine rooms, none twice, in any order
        rooms = random.permutation(9)[:6]
        finder.learn(
            HASHES[rooms], np.arange(7), np.full(6, HASHES[1000 + thread]), np.zeros(6, np.int64),
            np.arange(1, 7) + 6 * thread,
        )  # fmt: skip
    found = finder.next(history(1, 2, 3, 4), 0)
    again = np.isin(found.symbols, HASHES[[1, 2, 3, 4]])
    assert found.probabilities[again].sum() < 0.1 * found.probabilities[~again].sum()


def test_predictions_that_somebody_asked_for_calibrate_later_ones() -> None:
    random = np.random.default_rng(3)
    finder = learned(random.integers(0, 4, 4000).tolist())
    before = finder.next(history(1, 2), 0)
    assert before.probabilities[0] == pytest.approx(0.25, abs=0.08)
    for _ in range(60):  # who asks knows when to ask: these come true
        finder.told(history(1, 2), float(finder.next(history(1, 2), 0).probabilities[0]), True)
    after = finder.next(history(1, 2), 0)
    assert after.symbols[0] == before.symbols[0]
    assert after.probabilities[0] > 0.6
    assert after.probabilities.sum() <= 1.0 + 1e-9


def test_all_that_came_shortly_before_tells_jointly_in_any_order() -> None:
    random = np.random.default_rng(0)
    baskets = [random.permutation(30)[:7] for _ in range(25)]
    finder = Sequences()
    for thread in range(250):
        seen = random.permutation(baskets[thread % 25])[:5]
        finder.learn(
            HASHES[seen], np.arange(6), np.full(5, HASHES[1000 + thread]), np.zeros(5, np.int64),
            np.arange(1, 6) + 5 * thread,
        )  # fmt: skip
    right = 0
    for thread in range(200):
        seen = random.permutation(baskets[thread % 25])
        right += finder.next(history(*seen[:4]), 0).symbols[0] in HASHES[seen[4:]]
    assert right > 100  # by contexts and each symbol alone: 84


def chain(seed: int, n: int) -> tuple[np.ndarray, list[int]]:
    """Give the transitions of a chain of twelve states, and a walk on it."""
    random = np.random.default_rng(seed)
    likely, states = random.dirichlet([0.1] * 12, 12), [0]
    for drawn in random.random(n).tolist():
        states.append(min(int(likely[states[-1]].cumsum().searchsorted(drawn)), 11))
    return likely, states


def test_a_plain_chain_costs_hardly_more_bits_than_counts_of_pairs_and_is_calibrated() -> None:
    for seed in range(3):
        _, states = chain(seed, 3000)
        finder, counts, bits, said, came = Sequences(), np.full((12, 12), 0.5), [], [], []
        for k, (last, state) in enumerate(zip([states[0], *states], states, strict=False)):
            if k > 1500:
                found = finder.next(finder.history(int(HASHES[4000])), k * 10 * MINUTE)
                chances = dict(zip(found.symbols.tolist(), found.probabilities.tolist(), strict=True))
                assert 0.85 < sum(chances.values()) <= 1.0 + 1e-9
                told = [chances.get(symbol, 1e-4) for symbol in HASHES[:12].tolist()]
                bits.append((-np.log2(told[state]), -np.log2(counts[last, state] / counts[last].sum())))
                said += told
                came += [symbol == state for symbol in range(12)]
            counts[last, state] += k > 0
            finder.learn(HASHES[[state]], np.arange(2), HASHES[[4000]], np.array([k * 10 * MINUTE]), np.array([k + 1]))
        ours, pairs = np.mean(bits, 0)
        assert ours < pairs + 0.06
        probabilities, right = np.array(said), np.array(came)
        for low, high in ((0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 1.0)):
            these = (probabilities >= low) & (probabilities < high)
            assert probabilities[these].mean() == pytest.approx(right[these].mean(), abs=0.05)


def test_of_several_symbols_at_once_each_has_the_chance_to_be_among_the_next() -> None:
    random = np.random.default_rng(5)
    n, finder = 1500, Sequences()
    drawn = np.stack(
        [random.integers(5, size=n) + 10, random.integers(4, size=n) + 20, random.integers(2, size=n) + 30]
    )
    symbols = HASHES[np.hstack([np.tile([1, 2, 3], (n, 1)), drawn.T]).ravel()]
    finder.learn(symbols, np.arange(n + 1) * 6, np.full(n, HASHES[9]), np.arange(n) * 30 * MINUTE, np.arange(1, n + 1))
    found = finder.next(finder.history(int(HASHES[9])), n * 30 * MINUTE)
    chances = dict(zip(found.symbols.tolist(), found.probabilities.tolist(), strict=True))
    for kind, true in ((range(1, 4), 1.0), (range(10, 15), 0.2), (range(20, 24), 0.25), (range(30, 32), 0.5)):
        told = [chances[symbol] for symbol in HASHES[list(kind)].tolist()]
        assert np.mean(told) == pytest.approx(true, abs=0.05)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_that_a_habit_has_ended_is_told_as_soon_to_who_asks_daily(seed: int) -> None:
    wake, coffee, lunch, bed = HASHES[:4].tolist()
    found = list[float]()
    for asks in (False, True):
        random, finder, chances = np.random.default_rng(seed), Sequences(), list[float]()
        for day in range(330):
            came = [coffee] if day < 300 and random.random() < 0.9 else []
            for i, symbols in enumerate(([wake], [*came, lunch, bed])):
                n = len(symbols)
                moments = np.array([(24 * day + i + j) * 3_600_000_000 for j in range(n)])
                ids = np.arange(n) + 4 * day + i + 1
                before = finder.history(1)
                told = finder.next(before, int(moments[0]) - 1) if i and day > 240 else None
                finder.learn(np.array(symbols), np.arange(n + 1), np.full(n, 1), moments, ids)
                if told is not None and asks:
                    finder.told(before, float(told.probabilities[0]), bool(told.symbols[0] == symbols[0]))
                if told is not None and day in (315, 320, 325, 329):
                    chances.append(float(told.probabilities[told.symbols == coffee][0]))
        found.append(sum(chances))
    assert found[1] < 1.15 * found[0]


def test_what_held_once_and_holds_no_more_loses_to_what_holds_now() -> None:
    random = np.random.default_rng(6)
    symbols, drawn = [0], random.random(6000)
    for k in range(6000):  # after 0 comes 1, and later 2, nine times of ten
        usual = 1 if k < 3000 else 2
        symbols.append(0 if symbols[-1] else usual if drawn[k] < 0.9 else 3 - usual)
    finder = learned(symbols)
    for before in ((0,), (1, 0), (2, 0), (0, 1, 0)):
        found = finder.next(history(*before), 6000 * 10 * MINUTE)
        chances = dict(zip(found.symbols.tolist(), found.probabilities.tolist(), strict=True))
        assert chances[int(HASHES[1])] < 0.3
        assert chances[int(HASHES[2])] > 0.6


def test_what_would_have_come_by_now_is_expected_less() -> None:
    random = np.random.default_rng(7)
    symbols, minutes = [], [0]
    for late in random.random(400) < 0.5:
        symbols += [0, 2 if late else 1]
        minutes += [minutes[-1] + (600 if late else 1)]
        minutes += [minutes[-1] + 1000]
    finder, n = Sequences(), len(symbols)
    finder.learn(
        HASHES[symbols], np.arange(n + 1), np.full(n, HASHES[9]), np.array(minutes[:-1]) * MINUTE, np.arange(1, n + 1)
    )

    def told(waited: float) -> list[float]:
        found = finder.next(history(0), minutes[-2] * MINUTE, waited=waited)
        assert (np.diff(found.probabilities) <= 0.0).all()
        chances = dict(zip(found.symbols.tolist(), found.probabilities.tolist(), strict=True))
        return [chances[symbol] for symbol in HASHES[[1, 2]].tolist()]

    assert told(0.0) == pytest.approx([0.5, 0.5], abs=0.12)
    assert told(5.0) == pytest.approx(told(0.0))
    assert told(7200.0)[0] < 0.02
    assert told(7200.0)[1] > 0.9
    assert told(72_000.0)[0] < 0.02  # also when the other is overdue, too


@pytest.mark.parametrize(("n_symbols", "n"), [(3, 300), (10, 300), (50, 3000)])
def test_of_what_comes_in_no_order_each_is_as_likely_as_it_is(n_symbols: int, n: int) -> None:
    random = np.random.default_rng(1)
    finder, came = Sequences(), random.integers(0, n_symbols, n)
    finder.learn(HASHES[came], np.arange(n + 1), np.full(n, HASHES[200]), np.arange(n) * 10**9, np.arange(1, n + 1))
    told = finder.next(finder.history(int(HASHES[200])), n * 10**9).probabilities
    assert 0.9 < told.sum() <= 1.0
    assert told.max() < 2.0 / n_symbols


def test_what_is_of_one_thread_and_comes_in_any_order_follows_nothing() -> None:
    random = np.random.default_rng(8)
    finder, n = Sequences(), 3000
    threads = random.integers(2, size=n)
    symbols = HASHES[
        np.stack([threads * 10 + random.integers(3, size=n), threads * 10 + 5 + random.integers(3, size=n)], 1)
    ]
    finder.learn(
        symbols.ravel(), np.arange(n + 1) * 2, HASHES[2000 + threads], np.arange(n) * 30 * MINUTE, np.arange(1, n + 1)
    )
    assert len(finder.following().then) == 0


def test_what_is_less_likely_than_the_first_is_told_so() -> None:
    random = np.random.default_rng(6)
    finder, came = Sequences(), random.choice(12, 600, p=np.arange(12, 0, -1) / 78)
    finder.learn(HASHES[came], np.arange(601), np.full(600, HASHES[200]), np.arange(600) * 10**9, np.arange(1, 601))
    for moment in range(600, 700):
        recent = np.zeros(DEPTH, np.int64)
        recent[:3] = HASHES[random.integers(0, 12, 3)]
        before, told = finder._raw(recent, moment * 10**9)[1], finder.next(recent, moment * 10**9).probabilities
        assert (told[1:][before[1:] < before[0]] < told[0]).all()
