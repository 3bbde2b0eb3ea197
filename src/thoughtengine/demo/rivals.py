"""The simple rivals of the scoreboard: what anyone would write in an afternoon, written as well as it can be in one."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from thoughtengine.demo.words import tokens

__all__ = [
    "FadingFiles",
    "FileRival",
    "FrequentFiles",
    "LatestFiles",
    "Newest",
    "PlainBM25",
    "SearchRival",
    "Substring",
    "VotingFiles",
    "vote",
]


class SearchRival(Protocol):
    """Finds texts."""

    name: str

    def search(self, cue: str, k: int) -> list[int]:
        """List the positions of the best texts, best first."""


class FileRival(Protocol):
    """Guesses the files of the next commit."""

    name: str

    def predict(self, message: str, k: int) -> list[str]:
        """List the likeliest files, likeliest first."""

    def learn(self, message: str, files: Sequence[str]) -> None:
        """Take in what the commit really changed."""


class Substring:
    """Search as grep does: a text counts each word of the cue that stands in it, in any place; ties to the newest.

    Parameters
    ----------
    texts : iterable of str
        Oldest first.
    """

    name = "substring search"

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [text.casefold() for text in texts]

    def search(self, cue: str, k: int) -> list[int]:
        """List the positions of the best texts, best first."""
        words = list(dict.fromkeys(tokens(cue)))
        found = ((sum(word in text for word in words), position) for position, text in enumerate(self._texts))
        return [position for n, position in heapq.nlargest(k, found) if n]


class Newest:
    """Show the newest, whatever is asked.

    Parameters
    ----------
    texts : iterable of str
        Oldest first.
    """

    name = "newest first"

    def __init__(self, texts: Iterable[str]) -> None:
        self._n = sum(1 for _ in texts)

    def search(self, cue: str, k: int) -> list[int]:
        """List the positions of the newest texts."""
        return list(range(self._n - 1, max(-1, self._n - 1 - k), -1))


class PlainBM25:
    """BM25 over whole words, without stems, dates, sources or neighbours (Robertson and Zaragoza 2009, Lucene's idf).

    Parameters
    ----------
    texts : iterable of str
        Oldest first; more can be added.
    """

    name = "plain BM25, no stems"
    _K1, _B = 1.2, 0.75

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._lengths: list[int] = []
        self._total = 0
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Take one more text in.

        Parameters
        ----------
        text : str
            The newest.
        """
        words = tokens(text)
        for word, count in Counter(words).items():
            self._postings[word].append((len(self._lengths), count))
        self._lengths.append(len(words))
        self._total += len(words)

    def scores(self, cue: str) -> dict[int, float]:
        """Score the texts that share a word with the cue.

        Parameters
        ----------
        cue : str
            Any text.

        Returns
        -------
        dict
            Position to score.
        """
        scores: dict[int, float] = defaultdict(float)
        n, mean = len(self._lengths), self._total / max(1, len(self._lengths)) or 1.0
        for word in set(tokens(cue)):
            postings = self._postings.get(word, ())
            idf = math.log1p((n - len(postings) + 0.5) / (len(postings) + 0.5))
            for position, count in postings:
                norm = self._K1 * (1 - self._B + self._B * self._lengths[position] / mean)
                scores[position] += idf * count / (count + norm)
        return scores

    def search(self, cue: str, k: int) -> list[int]:
        """List the positions of the best texts, best first; ties to the newest."""
        return [position for _, position in heapq.nlargest(k, ((s, p) for p, s in self.scores(cue).items()))]


class FrequentFiles:
    """Guess the files that changed most often, whatever the message says."""

    name = "most frequent files"

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def predict(self, message: str, k: int) -> list[str]:
        """List the likeliest files, likeliest first."""
        return [name for name, _ in self._counts.most_common(k)]

    def learn(self, message: str, files: Sequence[str]) -> None:
        """Take in what the commit really changed."""
        self._counts.update(files)


class LatestFiles:
    """Guess the files that changed last, whatever the message says."""

    name = "last edited files"

    def __init__(self) -> None:
        self._order: dict[str, None] = {}

    def predict(self, message: str, k: int) -> list[str]:
        """List the likeliest files, likeliest first."""
        return [name for name, _ in zip(reversed(self._order), range(k), strict=False)]

    def learn(self, message: str, files: Sequence[str]) -> None:
        """Take in what the commit really changed."""
        for name in reversed(files):
            self._order.pop(name, None)
            self._order[name] = None


class FadingFiles:
    """Guess by how often and how lately at once: every change counts 1 and fades by a twentieth with each commit."""

    name = "frequent and late"
    _KEEP = 0.95

    def __init__(self) -> None:
        self._weights: dict[str, float] = defaultdict(float)
        self._scale = 1.0

    def predict(self, message: str, k: int) -> list[str]:
        """List the likeliest files, likeliest first."""
        return heapq.nlargest(k, self._weights, key=lambda name: self._weights[name])

    def learn(self, message: str, files: Sequence[str]) -> None:
        """Take in what the commit really changed."""
        self._scale /= self._KEEP  # instead of fading all others
        if self._scale > 1e200:
            self._weights = defaultdict(float, {name: w / self._scale for name, w in self._weights.items()})
            self._scale = 1.0
        for name in files:
            self._weights[name] += self._scale


class VotingFiles:
    """Guess from the message: the files of the ten commits that plain BM25 finds, weighted by their scores."""

    name = "plain BM25, same vote"

    def __init__(self) -> None:
        self._bm25 = PlainBM25()
        self._files: list[Sequence[str]] = []

    def predict(self, message: str, k: int) -> list[str]:
        """List the likeliest files, likeliest first."""
        best = heapq.nlargest(10, ((s, p) for p, s in self._bm25.scores(message).items()))
        return vote(((score, self._files[position]) for score, position in best), k)

    def learn(self, message: str, files: Sequence[str]) -> None:
        """Take in what the commit really changed."""
        self._bm25.add(message)
        self._files.append(files)


def vote(ballots: Iterable[tuple[float, Sequence[str]]], k: int) -> list[str]:
    """Add up weighted lists of names.

    Parameters
    ----------
    ballots : iterable of (float, sequence of str)
        The weight of each list, and its names.
    k : int
        How many names to return.

    Returns
    -------
    list of str
        The heaviest names, heaviest first; ties in the order they came.

    Examples
    --------
    >>> vote([(2.0, ["a.py", "b.py"]), (1.5, ["b.py"])], 1)
    ['b.py']
    """
    weights: dict[str, float] = defaultdict(float)
    for weight, names in ballots:
        for name in names:
            weights[name] += weight
    return heapq.nlargest(k, weights, key=lambda name: weights[name])
