"""JSON values read one by one, from files larger than memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thoughtengine.adapters.intake import CHUNK_BYTES, Reading, chunks
from thoughtengine.errors import ImportFormatError

__all__ = ["Elements"]

VALUE_CHARACTERS = 256 << 20
_MARGIN = 16  # an error this near to the end of what was read may be a token cut in two
_WHITE = re.compile(r"[ \t\r\n]*")


class Elements:
    """A walk through a JSON text that holds one value at a time.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    reading : Reading
        Who hears of the progress.

    Notes
    -----
    `fields` and `items` go into an object or an array; the caller takes exactly one value (by `value`, `fields` or
    `items`) before it asks for the next. Memory is bounded by the largest value taken with `value`.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        self._path = path
        self._chunks = chunks(path, reading)
        self._text, self._at, self._dry = "", 0, False
        self._line, self._counted = 1, 0
        self._decoder = json.JSONDecoder()

    @property
    def where(self) -> str:
        """The place reached, for messages."""
        return f"line {self._line_reached():,}"

    def peek(self) -> str:
        """Look at the first character of the next token; "" at the end of the file."""
        while True:
            self._at = _WHITE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or not self._fill():
                return self._text[self._at : self._at + 1]

    def value(self) -> Any:
        """Take the next value whole.

        Raises
        ------
        ImportFormatError
            Where it is no JSON, ends too early, or is larger than 256 Mi characters.
        """
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._cut(error) or not self._fill():
                    raise self._wrong(error) from error
            except (ValueError, RecursionError) as error:
                raise ImportFormatError(self._path, self.where, f"expected usable JSON: {error}") from error
            else:
                if not self._may_go_on(end) or not self._fill():
                    self._at = end
                    return value

    def items(self) -> Iterator[int]:
        """Go into an array, yielding the number of each element, from 0."""
        self._expect("[", "an array")
        number = 0
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield number
            number += 1
            if self._expect(",]", "a comma or the end of the array") == "]":
                return

    def fields(self) -> Iterator[str]:
        """Go into an object, yielding each key."""
        self._expect("{", "an object")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                self._expect('"', "a key")
            key = self.value()
            self._expect(":", "a colon")
            yield key
            if self._expect(",}", "a comma or the end of the object") == "}":
                return

    def _expect(self, characters: str, what: str) -> str:
        found = self.peek()
        if found and found in characters:
            self._at += 1
            return found
        raise ImportFormatError(self._path, self.where, f"expected {what}, found {found or 'the end of the file'!r}")

    def _fill(self) -> bool:
        """Read on: as much again as is held, so that a value split over many chunks is decoded in linear time."""
        wanted = max(CHUNK_BYTES, len(self._text) - self._at)
        if wanted > VALUE_CHARACTERS:
            raise ImportFormatError(self._path, self.where, f"a value of over {VALUE_CHARACTERS:,} characters")
        pieces = [self._text[self._at :]]
        while wanted > 0 and not self._dry:
            piece = next(self._chunks, None)
            self._dry = piece is None
            pieces.append(piece or "")
            wanted -= len(piece or "")
        if len(pieces) == 1 or not any(pieces[1:]):
            return False
        self._line_reached()
        self._text, self._at, self._counted = "".join(pieces), 0, 0
        return True

    def _line_reached(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _may_go_on(self, end: int) -> bool:
        """Tell whether what was read may be the beginning of a longer number: 1 of 1.5, or 1.5 of 1.5e+16."""
        if self._text[end - 1] in '"]}':
            return False
        return len(self._text) - end < len(".e+") and self._text[end : end + 1] not in tuple(" \t\r\n,]}")

    def _cut(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _MARGIN

    def _wrong(self, error: json.JSONDecodeError) -> ImportFormatError:
        line = self._line_reached() + self._text.count("\n", self._at, error.pos)
        return ImportFormatError(self._path, f"line {line:,}", f"expected JSON: {error.msg}")
