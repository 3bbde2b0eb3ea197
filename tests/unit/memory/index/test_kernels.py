import inspect

import pytest

from thoughtengine import _jit
from thoughtengine._jit import Kernel
from thoughtengine.memory.index import arrays, kernels


@pytest.mark.parametrize("name", kernels.__all__)
def test_every_kernel_has_a_twin_with_the_same_arguments(name: str) -> None:
    kernel = getattr(kernels, name)
    assert isinstance(kernel, Kernel)
    assert name in arrays.__all__
    assert list(inspect.signature(kernel.python).parameters) == list(
        inspect.signature(getattr(arrays, name)).parameters
    )
    assert len(kernel.signature) == len(inspect.signature(kernel.python).parameters)


def test_warm_up_compiles_every_kernel(compiled: None) -> None:
    assert set(_jit.warm_up()) >= {f"thoughtengine.memory.index.kernels.{name}" for name in kernels.__all__}
    assert _jit.compiled("thoughtengine.memory.index.kernels")
