import datetime as dt
from pathlib import Path

import pytest

import thoughtengine as te
from thoughtengine.cli import main
from thoughtengine.patterns.page import heat
from thoughtengine.patterns.pattern import Prediction, Rhythm, spoken

MONDAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def test_a_week_by_hours_is_darkest_where_most_happened() -> None:
    moments = [MONDAY + dt.timedelta(hours=7)] * 4 + [MONDAY + dt.timedelta(days=6, hours=23)]
    lines = heat(moments).splitlines()
    assert (lines[1][4 + 2 * 7], lines[7][4 + 2 * 23]) == ("█", "░")
    assert lines[1].endswith("4")
    assert lines[2].strip().startswith("Tue")
    assert heat([]) == ""


def test_the_command_prints_what_was_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(tmp_path / "mind") as mind:
        for day in range(20):
            for hour, tag in ((7, "wake"), (8, "coffee")):
                mind.remember(tags=[tag], source="home", at=MONDAY + dt.timedelta(days=day, hours=hour, minutes=day))
    assert main(["patterns", str(tmp_path / "mind"), "--rebuild"]) == 0
    printed = capsys.readouterr().out
    assert "'wake' → 'coffee': 100% of 20" in printed
    assert "'coffee': every day, about 08:" in printed
    assert "what comes next" in printed


def test_a_mind_without_anything_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    te.open(tmp_path / "mind").close()
    assert main(["patterns", str(tmp_path / "mind")]) == 0
    assert capsys.readouterr().out == "nothing was noticed yet\n"


@pytest.mark.parametrize(
    ("period", "phase", "told"),
    [(86_400, 30_600, "about 08:30"), (604_800, 6 * 86_400, "on Sundays"), (3600, 600, "10 minutes in")],
)
def test_a_rhythm_says_when(period: float, phase: float, told: str) -> None:
    assert told in repr(Rhythm("tea", period, phase, 0.9, 20, 1e-6))


def test_lengths_of_time_are_told_as_people_say_them() -> None:
    assert [spoken(s) for s in (0.0, 60, 5400, 86_400, 2_629_746)] == [
        "0 seconds", "1 minute", "1.5 hours", "1 day", "1 month",
    ]  # fmt: skip


def test_a_prediction_without_a_time_has_none_in_its_repr() -> None:
    assert repr(Prediction("tea", "tag", 0.5, None, "is frequent")) == "<Prediction 'tea': 50%, is frequent>"


def test_bare_dates_have_a_bar_for_each_day_of_the_week() -> None:
    lines = heat([MONDAY] * 4 + [MONDAY + dt.timedelta(days=1)] * 2).splitlines()
    assert [line.count("█") for line in lines] == [48, 24, 0, 0, 0, 0, 0]
    assert lines[0].endswith("4")
