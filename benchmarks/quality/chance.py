"""How sure a recall may be: calibration of `hit.chance` and `recall.fits`, rejection of foreign questions, feedback.

python -m benchmarks.quality.chance FILE.json [FILE.json ...] [--encoder MODULE:NAME] [--fit | --report]

Files as in `benchmarks.quality.conversations`; their kind is what their name says before the first dash. All is measured
on conversations that the models were not fitted to: the files of every kind are dealt into five folds, and what a
question or its mind comes from is left out. With an encoder (``MODULE:NAME`` is called without arguments), all is asked
with and without it.
"""

from __future__ import annotations

import argparse
import importlib
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.page import Row, show
from benchmarks.quality.fitting import Array, area, calibration_error, fit, floor, rejected
from benchmarks.quality.sureness import FOREIGN, KS, OWN, Asked, File, ask_all, files
from thoughtengine.memory.recall.chance import Calibration, Prior
from thoughtengine.memory.recall.chance import judge as judge_signs
from thoughtengine.memory.recall.signs import HIT_SIGNS, RECALL_SIGNS

FOLDS = 5
Judged = tuple[Asked, Array, float]


def judge(asked: Sequence[Asked], prior: Prior) -> list[Judged]:
    """Return each question with the chances of its hits and its `fits`."""
    calibration = Calibration(prior=prior)
    return [_judge(one, calibration) for one in asked]


def _judge(one: Asked, calibration: Calibration) -> Judged:
    chances, _, fits = judge_signs(one.signs, calibration)
    return one, chances, fits


def judge_unseen(asked: Sequence[Asked], fitter: Callable[[Sequence[Asked]], Prior] = fit) -> list[Judged]:
    """Return what `judge` does, each question by models that were fitted without any of its conversations."""
    groups = {number: one.group for one in asked for number in one.files if len(one.files) == 1}
    order = {group: sorted(n for n, mine in groups.items() if mine == group) for group in set(groups.values())}
    fold_of = {number: numbers.index(number) % FOLDS for numbers in order.values() for number in numbers}
    folds = [frozenset(fold_of[number] for number in one.files) for one in asked]
    judged = []
    for left_out in sorted(set(folds), key=sorted):
        rest = [one for one, mine in zip(asked, folds, strict=True) if not mine & left_out]
        mine = [one for one, its in zip(asked, folds, strict=True) if its == left_out]
        judged += judge(mine, fitter(rest)) if rest else []
    return judged


def error_rows(judged: Sequence[Judged]) -> Iterator[Row]:
    """Yield the calibration error of each kind of mind and k: of equal width / of equal mass, and the floor."""
    keys = sorted({(one.group, one.encoded) for one, _, _ in judged})
    for group, encoded in keys:
        for about in OWN:
            for k in KS:
                some = [row for row in judged if row[0][:2] == (group, about) and row[0][3:5] == (encoded, k)]
                if not some:
                    continue
                p, y = np.concatenate([each for _, each, _ in some]), np.concatenate([one.useful for one, _, _ in some])
                sure = np.array([value for _, _, value in some])
                found = np.array([bool(one.useful.any()) for one, _, _ in some])
                name = f"{group}, {about}, {'with' if encoded else 'no'} encoder, k = {k}"
                yield [
                    name,
                    len(some),
                    *_errors(p, y),
                    f"{sure.mean():.2f} / {found.mean():.2f}",
                    *_errors(sure, found),
                ]


def _errors(p: Array, y: NDArray[np.bool_]) -> list[str]:
    measured = [f"{calibration_error(p, y, mass=mass):.1f}" for mass in (False, True)]
    return [" / ".join(measured), f"{floor(p):.1f} / {floor(p, mass=True):.1f}"]


def reliability_rows(judged: Sequence[Judged], k: int = 10) -> Iterator[Row]:
    """Yield, for each tenth of the scale, how many were told so and how many were."""
    some = [row for row in judged if row[0].about in OWN and row[0].k == k]
    p, y = np.concatenate([each for _, each, _ in some]), np.concatenate([one.useful for one, _, _ in some])
    sure, found = np.array([value for _, _, value in some]), np.array([one.useful.any() for one, _, _ in some])
    for tenth in range(10):
        row: list[object] = [f"{10 * tenth} to {10 * tenth + 10} %"]
        for told, was in ((p, y), (sure, found)):
            inside = np.minimum((told * 10).astype(int), 9) == tenth
            row += [int(inside.sum())]
            row += (
                [f"{100 * told[inside].mean():.0f}", f"{100 * was[inside].mean():.0f}"] if inside.any() else ["-", "-"]
            )
        yield row


def sure_of(judged: Sequence[Judged], group: str, encoded: bool, about: str) -> Array:
    """Return `fits` at k = 10 of the questions of one kind."""
    return np.array([
        value for one, _, value in judged if one[:2] == (group, about) and one.encoded == encoded and one.k == 10
    ])  # fmt: skip


def rejection_rows(judged: Sequence[Judged]) -> Iterator[Row]:
    """Yield how well `fits` tells foreign and adversarial questions from own ones."""
    for group, encoded in sorted({(one.group, one.encoded) for one, _, _ in judged}):
        own = sure_of(judged, group, encoded, "whole")
        for about in (*FOREIGN[:3], "adversarial"):
            others = sure_of(judged, group, encoded, about)
            if len(others) and len(own):
                name = f"{group}, {about}, {'with' if encoded else 'no'} encoder"
                at = [f"{100 * rejected(own, others, false):.1f}" for false in (0.01, 0.05, 0.1, 0.2, 0.5)]
                yield [name, len(others), f"{area(own, others):.3f}", f"{others.mean():.2f}", *at]


SIGNS = {
    "match": ("match", "better"),
    "order": ("rank", "relative", "gap", "above", "last"),
    "crowd": ("crowd",),
    "named source": ("source", "named"),
    "words nobody has": ("known", "unknown", "stranger"),
    "shown, words": ("shown", "words"),
}


def ablation_rows(asked: Sequence[Asked]) -> Iterator[Row]:
    """Yield figures of models without some signs."""
    plain = [one for one in asked if not one.encoded and one.k == 10]
    yield ["all signs", *_summary(judge_unseen(plain))]
    for name, signs in SIGNS.items():
        hit = [i for i, sign in enumerate(HIT_SIGNS) if sign in signs]
        recall = [i for i, sign in enumerate(RECALL_SIGNS) if sign in signs]
        judged = judge_unseen(plain, partial(fit, without=hit, without_recall=recall))
        yield [f"- without {name}", *_summary(judged)]


def _summary(judged: Sequence[Judged]) -> Iterator[str]:
    for group in sorted({one.group for one, _, _ in judged}):
        some = [row for row in judged if row[0].group == group and row[0].about in OWN and row[0].k == 10]
        p, y = np.concatenate([each for _, each, _ in some]), np.concatenate([one.useful for one, _, _ in some])
        sure, found = np.array([value for _, _, value in some]), np.array([one.useful.any() for one, _, _ in some])
        yield f"{_loss(p, y):.4f}"
        yield f"{_loss(sure, found):.4f}"
        own, others = (sure_of(judged, group, False, about) for about in ("whole", "other"))
        yield f"{100 * rejected(own, others):.1f}" if len(own) and len(others) else "-"


def _loss(p: Array, y: NDArray[np.bool_]) -> float:
    return float(-np.mean(np.log(np.clip(np.where(y, p, 1.0 - p), 1e-6, 1.0))))


def feedback_rows(asked: Sequence[Asked], *, seed: int = 0) -> Iterator[Row]:
    """Yield, for each pair of kinds, the errors of a prior of one on the other: as it is, and taught as it goes."""
    groups = sorted({one.group for one in asked})
    for learned in groups:
        prior = fit([one for one in asked if one.group == learned])
        for group in groups:
            run = [one for one in asked if one.group == group and one.about == "whole" and one.k == 10]
            random.Random(seed).shuffle(run)
            frozen, calibration, taught = judge(run, prior), Calibration(prior=prior), list[Judged]()
            for one in run:
                taught.append(_judge(one, calibration))
                calibration = calibration.observe(one.signs, one.useful)
            for name, judged in (("as it is", frozen), ("taught", taught)):
                p, y = np.concatenate([row[1] for row in judged]), np.concatenate([row[0].useful for row in judged])
                sure, found = np.array([row[2] for row in judged]), np.array([row[0].useful.any() for row in judged])
                yield [
                    f"prior of {learned} on {group}, {name}", len(run), f"{calibration_error(p, y):.1f}",
                    f"{_loss(p, y):.4f}", f"{calibration_error(sure, found):.1f}", f"{floor(sure):.1f}",
                    f"{_loss(sure, found):.4f}",
                ]  # fmt: skip


def ask(given: Sequence[File], encoder: str | None) -> list[Asked]:
    """Ask everything, without and, where one is named, with an encoder."""
    asked = ask_all(given, None)
    if encoder:
        module, _, name = encoder.partition(":")
        asked += ask_all(given, getattr(importlib.import_module(module), name)())
    return asked


def tables(asked: Sequence[Asked], *, notes: Sequence[str] = (), report: str | None = None) -> None:
    """Print all tables."""
    judged = judge_unseen(asked)
    heads: tuple[str, ...] = ("minds", "questions", "chance: ECE", "floor", "fits: told / was", "fits: ECE", "floor")
    about = (
        "15 bins of equal width / of equal mass, in points; floor: the error of perfect chances on as many questions"
    )
    show("how sure: calibration on unseen conversations", heads, list(error_rows(judged)), notes=[about], report=report)
    heads = ("told, k = 10", "hits", "told %", "were %", "recalls", "told %", "were %")
    about = "questions that have an answer; a low `fits` speaks for a question that belongs elsewhere, of which none is here"
    show("how sure: what was told and what was", heads, list(reliability_rows(judged)), notes=[about], report=report)
    heads = ("asked where it has no answer", "questions", "AUROC", "mean fits", "1 %", "5 %", "10 %", "20 %", "50 %")
    about = (
        "rejected, % of them, where `fits` rejects that share of the conversation's own answerable questions; k = 10"
    )
    show("how sure: questions without an answer", heads, list(rejection_rows(judged)), notes=[about], report=report)
    groups = sorted({one.group for one in asked})
    heads = ("prior, questions in turn, k = 10", "recalls", "chance: ECE", "log loss", "fits: ECE", "floor", "log loss")
    show("how sure: what feedback teaches", heads, list(feedback_rows(asked)), report=report)
    each = [f"{group}: {what}" for group in groups for what in ("hit loss", "fits loss", "rejected")]
    about = "log loss of all own questions at k = 10, no encoder; rejected: of other conversations' at 5 %"
    rows = list(ablation_rows(asked))
    show("how sure: without some signs", ("signs", *each), rows, notes=[about, *notes], report=report)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
    parser.add_argument("--encoder", metavar="MODULE:NAME", help="what makes an encoder")
    parser.add_argument("--fit", action="store_true", help="print the shipped prior, fitted to all files")
    parser.add_argument("--report", action="store_true", help="add the tables to results/chance.md")
    given = parser.parse_args(arguments)
    asked = ask(files(given.files), given.encoder)
    if given.fit:
        print(written(fit(asked)))
        return
    notes = [f"{len(given.files)} conversations, {len(asked):,} recalls"]
    tables(asked, notes=notes, report="chance" if given.report else None)


def written(prior: Prior) -> str:
    """Return a prior as it stands in `memory/recall/chance.py`."""
    rows = (
        f"    {name}=({', '.join(f'{value:.4g}' for value in getattr(prior, name))})," for name in ("hit", "recall")
    )
    return "\n".join(["PRIOR = Prior(", *rows, ")"])


if __name__ == "__main__":
    main()
