"""Throw-away copies that a host's probes are asked on."""

from contextlib import closing
from pathlib import Path

import thoughtengine as te
from thoughtengine.config import StorageConfig
from thoughtengine.migrations.probing import copied
from thoughtengine.storage.folder import FolderStore
from thoughtengine.storage.pointer import STORE


def test_nothing_is_written_into_a_copy_that_was_only_read(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("tea")
        mind._store.checkpoint(tmp_path / "sealed")
        with copied(mind._store, tmp_path / "sealed", {}) as folder:
            before = (folder / STORE).read_bytes()
            with closing(FolderStore(folder, StorageConfig())) as copy:
                assert copy.total == 1
            assert (folder / STORE).read_bytes() == before
