"""The benchmarks of patterns in small: they run, and their rows say what they should."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np

import thoughtengine as te
from benchmarks import patterns
from benchmarks.quality import associations, noticed, rhythms, segments, sequences, trust


def test_the_share_of_each_part_adds_up() -> None:
    rows = patterns.shares(300)
    assert len(rows) == 7
    assert abs(sum(int(str(row[2])) for row in rows) - 100) <= 4


def test_growth_is_told_for_each_size() -> None:
    assert [row[0] for row in patterns.growth([256, 512])] == [256, 512]


def test_only_what_is_meant_is_found_in_baskets() -> None:
    random = np.random.default_rng(0)
    baskets = [np.unique(random.integers(0, 200, random.integers(1, 20))).tolist() for _ in range(400)]
    baskets[::20] = [[500, 501]] * 20
    assert associations.ours(baskets) == {(500, 501)}
    assert associations.held({(500, 501)}, baskets) == 1.0
    assert associations.ours(associations.shuffled(baskets, 0)) == set()


def test_sessions_that_repeat_are_told_by_everybody(tmp_path: Path) -> None:
    (tmp_path / "fifa.txt").write_text("1 2 3\n" * 50)
    sessions = sequences.clicks(tmp_path / "fifa.txt")[:40]
    assert len(sessions) == 40
    for model in (sequences.Ours(), sequences.KneserNey(3)):
        assert model.fit(sessions).score([0, 1], 2)[0] == 1.0


def test_calibration_is_off_by_what_is_said_too_much() -> None:
    assert round(sequences.error([(1.0, 1.0, 0.75), (0.0, 0.5, 0.75)])) == 25


def test_activities_are_read(tmp_path: Path) -> None:
    lines = [f"2011-11-{day:02} 07:{day:02}:00\t\t2011-11-{day:02} 08:00:00\t\tBreakfast" for day in range(1, 29)]
    (tmp_path / "flat.txt").write_text("\n".join(["heads", "-----", *lines]))
    assert rhythms.activities(tmp_path / "flat.txt")[0][:3] == ["activities at a day", 1, 1]


def test_pk_is_nothing_for_the_true_boundaries() -> None:
    assert segments.pk(np.array([5, 9]), [5, 4, 6]) == 0.0
    assert segments.pk(np.array([7]), [5, 4, 6]) > 0.2


def test_runs_between_pauses_find_what_episodes_find(tmp_path: Path) -> None:
    turns = [
        {
            "id": number, "episode": f"day {number // 2}", "source": "Dana", "caption": "",
            "at": f"2024-01-{1 + number // 2:02}T09:{number % 2:02}:00+00:00",
            "text": f"is the {word} ready?" if number % 2 == 0 else "yes, on the shelf",
        }
        for number, word in ((n, "abcdefgh"[n // 2] * 5) for n in range(16))
    ]  # fmt: skip
    questions = [{"question": f"where is {'d' * 5}?", "category": 1, "evidence": [7]}]
    (tmp_path / "talk-1.json").write_text(json.dumps({"turns": turns, "questions": questions}))
    found = {str(row[0]): row[3] for row in noticed.rows([noticed.read(tmp_path / "talk-1.json")], None)}
    assert found["episodes of the host"] == found["no episodes, runs between pauses"] == "100.0"
    assert found["no episodes, no neighbours"] == "0.0"


def test_what_stopped_is_trusted_less_than_what_goes_on() -> None:
    told = [
        te.Experience(text=f"we saw {pair} again", at=dt.datetime(year, month, 1 + 9 * turn, 9, turn, tzinfo=dt.UTC))
        for year in range(2000, 2005)
        for month in range(1, 13)
        for turn, pair in enumerate(("Ann with Bob", "Carl with Dora", "Eve"))
        if turn != 1 or year < 2002
    ]
    found = {str(row[0]): row[1] for row in trust.years(told)}
    assert float(str(found["trust"])) > 0.8  # in the last year before it stops nobody can know
    assert str(found["pairs, seen again"]).startswith("6,")
