"""Static vectors: WordLlama's tokenizer and table, read from the package that ships them; no model runs, nothing is fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from thoughtengine.errors import MissingPackageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from thoughtengine._types import SingleArray, TokenArray

__all__ = ["StaticEncoder", "known_encoder", "wordllama"]

_READ = 1 << 16  # characters of a text that are read
_FEW = 1 << 14  # characters up to which one thread is faster: the words of a cue waited milliseconds for others to wake
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_WEIGHTS = "weights/l2_supercat_256.safetensors"


class StaticEncoder:
    """A `TokenEncoder` of a tokenizer and a table: the vector of a text is the mean of those of its tokens.

    Parameters
    ----------
    name, fingerprint : str
        As of any `Encoder`.
    tokenizer : tokenizers.Tokenizer
        Without padding and truncation.
    table : array of float32, shape (V, d)
        Vector of each token; made read-only.

    Notes
    -----
    Of a text, the first 65,536 characters are read. Safe from any thread.
    """

    def __init__(self, name: str, tokenizer: Tokenizer, table: SingleArray, fingerprint: str) -> None:
        self.name, self.fingerprint = name, fingerprint
        self.dimension: int = table.shape[1]
        self.table = table
        self.table.flags.writeable = False
        self._tokenizer = tokenizer

    def tokens(self, texts: Sequence[str]) -> list[TokenArray]:
        """Return the tokens of each text.

        Returns
        -------
        list of array of int32
            In [0, V), in order, none for the begin or end of a text.
        """
        import numpy as np

        read = [_sound(text[:_READ]) for text in texts]
        few = sum(map(len, read)) <= _FEW
        batches = [[text] for text in read] if few else [read]
        encode = self._tokenizer.encode_batch_fast
        found = [encode(batch, add_special_tokens=False) for batch in batches]
        return [np.array(encoding.ids, np.int32) for batch in found for encoding in batch]

    def __call__(self, texts: Sequence[str]) -> SingleArray:
        """Return one vector per text, float32, shape (n, d), of length 1."""
        from thoughtengine.encoders.pooling import pool

        return pool(self.tokens(texts), self.table)

    def __repr__(self) -> str:
        return f"StaticEncoder({self.name!r}, dimension={self.dimension}, fingerprint={self.fingerprint!r})"


def _sound(text: str) -> str:
    """Return what UTF-8 can say of a text: the tokenizer refuses lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def wordllama() -> StaticEncoder:
    """Return WordLlama's encoder: 256 dimensions, English above all, about ten thousand short texts a second.

    Raises
    ------
    MissingPackageError
        Where the package `wordllama`, which ships the weights (16 MB), is not installed, or has other weights.

    Notes
    -----
    Takes about a third of a second and 60 MB. The package itself is not imported, only its files are read: its loader
    takes three times as long, brings an HTTP client, and looks for its own tokenizer in a cache it fills from the network.

    Examples
    --------
    >>> encoder = wordllama()
    >>> encoder.dimension, encoder.tokens(["green tea"])[0].tolist()
    (256, [7933, 23429])
    """
    files = _files()
    import numpy as np
    from safetensors.numpy import load
    from tokenizers import Tokenizer

    spelling, weights = (file.read_bytes() for file in files)
    digest = hashlib.sha256(spelling + weights).hexdigest()[:16]
    table = np.ascontiguousarray(load(weights)["embedding.weight"], np.float32)
    return StaticEncoder("wordllama", Tokenizer.from_buffer(spelling), table, f"wordllama-256-{digest}")


def known_encoder(name: str, fingerprint: str) -> StaticEncoder | None:
    """Return the encoder of that identity if it is one of ours and can be had here, else None."""
    if name != "wordllama":
        return None
    try:
        found = wordllama()
    except (MissingPackageError, OSError):
        return None
    return found if found.fingerprint == fingerprint else None


def _files() -> tuple[Path, Path]:
    """Return where the installed package keeps its tokenizer and its weights."""
    found = find_spec("wordllama")
    if found is None or found.origin is None:
        raise MissingPackageError("wordllama", "semantic", "it is not installed")
    folder = Path(found.origin).parent
    files = folder / _TOKENIZER, folder / _WEIGHTS
    for file in files:
        if not file.is_file():
            raise MissingPackageError("wordllama", "semantic", f"the installed one has no {file.relative_to(folder)}")
    return files
