"""Keys for foreign entries that have no name of their own, so that a second import adds only what is new."""

from __future__ import annotations

import hashlib

__all__ = ["ContentKeys"]


class ContentKeys:
    """Names made of what an entry says; the second of two equal entries in a file gets another than the first.

    Parameters
    ----------
    form : str
        Goes in front.

    Examples
    --------
    >>> keys = ContentKeys("chat")
    >>> first, second = keys.key("14:10", "Dana", "ok"), keys.key("14:10", "Dana", "ok")
    >>> first != second, first == ContentKeys("chat").key("14:10", "Dana", "ok")
    (True, True)
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._seen: dict[bytes, int] = {}

    def key(self, *parts: str) -> str:
        """Name an entry by its parts, in order."""
        digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=10).digest()
        n = self._seen[digest] = self._seen.get(digest, 0) + 1
        return f"{self._form}:{digest.hex()}" + (f":{n}" if n > 1 else "")
