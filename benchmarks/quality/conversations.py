"""Evidence found in long conversations: by recall, by recall without each of its channels, and by simple rivals.

python -m benchmarks.quality.conversations FILE.json [FILE.json ...] [--rivals-only | --ours-only] [--report]

A file holds the turns of one conversation (id, episode, at, source, text, caption) and questions about it (question,
category, evidence: ids of turns). Each turn is remembered, its caption behind its text; each question is asked as it is,
k = 20. Category 5, questions without an answer, counts apart.
"""

from __future__ import annotations

import argparse
import collections
import datetime as dt
import json
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import thoughtengine as te
from benchmarks.page import Row, show
from benchmarks.peers import Keeper, bm25, fts5, grep
from benchmarks.peers.thoughtengine import Mind
from benchmarks.workloads import Item

K = 20
CHANNELS = ("text", "labels", "dense", "time", "source", "episode", "neighbours")
UNANSWERABLE = 5
HEADS = ("evidence of questions, % of", "hit@1", "hit@5", "hit@10", "hit@20", "R@10", "MRR", "cat. 5 hit@10")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the numbers of the turns that answer it, and the answer, empty where the file has none."""

    text: str
    category: int
    evidence: frozenset[int]
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order, and what is asked about them."""

    turns: tuple[Item, ...]
    questions: tuple[Question, ...]


class Newest:
    """The newest items, whatever the cue."""

    def __init__(self, folder: Path) -> None:
        self._numbers: list[int] = []

    def add_one(self, item: Item) -> None:
        self._numbers.append(item.number)

    def add_many(self, items: Iterable[Item]) -> None:
        for item in items:
            self.add_one(item)

    def query(self, text: str, k: int) -> list[int]:
        return self._numbers[: -k - 1 : -1]

    def close(self) -> None:
        self._numbers.clear()


class Labelled(bm25.Postings):
    """BM25 over date, source and text."""

    def add_many(self, items: Iterable[Item]) -> None:
        super().add_many(_labelled(item) for item in items)


def _labelled(item: Item) -> Item:
    text = f"{item.at:%A %d %B %Y} {item.source}: {item.text}"
    return Item(item.number, text, item.source, item.episode, item.at)


RIVALS: dict[str, Callable[[Path], Keeper]] = {
    "plain BM25 over text": bm25.open,
    "plain BM25 over date, source, text": Labelled,
    "SQLite FTS5": fts5.open,
    "substring search": grep.open,
    "newest first": Newest,
}


def read(path: Path) -> Conversation:
    """Read one conversation."""
    found = json.loads(path.read_text(encoding="utf-8"))
    turns = tuple(_turn(number, turn) for number, turn in enumerate(found["turns"]))
    numbers = {turn["id"]: number for number, turn in enumerate(found["turns"])}
    questions = tuple(
        Question(
            row["question"],
            row["category"],
            frozenset(numbers[id_] for id_ in row["evidence"] if id_ in numbers),
            "" if row.get("answer") is None else str(row["answer"]),
        )
        for row in found["questions"]
    )
    return Conversation(turns, tuple(question for question in questions if question.evidence))


def _turn(number: int, turn: dict[str, Any]) -> Item:
    text = turn["text"] + (f" [{turn['caption']}]" if turn.get("caption") else "")
    return Item(number, text, turn["source"], turn["episode"], dt.datetime.fromisoformat(turn["at"]))


def ranks(open_keeper: Callable[[Path], Keeper], conversation: Conversation) -> list[list[int]]:
    """Return, for each question, the places (from 0) at which evidence was found."""
    with tempfile.TemporaryDirectory() as folder:
        keeper = open_keeper(Path(folder) / "kept")
        try:
            keeper.add_many(conversation.turns)
            asked = [(question, keeper.query(question.text, K)) for question in conversation.questions]
        finally:
            keeper.close()
    return [[at for at, number in enumerate(found) if number in question.evidence] for question, found in asked]


def figures(open_keeper: Callable[[Path], Keeper], conversations: Sequence[Conversation]) -> list[str]:
    """Return the figures of `HEADS`, means over all questions in percent; a dash where there were none."""
    scores: dict[str, list[float]] = collections.defaultdict(list)
    for conversation in conversations:
        for question, places in zip(conversation.questions, ranks(open_keeper, conversation), strict=True):
            if question.category == UNANSWERABLE:
                scores["unanswerable"].append(any(at < 10 for at in places))
                continue
            for k in (1, 5, 10, 20):
                scores[f"hit@{k}"].append(any(at < k for at in places))
            scores["R@10"].append(sum(at < 10 for at in places) / len(question.evidence))
            scores["MRR"].append(1 / (1 + min(places)) if places else 0.0)
    ordered = ("hit@1", "hit@5", "hit@10", "hit@20", "R@10", "MRR", "unanswerable")
    return [f"{100 * statistics.fmean(scores[name]):.1f}" if scores[name] else "-" for name in ordered]


def ours(*off: str) -> Callable[[Path], Keeper]:
    """Return what opens a mind without these channels of recall."""
    return partial(Mind, power=False, config=te.Config(recall=te.RecallConfig(off=off)))


def rows(conversations: Sequence[Conversation], *, with_ours: bool = True, with_rivals: bool = True) -> list[Row]:
    """Return the table: ourselves, ourselves without each channel, the rivals."""
    contestants: dict[str, Callable[[Path], Keeper]] = {}
    if with_ours:
        contestants["thoughtengine"] = ours()
        contestants |= {f"- without {name}": ours(name) for name in CHANNELS}
        contestants["- text alone"] = ours(*(name for name in CHANNELS if name != "text"))
    if with_rivals:
        contestants |= RIVALS
    return [[name, *figures(opener, conversations)] for name, opener in contestants.items()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
    parser.add_argument("--ours-only", action="store_true", help="leave the rivals out")
    parser.add_argument("--rivals-only", action="store_true", help="leave ourselves out")
    parser.add_argument("--report", action="store_true", help="add the table to results/conversations.md")
    given = parser.parse_args(arguments)
    conversations = [read(path) for path in given.files]
    table = rows(conversations, with_ours=not given.rivals_only, with_rivals=not given.ours_only)
    n_turns = sum(len(conversation.turns) for conversation in conversations)
    n_questions = sum(len(conversation.questions) for conversation in conversations)
    notes = [
        f"{len(conversations)} conversations, {n_turns:,} turns, {n_questions:,} questions",
        "silent here: dense, which needs an encoder, and episode, which needs a cue that names one",
    ]
    report = "conversations" if given.report else None
    show("evidence found in conversations", HEADS, table, notes=notes, report=report)


if __name__ == "__main__":
    main()
