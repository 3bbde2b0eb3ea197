from tests.indexes import ask, entry, index_of, same, small_shortlist
from thoughtengine.memory.index import arrays
from thoughtengine.memory.recall.shortlist import with_neighbours
from thoughtengine.memory.record import MarkRecord

CROWD = [entry(f"tea {'leaf ' * (i % 7)}", episode=f"e{i % 5}", source=f"s{i % 3}") for i in range(200)]


def test_neighbours_are_two_before_and_two_after_in_the_episode() -> None:
    view = index_of(*(entry("x", episode=name) for name in "aabaaa")).view()
    assert with_neighbours(view, view.ids[:0], arrays).tolist() == []
    assert with_neighbours(view, view.ids[3:4] - 1, arrays).tolist() == [0, 1, 3, 4, 5]


def test_the_best_of_many_are_the_best_of_all() -> None:
    index = index_of(*CROWD, entry("milk tea", episode="e1"), entry("yes", episode="e1"))
    whole = ask(index, "milk tea", k=2)
    with small_shortlist(pool=4, friends=2):
        short = ask(index, "milk tea", k=2)
    different = {"n_candidates": 0, "crowd": whole.crowd}  # the crowd is those in question
    assert same(whole._replace(**different), short._replace(**different))
    assert short.n_candidates < whole.n_candidates
    assert whole.ids.tolist()[0] == 201


def test_the_neighbour_of_somebody_who_may_not_be_found() -> None:
    index = index_of(*CROWD, entry("milk", episode="new", source="Bob"), entry("yes", episode="new", source="s1"))
    with small_shortlist(pool=4, friends=2):
        assert ask(index, "milk", k=2, sources="s1").ids.tolist() == [202]


def test_what_replaced_a_match_is_found_too() -> None:
    index = index_of(entry("milk"), *CROWD, entry("nothing"), entry("at all"), entry("really"))
    index.mark(1, MarkRecord(superseded_by=202))
    index.mark(202, MarkRecord(superseded_by=204))
    with small_shortlist(pool=4, friends=2):
        assert ask(index, "milk", k=2).ids.tolist() == [204, 1]
        index.mark(204, MarkRecord(forgotten=(1,)))
        assert ask(index, "milk", k=2).ids.tolist() == [202, 1]


def test_time_alone_brings_memories_onto_the_list() -> None:
    index = index_of(*CROWD, entry("long ago", at="2001-02-03T12:00:00Z"), *CROWD)
    with small_shortlist(pool=4, friends=2):
        assert ask(index, "what was on 3 February 2001?", k=1).ids.tolist() == [201]
