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
