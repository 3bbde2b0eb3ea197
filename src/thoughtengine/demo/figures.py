"""Rates with their uncertainty, and rows of the scoreboard."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import attrs

__all__ = ["Board", "Rate", "Row", "wilson"]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Bound a proportion with 95 % confidence.

    Parameters
    ----------
    hits, n : int
        Successes, and trials.

    Returns
    -------
    tuple of float
        Lower and upper bound in [0, 1].

    References
    ----------
    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference. JASA 22.

    Examples
    --------
    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    if n == 0:
        return 0.0, 1.0
    z = 1.959964
    p, zz = hits / n, z * z / n
    middle = (p + zz / 2) / (1 + zz)
    half = z / (1 + zz) * math.sqrt(p * (1 - p) / n + zz / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


@attrs.frozen
class Rate:
    """A proportion.

    Attributes
    ----------
    hits, n : int
        Successes, and trials.
    """

    hits: int
    n: int

    @property
    def value(self) -> float:
        """The proportion in [0, 1]; 0 without trials."""
        return self.hits / self.n if self.n else 0.0

    def __str__(self) -> str:
        low, high = wilson(self.hits, self.n)
        return f"{100 * self.value:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


@attrs.frozen
class Row:
    """One competitor on one task.

    Attributes
    ----------
    name : str
        Who.
    rates : tuple of Rate
        One for each measure of the board.
    milliseconds : float or None
        Median time of one question; None where time is not compared.
    """

    name: str
    rates: tuple[Rate, ...]
    milliseconds: float | None = None

    @classmethod
    def of(cls, name: str, ranks: Sequence[int | None], ks: Sequence[int], seconds: Sequence[float] = ()) -> Row:
        """Make a row from the place of the first right answer to each question.

        Parameters
        ----------
        name : str
            Who.
        ranks : sequence of int or None
            From 0; None where no right answer was found.
        ks : sequence of int
            A rate of those within the first k, for each k.
        seconds : sequence of float
            Times.

        Returns
        -------
        Row
            The row.

        Examples
        --------
        >>> Row.of("us", [0, 3, None], (1, 5)).rates
        (Rate(hits=1, n=3), Rate(hits=2, n=3))
        """
        rates = tuple(Rate(sum(rank is not None and rank < k for rank in ranks), len(ranks)) for k in ks)
        return cls(name, rates, 1e3 * statistics.median(seconds) if seconds else None)


@attrs.frozen
class Board:
    """One task: us in the first row, the rivals below.

    Attributes
    ----------
    task, rules : str
        What was asked, and under which rules.
    measures : tuple of str
        The names of the rates.
    rows : tuple of Row
        Ours first.
    """

    task: str
    rules: str
    measures: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def n(self) -> int:
        """How many questions."""
        return self.rows[0].rates[0].n

    @property
    def lost(self) -> tuple[str, ...]:
        """Every figure in which a rival is better than we are, in words.

        The median time is compared with those that answer at least half as often: to be wrong takes no time.
        """
        ours, *rivals = self.rows
        found: list[str] = []
        for place, measure in enumerate(self.measures):
            better = [r for r in rivals if r.rates[place].hits > ours.rates[place].hits]
            found += [f"{measure} to {r.name} ({_apart(ours.rates[place], r.rates[place])})" for r in better]
        able = [r for r in rivals if 2 * r.rates[-1].hits >= ours.rates[-1].hits]
        faster = [r for r in able if (r.milliseconds or math.inf) < (ours.milliseconds or 0.0)]
        return (*found, *(f"time to {r.name} ({ours.milliseconds:.2f} to {r.milliseconds:.2f} ms)" for r in faster))


def _apart(ours: Rate, theirs: Rate) -> str:
    low, high = wilson(ours.hits, ours.n)
    within = ", within the interval" if low <= theirs.value <= high else ""
    return f"{100 * ours.value:.0f} to {100 * theirs.value:.0f} %{within}"
