import numpy as np

from thoughtengine.patterns.episodes import gaps, topics


def test_a_change_of_topic_is_found_where_it_is() -> None:
    random = np.random.default_rng(0)
    directions = random.normal(size=(4, 32))
    numbers = np.repeat(np.arange(4), [8, 5, 10, 7])
    vectors = (directions[numbers] + 0.5 * random.normal(size=(30, 32))).astype(np.float32)
    assert topics(vectors).tolist() == [8, 13, 23]


def test_a_higher_penalty_gives_fewer_segments() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    counts = [len(topics(vectors, penalty=penalty)) for penalty in (0.2, 0.8, 1.6, 3.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_nothing_and_one_have_no_boundary() -> None:
    assert topics(np.zeros((0, 4), np.float32)).tolist() == topics(np.ones((1, 4), np.float32)).tolist() == []
    assert gaps(np.array([5])).tolist() == gaps(np.array([7, 7, 7])).tolist() == []


def test_a_pause_much_longer_than_usual_is_a_boundary() -> None:
    minutes = np.array([0, 1, 3, 4, 6, 500, 501, 503, 1500, 1501])
    assert gaps(minutes * 60_000_000).tolist() == [5, 8]
