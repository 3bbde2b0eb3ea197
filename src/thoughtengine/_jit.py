"""Compiled kernels: the only file that knows Numba, which is imported when the first kernel is compiled, never before."""

from __future__ import annotations

import importlib
import importlib.util
import os
import stat
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

__all__ = ["Kernel", "available", "cache_folder", "compiled", "kernel", "part", "warm_up"]


_MODULES = ("thoughtengine.memory.index.kernels", "thoughtengine.patterns.kernels")
_PATIENCE = 32  # times that kernels are asked for before a compiler is started

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Generic[P, R]):
    """A function of arrays and numbers that is compiled when it is first called.

    Attributes
    ----------
    python : callable
        The function as it was written: slow, and what runs where there is no compiler.
    signature : tuple of str
        Types of the arguments.
    returns : str
        Type of the result.
    brief : bool
        Whether it keeps the interpreter to itself.
    """

    def __init__(self, function: Callable[P, R], signature: tuple[str, ...], returns: str, *, brief: bool) -> None:
        self.python = function
        self.signature, self.returns, self.brief = signature, returns, brief
        self._compiled: Callable[P, R] | None = None
        self.__doc__, self.__name__, self.__module__ = function.__doc__, function.__name__, function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return (self._compiled or self.compile())(*args, **kwargs)

    def compile(self) -> Callable[P, R]:
        """Return the compiled function; the Python one where there is no compiler. Safe from any thread."""
        with _compiling:
            if self._compiled is None:
                self._compiled = _compile(self) if available() else self.python
        return self._compiled


_compiling = threading.RLock()
_warming: dict[str, threading.Thread] = {}
_asked: dict[str, int] = {}
_warm: dict[str, types.ModuleType] = {}


def kernel(*signature: str, returns: str = "void", brief: bool = False) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a function of arrays and numbers a `Kernel`.

    Parameters
    ----------
    signature : str
        Type of each argument: a dtype such as ``"float64"`` or ``"int64"`` for a number, ``"int32[:]"`` for a contiguous array
        that is only read, ``"out float64[:]"`` for one that is written.
    returns : str
        Type of the result.
    brief : bool
        For what is done in microseconds: the interpreter is not given away meanwhile. A thread that gives it away waits
        up to 5 ms (`sys.getswitchinterval`) for one that computes beside it, and a recall calls a dozen kernels.

    Examples
    --------
    >>> @kernel("float64[:]", returns="float64")
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total.signature, total.python([1.0, 2.0])
    (('float64[:]',), 3.0)
    """

    def decorate(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, signature, returns, brief=brief)

    return decorate


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function a part of the kernels and parts in its file that call it; alone it stays the Python it is.

    Notes
    -----
    It is compiled into whatever calls it, by the types it is called with, and LLVM puts the small ones in place: cutting a
    kernel into parts costs nothing.
    """
    _parts.add(function)
    return function


_parts: set[Callable[..., Any]] = set()
_made: dict[Callable[..., Any], Any] = {}  # parts, compiled once for all kernels that call them with the same types


def available() -> bool:
    """Return whether kernels can be compiled here: Numba is installed and THOUGHTENGINE_JIT is not 0."""
    switches = (os.environ.get("THOUGHTENGINE_JIT", "1"), os.environ.get("NUMBA_DISABLE_JIT", "0"))
    return switches == ("1", "0") and importlib.util.find_spec("numba") is not None


def compiled(module: str, *, begin: bool = True) -> types.ModuleType | None:
    """Return the kernels of a module under their names, None until they are compiled; asked often enough, begin in a thread.

    Parameters
    ----------
    module : str
        Full name, such as ``"thoughtengine.memory.index.kernels"``.
    begin : bool
        Whether what they are asked for is worth beginning.

    Notes
    -----
    Nobody waits for a compiler: until then the NumPy twins answer, and they answer the same. A program that asks only a
    few times never starts one. The thread is no daemon, because an interpreter that exits while LLVM runs may crash; what
    it compiles is cached, so it is long only once.

    They come without the `Kernel` around each, which looks whether it is compiled: on the way of twenty arguments that
    takes as long as some kernels, four microseconds.
    """
    if module in _warm or not begin:
        return _warm.get(module)
    _asked[module] = _asked.get(module, 0) + 1
    if _asked[module] == _PATIENCE and available():
        _warming[module] = threading.Thread(target=_warm_up, args=(module,), name=f"compiling {module}")
        _warming[module].start()
    return None


def warm_up() -> list[str]:
    """Compile every kernel now and return their names; none where there is no compiler.

    Notes
    -----
    Seconds the first time on a machine, well under one from the cache.
    """
    if not available():
        return []
    return [name for module in _MODULES for name in _warm_up(module)]


def _warm_up(module: str) -> list[str]:
    found = {name: item for name, item in vars(importlib.import_module(module)).items() if isinstance(item, Kernel)}
    made = {name: item.compile() for name, item in found.items() if item.compile() is not item.python}
    if len(made) == len(found):  # else the NumPy twins are faster
        bare = types.ModuleType(module)
        vars(bare).update(made)
        _warm[module] = bare
    return [f"{module}.{name}" for name in made]


def cache_folder() -> Path | None:
    """Return the folder for compiled code, made if it was not there; None where none is safe or can be written.

    Notes
    -----
    ``$THOUGHTENGINE_CACHE``, else the user's cache folder. Compiled code is loaded and run, so a folder in which somebody
    else may write is not used.
    """
    chosen = os.environ.get("THOUGHTENGINE_CACHE")
    try:
        folder = (Path(chosen).expanduser() if chosen else _user_cache()) / "kernels"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022 or not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} can be written by others, or not by us")
    except (OSError, RuntimeError) as error:
        _tell(f"compiled code is not kept: {error}")
        return None
    return folder


def _user_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "thoughtengine"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "thoughtengine"


_told: set[str] = set()


def _tell(message: str) -> None:
    if message not in _told:
        _told.add(message)
        import logging

        logging.getLogger("thoughtengine").warning(message)


def _compile(made_of: Kernel[P, R]) -> Callable[P, R]:
    """Compile with a cache, else without one, else not at all."""
    function, free = made_of.python, not made_of.brief
    try:
        import numba
        import numpy.ma  # noqa: F401 - or the first call of a kernel imports it, which takes as long as many recalls
    except Exception as error:  # noqa: BLE001 - a compiler that does not fit the other packages is no compiler
        _tell(f"not compiled, slow: {type(error).__name__}: {error}")
        return function
    wanted = _type(numba, made_of.returns)(*(_type(numba, name) for name in made_of.signature))
    folder, whole = cache_folder(), _with_parts(numba, function)
    if folder is not None:
        with _cached_in(numba, folder):
            try:
                return _typed(numba.njit(wanted, cache=True, nogil=free)(whole))
            except Exception as error:  # noqa: BLE001 - a full disk or a torn cache file must not stop a recall
                _tell(f"compiled code is not kept: {type(error).__name__}: {error}")
    try:
        return _typed(numba.njit(wanted, nogil=free)(whole))
    except Exception as error:  # noqa: BLE001 - a compiler that cannot compile is slow, not fatal
        _tell(f"not compiled, slow: {function.__name__}: {type(error).__name__}: {error}")
        return function


def _with_parts(numba: Any, function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that calls its parts compiled."""
    scope = function.__globals__
    called = [name for name in function.__code__.co_names if name in scope and _is_part(scope[name])]
    if not called:
        return function
    for name in called:
        if scope[name] not in _made:
            alone = numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # only kernels call it
            _made[scope[name]] = alone(_with_parts(numba, scope[name]))
    bound = types.FunctionType(
        function.__code__, {**scope, **{name: _made[scope[name]] for name in called}}, function.__name__,
        function.__defaults__,
    )  # fmt: skip
    bound.__qualname__, bound.__module__ = function.__qualname__, function.__module__
    return bound


def _is_part(value: object) -> bool:
    return isinstance(value, types.FunctionType) and value in _parts


def _typed(compiled: Any) -> Callable[..., Any]:
    function: Callable[..., Any] = compiled
    return function


def _type(numba: Any, name: str) -> Any:
    scalar = getattr(numba.types, name.removeprefix("out ").removesuffix("[:]").replace("bool", "boolean"))
    if not name.endswith("[:]"):
        return scalar
    return numba.types.Array(scalar, 1, "C", readonly=not name.startswith("out "))


@contextmanager
def _cached_in(numba: Any, folder: Path) -> Iterator[None]:
    """Point Numba's cache to our folder for our kernels alone."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
