"""Recall: a question goes in, the best memories come out, each with its reasons; looking changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thoughtengine._types import FloatArray
from thoughtengine.config import RecallConfig
from thoughtengine.memory.experience import Memory
from thoughtengine.memory.index.view import View
from thoughtengine.memory.recall.channels import CHANNELS, score
from thoughtengine.memory.recall.hit import Hit, Why
from thoughtengine.memory.recall.question import Question
from thoughtengine.memory.recall.ranking import Ranking, Sheet
from thoughtengine.memory.where import Where

__all__ = ["as_hits", "rank"]


def rank(
    view: View,
    question: Question,
    where: Where,
    *,
    k: int,
    now_us: int,
    config: RecallConfig,
    folded: bool = True,
) -> Ranking:
    """Find the best memories for a cue.

    Parameters
    ----------
    view : View
        The index as it stands.
    question : Question
        What is asked, made ready for this view.
    where : Where
        Which memories may be found.
    k : int
        How many at most, at least 1.
    now_us : int
        Microseconds since 1970.
    config : RecallConfig
        Weights and switches.
    folded : bool
        Whether one stands for all its repeats; else each is ranked by its own score.

    Notes
    -----
    Pure: equal arguments give equal answers, and nothing is changed. Of equal scores the newer memory comes first.
    """
    chosen = view.matching(where, now_us)
    visible = view.visible(where)
    scored = score(view, question, chosen, visible, config, k=k, now=now_us)
    sheet = Sheet(view, scored, chosen, k)
    best, folds = sheet.best(folded=folded)
    if folded and sheet.is_crowded(best, scored.limit):
        scored = score(view, question, chosen, visible, config, k=k, now=now_us, apart=True)
        sheet = Sheet(view, scored, chosen, k)
        best, folds = sheet.best()
    kept = np.array(best, np.int64)
    places = scored.places[kept]
    ids, later = view.ids[places], np.array(sheet.later(best), np.int64)
    return Ranking(
        ids=ids,
        places=places,
        scores=sheet.scores[kept],
        shares=sheet.shares[:, kept].T,
        channels=CHANNELS,
        n_repeats=np.array(sheet.repeats(best, folds), np.int64),
        n_candidates=int(np.count_nonzero(sheet.scores > 0.0)),
        words=scored.words,
        beside=scored.beside[kept],
        crowd=sheet.crowd,
        frequency=scored.frequency,
        later=np.where(later < 0, 0, view.ids[scored.places[later]]) if view.has_replaced else np.zeros_like(ids),
    )


def as_hits(ranking: Ranking, memories: Mapping[int, Memory], chances: FloatArray | None = None) -> tuple[Hit, ...]:
    """Put a ranking and its loaded memories together.

    Parameters
    ----------
    ranking : Ranking
        What `rank` returned.
    memories : mapping of int to Memory
        By id; a memory that is not there is left out.
    chances : array of float64, shape (m,), optional
        How likely each is to be of use.
    """
    hits = []
    sure = [0.0] * len(ranking.ids) if chances is None else chances.tolist()
    rows = zip(
        ranking.ids.tolist(), ranking.scores.tolist(), ranking.shares.tolist(), ranking.n_repeats.tolist(),
        ranking.beside.tolist(), sure, strict=True,
    )  # fmt: skip
    for id_, total, shares, n_repeats, beside, chance in rows:
        memory = memories.get(id_)
        if memory is not None:
            mine = {channel: share for channel, share in zip(ranking.channels, shares, strict=True) if share > 0.0}
            why = Why(mine, words=ranking.words, memory=memory, beside=beside)
            hits.append(Hit(memory, total, why, n_repeats, chance))
    return tuple(hits)
