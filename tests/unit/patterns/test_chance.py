import math

import numpy as np
import pytest

from thoughtengine.patterns.chance import at_least, discoveries, log_gamma, low_rate, no_rhythm


def exactly(count: int, mean: float) -> float:
    """Sum the Poisson distribution below `count`, and take it from one."""
    return 1.0 - math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))


@pytest.mark.parametrize("mean", [0.01, 0.5, 3.0, 20.0, 150.0])
def test_the_tail_of_a_poisson_variable_is_the_sum_of_its_terms(mean: float) -> None:
    counts = np.array([0, 1, 2, 5, 20, 100, 200])
    expected = [1.0 if n == 0 else exactly(n, mean) for n in counts.tolist()]
    np.testing.assert_allclose(at_least(counts, np.full(len(counts), mean)), expected, rtol=1e-9, atol=1e-12)


def test_a_tail_too_small_for_a_sum_still_has_a_logarithm() -> None:
    (chance,) = at_least(np.array([60]), np.array([1.0]))
    assert math.log10(chance) == pytest.approx(math.log10(math.exp(-1) / math.factorial(60)), abs=0.01)


def test_the_logarithm_of_gamma_is_that_of_the_standard_library() -> None:
    values = np.array([0.5, 1.0, 2.5, 10.0, 1e3, 1e6])
    np.testing.assert_allclose(log_gamma(values), [math.lgamma(v) for v in values], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("count", [3, 10, 50, 1000])
def test_the_lower_bound_is_where_so_many_would_be_a_surprise(count: int) -> None:
    (bound,) = low_rate(np.array([count]))
    assert exactly(count, float(bound)) == pytest.approx(0.025, abs=0.002)


def test_a_rhythm_must_be_stronger_for_a_smaller_chance() -> None:
    np.testing.assert_allclose(no_rhythm(np.array([0.0, 9.4877, 18.467])), [1.0, 0.05, 0.001], atol=1e-4)


def test_of_what_chance_alone_brings_nothing_is_discovered() -> None:
    random = np.random.default_rng(0)
    false = [(discoveries(random.uniform(size=1000), 1000) <= 0.05).any() for _ in range(200)]
    assert np.mean(false) < 0.1


def test_what_was_looked_at_and_not_kept_counts() -> None:
    chances = np.array([1e-4, 2e-4])
    assert (discoveries(chances, 2) < 0.001).all()
    assert (discoveries(chances, 10_000) > 0.05).all()
