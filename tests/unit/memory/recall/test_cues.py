from pathlib import Path

import pytest

import thoughtengine as te
from thoughtengine.memory.recall.cues import CUES, Cues, read_cues


def ask(path: Path, *cues: str, n: int = 3) -> None:
    with te.open(path, config=te.Config(recall=te.RecallConfig(cues=n))) as mind:
        for cue in cues:
            mind.recall(cue)


def test_the_last_cues_outlive_the_mind(tmp_path: Path) -> None:
    ask(tmp_path / "mind", "tea", "rain")
    assert read_cues(tmp_path / "mind") == ["tea", "rain"]
    ask(tmp_path / "mind", "garden", "train")
    assert read_cues(tmp_path / "mind") == ["rain", "garden", "train"]


def test_who_wants_none_keeps_none(tmp_path: Path) -> None:
    ask(tmp_path / "mind", "tea", n=0)
    assert not (tmp_path / "mind" / CUES).exists()
    with pytest.raises(te.InvalidArgumentError):
        te.RecallConfig(cues=-1)


def test_vectors_are_no_texts_and_long_texts_are_cut(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        mind.remember("tea", vector=[1.0, 0.0])
        mind.recall([1.0, 0.0])
        mind.recall("tea " * 1000)
    assert [len(cue) for cue in read_cues(tmp_path / "mind")] == [1000]


def test_a_kill_loses_at_most_the_last_few(tmp_path: Path) -> None:
    cues = Cues(tmp_path, 100)
    for n in range(70):
        cues.add(f"cue {n}")
    assert read_cues(tmp_path) == [f"cue {n}" for n in range(64)]


def test_an_erasure_takes_them_all(tmp_path: Path) -> None:
    with te.open(tmp_path / "mind") as mind:
        id_ = mind.remember("the secret is tea")
        for _ in range(40):
            mind.recall("the secret is tea")
        mind.forget(id_, erase=True)
        mind.recall("rain")
    assert read_cues(tmp_path / "mind") == ["rain"]


@pytest.mark.parametrize("data", [b"", b"[1]", b"{}", b"\xff"])
def test_a_file_that_is_none_of_ours_is_no_cue(tmp_path: Path, data: bytes) -> None:
    (tmp_path / CUES).write_bytes(data)
    assert read_cues(tmp_path) == []


def test_a_rehearsal_asks_what_was_asked(tmp_path: Path) -> None:
    hooks = te.Upgrades("acme")
    hooks.step("note", from_version=1, down=lambda note: note)(lambda note: note)
    with te.open(tmp_path / "mind") as mind:
        mind.remember("green tea", kind="acme.note", payload={"n": 1})
        mind.recall("tea")
        mind.recall("rain")
    found = te.rehearse(tmp_path / "mind", hooks=[hooks])
    assert (bool(found), found.n_cues, dict(found.changed)) == (True, 2, {})
