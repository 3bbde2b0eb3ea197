from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flat import write_flat
from tests.golden.v0001.write import rows


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The golden store of format 1."""
    path = tmp_path / "old"
    write_flat(path, rows())
    return path


@pytest.fixture
def flat_store(tmp_path: Path) -> Callable[[dict[bytes, bytes]], Path]:
    """Make a store of format 1 of some rows."""

    def make(given: dict[bytes, bytes]) -> Path:
        write_flat(tmp_path / "made", given)
        return tmp_path / "made"

    return make
