"""Compiled: what follows what, and what comes next. Tables are flat arrays; `arrays.sequences` says what they mean."""

from __future__ import annotations

import math

import numpy as np

from thoughtengine._jit import kernel, part
from thoughtengine._types import FloatArray, IntArray

__all__ = ["expect", "follow"]

WAYS = 8
KEPT = 16  # followers of a context
HEAD = 6  # n, last use, newest symbol, the one before, order (less than 0: the two were of one experience), experiences
FOLLOWER = 6  # symbol, count, newest moment, newest ids: what is older only where there is room
ROW = HEAD + FOLLOWER * KEPT
MEAN = 5  # median lag, what the context is worth, faded and newest experiences, how clear a turn is; then mean lags by follower
SPREAD = MEAN + KEPT  # of the lags, a variance; they are logarithms
FRESH = SPREAD + KEPT  # faded counts
NEWEST = FRESH + KEPT  # counts of what came lately
LAG = NEWEST + KEPT
LASTS = 1.0 - 1.0 / 400.0  # of faded counts: what stays of the past at each experience that follows a context
LATELY = 1.0 - 1.0 / 12.0  # of the newest ones
TURNED = 6.0  # how much better the newest must have told what came than the others, a logarithm, to take their place
TELLING = 12.0  # faded experiences from which on a turn is looked for
TRIED = 0.1  # how fast is learned what one context is worth
WORTH = 3.0  # how far it may get, as a logarithm
SIDE = 4  # symbols of one experience that are contexts of one symbol for what comes after it
PART, WEEKDAY = 6, 7  # contexts of the last symbol in its part of the day, and on its day of the week
ORDERS = 8  # contexts of none to five symbols, and those two
FIRST_DAY = 9  # what stands for a Monday in the key of a context; below are the parts of the day
WEEK = 7  # experiences after which it is looked for whether the day of the week tells more
SKIPPED = 48  # followers of a symbol at a distance
SKIP_ROW = 2 + 2 * SKIPPED  # n, last use; then symbol, count
NEAR = 8  # symbols of a thread that those at a distance are looked for behind; what comes late in a thread counts less
WORD = 3  # key, n, newest id
DEPTH = 32  # symbols of a thread that are remembered
BESIDE = 36 * 3_600_000_000  # that a memory may be dated before its arrival, and the newest of its thread, and go it on
FIRST = 5  # key, last use, moment, symbols of the last experience, newest moment; then all symbols, newest first
THREAD = FIRST + DEPTH
DISTANT, BASE = ORDERS, ORDERS + 1
PARTS = 10  # components of the mixture: orders 0 to 5, part of the day, day of the week, at a distance, base
BLENDED = PARTS * 28  # weights of the components; then, by kind of history, of the mixture and of what is jointly near
FAINTER = 0.5  # how much less a symbol says jointly than the one after it
DOUBT = 96.0  # of counts at a distance: what stands against them
ETA = 0.02
BLEND = 0.03  # how fast is learned what is jointly told is worth
LEAST = 0.01  # odds against the mixture of what is jointly told, and the other way round
MOST = 1024  # symbols that are weighed
FEW = 16  # where contexts name fewer, all symbols are looked at
WATCHED = 1024  # experiences that are all predicted before they are learned; afterwards one in EVERY
EVERY = 8
LINE = 5  # intercept, slope, and how surely they are known: a symmetric matrix
STRATA = 6  # kinds of histories that calibrate apart: of one symbol, two, up to 4, 8, 16, more
ALIKE = 0.99  # of the chance of the first candidate: from there on another one is told as it
TOP = 5  # candidates that calibrate, for each symbol that an experience has on average
FADE = 0.998  # of calibration: what stays of the past at each candidate
KNOTS, KNOT = 12, 3  # logits at which what was said is compared with what came: how often, how often it came, said
LOWEST = -6.0  # the first of them, from where on each is one higher
NEARBY = 0.998  # of knots: what stays of the past at each prediction that is compared, at most
YOUNG = 2.0  # of knots after few experiences, n: at each prediction YOUNG / (n + YOUNG) of the past is forgotten
REACH = STRATA  # the first line of how often what came was among the candidates, and how often that was expected
PRIOR = 2.0  # how surely probabilities are thought to be right as they are
AGES = 7  # how long ago a symbol came: one symbol, two, up to 4, 8, 16, 32, longer or never
REPEATED = 0.999  # of what came again: what stays of the past at each prediction


@part
def _home(key: int, n_rows: int, ways: int) -> int:
    """Return the first row of the set of a key."""
    return ((key ^ (key >> 32)) & (n_rows // ways - 1)) * ways


@part
def _locate(keys: IntArray, width: int, start: int, ways: int, key: int) -> int:
    """Return the row of a key in the set that begins at `start`, -1 where it is not there."""
    for row in range(start, start + ways):
        if keys[row * width] == key:
            return row
    return -1


@part
def _weakest(rows: IntArray, width: int, column: int, tie: int, start: int, ways: int) -> int:
    """Return the row of a set with the least value in a column, of equals the least by another one."""
    least = start
    for row in range(start + 1, start + ways):
        value, lowest = rows[row * width + column], rows[least * width + column]
        if value < lowest or (value == lowest and rows[row * width + tie] < rows[least * width + tie]):
            least = row
    return least


@part
def _mixed(key: int) -> int:
    """Return a number that looks like chance, always the same."""
    key ^= key << 13
    key ^= key >> 7
    return key ^ (key << 17)


@part
def _resume(histories: IntArray, thread: int) -> int:
    """Return where the symbols of a thread begin; of a new one, in the place of the one that was silent for longest."""
    start = _home(thread, len(histories) // THREAD, WAYS)
    row = _locate(histories, THREAD, start, WAYS, thread)
    if row < 0:
        row = _weakest(histories, THREAD, 1, 1, start, WAYS)
        histories[row * THREAD : (row + 1) * THREAD] = 0
        histories[row * THREAD] = thread
    return row * THREAD + FIRST


@part
def _run_of(histories: IntArray, thread: int, before: int, moment: int) -> int:
    """Return the thread that an experience goes on: `before`, unless that is 0, if its own was long past that moment."""
    at = _locate(histories, THREAD, _home(thread, len(histories) // THREAD, WAYS), WAYS, thread) * THREAD + FIRST
    late = before != 0 and at >= FIRST and histories[at] != 0 and moment < histories[at - 1] - BESIDE
    return before if late else thread


@part
def _depth_of(history: IntArray, most: int) -> int:
    """Return how many symbols a history has, at most so many."""
    depth = 0
    while depth < most and history[depth] != 0:
        depth += 1
    return depth


@part
def _context(history: IntArray, depth: int, order: int, shorter: int, moment: int) -> int:
    """Return the key of a context by that of the one shorter by a symbol; 0 where the history is too short for it."""
    if order <= depth:
        return _mixed(shorter ^ history[order - 1])
    if order == PART and depth > 0:
        return _mixed(history[0] ^ (moment // 10_800_000_000 % 8 + 1))
    if order == WEEKDAY and depth > 0:
        return _mixed(history[0] ^ (FIRST_DAY + (moment // 86_400_000_000 + 3) % 7))
    return 0


@part
def _open_contexts(
    history: IntArray,
    at_once: int,
    moment: int,
    now: int,
    keys: IntArray,
    rows: IntArray,
    lags: FloatArray,
    places: IntArray,
) -> None:
    """Find or make the rows of the contexts; of one that is new with this experience, longer ones would say the same."""
    places[:] = -1
    key, depth, fresh = 0, _depth_of(history, 5), False
    for order in range(1, ORDERS):
        wanted = _context(history, depth, order, key, moment)
        if order <= depth:
            key = wanted
        if wanted == 0 or (fresh and order < PART):
            continue
        if order == WEEKDAY and (places[1] < 0 or rows[places[1] * ROW + 5] < WEEK):
            continue
        start = _home(wanted, len(keys), WAYS)
        at = _locate(keys, 1, start, WAYS, wanted)
        if at < 0:
            at = _weakest(rows, ROW, 0, 1, start, WAYS)
            keys[at] = wanted
            rows[at * ROW : (at + 1) * ROW] = 0
            lags[at * LAG : (at + 1) * LAG] = 0.0
            rows[at * ROW + 2] = history[0]
            rows[at * ROW + 3] = history[1] if order == 2 else 0
        rows[at * ROW + 4] = -order if order == 2 and at_once > 1 else order
        fresh = rows[at * ROW] == 0 or (rows[at * ROW + 5] == 1 and rows[at * ROW + 1] == now)
        places[order] = at


@part
def _bucket(order: int, n: int, distinct: int) -> int:
    """Return which weight counts for a context that was seen n times, followed by so many different symbols."""
    return order * 28 + min(6, int(math.log2(n))) * 4 + (min(distinct, 3) - 1 if distinct < 5 else 3)


@part
def _judge_contexts(
    x: int,
    places: IntArray,
    rows: IntArray,
    lags: FloatArray,
    chances: FloatArray,
    buckets: IntArray,
    worths: FloatArray,
) -> None:
    """Note how likely each context finds a symbol among those of an experience, and what it was worth so far."""
    for order in range(1, ORDERS):
        at = places[order]
        if at < 0 or rows[at * ROW] == 0:
            continue
        found, distinct = 0.0, 0
        for i in range(KEPT):
            symbol = rows[at * ROW + HEAD + FOLLOWER * i]
            if symbol == 0:
                break
            distinct += 1
            if symbol == x:
                found = lags[at * LAG + FRESH + i]
        chances[order] = found / lags[at * LAG + 2]
        worths[order] = math.exp(lags[at * LAG + 1])
        buckets[order] = _bucket(order, rows[at * ROW], distinct)


@part
def _rarity(j: int, n: int, total: int) -> float:
    """Return how much a symbol j places back counts, by how often it came of so many."""
    return float(0.9**j * math.log(1.0 + total / n))


@part
def _judge_distant(
    x: int,
    history: IntArray,
    keys: IntArray,
    rows: IntArray,
    total: int,
    size: float,
    chances: FloatArray,
    buckets: IntArray,
) -> None:
    """Note how likely a symbol is by all that came shortly before."""
    top, norm, n_near = 0.0, 0.0, 0
    for j in range(_depth_of(history, NEAR)):
        at = _locate(keys, 1, _home(history[j], len(keys), WAYS), WAYS, history[j])
        if at < 0:
            continue
        n = rows[at * SKIP_ROW]
        rare = _rarity(j, n, total)
        norm += rare
        n_near += 1
        for i in range(at * SKIP_ROW + 2, (at + 1) * SKIP_ROW, 2):
            if rows[i] == x:
                top += rare * min(size * rows[i + 1] / n, 1.0)
            if rows[i] == x or rows[i] == 0:
                break
    if norm > 0.0:
        chances[DISTANT], buckets[DISTANT] = top / norm, DISTANT * 28 + min(6, n_near)


@part
def _mix(
    chances: FloatArray,
    buckets: IntArray,
    weights: FloatArray,
    base: float,
    places: IntArray,
    lags: FloatArray,
    worths: FloatArray,
) -> float:
    """Return the chance of a symbol by all components, and learn which of them, and which contexts, deserve more."""
    mass, chance = 0.0, 0.0
    for c in range(PARTS):
        if buckets[c] >= 0:
            mass += weights[buckets[c]] * worths[c]
    for c in range(PARTS):
        chances[c] = 0.999 * chances[c] + 0.001 * base  # nothing is impossible
        if buckets[c] >= 0:
            chance += weights[buckets[c]] * worths[c] / mass * chances[c]
    for c in range(PARTS):
        if buckets[c] >= 0:
            share = weights[buckets[c]] * worths[c] / mass
            gain = (share * chances[c] / chance - share) / max(share, 0.05)
            weights[buckets[c]] = min(max(weights[buckets[c]] * math.exp(ETA * gain), 1e-4), 1e4)
            if 0 < c < ORDERS:
                at = places[c] * LAG + 1
                lags[at] = min(max(lags[at] + TRIED * min(gain, 1.0), -WORTH), WORTH)
    return chance


@part
def _slot_of(rows: IntArray, start: int, stop: int, step: int, x: int) -> int:
    """Return where a symbol stands in a row, or the place of the rarest; that is another's as long as it bears another's name."""
    rarest = start
    for i in range(start, stop, step):
        if rows[i] == x:
            return i
        if rows[i + 1] < rows[rarest + 1]:
            rarest = i
        if rows[i] == 0:
            break
    return rarest


@part
def _turn(lags: FloatArray, f: int, i: int) -> bool:
    """Tell whether what came lately tells better what comes after a context than all that is kept; then it is what counts."""
    usual = max(lags[i + FRESH], 0.5) / (lags[f + 2] - 1.0)
    lately = lags[i + NEWEST] / (lags[f + 3] - 1.0)
    lags[f + 4] = max(lags[f + 4] + math.log(0.5 + 0.5 * lately / usual), 0.0)
    if lags[f + 4] > TURNED:
        lags[f + 2], lags[f + 4] = lags[f + 3], 0.0
        lags[f + FRESH : f + NEWEST] = lags[f + NEWEST : f + LAG]
        return True
    return False


@part
def _forget_week(symbol: int, keys: IntArray, rows: IntArray, lags: FloatArray) -> None:
    """Begin anew with what follows a symbol on each day of the week: a day would need weeks to tell that it has changed."""
    for day in range(FIRST_DAY, FIRST_DAY + 7):
        wanted = _mixed(symbol ^ day)
        at = _locate(keys, 1, _home(wanted, len(keys), WAYS), WAYS, wanted)
        if at >= 0:
            rows[at * ROW : (at + 1) * ROW] = 0
            lags[at * LAG : (at + 1) * LAG] = 0.0
            rows[at * ROW + 2] = symbol


@part
def _learn_contexts(
    x: int,
    id_: int,
    moment: int,
    lag: float,
    places: IntArray,
    keys: IntArray,
    rows: IntArray,
    lags: FloatArray,
    counters: IntArray,
) -> None:
    """Count what follows each context, and after how long."""
    for order in range(1, ORDERS):
        at = places[order]
        if at < 0:
            continue
        r = at * ROW
        f = at * LAG
        if rows[r + 1] != counters[0]:
            rows[r + 5] += 1
            lags[f + 2] = LASTS * lags[f + 2] + 1.0
            lags[f + 3] = LATELY * lags[f + 3] + 1.0
            lags[f + FRESH : f + NEWEST] *= LASTS
            lags[f + NEWEST : f + LAG] *= LATELY
        rows[r] += 1
        rows[r + 1] = counters[0]
        slot = _slot_of(rows, r + HEAD, r + ROW, FOLLOWER, x)
        if rows[slot] != x:
            rows[slot : slot + FOLLOWER] = 0
            rows[slot], rows[slot + 2] = x, moment
            counters[4] += 1
        rows[slot + 1] += 1
        if rows[slot + 3] != id_:
            if moment >= rows[slot + 2]:
                rows[slot + 5], rows[slot + 4], rows[slot + 3] = rows[slot + 4], rows[slot + 3], id_
                rows[slot + 2] = moment
            elif rows[slot + 4] == 0:
                rows[slot + 4] = id_
            elif rows[slot + 4] != id_ and rows[slot + 5] == 0:
                rows[slot + 5] = id_
        i = f + (slot - r - HEAD) // FOLLOWER
        if rows[slot + 1] == 1:
            lags[i + MEAN], lags[i + SPREAD], lags[i + FRESH], lags[i + NEWEST] = 0.0, 0.0, 0.0, 0.0
        if lags[f + 2] > TELLING and _turn(lags, f, i) and rows[r + 4] == 1:
            _forget_week(rows[r + 2], keys, rows, lags)
        lags[i + FRESH] += 1.0
        lags[i + NEWEST] += 1.0
        before = lag - lags[i + MEAN]
        lags[i + MEAN] += before / rows[slot + 1]
        if rows[slot + 1] > 1:
            lags[i + SPREAD] += (before * (lag - lags[i + MEAN]) - lags[i + SPREAD]) / rows[slot + 1]
        if rows[r] == 1:
            lags[f] = lag
        elif lag != lags[f]:
            lags[f] += math.copysign(1.0 / math.sqrt(rows[r]), lag - lags[f])


@part
def _learn_beside(
    x: int,
    id_: int,
    moment: int,
    lag: float,
    history: IntArray,
    at_once: int,
    side: IntArray,
    keys: IntArray,
    rows: IntArray,
    lags: FloatArray,
    counters: IntArray,
) -> None:
    """Count what follows the others of the last experience, which came together with its newest symbol."""
    for j in range(1, min(at_once, SIDE)):
        if history[j] == 0 or history[j] == history[0]:
            continue
        wanted = _mixed(history[j])
        start = _home(wanted, len(keys), WAYS)
        at = _locate(keys, 1, start, WAYS, wanted)
        if at < 0:
            at = _weakest(rows, ROW, 0, 1, start, WAYS)
            keys[at] = wanted
            rows[at * ROW : (at + 1) * ROW] = 0
            lags[at * LAG : (at + 1) * LAG] = 0.0
            rows[at * ROW + 2] = history[j]
        rows[at * ROW + 4] = 1
        side[:] = -1
        side[1] = at
        _learn_contexts(x, id_, moment, lag, side, keys, rows, lags, counters)


@part
def _learn_distant(x: int, history: IntArray, keys: IntArray, rows: IntArray, counters: IntArray) -> None:
    """Count what comes within eight symbols of a symbol: in a long thread each counts less, or it would outweigh others."""
    unit = DEPTH // max(_depth_of(history, DEPTH), 1)
    for j in range(_depth_of(history, NEAR)):
        start = _home(history[j], len(keys), WAYS)
        at = _locate(keys, 1, start, WAYS, history[j])
        if at < 0:
            at = _weakest(rows, SKIP_ROW, 0, 0, start, WAYS)
            keys[at] = history[j]
            rows[at * SKIP_ROW : (at + 1) * SKIP_ROW] = 0
        rows[at * SKIP_ROW] += unit
        counters[3] += unit
        slot = _slot_of(rows, at * SKIP_ROW + 2, (at + 1) * SKIP_ROW, 2, x)
        if rows[slot] != x:
            rows[slot], rows[slot + 1] = x, 0
        rows[slot + 1] += unit


@part
def _learn_word(x: int, id_: int, words: IntArray, counters: IntArray) -> None:
    """Count a symbol."""
    start = _home(x, len(words) // WORD, WAYS)
    at = _locate(words, WORD, start, WAYS, x)
    counters[1] += 1
    if at < 0:
        at = _weakest(words, WORD, 1, 1, start, WAYS)
        words[WORD * at], words[WORD * at + 1] = x, 0
        counters[2] += 1
    words[WORD * at + 1] += 1
    words[WORD * at + 2] = id_


@part
def _times(x: int, words: IntArray) -> int:
    """Return how often a symbol came."""
    at = _locate(words, WORD, _home(x, len(words) // WORD, WAYS), WAYS, x)
    return words[WORD * at + 1] if at >= 0 else 0


@part
def _seat(symbol: int, found: IntArray, slots: IntArray) -> int:
    """Return where in `slots` the place of a symbol in `found` is noted, or may be."""
    at = _mixed(symbol) & (len(slots) - 1)
    while slots[at] >= 0 and found[slots[at]] != symbol:
        at = (at + 1) & (len(slots) - 1)
    return at


@part
def _nominate(symbol: int, chance: float, n: int, found: IntArray, told: FloatArray, slots: IntArray) -> int:
    """Add to the chance of a symbol; return how many symbols there are now."""
    at, most = _seat(symbol, found, slots), len(found) // 2
    if slots[at] < 0:
        if n == most:
            return n
        slots[at] = n
        found[n], found[most + n], told[n], told[most + n], told[2 * most + n] = symbol, 0, 0.0, 0.0, 0.0
        n += 1
    told[slots[at]] += chance
    return n


@part
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
    found: IntArray,
    told: FloatArray,
    slots: IntArray,
    joint: FloatArray,
) -> int:
    """Tell what may come next by the mixture, and by all that is near jointly, in no order; return how many."""
    slots[:] = -1
    if counters[1] == 0:
        return 0
    places, near, masses = np.full(ORDERS, -1), np.full(NEAR, -1), np.zeros(PARTS)
    norm = _weigh(
        history, moment, keys, rows, lags, skip_keys, skip_rows, weights, counters, places, near, masses
    )  # of what is near
    n, most, size = 0, len(found) // 2, counters[1] / counters[5]
    for order in range(1, ORDERS):
        at = places[order]
        if at < 0:
            continue
        f = at * LAG
        for i in range(KEPT):
            symbol, count = rows[at * ROW + HEAD + FOLLOWER * i], rows[at * ROW + HEAD + FOLLOWER * i + 1]
            if symbol == 0:
                break
            n = _nominate(symbol, masses[order] * lags[f + FRESH + i] / lags[f + 2], n, found, told, slots)
            place = slots[_seat(symbol, found, slots)]
            if order == 1 and place >= 0:
                found[most + place] = count
                told[most + place], told[2 * most + place] = lags[f + MEAN + i], lags[f + SPREAD + i]
    for j in range(NEAR):
        at = near[j]
        if at < 0:
            continue
        share = masses[DISTANT] * _rarity(j, skip_rows[at * SKIP_ROW], counters[3]) / norm
        for i in range(at * SKIP_ROW + 2, (at + 1) * SKIP_ROW, 2):
            if skip_rows[i] == 0:
                break
            often = min(size * skip_rows[i + 1] / skip_rows[at * SKIP_ROW], 1.0)
            n = _nominate(skip_rows[i], share * often, n, found, told, slots)
    for i in range(n):
        told[i] += masses[0] * min(_times(found[i], words) / counters[5], 1.0)
    if n < FEW:
        n = _nominate_all(masses[0] / counters[5], n, words, found, told, slots)
    rest = (0.999 * masses[BASE] + 0.001) / (counters[2] + 1.0)
    for i in range(n):
        told[i] = 0.999 * told[i] + rest
    _join(near, n, skip_rows, words, counters, found, told, slots, joint)
    return n


@part
def _join(
    near: IntArray,
    n: int,
    skip_rows: IntArray,
    words: IntArray,
    counters: IntArray,
    found: IntArray,
    told: FloatArray,
    slots: IntArray,
    joint: FloatArray,
) -> None:
    """Tell what comes more often than usual after all that is near; the sum is that of `told`."""
    for i in range(n):
        joint[i] = math.log(max(_times(found[i], words), 1))
    for j in range(NEAR):
        if near[j] < 0:
            continue
        for i in range(near[j] * SKIP_ROW + 2, (near[j] + 1) * SKIP_ROW, 2):
            if skip_rows[i] == 0:
                break
            place = slots[_seat(skip_rows[i], found, slots)]
            if place >= 0:
                usual = max(_times(skip_rows[i], words), 1) / counters[1]
                joint[place] += FAINTER**j * math.log1p(skip_rows[i + 1] / usual / DOUBT)
    highest = joint[:n].max()
    for i in range(n):
        joint[i] = math.exp(joint[i] - highest)
    scale = told[:n].sum() / joint[:n].sum()
    for i in range(n):
        joint[i] = min(scale * joint[i], 1.0)


@part
def _kind(history: IntArray) -> int:
    """Return the kind of a history of one symbol or more: by its length."""
    return min(_doublings(_depth_of(history, DEPTH) - 1), STRATA - 1)


@part
def _blend(history: IntArray, n: int, weights: FloatArray, told: FloatArray, joint: FloatArray) -> None:
    """Add to the mixture what is jointly told, by what it has been worth."""
    if history[0] == 0:
        return
    at = BLENDED + 2 * _kind(history)
    share = weights[at + 1] / (weights[at] + weights[at + 1])
    for i in range(n):
        told[i] += share * (joint[i] - told[i])


@part
def _learn_blend(
    came: IntArray,
    history: IntArray,
    weights: FloatArray,
    found: IntArray,
    told: FloatArray,
    joint: FloatArray,
    slots: IntArray,
) -> None:
    """Learn whether the mixture, given in `told`, or what is jointly told foresaw what came."""
    at = BLENDED + 2 * _kind(history)
    for x in came:
        place = slots[_seat(x, found, slots)]
        if place >= 0:
            share = weights[at + 1] / (weights[at] + weights[at + 1])
            gain = (joint[place] - told[place]) / (told[place] + share * (joint[place] - told[place]))
            odds = share / (1.0 - share) * math.exp(BLEND * gain / len(came))
            weights[at + 1] = weights[at] * min(max(odds, LEAST), 1.0 / LEAST)


@part
def _as_if_whole(history: IntArray, weights: FloatArray) -> FloatArray:
    """Return weights where longer contexts are not told: what the longest says is worth what they would be."""
    depth = _depth_of(history, 5)
    given = weights.copy()
    if depth > 0:
        for order in range(depth + 1, 6):
            given[depth * 28 : depth * 28 + 28] += weights[order * 28 : order * 28 + 28]
    return given


@part
def _weigh(
    history: IntArray,
    moment: int,
    keys: IntArray,
    rows: IntArray,
    lags: FloatArray,
    skip_keys: IntArray,
    skip_rows: IntArray,
    weights: FloatArray,
    counters: IntArray,
    places: IntArray,
    near: IntArray,
    masses: FloatArray,
) -> float:
    """Find the rows that know something, and what each component is worth; return the sum of what is near."""
    masses[0], masses[BASE] = weights[min(6, int(math.log2(counters[1])))], weights[BASE * 28]
    key, depth = 0, _depth_of(history, 5)
    for order in range(1, ORDERS):
        wanted = _context(history, depth, order, key, moment)
        if order <= depth:
            key = wanted
        at = _locate(keys, 1, _home(wanted, len(keys), WAYS), WAYS, wanted) if wanted != 0 else -1
        if at >= 0 and rows[at * ROW] > 0:
            places[order], distinct = at, 0
            while distinct < KEPT and rows[at * ROW + HEAD + FOLLOWER * distinct] != 0:
                distinct += 1
            masses[order] = weights[_bucket(order, rows[at * ROW], distinct)] * math.exp(lags[at * LAG + 1])
    norm, n_near = 0.0, 0
    for j in range(_depth_of(history, NEAR)):
        near[j] = _locate(skip_keys, 1, _home(history[j], len(skip_keys), WAYS), WAYS, history[j])
        if near[j] >= 0:
            norm += _rarity(j, skip_rows[near[j] * SKIP_ROW], counters[3])
            n_near += 1
    if n_near > 0:
        masses[DISTANT] = weights[DISTANT * 28 + min(6, n_near)]
    masses /= masses.sum()
    return norm


@part
def _nominate_all(share: float, n: int, words: IntArray, found: IntArray, told: FloatArray, slots: IntArray) -> int:
    """Add every symbol that is not there yet by how often it came."""
    for i in range(0, len(words), WORD):
        if n < len(found) // 2 and words[i] != 0 and slots[_seat(words[i], found, slots)] < 0:
            n = _nominate(words[i], share * words[i + 1], n, found, told, slots)
    return n


@part
def _doublings(n: int) -> int:
    """Return how many bits a number has: 0 for 0, 1 for 1, 2 for 2 and 3, 3 up to 7."""
    bits = 0
    while (1 << bits) <= n:
        bits += 1
    return bits


@part
def _age(history: IntArray, j: int) -> int:
    """Return how long ago the symbol j places back came, in steps that double; -1 where it came again since."""
    for i in range(j):
        if history[i] == history[j]:
            return -1
    return _doublings(j)


@part
def _season(history: IntArray, n: int, repeats: FloatArray, found: IntArray, told: FloatArray, slots: IntArray) -> None:
    """Make what came lately as much rarer or more frequent as it was so far; the sum stays."""
    before, after = told[:n].sum(), 0.0
    usual = repeats[2 * AGES - 2] / repeats[2 * AGES - 1]
    for j in range(_depth_of(history, DEPTH)):
        place, step = slots[_seat(history[j], found, slots)], _age(history, j)
        if place >= 0 and step >= 0:
            told[place] *= repeats[2 * step] / repeats[2 * step + 1] / usual
    after = told[:n].sum()
    for i in range(n):
        told[i] = min(told[i] * before / after, 1.0)


@part
def _cut(repeats: FloatArray, depth: int) -> FloatArray:
    """Return what is known of repeats where so many symbols are looked at: how long ago others came is not known then."""
    factors, first = repeats.copy(), min(_doublings(depth), AGES - 1)
    for step in range(first, AGES - 1):
        factors[2 * AGES - 2] += repeats[2 * step]
        factors[2 * AGES - 1] += repeats[2 * step + 1]
    return factors


@part
def _learn_repeats(
    came: IntArray, history: IntArray, n: int, repeats: FloatArray, found: IntArray, told: FloatArray, slots: IntArray
) -> None:
    """Count how often what came lately came again, and how often that was expected."""
    rest, others = told[:n].sum(), len(came)
    repeats *= REPEATED
    for j in range(_depth_of(history, DEPTH)):
        step = _age(history, j)
        if step < 0:
            continue
        place = slots[_seat(history[j], found, slots)]
        if place >= 0:
            repeats[2 * step + 1] += told[place]
            rest -= told[place]
        for x in came:
            if x == history[j]:
                repeats[2 * step] += 1.0
                others -= 1
    repeats[2 * AGES - 2] += others
    repeats[2 * AGES - 1] += max(rest, 0.0)


@part
def _judge(knots: FloatArray, line: int, chance: float, right: bool) -> None:
    """Note at the two knots around a probability what became of it."""
    clipped = min(max(chance, 1e-6), 1.0 - 1e-6)
    x = min(max(math.log(clipped / (1.0 - clipped)) - LOWEST, 0.0), KNOTS - 1.0)
    first = min(int(x), KNOTS - 2)
    for i in range(2):
        share = x - first if i == 1 else 1.0 - (x - first)
        at = (line * KNOTS + first + i) * KNOT
        knots[at] += share
        knots[at + 1] += share if right else 0.0
        knots[at + 2] += share * clipped


@part
def _learn_calibration(
    came: IntArray,
    kind: int,
    n: int,
    size: float,
    calibration: FloatArray,
    knots: FloatArray,
    found: IntArray,
    told: FloatArray,
    slots: IntArray,
) -> None:
    """Compare all candidates with what came, then the best: the first and what is as likely, and the others."""
    at = (REACH + kind) * LINE
    calibration[at] *= FADE
    calibration[at + 1] = FADE * calibration[at + 1] + told[:n].sum()
    for x in came:
        calibration[at] += slots[_seat(x, found, slots)] >= 0
    for rank in range(min(int(TOP * size), KEPT, n)):
        best = rank
        for i in range(rank + 1, n):
            if told[i] > told[best] or (told[i] == told[best] and found[i] < found[best]):
                best = i
        found[rank], found[best] = found[best], found[rank]
        told[rank], told[best] = told[best], told[rank]
        right = False
        for x in came:
            right = right or x == found[rank]
        _judge(knots, 2 * kind + (told[rank] < ALIKE * told[0]), told[rank], right)


@part
def _compare(
    history: IntArray,
    moment: int,
    came: IntArray,
    keys: IntArray,
    rows: IntArray,
    lags: FloatArray,
    skip_keys: IntArray,
    skip_rows: IntArray,
    words: IntArray,
    weights: FloatArray,
    counters: IntArray,
    calibration: FloatArray,
    knots: FloatArray,
    repeats: FloatArray,
    found: IntArray,
    told: FloatArray,
    slots: IntArray,
    scratch: FloatArray,
) -> None:
    """Predict one experience before it is learned, and compare; after many symbols also as if one were asked with fewer."""
    recent, joint, mixed = np.zeros(DEPTH, np.int64), scratch[:MOST], scratch[MOST:]
    knots *= min(1.0 - YOUNG / (counters[0] + YOUNG), NEARBY)
    young = counters[0] < WATCHED
    for turn in range(1 if history[NEAR - 1] == 0 else 5 if young else 2):
        depth = DEPTH
        if turn > 0:
            depth = 1 << (turn - 1 if young else (counters[0] + counters[0] // EVERY) % 4)  # later by turns
        recent[:] = 0
        recent[:depth] = history[:depth]
        given = weights if turn == 0 else _as_if_whole(recent, weights)
        n = _foresee(
            recent, moment, keys, rows, lags, skip_keys, skip_rows, words, given, counters, found, told, slots, joint
        )
        mixed[:n] = told[:n]
        _blend(recent, n, weights, told, joint)
        if n > 0 and turn == 0:
            factors = repeats.copy()
            _learn_repeats(came, recent, n, repeats, found, told, slots)
            _season(recent, n, factors, found, told, slots)
        elif n > 0:
            _season(recent, n, _cut(repeats, depth), found, told, slots)
        _learn_blend(came, recent, weights, found, mixed, joint, slots)
        if counters[1] >= FEW:  # before, all is news
            _learn_calibration(
                came, _kind(recent), n, counters[1] / counters[5], calibration, knots, found, told, slots
            )


@part
def _go_on(histories: IntArray, h: int, came: IntArray, order: int, moment: int) -> None:
    """Note in a thread what came, when, and how many experiences there are by now: it is what was before."""
    if len(came) == 0:
        return
    newest = max(moment, histories[h - 1]) if histories[h] != 0 else moment
    for x in came:
        for j in range(h + DEPTH - 1, h, -1):
            histories[j] = histories[j - 1]
        histories[h] = x
    histories[h - 4], histories[h - 3], histories[h - 2], histories[h - 1] = order, moment, len(came), newest


@kernel(
    "int64[:]", "int64[:]", "out int64[:]", "int64[:]", "int64[:]", "int64[:]", "out int64[:]", "out int64[:]",
    "out float64[:]", "out int64[:]", "out int64[:]", "out int64[:]", "out float64[:]", "out int64[:]", "out int64[:]",
    "out float64[:]", "out float64[:]", "out float64[:]", "out float64[:]",
)  # fmt: skip
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
    """Learn what follows what, as `arrays.follow`."""
    places, buckets, chances = np.empty(ORDERS, np.int64), np.empty(PARTS, np.int64), np.empty(PARTS)
    found, told, slots = np.empty(2 * MOST, np.int64), np.empty(3 * MOST), np.empty(2 * MOST, np.int64)
    scratch, side, worths = np.empty(2 * MOST), np.empty(ORDERS, np.int64), np.ones(PARTS)
    for e in range(len(threads)):
        threads[e] = _run_of(histories, threads[e], befores[e], moments[e])
        h, moment, came = _resume(histories, threads[e]), moments[e], symbols[bounds[e] : bounds[e + 1]]
        history = histories[h : h + DEPTH]
        if (counters[0] < WATCHED or counters[0] % EVERY == 0) and len(came) > 0 and history[0] != 0:
            _compare(
                history, histories[h - 1], came, keys, rows, lags, skip_keys, skip_rows, words, weights, counters, calibration,
                knots, repeats, found, told, slots, scratch,
            )  # fmt: skip
        counters[0] += 1
        counters[5] += len(came) > 0
        lag = math.log(max((moment - histories[h - 3]) * 1e-6, 0.0) + 1.0) if history[0] != 0 else 0.0
        for s in range(bounds[e], bounds[e + 1]):
            x, base = symbols[s], 1.0 / (counters[2] + 1.0)
            chances[:], buckets[:] = 0.0, -1
            if counters[1] > 0:
                chances[0] = _times(x, words) / counters[5]
                buckets[0] = min(6, int(math.log2(counters[1])))
            chances[BASE], buckets[BASE] = base, BASE * 28
            _open_contexts(history, histories[h - 2], histories[h - 1], counters[0], keys, rows, lags, places)
            _judge_contexts(x, places, rows, lags, chances, buckets, worths)
            size = max(counters[1], 1) / counters[5]
            _judge_distant(x, history, skip_keys, skip_rows, counters[3], size, chances, buckets)
            bits[s] = -math.log2(_mix(chances, buckets, weights, base, places, lags, worths))
            bits[len(symbols) + s] = counters[1] * base
            _learn_word(x, ids[e], words, counters)
            _learn_contexts(x, ids[e], moment, lag, places, keys, rows, lags, counters)
            _learn_beside(x, ids[e], moment, lag, history, histories[h - 2], side, keys, rows, lags, counters)
            _learn_distant(x, history, skip_keys, skip_rows, counters)
        _go_on(histories, h, came, counters[0], moment)


@kernel(
    "out int64[:]", "int64", "out int64[:]", "out int64[:]", "out float64[:]", "out int64[:]", "out int64[:]",
    "out int64[:]", "out float64[:]", "out int64[:]", "out float64[:]", "out int64[:]", "out float64[:]", returns="int64",
)  # fmt: skip
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
    """Tell what may come next, as `arrays.expect`."""
    size = 1
    while size < len(found):
        size *= 2
    slots, joint = np.empty(size, np.int64), np.empty(len(found) // 2)
    n = _foresee(
        history, moment, keys, rows, lags, skip_keys, skip_rows, words, weights, counters, found, told, slots, joint
    )
    if n > 0:
        _blend(history, n, weights, told, joint)
        _season(history, n, repeats, found, told, slots)
    return n
