"""Which words of the material tell one experience from the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["distinct", "frequencies", "telling", "tokens"]

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
        In order of their first use, lower-case, each once.

    Examples
    --------
    >>> distinct("Close the socket, see https://example.org/tls and close src/net.py")
    ['close', 'socket']
    """
    return list(dict.fromkeys(_NAMEABLE.findall(text.casefold())))


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
