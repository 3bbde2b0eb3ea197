"""Scene 2: questions made from the material itself, and the answers with date, source and reasons."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import attrs

import thoughtengine as te
from thoughtengine.demo.page import Page, shorten
from thoughtengine.demo.stage import Promise, Stage
from thoughtengine.demo.words import frequencies, telling
from thoughtengine.wording import counted

if TYPE_CHECKING:
    from thoughtengine.demo.material import Asked, Material
    from thoughtengine.memory.experience import Memory

__all__ = ["Answer", "Answers", "Question", "Shown", "play", "questions", "show"]

_SHOWN = 2
_DEPTH = 10
_LETTERS = re.compile(r"[^\W\d_]{3}")


@attrs.frozen
class Question:
    """A cue, and what would be a right answer.

    Attributes
    ----------
    cue : str
        What recall is asked.
    made_from : str
        How it was made.
    right : callable
        Takes a memory, tells whether it is what the question was made from.
    """

    cue: str
    made_from: str
    right: Callable[[Memory], bool]


@attrs.frozen
class Shown:
    """One hit, as it is shown.

    Attributes
    ----------
    at : datetime.datetime
        Its date.
    source, text, why : str
        Who it came from, what it says, and why it was found.
    right : bool
        Whether the question was made from it.
    """

    at: dt.datetime
    source: str
    text: str
    why: str
    right: bool


@attrs.frozen
class Answer:
    """What one question brought.

    Attributes
    ----------
    cue, made_from : str
        See `Question`.
    shown : tuple of Shown
        The best few.
    rank : int or None
        Place of the first right one among the best ten, from 1.
    milliseconds : float
        Time of this recall.
    explained : bool
        Whether every hit's reasons add up to its score.
    """

    cue: str
    made_from: str
    shown: tuple[Shown, ...]
    rank: int | None
    milliseconds: float
    explained: bool


@attrs.frozen
class Answers:
    """What all questions brought.

    Attributes
    ----------
    answers : tuple of Answer
        In the order they were asked.
    """

    answers: tuple[Answer, ...]

    @property
    def promises(self) -> tuple[Promise, ...]:
        """Tell what was promised, and whether it held."""
        held = all(answer.explained for answer in self.answers)
        return (Promise("the reasons of every hit add up to its score", held),)

    @property
    def n_found(self) -> int:
        """How many questions brought what they were made from among the first ten."""
        return sum(answer.rank is not None for answer in self.answers)


def questions(material: Material, stage: Stage) -> list[Question]:
    """Make up to four questions from the material.

    Parameters
    ----------
    material : Material
        What was remembered.
    stage : Stage
        For its draws.

    Returns
    -------
    list of Question
        At least one where any text has a word.
    """
    some = stage.chance.sample(material.asked, min(2, len(material.asked)))
    made = [_of_file(asked, material) for asked in some]
    for maker in (_of_words, _of_month, _of_tag, _of_words):
        if len(made) < 4:
            made.extend(q for q in maker(material, stage) if q.cue not in {other.cue for other in made})
    return made[:4]


def _of_file(asked: Asked, material: Material) -> Question:
    """Ask what the file itself asks."""
    texts = {material.texts[i] for i in asked.evidence}
    return Question(asked.text, "the answer the file itself names", lambda m: m.text in texts)


def _of_words(material: Material, stage: Stage) -> Iterator[Question]:
    """Ask for an experience of the older half by its rarest telling words."""
    counts = frequencies(material.texts)
    old = range((len(material.texts) + 1) // 2)
    fit = [i for i in old if 40 <= len(material.texts[i]) <= 600 and len(telling(material.texts[i], counts, 2)) == 2]
    places = fit or [i for i, text in enumerate(material.texts) if telling(text, counts, 1)]
    if not places:
        return
    places.sort(key=lambda i: sum(counts[word] for word in telling(material.texts[i], counts, 2)))
    text = material.texts[stage.chance.choice(places[: max(1, len(places) // 4)])]
    words = telling(text, counts, 2)
    cue = f"what was that about {' and '.join(words)}?"
    yield Question(cue, "an old one by its rarest words", lambda m: m.text == text)


def _of_month(material: Material, stage: Stage) -> Iterator[Question]:
    """Ask what a source did in a month where it did a handful of things."""
    by_month: Counter[tuple[str, int, int]] = Counter()
    for experience, day in zip(material.experiences, material.days, strict=True):
        if day is not None:
            by_month[experience.source or "", day.year, day.month] += 1
    months = {(year, month) for _, year, month in by_month}
    fit = [who for who, n in by_month.items() if 2 <= n <= 20] or list(by_month)
    if len(months) < 2 or not fit:
        return
    source, year, month = stage.chance.choice(sorted(fit))
    named = f"what did {_spoken(source)} do in" if source else "what happened in"
    yield Question(
        f"{named} {dt.date(year, month, 1):%B %Y}?",
        "a source and a month" if source else "a month",
        lambda m: (m.source or "") == source and (m.at.year, m.at.month) == (year, month),
    )


def _of_tag(material: Material, stage: Stage) -> Iterator[Question]:
    """Ask about a tag (for a repository a file) that came often, though not all the time."""
    counts = Counter(tag for experience in material.experiences for tag in set(experience.tags))
    often = [
        t for t, n in counts.most_common(80) if 3 <= n <= len(material.experiences) / 8 and _LETTERS.search(_name(t))
    ]
    if not often:
        return
    tag = stage.chance.choice(often[:10])
    name = _name(tag)
    of_commit = any(tag in material.experiences[i].tags for i in material.commits)
    made_from = "a file that changed often" if of_commit else "a tag that came often"
    yield Question(f"what happened to {name}?", made_from, lambda m: any(_name(t) == name for t in m.tags))


def _name(tag: str) -> str:
    """Leave the folders out of a path."""
    return tag.rsplit("/", 1)[-1]


def _spoken(source: str) -> str:
    """Leave the address out of "Name <address>"."""
    return source.partition(" <")[0].strip() or source


def play(stage: Stage) -> Answers:
    """Ask the questions."""
    with te.open(stage.mind, create=False) as mind:
        mind.recall("warm up")
        return Answers(tuple(_answer(mind, question) for question in questions(stage.material, stage)))


def _answer(mind: te.ThoughtEngine, question: Question) -> Answer:
    recall = mind.recall(question.cue, k=_DEPTH)
    right = [question.right(hit.memory) for hit in recall]
    shown = tuple(
        Shown(hit.at, _spoken(hit.source or ""), hit.text or " ".join(hit.memory.tags), str(hit.why), is_right)
        for hit, is_right in zip(recall[:_SHOWN], right, strict=False)
    )
    explained = all(math.isclose(sum(hit.why.values()), hit.score, abs_tol=1e-6) for hit in recall)
    rank = right.index(True) + 1 if True in right else None
    return Answer(question.cue, question.made_from, shown, rank, 1e3 * recall.seconds, explained)


def show(outcome: Answers, page: Page) -> None:
    """Draw questions and answers."""
    for number, answer in enumerate(outcome.answers):
        if number:
            page.line()
        page.say(f"“{answer.cue}”", style="bold")
        for shown in answer.shown:
            head = f"{'✓' if shown.right else ' '} {shown.at:%Y-%m-%d}  "
            who = f"{shorten(shown.source, 18)}: " if shown.source else ""
            page.line(head + shorten(who + shown.text, page.columns - len(head) - 2))
            page.say(shown.why, indent=16, style="faint")
        place = "not among the first ten" if answer.rank is None else f"at place {answer.rank}"
        page.say(f"asked for {answer.made_from}: {place}, {answer.milliseconds:.1f} ms", style="faint", indent=4)
    n, missed = counted(len(outcome.answers), "question"), len(outcome.answers) - outcome.n_found
    page.line()
    told = f"Of {n}, {outcome.n_found} brought what it was made from among the first ten"
    page.say(told + (f"; {missed} did not." if missed else "."), style="bad" if missed else "good")
