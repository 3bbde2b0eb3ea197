import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thoughtengine.patterns.finders import Finders, Observed, Turn, entities

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


def same_however_cut(experiences: list[Observed], cuts: list[int]) -> None:
    """See that finders come to the same, all their tables too, by the whole stream and by its parts."""
    whole, parts = Finders(), Finders()
    turns = whole.observe(experiences)
    found, beside, cuts = list[Turn](), set[int](), sorted(cuts)
    for start, stop in zip([0, *cuts], [*cuts, len(experiences)], strict=True):
        found += parts.observe(experiences[start:stop])
        beside |= parts.beside if start < stop else set()
    assert sorted(map(str, found)) == sorted(map(str, turns))
    assert (parts.names, beside) == (whole.names, whole.beside)
    for one in ("covered", "thread", "moment", "offset"):
        assert getattr(parts, one) == getattr(whole, one), one
    for name, values in whole.tables().items():
        np.testing.assert_allclose(parts.tables()[name], values, rtol=1e-6, atol=1e-9, err_msg=name)


@given(cuts=st.lists(st.integers(1, 79), max_size=5, unique=True))
@settings(deadline=None, max_examples=8)
def test_the_result_is_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    same_however_cut(stream(80), cuts)


def out_of_order(kind: str, seed: int, *, imported: bool) -> list[Observed]:
    """Give 90 experiences of several sources and episodes whose moments are in no order."""
    random = np.random.default_rng(seed)
    found, t = list[Observed](), 0
    for i in range(90):
        t += int(random.exponential(6 * HOUR))
        at = {
            "newest first": -t,
            "at random": int(random.integers(600 * HOUR)),
            "some late": t - int(random.integers(72 * HOUR)) * int(random.random() < 0.4),
            "some ahead": t + int(random.integers(48, 900)) * HOUR * int(random.random() < 0.1),
        }[kind]
        tags = tuple(random.permutation(["wake", "coffee", "bed"])[: random.integers(4)].tolist())
        source, episode = random.choice(["home", "home", "work", ""]), random.choice(["", "", "", "holiday"])
        added = 10_000 * HOUR if imported else max(t, 0)
        found.append(Observed(i + 1, at, 3600, tags, str(source) or None, str(episode) or None, added=added))
    return found


@pytest.mark.parametrize("kind", ["newest first", "at random", "some late", "some ahead"])
@given(seed=st.integers(0, 99), imported=st.booleans(), cuts=st.lists(st.integers(0, 90), min_size=1, max_size=8))
@settings(deadline=None, max_examples=15)
def test_moments_in_any_order_are_learned_the_same_however_they_are_cut(
    kind: str, seed: int, imported: bool, cuts: list[int]
) -> None:
    same_however_cut(out_of_order(kind, seed, imported=imported), cuts)


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
