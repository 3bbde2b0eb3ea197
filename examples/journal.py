"""A journal: take in a Markdown diary, ask it by words and by date, take it in again after it has grown."""

import tempfile
from pathlib import Path

import thoughtengine as te
from thoughtengine import adapters

DIARY = """\
# 2024-03-05

Planted the broad beans. Frost at night, the lemon tree is back in the hall.

- 18:30 Called Ines. She has the job in Porto.

# 2024-05-19

Moved into the house on Mill Lane. The cellar is damp.

# 2024-06-02

First broad beans. The cellar is dry since the drain was cleared.
"""
MORE = "\n# 2024-06-09\n\nInes visited. We walked to the mill and back.\n"


def take_in(mind: te.ThoughtEngine, file: Path) -> int:
    """Remember what is new in a diary: each entry has a key made of its day and words."""
    before = len(mind)
    mind.remember_many(adapters.read(file, form="journal", timezone="+01:00"))
    return len(mind) - before


def main(folder: Path) -> None:
    """Keep a diary and its mind side by side."""
    diary = folder / "diary.md"
    diary.write_text(DIARY, encoding="utf-8")
    with te.open(folder / "mind") as mind:
        print(take_in(mind, diary), "entries")
        diary.write_text(DIARY + MORE, encoding="utf-8")
        print(take_in(mind, diary), "new entry, the others were known")

        for question in ("when did we move into the house?", "what did I plant in March?", "did Ines find a job?"):
            best = mind.recall(question, k=1)[0]
            print(f"{question}  {best.at:%d %B %Y}: {best.text}\n    {best.why}")

        june = mind.memories(since="2024-06-01T00:00+01:00", until="2024-07-01T00:00+01:00")
        print("June:", [f"{entry.at:%d.%m.} {entry.text}" for entry in june])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:  # in your program: a folder that stays
        main(Path(scratch))
