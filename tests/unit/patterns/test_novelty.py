import numpy as np

from thoughtengine.patterns.novelty import Novelty


def test_the_stated_share_of_the_usual_is_called_novel() -> None:
    random = np.random.default_rng(0)
    chances, _ = Novelty(low=0.0, high=2.0).learn(random.normal(1.0, 0.2, 20_000))
    for p in (0.01, 0.05, 0.5):
        assert abs((chances[1000:] < p).mean() - p) < 0.01 + p / 10


def test_a_change_of_regime_is_noticed_once_and_soon() -> None:
    random = np.random.default_rng(1)
    scores = np.concatenate([random.normal(0.6, 0.1, 1000), random.normal(1.0, 0.1, 1000)])
    _, changes = Novelty(low=0.0, high=2.0).learn(scores)
    assert len(changes) == 1
    assert 1000 <= changes[0] < 1030


def test_without_a_change_none_is_noticed_for_as_long_as_stated() -> None:
    random = np.random.default_rng(2)
    assert sum(len(Novelty(low=0.0, high=2.0).learn(random.uniform(0, 2, 5000))[1]) for _ in range(10)) <= 5


def test_asking_for_a_chance_learns_nothing() -> None:
    meter = Novelty(low=0.0, high=1.0)
    meter.learn(np.linspace(0.0, 0.5, 100))
    assert meter.chance(0.9) == meter.chance(0.9) < meter.chance(0.4) < meter.chance(0.1)
