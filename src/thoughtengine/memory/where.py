"""Where: which memories a call is about, checked once and then applied by the index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec

from thoughtengine.checks import real
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.experience import HAPPENED, LAYERS
from thoughtengine.memory.moment import to_stored

__all__ = ["All", "Choice", "Not", "Where", "parse_where"]

_KNOWN = ("layers", "sources", "tags", "episode", "kind", "since", "until", "min_strength")


class _Words:
    """Strings that belong together in a filter."""

    __slots__ = ("values",)

    def __init__(self, *values: str) -> None:
        for value in values:
            if not isinstance(value, str):
                raise InvalidArgumentError(
                    type(self).__name__, value, "strings, such as " + type(self).__name__ + '("work")'
                )
        self.values = frozenset(values)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, _Words) and other.values == self.values

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.values))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, sorted(self.values)))})"


class All(_Words):
    """Every one of these tags.

    Examples
    --------
    >>> All("work", "urgent")
    All('urgent', 'work')
    """

    __slots__ = ()


class Not(_Words):
    """None of these layers, sources, tags, episodes or kinds.

    Examples
    --------
    >>> Not("spam")
    Not('spam')
    """

    __slots__ = ()


class Choice(msgspec.Struct, frozen=True):
    """What one set-like filter asks for.

    Attributes
    ----------
    some : frozenset of str or None
        At least one of these; None: whatever.
    every : frozenset of str
        All of these.
    none : frozenset of str
        None of these.
    """

    some: frozenset[str] | None = None
    every: frozenset[str] = frozenset()
    none: frozenset[str] = frozenset()


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """A checked filter, made by `parse_where`.

    Attributes
    ----------
    layers : frozenset of int
        Codes of the layers that match; a pinned memory counts as eternal.
    sources, tags, episode, kind : Choice or None
        None: whatever.
    since, until : int or None
        Microseconds since 1970: `since` is the first moment that matches, `until` the first one that no longer does.
    min_strength : float or None
        In [0, 1].
    hidden : bool
        Whether forgotten memories match too.
    newest : int or None
        Last id that matches.
    """

    layers: frozenset[int] = HAPPENED
    sources: Choice | None = None
    tags: Choice | None = None
    episode: Choice | None = None
    kind: Choice | None = None
    since: int | None = None
    until: int | None = None
    min_strength: float | None = None
    hidden: bool = False
    newest: int | None = None


def parse_where(
    *,
    layers: str | Not | Iterable[str | Not] | None = None,
    sources: str | Not | Iterable[str | Not] | None = None,
    tags: str | All | Not | Iterable[str | All | Not] | None = None,
    episode: str | Not | Iterable[str | Not] | None = None,
    kind: str | Not | Iterable[str | Not] | None = None,
    since: dt.datetime | str | None = None,
    until: dt.datetime | str | None = None,
    min_strength: float | None = None,
    hidden: bool = False,
    **unknown: Any,
) -> Where:
    """Check the filter keywords of recall, memories, count and forget.

    Parameters
    ----------
    layers, sources, tags, episode, kind : str, Not, or iterable of them
        Any of these values, none of those in `Not`; `tags` also takes `All`. Layers default to what happened
        (sensory and eternal); ``layers=Not("dream")`` is every layer but that one. An empty iterable matches nothing.
    since, until : datetime or str
        Aware datetime or ISO 8601 text with offset; the interval is [since, until).
    min_strength : float
        Smallest strength, in [0, 1].
    hidden : bool
        Whether forgotten memories match too; not for hosts.

    Raises
    ------
    InvalidArgumentError
        For a wrong type, an unknown layer, a naive time, or a keyword that does not exist.

    Examples
    --------
    >>> parse_where(tags=["work", Not("spam")]).tags
    Choice(some=frozenset({'work'}), every=frozenset(), none=frozenset({'spam'}))
    """
    if unknown:
        raise InvalidArgumentError(
            next(iter(unknown)), next(iter(unknown.values())), f"one of the filters {', '.join(_KNOWN)}"
        )
    if min_strength is not None:
        min_strength = _checked_strength(min_strength)
    return Where(
        layers=_parse_layers(layers),
        sources=_parse_choice("sources", sources),
        tags=_parse_choice("tags", tags, may_all=True),
        episode=_parse_choice("episode", episode),
        kind=_parse_choice("kind", kind),
        since=None if since is None else to_stored("since", since)[0],
        until=None if until is None else to_stored("until", until)[0],
        min_strength=min_strength,
        hidden=hidden,
    )


def _parse_choice(argument: str, given: object, *, may_all: bool = False) -> Choice | None:
    if given is None:
        return None
    some: set[str] = set()
    every: set[str] = set()
    none: set[str] = set()
    items = _items(argument, given)
    for item in items:
        if isinstance(item, str):
            some.add(item)
        elif isinstance(item, Not):
            none |= item.values
        elif isinstance(item, All) and may_all:
            every |= item.values
        else:
            raise InvalidArgumentError(argument, item, _expected(may_all))
    anything = bool(items) and not some  # also of [Not()]: who excludes nobody excludes nobody
    return Choice(None if anything else frozenset(some), frozenset(every), frozenset(none))


def _items(argument: str, given: object) -> list[object]:
    if isinstance(given, (str, _Words)):
        return [given]
    if isinstance(given, (bytes, dict)) or not isinstance(given, Iterable):
        raise InvalidArgumentError(argument, given, _expected(argument == "tags"))
    return list(given)


def _expected(may_all: bool) -> str:
    return "a string, " + ("All(...), " if may_all else "") + "Not(...), or an iterable of them"


def _parse_layers(given: object) -> frozenset[int]:
    choice = _parse_choice("layers", given)
    if choice is None:
        return HAPPENED
    for name in (choice.some or frozenset()) | choice.none:
        if name not in LAYERS:
            raise InvalidArgumentError("layers", name, f"one of the layers {', '.join(LAYERS)}")
    wanted = frozenset(LAYERS) if choice.some is None else choice.some
    return frozenset(LAYERS.index(name) for name in wanted - choice.none)


def _checked_strength(given: object) -> float:
    return real("min_strength", given, 0.0, 1.0)
