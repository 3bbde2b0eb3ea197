"""Protocol: what a host may pass in as `encoder`, and how it is checked and called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from thoughtengine.checks import is_whole
from thoughtengine.errors import InvalidArgumentError, VectorDimensionError

if TYPE_CHECKING:
    from thoughtengine._types import SingleArray, TokenArray

__all__ = ["Encoder", "TokenEncoder", "check_encoder", "encode", "spell"]


@runtime_checkable
class Encoder(Protocol):
    """What a host may pass in as `encoder`.

    Attributes
    ----------
    name : str
        What it is called.
    dimension : int
        Length of its vectors.
    fingerprint : str
        Its identity: another one means other vectors, so that memories are encoded again.
    """

    name: str
    dimension: int
    fingerprint: str

    def __call__(self, texts: Sequence[str]) -> SingleArray:
        """Return one vector per text, float32, shape (n, dimension)."""
        ...


@runtime_checkable
class TokenEncoder(Encoder, Protocol):
    """An encoder whose vectors are means of those of tokens, so that a mind can weigh the words of a cue itself.

    Attributes
    ----------
    table : array of float32, shape (V, dimension)
        Vector of each token.
    """

    table: SingleArray

    def tokens(self, texts: Sequence[str]) -> list[TokenArray]:
        """Return the tokens of each text, int32, in [0, V)."""
        ...


def check_encoder(encoder: object) -> None:
    """Check that an object is an `Encoder`, without calling it.

    Raises
    ------
    InvalidArgumentError
        Names what is missing or of the wrong type.

    Examples
    --------
    >>> check_encoder(len)
    Traceback (most recent call last):
        ...
    thoughtengine.errors.InvalidArgumentError: encoder: expected an encoder with a name (a string that is not empty); ...
    """
    for name in ("name", "fingerprint"):
        value = getattr(encoder, name, None)
        if not isinstance(value, str) or not value:
            raise InvalidArgumentError("encoder", encoder, f"an encoder with a {name} (a string that is not empty)")
    dimension = getattr(encoder, "dimension", None)
    if not is_whole(dimension) or dimension < 1:
        raise InvalidArgumentError("encoder", encoder, "an encoder with a dimension (a whole number of at least 1)")
    if not callable(encoder):
        raise InvalidArgumentError("encoder", encoder, "an encoder that can be called with a list of texts")
    if isinstance(encoder, TokenEncoder):
        _check_table(encoder)


def _check_table(encoder: TokenEncoder) -> None:
    """Check that every token has a vector of the encoder's dimension."""
    import numpy as np

    table: object = encoder.table
    expected = f"a table of float32 vectors, shape (V, {encoder.dimension}), from encoder {encoder.name!r}"
    if not isinstance(table, np.ndarray) or table.dtype != np.float32 or table.ndim != 2:
        raise InvalidArgumentError("encoder", table, expected)
    if table.shape[1] != encoder.dimension:
        raise VectorDimensionError("encoder", table.shape[1], encoder.dimension)


def encode(encoder: Encoder, texts: Sequence[str]) -> SingleArray:
    """Return one vector per text, checked.

    Parameters
    ----------
    encoder : Encoder
        As `check_encoder` accepts it.
    texts : sequence of str
        What to encode; for none, the encoder is not called.

    Returns
    -------
    array of float32, shape (n, dimension)
        Contiguous.

    Raises
    ------
    InvalidArgumentError
        Where the encoder returns something that is no array of finite numbers with one row per text.
    VectorDimensionError
        Where its rows have another length than it says.
    """
    import numpy as np

    if not texts:
        return np.empty((0, encoder.dimension), np.float32)
    given = encoder(list(texts))
    expected = f"float32 vectors of shape ({len(texts)}, {encoder.dimension}) from encoder {encoder.name!r}"
    try:
        raw = np.asarray(given)
        if not np.can_cast(raw.dtype, np.float32, "same_kind"):  # text, moments, complex numbers
            raise TypeError
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is told as such
            vectors = np.ascontiguousarray(raw, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError("encoder", given, expected) from None
    if vectors.ndim != 2 or len(vectors) != len(texts):
        raise InvalidArgumentError("encoder", vectors.shape, expected)
    if vectors.shape[1] != encoder.dimension:
        raise VectorDimensionError("encoder", vectors.shape[1], encoder.dimension)
    if not np.isfinite(vectors).all():
        raise InvalidArgumentError("encoder", given, expected + ", all finite")
    return vectors


def spell(encoder: TokenEncoder, words: Sequence[str]) -> list[TokenArray]:
    """Return the tokens of each word, checked.

    Raises
    ------
    InvalidArgumentError
        Where the encoder returns something else than a flat array of whole numbers per word, or a token outside its table.
    """
    import numpy as np

    given = encoder.tokens(list(words)) if words else []
    size = len(encoder.table)
    expected = f"{len(words)} flat arrays of tokens in [0, {size:,}) from encoder {encoder.name!r}"
    if not isinstance(given, list) or len(given) != len(words):
        raise InvalidArgumentError("encoder", given, expected)
    for mine in given:
        flat = isinstance(mine, np.ndarray) and mine.ndim == 1 and mine.dtype.kind in "iu"
        if not flat or (len(mine) and not 0 <= mine.min() <= mine.max() < size):
            raise InvalidArgumentError("encoder", mine, expected)
    return given
