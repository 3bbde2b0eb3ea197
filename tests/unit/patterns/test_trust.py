from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import thoughtengine as te
from thoughtengine.memory.record import VerdictRecord
from thoughtengine.patterns.trust import faded, trust
from thoughtengine.storage.keyspace import VERDICT

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
counts = st.floats(0.0, 1e6)
balances = st.floats(-3.5, 3.5)


@given(n=st.floats(1.0, 1e6), by_chance=counts, said=balances, outcome=balances, halvings=st.floats(0.0, 100.0))
def test_trust_grows_with_what_speaks_for_it_and_fades(
    n: float, by_chance: float, said: float, outcome: float, halvings: float
) -> None:
    base = trust(n, by_chance, said, outcome, halvings)
    assert 0.0 <= base <= 1.0
    assert trust(2 * n, by_chance, said, outcome, halvings) >= base
    assert trust(n, by_chance, said + 0.5, outcome, halvings) >= base
    assert trust(n, by_chance, said, outcome + 0.5, halvings) >= base
    assert trust(n, by_chance + 1.0, said, outcome, halvings) <= base
    assert trust(n, by_chance, said, outcome, halvings + 1.0) <= base


@given(silence=st.floats(0.0, 1e9), pause=st.floats(1.0, 1e6), life=st.floats(0.0, 1e9))
def test_what_is_seen_as_often_as_usual_does_not_fade_by_its_pauses(silence: float, pause: float, life: float) -> None:
    lost = faded(silence, pause, life)
    assert 0.0 <= lost <= faded(2.0 * silence, pause, life)
    if silence <= pause:
        assert lost == pytest.approx(4.0 * silence / max(life, pause))


def days(first: int, stop: int, *tags: str) -> list[te.Experience]:
    """Give days in which the same things follow each other, an hour apart, before a walk in the evening."""
    return [
        te.Experience(tags=[tag], source="home", at=START + dt.timedelta(days=day, hours=7 + hour))
        for day in range(first, stop)
        for hour, tag in enumerate((*tags, "walk"))
    ]


@pytest.fixture
def mind(tmp_path: Path) -> Iterator[te.ThoughtEngine]:
    with te.open(tmp_path / "mind", clock=lambda: START + dt.timedelta(days=40)) as mind:
        yield mind


def sequence(mind: te.ThoughtEngine, given: str, then: str) -> te.Sequence:
    (found,) = [one for one in mind.patterns.sequences() if (one.given, one.then) == ((given,), then)]
    return found


def test_confirmation_raises_trust_contradiction_and_silence_lower_it(mind: te.ThoughtEngine) -> None:
    mind.remember_many(days(0, 8, "wake", "coffee"))
    few = sequence(mind, "wake", "coffee").trust
    mind.remember_many(days(8, 30, "wake", "coffee"))
    many = sequence(mind, "wake", "coffee")
    assert many.trust > few
    mind.remember_many(days(30, 50, "wake", "tea"))
    contradicted = sequence(mind, "wake", "coffee")
    assert contradicted.n == many.n
    assert contradicted.trust < many.trust
    mind.remember_many(days(50, 400, "read"))
    assert sequence(mind, "wake", "coffee").trust < 0.5 * contradicted.trust
    trusts = [one.trust >= 0.5 for one in mind.patterns.sequences()]
    assert trusts == sorted(trusts, reverse=True)


def test_what_the_host_says_counts_and_is_kept(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember_many(days(0, 30, "wake", "coffee"))
        for found in (mind.patterns.sequences(), mind.patterns.rhythms()):
            first = found[0]
            mind.patterns.feedback(first, reward=-1)
            mind.patterns.feedback(first.id, reward=-0.5)
        before = sequence(mind, "wake", "coffee").trust
        mind.patterns.feedback(mind.anticipate(given=["walk", "wake"])[0], reward=-1)
        lower = sequence(mind, "wake", "coffee").trust
        assert lower < before
        after = [
            [(one.id, one.trust) for one in found] for found in (mind.patterns.sequences(), mind.patterns.rhythms())
        ]
    with te.open(tmp_path / "mind") as mind:
        mind.patterns.rebuild()
        assert [
            [(one.id, one.trust) for one in found] for found in (mind.patterns.sequences(), mind.patterns.rhythms())
        ] == after
        assert mind.check() == []


def test_concepts_and_associations_take_feedback(mind: te.ThoughtEngine) -> None:
    mind.remember_many(
        [te.Experience(text=f"tea {i}", vector=[1.0, 0.1 * i], tags=["tea", "cup"], source=f"s{i}") for i in range(20)]
        + [te.Experience(text=f"rail {i}", vector=[-1.0, 0.1 * i], tags=[f"r{i}"], source="x") for i in range(80)]
    )
    for ask in (mind.patterns.concepts, mind.patterns.associations):
        first = ask()[0]  # type: ignore[operator]
        mind.patterns.feedback(first, reward=1.0)
        (again,) = [one for one in ask() if one.id == first.id]  # type: ignore[operator]
        assert again.trust > first.trust


@pytest.mark.parametrize("reward", [2, -1.5, "good", True, float("nan")])
def test_a_reward_is_a_number_up_to_one(mind: te.ThoughtEngine, reward: object) -> None:
    mind.remember_many(days(0, 20, "wake", "coffee"))
    with pytest.raises(te.InvalidArgumentError, match="reward"):
        mind.patterns.feedback(mind.patterns.sequences()[0], reward=reward)  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", [0, 12345, "wake", None, True])
def test_feedback_is_about_a_pattern(mind: te.ThoughtEngine, pattern: object) -> None:
    mind.remember_many(days(0, 20, "wake", "coffee"))
    with pytest.raises(te.InvalidArgumentError, match="pattern"):
        mind.patterns.feedback(pattern, reward=1)  # type: ignore[arg-type]


def test_predictions_that_come_true_raise_trust_those_that_fail_lower_it(mind: te.ThoughtEngine) -> None:
    mind.remember_many(days(0, 30, "wake", "coffee"))
    trusts = [sequence(mind, "walk", "wake").trust]
    for tag in ("wake", "alarm", "alarm"):
        mind.anticipate()
        for what in (tag, "coffee", "walk"):
            mind.remember(tags=[what], source="home", at=START + dt.timedelta(days=30, hours=len(trusts)))
        trusts.append(sequence(mind, "walk", "wake").trust)
    assert trusts[1] > trusts[0]
    assert trusts[3] < trusts[2] < trusts[1]


def test_a_concept_that_was_expected_comes_true(mind: te.ThoughtEngine) -> None:
    heard: list[bool] = []
    mind.events.subscribe("anticipated", lambda event: heard.append(event.data["came_true"]))
    sides = ([1.0, 0.1], [-1.0, 0.2], [0.1, -1.0])
    mind.remember_many(te.Experience(text=f"side {i % 3}", vector=sides[i % 3], source="home") for i in range(90))
    for side in (0, 2):
        best = mind.anticipate()[0]
        assert best.of == "concept"
        mind.remember("again", vector=sides[side], source="home")
    mind.patterns.catch_up()
    mind.events.close()
    assert heard == [True, False]


def test_a_prediction_that_is_overdue_has_failed(mind: te.ThoughtEngine) -> None:
    heard: list[tuple[str, bool, bool]] = []
    mind.events.subscribe(
        "anticipated", lambda event: heard.append((event.data["what"], event.data["came_true"], event.data["overdue"]))
    )
    mind.remember_many(days(0, 30, "wake", "coffee"))
    mind.remember(tags=["wake"], source="home", at=START + dt.timedelta(days=30, hours=7))
    best = mind.anticipate(at=START + dt.timedelta(days=30, hours=7))[0]
    assert best.what == "coffee"
    for hours in (1, 9):
        mind.remember("a call", source="phone", at=START + dt.timedelta(days=30, hours=7 + hours))
        mind.patterns.catch_up()
    mind.events.close()
    assert heard == [("coffee", False, True)]


def test_a_verdict_goes_with_the_evidence_it_rested_on(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        ids = mind.remember_many(days(0, 20, "wake", "tryst"))
        mind.remember_many(days(20, 40, "wake", "coffee"))
        mind.patterns.feedback(sequence(mind, "wake", "tryst"), reward=1)
        mind.patterns.feedback(sequence(mind, "wake", "coffee"), reward=1)
        mind.forget(*[id_ for id_ in ids if mind[id_].tags == ("tryst",)], erase=True)
        assert "tryst" not in str(mind.patterns.sequences())
        assert len(list(mind._store.rows(VERDICT, VerdictRecord))) == 1
        assert mind.check() == []


def test_a_rhythm_without_visible_evidence_is_not_told(mind: te.ThoughtEngine) -> None:
    ids = mind.remember_many(days(0, 30, "wake", "coffee"))
    rhythm = next(one for one in mind.patterns.rhythms() if one.what == "coffee")
    assert {mind[id_].tags for id_ in rhythm.evidence} == {("coffee",)}
    mind.forget(*[id_ for id_ in ids if mind[id_].tags == ("coffee",)])
    assert "coffee" not in {one.what for one in mind.patterns.rhythms()}


def test_one_prediction_that_fails_does_not_silence_those_after_it(mind: te.ThoughtEngine) -> None:
    moments = iter(START + dt.timedelta(hours=hour) for hour in range(1000))

    def put(*tags: str) -> None:
        mind.remember_many(te.Experience(tags=[tag], source="home", at=next(moments)) for tag in tags)

    def told() -> float:
        return {one.what: one.probability for one in mind.anticipate()}["coffee"]

    put(*("wake", "coffee", "walk") * 100, "wake")
    told()
    put("tv", "wake")
    assert told() > 0.5
    for _ in range(40):
        put("coffee", "walk", "wake")
        told()
    assert told() > 0.9


def test_the_newest_word_of_the_host_counts_however_much_was_said_before(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", clock=lambda: START + dt.timedelta(days=40)) as mind:
        mind.remember_many(days(0, 30, "wake", "coffee"))
        habit = sequence(mind, "wake", "coffee")
        for _ in range(10):
            mind.patterns.feedback(habit, reward=1)
        praised = sequence(mind, "wake", "coffee").trust
        for _ in range(6):
            mind.patterns.feedback(habit, reward=-1)
        blamed = sequence(mind, "wake", "coffee").trust
        assert blamed < habit.trust < praised
    with te.open(tmp_path / "mind", clock=lambda: START + dt.timedelta(days=40)) as mind:
        assert sequence(mind, "wake", "coffee").trust == blamed


@pytest.mark.parametrize(("ahead", "trusted"), [(1, True), (15, True), (28, True), (30, True), (90, False)])
def test_a_monthly_habit_is_relied_on_until_it_is_due_again(tmp_path: Path, ahead: int, trusted: bool) -> None:
    first = dt.datetime(2026, 1, 1, 9, tzinfo=dt.UTC)
    rents = [first.replace(month=month, minute=month) for month in range(1, 7)]
    now = rents[-1] + dt.timedelta(days=ahead)
    walks = [first + dt.timedelta(days=day, hours=day % 9) for day in range((now - first).days)]
    with te.open(tmp_path / "mind", clock=lambda: now) as mind:
        for tag, at in sorted(
            [*(("rent", at) for at in rents), *(("walk", at) for at in walks)], key=lambda one: one[1]
        ):
            mind.remember(tags=[tag], at=at)
        (rent,) = [one for one in mind.patterns.rhythms() if one.what == "rent"]
        assert (rent.trust >= 0.5) == trusted


@pytest.mark.parametrize("silent", [3, 10, 21, 400])
def test_a_gap_in_everything_is_charged_to_nobody(tmp_path: Path, silent: int) -> None:
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: START + dt.timedelta(days=300 + silent)) as mind:
        mind.remember_many(
            te.Experience(tags=[tag], source="home", at=START + dt.timedelta(days=day, hours=hour))
            for day in range(300)
            for tag, hour in (("wake", 6), ("med", 7), ("med", 14), ("med", 22))
        )
        before = {one.id: one.trust for one in [*mind.patterns.rhythms(), *mind.patterns.sequences()]}
        assert len(before) > 4
        mind.remember(tags=["mail"], source="office", at=START + dt.timedelta(days=300 + silent))
        after = {one.id: one.trust for one in [*mind.patterns.rhythms(), *mind.patterns.sequences()]}
        assert all(after[one] >= 0.93 * trust for one, trust in before.items())


def test_what_does_not_come_while_all_else_goes_on_after_a_gap_is_doubted(tmp_path: Path) -> None:
    habits = [(day, tag, hour) for day in (*range(100), *range(130, 160)) for tag, hour in (("wake", 6), ("med", 7))]
    with te.open(tmp_path / "mind", timezone="UTC", clock=lambda: START + dt.timedelta(days=160)) as mind:
        for day, tag, hour in habits:
            if tag == "wake" or day < 100:
                mind.remember(tags=[tag], source="home", at=START + dt.timedelta(days=day, hours=hour))
        trust = {one.what: one.trust for one in mind.patterns.rhythms()}
        assert trust["med"] < 0.2
        assert trust["wake"] > 0.8
