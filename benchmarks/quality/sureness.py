"""What `benchmarks.quality.chance` asks: questions of minds of every size, answerable there or not."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import thoughtengine as te
from benchmarks.quality.conversations import UNANSWERABLE, Conversation, Question, read
from thoughtengine.encoders import Encoder
from thoughtengine.memory.recall.signs import Signs

KS = (5, 10, 20)
SIZES = (10, 20, 40, 80, 160)
OWN = ("whole", "pieces", "together")
FOREIGN = ("other", "names swapped", "other kind", "elsewhere")


class Asked(NamedTuple):
    """One question asked of one mind.

    Attributes
    ----------
    group, about : str
        Kind of the conversation, and which of `OWN`, `FOREIGN` or "adversarial" the question is.
    files : frozenset of int
        Numbers of the conversations that it or the mind comes from.
    encoded : bool
        Whether the mind had an encoder.
    k, n : int
        Hits asked for, memories there were.
    signs : Signs
        Of the recall.
    useful : array of bool, shape (m,)
        By hit.
    """

    group: str
    about: str
    files: frozenset[int]
    encoded: bool
    k: int
    n: int
    signs: Signs
    useful: NDArray[np.bool_]


class File(NamedTuple):
    """A conversation, its number and its kind: what its name says before the first dash."""

    number: int
    group: str
    conversation: Conversation

    @property
    def sources(self) -> list[str]:
        """Who speaks."""
        return sorted({turn.source for turn in self.conversation.turns if turn.source})

    @property
    def answerable(self) -> list[Question]:
        """The questions that have an answer in it."""
        return [question for question in self.conversation.questions if question.category != UNANSWERABLE]


def files(paths: Sequence[Path]) -> list[File]:
    """Read the conversations."""
    return [File(number, path.stem.split("-")[0], read(path)) for number, path in enumerate(paths)]


def ask_all(given: Sequence[File], encoder: Encoder | None, *, seed: int = 0) -> list[Asked]:
    """Ask everything of everyone.

    Parameters
    ----------
    given : sequence of File
        The conversations.
    encoder : Encoder or None
        Of the minds.
    seed : int
        Of the pieces that are cut and the questions that are drawn.
    """
    rng, made = random.Random(seed), list[Asked]()
    for file in given:
        made += _whole(file, given, encoder, rng)
        for size in SIZES:
            for _ in range(3):
                if size < len(file.conversation.turns):
                    made += _piece(file, size, encoder, rng)
    for group in sorted({file.group for file in given}):
        made += _together([file for file in given if file.group == group], encoder)
    return made


class _Mind:
    """A mind of some turns of some conversations."""

    def __init__(self, parts: Sequence[tuple[File, range]], encoder: Encoder | None) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._mind = te.open(Path(self._folder.name) / "mind", encoder=encoder)
        self._encoded = encoder is not None
        self._number = {}
        turns = [(file, place, file.conversation.turns[place]) for file, places in parts for place in places]
        ids = self._mind.remember_many(
            te.Experience(text=turn.text, source=turn.source, at=turn.at, episode=f"{file.number}/{turn.episode}")
            for file, _, turn in turns
        )
        for id_, (file, place, _) in zip(ids, turns, strict=True):
            self._number[id_] = file.number, place
        self._files = frozenset(file.number for file, _ in parts)

    def ask(self, text: str, about: str, of: File, evidence: frozenset[int], ks: Sequence[int] = KS) -> Iterator[Asked]:
        wanted = {(of.number, place) for place in evidence}
        for k in ks:
            recall = self._mind.recall(text, k=k)
            useful = np.array([self._number[hit.id] in wanted for hit in recall], np.bool_)
            signs, seen = recall.signs, self._files | {of.number}
            yield Asked(of.group, about, seen, self._encoded, k, len(self._number), signs, useful)

    def close(self) -> None:
        self._mind.close()
        self._folder.cleanup()


def _whole(file: File, given: Sequence[File], encoder: Encoder | None, rng: random.Random) -> Iterator[Asked]:
    """Ask a conversation its own questions, and those of others."""
    mind = _Mind([(file, range(len(file.conversation.turns)))], encoder)
    for question in file.conversation.questions:
        about = "adversarial" if question.category == UNANSWERABLE else "whole"
        yield from mind.ask(question.text, about, file, question.evidence)
    nothing = frozenset[int]()
    for other in given:
        if other.number == file.number:
            continue
        here = file._replace(number=other.number)
        if other.group != file.group:
            for question in rng.sample(other.answerable, min(12, len(other.answerable))):
                yield from mind.ask(question.text, "other kind", here, nothing, (10,))
            continue
        for question in other.answerable:
            yield from mind.ask(question.text, "other", here, nothing, (10,))
            swapped = _swapped(question.text, other.sources, file.sources)
            if swapped != question.text:
                yield from mind.ask(swapped, "names swapped", here, nothing, (10,))
    mind.close()


def _swapped(text: str, theirs: Sequence[str], ours: Sequence[str]) -> str:
    """Return a question with the names of one conversation's speakers in place of another's."""
    names = dict(zip(theirs, ours, strict=False))
    pattern = "|".join(map(re.escape, names)) or "(?!)"
    return re.sub(rf"\b(?:{pattern})\b", lambda found: names[found[0]], text)


def _piece(file: File, size: int, encoder: Encoder | None, rng: random.Random) -> Iterator[Asked]:
    """Ask a stretch of a conversation what it can answer, and as many questions about the rest."""
    start = rng.randrange(len(file.conversation.turns) - size + 1)
    mind, places = _Mind([(file, range(start, start + size))], encoder), range(start, start + size)
    inside = [question for question in file.answerable if any(place in places for place in question.evidence)]
    outside = [question for question in file.answerable if question not in inside]
    for question in inside:
        yield from mind.ask(question.text, "pieces", file, question.evidence)
    for question in rng.sample(outside, min(len(outside), max(len(inside), 3))):
        yield from mind.ask(question.text, "elsewhere", file, question.evidence, (10,))
    mind.close()


def _together(given: Sequence[File], encoder: Encoder | None) -> Iterator[Asked]:
    """Ask minds that hold several conversations."""
    half = len(given) // 2
    for some in (given[:half], given[half:]):
        if len(some) > 1:
            mind = _Mind([(file, range(len(file.conversation.turns))) for file in some], encoder)
            for file in some:
                for question in file.answerable:
                    yield from mind.ask(question.text, "together", file, question.evidence, (10,))
            mind.close()
