"""Complete: whether some memory holds every word of a cue, so that nobody's neighbours have to fill in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from types import ModuleType

import numpy as np

from thoughtengine._types import BoolArray, IntArray
from thoughtengine.memory.index.view import Found
from thoughtengine.memory.recall.question import Question

__all__ = ["is_complete"]

_EVERYONE = np.empty(0, np.int64)


def is_complete(
    question: Question,
    found: Sequence[Found],
    often: Sequence[int],
    visible: BoolArray,
    chosen: IntArray | None,
    maths: ModuleType,
) -> bool:
    """Tell whether a memory that may be found has all the words of the cue that any text has.

    Parameters
    ----------
    question : Question
        What is asked.
    found : sequence of Found
        Where its terms occur, part by part.
    often : sequence of int
        In how many texts each term occurs, and what stands behind them.
    visible : array of bool, shape (n,) or (0,)
        Memories whose words count; empty: all.
    chosen : array of int64 or None
        Positions that may be found, ascending; None: all.
    maths : module
        `arrays` or `kernels`.

    Notes
    -----
    Begins with the rarest word and stops where nothing is left, mostly after two.
    """
    ways: dict[int, list[int]] = {}
    for i, (term, owner) in enumerate(zip(question.terms, question.owners, strict=True)):
        if often[i] and term.is_whole:
            ways.setdefault(owner, []).append(i)
    if not ways or (chosen is not None and not len(chosen)):
        return False
    words = sorted(ways.values(), key=lambda mine: sum([often[i] for i in mine]))
    terms, ends = (
        np.array(list(chain.from_iterable(words)), np.int64),
        np.array(list(accumulate(map(len, words))), np.int64),
    )
    among = _EVERYONE if chosen is None else chosen
    return any(
        maths.holds(part.postings, part.starts, part.stops, terms, ends, part.start, visible, among) for part in found
    )
