import datetime as dt
import math
from typing import Any

import attrs
import pytest

import thoughtengine as te
from tests.strategies import NOON


def memory(**fields: Any) -> te.Memory:
    given = dict.fromkeys(attrs.fields_dict(te.Memory)) | {
        "id": 7, "layer": "sensory", "text": "Tea only now.", "at": NOON, "tags": (), "salience": 0.5,
        "strength": 1.0, "derived_from": (),
    }  # fmt: skip
    return te.Memory(**(given | fields))


@pytest.mark.parametrize(("valence", "arousal"), [(-1, 0), (1, 1), (0.0, 0.5), (-0.25, 1.0)])
def test_an_affect_lies_in_its_ranges(valence: float, arousal: float) -> None:
    affect = te.Affect(valence, arousal)
    assert (affect.valence, affect.arousal) == (valence, arousal)
    assert type(affect.valence) is type(affect.arousal) is float


@pytest.mark.parametrize("value", [-1.01, 1.01, math.nan, math.inf, -math.inf, True, "0", None, [], 1j, 10**400])
def test_a_valence_outside_is_refused(value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^valence: expected a number in \[-1, 1\]"):
        te.Affect(valence=value)


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, False, "high", None])
def test_an_arousal_outside_is_refused(value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^arousal: expected a number in \[0, 1\]"):
        te.Affect(arousal=value)


def test_without_arguments_it_is_neutral() -> None:
    assert te.Affect() == te.Affect(0.0, 0.0)


def test_what_was_handed_in_does_not_change() -> None:
    experience = te.Experience(text="tea")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        experience.text = "coffee"  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        memory().text = "coffee"  # type: ignore[misc]


def test_an_experience_has_the_arguments_of_remember() -> None:
    import inspect

    arguments = [name for name in inspect.signature(te.ThoughtEngine.remember).parameters if name != "self"]
    assert arguments == [field.name for field in attrs.fields(te.Experience)]


def test_a_memory_has_the_fields_of_the_contract() -> None:
    assert [field.name for field in attrs.fields(te.Memory)] == [
        "id", "key", "layer", "text", "at", "source", "tags", "episode", "affect", "surprise", "salience", "payload",
        "kind", "strength", "derived_from", "superseded_by",
    ]  # fmt: skip


def test_experiences_with_vectors_can_be_compared() -> None:
    import numpy as np

    vector = np.ones(3)
    assert te.Experience(text="a", vector=vector) == te.Experience(text="a", vector=vector)
    assert te.Experience(text="a", vector=vector) != te.Experience(text="a", vector=np.ones(3))


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "[7] 2024-05-08 12:00 Tea only now."),
        ({"source": "Dana"}, "[7] 2024-05-08 12:00 Dana: Tea only now."),
        ({"text": None, "payload": {}, "kind": "acme.note"}, "[7] 2024-05-08 12:00 <acme.note>"),
        ({"text": None, "payload": 0}, "[7] 2024-05-08 12:00 <payload>"),
        ({"text": None, "tags": ("work", "home")}, "[7] 2024-05-08 12:00 work home"),
        ({"text": "one\ntwo\u2028three"}, "[7] 2024-05-08 12:00 one two three"),
    ],
)
def test_a_memory_prints_as_one_line(fields: dict[str, Any], shown: str) -> None:
    assert str(memory(**fields)) == shown


def test_the_repr_names_what_there_is_and_is_short() -> None:
    shown = repr(memory(text="x" * 10_000, source="Dana", key="drink", superseded_by=9))
    assert "id=7" in shown
    assert "source='Dana', key='drink'" in shown
    assert shown.endswith("superseded_by=9)")
    assert len(shown) < 300
    assert "episode" not in shown


def test_the_repr_of_a_moment_has_its_offset() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    assert "at='2024-05-08T14:00:00+02:00'" in repr(memory(at=NOON.astimezone(zone)))
