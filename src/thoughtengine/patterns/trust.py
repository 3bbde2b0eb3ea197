"""Trust: how far a pattern is to be relied on, by what speaks for it, what became of it, what the host says, and its silence."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import attrs

from thoughtengine._types import Emit, IntArray
from thoughtengine.memory.index.analysis import name_term
from thoughtengine.memory.record import VerdictRecord
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import VERDICT

__all__ = ["Expected", "Ledger", "Outcome", "faded", "note", "pattern_id", "trust"]

_SAID = 4.0  # how many times the odds a full word of the host is worth
_MOST = 4.0  # words, and outcomes, that count in either direction
_PAUSES = 8.0  # usual pauses of silence, beyond the first, in which half of the trust goes
_LIFE = 0.25  # part of all that was lived through in which half of it goes at least
_OPEN = 256  # predictions that wait to come true
_KEPT = 4096  # patterns whose outcomes are kept


def pattern_id(kind: str, *keys: int) -> int:
    """Return the id of a pattern: the same wherever the same things are found."""
    return name_term(kind, " ".join(map(str, keys))) >> 1


def trust(n: float, by_chance: float, said: float, outcome: float, halvings: float) -> float:
    """Return how far a pattern is to be relied on.

    Parameters
    ----------
    n, by_chance : float
        How often it was seen; how often chance alone would have shown it.
    said : float
        Sum of the host's rewards.
    outcome : float
        By how much more often predictions from it came true than they said.
    halvings : float
        What its silence costs, as `faded` tells.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> round(trust(10, 1, 0, 0, 0), 2), round(trust(10, 1, -1, 0, 0), 2), round(trust(10, 1, 0, 0, 1), 2)
    (0.73, 0.4, 0.37)
    """
    odds = max(n - by_chance, 0.0) / math.sqrt(max(n + by_chance, 1e-9))  # how many standard deviations above chance
    odds *= math.exp(math.log(_SAID) * _within(said) + math.log(2.0) * _within(outcome))
    return float(odds / (1.0 + odds) * 0.5**halvings)


def faded(silence: float, pause: float, life: float, due: float = 0.0) -> float:
    """Return how many times half of the trust goes in a silence.

    Parameters
    ----------
    silence : float
        Time since it was last seen, while other things happened.
    pause : float
        Time between two sightings that was usual, above 0.
    life : float
        From the first experience to the last.
    due : float
        After how long it is to come again, where that is known: until then its silence tells nothing.

    Examples
    --------
    >>> faded(9.0, 1.0, 1000.0), faded(500.0, 1000.0, 1000.0), faded(500.0, 400.0, 1000.0, due=400.0)
    (1.0, 2.0, 0.4)
    """
    return max((silence / pause - 1.0) / _PAUSES, (silence - due) / max(life, pause) / _LIFE, 0.0)


def _add(balances: dict[int, float], pattern: int, worth: float) -> None:
    """Add to the balance of a pattern, and keep it where it counts in full."""
    balances[pattern] = _within(balances.get(pattern, 0.0) + worth)


def _within(balance: float) -> float:
    return min(max(balance, -_MOST), _MOST)


@attrs.frozen(eq=False)
class Expected:
    """A prediction that waits to come true.

    Attributes
    ----------
    key : int
        Hash of what is expected.
    what : str
        As it was told.
    probability : float
        As it was told.
    pattern : int
        Id of what it rests on.
    history : array of int64
        What it was made from.
    due : int or None
        When it is too late, in microseconds of the clock on the wall.
    live : bool
        Whether the mind's clock tells when that is: not where what came last is long past, as in a diary.
    base : int
        The moment from which on it is waited for, in microseconds of the clock on the wall: what was before does not count.
    excused : bool
        Whether nothing at all went on when it was late.
    """

    key: int
    what: str
    probability: float
    pattern: int
    history: IntArray
    due: int | None
    live: bool = True
    base: int = 0
    excused: bool = False

    def is_late(self, moment: int) -> bool:
        """Tell whether a moment is after the time it was to come in."""
        return self.due is not None and self.due < moment


class Outcome(NamedTuple):
    """What became of a prediction: whether it was next, and whether in its time; None where nothing is charged for that."""

    expected: Expected
    came: bool
    in_time: bool | None


class Ledger:
    """What the host said of patterns, what became of predictions, and what is still expected.

    Parameters
    ----------
    store : Store
        Where verdicts are: source rows, kept whatever is learned anew.
    emit : callable
        Told of predictions that came true or failed.
    sync : bool
        Whether a verdict waits for the medium.
    """

    def __init__(self, store: Store, emit: Emit, *, sync: bool = False) -> None:
        self._store, self._emit, self._sync = store, emit, sync
        self._open: dict[int, Expected] = {}
        self._overdue: dict[
            int, dict[int, Expected]
        ] = {}  # told to be so, by key, of threads that have not gone on since
        self._said: dict[int, float] | None = None
        self._words = 0

    @property
    def words(self) -> int:
        """How often the host said something since this was opened."""
        return self._words

    def judge(self, verdict: VerdictRecord) -> None:
        """Keep what the host says of a pattern."""
        with self._store.writing:
            said = self.said
            batch = Batch()
            batch.put(VERDICT, self._store.head.sequence + 1, verdict)
            self._store.commit(batch, sync=self._sync)
            _add(said, verdict.pattern, verdict.reward)
            self._words += 1

    @property
    def said(self) -> dict[int, float]:
        """The sum of the host's rewards for each pattern, never beyond what counts: the newest word always does."""
        if self._said is None:
            self._said = {}
            for _, verdict in self._store.rows(VERDICT, VerdictRecord):
                _add(self._said, verdict.pattern, verdict.reward)
        return self._said

    def forget(self) -> None:
        """Hear that memories went for good, and verdicts with them."""
        self._said = None
        self._open, self._overdue = {}, {}

    def drop(self, gone: Callable[[Expected], bool]) -> None:
        """Wait no more for what is not told any more."""
        self._open = {thread: expected for thread, expected in self._open.items() if not gone(expected)}

    def await_(self, thread: int, expected: Expected) -> None:
        """Note a prediction; who asks again before the thread goes on changes nothing, nor makes due again what is overdue."""
        if thread in self._open or expected.key in self._overdue.get(thread, {}):
            return
        if len(self._open) < _OPEN:
            self._open[thread] = expected

    @property
    def waits(self) -> bool:
        """Whether anything is expected, or overdue and not known yet whether it comes late."""
        return bool(self._open or self._overdue)

    def resolve(self, thread: int, keys: frozenset[int], moment: int, id_: int, *, goes_on: bool) -> list[Outcome]:
        """Compare what came with what was expected of its thread, and tell what is overdue in others.

        Parameters
        ----------
        thread : int
            That went on.
        keys : frozenset of int
            Hashes of the tags, or the concept, that came.
        moment : int
            When, in microseconds of the clock on the wall.
        id_ : int
            Of the memory.
        goes_on : bool
            Whether it came after no longer a pause of everything than is usual: what was due in a longer one failed with all.

        Returns
        -------
        list of Outcome
            What is to be learned from.
        """
        found = list[tuple[Expected, bool]]()
        expected = self._open.get(thread)
        if keys and expected is not None and moment >= expected.base:
            del self._open[thread]
            late = expected.is_late(moment)
            self._told(expected, expected.key in keys and not late, id_, overdue=late)
            found.append((expected, late))
        if keys and all(moment >= one.base for one in self._overdue.get(thread, {}).values()):
            found += [(one, True) for one in self._overdue.pop(thread, {}).values()]
        self._late(moment, (id_,), lambda expected: True)
        if not goes_on:
            self._overdue = {
                other: {key: attrs.evolve(one, excused=True) for key, one in late_ones.items()}
                for other, late_ones in self._overdue.items()
            }
        outcomes = list[Outcome]()
        for one, late in found:
            came, charged = one.key in keys, goes_on and not one.excused
            if came or charged:
                in_time = came and not late
                outcomes.append(Outcome(one, came, in_time if in_time or charged else None))
        return outcomes

    def overdue(self, now: int) -> None:
        """Tell what did not come in its time though nothing else did either; `now` by the clock on the wall."""
        self._late(now, (), lambda expected: expected.live)

    def _late(self, moment: int, ids: tuple[int, ...], counts: Callable[[Expected], bool]) -> None:
        for thread, expected in list(self._open.items()):
            if expected.is_late(moment) and counts(expected):
                del self._open[thread]
                self._overdue.setdefault(thread, {})[expected.key] = expected
                if len(self._overdue) > _OPEN:  # of threads that never went on, the one that was told first
                    del self._overdue[next(iter(self._overdue))]
                self._told(expected, False, *ids, overdue=True)

    def _told(self, expected: Expected, came: bool, *ids: int, overdue: bool) -> None:
        self._emit(
            "anticipated", what=expected.what, probability=expected.probability, came_true=came, overdue=overdue,
            ids=ids,
        )  # fmt: skip


def note(outcomes: dict[int, float], found: Outcome) -> None:
    """Add to the balance of a pattern by how much a prediction from it did better than it said; the least telling one goes."""
    if found.in_time is None:
        return
    pattern = found.expected.pattern
    _add(outcomes, pattern, found.in_time - found.expected.probability)
    if len(outcomes) > _KEPT:
        del outcomes[min(outcomes, key=lambda key: abs(outcomes[key]))]
