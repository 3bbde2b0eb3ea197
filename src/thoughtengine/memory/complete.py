"""Complete: whether some memory holds every word of a cue, so that nobody's neighbours have to fill in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thoughtengine._types import BoolArray, IntArray
from thoughtengine.memory.question import Question
from thoughtengine.memory.view import Postings

__all__ = ["is_complete"]


def is_complete(question: Question, found: Postings, visible: BoolArray | None, chosen: IntArray | None) -> bool:
    """Tell whether a memory that may be found has all the words of the cue that any text has.

    Parameters
    ----------
    question : Question
        What is asked.
    found : Postings
        Of its terms, and of anything after them.
    visible : array of bool, shape (n,), or None
        Memories whose words count; None: all.
    chosen : array of int64 or None
        Positions that may be found, ascending; None: all.

    Notes
    -----
    Begins with the rarest word and stops where nothing is left, mostly after two.
    """
    holders: dict[int, list[NDArray[np.int32]]] = {}
    for i, (term, owner) in enumerate(zip(question.terms, question.owners, strict=True)):
        if term.is_whole and found.bounds[i] < found.bounds[i + 1]:
            holders.setdefault(owner, []).append(found.positions[found.bounds[i] : found.bounds[i + 1]])
    words = sorted((np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in holders.values()), key=len)
    if not words:
        return False
    left = words[0]
    for word in words[1:]:
        left = left[np.isin(left, word)]
        if not len(left):
            return False
    if visible is not None:
        left = left[visible[left]]
    return len(left) > 0 and (chosen is None or bool(np.isin(left, chosen).any()))
