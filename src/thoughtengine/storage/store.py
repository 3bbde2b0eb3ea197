"""LevelDB through plyvel: the only file that knows it. Errors are translated here, once."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs

from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreClosedError, StoreDamagedError, StoreError, StoreFullError
from thoughtengine.storage.contract import Rows

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

try:
    import plyvel
except ImportError:  # the fork that has wheels for CPython 3.12 and later: same names, same files
    try:
        import plyvel_next as plyvel
    except ImportError as error:
        raise ImportError(
            "thoughtengine needs a LevelDB binding and found neither plyvel nor plyvel_next: "
            "pip install 'plyvel-next>=2.1.2' (CPython 3.12 and later) or 'plyvel>=1.5.1' (3.11)"
        ) from error

__all__ = ["Level", "repair", "scanning"]

_ROW = 64  # bytes that a row takes in the memtable beside key and value, at most
_EASED = 0.6, 0.9  # parts of the room in the buffer at which the log is brought to the medium behind the calls
_BEHIND = 3  # threads that do so, and make tables
_GLANCE = 0.00005  # seconds between two looks whether a new log has begun, which takes some tenths of a millisecond
_SCANNED = 2 << 20  # bytes of block cache where nothing is read twice
_FULL = ("no space left", "disk quota exceeded", "file too large")


def _options(config: StorageConfig) -> dict[str, Any]:
    return {
        "paranoid_checks": True,
        "write_buffer_size": config.write_buffer_bytes,
        "lru_cache_size": config.cache_bytes,
        "max_open_files": config.max_open_files,
        "bloom_filter_bits": 10,
        "compression": "snappy",
    }


def _translated(path: str, error: Exception) -> Exception:
    """Return our error for one of plyvel's."""
    message = error.args[0] if error.args else ""
    told = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    if isinstance(error, plyvel.CorruptionError):
        return StoreDamagedError(path, f"LevelDB found damage: {told}")
    if any(word in told.lower() for word in _FULL):
        return StoreFullError(path, f"no space left: {told}")
    if isinstance(error, plyvel.Error):
        if any(word in told for word in ("Invalid argument", "No such file", "corrupted", "does not exist")):
            return StoreDamagedError(path, f"LevelDB cannot read its files: {told}")
        return StoreError(path, f"LevelDB reports: {told}")
    if isinstance(error, RuntimeError):
        return StoreClosedError(f"{path}: closed")
    return error


def scanning(config: StorageConfig) -> StorageConfig:
    """Return how to open what is read from end to end, once: its pages fill no cache, what is looked up has a small one."""
    return attrs.evolve(config, cache_bytes=min(config.cache_bytes, _SCANNED))


class Level:
    """One LevelDB folder, open. Every read verifies checksums: LevelDB by itself does not.

    Parameters
    ----------
    path : str
        The folder.
    config : StorageConfig
        Buffer, cache, files.
    create : bool
        Make it; otherwise it must be there: LevelDB makes an empty one of a folder that lost its CURRENT, and deletes the
        tables.

    Raises
    ------
    StoreDamagedError, StoreFullError, StoreError
        As LevelDB reports on opening.
    """

    def __init__(self, path: str, config: StorageConfig, *, create: bool = False) -> None:
        self.path = path
        self._current = os.path.join(path, "CURRENT")
        self._buffer = config.write_buffer_bytes
        self._limit = self._buffer * 3 // 4
        self._keeps = config.cache_bytes > _SCANNED  # whether pages stay in the cache
        self._filled = 0  # bytes in the memtable, roughly, and more rather than less
        self._loose = False  # whether any of them may not be on the medium yet
        self._eased = 0  # how often the log has been sent on its way to it
        self._threads: ThreadPoolExecutor | None = None  # they stay: who begins one waits until it works, milliseconds
        self._behind: list[Future[None]] = []  # logs that go to the medium, full buffers that become tables
        try:
            self._db = plyvel.DB(path, create_if_missing=create, error_if_exists=create, **_options(config))
        except (plyvel.Error, OSError) as error:
            raise _translated(path, error) from error

    def get(self, key: bytes) -> bytes | None:
        """Return the value under `key`."""
        try:
            value: bytes | None = self._db.get(key, verify_checksums=True)
        except (plyvel.Error, RuntimeError) as error:
            raise _translated(self.path, error) from error
        return value

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """Return the value under each key."""
        get = self._db.get
        try:
            return [get(key, verify_checksums=True) for key in keys]
        except (plyvel.Error, RuntimeError) as error:
            raise _translated(self.path, error) from error

    def page(self, start: bytes, stop: bytes | None, limit: int, reverse: bool) -> Rows:
        """Return up to `limit` rows with start <= key < stop; None: to the end."""
        try:
            with self._db.iterator(
                start=start, stop=stop, reverse=reverse, verify_checksums=True, fill_cache=self._keeps
            ) as iterator:
                rows = list(islice(iterator, limit))
            if len(rows) < limit:
                self._look_why_it_ended(rows[-1][0] if rows else None, start, stop, reverse)
        except (plyvel.Error, RuntimeError) as error:
            raise _translated(self.path, error) from error
        return rows

    def keys(self, start: bytes, stop: bytes | None, limit: int) -> list[bytes]:
        """Return up to `limit` keys with start <= key < stop, at a third of what their rows cost."""
        try:
            with self._db.iterator(start=start, stop=stop, include_value=False, verify_checksums=True) as iterator:
                keys = list(islice(iterator, limit))
            if len(keys) < limit:
                self._look_why_it_ended(keys[-1] if keys else None, start, stop, reverse=False)
        except (plyvel.Error, RuntimeError) as error:
            raise _translated(self.path, error) from error
        return keys

    def _look_why_it_ended(self, last: bytes | None, start: bytes, stop: bytes | None, reverse: bool) -> None:
        """Step once more from where a scan ended: one that runs into a damaged block ends as if there were nothing more."""
        iterator = self._db.raw_iterator(verify_checksums=True)
        try:
            if last is not None:
                iterator.seek(last)
            elif not reverse:
                iterator.seek(start)
            elif stop is not None:
                iterator.seek(stop)
            else:
                iterator.seek_to_last()
            if (reverse or last is not None) and iterator.valid():
                iterator.prev() if reverse else iterator.next()
        finally:
            iterator.close()

    def write(self, puts: Rows, deletes: list[bytes], sync: bool) -> None:
        """Write one atomic batch.

        When its buffer is full, LevelDB begins a new log without syncing the old one, and a later sync covers only the new:
        a power failure could then take writes from the middle. So the write that fills the buffer is synced, and the new log
        begun before there is another.
        """
        size = sum([len(key) + len(value) + _ROW for key, value in puts]) + _ROW * len(deletes)
        self._filled += size
        self._loose = self._loose or not sync
        full = self._loose and self._filled >= self._limit
        try:
            batch = self._db.write_batch(sync=sync or full)
            put = batch.put
            for key, value in puts:
                put(key, value)
            for key in deletes:
                batch.delete(key)
            batch.write()
        except (plyvel.Error, OSError, RuntimeError) as error:
            raise _translated(self.path, error) from error
        if size > self._limit or (full and self._filled > self._buffer):
            self.flush()  # two logs longer than the ballast could not be recovered on a full disk
        elif full:
            self._turn()
        elif self._loose and self._eased < len(_EASED) and self._filled >= self._limit * _EASED[self._eased]:
            self._eased += 1
            self._do_behind(self._ease)

    def _ease(self) -> None:
        """Bring the log to the medium as far as it is written, so that who fills the buffer waits for less."""
        with contextlib.suppress(OSError):
            log = os.open(os.path.join(self.path, self._log()), os.O_RDONLY)
            try:
                os.fsync(log)
            finally:
                os.close(log)

    def _do_behind(self, work: Callable[[], None]) -> Future[None] | None:
        """Do something in a thread; None where there can be no more of them, or the program ends."""
        from concurrent.futures import ThreadPoolExecutor

        if self._threads is None:
            self._threads = ThreadPoolExecutor(_BEHIND, "thoughtengine log")
        try:
            done = self._threads.submit(work)
        except RuntimeError:
            self._threads.shutdown(wait=False, cancel_futures=True)  # or it would be done later, unasked
            self._threads = None
            return None
        self._behind = [*(other for other in self._behind if not other.done()), done]
        return done

    def _turn(self) -> None:
        """Begin a new log and return; the full buffer, whose log is on the medium, becomes a table behind the calls.

        LevelDB has one call for it, which returns when the table is there, and where it is compacting when that has ended:
        up to half a second.
        """
        log, flush = self._log(), self._do_behind(self._flush)
        if flush is None:
            self.flush()
            return
        while (now := self._log()) == log and not flush.done():
            time.sleep(_GLANCE)
        if now != log or self._log() != log:  # else there was no room for one: the next write tries again
            self._filled, self._loose, self._eased = 0, False, 0

    def settle(self) -> None:
        """Wait until full buffers are tables, and nothing is written to the folder but what is written here."""
        if not self._behind:
            return
        from concurrent.futures import CancelledError

        for done in self._behind:
            with contextlib.suppress(CancelledError):
                done.exception()  # what went wrong LevelDB tells whoever writes next

    def _log(self) -> str:
        """Return the name of the log that takes the writes; empty where the folder cannot be read."""
        logs: list[str] = []
        with contextlib.suppress(OSError):  # what was written is written
            logs = [name for name in os.listdir(self.path) if name.endswith(".log")]
        return max(logs, key=lambda name: (len(name), name), default="")

    def _flush(self) -> None:
        """Make a table of what is in the buffer; what goes wrong LevelDB tells whoever writes next."""
        with contextlib.suppress(plyvel.Error, RuntimeError):
            self._db.compact_range()

    def in_place(self) -> bool:
        """Tell whether the folder is still there: a log that was unlinked takes writes without a word."""
        return os.access(self._current, os.F_OK)

    def pin(self) -> Any:
        """Return an iterator whose existence keeps the current tables on disk; `close()` it soon."""
        return self._db.raw_iterator()

    def flush(self) -> None:
        """Write the memtable out as a table, synced (compact_range without bounds does only that)."""
        try:
            self._db.compact_range()
            self._filled, self._loose, self._eased = 0, False, 0
        except (plyvel.Error, RuntimeError) as error:
            raise _translated(self.path, error) from error

    def compact(self, start: bytes, stop: bytes) -> None:
        """Merge the tables of a range into one level; reads and writes go on meanwhile."""
        try:
            self._db.compact_range(start=start, stop=stop)
        except (plyvel.Error, RuntimeError) as error:
            raise _translated(self.path, error) from error

    def close(self) -> None:
        """Close; a second call does nothing."""
        self.settle()
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None
        self._db.close()

    def abandon(self) -> None:
        """Leak the handle: in a forked child its destructor would wait for a thread that does not exist there."""
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._db))

    def __repr__(self) -> str:
        return f"<Level {os.path.basename(self.path)}>"


def repair(path: str, *, paranoid: bool) -> None:
    """Run LevelDB's repair on a throw-away copy: it takes no lock and brings back deleted rows.

    Parameters
    ----------
    path : str
        A folder that nobody has open.
    paranoid : bool
        Drop the blocks that do not verify; otherwise a damaged table is kept as it is.
    """
    try:
        plyvel.repair_db(path, paranoid_checks=paranoid, bloom_filter_bits=10, compression="snappy")
    except (plyvel.Error, OSError) as error:
        raise _translated(path, error) from error
