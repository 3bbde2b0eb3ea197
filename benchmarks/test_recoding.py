"""Another encoder: a small run of `benchmarks.recoding`."""

from pathlib import Path

import pytest

from benchmarks import recoding
from benchmarks.workloads import texts


def test_it_looks_until_the_other_encoder_has_taken_over(tmp_path: Path) -> None:
    pytest.importorskip("wordllama")
    row = recoding.take_over(tmp_path / "mind", list(texts(400)), off=recoding.BY_MEANING, n_cues=20)
    assert len(row) == len(recoding.HEADS)
    name, before, after, least, *_ = row
    assert name == "by meaning"
    assert min(float(str(each)) for each in (before, after)) > 50
    assert float(str(least)) > 0
