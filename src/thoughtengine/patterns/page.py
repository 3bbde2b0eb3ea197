"""Page: what a mind noticed, as plain text for a terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from collections.abc import Sequence as SequenceOf

from thoughtengine.patterns.manager import PatternManager
from thoughtengine.patterns.pattern import Prediction

__all__ = ["heat", "page"]

_SHADES = " ░▒▓█"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def heat(moments: Iterable[dt.datetime]) -> str:
    """Return a week by hours: the darker, the more happened then; empty for nothing.

    Parameters
    ----------
    moments : iterable of datetime
        By the clock on the wall.

    Examples
    --------
    >>> print(heat([dt.datetime(2024, 1, 2, 9)] * 3).splitlines()[2])
    Tue          █              3
    """
    counts = [[0] * 24 for _ in _WEEKDAYS]
    for moment in moments:
        counts[moment.weekday()][moment.hour] += 1
    most = max(map(max, counts))
    if not most:
        return ""
    lines = ["    0     6     12    18    "]
    for name, hours in zip(_WEEKDAYS, counts, strict=True):
        cells = "".join(_SHADES[-(-n * (len(_SHADES) - 1) // most)] for n in hours)
        lines.append(f"{name} {cells}{sum(hours):>6,}")
    return "\n".join(lines)


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
    parts = [
        ("what belongs together", [_line(one) for one in patterns.concepts()[:k]]),
        ("what comes together", [_line(one) for one in patterns.associations()[:k]]),
        ("what follows what", [_line(one) for one in patterns.sequences()[:k]]),
        ("what recurs", [_line(one) for one in patterns.rhythms()[:k]]),
        ("when, by the hour of the week", heat(moments).splitlines()),
        ("what comes next", [_line(one) for one in predictions]),
    ]
    told = [f"{title}\n" + "\n".join(f"  {line}" for line in lines) for title, lines in parts if lines]
    return "\n\n".join(told) or "nothing was noticed yet"


def _line(pattern: object) -> str:
    """Return a pattern as it shows itself, without its frame."""
    return repr(pattern).removeprefix(f"<{type(pattern).__name__} ").removesuffix(">")
