"""The store in memory holds the contract of all stores."""

from pathlib import Path

from tests.contracts import StoreContract
from thoughtengine.storage.ram import RamStore


class TestRamStore(StoreContract):
    def make(self, folder: Path) -> RamStore:
        return RamStore()
