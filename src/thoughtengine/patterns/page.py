"""Page: what a mind noticed, as plain text for a terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as SequenceOf
from itertools import islice
from typing import TypeVar

from thoughtengine.memory.index.analysis import fold_text, words
from thoughtengine.patterns.dates import is_date
from thoughtengine.patterns.manager import PatternManager
from thoughtengine.patterns.pattern import (
    Association,
    Concept,
    Prediction,
    Rhythm,
    Sequence,
    below,
    rough,
    says,
    spoken,
)

__all__ = ["heat", "page", "undated"]

_Told = TypeVar("_Told", Association, Sequence, Rhythm, Prediction)
_WIDEST, _LONGEST = 60, 28  # characters of a column of names, and of each name in it
_ENDS = {ord(end): repr(end)[1:-1] for end in "\n\r\t\v\f"}
_MOSTLY = 0.5  # of the times, from which on two things come at once as a rule
_QUOTED = 60  # characters of a text that are shown
_SHADES = " ░▒▓█"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BAR = 48  # cells of the longest bar


def heat(moments: Iterable[dt.datetime]) -> str:
    """Return a week by hours: the darker, the more happened then; empty for nothing.

    Bare dates have no hours (they are kept with midnight or noon): of those, a bar for each day of the week.

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
        dated = dated and moment.hour in (0, 12) and not (moment.minute or moment.second)
    rows = [[sum(hours)] for hours in counts] if dated else counts
    most = max(map(max, rows))
    if not most:
        return ""
    lines = [] if dated else ["    0           6           12          18          "]
    for name, row in zip(_WEEKDAYS, rows, strict=True):
        cells = _bar(row[0], most) if dated else "".join(_cell(n, most) for n in row)
        lines.append(f"{name} {cells} {sum(row):>5,}")
    return "\n".join(lines)


def _bar(n: int, most: int) -> str:
    return ("█" * round(n * _BAR / most)).ljust(_BAR)


def _cell(n: int, most: int) -> str:
    """Return an hour, two cells wide: a dot for nothing, so that the columns can be followed."""
    return "··" if not n else _SHADES[-(-n * (len(_SHADES) - 1) // most)] * 2


def undated(found: Iterable[_Told], moments: Callable[[str], Iterable[dt.datetime]]) -> list[_Told]:
    """Leave out what is about labels that are dates: that the 5th follows the 4th is no news.

    Parameters
    ----------
    found : iterable
        What was noticed.
    moments : callable
        Gives when the memories with a tag were.
    """
    known = dict[str, bool]()

    def dated(name: str) -> bool:
        if name not in known:
            known[name] = is_date(name, lambda: moments(name))
        return known[name]

    return [one for one in found if not any(map(dated, _names(one)))]


def _names(one: Association | Sequence | Rhythm | Prediction) -> tuple[str, ...]:
    """Return the labels that something noticed is about."""
    if isinstance(one, Association):
        return one.items
    return (*one.given, one.then) if isinstance(one, Sequence) else (one.what,)


def page(
    patterns: PatternManager,
    predictions: SequenceOf[Prediction],
    moments: SequenceOf[dt.datetime],
    *,
    k: int,
    read: Callable[[int], str | None],
    count: Callable[[SequenceOf[str]], int],
    moments_of: Callable[[str], Iterable[dt.datetime]] | None = None,
) -> str:
    """Return what a mind noticed.

    Parameters
    ----------
    patterns : PatternManager
        Of the mind.
    predictions : sequence of Prediction
        What it says comes next.
    moments : sequence of datetime
        Of its experiences, for the week by hours.
    k : int
        Lines of each kind at most.
    read : callable
        Gives the text of a memory.
    count : callable
        Tells how many memories have all of some tags, one of which may be a source.
    moments_of : callable, optional
        Gives when the memories with a tag were, to leave out labels that are dates. Default: those are shown, too.
    """
    left_out = 0

    def chosen(found: SequenceOf[_Told]) -> list[_Told]:
        nonlocal left_out
        kept = list(found) if moments_of is None else undated(found, moments_of)
        left_out += len(found) - len(kept)
        return kept

    apart = [one for one in patterns.sequences() if one.then not in one.given]  # to go on about a thing is no news
    apart = [one for one in apart if not _says_less(one, apart)]
    known = patterns.associations()
    at_once = {frozenset(one.items): one.n for one in known}
    apart = [one for one in apart if not _at_once(one, at_once)]
    together = chosen([one for one in known if not _is_one(*one.items)])
    parts = [
        ("what belongs together", [_concept(one, read) for one in patterns.concepts()[:k]]),
        ("what comes together", list(islice(_associations(together, count), k))),
        ("what follows what", [_sequence(one) for one in chosen(apart)[:k]]),
        ("what recurs", _rhythms(chosen(patterns.rhythms()))[:k]),
        ("when in the week", [(line, "") for line in heat(moments).splitlines()]),
        ("what comes next", [_next(one) for one in chosen(predictions) if one.probability >= 0.01][:k]),
    ]
    told = [f"{title}\n" + "\n".join(_columns(lines)) for title, lines in parts if lines]
    if not told:
        return "nothing was noticed yet"
    if left_out:
        told.append(f"{left_out:,} more are about dates that are labels; --dates shows them")
    return "\n\n".join([*_span(moments), *told])


def _span(moments: SequenceOf[dt.datetime]) -> list[str]:
    if not moments:
        return []
    first, last = (f"{moment.day} {moment:%b} {moment.year}" for moment in (min(moments), max(moments)))
    n = len(moments)
    return [f"{n:,} experience{'s' if n > 1 else ''}, " + (first if first == last else f"{first} to {last}")]


def _columns(lines: list[tuple[str, str]]) -> list[str]:
    """Return lines of names and what is said of them, the latter below each other."""
    width = min(max(len(name) for name, _ in lines), _WIDEST)
    return [f"  {name:{width}}  {told}".rstrip() for name, told in lines]


def _short(name: str) -> str:
    """Return a name on one line, without its middle where it is long."""
    name = name.translate(_ENDS)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST // 3]}…{name[_LONGEST // 3 + 1 - _LONGEST :]}"


def _doubt(trust: float) -> str:
    return "" if trust >= 0.5 else f", doubtful ({below(trust)})"


def _times(n: int) -> str:
    return f"{n:,} time{'' if n == 1 else 's'}"


def _concept(one: Concept, read: Callable[[int], str | None]) -> tuple[str, str]:
    text = " ".join((read(one.exemplars[0]) or "").split())
    said = f": “{text if len(text) <= _QUOTED else text[: _QUOTED - 1].rsplit(' ', 1)[0] + ' …'}”" if text else ""
    return one.label, f"{one.n_members:,} memories{_doubt(one.trust)}{said}"


def _associations(found: SequenceOf[Association], count: Callable[[SequenceOf[str]], int]) -> Iterator[tuple[str, str]]:
    """Yield a line for each; what always came together, all of it in the same memories, is one line."""
    alike: dict[tuple[int, tuple[int, ...]], list[Association]] = {}
    for one in found:
        alike.setdefault((one.n, one.evidence), []).append(one)
    told = set[int]()
    for one in found:
        if one.id in told:
            continue
        several = [other for other in alike[one.n, one.evidence] if other.id not in told]
        names = _clique(one, several)
        if len(names) > 2 and count(names) == one.n:
            several = [other for other in several if set(other.items) <= set(names)]
        else:
            several, names = [one], list(one.items)
        told.update(other.id for other in several)
        expected, trust = max(other.expected for other in several), min(other.trust for other in several)
        joined = (" with " if len(names) == 2 else ", ").join(map(_short, names))
        yield joined, f"{_times(one.n)}, by chance {rough(expected)}{_doubt(trust)}"


def _clique(one: Association, several: SequenceOf[Association]) -> list[str]:
    """Return the names of one pair, and those that are in a pair with each of them."""
    pairs, names = {frozenset(other.items) for other in several}, list(one.items)
    for name in dict.fromkeys(name for other in several for name in other.items):
        if name not in names and all({name, other} in pairs for other in names):
            names.append(name)
    return names


def _says_less(one: Sequence, others: SequenceOf[Sequence]) -> bool:
    """Tell whether what came before the last thing given makes no difference to what follows it."""
    return any(
        len(one.given) == 2 and (other.given, other.then) == (one.given[1:], one.then) and one.confidence < 1.1 * other.confidence
        for other in others
    )  # fmt: skip


def _at_once(one: Sequence, together: Mapping[frozenset[str], int]) -> bool:
    """Tell whether what follows also comes with what is given, as a rule: then one time follows another, and no more."""
    return together.get(frozenset((one.given[-1], one.then)), 0) >= _MOSTLY * one.n / one.confidence


def _is_one(left: str, right: str) -> bool:
    """Tell whether two names are of the same words: a tag, and the concept of the memories that have it."""
    mine, other = (set(words(fold_text(name))) for name in (left, right))
    return bool(mine) and mine == other


def _sequence(one: Sequence) -> tuple[str, str]:
    lag = f", after {spoken(one.lag_seconds)}" if one.lag_seconds >= 1.0 else ""
    given = (" with " if one.at_once else " → ").join(map(_short, one.given))
    return (
        f"{given} → {_short(one.then)}",
        f"{one.confidence:.0%} of {_times(round(one.n / one.confidence))}{lag}{_doubt(one.trust)}",
    )


def _rhythms(found: SequenceOf[Rhythm]) -> list[tuple[str, str]]:
    """Return a line for each; what recurred in the same memories is one line."""
    alike: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for one in found:
        told = f"{says(one)}, {_times(one.n)}{_doubt(one.trust)}"
        alike.setdefault((told, one.evidence), []).append(one.what)
    return [(", ".join(map(_short, names)), told) for (told, _), names in alike.items()]


def _next(one: Prediction) -> tuple[str, str]:
    clock = "" if one.at is None or (one.at.hour, one.at.minute) == (0, 0) else f" {one.at:%H:%M}"
    due = "" if one.at is None else f", about {one.at:%a} {one.at.day} {one.at:%b} {one.at.year}{clock}"
    return _short(one.what), f"{one.probability:.0%}{due}: {one.because}"
