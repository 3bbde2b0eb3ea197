import math
from pathlib import Path
from typing import Any

import attrs
import pytest

import thoughtengine as te


def whole_numbers() -> list[tuple[type, str]]:
    kinds = (te.Limits, te.StorageConfig)
    return [(kind, field.name) for kind in kinds for field in attrs.fields(kind) if field.name != "rollback_copy"]


@pytest.mark.parametrize("value", [0, 1, "yes", None])
def test_a_copy_of_its_own_is_wanted_or_not(value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^rollback_copy: expected True or False"):
        te.StorageConfig(rollback_copy=value)


CHANNELS = ("text", "labels", "dense", "dense_weighted", "time", "source", "episode", "neighbours")
WEIGHTS = [field.name for field in attrs.fields(te.RecallConfig) if field.name not in ("off", "cues")]


@pytest.mark.parametrize(("kind", "name"), whole_numbers())
@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, [], 1 << 60, 10**400])
def test_limits_and_sizes_are_whole_numbers_from_one(kind: type, name: str, value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=f"^{name}: expected a whole number from 1 to "):
        kind(**{name: value})


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, True, "1", None, [], 1j, 1e7])
def test_weights_are_numbers_from_zero(name: str, value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=rf"^{name}: expected a number in \[0, "):
        te.RecallConfig(**{name: value})


@pytest.mark.parametrize("value", ["time", None, 5, ("clock",), [[]], ("time", None), {"time"}])
def test_only_channels_can_be_switched_off(value: Any) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^off: expected a tuple of names of channels: text, labels"):
        te.RecallConfig(off=value)


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_can_be_switched_off(name: str, tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", config=te.Config(recall=te.RecallConfig(off=(name,)))) as mind:
        mind.remember("tea", source="Dana", episode="e", at="2024-05-08T12:00:00+00:00")
        mind.remember("coffee", source="Dana", episode="e")
        cue = te.Cue("Dana tea on 8 May 2024", vector=[1.0, 0.0], episode="e")
        assert all(name not in hit.why for hit in mind.recall(cue))


@pytest.mark.parametrize("name", ["limits", "storage", "recall"])
@pytest.mark.parametrize("value", [None, {}, "big", te.Config()])
def test_a_group_is_of_its_kind(name: str, value: Any) -> None:
    with pytest.raises(
        te.InvalidArgumentError, match=f"^{name}: expected a te.{'|'.join(['Limits', 'Storage', 'Recall'])}"
    ):
        te.Config(**{name: value})


@pytest.mark.parametrize("value", [{}, 5, "fast", te.Limits(), te.Config])
def test_open_takes_a_config_and_nothing_else(value: Any, tmp_path: Path) -> None:
    with pytest.raises(te.InvalidArgumentError, match=r"^config: expected te\.Config"):
        te.open(tmp_path / "mind", config=value)
    assert not (tmp_path / "mind").exists()


def test_settings_do_not_change() -> None:
    for group in (te.Config(), te.Limits(), te.StorageConfig(), te.RecallConfig()):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(group, attrs.fields(type(group))[0].name, 1)


def test_a_setting_that_does_not_exist_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        te.Config(colour="red")  # type: ignore[call-arg]


LIMITED: list[tuple[dict[str, int], dict[str, Any]]] = [
    ({"text_bytes": 4}, {"text": "teas!"}),
    ({"text_bytes": 4}, {"text": "日本"}),
    ({"name_bytes": 4}, {"text": "tea", "source": "Danas"}),
    ({"name_bytes": 4}, {"text": "tea", "key": "Danas"}),
    ({"name_bytes": 4}, {"text": "tea", "episode": "Danas"}),
    ({"name_bytes": 4}, {"text": "tea", "kind": "Danas"}),
    ({"name_bytes": 4}, {"text": "tea", "tags": ["Danas"]}),
    ({"tags": 1}, {"text": "tea", "tags": ["a", "b"]}),
    ({"payload_depth": 1}, {"text": "tea", "payload": [[1]]}),
    ({"payload_bytes": 4}, {"text": "tea", "payload": "teas!"}),
    ({"vector_dimension": 2}, {"text": "tea", "vector": [1, 2, 3]}),
    ({"derived_from": 1}, {"text": "tea", "layer": "logic", "derived_from": [1, 2]}),
]


@pytest.mark.parametrize(("limits", "fields"), LIMITED)
def test_each_limit_is_kept(limits: dict[str, int], fields: dict[str, Any], tmp_path: Path) -> None:
    with te.open(tmp_path / "mind", config=te.Config(limits=te.Limits(**limits))) as mind:
        mind.remember_many([te.Experience(tags=["a"]), te.Experience(tags=["a"])])
        with pytest.raises(te.InvalidArgumentError):
            mind.remember(**fields)
        assert len(mind) == 2


def test_what_just_fits_is_taken_in(tmp_path: Path) -> None:
    limits = te.Limits(text_bytes=3, name_bytes=4, tags=1, payload_depth=1, payload_bytes=4, vector_dimension=2, k=1)
    with te.open(tmp_path / "mind", config=te.Config(limits=limits)) as mind:
        id_ = mind.remember("tea", source="Dana", tags=["work", "work"], payload=[1, 2, 3], vector=[0, 1])
        assert mind[id_].tags == ("work",)
        assert len(mind.recall("tea", k=1)) == 1
        with pytest.raises(te.InvalidArgumentError, match=r"a whole number from 1 to 1$|from 1 to 1;"):
            mind.recall("tea", k=2)
