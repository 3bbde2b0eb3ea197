"""Answer: from a cue to a `Recall`: how encoders see it, what is found, read, looked at word for word, and how sure that is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from thoughtengine._types import SingleArray
from thoughtengine.config import RecallConfig
from thoughtengine.encoders import Encoder, TokenEncoder, encode
from thoughtengine.errors import VectorDimensionError
from thoughtengine.memory.collection import Collection, Records
from thoughtengine.memory.experience import Memory
from thoughtengine.memory.index.view import View
from thoughtengine.memory.moment import to_stored
from thoughtengine.memory.recall.chance import Calibration, judge
from thoughtengine.memory.recall.channels import CHANNELS, compiled
from thoughtengine.memory.recall.hit import Cue, Hit
from thoughtengine.memory.recall.phrase import Phrases, phrases_in, with_phrases
from thoughtengine.memory.recall.question import Associated, Question, ask
from thoughtengine.memory.recall.ranking import Ranking
from thoughtengine.memory.recall.recollection import Access, Recall
from thoughtengine.memory.recall.scores import as_hits, rank
from thoughtengine.memory.recall.signs import Signs, features
from thoughtengine.memory.where import Where

__all__ = ["Answering", "Asked"]


class Asked(NamedTuple):
    """A cue and all that was asked with it, checked.

    Attributes
    ----------
    cue : Cue
        What is looked for.
    where : Where
        Which memories may be found.
    k : int
        How many at most.
    now : (int, int)
        Microseconds since 1970, and seconds east of UTC.
    min_chance : float or None
        Least chance of a hit.
    feeling : (float, float or None), or None
        Valence and arousal that count more, see `akin`.
    """

    cue: Cue
    where: Where
    k: int
    now: tuple[int, int]
    min_chance: float | None = None
    feeling: tuple[float, float | None] | None = None


class Answering:
    """Answers cues from the memories of a mind; looking changes nothing.

    Parameters
    ----------
    memories : Collection
        Where the answers are.
    config : RecallConfig
        Weights and switches.
    encoder : Encoder or None
        The one that counts.
    ready : callable
        Raises once the mind is closed.

    Attributes
    ----------
    former : Encoder or None
        The one before, while its vectors are still in use.
    calibration : Calibration
        What chances rest on.
    associate : callable or None
        Cue and its vector → ids that go with it, ascending, and how strongly, in [0, 1].
    """

    def __init__(
        self, memories: Collection, config: RecallConfig, encoder: Encoder | None, ready: Callable[[], None]
    ) -> None:
        self._memories, self._config, self._encoder, self._ready = memories, config, encoder, ready
        self._on = config.weights
        self._speller = encoder if self._on["dense_weighted"] and isinstance(encoder, TokenEncoder) else None
        self.former: Encoder | None = None
        self.calibration = Calibration()
        self.associate: Callable[[Cue, SingleArray | None], Associated] | None = None

    def recall(self, asked: Asked) -> Recall:
        """Return what a cue calls up."""
        begun = time.perf_counter()
        stored = self._memories.n_stored
        view = self._memories.view(whole=False)
        vector, calibration = self.vector_of(asked.cue), self.calibration
        ranking, records, signs = self._ranked(view, asked, vector)
        likely, shown, fits = judge(signs, calibration, min_chance=asked.min_chance, later=ranking.later_rows())
        memories = self._memories.found(view, ranking.places[shown], asked.now[0], records)
        hits = as_hits(ranking, memories, likely)
        return Recall(
            id=os.urandom(8).hex(),
            hits=hits,
            n_candidates=ranking.n_candidates,
            seconds=time.perf_counter() - begun,
            cue=asked.cue,
            n_memories=self._memories.n_visible,
            coverage=self._memories.coverage(view.n, stored),
            fits=fits if hits else 0.0,
            calibration=calibration,
            signs=signs,
            access=self._access(asked, vector, hits, int(view.ids[-1]) if view.n else 0),
        )

    def rank(self, asked: Asked, view: View) -> Ranking:
        """Return what a cue calls up by words and meaning, repeats each for itself, without reading it."""
        question = self._question(view, asked, self.vector_of(asked.cue))
        return rank(view, question, asked.where, k=asked.k, now_us=asked.now[0], config=self._config, folded=False)

    def vector_of(self, cue: Cue) -> SingleArray | None:
        """Return the vector of a cue: its own, or the encoder's.

        Raises
        ------
        VectorDimensionError
            For one of another dimension than the mind's.
        """
        if cue.vector is not None:
            have = self._memories.live.dimension
            if have is not None and cue.vector.size != have:
                raise VectorDimensionError("cue", cue.vector.size, have)
            return cue.vector
        if self._encoder is None or cue.text is None or not self._on["dense"]:
            return None
        encoded: SingleArray = encode(self._encoder, [cue.text])[0]
        return encoded

    def _ranked(self, view: View, asked: Asked, vector: SingleArray | None) -> tuple[Ranking, Records, Signs]:
        """Return the best k, the records that were read for it, and what their chances are computed from."""
        cue, config, k = asked.cue, self._config, asked.k
        weight = self._on["phrase"]
        phrases = phrases_in(cue.text) if cue.text is not None and weight else Phrases()
        question = self._question(view, asked, vector)
        ranking = rank(view, question, asked.where, k=phrases.n_read(k), now_us=asked.now[0], config=config)
        ids = ranking.ids.tolist()
        records = self._memories.records(ids)
        texts = [records[id_][0].text if id_ in records else None for id_ in ids]
        ranking = with_phrases(ranking, phrases, texts, weight=weight, k=k)
        return ranking, records, self._signs(view, cue, question, ranking)

    def _question(self, view: View, asked: Asked, vector: SingleArray | None) -> Question:
        cue, (now, offset) = asked.cue, asked.now
        at = None if cue.at is None else to_stored("at", cue.at)
        speller = self._speller if cue.vector is None else None
        local = now + offset * 1_000_000
        question = ask(view, cue.text, vector, at, cue.episode, local, speller, self._formerly(view, cue))
        if asked.feeling is None and self.associate is None:
            return question
        associated = question.associated if self.associate is None else self.associate(cue, vector)
        return question._replace(feeling=asked.feeling, associated=associated)

    def _formerly(self, view: View, cue: Cue) -> dict[str, SingleArray]:
        """Return the cue as the encoder before sees it, while its vectors are still in use; a vector is looked for among all."""
        if cue.vector is not None:
            return dict.fromkeys(view.makers - {view.made_by}, cue.vector)
        former = self.former
        if former is None or cue.text is None or former.fingerprint not in view.makers:
            return {}
        return {former.fingerprint: encode(former, [cue.text])[0]}

    def _signs(self, view: View, cue: Cue, question: Question, ranking: Ranking) -> Signs:
        config = self._config
        lengths = view.columns.length[ranking.places] / (view.totals.mean_words or 1.0)
        return features(
            ranking.scores, ranking.shares, ranking.channels or CHANNELS,
            config.k1 * (1.0 - config.b + config.b * lengths), ranking.crowd,
            n=view.n, text=cue.text or "", words=question.words[: len(ranking.frequency)], frequency=ranking.frequency,
            named=bool(question.sources), meaning=bool(question.units) and view.n_vectors > 0,
            rarity=config.rarity, function_words=config.function_words, text_weight=config.text, maths=compiled(view.n),
        )  # fmt: skip

    def _access(self, asked: Asked, vector: SingleArray | None, hits: Sequence[Hit], newest: int) -> Access:
        """Return what the recall may still be asked: it ranks once more, so that who asks for no context pays nothing for it."""

        def present(ids: Iterable[int]) -> dict[int, Memory]:
            self._ready()
            found = ((id_, self._memories.memory(id_, asked.now[0])) for id_ in ids)
            return {id_: memory for id_, memory in found if memory is not None}

        def more(n: int, least: float) -> tuple[Hit, ...]:
            self._ready()
            view, known = self._memories.view(whole=False), {hit.id for hit in hits}
            before = msgspec.structs.replace(asked.where, newest=newest)
            ranking, records, signs = self._ranked(view, asked._replace(k=asked.k + n, where=before), vector)
            likely, shown, _ = judge(signs, self.calibration, min_chance=asked.min_chance, later=ranking.later_rows())
            good = shown & (ranking.scores >= least) & ~view.is_repeat(ranking.places, known)
            memories = self._memories.found(view, ranking.places[good], asked.now[0], records)
            return tuple(hit for hit in as_hits(ranking, memories, likely) if hit.id not in known)[:n]

        def rare(found: Sequence[str]) -> list[float]:
            from thoughtengine.memory.recall.cited import rarity

            self._ready()
            return rarity(self._memories.view(whole=False), found)

        return Access(present, more, rare)
