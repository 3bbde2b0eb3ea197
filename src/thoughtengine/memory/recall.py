"""Recall: a cue goes in, the best memories come out, each with its reasons; looking changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.errors import VectorDimensionError
from thoughtengine.memory.channels import CHANNELS, Scored, score
from thoughtengine.memory.experience import Memory
from thoughtengine.memory.hit import Cue, Hit, Recall, Why
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.question import Question, ask
from thoughtengine.memory.ranking import Ranking, Sheet
from thoughtengine.memory.signs import Signs, features
from thoughtengine.memory.view import View
from thoughtengine.memory.where import Where

__all__ = ["Cue", "Hit", "Ranking", "Recall", "Why", "as_hits", "rank"]


def rank(
    view: View,
    cue: Cue,
    vector: SingleArray | None,
    where: Where,
    *,
    k: int,
    now_us: int,
    config: RecallConfig,
    offset: int = 0,
) -> Ranking:
    """Find the best memories for a cue.

    Parameters
    ----------
    view : View
        The index as it stands.
    cue : Cue
        What is asked.
    vector : array of float32, shape (d,), or None
        The cue's own vector, or what the encoder made of its text.
    where : Where
        Which memories may be found.
    k : int
        How many at most, at least 1.
    now_us : int
        Microseconds since 1970.
    config : RecallConfig
        Weights and switches.
    offset : int
        Seconds east of UTC of the clock: "yesterday" is a local day.

    Raises
    ------
    VectorDimensionError
        For a vector of another dimension than the view's.

    Notes
    -----
    Pure: equal arguments give equal answers, and nothing is changed. Of equal scores the newer memory comes first.
    """
    if vector is not None and view.matrix is not None and len(vector) != view.matrix.shape[1]:
        raise VectorDimensionError("vector", len(vector), view.matrix.shape[1])
    at = None if cue.at is None else to_stored("at", cue.at)
    question = ask(view, cue.text, vector, at, cue.episode, now_us + offset * 1_000_000)
    chosen = view.matching(where, now_us)
    scored = score(view, question, chosen, view.visible(where), config, k=k)
    sheet = Sheet(view, scored, chosen)
    kept, repeats = sheet.best(k)
    places = scored.places[kept]
    return Ranking(
        ids=view.ids[places],
        scores=sheet.scores[kept],
        shares=sheet.shares[:, kept].T,
        channels=CHANNELS,
        n_repeats=np.array(repeats, np.int64),
        n_candidates=int(np.count_nonzero(sheet.scores > 0.0)),
        words=scored.words,
        beside=_beside(view, places, scored.said),
        signs=_signs(view, cue, question, scored, sheet, kept, config),
    )


def _signs(
    view: View, cue: Cue, question: Question, scored: Scored, sheet: Sheet, kept: list[int], config: RecallConfig
) -> Signs:
    """Return what the chances are computed from."""
    n_words = len(scored.frequency)
    return features(
        sheet.scores[kept], sheet.shares[:, kept].T, CHANNELS,
        view.norms("length", config.k1, config.b)[scored.places[kept]], sheet.scores,
        n=view.n, text=cue.text or "", words=question.words[:n_words], frequency=scored.frequency,
        named=bool(question.sources), meaning=question.vector is not None and view.matrix is not None,
        rarity=config.rarity, function_words=config.function_words, text_weight=config.text,
    )  # fmt: skip


def _beside(view: View, places: IntArray, said: FloatArray) -> IntArray:
    """Tell whether the next memory of the episode (1) or the one before (-1) matches better; 0 where both alike."""
    lent = np.append(said, 0.0)
    before, after = view.columns.previous[places], view.columns.following[places]
    more: FloatArray = lent[np.where(after < view.n, after, -1)] - lent[before]
    return (more > 0.0).astype(np.int64) - (more < 0.0)


def as_hits(ranking: Ranking, memories: Mapping[int, Memory], chances: FloatArray) -> tuple[Hit, ...]:
    """Put a ranking and its loaded memories together.

    Parameters
    ----------
    ranking : Ranking
        What `rank` returned.
    memories : mapping of int to Memory
        By id; a memory that is not there (any more) is left out.
    chances : array of float64, shape (m,)
        How sure each is.
    """
    hits = []
    rows = zip(
        ranking.ids.tolist(), ranking.scores.tolist(), ranking.shares.tolist(), ranking.n_repeats.tolist(),
        ranking.beside.tolist(), chances.tolist(), strict=True,
    )  # fmt: skip
    for id_, total, shares, n_repeats, beside, chance in rows:
        memory = memories.get(id_)
        if memory is not None:
            mine = {channel: share for channel, share in zip(ranking.channels, shares, strict=True) if share > 0.0}
            why = Why(mine, words=ranking.words, memory=memory, beside=beside)
            hits.append(Hit(memory, total, why, n_repeats, chance))
    return tuple(hits)
