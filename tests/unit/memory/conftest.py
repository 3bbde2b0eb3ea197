import os
from unittest.mock import patch

import pytest

from thoughtengine import _jit


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile the kernels, their cache in a temporary folder; skip where that cannot be done."""
    if not _jit.available():
        pytest.skip("no compiler here: Numba is not installed, or THOUGHTENGINE_JIT is 0")
    with patch.dict(os.environ, THOUGHTENGINE_CACHE=str(tmp_path_factory.mktemp("cache"))):
        _jit.warm_up()
