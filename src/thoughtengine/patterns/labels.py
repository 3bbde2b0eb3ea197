"""Labels: the telling words of concepts, read from their exemplars when asked; no word is kept."""

from __future__ import annotations

import collections
import math

import numpy as np

from thoughtengine.memory.collection import Collection
from thoughtengine.memory.index.analysis import FUNCTION_WORDS, fold_text, stem, words
from thoughtengine.memory.record import MemoryRecord
from thoughtengine.patterns.concepts import Grouping
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import MEMORY

__all__ = ["Labels"]

_READ = 12  # exemplars of a concept that are read
_SHOWN = 6  # exemplars and terms that are shown
_PRIOR = 50.0  # words that every concept is thought to have had of the common kind


class Labels:
    """Words and exemplars of concepts.

    Parameters
    ----------
    store, memories
        Where the exemplars are read.

    References
    ----------
    Monroe, Colaresi and Quinn, Fightin' words, 2008: log-odds with an informative Dirichlet prior.
    """

    def __init__(self, store: Store, memories: Collection) -> None:
        self._store, self._memories = store, memories
        self._exemplars: dict[int, tuple[int, ...]] = {}
        self._counts: dict[int, collections.Counter[str]] = {}
        self._shown: dict[str, str] = {}
        self._background = collections.Counter[str]()
        self._terms: dict[int, tuple[str, ...]] = {}

    def learn(self, found: Grouping) -> None:
        """Read the exemplars of every concept."""
        order = np.lexsort((-found.sizes, found.concepts))
        members: dict[int, list[list[int]]] = {}
        for at in order.tolist():
            members.setdefault(int(found.concepts[at]), []).append(found.exemplars[at].tolist())
        for concept, clusters in members.items():
            turns = (
                ids[rank] for rank in range(found.exemplars.shape[1]) for ids in clusters
            )  # the best of each first
            self._read(concept, [id_ for id_ in turns if id_])

    def _read(self, concept: int, ids: list[int]) -> None:
        counts, kept = collections.Counter[str](), list[int]()
        for id_ in dict.fromkeys(ids):
            if len(kept) == _READ:
                break
            record = self._store.get(MEMORY, id_, MemoryRecord)
            if record is None or self._memories.mark(id_).forgotten:
                continue
            kept.append(id_)
            for word in set(words(fold_text(record.text or ""))):
                if word not in FUNCTION_WORDS and len(word) > 1 and not word.isdigit():
                    key = stem(word)
                    counts[key] += 1
                    if len(word) <= len(self._shown.get(key, word)):
                        self._shown[key] = word
        self._exemplars[concept], self._counts[concept] = tuple(kept[:_SHOWN]), counts
        self._background.update(counts)

    def exemplars(self, concept: int) -> tuple[int, ...]:
        """Return the ids of the memories most alike to a concept that are there and not forgotten."""
        return self._exemplars.get(concept, ())

    def terms(self, concept: int) -> tuple[str, ...]:
        """Return the most telling words of a concept, most telling first."""
        if concept not in self._terms:
            self._terms[concept] = self._telling(self._counts.get(concept, collections.Counter()))
        return self._terms[concept]

    def _telling(self, counts: collections.Counter[str]) -> tuple[str, ...]:
        n, total = sum(counts.values()), max(sum(self._background.values()), 1)
        scores = {}
        for word, count in counts.items():
            usual = _PRIOR * self._background[word] / total
            rest = self._background[word] - count + usual
            odds = math.log((count + usual) / max(n + _PRIOR - count - usual, 0.5))  # 0 where it is the only word
            odds -= math.log(rest / max(total - n + _PRIOR - rest, 0.5)) if rest > 0.0 else 0.0
            scores[word] = odds / math.sqrt(1.0 / (count + usual) + 1.0 / max(rest, 1e-9))
        often = max(2, max(counts.values(), default=0) // 4)  # what one member says alone tells little of the others
        best = sorted(scores, key=lambda word: (counts[word] < often, -scores[word], word))
        return tuple(self._shown[word] for word in best[:_SHOWN])
