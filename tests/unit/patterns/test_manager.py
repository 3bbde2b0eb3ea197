from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

import thoughtengine as te
from thoughtengine.patterns import state
from thoughtengine.patterns.manager import PatternManager
from thoughtengine.storage.batch import Batch
from thoughtengine.storage.keyspace import PATTERN

START = dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))
DAY_OF = (("wake", 7), ("coffee", 8), ("lunch", 12), ("sleep", 22))


def days(n: int, *, first: int = 0) -> list[te.Experience]:
    """Give n days of a home, each with the same four things at nearly the same hours."""
    random = np.random.default_rng(first)
    return [
        te.Experience(
            text=f"{tag} at home" + (" with Ann Smith" if tag == "lunch" else ""), tags=[tag], source="home",
            at=START + dt.timedelta(days=day, hours=hour, minutes=int(random.integers(0, 30))),
        )
        for day in range(first, first + n)
        for tag, hour in DAY_OF
    ]  # fmt: skip


@pytest.fixture
def mind(tmp_path: Path) -> Iterator[te.ThoughtEngine]:
    with te.open(tmp_path / "mind", clock=lambda: START + dt.timedelta(days=29, hours=23)) as mind:
        yield mind


def told(mind: te.ThoughtEngine) -> list[object]:
    """Give all that a mind noticed."""
    patterns = mind.patterns
    return [
        patterns.associations(),
        patterns.sequences(),
        patterns.rhythms(),
        mind.anticipate(given=["wake"], at=START),
    ]


def test_habits_of_a_home_are_noticed(mind: te.ThoughtEngine) -> None:
    ids = mind.remember_many(days(30))
    pairs = {frozenset(one.items): one for one in mind.patterns.associations()}
    assert set(pairs[frozenset(("lunch", "Ann Smith"))].evidence) <= set(ids)
    follows = {(one.given, one.then): one for one in mind.patterns.sequences()}
    coffee = follows[("wake",), "coffee"]
    assert (coffee.n, coffee.confidence) == (30, 1.0)
    assert coffee.lag_seconds == pytest.approx(3600, rel=0.2)
    assert mind[coffee.evidence[0]].tags == ("coffee",)
    rhythms = {one.what: one for one in mind.patterns.rhythms()}
    assert rhythms["sleep"].period_seconds == 86_400
    assert rhythms["sleep"].phase_seconds / 3600 == pytest.approx(22.25, abs=0.3)


def test_what_comes_next_is_told_with_when_and_why(mind: te.ThoughtEngine) -> None:
    mind.remember_many(days(30))
    best = mind.anticipate()[0]
    assert (best.what, best.of) == ("wake", "tag")
    assert best.probability > 0.7
    assert best.at is not None
    assert abs(best.at - (START + dt.timedelta(days=30, hours=7))) < dt.timedelta(hours=1)
    assert "sleep" in best.because
    assert [one.what for one in mind.anticipate(given=["sleep", "wake"], k=1)] == ["coffee"]
    chances = [one.probability for one in mind.anticipate(k=4)]
    assert chances == sorted(chances, reverse=True)


def test_an_empty_mind_expects_nothing(mind: te.ThoughtEngine) -> None:
    assert mind.anticipate() == mind.patterns.concepts() == mind.patterns.rhythms() == mind.patterns.sequences() == []


def test_an_expectation_that_comes_true_or_fails_is_an_event(mind: te.ThoughtEngine) -> None:
    heard: list[tuple[str, bool]] = []
    mind.events.subscribe("anticipated", lambda event: heard.append((event.data["what"], event.data["came_true"])))
    mind.remember_many(days(30))
    for tag in ("wake", "alarm"):
        mind.anticipate()
        mind.remember(tag, tags=[tag], source="home", at=START + dt.timedelta(days=31))
    mind.patterns.catch_up()
    mind.events.close()
    assert heard == [("wake", True), ("coffee", False)]


def test_looking_changes_nothing(mind: te.ThoughtEngine) -> None:
    mind.remember_many(days(20))
    assert told(mind) == told(mind)


@pytest.mark.parametrize("given", ["wake", [1], 5])
def test_given_must_be_tags(mind: te.ThoughtEngine, given: object) -> None:
    with pytest.raises(te.InvalidArgumentError, match="given"):
        mind.anticipate(given=given)  # type: ignore[arg-type]


@pytest.mark.parametrize("k", [0, True, "5"])
def test_k_must_be_a_whole_number(mind: te.ThoughtEngine, k: object) -> None:
    with pytest.raises(te.InvalidArgumentError, match="k"):
        mind.anticipate(k=k)  # type: ignore[arg-type]


def test_inferred_and_forgotten_memories_are_not_noticed(mind: te.ThoughtEngine) -> None:
    ids = mind.remember_many(days(20))
    mind.remember_many([te.Experience(tags=["echo"], layer="dream", derived_from=ids[:1]) for _ in range(20)])
    mind.forget(*[id_ for id_ in ids if mind[id_].tags == ("coffee",)])
    names = str(told(mind))
    assert "echo" not in names
    assert "coffee" not in names
    assert "lunch" in names


def test_what_no_visible_memory_has_any_more_is_not_told_until_it_is_shown_again(mind: te.ThoughtEngine) -> None:
    def names() -> str:
        return str([*told(mind), mind.anticipate(given=["wake", "SECRET"])])

    for day in range(40):
        mind.remember_many(te.Experience(tags=[tag], source="home") for tag in ("wake", "SECRET", "walk"))
        mind.remember(tags=["note"], source="spy", at=START + dt.timedelta(days=day))
    mind.remember(tags=["wake"], source="home")
    before = mind.anticipate()
    assert before[0].what == "SECRET"
    receipts = [mind.forget(tags="SECRET"), mind.forget(sources="spy")]
    assert "SECRET" not in names()
    assert "spy" not in names()
    assert "SECRET" not in str(mind.anticipate())
    for receipt in receipts:
        mind.undo(receipt)
    assert "SECRET" in names()
    assert mind.anticipate() == before


# kept


def reopened(path: Path) -> te.ThoughtEngine:
    return te.open(path, clock=lambda: START + dt.timedelta(days=29, hours=23))


def test_what_was_noticed_is_there_again_without_learning_anew(tmp_path: Path) -> None:
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(20))
        before = told(mind)
    with reopened(tmp_path / "mind") as mind:
        assert mind.patterns.behind == 0
        assert told(mind) == before
        assert mind.check() == []


def test_what_came_after_the_last_saving_is_learned_at_the_next_opening(tmp_path: Path) -> None:
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(20))
        told(mind)
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(10, first=20))
    with reopened(tmp_path / "mind") as mind, reopened(tmp_path / "other") as other:
        assert mind.patterns.behind == 40
        other.remember_many([*days(20), *days(10, first=20)])
        assert told(mind) == told(other)


@pytest.mark.parametrize("harm", ["missing", "torn", "half", "other logic", "ahead"])
def test_state_that_cannot_be_trusted_is_learned_anew(tmp_path: Path, harm: str) -> None:
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(20))
        before = told(mind)
    with reopened(tmp_path / "mind") as mind:
        head = mind._store.get(PATTERN, 0, state.PatternsRecord)
        assert head is not None
        batch = Batch()
        if harm == "missing":
            batch.delete(PATTERN, 0)
        elif harm == "half":
            batch.delete(PATTERN, 3)
        elif harm == "torn":
            batch.put(PATTERN, 2, {"name": "associations pairs"})
        elif harm == "other logic":
            batch.put(PATTERN, 0, msgspec.structs.replace(head, logic=head.logic + 1))
        else:
            batch.put(PATTERN, 0, msgspec.structs.replace(head, covered=head.covered + 1))
        mind._store.commit(batch)
    with reopened(tmp_path / "mind") as mind:
        assert mind.patterns.behind == 80
        assert told(mind) == before


def test_what_an_erased_memory_taught_is_gone_from_every_file(tmp_path: Path) -> None:
    with reopened(tmp_path / "mind") as mind:
        mind.remember_many(days(10))
        secret = mind.remember_many([te.Experience(text="we met Zebulon Quark", tags=["tryst-7741"]) for _ in range(6)])
        assert "tryst-7741" in mind.patterns._finders.names.get(
            mind.patterns._finders.sequences.history(0)[0], ("", "tryst-7741")
        )
        told(mind)
        mind.patterns.save()
        mind.snapshot("before")
        mind.forget(*secret, erase=True)
        assert "tryst-7741" not in str(told(mind))
        assert mind.check() == []
    for file in (tmp_path / "mind").rglob("*"):
        assert not file.is_file() or b"tryst-7741" not in file.read_bytes()


def test_learning_anew_gives_the_same(mind: te.ThoughtEngine) -> None:
    mind.remember_many(days(20))
    before = told(mind)
    mind.patterns.rebuild()
    assert told(mind) == before


def test_a_mind_below_the_threshold_learns_nothing_unasked(tmp_path: Path) -> None:
    few = te.Config(patterns=te.PatternsConfig(on=True, after=60))
    with te.open(tmp_path / "mind", config=few) as mind:
        mind.remember_many(days(10))
        assert mind._patterns is None
        mind.remember_many(days(10, first=10))
        assert mind._patterns is not None
    with te.open(tmp_path / "off", config=te.Config(patterns=te.PatternsConfig(on=False, after=1))) as mind:
        mind.remember_many(days(10))
        assert mind._patterns is None
        assert mind.patterns.sequences() != []


def test_a_failing_finder_does_not_fail_a_remember(mind: te.ThoughtEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    mind.remember_many(days(2))
    monkeypatch.setattr(type(mind.patterns), "told", lambda self, stored: 1 / 0)
    assert mind.remember("still there") in mind


# concepts


def vectored(n: int) -> list[te.Experience]:
    random = np.random.default_rng(1)
    directions = random.normal(size=(3, 64))
    words = ("tea kettle cup", "boiler radiator pipe", "train platform ticket")
    return [
        te.Experience(
            text=f"{words[i % 3]} number {i}", vector=directions[i % 3] + 0.3 * random.normal(size=64), source="a"
        )
        for i in range(n)
    ]


def test_concepts_have_telling_words_and_members(mind: te.ThoughtEngine) -> None:
    ids = mind.remember_many(vectored(90))
    found = mind.patterns.concepts()
    assert sorted(set(one.terms[:3]) & {"kettle", "boiler", "train"} != set() for one in found) == [True] * 3
    assert sum(one.n_members for one in found) == 90
    kettle = mind.patterns.concept_of(ids[60])
    assert kettle is not None
    assert "kettle" in kettle.terms
    assert kettle in found
    assert all("kettle" in (mind[id_].text or "") for id_ in kettle.exemplars)
    assert "members" in repr(kettle)


def test_a_forgotten_memory_is_no_exemplar_and_gives_no_word(mind: te.ThoughtEngine) -> None:
    ids = mind.remember_many([te.Experience(text="kettle zyzzyva", vector=[1.0, 0.1]), *vectored_twice()])
    before = mind.patterns.concept_of(ids[1])
    assert before is not None
    assert "zyzzyva" in before.terms
    receipt = mind.forget(ids[0])
    after = mind.patterns.concept_of(ids[1])
    assert after is not None
    assert "zyzzyva" not in after.terms
    assert ids[0] not in after.exemplars
    mind.undo(receipt)
    assert mind.patterns.concept_of(ids[1]) == before


def vectored_twice() -> list[te.Experience]:
    """Give memories in two directions."""
    return [
        te.Experience(text="kettle" if i % 2 else "ladder", vector=[1.0, 0.0] if i % 2 else [0.0, 1.0])
        for i in range(1, 9)
    ]


def test_a_new_cluster_is_known_at_once(mind: te.ThoughtEngine) -> None:
    mind.remember_many(vectored(200))
    mind.patterns.concepts()
    stranger = mind.remember("quite another thing", vector=np.random.default_rng(7).normal(size=64))
    concept = mind.patterns.concept_of(stranger)
    assert concept is not None
    assert concept.id == stranger


def test_the_id_of_a_concept_is_that_of_a_memory_in_it(mind: te.ThoughtEngine) -> None:
    random = np.random.default_rng(0)
    mind.remember_many(te.Experience(text=f"w{i}", vector=random.normal(size=12)) for i in range(400))
    found = mind.patterns.concepts()
    assert found
    assert [mind.patterns.concept_of(one.id) for one in found] == found


def test_without_tags_the_next_concept_is_expected(mind: te.ThoughtEngine) -> None:
    mind.remember_many(vectored(150))
    best = mind.anticipate()[0]
    assert best.of == "concept"
    assert best.probability > 0.5
    expected = mind.patterns.concept_of(148)  # of those that come in threes
    assert expected is not None
    assert best.what == expected.label


def test_concepts_of_nobody_and_nothing(mind: te.ThoughtEngine) -> None:
    plain = mind.remember("no vector")
    assert mind.patterns.concept_of(plain) is None
    assert mind.patterns.concepts() == []
    with pytest.raises(te.MemoryNotFoundError):
        mind.patterns.concept_of(99)
    with pytest.raises(te.InvalidArgumentError):
        mind.patterns.concept_of("a")  # type: ignore[arg-type]


def test_surprise_is_told_before_anything_is_remembered(mind: te.ThoughtEngine) -> None:
    assert mind.patterns.surprise(tags=["wake"]) is None
    mind.remember_many(days(30))
    mind.remember_many(vectored(90))
    usual = mind.patterns.surprise(tags=["wake"], source="home")  # takes in what waits
    unusual = mind.patterns.surprise(tags=["fire"], source="home")
    assert usual is not None
    assert unusual is not None
    assert usual < 1.0
    assert unusual > 5.0
    known = mind.patterns.surprise(vector=np.asarray(vectored(3)[0].vector, np.float32))
    strange = mind.patterns.surprise(vector=np.random.default_rng(5).normal(size=64).astype(np.float32))
    assert known is not None
    assert strange is not None
    assert strange > known
    assert mind.patterns.surprise(source="home") is None
    night = START + dt.timedelta(days=29, hours=23)
    soon = mind.patterns.surprise(tags=["lunch"], source="home", at=night.isoformat())
    late = mind.patterns.surprise(tags=["lunch"], source="home", at=night + dt.timedelta(hours=13))
    assert soon is not None
    assert late is not None
    assert late < soon  # by then who gets up has long been up
    with pytest.raises(te.InvalidArgumentError, match="at"):
        mind.patterns.surprise(tags=["lunch"], at=5)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_taken(mind: te.ThoughtEngine) -> None:
    ids = mind.remember_many(days(20))
    patterns = mind.patterns
    assert patterns.episodes(k=np.int64(3)) == patterns.episodes(k=3)  # type: ignore[arg-type]
    assert patterns.concept_of(np.int64(ids[0])) is None  # type: ignore[arg-type]
    assert mind.anticipate(k=np.int32(2)) == mind.anticipate(k=2)  # type: ignore[arg-type]
    first = patterns.sequences()[-1]
    patterns.feedback(np.int64(first.id), reward=np.float32(-0.5))  # type: ignore[arg-type]
    assert next(one for one in patterns.sequences() if one.id == first.id).trust < first.trust
    after = te.PatternsConfig(after=np.int64(5)).after  # type: ignore[arg-type]
    assert (after, type(after)) == (5, int)


def test_recall_asks_for_associations_where_that_is_switched_on(tmp_path: Path) -> None:
    for on in (False, True):
        config = te.Config(patterns=te.PatternsConfig(recall=on))
        with te.open(tmp_path / str(on), config=config) as mind:
            mind.remember_many(days(30))
            mind.remember("somebody else came by")
            hits = mind.recall("Ann Smith", k=100)
            assert [hit for hit in hits if hit.why.get("associations", 0.0) > 0.0] != [] if on else True
            assert (mind._patterns is not None) == on


def test_associations_call_up_memories(mind: te.ThoughtEngine) -> None:
    mind.remember_many(days(30))
    mind.patterns.catch_up()
    ids, scores = mind.patterns.activate(text="when do I see Ann Smith?")
    assert {mind[id_].tags for id_ in ids} == {("lunch",)}
    assert max(scores) == 1.0
    assert {type(id_) for id_ in ids} == {int}
    assert len(mind.patterns.activate(tags=["unheard of"])[0]) == 0


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("activate", {"tags": 5}),
        ("activate", {"tags": "wake"}),
        ("activate", {"tags": [5]}),
        ("activate", {"tags": ["\ud800"]}),
        ("activate", {"sources": "home"}),
        ("activate", {"text": 5}),
        ("activate", {"text": b"x"}),
        ("activate", {"vector": [float("nan"), 1.0]}),
        ("activate", {"vector": [1.0, 2.0, 3.0]}),
        ("surprise", {"tags": "wake"}),
        ("surprise", {"source": 5}),
        ("surprise", {"episode": b"x"}),
        ("surprise", {"vector": "ab"}),
        ("surprise", {"vector": [[1.0, 2.0]]}),
        ("surprise", {"vector": [1.0, 2.0, 3.0]}),
        ("surprise", {"at": object()}),
        ("surprise", {"at": 10**30}),
        ("anticipate", {"now": object()}),
        ("anticipate", {"now": 0, "episode": 5}),
        ("anticipate", {"now": 0, "k": 10**20}),
        ("episodes", {"k": 10**20}),
    ],
)
def test_what_cannot_be_used_is_refused_as_by_recall(
    mind: te.ThoughtEngine, call: str, arguments: dict[str, object]
) -> None:
    mind.remember_many(te.Experience(tags=["wake"], source="home", vector=[1.0, float(i)]) for i in range(9))
    mind.patterns.catch_up()
    with pytest.raises(te.InvalidArgumentError, match=list(arguments)[-1]):
        getattr(mind.patterns, call)(**arguments)


@pytest.mark.parametrize("id_", [-1, 0, 10**400])
def test_the_concept_of_an_id_that_cannot_be_is_not_found(mind: te.ThoughtEngine, id_: int) -> None:
    mind.remember("tea", vector=[1.0, 0.0])
    with pytest.raises(te.MemoryNotFoundError):
        mind.patterns.concept_of(id_)


def test_vectors_may_be_lists_and_tags_any_iterable(mind: te.ThoughtEngine) -> None:
    ids = mind.remember_many(vectored_twice())
    mind.patterns.catch_up()
    assert set(mind.patterns.activate(vector=[1.0, 0.0])[0]) <= set(ids)
    assert mind.patterns.surprise(vector=[1, 0]) is not None
    mind.remember_many(days(9))
    assert mind.anticipate(given=iter(["sleep", "wake"])) == mind.anticipate(given=["sleep", "wake"])  # type: ignore[arg-type]


CALLS: dict[str, Callable[[PatternManager], object]] = {
    "save": lambda patterns: patterns.save(),
    "catch_up": lambda patterns: patterns.catch_up(),
    "behind": lambda patterns: patterns.behind,
    "activate": lambda patterns: patterns.activate(tags=["wake"]),
    "surprise": lambda patterns: patterns.surprise(tags=["wake"]),
    "anticipate": lambda patterns: patterns.anticipate(now=0),
    "concepts": lambda patterns: patterns.concepts(),
    "concept_of": lambda patterns: patterns.concept_of(1),
    "associations": lambda patterns: patterns.associations(),
    "sequences": lambda patterns: patterns.sequences(),
    "rhythms": lambda patterns: patterns.rhythms(),
    "episodes": lambda patterns: patterns.episodes(),
    "feedback": lambda patterns: patterns.feedback(1, reward=1),
    "rebuild": lambda patterns: patterns.rebuild(),
}


@pytest.mark.parametrize("call", CALLS)
def test_after_closing_every_call_says_so(mind: te.ThoughtEngine, call: str) -> None:
    mind.remember_many(days(9))
    patterns = mind.patterns
    patterns.catch_up()
    mind.close()
    with pytest.raises(te.StoreClosedError):
        CALLS[call](patterns)
