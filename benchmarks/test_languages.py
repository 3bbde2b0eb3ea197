"""Questions in many languages: `benchmarks.quality.languages` on its own file."""

import pytest

from benchmarks.quality import languages


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, list[int]]]:
    read = languages.read()
    return {name: languages.places(opener, read) for name, opener in languages.CONTESTANTS.items()}


def test_the_set_is_wide_enough_to_mean_something() -> None:
    read = languages.read()
    assert len(read) >= 15
    assert all(len(language.facts) >= 8 for language in read)
    facts = [fact for language in read for fact, _ in language.facts]
    assert len(set(facts)) == len(facts)


def test_facts_are_found_in_every_language(found: dict[str, dict[str, list[int]]]) -> None:
    for name, places in found["thoughtengine"].items():
        assert languages.share(places, 3) >= 60, name


def test_no_simpler_search_finds_more_in_any_language(found: dict[str, dict[str, list[int]]]) -> None:
    for rival in languages.RIVALS:
        for name, places in found[rival].items():
            assert languages.share(found["thoughtengine"][name], 3) >= languages.share(places, 3), (rival, name)


def test_a_row_a_language_and_one_for_all() -> None:
    few = languages.read()[:2]
    rows = languages.rows(few, {"English stems": languages.English})
    assert [row[0] for row in rows] == [few[0].name, few[1].name, "all"]
    assert rows[-1][1] == sum(len(language.facts) for language in few)
