"""In plain NumPy: what follows what, and what comes next."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import FloatArray, IntArray
from thoughtengine.patterns.arrays.calibration import (
    blended,
    cut,
    judge,
    kind_of,
    learn_blend,
    learn_reach,
    learn_repeats,
    seasoned,
)
from thoughtengine.patterns.arrays.rows import place_of
from thoughtengine.patterns.kernels.sequences import (
    ALIKE,
    BASE,
    BESIDE,
    DEPTH,
    DISTANT,
    DOUBT,
    ETA,
    EVERY,
    FAINTER,
    FEW,
    FIRST,
    FIRST_DAY,
    FOLLOWER,
    FRESH,
    HEAD,
    KEPT,
    LAG,
    LASTS,
    LATELY,
    MEAN,
    MOST,
    NEAR,
    NEARBY,
    NEWEST,
    PART,
    PARTS,
    ROW,
    SIDE,
    SKIP_ROW,
    SPREAD,
    TELLING,
    THREAD,
    TOP,
    TRIED,
    TURNED,
    WATCHED,
    WEEK,
    WEEKDAY,
    WORD,
    WORTH,
    YOUNG,
)

__all__ = ["as_if_whole", "context_key", "expect", "follow"]

_SLOT, _DAY = 10_800_000_000, 86_400_000_000


def follow(
    symbols: IntArray,
    bounds: IntArray,
    threads: IntArray,
    befores: IntArray,
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
    knots: FloatArray,
    repeats: FloatArray,
    bits: FloatArray,
) -> None:
    """Learn what follows what, and tell how surprising each symbol was before it was learned.

    A mixture of contexts of one to five symbols, the last symbol in its part of the day and, once it was followed seven
    times, on its day of the week, symbols at a distance, frequency, and a base; what a component is worth depends on how
    much it has seen, and is learned. To that is added what all that came shortly before calls for jointly: what comes after
    each of it more often than usual. Of the first experiences all, later one in eight is predicted before it is learned: so
    it learns how far probabilities are to be trusted, and how often what came lately comes again.

    Parameters
    ----------
    symbols : array of int64, shape (s,)
        What came, hashes other than 0.
    bounds : array of int64, shape (n + 1,)
        Those of experience i, which are simultaneous: ``symbols[bounds[i]:bounds[i + 1]]``.
    threads, befores : array of int64, shape (n,)
        Hash of the run of experiences it belongs to; written: that of `befores`, unless it is 0, where its own had gone on for
        a day and a half after its moment.
    moments, ids : array of int64, shape (n,)
        Microseconds of the wall clock, id.
    keys, rows, lags : arrays of shapes (c,), (c * ROW,), (c * LAG,)
        Contexts; written. `lags`: logarithm of seconds plus one, the median of the context; what it is worth, a logarithm; how
        many experiences followed, faded, and faded soon; how much better the latter told what came; then of each follower the
        mean of the lags, their variance, its faded count, and the one that fades soon.
    skip_keys, skip_rows : arrays of int64, shapes (k,), (k * SKIP_ROW,)
        What comes within eight symbols of a symbol; written.
    words : array of int64, shape (w * WORD,)
        How often each symbol came; written.
    weights : array of float64, shape (BLENDED + 2 * STRATA,)
        Of the components, by what they have seen; then of the mixture and of all that is near jointly, by the length of the
        history; written.
    histories : array of int64, shape (t * THREAD * 8,)
        The last 32 symbols of each thread, how many of them came at once, and when it went on; written.
    counters : array of int64, shape (8,)
        Experiences, symbols, distinct symbols, weight of the pairs at a distance, rules, experiences with symbols; written.
    calibration : array of float64, shape (l * LINE,)
        By the length of the history, lines of those that somebody asked for; then how often what came was among the
        candidates, and how often that was expected; written.
    knots : array of float64, shape (2 * STRATA * KNOTS * KNOT,)
        What became of the first candidate, and of the others, by the length of the history and what was said; written.
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
    table, lags_ = rows.reshape(-1, ROW), lags.reshape(-1, LAG)
    near, frequent, past = skip_rows.reshape(-1, SKIP_ROW), words.reshape(-1, WORD), histories.reshape(-1, THREAD)
    known_so_far = (keys, rows, lags, skip_keys, skip_rows, words, weights, counters)
    for e in range(len(threads)):
        threads[e] = _run_of(past, int(threads[e]), int(befores[e]), int(moments[e]))
        thread, came = past[_thread(past, threads[e])], symbols[bounds[e] : bounds[e + 1]]
        history = thread[FIRST:]
        order = int(counters[0])
        if (order < WATCHED or order % EVERY == 0) and len(came) and history[0]:
            _compare(history, int(thread[4]), came, order, known_so_far, calibration, knots, repeats)
        counters[0] += 1
        counters[5] += len(came) > 0
        newest = max(int(moments[e]), int(thread[4])) if history[0] else int(moments[e])
        lag = math.log(max((int(moments[e]) - int(thread[2])) * 1e-6, 0.0) + 1.0) if history[0] else 0.0
        for s, x in enumerate(came, bounds[e]):
            total, base = int(counters[1]), 1.0 / (counters[2] + 1.0)
            word, known = place_of(frequent[:, 0], x, frequent[:, 1:2])
            places = _contexts(
                history, int(thread[3]), int(thread[4]), int(counters[0]), keys, table, lags_
            )  # when this comes it does not tell
            chances, buckets = np.zeros(PARTS), np.full(PARTS, -1)
            worths = np.ones(PARTS)
            if total:
                chances[0], buckets[0] = (frequent[word, 1] / counters[5] if known else 0.0), _scale(total)
            for order_, at in places.items():
                n = int(table[at, 0])
                if n:
                    followers = table[at, HEAD:].reshape(-1, FOLLOWER)
                    chances[order_] = lags_[at, FRESH:NEWEST][followers[:, 0] == x].sum() / lags_[at, 2]
                    buckets[order_] = order_ * 28 + _scale(n) * 4 + _spread(followers)
                    worths[order_] = math.exp(lags_[at, 1])
            size = max(total, 1) / int(counters[5])
            chances[DISTANT], n_near = _at_distance(history, x, skip_keys, near, int(counters[3]), size)
            if n_near:
                buckets[DISTANT] = DISTANT * 28 + min(6, n_near)
            chances[BASE], buckets[BASE] = base, BASE * 28
            told = buckets >= 0
            shares = np.where(told, weights[np.where(told, buckets, 0)] * worths, 0.0)
            shares /= sum(shares.tolist())
            chances = 0.999 * chances + 0.001 * base
            chance = float(sum((shares * chances).tolist()))
            bits[s], bits[len(symbols) + s] = -math.log2(chance), total * base
            gains = (shares * chances / chance - shares) / np.maximum(shares, 0.05)
            at_ = buckets[told]
            weights[at_] = np.clip(weights[at_] * np.exp(ETA * gains[told]), 1e-4, 1e4)
            for order_, at in places.items():
                if told[order_]:
                    lags_[at, 1] = np.clip(lags_[at, 1] + TRIED * min(gains[order_], 1.0), -WORTH, WORTH)
            _learn(x, word, known, places, lag, int(ids[e]), int(moments[e]), counters, frequent, keys, table, lags_)
            _learn_beside(x, lag, int(ids[e]), int(moments[e]), thread, counters, keys, table, lags_)
            _learn_at_distance(x, history, skip_keys, near, counters)
        for x in came:
            history[1:] = history[:-1].copy()
            history[0] = x
        if len(came):
            thread[1:FIRST] = counters[0], moments[e], len(came), newest


def _compare(
    history: IntArray,
    moment: int,
    came: IntArray,
    order: int,
    known: tuple[NDArray[Any], ...],
    calibration: FloatArray,
    knots: FloatArray,
    repeats: FloatArray,
) -> None:
    """Predict one experience before it is learned, and compare."""
    before = repeats.copy()
    knots *= min(1.0 - YOUNG / (order + YOUNG), NEARBY)
    fewer = (1, 2, 4, 8) if order < WATCHED else (1 << (order + order // EVERY) % 4,)
    for depth in (DEPTH, *(fewer if history[NEAR - 1] else ())):
        recent = np.where(np.arange(DEPTH) < depth, history, 0)
        told_from = list(known)
        if depth < DEPTH:
            told_from[6] = as_if_whole(recent, known[6])
        mixed, together, _ = _foresee(recent, moment, *told_from, most=MOST)
        if not mixed:
            continue
        chances = blended(mixed, together, recent, known[6])
        if depth == DEPTH:
            learn_repeats(came, recent, chances, repeats)
        told = seasoned(chances, recent, before if depth == DEPTH else cut(repeats, depth))
        learn_blend(came, recent, mixed, together, known[6])
        if known[7][1] < FEW:
            continue  # all is news
        kind = kind_of(recent)
        most = min(int(TOP * (int(known[7][1]) / int(known[7][5]))), KEPT)
        learn_reach(came, kind, told, calibration)
        best = sorted(told, key=lambda symbol: (-told[symbol], symbol))[:most]
        for symbol in best:
            judge(knots, 2 * kind + (told[symbol] < ALIKE * told[best[0]]), told[symbol], symbol in came)


def as_if_whole(history: IntArray, weights: FloatArray) -> FloatArray:
    """Return weights where longer contexts are not told: what the longest says is worth what they would be."""
    depth, given = min(int(np.count_nonzero(history)), 5), weights.copy()
    if depth:
        orders = given[: 6 * 28].reshape(6, 28)
        orders[depth] = orders[depth:].sum(0)
    return given


def _run_of(past: IntArray, thread: int, before: int, moment: int) -> int:
    """Return the thread that an experience goes on: `before`, unless that is 0, if its own was long past that moment."""
    at, known = place_of(past[:, 0], thread, past[:, 1:2])
    return before if before and known and past[at, FIRST] and moment < past[at, 4] - BESIDE else thread


def _thread(past: IntArray, thread: int) -> int:
    at, known = place_of(past[:, 0], thread, past[:, 1:2])
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
    """Return the key of each context: orders 1 to 5, the last symbol in its part of the day, and on its day of the week."""
    keys, key = dict[int, int](), 0
    for order in range(1, 6):
        if order > np.count_nonzero(history):
            break
        key = keys[order] = _chained(key, history[order - 1])
    if history[0]:
        keys[PART] = _chained(int(history[0]) ^ (moment // _SLOT % 8 + 1), 0)
        keys[WEEKDAY] = _chained(int(history[0]) ^ (FIRST_DAY + (moment // _DAY + 3) % 7), 0)
    return keys


def _contexts(
    history: IntArray, at_once: int, moment: int, now: int, keys: IntArray, table: IntArray, times: FloatArray
) -> dict[int, int]:
    """Return the row of each context, made where there was none.

    Of one that is new with this experience, longer ones would say the same.
    """
    places: dict[int, int] = {}
    fresh = False
    for order, key in _keys(history, moment).items():
        if fresh and order < PART:
            continue
        if order == WEEKDAY and table[places[1], 5] < WEEK:
            continue
        at, known = place_of(keys, key, table[:, :2])
        if not known:
            keys[at], table[at], times[at] = key, 0, 0.0
            table[at, 2:4] = history[0], history[1] if order == 2 else 0
        table[at, 4] = -order if order == 2 and at_once > 1 else order
        fresh = not table[at, 0] or bool(table[at, 5] == 1 and table[at, 1] == now)
        places[order] = at
    return places


def _scale(n: int) -> int:
    return min(6, int(math.log2(n)))


def _spread(followers: IntArray) -> int:
    distinct = int(np.count_nonzero(followers[:, 0]))
    return min(distinct, 3) - 1 if distinct < 5 else 3


def _rare(j: int, n: int, total: int) -> float:
    return float(0.9**j * math.log(1.0 + total / n))


def _at_distance(
    history: IntArray, x: int, keys: IntArray, near: IntArray, total: int, size: float
) -> tuple[float, int]:
    top, norm, n_near = 0.0, 0.0, 0
    for j, y in enumerate(history[:NEAR].tolist()):
        if not y:
            break
        at, known = place_of(keys, y, near[:, :1])
        if known:
            n, pairs = int(near[at, 0]), near[at, 2:].reshape(-1, 2)
            rare = _rare(j, n, total)
            norm += rare
            n_near += 1
            for count in pairs[pairs[:, 0] == x, 1]:
                top += rare * min(size * count / n, 1.0)
    return (top / norm if norm > 0.0 else 0.0), n_near


def _learn(
    x: int,
    word: int,
    known: bool,
    places: dict[int, int],
    lag: float,
    id_: int,
    moment: int,
    counters: IntArray,
    frequent: IntArray,
    keys: IntArray,
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
        _follow(x, at, lag, id_, moment, counters, keys, table, times)


def _forget_week(symbol: int, keys: IntArray, table: IntArray, times: FloatArray) -> None:
    for day in range(FIRST_DAY, FIRST_DAY + 7):
        at, known = place_of(keys, _chained(symbol ^ day, 0), table[:, :2])
        if known:
            table[at], times[at] = 0, 0.0
            table[at, 2] = symbol


def _follow(
    x: int, at: int, lag: float, id_: int, moment: int, counters: IntArray, keys: IntArray, table: IntArray,
    times: FloatArray,
) -> None:  # fmt: skip
    if table[at, 1] != counters[0]:
        table[at, 5] += 1
        times[at, 2:4] = LASTS * times[at, 2] + 1.0, LATELY * times[at, 3] + 1.0
        times[at, FRESH:NEWEST] *= LASTS
        times[at, NEWEST:] *= LATELY
    table[at, 0] += 1
    table[at, 1] = counters[0]
    followers = table[at, HEAD:].reshape(-1, FOLLOWER)
    found = np.flatnonzero(followers[:, 0] == x)
    slot = int(found[0]) if len(found) else int(followers[:, 1].argmin())
    if not len(found):
        followers[slot] = 0
        followers[slot, 0], followers[slot, 2] = x, moment
        counters[4] += 1
    followers[slot, 1] += 1
    known_ids = followers[slot, 3:].tolist()
    if moment >= followers[slot, 2] and known_ids[0] != id_:
        followers[slot, 2:] = moment, id_, *known_ids[:-1]
    elif id_ not in known_ids and 0 in known_ids:
        followers[slot, 3 + known_ids.index(0)] = id_
    n, count = int(table[at, 0]), int(followers[slot, 1])
    if count == 1:
        times[at, [MEAN + slot, SPREAD + slot, FRESH + slot, NEWEST + slot]] = 0.0
    if times[at, 2] > TELLING:
        usual = max(times[at, FRESH + slot], 0.5) / (times[at, 2] - 1.0)
        lately = times[at, NEWEST + slot] / (times[at, 3] - 1.0)
        times[at, 4] = max(times[at, 4] + math.log(0.5 + 0.5 * float(lately) / float(usual)), 0.0)
        if times[at, 4] > TURNED:
            times[at, 2], times[at, 4] = times[at, 3], 0.0
            times[at, FRESH:NEWEST] = times[at, NEWEST:]
            if table[at, 4] == 1:
                _forget_week(int(table[at, 2]), keys, table, times)
    times[at, [FRESH + slot, NEWEST + slot]] += 1.0
    before = lag - times[at, MEAN + slot]
    times[at, MEAN + slot] += before / count
    if count > 1:
        times[at, SPREAD + slot] += (before * (lag - times[at, MEAN + slot]) - times[at, SPREAD + slot]) / count
    times[at, 0] = lag if n == 1 else times[at, 0] + np.sign(lag - times[at, 0]) / math.sqrt(n)


def _learn_beside(
    x: int,
    lag: float,
    id_: int,
    moment: int,
    thread: IntArray,
    counters: IntArray,
    keys: IntArray,
    table: IntArray,
    times: FloatArray,
) -> None:
    """Count what follows the others of the last experience, which came together with its newest symbol."""
    history = thread[FIRST:]
    for y in history[1 : min(int(thread[3]), SIDE)].tolist():
        if not y or y == history[0]:
            continue
        at, known = place_of(keys, context_key(y), table[:, :2])
        if not known:
            keys[at], table[at], times[at] = context_key(y), 0, 0.0
            table[at, 2] = y
        table[at, 4] = 1
        _follow(x, at, lag, id_, moment, counters, keys, table, times)


def _learn_at_distance(x: int, history: IntArray, keys: IntArray, near: IntArray, counters: IntArray) -> None:
    unit = DEPTH // max(int(np.count_nonzero(history)), 1)
    for y in history[:NEAR].tolist():
        if not y:
            break
        at, known = place_of(keys, y, near[:, :1])
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
        When the last symbol came, in microseconds of the wall clock.
    keys, rows, lags, skip_keys, skip_rows, words, weights, counters, repeats
        As `follow` left them; only read.
    found : array of int64, shape (2 * m,)
        Symbols, then how often each came right after the last one; written.
    told : array of float64, shape (3 * m,)
        The probabilities that each is among those of the next experience, not calibrated; then the mean of the logarithms of
        the lags after the last one, then their variance; written.

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
    chances = blended(mixed, together, history, weights)
    for place, (symbol, chance) in enumerate(seasoned(chances, history, repeats).items()):
        found[place], told[place] = symbol, chance
        found[most + place], told[most + place], told[2 * most + place] = beside.get(symbol, (0, 0.0, 0.0))
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
) -> tuple[dict[int, float], dict[int, float], dict[int, tuple[int, float, float]]]:
    """Return chances by the mixture, and by all that is near jointly; how often, and after how long, each came right after."""
    table, times = rows.reshape(-1, ROW), lags.reshape(-1, LAG)
    near, frequent = skip_rows.reshape(-1, SKIP_ROW), words.reshape(-1, WORD)
    total = int(counters[1])
    if not total:
        return {}, {}, {}
    masses = np.zeros(PARTS)
    masses[0], masses[BASE] = weights[_scale(total)], weights[BASE * 28]
    places: dict[int, int] = {}
    for order, key in _keys(history, moment).items():
        at, known = place_of(keys, key, table[:, :2])
        if known and table[at, 0]:
            places[order] = at
            spread = _spread(table[at, HEAD:].reshape(-1, FOLLOWER))
            masses[order] = weights[order * 28 + _scale(int(table[at, 0])) * 4 + spread] * math.exp(times[at, 1])
    shares, at_place = dict[int, float](), dict[int, int]()
    for j, y in enumerate(history[: min(np.count_nonzero(history), NEAR)].tolist()):
        at, known = place_of(skip_keys, y, near[:, :1])
        if known:
            shares[at] = shares.get(at, 0.0) + _rare(j, int(near[at, 0]), int(counters[3]))
            at_place[j] = at
    if at_place:
        masses[DISTANT] = weights[DISTANT * 28 + min(6, len(at_place))]
    masses /= masses.sum()
    chances, beside = dict[int, float](), dict[int, tuple[int, float, float]]()
    size = total / int(counters[5])

    def add(symbol: int, chance: float) -> bool:
        if symbol not in chances and len(chances) == most:
            return False
        chances[symbol] = chances.get(symbol, 0.0) + chance
        return True

    for order, at in places.items():
        for slot, (symbol, count, *_) in enumerate(table[at, HEAD:].reshape(-1, FOLLOWER).tolist()):
            if symbol and add(symbol, masses[order] * times[at, FRESH + slot] / times[at, 2]) and order == 1:
                beside[symbol] = count, float(times[at, MEAN + slot]), float(times[at, SPREAD + slot])
    for at, rare in shares.items():
        for symbol, count in near[at, 2:].reshape(-1, 2).tolist():
            if symbol:
                add(symbol, masses[DISTANT] * rare / sum(shares.values()) * min(size * count / near[at, 0], 1.0))
    known_ones, often = frozenset(chances), dict(frequent[frequent[:, 0] != 0, :2].tolist())
    for symbol, count in often.items():
        if symbol in known_ones or len(known_ones) < FEW:
            add(symbol, masses[0] * min(count / counters[5], 1.0))
    rest = (0.999 * masses[BASE] + 0.001) / (counters[2] + 1.0)
    mixed = {symbol: 0.999 * chance + rest for symbol, chance in chances.items()}
    return mixed, _together(mixed, at_place, near, often, total), beside


def _together(
    mixed: dict[int, float], places: dict[int, int], near: IntArray, often: dict[int, int], total: int
) -> dict[int, float]:
    """Return how likely each symbol is by how much more often than usual it comes after all that is near; the sum stays."""
    scores = {symbol: math.log(often.get(symbol, 1)) for symbol in mixed}
    for j, at in places.items():
        for symbol, count in near[at, 2:].reshape(-1, 2).tolist():
            if symbol in scores:
                scores[symbol] += FAINTER**j * math.log1p(count / (often.get(symbol, 1) / total) / DOUBT)
    highest = max(scores.values())
    chances = {symbol: math.exp(score - highest) for symbol, score in scores.items()}
    scale = sum(mixed.values()) / sum(chances.values())
    return {symbol: min(scale * chance, 1.0) for symbol, chance in chances.items()}
