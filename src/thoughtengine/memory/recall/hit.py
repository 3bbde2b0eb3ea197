"""Cue, Why, Hit: what recall is asked with, and one memory that it found, with its reasons."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from thoughtengine._types import SingleArray
from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.experience import Memory
from thoughtengine.memory.index.analysis import LABELS, fold_text, terms_of_cue, terms_of_text, words
from thoughtengine.memory.index.entry import date_words
from thoughtengine.memory.moment import to_stored

__all__ = ["Cue", "Hit", "Why"]

_EPOCH = dt.date(1970, 1, 1).toordinal()
_MATCHED = 0.25  # share of a word that has to be there: all of it, or half of its n-grams
_SHOWN = 3  # words named in a reason
_LONGEST = 16 << 20  # characters of a cue
_LINE = 160  # characters of a text in the printed recall
_TELLING = 0.005  # a share that is not printed as nothing


def _moment(value: Any) -> dt.datetime | None:
    if value is None:
        return None
    to_stored("at", value)
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value


def _vector(value: Any) -> SingleArray | None:
    if value is None:
        return None
    try:
        raw = np.asarray(value)
        if raw.dtype.kind not in "fiu":  # not bool, not text, not objects
            raise TypeError
        if raw.dtype == np.float32:
            vector = raw.copy()
        else:
            with np.errstate(over="ignore"):
                vector = raw.astype(np.float32)
    except (TypeError, ValueError):
        vector = np.empty(0, np.float32)
    square = float(np.vdot(vector, vector)) if vector.ndim == 1 else 0.0  # one look at its numbers tells most often
    if not 0.0 < square < math.inf and (vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any()):
        raise InvalidArgumentError("vector", value, "a flat sequence of finite numbers, not all of them zero")
    vector.flags.writeable = False
    return vector


@attrs.frozen
class Cue:
    """What recall is asked with: at least one part.

    Parameters
    ----------
    text : str, optional
        A question, or any words.
    vector : array of numbers, shape (d,), optional
        Made by the encoder of the memories' vectors.
    at : datetime or str, optional
        A moment to be close to, and what "yesterday" in the text is relative to; aware, or ISO 8601 text with offset.
    episode : str, optional
        Memories of this episode count a little more.

    Raises
    ------
    InvalidArgumentError
        For an empty cue, a wrong type, a naive time, or a vector that is not flat and finite.

    Examples
    --------
    >>> Cue("what does Dana drink?", episode="lunch").episode
    'lunch'
    """

    text: str | None = None
    vector: SingleArray | None = attrs.field(
        default=None, converter=_vector, kw_only=True, eq=attrs.cmp_using(eq=np.array_equal)
    )
    at: dt.datetime | None = attrs.field(default=None, converter=_moment, kw_only=True)
    episode: str | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.text is not None and (not isinstance(self.text, str) or not self.text.strip()):
            raise InvalidArgumentError("text", self.text, "a string that is more than white space")
        if self.text is not None and len(self.text) > _LONGEST:
            raise InvalidArgumentError("text", self.text, f"at most {_LONGEST:,} characters, not {len(self.text):,}")
        if self.episode is not None and (not isinstance(self.episode, str) or not self.episode.strip()):
            raise InvalidArgumentError("episode", self.episode, "a string that is more than white space")
        if self.text is None and self.vector is None and self.at is None and self.episode is None:
            raise InvalidArgumentError("cue", None, "a text, a vector, a moment or an episode")


class Why(Mapping[str, float]):
    """Why a memory was found: channel → share; the shares add up to the score. As `str`, a sentence.

    Parameters
    ----------
    shares : mapping of str to float
        Shares above 0.
    words : sequence of str, optional
        Words of the cue, the rarest first.
    memory : Memory, optional
        Where they are looked for, when the sentence is asked for.
    beside : int, optional
        1 where the match that lent the most comes after the memory, -1 where it comes before, 0 where none did.

    Examples
    --------
    >>> why = Why({"text": 0.5, "neighbours": 0.25}, beside=1)
    >>> sum(why.values()), str(why)
    (0.75, 'words 0.50; just before a match 0.25')
    """

    __slots__ = ("_beside", "_memory", "_shares", "_words")

    def __init__(
        self, shares: Mapping[str, float], *, words: Sequence[str] = (), memory: Memory | None = None, beside: int = 0
    ) -> None:
        self._shares, self._words, self._memory, self._beside = dict(shares), words, memory, beside

    def __getitem__(self, channel: str) -> float:
        return self._shares[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shares)

    def __len__(self) -> int:
        return len(self._shares)

    def __repr__(self) -> str:
        return f"Why({', '.join(f'{channel}={share:.3g}' for channel, share in self._shares.items())})"

    def __str__(self) -> str:
        ordered = sorted(self._shares.items(), key=lambda item: -item[1])
        told = [(channel, share) for channel, share in ordered if share >= _TELLING] or ordered[:1]
        return "; ".join(f"{self._phrase(channel)} {share:.2f}" for channel, share in told)

    def _phrase(self, channel: str) -> str:
        memory = self._memory
        match channel:
            case "text":
                return "words" + _quoted(self.matched)
            case "labels":
                return "source, tags or date" + _quoted(self.labelled)
            case "source":
                return f"from {memory.source}" if memory else "from whom the cue names"
            case "neighbours":
                return {1: "just before a match", -1: "just after a match"}.get(self._beside, "beside a match")
        return _PHRASES.get(channel, channel)

    @property
    def matched(self) -> tuple[str, ...]:
        """Words of the cue that the text has too, the rarest first."""
        if self._memory is None or self._memory.text is None:
            return ()
        _, terms, language = terms_of_text(self._memory.text)
        mine, languages = set(terms), (language,) if language else ()
        shares = {word: [t.share for t in terms_of_cue(word, languages) if t.key in mine] for word in self._words}
        return tuple(word for word, found in shares.items() if sum(found) >= _MATCHED)

    @property
    def labelled(self) -> tuple[str, ...]:
        """Words of the cue that source, tags or date have too, the rarest first."""
        memory = self._memory
        if memory is None:
            return ()
        spoken = list(date_words(memory.at.toordinal() - _EPOCH))
        for name in (*memory.tags, memory.source or ""):
            spoken += words(fold_text(name))
        mine = {LABELS[word] for word in spoken}
        return tuple(word for word in self._words if LABELS[word] in mine)


_PHRASES = {
    "phrase": "word for word",
    "dense": "meaning",
    "dense_weighted": "meaning of the rarer words",
    "associations": "goes with it",
    "feeling": "felt so",
    "strength": "well kept",
    "time": "around that time",
    "episode": "same episode",
    "revision": "replaces a match",
}


def _quoted(found: Sequence[str]) -> str:
    return (" " + ", ".join(f'"{word}"' for word in found[:_SHOWN])) if found else ""


@attrs.frozen(repr=False)
class Hit:
    """One memory that a recall found.

    Attributes
    ----------
    memory : Memory
        The memory.
    score : float
        Sum of the shares, above 0; to be compared within one recall.
    why : Why
        Channel → share of the score; a sentence as `str`.
    n_repeats : int
        Repeats (same source, and the same text but for stops at its end) that were folded into it, but for
        those that were superseded.
    chance : float
        How likely it is to be of use, in [0, 1]: over many hits, that share of them is.
    """

    memory: Memory
    score: float
    why: Why = attrs.field(hash=False)
    n_repeats: int = 0
    chance: float = 0.0

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

    def __repr__(self) -> str:
        return (
            f"Hit(id={self.id}, score={self.score:.3f}, chance={self.chance:.2f}, text={_line(self.text or '', 60)!r})"
        )

    def __str__(self) -> str:
        memory = self.memory
        who = f" {_line(memory.source, _LINE)}:" if memory.source else ""
        what = memory.text or (" ".join(memory.tags) or f"<{memory.kind or 'payload'}>")
        more = f" (and {self.n_repeats} repeats)" if self.n_repeats else ""
        sure = f"  {100 * self.chance:.0f} %" if self.chance else ""
        return f"{memory.at:%Y-%m-%d %H:%M}{who} {_line(what, _LINE)}{more}{sure}  [{self.why}]"


def _line(text: str, longest: int) -> str:
    flat = " ".join(text[: 4 * longest].split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"
