"""Context: what a model will read of a recall, as much evidence as fits a budget, dated, oldest first, ids in brackets."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from thoughtengine.memory.index.alike import gist
from thoughtengine.memory.recall.excerpt import excerpt, n_words

if TYPE_CHECKING:
    from thoughtengine.memory.experience import Memory
    from thoughtengine.memory.recall.hit import Hit

__all__ = ["DEEPEST", "FLOOR", "LINE", "Packed", "in_tokens", "newer_of", "pack"]

LINE = 10
"""Tokens that a short line takes: how deep recall is looked into for a budget."""

DEEPEST = 10_000
"""Memories beyond the hits that are looked at, whatever the budget."""

FLOOR = 0.2
"""Share of the best score below which nothing is put in beyond the hits: it only filled the page."""

SHORT = 88.0
"""Tokens up to which a memory counts in full; a longer one has to be better by the root of how many times longer it is."""

EXCERPT = 32
"""Words of a long memory that is cut because it does not fit."""

_GAP = dt.timedelta(minutes=15)  # from which on the time is told anew
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_INFERRED = ("logic", "dream")

Count = Callable[[str], float]


class Packed(NamedTuple):
    """A context, and the hits that are in it, oldest first; `cut` are the ids of those that are there in parts."""

    text: str
    hits: tuple[Hit, ...]
    cut: frozenset[int]


class _Line(NamedTuple):
    at: dt.datetime
    id: int
    text: str
    hit: Hit
    cut: bool
    length: float  # in tokens


def in_tokens(text: str) -> float:
    """Return how many tokens a text is, by the rule of thumb: words × 4/3.

    Examples
    --------
    >>> in_tokens("Tea only now.")
    4.0
    """
    return n_words(text) * 4 / 3


def newer_of(hits: Sequence[Hit], present: Callable[[Sequence[int]], Mapping[int, Memory]]) -> dict[int, Hit]:
    """Return for each hit that was superseded the hit of its newest version, or of what repeats that, where there is one.

    Parameters
    ----------
    hits : sequence of Hit
        Best first, repeats folded.
    present : callable
        Ids → the memories of those that are there: versions that are no hits are looked up.
    """
    here = {hit.id: hit for hit in hits}
    said = {_said(hit.memory): hit for hit in reversed(hits) if hit.memory.superseded_by is None}
    newer: dict[int, Hit] = {}
    for hit in hits:
        memory: Memory | None = hit.memory
        while memory is not None and (id_ := memory.superseded_by) is not None:
            memory = here[id_].memory if id_ in here else present([id_]).get(id_)
            if id_ in here:
                newer[hit.id] = here[id_]
            elif memory is not None and _said(memory) in said:
                newer[hit.id] = said[_said(memory)]
    return newer


def _said(memory: Memory) -> tuple[str, str | None]:
    return gist(memory.text or ""), memory.source


def pack(
    hits: Sequence[Hit],
    tokens: int,
    *,
    newer: Mapping[int, Hit] | None = None,
    count: Count = in_tokens,
    short: float = SHORT,
    cut_to: int = EXCERPT,
) -> Packed:
    """Choose what fits, the best first, and write it down in order of time.

    Parameters
    ----------
    hits : sequence of Hit
        Best first, repeats folded.
    tokens : int
        The budget.
    newer : mapping of int to Hit, optional
        As `newer_of` returns it: what was superseded stands on no page without that.
    count : callable
        Text → tokens.
    short : float
        Tokens up to which length is no drawback.
    cut_to : int
        Words of the excerpt of a long one that does not fit; 0: it is left out.

    Notes
    -----
    Neighbours of a good hit are not put in for being neighbours: recall's own channel has weighed them, and putting them in
    for that alone cost as much evidence as it brought. Tried and not better: score by length alone (short turns win,
    and say little), excerpts of everything long (the evidence is then rarely there in full).
    """
    page, left, newer = _Page(count), float(tokens), newer or {}
    lines = {hit.id: _line(hit, newer.get(hit.id), count) for hit in hits}
    for line in sorted(lines.values(), key=lambda line: -line.hit.score / max(1.0, line.length / short) ** 0.5):
        later = newer.get(line.id)
        for one in (line,) if later is None else (lines[later.id], line):
            cost = page.put(one, left)
            if not cost and (one.length > SHORT or one is not line) and 0 < cut_to < left:
                cost = page.put(_line(one.hit, newer.get(one.id), count, cut_to), left)
            left -= cost
            if one.id not in page:
                break
    return page.packed(tokens)


class _Page:
    """Lines in order of time while they are chosen."""

    def __init__(self, count: Count) -> None:
        self._count, self._lines = count, list[_Line]()
        self._chosen = list[_Line]()
        self._ids = set[int]()

    def __contains__(self, id_: int) -> bool:
        return id_ in self._ids

    def put(self, line: _Line, left: float) -> float:
        """Put a line in where its time is, if it costs no more than is left; return what it costs, 0 where it is not, or was."""
        if line.length > left or line.id in self._ids:
            return 0.0
        at = bisect_left(self._lines, (line.at, line.id))
        before = self._lines[at - 1] if at else None
        after = self._lines[at] if at < len(self._lines) else None
        cost = line.length + self._count(_head(before, line))
        if after is not None:
            cost += self._count(_head(line, after)) - self._count(_head(before, after))
        if cost > left:
            return 0.0
        self._lines.insert(at, line)
        self._chosen.append(line)
        self._ids.add(line.id)
        return cost

    def packed(self, tokens: int) -> Packed:
        """Write the page; a tokenizer may count more for the whole than for its lines: then the last ones go."""
        while self._count(text := self._written()) > tokens and self._lines:
            self._lines.remove(self._chosen.pop())
        return Packed(
            text, tuple(line.hit for line in self._lines), frozenset(line.id for line in self._lines if line.cut)
        )

    def _written(self) -> str:
        told, before = list[str](), None
        for line in self._lines:
            if head := _head(before, line):
                told += ["", head] if told else [head]
            told.append(line.text)
            before = line
        return "\n".join(told)


def _head(before: _Line | None, line: _Line) -> str:
    """Return what stands above a line: day and time, the time alone within a day, nothing soon after the one before."""
    at = line.at
    if before is None or before.at.date() != at.date() or before.at.utcoffset() != at.utcoffset():
        return f"{_DAYS[at.weekday()]} {at.date().isoformat()} {at:%H:%M}"
    return f"{at:%H:%M}" if at - before.at > _GAP else ""


def _line(hit: Hit, newer: Hit | None, count: Count, room: int = 0) -> _Line:
    """Write a memory down in one line; further lines of its text are set in, so that none passes for another memory."""
    memory = hit.memory
    what = memory.text or " ".join(memory.tags) or f"<{memory.kind or 'payload'}>"
    cut = bool(room) and n_words(what) > room
    if cut:
        what = excerpt(what, hit.why.matched, room)
    who = f" {' '.join(memory.source.split())}:" if memory.source else ""
    text = f"[{memory.id}]{who} " + "\n  ".join(filter(None, map(str.rstrip, what.strip().splitlines())))
    text += _remark(hit, newer)
    return _Line(memory.at, memory.id, text, hit, cut, count(text))


def _remark(hit: Hit, newer: Hit | None) -> str:
    memory = hit.memory
    told = [f"{1 + hit.n_repeats} times"] if hit.n_repeats else []
    if memory.superseded_by is not None:
        told.append(f"replaced by [{memory.superseded_by if newer is None else newer.id}]")
    if memory.layer in _INFERRED:
        told.append(memory.layer)
    return f" ({', '.join(told)})" if told else ""
