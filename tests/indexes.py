"""What tests of recall build: entries from a few words, indexes from entries, rankings from a question."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np

from thoughtengine.config import RecallConfig
from thoughtengine.memory import index as index_module
from thoughtengine.memory import shortlist as shortlist_module
from thoughtengine.memory.entry import Entry, make_entry
from thoughtengine.memory.experience import LAYERS, Memory
from thoughtengine.memory.hit import Cue
from thoughtengine.memory.index import Index
from thoughtengine.memory.moment import from_stored, to_stored
from thoughtengine.memory.ranking import Ranking
from thoughtengine.memory.recall import rank
from thoughtengine.memory.record import MemoryRecord
from thoughtengine.memory.where import parse_where

NOON = to_stored("at", "2024-05-08T12:00:00+00:00")[0]
DAY = 86_400_000_000


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
    index.extend((id_, made, None, None) for id_, made in enumerate(entries, first))
    return index


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
    **where: Any,
) -> Ranking:
    """Return what an index answers; `near` is the episode of the cue."""
    cue = Cue(text, vector=vector, at=at, episode=near)
    return rank(index.view(), cue, cue.vector, parse_where(**where), k=k, now_us=now, config=config or RecallConfig())


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


@contextmanager
def small_parts(*, tail: int = 4, segment: int = 32, bulk: int = 2) -> Iterator[None]:
    """Make indexes seal and merge after a few memories."""
    with patch.multiple(index_module, _TAIL=tail, _SEGMENT=segment, _BULK=bulk):
        yield


@contextmanager
def small_shortlist(pool: int = 4, friends: int = 2) -> Iterator[None]:
    """Make recall look at few memories closely, as it does in large minds."""
    with patch("thoughtengine.memory.channels.POOL", pool), patch.object(shortlist_module, "FRIENDS", friends):
        yield
