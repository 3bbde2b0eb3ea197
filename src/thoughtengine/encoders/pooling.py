"""Pooling: the vectors of a text's tokens become one vector of the text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thoughtengine._types import SingleArray, TokenArray
from thoughtengine.errors import InvalidArgumentError

__all__ = ["pool"]


def pool(tokens: Sequence[TokenArray], table: SingleArray, weights: Sequence[SingleArray] | None = None) -> SingleArray:
    """Return the direction of each text: the mean of its tokens' vectors, brought to length 1.

    Parameters
    ----------
    tokens : sequence of array of int32
        The tokens of each text, in [0, V).
    table : array of float32, shape (V, d)
        Vector of each token.
    weights : sequence of array of float32, optional
        What each token of each text counts, of the lengths of `tokens`; all alike by default.

    Returns
    -------
    array of float32, shape (n, d)
        Zeros for a text without tokens.

    Raises
    ------
    InvalidArgumentError
        For a token that the table does not have.

    Notes
    -----
    About 8 µs of work for a text of 25 tokens, a sixth of what cutting it into tokens takes; so there is no compiled twin.
    """
    out = np.zeros((len(tokens), table.shape[1]), np.float32)
    longest = max(map(len, tokens), default=0)
    if longest:
        _check(np.concatenate(tokens), len(table))
    alike = np.ones(longest, np.float32)
    for i, mine in enumerate(tokens):
        np.dot(alike[: len(mine)] if weights is None else weights[i], table.take(mine, axis=0), out=out[i])
    norms = np.sqrt(np.einsum("ij,ij->i", out, out, dtype=np.float64))
    out /= np.where(norms > 0.0, norms, 1.0)[:, None]
    return out


def _check(tokens: TokenArray, size: int) -> None:
    if tokens.min() < 0 or tokens.max() >= size:
        raise InvalidArgumentError("tokens", tokens, f"tokens in [0, {size:,})")
