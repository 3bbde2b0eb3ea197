import math
import threading
from pathlib import Path

import numpy as np
import pytest

import thoughtengine as te
from tests.indexes import DAY, NOON, ask, entry, index_of, same, share, small_shortlist, with_vector
from thoughtengine.config import RecallConfig
from thoughtengine.memory.index.index import Index, Row
from thoughtengine.memory.recall import channels as channels_module
from thoughtengine.memory.recall.channels import CHANNELS
from thoughtengine.memory.recall.ranking import Ranking
from thoughtengine.memory.record import AppraisalRecord, MarkRecord


def only(channel: str, **settings: float) -> RecallConfig:
    """Return settings with one channel on."""
    return RecallConfig(off=tuple(set(CHANNELS[:-1]) - {channel}), **settings)


def test_text_is_bm25_as_a_share_of_what_the_cue_weighs() -> None:
    index = index_of(entry("tea tea milk"), entry("coffee and milk"), entry("rain"))
    ranking = ask(index, "tea milk", config=only("text"))
    rarity = {"tea": math.log(1 + 2.5 / 1.5) ** 1.25, "milk": math.log(1 + 1.5 / 2.5) ** 1.25}
    norm = 1.2 * (0.25 + 0.75 * 3 / (7 / 3))
    gain = {count: count * 2.2 / (count + norm) for count in (1, 2)}
    whole = 2.2 * sum(rarity.values())
    assert ranking.ids.tolist() == [1, 2]
    assert ranking.scores.tolist() == pytest.approx(
        [(rarity["tea"] * gain[2] + rarity["milk"] * gain[1]) / whole, rarity["milk"] * gain[1] / whole]
    )


def test_labels_find_by_source_tag_and_day() -> None:
    index = index_of(
        entry("x", source="Dana"), entry("x", tags=("garden work",)), entry("x", at="2023-03-06T12:00:00Z"), entry("x")
    )
    assert ask(index, "what about Dana?", config=only("labels")).ids.tolist() == [1]
    assert ask(index, "gardens", config=only("labels")).ids.tolist() == [2]
    assert ask(index, "that Monday", config=only("labels")).ids.tolist() == [3]
    assert ask(index, "6th of march 2023", config=only("labels")).ids.tolist() == [3]


def test_a_switch_and_a_weight_per_channel() -> None:
    index = index_of(entry("tea", source="Dana"), entry("milk", source="Bob"))
    both = ask(index, "Dana's tea")
    assert share(both, "text")[0] > 0.0 < share(both, "labels")[0]
    assert share(ask(index, "Dana's tea", config=RecallConfig(off=("text",))), "text") == [0.0]
    double = ask(index, "Dana's tea", config=RecallConfig(text=2.0))
    assert share(double, "text")[0] == pytest.approx(2 * share(both, "text")[0])
    assert share(double, "labels") == share(both, "labels")


def test_dense_is_likeness_beyond_the_usual() -> None:
    index = Index(RecallConfig(), 2)
    for id_, vector in enumerate(([1, 0], [0.8, 0.6], [0, 1], [-1, 0]), 1):
        index.add(with_vector(id_, entry(tags=(f"t{id_}",)), vector))
    index.add(Row(5, entry("without a vector")))
    ranking = ask(index, vector=[2, 0], config=only("dense", dense=1.0))
    assert ranking.ids.tolist() == [1, 2]  # they spread so far that two deviations below the mean are below 0
    assert ranking.scores.tolist() == pytest.approx([1.0, 0.8], rel=1e-6)


def test_what_is_usual_lies_two_deviations_below_the_mean() -> None:
    index, cosines = Index(RecallConfig(), 2), [0.7, 0.8, 0.9, 0.8, 0.2]
    for id_, cosine in enumerate(cosines, 1):
        index.add(with_vector(id_, entry(tags=(f"t{id_}",)), [cosine, math.sqrt(1 - cosine * cosine)]))
    zero = (np.mean(cosines) - 2 * np.std(cosines)) * 5 / (5 + 10)
    scores = ask(index, vector=[2, 0], config=only("dense", dense=1.0))
    assert scores.ids.tolist() == [3, 4, 2, 1, 5]
    expected = [(cosine - zero) / (1 - zero) for cosine in (0.9, 0.8, 0.8, 0.7, 0.2)]
    assert scores.scores.tolist() == pytest.approx(expected, rel=1e-5)


def test_one_memory_with_a_vector_is_found_by_it() -> None:
    index = Index(RecallConfig(), None)
    index.add(with_vector(1, entry(tags=("a",)), [1, 1, 1]))
    assert ask(index, vector=[1, 1, 1]).scores[0] == pytest.approx(RecallConfig().dense)
    assert len(ask(index, vector=[-1, -1, -1]).ids) == 0


def test_time_is_one_within_and_fades_outside() -> None:
    days = (0, 0.4, 1.5, 2.5, 9)  # after noon
    index = index_of(*(entry(f"x{day}", at=NOON + int(day * DAY)) for day in days))
    ranking = ask(index, "on 8 May 2024", config=only("time", time=1.0))
    expected = [1.0, 1.0, math.exp(-0.5), math.exp(-0.5 * 4)]  # one and two days after the end of that day
    assert ranking.scores.tolist() == pytest.approx(expected)
    assert ranking.ids.tolist() == [2, 1, 3, 4]  # of equals the newer first


def test_time_is_that_of_the_place() -> None:
    index = index_of(entry("x", at="2024-05-09T00:30:00+09:00"), entry("y", at="2024-05-08T15:30:00+00:00"))
    ranking = ask(index, "on 9 May 2024", config=only("time"))
    assert ranking.ids.tolist()[0] == 1


def test_a_cue_may_have_a_moment() -> None:
    index = index_of(*(entry(f"x{hours}", at=NOON - hours * DAY // 24) for hours in (50, 10, 0)))
    assert ask(index, at="2024-05-08T12:00:00+00:00").ids.tolist() == [3, 2, 1]
    assert ask(index, at="2024-05-06T10:00:00+00:00").ids.tolist() == [1, 2, 3]
    index = index_of(entry("x", at="2024-05-08T20:00:00+00:00"), entry("y", at="2024-05-08T03:00:00-08:00"))
    assert ask(index, at="2024-05-08T13:00:00+02:00").ids.tolist() == [2, 1]  # the very moment, by whatever clock


def test_a_named_source_counts_more() -> None:
    index = index_of(entry("tea", source="Bob"), entry("tea", source="Dana"), entry("tea", source="Eve"))
    ranking = ask(index, "did Bob have tea?", config=RecallConfig(off=("labels",)))
    assert ranking.ids.tolist() == [1, 3, 2]
    assert share(ranking, "source") == [pytest.approx(0.25 * share(ranking, "text")[0]), 0.0, 0.0]


def test_the_episode_of_the_cue_counts() -> None:
    index = index_of(entry("x", episode="lunch"), entry("tea", episode="dinner"))
    assert ask(index, near="lunch").ids.tolist() == [1]
    assert ask(index, "tea", near="lunch", config=RecallConfig(episode=9.0)).ids.tolist() == [1, 2]
    assert len(ask(index, near="breakfast").ids) == 0


def test_neighbours_lend_within_the_episode() -> None:
    texts = ("nothing", "else", "tea", "yes", "no", "what")
    index = index_of(*(entry(text, episode="e") for text in texts), entry("rum", episode="f"))
    ranking = ask(index, "tea or rum", episode="e")
    assert ranking.ids.tolist() == [3, 4, 2, 5, 1]
    lent = share(ranking, "neighbours")
    match = share(ranking, "text")[0]
    assert lent == pytest.approx([0.0, 0.8 * match, 0.8 * match, 0.4 * match, 0.4 * match])
    assert ranking.beside.tolist() == [0, -1, 1, 0, 0]


def test_long_memories_lean_less_on_their_neighbours() -> None:
    index = index_of(entry("tea", episode="e"), entry("word " * 200, episode="e"), entry("rum", episode="f"))
    ranking = ask(index, "tea rum", episode="e")
    match, lent = share(ranking, "text")[0], share(ranking, "neighbours")[1]
    assert lent == pytest.approx(0.5 * 0.8 * match)


def test_a_forgotten_neighbour_lends_nothing_and_a_filtered_one_does() -> None:
    index = index_of(entry("tea?", episode="e", source="Bob"), entry("gave it up", episode="e", source="Dana"))
    assert ask(index, "tea", sources="Dana").ids.tolist() == [2]
    index.mark(1, MarkRecord(forgotten=(1,)))
    assert len(ask(index, "tea", sources="Dana").ids) == 0


def test_an_inferred_neighbour_lends_nothing_unless_asked_for() -> None:
    index = index_of(entry("tea", episode="e", layer="dream"), entry("rain", episode="e"))
    assert len(ask(index, "tea").ids) == 0
    assert ask(index, "tea", layers=["dream", "sensory"]).ids.tolist() == [1, 2]


# ------------------------------------------------------------------------------------------------ feeling and strength

FELT = [None, (0.9, 0.2), (-0.9, 0.8), (0.3, 0.5), (0.0, 0.5)]


def of_feelings() -> Index:
    index = Index(RecallConfig(), None)
    for id_, felt in enumerate(FELT, 1):
        appraisal = None if felt is None else AppraisalRecord(valence=felt[0], arousal=felt[1])
        index.add(Row(id_, entry(f"tea {'x' * id_}"), None, None, appraisal))
    return index


@pytest.mark.parametrize(
    ("feeling", "share_of"),
    [
        ((1.0, None), {2: 0.9, 4: 0.3}),
        ((-1.0, None), {3: 0.9}),
        ((0.9, 0.2), {2: 1.0, 4: 1 - math.hypot(0.6, 0.3), 5: 1 - math.hypot(0.9, 0.3)}),
        ((-0.9, 0.8), {3: 1.0, 5: 1 - math.hypot(0.9, 0.3)}),
    ],
)
def test_memories_that_felt_so_count_more(feeling: tuple[float, float | None], share_of: dict[int, float]) -> None:
    plain, ranking = ask(of_feelings(), "tea"), ask(of_feelings(), "tea", feeling=feeling)
    before = dict(zip(plain.ids.tolist(), plain.scores.tolist(), strict=True))
    assert set(ranking.ids.tolist()) == set(before)  # nobody is shut out
    for id_, felt in zip(ranking.ids.tolist(), share(ranking, "feeling"), strict=True):
        assert felt == pytest.approx(share_of.get(id_, 0.0) * before[id_], abs=0.01)
    best = max(share_of, key=lambda id_: share_of[id_])
    assert ranking.ids.tolist()[0] == best
    assert (
        share(ask(of_feelings(), "tea", feeling=feeling, config=RecallConfig(off=("feeling",))), "feeling") == [0.0] * 5
    )
    assert len(ask(of_feelings(), "rain", feeling=feeling).ids) == 0  # a feeling alone finds nothing


def test_how_well_a_memory_is_kept_counts_where_it_is_given_a_weight() -> None:
    index = index_of(entry("tea", at=NOON - 3000 * DAY), entry("tea", source="Dana", at=NOON))
    index.add(Row(9, entry("tea", source="Bob", at=NOON - 3000 * DAY, layer="eternal")))
    words = ("labels", "time")
    assert share(ask(index, "tea", config=RecallConfig(off=words)), "strength") == [0.0] * 3
    ranking = ask(index, "tea", config=RecallConfig(strength=0.5, off=words))
    assert ranking.ids.tolist() == [9, 2, 1]
    found, kept = share(ranking, "text"), share(ranking, "strength")
    assert kept[:2] == pytest.approx([0.5 * part for part in found[:2]])
    assert 0.0 < kept[2] < 0.25 * found[2]
    later = ask(index, "tea", now=NOON + 3000 * DAY, config=RecallConfig(strength=0.5, off=words))
    assert share(later, "strength")[1] < kept[1]


def of_many_feelings(n: int, dimension: int | None = None) -> Index:
    """Return an index in which three of many felt bad, the first two and the tenth, and the others good."""
    index = Index(RecallConfig(), dimension)
    for id_ in range(1, n + 1):
        appraisal = AppraisalRecord(valence=-0.9 if id_ in (1, 2, 10) else 0.6, arousal=0.5)
        vector = None if dimension is None else np.array([1.0, (id_ % 2) / 10], np.float32)
        index.add(Row(id_, entry(f"tea {'x' * id_}"), vector, None, appraisal))
    return index


@pytest.mark.parametrize("feeling", [(-1.0, None), (-0.9, 0.5)])
def test_memories_that_felt_so_are_looked_at_among_many_too(feeling: tuple[float, float | None]) -> None:
    with small_shortlist():
        assert ask(of_many_feelings(200), "tea", k=3, feeling=feeling).ids.tolist() == [10, 2, 1]
        off = RecallConfig(off=("feeling",))
        assert ask(of_many_feelings(200), "tea", k=3, feeling=feeling, config=off).ids.tolist() == [200, 199, 198]


@pytest.mark.parametrize("n", [200, 2000])
def test_vectors_of_memories_that_felt_so_are_looked_at_among_many_too(n: int) -> None:
    with small_shortlist():
        ranking = ask(of_many_feelings(n, 2), vector=[1.0, 0.0], k=3, feeling=(-1.0, None), config=only("dense"))
        assert set(ranking.ids.tolist()).isdisjoint({1, 2, 10})  # the channel is off
        ranking = ask(of_many_feelings(n, 2), vector=[1.0, 0.0], k=3, feeling=(-1.0, None))
        assert ranking.ids.tolist() == [10, 2, 1]


def test_what_is_well_kept_is_looked_at_among_many_too() -> None:
    index = index_of(
        entry("tea x", layer="eternal"), *(entry(f"tea {'x' * id_}", at=NOON - 99 * DAY) for id_ in range(2, 200))
    )
    with small_shortlist():
        assert ask(index, "tea", k=2, config=RecallConfig(strength=0.5)).ids.tolist() == [1, 199]


def test_of_repeats_that_are_crowded_out_the_one_that_felt_so_is_found() -> None:
    index = Index(RecallConfig(), None)
    for id_ in range(1, 401):
        appraisal = AppraisalRecord(valence=-0.9 if id_ == 7 else 0.6, arousal=0.5)
        index.add(Row(id_, entry("tea" if id_ > 100 else "tea with milk"), None, None, appraisal))
    with small_shortlist():
        assert 7 in ask(index, "tea", k=2, feeling=(-1.0, None)).ids.tolist()


# ------------------------------------------------------------------------------------------------ associations


def test_what_associations_call_up_is_found_by_them_alone() -> None:
    index = index_of(entry("tea"), entry("rain"), entry("garden"), entry("milk"))
    ranking = ask(index, "tea", associated={2: 1.0, 3: 0.5, 99: 1.0})
    assert ranking.ids.tolist() == [1, 2, 3]
    weight = RecallConfig().associations
    assert share(ranking, "associations") == pytest.approx([0.0, weight, 0.5 * weight])
    assert ask(index, "tea", associated={2: 1.0}, config=RecallConfig(off=("associations",))).ids.tolist() == [1]
    assert ask(index, "tea", associated={}).ids.tolist() == [1]
    assert len(ask(index_of(), "tea", associated={2: 1.0}).ids) == 0


def test_what_is_called_up_must_pass_the_filters() -> None:
    index = index_of(entry("tea", source="Dana"), entry("rain", source="Bob"), entry("garden", source="Dana"))
    ranking = ask(index, "tea", associated={2: 1.0, 3: 1.0}, sources="Dana")
    assert ranking.ids.tolist() == [1, 3]
    index.mark(3, MarkRecord(forgotten=(1,)))
    assert ask(index, "tea", associated={2: 1.0, 3: 1.0}, sources="Dana").ids.tolist() == [1]
    assert len(ask(index, "tea", associated={2: 1.0}, sources="nobody").ids) == 0


def test_what_is_called_up_is_looked_at_among_many_too() -> None:
    index = index_of(*(entry(f"tea word{i}", source="Dana" if i % 2 else "Bob") for i in range(300)), entry("rain"))
    with small_shortlist(pool=2, friends=1):
        assert ask(index, "word7", k=3, associated={301: 1.0}).ids.tolist() == [8, 301]
        found = ask(index, "word7", k=3, associated={1: 1.0, 2: 0.9}, sources="Dana")
        assert found.ids.tolist() == [8, 2]


def test_memory_that_is_used_again_holds_nothing_of_a_recall_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels_module, "_LARGE", 4)
    index, small = index_of(), index_of(entry("tea"))
    cues = [(f"tea {7 * i % 80}", [np.cos(i), np.sin(i)]) for i in range(40)]

    def fill(first: int, stop: int) -> None:
        for row in range(first, stop):
            index.add(with_vector(row, entry(f"tea {row}", episode="e"), [np.cos(3 * row), np.sin(3 * row)]))

    def told(*, anew: bool) -> list[Ranking]:
        found = []
        for text, vector in cues:
            if anew:
                monkeypatch.setattr(channels_module, "_scratch", threading.local())
            found.append(ask(index, text, k=1, vector=vector))
        return found

    def agree() -> bool:
        again = told(anew=False)
        return all(same(one, other) for one, other in zip(again, told(anew=True), strict=True))

    with small_shortlist(pool=4, friends=2):
        fill(1, 80)
        told(anew=True)
        assert agree()
        with monkeypatch.context() as broken:
            broken.setattr(channels_module._Scoring, "_favour", None)
            for text, vector in cues:
                with pytest.raises(TypeError):
                    ask(index, text, k=1, vector=vector)  # broken off when its columns are full
        ask(small, "tea")
        assert agree()
        fill(80, 85)
        assert agree()


@pytest.mark.parametrize("others", [0, 1, 2, 8, 40])
def test_a_few_texts_of_another_language_make_no_name_rare(tmp_path: Path, others: int) -> None:
    with te.open(tmp_path / "mind") as mind:
        english = (
            "Dana said that the shop was open after lunch number",
            "We think that the shop was open after lunch number",
        )
        mind.remember_many(te.Experience(text=f"{english[n % 2]} {n}.") for n in range(400))
        rare = mind.remember("We saw it on the way to the harbour and it was a zeppelin.")
        mind.remember_many(
            te.Experience(text=f"Dana war heute nicht in der K\u00fcche Nummer {n}.") for n in range(others)
        )
        assert mind.recall("Dana zeppelin")[0].id == rare
