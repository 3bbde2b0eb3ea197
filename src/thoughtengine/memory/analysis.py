"""Text to terms: words, stems and 64-bit hashes, the same on every machine; no vocabulary is kept, so an erased word is gone."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from typing import TypeVar

import Stemmer

__all__ = ["ANALYSIS", "FUNCTION_WORDS", "LABELS", "TAGS", "TERMS", "Memo", "fold_text", "name_term", "stem", "words"]

ANALYSIS = f"words 1, snowball english {Stemmer.version()}"
"""What turns text into terms; entries made by another analysis are derived again."""

_FUNCTION_WORDS = """
a about after all am an and any are as at be because been before but by can could did do does for from had has
have he her him his how i if in into is it its me my no not of on or our she so some than that the their them
then there these they this to up us was we were what when where which who whom why will with would you your
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English words that hold a question together and say little about what is asked; they count, but less than their rarity."""

_LONGEST = 64  # characters of a word that count

_MARKS = (  # combining marks, which belong to the letter before them
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0711\u0730-\u074a"
    r"\u0900-\u0963\u0966-\u0dff\u1ab0-\u1aff"
)
_UNSPACED = (  # Thai, Lao, Tibetan, Burmese, Khmer, Hangul, kana, Han
    r"\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_PLAIN_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_WIDE_WORD = rf"(?:[^\W_]|[{_MARKS}{_UNSPACED}])+(?:'(?:[^\W_]|[{_MARKS}])+)*"
_RUN = rf"[{_UNSPACED}]+|[^{_UNSPACED}]+"
_IS_UNSPACED = rf"[{_UNSPACED}]"
_IS_IDEOGRAM = "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"

_compiled = cache(re.compile)  # when first needed: the wide ones take longer to compile than a small mind to open

_stem_word = Stemmer.Stemmer("english", 0).stemWord
_stemming = threading.Lock()  # a Snowball stemmer has one buffer

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memo(dict[Key, Value]):
    """A bounded memo of a pure function: a dict that computes what is missing and starts over when it is full.

    Parameters
    ----------
    function : callable
        Pure, of one hashable argument.
    size : int
        Entries it holds at most.

    Examples
    --------
    >>> squares = Memo(lambda n: n * n, 100)
    >>> squares[4], len(squares)
    (16, 1)
    """

    def __init__(self, function: Callable[[Key], Value], size: int) -> None:
        super().__init__()
        self._function, self._size = function, size

    def __missing__(self, key: Key) -> Value:
        if len(self) >= self._size:
            self.clear()
        value = self[key] = self._function(key)
        return value


def fold_text(text: str) -> str:
    """Return `text` without differences of case, width and composition, apostrophes straight.

    Examples
    --------
    >>> fold_text("Ｓtraße’s")
    "strasse's"
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.replace("\u2019", "'")


def words(folded: str) -> list[str]:
    """Split folded text into words; scripts without spaces give pairs of characters, ideograms also singly.

    Parameters
    ----------
    folded : str
        What `fold_text` returned.

    Examples
    --------
    >>> words("dana's tea, 3 cups")
    ["dana's", 'tea', '3', 'cups']
    >>> words("お茶")
    ['茶', 'お茶']
    """
    if folded.isascii():
        return _PLAIN_WORD.findall(folded)
    found: list[str] = _compiled(_WIDE_WORD).findall(folded)
    if not _compiled(_IS_UNSPACED).search(folded):
        return found
    return [part for word in found for run in _compiled(_RUN).findall(word) for part in _parts(run)]


def _parts(run: str) -> list[str]:
    if len(run) == 1 or not _compiled(_IS_UNSPACED).match(run):
        return [run]
    return _compiled(_IS_IDEOGRAM).findall(run) + [run[i : i + 2] for i in range(len(run) - 1)]


def stem(word: str) -> str:
    """Return the English Snowball stem of a folded word; other languages lose little by it.

    Examples
    --------
    >>> stem("hiking"), stem("dana's")
    ('hike', 'dana')
    """
    with _stemming:
        stemmed: str = _stem_word(word[:_LONGEST])
    return stemmed


def name_term(namespace: str, name: str) -> int:
    """Return the 64-bit hash of a name in a namespace (BLAKE2b, the first eight bytes, little-endian).

    Examples
    --------
    >>> name_term("#", "work") == name_term("@", "work")
    False
    """
    return int.from_bytes(
        blake2b((namespace + name).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


TERMS: Memo[str, int] = Memo(lambda word: name_term("", stem(word)), 1 << 16)
"""Word → hash of its stem: its identity in the index of texts."""

LABELS: Memo[str, int] = Memo(lambda word: name_term("@", stem(word)), 1 << 14)
"""Word → hash of its stem as it stands in sources, tags and dates: never equal to that of a text."""

TAGS: Memo[str, int] = Memo(lambda tag: name_term("#", tag), 1 << 14)
"""Tag → the hash under which the index lists the memories that bear exactly this tag."""
