"""What tests of recall build: entries from a few words, indexes from entries, rankings from a question."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

from thoughtengine.config import RecallConfig
from thoughtengine.memory.experience import LAYERS, Memory
from thoughtengine.memory.index import arrays
from thoughtengine.memory.index import index as index_module
from thoughtengine.memory.index.entry import Entry, make_entry
from thoughtengine.memory.index.index import Index, Row
from thoughtengine.memory.moment import from_stored, to_stored
from thoughtengine.memory.recall import shortlist as shortlist_module
from thoughtengine.memory.recall.hit import Cue
from thoughtengine.memory.recall.question import ask as question_of
from thoughtengine.memory.recall.ranking import Ranking
from thoughtengine.memory.recall.scores import rank
from thoughtengine.memory.record import MarkRecord, MemoryRecord
from thoughtengine.memory.where import parse_where

NOON = to_stored("at", "2024-05-08T12:00:00+00:00")[0]
DAY = 86_400_000_000
NEARLY = 2e-4
"""How far apart scores may be that differ by the rounding of vectors: of two numbers a vector, where nothing evens out."""


def record(
    text: str | None = None, *, at: int | str | dt.datetime = NOON, layer: str = "sensory", **fields: Any
) -> MemoryRecord:
    """Return a memory as it is stored; `at` in microseconds, or anything with an offset."""
    moment, offset = (at, 0) if isinstance(at, int) else to_stored("at", at)
    fields["tags"] = tuple(fields.get("tags", ()))
    return MemoryRecord(layer=LAYERS.index(layer), at=moment, offset=offset, added=NOON, text=text, **fields)


def entry(text: str | None = None, **fields: Any) -> Entry:
    """Return the index row of such a memory."""
    return make_entry(record(text, **fields))


def memory(id_: int, of: MemoryRecord) -> Memory:
    """Return a stored memory as a host sees it."""
    return Memory(
        id=id_,
        key=of.key,
        layer=LAYERS[of.layer],
        text=of.text,
        at=from_stored(of.at, of.offset),
        source=of.source,
        tags=of.tags,
        episode=of.episode,
        affect=None,
        surprise=None,
        salience=0.5,
        payload=of.payload,
        kind=of.kind,
        strength=1.0,
        derived_from=(),
        superseded_by=None,
    )


def index_of(*entries: Entry, first: int = 1, dimension: int | None = None) -> Index:
    """Return an index of entries, ids from `first`."""
    index = Index(RecallConfig(), dimension)
    index.extend(Row(id_, made) for id_, made in enumerate(entries, first))
    return index


def with_vector(id_: int, made: Entry, vector: Iterable[float] | None, mark: MarkRecord | None = None) -> Row:
    """Return a row whose memory may have a vector."""
    vectors = None if vector is None else np.array(vector, np.float32)
    return Row(id_, made, vectors, mark)


def ask(
    index: Index,
    text: str | None = None,
    *,
    k: int = 10,
    now: int = NOON,
    config: RecallConfig | None = None,
    vector: Iterable[float] | None = None,
    at: str | dt.datetime | None = None,
    near: str | None = None,
    feeling: tuple[float, float | None] | None = None,
    associated: dict[int, float] | None = None,
    **where: Any,
) -> Ranking:
    """Return what an index answers; `near` is the episode of the cue, `associated` what patterns call up, by id."""
    view, cue = index.view(), Cue(text, vector=vector, at=at, episode=near)
    moment = None if cue.at is None else to_stored("at", cue.at)
    question = question_of(view, text, cue.vector, moment, near, now)._replace(feeling=feeling)
    if associated is not None:
        known = sorted(associated)
        question = question._replace(associated=(np.array(known, np.int64), np.array([associated[i] for i in known])))
    return rank(view, question, parse_where(**where), k=k, now_us=now, config=config or RecallConfig())


def share(ranking: Ranking, channel: str) -> list[float]:
    """Return what a channel gave to each hit."""
    column: list[float] = ranking.shares[:, ranking.channels.index(channel)].tolist()
    return column


def same(one: Ranking, other: Ranking) -> bool:
    """Tell whether two rankings are equal to the last bit."""
    return _same(one, other)


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def nearly(one: Ranking, other: Ranking, *, within: float = NEARLY) -> bool:
    """Tell whether two rankings are the same but for the rounding of vectors: scores alike, near-equal ones in any order."""
    if len(one.ids) != len(other.ids) or not np.allclose(one.scores, other.scores, rtol=0.0, atol=within):
        return False
    mine, theirs = (dict(zip(r.ids.tolist(), r.scores.tolist(), strict=True)) for r in (one, other))
    last = min([*mine.values(), *theirs.values()], default=0.0)
    alone = [score for id_, score in mine.items() if id_ not in theirs]
    alone += [score for id_, score in theirs.items() if id_ not in mine]
    both = [abs(mine[id_] - theirs[id_]) for id_ in mine if id_ in theirs]
    return all(score <= last + within for score in alone) and max(both, default=0.0) <= within


def cut(index: Index) -> Index:
    """Cut the tails that wait for it, as upkeep does, and return the index."""
    while index.frozen:
        assert index.settle(index.frozen[0], index.cut(index.frozen[0]))
    return index


def merged(index: Index, maths: ModuleType = arrays) -> Index:
    """Cut and merge what is due until nothing is, as upkeep does, and return the index."""
    cut(index)
    while parts := index.due():
        assert index.replace(parts, index.merge(parts, maths))
    return index


@contextmanager
def small_parts(*, tail: int = 4, piece: int = 32, bulk: int = 2) -> Iterator[None]:
    """Make indexes seal after a few memories."""
    with patch.multiple(index_module, _TAIL=tail, _PIECE=piece, _BULK=bulk):
        yield


@contextmanager
def small_shortlist(pool: int = 4, friends: int = 2) -> Iterator[None]:
    """Make recall look at few memories closely, as it does in large minds."""
    with patch("thoughtengine.memory.recall.channels.POOL", pool), patch.object(shortlist_module, "FRIENDS", friends):
        yield
