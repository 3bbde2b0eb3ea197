from collections.abc import Callable

import numpy as np
import pytest

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


def structured(n: int, seed: int, categories: tuple[int, ...], flags: tuple[float, ...] = ()) -> list[list[int]]:
    """Give experiences of one tag of each category and of flags, each for itself."""
    random, first = np.random.default_rng(seed), np.cumsum((0, *categories))
    chosen = [random.integers(size, size=n) + at for size, at in zip(categories, first, strict=False)]
    raised = [np.where(random.random(n) < share, first[-1] + i, -1) for i, share in enumerate(flags)]
    return [[tag for tag in row if tag >= 0] for row in np.stack(chosen + raised, 1).tolist()]


def labelled(n: int, seed: int) -> list[list[int]]:
    """Give experiences of a room, a person, and up to five of twenty labels."""
    random = np.random.default_rng(seed)
    more = [random.choice(20, random.integers(6), replace=False) + 9 for _ in range(n)]
    return [[*one, *labels.tolist()] for one, labels in zip(structured(n, seed, (5, 4)), more, strict=True)]


@pytest.mark.parametrize(
    "made",
    [
        lambda n, seed: structured(n, seed, (3, 3)),
        lambda n, seed: structured(n, seed, (20, 20)),
        lambda n, seed: structured(n, seed, (5, 4, 2)),
        lambda n, seed: structured(n, seed, (5,), (0.05,)),
        lambda n, seed: structured(n, seed, (20,), (0.05,)),
        lambda n, seed: structured(n, seed, (8,), (1.0,)),
        lambda n, seed: structured(n, seed, (8,), (0.9, 0.3, 0.02)),
        lambda n, seed: structured(n, seed, (), (0.05,) * 10),
        lambda n, seed: [one if i % 2 else [] for i, one in enumerate(structured(n, seed, (3, 3)))],
        labelled,
    ],
    ids=("3x3", "20x20", "5x4x2", "5-flag", "20-flag", "all-8", "most-8-flags", "flags", "untagged-too", "labels"),
)
def test_a_tag_of_each_category_flags_and_a_tag_that_all_have_come_together_by_chance(
    made: Callable[[int, int], list[list[int]]],
) -> None:
    assert [named(fed(made(4000, seed))) for seed in range(4)] == [set()] * 4


def test_flags_and_a_category_that_do_belong_together_are_found_among_structured_tags() -> None:
    random = np.random.default_rng(8)
    rooms = structured(2000, 8, (5,))
    flagged = [one + ([8, 9] if drawn < 0.05 else []) for one, drawn in zip(rooms, random.random(2000), strict=True)]
    assert named(fed(flagged)) == {frozenset((8, 9))}
    kitchen = [
        one + ([8] if one == [0] and drawn < 0.25 else [])
        for one, drawn in zip(rooms, random.random(2000), strict=True)
    ]
    assert named(fed(kitchen)) == {frozenset((0, 8))}
    people = [
        [*one, 5 + (one[0] if drawn < 0.5 else int(drawn * 1e6) % 5)]
        for one, drawn in zip(rooms, random.random(2000), strict=True)
    ]
    assert named(fed(people)) == {frozenset((i, 5 + i)) for i in range(5)}


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


def test_tags_names_and_sources_that_are_independent_are_not_found() -> None:
    random = np.random.default_rng(9)
    finders = Finders()
    names = "Ann", "Bob", "Cy", "Dan"
    finders.observe([
        Observed(
            i, i, 0, tags=("chat", f"t{random.integers(6)}"), source=f"s{random.integers(3)}",
            text=" and ".join(["so", *random.choice(names, random.integers(3), replace=False)]),
        )
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
