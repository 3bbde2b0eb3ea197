"""Questions in many languages: facts are asked for in other forms of their words, all in one mind, against simpler searches.

python -m benchmarks.quality.languages [--report]

`languages.json` holds, for each language, pairs of a fact and a question about it. All facts go into one keeper, so that
a question competes with those of every other language; a question that finds its own fact first, or among the first
three, counts.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import Stemmer

from benchmarks.page import Row, show
from benchmarks.peers import Keeper, bm25
from benchmarks.peers.thoughtengine import Mind
from benchmarks.workloads import Item
from thoughtengine.memory.index.analysis import fold_text, words

FILE = Path(__file__).with_suffix(".json")
NOON = dt.datetime(2024, 5, 8, 12, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Language:
    """Facts in one language, and a question about each."""

    name: str
    facts: tuple[tuple[str, str], ...]


class English(bm25.Postings):
    """BM25 over words split as ours are, and their English stems: what an analysis made for English finds."""

    def add_many(self, items: Iterable[Item]) -> None:
        super().add_many(replace(item, text=_stems(item.text)) for item in items)

    def query(self, text: str, k: int) -> list[int]:
        return super().query(_stems(text), k)


def _stems(text: str) -> str:
    """Return English stems in hexadecimal digits, which no further splitting can harm."""
    stem = Stemmer.Stemmer("english").stemWord
    return " ".join(stem(word).encode().hex() for word in words(fold_text(text)))


class Fts5:
    """SQLite's full-text index with one of its tokenisers; any word may match, the best by BM25."""

    def __init__(self, folder: Path, *, tokenizer: str) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute(f"CREATE VIRTUAL TABLE items USING fts5(text, tokenize = '{tokenizer}')")

    def add_many(self, items: Iterable[Item]) -> None:
        rows = ((item.number + 1, item.text) for item in items)
        self._connection.executemany("INSERT INTO items (rowid, text) VALUES (?, ?)", rows)

    def add_one(self, item: Item) -> None:
        self.add_many([item])

    def query(self, text: str, k: int) -> list[int]:
        asked = " OR ".join(f'"{word}"' for word in dict.fromkeys(re.findall(r"[^\s\"?¿;؟？，。、.,]+", text)))
        rows = self._connection.execute("SELECT rowid FROM items WHERE items MATCH ? ORDER BY rank LIMIT ?", (asked, k))
        return [row[0] - 1 for row in rows]

    def close(self) -> None:
        self._connection.close()


RIVALS: dict[str, Callable[[Path], Keeper]] = {
    "English stems": English,
    "FTS5 unicode61": partial(Fts5, tokenizer="unicode61"),
    "FTS5 trigram": partial(Fts5, tokenizer="trigram"),
}
CONTESTANTS: dict[str, Callable[[Path], Keeper]] = {"thoughtengine": partial(Mind, power=False), **RIVALS}


def read(path: Path = FILE) -> list[Language]:
    """Read the facts and questions of every language."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return [Language(row["name"], tuple((fact, question) for fact, question in row["facts"])) for row in found.values()]


def places(open_keeper: Callable[[Path], Keeper], languages: Sequence[Language]) -> dict[str, list[int]]:
    """Return, by language, the place (from 0) at which each question finds its fact; 3 where it is not among three."""
    pairs = [(language.name, *pair) for language in languages for pair in language.facts]
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_keeper(Path(folder) / "kept")) as keeper:
        keeper.add_many(Item(number, fact, "notes", f"{number}", NOON) for number, (_, fact, _) in enumerate(pairs))
        found: dict[str, list[int]] = {language.name: [] for language in languages}
        for number, (name, _, question) in enumerate(pairs):
            ranked = keeper.query(question, 3)
            found[name].append(ranked.index(number) if number in ranked else 3)
    return found


def share(found: Iterable[int], k: int) -> float:
    """Return the share of places below `k`, in percent."""
    hits = [place < k for place in found]
    return 100 * sum(hits) / len(hits)


def rows(languages: Sequence[Language], contestants: dict[str, Callable[[Path], Keeper]] = CONTESTANTS) -> list[Row]:
    """Return a row a language, and one for all: hit@1 and hit@3 of every contestant, in percent."""
    found = [places(opener, languages) for opener in contestants.values()]
    for one in found:
        one["all"] = [place for language in languages for place in one[language.name]]
    names = [*(language.name for language in languages), "all"]
    return [
        [name, len(found[0][name]), *(f"{share(one[name], 1):.0f} / {share(one[name], 3):.0f}" for one in found)]
        for name in names
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--report", action="store_true", help="add the table to results/languages.md")
    given = parser.parse_args(arguments)
    notes = ["hit@1 / hit@3 in percent; all languages lie in one mind, and words of a question are inflected otherwise"]
    report = "languages" if given.report else None
    show(
        "facts asked for in other forms of their words",
        ("language", "n", *CONTESTANTS),
        rows(read()),
        notes=notes,
        report=report,
    )


if __name__ == "__main__":
    main()
