"""Entry: the index row of one memory, derived from its record, all that the index needs to know of it."""

from __future__ import annotations

import datetime as dt
from array import array
from collections import Counter

import msgspec

from thoughtengine.memory.experience import HAPPENED
from thoughtengine.memory.index.alike import gist
from thoughtengine.memory.index.analysis import ANALYSIS, LABELS, Memo, fold_text, name_term, terms_of_text, words
from thoughtengine.memory.record import MemoryRecord

__all__ = ["MONTHS", "Entry", "date_words", "make_entry"]

MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
]  # fmt: skip
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The index row of one memory: derived, rebuilt whenever the analysis differs.

    Attributes
    ----------
    layer, at, offset, source, episode, kind, tags, supersedes
        As in the record.
    analysis : str
        `ANALYSIS` of what made it.
    length : int
        Words of the text.
    terms : bytes
        Hashes of the distinct stems, ascending, little-endian unsigned 64-bit; n-grams where there is no stemmer.
    counts : bytes
        How often each occurs, one byte each, at most 255.
    labels : bytes
        Hashes of the words of source, tags and spoken date, as `terms`.
    fold : int
        Hash of the gist of the text, source, and layer where that holds no experience: equal for repeats; 0 without a text.
    language : str
        Code of the language by which the text was stemmed; empty: by its scripts.
    """

    layer: int
    at: int
    offset: int
    source: str | None
    episode: str | None
    kind: str | None
    tags: tuple[str, ...]
    analysis: str
    length: int
    terms: bytes
    counts: bytes
    labels: bytes
    fold: int
    supersedes: int | None = None
    language: str = ""


def make_entry(record: MemoryRecord) -> Entry:
    """Derive the index row of a memory.

    Parameters
    ----------
    record : MemoryRecord
        The memory as it is stored.

    Notes
    -----
    On the path of every remember: about 20 microseconds for a text of 20 words. Payloads are not looked into.
    """
    length, terms, counts, fold, language = 0, b"", b"", 0, ""
    if record.text is not None:
        length, terms, counts, fold, language = _analyse(record.text, record.source, record.layer)
    day = (record.at // 1_000_000 + record.offset) // 86_400
    return Entry(
        record.layer, record.at, record.offset, record.source, record.episode, record.kind, record.tags, ANALYSIS,
        length, terms, counts, _labels_of(day, record.source, record.tags), fold, record.supersedes, language,
    )  # fmt: skip


def _analyse(text: str, source: str | None, layer: int) -> tuple[int, bytes, bytes, int, str]:
    found, terms, language = terms_of_text(text)
    counted = Counter(sorted(terms))
    counts = bytes(counted.values() if len(terms) < 256 else [min(count, 255) for count in counted.values()])
    repeat = gist(text) + "\0" + (source or "")
    if layer not in HAPPENED:  # a guess repeats a guess alone
        repeat += f"\0{layer}"
    return len(found), array("Q", counted).tobytes(), counts, name_term("=", repeat) or 1, language


def _labels_of(day: int, source: str | None, tags: tuple[str, ...]) -> bytes:
    return _packed(day, source, *tags) if tags else _UNTAGGED[day, source]


def _packed(day: int, *names: str | None) -> bytes:
    keys = set(_date_labels[day])
    for name in names:
        if name is not None:
            keys.update(_name_labels[name])
    return array("Q", sorted(keys)).tobytes()


def date_words(day: int) -> tuple[str, ...]:
    """Return how a day is spoken of: weekday, day number, month, year.

    Parameters
    ----------
    day : int
        Days since 1970-01-01; outside the years 1 to 9999 there are no words.

    Examples
    --------
    >>> date_words(19485)
    ('monday', '8', 'may', '2023')
    """
    try:
        date = dt.date.fromordinal(719_163 + day)
    except (ValueError, OverflowError):
        return ()
    return _WEEKDAYS[date.weekday()], str(date.day), MONTHS[date.month - 1], str(date.year)


_date_labels: Memo[int, tuple[int, ...]] = Memo(lambda day: tuple(LABELS[word] for word in date_words(day)), 1 << 14)
_name_labels: Memo[str, tuple[int, ...]] = Memo(lambda name: tuple(LABELS[w] for w in words(fold_text(name))), 1 << 14)
_UNTAGGED: Memo[tuple[int, str | None], bytes] = Memo(
    lambda said: _packed(*said), 1 << 12
)  # the next often has the same
