"""Compiled: what recurs. Tables are flat arrays; `arrays.rhythms` says what they mean."""

from __future__ import annotations

import math

from thoughtengine._jit import kernel, part
from thoughtengine._types import FloatArray, IntArray

__all__ = ["beat"]

WAYS = 8
ENDS = 4  # moments at either end of an item that are kept
WEEKDAYS, PAUSE, FIRSTS, LASTS = 11, 18, 21, 21 + ENDS
BEAT = LASTS + ENDS
"""Columns of an item before those of its periods: n, newest, first and last moment, gaps, of days, of hours, at noon, newest ids;
days on which it came, by weekday; its usual pause in days, the votes for it, and how many pauses; first and last moments."""


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
def _rhythm_of(x: int, t: int, keys: IntArray, rows: IntArray, width: int, sums: FloatArray) -> int:
    """Return the row of an item; of a new one, in the place of the one seen least often."""
    start = _home(x, len(keys), WAYS)
    at = _locate(keys, 1, start, WAYS, x)
    if at < 0:
        at = _weakest(rows, width, 0, 0, start, WAYS)
        keys[at] = x
        n = len(sums) // len(keys)
        rows[at * width : (at + 1) * width], sums[at * n : (at + 1) * n] = 0, 0.0
        rows[at * width + 2], rows[at * width + 3] = t, t
    return at


@part
def _note_day(rows: IntArray, r: int, day: int) -> None:
    """Note a day in the head of a row, unless it is that of the newest moment: which weekday, how long after the one before."""
    before = rows[r + 1] // 86_400_000_000
    if rows[r] > 0 and day == before:
        return
    rows[r + WEEKDAYS + (day + 3) % 7] += 1  # 1 January 1970 was a Thursday
    if rows[r] > 0:
        pause, p = abs(day - before), r + PAUSE
        rows[p + 2] += 1
        if rows[p] == pause:
            rows[p + 1] += 1
        elif rows[p + 1] == 0:
            rows[p], rows[p + 1] = pause, 1
        else:
            rows[p + 1] -= 1


@part
def _keep_end(rows: IntArray, at: int, known: int, t: int, sign: int) -> None:
    """Keep the outermost moments of an item, the very outermost first; `sign` is -1 for the first ones, 1 for the last ones."""
    i = min(known, ENDS - 1)
    if known >= ENDS and sign * t <= sign * rows[at + i]:
        return
    while i > 0 and sign * t > sign * rows[at + i - 1]:
        rows[at + i] = rows[at + i - 1]
        i -= 1
    rows[at + i] = t


@part
def _note_moment(rows: IntArray, r: int, t: int, id_: int) -> None:
    """Note a moment in the head of a row: how many, how finely they are told, on which days, the ends, the newest memories."""
    _note_day(rows, r, t // 86_400_000_000)
    _keep_end(rows, r + FIRSTS, rows[r], t, -1)
    _keep_end(rows, r + LASTS, rows[r], t, 1)
    if rows[r] > 0 and t != rows[r + 1]:
        gap = t - rows[r + 1]
        rows[r + 4] += 1
        rows[r + 5] += gap % 86_400_000_000 == 0
        rows[r + 6] += gap % 3_600_000_000 == 0
    rows[r + 7] += t % 43_200_000_000 == 0
    rows[r] += 1
    rows[r + 1] = t
    rows[r + 2], rows[r + 3] = min(rows[r + 2], t), max(rows[r + 3], t)
    rows[r + 10], rows[r + 9], rows[r + 8] = rows[r + 9], rows[r + 8], id_


@kernel("int64[:]", "int64[:]", "int64[:]", "int64[:]", "int64[:]", "out int64[:]", "out int64[:]", "out float64[:]")
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
    """Add moments to the rhythm of each item, as `arrays.beat`."""
    n_periods = len(periods)
    width = BEAT + 2 * n_periods
    for e in range(len(moments)):
        t = moments[e]
        for s in range(bounds[e], bounds[e + 1]):
            at = _rhythm_of(items[s], t, keys, rows, width, sums)
            _note_moment(rows, at * width, t, ids[e])
            for p in range(n_periods):
                i, j = at * width + BEAT + 2 * p, (at * n_periods + p) * 4
                if rows[at * width] > 1 and abs(t - rows[i + 1]) < max(periods[p] // 12, 900_000_000):
                    continue  # of a burst, only the first counts
                rows[i] += 1
                rows[i + 1] = t
                angle = 2.0 * math.pi * (t % periods[p] / periods[p])
                sums[j] += math.cos(angle)
                sums[j + 1] += math.sin(angle)
                sums[j + 2] += math.cos(2.0 * angle)
                sums[j + 3] += math.sin(2.0 * angle)
