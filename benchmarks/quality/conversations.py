"""Evidence found in long conversations: by recall, by recall without each of its channels, and by simple rivals.

python -m benchmarks.quality.conversations FILE.json [FILE.json ...] [--encoder NAME] [--rivals-only | --ours-only] [--report]

A file holds the turns of one conversation (id, episode, at, source, text, caption) and questions about it (question,
category, evidence: ids of turns). Each turn is remembered, its caption behind its text; each question is asked as it is,
k = 20. Category 5, questions without an answer, counts apart. Files of different kinds (the name up to the first dash) have
tables of their own, from one run with one set of defaults.
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
from benchmarks.peers.thoughtengine import Mind, alone, channels, without
from benchmarks.workloads import Item

K = 20
WHOLE, BLIND = "thoughtengine", "- without dense"
UNANSWERABLE = 5
HEADS = ("evidence of questions, % of", "hit@1", "hit@5", "hit@10", "hit@20", "R@10", "MRR", "cat. 5 hit@10")


@dataclass(frozen=True, slots=True)
class Goal:
    """Per cent that a figure has to reach, without an encoder and with wordllama."""

    figure: str
    without: float
    encoded: float | None


GOALS = {"locomo": (Goal("hit@10", 81.0, None), Goal("R@10", 74.0, 83.0)), "beam": (Goal("R@10", 42.0, 48.0),)}


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


def ours(encoder: te.Encoder | None = None, config: te.Config | None = None) -> Callable[[Path], Keeper]:
    """Return what opens a mind."""
    return partial(Mind, config=config, encoder=encoder)


def rows(
    conversations: Sequence[Conversation],
    *,
    encoder: te.Encoder | None = None,
    with_ours: bool = True,
    with_rivals: bool = True,
) -> list[Row]:
    """Return the table: ourselves, ourselves without each channel and with one alone, the rivals."""
    contestants: dict[str, Callable[[Path], Keeper]] = {}
    if with_ours:
        contestants[WHOLE] = ours(encoder)
        contestants |= {f"- without {name}": ours(encoder, without(name)) for name in channels()}
        contestants |= {f"- {name} alone": ours(encoder, alone(name)) for name in ("text", "dense")}
    if with_rivals:
        contestants |= RIVALS
    return [[name, *figures(opener, conversations)] for name, opener in contestants.items()]


def judged(kind: str, table: Sequence[Row], *, encoded: bool) -> list[str]:
    """Say how the figures of one kind of conversations stand to its goals."""
    found = {str(row[0]): dict(zip(HEADS[1:], row[1:], strict=True)) for row in table}
    notes = []
    for goal in GOALS.get(kind, ()):
        for name, bound in ((BLIND if encoded else WHOLE, goal.without), (WHOLE, goal.encoded if encoded else None)):
            if name in found and bound is not None:
                value = float(str(found[name][goal.figure]))
                notes.append(
                    f"{name}, {goal.figure}: {value:.1f}, goal at least {bound:g}: {'reached' if value >= bound else 'missed'}"
                )
    return notes


def encoder_named(name: str) -> te.Encoder:
    """Return an encoder of `te.encoders` by its name.

    Raises
    ------
    argparse.ArgumentTypeError
        Where there is none of that name, or a package that it needs is not installed.
    """
    try:
        found = getattr(te.encoders, name)()
    except (AttributeError, TypeError, ImportError, te.ThoughtEngineError) as error:
        raise argparse.ArgumentTypeError(f"te.encoders has no {name!r} here ({error})") from error
    if not isinstance(found, te.encoders.Encoder):
        raise argparse.ArgumentTypeError(f"te.encoders.{name}() is no encoder")
    return found


def kinds(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the files by kind: what their names begin with, up to the first dash."""
    found: dict[str, list[Path]] = collections.defaultdict(list)
    for path in paths:
        found[path.stem.partition("-")[0]].append(path)
    return dict(found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
    parser.add_argument("--encoder", type=encoder_named, metavar="NAME", help="of te.encoders, such as wordllama")
    parser.add_argument("--ours-only", action="store_true", help="leave the rivals out")
    parser.add_argument("--rivals-only", action="store_true", help="leave ourselves out")
    parser.add_argument("--report", action="store_true", help="add the tables to results/conversations.md")
    given = parser.parse_args(arguments)
    encoder: te.Encoder | None = given.encoder
    for kind, paths in kinds(given.files).items():
        conversations = [read(path) for path in paths]
        table = rows(conversations, encoder=encoder, with_ours=not given.rivals_only, with_rivals=not given.ours_only)
        notes = [
            *judged(kind, table, encoded=encoder is not None),
            _size(conversations),
            *([] if encoder else ["dense is silent here: it needs an encoder"]),
            "episode is silent here: it needs a cue that names one",
        ]
        title = f"evidence found in conversations: {kind}" + (f", encoder {encoder.name}" if encoder else "")
        show(title, HEADS, table, notes=notes, report="conversations" if given.report else None)
        print()


def _size(conversations: Sequence[Conversation]) -> str:
    n_turns = sum(len(conversation.turns) for conversation in conversations)
    n_questions = sum(len(conversation.questions) for conversation in conversations)
    return f"{len(conversations)} conversations, {n_turns:,} turns, {n_questions:,} questions"


if __name__ == "__main__":
    main()
