"""Sequences: what follows what, after how long, and what comes next."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import numpy as np

from thoughtengine._types import BoolArray, FloatArray, IntArray
from thoughtengine.patterns.arrays.calibration import correct, cut, kind_of
from thoughtengine.patterns.arrays.sequences import as_if_whole, context_key
from thoughtengine.patterns.chance import at_least, discoveries
from thoughtengine.patterns.kernels.sequences import (
    AGES,
    ALIKE,
    DEPTH,
    FIRST,
    FOLLOWER,
    HEAD,
    KEPT,
    KNOT,
    KNOTS,
    LAG,
    LASTS,
    LINE,
    LOWEST,
    MEAN,
    MOST,
    PRIOR,
    REACH,
    ROW,
    SKIP_ROW,
    STRATA,
    THREAD,
    WAYS,
    WEEKDAY,
    WORD,
)  # fmt: skip
from thoughtengine.patterns.tables import Tables, maths

__all__ = ["Following", "Next", "Sequences", "untaught"]

_UNTAUGHT = (0.0, 1.0, PRIOR, 0.0, PRIOR)  # a line of calibration that takes probabilities as they are
_AROUND = 512  # symbols that came within eight of one, from which on what is around it is no accident
_TOGETHER = 1 << 13  # sequences that are looked at together
_REACHED = 20.0  # times that what came is thought to have been among the candidates as often as expected
_WEIGHTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 4.0, 0.0, 2.0, 0.05)  # orders 0 to 5, of the day, week, at a distance, base
_WEEKS = (
    2.0,
    4.0,
    8.0,
    16.0,
    32.0,
    32.0,
    32.0,
)  # of the day of the week, after 1, 2, 4, 8 … times: it says most after weeks
_FEWEST = 5  # times that a sequence must have been seen
_AS_SAID = 4.0  # times that such a probability is thought to have been right
_STEEPEST = 0.25  # of the logistic curve: a step that reckons with it never goes too far
_AS_IT_IS = np.array([0.0, 1.0])  # a line that leaves probabilities as they are
_LEVEL, _SLOPE = (-4.0, 4.0), (0.25, 4.0)  # how far what became of predictions may turn the line of those asked for
_ROUGH = 0.1  # of the logarithm of a lag, at least
_HARDLY = 1e-6  # by which what was less likely than the first stays so
_UNSEEN = 5.0  # times that what came lately is thought to have come again as often as expected


def untaught() -> FloatArray:
    """Return a table of calibration that has learned nothing."""
    return np.concatenate([np.tile(_UNTAUGHT, REACH), np.tile((_REACHED, _REACHED, 0.0, 0.0, 0.0), STRATA)])


def _untried() -> FloatArray:
    """Return weights of the components, by what they have seen, before anything was learned of them."""
    weights = np.repeat(np.array(_WEIGHTS), 28)
    weights[WEEKDAY * 28 : WEEKDAY * 28 + 28] = np.repeat(np.array(_WEEKS), 4)
    return np.concatenate([weights, np.full(2 * STRATA, PRIOR)])


@attrs.frozen(eq=False)
class Next:
    """What may come next, most probable first.

    Attributes
    ----------
    symbols : array of int64, shape (n,)
        Hashes.
    probabilities : array of float64, shape (n,)
        Calibrated.
    supports : array of int64, shape (n,)
        How often each came right after the last symbol.
    lags : array of float64, shape (n,)
        Typical seconds from the last symbol to it, NaN where it never came right after.
    n_last : int
        How often the last symbol was seen followed by anything.
    """

    symbols: IntArray
    probabilities: FloatArray
    supports: IntArray
    lags: FloatArray
    n_last: int


@attrs.frozen(eq=False)
class Following:
    """Sequences that are significant, the clearest first.

    Attributes
    ----------
    given : array of int64, shape (n, 2)
        Hashes of what came before, oldest first; the first is 0 where only one is given.
    at_once : array of bool, shape (n,)
        Whether the two given were of one experience when they last came.
    then, counts : arrays of int64, shape (n,)
        What comes next, and how often.
    ids : array of int64, shape (n, 3)
        Where it last did, newest first; 0 for none.
    expected, confidences, lags, q_values : arrays of float64, shape (n,)
        How often chance would bring it, share of the cases, typical seconds, q-values.
    """

    given: IntArray
    at_once: BoolArray
    then: IntArray
    counts: IntArray
    ids: IntArray
    expected: FloatArray
    confidences: FloatArray
    lags: FloatArray
    q_values: FloatArray


class Sequences:
    """A mixture of contexts of several lengths, in bounded memory.

    Parameters
    ----------
    n_contexts, n_symbols, n_threads : int
        Rows at most, powers of two.

    Notes
    -----
    A set of eight contexts gives up the one seen least often, a context that knows 16 followers the rarest of them; counts
    are therefore never too high. Probabilities are calibrated twice: by what comes in, and by what became of those that
    were asked for, which may be easier or harder to tell than the rest.
    """

    def __init__(self, *, n_contexts: int = 1 << 15, n_symbols: int = 1 << 12, n_threads: int = 1 << 12) -> None:
        self.tables: Tables = {
            "keys": np.zeros(n_contexts, np.int64),
            "rows": np.zeros(n_contexts * ROW, np.int64),
            "lags": np.zeros(n_contexts * LAG),
            "skip_keys": np.zeros(n_symbols, np.int64),
            "skip_rows": np.zeros(n_symbols * SKIP_ROW, np.int64),
            "words": np.zeros(4 * n_symbols * WORD, np.int64),
            "weights": _untried(),
            "histories": np.zeros(n_threads * THREAD, np.int64),
            "counters": np.zeros(8, np.int64),
            "calibration": untaught(),
            "knots": np.zeros(2 * STRATA * KNOTS * KNOT),
            "repeats": np.full(2 * AGES, _UNSEEN),
        }

    def learn(
        self,
        symbols: IntArray,
        bounds: IntArray,
        threads: IntArray,
        moments: IntArray,
        ids: IntArray,
        *,
        befores: IntArray | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Take in experiences, and return how surprising each symbol was, in bits, and how often a symbol had come on average.

        Parameters
        ----------
        symbols, bounds, threads, moments, ids, befores
            As in `arrays.follow`. Default: each goes on its own thread, whenever it was.
        """
        bits = np.zeros(2 * len(symbols))
        befores = np.zeros_like(threads) if befores is None else befores
        maths().follow(symbols, bounds, threads, befores, moments, ids, *self.tables.values(), bits)
        return bits[: len(symbols)], bits[len(symbols) :]

    def history(self, thread: int) -> IntArray:
        """Return the last symbols of a thread, newest first, then 0."""
        row = self._thread(thread)
        return np.zeros(DEPTH, np.int64) if row is None else row[FIRST:].copy()

    def moment(self, thread: int) -> int | None:
        """Return the newest moment of a thread, in microseconds of the clock on the wall; None where it is not known."""
        row = self._thread(thread)
        return None if row is None or not row[FIRST] else int(row[4])

    def _thread(self, thread: int) -> IntArray | None:
        past = self.tables["histories"].reshape(-1, THREAD)
        start = ((thread ^ (thread >> 32)) & (len(past) // WAYS - 1)) * WAYS
        found = np.flatnonzero(past[start : start + WAYS, 0] == thread)
        return past[start + found[0]] if len(found) else None

    def _raw(
        self, history: IntArray, moment: int, *, part: bool = False
    ) -> tuple[IntArray, FloatArray, IntArray, FloatArray, FloatArray]:
        names = ("keys", "rows", "lags", "skip_keys", "skip_rows", "words", "weights", "counters")
        found, told = np.zeros(2 * MOST, np.int64), np.zeros(3 * MOST)
        tables, repeats = [self.tables[name] for name in names], self.tables["repeats"]
        if part:
            tables[6] = as_if_whole(history, tables[6])
            repeats = cut(repeats, int(np.count_nonzero(history)))
        n = maths().expect(history, moment, *tables, repeats, found, told)
        order = np.lexsort((found[:n], -told[:n]))
        return found[order], told[order], found[MOST + order], told[MOST + order], told[2 * MOST + order]

    def told(self, history: IntArray, probability: float, came: bool) -> None:
        """Hear what became of a prediction that was asked for: later ones are told as such ones come true.

        Parameters
        ----------
        history : array of int64, shape (DEPTH,)
            What it was made from.
        probability : float
            As it was told.
        came : bool
            Whether it came true.
        """
        number = kind_of(history)
        line = self._line(number)
        line[:] = _bounded(line)
        asked, doubting = self._asked(history)
        before = _untrusted(asked, probability)
        if before > probability:
            before = _untrusted(doubting, probability)
        correct(self.tables["calibration"], number, before, came, surely=_STEEPEST)
        line[:] = _bounded(line)

    def keep(self, former: Sequences) -> None:
        """Take over what became of predictions that were asked for."""
        asked = slice(REACH * LINE)
        self.tables["calibration"][asked] = former.tables["calibration"][asked]

    def _line(self, number: int) -> FloatArray:
        return self.tables["calibration"][number * LINE : number * LINE + 2]

    def _knots(self, number: int) -> FloatArray:
        knots: FloatArray = self.tables["knots"].reshape(-1, KNOTS, KNOT)[number]
        return knots

    def _asked(self, history: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the line of those asked for, and the one for what it makes less probable.

        Where what follows the last symbol has turned, the latter doubts only as far as came since: what came no more made
        it turn, so that is reckoned with already, and doubt in what came in its place would tell it to be likely again.
        """
        line, at = _bounded(self._line(kind_of(history))), self._context(int(history[0]))
        if at is None:
            return line, line
        n, known = self.tables["rows"].reshape(-1, ROW)[at, 5], self.tables["lags"].reshape(-1, LAG)[at, 2]
        return line, _AS_IT_IS + (line - _AS_IT_IS) * (known * (1.0 - LASTS) / (1.0 - LASTS ** int(n)))

    def next(
        self,
        history: IntArray,
        moment: int,
        *,
        part: bool = False,
        waited: float = 0.0,
        otherwise: Callable[[IntArray], FloatArray] | None = None,
    ) -> Next:
        """Tell what may come next.

        Parameters
        ----------
        history : array of int64, shape (DEPTH,)
            The last symbols, newest first, then 0.
        moment : int
            When the last symbol came, in microseconds of the clock on the wall.
        part : bool
            Whether more came before that is not told: then what is not among them may have come lately, too.
        waited : float
            Seconds that went by since the last symbol without anything: what would have come by now is less probable.
        otherwise : callable, optional
            Told symbols, returns how probable each is where nothing comes that usually follows the last one.
        """
        symbols, chances, supports, lags, spreads = self._raw(history, moment, part=part)
        n_last, seen = 0, int(self.tables["counters"][1])
        if len(chances) and history[0]:
            kind = kind_of(history)
            first = chances >= ALIKE * chances[0]
            trusted = np.where(first, *(_learned(self._knots(2 * kind + i), chances) for i in (0, 1)))
            reached, expected = self._line(REACH + kind).tolist()
            total = min(chances.sum() * reached / expected, max(chances.sum(), self._simultaneous()))
            chances = _behind(_shared(trusted, float(total)), chances)
            if waited > 0.0 and supports.any():
                others = np.zeros(len(chances)) if otherwise is None else otherwise(symbols)
                chances = _outlasted(chances, supports, lags, spreads, waited, others)
                order = np.lexsort((symbols, -chances))
                symbols, chances, supports, lags = symbols[order], chances[order], supports[order], lags[order]
            line, doubting = self._asked(history)
            asked = _trusted(line, chances)
            if asked[0] < chances[0]:
                asked = _trusted(doubting, chances)
            others = max(float(chances.sum()) - asked[0], 0.0) / max(float(asked[1:].sum()), 1e-300)
            told = np.append(asked[:1], np.minimum(asked[1:] * others, asked[0]))  # their order stays
            told *= min(float(chances.sum() / told.sum()), 1.0 / float(told[0]))  # and so does their sum
            chances = _behind(told, chances)
        chances = np.minimum(chances, seen / (seen + 1.0))  # as sure as so few can make it
        if history[0] and (at := self._context(int(history[0]))) is not None:
            n_last = int(self.tables["rows"].reshape(-1, ROW)[at, 5])
        return Next(symbols, chances, supports, np.where(supports > 0, np.expm1(lags), np.nan), n_last)

    def _simultaneous(self) -> float:
        """Return how many symbols an experience has on average, at least 1."""
        experiences, symbols = self.tables["counters"][[5, 1]].tolist()
        return max(1.0, float(symbols) / max(int(experiences), 1))

    def _context(self, symbol: int) -> int | None:
        """Return the row of the context that is one symbol alone."""
        found = np.flatnonzero(self.tables["keys"] == context_key(symbol))
        return int(found[0]) if len(found) and self.tables["rows"].reshape(-1, ROW)[found[0], 0] else None

    def median_lag(self, symbol: int) -> float | None:
        """Return the median of the seconds from a symbol to whatever comes next; None where nothing ever did."""
        at = self._context(symbol)
        return None if at is None else float(np.expm1(self.tables["lags"].reshape(-1, LAG)[at, 0]))

    def _around(self, given: IntArray, then: IntArray) -> FloatArray:
        """Return what share of the symbols that come within eight of one is another, 0 where that is not known."""
        keys, rows = self.tables["skip_keys"], self.tables["skip_rows"].reshape(-1, SKIP_ROW)
        order = keys.argsort()
        at = order[np.clip(keys[order].searchsorted(given), 0, len(keys) - 1)]
        counts = np.zeros(len(at))
        for i in range(0, len(at), _TOGETHER):
            some = slice(i, i + _TOGETHER)
            counts[some] = (rows[at[some], 3::2] * (rows[at[some], 2::2] == then[some, None])).sum(1)
        share: FloatArray = counts / np.maximum(rows[at, 0], 1)
        return np.where((keys[at] == given) & (rows[at, 0] >= _AROUND), share, 0.0)

    def following(self, *, q: float = 0.05) -> Following:
        """Return the sequences of one or two given that are clearer than chance.

        By chance each comes as often as it does at all, or within eight symbols, whichever is more: so what is of one thread, and
        comes in it in any order, follows nothing.

        Parameters
        ----------
        q : float
            Largest q-value.
        """
        rows = self.tables["rows"].reshape(-1, ROW)
        lags = self.tables["lags"].reshape(-1, LAG)[:, MEAN:]
        words = self.tables["words"].reshape(-1, WORD)
        words = words[words[:, 0] != 0]
        words = words[words[:, 0].argsort()]
        followers = rows[:, HEAD:].reshape(-1, KEPT, FOLLOWER)
        reported = (rows[:, 4] == 1) | ((np.abs(rows[:, 4]) == 2) & (rows[:, 3] != 0))
        line, slot = np.nonzero(reported[:, None] & (followers[:, :, 1] >= _FEWEST))
        then, counts = followers[line, slot, :2].T
        at = np.clip(words[:, 0].searchsorted(then), 0, max(len(words) - 1, 0))
        here = words[at, 0] == then if len(words) else np.zeros(len(then), bool)
        line, slot, then, counts, at = (part[here] for part in (line, slot, then, counts, at))
        n_given = rows[line, 0].astype(np.float64)
        usual = words[at, 1] / max(int(self.tables["counters"][1]), 1)
        expected = n_given * np.maximum(usual, self._around(rows[line, 2], then))
        chances = at_least(counts, np.maximum(expected, 1e-12))
        q_values = discoveries(chances, int(self.tables["counters"][4]))
        chosen = np.flatnonzero((q_values <= q) & (counts > expected))
        order = chosen[np.lexsort((then[chosen], rows[line[chosen], 2], -counts[chosen], chances[chosen]))]
        at_ = line[order]
        return Following(
            rows[at_][:, [3, 2]], rows[at_, 4] < 0, then[order], counts[order], followers[at_, slot[order], 3:],
            expected[order],
            counts[order] / np.maximum(rows[at_, 5], 1),
            np.expm1(lags[at_, slot[order]]), q_values[order],
        )  # fmt: skip


def _shared(chances: FloatArray, total: float) -> FloatArray:
    """Return chances that add up: the others get what the first leaves of all that comes; if that is more, it is one of them."""
    others = float(chances[1:].sum())
    if others > 0.0:
        left = max(total - chances[0], 0.0) / others
        if chances[1:].max() * left > chances[0]:
            chances[0] = chances[1:].max()
            chances *= total / (chances[0] + others)
            return np.minimum(chances, 1.0)
        chances[1:] *= left
    return chances


def _behind(chances: FloatArray, before: FloatArray) -> FloatArray:
    """Return chances, a hair lower where they were lower than the first before: the least that is left of it."""
    result: FloatArray = chances * (1.0 - _HARDLY * (1.0 - before / before[0]))
    return result


def _outlasted(
    chances: FloatArray,
    supports: IntArray,
    lags: FloatArray,
    spreads: FloatArray,
    waited: float,
    otherwise: FloatArray,
) -> FloatArray:
    """Return chances by how probable it is that each would still be waited for after so many seconds; the sum stays.

    Logarithms of lags are taken as logistic, about as far spread as they were; of what never came right after the last symbol
    nothing is known, so it counts as the others do on average. However rarely that lets it come so late, of n that came one in
    n + 2 may, and a quarter of that for twice the lag. One in n + 2 of all may be what comes `otherwise`.
    """
    known = supports > 0
    n = np.maximum(supports, 1)
    shares = np.where(known, chances, 0.0) / max(float(chances[known].sum()), 1e-300)
    scale = np.sqrt(np.maximum(spreads, 0.0) + _ROUGH**2 + 1.0 / n) * (math.sqrt(3.0) / math.pi)
    beyond = math.log1p(waited) - np.where(known, lags, (shares * lags).sum())
    still = 1.0 / (1.0 + np.exp(np.clip(beyond / scale, -50.0, 50.0)))
    still[~known] = (shares * still).sum()
    still = np.maximum(still, np.exp(-2.0 * np.maximum(beyond, 0.0)) / (supports + 2.0))
    total = chances.sum()
    left = chances * still + otherwise * (total / (supports.sum() + 2.0))
    result: FloatArray = np.minimum(left * (total / left.sum()), 1.0)
    return result


def _learned(knots: FloatArray, chances: FloatArray) -> FloatArray:
    """Return probabilities as those near them came true: the logits of the knots around them say how much more or less often."""
    n, came, said = knots.T
    usual = np.where(n > 0.0, said / np.maximum(n, 1e-300), 0.5)
    more = _logit((came + _AS_SAID * usual) / (n + _AS_SAID)) - _logit(usual)
    logits = _logit(chances)
    moved = logits + np.interp(logits, LOWEST + np.arange(KNOTS), more)
    result: FloatArray = 1.0 / (1.0 + np.exp(-moved))
    return result


def _logit(chances: FloatArray) -> FloatArray:
    clipped = np.clip(chances, 1e-6, 1.0 - 1e-6)
    result: FloatArray = np.log(clipped / (1.0 - clipped))
    return result


def _bounded(line: FloatArray) -> FloatArray:
    """Return a line of calibration that neither turns probabilities around nor makes them certain."""
    return np.clip(line, (_LEVEL[0], _SLOPE[0]), (_LEVEL[1], _SLOPE[1]))


def _trusted(line: FloatArray, chances: FloatArray) -> FloatArray:
    """Return probabilities as a line of calibration corrects them."""
    result: FloatArray = 1.0 / (1.0 + np.exp(1.0 - line[0] - line[1] * (_logit(chances) + 1.0)))
    return result


def _untrusted(line: FloatArray, probability: float) -> float:
    """Return the probability that a line of calibration corrects to this one."""
    clipped = min(max(probability, 1e-6), 1.0 - 1e-6)
    logit = (np.log(clipped / (1.0 - clipped)) + 1.0 - line[0]) / line[1] - 1.0
    return float(1.0 / (1.0 + np.exp(-logit)))
