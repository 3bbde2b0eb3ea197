"""Alike: when two texts say the same, so that recall folds them; never where a number, date, name or negation differs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from thoughtengine.memory.index.analysis import fold_text, terms_of_text
from thoughtengine.memory.index.languages import is_plain

__all__ = ["are_alike", "gist"]

_FILLER_WORDS = """
a an the and ah eh hm hmm oh uh hey hi hello ok okay please just really very quite well so actually basically literally
simply honestly frankly anyway
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
"""English words without which a text says the same; no pronoun, preposition, verb, conjunction of choice or measure."""

_NOT = {"can't": "can not", "cannot": "can not", "won't": "will not", "shan't": "shall not", "ain't": "is not"}
_SHORT = {"'m": " am", "'re": " are", "'ve": " have", "'ll": " will"}
_IS = frozenset({"it's", "he's", "she's", "that's", "what's", "who's", "where's", "there's", "here's", "how's"})
_SIGNS = (
    r"(?<![^\w\s])[^\w\s]*\d(?:\S*\d)?[%°‰€$£¥]?"  # numbers with their signs, from the first one on, points and currency
    r"|[?؟？;]|[:;=]-?[()\[\]/\\|<>]"  # a question; faces
    r"|[\u2190-\u2bff\U0001f000-\U0001faff]"  # arrows, symbols, emoji
)
_MAY_SIGN = r"[\d?؟？;:=\u2190-\u2bff\U0001f000-\U0001faff]"
_MAY_SIGN_PLAIN = "[0-9?:;=]"  # of plain text: a small set is looked for four times as fast
_compiled = cache(re.compile)  # when first needed: a third of a millisecond each
_OPEN = "([{<\"'«“„"


def gist(folded: str, found: Sequence[str], language: str) -> str:
    """Return what a text says without punctuation, fillers and contractions: equal for texts that are alike.

    Parameters
    ----------
    folded : str
        The text, folded.
    found : sequence of str
        Its words, in order.
    language : str
        Code of its language; fillers and contractions are English.

    Examples
    --------
    >>> text = "well, i'm at the harbour"
    >>> gist(text, ["well", "i'm", "at", "the", "harbour"], "")
    'i am at harbour'
    """
    words = found
    if not language:
        if "'" in folded or "cannot" in folded:
            words = [
                p for word in found for p in (_whole(word).split() if "'" in word or word == "cannot" else (word,))
            ]
        words = [word for word in words if word not in _FILLERS] or found
    signs = [sign.lstrip(_OPEN) for sign in _signs(folded)]
    return " ".join(words) + ("\0" + " ".join(signs) if signs else "") if words else " ".join(folded.split())


def _signs(folded: str) -> list[str]:
    """Return the signs of a text: each holds one of `_MAY_SIGN`, so nothing is in front of the word with the first of these."""
    first = _compiled(_MAY_SIGN_PLAIN if is_plain(folded) else _MAY_SIGN).search(folded)
    return _compiled(_SIGNS).findall(folded, folded.rfind(" ", 0, first.start()) + 1) if first else []


def _whole(word: str) -> str:
    """Return a word without its contraction; "'d" may be "had" or "would" and stays."""
    if word in _NOT:
        return _NOT[word]
    if word.endswith("n't"):
        return f"{word[:-3]} not"
    if word in _IS:
        return f"{word[:-2]} is"
    stem, mark, end = word.rpartition("'")
    return stem + _SHORT[mark + end] if mark + end in _SHORT else word


def are_alike(one: str, other: str) -> bool:
    """Tell whether two texts of one source say the same.

    Examples
    --------
    >>> are_alike("I'm at the harbour.", "well, I am at the harbour"), are_alike("Met Dana.", "Met Diana.")
    (True, False)
    """
    return _gist_of(one) == _gist_of(other)


def _gist_of(text: str) -> str:
    folded = fold_text(text)
    found, _, language = terms_of_text(folded)
    return gist(folded, found, language)
