"""Tables: the arrays of a finder by name, packed without their empty blocks, and read back."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from thoughtengine import _jit
from thoughtengine.errors import RecordError

__all__ = ["Packed", "Tables", "maths", "pack", "unpack"]

Tables = dict[str, NDArray[Any]]
_BLOCK = 4096  # bytes
_KERNELS = "thoughtengine.patterns.kernels"


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """One array: its blocks that are not empty."""

    name: str
    dtype: str
    size: int
    blocks: bytes  # their numbers, little-endian unsigned 32-bit
    data: bytes  # LevelDB compresses it


def maths() -> Any:
    """Return `kernels` once they are compiled, `arrays` until then: they answer the same."""
    if (kernels := _jit.compiled(_KERNELS)) is not None:
        return kernels
    from thoughtengine.patterns import arrays

    return arrays


def pack(name: str, values: NDArray[Any]) -> Packed:
    """Return an array as bytes; what is empty takes no room.

    Examples
    --------
    >>> packed = pack("n", np.zeros(100_000))
    >>> len(packed.data), unpack(packed).size
    (0, 100000)
    """
    raw = values.view(np.uint8).reshape(-1)
    padded = raw if not raw.size % _BLOCK else np.concatenate([raw, np.zeros(-raw.size % _BLOCK, np.uint8)])
    words = padded.view(np.uint64).reshape(-1, _BLOCK // 8)
    full = np.flatnonzero(words.any(axis=1))
    return Packed(
        name=name, dtype=values.dtype.str, size=values.size,
        blocks=full.astype("<u4").tobytes(), data=words[full].tobytes(),
    )  # fmt: skip


def unpack(packed: Packed) -> NDArray[Any]:
    """Return the array.

    Raises
    ------
    RecordError
        For bytes that are none.
    """
    try:
        dtype = np.dtype(packed.dtype)
        n_bytes = packed.size * dtype.itemsize
        words = np.zeros((-(-n_bytes // _BLOCK), _BLOCK // 8), np.uint64)
        blocks = np.frombuffer(packed.blocks, "<u4")
        words[blocks] = np.frombuffer(packed.data, np.uint64).reshape(-1, _BLOCK // 8)
    except (ValueError, IndexError, TypeError, MemoryError) as error:
        raise RecordError(f"pattern table {packed.name}: {error}") from error
    result: NDArray[Any] = words.reshape(-1).view(np.uint8)[:n_bytes].view(dtype)
    return result
