"""Files that survive: atomic replacement, syncing, link-or-copy, leftovers."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from thoughtengine.errors import InvalidArgumentError, StoreError, StoreExistsError, StoreFullError

__all__ = [
    "BACKUP",
    "CREATING",
    "FULL",
    "PART",
    "STORE",
    "building",
    "clear_unfinished",
    "copy_file",
    "copy_tree",
    "discard",
    "folder_at",
    "is_free",
    "is_headless",
    "is_unfinished",
    "link_or_copy",
    "make_sibling",
    "publish",
    "remove_tree",
    "replace_file",
    "size_of",
    "sum_of",
    "sync_file",
    "sync_folder",
    "sync_tree",
    "translated",
]

PART = ".part"
"""Ending of everything unfinished; whatever bears it at the next open is removed."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the operating system says where there is no room: on the disk, for this user, in a file of this process."""

STORE = "STORE"
"""Name of the pointer file: without it a folder is no mind."""

BACKUP = "BACKUP"
"""Name of the pointer file in a backup or snapshot, so that it is not opened, and thereby changed, by mistake."""

CREATING = "creating" + PART
"""Marker of a folder in which something is being built; with no pointer file beside it, that was broken off."""

_INSIDE = ".new" + PART
_POINTERS = (STORE, BACKUP)
_OURS = re.compile(r"\.new\.part|(gen|index)-\d{6,}|(STORE|BACKUP)\.(bak|part)|te\.lock|reserve\.bin")
_LEVELDB = re.compile(r"\d{6,}\.(ldb|sst|log)|(MANIFEST)-\d{6,}")
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EACCES}


@contextlib.contextmanager
def translated(path: object, *, full_only: bool = False) -> Iterator[None]:
    """Turn the operating system's errors into ours; `full_only`: those alone that tell that no space is left."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        full = error.errno in FULL
        if full_only and not full:
            raise
        kind = StoreFullError if full else StoreError
        raise kind(path, f"{error.strerror or error} ({error.filename or 'while writing'})") from error


def folder_at(path: object, *, argument: str = "path") -> Path:
    """Return the absolute path, links followed, that a host's name of a folder stands for; nothing is looked at.

    Raises
    ------
    InvalidArgumentError
        For what is no str or os.PathLike, is empty, or holds a NUL or half of a surrogate pair.
    """
    try:
        name = os.fspath(path)  # type: ignore[call-overload]
        if isinstance(name, str) and name and b"\x00" not in name.encode():
            return Path(os.path.realpath(name))
    except (TypeError, UnicodeEncodeError):
        pass
    except OSError as error:  # a relative name, and the working directory is gone
        raise StoreError(path, f"no such place: {error.strerror}") from error
    raise InvalidArgumentError(argument, path, "the name of a folder in UTF-8 (str or os.PathLike)")


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: str | os.PathLike[str]) -> None:
    """Make the content of a file durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Make a folder, all below it and its own name durable."""
    for folder, _, names in os.walk(path):
        for name in names:
            sync_file(os.path.join(folder, name))
        sync_folder(folder)
    sync_folder(path.parent)


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace a file by `data`, all or nothing: temporary file, sync, rename, sync of the folder."""
    temporary = path.with_name(path.name + PART)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def copy_file(source: str, target: str) -> None:
    """Copy and sync one file."""
    with open(source, "rb") as reader, open(target, "xb") as writer:
        while block := reader.read(1 << 20):
            writer.write(block)
        writer.flush()
        os.fsync(writer.fileno())


def link_or_copy(source: str, target: str) -> None:
    """Give an immutable file a second name; where the file system cannot, copy it."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        copy_file(source, target)


def copy_tree(source: Path, target: Path) -> None:
    """Give all files below a folder a second name, or copy them; nobody may write there meanwhile."""
    target.mkdir(mode=0o700)
    for entry in source.iterdir():
        if entry.is_dir():
            copy_tree(entry, target / entry.name)
        else:
            link_or_copy(str(entry), str(target / entry.name))


def size_of(path: Path) -> int:
    """Return the bytes of all files below `path`; names that go meanwhile count nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total


def sum_of(path: Path) -> str:
    """Return the BLAKE2b-128 of a file's content, hexadecimal."""
    import hashlib

    with open(path, "rb") as reader:
        return hashlib.file_digest(reader, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def remove_tree(path: Path, *, strict: bool = False) -> None:
    """Remove a folder and all below it; unless `strict`, what cannot be removed stays."""
    import shutil  # 3 ms of imports, of compressors mostly, that opening a mind does not need

    shutil.rmtree(path, ignore_errors=not strict)


def discard(path: Path) -> None:
    """Remove a folder or file and make that durable; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        remove_tree(path, strict=True)
    elif path.exists() or path.is_symlink():
        path.unlink(missing_ok=True)
    else:
        return
    sync_folder(path.parent)


def make_sibling(target: Path) -> Path:
    """Make an empty folder beside `target` in which it is built, mode 0700; dead ones of earlier tries go."""
    _make_folders(target.parent)
    ours = re.compile(rf"\.{re.escape(target.name)}\.(\d+)-[0-9a-f]{{8}}{re.escape(PART)}")
    for leftover in target.parent.iterdir():
        if (made := ours.fullmatch(leftover.name)) and not _alive(int(made[1])):
            remove_tree(leftover)
    sibling = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(4).hex()}{PART}")
    sibling.mkdir(mode=0o700)
    return sibling


def _make_folders(path: Path) -> None:
    """Make a folder and those above it that are missing, their names durable."""
    if not path.exists():
        _make_folders(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def _alive(pid: int) -> bool:
    """Tell whether a process is still there."""
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def publish(sibling: Path, target: Path) -> None:
    """Give a finished folder its name: sync all below it, rename, sync the parent.

    Raises
    ------
    StoreExistsError
        When something came to be at `target` meanwhile; it is left as it is.
    OSError
        Whatever fails: the sibling is removed then.
    """
    try:
        sync_tree(sibling)
        os.rename(sibling, target)
    except OSError as error:
        remove_tree(sibling)
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise StoreExistsError(target, "something is already there; nothing was touched") from error
        raise
    try:
        sync_folder(target.parent)
    except OSError:
        remove_tree(target)
        raise


def building(target: Path, build: Callable[[Path], None]) -> None:
    """Build a folder under a temporary name and publish it; on any error nothing is left.

    An empty folder that is there already is kept and built in: it may be a mount point, the working directory of somebody, or
    lie where nothing can be made beside it.
    """
    with translated(target):
        if target.is_dir():
            _build_inside(target, build)
            return
        sibling = make_sibling(target)
        try:
            build(sibling)
        except BaseException:
            remove_tree(sibling)
            raise
        publish(sibling, target)


def is_unfinished(folder: Path) -> bool:
    """Tell whether `folder` holds what was being built in it, by a process that died or is still at it."""
    return os.path.lexists(folder / CREATING) and not any(os.path.lexists(folder / name) for name in _POINTERS)


def is_headless(folder: Path) -> bool:
    """Tell whether no mind lies in the folder, but a LevelDB without its CURRENT: tables, or logs and a MANIFEST."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()
    mind = [*_POINTERS, *(f"{name}.bak" for name in _POINTERS), "CURRENT", CREATING]
    if not names.isdisjoint(mind) or next(folder.glob("gen-*/CURRENT"), None) is not None:
        return False
    kinds = {found[1] or found[2] for name in names if (found := _LEVELDB.fullmatch(name))}
    return bool(kinds & {"ldb", "sst"}) or kinds >= {"log", "MANIFEST"}


def is_free(folder: Path) -> bool:
    """Tell whether something may be built at `folder`: nothing there, or an empty folder; what died there is cleared."""
    with translated(folder):
        if is_unfinished(folder):
            clear_unfinished(folder)
        return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def clear_unfinished(folder: Path) -> None:
    """Remove what a process left that died while it built in `folder`; wait for one that is alive and still builds."""
    with translated(folder), _marked(folder, make=False) as held:
        if held and is_unfinished(folder):
            _undo(folder)


@contextlib.contextmanager
def _marked(folder: Path, *, make: bool) -> Iterator[bool]:
    """Hold the marker of a folder against other processes and threads; tell whether there is one to hold."""
    import fcntl

    try:
        descriptor = os.open(folder / CREATING, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if make else 0), 0o600)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield os.fstat(descriptor).st_nlink > 0
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # for a forked child's duplicate as well
        os.close(descriptor)


def _undo(folder: Path) -> None:
    """Remove what is built in place, the marker last; whatever else came to be there stays."""
    for entry in folder.iterdir():
        if _OURS.fullmatch(entry.name):
            discard(entry)
    discard(folder / CREATING)


def _build_inside(target: Path, build: Callable[[Path], None]) -> None:
    """Build in a subfolder of an empty folder and move all up, the pointer file last: from then on it counts."""
    there = StoreExistsError(target, "something is already there; nothing was touched")
    if not is_free(target):
        raise there
    with _marked(target, make=True) as held:
        if not held or set(os.listdir(target)) != {CREATING}:  # another was faster
            if held and is_unfinished(target):
                _undo(target)
            elif held:
                discard(target / CREATING)
            raise there
        inside = target / _INSIDE
        try:
            sync_folder(target)
            inside.mkdir(mode=0o700)
            build(inside)
            sync_tree(inside)
            if set(os.listdir(target)) != {CREATING, _INSIDE}:
                raise there
            _move_up(inside, target)
        except BaseException:
            for name in _POINTERS:
                discard(target / name)
            _undo(target)
            raise
        with contextlib.suppress(OSError):  # it is whole; the next open removes a marker that stays
            discard(target / CREATING)


def _move_up(inside: Path, target: Path) -> None:
    """Move all of a finished folder into the one above; only a pointer file gets its name when the rest is durable."""
    with contextlib.suppress(PermissionError):  # a folder of somebody else's, in which we may write
        target.chmod(stat.S_IRWXU)
    last = [name for name in os.listdir(inside) if name in _POINTERS]
    for name in os.listdir(inside):
        os.rename(inside / name, target / (name + PART if name in last else name))
    inside.rmdir()
    sync_folder(target)
    for name in last:
        os.rename(target / (name + PART), target / name)
    sync_folder(target)
