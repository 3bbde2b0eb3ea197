"""Phrase: words that stand side by side in a cue and in a memory, read in the texts of the best few; no index of positions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np

from thoughtengine._types import FloatArray
from thoughtengine.memory.index.analysis import Memo, bare, fold_text, is_unspaced
from thoughtengine.memory.recall.ranking import Ranking

__all__ = ["Phrases", "phrases_in", "with_phrases"]

_PLAIN_GAPS = "".join(map(chr, range(0x20))) + '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\x7f '
_GAPS = str.maketrans(dict.fromkeys(_PLAIN_GAPS, " "))
_MARKS = "“”‘–—"
_ANY_GAPS = re.compile(
    f"[{re.escape(_PLAIN_GAPS)}¿¡«»‹›“”„‘‚…–—·、。，！？：；（）「」『』《》〈〉❝❞〝〞〟؟،।\x80-\xa0\u2028\u2029]+"
)
_ACCENTED = re.compile("[\u00df-\u024f\u1e00-\u1eff]")
_BARE: Memo[str, str] = Memo(bare, 1 << 10)
_EDGE = re.compile(r"'(?:(?<!\w')|(?!\w))")  # where an apostrophe is a quotation mark
_QUOTATION = re.compile(  # none is looked for past the next mark that could end it: no cue takes more than one look
    '"([^"]+)"|“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|»([^«»]+)«|‹([^‹›]+)›|「([^「」]+)」|『([^『』]+)』|＂([^＂]+)＂'
    r"|(?<![\w.,!?…])”([^“”]+)”|《([^《》]+)》|〈([^〈〉]+)〉|❝([^❝❞]+)❞|〝([^〝〞〟]+)[〞〟]|｢([^｢｣]+)｣"
    r"|(?<!\w)['‘‚]([^'‘’]{2,}(?:\b['’]\b[^'‘’]+)*)['‘’](?!\w)"
)
_READ = 1 << 12  # characters of a text that are looked at, and of a cue for pairs
_FAR, _ALL_FAR = 1 << 16, 1 << 22  # for what is quoted: of a text, of the best texts together
_MOST = 512  # quotations of a cue
_QUOTED = 5.0  # what a quotation counts, in pairs that make up a whole cue
_FEW, _MORE, _MORE_QUOTED = 10, 5, 1000


class Phrases(NamedTuple):
    """What of a cue may stand in a memory word for word, without case and accents.

    Attributes
    ----------
    pairs : tuple of str
        Words that follow each other, spaces around.
    quoted : tuple of str
        What stands in quotation marks; spaces around, but for what is written without spaces.
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
        pairs, quoted = ([(phrase, frozenset(phrase.split())) for phrase in some] for some in self)
        distinct = frozenset().union(*(words for _, words in (*pairs, *quoted)))
        found, room = [], _ALL_FAR if self.quoted else 0
        for text in texts:
            read = text[: _FAR if room > 0 else _READ]
            room -= len(read)
            folded = _folded(read)
            # most texts lack a word of most phrases: that is told many times faster than where its words stand
            there = {word for word in distinct if word in folded}
            some, more = ([phrase for phrase, words in each if words <= there] for each in (pairs, quoted))
            spaced = _spaced(folded) if some or more else ""
            found.append(_share(some, spaced, len(pairs)) + _QUOTED * _share(more, spaced, len(quoted)))
        return found


def _share(phrases: Sequence[str], spaced: str, n: int) -> float:
    return sum([phrase in spaced for phrase in phrases]) / n if phrases else 0.0


def _folded(text: str) -> str:
    """Return a text without case and accents."""
    folded = fold_text(text)
    return folded if folded.isascii() else _ACCENTED.sub(lambda found: _BARE[found[0]], folded)


def _spaced(folded: str) -> str:
    """Return the words of a folded text with single spaces between and around."""
    if not folded.isascii():
        for mark in _MARKS:
            folded = folded.replace(mark, " ")
    # what is plain is translated many times faster, other text slower
    spaced = folded.translate(_GAPS) if folded.isascii() else _ANY_GAPS.sub(" ", folded)
    flat = f" {' '.join(spaced.split())} "
    if "' " in flat or " '" in flat or "''" in flat:
        flat = f" {' '.join(_EDGE.sub(' ', flat).split())} "
    return flat


def phrases_in(cue: str) -> Phrases:
    """Return what of a cue may stand in a memory word for word.

    Examples
    --------
    >>> phrases_in('Who said "red canoe"?')
    Phrases(pairs=(' who said ', ' said red ', ' red canoe '), quoted=(' red canoe ',))
    """
    words = _spaced(_folded(cue[:_READ]))[1:-1].split(" ")
    pairs = dict.fromkeys(f" {one} {two} " for one, two in pairwise(words))
    found = (next(filter(None, match.groups())) for match in islice(_QUOTATION.finditer(cue), _MOST))
    phrases = (_spaced(_folded(phrase)) for phrase in found)
    quoted = dict.fromkeys(phrase.strip() if is_unspaced(phrase) else phrase for phrase in phrases if phrase.strip())
    return Phrases(tuple(pairs), tuple(quoted))


def with_phrases(ranking: Ranking, phrases: Phrases, texts: Sequence[str | None], *, weight: float, k: int) -> Ranking:
    """Add the channel `phrase` to a ranking, where any text has one, put it in order again and keep the best k.

    Parameters
    ----------
    ranking : Ranking
        Of more than k memories, so that others may come up.
    phrases : Phrases
        Of the cue.
    texts : sequence of str or None
        Of the ranked memories, in order.
    weight : float
        Of the channel.
    k : int
        How many to keep.

    Notes
    -----
    The newest version that was ranked takes over what an older one scores more by its words, and that falls behind every later
    one: none rises above what replaced it.
    """
    found = phrases.shares([text or "" for text in texts]) if any(phrases) else []
    if not any(found):
        return ranking.taken(slice(k))
    added = np.array(found) * weight
    shares = np.column_stack((ranking.shares, added))
    scores = ranking.scores + added
    _settle(ranking.later_rows(), shares, scores, ranking.channels.index("revision"))
    order = np.argsort(-scores, kind="stable")[:k]  # of equals the one that was before
    return ranking._replace(scores=scores, shares=shares, channels=(*ranking.channels, "phrase")).taken(order)


def _settle(later_rows: Mapping[int, int], shares: FloatArray, scores: FloatArray, revision: int) -> None:
    """Let the newest version take over what an older one scores more, and bring that behind all later ones; both are changed."""
    settled: dict[int, tuple[int, float]] = {}  # row → that of the newest version, what still older ones may score
    for row, later in later_rows.items():
        newest, cap = settled.get(later, (later, np.inf))
        if scores[row] > scores[newest]:
            shares[newest, revision] += scores[row] - scores[newest]
            scores[newest] = scores[row]
        if scores[row] > cap:
            shares[row] *= cap / scores[row]
            scores[row] = cap
        settled[row] = newest, float(scores[row])
