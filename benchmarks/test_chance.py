"""How sure: `benchmarks.quality.chance` on four small conversations of two kinds."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import chance, fitting, sureness
from thoughtengine.memory.recall.chance import Prior

TALK = {
    "tea": (
        "Dana",
        "Bob",
        ["I gave up coffee.", "Tea then?", "Green tea, every morning.", "We moved to Lisbon.", "Nice!"],
    ),
    "sea": (
        "Ann",
        "Tim",
        ["The boat leaks.", "Again?", "I patched the hull.", "My sister called.", "About the wedding?"],
    ),
}
ASKED = {
    "tea": [("Who gave up coffee?", 0), ("Which tea does Dana drink?", 2), ("Where did Dana move?", 3)],
    "sea": [("Why does the boat leak?", 0), ("Did Ann patch the hull?", 2), ("Who called Ann?", 3)],
}


def write(path: Path, name: str, n: int) -> Path:
    one, other, texts = TALK[name]
    turns = [
        {
            "id": str(i),
            "episode": "1",
            "at": f"2023-05-0{n}T13:5{i % 5}:00+00:00",
            "source": (one, other)[i % 2],
            "text": text if i < 5 else f"{text} {i}",
        }
        for i, text in enumerate(texts * 3)
    ]
    questions = [{"question": text, "category": 1, "evidence": [str(at)]} for text, at in ASKED[name]]
    questions.append({"question": f"What did {other} buy?", "category": 5, "evidence": ["1"]})
    path.write_text(json.dumps({"turns": turns, "questions": questions}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[sureness.Asked]:
    folder = tmp_path_factory.mktemp("conversations")
    paths = [
        write(folder / f"{kind}-{n}.json", name, n)
        for kind in ("chat", "talk")
        for n, name in enumerate(("tea", "sea", "tea"), 1)
    ]
    return chance.ask(sureness.files(paths), None)


def test_questions_of_every_kind_are_asked(asked: list[sureness.Asked]) -> None:
    assert {one.about for one in asked} >= {"whole", "pieces", "together", "adversarial", *sureness.FOREIGN}
    assert all(not one.useful.any() for one in asked if one.about in sureness.FOREIGN)
    assert any(one.useful.any() for one in asked if one.about == "whole")


def test_nothing_is_judged_by_models_that_saw_it(asked: list[sureness.Asked]) -> None:
    seen: list[set[int]] = []

    def spy(some: Sequence[sureness.Asked]) -> Prior:
        seen.append({number for one in some for number in one.files})
        return fitting.fit(some)

    judged = chance.judge_unseen(asked, spy)
    assert {one.about for one, _, _ in judged} >= {"whole", "other"}
    assert all(any(one.files.isdisjoint(numbers) for numbers in seen) for one, _, _ in judged)


def test_every_table_has_rows(asked: list[sureness.Asked], capsys: pytest.CaptureFixture[str]) -> None:
    chance.tables(asked)
    shown = capsys.readouterr().out
    for row in ("chat, whole, no encoder, k = 5", "90 to 100 %", "talk, adversarial", "taught", "without match"):
        assert row in shown


def test_a_fitted_prior_is_written_as_it_stands(asked: list[sureness.Asked]) -> None:
    prior = fitting.fit(asked)
    namespace = {"Prior": Prior}
    exec(chance.written(prior), namespace)
    again = namespace["PRIOR"]
    assert isinstance(again, Prior)
    assert np.allclose(again.hit, prior.hit, rtol=1e-3)


def test_a_logistic_model_is_found_again() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(2.0, 3.0, (20_000, 2))
    y = (rng.random(len(x)) < 1 / (1 + np.exp(-(0.5 + x @ [1.0, -0.5])))).astype(float)
    assert fitting.logistic(x, y, np.ones(len(x))) == pytest.approx([0.5, 1.0, -0.5], abs=0.1)


def test_errors_of_chances() -> None:
    p = np.array([0.1] * 10 + [0.9] * 10)
    right = np.array([True] + [False] * 9 + [True] * 9 + [False])
    assert fitting.calibration_error(p, right) == pytest.approx(0.0)
    assert fitting.calibration_error(p, ~right) == pytest.approx(80.0)
    assert fitting.calibration_error(p, right, mass=True) < 20.0
    assert fitting.floor(p) > 1.0


def test_rejection_and_area() -> None:
    own, others = np.arange(100.0), np.arange(100.0) - 50.0
    assert fitting.rejected(own, others) == pytest.approx(0.55)
    assert fitting.area(own, own) == 0.5
    assert fitting.area(own + 1000.0, others) == 1.0
