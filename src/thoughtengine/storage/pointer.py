"""The pointer file `STORE`: what the folder is and which generation serves, read before LevelDB is opened.

One line: CRC-32 in hexadecimal, a space, JSON. Replaced atomically. `STORE.bak` is a second copy, written after the first; it
answers where the first does not verify, or is an older copy that somebody put there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import zlib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from thoughtengine.errors import (
    StoreDamagedError,
    StoreError,
    StoreNewerError,
    StoreNotFoundError,
    StoreTooOldError,
)
from thoughtengine.storage.files import BACKUP, STORE, is_headless, is_unfinished, replace_file, translated
from thoughtengine.storage.keyspace import FORMAT

__all__ = [
    "BACKUP",
    "STORE",
    "EncoderIdentity",
    "EncodingNote",
    "Mark",
    "Pointer",
    "UpgradeNote",
    "parse",
    "read_pointer",
    "render",
    "write_pointer",
]


_NOT_GIVEN = (errno.EISDIR, errno.EIO)  # what the second copy may give all the same

# What no release writes is damage: these lead to files, to keys and to further numbers.
Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
Name = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Za-z][0-9A-Za-z.-]{0,99}\Z")]
Below = Annotated[str, msgspec.Meta(pattern=r"\A(rollback/gen-[0-9A-Za-z-]{1,99})?\Z")]


def _demand_moment(told: str) -> None:
    if told and dt.datetime.fromisoformat(told).tzinfo is None:
        raise ValueError(f"{told!r} has no offset")


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What a synced write has covered: finding less later means that a tail was lost."""

    generation: Number = 1
    sequence: Number = 0
    next_id: Number = 1
    next_receipt: Number = 1  # not in the mark of a release before: then it covers no receipt
    memories: Number = 0
    skipped: tuple[Number, Number] = (0, 0)
    reach: tuple[Number, Number] = (0, 0)  # first id and receipt not given out above it; a release before does not tell


class EncoderIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which encoder made the vectors."""

    name: str
    dimension: int
    fingerprint: str


class EncodingNote(msgspec.Struct, frozen=True, kw_only=True):
    """A change of encoder that runs, or that can still be taken back because the vectors before are kept.

    Attributes
    ----------
    id, begun : str
        Name of its report; when, ISO 8601.
    former : EncoderIdentity or None
        The encoder before; None where there was none.
    until : str
        When what is kept may go; empty while it runs.
    why : str
        Reason of the way back: it was begun.
    """

    id: Name
    begun: str
    former: EncoderIdentity | None = None
    until: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        _demand_moment(self.until)


class UpgradeNote(msgspec.Struct, frozen=True, kw_only=True):
    """An upgrade that runs, or that can still be taken back because its rollback point is kept.

    Attributes
    ----------
    id : str
        Name of its report.
    begun : str
        When, ISO 8601.
    source, target : int
        Format before and after.
    old : int
        Generation that it leaves; 0 where the keys stayed and the sealed copy alone is left.
    rollback : str
        Folder of the sealed copy, below the mind's.
    again : bool
        Whether the store had been of the target format before, and what the older one could not hold was kept aside.
    salvaged : bool
        Whether that was damaged: what could be read of it is matched with the old rows again, and its files are kept.
    digest : str
        Of the content of that copy.
    rows : int
        Rows in it.
    damaged : str
        Where the old generation was met damaged: how; the next opening mends it.
    lost : tuple of (int, int)
        Ids of old memories that damage has taken meanwhile: the first of each run, and how many.
    lost_rows : int
        How many rows that are, those beside memories and others too.
    fork : int
        Write sequence of the new generation when the upgrade began.
    fork_id, fork_receipt : int
        First id and receipt that were given out since.
    namespaces : dict of str to (int, int)
        Version of each kind of payload before and after.
    fingerprints : dict of str to str
        By kind: what tells whether the steps are still those it was begun with.
    must : tuple of str
        Kinds without whose hooks it cannot go on, nor serve.
    left : dict of str to (int, str)
        What the pointer file told of records left behind before it.
    until : str
        When the rollback point may go; empty while the upgrade runs.
    why : str
        Reason of a rollback.
    resumed : int
        How often it was taken up again.
    """

    id: Name
    begun: str = ""
    source: int = FORMAT
    target: int = FORMAT
    old: Number = 0
    rollback: Below = ""
    again: bool = False
    salvaged: bool = False
    digest: str = ""
    rows: Number = 0
    damaged: str = ""
    lost: tuple[tuple[Number, Number], ...] = ()
    lost_rows: Number = 0
    fork: Number = 0
    fork_id: Number = 1
    fork_receipt: Number = 1
    namespaces: dict[str, tuple[int, int]] = {}
    fingerprints: dict[str, str] = {}
    must: tuple[str, ...] = ()
    left: dict[str, tuple[int, str]] = {}
    until: str = ""
    why: str = ""
    resumed: int = 0

    def __post_init__(self) -> None:
        _demand_moment(self.until)


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the pointer file.

    `state` is ``"SETTLED"``, ``"DAMAGED"`` (a read met damage: the next open salvages) or ``"REBUILD"`` (what is derived
    must be built again before serving). `stage` is that of an upgrade: ``""``, ``"UPGRADING"``, ``"ROLLING_BACK"`` or
    ``"SOAK"`` (done, and its rollback point is kept).
    """

    uuid: str
    format: int = FORMAT
    min_reader: int = FORMAT
    components: dict[str, int] = {}
    namespaces: dict[str, int] = {}
    left: dict[str, tuple[int, str]] = {}  # kind -> oldest version that steps left behind, fingerprint of these steps
    encoder: EncoderIdentity | None = None
    former: EncoderIdentity | None = None  # the one before, while its vectors are still in use
    encoding: EncodingNote | None = None  # how it was taken over
    dimension: int | None = None
    generation: Number = 1
    state: str = "SETTLED"
    mark: Mark = Mark()
    doubt: bool = False  # what was written last could not be read: numbers are to go on behind the reach of the mark
    created: str = ""
    written_by: str = ""
    quarantine: tuple[str, ...] = ()
    backups: tuple[dict[str, str], ...] = ()
    forked_from: str | None = None
    files: dict[str, tuple[int, str | None]] = {}  # in a backup: name -> (bytes, sum)
    stage: str = ""
    upgrade: UpgradeNote | None = None
    beneath: tuple[UpgradeNote, ...] = ()  # earlier ones that can still be taken back behind it, oldest first
    content: dict[str, Any] = {}  # in a backup, and of what is kept aside: rows and digest

    @property
    def points(self) -> tuple[UpgradeNote, ...]:
        """The upgrades whose rollback points are kept, the one that runs too, oldest first."""
        return self.beneath if self.upgrade is None else (*self.beneath, self.upgrade)

    @property
    def unfinished(self) -> bool:
        """Whether an upgrade or a rollback was begun and has not ended."""
        return self.stage in ("UPGRADING", "ROLLING_BACK")


def render(pointer: Pointer) -> bytes:
    """Return the line for the file."""
    body = msgspec.json.encode(pointer)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def parse(data: bytes, path: object) -> Pointer:
    """Take the line apart.

    Raises
    ------
    StoreDamagedError
        When it does not verify.
    StoreNewerError, StoreTooOldError
        When this release cannot read the store.
    """
    head, _, body = data.rstrip(b"\n").partition(b" ")
    if len(head) != 8 or not data.endswith(b"\n") or head != b"%08x" % zlib.crc32(body):
        raise StoreDamagedError(
            path, "the pointer file does not verify (its checksum differs)", file=Path(str(path)).name
        )
    try:
        versions = msgspec.json.decode(body, type=dict[str, Any])
        need, written_by = versions.get("min_reader"), versions.get("written_by", "a later release")
        if isinstance(need, int) and need > FORMAT:
            raise StoreNewerError(Path(str(path)).parent, have=FORMAT, need=need, written_by=written_by)
        pointer = msgspec.json.decode(body, type=Pointer)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise StoreDamagedError(
            path, f"the pointer file does not decode: {error}", file=Path(str(path)).name
        ) from error
    if pointer.format < FORMAT:
        raise StoreTooOldError(Path(str(path)).parent, f"format {pointer.format}; this release reads format {FORMAT}")
    return pointer


def read_pointer(root: Path, name: str = STORE) -> tuple[Pointer, str | None]:
    """Return the pointer of a folder, and what was wrong with its file where the second copy had to answer.

    Raises
    ------
    StoreNotFoundError
        When there is no mind at `root`.
    StoreDamagedError, StoreNewerError, StoreTooOldError, StoreError
        When it cannot be used.
    """
    with translated(root):
        return _read_pointer(root, name)


def _read_pointer(root: Path, name: str) -> tuple[Pointer, str | None]:
    path, spare = root / name, root / (name + ".bak")
    damage: StoreDamagedError
    try:
        pointer = parse(path.read_bytes(), path)
        if (other := _newer_copy(root, pointer, spare)) is None:
            return pointer, None
        return other, f"{name}: an older copy lies there (the second copy is of a later write)"
    except FileNotFoundError as error:
        if not spare.exists() or is_unfinished(root):
            missing = _no_pointer(root, name)
            if path.exists():  # another process has just given the folder its name
                return _read_pointer(root, name)
            raise missing from error
        damage = StoreDamagedError(path, "the pointer file is missing", file=name)
    except NotADirectoryError as error:
        raise StoreNotFoundError(root, "this is a file; a mind is a folder") from error
    except StoreDamagedError as error:
        damage = error
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        told = f"cannot be read: {error.strerror}"
        if error.errno not in _NOT_GIVEN:
            raise StoreError(path, told) from error
        damage = StoreDamagedError(path, f"the pointer file {told}", file=name)
    try:
        pointer = parse(spare.read_bytes(), spare)
    except StoreDamagedError:
        told = f"{damage.message}, and so does its second copy {spare.name}: te.restore a backup (nothing was touched)"
        raise StoreDamagedError(damage.path, told, file=damage.file) from None
    except OSError as error:
        if isinstance(error, (StoreNewerError, StoreTooOldError)):
            raise
        raise damage from None
    if not _serves(root, pointer):
        raise damage
    return pointer, f"{name}: {damage}"


def _serves(root: Path, pointer: Pointer) -> bool:
    return (root / f"gen-{pointer.generation:06d}").is_dir()


def _newer_copy(root: Path, pointer: Pointer, spare: Path) -> Pointer | None:
    """Return the second copy where it was written after the first: no crash leaves that, so the first was replaced."""
    with contextlib.suppress(OSError):
        other = parse(spare.read_bytes(), spare)
        if other.uuid == pointer.uuid and _age(other) > _age(pointer) and _serves(root, other):
            return other
    return None


def _age(pointer: Pointer) -> tuple[int, int]:
    return pointer.generation, pointer.mark.sequence


def _is_copy(root: Path) -> bool:
    return (root / BACKUP).exists() or (root / (BACKUP + ".bak")).exists()


def _no_pointer(root: Path, name: str) -> StoreError:
    """Return the error for a folder without pointer file: nothing of ours, an old mind, or one that lost the file."""
    if is_unfinished(root):
        return StoreNotFoundError(
            root, "something was being made here and is not finished (te.open(path) makes it anew)"
        )
    if name == STORE and (root / "CURRENT").exists():
        return StoreTooOldError(
            root, f"a bare LevelDB of format 1; this release reads format {FORMAT}: te.upgrade(path), or te.open(path)"
        )
    if name == STORE and not _is_copy(root) and next(root.glob("gen-*/CURRENT"), None) is not None:
        return StoreDamagedError(
            root, f"{STORE} and {STORE}.bak are gone, though a mind lies here: te.restore a backup", file=STORE
        )
    if name == STORE and is_headless(root):
        told = "CURRENT is gone, though tables or logs of a LevelDB lie here: a damaged store of format 1, it seems"
        remedy = "Restore a copy of it, or te.upgrade(path, into=NEW, salvage=True) carries what can be read"
        return StoreDamagedError(root, f"{told}. {remedy} (nothing was touched)", file="CURRENT")
    return StoreNotFoundError(root, _why_not(root))


def _why_not(root: Path) -> str:
    if not root.exists():
        return "there is no mind here (te.open(path) makes one, unless create=False)"
    if _is_copy(root):
        return "this is a backup or snapshot: te.restore(this, path) makes a mind of it"
    if not any(root.iterdir()):
        return "the folder is empty: there is no mind in it (te.open(path) makes one, unless create=False)"
    return "the folder holds other files and no mind: name an empty or a new folder"


def write_pointer(root: Path, pointer: Pointer, name: str = STORE) -> None:
    """Replace the pointer file, then its second copy.

    Once the first has its name it counts: a second copy that cannot be written (a full disk) is no error.
    """
    data = render(pointer)
    replace_file(root / name, data)
    with contextlib.suppress(OSError):
        replace_file(root / (name + ".bak"), data, durable=False)
