import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoughtengine.patterns.finders import Finders, Observed, entities

HOUR = 3_600_000_000


def stream(n: int) -> list[Observed]:
    """Give n experiences, the same every time."""
    random = np.random.default_rng(0)
    found, at = list[Observed](), 0
    for i in range(n):
        at += int(random.exponential(HOUR))
        tags = tuple(dict.fromkeys(f"tag {t}" for t in random.integers(0, 6, random.integers(0, 3)).tolist()))
        vector = random.normal(size=16).astype(np.float32) if i % 3 else None
        text = f"then with {('Ann', 'Bob', 'Cy')[i % 3]} to Paris"
        found.append(
            Observed(i + 1, at, 3600, tags, f"source {i % 4}", None if i % 2 else f"episode {i // 9}", text, vector)
        )
    return found


@given(cuts=st.lists(st.integers(1, 79), max_size=5, unique=True))
@settings(deadline=None, max_examples=8)
def test_the_result_is_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    whole, parts = Finders(), Finders()
    experiences = stream(80)
    turns = whole.observe(experiences)
    found = []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 80], strict=True):
        found += parts.observe(experiences[start:stop])
    assert sorted(map(str, found)) == sorted(map(str, turns))
    assert parts.names == whole.names
    assert (parts.covered, parts.thread, parts.moment, parts.offset) == (80, whole.thread, whole.moment, 3600)
    for name, values in whole.tables().items():
        np.testing.assert_allclose(parts.tables()[name], values, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Then with Sir William Penn to Deptford. Home by water.", ("Sir William Penn", "Deptford")),
        ("Today I was at the office", ()),
        ("we met Ann, Bob and Ann", ("Ann", "Bob")),
        ("with Sir W. Batten and Mr. Moore to the Duke of York", ("Sir W. Batten", "Mr. Moore", "Duke of York")),
        ("so to bed with Mr. and out", ()),
        ("up to Paul’s Churchyard and my Lord Sandwich’s", ("Paul’s Churchyard", "Lord Sandwich")),
        ("", ()),
    ],
)
def test_names_are_words_with_a_capital_inside_a_sentence(text: str, names: tuple[str, ...]) -> None:
    assert entities(text) == names


def test_a_vector_of_another_length_is_passed_over() -> None:
    finders = Finders()
    finders.observe(
        [Observed(1, 0, 0, vector=np.ones(4, np.float32)), Observed(2, 0, 0, vector=np.ones(5, np.float32))]
    )
    assert finders.concepts is not None
    assert finders.concepts.tables["counters"][0] == 1


def turns(*, tags: list[str] | None = None, vectors: np.ndarray | None = None) -> list[tuple[str, int]]:
    """Give the changes that are noticed in a stream of tags, or of vectors."""
    finders, n = Finders(), len(tags if tags is not None else vectors)
    stream = [
        Observed(
            i + 1, i * 3_600_000_000, 0, tags=() if tags is None else (tags[i],), source="a",
            vector=None if vectors is None else vectors[i].astype(np.float32),
        )
        for i in range(n)
    ]  # fmt: skip
    return [(turn.of, turn.id) for start in range(0, n, 50) for turn in finders.observe(stream[start : start + 50])]


def about(directions: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    """Give vectors that are each about one of some directions."""
    return directions[random.integers(len(directions), size=n)] + 0.2 * random.normal(size=(n, directions.shape[1]))


def test_new_topics_are_a_change_though_each_of_them_is_new_only_once() -> None:
    random = np.random.default_rng(0)
    old, new = random.normal(size=(6, 64)), random.normal(size=(2, 64))
    found = turns(vectors=np.concatenate([about(old, 400, random), about(new, 60, random)]))
    assert [of for of, _ in found] == ["topics"]
    assert 400 < found[0][1] < 440
    assert turns(vectors=about(np.concatenate([old, new]), 2000, random)) == []


def test_rare_tags_and_single_oddities_are_no_change_of_order() -> None:
    random = np.random.default_rng(1)
    chances = 1.0 / np.arange(1, 201)
    for _ in range(3):
        assert turns(tags=[f"t{i}" for i in random.choice(200, 3000, p=chances / chances.sum())]) == []
    habits = ["wake", "coffee", "work", "lunch", "work", "home", "sleep"] * 300
    for at in range(200, 2100, 45):
        habits[at] = f"odd{at % 7}"
    assert turns(tags=habits) == []


def test_another_order_of_the_same_tags_is_a_change() -> None:
    habits = ["wake", "coffee", "work", "lunch", "home", "sleep"]
    found = turns(tags=habits * 100 + habits[::-1] * 30)
    assert [of for of, _ in found] == ["order"]
    assert 600 < found[0][1] < 630


def cycle(random: np.random.Generator, n: int, tags: list[str]) -> list[str]:
    """Give tags one after the other, one in five at random."""
    return [tags[random.integers(len(tags)) if random.uniform() < 0.2 else i % len(tags)] for i in range(n)]


def turns_of(tags: list[str]) -> list[int]:
    """Tell at which experiences the order of tags is said to change."""
    observed = [Observed(i + 1, i * HOUR, 0, (tag,), "home") for i, tag in enumerate(tags)]
    return [turn.id for turn in Finders().observe(observed) if turn.of == "order"]


@pytest.mark.parametrize(("n_tags", "n"), [(5, 200), (8, 200), (3, 600), (5, 600), (20, 600)])
def test_a_swap_of_all_tags_in_a_noisy_cycle_is_a_change(n_tags: int, n: int) -> None:
    noticed = 0
    for seed in range(4):
        random = np.random.default_rng(seed)
        before, after = ([f"{name}{i}" for i in range(n_tags)] for name in "ab")
        turns = turns_of([*cycle(random, n, before), *cycle(random, n // 2, after)])
        assert not [turn for turn in turns if turn <= n]
        noticed += bool(turns) and turns[0] <= n + 50
    assert noticed >= (4 if n > 200 else 3)


def test_a_noisy_cycle_that_goes_on_is_no_change() -> None:
    tags = cycle(np.random.default_rng(9), 4000, [f"tag {i}" for i in range(20)])
    assert turns_of(tags) == []
