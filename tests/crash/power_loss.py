"""Take back what a power loss would take: bytes nobody synced, and names whose folder nobody synced.

The recorder logs each operation and keeps what it destroyed, so the state after a power loss is reached by undoing,
last first, the operations that nothing made durable. Bytes become durable by an fsync or fdatasync of their file; names
by an fsync of their folder, and, unless the mode is strict, by one of the file or folder that bears the name.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.recorder import CONTENT_OPERATIONS, NAME_OPERATIONS, Event, RecorderError, Recording

CONTENTS = ("kill", "half", "cut", "torn", "subset")
NAMES = ("", "dirs", "posix")


@dataclass(frozen=True, slots=True)
class Mode:
    """What survives: the bytes that do (`contents`), and the names that do (`names`).

    `kill` keeps all that was written, `half` too and does the first half of the write it is killed at; `cut` keeps what
    was synced, `torn` too and does half of the last write, of whose file it keeps all; `subset` keeps of each file's
    unsynced writes a random first part.
    Names: "" keeps all, in order; "dirs" undoes those that neither their folder's fsync nor their own bearer's made
    durable (as ext4, XFS and Btrfs do, and as LevelDB needs when it changes its log); "posix" wants the folder's.

    Examples
    --------
    >>> Mode.parse("torn+dirs")
    Mode(contents='torn', names='dirs')
    >>> str(Mode.parse("dirs"))
    'cut+dirs'
    """

    contents: str
    names: str = ""

    def __str__(self) -> str:
        return f"{self.contents}+{self.names}" if self.names else self.contents

    @property
    def loses(self) -> bool:
        """Tell whether anything may be lost at all."""
        return self.contents not in {"kill", "half"} or bool(self.names)

    @property
    def tears(self) -> bool:
        """Tell whether the write at the crash point is half done."""
        return self.contents in {"half", "torn"}

    @classmethod
    def parse(cls, text: str) -> Mode:
        """Read a mode as it is written in a report: contents, names, or both with a plus between."""
        contents, _, names = f"cut+{text}".partition("+") if text in NAMES[1:] else text.partition("+")
        if contents not in CONTENTS or names not in NAMES:
            expected = f"{', '.join(CONTENTS)}, alone or with {' or '.join('+' + name for name in NAMES[1:])}"
            raise ValueError(f"crash mode {text!r} is unknown: give one of {expected}")
        return cls(contents, names)


@dataclass(frozen=True, slots=True)
class Loss:
    """What was taken back."""

    n_contents: int
    n_names: int


def lose_power(recording: Recording, mode: Mode, *, seed: int = 0) -> Loss:
    """Put the recorded folder into a state it may have after a power loss at the end of the recording.

    Parameters
    ----------
    recording
        Its root is changed in place; what it kept is needed, so this can be done once.
    mode
        What survives.
    seed
        Of the choices of `subset`.

    Raises
    ------
    RecorderError
        Something happened that the recorder cannot follow, such as a writable shared mapping.
    """
    if not mode.loses:
        return Loss(0, 0)
    if recording.escapes:
        raise RecorderError(f"the recorder cannot follow this: {'; '.join(recording.escapes)}")
    chance = random.Random(seed)
    n_names = _undo_names(recording, mode, chance) if mode.names else 0
    return Loss(_undo_contents(recording, mode, chance), n_names)


# ---- bytes ----------------------------------------------------------------------------------------------------------


def _unsynced(events: Iterable[Event]) -> dict[int, list[Event]]:
    """Give each inode's operations on its bytes since it was last synced."""
    pending: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        if event.failed:
            continue
        if event.op in CONTENT_OPERATIONS:
            pending[event.inode].append(event)
        elif event.op == "sync":
            pending.pop(event.inode, None)
        elif event.op == "syncall":
            pending.clear()
    return dict(pending)


def _undo_contents(recording: Recording, mode: Mode, chance: random.Random) -> int:
    pending = {} if mode.contents in {"kill", "half"} else _unsynced(recording.events)
    if mode.contents == "torn" and recording.events and recording.events[-1].op == "torn":
        pending.pop(recording.events[-1].inode, None)
    where = dict(_files(recording.root)) if pending else {}
    undone = 0
    for inode in sorted(pending, key=lambda inode: pending[inode][0].n):
        first = chance.randint(0, len(pending[inode])) if mode.contents == "subset" else 0
        if inode in where:
            lost = pending[inode][first:]
            _undo_writes(where[inode], lost, recording, share=chance.random() if mode.contents == "subset" else 0.0)
            undone += len(lost)
    return undone


def _files(root: Path) -> Iterator[tuple[int, Path]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            yield path.lstat().st_ino, path


def _undo_writes(path: Path, events: list[Event], recording: Recording, *, share: float) -> None:
    """Undo these, last first; of the earliest, a share of its bytes stays."""
    with path.open("r+b") as file:
        part = b""
        for event in reversed(events):
            if event is events[0] and share and event.op == "write":
                file.seek(event.start)
                part = file.read(event.length)[: int(event.length * share)]
            file.seek(event.start)
            file.write(recording.kept(event.n).read_bytes() if event.kept else b"")
            file.truncate(event.size)
        if part:
            file.seek(events[0].start)
            file.write(part)


# ---- names ----------------------------------------------------------------------------------------------------------


class _Folder:
    """A folder, wherever it is by now: operations inside it outlive its being renamed."""

    def __init__(self, parent: _Folder | None, name: str) -> None:
        self.parent, self.name = parent, name
        self.children: dict[str, _Folder] = {}

    @property
    def path(self) -> Path:
        return self.parent.path / self.name if self.parent else Path(self.name)

    def chain(self) -> Iterator[_Folder]:
        """Yield this folder and those above it."""
        yield self
        if self.parent:
            yield from self.parent.chain()

    def child(self, name: str) -> _Folder:
        """Give a folder inside; one not heard of was there before the recording."""
        return self.children.setdefault(name, _Folder(self, name))

    def find(self, path: Path) -> _Folder:
        """Give the folder that is at a path now; called on the root."""
        found = self
        for part in path.relative_to(self.path).parts:
            found = found.child(part)
        return found

    def move(self, parent: _Folder, name: str) -> None:
        """Follow a renaming."""
        if self.parent:
            self.parent.children.pop(self.name, None)
        self.parent, self.name = parent, name
        parent.children[name] = self


@dataclass(slots=True)
class _Naming:
    """One operation on names: what it was about, and the entries it touched, the one it made or removed first."""

    event: Event
    bearer: _Folder | int
    entries: list[tuple[_Folder, str]]
    durable: bool = field(default=False)

    def touches(self) -> set[tuple[int, str]]:
        return {(id(folder), name) for folder, name in self.entries}

    def path(self, which: int = 0) -> Path:
        folder, name = self.entries[which]
        return folder.path / name


def _undo_names(recording: Recording, mode: Mode, chance: random.Random) -> int:
    namings = _namings(recording, strict=mode.names == "posix")
    if mode.contents == "subset":
        _spare_some(namings, chance)
    _spare_what_durable_ones_need(namings)
    lost = [naming for naming in reversed(namings) if not naming.durable]
    for naming in lost:
        _UNDO[naming.event.op](naming, recording)
    return len(lost)


def _namings(recording: Recording, *, strict: bool) -> list[_Naming]:
    root = _Folder(None, str(recording.root.resolve()))
    done: list[_Naming] = []
    for event in recording.events:
        if event.failed or (event.op == "stream" and not event.length):
            continue
        if event.op in NAME_OPERATIONS:
            done.append(_naming(root, event))
        elif event.op.startswith("sync"):
            _harden(done, root, event, strict=strict)
    return done


def _naming(root: _Folder, event: Event) -> _Naming:
    source = Path(event.path)
    entries = [(root.find(source.parent), source.name)]
    bearer: _Folder | int = event.inode
    if event.op in {"mkdir", "rmdir"}:
        bearer = entries[0][0].child(source.name)
    if event.op == "rmdir":
        entries[0][0].children.pop(source.name)
    if event.op == "rename":
        target = Path(event.second)
        entries.insert(0, (root.find(target.parent), target.name))
        if event.length:
            bearer = entries[1][0].child(source.name)
            bearer.move(*entries[0])
    return _Naming(event, bearer, entries)


def _harden(namings: list[_Naming], root: _Folder, event: Event, *, strict: bool) -> None:
    """Mark what an fsync makes durable."""
    if event.op == "syncall":
        for naming in namings:
            naming.durable = True
        return
    path = Path(event.path)
    folder = root.find(path if event.op == "syncdir" else path.parent)
    bearer: _Folder | int = folder if event.op == "syncdir" else event.inode
    above = list(folder.chain())
    for naming in namings:
        inside = event.op == "syncdir" and naming.entries[0][0] is folder
        own = naming.bearer is bearer if isinstance(bearer, _Folder) else naming.bearer == bearer
        new_above = naming.event.op == "mkdir" and naming.bearer in above
        if inside or (not strict and (own or new_above)):
            naming.durable = True


def _spare_some(namings: list[_Naming], chance: random.Random) -> None:
    """Let a random first part of each folder's undurable operations survive."""
    by_folder: defaultdict[int, list[_Naming]] = defaultdict(list)
    for naming in namings:
        if not naming.durable:
            by_folder[id(naming.entries[0][0])].append(naming)
    for undurable in by_folder.values():
        for naming in undurable[: chance.randint(0, len(undurable))]:
            naming.durable = True


def _spare_what_durable_ones_need(namings: list[_Naming]) -> None:
    """A durable operation keeps the earlier ones on its names, and a removed folder those that emptied it."""
    needed: set[tuple[int, str]] = set()
    removed: set[int] = set()
    for naming in reversed(namings):
        inside_removed = any(id(folder) in removed for folder, _ in naming.entries)
        if naming.durable or inside_removed or naming.touches() & needed:
            naming.durable = True
            needed |= naming.touches()
            if naming.event.op == "rmdir":
                removed.add(id(naming.bearer))


def _undo_making(naming: _Naming, recording: Recording) -> None:
    naming.path().unlink(missing_ok=True)


def _undo_folder(naming: _Naming, recording: Recording) -> None:
    shutil.rmtree(naming.path())


def _undo_removal(naming: _Naming, recording: Recording) -> None:
    naming.path().unlink(missing_ok=True)
    os.link(recording.kept(naming.event.n), naming.path(), follow_symlinks=False)


def _undo_folder_removal(naming: _Naming, recording: Recording) -> None:
    naming.path().mkdir(mode=0o700)


def _undo_renaming(naming: _Naming, recording: Recording) -> None:
    os.rename(naming.path(0), naming.path(1))
    if isinstance(naming.bearer, _Folder):
        naming.bearer.move(*naming.entries[1])
    if naming.event.kept:
        os.link(recording.kept(naming.event.n), naming.path(0), follow_symlinks=False)
    elif naming.event.size:
        naming.path(0).mkdir(mode=0o700)


_UNDO: dict[str, Callable[[_Naming, Recording], None]] = {
    "create": _undo_making,
    "stream": _undo_making,
    "link": _undo_making,
    "mkdir": _undo_folder,
    "unlink": _undo_removal,
    "rmdir": _undo_folder_removal,
    "rename": _undo_renaming,
}
