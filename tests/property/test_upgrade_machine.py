"""A store lives under old programs and new ones, upgraded slice by slice, killed, taken back: a dict tells what is there."""

import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import thoughtengine as te
from tests.flat import read_flat, write_flat
from thoughtengine import lifting
from thoughtengine.migrations import online, sweep

names = st.sampled_from(["tea", "rain", "garden", "train", "ärger", "b:c"])
NAMES = [f"sensory:{name}" for name in ("tea", "rain", "garden", "train", "ärger", "b:c")]
texts = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=8)


def only_there(self: object) -> bool:
    """Tell whether the store is of format 1."""
    return self.mind is None and not self.is_new  # type: ignore[attr-defined]


def copied(source: Path, target: Path) -> None:
    """Copy files as they stand at one moment: LevelDB has a thread that makes and removes tables."""
    while True:
        before = sorted(source.rglob("*"))
        with contextlib.suppress(shutil.Error):
            shutil.copytree(source, target)
            if sorted(source.rglob("*")) == before:
                return
        shutil.rmtree(target, ignore_errors=True)


class Lives(RuleBasedStateMachine):
    """What each name stands for, whoever looks."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path, self.n = self.folder / "mind-0", 0
        self.mind: te.ThoughtEngine | None = None
        self.is_new = False
        self.model: dict[str, str] = {}
        self.patches = [
            patch.object(lifting, "SMALL", 0),
            patch.object(sweep, "_ROWS", 2),
            patch.object(online.Background, "start", lambda background: background.pause()),
        ]
        for each in self.patches:
            each.start()

    @initialize(rows=st.dictionaries(names, texts, min_size=1))
    def begin(self, rows: dict[str, str]) -> None:
        write_flat(self.path, {b"thought:learning": b"{}", b"unknown:x": b"\xff"})
        for name, text in rows.items():
            self.old_program_writes(name, text)

    @precondition(only_there)
    @rule(name=names, text=texts)
    def old_program_writes(self, name: str, text: str) -> None:
        value = {"timestamp": 1, "type": "sensory", "raw": text}
        write_flat(self.path, {f"sensory:{name}".encode(): json.dumps(value).encode()})
        self.model[f"sensory:{name}"] = text

    @precondition(only_there)
    @rule(name=names)
    def old_program_deletes(self, name: str) -> None:
        write_flat(self.path, {f"sensory:{name}".encode(): None})
        self.model.pop(f"sensory:{name}", None)

    @precondition(lambda self: self.mind is None)
    @rule()
    def open(self) -> None:
        self.mind, self.is_new = te.open(self.path), True

    @precondition(lambda self: self.mind is not None)
    @rule(name=names, text=texts)
    def remember(self, name: str, text: str) -> None:
        if f"sensory:{name}" not in self.model:  # a revision goes down beside what it revises, under another name
            assert self.mind is not None
            self.mind.remember(text, key=f"sensory:{name}")
            self.model[f"sensory:{name}"] = text

    @precondition(lambda self: self.mind is not None)
    @rule(name=names)
    def forget(self, name: str) -> None:
        if self.model.pop(f"sensory:{name}", None) is not None:
            assert self.mind is not None
            self.mind.forget(f"sensory:{name}")

    @precondition(lambda self: self.mind is not None and self.mind.upgrade.status().stage == "UPGRADING")
    @rule(n=st.integers(1, 8))
    def go_on(self, n: int) -> None:
        assert self.mind is not None
        behind = self.mind.upgrade.background
        assert behind is not None
        for _ in range(n):
            if behind.upgrade.step() and not behind.over:
                behind.upgrade.finish()
                behind.over = True
                self.mind._memories.live.grown()
                return

    @precondition(lambda self: self.mind is not None and self.mind.upgrade.status().stage == "UPGRADING")
    @rule(phase=st.sampled_from(["P1", "P2", "P3", "P4"]))
    def drop_phases(self, phase: str) -> None:
        assert self.mind is not None
        self.mind.upgrade.rollback(phase)

    @precondition(lambda self: self.mind is not None)
    @rule()
    def close(self) -> None:
        assert self.mind is not None
        self.mind.close()
        self.mind = None

    @precondition(lambda self: self.mind is not None)
    @rule()
    def kill(self) -> None:
        """What a killed process leaves are its files as they stand."""
        assert self.mind is not None
        self.n += 1
        copied(self.path, self.folder / f"mind-{self.n}")
        self.close()
        self.path = self.folder / f"mind-{self.n}"

    @precondition(lambda self: self.is_new)
    @rule()
    def go_back(self) -> None:
        if self.mind is not None and self.mind.upgrade.status().stage:
            self.mind.upgrade.rollback()
        else:
            if self.mind is not None:
                self.close()
            te.rollback(self.path, to=1)
        self.mind, self.is_new = None, False

    @invariant()
    def every_name_stands_for_what_was_said(self) -> None:
        if self.mind is not None:
            found = {name: memory.text for name in NAMES if (memory := self.mind.get(name)) is not None}
            assert found == self.model
            assert {memory.key for memory in self.mind.memories() if memory.superseded_by is None} == self.model.keys()
        elif not self.is_new and self.path.exists():
            rows = read_flat(self.path)
            told = {key.decode(): json.loads(value)["raw"] for key, value in rows.items() if key.decode() in NAMES}
            assert told == self.model
            assert rows[b"unknown:x"] == b"\xff"

    def teardown(self) -> None:
        try:
            if self.mind is not None:
                if not self.mind.upgrade.status().stage:
                    assert self.mind.check() == []
                self.mind.close()
            elif self.is_new:
                with te.open(self.path, upgrade="wait") as mind:
                    assert mind.check() == []
        finally:
            for each in self.patches:
                each.stop()
            shutil.rmtree(self.folder)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
