"""A store whose upgrade is not finished: what the sweep has not reached is read from the old generation, through the step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from thoughtengine.config import StorageConfig
from thoughtengine.errors import ForkedError, StoreClosedError, StoreDamagedError
from thoughtengine.migrations.before import Before
from thoughtengine.migrations.lift import lift
from thoughtengine.storage.checkpoint import at_once
from thoughtengine.storage.codec import encode, seal
from thoughtengine.storage.contract import PAGE, Rows
from thoughtengine.storage.files import translated
from thoughtengine.storage.folder import FolderStore, generation_name
from thoughtengine.storage.keyspace import APPRAISAL, FIRST_NEW, MEMORY, NAME, ORIGIN, TERMS, Area
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.origin import OriginRecord
from thoughtengine.storage.pointer import UpgradeNote
from thoughtengine.storage.store import Level, scanning

__all__ = ["Index", "UpgradingStore"]

Index = Callable[[int, bytes, bytes | None], tuple[bytes, bytes, str]]
"""``index(id, memory body, appraisal body)``: the bodies of the index entry and of the name row, and the name or ""."""

_VIRTUAL = {area.prefix: area for area in (MEMORY, APPRAISAL, ORIGIN, TERMS)}
_FALLS_THROUGH = {MEMORY.prefix, APPRAISAL.prefix, ORIGIN.prefix, NAME.prefix}


class UpgradingStore(FolderStore):
    """A folder whose generation is being filled from an older one.

    Parameters
    ----------
    root, config : Path, StorageConfig
        As for `FolderStore`.
    index : callable
        Makes the derived rows of a memory.

    Attributes
    ----------
    before : Before or None
        The old generation, until the switch; None where the keys stay.
    swept, indexed : int
        Ids up to which memories, and index entries, are in the new generation.
    whole : bool
        Whether index entries too are made on the fly, which costs as much as a sweep of them; else those that are not there
        yet are not seen.
    """

    upgrades = True

    def __init__(self, root: Path, config: StorageConfig, index: Index) -> None:
        self.before: Before | None = None
        self._index = index
        self.swept = self.indexed = 0
        self.whole = False
        self._earlier: list[Before] = []  # generations that were damaged: whoever reads in one may go on
        super().__init__(root, config)
        note = self.pointer.upgrade
        if note is not None and note.old and self.pointer.unfinished:
            try:
                with translated(root):
                    self._open_before(note)
            except BaseException:
                self.close()
                raise

    def _open_before(self, note: UpgradeNote) -> None:
        copies = (self.root / generation_name(note.old), self.root / note.rollback)
        if not note.damaged and not any(map(inspect, copies if note.rollback else copies[:1])):
            try:
                self.read_before()
                return
            except StoreDamagedError as error:
                note = msgspec.structs.replace(note, damaged=error.message)
                self.update_pointer(upgrade=note)
        if not self.mend():
            self.read_before()

    def read_before(self) -> None:
        """Read the old generation that the pointer file names, from now on."""
        note = self.pointer.upgrade
        if note is not None and note.old:
            level = _Watched(str(self.root / generation_name(note.old)), scanning(self.config), self._old_damage)
            before, self.before = self.before, Before(level, note.lost)
            self._earlier += [] if before is None else [before]

    def _old_damage(self, error: StoreDamagedError) -> StoreDamagedError:
        """Note damage that was met in the old generation, so that it is mended."""
        told = f"{Path(error.path).name}: {error.message}"
        with self.writing:
            note = self.pointer.upgrade
            if note is None or not self.pointer.unfinished:
                return error
            if not note.damaged and Path(error.path).name == generation_name(note.old):
                with contextlib.suppress(OSError, StoreClosedError, ForkedError):
                    self.update_pointer(upgrade=msgspec.structs.replace(note, damaged=told))
        if not note.digest:  # nothing was swept: where the sealed copy is damaged too, it is given back
            return error
        if note.again:
            way = "te.rollback(path) gives the old files back, te.upgrade(path, into=NEW, salvage=True) carries what can be read"
        else:
            way = "the upgrade that runs, or the next opening, goes on with what can be read; te.rollback(path) takes it back"
        return StoreDamagedError(
            self.root, f"{told}. The old store is damaged in the middle of its upgrade: {way}", file=error.file
        )

    def mend(self, breathe: Callable[[], None] = at_once) -> bool:
        """Put what can be read in the place of an old generation that is damaged; tell whether anything had to be done."""
        from thoughtengine.migrations.mend import mend

        return mend(self, breathe)

    def own(self, area: Area) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows of an area that the new generation itself holds."""
        start = area.prefix
        while page := super()._page(start, area.stop, PAGE, False):
            yield from page
            start = page[-1][0] + b"\x00"

    @property
    def counted(self) -> bool:
        """Whether the old memories are in the counters: from the moment on that the rollback point is verified."""
        note = self.pointer.upgrade
        return self.before is None or note is None or note.again or self.head.skipped[0] > 1 or bool(note.digest)

    @property
    def total(self) -> int:
        """How many memories there are, forgotten ones too."""
        return self.head.memories + self._uncounted

    @property
    def skipped(self) -> tuple[int, int]:
        """Ids from the first on, before the second, that are never given out."""
        first, stop = self.head.skipped
        return first + (0 if self.counted or self.before is None else self.before.top()), stop

    @property
    def _uncounted(self) -> int:
        """Memories that are not in the counters yet; the first call costs a scan of their keys."""
        before = self.before
        return 0 if self.counted or before is None else before.count()

    def _get(self, key: bytes) -> bytes | None:
        value = super()._get(key)
        if value is None and (before := self._through()) is not None and key[:1] in _FALLS_THROUGH:
            try:
                value = self._from_before(before, key)
            except StoreClosedError:  # the upgrade has ended meanwhile: everything is in the new generation
                if self.before is before:
                    raise
            except StoreDamagedError:
                if self.before is before:
                    raise
                return self._get(key)  # it was mended meanwhile
            return super()._get(key) or value  # a sweep or a writer may have come in between
        return value

    def _get_many(self, keys: list[bytes]) -> list[bytes | None]:
        return super()._get_many(keys) if self._through() is None else [self._get(key) for key in keys]

    def _through(self) -> Before | None:
        """Return what reads fall through to, if they do: what was kept aside has its own ids."""
        return None if self.pointer.upgrade is None or self.pointer.upgrade.again else self.before

    def held(self, key: bytes) -> bool:
        """Tell whether the new generation itself holds a key."""
        return super()._get(key) is not None

    def _from_before(self, before: Before, key: bytes) -> bytes | None:
        area = _VIRTUAL.get(key[:1])
        if area is not None:
            id_ = area.number(key)
            if id_ <= self.swept or id_ >= FIRST_NEW:  # a new one was never in the old generation
                return None
            return next((self._row(before, area, id_, old) for _, old in before.keys(id_, id_)), None)
        if key[:1] == NAME.prefix:
            id_of = before.id_of(key[1:])
            return None if id_of is None else self._name(before, id_of, key)
        return None

    def _bodies(self, before: Before, old: bytes) -> tuple[bytes, bytes | None]:
        memory, appraisal, _ = lift(old, before.get(old) or b"", before.emotion_of(old))
        return encode(memory), None if appraisal is None else encode(appraisal)

    def _row(self, before: Before, area: Area, id_: int, old: bytes) -> bytes | None:
        """Return the sealed row that the sweep will write."""
        key = area.key(id_)
        if area is ORIGIN:
            origin = OriginRecord(key=old, value=before.get(old) or b"", emotion=before.emotion_of(old))
            return seal(key, ORIGIN, 0, encode(origin))
        memory, appraisal = self._bodies(before, old)
        if area is TERMS:
            return seal(key, TERMS, 0, self._index(id_, memory, appraisal)[0])
        if area is APPRAISAL:
            return None if appraisal is None else seal(key, APPRAISAL, 0, appraisal)
        return seal(key, MEMORY, 0, memory, flags=0 if appraisal is None else MEMORY.beside[APPRAISAL.prefix])

    def _name(self, before: Before, id_: int, key: bytes) -> bytes:
        _, name, _ = self._index(id_, *self._bodies(before, key[1:]))
        return seal(key, NAME, 0, name)

    def _page(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Rows:
        before, area = self._through(), _VIRTUAL.get(start[:1])
        if area is not None and (stop > area.stop or (area is TERMS and not self.whole)):
            area = None
        swept = self.indexed if area is TERMS else self.swept  # read before the rows: a sweep only adds
        rows = super()._page(start, stop, limit, reverse)
        if before is None or area is None or swept >= FIRST_NEW:
            return rows
        full = len(rows) == limit
        low = rows[-1][0] if full and reverse else start
        high = rows[-1][0] if full and not reverse else stop
        first = max(swept + 1, int.from_bytes(low[1:9].ljust(8, b"\0"), "big") + (len(low) > 9))
        if first >= FIRST_NEW:
            return rows
        last = min(before.top(), area.number(high[:9]) if high[:1] == area.prefix else before.top())
        there = {area.number(key) for key, _ in rows}
        try:
            made = self._made(before, area, range(first, last + 1), there, limit, reverse)
        except StoreClosedError:
            if self.before is before:
                raise
            return super()._page(start, stop, limit, reverse)
        except StoreDamagedError:
            if self.before is before:
                raise
            return self._page(start, stop, limit, reverse)
        merged = sorted((row for row in [*rows, *made] if start <= row[0] < stop), reverse=reverse)
        return merged[:limit]

    def _made(
        self, before: Before, area: Area, ids: range, there: set[int], limit: int, reverse: bool
    ) -> list[tuple[bytes, bytes]]:
        """Return up to `limit` rows of those ids that are not there yet, from the end that is asked for."""
        made: list[tuple[bytes, bytes]] = []
        blocks = range(ids.start, ids.stop, PAGE)
        for begin in reversed(blocks) if reverse else blocks:
            if there.issuperset(range(begin, min(begin + PAGE, ids.stop))):
                continue
            block = [
                (area.key(id_), value)
                for id_, old in before.keys(begin, min(begin + PAGE, ids.stop) - 1)
                if id_ not in there and (value := self._row(before, area, id_, old)) is not None
            ]
            made = block + made if reverse else made + block
            if len(made) >= limit:
                break
        return made[-limit:] if reverse else made[:limit]

    def leave(self) -> None:
        """Close the old generation: everything is in the new one."""
        before, self.before = self.before, None
        for each in (*self._earlier, *([] if before is None else [before])):
            each.close()
        self._earlier = []

    def close(self) -> None:
        """Sync, close both generations and let go of the folder."""
        super().close()
        self.leave()

    def forked(self) -> None:
        """Touch neither generation any more."""
        super().forked()
        for each in (*self._earlier, *([] if self.before is None else [self.before])):
            each.abandon()


class _Watched(Level):
    """An old generation whose damage is told.

    Parameters
    ----------
    path, config
        As for `Level`.
    met : callable
        ``met(error)``: told of damage; returns the error to raise.
    """

    def __init__(self, path: str, config: StorageConfig, met: Callable[[StoreDamagedError], StoreDamagedError]) -> None:
        super().__init__(path, config)
        self._met = met

    def get(self, key: bytes) -> bytes | None:
        try:
            return super().get(key)
        except StoreDamagedError as error:
            raise self._met(error) from error

    def page(self, start: bytes, stop: bytes | None, limit: int, reverse: bool) -> Rows:
        try:
            return super().page(start, stop, limit, reverse)
        except StoreDamagedError as error:
            raise self._met(error) from error

    def keys(self, start: bytes, stop: bytes | None, limit: int) -> list[bytes]:
        try:
            return super().keys(start, stop, limit)
        except StoreDamagedError as error:
            raise self._met(error) from error
