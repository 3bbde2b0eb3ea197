"""Export and import: every memory as a line of JSON, taken into another mind, with marks, revisions and bytes."""

import tempfile
from pathlib import Path

import thoughtengine as te
from thoughtengine.adapters import export


def fill(mind: te.ThoughtEngine) -> None:
    """Make a mind in which a little of everything has happened."""
    mind.remember("The boiler man comes on Thursday.", source="Dana", key="boiler", at="2026-02-02T08:00+01:00")
    mind.revise("boiler", "The boiler man comes on Friday.", at="2026-02-03T08:00+01:00")
    photo = mind.remember(
        tags=["photo"], payload={"jpeg": b"\xff\xd8\xff", "size": [4, 3]}, at="2026-02-04T08:00+01:00"
    )
    joke = mind.remember("A joke that fell flat.", affect=te.Affect(-0.3, 0.2), at="2026-02-05T08:00+01:00")
    mind.pin(photo)
    mind.forget(joke)


def main(folder: Path) -> None:
    """Move a mind through a text file."""
    file = folder / "mind.jsonl"
    with te.open(folder / "old") as old:
        fill(old)
        with file.open("w", encoding="utf-8") as writer:
            print(export.write(old.export(), writer), "lines written")
        rows = list(old.export())

    with te.open(folder / "new") as new:
        print(export.restore(new, file), "lines taken in")
        print("nothing lost:", list(new.export()) == rows)
        print(new["boiler"].text, "| earlier:", new[1].text, "| superseded by", new[1].superseded_by)
        print("pinned:", new[3].layer, "| payload:", new[3].payload, "| forgotten:", 4 not in new)
        print("check:", new.check())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:  # in your program: folders that stay
        main(Path(scratch))
