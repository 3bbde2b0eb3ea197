"""The store in a folder: the contract of all stores, and what a folder adds to it."""

from pathlib import Path

from tests.contracts import StoreContract
from thoughtengine.config import StorageConfig
from thoughtengine.storage.folder import FolderStore, open_folder


class TestFolderStore(StoreContract):
    def make(self, folder: Path) -> FolderStore:
        store, created = open_folder(folder / "mind", StorageConfig(), create=True)
        assert created
        return store
