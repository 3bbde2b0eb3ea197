"""Backup, restore, fork, snapshot: whole copies of a mind, each verified by content before it gets its name."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

from thoughtengine.config import StorageConfig
from thoughtengine.errors import (
    InvalidArgumentError,
    RecordError,
    StoreDamagedError,
    StoreError,
    StoreExistsError,
    StoreNotFoundError,
)
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.checkpoint import Content, checkpoint, clone, verify
from thoughtengine.storage.codec import encode, seal
from thoughtengine.storage.contract import PAGE, Rows, Store
from thoughtengine.storage.files import (
    PART,
    building,
    copy_file,
    discard,
    folder_at,
    is_free,
    link_or_copy,
    remove_tree,
    size_of,
    sum_of,
    sync_folder,
    translated,
)
from thoughtengine.storage.folder import ASIDE, SNAPSHOTS, FolderStore, generation_name, mark_of
from thoughtengine.storage.keyspace import HEAD, Area, HeadRecord
from thoughtengine.storage.lock import holder_here
from thoughtengine.storage.pointer import BACKUP, STORE, Pointer, read_pointer, write_pointer
from thoughtengine.storage.store import Level, scanning

__all__ = ["SNAPSHOTS", "CloneStore", "Copy", "backup", "fork", "purge_snapshots", "restore", "snapshot"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@attrs.frozen
class Copy:
    """A copy that was made and verified.

    Attributes
    ----------
    path : str
        Where it is.
    kind : str
        ``"backup"``, ``"mind"`` (restored or forked) or ``"snapshot"``.
    memories : int
        Memories in it, forgotten ones included.
    bytes : int
        Size of its files.
    digest : str or None
        Of its content, independent of files and order; None where it was linked and not read.
    seconds : float
        How long it took.
    """

    path: str
    kind: str
    memories: int
    bytes: int
    digest: str | None
    seconds: float


@contextlib.contextmanager
def _store(path: str | os.PathLike[str]) -> Iterator[FolderStore]:
    """Give the store at `path`: the one that is open in this process, or one opened for the occasion."""
    root = folder_at(path)
    here = holder_here(root)
    if isinstance(here, FolderStore):
        here.stay()
        yield here
        return
    with translated(root):
        read_pointer(root)  # what cannot be opened is not even locked
        store = FolderStore(root, StorageConfig())
    try:
        yield store
    finally:
        store.close()


def _target(
    path: str | os.PathLike[str], *, argument: str = "to", outside: str | os.PathLike[str] | None = None
) -> Path:
    target = folder_at(path, argument=argument)
    if outside is not None and folder_at(outside) in target.parents:
        raise InvalidArgumentError(argument, path, "a folder outside the mind's own")
    if not is_free(target):
        raise StoreExistsError(target, "something is already there: name a new folder (nothing was touched)")
    return target


def _on_another_disk(target: Path, root: Path) -> bool:
    above = next(folder for folder in (target, *target.parents) if folder.exists())
    return above.stat().st_dev != root.stat().st_dev


def _pointer_for(store_pointer: Pointer, head: HeadRecord, **changes: object) -> Pointer:
    fields = {
        "generation": 1,
        "mark": mark_of(head, 1),
        "quarantine": (),
        "backups": (),
        "stage": "",
        "upgrade": None,
        "beneath": (),
    }
    fields |= changes
    return msgspec.structs.replace(store_pointer, **fields)


def backup(path: str | os.PathLike[str], to: str | os.PathLike[str]) -> Copy:
    """Copy a mind, open in this process or closed, to a new folder: every byte anew, nothing shared, verified.

    Writers wait only while files are linked (tens of milliseconds for a gigabyte); copying and verifying go on beside them.

    Parameters
    ----------
    path, to : path
        The mind; the folder to make.

    Returns
    -------
    Copy
        With the digest that `restore` will check.

    Raises
    ------
    StoreNotFoundError, StoreLockedError, StoreExistsError, StoreFullError, StoreDamagedError
        Nothing is left at `to` then.
    """
    begun, target = time.perf_counter(), _target(to, outside=path)
    with translated(target), _store(path) as store, store.copying:
        part = store.root / f"backup-{secrets.token_hex(4)}{PART}"
        result: list[Content] = []

        def build(folder: Path) -> None:
            generation = folder / generation_name(1)
            checkpoint(None, part, generation, give=copy_file)
            content = verify(generation, folder / ("verify" + PART), store.config)
            result.append(content)
            files = {p.name: [p.stat().st_size, sum_of(p)] for p in sorted(generation.iterdir())}
            told = {"rows": content.rows, "digest": content.digest}
            write_pointer(folder, _pointer_for(store.pointer, content.head, files=files, content=told), BACKUP)

        try:
            try:
                store.checkpoint(part, brief=_on_another_disk(target, store.root))
                building(target, build)
            finally:
                remove_tree(part)
            _remember_copy(store, target, "backup")
        finally:
            store.reserve()
    return _told(target, "backup", result[0], begun)


def _remember_copy(store: FolderStore, target: Path, kind: str) -> None:
    """Note in the mind that there is a copy, so that an erasure can name it; a copy it cannot name must not be."""
    made = {"path": str(target), "kind": kind, "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
    try:
        store.update_pointer(backups=(*store.pointer.backups, made))
    except BaseException:
        remove_tree(target)
        raise


def _told(target: Path, kind: str, content: Content, begun: float) -> Copy:
    seconds = time.perf_counter() - begun
    return Copy(str(target), kind, content.head.memories, size_of(target), content.digest, seconds)


def restore(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> Copy:
    """Make a mind of a backup or snapshot: copied, every file and the content compared with what was noted.

    The backup is only read. The mind keeps its identity; use `fork` for one of its own.

    Raises
    ------
    StoreNotFoundError
        When `source` is no backup.
    StoreExistsError
        When there is something at `path`.
    StoreDamagedError
        When the backup is not what was written; nothing is left at `path` then.
    """
    begun, folder, target = time.perf_counter(), folder_at(source, argument="source"), _target(path, argument="path")
    with translated(folder):
        is_mind, is_copy = (folder / STORE).exists(), _is_copy(folder)
    if is_mind:
        raise StoreNotFoundError(folder, "this is a mind, not a backup of one: te.fork(this, path) copies it")
    if not is_copy:
        raise StoreNotFoundError(folder, "there is no backup here (a backup is a folder with a file BACKUP in it)")
    pointer, _ = read_pointer(folder, BACKUP)
    result: list[Content] = []

    def build(sibling: Path) -> None:
        generation = sibling / generation_name(1)
        generation.mkdir(mode=0o700)
        for name, (size, digest) in pointer.files.items():
            if name != os.path.basename(name) or name in ("", ".", ".."):
                raise StoreDamagedError(folder, f"{name!r} is no name of a file in a backup", file=BACKUP)
            _restore_file(folder / generation_name(pointer.generation) / name, generation / name, size, digest)
        sync_folder(generation)
        content = verify(generation, sibling / ("verify" + PART), StorageConfig())
        if content.digest != pointer.content.get("digest"):
            raise StoreDamagedError(folder, f"the content has digest {content.digest}, noted was {pointer.content}")
        result.append(content)
        write_pointer(sibling, _pointer_for(pointer, content.head, files={}, content={}))

    building(target, build)
    return _told(target, "mind", result[0], begun)


def _is_copy(folder: Path) -> bool:
    return (folder / BACKUP).exists() or (folder / (BACKUP + ".bak")).exists()


def _restore_file(source: Path, target: Path, size: int, digest: str | None) -> None:
    if not source.is_file():
        raise StoreDamagedError(source.parent.parent, f"{source.name} is missing from the backup", file=source.name)
    copy_file(str(source), str(target))
    if target.stat().st_size != size or (digest and sum_of(target) != digest):
        raise StoreDamagedError(source.parent.parent, f"{source.name} is not what was backed up", file=source.name)


def fork(path: str | os.PathLike[str], to: str | os.PathLike[str]) -> Copy:
    """Make a second mind with the same memories and an identity of its own; tables are shared by hard link where possible.

    Raises
    ------
    StoreNotFoundError, StoreLockedError, StoreExistsError, StoreFullError
        Nothing is left at `to` then.
    """
    begun, target = time.perf_counter(), _target(to, outside=path)
    with translated(target), _store(path) as store, store.copying:
        part = store.root / f"fork-{secrets.token_hex(4)}{PART}"
        try:
            head = store.checkpoint(part)

            def build(folder: Path) -> None:
                checkpoint(None, part, folder / generation_name(1), give=link_or_copy)
                changes = {"uuid": str(uuid.uuid4()), "forked_from": store.pointer.uuid}
                write_pointer(folder, _pointer_for(store.pointer, head, **changes))

            building(target, build)
        finally:
            remove_tree(part)
        _remember_copy(store, target, "fork")
    return Copy(str(target), "mind", head.memories, size_of(target), None, time.perf_counter() - begun)


def snapshot(store: FolderStore, name: str) -> Copy:
    """Keep the present state inside the folder, under `snapshots/NAME`: by hard links, verified on a clone.

    It protects against what is done to the mind, not against what happens to the disk: the files are shared.

    Raises
    ------
    InvalidArgumentError
        For a name that is not 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.
    StoreExistsError
        When there is one of that name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.endswith(PART):
        raise InvalidArgumentError(
            "name", name, "1 to 64 letters, digits, dots, dashes, underscores, not ending in .part"
        )
    begun = time.perf_counter()
    with translated(store.root):
        store.stay()
        (store.root / SNAPSHOTS).mkdir(mode=0o700, exist_ok=True)
        sync_folder(store.root)
    target = _target(store.root / SNAPSHOTS / name)
    result: list[Content] = []

    def build(folder: Path) -> None:
        generation = folder / generation_name(1)
        store.checkpoint(generation)
        result.append(_describe(folder, generation, store.pointer, store.config))

    with store.copying:
        building(target, build)
    return _told(target, "snapshot", result[0], begun)


def _describe(folder: Path, generation: Path, pointer: Pointer, config: StorageConfig) -> Content:
    """Verify a linked copy and write its pointer file."""
    content = verify(generation, folder / ("verify" + PART), config)
    files = {p.name: [p.stat().st_size, None] for p in sorted(generation.iterdir())}
    told = {"rows": content.rows, "digest": content.digest}
    write_pointer(folder, _pointer_for(pointer, content.head, files=files, content=told), BACKUP)
    return content


class CloneStore(Store):
    """A throw-away clone of a generation, open for reading: what is done to it touches nobody.

    Parameters
    ----------
    source : FolderStore or Path
        An open store, or a generation that nobody has open.
    scratch : Path
        Where the clone is made; it goes with `close`.
    """

    def __init__(self, source: FolderStore | Path, scratch: Path, config: StorageConfig) -> None:
        super().__init__()
        self._scratch, self._source = scratch, source
        if isinstance(source, FolderStore):
            source.checkpoint(scratch, brief=True)
        else:
            with translated(scratch):
                clone(source, scratch)
        try:
            self._level = Level(str(scratch), scanning(config))
        except BaseException:
            discard(scratch)
            raise

    def _get(self, key: bytes) -> bytes | None:
        return self._level.get(key)

    def _page(self, start: bytes, stop: bytes, limit: int, reverse: bool) -> Rows:
        return self._level.page(start, stop, limit, reverse)

    def _write(self, puts: Rows, deletes: list[bytes], sync: bool) -> None:
        raise StoreError(self._scratch, "a clone is for reading")

    def rewrite(
        self,
        drop: set[bytes],
        batch: Batch,
        *,
        whole: bool = True,
        pointer: Mapping[str, Any] | None = None,
        **counters: int,
    ) -> dict[str, Any]:
        """Refuse: a clone is for reading."""
        raise StoreError(self._scratch, "a clone is for reading")

    def close(self) -> None:
        """Close and remove the clone."""
        self._level.close()
        discard(self._scratch)
        if isinstance(self._source, FolderStore):
            self._source.reserve()


def purge_snapshots(store: FolderStore, drop: set[bytes], receipt: tuple[Area, object]) -> list[str]:
    """Rebuild every snapshot in the folder that holds one of the keys of `drop`, without them; return their names.

    `receipt` (area, record) is put under each snapshot's own next receipt number, so that its accounting balances.

    Raises
    ------
    StoreDamagedError
        When a snapshot cannot be read, and so not told to be without them; it is named.
    """
    purged = []
    for folder in sorted((store.root / SNAPSHOTS).glob("*")):
        with translated(folder):
            if not folder.name.endswith(PART) and _is_snapshot(folder) and _purged(folder, drop, receipt, store.config):
                purged.append(folder.name)
    return purged


def _is_snapshot(folder: Path) -> bool:
    """Tell whether this is a snapshot, or what is left of one: anything else in `snapshots/` holds nothing of ours."""
    return folder.is_dir() and (_is_copy(folder) or next(folder.glob("gen-*"), None) is not None)


def _purged(folder: Path, drop: set[bytes], receipt: tuple[Area, object], config: StorageConfig) -> bool:
    """Rebuild a snapshot where it holds one of the keys; tell whether it did."""
    try:
        if held := _holds(folder, drop, config):
            _purge(folder, drop, receipt, config)
        return held
    except (StoreDamagedError, StoreNotFoundError, RecordError) as error:
        raise StoreDamagedError(
            folder, f"this snapshot does not read ({error}): delete this folder, then erase again", file=folder.name
        ) from error


def _holds(folder: Path, drop: set[bytes], config: StorageConfig) -> bool:
    pointer, _ = read_pointer(folder, BACKUP)
    generation = folder / generation_name(pointer.generation)
    clone_store = CloneStore(generation, folder.with_name(folder.name + PART), config)
    try:
        return any(clone_store._get(key) is not None for key in drop)
    finally:
        clone_store.close()


def _purge(folder: Path, drop: set[bytes], receipt: tuple[Area, object], config: StorageConfig) -> None:
    pointer, _ = read_pointer(folder, BACKUP)
    old = folder.with_name(f".{folder.name}{ASIDE}")
    new = folder.with_name(f".{folder.name}.new{PART}")
    for leftover in (old, new):
        discard(leftover)
    new.mkdir(mode=0o700)
    reader = CloneStore(folder / generation_name(pointer.generation), new / ("read" + PART), config)
    try:
        _write_without(reader, drop, receipt, new / generation_name(1), config)
    finally:
        reader.close()
    _describe(new, new / generation_name(1), msgspec.structs.replace(pointer, state="REBUILD"), config)
    os.rename(folder, old)
    os.rename(new, folder)
    sync_folder(folder.parent)
    discard(old)


def _write_without(
    reader: CloneStore, drop: set[bytes], receipt: tuple[Area, object], target: Path, config: StorageConfig
) -> None:
    head, memories = reader.read_head(), 0
    level = Level(str(target), config, create=True)
    try:
        rows: Rows = []
        for key, value in reader.everything():
            if key in drop or key == HEAD.key(0):
                continue
            memories += key[:1] == b"m"
            rows.append((key, value))
            if len(rows) == PAGE:
                level.write(rows, [], False)
                rows = []
        area, record = receipt
        sequence = head.sequence + 1
        key = area.key(head.next_receipt)
        rows.append((key, seal(key, area, sequence, encode(record))))
        after = msgspec.structs.replace(
            head, sequence=sequence, memories=memories, next_receipt=head.next_receipt + 1, hidden=0
        )
        rows.append((HEAD.key(0), seal(HEAD.key(0), HEAD, sequence, encode(after))))
        level.write(rows, [], True)
        level.flush()
    finally:
        level.close()
