"""The maths of recall, compiled: the names and arguments of `arrays`, equal to the last bit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from thoughtengine._jit import kernel, part
from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray

__all__ = [
    "accumulate",
    "around",
    "best",
    "closest",
    "coded",
    "compared",
    "cosines",
    "exact",
    "fill",
    "first_of",
    "foremost",
    "holds",
    "in_steps",
    "joined",
    "lay",
    "leaders",
    "one_of_each",
    "ordered",
    "signs",
    "with_friends",
    "within",
]

_ALIKE = 1e-9  # relative scores that differ by less are equal, as in `arrays`


@kernel(
    "uint32[:]", "int64[:]", "int64[:]", "float32[:]", "int64", "int64", "uint16[:]", "uint16[:]", "float32", "float32",
    "float32", "float32", "bool[:]", "out float32[:]", "out float32[:]",
)  # fmt: skip
def accumulate(
    postings: NDArray[np.uint32],
    starts: IntArray,
    stops: IntArray,
    weights: SingleArray,
    t: int,
    start: int,
    lengths: NDArray[np.uint16],
    n_labels: NDArray[np.uint16],
    least: np.float32,
    slope: np.float32,
    label_slope: np.float32,
    k1: np.float32,
    wanted: BoolArray,
    text: SingleArray,
    labels: SingleArray,
) -> None:
    """Add BM25 scores to `text` and `labels`, as `arrays.accumulate`."""
    _accumulate(postings, starts[:t], stops[:t], weights[:t], start, lengths, least, slope, k1, wanted, text)
    _accumulate(postings, starts[t:], stops[t:], weights[t:], start, n_labels, least, label_slope, k1, wanted, labels)


@part
def _accumulate(
    postings: NDArray[np.uint32],
    starts: IntArray,
    stops: IntArray,
    weights: SingleArray,
    start: int,
    lengths: NDArray[np.uint16],
    least: np.float32,
    slope: np.float32,
    k1: np.float32,
    wanted: BoolArray,
    out: SingleArray,
) -> None:
    n, everyone, more = np.uint64(len(out)), len(wanted) == 0, k1 + np.float32(1.0)
    for i in range(len(weights)):
        weight = weights[i]
        if weight == np.float32(0.0):
            continue
        for packed in postings[starts[i] : stops[i]]:
            at = np.uint64(start + np.int64(packed >> np.uint32(8)))  # unsigned: no look whether it counts from the end
            if at < n and (everyone or wanted[at]):
                count = np.float32(packed & np.uint32(255))
                out[at] += weight * (count * more / (count + (least + slope * np.float32(lengths[at]))))


@kernel("int64[:]", "int32[:]", "int64[:]", "int64[:]", "float32", "out float32[:]")
def within(
    at: IntArray,
    offset: NDArray[np.int32],
    starts: IntArray,
    stops: IntArray,
    weight: np.float32,
    out: SingleArray,
) -> None:
    """Add to `out` (n,) how near moments are to spans, as `arrays.within`."""
    for i in range(len(at)):
        local = at[i] + np.int64(offset[i]) * 1_000_000
        most = np.float32(0.0)
        for j in range(len(starts)):
            width = min(max(stops[j] - starts[j], 86_400_000_000), 30 * 86_400_000_000)
            if starts[j] - 3 * width <= local < stops[j] + 3 * width:
                away = max(starts[j] - local, local - stops[j], 0) / width
                most = max(most, np.float32(math.exp(-0.5 * away * away)))
        out[i] += weight * most


@kernel(
    "float32[:]", "float32[:]", "out float32[:]", "bool[:]", "int32[:]", "int32[:]", "uint16[:]", "int64[:]", "float32",
    "float32", "float32", "float32", "float32", "float32", "float64[:]", "float64[:]", "out float64[:]", "out float64[:]",
    "out float64[:]", "out int8[:]", brief=True,
)  # fmt: skip
def fill(
    text: SingleArray,
    labels: SingleArray,
    dense: SingleArray,
    lends: BoolArray,
    previous: NDArray[np.int32],
    following: NDArray[np.int32],
    lengths: NDArray[np.uint16],
    places: IntArray,
    near: np.float32,
    far: np.float32,
    echo: np.float32,
    context: np.float32,
    filling: np.float32,
    weight: np.float32,
    of_meaning: FloatArray,
    of_rarer: FloatArray,
    of_text: FloatArray,
    of_labels: FloatArray,
    lent: FloatArray,
    beside: NDArray[np.int8],
) -> None:
    """Write what memories have of their own and what their neighbours lend, as `arrays.fill`."""
    n, all_lend = len(text), len(lends) == 0
    for i in range(len(places)):
        at = places[i]
        of_text[i] = text[at]
        if len(labels) > 0:
            of_labels[i] = labels[at]
        dense[at] = np.float32(of_meaning[i] + of_rarer[i])
    for i in range(len(places) if weight > np.float32(0.0) else 0):
        at = places[i]
        before, after = previous[at], following[at]
        a = b = c = d = np.float32(0.0)
        if before >= 0:
            if all_lend or lends[before]:
                a = near * (text[before] + dense[before])
            before = previous[before]
            if before >= 0 and (all_lend or lends[before]):
                c = far * (text[before] + dense[before])
        if 0 <= after < n:
            if all_lend or lends[after]:
                b = near * (text[after] + dense[after])
            after = following[after]
            if 0 <= after < n and (all_lend or lends[after]):
                d = far * (text[after] + dense[after])
        most = max(a, b, c, d)
        lean = min(np.sqrt(np.float32(context / max(np.float32(lengths[at]), np.float32(1.0)))), np.float32(1.0))
        more = lean * (most + echo * (a + b + c + d - most))
        if filling > np.float32(0.0):
            more = max(filling * more - text[at] - dense[at], np.float32(0.0))
        lent[i] = np.float32(more * weight)
        beside[i] = np.int8(b > a) - np.int8(b < a)


@kernel("float64[:]", "int64", "out float64[:]", returns="out int64[:]", brief=True)
def ordered(shares: FloatArray, k: int, scores: FloatArray) -> IntArray:
    """Write sums and return where the largest are, largest first, as `arrays.ordered`."""
    n = len(scores)
    for i in range(n):
        scores[i] = 0.0
    for row in range(len(shares) // max(n, 1)):
        some = shares[row * n : row * n + n]
        for i in range(n):
            scores[i] += some[i]
    return _best(scores, k)


@part
def _best(scores: FloatArray, k: int) -> IntArray:
    found = _foremost(scores, k)
    return found[np.argsort(scores[found], kind="mergesort")[::-1]]


@kernel("float64[:]", "int64", returns="out int64[:]", brief=True)
def best(scores: FloatArray, k: int) -> IntArray:
    """Return where the largest scores above 0 are, largest first, as `arrays.best`."""
    return _best(scores, k)


@kernel("int64[:]", "int32[:]", "int32[:]", "int64", returns="out int64[:]", brief=True)
def around(places: IntArray, previous: NDArray[np.int32], following: NDArray[np.int32], n: int) -> IntArray:
    """Return positions and the two before and after each, as `arrays.around`."""
    return _around(places, previous, following, n)


@part
def _around(places: IntArray, previous: NDArray[np.int32], following: NDArray[np.int32], n: int) -> IntArray:
    out, filled = np.empty(5 * len(places), np.int64), 0
    for place in places:
        out[filled] = place
        filled += 1
        for links in (previous, following):
            at = np.int64(links[place])
            for _ in range(2):
                if not 0 <= at < n:
                    break
                out[filled] = at
                filled += 1
                at = np.int64(links[at])
    out = np.sort(out[:filled])
    kept = 0
    for i in range(filled):
        if i == 0 or out[i] != out[i - 1]:
            out[kept] = out[i]
            kept += 1
    return out[:kept]


@kernel(
    "int64[:]", "int64[:]", "float32[:]", "float32[:]", "int64", "int32[:]", "int32[:]", "bool[:]", returns="out int64[:]",
    brief=True,
)  # fmt: skip
def with_friends(
    found: IntArray,
    lenders: IntArray,
    text: SingleArray,
    dense: SingleArray,
    n_friends: int,
    previous: NDArray[np.int32],
    following: NDArray[np.int32],
    allowed: BoolArray,
) -> IntArray:
    """Return positions and the neighbours of those that lend most, as `arrays.with_friends`."""
    lent = np.empty(len(lenders), np.float64)
    for i in range(len(lenders)):
        lent[i] = text[lenders[i]] + dense[lenders[i]]
    near = _around(lenders[_foremost(lent, n_friends)], previous, following, len(text))
    if len(allowed) > 0:
        kept = 0
        for place in near:
            if allowed[place]:
                near[kept] = place
                kept += 1
        near = near[:kept]
    return _joined(found, near)


@kernel("int64[:]", "int64[:]", returns="out int64[:]", brief=True)
def joined(first: IntArray, second: IntArray) -> IntArray:
    """Return every number of two ascending arrays once, as `arrays.joined`."""
    return _joined(first, second)


@part
def _joined(first: IntArray, second: IntArray) -> IntArray:
    out, filled, i, j = np.empty(len(first) + len(second), np.int64), 0, 0, 0
    while i < len(first) or j < len(second):
        if j == len(second) or (i < len(first) and first[i] < second[j]):
            out[filled] = first[i]
            i += 1
        else:
            i += int(i < len(first) and first[i] == second[j])
            out[filled] = second[j]
            j += 1
        filled += 1
    return out[:filled].copy()


@kernel(
    "uint64[:]", "uint64[:]", "int64[:]", "int64", "int64", "int64", "uint8[:]", "int8[:]", "float32[:]", "int16[:]",
    "int16[:]", "int16[:]", "float64", "int64", "out float64[:]", returns="out int64[:]",
)  # fmt: skip
def closest(
    codes: NDArray[np.uint64],
    code: NDArray[np.uint64],
    among: IntArray,
    near: int,
    margin: int,
    stride: int,
    coarse: NDArray[np.uint8],
    fine: NDArray[np.int8],
    scale: SingleArray,
    even: NDArray[np.int16],
    odd: NDArray[np.int16],
    steps: NDArray[np.int16],
    step: float,
    wanted: int,
    out: FloatArray,
) -> IntArray:
    """Return the rows closest to one, and write their cosines to `out`, as `arrays.closest`."""
    n = len(among) if len(among) > 0 else len(scale)
    if n > near:
        rows = _nearest(codes, code, among, near, margin, stride)
    elif len(among) > 0:
        rows = among.copy()
    else:
        rows = np.arange(len(scale))
    values = np.empty(len(rows), np.float64)
    _cosines(coarse, fine, scale, even, odd, steps, step, rows, values)
    if wanted < len(rows):
        kept = _foremost(values + 2.0, wanted)
        rows, values = rows[kept], values[kept]
    for i in range(len(rows)):
        out[i] = values[i]
    return rows


@part
def _nearest(
    codes: NDArray[np.uint64], code: NDArray[np.uint64], rows: IntArray, wanted: int, margin: int, stride: int
) -> IntArray:
    """Return the rows with the fewest bits that differ, as `arrays.closest` has it: four words at a time, rows in parallel."""
    width, one, two, three, four = len(code), np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    m = len(codes) // width
    everyone = len(rows) == 0 or 4 * len(rows) > m  # in a row is faster than picked out
    n = len(rows) if len(rows) > 0 else m
    distances = np.zeros(m if everyone else n, np.uint16)

    def bits(x: np.uint64) -> np.uint64:  # known to the compiler: a count of bits
        y = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
        y = (y & np.uint64(0x3333333333333333)) + ((y >> np.uint64(2)) & np.uint64(0x3333333333333333))
        y = (y + (y >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        return (y * np.uint64(0x0101010101010101)) >> np.uint64(56)

    for j in range(0, width, 4):
        a, b, c, d = code[j], code[j + 1], code[j + 2], code[j + 3]
        if everyone and width == 4:  # a stride that the compiler knows
            for i in range(np.uint64(m)):
                at = four * np.uint64(i)
                first, second = bits(codes[at] ^ a) + bits(codes[at + one] ^ b), bits(codes[at + two] ^ c)
                distances[i] = np.uint16(first + second + bits(codes[at + three] ^ d))
        else:
            for i in range(len(distances)):
                at = np.uint64(i if everyone else rows[i]) * np.uint64(width) + np.uint64(j)
                first, second = bits(codes[at] ^ a) + bits(codes[at + one] ^ b), bits(codes[at + two] ^ c)
                distances[i] += np.uint16(first + second + bits(codes[at + three] ^ d))
    if len(rows) > 0 and everyone:
        distances = distances[rows]
    counts, looked = np.zeros(64 * width + 1, np.int64), 0
    for block in range((n + stride - 1) // stride):
        i = block * stride + (block * 40503 >> 8) % stride  # as `arrays._sample`
        if i < n:
            counts[distances[i]] += 1
            looked += 1
    limit, tenth, so_far = 0, 0, counts[0]
    while so_far * n < wanted * looked:
        if so_far * n < min(wanted, 10) * looked:
            tenth = limit + 1
        limit += 1
        so_far += counts[limit]
    while limit < min(tenth + margin, 64 * width) and (so_far + counts[limit + 1]) * n <= 4 * wanted * looked:
        limit += 1
        so_far += counts[limit]
    marks = np.zeros((n + 7) // 8 * 8, np.uint8)
    for i in range(n):
        marks[i] = distances[i] <= limit
    out = np.empty(min(n, 4 * wanted), np.int64)
    filled = _marked(marks, out)
    return rows[out[:filled]] if len(rows) > 0 else out[:filled]


@part
def _marked(marks: NDArray[np.uint8], out: IntArray) -> int:
    """Write where marks that are 1 are, as many as there is room for, and return how many; looks at eight at once."""
    filled, words = 0, marks.view(np.uint64)
    for word in range(len(words)):
        if words[word] != np.uint64(0):
            for i in range(8 * word, 8 * word + 8):
                if marks[i] != np.uint8(0):
                    if filled == len(out):
                        return filled
                    out[filled] = i
                    filled += 1
    return filled


@kernel("float32[:]", "float32[:]", "out uint64[:]", brief=True)
def coded(vector: SingleArray, centre: SingleArray, out: NDArray[np.uint64]) -> None:
    """Write the signs of a vector around a middle, as `arrays.coded`."""
    for word in range(len(out)):
        bits = np.uint64(0)
        for i in range(64 * word, min(64 * word + 64, len(vector))):
            bits |= np.uint64(vector[i] - centre[i] > np.float32(0.0)) << np.uint64(i & 63)
        out[word] = bits


@kernel(
    "float32[:]", "int64", "int64", "out int16[:]", "out int16[:]", "out int16[:]", "out int32[:]", "out int32[:]",
    "out int32[:]", returns="float64", brief=True,
)  # fmt: skip
def in_steps(
    unit: SingleArray,
    rough: int,
    fine: int,
    even: NDArray[np.int16],
    odd: NDArray[np.int16],
    all_: NDArray[np.int16],
    fine_even: NDArray[np.int32],
    fine_odd: NDArray[np.int32],
    fine_all: NDArray[np.int32],
) -> float:
    """Write the numbers of a vector in whole steps, and return the largest, as `arrays.in_steps`."""
    most = np.float32(0.0)
    for value in unit:
        most = max(most, abs(value))
    largest = np.float64(most) if most > np.float32(0.0) else 1.0
    by, finely_by = np.float32(rough / largest), np.float32(fine / largest)
    for i in range(len(unit)):
        all_[i] = np.int16(np.rint(np.float32(unit[i] * by)))
        fine_all[i] = np.int32(np.rint(np.float32(unit[i] * finely_by)))
    for i in range(len(even)):
        even[i], fine_even[i] = all_[2 * i], fine_all[2 * i]
    for i in range(len(unit) // 2):
        odd[i], fine_odd[i] = all_[2 * i + 1], fine_all[2 * i + 1]
    return largest


@kernel(
    "uint8[:]", "int8[:]", "float32[:]", "int16[:]", "int16[:]", "int16[:]", "float64", "int64[:]", "int64[:]",
    "float64[:]", "out float64[:]", brief=True,
)  # fmt: skip
def cosines(
    coarse: NDArray[np.uint8],
    fine: NDArray[np.int8],
    scale: SingleArray,
    even: NDArray[np.int16],
    odd: NDArray[np.int16],
    steps: NDArray[np.int16],
    step: float,
    rows: IntArray,
    known_rows: IntArray,
    known: FloatArray,
    out: FloatArray,
) -> None:
    """Write to `out` the cosines of some quantised vectors with one, as `arrays.cosines`."""
    _others(coarse, fine, scale, even, odd, steps, step, rows, known_rows, known, out)


@part
def _others(
    coarse: NDArray[np.uint8],
    fine: NDArray[np.int8],
    scale: SingleArray,
    even: NDArray[np.int16],
    odd: NDArray[np.int16],
    steps: NDArray[np.int16],
    step: float,
    rows: IntArray,
    known_rows: IntArray,
    known: FloatArray,
    out: FloatArray,
) -> None:
    if len(known_rows) == 0:
        _cosines(coarse, fine, scale, even, odd, steps, step, rows, out)
        return
    todo, places, filled, j = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64), 0, 0
    for i in range(len(rows)):
        while j < len(known_rows) and known_rows[j] < rows[i]:
            j += 1
        if j < len(known_rows) and known_rows[j] == rows[i]:
            out[i] = known[j]
        else:
            todo[filled], places[filled] = rows[i], i
            filled += 1
    values = np.empty(filled, np.float64)
    _cosines(coarse, fine, scale, even, odd, steps, step, todo[:filled], values)
    for i in range(filled):
        out[places[i]] = values[i]


@part
def _cosines(
    coarse: NDArray[np.uint8],
    fine: NDArray[np.int8],
    scale: SingleArray,
    even: NDArray[np.int16],
    odd: NDArray[np.int16],
    steps: NDArray[np.int16],
    step: float,
    rows: IntArray,
    out: FloatArray,
) -> None:
    d, h, eight = len(steps), len(even), np.int32(0)
    for j in range(h):
        eight += np.int32(8) * (np.int32(even[j]) + np.int32(odd[j]))
    for first in range(0, len(rows), 64):
        touched = np.int64(0)
        for i in range(first, min(first + 64, len(rows))):  # far apart in memory: fetched all at once, not one by one
            for j in range(rows[i] * h, rows[i] * h + h, 64):
                touched += np.int64(coarse[j])
            for j in range(rows[i] * d, min(rows[i] * d + d, len(fine)), 64):
                touched += np.int64(fine[j])
            touched += np.int64(scale[rows[i]])
        out[first] = np.float64(touched)  # or the compiler would leave it out
        for i in range(first, min(first + 64, len(rows))):
            at = rows[i]
            row, left = coarse[at * h : at * h + h], fine[at * d : at * d + d]  # nothing of what is not there
            total, rest = np.int32(0), np.int32(0)
            for j in range(h):
                total += np.int32(row[j] & np.uint8(15)) * np.int32(even[j]) + np.int32(
                    row[j] >> np.uint8(4)
                ) * np.int32(odd[j])
            for j in range(len(left)):
                rest += np.int32(left[j]) * np.int32(steps[j])
            # said to fit 32 bits, so that sixteen numbers are multiplied at once
            value = np.float64(np.int32(total - eight)) + np.float64(np.int32(rest)) * (1.0 / 254.0)
            out[i] = value * (np.float64(scale[at]) * step)


@kernel(
    "uint8[:]", "int8[:]", "float32[:]", "int32[:]", "int32[:]", "int32[:]", "float64", "int64[:]", "int64[:]",
    "out float64[:]", brief=True,
)  # fmt: skip
def exact(
    coarse: NDArray[np.uint8],
    fine: NDArray[np.int8],
    scale: SingleArray,
    even: NDArray[np.int32],
    odd: NDArray[np.int32],
    steps: NDArray[np.int32],
    step: float,
    rows: IntArray,
    fine_rows: IntArray,
    out: FloatArray,
) -> None:
    """Write to `out` the cosines of some quantised vectors with one, all of their bytes counted, as `arrays.exact`."""
    _exact(coarse, fine, scale, even, odd, steps, step, rows, fine_rows, out)


@part
def _exact(
    coarse: NDArray[np.uint8],
    fine: NDArray[np.int8],
    scale: SingleArray,
    even: NDArray[np.int32],
    odd: NDArray[np.int32],
    steps: NDArray[np.int32],
    step: float,
    rows: IntArray,
    fine_rows: IntArray,
    out: FloatArray,
) -> None:
    d, h, touched = len(steps), len(even), np.int64(0)
    for at in fine_rows:  # fetched all at once, as in `cosines`
        for j in range(at * d, at * d + d, 64):
            touched += np.int64(fine[j])
    for i in range(len(rows)):
        out[i] = np.float64(touched)
        at, begin, total, rest = rows[i], fine_rows[i] * d, np.int64(0), np.int64(0)
        row, left = coarse[at * h : at * h + h], fine[begin : begin + d]
        for j in range(h):
            low, high = np.int32(row[j] & np.uint8(15)) - np.int32(8), np.int32(row[j] >> np.uint8(4)) - np.int32(8)
            total += np.int64(low) * np.int64(even[j]) + np.int64(high) * np.int64(odd[j])
        for j in range(len(left)):
            rest += np.int64(left[j]) * np.int64(steps[j])
        out[i] = np.float64(254 * total + rest) * (np.float64(scale[at]) * step)


@kernel(
    "uint8[:]", "int8[:]", "int8[:]", "float32[:]", "int16[:]", "int16[:]", "int16[:]", "float64", "int32[:]", "int32[:]",
    "int32[:]", "float64", "int64[:]", "int64[:]", "float64[:]", "int64", "out float64[:]", brief=True,
)  # fmt: skip
def compared(
    coarse: NDArray[np.uint8],
    fine: NDArray[np.int8],
    left: NDArray[np.int8],
    scale: SingleArray,
    even: NDArray[np.int16],
    odd: NDArray[np.int16],
    steps: NDArray[np.int16],
    step: float,
    fine_even: NDArray[np.int32],
    fine_odd: NDArray[np.int32],
    fine_steps: NDArray[np.int32],
    fine_step: float,
    rows: IntArray,
    known_rows: IntArray,
    known: FloatArray,
    least: int,
    out: FloatArray,
) -> None:
    """Write to `out` the cosines of some rows with one, the best exactly, as `arrays.compared`."""
    _others(coarse, fine, scale, even, odd, steps, step, rows, known_rows, known, out)
    best = _foremost(out + 2.0, least)
    if len(best) > 0:
        some = rows[best]
        values = np.empty(len(best), np.float64)
        _exact(coarse, left, scale, fine_even, fine_odd, fine_steps, fine_step, some, some, values)
        most = values.min()
        for i in range(len(out)):
            out[i] = min(out[i], most)
        for i in range(len(best)):
            out[best[i]] = values[i]


@kernel(
    "uint32[:]", "int64[:]", "int64[:]", "int64[:]", "int64[:]", "int64", "bool[:]", "int64[:]", returns="bool", brief=True,
)  # fmt: skip
def holds(
    postings: NDArray[np.uint32],
    starts: IntArray,
    stops: IntArray,
    terms: IntArray,
    ends: IntArray,
    start: int,
    visible: BoolArray,
    chosen: IntArray,
) -> bool:
    """Tell whether one memory has every word, as `arrays.holds`; ends at the first that does."""
    for first in terms[: ends[0]]:
        for packed in postings[starts[first] : stops[first]]:
            place = np.int64(packed >> np.uint32(8))
            position, has_all = start + place, True
            if len(visible) > 0 and not (position < len(visible) and visible[position]):
                continue
            for word in range(1, len(ends)):
                has_one = False
                for term in terms[ends[word - 1] : ends[word]]:
                    low, high = starts[term], stops[term]
                    while low < high:
                        middle = (low + high) >> 1
                        if np.int64(postings[middle] >> np.uint32(8)) < place:
                            low = middle + 1
                        else:
                            high = middle
                    if low < stops[term] and np.int64(postings[low] >> np.uint32(8)) == place:
                        has_one = True
                        break
                if not has_one:
                    has_all = False
                    break
            if has_all and len(chosen) > 0:
                low, high = 0, len(chosen)
                while low < high:
                    middle = (low + high) >> 1
                    if chosen[middle] < position:
                        low = middle + 1
                    else:
                        high = middle
                if low == len(chosen) or chosen[low] != position:
                    has_all = False
            if has_all:
                return True
    return False


@kernel("float64[:]", "int64", returns="out int64[:]", brief=True)
def foremost(scores: FloatArray, k: int) -> IntArray:
    """Return where the largest scores above 0 are, as `arrays.foremost`."""
    return _foremost(scores, k)


@part
def _foremost(scores: FloatArray, k: int) -> IntArray:
    n_above, n_equal, least = 0, 0, 0.0
    for score in scores:
        n_above += score > 0.0
    if n_above > k:
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        n_above = 0
        for score in scores:
            n_above += score > least
            n_equal += score == least
    out = np.empty(min(n_above + n_equal, k), np.int64)
    too_many, filled = n_above + n_equal - k, 0
    for i in range(len(scores)):
        if scores[i] > least:
            out[filled] = i
            filled += 1
        elif scores[i] == least and n_equal > 0:
            if too_many > 0:
                too_many -= 1
            else:
                out[filled] = i
                filled += 1
    return out


@kernel(
    "float32[:]", "float32[:]", "float32[:]", "int32[:]", "int64[:]", "float32", "bool[:]", "int64", "out float32[:]",
    returns="out int64[:]", brief=True,
)  # fmt: skip
def leaders(
    text: SingleArray,
    labels: SingleArray,
    extra: SingleArray,
    source: NDArray[np.int32],
    named: IntArray,
    lift: np.float32,
    allowed: BoolArray,
    k: int,
    total: SingleArray,
) -> IntArray:
    """Return who scores most without its likeness, as `arrays.leaders`."""
    n = len(text)
    if len(labels) == 0 and len(extra) == 0 and len(named) == 0 and len(allowed) == 0:
        return _highest(text.view(np.int32), k)
    if len(labels) > 0:
        for i in range(n):
            total[i] = text[i] + labels[i]
    else:
        for i in range(n):  # many times faster than an assignment of the whole
            total[i] = text[i]
    if len(extra) > 0:
        for i in range(n):
            total[i] += extra[i]
    for code in named:
        for i in range(n):
            total[i] = total[i] * lift if source[i] == code else total[i]
    if len(allowed) > 0:
        for i in range(n):
            total[i] = total[i] if allowed[i] else np.float32(0.0)
    return _highest(total.view(np.int32), k)  # of numbers of at least 0, which are in the same order


@part
def _highest(bits: NDArray[np.int32], k: int) -> IntArray:
    n = len(bits)
    largest = np.empty((n + 63) // 64, np.int32)  # of each run of 64
    for run in range(len(largest)):
        most, row = np.int32(0), bits[64 * run : 64 * run + 64]
        for i in range(len(row)):
            most = max(most, row[i])
        largest[run] = most
    floor = np.int32(1)
    if len(largest) > k:
        floor = max(np.partition(largest, len(largest) - k)[len(largest) - k], floor)
    n_runs = np.int64(0)
    for peak in largest:
        n_runs += peak >= floor
    found, filled = np.empty(64 * n_runs, np.int64), 0
    for run in range(len(largest)):
        if largest[run] >= floor:
            for i in range(64 * run, min(64 * run + 64, n)):
                if bits[i] >= floor:
                    found[filled] = i
                    filled += 1
    if filled <= k:
        return found[:filled].copy()
    values = bits[found[:filled]]
    least, n_above = np.partition(values, filled - k)[filled - k], 0
    for value in values:
        n_above += value > least
    out, kept, left_out = np.empty(k, np.int64), 0, 0
    for value in values:
        left_out += value == least
    left_out -= k - n_above  # of equals the later ones
    for i in range(filled):
        if values[i] == least and left_out > 0:
            left_out -= 1
        elif values[i] >= least:
            out[kept] = found[i]
            kept += 1
    return out


@kernel("out float32[:]", "uint64[:]")
def one_of_each(scores: SingleArray, folds: NDArray[np.uint64]) -> None:
    """Set every score to 0 but the best of each fold, as `arrays.one_of_each`."""
    n, size = 0, 2
    for i in range(len(scores)):
        n += scores[i] > np.float32(0.0) and folds[i] > np.uint64(0)
    while size < 2 * n:
        size *= 2
    held, mask = np.zeros(size, np.int64), np.uint64(size - 1)  # 1 + who is the best so far, under each fold
    for i in range(len(scores)):
        if scores[i] > np.float32(0.0) and folds[i] > np.uint64(0):
            slot = folds[i] & mask
            while held[slot] > 0 and folds[held[slot] - 1] != folds[i]:
                slot = (slot + np.uint64(1)) & mask
            best = held[slot] - 1
            if best < 0 or scores[i] >= scores[best]:
                held[slot] = i + 1
                if best >= 0:
                    scores[best] = np.float32(0.0)
            else:
                scores[i] = np.float32(0.0)


@kernel(
    "float64[:]", "float64[:]", "float64[:]", "float64[:]", "float64[:]", "float64", "float64", "float64", "float64[:]",
    "out float64[:]", returns="float64", brief=True,
)  # fmt: skip
def signs(
    scores: FloatArray,
    texts: FloatArray,
    norms: FloatArray,
    told: FloatArray,
    ranks: FloatArray,
    following: float,
    crowd: float,
    text_weight: float,
    of_cue: FloatArray,
    out: FloatArray,
) -> float:
    """Write the signs of some hits and return the best match, as `arrays.signs`."""
    m, known, first, above, better = len(scores), of_cue[0], scores[0], 0.0, 0.0
    table = out.reshape((m, len(out) // m))
    for i in range(m):
        match, relative = 0.0, scores[i] / first
        if text_weight != 0.0:
            match = min(texts[i] * (1.0 + norms[i]) / text_weight, 1.0) * known
        row = table[i]
        row[0], row[1], row[2], row[3] = match, ranks[i], relative, min(crowd / scores[i], 1.0)
        row[5], row[6], row[7] = above, told[i] / scores[i], better
        row[8:] = of_cue
        above += relative
        better = max(better, match)
    _write_gaps(table[:, 2], table[:, 4], following / first)
    for i in range(m):
        table[i, 4] *= known
    return better


@part
def _write_gaps(relative: FloatArray, gaps: FloatArray, following: float) -> None:
    """Write how far the next one is behind each hit, as `arrays._gaps`."""
    m, alike, last, most = len(relative), 0, 0, 0.0
    for i in range(m):
        gap = relative[i] - (relative[i + 1] if i + 1 < m else following)
        alike += 1
        last += relative[i] - relative[m - 1] < _ALIKE
        if gap >= _ALIKE or i + 1 == m:
            for j in range(i + 1 - alike, i + 1):
                gaps[j] = max(gap, 0.0) / alike
            alike = 0
    if m > 1 and following == 0.0:
        for i in range(m - last):
            most = max(most, gaps[i])
        for i in range(m - last, m):
            gaps[i] = min(gaps[i], most if most > 0.0 else 1.0)


@kernel("uint64[:]", "uint32[:]", "uint64[:]", "out int64[:]", "out int64[:]", brief=True)
def first_of(
    folds: NDArray[np.uint64],
    order: NDArray[np.uint32],
    wanted: NDArray[np.uint64],
    firsts: IntArray,
    times: IntArray,
) -> None:
    """Write where wanted folds begin, and how often they are there, as `arrays.first_of`."""
    for i in range(len(wanted)):
        low, high = 0, len(order)
        while low < high:
            middle = (low + high) >> 1
            if folds[order[middle]] < wanted[i]:
                low = middle + 1
            else:
                high = middle
        firsts[i] = low
        times[i] = 0
        for at in range(low, min(low + 2, len(order))):
            times[i] += folds[order[at]] == wanted[i]


@kernel("uint32[:]", "int64[:]", "int64[:]", "uint32", "out int64[:]", "out uint32[:]")
def lay(
    postings: NDArray[np.uint32],
    bounds: IntArray,
    into: IntArray,
    shift: np.uint32,
    filled: IntArray,
    out: NDArray[np.uint32],
) -> None:
    """Lay postings behind others, as `arrays.lay`."""
    for i in range(len(into)):
        to = filled[into[i]]
        for j in range(bounds[i], bounds[i + 1]):
            out[to] = postings[j] + shift
            to += 1
        filled[into[i]] = to
