"""tantivy, a search engine in Rust: words with English stems, BM25, one segment after another on disk."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.workloads import Item


def available() -> str | None:
    """Return name and version, None where it is not installed."""
    try:
        return f"tantivy {version('tantivy')}"
    except PackageNotFoundError:
        return None


class Documents:
    """An index in a folder; what it acknowledges is committed and synced always: it has no other setting."""

    def __init__(self, folder: Path) -> None:
        tantivy = self._tantivy = importlib.import_module("tantivy")
        folder.mkdir(parents=True, exist_ok=True)
        builder: Any = tantivy.SchemaBuilder()
        builder.add_integer_field("number", stored=True)
        builder.add_text_field("text", stored=True, tokenizer_name="en_stem")
        self._index: Any = tantivy.Index(builder.build(), path=str(folder))
        self._writer: Any = None

    def add_one(self, item: Item) -> None:
        self.add_many([item])

    def add_many(self, items: Iterable[Item]) -> None:
        self._writer = self._writer or self._index.writer()
        for item in items:
            self._writer.add_document(self._tantivy.Document(number=item.number, text=item.text))
        self._writer.commit()
        self._index.reload()

    def query(self, text: str, k: int) -> list[int]:
        """Return the best, each with its text read, as ours are."""
        words = " ".join(re.findall(r"\w+", text.lower()))
        searcher = self._index.searcher()
        asked = self._index.parse_query(words, ["text"])
        return [searcher.doc(address)["number"][0] for _, address in searcher.search(asked, k).hits]

    def close(self) -> None:
        if self._writer is not None:
            self._writer.wait_merging_threads()
        self._writer = None


def open(folder: Path, *, power: bool = False) -> Documents:
    """Open or make an index; `power` changes nothing."""
    return Documents(folder)
