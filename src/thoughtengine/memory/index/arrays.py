"""The maths of recall in plain NumPy: answers for small minds, and what the tests hold `kernels` against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, FloatArray, IntArray, SingleArray

__all__ = [
    "accumulate",
    "among",
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
    "union",
    "with_friends",
    "within",
]

_DAY = 86_400_000_000
_RUN = 64
_WIDEST = 30 * _DAY  # of the edge of a long span
_ALIKE = 1e-9  # relative scores that differ by less are equal
_REACH = 3  # widths of a span beyond which nothing is near it


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
    """Add the BM25 scores of one part of the index, hash by hash, those of texts and those of labels apart.

    Parameters
    ----------
    postings, starts, stops, start
        As in `Found`.
    weights : array of float32, shape (u,)
        What a hash weighs: its inverse document frequency; one of weight 0 is left out.
    t : int
        How many of the hashes are of texts; the others are of labels.
    lengths, n_labels : array of uint16, shape (n,)
        Words and labels, by position.
    least, slope, label_slope : float32
        A memory of l words has the norm ``least + slope * l``: ``k1 * (1 - b)`` and ``k1 * b / average``.
    k1 : float32
        Saturation of counts.
    wanted : array of bool, shape (n,) or (0,)
        Whose score is asked for; empty: everyone's.
    text, labels : array of float32, shape (n,), the latter also (0,)
        Added to. Postings beyond them are left out.
    """
    for these, long, by, out in ((slice(t), lengths, slope, text), (slice(t, None), n_labels, label_slope, labels)):
        _accumulate(postings, starts[these], stops[these], weights[these], start, long, least, by, k1, wanted, out)


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
    counting = np.flatnonzero((weights != 0.0) & (stops > starts))
    if not len(counting) or not len(out):
        return
    first, last, more = starts[counting], stops[counting], k1 + np.float32(1.0)
    packed = np.concatenate([postings[i:j] for i, j in zip(first.tolist(), last.tolist(), strict=True)])
    weight, at = np.repeat(weights[counting], last - first), (packed >> 8).astype(np.int64) + start
    inside = at < len(out)
    if len(wanted):
        inside[inside] = wanted[at[inside]]
    if not inside.all():
        weight, at, packed = weight[inside], at[inside], packed[inside]
    count = (packed & 255).astype(np.float32)
    np.add.at(out, at, weight * (count * more / (count + (least + slope * lengths[at].astype(np.float32)))))


def within(
    at: IntArray,
    offset: NDArray[np.int32],
    starts: IntArray,
    stops: IntArray,
    weight: np.float32,
    out: SingleArray,
) -> None:
    """Add `weight` for moments inside a span of local time, and less by a normal curve as wide as the span outside it.

    Parameters
    ----------
    at, offset : arrays of int64 and int32, shape (n,)
        Microseconds since 1970; seconds east of UTC.
    starts, stops : array of int64, shape (s,)
        Spans, in microseconds of local time.
    out : array of float32, shape (n,)
        Added to, the best span of each.
    """
    local = at + offset * np.int64(1_000_000)
    most = np.zeros(len(local), np.float32)
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        width = min(max(stop - start, _DAY), _WIDEST)
        close = np.flatnonzero((local >= start - _REACH * width) & (local < stop + _REACH * width))
        away = np.maximum(np.maximum(start - local[close], local[close] - stop), 0) / width
        most[close] = np.maximum(most[close], np.exp(-0.5 * away * away).astype(np.float32))
    out += weight * most


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
    """Write what memories have of their own, and what the two before and the two after them in their episode lend them.

    Parameters
    ----------
    text : array of float32, shape (n,)
        Scores of words, by position.
    labels : array of float32, shape (n,) or (0,)
        Scores of labels; empty: none.
    dense : array of float32, shape (n,)
        Scores of meaning; written at `places`. What is lent is text and meaning together.
    lends : array of bool, shape (n,) or (0,)
        Who lends; empty: everyone.
    previous, following : array of int32, shape (>= n,)
        Neighbours in the episode, -1 for none; a follower of n or more is not in view.
    lengths : array of uint16, shape (>= n,)
        Words, by position.
    places : array of int64, shape (p,)
        Positions that are asked for.
    near, far : float32
        Share of its score that the next one lends, and the one after it.
    echo : float32
        Share that the weaker neighbours add to the strongest.
    context : float32
        Words up to which a memory leans on its neighbours fully; beyond, less by the root of the excess.
    filling : float32
        Above 0: up to this share of what neighbours lend they fill up what a memory has of its own, and add nothing else.
    weight : float32
        By which what is lent is multiplied; 0: nothing is lent.
    of_meaning, of_rarer : array of float64, shape (p,)
        Scores of meaning in two ways.
    of_text, of_labels, lent : array of float64, shape (p,)
        Written; zeros before.
    beside : array of int8, shape (p,)
        Written, zeros before: 1 where the next one lends more than the one before, -1 where less, else 0.
    """
    n = len(text)
    of_text[:] = text[places]
    if len(labels):
        of_labels[:] = labels[places]
    dense[places] = of_meaning + of_rarer
    if weight <= 0.0:
        return
    before, after = previous[places], following[places]
    before2, after2 = _step(previous, before, n), _step(following, after, n)
    of_each = [_lent(text, dense, lends, at, n) for at in (before, after, before2, after2)]
    a, b, c, d = near * of_each[0], near * of_each[1], far * of_each[2], far * of_each[3]
    most = np.maximum(np.maximum(a, b), np.maximum(c, d))
    lean = np.minimum(
        np.sqrt(context / np.maximum(lengths[places].astype(np.float32), np.float32(1.0))), np.float32(1.0)
    )
    more = lean * (most + echo * (a + b + c + d - most))
    if filling > 0.0:
        more = np.maximum(filling * more - text[places] - dense[places], np.float32(0.0))
    lent[:] = more * weight
    beside[:] = (b > a).astype(np.int8) - (b < a).astype(np.int8)


def _step(links: NDArray[np.int32], at: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    inside = (at >= 0) & (at < n)
    return np.where(inside, links[np.where(inside, at, 0)], np.int32(-1))


def _lent(text: SingleArray, dense: SingleArray, lends: BoolArray, at: NDArray[np.int32], n: int) -> SingleArray:
    inside = (at >= 0) & (at < n)
    at = np.where(inside, at, 0)
    if len(lends):
        inside &= lends[at]
    return np.where(inside, text[at] + dense[at], np.float32(0.0))


def around(places: IntArray, previous: NDArray[np.int32], following: NDArray[np.int32], n: int) -> IntArray:
    """Return some positions and the two before and after each in its episode, ascending.

    Parameters
    ----------
    places : array of int64, shape (p,)
        Positions, below `n`.
    previous, following : array of int32, shape (n,)
        By position, -1 for none; `following` may point beyond `n`.
    n : int
        Memories there are.
    """
    found = [places]
    for links in (previous, following):
        at = places
        for _ in range(2):
            at = links[at].astype(np.int64)
            at = at[(at >= 0) & (at < n)]
            found.append(at)
    return union(*found)


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
    """Return the positions found and, as far as they may be found, those near the ones that lend most, ascending.

    Parameters
    ----------
    found : array of int64, shape (p,)
        Positions, ascending.
    lenders : array of int64, shape (l,)
        Positions whose neighbours may be found because of them.
    text, dense : array of float32, shape (n,)
        What each memory has to lend is the sum of the two.
    n_friends : int
        How many lend at most.
    previous, following : array of int32, shape (n,)
        As in `around`.
    allowed : array of bool, shape (n,) or (0,)
        Who may be found; empty: everyone.
    """
    lent = (text[lenders] + dense[lenders]).astype(np.float64)
    near = around(lenders[foremost(lent, n_friends)], previous, following, len(text))
    return joined(found, near[allowed[near]] if len(allowed) else near)


def _sample(n: int, stride: int) -> IntArray:
    """Return one number of each `stride` below `n`, now this and now that, ascending."""
    block = np.arange(-(-n // stride))
    some: IntArray = block * stride + (block * 40503 >> 8) % stride
    return some[some < n]


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
    """Return the rows of a block that are closest to one, ascending: of those whose codes differ least those with most cosine.

    Parameters
    ----------
    codes : array of uint64, shape (m * w,)
        Signs of the vectors, row by row; `w` is a multiple of four.
    code : array of uint64, shape (w,)
        Those of the one.
    among : array of int64, shape (r,) or (0,)
        Which may be returned, ascending; empty: all.
    near : int
        Of how many, about, cosines are computed: of those of which the fewest bits differ, four times as many at most.
    margin : int
        Of more than `near`, those are of which so many bits more differ than of the tenth: among many that are much alike the
        bits do not tell the closest.
    stride : int
        One row of so many is looked at to tell at how many bits the nearest end: any of them, as what is remembered may recur.
    coarse, fine, scale, even, odd, steps, step
        As in `cosines`.
    wanted : int
        How many are returned at most.
    out : array of float64, shape (>= 4 * near,)
        Written: their cosines, as many as there are rows.
    """
    rows = among if len(among) else np.arange(len(scale))
    if len(rows) > near:
        table = codes.reshape(-1, len(code))
        distances = np.bitwise_count((table[among] if len(among) else table) ^ code).sum(axis=1, dtype=np.uint16)
        n = len(distances)
        some = distances[_sample(n, stride)]
        so_many = np.bincount(some, minlength=64 * len(code) + 1).cumsum() * n
        limit, tenth = so_many.searchsorted(np.array([near, min(near, 10)]) * len(some)).tolist()
        most = int(so_many.searchsorted(4 * near * len(some), side="right")) - 1
        limit = max(limit, min(tenth + margin, most))
        rows = rows[np.flatnonzero(distances <= limit)[: 4 * near]]
    values = np.empty(len(rows))
    cosines(coarse, fine, scale, even, odd, steps, step, rows, rows[:0], values[:0], values)
    if wanted < len(rows):
        kept = foremost(values + 2.0, wanted)
        rows, values = rows[kept], values[kept]
    out[: len(rows)] = values
    return rows


def coded(vector: SingleArray, centre: SingleArray, out: NDArray[np.uint64]) -> None:
    """Write the signs of a vector around a middle, 64 to a word, the first in the lowest bit; zeros behind the last.

    Parameters
    ----------
    vector, centre : array of float32, shape (d,)
        The vector, and the middle.
    out : array of uint64, shape (w,)
        Written; room for all signs.
    """
    bits = np.packbits(vector - centre > 0.0, bitorder="little")
    out[:] = 0
    out.view(np.uint8)[: len(bits)] = bits


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
    """Write the numbers of a vector in whole steps, and return the largest in size, 1 for none.

    Parameters
    ----------
    unit : array of float32, shape (d,)
        The vector.
    rough, fine : int
        Steps of its largest number.
    even, odd, all_ : array of int16, shape (h,), (h,), (d,)
        Written: every other one of the rough steps, the others, and all; of an odd dimension the last of `odd` is left.
    fine_even, fine_odd, fine_all : array of int32, shape (h,), (h,), (d,)
        Written: the same of the fine steps.
    """
    largest = float(np.abs(unit).max()) or 1.0
    all_[:], fine_all[:] = np.rint(unit * (rough / largest)), np.rint(unit * (fine / largest))
    even[:], fine_even[:] = all_[::2], fine_all[::2]
    odd[: len(unit) // 2], fine_odd[: len(unit) // 2] = all_[1::2], fine_all[1::2]
    return largest


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
    """Write to `out` the cosines of some rows with one, those of the best exactly, none of the others above them.

    Parameters
    ----------
    coarse, fine, scale, even, odd, steps, step, rows, known_rows, known, out
        As in `cosines`.
    left, fine_even, fine_odd, fine_steps, fine_step
        As `fine`, `even`, `odd`, `steps`, `step` in `exact`, all rows in `left`.
    least : int
        How many are the best.
    """
    cosines(coarse, fine, scale, even, odd, steps, step, rows, known_rows, known, out)
    best = foremost(out + 2.0, least)
    if len(best):
        values = np.empty(len(best))
        exact(coarse, left, scale, fine_even, fine_odd, fine_steps, fine_step, rows[best], rows[best], values)
        np.minimum(out, values.min(), out=out)
        out[best] = values


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
    """Write to `out` the cosines of some quantised vectors with one.

    Parameters
    ----------
    coarse : array of uint8, shape (m * h,)
        Half bytes of the vectors, row by row, two numbers a byte, the first in the lower half, 8 for zero.
    fine : array of int8, shape (m * d,) or (0,)
        What they leave over, in 254ths; empty: is not looked at.
    scale : array of float32, shape (m,)
        Size of each vector's numbers.
    even, odd : array of int16, shape (h,)
        The first, third … number of the one, and the second, fourth …; at most 2,000 in size, so that no sum of 8,192
        overflows.
    steps : array of int16, shape (d,)
        All of them in a row.
    step : float
        By which the numbers of the one are to be multiplied, over those of a half byte.
    rows : array of int64, shape (r,)
        Which of them, ascending where any are known.
    known_rows : array of int64, shape (u,)
        Rows, ascending, whose cosines are known: they are not computed again.
    known : array of float64, shape (u,)
        Their cosines.
    out : array of float64, shape (r,)
        Written.
    """
    if len(known_rows):
        at = np.minimum(known_rows.searchsorted(rows), len(known_rows) - 1)
        new = known_rows[at] != rows
        out[:] = known[at]
        values = np.empty(np.count_nonzero(new))
        cosines(coarse, fine, scale, even, odd, steps, step, rows[new], known_rows[:0], known[:0], values)
        out[new] = values
        return
    some = coarse.reshape(-1, len(even))[rows].astype(np.int32)
    sums = np.vecdot((some & 15) - 8, even.astype(np.int32)) + np.vecdot((some >> 4) - 8, odd.astype(np.int32))
    values = sums.astype(np.float64)
    if len(fine):
        left = fine.reshape(-1, len(steps))[rows].astype(np.int32)
        values += np.vecdot(left, steps.astype(np.int32)).astype(np.float64) * (1.0 / 254.0)
    out[:] = values * (scale[rows].astype(np.float64) * step)


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
    """Write to `out` the cosines of some quantised vectors with one, all of their bytes counted.

    Parameters
    ----------
    coarse, scale, rows, out
        As in `cosines`.
    fine : array of int8, shape (f * d,)
        What the half bytes of these rows, at least, leave over.
    even, odd, steps : array of int32, shape (h,), (h,), (d,)
        As in `cosines`, in steps so small that they tell what 32-bit floats do: up to 2 ** 20 in size.
    step : float
        By which the numbers of the one are to be multiplied, over those of a byte.
    fine_rows : array of int64, shape (r,)
        Where each of `rows` is in `fine`.
    """
    some = coarse.reshape(-1, len(even))[rows].astype(np.int64)
    sums = np.vecdot((some & 15) - 8, even.astype(np.int64)) + np.vecdot((some >> 4) - 8, odd.astype(np.int64))
    rest = np.vecdot(fine.reshape(-1, len(steps))[fine_rows].astype(np.int64), steps.astype(np.int64))
    out[:] = (254 * sums + rest).astype(np.float64) * (scale[rows].astype(np.float64) * step)


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
    """Tell whether one memory of a part of the index has every word in one way or another.

    Parameters
    ----------
    postings : array of uint32
        ``place << 8 | count``, ascending for each term.
    starts, stops : array of int64, shape (t,)
        Where those of each term lie.
    terms : array of int64, shape (v,)
        The ways of one word behind those of another, the rarest word first.
    ends : array of int64, shape (w,)
        Where the ways of each word end in `terms`.
    start : int
        Position of the part's first memory.
    visible : array of bool, shape (n,) or (0,)
        Who counts, by position; empty: everyone.
    chosen : array of int64, shape (c,) or (0,)
        Who may be found, ascending; empty: everyone.
    """
    words = [terms[before:end] for before, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)]
    left = np.concatenate([postings[starts[i] : stops[i]] >> 8 for i in words[0]])
    for ways in words[1:]:
        there = np.zeros(len(left), np.bool_)
        for i in ways:
            there |= among(left, postings[starts[i] : stops[i]] >> 8)
        left = left[there]
    positions = left.astype(np.int64) + start
    if len(visible):
        positions = positions[positions < len(visible)]
        positions = positions[visible[positions]]
    return bool(among(positions, chosen).any() if len(chosen) else len(positions))


def among(values: NDArray[Any], known: NDArray[Any]) -> BoolArray:
    """Tell which values are among known ones, ascending; much faster than `np.isin` for few."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    there: BoolArray = known[np.minimum(known.searchsorted(values), len(known) - 1)] == values
    return there


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
    """Write what is known of some hits that tells how sure each may be, and return the best match; see `signs.features`.

    Parameters
    ----------
    scores : array of float64, shape (m,)
        Best first, above 0; at least one.
    texts, told : array of float64, shape (m,)
        Of each score, the part of the words, and that of a named source.
    norms : array of float64, shape (m,)
        How long each text is for BM25, times k1.
    ranks : array of float64, shape (m,)
        Logarithms of the places.
    following, crowd : float
        The score behind the last one, 0 for none, and that of the crowd.
    text_weight : float
        Of the channel of words.
    of_cue : array of float64, shape (5,)
        The signs that all hits have; the first is how much of the cue is known, in [0, 1].
    out : array of float64, shape (m * 13,)
        Written, hit by hit.
    """
    table, known, first = out.reshape(len(scores), -1), float(of_cue[0]), float(scores[0])
    relative = (scores / first).tolist()
    gaps = _gaps(relative, following / first)
    above = better = 0.0
    table[:, 8:] = of_cue
    # plain numbers: of ten hits a call of NumPy costs more than what it computes
    rows = zip(scores.tolist(), texts.tolist(), norms.tolist(), told.tolist(), ranks.tolist(), strict=True)
    for i, (score, share, norm, from_source, rank) in enumerate(rows):
        match = min(share * (1.0 + norm) / text_weight, 1.0) * known if text_weight else 0.0
        table[i, :8] = (
            match, rank, relative[i], min(crowd / score, 1.0),
            gaps[i] * known,  # to stand alone with one word of six is nothing
            above, from_source / score, better,
        )  # fmt: skip
        above, better = above + relative[i], max(better, match)
    return better


def _gaps(relative: list[float], following: float) -> list[float]:
    """Return how far the next one is behind each; those alike share it, and the last of all stands out no more than the others.

    Parameters
    ----------
    relative : list of float
        Scores by the best one, descending.
    following : float
        That of the one behind the last; 0 where there is none.
    """
    gaps: list[float] = []
    alike = 0  # so far of the group
    for score, after in zip(relative, [*relative[1:], following], strict=True):
        gap, alike = score - after, alike + 1
        if gap >= _ALIKE or len(gaps) + alike == len(relative):
            gaps += [max(gap, 0.0) / alike] * alike
            alike = 0
    if len(gaps) > 1 and following == 0.0:
        last = sum(score - relative[-1] < _ALIKE for score in relative)
        most = max(gaps[: len(gaps) - last], default=0.0) or 1.0
        gaps[-last:] = [min(gap, most) for gap in gaps[-last:]]
    return gaps


def first_of(
    folds: NDArray[np.uint64],
    order: NDArray[np.uint32],
    wanted: NDArray[np.uint64],
    firsts: IntArray,
    times: IntArray,
) -> None:
    """Write where in `order` the wanted folds begin, and whether they are there.

    Parameters
    ----------
    folds : array of uint64, shape (n,)
        Those of the memories of a segment.
    order : array of uint32, shape (n,)
        Memories by fold.
    wanted : array of uint64, shape (m,)
        Folds.
    firsts : array of int64, shape (m,)
        Written: where each begins, or would.
    times : array of int64, shape (m,)
        Written: 0, 1, or 2 for more than once.
    """
    firsts[:] = folds.searchsorted(wanted, sorter=order)
    times[:] = 0
    for at in (firsts, firsts + 1):
        inside = np.flatnonzero(at < len(order))
        times[inside] += folds[order[at[inside]]] == wanted[inside]


def lay(
    postings: NDArray[np.uint32],
    bounds: IntArray,
    into: IntArray,
    shift: np.uint32,
    filled: IntArray,
    out: NDArray[np.uint32],
) -> None:
    """Lay the postings of a segment behind those of the ones before it.

    Parameters
    ----------
    postings : array of uint32
        Of the segment.
    bounds : array of int64, shape (u + 1,)
        Where those of each hash lie.
    into : array of int64, shape (u,)
        Which hash of the merged segment each is.
    shift : uint32
        Added to each.
    filled : array of int64, shape (v,)
        Where the next posting of each merged hash goes; moved on.
    out : array of uint32
        Written.
    """
    sizes = np.diff(bounds)
    target = np.repeat(filled[into] - bounds[:-1], sizes) + np.arange(len(postings))
    out[target] = postings + shift
    filled[into] += sizes


def ordered(shares: FloatArray, k: int, scores: FloatArray) -> IntArray:
    """Write the sums of some rows and return where the `k` largest above 0 are, largest first, of equals the later one first.

    Parameters
    ----------
    shares : array of float64, shape (c * n,)
        Row by row; no NaN.
    k : int
        At least 1.
    scores : array of float64, shape (n,)
        Written.
    """
    scores[:] = 0.0
    for row in shares.reshape(-1, len(scores)) if len(scores) else ():
        scores += row
    return best(scores, k)


def best(scores: FloatArray, k: int) -> IntArray:
    """Return where the `k` largest scores above 0 are, largest first, of equals the later one first.

    Parameters
    ----------
    scores : array of float64, shape (n,)
        No NaN.
    k : int
        At least 1.
    """
    found: IntArray = foremost(scores, k)
    return found[np.argsort(scores[found], kind="stable")[::-1]]


def foremost(scores: SingleArray | FloatArray, k: int) -> IntArray:
    """Return where the `k` largest scores above 0 are, ascending, of equals the later ones.

    Parameters
    ----------
    scores : array of float, shape (n,)
        No NaN; the twin takes float64 alone.
    k : int
        At least 1.

    Notes
    -----
    For many scores it is faster than its twin: the largest of each block say from where on at least k are.
    """
    floor, n_blocks = 0.0, len(scores) // _RUN
    if n_blocks > k:
        largest = scores[: n_blocks * _RUN].reshape(_RUN, n_blocks).max(axis=0)
        floor = float(np.partition(largest, n_blocks - k)[n_blocks - k])
    found = np.flatnonzero(scores >= floor) if floor > 0.0 else np.flatnonzero(scores > 0.0)
    if k < len(found):
        values = scores[found]
        least = np.partition(values, len(found) - k)[len(found) - k]
        above = np.flatnonzero(values > least)
        equal = np.flatnonzero(values == least)
        found = found[np.sort(np.concatenate((above, equal[len(above) + len(equal) - k :])))]
    return found


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
    """Return the `k` positions that score most without their likeness, ascending, of equals the later ones; none below 0.

    Parameters
    ----------
    text : array of float32, shape (n,)
        Scores by position, at least 0.
    labels, extra : array of float32, shape (n,) or (0,)
        Added to them.
    source : array of int32, shape (n,)
        Codes.
    named : array of int64
        Sources whose memories count `lift` times.
    allowed : array of bool, shape (n,) or (0,)
        Who may be found; empty: everyone.
    k : int
        How many, at least 1.
    total : array of float32, shape (n,)
        Room for the scores.
    """
    total[:] = text
    if len(labels):
        total += labels
    if len(extra):
        total += extra
    for code in named:
        np.multiply(total, lift, out=total, where=source == code)
    if len(allowed):
        total *= allowed
    return foremost(total, k)


def one_of_each(scores: SingleArray, folds: NDArray[np.uint64]) -> None:
    """Set every score to 0 but the best of each fold, of equals the last; what is of fold 0 stays.

    Parameters
    ----------
    scores : array of float32, shape (m,)
        At least 0; changed.
    folds : array of uint64, shape (m,)
        As in `Columns`.
    """
    at = np.flatnonzero((scores > 0.0) & (folds > 0))
    order = at[np.lexsort((scores[at], folds[at]))]
    beaten = folds[order[:-1]] == folds[order[1:]]
    scores[order[:-1][beaten]] = 0.0


def joined(first: IntArray, second: IntArray) -> IntArray:
    """Return every number of two arrays, each ascending without repeats, once, ascending."""
    return union(first, second)


def union(*parts: IntArray) -> IntArray:
    """Return every number of some arrays once, ascending; faster than `np.unique` for a few thousand."""
    together = np.concatenate(parts)
    together.sort()
    return together[np.concatenate(([True], together[1:] != together[:-1]))] if len(together) else together
