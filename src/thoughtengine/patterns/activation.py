"""Activation: the memories that what a cue names calls up, over one step of associations and the concept it is alike."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from thoughtengine._types import FloatArray, IntArray, SingleArray
from thoughtengine.memory.index.analysis import fold_text, words
from thoughtengine.patterns.concepts import ABSORBED
from thoughtengine.patterns.finders import ENTITY, SOURCE, TAG, Finders, entities, item
from thoughtengine.patterns.telling import Telling

__all__ = ["Activation"]

_LONGEST = 64  # words of a cue that may be names
_STRONGEST = 100  # memories that are called up at most


class Activation:
    """Spreads from what a cue names to what comes together with it.

    Parameters
    ----------
    telling : Telling
        Knows concepts, and which memories may be shown.
    """

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self.forget()

    def forget(self) -> None:
        """Read the associations anew."""
        self._finders: Finders | None = None
        self._covered = 0
        self._beside: dict[int, list[tuple[float, list[int]]]] = {}

    def spread(
        self, *, tags: Iterable[str], sources: Iterable[str], text: str | None, vector: SingleArray | None
    ) -> tuple[IntArray, FloatArray]:
        """Return what is called up, as `PatternManager.activate`."""
        keys = [item(TAG, tag) for tag in tags] + [item(SOURCE, source) for source in sources]
        if text is not None:
            named = [*entities(f"of {text}"), *(word.capitalize() for word in words(fold_text(text))[:_LONGEST])]
            keys += [item(kind, name) for name in named for kind in (ENTITY, SOURCE)]
            keys += [item(TAG, word) for word in words(fold_text(text))[:_LONGEST]]
        scores: dict[int, float] = {}
        beside = self._associated()
        for key in dict.fromkeys(keys):
            for strength, evidence in beside.get(key, ()):
                for id_ in evidence:
                    scores[id_] = scores.get(id_, 0.0) + strength
        for id_ in self._alike(vector):
            scores[id_] = scores.get(id_, 0.0) + 1.0
        best = sorted(scores, key=lambda id_: -scores[id_])[:_STRONGEST]
        ids = np.array(sorted(self._telling.shown(best)), np.int64)
        values = np.array([scores[id_] for id_ in ids.tolist()])
        return ids, values / values.max(initial=1e-12)

    def _associated(self) -> dict[int, list[tuple[float, list[int]]]]:
        """Return how strongly each item is associated with others, and where they were together."""
        finders = self._telling.finders
        if self._finders is not finders or self._telling.is_old(self._covered):
            self._finders, self._covered, self._beside = finders, finders.covered, {}
            found = finders.associations.together()
            for pair, lift, evidence in zip(
                found.pairs.tolist(), found.lifts.tolist(), found.evidence.tolist(), strict=True
            ):
                for key in pair:
                    self._beside.setdefault(key, []).append((float(np.log1p(lift)), [id_ for id_ in evidence if id_]))
        return self._beside

    def _alike(self, vector: SingleArray | None) -> tuple[int, ...]:
        """Return the exemplars of the concept that a vector is alike."""
        concepts = self._telling.finders.concepts
        if vector is None or concepts is None or vector.size != concepts.dimension or not vector.any():
            return ()
        nearest, cosine = concepts.likeness(vector[None])
        concept = self._telling.concept_at(int(nearest[0])) if cosine[0] >= ABSORBED else None
        return () if concept is None else concept.exemplars
