"""Experience and memory: what the host hands in, and what the mind gives back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import attrs

from thoughtengine.checks import real

__all__ = ["HAPPENED", "LAYERS", "Affect", "Experience", "Memory"]

LAYERS = ("sensory", "emotion", "logic", "dream", "eternal")
"""The five layers, in the order of their codes on disk."""
HAPPENED = frozenset((LAYERS.index("sensory"), LAYERS.index("eternal")))
"""Codes of those that hold what happened; the others hold what was inferred from it."""


@attrs.frozen
class Affect:
    """How an experience felt: the circumplex model of Russell (1980).

    Parameters
    ----------
    valence : float
        Pleasantness in [-1, 1].
    arousal : float
        Activation in [0, 1].

    Raises
    ------
    InvalidArgumentError
        For a value that is no number, not finite or out of range.

    Examples
    --------
    >>> Affect(0.8, 0.3)
    Affect(valence=0.8, arousal=0.3)
    """

    valence: float = attrs.field(default=0.0)
    arousal: float = attrs.field(default=0.0)

    def __attrs_post_init__(self) -> None:
        for name, low in (("valence", -1.0), ("arousal", 0.0)):
            object.__setattr__(self, name, real(name, getattr(self, name), low, 1.0))


@attrs.frozen(kw_only=True)
class Experience:
    """One thing that happened, as `ThoughtEngine.remember_many` takes it; every field as in `ThoughtEngine.remember`.

    Nothing is checked here: the mind checks when it takes the experience in.

    Examples
    --------
    >>> Experience(text="Tea only now.", source="Dana").source
    'Dana'
    """

    text: str | None = None
    key: str | None = None
    at: dt.datetime | str | None = None
    source: str | None = None
    tags: Iterable[str] = ()
    episode: str | None = None
    affect: Affect | None = None
    vector: Any = attrs.field(default=None, eq=attrs.cmp_using(eq=lambda a, b: a is b))
    payload: Any = None
    kind: str | None = None
    layer: str = "sensory"
    derived_from: Iterable[int] = ()


@attrs.frozen(kw_only=True)
class Memory:
    """One memory, as it was remembered, with what the mind knows about it.

    Attributes
    ----------
    id : int
        Grows with arrival.
    key : str or None
        The host's own name for it.
    layer : str
        One of ``"sensory"``, ``"emotion"``, ``"logic"``, ``"dream"``, ``"eternal"``; a pinned one is eternal.
    text : str or None
        What was said or seen.
    at : datetime.datetime
        When it happened, aware, with the offset it was given with.
    source : str or None
        Who or what it came from.
    tags : tuple of str
        In the order they were given.
    episode : str or None
        The run of experiences it belongs to.
    affect : Affect or None
        How it felt, as far as the host told.
    surprise : float or None
        In bits; None where nothing judged it.
    salience : float
        In [0, 1]; 0.5 is neutral.
    payload : object
        The host's own data: a tree of str, int, float, bool, bytes, None, list and dict.
    kind : str or None
        The host's name for the type of the payload.
    strength : float
        Retrievability in (0, 1] now, see `thoughtengine.memory.strength`.
    derived_from : tuple of int
        The memories it was made from.
    superseded_by : int or None
        The revision that took its place.
    """

    id: int
    key: str | None
    layer: str
    text: str | None
    at: dt.datetime
    source: str | None
    tags: tuple[str, ...]
    episode: str | None
    affect: Affect | None
    surprise: float | None
    salience: float
    payload: Any = attrs.field(hash=False)
    kind: str | None
    strength: float
    derived_from: tuple[int, ...]
    superseded_by: int | None

    def __str__(self) -> str:
        who = f" {self.source}:" if self.source else ""
        what = self.text or " ".join(self.tags) or f"<{self.kind or ('vector' if self.payload is None else 'payload')}>"
        return f"[{self.id}] {self.at:%Y-%m-%d %H:%M} {' '.join(f'{who} {what}'.split())}"

    def __repr__(self) -> str:
        shown = [f"id={self.id}", f"layer={self.layer!r}", f"at={self.at.isoformat()!r}"]
        text = self.text if self.text is None or len(self.text) <= 80 else self.text[:77] + "..."
        for name, value in (("source", self.source), ("key", self.key), ("text", text), ("tags", self.tags or None)):
            if value is not None:
                shown.append(f"{name}={value!r}")
        if self.superseded_by is not None:
            shown.append(f"superseded_by={self.superseded_by}")
        return f"Memory({', '.join(shown)})"
