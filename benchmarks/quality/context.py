"""Evidence inside a budget of tokens: what `recall.context` packs, beside plain hits and without its parts.

python -m benchmarks.quality.context FILE.json [FILE.json ...] [--budgets 250 500 1000 2000 4000] [--report]

Files as for `benchmarks.quality.conversations`; questions without an answer (category 5) are left out. A token is 3/4 of a
word, every word of the page counted: ids, names, dates. A turn is inside in full when its text is on the page, apart from
white space; in parts when only its id is, because it was cut.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import thoughtengine as te
from benchmarks.page import Row, show
from benchmarks.quality.conversations import UNANSWERABLE, Conversation, read
from thoughtengine.memory.recall.context import FLOOR, LINE, pack

BUDGETS = (250, 500, 1000, 2000, 4000)
MAIN = 1000
HEADS = (
    "evidence inside, % of questions",
    "tokens",
    "all in full",
    "any in full",
    "all by id",
    "any by id",
    "used",
    "ms",
)

Pack = Callable[[te.ThoughtEngine, str, int], str]


class Inside(NamedTuple):
    """One question: how many turns answer it, and how many of them are on a page in full, and by their id."""

    wanted: int
    full: int
    by_id: int
    tokens: float
    seconds: float


def ours(mind: te.ThoughtEngine, question: str, tokens: int) -> str:
    """Return what recall packs."""
    return mind.recall(question).context(tokens)


def _packed(mind: te.ThoughtEngine, question: str, tokens: int, **settings: float) -> str:
    hits = mind.recall(question, k=10 + tokens // LINE)
    kept = [hit for at, hit in enumerate(hits) if at < 10 or hit.score >= settings.get("floor", FLOOR) * hits[0].score]
    return pack(kept, tokens, **{name: value for name, value in settings.items() if name != "floor"}).text  # type: ignore[arg-type]


def no_excerpts(mind: te.ThoughtEngine, question: str, tokens: int) -> str:
    """Leave long texts out that do not fit."""
    return _packed(mind, question, tokens, cut_to=0)


def any_length(mind: te.ThoughtEngine, question: str, tokens: int) -> str:
    """Take the best first, however long."""
    return _packed(mind, question, tokens, short=float("inf"))


def no_floor(mind: te.ThoughtEngine, question: str, tokens: int) -> str:
    """Fill the page with whatever matched."""
    return _packed(mind, question, tokens, floor=0.0)


def only_hits(mind: te.ThoughtEngine, question: str, tokens: int) -> str:
    """Pack the ten hits and nothing beyond them."""
    return pack(mind.recall(question).hits, tokens).text


def _plain(hits: Sequence[te.Hit], tokens: int) -> str:
    told: list[str] = []
    for hit in hits:
        line = f"[{hit.id}] {hit.at:%Y-%m-%d %H:%M} {hit.source}: {hit.text}"
        if _tokens("\n".join([*told, line])) > tokens:
            break
        told.append(line)
    return "\n".join(told)


def ten_plain(mind: te.ThoughtEngine, question: str, tokens: int) -> str:
    """Write ten hits down, best first, until the budget is spent."""
    return _plain(mind.recall(question).hits, tokens)


def many_plain(mind: te.ThoughtEngine, question: str, tokens: int) -> str:
    """Write as many hits down as fit, best first."""
    return _plain(mind.recall(question, k=10 + tokens // LINE).hits, tokens)


WAYS: dict[str, Pack] = {
    "thoughtengine": ours,
    "- the ten hits alone": only_hits,
    "- without excerpts": no_excerpts,
    "- whatever the length": any_length,
    "- without a floor": no_floor,
    "ten plain hits": ten_plain,
    "plain hits, as many as fit": many_plain,
}


def _tokens(text: str) -> float:
    return len(text.split()) * 4 / 3


def asked(way: Pack, conversation: Conversation, tokens: int, config: te.Config) -> list[Inside]:
    """Ask every question of a conversation and look what is on the page."""
    found = []
    with tempfile.TemporaryDirectory() as folder, te.open(Path(folder) / "mind", config=config) as mind:
        ids = mind.remember_many(turn.experience() for turn in conversation.turns)
        for question in conversation.questions:
            if question.category != UNANSWERABLE:
                begun = time.perf_counter()
                page = way(mind, question.text, tokens)
                seconds = time.perf_counter() - begun
                wanted = {ids[number]: conversation.turns[number].text for number in question.evidence}
                found.append(_inside(page, wanted, seconds))
    return found


def _inside(page: str, wanted: dict[int, str], seconds: float) -> Inside:
    flat, named = " ".join(page.split()), set(map(int, re.findall(r"^\[(\d+)\]", page, re.MULTILINE)))
    full = sum(id_ in named and " ".join(text.split()) in flat for id_, text in wanted.items())
    return Inside(len(wanted), full, len(named & wanted.keys()), _tokens(page), seconds)


def figures(found: Sequence[Inside]) -> list[str]:
    """Return the figures of `HEADS` from the third on."""

    def share(of: Callable[[Inside], bool]) -> str:
        return f"{100 * statistics.fmean(map(of, found)):.1f}"

    return [
        share(lambda one: one.full == one.wanted),
        share(lambda one: one.full > 0),
        share(lambda one: one.by_id == one.wanted),
        share(lambda one: one.by_id > 0),
        f"{statistics.fmean(one.tokens for one in found):.0f}",
        f"{1e3 * statistics.median(one.seconds for one in found):.1f}",
    ]


def rows(conversations: Sequence[Conversation], budgets: Sequence[int]) -> list[Row]:
    """Return the table: every way at the main budget, ours and ten plain hits at the others."""
    table: list[Row] = []
    quiet = te.Config(recall=te.RecallConfig(off=("neighbours",)))
    for tokens in budgets:
        ways = WAYS if tokens == MAIN else {name: WAYS[name] for name in ("thoughtengine", "ten plain hits")}
        contestants = [(name, way, te.Config()) for name, way in ways.items()]
        if tokens == MAIN:
            contestants.insert(1, ("- without neighbours", ours, quiet))
        for name, way, config in contestants:
            found = [one for conversation in conversations for one in asked(way, conversation, tokens, config)]
            table.append([name, tokens, *figures(found)])
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS, metavar="TOKENS")
    parser.add_argument("--report", action="store_true", help="add the table to results/context.md")
    given = parser.parse_args(arguments)
    conversations = [read(path) for path in given.files]
    table = rows(conversations, given.budgets)
    n_questions = sum(question.category != UNANSWERABLE for one in conversations for question in one.questions)
    notes = [
        f"{len(conversations)} conversations, {n_questions:,} questions that have an answer; recall and page timed together",
        "a repeat is folded by recall itself; these files hold hardly any, so there is no row without folding",
    ]
    show("evidence inside a budget", HEADS, table, notes=notes, report="context" if given.report else None)


if __name__ == "__main__":
    main()
