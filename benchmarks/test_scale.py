"""From a thousand to a million: a small run of `benchmarks.scale`, and its yardstick held against plain NumPy."""

import contextlib
import json
from pathlib import Path

import numpy as np

from benchmarks import growth, scale, yardstick
from benchmarks.footprint import index_files, on_disk, reading
from benchmarks.peers.thoughtengine import Mind
from benchmarks.workloads import Cloud, sentences, texts


def test_every_figure_of_a_size_is_measured(tmp_path: Path) -> None:
    plan = growth.Plan(60, None, tmp_path)
    measured = scale.measure(plan)
    row = measured.row()
    assert len(row) == len(scale.HEADS)
    assert row[0] == 60
    assert measured.agreement >= 0.99
    assert len(measured.judged()) >= 3
    assert json.loads(plan.progress.read_text())[0] == 60


def test_what_was_remembered_is_not_remembered_again(tmp_path: Path) -> None:
    begun = growth.Plan(40, None, tmp_path)
    growth.fill(begun)
    begun.mind.rename(tmp_path / "mind-60")
    begun.progress.rename(tmp_path / "mind-60.json")
    whole = growth.Plan(60, None, tmp_path)
    growth.fill(whole)
    growth.fill(whole)
    assert json.loads(whole.progress.read_text())[0] == 60
    with contextlib.closing(Mind(whole.mind, power=False)) as keeper:
        assert [memory.text for memory in keeper.mind.memories()] == [item.text for item in whole.items()]


def test_the_yardstick_finds_what_is_most_alike() -> None:
    cloud = Cloud(64)
    rows, cues = cloud.rows(0, 3_000), cloud.cues(range(20))
    signs = yardstick.codes(rows)
    wanted = np.argsort(-(cues @ rows.T), axis=1, kind="stable")[:, :10]
    assert np.array_equal(yardstick.exact(rows, cues, 10), wanted)
    found = [yardstick.twice(rows, signs, cue, 10).tolist() for cue in cues]
    assert np.mean([len({*a} & {*b}) / 10 for a, b in zip(found, wanted.tolist(), strict=True)]) > 0.8
    assert [a[0] for a in found] == list(range(20))


def test_any_part_of_a_cloud_is_made_alone() -> None:
    cloud = Cloud(16)
    whole = cloud.rows(0, 9_000)
    assert np.array_equal(whole[4_000:8_500], cloud.rows(4_000, 8_500))
    assert np.allclose(np.linalg.norm(whole, axis=1), 1.0, atol=1e-5)


def test_sentences_come_again_with_other_words(tmp_path: Path) -> None:
    path = tmp_path / "diary.jsonl"
    path.write_text(json.dumps({"text": "Up. And to the office early. Home to dinner, and then to bed."}) + "\n")
    assert sentences(path) == ["Up. And to the office early.", "Home to dinner, and then to bed."]
    made = list(texts(6, path))
    assert made[:2] == sentences(path)
    assert len(set(made)) == 6


def test_files_of_the_index_are_told_from_others(tmp_path: Path) -> None:
    for name in ("index/a", "index-2", "gen-000001/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    assert {path.name for path in index_files(tmp_path)} == {"a", "index-2"}
    assert on_disk(tmp_path) == 15
    assert reading(index_files(tmp_path)) > 0.0
