"""Rhythms: what recurs every hour, day, week, month or year."""

from __future__ import annotations

import attrs
import numpy as np

from thoughtengine._types import FloatArray, IntArray
from thoughtengine.patterns.chance import discoveries, no_rhythm
from thoughtengine.patterns.kernels.rhythms import BEAT
from thoughtengine.patterns.tables import Tables, maths

__all__ = ["PERIODS", "Recurring", "Rhythms"]

_HOUR = 3_600_000_000
PERIODS = np.array([_HOUR, 6 * _HOUR, 8 * _HOUR, 12 * _HOUR, 24 * _HOUR, 168 * _HOUR, 336 * _HOUR, 2_629_746_000_000,
                    31_556_952_000_000])  # fmt: skip
"""What is tried, in microseconds: 1, 6, 8, 12 and 24 hours, one and two weeks, a month, a year."""
_WEIGHTS = np.array([0.25, 0.25, 0.25, 0.75, 4.0, 2.0, 0.25, 0.5, 0.75])
"""How much is expected of each before anything was seen: what people do goes by the day, then by the week."""
_CYCLES, _FEWEST = 3, 6  # periods that must have gone by, and moments that must have counted
_GRAINED = 0.9  # share of gaps from which on stamps count as whole days or hours
_DAILY = 0.9  # share of the days from which on what has one hour alone comes every day, however its stamps are meant
_MONDAY = 4 * 24 * _HOUR  # the first one of 1970 was the fifth of January


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
        Length of the mean phase vector in [0, 1]; q-values.
    counts : array of int64, shape (n,)
        Moments that counted.
    kept : array of float64, shape (n,)
        In how many of the periods that went by each came, in (0, 1].
    newest : array of int64, shape (n,)
        The newest moment of each, in microseconds of the clock on the wall.
    evidence : array of int64, shape (n, 3)
        Newest ids; 0 for none.
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
        """
        keys = self.tables["keys"]
        at = np.flatnonzero(keys)
        rows = self.tables["rows"].reshape(len(keys), -1)[at]
        sums = self.tables["sums"].reshape(len(keys), -1, 4)[at]
        counts = rows[:, BEAT::2]
        many = np.maximum(counts, 1)
        power = 2.0 * (sums * sums).sum(2) / many
        span = (rows[:, 3] - rows[:, 2])[:, None]
        grain, kept = _grain(rows), np.minimum(counts / (1.0 + span / PERIODS), 1.0)
        fine = 2 * grain[:, None] < PERIODS
        at_one_hour = (grain == 24 * _HOUR) & (rows[:, 7] < _GRAINED * rows[:, 0])  # and not at the one of bare dates
        fine[:, 4] |= at_one_hour & (kept[:, 4] >= _DAILY)
        tested = (counts >= _FEWEST) & (span >= _CYCLES * PERIODS) & fine
        q_all = np.ones(power.shape)
        weights = np.broadcast_to(_WEIGHTS, power.shape)[tested]
        weights = weights / weights.mean() if len(weights) else weights
        q_all[tested] = discoveries(np.minimum(no_rhythm(power[tested]) / weights, 1.0), int(tested.sum()))
        clear = np.where(q_all <= q, power * np.sqrt(kept), -1.0)  # what comes monthly at one hour is not daily
        best = clear.argmax(1) if len(at) else np.zeros(0, np.int64)
        line = np.arange(len(at))
        once = np.hypot(sums[line, best, 0], sums[line, best, 1]) / many[line, best]
        twice = np.hypot(sums[line, best, 2], sums[line, best, 3]) / many[line, best]
        angle = np.arctan2(sums[line, best, 1], sums[line, best, 0])
        half = np.arctan2(sums[line, best, 3], sums[line, best, 2]) / 2.0  # of the two peaks, the one that is higher
        half += np.where(np.cos(half - angle) < 0.0, np.pi, 0.0)
        angle = np.where(once >= twice, angle, half)
        phases = np.mod(angle / (2.0 * np.pi) * PERIODS[best], PERIODS[best])
        weekly = PERIODS[best] % PERIODS[5] == 0
        phases = np.where(weekly, np.mod(phases - _MONDAY, PERIODS[best]), phases)
        hour = np.mod(
            rows[:, 1], 24 * _HOUR
        )  # of what comes once a day, always at the same: the best there is is a day
        whole = np.mod(np.round((phases - hour) / (24 * _HOUR)) * (24 * _HOUR) + hour, PERIODS[best])
        phases = np.where(grain == 24 * _HOUR, whole, phases)
        found = np.flatnonzero(q_all[line, best] <= q)
        order = found[np.lexsort((keys[at][found], -power[found, best[found]]))]
        return Recurring(
            keys[at][order], PERIODS[best[order]] / 1e6, phases[order] / 1e6, np.maximum(once, twice)[order],
            q_all[order, best[order]], counts[order, best[order]], kept[order, best[order]], rows[order, 1],
            rows[order, 8:BEAT],
        )  # fmt: skip


def _grain(rows: IntArray) -> IntArray:
    """Return how finely the moments of each item are told: a day, an hour, or better."""
    everything = rows.sum(0)
    gaps = np.maximum(rows[:, 4], 1)
    all_days = everything[5] >= _GRAINED * max(int(everything[4]), 1)
    all_hours = everything[6] >= _GRAINED * max(int(everything[4]), 1)
    at_noon = rows[:, 7] >= _GRAINED * rows[:, 0]  # as bare dates are
    days = (rows[:, 5] >= _GRAINED * gaps) & (at_noon | all_days)
    hours = (rows[:, 6] >= _GRAINED * gaps) & all_hours
    return np.where(days, 24 * _HOUR, np.where(hours, _HOUR, 0))
