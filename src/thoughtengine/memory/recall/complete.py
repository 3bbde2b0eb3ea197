"""Complete: whether some memory holds every word of a cue, so that nobody's neighbours have to fill in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thoughtengine._types import BoolArray, IntArray
from thoughtengine.memory.index.view import Found
from thoughtengine.memory.recall.question import Question

__all__ = ["is_complete"]


def is_complete(
    question: Question, found: Sequence[Found], frequency: IntArray, visible: BoolArray, chosen: IntArray | None
) -> bool:
    """Tell whether a memory that may be found has all the words of the cue that any text has.

    Parameters
    ----------
    question : Question
        What is asked.
    found : sequence of Found
        Where its terms occur, part by part.
    frequency : array of int64, shape (t,)
        In how many texts each term occurs.
    visible : array of bool, shape (n,) or (0,)
        Memories whose words count; empty: all.
    chosen : array of int64 or None
        Positions that may be found, ascending; None: all.

    Notes
    -----
    Begins with the rarest word and stops where nothing is left, mostly after two.
    """
    holders: dict[int, list[int]] = {}
    often = frequency.tolist()
    for i, (term, owner) in enumerate(zip(question.terms, question.owners, strict=True)):
        if often[i] and term.is_whole:
            holders.setdefault(owner, []).append(i)
    words = sorted(holders.values(), key=lambda ways: sum(often[i] for i in ways))
    return bool(words) and any(_holds(part, words, visible, chosen) for part in found)


def _holds(part: Found, words: list[list[int]], visible: BoolArray, chosen: IntArray | None) -> bool:
    """Tell whether a memory of one part has one way of every word."""
    left = np.concatenate([part.postings[part.starts[i] : part.stops[i]] >> 8 for i in words[0]])
    for ways in words[1:]:
        if not len(left):
            return False
        there = np.zeros(len(left), np.bool_)
        for i in ways:
            listed = part.postings[part.starts[i] : part.stops[i]]
            if len(listed):
                at = np.minimum(listed.searchsorted(left << 8), len(listed) - 1)
                there |= listed[at] >> 8 == left
        left = left[there]
    positions = left.astype(np.int64) + part.start
    if len(visible):
        positions = positions[visible[positions]]
    if chosen is not None and len(positions) and len(chosen):
        at = np.minimum(chosen.searchsorted(positions), len(chosen) - 1)
        positions = positions[chosen[at] == positions]
    return len(positions) > 0 and (chosen is None or len(chosen) > 0)
