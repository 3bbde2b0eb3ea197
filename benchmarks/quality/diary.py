"""What is found in a diary, sentence by sentence, as lines of Markdown with evidence.

python -m benchmarks.quality.diary DIARY.jsonl [-k 12] [--no-vectors]

A line of the diary: "at", "label", "text". A sentence is an experience, its day an episode; its first sentence
bears the tag "Lord’s day" where the diary calls it so. Vectors are wordllama's.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import thoughtengine as te
from benchmarks.quality.concepts import encoder
from thoughtengine import _jit

SENTENCE = re.compile(r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)(?<![ .][A-Z]\.)(?<=[.!?])\s+(?=[A-Z“‘])")


def sentences(path: Path) -> Iterator[te.Experience]:
    """Yield the sentences of a diary."""
    for line in path.read_text(encoding="utf-8").splitlines():
        day = json.loads(line)
        at = dt.datetime.fromisoformat(day["at"]).replace(tzinfo=dt.UTC)
        tags = ["Lord’s day"] if "Lord" in day["label"] else []
        for number, text in enumerate(part for part in SENTENCE.split(day["text"]) if part.strip()):
            yield te.Experience(text=text, at=at, episode=day["at"], tags=() if number else tags)


def short(text: str | None, most: int = 110) -> str:
    """Return the beginning of a text on one line."""
    flat = " ".join((text or "").split())
    return flat if len(flat) <= most else flat[: most - 1].rsplit(" ", 1)[0] + " …"


def shown(mind: te.ThoughtEngine, ids: Sequence[int], n: int = 1) -> str:
    """Return the evidence: date and text of the first ids."""
    return " ".join(f"“{short(mind[id_].text)}” ({mind[id_].at:%-d %b %Y})" for id_ in ids[:n])


def main(arguments: Sequence[str] | None = None) -> None:
    """Find, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("-k", type=int, default=12, help="of each kind (default 12)")
    parser.add_argument("--no-vectors", action="store_true", help="without concepts")
    given = parser.parse_args(arguments)
    found = list(sentences(given.file))
    if not given.no_vectors:
        vectors = encoder()([one.text or "" for one in found])
        keyed = zip(found, vectors, strict=True)
        found = [
            te.Experience(text=o.text, at=o.at, episode=o.episode, tags=o.tags, vector=v) for o, v in keyed if v.any()
        ]
    _jit.warm_up()
    with tempfile.TemporaryDirectory() as folder, te.open(Path(folder) / "diary") as mind:
        begun = time.process_time()
        mind.remember_many(found)
        mind.patterns.catch_up()
        print(f"{len(found):,} sentences, {time.process_time() - begun:.1f} s to remember and notice\n")
        print("### What belongs together\n")
        for concept in mind.patterns.concepts()[: given.k]:
            print(
                f"- **{', '.join(concept.terms[:5])}**, {concept.n_members:,} sentences: {shown(mind, concept.exemplars, 1)}"
            )
        print("\n### What comes together\n")
        for pair in mind.patterns.associations()[: given.k]:
            told = f"{pair.n} times, {pair.expected:.1f} by chance"
            print(f"- **{pair.items[0]}** and **{pair.items[1]}**: {told}. {shown(mind, pair.evidence)}")
        print("\n### What recurs\n")
        for rhythm in mind.patterns.rhythms()[: given.k]:
            print(f"- {repr(rhythm)[1:-1]}")
        print("\n### What follows what\n")
        for sequence in mind.patterns.sequences()[: given.k]:
            print(f"- {repr(sequence)[1:-1]}. {shown(mind, sequence.evidence)}")


if __name__ == "__main__":
    main()
