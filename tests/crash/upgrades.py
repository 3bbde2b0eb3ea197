"""Lives of a store that was of format 1: taken up, taken back, killed in between; and what must be found in it as bytes."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import thoughtengine as te
from tests.crash.workloads import MIND, Life, workload
from tests.flat import read_flat, write_flat

FLAT = "flat.json"
N = 6


def flat(life: Life) -> None:
    """A store of format 1 whose experiences stand in the diary, and whose rows stand beside it."""
    rows: dict[bytes, bytes] = {
        b"weather:today": b"\xff\xfe",
        b"thought:patterns": b'[{"id": "p", "references": ["note-1"]}]',
    }
    for n in range(1, N + 1):
        item = life.item(key=f"sensory:note-{n}", source=None)
        life.act("remember", lambda n=n: n, items=[item])
        stamp = 1_700_000_000_000_000_000 + n
        value = {"timestamp": stamp, "type": "sensory", "raw": item["text"], "mood": [n]}
        rows[f"sensory:note-{n}".encode()] = json.dumps(value).encode()
    rows[b"emotion:note-2"] = b'{"processed_at": 1, "type": "emotion", "valence": 0.5, "more": null}'
    write_flat(life.root / MIND, rows)
    told = {key.hex(): value.hex() for key, value in rows.items()}
    (life.diary.path.parent / FLAT).write_text(json.dumps(told))
    life.act("sync", lambda: None)


def upgraded(life: Life) -> None:
    flat(life)
    life.open()
    life.remember()
    life.forget(3)
    life.close()


def came_back(life: Life) -> None:
    upgraded(life)
    te.rollback(life.root / MIND)


@workload(flat)
def upgrade(life: Life) -> None:
    life.act("upgrade", lambda: te.upgrade(life.root / MIND))
    life.open()
    life.remember()
    life.close()


@workload(upgraded)
def rollback(life: Life) -> None:
    life.act("rollback", lambda: te.rollback(life.root / MIND))


@workload(flat)
def refused(life: Life) -> None:
    """Nobody signs off: the upgrade is taken back by itself."""

    def call() -> None:
        with contextlib.suppress(te.UpgradeFailedError):
            te.upgrade(life.root / MIND, approve=lambda report: False)

    life.act("upgrade", call)


@workload(came_back)
def upgrade_again(life: Life) -> None:
    """What was kept aside comes back."""
    life.open()
    life.remember()
    life.close()


def open_settled(path: Path, **how: Any) -> te.ThoughtEngine:
    """Open a mind; where a rollback had been killed, that is ended first, and told."""
    try:
        return te.open(path, **how)
    except te.UpgradeFailedError:
        return te.open(path, **how)


def went_wrong(root: Path, diary: Path, forgotten: set[str]) -> list[str]:
    """Take a mind down, and tell which rows of its beginning are not the bytes that they were."""
    told = diary.parent / FLAT
    if not told.exists():
        return []
    rows = {bytes.fromhex(key): bytes.fromhex(value) for key, value in json.loads(told.read_text()).items()}
    te.rollback(root / MIND)
    found = read_flat(root / MIND)
    gone = {key for key in rows if key.decode().partition(":")[2] in forgotten}
    wrong = [key for key, value in rows.items() if found.get(key) != (None if key in gone else value)]
    left = [path.name for path in (root / MIND).iterdir() if path.is_dir() and path.name != ".te"]
    return [*(f"down, {key!r} is {found.get(key)!r}" for key in wrong), *(f"down, {name}/ is left" for name in left)]
