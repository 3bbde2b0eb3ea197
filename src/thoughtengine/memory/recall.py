"""Recall: a cue goes in, the best memories come out, each with its reasons; looking changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

import attrs
import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory import arrays
from thoughtengine.memory.channels import CHANNELS, ask, columns
from thoughtengine.memory.experience import Memory
from thoughtengine.memory.view import View
from thoughtengine.memory.where import Where, parse_time

__all__ = ["Cue", "Hit", "Ranking", "Recall", "Why", "rank"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def _text(cue: Cue, attribute: Any, value: object) -> None:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise InvalidArgumentError("text", value, "a string that is more than white space")


def _episode(cue: Cue, attribute: Any, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise InvalidArgumentError("episode", value, "a string")


def _moment(value: Any) -> dt.datetime | None:
    if value is None:
        return None
    parse_time("at", value)
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value


def _vector(value: Any) -> SingleArray | None:
    if value is None:
        return None
    try:
        vector = np.array(value, dtype=np.float32)
    except (TypeError, ValueError):
        vector = np.empty(0, np.float32)
    if vector.ndim != 1 or not len(vector) or not np.isfinite(vector).all():
        raise InvalidArgumentError("vector", value, "a flat sequence of finite numbers")
    vector.flags.writeable = False
    return vector


@attrs.frozen
class Cue:
    """What recall is asked with; at least one part.

    Parameters
    ----------
    text : str, optional
        A question or any words.
    vector : array of numbers, shape (d,), optional
        Of the same encoder as the memories' vectors.
    at : datetime or str, optional
        A moment the memory should be close to, and what "yesterday" in the text is relative to; aware, or ISO 8601 text
        with offset.
    episode : str, optional
        Prefer memories of this episode.

    Raises
    ------
    InvalidArgumentError
        For an empty cue, a wrong type, a naive time, or a vector that is not flat and finite.

    Examples
    --------
    >>> Cue("what does Dana drink?").text
    'what does Dana drink?'
    """

    text: str | None = attrs.field(default=None, validator=_text)
    vector: SingleArray | None = attrs.field(
        default=None, converter=_vector, kw_only=True, eq=attrs.cmp_using(eq=np.array_equal)
    )
    at: dt.datetime | None = attrs.field(default=None, converter=_moment, kw_only=True)
    episode: str | None = attrs.field(default=None, validator=_episode, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.text is None and self.vector is None and self.at is None and self.episode is None:
            raise InvalidArgumentError("cue", None, "a text, a vector, a moment or an episode")


class Why(Mapping[str, float]):
    """Why a memory was found: channel → share; the shares add up to the score."""

    __slots__ = ("_memory", "_shares", "_words")

    def __init__(self, shares: Mapping[str, float], *, words: Sequence[str] = (), memory: Memory | None = None) -> None:
        self._shares, self._words, self._memory = dict(shares), tuple(words), memory

    def __getitem__(self, channel: str) -> float:
        return self._shares[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shares)

    def __len__(self) -> int:
        return len(self._shares)

    def __repr__(self) -> str:
        return f"Why({self._shares!r})"

    def __str__(self) -> str:
        return "; ".join(f"{channel} {share:.2f}" for channel, share in self._shares.items())


@attrs.frozen
class Hit:
    """One memory that a recall found.

    Attributes
    ----------
    memory : Memory
        The memory.
    score : float
        Sum of the shares, above 0; compare within one recall.
    why : Why
        Channel → share of the score, and a sentence as `str`.
    n_repeats : int
        Exact repeats of it that were folded into it.
    """

    memory: Memory
    score: float
    why: Why
    n_repeats: int = 0

    @property
    def id(self) -> int:
        """Id of the memory."""
        return self.memory.id

    @property
    def text(self) -> str | None:
        """Text of the memory."""
        return self.memory.text

    @property
    def at(self) -> dt.datetime:
        """When it happened."""
        return self.memory.at

    @property
    def source(self) -> str | None:
        """Who or what it came from."""
        return self.memory.source


@attrs.frozen(eq=False)
class Recall(Sequence[Hit]):
    """What a recall found, best first.

    Attributes
    ----------
    id : str
        Name of this recall.
    hits : tuple of Hit
        Best first.
    n_candidates : int
        Memories that had a score.
    seconds : float
        How long it took.
    cue : Cue
        What was asked.
    n_memories : int
        Memories there are.
    """

    id: str
    hits: tuple[Hit, ...]
    n_candidates: int
    seconds: float
    cue: Cue
    n_memories: int = 0

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, index: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[index]

    def __repr__(self) -> str:
        return f"<Recall {self.id}: {len(self.hits)} of {self.n_candidates} candidates in {1e3 * self.seconds:.2f} ms>"

    def __str__(self) -> str:
        if not self.hits:
            return f"nothing found among {self.n_memories} memories"
        return "\n".join(f"{hit.memory} ({hit.score:.2f}: {hit.why})" for hit in self.hits)


class Ranking(NamedTuple):
    """The best memories for a cue, before they are loaded.

    Attributes
    ----------
    ids : array of int64, shape (m,)
        Best first, m ≤ k.
    scores : array of float64, shape (m,)
        Sums of the shares.
    shares : array of float64, shape (m, c)
        By channel.
    channels : tuple of str
        Names of the columns of `shares`.
    n_repeats : array of int64, shape (m,)
        Repeats folded into each.
    n_candidates : int
        Memories with a score.
    words : tuple of str
        Distinct words of the cue.
    """

    ids: IntArray
    scores: FloatArray
    shares: FloatArray
    channels: tuple[str, ...]
    n_repeats: IntArray
    n_candidates: int
    words: tuple[str, ...] = ()


def rank(
    view: View, cue: Cue, vector: SingleArray | None, where: Where, *, k: int, now_us: int, config: RecallConfig
) -> Ranking:
    """Find the best memories for a cue.

    Parameters
    ----------
    view : View
        The index as it stands.
    cue : Cue
        What is asked.
    vector : array of float32 or None
        Vector of the cue, of the encoder's or its own.
    where : Where
        Which memories may be found.
    k : int
        How many at most.
    now_us : int
        Microseconds since 1970.
    config : RecallConfig
        Weights and switches.
    """
    chosen = view.matching(where, now_us)
    at = None if cue.at is None else parse_time("at", cue.at)
    question = ask(view, cue.text, vector, at, cue.episode, now_us)
    table = view.admitted(where)
    visible = None
    if any(n and not table[state] for state, n in enumerate(view.states)):
        visible = table[view.columns.state[: view.n]]
    made = columns(view, question, visible, config)
    shares = np.zeros((len(CHANNELS), view.n))
    for i, channel in enumerate(CHANNELS):
        if channel in made:
            shares[i] = made[channel]
    allowed = np.ones(view.n, np.bool_)
    if chosen is not None:
        allowed[:] = False
        allowed[chosen] = True
    shares *= allowed
    _lift(view, shares, allowed)
    scores = shares.sum(axis=0)
    places, repeats = _folded(view, scores, k)
    return Ranking(
        view.ids[places], scores[places], shares[:, places].T, CHANNELS, repeats, int((scores > 0.0).sum()), question.words
    )


def _lift(view: View, shares: FloatArray, allowed: Any) -> None:
    """Give each revision at least the score of what it replaced."""
    successors = view.columns.successor[: view.n]
    for old in np.flatnonzero(successors):
        new = view.position(int(successors[old]))
        if new is not None and allowed[new] and allowed[old]:
            missing = shares[:, old].sum() - shares[:, new].sum()
            if missing > 0.0:
                shares[-1, new] += missing


def _folded(view: View, scores: FloatArray, k: int) -> tuple[IntArray, IntArray]:
    order = arrays.best(scores, view.n)
    seen: dict[int, int] = {}
    kept: list[int] = []
    repeats: list[int] = []
    for place in order.tolist():
        fold = int(view.columns.fold[place])
        if fold and fold in seen:
            if seen[fold] >= 0:
                repeats[seen[fold]] += 1
            continue
        seen[fold] = len(kept) if len(kept) < k else -1
        if len(kept) < k:
            kept.append(place)
            repeats.append(0)
    return np.array(kept, np.int64), np.array(repeats, np.int64)
