"""Alike: when two texts say the same, so that recall folds them; whatever may carry meaning keeps them apart."""

from __future__ import annotations

import re
import unicodedata

from thoughtengine.memory.index.analysis import bounded

__all__ = ["are_alike", "are_letters", "gist"]

_STOPS = ".…。،۔।"  # at the end of a text they say nothing
_CALLS = "!！"  # nor these, there and behind a word: n! is a number
_SHORT = {"m": " am", "re": " are", "ve": " have", "ll": " will"}


def _behind(said: str) -> str:
    """Return a pattern that looks back at one of these: the mark that they end with is rare, and soon found."""
    return "(?i:" + "|".join(rf"(?<=\b{each})" for each in said.split()) + ")"


_NOT = (
    "aren't couldn't didn't don't doesn't hadn't hasn't haven't isn't mightn't mustn't needn't shouldn't wasn't weren't "
    "wouldn't"
)
_SHORTENED = re.compile("'" + _behind("i' you' we' they' he' she' it'") + r"((?i:m|re|ve|ll))\b")
_NEGATED = re.compile(r"[nN]'[tT]\b" + _behind(_NOT))
_UNLIKE = re.compile(r"\b(?:[Ww]on|[Cc]an|[Ss]han)'t\b")
_IN_FULL = {"on't": "ill not", "an't": "annot", "han't": "hall not"}  # behind the first letter
"""English contractions that stand for one thing; "'s" and "'d" may stand for two, and "can not only" is not "cannot only"."""


_TYPED = (*((mark, "'") for mark in "’‘‚‛ʼ＇"), *((mark, '"') for mark in "“”„‟＂「」"), ("\u00ad", ""))
_ANGLED = (  # in pairs: a single one may stand for "back" or "then"
    ("«", re.compile("« ?([^«»]*?) ?»|» ?([^«»]*?) ?«"), r'"\1\2"'),
    ("‹", re.compile("‹ ?([^‹›]*?) ?›|› ?([^‹›]*?) ?‹"), r"'\1\2'"),
)
_ACCENT = re.compile(r"(?<![`´])\b([^\W\d_]+)[`´](?=[^\W\d_]+\b(?![`´]))")  # for an apostrophe; `date` is code


def gist(text: str) -> str:
    """Return a text without what says nothing: equal for texts that are alike.

    Parameters
    ----------
    text : str
        As it was remembered.

    Notes
    -----
    Left out are full stops and exclamation marks at the end, the case of the first word, how long white space is, how
    quotation marks and apostrophes are typed, and whether "I am" is said as "I'm". Every word stays, and every sign within
    a text: "No, more is needed" is not "No more is needed". Costs two to four microseconds for 20 words.

    Examples
    --------
    >>> gist("The train  isn't late!"), gist("The US Army")
    ('the train is not late', 'the US Army')
    """
    said = " ".join(text.split())
    if not said.isascii():
        said = _straight(unicodedata.normalize("NFC", bounded(said)))
    if "`" in said or "´" in said:
        said = _ACCENT.sub(r"\1'", said)
    first = said.partition(" ")[0]
    rest = first.lstrip("\"'«»¿¡([{（")[1:]
    if rest == rest.lower():  # else it is an acronym
        said = first.lower() + said[len(first) :]
    if "'" in said:
        if "an't" in said or "won't" in said or "Won't" in said:
            said = _UNLIKE.sub(lambda found: found[0][0] + _IN_FULL[found[0][1:]], said)
        said = _NEGATED.sub(" not", _SHORTENED.sub(lambda found: _SHORT[found[1].lower()], said))
    return _without_end(said)


def _straight(said: str) -> str:
    """Return a text with every quotation mark and apostrophe as a typewriter has it."""
    for mark, typed in _TYPED:
        said = said.replace(mark, typed)
    for mark, pair, typed in _ANGLED:
        if mark in said:
            said = pair.sub(typed, said)
    return said


def _without_end(said: str) -> str:
    """Return a text without the stops at its end, unless nothing, or a space, stands before them: ``git add .``."""
    bare = said.rstrip(_STOPS + _CALLS)
    if len(bare) < len(said) and not are_letters(bare[-2:]):
        bare = said.rstrip(_STOPS)
    return said if not bare or bare[-1] == " " else bare


def are_letters(pair: str) -> bool:
    """Tell whether the last two characters of a word are letters, or what stands with them: a "!" behind them says nothing."""
    return len(pair) == 2 and (pair.isalpha() or all(unicodedata.category(mark)[0] in "LM" for mark in pair))


def are_alike(one: str, other: str) -> bool:
    """Tell whether two texts of one source say the same.

    Examples
    --------
    >>> are_alike("Met Dana.", "met Dana!"), are_alike("Met Dana.", "Met Diana.")
    (True, False)
    """
    return gist(one) == gist(other)
