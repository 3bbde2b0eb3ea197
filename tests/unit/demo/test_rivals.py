import math

import pytest

from thoughtengine.demo.rivals import (
    FadingFiles,
    FileRival,
    FrequentFiles,
    LatestFiles,
    Newest,
    PlainBM25,
    Substring,
    VotingFiles,
)

TEXTS = ["Tea only now", "no coffee in March", "coffee, coffee and tea", "teatime"]


def test_substring_counts_words_that_stand_anywhere_and_prefers_the_newest() -> None:
    assert Substring(TEXTS).search("tea coffee", 10) == [2, 3, 1, 0]
    assert Substring(TEXTS).search("absent", 10) == []


def test_newest_first() -> None:
    assert Newest(TEXTS).search("anything", 2) == [3, 2]
    assert Newest([]).search("anything", 2) == []


def test_bm25_scores_by_its_formula() -> None:
    idf = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    norm = 1.2 * (1 - 0.75 + 0.75 * 4 / 3)
    assert PlainBM25(TEXTS).scores("Coffee")[2] == pytest.approx(idf * 2 / (2 + norm))
    assert PlainBM25(TEXTS).search("coffee", 10) == [2, 1]


@pytest.mark.parametrize(
    ("rival", "expected"),
    [
        (FrequentFiles(), ["a.py", "b.py"]),
        (LatestFiles(), ["c.py", "d.py"]),
        (FadingFiles(), ["a.py", "b.py"]),
        (VotingFiles(), ["b.py", "a.py"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_file_rivals(rival: FileRival, expected: list[str]) -> None:
    rival.learn("parse dates", ["b.py", "a.py"])
    rival.learn("parse times", ["a.py"])
    rival.learn("parse zones", ["a.py", "b.py"])
    rival.learn("write docs", ["c.py", "d.py"])
    found = rival.predict("dates and zones", 2)
    assert set(found) == set(expected)
    assert rival.predict("dates and zones", 2) == found


def test_fading_survives_a_long_history() -> None:
    rival = FadingFiles()
    for i in range(20_000):
        rival.learn("", [f"{i % 7}.py"])
    assert rival.predict("", 1) == [f"{19_999 % 7}.py"]
