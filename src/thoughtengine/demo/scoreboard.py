"""Scene 6: measured now, on this very input, against simple rivals, with the rows that are lost."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import attrs

import thoughtengine as te
from thoughtengine.demo.figures import Board, Row
from thoughtengine.demo.material import Material
from thoughtengine.demo.page import Page
from thoughtengine.demo.rivals import (
    FadingFiles,
    FileRival,
    FrequentFiles,
    LatestFiles,
    Newest,
    PlainBM25,
    SearchRival,
    Substring,
    VotingFiles,
    vote,
)
from thoughtengine.demo.stage import Promise, Stage
from thoughtengine.demo.words import distinct, frequencies

__all__ = ["Scoreboard", "known_items", "play", "show"]

_OURS = "thoughtengine"
_QUESTIONS = 100
_COMMITS = 100
_FILES_AT_MOST = 50


@attrs.frozen
class Scoreboard:
    """Every task that this input allows.

    Attributes
    ----------
    boards : tuple of Board
        One for each task.
    """

    boards: tuple[Board, ...]

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Promise nothing: a scoreboard tells who won."""
        return ()


def play(stage: Stage) -> Scoreboard:
    """Measure every task that this input allows."""
    tasks: tuple[Callable[[Stage], Board | None], ...] = (_next_file, _evidence, _known_item, _who_and_when)
    return Scoreboard(tuple(board for task in tasks if (board := task(stage)) is not None))


# --------------------------------------------------------------------------------------------- finding


def _known_item(stage: Stage) -> Board | None:
    """Find an experience again from a few of its words."""
    items = known_items(stage.material, stage.chance)
    if len(items) < 5:
        return None
    rules = "from three of its words and one of another, in disorder"
    wanted = [(cue, frozenset((position,))) for cue, position in items]
    return _search(stage, f"Find {_one(stage)} again by its words", rules, wanted, stage.material.texts)


def _who_and_when(stage: Stage) -> Board | None:
    """Find an experience again from one of its words, its source and its month; the rivals may search those too."""
    material = stage.material
    spoken = [
        f"{e.source or ''} {f'{d:%B %Y}' if d else ''}".strip()
        for e, d in zip(material.experiences, material.days, strict=True)
    ]
    fit = [i for i in _unmistakable(material) if material.experiences[i].source and material.days[i]]
    if len(fit) < 5 or len({spoken[i] for i in fit}) < 5:
        return None
    chosen = stage.chance.sample(fit, min(_QUESTIONS, len(fit)))
    wanted = [(f"{stage.chance.choice(distinct(material.texts[i]))} {spoken[i]}", frozenset((i,))) for i in chosen]
    rules = "from one of its words, its source and its month; the rivals are given source and month with the text"
    texts = [f"{said} {text}" for said, text in zip(spoken, material.texts, strict=True)]
    return _search(stage, f"Find {_one(stage)} again by who and when", rules, wanted, texts)


def _one(stage: Stage) -> str:
    return "a commit" if stage.material.kind == "history" else "an experience"


def _evidence(stage: Stage) -> Board | None:
    """Answer the questions that the file brings."""
    asked = stage.material.asked
    if len(asked) < 5:
        return None
    chosen = asked if len(asked) <= 2 * _QUESTIONS else stage.chance.sample(asked, 2 * _QUESTIONS)
    rules = "right is a turn that the file names as evidence; the adversarial ones are left out"
    wanted = [(asked.text, asked.evidence) for asked in chosen]
    return _search(stage, "Answer the file's own questions", rules, wanted, stage.material.texts)


def known_items(material: Material, chance: random.Random) -> list[tuple[str, int]]:
    """Draw experiences and half-remembered cues for them.

    Parameters
    ----------
    material : Material
        What was remembered.
    chance : random.Random
        Draws the experiences, three words of each, and a word of another one, all in disorder.

    Returns
    -------
    list of (str, int)
        Cue and position. Texts that occur twice are left out: nobody could tell which one is meant.
    """
    fit = _unmistakable(material)
    vocabulary = sorted(word for word in frequencies(material.texts) if len(word) >= 4 and word.isalpha())
    items: list[tuple[str, int]] = []
    for position in chance.sample(fit, min(_QUESTIONS, len(fit))):
        words = [*chance.sample(distinct(material.texts[position]), 3), chance.choice(vocabulary)]
        chance.shuffle(words)
        items.append((" ".join(words), position))
    return items


def _unmistakable(material: Material) -> list[int]:
    """List the experiences whose text stands once and has words enough to quote some."""
    repeats = Counter(material.texts)
    return [i for i, text in enumerate(material.texts) if repeats[text] == 1 and len(distinct(text)) >= 4]


def _search(
    stage: Stage, task: str, rules: str, wanted: Sequence[tuple[str, frozenset[int]]], texts: Sequence[str]
) -> Board:
    """Ask us and the rivals the same questions; `texts` is what the rivals search."""
    rivals: list[SearchRival] = [PlainBM25(texts), Substring(texts), Newest(texts)]
    with te.open(stage.mind, create=False) as mind:
        position = {id: i for i, id in enumerate(stage.ids)}
        mind.recall("warm up")
        rows = [
            _ask(_OURS, lambda cue, k: [position[hit.id] for hit in mind.recall(cue, k=k)], wanted),
            *(_ask(rival.name, rival.search, wanted) for rival in rivals),
        ]
    return Board(task, rules, ("hit@1", "hit@10"), tuple(rows))


def _ask(name: str, search: Callable[[str, int], list[int]], wanted: Sequence[tuple[str, frozenset[int]]]) -> Row:
    ranks: list[int | None] = []
    seconds: list[float] = []
    for cue, right in wanted:
        start = time.perf_counter()
        found = search(cue, 10)
        seconds.append(time.perf_counter() - start)
        ranks.append(next((rank for rank, position in enumerate(found) if position in right), None))
    return Row.of(name, ranks, (1, 10), seconds)


# --------------------------------------------------------------------------------------------- the next file


def _next_file(stage: Stage) -> Board | None:
    """Guess the files of each of the last commits from a mind that holds only what came before."""
    told = ((stage.material.experiences[i], tuple(stage.material.experiences[i].tags)) for i in stage.material.commits)
    commits = [(commit, files) for commit, files in told if commit.text and 1 <= len(files) <= _FILES_AT_MOST]
    n = min(_COMMITS, len(commits) // 2)
    if n < 5:
        return None
    rivals: list[FileRival] = [VotingFiles(), FadingFiles(), FrequentFiles(), LatestFiles()]
    ranks: dict[str, list[int | None]] = {_OURS: [], **{rival.name: [] for rival in rivals}}
    for rival in rivals:
        for commit, files in commits[:-n]:
            rival.learn(commit.text or "", files)
    with te.open(stage.scratch("next-file")) as mind:
        mind.remember_many(commit for commit, _ in commits[:-n])
        for commit, files in commits[-n:]:
            message = commit.text or ""
            ranks[_OURS].append(_rank(_vote_of(mind, message), files))
            for rival in rivals:
                ranks[rival.name].append(_rank(rival.predict(message, 5), files))
                rival.learn(message, files)
            mind.remember_many([commit])
    rules = (
        f"each of the last {n} commits guessed from those before it, then learnt; the first two also see its message, "
        f"and take the files of the ten commits it recalls, weighted by their scores"
    )
    rows = tuple(Row.of(name, found, (1, 5)) for name, found in ranks.items())
    return Board("Guess which file changes next", rules, ("hit@1", "hit@5"), rows)


def _vote_of(mind: te.ThoughtEngine, message: str) -> list[str]:
    return vote(((hit.score, hit.memory.tags) for hit in mind.recall(message[:2000], k=10)), 5)


def _rank(guessed: Sequence[str], files: Sequence[str]) -> int | None:
    return next((rank for rank, name in enumerate(guessed) if name in files), None)


# --------------------------------------------------------------------------------------------- drawing


def show(outcome: Scoreboard, page: Page) -> None:
    """Draw the boards, and below each what was lost."""
    if not outcome.boards:
        page.say("Too little here to measure anything on.", style="faint")
    for number, board in enumerate(outcome.boards):
        if number:
            page.line()
        page.say(board.task, style="bold")
        page.say(f"{board.rules}; n = {board.n}, with 95 % intervals", style="faint")
        page.table(list(_rows(board)))
        if board.lost:
            page.say(f"LOST: {'; '.join(board.lost)}", style="bad")
        else:
            page.say("Nothing lost here.", style="good")


def _rows(board: Board) -> Iterator[tuple[str, ...]]:
    timed = board.rows[0].milliseconds is not None
    yield ("", *board.measures, *(("ms",) if timed else ()))
    for place, row in enumerate(board.rows):
        rates = (f"{_mark(board, place, i)}{rate}" for i, rate in enumerate(row.rates))
        yield (row.name, *rates, *((f"{row.milliseconds:.2f}",) if timed else ()))


def _mark(board: Board, place: int, measure: int) -> str:
    """Mark a rival's figure that is better than ours."""
    return "▲ " if board.rows[place].rates[measure].hits > board.rows[0].rates[measure].hits else ""
