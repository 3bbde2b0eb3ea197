"""The maths of patterns, compiled: the names and arguments of `arrays`, which says what they mean.

Tables are flat arrays. A row is found by its key, a 64-bit hash, among the eight of its set; 0 is no key.
"""

from __future__ import annotations

import math

import numpy as np

from thoughtengine._jit import kernel
from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray

__all__ = ["associate", "beat", "divide", "expect", "follow", "gather", "notice"]

WAYS = 8
KEPT = 16  # followers of a context
HEAD = 6
ROW = (
    HEAD + 3 * KEPT
)  # n, last use, newest symbol, the one before, order, experiences; then symbol, count, id of each follower
SKIPPED = 48  # followers of a symbol at a distance
SKIP_ROW = 2 + 2 * SKIPPED  # n, last use; then symbol, count
WORD = 3  # key, n, newest id
DEPTH = 8  # symbols of a thread that are remembered
THREAD = 3 + DEPTH  # key, last use, moment; then symbols, newest first
PARTS = 9  # components of the mixture: orders 0 to 5, part of the day, skip, base
ETA = 0.02
SINGLE = 4  # key, n, error of n, newest id
PAIR = 7  # both keys, n, error of n, newest ids
BROAD = 16  # ways of a set of pairs
UNSURE = 64  # scores that say too little about what is usual
FEW = 16  # where contexts name fewer, all symbols are looked at
BASKET = 40  # items of one experience that are paired


@kernel(
    "int64[:]", "int64[:]", "int64[:]", "int64[:]", "int64[:]", "out int64[:]", "out int64[:]", "out float64[:]",
    "out int64[:]", "out int64[:]", "out int64[:]", "out float64[:]", "out int64[:]", "out int64[:]", "out float64[:]",
)  # fmt: skip
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
    bits: FloatArray,
) -> None:
    """Learn what follows what, as `arrays.follow`."""
    n_sets, n_skip_sets = len(keys) // WAYS, len(skip_keys) // WAYS
    n_word_sets, n_thread_sets = len(words) // (WORD * WAYS), len(histories) // (THREAD * WAYS)
    places, buckets = np.empty(7, np.int64), np.empty(PARTS, np.int64)
    chances, shares = np.empty(PARTS), np.empty(PARTS)
    for e in range(len(threads)):
        counters[0] += 1
        clock = counters[0]
        # the thread's own row
        start = ((threads[e] ^ (threads[e] >> 32)) & (n_thread_sets - 1)) * WAYS
        place, oldest = -1, start
        for way in range(start, start + WAYS):
            if histories[way * THREAD] == threads[e]:
                place = way
                break
            if histories[way * THREAD + 1] < histories[oldest * THREAD + 1]:
                oldest = way
        if place < 0:
            place = oldest
            for i in range(place * THREAD, (place + 1) * THREAD):
                histories[i] = 0
            histories[place * THREAD] = threads[e]
        h = place * THREAD + 3
        lag = 0.0
        if histories[h] != 0:
            lag = math.log(max((moments[e] - histories[h - 1]) * 1e-6, 0.0) + 1.0)
        for s in range(bounds[e], bounds[e + 1]):
            x = symbols[s]
            # how often it was seen at all
            start = ((x ^ (x >> 32)) & (n_word_sets - 1)) * WAYS
            word, rarest = -1, start
            for way in range(start, start + WAYS):
                if words[WORD * way] == x:
                    word = way
                    break
                if words[WORD * way + 1] < words[WORD * rarest + 1]:
                    rarest = way
            seen = words[WORD * word + 1] if word >= 0 else 0
            total, base = counters[1], 1.0 / (counters[2] + 1.0)
            # one row of every order, found or made
            places[:] = -1
            depth = 0
            while depth < 5 and histories[h + depth] != 0:
                depth += 1
            key = 0
            for order in range(1, 7):
                if order <= depth:
                    key ^= histories[h + order - 1]
                    key ^= key << 13
                    key ^= key >> 7
                    key ^= key << 17
                    wanted = key
                elif order == 6 and depth > 0:
                    wanted = histories[h] ^ (moments[e] // 10_800_000_000 % 8 + 1)
                    wanted ^= wanted << 13
                    wanted ^= wanted >> 7
                    wanted ^= wanted << 17
                else:
                    continue
                start = ((wanted ^ (wanted >> 32)) & (n_sets - 1)) * WAYS
                at, least = -1, start
                for way in range(start, start + WAYS):
                    if keys[way] == wanted:
                        at = way
                        break
                    n_way, n_least = rows[way * ROW], rows[least * ROW]
                    if n_way < n_least or (n_way == n_least and rows[way * ROW + 1] < rows[least * ROW + 1]):
                        least = way
                if at < 0:
                    at = least
                    keys[at] = wanted
                    for i in range(at * ROW, (at + 1) * ROW):
                        rows[i] = 0
                    for i in range(at * (1 + KEPT), (at + 1) * (1 + KEPT)):
                        lags[i] = 0.0
                    rows[at * ROW + 2] = histories[h]
                    rows[at * ROW + 3] = histories[h + 1] if order == 2 else 0
                    rows[at * ROW + 4] = order
                places[order] = at
            # what each component thinks of x
            chances[:], shares[:], buckets[:] = 0.0, 0.0, -1
            if total > 0:
                chances[0] = seen / total
                buckets[0] = min(6, int(math.log2(total)))
            for order in range(1, 7):
                at = places[order]
                if at < 0 or rows[at * ROW] == 0:
                    continue
                found, distinct = 0, 0
                for i in range(at * ROW + HEAD, (at + 1) * ROW, 3):
                    if rows[i] == 0:
                        break
                    distinct += 1
                    if rows[i] == x:
                        found = rows[i + 1]
                n = rows[at * ROW]
                chances[order] = found / n
                spread = min(distinct, 3) - 1 if distinct < 5 else 3
                buckets[order] = order * 28 + min(6, int(math.log2(n))) * 4 + spread
            top, norm, n_near = 0.0, 0.0, 0
            for j in range(DEPTH):
                y = histories[h + j]
                if y == 0:
                    break
                start = ((y ^ (y >> 32)) & (n_skip_sets - 1)) * WAYS
                for way in range(start, start + WAYS):
                    if skip_keys[way] == y:
                        n = skip_rows[way * SKIP_ROW]
                        rare = 0.9**j * math.log(1.0 + counters[3] / n)
                        norm += rare
                        n_near += 1
                        for i in range(way * SKIP_ROW + 2, (way + 1) * SKIP_ROW, 2):
                            if skip_rows[i] == x:
                                top += rare * skip_rows[i + 1] / n
                                break
                            if skip_rows[i] == 0:
                                break
                        break
            if norm > 0.0:
                chances[7] = top / norm
                buckets[7] = 7 * 28 + min(6, n_near)
            chances[8] = base
            buckets[8] = 8 * 28
            mass = 0.0
            for c in range(PARTS):
                if buckets[c] >= 0:
                    shares[c] = weights[buckets[c]]
                    mass += shares[c]
            chance = 0.0
            for c in range(PARTS):
                shares[c] /= mass
                chances[c] = 0.999 * chances[c] + 0.001 * base  # nothing is impossible
                chance += shares[c] * chances[c]
            bits[s] = -math.log2(chance)
            for c in range(PARTS):
                if buckets[c] >= 0:
                    gain = ETA * (shares[c] * chances[c] / chance - shares[c]) / max(shares[c], 0.05)
                    weights[buckets[c]] = min(max(weights[buckets[c]] * math.exp(gain), 1e-4), 1e4)
            # learn x
            counters[1] += 1
            if word < 0:
                counters[2] += 1
                word = rarest
                words[WORD * word] = x
                words[WORD * word + 1] = 0
            words[WORD * word + 1] += 1
            words[WORD * word + 2] = ids[e]
            for order in range(1, 7):
                at = places[order]
                if at < 0:
                    continue
                rows[at * ROW] += 1
                rows[at * ROW + 5] += rows[at * ROW + 1] != clock
                rows[at * ROW + 1] = clock
                slot, fewest = -1, at * ROW + HEAD
                for i in range(at * ROW + HEAD, (at + 1) * ROW, 3):
                    if rows[i] == x:
                        slot = i
                        break
                    if rows[i + 1] < rows[fewest + 1]:
                        fewest = i
                    if rows[i] == 0:
                        break
                if slot < 0:
                    slot = fewest
                    rows[slot] = x
                    rows[slot + 1] = 0
                    counters[4] += 1
                rows[slot + 1] += 1
                rows[slot + 2] = ids[e]
                i = at * (1 + KEPT)
                j = i + 1 + (slot - at * ROW - HEAD) // 3
                if rows[slot + 1] == 1:
                    lags[j] = 0.0
                lags[j] += (lag - lags[j]) / rows[slot + 1]
                step = 1.0 / math.sqrt(rows[at * ROW])
                lags[i] = (
                    lag
                    if rows[at * ROW] == 1
                    else lags[i] + (step if lag > lags[i] else -step if lag < lags[i] else 0.0)
                )
            for j in range(DEPTH):
                y = histories[h + j]
                if y == 0:
                    break
                start = ((y ^ (y >> 32)) & (n_skip_sets - 1)) * WAYS
                at, least = -1, start
                for way in range(start, start + WAYS):
                    if skip_keys[way] == y:
                        at = way
                        break
                    n_way, n_least = skip_rows[way * SKIP_ROW], skip_rows[least * SKIP_ROW]
                    if n_way < n_least:
                        least = way
                if at < 0:
                    at = least
                    skip_keys[at] = y
                    for i in range(at * SKIP_ROW, (at + 1) * SKIP_ROW):
                        skip_rows[i] = 0
                skip_rows[at * SKIP_ROW] += 1
                counters[3] += 1
                slot, fewest = -1, at * SKIP_ROW + 2
                for i in range(at * SKIP_ROW + 2, (at + 1) * SKIP_ROW, 2):
                    if skip_rows[i] == x:
                        slot = i
                        break
                    if skip_rows[i + 1] < skip_rows[fewest + 1]:
                        fewest = i
                    if skip_rows[i] == 0:
                        break
                if slot < 0:
                    slot = fewest
                    skip_rows[slot] = x
                    skip_rows[slot + 1] = 0
                skip_rows[slot + 1] += 1
        # what came is what was before
        for s in range(bounds[e], bounds[e + 1]):
            for j in range(DEPTH - 1, 0, -1):
                histories[h + j] = histories[h + j - 1]
            histories[h] = symbols[s]
        if bounds[e + 1] > bounds[e]:
            histories[h - 2] = clock
            histories[h - 1] = moments[e]


@kernel(
    "int64[:]", "int64", "int64[:]", "int64[:]", "float64[:]", "int64[:]", "int64[:]", "int64[:]", "float64[:]",
    "int64[:]", "out int64[:]", "out float64[:]", returns="int64",
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
    found: IntArray,
    told: FloatArray,
) -> int:
    """Tell what may come next, as `arrays.expect`."""
    n_sets, n_skip_sets, most = len(keys) // WAYS, len(skip_keys) // WAYS, len(found) // 2
    total, n = counters[1], 0
    if total == 0:
        return 0
    places, masses, near = np.full(7, -1), np.zeros(PARTS), np.full(DEPTH, -1)
    base = 1.0 / (counters[2] + 1.0)
    masses[0], masses[8] = weights[min(6, int(math.log2(total)))], weights[8 * 28]
    depth = 0
    while depth < DEPTH and history[depth] != 0:
        depth += 1
    key = 0
    for order in range(1, 7):
        if order <= min(depth, 5):
            key ^= history[order - 1]
            key ^= key << 13
            key ^= key >> 7
            key ^= key << 17
            wanted = key
        elif order == 6 and depth > 0:
            wanted = history[0] ^ (moment // 10_800_000_000 % 8 + 1)
            wanted ^= wanted << 13
            wanted ^= wanted >> 7
            wanted ^= wanted << 17
        else:
            continue
        start = ((wanted ^ (wanted >> 32)) & (n_sets - 1)) * WAYS
        for at in range(start, start + WAYS):
            if keys[at] == wanted and rows[at * ROW] > 0:
                places[order] = at
                distinct = 0
                while distinct < KEPT and rows[at * ROW + HEAD + 3 * distinct] != 0:
                    distinct += 1
                spread = min(distinct, 3) - 1 if distinct < 5 else 3
                masses[order] = weights[order * 28 + min(6, int(math.log2(rows[at * ROW]))) * 4 + spread]
    norm, n_near = 0.0, 0
    for j in range(depth):
        start = ((history[j] ^ (history[j] >> 32)) & (n_skip_sets - 1)) * WAYS
        for way in range(start, start + WAYS):
            if skip_keys[way] == history[j]:
                near[j] = way
                norm += 0.9**j * math.log(1.0 + counters[3] / skip_rows[way * SKIP_ROW])
                n_near += 1
    if norm > 0.0:
        masses[7] = weights[7 * 28 + min(6, n_near)]
    masses /= masses.sum()
    for order in range(1, 7):
        at = places[order]
        if at < 0:
            continue
        for i in range(at * ROW + HEAD, (at + 1) * ROW, 3):
            if rows[i] == 0:
                break
            slot = 0
            while slot < n and found[slot] != rows[i]:
                slot += 1
            if slot == n:
                if n == most:
                    continue
                found[n], found[most + n], told[n], told[most + n] = rows[i], 0, 0.0, 0.0
                n += 1
            told[slot] += masses[order] * rows[i + 1] / rows[at * ROW]
            if order == 1:
                found[most + slot] = rows[i + 1]
                told[most + slot] = lags[at * (1 + KEPT) + 1 + (i - at * ROW - HEAD) // 3]
    for j in range(depth):
        way = near[j]
        if way < 0:
            continue
        rare = 0.9**j * math.log(1.0 + counters[3] / skip_rows[way * SKIP_ROW])
        for i in range(way * SKIP_ROW + 2, (way + 1) * SKIP_ROW, 2):
            if skip_rows[i] == 0:
                break
            slot = 0
            while slot < n and found[slot] != skip_rows[i]:
                slot += 1
            if slot == n:
                if n == most:
                    continue
                found[n], found[most + n], told[n], told[most + n] = skip_rows[i], 0, 0.0, 0.0
                n += 1
            told[slot] += masses[7] * rare / norm * skip_rows[i + 1] / skip_rows[way * SKIP_ROW]
    for i in range(n):
        start = ((found[i] ^ (found[i] >> 32)) & (len(words) // (WORD * WAYS) - 1)) * WAYS
        for way in range(start, start + WAYS):
            if words[WORD * way] == found[i]:
                told[i] += masses[0] * words[WORD * way + 1] / total
    n_known = n
    for i in range(0, len(words), WORD):
        if n_known >= FEW or n == most or words[i] == 0:
            continue
        slot = 0
        while slot < n_known and found[slot] != words[i]:
            slot += 1
        if slot == n_known:
            found[n], found[most + n], told[n], told[most + n] = words[i], 0, masses[0] * words[i + 1] / total, 0.0
            n += 1
    rest = (0.999 * masses[8] + 0.001) * base
    for slot in range(n):
        told[slot] = 0.999 * told[slot] + rest
    return n


@kernel(
    "float32[:]", "int64[:]", "float64", "float64", "int64", "out float32[:]", "out float32[:]", "out int64[:]",
    "out float64[:]", "out int64[:]", "out float32[:]", "out float64[:]", "out float32[:]", "out int64[:]",
    "out int64[:]", "out float64[:]",
)  # fmt: skip
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
    """Put vectors to the concept they are most alike, or begin a new one, as `arrays.gather`."""
    d, cap = len(middle), len(weights)
    n_words = (d + 63) // 64
    point, sign = np.empty(d), np.empty(n_words, np.int64)
    distances, histogram = np.empty(cap, np.int64), np.empty(64 * n_words + 1, np.int64)
    for e in range(len(ids)):
        start = e * d
        counters[0] += 1
        for i in range(d):
            total[i] += vectors[start + i]
        if counters[0] >= counters[2]:  # the middle moves at the powers of two, then every 8,192
            counters[2] = min(2 * counters[0], counters[0] + 8192)
            for i in range(d):
                middle[i] = total[i] / (counters[0] + 16.0)
            for c in range(counters[1]):
                norm = 0.0
                for i in range(d):
                    norm += (means[c * d + i] - middle[i]) * (means[c * d + i] - middle[i])
                norm = math.sqrt(norm) + 1e-12
                for i in range(d):
                    units[c * d + i] = (means[c * d + i] - middle[i]) / norm
                for w in range(n_words):
                    word = 0
                    for i in range(64 * w, min(64 * w + 64, d)):
                        if units[c * d + i] > 0.0:
                            word |= 1 << (i - 64 * w)
                    signs[c * n_words + w] = word
        norm = 0.0
        for i in range(d):
            point[i] = vectors[start + i] - middle[i]
            norm += point[i] * point[i]
        norm = math.sqrt(norm) + 1e-12
        for i in range(d):
            point[i] /= norm
        n, bound = counters[1], 64 * n_words
        if n > 2 * near:  # only those whose signs agree most are compared in full
            for w in range(n_words):
                word = 0
                for i in range(64 * w, min(64 * w + 64, d)):
                    if point[i] > 0.0:
                        word |= 1 << (i - 64 * w)
                sign[w] = word
            histogram[:] = 0
            for c in range(n):
                distance = np.int64(0)
                for w in range(n_words):
                    x = np.uint64(signs[c * n_words + w] ^ sign[w])
                    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
                    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
                    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
                    distance += np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))
                distances[c] = distance
                histogram[distance] += 1
            bound, count = 0, histogram[0]
            while count < near:
                bound += 1
                count += histogram[bound]
        best, most = -1, -2.0
        for c in range(n):
            if n <= 2 * near or distances[c] <= bound:
                cosine = 0.0
                for i in range(d):
                    cosine += point[i] * units[c * d + i]
                if cosine > most:
                    best, most = c, cosine
        likeness[e] = most
        if most >= alike:
            weights[best] += 1.0
            rate = max(1.0 / weights[best], slowest)
            for i in range(d):
                means[best * d + i] += rate * (vectors[start + i] - means[best * d + i])
        else:
            best = n
            if n == cap:  # the one that fewest belong to gives way, of equals the one that was met longest ago
                best = 0
                for c in range(n):
                    if weights[c] < weights[best] or (
                        weights[c] == weights[best] and members[8 * c + 1] < members[8 * best + 1]
                    ):
                        best = c
                counters[3] += 1
            else:
                counters[1] += 1
            weights[best] = 1.0
            for i in range(d):
                means[best * d + i] = vectors[start + i]
            for i in range(8):
                members[8 * best + i] = 0
                closeness[8 * best + i] = -2.0
            members[8 * best] = ids[e]
            most = 1.0
        norm = 0.0
        for i in range(d):
            norm += (means[best * d + i] - middle[i]) * (means[best * d + i] - middle[i])
        norm = math.sqrt(norm) + 1e-12
        for i in range(d):
            units[best * d + i] = (means[best * d + i] - middle[i]) / norm
        for w in range(n_words):
            word = 0
            for i in range(64 * w, min(64 * w + 64, d)):
                if units[best * d + i] > 0.0:
                    word |= 1 << (i - 64 * w)
            signs[best * n_words + w] = word
        members[8 * best + 1] = ids[e]
        last = 2
        for i in range(3, 8):
            if closeness[8 * best + i] < closeness[8 * best + last]:
                last = i
        if most > closeness[8 * best + last]:
            members[8 * best + last], closeness[8 * best + last] = ids[e], most
        chosen[e] = members[8 * best]


@kernel("int64[:]", "int64[:]", "int64[:]", "out int64[:]", "out int64[:]", "out int64[:]")
def associate(
    items: IntArray, bounds: IntArray, ids: IntArray, singles: IntArray, pairs: IntArray, counters: IntArray
) -> None:
    """Count items and pairs of items that come together, as `arrays.associate`."""
    n_single_sets, n_pair_sets = len(singles) // (SINGLE * WAYS), len(pairs) // (PAIR * BROAD)
    for e in range(len(ids)):
        size = bounds[e + 1] - bounds[e]
        taken = min(size, BASKET)
        counters[0] += 1
        counters[1] += taken
        counters[2] += taken * (taken - 1)
        for i in range(taken):
            a = items[bounds[e] + i * size // taken]
            start = ((a ^ (a >> 32)) & (n_single_sets - 1)) * WAYS
            at, least = -1, start
            for way in range(start, start + WAYS):
                if singles[SINGLE * way] == a:
                    at = way
                    break
                if singles[SINGLE * way + 1] < singles[SINGLE * least + 1]:
                    least = way
            if at < 0:
                at = least
                singles[SINGLE * at] = a
                singles[SINGLE * at + 2] = singles[SINGLE * at + 1]
            singles[SINGLE * at + 1] += 1
            singles[SINGLE * at + 3] = ids[e]
            for j in range(i + 1, taken):
                b = items[bounds[e] + j * size // taken]
                low, high = min(a, b), max(a, b)
                if low == high:
                    continue
                mixed = low ^ (low << 13) ^ (high >> 7) ^ high
                start = ((mixed ^ (mixed >> 32)) & (n_pair_sets - 1)) * BROAD
                at, least = -1, start
                for way in range(start, start + BROAD):
                    if pairs[PAIR * way] == low and pairs[PAIR * way + 1] == high:
                        at = way
                        break
                    if pairs[PAIR * way + 2] < pairs[PAIR * least + 2]:
                        least = way
                if at < 0:
                    at = least
                    pairs[PAIR * at] = low
                    pairs[PAIR * at + 1] = high
                    pairs[PAIR * at + 3] = pairs[PAIR * at + 2]
                    for k in range(4, PAIR):
                        pairs[PAIR * at + k] = 0
                    counters[3] += 1
                pairs[PAIR * at + 2] += 1
                for k in range(PAIR - 1, 4, -1):
                    pairs[PAIR * at + k] = pairs[PAIR * at + k - 1]
                pairs[PAIR * at + 4] = ids[e]


@kernel("int64[:]", "int64[:]", "int64[:]", "int64[:]", "out int64[:]", "out int64[:]", "out float64[:]")
def beat(
    items: IntArray,
    bounds: IntArray,
    moments: IntArray,
    periods: IntArray,
    keys: IntArray,
    rows: IntArray,
    sums: FloatArray,
) -> None:
    """Add moments to the rhythm of each item, as `arrays.beat`."""
    n_sets, n_periods = len(keys) // WAYS, len(periods)
    width = 8 + 2 * n_periods
    for e in range(len(moments)):
        t = moments[e]
        for s in range(bounds[e], bounds[e + 1]):
            x = items[s]
            start = ((x ^ (x >> 32)) & (n_sets - 1)) * WAYS
            at, least = -1, start
            for way in range(start, start + WAYS):
                if keys[way] == x:
                    at = way
                    break
                if rows[way * width] < rows[least * width]:
                    least = way
            if at < 0:
                at = least
                keys[at] = x
                for i in range(at * width, (at + 1) * width):
                    rows[i] = 0
                for i in range(at * 4 * n_periods, (at + 1) * 4 * n_periods):
                    sums[i] = 0.0
                rows[at * width + 2], rows[at * width + 3] = t, t
            r = at * width
            if rows[r] > 0 and t != rows[r + 1]:
                gap = t - rows[r + 1]
                rows[r + 4] += 1
                if gap % 86_400_000_000 == 0:
                    rows[r + 5] += 1
                if gap % 3_600_000_000 == 0:
                    rows[r + 6] += 1
            if t % 43_200_000_000 == 0:
                rows[r + 7] += 1
            first = rows[r] == 0
            rows[r] += 1
            rows[r + 1] = t
            rows[r + 2], rows[r + 3] = min(rows[r + 2], t), max(rows[r + 3], t)
            for p in range(n_periods):
                i = r + 8 + 2 * p
                if not first and abs(t - rows[i + 1]) < max(periods[p] // 12, 900_000_000):
                    continue  # of a burst, only the first counts
                rows[i] += 1
                rows[i + 1] = t
                angle = 2.0 * math.pi * (t % periods[p] / periods[p])
                j = (at * n_periods + p) * 4
                sums[j] += math.cos(angle)
                sums[j + 1] += math.sin(angle)
                sums[j + 2] += math.cos(2.0 * angle)
                sums[j + 3] += math.sin(2.0 * angle)


@kernel("float32[:]", "int64", "float64", "int64", "out float64[:]", "out int64[:]")
def divide(vectors: SingleArray, d: int, penalty: float, longest: int, gains: FloatArray, begins: IntArray) -> None:
    """Find the best division of a run of vectors into segments, as `arrays.divide`."""
    n = len(vectors) // d
    total = np.empty(d)
    gains[0] = 0.0
    for stop in range(1, n + 1):
        gains[stop], begins[stop] = -np.inf, stop - 1
        total[:] = 0.0
        for begin in range(stop - 1, max(stop - longest, 0) - 1, -1):
            norm = 0.0
            for i in range(d):
                total[i] += vectors[begin * d + i]
                norm += total[i] * total[i]
            gain = gains[begin] + math.sqrt(norm) - penalty
            if gain > gains[stop]:
                gains[stop], begins[stop] = gain, begin


@kernel(
    "float64[:]", "float64", "float64", "float64", "float64", "float64[:]", "out float64[:]", "out float64[:]",
    "out float64[:]", "out float64[:]", "out bool[:]",
)  # fmt: skip
def notice(
    scores: FloatArray,
    low: float,
    high: float,
    fade: float,
    patience: float,
    bets: FloatArray,
    buckets: FloatArray,
    wealth: FloatArray,
    counters: FloatArray,
    chances: FloatArray,
    changed: BoolArray,
) -> None:
    """Turn scores into chances and notice a change, as `arrays.notice`."""
    last = len(buckets) - 1
    for i in range(len(scores)):
        bucket = int(min(max((scores[i] - low) / (high - low), 0.0), 1.0) * last)
        above, total = 0.5 * buckets[bucket], 0.0
        for b in range(len(buckets)):
            total += buckets[b]
            if b > bucket:
                above += buckets[b]
        chances[i] = (above + 0.5) / (total + 1.0)
        changed[i] = False
        counters[0] += 1.0
        if counters[0] > UNSURE:
            mean = 0.0
            for b in range(len(bets)):
                wealth[b] = (wealth[b] + 1.0) * bets[b] * chances[i] ** (bets[b] - 1.0)
                mean += wealth[b] / len(bets)
            if mean > patience:
                changed[i] = True
                counters[0] = 0.0
                wealth[:] = 0.0
                buckets *= 0.05
        buckets *= fade
        buckets[bucket] += 1.0
