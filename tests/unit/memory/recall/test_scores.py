import pytest

from tests.indexes import NOON, ask, index_of, memory, record, same
from thoughtengine.memory.index.entry import make_entry
from thoughtengine.memory.recall import scores
from thoughtengine.memory.recall.channels import CHANNELS
from thoughtengine.memory.recall.scores import as_hits

RECORDS = [
    record("I gave up coffee in March. Tea only now.", source="Dana", episode="lunch", at=NOON - 9),
    record("Good for you!", source="Bob", episode="lunch", at=NOON - 8),
    record("The train was late again.", source="Bob", episode="trip", at=NOON - 7),
]
INDEX = index_of(*map(make_entry, RECORDS))
MEMORIES = {id_: memory(id_, of) for id_, of in enumerate(RECORDS, 1)}


def test_public_names_are_here() -> None:
    assert set(scores.__all__) == {"as_hits", "rank"}


def test_a_ranking_tells_everything_about_its_hits() -> None:
    ranking = ask(INDEX, "does Dana drink coffee?")
    assert ranking.ids.tolist() == [1, 2]
    assert ranking.channels == CHANNELS
    assert ranking.shares.shape == (2, len(CHANNELS))
    assert ranking.shares.sum(axis=1) == pytest.approx(ranking.scores, abs=1e-12)
    assert ranking.n_candidates == 2
    assert set(ranking.words) == {"does", "dana", "drink", "coffee"}
    assert set(ranking.words[:2]) == {"dana", "coffee"}  # the rarest of those that occur


def test_at_most_k() -> None:
    assert ask(INDEX, "coffee train", k=1).ids.tolist() == ask(INDEX, "coffee train").ids.tolist()[:1]


@pytest.mark.parametrize("cue", ["nothing of that", "!?", "ünïcödé 月"])
def test_what_matches_nothing_finds_nothing(cue: str) -> None:
    ranking = ask(INDEX, cue)
    assert len(ranking.ids) == len(ranking.scores) == len(ranking.n_repeats) == 0
    assert ranking.shares.shape == (0, len(CHANNELS))
    assert ranking.n_candidates == 0
    assert as_hits(ranking, MEMORIES, ranking.scores) == ()


def test_looking_changes_nothing() -> None:
    first = ask(INDEX, "coffee in March")
    for cue in ("coffee", "train", "Bob", "in March"):
        ask(INDEX, cue)
    assert same(first, ask(INDEX, "coffee in March"))


def test_a_vector_where_nobody_has_one_finds_nothing() -> None:
    assert len(ask(INDEX, vector=[1.0, 0.0]).ids) == 0


def test_hits_carry_memory_score_and_reasons() -> None:
    ranking = ask(INDEX, "does Dana drink coffee?")
    hits = as_hits(ranking, MEMORIES, ranking.scores)
    assert [hit.id for hit in hits] == [1, 2]
    for hit, score in zip(hits, ranking.scores.tolist(), strict=True):
        assert hit.score == score
        assert sum(hit.why.values()) == pytest.approx(score, abs=1e-9)
        assert all(part > 0.0 for part in hit.why.values())
    assert '"coffee"' in str(hits[0].why)
    assert "just after a match" in str(hits[1].why)


def test_a_memory_that_is_gone_is_left_out() -> None:
    ranking = ask(INDEX, "does Dana drink coffee?")
    assert [hit.id for hit in as_hits(ranking, {2: MEMORIES[2]}, ranking.scores)] == [2]
