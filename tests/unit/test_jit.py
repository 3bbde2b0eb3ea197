import importlib.util
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from thoughtengine import _jit
from thoughtengine._jit import Kernel, kernel, part

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THOUGHTENGINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("THOUGHTENGINE_JIT", raising=False)
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    monkeypatch.setattr(_jit, "_told", set())


def doubling() -> Kernel:
    @kernel("float64[:]", "out float64[:]")
    def double(values, out):
        """Write twice the values."""
        for i in range(len(values)):
            out[i] = 2.0 * values[i]

    return double


def doubled(function: Kernel) -> list[float]:
    values, out = np.array([1.0, 2.5]), np.zeros(2)
    values.flags.writeable = False
    function(values, out)
    return out.tolist()


@part
def squared(x):
    """Return a number times itself."""
    return x * x


@part
def length_of(values):
    """Return the sum of squares."""
    total = 0.0
    for value in values:
        total += squared(value)
    return total


def test_a_kernel_is_compiled_with_its_parts() -> None:
    @kernel("float64[:]", returns="float64")
    def twice(values):
        return 2.0 * length_of(values)

    values = np.array([1.0, 2.0])
    assert twice(values) == twice.python(values) == 10.0
    assert length_of(values) == 5.0


def test_a_kernel_keeps_its_name_and_words() -> None:
    function = doubling()
    assert function.__name__ == "double"
    assert function.__doc__ == "Write twice the values."
    assert function.signature == ("float64[:]", "out float64[:]")


@needs_numba
def test_a_kernel_is_compiled_and_kept(tmp_path: Path) -> None:
    assert doubled(doubling()) == [2.0, 5.0]
    assert (tmp_path / "cache" / "kernels").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "cache").rglob("*.nbc"))


@needs_numba
def test_numbas_own_cache_folder_is_left_as_it_was() -> None:
    import numba

    before = numba.config.CACHE_DIR
    doubling().compile()
    assert before == numba.config.CACHE_DIR


@pytest.mark.parametrize("switch", [("THOUGHTENGINE_JIT", "0"), ("NUMBA_DISABLE_JIT", "1")])
def test_switched_off_a_kernel_is_the_python_it_was_written_in(
    monkeypatch: pytest.MonkeyPatch, switch: tuple[str, str], tmp_path: Path
) -> None:
    monkeypatch.setenv(*switch)
    assert not _jit.available()
    assert _jit.warm_up() == []
    function = doubling()
    assert doubled(function) == [2.0, 5.0]
    assert function.compile() is function.python
    assert not (tmp_path / "cache").exists()


def test_without_numba_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not _jit.available()
    assert doubled(doubling()) == [2.0, 5.0]


@needs_numba
def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "cache" / "kernels"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with caplog.at_level(logging.WARNING, "thoughtengine"):
        assert _jit.cache_folder() is None
        assert doubled(doubling()) == [2.0, 5.0]
        assert doubled(doubling()) == [2.0, 5.0]
    assert not list(folder.iterdir())
    assert len(caplog.records) == 1
    assert "not kept" in caplog.text


@needs_numba
def test_a_file_in_the_place_of_the_folder_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("in the way")
    with caplog.at_level(logging.WARNING, "thoughtengine"):
        assert doubled(doubling()) == [2.0, 5.0]
    assert len(caplog.records) == 1


@needs_numba
def test_a_cache_that_breaks_while_writing_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from numba.core import caching

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", fail)
    with caplog.at_level(logging.WARNING, "thoughtengine"):
        assert doubled(doubling()) == [2.0, 5.0]
    assert "No space left" in caplog.text


@needs_numba
def test_what_cannot_be_compiled_runs_as_python(caplog: pytest.LogCaptureFixture) -> None:
    @kernel("float64", returns="float64")
    def odd(value):
        return eval("value")

    with caplog.at_level(logging.WARNING, "thoughtengine"):
        assert odd(2.0) == 2.0
    assert "odd" in caplog.text


@needs_numba
def test_threads_compile_once() -> None:
    function, found = doubling(), []
    threads = [threading.Thread(target=lambda: found.append(function.compile())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(one is found[0] for one in found)


def test_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("THOUGHTENGINE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    expected = tmp_path / ("Library/Caches" if sys.platform == "darwin" else "xdg") / "thoughtengine" / "kernels"
    assert _jit.cache_folder() == expected
    assert expected.is_dir()


READY = """
import sys, thoughtengine._jit as jit
module = "thoughtengine.memory.index.kernels"
few = [bool(jit.compiled(module)) for _ in range(jit._PATIENCE - 1)]
assert not any(few) and not jit._warming and "numba" not in sys.modules
first = bool(jit.compiled(module))
for thread in jit._warming.values():
    thread.join()
print(first, bool(jit.compiled(module)), "numba" in sys.modules)
"""


def ready_in_a_child(**environment: str) -> str:
    child = subprocess.run(
        [sys.executable, "-c", READY],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return child.stdout.strip()


@needs_numba
def test_nobody_waits_for_the_compiler() -> None:
    assert ready_in_a_child() == "False True True"


BROKEN = """
import numpy, thoughtengine._jit as jit
assert jit.available()
@jit.kernel("float64", returns="float64")
def same(value):
    return value
print(same(2.0), jit.warm_up(), bool(jit.compiled("thoughtengine.memory.index.kernels")))
"""


def test_a_compiler_that_cannot_be_imported_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs an older NumPy')")
    child = subprocess.run(
        [sys.executable, "-c", BROKEN],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert child.stdout.strip() == "2.0 [] False"
    assert child.stderr.count("Numba needs an older NumPy") == 1


def test_switched_off_numba_is_never_imported() -> None:
    assert ready_in_a_child(THOUGHTENGINE_JIT="0") == "False False False"
