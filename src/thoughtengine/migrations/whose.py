"""Whose: which memory each row of a sealed copy is, where a store had been of this format before: ids tell nothing there."""

from __future__ import annotations

from collections.abc import Iterator

from thoughtengine.migrations.before import Before
from thoughtengine.migrations.noted import FROM_FORMAT_1, names_down, names_had
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, layers_down
from thoughtengine.storage.contract import Store
from thoughtengine.storage.keyspace import APPRAISAL, MEMORY, ORIGIN
from thoughtengine.storage.origin import OriginRecord

__all__ = ["Owners", "whose"]

Owners = dict[bytes, set[int]]
"""By key of a row the memories whose it is: several where they say the same."""


def whose(store: Store, before: Before, fork_id: int) -> tuple[Owners, Owners]:
    """Return whose each row is, for certain and by its name alone.

    It is certain where a memory keeps these bytes as its origin, or goes down to them. A name alone tells where what a memory
    goes down to has changed since: payloads were upgraded, or damage took what it was made of.

    Parameters
    ----------
    store : Store
        The mind.
    before : Before
        The sealed copy.
    fork_id : int
        The first id that was given out since that copy was made.

    Notes
    -----
    Costs about 30 microseconds a memory.
    """
    certain, named, kept = Owners(), Owners(), set[int]()
    for id_, origin in store.rows(ORIGIN, OriginRecord):
        kept.add(id_)
        for key, value in _rows(origin):
            if before.get(key) == value:
                certain.setdefault(key, set()).add(id_)
    unsure = list[tuple[int, list[bytes]]]()
    for id_, memory in store.rows(MEMORY, Memory):
        if id_ >= fork_id:
            break
        if id_ in kept:
            continue
        names = names_down(id_, memory)
        if memory.origin == FROM_FORMAT_1:  # damage took its origin
            names = [*names_had(store, memory), *names]
        value = layers_down(memory, store.get(APPRAISAL, id_, Appraisal))
        found = [key for key in names if before.get(key) == value]
        for key in found:
            certain.setdefault(key, set()).add(id_)
        if not found:
            unsure.append((id_, names))
    for id_, names in unsure:
        free = (key for key in reversed(names) if key not in certain and before.get(key) is not None)
        if (mine := next(free, None)) is not None:  # that which tells its id is looked for before its own
            beside = b"emotion:" + mine[8:] if mine.startswith(b"sensory:") else mine
            for each in {mine, beside} - certain.keys():
                named.setdefault(each, set()).add(id_)
    return certain, named


def _rows(origin: OriginRecord) -> Iterator[tuple[bytes, bytes]]:
    yield origin.key, origin.value
    if origin.emotion is not None:
        yield b"emotion:" + origin.key[8:], origin.emotion
