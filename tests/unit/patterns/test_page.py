import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest

import thoughtengine as te
from thoughtengine.cli import main
from thoughtengine.patterns.dates import is_date
from thoughtengine.patterns.page import heat
from thoughtengine.patterns.pattern import Association, Episode, Prediction, Rhythm, spoken

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
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert lines[0] == "40 experiences, 1 Jan 2024 to 20 Jan 2024"
    assert "wake → coffee 100% of 20 times, after 1 hour" in lines
    assert "coffee every day, about 08:10, 20 times" in lines
    assert "what comes next" in printed


def test_a_mind_without_anything_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    te.open(tmp_path / "mind").close()
    assert main(["patterns", str(tmp_path / "mind")]) == 0
    assert capsys.readouterr().out == "nothing was noticed yet\n"


@pytest.mark.parametrize(
    ("period", "phase", "told"),
    [
        (86_400, 30_600, "about 08:30"),
        (604_800, 6 * 86_400, "on Sundays"),
        (3600, 600, "every hour, about 10 minutes past"),
        (21_600, 5400, "every 6 hours, about 01:30, 07:30, 13:30 and 19:30"),
        (43_200, 0, "every 12 hours, about 00:00 and 12:00"),
        (1_209_600, 9 * 86_400, "every 2 weeks, on Wednesdays"),
        (2_629_746, 14 * 86_400, "every month, about the 15th"),
        (31_556_952, 79 * 86_400 + 3600, "every year, about 21 March"),
    ],
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


def together(
    folder: Path, baskets: list[list[str]], capsys: pytest.CaptureFixture[str], source: str | None = None
) -> list[str]:
    """Give the lines about what comes together in a mind of some baskets, among others."""
    with te.open(folder) as mind:
        others = [[f"z{number}"] for number in range(60)]
        mind.remember_many(te.Experience(tags=tags, source=source) for tags in others)
        mind.remember_many(te.Experience(tags=tags, source="both" if source else None) for tags in baskets)
    assert main(["patterns", str(folder)]) == 0
    printed = capsys.readouterr().out.partition("what comes together\n")[2].partition("\n\n")[0]
    return sorted(" ".join(line.split()).rpartition(",")[0] for line in printed.splitlines())


def test_what_came_together_by_twos_is_not_said_to_come_all_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baskets = [["a", "b"]] * 8 + [["c", "d"]] * 8 + [["a", "b", "c", "d"]] * 3
    assert together(tmp_path / "pairs", baskets, capsys) == ["a with b 11 times", "c with d 11 times"]
    baskets = [["a", "b"]] * 8 + [["b", "c"]] * 8 + [["a", "c"]] * 8 + [["a", "b", "c"]] * 3
    told = {frozenset(line.split()) for line in together(tmp_path / "ring", baskets, capsys)}
    assert told == {frozenset([*pair, "with", "11", "times"]) for pair in ("ab", "ac", "bc")}


@pytest.mark.parametrize("source", [None, "alone"])
def test_what_always_came_all_together_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str | None
) -> None:
    told = together(tmp_path / "mind", [["a", "b", "c"]] * 11, capsys, source)
    (line,) = told
    assert sorted(line.removesuffix(" 11 times").split(", ")) == sorted(["a", "b", "c", *(["both"] if source else [])])


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    assert main(["patterns", str(folder), *options]) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("period", "strength", "told"),
    [
        (604_800, 0.2, "every week, more often on Tuesdays"),
        (604_800, 0.6, "every week, mostly on Tuesdays"),
        (604_800, 0.9, "every week, on Tuesdays"),
        (2_629_746, 0.3, "every month"),
        (86_400, 0.3, "every day"),
    ],
)
def test_a_weak_rhythm_has_no_time(period: float, strength: float, told: str) -> None:
    assert repr(Rhythm("tea", period, 86_400, strength, 20, 1e-6)).startswith(f"<Rhythm 'tea': {told}, strength")


def test_what_comes_at_once_does_not_follow_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(tmp_path / "mind", timezone="UTC") as mind:
        for day in range(140):
            at = MONDAY + dt.timedelta(days=day, hours=18)
            if day % 7 == 0:
                mind.remember(tags=["class", "yoga"], source="Iris", at=at)
            mind.remember(tags=["tea"], source="home", at=at + dt.timedelta(hours=2))
            mind.remember(tags=["bed"], source="home", at=at + dt.timedelta(hours=4))
        assert [one for one in mind.patterns.sequences() if {one.given[-1], one.then} == {"class", "yoga"}]
    lines = printed(tmp_path / "mind", capsys)
    assert [line for line in lines if line.startswith("tea → bed")]
    assert not [line for line in lines if line.startswith(("class → yoga", "yoga → class"))]


def test_a_tag_is_not_told_to_come_with_what_has_the_same_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = together(tmp_path / "mind", [["door open", "open, door"]] * 9 + [["♥", "♦"]] * 9, capsys)
    assert [set(line.split()) for line in told] == [{"♥", "with", "♦", "9", "times"}]


def test_k_cuts_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(tmp_path / "mind") as mind:
        random = np.random.default_rng(4)
        mind.remember_many(te.Experience(tags=["abcdef"[i]], source="s") for i in random.integers(0, 6, 200))
        assert len(mind.anticipate(k=9)) > 3
    for k in (0, 2):
        assert main(["patterns", str(tmp_path / "mind"), "-k", str(k)]) == 0
        following = capsys.readouterr().out.partition("what comes next\n")[2].partition("\n\n")[0]
        assert len(following.splitlines()) == k
        assert main(["patterns", str(tmp_path / "mind"), "--json", "-k", str(k)]) == 0
        assert len(json.loads(capsys.readouterr().out)["next"]) == k


def test_large_counts_keep_their_distance() -> None:
    assert heat([MONDAY] * 20_000).splitlines()[0].endswith("█ 20,000")


def test_one_memory_is_an_episode_without_a_length() -> None:
    told = repr(Episode((5,), MONDAY, MONDAY))
    assert told == "<Episode of 1 memory from 5 on: 2024-01-01 00:00>"


def test_chance_is_told_in_plain_numbers() -> None:
    one = Association(("a", "b"), 900, 123.4, 2.0, 1e-9, (1, 2, 3))
    assert "900 times, 123 by chance" in repr(one)


@pytest.fixture
def journal(tmp_path: Path) -> str:
    """Give a mind of days whose headings became tags, as an import makes them."""
    with te.open(tmp_path / "journal") as mind:
        for day in range(240):
            at = MONDAY + dt.timedelta(days=day, hours=12)
            mind.remember(f"we met Ann Lee at the Old Mill on day {day}", tags=[f"{at.day}th"], source="me", at=at)
    return str(tmp_path / "journal")


def test_labels_that_are_dates_do_not_drown_the_rest(journal: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["patterns", journal]) == 0
    printed = capsys.readouterr().out
    assert "th →" not in printed
    assert printed.rstrip().endswith("labels; --dates shows them")
    assert "Mon ████" in printed  # bare dates are kept with noon
    assert main(["patterns", journal, "--dates"]) == 0
    dated = capsys.readouterr().out
    assert "th → " in dated
    assert "--dates" not in dated


def test_what_was_noticed_is_printed_as_json(journal: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["patterns", journal, "--json", "--dates", "-k", "5"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == {"concepts", "associations", "sequences", "rhythms", "next"}
    with te.open(journal) as mind:
        assert [tuple(one["evidence"]) for one in printed["rhythms"]] == [
            one.evidence for one in mind.patterns.rhythms()[:5]
        ]
        assert [one["at"] for one in printed["next"]] == [one.at and one.at.isoformat() for one in mind.anticipate(k=5)]


def test_with_an_encoder_there_are_concepts(journal: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("wordllama")
    assert main(["patterns", journal, "--encoder", "wordllama"]) == 0
    assert "what belongs together" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("August 1st", True), ("Jan. 1st (Lord’s day)", True), ("2024-03-05", True), ("5.3.2024", True),
        ("Tuesday, 5 March", True), ("Lord’s day", False), ("Mayor", False), ("1st floor", False), ("Augusta", False),
        ("", False), ("the wedding (May 5th)", False), ("march", False), ("sun", False), ("42", False), ("21st", False),
        ("the second", False), ("5.3", False),
    ],
)  # fmt: skip
def test_a_label_that_says_when_is_a_date(name: str, date: bool) -> None:
    assert is_date(name) == date


@pytest.mark.parametrize("name", ["21st", "the 21st", "21", "Mon"])
def test_a_number_or_a_weekday_is_a_date_where_its_memories_are_of_that_date(name: str) -> None:
    mine = [at for at in (MONDAY + dt.timedelta(days=day) for day in range(2000)) if at.day == 21 and at.weekday() == 0]
    assert is_date(name, lambda: mine)
    assert not is_date(name, lambda: [*mine, MONDAY + dt.timedelta(days=1)])
    assert not is_date(name, lambda: mine[:1] * 5)


def test_an_ordinal_of_another_calendar_is_a_date() -> None:
    julian = [dt.datetime(1660 + month // 12, month % 12 + 1, 21) + dt.timedelta(days=10) for month in range(60)]
    assert is_date("21st", lambda: julian)
    assert not is_date("21", lambda: julian)
    assert not is_date("1st", lambda: [MONDAY + dt.timedelta(days=9 * n) for n in range(40)])


def test_a_month_is_a_date_where_its_memories_are_of_that_month() -> None:
    aprils = [dt.datetime(year, 4, day) for year in (2022, 2023, 2024) for day in (3, 4)]
    assert is_date("April", lambda: aprils)
    assert not is_date("April", lambda: aprils[:4])
    assert not is_date("March", lambda: aprils)


def test_numbers_and_words_like_months_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["sun", "42", "umbrella", "the second", "March"]
    with te.open(tmp_path / "mind", timezone="UTC") as mind:
        mind.remember_many(
            te.Experience(tags=[names[i % 5]], source="April", at=MONDAY + dt.timedelta(hours=6 * i))
            for i in range(100)
        )
    assert main(["patterns", str(tmp_path / "mind")]) == 0
    printed = capsys.readouterr().out
    assert "sun → 42" in printed
    assert "--dates" not in printed
    assert main(["patterns", str(tmp_path / "mind"), "--json"]) == 0
    assert {"sun", "42"} <= {name for one in json.loads(capsys.readouterr().out)["sequences"] for name in one["given"]}


def test_json_leaves_out_dates_unless_they_are_asked_for(journal: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for more in ([], ["--dates"]):
        assert main(["patterns", journal, "--json", *more]) == 0
        told.append({one["then"] for one in json.loads(capsys.readouterr().out)["sequences"]})
    assert not told[0]
    assert "10th" in told[1]


def test_an_import_with_an_encoder_makes_what_belongs_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wordllama")
    file = tmp_path / "notes.jsonl"
    lines = (
        f"{what} number {i}" for i in range(12) for what in ("the kettle boils, tea", "the train leaves, platform")
    )
    file.write_text("\n".join(json.dumps({"text": line}) for line in lines))
    assert main(["import", str(file), str(tmp_path / "mind"), "--encoder", "wordllama"]) == 0
    capsys.readouterr()
    assert main(["patterns", str(tmp_path / "mind")]) == 0
    assert "what belongs together" in capsys.readouterr().out


def test_the_page_says_a_thing_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with te.open(tmp_path / "mind") as mind:
        for day in range(40):
            for hour, tags in ((7, ["wake"]), (8, ["coffee"]), (16, ["call", "family", "phone"])):
                if hour < 16 or day % 4 == 0:
                    at = MONDAY + dt.timedelta(days=day, hours=hour, minutes=day)
                    mind.remember(tags=tags, source="me", at=at)
    assert main(["patterns", str(tmp_path / "mind")]) == 0
    printed = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    [together] = [line for line in lines if "times, by chance" in line]
    assert set(together.partition(" 10 times")[0].split(", ")) == {"call", "family", "phone"}
    assert any(line.startswith("wake → coffee 100%") for line in lines)
    assert not any(line.startswith("coffee → wake → coffee") for line in lines)
    assert not any("→ wake → coffee" in line for line in lines)
