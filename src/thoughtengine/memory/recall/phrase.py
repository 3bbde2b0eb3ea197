"""Phrase: words that stand side by side in a cue and in a memory, read in the texts of the best few; no index of positions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from thoughtengine._types import FloatArray
from thoughtengine.memory.index.analysis import fold_text
from thoughtengine.memory.index.view import View
from thoughtengine.memory.recall.ranking import Ranking

__all__ = ["Phrases", "phrases_in", "with_phrases"]

_PLAIN_GAPS = '\t\n\r\f\v!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ '
_GAPS = str.maketrans(dict.fromkeys(_PLAIN_GAPS, " "))
_MARKS = "“”‘–—"
_ANY_GAPS = re.compile(f"[{re.escape(_PLAIN_GAPS)}¿¡«»“”„‘…–—·、。，！？：；（）「」؟،।\xa0]+")
_QUOTATION = re.compile('"([^"]+)"|“([^”]+)”|„([^“”]+)[“”]|«([^»]+)»')
_READ = 1 << 12  # characters of a text that are looked at
_QUOTED = 5.0  # what a quotation counts, in pairs that make up a whole cue
_CLOSELY = 128  # hits whose texts are looked at for pairs; for what is quoted, all that were asked for
_FEW, _MORE, _MORE_QUOTED = 10, 5, 1000


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

    def n_read(self, k: int) -> int:
        """Return how many hits are worth a look where k are asked for: for fewer than ten as many as for ten."""
        if not self.pairs and not self.quoted:
            return k
        return max(k, _FEW) + (_MORE_QUOTED if self.quoted else _MORE)

    def shares(self, texts: Sequence[str]) -> list[float]:
        """Return the share of the pairs that each text has, and more for what was quoted.

        Parameters
        ----------
        texts : sequence of str
            As they were remembered.

        Examples
        --------
        >>> phrases_in("the red canoe").shares(["A red canoe!", "The canoe"])
        [0.5, 0.0]
        >>> phrases_in('who said "red canoe"').shares(["My red canoe"])
        [5.333333333333333]
        """
        alone = [frozenset(phrase.split()) for phrase in (*self.pairs, *self.quoted)]
        distinct = frozenset().union(*alone)
        found = []
        for text in texts:
            folded = fold_text(text[:_READ])
            # most texts lack a word of each phrase: that is told many times faster than where its words stand
            there = {word for word in distinct if word in folded}
            if any(map(there.issuperset, alone)):
                spaced = _spaced(folded)
                found.append(_share(self.pairs, spaced) + _QUOTED * _share(self.quoted, spaced))
            else:
                found.append(0.0)
        return found


def _share(phrases: Sequence[str], spaced: str) -> float:
    return sum([phrase in spaced for phrase in phrases]) / len(phrases) if phrases else 0.0


def _spaced(folded: str) -> str:
    """Return the words of a folded text with single spaces between and around."""
    if not folded.isascii():
        for mark in _MARKS:
            folded = folded.replace(mark, " ")
        if not folded.isascii():
            return f" {_ANY_GAPS.sub(' ', folded).strip()} "
    flat = folded.translate(_GAPS)  # many times faster, of other text slower
    while "  " in flat:
        flat = flat.replace("  ", " ")
    return f" {flat.strip()} "


def phrases_in(cue: str) -> Phrases:
    """Return what of a cue may stand in a memory word for word.

    Examples
    --------
    >>> phrases_in('Who said "red canoe"?')
    Phrases(pairs=(' who said ', ' said red ', ' red canoe '), quoted=(' red canoe ',))
    """
    read = cue[:_READ]
    pairs = dict.fromkeys(f" {one} {two} " for one, two in pairwise(_spaced(fold_text(read))[1:-1].split(" ")))
    found = (fold_text(next(filter(None, match.groups()))) for match in _QUOTATION.finditer(read))
    quoted = dict.fromkeys(phrase for phrase in map(_spaced, found) if phrase.strip())
    return Phrases(tuple(pairs), tuple(quoted))


def with_phrases(
    ranking: Ranking, phrases: Phrases, texts: Sequence[str | None], view: View, *, weight: float, k: int
) -> Ranking:
    """Add the channel `phrase` to a ranking, where any text has one, put it in order again and keep the best k.

    Parameters
    ----------
    ranking : Ranking
        Of more than k memories, so that others may come up.
    phrases : Phrases
        Of the cue.
    texts : sequence of str or None
        Of the ranked memories, in order.
    view : View
        Where they stand, and what replaced them.
    weight : float
        Of the channel.
    k : int
        How many to keep.

    Notes
    -----
    The newest version that was ranked takes over what an older one scores more by its words, and that falls behind every later
    one: none rises above what replaced it.
    """
    read = texts if phrases.quoted else texts[:_CLOSELY]
    found = phrases.shares([text or "" for text in read]) if any(phrases) else []
    if not any(found):
        return ranking.taken(slice(k))
    added = np.zeros(len(ranking.ids))
    added[: len(found)] = np.array(found) * weight
    shares = np.column_stack((ranking.shares, added))
    scores = ranking.scores + added
    if view.has_replaced:
        replaced = ranking.ids[view.columns.successor[ranking.places] > 0].tolist()
        row_of = {id_: row for row, id_ in enumerate(ranking.ids.tolist())}
        _settle(view, replaced, row_of, shares, scores, ranking.channels.index("revision"))
    order = np.argsort(-scores, kind="stable")[:k]  # of equals the one that was before
    return ranking._replace(scores=scores, shares=shares, channels=(*ranking.channels, "phrase")).taken(order)


def _settle(
    view: View, replaced: list[int], row_of: dict[int, int], shares: FloatArray, scores: FloatArray, revision: int
) -> None:
    """Let the newest version take over what an older one scores more, and bring that behind all later ones; both are changed."""
    settled: dict[int, tuple[int, float]] = {}  # row → that of the newest version, what still older ones may score
    for id_ in sorted(replaced, reverse=True):  # a later version has a later id
        row, later = row_of[id_], _later(view, id_, row_of)
        if later is None:
            continue
        newest, cap = settled.get(later, (later, np.inf))
        if scores[row] > scores[newest]:
            shares[newest, revision] += scores[row] - scores[newest]
            scores[newest] = scores[row]
        if scores[row] > cap:
            shares[row] *= cap / scores[row]
            scores[row] = cap
        settled[row] = newest, float(scores[row])


def _later(view: View, id_: int, row_of: dict[int, int]) -> int | None:
    """Return the row of the next version of a memory that was ranked."""
    while (position := view.position(id_)) is not None and (id_ := int(view.columns.successor[position])):
        if id_ in row_of:
            return row_of[id_]
    return None
