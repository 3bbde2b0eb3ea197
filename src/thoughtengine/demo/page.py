"""The page the demo is drawn on: plain text, 80 columns, colour only on a terminal that wants it."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TextIO

__all__ = ["Page", "cells", "one_line", "shorten"]

_STYLES = {"bold": "1", "faint": "2", "good": "32", "bad": "31", "title": "1;36"}
_PLAIN = str.maketrans(
    {"─": "-", "│": "|", "·": "-", "…": "~", "✓": "+", "✗": "x", "▲": "^", "–": "-", "→": ">", "×": "x", "’": "'"}
)


def cells(text: str) -> int:
    """Count the columns a text takes on a terminal.

    Parameters
    ----------
    text : str
        One line.

    Returns
    -------
    int
        Two for a wide character, none for a combining one.

    Examples
    --------
    >>> cells("tea"), cells("茶"), cells("e\u0301")
    (3, 2, 1)
    """
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def one_line(text: str) -> str:
    r"""Put a text on one line, without control characters: what was imported must not steer the terminal.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Runs of white space and control characters as one space.

    Examples
    --------
    >>> one_line(" red\x1b[31m \n tea ")
    'red [31m tea'
    """
    return " ".join("".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Cs"} else c for c in text).split())


def shorten(text: str, columns: int) -> str:
    """Cut one line to a width.

    Parameters
    ----------
    text : str
        Any text; `one_line` is applied.
    columns : int
        Columns at most, at least 1.

    Returns
    -------
    str
        The text, ending in "…" where something was cut.

    Examples
    --------
    >>> shorten("no coffee any more", 10)
    'no coffee…'
    """
    line = one_line(text)
    if cells(line) <= columns:
        return line
    while line and cells(line) > columns - 1:
        line = line[: min(len(line) - 1, columns - 1)]
    return line.rstrip() + "…"


class Page:
    """Draws headings, lines and tables on a text stream.

    Parameters
    ----------
    stream : text file, optional
        Where to draw; None draws nowhere (standard output may be closed). Default: standard output.
    environment : mapping, optional
        Looked up for ``NO_COLOR`` and ``TERM``. Default: the process's.
    """

    def __init__(self, stream: TextIO | None = None, *, environment: Mapping[str, str] | None = None) -> None:
        env = os.environ if environment is None else environment
        self._stream = stream if stream is not None else sys.stdout
        terminal = self._stream is not None and self._stream.isatty()
        self._coloured = terminal and not env.get("NO_COLOR") and env.get("TERM") != "dumb"
        self._encoding = (getattr(self._stream, "encoding", None) or "utf-8").lower().replace("_", "-")
        self.columns = max(60, min(100, shutil.get_terminal_size((80, 24)).columns)) if terminal else 80

    def style(self, text: str, style: str) -> str:
        """Colour a piece of text where the terminal wants colour.

        Parameters
        ----------
        text : str
            The piece.
        style : str
            "bold", "faint", "good", "bad" or "title".

        Returns
        -------
        str
            The text, with or without escapes.
        """
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._coloured else text

    def line(self, text: str = "", *, style: str | None = None, indent: int = 2) -> None:
        """Draw one line as it is.

        Parameters
        ----------
        text : str
            Its text, already short enough.
        style : str, optional
            See `style`.
        indent : int
            Columns in front.
        """
        shown = self.style(text, style) if style and text else text
        self._write(" " * indent + shown if text else "")

    def say(self, text: str, *, style: str | None = None, indent: int = 2) -> None:
        """Draw a sentence, wrapped at the width of the page.

        Parameters
        ----------
        text : str
            Any text; control characters are dropped.
        style : str, optional
            See `style`.
        indent : int
            Columns in front of every line.
        """
        for row in self._wrapped(text, self.columns - indent):
            self.line(row, style=style, indent=indent)

    def item(self, name: str, text: str, *, style: str | None = None, room: int = 10) -> None:
        """Draw a name and a wrapped text beside it.

        Parameters
        ----------
        name : str
            A word or two; "" leaves its place free.
        text : str
            Any text.
        style : str, optional
            Of the text, see `style`.
        room : int
            Columns for the name.
        """
        rows = self._wrapped(text, self.columns - 4 - room)
        for number, row in enumerate(rows):
            shown = (name if number == 0 else "") + " " * (room - (cells(name) if number == 0 else 0))
            self.line(self.style(shown, "faint") + (self.style(row, style) if style else row))

    def heading(self, number: int, title: str) -> None:
        """Draw the head of a scene.

        Parameters
        ----------
        number : int
            Its place, from 1.
        title : str
            A few words.
        """
        self.line()
        head = f"{number} ── {title} "
        self.line(head + "─" * max(3, self.columns - cells(head)), style="title", indent=0)

    def promise(self, text: str, held: bool) -> None:
        """Draw whether a promise held.

        Parameters
        ----------
        text : str
            The promise, as a fact.
        held : bool
            Whether it is one.
        """
        self.item("✓" if held else "✗", text, style="good" if held else "bad", room=2)

    def table(self, rows: Sequence[Sequence[str]], *, indent: int = 2) -> None:
        """Draw rows in columns: the first column to the left, the others to the right, the first row as the head.

        Parameters
        ----------
        rows : sequence of sequences of str
            All of one length.
        indent : int
            Columns in front.
        """
        widths = [max(cells(row[i]) for row in rows) for i in range(len(rows[0]))]
        room = self.columns - indent - sum(widths[1:]) - 2 * (len(widths) - 1)
        widths[0] = min(widths[0], max(12, room))
        for number, row in enumerate(rows):
            first = shorten(row[0], widths[0])
            parts = [first + " " * (widths[0] - cells(first))]
            parts += [" " * (width - cells(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True)]
            self.line("  ".join(parts).rstrip(), style="faint" if number == 0 else None, indent=indent)

    @staticmethod
    def _wrapped(text: str, columns: int) -> list[str]:
        """Break a text into rows; a word longer than a row has one of its own."""
        rows = [""]
        for word in one_line(text).split(" "):
            if rows[-1] and cells(rows[-1]) + 1 + cells(word) > columns:
                rows.append("")
            rows[-1] = f"{rows[-1]} {word}" if rows[-1] else word
        return rows

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        if not self._encoding.startswith("utf"):
            text = text.translate(_PLAIN).encode(self._encoding, "replace").decode(self._encoding)
        self._stream.write(text.rstrip(" ") + "\n")
        self._stream.flush()
