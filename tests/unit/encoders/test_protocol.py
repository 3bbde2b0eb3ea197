from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.strategies import ToyEncoder, ToyTokenEncoder
from thoughtengine.encoders import Encoder, TokenEncoder, check_encoder, encode, spell
from thoughtengine.errors import InvalidArgumentError, VectorDimensionError


class Answering:
    """An encoder that gives a fixed answer."""

    name, dimension, fingerprint = "fixed", 2, "fixed-1"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __call__(self, texts: Sequence[str]) -> Any:
        return self.answer


def test_a_sound_encoder_passes() -> None:
    encoder = ToyEncoder()
    assert isinstance(encoder, Encoder)
    check_encoder(encoder)
    vectors = encode(encoder, ["tea", "coffee and tea"])
    assert vectors.shape == (2, 8)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""), ("name", None), ("name", 3), ("fingerprint", ""), ("fingerprint", b"x"),
        ("dimension", 0), ("dimension", True), ("dimension", 2.0), ("dimension", None),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(name: str, value: Any) -> None:
    encoder = ToyEncoder()
    setattr(encoder, name, value)
    with pytest.raises(InvalidArgumentError, match=name):
        check_encoder(encoder)


def test_an_encoder_is_called() -> None:
    with pytest.raises(InvalidArgumentError, match="called"):
        check_encoder(type("Mute", (), {"name": "m", "dimension": 2, "fingerprint": "f"})())
    with pytest.raises(InvalidArgumentError):
        check_encoder(None)


def test_no_texts_no_call() -> None:
    encoder = ToyEncoder()
    assert encode(encoder, []).shape == (0, 8)
    assert encoder.calls == []


@pytest.mark.parametrize(
    "answer", [[[1, 2], [3, 4]], np.ones((2, 2)), np.ones((2, 2), np.float16), np.asfortranarray(np.ones((2, 2)))]
)
def test_numbers_of_any_kind_become_float32(answer: Any) -> None:
    vectors = encode(Answering(answer), ["a", "b"])
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous


@pytest.mark.parametrize(
    "answer",
    [
        None, "tea", [["a", "b"], ["c", "d"]], [[1, 2]], [1, 2], np.ones((3, 2)), np.ones((2, 2, 1)),
        [[1, 2], [3]], [[1, float("nan")], [0, 0]], [[float("inf"), 1], [0, 0]], [[1e300, 1], [0, 0]],
        np.ones((2, 2), complex), [[1j, 1], [1, 1]], [["1", "2"], ["3", "4"]], np.ones((2, 2), "datetime64[s]"),
        [[10**400, 1], [0, 0]],
    ],
)  # fmt: skip
def test_an_answer_that_is_no_array_of_vectors_is_refused(answer: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="fixed"):
        encode(Answering(answer), ["a", "b"])


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(VectorDimensionError) as raised:
        encode(Answering(np.ones((2, 3), np.float32)), ["a", "b"])
    assert (raised.value.given_dimension, raised.value.have) == (3, 2)


class Tokens(ToyEncoder):
    """A toy that shows tokens and a table."""

    def __init__(self, table: Any) -> None:
        super().__init__()
        self.table = table

    def tokens(self, texts: Sequence[str]) -> list[Any]:
        return [np.zeros(1, np.int32) for _ in texts]


def test_a_token_encoder_has_a_table_of_its_dimension() -> None:
    sound = Tokens(np.ones((5, 8), np.float32))
    assert isinstance(sound, TokenEncoder)
    check_encoder(sound)
    assert not isinstance(ToyEncoder(), TokenEncoder)
    for table in (None, [[1.0] * 8], np.ones((5, 8)), np.ones(8, np.float32)):
        with pytest.raises(InvalidArgumentError, match="table"):
            check_encoder(Tokens(table))
    with pytest.raises(VectorDimensionError):
        check_encoder(Tokens(np.ones((5, 7), np.float32)))


def test_words_are_spelled_by_the_encoder() -> None:
    encoder = ToyTokenEncoder("tea", "green")
    assert [mine.tolist() for mine in spell(encoder, ["green", "rain", "tea"])] == [[1], [], [0]]
    assert spell(encoder, []) == []


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        [[0]],
        [np.zeros((1, 1), np.int32)],
        [np.zeros(1)],
        [np.array([2], np.int32)],
        [np.array([-1], np.int32)],
    ],
)
def test_tokens_that_are_none_of_the_tables_are_refused(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = ToyTokenEncoder("tea", "green")
    monkeypatch.setattr(encoder, "tokens", lambda texts: answer)
    with pytest.raises(InvalidArgumentError, match="toy tokens"):
        spell(encoder, ["tea"])
