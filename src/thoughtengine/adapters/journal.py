"""A journal in Markdown or plain text: an experience per paragraph or list item below a date."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import re
from collections.abc import Iterator
from pathlib import Path

from thoughtengine.adapters.intake import Reading, lines
from thoughtengine.adapters.keys import ContentKeys
from thoughtengine.adapters.outline import Outline, foreign
from thoughtengine.adapters.sections import DOCUMENTS, FENCE, HEADING
from thoughtengine.adapters.stamps import Stamp, StampError, evidence, leading, time_leading
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience
from thoughtengine.wording import counted

__all__ = ["dated", "read"]

_log = logging.getLogger("thoughtengine.adapters")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_BEFORE = re.compile(r"[\s\[(*_]*(?:date\s*:\s*)?[\s\[(*_]*", re.IGNORECASE)
_AFTER = re.compile(r"[\s\])*_:,;|–—-]*")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})(?!\d)")
_RULE = re.compile(r"\s*([-=*_])\s*(?:\1\s*)+")
_CLOCK = re.compile(r"[\[(*_]{0,3}\d{1,2}:\d{2}(?![\d:]*\d)")
_STOPS = (".", "!", "?", ":", ";", "…", ")", "”", '"', "*", "|")
_FIRST = 10
_KNOWN = "2024-03-05, 5 March 2024, March 5, 2024, [2024-03-05 14:10]"


def read(path: Path, reading: Reading) -> Iterator[Experience]:
    """Read one experience per paragraph or list item below a heading or a line that begins with a date.

    What else stands in a heading becomes a tag, with the headings below it; the day and its heading are the episode.
    A day without a time is noon; a line that begins with a time is at that time, a memory of its own. Headings of a
    year, a month and a day below one another make a date; a text below a year or a month alone gets its first day, and
    that is logged. The key is made of day and words, so a second import adds only what is new.

    Raises
    ------
    ImportFormatError
        Where no line begins with a date (and the file's name neither), for a day that is in no calendar, for one like
        05/03/2024 that could be two while neither the file nor `reading.day_first` tells, and for one whose month is
        named in another language than English.
    """
    if path.is_dir():
        for file in sorted(file for file in path.rglob("*") if file.suffix.lower() in DOCUMENTS):
            if dated(file):
                yield from read(file, reading)
            else:
                _log.warning("%s: left out, for neither its name nor its beginning has a date", file)
        return
    journal = _Journal(path, reading)
    for number, line in lines(path, reading):
        yield from journal.take(number, line)
    yield from journal.end()


def dated(path: Path) -> bool:
    """Tell whether a file's name begins with a date, or one of its first ten lines that are not empty."""
    begun = (head for head in _heads(path, Reading()) if head.strip())
    first = (_compact(path.stem), *itertools.islice(begun, _FIRST))
    return any(map(_is_dated, first)) or _outlined(path)


def _outlined(path: Path) -> bool:
    """Tell whether one of the first ten headings is a day below a month below a year."""
    outline = Outline(_compact(path.stem))
    titles = (found for _, line in lines(path, Reading()) if (found := HEADING.fullmatch(line)))
    for found in itertools.islice(titles, _FIRST):
        level = len(found["level"])
        try:
            if outline.day(_bare(found["title"]), level):
                return True
        except StampError:
            return True
        outline.period(found["title"], level)
    return False


def _is_dated(line: str) -> bool:
    try:
        foreign(line)
        return leading(line) is not None
    except StampError:
        return True


def _compact(name: str) -> str:
    """Write a file's name like 20240305 or 2024_03_05 with dashes."""
    return _COMPACT.sub(r"\1-\2-\3", name.replace("_", "-"))


def _heads(path: Path, reading: Reading) -> Iterator[str]:
    """Yield the lines of a journal as they begin behind marks of headings, lists and emphasis."""
    for _, line in lines(path, reading):
        found = HEADING.fullmatch(line)
        yield _bare(found["title"] if found else _ITEM.sub("", line, count=1))


class _Journal:
    """What is known of the entries while the lines go by."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self._path, self._reading = path, reading
        self._order = reading.day_first
        self._asked_order = reading.day_first is not None
        name = _compact(path.stem)
        named = self._stamp(0, name, short=False)
        self._day: dt.date | None = named.day if named else None
        self._time: dt.time | None = None
        self._title, self._level = _rest(name, named.end) if named else "", 0
        self._headings: list[tuple[int, str]] = []
        self._held: list[str] = []
        self._outline = Outline(name)
        self._fenced = self._settings = self._lined = self._begun = self._timed = self._rough = False
        self._early: list[str] = []
        self._keys = ContentKeys("journal")

    def take(self, number: int, line: str) -> Iterator[Experience]:
        """Take a line in, yielding what it ends."""
        if self._settings or (number == 1 and line == "---"):
            yield from self._setting(number, line)
            return
        if FENCE.match(line):
            self._fenced = not self._fenced
        if self._fenced:
            self._held.append(line)
        elif found := HEADING.fullmatch(line):
            yield from self._close()
            yield from self._head(number, found["title"], len(found["level"]))
        elif not line.strip() or _RULE.fullmatch(line):
            yield from self._underlined(number) if line.strip() and self._held else self._close()
        else:
            yield from self._body(number, line)

    def end(self) -> Iterator[Experience]:
        """Yield what is left."""
        yield from self._close()
        if self._early:
            known = f"expected lines that begin with a date, such as {_KNOWN}"
            raise ImportFormatError(self._path, None, f"{known}; for a text without dates say --form documents")

    def _setting(self, number: int, line: str) -> Iterator[Experience]:
        """Take a line of the settings at the head of a file: its date, title and tags; the others are text."""
        name, _, value = (part.strip() for part in line.partition(":"))
        if line.rstrip() in ("---", "..."):
            self._settings = not self._settings
            yield from self._close()
        elif name.lower() in ("date", "created") and (stamp := self._stamp(number, value.strip("\"'"), short=False)):
            yield from self._dated(stamp)
        elif name.lower() == "title":
            self._title = value.strip("\"'")
        elif name.lower() in ("tags", "keywords") or (not value and name.startswith("- ")):
            words = re.split(r"[\[\],\"']+", name[2:] if name.startswith("- ") else value)
            self._headings += [(1, word.strip(" #")) for word in words if word.strip(" #")]
        else:
            self._held.append(line)

    def _body(self, number: int, line: str) -> Iterator[Experience]:
        item = _ITEM.match(line)
        starts = not self._held or (item is not None and not line.startswith(("    ", "\t"))) or self._clocked(line)
        bare = line[item.end() :] if item else line
        marked = bare.startswith("[")
        if starts or marked or self._lined:
            if stamp := self._stamp(number, bare, short=marked):
                yield from self._close()
                yield from self._dated(stamp)
                line = _rest(bare, stamp.end)
                self._lined = self._begun = bool(line)
                self._timed = False
                self._title, self._headings = "", []
            elif starts:
                yield from self._close()
                time, _ = _timed(bare)
                self._time, self._timed = time or self._time, time is not None
                self._begun, line = False, bare
        if line.strip():
            self._held.append(line)

    def _clocked(self, line: str) -> bool:
        """Tell whether a line below another begins with a time of its own, rather than goes on with "at / 14:30 and"."""
        if not _CLOCK.match(line):
            return False
        return self._timed or self._held[-1].rstrip().endswith(_STOPS) or not _timed(line)[1][:1].islower()

    def _head(self, number: int, title: str, level: int) -> Iterator[Experience]:
        outer = level <= self._level or not self._level
        stamp = self._stamp(number, title, short=True) or (self._below(number, title, level) if outer else None)
        if stamp:
            yield from self._dated(stamp)
            self._title, self._level = _rest(title, stamp.end), level
            self._headings, self._lined = [], False
            return
        if outer and (first := self._outline.period(title, level)):
            yield from self._dated(Stamp(first, None, len(title)))
            self._title, self._level, self._rough = "", 0, True
            self._headings, self._lined = [], False
            return
        if level <= self._level:
            self._title, self._level = "", 0
        time, words = _timed(title)
        self._time = time or self._time
        self._headings = [(rank, name) for rank, name in self._headings if rank < level]
        if words:
            self._headings.append((level, words))

    def _underlined(self, number: int) -> Iterator[Experience]:
        """Take the line in front of a rule for a heading where it begins with a date; else the rule ends a paragraph."""
        if self._begun and len(self._held) == 1:
            self._title, self._level, self._lined = self._held.pop(), 1, False
            return
        *others, title = self._held
        if self._stamp(number, title, short=True) is None:
            yield from self._close()
            return
        self._held = others
        yield from self._close()
        yield from self._head(number, title, 1)

    def _dated(self, stamp: Stamp) -> Iterator[Experience]:
        self._day, self._time, self._rough = stamp.day, stamp.time, False
        if n := len(self._early):
            told = f"{counted(n, 'paragraph')} {'stands' if n == 1 else 'stand'} before the first date"
            _log.warning("%s: %s, kept with that date", self._path.name, told)
        early, self._early = self._early, []
        for text in early:
            yield self._experience(text, None)

    def _close(self) -> Iterator[Experience]:
        text = "\n".join(self._held).strip()
        self._held = []
        if text and self._day is None:
            self._early.append(text)
        elif text:
            yield self._experience(text, self._time)

    def _experience(self, text: str, time: dt.time | None) -> Experience:
        day = self._day or dt.date.min
        if self._rough:
            _log.warning("%s: text below a year or month alone is kept with its first day", self._path.name)
        tags = [self._title, *(name for _, name in self._headings)]
        return Experience(
            text=text,
            key=self._keys.key(f"{day} {time or ''}", text),
            at=self._reading.aware(day, time),
            tags=tuple(tag for tag in dict.fromkeys(tags) if tag and len(tag.encode()) <= 1024),
            episode=f"{day} {self._title}".strip()[:200],
        )

    def _stamp(self, number: int, line: str, *, short: bool) -> Stamp | None:
        """Read the date a line begins with, behind brackets and emphasis; `short`: its year may have two digits."""
        bare = _bare(line)
        short = short or self._reading.day_first is not None
        try:
            stamp = self._leading(bare)
            if stamp is None and number:
                foreign(bare)
        except StampError as error:
            if number == 0:
                return None
            raise ImportFormatError(self._path, f"line {number:,}", str(error)) from error
        if stamp is None or (stamp.short_year and not short and _rest(bare, stamp.end)):
            return None
        return Stamp(stamp.day, stamp.time, stamp.end + len(line) - len(bare))

    def _below(self, number: int, title: str, level: int) -> Stamp | None:
        """Read a heading that is a day of the month above it."""
        bare = _bare(title)
        try:
            stamp = self._outline.day(bare, level)
        except StampError as error:
            raise ImportFormatError(self._path, f"line {number:,}", str(error)) from error
        return Stamp(stamp.day, None, stamp.end + len(title) - len(bare)) if stamp else None

    def _leading(self, line: str) -> Stamp | None:
        try:
            return leading(line, day_first=self._order)
        except StampError:
            if self._asked_order:
                raise
            self._asked_order = True
            self._order = evidence(_heads(self._path, Reading()))
            return leading(line, day_first=self._order)


def _timed(line: str) -> tuple[dt.time | None, str]:
    """Tell the time that a line begins with, and what follows it."""
    bare = _bare(line)
    found = time_leading(bare)
    return (found[0], _rest(bare, found[1])) if found else (None, line.strip())


def _bare(line: str) -> str:
    skipped = _BEFORE.match(line)
    return line[skipped.end() :] if skipped else line


def _rest(line: str, end: int) -> str:
    skipped = _AFTER.match(line, end)
    return line[skipped.end() if skipped else end :].rstrip().removesuffix("**").rstrip()
