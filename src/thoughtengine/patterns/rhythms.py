"""Rhythms: what recurs every hour, day, week, month or year."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np

from thoughtengine._types import BoolArray, FloatArray, IntArray
from thoughtengine.patterns.chance import discoveries, no_rhythm
from thoughtengine.patterns.days import Days, ends
from thoughtengine.patterns.kernels.rhythms import BEAT, WEEKDAYS
from thoughtengine.patterns.tables import Tables, maths

__all__ = ["PERIODS", "Peak", "Recurring", "Rhythms", "peak"]

_HOUR = 3_600_000_000
PERIODS = np.array([_HOUR, 6 * _HOUR, 8 * _HOUR, 12 * _HOUR, 24 * _HOUR, 168 * _HOUR, 336 * _HOUR, 2_629_746_000_000,
                    31_556_952_000_000])  # fmt: skip
"""What is tried, in microseconds: 1, 6, 8, 12 and 24 hours, one and two weeks, a month, a year."""
_WEIGHTS = np.array([0.25, 0.25, 0.25, 0.75, 4.0, 2.0, 0.25, 0.5, 0.75])
"""How much is expected of each before anything was seen: what people do goes by the day, then by the week."""
_SELDOM = 0.25  # how much is expected of bare dates every so many days, or on several days of the week, beside the rest
_CYCLES, _FEWEST = 3, 6  # periods that must have gone by, and moments that must have counted
_GRAINED = 0.9  # share of gaps from which on stamps count as whole days or hours
_DAILY = 0.9  # share of the days from which on what has one hour alone comes every day, however its stamps are meant
_MONDAY = 4 * 24 * _HOUR  # the first one of 1970 was the fifth of January
_A_DAY = 24 * _HOUR
_DAY, _WEEK, _DAYS = 4, 5, (4, 5, 6)  # places of a day, a week, and what goes by days, among the periods
_BURST, _LEAST_BURST = 12, _HOUR // 4  # parts of a period, and time, within which only the first moment counts
_CLEAR = 0.5  # strength by the week from which on its peak is a day on which something comes


@attrs.frozen(eq=False)
class Recurring:
    """What recurs, the clearest first.

    Attributes
    ----------
    items : array of int64, shape (n,)
        Hashes.
    periods, phases : arrays of float64, shape (n,)
        In seconds.
    strengths, q_values : arrays of float64, shape (n,)
        Length of the mean phase vector in [0, 1], by bare dates on several days of the week the share of these; q-values.
    counts : array of int64, shape (n,)
        Moments that counted.
    kept : array of float64, shape (n,)
        In how many of the periods that went by each came, in (0, 1]; single moments far from all others do not count.
    newest : array of int64, shape (n,)
        The newest moment of each, in microseconds of the clock on the wall.
    evidence : array of int64, shape (n, 3)
        Newest ids; 0 for none.
    weekdays : array of bool, shape (n, 7)
        Where each comes on some days of the week alone, on which, from Monday on; else none of them.
    kept_days : array of float64, shape (n,)
        On how many of these days that went by it came; where there is no such rule, as `kept`.
    dated : array of bool, shape (n,)
        Whether each has only dates, and no time of day.
    """

    items: IntArray
    periods: FloatArray
    phases: FloatArray
    strengths: FloatArray
    q_values: FloatArray
    counts: IntArray
    kept: FloatArray
    newest: IntArray
    evidence: IntArray
    weekdays: BoolArray
    kept_days: FloatArray
    dated: BoolArray


class Rhythms:
    """Phases of moments by item, in bounded memory: of a full set of eight, the item seen least often is given up.

    Parameters
    ----------
    n_items : int
        Rows, a power of two.
    """

    def __init__(self, *, n_items: int = 1 << 13) -> None:
        n = len(PERIODS)
        self.tables: Tables = {
            "keys": np.zeros(n_items, np.int64),
            "rows": np.zeros(n_items * (BEAT + 2 * n), np.int64),
            "sums": np.zeros(n_items * 4 * n),
        }

    def learn(self, items: IntArray, bounds: IntArray, moments: IntArray, ids: IntArray) -> None:
        """Take in experiences: the items of each, when it was by the clock on the wall, in microseconds, and its id."""
        maths().beat(items, bounds, moments, ids, PERIODS, *self.tables.values())

    def recurring(self, *, q: float = 0.005) -> Recurring:
        """Return what has a rhythm, each with its best period.

        Parameters
        ----------
        q : float
            Largest q-value, over every item and period that was looked at: half of the hundredth that is promised, because
            of few moments the distribution is not quite the one of many.

        References
        ----------
        Genovese, Roeder and Wasserman, False discovery control with p-value weighting, 2006.

        Notes
        -----
        A period not longer than twice the grain of the stamps is not tested: what is stamped by the day looks perfectly daily.
        What comes at one hour, other than midnight and noon, on nearly every day is daily, whether that is its grain or not.
        Where all has one time of day, the days tell: some of the week, or every so many (`Days`).
        """
        keys = self.tables["keys"]
        at = np.flatnonzero(keys)
        rows = self.tables["rows"].reshape(len(keys), -1)[at]
        sums = self.tables["sums"].reshape(len(keys), -1, 4)[at]
        counts = rows[:, BEAT::2]
        power = 2.0 * (sums * sums).sum(2) / np.maximum(counts, 1)
        first, last, n_slips = ends(rows)
        span, days, grain = (last - first)[:, None], Days(rows, first, last), _grain(rows)
        kept = np.clip((counts - n_slips[:, None]) / (1.0 + span / PERIODS), 0.0, 1.0)
        chances, fine = no_rhythm(power), 2 * grain[:, None] < PERIODS
        weights = np.tile(_WEIGHTS, (len(at), 1))
        _by_days(rows, grain, kept[:, _DAY], days, chances, weights, fine)
        tested = (counts >= _FEWEST) & (span >= _CYCLES * PERIODS) & fine
        q_all = np.ones(power.shape)
        weights = weights[tested]
        weights = weights / weights.mean() if len(weights) else weights
        q_all[tested] = discoveries(np.minimum(chances[tested] / weights, 1.0), int(tested.sum()))
        clear = np.where(q_all <= q, power * np.sqrt(kept), -1.0)  # what comes monthly at one hour is not daily
        best = clear.argmax(1) if len(at) else np.zeros(0, np.int64)
        line = np.arange(len(at))
        one = _when(sums[line, best], np.maximum(counts[line, best], 1), best, rows, last, grain, days)
        found = np.flatnonzero(q_all[line, best] <= q)
        order = found[np.lexsort((keys[at][found], -power[found, best[found]]))]
        kept = np.where(one.every, days.kept_every, kept[line, best])
        return Recurring(
            keys[at][order], one.periods[order] / 1e6, one.phases[order] / 1e6, one.strengths[order],
            q_all[order, best[order]], counts[order, best[order]], kept[order], rows[order, 1], rows[order, 8:WEEKDAYS],
            one.weekdays[order], np.where(one.weekdays.any(1), days.kept_weekdays, kept)[order],
            ((grain == _A_DAY) & _at_noon(rows))[order],
        )  # fmt: skip


def _by_days(
    rows: IntArray,
    grain: IntArray,
    daily: FloatArray,
    days: Days,
    chances: FloatArray,
    weights: FloatArray,
    fine: BoolArray,
) -> None:
    """Of what has one time of day alone, judge the days on which it came; written into the last three."""
    dated = grain == _A_DAY
    one_hour = dated & ~_at_noon(rows)  # and not that of bare dates
    some, bare = dated & ~(one_hour & (daily >= _DAILY)), dated & ~one_hour
    chances[some, _DAY] = np.where(one_hour, days.chance, days.chance_every)[some]
    weights[bare, _DAY], fine[dated, _DAY] = _SELDOM, True
    weekly = np.minimum(chances[bare, _WEEK] / (1.0 - _SELDOM), days.chance_weekdays[bare] / _SELDOM)
    chances[bare, _WEEK] = np.minimum(weekly, 1.0)


class Peak(NamedTuple):
    """Strength, phase in seconds, and how many moments counted."""

    strength: float
    phase: float
    n: int


def peak(moments: IntArray, period: float) -> Peak:
    """Return when in a period moments are, of one item alone.

    Parameters
    ----------
    moments : array of int64
        In microseconds of the clock on the wall, ascending, not empty.
    period : float
        In seconds.
    """
    span, counted = round(period * 1e6), [int(moments[0])]
    for moment in moments[1:].tolist():
        if moment - counted[-1] >= max(span // _BURST, _LEAST_BURST):
            counted.append(moment)
    angles = 2.0 * np.pi * (np.array(counted) % span) / span
    waves = np.stack([np.cos(angles), np.sin(angles), np.cos(2.0 * angles), np.sin(2.0 * angles)], 1).sum(0)
    strengths, phases = _peaks(waves[None], np.array([len(counted)]), np.array([span]))
    return Peak(float(strengths[0]), float(phases[0]) / 1e6, len(counted))


class _When(NamedTuple):
    """When each item comes: period and phase in microseconds, strength, whether every so many days, on which of the week."""

    periods: IntArray
    phases: FloatArray
    strengths: FloatArray
    every: BoolArray
    weekdays: BoolArray


def _when(
    sums: FloatArray, counts: IntArray, best: IntArray, rows: IntArray, last: IntArray, grain: IntArray, days: Days
) -> _When:
    """Tell when each item comes, by its best period; where the days tell more than that, by these."""
    strengths, phases = _peaks(sums, counts, PERIODS[best])
    hour = np.mod(rows[:, 1], _A_DAY)  # of what comes once a day, always at the same: the best there is is a day
    whole = np.mod(np.round((phases - hour) / _A_DAY) * _A_DAY + hour, PERIODS[best])
    phases = np.where(grain == _A_DAY, whole, phases)
    periods, longer = PERIODS[best], days.every * _A_DAY
    every = np.isin(best, _DAYS) & (longer > periods) & (longer % periods == 0)
    periods = np.where(every, longer, periods)
    since_monday = np.where(periods % PERIODS[_WEEK] == 0, _MONDAY, 0)
    newest = np.round((last - phases) / _A_DAY) * _A_DAY + phases
    phases = np.where(every, np.mod(newest - since_monday, periods), phases)
    weekdays = days.weekdays & np.isin(best, (_DAY, _WEEK))[:, None] & ~every[:, None]
    several = (best == _WEEK) & (weekdays.sum(1) > 1) & (strengths < _CLEAR)  # whose middle is no day of them
    first_of = np.argmax(weekdays, 1) * _A_DAY + np.where(grain == _A_DAY, hour, 0)
    phases, strengths = np.where(several, first_of, phases), np.where(several, days.share_weekdays, strengths)
    return _When(periods, phases, strengths, every, weekdays)


def _peaks(sums: FloatArray, counts: IntArray, periods: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return strength and phase, in microseconds, by the sums of waves: of the two harmonics those of the stronger one."""
    once, twice = np.hypot(sums[:, 0], sums[:, 1]) / counts, np.hypot(sums[:, 2], sums[:, 3]) / counts
    angle = np.arctan2(sums[:, 1], sums[:, 0])
    half = np.arctan2(sums[:, 3], sums[:, 2]) / 2.0  # of the two peaks, the one that is higher
    half += np.where(np.cos(half - angle) < 0.0, np.pi, 0.0)
    phases = np.mod(np.where(once >= twice, angle, half) / (2.0 * np.pi) * periods, periods)
    weekly = periods % PERIODS[_WEEK] == 0
    return np.maximum(once, twice), np.where(weekly, np.mod(phases - _MONDAY, periods), phases)


def _grain(rows: IntArray) -> IntArray:
    """Return how finely the moments of each item are told: a day, an hour, or better.

    A day where everything has one time of day, be it midnight or seven; what alone is at noon is there at noon.
    """
    everything = rows.sum(0)
    gaps = np.maximum(rows[:, 4], 1)
    all_days = everything[5] >= _GRAINED * max(int(everything[4]), 1) and _one_time(rows)
    all_hours = everything[6] >= _GRAINED * max(int(everything[4]), 1)
    days = (rows[:, 5] >= _GRAINED * gaps) & all_days
    hours = (rows[:, 6] >= _GRAINED * gaps) & all_hours
    return np.where(days, _A_DAY, np.where(hours, _HOUR, 0))


def _at_noon(rows: IntArray) -> BoolArray:
    """Tell which items are at midnight or noon, as bare dates are."""
    result: BoolArray = rows[:, 7] >= _GRAINED * rows[:, 0]
    return result


def _one_time(rows: IntArray) -> bool:
    """Tell whether the newest moments of nearly all that came are at one time of day, by how often each came."""
    _, places = np.unique(rows[:, 1] % _A_DAY, return_inverse=True)
    return bool(np.bincount(places, rows[:, 0]).max(initial=0.0) >= _GRAINED * rows[:, 0].sum())
