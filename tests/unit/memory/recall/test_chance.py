"""Signs, chances, and what feedback makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.recall.chance import Calibration, Line, judge, together
from thoughtengine.memory.recall.signs import HIT_SIGNS, RECALL_SIGNS, Signs, features

CHANNELS = ("source", "text")


def signs(
    scores: list[float],
    *,
    text: str = "Where did Dana hike?",
    words: tuple[str, ...] = ("where", "did", "dana", "hike"),
    frequency: tuple[int, ...] = (9, 9, 3, 1),
    channels: tuple[str, ...] = CHANNELS,
    others: tuple[float, ...] = (),
    n: int = 100,
) -> Signs:
    """Return the signs of hits whose score is all words."""
    made, shares = np.array(scores), np.zeros((len(scores), len(channels)))
    shares[:, channels.index("text")] = scores
    return features(
        made, shares, channels, np.ones(len(scores)), np.concatenate([made, others]), n=n, text=text, words=words,
        frequency=np.array(frequency, np.int64), named=True, meaning=False,
    )  # fmt: skip


def chances(of: Signs, calibration: Calibration) -> NDArray[np.float64]:
    return judge(of, calibration)[0]


def fits(of: Signs, calibration: Calibration) -> float:
    return judge(of, calibration)[2]


def sign(of: Signs, name: str) -> float:
    """Return a sign of the recall."""
    return float(of.recall[RECALL_SIGNS.index(name)])


def column(of: Signs, name: str) -> list[float]:
    """Return a sign of each hit."""
    values: list[float] = of.hits[:, HIT_SIGNS.index(name)].tolist()
    return values


def test_no_hit_no_chance() -> None:
    nothing = signs([])
    assert len(chances(nothing, Calibration())) == 0
    assert fits(nothing, Calibration()) == 0.0


def test_more_hits_never_fit_less() -> None:
    found = signs([0.4, 0.3, 0.2])
    each, _, all_of_them = judge(found, Calibration())
    again, shown, some = judge(found, Calibration(), min_chance=float(each[0]))
    np.testing.assert_array_equal(again, each)
    np.testing.assert_array_equal(shown, each >= each[0])
    assert 0.0 < some < all_of_them < 1.0
    assert judge(found, Calibration(), min_chance=1.0)[2] == 0.0


def test_a_word_nobody_has_makes_it_less_sure() -> None:
    usual = signs([0.4, 0.3])
    foreign = signs([0.4, 0.3], frequency=(9, 9, 3, 0))
    assert (chances(foreign, Calibration()) < chances(usual, Calibration())).all()
    assert fits(foreign, Calibration()) < fits(usual, Calibration())


def test_a_name_nobody_has_makes_it_less_sure_than_another_word() -> None:
    words, frequency = ("where", "did", "hike", "zoltan"), (9, 9, 1, 0)
    name = signs([0.4], text="Where did Zoltan hike?", words=words, frequency=frequency)
    plain = signs([0.4], text="Where did zoltan hike?", words=words, frequency=frequency)
    assert sign(name, "stranger") == 1.0
    assert sign(plain, "stranger") == 0.0
    assert fits(name, Calibration()) < fits(plain, Calibration())


def test_the_first_word_of_a_cue_is_no_name() -> None:
    assert sign(signs([0.4], text="Hike", words=("hike",), frequency=(0,)), "stranger") == 0.0


def test_a_better_match_has_a_better_chance() -> None:
    weak, strong = signs([0.05], others=(0.04,) * 40), signs([0.45], others=(0.04,) * 40)
    assert chances(strong, Calibration())[0] > 2 * chances(weak, Calibration())[0]


def test_signs_know_channels_by_name() -> None:
    one, other = signs([0.4, 0.2]), signs([0.4, 0.2], channels=("text", "new", "source"))
    np.testing.assert_array_equal(one.hits, other.hits)
    np.testing.assert_array_equal(one.recall, other.recall)


def test_signs_of_hits_tell_of_their_order() -> None:
    found = signs([0.4, 0.2, 0.1], others=(0.05,))
    assert column(found, "relative") == pytest.approx([1.0, 0.5, 0.25])
    assert column(found, "gap") == pytest.approx([0.5, 0.25, 0.125])  # every word of the cue is known
    assert column(found, "above") == pytest.approx([0.0, 1.0, 1.5])
    assert column(found, "better")[0] == 0.0
    assert column(found, "better")[1] == column(found, "match")[0]


def test_to_stand_alone_with_one_word_of_many_is_nothing() -> None:
    one_of_many = signs([0.01], frequency=(0, 0, 0, 1))
    assert column(one_of_many, "gap")[0] < 0.4
    assert fits(one_of_many, Calibration()) < 0.2


def test_a_cue_without_words_is_known() -> None:
    assert sign(signs([0.4], text="", words=(), frequency=()), "known") == 1.0


@given(
    st.lists(st.floats(1e-6, 5.0), min_size=1, max_size=30),
    st.lists(st.integers(0, 50), min_size=1, max_size=8),
    st.integers(1, 10**6),
)
def test_chances_are_chances(scores: list[float], frequency: list[int], n: int) -> None:
    words = tuple(f"w{i}" for i in range(len(frequency)))
    found = signs(sorted(scores, reverse=True), words=words, frequency=tuple(frequency), n=n)
    assert np.isfinite(found.hits).all()
    assert np.isfinite(found.recall).all()
    each = chances(found, Calibration())
    assert ((each >= 0.0) & (each <= 1.0)).all()
    assert each.max() <= fits(found, Calibration()) <= 1.0


def test_together_is_the_chance_of_any() -> None:
    any_of = 1.0 - np.exp(-np.exp(together(np.array([0.5, 0.2]))))
    assert any_of == pytest.approx(0.6, abs=0.001)


def test_the_prior_says_it_is_one() -> None:
    fresh = Calibration()
    taught = fresh.observe(signs([0.4, 0.3]), [True, False])
    assert fresh.is_prior
    assert "prior, nothing of this mind" in repr(fresh)
    assert not taught.is_prior
    assert (taught.n_recalls, taught.n_hits) == (1, 2)
    assert "1 recall" in repr(taught)


def test_feedback_moves_chances_towards_what_was_seen() -> None:
    calibration, found = Calibration(), signs([0.4, 0.3])
    before = fits(found, calibration)
    for _ in range(100):
        calibration = calibration.observe(found, [False, False])
    assert (chances(found, calibration) < chances(found, Calibration())).all()
    assert fits(found, calibration) < before / 2


def test_one_outcome_is_no_proof() -> None:
    found = signs([0.4, 0.3])
    once = Calibration().observe(found, [False, False])
    assert fits(found, once) > fits(found, Calibration()) / 2


def test_a_line_learns_a_shift_and_a_slope() -> None:
    rng, line = np.random.default_rng(3), Line()
    for odds in rng.normal(0.0, 1.5, 1500):
        line = line.observe(float(odds), bool(rng.random() < 1.0 / (1.0 + np.exp(-(0.5 * odds - 1.0)))))
    assert line.shift == pytest.approx(-1.0, abs=0.25)
    assert line.slope == pytest.approx(0.5, abs=0.15)


def test_a_line_that_is_right_stays_as_it_is() -> None:
    rng, line = np.random.default_rng(4), Line()
    for odds in rng.normal(0.0, 1.5, 1500):
        line = line.observe(float(odds), bool(rng.random() < 1.0 / (1.0 + np.exp(-odds))))
    assert line.shift == pytest.approx(0.0, abs=0.15)
    assert line.slope == pytest.approx(1.0, abs=0.15)


def test_each_hit_needs_its_outcome() -> None:
    with pytest.raises(InvalidArgumentError, match="one outcome for each of 2 hits"):
        Calibration().observe(signs([0.4, 0.3]), [True])


@pytest.mark.parametrize(
    "useful",
    [
        True,
        None,
        2,
        float("nan"),
        {True, False},
        "no",
        [1.5, 0.5],
        [None, True],
        [[True], [False]],
        {1: True, 2: True},
        np.array(True),
    ],
)
def test_what_is_no_outcome_is_told(useful: Any) -> None:
    with pytest.raises(
        InvalidArgumentError, match="useful: expected a sequence of True and False, one outcome for each of 2"
    ):
        Calibration().observe(signs([0.4, 0.3]), useful)


def test_outcomes_may_be_an_array() -> None:
    found = signs([0.4, 0.3])
    assert Calibration().observe(found, np.array([True, False])) == Calibration().observe(found, (True, False))


def test_those_alike_share_what_sets_them_apart_from_the_rest() -> None:
    alone = signs([1.0])
    assert column(alone, "gap") == [1.0]
    alike = signs([1.0] * 5)
    assert column(alike, "gap") == pytest.approx([0.2] * 5)
    told = chances(alike, Calibration())
    assert told[-1] <= told[0]
    assert column(signs([1.0, 0.4]), "gap") == pytest.approx([0.6, 0.4])
    assert column(signs([1.0, 0.9, 0.8]), "gap") == pytest.approx([0.1, 0.1, 0.1])  # that nothing follows is no gap
    assert column(signs([1.0, 0.9, 0.8], others=(0.2,)), "gap") == pytest.approx([0.1, 0.1, 0.6])
