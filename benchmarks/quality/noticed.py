"""What recall gains from what is noticed: episodes where the host gives none, associations, neighbours that are strangers.

python -m benchmarks.quality.noticed FILE.json [FILE.json ...] [--headlines NEWS.jsonl] [--encoder NAME] [--report]

FILE: a conversation, as `benchmarks.quality.conversations` reads it. Its episodes are taken away and its turns are left to
the pauses between them; and what patterns call up joins in. NEWS.jsonl ("textCleaned" a line): 3,000 in any order as if they were
remembered a minute apart, so that each has strangers for neighbours; 500 of them are looked for by three of their rarest words.
Surprise, told before each turn is remembered (it needs an encoder): what part of the evidence is in the more surprising half.
"""

from __future__ import annotations

import argparse
import collections
import datetime as dt
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import thoughtengine as te
from benchmarks.page import Row, show
from benchmarks.quality.conversations import HEADS, Conversation, encoder_named, figures, kinds, ours, read
from benchmarks.workloads import Item
from thoughtengine import _jit

APART = te.Config(recall=te.RecallConfig(pause=0.0))
NOTICING = te.Config(patterns=te.PatternsConfig(recall=True))
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def stripped(conversation: Conversation) -> Conversation:
    """Return a conversation without its episodes."""
    turns = (Item(turn.number, turn.text, turn.source, None, turn.at) for turn in conversation.turns)
    return Conversation(tuple(turns), conversation.questions)


def rows(conversations: Sequence[Conversation], encoder: te.Encoder | None) -> list[Row]:
    """Return the table of one kind of conversations."""
    bare = [stripped(conversation) for conversation in conversations]
    return [
        ["episodes of the host", *figures(ours(encoder), conversations)],
        ["- and what patterns call up", *figures(ours(encoder, NOTICING), conversations)],
        ["no episodes, no neighbours", *figures(ours(encoder, APART), bare)],
        ["no episodes, runs between pauses", *figures(ours(encoder), bare)],
    ]


def strangers(path: Path, n: int = 3000, asked: int = 500) -> list[Row]:
    """Return how often a headline among strangers is found by three of its words."""
    lines = path.read_text(encoding="utf-8").splitlines()
    order = np.random.default_rng(1).permutation(len(lines))[:n]
    texts = [json.loads(lines[i])["textCleaned"] for i in order]
    words = [set(re.findall(r"[a-z]{3,}", text.lower())) for text in texts]
    counts = collections.Counter(word for one in words for word in one)
    random, found = np.random.default_rng(0), list[Row]()
    chosen = [int(i) for i in random.permutation(len(texts)) if len(words[i]) >= 3][:asked]
    for name, config in (("no neighbours", APART), ("runs between pauses", te.Config())):
        with tempfile.TemporaryDirectory() as folder, te.open(Path(folder) / "mind", config=config) as mind:
            ids = mind.remember_many(
                te.Experience(text=text, at=START + dt.timedelta(minutes=i)) for i, text in enumerate(texts)
            )
            places = []
            for i in chosen:
                cue = " ".join(sorted(words[i], key=lambda word: (counts[word], word))[:3])
                places.append(next((at for at, hit in enumerate(mind.recall(cue, k=10)) if hit.id == ids[i]), 99))
        at = np.array(places)
        found.append([name, f"{100 * (at < 1).mean():.1f}", f"{100 * (at < 10).mean():.1f}"])
    return found


def surprised(conversations: Sequence[Conversation], encoder: te.Encoder) -> list[Row]:
    """Return how much of the evidence is in the half that one measure or another puts first."""
    kept = collections.defaultdict[str, list[float]](list)
    for conversation in conversations:
        texts = [turn.text for turn in conversation.turns]
        vectors, evidence = encoder(texts), sorted({i for q in conversation.questions for i in q.evidence})
        seen, bits = collections.Counter[str](), list[float]()
        rare = list[float]()
        with tempfile.TemporaryDirectory() as folder, te.open(Path(folder) / "mind", encoder=encoder) as mind:
            for turn, vector in zip(conversation.turns, vectors, strict=True):
                told = mind.patterns.surprise(source=turn.source, episode=turn.episode, vector=vector)
                bits.append(0.0 if told is None else told)
                words = re.findall(r"[a-z]+", turn.text.lower())
                rare.append(sum(1.0 / (1.0 + seen[word]) for word in set(words)))
                seen.update(words)
                mind.remember(turn.text, source=turn.source, episode=turn.episode, at=turn.at)
                mind.patterns.catch_up()
        measures = {"surprise": bits, "new words": rare, "length": [float(len(text)) for text in texts]}
        for name, values in measures.items():
            upper = np.argsort(np.argsort(np.array(values), kind="stable")) >= len(values) // 2
            kept[name].append(float(upper[evidence].mean()))
    return [[name, f"{100 * float(np.mean(shares)):.1f}"] for name, shares in kept.items()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
    parser.add_argument("--headlines", type=Path, help="texts that have nothing to do with each other")
    parser.add_argument("--encoder", type=encoder_named, metavar="NAME", help="of te.encoders, such as wordllama")
    parser.add_argument("--report", action="store_true", help="add the tables to results/patterns.md")
    given = parser.parse_args(arguments)
    _jit.warm_up()
    report = "patterns" if given.report else None
    for kind, paths in kinds(given.files).items():
        title = f"recall: {kind}" + (f", encoder {given.encoder.name}" if given.encoder else "")
        show(title, HEADS, rows([read(path) for path in paths], given.encoder), report=report)
        if given.encoder is not None:
            heads = ("half of the turns with more", "evidence in it, %")
            found = surprised([read(path) for path in paths], given.encoder)
            show(f"surprise: {kind}", heads, found, report=report)
    if given.headlines is not None:
        show("recall: headlines a minute apart", ("", "hit@1", "hit@10"), strangers(given.headlines), report=report)


if __name__ == "__main__":
    main()
