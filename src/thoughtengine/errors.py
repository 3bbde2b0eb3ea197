"""Every error the library raises, in one tree.

::

    ThoughtEngineError
    ├── InvalidArgumentError (ValueError)    an argument of the wrong type, out of range, empty or too large
    │   ├── VectorDimensionError             a vector or an encoder of another dimension than the mind's
    │   └── ImportFormatError                a file to import is not of the form it should be
    ├── BatchError                           one experience in the middle of a batch was bad
    ├── MemoryNotFoundError (KeyError)       no memory has that id or key
    ├── MissingPackageError (ImportError)    an optional package is needed and not installed
    ├── RecordError                          bytes that are not a record of ours
    ├── RecordUpgradeError                   a step of an upgrade failed on a record
    ├── StoreError (OSError)                 anything about the folder
    │   ├── StoreNotFoundError (FileNotFoundError)   there is no mind at that path
    │   ├── StoreExistsError (FileExistsError)       something is already at the target
    │   ├── StoreLockedError                 another process or this one holds it
    │   ├── StoreNewerError                  written by a later release
    │   ├── StoreTooOldError                 written in a format this release cannot read
    │   ├── StoreDamagedError                bytes on disk are not what was written
    │   ├── StoreFullError                   no space left
    │   ├── UpgradeRequiredError             the store must be upgraded first, and that was not asked for
    │   ├── UpgradeRunningError              that must wait until an upgrade has ended
    │   ├── UpgradeFailedError               an upgrade or a rollback could not be done; the store is as it was
    │   └── DowngradeError                   there is no way down
    ├── StoreClosedError                     a verb on a closed mind
    └── ForkedError                          a verb in a forked child
"""

from __future__ import annotations

import reprlib

__all__ = [
    "BatchError",
    "DowngradeError",
    "ForkedError",
    "ImportFormatError",
    "InvalidArgumentError",
    "MemoryNotFoundError",
    "MissingPackageError",
    "RecordError",
    "RecordUpgradeError",
    "StoreClosedError",
    "StoreDamagedError",
    "StoreError",
    "StoreExistsError",
    "StoreFullError",
    "StoreLockedError",
    "StoreNewerError",
    "StoreNotFoundError",
    "StoreTooOldError",
    "ThoughtEngineError",
    "UpgradeFailedError",
    "UpgradeRequiredError",
    "UpgradeRunningError",
    "VectorDimensionError",
]


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 120


def _shown(given: object) -> str:
    """Return the repr of whatever was given, short, even where it has none."""
    try:
        shown = _short.repr(given)
    except Exception:  # noqa: BLE001  a repr may do anything, and the numbers of long ints are refused
        shown = f"<a {type(given).__name__} without repr>"
    return shown if len(shown) <= 120 else shown[:117] + "..."


def _restored(kind: type[ThoughtEngineError], arguments: tuple[object, ...], parts: dict[str, object]) -> object:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(parts)
    return error


class ThoughtEngineError(Exception):
    """Base of every error this library raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        """Cross to another process whole: what a worker of the host raises, its parent sees."""
        return _restored, (type(self), self.args, self.__dict__)


class InvalidArgumentError(ThoughtEngineError, ValueError):
    """Tell that an argument cannot be used; nothing was written.

    Attributes
    ----------
    argument : str
        Name of the argument.
    given : object
        What was given.
    """

    def __init__(self, argument: str, given: object, expected: str) -> None:
        self.argument = argument
        self.given = given
        super().__init__(f"{argument}: expected {expected}; given {_shown(given)} ({type(given).__name__})")


class VectorDimensionError(InvalidArgumentError):
    """Tell that a vector has another dimension than the vectors the mind holds.

    Attributes
    ----------
    have, given_dimension : int
        The mind's dimension, and the one that was given.
    """

    def __init__(self, argument: str, given: int, have: int) -> None:
        self.have = have
        self.given_dimension = given
        super().__init__(argument, given, f"a vector of dimension {have}, as all vectors of this mind")


class ImportFormatError(InvalidArgumentError):
    """Tell that a file to import is not of the form it should be.

    Attributes
    ----------
    path : str
        The file or folder.
    where : str or None
        The place in it: a line, a byte offset, the number of an element.
    """

    def __init__(self, path: object, where: str | None, message: str) -> None:
        self.argument, self.given = "path", path
        self.path, self.where = str(path), where
        super(InvalidArgumentError, self).__init__(f"{self.path}{f', {where}' if where else ''}: {message}")


class BatchError(ThoughtEngineError):
    """Tell which experience stopped `remember_many`, and how many were written before it.

    Attributes
    ----------
    index : int
        Position of the bad experience in the iterable, from 0.
    written : int
        How many experiences in front of it were written; its own batch was not.
    ids : tuple of int
        The ids of those that were written.
    """

    def __init__(self, index: int, ids: tuple[int, ...], reason: Exception) -> None:
        self.index = index
        self.ids = ids
        self.written = len(ids)
        super().__init__(
            f"experience {index}: {reason}; {self.written} before it were written, its batch was not: "
            f"mend it and go on from number {self.written}"
        )


class MemoryNotFoundError(ThoughtEngineError, KeyError):
    """Tell that no memory has this id or key.

    Attributes
    ----------
    id_or_key : int or str
        What was asked for.
    """

    def __init__(self, id_or_key: object, hint: str = "") -> None:
        self.id_or_key = id_or_key
        what = "key" if isinstance(id_or_key, str) else "id"
        self.message = f"no memory with {what} {_shown(id_or_key)}{': ' + hint if hint else ''}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class MissingPackageError(ThoughtEngineError, ImportError):
    """Tell that what was asked for needs an optional package.

    Attributes
    ----------
    package, extra : str
        The package, and the extra of ours that brings it.
    """

    def __init__(self, package: str, extra: str, reason: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{package}: {reason}: run `pip install 'thoughtengine[{extra}]'`")


class RecordError(ThoughtEngineError):
    """Tell that bytes do not decode to the record they should be (the checksum, the envelope or the body is wrong)."""


class RecordUpgradeError(ThoughtEngineError):
    """Tell that a step of an upgrade failed on a record; the record is as it was.

    Attributes
    ----------
    record, step : str
        Which record (its key or id), and which step.
    must : bool
        Whether that step must succeed; where it may fail, the record stays at its version.
    """

    def __init__(self, record: object, step: str, reason: object, *, must: bool = True) -> None:
        self.record, self.step, self.must = str(record), step, must
        super().__init__(f"step {step} failed on record {_shown(record)}: {reason}")


class StoreError(ThoughtEngineError, OSError):
    """Tell that something about the folder is wrong.

    Attributes
    ----------
    path, message : str
        The folder or file, and what is said of it.
    ids : tuple of int
        From `remember_many`: what had been written before.
    """

    ids: tuple[int, ...] = ()

    def __init__(self, path: object, message: str) -> None:
        self.path, self.message = str(path), message
        super().__init__(f"{self.path}: {message}")


class StoreNotFoundError(StoreError, FileNotFoundError):
    """Tell that there is no mind at the path."""


class StoreExistsError(StoreError, FileExistsError):
    """Tell that the target of a copy is already there; nothing was touched."""


class StoreLockedError(StoreError):
    """Tell that the mind is open elsewhere.

    Attributes
    ----------
    pid : int or None
        Process id of the holder, where it could be read.
    host : str or None
        Its host.
    since : str or None
        When it opened the mind, ISO 8601.
    """

    def __init__(self, path: object, message: str, *, pid: int | None, host: str | None, since: str | None) -> None:
        self.pid, self.host, self.since = pid, host, since
        super().__init__(path, message)


class StoreNewerError(StoreError):
    """Tell that a later release wrote the store; it was not touched.

    Attributes
    ----------
    have, need : int
        The format this release reads, and the one that the store needs; with `kind`, versions of that payload.
    kind : str or None
        The kind of payload of which a later hook wrote.
    """

    def __init__(self, path: object, *, have: int, need: int, written_by: str, kind: str | None = None) -> None:
        self.have, self.need, self.kind = have, need, kind
        if kind is not None:
            told = f"payloads of kind {kind!r} have version {need} and the hooks that were given know {have}"
            super().__init__(path, f"{told}: open it with the hooks of the later release (nothing was touched)")
            return
        super().__init__(
            path,
            f"the store needs a reader of format {need} and this release reads up to {have}; it was written by "
            f"{written_by}: install that release or a later one (nothing was touched)",
        )


class StoreTooOldError(StoreError):
    """Tell that the store has a format older than this release can read; it was not touched."""


class StoreDamagedError(StoreError):
    """Tell that bytes on disk are not what was written.

    Attributes
    ----------
    file : str or None
        The damaged file, relative to the store, where it is known.
    """

    def __init__(self, path: object, message: str, *, file: str | None = None) -> None:
        self.file = file
        super().__init__(path, message)


class StoreFullError(StoreError):
    """Tell that there is no space left; what was acknowledged is safe, what was being written is not there."""


class UpgradeRequiredError(StoreError):
    """Tell that the store has an older format, and that the upgrade was refused or is not finished; it was not touched."""


class UpgradeRunningError(StoreError):
    """Tell that a verb must wait until the upgrade that runs has ended."""


class UpgradeFailedError(StoreError):
    """Tell that an upgrade or a rollback could not be done.

    Attributes
    ----------
    report : object
        The `UpgradeReport`, where there is one.
    """

    def __init__(self, path: object, message: str, *, report: object = None) -> None:
        self.report = report
        super().__init__(path, message)


class DowngradeError(StoreError):
    """Tell that there is no way down to the format that was asked for; nothing was touched."""


class StoreClosedError(ThoughtEngineError):
    """Tell that the mind was closed."""


class ForkedError(ThoughtEngineError):
    """Tell that a mind was used in a forked child: LevelDB does not survive a fork."""
