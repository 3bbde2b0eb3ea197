from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

import thoughtengine as te

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def mind(tmp_path: Path) -> Iterator[te.ThoughtEngine]:
    with te.open(tmp_path / "mind", clock=lambda: START + dt.timedelta(days=60)) as mind:
        yield mind


def life(days: int, *tags: str) -> list[te.Experience]:
    return [
        te.Experience(tags=tag.split(), source="h", at=START + dt.timedelta(days=day, hours=hour))
        for day in range(days)
        for tag, hour in zip(tags, (7, 8, 22), strict=False)
    ]


def told(mind: te.ThoughtEngine) -> list[str]:
    manager = mind.patterns
    found = [*manager.associations(), *manager.sequences(), *manager.rhythms()]
    return [repr(one) for one in found] + [f"{one.what} {one.because}" for one in mind.anticipate(k=9)]


def n_together(mind: te.ThoughtEngine, *pair: str) -> int:
    return next(one.n for one in mind.patterns.associations() if set(one.items) == set(pair))


@pytest.mark.parametrize("asked_before", [True, False])
def test_a_revision_is_no_occurrence_of_its_own(mind: te.ThoughtEngine, asked_before: bool) -> None:
    mind.remember_many(life(20, "wake", "tea milk", "sleep"))
    if asked_before:
        told(mind)
    for memory in list(mind.memories(tags="tea")):
        mind.revise(memory.id, text="with milk")
    assert n_together(mind, "tea", "milk") == 20
    assert mind.anticipate(k=1)[0].what == "wake"
    followed = {(one.given, one.then): one for one in mind.patterns.sequences()}
    assert followed[("wake",), "tea"].n == 20
    assert followed[("wake",), "tea"].evidence  # the revisions say the same
    assert not {then for given, then in followed if given == ("tea",)} & {"tea", "milk"}
    assert followed[("wake",), "tea"].lag_seconds == pytest.approx(
        3600, rel=0.01
    )  # when it was, not when it was revised
    before = told(mind)
    mind.patterns.rebuild()
    assert told(mind) == before


def test_one_memory_revised_again_and_again_follows_nothing(mind: te.ThoughtEngine) -> None:
    mind.remember_many(life(10, "wake", "tea", "sleep"))
    told(mind)
    (*_, last) = mind.memories(tags="tea")
    for i in range(30):
        mind.revise(last.id, text=f"version {i}")
    assert ("tea",) not in [one.given for one in mind.patterns.sequences() if one.then == "tea"]


def test_learning_anew_learns_what_stands_in_its_place(mind: te.ThoughtEngine) -> None:
    mind.remember_many(life(12, "wake", "coffee", "sleep"))
    told(mind)
    for memory in list(mind.memories(tags="coffee")):
        mind.revise(memory.id, tags=["tea"])
    assert "coffee" not in " ".join(told(mind))
    mind.patterns.rebuild()
    found = {(one.given, one.then): one.n for one in mind.patterns.sequences()}
    assert found[("wake",), "tea"] == 12
    assert found[("tea",), "sleep"] == 12
    assert "coffee" not in " ".join(told(mind))
    assert mind.anticipate(given=["wake"], k=1)[0].what == "tea"
    mind.patterns.rebuild()
    assert mind.patterns.behind == 0


def test_a_moment_that_was_corrected_is_right_when_all_is_learned_anew(mind: te.ThoughtEngine) -> None:
    ids = mind.remember_many(life(12, "wake", "coffee", "sleep"))
    mind.revise(ids[1], at=START + dt.timedelta(hours=9))
    mind.forget(ids[4])
    mind.patterns.rebuild()
    (wake,) = [one for one in mind.patterns.sequences() if (one.given, one.then) == (("wake",), "coffee")]
    assert wake.n == 11
    assert wake.lag_seconds > 3600


@pytest.mark.parametrize("how", ["ask", "rebuild", "close"])
def test_what_was_forgotten_and_is_shown_again_is_learned(tmp_path: Path, how: str) -> None:
    def opened() -> te.ThoughtEngine:
        return te.open(tmp_path / "other", clock=lambda: START + dt.timedelta(days=60))

    other = opened()
    other.remember_many(life(20, "wake", "tea", "sleep"))
    receipt = other.forget(tags="tea")
    if how == "rebuild":
        other.patterns.rebuild()
    assert "tea" not in " ".join(told(other))
    if how == "close":
        other.close()
        other = opened()
    other.undo(receipt.id)
    if how == "close":
        other.close()
        other = opened()
    heard: list[str] = []
    for kind in ("anticipated", "changed"):
        other.events.subscribe(kind, lambda event: heard.append(event.kind))
    found = told(other)
    other.events.close()
    assert "'wake' → 'tea': 100% of 20" in " ".join(found)
    assert heard == []  # it all happened before
    other.patterns.rebuild()
    assert told(other) == found
    other.close()
