import numpy as np
import pytest

from thoughtengine.patterns.concepts import Concepts, group


def topics(n: int, *, noise: float = 0.6, d: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Give n vectors around ten directions, all leaning the same way, and the number of each one's direction."""
    random = np.random.default_rng(seed)
    directions, lean = random.normal(size=(10, d)), 3.0 * random.normal(size=d)
    numbers = random.integers(0, 10, n)
    return (directions[numbers] + noise * random.normal(size=(n, d)) + lean).astype(np.float32), numbers


def concepts_of(finder: Concepts, chosen: np.ndarray) -> np.ndarray:
    found = group(*finder.snapshot())
    concept = dict(zip(found.ids.tolist(), found.concepts.tolist(), strict=True))
    return np.array([concept[one] for one in chosen.tolist()])


def test_what_is_alike_comes_to_one_concept() -> None:
    vectors, numbers = topics(1500)
    finder = Concepts(64)
    chosen, _ = finder.learn(vectors, np.arange(1, 1501))
    late = concepts_of(finder, chosen)[500:]
    together = late[:, None] == late[None]
    same = numbers[500:, None] == numbers[None, 500:]
    assert (together == same).mean() > 0.97


@pytest.mark.parametrize("power", [-100, 120])
def test_the_length_of_a_vector_says_nothing(power: int) -> None:
    """Of very long and very short ones the square leaves float32, and the squares are not to be missed."""
    vectors, _ = topics(200)
    ids, sized = np.arange(1, 201), np.ldexp(vectors, power)
    finder, other = Concepts(64), Concepts(64)
    for one, two in zip(finder.learn(vectors, ids), other.learn(sized, ids), strict=True):
        assert (one == two).all()
    for one, two in zip(finder.likeness(vectors), other.likeness(sized), strict=True):
        assert (one == two).all()


def test_a_concept_is_named_by_its_oldest_member_and_keeps_its_name() -> None:
    vectors, _ = topics(1000)
    finder = Concepts(64)
    finder.learn(vectors[:600], np.arange(1, 601))
    before = group(*finder.snapshot())
    finder.learn(vectors[600:], np.arange(601, 1001))
    after = group(*finder.snapshot())
    names = dict(zip(after.ids.tolist(), after.concepts.tolist(), strict=True))
    assert all(concept <= id_ for id_, concept in zip(after.ids.tolist(), after.concepts.tolist(), strict=True))
    large = before.concepts[before.sizes >= 20]
    assert np.mean([names[concept] == concept for concept in large.tolist()]) > 0.9


def test_a_full_table_gives_up_what_fewest_belong_to() -> None:
    random = np.random.default_rng(3)
    finder = Concepts(1 << 16)  # as wide as leaves room for 64
    usual = random.normal(size=(1, 1 << 16)).astype(np.float32)
    others = random.normal(size=(100, 1 << 16)).astype(np.float32)
    vectors = np.concatenate([np.repeat(usual, 5, axis=0) + 0.1 * others[:5], others])
    finder.learn(vectors, np.arange(1, len(vectors) + 1))
    assert finder.tables["counters"][1] == len(finder.tables["weights"]) == 64
    assert finder.likeness(usual)[1][0] > 0.8


def test_exemplars_are_members_and_the_best_come_first() -> None:
    vectors, _ = topics(400)
    finder = Concepts(64)
    chosen, _ = finder.learn(vectors, np.arange(1, 401))
    found = group(*finder.snapshot())
    for id_, exemplars in zip(found.ids.tolist(), found.exemplars.tolist(), strict=True):
        members = set((np.flatnonzero(chosen == id_) + 1).tolist())
        assert set(exemplars) - {0} <= members


def test_the_unheard_of_is_less_alike() -> None:
    vectors, _ = topics(800)
    finder = Concepts(64)
    finder.learn(vectors, np.arange(1, 801))
    known, _ = topics(200, seed=0, noise=0.6)
    strange = (np.random.default_rng(9).normal(size=(200, 64)) + vectors.mean(0)).astype(np.float32)
    assert finder.likeness(known)[1].mean() > finder.likeness(strange)[1].mean() + 0.3


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_vectors_are_no_trouble(n: int) -> None:
    finder = Concepts(8)
    vectors = np.eye(8, dtype=np.float32)[:n]
    finder.learn(vectors, np.arange(1, n + 1))
    assert len(group(*finder.snapshot()).ids) == n
