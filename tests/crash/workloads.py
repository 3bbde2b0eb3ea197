"""What the child does before it is killed, one short life a verb, and the diary it keeps outside of what is lost."""

from __future__ import annotations

import hashlib
import json
import os
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import thoughtengine as te
from thoughtengine.memory.index import live

MIND = "mind"
BACKUP = "backup"
TARGET = "target"
HARMED = "harmed"
"""A file beside the diary: something was damaged on purpose, which an incident must tell."""

ALPHABET = string.ascii_lowercase + string.digits
Durability = Literal["process", "power"]


def marker(*parts: object) -> str:
    """Give a word of 24 random letters and digits, always the same for the same parts.

    No four letters of it are likely to occur again in the same block, so that compression leaves it whole and a scan
    of the raw bytes finds it.

    Examples
    --------
    >>> marker("remember", 1) == marker("remember", 1) != marker("remember", 2)
    True
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=24).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest)


class Diary:
    """One line before each action, one after it was acknowledged; a kill of the writer loses none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **line: Any) -> None:
        """Append a line in one call to the system."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
        finally:
            os.close(descriptor)

    def read(self) -> list[dict[str, Any]]:
        """Give all lines."""
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []


class Life:
    """A host that writes down what it is about to do and what was acknowledged.

    Parameters
    ----------
    root
        The folder in which the mind's folder is.
    diary
        A file outside of it.
    durability
        As for `te.open`.
    name
        Of the workload: texts differ by it.
    """

    def __init__(self, root: Path, diary: Path, *, durability: Durability, name: str) -> None:
        self.root, self.diary, self.durability, self.name = root, Diary(diary), durability, name
        self.n_texts = sum(len(line.get("items", ())) for line in self.diary.read())
        self.mind: Any = None

    def text(self) -> str:
        """Give a new text with a word that stands nowhere else."""
        self.n_texts += 1
        return f"Note {self.n_texts} about {marker(self.name, self.n_texts)} and the garden."

    def item(self, **fields: Any) -> dict[str, Any]:
        """Give the fields of a new experience."""
        return {"text": self.text(), "key": None, "source": "Dana" if self.n_texts % 2 else None, **fields}

    def act(self, verb: str, call: Callable[[], Any], **what: Any) -> Any:
        """Write down the intent, act, write down the acknowledgement."""
        self.diary.write(intent=verb, **what)
        result = call()
        ids = result if isinstance(result, list) else [result] if isinstance(result, int) else []
        self.diary.write(done=verb, ids=ids)
        return result

    def open(self) -> None:
        self.mind = self.act("open", lambda: te.open(self.root / MIND, durability=self.durability))

    def close(self) -> None:
        self.act("close", self.mind.close)

    def sync(self) -> None:
        self.act("sync", self.mind.sync)

    def remember(self, **fields: Any) -> int:
        item = self.item(**fields)
        memory: int = self.act("remember", lambda: self.mind.remember(**item), items=[item])
        return memory

    def remember_many(self, n: int, *, payload_bytes: int = 0) -> list[int]:
        items = [self.item(key=f"many-{self.n_texts}") for _ in range(n)]
        payloads = [random_bytes(item["text"], payload_bytes) for item in items]
        experiences = [te.Experience(**item, payload=payload) for item, payload in zip(items, payloads, strict=True)]
        ids: list[int] = self.act("remember_many", lambda: self.mind.remember_many(experiences), items=items)
        return ids

    def look(self) -> None:
        """Recall, and wait for the files that are written behind it."""
        self.mind.recall("the garden")
        self.mind._memories.live.upkeep.wait()

    def revise(self, old: int) -> int:
        item = self.item()
        memory: int = self.act("revise", lambda: self.mind.revise(old, text=item["text"]), items=[item], old=old)
        return memory

    def forget(self, *ids: int) -> Any:
        return self.act("forget", lambda: self.mind.forget(*ids), of=ids)

    def erase(self, *ids: int) -> None:
        self.act("erase", lambda: self.mind.forget(*ids, erase=True), of=ids)

    def pin(self, *ids: int) -> Any:
        return self.act("pin", lambda: self.mind.pin(*ids), of=ids)

    def undo(self, receipt: Any, verb: str, *ids: int) -> None:
        self.act(f"undo {verb}", lambda: self.mind.undo(receipt), of=ids)

    def snapshot(self, name: str) -> None:
        self.act("snapshot", lambda: self.mind.snapshot(name), target=f"{MIND}/snapshots/{name}")

    def backup(self) -> None:
        self.act("backup", lambda: te.backup(self.root / MIND, self.root / BACKUP), target=BACKUP)

    def restore(self) -> None:
        self.act("restore", lambda: te.restore(self.root / BACKUP, self.root / TARGET), target=TARGET)

    def fork(self) -> None:
        self.act("fork", lambda: te.fork(self.root / MIND, self.root / TARGET), target=TARGET)


def random_bytes(seed: str, n: int) -> bytes | None:
    """Give bytes that do not compress; None for none."""
    return hashlib.shake_128(seed.encode()).digest(n) if n else None


# ---- the lives -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Workload:
    """A short life: what was before it, done in peace, and what the child is killed in."""

    name: str
    run: Callable[[Life], None]
    prepare: Callable[[Life], None]


WORKLOADS: dict[str, Workload] = {}


def nothing(life: Life) -> None:
    """Begin in an empty folder."""


def lived(life: Life) -> None:
    """Begin with a mind of six memories, one of them revised, one forgotten, one pinned, in tables and in a log."""
    life.open()
    first = life.remember_many(3)
    life.close()
    life.open()
    life.remember(key="tea")
    life.revise(first[0])
    life.forget(life.remember())
    life.pin(first[1])
    life.close()


def backed_up(life: Life) -> None:
    """Begin with such a mind and a backup of it."""
    lived(life)
    life.backup()


def workload(prepare: Callable[[Life], None]) -> Callable[[Callable[[Life], None]], Callable[[Life], None]]:
    """Put a life under its name into `WORKLOADS`."""

    def enter(run: Callable[[Life], None]) -> Callable[[Life], None]:
        name = run.__name__.removesuffix("_")
        WORKLOADS[name] = Workload(name, run, prepare)
        return run

    return enter


@workload(nothing)
def create(life: Life) -> None:
    life.open()
    life.remember()
    life.close()


@workload(lived)
def remember(life: Life) -> None:
    life.open()
    life.remember()
    life.remember(key="garden")
    life.remember(source="Ümit")
    life.close()


@workload(lived)
def remember_many(life: Life) -> None:
    life.open()
    life.remember_many(5)
    life.remember_many(20)
    life.close()


@workload(lived)
def bulk(life: Life) -> None:
    """More than the write buffer holds: the log changes, tables are written, compaction may run."""
    life.open()
    for _ in range(7):
        life.remember_many(3, payload_bytes=200_000)
    life.close()


@workload(lived)
def revise(life: Life) -> None:
    life.open()
    second = life.revise(2)
    life.revise(second)
    life.close()


@workload(lived)
def forget(life: Life) -> None:
    life.open()
    life.forget(2)
    life.undo(life.forget(3, 4), "forget", 3, 4)
    life.close()


@workload(lived)
def erase(life: Life) -> None:
    life.open()
    life.erase(2)
    life.remember()
    life.erase(3, life.remember())
    life.close()


@workload(lived)
def pin(life: Life) -> None:
    life.open()
    life.pin(4)
    life.undo(life.pin(3), "pin", 3)
    life.close()


@workload(lived)
def snapshot(life: Life) -> None:
    life.open()
    life.snapshot("one")
    life.remember()
    life.snapshot("two")
    life.close()


@workload(lived)
def backup(life: Life) -> None:
    life.backup()


@workload(lived)
def backup_open(life: Life) -> None:
    """A backup of a mind that this very process has open, and goes on writing to."""
    life.open()
    life.remember()
    life.backup()
    life.remember()
    life.close()


@workload(backed_up)
def restore(life: Life) -> None:
    life.restore()


@workload(lived)
def fork(life: Life) -> None:
    life.fork()


@workload(lived)
def reopen(life: Life) -> None:
    life.open()
    life.remember()
    life.close()
    life.open()
    life.remember()
    life.sync()
    life.remember()
    life.close()


@workload(lived)
def index(life: Life) -> None:
    """A few memories are worth a segment file here: files are written, merged, and go with an erased generation."""
    with patch.multiple(live, _FILED=4), patch("thoughtengine.memory.index.index._TAIL", 4):
        life.open()
        for n in (6, 6, 12):
            life.remember_many(n)
            life.look()
        life.erase(3, 9)
        life.look()
        life.close()


def lines(diary: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Yield each intent of a diary with its acknowledgement, None for the one in flight."""
    written = Diary(diary).read()
    for n, line in enumerate(written):
        if "intent" in line:
            yield line, written[n + 1] if n + 1 < len(written) else None
