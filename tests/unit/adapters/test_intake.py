"""Bytes of every common encoding become lines; what is broken is named by its offset."""

import datetime as dt
from pathlib import Path

import pytest

from thoughtengine.adapters import intake
from thoughtengine.adapters.intake import Reading, chunks, lines
from thoughtengine.errors import ImportFormatError, InvalidArgumentError
from thoughtengine.memory.moment import zone_of


def write(folder: Path, data: bytes) -> Path:
    file = folder / "foreign.txt"
    file.write_bytes(data)
    return file


@pytest.mark.parametrize(
    "data",
    [
        "eins\nzwö\n".encode(),
        "eins\r\nzwö".encode(),
        "\ufeffeins\nzwö\n".encode(),
        "\ufeffeins\r\nzwö\r\n".encode("utf-16-le"),
        "\ufeffeins\nzwö".encode("utf-16-be"),
    ],
)
def test_lines_of_every_encoding(tmp_path: Path, data: bytes) -> None:
    assert list(lines(write(tmp_path, data), Reading())) == [(1, "eins"), (2, "zwö")]


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    text = "a\u2028b\x0bc\x1cd\n\ne"
    assert [line for _, line in lines(write(tmp_path, text.encode()), Reading())] == ["a\u2028b\x0bc\x1cd", "", "e"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_lines_do_not_depend_on_where_pieces_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(intake, "CHUNK_BYTES", size)
    text = "Grüße\r\n\r\n漢字 und 🙂\nEnde"
    assert [line for _, line in lines(write(tmp_path, text.encode()), Reading())] == text.replace("\r", "").split("\n")


@pytest.mark.parametrize("size", [1, 4, 1 << 20])
def test_a_broken_byte_is_named_by_its_offset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(intake, "CHUNK_BYTES", size)
    data = "\ufeffgrün\n".encode() + b"caf\xe9 au lait"
    offset = data.index(b"\xe9")
    with pytest.raises(ImportFormatError, match=f"byte {offset}.*0xe9.*UTF-8") as caught:
        list(lines(write(tmp_path, data), Reading()))
    assert caught.value.where == f"byte {offset}"


def test_a_character_cut_off_at_the_end_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match="byte 3"):
        list(chunks(write(tmp_path, b"abc\xe2\x82"), Reading()))


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LINE_CHARACTERS", 100)
    monkeypatch.setattr(intake, "CHUNK_BYTES", 10)
    with pytest.raises(ImportFormatError, match="line 2"):
        list(lines(write(tmp_path, b"short\n" + b"x" * 200), Reading()))


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    file = write(tmp_path, b"one\ntwo\n")
    list(lines(file, Reading(progress=lambda *step: told.append(step))))
    assert told[-1] == ("reading foreign.txt", 8, 8)


@pytest.mark.parametrize(
    ("name", "offset"), [("UTC", 0), ("utc", 0), ("+02:00", 7200), ("-0530", -19800), ("Europe/Berlin", 3600)]
)
def test_zones(name: str, offset: int) -> None:
    found = zone_of(name)
    assert found is not None
    assert found.utcoffset(dt.datetime(2024, 1, 1)) == dt.timedelta(seconds=offset)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "+99:00", 7])
def test_unknown_zones_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="timezone"):
        zone_of(name)


def test_a_day_is_noon_and_a_zone_knows_its_summers() -> None:
    reading = Reading(timezone=zone_of("Europe/Berlin"))
    assert reading.aware(dt.date(2024, 1, 5)).isoformat() == "2024-01-05T12:00:00+01:00"
    assert reading.aware(dt.date(2024, 7, 5), dt.time(8, 30)).isoformat() == "2024-07-05T08:30:00+02:00"


@pytest.mark.parametrize("year", [1, 1660, 1969, 2024, 9999])
def test_every_year_gets_an_offset(year: int) -> None:
    assert Reading().aware(dt.date(year, 1, 1)).utcoffset() is not None
