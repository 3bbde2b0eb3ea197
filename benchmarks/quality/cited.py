"""What a reply used: `recall.cited` on the answers of conversations, beside the rule "any word in common".

python -m benchmarks.quality.cited FILE.json [FILE.json ...] [--report]

Files as for `benchmarks.quality.conversations`, with answers. Each question is asked, k = 10; the reply is the answer, by
itself or followed by those of two or four other questions, which what was shown need not hold. A memory counts as used
when it is evidence of the question. "Held out" fits the weights on the other conversations; without it they are those
that ship, which were fitted on the LoCoMo files.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import thoughtengine as te
from benchmarks.page import Row, show
from benchmarks.quality.conversations import UNANSWERABLE, Conversation, read
from thoughtengine._types import FloatArray
from thoughtengine.memory.index.analysis import FUNCTION_WORDS, TERMS, fold_text, words
from thoughtengine.memory.recall.cited import BIAS, WEIGHTS, rarity, tell

K = 10
HEADS = (
    "used memories among ten hits",
    "answers in a reply",
    "told of, %",
    "right, %",
    "found, %",
    "F1",
    "AUROC",
    "ECE",
)
BINS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
RIDGE = 1e-3


class Asked(NamedTuple):
    """One question and a reply: clues by sentence and hit, which hits share a word with the reply, which are evidence."""

    clues: FloatArray
    shares: list[bool]
    used: list[bool]


def ask(conversation: Conversation, n_more: int, seed: int = 1) -> list[Asked]:
    """Ask every question that has an answer, and compare a reply with what was found."""
    rng, found = random.Random(seed), []
    answered = [one for one in conversation.questions if one.answer and one.category != UNANSWERABLE]
    with tempfile.TemporaryDirectory() as folder, te.open(Path(folder) / "mind") as mind:
        ids = mind.remember_many(turn.experience() for turn in conversation.turns)
        for question in answered:
            recall = mind.recall(question.text, k=K)
            others = rng.sample(answered, min(n_more, len(answered)))
            reply = "\n".join([question.answer, *(other.answer for other in others)])
            evidence = {ids[number] for number in question.evidence}
            if recall:
                told = tell(reply, recall.hits, recall.cue, partial(rarity, mind._memories.view()))
                found.append(Asked(told.clues, _shares(reply, recall), [hit.id in evidence for hit in recall]))
    return found


def _shares(reply: str, recall: te.Recall) -> list[bool]:
    def said(text: str) -> set[int]:
        return {TERMS[word] for word in words(fold_text(text)) if word not in FUNCTION_WORDS}

    return [bool(said(reply) & said(hit.text or "")) for hit in recall]


def chances(asked: Asked, weights: FloatArray, bias: float) -> FloatArray:
    """Return how sure it is that each hit was used."""
    sure: FloatArray = (1.0 / (1.0 + np.exp(-asked.clues @ weights - bias))).max(axis=0)
    return sure


def fit(asked: Sequence[Asked]) -> tuple[FloatArray, float]:
    """Fit the weights by logistic regression with a little ridge, by Newton's method, on replies of one sentence."""
    x = np.concatenate([one.clues[0] for one in asked])
    y = np.concatenate([np.array(one.used, float) for one in asked])
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.column_stack([(x - middle) / spread, np.ones(len(x))])
    w = np.zeros(z.shape[1])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-z @ w))
        gradient = z.T @ (p - y) + RIDGE * len(y) * np.append(w[:-1], 0.0)
        w -= np.linalg.solve((z.T * (p * (1.0 - p))) @ z + RIDGE * len(y) * np.eye(len(w)), gradient)
    weights = w[:-1] / spread
    return weights, float(w[-1] - weights @ middle)


def held_out(single: Sequence[Sequence[Asked]], tested: Sequence[Sequence[Asked]]) -> Iterator[FloatArray]:
    """Yield the chances of each conversation by weights fitted on the others."""
    for at, mine in enumerate(tested):
        weights, bias = fit([one for other, part in enumerate(single) if other != at for one in part])
        yield np.concatenate([chances(one, weights, bias) for one in mine])


def auroc(sure: FloatArray, used: FloatArray) -> float:
    """Return the chance that a used one is surer than one that was not, ties half."""
    _, at, counts = np.unique(sure, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[at]
    n = used.sum()
    return float((ranks[used > 0].mean() - (n + 1) / 2) / (len(used) - n))


def calibration(sure: FloatArray, used: FloatArray) -> list[Row]:
    """Return by bin of chance: how many, the mean chance, the share that was used."""
    table: list[Row] = []
    for low, high in itertools.pairwise(BINS):
        inside = (sure >= low) & ((sure < high) | (high == 1.0))
        if inside.any():
            told = [f"{100 * part[inside].mean():.1f}" for part in (sure, used)]
            table.append([f"{low:.0%} to {high:.0%}", int(inside.sum()), *told])
    return table


def error(sure: FloatArray, used: FloatArray, n_bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width."""
    at = np.minimum((sure * n_bins).astype(int), n_bins - 1)
    return float(sum(abs((sure - used)[at == i].sum()) for i in range(n_bins)) / len(used))


def _row(name: str, answers: int, told: FloatArray, used: FloatArray, sure: FloatArray | None) -> Row:
    right, found = used[told > 0].mean(), used[told > 0].sum() / used.sum()
    scores = [f"{100 * part:.1f}" for part in (told.mean(), right, found, 2 * right * found / (right + found))]
    return [
        name,
        answers,
        *scores,
        *(["-", "-"] if sure is None else [f"{auroc(sure, used):.3f}", f"{100 * error(sure, used):.1f}"]),
    ]


def rows(conversations: Sequence[Conversation]) -> tuple[list[Row], list[Row]]:
    """Return the table of both rules, and the calibration of ours on single answers, held out."""
    table: list[Row] = []
    calibrated: list[Row] = []
    single = [ask(conversation, 0) for conversation in conversations]
    for n_more in (0, 2, 4):
        tested = single if not n_more else [ask(conversation, n_more) for conversation in conversations]
        every = [one for part in tested for one in part]
        used = np.concatenate([np.array(one.used, float) for one in every])
        ways = {"thoughtengine": np.concatenate([chances(one, np.array(WEIGHTS), BIAS) for one in every])}
        if len(conversations) > 1:
            ways["- held out"] = np.concatenate(list(held_out(single, tested)))
        for name, sure in ways.items():
            for least in (0.5, 0.3):
                told = (sure >= least).astype(float)
                table.append(_row(f"{name}, sure of {least:.0%}", 1 + n_more, told, used, sure))
        naive = np.concatenate([np.array(one.shares, float) for one in every])
        table.append(_row("any word in common", 1 + n_more, naive, used, None))
        calibrated = calibrated or calibration(list(ways.values())[-1], used)
    return table, calibrated


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
    parser.add_argument("--report", action="store_true", help="add the tables to results/cited.md")
    given = parser.parse_args(arguments)
    table, calibrated = rows([read(path) for path in given.files])
    report = "cited" if given.report else None
    notes = [
        "told of: share of the hits; right: of those, the share that is evidence; found: share of the evidence among the hits",
        "function words never count; the rule that any word counts also takes those of the question",
    ]
    show("what a reply used", HEADS, table, notes=notes, report=report)
    heads = ("sure", "hits", "said, %", "used, %")
    show("how sure, and how often right: one answer in a reply", heads, calibrated, report=report)


if __name__ == "__main__":
    main()
