import pytest

from thoughtengine.errors import InvalidArgumentError
from thoughtengine.memory.experience import LAYERS, Affect
from thoughtengine.memory.layers import LAYER_OF, layer_named
from thoughtengine.memory.layers.emotion import NEUTRAL_SALIENCE, appraise
from thoughtengine.memory.record import AppraisalRecord, MemoryRecord


def record(**fields: object) -> MemoryRecord:
    return MemoryRecord(**({"layer": 0, "at": 0, "added": 0, "text": "tea"} | fields))  # type: ignore[arg-type]


def test_there_are_five_and_their_codes_are_what_is_stored() -> None:
    assert tuple(LAYER_OF) == LAYERS == ("sensory", "emotion", "logic", "dream", "eternal")
    assert [LAYER_OF[name].code for name in LAYERS] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", LAYERS)
def test_each_is_found_by_name_and_says_how_long_it_keeps(name: str) -> None:
    layer = layer_named(name)
    assert layer.name == name
    assert layer.stays


@pytest.mark.parametrize("name", ["Sensory", "", "limbo", None, 0, b"sensory", ["sensory"]])
def test_there_is_no_sixth(name: object) -> None:
    with pytest.raises(InvalidArgumentError, match="layer: expected one of 'sensory', 'emotion'"):
        layer_named(name)


def test_only_the_eternal_does_not_fade() -> None:
    assert [name for name in LAYERS if not LAYER_OF[name].fades] == ["eternal"]


def test_what_was_concluded_is_inferred() -> None:
    assert [name for name in LAYERS if LAYER_OF[name].inferred] == ["logic", "dream"]


def test_sensory_refuses_what_was_made_from_memories() -> None:
    wrong = LAYER_OF["sensory"].wrong(record(derived_from=(1,)), None)
    assert wrong is not None
    assert wrong[0] == "derived_from"
    assert LAYER_OF["sensory"].wrong(record(), None) is None


@pytest.mark.parametrize("name", ["logic", "dream", "eternal"])
def test_the_others_take_it(name: str) -> None:
    assert LAYER_OF[name].wrong(record(derived_from=(1,)), None) is None


def test_a_feeling_needs_an_affect() -> None:
    wrong = LAYER_OF["emotion"].wrong(record(), None)
    assert wrong is not None
    assert wrong[0] == "affect"
    assert LAYER_OF["emotion"].wrong(record(), appraise(Affect(0.5, 0.5))) is None


def test_the_host_says_how_it_felt_and_salience_is_neutral() -> None:
    assert appraise(None) is None
    assert appraise(Affect(-1, 1)) == AppraisalRecord(
        valence=-1.0, arousal=1.0, surprise=None, salience=NEUTRAL_SALIENCE
    )
