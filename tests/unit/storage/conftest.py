"""What the tests of storage share: a small store in a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from thoughtengine.config import StorageConfig
from thoughtengine.storage.folder import FolderStore, open_folder

SMALL = StorageConfig(write_buffer_bytes=1 << 16, mark_every=64)


@pytest.fixture
def config() -> StorageConfig:
    return SMALL


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FolderStore]:
    store, _ = open_folder(tmp_path / "mind", SMALL, create=True)
    yield store
    store.close()
