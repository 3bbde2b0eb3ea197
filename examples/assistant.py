"""An assistant that remembers: look up what is known, answer, keep both sides of the talk."""

import tempfile
from pathlib import Path

import thoughtengine as te

PAST = [
    ("2026-03-02T18:20+01:00", "Dana", "I gave up coffee. Only green tea now."),
    ("2026-03-09T12:05+01:00", "Dana", "My sister Iris is allergic to nuts."),
    ("2026-04-18T09:40+02:00", "Dana", "Iris comes to dinner on Saturday."),
    ("2026-04-18T09:41+02:00", "assistant", "Then the almond cake is out. Shall I plan something else?"),
]


def prompt_for(mind: te.ThoughtEngine, question: str) -> str:
    """Put what the mind knows before the question: dated, oldest first, with ids to cite."""
    known = sorted(mind.recall(question, k=4), key=lambda hit: hit.at)
    lines = [f"[{hit.id}] {hit.at:%d %B %Y}, {hit.source}: {hit.text}" for hit in known]
    return "\n".join(["What you remember:", *lines, f"Dana asks: {question}"])


def model(prompt: str) -> str:
    """Stand in for the language model of your choice."""
    return "No nuts for Iris, and green tea for you." if "allergic to nuts" in prompt else "Anything you like."


def turn(mind: te.ThoughtEngine, session: str, said: str) -> str:
    """Answer one message and remember both sides."""
    reply = model(prompt_for(mind, said))
    mind.remember(said, source="Dana", episode=session)
    mind.remember(reply, source="assistant", episode=session)
    return reply


def main(folder: Path) -> None:
    """Talk on one day, and go on the next with the same folder."""
    with te.open(folder) as mind:
        for at, source, text in PAST:
            mind.remember(text, at=at, source=source, episode=at[:10])

    with te.open(folder) as mind:
        question = "What can I cook when Iris comes? Is there anything she is allergic to?"
        print(prompt_for(mind, question))
        print("assistant:", turn(mind, "dinner", question))
        print(f"{len(mind)} memories, {mind.count(episode='dinner')} of them from this talk")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:  # in your program: a folder that stays
        main(Path(scratch, "mind"))
