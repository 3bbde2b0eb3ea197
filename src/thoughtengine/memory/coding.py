"""Coding: the encoder's vectors, for what comes in and for what an earlier encoder or none had taken in."""

from __future__ import annotations

from collections.abc import Sequence

from thoughtengine._types import Progress, SingleArray
from thoughtengine.encoders import Encoder, encode
from thoughtengine.memory.collection import Collection
from thoughtengine.memory.record import VectorRecord
from thoughtengine.memory.remember import Draft
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import CODE

__all__ = ["codes_of", "encode_missing"]

_CHUNK = 64
"""Texts given to the encoder at a time."""


def codes_of(encoder: Encoder | None, drafts: Sequence[Draft]) -> list[SingleArray | None]:
    """Return the encoder's vector of each draft that has a text and no vector of the host's; None for the others."""
    codes: list[SingleArray | None] = [None] * len(drafts)
    if encoder is None:
        return codes
    lacking = [(i, d.record.text) for i, d in enumerate(drafts) if d.vector is None and d.record.text is not None]
    if lacking:
        for (i, _), vector in zip(lacking, encode(encoder, [text for _, text in lacking]), strict=True):
            codes[i] = vector.copy()  # the encoder may write its next answer into the same array
    return codes


def encode_missing(store: Store, memories: Collection, encoder: Encoder, *, progress: Progress) -> None:
    """Encode what this encoder has not yet: on the first opening with it, or after one without.

    Killed in between, the next opening goes on with what is left.
    """
    pending = list(memories.live.without_vector())
    if pending:
        memories.live.outdated(id_ for id_, _ in pending)
    for start in range(0, len(pending), _CHUNK):
        chunk = pending[start : start + _CHUNK]
        vectors = encode(encoder, [text for _, text in chunk])
        batch = Batch()
        for (id_, _), vector in zip(chunk, vectors, strict=True):
            batch.put(CODE, id_, VectorRecord(data=vector.tobytes(), fingerprint=encoder.fingerprint))
        store.commit(batch)
        progress("encoding", start + len(chunk), len(pending))
