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
    About 8 µs a text of 25 tokens. Compiled code took a fifth of that, which the tokenizer before it hides: it takes 100.
    """
    out = np.zeros((len(tokens), table.shape[1]), np.float32)
    for i, mine in enumerate(tokens):
        if len(mine):
            _check(mine, len(table))
            weight = np.ones(len(mine), np.float32) if weights is None else weights[i]
            np.dot(weight, table.take(mine, axis=0), out=out[i])
    norms = np.sqrt(np.einsum("ij,ij->i", out, out, dtype=np.float64))
    out /= np.where(norms > 0.0, norms, 1.0)[:, None]
    return out


def _check(mine: TokenArray, size: int) -> None:
    if mine.min() < 0 or mine.max() >= size:
        raise InvalidArgumentError("tokens", mine, f"tokens in [0, {size:,})")
