"""Phrase: words that stand side by side in a cue and in a memory, read in the texts of the best few; no index of positions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import attrs

from thoughtengine.memory.analysis import fold_text
from thoughtengine.memory.hit import Hit

__all__ = ["Phrases", "phrases_in", "with_phrases"]

_GAPS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~¿¡«»“”„‘…–—·、。，！？：；（）「」؟،।', " "))
_QUOTATION = re.compile('"([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»')
_READ = 1 << 13  # characters of a text that are looked at
_QUOTED = 5.0  # what a quotation counts, in pairs that make up a whole cue
_CLOSELY = 128  # hits whose texts are looked at
_MORE, _MORE_QUOTED = 10, 100


class Phrases(NamedTuple):
    """What of a cue may stand in a memory word for word, spaces around.

    Attributes
    ----------
    pairs : tuple of str
        Words that follow each other.
    quoted : tuple of str
        What stands in quotation marks.
    """

    pairs: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()

    @property
    def n_more(self) -> int:
        """How many hits more than asked for are worth a look."""
        return _MORE_QUOTED if self.quoted else _MORE if self.pairs else 0

    def share(self, text: str) -> float:
        """Return the share of the pairs that a text has, and more for what was quoted.

        Parameters
        ----------
        text : str
            As it was remembered.

        Examples
        --------
        >>> phrases_in("the red canoe").share("A red canoe!"), phrases_in('who said "red canoe"').share("My red canoe")
        (0.5, 5.333333333333333)
        """
        spaced = _spaced(text)
        return _found(self.pairs, spaced) + _QUOTED * _found(self.quoted, spaced)


def _found(phrases: Sequence[str], spaced: str) -> float:
    return sum(phrase in spaced for phrase in phrases) / len(phrases) if phrases else 0.0


def _spaced(text: str) -> str:
    return f" {' '.join(fold_text(text[:_READ]).translate(_GAPS).split())} "


def phrases_in(cue: str) -> Phrases:
    """Return what of a cue may stand in a memory word for word.

    Examples
    --------
    >>> phrases_in('Who said "red canoe"?')
    Phrases(pairs=(' who said ', ' said red ', ' red canoe '), quoted=(' red canoe ',))
    """
    pairs = dict.fromkeys(f" {one} {two} " for one, two in pairwise(_spaced(cue).split()))
    found = (next(filter(None, match.groups())) for match in _QUOTATION.finditer(cue[:_READ]))
    quoted = dict.fromkeys(phrase for phrase in map(_spaced, found) if phrase.strip())
    return Phrases(tuple(pairs), tuple(quoted))


def with_phrases(hits: tuple[Hit, ...], phrases: Phrases, weight: float) -> tuple[Hit, ...]:
    """Add the channel `phrase` to hits and put them in order again.

    Parameters
    ----------
    hits : tuple of Hit
        Best first.
    phrases : Phrases
        Of the cue.
    weight : float
        Of the channel.

    Notes
    -----
    What an older version says word for word counts for the newest, so that it cannot rise above it. Costs some four
    microseconds for a hit of twenty words.
    """
    if not phrases.pairs and not phrases.quoted:
        return hits
    by_id = {hit.id: at for at, hit in enumerate(hits)}
    shares = [0.0] * len(hits)
    for at, hit in enumerate(hits[:_CLOSELY]):
        newest = _newest(hits, at, by_id)
        if newest is not None and hit.text is not None:
            shares[newest] = max(shares[newest], weight * phrases.share(hit.text))
    scored = [_with_share(hit, share) if share else hit for hit, share in zip(hits, shares, strict=True)]
    return tuple(sorted(scored, key=lambda hit: -hit.score))  # of equals the one that was before


def _newest(hits: Sequence[Hit], at: int, by_id: dict[int, int]) -> int | None:
    """Return where the newest version of a hit is; None where it is not among them."""
    while (later := hits[at].memory.superseded_by) is not None:
        if later not in by_id:
            return None
        at = by_id[later]
    return at


def _with_share(hit: Hit, share: float) -> Hit:
    return attrs.evolve(hit, score=hit.score + share, why=hit.why.plus("phrase", share))
