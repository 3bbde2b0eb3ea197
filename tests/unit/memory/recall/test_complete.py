from tests.indexes import ask, entry, index_of, share
from thoughtengine.memory.record import MarkRecord

TALK = [
    entry("red canoe", episode="1"),
    entry("it leaks, the canoe", episode="1"),
    entry("the red tent", episode="2"),
    entry("a canoe trip", episode="2"),
]


def test_neighbours_raise_nothing_above_half_of_a_memory_that_has_all_words() -> None:
    ranking = ask(index_of(*TALK), "red canoe")
    assert ranking.ids[0] == 1
    for own, lent in zip(share(ranking, "text"), share(ranking, "neighbours"), strict=True):
        assert lent == 0.0 or own + lent <= ranking.scores[0] / 2


def test_neighbours_add_where_no_memory_has_all_words() -> None:
    ranking = ask(index_of(*TALK[1:]), "red canoe")
    assert all(share(ranking, "neighbours")[i] > 0.0 for i in range(2))


def test_what_has_none_of_the_words_is_still_found_beside_a_match() -> None:
    ranking = ask(index_of(entry("where is the string?", episode="1"), entry("on the shelf", episode="1")), "string")
    assert ranking.ids.tolist() == [1, 2]
    assert share(ranking, "neighbours")[1] > 0.0


def test_only_what_may_be_found_counts() -> None:
    index = index_of(*TALK)
    index.mark(1, MarkRecord(forgotten=(1,)))
    hidden = ask(index, "red canoe")
    assert any(share(hidden, "neighbours"))
    chosen = ask(index_of(*TALK), "red canoe", episode="2")
    assert any(share(chosen, "neighbours"))
