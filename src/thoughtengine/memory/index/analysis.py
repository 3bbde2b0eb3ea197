"""Text to terms: words, stems and 64-bit hashes, the same on every machine; no vocabulary is kept, so an erased word is gone."""

from __future__ import annotations

import re
import struct
import threading
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import Stemmer

from thoughtengine.memory.index.guess import guess
from thoughtengine.memory.index.languages import LANGUAGES, SCRIPT_WORDS, SCRIPTS, is_plain, script_of

__all__ = [
    "ANALYSIS", "FUNCTION_WORDS", "LABELS", "TAGS", "TERMS", "Memo", "Term", "bare", "bounded", "fold_text", "is_unspaced",
    "name_term", "stem", "terms_of_cue", "terms_of_text", "words",
]  # fmt: skip

ANALYSIS = f"words 6, snowball {Stemmer.version()}"
"""What turns text into terms; entries made by another analysis are derived again."""

_FUNCTION_WORDS = """
a about after all am an and any are as at be because been before but by can could did do does for from had has
have he her him his how i if in into is it its me my no not of on or our she so some than that the their them
then there these they this to up us was we were what when where which who whom why will with would you your
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split()) | SCRIPT_WORDS | LANGUAGES["ru"].words | LANGUAGES["ar"].words
"""Words that hold a question together and say little about what is asked; they count, but less than their rarity.

English, Russian, Greek, Arabic, Hindi, Hebrew; those of languages that have to be guessed are in `LANGUAGES`.
"""

_SMALL_WORDS = FUNCTION_WORDS.union(*(language.words for language in LANGUAGES.values()))
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
_SPACED = bytes(code if chr(code) in "abcdefghijklmnopqrstuvwxyz0123456789'" else 32 for code in range(256))
_WIDE_WORD = rf"(?:[^\W_]|[{_MARKS}{_UNSPACED}])+(?:'(?:[^\W_]|[{_MARKS}])+)*"
_RUN = rf"[{_UNSPACED}]+|[^{_UNSPACED}]+"
_IS_UNSPACED = rf"[{_UNSPACED}]"
_IS_IDEOGRAM = "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"

_MOST_MARKS = 30  # combining marks in a row, as in the Stream-Safe Text Format of UAX #15: ordering takes their square
_JOINER = "\u034f"  # the combining grapheme joiner: marks are not moved across it
_LONG_RUN = (  # of characters some of which may be combining marks; every such mark is among them
    r"[^\x00-\u02ff\u0370-\u0482\u048a-\u0590\u0e01-\u0e37\u3041-\u3098\u309b-\ua66e\uac00-\ud7ff]"
    rf"{{{_MOST_MARKS + 1},}}"
)

_STROKES = str.maketrans(  # letters that nothing takes apart, as they are typed where a keyboard lacks them
    {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "œ": "oe", "æ": "ae", "þ": "th"}
)

_compiled = cache(re.compile)  # when first needed: the wide ones take longer to compile than a small mind to open

_KNOWN = frozenset(Stemmer.algorithms())
_stemmer = cache(lambda name: Stemmer.Stemmer(name, 0).stemWord)  # when first needed
_stemming = threading.Lock()  # a Snowball stemmer has one buffer
_NO_STEMMER = frozenset(code for code, language in LANGUAGES.items() if language.snowball not in _KNOWN)
_hasher, _unpacked = blake2b(digest_size=8), struct.Struct("<Q").unpack
_GRAM, _HEBREW_GRAM = 4, 3  # characters; Hebrew roots have three letters
_GRAMS = 0.5  # what all the n-grams of a word weigh, as a share of the word
_TYPED = 0.25  # what the word weighs as it is typed without its accents, where its stem is another then
_UNSTEMMED = re.compile("[\u0590-\u05f4\u0780-\u08ff\u0980-\u0b7f\u0c00-\u0dff\u10a0-\u10ff\u1200-\u137f]")

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


def bounded(text: str) -> str:
    r"""Return `text` with a joiner in every run of more than 30 combining marks: composing it then takes linear time.

    Examples
    --------
    >>> bounded("é"), len(bounded("e" + 70 * "\u0301"))
    ('é', 73)
    """
    return text if text.isascii() else _compiled(_LONG_RUN).sub(_with_joiners, text)


def _with_joiners(run: re.Match[str]) -> str:
    made, n = [], 0
    for mark in run.group():
        n = n + 1 if unicodedata.combining(unicodedata.normalize("NFKD", mark)[0]) else 0
        if n > _MOST_MARKS:
            made.append(_JOINER)
            n = 1
        made.append(mark)
    return "".join(made)


def fold_text(text: str) -> str:
    """Return `text` without differences of case, width and composition, apostrophes straight, soft hyphens gone.

    Examples
    --------
    >>> fold_text("Ｓtraße’s"), fold_text("İZMİR")
    ("strasse's", 'izmir')
    """
    if text.isascii():
        return text.lower()
    text = text.replace("\u00ad", "").replace("№", "#")  # of which NFKC would make "No", a part of the number's word
    folded = unicodedata.normalize("NFKC", bounded(text)).casefold()
    if "\u0307" in folded:
        folded = _compiled("i\u0307+").sub("i", folded)  # İ
    return unicodedata.normalize("NFKC", folded).replace("\u2019", "'")


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
    if is_plain(folded):
        spaced = folded.encode("ascii", "replace").translate(_SPACED).decode()
        if "'" in spaced and any(edge in f" {spaced} " for edge in ("' ", " '", "''")):  # quotes, not apostrophes
            return _PLAIN_WORD.findall(folded)
        return spaced.split()  # five times as fast as looking for them
    found: list[str] = _compiled(_WIDE_WORD).findall(folded)
    if not is_unspaced(folded):
        return found
    return [part for word in found for run in _compiled(_RUN).findall(word) for part in _parts(run)]


def is_unspaced(folded: str) -> bool:
    """Tell whether any of a text is written without spaces between its words, or in Hangul, whose endings are words.

    Examples
    --------
    >>> is_unspaced("tea"), is_unspaced("お茶")
    (False, True)
    """
    return _compiled(_IS_UNSPACED).search(folded) is not None


def _parts(run: str) -> list[str]:
    if len(run) == 1 or not _compiled(_IS_UNSPACED).match(run):
        return [run]
    return _compiled(_IS_IDEOGRAM).findall(run) + [run[i : i + 2] for i in range(len(run) - 1)]


def stem(word: str, language: str = "") -> str:
    """Return the Snowball stem of a folded word; the word itself, or its consonants in Hebrew, where there is no stemmer.

    Parameters
    ----------
    word : str
        Folded.
    language : str
        A code in `LANGUAGES`; empty: that of its script, English for Latin letters.

    Examples
    --------
    >>> stem("hiking"), stem("dana's"), stem("книгами"), stem("küchen", "de")
    ('hike', 'dana', 'книг', 'kuch')
    """
    word = word[:_LONGEST]
    if not language and word.isascii():
        with _stemming:
            plain: str = _stemmer("english")(word)
        return plain
    script = script_of(word)
    name = LANGUAGES[language].snowball if language else SCRIPTS[script]
    if name in _KNOWN:
        with _stemming:
            stemmed: str = _stemmer(name)(word)
        return bare(stemmed) if language and script == "latin" else stemmed
    return bare(word) if script == "hebrew" else word


def bare(word: str) -> str:
    """Return a folded word without accents, strokes, vowel points and dotless i: who types in a hurry leaves them out.

    Examples
    --------
    >>> bare("café"), bare("ışık"), bare("łódź"), bare("cœur")
    ('cafe', 'isik', 'lodz', 'coeur')
    """
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFD", word).translate(_STROKES)
    return unicodedata.normalize("NFC", "".join(part for part in parts if not unicodedata.combining(part)))


def name_term(namespace: str, name: str) -> int:
    """Return the 64-bit hash of a name in a namespace (BLAKE2b, the first eight bytes, little-endian).

    Examples
    --------
    >>> name_term("#", "work") == name_term("@", "work")
    False
    """
    hasher = _hasher.copy()  # in half the time that a new one takes
    hasher.update((namespace + name).encode("utf-8", "surrogatepass"))
    term: int = _unpacked(hasher.digest())[0]
    return term


def _english(word: str) -> str:
    """Return the stem of a word by its script; Latin letters lose their accents, which English texts use or leave out."""
    return stem(word if word.isascii() or script_of(word) != "latin" else bare(word))


TERMS: Memo[str, int] = Memo(lambda word: name_term("", _english(word)), 1 << 16)
"""Word → hash of its stem by the stemmer of its script: its identity in the index of texts."""

_FOREIGN: dict[str, Memo[str, int]] = {
    code: Memo(lambda word, code=code: _foreign(word, code), 1 << 14)  # type: ignore[misc]
    for code in LANGUAGES
}
_PIECES: Memo[str, tuple[int, ...]] = Memo(lambda word: tuple(name_term("~", gram) for gram in _grams(word)), 1 << 14)


def _foreign(word: str, code: str) -> int:
    """Return the hash of a word in a text of a guessed language; of other scripts and numbers the usual one."""
    core = _core(word, code)
    if script_of(core) != LANGUAGES[code].script or not core.isalpha():
        return TERMS[word]
    if LANGUAGES[code].snowball in _KNOWN:
        return name_term(code + ":", stem(core, code))
    return name_term("?:", stem(core.replace("ı", "i")))  # a capital I may be either


@lru_cache(1 << 14)
def _typed(word: str, code: str) -> int:
    """Return the hash of a word as it is stemmed where it is typed without its accents: its endings may be no endings then."""
    if word.isascii() or script_of(word) != "latin" or LANGUAGES[code].snowball not in _KNOWN:
        return _FOREIGN[code][word]
    if code == "tr":  # a dotless i is looked for anyway
        return _FOREIGN[code]["ı".join(map(bare, word.split("ı")))]
    return _FOREIGN[code][bare(word)]


def _core(word: str, code: str) -> str:
    """Return a word without the article before its apostrophe, or the ending behind it."""
    if "'" not in word:
        return word
    if code in ("fr", "it", "ca"):
        return word.rpartition("'")[2]
    return word.partition("'")[0] if code == "tr" else word.replace("'", "")


def _grams(word: str) -> list[str]:
    """Return the n-grams of a word for which there is no stemmer; none of a shorter word."""
    plain = bare(word[:_LONGEST])
    n = _HEBREW_GRAM if script_of(word) == "hebrew" else _GRAM
    return list(dict.fromkeys(plain[i : i + n] for i in range(len(plain) - n + 1)))


@lru_cache(1 << 14)
def _is_unstemmed(word: str, language: str) -> bool:
    """Tell whether n-grams stand in for the stemmer that a word has not."""
    if word.isascii() and language not in _NO_STEMMER:
        return False
    if language and script_of(word) == LANGUAGES[language].script:
        return word.replace("'", "").isalpha() and LANGUAGES[language].snowball not in _KNOWN
    return _UNSTEMMED.match(word) is not None


def terms_of_text(text: str) -> tuple[list[str], list[int], str]:
    """Return the words of a text, their terms, what else they may be typed as behind them, and the language they were stemmed by.

    Examples
    --------
    >>> found, terms, language = terms_of_text("wir haben neue vorhänge")
    >>> len(found) == len(terms), language
    (True, 'de')
    """
    folded = fold_text(text)
    found = words(folded)
    language = guess(folded, found)
    if language == "tr" and "I" in text:
        found = words(fold_text(text.replace("I", "ı")))
    if language:
        memo = _FOREIGN[language]
        terms = list(map(memo.__getitem__, found))
        if not is_plain(folded):
            wide = [word for word in found if not word.isascii()]
            terms += [key for word in wide if (key := _typed(word, language)) != memo[word]]
    else:
        terms = list(map(TERMS.__getitem__, found))
    if language or not (is_plain(folded) or _UNSTEMMED.search(folded) is None):
        terms += [piece for word in found if _is_unstemmed(word, language) for piece in _PIECES[word]]
    return found, terms, language


class Term(NamedTuple):
    """One way in which a word of a cue may stand in a memory.

    Attributes
    ----------
    key : int
        Hash.
    share : float
        What finding it counts, as a share of its rarity, in (0, 1].
    is_common : bool
        Whether the word is a function word of the language it is stemmed by.
    is_whole : bool
        Whether it stands for the whole word, not for a piece of it.
    """

    key: int
    share: float
    is_common: bool
    is_whole: bool = True


@lru_cache(1 << 14)
def terms_of_cue(word: str, languages: tuple[str, ...] = ()) -> tuple[Term, ...]:
    """Return the terms of a word of a cue, that of its script first.

    Parameters
    ----------
    word : str
        Folded.
    languages : tuple of str
        Codes of the languages that memories were guessed to be in.

    Examples
    --------
    >>> len(terms_of_cue("küche")), len(terms_of_cue("küche", ("de", "nl", "uk")))
    (1, 3)
    """
    made: dict[int, Term] = {}
    pieces: tuple[int, ...] = ()
    typed: set[int] = set()
    small = word in _SMALL_WORDS
    for code in ("", *languages):
        key, share = (_FOREIGN[code][word] if code else TERMS[word]), 1.0
        if _is_unstemmed(word, code):
            pieces = _PIECES[word]
            share -= _GRAMS if pieces and code else 0.0
        if code and not word.isascii():
            in_text = _typed(word, code)
            share -= _TYPED if in_text != key else 0.0  # a text with the word has both
            typed |= {in_text, _typed(word.replace("ı", "i"), code)}
        made.setdefault(key, Term(key, share, small if code else word in FUNCTION_WORDS))
        if code == "tr" and "i" in word:  # it may have been a capital I
            key = _FOREIGN[code][word.replace("i", "ı")]
            made.setdefault(key, Term(key, share, small))
    for key in sorted(typed - made.keys()):
        made[key] = Term(key, _TYPED, small, is_whole=False)
    for piece in pieces:
        made[piece] = Term(piece, _GRAMS / len(pieces), small, is_whole=False)
    return tuple(made.values())


LABELS: Memo[str, int] = Memo(lambda word: name_term("@", _english(word)), 1 << 14)
"""Word → hash of its stem as it stands in sources, tags and dates: never equal to that of a text."""

TAGS: Memo[str, int] = Memo(lambda tag: name_term("#", tag), 1 << 14)
"""Tag → the hash under which the index lists the memories that bear exactly this tag."""
