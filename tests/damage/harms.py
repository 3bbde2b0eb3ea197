"""What can happen to a file: bits flip, ends are cut, blocks are zeroed, it goes, an older copy takes its place."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.damage.specimens import Specimen

FOOTER = 48
BLOCK = 4096
FILTER = b"filter.leveldb.BuiltinBloomFilter2"
KINDS = ("flip", "truncate", "zero", "delete", "older")


@dataclass(frozen=True)
class Harm:
    """One thing done to one file.

    Attributes
    ----------
    part
        Which file or part of it: a row of the table.
    kind
        What is done: a column of the table.
    name
        Of the file, relative to the mind's folder.
    at
        Where, in bytes.
    bit
        For a flip.
    """

    part: str
    kind: str
    name: str
    at: int = 0
    bit: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.part}) at {self.at}" + (
            f" bit {self.bit}" if self.kind == "flip" else ""
        )

    def do(self, mind: Path, older: Path) -> None:
        """Do it to a copy of the specimen."""
        file = mind / self.name
        data = bytearray(file.read_bytes())
        if self.kind == "delete":
            file.unlink()
            return
        if self.kind == "older":
            data = bytearray(_older(older, self.name))
        elif self.kind == "flip":
            data[self.at] ^= 1 << self.bit
        elif self.kind == "truncate":
            del data[self.at :]
        else:
            end = min(self.at + BLOCK, len(data))
            data[self.at : end] = bytes(end - self.at)
        file.write_bytes(data)


def _older(older: Path, name: str) -> bytes:
    """Give the same file as it was; a log or MANIFEST of another number where that one was not there yet."""
    file = older / name
    if not file.exists():
        pattern = "*.log" if name.endswith(".log") else "MANIFEST-*"
        file = max(older.glob(f"gen-*/{pattern}"))
    return file.read_bytes()


# ---- parts of a table ------------------------------------------------------------------------------------------------


def _varints(data: bytes, at: int, n: int) -> list[int]:
    values = []
    for _ in range(n):
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        values.append(value)
    return values


def regions(table: Path) -> dict[str, range]:
    """Give the bytes of a table by part: data, filter, index, footer."""
    data = table.read_bytes()
    meta, _, index, index_size = _varints(data, len(data) - FOOTER, 4)
    found = data.index(FILTER, meta) + len(FILTER)
    filter_at, filter_size = _varints(data, found, 2)
    assert data[-8:] == struct.pack("<Q", 0xDB4775248B80FB57)
    return {
        "table, data": range(filter_at),
        "table, filter": range(filter_at, filter_at + filter_size + 5),
        "table, index": range(index, index + index_size + 5),
        "table, footer": range(len(data) - FOOTER, len(data)),
    }


# ---- choosing --------------------------------------------------------------------------------------------------------


def parts_of(specimen: Specimen) -> Iterator[tuple[str, str, range]]:
    """Yield (part, file, its bytes) of all that can be damaged."""
    generation = specimen.generation
    for path in sorted(generation.iterdir()):
        name, whole = f"{generation.name}/{path.name}", range(path.stat().st_size)
        if path.suffix == ".log":
            yield "log", name, whole
        elif path.name.startswith("MANIFEST-"):
            yield "MANIFEST", name, whole
        elif path.name == "CURRENT":
            yield "CURRENT", name, whole
        elif path.suffix == ".ldb":
            for part, where in regions(path).items():
                yield part, name, where
    for name in ("STORE", "STORE.bak", "te.lock", "reserve.bin"):
        if (specimen.path / name).exists():
            yield name, name, range((specimen.path / name).stat().st_size)


def harms(specimen: Specimen, *, n: int, seed: int = 0) -> Iterator[Harm]:
    """Yield about `n` flips, cuts and zeroed blocks of every part, and the rest once a file.

    Parameters
    ----------
    n
        A part with fewer bytes or bits gets all of them.
    """
    rng = random.Random(f"{specimen.name} {seed}")
    counts: dict[str, int] = {}
    parts = list(parts_of(specimen))
    for part, _, _ in parts:
        counts[part] = counts.get(part, 0) + 1
    for part, name, where in parts:
        each = max(1, n // counts[part])
        for at in _sample(rng, where, each):
            yield Harm(part, "flip", name, at, rng.randrange(8))
        if part in ("table, filter", "table, index", "table, footer"):
            continue  # cuts and the rest are of the whole file
        part = "table" if part == "table, data" else part
        size = (specimen.path / name).stat().st_size
        for at in {0, size - 1, size // 2, *_sample(rng, range(size), each)} if size else ():
            yield Harm(part, "truncate", name, at)
        for at in (
            {0, *_sample(rng, range(0, size, BLOCK), each // 2), *_sample(rng, range(size), each // 2)} if size else ()
        ):
            yield Harm(part, "zero", name, at)
        yield Harm(part, "delete", name)
        if part != "table" and (specimen.path / name).read_bytes() != _older(specimen.older, name):
            yield Harm(part, "older", name)


def _sample(rng: random.Random, where: range, n: int) -> list[int]:
    return list(where) if len(where) <= n else rng.sample(where, n)


Progress = Callable[[int, int], None]
