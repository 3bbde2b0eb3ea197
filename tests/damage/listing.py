"""What lies in a folder, byte for byte, to show that nothing was touched."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def listing(folder: Path) -> dict[str, str]:
    """Map every name below a folder to what it is: mode, and target or sum of the content.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a").write_bytes(b"x")
    >>> sorted(listing(folder))
    ['.', 'a']
    """
    found = {".": oct(folder.lstat().st_mode)}
    for path in sorted(folder.rglob("*")):
        told = oct(path.lstat().st_mode)
        if path.is_symlink():
            told += f" -> {os.readlink(path)}"
        elif path.is_file():
            told += f" {path.stat().st_size} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        found[str(path.relative_to(folder))] = told
    return found
