"""Documents fall into sections at their headings, and nowhere else."""

import datetime as dt
from pathlib import Path

from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.sections import sections

READING = Reading(timezone=dt.UTC)


def split(folder: Path, name: str, text: str) -> list[tuple[tuple[str, ...], str]]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return [(section.headings, section.text) for section in sections(file, READING)]


def test_markdown(tmp_path: Path) -> None:
    text = """before

# Guide
Welcome.
## Install ##
Run it:
```sh
# not a heading
```
still install
### Deep
deeper
# Other

## Empty
## Last
end"""
    assert split(tmp_path, "a.md", text) == [
        ((), "before"),
        (("Guide",), "Welcome."),
        (("Guide", "Install"), "Run it:\n```sh\n# not a heading\n```\nstill install"),
        (("Guide", "Install", "Deep"), "deeper"),
        (("Other", "Last"), "end"),
    ]


def test_underlined_markdown(tmp_path: Path) -> None:
    text = "Guide\n=====\nWelcome.\n\nInstall\n---\nRun.\n\n---\n\n- item\n---\nafter\n\n| a |\n|---|\n"
    assert split(tmp_path, "a.markdown", text) == [
        (("Guide",), "Welcome."),
        (("Guide", "Install"), "Run.\n\n---\n\n- item\n---\nafter\n\n| a |\n|---|"),
    ]


def test_settings_at_the_head_are_no_heading(tmp_path: Path) -> None:
    assert split(tmp_path, "a.md", "---\ntitle: x\n---\n# A\ntext\n") == [
        ((), "---\ntitle: x\n---"),
        (("A",), "text"),
    ]


def test_restructured_text(tmp_path: Path) -> None:
    text = """=====
Guide
=====
Welcome.

Install
-------
Run it.

Deep
~~~~
deeper

Other
-----
too short
--
end"""
    assert split(tmp_path, "a.rst", text) == [
        (("Guide",), "Welcome."),
        (("Guide", "Install"), "Run it."),
        (("Guide", "Install", "Deep"), "deeper"),
        (("Guide", "Other"), "too short\n--\nend"),
    ]


def test_plain_text_falls_into_paragraphs(tmp_path: Path) -> None:
    assert split(tmp_path, "a.txt", "one\ntwo\n\n\n# three\n\n") == [((), "one\ntwo"), ((), "# three")]


def test_a_fence_closes_only_with_its_own_mark(tmp_path: Path) -> None:
    text = "# A\n````\n```\n# no\n````\n# B\nb"
    assert split(tmp_path, "a.md", text) == [(("A",), "````\n```\n# no\n````"), (("B",), "b")]


def test_an_empty_document(tmp_path: Path) -> None:
    assert split(tmp_path, "a.md", "") == split(tmp_path, "b.txt", "\n\n") == split(tmp_path, "c.rst", "AB\n==\n") == []
