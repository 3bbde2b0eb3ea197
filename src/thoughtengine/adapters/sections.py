"""The sections of a Markdown, reStructuredText or plain-text document."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from thoughtengine.adapters.intake import Reading, lines

__all__ = ["DOCUMENTS", "FENCE", "HEADING", "Section", "sections"]

DOCUMENTS = frozenset({".md", ".markdown", ".rst", ".txt"})
HEADING = re.compile(r" {0,3}(?P<level>#{1,6})\s+(?P<title>.*?)(?:\s+#+)?\s*")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r"([^\w\s])\1+\s*")


@attrs.frozen
class Section:
    """What stands below a heading.

    Attributes
    ----------
    headings : tuple of str
        From the outermost to the section's own; empty before the first.
    text : str
        Without the heading; never empty.
    """

    headings: tuple[str, ...]
    text: str


def sections(path: Path, reading: Reading) -> Iterator[Section]:
    """Yield the sections of a document that hold any text, in order; of plain text, its paragraphs.

    Raises
    ------
    ImportFormatError
        Where the file is no UTF-8.
    """
    content = (line for _, line in lines(path, reading))
    suffix = path.suffix.lower()
    found = _paragraphs(content) if suffix == ".txt" else _headed(content, ranked=suffix != ".rst")
    return (section for section in found if section.text.strip())


def _paragraphs(content: Iterator[str]) -> Iterator[Section]:
    held: list[str] = []
    for line in content:
        if line.strip():
            held.append(line)
        elif held:
            yield Section((), "\n".join(held).strip())
            held = []
    yield Section((), "\n".join(held).strip())


def _headed(content: Iterator[str], *, ranked: bool) -> Iterator[Section]:
    """Split at headings: `#` and underlines in Markdown (`ranked`), underlines of any sort in reStructuredText."""
    path: list[tuple[int, str]] = []
    styles: list[str] = ["=", "-"] if ranked else []
    held, content = _front_matter(content) if ranked else ([], content)
    fence = ""
    for line in content:
        fence, inside = _fenced(line, fence) if ranked else ("", False)
        title, level = ("", 0) if inside else _heading(line, held, styles, ranked=ranked)
        if not level:
            held.append(line)
            continue
        yield Section(tuple(name for _, name in path), "\n".join(held).strip())
        path = [(rank, name) for rank, name in path if rank < level] + [(level, title)]
        held = []
    yield Section(tuple(name for _, name in path), "\n".join(held).strip())


def _front_matter(content: Iterator[str]) -> tuple[list[str], Iterator[str]]:
    """Take the settings at the head of a file, between two lines of dashes, off the rest, where no heading hides."""
    first = list(itertools.islice(content, 1))
    if first != ["---"]:
        return [], itertools.chain(first, content)
    for line in content:
        first.append(line)
        if line.rstrip() in ("---", "..."):
            break
    return first, content


def _fenced(line: str, fence: str) -> tuple[str, bool]:
    """Follow code fences: the mark that is open after this line, and whether the line is code or a mark."""
    mark = FENCE.match(line)
    if not fence:
        return (mark[1], True) if mark else ("", False)
    closes = mark is not None and mark[1].startswith(fence) and not line.strip().strip(fence[0])
    return ("" if closes else fence), True


def _heading(line: str, held: list[str], styles: list[str], *, ranked: bool) -> tuple[str, int]:
    """Tell the title and level of a heading that this line is or completes, taking a title out of the lines held."""
    if ranked and (found := HEADING.fullmatch(line)):
        return found["title"], len(found["level"])
    if not held or not held[-1].strip() or not _RULE.fullmatch(line):
        return "", 0
    title, mark = held[-1].strip(), line[0]
    if ranked and (mark not in styles or held[-1].startswith("    ") or _begins(held[-1])):
        return "", 0
    if not ranked and len(line.rstrip()) < len(title):
        return "", 0
    if (above := len(held) > 1 and _RULE.fullmatch(held[-2]) is not None and held[-2][0] == mark) and not ranked:
        mark *= 2
    if mark not in styles:
        styles.append(mark)
    del held[-2 if above and not ranked else -1 :]
    return title, styles.index(mark) + 1


def _begins(line: str) -> bool:
    """Tell whether a line begins a list, a quotation or a table: the dashes below it underline nothing."""
    return line.lstrip()[:1] in ("-", "*", "+", ">", "|") or _RULE.fullmatch(line) is not None
