import numpy as np

from thoughtengine.patterns.associations import Associations
from thoughtengine.patterns.finders import Finders, Observed

HASHES = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 4096)


def fed(baskets: list[list[int]], **sizes: int) -> Associations:
    finder = Associations(**sizes)
    bounds = np.concatenate([[0], np.cumsum([len(b) for b in baskets])]).astype(np.int64)
    finder.learn(HASHES[[i for b in baskets for i in b]], bounds, np.arange(1, len(baskets) + 1))
    return finder


def named(finder: Associations) -> set[frozenset[int]]:
    numbers = {key: number for number, key in enumerate(HASHES.tolist())}
    return {frozenset((numbers[a], numbers[b])) for a, b in finder.together().pairs.tolist()}


def independent(n: int, seed: int) -> list[list[int]]:
    """Give baskets of very different sizes whose items have nothing to do with each other."""
    random = np.random.default_rng(seed)
    sizes = np.minimum(random.zipf(1.5, n), 40)
    return [np.unique(np.minimum(random.zipf(1.3, size), 400)).tolist() for size in sizes]


def test_items_that_come_together_are_found_with_evidence() -> None:
    baskets = independent(2000, 0)
    for i in range(0, 2000, 50):
        baskets[i] = [1000, 1001]
    found = fed(baskets).together()
    pair = next(i for i, p in enumerate(found.pairs.tolist()) if set(p) == set(HASHES[[1000, 1001]].tolist()))
    assert found.counts[pair] == 40
    assert found.lifts[pair] > 10
    assert found.evidence[pair].tolist() == [1951, 1901, 1851]


def test_long_experiences_bring_nothing_together_by_their_length() -> None:
    assert [len(named(fed(independent(3000, seed)))) for seed in range(5)] == [0] * 5


def test_full_tables_never_say_more_than_was_seen() -> None:
    random = np.random.default_rng(2)
    baskets = [random.choice(500, 6, replace=False).tolist() for _ in range(3000)] + [[600, 601]] * 60
    exact: dict[frozenset[int], int] = {}
    for basket in baskets:
        for i, a in enumerate(basket):
            for b in basket[i + 1 :]:
                exact[frozenset((a, b))] = exact.get(frozenset((a, b)), 0) + 1
    finder = fed(baskets, n_items=1024, n_pairs=256)
    numbers = {key: number for number, key in enumerate(HASHES.tolist())}
    found = finder.together()
    assert frozenset((600, 601)) in named(finder)
    for (a, b), count in zip(found.pairs.tolist(), found.counts.tolist(), strict=True):
        assert count <= exact[frozenset((numbers[a], numbers[b]))]


def test_of_a_huge_experience_forty_items_are_paired() -> None:
    finder = fed([list(range(1000))])
    assert finder.tables["counters"].tolist() == [1, 40, 40 * 39, 40 * 39 // 2]


def test_one_source_and_so_many_tags_each_time_come_together_by_chance() -> None:
    random = np.random.default_rng(6)
    for n_sources in (1, 5):
        finders = Finders()
        finders.observe([
            Observed(i, i, 0, tags=(f"t{random.integers(10)}",), source=f"s{random.integers(n_sources)}")
            for i in range(1, 3001)
        ])  # fmt: skip
        assert len(finders.associations.together().pairs) == 0


def test_a_tag_that_has_its_source_is_found() -> None:
    random = np.random.default_rng(7)
    finders = Finders()
    tags = random.integers(10, size=3000).tolist()
    finders.observe([
        Observed(i, i, 0, tags=(f"t{tag}",), source="s0" if tag == 0 else f"s{random.integers(5)}")
        for i, tag in enumerate(tags, 1)
    ])  # fmt: skip
    assert {finders.names[key] for key in finders.associations.together().pairs[0].tolist()} == {
        ("#", "t0"),
        ("@", "s0"),
    }
