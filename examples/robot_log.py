"""A robot's log: an encoder for its notes, so that a misspelt command still finds the place, and vectors of its own."""

import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import thoughtengine as te


class Trigrams:
    """A toy encoder: the trigrams of characters, hashed into a few numbers. Yours may be a neural one."""

    name = "trigrams"
    dimension = 256
    fingerprint = "trigrams-256-1"  # change it whenever the vectors change: memories are then encoded again

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            padded = f"  {text.lower()} "
            for at in range(len(padded) - 2):
                row[zlib.crc32(padded[at : at + 3].encode()) % self.dimension] += 1
        return vectors


def main(folder: Path) -> None:
    """Drive around, then look for places."""
    encoder = Trigrams()
    with te.open(folder, encoder=encoder) as mind:
        mind.remember("charging dock beside the stairs", tags=["place"], payload={"x": 0.4, "y": 7.9})
        mind.remember("workbench with the red vice", tags=["place"], payload={"x": 3.1, "y": 2.0})
        mind.remember("battery at 15 percent, turned back", tags=["event"])
        scan = np.zeros(encoder.dimension)
        scan[:4] = 0.2, 0.9, 0.9, 0.1  # a range scan instead of a text: a vector that is given wins over the encoder
        gate = mind.remember(tags=["place", "gate"], vector=scan, payload={"x": 9.0, "y": 0.5})

        dock = mind.recall("chargin dok", tags="place")[0]
        print(f"{dock.text}: x {dock.memory.payload['x']}, y {dock.memory.payload['y']}")
        print(f"found by {dock.why}")

        seen = mind.recall(te.Cue(vector=scan + 0.01), tags="place")[0]
        print(f"this scan looks like place {seen.id}: {seen.memory.tags}, meaning {seen.why['dense']:.2f}")
        assert seen.id == gate

    with te.open(folder) as mind:  # without the encoder: by words, and the mind says so
        print(mind.recall("battery")[0].text)
        print(mind.health().reasons[0])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:  # on your robot: a folder that stays
        main(Path(scratch, "mind"))
