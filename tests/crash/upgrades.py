"""Lives of a store that was of format 1: taken up, taken back, killed in between; and what must be found in it as bytes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import thoughtengine as te
from tests.crash.workloads import HARMED, MIND, Life, workload
from tests.flat import read_flat, write_flat
from thoughtengine import lifting
from thoughtengine.memory.record import VectorRecord
from thoughtengine.migrations import begin, lower, online, run, running, sweep
from thoughtengine.migrations import payloads as payloads_module
from thoughtengine.storage import bare
from thoughtengine.storage.keyspace import CODE, FORMER

FLAT = "flat.json"
HOOKED, ENCODED = "hooked", "encoded"
HOOKS = te.Upgrades("crash")
PATIENCE_SECONDS = 30.0
N = 6


@HOOKS.step("note", from_version=1, down=lambda note: {"text": note["body"]})
def note_1_to_2(note: dict[str, Any]) -> dict[str, Any]:
    return {"body": note["text"]}


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
    upgrade_(life)


def upgrade_(life: Life) -> None:
    life.act("upgrade", lambda: te.upgrade(life.root / MIND))
    life.open()
    life.remember()
    life.close()


@workload(flat)
def upgrade_fast(life: Life) -> None:
    """Slice after slice is made ahead and written through a larger buffer, as in a large store."""
    full_speed()
    upgrade_(life)


def full_speed() -> None:
    sweep._ROWS = payloads_module._ROWS = 2
    running._WRITTEN = 1 << 20
    running._ROOMY = 8 << 20


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


def cut(life: Life) -> None:
    """The log of what was kept aside has lost its end, and with that the notes of what went where."""
    came_back(life)
    log = max((life.root / MIND / ".te").glob("gen-*/*.log"), key=lambda file: file.stat().st_size)
    os.truncate(log, log.stat().st_size - 1)


@workload(cut)
def upgrade_cut(life: Life) -> None:
    """What was kept aside is damaged: what is readable comes back."""
    life.open()
    life.remember()
    life.close()


def touched(life: Life) -> None:
    """A program of format 1 has changed a row whose key, source and tags were kept aside."""
    flat(life)
    life.open()
    new = life.remember(key="mine", source="Dana", tags=["a"])
    life.forget(3)
    life.close()
    te.rollback(life.root / MIND)
    item = life.item(key=None, source=None)

    def change() -> int:
        value = json.dumps({"timestamp": 1, "type": "sensory", "raw": item["text"]}).encode()
        write_flat(life.root / MIND, {f"sensory:te-{new}".encode(): value})
        return new + 1

    life.act("revise", change, items=[item], old=new)
    life.act("sync", lambda: None)


@workload(touched)
def upgrade_touched(life: Life) -> None:
    """What was kept aside comes back, and what an old program has changed keeps what it says nothing of."""
    life.open()
    life.remember()
    life.close()


@workload(flat)
def upgrade_behind(life: Life) -> None:
    """The mind serves, and is written to, while it is upgraded."""
    lifting.SMALL = 2
    sweep._ROWS = 2
    life.open()
    for n in range(3):
        life.revise(n + 1)
        life.pin(4 + n)
    behind, until = life.mind.upgrade.background, time.monotonic() + PATIENCE_SECONDS
    while not behind.over and time.monotonic() < until:
        time.sleep(0.002)
    life.remember()
    life.close()


def torn(life: Life) -> None:
    """The old store is damaged, and its sealed copy too, when all of it has been swept and nothing signed off."""
    flat(life)

    class _StoppedError(BaseException):
        pass

    def stop(*given: Any) -> None:
        raise _StoppedError

    validate, run.validate = run.validate, stop  # type: ignore[assignment]
    with contextlib.suppress(_StoppedError):
        te.upgrade(life.root / MIND)
    run.validate = validate
    (life.diary.path.parent / HARMED).touch()
    for folder in ("gen-000001", "rollback/gen-000001"):
        for file in [*(life.root / MIND / folder).glob("*.ldb"), *(life.root / MIND / folder).glob("*.log")]:
            data = bytearray(file.read_bytes())
            data[len(data) // 2 : len(data) // 2 + 1] = b"#" if data else b""
            file.write_bytes(data)


@workload(torn)
def upgrade_mended(life: Life) -> None:
    """Goes on with what can be read of both and what was swept."""
    upgrade_(life)


def noted(life: Life) -> None:
    """A mind with payloads of an older version."""
    (life.diary.path.parent / HOOKED).touch()
    life.open()
    for n in range(5):
        text = life.text()
        item = {"text": text, "key": f"note-{n}", "source": None, "kind": "crash.note", "payload": {"text": text}}
        life.act("remember", lambda item=item: life.mind.remember(**item), items=[item])
    life.close()


def noted_anew(life: Life) -> None:
    noted(life)
    te.upgrade(life.root / MIND, hooks=[HOOKS])


@workload(noted)
def payloads(life: Life) -> None:
    life.act("upgrade", lambda: te.upgrade(life.root / MIND, hooks=[HOOKS]))


@workload(noted)
def payloads_fast(life: Life) -> None:
    """As `upgrade_fast`."""
    full_speed()
    payloads(life)


@workload(noted_anew)
def payloads_back(life: Life) -> None:
    life.act("rollback", lambda: te.rollback(life.root / MIND, hooks=[HOOKS]))


def noted_in_soak(life: Life) -> None:
    """A mind that was of format 1 and still soaks, with payloads of an older version."""
    flat(life)
    te.upgrade(life.root / MIND)
    noted(life)
    life.open()
    life.forget(3)
    life.close()


def noted_anew_in_soak(life: Life) -> None:
    noted_in_soak(life)
    te.upgrade(life.root / MIND, hooks=[HOOKS])
    life.mind = life.act("open", lambda: te.open(life.root / MIND, hooks=[HOOKS]))
    text = life.text()
    item = {"text": text, "key": "late", "source": None, "kind": "crash.note", "payload": {"body": text}}
    life.act("remember", lambda: life.mind.remember(**item), items=[item])
    life.close()


@workload(noted_in_soak)
def payloads_in_soak(life: Life) -> None:
    """A second rollback point lies upon the first."""
    life.act("upgrade", lambda: te.upgrade(life.root / MIND, hooks=[HOOKS]))


@workload(noted_anew_in_soak)
def points_erased(life: Life) -> None:
    """An erasure reaches both rollback points, in the moment in which it reaches the mind: each way back leads through them."""
    life.mind = life.act("open", lambda: te.open(life.root / MIND, hooks=[HOOKS]))
    life.erase(2, life.mind["note-2"].id)
    life.close()


@workload(noted_anew_in_soak)
def points_back(life: Life) -> None:
    """From the second rollback point to the first, and from there to the old format."""
    life.act("rollback", lambda: te.rollback(life.root / MIND, hooks=[HOOKS]))
    life.act("rollback", lambda: te.rollback(life.root / MIND))


@workload(noted_anew_in_soak)
def points_back_at_once(life: Life) -> None:
    life.act("rollback", lambda: te.rollback(life.root / MIND, to=1, hooks=[HOOKS]))


def noted_long_ago(life: Life) -> None:
    noted(life)
    with te.open(life.root / MIND, hooks=[HOOKS]) as mind:
        mind.upgrade.commit()


@workload(noted_long_ago)
def payloads_down(life: Life) -> None:
    """After the soak; whoever opens it with the hooks afterwards takes them up again."""
    life.act("rollback", lambda: te.rollback(life.root / MIND, to={"crash.note": 1}, hooks=[HOOKS]))


@workload(flat)
def phases_back(life: Life) -> None:
    """Each phase is dropped when it is done, and done again; in the last one all is taken back."""
    lifting.SMALL = 2
    sweep._ROWS = 2
    online.Background.start = lambda self: self.pause()  # type: ignore[method-assign]
    life.open()
    running = life.mind.upgrade.background.upgrade
    for keep, name in enumerate(("P1", "P2", "P3", "P4"), 1):
        while running.sweep.cursor.step < keep:
            running.step()
        life.remember()
        if keep > 1:
            life.act("sync", lambda keep=keep: life.mind.upgrade.rollback(f"P{keep - 1}"))
            while running.phase.startswith(name) and not running.through:
                running.step()
    life.act("rollback", life.mind.upgrade.rollback)


class CrashEncoder:
    """An encoder whose vectors follow from its name and the text."""

    dimension = 4

    def __init__(self, name: str) -> None:
        self.name = self.fingerprint = name

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        digests = [hashlib.blake2b(f"{self.name} {text}".encode(), digest_size=4).digest() for text in texts]
        return np.array([[1 + byte for byte in digest] for digest in digests], np.float32)


def encoded(life: Life) -> None:
    """A mind with vectors; whoever opens it afterwards gives the other encoder."""
    life.act("open", lambda: None)
    with te.open(life.root / MIND, encoder=CrashEncoder("first")) as mind:
        for n in range(5):
            item = life.item(key=f"text-{n}")
            life.act("remember", lambda item=item: mind.remember(**item), items=[item])
    life.act("close", lambda: None)
    (life.diary.path.parent / ENCODED).write_text("second")


def encoded_anew(life: Life) -> None:
    encoded(life)
    te.upgrade(life.root / MIND, encoder=CrashEncoder("second"))
    (life.diary.path.parent / ENCODED).write_text("first")


@workload(encoded)
def encoder(life: Life) -> None:
    life.act("upgrade", lambda: te.upgrade(life.root / MIND, encoder=CrashEncoder("second")))


@workload(encoded_anew)
def encoder_back(life: Life) -> None:
    life.act("rollback", lambda: te.rollback(life.root / MIND))


def vectors_wrong(mind: te.ThoughtEngine) -> list[str]:
    """Tell which vectors are not those of the encoder that was given, or are kept of it as of the one before."""
    encoder = mind._encoder
    if not isinstance(encoder, CrashEncoder):
        return []
    vectors = dict(mind._store.rows(CODE, VectorRecord))
    wrong = [
        f"the vector of {memory} is not of {encoder.name}"
        for memory in mind.memories()
        if memory.id not in vectors or vectors[memory.id].data != encoder([str(memory.text)])[0].tobytes()
    ]
    kept = {of.fingerprint for _, of in mind._store.rows(FORMER, VectorRecord)}
    return wrong + [f"{name} is kept as the encoder before" for name in kept if name == encoder.name]


def payloads_wrong(mind: te.ThoughtEngine) -> list[str]:
    """Tell which payloads are not what the step makes of them."""
    notes = [memory for memory in mind.memories() if memory.kind == "crash.note"]
    return [f"{memory} has {memory.payload}" for memory in notes if memory.payload != {"body": memory.text}]


def open_settled(path: Path, **how: Any) -> te.ThoughtEngine:
    """Open a mind; where a rollback had been killed, that is ended first, and told."""
    how["config"] = te.Config(
        recall=te.RecallConfig(cues=0)
    )  # who judges asks for what was erased, and must not leave that
    if (path.parent.parent / HOOKED).exists():
        how["hooks"] = [HOOKS]
    if (told := path.parent.parent / ENCODED).exists():
        how["encoder"] = CrashEncoder(told.read_text())
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
    te.rollback(root / MIND, to=1, hooks=[HOOKS] if (diary.parent / HOOKED).exists() else [])
    found = read_flat(root / MIND)
    gone = {key for key in rows if key.decode().partition(":")[2] in forgotten}
    wrong = [key for key, value in rows.items() if found.get(key) != (None if key in gone else value)]
    left = [path.name for path in (root / MIND).iterdir() if path.is_dir() and path.name != ".te"]
    return [*(f"down, {key!r} is {found.get(key)!r}" for key in wrong), *(f"down, {name}/ is left" for name in left)]


@workload(flat)
def fault_root_goes_too_early(life: Life) -> None:
    """The old files are unlinked before the pointer file says that the new place counts."""
    right = begin.write_pointer

    def wrong(root: Path, pointer: Any) -> None:
        bare.clear(root, root / pointer.upgrade.rollback)
        right(root, pointer)

    begin.write_pointer = wrong
    upgrade_(life)


@workload(upgraded)
def fault_pointer_goes_too_early(life: Life) -> None:
    """On the way down the pointer file goes before the old files are back."""
    right = lower.give_out

    def wrong(source: Path, root: Path) -> None:
        (root / "STORE.bak").unlink()
        (root / "STORE").unlink()
        right(source, root)

    lower.give_out = wrong
    life.act("rollback", lambda: te.rollback(life.root / MIND))
