from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thoughtengine as te
from thoughtengine.patterns.lifetime import Lifetime

DAY = 86_400_000_000
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOW = START + dt.timedelta(days=65)


def lifetime(moments: list[int], ahead: list[int] | None = None) -> Lifetime:
    made = Lifetime()
    made.learn(np.array(moments, np.int64), np.array(ahead or [0] * len(moments), np.int64))
    return made


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=120), st.integers(1, 50), st.randoms())
def test_neither_the_cut_nor_the_order_matters(moments: list[int], cut: int, random: object) -> None:
    parts, other = Lifetime(), sorted(moments)
    for start in range(0, len(moments), cut):
        part = np.array(moments[start : start + cut], np.int64)
        parts.learn(part, np.zeros(len(part), np.int64))
    assert parts.ends == lifetime(moments).ends == lifetime(other).ends
    first, last = parts.ends
    assert min(moments) <= first <= last <= max(moments)


def test_slips_do_not_make_a_life_longer_and_a_new_part_of_it_does() -> None:
    usual = [i * DAY for i in range(200)]
    assert lifetime(usual).ends == (0, 199 * DAY)
    assert lifetime([*usual, -70_000 * DAY, 70_000 * DAY]).ends == (0, 199 * DAY)
    assert lifetime(usual, [0] * 199 + [3 * DAY]).ends == (0, 198 * DAY)
    assert lifetime(usual, [3 * DAY] * 199 + [0]).ends == (0, 199 * DAY)  # it is the clock that stands
    later = [(500 + i) * DAY for i in range(40)]
    assert lifetime([*usual, *later[:9]]).ends == (0, 199 * DAY)
    assert lifetime([*usual, *later]).ends == (0, 539 * DAY)


def life(days: int = 65, start: dt.datetime = START) -> list[te.Experience]:
    return [
        te.Experience(tags=[tag], source="h", at=start + dt.timedelta(days=day, hours=hour))
        for day in range(days)
        for tag, hour in (("wake", 7), ("tea", 8), ("sleep", 22))
    ]


def trusts(mind: te.ThoughtEngine) -> dict[tuple[tuple[str, ...], str], float]:
    return {(one.given, one.then): one.trust for one in mind.patterns.sequences()}


@pytest.mark.parametrize(
    "moment", ["2062-05-05T10:00Z", "2026-03-28T10:00Z", "1815-06-18T11:00Z"], ids=["typo", "appointment", "long ago"]
)
def test_one_moment_out_of_the_way_changes_no_trust(tmp_path: Path, moment: str) -> None:
    with te.open(tmp_path / "mind", clock=lambda: NOW) as mind:
        mind.remember_many(life())
        before = trusts(mind)
        assert before[("wake",), "tea"] > 0.7
        slip = mind.remember("Dentist", at=moment)
        assert trusts(mind) == pytest.approx(before, abs=0.01)
        mind.revise(slip, at="2026-03-06T10:00Z")
        assert trusts(mind) == pytest.approx(before, abs=0.01)
        mind.remember_many(
            te.Experience(tags=["read"], source="h", at=NOW + dt.timedelta(days=day, hours=hour))
            for day in range(100)
            for hour in (1, 4, 8)
        )
        assert trusts(mind)[("wake",), "tea"] < 0.3  # what is long past fades all the same


def test_the_diary_of_a_life_long_past_is_not_over(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", clock=lambda: NOW) as mind:
        mind.remember_many(life(start=dt.datetime(1660, 1, 1, tzinfo=dt.UTC)))
        before = trusts(mind)
        assert before[("wake",), "tea"] > 0.7
        mind.remember("All of the diary is here now.", at=NOW)
        assert trusts(mind) == pytest.approx(before, abs=0.01)


def test_what_is_imported_later_does_not_wipe_what_is_current(tmp_path: Path) -> None:
    now = START + dt.timedelta(days=31)
    with te.open(tmp_path / "mind", clock=lambda: now) as mind:
        mind.remember_many([*life(31), te.Experience(tags=["pair", "of two"], source="h", at=now)])
        before, beats = trusts(mind), {one.what: one.trust for one in mind.patterns.rhythms()}
        expected = mind.anticipate(k=1)[0].at
        mind.remember_many(life(3, dt.datetime(2019, 1, 1, tzinfo=dt.UTC)))
        after = trusts(mind)
        assert after[("wake",), "tea"] == pytest.approx(before[("wake",), "tea"], abs=0.05)
        for what in ("wake", "tea", "sleep"):
            (beat,) = [one.trust for one in mind.patterns.rhythms() if one.what == what]
            assert beat == pytest.approx(beats[what], abs=0.1)
        told = mind.anticipate(k=1)[0].at
        assert expected is not None
        assert told is not None
        assert told > START + dt.timedelta(days=30)


def test_evidence_is_the_newest_by_the_moment(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", clock=lambda: NOW) as mind:
        ids = mind.remember_many(
            te.Experience(tags=["a", "b"] if day % 2 else ["c"], source="h", at=NOW - dt.timedelta(days=day))
            for day in range(60)
        )
        found = {one.items: one.evidence for one in mind.patterns.associations()}
        assert found["a", "b"] == (ids[1], ids[3], ids[5])
