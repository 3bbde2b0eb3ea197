"""Page: what a mind noticed, as plain text for a terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from collections.abc import Sequence as SequenceOf

from thoughtengine.patterns.manager import PatternManager
from thoughtengine.patterns.pattern import Prediction, Sequence

__all__ = ["heat", "page"]

_SHADES = " ░▒▓█"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BAR = 48  # cells of the longest bar


def heat(moments: Iterable[dt.datetime]) -> str:
    """Return a week by hours: the darker, the more happened then; empty for nothing.

    Bare dates have no hours: of those, a bar for each day of the week.

    Parameters
    ----------
    moments : iterable of datetime
        By the clock on the wall.

    Examples
    --------
    >>> print(heat([dt.datetime(2024, 1, 2, 9)] * 3).splitlines()[2])
    Tue ··················██····························     3
    >>> print(heat([dt.datetime(2024, 1, 2)] * 3).splitlines()[1])
    Tue ████████████████████████████████████████████████     3
    """
    counts, dated = [[0] * 24 for _ in _WEEKDAYS], True
    for moment in moments:
        counts[moment.weekday()][moment.hour] += 1
        dated = dated and not (moment.hour or moment.minute or moment.second)
    rows = [[sum(hours)] for hours in counts] if dated else counts
    most = max(map(max, rows))
    if not most:
        return ""
    lines = [] if dated else ["    0           6           12          18          "]
    for name, row in zip(_WEEKDAYS, rows, strict=True):
        cells = _bar(row[0], most) if dated else "".join(_cell(n, most) for n in row)
        lines.append(f"{name} {cells}{sum(row):>6,}")
    return "\n".join(lines)


def _bar(n: int, most: int) -> str:
    return ("█" * round(n * _BAR / most)).ljust(_BAR)


def _cell(n: int, most: int) -> str:
    """Return an hour, two cells wide: a dot for nothing, so that the columns can be followed."""
    return "··" if not n else _SHADES[-(-n * (len(_SHADES) - 1) // most)] * 2


def page(
    patterns: PatternManager, predictions: SequenceOf[Prediction], moments: Iterable[dt.datetime], *, k: int
) -> str:
    """Return what a mind noticed.

    Parameters
    ----------
    patterns : PatternManager
        Of the mind.
    predictions : sequence of Prediction
        What it says comes next.
    moments : iterable of datetime
        Of its experiences, for the week by hours.
    k : int
        Lines of each kind at most.
    """
    told_apart = [one for one in patterns.sequences() if not _stays(one)]
    parts = [
        ("what belongs together", [_line(one) for one in patterns.concepts()[:k]]),
        ("what comes together", [_line(one) for one in patterns.associations()[:k]]),
        ("what follows what", [_line(one) for one in told_apart[:k]]),
        ("what recurs", [_line(one) for one in patterns.rhythms()[:k]]),
        ("when in the week", heat(moments).splitlines()),
        ("what comes next", [_line(one) for one in predictions]),
    ]
    told = [f"{title}\n" + "\n".join(f"  {line}" for line in lines) for title, lines in parts if lines]
    return "\n\n".join(told) or "nothing was noticed yet"


def _stays(sequence: Sequence) -> bool:
    """Tell whether a thing follows itself: that somebody goes on about it is no news."""
    return sequence.then in sequence.given


def _line(pattern: object) -> str:
    """Return a pattern as it shows itself, without its frame."""
    return repr(pattern).removeprefix(f"<{type(pattern).__name__} ").removesuffix(">")
