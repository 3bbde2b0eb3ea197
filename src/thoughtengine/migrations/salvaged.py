"""Salvaged: rows that a damaged store of format 1 no longer gives, and that are still whole in what was kept aside in `.te/`."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import closing
from pathlib import Path

from thoughtengine.config import StorageConfig
from thoughtengine.migrations.before import Before
from thoughtengine.migrations.kept import find_kept, lay
from thoughtengine.migrations.noted import note_anew
from thoughtengine.migrations.sweep import row_digest
from thoughtengine.migrations.v0002_envelopes import Appraisal, Memory, layers_down
from thoughtengine.storage.contract import PAGE, Rows, Store
from thoughtengine.storage.copies import CloneStore
from thoughtengine.storage.files import PART, discard
from thoughtengine.storage.folder import generation_name
from thoughtengine.storage.keyspace import APPRAISAL, CARRIED, LOWERED, MEMORY, ORIGIN
from thoughtengine.storage.origin import CarriedRecord, LoweredRecord, OriginRecord
from thoughtengine.storage.store import Level

__all__ = ["complete"]


def complete(root: Path, level_path: Path, deleted: Container[bytes], config: StorageConfig) -> int:
    """Put into a salvaged store the rows that went down and that it lacks, as they went down; return how many.

    What is not there because it could not be read would else be taken for deleted by the old program.

    Parameters
    ----------
    root : Path
        The folder of format 1, with what was kept aside.
    level_path : Path
        The salvaged store, which nobody has open.
    deleted : container of bytes
        Keys that are known to have been deleted since: these stay so.
    config : StorageConfig
        For both.
    """
    kept, _ = find_kept(root)
    if kept is None:
        return 0
    part = level_path.with_name(generation_name(kept.generation) + PART)
    laid = lay(root, kept, part, config)
    try:
        with closing(Level(str(level_path), config)) as level, closing(_Kept(part, config)) as store:
            if laid.told:
                store.head = laid.head
                note_anew(store, Before(level))
            return _fill(level, store, deleted)
    finally:
        discard(part)


class _Kept(CloneStore):
    """A throw-away clone of what was kept aside that can be written to, as that may have to be noted anew.

    Parameters
    ----------
    generation : Path
        It, laid out.
    """

    def __init__(self, generation: Path, config: StorageConfig) -> None:
        super().__init__(generation, generation.with_name("kept" + PART), config)

    def _write(self, puts: Rows, deletes: list[bytes], sync: bool) -> None:
        self._level.write(puts, deletes, sync)


def _fill(level: Level, kept: Store, deleted: Container[bytes]) -> int:
    rows, n = Rows(), 0
    for key, value in _went_down(kept):
        if key in deleted or level.get(key) is not None:
            continue
        rows.append((key, value))
        n += 1
        if len(rows) >= PAGE:
            level.write(rows, [], False)
            rows = []
    level.write(rows, [], True)
    level.flush()
    return n


def _went_down(kept: Store) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of what went down, where it is known byte for byte."""
    carried = {row.key: row.value for _, row in kept.rows(CARRIED, CarriedRecord)}
    for noted, _ in kept.raw(LOWERED):
        key = noted[1:]
        lowered = kept.get(LOWERED, key, LoweredRecord)
        if lowered is None:
            continue
        value = carried.get(key) if not lowered.id else _value(kept, key, lowered.id)
        if value is not None and row_digest(key, value) == lowered.digest:
            yield key, value


def _value(kept: Store, key: bytes, id_: int) -> bytes | None:
    origin = kept.get(ORIGIN, id_, OriginRecord)
    if origin is not None:
        return origin.value if origin.key == key else origin.emotion
    memory = kept.get(MEMORY, id_, Memory)
    return None if memory is None else layers_down(memory, kept.get(APPRAISAL, id_, Appraisal))
