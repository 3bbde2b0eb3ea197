"""A consistent copy of an open generation by hard links, and its verification on a throw-away clone.

Only what one MANIFEST state names is linked. Linking whatever lies in the folder can destroy the live store: a copy whose
MANIFEST is older than a linked table gives that file number out again and truncates it, and both names are one file.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from thoughtengine.config import StorageConfig
from thoughtengine.errors import RecordError, StoreDamagedError, StoreError
from thoughtengine.storage.codec import body_of, decode
from thoughtengine.storage.contract import PAGE
from thoughtengine.storage.files import link_or_copy, remove_tree, sync_folder
from thoughtengine.storage.keyspace import AREAS, HEAD, HeadRecord
from thoughtengine.storage.manifest import Files, inspect, read_manifest, table_name
from thoughtengine.storage.store import Level

__all__ = ["Content", "at_once", "checkpoint", "clone", "content_of", "verify"]

Give = Callable[[str, str], None]


def at_once() -> None:
    """Go on at once."""


class Content(msgspec.Struct, frozen=True):
    """What a generation holds, independent of the order and the files it lies in.

    Attributes
    ----------
    rows : dict of str to int
        Rows by area; unknown areas under ``"unknown"``.
    digest : str
        Sum over all rows of the BLAKE2b-128 of key and value, hexadecimal.
    head : HeadRecord
        The counters found.
    """

    rows: dict[str, int]
    digest: str
    head: HeadRecord


class _MovedError(Exception):
    """The files changed between reading the MANIFEST and linking; try again."""


def checkpoint(level: Level | None, source: Path, target: Path, *, give: Give = link_or_copy, tries: int = 100) -> None:
    """Make in `target` a copy of the generation in `source` that opens to one moment's content.

    Parameters
    ----------
    level : Level or None
        The generation where it is open (writers may go on: what they write meanwhile is there or not, in order); None
        where nobody has it open.
    source, target : Path
        The target must not exist.
    give : callable
        How a table comes over: link, or copy.

    Raises
    ------
    StoreError
        When the files would not stand still.
    StoreDamagedError
        When what the MANIFEST names is not there.
    """
    last: Exception | None = None
    for _ in range(tries):
        try:
            _attempt(level, source, target, give)
            return
        except (_MovedError, FileNotFoundError) as error:
            remove_tree(target)
            last = error
            if level is None:
                break
            time.sleep(0.001)
        except BaseException:
            remove_tree(target)
            raise
    if problems := inspect(source):
        name, what = problems[0]
        raise StoreDamagedError(source, f"{name}: {what}", file=name) from last
    raise StoreError(source, f"no consistent copy in {tries} tries: {last}") from last


def _attempt(level: Level | None, source: Path, target: Path, give: Give) -> None:
    pin = level.pin() if level is not None else None
    logs: dict[int, int] = {}
    try:
        for name in os.listdir(source):
            if name.endswith(".log") and name[:-4].isdigit():
                logs[int(name[:-4])] = os.open(source / name, os.O_RDONLY)
        try:
            files = read_manifest(source)
        except ValueError as error:
            raise _MovedError(str(error)) from error
        if files.log and files.log not in logs:
            raise _MovedError(f"log {files.log} is not there")
        target.mkdir(mode=0o700)
        _give_tables(files, source, target, give)
        for number, descriptor in logs.items():
            if number >= files.log:
                _write(target / f"{number:06d}.log", _whole(descriptor))
        _write(target / files.manifest, files.manifest_bytes)
        _write(target / "CURRENT", files.manifest.encode() + b"\n")
        sync_folder(target)
        sync_folder(target.parent)
    finally:
        for descriptor in logs.values():
            os.close(descriptor)
        if pin is not None:
            pin.close()


def _give_tables(files: Files, source: Path, target: Path, give: Give) -> None:
    for number, size in files.tables.items():
        name = table_name(source, number)
        give(str(source / name), str(target / name))
        if (target / name).stat().st_size != size:
            raise _MovedError(f"{name} has another size")


def _whole(descriptor: int) -> bytes:
    with open(descriptor, "rb", closefd=False) as reader:
        return reader.read()


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb") as writer:
        writer.write(data)
        writer.flush()
        os.fsync(writer.fileno())


def clone(source: Path, target: Path) -> None:
    """Make a throw-away copy of a generation nobody has open: opening one changes it, so it is done to the clone."""
    remove_tree(target)  # of one that was killed
    checkpoint(None, source, target)


def content_of(level: Level, *, breathe: Callable[[], None] = at_once) -> Content:
    """Read every row of an open generation and check its envelope; `breathe` is called at each.

    Cost: about 3 microseconds a row.

    Raises
    ------
    StoreDamagedError, RecordError
        At the first row that does not verify.
    """
    rows: dict[str, int] = {}
    total, head, start = 0, HeadRecord(), b""
    while page := level.page(start, b"\xff" * 9, PAGE, False):
        for key, value in page:
            breathe()
            area = AREAS.get(key[:1])
            name = area.name if area else "unknown"
            rows[name] = rows.get(name, 0) + 1
            total += int.from_bytes(hashlib.blake2b(key + b"\x00" + value, digest_size=16).digest(), "big")
            if area is not None:
                body = body_of(key, value, area)
                head = decode(body, HeadRecord) if area is HEAD else head
        start = page[-1][0] + b"\x00"
    return Content(rows=rows, digest=f"{total % (1 << 128):032x}", head=head)


def verify(
    generation: Path,
    scratch: Path,
    config: StorageConfig,
    *,
    breathe: Callable[[], None] = at_once,
    balanced: bool = True,
) -> Content:
    """Return the content of a sealed generation, read from a throw-away clone at `scratch`.

    `balanced`: not one that an upgrade has filled in part, and which holds fewer memories than its head says.

    Raises
    ------
    StoreDamagedError
        When it does not open, a row does not verify, or it holds another number of memories than its head says.
    """
    clone(generation, scratch)
    try:
        level = Level(str(scratch), config)
        try:
            content = content_of(level, breathe=breathe)
        finally:
            level.close()
    except RecordError as error:
        raise StoreDamagedError(generation, f"the copy does not verify: {error}") from error
    finally:
        remove_tree(scratch)
    if balanced and content.rows.get("memory", 0) != content.head.memories:
        raise StoreDamagedError(
            generation,
            f"the copy holds {content.rows.get('memory', 0)} memories and its head says {content.head.memories}",
        )
    return content
