"""In plain NumPy: what recurs."""

from __future__ import annotations

import math

import numpy as np

from thoughtengine._types import FloatArray, IntArray
from thoughtengine.patterns.arrays.rows import place_of
from thoughtengine.patterns.kernels.rhythms import BEAT, ENDS, FIRSTS, LASTS, PAUSE, WEEKDAYS

__all__ = ["beat"]

_DAY = 86_400_000_000
_HALF_DAY = 43_200_000_000
_HOUR = 3_600_000_000


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
        the three newest ids; on how many days it came, by weekday from Monday on; its usual pause in days, by majority, the votes
        for it less those against, and how many pauses; the first and the last four moments; for each period, how many counted,
        and the last that did; written.
    sums : array of float64, shape (r * p * 4,)
        Cosines and sines of the phases, once and twice a period; written.

    References
    ----------
    Buccheri et al., Search for pulsed gamma-ray emission from radio pulsars, 1983; Boyer and Moore, A fast majority vote
    algorithm, 1991.
    """
    n_periods = len(periods)
    table, waves = rows.reshape(len(keys), -1), sums.reshape(-1, n_periods, 4)
    quiet = np.maximum(periods // 12, 900_000_000)
    for e, t in enumerate(moments.tolist()):
        angles = 2.0 * math.pi * (t % periods / periods)
        wave = np.stack([np.cos(angles), np.sin(angles), np.cos(2.0 * angles), np.sin(2.0 * angles)], axis=1)
        for x in items[bounds[e] : bounds[e + 1]].tolist():
            at, there = place_of(keys, x, table[:, :1])
            row = table[at]
            if not there:
                keys[at], row[:], waves[at] = x, 0, 0.0
                row[2:4] = t
            _note_day(row, t // _DAY)
            known = min(int(row[0]), ENDS)
            for begin, sign in ((FIRSTS, -1), (LASTS, 1)):
                ends = np.sort(sign * np.append(row[begin : begin + known], t))[::-1][:ENDS]
                row[begin : begin + len(ends)] = sign * ends
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


def _note_day(row: IntArray, day: int) -> None:
    """Note a day in the head of a row, unless it is that of the newest moment."""
    before = int(row[1]) // _DAY
    if row[0] and day == before:
        return
    row[WEEKDAYS + (day + 3) % 7] += 1
    if row[0]:
        pause, (usual, votes, n) = abs(day - before), row[PAUSE : PAUSE + 3].tolist()
        if votes == 0:
            usual = pause
        row[PAUSE : PAUSE + 3] = usual, votes + (1 if usual == pause else -1), n + 1
