"""The next valence: `benchmarks.quality.feeling` on two documents of six sentences."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import feeling


def test_every_half_life_has_its_row(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    lines = [f"{name}_{10 * n}_{10 * n + 9},train,{3 + n % 2},3.0,3.0,words" for name in "ab" for n in range(6)]
    path.write_text("\n".join(["id,split,V,A,D,text", *lines, "c_0_9,train,3.0,3.0,3.0,alone"]), encoding="utf-8")
    documents = feeling.read(path)
    assert [part.tolist() for part in documents] == [[0.0, 0.5, 0.0, 0.5, 0.0, 0.5]] * 2
    rows = {str(row[0]): float(str(row[1])) for row in feeling.rows(documents)}
    assert len(rows) == len(feeling.HALF_LIVES) + 1
    assert rows["last value"] == pytest.approx(0.25)


def test_each_is_told_from_those_before_it() -> None:
    [mean] = feeling.errors([np.array([0.0, 1.0, 1.0])], 1e9)
    assert mean.tolist() == pytest.approx([1.0, 0.25], abs=1e-6)
