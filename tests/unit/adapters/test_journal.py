"""Journals: every paragraph gets its day; what could be two days is refused, not guessed."""

import datetime as dt
import logging
from pathlib import Path

import pytest

from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.journal import dated, read
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

UTC = Reading(timezone=dt.UTC)


def journal(folder: Path, text: str, name: str = "journal.md", reading: Reading = UTC) -> list[Experience]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return list(read(file, reading))


def told(experiences: list[Experience]) -> list[tuple[str, str | None]]:
    return [(f"{experience.at:%Y-%m-%d %H:%M}", experience.text) for experience in experiences]


def test_headings_paragraphs_and_items(tmp_path: Path) -> None:
    text = """# My journal

## 2024-03-05 Lisbon
Arrived by train.
Slept little.

- ate sardines
- [x] booked the
  ferry
    - and a bus
1. slept

## March 6, 2024
### 14:30 Lunch
With Ana.
### Evening
Fado.
"""
    found = journal(tmp_path, text)
    assert told(found) == [
        ("2024-03-05 12:00", "Arrived by train.\nSlept little."),
        ("2024-03-05 12:00", "ate sardines"),
        ("2024-03-05 12:00", "booked the\n  ferry\n    - and a bus"),
        ("2024-03-05 12:00", "slept"),
        ("2024-03-06 14:30", "With Ana."),
        ("2024-03-06 14:30", "Fado."),
    ]
    assert [experience.tags for experience in found] == [("Lisbon",)] * 4 + [("Lunch",), ("Evening",)]
    assert {experience.episode for experience in found} == {"2024-03-05 Lisbon", "2024-03-06"}


def test_lines_that_begin_with_dates(tmp_path: Path) -> None:
    text = """5 March 2024: to the sea
6 March 2024: home again,
very tired
Tuesday 7 March 2024

Nothing.

[2024-03-08 14:10] Met Ben.
[2024-03-09 09:00] Met Ann.
**2024-03-10**
On a day that we spoke of on
2024-01-01 we met.
"""
    assert told(journal(tmp_path, text, "journal.txt")) == [
        ("2024-03-05 12:00", "to the sea"),
        ("2024-03-06 12:00", "home again,\nvery tired"),
        ("2024-03-07 12:00", "Nothing."),
        ("2024-03-08 14:10", "Met Ben."),
        ("2024-03-09 09:00", "Met Ann."),
        ("2024-03-10 12:00", "On a day that we spoke of on\n2024-01-01 we met."),
    ]


def test_headings_below_one_another_make_a_date(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = """# 7 May 2025
Early.
# 2025
## June
Plans.
### 12
Swam.
#### 3
Three.
### Fri 13: Lisbon
Flew.
## July
### 3rd
Home.
# 2024
## 03
### March 5
Before.
### 3 things
None.
"""
    with caplog.at_level(logging.WARNING, logger="thoughtengine"):
        found = journal(tmp_path, text)
    assert [(f"{experience.at:%Y-%m-%d}", experience.text) for experience in found] == [
        ("2025-05-07", "Early."),
        ("2025-06-01", "Plans."),
        ("2025-06-12", "Swam."),
        ("2025-06-12", "Three."),
        ("2025-06-13", "Flew."),
        ("2025-07-03", "Home."),
        ("2024-03-05", "Before."),
        ("2024-03-05", "None."),
    ]
    assert [experience.tags for experience in found][3:5] == [("3",), ("Lisbon",)]
    assert "below a year or month alone" in caplog.text
    with pytest.raises(ImportFormatError, match=r"line 3.*no day of 2025-06"):
        journal(tmp_path, "# 2025\n## June\n### 31\nNo.\n")
    assert told(journal(tmp_path, "# June\n## 12\nSwam.\n", "2025.md")) == [("2025-06-12 12:00", "Swam.")]
    assert dated(tmp_path / "2025.md")


@pytest.mark.parametrize("day", ["Mo, 5. Mai 2025", "5. März 2025", "lundi 5 mai 2025", "Mo, 5. August 2025"])
def test_months_in_other_languages_are_refused(tmp_path: Path, day: str) -> None:
    with pytest.raises(ImportFormatError, match=r"line 3.*English names"):
        journal(tmp_path, f"# 2025-05-04\nBefore.\n# {day}\nAfter.\n")
    assert len(journal(tmp_path, "# 2025-05-04\n## Top 10 books 2025\nOn 5 May 2025 we read.\n")) == 1


def test_lines_with_times_are_memories_of_their_own(tmp_path: Path) -> None:
    text = "# 2025-05-07\n08:15 Coffee\n09:00 Run\nfast\n\nWe met at\n14:30 and left.\n16:00 Tea.\n"
    assert told(journal(tmp_path, text)) == [
        ("2025-05-07 08:15", "08:15 Coffee"),
        ("2025-05-07 09:00", "09:00 Run\nfast"),
        ("2025-05-07 09:00", "We met at\n14:30 and left."),
        ("2025-05-07 16:00", "16:00 Tea."),
    ]


def test_years_of_two_digits(tmp_path: Path) -> None:
    reading = Reading(timezone=dt.UTC, day_first=True)
    assert told(journal(tmp_path, "7/5/25\nOne.\n\n8/5/25 Two.\n", reading=reading)) == [
        ("2025-05-07 12:00", "One."),
        ("2025-05-08 12:00", "Two."),
    ]


def test_underlined_headings_rules_and_code(tmp_path: Path) -> None:
    text = """2024-03-05 Work
===============
Before the rule.
***
Twice.
```
# no heading
2024-01-01
```
"""
    found = journal(tmp_path, text)
    assert told(found) == [
        ("2024-03-05 12:00", "Before the rule."),
        ("2024-03-05 12:00", "Twice.\n```\n# no heading\n2024-01-01\n```"),
    ]
    assert found[0].tags == ("Work",)


def test_a_time_at_the_beginning_of_a_line_is_the_time(tmp_path: Path) -> None:
    reading = Reading(timezone=dt.timezone(dt.timedelta(hours=2)))
    [found, later] = journal(tmp_path, "# 2024-03-05\n08:15 Coffee.\n\n- 9:30 pm Tea.\n", reading=reading)
    assert isinstance(found.at, dt.datetime)
    assert isinstance(later.at, dt.datetime)
    assert found.at.isoformat() == "2024-03-05T08:15:00+02:00"
    assert later.at.isoformat() == "2024-03-05T21:30:00+02:00"
    assert found.text == "08:15 Coffee."


def test_ambiguous_days_need_proof_or_word(tmp_path: Path) -> None:
    ambiguous = "# 05/03/2024\nText.\n"
    with pytest.raises(ImportFormatError, match=r"line 1.*could be two days.*--day-first") as caught:
        journal(tmp_path, ambiguous)
    assert caught.value.where == "line 1"
    assert told(journal(tmp_path, ambiguous + "# 25/03/2024\nMore.\n"))[0] == ("2024-03-05 12:00", "Text.")
    assert told(journal(tmp_path, ambiguous + "# 03/25/2024\nMore.\n"))[0] == ("2024-05-03 12:00", "Text.")
    with pytest.raises(ImportFormatError, match="one order"):
        journal(tmp_path, ambiguous + "# 03/25/2024\n\n# 25/03/2024\nMore.\n")
    for day_first, day in ((True, "2024-03-05 12:00"), (False, "2024-05-03 12:00")):
        reading = Reading(timezone=dt.UTC, day_first=day_first)
        assert told(journal(tmp_path, ambiguous, reading=reading)) == [(day, "Text.")]


def test_a_day_that_is_in_no_calendar_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match=r"line 3.*no day"):
        journal(tmp_path, "# 2024-02-29\nLeap.\n# 2024-02-30\nNo.\n")


def test_a_text_without_dates_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match=r"begin with a date.*--form documents"):
        journal(tmp_path, "Dear diary,\n\nno dates here.\n")


def test_what_stands_before_the_first_date_is_kept_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="thoughtengine"):
        found = journal(tmp_path, "A foreword.\n\n# 2024-03-05\nText.\n")
    assert told(found) == [("2024-03-05 12:00", "A foreword."), ("2024-03-05 12:00", "Text.")]
    assert "1 paragraph stands before the first date" in caplog.text


@pytest.mark.parametrize("name", ["2024-03-05.md", "2024-03-05 Lisbon.md", "2024_03_05.txt", "20240305.md"])
def test_the_name_of_a_file_is_a_date_too(tmp_path: Path, name: str) -> None:
    found = journal(tmp_path, "# Morning\nSlept well.\n", name)
    assert told(found) == [("2024-03-05 12:00", "Slept well.")] or told(found)[-1][0] == "2024-03-05 12:00"
    assert dated(tmp_path / name)


def test_settings_at_the_head_of_a_file(tmp_path: Path) -> None:
    text = '---\ntitle: "On the road"\ndate: 2024-03-05 09:00\ntags: [travel, sea]\nmood: fine\n---\nText.\n'
    found = journal(tmp_path, text)
    assert told(found) == [("2024-03-05 09:00", "mood: fine"), ("2024-03-05 09:00", "Text.")]
    assert found[1].tags == ("On the road", "travel", "sea")


def test_tags_as_a_list_at_the_head(tmp_path: Path) -> None:
    [found] = journal(tmp_path, "---\ncreated: 2024-03-05\ntags:\n  - travel\n  - hashtags\n---\nText.\n")
    assert found.tags == ("travel", "hashtags")


def test_a_second_reading_gives_the_same_keys_and_repeats_differ(tmp_path: Path) -> None:
    text = "# 2024-03-05\nTea.\n\nTea.\n\n# 2024-03-06\nTea.\n"
    keys = [experience.key for experience in journal(tmp_path, text)]
    assert keys == [experience.key for experience in journal(tmp_path, text + "\nMore.\n")][:3]
    assert len(set(keys)) == 3


def test_a_folder_is_read_file_by_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "2024").mkdir()
    (tmp_path / "2024" / "2024-03-06.md").write_text("Second.", encoding="utf-8")
    (tmp_path / "2024" / "2024-03-05.md").write_text("First.", encoding="utf-8")
    (tmp_path / "todo.md").write_text("Milk.", encoding="utf-8")
    with caplog.at_level(logging.WARNING, logger="thoughtengine"):
        found = list(read(tmp_path, UTC))
    assert told(found) == [("2024-03-05 12:00", "First."), ("2024-03-06 12:00", "Second.")]
    assert "todo.md: left out" in caplog.text
