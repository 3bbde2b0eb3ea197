"""Which words of the material tell one experience from the others."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["distinct", "frequencies", "telling", "tokens"]

_LITTLE = (
    "about above after again against almost along already also although always among another anything around away back "
    "because been before behind being below between both cannot could does doing done down during each either else even "
    "ever every everything from further going have having hence here hers herself himself into itself just least less "
    "like little made make many maybe might more most much must myself never nothing often once only onto other others "
    "ours ourselves over perhaps quite rather really said same shall should since some something sometimes soon still "
    "such than that their theirs them themselves then there therefore these they thing things this those though through "
    "thus together too toward towards under unless until upon very want well went were what whatever when where whether "
    "which while whom whose will with within without would your yours yourself aber auch dann dass dein dich doch einen "
    "einer einem eine haben habe hier ihre immer jetzt kein keine mein meine mich nach nicht noch oder schon sehr sein "
    "seine sich sind über unser unter viel wenn wieder wird wurde zwischen avec cette dans elle était leur mais même "
    "nous pour sans tout très vous como cuando desde donde entre este para pero porque sobre también"
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_NAMEABLE = re.compile(r"(?<![\w./:@-])[^\W\d_]{4,16}(?![\w/:@-]|\.\w)")


def tokens(text: str) -> list[str]:
    """Split a text into lower-case words and numbers.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str
        In order, repeats included.

    Examples
    --------
    >>> tokens("Don't break setup.py (#12)")
    ["don't", 'break', 'setup', 'py', '12']
    """
    return _WORD.findall(text.casefold())


def distinct(text: str) -> list[str]:
    """List the words of a text that a person could quote from memory: whole, of letters alone, in no path or address.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str
        In order of their first use, lower-case, each once; without the little words that stand everywhere.

    Examples
    --------
    >>> distinct("Close the socket, see https://example.org/tls and close src/net.py")
    ['close', 'socket']
    """
    little = _little()
    return [word for word in dict.fromkeys(_NAMEABLE.findall(text.casefold())) if word not in little]


@functools.cache
def _little() -> frozenset[str]:
    return frozenset(_LITTLE.split())


def frequencies(texts: Iterable[str]) -> Counter[str]:
    """Count in how many texts each word stands.

    Parameters
    ----------
    texts : iterable of str
        The texts.

    Returns
    -------
    collections.Counter
        Word to number of texts.

    Examples
    --------
    >>> frequencies(["tea, tea", "Tea only"])["tea"]
    2
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(tokens(text)))
    return counts


def telling(text: str, counts: Counter[str], n: int) -> Sequence[str]:
    """Choose the rarest quotable words of a text.

    Parameters
    ----------
    text : str
        One of the texts that were counted.
    counts : collections.Counter
        Of `frequencies`.
    n : int
        How many at most.

    Returns
    -------
    sequence of str
        In the order of the text; ties go to the longer word.

    Examples
    --------
    >>> counts = frequencies(["fix the parser", "fix the crash in the parser of dates"])
    >>> telling("fix the crash in the parser of dates", counts, 2)
    ['crash', 'dates']
    """
    words = distinct(text)
    chosen = set(sorted(words, key=lambda w: (counts[w], -len(w), w))[:n])
    return [word for word in words if word in chosen]
