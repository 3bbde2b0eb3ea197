"""Chats as text, in the forms that different phones write."""

import datetime as dt
from pathlib import Path

import pytest

from thoughtengine.adapters.intake import Reading
from thoughtengine.adapters.whatsapp import read, speaker
from thoughtengine.errors import ImportFormatError
from thoughtengine.memory.experience import Experience

UTC = Reading(timezone=dt.UTC)


def chat(
    folder: Path, text: str, reading: Reading = UTC, name: str = "WhatsApp Chat with Dana.txt"
) -> list[Experience]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return list(read(file, reading))


@pytest.mark.parametrize(
    "stamp",
    [
        "[05.03.24, 14:10:22] ",
        "[05.03.2024, 14:10:22] ",
        "\u200e[05.03.24, 14:10:22] ",
        "05.03.24, 14:10 - ",
        "25/03/2024, 14:10 - Ben: x\n05/03/2024, 14:10 - ",
        "3/25/24, 2:10\u202fPM - Ben: x\n3/5/24, 2:10\u202fPM - ",
        "[3/25/24, 2:10:22 PM] Ben: x\n[3/5/24, 2:10:22 PM] ",
        "2024-03-05, 14:10 - ",
        "2024/03/05, 2:10 p.\xa0m. - ",
        "05/03/2024 14.10 - ",
        "[2024-03-05 14:10:22] ",
    ],
)
def test_stamps_of_many_phones(tmp_path: Path, stamp: str) -> None:
    reading = Reading(timezone=dt.UTC, day_first=True) if stamp == "05/03/2024 14.10 - " else UTC
    found = chat(tmp_path, f"{stamp}Dana K.: Tea: only now.\n", reading)[-1]
    assert f"{found.at:%Y-%m-%d %H:%M}" == "2024-03-05 14:10"
    assert (found.source, found.text) == ("Dana K.", "Tea: only now.")
    assert found.episode == "Dana 2024-03-05"


def test_lines_go_on_and_system_lines_have_no_source(tmp_path: Path) -> None:
    text = """[05.03.24, 09:00:00] Messages are encrypted.
[05.03.24, 14:10:22] Dana: First line

second line
2 lemons
[06.03.24, 08:00:00] Ben:\u0020
[06.03.24, 08:01:00] Ben: <Media omitted>
"""
    system, long, media = chat(tmp_path, text.replace("\n", "\r\n"))
    assert (system.text, system.source, system.tags) == ("Messages are encrypted.", None, ("system",))
    assert (long.text, long.source, long.tags) == ("First line\n\nsecond line\n2 lemons", "Dana", ())
    assert media.text == "<Media omitted>"


def test_days_that_could_be_two_are_refused(tmp_path: Path) -> None:
    text = "3/5/24, 2:10 PM - Dana: hi\n3/6/24, 2:10 PM - Dana: ho\n"
    with pytest.raises(ImportFormatError, match=r"line 1.*two days.*--month-first"):
        chat(tmp_path, text)
    found = chat(tmp_path, text, Reading(timezone=dt.UTC, day_first=False))
    assert [f"{experience.at:%m-%d}" for experience in found] == ["03-05", "03-06"]


def test_a_later_export_has_the_same_keys_for_the_same_messages(tmp_path: Path) -> None:
    text = "05.03.24, 14:10 - Dana: ok\n05.03.24, 14:10 - Dana: ok\n05.03.24, 14:10 - Ben: ok\n"
    keys = [experience.key for experience in chat(tmp_path, text)]
    later = [experience.key for experience in chat(tmp_path, text + "06.03.24, 14:10 - Ben: new\n")]
    assert later[:3] == keys
    assert len(set(later)) == 4


def test_the_chat_is_named_by_its_file_or_folder(tmp_path: Path) -> None:
    text = "05.03.24, 14:10 - Dana: ok\n"
    folder = tmp_path / "Family"
    folder.mkdir()
    assert chat(folder, text, name="_chat.txt")[0].episode == "Family 2024-03-05"
    assert chat(folder, text, name="WhatsApp Chat - Work.txt")[0].episode == "Work 2024-03-05"


@pytest.mark.parametrize("text", ["Hello\n05.03.24, 14:10 - Dana: ok", "05.03.24 something\n"])
def test_what_is_no_chat_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ImportFormatError, match="line 1: expected a message"):
        chat(tmp_path, text)


def test_a_day_of_no_calendar_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match="line 2"):
        chat(tmp_path, "05.03.24, 14:10 - Dana: ok\n31.02.24, 14:10 - Dana: ok\n")


def test_speaker() -> None:
    assert speaker("05.03.24, 14:10 - Dana: ok") == "Dana"
    assert speaker("05.03.24, 14:10 - Dana left") is None
    assert speaker("5 March 2024: to the sea") is None
