"""Excerpt: the sentences of a long text that a cue is about, and how long a text is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from thoughtengine.memory.index.analysis import FUNCTION_WORDS, TERMS, fold_text, words

__all__ = ["SENTENCE_END", "excerpt", "n_words"]

_UNSPACED = r"\u0e00-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"  # here a character counts as a word
_WIDE = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
SENTENCE_END = re.compile(r"(?<=[!?])\s+|(?<=\w\w\w\.)\s+|(?<=[。！？])|(?<!\s)\s*\n\s*")  # not behind "Mr." and "p.m."
_PIECE = 1 << 16  # characters from which on a sentence is taken apart
_FAINT = 0.05  # what a word such as "the" weighs beside the rarest


def n_words(text: str) -> int:
    """Return how many words a text has: pieces between white space; in scripts without spaces, characters.

    Examples
    --------
    >>> n_words("Tea only now."), n_words("お茶だけ")
    (3, 4)
    """
    return len(text.split()) if text.isascii() else len(_WIDE.findall(text))


def excerpt(text: str, matched: Sequence[str], room: int) -> str:
    """Cut a text down to the sentences that say most of what is asked for; "…" stands where something was left out.

    Parameters
    ----------
    text : str
        Of more than `room` words.
    matched : sequence of str
        Words of the cue that occur in it, the rarest first.
    room : int
        Words of the excerpt at most, "…" not counted; at least 1.

    Examples
    --------
    >>> excerpt("We met at noon. The tea was green. Then it rained for hours.", ["tea"], 5)
    '… The tea was green. …'
    """
    sentences = list(_pieces(text))
    weights: dict[int, float] = {}
    for rank, word in enumerate(matched):
        weights.setdefault(TERMS[word], _FAINT if word in FUNCTION_WORDS else 1.0 / (1.0 + rank))
    said = [{TERMS[word] for word in words(fold_text(piece))} & weights.keys() for piece in sentences]
    chosen = _chosen(sentences, said, weights, room)
    if not chosen:
        first = max(range(len(sentences)), key=lambda i: sum(weights[term] for term in said[i]))
        return _window(sentences[first], weights, room, at_start=first == 0)
    return _joined(sentences, chosen)


def _pieces(text: str) -> Iterator[str]:
    """Return the sentences of a text; of one that is very long, parts that end with a word where they can."""
    for sentence in SENTENCE_END.split(text):
        start = 0
        while len(sentence) - start > _PIECE:
            stop = sentence.rfind(" ", start + 1, start + _PIECE) + 1 or start + _PIECE
            yield sentence[start:stop]
            start = stop
        if start < len(sentence):
            yield sentence[start:]


def _chosen(sentences: Sequence[str], said: Sequence[set[int]], weights: dict[int, float], room: int) -> list[int]:
    """Return which sentences fit and say, one after the other, most that was not said yet; the first ones where none do."""
    if not any(said):
        return _first(sentences, room)
    best = max(sum(weights[term] for term in terms) for terms in said)
    chosen, left, covered = list[int](), room, set[int]()
    open_ = {i: n_words(sentences[i]) for i, terms in enumerate(said) if terms}
    while True:
        open_ = {i: n for i, n in open_.items() if n <= left and not said[i] <= covered}  # no other will ever do
        gains = {i: sum(weights[term] for term in said[i] - covered) for i in open_}
        at = max(gains, key=lambda i: (gains[i], -i), default=None)
        if at is None or (not chosen and gains[at] < 0.5 * best):
            return sorted(chosen)
        chosen.append(at)
        left -= open_[at]
        covered |= said[at]


def _first(sentences: Sequence[str], room: int) -> list[int]:
    """Return the first sentences that fit."""
    chosen, left = list[int](), room
    for i, n in enumerate(map(n_words, sentences)):
        if n <= left:
            chosen.append(i)
            left -= n
    return chosen


def _window(sentence: str, weights: dict[int, float], room: int, *, at_start: bool) -> str:
    """Return `room` words of a sentence that is too long, around those of the cue."""
    parts = list(_WIDE.finditer(sentence))
    worth = [max((weights.get(TERMS[word], 0.0) for word in words(fold_text(part[0]))), default=0.0) for part in parts]
    starts = range(max(1, len(parts) - room + 1))
    start = max(starts, key=lambda i: (sum(worth[i : i + room]), -i))
    peak = max(range(start, min(start + room, len(parts))), key=lambda i: worth[i])
    start = min(max(0, peak - room // 2), starts[-1])
    cut = sentence[parts[start].start() : parts[min(start + room, len(parts)) - 1].end()]
    return f"{'' if at_start and start == 0 else '… '}{cut} …"


def _joined(sentences: Sequence[str], chosen: Sequence[int]) -> str:
    told, after = "", -1
    for at in chosen:
        told += (" " if told else "") if at == after + 1 else "… " if not told else " … "
        told += sentences[at]
        after = at
    return told if after == len(sentences) - 1 else f"{told} …"
