import pytest

from tests.indexes import DAY, NOON, ask, entry, index_of, share, small_shortlist, with_vector
from thoughtengine.config import RecallConfig
from thoughtengine.memory.index.index import Index
from thoughtengine.memory.record import MarkRecord


def replaced(index: Index, *pairs: tuple[int, int]) -> Index:
    for old, new in pairs:
        index.mark(old, MarkRecord(superseded_by=new))
    return index


def test_of_equals_the_newer_comes_first() -> None:
    index = index_of(*(entry("tea", source=f"s{i}") for i in range(50)))
    assert ask(index, "tea", k=5).ids.tolist() == [50, 49, 48, 47, 46]


def test_repeats_are_folded_into_the_newest_best() -> None:
    index = index_of(
        entry("Tea, please", source="Dana"), entry("tea,  please!", source="Dana"), entry("tea, please", source="Bob"),
        entry("tea, please", source="Dana"), entry("tea, please"),
    )  # fmt: skip
    ranking = ask(index, "tea")
    assert ranking.ids.tolist() == [5, 4, 3]
    assert ranking.n_repeats.tolist() == [0, 2, 0]


def test_a_guess_is_no_repeat_of_what_happened() -> None:
    made = [entry("tea", layer=layer) for layer in ("sensory", "eternal", "dream", "logic", "dream")]
    ranking = ask(index_of(*made), "tea", layers=("sensory", "eternal", "dream", "logic"))
    assert ranking.ids.tolist() == [5, 4, 2]
    assert ranking.n_repeats.tolist() == [1, 0, 1]


def test_the_better_of_two_repeats_stands_for_both() -> None:
    index = index_of(entry("tea", at="2023-03-06T12:00:00Z"), entry("tea", at="2024-03-06T12:00:00Z"))
    ranking = ask(index, "tea on 6 March 2023")
    assert ranking.ids.tolist() == [1]
    assert ranking.n_repeats.tolist() == [1]


def test_only_repeats_that_may_be_found_are_counted() -> None:
    index = index_of(*(entry("tea", tags=(tag,)) for tag in ("a", "b", "a", "a")))
    index.mark(4, MarkRecord(forgotten=(1,)))
    ranking = ask(index, "tea", tags="a")
    assert (ranking.ids.tolist(), ranking.n_repeats.tolist()) == ([3], [1])


def test_what_was_superseded_is_no_repeat() -> None:
    """It was corrected, it did not happen again."""
    index = replaced(index_of(*(entry(f"Rent is {n}") for n in (500, 550, 500, 500))), (1, 2), (2, 3))
    ranking = ask(index, "rent 500")
    assert ranking.ids.tolist() == [4, 2]
    assert ranking.n_repeats.tolist() == [1, 0]  # 3, and not 1


def test_what_was_superseded_hides_no_repeat_that_stands() -> None:
    index = replaced(
        index_of(
            entry("Rent is 500", at="2023-03-06T12:00:00Z"), entry("Rent is 550", at="2023-04-06T12:00:00Z"),
            entry("Rent is 500", at="2024-03-06T12:00:00Z"),
        ), (1, 2),
    )  # fmt: skip
    ranking = ask(index, "rent 500 on 6 March 2023")
    assert ranking.ids.tolist() == [2, 3]  # 1 matches better than 3
    assert ranking.n_repeats.tolist() == [0, 0]
    index.mark(3, MarkRecord(forgotten=(1,)))
    assert ask(index, "rent 500 on 6 March 2023").ids.tolist() == [2, 1]


def test_of_what_was_superseded_none_is_a_repeat() -> None:
    index = replaced(index_of(*(entry(f"Rent is {n}") for n in (500, 550, 500, 600))), (1, 2), (2, 3), (3, 4))
    ranking = ask(index, "rent 500")
    assert (ranking.ids.tolist(), ranking.n_repeats.tolist()) == ([4, 3, 2], [0, 0, 0])


def test_superseded_memories_without_a_text_are_found_each() -> None:
    index = replaced(index_of(*(entry(tags=("work",)) for _ in range(3))), (1, 2))
    assert ask(index, "work").ids.tolist() == [3, 2, 1]


def test_many_repeats_leave_room_for_others() -> None:
    index = index_of(entry("tea with milk and a biscuit"), *(entry("tea") for _ in range(500)), entry("tea, no"))
    ranking = ask(index, "tea", k=3)
    assert sorted(ranking.ids.tolist()) == [1, 501, 502]
    assert ranking.n_repeats.tolist()[ranking.ids.tolist().index(501)] == 499


def test_memories_without_a_text_are_never_repeats() -> None:
    index = index_of(*(entry(tags=("work",)) for _ in range(3)))
    assert ask(index, "work").ids.tolist() == [3, 2, 1]


def test_a_revision_stands_above_what_it_replaced() -> None:
    index = index_of(entry("Dana lives in Berlin"), entry("She moved to Rome"), entry("Berlin is far"))
    before = ask(index, "Berlin")
    assert before.ids.tolist() == [3, 1]
    after = ask(replaced(index, (1, 2)), "Berlin")
    assert after.ids.tolist() == [3, 2, 1]
    assert share(after, "revision") == [0.0, pytest.approx(before.scores[1]), 0.0]
    assert after.scores[1] == after.scores[2] == before.scores[1]


def test_a_revision_that_matches_better_needs_no_help() -> None:
    index = replaced(index_of(entry("Dana drinks coffee now"), entry("tea")), (1, 2))
    ranking = ask(index, "tea or coffee")
    assert ranking.ids.tolist() == [2, 1]
    assert share(ranking, "revision") == [0.0, 0.0]


def test_only_the_newest_of_a_chain_is_lifted() -> None:
    index = replaced(
        index_of(entry("tea and rum"), entry("tea"), entry("milk"), entry("water")), (1, 2), (2, 3), (3, 4)
    )
    ranking = ask(index, "tea with rum")
    assert ranking.ids.tolist() == [4, 2, 1]  # 3 does not match, 1 may not stand above 2
    assert ranking.scores[0] > ranking.scores[1] == ranking.scores[2]
    assert ranking.shares.sum(axis=1) == pytest.approx(ranking.scores, abs=1e-9)


def test_a_long_history_does_not_crowd_out_the_rest() -> None:
    index = index_of(*(entry(f"mood {i}") for i in range(100)), entry("number 7 is late"))
    ranking = ask(replaced(index, *((i, i + 1) for i in range(1, 100))), "number 7", k=5)
    assert ranking.ids.tolist() == [101, 100, 8]  # the newest stands for the one that matches; the others are left out


def test_the_newest_that_may_be_found_stands_for_the_chain() -> None:
    index = replaced(index_of(entry("tea"), entry("milk"), entry("water")), (1, 2), (2, 3))
    index.mark(3, MarkRecord(forgotten=(1,)))
    assert ask(index, "tea").ids.tolist() == [2, 1]
    index.mark(2, MarkRecord(forgotten=(1,), superseded_by=3))
    assert ask(index, "tea").ids.tolist() == [1]


def test_a_chain_passes_through_what_may_not_be_found() -> None:
    index = replaced(index_of(entry("tea", tags=("a",)), entry("milk"), entry("water", tags=("a",))), (1, 2), (2, 3))
    assert ask(index, "tea", tags="a").ids.tolist() == [3, 1]


def test_two_may_be_replaced_by_one() -> None:
    index = replaced(index_of(entry("tea"), entry("tea and milk"), entry("water")), (1, 3), (2, 3))
    assert ask(index, "tea").ids.tolist()[0] == 3


STORIES = [f"tea with milk, cake number {n} and a biscuit" for n in range(20)]


def test_repeats_crowd_out_nobody_in_a_large_mind() -> None:
    index = index_of(*map(entry, [*STORIES, *["tea"] * 300]))
    whole = ask(index, "tea", k=12)
    with small_shortlist():
        few = ask(index, "tea", k=12)
    assert few.ids.tolist() == whole.ids.tolist() == [320, *range(20, 9, -1)]
    assert few.n_repeats.tolist() == whole.n_repeats.tolist()


def test_repeats_of_many_leave_room_for_each() -> None:
    index = index_of(
        *(entry(f"tea and cake number {n // 100}") for n in range(3000)), entry("biscuits, and much more tea")
    )
    with small_shortlist():
        ranking = ask(index, "tea", k=31)
    assert sorted(ranking.ids.tolist()) == [*range(100, 3001, 100), 3001]
    assert sorted(ranking.n_repeats.tolist()) == [0] + [99] * 30


def test_of_repeats_that_are_crowded_out_the_best_is_found() -> None:
    walks = [entry("a walk with tea", at=NOON - day * DAY) for day in range(30, 0, -1)]
    index = index_of(*walks, *(entry("tea", at=NOON - 2 * DAY) for _ in range(300)))
    with small_shortlist():
        ranking = ask(index, "who had tea two days ago?", k=2, now=NOON)
    assert ranking.ids.tolist() == [330, 29]
    assert ranking.n_repeats.tolist() == [299, 29]


def test_superseded_repeats_crowd_out_nobody() -> None:
    index = index_of(*map(entry, [*STORIES, *["tea"] * 300]))
    index = replaced(index, *((id_, id_ + 1) for id_ in range(21, 320)))
    with small_shortlist():
        ranking = ask(index, "tea", k=12)
    assert len(ranking.ids) == 12
    assert ranking.ids.tolist()[0] == 320


@pytest.mark.parametrize("n_repeats", [300, 3000])
def test_equal_vectors_crowd_out_nobody(n_repeats: int) -> None:
    index = Index(RecallConfig(), 2)
    rows = [(f"cake number {n}", [1.0, 0.1 + n / 100]) for n in range(20)] + [(None, [1.0, 0.5])] * 5
    rows += [(f"rain number {n}", [-1.0, 0.5]) for n in range(n_repeats)]  # so that likeness counts from low on
    for id_, (text, vector) in enumerate([*rows, *[("tea", [1.0, 0.0])] * n_repeats], 1):
        index.add(with_vector(id_, entry(text, tags=() if text else ("x",)), vector))
    whole = ask(index, vector=[1.0, 0.0], k=25)
    with small_shortlist():
        few = ask(index, vector=[1.0, 0.0], k=25)
    assert len(few.ids) == 25
    assert few.ids.tolist() == whole.ids.tolist()
    assert few.n_repeats.tolist()[0] == n_repeats - 1
