"""What holds for every ranking, and the whole of it against a slow twin in plain Python."""

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.indexes import NOON, ask, index_of, record, same, small_shortlist
from thoughtengine.config import RecallConfig
from thoughtengine.memory.index.analysis import FUNCTION_WORDS, fold_text, stem, words
from thoughtengine.memory.index.entry import date_words, make_entry
from thoughtengine.memory.index.index import Index
from thoughtengine.memory.record import MarkRecord, MemoryRecord
from thoughtengine.memory.where import parse_where

WORDS = ("tea", "teas", "coffee", "milk", "rain", "Dana", "Bob", "work", "wednesday", "the")
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
records = st.builds(
    record,
    st.one_of(st.none(), sentences),
    source=st.sampled_from([None, "Dana", "Bob", "Dana Bob"]),
    episode=st.sampled_from([None, "a", "b"]),
    tags=st.sampled_from([("x",), ("x", "work")]),
)
crowds = st.lists(records, min_size=1, max_size=40)


def built(taken: list[MemoryRecord], pairs: list[tuple[int, int]], hidden: list[int]) -> tuple[Index, dict[int, int]]:
    """Return an index with revisions and forgotten memories, and what replaced what."""
    index, later = index_of(*map(make_entry, taken)), {}
    for one, other in pairs:
        old, new = sorted((one % len(taken) + 1, other % len(taken) + 1))
        if old != new:
            later[old] = new
    for id_ in range(1, len(taken) + 1):
        index.mark(id_, MarkRecord(superseded_by=later.get(id_), forgotten=(1,) if id_ in hidden else ()))
    return index, later


pairs = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=8)
hidden = st.lists(st.integers(1, 40), max_size=4)
wheres = st.sampled_from([{}, {"sources": "Dana"}, {"tags": "work"}, {"episode": ["a", "b"]}])


@given(crowds, pairs, hidden, sentences, st.integers(1, 12), wheres, st.booleans())
def test_every_ranking_is_sound(
    taken: list[MemoryRecord],
    pairs: list[tuple[int, int]],
    hidden: list[int],
    cue: str,
    k: int,
    where: dict[str, Any],
    few: bool,
) -> None:
    index, later = built(taken, pairs, hidden)
    if few:
        with small_shortlist(pool=1, friends=1):
            ranking = ask(index, cue, k=k, **where)
    else:
        ranking = ask(index, cue, k=k, **where)
    ids, scores = ranking.ids.tolist(), ranking.scores.tolist()
    view = index.view()
    allowed = set(view.ids[view.select(parse_where(**where), NOON)].tolist())
    assert set(ids) <= allowed
    assert len(ids) == len(set(ids)) <= k
    assert all(score > 0.0 for score in scores)
    assert ranking.shares.sum(axis=1) == pytest.approx(scores, abs=1e-9)
    assert (ranking.shares >= 0.0).all()
    assert scores == sorted(scores, reverse=True)
    folds = [int(view.columns.fold[id_ - 1]) for id_ in ids]
    superseded = {int(view.columns.fold[id_ - 1]) for id_ in later.keys() & allowed}
    for (one, fold), (other, _) in pairwise(zip(ids, folds, strict=True)):  # of equals the newer, or what stands for it
        assert scores[ids.index(one)] > scores[ids.index(other)] or one > other or fold in superseded
    assert len(set(folds) - {0}) == len([fold for fold in folds if fold])
    for mine, fold, n_repeats in zip(ids, folds, ranking.n_repeats.tolist(), strict=True):
        same_fold = {id_ for id_ in allowed if fold and view.columns.fold[id_ - 1] == fold}
        assert n_repeats == (0 if mine in later else len(same_fold - later.keys() - {mine}))
    for place, old in enumerate(ids):
        version = old
        while (version := later.get(version, 0)) and old in later:
            stand = [at for at, fold in enumerate(folds) if fold and fold == view.columns.fold[version - 1]]
            if version in ids:
                assert ids.index(version) < place
            elif version in allowed and not few and stand and version not in later:
                assert stand[0] <= place, "what repeats the newest version stands for it"


@given(crowds, sentences, st.integers(1, 5))
def test_fewer_are_the_first_of_more(taken: list[MemoryRecord], cue: str, k: int) -> None:
    index = index_of(*map(make_entry, taken))
    assert ask(index, cue, k=k).ids.tolist() == ask(index, cue, k=50).ids.tolist()[:k]


@given(crowds, sentences, sentences)
def test_looking_changes_no_later_answer(taken: list[MemoryRecord], cue: str, other: str) -> None:
    index = index_of(*map(make_entry, taken))
    first = ask(index, cue)
    ask(index, other, k=3, sources="Dana")
    assert same(first, ask(index, cue))


# ------------------------------------------------------------------------------------------------ the slow twin


def stems(text: str) -> list[str]:
    return [stem(word) for word in words(fold_text(text))]


def bm25(bags: list[Counter[str]], average: float, word: str) -> list[float]:
    """Return what a word of rarity 1 gives to every bag of words, and 0 where it does not occur."""
    return [
        bag[word] * 2.2 / (bag[word] + 1.2 * (0.25 + 0.75 * bag.total() / (average or 1.0))) if bag[word] else 0.0
        for bag in bags
    ]


def slowly(taken: list[MemoryRecord], cue: str) -> list[float]:
    """Return the score of every memory, worked out as the documentation says."""
    config, n = RecallConfig(), len(taken)
    texts = [Counter(stems(of.text or "")) for of in taken]
    names = [
        set(stems(f"{of.source or ''} {' '.join(of.tags)} {' '.join(date_words(of.at // 86_400_000_000))}"))
        for of in taken
    ]
    labels = [Counter(name) for name in names]
    spoken = {stem(word): word for word in reversed(words(fold_text(cue)))}
    spoken = {stemmed: spoken[stemmed] for stemmed in dict.fromkeys(stems(cue))}
    n_texts = sum(bag.total() > 0 for bag in texts)
    mean_text = sum(bag.total() for bag in texts) / (n_texts or 1)
    mean_label = sum(bag.total() for bag in labels) / n
    said, named, whole = [0.0] * n, [0.0] * n, 0.0
    for word in spoken:
        frequency = max(sum(word in bag for bag in texts), sum(word in bag for bag in labels))
        rare = math.log(1 + (n - frequency + 0.5) / (frequency + 0.5)) ** config.rarity if frequency else 0.0
        rare *= config.function_words if spoken[word] in FUNCTION_WORDS else 1.0
        said = [a + config.text * rare * b for a, b in zip(said, bm25(texts, mean_text, word), strict=True)]
        named = [a + config.labels * rare * b for a, b in zip(named, bm25(labels, mean_label, word), strict=True)]
        whole += 2.2 * rare
    said = [value / (whole or 1.0) for value in said]
    spoken_of = {word for word in spoken if any(word in bag for bag in texts)}
    complete = bool(spoken_of) and any(spoken_of <= set(bag) for bag in texts)
    scores = []
    for at, of in enumerate(taken):
        episode = [i for i, other in enumerate(taken) if other.episode == of.episode] if of.episode else [at]
        place = episode.index(at)
        lent = [
            share * said[episode[place + step]]
            for step, share in ((-1, config.near), (1, config.near), (-2, config.far), (2, config.far))
            if 0 <= place + step < len(episode)
        ]
        lean = min(1.0, math.sqrt(config.context_words / max(texts[at].total(), 1)))
        score = said[at] + named[at] / (whole or 1.0)
        lent_in_all = lean * (max(lent, default=0.0) + config.echo * (sum(lent) - max(lent, default=0.0)))
        score += max(lent_in_all / 2 - said[at], 0.0) if complete else lent_in_all
        who = set(stems(of.source or ""))
        scores.append(score * (1 + config.source) if who and who <= set(spoken) else score)
    return scores


@given(crowds, sentences)
def test_the_score_is_what_the_documentation_says(taken: list[MemoryRecord], cue: str) -> None:
    expected = slowly(taken, cue)
    ranking = ask(index_of(*map(make_entry, taken)), cue, k=100)
    for id_, score in zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True):
        assert score == pytest.approx(expected[id_ - 1], rel=1e-5)  # it counts in single precision
    best = max(expected)
    assert ranking.scores.tolist()[:1] == ([pytest.approx(best, rel=1e-5)] if best > 0 else [])
