"""Alike: when two texts say the same, so that recall folds them; what may carry meaning keeps them apart."""

from __future__ import annotations

import re
import unicodedata
from functools import partial

from thoughtengine.memory.index.analysis import Memo, fold_text, terms_of_text

__all__ = ["are_alike", "gist"]

_DEGREES = frozenset({"actually", "basically", "frankly", "honestly", "literally", "really", "very"})
"""Words that say nothing but behind a negation: "not really"."""

_NOT = {"can't": "can not", "cannot": "can not", "won't": "will not", "shan't": "shall not", "ain't": "is not"}
_SHORT = {"'m": " am", "'re": " are", "'ve": " have", "'ll": " will"}
_IS = frozenset({"it's", "he's", "she's", "that's", "what's", "who's", "where's", "there's", "here's", "how's"})

_QUOTES, _STOPS = "\"'“„«»‘¿¡「", ".,…。、，،۔।“”»」"  # before anything, and behind anything, they say nothing
_OPENS, _ENDS = _QUOTES + "([{（", _STOPS + '!:")]}–—！：）'  # the same beside a word
_ALONE = _STOPS + "–—"
_FACE = re.compile(r"[:;=]-?[()\[\]/\\|<>]")
_QUESTIONS = "?؟？;"
_AFTER_I = ("", " ", "'")
_DEGREE = re.compile(r"(?<! not)(?<! never)\t\w+", re.IGNORECASE)
_LONGEST = 64  # characters of what is kept in memory


def gist(text: str, language: str) -> str:
    """Return what a text says without plain punctuation and contractions: equal for texts that are alike.

    Parameters
    ----------
    text : str
        As it was remembered.
    language : str
        Code of its language; contractions are English.

    Notes
    -----
    Whatever may make another fact of it stays: signs beside a letter or a number, the case of all but the first word.
    Costs two microseconds for 20 words: what each of them comes to is kept.

    Examples
    --------
    >>> gist("I'm at the harbour.", "")
    ' i am at the harbour'
    >>> gist("Blood type: A-, not O+.", ""), gist("The US Army", "")
    (' blood type A- not O+', ' the US Army')
    """
    first, later = _OPENING[not language], _LATER[not language]
    tokens = text.split()
    said = "".join([*map(first.__getitem__, tokens[:1]), *map(later.__getitem__, tokens[1:])])
    if "\t" in said:
        said = _DEGREE.sub("", said).replace("\t", " ")
    if said:
        return said
    said = " ".join(tokens).lower()  # punctuation alone
    return " " + (said.strip(_ENDS) or said)


def _opening(token: str, *, is_english: bool) -> str:
    """Return what the first word of a text comes to: its case says nothing, unless it is that of an acronym."""
    rest = token.lstrip(_OPENS)[1:]
    word = token.lower() if rest == rest.lower() else token
    return _later(word, is_english=is_english)


def _later(token: str, *, is_english: bool) -> str:
    """Return what a word comes to, a space before it; a tab before a word of degree."""
    word, asked = token, ""
    if not (token.isascii() and token.isalpha()):
        token = unicodedata.normalize("NFC", token).replace("\u2019", "'").replace("\u00ad", "")
        if _FACE.search(token):
            return " " + token
        token = token.rstrip('"”“»」') if token[:-1].endswith(tuple(_QUESTIONS)) else token
        word = token.rstrip(_QUESTIONS)
        word, asked = _bare(word), token[len(word) :]
    if is_english and not asked and word in _DEGREES:  # not with a capital, which makes it a name: Love Actually
        return "\t" + word
    if is_english:
        word = _whole(word) if "'" in word or word == "cannot" else word
        word = "i" + word[1:] if word[:1] == "I" and word[1:2] in _AFTER_I else word
    return (word and " " + word) + (asked and " " + asked)


def _bare(token: str) -> str:
    """Return a token without the punctuation at its ends; beside a sign, a number or a single letter most of it stays."""
    inner = token.lstrip(_OPENS).rstrip(_ENDS)
    if not inner:
        return token.strip(_ALONE) and token
    token = token.lstrip(_OPENS if _are_letters(inner[:2]) else _QUOTES)
    quoted = token.endswith('"') and token[-2:-1] in _STOPS  # 'at 6."', but 'it is 6"'
    return token.rstrip(_ENDS if quoted or _are_letters(inner[:-3:-1]) else _STOPS)


def _are_letters(pair: str) -> bool:
    """Tell whether the outer two characters of a word are of letters, the second perhaps an apostrophe or hyphen."""
    letters = pair.rstrip("'-")
    return len(pair) == 2 and letters != "" and all(unicodedata.category(mark)[0] in "LM" for mark in letters)


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


class _Short(Memo[str, str]):
    """A memo that keeps short words alone: without spaces a text may be one long word."""

    def __missing__(self, key: str) -> str:
        return super().__missing__(key) if len(key) <= _LONGEST else self._function(key)


_OPENING = [_Short(partial(_opening, is_english=is_english), 1 << 12) for is_english in (False, True)]
_LATER = [_Short(partial(_later, is_english=is_english), 1 << 15) for is_english in (False, True)]


def are_alike(one: str, other: str) -> bool:
    """Tell whether two texts of one source say the same.

    Examples
    --------
    >>> are_alike("I'm at the harbour.", "I am at the harbour"), are_alike("Met Dana.", "Met Diana.")
    (True, False)
    """
    return _gist_of(one) == _gist_of(other)


def _gist_of(text: str) -> str:
    return gist(text, terms_of_text(fold_text(text))[2])
