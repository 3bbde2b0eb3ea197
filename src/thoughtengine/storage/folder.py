"""The folder of a mind: pointer file, lock, ballast, generations; a store that survives kills, full disks and flipped bits."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

from thoughtengine.config import StorageConfig
from thoughtengine.errors import (
    ForkedError,
    RecordError,
    StoreClosedError,
    StoreDamagedError,
    StoreError,
    StoreExistsError,
    StoreFullError,
    StoreNotFoundError,
    UpgradeRequiredError,
    UpgradeRunningError,
)
from thoughtengine.storage.ballast import Ballast
from thoughtengine.storage.bare import BESIDE, BareLock, clear, is_bare
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import checkpoint
from thoughtengine.storage.codec import body_of, decode, seal
from thoughtengine.storage.contract import PAGE, Rows, Store, sealed
from thoughtengine.storage.files import (
    PART,
    building,
    discard,
    folder_at,
    is_free,
    is_unfinished,
    remove_tree,
    size_of,
    sync_folder,
    sync_tree,
    translated,
)
from thoughtengine.storage.gate import Gate
from thoughtengine.storage.incident import Incident, read_incidents, record_incident
from thoughtengine.storage.keyspace import HEAD, MEMORY, RECEIPT, HeadRecord
from thoughtengine.storage.lock import FolderLock
from thoughtengine.storage.manifest import inspect
from thoughtengine.storage.pointer import STORE, Mark, Pointer, read_pointer, render, write_pointer
from thoughtengine.storage.reach import PerhapsLost, ahead, further, perhaps, reach_of
from thoughtengine.storage.store import Level

__all__ = [
    "ASIDE",
    "QUARANTINE",
    "ROLLBACK",
    "SNAPSHOTS",
    "FolderStore",
    "derived_name",
    "generation_name",
    "mark_of",
    "new_pointer",
    "not_found",
    "open_folder",
    "to_quarantine",
]

QUARANTINE = "quarantine"
ROLLBACK = "rollback"
_ROOM = 8  # write buffers that must be free before a larger one is taken: two logs, two tables, twice that
_PATIENCE = 10.0
"""Seconds to wait for a process that is making the same mind."""
SNAPSHOTS = "snapshots"
ASIDE = ".old" + PART
"""Ending of a snapshot's hidden name while an erasure puts a purged one in its place."""

_GENERATION = re.compile(r"gen-\d{6,}")
_DERIVED = re.compile(r"index-\d{6,}")


def generation_name(number: int) -> str:
    """Return the folder name of a generation."""
    return f"gen-{number:06d}"


def derived_name(number: int) -> str:
    """Return the name of the folder of what is derived from a generation."""
    return f"index-{number:06d}"


def new_pointer(**fields: Any) -> Pointer:
    """Return the pointer of a new mind."""
    return Pointer(
        uuid=str(uuid.uuid4()),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        written_by=f"thoughtengine {_version()}",
        components={"storage": 1, "layers": 1, "engine": 1, "integration": 1},
        **fields,
    )


def _version() -> str:
    from importlib import metadata  # 25 ms of imports that opening an existing mind does not need

    try:
        return metadata.version("thoughtengine")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def open_folder(path: str | os.PathLike[str], config: StorageConfig, *, create: bool) -> tuple[FolderStore, bool]:
    """Open the mind at `path`, or make one; tell whether it was made.

    Raises
    ------
    StoreNotFoundError
        When there is none and none may or can be made there.
    StoreError
        Any of its kinds, as the folder demands; nothing was touched then.
    """
    root, until = folder_at(path), time.monotonic() + _PATIENCE
    while True:
        try:
            read_pointer(root)
            return FolderStore(root, config), False
        except StoreNotFoundError:
            # another process may be making one in this very folder: then it is waited for
            if not create or not (is_free(root) or is_unfinished(root) or (root / STORE).exists()):
                raise
        try:
            _create(root, config)
            return FolderStore(root, config), True
        except StoreExistsError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _create(root: Path, config: StorageConfig) -> None:
    """Make a mind: the first operations of a LevelDB leave something unopenable, so under another name first."""

    def build(folder: Path) -> None:
        level = Level(str(folder / generation_name(1)), config, create=True)
        try:
            first = HeadRecord(sequence=1)
            key = HEAD.key(0)
            level.write([(key, seal(key, HEAD, 1, msgspec.msgpack.encode(first)))], [], True)
        finally:
            level.close()
        write_pointer(folder, new_pointer(mark=mark_of(first, 1)))

    building(root, build)


class FolderStore(Store):
    """A mind's folder, open and locked.

    Parameters
    ----------
    root : Path
        The folder; it must hold a mind.
    config : StorageConfig
        Buffers and intervals.

    Attributes
    ----------
    root : Path
        The folder.
    pointer : Pointer
        As it stands in the pointer file.
    incidents : list of Incident
        What was noticed since it was opened.
    on_incident : callable or None
        Called with each further one.
    copying : threading.RLock
        Held while a copy is made, and by an erasure, which must reach every copy; taken before `writing`.
    on_return : callable or None
        Called when a write that had been refused turns out to be there: what was derived from the rest is to be read anew.
    """

    upgrades = False
    """Whether this kind of store can serve while an upgrade is not finished."""

    def __init__(self, root: Path, config: StorageConfig) -> None:
        super().__init__()
        self.root, self.config = root, config
        self.incidents: list[Incident] = []
        self.on_incident: Callable[[Incident], None] | None = None
        self.on_return: Callable[[], None] | None = None
        self._gate = Gate()
        self.copying = threading.RLock()
        self._level: Level | None = None
        self._closed = False
        self._forked = False
        self._lock = FolderLock(root, self)
        try:
            with translated(root):
                self._begin()
        except BaseException:
            self._close_level()
            self._lock.release()
            raise
        self._lock.closed = False

    # opening

    def _begin(self) -> None:
        self.pointer, damage = read_pointer(self.root)
        if self.pointer.unfinished and not self.upgrades:
            raise UpgradeRequiredError(
                self.root, "an upgrade is not finished: te.open(path) goes on with it, te.rollback(path) takes it back"
            )
        if damage:
            self._incident("pointer file", f"{damage}; the second copy answered, and was written back", (STORE,))
            if (self.root / STORE).is_dir():
                to_quarantine(self.root, STORE)
            write_pointer(self.root, self.pointer)
        self._tidy()
        self._ballast = Ballast(self.root, 2 * self.config.write_buffer_bytes)
        self._ballast.take()
        self._open_generation()
        self._compare_with_mark()

    def _tidy(self) -> None:
        """Finish a move to quarantine and remove what was left unfinished; nothing where the generation is not there."""
        if not self.generation.is_dir():
            raise StoreDamagedError(
                self.root,
                f"{self.generation.name}/ is gone: restore a backup with te.restore(backup, path)",
                file=self.generation.name,
            )
        if self.pointer.stage != "ROLLING_BACK" and (self.pointer.stage == "UPGRADING" or is_bare(self.root)):
            self._clear_root()
        for name in self.pointer.quarantine:
            if _GENERATION.fullmatch(name) and name != self.generation.name:
                to_quarantine(self.root, name)
        if self.pointer.quarantine:
            self._point(quarantine=())
        told = [*self.root.glob(f"reports/*{PART}"), *self.root.glob(f"incidents/*{PART}")]
        for entry in [*self.root.iterdir(), *self.root.glob("snapshots/*"), *told]:
            named = entry.parent == self.root and _GENERATION.fullmatch(entry.name)
            stale = named and entry not in (self.generation, self._left())
            merged = entry == self.root / BESIDE and not self.pointer.unfinished
            if merged and any(note.salvaged for note in self.pointer.points):
                to_quarantine(self.root, BESIDE)
            elif stale or merged or (entry.name.endswith(PART) and not self._put_back(entry)):
                discard(entry)
        self.tidy_points()
        self._drop_derived()

    def tidy_points(self) -> None:
        """Remove rollback points that the pointer file does not name: of what was killed, or was let go of."""
        kept = {self.root / note.rollback for note in self.pointer.points if note.rollback}
        folder = self.root / ROLLBACK
        if not folder.is_dir():
            return
        for entry in folder.iterdir():
            if entry not in kept:
                discard(entry)
        if not kept:
            discard(folder)

    def _clear_root(self) -> None:
        """Unlink what an upgrade left of the bare LevelDB it took in; what an old program put there is kept as an incident."""
        note = next((each for each in self.pointer.points if not each.namespaces), None)
        sealed = self.root / note.rollback if note is not None and note.rollback else None
        lock = BareLock(self.root)
        try:
            foreign = clear(self.root, sealed)
        finally:
            lock.release()
        if foreign:
            told = f"a program of format 1 opened this folder meanwhile; what it wrote is kept in {foreign}"
            self._incident("old program", told, (foreign,))

    def _left(self) -> Path | None:
        """Return the generation that a running upgrade leaves, which is still read."""
        note = self.pointer.upgrade
        return (
            self.root / generation_name(note.old) if note is not None and note.old and self.pointer.unfinished else None
        )

    @staticmethod
    def _put_back(entry: Path) -> bool:
        """Give a snapshot its name back that an erasure had put aside when it was killed; tell whether it was one."""
        name = entry.name.removeprefix(".").removesuffix(ASIDE)
        target = entry.with_name(name)
        if entry.parent.name != SNAPSHOTS or entry.name != f".{name}{ASIDE}" or target.exists():
            return False
        os.rename(entry, target)
        sync_folder(entry.parent)
        return True

    def _open_generation(self) -> None:
        if self.pointer.state == "DAMAGED" or (problems := inspect(self.generation)):
            self._salvage([] if self.pointer.state == "DAMAGED" else problems)
        try:
            self._level = self._opened()
            self.head = self._found_head()
        except (StoreDamagedError, RecordError):
            self._close_level()
            self._salvage([])
            self._level = self._opened()
            self.head = self._found_head(missing_is_damage=False)

    def _opened(self) -> Level:
        """Open LevelDB; where the disk is too full for that, with the room of the ballast."""
        try:
            return Level(str(self.generation), self.config)
        except StoreFullError:
            self._ballast.release()
            return Level(str(self.generation), self.config)

    def _found_head(self, *, missing_is_damage: bool = True) -> HeadRecord:
        head = self.get(HEAD, 0, HeadRecord)
        if head is None and missing_is_damage and self.pointer.state != "REBUILD":
            raise StoreDamagedError(self.root, "the head row is missing")
        return head or HeadRecord()

    def _compare_with_mark(self) -> None:
        """Notice what a mark covers and is not found. Numbers go on above it, so that none is given out twice."""
        mark, head = self.pointer.mark, self.head
        if self.pointer.state != "REBUILD" and (told := not_found(mark, head)):
            self._incident(
                "lost tail",
                told + ("" if self._lock.closed else perhaps(head, mark)),
                (generation_name(self.pointer.generation),),
                found=head.sequence,
                expected=mark.sequence,
            )
            discard(self.derived_folder)  # it may know of what is lost, under numbers that count as known
            self._point(state="REBUILD", doubt=not self._lock.closed)
        self.head = msgspec.structs.replace(
            head,
            sequence=max(head.sequence, mark.sequence),
            next_id=max(head.next_id, mark.next_id),
            next_receipt=max(head.next_receipt, mark.next_receipt),
            skipped=max(head.skipped, mark.skipped),
        )
        if self.pointer.doubt:
            self._leap()

    def _leap(self) -> None:
        """Let numbers go on behind all that can have been given out; a receipt names the ids, so that they are accounted for."""
        (ids, receipts), head = reach_of(self.pointer.mark), self.head
        if head.next_id < ids or head.next_receipt < receipts:
            there = {MEMORY.number(key) for key, _ in self.raw(MEMORY, after=head.next_id - 1)}
            gone = tuple(id_ for id_ in range(head.next_id, ids) if id_ not in there)
            batch, number = Batch(), max(head.next_receipt, receipts)
            batch.put(RECEIPT, number, PerhapsLost(at=time.time_ns() // 1000, ids=gone))
            self.commit(batch, sync=True, next_id=max(head.next_id, ids), next_receipt=number + 1)
        self._point(doubt=False)

    # what a store must do

    @property
    def generation(self) -> Path:
        """The folder of the generation that serves."""
        return self.root / generation_name(self.pointer.generation)

    @property
    def derived_folder(self) -> Path:
        """The folder of what is derived from this generation; goes with it."""
        return self.root / derived_name(self.pointer.generation)

    def _drop_derived(self) -> None:
        """Remove what was derived from other generations."""
        for entry in self.root.iterdir():
            if _DERIVED.fullmatch(entry.name) and entry != self.derived_folder:
                try:
                    discard(entry)
                except (OSError, StoreError) as error:  # nobody reads it
                    import logging

                    logging.getLogger("thoughtengine").warning("%s is of no use any more: delete it (%s)", entry, error)

    def _open_level(self) -> Level:
        level = self._level
        if level is None:
            self.ready()
            raise StoreFullError(
                self.root, "the store could not be reopened after a failed write: free space, then try again"
            )
        return level

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def ready(self) -> None:
        """Raise when the store was closed or this is a forked child."""
        if self._forked:
            raise ForkedError(
                f"{self.root}: this process was forked from the one that opened the mind; open a mind of its own after the "
                f"fork, or start processes with spawn"
            )
        if self._closed:
            raise StoreClosedError(f"{self.root}: the mind was closed; te.open(path) opens it again")

    def _get(self, key: bytes) -> bytes | None:
        self._to_read()
        try:
            with self._gate:
                return self._open_level().get(key)
        except StoreDamagedError as error:
            raise self.damage_met(error) from error

    def _get_many(self, keys: list[bytes]) -> list[bytes | None]:
        if not keys:
            return []
        self._to_read()
        try:
            with self._gate:
                return self._open_level().get_many(keys)
        except StoreDamagedError as error:
            raise self.damage_met(error) from error

    def _page(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Rows:
        self._to_read()
        try:
            with self._gate:
                return self._open_level().page(start, stop, limit, reverse)
        except StoreDamagedError as error:
            raise self.damage_met(error) from error

    def _to_read(self) -> None:
        """Raise where the folder is another one by now, at the cost of a system call for each read.

        LevelDB opens its files by name when it first needs them, and reading alone makes it compact: in a folder that
        somebody put in the place of ours it would read that one's tables, and delete them.
        """
        if self._level is None:
            self._revive()
        elif not self._lock.in_place():
            self.stay()

    def _revive(self) -> None:
        """Try again where reopening after a failed write had failed; else LevelDB is just being reopened."""
        self.ready()
        with self.writing, translated(self.root):
            if self._level is None and not self._closed:
                self.stay()
                self._reopen_late()

    def stay(self) -> None:
        """Raise when the folder is not the one that was opened: what lies there now is somebody else's."""
        if not self._lock.in_place() or (self._level is not None and not self._level.in_place()):
            raise StoreError(
                self.root, "the folder was moved, replaced or emptied while it was open: nothing was written"
            )

    def damage_met(self, error: StoreDamagedError) -> StoreDamagedError:
        """Note damage so that the next open salvages; the files are left as they are until then."""
        with self.writing, contextlib.suppress(OSError):
            if self.pointer.state != "DAMAGED" and self._level is not None and not self._lock.forked:
                self._point(state="DAMAGED")
                told = f"{error.message}; the next open salvages what is readable"
                self._incident("damage", told, (self.generation.name,))
        return StoreDamagedError(
            self.root,
            f"{error.message}. Close the mind and open it again: what is readable is salvaged into a new generation, the damaged "
            f"files are kept in {QUARANTINE}/; te.check(path) names them",
        )

    def _announce(self, head: HeadRecord) -> None:
        ids, receipts = reach = self.pointer.mark.reach
        if head.next_id > ids or head.next_receipt > receipts:
            with translated(self.root):
                self.ready()
                self._point(mark=msgspec.structs.replace(self.pointer.mark, reach=further(head, reach)))

    def _write(self, puts: Rows, deletes: list[bytes], sync: bool) -> None:
        self.ready()
        self.stay()
        if self._level is None:
            self._reopen_late()
        if not (self._ballast.held or self._ballast.take()):
            raise StoreFullError(
                self.root, "no room even for the reserve: free space, then try again (nothing was written)"
            )
        self._find_room(puts)
        raising = not (self._unmarked + 1) % self.config.mark_every
        try:
            self._open_level().write(puts, deletes, sync or raising)
        except (StoreError, StoreClosedError) as error:
            self._after_failed_write(error, puts)
            return
        if raising:
            self._raise_mark(_head_in(puts))

    def _find_room(self, puts: Rows) -> None:
        """Refuse a batch larger than the buffer unless it fits twice, as log and as table: the ballast is for small ones."""
        size = sum([len(value) for _, value in puts])
        if size > self.config.write_buffer_bytes // 2:
            disk = os.statvfs(self.root)
            if (free := disk.f_bavail * disk.f_frsize) < 3 * size:
                raise StoreFullError(
                    self.root,
                    f"no space left for {size:,} bytes ({free:,} are free, {3 * size:,} wanted): nothing was written",
                )

    def _after_failed_write(self, error: Exception, puts: Rows) -> None:
        """Close, free the ballast, reopen, look whether the write is there.

        After one failed append LevelDB frames all later records wrongly and loses them without a word, so the handle is
        never used again.
        """
        try:
            self._reopen(release=True)
        except StoreFullError as full:
            raise StoreFullError(
                self.root,
                "no space left, not even to look whether this write is there: all before it is; free space, then look",
            ) from full
        key, value = puts[-1]
        if self._open_level().get(key) == value:  # the head row: it had landed after all
            return
        self._incident("write error", f"{error}; the write is not there, all before it is")
        if isinstance(error, StoreFullError):
            raise StoreFullError(
                self.root,
                "no space left: this write is not there, everything acknowledged is; free space and try again",
            ) from error
        raise self.damage_met(error) if isinstance(error, StoreDamagedError) else error

    def _reopen_late(self) -> None:
        """Reopen, where that had failed after a write; raise when that one had landed: whoever calls counts without it."""
        counted = self.head.sequence
        self._reopen()
        if self.head.sequence == counted:
            return
        told = "the write that had failed before is there after all"
        self._incident("write error", told)
        if self.on_return is not None:
            self.on_return()
        raise StoreError(self.root, f"{told}: look, then try this again")

    def _reopen(self, *, release: bool = False) -> None:
        """Close LevelDB and open the serving generation while readers wait; count on from what is found there."""
        self._gate.shut()
        try:
            level, self._level = self._level, None
            if level is not None:
                level.close()
            if release:
                self._ballast.release()
            self._level = self._opened()
        finally:
            self._gate.open()
        self._ballast.take()
        found = self.read_head()
        if found.sequence > self.head.sequence:
            self.head = found

    @contextlib.contextmanager
    def roomy(self, buffer_bytes: int) -> Iterator[None]:
        """Write through a larger buffer meanwhile: LevelDB then merges what is written with what is there fewer times.

        LevelDB is opened anew before and after, so it is for a while in which nobody else reads or writes. Where the disk has
        no room for the reserve that belongs to such a buffer, or the buffer is not larger, nothing changes.
        """
        usual = self.config.write_buffer_bytes
        if buffer_bytes <= usual or not self._take_buffer(buffer_bytes):
            yield
            return
        try:
            yield
        except BaseException:
            with contextlib.suppress(StoreError, StoreClosedError, ForkedError):  # what was met first counts
                self._take_buffer(usual)
            raise
        self._take_buffer(usual)

    def _take_buffer(self, size: int) -> bool:
        """Open LevelDB with another write buffer and the ballast for it; tell whether there was room."""
        with self.writing, translated(self.root):
            self.ready()
            self.stay()
            before, ballast = self.config.write_buffer_bytes, Ballast(self.root, 2 * size)
            if size > before:
                disk = os.statvfs(self.root)
                if disk.f_bavail * disk.f_frsize < _ROOM * size or not ballast.take():
                    self._ballast.held = False
                    self._ballast.take()
                    return False
            level = self._open_level()
            with contextlib.suppress(StoreError):  # whatever it is, opening tells
                if size_of(self.generation) <= before < size:  # small tables too count towards the four that are merged
                    level.compact(b"", b"\xff")
                else:
                    level.flush()
            if size < before:
                self._ballast.release()
            self.config, self._ballast = attrs.evolve(self.config, write_buffer_bytes=size), ballast
            self._reopen()
            return True

    def _close_level(self) -> None:
        self._gate.shut()
        try:
            if self._level is not None:
                self._level.close()
                self._level = None
        finally:
            self._gate.open()

    # the mark

    @property
    def _unmarked(self) -> int:
        """How many writes lie above the mark, those of a life before that was killed among them."""
        return self.head.sequence - self.pointer.mark.sequence

    def _raise_mark(self, head: HeadRecord) -> None:
        with contextlib.suppress(OSError):  # an old mark is a true one, it only covers less
            self._point(mark=mark_of(head, self.pointer.generation))

    def _mark_all(self) -> None:
        self.commit(Batch(), sync=True)
        if self._unmarked:
            self._raise_mark(self.head)

    def sync(self) -> None:
        """Wait until the medium holds all that was acknowledged, and raise the high-water mark."""
        with self.writing, translated(self.root):
            if self._unmarked:
                self._mark_all()

    def _point(self, **changes: Any) -> None:
        self.stay()
        pointer = msgspec.structs.replace(self.pointer, **changes)
        try:
            write_pointer(self.root, pointer)
        except OSError:
            if (self.root / STORE).read_bytes() != render(pointer):
                raise
        self.pointer = pointer  # from the moment it has its name it counts, even if the folder could not be synced

    def update_pointer(self, **changes: Any) -> None:
        """Change fields of the pointer file, atomically and durably."""
        with self.writing, translated(self.root):
            self.ready()
            self._point(**changes)

    def settle(self) -> None:
        """Tell that what is derived has been built again after a salvage or a lost tail."""
        with self.writing, translated(self.root):
            self._mark_all()
            self._point(state="SETTLED")

    @property
    def must_rebuild(self) -> bool:
        """Whether what is derived has to be built again before it can be trusted."""
        return self.pointer.state == "REBUILD"

    # generations

    @property
    def next_number(self) -> int:
        """The number of the next generation: above that which serves, and that which a running upgrade leaves."""
        note = self.pointer.upgrade
        return max(self.pointer.generation, note.old if note is not None else 0) + 1

    def checkpoint(self, target: Path, *, brief: bool = False, whole: bool = True) -> HeadRecord:
        """Link a consistent copy of the serving generation to `target` and return its counters; writers wait meanwhile.

        Parameters
        ----------
        target : Path
            In the folder, or on the same disk; it must not exist.
        brief : bool
            Whether the copy soon goes: then it may take the place of the ballast until `reserve`, for a full disk wants a
            backup most.
        whole : bool
            Refuse while an upgrade is not finished: the generation does not hold everything then.
        """
        with self.writing, translated(target), self._gate:
            self.ready()
            if whole:
                self.settled("a copy")
            self.stay()
            try:
                checkpoint(self._open_level(), self.generation, target)
            except OSError:
                if not (brief and self._ballast.held):
                    raise
                self._ballast.release()
                checkpoint(self._open_level(), self.generation, target)
            return self.head

    def compact(self, start: bytes, stop: bytes) -> None:
        """Merge the tables of a range of keys into one level; reads and writes go on meanwhile."""
        self._to_read()
        with self._gate:
            self._open_level().compact(start, stop)

    def settled(self, what: str) -> None:
        """Raise where an upgrade is not finished: the generation that serves does not hold everything yet."""
        if self.pointer.unfinished:
            raise UpgradeRunningError(
                self.root, f"{what} must wait until the upgrade has ended (mind.upgrade.status() tells how far it is)"
            )

    def reserve(self) -> None:
        """Hold the ballast again, where it was lent."""
        with self.writing:
            if self._lock.in_place():
                self._ballast.take()

    def rewrite(
        self,
        drop: set[bytes],
        batch: Batch,
        *,
        whole: bool = True,
        pointer: Mapping[str, Any] | None = None,
        **counters: int,
    ) -> dict[str, Any]:
        """Build a generation without the rows of `drop`, with those of `batch`, and serve from it; the old one goes.

        Bytes that were deleted in a LevelDB stay in its files in several ordinary situations; in files that were never
        written with them they cannot be. Readers go on in the old generation until the switch; writers wait. `pointer` gives
        fields of the pointer file that change with it.

        Returns
        -------
        dict
            How it was done: numbers of the generations, rows kept and dropped, bytes before and after.
        """
        with self.writing, translated(self.root):
            self.ready()
            if whole:
                self.settled("an erasure")
            self.stay()
            old, number = self.generation, self.next_number
            target = self.root / generation_name(number)
            head = msgspec.structs.replace(self.head, sequence=self.head.sequence + 1, **counters)
            batch.put(HEAD, 0, head)
            fresh = sealed(batch, head.sequence)
            mark = mark_of(head, number)
            try:
                kept, dropped = self._copy_without(drop | batch.deletes, dict(fresh), target)
                self._point(generation=number, mark=mark, **(pointer or {}))
                self._reopen()
            except BaseException:
                self._go_by_file(target)
                raise
            discard(old)
            self._drop_derived()
            return {
                "method": "rebuild",
                "old": old.name,
                "new": target.name,
                "rows_kept": kept,
                "rows_dropped": dropped,
            }

    def serve(self, number: int, **changes: Any) -> None:
        """Serve from another generation, complete and durable, which was built from this one; the old one goes."""
        with self.writing, translated(self.root):
            self.ready()
            self.stay()
            old = self.generation
            try:
                self._point(generation=number, mark=mark_of(self.head, number), **changes)
                self._reopen()
            except BaseException:
                self._go_by_file(self.root / generation_name(number))
                raise
            discard(old)
            self._drop_derived()
        if self.on_return is not None:
            self.on_return()

    def _go_by_file(self, target: Path) -> None:
        """Where a change of generation was broken off, serve what the pointer file names: the next open will."""
        with contextlib.suppress(OSError):
            self.stay()
            pointer, _ = read_pointer(self.root)
            if self.root / generation_name(pointer.generation) == target:
                self.pointer = pointer
                self._close_level()
            else:
                remove_tree(target)

    def _copy_without(self, drop: set[bytes], fresh: dict[bytes, bytes], target: Path) -> tuple[int, int]:
        remove_tree(target)
        kept = dropped = 0
        new = Level(str(target), self.config, create=True)
        try:
            rows: Rows = []
            for key, value in self.everything():
                if key in drop:
                    dropped += 1
                elif key not in fresh:
                    rows.append((key, value))
                    kept += 1
                if len(rows) >= PAGE:
                    new.write(rows, [], False)
                    rows = []
            new.write(rows, [], False)
            new.flush()
            new.write(list(fresh.items()), [], True)  # behind the flush, whose failure only a later write tells
        finally:
            new.close()
        sync_tree(target)
        return kept, dropped

    def _salvage(self, problems: list[tuple[str, str]]) -> None:
        """Bring what is readable into a new generation and keep the damaged files."""
        old, number = self.generation, self.next_number
        from thoughtengine.storage.salvage import damaged_files, salvage

        named = problems or damaged_files(old, self.root / ("examine" + PART))
        told = "; ".join(f"{old.name}/{name}: {what}" for name, what in named)
        told = told or f"{old.name}: damage was met that none of its files shows by itself"
        scratch, target = self.root / ("salvage" + PART), self.root / generation_name(number)
        mark = self.pointer.mark
        harvest = salvage(old, scratch, target, self.config, next_receipt=mark.next_receipt)
        doubt = not self._lock.closed and (harvest.torn or harvest.head.sequence < mark.sequence)
        self._point(generation=number, state="REBUILD", quarantine=(old.name,), doubt=doubt)
        kept = to_quarantine(self.root, old.name)
        self._point(quarantine=())
        told += f"; {harvest.rows.get('memory', 0)} memories were salvaged into {generation_name(number)}"
        for name, ids in harvest.without.items():
            told += f"; of memories {', '.join(map(str, ids))} the {name} is gone"
        if harvest.receipts:
            told += f"; receipts {', '.join(map(str, harvest.receipts))} are gone: what they hid or pinned is as if they had not"
        told += perhaps(harvest.head, mark) if doubt else ""
        self._incident(
            "damage",
            f"{told}; the damaged files are kept in {kept}",
            tuple(f"{old.name}/{name}" for name, _ in named),
            rows=harvest.rows,
            unreadable=harvest.unreadable,
            left=harvest.left,
            without=harvest.without,
            receipts=harvest.receipts,
        )

    def _incident(self, kind: str, message: str, files: tuple[str, ...] = (), **data: Any) -> None:
        incident = record_incident(self.root, kind, message, files=files, **data)
        self.incidents.append(incident)
        if self.on_incident is not None:
            self.on_incident(incident)

    def recorded_incidents(self) -> list[Incident]:
        """Return all incidents on record in the folder, oldest first."""
        return read_incidents(self.root)

    # the end

    def close(self) -> None:
        """Sync, raise the mark, close LevelDB and let go of the folder; a second call does nothing.

        Raises
        ------
        StoreDamagedError
            When damage is met that no call had told of; it is closed nevertheless.
        """
        if self._forked or self._closed:
            self._closed = True
            return
        with self.writing:
            told = self.pointer.state == "DAMAGED"
            try:
                if self._level is not None:
                    self.sync()
                    self._lock.closed = not self._unmarked
            except StoreDamagedError:
                if not told:
                    raise
            except StoreFullError as error:  # what was acknowledged is safe; only the mark could not be raised
                import logging

                logging.getLogger("thoughtengine").warning("%s: closing without a sync: %s", self.root, error)
            finally:
                self._closed = True
                self._close_level()
                self._lock.release()

    def forked(self) -> None:
        """Never touch LevelDB again, not even to destroy the handle: called in a forked child."""
        self._forked, level, self._level = True, self._level, None
        self.writing = threading.RLock()  # a thread that does not exist here may hold the other one
        if level is not None:
            level.abandon()
        self._gate = Gate()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self.generation.name}, {self.head.memories} memories"
        return f"<FolderStore {str(self.root)!r}: {state}>"


def to_quarantine(root: Path, name: str) -> str:
    """Put a folder of a mind, by its path in there, where damaged files are kept; return where that is."""
    folder = root / QUARANTINE
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"{name.lstrip('.').replace('/', '-')}-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}"
    if (root / name).exists():
        os.rename(root / name, target)
        sync_folder(folder)
        sync_folder((root / name).parent)
    return f"{QUARANTINE}/{target.name}"


def mark_of(head: HeadRecord, generation: int) -> Mark:
    """Return the mark for counters that a synced write has covered."""
    return Mark(
        generation=generation,
        sequence=head.sequence,
        next_id=head.next_id,
        next_receipt=head.next_receipt,
        memories=head.memories,
        skipped=head.skipped,
        reach=ahead(head),
    )


def not_found(mark: Mark, found: HeadRecord) -> str:
    """Say what had been synced and is not found; empty where it is all there.

    Where the sequence is reached and the numbers are not, it is no log that was cut: these are other files. A mark of a release
    before tells no receipt.
    """
    upto, last = mark.sequence, found.sequence
    if last < upto:
        told = f"writes up to {upto} had been synced and {last} is the last one found: the end of a log is gone"
    elif _is_other(mark, found):
        told = f"up to write {upto}, {mark.memories} memories had been synced, {mark.next_id} was the next id, and there are "
        told += f"{found.memories} and {found.next_id} up to {last}: these are files of another mind, or of a copy"
    else:
        return ""
    if mark.next_id > found.next_id:
        told += f"; memories {found.next_id} to {mark.next_id - 1} are lost"
    if mark.next_receipt > found.next_receipt:
        told += f"; receipts {found.next_receipt} to {mark.next_receipt - 1} are lost: "
        told += "what they hid or pinned is as if they had not"
    return told


def _is_other(mark: Mark, found: HeadRecord) -> bool:
    """Tell whether counters are none that can follow on a mark: numbers only rise, and at its own write they are the same."""
    if found.sequence == mark.sequence and (found.memories, found.next_id) != (mark.memories, mark.next_id):
        return True
    return found.next_id < mark.next_id or found.next_receipt < mark.next_receipt


def _head_in(puts: Rows) -> HeadRecord:
    key, value = puts[-1]
    return decode(body_of(key, value, HEAD), HeadRecord)
