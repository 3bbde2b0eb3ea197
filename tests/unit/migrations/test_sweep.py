"""The sweep: a slice that was made while the one before it was written is the one that would have been made after it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.golden.v0001.write import rows
from thoughtengine import lifting
from thoughtengine.config import StorageConfig
from thoughtengine.errors import StoreFullError
from thoughtengine.migrations import sweep as module
from thoughtengine.migrations.ahead import Ahead
from thoughtengine.migrations.overlay import UpgradingStore
from thoughtengine.migrations.run import Upgrade
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.store import Level

Swept = Callable[..., list[tuple[bytes, bytes]]]


@pytest.fixture
def swept(flat_store: Callable[[dict[bytes, bytes]], Path], monkeypatch: pytest.MonkeyPatch) -> Swept:
    """Sweep a store of 400 rows and more to the end, in slices of seven; return what is there then."""
    monkeypatch.setattr(module, "_ROWS", 7)

    def sweep(*, ahead: bool, between: Callable[[UpgradingStore], object] = bool) -> list[tuple[bytes, bytes]]:
        root = flat_store(rows(400))
        lifting.begin_flat(root, StorageConfig())
        store = UpgradingStore(root, StorageConfig(), lifting.index_rows)
        try:
            upgrade = Upgrade(store, lifting.TOOLS)
            upgrade.step()
            while not upgrade.sweep.done:
                before = upgrade.sweep.cursor
                try:
                    upgrade.sweep.slice(ahead=ahead)
                except StoreFullError:
                    assert upgrade.sweep.cursor is before
                between(store)
            return list(store.everything())
        finally:
            store.close()

    return sweep


def test_ahead_or_not_the_same_is_written(swept: Swept, tmp_path: Path) -> None:
    found = swept(ahead=False)
    (tmp_path / "made").rename(tmp_path / "before")
    assert swept(ahead=True) == found


def test_what_was_made_ahead_of_a_write_of_somebody_else_is_made_again(swept: Swept, tmp_path: Path) -> None:
    found = dict(swept(ahead=False, between=lambda store: store.commit(Batch())))
    (tmp_path / "made").rename(tmp_path / "before")
    assert dict(swept(ahead=True, between=lambda store: store.commit(Batch()))) == found


def test_what_was_made_ahead_of_a_write_that_failed_is_made_again(
    swept: Swept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {key: value[17:] for key, value in swept(ahead=False)}  # an envelope tells the number of the write
    (tmp_path / "made").rename(tmp_path / "before")
    right, n = Level.write, 0

    def failing(self: Level, *arguments: Any) -> None:
        nonlocal n
        n += 1
        if n % 3 == 0:
            raise StoreFullError(self.path, "no space left (as it were)")
        right(self, *arguments)

    monkeypatch.setattr(Level, "write", failing)
    assert {key: value[17:] for key, value in swept(ahead=True)} == found


def test_what_is_raised_ahead_is_told_when_it_is_asked_for() -> None:
    def fail() -> int:
        raise KeyboardInterrupt

    later = Ahead(fail)
    later.wait()
    with pytest.raises(KeyboardInterrupt):
        later.take()


def test_without_a_thread_nothing_is_made_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    later = Ahead(int)
    later.wait()
    assert later.take() is None
