import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import thoughtengine as te
from tests.strategies import LONE
from thoughtengine.encoders import TokenEncoder, check_encoder, encode
from thoughtengine.encoders.static import StaticEncoder

pytest.importorskip("wordllama", reason="the extra `semantic` is not installed")


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    return te.encoders.wordllama()


def likeness(encoder: StaticEncoder, texts: Sequence[str]) -> float:
    first, second = encode(encoder, texts)
    return float(first @ second)


def test_wordllama_is_a_token_encoder(encoder: StaticEncoder) -> None:
    assert isinstance(encoder, TokenEncoder)
    check_encoder(encoder)
    assert (encoder.name, encoder.dimension, encoder.table.shape) == ("wordllama", 256, (32_000, 256))
    assert repr(encoder).startswith("StaticEncoder('wordllama', dimension=256")


def test_what_means_the_same_is_close(encoder: StaticEncoder) -> None:
    near = likeness(encoder, ["My dog had puppies.", "a pet gave birth"])
    assert near > likeness(encoder, ["My dog had puppies.", "the invoice is overdue"])


def test_a_vector_is_the_mean_over_tokens_as_the_package_itself_pools(encoder: StaticEncoder) -> None:
    from wordllama import WordLlama

    texts = ["I gave up coffee in March.", "Tea only now", "Zürich, 月 and 🙂", "x" * 3000]
    theirs = WordLlama.load(cache_dir=folder(), disable_download=True).embed(texts, norm=True)
    assert encode(encoder, texts) == pytest.approx(theirs, abs=1e-5)


def folder() -> Path:
    import wordllama

    return Path(wordllama.__file__).parent


def test_tokens_are_told_text_by_text(encoder: StaticEncoder) -> None:
    together = encoder.tokens(["green tea", "coffee"])
    assert [mine.dtype for mine in together] == [np.int32, np.int32]
    assert [mine.tolist() for mine in together] == [
        encoder.tokens([text])[0].tolist() for text in ("green tea", "coffee")
    ]


def test_many_texts_give_what_each_gives_alone(encoder: StaticEncoder) -> None:
    many = [f"cup {n} of green tea, and then some rain in the garden" for n in range(500)]
    alone = np.concatenate([encode(encoder, [text]) for text in many])
    assert encode(encoder, many).tobytes() == alone.tobytes()


def test_a_text_that_no_utf8_can_say_is_encoded_too(encoder: StaticEncoder) -> None:
    assert np.isfinite(encode(encoder, [f"tea {LONE}"])).all()


def test_only_the_beginning_of_a_huge_text_is_read(encoder: StaticEncoder) -> None:
    long = "tea and rain " * 6_000
    assert encode(encoder, [long])[0].tobytes() == encode(encoder, [long + "coffee " * 100_000])[0].tobytes()


def test_the_fingerprint_is_the_same_each_time(encoder: StaticEncoder) -> None:
    assert te.encoders.wordllama().fingerprint == encoder.fingerprint


def test_the_table_cannot_be_written(encoder: StaticEncoder) -> None:
    with pytest.raises(ValueError, match="read-only"):
        encoder.table[0] = 0.0


def test_without_the_package_the_message_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wordllama", None)
    with pytest.raises(te.MissingPackageError, match=r"pip install 'thoughtengine\[semantic\]'"):
        te.encoders.wordllama()


def test_a_package_with_other_weights_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "wordllama").mkdir()
    (tmp_path / "wordllama" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "wordllama", raising=False)
    with pytest.raises(te.MissingPackageError, match="has no tokenizers"):
        te.encoders.wordllama()


def test_nothing_heavy_is_imported_before_it_is_asked_for_nor_the_package_itself_after() -> None:
    code = (
        "import sys, thoughtengine as te; te.encoders; heavy = {'numpy', 'tokenizers', 'safetensors', 'wordllama'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "te.encoders.wordllama()(['tea']); assert not {'wordllama', 'requests', 'pydantic'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
