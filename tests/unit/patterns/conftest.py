"""The finders are tested as they run in large minds: compiled, where that can be done."""

import pytest

from thoughtengine import _jit


@pytest.fixture(autouse=True, scope="session")
def warm() -> None:
    """Compile the kernels once; where there is no compiler, their twins answer the same, only later."""
    _jit.warm_up()
