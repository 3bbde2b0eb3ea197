"""The maths of patterns in plain NumPy: answers until the compiled one is there, and what the tests hold `kernels` against.

Tables are flat arrays. A row is found by its key, a 64-bit hash, among the eight of its set; 0 is no key. A set that is full
gives up the row that was seen least often, of equals the one that was used longest ago.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray
from thoughtengine.patterns.kernels import (
    AGES,
    BASKET,
    BEAT,
    BLENDED,
    BROAD,
    DEPTH,
    DOUBT,
    ETA,
    EVERY,
    FADE,
    FAINTER,
    FEW,
    FIRST,
    FOLLOWER,
    FOUNDED,
    HEAD,
    KEPT,
    KINDS,
    LINE,
    MOST,
    NEAR,
    PAIR,
    PARTS,
    PRIOR,
    REPEATED,
    ROW,
    SINGLE,
    SKIP_ROW,
    STRATA,
    THREAD,
    TOP,
    UNSURE,
    UNUSUAL,
    WATCHED,
    WAYS,
    WORD,
    YOUNG,
)

__all__ = ["associate", "beat", "context_key", "correct", "divide", "expect", "follow", "gather", "kind_of", "notice"]

_SLOT = 10_800_000_000  # three hours
_DAY, _HALF_DAY, _HOUR = 86_400_000_000, 43_200_000_000, 3_600_000_000


def follow(
    symbols: IntArray,
    bounds: IntArray,
    threads: IntArray,
    moments: IntArray,
    ids: IntArray,
    keys: IntArray,
    rows: IntArray,
    lags: FloatArray,
    skip_keys: IntArray,
    skip_rows: IntArray,
    words: IntArray,
    weights: FloatArray,
    histories: IntArray,
    counters: IntArray,
    calibration: FloatArray,
    repeats: FloatArray,
    bits: FloatArray,
) -> None:
    """Learn what follows what, and tell how surprising each symbol was before it was learned.

    A mixture of contexts of one to five symbols, the last symbol in its part of the day, symbols at a distance, frequency,
    and a base; what a component is worth depends on how much it has seen, and is learned. To that is added what all that
    came shortly before calls for jointly: what comes after each of it more often than usual. Of the first experiences all,
    later one in eight is predicted before it is learned: so it learns how far probabilities are to be trusted, and how
    often what came lately comes again.

    Parameters
    ----------
    symbols : array of int64, shape (s,)
        What came, hashes other than 0.
    bounds : array of int64, shape (n + 1,)
        Those of experience i, which are simultaneous: ``symbols[bounds[i]:bounds[i + 1]]``.
    threads, moments, ids : array of int64, shape (n,)
        Hash of the run of experiences it belongs to, microseconds of the wall clock, id.
    keys, rows, lags : arrays of shapes (c,), (c * ROW,), (c * (1 + KEPT),)
        Contexts; written. `lags`: logarithm of seconds plus one, the median of the context, then the mean to each follower.
    skip_keys, skip_rows : arrays of int64, shapes (k,), (k * SKIP_ROW,)
        What comes within eight symbols of a symbol; written.
    words : array of int64, shape (w * WORD,)
        How often each symbol came; written.
    weights : array of float64, shape (BLENDED + 2 * STRATA,)
        Of the components, by what they have seen; then of the mixture and of all that is near jointly, by the length of the
        history; written.
    histories : array of int64, shape (t * THREAD * 8,)
        The last 32 symbols of each thread, and how many of them came at once; written.
    counters : array of int64, shape (8,)
        Experiences, symbols, distinct symbols, weight of the pairs at a distance, rules, experiences with symbols; written.
    calibration : array of float64, shape (l * LINE,)
        A line for the first candidate and one for the others, by the length of the history; written.
    repeats : array of float64, shape (2 * AGES,)
        Faded: how often what was that old came again, and how often that was expected; written.
    bits : array of float64, shape (2 * s,)
        Surprise of each symbol, then how often a symbol had come on average; written.

    References
    ----------
    Cleary and Witten, Data compression using adaptive coding and partial string matching, 1984; Mahoney, Adaptive weighing
    of context models, 2005; Platt, Probabilistic outputs for support vector machines, 1999. Deviates: linear mixing, a
    channel at a distance, lags, calibration that forgets.
    """
    table, lags_ = rows.reshape(-1, ROW), lags.reshape(-1, 1 + KEPT)
    near, frequent, past = skip_rows.reshape(-1, SKIP_ROW), words.reshape(-1, WORD), histories.reshape(-1, THREAD)
    known_so_far = (keys, rows, lags, skip_keys, skip_rows, words, weights, counters)
    for e in range(len(threads)):
        thread, came = past[_thread(past, threads[e])], symbols[bounds[e] : bounds[e + 1]]
        history = thread[FIRST:]
        order = int(counters[0])
        if (order < WATCHED or order % EVERY == 0) and len(came) and history[0]:
            _compare(history, int(moments[e]), came, order, known_so_far, calibration, repeats)
        counters[0] += 1
        counters[5] += len(came) > 0
        lag = math.log(max((int(moments[e]) - int(thread[2])) * 1e-6, 0.0) + 1.0) if history[0] else 0.0
        for s, x in enumerate(came, bounds[e]):
            total, base = int(counters[1]), 1.0 / (counters[2] + 1.0)
            word, known = _place(frequent[:, 0], x, frequent[:, 1:2])
            places = _contexts(history, int(thread[3]), int(moments[e]), keys, table, lags_)
            chances, buckets = np.zeros(PARTS), np.full(PARTS, -1)
            if total:
                chances[0], buckets[0] = (frequent[word, 1] / total if known else 0.0), _scale(total)
            for order_, at in places.items():
                n = int(table[at, 0])
                if n:
                    followers = table[at, HEAD:].reshape(-1, FOLLOWER)
                    chances[order_] = followers[followers[:, 0] == x, 1].sum() / n
                    buckets[order_] = order_ * 28 + _scale(n) * 4 + _spread(followers)
            chances[7], n_near = _at_distance(history, x, skip_keys, near, int(counters[3]))
            if n_near:
                buckets[7] = 7 * 28 + min(6, n_near)
            chances[8], buckets[8] = base, 8 * 28
            told = buckets >= 0
            shares = np.where(told, weights[np.where(told, buckets, 0)], 0.0)
            shares /= sum(shares.tolist())
            chances = 0.999 * chances + 0.001 * base
            chance = float(sum((shares * chances).tolist()))
            bits[s], bits[len(symbols) + s] = -math.log2(chance), total * base
            gains = ETA * (shares * chances / chance - shares) / np.maximum(shares, 0.05)
            at_ = buckets[told]
            weights[at_] = np.clip(weights[at_] * np.exp(gains[told]), 1e-4, 1e4)
            _learn(x, word, known, places, lag, int(ids[e]), counters, frequent, table, lags_)
            _learn_at_distance(x, history, skip_keys, near, counters)
        for x in came:
            history[1:] = history[:-1].copy()
            history[0] = x
        if len(came):
            thread[1:FIRST] = counters[0], moments[e], len(came)


def _compare(
    history: IntArray,
    moment: int,
    came: IntArray,
    order: int,
    known: tuple[NDArray[Any], ...],
    calibration: FloatArray,
    repeats: FloatArray,
) -> None:
    """Predict one experience before it is learned, and compare."""
    before = repeats.copy()
    for depth in (DEPTH, 1 << order // EVERY % 4) if history[NEAR - 1] else (DEPTH,):
        recent = np.where(np.arange(DEPTH) < depth, history, 0)
        mixed, together, _ = _foresee(recent, moment, *known, most=MOST)
        if not mixed:
            continue
        chances = _blended(mixed, together, recent, known[6])
        if depth == DEPTH:
            _learn_repeats(came, recent, chances, repeats)
        told = _seasoned(chances, recent, before if depth == DEPTH else repeats)
        _learn_blend(came, recent, mixed, together, known[6])
        kind = kind_of(recent)
        best = sorted(told, key=lambda symbol: (-told[symbol], symbol))[:TOP]
        for rank, symbol in enumerate(best):
            correct(calibration, 2 * kind + min(rank, 1), told[symbol], symbol in came)


def _blended(
    mixed: dict[int, float], together: dict[int, float], history: IntArray, weights: FloatArray
) -> dict[int, float]:
    """Return the chances of the mixture and what is jointly told, by what either has been worth."""
    if not history[0]:
        return mixed
    alone, joint = weights[BLENDED + 2 * kind_of(history) :][:2]
    share = float(joint / (alone + joint))
    return {symbol: chance + share * (together[symbol] - chance) for symbol, chance in mixed.items()}


def _learn_blend(
    came: IntArray, history: IntArray, mixed: dict[int, float], together: dict[int, float], weights: FloatArray
) -> None:
    line = weights[BLENDED + 2 * kind_of(history) :][:2]
    for x in came.tolist():
        if x in mixed:
            worth = line * (mixed[x], together[x])
            line[:] = FADE * line + (1.0 - FADE) * PRIOR + worth / worth.sum()


def kind_of(history: IntArray) -> int:
    """Return which lines of calibration count for a history of one symbol or more, by its length."""
    return min(int(np.count_nonzero(history) - 1).bit_length(), STRATA - 1)


def correct(calibration: FloatArray, line: int, chance: float, right: bool, *, surely: float = 0.02) -> None:
    """Learn from one prediction how far such probabilities are to be trusted: a step of Newton's, the past fading.

    Parameters
    ----------
    calibration : array of float64, shape (l * LINE,)
        Written.
    line : int
        Which of its lines.
    chance : float
        What was said, in [0, 1].
    right : bool
        Whether it came.
    surely : float
        How much one prediction says of the line, at least: the more, the less a single surprise moves it.
    """
    state = calibration[line * LINE : (line + 1) * LINE]
    clipped = min(max(chance, 1e-6), 1.0 - 1e-6)
    x = np.array([1.0, math.log(clipped / (1.0 - clipped)) + 1.0])
    p = 1.0 / (1.0 + math.exp(1.0 - float(state[:2] @ x)))
    kept, matrix = (1.0 - FADE) * PRIOR, state[[2, 3, 3, 4]].reshape(2, 2)
    matrix = FADE * matrix + kept * np.eye(2) + max(p * (1.0 - p), surely) * np.outer(x, x)
    state[2:] = matrix[0, 0], matrix[0, 1], matrix[1, 1]
    state[:2] += np.linalg.solve(matrix, (right - p) * x + kept * (np.array([0.0, 1.0]) - state[:2]))


def _ages(history: IntArray) -> dict[int, int]:
    """Return how long ago each symbol last came, in steps that double."""
    found: dict[int, int] = {}
    for j, symbol in enumerate(history[: np.count_nonzero(history)].tolist()):
        found.setdefault(symbol, j.bit_length())
    return found


def _seasoned(chances: dict[int, float], history: IntArray, repeats: FloatArray) -> dict[int, float]:
    """Return chances in which what came lately is as much rarer or more frequent as it was so far."""
    factors = repeats[::2] / repeats[1::2]
    ages = _ages(history)
    told = {
        symbol: chance * float(factors[ages[symbol]] / factors[-1]) if symbol in ages else chance
        for symbol, chance in chances.items()
    }
    scale = sum(chances.values()) / sum(told.values())
    return {symbol: scale * chance for symbol, chance in told.items()}


def _learn_repeats(came: IntArray, history: IntArray, chances: dict[int, float], repeats: FloatArray) -> None:
    repeats *= REPEATED
    counts = repeats.reshape(AGES, 2)
    ages = _ages(history)
    for symbol, step in ages.items():
        counts[step] += np.count_nonzero(came == symbol), chances.get(symbol, 0.0)
    counts[-1, 0] += sum(symbol not in ages for symbol in came.tolist())
    counts[-1, 1] += max(sum(chance for symbol, chance in chances.items() if symbol not in ages), 0.0)


def _set(key: int, n: int, ways: int = WAYS) -> int:
    """Return where the set of a key begins in a table of n rows."""
    return ((int(key) ^ (int(key) >> 32)) & (n // ways - 1)) * ways


def _place(keys: IntArray, key: int, value: IntArray) -> tuple[int, bool]:
    """Return the row of a key, or the one it may take: the least by the columns of `value`; and whether it was there."""
    start = _set(key, len(keys))
    found = np.flatnonzero(keys[start : start + WAYS] == key)
    if len(found):
        return start + int(found[0]), True
    return start + min(range(WAYS), key=lambda way: tuple(value[start + way].tolist())), False


def _thread(past: IntArray, thread: int) -> int:
    at, known = _place(past[:, 0], thread, past[:, 1:2])
    if not known:
        past[at] = 0
        past[at, 0] = thread
    return at


def _chained(key: int, symbol: int) -> int:
    mixed = np.int64(key) ^ np.int64(symbol)
    mixed ^= mixed << np.int64(13)
    mixed ^= mixed >> np.int64(7)
    mixed ^= mixed << np.int64(17)
    return int(mixed)


def context_key(symbol: int) -> int:
    """Return the key of the context that is one symbol alone."""
    return _chained(0, symbol)


def _keys(history: IntArray, moment: int) -> dict[int, int]:
    """Return the key of each context: orders 1 to 5, and 6 for the last symbol in its part of the day."""
    keys, key = dict[int, int](), 0
    for order in range(1, 6):
        if order > np.count_nonzero(history):
            break
        key = keys[order] = _chained(key, history[order - 1])
    if history[0]:
        keys[6] = _chained(int(history[0]) ^ (moment // _SLOT % 8 + 1), 0)
    return keys


def _contexts(
    history: IntArray, at_once: int, moment: int, keys: IntArray, table: IntArray, times: FloatArray
) -> dict[int, int]:
    """Return the row of each context, made where there was none; of one that is new, longer ones would say the same."""
    places: dict[int, int] = {}
    fresh = False
    for order, key in _keys(history, moment).items():
        if fresh and order < 6:
            continue
        at, known = _place(keys, key, table[:, :2])
        if not known:
            keys[at], table[at], times[at] = key, 0, 0.0
            table[at, 2:4] = history[0], history[1] if order == 2 else 0
        table[at, 4] = -order if order == 2 and at_once > 1 else order
        fresh = not table[at, 0]
        places[order] = at
    return places


def _scale(n: int) -> int:
    return min(6, int(math.log2(n)))


def _spread(followers: IntArray) -> int:
    distinct = int(np.count_nonzero(followers[:, 0]))
    return min(distinct, 3) - 1 if distinct < 5 else 3


def _rare(j: int, n: int, total: int) -> float:
    return float(0.9**j * math.log(1.0 + total / n))


def _at_distance(history: IntArray, x: int, keys: IntArray, near: IntArray, total: int) -> tuple[float, int]:
    top, norm, n_near = 0.0, 0.0, 0
    for j, y in enumerate(history[:NEAR].tolist()):
        if not y:
            break
        at, known = _place(keys, y, near[:, :1])
        if known:
            n, pairs = int(near[at, 0]), near[at, 2:].reshape(-1, 2)
            rare = _rare(j, n, total)
            norm += rare
            n_near += 1
            for count in pairs[pairs[:, 0] == x, 1]:
                top += rare * count / n
    return (top / norm if norm > 0.0 else 0.0), n_near


def _learn(
    x: int,
    word: int,
    known: bool,
    places: dict[int, int],
    lag: float,
    id_: int,
    counters: IntArray,
    frequent: IntArray,
    table: IntArray,
    times: FloatArray,
) -> None:
    counters[1] += 1
    if not known:
        counters[2] += 1
        frequent[word, :2] = x, 0
    frequent[word, 1] += 1
    frequent[word, 2] = id_
    for at in places.values():
        table[at, 0] += 1
        table[at, 5] += table[at, 1] != counters[0]
        table[at, 1] = counters[0]
        followers = table[at, HEAD:].reshape(-1, FOLLOWER)
        found = np.flatnonzero(followers[:, 0] == x)
        slot = int(found[0]) if len(found) else int(followers[:, 1].argmin())
        if not len(found):
            followers[slot] = 0
            followers[slot, 0] = x
            counters[4] += 1
        followers[slot, 1] += 1
        if followers[slot, 2] != id_:
            followers[slot, 2:] = id_, *followers[slot, 2:-1].tolist()
        n, count = int(table[at, 0]), int(followers[slot, 1])
        if count == 1:
            times[at, 1 + slot] = 0.0
        times[at, 1 + slot] += (lag - times[at, 1 + slot]) / count
        times[at, 0] = lag if n == 1 else times[at, 0] + np.sign(lag - times[at, 0]) / math.sqrt(n)


def _learn_at_distance(x: int, history: IntArray, keys: IntArray, near: IntArray, counters: IntArray) -> None:
    unit = DEPTH // max(int(np.count_nonzero(history)), 1)
    for y in history[:NEAR].tolist():
        if not y:
            break
        at, known = _place(keys, y, near[:, :1])
        if not known:
            keys[at], near[at] = y, 0
        near[at, 0] += unit
        counters[3] += unit
        pairs = near[at, 2:].reshape(-1, 2)
        found = np.flatnonzero(pairs[:, 0] == x)
        slot = int(found[0]) if len(found) else int(pairs[:, 1].argmin())
        if not len(found):
            pairs[slot] = x, 0
        pairs[slot, 1] += unit


def expect(
    history: IntArray,
    moment: int,
    keys: IntArray,
    rows: IntArray,
    lags: FloatArray,
    skip_keys: IntArray,
    skip_rows: IntArray,
    words: IntArray,
    weights: FloatArray,
    counters: IntArray,
    repeats: FloatArray,
    found: IntArray,
    told: FloatArray,
) -> int:
    """Tell what may come next, by the mixture that `follow` learned.

    Parameters
    ----------
    history : array of int64, shape (DEPTH,)
        The last symbols, newest first, then 0.
    moment : int
        Microseconds of the wall clock.
    keys, rows, lags, skip_keys, skip_rows, words, weights, counters, repeats
        As `follow` left them; only read.
    found : array of int64, shape (2 * m,)
        Symbols, then how often each came right after the last one; written.
    told : array of float64, shape (2 * m,)
        Their probabilities, not calibrated, then the mean logarithm of the lag after the last one; written.

    Returns
    -------
    int
        How many were written, at most m.
    """
    most = len(found) // 2
    mixed, together, beside = _foresee(
        history, moment, keys, rows, lags, skip_keys, skip_rows, words, weights, counters, most=most
    )
    if not mixed:
        return 0
    chances = _blended(mixed, together, history, weights)
    for place, (symbol, chance) in enumerate(_seasoned(chances, history, repeats).items()):
        found[place], told[place] = symbol, chance
        found[most + place], told[most + place] = beside.get(symbol, (0, 0.0))
    return len(chances)


def _foresee(
    history: IntArray,
    moment: int,
    keys: IntArray,
    rows: IntArray,
    lags: FloatArray,
    skip_keys: IntArray,
    skip_rows: IntArray,
    words: IntArray,
    weights: FloatArray,
    counters: IntArray,
    *,
    most: int,
) -> tuple[dict[int, float], dict[int, float], dict[int, tuple[int, float]]]:
    """Return chances by the mixture, and by all that is near jointly; how often, and after how long, each came right after."""
    table, times = rows.reshape(-1, ROW), lags.reshape(-1, 1 + KEPT)
    near, frequent = skip_rows.reshape(-1, SKIP_ROW), words.reshape(-1, WORD)
    total = int(counters[1])
    if not total:
        return {}, {}, {}
    masses = np.zeros(PARTS)
    masses[0], masses[8] = weights[_scale(total)], weights[8 * 28]
    places: dict[int, int] = {}
    for order, key in _keys(history, moment).items():
        at, known = _place(keys, key, table[:, :2])
        if known and table[at, 0]:
            places[order] = at
            spread = _spread(table[at, HEAD:].reshape(-1, FOLLOWER))
            masses[order] = weights[order * 28 + _scale(int(table[at, 0])) * 4 + spread]
    shares, at_place = dict[int, float](), dict[int, int]()
    for j, y in enumerate(history[: min(np.count_nonzero(history), NEAR)].tolist()):
        at, known = _place(skip_keys, y, near[:, :1])
        if known:
            shares[at] = shares.get(at, 0.0) + _rare(j, int(near[at, 0]), int(counters[3]))
            at_place[j] = at
    if at_place:
        masses[7] = weights[7 * 28 + min(6, len(at_place))]
    masses /= masses.sum()
    chances, beside = dict[int, float](), dict[int, tuple[int, float]]()

    def add(symbol: int, chance: float) -> bool:
        if symbol not in chances and len(chances) == most:
            return False
        chances[symbol] = chances.get(symbol, 0.0) + chance
        return True

    for order, at in places.items():
        for slot, (symbol, count, *_) in enumerate(table[at, HEAD:].reshape(-1, FOLLOWER).tolist()):
            if symbol and add(symbol, masses[order] * count / table[at, 0]) and order == 1:
                beside[symbol] = count, float(times[at, 1 + slot])
    for at, rare in shares.items():
        for symbol, count in near[at, 2:].reshape(-1, 2).tolist():
            if symbol:
                add(symbol, masses[7] * rare / sum(shares.values()) * count / near[at, 0])
    known_ones = frozenset(chances)
    for symbol, count, _ in frequent[frequent[:, 0] != 0].tolist():
        if symbol in known_ones or len(known_ones) < FEW:
            add(symbol, masses[0] * count / total)
    rest = (0.999 * masses[8] + 0.001) / (counters[2] + 1.0)
    mixed = {symbol: 0.999 * chance + rest for symbol, chance in chances.items()}
    return mixed, _together(mixed, at_place, near, frequent, total), beside


def _together(
    mixed: dict[int, float], places: dict[int, int], near: IntArray, frequent: IntArray, total: int
) -> dict[int, float]:
    """Return how likely each symbol is by how much more often than usual it comes after all that is near; the sum stays."""
    often = {symbol: max(count, 1) for symbol, count, _ in frequent.tolist()}
    scores = {symbol: math.log(often.get(symbol, 1)) for symbol in mixed}
    for j, at in places.items():
        for symbol, count in near[at, 2:].reshape(-1, 2).tolist():
            if symbol in scores:
                scores[symbol] += FAINTER**j * math.log1p(count / (often.get(symbol, 1) / total) / DOUBT)
    highest = max(scores.values())
    chances = {symbol: math.exp(score - highest) for symbol, score in scores.items()}
    scale = sum(mixed.values()) / sum(chances.values())
    return {symbol: scale * chance for symbol, chance in chances.items()}


def gather(
    vectors: SingleArray,
    ids: IntArray,
    alike: float,
    slowest: float,
    near: int,
    means: SingleArray,
    units: SingleArray,
    signs: IntArray,
    weights: FloatArray,
    members: IntArray,
    closeness: SingleArray,
    total: FloatArray,
    middle: SingleArray,
    counters: IntArray,
    chosen: IntArray,
    likeness: FloatArray,
) -> None:
    """Put vectors to the concept they are most alike, or begin a new one.

    Likeness is the cosine of what is left after the middle of everything is taken away. Where there are many concepts, only
    those whose signs agree most are compared in full. The middle moves at the powers of two, then every 8,192.

    Parameters
    ----------
    vectors : array of float32, shape (n * d,)
        Of length (norm) 1.
    ids : array of int64, shape (n,)
        Of the memories.
    alike : float
        Cosine from which on a vector belongs to a concept.
    slowest : float
        Least share by which a new member moves its concept.
    near : int
        Concepts that are compared in full.
    means, units : arrays of float32, shape (c * d,)
        Mean of the members; the same without the middle, of length 1; written.
    signs : array of int64, shape (c * ceil(d / 64),)
        Signs of `units`, a bit each; written.
    weights : array of float64, shape (c,)
        Members; written.
    members : array of int64, shape (c * 8,)
        First member, newest, and the six that were most alike; written.
    closeness : array of float32, shape (c * 8,)
        How much alike its first member was to another concept (1 for the first of all), when that came, and how much alike
        the six were; written.
    total, middle : arrays of shape (d,)
        Sum of everything, and what is taken away; written.
    counters : array of int64, shape (4,)
        Vectors, concepts, vectors at which the middle moves next, concepts given up; written.
    chosen, likeness : arrays of shape (n,)
        The concept of each vector, by its first member; how much alike it was to the nearest before, of a concept that is new
        at most as much as its first member, -2 for the first of all; written.

    References
    ----------
    Hahsler and Bolaños, Clustering data streams based on shared density between micro-clusters, 2016. Deviates: cosine,
    centring, no shared density.
    """
    d, cap = len(middle), len(weights)
    points, means_, units_ = vectors.reshape(-1, d), means.reshape(-1, d), units.reshape(-1, d)
    signs_, members_, closeness_ = signs.reshape(cap, -1), members.reshape(-1, 8), closeness.reshape(-1, 8)

    def place(rows: slice) -> None:
        left = (means_[rows] - middle).astype(np.float64)
        units_[rows] = left / (np.sqrt((left * left).sum(1, keepdims=True)) + 1e-12)
        signs_[rows] = _packed(units_[rows], signs_.shape[1])

    for e, id_ in enumerate(ids.tolist()):
        counters[0] += 1
        total += points[e]
        if counters[0] >= counters[2]:
            counters[2] = min(2 * counters[0], counters[0] + 8192)
            middle[:] = total / (counters[0] + 16.0)
            place(slice(0, int(counters[1])))
        left = (points[e] - middle).astype(np.float64)
        point = left / (math.sqrt(float((left * left).sum())) + 1e-12)
        n = int(counters[1])
        candidates = np.arange(n)
        if n > 2 * near:
            differing = signs_[:n] ^ _packed(point[None], signs_.shape[1])
            distances = np.bitwise_count(differing.view(np.uint64)).sum(
                1
            )  # of signed numbers it would count the magnitude
            candidates = np.flatnonzero(distances <= np.partition(distances, near - 1)[near - 1])
        cosines = units_[candidates].astype(np.float64) @ point
        most = float(cosines.max(initial=-2.0))
        likeness[e] = most
        if most >= alike:
            best = int(candidates[cosines.argmax()])
            if (int(counters[0]) - int(closeness_[best, 1])) % FOUNDED <= YOUNG:
                likeness[e] = min(most, float(closeness_[best, 0]))
            weights[best] += 1.0
            means_[best] += max(1.0 / weights[best], slowest) * (points[e] - means_[best])
        else:
            best = n if n < cap else int(np.lexsort((members_[:, 1], weights))[0])
            counters[1 if n < cap else 3] += 1
            weights[best], means_[best], members_[best], closeness_[best] = 1.0, points[e], 0, -2.0
            closeness_[best, :2] = most if most > -2.0 else 1.0, int(counters[0]) % FOUNDED
            members_[best, 0], most = id_, 1.0
        place(slice(best, best + 1))
        members_[best, 1] = id_
        last = 2 + int(closeness_[best, 2:].argmin())
        if most > closeness_[best, last]:
            members_[best, last], closeness_[best, last] = id_, most
        chosen[e] = members_[best, 0]


def _packed(points: NDArray[np.floating], n_words: int) -> IntArray:
    """Return the signs of rows, a bit each, in words of 64."""
    bits = np.zeros((len(points), 64 * n_words), np.uint8)
    bits[:, : points.shape[1]] = points > 0.0
    return np.packbits(bits, axis=1, bitorder="little").view("<i8").astype(np.int64)


def associate(
    items: IntArray,
    kinds: IntArray,
    bounds: IntArray,
    ids: IntArray,
    singles: IntArray,
    pairs: IntArray,
    counters: IntArray,
    places: IntArray,
) -> None:
    """Count items and pairs of items that come together.

    Parameters
    ----------
    items : array of int64, shape (s,)
        Hashes other than 0, distinct within one experience; of more than 40, 40 evenly spread ones are taken.
    kinds : array of int64, shape (s,)
        Of each item, below KINDS.
    bounds : array of int64, shape (n + 1,)
        Those of experience i: ``items[bounds[i]:bounds[i + 1]]``.
    ids : array of int64, shape (n,)
        Of the memories.
    singles : array of int64, shape (u * SINGLE,)
        Item, count, what of the count may be another's, newest id, kind; written.
    pairs : array of int64, shape (p * PAIR,)
        Both items, count, what of the count may be another's, newest ids; written.
    counters : array of int64, shape (4,)
        Experiences, items, ordered pairs, distinct pairs (again where they had been given up); written.
    places : array of int64, shape (KINDS + KINDS * KINDS,)
        Items of each kind; then ordered pairs of one kind with another; written.

    References
    ----------
    Metwally, Agrawal and El Abbadi, Efficient computation of frequent and top-k elements in data streams, 2005. Deviates: a
    set of 16 each counts on its own, so a count is too high by at most a sixteenth of what its set has seen.
    """
    alone, together = singles.reshape(-1, SINGLE), pairs.reshape(-1, PAIR)
    for e, id_ in enumerate(ids.tolist()):
        basket = items[bounds[e] : bounds[e + 1]].tolist()
        taken = min(len(basket), BASKET)
        chosen = [i * len(basket) // taken for i in range(taken)]
        of = kinds[bounds[e] : bounds[e + 1]][chosen]
        basket = [basket[i] for i in chosen]
        counters[:3] += 1, taken, taken * (taken - 1)
        each = np.bincount(of, minlength=KINDS)
        places[:KINDS] += each
        places[KINDS:] += (np.outer(each, each) - np.diag(each)).reshape(-1)
        for i, a in enumerate(basket):
            at, known = _place(alone[:, 0], a, alone[:, 1:2])
            if not known:
                alone[at, 0], alone[at, 2] = a, alone[at, 1]
            alone[at, 1] += 1
            alone[at, 3:] = id_, of[i]
            for b in basket[i + 1 :]:
                if a != b:
                    _count_pair(together, min(a, b), max(a, b), id_, counters)


def _count_pair(together: IntArray, low: int, high: int, id_: int, counters: IntArray) -> None:
    a, b = np.int64(low), np.int64(high)
    start = _set(int(a ^ (a << np.int64(13)) ^ (b >> np.int64(7)) ^ b), len(together), BROAD)
    rows = together[start : start + BROAD]
    found = np.flatnonzero((rows[:, 0] == low) & (rows[:, 1] == high))
    row = rows[found[0] if len(found) else rows[:, 2].argmin()]
    if not len(found):
        row[:2], row[3], row[4:] = (low, high), row[2], 0
        counters[3] += 1
    row[2] += 1
    row[5:] = row[4:-1].copy()
    row[4] = id_


def beat(
    items: IntArray,
    bounds: IntArray,
    moments: IntArray,
    ids: IntArray,
    periods: IntArray,
    keys: IntArray,
    rows: IntArray,
    sums: FloatArray,
) -> None:
    """Add moments to the rhythm of each item.

    Of what comes within a twelfth of a period, at least 15 minutes, only the first counts for it.

    Parameters
    ----------
    items, bounds : array of int64
        As in `associate`.
    moments, ids : array of int64, shape (n,)
        Microseconds of the wall clock; of the memories.
    periods : array of int64, shape (p,)
        In microseconds.
    keys : array of int64, shape (r,)
        The items; written.
    rows : array of int64, shape (r * (BEAT + 2 * p),)
        n, newest moment, first and last in time, gaps, gaps of whole days, gaps of whole hours, moments at midnight or noon,
        the three newest ids; for each period, how many counted, and the last that did; written.
    sums : array of float64, shape (r * p * 4,)
        Cosines and sines of the phases, once and twice a period; written.

    References
    ----------
    Buccheri et al., Search for pulsed gamma-ray emission from radio pulsars, 1983.
    """
    n_periods = len(periods)
    table, waves = rows.reshape(len(keys), -1), sums.reshape(-1, n_periods, 4)
    quiet = np.maximum(periods // 12, 900_000_000)
    for e, t in enumerate(moments.tolist()):
        angles = 2.0 * math.pi * (t % periods / periods)
        wave = np.stack([np.cos(angles), np.sin(angles), np.cos(2.0 * angles), np.sin(2.0 * angles)], axis=1)
        for x in items[bounds[e] : bounds[e + 1]].tolist():
            at, known = _place(keys, x, table[:, :1])
            row = table[at]
            if not known:
                keys[at], row[:], waves[at] = x, 0, 0.0
                row[2:4] = t
            if row[0] and t != row[1]:
                gap = t - int(row[1])
                row[4:7] += 1, gap % _DAY == 0, gap % _HOUR == 0
            row[7] += t % _HALF_DAY == 0
            row[8:11] = ids[e], row[8], row[9]
            counted, last = row[BEAT::2], row[BEAT + 1 :: 2]
            counts = (row[0] == 0) | (np.abs(t - last) >= quiet)
            row[:4] = row[0] + 1, t, min(int(row[2]), t), max(int(row[3]), t)
            counted += counts
            last[counts] = t
            waves[at, counts] += wave[counts]


def divide(vectors: SingleArray, d: int, penalty: float, longest: int, gains: FloatArray, begins: IntArray) -> None:
    """Find the best division of a run of vectors into segments.

    The best has the largest sum of the lengths of its segments' sums, less a penalty for each.

    Parameters
    ----------
    vectors : array of float32, shape (n * d,)
        Of length (norm) 1.
    d : int
        Numbers in a vector.
    penalty : float
        What a segment costs.
    longest : int
        Vectors in a segment at most.
    gains : array of float64, shape (n + 1,)
        The best value up to each place; written.
    begins : array of int64, shape (n + 1,)
        Where the segment that ends there begins, from ``begins[1]`` on; written.
    """
    points = vectors.reshape(-1, d).astype(np.float64)
    gains[0] = 0.0
    for stop in range(1, len(points) + 1):
        first = max(stop - longest, 0)
        sums = np.cumsum(points[first:stop][::-1], axis=0)
        values = gains[first:stop][::-1] + np.sqrt((sums * sums).sum(1)) - penalty
        best = int(values.argmax())
        gains[stop], begins[stop] = values[best], stop - 1 - best


def notice(
    scores: FloatArray,
    low: float,
    high: float,
    fade: float,
    patience: float,
    rest: int,
    bets: FloatArray,
    buckets: FloatArray,
    wealth: FloatArray,
    counters: FloatArray,
    chances: FloatArray,
    changed: BoolArray,
) -> None:
    """Turn scores into chances by those before, and notice when they stop being usual.

    Parameters
    ----------
    scores : array of float64, shape (n,)
        In order.
    low, high : float
        Range of the scores; beyond, they count as its ends.
    fade : float
        What is kept of the past at each score, in (0, 1].
    patience : float
        Wealth at which a change is told.
    rest : int
        Scores after an unusual one that belong to the same surprise, and are not bet on.
    bets : array of float64, shape (b,)
        Exponents of the bets that small chances are not as rare as they should be, in (0, 1).
    buckets : array of float64, shape (m,)
        Faded counts of the scores; written.
    wealth : array of float64, shape (b,)
        Of each bet; written.
    counters : array of float64, shape (2,)
        Scores since the last change, and until the next bet; written.
    chances, changed : arrays, shape (n,)
        Chance of a score at least as high; whether a change is told there; written.
    """
    for i, score in enumerate(scores.tolist()):
        bucket = int(min(max((score - low) / (high - low), 0.0), 1.0) * (len(buckets) - 1))
        above = buckets[bucket + 1 :].sum() + 0.5 * buckets[bucket]
        chances[i] = (above + 0.5) / (buckets.sum() + 1.0)
        counters[:] = counters[0] + 1.0, max(counters[1] - 1.0, 0.0)
        bet = counters[0] > UNSURE and counters[1] == 0.0
        if bet:
            counters[1] = rest + 1.0 if chances[i] < UNUSUAL else 0.0
            wealth[:] = (wealth + 1.0) * bets * chances[i] ** (bets - 1.0)
        changed[i] = bet and wealth.mean() > patience
        if changed[i]:
            counters[0], wealth[:] = 0.0, 0.0
            buckets *= 0.05  # what was usual is not any more
        buckets *= fade
        buckets[bucket] += 1.0
