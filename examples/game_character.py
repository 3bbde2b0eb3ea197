"""An innkeeper in a game: remembers who did what, in the game's own time, and greets accordingly."""

import datetime as dt
import tempfile
from pathlib import Path

import thoughtengine as te


class GameClock:
    """The game's time; the mind takes it for the present."""

    def __init__(self) -> None:
        self.now = dt.datetime(1432, 5, 1, 8, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def sleep(self, days: int) -> None:
        """Let days pass."""
        self.now += dt.timedelta(days=days)


def greeting(mind: te.ThoughtEngine, player: str) -> str:
    """Say hello as the character feels about a player, and name the deed it thinks of first."""
    deeds = list(mind.memories(sources=player))
    if not deeds:
        return f"Welcome, stranger. {player}, is it?"
    mood = sum(deed.affect.valence * deed.strength for deed in deeds if deed.affect)
    first = mind.recall(te.Cue(f"what did {player} do?"), sources=player)[0].text
    return f"{'Good to see you' if mood > 0 else 'You again'}, {player}. {first}"


def main(folder: Path) -> None:
    """Play a few weeks."""
    clock = GameClock()
    with te.open(folder, clock=clock) as mind:
        mind.remember("Mira carried the miller's boy out of the fire.", source="Mira", affect=te.Affect(0.9, 0.9))
        mind.remember("Rook told a good story about the sea.", source="Rook", affect=te.Affect(0.3, 0.3))
        theft = mind.remember("Rook left without paying.", source="Rook", tags=["debt"], affect=te.Affect(-0.6, 0.4))
        mind.remember("I will never serve the Duke's men.", layer="eternal", tags=["oath"])
        clock.sleep(days=30)

        for player in ("Mira", "Rook", "Anselm"):
            print(greeting(mind, player))
        fresh = mind.count(min_strength=0.9)
        print(
            f"after 30 days {fresh} of {len(mind)} memories are fresh; the debt's strength is {mind[theft].strength:.2f}"
        )

        paid = mind.forget(tags="debt")
        print("Rook pays:", greeting(mind, "Rook"))
        mind.undo(paid)
        print("The coin was false:", greeting(mind, "Rook"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:  # in your game: a folder per character
        main(Path(scratch, "innkeeper"))
